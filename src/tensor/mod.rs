//! Tensors: a shape and a shared, row-major buffer.
//!
//! A [`Tensor`] is always contiguous and row-major, so that its elements are a slice; cloning shares the buffer, and writing
//! to a shared one copies it first. Transposes are folded into matrix products rather than kept as strides.

pub(crate) mod buffer;
mod create;
pub(crate) mod display;
#[cfg(feature = "ndarray")]
mod interop;
pub(crate) mod kernels;
pub(crate) mod pool;
pub(crate) mod shape;
pub(crate) mod span;
mod update;
mod value;
pub(crate) mod windows;

pub use shape::{Axes, IntoShape, Shape, keep};
pub use span::{Span, Spans};
pub use update::{ElementUpdate, update};
pub(crate) use value::Operand;
pub use value::Value;
pub use windows::PerAxis;

use crate::error::{Error, Named, OrPanic, Result};
use crate::num::Element;
use buffer::Buffer;
use smallvec::SmallVec;
use std::ops::{Index, IndexMut};
use std::sync::Arc;

/// A dense array of `f32` or `f64` numbers, row-major; cloning shares the elements.
///
/// # Examples
/// ```
/// use retrograd::Tensor;
/// let m = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
/// assert_eq!(m.shape().dims(), [2, 2]);
/// assert_eq!(m[[1, 0]], 3.0);
/// assert_eq!(m.to_string(), "[[1, 2],\n [3, 4]]");
/// ```
pub struct Tensor<T> {
    shape: Shape,
    data: Arc<Buffer<T>>,
}

impl<T> Clone for Tensor<T> {
    /// The same elements, shared; whatever T is.
    #[inline]
    fn clone(&self) -> Self {
        Self { shape: self.shape.clone(), data: Arc::clone(&self.data) }
    }
}

impl<T> Tensor<T> {
    /// The shape.
    #[inline]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }
    /// The number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        self.data.len()
    }
    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }
    /// The elements, row-major.
    #[inline]
    pub fn as_slice(&self) -> &[T] {
        &self.data
    }
    /// An iterator over the elements, row-major.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.data.iter()
    }

    #[inline]
    pub(crate) fn from_parts(shape: Shape, data: Arc<Buffer<T>>) -> Self {
        assert!(shape.numel() == data.len(), "tensor: shape {shape} over a buffer of {}", data.len());
        Self { shape, data }
    }
    pub(crate) fn into_parts(self) -> (Shape, Arc<Buffer<T>>) {
        (self.shape, self.data)
    }
    /// The elements for writing, if no other tensor shares them.
    #[inline]
    pub(crate) fn unique_slice(&mut self) -> Option<&mut [T]> {
        Arc::get_mut(&mut self.data).map(Buffer::as_mut_slice)
    }
    /// Whether both share one buffer.
    pub fn shares_buffer_with(&self, other: &Tensor<T>) -> bool {
        Arc::ptr_eq(&self.data, &other.data)
    }
}

impl<T: Element> Tensor<T> {
    /// A tensor of this shape with these elements, row-major, without copying them.
    ///
    /// # Errors
    /// The number of elements is not the product of the shape; a shape that [`Shape::new`] refuses.
    pub fn new(shape: impl IntoShape, data: Vec<T>) -> Result<Self> {
        Self::of_shape(shape.into_shape().named("tensor")?, data)
    }

    #[inline(never)]
    pub(crate) fn of_shape(shape: Shape, data: Vec<T>) -> Result<Self> {
        if shape.numel() != data.len() {
            return Err(Error::shape(format!(
                "tensor: shape {shape} holds {} elements, got {}",
                shape.numel(),
                data.len()
            )));
        }
        Ok(Self { shape, data: Arc::new(data.into()) })
    }

    /// The single element of a tensor with one.
    ///
    /// # Panics
    /// There are more or fewer elements.
    #[track_caller]
    pub fn item(&self) -> T {
        assert!(self.len() == 1, "item: a tensor of shape {} has {} elements, not one", self.shape, self.len());
        self.data[0]
    }

    /// The elements for writing; copied first where another tensor, or a tape, shares them.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        Arc::make_mut(&mut self.data).as_mut_slice()
    }

    /// The elements as a vector; copied only where another tensor shares them.
    pub fn into_vec(self) -> Vec<T> {
        Arc::try_unwrap(self.data).map_or_else(|shared| shared.to_vec(), Buffer::into_vec)
    }

    /// The elements as a new vector.
    pub fn to_vec(&self) -> Vec<T> {
        self.data.to_vec()
    }

    /// The same elements in another shape, sharing the buffer; what `reshape` records.
    pub(crate) fn in_shape(&self, shape: &Shape) -> Result<Self> {
        shape.check_reshape(&self.shape)?;
        Ok(Self { shape: shape.clone(), data: self.data.clone() })
    }

    /// The element at an index with one number for each axis, if it is in range.
    pub fn get(&self, index: &[usize]) -> Option<T> {
        self.offset(index).map(|i| self.data[i])
    }

    fn offset(&self, index: &[usize]) -> Option<usize> {
        let inside = index.len() == self.shape.rank() && index.iter().zip(self.shape.iter()).all(|(i, n)| i < n);
        inside.then(|| index.iter().zip(self.shape.iter()).fold(0, |offset, (i, n)| offset * n + i))
    }

    /// The function applied to every element.
    pub fn map(&self, f: impl FnMut(T) -> T) -> Self {
        Self { shape: self.shape.clone(), data: Arc::new(self.data.iter().copied().map(f).collect()) }
    }

    /// Row `i` of a matrix, as a slice.
    ///
    /// # Panics
    /// Not a matrix, or no such row.
    #[track_caller]
    pub fn row(&self, i: usize) -> &[T] {
        assert!(self.shape.rank() == 2 && i < self.shape[0], "row: no row {i} in shape {}", self.shape);
        &self.data[i * self.shape[1]..][..self.shape[1]]
    }

    /// The rows of a matrix with these numbers, in this order, as a new matrix.
    ///
    /// # Panics
    /// Not a matrix, or no such row.
    #[inline(never)]
    #[track_caller]
    pub fn select_rows(&self, rows: &[usize]) -> Self {
        assert!(self.shape.rank() == 2, "select_rows: shape {} is no matrix", self.shape);
        let shape = Shape::of("select_rows", &[rows.len(), self.shape[1]]).or_panic();
        let mut data = buffer::room("select_rows", &shape);
        for &i in rows {
            data.extend_from_slice(self.row(i));
        }
        Self { shape, data: Arc::new(data.into()) }
    }

    /// The rows with these numbers, along the first axis, into a tensor whose memory is written again where its shape fits and
    /// no other tensor shares it. `next` are rows that will be wanted after these: they are fetched from memory meanwhile.
    ///
    /// # Panics
    /// A number without axes, or no such row.
    ///
    /// # Examples
    /// ```
    /// use retrograd::Tensor;
    /// let data = Tensor::from([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
    /// let mut batch = Tensor::zeros([0]);
    /// data.select_rows_into(&[2, 0], &[1], &mut batch);
    /// assert_eq!(batch, Tensor::from([[5.0, 6.0], [1.0, 2.0]]));
    /// ```
    #[inline(never)]
    #[track_caller]
    pub fn select_rows_into(&self, rows: &[usize], next: &[usize], out: &mut Self) {
        let Some((&n, features)) = self.shape.split_first() else {
            panic!("select_rows: a number has no rows");
        };
        if let Some(row) = rows.iter().find(|&&row| row >= n) {
            panic!("select_rows: no row {row} in shape {}", self.shape);
        }
        let width: usize = features.iter().product();
        if out.shape.first() != Some(&rows.len()) || out.shape[1..] != *features {
            let lengths: SmallVec<[usize; 4]> = std::iter::once(rows.len()).chain(features.iter().copied()).collect();
            *out = Self::zeros(Shape::of("select_rows", &lengths).or_panic());
        }
        let (source, target) = (self.as_slice(), out.as_mut_slice());
        match width {
            0 => {}
            1 => target.iter_mut().zip(rows).for_each(|(x, &row)| *x = source[row]),
            _ => kernels::gather::rows(source, width, rows, target),
        }
        for &row in next.iter().take(kernels::gather::AHEAD).filter(|&&row| row < n) {
            kernels::gather::fetch(&source[row * width..][..width]);
        }
    }

    /// In every row along the last axis, the index of its largest element, the first of equals; NaN counts as largest.
    ///
    /// # Panics
    /// A scalar, or rows without elements.
    #[inline(never)]
    #[track_caller]
    pub fn argmax_rows(&self) -> Vec<usize> {
        let n = self.shape.last().copied().unwrap_or(0);
        assert!(n > 0, "argmax: shape {} has no elements along its last axis", self.shape);
        self.data.chunks_exact(n).map(kernels::reduce::argmax).collect()
    }

    /// Whether every element is finite.
    pub fn is_finite(&self) -> bool {
        crate::num::all_finite(&self.data)
    }
}

impl<T: Element, const N: usize> Index<[usize; N]> for Tensor<T> {
    type Output = T;
    #[track_caller]
    fn index(&self, index: [usize; N]) -> &T {
        match self.offset(&index) {
            Some(i) => &self.data[i],
            None => panic!("index: {index:?} is out of range for shape {}", self.shape),
        }
    }
}

impl<T: Element, const N: usize> IndexMut<[usize; N]> for Tensor<T> {
    #[track_caller]
    fn index_mut(&mut self, index: [usize; N]) -> &mut T {
        match self.offset(&index) {
            Some(i) => &mut self.as_mut_slice()[i],
            None => panic!("index: {index:?} is out of range for shape {}", self.shape),
        }
    }
}

impl<T: PartialEq> PartialEq for Tensor<T> {
    fn eq(&self, other: &Self) -> bool {
        self.shape == other.shape && self.as_slice() == other.as_slice()
    }
}

impl<T: Element> Tensor<T> {
    /// self += s other, in place where no other tensor shares the elements.
    ///
    /// # Panics
    /// The shapes differ.
    #[inline(never)]
    #[track_caller]
    pub fn add_scaled(&mut self, s: T, other: &Tensor<T>) {
        assert!(self.shape == other.shape, "add_scaled: shapes {} and {} differ", self.shape, other.shape);
        kernels::elementwise::add_scaled(self.as_mut_slice(), s, other.as_slice());
    }
}
