//! Shapes, parts, indices, products: ops on whole tensors as methods.

use super::Var;
use crate::error::{Error, Named, OrPanic, Result};
use crate::num::Element;
use crate::ops::structural::*;
use crate::tensor::kernels::layout::View;
use crate::tensor::pool::Indices;
use crate::tensor::shape::resolve_axis;
use crate::tensor::span::{SliceSpec, Span, Spans, slice_spec};
use crate::tensor::{Axes, IntoShape, Shape, Tensor};
use smallvec::SmallVec;
use std::sync::Arc;

impl<'t, T: Element> Var<'t, T> {
    /// The same elements in another shape.
    ///
    /// # Panics
    /// Where [`Var::try_reshape`] fails.
    #[track_caller]
    pub fn reshape(self, shape: impl IntoShape) -> Self {
        self.try_reshape(shape).or_panic()
    }
    /// As [`Var::reshape`].
    ///
    /// # Errors
    /// Shapes, axes or indices that do not fit; operands of two tapes.
    #[track_caller]
    pub fn try_reshape(self, shape: impl IntoShape) -> Result<Self> {
        self.to_shape(shape.into_shape().named("reshape")?)
    }

    /// Stretches axes of length 1, and adds leading ones.
    ///
    /// # Panics
    /// Where [`Var::try_broadcast_to`] fails.
    #[track_caller]
    pub fn broadcast_to(self, shape: impl IntoShape) -> Self {
        self.try_broadcast_to(shape).or_panic()
    }
    /// As [`Var::broadcast_to`].
    ///
    /// # Errors
    /// Shapes, axes or indices that do not fit; operands of two tapes.
    #[track_caller]
    pub fn try_broadcast_to(self, shape: impl IntoShape) -> Result<Self> {
        self.op(TensorOp::BroadcastTo(BroadcastTo { shape: shape.into_shape().named("broadcast_to")? }))
    }

    /// Axes in another order: axis i of the result is axis `axes[i]`.
    ///
    /// # Panics
    /// Where [`Var::try_permute`] fails.
    #[doc(alias = "transpose")]
    #[track_caller]
    pub fn permute(self, axes: &[usize]) -> Self {
        self.try_permute(axes).or_panic()
    }
    /// As [`Var::permute`].
    ///
    /// # Errors
    /// Shapes, axes or indices that do not fit; operands of two tapes.
    #[inline(never)]
    #[track_caller]
    pub fn try_permute(self, axes: &[usize]) -> Result<Self> {
        if !self.is_tensor() && axes.is_empty() {
            return Ok(self);
        }
        self.op(TensorOp::Permute(Permute { axes: axes.iter().map(|&axis| axis.min(255) as u8).collect() }))
    }

    /// Two axes swapped.
    ///
    /// # Panics
    /// Where [`Var::try_swap_axes`] fails.
    #[track_caller]
    pub fn swap_axes(self, a: isize, b: isize) -> Self {
        self.try_swap_axes(a, b).or_panic()
    }
    /// As [`Var::swap_axes`].
    ///
    /// # Errors
    /// Shapes, axes or indices that do not fit; operands of two tapes.
    #[inline(never)]
    #[track_caller]
    pub fn try_swap_axes(self, a: isize, b: isize) -> Result<Self> {
        let shape = self.shape();
        let (a, b) = (resolve_axis("swap_axes", a, &shape)?, resolve_axis("swap_axes", b, &shape)?);
        let mut axes: Vec<usize> = (0..shape.rank()).collect();
        axes.swap(a, b);
        self.try_permute(&axes)
    }

    /// As [`Var::t`], spelt out.
    ///
    /// # Panics
    /// Where [`Var::try_t`] fails.
    #[track_caller]
    pub fn transpose(self) -> Self {
        self.t()
    }

    /// The transpose: the last two axes swapped. For other orders: [`Var::permute`], [`Var::swap_axes`].
    ///
    /// # Panics
    /// Where [`Var::try_t`] fails.
    #[track_caller]
    pub fn t(self) -> Self {
        self.try_t().or_panic()
    }
    /// As [`Var::t`].
    ///
    /// # Errors
    /// Shapes, axes or indices that do not fit; operands of two tapes.
    #[track_caller]
    pub fn try_t(self) -> Result<Self> {
        if self.rank() < 2 {
            return Err(Error::shape(format!("t: needs at least two axes, got shape {}", self.shape())));
        }
        self.try_swap_axes(-2, -1)
    }

    /// A part along each axis: spans made from ranges and numbers (which drop their axis), as a tuple or array; axes without
    /// one stay whole.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Span, Tape};
    /// let tape = Tape::new();
    /// let x = tape.var([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    /// assert_eq!(x.slice((1, 1..)).value().to_vec(), [5.0, 6.0]);
    /// assert_eq!(x.slice((.., Span::from(..).step(-2))).value().to_vec(), [3.0, 1.0, 6.0, 4.0]);
    /// ```
    ///
    /// # Panics
    /// Where [`Var::try_slice`] fails.
    #[track_caller]
    pub fn slice(self, spans: impl Spans) -> Self {
        self.try_slice(spans).or_panic()
    }
    /// As [`Var::slice`].
    ///
    /// # Errors
    /// Shapes, axes or indices that do not fit; operands of two tapes.
    #[track_caller]
    pub fn try_slice(self, spans: impl Spans) -> Result<Self> {
        let shape = self.shape();
        let (spec, kept) = slice_spec(&spans.spans(), &shape)?;
        let part = if self.is_tensor() { self.op(TensorOp::Slice(Slice { spec: Arc::new(spec) }))? } else { self };
        part.to_shape(kept)
    }

    /// The entries of an axis with these numbers, in this order; numbers may repeat.
    ///
    /// # Panics
    /// Where [`Var::try_gather`] fails.
    #[track_caller]
    pub fn gather(self, axis: isize, indices: &[usize]) -> Self {
        self.try_gather(axis, indices).or_panic()
    }
    /// As [`Var::gather`].
    ///
    /// # Errors
    /// Shapes, axes or indices that do not fit; operands of two tapes.
    #[inline(never)]
    #[track_caller]
    pub fn try_gather(self, axis: isize, indices: &[usize]) -> Result<Self> {
        let axis = resolve_axis("gather", axis, &self.shape())?;
        let indices = self.indices(indices);
        self.op(TensorOp::Take(Take { axis, indices }))
    }

    /// From each row of a matrix, the element in the column with its number.
    ///
    /// # Panics
    /// Where [`Var::try_pick`] fails.
    #[track_caller]
    pub fn pick(self, columns: &[usize]) -> Self {
        self.try_pick(columns).or_panic()
    }
    /// As [`Var::pick`].
    ///
    /// # Errors
    /// Shapes, axes or indices that do not fit; operands of two tapes.
    #[inline(never)]
    #[track_caller]
    pub fn try_pick(self, columns: &[usize]) -> Result<Self> {
        let shape = self.shape();
        let &[rows, n] = shape.dims() else {
            return Err(Error::shape(format!("pick: needs a matrix, got shape {shape}")));
        };
        if rows != columns.len() {
            return Err(Error::shape(format!("pick: {rows} rows, {} columns to pick", columns.len())));
        }
        if let Some((row, column)) = columns.iter().enumerate().find(|&(_, &column)| column >= n) {
            return Err(Error::argument(format!("pick: column {column} at row {row} is out of range for {n} columns")));
        }
        let flat: Vec<usize> = columns.iter().enumerate().map(|(row, column)| row * n + column).collect();
        self.try_reshape([rows * n])?.try_gather(0, &flat)
    }

    /// Zeros of `length` along an axis, with this variable's entries added at these numbers.
    ///
    /// # Panics
    /// Where [`Var::try_scatter_add`] fails.
    #[track_caller]
    pub fn scatter_add(self, axis: isize, indices: &[usize], length: usize) -> Self {
        self.try_scatter_add(axis, indices, length).or_panic()
    }
    /// As [`Var::scatter_add`].
    ///
    /// # Errors
    /// Shapes, axes or indices that do not fit; operands of two tapes.
    #[inline(never)]
    #[track_caller]
    pub fn try_scatter_add(self, axis: isize, indices: &[usize], length: usize) -> Result<Self> {
        let axis = resolve_axis("scatter_add", axis, &self.shape())?;
        let indices = self.indices(indices);
        self.op(TensorOp::ScatterAdd(ScatterAdd { axis, n: length, indices }))
    }

    /// Zeros around the elements: so many before and after, axis by axis.
    ///
    /// # Panics
    /// Where [`Var::try_pad`] fails.
    #[track_caller]
    pub fn pad(self, widths: &[(usize, usize)]) -> Self {
        self.try_pad(widths).or_panic()
    }
    /// As [`Var::pad`].
    ///
    /// # Errors
    /// Shapes, axes or indices that do not fit; operands of two tapes.
    #[inline(never)]
    #[track_caller]
    pub fn try_pad(self, widths: &[(usize, usize)]) -> Result<Self> {
        let shape = self.shape();
        if widths.len() != shape.rank() {
            return Err(Error::shape(format!(
                "pad: {} pairs of widths for the {} axes of shape {shape}",
                widths.len(),
                shape.rank()
            )));
        }
        if !self.is_tensor() {
            return Ok(self);
        }
        // No wrap: a length that large is refused, and then no stride times a width that is part of a length wraps either.
        let padded =
            shape.iter().zip(widths).map(|(n, (before, after))| before.saturating_add(*n).saturating_add(*after));
        let from = Shape::of("pad", &padded.collect::<SmallVec<[usize; 4]>>())?;
        let strides = from.strides();
        let start = widths.iter().zip(&strides).map(|((before, _), stride)| before * stride).sum();
        let view = View { start, strides: strides.iter().map(|&s| s as isize).collect() };
        self.op(TensorOp::Embed(Embed { spec: Arc::new(SliceSpec { from, to: shape, view }) }))
    }

    /// The elements of an axis, or several, in reverse order.
    ///
    /// # Panics
    /// Where [`Var::try_flip`] fails.
    #[track_caller]
    pub fn flip(self, axes: impl Into<Axes>) -> Self {
        self.try_flip(axes).or_panic()
    }
    /// As [`Var::flip`].
    ///
    /// # Errors
    /// Shapes, axes or indices that do not fit; operands of two tapes.
    #[track_caller]
    pub fn try_flip(self, axes: impl Into<Axes>) -> Result<Self> {
        let shape = self.shape();
        let mask = axes.into().mask("flip", &shape)?;
        if !self.is_tensor() {
            return Ok(self);
        }
        let span = |axis| if mask.contains(axis) { Span::from(..).step(-1) } else { Span::from(..) };
        let spans: Vec<Span> = (0..shape.rank()).map(span).collect();
        self.try_slice(&spans[..])
    }

    /// The elements moved along an axis by `shift` places; what leaves at the end comes back at the start.
    ///
    /// # Panics
    /// Where [`Var::try_roll`] fails.
    #[track_caller]
    pub fn roll(self, shift: isize, axis: isize) -> Self {
        self.try_roll(shift, axis).or_panic()
    }
    /// As [`Var::roll`].
    ///
    /// # Errors
    /// Shapes, axes or indices that do not fit; operands of two tapes.
    #[inline(never)]
    #[track_caller]
    pub fn try_roll(self, shift: isize, axis: isize) -> Result<Self> {
        let shape = self.shape();
        let axis = resolve_axis("roll", axis, &shape)?;
        let n = shape[axis];
        // n - shift, but for whole turns; `-shift` would wrap for the least number.
        let cut = if n == 0 { 0 } else { (n - shift.rem_euclid(n as isize) as usize) % n };
        Var::try_concat(&[self.part(axis, cut, n)?, self.part(axis, 0, cut)?], axis as isize)
    }

    /// The diagonal of a matrix, or the matrix with this vector as diagonal.
    ///
    /// # Panics
    /// Where [`Var::try_diag`] fails.
    #[track_caller]
    pub fn diag(self) -> Self {
        self.try_diag().or_panic()
    }
    /// As [`Var::diag`].
    ///
    /// # Errors
    /// Shapes, axes or indices that do not fit; operands of two tapes.
    #[inline(never)]
    #[track_caller]
    pub fn try_diag(self) -> Result<Self> {
        let shape = self.shape();
        match *shape.dims() {
            [rows, columns] => {
                let places: Vec<usize> = (0..rows.min(columns)).map(|i| i * columns + i).collect();
                self.try_reshape([rows * columns])?.try_gather(0, &places)
            }
            [n] => {
                let square = Shape::of("diag", &[n, n])?;
                let places: Vec<usize> = (0..n).map(|i| i * n + i).collect();
                self.try_scatter_add(0, &places, square.numel())?.try_reshape(square)
            }
            _ => Err(Error::shape(format!("diag: needs a vector or a matrix, got shape {shape}"))),
        }
    }

    /// The sum of a matrix's diagonal.
    ///
    /// # Panics
    /// Where [`Var::try_trace`] fails.
    #[track_caller]
    pub fn trace(self) -> Self {
        self.try_trace().or_panic()
    }
    /// As [`Var::trace`].
    ///
    /// # Errors
    /// Shapes, axes or indices that do not fit; operands of two tapes.
    #[inline(never)]
    #[track_caller]
    pub fn try_trace(self) -> Result<Self> {
        if self.rank() != 2 {
            return Err(Error::shape(format!("trace: needs a matrix, got shape {}", self.shape())));
        }
        self.try_diag()?.try_sum(())
    }

    /// The elements on and below diagonal `k`, and zeros; 0 is the main diagonal, above it positive.
    ///
    /// # Panics
    /// Where [`Var::try_tril`] fails.
    #[track_caller]
    pub fn tril(self, k: isize) -> Self {
        self.try_tril(k).or_panic()
    }
    /// As [`Var::tril`].
    ///
    /// # Errors
    /// Shapes, axes or indices that do not fit; operands of two tapes.
    #[track_caller]
    pub fn try_tril(self, k: isize) -> Result<Self> {
        self.triangle("tril", |i, j| j <= i.saturating_add(k))
    }

    /// The elements on and above diagonal `k`, and zeros; 0 is the main diagonal, above it positive.
    ///
    /// # Panics
    /// Where [`Var::try_triu`] fails.
    #[track_caller]
    pub fn triu(self, k: isize) -> Self {
        self.try_triu(k).or_panic()
    }
    /// As [`Var::triu`].
    ///
    /// # Errors
    /// Shapes, axes or indices that do not fit; operands of two tapes.
    #[track_caller]
    pub fn try_triu(self, k: isize) -> Result<Self> {
        self.triangle("triu", |i, j| j >= i.saturating_add(k))
    }

    /// Without the axes of length 1 among these; `()` is all of them.
    ///
    /// # Panics
    /// Where [`Var::try_squeeze`] fails.
    #[track_caller]
    pub fn squeeze(self, axes: impl Into<Axes>) -> Self {
        self.try_squeeze(axes).or_panic()
    }
    /// As [`Var::squeeze`].
    ///
    /// # Errors
    /// Shapes, axes or indices that do not fit; operands of two tapes.
    #[track_caller]
    pub fn try_squeeze(self, axes: impl Into<Axes>) -> Result<Self> {
        let (shape, axes) = (self.shape(), axes.into());
        let mask = axes.mask("squeeze", &shape)?;
        self.to_shape(
            shape.iter().enumerate().filter(|&(i, &n)| n != 1 || !mask.contains(i)).map(|(_, &n)| n).collect(),
        )
    }

    /// With an axis of length 1 inserted so that it becomes axis `axis`.
    ///
    /// # Panics
    /// Where [`Var::try_unsqueeze`] fails.
    #[track_caller]
    pub fn unsqueeze(self, axis: isize) -> Self {
        self.try_unsqueeze(axis).or_panic()
    }
    /// As [`Var::unsqueeze`].
    ///
    /// # Errors
    /// Shapes, axes or indices that do not fit; operands of two tapes.
    #[inline(never)]
    #[track_caller]
    pub fn try_unsqueeze(self, axis: isize) -> Result<Self> {
        let shape = self.shape();
        let mut lengths: SmallVec<[usize; 4]> = shape.iter().copied().chain([1]).collect();
        let at = resolve_axis("unsqueeze", axis, &Shape::of("unsqueeze", &lengths)?)?;
        lengths.pop();
        lengths.insert(at, 1);
        self.to_shape(Shape::of("unsqueeze", &lengths)?)
    }

    /// The tensor repeated along each axis.
    ///
    /// # Panics
    /// Where [`Var::try_tile`] fails.
    #[track_caller]
    pub fn tile(self, repeats: &[usize]) -> Self {
        self.try_tile(repeats).or_panic()
    }
    /// As [`Var::tile`].
    ///
    /// # Errors
    /// Shapes, axes or indices that do not fit; operands of two tapes.
    #[inline(never)]
    #[track_caller]
    pub fn try_tile(self, repeats: &[usize]) -> Result<Self> {
        let shape = self.shape();
        let rank = shape.rank().max(repeats.len());
        let padded = |list: &[usize], axis: usize| (axis + list.len()).checked_sub(rank).map_or(1, |i| list[i]);
        let (mut split, mut stretched, mut merged) = (Vec::new(), Vec::new(), Vec::new());
        for axis in 0..rank {
            let (n, times) = (padded(&shape, axis), padded(repeats, axis));
            if times != 1 {
                split.push(1);
                stretched.push(times);
            }
            split.push(n);
            stretched.push(n);
            // No wrap: a length that large is refused.
            merged.push(n.saturating_mul(times));
        }
        let [split, stretched, merged] = [split, stretched, merged].map(|lengths| Shape::of("tile", &lengths));
        self.to_shape(split?)?.try_broadcast_to(stretched?)?.to_shape(merged?)
    }

    /// The matrix product of the last two axes; leading axes broadcast, and a vector is a row on the left or a column on the right.
    ///
    /// # Panics
    /// Where [`Var::try_matmul`] fails.
    #[track_caller]
    pub fn matmul(self, rhs: Self) -> Self {
        self.try_matmul(rhs).or_panic()
    }
    /// As [`Var::matmul`].
    ///
    /// # Errors
    /// Shapes, axes or indices that do not fit; operands of two tapes.
    #[inline(never)]
    #[track_caller]
    pub fn try_matmul(self, rhs: Self) -> Result<Self> {
        self.product(rhs, MatMul { ta: false, tb: false })
    }

    /// The matrix product with this operand transposed, without moving its elements.
    ///
    /// # Panics
    /// Where [`Var::try_matmul_tn`] fails.
    #[track_caller]
    pub fn matmul_tn(self, rhs: Self) -> Self {
        self.try_matmul_tn(rhs).or_panic()
    }
    /// As [`Var::matmul_tn`].
    ///
    /// # Errors
    /// Shapes, axes or indices that do not fit; operands of two tapes.
    #[inline(never)]
    #[track_caller]
    pub fn try_matmul_tn(self, rhs: Self) -> Result<Self> {
        self.product(rhs, MatMul { ta: true, tb: false })
    }

    /// The matrix product with the other operand transposed, without moving its elements.
    ///
    /// # Panics
    /// Where [`Var::try_matmul_nt`] fails.
    #[track_caller]
    pub fn matmul_nt(self, rhs: Self) -> Self {
        self.try_matmul_nt(rhs).or_panic()
    }
    /// As [`Var::matmul_nt`].
    ///
    /// # Errors
    /// Shapes, axes or indices that do not fit; operands of two tapes.
    #[inline(never)]
    #[track_caller]
    pub fn try_matmul_nt(self, rhs: Self) -> Result<Self> {
        self.product(rhs, MatMul { ta: false, tb: true })
    }

    /// The inner product of two vectors.
    ///
    /// # Panics
    /// Where [`Var::try_dot`] fails.
    #[track_caller]
    pub fn dot(self, rhs: Self) -> Self {
        self.try_dot(rhs).or_panic()
    }
    /// As [`Var::dot`].
    ///
    /// # Errors
    /// Shapes, axes or indices that do not fit; operands of two tapes.
    #[inline(never)]
    #[track_caller]
    pub fn try_dot(self, rhs: Self) -> Result<Self> {
        let (a, b) = (self.shape(), rhs.shape());
        if a.rank() != 1 || a != b {
            return Err(Error::shape(format!("dot: needs two vectors of one length, got shapes {a} and {b}")));
        }
        self.product(rhs, MatMul { ta: false, tb: false })
    }

    /// The matrix of all products of two vectors' elements.
    ///
    /// # Panics
    /// Where [`Var::try_outer`] fails.
    #[track_caller]
    pub fn outer(self, rhs: Self) -> Self {
        self.try_outer(rhs).or_panic()
    }
    /// As [`Var::outer`].
    ///
    /// # Errors
    /// Shapes, axes or indices that do not fit; operands of two tapes.
    #[inline(never)]
    #[track_caller]
    pub fn try_outer(self, rhs: Self) -> Result<Self> {
        let (a, b) = (self.shape(), rhs.shape());
        if a.rank() != 1 || b.rank() != 1 {
            return Err(Error::shape(format!("outer: needs two vectors, got shapes {a} and {b}")));
        }
        self.try_reshape([a[0], 1])?.try_mul(rhs.try_reshape([1, b[0]])?)
    }

    /// The determinant of the last two axes.
    ///
    /// # Panics
    /// Where [`Var::try_det`] fails.
    #[track_caller]
    pub fn det(self) -> Self {
        self.try_det().or_panic()
    }
    /// As [`Var::det`].
    ///
    /// # Errors
    /// Shapes, axes or indices that do not fit; operands of two tapes.
    #[inline(never)]
    #[track_caller]
    pub fn try_det(self) -> Result<Self> {
        self.op(TensorOp::Det(Det))
    }

    /// The inverse of the last two axes.
    ///
    /// # Panics
    /// Where [`Var::try_inv`] fails.
    #[track_caller]
    pub fn inv(self) -> Self {
        self.try_inv().or_panic()
    }
    /// As [`Var::inv`].
    ///
    /// # Errors
    /// Shapes, axes or indices that do not fit; operands of two tapes.
    #[inline(never)]
    #[track_caller]
    pub fn try_inv(self) -> Result<Self> {
        self.op(TensorOp::Inv(Inv))
    }

    /// The solution x of A x = b, for this A and a right side: a vector, or a matrix of columns.
    ///
    /// # Panics
    /// Where [`Var::try_solve`] fails.
    #[track_caller]
    pub fn solve(self, rhs: Self) -> Self {
        self.try_solve(rhs).or_panic()
    }
    /// As [`Var::solve`].
    ///
    /// # Errors
    /// Shapes, axes or indices that do not fit; operands of two tapes.
    #[inline(never)]
    #[track_caller]
    pub fn try_solve(self, rhs: Self) -> Result<Self> {
        let shape = rhs.shape();
        if shape.rank() + 1 == self.rank() {
            let column = rhs.try_unsqueeze(-1)?;
            return Var::record_tensor_op(TensorOp::Solve(Solve { transposed: false }), &[self, column])?
                .to_shape(shape);
        }
        Var::record_tensor_op(TensorOp::Solve(Solve { transposed: false }), &[self, rhs])
    }

    /// The entry with these numbers, one for each leading axis: a number where all axes are given.
    ///
    /// # Panics
    /// Where [`Var::try_at`] fails.
    #[doc(alias = "index")]
    #[track_caller]
    pub fn at<const N: usize>(self, index: [usize; N]) -> Self {
        self.try_at(index).or_panic()
    }
    /// As [`Var::at`].
    ///
    /// # Errors
    /// More numbers than axes; a number out of range.
    #[track_caller]
    pub fn try_at<const N: usize>(self, index: [usize; N]) -> Result<Self> {
        self.try_slice(index).named("at")
    }

    /// Tensors one after the other along an axis.
    ///
    /// # Panics
    /// Where [`Var::try_concat`] fails.
    #[track_caller]
    pub fn concat(parts: &[Self], axis: isize) -> Self {
        Self::try_concat(parts, axis).or_panic()
    }
    /// As [`Var::concat`].
    ///
    /// # Errors
    /// No parts; shapes that differ along other axes; parts of two tapes.
    #[inline(never)]
    #[track_caller]
    pub fn try_concat(parts: &[Self], axis: isize) -> Result<Self> {
        let Some(first) = parts.first() else {
            return Err(Error::argument("concat: no parts; give at least one"));
        };
        let axis = resolve_axis("concat", axis, &first.shape())?;
        Var::record_tensor_op(TensorOp::Concat(Concat { axis }), parts)
    }

    /// Tensors or numbers of one shape along a new axis.
    ///
    /// # Panics
    /// Where [`Var::try_stack`] fails.
    #[track_caller]
    pub fn stack(parts: &[Self], axis: isize) -> Self {
        Self::try_stack(parts, axis).or_panic()
    }
    /// As [`Var::stack`].
    ///
    /// # Errors
    /// No parts; shapes that differ; parts of two tapes.
    #[inline(never)]
    #[track_caller]
    pub fn try_stack(parts: &[Self], axis: isize) -> Result<Self> {
        let mut tape = None;
        for part in parts {
            tape = super::same_tape("stack", tape, part.tape)?;
        }
        let widened: Result<Vec<Self>> = parts
            .iter()
            .map(|&part| match tape {
                Some(tape) => part.on(tape).try_unsqueeze(axis),
                None => Err(Error::tape("stack: constants alone; put one on a tape with tape.data")),
            })
            .collect();
        Self::try_concat(&widened.named("stack")?, axis).named("stack")
    }

    /// The elements `start..end` of one axis.
    #[track_caller]
    pub(super) fn part(self, axis: usize, start: usize, end: usize) -> Result<Self> {
        let mut spans = vec![Span::from(..); axis];
        spans.push(Span::from(start as isize..end as isize));
        self.try_slice(&spans[..])
    }

    #[inline(never)]
    #[track_caller]
    fn op(self, op: TensorOp) -> Result<Self> {
        Var::record_tensor_op(op, &[self])
    }

    fn indices(self, indices: &[usize]) -> Indices {
        self.tape.map_or_else(|| Arc::new(indices.to_vec()), |tape| tape.pool.indices(indices))
    }

    #[track_caller]
    fn triangle(self, op: &str, inside: impl Fn(isize, isize) -> bool) -> Result<Self> {
        let shape = self.shape();
        let &[.., rows, columns] = shape.dims() else {
            return Err(Error::shape(format!("{op}: needs matrices, got shape {shape}")));
        };
        if shape.numel() == 0 {
            // A mask for matrices of which there are none may be larger than memory.
            return Ok(self);
        }
        let mask = Tensor::from_fn([rows, columns], |index| {
            T::from_f64(inside(index[0] as isize, index[1] as isize) as u8 as f64)
        });
        self.home().data(mask).try_select(self, Var::constant(T::from_f64(0.0)))
    }

    #[track_caller]
    fn product(self, rhs: Self, op: MatMul) -> Result<Self> {
        let (a, b) = (self.shape(), rhs.shape());
        if a.rank() == 0 || b.rank() == 0 {
            return Err(Error::shape(format!("matmul: needs vectors or matrices, got shapes {a} and {b}")));
        }
        let lhs = if a.rank() == 1 { self.to_shape([1, a[0]].into())? } else { self };
        // A transposed vector operand stays what it is: the row or column that fits.
        let ta = op.ta && a.rank() > 1;
        let column = if op.tb { [1, b[0]] } else { [b[0], 1] };
        let right = if b.rank() == 1 { rhs.to_shape(column.into())? } else { rhs };
        // Stacked rows against one matrix are one tall product.
        if lhs.rank() > 2 && right.rank() == 2 && !ta {
            let (rows, k) = (a[..a.rank() - 1].iter().product(), a[a.rank() - 1]);
            let tall = lhs.to_shape([rows, k].into())?;
            let out = Var::record_tensor_op(TensorOp::MatMul(MatMul { ta, tb: op.tb }), &[tall, right])?;
            let n = out.shape()[1];
            let last = if b.rank() == 1 { None } else { Some(n) };
            return out.to_shape(a[..a.rank() - 1].iter().copied().chain(last).collect());
        }
        let out = Var::record_tensor_op(TensorOp::MatMul(MatMul { ta, tb: op.tb }), &[lhs, right])?;
        if a.rank() > 1 && b.rank() > 1 {
            return Ok(out);
        }
        let mut dims = out.shape().to_vec();
        if b.rank() == 1 {
            dims.pop();
        }
        if a.rank() == 1 {
            dims.remove(dims.len() - if b.rank() == 1 { 1 } else { 2 });
        }
        out.to_shape(dims.into())
    }
}
