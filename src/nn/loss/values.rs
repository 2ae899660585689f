//! Losses of values: a function of each output and its target, added up or averaged.

use super::{Loss, Reduction, weights};
use crate::data::Targets;
use crate::nn::Head;
use crate::{Element, Error, Result, Shape, Tensor, Var};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// A loss of values: a function of each output and its target. Made by [`mean_squared_error`], [`quadratic`], [`huber`] and
/// the other functions of this module.
///
/// # Examples
/// ```
/// use retrograd::{Tape, Tensor, data::Targets, nn::loss::{self, Loss}};
/// let tape = Tape::new();
/// let (output, targets) = (tape.var([[1.0], [5.0]]), Targets::Values(Tensor::from([[2.0], [2.0]])));
/// let of = |loss: loss::ValueLoss| loss.value(output, &targets, None).map(|loss| loss.item());
/// assert_eq!(of(loss::mean_squared_error())?, (1.0 + 9.0) / 2.0);
/// assert_eq!(of(loss::mean_squared_error().sum())?, 1.0 + 9.0);
/// assert_eq!(of(loss::huber(1.0))?, (0.5 + 2.5) / 2.0);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValueLoss {
    kind: Kind,
    function: Function,
    reduction: Reduction,
    class_weights: Option<Vec<f64>>,
}

/// What tells a configuration from that of other losses.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Values,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Function {
    MeanSquaredError,
    Quadratic,
    MeanAbsoluteError,
    Huber { delta: f64 },
    BinaryCrossEntropy,
    BinaryCrossEntropyWithLogits,
    SigmoidCrossEntropy,
    KlDivergence,
    Hinge,
}

/// The mean squared error: l_i = mean_j (x_ij - t_ij)^2. dL/dx = 2 (x - t) / (n m) for n examples of m outputs.
///
/// Shapes: output and target equal; a target `[n]` serves an output [n, 1]. Source: torch.nn.MSELoss.
pub fn mean_squared_error() -> ValueLoss {
    ValueLoss::new(Function::MeanSquaredError)
}

/// Nielsen's quadratic cost: l_i = 1/2 sum_j (x_ij - t_ij)^2. dL/dx = (x - t) / n for n examples.
///
/// Shapes: as [`mean_squared_error`]. Source: Neural Networks and Deep Learning, chapter 1, equation 6.
pub fn quadratic() -> ValueLoss {
    ValueLoss::new(Function::Quadratic)
}

/// The mean absolute error: l_i = mean_j |x_ij - t_ij|. dL/dx = sign(x - t) / (n m), 0 where x = t.
///
/// Shapes: as [`mean_squared_error`]. Source: torch.nn.L1Loss.
pub fn mean_absolute_error() -> ValueLoss {
    ValueLoss::new(Function::MeanAbsoluteError)
}

/// The mean Huber error: l_i = mean_j h(x_ij - t_ij), h(r) = r^2/2 where |r| <= delta, else delta (|r| - delta/2).
///
/// dL/dx = clamp(x - t, -delta, delta) / (n m). Shapes: as [`mean_squared_error`]. Source: torch.nn.HuberLoss.
pub fn huber(delta: f64) -> ValueLoss {
    ValueLoss::new(Function::Huber { delta })
}

/// The mean binary cross-entropy of probabilities: l_i = mean_j -(t ln p + (1 - t) ln(1 - p)), in nats.
///
/// Shapes: as [`mean_squared_error`]; p and t in [0, 1]. From logits, [`binary_cross_entropy_with_logits`] is stable.
/// Source: torch.nn.BCELoss, which bounds the logarithms at -100; here p = 0 with t = 1 is infinite.
pub fn binary_cross_entropy() -> ValueLoss {
    ValueLoss::new(Function::BinaryCrossEntropy)
}

/// The mean binary cross-entropy of logits: l_i = mean_j ( max(x, 0) - x t + ln(1 + e^-|x|) ), in nats.
///
/// dL/dx = (sigmoid(x) - t) / (n m). Shapes: as [`mean_squared_error`]. Stable for any x. Source: torch.nn.BCEWithLogitsLoss.
pub fn binary_cross_entropy_with_logits() -> ValueLoss {
    ValueLoss::new(Function::BinaryCrossEntropyWithLogits)
}

/// Nielsen's cross-entropy cost of sigmoid outputs, computed from their logits and summed over outputs:
/// l_i = sum_j ( max(x, 0) - x t + ln(1 + e^-|x|) ), in nats.
///
/// dL/dx = (sigmoid(x) - t) / n. Shapes: as [`mean_squared_error`]. The network ends in logits, before the sigmoid.
/// Source: Neural Networks and Deep Learning, chapter 3, equation 63.
pub fn sigmoid_cross_entropy() -> ValueLoss {
    ValueLoss::new(Function::SigmoidCrossEntropy)
}

/// The Kullback-Leibler divergence from the output q to the target p, both probabilities: l_i = sum_j p (ln p - ln q), in nats.
///
/// Terms with p = 0 are 0. dL/dq = -p / (q n). Shapes: as [`mean_squared_error`]. Source: torch.nn.KLDivLoss with
/// `batchmean`, which takes ln q.
pub fn kl_divergence() -> ValueLoss {
    ValueLoss::new(Function::KlDivergence)
}

/// The mean hinge loss of scores against targets of -1 or 1: l_i = mean_j max(0, 1 - t x).
///
/// dL/dx = -t / (n m) where t x < 1, else 0. Shapes: as [`mean_squared_error`].
pub fn hinge() -> ValueLoss {
    ValueLoss::new(Function::Hinge)
}

impl ValueLoss {
    fn new(function: Function) -> Self {
        Self { kind: Kind::Values, function, reduction: Reduction::Mean, class_weights: None }
    }
    /// Sums over examples.
    ///
    /// Losses that average over outputs become sums over them as well, as in PyTorch.
    pub fn sum(mut self) -> Self {
        self.reduction = Reduction::Sum;
        self
    }
    /// Takes the mean over examples, which is the default.
    pub fn mean(mut self) -> Self {
        self.reduction = Reduction::Mean;
        self
    }
    /// Weights examples by the class of their label. The targets are labels then.
    pub fn class_weights(mut self, weights: impl Into<Vec<f64>>) -> Self {
        self.class_weights = Some(weights.into());
        self
    }

    fn label(&self) -> &'static str {
        match self.function {
            Function::MeanSquaredError => "mean_squared_error",
            Function::Quadratic => "quadratic",
            Function::MeanAbsoluteError => "mean_absolute_error",
            Function::Huber { .. } => "huber",
            Function::BinaryCrossEntropy => "binary_cross_entropy",
            Function::BinaryCrossEntropyWithLogits => "binary_cross_entropy_with_logits",
            Function::SigmoidCrossEntropy => "sigmoid_cross_entropy",
            Function::KlDivergence => "kl_divergence",
            Function::Hinge => "hinge",
        }
    }

    /// Whether the outputs of an example are averaged rather than added up.
    fn averages_outputs(&self) -> bool {
        !matches!(self.function, Function::Quadratic | Function::SigmoidCrossEntropy | Function::KlDivergence)
    }

    /// The function of every element, up to the factor 1/2 of the quadratic cost.
    fn elements<'t, T: Element>(&self, x: Var<'t, T>, t: Var<'t, T>) -> Var<'t, T> {
        let one = Var::constant(T::from_f64(1.0));
        match self.function {
            Function::MeanSquaredError | Function::Quadratic => (x - t).square(),
            Function::MeanAbsoluteError => (x - t).abs(),
            Function::Huber { delta } => (x - t).huber(delta),
            Function::BinaryCrossEntropy => -(t.xlogy(x) + (one - t).xlogy(one - x)),
            Function::BinaryCrossEntropyWithLogits | Function::SigmoidCrossEntropy => x.bce_with_logits(t),
            Function::KlDivergence => t.xlogy(t) - t.xlogy(x),
            Function::Hinge => (one - x * t).relu(),
        }
    }

    fn is_squared(&self) -> bool {
        matches!(self.function, Function::MeanSquaredError | Function::Quadratic)
    }
}

impl<T: Element> Loss<T> for ValueLoss {
    #[inline(never)]
    fn value<'t>(&self, output: Var<'t, T>, target: &Targets<T>, samples: Option<&Tensor<T>>) -> Result<Var<'t, T>> {
        let name = self.label();
        if let Function::Huber { delta } = self.function
            && (delta.is_nan() || delta <= 0.0)
        {
            return Err(Error::argument(format!("{name}: delta is {delta}; it must be above 0")));
        }
        let shape = output.shape();
        let t = encoded(name, output, target, if self.function == Function::Hinge { -1.0 } else { 0.0 })?;
        let n = shape[0];
        let outputs = shape.numel() / n.max(1);
        // One output still tells two classes apart.
        weights::check_classes(name, self.class_weights.as_deref(), outputs.max(2))?;
        let weights = weights::of(name, n, target, samples, self.class_weights.as_deref())?;
        let averages = self.averages_outputs() && self.reduction == Reduction::Mean;
        let half = if self.function == Function::Quadratic { 0.5 } else { 1.0 };
        let factor = half / if averages { outputs.max(1) as f64 } else { 1.0 };
        if self.is_squared() && weights.are_equal() && shape.rank() > 0 {
            let scale = factor * weights.scale(name, self.reduction)?;
            return Ok(output.try_squared_error(t)? * T::from_f64(scale));
        }
        weights.reduce(name, self.elements(output, t), self.reduction, factor)
    }
    fn name(&self) -> String {
        self.label().to_owned()
    }
    fn head(&self) -> Head {
        match self.function {
            Function::BinaryCrossEntropyWithLogits | Function::SigmoidCrossEntropy => Head::IndependentLogits,
            Function::BinaryCrossEntropy | Function::KlDivergence => Head::Probabilities,
            Function::Hinge => Head::Scores,
            _ => Head::Values,
        }
    }
    fn is_sum(&self) -> bool {
        self.reduction == Reduction::Sum
    }
    fn is_by_row(&self) -> bool {
        self.class_weights.is_none()
    }
    #[inline(never)]
    fn config(&self) -> Json {
        json!(self)
    }
}

/// The target in the output's shape; labels one-hot, with `off` for the classes that are not meant.
pub(super) fn encoded<'t, T: Element>(
    loss: &str,
    output: Var<'t, T>,
    target: &Targets<T>,
    off: f64,
) -> Result<Var<'t, T>> {
    let shape = output.shape();
    let Some((&n, rest)) = shape.split_first() else {
        return Err(Error::shape(format!("{loss}: the output is a single number; its first axis is the batch")));
    };
    let outputs: usize = rest.iter().product();
    let labels = match target {
        Targets::Values(values) => return Ok(super::on_tape(output, fitted(loss, values, &shape, outputs)?)),
        Targets::Labels(labels) => labels,
    };
    check_labels(loss, labels, n, outputs.max(2))?;
    let [on, off] = [1.0, off].map(T::from_f64);
    Ok(super::written(output, &shape, |rows| {
        rows.fill(off);
        for (row, &label) in rows.chunks_exact_mut(outputs.max(1)).zip(labels) {
            match row {
                [one] => *one = if label == 1 { on } else { off },
                row => row[label] = on,
            }
        }
    }))
}

/// Values in the output's shape.
fn fitted<T: Element>(loss: &str, values: &Tensor<T>, shape: &Shape, outputs: usize) -> Result<Tensor<T>> {
    if values.shape() == shape {
        return Ok(values.clone());
    }
    // A column is a list where an example has one output; anything else would broadcast to what nobody meant.
    let lists = values.shape().iter().product::<usize>() == values.shape().first().copied().unwrap_or(0);
    if outputs == 1 && lists && values.shape().first() == shape.first() {
        return values.try_reshape(shape);
    }
    Err(Error::shape(format!("{loss}: output has shape {shape}, target {}", values.shape())))
}

/// An error unless there is a label for each of n examples, below the number of classes.
pub(super) fn check_labels(loss: &str, labels: &[usize], n: usize, classes: usize) -> Result<()> {
    if labels.len() != n {
        return Err(Error::shape(format!("{loss}: {n} examples, {} labels", labels.len())));
    }
    match labels.iter().position(|&label| label >= classes) {
        Some(row) => Err(Error::argument(format!(
            "{loss}: label {} at row {row} is out of range for {classes} classes (valid 0..={})",
            labels[row],
            classes - 1
        ))),
        None => Ok(()),
    }
}
