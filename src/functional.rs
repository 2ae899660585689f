//! Derivatives of closures in either precision: record once, differentiate, return numbers.
//!
//! Three families. With a single variable, a number or a tensor: [`grad`], [`value_and_grad`], [`vjp`], [`jvp`], [`hvp`],
//! [`hessian`], [`jacobian`]; these nest ([`At`]). With a slice of numbers, `|x: &[Var]|`: the same names with `_slice`. With several
//! tensors: [`grad_tensors`], [`value_and_grad_tensors`], [`jacobian_tensors`], [`hessian_tensors`], whose parts and blocks go by name or
//! position. And [`vmap`] makes a function of one example one of all.
//!
//! A generic function is passed inside a closure, `grad_slice(|x| f(x), ..)`: its bare name stands for one lifetime only.
//!
//! Each panics on a caller's mistake and has a twin that returns it, [`try_grad`], [`try_hvp_slice`] and so on. The functions of the
//! same names at the crate's root are these for f64, where literals need no suffix.
//!
//! # Examples
//! ```
//! use retrograd::{Result, Tensor, functional};
//! // In f32, and with the caller's mistake as an error.
//! assert_eq!(functional::grad(|x| x.square(), 3.0_f32), 6.0);
//! let slopes: Result<Tensor<f64>> = functional::try_grad(|x| x.square(), Tensor::from([1.0, 2.0]));
//! assert!(slopes.is_err_and(|error| error.is_shape()));
//! ```

mod at;
mod several;

pub use at::At;
pub use several::{
    Blocks, NamedTensor, Part, Parts, Tensors, grad_tensors, hessian_tensors, jacobian_tensors, try_grad_tensors,
    try_hessian_tensors, try_jacobian_tensors, try_value_and_grad_tensors, try_vmap, value_and_grad_tensors, vmap,
};

use crate::error::{Error, OrPanic, Result};
use crate::num::{Element, all_finite};
use crate::sweep::scalar_to_differentiate;
use crate::tape::{Tape, Value, Var};
use crate::tensor::{Shape, Tensor};

/// What a closure is differentiated at: a number, or a tensor by value or reference.
///
/// # Examples
/// ```
/// use retrograd::{Point, Tensor, grad};
/// // The derivative looks like the point: a number by a number, a tensor by a tensor.
/// fn slope<P: Point<Element = f64>>(x: P) -> P::Derivative {
///     grad(|x| (x * x).sum(()), x)
/// }
/// assert_eq!(slope(3.0), 6.0);
/// assert_eq!(slope(&Tensor::from([1.0, 2.0])), Tensor::from([2.0, 4.0]));
/// ```
pub trait Point {
    /// The element type.
    type Element: Element;
    /// What derivatives by this point look like: a number or a tensor.
    type Derivative;
    /// The point as a value.
    fn to_value(&self) -> Value<Self::Element>;
    /// A derivative in the form that belongs to the point.
    fn derivative(value: Value<Self::Element>) -> Self::Derivative;
}

macro_rules! number_point {
    ($($t:ty),*) => {$(
        impl Point for $t {
            type Element = $t;
            type Derivative = $t;
            fn to_value(&self) -> Value<$t> {
                Value::Scalar(*self)
            }
            fn derivative(value: Value<$t>) -> $t {
                value.into_tensor().item()
            }
        }
    )*};
}
number_point!(f32, f64);

impl<T: Element> Point for Tensor<T> {
    type Element = T;
    type Derivative = Tensor<T>;
    fn to_value(&self) -> Value<T> {
        self.clone().into()
    }
    fn derivative(value: Value<T>) -> Tensor<T> {
        value.into_tensor()
    }
}

impl<P: Point> Point for &P {
    type Element = P::Element;
    type Derivative = P::Derivative;
    fn to_value(&self) -> Value<P::Element> {
        (**self).to_value()
    }
    fn derivative(value: Value<P::Element>) -> P::Derivative {
        P::derivative(value)
    }
}

/// Each function twice: `x`, which panics on a caller's mistake, and `try_x`, which returns it.
macro_rules! functions {
    ($(
        $(#[$doc:meta])*
        $name:ident $try_name:ident [$($generics:tt)*] ($f:ident: ($($closure:tt)*), $($arg:ident: $Arg:ty),+) -> $Out:ty,
            errors $errors:literal $body:block
    )*) => {$(
        $(#[$doc])*
        ///
        /// # Panics
        #[doc = $errors]
        #[track_caller]
        pub fn $name<$($generics)*, F>($f: F, $($arg: $Arg),+) -> $Out
        where
            F: for<'t> FnOnce $($closure)*,
        {
            $try_name($f, $($arg),+).or_panic()
        }
        #[doc = concat!("As [`", stringify!($name), "`].")]
        ///
        /// # Errors
        #[doc = $errors]
        #[track_caller]
        pub fn $try_name<$($generics)*, F>($f: F, $($arg: $Arg),+) -> Result<$Out>
        where
            F: for<'t> FnOnce $($closure)*,
        {
            $body
        }
    )*};
}

/// The same for functions of one variable, by the method of that name of [`At`].
macro_rules! functions_at {
    ($(
        $(#[$doc:meta])*
        $name:ident $try_name:ident ($f:ident, $x:ident $(, $arg:ident: $Arg:ty)?) -> $Out:ty, errors $errors:literal $body:block
    )*) => {$(
        $(#[$doc])*
        ///
        /// # Panics
        #[doc = $errors]
        #[track_caller]
        pub fn $name<P: At<F>, F>($f: F, $x: P $(, $arg: $Arg)?) -> $Out {
            $try_name($f, $x $(, $arg)?).or_panic()
        }
        #[doc = concat!("As [`", stringify!($name), "`].")]
        ///
        /// # Errors
        #[doc = $errors]
        #[track_caller]
        pub fn $try_name<P: At<F>, F>($f: F, $x: P $(, $arg: $Arg)?) -> Result<$Out> $body
    )*};
}

functions_at! {
    /// The gradient of a scalar function.
    grad try_grad (f, x) -> P::Derivative, errors "The closure returns a tensor." { Ok(x.value_and_grad(f)?.1) }

    /// The value and the gradient of a scalar function.
    value_and_grad try_value_and_grad (f, x) -> (P::Number, P::Derivative),
        errors "The closure returns a tensor." { x.value_and_grad(f) }

    /// The value of a function, and the vector-Jacobian product with `seed`, which has the value's shape.
    vjp try_vjp (f, x, seed: impl Into<P::Array>) -> (P::Array, P::Derivative),
        errors "The seed's shape is not the value's." { x.vjp(f, seed.into()) }

    /// The value of a function, and its derivative along `tangent`: the Jacobian-vector product, by forward mode.
    jvp try_jvp (f, x, tangent: P) -> (P::Array, P::Array),
        errors "The tangent's shape is not the point's." { x.jvp(f, tangent) }

    /// The product of a scalar function's Hessian with `direction`, forward over reverse: about the cost of two gradients.
    hvp try_hvp (f, x, direction: P) -> P::Derivative,
        errors "The direction's shape is not the point's; the closure returns a tensor." { x.hvp(f, direction) }

    /// The Hessian of a scalar function, in shape [n, n] for a point of n elements.
    hessian try_hessian (f, x) -> P::Array, errors "The closure returns a tensor." { x.hessian(f) }

    /// The Jacobian of a function, in shape [m, n] for a value of m elements and a point of n; by forward or reverse mode,
    /// whichever needs fewer passes. Where a derivative on the way is not finite the two may differ, as of x sqrt(x) at 0, and the
    /// answer is that of reverse mode, which is [`grad`]'s.
    jacobian try_jacobian (f, x) -> P::Array,
        errors "It takes more memory than there is; a rule on the way meets what has no derivative." { x.jacobian(f) }
}

functions! {
    /// The gradient of a scalar function of several numbers.
    grad_slice try_grad_slice [T: Element] (f: ((&[Var<'t, T>]) -> Var<'t, T>), x: &[T]) -> Vec<T>,
        errors "The closure returns a tensor."
    { Ok(try_value_and_grad_slice(f, x)?.1) }

    /// The value and the gradient of a scalar function of several numbers.
    value_and_grad_slice try_value_and_grad_slice [T: Element] (f: ((&[Var<'t, T>]) -> Var<'t, T>), x: &[T]) -> (T, Vec<T>),
        errors "The closure returns a tensor."
    {
        let tape = Tape::<T>::of();
        let x = tape.vars(x);
        let y = scalar_to_differentiate(f(&x))?;
        let gradients = y.try_backward()?;
        Ok((y.item(), gradients.items(&x)))
    }

    /// The values of a function of several numbers, and the product of `seed`, one number for each value, with its Jacobian.
    vjp_slice try_vjp_slice [T: Element] (f: ((&[Var<'t, T>]) -> Vec<Var<'t, T>>), x: &[T], seed: &[T]) -> (Vec<T>, Vec<T>),
        errors "Another number of seeds than of values; a tensor among the values."
    {
        let tape = Tape::<T>::of();
        let x = tape.vars(x);
        let y = f(&x);
        same_length("vjp", "seeds", seed.len(), "values", y.len())?;
        are_numbers("vjp", &y)?;
        let weighted: Var<'_, T> = y.iter().zip(seed).map(|(&y, &s)| y * s).sum();
        Ok((y.iter().map(|y| y.item()).collect(), weighted.try_backward()?.items(&x)))
    }

    /// The values of a function of several numbers, and their derivatives along `tangent`, by forward mode.
    jvp_slice try_jvp_slice [T: Element] (f: ((&[Var<'t, T>]) -> Vec<Var<'t, T>>), x: &[T], tangent: &[T]) -> (Vec<T>, Vec<T>),
        errors "Another number of tangents than of numbers; a tensor among the values."
    {
        same_length("jvp", "tangents", tangent.len(), "numbers", x.len())?;
        let tape = Tape::<T>::of();
        let x = tape.vars(x);
        let y = f(&x);
        are_numbers("jvp", &y)?;
        Ok((y.iter().map(|y| y.item()).collect(), tape.jvp_slice(&y, &x, tangent)?))
    }

    /// The product of the Hessian of a scalar function of several numbers with `direction`, forward over reverse.
    hvp_slice try_hvp_slice [T: Element] (f: ((&[Var<'t, T>]) -> Var<'t, T>), x: &[T], direction: &[T]) -> Vec<T>,
        errors "Another number of numbers in the direction than in the point; the closure returns a tensor."
    {
        same_length("hvp", "numbers in the direction", direction.len(), "numbers", x.len())?;
        let tape = Tape::<T>::of();
        let x = tape.vars(x);
        let gradient = tape.try_grad(f(&x), &x)?;
        tape.jvp_slice(&gradient, &x, direction)
    }

    /// The Hessian of a scalar function of several numbers, in shape [n, n].
    hessian_slice try_hessian_slice [T: Element] (f: ((&[Var<'t, T>]) -> Var<'t, T>), x: &[T]) -> Tensor<T>,
        errors "The closure returns a tensor."
    {
        let tape = Tape::<T>::of();
        let x = tape.vars(x);
        let gradient = tape.try_grad(f(&x), &x)?;
        slice_jacobian_rows(&tape, &gradient, &x)
    }

    /// The Jacobian of a function of several numbers, in shape [m, n]; by forward or reverse mode, as [`jacobian`].
    jacobian_slice try_jacobian_slice [T: Element] (f: ((&[Var<'t, T>]) -> Vec<Var<'t, T>>), x: &[T]) -> Tensor<T>,
        errors "The closure returns a tensor among the values."
    {
        let tape = Tape::<T>::of();
        let x = tape.vars(x);
        let y = f(&x);
        are_numbers("jacobian", &y)?;
        if y.len() <= x.len() {
            return slice_jacobian_rows(&tape, &y, &x);
        }
        let (m, n) = (y.len(), x.len());
        let columns = tape.jvp_many(&y, &x, &identity(n))?;
        let columns = columns.as_slice();
        let ordinary = !tape.has_singular_ops() && x.iter().chain(&y).all(|var| var.item().to_f64().is_finite());
        let finite = all_finite(columns)
            && (ordinary || {
                let seed = Tensor::from_fn([1, m], |at| seed_of(at[1]));
                tape.vjp_many(&y, &x, &seed)?.is_finite()
            });
        if !finite {
            return slice_jacobian_rows(&tape, &y, &x);
        }
        let rows = (0..m).flat_map(|i| (0..n).map(move |j| columns[j * m + i])).collect();
        Tensor::new([m, n], rows)
    }
}

/// A seed for value k, so that no two cancel but by accident.
fn seed_of<T: Element>(k: usize) -> T {
    T::from_f64(1.0 + (k as f64 * 0.6180339887498949).fract())
}

/// One sweep for each element of `y`.
#[inline(never)]
pub(crate) fn jacobian_rows<T: Element>(tape: &Tape<T>, y: Var<'_, T>, x: Var<'_, T>) -> Result<Tensor<T>> {
    let shape = Shape::fitting::<T>("jacobian", &[y.numel(), x.numel()])?;
    let mut rows = Vec::with_capacity(shape.numel());
    for i in 0..y.numel() {
        let grads = y.try_backward_with(unit(y, i))?;
        rows.extend_from_slice(grads.try_wrt(x)?.as_slice());
        tape.recycle(grads);
    }
    Tensor::new(shape, rows)
}

/// One forward pass for each element of `x`.
#[inline(never)]
pub(crate) fn jacobian_columns<T: Element>(tape: &Tape<T>, y: Var<'_, T>, x: Var<'_, T>) -> Result<Tensor<T>> {
    let (m, n) = (y.numel(), x.numel());
    let shape = Shape::fitting::<T>("jacobian", &[m, n])?;
    let mut jacobian = vec![T::from_f64(0.0); shape.numel()];
    for j in 0..n {
        let column = tape.jvp(y, &[(x, unit(x, j).into())])?;
        for (i, &derivative) in column.as_slice().iter().enumerate() {
            jacobian[i * n + j] = derivative;
        }
    }
    Tensor::new(shape, jacobian)
}

/// Zeros of the variable's shape, with a 1 at element i.
fn unit<T: Element>(like: Var<'_, T>, i: usize) -> Tensor<T> {
    let mut unit = Tensor::zeros(like.shape());
    unit.as_mut_slice()[i] = T::from_f64(1.0);
    unit
}

#[inline(never)]
pub(crate) fn slice_jacobian_rows<T: Element>(tape: &Tape<T>, y: &[Var<'_, T>], x: &[Var<'_, T>]) -> Result<Tensor<T>> {
    tape.vjp_many(y, x, &identity(y.len()))
}

#[inline(never)]
fn identity<T: Element>(n: usize) -> Tensor<T> {
    let mut identity = Tensor::zeros([n, n]);
    for one in identity.as_mut_slice().iter_mut().step_by(n + 1) {
        *one = T::from_f64(1.0);
    }
    identity
}

/// An error for a tensor among the values of a function of several numbers.
fn are_numbers<T: Element>(op: &str, y: &[Var<'_, T>]) -> Result<()> {
    match y.iter().enumerate().find(|(_, y)| y.rank() > 0) {
        Some((k, y)) => Err(Error::shape(format!("{op}: value {k} has shape {}; expected numbers", y.shape()))),
        None => Ok(()),
    }
}

fn same_length(op: &str, what: &str, got: usize, of: &str, wanted: usize) -> Result<()> {
    if got == wanted {
        return Ok(());
    }
    Err(Error::shape(format!("{op}: {got} {what} for {wanted} {of}; give one for each")))
}

impl<T: Element> Tape<T> {
    /// Derivatives of several scalars when the numbers `x` move along `tangent`.
    fn jvp_slice(&self, y: &[Var<'_, T>], x: &[Var<'_, T>], tangent: &[T]) -> Result<Vec<T>> {
        let tangents: Vec<_> = x.iter().copied().zip(tangent.iter().map(|&t| Value::Scalar(t))).collect();
        self.jvp_all(y, &tangents)?.into_iter().map(|t| Ok(t.as_slice()[0])).collect()
    }
}
