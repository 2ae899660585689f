//! The elements of a tensor: a vector, and where in it they begin.
//!
//! Large buffers of the engine's own begin on a cache line, and one after another at different places within their pages. The
//! allocator would put each of them at the same place; elements of one index then share a set of the first-level cache, and
//! a loop over four such buffers misses it at every other step. Adam on 100,352 f32 (Zen 4): 45 to 110 microseconds, as the
//! addresses fall out, and 30 with places 512 bytes apart. Places less than 256 bytes apart gain little.
//!
//! A vector from outside stays where it is. No result depends on where elements lie.

use super::Shape;
use crate::error::{Error, OrPanic, Result};
use crate::num::Element;
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Elements at the end of a vector.
pub(crate) struct Buffer<T> {
    vec: Vec<T>,
    start: usize,
}

/// What a buffer is for: the two kinds have places of their own, so that a gradient never shares one with an optimiser's
/// state. The first place of a page is where vectors from outside begin.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// Results of ops and gradients.
    Pooled,
    /// What a user or an optimiser keeps.
    Kept,
}

const PAGE: usize = 4096;
/// Distance of two places within a page.
const PLACE: usize = 512;
/// Smaller buffers stay where they are: for them, room to move costs more than it gains.
const LARGE: usize = 4 * PAGE;

/// From so many bytes on, the system is asked whether it has them: below, a refusal ends the process, as everywhere in Rust.
const ASKED: usize = 256 << 20;

/// Whether the system has memory for so many elements of this op's result.
///
/// # Errors
/// It refuses.
fn ask<T>(op: &str, shape: &Shape, n: usize) -> Result<()> {
    let bytes = n.saturating_mul(size_of::<T>());
    if bytes < ASKED || Vec::<T>::new().try_reserve_exact(n).is_ok() {
        return Ok(());
    }
    Err(Error::shape(format!("{op}: shape {shape} takes {bytes} bytes, which the system does not have")))
}

impl Shape {
    /// The shape of these lengths, if the system has memory for so many elements of this type, for an op by whose name the
    /// error goes. Nothing is kept: another process may take the memory before it is asked for.
    ///
    /// # Errors
    /// As [`Shape::new`]; the system refuses.
    ///
    /// # Examples
    /// ```
    /// use retrograd::Shape;
    /// assert_eq!(Shape::fitting::<f64>("table", &[1 << 10, 2])?.numel(), 2048);
    /// let error = Shape::fitting::<f64>("table", &[1 << 50]).unwrap_err().to_string();
    /// assert_eq!(error, "table: shape [1125899906842624] takes 9007199254740992 bytes, which the system does not have");
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn fitting<T>(op: &str, lengths: &[usize]) -> Result<Self> {
        let shape = Self::of(op, lengths)?;
        ask::<T>(op, &shape, shape.numel())?;
        Ok(shape)
    }
}

/// An empty vector with room for a shape's elements.
///
/// # Panics
/// The system does not have the memory.
#[track_caller]
pub(crate) fn room<T>(op: &str, shape: &Shape) -> Vec<T> {
    ask::<T>(op, shape, shape.numel()).or_panic();
    Vec::with_capacity(shape.numel())
}

impl<T: Element> Buffer<T> {
    /// As many times the value as the shape has elements.
    ///
    /// # Errors
    /// The system does not have the memory.
    pub fn of_shape(op: &str, shape: &Shape, value: T, kind: Kind) -> Result<Self> {
        let n = shape.numel();
        ask::<T>(op, shape, n.saturating_add(PAGE))?;
        Ok(Self::full(n, value, kind))
    }

    /// `n` times the value.
    pub fn full(n: usize, value: T, kind: Kind) -> Self {
        let size = size_of::<T>();
        if n * size < LARGE {
            return vec![value; n].into();
        }
        let mut vec = vec![value; n + PAGE / size];
        let start = (place(kind).wrapping_sub(vec.as_ptr().addr()) % PAGE) / size;
        vec.truncate(start + n);
        Self { vec, start }
    }
}

/// The offset in its page for the next buffer: of the eight places, the odd ones or the even ones but the first, in turn.
fn place(kind: Kind) -> usize {
    // Where numbers lie is no part of any result, so that tapes and threads may share this counter.
    static BUFFERS: AtomicUsize = AtomicUsize::new(0);
    let turn = BUFFERS.fetch_add(1, Ordering::Relaxed);
    PLACE
        * match kind {
            Kind::Pooled => 2 * (turn % 4) + 1,
            Kind::Kept => 2 * (turn % 3) + 2,
        }
}

impl<T> Buffer<T> {
    /// The elements, for writing.
    #[inline]
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.vec[self.start..]
    }
    /// The elements as a vector, moved to its beginning where they are not there.
    pub fn into_vec(mut self) -> Vec<T> {
        if self.start > 0 {
            self.vec.drain(..self.start);
        }
        self.vec
    }
}

impl<T> From<Vec<T>> for Buffer<T> {
    fn from(vec: Vec<T>) -> Self {
        Self { vec, start: 0 }
    }
}

impl<T> FromIterator<T> for Buffer<T> {
    fn from_iter<I: IntoIterator<Item = T>>(iter: I) -> Self {
        Vec::from_iter(iter).into()
    }
}

impl<T> Deref for Buffer<T> {
    type Target = [T];
    #[inline]
    fn deref(&self) -> &[T] {
        &self.vec[self.start..]
    }
}

impl<T: Element> Clone for Buffer<T> {
    fn clone(&self) -> Self {
        let mut copy = Self::full(self.len(), T::from_f64(0.0), Kind::Kept);
        copy.as_mut_slice().copy_from_slice(self);
        copy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offset<T>(buffer: &Buffer<T>) -> usize {
        buffer.as_ptr().addr() % PAGE
    }

    #[test]
    fn large_buffers_lie_on_cache_lines_at_different_places_of_their_pages() {
        let state: Vec<Buffer<f32>> = (0..3).map(|_| Buffer::full(100_000, 0.0, Kind::Kept)).collect();
        let gradient = Buffer::full(100_000, 0.0f32, Kind::Pooled);
        let clone = state[0].clone();
        assert!(state.iter().chain([&gradient, &clone]).all(|buffer| offset(buffer) % 64 == 0));
        // Other tests run beside this one and take turns too, so that only the kinds are sure to differ.
        assert!(state.iter().all(|buffer| (offset(buffer) / PLACE).is_multiple_of(2) && offset(buffer) != 0));
        assert_eq!(offset(&gradient) / PLACE % 2, 1);
    }

    #[test]
    fn elements_survive_the_move_to_a_vector() {
        for n in [0, 1, 5000, 100_003] {
            let mut buffer = Buffer::full(n, 1.5f64, Kind::Pooled);
            assert_eq!(buffer.len(), n);
            if let Some(last) = buffer.as_mut_slice().last_mut() {
                *last = -2.0;
            }
            let mut expected = vec![1.5; n];
            expected.iter_mut().rev().take(1).for_each(|last| *last = -2.0);
            assert_eq!(&*buffer.clone(), &expected[..]);
            assert_eq!(buffer.into_vec(), expected);
        }
    }

    #[test]
    fn a_vector_from_outside_stays_where_it_is() {
        let vec = vec![1.0f32; 100_000];
        let at = vec.as_ptr();
        let buffer = Buffer::from(vec);
        assert_eq!(buffer.as_ptr(), at);
        let vec = buffer.into_vec();
        assert_eq!(vec.as_ptr(), at);
    }
}
