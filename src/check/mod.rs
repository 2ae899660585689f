//! Gradient checks: is the gradient the derivative of the function?
//!
//! [`gradcheck`] holds the gradient of reverse mode against forward mode, which is exact, and against central differences
//! with Richardson extrapolation. [`gradgradcheck`] does the same for the recorded gradient, so it checks second
//! derivatives: reverse over reverse against forward over reverse, and against differences of the gradient.
//! [`Gradcheck`] has the options.
//!
//! ```
//! use retrograd::{Tensor, gradcheck, gradgradcheck};
//! let parameters =
//!     [("w", Tensor::from([[0.4, -0.3], [0.1, 0.9]])), ("b", Tensor::from([0.5, -0.2])), ("gain", Tensor::scalar(1.5))];
//! let report = gradcheck(&parameters, |p| {
//!     let x = Tensor::from([[1.0, 2.0], [-0.5, 0.3], [0.7, 0.1]]);
//!     (p[0].tape().data(x).matmul(p[0]) + p[1]).tanh() * p[2]
//! });
//! report.assert();
//! println!("{report}");
//! gradgradcheck(&parameters, |p| (p[0].matmul(p[0]) + p[1]).exp().sum(()) * p[2]).assert();
//! ```
//!
//! An output that is no number is weighted with random numbers away from 0 and summed. A scalar parameter is a tensor
//! without axes, and arrives in the closure as a scalar variable.
//!
//! # Verdicts
//!
//! The relative error is |a - n| / max(|a| + |n|, floor). Within the tolerance the values agree. Beyond it they differ, unless
//! the differences cannot tell, which is called inconclusive rather than wrong:
//!
//! - The point lies on a kink, as relu's 0, a tie of max, a bound of clamp. The check records the function at x + h and x - h
//!   and compares, op by op, which piece was taken; it shrinks h until both are on the point's own piece. A point that
//!   straddles a kink at every step has no derivative to compare with, unless the slopes on its two sides approach each
//!   other and the gradient (relu(x)^2 at 0).
//! - The slopes on the two sides do not approach each other, and the gradient lies between them: a kink of an op that
//!   does not say where its pieces end ([`Unary::piece`](crate::Unary::piece)).
//! - The function is not finite on one side, or its rounding is too large for the tolerance.
//!
//! ```
//! use retrograd::{Tensor, check::Verdict, gradcheck};
//! let report = gradcheck(&[("x", Tensor::from([0.0, 1e-7, -1e-7]))], |p| p[0].relu());
//! assert_eq!(report.parameters[0].inconclusive, 1);
//! assert_eq!(report.parameters[0].agreeing, 2);
//! assert_eq!(report.verdict(), Verdict::Agrees);
//! ```
//!
//! A parameter agrees if no element differs and at least one could be decided. Where none could, the parameter is
//! inconclusive and [`GradcheckReport::assert`] fails, since nothing was verified.
//!
//! The check is refused, with the reason, where it would mean nothing: no parameters, no directions or elements, a function that is not finite at the
//! point, or one that gives two results at one point.
//!
//! # Gradients by hand, from any language
//!
//! [`Compare`] lays hand-coded gradients beside autodiff and looks for the mistake in them.
//! Where they were made in another language, `Problem` reads the function as data, its parameters and the gradients from a file of
//! JSON, with arrays in NumPy's `.npz` or in safetensors beside it; a diagnosis then speaks in the names of the file. The function is
//! a list of named steps, which any language can write:
//!
//! ```text
//! {"arrays": "arrays.npz", "params": {"w": "w", "b": "b"}, "data": {"X": "X", "t": "t"}, "output": "C",
//!  "nodes": [{"name": "p", "op": "matmul", "args": ["X", "w"]}, {"name": "z", "op": "add", "args": ["p", "b"]},
//!            {"name": "d", "op": "sub", "args": ["z", "t"]}, {"name": "q", "op": "square", "args": ["d"]},
//!            {"name": "C", "op": "mean", "args": ["q"]}],
//!  "hand": {"w": "dw", "b": "db"}}
//! ```
//!
//! # Limits
//!
//! Values that the closure takes off the tape (`item`, `value`, `detach`) count for differences and not for the gradient.
//! Forward mode through a user's op on tensors is derived from its vjp, so there only differences are independent; so it is
//! for one with a numeric rule, unless that has a forward rule of its own ([`NumericOp::jvp`](crate::NumericOp::jvp)).
//!
//! # Cost
//!
//! About ten evaluations of the function per element, or per direction in the fast form.

pub mod compare;
mod differences;
mod gradcheck;
mod pieces;
#[cfg(feature = "training")]
mod problem;
mod replay;
pub(crate) mod report;

pub use compare::{Compare, Comparison};
#[cfg(feature = "training")]
pub(crate) use problem::Arrays;
#[cfg(feature = "training")]
pub use problem::Problem;
pub use report::{Against, Finding, GradcheckReport, ParameterReport, Place, Verdict};

use crate::error::Result;
use crate::num::Element;
use crate::tape::{Tape, Var};
use crate::tensor::Tensor;
use gradcheck::{Subject, random_direction, run};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use replay::Function;
use std::marker::PhantomData;

/// Checks the gradient of a function of f64 at a point, in every element of every parameter. Options: [`Gradcheck`].
///
/// # Examples
/// A gradient that is cut off on purpose is found out:
/// ```
/// use retrograd::{Tensor, gradcheck};
/// let report = gradcheck(&[("x", Tensor::from([2.0, 3.0]))], |p| p[0] * p[0].detach());
/// assert!(!report.passed());
/// let error = report.into_result().unwrap_err();
/// assert!(error.to_string().starts_with("gradcheck: x, index ["), "{error}");
/// ```
pub fn gradcheck<F>(parameters: &[(&str, Tensor<f64>)], f: F) -> GradcheckReport
where
    F: for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64>,
{
    Gradcheck::new().gradcheck(parameters, f)
}

/// Checks the second derivatives of a function of f64 at a point. Options: [`Gradcheck`].
///
/// The gradient is recorded, weighted with a random direction, and checked as [`gradcheck`] checks a function: by every
/// parameter, and by the upstream gradient, listed as `(upstream)`, in which a vjp must be linear.
///
/// It takes the gradient's values as they are; check those with [`gradcheck`].
///
/// # Examples
/// ```
/// use retrograd::{Tensor, gradgradcheck};
/// gradgradcheck(&[("x", Tensor::from([0.3, -1.2]))], |p| p[0].sin() * p[0]).assert();
/// ```
pub fn gradgradcheck<F>(parameters: &[(&str, Tensor<f64>)], f: F) -> GradcheckReport
where
    F: for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64>,
{
    Gradcheck::new().gradgradcheck(parameters, f)
}

/// A gradient check with options.
///
/// # Examples
/// ```
/// use retrograd::Tensor;
/// use retrograd::check::Gradcheck;
/// let w = Tensor::linspace(-1.0, 1.0, 300);
/// // Three random directions instead of 300 elements.
/// Gradcheck::new().fast(3).seed(7).gradcheck(&[("w", w.clone())], |p| p[0].gelu()).assert();
/// // Twenty of the elements.
/// let report = Gradcheck::new().max_elements(20).tolerance(1e-8).gradcheck(&[("w", w)], |p| p[0].gelu());
/// assert_eq!(report.parameter("w").unwrap().agreeing, 20);
/// ```
///
/// In single precision the differences are as coarse as the function. A function written for both precisions can be checked
/// against differences of its f64 form, which is far sharper:
/// ```
/// use retrograd::{Element, Number, Tensor, Var};
/// use retrograd::check::Gradcheck;
/// fn model<'t, T: Element>(p: &[Var<'t, T>]) -> Var<'t, T> {
///     (p[0] * p[1] + Var::lit(0.5)).sigmoid()
/// }
/// let point = [("w", Tensor::from([0.5f32, -1.0])), ("x", Tensor::from([2.0f32, 0.25]))];
/// Gradcheck::<f32>::of().gradcheck(&point, model).assert();
/// Gradcheck::<f32>::of().tolerance(1e-5).gradcheck_against(&point, model, model).assert();
/// ```
#[derive(Clone, Debug)]
pub struct Gradcheck<T = f64> {
    tolerance: f64,
    floor: f64,
    step: f64,
    seed: u64,
    /// How many random directions, in the fast form.
    directions: Option<usize>,
    max_elements: usize,
    element: PhantomData<T>,
}

impl Gradcheck<f64> {
    /// A check in f64: tolerance 1e-6, floor 1e-3, first step 1e-2, every element. For another precision: [`Gradcheck::of`].
    pub fn new() -> Self {
        Self::of()
    }
}

impl Default for Gradcheck<f64> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Element> Gradcheck<T> {
    /// A check in `T`: `Gradcheck::<f32>::of()`, with tolerance 2e-3, floor 0.1, first step 0.1.
    pub fn of() -> Self {
        let double = T::EPSILON < 1e-10;
        let (tolerance, floor, step) = if double { (1e-6, 1e-3, 1e-2) } else { (2e-3, 0.1, 0.1) };
        Self { tolerance, floor, step, seed: 0, directions: None, max_elements: usize::MAX, element: PhantomData }
    }
    /// The relative error allowed against differences.
    pub fn tolerance(self, tolerance: f64) -> Self {
        Self { tolerance, ..self }
    }
    /// The least that |a| + |n| counts in the relative error, so that derivatives near 0 are compared absolutely.
    pub fn floor(self, floor: f64) -> Self {
        Self { floor, ..self }
    }
    /// The first step of the differences, for numbers up to 1 and relative to larger ones; it shrinks from there.
    pub fn step(self, step: f64) -> Self {
        Self { step, ..self }
    }
    /// The seed of random weights, directions and choices.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }
    /// Checks this many random directions of each parameter instead of its elements; a check of none is refused.
    pub fn fast(self, directions: usize) -> Self {
        Self { directions: Some(directions), ..self }
    }
    /// Checks elements, as is the default.
    pub fn slow(self) -> Self {
        Self { directions: None, ..self }
    }
    /// Checks at most this many elements of each parameter, chosen at random; a check of none is refused.
    pub fn max_elements(self, max_elements: usize) -> Self {
        Self { max_elements, ..self }
    }

    /// The setting by which no number would be looked at.
    fn checks_nothing(&self) -> Option<&'static str> {
        match (self.directions, self.max_elements) {
            (Some(0), _) => Some("fast(0) checks no direction"),
            (None, 0) => Some("max_elements(0) checks no element"),
            _ => None,
        }
    }

    /// Checks the gradient of `f`.
    pub fn gradcheck<F>(&self, parameters: &[(&str, Tensor<T>)], f: F) -> GradcheckReport
    where
        F: for<'t> Fn(&[Var<'t, T>]) -> Var<'t, T>,
    {
        let f = fallible(move |_, p| Ok(f(p)));
        run(self, 1, &subject(&f, parameters), &f)
    }

    /// Checks the gradient of `f` against differences of the same function in f64.
    pub fn gradcheck_against<F, G>(&self, parameters: &[(&str, Tensor<T>)], f: F, reference: G) -> GradcheckReport
    where
        F: for<'t> Fn(&[Var<'t, T>]) -> Var<'t, T>,
        G: for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64>,
    {
        let f = fallible(move |_, p| Ok(f(p)));
        let reference = fallible(move |_, p| Ok(reference(p)));
        run(self, 1, &subject(&f, parameters), &reference)
    }

    /// Checks the second derivatives of `f`: the recorded gradient, weighted with a random direction.
    pub fn gradgradcheck<F>(&self, parameters: &[(&str, Tensor<T>)], f: F) -> GradcheckReport
    where
        F: for<'t> Fn(&[Var<'t, T>]) -> Var<'t, T>,
    {
        let f = fallible(move |_, p| Ok(f(p)));
        let mut subject = subject(&f, parameters);
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed ^ 0x5ec0_4d0e);
        let directions: Vec<Tensor<T>> = subject.point.iter().map(|x| random_direction(&mut rng, x)).collect();
        if !subject.point.is_empty() {
            let tape = Tape::<T>::of();
            let output = f(&tape, &replay::variables(&tape, &subject.point)).map(|y| y.value());
            let upstream = output.map_or(Tensor::scalar(T::from_f64(1.0)), |y| random_direction(&mut rng, &y));
            subject.point.push(upstream);
            subject.names.push("(upstream)".into());
        }
        let gradient = fallible(|tape, p| contracted_gradient(&f, tape, p, &directions));
        let subject = Subject { f: &gradient, ..subject };
        run(self, 2, &subject, &gradient)
    }
}

/// The recorded gradient by all parameters but the last, which is the upstream gradient, times fixed directions.
#[inline(never)]
fn contracted_gradient<'t, T: Element>(
    f: &Function<'_, T>,
    tape: &'t Tape<T>,
    p: &[Var<'t, T>],
    directions: &[Tensor<T>],
) -> Result<Var<'t, T>> {
    let (&upstream, xs) = p.split_last().expect("the upstream gradient is a parameter");
    let gradients = tape.try_vjp(f(tape, xs)?, upstream, xs)?;
    let parts = gradients.into_iter().zip(directions).map(|(g, direction)| (g * tape.data(direction)).sum(()));
    Ok(parts.sum())
}

fn subject<'f, T: Element>(f: &'f Function<'f, T>, parameters: &[(&str, Tensor<T>)]) -> Subject<'f, T> {
    let (names, point) = parameters.iter().map(|(name, x)| (name.to_string(), x.clone())).unzip();
    Subject { f, names, point }
}

/// Lets the compiler see that a closure takes a tape of any lifetime.
fn fallible<T, F>(f: F) -> F
where
    F: for<'t> Fn(&'t Tape<T>, &[Var<'t, T>]) -> Result<Var<'t, T>>,
{
    f
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::num::Number;
    use crate::ops::{BinaryOp, BinaryVisitor, BuiltinBinary, BuiltinUnary, N_CODES, N_UNARY, UnaryOp, UnaryVisitor};

    /// Both checks of an op at its own sample points, as scalars and as tensors.
    struct AtItsPoints;

    fn passes<F>(name: &str, parameters: &[(&str, Tensor<f64>)], f: F)
    where
        F: for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64>,
    {
        for report in [gradcheck(parameters, &f), gradgradcheck(parameters, &f)] {
            assert!(report.passed(), "{name}: {report}");
            let undecided: usize = report.parameters.iter().map(|p| p.inconclusive).sum();
            assert_eq!(undecided, 0, "{name}: {report}");
        }
    }

    impl UnaryVisitor for AtItsPoints {
        type Output = ();
        fn visit<O: BuiltinUnary>(self, op: O) {
            passes(O::NAME, &[("x", Tensor::from(O::POINTS))], |p| p[0].unary(op));
            for &x in O::POINTS {
                passes(O::NAME, &[("x", Tensor::scalar(x))], |p| p[0].unary(op));
            }
        }
    }

    impl BinaryVisitor for AtItsPoints {
        type Output = ();
        fn visit<O: BuiltinBinary>(self, op: O) {
            let (x, y): (Vec<f64>, Vec<f64>) = O::POINTS.iter().copied().unzip();
            passes(O::NAME, &[("x", Tensor::from(&x)), ("y", Tensor::from(&y))], |p| p[0].binary(op, p[1]));
            for (&x, &y) in x.iter().zip(&y) {
                let parameters = [("x", Tensor::scalar(x)), ("y", Tensor::scalar(y))];
                passes(O::NAME, &parameters, |p| p[0].binary(op, p[1]));
            }
        }
    }

    #[test]
    fn every_elementwise_op_passes_both_checks_at_its_points() {
        UnaryOp::all().into_iter().for_each(|op| op.with(AtItsPoints));
        (N_UNARY..N_CODES).for_each(|code| BinaryOp::unpack(code).with(AtItsPoints));
    }
}
