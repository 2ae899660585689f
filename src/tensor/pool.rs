//! Buffers that wait for reuse, so that a warm training step allocates nothing.
//!
//! Whole shared buffers are kept, headers included, by exact length: a training step asks for the same lengths every time.
//! A buffer enters only when nothing else shares it. Its contents are stale: whoever takes one overwrites every element.
//!
//! A buffer that was not needed for [`ROUNDS`] rounds, of which a tape ends one whenever it is cleared, goes back to the system: so
//! lengths that are met once, as of sentences, do not pile up.

use super::buffer::{Buffer, Kind};
use super::{Shape, Tensor};
use crate::error::{OrPanic, Result};
use crate::num::Element;
use std::cell::{Cell, RefCell, RefMut};
use std::sync::Arc;

/// Buffers by length; `keep` is false for one-off computations, where everything is freed at once.
pub(crate) struct Pool<T> {
    shelves: RefCell<Vec<Shelf<T>>>,
    indices: RefCell<Vec<Arc<Vec<usize>>>>,
    /// An empty list, kept for its memory.
    spare: Cell<Vec<Tensor<T>>>,
    /// Rounds until the shelves are looked through.
    rounds: Cell<u32>,
    keep: bool,
}

/// How many rounds a buffer may wait for reuse.
const ROUNDS: u32 = 1000;

struct Shelf<T> {
    length: usize,
    buffers: Vec<Arc<Buffer<T>>>,
    /// How many buffers are out: no more are taken in, or data that is made anew for every step would pile up here.
    out: usize,
    /// How many have waited all the time since the shelves were looked through.
    idle: usize,
}

impl<T> Shelf<T> {
    fn take(&mut self) -> Option<Arc<Buffer<T>>> {
        self.out += 1;
        let buffer = self.buffers.pop();
        self.idle = self.idle.min(self.buffers.len());
        buffer
    }
    fn give(&mut self, buffer: Arc<Buffer<T>>) {
        if self.out > 0 {
            self.out -= 1;
            self.buffers.push(buffer);
        }
    }
}

/// Integer labels or indices of an op, shared with the pool.
pub(crate) type Indices = Arc<Vec<usize>>;

impl<T> Pool<T> {
    /// An empty list of tensors.
    pub fn spare_list(&self) -> Vec<Tensor<T>> {
        self.spare.take()
    }

    /// Takes a list back for its memory.
    pub fn keep_list(&self, mut list: Vec<Tensor<T>>) {
        list.clear();
        self.spare.set(list);
    }
}

impl<T: Element> Pool<T> {
    pub fn new() -> Self {
        Self {
            shelves: RefCell::default(),
            indices: RefCell::default(),
            spare: Cell::default(),
            rounds: Cell::new(ROUNDS),
            keep: true,
        }
    }

    /// A pool that keeps nothing.
    pub fn transient() -> Self {
        Self { keep: false, ..Self::new() }
    }

    /// A tensor of this shape that nothing else shares, for this op; its elements are stale.
    ///
    /// # Errors
    /// The system does not have the memory.
    pub fn take(&self, op: &str, shape: Shape) -> Result<Tensor<T>> {
        let found = if self.keep { self.shelf(shape.numel()).take() } else { None };
        let data = match found {
            Some(data) => data,
            None => Arc::new(Buffer::of_shape(op, &shape, T::from_f64(0.0), Kind::Pooled)?),
        };
        Ok(Tensor::from_parts(shape, data))
    }

    /// A tensor of this shape, filled by the closure, which must write every element.
    ///
    /// # Errors
    /// The system does not have the memory.
    #[inline]
    pub fn try_fill(&self, op: &str, shape: Shape, write: impl FnOnce(&mut [T])) -> Result<Tensor<T>> {
        let mut tensor = self.take(op, shape)?;
        write(tensor.unique_slice().expect("a buffer from the pool is not shared"));
        Ok(tensor)
    }

    /// As [`Pool::try_fill`].
    ///
    /// # Panics
    /// The system does not have the memory.
    #[inline]
    #[track_caller]
    pub fn fill(&self, op: &str, shape: Shape, write: impl FnOnce(&mut [T])) -> Tensor<T> {
        self.try_fill(op, shape, write).or_panic()
    }

    /// Takes the tensor's buffer back if nothing else shares it.
    pub fn give(&self, tensor: Tensor<T>) {
        if !self.keep {
            return;
        }
        let (_, data) = tensor.into_parts();
        if Arc::strong_count(&data) != 1 {
            return;
        }
        self.shelf(data.len()).give(data);
    }

    /// The shelf of a length.
    fn shelf(&self, length: usize) -> RefMut<'_, Shelf<T>> {
        RefMut::map(self.shelves.borrow_mut(), |shelves| {
            let at = shelves.iter().position(|shelf| shelf.length == length).unwrap_or_else(|| {
                shelves.push(Shelf { length, buffers: Vec::new(), out: 0, idle: 0 });
                shelves.len() - 1
            });
            &mut shelves[at]
        })
    }

    /// A copy of the indices in a recycled buffer.
    pub fn indices(&self, values: &[usize]) -> Indices {
        let mut buffer = self.indices.borrow_mut().pop().unwrap_or_default();
        let list = Arc::get_mut(&mut buffer).expect("an index buffer from the pool is not shared");
        list.clear();
        list.extend_from_slice(values);
        buffer
    }

    /// Takes an index buffer back if nothing else shares it.
    pub fn give_indices(&self, mut indices: Indices) {
        if self.keep && Arc::get_mut(&mut indices).is_some() {
            self.indices.borrow_mut().push(indices);
        }
    }

    /// Ends a round: buffers that have waited for [`ROUNDS`] of them go back to the system.
    #[inline]
    pub fn end_round(&self) {
        let left = self.rounds.get() - 1;
        self.rounds.set(if left == 0 { ROUNDS } else { left });
        if left == 0 {
            self.let_go();
        }
    }

    #[cold]
    #[inline(never)]
    fn let_go(&self) {
        let mut shelves = self.shelves.borrow_mut();
        for shelf in shelves.iter_mut() {
            shelf.buffers.truncate(shelf.buffers.len() - shelf.idle);
            shelf.idle = shelf.buffers.len();
        }
        // What is out comes back, or its shelf would take in nothing.
        shelves.retain(|shelf| shelf.out > 0 || !shelf.buffers.is_empty());
    }

    /// Lets go of everything that waits for reuse.
    pub fn clear(&self) {
        self.shelves.borrow_mut().clear();
        self.indices.borrow_mut().clear();
    }

    /// Bytes that wait for reuse.
    pub fn bytes(&self) -> usize {
        let shelves = self.shelves.borrow();
        shelves.iter().map(|shelf| shelf.length * shelf.buffers.len() * size_of::<T>()).sum()
    }
}
