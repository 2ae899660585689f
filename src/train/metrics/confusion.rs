//! Counts of what was taken for what, and what follows from them.

use super::{binary, scores_and_labels};
use crate::data::Targets;
use crate::{Element, Error, Result, Shape, Tensor};
use std::fmt;

/// How a number for each class becomes one.
///
/// # Examples
/// ```
/// use retrograd::train::metrics::{Average, ConfusionMatrix};
/// // Three rows of class 0, all found; one row of class 1, missed.
/// let matrix = ConfusionMatrix::new(&[0, 0, 0, 0], &[0, 0, 0, 1], 2)?;
/// assert_eq!(matrix.average_recall(Average::Macro), 0.5);
/// assert_eq!(matrix.average_recall(Average::Micro), 0.75);
/// assert_eq!(matrix.average_recall(Average::Weighted), 0.75);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Average {
    /// The mean over classes that have rows or predictions: each class counts the same.
    Macro,
    /// Over all rows together: each row counts the same. For every row has one class, this is the accuracy.
    Micro,
    /// The mean over classes by their number of rows.
    Weighted,
}

/// How often each class was taken for each: rows are true classes, columns predicted ones.
///
/// Precision, recall or F1 of a class for which it would be 0 / 0 is 0.
///
/// # Examples
/// ```
/// use retrograd::train::metrics::{Average, ConfusionMatrix};
/// let matrix = ConfusionMatrix::new(&[0, 0, 1, 1, 1], &[0, 1, 1, 1, 0], 2)?.with_class_names(["cat", "dog"])?;
/// assert_eq!(matrix.count(1, 0), 1);
/// assert_eq!(matrix.precision(1), 2.0 / 3.0);
/// assert_eq!(matrix.average_recall(Average::Macro), (0.5 + 2.0 / 3.0) / 2.0);
/// assert_eq!(
///     matrix.to_string(),
///     "\
/// true \\ predicted  cat  dog  precision  recall      f1  rows
///              cat    1    1     0.5000  0.5000  0.5000     2
///              dog    1    2     0.6667  0.6667  0.6667     3
/// accuracy: 0.6000
/// "
/// );
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ConfusionMatrix {
    /// [true, predicted], row-major.
    counts: Vec<usize>,
    class_names: Vec<String>,
}

impl ConfusionMatrix {
    /// Counts predicted and true labels, pair by pair.
    ///
    /// # Errors
    /// No rows, other numbers of both, a label that is not below `n_classes`; more classes than there is memory for pairs of.
    pub fn new(predicted: &[usize], actual: &[usize], n_classes: usize) -> Result<Self> {
        let op = "confusion_matrix";
        if predicted.len() != actual.len() {
            return Err(Error::shape(format!(
                "{op}: {} rows of predictions, targets for {}",
                predicted.len(),
                actual.len()
            )));
        }
        if actual.is_empty() {
            return Err(Error::argument(format!("{op}: no rows; at least one is needed")));
        }
        let shape = Shape::fitting::<usize>(op, &[n_classes, n_classes])?;
        let mut counts = vec![0; shape.numel()];
        for (row, (&predicted, &actual)) in predicted.iter().zip(actual).enumerate() {
            if predicted >= n_classes || actual >= n_classes {
                return Err(Error::argument(format!(
                    "{op}: label {} at row {row} is out of range for {n_classes} classes",
                    predicted.max(actual)
                )));
            }
            counts[actual * n_classes + predicted] += 1;
        }
        Ok(Self { counts, class_names: (0..n_classes).map(|label| label.to_string()).collect() })
    }

    /// Counts the class with the largest score of each row, [n, classes], the first of equals.
    ///
    /// # Errors
    /// No rows, another number of rows, a label without a score, a score that is NaN.
    pub fn from_scores<T: Element>(scores: &Tensor<T>, targets: &Targets<T>) -> Result<Self> {
        let (labels, classes) = scores_and_labels("confusion_matrix", scores, targets)?;
        Self::new(&scores.argmax_rows(), &labels, classes)
    }

    /// Counts class 1 where the row's one score, `[n]` or [n, 1], is above the threshold, else class 0.
    ///
    /// # Errors
    /// No rows, another number of rows, a label other than 0 and 1, a score that is NaN.
    pub fn from_binary_scores<T: Element>(scores: &Tensor<T>, targets: &Targets<T>, threshold: f64) -> Result<Self> {
        let labels = binary("confusion_matrix", scores, targets)?;
        let predicted: Vec<usize> = scores.iter().map(|score| (score.to_f64() > threshold) as usize).collect();
        Self::new(&predicted, &labels, 2)
    }

    /// Names the classes, label 0 first.
    ///
    /// # Errors
    /// Not one name for each class.
    pub fn with_class_names(self, names: impl IntoIterator<Item = impl Into<String>>) -> Result<Self> {
        let class_names: Vec<String> = names.into_iter().map(Into::into).collect();
        if class_names.len() != self.n_classes() {
            return Err(Error::argument(format!(
                "confusion_matrix: {} names for {} classes",
                class_names.len(),
                self.n_classes()
            )));
        }
        Ok(Self { class_names, ..self })
    }

    /// The number of classes.
    pub fn n_classes(&self) -> usize {
        self.class_names.len()
    }

    /// The names of the classes; their numbers, where they have none.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// How often `actual` was taken for `predicted`.
    ///
    /// # Panics
    /// No such class.
    #[track_caller]
    pub fn count(&self, actual: usize, predicted: usize) -> usize {
        self.row(actual)[predicted]
    }

    /// How often `actual` was taken for each class.
    ///
    /// # Panics
    /// No such class.
    #[track_caller]
    pub fn row(&self, actual: usize) -> &[usize] {
        let n = self.n_classes();
        assert!(actual < n, "confusion_matrix: no class {actual} of {n}");
        &self.counts[actual * n..][..n]
    }

    /// All counts, [true, predicted], row-major.
    pub fn counts(&self) -> &[usize] {
        &self.counts
    }

    /// The number of rows counted.
    pub fn total(&self) -> usize {
        self.counts.iter().sum()
    }

    /// The number of rows of a class.
    pub fn support(&self, class: usize) -> usize {
        self.row(class).iter().sum()
    }

    /// The number of rows that were taken for a class.
    pub fn predicted(&self, class: usize) -> usize {
        (0..self.n_classes()).map(|actual| self.count(actual, class)).sum()
    }

    /// The share of rows that were taken for what they are.
    pub fn accuracy(&self) -> f64 {
        ratio(self.hits(), self.total())
    }

    /// Of the rows taken for this class, the share that is of it.
    pub fn precision(&self, class: usize) -> f64 {
        ratio(self.count(class, class), self.predicted(class))
    }

    /// Of the rows of this class, the share that was taken for it.
    pub fn recall(&self, class: usize) -> f64 {
        ratio(self.count(class, class), self.support(class))
    }

    /// The harmonic mean of precision and recall: 2 hits / (rows of the class + rows taken for it).
    pub fn f1(&self, class: usize) -> f64 {
        ratio(2 * self.count(class, class), self.support(class) + self.predicted(class))
    }

    /// Precision over all classes.
    pub fn average_precision(&self, average: Average) -> f64 {
        self.average(average, |class| self.precision(class))
    }

    /// Recall over all classes.
    pub fn average_recall(&self, average: Average) -> f64 {
        self.average(average, |class| self.recall(class))
    }

    /// F1 over all classes.
    pub fn average_f1(&self, average: Average) -> f64 {
        self.average(average, |class| self.f1(class))
    }

    fn hits(&self) -> usize {
        (0..self.n_classes()).map(|class| self.count(class, class)).sum()
    }

    fn average(&self, average: Average, of: impl Fn(usize) -> f64) -> f64 {
        let classes = 0..self.n_classes();
        match average {
            Average::Micro => self.accuracy(),
            Average::Macro => {
                let seen: Vec<f64> =
                    classes.filter(|&class| self.support(class) + self.predicted(class) > 0).map(of).collect();
                seen.iter().sum::<f64>() / seen.len() as f64
            }
            Average::Weighted => {
                classes.map(|class| of(class) * self.support(class) as f64).sum::<f64>() / self.total() as f64
            }
        }
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// A table: a line for each true class, with its precision, recall, F1 and number of rows.
impl fmt::Display for ConfusionMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let corner = "true \\ predicted";
        let wide = |text: &String| text.chars().count();
        let first = self.class_names.iter().map(wide).chain([corner.len()]).max().unwrap_or(0);
        let columns: Vec<usize> = (0..self.n_classes())
            .map(|class| {
                let counts = (0..self.n_classes()).map(|actual| wide(&self.count(actual, class).to_string()));
                counts.chain([wide(&self.class_names[class])]).max().unwrap_or(0)
            })
            .collect();
        write!(f, "{corner:>first$}")?;
        for (name, width) in self.class_names.iter().zip(&columns) {
            write!(f, "  {name:>width$}")?;
        }
        let last = wide(&self.total().to_string()).max(4);
        writeln!(f, "  precision  recall      f1  {:>last$}", "rows")?;
        for class in 0..self.n_classes() {
            write!(f, "{:>first$}", self.class_names[class])?;
            for (count, width) in self.row(class).iter().zip(&columns) {
                write!(f, "  {count:>width$}")?;
            }
            let (precision, recall, f1) = (self.precision(class), self.recall(class), self.f1(class));
            writeln!(f, "  {precision:>9.4}  {recall:.4}  {f1:.4}  {:>last$}", self.support(class))?;
        }
        writeln!(f, "accuracy: {:.4}", self.accuracy())
    }
}
