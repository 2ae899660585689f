//! A batch in pieces: which rows each has, what it counts beside the others, and their sum.
//!
//! **Invariant.** A piece's numbers follow from the batch and the number of pieces alone, never from who computes it.

use crate::data::{Batches, Dataset};
use crate::nn::{Loss, ParamGrads, ParamKey, Params, Passed, Step};
use crate::{Element, Result, Tensor};
use std::ops::Range;

/// A piece of a batch.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Piece {
    pub rows: Range<usize>,
    /// What its loss is multiplied by: its part of the weights of a mean, and 1 in a sum. 0 where it counts nothing, and is left out.
    pub factor: f64,
    /// Its part of the rows of pieces that count.
    pub share: f64,
    /// Whether it is the first that counts, which has the penalties.
    pub is_first: bool,
}

/// The rows of piece k.
fn rows(n: usize, pieces: usize, k: usize) -> Range<usize> {
    k * n / pieces..(k + 1) * n / pieces
}

/// The smallest number of rows that a piece of so many has, those without any left out.
pub(super) fn shortest(n: usize, pieces: usize) -> usize {
    (n / pieces).max(1)
}

/// The next batch, cut.
pub(super) fn cut<T: Element>(
    batches: &Batches<'_, T>,
    data: &Dataset<T>,
    loss: &dyn Loss<T>,
    pieces: usize,
) -> Vec<Piece> {
    let n = batches.next_len().unwrap_or(0);
    if pieces == 1 {
        return vec![Piece { rows: 0..n, factor: 1.0, share: 1.0, is_first: true }];
    }
    let classes = loss.class_weights().zip(data.labels());
    let weight = |k: usize| {
        let row = batches.next_row(k);
        let sample = data.weights().map_or(1.0, |weights| weights.as_slice()[row].to_f64());
        // A label without a weight is the loss's error.
        sample * classes.map_or(1.0, |(weights, labels)| weights.get(labels[row]).copied().unwrap_or(1.0))
    };
    let are_equal = data.weights().is_none() && classes.is_none();
    let weights = |rows: &Range<usize>| if are_equal { rows.len() as f64 } else { rows.clone().map(weight).sum() };
    let each: Vec<(Range<usize>, f64)> =
        (0..pieces).map(|k| rows(n, pieces, k)).map(|r| (r.clone(), weights(&r))).collect();
    let total: f64 = each.iter().map(|(_, weight)| weight).sum();
    // Of weights that are all 0 there is no mean: the loss says so of the first piece.
    let counts = |rows: &Range<usize>, weight: f64| !rows.is_empty() && (weight != 0.0 || total == 0.0);
    let first = each.iter().position(|(rows, weight)| counts(rows, *weight));
    let counted: usize = each.iter().filter(|(rows, weight)| counts(rows, *weight)).map(|(rows, _)| rows.len()).sum();
    let piece = |(k, (rows, weight)): (usize, (Range<usize>, f64))| {
        let factor = match counts(&rows, weight) {
            false => 0.0,
            true if loss.is_sum() || total == 0.0 => 1.0,
            true => weight / total,
        };
        Piece { share: rows.len() as f64 / counted as f64, rows, factor, is_first: first == Some(k) }
    };
    each.into_iter().enumerate().map(piece).collect()
}

/// What a piece, or several, contribute to a batch's step.
pub(super) struct Contribution<T> {
    pub loss: f64,
    pub grads: ParamGrads<T>,
    /// The statistics' new values, each times its part of the rows.
    pub statistics: Vec<(ParamKey, Tensor<T>)>,
}

impl<T: Element> Contribution<T> {
    pub fn new(step: Step<T>, passed: &Passed<T>, share: f64) -> Self {
        let scaled = |value: &Tensor<T>| if share == 1.0 { value.clone() } else { value * T::from_f64(share) };
        let statistics = passed.observed().map(|(key, value)| (key, scaled(value))).collect();
        Self { loss: step.loss, grads: step.grads, statistics }
    }

    /// The sum; `recycle` takes the memory that is left.
    pub fn add(mut self, right: Self, recycle: impl FnOnce(ParamGrads<T>)) -> Self {
        self.loss += right.loss;
        self.grads.add(&right.grads);
        recycle(right.grads);
        for (key, value) in right.statistics {
            match self.statistics.iter_mut().find(|(of, _)| *of == key) {
                Some((_, sum)) => sum.add_scaled(T::from_f64(1.0), &value),
                None => self.statistics.push((key, value)),
            }
        }
        self
    }

    /// Stores what statistics observed.
    pub fn store(&mut self, params: &mut Params<T>) -> Result<()> {
        self.statistics.drain(..).try_for_each(|(key, value)| params.set(key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Order, Targets};
    use crate::nn::loss;

    fn pieces(n: usize, of: usize, weights: Option<Vec<f64>>, loss: &dyn Loss<f64>) -> Vec<Piece> {
        let labels = (0..n).map(|k| k % 2).collect();
        let mut data = Dataset::new(Tensor::zeros([n, 1]), Targets::Labels(labels)).unwrap();
        if let Some(weights) = weights {
            data = data.with_weights(weights).unwrap();
        }
        let batches = data.batches(n, Order::Sequential).unwrap();
        cut(&batches, &data, loss, of)
    }

    #[test]
    fn pieces_cover_a_batch_in_order_and_their_factors_make_one() {
        for n in [1, 2, 3, 4, 7, 8, 33] {
            for of in [1, 2, 4, 8] {
                let cut = pieces(n, of, None, &loss::cross_entropy());
                assert_eq!(cut.iter().map(|piece| piece.rows.len()).sum::<usize>(), n);
                assert!(cut.windows(2).all(|two| two[0].rows.end == two[1].rows.start));
                assert!((cut.iter().map(|piece| piece.factor).sum::<f64>() - 1.0).abs() < 1e-12);
                assert_eq!(cut.iter().filter(|piece| piece.is_first).count(), 1);
                let found = cut.iter().map(|piece| piece.rows.len()).filter(|&len| len > 0).min();
                assert_eq!(found, Some(shortest(n, of)), "{n} rows in {of}");
            }
        }
    }

    #[test]
    fn a_piece_counts_as_its_weights_and_its_classes_do() {
        let weighed = loss::cross_entropy().class_weights([1.0, 3.0]);
        let of = |weights| pieces(4, 2, weights, &weighed).iter().map(|piece| piece.factor).collect::<Vec<_>>();
        assert_eq!(of(None), [0.5, 0.5]);
        // (2 + 3 * 2) and (1 + 3 * 1) of 12.
        assert_eq!(of(Some(vec![2.0, 2.0, 1.0, 1.0])), [8.0 / 12.0, 4.0 / 12.0]);
        // A piece without weight is left out, and the next one has the penalties.
        let cut = pieces(4, 2, Some(vec![0.0, 0.0, 1.0, 1.0]), &weighed);
        assert_eq!((cut[0].factor, cut[1].factor, cut[1].is_first), (0.0, 1.0, true));
        // Nor does it have a part in what statistics observe.
        assert_eq!(cut[1].share, 1.0);
        assert!(pieces(4, 2, None, &loss::cross_entropy().sum()).iter().all(|piece| piece.factor == 1.0));
    }
}
