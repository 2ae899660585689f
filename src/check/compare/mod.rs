//! Hand-coded gradients beside autodiff: who is right, by how much, how fast, and what the mistake is.
//!
//! [`Compare`] takes a function recorded on a tape, a point, and hand-coded gradients by the names of parameters and of
//! intermediates. For each it lays four ways side by side: hand-coded, reverse mode, forward mode, and central differences
//! with Richardson extrapolation. Where hand-coded and reverse mode differ, the other two say who is right; where they agree,
//! differences must not contradict them.
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
//! # Verdicts
//!
//! *Values first.* With [`hand_value`](Compare::hand_value) the hand-coded function's value stands beside the function's.
//! If they differ, two different functions are compared: the report says so and stops. A broadcast that made both
//! operands larger, as `[n] - [n, 1]` is `[n, n]`, is noted with its source line, since that is how functions come to differ
//! unseen.
//!
//! *No verdict rests on two ways that share their source of error.* Reverse mode and forward mode share the rules of
//! users' ops and what was taken off the tape, and so may a derivation by hand; differences share neither. Where
//! hand-coded and autodiff agree and differences contradict both, the gradient [differs](super::Verdict::Differs) and
//! [neither](Right::Neither) is right. The report says which of the two it is: each user's op is held against its own
//! differences, and data recorded anew beside the point must be what it was. A difference counts as a contradiction only
//! beyond 1e-6 of the gradient's largest value and eight times its own uncertainty, with a large and a small first step.
//!
//! *A choice at a kink is no mistake.* Where the function has no derivative (relu and abs at 0, a tie of max, a bound of
//! clamp, a condition that turns), the gradients of the pieces that meet there, and what lies between them, are of equal
//! right. A hand-coded gradient that is another one than autodiff's is [undecided](super::Verdict::Inconclusive): it is
//! no agreement, is not blamed, and gets no diagnosis. [`Comparison::assert`] and [`agrees`](Comparison::agrees) fail on
//! what differs alone; a choice passes, with a note in the report, and [`Comparison::verdict`] tells it from agreement.
//!
//! ```
//! use retrograd::check::{Compare, Verdict};
//! let largest = |by_hand: [f64; 3]| Compare::new(|p| p[0].max(())).parameter("x", [3.0, 1.0, 3.0]).hand("x", by_hand).run();
//! assert_eq!(largest([0.5, 0.0, 0.5])?.verdict(), Verdict::Agrees); // autodiff shares it among the largest
//! assert_eq!(largest([1.0, 0.0, 0.0])?.verdict(), Verdict::Inconclusive); // the first of them has it all
//! assert_eq!(largest([1.0, 0.0, 1.0])?.verdict(), Verdict::Differs); // each of them has it all
//! # Ok::<(), retrograd::Error>(())
//! ```
//!
//! # Diagnosis
//!
//! A hand-coded gradient is a program: the derivation, with a slip in it. The right derivation is at hand, since the ops' own rules
//! write it down, statement by statement, with the values at the point. So the smallest edit of it is looked for that gives the
//! hand-coded numbers, all of them at once, those that agree included:
//!
//! - of one statement, in the forms in which people write it: another value at hand in place of an operand, a factor or a term left out, turned
//!   or counted twice, another operator, exponent, function, comparison, transpose, sum or index, another number;
//! - the same edit in all steps of a recurrence, all layers of a loop, all uses of a line;
//! - two edits of different statements;
//! - of the result (a penalty left out or put where none belongs, rows in another order, another parameter's gradient, another
//!   shape), of the function (another loss, an op left out or applied twice) and of its examples (one alone), where no edit says it.
//!
//! An edit is reported only if it gives the hand-coded values up to rounding ([`Compare::tolerance`]), and if among as many as were
//! tried none would come as near by chance. The report has the statement as it is and as it should be, in the names that the function
//! gives ([`Var::named`](crate::Var::named)), with the line that recorded it. Several that come to the
//! same numbers at the point are equivalents, the simplest first. For values that nothing explains the report describes the
//! difference ([`Diagnosis::description`]): by which number, in which elements, in what precision, and by elimination where the
//! mistake must be.
//!
//! The report is text (print it), data (`Comparison::to_json`, with the feature `training`), [Markdown](Comparison::to_markdown) or
//! [a page](Comparison::to_html).
//!
//! # Cost
//!
//! Ten evaluations of the function per compared element. Where hand-coded values differ, two recordings and sweeps to see whether
//! the point is on a kink (if it is, one for each element on it), and one for each mistake tried.

mod case;
mod cause;
mod choices;
#[cfg(feature = "training")]
mod data;
mod derivation;
mod describe;
mod difference;
mod factors;
mod four;
mod hand;
mod head;
mod kinds;
mod markdown;
mod mutant;
mod mutations;
mod notes;
mod page;
mod parameters;
mod report;
mod results;
mod search;
mod shapes;
mod timing;

pub use hand::{HandCoded, ParameterValue};
pub use kinds::Kind;
pub use parameters::{Parameters, function};
pub use report::{Block, Comparison, Diagnosis, Hypothesis, Mistake, Right, Timing, Worst};

use super::Verdict;
use super::replay::Function;
use crate::error::{Error, Result};
use crate::tape::{Tape, Var};
use crate::tensor::Tensor;
use case::Case;
use hand::{Hand, Source};
use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// A comparison to be made: the function, the point, the hand-coded gradients, and options.
///
/// The function takes its parameters by name, `p["w"]`, or by position, `p[0]` (see [`Parameters`]). Hand-coded gradients are numbers in
/// whatever form they are at hand ([`HandCoded`]), or closures of the point ([`hand_fn`](Self::hand_fn)). What the verdicts mean is said
/// in [the module](self#verdicts).
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
    /// What the function knows the parameters by, from when all are given.
    known: Rc<OnceCell<Arc<[String]>>>,
    names: Vec<String>,
    point: Vec<Tensor<f64>>,
    hand: Vec<Hand<'f>>,
    hand_value: Option<(f64, bool)>,
    constants: Vec<(String, f64)>,
    /// The error allowed, where it was asked for.
    tolerance: Option<f64>,
    max_elements: usize,
    budget: usize,
    time_limit: Option<Duration>,
    timed: Option<Box<dyn FnMut() + 'f>>,
    /// The first thing given that cannot be used.
    refused: Option<Error>,
}

impl<'f> Compare<'f> {
    /// A comparison of the gradients of `f`, which gives a number. It is called with one variable for each parameter, which it
    /// takes by name or by position, in the order in which they are given; their tape is [`p[0].tape()`](Var::tape).
    ///
    /// ```
    /// use retrograd::{Var, check::{Compare, compare::{self, Parameters}}};
    /// let by_name = Compare::new(|p| (p["w"] * p["x"]).sum(()));
    /// let by_position = Compare::new(|p| (p[0] * p[1]).sum(()));
    ///
    /// // A closure that is kept in a variable:
    /// let f = compare::function(|p| (p["w"] * p["x"]).sum(()));
    /// let from_a_variable = Compare::new(&f);
    ///
    /// // A function:
    /// fn product<'t>(p: &Parameters<Var<'t, f64>>) -> Var<'t, f64> {
    ///     (p["w"] * p["x"]).sum(())
    /// }
    /// let from_a_function = Compare::new(product);
    ///
    /// // A function that is given to `gradcheck` or `grad` as well:
    /// fn of_a_slice<'t>(p: &[Var<'t, f64>]) -> Var<'t, f64> {
    ///     (p[0] * p[1]).sum(())
    /// }
    /// let from_a_slice = Compare::new(|p| of_a_slice(p));
    ///
    /// for compare in [by_name, by_position, from_a_variable, from_a_function, from_a_slice] {
    ///     compare.parameter("w", [3.0, 1.0]).parameter("x", [2.0, 5.0]).hand("w", [2.0, 5.0]).run()?.assert();
    /// }
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn new<F>(f: F) -> Self
    where
        F: for<'t> Fn(&Parameters<Var<'t, f64>>) -> Var<'t, f64> + 'f,
    {
        let known = Rc::new(OnceCell::<Arc<[String]>>::new());
        let names = known.clone();
        let f = fallible(move |_, p| {
            let parameters = Parameters::new(p.to_vec(), names.get().cloned().unwrap_or_default());
            parameters::with_names(|| f(&parameters))
        });
        Self {
            f: Box::new(f),
            known,
            names: Vec::new(),
            point: Vec::new(),
            hand: Vec::new(),
            hand_value: None,
            constants: Vec::new(),
            tolerance: None,
            max_elements: 256,
            budget: 5_000_000,
            time_limit: None,
            timed: None,
            refused: None,
        }
    }
    /// A parameter and its value at the point.
    pub fn parameter(mut self, name: impl Into<String>, value: impl ParameterValue) -> Self {
        let name = name.into();
        match value.into_parameter() {
            Ok(value) => self.point.push(value),
            Err(why) => {
                self.point.push(Tensor::zeros([0]));
                self.refuse(Error::shape(format!("compare: parameter {name:?}: {why}")));
            }
        }
        self.names.push(name);
        self
    }
    /// The hand-coded gradient by a parameter, or by an intermediate that the function names with
    /// [`Var::named`](crate::Var::named): numbers in any form of [`HandCoded`]. A wrong shape is a finding, not an error.
    pub fn hand<G: HandCoded>(mut self, name: impl Into<String>, gradient: G) -> Self {
        let name = name.into();
        match gradient.into_hand_coded() {
            Ok(numbers) => {
                self.hand.push(Hand { name, source: Source::Numbers(numbers), is_single: G::IS_SINGLE });
            }
            Err(why) => self.refuse(hand::named(&name, why)),
        }
        self
    }
    /// The hand-coded gradient as a closure of the parameters' values, which it takes by name or by position. It is evaluated
    /// at the point, and where a gradient differs at two points beside it, so that an explanation that fits at one point alone
    /// is not taken for one.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Tensor, check::Compare};
    /// let x = Tensor::from([1.0, -2.0]);
    /// let report = Compare::new(|p| (p["w"] * &x).sum(()).square())
    ///     .parameter("w", [3.0, 1.0])
    ///     .hand_fn("w", |p| (&p["w"] * &x).sum(()).item() * 2.0 * &x)
    ///     .run()?;
    /// report.assert();
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn hand_fn<F, G>(mut self, name: impl Into<String>, gradient: F) -> Self
    where
        F: Fn(&Parameters<Tensor<f64>>) -> G + 'f,
        G: HandCoded,
    {
        self.hand.push(Hand::function(name.into(), gradient));
        self
    }
    /// The value of the hand-coded function at the point. If the function gives another, two different functions are
    /// compared: the report says so and stops, since nothing follows from their gradients.
    ///
    /// Values v and f are the same if |v - f| is at most the [`tolerance`](Self::tolerance) (1e-5 for an `f32`) times the larger of |v|
    /// and |f|, and 1e-13 times the largest number on the way to f, which is its rounding where terms cancel.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Tensor, check::{Compare, Verdict}};
    /// let (x, y) = (Tensor::from([1.0, 2.0, 4.0]), Tensor::from([[0.5], [1.0], [1.5]]));
    /// let by_hand = 0.25 + 1.0 + 6.25;
    /// // [3] - [3, 1] is [3, 3]: each element of x less each of y.
    /// let report = Compare::new(|p| (p["x"] - &y).square().sum(()))
    ///     .parameter("x", &x)
    ///     .hand("x", [1.0, 2.0, 5.0])
    ///     .hand_value(by_hand)
    ///     .run()?;
    /// assert_eq!((report.value_verdict, report.hand_value), (Verdict::Differs, Some(7.5)));
    /// assert!(!report.agrees() && report.blocks.is_empty());
    /// assert!(report.to_string().starts_with("compare: two different functions are compared"));
    /// assert!(report.notes[0].contains("made [3, 3] of [3] and [3, 1]"));
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn hand_value<V: HandCoded>(mut self, value: V) -> Self {
        match value.into_hand_coded() {
            Ok(value) if value.len() == 1 => self.hand_value = Some((value.as_slice()[0], V::IS_SINGLE)),
            Ok(value) => {
                let shape = value.shape();
                self.refuse(Error::shape(format!(
                    "compare: the hand-coded value has shape {shape}; it must be one number"
                )));
            }
            Err(why) => self.refuse(Error::shape(format!("compare: the hand-coded value: {why}"))),
        }
        self
    }
    /// A number of the derivation (lambda, the number of examples), so that factors can be called by its name.
    pub fn constant(mut self, name: impl Into<String>, value: f64) -> Self {
        self.constants.push((name.into(), value));
        self
    }
    /// The error allowed relative to the largest value of a gradient: 1e-9 for values computed in f64, 1e-5 for those in f32.
    /// For printed values, half a unit of their last digit.
    pub fn tolerance(self, tolerance: f64) -> Self {
        Self { tolerance: Some(tolerance), ..self }
    }
    /// The most elements of one gradient that forward mode and differences are computed for, 256; the hand-coded values
    /// are compared with reverse mode in all.
    pub fn max_elements(self, max_elements: usize) -> Self {
        Self { max_elements, ..self }
    }
    /// The most mistakes to try, single or double: 5,000,000. What is cheap to say is tried first.
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

    /// Compares, and looks for the mistake where a gradient differs and autodiff is not contradicted.
    ///
    /// # Errors
    /// No parameters, or no hand-coded gradients; a name given twice, or known to neither parameters nor the graph, or asked for in
    /// vain by the function; rows of different lengths, a hand-coded value that is no number; a function that fails, gives a
    /// tensor, is not finite at the point, or gives two results at one point.
    pub fn run(mut self) -> Result<Comparison> {
        if let Some(refused) = self.refused.take() {
            return Err(refused);
        }
        self.check_names()?;
        let mut case = Case::new(&self)?;
        let mut report = Comparison {
            value: case.value,
            hand_value: self.hand_value.map(|(value, _)| value),
            value_verdict: self.judge_value(&case),
            blocks: Vec::new(),
            diagnosis: Diagnosis { complete: true, ..Diagnosis::default() },
            timing: None,
            notes: notes::broadcasts(&case.levels[0]),
        };
        if report.value_verdict == Verdict::Differs {
            return Ok(report);
        }
        let (blocks, notes) = four::blocks(&self, &case)?;
        report.notes.extend(notes);
        // A mistake is looked for where autodiff is right; a choice is none.
        let wrong = |name: &str| blocks.iter().any(|block| block.name == name && block.is_mistaken());
        case.targets.retain(|target| target.agrees || wrong(&target.name));
        if !case.differing().is_empty() {
            report.diagnosis = search::diagnose(&self, &case);
        }
        report.blocks = blocks;
        report.timing = self.timed.take().map(|by_hand| timing::measure(&self, by_hand)).transpose()?;
        Ok(report)
    }

    /// Values of the parameters with their names, which the function knows from here on.
    fn named(&self, values: Vec<Tensor<f64>>) -> Parameters<Tensor<f64>> {
        let names = self.known.get_or_init(|| self.names.iter().cloned().collect());
        Parameters::new(values, names.clone())
    }

    /// Whether the hand-coded value is the function's; inconclusive where there is none.
    fn judge_value(&self, case: &Case) -> Verdict {
        let Some((by_hand, is_single)) = self.hand_value else { return Verdict::Inconclusive };
        let relative = self.tolerance.unwrap_or(if is_single { hand::SINGLE } else { hand::DOUBLE });
        let values = case.levels[0].nodes().iter().filter(|node| node.is_active() && !node.is_input());
        let on_the_way = values.flat_map(|node| node.value().as_slice()).filter(|x| x.is_finite());
        let largest = on_the_way.fold(0.0, |max: f64, x| max.max(x.abs()));
        let allowed = relative * by_hand.abs().max(case.value.abs()) + 1e-13 * largest;
        if (by_hand - case.value).abs() <= allowed { Verdict::Agrees } else { Verdict::Differs }
    }

    /// Remembers the first thing that cannot be used.
    fn refuse(&mut self, why: Error) {
        self.refused.get_or_insert(why);
    }

    fn check_names(&self) -> Result<()> {
        if self.names.is_empty() {
            return Err(Error::argument("compare: no parameters; give at least one with parameter(name, value)"));
        }
        if let Some(tolerance) = self.tolerance.filter(|tolerance| !(tolerance.is_finite() && *tolerance >= 0.0)) {
            return Err(Error::argument(format!(
                "compare: a tolerance of {tolerance} tells nothing apart; give the relative error allowed, as 1e-9"
            )));
        }
        if self.hand.is_empty() {
            return Err(Error::argument(
                "compare: no hand-coded gradients; give at least one with hand(name, gradient)",
            ));
        }
        let hand: Vec<&String> = self.hand.iter().map(|hand| &hand.name).collect();
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
