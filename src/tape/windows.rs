//! Convolutions and pooling, as methods of variables and tensors.
//!
//! Layouts are PyTorch's: batch and channels in front, kernels [outputs, channels of a group, axes]. A convolution is an op of its own;
//! pooling takes windows as views, or the positions of their largest elements.

use super::Var;
use super::methods::methods;
use crate::error::{Error, OrPanic, Result};
use crate::num::Element;
use crate::ops::structural::{self, Slice, Slot, TensorOp};
use crate::tensor::kernels::layout::View;
use crate::tensor::kernels::order::Order;
use crate::tensor::span::SliceSpec;
use crate::tensor::windows::{Along, PerAxis, Windows};
use crate::tensor::{Axes, Shape, Tensor};
use smallvec::SmallVec;
use std::sync::Arc;

/// How kernels slide over an input: strides of 1, no padding, no gaps and one group, unless it says otherwise.
///
/// # Examples
/// ```
/// use retrograd::{Conv, Tensor};
/// let image: Tensor<f64> = Tensor::ones([1, 1, 4, 4]);
/// let kernel = Tensor::ones([1, 1, 3, 3]);
/// let found = image.conv2d(&kernel, Conv::new().stride(2).padding(1));
/// assert_eq!(found, Tensor::from([[[[4.0, 6.0], [6.0, 9.0]]]]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv {
    stride: PerAxis,
    padding: PerAxis,
    dilation: PerAxis,
    groups: usize,
}

impl Default for Conv {
    fn default() -> Self {
        Self { stride: 1.into(), padding: 0.into(), dilation: 1.into(), groups: 1 }
    }
}

impl Conv {
    /// Strides of 1, no padding, no gaps, one group.
    pub fn new() -> Self {
        Self::default()
    }
    /// How far it is from a window to the next, of all axes or of each.
    pub fn stride(self, stride: impl Into<PerAxis>) -> Self {
        Self { stride: stride.into(), ..self }
    }
    /// Zeros before and behind each axis.
    pub fn padding(self, padding: impl Into<PerAxis>) -> Self {
        Self { padding: padding.into(), ..self }
    }
    /// How far it is from an element of a window to the next.
    pub fn dilation(self, dilation: impl Into<PerAxis>) -> Self {
        Self { dilation: dilation.into(), ..self }
    }
    /// How many parts channels are in: the outputs of each part read its channels alone.
    pub fn groups(self, groups: usize) -> Self {
        Self { groups, ..self }
    }
}

/// Windows that are pooled: as many elements along each axis, side by side and without padding, unless it says otherwise.
///
/// # Examples
/// ```
/// use retrograd::{Pooling, Tensor};
/// let x = Tensor::from([[[1.0, 5.0, 2.0, 3.0]]]);
/// assert_eq!(x.max_pool1d(Pooling::of(2)).to_vec(), [5.0, 3.0]);
/// assert_eq!(x.max_pool1d(Pooling::of(2).stride(1)).to_vec(), [5.0, 5.0, 3.0]);
/// assert_eq!(x.avg_pool1d(Pooling::of(2).padding(1)).to_vec(), [0.5, 3.5, 1.5]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pooling {
    size: PerAxis,
    stride: PerAxis,
    padding: PerAxis,
}

impl Pooling {
    /// Windows of so many elements along each axis, of one number for all axes or one for each.
    pub fn of(size: impl Into<PerAxis>) -> Self {
        let size = size.into();
        Self { size, stride: size, padding: 0.into() }
    }
    /// How far it is from a window to the next; without it, a window's length.
    pub fn stride(self, stride: impl Into<PerAxis>) -> Self {
        Self { stride: stride.into(), ..self }
    }
    /// Places before and behind each axis, fewer than a window has: zeros to a mean, which counts them, and nothing to a maximum.
    pub fn padding(self, padding: impl Into<PerAxis>) -> Self {
        Self { padding: padding.into(), ..self }
    }
}

methods! {
    /// Windows: convolutions and pooling. The axes in front of those that windows slide over are [batch, channels].
    errors "Another number of axes; a size, stride, dilation or number of groups of 0; a window longer than the axis with its padding."

    /// The convolution of signals [batch, channels, length] with kernels [outputs, channels / groups, size]: the sum over channels and
    /// places of a window, x[n, c, i s + k d - p] w[o, c, k], as [batch, outputs, windows]. The kernel is not mirrored: in signal
    /// processing, a cross-correlation. Padding is zeros, which the kernel multiplies.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Conv, Tape, Tensor};
    /// let tape = Tape::new();
    /// let x = tape.var([[[1.0, 2.0, 4.0, 7.0]]]);
    /// let differences = x.conv1d(tape.data([[[-1.0, 1.0]]]), Conv::new());
    /// assert_eq!(differences.value(), Tensor::from([[[1.0, 2.0, 3.0]]]));
    /// assert_eq!(differences.sum(()).backward().wrt(x), Tensor::from([[[-1.0, 0.0, 0.0, 1.0]]]));
    /// ```
    conv1d try_conv1d(x, &kernels; how: Conv) -> Self,
        errors "Channels that do not fit the kernels, or are not as many in each group."
    { x.convolved("conv1d", kernels, how, 1) }

    /// The convolution of images [batch, channels, height, width] with kernels [outputs, channels / groups, height, width]: as
    /// [`Self::conv1d`], along two axes.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Conv, Tensor};
    /// let image: Tensor<f64> = Tensor::from([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]]]);
    /// let kernel = Tensor::from([[[[1.0, 0.0], [0.0, -1.0]]]]);
    /// assert_eq!(image.conv2d(kernel, Conv::new()), Tensor::from([[[[-4.0, -4.0], [-4.0, -4.0]]]]));
    /// ```
    conv2d try_conv2d(x, &kernels; how: Conv) -> Self,
        errors "Channels that do not fit the kernels, or are not as many in each group."
    { x.convolved("conv2d", kernels, how, 2) }

    /// The largest element of each window over the last axis. The gradient goes to the first of equals; padding is never the largest.
    max_pool1d try_max_pool1d(x; windows: Pooling) -> Self,
        errors "Padding of a whole window; an axis without elements."
    { x.largest_of("max_pool1d", windows, 1) }

    /// The largest element of each window over the last two axes. The gradient goes to the first of equals, row by row; padding is never
    /// the largest.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Pooling, Tape, Tensor};
    /// let tape = Tape::new();
    /// let x = tape.var([[[[1.0, 2.0], [4.0, 3.0]]]]);
    /// let y = x.max_pool2d(Pooling::of(2));
    /// assert_eq!(y.value().to_vec(), [4.0]);
    /// assert_eq!(y.sum(()).backward().wrt(x).to_vec(), [0.0, 0.0, 1.0, 0.0]);
    /// ```
    max_pool2d try_max_pool2d(x; windows: Pooling) -> Self,
        errors "Padding of a whole window; an axis without elements."
    { x.largest_of("max_pool2d", windows, 2) }

    /// The mean of each window over the last axis; padding counts as zeros.
    avg_pool1d try_avg_pool1d(x; windows: Pooling) -> Self,
        errors "Padding of a whole window."
    { x.mean_of("avg_pool1d", windows, 1) }

    /// The mean of each window over the last two axes; padding counts as zeros.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Pooling, Tensor};
    /// let x = Tensor::from([[[[1.0, 2.0, 0.0, 4.0], [3.0, 6.0, 4.0, 4.0]]]]);
    /// assert_eq!(x.avg_pool2d(Pooling::of(2)), Tensor::from([[[[3.0, 3.0]]]]));
    /// assert_eq!(x.avg_pool2d(Pooling::of([1, 2])), Tensor::from([[[[1.5, 2.0], [4.5, 4.0]]]]));
    /// ```
    avg_pool2d try_avg_pool2d(x; windows: Pooling) -> Self,
        errors "Padding of a whole window."
    { x.mean_of("avg_pool2d", windows, 2) }
}

impl<'t, T: Element> Var<'t, T> {
    #[inline(never)]
    #[track_caller]
    fn convolved(self, op: &str, kernels: Self, how: Conv, rank: usize) -> Result<Self> {
        let (x, w) = (self.shape(), kernels.shape());
        let groups = how.groups;
        if x.rank() != rank + 2 || w.rank() != rank + 2 {
            let axes = if rank == 1 { "length" } else { "height, width" };
            return Err(Error::shape(format!(
                "{op}: needs an input [batch, channels, {axes}] and kernels [outputs, channels, {axes}], got shapes {x} and {w}"
            )));
        }
        if groups == 0 || !x[1].is_multiple_of(groups) || !w[0].is_multiple_of(groups) {
            return Err(Error::argument(format!(
                "{op}: {} channels and {} outputs are not as many in each of {groups} groups",
                x[1], w[0]
            )));
        }
        if x[1] / groups != w[1] {
            return Err(Error::shape(format!(
                "{op}: input {x} has {} channels for each of {groups} groups, kernels {w} have {}",
                x[1] / groups,
                w[1]
            )));
        }
        let along = |axis: usize| {
            let numbers = [
                how.stride.at(op, "the stride", axis, rank)?,
                how.dilation.at(op, "the dilation", axis, rank)?,
                how.padding.at(op, "the padding", axis, rank)?,
            ];
            Along::new(op, axis + 2, x[axis + 2], w[axis + 2], numbers)
        };
        let windows = Arc::new(Windows((0..rank).map(along).collect::<Result<_>>()?));
        let conv = structural::Conv { gives: Slot::Output, windows, groups, gates: [false; 2] };
        Var::record_tensor_op(TensorOp::Conv(conv), &[self, kernels])
    }

    /// The windows over the last axes.
    fn pooled(self, op: &str, pool: Pooling, rank: usize) -> Result<Windows> {
        let shape = self.shape();
        if shape.rank() < rank {
            return Err(Error::shape(format!("{op}: needs at least {rank} axes to slide along, got shape {shape}")));
        }
        let along = |k: usize| {
            let axis = shape.rank() - rank + k;
            let [size, stride, padding] =
                [(pool.size, "the size"), (pool.stride, "the stride"), (pool.padding, "the padding")]
                    .map(|(numbers, what)| numbers.at(op, what, k, rank));
            let (size, padding) = (size?, padding?);
            if padding >= size && size > 0 {
                return Err(Error::argument(format!(
                    "{op}: a padding of {padding} along axis {axis} holds whole windows of {size}"
                )));
            }
            Along::new(op, axis, shape[axis], size, [stride?, 1, padding])
        };
        (0..rank).map(along).collect::<Result<_>>().map(Windows)
    }

    #[inline(never)]
    #[track_caller]
    fn largest_of(self, op: &str, pool: Pooling, rank: usize) -> Result<Self> {
        let windows = self.pooled(op, pool, rank)?;
        let shape = self.shape();
        if windows.plane() == 0 {
            return Err(Error::shape(format!("{op}: windows over an axis without elements of shape {shape}")));
        }
        super::order::exact::<T>(op, windows.plane())?;
        let front = &shape.dims()[..shape.rank() - rank];
        let rows = |n: usize| -> Shape { front.iter().copied().chain([n]).collect() };
        let (out, plane, count) = (windows.shape(op, &shape)?, windows.plane(), windows.count());
        let op = TensorOp::Positions(structural::Positions(Order::LargestInWindows(Arc::new(windows))));
        let positions = Var::record_tensor_op(op, &[self])?.to_shape(rows(count))?;
        self.to_shape(rows(plane))?.at_positions(positions)?.to_shape(out)
    }

    /// Means of windows that are views of the padded axes.
    #[inline(never)]
    #[track_caller]
    fn mean_of(self, op: &str, pool: Pooling, rank: usize) -> Result<Self> {
        let windows = self.pooled(op, pool, rank)?;
        let shape = self.shape();
        let lead = shape.rank() - rank;
        let mut padded = self;
        if windows.0.iter().any(|along| along.padding > 0) {
            let widths: Vec<(usize, usize)> = std::iter::repeat_n((0, 0), lead)
                .chain(windows.0.iter().map(|along| (along.padding, along.padding)))
                .collect();
            padded = self.try_pad(&widths)?;
        }
        let from = padded.shape();
        let strides = from.strides();
        let steps = strides[..lead].iter().copied();
        let steps = steps.chain(windows.0.iter().zip(&strides[lead..]).map(|(along, &stride)| along.stride * stride));
        let steps: SmallVec<[isize; 4]> =
            steps.chain(strides[lead..].iter().copied()).map(|step| step as isize).collect();
        let lengths: SmallVec<[usize; 8]> =
            shape[..lead].iter().copied().chain(windows.counts()).chain(windows.sizes()).collect();
        let spec = SliceSpec { from, to: Shape::of(op, &lengths)?, view: View { start: 0, strides: steps } };
        let views = Var::record_tensor_op(TensorOp::Slice(Slice { spec: Arc::new(spec) }), &[padded])?;
        let axes: Vec<isize> = (lengths.len() - rank..lengths.len()).map(|axis| axis as isize).collect();
        Ok(views.reduce_sum(op, Axes::from(&axes[..]))? * T::from_f64(1.0 / windows.size() as f64))
    }
}
