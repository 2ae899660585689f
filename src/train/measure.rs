//! What to measure of a model: metrics by name, from outputs and targets.
//!
//! Outputs are read through the model's [`Head`]: metrics of values compare probabilities with targets of 0 and 1, and where the
//! targets were scaled, both are scaled back first. So every number is in the user's units.

use super::metrics::{self, Average, ConfusionMatrix};
use crate::data::{Dataset, Order, TargetKind, Targets};
use crate::nn::{Head, Model, NAME_THE_HEAD};
use crate::{Element, Error, Result, Tensor};
use std::ops::Range;

/// A number that says how good a model's outputs are.
///
/// With several targets of 0 and 1 that are independent of each other ([`TargetKind::Flags`]), accuracy is the share of rows of
/// which all are right, and F1, the area under the ROC curve and the log loss are the means over the columns.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, data::Targets, nn::Head, train::Metric};
/// let (scores, labels) = (Tensor::from([[2.0, 1.0], [0.5, 0.7], [3.0, 0.0]]), Targets::Labels(vec![0, 1, 1]));
/// assert_eq!(Metric::Accuracy.value(&scores, &labels, Head::Logits)?, 2.0 / 3.0);
/// assert_eq!(Metric::TopK(2).name(), "top2");
/// let (outputs, values) = (Tensor::from([[1.0], [4.0]]), Targets::Values(Tensor::from([[1.0], [2.0]])));
/// assert_eq!(Metric::Rmse.value(&outputs, &values, Head::Values)?, 2f64.sqrt());
/// # Ok::<(), retrograd::Error>(())
/// ```
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
    /// The root of the mean squared error; of several targets, the mean of the roots of each.
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
    /// Targets of another kind than the metric is for; more classes asked for than there are. Where the value is not defined (one
    /// class alone, for the ROC curve; one row, for R2; an output that is NaN), an error that
    /// [is not finite](Error::is_not_finite).
    pub fn value<T: Element>(&self, outputs: &Tensor<T>, targets: &Targets<T>, head: Head) -> Result<f64> {
        self.value_as(outputs, targets, head, TargetKind::of(targets))
    }

    /// The metric for targets of this kind, which a part of the data alone may not show.
    fn value_as<T: Element>(
        &self,
        outputs: &Tensor<T>,
        targets: &Targets<T>,
        head: Head,
        kind: TargetKind,
    ) -> Result<f64> {
        let several = outputs.shape().rank() > 1 && outputs.shape()[1] > 1;
        if head == Head::Unknown && self.reads_the_head(several, kind) {
            return Err(Error::argument(format!(
                "{}: the loss does not say what the outputs mean; {NAME_THE_HEAD}",
                self.name()
            )));
        }
        if several && kind == TargetKind::Flags && !self.is_of_values() {
            return self.of_columns(outputs, targets, head);
        }
        let signs = signs_as_labels(targets, head);
        let targets = if self.is_of_values() { targets } else { signs.as_ref().unwrap_or(targets) };
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
            Self::LogLoss if head == Head::Scores => Err(Error::argument(
                "log_loss: the loss gives scores, which are no probabilities; measure accuracy, or train on cross-entropy",
            )),
            // An estimate by squares of differences is held to 0..1, as in answers.
            Self::LogLoss if head == Head::Values => {
                metrics::log_loss(&outputs.map(|x| T::from_f64(x.to_f64().clamp(0.0, 1.0))), targets)
            }
            Self::LogLoss => metrics::log_loss(&head.probabilities(outputs), targets),
            Self::Mae => metrics::mean_absolute_error(&head.probabilities(outputs), targets),
            Self::Rmse => metrics::root_mean_squared_error(&head.probabilities(outputs), targets),
            Self::R2 => metrics::r2(&head.probabilities(outputs), targets),
        }
    }

    /// The metric of independent columns of 0 and 1.
    fn of_columns<T: Element>(&self, outputs: &Tensor<T>, targets: &Targets<T>, head: Head) -> Result<f64> {
        let op = self.name();
        let columns = Columns::new(&op, outputs, targets)?;
        let mean = |of: &dyn Fn(&Tensor<T>, &Targets<T>) -> Result<f64>| -> Result<f64> {
            let each = (0..columns.n).map(|k| {
                let (outputs, targets) = columns.get(k)?;
                of(&outputs, &targets).map_err(|error| error.within(&format!("target column {k}")))
            });
            Ok(each.sum::<Result<f64>>()? / columns.n as f64)
        };
        match self {
            Self::Accuracy => {
                let right = |(row, truth): (&[T], &[T])| {
                    let on = |x: &T| f64::from(u8::from(x.to_f64() > head.threshold()));
                    row.iter().zip(truth).all(|(x, t)| on(x) == t.to_f64())
                };
                let rows = outputs.as_slice().chunks(columns.n).zip(columns.truth.as_slice().chunks(columns.n));
                Ok(rows.filter(|row| right(*row)).count() as f64 / targets.len() as f64)
            }
            Self::F1 => mean(&|outputs, targets| {
                Ok(ConfusionMatrix::from_binary_scores(outputs, targets, head.threshold())?.f1(1))
            }),
            Self::TopK(_) => Err(Error::argument(format!(
                "{op}: the targets are {} independent columns of 0 and 1, of which none is the class; measure accuracy",
                columns.n
            ))),
            _ => mean(&|outputs, targets| self.value_as(outputs, targets, head, TargetKind::Flags)),
        }
    }

    /// Whether it takes more than the order of outputs, so that it must be known what they are.
    fn reads_the_head(&self, several: bool, kind: TargetKind) -> bool {
        match self {
            Self::Accuracy | Self::F1 => !several || kind == TargetKind::Flags,
            Self::TopK(_) => false,
            Self::RocAuc => several && kind != TargetKind::Flags,
            Self::LogLoss => true,
            Self::Mae | Self::Rmse | Self::R2 => kind != TargetKind::Value,
        }
    }

    /// Whether it compares numbers rather than classes.
    fn is_of_values(&self) -> bool {
        matches!(self, Self::Mae | Self::Rmse | Self::R2)
    }

    /// 1 where smaller is better, -1 where larger is.
    pub(super) fn sign(&self) -> f64 {
        match self {
            Self::LogLoss | Self::Mae | Self::Rmse => 1.0,
            Self::Accuracy | Self::TopK(_) | Self::F1 | Self::RocAuc | Self::R2 => -1.0,
        }
    }
}

/// Outputs and targets of several columns, to be taken one by one.
struct Columns<'a, T> {
    n: usize,
    outputs: &'a Tensor<T>,
    truth: &'a Tensor<T>,
}

impl<'a, T: Element> Columns<'a, T> {
    fn new(op: &str, outputs: &'a Tensor<T>, targets: &'a Targets<T>) -> Result<Self> {
        match targets {
            Targets::Values(truth) if truth.shape() == outputs.shape() && !truth.is_empty() => {
                if let Some(at) = outputs.iter().position(|x| x.to_f64().is_nan()) {
                    let row = at / truth.shape()[1];
                    return Err(Error::not_finite(format!("{op}: the prediction of row {row} is NaN")));
                }
                Ok(Self { n: truth.shape()[1], outputs, truth })
            }
            Targets::Values(truth) => Err(Error::shape(format!(
                "{op}: predictions of shape {}, targets of shape {}",
                outputs.shape(),
                truth.shape()
            ))),
            Targets::Labels(_) => {
                Err(Error::argument(format!("{op}: targets are labels; expected columns of 0 and 1")))
            }
        }
    }

    fn get(&self, k: usize) -> Result<(Tensor<T>, Targets<T>)> {
        let column =
            |of: &Tensor<T>| Tensor::new([of.shape()[0]], of.iter().skip(k).step_by(self.n).copied().collect());
        Ok((column(self.outputs)?, Targets::Values(column(self.truth)?)))
    }
}

/// Targets of -1 and 1, which scores are trained on, as labels 0 and 1.
fn signs_as_labels<T: Element>(targets: &Targets<T>, head: Head) -> Option<Targets<T>> {
    let values = targets.values().filter(|_| head == Head::Scores)?;
    let one_a_row = values.len() == targets.len();
    let signs = one_a_row && values.iter().all(|x| x.to_f64().abs() == 1.0);
    signs.then(|| Targets::Labels(values.iter().map(|x| usize::from(x.to_f64() > 0.0)).collect()))
}

/// A model's outputs for data, and the data's targets, as metrics and pictures take them.
pub(super) struct Judged<T> {
    /// The outputs as the head reads them; values in the units of the data.
    pub outputs: Tensor<T>,
    /// The targets in the units of the data.
    pub targets: Targets<T>,
    pub head: Head,
    pub kind: TargetKind,
}

impl<T: Element> Judged<T> {
    /// Outputs of this head for the data's rows.
    pub fn new(outputs: Tensor<T>, data: &Dataset<T>, head: Head) -> Result<Self> {
        let (preprocessing, kind) = (data.preprocessing(), data.target_kind());
        let Targets::Values(values) = data.targets() else {
            return Ok(Self { outputs, targets: data.targets().clone(), head, kind });
        };
        if preprocessing.target_scalers().is_empty() {
            return Ok(Self { outputs, targets: data.targets().clone(), head, kind });
        }
        let mut values = preprocessing.decode_values(values)?;
        if kind != TargetKind::Value {
            // 0 and 1 come back with an error in the last digit.
            values = values.map(|x| T::from_f64(x.to_f64().round()));
        }
        let outputs = preprocessing.decode_values(&head.probabilities(&outputs))?;
        let head = if head == Head::Unknown { head } else { Head::Values };
        Ok(Self { outputs, targets: Targets::Values(values), head, kind })
    }

    /// The metric of them.
    pub fn measure(&self, metric: &Metric) -> Result<f64> {
        metric.value_as(&self.outputs, &self.targets, self.head, self.kind)
    }

    /// The metric of them, NaN where it is not defined; why, then. Mistakes were found before training, so that nothing here
    /// ends it.
    pub fn measure_or_nan(&self, metric: &Metric) -> (f64, Option<String>) {
        match self.measure(metric) {
            Ok(value) if value.is_finite() => (value, None),
            Ok(value) => (value, Some(format!("the metric {} is {value}", metric.name()))),
            Err(error) => (f64::NAN, Some(format!("the metric {} is not defined: {error}", metric.name()))),
        }
    }
}

/// Rows predicted at a time: enough for fast products, few enough to stay small.
pub(super) const ROWS: usize = 512;

/// The model's outputs for all rows, in order.
pub(super) fn predictions<T: Element>(model: &Model<T>, data: &Dataset<T>) -> Result<Tensor<T>> {
    let values = predictions_of(model, data, 0..data.len())?;
    let mut shape = vec![data.len()];
    shape.extend(model.output_shape().iter());
    Tensor::new(shape, values)
}

/// The outputs for these rows; they begin where a batch of [`ROWS`] does.
pub(super) fn predictions_of<T: Element>(model: &Model<T>, data: &Dataset<T>, rows: Range<usize>) -> Result<Vec<T>> {
    let mut values = Vec::with_capacity(rows.len() * model.output_shape().numel());
    let mut batches = data.batches(ROWS.min(data.len()), Order::Sequential)?;
    batches.seek(rows.start / ROWS);
    while batches.position() * ROWS < rows.end
        && let Some(batch) = batches.next_batch()
    {
        values.extend_from_slice(model.predict(&batch.inputs)?.as_slice());
    }
    batches.check()?;
    Ok(values)
}
