//! The values of points that come in blocks, handed on block by block.

use super::traversal::{Blocks, PIECES, same_everywhere};
use super::{Asked, Points, Traversal};
use crate::error::Result;
use crate::num::Element;
use crate::world;

impl<T: Element> Traversal<'_, T> {
    /// The values of the points, of a map that is compiled for values: `visit` gets the first point of a block and its values, as many
    /// for each point as the function has, block after block in the order of points. Each process visits its own part.
    ///
    /// A block is read, then computed on the map's threads. Values that are not finite are handed on as they are.
    ///
    /// # Errors
    /// As [`Map::run`](crate::Map::run) and [`Traversal::gradient`]; that of `visit`, which ends the way for all processes.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Map, Points};
    /// let mut map = Map::compile(2, 1, |x, s| vec![x[0] * s[0], x[0] - x[1]])?;
    /// let mut written = Vec::new();
    /// map.over(&Points::new(2).rows(&[1.0, 2.0, 3.0, 5.0], 2)).values(&[10.0], |first, values| {
    ///     written.push((first, values.to_vec()));
    ///     Ok(())
    /// })?;
    /// assert_eq!(written, [(0, vec![10.0, -1.0, 30.0, -2.0])]);
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn values(mut self, shared: &[T], mut visit: impl FnMut(u64, &[T]) -> Result<()>) -> Result<()> {
        let width = self.source.n_inputs();
        let fits = self.map.check_function(Asked::Values, width, shared).and_then(|()| self.source.check());
        world::agree(self.world, fits)?;
        same_everywhere(self.world, self.source, shared)?;
        let pieces = world::share(PIECES, self.world.rank(), self.world.size())?;
        let outcome = self.visit(pieces, shared, &mut visit).and_then(|()| self.source.check());
        world::agree(self.world, outcome)
    }

    #[inline(never)]
    fn visit(
        &mut self,
        pieces: std::ops::Range<usize>,
        shared: &[T],
        visit: &mut dyn FnMut(u64, &[T]) -> Result<()>,
    ) -> Result<()> {
        let (width, m) = (self.source.n_inputs(), self.map.widths[0]);
        let blocks = Blocks::new(self.source.n_points(), width.max(m));
        let all = blocks.points_of_pieces(pieces.clone());
        let (mut rows, mut values) = (Vec::new(), Vec::new());
        for block in pieces.flat_map(|piece| blocks.of_piece(piece)) {
            let points = blocks.points(block..block + 1);
            let n = (points.end - points.start) as usize;
            rows.resize(n * width, T::from_f64(0.0));
            values.resize(n * m, T::from_f64(0.0));
            self.source.read(points.start, &mut rows)?;
            self.map.run_into(&Points::new(n).rows(&rows, width), shared, &mut values)?;
            visit(points.start, &values)?;
            if let Some(report) = &mut self.report {
                report(points.end - all.start, all.end - all.start);
            }
        }
        Ok(())
    }
}
