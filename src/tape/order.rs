//! Order and labels: sorting, the first few, running extremes, and elements by positions that are computed, as methods of variables and
//! tensors.
//!
//! Each asks for positions, which are numbers without a derivative, and takes the elements there. The ops are written for the last axis:
//! the axis asked for is brought there and put back.

use super::Var;
use super::methods::methods;
use crate::error::{Error, Named, OrPanic, Result};
use crate::num::Element;
use crate::ops::structural::{Positions, PutAlong, TakeAlong, TensorOp};
use crate::tensor::kernels::order::{Order, longest};
use crate::tensor::shape::resolve_axis;
use crate::tensor::{Shape, Tensor};

methods! {
    /// Order and labels. Positions are whole numbers from 0 on, held as numbers: without a derivative, and computed anew in every run of a
    /// program. NaN is larger than every number, and equals stay in the order in which they stand.
    errors "An axis out of range; more elements along it than have positions in this element type (16,777,216 in `f32`)."

    /// The elements along an axis in rising order. The gradient goes to where each was; among equals, to the one that stands first.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Tape, Tensor};
    /// let tape = Tape::new();
    /// let x = tape.var([3.0, 1.0, 2.0]);
    /// let sorted = x.sort(0);
    /// assert_eq!(sorted.value().to_vec(), [1.0, 2.0, 3.0]);
    /// // The median's gradient.
    /// assert_eq!(sorted.at([1]).backward().wrt(x).to_vec(), [0.0, 0.0, 1.0]);
    /// ```
    sort try_sort(x; axis: isize) -> Self {
        let (rows, axis) = x.with_axis_last("sort", axis)?;
        rows.at_positions(rows.positions("sort", Order::Rising)?)?.with_axis_back(axis)
    }

    /// The positions of the elements along an axis in rising order: [`Self::take_along`] with them is [`Self::sort`].
    ///
    /// # Examples
    /// ```
    /// use retrograd::Tensor;
    /// let x = Tensor::from([[3.0, 1.0, 2.0], [4.0, 4.0, 0.0]]);
    /// assert_eq!(x.argsort(1), Tensor::from([[1.0, 2.0, 0.0], [2.0, 0.0, 1.0]]));
    /// ```
    argsort try_argsort(x; axis: isize) -> Self {
        let (rows, axis) = x.with_axis_last("argsort", axis)?;
        rows.positions("argsort", Order::Rising)?.with_axis_back(axis)
    }

    /// The `k` largest elements along an axis, in falling order, and their positions.
    ///
    /// # Examples
    /// ```
    /// use retrograd::Tensor;
    /// let (values, positions) = Tensor::from([[3.0, 1.0, 2.0], [4.0, 4.0, 0.0]]).topk(2, 1);
    /// assert_eq!(values, Tensor::from([[3.0, 2.0], [4.0, 4.0]]));
    /// assert_eq!(positions, Tensor::from([[0.0, 2.0], [0.0, 1.0]]));
    /// ```
    topk try_topk(x; k: usize, axis: isize) -> (Self, Self),
        errors "More elements asked for than the axis has."
    {
        let (rows, axis) = x.with_axis_last("topk", axis)?;
        let last = rows.rank() - 1;
        let n = rows.shape()[last];
        if k > n {
            return Err(Error::argument(format!("topk: {k} elements asked for along an axis of {n} of shape {}", x.shape())));
        }
        let positions = rows.positions("topk", Order::Falling)?.part(last, 0, k)?;
        let taken = rows.at_positions(positions)?;
        Ok((taken.with_axis_back(axis)?, positions.with_axis_back(axis)?))
    }

    /// The elements along an axis at these positions: a tensor of whole numbers, which may differ from this one's shape along that axis
    /// only. NumPy's `take_along_axis`, PyTorch's `gather`.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Tape, Tensor};
    /// let tape = Tape::new();
    /// let x = tape.var([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    /// let taken = x.take_along(tape.data([[2.0, 0.0], [1.0, 1.0]]), 1);
    /// assert_eq!(taken.value(), Tensor::from([[3.0, 1.0], [5.0, 5.0]]));
    /// assert_eq!(taken.sum(()).backward().wrt(x), Tensor::from([[1.0, 0.0, 1.0], [0.0, 2.0, 0.0]]));
    /// ```
    take_along try_take_along(x, &positions; axis: isize) -> Self,
        errors "Positions of another shape; one that is no whole number or out of range, which is named with its row and place."
    {
        let (rows, at) = x.with_axis_last("take_along", axis)?;
        let (positions, _) = positions.with_axis_last("take_along", axis)?;
        rows.at_positions(positions)?.with_axis_back(at)
    }

    /// Zeros of `length` along an axis, with these elements added at these positions, a tensor of as many whole numbers: the transpose of
    /// [`Self::take_along`], and PyTorch's `scatter_add` into zeros.
    ///
    /// # Examples
    /// ```
    /// use retrograd::Tensor;
    /// let x = Tensor::from([[3.0, 1.0], [5.0, 7.0]]);
    /// let positions = Tensor::from([[2.0, 0.0], [1.0, 1.0]]);
    /// assert_eq!(x.put_along(positions, 1, 3), Tensor::from([[1.0, 0.0, 3.0], [0.0, 12.0, 0.0]]));
    /// ```
    put_along try_put_along(x, &positions; axis: isize, length: usize) -> Self,
        errors "Positions of another shape; one that is no whole number or out of range, which is named with its row and place."
    {
        let (rows, at) = x.with_axis_last("put_along", axis)?;
        let (positions, _) = positions.with_axis_last("put_along", axis)?;
        exact::<T>("put_along", length)?;
        Var::record_tensor_op(TensorOp::PutAlong(PutAlong { n: length }), &[rows, positions])?.with_axis_back(at)
    }

    /// The element with this label along an axis, for every place in the other axes, row-major, as [`Self::argmax`] gives them: the axis
    /// goes. Of a matrix and its last axis it is [`Self::pick`].
    ///
    /// # Examples
    /// ```
    /// use retrograd::Tensor;
    /// let x = Tensor::from([[1.0, 7.0, 3.0], [4.0, 5.0, 6.0]]);
    /// assert_eq!(x.pick_along(1, &[2, 0]), Tensor::from([3.0, 4.0]));
    /// assert_eq!(x.pick_along(0, &x.argmax(0)), x.max(0));
    /// ```
    pick_along try_pick_along(x; axis: isize, labels: &[usize]) -> Self,
        errors "Another number of labels than places; one out of range."
    {
        let shape = x.shape();
        let at = resolve_axis("pick_along", axis, &shape)?;
        let (n, others) = (shape[at], shape.reduced(crate::tensor::shape::AxisMask(1 << at), false));
        exact::<T>("pick_along", n)?;
        if others.numel() != labels.len() {
            return Err(Error::shape(format!(
                "pick_along: {} labels for the {} places that shape {shape} has beside axis {at}", labels.len(), others.numel()
            )));
        }
        if let Some((place, label)) = labels.iter().enumerate().find(|&(_, &label)| label >= n) {
            return Err(Error::argument(format!(
                "pick_along: label {label} at place {place} is out of range for axis {at} of shape {shape}"
            )));
        }
        let (rows, _) = x.with_axis_last("pick_along", axis)?;
        let column: Shape = rows.shape().reduced(crate::tensor::shape::AxisMask(1 << (shape.rank() - 1)), true);
        let labels = Tensor::new(column, labels.iter().map(|&label| T::from_f64(label as f64)).collect())?;
        rows.at_positions(x.home().data(labels))?.to_shape(others)
    }

    /// The largest element up to each place along an axis; NaN from the first NaN on. The gradient goes to the first of equals.
    ///
    /// # Examples
    /// ```
    /// use retrograd::Tensor;
    /// assert_eq!(Tensor::from([1.0, 3.0, 2.0, 4.0]).cummax(0).to_vec(), [1.0, 3.0, 3.0, 4.0]);
    /// ```
    cummax try_cummax(x; axis: isize) -> Self {
        let (rows, axis) = x.with_axis_last("cummax", axis)?;
        rows.at_positions(rows.positions("cummax", Order::LargestSoFar)?)?.with_axis_back(axis)
    }

    /// The smallest element up to each place along an axis; NaN from the first NaN on. The gradient goes to the first of equals.
    cummin try_cummin(x; axis: isize) -> Self {
        let (rows, axis) = x.with_axis_last("cummin", axis)?;
        rows.at_positions(rows.positions("cummin", Order::SmallestSoFar)?)?.with_axis_back(axis)
    }
}

/// Whether this many elements have positions that are exact in the element type.
pub(super) fn exact<T: Element>(op: &str, n: usize) -> Result<()> {
    let most = longest::<T>();
    if n <= most {
        return Ok(());
    }
    Err(Error::argument(format!(
        "{op}: {n} elements along the axis; their positions are exact up to {most} in {}",
        T::NAME
    )))
}

impl<'t, T: Element> Var<'t, T> {
    /// The variable with this axis at the end and the others in order, and which it was; the way back is [`Var::with_axis_back`].
    #[inline(never)]
    #[track_caller]
    fn with_axis_last(self, op: &str, axis: isize) -> Result<(Self, usize)> {
        let shape = self.shape();
        let axis = resolve_axis(op, axis, &shape)?;
        if axis + 1 == shape.rank() {
            return Ok((self, axis));
        }
        let order: Vec<usize> = (0..shape.rank()).filter(|&k| k != axis).chain([axis]).collect();
        Ok((self.try_permute(&order).named(op)?, axis))
    }

    #[inline(never)]
    #[track_caller]
    fn with_axis_back(self, axis: usize) -> Result<Self> {
        let last = self.rank() - 1;
        if axis == last {
            return Ok(self);
        }
        self.try_permute(&(0..axis).chain([last]).chain(axis..last).collect::<Vec<_>>())
    }

    #[inline(never)]
    #[track_caller]
    pub(super) fn positions(self, op: &str, order: Order) -> Result<Self> {
        exact::<T>(op, self.shape()[self.rank() - 1])?;
        Var::record_tensor_op(TensorOp::Positions(Positions(order)), &[self])
    }

    #[track_caller]
    pub(super) fn at_positions(self, positions: Self) -> Result<Self> {
        Var::record_tensor_op(TensorOp::TakeAlong(TakeAlong), &[self, positions])
    }
}
