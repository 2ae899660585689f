//! Points that come when they are asked for: what a traversal reads, a block at a time.
//!
//! A source says how many points there are and writes the numbers of some of them, row by row, wherever it has them from: a file, a
//! generator, memory. Sources stand [beside](PointSource::beside) each other, as inputs in one file and targets in another.
//!
//! Always rows: so the code that runs over them is the same whatever they came from, and so are the bits of a sum. It costs a
//! copy that stays in the second-level cache.

use super::Points;
use crate::error::{Error, Result};
use crate::num::Element;

/// Points whose numbers are read when they are needed, some at a time: what [`Map::over`](crate::Map::over) goes through.
///
/// Several threads read at once. The same points must give the same numbers whenever they are read.
///
/// # Examples
/// A generator, which holds nothing: a straight line, seen 1000 times.
/// ```
/// use retrograd::{Map, Result, program::PointSource};
/// struct Line;
/// impl PointSource<f64> for Line {
///     fn n_points(&self) -> u64 {
///         1000
///     }
///     fn n_inputs(&self) -> usize {
///         2
///     }
///     fn read(&self, first: u64, rows: &mut [f64]) -> Result<()> {
///         for (point, row) in (first..).zip(rows.chunks_exact_mut(2)) {
///             let x = point as f64 / 1000.0;
///             row.copy_from_slice(&[x, 3.0 * x + 1.0]);
///         }
///         Ok(())
///     }
/// }
/// let mut loss = Map::compile_gradient(2, 2, |p, line| (p[0] * line[0] + line[1] - p[1]).square())?;
/// let mut gradient = [0.0; 2];
/// let sum = loss.over(&Line).gradient(&[3.0, 2.0], &mut gradient)?;
/// assert_eq!((sum, gradient[1]), (1000.0, 2000.0));
/// # Ok::<(), retrograd::Error>(())
/// ```
pub trait PointSource<T: Element>: Sync {
    /// How many points there are.
    fn n_points(&self) -> u64;

    /// How many numbers each has.
    fn n_inputs(&self) -> usize;

    /// Writes the numbers of the points from `first` on: rows of [`n_inputs`](Self::n_inputs), as many as there is room for.
    ///
    /// # Errors
    /// They cannot be read; there are not so many.
    fn read(&self, first: u64, rows: &mut [T]) -> Result<()>;

    /// Whether it can be read, and is what it was when it was made: asked before the first point is read and after the last.
    ///
    /// # Errors
    /// It is not, as where a file was written to meanwhile.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// The same points with the numbers of another source after their own.
    ///
    /// # Errors
    /// The other has more points, or fewer.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Map, Points, program::PointSource};
    /// let (x, y) = ([0.0, 1.0, 2.0], [1.0, 3.0, 5.0]);
    /// let points = Points::new(3).column(&x).beside(Points::new(3).column(&y))?;
    /// let mut sum = Map::compile_gradient(2, 0, |p, _| p[0] * p[1])?;
    /// assert_eq!(sum.over(&points).gradient(&[], &mut [])?, 13.0);
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    fn beside<S: PointSource<T>>(self, other: S) -> Result<Beside<Self, S>>
    where
        Self: Sized,
    {
        let (left, right) = (self.n_points(), other.n_points());
        if left != right {
            return Err(Error::shape(format!("points: {left} points beside {right}; each needs the numbers of both")));
        }
        Ok(Beside(self, other))
    }
}

/// Two sources of the same points, the numbers of one before those of the other. Made by [`PointSource::beside`], which has the
/// example.
///
/// # Examples
/// ```
/// use retrograd::{Points, program::{Beside, PointSource}};
/// let (x, y) = ([1.0], [2.0]);
/// let points: Beside<_, _> = Points::new(1).column(&x).beside(Points::new(1).column(&y))?;
/// let mut row = [0.0; 2];
/// points.read(0, &mut row)?;
/// assert_eq!(row, [1.0, 2.0]);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Beside<A, B>(A, B);

/// So many numbers of each source are put beside each other at a time: they stay in the first-level cache.
const PIECE: usize = 2048;

impl<T: Element, A: PointSource<T>, B: PointSource<T>> PointSource<T> for Beside<A, B> {
    fn n_points(&self) -> u64 {
        self.0.n_points()
    }
    fn n_inputs(&self) -> usize {
        self.0.n_inputs().saturating_add(self.1.n_inputs())
    }
    fn read(&self, first: u64, rows: &mut [T]) -> Result<()> {
        let (left, right) = (self.0.n_inputs(), self.1.n_inputs());
        if left == 0 || right == 0 {
            return if right == 0 { self.0.read(first, rows) } else { self.1.read(first, rows) };
        }
        let step = (PIECE / left.max(right)).max(1);
        let mut own = vec![T::from_f64(0.0); step * left.max(right)];
        for (piece, rows) in rows.chunks_mut(step * (left + right)).enumerate() {
            let (first, n) = (first + (piece * step) as u64, rows.len() / (left + right));
            self.0.read(first, &mut own[..n * left])?;
            place(&own, left, rows, 0, left + right);
            self.1.read(first, &mut own[..n * right])?;
            place(&own, right, rows, left, left + right);
        }
        Ok(())
    }
    fn check(&self) -> Result<()> {
        self.0.check()?;
        self.1.check()
    }
}

/// Rows of `width` numbers to their place, `start`, in wider rows.
fn place<T: Element>(from: &[T], width: usize, rows: &mut [T], start: usize, wide: usize) {
    if width == 1 {
        // The most common, targets: without a call for each number.
        return rows.iter_mut().skip(start).step_by(wide).zip(from).for_each(|(to, &x)| *to = x);
    }
    for (row, from) in rows.chunks_exact_mut(wide).zip(from.chunks_exact(width)) {
        row[start..start + width].copy_from_slice(from);
    }
}

/// Points in memory, by the way that others go: for the same bits.
impl<T: Element> PointSource<T> for Points<'_, T> {
    fn n_points(&self) -> u64 {
        self.len() as u64
    }
    fn n_inputs(&self) -> usize {
        Points::n_inputs(self)
    }
    fn read(&self, first: u64, rows: &mut [T]) -> Result<()> {
        let n = rows.len() / Points::n_inputs(self).max(1);
        match usize::try_from(first).ok().filter(|first| first.checked_add(n).is_some_and(|end| end <= self.len())) {
            Some(first) => self.copy_rows(first, rows),
            None => Err(out_of_range(first, n, self.n_points())),
        }
    }
    fn check(&self) -> Result<()> {
        Points::check(self)
    }
}

impl<T: Element, S: PointSource<T> + ?Sized> PointSource<T> for &S {
    fn n_points(&self) -> u64 {
        (**self).n_points()
    }
    fn n_inputs(&self) -> usize {
        (**self).n_inputs()
    }
    fn read(&self, first: u64, rows: &mut [T]) -> Result<()> {
        (**self).read(first, rows)
    }
    fn check(&self) -> Result<()> {
        (**self).check()
    }
}

fn out_of_range(first: u64, n: usize, points: u64) -> Error {
    Error::argument(format!("points: {n} from point {first} on are asked for, of {points}"))
}
