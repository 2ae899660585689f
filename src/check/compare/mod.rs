//! Hand-coded gradients beside autodiff: who is right, by how much, how fast, and what the mistake is.
//!
//! [`Compare`] takes a function recorded on a tape, a point, and hand-coded gradients by the names of parameters and of
//! intermediates. For each it lays four ways side by side: hand-coded, reverse mode, forward mode, and central differences
//! with Richardson extrapolation. Where hand-coded and reverse mode differ, the other two say who is right.
//!
//! ```
//! use retrograd::{Tensor, check::Compare};
//! let (w, x, t) = (Tensor::from([0.4, -0.3]), Tensor::from([1.0, 2.0]), 1.0);
//! let z = 0.4 * 1.0 - 0.3 * 2.0;
//! let a = 1.0 / (1.0 + f64::exp(-z));
//! // The derivative of sigmoid, a (1 - a), is forgotten.
//! let by_hand = Tensor::from([(a - t) * 1.0, (a - t) * 2.0]);
//! let report = Compare::new(|p| {
//!     let a = (p[0] * &x).sum(()).sigmoid().named("a");
//!     (a - t).square() * 0.5
//! })
//! .parameter("w", w)
//! .hand("w", by_hand)
//! .run()?;
//! assert!(!report.agrees());
//! let found = report.diagnosis.best().unwrap();
//! assert_eq!(found.kind(), retrograd::check::compare::Kind::RuleLeftOut);
//! assert_eq!(found.mistakes[0].node.as_deref(), Some("a"));
//! # Ok::<(), retrograd::Error>(())
//! ```
//!
//! # Diagnosis
//!
//! What would have to be wrong for the hand-coded values to come out? Hypotheses are tested by computing what each would
//! give, and held against all hand-coded values at once, those that agree included:
//!
//! - of the result: a constant factor, a transpose, an added multiple of the parameter, permuted rows or columns, another
//!   parameter's gradient, another shape;
//! - of the derivation: the graph is recorded again with the rule of one node changed, and swept backwards. So the sweep
//!   stays the only loop, and a mistake in one place shows in everything behind it. Fused ops stand as they are and as
//!   their textbook formulas, so that softmax's own rule can be left out of a cross-entropy;
//! - of the function: another loss, an op left out or applied twice, the target dropped.
//!
//! Where no single mistake explains the values, two at once are tried, within a [`budget`](Compare::budget). A mistake is
//! reported only if its values are the hand-coded ones up to rounding ([`Compare::tolerance`]). Several that come to the
//! same numbers at the point are equivalents, the simplest first. Values that nothing explains get no diagnosis.
//!
//! # Cost
//!
//! Ten evaluations of the function per compared element, and one recording and sweep for each mistake tried; none of these
//! where the hand-coded values agree.

mod case;
mod describe;
mod factors;
mod four;
mod head;
mod kinds;
mod mutant;
mod mutations;
mod report;
mod results;
mod search;
mod shapes;
mod timing;

pub use kinds::Kind;
pub use report::{Block, Comparison, Diagnosis, Hypothesis, Mistake, Right, Timing, Worst};

use super::replay::Function;
use crate::error::{Error, Result};
use crate::tape::{Tape, Var};
use crate::tensor::Tensor;
use case::Case;
use std::time::Duration;

/// A comparison to be made: the function, the point, the hand-coded gradients, and options.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, check::Compare};
/// let x = Tensor::from([1.0, -2.0]);
/// // d/dw (w x)^2 = 2 (w x) x.
/// let by_hand = |w: &Tensor<f64>| &x * (2.0 * w.dot(&x).item());
/// let w = Tensor::from([3.0, 1.0]);
/// let report = Compare::new(|p| p[0].dot(p[0].tape().data(&x)).square())
///     .parameter("w", w.clone())
///     .hand("w", by_hand(&w))
///     .run()?;
/// report.assert();
/// # Ok::<(), retrograd::Error>(())
/// ```
pub struct Compare<'f> {
    f: Box<Function<'f, f64>>,
    names: Vec<String>,
    point: Vec<Tensor<f64>>,
    hand: Vec<(String, Tensor<f64>)>,
    constants: Vec<(String, f64)>,
    tolerance: f64,
    max_elements: usize,
    budget: usize,
    time_limit: Option<Duration>,
    timed: Option<Box<dyn FnMut() + 'f>>,
}

impl<'f> Compare<'f> {
    /// A comparison of the gradients of `f`, which gives a number. It is called with one variable for each parameter, in the
    /// order in which they are given, named as they are; their tape is [`p[0].tape()`](Var::tape).
    pub fn new<F>(f: F) -> Self
    where
        F: for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64> + 'f,
    {
        Self {
            f: Box::new(fallible(move |_, p| Ok(f(p)))),
            names: Vec::new(),
            point: Vec::new(),
            hand: Vec::new(),
            constants: Vec::new(),
            tolerance: 1e-9,
            max_elements: 256,
            budget: 5000,
            time_limit: None,
            timed: None,
        }
    }
    /// A parameter and its value at the point.
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<Tensor<f64>>) -> Self {
        self.names.push(name.into());
        self.point.push(value.into());
        self
    }
    /// The hand-coded gradient by a parameter, or by an intermediate that the function names with
    /// [`Var::named`](crate::Var::named). A wrong shape is a finding, not an error.
    pub fn hand(mut self, name: impl Into<String>, gradient: impl Into<Tensor<f64>>) -> Self {
        self.hand.push((name.into(), gradient.into()));
        self
    }
    /// A number of the derivation (lambda, the number of examples), so that factors can be called by its name.
    pub fn constant(mut self, name: impl Into<String>, value: f64) -> Self {
        self.constants.push((name.into(), value));
        self
    }
    /// The error allowed relative to the largest value of a gradient: 1e-9, for values computed in f64. For printed
    /// values, half a unit of their last digit.
    pub fn tolerance(self, tolerance: f64) -> Self {
        Self { tolerance, ..self }
    }
    /// The most elements of one gradient that forward mode and differences are computed for, 256; the hand-coded values
    /// are compared with reverse mode in all.
    pub fn max_elements(self, max_elements: usize) -> Self {
        Self { max_elements, ..self }
    }
    /// The most mistakes to try, single or double: 5000.
    pub fn budget(self, budget: usize) -> Self {
        Self { budget, ..self }
    }
    /// The longest that the search for the mistake may take; no limit unless set.
    pub fn time_limit(self, limit: Duration) -> Self {
        Self { time_limit: Some(limit), ..self }
    }
    /// The hand-coded computation, to be timed beside autodiff: value and gradients, as the hand-coded values were made.
    pub fn time<R>(mut self, mut by_hand: impl FnMut() -> R + 'f) -> Self {
        self.timed = Some(Box::new(move || {
            std::hint::black_box(by_hand());
        }));
        self
    }

    /// Compares, and looks for the mistake where a gradient differs.
    ///
    /// # Errors
    /// No parameters, or no hand-coded gradients; a name given twice, or known to neither parameters nor the graph; a
    /// function that fails, gives a tensor, is not finite at the point, or gives two results at one point.
    pub fn run(mut self) -> Result<Comparison> {
        self.check_names()?;
        let case = Case::new(&self)?;
        let (blocks, notes) = four::blocks(&self, &case)?;
        let differs = blocks.iter().any(|block| !block.agrees());
        let nothing = || Diagnosis { complete: true, ..Diagnosis::default() };
        let diagnosis = if differs { search::diagnose(&self, &case) } else { nothing() };
        let timing = self.timed.take().map(|by_hand| timing::measure(&self, by_hand)).transpose()?;
        Ok(Comparison { value: case.value, blocks, diagnosis, timing, notes })
    }

    fn check_names(&self) -> Result<()> {
        if self.names.is_empty() {
            return Err(Error::argument("compare: no parameters; give at least one with parameter(name, value)"));
        }
        if self.hand.is_empty() {
            return Err(Error::argument(
                "compare: no hand-coded gradients; give at least one with hand(name, gradient)",
            ));
        }
        let hand: Vec<&String> = self.hand.iter().map(|(name, _)| name).collect();
        for (what, names) in [("parameter", self.names.iter().collect()), ("hand-coded gradient", hand)] {
            for (i, name) in names.iter().enumerate() {
                if names[..i].contains(name) {
                    return Err(Error::argument(format!("compare: {what} {name:?} is given twice")));
                }
            }
        }
        Ok(())
    }
}

/// Lets the compiler see that a closure takes a tape of any lifetime.
fn fallible<F>(f: F) -> F
where
    F: for<'t> Fn(&'t Tape<f64>, &[Var<'t, f64>]) -> Result<Var<'t, f64>>,
{
    f
}
