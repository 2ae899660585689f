//! Smith's one cycle: up to a high rate, and down below where it began.

use super::cosine::fallen;
use super::{Progress, Schedule, Unit, check, written};
use crate::Result;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// From max / `div` up to `max`, and down to max / (`div` `final_div`), along cosines; counts updates.
///
/// The optimiser's own rate is not used, and momentum stays as it is (PyTorch cycles it too). Defaults: up for 0.3 of the way,
/// div 25, final_div 10000. After the last update of the cycle the rate stays at its end. Source: Smith & Topin 2019;
/// torch.optim.lr_scheduler.OneCycleLR.
///
/// # Examples
/// ```
/// use retrograd::optim::schedule::{OneCycle, Progress, Schedule};
/// let schedule = OneCycle::new(0.1, 100);
/// let rate = |step| schedule.learning_rate(0.1, &Progress { step, ..Progress::default() });
/// // From a 25th of the highest rate up to it, and down to nearly nothing.
/// assert!((rate(0) - 0.004).abs() < 1e-15 && (rate(29) - 0.1).abs() < 1e-15);
/// assert!(rate(99) < 1e-6);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneCycle {
    max: f64,
    length: u64,
    unit: Unit,
    up: f64,
    div: f64,
    final_div: f64,
    linear: bool,
    three_phases: bool,
}

impl OneCycle {
    /// A cycle of so many updates.
    pub fn new(max: f64, updates: u64) -> Self {
        Self {
            max,
            length: updates,
            unit: Unit::Step,
            up: 0.3,
            div: 25.0,
            final_div: 1e4,
            linear: false,
            three_phases: false,
        }
    }
    /// A cycle over all updates of so many epochs.
    pub fn over_epochs(max: f64, epochs: u64) -> Self {
        Self { unit: Unit::Epoch, ..Self::new(max, epochs) }
    }
    /// Sets the share of the way for which the rate rises.
    pub fn up(mut self, share: f64) -> Self {
        self.up = share;
        self
    }
    /// Starts at max / div.
    pub fn start_div(mut self, div: f64) -> Self {
        self.div = div;
        self
    }
    /// Ends at this fraction of the start.
    pub fn final_div(mut self, final_div: f64) -> Self {
        self.final_div = final_div;
        self
    }
    /// Rises and falls along straight lines instead of half cosines.
    pub fn linear(mut self) -> Self {
        self.linear = true;
        self
    }
    /// Takes three phases: up, down as far, and down to the end.
    pub fn three_phases(mut self) -> Self {
        self.three_phases = true;
        self
    }

    /// The end of each phase and its rate, for a cycle of so many updates.
    fn phases(&self, total: f64) -> Vec<(f64, f64)> {
        let start = self.max / self.div;
        let (top, end) = ((self.up * total - 1.0, self.max), (total - 1.0, start / self.final_div));
        if self.three_phases { vec![top, (2.0 * self.up * total - 2.0, start), end] } else { vec![top, end] }
    }
}

impl Schedule for OneCycle {
    fn learning_rate(&self, _: f64, at: &Progress) -> f64 {
        let total = match self.unit {
            Unit::Step => self.length,
            Unit::Epoch => self.length.saturating_mul(at.steps_per_epoch),
        };
        let (mut from, mut rate) = (0.0, self.max / self.div);
        // Phases of less than an update are empty: a cycle of one update is at its end.
        let t = (at.step as f64).min(total as f64 - 1.0).max(0.0);
        for (to, next) in self.phases(total.max(1) as f64) {
            if t <= to {
                let share = if to > from { (t - from) / (to - from) } else { 1.0 };
                let left = if self.linear { 1.0 - share } else { fallen(share) };
                return next + (rate - next) * left;
            }
            (from, rate) = (to, next);
        }
        rate
    }
    fn config(&self) -> Json {
        written("one_cycle", self)
    }
    fn validate(&self) -> Result<()> {
        let above_zero = |x: f64| x > 0.0 && x.is_finite();
        check(above_zero(self.max), "one_cycle", "max", "above 0", self.max)?;
        check(self.length > 0, "one_cycle", "length", "above 0", self.length)?;
        check((0.0..=1.0).contains(&self.up), "one_cycle", "up", "from 0 to 1", self.up)?;
        check(above_zero(self.div), "one_cycle", "div", "above 0", self.div)?;
        check(above_zero(self.final_div), "one_cycle", "final_div", "above 0", self.final_div)
    }
}
