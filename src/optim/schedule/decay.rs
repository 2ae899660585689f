//! Schedules that fall by simple rules: in steps, by a factor, along a line or a power.

use super::{Progress, Schedule, Unit, check, not_negative, written};
use crate::Result;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// The base rate; with [`Constant::damped`], a share of it at first. Source: torch.optim.lr_scheduler.ConstantLR.
///
/// # Examples
/// ```
/// use retrograd::optim::schedule::{Constant, Progress, Schedule};
/// let schedule = Constant::damped(0.5, 3);
/// let rate = |epoch| schedule.learning_rate(0.1, &Progress { epoch, ..Progress::default() });
/// for (epoch, expected) in [(0, 0.05), (2, 0.05), (3, 0.1)] {
///     assert!((rate(epoch) - expected).abs() < 1e-15);
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constant {
    factor: f64,
    length: u64,
    #[serde(default)]
    unit: Unit,
}

impl Constant {
    /// The base rate at all times.
    pub fn new() -> Self {
        Self::damped(1.0, 0)
    }
    /// The base rate times the factor for the first `length` epochs, the base rate after them.
    pub fn damped(factor: f64, length: u64) -> Self {
        Self { factor, length, unit: Unit::Epoch }
    }
    /// Counts in updates instead of epochs.
    pub fn by_step(mut self) -> Self {
        self.unit = Unit::Step;
        self
    }
}

impl Schedule for Constant {
    fn learning_rate(&self, base: f64, at: &Progress) -> f64 {
        let t = at.count(self.unit);
        if t < self.length { base * self.factor } else { base }
    }
    fn config(&self) -> Json {
        written("constant", self)
    }
    fn validate(&self) -> Result<()> {
        check(not_negative(self.factor), "constant", "factor", "0 or more", self.factor)
    }
}

impl Default for Constant {
    fn default() -> Self {
        Self::new()
    }
}

/// base factor^floor(t / every). Source: torch.optim.lr_scheduler.StepLR.
///
/// # Examples
/// ```
/// use retrograd::optim::schedule::{StepDecay, Progress, Schedule};
/// let schedule = StepDecay::new(10, 0.5);
/// let rate = |epoch| schedule.learning_rate(0.1, &Progress { epoch, ..Progress::default() });
/// for (epoch, expected) in [(9, 0.1), (10, 0.05), (20, 0.025)] {
///     assert!((rate(epoch) - expected).abs() < 1e-15);
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepDecay {
    every: u64,
    factor: f64,
    #[serde(default)]
    unit: Unit,
}

impl StepDecay {
    /// Multiplies the rate by the factor after every so many epochs.
    pub fn new(every: u64, factor: f64) -> Self {
        Self { every, factor, unit: Unit::Epoch }
    }
    /// Counts in updates instead of epochs.
    pub fn by_step(mut self) -> Self {
        self.unit = Unit::Step;
        self
    }
}

impl Schedule for StepDecay {
    fn learning_rate(&self, base: f64, at: &Progress) -> f64 {
        let t = at.count(self.unit);
        base * power(self.factor, t / self.every.max(1))
    }
    fn config(&self) -> Json {
        written("step", self)
    }
    fn validate(&self) -> Result<()> {
        check(self.every > 0, "step", "every", "above 0", self.every)?;
        check(not_negative(self.factor), "step", "factor", "0 or more", self.factor)
    }
}

/// base factor^k once k of the milestones are reached. Source: torch.optim.lr_scheduler.MultiStepLR.
///
/// # Examples
/// ```
/// use retrograd::optim::schedule::{MultiStep, Progress, Schedule};
/// let schedule = MultiStep::new([5, 8], 0.1);
/// let rate = |epoch| schedule.learning_rate(0.1, &Progress { epoch, ..Progress::default() });
/// for (epoch, expected) in [(4, 0.1), (5, 0.01), (8, 0.001)] {
///     assert!((rate(epoch) - expected).abs() < 1e-15);
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MultiStep {
    milestones: Vec<u64>,
    factor: f64,
    #[serde(default)]
    unit: Unit,
}

impl MultiStep {
    /// Multiplies the rate by the factor at each of these epochs.
    pub fn new(milestones: impl Into<Vec<u64>>, factor: f64) -> Self {
        Self { milestones: milestones.into(), factor, unit: Unit::Epoch }
    }
    /// Counts in updates instead of epochs.
    pub fn by_step(mut self) -> Self {
        self.unit = Unit::Step;
        self
    }
}

impl Schedule for MultiStep {
    fn learning_rate(&self, base: f64, at: &Progress) -> f64 {
        let t = at.count(self.unit);
        let reached = self.milestones.iter().filter(|&&milestone| milestone <= t).count();
        base * power(self.factor, reached as u64)
    }
    fn config(&self) -> Json {
        written("multi_step", self)
    }
    fn validate(&self) -> Result<()> {
        check(not_negative(self.factor), "multi_step", "factor", "0 or more", self.factor)
    }
}

/// base factor^t. Source: torch.optim.lr_scheduler.ExponentialLR.
///
/// # Examples
/// ```
/// use retrograd::optim::schedule::{Exponential, Progress, Schedule};
/// let schedule = Exponential::new(0.5);
/// let rate = |epoch| schedule.learning_rate(0.1, &Progress { epoch, ..Progress::default() });
/// for (epoch, expected) in [(0, 0.1), (1, 0.05), (3, 0.0125)] {
///     assert!((rate(epoch) - expected).abs() < 1e-15);
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exponential {
    factor: f64,
    #[serde(default)]
    unit: Unit,
}

impl Exponential {
    /// Multiplies the rate by the factor after every epoch.
    pub fn new(factor: f64) -> Self {
        Self { factor, unit: Unit::Epoch }
    }
    /// Counts in updates instead of epochs.
    pub fn by_step(mut self) -> Self {
        self.unit = Unit::Step;
        self
    }
}

impl Schedule for Exponential {
    fn learning_rate(&self, base: f64, at: &Progress) -> f64 {
        let t = at.count(self.unit);
        base * power(self.factor, t)
    }
    fn config(&self) -> Json {
        written("exponential", self)
    }
    fn validate(&self) -> Result<()> {
        check(not_negative(self.factor), "exponential", "factor", "0 or more", self.factor)
    }
}

/// base (start + (end - start) min(t, length) / length): a line from one share of the rate to another.
///
/// Source: torch.optim.lr_scheduler.LinearLR.
///
/// # Examples
/// ```
/// use retrograd::optim::schedule::{Linear, Progress, Schedule};
/// let schedule = Linear::new(1.0, 0.0, 10);
/// let rate = |epoch| schedule.learning_rate(0.1, &Progress { epoch, ..Progress::default() });
/// for (epoch, expected) in [(0, 0.1), (4, 0.06), (20, 0.0)] {
///     assert!((rate(epoch) - expected).abs() < 1e-15);
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Linear {
    start: f64,
    end: f64,
    length: u64,
    #[serde(default)]
    unit: Unit,
}

impl Linear {
    /// From the share `start` of the base rate to the share `end` in `length` epochs, and constant from there.
    pub fn new(start: f64, end: f64, length: u64) -> Self {
        Self { start, end, length, unit: Unit::Epoch }
    }
    /// Counts in updates instead of epochs.
    pub fn by_step(mut self) -> Self {
        self.unit = Unit::Step;
        self
    }
}

impl Schedule for Linear {
    fn learning_rate(&self, base: f64, at: &Progress) -> f64 {
        let t = at.count(self.unit);
        base * (self.start + (self.end - self.start) * share(t, self.length))
    }
    fn config(&self) -> Json {
        written("linear", self)
    }
    fn validate(&self) -> Result<()> {
        check(not_negative(self.start), "linear", "start", "0 or more", self.start)?;
        check(not_negative(self.end), "linear", "end", "0 or more", self.end)?;
        check(self.length > 0, "linear", "length", "above 0", self.length)
    }
}

/// base (1 - min(t, length) / length)^power, which ends at 0. Source: torch.optim.lr_scheduler.PolynomialLR.
///
/// # Examples
/// ```
/// use retrograd::optim::schedule::{Polynomial, Progress, Schedule};
/// let schedule = Polynomial::new(10, 2.0);
/// let rate = |epoch| schedule.learning_rate(0.1, &Progress { epoch, ..Progress::default() });
/// for (epoch, expected) in [(0, 0.1), (5, 0.025), (10, 0.0)] {
///     assert!((rate(epoch) - expected).abs() < 1e-15);
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Polynomial {
    length: u64,
    power: f64,
    #[serde(default)]
    unit: Unit,
}

impl Polynomial {
    /// To 0 in `length` epochs; along a line with power 1.
    pub fn new(length: u64, power: f64) -> Self {
        Self { length, power, unit: Unit::Epoch }
    }
    /// Counts in updates instead of epochs.
    pub fn by_step(mut self) -> Self {
        self.unit = Unit::Step;
        self
    }
}

impl Schedule for Polynomial {
    fn learning_rate(&self, base: f64, at: &Progress) -> f64 {
        let t = at.count(self.unit);
        base * (1.0 - share(t, self.length)).powf(self.power)
    }
    fn config(&self) -> Json {
        written("polynomial", self)
    }
    fn validate(&self) -> Result<()> {
        check(self.length > 0, "polynomial", "length", "above 0", self.length)?;
        check(not_negative(self.power), "polynomial", "power", "0 or more", self.power)
    }
}

/// How much of the length is behind, at most 1.
fn share(t: u64, length: u64) -> f64 {
    if t < length { t as f64 / length as f64 } else { 1.0 }
}

/// x^n for any count.
fn power(x: f64, n: u64) -> f64 {
    x.powf(n as f64)
}
