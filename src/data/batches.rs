//! The batches of an epoch.
//!
//! An epoch is a permutation of the rows, which follows from seed and epoch alone ([`shuffled`]), cut into batches of one
//! size; the last one may be shorter. Batch k is therefore found without going through those before it, which is how training
//! goes on in the middle of an epoch.
//!
//! Cost: one copy of each row. There is a buffer for each number of rows: of full batches, of the last, short one, of the pieces
//! of either. Each is written again in place unless somebody still holds it, so an epoch in the steady state allocates nothing.
//! A batch of all rows in order shares the data's own buffers.

use super::Dataset;
use super::Targets;
use super::source::Inputs;
use crate::{Element, Error, Result, Shape, Tensor};
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::fmt;
use std::ops::Range;

/// Some rows of a data set: what one training step sees.
///
/// # Examples
/// ```
/// use retrograd::data::{Dataset, Order};
/// let data = Dataset::<f64>::labelled([[0.0], [1.0], [2.0]], vec![0, 1, 0])?;
/// let batches: Vec<_> = data.batches(2, Order::Sequential)?.collect();
/// assert_eq!((batches[0].len(), batches[1].len()), (2, 1));
/// assert_eq!(batches[0].inputs.to_vec(), [0.0, 1.0]);
/// assert_eq!(batches[0].targets.labels(), Some(&[0, 1][..]));
/// assert!(batches[0].weights.is_none());
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Batch<T> {
    /// Inputs, [rows, ...features].
    pub inputs: Tensor<T>,
    /// What they should give.
    pub targets: Targets<T>,
    /// A weight for each row, `[rows]`, where the data has weights.
    pub weights: Option<Tensor<T>>,
}

impl<T: Element> Batch<T> {
    /// The number of rows.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The order in which an epoch goes through the rows.
///
/// # Examples
/// ```
/// use retrograd::data::{Order, synthetic};
/// let data = synthetic::two_moons::<f64>(50, 0.1, 0)?;
/// let epoch = |order| data.batches(50, order).map(|mut batches| batches.next().unwrap().inputs);
/// assert_eq!(epoch(Order::Sequential)?, *data.inputs());
/// // The same epoch again is the same order; the next one is another.
/// assert_eq!(epoch(Order::shuffled(7, 0))?, epoch(Order::Shuffled { seed: 7, epoch: 0 })?);
/// assert_ne!(epoch(Order::shuffled(7, 0))?, epoch(Order::shuffled(7, 1))?);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As they are.
    Sequential,
    /// As [`shuffled`] puts them.
    Shuffled {
        /// The seed of the run.
        seed: u64,
        /// The number of the epoch.
        epoch: u64,
    },
}

impl Order {
    /// [`Order::Shuffled`], for this seed and epoch.
    pub fn shuffled(seed: u64, epoch: u64) -> Self {
        Order::Shuffled { seed, epoch }
    }
}

/// The batches of one epoch; made by [`Dataset::batches`].
///
/// As an iterator it gives owned batches, whose tensors share the buffers here: a loop that lets go of each batch before the
/// next copies labels alone anew. [`next_batch`](Batches::next_batch) lends the batch, and allocates nothing.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, data::{Dataset, Order}};
/// let data = Dataset::<f64>::labelled(Tensor::arange(5).try_reshape([5, 1])?, vec![0, 1, 0, 1, 0])?;
/// let mut batches = data.batches(2, Order::shuffled(1, 0))?;
/// assert_eq!(batches.count_all(), 3);
/// let mut rows = 0;
/// while let Some(batch) = batches.next_batch() {
///     rows += batch.len();
/// }
/// assert_eq!(rows, 5);
/// # Ok::<(), retrograd::Error>(())
/// ```
pub struct Batches<'a, T> {
    data: &'a Dataset<T>,
    size: usize,
    /// Whether a last batch that is shorter is left out.
    drop_last: bool,
    /// The rows in the order of the epoch; empty where they stay as they are.
    order: Vec<usize>,
    next: usize,
    /// By their numbers of rows, the one used last at the end.
    buffers: Vec<Batch<T>>,
    /// Why no more rows are read.
    error: Option<Error>,
}

/// So many numbers of rows have a buffer: batches and short ones, and pieces of two sizes of each.
const BUFFERS: usize = 6;

impl<'a, T: Element> Batches<'a, T> {
    pub(super) fn new(data: &'a Dataset<T>, size: usize, order: Order) -> Result<Self> {
        if size == 0 {
            return Err(Error::argument("batches: a batch size of 0; use 1 or more"));
        }
        let size = size.min(data.len());
        let mut batches =
            Self { data, size, drop_last: false, order: Vec::new(), next: 0, buffers: Vec::new(), error: None };
        batches.restart(order);
        Ok(batches)
    }

    /// Leaves out the last batch of each epoch where it is shorter than the others: in another order, those are other rows.
    pub fn drop_last(self) -> Self {
        Self { drop_last: true, ..self }
    }

    /// Begins another epoch, with the same memory.
    #[inline(never)]
    pub fn restart(&mut self, order: Order) {
        self.next = 0;
        self.order.clear();
        if let Order::Shuffled { seed, epoch } = order {
            self.order.extend(0..self.data.len());
            shuffle(&mut self.order, &mut generator(seed, Purpose::Shuffle, epoch));
        }
    }

    /// The number of batches in the epoch.
    pub fn count_all(&self) -> usize {
        match self.drop_last {
            true => self.data.len() / self.size,
            false => self.data.len().div_ceil(self.size),
        }
    }

    /// The number of the batch that comes next, from 0.
    pub fn position(&self) -> usize {
        self.next
    }

    /// Goes on at batch `position`; beyond the last one the epoch is over.
    #[inline(never)]
    pub fn seek(&mut self, position: usize) {
        self.next = position.min(self.count_all());
    }

    /// The next batch, in a buffer that the call after this one writes again.
    ///
    /// None after the last one; and where rows that are read on demand could not be read: [`check`](Batches::check) says so.
    #[inline(never)]
    pub fn next_batch(&mut self) -> Option<&Batch<T>> {
        let rows = self.next_len()?;
        self.next += 1;
        match self.rows_of(self.next - 1, 0..rows) {
            Ok(()) => self.buffers.last(),
            Err(error) => {
                (self.next, self.error) = (self.count_all(), Some(error));
                None
            }
        }
    }

    /// Whether all rows could be read so far.
    ///
    /// # Errors
    /// That of the [source](super::RowSource) of rows that are read on demand. Rows in memory have none.
    pub fn check(&self) -> Result<()> {
        self.error.clone().map_or(Ok(()), Err)
    }

    /// How many rows the next batch has; none after the last one.
    pub fn next_len(&self) -> Option<usize> {
        let start = self.next * self.size;
        (self.next < self.count_all()).then(|| self.size.min(self.data.len() - start))
    }

    /// The row of the data that is row k of the next batch.
    ///
    /// # Panics
    /// There is no such row.
    pub fn next_row(&self, k: usize) -> usize {
        let place = self.next * self.size + k;
        assert!(place < self.data.len(), "batches: no row {k} in batch {}", self.next);
        if self.order.is_empty() { place } else { self.order[place] }
    }

    /// These rows of the next batch, without going on to the one after it: [`seek`](Batches::seek) does. Other rows are not read.
    ///
    /// # Errors
    /// Rows that are read on demand could not be read.
    ///
    /// # Panics
    /// The next batch has fewer rows, or there is none.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Tensor, data::{Dataset, Order}};
    /// let data = Dataset::<f64>::labelled(Tensor::arange(8).try_reshape([8, 1])?, vec![0, 1, 0, 1, 0, 1, 0, 1])?;
    /// let mut batches = data.batches(4, Order::Sequential)?;
    /// batches.seek(1);
    /// assert_eq!(batches.next_piece(2..4)?.inputs.to_vec(), [6.0, 7.0]);
    /// assert_eq!((batches.position(), batches.next_row(2)), (1, 6));
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    #[inline(never)]
    pub fn next_piece(&mut self, rows: Range<usize>) -> Result<&Batch<T>> {
        let most = self.next_len().unwrap_or(0);
        assert!(rows.end <= most, "batches: rows {rows:?} of a batch of {most}");
        self.rows_of(self.next, rows)?;
        Ok(self.buffers.last().expect("they were just read"))
    }

    /// As [`Batches::next_piece`], into a batch of the caller's, which is made where there is none: for several pieces at once.
    ///
    /// # Errors
    /// As [`Batches::next_piece`].
    ///
    /// # Panics
    /// As [`Batches::next_piece`].
    #[inline(never)]
    pub fn next_piece_into(&mut self, rows: Range<usize>, piece: &mut Option<Batch<T>>) -> Result<()> {
        let most = self.next_len().unwrap_or(0);
        assert!(rows.end <= most, "batches: rows {rows:?} of a batch of {most}");
        let start = self.next * self.size;
        let rows = start + rows.start..start + rows.end;
        let order = (!self.order.is_empty()).then(|| self.order[rows.start..].split_at(rows.len()));
        fill(piece, self.data, order, rows)
    }

    /// Puts these rows of a batch into the last buffer.
    fn rows_of(&mut self, batch: usize, rows: Range<usize>) -> Result<()> {
        let start = batch * self.size;
        let rows = start + rows.start..start + rows.end;
        let found = self.buffers.iter().position(|buffer| buffer.len() == rows.len());
        let mut slot = found.map(|k| self.buffers.remove(k));
        if self.buffers.len() == BUFFERS {
            self.buffers.remove(0);
        }
        // These rows, and those after them.
        let order = (!self.order.is_empty()).then(|| self.order[rows.start..].split_at(rows.len()));
        fill(&mut slot, self.data, order, rows)?;
        self.buffers.extend(slot);
        Ok(())
    }
}

impl<T: Element> Iterator for Batches<'_, T> {
    type Item = Batch<T>;

    fn next(&mut self) -> Option<Batch<T>> {
        self.next_batch().cloned()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.count_all() - self.next;
        (left, Some(left))
    }
}

impl<T: Element> ExactSizeIterator for Batches<'_, T> {}

impl<T: Element> fmt::Debug for Batch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inputs, targets, weights } = self;
        f.debug_struct("Batch").field("inputs", inputs).field("targets", targets).field("weights", weights).finish()
    }
}

/// Where the epoch is, without the rows.
impl<T: Element> fmt::Debug for Batches<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Batches");
        fields.field("size", &self.size).field("position", &self.next).field("of", &self.count_all()).finish()
    }
}

/// Writes the rows into the slot: those that `order` names first, or the range itself.
fn fill<T: Element>(
    slot: &mut Option<Batch<T>>,
    data: &Dataset<T>,
    order: Option<(&[usize], &[usize])>,
    range: Range<usize>,
) -> Result<()> {
    if order.is_none() && range.len() == data.len() && !data.is_on_demand() {
        let shared = slot.take().filter(|batch| batch.inputs.shares_buffer_with(data.inputs()));
        *slot = Some(shared.unwrap_or_else(|| data.as_batch()));
        return Ok(());
    }
    let batch = slot.get_or_insert_with(|| Batch {
        inputs: Tensor::zeros([0]),
        targets: data.targets().nothing(),
        weights: data.weights().map(|_| Tensor::zeros([0])),
    });
    match order {
        Some((rows, next)) => data.gather(rows, next, batch),
        None => data.copy_range(range, batch),
    }
}

impl<T: Element> Dataset<T> {
    /// The rows into the batch, which has weights where the data has; those that come next are fetched meanwhile.
    fn gather(&self, rows: &[usize], next: &[usize], batch: &mut Batch<T>) -> Result<()> {
        match self.held_or_not() {
            Inputs::Held(inputs) => inputs.select_rows_into(rows, next, &mut batch.inputs),
            Inputs::OnDemand(inputs) => inputs.read(rows.iter().copied(), &mut batch.inputs)?,
        }
        self.targets().gather(rows, &mut batch.targets);
        if let (Some(from), Some(to)) = (self.weights(), &mut batch.weights) {
            from.select_rows_into(rows, &[], to);
        }
        Ok(())
    }

    fn copy_range(&self, range: Range<usize>, batch: &mut Batch<T>) -> Result<()> {
        match self.held_or_not() {
            Inputs::Held(inputs) => copy_range(inputs, range.clone(), &mut batch.inputs),
            Inputs::OnDemand(inputs) => inputs.read(range.clone(), &mut batch.inputs)?,
        }
        match (self.targets(), &mut batch.targets) {
            (Targets::Labels(from), Targets::Labels(to)) => {
                to.clear();
                to.extend_from_slice(&from[range.clone()]);
            }
            (Targets::Values(from), Targets::Values(to)) => copy_range(from, range.clone(), to),
            _ => unreachable!("a batch has the data's kind of targets"),
        }
        if let (Some(from), Some(to)) = (self.weights(), &mut batch.weights) {
            copy_range(from, range, to);
        }
        Ok(())
    }

    /// All rows in order, sharing the data's buffers.
    #[inline(never)]
    pub fn as_batch(&self) -> Batch<T> {
        Batch { inputs: self.inputs().clone(), targets: self.targets().clone(), weights: self.weights().cloned() }
    }
}

fn copy_range<T: Element>(from: &Tensor<T>, range: Range<usize>, to: &mut Tensor<T>) {
    let features = &from.shape()[1..];
    let width = features.iter().product::<usize>();
    let source = &from.as_slice()[range.start * width..range.end * width];
    if to.shape().first() == Some(&range.len()) && to.shape()[1..] == *features {
        to.as_mut_slice().copy_from_slice(source);
    } else {
        let shape = std::iter::once(range.len()).chain(features.iter().copied()).collect::<crate::Shape>();
        *to = Tensor::new(shape, source.to_vec()).expect("as many elements as the shape says");
    }
}

/// What random numbers are drawn for; a part of their key, so that no purpose sees another's numbers.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Shuffle,
    Split,
    Folds,
    Synthetic,
}

/// ChaCha8 under the key of four little-endian u64: seed, purpose (eight letters), epoch, 0.
pub(super) fn generator(seed: u64, purpose: Purpose, epoch: u64) -> ChaCha8Rng {
    let tag = match purpose {
        Purpose::Shuffle => b"shuffle\0",
        Purpose::Split => b"split\0\0\0",
        Purpose::Folds => b"folds\0\0\0",
        Purpose::Synthetic => b"synthet\0",
    };
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(tag);
    key[16..24].copy_from_slice(&epoch.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// Shuffles by Fisher and Yates, from the end. Spelt out, so that an order does not depend on a library's version.
///
/// The index is the high word of a product (Lemire): off from uniform by less than n / 2^64.
pub(super) fn shuffle(order: &mut [usize], rng: &mut impl RngCore) {
    for i in (1..order.len()).rev() {
        let j = (u128::from(rng.next_u64()) * (i as u128 + 1)) >> 64;
        order.swap(i, j as usize);
    }
}

/// 0..n in the order of this epoch: a permutation that follows from seed and epoch alone, on every machine.
///
/// Drawn from ChaCha8 under a key of seed, purpose and epoch; shuffled by Fisher and Yates.
///
/// # Examples
/// ```
/// use retrograd::data::shuffled;
/// assert_eq!(shuffled(5, 1, 0), shuffled(5, 1, 0));
/// assert_ne!(shuffled(50, 1, 0), shuffled(50, 1, 1));
/// ```
///
/// # Panics
/// The system does not have memory for so many.
#[track_caller]
pub fn shuffled(n: usize, seed: u64, epoch: u64) -> Vec<usize> {
    Shape::fitting::<usize>("shuffled", &[n]).unwrap_or_else(|error| panic!("{error}"));
    let mut order: Vec<usize> = (0..n).collect();
    shuffle(&mut order, &mut generator(seed, Purpose::Shuffle, epoch));
    order
}
