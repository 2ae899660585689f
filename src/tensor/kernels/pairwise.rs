//! Sums whose rounding grows with the logarithm of how much is added: the one mechanism behind every long sum.
//!
//! What is added comes in blocks of bounded length, and the sums of blocks are added two by two, then the sums of two, and so on,
//! as the digits of a binary counter carry. Level l holds the sum of 2^l blocks where bit l of the count is set, so a sum of n blocks
//! needs log2(n) levels and adds each number log2(n) times at most. Rows, columns, rows that are scattered, running sums, products
//! of matrices and the sums of compiled programs all end here: [`Counter`] is of numbers, [`carry`] and [`settle`] of rows of them.
//! The order follows from lengths alone, never from threads.
//!
//! **Rejected:** compensated sums, which take four additions for one in every block; sums in double precision, which f64 has none of.

use crate::num::Element;
use std::ops::Add;

/// Blocks that a counter of so many levels takes: more than memory has.
pub(crate) const LEVELS: usize = 40;

/// Sums of blocks, added two by two.
pub(crate) struct Counter<T> {
    levels: [T; LEVELS],
    count: usize,
}

impl<T: Element> Counter<T> {
    #[inline(always)]
    pub fn new() -> Self {
        Self { levels: [T::from_f64(0.0); LEVELS], count: 0 }
    }

    /// Adds the sum of a block.
    #[inline(always)]
    pub fn push(&mut self, block: T) {
        let mut sum = block;
        self.count += 1;
        let full = self.count.trailing_zeros() as usize;
        for &level in &self.levels[..full] {
            sum = level + sum;
        }
        self.levels[full] = sum;
    }

    /// The sum of all that was pushed.
    #[inline(always)]
    pub fn total(&self) -> T {
        let mut sum = T::from_f64(0.0);
        let mut left = self.count;
        while left != 0 {
            sum = self.levels[left.trailing_zeros() as usize] + sum;
            left &= left - 1;
        }
        sum
    }

    /// The sum of all that was pushed, and of nothing from here on.
    #[inline(always)]
    pub fn take(&mut self) -> T {
        let sum = self.total();
        self.count = 0;
        sum
    }
}

/// How many levels a count of blocks has.
pub(crate) fn levels(blocks: usize) -> usize {
    (usize::BITS - blocks.leading_zeros()) as usize
}

/// Carries the sum of block number `count`, which counts from 1, to its level; `block` is then zeros, for the next one.
///
/// `levels` are rows of `stride` elements, of which those from `from` on belong to the block.
#[inline(always)]
pub(crate) fn carry<T: Copy + Default + Add<Output = T>>(
    block: &mut [T],
    levels: &mut [T],
    stride: usize,
    from: usize,
    count: usize,
) {
    let full = count.trailing_zeros() as usize;
    for level in 0..full {
        for (sum, &x) in block.iter_mut().zip(&levels[level * stride + from..]) {
            *sum = x + *sum;
        }
    }
    let level = &mut levels[full * stride + from..][..block.len()];
    for (level, sum) in level.iter_mut().zip(block) {
        *level = *sum;
        *sum = T::default();
    }
}

/// Adds the levels of `count` blocks to `block`.
#[inline(always)]
pub(crate) fn settle<T: Copy + Add<Output = T>>(
    block: &mut [T],
    levels: &[T],
    stride: usize,
    from: usize,
    count: usize,
) {
    let mut left = count;
    while left != 0 {
        let level = left.trailing_zeros() as usize;
        for (sum, &x) in block.iter_mut().zip(&levels[level * stride + from..]) {
            *sum = x + *sum;
        }
        left &= left - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of so many blocks of 1, 2, 3, ...
    #[test]
    fn a_counter_adds_everything_once() {
        for n in 0..70 {
            let (mut counter, mut block, mut rows) = (Counter::new(), [0.0; 3], vec![f64::NAN; 7 * 5]);
            for i in 1..=n {
                counter.push(i as f64);
                block.iter_mut().for_each(|x| *x += i as f64);
                carry(&mut block, &mut rows, 5, 2, i);
            }
            settle(&mut block, &rows, 5, 2, n);
            let expected = (n * (n + 1) / 2) as f64;
            assert_eq!((counter.total(), block), (expected, [expected; 3]));
            assert_eq!((counter.take(), counter.total()), (expected, 0.0));
        }
    }

    #[test]
    fn the_rounding_of_a_counter_grows_with_the_logarithm() {
        let mut counter = Counter::new();
        let (n, mut plain) = (1 << 20, 0f32);
        for _ in 0..n {
            counter.push(0.1f32);
            plain += 0.1;
        }
        let error = |sum: f32| (f64::from(sum) / (f64::from(0.1f32) * n as f64) - 1.0).abs();
        assert_eq!(error(counter.total()), 0.0);
        assert!(error(plain) > 1e-3);
    }
}
