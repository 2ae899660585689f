//! Sums in single precision: rounding grows with the logarithm of how much is added, along any axes, in values and gradients, on
//! the tape, in programs and in maps.
//!
//! Each is held to the same sum in double precision. Added one after another, these would be off by 10^-5 to 10^-2.

use retrograd::program::Options;
use retrograd::{Element, Points, Tape, Tensor, Var, functional};

const N: usize = 1 << 20;

/// Numbers between 0.7 and 1.3, the same in both precisions.
fn numbers<T: Element>(shape: &[usize]) -> Tensor<T> {
    let mut k = 0;
    Tensor::from_fn(shape, |_| {
        k += 1;
        T::from_f64(f64::from(0.7f32 + (k % 7) as f32 * 0.1))
    })
}

/// A function's value, on the tape and by a program.
fn values<T: Element>(
    shape: &[usize],
    threads: usize,
    f: impl for<'t> Fn(Var<'t, T>) -> Var<'t, T>,
) -> [(&'static str, Tensor<T>); 2] {
    let x = numbers::<T>(shape);
    let tape = Tape::<T>::of();
    let mut program = Options::new().threads(threads).compile(std::slice::from_ref(&x), |v| vec![f(v[0])]).unwrap();
    program.run(&[&x]).unwrap();
    [("tape", f(tape.data(&x)).value()), ("program", program.tensor(0))]
}

/// A function's gradient, likewise.
fn slopes<T: Element>(
    shape: &[usize],
    threads: usize,
    f: impl for<'t> Fn(Var<'t, T>) -> Var<'t, T>,
) -> [(&'static str, Tensor<T>); 2] {
    let x = numbers::<T>(shape);
    let mut program =
        Options::new().threads(threads).gradient(&[0]).compile(std::slice::from_ref(&x), |v| vec![f(v[0])]).unwrap();
    program.run(&[&x]).unwrap();
    [("tape, gradient", functional::grad(f, x)), ("program, gradient", program.tensor(1))]
}

#[track_caller]
fn close(what: &str, most: f64, single: [(&'static str, Tensor<f32>); 2], double: [(&'static str, Tensor<f64>); 2]) {
    for ((engine, single), (_, double)) in single.iter().zip(double) {
        assert_eq!(single.shape(), double.shape());
        let largest = double.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
        let off = single.iter().zip(double.iter()).fold(0.0, |m: f64, (&x, &y)| m.max((f64::from(x) - y).abs()));
        let off = off / largest;
        assert!(off <= most, "{what} of {}, {engine}: off by {off:e}, may be {most:e}", double.shape());
    }
}

/// The function in both precisions, with one and several threads.
macro_rules! hold {
    ($of:ident, $what:expr, $shapes:expr, $most:expr, |$x:ident| $f:expr) => {
        for (shape, threads) in $shapes.into_iter().zip([1, 3, 2].into_iter().cycle()) {
            let shape: &[usize] = &shape;
            close($what, $most, $of::<f32>(shape, threads, |$x| $f), $of::<f64>(shape, threads, |$x| $f));
        }
    };
}

/// Some units in the last place, of 6e-8; and one for each doubling, where equal numbers are added, which all round to one side.
const FEW: f64 = 4e-7;
const DOUBLINGS: f64 = 20.0 * 6e-8;

#[test]
fn sums_along_any_axes_round_like_the_logarithm_of_their_length() {
    hold!(values, "sum", [[N]], FEW, |x| x.sum(()));
    hold!(values, "sum of squares", [[N]], FEW, |x| x.square().sum(()));
    hold!(values, "rows", [[1, N], [4, N / 4]], FEW, |x| x.sum(1));
    hold!(values, "rows of squares", [[1, N], [3, N / 4]], FEW, |x| x.square().sum(1));
    hold!(values, "columns", [[N, 1], [N / 3, 3], [N / 16, 16], [N / 300, 300], [N / 1024, 1024]], FEW, |x| x.sum(0));
    hold!(values, "columns of squares", [[N / 3, 3], [N / 300, 300], [N / 1024, 1024]], FEW, |x| x.square().sum(0));
    hold!(values, "middle axis", [[3, N / 12, 4]], FEW, |x| x.sum(1));
    hold!(values, "outer axes", [[N / 64, 4, 16], [64, 4, N / 256]], FEW, |x| x.sum([0, 2]));
    hold!(values, "mean", [[N / 3, 3]], FEW, |x| x.mean(0));
    hold!(values, "variance", [[N / 3, 3], [N / 1024, 1024]], 2e-6, |x| x.var(0, 1));
}

#[test]
fn norms_softmax_and_their_kin_round_like_the_logarithm_of_their_length() {
    hold!(values, "norm2", [[1, N], [4, N / 4]], FEW, |x| x.norm2(1));
    hold!(values, "norm1", [[N]], FEW, |x| x.abs().sum(()));
    hold!(values, "softmax", [[1, N]], FEW, |x| x.softmax(1));
    hold!(values, "logsumexp", [[1, N]], FEW, |x| x.logsumexp(1));
    hold!(values, "log_softmax", [[1, N]], FEW, |x| x.log_softmax(1));
    hold!(values, "running sums", [[1, N]], FEW, |x| x.cumsum(1));
    hold!(values, "squared error", [[N]], FEW, |x| x.squared_error(x * 0.0));
    hold!(values, "cross-entropy", [[1, N]], FEW, |x| x.cross_entropy(&[0]));
    hold!(slopes, "cross-entropy", [[1, N]], FEW, |x| x.cross_entropy(&[0]));
    hold!(slopes, "logsumexp", [[1, N]], FEW, |x| x.logsumexp(1).sum(()));
    hold!(slopes, "running sums", [[1, N]], FEW, |x| x.cumsum(1).sum(()));
}

#[test]
fn gradients_of_what_is_used_often_round_like_the_logarithm_of_how_often() {
    let rows: Vec<usize> = (0..N).map(|i| if i % 5 == 0 { i / 5 % 3 } else { 1 }).collect();
    hold!(slopes, "a row met often", [[3, 1], [3, 2]], FEW, |x| (x * 0.1).gather(0, &rows).sum(()));
    hold!(slopes, "a number used everywhere", [[1]], DOUBLINGS, |x| { (x.broadcast_to([N]) * 0.1).square().sum(()) });
    hold!(slopes, "a bias", [[3], [300]], DOUBLINGS, |x| {
        let n = x.shape()[0];
        (x.broadcast_to([N / n, n]) * 0.3).tanh().sum(())
    });
    hold!(slopes, "a column", [[3, 1]], DOUBLINGS, |x| (x.broadcast_to([3, N]) * 0.3).tanh().sum(()));
}

#[test]
fn products_with_a_long_inner_dimension_round_like_its_logarithm() {
    // A row, dots, one tile, blocks.
    hold!(values, "x x'", [[1, N], [5, N / 8], [20, N / 64]], DOUBLINGS, |x| x.matmul(x.t()));
    hold!(values, "x' x", [[N, 1], [N / 8, 5], [N / 64, 20], [N / 64, 100]], DOUBLINGS, |x| x.t().matmul(x));
}

#[test]
fn a_map_sums_its_points_as_a_program_does() {
    let (x, at): (Vec<f32>, Vec<u32>) = ((0..N).map(|i| 0.7 + (i % 7) as f32 * 0.1).collect(), (0..N as u32).collect());
    let exact: f64 = x.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    let mut map = Options::new().map_gradient::<f32>(1, 1, &[], |x, s| x[0] * x[0] * s[0]).unwrap();
    for points in [Points::new(N).column(&x), Points::new(N).gathered(&x, 1, &at)] {
        let mut gradient = [0.0];
        let sum = map.gradient(&points, &[1.0], &mut gradient).unwrap();
        for found in [sum, gradient[0]] {
            assert!((f64::from(found) / exact - 1.0).abs() < FEW, "{found}, not {exact}");
        }
    }
}
