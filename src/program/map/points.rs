//! Where the numbers of the points are.
//!
//! In compiler terms: the layout of the index space in memory: structure of arrays or array of structures.

use super::super::block::{Access, Origin, Source};
use crate::error::{Error, Result};
use crate::num::Element;
use smallvec::SmallVec;
use std::ops::Range;

/// The numbers of n points, as they lie in memory: nothing is copied to make them.
///
/// What is added first comes first among the inputs of the function.
///
/// # Examples
/// Four observations, each by one of two cameras of three numbers, of a point in the plane, with a weight:
/// ```
/// use retrograd::Points;
/// let cameras = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6];
/// let seen = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
/// let points = Points::<f64>::new(4).gathered(&cameras, 3, &[0, 1, 1, 0]).rows(&seen, 2).column(&[1.0; 4]);
/// assert_eq!(points.n_inputs(), 3 + 2 + 1);
/// ```
#[derive(Clone, Debug)]
pub struct Points<'a, T> {
    n: usize,
    parts: SmallVec<[Part<'a, T>; 4]>,
}

/// Some inputs that lie together.
#[derive(Clone, Copy, Debug)]
struct Part<'a, T> {
    data: &'a [T],
    /// Numbers of a row of the table; which are inputs: the first, and how many.
    width: usize,
    first: usize,
    count: usize,
    /// The row of each point; that of its own number where there are none.
    indices: Option<&'a [u32]>,
}

/// How the inputs of a part lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lie {
    width: usize,
    count: usize,
    gathered: bool,
}

/// How all inputs lie: what code is made for.
pub(super) type Layout = SmallVec<[Lie; 4]>;

impl<'a, T: Element> Points<'a, T> {
    /// So many points, without numbers yet.
    pub fn new(n: usize) -> Self {
        Self { n, parts: SmallVec::new() }
    }

    /// The next `width` inputs: those of point i are row i of a table, [n, width].
    pub fn rows(mut self, table: &'a [T], width: usize) -> Self {
        self.parts.push(Part { data: table, width, first: 0, count: width, indices: None });
        self
    }
    /// The next inputs: those of point i are some columns of row i of a table, [n, width].
    ///
    /// # Panics
    /// The table has no such columns.
    pub fn columns(mut self, table: &'a [T], width: usize, columns: Range<usize>) -> Self {
        assert!(
            columns.start <= columns.end && columns.end <= width,
            "points: columns {columns:?} of a table of width {width}"
        );
        self.parts.push(Part { data: table, width, first: columns.start, count: columns.len(), indices: None });
        self
    }
    /// The next input: a number for each point.
    pub fn column(self, numbers: &'a [T]) -> Self {
        self.rows(numbers, 1)
    }
    /// The next `width` inputs: those of point i are row `indices[i]` of a table, [any, width].
    pub fn gathered(mut self, table: &'a [T], width: usize, indices: &'a [u32]) -> Self {
        self.parts.push(Part { data: table, width, first: 0, count: width, indices: Some(indices) });
        self
    }

    /// How many points there are.
    pub fn len(&self) -> usize {
        self.n
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }
    /// How many numbers each has.
    pub fn n_inputs(&self) -> usize {
        self.parts.iter().fold(0, |inputs: usize, part| inputs.saturating_add(part.count))
    }

    pub(super) fn layout(&self) -> Layout {
        let lie = |part: &Part<'_, T>| Lie { width: part.width, count: part.count, gathered: part.indices.is_some() };
        self.parts.iter().map(lie).collect()
    }

    /// Whether every part has enough for every point.
    pub(super) fn check(&self) -> Result<()> {
        for (k, part) in self.parts.iter().enumerate() {
            let Part { data, width, indices, .. } = *part;
            let Some(indices) = indices else {
                if Some(data.len()) != self.n.checked_mul(width) {
                    let (n, found) = (self.n, data.len());
                    return Err(Error::shape(format!(
                        "map: part {k} of the points: {n} rows of {width} are {} numbers, got {found}",
                        n.saturating_mul(width)
                    )));
                }
                continue;
            };
            if indices.len() != self.n {
                let (n, found) = (self.n, indices.len());
                return Err(Error::shape(format!("map: part {k} of the points: {found} indices for {n} points")));
            }
            if width == 0 || data.len() % width != 0 {
                let found = data.len();
                return Err(Error::shape(format!(
                    "map: part {k} of the points: {found} numbers are no rows of {width}"
                )));
            }
            let rows = data.len() / width;
            let largest = indices.iter().copied().max();
            if largest.is_some_and(|largest| largest as usize >= rows) {
                let at = indices.iter().position(|&index| index as usize >= rows).unwrap_or_default();
                let found = indices[at];
                return Err(Error::argument(format!(
                    "map: part {k} of the points: index {found} of point {at} is out of range for {rows} rows (valid 0..{rows})"
                )));
            }
        }
        Ok(())
    }

    /// The buffers of some points: those that are read where they are, then columns of what is gathered.
    pub(super) fn buffers<'s>(&'s self, points: Range<usize>, columns: &'s [T]) -> SmallVec<[&'s [T]; 16]> {
        let own = self.parts.iter().filter(|part| part.indices.is_none());
        let own = own.map(|part| {
            let end = points.end * part.width;
            &part.data[(points.start * part.width + part.first).min(end)..end]
        });
        let gathered = columns.chunks_exact(points.len().max(1)).take(self.gathered_columns());
        own.chain(gathered).collect()
    }

    /// Writes the numbers of the points from `first` on, row by row; they are there, but their parts may be too short.
    pub(super) fn copy_rows(&self, first: usize, rows: &mut [T]) -> Result<()> {
        let wide = self.n_inputs().max(1);
        let mut start = 0;
        for part in &self.parts {
            let missing = || Error::shape("points: a part has not enough numbers for its points");
            for (point, row) in (first..).zip(rows.chunks_exact_mut(wide)) {
                let at = match part.indices {
                    Some(indices) => *indices.get(point).ok_or_else(missing)? as usize,
                    None => point,
                };
                let own = part.data.get(at * part.width + part.first..).and_then(|own| own.get(..part.count));
                row[start..start + part.count].copy_from_slice(own.ok_or_else(missing)?);
            }
            start += part.count;
        }
        Ok(())
    }

    fn gathered_columns(&self) -> usize {
        self.parts.iter().filter(|part| part.indices.is_some()).map(|part| part.width).sum()
    }

    /// Copies what is gathered for some points into columns.
    pub(super) fn gather(&self, points: Range<usize>, columns: &mut Vec<T>) {
        let n = points.len();
        columns.resize(n * self.gathered_columns(), T::from_f64(0.0));
        let mut rest = &mut columns[..];
        for part in &self.parts {
            let Some(indices) = part.indices else { continue };
            let (own, after) = rest.split_at_mut(n * part.width);
            rest = after;
            for (lane, &index) in indices[points.clone()].iter().enumerate() {
                let row = &part.data[index as usize * part.width..][..part.width];
                for (column, &x) in row.iter().enumerate() {
                    own[column * n + lane] = x;
                }
            }
        }
    }
}

/// Whether something is gathered.
pub(super) fn gathers(layout: &Layout) -> bool {
    layout.iter().any(|lie| lie.gathered)
}

/// What each input reads of the buffers of [`Points::buffers`].
pub(super) fn sources(layout: &Layout) -> Vec<Source> {
    let mut columns = layout.iter().filter(|lie| !lie.gathered).count();
    let mut own = 0;
    let mut sources = Vec::new();
    for &Lie { width, count, gathered } in layout {
        for start in 0..count {
            let (buffer, walk) = match (gathered, width) {
                (true, _) => (columns + start, Access::Flat),
                (false, 1) => (own, Access::Flat),
                (false, _) => (own, Access::Strided { start, step: width }),
            };
            sources.push(Source { from: Origin::Input(buffer), walk });
        }
        if gathered {
            columns += width;
        } else {
            own += 1;
        }
    }
    sources
}
