//! What a network's outputs mean.

use crate::{Element, Tensor};
use serde::{Deserialize, Serialize};

/// What a network's outputs are, which the loss that it is trained on decides.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, nn::Head};
/// let outputs = Tensor::from([[0.0, 2.0], [1.0, -1.0]]);
/// assert_eq!(Head::Logits.classes(&outputs), [1, 0]);
/// // A single logit is above 0 where its probability is above a half.
/// assert_eq!((Head::Logits.threshold(), Head::Probabilities.threshold()), (0.0, 0.5));
/// assert_eq!(Head::Logits.probabilities(&Tensor::from([[0.0]])).to_vec(), [0.5]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Head {
    /// Scores before softmax; a single column is a score before sigmoid.
    Logits,
    /// Scores of several columns, each before a sigmoid of its own.
    IndependentLogits,
    /// Probabilities.
    Probabilities,
    /// Logarithms of probabilities.
    LogProbabilities,
    /// Scores that are above 0 for a class, or an example, that is meant.
    Scores,
    /// Plain values; where they stand for a class, near 1 for the one that is meant.
    Values,
    /// Nobody said: the loss is one of your own. The largest of several columns is still the class; what else needs to know more is
    /// an error that asks for it.
    Unknown,
}

/// How a head is named that nobody named.
pub(crate) const NAME_THE_HEAD: &str = "say it: loss::func(...).with_head(Head::Logits), Loss::head of a loss type of your own, or model.set_head(...) once it is trained";

impl Head {
    /// The class of each row: the largest column, or for one column whether it is above the middle.
    ///
    /// # Panics
    /// The outputs are not a matrix with columns, nor one number a row; one number a row of which nobody said what it is.
    #[inline(never)]
    pub fn classes<T: Element>(self, outputs: &Tensor<T>) -> Vec<usize> {
        let columns = if outputs.shape().rank() < 2 { 1 } else { outputs.shape()[1] };
        if columns > 1 {
            return outputs.argmax_rows();
        }
        assert!(self != Self::Unknown, "classes: one output a row, and nobody said which numbers stand for class 1");
        outputs.iter().map(|x| usize::from(x.to_f64() > self.threshold())).collect()
    }

    /// Where a single column of outputs turns from class 0 to class 1; NaN where nobody said.
    pub fn threshold(self) -> f64 {
        match self {
            Self::Logits | Self::IndependentLogits | Self::Scores => 0.0,
            Self::Probabilities | Self::Values => 0.5,
            Self::LogProbabilities => 0.5f64.ln(),
            Self::Unknown => f64::NAN,
        }
    }

    /// The probability of a class, of a row that [`probabilities`](Head::probabilities) gave; a single number is that of class 1.
    ///
    /// What a network says that was trained on squares of differences estimates a probability, and is held to 0..1. Scores of
    /// the hinge loss are none: NaN. Where nobody said what the outputs are, NaN as well.
    pub fn probability_of<T: Element>(self, class: usize, row: &[T]) -> f64 {
        let probability = match row {
            [yes] if class == 0 => 1.0 - yes.to_f64(),
            [yes] => yes.to_f64(),
            row => row[class].to_f64(),
        };
        match self {
            Self::Scores | Self::Unknown => f64::NAN,
            Self::Values => probability.clamp(0.0, 1.0),
            _ => probability,
        }
    }

    /// The outputs as probabilities: softmax of several logits, sigmoid of one; plain values, and what nobody said, are left as they are.
    #[inline(never)]
    pub fn probabilities<T: Element>(self, outputs: &Tensor<T>) -> Tensor<T> {
        let one = outputs.shape().rank() < 2 || outputs.shape()[1] == 1;
        match self {
            Self::Logits if !one => outputs.softmax(-1),
            Self::Logits | Self::IndependentLogits => outputs.sigmoid(),
            Self::LogProbabilities => outputs.exp(),
            Self::Probabilities | Self::Scores | Self::Values | Self::Unknown => outputs.clone(),
        }
    }
}
