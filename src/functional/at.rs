//! Where the functions of one variable are differentiated: at numbers and tensors, on a tape of their own, or at a variable of an outer
//! function, on that one's tape.

use super::{Point, jacobian_columns, jacobian_rows, seed_of};
use crate::error::{Error, Result};
use crate::num::Element;
use crate::sweep::scalar_to_differentiate;
use crate::tape::{Tape, Var};
use crate::tensor::Tensor;

/// Where a closure `F` is differentiated: at a [`Point`], which is a number or a tensor, or at a variable ([`Var`]) of an outer function,
/// where derivatives nest.
///
/// At a point the closure has a tape of its own, so it is one for variables of any tape, `for<'t> FnOnce(Var<'t, T>) -> Var<'t, T>`, and
/// cannot capture another variable. At a variable it is a closure over that one's tape: it captures what it likes, the derivative is a
/// variable as well, and is by the inner variable alone, also where the outer one is captured under another name.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, grad, hessian};
/// // d/dx of x d/dy (x y^2) at y = x, which is 2 x^3: the inner derivative is by y alone.
/// assert_eq!(grad(|x| x * grad(|y| x * y * y, x), 3.0), 54.0);
/// // At a number of its own inside the outer function: as data of its tape.
/// assert_eq!(grad(|x| grad(|y| x * y * y, x.tape().data(5.0)), 3.0), 10.0);
/// // The trace of a Hessian, differentiated again.
/// let slopes = grad(|x| hessian(|y| y.powi(3).sum(()), x).trace(), Tensor::from([1.0, 2.0]));
/// assert_eq!(slopes.to_vec(), [6.0, 6.0]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no point to differentiate this closure at",
    label = "expected an `f64` or a `Tensor`, by value or by reference, or a variable of an outer function",
    note = "write `1.0` rather than `1`; for a slice of numbers there are `grad_slice` and its kin; for f32, `retrograd::functional`"
)]
pub trait At<F>: Sized {
    /// The element type.
    type Element: Element;
    /// What the value of a scalar function is: a number, or a variable.
    type Number;
    /// What derivatives by the point look like: a number, a tensor or a variable.
    type Derivative;
    /// What other values and matrices are: tensors, or variables.
    type Array;

    /// The value and the gradient of a scalar function.
    ///
    /// # Errors
    /// The closure returns a tensor.
    fn value_and_grad(self, f: F) -> Result<(Self::Number, Self::Derivative)>;
    /// The value, and the vector-Jacobian product with a seed.
    ///
    /// # Errors
    /// The seed's shape is not the value's.
    fn vjp(self, f: F, seed: Self::Array) -> Result<(Self::Array, Self::Derivative)>;
    /// The value, and its derivative along a tangent.
    ///
    /// # Errors
    /// The tangent's shape is not the point's.
    fn jvp(self, f: F, tangent: Self) -> Result<(Self::Array, Self::Array)>;
    /// The product of a scalar function's Hessian with a direction.
    ///
    /// # Errors
    /// The direction's shape is not the point's; the closure returns a tensor.
    fn hvp(self, f: F, direction: Self) -> Result<Self::Derivative>;
    /// The Hessian of a scalar function, [n, n].
    ///
    /// # Errors
    /// The closure returns a tensor.
    fn hessian(self, f: F) -> Result<Self::Array>;
    /// The Jacobian, [m, n].
    ///
    /// # Errors
    /// It takes more memory than there is; a rule on the way meets what has no derivative.
    fn jacobian(self, f: F) -> Result<Self::Array>;
}

impl<P: Point, F> At<F> for P
where
    F: for<'t> FnOnce(Var<'t, P::Element>) -> Var<'t, P::Element>,
{
    type Element = P::Element;
    type Number = P::Element;
    type Derivative = P::Derivative;
    type Array = Tensor<P::Element>;

    fn value_and_grad(self, f: F) -> Result<(P::Element, P::Derivative)> {
        let tape = Tape::<P::Element>::of();
        let x = tape.leaf(self.to_value(), true);
        let y = scalar_to_differentiate(f(x))?;
        let gradient = y.try_backward()?.try_wrt(x)?;
        Ok((y.item(), P::derivative(gradient.into())))
    }

    fn vjp(self, f: F, seed: Tensor<P::Element>) -> Result<(Tensor<P::Element>, P::Derivative)> {
        let tape = Tape::<P::Element>::of();
        let x = tape.leaf(self.to_value(), true);
        let y = f(x);
        let gradient = y.try_backward_with(seed)?.try_wrt(x)?;
        Ok((y.value(), P::derivative(gradient.into())))
    }

    fn jvp(self, f: F, tangent: Self) -> Result<(Tensor<P::Element>, Tensor<P::Element>)> {
        let tape = Tape::<P::Element>::of();
        let x = tape.leaf(self.to_value(), true);
        let y = f(x);
        let tangent = tape.jvp(y, &[(x, tangent.to_value())])?;
        Ok((y.value(), tangent.into_tensor()))
    }

    fn hvp(self, f: F, direction: Self) -> Result<P::Derivative> {
        let tape = Tape::<P::Element>::of();
        let x = tape.leaf(self.to_value(), true);
        let gradient = tape.try_grad(f(x), &[x])?[0];
        Ok(P::derivative(tape.jvp(gradient, &[(x, direction.to_value())])?))
    }

    fn hessian(self, f: F) -> Result<Tensor<P::Element>> {
        let tape = Tape::<P::Element>::of();
        let x = tape.leaf(self.to_value(), true);
        let gradient = tape.try_grad(f(x), &[x])?[0];
        jacobian_rows(&tape, gradient, x)
    }

    fn jacobian(self, f: F) -> Result<Tensor<P::Element>> {
        let tape = Tape::<P::Element>::of();
        let x = tape.leaf(self.to_value(), true);
        let y = f(x);
        whole_jacobian(&tape, y, x)
    }
}

/// By forward or reverse mode, whichever needs fewer passes.
#[inline(never)]
pub(crate) fn whole_jacobian<T: Element>(tape: &Tape<T>, y: Var<'_, T>, x: Var<'_, T>) -> Result<Tensor<T>> {
    if y.numel() <= x.numel() {
        return jacobian_rows(tape, y, x);
    }
    let columns = jacobian_columns(tape, y, x)?;
    let ordinary = !tape.has_singular_ops() && [x, y].iter().all(|var| var.value().is_finite());
    if ordinary && columns.is_finite() {
        return Ok(columns);
    }
    // A zero tangent may hide what is not finite, so that a sweep is asked as well.
    let seed = Tensor::from_fn(y.shape().dims(), {
        let mut k = 0;
        move |_| {
            k += 1;
            seed_of(k)
        }
    });
    let swept = y.try_backward_with(seed)?.try_wrt(x)?;
    if columns.is_finite() && swept.is_finite() {
        return Ok(columns);
    }
    jacobian_rows(tape, y, x)
}

impl<'t, T: Element, F> At<F> for Var<'t, T>
where
    F: FnOnce(Var<'t, T>) -> Var<'t, T>,
{
    type Element = T;
    type Number = Var<'t, T>;
    type Derivative = Var<'t, T>;
    type Array = Var<'t, T>;

    fn value_and_grad(self, f: F) -> Result<(Self, Self)> {
        let (tape, x) = inner(self)?;
        let y = scalar_to_differentiate(f(x))?.on(tape);
        Ok((y, tape.try_grad(y, &[x])?[0]))
    }
    fn vjp(self, f: F, seed: Self) -> Result<(Self, Self)> {
        let (tape, x) = inner(self)?;
        let y = f(x).on(tape);
        Ok((y, tape.try_vjp(y, seed, &[x])?[0]))
    }
    fn jvp(self, f: F, tangent: Self) -> Result<(Self, Self)> {
        let (tape, x) = inner(self)?;
        let y = f(x).on(tape);
        Ok((y, tape.try_record_jvp(y, &[(x, tangent)])?))
    }
    fn hvp(self, f: F, direction: Self) -> Result<Self> {
        let (tape, x) = inner(self)?;
        let gradient = tape.try_grad(f(x).on(tape), &[x])?[0];
        tape.try_record_jvp(gradient, &[(x, direction)])
    }
    fn hessian(self, f: F) -> Result<Self> {
        let (tape, x) = inner(self)?;
        let gradient = tape.try_grad(f(x).on(tape), &[x])?[0];
        matrix(tape, gradient, x)
    }
    fn jacobian(self, f: F) -> Result<Self> {
        let (tape, x) = inner(self)?;
        matrix(tape, f(x).on(tape), x)
    }
}

/// A variable of the same value, by which a derivative is not one by what else there is of the outer one.
fn inner<'t, T: Element>(x: Var<'t, T>) -> Result<(&'t Tape<T>, Var<'t, T>)> {
    let Some(tape) = x.get_tape() else {
        return Err(Error::tape(
            "grad: the point is a constant number, which is on no tape; take a variable's data, x.tape().data(2.0), or the number itself",
        ));
    };
    Ok((tape, x.copied(tape)))
}

/// The Jacobian of y by x as a matrix.
fn matrix<'t, T: Element>(tape: &'t Tape<T>, y: Var<'t, T>, x: Var<'t, T>) -> Result<Var<'t, T>> {
    tape.try_jacobian(y, &[x])?[0].try_reshape([y.numel(), x.numel()])
}
