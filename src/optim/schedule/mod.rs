//! Schedules of the learning rate.
//!
//! A [`Schedule`] is a function of how far training has come, with nothing to remember: a resumed run has the rate of an
//! undisturbed one because it is at the same place. Formulas and defaults are PyTorch's.
//!
//! Schedules count epochs, and the rate changes between them; after `by_step()` they count updates. [`OneCycle`] counts
//! updates at all times, [`Plateau`] epochs.
//!
//! # Examples
//! ```
//! use retrograd::{data::synthetic, nn::Mlp, optim::{Sgd, schedule::{Cosine, WarmUp}}, train::Trainer};
//! let data = synthetic::two_moons::<f32>(64, 0.1, 0)?;
//! let mut model = Mlp::new(2).dense(2).build(0)?;
//! let schedule = WarmUp::new(2, Cosine::new(4)).from(0.5);
//! let history = Trainer::new(Sgd::new(0.1)).schedule(schedule).epochs(4).fit(&mut model, &data)?;
//! let rates: Vec<f64> = history.epochs.iter().map(|epoch| epoch.learning_rate).collect();
//! for (rate, expected) in rates.iter().zip([0.05, 0.075, 0.1]) {
//!     assert!((rate - expected).abs() < 1e-15);
//! }
//! assert!(rates[3] < 0.1);
//! # Ok::<(), retrograd::Error>(())
//! ```

mod cosine;
mod decay;
mod one_cycle;
mod plateau;
mod warm_up;

pub use cosine::{Cosine, CosineRestarts};
pub use decay::{Constant, Exponential, Linear, MultiStep, Polynomial, StepDecay};
pub use one_cycle::OneCycle;
pub use plateau::Plateau;
pub use warm_up::WarmUp;

use crate::{Error, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// How far training has come, seen before an update.
///
/// # Examples
/// ```
/// use retrograd::optim::schedule::{Cosine, Progress, Schedule};
/// let at = Progress { epoch: 5, step: 50, steps_per_epoch: 10, monitored: &[] };
/// // By epochs half of the way, by updates a twentieth of it.
/// assert!((Cosine::new(10).learning_rate(0.1, &at) - 0.05).abs() < 1e-15);
/// assert!(Cosine::new(1000).by_step().learning_rate(0.1, &at) > 0.099);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress<'a> {
    /// The epoch, from 0.
    pub epoch: u64,
    /// The number of updates so far, over all epochs.
    pub step: u64,
    /// The number of updates in an epoch.
    pub steps_per_epoch: u64,
    /// What is monitored, once for each finished epoch: the loss on the validation set, or on the training set without one.
    pub monitored: &'a [f64],
}

/// The learning rate as a function of progress.
///
/// A closure of the base rate and the progress is one:
///
/// ```
/// use retrograd::optim::{Progress, Schedule};
/// let halved = |base: f64, at: &Progress| base * 0.5f64.powi(at.epoch as i32);
/// assert_eq!(halved.learning_rate(0.8, &Progress { epoch: 3, ..Progress::default() }), 0.1);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no schedule of the learning rate",
    label = "expected one of `retrograd::optim::schedule`, or a closure",
    note = "as in `|base: f64, at: &Progress| base * 0.9_f64.powi(at.epoch as i32)`"
)]
pub trait Schedule: Send + Sync {
    /// The rate for the update that comes next, where the optimiser's own is `base`.
    fn learning_rate(&self, base: f64, at: &Progress) -> f64;
    /// The kind and settings, for checkpoints; null for code of your own.
    fn config(&self) -> Json;
    /// An error if a setting makes no sense.
    ///
    /// # Errors
    /// Names the setting, its value, and what would be right.
    fn validate(&self) -> Result<()> {
        Ok(())
    }
}

impl<F: Fn(f64, &Progress) -> f64 + Send + Sync> Schedule for F {
    fn learning_rate(&self, base: f64, at: &Progress) -> f64 {
        self(base, at)
    }
    fn config(&self) -> Json {
        Json::Null
    }
}

impl Schedule for Box<dyn Schedule> {
    fn learning_rate(&self, base: f64, at: &Progress) -> f64 {
        (**self).learning_rate(base, at)
    }
    fn config(&self) -> Json {
        (**self).config()
    }
    fn validate(&self) -> Result<()> {
        (**self).validate()
    }
}

/// What a schedule counts.
///
/// # Examples
/// ```
/// use retrograd::optim::schedule::{Progress, Unit};
/// let at = Progress { epoch: 5, step: 50, steps_per_epoch: 10, monitored: &[] };
/// assert_eq!((at.count(Unit::Epoch), at.count(Unit::Step)), (5, 50));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Epochs: the rate is the same within each.
    #[default]
    Epoch,
    /// Updates of the parameters.
    Step,
}

impl Progress<'_> {
    /// How many of them are behind.
    pub fn count(&self, unit: Unit) -> u64 {
        match unit {
            Unit::Epoch => self.epoch,
            Unit::Step => self.step,
        }
    }
}

/// The built-in schedule that [`Schedule::config`] wrote down.
///
/// # Errors
/// An unknown kind or setting, values that make no sense, and null: a closure cannot be made from a file.
pub fn from_config(config: &Json) -> Result<Box<dyn Schedule>> {
    let Some(kind) = config["kind"].as_str() else {
        return Err(Error::argument(format!(
            "schedule: {config} has no kind; a schedule of your own code must be given by your code"
        )));
    };
    let mut settings = config.clone();
    if let Some(fields) = settings.as_object_mut() {
        fields.remove("kind");
    }
    let schedule = match kind {
        "constant" => read::<Constant>(kind, settings)?,
        "step" => read::<StepDecay>(kind, settings)?,
        "multi_step" => read::<MultiStep>(kind, settings)?,
        "exponential" => read::<Exponential>(kind, settings)?,
        "linear" => read::<Linear>(kind, settings)?,
        "polynomial" => read::<Polynomial>(kind, settings)?,
        "cosine" => read::<Cosine>(kind, settings)?,
        "cosine_restarts" => read::<CosineRestarts>(kind, settings)?,
        "one_cycle" => read::<OneCycle>(kind, settings)?,
        "plateau" => read::<Plateau>(kind, settings)?,
        "warm_up" => Box::new(WarmUp::read(settings)?),
        _ => return Err(Error::argument(format!("schedule: no built-in kind is named {kind:?}"))),
    };
    schedule.validate()?;
    Ok(schedule)
}

fn read<S: Schedule + DeserializeOwned + 'static>(kind: &str, settings: Json) -> Result<Box<dyn Schedule>> {
    let schedule: S = serde_json::from_value(settings).map_err(|e| Error::argument(format!("{kind}: {e}")))?;
    Ok(Box::new(schedule))
}

/// The settings with their kind.
fn written(kind: &str, settings: impl Serialize) -> Json {
    let mut json = json!(settings);
    json["kind"] = kind.into();
    json
}

/// An error unless it holds.
fn check(holds: bool, schedule: &str, setting: &str, wanted: &str, value: impl std::fmt::Display) -> Result<()> {
    if holds {
        return Ok(());
    }
    Err(Error::argument(format!("schedule {schedule}: {setting} must be {wanted}, got {value}")))
}

/// Whether it is a number that is 0 or more.
fn not_negative(x: f64) -> bool {
    x >= 0.0 && x.is_finite()
}
