//! Maps over points that do not fit into memory: read in blocks, summed up by a tree that nobody's number of threads or processes
//! changes.
//!
//! In compiler terms: a tiled map and reduction over an index space that streams through a fixed buffer.
//!
//! The order of a sum is fixed by the number of points and of their inputs alone. Points are cut into [blocks](Blocks) of so many
//! that a block's numbers stay in the second-level cache; blocks into [`PIECES`] pieces, each some blocks in a row. A block is summed
//! as [`Map::gradient`] sums, the blocks of a piece by a binary tree, the pieces by another, which goes on from rank to rank
//! ([`world::sum`]). Threads take the next piece, read and compute it; sums come together in the pieces' order.
//!
//! Blocks are added in f64, whatever the map's precision: it costs nothing beside the points.
//!
//! **Memory.** For each thread a block of at most [`BLOCK_NUMBERS`] numbers (a single point's, where it has more), registers, and
//! log2(blocks) sums; sums of pieces that wait for a slower thread's, at most [`PIECES`]. Nothing grows with the points.
//!
//! **Rejected:** mapping files into memory. It measured no faster than reading into a buffer that is used again (both near 1,000 million
//! points of two f32 a second on a core, from the system's cache), and a file that is cut short meanwhile is a signal that ends
//! the process instead of an error. Who has a mapped file can hand its bytes over (`data::PointFile::of_bytes`).

use super::{Asked, Code, Map, Points, Recorded, points};
use crate::error::{Error, Result};
use crate::num::{Element, all_finite};
use crate::parallel::Workers;
use crate::program::block::BlockCode;
use crate::program::map::source::PointSource;
use crate::world::{self, Alone, Tree, World};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Pieces that the blocks are cut into: the most ranks that can share them, and the units that threads take. Part of what a sum is.
pub(super) const PIECES: usize = 1024;

/// The most numbers of a block, of points that have no more. Part of what a sum is.
const BLOCK_NUMBERS: u64 = 1 << 16;

/// A map's way over points that come in blocks. Made by [`Map::over`].
///
/// # Examples
/// On two threads, as the second of two processes would, with a report:
/// ```
/// use retrograd::{Points, program::{Options, PointSource}, world};
/// let numbers: Vec<f64> = (0..300_000).map(|k| f64::from(k % 7)).collect();
/// let points = Points::new(100_000).rows(&numbers, 3);
/// let sums = world::threads(2).run(|world| {
///     let mut map = Options::new().threads(2).map_gradient(3, 1, &[], |x, s| x[0] * x[1] * s[0] + x[2])?;
///     let (mut gradient, mut reached) = ([0.0], 0);
///     let way = map.over(&points).world(&world).progress(|done, of| reached = 100 * done / of);
///     let sum = way.gradient(&[2.0], &mut gradient)?;
///     Ok::<_, retrograd::Error>((sum, gradient, reached))
/// });
/// assert_eq!(sums[0], sums[1]);
/// assert_eq!(sums[0].as_ref().unwrap().2, 100);
/// # Ok::<(), retrograd::Error>(())
/// ```
pub struct Traversal<'a, T: 'static> {
    pub(super) map: &'a mut Map<T>,
    pub(super) source: &'a dyn PointSource<T>,
    pub(super) world: &'a dyn World,
    pub(super) report: Report<'a>,
}

/// Who is told how many points of a rank are done, and of how many.
pub(super) type Report<'a> = Option<Box<dyn FnMut(u64, u64) + Send + 'a>>;

impl<T: Element> Map<T> {
    /// The map over points that are read in blocks: those of files, of a generator, of anything that is a [`PointSource`]. They need
    /// not fit into memory.
    ///
    /// It takes as many threads as the map has ([`Options::threads`](super::Options::threads)). Its sums have the same bits for every
    /// number of threads and of processes, and wherever the numbers come from. They differ by rounding from those of
    /// [`Map::gradient`], which knows no blocks.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Map, Points};
    /// let mut loss = Map::compile_gradient(2, 2, |p, line| (p[0] * line[0] + line[1] - p[1]).square())?;
    /// let points = [0.0, 1.0, 1.0, 3.0, 2.0, 5.0];
    /// let mut gradient = [0.0; 2];
    /// let sum = loss.over(&Points::new(3).rows(&points, 2)).gradient(&[2.0, 0.0], &mut gradient)?;
    /// assert_eq!((sum, gradient), (3.0, [-6.0, -6.0]));
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn over<'a>(&'a mut self, source: &'a dyn PointSource<T>) -> Traversal<'a, T> {
        Traversal { map: self, source, world: &Alone, report: None }
    }
}

impl<'a, T: Element> Traversal<'a, T> {
    /// Shared with other processes: each reads its part of the points, and all get the sum. All must have the same map, points and
    /// shared numbers; how many points there are and the shared numbers are compared, the function and the numbers of points are not.
    pub fn world(mut self, world: &'a dyn World) -> Self {
        self.world = world;
        self
    }

    /// Calls the closure now and then with how many of this process's points are done, and how many it has.
    pub fn progress(mut self, report: impl FnMut(u64, u64) + Send + 'a) -> Self {
        self.report = Some(Box::new(report));
        self
    }

    /// The sum over all points, of a map that is compiled for its gradient; that by the shared numbers is written.
    ///
    /// # Errors
    /// Not as many inputs or shared numbers as the function takes; a map that is compiled for something else, or for gradients by
    /// inputs; `gradient` does not have one element for each shared number. Points that cannot be read, or change meanwhile. A value
    /// or derivative that is not finite, which names the first such point, in the order of points; a sum beyond the range of `T`. More than
    /// 1024 processes; an error of another process; processes that do not do the same.
    #[inline(never)]
    pub fn gradient(mut self, shared: &[T], gradient: &mut [T]) -> Result<T> {
        world::agree(self.world, self.check(shared, gradient))?;
        same_everywhere(self.world, self.source, shared)?;
        let pieces = world::share(PIECES, self.world.rank(), self.world.size())?;
        let own = self.sum_of(pieces, shared).and_then(|sums| self.source.check().map(|()| sums));
        world::agree(self.world, own.as_ref().map(|_| ()).map_err(Error::clone))?;
        // What is missing changes no sum.
        let mut sums = own?.unwrap_or_else(|| vec![-0.0; 1 + shared.len()]);
        world::sum(self.world, &mut sums, &mut [])?;
        if self.source.n_points() == 0 {
            sums.fill(0.0);
        }
        let mut rounded = sums.iter().map(|&sum| T::from_f64(sum));
        let value = rounded.next().expect("the sum is one of them");
        gradient.iter_mut().zip(rounded).for_each(|(place, sum)| *place = sum);
        if !(all_finite(&[value]) && all_finite(gradient)) {
            return Err(Error::not_finite(format!(
                "map: each point is finite, but their sum is beyond the range of {}",
                T::NAME
            )));
        }
        Ok(value)
    }

    fn check(&self, shared: &[T], gradient: &[T]) -> Result<()> {
        self.map.check_function(Asked::Gradient, self.source.n_inputs(), shared)?;
        if self.map.widths[0] != 0 {
            return Err(Error::argument(
                "map: compiled for gradients by inputs, which a sum over a source has no place for; compile it by compile_gradient",
            ));
        }
        if gradient.len() != shared.len() {
            let (found, n) = (gradient.len(), shared.len());
            return Err(Error::shape(format!("map: the gradient has {found} elements for {n} shared numbers")));
        }
        self.source.check()
    }

    /// The sum of some pieces, if there is a point in them: by all threads of the map.
    fn sum_of(&mut self, pieces: Range<usize>, shared: &[T]) -> Result<Option<Vec<f64>>> {
        let Code::Points { recorded, .. } = &self.map.code else { unreachable!("gradients are computed by points") };
        let blocks = Blocks::new(self.source.n_points(), self.source.n_inputs());
        let threads = self.map.workers.threads();
        let reader = |_| Mutex::new(Reader::new(recorded, self.source, blocks, shared));
        let readers: Vec<_> = (0..threads).map(reader).collect();
        let of = blocks.points_of_pieces(pieces.clone());
        let merged = Mutex::new(Merged::new(pieces.start, of.end - of.start, self.report.take()));
        let (next, failed) = (AtomicUsize::new(pieces.start), AtomicBool::new(false));
        self.map.workers.run(threads, &|_, k| {
            let mut reader = lock(&readers[k]);
            // Pieces are taken in order, and finished once taken: of several errors the first is that of the first point.
            while !failed.load(Ordering::Relaxed) {
                let piece = next.fetch_add(1, Ordering::Relaxed);
                if piece >= pieces.end {
                    break;
                }
                let sum = reader.sum_of(piece);
                failed.fetch_or(sum.is_err(), Ordering::Relaxed);
                let of = blocks.points_of_pieces(piece..piece + 1);
                lock(&merged).add(piece, of.end - of.start, sum);
            }
        });
        merged.into_inner().unwrap_or_else(PoisonError::into_inner).finish()
    }
}

/// How points are cut into blocks, and those into pieces.
#[derive(Clone, Copy, Debug)]
pub(super) struct Blocks {
    points: u64,
    /// Points of a block, a power of two.
    each: u64,
}

impl Blocks {
    pub fn new(points: u64, n_inputs: usize) -> Self {
        let most = (BLOCK_NUMBERS / (n_inputs as u64).max(1)).max(1);
        Self { points, each: 1 << most.ilog2() }
    }

    /// The blocks of a piece.
    pub fn of_piece(&self, piece: usize) -> Range<u64> {
        let n = u128::from(self.points.div_ceil(self.each));
        let start = |piece: usize| (piece as u128 * n / PIECES as u128) as u64;
        start(piece)..start(piece + 1)
    }

    /// The points of some blocks.
    pub fn points(&self, blocks: Range<u64>) -> Range<u64> {
        let start = |block: u64| block.saturating_mul(self.each).min(self.points);
        start(blocks.start)..start(blocks.end)
    }

    pub fn points_of_pieces(&self, pieces: Range<usize>) -> Range<u64> {
        self.points(self.of_piece(pieces.start).start..self.of_piece(pieces.end).start)
    }
}

/// What a thread reads and computes with.
struct Reader<'a, T> {
    source: &'a dyn PointSource<T>,
    blocks: Blocks,
    shared: &'a [T],
    code: BlockCode<T>,
    /// The numbers of a block.
    rows: Vec<T>,
    sums: Vec<T>,
    /// This thread alone.
    workers: Workers,
}

impl<'a, T: Element> Reader<'a, T> {
    fn new(recorded: &Recorded<T>, source: &'a dyn PointSource<T>, blocks: Blocks, shared: &'a [T]) -> Self {
        let layout = Points::<T>::new(0).rows(&[], source.n_inputs()).layout();
        let code = BlockCode::new(&recorded.body, &points::sources(&layout), &recorded.targets, 1);
        let sums = vec![T::from_f64(0.0); recorded.sums];
        Self { source, blocks, shared, code, rows: Vec::new(), sums, workers: Workers::new(1) }
    }

    /// The sum of a piece, if there is a point in it.
    fn sum_of(&mut self, piece: usize) -> Result<Option<Vec<f64>>> {
        let mut tree = Tree::new();
        for block in self.blocks.of_piece(piece) {
            let points = self.blocks.points(block..block + 1);
            // A block fits into memory, or nothing does that holds one point.
            let n = (points.end - points.start) as usize;
            self.rows.resize(n * self.source.n_inputs(), T::from_f64(0.0));
            self.source.read(points.start, &mut self.rows)?;
            self.run(0..n);
            if !all_finite(&self.sums) {
                return Err(self.not_finite(points));
            }
            tree.push(Some(self.sums.iter().map(|sum| sum.to_f64()).collect()), add);
        }
        Ok(tree.finish(add))
    }

    /// Sums over some points of the block.
    fn run(&mut self, points: Range<usize>) {
        let width = self.source.n_inputs();
        let rows = &self.rows[points.start * width..points.end * width];
        self.sums.fill(T::from_f64(0.0));
        self.code.run(points.len(), &[rows], self.shared, &mut [&mut []], &mut self.sums, &mut self.workers);
    }

    /// Which point of a block is the first whose value or derivatives are not finite.
    fn not_finite(&mut self, points: Range<u64>) -> Error {
        for (k, point) in points.clone().enumerate() {
            self.run(k..k + 1);
            if let Some((at, sum)) = self.sums.iter().enumerate().find(|(_, sum)| !sum.to_f64().is_finite()) {
                let what = match at {
                    0 => "value".to_owned(),
                    _ => format!("derivative by shared number {}", at - 1),
                };
                let width = self.source.n_inputs();
                let numbers = shown(&self.rows[k * width..(k + 1) * width]);
                return Error::not_finite(format!(
                    "map: point {point}: its {what} is {sum}; its numbers are {numbers}"
                ));
            }
        }
        let Range { start, end } = points;
        let name = T::NAME;
        Error::not_finite(format!(
            "map: each of points {start}..{end} is finite, but their sum is beyond the range of {name}"
        ))
    }
}

/// The first numbers of a point.
fn shown<T: Element>(numbers: &[T]) -> String {
    const MOST: usize = 8;
    let first: Vec<String> = numbers.iter().take(MOST).map(|x| x.to_string()).collect();
    format!("[{}{}]", first.join(", "), if numbers.len() > MOST { ", ..." } else { "" })
}

/// Sums of pieces, put together in the pieces' order, whoever has them first.
struct Merged<'a> {
    tree: Tree<Vec<f64>>,
    /// The piece that comes next.
    next: usize,
    /// Those that are there before their turn.
    waiting: BTreeMap<usize, Option<Vec<f64>>>,
    /// The first error in the pieces' order, with its piece.
    error: Option<(usize, Error)>,
    done: u64,
    of: u64,
    report: Report<'a>,
}

impl<'a> Merged<'a> {
    fn new(next: usize, of: u64, report: Report<'a>) -> Self {
        Self { tree: Tree::new(), next, waiting: BTreeMap::new(), error: None, done: 0, of, report }
    }

    fn add(&mut self, piece: usize, points: u64, sum: Result<Option<Vec<f64>>>) {
        match sum {
            Ok(sum) => _ = self.waiting.insert(piece, sum),
            Err(error) => {
                if self.error.as_ref().is_none_or(|(first, _)| piece < *first) {
                    self.error = Some((piece, error));
                }
                return;
            }
        }
        while let Some(sum) = self.waiting.remove(&self.next) {
            self.tree.push(sum, add);
            self.next += 1;
        }
        self.done += points;
        if let Some(report) = self.report.as_mut().filter(|_| points > 0) {
            report(self.done, self.of);
        }
    }

    fn finish(self) -> Result<Option<Vec<f64>>> {
        match self.error {
            Some((_, error)) => Err(error),
            None => Ok(self.tree.finish(add)),
        }
    }
}

fn add(mut left: Vec<f64>, right: Vec<f64>) -> Vec<f64> {
    left.iter_mut().zip(right).for_each(|(left, right)| *left += right);
    left
}

/// An error unless all ranks have as many points, of as many numbers, and the same shared numbers.
pub(super) fn same_everywhere<T: Element>(world: &dyn World, source: &dyn PointSource<T>, shared: &[T]) -> Result<()> {
    if world.size() == 1 {
        return Ok(());
    }
    let mut own = Vec::new();
    for n in [source.n_points(), source.n_inputs() as u64] {
        own.extend(n.to_le_bytes());
    }
    world::write_numbers(shared, &mut own);
    let all = world::gather(world, &own)?;
    let Some(rank) = all.iter().position(|other| other != &all[0]) else { return Ok(()) };
    if let Some(rank) = all.iter().position(|other| other.len() < 16) {
        return Err(Error::argument(format!("map: rank {rank} sent something else: the ranks do not do the same")));
    }
    let (points, numbers) = (0..8, 8..16);
    let stated =
        |bytes: &[u8], at: Range<usize>| bytes[at].iter().rev().fold(0u64, |n, &byte| n << 8 | u64::from(byte));
    let (first, other) = (&all[0], &all[rank]);
    Err(Error::argument(if first[..16] == other[..16] {
        format!("map: rank {rank} has other shared numbers than rank 0")
    } else {
        format!(
            "map: rank 0 has {} points of {} numbers, rank {rank} {} of {}",
            stated(first, points.clone()),
            stated(first, numbers.clone()),
            stated(other, points),
            stated(other, numbers)
        )
    }))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
