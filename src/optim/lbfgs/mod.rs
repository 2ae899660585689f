//! L-BFGS with a strong-Wolfe line search, for problems whose whole loss is evaluated at once.
//!
//! The direction is that of Newton's method with a Hessian guessed from the last steps; the line search makes every step lower
//! the function enough. Both are PyTorch's (torch.optim.LBFGS with strong_wolfe), number for number where all values are
//! finite; a trial at which the function is not finite counts as too long a step here. Computed in double precision whatever
//! the model's is.

mod line_search;
mod problem;

use crate::{Error, Result};
use line_search::{LineFunction, Trial};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fmt;

/// The minimiser: settings, and what it remembers of the steps so far.
///
/// Calling it again goes on where the last call ended, so training can be cut into parts and saved between them. Defaults: at
/// most 20 iterations and 25 evaluations a call, a history of 100 steps, first step length 1, tolerances 1e-7 of the gradient
/// and 1e-9 of the change. Source: Nocedal & Wright 2006, algorithms 7.4 and 7.5; torch.optim.LBFGS.
///
/// # Examples
/// ```
/// use retrograd::optim::Lbfgs;
/// let mut lbfgs = Lbfgs::new().max_iter(100);
/// let minimum = lbfgs.minimize([-1.2, 1.0], |p| {
///     let (x, y) = (p.slice(0), p.slice(1));
///     (y - x.square()).square() * 100.0 + (1.0 - x).square()
/// })?;
/// assert!((minimum.x[[0]] - 1.0).abs() < 1e-4);
/// println!("{}", minimum.report);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Lbfgs {
    settings: Settings,
    memory: LbfgsState,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    lr: f64,
    max_iter: u64,
    /// 5/4 of `max_iter` unless set.
    max_eval: Option<u64>,
    tolerance_grad: f64,
    tolerance_change: f64,
    history_size: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { lr: 1.0, max_iter: 20, max_eval: None, tolerance_grad: 1e-7, tolerance_change: 1e-9, history_size: 100 }
    }
}

/// What the minimiser remembers: flat vectors over all parameters, and numbers. Saved and put back, the run goes on bit for bit.
///
/// # Examples
/// ```
/// use retrograd::{Var, optim::Lbfgs};
/// fn f(x: Var<'_, f64>) -> Var<'_, f64> {
///     x.square().square().sum(())
/// }
/// let mut first = Lbfgs::new().max_iter(2);
/// let halfway = first.minimize([3.0, -2.0], f)?;
/// let saved = retrograd::serde_json::to_string(first.state()).unwrap();
/// // Elsewhere, it goes on as if it had not stopped.
/// let mut second = Lbfgs::new().max_iter(2);
/// second.set_state(retrograd::serde_json::from_str(&saved).unwrap())?;
/// assert_eq!(second.minimize(halfway.x.clone(), f)?.x, first.minimize(halfway.x, f)?.x);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LbfgsState {
    /// Iterations over all calls.
    pub iterations: u64,
    /// Evaluations over all calls.
    pub evaluations: u64,
    /// The last steps, the oldest first.
    pub steps: VecDeque<Vec<f64>>,
    /// How each of them changed the gradient.
    pub changes: VecDeque<Vec<f64>>,
}

/// Why a call ended.
///
/// # Examples
/// ```
/// use retrograd::optim::{Lbfgs, Termination};
/// let minimum = |iterations| Lbfgs::new().max_iter(iterations).minimize([3.0, -2.0], |x| x.square().sum(()));
/// assert_eq!(minimum(1)?.report.stop, Termination::Budget);
/// assert!(minimum(100)?.report.stop.is_converged());
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Termination {
    /// No element of the gradient is above its tolerance.
    Gradient,
    /// The value or the parameters change by less than the tolerance.
    Change,
    /// All iterations or evaluations are used up.
    Budget,
    /// No lower point was found along the direction.
    LineSearch,
    /// The function or its gradient is not finite where the call began.
    NotFinite,
}

impl Termination {
    /// Whether this is a minimum as far as can be told.
    pub fn is_converged(self) -> bool {
        matches!(self, Self::Gradient | Self::Change)
    }
}

impl fmt::Display for Termination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gradient => "converged: the gradient is within its tolerance",
            Self::Change => "converged: the change is within its tolerance",
            Self::Budget => "stopped: iterations or evaluations are used up",
            Self::LineSearch => "stopped: no lower point was found along the direction",
            Self::NotFinite => "stopped: the function or its gradient is not finite",
        })
    }
}

/// What a call did.
///
/// # Examples
/// ```
/// use retrograd::optim::Lbfgs;
/// let report = Lbfgs::new().minimize([3.0, -2.0], |x| x.square().sum(()))?.report;
/// assert!(report.value < 1e-10 && report.gradient < 1e-5 && report.stop.is_converged());
/// assert!(report.iterations <= report.evaluations);
/// println!("{report}");
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LbfgsReport {
    /// The function at the end.
    pub value: f64,
    /// The largest element of the gradient there.
    pub gradient: f64,
    /// Iterations of this call.
    pub iterations: u64,
    /// Evaluations of the function and its gradient in this call.
    pub evaluations: u64,
    /// Why it ended.
    pub stop: Termination,
}

impl fmt::Display for LbfgsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { value, gradient, iterations, evaluations, stop } = self;
        write!(
            f,
            "{stop}; value {value:.6e}, gradient {gradient:.1e}, {iterations} iterations, {evaluations} evaluations"
        )
    }
}

/// A point and how it was reached.
///
/// # Examples
/// ```
/// use retrograd::optim::Lbfgs;
/// let minimum = Lbfgs::new().minimize([[3.0], [-2.0]], |x| (x - 1.0).square().sum(()))?;
/// // The point has the shape of the start.
/// assert_eq!(minimum.x.shape().dims(), [2, 1]);
/// assert!(minimum.x.iter().all(|x| (x - 1.0).abs() < 1e-6));
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Minimized {
    /// The point.
    pub x: crate::Tensor<f64>,
    /// What the call did.
    pub report: LbfgsReport,
}

impl Default for Lbfgs {
    fn default() -> Self {
        Self::new()
    }
}

impl Lbfgs {
    /// The minimiser with PyTorch's defaults.
    pub fn new() -> Self {
        Self { settings: Settings::default(), memory: LbfgsState::default() }
    }
    /// Sets the length of the first trial of each line search, in multiples of the direction; 1 unless set.
    pub fn lr(mut self, lr: f64) -> Self {
        self.settings.lr = lr;
        self
    }
    /// Sets the most iterations a call may take.
    pub fn max_iter(mut self, iterations: u64) -> Self {
        self.settings.max_iter = iterations;
        self
    }
    /// Sets the most evaluations a call may take; one more is taken where a line search is cut off.
    pub fn max_eval(mut self, evaluations: u64) -> Self {
        self.settings.max_eval = Some(evaluations);
        self
    }
    /// Sets the largest element of the gradient at which a call has converged.
    pub fn tolerance_grad(mut self, tolerance: f64) -> Self {
        self.settings.tolerance_grad = tolerance;
        self
    }
    /// Sets the change of the value, and of every parameter, below which a call has converged.
    pub fn tolerance_change(mut self, tolerance: f64) -> Self {
        self.settings.tolerance_change = tolerance;
        self
    }
    /// Sets how many steps are remembered.
    pub fn history_size(mut self, steps: usize) -> Self {
        self.settings.history_size = steps;
        self
    }

    /// The settings, for checkpoints; read back by [`Lbfgs::from_config`].
    pub fn config(&self) -> serde_json::Value {
        serde_json::json!(self.settings)
    }
    /// The minimiser with settings that [`Lbfgs::config`] wrote, without its memory.
    ///
    /// # Errors
    /// Unknown settings, and values that make no sense; each is named.
    pub fn from_config(config: &serde_json::Value) -> Result<Self> {
        let settings = serde_json::from_value(config.clone()).map_err(|e| Error::argument(format!("lbfgs: {e}")))?;
        let lbfgs = Self { settings, memory: LbfgsState::default() };
        lbfgs.validate()?;
        Ok(lbfgs)
    }
    /// What it remembers.
    pub fn state(&self) -> &LbfgsState {
        &self.memory
    }
    /// Puts back what it remembered.
    ///
    /// # Errors
    /// Steps and changes that differ in number or length, and numbers that are not finite.
    pub fn set_state(&mut self, state: LbfgsState) -> Result<()> {
        let n = state.steps.front().map_or(0, Vec::len);
        if state.steps.len() != state.changes.len()
            || state.steps.iter().chain(&state.changes).any(|vector| vector.len() != n)
        {
            return Err(Error::shape(format!(
                "lbfgs: a state of {} steps and {} changes, or vectors of different lengths",
                state.steps.len(),
                state.changes.len()
            )));
        }
        if state.steps.iter().chain(&state.changes).flatten().any(|x| !x.is_finite()) {
            return Err(Error::not_finite("lbfgs: the state has a number that is not finite"));
        }
        self.memory = state;
        Ok(())
    }

    /// An error if a setting makes no sense.
    ///
    /// # Errors
    /// Names the setting.
    pub fn validate(&self) -> Result<()> {
        let settings = &self.settings;
        super::rule::Settings("lbfgs")
            .rate(settings.lr)?
            .not_negative("tolerance_grad", settings.tolerance_grad)?
            .not_negative("tolerance_change", settings.tolerance_change)?;
        let counts = [
            ("max_iter", settings.max_iter),
            ("max_eval", settings.max_eval.unwrap_or(1)),
            ("history_size", settings.history_size as u64),
        ];
        match counts.iter().find(|(_, count)| *count == 0) {
            Some((name, _)) => Err(Error::argument(format!("lbfgs: {name} must be 1 or more, got 0"))),
            None => Ok(()),
        }
    }

    /// Lowers a function given by its value and gradient, from and to `x`.
    ///
    /// # Errors
    /// Those of the function; settings that make no sense; a memory of another number of parameters. `x` is then the best
    /// point that was reached.
    pub fn minimize_with(
        &mut self,
        x: &mut [f64],
        mut f: impl FnMut(&[f64]) -> Result<(f64, Vec<f64>)>,
    ) -> Result<LbfgsReport> {
        self.validate()?;
        self.check_length(x.len())?;
        let settings = self.settings;
        let max_eval = settings.max_eval.unwrap_or(settings.max_iter.saturating_mul(5) / 4);
        let (value, gradient) = f(x)?;
        self.memory.evaluations += 1;
        let mut here = Trial { t: 0.0, value, gradient, slope: 0.0 };
        let (mut iterations, mut evaluations) = (0, 1);
        let stop = loop {
            if let Some(stop) = self.at_rest(&here, iterations, evaluations, max_eval) {
                break stop;
            }
            let direction = self.direction(&here.gradient);
            here.slope = dot(&here.gradient, &direction);
            iterations += 1;
            self.memory.iterations += 1;
            if here.slope > -settings.tolerance_change {
                break Termination::Change;
            }
            let first = if self.memory.iterations == 1 { short_first_step(&here.gradient) } else { 1.0 };
            let mut line = LineFunction::new(x, &direction, &mut f);
            let budget = max_eval - evaluations;
            let found = line.strong_wolfe(&here, first * settings.lr, settings.tolerance_change, budget);
            evaluations += line.evaluations;
            self.memory.evaluations += line.evaluations;
            let next = found?;
            if next.t == 0.0 {
                break if evaluations >= max_eval { Termination::Budget } else { Termination::LineSearch };
            }
            let step: Vec<f64> = direction.iter().map(|d| next.t * d).collect();
            for (x, step) in x.iter_mut().zip(&step) {
                *x += step;
            }
            let (longest, change) = (largest(&step), (next.value - here.value).abs());
            self.remember(step, &here.gradient, &next.gradient);
            here = Trial { t: 0.0, ..next };
            let spent = iterations >= settings.max_iter || evaluations >= max_eval;
            let calm = longest <= settings.tolerance_change || change < settings.tolerance_change;
            if !spent && calm && largest(&here.gradient) > settings.tolerance_grad {
                break Termination::Change;
            }
        };
        Ok(LbfgsReport { value: here.value, gradient: largest(&here.gradient), iterations, evaluations, stop })
    }

    /// Why nothing more is to be done at a point, if so.
    fn at_rest(&self, here: &Trial, iterations: u64, evaluations: u64, max_eval: u64) -> Option<Termination> {
        if !(here.value.is_finite() && here.gradient.iter().all(|g| g.is_finite())) {
            Some(Termination::NotFinite)
        } else if largest(&here.gradient) <= self.settings.tolerance_grad {
            Some(Termination::Gradient)
        } else if iterations >= self.settings.max_iter || (iterations > 0 && evaluations >= max_eval) {
            Some(Termination::Budget)
        } else {
            None
        }
    }

    fn check_length(&self, n: usize) -> Result<()> {
        match self.memory.steps.front() {
            Some(step) if step.len() != n => Err(Error::shape(format!(
                "lbfgs: remembers steps of {} parameters, got {n}; begin with a new Lbfgs",
                step.len()
            ))),
            _ => Ok(()),
        }
    }

    /// Minus the gradient times the guessed inverse Hessian: the two loops of algorithm 7.4.
    fn direction(&self, gradient: &[f64]) -> Vec<f64> {
        let pairs = || self.memory.steps.iter().zip(&self.memory.changes);
        let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let mut shares = Vec::with_capacity(self.memory.steps.len());
        for (step, change) in pairs().rev() {
            let share = dot(step, &q) / dot(change, step);
            add(&mut q, -share, change);
            shares.push(share);
        }
        if let Some((step, change)) = pairs().next_back() {
            let scale = dot(change, step) / dot(change, change);
            q.iter_mut().for_each(|q| *q *= scale);
        }
        for ((step, change), share) in pairs().zip(shares.into_iter().rev()) {
            let past = dot(change, &q) / dot(change, step);
            add(&mut q, share - past, step);
        }
        q
    }

    /// Keeps a step along which the gradient grew; one along which it did not would spoil the guess. PyTorch drops all that
    /// are small, which default tolerances never see and tighter ones starve of.
    fn remember(&mut self, step: Vec<f64>, before: &[f64], after: &[f64]) {
        let change: Vec<f64> = after.iter().zip(before).map(|(after, before)| after - before).collect();
        let curvature = dot(&change, &step);
        let clear = curvature > 1e-8 * (dot(&change, &change) * dot(&step, &step)).sqrt();
        if curvature > 1e-10 || clear {
            while self.memory.steps.len() >= self.settings.history_size {
                self.memory.steps.pop_front();
                self.memory.changes.pop_front();
            }
            self.memory.steps.push_back(step);
            self.memory.changes.push_back(change);
        }
    }
}

/// The first step has no Hessian to go by: its length is at most 1, summed over the parameters.
fn short_first_step(gradient: &[f64]) -> f64 {
    (1.0 / gradient.iter().map(|g| g.abs()).sum::<f64>()).min(1.0)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(sum: &mut [f64], factor: f64, x: &[f64]) {
    sum.iter_mut().zip(x).for_each(|(sum, x)| *sum += factor * x);
}

/// The largest absolute value; NaN if any is.
fn largest(x: &[f64]) -> f64 {
    x.iter().fold(0.0, |largest: f64, x| if x.abs() > largest || x.is_nan() { x.abs() } else { largest })
}
