//! One implementation: a number, an element of a tensor, whatever its place, and a dual number have the same bits, in value and
//! derivative. `benches/lanes` does this for all numbers of single precision.

use super::*;
use crate::num::{Dual, Number};
use crate::ops::{BuiltinBinary, BuiltinUnary};
use crate::{Tape, Tensor};

/// Numbers of single precision so many patterns apart, of both signs and every size, NaN among them; then special ones.
fn sample(apart: u32) -> Vec<f32> {
    let special =
        [0.0, 1.0, 0.5, 2.0, f32::MIN_POSITIVE, 1e-45, f32::MAX, f32::INFINITY, f32::NAN, 17.0, 88.8, 1e5, 1e9];
    let patterns = (0..u32::MAX / apart).map(|k| f32::from_bits(k * apart));
    patterns.chain(special.into_iter().flat_map(|x| [x, -x])).collect()
}

/// NaN has many patterns.
fn same<T: Element>(a: T, b: T) -> bool {
    a.to_f64().to_bits() == b.to_f64().to_bits() || (a.to_f64().is_nan() && b.to_f64().is_nan())
}

fn is_ordinary<T: Element>(x: T) -> bool {
    let least = if T::NAME == "f32" { f64::from(f32::MIN_POSITIVE) } else { f64::MIN_POSITIVE };
    x.to_f64().is_finite() && x.to_f64().abs() >= least
}

/// Upstream gradients that are so small, or large, that they leave the range together with numbers of their kind.
fn upstreams<T: Element>() -> [T; 2] {
    let power: f64 = if T::NAME == "f32" { 100.0 } else { 900.0 };
    [-power, power].map(|power| T::from_f64(power.exp2()))
}

/// An adjoint begins as 0, to which -0 adds nothing. And where a derivative is out of range or subnormal, numbers may go there by
/// another way, which ends a rounding apart or in a number where the other does not.
fn same_slope<T: Element>(is_far: bool, a: T, b: T) -> bool {
    let ordinary = |x: T| is_ordinary(x);
    same(a, b) || a == b || is_far && !(ordinary(a) && ordinary(b))
}

/// Tensors of these lengths: vector and rest.
const LENGTHS: [usize; 3] = [17, 3, 1];

fn unary_has_one_implementation<T: Element, O: BuiltinUnary>(op: O, numbers: &[T]) {
    let mut tape = Tape::<T>::of();
    for (k, all) in numbers.chunks(17).enumerate() {
        for xs in all.chunks(LENGTHS[k % 3]) {
            tape.clear();
            let t = tape.var(Tensor::new([xs.len()], xs.to_vec()).unwrap());
            let y = Number::unary(t, op);
            let (values, slopes) = (y.value().to_vec(), y.sum(()).backward().wrt(t).to_vec());
            for (i, &x) in xs.iter().enumerate() {
                let s = tape.var(x);
                let (y, dual) = (Number::unary(s, op), Number::unary(Dual::variable(x), op));
                let slope = y.backward().item(s);
                let found = [[y.item(), slope], [dual.value, dual.tangent]];
                for ([value, slope], what) in found.into_iter().zip(["number", "dual number"]) {
                    let right = [values[i], slopes[i]];
                    assert!(
                        same(value, right[0]) && same_slope(O::FAR, slope, right[1]),
                        "{op:?} ({}) of {x:e}, {what}: {value:e} and {slope:e}; in a tensor of {}: {:e} and {:e}",
                        T::NAME,
                        xs.len(),
                        right[0],
                        right[1]
                    );
                }
            }
        }
    }
}

#[test]
fn one_argument_ops_have_one_implementation() {
    let singles = sample(9_999_991);
    let doubles: Vec<f64> = singles.iter().map(|&x| f64::from(x) * 1.000_000_03).collect();
    fn check<O: BuiltinUnary>(op: O, singles: &[f32], doubles: &[f64]) {
        unary_has_one_implementation(op, singles);
        unary_has_one_implementation(op, doubles);
    }
    struct Visit<'a>(&'a [f32], &'a [f64]);
    impl ops::UnaryVisitor for Visit<'_> {
        type Output = ();
        fn visit<O: BuiltinUnary>(self, op: O) {
            check(op, self.0, self.1);
        }
    }
    UnaryOp::all().into_iter().for_each(|op| op.with(Visit(&singles, &doubles)));
}

/// The derivatives of an op by both arguments, times an upstream gradient: of tensors, and of their numbers.
fn slopes<T: Element, O: BuiltinBinary>(tape: &Tape<T>, op: O, [x, y]: [Tensor<T>; 2], g: T) -> [Vec<T>; 2] {
    let (a, b) = (tape.var(x), tape.var(y));
    let out = Number::binary(a, op, b);
    let grads = out.try_backward_with(Tensor::full(out.shape(), g)).unwrap();
    [a, b].map(|x| grads.wrt(x).to_vec())
}

/// Where a derivative is an ordinary number and its product with an upstream gradient is one, the product is both numbers' and
/// tensors': what lies in between does not leave the range. (A quotient's derivative by its divisor goes by g / y instead, which
/// gives numbers where that derivative, x / y^2, is none.)
#[test]
fn products_with_upstream_gradients_far_from_1_are_those_of_the_derivatives() {
    fn check<T: Element, O: BuiltinBinary>(op: O, numbers: &[T]) {
        let mut tape = Tape::<T>::of();
        let partners: Vec<T> =
            numbers.iter().cycle().skip(numbers.len() / 3).step_by(7).take(numbers.len()).copied().collect();
        // Both arguments of one size, too: as lengths have.
        let near: Vec<T> = numbers.iter().map(|&x| x * T::from_f64(0.75)).collect();
        for (x, y) in numbers.iter().zip(&partners).chain(numbers.iter().zip(&near)) {
            tape.clear();
            let rows = || [*x, *y].map(|x| Tensor::full([3], x));
            let one = slopes(&tape, op, rows(), T::from_f64(1.0));
            for g in upstreams::<T>() {
                let tensors = slopes(&tape, op, rows(), g);
                let numbers = slopes(&tape, op, [*x, *y].map(Tensor::scalar), g);
                for (((one, tensor), number), name) in one.iter().zip(&tensors).zip(&numbers).zip(["f_x", "f_y"]) {
                    let right = T::from_f64(one[1].to_f64() * g.to_f64());
                    let by_divisor = name == "f_y" && ["div", "over"].contains(&O::NAME);
                    if by_divisor || !is_ordinary(one[1]) || !is_ordinary(right) {
                        continue;
                    }
                    for (found, what) in [(tensor[1], "in a tensor"), (number[0], "a number")] {
                        let error = (found.to_f64() / right.to_f64() - 1.0).abs();
                        assert!(
                            error <= 4.0 * T::EPSILON,
                            "{op:?} ({}) of {x:e} and {y:e}, {name} times {g:e}, {what}: {found:e}, not {right:e}",
                            T::NAME
                        );
                    }
                }
            }
        }
    }
    let singles = sample(39_999_971);
    let doubles: Vec<f64> = singles.iter().map(|&x| f64::from(x) * 1.000_000_03).collect();
    struct Visit<'a>(&'a [f32], &'a [f64]);
    impl ops::BinaryVisitor for Visit<'_> {
        type Output = ();
        fn visit<O: BuiltinBinary>(self, op: O) {
            check(op, self.0);
            check(op, self.1);
        }
    }
    BinaryOp::all().into_iter().for_each(|op| op.with(Visit(&singles, &doubles)));
}

#[test]
fn two_argument_ops_have_one_implementation() {
    fn check<T: Element, O: BuiltinBinary>(op: O, numbers: &[T]) {
        let mut tape = Tape::<T>::of();
        let partners: Vec<T> =
            numbers.iter().cycle().skip(numbers.len() / 3).step_by(7).take(numbers.len()).copied().collect();
        for (xs, ys) in numbers.chunks(17).zip(partners.chunks(17)) {
            tape.clear();
            let of = |x: &[T]| Tensor::new([x.len()], x.to_vec()).unwrap();
            let (a, b) = (tape.var(of(xs)), tape.var(of(ys)));
            let out = Number::binary(a, op, b);
            let grads = out.sum(()).backward();
            let tensors = [out.value().to_vec(), grads.wrt(a).to_vec(), grads.wrt(b).to_vec()];
            for (i, (&x, &y)) in xs.iter().zip(ys).enumerate() {
                let (a, b) = (tape.var(x), tape.var(y));
                let out = Number::binary(a, op, b);
                let grads = out.backward();
                let numbers = [out.item(), grads.item(a), grads.item(b)];
                for ((name, found), right) in ["value", "f_x", "f_y"].iter().zip(numbers).zip(&tensors) {
                    assert!(
                        if *name == "value" { same(found, right[i]) } else { same_slope(O::FAR, found, right[i]) },
                        "{op:?} ({}) of {x:e} and {y:e}, {name}: {found:e}, in a tensor {:e}",
                        T::NAME,
                        right[i]
                    );
                }
            }
        }
    }
    let singles = sample(3_999_971);
    let doubles: Vec<f64> = singles.iter().map(|&x| f64::from(x) * 1.000_000_03).collect();
    struct Visit<'a>(&'a [f32], &'a [f64]);
    impl ops::BinaryVisitor for Visit<'_> {
        type Output = ();
        fn visit<O: BuiltinBinary>(self, op: O) {
            check(op, self.0);
            check(op, self.1);
        }
    }
    BinaryOp::all().into_iter().for_each(|op| op.with(Visit(&singles, &doubles)));
}
