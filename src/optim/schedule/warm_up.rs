//! A slow start for another schedule.

use super::{Progress, Schedule, Unit, check, from_config, not_negative};
use crate::{Error, Result};
use serde_json::{Value as Json, json};

/// A line from a small share of the rate to all of it, and then another schedule, which counts from where this ends.
///
/// At t of `length` epochs or updates the rate is (from + (1 - from) t / length) times what the other starts with. Unless it is
/// set, `from` is 1 / (length + 1): the steps are even, and none is 0. Counted in updates, a warm-up of less than an epoch
/// leaves the other's epochs as they are. Source: Goyal et al. 2017, section 2.2; torch.optim.lr_scheduler.SequentialLR of
/// LinearLR and another.
///
/// # Examples
/// ```
/// use retrograd::optim::schedule::{Cosine, Progress, Schedule, WarmUp};
/// let schedule = WarmUp::new(4, Cosine::new(10)).from(0.25);
/// let rate = |epoch| schedule.learning_rate(0.1, &Progress { epoch, ..Progress::default() });
/// for (epoch, expected) in [(0, 0.025), (4, 0.1), (9, 0.05)] {
///     assert!((rate(epoch) - expected).abs() < 1e-15);
/// }
/// ```
pub struct WarmUp {
    length: u64,
    from: f64,
    unit: Unit,
    then: Box<dyn Schedule>,
}

impl WarmUp {
    /// Warms up for so many epochs.
    pub fn new(length: u64, then: impl Schedule + 'static) -> Self {
        Self { length, from: 1.0 / (length as f64 + 1.0), unit: Unit::Epoch, then: Box::new(then) }
    }
    /// Sets the share of the rate at the start.
    pub fn from(mut self, share: f64) -> Self {
        self.from = share;
        self
    }
    /// Counts in updates instead of epochs.
    pub fn by_step(mut self) -> Self {
        self.unit = Unit::Step;
        self
    }

    pub(super) fn read(settings: Json) -> Result<Self> {
        let fault = |e: serde_json::Error| Error::argument(format!("warm_up: {e}"));
        let field = |name: &str| settings.get(name).cloned().unwrap_or(Json::Null);
        Ok(Self {
            length: serde_json::from_value(field("length")).map_err(fault)?,
            from: serde_json::from_value(field("from")).map_err(fault)?,
            unit: serde_json::from_value(field("unit")).map_err(fault)?,
            then: from_config(&field("then")).map_err(|e| e.within("warm_up"))?,
        })
    }

    /// The progress that the other schedule sees: without the warm-up.
    fn after<'a>(&self, at: &Progress<'a>) -> Progress<'a> {
        let per_epoch = at.steps_per_epoch.max(1);
        let (epochs, steps) = match self.unit {
            Unit::Epoch => (self.length, self.length.saturating_mul(per_epoch)),
            Unit::Step => (self.length / per_epoch, self.length),
        };
        let seen = (epochs as usize).min(at.monitored.len());
        Progress {
            epoch: at.epoch.saturating_sub(epochs),
            step: at.step.saturating_sub(steps),
            steps_per_epoch: at.steps_per_epoch,
            monitored: &at.monitored[seen..],
        }
    }
}

impl Schedule for WarmUp {
    fn learning_rate(&self, base: f64, at: &Progress) -> f64 {
        let t = at.count(self.unit);
        if t >= self.length {
            return self.then.learning_rate(base, &self.after(at));
        }
        let start =
            self.then.learning_rate(base, &Progress { steps_per_epoch: at.steps_per_epoch, ..Progress::default() });
        start * (self.from + (1.0 - self.from) * t as f64 / self.length as f64)
    }
    fn config(&self) -> Json {
        json!({ "kind": "warm_up", "length": self.length, "from": self.from, "unit": self.unit,
            "then": self.then.config() })
    }
    fn validate(&self) -> Result<()> {
        check(self.length > 0, "warm_up", "length", "above 0", self.length)?;
        check(not_negative(self.from), "warm_up", "from", "0 or more", self.from)?;
        self.then.validate()
    }
}
