//! Reductions and maps over axes.
//!
//! Ops on rows are written for the last axis: the axes asked for are brought there, merged, and put back.

use super::Var;
use super::methods::methods;
use crate::error::{Error, OrPanic, Result};
use crate::num::Element;
use crate::ops::structural::{Map, Permute, Reduce, Reshape, Sum, TensorOp};
use crate::tensor::kernels::rows::{RowMap, RowReduction};
use crate::tensor::shape::AxisMask;
use crate::tensor::{Axes, Shape, Tensor, keep};
use smallvec::SmallVec;

methods! {
    /// Reductions over axes (a number, several, or `()` for all of them) and maps along them. An axis that is reduced goes;
    /// [`keep`](crate::keep) has it stay, with length 1: `x - x.mean(keep(1))`.
    errors "An axis out of range or given twice."

    /// The sum over axes.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Tensor, keep};
    /// let x = Tensor::from([[1.0, 2.0], [3.0, 5.0]]);
    /// assert_eq!(x.sum(()).item(), 11.0);
    /// assert_eq!(x.sum(1), Tensor::from([3.0, 8.0]));
    /// assert_eq!(x.sum(keep(1)), Tensor::from([[3.0], [8.0]]));
    /// ```
    sum try_sum(x; axes: impl Into<Axes>) -> Self { x.reduce_sum("sum", axes.into()) }

    /// The mean over axes.
    mean try_mean(x; axes: impl Into<Axes>) -> Self,
        errors "No elements along the axes."
    {
        let axes = axes.into();
        let n = x.count("mean", &axes, 1)?;
        Ok(x.reduce_sum("mean", axes)? * T::from_f64(1.0 / n))
    }

    /// The product over axes, as a tree of products, so that zeros among the factors have the right gradients.
    prod try_prod(x; axes: impl Into<Axes>) -> Self {
        let rows = x.to_rows("prod", axes.into())?;
        rows.restore(rows.var.product_of_rows()?)
    }

    /// The largest element over axes; NaN if any is. The gradient is split evenly among equals.
    max try_max(x; axes: impl Into<Axes>) -> Self,
        errors "No elements along the axes."
    { x.reduce_rows("max", RowReduction::Max, axes.into()) }

    /// The smallest element over axes; NaN if any is. The gradient is split evenly among equals.
    min try_min(x; axes: impl Into<Axes>) -> Self,
        errors "No elements along the axes."
    { x.reduce_rows("min", RowReduction::Min, axes.into()) }

    /// The variance over axes: the sum of squared deviations from the mean, divided by n - `ddof`.
    var try_var(x; axes: impl Into<Axes>, ddof: usize) -> Self,
        errors "No more than `ddof` elements along the axes."
    {
        let (deviation, axes, divisor) = x.deviation("var", axes.into(), ddof)?;
        Ok(deviation.square().reduce_sum("var", axes)? * T::from_f64(1.0 / divisor))
    }

    /// The standard deviation over axes, with divisor n - `ddof`. Where it is 0, the derivative is 0, and the second one NaN: for its
    /// square take `var`, which has derivatives of every order.
    std try_std(x; axes: impl Into<Axes>, ddof: usize) -> Self,
        errors "No more than `ddof` elements along the axes."
    {
        let (deviation, axes, divisor) = x.deviation("std", axes.into(), ddof)?;
        Ok(deviation.reduce_rows("std", RowReduction::Norm2, axes)? * T::from_f64(1.0 / divisor.sqrt()))
    }

    /// The sum of absolute values over axes. The derivative at 0 is 0.
    norm1 try_norm1(x; axes: impl Into<Axes>) -> Self { x.abs().reduce_sum("norm1", axes.into()) }

    /// sqrt(sum x^2) over axes, without overflow in between. Where it is 0, the derivative is 0, and the second one NaN: for the
    /// squared length take `dot(x, x)` or `square().sum(..)`, which have derivatives of every order.
    norm2 try_norm2(x; axes: impl Into<Axes>) -> Self { x.reduce_rows("norm2", RowReduction::Norm2, axes.into()) }

    /// The largest absolute value over axes. The derivative at 0 is 0.
    norm_inf try_norm_inf(x; axes: impl Into<Axes>) -> Self,
        errors "No elements along the axes."
    { x.abs().reduce_rows("norm_inf", RowReduction::Max, axes.into()) }

    /// ln sum e^x over axes, stable. Over nothing but -inf the value is -inf and the derivative 0.
    logsumexp try_logsumexp(x; axes: impl Into<Axes>) -> Self {
        x.reduce_rows("logsumexp", RowReduction::LogSumExp, axes.into())
    }

    /// e^x / sum e^x over axes, stable; the shape stays.
    softmax try_softmax(x; axes: impl Into<Axes>) -> Self { x.map_rows("softmax", RowMap::Softmax, axes.into()) }

    /// x - logsumexp(x) over axes, stable; the shape stays.
    log_softmax try_log_softmax(x; axes: impl Into<Axes>) -> Self {
        x.map_rows("log_softmax", RowMap::LogSoftmax, axes.into())
    }

    /// Running sums along an axis; along several, in row-major order.
    cumsum try_cumsum(x; axes: impl Into<Axes>) -> Self { x.map_rows("cumsum", RowMap::Cumsum, axes.into()) }

    /// Running products along an axis; along several, in row-major order.
    cumprod try_cumprod(x; axes: impl Into<Axes>) -> Self {
        x.scanned("cumprod", axes.into(), &mut |later, sooner| later.try_mul(sooner))
    }

    /// ln of the running sums of e^x along an axis, stable; along several, in row-major order. The last of them is [`Self::logsumexp`].
    ///
    /// # Examples
    /// ```
    /// use retrograd::Tensor;
    /// let x: Tensor<f64> = Tensor::from([1000.0, 1000.0, f64::NEG_INFINITY]);
    /// let two = 1000.0 + 2f64.ln();
    /// assert_eq!(x.cumlogsumexp(0).to_vec(), [1000.0, two, two]);
    /// ```
    cumlogsumexp try_cumlogsumexp(x; axes: impl Into<Axes>) -> Self {
        x.scanned("cumlogsumexp", axes.into(), &mut |later, sooner| later.try_logaddexp(sooner))
    }

    /// The position of the largest element along an axis, for every place in the other axes, row-major; the first of equals.
    /// Plain numbers, so no derivative.
    argmax try_argmax(x; axis: isize) -> Vec<usize>,
        errors "No elements along the axis."
    { x.detach().extreme_positions("argmax", axis) }

    /// The position of the smallest element along an axis, for every place in the other axes, row-major; the first of equals.
    /// Plain numbers, so no derivative.
    argmin try_argmin(x; axis: isize) -> Vec<usize>,
        errors "No elements along the axis."
    { (-x.detach()).extreme_positions("argmin", axis) }
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
    /// Whether a reduction keeps the axes, with length 1.
    keep: bool,
}

impl<'t, T: Element> Rows<'t, T> {
    /// A result with one number for each row, in the shape of the reduction.
    #[inline(never)]
    #[track_caller]
    fn restore(&self, reduced: Var<'t, T>) -> Result<Var<'t, T>> {
        reduced.to_shape(self.shape.reduced(self.mask, self.keep))
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
        let (mask, keep) = (axes.mask(op, &shape)?, axes.keeps());
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
        Ok(Rows { var, length, shape, mask, kept, order, keep })
    }

    #[inline(never)]
    #[track_caller]
    pub(crate) fn reduce_rows(self, op: &str, kind: RowReduction, axes: Axes) -> Result<Self> {
        let rows = self.to_rows(op, axes)?;
        if rows.length == 0 && matches!(kind, RowReduction::Max | RowReduction::Min) {
            return Err(Error::shape(format!("{op}: no elements along the axes of shape {}", rows.shape)));
        }
        rows.restore(Var::record_tensor_op(TensorOp::Reduce(Reduce(kind)), &[rows.var])?)
    }

    #[inline(never)]
    #[track_caller]
    pub(crate) fn map_rows(self, op: &str, kind: RowMap, axes: Axes) -> Result<Self> {
        let rows = self.to_rows(op, axes.of_no_reduction(op)?)?;
        rows.restore_map(Var::record_tensor_op(TensorOp::Map(Map(kind)), &[rows.var])?)
    }

    #[inline(never)]
    #[track_caller]
    pub(crate) fn reduce_sum(self, op: &str, axes: Axes) -> Result<Self> {
        let (keep, axes) = (axes.keeps(), axes.mask(op, &self.shape())?);
        if !self.is_tensor() {
            return Ok(self);
        }
        Var::record_tensor_op(TensorOp::Sum(Sum { axes, keep }), &[self])
    }

    /// The number of elements along the axes, of which an op needs at least so many.
    #[inline(never)]
    pub(crate) fn count(self, op: &str, axes: &Axes, at_least: usize) -> Result<f64> {
        let shape = self.shape();
        let mask = axes.mask(op, &shape)?;
        let n: usize = (0..shape.rank()).filter(|&axis| mask.contains(axis)).map(|axis| shape[axis]).product();
        match at_least {
            _ if n >= at_least => Ok(n as f64),
            1 => Err(Error::shape(format!("{op}: no elements along the axes of shape {shape}"))),
            more => Err(Error::shape(format!(
                "{op}: {n} elements along the axes of shape {shape}, needs more than ddof = {}",
                more - 1
            ))),
        }
    }

    /// The deviation from the mean, the axes, and n - `ddof`.
    #[inline(never)]
    #[track_caller]
    pub(crate) fn deviation(self, op: &str, axes: Axes, ddof: usize) -> Result<(Self, Axes, f64)> {
        let n = self.count(op, &axes, ddof.saturating_add(1))?;
        let mean = self.reduce_sum(op, keep(axes.clone()))? * T::from_f64(1.0 / n);
        Ok((self.try_sub(mean)?, axes, n - ddof as f64))
    }

    #[inline(never)]
    #[track_caller]
    pub(crate) fn scanned(
        self,
        op: &str,
        axes: Axes,
        combine: &mut dyn FnMut(Self, Self) -> Result<Self>,
    ) -> Result<Self> {
        let rows = self.to_rows(op, axes.of_no_reduction(op)?)?;
        // Over windows that double: log n ops, and of products exact gradients where factors are zero.
        let (mut product, n) = (rows.var, rows.length);
        let last = rows.kept.rank();
        let mut width = 1;
        while width < n {
            let head = product.part(last, 0, width)?;
            let tail = combine(product.part(last, width, n)?, product.part(last, 0, n - width)?)?;
            product = Var::try_concat(&[head, tail], -1)?;
            width *= 2;
        }
        rows.restore_map(product)
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
            return Ok(self.home().data(Tensor::ones(shape)));
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

    #[track_caller]
    fn extreme_positions(self, op: &str, axis: isize) -> Result<Vec<usize>> {
        let rows = self.to_rows(op, axis.into())?;
        if rows.length == 0 {
            return Err(Error::shape(format!("{op}: no elements along axis {axis} of shape {}", rows.shape)));
        }
        Ok(rows.var.value().argmax_rows())
    }
}
