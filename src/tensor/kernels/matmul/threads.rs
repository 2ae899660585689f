//! Products cut into rows or columns for several threads.
//!
//! **Invariant.** The bits are those of one thread. An element's sum is cut into blocks by k alone, and a part is never so
//! small that another kernel would take it, so it does not matter where C is cut.
//!
//! A product below [`SMALL`] operations stays on one thread: waking another takes about as long as 2 to 4 MFLOP do.

use super::{Gemm, Product};
use crate::num::simd::Level;
use crate::parallel::Workers;
use smallvec::SmallVec;

/// Operations from which a second thread pays.
const SMALL: usize = 8_000_000;
/// No part of a product, for a thread or a panel, has fewer rows or columns: then every part runs the kernels that the whole
/// would. From so many rows on it pays to pack B.
pub const PART: usize = 48;

/// A part's description that threads may share: each writes rows or columns of its own.
struct Shared<'a, T>(&'a Product<T>);
// SAFETY: the pointers are read but for C, of which each thread writes another part.
unsafe impl<T: Send + Sync> Sync for Shared<'_, T> {}

impl<T> Shared<'_, T> {
    fn part(&self, part: Part) -> Product<T> {
        self::part(self.0, part)
    }
}

/// Rows of a product, or columns.
#[derive(Clone, Copy)]
pub(super) struct Part {
    by_rows: bool,
    from: usize,
    to: usize,
}

/// The part of a product.
pub(super) fn part<T>(p: &Product<T>, Part { by_rows, from, to }: Part) -> Product<T> {
    // The addresses lie in the matrices where there are any.
    let (a, b, c) = match by_rows {
        true => (p.a.wrapping_add(from * if p.ta { 1 } else { p.lda }), p.b, p.c.wrapping_add(from * p.ldc)),
        false => (p.a, p.b.wrapping_add(from * if p.tb { p.ldb } else { 1 }), p.c.wrapping_add(from)),
    };
    let (m, n) = if by_rows { (to - from, p.n) } else { (p.m, to - from) };
    Product { m, n, a, b, c, ..*p }
}

/// The parts of a product for so many threads: one that is all of it, where cutting does not pay.
pub(super) fn parts<T>(p: &Product<T>, threads: usize) -> impl Iterator<Item = Part> + use<T> {
    let by_rows = p.m >= p.n;
    let longer = if by_rows { p.m } else { p.n };
    let most = threads.min(longer / PART);
    let count = if most < 2 || is_small([p.m, p.n, p.k]) || p.m < PART { 1 } else { most };
    // Cuts fall on whole vectors and tiles, and the last part takes what is over.
    let cut = move |i: usize| if i == count { longer } else { longer / PART * i / count * PART };
    (0..count).map(move |i| Part { by_rows, from: cut(i), to: cut(i + 1) })
}

/// Whether a product stays on one thread, however many there are.
pub fn is_small([m, n, k]: [usize; 3]) -> bool {
    m.saturating_mul(n).saturating_mul(k) < SMALL / 2
}

/// Whether a product can be made ready for one thread: it is small, and no side is 0.
pub fn is_bound(sizes: [usize; 3]) -> bool {
    !sizes.contains(&0) && is_small(sizes)
}

/// Whether rows of a product are products of the same kernels: a column is multiplied as a row, and without a step down there
/// is nothing to multiply, or no row of A to step along.
pub fn has_rows_to_cut([m, n, k]: [usize; 3]) -> bool {
    m > 0 && n > 1 && k > 1
}

/// # Safety
/// As for [`Gemm::run`].
pub(super) unsafe fn run<T: Gemm>(level: Level, p: &Product<T>, workers: &mut Workers) {
    let parts: SmallVec<[Part; 16]> = parts(p, workers.threads()).collect();
    if parts.len() == 1 {
        // SAFETY: by contract.
        return unsafe { T::run(level, p) };
    }
    let shared = Shared(p);
    let (shared, parts) = (&shared, &parts);
    workers.run(parts.len(), &|_, i| {
        // SAFETY: the parts lie in the product and do not overlap.
        unsafe { T::run(level, &shared.part(parts[i])) }
    });
}
