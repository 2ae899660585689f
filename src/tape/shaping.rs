//! Shapes, parts and indices: what moves elements, as methods of variables and tensors.

use super::Var;
use super::methods::{methods, methods_of_parts};
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

methods! {
    /// Shapes, parts and indices.
    errors "Shapes, axes or indices that do not fit."

    /// The same elements in another shape.
    reshape try_reshape(x; shape: impl IntoShape) -> Self { x.to_shape(shape.into_shape().named("reshape")?) }

    /// Stretches axes of length 1, and adds leading ones.
    broadcast_to try_broadcast_to(x; shape: impl IntoShape) -> Self {
        x.op(TensorOp::BroadcastTo(BroadcastTo { shape: shape.into_shape().named("broadcast_to")? }))
    }

    /// Axes in another order: axis i of the result is axis `axes[i]`.
    #[doc(alias = "transpose")]
    permute try_permute(x; axes: &[usize]) -> Self {
        if !x.is_tensor() && axes.is_empty() {
            return Ok(x);
        }
        x.op(TensorOp::Permute(Permute { axes: axes.iter().map(|&axis| axis.min(255) as u8).collect() }))
    }

    /// Two axes swapped.
    swap_axes try_swap_axes(x; a: isize, b: isize) -> Self {
        let shape = x.shape();
        let (a, b) = (resolve_axis("swap_axes", a, &shape)?, resolve_axis("swap_axes", b, &shape)?);
        let mut axes: Vec<usize> = (0..shape.rank()).collect();
        axes.swap(a, b);
        x.try_permute(&axes)
    }

    /// As [`Self::t`], spelt out.
    transpose try_transpose(x) -> Self { x.try_t() }

    /// The transpose: the last two axes swapped. For other orders: [`Self::permute`], [`Self::swap_axes`].
    t try_t(x) -> Self {
        if x.rank() < 2 {
            return Err(Error::shape(format!("t: needs at least two axes, got shape {}", x.shape())));
        }
        x.try_swap_axes(-2, -1)
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
    slice try_slice(x; spans: impl Spans) -> Self {
        let shape = x.shape();
        let (spec, kept) = slice_spec(&spans.spans(), &shape)?;
        let part = if x.is_tensor() { x.op(TensorOp::Slice(Slice { spec: Arc::new(spec) }))? } else { x };
        part.to_shape(kept)
    }

    /// The entries of an axis with these numbers, in this order; numbers may repeat.
    gather try_gather(x; axis: isize, indices: &[usize]) -> Self {
        let axis = resolve_axis("gather", axis, &x.shape())?;
        let indices = x.indices(indices);
        x.op(TensorOp::Take(Take { axis, indices }))
    }

    /// From each row of a matrix, the element in the column with its number.
    pick try_pick(x; columns: &[usize]) -> Self {
        let shape = x.shape();
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
        x.try_reshape([rows * n])?.try_gather(0, &flat)
    }

    /// Zeros of `length` along an axis, with these entries added at these numbers.
    scatter_add try_scatter_add(x; axis: isize, indices: &[usize], length: usize) -> Self {
        let axis = resolve_axis("scatter_add", axis, &x.shape())?;
        let indices = x.indices(indices);
        x.op(TensorOp::ScatterAdd(ScatterAdd { axis, n: length, indices }))
    }

    /// Zeros around the elements: so many before and after, axis by axis.
    pad try_pad(x; widths: &[(usize, usize)]) -> Self {
        let shape = x.shape();
        if widths.len() != shape.rank() {
            return Err(Error::shape(format!(
                "pad: {} pairs of widths for the {} axes of shape {shape}",
                widths.len(),
                shape.rank()
            )));
        }
        if !x.is_tensor() {
            return Ok(x);
        }
        // No wrap: a length that large is refused, and then no stride times a width that is part of a length wraps either.
        let padded =
            shape.iter().zip(widths).map(|(n, (before, after))| before.saturating_add(*n).saturating_add(*after));
        let from = Shape::of("pad", &padded.collect::<SmallVec<[usize; 4]>>())?;
        let strides = from.strides();
        let start = widths.iter().zip(&strides).map(|((before, _), stride)| before * stride).sum();
        let view = View { start, strides: strides.iter().map(|&s| s as isize).collect() };
        x.op(TensorOp::Embed(Embed { spec: Arc::new(SliceSpec { from, to: shape, view }) }))
    }

    /// The elements of an axis, or several, in reverse order.
    flip try_flip(x; axes: impl Into<Axes>) -> Self {
        let shape = x.shape();
        let mask = axes.into().of_no_reduction("flip")?.mask("flip", &shape)?;
        if !x.is_tensor() {
            return Ok(x);
        }
        let span = |axis| if mask.contains(axis) { Span::from(..).step(-1) } else { Span::from(..) };
        let spans: Vec<Span> = (0..shape.rank()).map(span).collect();
        x.try_slice(&spans[..])
    }

    /// The elements moved along an axis by `shift` places; what leaves at the end comes back at the start.
    roll try_roll(x; shift: isize, axis: isize) -> Self {
        let shape = x.shape();
        let axis = resolve_axis("roll", axis, &shape)?;
        let n = shape[axis];
        // n - shift, but for whole turns; `-shift` would wrap for the least number.
        let cut = if n == 0 { 0 } else { (n - shift.rem_euclid(n as isize) as usize) % n };
        Var::try_concat(&[x.part(axis, cut, n)?, x.part(axis, 0, cut)?], axis as isize)
    }

    /// The diagonal of a matrix, or the matrix with this vector as diagonal.
    diag try_diag(x) -> Self {
        let shape = x.shape();
        match *shape.dims() {
            [rows, columns] => {
                let places: Vec<usize> = (0..rows.min(columns)).map(|i| i * columns + i).collect();
                x.try_reshape([rows * columns])?.try_gather(0, &places)
            }
            [n] => {
                let square = Shape::of("diag", &[n, n])?;
                let places: Vec<usize> = (0..n).map(|i| i * n + i).collect();
                x.try_scatter_add(0, &places, square.numel())?.try_reshape(square)
            }
            _ => Err(Error::shape(format!("diag: needs a vector or a matrix, got shape {shape}"))),
        }
    }

    /// The sum of a matrix's diagonal.
    trace try_trace(x) -> Self {
        if x.rank() != 2 {
            return Err(Error::shape(format!("trace: needs a matrix, got shape {}", x.shape())));
        }
        x.try_diag()?.try_sum(())
    }

    /// The elements on and below diagonal `k`, and zeros; 0 is the main diagonal, above it positive.
    tril try_tril(x; k: isize) -> Self { x.triangle("tril", |i, j| j <= i.saturating_add(k)) }

    /// The elements on and above diagonal `k`, and zeros; 0 is the main diagonal, above it positive.
    triu try_triu(x; k: isize) -> Self { x.triangle("triu", |i, j| j >= i.saturating_add(k)) }

    /// Without the axes of length 1 among these; `()` is all of them.
    squeeze try_squeeze(x; axes: impl Into<Axes>) -> Self {
        let (shape, axes) = (x.shape(), axes.into());
        let mask = axes.of_no_reduction("squeeze")?.mask("squeeze", &shape)?;
        x.to_shape(
            shape.iter().enumerate().filter(|&(i, &n)| n != 1 || !mask.contains(i)).map(|(_, &n)| n).collect(),
        )
    }

    /// With an axis of length 1 inserted so that it becomes axis `axis`.
    unsqueeze try_unsqueeze(x; axis: isize) -> Self {
        let shape = x.shape();
        let mut lengths: SmallVec<[usize; 4]> = shape.iter().copied().chain([1]).collect();
        let at = resolve_axis("unsqueeze", axis, &Shape::of("unsqueeze", &lengths)?)?;
        lengths.pop();
        lengths.insert(at, 1);
        x.to_shape(Shape::of("unsqueeze", &lengths)?)
    }

    /// The tensor repeated along each axis.
    tile try_tile(x; repeats: &[usize]) -> Self {
        let shape = x.shape();
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
        x.to_shape(split?)?.try_broadcast_to(stretched?)?.to_shape(merged?)
    }

    /// The entry with these numbers, one for each leading axis: a number where all axes are given.
    #[doc(alias = "index")]
    at try_at<N>(x; index: [usize; N]) -> Self,
        errors "More numbers than axes; a number out of range."
    {
        x.try_slice(index).named("at")
    }
}

methods_of_parts! {
    /// Tensors one after the other along an axis.
    ///
    /// # Examples
    /// ```
    /// use retrograd::Tensor;
    /// let (x, y) = (Tensor::from([[1.0, 2.0]]), Tensor::from([[3.0, 4.0]]));
    /// assert_eq!(Tensor::concat(&[x, y], 1), Tensor::from([[1.0, 2.0, 3.0, 4.0]]));
    /// ```
    concat try_concat(parts, axis),
        errors "No parts; an axis out of range; shapes that differ along other axes."
    {
        let Some(first) = parts.first() else {
            return Err(Error::argument("concat: no parts; give at least one"));
        };
        let axis = resolve_axis("concat", axis, &first.shape())?;
        Var::record_tensor_op(TensorOp::Concat(Concat { axis }), parts)
    }

    /// Tensors or numbers of one shape along a new axis.
    stack try_stack(parts, axis),
        errors "No parts; an axis out of range; shapes that differ."
    {
        let mut tape = None;
        for part in parts {
            tape = super::same_tape("stack", tape, part.tape)?;
        }
        let mut widened = Vec::with_capacity(parts.len());
        // No closure: it would be the caller that messages name.
        for part in parts {
            let Some(tape) = tape else {
                return Err(Error::tape("stack: constants alone; put one on a tape with tape.data"));
            };
            widened.push(part.on(tape).try_unsqueeze(axis).named("stack")?);
        }
        Var::try_concat(&widened, axis).named("stack")
    }
}

impl<T: Element> Var<'_, T> {
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
}
