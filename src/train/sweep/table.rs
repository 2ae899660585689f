//! What a sweep found: a row for each combination, with its trained weights.

use super::Recipe;
use crate::data::Preprocessing;
use crate::nn::{Head, Model};
use crate::{Element, Error, Result, Tensor};
use std::path::Path;

/// What became of one combination of a sweep: plain data, to be sent and put together with others.
///
/// # Examples
/// ```
/// use retrograd::{data::synthetic, nn::Mlp, optim::Adam, train::Sweep};
/// let data = synthetic::two_moons::<f32>(64, 0.1, 0)?;
/// let swept = Sweep::new(|seed| Mlp::new(2).dense(4).tanh().dense(1).build(seed), |rate| Adam::new(rate))
///     .learning_rates([0.01, 1e300])
///     .run(&data)?;
/// let [calm, wild] = swept.rows() else { unreachable!("two rates") };
/// assert!(calm.loss.is_finite() && calm.diverged.is_none());
/// assert!(wild.loss.is_nan() && wild.diverged == Some(1));
/// assert!(swept.model(1).is_err());
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct SweepRow<T> {
    /// Which of all combinations it is, from 0.
    pub number: usize,
    /// The seed of the first weights, of shuffles and dropout.
    pub seed: u64,
    /// The learning rate.
    pub learning_rate: f64,
    /// The factor of the penalty, where there is one.
    pub penalty: Option<f64>,
    /// The training loss of the last epoch, penalty included, as of [`EpochRecord`](crate::train::EpochRecord); NaN if it diverged.
    pub loss: f64,
    /// The loss of the trained model on the validation data, without the penalty, where there are such data; NaN if it diverged.
    pub valid_loss: Option<f64>,
    /// The metrics that were asked for; NaN where one is not defined, or the model diverged.
    pub metrics: Vec<f64>,
    /// The epoch, from 1, in which the loss or the weights were no longer finite. Such a model is not to be used.
    pub diverged: Option<u64>,
    /// The parameters of the trained model, in its order.
    pub weights: Vec<Tensor<T>>,
}

/// The results of a sweep.
///
/// # Examples
/// ```
/// use retrograd::{data::synthetic, nn::Mlp, optim::Adam, train::Sweep};
/// let data = synthetic::two_moons::<f32>(64, 0.1, 0)?;
/// let swept = Sweep::new(|seed| Mlp::new(2).dense(4).tanh().dense(1).build(seed), |rate| Adam::new(rate))
///     .seeds(0..2)
///     .learning_rates([0.001, 0.1])
///     .run(&data)?;
/// assert_eq!(swept.to_csv().lines().next(), Some("number,seed,learning_rate,penalty,loss,valid_loss,diverged"));
/// assert_eq!(swept.best().map(|row| row.learning_rate), Some(0.1));
/// # Ok::<(), retrograd::Error>(())
/// ```
pub struct Swept<T> {
    recipe: Recipe<T>,
    /// What the models' outputs mean, and how raw rows become inputs.
    meaning: (Head, Preprocessing),
    metrics: Vec<String>,
    rows: Vec<SweepRow<T>>,
}

impl<T: Element> Swept<T> {
    pub(super) fn new(
        recipe: Recipe<T>,
        meaning: (Head, Preprocessing),
        metrics: Vec<String>,
        rows: Vec<SweepRow<T>>,
    ) -> Self {
        Self { recipe, meaning, metrics, rows }
    }

    /// The rows, by number.
    pub fn rows(&self) -> &[SweepRow<T>] {
        &self.rows
    }
    /// The rows, to be sent or put together with others.
    pub fn into_rows(self) -> Vec<SweepRow<T>> {
        self.rows
    }

    /// The row with the smallest validation loss, or training loss where there are no validation data, of those that did not diverge.
    pub fn best(&self) -> Option<&SweepRow<T>> {
        let judged = |row: &&SweepRow<T>| row.valid_loss.unwrap_or(row.loss);
        let sound = self.rows.iter().filter(|row| row.diverged.is_none() && !judged(row).is_nan());
        sound.min_by(|a, b| judged(a).total_cmp(&judged(b)))
    }

    /// The trained model of the row of this number.
    ///
    /// # Errors
    /// There is no such row; its model diverged.
    #[inline(never)]
    pub fn model(&self, number: usize) -> Result<Model<T>> {
        let Some(row) = self.rows.iter().find(|row| row.number == number) else {
            return Err(Error::argument(format!("sweep: there is no row {number}; there are {}", self.rows.len())));
        };
        if let Some(epoch) = row.diverged {
            return Err(Error::not_finite(format!(
                "sweep: the model of row {number} (seed {}, learning rate {}) diverged in epoch {epoch}; a smaller learning rate may help",
                row.seed, row.learning_rate
            )));
        }
        let mut model = with_weights((self.recipe)(row.seed)?, &row.weights)?;
        model.set_head(Some(self.meaning.0));
        model.set_preprocessing(Some(self.meaning.1.clone()));
        Ok(model)
    }

    /// The column names of [`Swept::to_csv`].
    pub fn columns(&self) -> Vec<String> {
        let first = ["number", "seed", "learning_rate", "penalty", "loss", "valid_loss"].map(str::to_owned);
        first.into_iter().chain(self.metrics.iter().cloned()).chain(["diverged".to_owned()]).collect()
    }

    /// A header and a line for each row. Of a model that diverged the epoch stands in the last column, and nothing under loss, validation
    /// loss and metrics.
    #[inline(never)]
    pub fn to_csv(&self) -> String {
        let mut lines = vec![self.columns().join(",")];
        lines.extend(self.rows.iter().map(|row| {
            let number = |x: f64| if x.is_nan() { String::new() } else { x.to_string() };
            let some = |x: Option<f64>| x.map_or(String::new(), number);
            let mut cells = vec![row.number.to_string(), row.seed.to_string(), row.learning_rate.to_string()];
            cells.extend([some(row.penalty), number(row.loss), some(row.valid_loss)]);
            cells.extend(row.metrics.iter().copied().map(number));
            cells.push(row.diverged.map_or(String::new(), |epoch| epoch.to_string()));
            cells.join(",")
        }));
        lines.join("\n") + "\n"
    }

    /// Writes [`Swept::to_csv`] to a file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        crate::store::write_atomically(path.as_ref(), self.to_csv().as_bytes())
    }
}

/// The model with these parameters.
pub(super) fn with_weights<T: Element>(mut model: Model<T>, weights: &[Tensor<T>]) -> Result<Model<T>> {
    let keys: Vec<_> = model.params().keys().collect();
    if keys.len() != weights.len() {
        return Err(Error::argument(format!(
            "sweep: the recipe's model has {} parameters now, the row {}",
            keys.len(),
            weights.len()
        )));
    }
    keys.into_iter().zip(weights).try_for_each(|(key, value)| model.params_mut().set(key, value.clone()))?;
    Ok(model)
}
