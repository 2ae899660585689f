//! Scaling of columns, fitted on one data set and applied to others.

use super::{Dataset, Targets};
use crate::{Element, Error, Result, Tensor};
use serde::{Deserialize, Serialize};

/// y = (x - offset) / scale, for each column.
///
/// Fit it on the training part alone: what it knows of the others would leak into training. Columns that never change keep
/// a scale of 1. Numbers are computed in f64 and rounded once.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, data::{Dataset, Scaler}};
/// let train = Dataset::regression(Tensor::from([[1.0, 7.0], [3.0, 7.0]]), Tensor::from([0.5, 1.5]))?;
/// let scaler = Scaler::standardise(&train)?;
/// let scaled = train.scaled_by(&scaler)?;
/// assert_eq!(scaled.inputs().to_vec(), [-1.0, 0.0, 1.0, 0.0]);
/// assert_eq!(scaler.invert_tensor(scaled.inputs())?, *train.inputs());
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts")]
pub struct Scaler {
    offset: Vec<f64>,
    scale: Vec<f64>,
    /// One offset and one scale, for columns of any number.
    uniform: bool,
}

/// A scaler as written in a file, before it is checked.
#[derive(Deserialize)]
struct Parts {
    offset: Vec<f64>,
    scale: Vec<f64>,
    uniform: bool,
}

impl TryFrom<Parts> for Scaler {
    type Error = Error;
    fn try_from(parts: Parts) -> Result<Self> {
        match (parts.uniform, &parts.offset[..], &parts.scale[..]) {
            (true, &[offset], &[scale]) => Self::uniform(offset, scale),
            (true, ..) => Err(Error::argument("scaler: a uniform one has one offset and one scale")),
            (false, ..) => Self::new(parts.offset, parts.scale),
        }
    }
}

impl Scaler {
    /// Subtracts `offset` and divides by `scale`, a number of each for every column.
    ///
    /// # Errors
    /// Other lengths, none, a number that is not finite, or a scale of 0.
    pub fn new(offset: Vec<f64>, scale: Vec<f64>) -> Result<Self> {
        if offset.len() != scale.len() || offset.is_empty() {
            return Err(Error::argument(format!(
                "scaler: {} offsets and {} scales; expected as many of both, and at least one",
                offset.len(),
                scale.len()
            )));
        }
        for (column, (&offset, &scale)) in offset.iter().zip(&scale).enumerate() {
            if !offset.is_finite() || !scale.is_finite() || scale == 0.0 {
                return Err(Error::not_finite(format!(
                    "scaler: column {column} has offset {offset} and scale {scale}; both must be finite, the scale not 0"
                )));
            }
        }
        Ok(Self { offset, scale, uniform: false })
    }

    /// Subtracts `offset` from every column and divides by `scale`, however many columns there are.
    ///
    /// # Errors
    /// A number that is not finite, or a scale of 0.
    pub fn uniform(offset: f64, scale: f64) -> Result<Self> {
        Ok(Self { uniform: true, ..Self::new(vec![offset], vec![scale])? })
    }

    /// Brings each feature to mean 0 and standard deviation 1 (divisor n); the features of categorical columns stay 0 and 1.
    ///
    /// # Errors
    /// Features so large that their sum or their squares are not finite.
    #[inline(never)]
    pub fn standardise<T: Element>(train: &Dataset<T>) -> Result<Self> {
        Ok(Self::standardise_columns(train.inputs())?.without(&train.preprocessing().one_hot()))
    }

    /// Brings each feature to 0..1; the features of categorical columns stay 0 and 1.
    ///
    /// # Errors
    /// Features so far apart that their difference is not finite.
    #[inline(never)]
    pub fn min_max<T: Element>(train: &Dataset<T>) -> Result<Self> {
        Ok(Self::min_max_columns(train.inputs())?.without(&train.preprocessing().one_hot()))
    }

    /// Brings each target value to mean 0 and standard deviation 1 (divisor n).
    ///
    /// # Errors
    /// Targets that are labels, or as for [`standardise`](Scaler::standardise).
    #[inline(never)]
    pub fn standardise_targets<T: Element>(train: &Dataset<T>) -> Result<Self> {
        Self::standardise_columns(values(train)?)
    }

    /// Brings each target value to 0..1.
    ///
    /// # Errors
    /// Targets that are labels, or as for [`min_max`](Scaler::min_max).
    #[inline(never)]
    pub fn min_max_targets<T: Element>(train: &Dataset<T>) -> Result<Self> {
        Self::min_max_columns(values(train)?)
    }

    fn standardise_columns<T: Element>(rows: &Tensor<T>) -> Result<Self> {
        let (low, high) = bounds(rows);
        let n = rows.shape()[0] as f64;
        let mut mean = sum(rows, low.len(), |_, x| x);
        mean.iter_mut().for_each(|m| *m /= n);
        let squares = sum(rows, low.len(), |column, x| (x - mean[column]) * (x - mean[column]));
        let mut scale: Vec<f64> = squares.into_iter().map(|s| (s / n).sqrt()).collect();
        for column in 0..low.len() {
            // Decided by the bounds: a rounded mean would leave a constant column a tiny deviation.
            if low[column] == high[column] {
                (mean[column], scale[column]) = (low[column], 1.0);
            }
        }
        Self::new(mean, scale)
    }

    fn min_max_columns<T: Element>(rows: &Tensor<T>) -> Result<Self> {
        let (low, high) = bounds(rows);
        let width = |(low, high): (&f64, &f64)| if low == high { 1.0 } else { high - low };
        let scale = low.iter().zip(&high).map(width).collect();
        Self::new(low, scale)
    }

    /// The same with these columns left as they are.
    fn without(mut self, columns: &[bool]) -> Self {
        for (column, _) in columns.iter().enumerate().filter(|(_, left)| **left) {
            (self.offset[column], self.scale[column]) = (0.0, 1.0);
        }
        self
    }

    /// What is subtracted from each column; one number where that is the same for all.
    pub fn offset(&self) -> &[f64] {
        &self.offset
    }

    /// What each column is divided by; one number where that is the same for all.
    pub fn scale(&self) -> &[f64] {
        &self.scale
    }

    /// The data with its inputs scaled: [`Dataset::scaled_by`].
    ///
    /// # Errors
    /// Another number of features.
    #[inline(never)]
    pub fn apply<T: Element>(&self, data: &Dataset<T>) -> Result<Dataset<T>> {
        data.scaled_by(self)
    }

    /// (x - offset) / scale of rows, [n, ...columns].
    ///
    /// # Errors
    /// Another number of columns.
    #[inline(never)]
    pub fn apply_tensor<T: Element>(&self, rows: &Tensor<T>) -> Result<Tensor<T>> {
        self.each(rows, |x, offset, scale| (x - offset) / scale)
    }

    /// x scale + offset of rows, [n, ...columns]: what [`apply_tensor`](Scaler::apply_tensor) undoes.
    ///
    /// # Errors
    /// Another number of columns.
    #[inline(never)]
    pub fn invert_tensor<T: Element>(&self, rows: &Tensor<T>) -> Result<Tensor<T>> {
        self.each(rows, |x, offset, scale| x * scale + offset)
    }

    fn each<T: Element>(&self, rows: &Tensor<T>, f: impl Fn(f64, f64, f64) -> f64) -> Result<Tensor<T>> {
        let columns = rows.shape().get(1..).unwrap_or(&[]).iter().product::<usize>();
        self.check_columns(columns)?;
        let mut data = Vec::with_capacity(rows.len());
        if self.uniform {
            let (offset, scale) = (self.offset[0], self.scale[0]);
            data.extend(rows.iter().map(|x| T::from_f64(f(x.to_f64(), offset, scale))));
        } else {
            for row in rows.as_slice().chunks_exact(columns) {
                let parts = self.offset.iter().zip(&self.scale);
                data.extend(
                    row.iter().zip(parts).map(|(x, (&offset, &scale))| T::from_f64(f(x.to_f64(), offset, scale))),
                );
            }
        }
        Tensor::new(rows.shape(), data)
    }

    pub(super) fn check_columns(&self, columns: usize) -> Result<()> {
        let fitted = self.offset.len();
        if self.uniform || fitted == columns {
            return Ok(());
        }
        Err(Error::shape(format!("scaler: fitted on {fitted} columns, got {columns}")))
    }
}

fn values<T: Element>(train: &Dataset<T>) -> Result<&Tensor<T>> {
    match train.targets() {
        Targets::Values(values) => Ok(values),
        Targets::Labels(_) => Err(Error::argument("scaler: labels are not scaled, only target values")),
    }
}

/// The sum over rows of f(column, x), for each column.
fn sum<T: Element>(rows: &Tensor<T>, columns: usize, f: impl Fn(usize, f64) -> f64) -> Vec<f64> {
    let mut sums = vec![0.0; columns];
    for row in rows.as_slice().chunks_exact(columns) {
        for (column, (sum, x)) in sums.iter_mut().zip(row).enumerate() {
            *sum += f(column, x.to_f64());
        }
    }
    sums
}

/// The smallest and the largest number of each column.
fn bounds<T: Element>(rows: &Tensor<T>) -> (Vec<f64>, Vec<f64>) {
    let columns = rows.shape()[1..].iter().product();
    let (mut low, mut high) = (vec![f64::INFINITY; columns], vec![f64::NEG_INFINITY; columns]);
    for row in rows.as_slice().chunks_exact(columns) {
        for (x, (low, high)) in row.iter().zip(low.iter_mut().zip(&mut high)) {
            *low = low.min(x.to_f64());
            *high = high.max(x.to_f64());
        }
    }
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> Dataset<f64> {
        let inputs = Tensor::from([[1.0, 0.1, -4.0], [2.0, 0.1, 0.0], [6.0, 0.1, 4.0]]);
        Dataset::regression(inputs, Tensor::from([[10.0, 1.0], [20.0, 1.0], [30.0, 1.0]])).unwrap()
    }

    #[test]
    fn standardised_columns_have_mean_0_and_deviation_1() {
        let scaler = Scaler::standardise(&data()).unwrap();
        // (1 + 2 + 6) / 3 = 3; ((1 - 3)^2 + (2 - 3)^2 + (6 - 3)^2) / 3 = 14 / 3.
        assert_eq!(scaler.offset(), [3.0, 0.1, 0.0]);
        assert_eq!(scaler.scale(), [(14.0f64 / 3.0).sqrt(), 1.0, (32.0f64 / 3.0).sqrt()]);
        let scaled = data().scaled_by(&scaler).unwrap();
        assert_eq!(scaled.inputs().row(1), [-1.0 / (14.0f64 / 3.0).sqrt(), 0.0, 0.0]);
        assert_eq!(scaled.preprocessing().scalers(), [scaler]);
    }

    #[test]
    fn min_max_brings_columns_to_0_and_1_and_keeps_constant_ones_finite() {
        let scaler = Scaler::min_max(&data()).unwrap();
        let scaled = scaler.apply(&data()).unwrap();
        assert_eq!(scaled.inputs().to_vec(), [0.0, 0.0, 0.0, 0.2, 0.0, 0.5, 1.0, 0.0, 1.0]);
    }

    #[test]
    fn targets_are_scaled_and_back() {
        let scaler = Scaler::standardise_targets(&data()).unwrap();
        let scaled = data().targets_scaled_by(&scaler).unwrap();
        let values = scaled.targets().values().unwrap();
        assert!((values[[0, 0]] + 1.5f64.sqrt()).abs() < 1e-15 && values[[2, 1]] == 0.0);
        assert_eq!(scaler.invert_tensor(values).unwrap(), *data().targets().values().unwrap());
        assert_eq!(Scaler::min_max_targets(&data()).unwrap().scale(), [20.0, 1.0]);
    }

    #[test]
    fn wrong_scalers_are_refused() {
        let message = |result: Result<Scaler>| result.unwrap_err().to_string();
        assert_eq!(
            message(Scaler::new(vec![0.0], vec![])),
            "scaler: 1 offsets and 0 scales; expected as many of both, and at least one"
        );
        assert!(
            message(Scaler::new(vec![0.0, 0.0], vec![1.0, 0.0]))
                .starts_with("scaler: column 1 has offset 0 and scale 0")
        );
        let error = Scaler::standardise(&data()).unwrap().apply_tensor(&Tensor::<f64>::zeros([5, 2])).unwrap_err();
        assert_eq!(error.to_string(), "scaler: fitted on 3 columns, got 2");
        assert!(error.is_shape());
        let huge = Dataset::regression(Tensor::from([[1e308], [1.5e308]]), Tensor::from([0.0, 1.0])).unwrap();
        assert!(Scaler::standardise(&huge).unwrap_err().is_not_finite());
        let labels = Dataset::<f64>::labelled([[0.0], [1.0]], vec![0, 1]).unwrap();
        assert_eq!(message(Scaler::standardise_targets(&labels)), "scaler: labels are not scaled, only target values");
    }

    #[test]
    fn a_scaler_survives_json_and_a_broken_one_does_not() {
        let scaler = Scaler::standardise(&data()).unwrap();
        let text = serde_json::to_string(&scaler).unwrap();
        assert_eq!(serde_json::from_str::<Scaler>(&text).unwrap(), scaler);
        let error =
            serde_json::from_str::<Scaler>(r#"{"offset": [0.0], "scale": [0.0], "uniform": false}"#).unwrap_err();
        assert!(error.to_string().contains("the scale not 0"), "{error}");
    }
}
