//! Losses of a batch: how far outputs are from their targets, as a number on the tape.
//!
//! Functions such as [`cross_entropy`] and [`quadratic`] make a loss with the usual settings; methods change them. A loss
//! reduces in three steps: elements to examples (a sum or a mean over the outputs, by the loss's definition), examples times
//! their weights, and examples to a number: the weighted mean, or with `.sum()` the weighted sum.
//!
//! L = sum_i w_i c_i l_i / sum_i w_i c_i, with sample weights w and the class weights c of the labels, 1 where there are none.
//!
//! ```
//! use retrograd::{Tape, Tensor, data::Targets, nn::loss::{self, Loss}};
//! let tape = Tape::new();
//! let outputs = tape.var([[0.8, 0.1], [0.3, 0.6]]);
//! let cost = loss::quadratic().value(outputs, &Targets::Labels(vec![0, 1]), None)?;
//! // Nielsen's quadratic cost: 1/(2n) sum |y - a|^2.
//! assert!((cost.item() - (0.04 + 0.01 + 0.09 + 0.16) / 4.0).abs() < 1e-15);
//! # Ok::<(), retrograd::Error>(())
//! ```
//!
//! Labels given to a loss of values are one-hot encoded, as -1 and 1 for [`hinge`]; where the network has one output, labels
//! are 0 and 1 and stand for themselves.

mod label;
mod values;
mod weights;

pub use label::{LabelLoss, cross_entropy, nll};
pub use values::{
    ValueLoss, binary_cross_entropy, binary_cross_entropy_with_logits, hinge, huber, kl_divergence,
    mean_absolute_error, mean_squared_error, quadratic, sigmoid_cross_entropy,
};

use super::Head;
use crate::data::Targets;
use crate::{Element, Error, Result, Shape, Tensor, Var};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// A loss of a batch.
///
/// A closure becomes one through [`func`].
///
/// # Examples
/// ```
/// use retrograd::{Tape, Tensor, data::Targets, nn::loss::{self, Loss}};
/// let tape = Tape::new();
/// let output = tape.var([[1.0], [5.0]]);
/// let (targets, weights) = (Targets::Values(Tensor::from([2.0, 2.0])), Tensor::from([1.0, 3.0]));
/// let loss: &dyn Loss<f64> = &loss::mean_absolute_error();
/// assert_eq!(loss.value(output, &targets, Some(&weights))?.item(), (1.0 + 3.0 * 3.0) / 4.0);
/// let again = loss::from_config::<f64>(&loss.config())?;
/// assert_eq!((again.name(), again.is_sum()), (loss.name(), false));
/// # Ok::<(), retrograd::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no loss",
    label = "expected a loss of `retrograd::nn::loss`",
    note = "a closure becomes one by `loss::func(\"name\", |output, target| ...)`"
)]
pub trait Loss<T: Element>: Send + Sync {
    /// The loss as a number on the output's tape. Weights: `[n]`, one for each example, 0 or more.
    ///
    /// # Errors
    /// Targets that do not fit the output; a label out of range; negative weights; no examples.
    fn value<'t>(&self, output: Var<'t, T>, target: &Targets<T>, weights: Option<&Tensor<T>>) -> Result<Var<'t, T>>;

    /// The loss's name.
    fn name(&self) -> String;

    /// The settings, for checkpoints and reports; [`from_config`] makes a built-in loss again.
    fn config(&self) -> Json;

    /// What the outputs mean that it is computed from. Where it does not say, the network's last layer does (softmax, sigmoid), or
    /// targets that are plain values; otherwise probabilities of classes stay unknown, with a warning in the history.
    fn head(&self) -> Head {
        Head::Unknown
    }

    /// Whether it is a sum over examples, rather than a mean.
    fn is_sum(&self) -> bool {
        false
    }

    /// What a label's class weighs, where a mean divides by that: so much a part of a batch counts beside the others.
    fn class_weights(&self) -> Option<&[f64]> {
        None
    }
    /// Whether what it makes of the targets, without sample weights, is a row for each example by that example alone, and its value is
    /// the same for labels and for rows of 0 and 1 in their place. Then the rows of many models' batches are made once
    /// ([`Sweep`](crate::train::Sweep)).
    fn is_by_row(&self) -> bool {
        false
    }
}

/// How the losses of a batch's examples become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Reduction {
    /// Their mean, weighted where there are weights.
    #[default]
    Mean,
    /// Their sum, weighted where there are weights.
    Sum,
}

impl<T: Element> Loss<T> for Box<dyn Loss<T>> {
    fn value<'t>(&self, output: Var<'t, T>, target: &Targets<T>, weights: Option<&Tensor<T>>) -> Result<Var<'t, T>> {
        (**self).value(output, target, weights)
    }
    fn name(&self) -> String {
        (**self).name()
    }
    fn config(&self) -> Json {
        (**self).config()
    }
    fn head(&self) -> Head {
        (**self).head()
    }
    fn is_sum(&self) -> bool {
        (**self).is_sum()
    }
    fn class_weights(&self) -> Option<&[f64]> {
        (**self).class_weights()
    }
    fn is_by_row(&self) -> bool {
        (**self).is_by_row()
    }
}

/// The loss that [`Loss::config`] describes.
///
/// # Errors
/// A loss of your own, or settings that are not a loss's.
pub fn from_config<T: Element>(config: &Json) -> Result<Box<dyn Loss<T>>> {
    let kind = config.get("kind").and_then(Json::as_str).unwrap_or_default();
    let wrong =
        |error: serde_json::Error| Error::argument(format!("loss: the configuration {config} is damaged: {error}"));
    match kind {
        "values" => Ok(Box::new(ValueLoss::deserialize(config).map_err(wrong)?)),
        "labels" => Ok(Box::new(LabelLoss::deserialize(config).map_err(wrong)?)),
        _ => Err(Error::argument(format!(
            "loss: {config} is not a built-in loss; make your own in code and pass it to training"
        ))),
    }
}

/// Data beside a variable.
fn on_tape<'t, T: Element>(beside: Var<'t, T>, data: Tensor<T>) -> Var<'t, T> {
    beside.tape().data(data)
}

/// Data beside a variable, written into memory of its tape.
fn written<'t, T: Element>(beside: Var<'t, T>, shape: &Shape, write: impl FnOnce(&mut [T])) -> Var<'t, T> {
    let tape = beside.tape();
    tape.data(tape.tensor(shape, write))
}

/// A closure as a loss: from the output and the target to the loss of each example, or of each element.
///
/// Labels arrive one-hot; values must have the output's shape, so that a network with more outputs than targets needs a loss type of its
/// own. What the closure returns is averaged over its elements, by the weights of the examples along its
/// first axis; a single number is taken as it is.
///
/// # Examples
/// ```
/// use retrograd::{Tape, Tensor, data::Targets, nn::loss::{self, Loss}};
/// let log_cosh = loss::func("log_cosh", |x, t| (x - t).cosh().ln());
/// let tape = Tape::new();
/// let loss = log_cosh.value(tape.var([[1.0], [3.0]]), &Targets::Values(Tensor::from([[1.0], [3.0]])), None)?;
/// assert_eq!(loss.item(), 0.0);
/// # Ok::<(), retrograd::Error>(())
/// ```
/// A loss of scores says so, for answers, metrics and pictures:
/// ```
/// use retrograd::nn::{Head, loss::{self, Loss}};
/// let focal = loss::func("focal", |x: retrograd::Var<'_, f64>, t| -t * (1.0 - x.softmax(-1)).powi(2) * x.log_softmax(-1));
/// let focal = focal.with_head(Head::Logits);
/// assert_eq!(Loss::<f64>::head(&focal), Head::Logits);
/// ```
pub fn func<T, F>(name: impl Into<String>, f: F) -> FuncLoss<F>
where
    T: Element,
    F: for<'t> Fn(Var<'t, T>, Var<'t, T>) -> Var<'t, T> + Send + Sync,
{
    FuncLoss { name: name.into(), f, head: Head::Unknown }
}

/// A closure as a loss. Made by [`func`].
///
/// # Examples
/// ```
/// use retrograd::{Tape, Tensor, data::Targets, nn::{Head, loss::{self, Loss}}};
/// let quartic = loss::func("quartic", |x, t| (x - t).square().square()).with_head(Head::Values);
/// let tape = Tape::new();
/// let value = quartic.value(tape.var([[1.0], [4.0]]), &Targets::Values(Tensor::from([[2.0], [2.0]])), None)?;
/// assert_eq!(value.item(), (1.0 + 16.0) / 2.0);
/// # Ok::<(), retrograd::Error>(())
/// ```
pub struct FuncLoss<F> {
    name: String,
    f: F,
    head: Head,
}

impl<F> FuncLoss<F> {
    /// Says what the outputs are that it is computed from, as [`Head::Logits`] where the closure applies softmax or sigmoid itself.
    pub fn with_head(self, head: Head) -> Self {
        Self { head, ..self }
    }
}

impl<T, F> Loss<T> for FuncLoss<F>
where
    T: Element,
    F: for<'t> Fn(Var<'t, T>, Var<'t, T>) -> Var<'t, T> + Send + Sync,
{
    fn value<'t>(&self, output: Var<'t, T>, target: &Targets<T>, weights: Option<&Tensor<T>>) -> Result<Var<'t, T>> {
        let targets = values::encoded(&self.name, output, target, 0.0)?;
        let losses = (self.f)(output, targets);
        let Some(weights) = weights else { return losses.try_mean(()) };
        let n = output.shape().first().copied().unwrap_or(0);
        if losses.shape().first() != Some(&n) {
            return Err(Error::shape(format!(
                "{}: sample weights need a loss for each of the {n} examples, the closure gave shape {}",
                self.name,
                losses.shape()
            )));
        }
        let each = losses.numel() / n.max(1);
        let weights = weights::of(&self.name, n, target, Some(weights), None)?;
        weights.reduce(&self.name, losses, Reduction::Mean, 1.0 / each.max(1) as f64)
    }
    fn name(&self) -> String {
        self.name.clone()
    }
    fn head(&self) -> Head {
        self.head
    }
    fn config(&self) -> Json {
        serde_json::json!({ "kind": "function", "name": self.name })
    }
}
