//! Shapes, axes, and NumPy's broadcasting.
//!
//! **Invariant.** Every [`Shape`] passes through [`Shape::checked`], whoever makes it: it has at most [`Shape::MAX_RANK`] axes,
//! and the lengths that are not 0 multiply to at most [`Shape::MAX_NUMEL`]. So no product of lengths wraps, neither the number
//! of elements nor a stride nor a size in bytes, in f32 and in f64; and whatever reads memory by a shape may rely on it.
//! Lengths of 0 are left out of the product, since strides and broadcasts multiply the others without them.

use crate::error::{Error, OrPanic, Result};
use smallvec::SmallVec;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

/// The lengths of a tensor's axes, outermost first; a scalar has none.
///
/// There are at most [`Shape::MAX_RANK`] axes, and the lengths that are not 0 multiply to at most [`Shape::MAX_NUMEL`].
/// [`Shape::new`] and methods that take [`IntoShape`] and return a `Result` say so with an error, conversions with a panic.
///
/// # Examples
/// ```
/// use retrograd::Tensor;
/// let x = Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
/// let shape = x.shape();
/// assert_eq!(shape.dims(), [2, 3]);
/// assert_eq!((shape.rank(), shape.numel(), shape[1]), (2, 6, 3));
/// assert_eq!(shape.to_string(), "[2, 3]");
/// ```
#[derive(Clone)]
pub struct Shape(Lengths);

/// Up to four lengths in place: a copy is a few moves of a fixed size. Copying as many as there are (as a `SmallVec` does)
/// takes a call, and whoever moves the copy on waits for its short writes.
#[derive(Clone)]
enum Lengths {
    Few { rank: u32, lengths: [usize; 4] },
    Many(Box<[usize]>),
}

impl Lengths {
    #[inline]
    fn as_slice(&self) -> &[usize] {
        match self {
            Lengths::Few { rank, lengths } => &lengths[..*rank as usize],
            Lengths::Many(lengths) => lengths,
        }
    }
}

impl Default for Shape {
    /// That of a scalar.
    #[inline]
    fn default() -> Self {
        Self::scalar()
    }
}
impl PartialEq for Shape {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        same_lengths(self, other)
    }
}
impl Eq for Shape {}
impl Hash for Shape {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.dims().hash(state);
    }
}

/// Whether both are the same, number by number: shapes are too short for the standard library's call.
#[inline]
pub(crate) fn same_lengths(x: &[usize], y: &[usize]) -> bool {
    x.len() == y.len() && x.iter().zip(y).all(|(x, y)| x == y)
}

impl Shape {
    /// The most axes of a shape: sets of axes are bits of a word.
    pub const MAX_RANK: usize = 32;
    /// The most that the lengths of a shape which are not 0 multiply to: as many numbers of 8 bytes as addresses reach, half
    /// of all memory.
    pub const MAX_NUMEL: usize = isize::MAX as usize / 8;

    /// The shape of these lengths.
    ///
    /// # Errors
    /// More than [`Shape::MAX_RANK`] axes; lengths, those of 0 left out, that multiply to more than [`Shape::MAX_NUMEL`].
    ///
    /// # Examples
    /// ```
    /// use retrograd::Shape;
    /// assert_eq!(Shape::new(&[3, 0, 4])?.numel(), 0);
    /// assert!(Shape::new(&[1 << 32, 1 << 32]).is_err());
    /// assert!(Shape::new(&[1 << 32, 0, 1 << 32]).is_err());
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn new(lengths: &[usize]) -> Result<Self> {
        Self::of("shape", lengths)
    }

    /// The shape of these lengths, for an op by whose name the error goes.
    ///
    /// # Errors
    /// As [`Shape::new`].
    #[inline]
    pub fn of(op: &str, lengths: &[usize]) -> Result<Self> {
        Self::checked(lengths).ok_or_else(|| too_large(op, lengths))
    }

    /// The one way to a shape: its lengths are within the limits, or there is none.
    #[inline]
    fn checked(lengths: &[usize]) -> Option<Self> {
        let mut numel = 1usize;
        for &n in lengths {
            numel = numel.checked_mul(n.max(1))?;
        }
        if numel > Self::MAX_NUMEL || lengths.len() > Self::MAX_RANK {
            return None;
        }
        Some(Self(match lengths.len() {
            rank @ 0..=4 => {
                let mut few = [1; 4];
                few.iter_mut().zip(lengths).for_each(|(to, &n)| *to = n);
                Lengths::Few { rank: rank as u32, lengths: few }
            }
            _ => Lengths::Many(lengths.into()),
        }))
    }

    /// The shape of a scalar.
    #[inline]
    pub fn scalar() -> Self {
        Self(Lengths::Few { rank: 0, lengths: [1; 4] })
    }
    /// The number of axes.
    #[inline]
    pub fn rank(&self) -> usize {
        self.dims().len()
    }
    /// The number of elements.
    #[inline]
    pub fn numel(&self) -> usize {
        self.dims().iter().product()
    }
    /// The lengths of the axes.
    #[inline]
    pub fn dims(&self) -> &[usize] {
        self.0.as_slice()
    }

    /// Row-major strides in elements.
    pub(crate) fn strides(&self) -> SmallVec<[usize; 4]> {
        let mut strides: SmallVec<[usize; 4]> = SmallVec::from_elem(1, self.rank());
        for i in (0..self.rank().saturating_sub(1)).rev() {
            strides[i] = strides[i + 1] * self[i + 1];
        }
        strides
    }

    /// The shape that both broadcast to: trailing axes are aligned, and a length of 1 stretches.
    pub(crate) fn broadcast(op: &str, x: &Shape, y: &Shape) -> Result<Shape> {
        if x == y {
            return Ok(x.clone());
        }
        let rank = x.rank().max(y.rank());
        let mut out: SmallVec<[usize; 4]> = SmallVec::new();
        for axis in 0..rank {
            let (a, b) = (x.aligned(axis, rank), y.aligned(axis, rank));
            out.push(match (a, b) {
                _ if a == b => a,
                (1, _) => b,
                (_, 1) => a,
                _ => {
                    return Err(Error::shape(format!(
                        "{op}: shapes {x} and {y} do not broadcast: axis {axis} is {a} vs {b}"
                    )));
                }
            });
        }
        Self::of(op, &out)
    }

    /// The length of axis `axis` of `rank` once this shape is padded with leading ones.
    fn aligned(&self, axis: usize, rank: usize) -> usize {
        (axis + self.rank()).checked_sub(rank).map_or(1, |i| self[i])
    }

    /// Whether this shape stretches to `target` without changing it.
    #[inline]
    pub(crate) fn broadcasts_to(&self, target: &Shape) -> bool {
        self.rank() <= target.rank()
            && (0..target.rank()).all(|axis| {
                let length = self.aligned(axis, target.rank());
                length == target[axis] || length == 1
            })
    }

    /// Checks that the elements of a shape fill this one.
    pub(crate) fn check_reshape(&self, from: &[usize]) -> Result<()> {
        // No product wraps: `from` is the shape of a tensor.
        let (holds, needs) = (from.iter().product::<usize>(), self.numel());
        if holds == needs {
            return Ok(());
        }
        Err(Error::shape(match from {
            [] => format!("reshape: a scalar holds 1 element, {self} would hold {needs}"),
            _ => format!("reshape: {from:?} holds {holds} elements, {self} would hold {needs}"),
        }))
    }

    /// This shape with the axes of the mask gone, or of length 1.
    pub(crate) fn reduced(&self, axes: AxisMask, keep: bool) -> Shape {
        let lengths = self.iter().enumerate();
        if keep {
            lengths.map(|(i, &n)| if axes.contains(i) { 1 } else { n }).collect()
        } else {
            lengths.filter(|&(i, _)| !axes.contains(i)).map(|(_, &n)| n).collect()
        }
    }
}

impl Deref for Shape {
    type Target = [usize];
    #[inline]
    fn deref(&self) -> &[usize] {
        self.dims()
    }
}

/// What lengths with too many axes or elements are told.
#[cold]
fn too_large(op: &str, lengths: &[usize]) -> Error {
    let (rank, axes, numel) = (lengths.len(), Shape::MAX_RANK, Shape::MAX_NUMEL);
    Error::shape(if rank > axes {
        format!("{op}: {rank} axes are too many; a shape has at most {axes}")
    } else {
        format!(
            "{op}: shape {lengths:?} is too large: its lengths, those of 0 left out, multiply to more than {numel}, which \
             no memory holds"
        )
    })
}

/// What a shape is made of: lengths in an array, a slice or a vector, one length alone, or a shape.
///
/// It is not `Into`, since lengths may be too large; [`Shape`] says what that is. The conversions of `From` and `collect`
/// panic where this is an error.
///
/// # Examples
/// ```
/// use retrograd::{Shape, Tensor};
/// let x = Tensor::from([1.0, 2.0, 3.0, 4.0]);
/// let square = x.reshape([2, 2]);
/// assert_eq!(x.reshape(vec![2, 2]), square);
/// assert_eq!(x.reshape(Shape::from([2, 2])), square);
/// assert_eq!(square.reshape(4), x);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no shape",
    label = "expected lengths of axes, as in `[2, 3]`",
    note = "an array, a slice or a `Vec` of `usize`; `()` has no axes: `[0; 0]`, or `Shape::scalar()`"
)]
pub trait IntoShape {
    /// The shape.
    ///
    /// # Errors
    /// As [`Shape::new`].
    fn into_shape(self) -> Result<Shape>;
}
impl IntoShape for Shape {
    #[inline]
    fn into_shape(self) -> Result<Shape> {
        Ok(self)
    }
}
impl IntoShape for &Shape {
    #[inline]
    fn into_shape(self) -> Result<Shape> {
        Ok(self.clone())
    }
}
impl From<&Shape> for Shape {
    fn from(shape: &Shape) -> Self {
        shape.clone()
    }
}
macro_rules! from_lengths {
    ($([$($generics:tt)*] $t:ty, $lengths:ident => $slice:expr;)*) => {$(
        impl<$($generics)*> IntoShape for $t {
            #[inline]
            fn into_shape(self) -> Result<Shape> {
                let $lengths = self;
                Shape::new($slice)
            }
        }
        impl<$($generics)*> From<$t> for Shape {
            /// The shape of these lengths.
            ///
            /// # Panics
            /// Where [`Shape::new`] fails.
            #[inline]
            #[track_caller]
            fn from($lengths: $t) -> Self {
                Shape::new($slice).or_panic()
            }
        }
    )*};
}
from_lengths! {
    [] &[usize], lengths => lengths;
    [] &Vec<usize>, lengths => lengths;
    [] Vec<usize>, lengths => &lengths;
    [const N: usize] [usize; N], lengths => &lengths;
    [const N: usize] &[usize; N], lengths => lengths;
    [] usize, length => &[length];
}
impl FromIterator<usize> for Shape {
    /// The shape of these lengths.
    ///
    /// # Panics
    /// Where [`Shape::new`] fails.
    #[track_caller]
    fn from_iter<I: IntoIterator<Item = usize>>(iter: I) -> Self {
        let lengths: SmallVec<[usize; 4]> = iter.into_iter().collect();
        lengths[..].into()
    }
}
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.dims(), f)
    }
}
impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.dims(), f)
    }
}

/// A set of axes, as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AxisMask(pub u32);

const _: () = assert!(Shape::MAX_RANK == u32::BITS as usize);

impl AxisMask {
    #[inline]
    pub fn contains(self, axis: usize) -> bool {
        self.0 >> axis & 1 == 1
    }
    /// Every axis of a tensor of this rank.
    pub fn all(rank: usize) -> Self {
        Self(((1u64 << rank) - 1) as u32)
    }
}

/// One axis, some, or all of them; negative numbers count from the last.
///
/// Made from an integer, an array or slice of integers, or `()` for all; of any of these, [`keep`] has a reduction keep the axes.
///
/// # Examples
/// ```
/// use retrograd::{Axes, Tensor, keep};
/// let x = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
/// assert_eq!(x.sum(0).to_vec(), [4.0, 6.0]);
/// assert_eq!(x.sum(-1).to_vec(), [3.0, 7.0]);
/// assert_eq!(x.sum(keep(-1)).shape().dims(), [2, 1]);
/// for all in [Axes::from(()), Axes::from([0, 1]), Axes::ALL] {
///     assert_eq!(x.sum(all).item(), 10.0);
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Axes {
    /// Which; `None` is all.
    chosen: Option<SmallVec<[isize; 4]>>,
    /// Whether they stay once they are reduced.
    keep: bool,
}

/// Axes that a reduction has stay, with length 1, so that what comes out broadcasts against what went in.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, keep};
/// let x = Tensor::from([[1.0, 2.0], [3.0, 5.0]]);
/// assert_eq!(&x - x.mean(keep(1)), Tensor::from([[-0.5, 0.5], [-1.0, 1.0]]));
/// assert_eq!(x.max(keep(())).shape().dims(), [1, 1]);
/// ```
pub fn keep(axes: impl Into<Axes>) -> Axes {
    Axes { keep: true, ..axes.into() }
}

impl Axes {
    /// Every axis.
    pub const ALL: Axes = Axes { chosen: None, keep: false };

    /// The axes as a mask for a tensor of this shape.
    pub(crate) fn mask(&self, op: &str, shape: &Shape) -> Result<AxisMask> {
        let Some(axes) = &self.chosen else { return Ok(AxisMask::all(shape.rank())) };
        let mut mask = 0u32;
        for &axis in axes {
            let bit = 1 << resolve_axis(op, axis, shape)?;
            if mask & bit != 0 {
                return Err(Error::argument(format!("{op}: axis {axis} is given twice")));
            }
            mask |= bit;
        }
        Ok(AxisMask(mask))
    }

    /// Whether a reduction keeps the axes.
    pub(crate) fn keeps(&self) -> bool {
        self.keep
    }

    /// The axes of an op that reduces none, and so has none to keep.
    pub(crate) fn of_no_reduction(self, op: &str) -> Result<Self> {
        if self.keep {
            return Err(Error::argument(format!("{op}: keep is for axes that are reduced; give the axes alone")));
        }
        Ok(self)
    }
}

/// The axis as an index; negative numbers count from the last.
pub(crate) fn resolve_axis(op: &str, axis: isize, shape: &Shape) -> Result<usize> {
    let rank = shape.rank() as isize;
    let resolved = if axis < 0 { axis + rank } else { axis };
    if (0..rank).contains(&resolved) {
        return Ok(resolved as usize);
    }
    let valid = if rank == 0 { "a scalar has none".into() } else { format!("valid: {}..={}", -rank, rank - 1) };
    Err(Error::argument(format!("{op}: axis {axis} is out of range for shape {shape} ({valid})")))
}

impl From<()> for Axes {
    fn from(_: ()) -> Self {
        Axes::ALL
    }
}
macro_rules! axes_from {
    ($($t:ty),*) => {$(
        impl From<$t> for Axes {
            fn from(axis: $t) -> Self {
                [axis][..].into()
            }
        }
        impl From<&[$t]> for Axes {
            fn from(axes: &[$t]) -> Self {
                // A number too large for `isize` is no axis, and must not become a negative one, which counts from the last.
                let axes = axes.iter().map(|&axis| isize::try_from(axis).unwrap_or(isize::MAX));
                Axes { chosen: Some(axes.collect()), keep: false }
            }
        }
        impl<const N: usize> From<[$t; N]> for Axes {
            fn from(axes: [$t; N]) -> Self {
                axes[..].into()
            }
        }
    )*};
}
// i32 is what a literal becomes where nothing else decides.
axes_from!(isize, usize, i32);
impl From<Option<isize>> for Axes {
    fn from(axis: Option<isize>) -> Self {
        axis.map_or(Axes::ALL, Axes::from)
    }
}

#[cfg(test)]
mod tests {
    use super::Shape;
    use std::collections::HashSet;

    #[test]
    fn shapes_of_few_and_of_many_axes_are_their_lengths() {
        for rank in 0..9 {
            let lengths: Vec<usize> = (2..2 + rank).collect();
            let shape = Shape::from(&lengths);
            assert_eq!((shape.rank(), shape.dims(), shape.numel()), (rank, &lengths[..], lengths.iter().product()));
            assert_eq!(shape.to_string(), format!("{lengths:?}"));
            assert_eq!(shape, lengths.iter().copied().collect::<Shape>());
            assert_eq!(shape.strides()[..], *Shape::from(lengths.clone()).clone().strides());
            let mut others: HashSet<Shape> = HashSet::from([Shape::from(&[1; 9])]);
            assert!(others.insert(shape.clone()) && others.contains(&Shape::from(&lengths)) && !others.insert(shape));
            let ones = Shape::from(vec![1; rank]);
            assert_eq!(Shape::broadcast("add", &ones, &lengths.as_slice().into()).unwrap().dims(), lengths);
        }
        assert_ne!(Shape::from([2, 3]), Shape::from([2, 3, 1]));
        assert_ne!(Shape::from([1, 1, 1, 1]), Shape::from([1, 1, 1, 1, 1]));
        assert_eq!(Shape::default(), Shape::scalar());
    }
}
