//! A rate that falls when what is monitored no longer improves.

use super::{Progress, Schedule, check, not_negative, written};
use crate::Result;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Multiplies the rate by a factor when what is monitored has not improved for more than `patience` epochs.
///
/// An improvement is below best (1 - threshold), or best - threshold where it is [absolute](Plateau::absolute_threshold);
/// NaN is none. After a fall, `cooldown` epochs do not count as bad. Worked out anew from all that was monitored, so nothing
/// is to be saved. Defaults: factor 0.1, patience 10, threshold 1e-4, no cooldown, least rate 0. Source:
/// torch.optim.lr_scheduler.ReduceLROnPlateau.
///
/// # Examples
/// ```
/// use retrograd::optim::schedule::{Plateau, Progress, Schedule};
/// let schedule = Plateau::new(0.1, 1);
/// let rate = |monitored: &[f64]| {
///     let epoch = monitored.len() as u64;
///     schedule.learning_rate(0.1, &Progress { epoch, monitored, ..Progress::default() })
/// };
/// assert_eq!(rate(&[1.0, 0.5, 0.5]), 0.1);
/// // The second epoch without improvement is one more than its patience.
/// assert!((rate(&[1.0, 0.5, 0.5, 0.5]) - 0.01).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plateau {
    factor: f64,
    patience: u64,
    threshold: f64,
    absolute: bool,
    rising: bool,
    cooldown: u64,
    min: f64,
    eps: f64,
}

impl Default for Plateau {
    fn default() -> Self {
        Self::new(0.1, 10)
    }
}

impl Plateau {
    /// Multiplies by the factor after more than `patience` epochs without improvement.
    pub fn new(factor: f64, patience: u64) -> Self {
        Self { factor, patience, threshold: 1e-4, absolute: false, rising: false, cooldown: 0, min: 0.0, eps: 1e-8 }
    }
    /// Sets the least improvement as a share of the best value.
    pub fn threshold(mut self, threshold: f64) -> Self {
        (self.threshold, self.absolute) = (threshold, false);
        self
    }
    /// Sets the least improvement as a difference.
    pub fn absolute_threshold(mut self, threshold: f64) -> Self {
        (self.threshold, self.absolute) = (threshold, true);
        self
    }
    /// Watches what should rise, such as an accuracy.
    pub fn rising(mut self) -> Self {
        self.rising = true;
        self
    }
    /// Sets how many epochs after a fall do not count as bad; 0 unless set.
    pub fn cooldown(mut self, epochs: u64) -> Self {
        self.cooldown = epochs;
        self
    }
    /// Sets the least rate; 0 unless set.
    pub fn min(mut self, min: f64) -> Self {
        self.min = min;
        self
    }
    /// Leaves out falls of the rate by this or less; 1e-8 unless set.
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    fn improves(&self, value: f64, best: f64) -> bool {
        let sign = if self.rising { 1.0 } else { -1.0 };
        let bar = if self.absolute { best + sign * self.threshold } else { best * (1.0 + sign * self.threshold) };
        if self.rising { value > bar } else { value < bar }
    }
}

impl Schedule for Plateau {
    fn learning_rate(&self, base: f64, at: &Progress) -> f64 {
        let mut best = if self.rising { f64::NEG_INFINITY } else { f64::INFINITY };
        let (mut rate, mut bad, mut cooling) = (base, 0, 0);
        for &value in at.monitored {
            if self.improves(value, best) {
                (best, bad) = (value, 0);
            } else {
                bad += 1;
            }
            if cooling > 0 {
                (cooling, bad) = (cooling - 1, 0);
            }
            if bad > self.patience {
                let lower = (rate * self.factor).max(self.min);
                if rate - lower > self.eps {
                    rate = lower;
                }
                (cooling, bad) = (self.cooldown, 0);
            }
        }
        rate
    }
    fn config(&self) -> Json {
        written("plateau", self)
    }
    fn validate(&self) -> Result<()> {
        check((0.0..1.0).contains(&self.factor), "plateau", "factor", "at least 0 and below 1", self.factor)?;
        check(not_negative(self.threshold), "plateau", "threshold", "0 or more", self.threshold)?;
        check(not_negative(self.min), "plateau", "min", "0 or more", self.min)?;
        check(not_negative(self.eps), "plateau", "eps", "0 or more", self.eps)
    }
}
