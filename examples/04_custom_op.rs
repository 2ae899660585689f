//! Lesson 4: ops of your own.
//!
//! Teaches the three ways, from one line of calculus to code that nobody can differentiate for you:
//! an elementwise op, an op on whole tensors, and an op with a rule in plain numbers.
//! Prints their gradients beside those of the same formula from built-in ops.
//!
//! Run: `cargo run --example 04_custom_op`

use retrograd::ops::Saves;
use retrograd::{Algebra, CustomOp, Element, Error, Float, Number, NumericOp, Result, Tape, Tensor, Unary, Upstream};

/// y = x^3 + bend x, elementwise; the parameter is a field.
#[derive(Clone, Copy, Debug)]
struct BentCube {
    bend: f64,
}

impl Unary for BentCube {
    const NAME: &'static str = "bent_cube";
    // The rule reads x and not y, so y need not be kept.
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-1.0, 0.5, 2.0];
    fn value<F: Float>(self, x: F) -> F {
        x * x * x + F::lit(self.bend) * x
    }
    /// dy/dx = 3 x^2 + bend, times the upstream gradient g.
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g * (S::lit(3.0) * x * x + S::lit(self.bend))
    }
}

/// y = x^T A x, of a vector and a matrix, as one op.
struct QuadraticForm;

impl CustomOp for QuadraticForm {
    const NAME: &'static str = "quadratic_form";
    fn value<T: Element>(&self, inputs: &[Tensor<T>]) -> Result<Tensor<T>> {
        let [x, a] = inputs else { return Err(Error::custom("quadratic_form: takes a vector and a matrix")) };
        let n = x.len();
        if x.shape().dims() != [n] || a.shape().dims() != [n, n] {
            return Err(Error::custom(format!("quadratic_form: shapes {} and {} do not fit", x.shape(), a.shape())));
        }
        let row = |i: usize| a.row(i).iter().zip(x.iter()).map(|(&a, &x)| a * x).sum::<T>();
        Ok(Tensor::scalar(x.iter().enumerate().map(|(i, &x)| x * row(i)).sum()))
    }
    /// dy/dx = (A + A^T) x and dy/dA = x x^T. Over the algebra: computed now, or recorded and differentiable again.
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, inputs: &[A::V], _output: &A::V, g: &A::V) -> Vec<A::V> {
        let (x, matrix) = (&inputs[0], &inputs[1]);
        let n = a.shape(x)[0];
        let (column, row) = (a.reshape(x, &[n, 1].into()), a.reshape(x, &[1, n].into()));
        let both = a.matmul(&a.add(matrix, &a.transpose(matrix)), false, &column, false);
        vec![a.mul(g, &a.reshape(&both, &[n].into())), a.mul(g, &a.mul(&column, &row))]
    }
}

/// y = ln(x) elementwise, by somebody else's code: first derivatives only.
struct ForeignLogarithm;

impl NumericOp<f64> for ForeignLogarithm {
    fn name(&self) -> &str {
        "foreign_logarithm"
    }
    fn value(&self, inputs: &[Tensor<f64>]) -> Result<Tensor<f64>> {
        Ok(inputs[0].map(f64::ln))
    }
    fn vjp(&self, inputs: &[Tensor<f64>], _output: &Tensor<f64>, g: &Tensor<f64>) -> Vec<Tensor<f64>> {
        let mut by_x = g.clone();
        by_x.as_mut_slice().iter_mut().zip(inputs[0].iter()).for_each(|(g, x)| *g /= x);
        vec![by_x]
    }
}

pub(crate) fn main() -> Result<()> {
    let tape = Tape::new();
    let x = tape.var([0.5, -2.0, 3.0]);

    let y = x.apply(BentCube { bend: 0.1 }).sum(());
    let same = (x.powi(3) + x * 0.1).sum(());
    println!("bent cube: gradient {:.4}, from built-in ops {:.4}", y.backward().wrt(x), same.backward().wrt(x));
    assert_close(&y.backward().wrt(x), &same.backward().wrt(x));
    let curvature = tape.grad(y, &[x])[0].sum(()).backward().wrt(x);
    println!("bent cube: second derivative {curvature}");
    assert_close(&curvature, &Tensor::from([3.0, -12.0, 18.0]));

    let a = tape.var([[2.0, 1.0, 0.0], [0.0, 1.0, -1.0], [4.0, 0.0, 3.0]]);
    let y = tape.try_custom(QuadraticForm, &[x, a])?;
    let same = x.dot(a.matmul(x));
    println!("quadratic form: gradient by x {}, by A\n{}", y.backward().wrt(x), y.backward().wrt(a));
    assert_close(&y.backward().wrt(x), &same.backward().wrt(x));
    assert_close(&y.backward().wrt(a), &same.backward().wrt(a));
    let [again, expected] = [y, same].map(|y| tape.grad(y, &[x])[0].square().sum(()).backward().wrt(a));
    assert_close(&again, &expected);
    let error = tape.try_custom(QuadraticForm, &[a, x]).expect_err("a matrix is no vector");
    println!("a mistake: {error}");

    let x = tape.var([0.5, 2.0]);
    let y = tape.try_numeric(ForeignLogarithm, &[x])?.sum(());
    println!("foreign logarithm: gradient {}", y.backward().wrt(x));
    assert_eq!(y.backward().wrt(x).to_vec(), [2.0, 0.5]);
    let error = tape.try_grad(y, &[x]).expect_err("a rule in plain numbers cannot be recorded");
    println!("asked for more: {error}");
    assert!(error.is_not_differentiable());
    Ok(())
}

fn assert_close(found: &Tensor<f64>, expected: &Tensor<f64>) {
    assert_eq!(found.shape(), expected.shape());
    assert!(found.iter().zip(expected.iter()).all(|(a, b)| (a - b).abs() <= 1e-12), "{found} is not {expected}");
}
