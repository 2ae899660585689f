//! Shapes, axes, and NumPy's broadcasting.

use crate::error::{Error, Result};
use smallvec::SmallVec;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

/// The lengths of a tensor's axes, outermost first; a scalar has none.
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
    fn as_mut_slice(&mut self) -> &mut [usize] {
        match self {
            Lengths::Few { rank, lengths } => &mut lengths[..*rank as usize],
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
    /// The shape of a scalar.
    #[inline]
    pub fn scalar() -> Self {
        Self(Lengths::Few { rank: 0, lengths: [0; 4] })
    }
    /// This many axes, to be written.
    #[inline]
    fn of_rank(rank: usize) -> Self {
        Self(match rank {
            0..=4 => Lengths::Few { rank: rank as u32, lengths: [1; 4] },
            _ => Lengths::Many(vec![1; rank].into()),
        })
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
        let mut out = Shape::of_rank(rank);
        for (axis, length) in out.0.as_mut_slice().iter_mut().enumerate() {
            let (a, b) = (x.aligned(axis, rank), y.aligned(axis, rank));
            *length = match (a, b) {
                _ if a == b => a,
                (1, _) => b,
                (_, 1) => a,
                _ => {
                    return Err(Error::shape(format!(
                        "{op}: shapes {x} and {y} do not broadcast: axis {axis} is {a} vs {b}"
                    )));
                }
            };
        }
        Ok(out)
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
impl FromIterator<usize> for Shape {
    fn from_iter<I: IntoIterator<Item = usize>>(iter: I) -> Self {
        let lengths: SmallVec<[usize; 4]> = iter.into_iter().collect();
        lengths[..].into()
    }
}
impl From<&[usize]> for Shape {
    #[inline]
    fn from(dims: &[usize]) -> Self {
        let mut shape = Self::of_rank(dims.len());
        shape.0.as_mut_slice().iter_mut().zip(dims).for_each(|(length, &n)| *length = n);
        shape
    }
}
impl From<&Vec<usize>> for Shape {
    fn from(dims: &Vec<usize>) -> Self {
        dims[..].into()
    }
}
impl From<Vec<usize>> for Shape {
    fn from(dims: Vec<usize>) -> Self {
        dims[..].into()
    }
}
impl<const N: usize> From<[usize; N]> for Shape {
    #[inline]
    fn from(dims: [usize; N]) -> Self {
        dims[..].into()
    }
}
impl<const N: usize> From<&[usize; N]> for Shape {
    #[inline]
    fn from(dims: &[usize; N]) -> Self {
        dims[..].into()
    }
}
impl From<&Shape> for Shape {
    fn from(shape: &Shape) -> Self {
        shape.clone()
    }
}
impl From<usize> for Shape {
    fn from(length: usize) -> Self {
        [length].into()
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
/// Made from an integer, an array or slice of integers, or `()` for all.
#[derive(Clone, Debug)]
pub struct Axes(Option<SmallVec<[isize; 4]>>);

impl Axes {
    /// Every axis.
    pub const ALL: Axes = Axes(None);

    /// The axes as a mask for a tensor of this shape.
    pub(crate) fn mask(&self, op: &str, shape: &Shape) -> Result<AxisMask> {
        let Some(axes) = &self.0 else { return Ok(AxisMask::all(shape.rank())) };
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
                Axes(Some(SmallVec::from_slice(&[axis as isize])))
            }
        }
        impl From<&[$t]> for Axes {
            fn from(axes: &[$t]) -> Self {
                Axes(Some(axes.iter().map(|&axis| axis as isize).collect()))
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
