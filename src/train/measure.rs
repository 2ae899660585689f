//! What to measure of a model: metrics by name, from outputs and targets.

use super::metrics::{self, Average, ConfusionMatrix};
use crate::data::{Dataset, Order, Targets};
use crate::nn::{Head, Model};
use crate::{Element, Result, Tensor};

/// A number that says how good a model's outputs are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// The share of examples whose class is right.
    Accuracy,
    /// The share of examples whose class is among the k with the highest scores.
    TopK(usize),
    /// The F1 score, averaged over classes.
    F1,
    /// The area under the ROC curve; several classes one against the rest, averaged.
    RocAuc,
    /// Mean -ln of the probability of the right class.
    LogLoss,
    /// The mean absolute error.
    Mae,
    /// The root of the mean squared error.
    Rmse,
    /// The coefficient of determination.
    R2,
}

impl Metric {
    /// Its name, as in a history.
    pub fn name(&self) -> String {
        match self {
            Self::Accuracy => "accuracy".to_owned(),
            Self::TopK(k) => format!("top{k}"),
            Self::F1 => "f1".to_owned(),
            Self::RocAuc => "roc_auc".to_owned(),
            Self::LogLoss => "log_loss".to_owned(),
            Self::Mae => "mae".to_owned(),
            Self::Rmse => "rmse".to_owned(),
            Self::R2 => "r2".to_owned(),
        }
    }

    /// The metric of a model's outputs, whose meaning the head says.
    ///
    /// # Errors
    /// Targets of the other kind than the metric is for; one class alone, for the ROC curve.
    pub fn value<T: Element>(&self, outputs: &Tensor<T>, targets: &Targets<T>, head: Head) -> Result<f64> {
        let several = outputs.shape().rank() > 1 && outputs.shape()[1] > 1;
        match self {
            Self::Accuracy if several => metrics::accuracy(outputs, targets),
            Self::Accuracy => metrics::binary_accuracy(outputs, targets, head.threshold()),
            Self::TopK(k) => metrics::top_k_accuracy(outputs, targets, *k),
            Self::F1 if several => Ok(ConfusionMatrix::from_scores(outputs, targets)?.average_f1(Average::Macro)),
            Self::F1 => {
                let matrix = ConfusionMatrix::from_binary_scores(outputs, targets, head.threshold())?;
                Ok(matrix.average_f1(Average::Macro))
            }
            Self::RocAuc if several => metrics::roc_auc_one_vs_rest(&head.probabilities(outputs), targets),
            Self::RocAuc => metrics::roc_auc(outputs, targets),
            Self::LogLoss => metrics::log_loss(&head.probabilities(outputs), targets),
            Self::Mae => metrics::mean_absolute_error(outputs, targets),
            Self::Rmse => metrics::root_mean_squared_error(outputs, targets),
            Self::R2 => metrics::r2(outputs, targets),
        }
    }

    /// 1 where smaller is better, -1 where larger is.
    pub(super) fn sign(&self) -> f64 {
        match self {
            Self::LogLoss | Self::Mae | Self::Rmse => 1.0,
            Self::Accuracy | Self::TopK(_) | Self::F1 | Self::RocAuc | Self::R2 => -1.0,
        }
    }
}

/// Rows predicted at a time: enough for fast products, few enough to stay small.
const ROWS: usize = 512;

/// The model's outputs for all rows, in order.
pub(super) fn predictions<T: Element>(model: &Model<T>, data: &Dataset<T>) -> Result<Tensor<T>> {
    let mut values = Vec::with_capacity(data.len() * model.output_shape().numel());
    let mut batches = data.batches(ROWS.min(data.len()), Order::Sequential)?;
    while let Some(batch) = batches.next_batch() {
        values.extend_from_slice(model.predict(&batch.inputs)?.as_slice());
    }
    let mut shape = vec![data.len()];
    shape.extend(model.output_shape().iter());
    Tensor::new(shape, values)
}
