//! Schedules along half a cosine.

use super::{Progress, Schedule, Unit, check, not_negative, written};
use crate::Result;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::f64::consts::PI;

/// min + (base - min) (1 + cos(pi t / length)) / 2; beyond `length` it rises again, as PyTorch's does.
///
/// Source: Loshchilov & Hutter 2017; torch.optim.lr_scheduler.CosineAnnealingLR.
///
/// # Examples
/// ```
/// use retrograd::optim::schedule::{Cosine, Progress, Schedule};
/// let schedule = Cosine::new(10);
/// let rate = |epoch| schedule.learning_rate(0.1, &Progress { epoch, ..Progress::default() });
/// for (epoch, expected) in [(0, 0.1), (5, 0.05), (10, 0.0)] {
///     assert!((rate(epoch) - expected).abs() < 1e-15);
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cosine {
    length: u64,
    min: f64,
    #[serde(default)]
    unit: Unit,
}

impl Cosine {
    /// From the base rate to 0 in `length` epochs.
    pub fn new(length: u64) -> Self {
        Self { length, min: 0.0, unit: Unit::Epoch }
    }
    /// Sets the rate at the lowest point; 0 unless set.
    pub fn min(mut self, min: f64) -> Self {
        self.min = min;
        self
    }
    /// Counts in updates instead of epochs.
    pub fn by_step(mut self) -> Self {
        self.unit = Unit::Step;
        self
    }
}

impl Schedule for Cosine {
    fn learning_rate(&self, base: f64, at: &Progress) -> f64 {
        let t = at.count(self.unit);
        self.min + (base - self.min) * fallen(t as f64 / self.length.max(1) as f64)
    }
    fn config(&self) -> Json {
        written("cosine", self)
    }
    fn validate(&self) -> Result<()> {
        check(self.length > 0, "cosine", "length", "above 0", self.length)?;
        check(not_negative(self.min), "cosine", "min", "0 or more", self.min)
    }
}

/// [`Cosine`] again and again, each period `growth` times as long as the one before.
///
/// Source: Loshchilov & Hutter 2017, SGDR; torch.optim.lr_scheduler.CosineAnnealingWarmRestarts.
///
/// # Examples
/// ```
/// use retrograd::optim::schedule::{CosineRestarts, Progress, Schedule};
/// let schedule = CosineRestarts::new(4).growth(2);
/// let rate = |epoch| schedule.learning_rate(0.1, &Progress { epoch, ..Progress::default() });
/// for (epoch, expected) in [(0, 0.1), (2, 0.05), (4, 0.1), (8, 0.05)] {
///     assert!((rate(epoch) - expected).abs() < 1e-15);
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CosineRestarts {
    first: u64,
    growth: u64,
    min: f64,
    #[serde(default)]
    unit: Unit,
}

impl CosineRestarts {
    /// Periods of which the first has `first` epochs.
    pub fn new(first: u64) -> Self {
        Self { first, growth: 1, min: 0.0, unit: Unit::Epoch }
    }
    /// Sets the factor by which each period is longer than the one before; 1 unless set.
    pub fn growth(mut self, growth: u64) -> Self {
        self.growth = growth;
        self
    }
    /// Sets the rate at the lowest point; 0 unless set.
    pub fn min(mut self, min: f64) -> Self {
        self.min = min;
        self
    }
    /// Counts in updates instead of epochs.
    pub fn by_step(mut self) -> Self {
        self.unit = Unit::Step;
        self
    }
}

impl Schedule for CosineRestarts {
    fn learning_rate(&self, base: f64, at: &Progress) -> f64 {
        let t = at.count(self.unit);
        let (mut into, mut period) = (t, self.first.max(1));
        if self.growth <= 1 {
            into %= period;
        }
        while into >= period {
            into -= period;
            period = period.saturating_mul(self.growth);
        }
        self.min + (base - self.min) * fallen(into as f64 / period as f64)
    }
    fn config(&self) -> Json {
        written("cosine_restarts", self)
    }
    fn validate(&self) -> Result<()> {
        check(self.first > 0, "cosine_restarts", "first", "above 0", self.first)?;
        check(self.growth > 0, "cosine_restarts", "growth", "above 0", self.growth)?;
        check(not_negative(self.min), "cosine_restarts", "min", "0 or more", self.min)
    }
}

/// What is left after a share of the way down.
pub(super) fn fallen(share: f64) -> f64 {
    (1.0 + (PI * share).cos()) / 2.0
}
