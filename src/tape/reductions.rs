//! Reductions and maps over axes.
//!
//! Ops on rows are written for the last axis: the axes asked for are brought there, merged, and put back.

use super::Var;
use crate::error::{Error, OrPanic, Result};
use crate::num::Element;
use crate::ops::structural::{Map, Permute, Reduce, Reshape, Sum, TensorOp};
use crate::tensor::kernels::rows::{RowMap, RowReduction};
use crate::tensor::shape::AxisMask;
use crate::tensor::{Axes, Shape};
use smallvec::SmallVec;

impl<'t, T: Element> Var<'t, T> {
    /// The sum over axes; `()` is all of them.
    ///
    /// # Panics
    /// Where [`Var::try_sum`] fails.
    #[track_caller]
    pub fn sum(self, axes: impl Into<Axes>) -> Self {
        self.try_sum(axes).or_panic()
    }
    /// As [`Var::sum`].
    ///
    /// # Errors
    /// An axis out of range or given twice.
    #[track_caller]
    pub fn try_sum(self, axes: impl Into<Axes>) -> Result<Self> {
        self.reduce_sum("sum", axes.into(), false)
    }

    /// The sum over axes; `()` is all of them. The axes stay, with length 1.
    ///
    /// # Panics
    /// Where [`Var::try_sum_keep`] fails.
    #[track_caller]
    pub fn sum_keep(self, axes: impl Into<Axes>) -> Self {
        self.try_sum_keep(axes).or_panic()
    }
    /// As [`Var::sum_keep`].
    ///
    /// # Errors
    /// An axis out of range or given twice.
    #[track_caller]
    pub fn try_sum_keep(self, axes: impl Into<Axes>) -> Result<Self> {
        self.reduce_sum("sum", axes.into(), true)
    }

    /// The mean over axes; `()` is all of them.
    ///
    /// # Panics
    /// Where [`Var::try_mean`] fails.
    #[track_caller]
    pub fn mean(self, axes: impl Into<Axes>) -> Self {
        self.try_mean(axes).or_panic()
    }
    /// As [`Var::mean`].
    ///
    /// # Errors
    /// An axis out of range or given twice.
    #[track_caller]
    pub fn try_mean(self, axes: impl Into<Axes>) -> Result<Self> {
        let axes = axes.into();
        let count = self.count("mean", &axes)?;
        if count == 0 {
            return Err(Error::shape(format!("mean: no elements along the axes of shape {}", self.shape())));
        }
        Ok(self.reduce_sum("mean", axes, false)? * T::from_f64(1.0 / count as f64))
    }

    /// The mean over axes; `()` is all of them. The axes stay, with length 1.
    ///
    /// # Panics
    /// Where [`Var::try_mean_keep`] fails.
    #[track_caller]
    pub fn mean_keep(self, axes: impl Into<Axes>) -> Self {
        self.try_mean_keep(axes).or_panic()
    }
    /// As [`Var::mean_keep`].
    ///
    /// # Errors
    /// An axis out of range or given twice.
    #[track_caller]
    pub fn try_mean_keep(self, axes: impl Into<Axes>) -> Result<Self> {
        let axes = axes.into();
        let count = self.count("mean", &axes)?;
        if count == 0 {
            return Err(Error::shape(format!("mean: no elements along the axes of shape {}", self.shape())));
        }
        Ok(self.reduce_sum("mean", axes, true)? * T::from_f64(1.0 / count as f64))
    }

    /// The product over axes, as a tree of products, so that zeros among the factors have the right gradients.
    ///
    /// # Panics
    /// Where [`Var::try_prod`] fails.
    #[track_caller]
    pub fn prod(self, axes: impl Into<Axes>) -> Self {
        self.try_prod(axes).or_panic()
    }
    /// As [`Var::prod`].
    ///
    /// # Errors
    /// An axis out of range or given twice.
    #[track_caller]
    pub fn try_prod(self, axes: impl Into<Axes>) -> Result<Self> {
        let rows = self.to_rows("prod", axes.into())?;
        rows.restore(rows.var.product_of_rows()?, false)
    }

    /// The product over axes, as a tree of products, so that zeros among the factors have the right gradients. The axes stay, with length 1.
    ///
    /// # Panics
    /// Where [`Var::try_prod_keep`] fails.
    #[track_caller]
    pub fn prod_keep(self, axes: impl Into<Axes>) -> Self {
        self.try_prod_keep(axes).or_panic()
    }
    /// As [`Var::prod_keep`].
    ///
    /// # Errors
    /// An axis out of range or given twice.
    #[track_caller]
    pub fn try_prod_keep(self, axes: impl Into<Axes>) -> Result<Self> {
        let rows = self.to_rows("prod", axes.into())?;
        rows.restore(rows.var.product_of_rows()?, true)
    }

    /// The largest element over axes; NaN if any is. The gradient is split evenly among equals.
    ///
    /// # Panics
    /// Where [`Var::try_max`] fails.
    #[track_caller]
    pub fn max(self, axes: impl Into<Axes>) -> Self {
        self.try_max(axes).or_panic()
    }
    /// As [`Var::max`].
    ///
    /// # Errors
    /// An axis out of range or given twice.
    #[track_caller]
    pub fn try_max(self, axes: impl Into<Axes>) -> Result<Self> {
        self.reduce_rows("max", RowReduction::Max, axes.into(), false)
    }

    /// The largest element over axes; NaN if any is. The gradient is split evenly among equals. The axes stay, with length 1.
    ///
    /// # Panics
    /// Where [`Var::try_max_keep`] fails.
    #[track_caller]
    pub fn max_keep(self, axes: impl Into<Axes>) -> Self {
        self.try_max_keep(axes).or_panic()
    }
    /// As [`Var::max_keep`].
    ///
    /// # Errors
    /// An axis out of range or given twice.
    #[track_caller]
    pub fn try_max_keep(self, axes: impl Into<Axes>) -> Result<Self> {
        self.reduce_rows("max", RowReduction::Max, axes.into(), true)
    }

    /// The smallest element over axes; NaN if any is. The gradient is split evenly among equals.
    ///
    /// # Panics
    /// Where [`Var::try_min`] fails.
    #[track_caller]
    pub fn min(self, axes: impl Into<Axes>) -> Self {
        self.try_min(axes).or_panic()
    }
    /// As [`Var::min`].
    ///
    /// # Errors
    /// An axis out of range or given twice.
    #[track_caller]
    pub fn try_min(self, axes: impl Into<Axes>) -> Result<Self> {
        self.reduce_rows("min", RowReduction::Min, axes.into(), false)
    }

    /// The smallest element over axes; NaN if any is. The gradient is split evenly among equals. The axes stay, with length 1.
    ///
    /// # Panics
    /// Where [`Var::try_min_keep`] fails.
    #[track_caller]
    pub fn min_keep(self, axes: impl Into<Axes>) -> Self {
        self.try_min_keep(axes).or_panic()
    }
    /// As [`Var::min_keep`].
    ///
    /// # Errors
    /// An axis out of range or given twice.
    #[track_caller]
    pub fn try_min_keep(self, axes: impl Into<Axes>) -> Result<Self> {
        self.reduce_rows("min", RowReduction::Min, axes.into(), true)
    }

    /// The variance over axes: the sum of squared deviations from the mean, divided by n - `ddof`.
    ///
    /// # Panics
    /// Where [`Var::try_var`] fails.
    #[track_caller]
    pub fn var(self, axes: impl Into<Axes>, ddof: usize) -> Self {
        self.try_var(axes, ddof).or_panic()
    }
    /// As [`Var::var`].
    ///
    /// # Errors
    /// An axis out of range or given twice.
    #[track_caller]
    pub fn try_var(self, axes: impl Into<Axes>, ddof: usize) -> Result<Self> {
        let axes = axes.into();
        let n = self.count("var", &axes)?;
        if n <= ddof {
            return Err(Error::shape(format!(
                "var: {n} elements along the axes of shape {}, needs more than ddof = {ddof}",
                self.shape()
            )));
        }
        let deviation = self.try_sub(self.try_mean_keep(axes.clone())?)?;
        Ok(deviation.square().reduce_sum("var", axes, false)? * T::from_f64(1.0 / (n - ddof) as f64))
    }

    /// The variance over axes: the sum of squared deviations from the mean, divided by n - `ddof`. The axes stay, with length 1.
    ///
    /// # Panics
    /// Where [`Var::try_var_keep`] fails.
    #[track_caller]
    pub fn var_keep(self, axes: impl Into<Axes>, ddof: usize) -> Self {
        self.try_var_keep(axes, ddof).or_panic()
    }
    /// As [`Var::var_keep`].
    ///
    /// # Errors
    /// An axis out of range or given twice.
    #[track_caller]
    pub fn try_var_keep(self, axes: impl Into<Axes>, ddof: usize) -> Result<Self> {
        let axes = axes.into();
        let n = self.count("var", &axes)?;
        if n <= ddof {
            return Err(Error::shape(format!(
                "var: {n} elements along the axes of shape {}, needs more than ddof = {ddof}",
                self.shape()
            )));
        }
        let deviation = self.try_sub(self.try_mean_keep(axes.clone())?)?;
        Ok(deviation.square().reduce_sum("var", axes, true)? * T::from_f64(1.0 / (n - ddof) as f64))
    }

    /// The standard deviation over axes, with divisor n - `ddof`. Where it is 0, the derivative is 0.
    ///
    /// # Panics
    /// Where [`Var::try_std`] fails.
    #[track_caller]
    pub fn std(self, axes: impl Into<Axes>, ddof: usize) -> Self {
        self.try_std(axes, ddof).or_panic()
    }
    /// As [`Var::std`].
    ///
    /// # Errors
    /// An axis out of range or given twice.
    #[track_caller]
    pub fn try_std(self, axes: impl Into<Axes>, ddof: usize) -> Result<Self> {
        let axes = axes.into();
        let n = self.count("std", &axes)?;
        if n <= ddof {
            return Err(Error::shape(format!(
                "std: {n} elements along the axes of shape {}, needs more than ddof = {ddof}",
                self.shape()
            )));
        }
        let deviation = self.try_sub(self.try_mean_keep(axes.clone())?)?;
        let norm = deviation.reduce_rows("std", RowReduction::Norm2, axes, false)?;
        Ok(norm * T::from_f64(1.0 / ((n - ddof) as f64).sqrt()))
    }

    /// The standard deviation over axes, with divisor n - `ddof`. Where it is 0, the derivative is 0. The axes stay, with length 1.
    ///
    /// # Panics
    /// Where [`Var::try_std_keep`] fails.
    #[track_caller]
    pub fn std_keep(self, axes: impl Into<Axes>, ddof: usize) -> Self {
        self.try_std_keep(axes, ddof).or_panic()
    }
    /// As [`Var::std_keep`].
    ///
    /// # Errors
    /// An axis out of range or given twice.
    #[track_caller]
    pub fn try_std_keep(self, axes: impl Into<Axes>, ddof: usize) -> Result<Self> {
        let axes = axes.into();
        let n = self.count("std", &axes)?;
        if n <= ddof {
            return Err(Error::shape(format!(
                "std: {n} elements along the axes of shape {}, needs more than ddof = {ddof}",
                self.shape()
            )));
        }
        let deviation = self.try_sub(self.try_mean_keep(axes.clone())?)?;
        let norm = deviation.reduce_rows("std", RowReduction::Norm2, axes, true)?;
        Ok(norm * T::from_f64(1.0 / ((n - ddof) as f64).sqrt()))
    }

    /// The sum of absolute values over axes. The derivative at 0 is 0.
    ///
    /// # Panics
    /// Where [`Var::try_norm1`] fails.
    #[track_caller]
    pub fn norm1(self, axes: impl Into<Axes>) -> Self {
        self.try_norm1(axes).or_panic()
    }
    /// As [`Var::norm1`].
    ///
    /// # Errors
    /// An axis out of range or given twice.
    #[track_caller]
    pub fn try_norm1(self, axes: impl Into<Axes>) -> Result<Self> {
        self.abs().reduce_sum("norm1", axes.into(), false)
    }

    /// The sum of absolute values over axes. The derivative at 0 is 0. The axes stay, with length 1.
    ///
    /// # Panics
    /// Where [`Var::try_norm1_keep`] fails.
    #[track_caller]
    pub fn norm1_keep(self, axes: impl Into<Axes>) -> Self {
        self.try_norm1_keep(axes).or_panic()
    }
    /// As [`Var::norm1_keep`].
    ///
    /// # Errors
    /// An axis out of range or given twice.
    #[track_caller]
    pub fn try_norm1_keep(self, axes: impl Into<Axes>) -> Result<Self> {
        self.abs().reduce_sum("norm1", axes.into(), true)
    }

    /// sqrt(sum x^2) over axes, without overflow in between. Where it is 0, the derivative is 0.
    ///
    /// # Panics
    /// Where [`Var::try_norm2`] fails.
    #[track_caller]
    pub fn norm2(self, axes: impl Into<Axes>) -> Self {
        self.try_norm2(axes).or_panic()
    }
    /// As [`Var::norm2`].
    ///
    /// # Errors
    /// An axis out of range or given twice.
    #[track_caller]
    pub fn try_norm2(self, axes: impl Into<Axes>) -> Result<Self> {
        self.reduce_rows("norm2", RowReduction::Norm2, axes.into(), false)
    }

    /// sqrt(sum x^2) over axes, without overflow in between. Where it is 0, the derivative is 0. The axes stay, with length 1.
    ///
    /// # Panics
    /// Where [`Var::try_norm2_keep`] fails.
    #[track_caller]
    pub fn norm2_keep(self, axes: impl Into<Axes>) -> Self {
        self.try_norm2_keep(axes).or_panic()
    }
    /// As [`Var::norm2_keep`].
    ///
    /// # Errors
    /// An axis out of range or given twice.
    #[track_caller]
    pub fn try_norm2_keep(self, axes: impl Into<Axes>) -> Result<Self> {
        self.reduce_rows("norm2", RowReduction::Norm2, axes.into(), true)
    }

    /// The largest absolute value over axes. The derivative at 0 is 0.
    ///
    /// # Panics
    /// Where [`Var::try_norm_inf`] fails.
    #[track_caller]
    pub fn norm_inf(self, axes: impl Into<Axes>) -> Self {
        self.try_norm_inf(axes).or_panic()
    }
    /// As [`Var::norm_inf`].
    ///
    /// # Errors
    /// An axis out of range or given twice.
    #[track_caller]
    pub fn try_norm_inf(self, axes: impl Into<Axes>) -> Result<Self> {
        self.abs().reduce_rows("norm_inf", RowReduction::Max, axes.into(), false)
    }

    /// The largest absolute value over axes. The derivative at 0 is 0. The axes stay, with length 1.
    ///
    /// # Panics
    /// Where [`Var::try_norm_inf_keep`] fails.
    #[track_caller]
    pub fn norm_inf_keep(self, axes: impl Into<Axes>) -> Self {
        self.try_norm_inf_keep(axes).or_panic()
    }
    /// As [`Var::norm_inf_keep`].
    ///
    /// # Errors
    /// An axis out of range or given twice.
    #[track_caller]
    pub fn try_norm_inf_keep(self, axes: impl Into<Axes>) -> Result<Self> {
        self.abs().reduce_rows("norm_inf", RowReduction::Max, axes.into(), true)
    }

    /// ln sum e^x over axes, stable. Over nothing but -inf the value is -inf and the derivative 0.
    ///
    /// # Panics
    /// Where [`Var::try_logsumexp`] fails.
    #[track_caller]
    pub fn logsumexp(self, axes: impl Into<Axes>) -> Self {
        self.try_logsumexp(axes).or_panic()
    }
    /// As [`Var::logsumexp`].
    ///
    /// # Errors
    /// An axis out of range or given twice.
    #[track_caller]
    pub fn try_logsumexp(self, axes: impl Into<Axes>) -> Result<Self> {
        self.reduce_rows("logsumexp", RowReduction::LogSumExp, axes.into(), false)
    }

    /// ln sum e^x over axes, stable. Over nothing but -inf the value is -inf and the derivative 0. The axes stay, with length 1.
    ///
    /// # Panics
    /// Where [`Var::try_logsumexp_keep`] fails.
    #[track_caller]
    pub fn logsumexp_keep(self, axes: impl Into<Axes>) -> Self {
        self.try_logsumexp_keep(axes).or_panic()
    }
    /// As [`Var::logsumexp_keep`].
    ///
    /// # Errors
    /// An axis out of range or given twice.
    #[track_caller]
    pub fn try_logsumexp_keep(self, axes: impl Into<Axes>) -> Result<Self> {
        self.reduce_rows("logsumexp", RowReduction::LogSumExp, axes.into(), true)
    }

    /// e^x / sum e^x over axes, stable.
    ///
    /// # Panics
    /// Where [`Var::try_softmax`] fails.
    #[track_caller]
    pub fn softmax(self, axes: impl Into<Axes>) -> Self {
        self.try_softmax(axes).or_panic()
    }
    /// As [`Var::softmax`].
    ///
    /// # Errors
    /// An axis out of range or given twice.
    #[track_caller]
    pub fn try_softmax(self, axes: impl Into<Axes>) -> Result<Self> {
        self.map_rows("softmax", RowMap::Softmax, axes.into())
    }

    /// x - logsumexp(x) over axes, stable.
    ///
    /// # Panics
    /// Where [`Var::try_log_softmax`] fails.
    #[track_caller]
    pub fn log_softmax(self, axes: impl Into<Axes>) -> Self {
        self.try_log_softmax(axes).or_panic()
    }
    /// As [`Var::log_softmax`].
    ///
    /// # Errors
    /// An axis out of range or given twice.
    #[track_caller]
    pub fn try_log_softmax(self, axes: impl Into<Axes>) -> Result<Self> {
        self.map_rows("log_softmax", RowMap::LogSoftmax, axes.into())
    }

    /// Running sums along an axis; along several, in row-major order.
    ///
    /// # Panics
    /// Where [`Var::try_cumsum`] fails.
    #[track_caller]
    pub fn cumsum(self, axes: impl Into<Axes>) -> Self {
        self.try_cumsum(axes).or_panic()
    }
    /// As [`Var::cumsum`].
    ///
    /// # Errors
    /// An axis out of range or given twice.
    #[track_caller]
    pub fn try_cumsum(self, axes: impl Into<Axes>) -> Result<Self> {
        self.map_rows("cumsum", RowMap::Cumsum, axes.into())
    }

    /// Running products along an axis; along several, in row-major order.
    ///
    /// # Panics
    /// Where [`Var::try_cumprod`] fails.
    #[track_caller]
    pub fn cumprod(self, axes: impl Into<Axes>) -> Self {
        self.try_cumprod(axes).or_panic()
    }
    /// As [`Var::cumprod`].
    ///
    /// # Errors
    /// An axis out of range or given twice.
    #[track_caller]
    pub fn try_cumprod(self, axes: impl Into<Axes>) -> Result<Self> {
        let rows = self.to_rows("cumprod", axes.into())?;
        // Products over windows that double: log n ops, and exact gradients where factors are zero.
        let (mut product, n) = (rows.var, rows.length);
        let last = rows.kept.rank();
        let mut width = 1;
        while width < n {
            let head = product.part(last, 0, width)?;
            let tail = product.part(last, width, n)?.try_mul(product.part(last, 0, n - width)?)?;
            product = Var::try_concat(&[head, tail], -1)?;
            width *= 2;
        }
        rows.restore_map(product)
    }
}

/// A variable whose chosen axes are merged into the last, and the way back.
struct Rows<'t, T> {
    var: Var<'t, T>,
    /// The length of a row.
    length: usize,
    shape: Shape,
    mask: AxisMask,
    /// The axes that stay, in front.
    kept: Shape,
    /// The order of axes that brought the chosen ones to the end, if they were not there.
    order: Option<SmallVec<[u8; 8]>>,
}

impl<'t, T: Element> Rows<'t, T> {
    /// A result with one number for each row, in the shape of the reduction.
    #[inline(never)]
    #[track_caller]
    fn restore(&self, reduced: Var<'t, T>, keep: bool) -> Result<Var<'t, T>> {
        reduced.to_shape(self.shape.reduced(self.mask, keep))
    }

    /// A result of the rows' shape, with the axes where they were.
    #[inline(never)]
    #[track_caller]
    fn restore_map(&self, mapped: Var<'t, T>) -> Result<Var<'t, T>> {
        let Some(order) = &self.order else { return mapped.to_shape(self.shape.clone()) };
        let permuted = mapped.to_shape(order.iter().map(|&axis| self.shape[axis as usize]).collect())?;
        let mut inverse: SmallVec<[u8; 8]> = SmallVec::from_elem(0, order.len());
        for (i, &axis) in order.iter().enumerate() {
            inverse[axis as usize] = i as u8;
        }
        Var::record_tensor_op(TensorOp::Permute(Permute { axes: inverse }), &[permuted])
    }
}

impl<'t, T: Element> Var<'t, T> {
    /// Reshapes unless that changes nothing.
    #[inline(never)]
    #[track_caller]
    pub(crate) fn to_shape(self, shape: Shape) -> Result<Self> {
        if self.with(|x| x.dims() == &shape[..]) {
            return Ok(self);
        }
        Var::record_tensor_op(TensorOp::Reshape(Reshape { shape }), &[self])
    }

    #[inline(never)]
    #[track_caller]
    fn to_rows(self, op: &str, axes: Axes) -> Result<Rows<'t, T>> {
        let shape = self.shape();
        let mask = axes.mask(op, &shape)?;
        let kept = shape.reduced(mask, false);
        let chosen = |axis: usize| mask.contains(axis);
        let length = (0..shape.rank()).filter(|&axis| chosen(axis)).map(|axis| shape[axis]).product();
        let at_end = (0..shape.rank()).skip_while(|&axis| !chosen(axis)).all(chosen);
        let (mut var, mut order) = (self, None);
        if !at_end {
            let (front, back): (Vec<usize>, Vec<usize>) = (0..shape.rank()).partition(|&axis| !chosen(axis));
            let axes: SmallVec<[u8; 8]> = front.into_iter().chain(back).map(|axis| axis as u8).collect();
            var = Var::record_tensor_op(TensorOp::Permute(Permute { axes: axes.clone() }), &[var])?;
            order = Some(axes);
        }
        let rows: SmallVec<[usize; 4]> = kept.iter().copied().chain([length]).collect();
        let var = var.to_shape(Shape::of(op, &rows)?)?;
        Ok(Rows { var, length, shape, mask, kept, order })
    }

    #[inline(never)]
    #[track_caller]
    pub(crate) fn reduce_rows(self, op: &str, kind: RowReduction, axes: Axes, keep: bool) -> Result<Self> {
        let rows = self.to_rows(op, axes)?;
        if rows.length == 0 && matches!(kind, RowReduction::Max | RowReduction::Min) {
            return Err(Error::shape(format!("{op}: no elements along the axes of shape {}", rows.shape)));
        }
        rows.restore(Var::record_tensor_op(TensorOp::Reduce(Reduce(kind)), &[rows.var])?, keep)
    }

    #[inline(never)]
    #[track_caller]
    pub(crate) fn map_rows(self, op: &str, kind: RowMap, axes: Axes) -> Result<Self> {
        let rows = self.to_rows(op, axes)?;
        rows.restore_map(Var::record_tensor_op(TensorOp::Map(Map(kind)), &[rows.var])?)
    }

    #[inline(never)]
    #[track_caller]
    pub(crate) fn reduce_sum(self, op: &str, axes: Axes, keep: bool) -> Result<Self> {
        let shape = self.shape();
        let axes = axes.mask(op, &shape)?;
        if !self.is_tensor() {
            return Ok(self);
        }
        Var::record_tensor_op(TensorOp::Sum(Sum { axes, keep }), &[self])
    }

    /// The number of elements along the axes.
    #[inline(never)]
    pub(crate) fn count(self, op: &str, axes: &Axes) -> Result<usize> {
        let shape = self.shape();
        let mask = axes.mask(op, &shape)?;
        Ok((0..shape.rank()).filter(|&axis| mask.contains(axis)).map(|axis| shape[axis]).product())
    }

    /// The product of every row along the last axis, which stays with length 1: halves multiplied until one is left.
    #[inline(never)]
    #[track_caller]
    pub(crate) fn product_of_rows(self) -> Result<Self> {
        let last = self.rank() - 1;
        let mut product = self;
        let mut n = self.shape()[last];
        if n == 0 {
            let shape = self.shape().reduced(AxisMask(1 << last), true);
            return Ok(self.home().data(crate::Tensor::ones(shape)));
        }
        while n > 1 {
            let half = n / 2;
            let mut next = product.part(last, 0, half)?.try_mul(product.part(last, half, 2 * half)?)?;
            if n % 2 == 1 {
                next = Var::try_concat(&[next, product.part(last, n - 1, n)?], -1)?;
            }
            product = next;
            n = n.div_ceil(2);
        }
        Ok(product)
    }

    /// The position of the largest element along an axis, for every place in the other axes, row-major; the first of equals.
    /// Plain numbers, so no derivative.
    ///
    /// # Panics
    /// Where [`Var::try_argmax`] fails.
    #[track_caller]
    pub fn argmax(self, axis: isize) -> Vec<usize> {
        self.try_argmax(axis).or_panic()
    }
    /// As [`Var::argmax`].
    ///
    /// # Errors
    /// The axis is out of range, or has no elements.
    #[inline(never)]
    pub fn try_argmax(self, axis: isize) -> Result<Vec<usize>> {
        self.detach().extreme_positions("argmax", axis)
    }
    /// The position of the smallest element along an axis, for every place in the other axes, row-major; the first of equals.
    /// Plain numbers, so no derivative.
    ///
    /// # Panics
    /// Where [`Var::try_argmin`] fails.
    #[track_caller]
    pub fn argmin(self, axis: isize) -> Vec<usize> {
        self.try_argmin(axis).or_panic()
    }
    /// As [`Var::argmin`].
    ///
    /// # Errors
    /// The axis is out of range, or has no elements.
    #[inline(never)]
    pub fn try_argmin(self, axis: isize) -> Result<Vec<usize>> {
        (-self.detach()).extreme_positions("argmin", axis)
    }
    fn extreme_positions(self, op: &str, axis: isize) -> Result<Vec<usize>> {
        let rows = self.to_rows(op, axis.into())?;
        if rows.length == 0 {
            return Err(Error::shape(format!("{op}: no elements along axis {axis} of shape {}", rows.shape)));
        }
        Ok(rows.var.value().argmax_rows())
    }
}
