//! The functions of [`functional`](crate::functional) for f64: here literals need no suffix and closures infer. Twins that return a
//! caller's mistake, rather than panic with it, are there: [`functional::try_grad`] and so on.

use crate::functional::{self, At, Blocks, Parts, Tensors};
use crate::tape::Var;
use crate::tensor::Tensor;

/// The gradient of a scalar function.
///
/// # Panics
/// The closure returns a tensor.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, grad};
/// assert_eq!(grad(|x| x * x + 1.0, 3.0), 6.0);
/// let g = grad(|x| x.square().sum(()), Tensor::from([1.0, -2.0]));
/// assert_eq!(g.to_vec(), [2.0, -4.0]);
/// ```
#[track_caller]
pub fn grad<P: At<F, Element = f64>, F>(f: F, x: P) -> P::Derivative {
    functional::grad(f, x)
}

/// The value and the gradient of a scalar function.
///
/// # Panics
/// The closure returns a tensor.
#[track_caller]
pub fn value_and_grad<P: At<F, Element = f64>, F>(f: F, x: P) -> (P::Number, P::Derivative) {
    functional::value_and_grad(f, x)
}

/// The value of a function, and the vector-Jacobian product with `seed`, which has the value's shape.
///
/// # Panics
/// The seed's shape is not the value's.
#[track_caller]
pub fn vjp<P: At<F, Element = f64>, F>(f: F, x: P, seed: impl Into<P::Array>) -> (P::Array, P::Derivative) {
    functional::vjp(f, x, seed)
}

/// The value of a function, and its derivative along `tangent`: the Jacobian-vector product, by forward mode.
///
/// # Panics
/// The tangent's shape is not the point's.
#[track_caller]
pub fn jvp<P: At<F, Element = f64>, F>(f: F, x: P, tangent: P) -> (P::Array, P::Array) {
    functional::jvp(f, x, tangent)
}

/// The product of a scalar function's Hessian with `direction`, forward over reverse: about the cost of two gradients.
///
/// # Panics
/// The direction's shape is not the point's; the closure returns a tensor.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, hvp};
/// let x = Tensor::from([1.0, 2.0]);
/// let product = hvp(|x| x.powi(3).sum(()), &x, &Tensor::from([1.0, 10.0]));
/// assert_eq!(product.to_vec(), [6.0, 120.0]);
/// ```
#[track_caller]
pub fn hvp<P: At<F, Element = f64>, F>(f: F, x: P, direction: P) -> P::Derivative {
    functional::hvp(f, x, direction)
}

/// The Hessian of a scalar function, in shape [n, n] for a point of n elements.
///
/// # Panics
/// The closure returns a tensor.
#[track_caller]
pub fn hessian<P: At<F, Element = f64>, F>(f: F, x: P) -> P::Array {
    functional::hessian(f, x)
}

/// The Jacobian of a function, in shape [m, n] for a value of m elements and a point of n; by forward or reverse mode,
/// whichever needs fewer passes.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, jacobian};
/// let j = jacobian(|x| x.square(), Tensor::from([1.0, -2.0]));
/// assert_eq!(j.to_vec(), [2.0, 0.0, 0.0, -4.0]);
/// ```
#[track_caller]
pub fn jacobian<P: At<F, Element = f64>, F>(f: F, x: P) -> P::Array {
    functional::jacobian(f, x)
}

/// The gradient of a scalar function of several numbers.
///
/// # Panics
/// The closure returns a tensor.
///
/// # Examples
/// ```
/// use retrograd::grad_slice;
/// let g = grad_slice(|x| x[0] * x[1].sin(), &[2.0, 0.0]);
/// assert_eq!(g, [0.0, 2.0]);
/// ```
#[track_caller]
pub fn grad_slice<F>(f: F, x: &[f64]) -> Vec<f64>
where
    F: for<'t> FnOnce(&[Var<'t, f64>]) -> Var<'t, f64>,
{
    functional::grad_slice(f, x)
}

/// The value and the gradient of a scalar function of several numbers.
///
/// # Panics
/// The closure returns a tensor.
#[track_caller]
pub fn value_and_grad_slice<F>(f: F, x: &[f64]) -> (f64, Vec<f64>)
where
    F: for<'t> FnOnce(&[Var<'t, f64>]) -> Var<'t, f64>,
{
    functional::value_and_grad_slice(f, x)
}

/// The values of a function of several numbers, and the product of `seed`, one number for each value, with its Jacobian.
///
/// # Panics
/// Another number of seeds than of values.
#[track_caller]
pub fn vjp_slice<F>(f: F, x: &[f64], seed: &[f64]) -> (Vec<f64>, Vec<f64>)
where
    F: for<'t> FnOnce(&[Var<'t, f64>]) -> Vec<Var<'t, f64>>,
{
    functional::vjp_slice(f, x, seed)
}

/// The values of a function of several numbers, and their derivatives along `tangent`, by forward mode.
///
/// # Panics
/// Another number of tangents than of numbers.
#[track_caller]
pub fn jvp_slice<F>(f: F, x: &[f64], tangent: &[f64]) -> (Vec<f64>, Vec<f64>)
where
    F: for<'t> FnOnce(&[Var<'t, f64>]) -> Vec<Var<'t, f64>>,
{
    functional::jvp_slice(f, x, tangent)
}

/// The product of the Hessian of a scalar function of several numbers with `direction`, forward over reverse.
///
/// # Panics
/// Another number of numbers in the direction than in the point; the closure returns a tensor.
#[track_caller]
pub fn hvp_slice<F>(f: F, x: &[f64], direction: &[f64]) -> Vec<f64>
where
    F: for<'t> FnOnce(&[Var<'t, f64>]) -> Var<'t, f64>,
{
    functional::hvp_slice(f, x, direction)
}

/// The Hessian of a scalar function of several numbers, in shape [n, n].
///
/// # Panics
/// The closure returns a tensor.
#[track_caller]
pub fn hessian_slice<F>(f: F, x: &[f64]) -> Tensor<f64>
where
    F: for<'t> FnOnce(&[Var<'t, f64>]) -> Var<'t, f64>,
{
    functional::hessian_slice(f, x)
}

/// The Jacobian of a function of several numbers, in shape [m, n]; by forward or reverse mode, whichever needs fewer passes.
#[track_caller]
pub fn jacobian_slice<F>(f: F, x: &[f64]) -> Tensor<f64>
where
    F: for<'t> FnOnce(&[Var<'t, f64>]) -> Vec<Var<'t, f64>>,
{
    functional::jacobian_slice(f, x)
}

/// The gradient of a scalar function of several tensors, in parts.
///
/// # Panics
/// The closure returns a tensor; two tensors of one name.
#[track_caller]
pub fn grad_tensors<S: Tensors<Element = f64>, F>(f: F, xs: S) -> Parts<f64>
where
    F: for<'t> FnOnce(&[Var<'t, f64>]) -> Var<'t, f64>,
{
    functional::grad_tensors(f, xs)
}

/// The value and the gradient of a scalar function of several tensors.
///
/// # Panics
/// The closure returns a tensor; two tensors of one name.
#[track_caller]
pub fn value_and_grad_tensors<S: Tensors<Element = f64>, F>(f: F, xs: S) -> (f64, Parts<f64>)
where
    F: for<'t> FnOnce(&[Var<'t, f64>]) -> Var<'t, f64>,
{
    functional::value_and_grad_tensors(f, xs)
}

/// The Jacobians of several outputs by several tensors, in blocks.
///
/// # Panics
/// Two tensors of one name; more memory than there is.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, jacobian_tensors};
/// let (m, x) = (Tensor::from([[1.0, 2.0], [3.0, 4.0]]), Tensor::from([1.0, -1.0]));
/// let j = jacobian_tensors(|v| vec![v[0].matmul(v[1])], [("m", &m), ("x", &x)]);
/// assert_eq!(*j.block(0, "x"), m);
/// assert_eq!(j.matrix().shape().dims(), [2, 6]);
/// ```
#[track_caller]
pub fn jacobian_tensors<S: Tensors<Element = f64>, F>(f: F, xs: S) -> Blocks<f64>
where
    F: for<'t> FnOnce(&[Var<'t, f64>]) -> Vec<Var<'t, f64>>,
{
    functional::jacobian_tensors(f, xs)
}

/// The Hessian of a scalar function of several tensors, in blocks.
///
/// # Panics
/// The closure returns a tensor; two tensors of one name; more memory than there is.
#[track_caller]
pub fn hessian_tensors<S: Tensors<Element = f64>, F>(f: F, xs: S) -> Blocks<f64>
where
    F: for<'t> FnOnce(&[Var<'t, f64>]) -> Var<'t, f64>,
{
    functional::hessian_tensors(f, xs)
}

/// What a closure makes of each example, for all examples at once; [`functional::vmap`].
///
/// # Panics
/// As [`Tape::try_vmap`](crate::Tape::try_vmap) fails.
#[track_caller]
pub fn vmap<S: Tensors<Element = f64>, F>(f: F, xs: S) -> Vec<Tensor<f64>>
where
    F: for<'t> FnOnce(&[Var<'t, f64>]) -> Vec<Var<'t, f64>>,
{
    functional::vmap(f, xs)
}
