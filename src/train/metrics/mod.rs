//! How good predictions are, in numbers.
//!
//! Every metric takes what a network gave, a tensor with a row for each example, and the [`Targets`] of those rows; it computes in
//! f64 and returns an error where the number is not defined, rather than NaN: one that [is not finite](Error::is_not_finite),
//! which tells it from a mistake. Definitions, and the values in the tests, are
//! those of scikit-learn, except where a metric says otherwise.
//!
//! Cost: one pass, but for [`roc_auc`], which sorts. Not here: metrics weighted by rows, and what accumulates over batches; the
//! predictions of a whole set are small.
//!
//! # Examples
//! ```
//! use retrograd::{Tensor, data::Targets, train::metrics};
//! let scores = Tensor::from([[2.0, 1.0], [0.5, 0.7], [3.0, 0.0]]);
//! let labels = Targets::Labels(vec![0, 1, 1]);
//! assert_eq!(metrics::accuracy(&scores, &labels)?, 2.0 / 3.0);
//! let matrix = metrics::ConfusionMatrix::from_scores(&scores, &labels)?;
//! assert_eq!((matrix.precision(0), matrix.recall(1)), (0.5, 0.5));
//! # Ok::<(), retrograd::Error>(())
//! ```

mod confusion;

pub use confusion::{Average, ConfusionMatrix};

use crate::data::Targets;
use crate::{Element, Error, Result, Tensor};

/// The share of rows whose largest score is that of their class; of equal scores the first counts as the largest.
///
/// Scores are of shape [n, classes]: logits or probabilities. Targets are labels, or one-hot rows. For one score a row see
/// [`binary_accuracy`].
///
/// # Errors
/// No rows, another number of rows, a label without a score, a score that is NaN.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, data::Targets, train::metrics::accuracy};
/// let scores = Tensor::from([[2.0, 1.0], [0.5, 0.7], [3.0, 0.0]]);
/// assert_eq!(accuracy(&scores, &Targets::Labels(vec![0, 1, 1]))?, 2.0 / 3.0);
/// # Ok::<(), retrograd::Error>(())
/// ```
pub fn accuracy<T: Element>(scores: &Tensor<T>, targets: &Targets<T>) -> Result<f64> {
    let (labels, _) = scores_and_labels("accuracy", scores, targets)?;
    Ok(share(scores.argmax_rows().iter().zip(&labels).map(|(guess, label)| guess == label)))
}

/// The share of rows that lie on the right side of a threshold: above it for class 1, else class 0.
///
/// Scores are of shape `[n]` or [n, 1]; the threshold is 0 for logits, 0.5 for probabilities.
///
/// # Errors
/// No rows, another number of rows, a label other than 0 and 1, a score or a threshold that is NaN.
pub fn binary_accuracy<T: Element>(scores: &Tensor<T>, targets: &Targets<T>, threshold: f64) -> Result<f64> {
    let op = "binary_accuracy";
    if threshold.is_nan() {
        return Err(Error::argument(format!("{op}: the threshold is NaN; use 0 for logits, 0.5 for probabilities")));
    }
    let labels = binary(op, scores, targets)?;
    Ok(share(scores.iter().zip(&labels).map(|(score, &label)| (score.to_f64() > threshold) == (label == 1))))
}

/// The share of rows whose class is among the k with the largest scores; of equal scores the first counts as larger.
///
/// # Errors
/// As for [`accuracy`]; k of 0, or above the number of classes.
pub fn top_k_accuracy<T: Element>(scores: &Tensor<T>, targets: &Targets<T>, k: usize) -> Result<f64> {
    let op = "top_k_accuracy";
    let (labels, classes) = scores_and_labels(op, scores, targets)?;
    if !(1..=classes).contains(&k) {
        return Err(Error::argument(format!("{op}: k is {k}; expected 1..={classes}, at most the number of classes")));
    }
    let hit = |(row, &label): (&[T], &usize)| {
        let own = row[label].to_f64();
        let before = |(class, score): (usize, &T)| score.to_f64() > own || (score.to_f64() == own && class < label);
        row.iter().enumerate().filter(|&at| before(at)).count() < k
    };
    Ok(share(scores.as_slice().chunks_exact(classes).zip(&labels).map(hit)))
}

/// The area under the curve of true over false positive rates: the probability that a row of class 1 has a higher score than one of
/// class 0, with ties counted half.
///
/// (R - p (p + 1) / 2) / (p q), with p and q the numbers of rows of class 1 and 0, and R the sum of the ranks of those of class
/// 1; tied rows have their mean rank. Scores are of shape `[n]` or [n, 1].
///
/// # Errors
/// No rows, another number of rows, a label other than 0 and 1, one class only, a score that is NaN.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, data::Targets, train::metrics::roc_auc};
/// let area = roc_auc(&Tensor::from([0.1, 0.4, 0.35, 0.8]), &Targets::Labels(vec![0, 0, 1, 1]))?;
/// assert_eq!(area, 0.75);
/// # Ok::<(), retrograd::Error>(())
/// ```
///
/// Source: Fawcett, An introduction to ROC analysis, 2006, section 7; Mann and Whitney, 1947.
pub fn roc_auc<T: Element>(scores: &Tensor<T>, targets: &Targets<T>) -> Result<f64> {
    let labels = binary("roc_auc", scores, targets)?;
    area("roc_auc", scores.iter().zip(&labels).map(|(score, &label)| (score.to_f64(), label == 1)).collect())
}

/// The ROC curve: a point (false positive rate, true positive rate) for every threshold, from the highest, which takes no row for class
/// 1, to the lowest, which takes all of them.
///
/// # Errors
/// As for [`roc_auc`].
///
/// # Examples
/// ```
/// use retrograd::{Tensor, data::Targets, train::metrics::roc_curve};
/// let curve = roc_curve(&Tensor::from([0.1, 0.4, 0.35, 0.8]), &Targets::Labels(vec![0, 0, 1, 1]))?;
/// assert_eq!(curve, [(0.0, 0.0), (0.0, 0.5), (0.5, 0.5), (0.5, 1.0), (1.0, 1.0)]);
/// # Ok::<(), retrograd::Error>(())
/// ```
pub fn roc_curve<T: Element>(scores: &Tensor<T>, targets: &Targets<T>) -> Result<Vec<(f64, f64)>> {
    let counts = counts("roc_curve", scores, targets)?;
    let (p, q) = counts.last().map_or((1.0, 1.0), |last| (last.0 as f64, last.1 as f64));
    let points = counts.iter().map(|&(hits, misses)| (misses as f64 / q, hits as f64 / p));
    Ok(std::iter::once((0.0, 0.0)).chain(points).collect())
}

/// The precision-recall curve: a point (recall, precision) for every threshold, from the highest that takes a row for class 1 to the
/// lowest.
///
/// # Errors
/// As for [`roc_auc`].
///
/// # Examples
/// ```
/// use retrograd::{Tensor, data::Targets, train::metrics::precision_recall_curve};
/// let curve = precision_recall_curve(&Tensor::from([0.1, 0.4, 0.35, 0.8]), &Targets::Labels(vec![0, 0, 1, 1]))?;
/// assert_eq!(curve, [(0.5, 1.0), (0.5, 0.5), (1.0, 2.0 / 3.0), (1.0, 0.5)]);
/// # Ok::<(), retrograd::Error>(())
/// ```
pub fn precision_recall_curve<T: Element>(scores: &Tensor<T>, targets: &Targets<T>) -> Result<Vec<(f64, f64)>> {
    let counts = counts("precision_recall_curve", scores, targets)?;
    let p = counts.last().map_or(1.0, |last| last.0 as f64);
    let point = |&(hits, misses): &(usize, usize)| (hits as f64 / p, hits as f64 / (hits + misses) as f64);
    Ok(counts.iter().map(point).collect())
}

/// The numbers of rows of class 1 and of class 0 with a score of at least each threshold, from the highest score down.
fn counts<T: Element>(op: &str, scores: &Tensor<T>, targets: &Targets<T>) -> Result<Vec<(usize, usize)>> {
    let labels = binary(op, scores, targets)?;
    let mut rows: Vec<(f64, usize)> = scores.iter().map(|score| score.to_f64()).zip(labels).collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut hits, mut misses) = (0, 0);
    let mut counts = Vec::new();
    for tied in rows.chunk_by(|a, b| a.0 == b.0) {
        let ones = tied.iter().filter(|(_, label)| *label == 1).count();
        (hits, misses) = (hits + ones, misses + tied.len() - ones);
        counts.push((hits, misses));
    }
    if hits == 0 || misses == 0 {
        let class = usize::from(hits > 0);
        return Err(Error::not_finite(format!(
            "{op}: every row is of class {class}; the curve is not defined for one class only"
        )));
    }
    Ok(counts)
}

/// The mean over classes of the area under the curve of each class against all others.
///
/// Scores are of shape [n, classes]: probabilities, or other scores that can be compared between rows.
///
/// # Errors
/// As for [`accuracy`]; a class without rows.
pub fn roc_auc_one_vs_rest<T: Element>(scores: &Tensor<T>, targets: &Targets<T>) -> Result<f64> {
    let op = "roc_auc_one_vs_rest";
    let (labels, classes) = scores_and_labels(op, scores, targets)?;
    let rows = || scores.as_slice().chunks_exact(classes).zip(&labels);
    let mut sum = 0.0;
    for class in 0..classes {
        sum += area(op, rows().map(|(row, &label)| (row[class].to_f64(), label == class)).collect())
            .map_err(|error| Error::not_finite(format!("{error} (class {class})")))?;
    }
    Ok(sum / classes as f64)
}

/// The mean of -ln p over rows, p being the probability of the row's class, in nats.
///
/// Probabilities are of shape [n, classes], or `[n]` or [n, 1] for class 1. They are kept between e and 1 - e, where e is the distance
/// from 1 to the next number.
///
/// # Errors
/// As for [`accuracy`]; a probability below 0 or above 1.
pub fn log_loss<T: Element>(probabilities: &Tensor<T>, targets: &Targets<T>) -> Result<f64> {
    let op = "log_loss";
    let single = probabilities.shape().rank() == 1 || probabilities.shape().last() == Some(&1);
    let (labels, classes) = match single {
        true => (binary(op, probabilities, targets)?, 1),
        false => scores_and_labels(op, probabilities, targets)?,
    };
    if let Some(at) = probabilities.iter().position(|p| !(0.0..=1.0).contains(&p.to_f64())) {
        return Err(Error::argument(format!(
            "{op}: row {} has a probability of {}; expected 0 to 1: apply sigmoid or softmax to logits",
            at / classes,
            probabilities.as_slice()[at]
        )));
    }
    let loss = |(row, &label): (&[T], &usize)| {
        let p = match (single, label) {
            (true, 0) => 1.0 - row[0].to_f64(),
            (true, _) => row[0].to_f64(),
            (false, label) => row[label].to_f64(),
        };
        -p.clamp(T::EPSILON, 1.0 - T::EPSILON).ln()
    };
    let sum: f64 = probabilities.as_slice().chunks_exact(classes).zip(&labels).map(loss).sum();
    Ok(sum / labels.len() as f64)
}

/// The mean of |y - t| over all values.
///
/// # Errors
/// No rows, other shapes, labels in place of values, a prediction that is NaN.
pub fn mean_absolute_error<T: Element>(predictions: &Tensor<T>, targets: &Targets<T>) -> Result<f64> {
    let (pairs, _) = values("mean_absolute_error", predictions, targets)?;
    Ok(pairs.iter().map(|(y, t)| (y - t).abs()).sum::<f64>() / pairs.len() as f64)
}

/// The mean of (y - t)^2 over all values.
///
/// # Errors
/// As for [`mean_absolute_error`].
pub fn mean_squared_error<T: Element>(predictions: &Tensor<T>, targets: &Targets<T>) -> Result<f64> {
    let (pairs, _) = values("mean_squared_error", predictions, targets)?;
    Ok(pairs.iter().map(|(y, t)| (y - t) * (y - t)).sum::<f64>() / pairs.len() as f64)
}

/// The square root of the mean of (y - t)^2; with several values a row, the mean of the roots of each.
///
/// # Errors
/// As for [`mean_absolute_error`].
pub fn root_mean_squared_error<T: Element>(predictions: &Tensor<T>, targets: &Targets<T>) -> Result<f64> {
    let (pairs, columns) = values("root_mean_squared_error", predictions, targets)?;
    let n = (pairs.len() / columns) as f64;
    let root = |column: usize| {
        let pairs = pairs.iter().skip(column).step_by(columns);
        (pairs.map(|(y, t)| (y - t) * (y - t)).sum::<f64>() / n).sqrt()
    };
    Ok((0..columns).map(root).sum::<f64>() / columns as f64)
}

/// 1 - sum (y - t)^2 / sum (t - mean t)^2, the share of the targets' variance that predictions explain; with several values a
/// row, the mean over them.
///
/// Of targets that are all equal there is no variance to explain, and it is not defined; scikit-learn gives 1 where predictions are
/// exact, else 0.
///
/// # Errors
/// As for [`mean_absolute_error`]; fewer than two rows; targets of a column that are all equal.
pub fn r2<T: Element>(predictions: &Tensor<T>, targets: &Targets<T>) -> Result<f64> {
    let (pairs, columns) = values("r2", predictions, targets)?;
    let n = pairs.len() / columns;
    if n < 2 {
        return Err(Error::not_finite("r2: 1 row; at least 2 are needed for a variance"));
    }
    let score = |column: usize| {
        let pairs = || pairs.iter().skip(column).step_by(columns);
        let mean = pairs().map(|(_, t)| t).sum::<f64>() / n as f64;
        let residual: f64 = pairs().map(|(y, t)| (y - t) * (y - t)).sum();
        let first = pairs().next().map(|(_, t)| t);
        // Decided by equality: a rounded mean would leave constant targets a tiny variance.
        if pairs().all(|(_, t)| Some(t) == first) {
            let which = if columns == 1 { String::new() } else { format!(" of column {column}") };
            let value = first.map_or(f64::NAN, |value| *value);
            return Err(Error::not_finite(format!(
                "r2: every target{which} is {value}; the share of a variance of 0 is not defined"
            )));
        }
        let total: f64 = pairs().map(|(_, t)| (t - mean) * (t - mean)).sum();
        Ok(1.0 - residual / total)
    };
    Ok((0..columns).map(score).sum::<Result<f64>>()? / columns as f64)
}

/// The share that is true, of at least one.
fn share(hits: impl ExactSizeIterator<Item = bool>) -> f64 {
    let n = hits.len();
    hits.filter(|&hit| hit).count() as f64 / n as f64
}

/// Checked labels for scores of shape [n, classes], and the number of classes.
fn scores_and_labels<T: Element>(op: &str, scores: &Tensor<T>, targets: &Targets<T>) -> Result<(Vec<usize>, usize)> {
    let shape = scores.shape();
    if shape.rank() != 2 || shape[1] < 2 {
        let advice = match shape.rank() == 1 || (shape.rank() == 2 && shape[1] == 1) {
            true if op == "accuracy" => "; for one score a row use binary_accuracy",
            true if op == "roc_auc_one_vs_rest" => "; for one score a row use roc_auc",
            _ => "",
        };
        return Err(Error::shape(format!("{op}: scores of shape {shape}; expected [n, classes]{advice}")));
    }
    check_rows(op, scores, targets.len())?;
    Ok((labels(op, targets, shape[1])?, shape[1]))
}

/// Checked labels, 0 or 1, for scores of shape [n] or [n, 1].
fn binary<T: Element>(op: &str, scores: &Tensor<T>, targets: &Targets<T>) -> Result<Vec<usize>> {
    let shape = scores.shape();
    if shape.rank() == 0 || scores.len() != shape[0] {
        return Err(Error::shape(format!("{op}: scores of shape {shape}; expected one a row, [n] or [n, 1]")));
    }
    check_rows(op, scores, targets.len())?;
    labels(op, targets, 2)
}

/// As many rows as targets, at least one, and no NaN.
fn check_rows<T: Element>(op: &str, scores: &Tensor<T>, targets: usize) -> Result<()> {
    let n = scores.shape().first().copied().unwrap_or(0);
    if n != targets {
        return Err(Error::shape(format!("{op}: {n} rows of predictions, targets for {targets}")));
    }
    if scores.is_empty() {
        return Err(Error::argument(format!("{op}: no rows; at least one is needed")));
    }
    match scores.iter().position(|score| score.to_f64().is_nan()) {
        Some(at) => Err(Error::not_finite(format!("{op}: the prediction of row {} is NaN", at / (scores.len() / n)))),
        None => Ok(()),
    }
}

/// The label of each row: as it is, from a one-hot row, or from a whole number; each below `classes`.
fn labels<T: Element>(op: &str, targets: &Targets<T>, classes: usize) -> Result<Vec<usize>> {
    let labels: Vec<usize> = match targets {
        Targets::Labels(labels) => labels.clone(),
        Targets::Values(values) if values.shape().rank() == 2 && values.shape()[1] > 1 => one_hot(op, values)?,
        Targets::Values(values) => values.iter().enumerate().map(whole(op)).collect::<Result<_>>()?,
    };
    match labels.iter().enumerate().find(|&(_, &label)| label >= classes) {
        Some((row, label)) => Err(Error::argument(format!(
            "{op}: label {label} at row {row} is out of range for {classes} classes (valid 0..={})",
            classes - 1
        ))),
        None => Ok(labels),
    }
}

fn one_hot<T: Element>(op: &str, rows: &Tensor<T>) -> Result<Vec<usize>> {
    let label = |(i, row): (usize, &[T])| {
        let ones = row.iter().filter(|x| x.to_f64() == 1.0).count();
        let zeros = row.iter().filter(|x| x.to_f64() == 0.0).count();
        let class = row.iter().position(|x| x.to_f64() == 1.0);
        class.filter(|_| ones == 1 && zeros + 1 == row.len()).ok_or_else(|| {
            Error::argument(format!("{op}: the target of row {i} is not one-hot; expected a 1, and 0 elsewhere"))
        })
    };
    rows.as_slice().chunks_exact(rows.shape()[1]).enumerate().map(label).collect()
}

fn whole<T: Element>(op: &str) -> impl Fn((usize, &T)) -> Result<usize> {
    move |(row, value)| {
        let x = value.to_f64();
        if x >= 0.0 && x.fract() == 0.0 && x < u32::MAX as f64 {
            return Ok(x as usize);
        }
        Err(Error::argument(format!(
            "{op}: the target of row {row} is {value}; expected a label, 0, 1, ...; values are measured by mean_absolute_error, root_mean_squared_error or r2 \
             (Metric::Mae, Rmse, R2)"
        )))
    }
}

/// The area under the curve of pairs of score and whether the row is of class 1.
fn area(op: &str, mut rows: Vec<(f64, bool)>) -> Result<f64> {
    let positive = rows.iter().filter(|(_, positive)| *positive).count();
    let negative = rows.len() - positive;
    if positive == 0 || negative == 0 {
        let (there, lacking) =
            if positive == 0 { ("other classes", "the class") } else { ("the class", "other classes") };
        return Err(Error::not_finite(format!(
            "{op}: every row is of {there}, none of {lacking}; the area is not defined for one class only"
        )));
    }
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut ranks, mut before) = (0.0, 0usize);
    // -0 and 0 tie, and total order keeps them side by side.
    for tied in rows.chunk_by(|a, b| a.0 == b.0) {
        let mean_rank = before as f64 + (tied.len() + 1) as f64 / 2.0;
        ranks += mean_rank * tied.iter().filter(|(_, positive)| *positive).count() as f64;
        before += tied.len();
    }
    let (p, q) = (positive as f64, negative as f64);
    Ok((ranks - p * (p + 1.0) / 2.0) / (p * q))
}

/// Pairs of prediction and target, and how many a row has.
fn values<T: Element>(op: &str, predictions: &Tensor<T>, targets: &Targets<T>) -> Result<(Vec<(f64, f64)>, usize)> {
    let Targets::Values(values) = targets else {
        return Err(Error::argument(format!("{op}: targets are labels; expected values")));
    };
    check_rows(op, predictions, targets.len())?;
    // One value a row is the same as [n] and as [n, 1].
    if predictions.len() != values.len() || predictions.shape().rank() > 2 {
        return Err(Error::shape(format!(
            "{op}: predictions of shape {}, targets of shape {}",
            predictions.shape(),
            values.shape()
        )));
    }
    let pairs = predictions.iter().zip(values).map(|(y, t)| (y.to_f64(), t.to_f64())).collect();
    Ok((pairs, predictions.len() / predictions.shape()[0]))
}

#[cfg(test)]
mod tests;
