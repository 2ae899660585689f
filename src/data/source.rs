//! Rows that are read when they are needed, from a file or anything else that can give any of them.
//!
//! **Invariant.** What is read is checked as it is read: a number that is not finite is an error that names the row.

use crate::{Element, Error, Result, Shape, Tensor};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// Inputs that can be read row by row, in any order: a file that is larger than memory, a generator.
///
/// The same row is the same numbers whenever it is read. [`Dataset::rows_of`](super::Dataset::rows_of) makes a data set of it.
///
/// # Examples
/// ```
/// use retrograd::data::{Dataset, Order, RowSource, Targets};
/// /// Angles around a circle, as points.
/// struct Circle(usize);
/// impl RowSource<f64> for Circle {
///     fn len(&self) -> usize {
///         self.0
///     }
///     fn feature_shape(&self) -> Vec<usize> {
///         vec![2]
///     }
///     fn read(&self, row: usize, features: &mut [f64]) -> retrograd::Result<()> {
///         let (y, x) = (std::f64::consts::TAU * row as f64 / self.0 as f64).sin_cos();
///         features.copy_from_slice(&[x, y]);
///         Ok(())
///     }
/// }
/// let data = Dataset::rows_of(Circle(4), Targets::Labels(vec![0, 0, 1, 1]))?;
/// let mut batches = data.batches(3, Order::Sequential)?;
/// assert_eq!(batches.next_batch().unwrap().inputs.shape().dims(), [3, 2]);
/// # Ok::<(), retrograd::Error>(())
/// ```
pub trait RowSource<T>: Send + Sync {
    /// The number of rows.
    fn len(&self) -> usize;
    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The shape of one row's features.
    fn feature_shape(&self) -> Vec<usize>;
    /// Reads a row: as many numbers as its shape has.
    ///
    /// # Errors
    /// It cannot be read.
    fn read(&self, row: usize, features: &mut [T]) -> Result<()>;
}

/// A data set's inputs: in memory, or read on demand.
#[derive(Clone)]
pub(super) enum Inputs<T> {
    Held(Tensor<T>),
    OnDemand(OnDemand<T>),
}

/// Rows of a source.
#[derive(Clone)]
pub(super) struct OnDemand<T> {
    source: Arc<dyn RowSource<T>>,
    /// Which of the source's rows these are, where they are not all in order.
    rows: Option<Arc<[usize]>>,
    shape: Shape,
    /// All of them, once somebody has asked for that.
    all: Arc<OnceLock<Tensor<T>>>,
}

impl<T: Element> Inputs<T> {
    pub fn of(source: impl RowSource<T> + 'static) -> Result<Self> {
        let mut lengths = vec![source.len()];
        lengths.extend(source.feature_shape());
        let shape = Shape::of("dataset: the rows", &lengths)?;
        Ok(Self::OnDemand(OnDemand { source: Arc::new(source), rows: None, shape, all: Arc::default() }))
    }

    pub fn shape(&self) -> &Shape {
        match self {
            Self::Held(tensor) => tensor.shape(),
            Self::OnDemand(rows) => &rows.shape,
        }
    }

    /// All rows, in memory.
    pub fn all(&self) -> Result<&Tensor<T>> {
        let rows = match self {
            Self::Held(tensor) => return Ok(tensor),
            Self::OnDemand(rows) => rows,
        };
        if let Some(all) = rows.all.get() {
            return Ok(all);
        }
        let mut all = Tensor::zeros([0]);
        rows.read(0..rows.shape[0], &mut all)?;
        Ok(rows.all.get_or_init(|| all))
    }

    /// These rows.
    pub fn pick(&self, rows: &[usize]) -> Self {
        match self {
            Self::Held(tensor) => {
                let mut picked = Tensor::zeros([0]);
                tensor.select_rows_into(rows, &[], &mut picked);
                Self::Held(picked)
            }
            Self::OnDemand(of) => {
                let of_source = |&row: &usize| of.rows.as_ref().map_or(row, |rows| rows[row]);
                let shape = std::iter::once(rows.len()).chain(of.shape[1..].iter().copied()).collect();
                let rows = Some(rows.iter().map(of_source).collect());
                Self::OnDemand(OnDemand { source: Arc::clone(&of.source), rows, shape, all: Arc::default() })
            }
        }
    }
}

impl<T: Element> OnDemand<T> {
    /// Reads rows into a tensor of as many.
    pub fn read(&self, rows: impl ExactSizeIterator<Item = usize>, to: &mut Tensor<T>) -> Result<()> {
        let shape: Shape = std::iter::once(rows.len()).chain(self.shape[1..].iter().copied()).collect();
        if *to.shape() != shape {
            *to = Tensor::zeros(shape);
        }
        let width = self.shape[1..].iter().product::<usize>().max(1);
        for (row, features) in rows.zip(to.as_mut_slice().chunks_exact_mut(width)) {
            if let Some(all) = self.all.get() {
                features.copy_from_slice(&all.as_slice()[row * width..][..width]);
                continue;
            }
            self.source.read(self.rows.as_ref().map_or(row, |rows| rows[row]), features)?;
            if let Some(k) = features.iter().position(|x| !x.to_f64().is_finite()) {
                return Err(Error::not_finite(format!("dataset: row {row}, feature {k} is {}", features[k])));
            }
        }
        Ok(())
    }
}

impl<T> fmt::Debug for OnDemand<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OnDemand {{ shape: {} }}", self.shape)
    }
}
