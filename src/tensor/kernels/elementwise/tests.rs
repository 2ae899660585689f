//! Every lane has the bits of its op on that number alone, in any length, place and walk.

use super::*;
use crate::num::Upstream;
use crate::num::elementwise::{BinaryVisitor, BuiltinBinary};
use crate::num::math::{AnyAngle, Fused, Plain};
use crate::num::simd::{Level, level};
use crate::tensor::kernels::chunks::vector;

/// Numbers where ops have their edges, then others.
fn numbers<T: Element>(n: usize, seed: usize) -> Vec<T> {
    let edges = [0.0, -0.0, 1.0, -1.0, 0.5, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e30, -7e8, 6.0, 3e15, 1e-310];
    let number = |i: usize| match (i * 7 + seed) % 3 {
        0 => edges[(i + seed) % edges.len()],
        1 => ((i * 37 + seed * 11) % 199) as f64 / 33.0 - 3.0,
        _ => ((i * 53 + seed * 5) % 97) as f64 / 97.0 + 0.01,
    };
    (0..n).map(|i| T::from_f64(number(i))).collect()
}

fn assert_same<T: Element>(what: &str, found: &[T], expected: impl Iterator<Item = T>) {
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let (a, b) = (found.to_f64(), expected.to_f64());
        assert!(a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()), "{what}, lane {i}: {a}, not {b}");
    }
}

/// Calls `check` with the mode of the instruction set, for any angle. It fuses in software where the test's own code has no
/// such instruction, with the same bits.
macro_rules! in_mode {
    ($check:ident::<$T:ty $(, $O:ty)?>($($argument:expr),*)) => {
        match level() {
            Level::Plain => $check::<$T $(, $O)?, AnyAngle<Plain>>($($argument),*),
            _ => $check::<$T $(, $O)?, AnyAngle<Fused>>($($argument),*),
        }
    };
}

fn lengths<T>() -> impl Iterator<Item = usize> {
    let v = vector::<T>();
    [0, 1, 3, v - 1, v, v + 1, 2 * v + 5, 5 * v - 2, 1031].into_iter()
}

fn check_unary<T: Element, O: BuiltinUnary, M: Mode>(op: O) {
    let hidden = T::from_f64(f64::NAN);
    for n in lengths::<T>() {
        let (x, g) = (numbers::<T>(n, 1), numbers::<T>(n, 5));
        let mut y = vec![hidden; n];
        unary(op.wrap(), &x, &mut y);
        assert_same(O::NAME, &y, x.iter().map(|x| T::leave(op.value(x.enter::<M>()))));
        let mut found = g.clone();
        unary_vjp(op.wrap(), &x, &y, &mut found);
        let rule = (0..n).map(|i| {
            let x = if O::SAVES.x { x[i] } else { hidden };
            let y = if O::SAVES.out { y[i] } else { hidden };
            T::leave(op.vjp(x.enter::<M>(), y.enter::<M>(), Upstream(g[i].enter::<M>())).0)
        });
        assert_same(&format!("{}' of {n}", O::NAME), &found, rule);
        // A single lane has a way of its own.
        for (i, x) in x.iter().enumerate().take(120) {
            let (mut one, mut slope) = ([hidden], [g[i]]);
            unary(op.wrap(), std::slice::from_ref(x), &mut one);
            unary_vjp(op.wrap(), std::slice::from_ref(x), &one, &mut slope);
            assert_same(O::NAME, &one, std::iter::once(y[i]));
            assert_same(&format!("{}'", O::NAME), &slope, std::iter::once(found[i]));
        }
    }
}

fn every_unary<T: Element>() {
    struct Visit<T>(std::marker::PhantomData<T>);
    impl<T: Element> UnaryVisitor for Visit<T> {
        type Output = ();
        fn visit<O: BuiltinUnary>(self, op: O) {
            in_mode!(check_unary::<T, O>(op));
        }
    }
    UnaryOp::all().into_iter().for_each(|op| op.with(Visit::<T>(std::marker::PhantomData)));
}

#[test]
fn one_argument_ops_have_the_bits_of_each_number_alone() {
    every_unary::<f32>();
    every_unary::<f64>();
}

/// Shapes of both arguments and the output: rows and columns shorter and longer than what is staged, and many axes.
fn shapes() -> Vec<[Vec<usize>; 3]> {
    let mut shapes: Vec<[Vec<usize>; 3]> = Vec::new();
    for n in [1, 5, 16, 37, 600] {
        shapes.extend([[vec![n], vec![n], vec![n]], [vec![n], vec![], vec![n]], [vec![1], vec![n], vec![n]]]);
    }
    for (r, c) in [(1, 3), (7, 1), (5, 7), (40, 16), (23, 70), (3, 511), (4, 512), (3, 1600)] {
        let full = || vec![r, c];
        shapes.extend([
            [full(), vec![c], full()],
            [full(), vec![r, 1], full()],
            [vec![1, c], full(), full()],
            [vec![r, 1], vec![c], full()],
        ]);
    }
    shapes.push([vec![2, 5, 3, 9], vec![5, 1, 9], vec![2, 5, 3, 9]]);
    shapes.push([vec![2, 1, 3, 1], vec![5, 1, 9], vec![2, 5, 3, 9]]);
    shapes.push([vec![2, 5, 1, 600], vec![2, 1, 3, 1], vec![2, 5, 3, 600]]);
    shapes.push([vec![0, 3], vec![3], vec![0, 3]]);
    shapes
}

/// The elements of an argument for each lane, by its definition.
fn stretched<T: Copy>(out: &[usize], shape: &[usize], x: &[T]) -> Vec<T> {
    let lanes = out.iter().product::<usize>();
    let element = |mut lane: usize| {
        let (mut at, mut step) = (0, 1);
        for (axis, &length) in out.iter().enumerate().rev() {
            let own = (axis + shape.len()).checked_sub(out.len()).map_or(1, |i| shape[i]);
            at += if own == 1 { 0 } else { lane % length * step };
            step *= own;
            lane /= length;
        }
        x[at]
    };
    (0..lanes).map(element).collect()
}

fn check_binary<T: Element, O: BuiltinBinary, M: Mode>(op: O, shapes: &[[Vec<usize>; 3]]) {
    let hidden = T::from_f64(f64::NAN);
    for [of_x, of_y, of_out] in shapes {
        let count = |shape: &[usize]| shape.iter().product::<usize>();
        let n = count(of_out);
        let (x, y, g) = (numbers::<T>(count(of_x), 2), numbers::<T>(count(of_y), 3), numbers::<T>(n, 7));
        let plan = Plan::new(of_out, of_x, of_y);
        let (xs, ys) = (stretched(of_out, of_x, &x), stretched(of_out, of_y, &y));
        let mut out = vec![hidden; n];
        binary(op.wrap(), &plan, &x, &y, &mut out);
        let what = format!("{} of {of_x:?} and {of_y:?}", O::NAME);
        assert_same(&what, &out, (0..n).map(|i| T::leave(op.value(xs[i].enter::<M>(), ys[i].enter::<M>()))));
        for side in [Side::X, Side::Y] {
            let mut found = g.clone();
            binary_vjp(op.wrap(), side, BinaryInputs { plan: &plan, x: &x, y: &y, out: &out }, &mut found);
            let saves = O::SAVES[(side == Side::Y) as usize];
            let rule = (0..n).map(|i| {
                let [x, y, out] = [(saves.x, xs[i]), (saves.y, ys[i]), (saves.out, out[i])]
                    .map(|(is_read, x)| if is_read { x } else { hidden }.enter::<M>());
                let g = Upstream(g[i].enter::<M>());
                T::leave(if side == Side::X { op.vjp_x(x, y, out, g) } else { op.vjp_y(x, y, out, g) }.0)
            });
            assert_same(&format!("{what}, {side:?}"), &found, rule);
        }
    }
}

fn every_binary<T: Element>() {
    struct Visit<'a, T>(&'a [[Vec<usize>; 3]], std::marker::PhantomData<T>);
    impl<T: Element> BinaryVisitor for Visit<'_, T> {
        type Output = ();
        fn visit<O: BuiltinBinary>(self, op: O) {
            in_mode!(check_binary::<T, O>(op, self.0));
        }
    }
    let shapes = shapes();
    BinaryOp::all().into_iter().for_each(|op| op.with(Visit::<T>(&shapes, std::marker::PhantomData)));
}

#[test]
fn two_argument_ops_have_the_bits_of_each_pair_of_numbers_alone_in_every_walk() {
    every_binary::<f32>();
    every_binary::<f64>();
}

#[test]
fn a_copy_is_stretched_as_its_plan_says() {
    for [shape, _, out] in shapes() {
        let x = numbers::<f64>(shape.iter().product(), 4);
        let mut found = vec![f64::NAN; out.iter().product()];
        copy(&Plan::new(&out, &shape, &[]), &x, &mut found);
        assert_same("copy", &found, stretched(&out, &shape, &x).into_iter());
    }
}
