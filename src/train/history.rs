//! What a training run did, epoch by epoch.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt::{self, Write};
use std::path::Path;

/// One epoch of training.
///
/// # Examples
/// ```
/// use retrograd::{data::synthetic, nn::Mlp, optim::Adam, train::{Metric, Trainer}};
/// let (train, test) = synthetic::two_moons::<f32>(100, 0.1, 0)?.split(0.5, 0)?;
/// let mut model = Mlp::new(2).dense(2).build(0)?;
/// let mut trainer = Trainer::new(Adam::new(0.1)).epochs(2).validation(&test).metrics([Metric::Accuracy, Metric::LogLoss]);
/// let history = trainer.fit(&mut model, &train)?;
/// let last = history.last().unwrap();
/// assert_eq!((last.epoch, last.metrics.len(), last.learning_rate), (2, 2, 0.1));
/// assert!(last.valid_loss.is_some() && last.gradient_norm > 0.0);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// The epoch, from 1.
    pub epoch: u64,
    /// The mean training loss over the epoch, penalties included, each batch as it was before its update.
    #[serde(with = "numbers::one")]
    pub loss: f64,
    /// The loss on the validation data after the epoch, without penalties.
    #[serde(with = "numbers::maybe", default, skip_serializing_if = "Option::is_none")]
    pub valid_loss: Option<f64>,
    /// The metrics after the epoch, in the order in which they were asked for: on the validation data, or on the training
    /// data where there is none.
    #[serde(with = "numbers")]
    pub metrics: Vec<f64>,
    /// The learning rate of the last update.
    #[serde(with = "numbers::one", rename = "rate")]
    pub learning_rate: f64,
    /// The norm of the last update's gradient, before clipping.
    #[serde(with = "numbers::one")]
    pub gradient_norm: f64,
    /// Training examples in a second, validation left out.
    #[serde(with = "numbers::one")]
    pub examples_per_second: f64,
    /// Seconds for the epoch, validation included.
    #[serde(with = "numbers::one")]
    pub seconds: f64,
}

/// Why training ended.
///
/// # Examples
/// ```
/// use retrograd::{data::synthetic, nn::Mlp, optim::Sgd, train::{Stop, Trainer}};
/// let data = synthetic::two_moons::<f64>(64, 0.1, 0)?;
/// let fit = |rate, limit| {
///     let mut model = Mlp::new(2).dense(2).build(0)?;
///     Trainer::new(Sgd::new(rate)).epochs(5).until_gradient_below(limit).fit(&mut model, &data).map(|history| history.stop)
/// };
/// assert_eq!(fit(0.1, 0.0)?, Some(Stop::Epochs));
/// assert!(matches!(fit(0.1, 1e3)?, Some(Stop::Converged { .. })));
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// All epochs were done.
    Epochs,
    /// No improvement for as many epochs as patience allows; the weights of that epoch are back.
    EarlyStopping {
        /// The epoch with the best value.
        best_epoch: u64,
    },
    /// The gradient's norm, or the change of the loss, fell below its limit.
    Converged {
        /// Which of them, and how far.
        reason: String,
    },
    /// The loss or the weights were no longer finite; the best weights are back: those of the epoch with the best validation loss,
    /// or without validation those that the epoch with the best training loss began with.
    Diverged {
        /// Where and what, and what may help.
        reason: String,
    },
    /// A callback said so.
    Callback,
    /// A [`StopFlag`](super::StopFlag) was raised; the checkpoint, if there is one, is up to date.
    Interrupted,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Epochs => f.write_str("All epochs were done."),
            Self::EarlyStopping { best_epoch } => {
                write!(f, "Stopped early: no improvement since epoch {best_epoch}, whose weights were kept.")
            }
            Self::Converged { reason } => write!(f, "Converged: {reason}."),
            Self::Diverged { reason } => write!(f, "Diverged: {reason}."),
            Self::Callback => f.write_str("Stopped by a callback."),
            Self::Interrupted => f.write_str("Interrupted."),
        }
    }
}

/// What a training run did.
///
/// # Examples
/// ```
/// use retrograd::{data::synthetic, nn::Mlp, optim::Adam, train::{Metric, Trainer}};
/// let data = synthetic::two_moons::<f32>(64, 0.1, 0)?;
/// let mut model = Mlp::new(2).dense(2).build(0)?;
/// let history = Trainer::new(Adam::new(0.1)).epochs(3).metrics([Metric::Accuracy]).fit(&mut model, &data)?;
/// let losses = history.values("loss").unwrap();
/// assert!(losses.len() == 3 && losses[2] < losses[0]);
/// assert_eq!(history.metrics, ["accuracy"]);
/// assert_eq!(history.to_csv().lines().count(), 1 + 3);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// The names of the metrics.
    pub metrics: Vec<String>,
    /// Whether the metrics are of the validation data, rather than the training data.
    pub validated: bool,
    /// The epochs.
    pub epochs: Vec<EpochRecord>,
    /// Why it ended; nothing while it runs.
    pub stop: Option<Stop>,
    /// The epoch whose weights the model was left with, where early stopping or divergence put back those of the best one; 0 for
    /// those that training started from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<u64>,
    /// The training examples of an epoch; 0 in files of version 1, which do not say.
    #[serde(default)]
    pub examples: u64,
    /// What looked wrong: parameters that no gradient reached, a resumed run on another machine.
    pub warnings: Vec<String>,
}

impl History {
    pub(crate) fn new(metrics: Vec<String>, validated: bool) -> Self {
        Self { metrics, validated, epochs: Vec::new(), stop: None, kept: None, examples: 0, warnings: Vec::new() }
    }

    /// Why training ended and which weights the model was left with, in words; empty while it runs.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{data::synthetic, nn::Mlp, optim::Adam, train::Trainer};
    /// let (train, test) = synthetic::two_moons::<f32>(100, 0.1, 0)?.split(0.5, 0)?;
    /// let mut model = Mlp::new(2).dense(2).build(0)?;
    /// let history = Trainer::new(Adam::new(0.1)).epochs(3).validation(&test).early_stopping(5).fit(&mut model, &train)?;
    /// assert_eq!(history.ending(), "All epochs were done. The weights of epoch 3 were kept, the best one.");
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn ending(&self) -> String {
        let Some(stop) = &self.stop else { return String::new() };
        match (stop, self.kept) {
            (Stop::EarlyStopping { .. }, _) | (_, None) => stop.to_string(),
            (_, Some(0)) => format!("{stop} The weights that it started from were kept: no epoch made them better."),
            (_, Some(epoch)) => format!("{stop} The weights of epoch {epoch} were kept, the best one."),
        }
    }

    /// The last epoch.
    pub fn last(&self) -> Option<&EpochRecord> {
        self.epochs.last()
    }

    /// The values of a metric, epoch by epoch; `loss` and `valid_loss` serve as well.
    pub fn values(&self, name: &str) -> Option<Vec<f64>> {
        match name {
            "loss" => Some(self.epochs.iter().map(|epoch| epoch.loss).collect()),
            "valid_loss" => self.epochs.iter().map(|epoch| epoch.valid_loss).collect(),
            _ => {
                let k = self.metrics.iter().position(|metric| metric == name)?;
                self.epochs.iter().map(|epoch| epoch.metrics.get(k).copied()).collect()
            }
        }
    }

    /// The column names of [`History::to_csv`] and of reports.
    pub fn columns(&self) -> Vec<String> {
        let mut columns: Vec<String> = ["epoch", "loss", "valid_loss"].map(str::to_owned).to_vec();
        columns.extend(self.metrics.iter().cloned());
        columns.extend(["rate", "gradient_norm", "examples_per_second", "seconds"].map(str::to_owned));
        columns
    }

    /// The rows under [`History::columns`].
    pub fn rows(&self) -> Vec<Vec<String>> {
        let row = |epoch: &EpochRecord| {
            let mut row = vec![epoch.epoch.to_string(), epoch.loss.to_string()];
            row.push(epoch.valid_loss.map_or(String::new(), |loss| loss.to_string()));
            row.extend(epoch.metrics.iter().map(f64::to_string));
            row.extend(
                [epoch.learning_rate, epoch.gradient_norm, epoch.examples_per_second, epoch.seconds]
                    .map(|x| x.to_string()),
            );
            row
        };
        self.epochs.iter().map(row).collect()
    }

    /// A header and a line for each epoch.
    pub fn to_csv(&self) -> String {
        let mut text = self.columns().join(",") + "\n";
        for row in self.rows() {
            writeln!(text, "{}", row.join(",")).expect("strings take what is written");
        }
        text
    }

    /// Everything as JSON; NaN becomes null, an infinity text.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain data has a JSON form")
    }

    /// Writes [`History::to_csv`] or [`History::to_json`], by the file's extension.
    ///
    /// # Errors
    /// Another extension; the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let text = match path.extension().and_then(|extension| extension.to_str()) {
            Some("csv") => self.to_csv(),
            Some("json") => self.to_json(),
            _ => {
                return Err(Error::argument(format!(
                    "history: {} ends in neither .csv nor .json, which say the format",
                    path.display()
                )));
            }
        };
        crate::store::write_atomically(path, text.as_bytes())
    }
}

/// Numbers in JSON, which knows neither NaN (null here) nor infinities (text here).
pub(crate) mod numbers {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Number {
        Finite(f64),
        Infinite(String),
        Nan(()),
    }

    impl From<f64> for Number {
        fn from(x: f64) -> Self {
            match x {
                x if x.is_finite() => Self::Finite(x),
                x if x.is_nan() => Self::Nan(()),
                x => Self::Infinite(x.to_string()),
            }
        }
    }

    impl Number {
        fn get<E: Error>(self) -> Result<f64, E> {
            match self {
                Self::Finite(x) => Ok(x),
                Self::Nan(()) => Ok(f64::NAN),
                Self::Infinite(text) => text.parse().map_err(E::custom),
            }
        }
    }

    pub fn serialize<S: Serializer>(numbers: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(numbers.iter().map(|x| Number::from(*x)))
    }
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
        Vec::<Number>::deserialize(deserializer)?.into_iter().map(Number::get).collect()
    }

    pub mod one {
        use super::*;
        pub fn serialize<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
            Number::from(*number).serialize(serializer)
        }
        pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
            Number::deserialize(deserializer)?.get()
        }
    }

    /// A number that may be absent; the field is left out then.
    pub mod maybe {
        use super::*;
        pub fn serialize<S: Serializer>(number: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
            number.map(Number::from).serialize(serializer)
        }
        pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
            Number::deserialize(deserializer)?.get().map(Some)
        }
    }
}
