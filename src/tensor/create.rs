//! Ways to make a tensor.

use super::buffer::{Buffer, Kind, room};
use super::{IntoShape, Shape, Tensor};
use crate::error::{Named, OrPanic, Result};
use crate::num::Element;
use rand::Rng;
use std::sync::Arc;

impl<T: Element> Tensor<T> {
    /// Every element `value`.
    ///
    /// # Panics
    /// A shape that [`Shape::new`] refuses, or for which the system has no memory; as for all that follow here.
    #[track_caller]
    pub fn full(shape: impl IntoShape, value: T) -> Self {
        Self::full_of_shape(shape.into_shape(), value)
    }
    #[inline(never)]
    #[track_caller]
    pub(crate) fn full_of_shape(shape: Result<Shape>, value: T) -> Self {
        let shape = shape.named("tensor").or_panic();
        let data = Arc::new(Buffer::of_shape("tensor", &shape, value, Kind::Kept).or_panic());
        Self { shape, data }
    }
    /// Every element 0.
    #[track_caller]
    pub fn zeros(shape: impl IntoShape) -> Self {
        Self::full(shape, T::from_f64(0.0))
    }
    /// Every element 1.
    #[track_caller]
    pub fn ones(shape: impl IntoShape) -> Self {
        Self::full(shape, T::from_f64(1.0))
    }
    /// A tensor without axes.
    pub fn scalar(value: T) -> Self {
        Self { shape: Shape::scalar(), data: Arc::new(vec![value].into()) }
    }
    /// The identity matrix of this size.
    #[track_caller]
    pub fn eye(n: usize) -> Self {
        Self::from_fn([n, n], |index| T::from_f64((index[0] == index[1]) as u8 as f64))
    }
    /// `n` numbers evenly spaced from `start` to `stop`, both included.
    #[track_caller]
    pub fn linspace(start: f64, stop: f64, n: usize) -> Self {
        let step = if n > 1 { (stop - start) / (n - 1) as f64 } else { 0.0 };
        let point = |i| if i + 1 == n && n > 1 { stop } else { start + step * i as f64 };
        Self::from_fn(n, |index| T::from_f64(point(index[0])))
    }
    /// 0, 1, ..., n - 1.
    #[track_caller]
    pub fn arange(n: usize) -> Self {
        Self::from_fn(n, |index| T::from_f64(index[0] as f64))
    }
    /// The function of each index.
    #[track_caller]
    pub fn from_fn(shape: impl IntoShape, mut f: impl FnMut(&[usize]) -> T) -> Self {
        let shape = shape.into_shape().named("tensor").or_panic();
        let mut index = vec![0; shape.rank()];
        let mut data = room("tensor", &shape);
        for _ in 0..shape.numel() {
            data.push(f(&index));
            for axis in (0..shape.rank()).rev() {
                index[axis] += 1;
                if index[axis] < shape[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
        Self { shape, data: Arc::new(data.into()) }
    }
    /// Uniformly distributed in lo..hi, drawn from `rng`.
    #[track_caller]
    pub fn uniform(shape: impl IntoShape, lo: f64, hi: f64, rng: &mut impl Rng) -> Self {
        Self::from_fn(shape, |_| T::from_f64(lo + (hi - lo) * rng.random::<f64>()))
    }
    /// Normally distributed, drawn from `rng` by the method of Box and Muller.
    #[track_caller]
    pub fn normal(shape: impl IntoShape, mean: f64, deviation: f64, rng: &mut impl Rng) -> Self {
        Self::from_fn(shape, |_| {
            let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
            let angle = std::f64::consts::TAU * rng.random::<f64>();
            T::from_f64(mean + deviation * radius * angle.cos())
        })
    }
    /// One row for each label with a 1 in its column, else 0.
    ///
    /// # Panics
    /// A label is not below `classes`.
    #[track_caller]
    pub fn one_hot(labels: &[usize], classes: usize) -> Self {
        let mut matrix = Self::zeros([labels.len(), classes]);
        let rows = matrix.as_mut_slice();
        for (row, &label) in labels.iter().enumerate() {
            assert!(label < classes, "one_hot: label {label} at row {row} is out of range for {classes} classes");
            rows[row * classes + label] = T::from_f64(1.0);
        }
        matrix
    }
}

impl<T: Element> From<Vec<T>> for Tensor<T> {
    fn from(data: Vec<T>) -> Self {
        Self { shape: [data.len()].into(), data: Arc::new(data.into()) }
    }
}
impl<T: Element> From<&[T]> for Tensor<T> {
    fn from(data: &[T]) -> Self {
        data.to_vec().into()
    }
}
impl<T: Element> From<&Vec<T>> for Tensor<T> {
    fn from(data: &Vec<T>) -> Self {
        data.clone().into()
    }
}
impl<T: Element> From<T> for Tensor<T> {
    fn from(value: T) -> Self {
        Self::scalar(value)
    }
}
impl<T: Element> From<&Tensor<T>> for Tensor<T> {
    fn from(tensor: &Tensor<T>) -> Self {
        tensor.clone()
    }
}
impl<T: Element, const N: usize> From<[T; N]> for Tensor<T> {
    fn from(data: [T; N]) -> Self {
        data.to_vec().into()
    }
}
impl<T: Element, const N: usize> From<&[T; N]> for Tensor<T> {
    fn from(data: &[T; N]) -> Self {
        data.to_vec().into()
    }
}
impl<T: Element, const M: usize, const N: usize> From<[[T; N]; M]> for Tensor<T> {
    fn from(rows: [[T; N]; M]) -> Self {
        Self { shape: [M, N].into(), data: Arc::new(rows.as_flattened().to_vec().into()) }
    }
}
impl<T: Element, const L: usize, const M: usize, const N: usize> From<[[[T; N]; M]; L]> for Tensor<T> {
    fn from(blocks: [[[T; N]; M]; L]) -> Self {
        Self { shape: [L, M, N].into(), data: Arc::new(blocks.as_flattened().as_flattened().to_vec().into()) }
    }
}
impl<T: Element, const N: usize> From<&[[T; N]]> for Tensor<T> {
    fn from(rows: &[[T; N]]) -> Self {
        Self { shape: [rows.len(), N].into(), data: Arc::new(rows.as_flattened().to_vec().into()) }
    }
}
impl<T: Element, const N: usize> From<Vec<[T; N]>> for Tensor<T> {
    /// Without copying the elements.
    fn from(rows: Vec<[T; N]>) -> Self {
        Self { shape: [rows.len(), N].into(), data: Arc::new(rows.into_flattened().into()) }
    }
}
impl<T: Element, const K: usize, const L: usize, const M: usize, const N: usize> From<[[[[T; N]; M]; L]; K]>
    for Tensor<T>
{
    fn from(blocks: [[[[T; N]; M]; L]; K]) -> Self {
        let data = blocks.as_flattened().as_flattened().as_flattened().to_vec();
        Self { shape: [K, L, M, N].into(), data: Arc::new(data.into()) }
    }
}
impl<T: Element> From<Tensor<T>> for Vec<T> {
    /// Without copying the elements, unless another tensor or a tape shares them.
    fn from(tensor: Tensor<T>) -> Self {
        tensor.into_vec()
    }
}
impl<T> AsRef<[T]> for Tensor<T> {
    fn as_ref(&self) -> &[T] {
        self.as_slice()
    }
}
impl<'a, T> IntoIterator for &'a Tensor<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
impl<T: Element> FromIterator<T> for Tensor<T> {
    fn from_iter<I: IntoIterator<Item = T>>(iter: I) -> Self {
        iter.into_iter().collect::<Vec<T>>().into()
    }
}
