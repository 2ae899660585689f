//! Windows that slide over axes: sizes, strides, gaps and padding, and how many windows that gives.
//!
//! What convolutions, pooling and their gradients share. A window's places may lie in the padding; who reads them says what is there.

use super::Shape;
use crate::error::{Error, Result};
use smallvec::SmallVec;

/// One number for each axis that windows slide over, or one for all of them: `2`, or `[2, 1]` for height and width.
///
/// # Examples
/// ```
/// use retrograd::Conv;
/// // Strides of 2 along both axes, and padding along the first alone.
/// let conv = Conv::new().stride(2).padding([1, 0]);
/// assert_eq!(conv, Conv::new().stride([2, 2]).padding([1, 0]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerAxis([usize; 2]);

impl From<usize> for PerAxis {
    fn from(n: usize) -> Self {
        Self([n; 2])
    }
}
impl From<[usize; 2]> for PerAxis {
    fn from(n: [usize; 2]) -> Self {
        Self(n)
    }
}

impl PerAxis {
    /// The number of axis `at` of so many: one axis alone wants one number.
    pub(crate) fn at(self, op: &str, what: &str, at: usize, rank: usize) -> Result<usize> {
        match self.0 {
            [a, b] if rank == 1 && a != b => {
                Err(Error::argument(format!("{op}: {what} is [{a}, {b}], and there is one axis to slide along")))
            }
            numbers => Ok(numbers[at]),
        }
    }
}

/// The windows along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Along {
    /// The length of the axis.
    pub n: usize,
    /// Places in a window, and how far it is from one to the next.
    pub size: usize,
    pub dilation: usize,
    /// How far it is from a window to the next.
    pub stride: usize,
    /// Places before the axis and behind it.
    pub padding: usize,
    /// How many windows there are.
    pub count: usize,
}

impl Along {
    /// The windows of one axis.
    ///
    /// # Errors
    /// A size, stride or dilation of 0; a window longer than the axis with its padding.
    pub fn new(op: &str, axis: usize, n: usize, size: usize, [stride, dilation, padding]: [usize; 3]) -> Result<Self> {
        if let Some((what, _)) =
            [("size", size), ("stride", stride), ("dilation", dilation)].iter().find(|(_, n)| *n == 0)
        {
            return Err(Error::argument(format!("{op}: a {what} of 0 along axis {axis}; it is at least 1")));
        }
        // No wrap: what is that large does not fit into the axis.
        let reach = (size - 1).saturating_mul(dilation).saturating_add(1);
        let padded = padding.saturating_mul(2).saturating_add(n);
        if reach > padded {
            return Err(Error::shape(format!(
                "{op}: a window reaches over {reach} places along axis {axis}, which has {n} and a padding of {padding} on both sides"
            )));
        }
        Ok(Self { n, size, dilation, stride, padding, count: (padded - reach) / stride + 1 })
    }

    /// The place of a window's `k`th element, if it is not in the padding.
    pub fn place(&self, window: usize, k: usize) -> Option<usize> {
        (window * self.stride + k * self.dilation).checked_sub(self.padding).filter(|&i| i < self.n)
    }

    /// Which elements of a window are not in the padding.
    pub fn within(&self, window: usize) -> std::ops::Range<usize> {
        let start = window * self.stride;
        let first = self.padding.saturating_sub(start).div_ceil(self.dilation).min(self.size);
        let end = (self.n + self.padding).saturating_sub(start).div_ceil(self.dilation).min(self.size);
        first..end.max(first)
    }

    /// Of the windows, those whose `k`th element is not in the padding: from one to before another.
    pub fn inside(&self, k: usize) -> [usize; 2] {
        let at = k * self.dilation;
        let first = self.padding.saturating_sub(at).div_ceil(self.stride);
        let end = (self.n + self.padding).saturating_sub(at).div_ceil(self.stride);
        [first.min(self.count), end.min(self.count).max(first.min(self.count))]
    }
}

/// Windows over the last axes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Windows(pub SmallVec<[Along; 2]>);

impl Windows {
    /// Places in a window.
    pub fn size(&self) -> usize {
        self.0.iter().map(|along| along.size).product()
    }
    /// Elements of the axes.
    pub fn plane(&self) -> usize {
        self.0.iter().map(|along| along.n).product()
    }
    /// How many windows there are.
    pub fn count(&self) -> usize {
        self.0.iter().map(|along| along.count).product()
    }
    /// The lengths of the axes.
    pub fn lengths(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().map(|along| along.n)
    }
    /// Windows along each axis.
    pub fn counts(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().map(|along| along.count)
    }
    /// Places of a window along each axis.
    pub fn sizes(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().map(|along| along.size)
    }
    /// Whether each window is one element, and the windows are the axes.
    pub fn are_elements(&self) -> bool {
        self.0.iter().all(|along| along.size == 1 && along.stride == 1 && along.padding == 0)
    }
    /// A shape whose last axes are the windows in place of these.
    pub fn shape(&self, op: &str, dims: &[usize]) -> Result<Shape> {
        let lead = dims.len() - self.0.len();
        Shape::of(op, &dims[..lead].iter().copied().chain(self.counts()).collect::<SmallVec<[usize; 4]>>())
    }
    /// Calls `f` with each index of these lengths, in row-major order.
    pub fn each(lengths: &[usize], mut f: impl FnMut(&[usize])) {
        let mut index: SmallVec<[usize; 2]> = SmallVec::from_elem(0, lengths.len());
        for _ in 0..lengths.iter().product() {
            f(&index);
            for (i, &n) in index.iter_mut().zip(lengths).rev() {
                *i += 1;
                if *i < n {
                    break;
                }
                *i = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_inside_are_those_that_have_a_place() {
        for n in 0..7 {
            for size in 1..4 {
                for numbers in [[1, 1, 0], [2, 1, 1], [3, 2, 2], [1, 3, 4], [2, 2, 0]] {
                    let Ok(along) = Along::new("test", 0, n, size, numbers) else { continue };
                    for k in 0..size {
                        let found: Vec<usize> = (0..along.count).filter(|&w| along.place(w, k).is_some()).collect();
                        let [from, to] = along.inside(k);
                        assert_eq!(found, (from..to).collect::<Vec<_>>(), "{along:?}, element {k}");
                    }
                }
            }
        }
    }

    #[test]
    fn windows_that_do_not_fit_are_named() {
        let message = |n, size, numbers| Along::new("conv1d", 2, n, size, numbers).unwrap_err().to_string();
        assert_eq!(message(4, 3, [0, 1, 0]), "conv1d: a stride of 0 along axis 2; it is at least 1");
        assert_eq!(
            message(2, 3, [1, 2, 1]),
            "conv1d: a window reaches over 5 places along axis 2, which has 2 and a padding of 1 on both sides"
        );
    }
}
