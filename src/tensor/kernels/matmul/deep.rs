//! Products whose inner dimension is long: parts of it are multiplied for themselves, and added two by two.
//!
//! A tile adds along k one number after another, so that its rounding would grow with k. What a part leaves is bounded by the part,
//! and the sums of parts are carried as every long sum is ([`pairwise`]). A part is so deep that carrying it, which takes some passes
//! over C, is one or two per cent of its multiplications.

use super::blocks::{CacheLine, with_scratch};
use super::vector::Vector;
use super::{Product, flat, is_dots};
use crate::tensor::kernels::pairwise;
use std::cell::Cell;

/// The deepest product that one kernel takes whole. Dots have a sum in each lane.
const PART: usize = 4096;
const DOTS: usize = 512;

/// How deep the parts of a product are.
pub(super) fn part<V: Vector>(p: &Product<V::Elem>) -> usize {
    if is_dots::<V>(p) { DOTS * V::LANES } else { PART }
}

/// # Safety
/// The processor has V's instructions; the product's pointers are valid for its shape, none of whose sides is 0.
pub(super) unsafe fn multiply<V: Vector>(p: &Product<V::Elem>) {
    let (depth, size) = (part::<V>(p), p.m * p.n);
    let count = p.k.div_ceil(depth);
    let length = size * (1 + pairwise::levels(count));
    with_scratch(&SUMS, length * size_of::<V::Elem>(), |space| {
        let space = space.cast::<V::Elem>();
        // SAFETY: the scratch has the room and is nobody else's, and zeros are numbers.
        let numbers = unsafe {
            space.write_bytes(0, length);
            std::slice::from_raw_parts_mut(space, length)
        };
        let (sum, levels) = numbers.split_at_mut(size);
        for i in 0..count {
            let from = i * depth;
            // SAFETY: the part lies in the product, and its result in the scratch.
            unsafe {
                let a = p.a.add(from * if p.ta { p.lda } else { 1 });
                let b = p.b.add(from * if p.tb { 1 } else { p.ldb });
                let (k, c) = (depth.min(p.k - from), sum.as_mut_ptr());
                let part = Product { k, a, b, c, ldc: p.n, accumulate: false, ..*p };
                flat::<V>(&part)(&part);
            }
            pairwise::carry(sum, levels, size, 0, i + 1);
        }
        pairwise::settle(sum, levels, size, 0, count);
        for (i, row) in sum.chunks_exact(p.n).enumerate() {
            // SAFETY: row i of C has n elements, and nothing else refers to them.
            let c = unsafe { std::slice::from_raw_parts_mut(p.c.add(i * p.ldc), p.n) };
            if p.accumulate {
                c.iter_mut().zip(row).for_each(|(c, &x)| *c = *c + x);
            } else {
                c.copy_from_slice(row);
            }
        }
    })
}

thread_local! {
    /// Sums of parts, which are alive while parts use the blocks' scratch.
    static SUMS: Cell<Vec<CacheLine>> = const { Cell::new(Vec::new()) };
}
