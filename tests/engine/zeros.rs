//! A zero upstream stays zero, and so does a zero tangent: by every op on whole tensors, whatever is inside, at first and second
//! order, swept, recorded, forward and in programs.
//!
//! Each op takes two items. The second one is poisoned, and selected away; then it has no gradient, and the first item has the
//! one that it has alone.

use retrograd::ops::{BinaryOp, BinaryVisitor, BuiltinBinary, BuiltinUnary, UnaryOp, UnaryVisitor};
use retrograd::{Dual, Element, Number, Program, Tape, Tensor, Triangle, Var};

type Formula<T> = for<'t> fn(&[Var<'t, T>]) -> Var<'t, T>;

/// Ordinary numbers, symmetric and positive definite where they are square matrices.
fn ordinary<T: Element>(shape: &[usize], seed: usize) -> Tensor<T> {
    let number = |at: &[usize]| {
        let (i, j) = (at[at.len() - 2], at[at.len() - 1]);
        let mixed = ((i + 1) * (j + 1) * (seed + 3)) as f64 + (i + j + at[0]) as f64 * 0.7;
        mixed.sin() * 0.4 + if i == j { 1.5 + i as f64 } else { 0.0 }
    };
    Tensor::from_fn(shape, |at| T::from_f64(number(at)))
}

/// Every op on whole tensors that is no matter of layout, over items along the first axis.
fn formulas<T: Element>() -> Vec<(&'static str, Vec<[usize; 3]>, Formula<T>)> {
    let rows = || vec![[2, 1, 4]];
    let square = || vec![[2, 3, 3]];
    vec![
        ("softmax", rows(), |x| x[0].softmax(-1)),
        ("log_softmax", rows(), |x| x[0].log_softmax(-1)),
        ("logsumexp", rows(), |x| x[0].logsumexp(-1)),
        ("max", rows(), |x| x[0].max(-1)),
        ("min", rows(), |x| x[0].min(-1)),
        ("norm1", rows(), |x| x[0].norm1(-1)),
        ("norm2", rows(), |x| x[0].norm2(-1)),
        ("norm_inf", rows(), |x| x[0].norm_inf(-1)),
        ("std", rows(), |x| x[0].std(-1, 1)),
        ("var", rows(), |x| x[0].var(-1, 1)),
        ("mean", rows(), |x| x[0].mean(-1)),
        ("prod", rows(), |x| x[0].prod(-1)),
        ("cumsum", rows(), |x| x[0].cumsum(-1)),
        ("matmul", vec![[2, 3, 4], [2, 4, 2]], |x| x[0].matmul(x[1])),
        ("matmul_tn", vec![[2, 4, 3], [2, 4, 2]], |x| x[0].matmul_tn(x[1])),
        ("matmul_nt", vec![[2, 3, 4], [2, 2, 4]], |x| x[0].matmul_nt(x[1])),
        ("a matrix times a vector", vec![[2, 3, 4], [2, 4, 1]], |x| x[0].matmul(x[1])),
        ("a vector times a matrix", vec![[2, 1, 4], [2, 4, 3]], |x| x[0].matmul(x[1])),
        ("det", square(), |x| x[0].det()),
        ("slogdet", square(), |x| x[0].slogdet().1),
        ("inv", square(), |x| x[0].inv()),
        ("solve", vec![[2, 3, 3], [2, 3, 2]], |x| x[0].solve(x[1])),
        ("solve_triangular", vec![[2, 3, 3], [2, 3, 2]], |x| x[0].solve_triangular(x[1], Triangle::Lower)),
        ("cholesky", square(), |x| x[0].cholesky()),
        ("q of qr", vec![[2, 4, 3]], |x| x[0].qr().0),
        ("r of qr", vec![[2, 4, 3]], |x| x[0].qr().1),
        ("values of eigh", square(), |x| x[0].eigh().0),
        ("vectors of eigh", square(), |x| x[0].eigh().1),
        ("u of svd", vec![[2, 4, 3]], |x| x[0].svd().0),
        ("values of svd", vec![[2, 3, 4]], |x| x[0].svd().1),
        ("v of svd", vec![[2, 3, 4]], |x| x[0].svd().2),
        ("squared errors", vec![[2, 3, 2], [2, 3, 2]], |x| {
            let item = |k: usize| x[0].rows_of(k).squared_error(x[1].rows_of(k)).reshape([1]);
            Var::concat(&[item(0), item(1)], 0)
        }),
        ("cross-entropies", vec![[2, 3, 2]], |x| {
            let item = |k: usize| x[0].rows_of(k).cross_entropy(&[0, 1, 1]).reshape([1]);
            Var::concat(&[item(0), item(1)], 0)
        }),
    ]
}

trait Item {
    fn rows_of(self, k: usize) -> Self;
}
impl<T: Element> Item for Var<'_, T> {
    /// Item `k`, without the first axis.
    fn rows_of(self, k: usize) -> Self {
        let shape = self.shape();
        self.slice((k..k + 1, .., ..)).reshape(&shape.dims()[1..])
    }
}

/// The sum of the first item's results, each with a weight of its own.
fn selected<'t, T: Element>(tape: &'t Tape<T>, y: Var<'t, T>) -> Var<'t, T> {
    let shape = y.shape();
    let first = Tensor::from_fn(shape.dims(), |at| T::from_f64(if at[0] == 0 { 1.0 } else { 0.0 }));
    let weights = Tensor::from_fn(shape.dims(), |at| T::from_f64(1.0 + at.iter().sum::<usize>() as f64 * 0.3));
    (tape.data(first).select(y, T::from_f64(0.0)) * tape.data(weights)).sum(())
}

/// The gradients of first and second order of what is selected, and of a recorded tangent.
fn gradients<'t, T: Element>(tape: &'t Tape<T>, f: Formula<T>, x: &[Var<'t, T>]) -> Vec<Var<'t, T>> {
    let y = f(x);
    let slopes = tape.grad(selected(tape, y), x);
    let squares = slopes.iter().map(|slope| slope.square().sum(())).reduce(|sum, square| sum + square).unwrap();
    let curvatures = tape.grad(squares, x);
    let along: Vec<_> = x.iter().map(|&x| (x, tape.data(direction::<T>(x.shape().dims())))).collect();
    let tangent = tape.try_record_jvp(y, &along).unwrap();
    let mixed = tape.grad((tangent.square() * T::from_f64(0.5)).sum(()), x);
    slopes.into_iter().chain(curvatures).chain(mixed).collect()
}

/// A tangent of the first item alone.
fn direction<T: Element>(shape: &[usize]) -> Tensor<T> {
    Tensor::from_fn(shape, |at| T::from_f64(if at[0] == 0 { 0.5 - at[1] as f64 * 0.2 } else { 0.0 }))
}

fn halves<T: Element>(x: &Tensor<T>) -> [&[T]; 2] {
    let (first, second) = x.as_slice().split_at(x.as_slice().len() / 2);
    [first, second]
}

/// What does not hold, if anything.
fn broken<T: Element>(what: &str, found: &[Tensor<T>], wanted: &[Tensor<T>]) -> Option<String> {
    for (k, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        let ([first, second], [wanted, _]) = (halves(found), halves(wanted));
        if !second.iter().all(|x| x.as_f64() == 0.0) {
            return Some(format!("{what}, {k}: what is not selected has {second:?}"));
        }
        for (found, wanted) in first.iter().zip(wanted) {
            let (found, wanted) = (found.as_f64(), wanted.as_f64());
            let close = (found - wanted).abs() <= 64.0 * T::EPSILON * wanted.abs().max(1.0);
            if !close {
                return Some(format!("{what}, {k}: what is selected has {found:e}, alone {wanted:e}"));
            }
        }
    }
    None
}

fn every_op_keeps_zeros<T: Element>() {
    let mut all_broken = Vec::new();
    for (name, shapes, f) in formulas::<T>() {
        let alone: Vec<Tensor<T>> = shapes.iter().enumerate().map(|(k, shape)| ordinary(shape, k)).collect();
        let run = |x: &[Tensor<T>]| {
            let tape = Tape::<T>::of();
            let x: Vec<_> = x.iter().map(|x| tape.var(x)).collect();
            let swept = selected(&tape, f(&x)).backward();
            let swept: Vec<_> = x.iter().map(|&x| swept.wrt(x)).collect();
            let along: Vec<_> = x.iter().map(|&x| (x, direction::<T>(x.shape().dims()).into())).collect();
            let tangent = tape.jvp(f(&x), &along).unwrap().into_tensor();
            let recorded: Vec<_> = gradients(&tape, f, &x).iter().map(|x| x.value()).collect();
            (swept, vec![tangent], recorded)
        };
        let wanted = run(&alone);
        let compiled = Program::compile(&alone, |tape, x| gradients(tape, f, x));
        let mut compiled = compiled.unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut poisons = 0;
        for poison in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0] {
            for whole in [true, false] {
                let mut x = alone.clone();
                for x in &mut x {
                    let half = x.as_slice().len() / 2;
                    let poisoned = &mut x.as_mut_slice()[half..];
                    let count = if whole { poisoned.len() } else { 1 };
                    poisoned[..count].fill(T::from_f64(poison));
                }
                let tape = Tape::<T>::of();
                let leaves: Vec<_> = x.iter().map(|x| tape.var(x)).collect();
                if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| f(&leaves))).is_err() {
                    // A value that is refused, as that of an inverse of zeros.
                    continue;
                }
                poisons += 1;
                let what = format!("{name}, {poison} {}", if whole { "everywhere" } else { "in one place" });
                let found = run(&x);
                all_broken.extend(broken(&format!("{what}, swept"), &found.0, &wanted.0));
                all_broken.extend(broken(&format!("{what}, forward"), &found.1, &wanted.1));
                all_broken.extend(broken(&format!("{what}, recorded"), &found.2, &wanted.2));
                let inputs: Vec<&Tensor<T>> = x.iter().collect();
                compiled.run(&inputs).unwrap();
                let found: Vec<_> = (0..wanted.2.len()).map(|k| compiled.tensor(k)).collect();
                all_broken.extend(broken(&format!("{what}, program"), &found, &wanted.2));
            }
        }
        // A matrix with NaN in it is not positive definite: that value is refused, selected or not.
        assert_eq!(poisons == 0, name == "cholesky", "{name}: {poisons} poisons have a value");
    }
    assert!(all_broken.is_empty(), "{} are broken:\n{}", all_broken.len(), all_broken.join("\n"));
}

#[test]
fn a_zero_upstream_stays_zero_in_every_op_on_whole_tensors_in_double_precision() {
    every_op_keeps_zeros::<f64>();
}

#[test]
fn a_zero_upstream_stays_zero_in_every_op_on_whole_tensors_in_single_precision() {
    every_op_keeps_zeros::<f32>();
}

struct Of<S>(S);
impl<S: Number> UnaryVisitor for Of<S> {
    type Output = S;
    fn visit<O: BuiltinUnary>(self, op: O) -> S {
        self.0.unary(op)
    }
}
struct OfTwo<S>(S, S);
impl<S: Number> BinaryVisitor for OfTwo<S> {
    type Output = S;
    fn visit<O: BuiltinBinary>(self, op: O) -> S {
        self.0.binary(op, self.1)
    }
}

const SPECIAL: [f64; 12] =
    [0.0, -0.0, 1.0, -1.0, 5e-324, 1e-200, -1e200, f64::MAX, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 0.5];

/// What an elementwise op makes of numbers, of either kind.
#[derive(Clone, Copy, Debug)]
enum Op {
    One(UnaryOp),
    Two(BinaryOp),
}

impl Op {
    fn all() -> impl Iterator<Item = Self> {
        UnaryOp::all().into_iter().map(Op::One).chain(BinaryOp::all().into_iter().map(Op::Two))
    }
    fn of<S: Number>(self, x: S, y: S) -> S {
        match self {
            Op::One(op) => op.with(Of(x)),
            Op::Two(op) => op.with(OfTwo(x, y)),
        }
    }
}

/// Gradients of first to third order of what is not selected, and of its tangents.
#[test]
fn a_zero_upstream_stays_zero_in_every_elementwise_op_at_special_values_to_third_order() {
    let mut broken = Vec::new();
    for op in Op::all() {
        for x in SPECIAL {
            for y in SPECIAL.into_iter().filter(|_| matches!(op, Op::Two(_)) || x.to_bits() == 0) {
                let tape = Tape::new();
                let at = [tape.var([x, 0.25]), tape.var([y, 0.75])];
                let mut total = tape.data([0.0, 1.0]).select(op.of(at[0], at[1]), 0.0).sum(());
                for order in 1..=3 {
                    let slopes = tape.grad(total, &at);
                    if slopes.iter().any(|slope| slope.value().as_slice()[0] != 0.0) {
                        broken.push(format!("{op:?} at ({x}, {y}), order {order}, recorded"));
                    }
                    let swept = total.backward();
                    if at.iter().any(|&at| swept.wrt(at).as_slice()[0] != 0.0) {
                        broken.push(format!("{op:?} at ({x}, {y}), order {order}, swept"));
                    }
                    total = (slopes[0] + slopes[1] * 0.5).square().sum(());
                }
                // Forward, where nothing moves: once, and over a tangent that does not move either.
                type D = Dual<Dual<f64>>;
                let still = op.of(D::constant(Dual::constant(x)), D::constant(Dual::constant(y)));
                let numbers = [still.tangent.value, still.tangent.tangent, still.value.tangent];
                if numbers.iter().any(|&x| x != 0.0) {
                    broken.push(format!("{op:?} at ({x}, {y}), dual numbers: {numbers:?}"));
                }
                let still = tape.jvp(op.of(at[0], at[1]), &at.map(|at| (at, Tensor::from([0.0, 1.0]).into()))).unwrap();
                if still.as_slice()[0] != 0.0 {
                    broken.push(format!("{op:?} at ({x}, {y}), forward"));
                }
                // Numbers, whose gradient is stopped by a factor of 0.
                let at = tape.vars(&[x, y]);
                let stopped = op.of(at[0], at[1]) * 0.0;
                let swept = stopped.backward().items(&at);
                if swept.iter().any(|&x| x != 0.0) {
                    broken.push(format!("{op:?} at ({x}, {y}), numbers: {swept:?}"));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{} are broken:\n{}", broken.len(), broken.join("\n"));
}
