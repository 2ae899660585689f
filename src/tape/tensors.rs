//! Products of tensors into memory that is there.

use crate::error::OrPanic;
use crate::num::Element;
use crate::ops::structural::MatMul;
use crate::tensor::Tensor;

/// Products written over elements that are there.
impl<T: Element> Tensor<T> {
    /// self = op(x) op(y) for matrices, written over the elements that are there; op transposes where asked for.
    ///
    /// For loops that keep their buffers: nothing is allocated unless another tensor shares the elements.
    ///
    /// # Panics
    /// Not matrices, inner dimensions that differ, or another shape than the product has.
    #[track_caller]
    pub fn assign_matmul(&mut self, x: &Self, transpose_x: bool, y: &Self, transpose_y: bool) {
        self.product(MatMul::plain(transpose_x, transpose_y), x, y, false);
    }
    /// self += op(x) op(y) for matrices, as [`Tensor::assign_matmul`].
    ///
    /// # Examples
    /// ```
    /// use retrograd::Tensor;
    /// // One step of gradient descent on weights: w = w - x' d / 2.
    /// let (x, mut d) = (Tensor::from([[1.0, 2.0], [3.0, 4.0]]), Tensor::from([[1.0], [-1.0]]));
    /// let mut w = Tensor::from([[0.5], [0.25]]);
    /// d *= -0.5;
    /// w.add_matmul(&x, true, &d, false);
    /// assert_eq!(w, Tensor::from([[1.5], [1.25]]));
    /// ```
    ///
    /// # Panics
    /// As [`Tensor::assign_matmul`].
    #[inline(never)]
    #[track_caller]
    pub fn add_matmul(&mut self, x: &Self, transpose_x: bool, y: &Self, transpose_y: bool) {
        self.product(MatMul::plain(transpose_x, transpose_y), x, y, true);
    }

    #[inline(never)]
    #[track_caller]
    fn product(&mut self, op: MatMul, x: &Self, y: &Self, accumulate: bool) {
        let shape = op.product_shape(x.shape(), y.shape()).or_panic();
        assert!(
            *self.shape() == shape,
            "matmul: the product has shape {shape}, what it is written to {}",
            self.shape()
        );
        op.product(x.into(), y.into(), self.as_mut_slice(), accumulate, None);
    }
}
