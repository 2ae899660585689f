//! What a network should answer: labels or values.

use crate::{Element, Error, Result, Tensor};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What each target is, as its data say. A data set records it where it is made, so that parts of it and models that were trained
/// on it agree on it.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, data::{TargetKind, Targets}};
/// let kind = |rows: [[f64; 2]; 2]| TargetKind::of(&Targets::Values(Tensor::from(rows)));
/// assert_eq!(kind([[1.0, 0.0], [0.0, 1.0]]), TargetKind::OneHot);
/// assert_eq!(kind([[1.0, 1.0], [0.0, 1.0]]), TargetKind::Flags);
/// assert_eq!(kind([[0.5, 1.0], [0.0, 1.0]]), TargetKind::Value);
/// assert_eq!(TargetKind::of(&Targets::<f64>::Labels(vec![0, 2])), TargetKind::Label);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    /// The number of one of several classes.
    Label,
    /// A number.
    Value,
    /// 0 or 1: one of several columns, of which exactly one is 1 in each row.
    OneHot,
    /// 0 or 1: whether something holds, whatever the other columns say.
    Flags,
}

impl TargetKind {
    /// The kind of these targets.
    pub fn of<T: Element>(targets: &Targets<T>) -> Self {
        let Targets::Values(values) = targets else { return Self::Label };
        if !values.iter().all(|value| [0.0, 1.0].contains(&value.to_f64())) {
            return Self::Value;
        }
        let columns = values.shape().get(1).copied().unwrap_or(1).max(1);
        let ones = |row: &[T]| row.iter().filter(|value| value.to_f64() == 1.0).count();
        match columns > 1 && values.as_slice().chunks(columns).all(|row| ones(row) == 1) {
            true => Self::OneHot,
            false => Self::Flags,
        }
    }
}

/// What each row of inputs should give: the number of a class, or values.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, data::Targets};
/// let labels = Targets::<f64>::Labels(vec![0, 2, 1]);
/// assert_eq!((labels.len(), labels.labels()), (3, Some(&[0, 2, 1][..])));
/// let values = Targets::Values(Tensor::from([[0.5, 1.0], [0.25, 2.0]]));
/// assert_eq!((values.len(), values.labels()), (2, None));
/// ```
#[derive(Clone, PartialEq)]
pub enum Targets<T> {
    /// A class for each row, counted from 0.
    Labels(Vec<usize>),
    /// Values, of shape `[n]`, or [n, k] where each row has k.
    Values(Tensor<T>),
}

impl<T: Element> Targets<T> {
    /// The number of rows.
    pub fn len(&self) -> usize {
        match self {
            Targets::Labels(labels) => labels.len(),
            Targets::Values(values) => values.shape().first().copied().unwrap_or(0),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The labels, where these are labels.
    pub fn labels(&self) -> Option<&[usize]> {
        match self {
            Targets::Labels(labels) => Some(labels),
            Targets::Values(_) => None,
        }
    }

    /// The values, where these are values.
    pub fn values(&self) -> Option<&Tensor<T>> {
        match self {
            Targets::Labels(_) => None,
            Targets::Values(values) => Some(values),
        }
    }

    /// The targets of these rows, in this order.
    ///
    /// # Errors
    /// A row that is not there.
    ///
    /// # Examples
    /// ```
    /// use retrograd::data::Targets;
    /// let labels = Targets::<f32>::Labels(vec![4, 5, 6]);
    /// assert_eq!(labels.select(&[2, 0])?, Targets::Labels(vec![6, 4]));
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn select(&self, rows: &[usize]) -> Result<Self> {
        let mut out = self.nothing();
        self.select_into(rows, &mut out)?;
        Ok(out)
    }

    /// The targets of these rows into `out`, whose memory is written again where it is large enough and nothing shares it.
    ///
    /// # Errors
    /// A row that is not there; `out` is then as it was.
    pub fn select_into(&self, rows: &[usize], out: &mut Self) -> Result<()> {
        check_rows("select", rows, self.len())?;
        self.gather(rows, out);
        Ok(())
    }

    /// The same for rows that are known to be there.
    pub(super) fn gather(&self, rows: &[usize], out: &mut Self) {
        match (self, &mut *out) {
            (Targets::Labels(from), Targets::Labels(to)) => {
                to.clear();
                to.extend(rows.iter().map(|&row| from[row]));
            }
            (Targets::Values(from), Targets::Values(to)) => from.select_rows_into(rows, &[], to),
            _ => {
                *out = self.nothing();
                self.gather(rows, out);
            }
        }
    }

    /// Targets of the same kind without rows.
    pub(super) fn nothing(&self) -> Self {
        match self {
            Targets::Labels(_) => Targets::Labels(Vec::new()),
            Targets::Values(_) => Targets::Values(Tensor::zeros([0])),
        }
    }
}

impl<T: Element> fmt::Debug for Targets<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Targets::Labels(labels) => f.debug_tuple("Labels").field(labels).finish(),
            Targets::Values(values) => f.debug_tuple("Values").field(values).finish(),
        }
    }
}

/// An error for the first of `rows` that is not below `n`.
pub(super) fn check_rows(op: &str, rows: &[usize], n: usize) -> Result<()> {
    match rows.iter().find(|&&row| row >= n) {
        Some(row) => Err(Error::argument(format!("{op}: no row {row} in data of {n} rows (counted from 0)"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn select_into_writes_the_same_memory_again() {
        let values = Targets::Values(Tensor::<f64>::from([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]));
        let mut out = values.select(&[0, 1]).unwrap();
        let before = out.values().unwrap().as_slice().as_ptr();
        values.select_into(&[2, 0], &mut out).unwrap();
        assert_eq!(out, Targets::Values(Tensor::from([[5.0, 6.0], [1.0, 2.0]])));
        assert_eq!(out.values().unwrap().as_slice().as_ptr(), before);

        let labels = Targets::<f64>::Labels(vec![7, 8, 9]);
        let mut out = labels.select(&[0, 1, 2]).unwrap();
        let before = out.labels().unwrap().as_ptr();
        labels.select_into(&[1], &mut out).unwrap();
        assert_eq!((out.labels().unwrap(), out.labels().unwrap().as_ptr()), (&[8][..], before));
    }

    #[test]
    fn select_into_changes_the_kind_where_it_must() {
        let labels = Targets::<f64>::Labels(vec![7, 8]);
        let mut out = Targets::Values(Tensor::zeros([3]));
        labels.select_into(&[1], &mut out).unwrap();
        assert_eq!(out, Targets::Labels(vec![8]));
    }

    #[test]
    fn a_shared_buffer_is_left_alone() {
        let values = Targets::Values(Tensor::<f32>::from([1.0, 2.0, 3.0]));
        let mut out = values.select(&[0]).unwrap();
        let held = out.clone();
        values.select_into(&[2], &mut out).unwrap();
        assert_eq!(held, Targets::Values(Tensor::from([1.0])));
        assert_eq!(out, Targets::Values(Tensor::from([3.0])));
    }

    #[test]
    fn a_missing_row_is_named() {
        let labels = Targets::<f32>::Labels(vec![7, 8]);
        let error = labels.select(&[0, 2]).unwrap_err();
        assert_eq!(error.to_string(), "select: no row 2 in data of 2 rows (counted from 0)");
    }
}
