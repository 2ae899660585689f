//! Losses of classes: cross-entropy from logits, negative log-likelihood from log-probabilities.

use super::{Loss, Reduction, weights};
use crate::data::Targets;
use crate::nn::Head;
use crate::{Element, Error, Result, Tensor, Var};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// A loss of classes, from a row of scores for each example. Made by [`cross_entropy`] and [`nll`].
///
/// # Examples
/// ```
/// use retrograd::{Tape, data::Targets, nn::loss::{self, Loss}};
/// let tape = Tape::new();
/// let logits = tape.var([[0.0, 0.0], [0.0, 0.0]]);
/// let targets = Targets::Labels(vec![0, 1]);
/// let of = |loss: loss::LabelLoss| loss.value(logits, &targets, None).map(|loss| loss.item() / 2f64.ln());
/// assert_eq!(of(loss::cross_entropy())?, 1.0);
/// assert_eq!(of(loss::cross_entropy().sum())?, 2.0);
/// assert_eq!(of(loss::cross_entropy().class_weights([1.0, 3.0]).sum())?, 4.0);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelLoss {
    kind: Kind,
    from: From,
    reduction: Reduction,
    label_smoothing: f64,
    class_weights: Option<Vec<f64>>,
}

/// What tells a configuration from that of other losses.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Labels,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum From {
    Logits,
    LogProbabilities,
}

/// Cross-entropy of classes, computed from logits.
///
/// l_i = -sum_c t_ic log_softmax(z_i)_c, in nats; t_i is one-hot from a label, or the target's own row of probabilities.
/// For the plain mean of labels dL/dz = (softmax(z) - t) / n. Shapes: logits [n, c]; labels n, or probabilities [n, c].
///
/// Label smoothing takes t to (1 - eps) t + eps/c. Class weights u multiply every term, u_c t_ic log_softmax(z_i)_c, and the
/// mean divides by the sum of the labels' weights (by n for probabilities). Source: torch.nn.CrossEntropyLoss, whose
/// definitions these are, also for both together.
pub fn cross_entropy() -> LabelLoss {
    LabelLoss::new(From::Logits)
}

/// Negative log-likelihood of classes, from log-probabilities: `l_i = -x_i[t_i]`.
///
/// Shapes: log-probabilities [n, c]; labels n, or probabilities [n, c]. Source: torch.nn.NLLLoss.
pub fn nll() -> LabelLoss {
    LabelLoss::new(From::LogProbabilities)
}

impl LabelLoss {
    fn new(from: From) -> Self {
        Self { kind: Kind::Labels, from, reduction: Reduction::Mean, label_smoothing: 0.0, class_weights: None }
    }
    /// Sums over examples.
    pub fn sum(mut self) -> Self {
        self.reduction = Reduction::Sum;
        self
    }
    /// Takes the mean over examples, which is the default.
    pub fn mean(mut self) -> Self {
        self.reduction = Reduction::Mean;
        self
    }
    /// Mixes targets with the uniform distribution: (1 - eps) t + eps/c, eps in [0, 1]; 0 unless set.
    pub fn label_smoothing(mut self, eps: f64) -> Self {
        self.label_smoothing = eps;
        self
    }
    /// Sets a weight for each class; 1 unless set.
    pub fn class_weights(mut self, weights: impl Into<Vec<f64>>) -> Self {
        self.class_weights = Some(weights.into());
        self
    }

    fn label(&self) -> &'static str {
        match self.from {
            From::Logits => "cross_entropy",
            From::LogProbabilities => "nll",
        }
    }

    /// Rows and columns of the output, once it fits the target.
    fn check<T: Element>(&self, output: Var<'_, T>, target: &Targets<T>) -> Result<(usize, usize)> {
        let (name, shape) = (self.label(), output.shape());
        let &[n, classes] = shape.dims() else {
            return Err(Error::shape(format!(
                "{name}: needs a row of scores for each example, [n, classes], got shape {shape}"
            )));
        };
        match target {
            Targets::Labels(labels) => super::values::check_labels(name, labels, n, classes)?,
            Targets::Values(values) if *values.shape() != shape => {
                return Err(Error::shape(format!(
                    "{name}: output has shape {shape}, target {}; it takes labels (of a file: with classification()) or rows of \
                     probabilities, and for values there is mean_squared_error()",
                    values.shape()
                )));
            }
            Targets::Values(_) => {}
        }
        weights::check_classes(name, self.class_weights.as_deref(), classes)?;
        if !(0.0..=1.0).contains(&self.label_smoothing) {
            return Err(Error::argument(format!("{name}: label smoothing is in [0, 1], got {}", self.label_smoothing)));
        }
        Ok((n, classes))
    }
}

impl<T: Element> Loss<T> for LabelLoss {
    #[inline(never)]
    fn value<'t>(&self, output: Var<'t, T>, target: &Targets<T>, samples: Option<&Tensor<T>>) -> Result<Var<'t, T>> {
        let (n, classes) = self.check(output, target)?;
        let name = self.label();
        let plain = samples.is_none() && self.class_weights.is_none() && self.label_smoothing == 0.0;
        // The engine's own op: it keeps no probabilities, and its gradient is one pass.
        if let (Targets::Labels(labels), From::Logits, true) = (target, self.from, plain) {
            let mean = output.try_cross_entropy(labels)?;
            return Ok(if self.reduction == Reduction::Mean { mean } else { mean * T::from_f64(n as f64) });
        }
        let scores = match self.from {
            From::Logits => output.try_log_softmax(-1)?,
            From::LogProbabilities => output,
        };
        let by_label = self.class_weights.as_deref().filter(|_| matches!(target, Targets::Labels(_)));
        let weights = weights::of(name, n, target, samples, by_label)?;
        if let (Targets::Labels(labels), true) = (target, self.label_smoothing == 0.0) {
            return weights.reduce(name, scores.try_pick(labels)?, self.reduction, -1.0);
        }
        // Beyond one score for each example: what every score is multiplied by.
        let samples = weights::of(name, n, target, samples, None)?;
        let scale = -weights.scale(name, self.reduction)?;
        let eps = self.label_smoothing;
        let class_weight = |c: usize| self.class_weights.as_ref().map_or(1.0, |weights| weights[c]);
        let factors = super::written(output, &output.shape(), |factors| {
            for (i, row) in factors.chunks_exact_mut(classes).enumerate() {
                for (c, factor) in row.iter_mut().enumerate() {
                    let t = match target {
                        Targets::Labels(labels) => (labels[i] == c) as u8 as f64,
                        Targets::Values(values) => values.as_slice()[i * classes + c].to_f64(),
                    };
                    let smooth = (1.0 - eps) * t + eps / classes as f64;
                    *factor = T::from_f64(scale * samples.at(i) * class_weight(c) * smooth);
                }
            }
        });
        scores.try_mul(factors)?.try_sum(())
    }
    fn name(&self) -> String {
        self.label().to_owned()
    }
    fn head(&self) -> Head {
        match self.from {
            From::Logits => Head::Logits,
            From::LogProbabilities => Head::LogProbabilities,
        }
    }
    fn is_sum(&self) -> bool {
        self.reduction == Reduction::Sum
    }
    fn class_weights(&self) -> Option<&[f64]> {
        self.class_weights.as_deref()
    }
    fn is_by_row(&self) -> bool {
        self.class_weights.is_none()
    }
    #[inline(never)]
    fn config(&self) -> Json {
        json!(self)
    }
}
