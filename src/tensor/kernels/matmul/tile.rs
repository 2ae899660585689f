//! The tile: rows by up to three vectors of C held in registers while p runs over the inner dimension.
//!
//! It reads A where it lies (one broadcast per row) and rows of B that are contiguous, packed or not. Each element of C
//! is one chain of additions in the order of p, except in tiles of so few elements that latency would show: those keep
//! several chains, unless the bits of a row are not to depend on how many rows there are. Cost on AVX-512, 8 rows by 3 vectors: 24 fused multiply-adds for 11 loads, 98 % of the processor's
//! peak on data in the L1 cache.

use super::vector::{Kernel, Vector};

/// A column of tiles of C: `tiles` tiles below one another, each `MR` rows by up to three vectors, all against one
/// panel of B.
#[derive(Clone, Copy)]
pub(super) struct Strip<T> {
    pub tiles: usize,
    pub k: usize,
    pub a: *const T,
    /// Distance in A from one row to the next, from one p to the next, and from one tile to the next.
    pub a_row: usize,
    pub a_step: usize,
    pub a_tile: usize,
    /// The first tile's row MR / 2. It could be computed, but then the compiler chains every row's address to the one
    /// before, and twelve dependent additions take as long as the arithmetic.
    pub a_half: *const T,
    /// Row p of the panel begins at b + p * b_step.
    pub b: *const T,
    pub b_step: usize,
    pub c: *mut T,
    pub c_row: usize,
    /// Lanes in use of the last vector, 1 ..= LANES.
    pub tail: usize,
    /// Whether rows of B may be read to the end of their last vector.
    pub b_is_padded: bool,
    pub accumulate: bool,
    /// Whether each element is one chain whatever the tile is.
    pub in_order: bool,
}

/// `U` chains of additions per element hide the latency of tiles too small to do so by themselves.
struct Tile<'s, V: Vector, const MR: usize, const NV: usize, const U: usize, const FULL: bool>(&'s Strip<V::Elem>);

impl<V: Vector, const MR: usize, const NV: usize, const U: usize, const FULL: bool> Kernel
    for Tile<'_, V, MR, NV, U, FULL>
{
    #[inline(always)]
    unsafe fn run(self) {
        let s = *self.0;
        // SAFETY: `strip` answers for the pointers; the mask keeps the last vector inside B and C. Behind the last row and tile
        // the pointers may leave their matrix, and are not used: hence the wrapping steps.
        unsafe {
            let mask = V::mask(s.tail);
            let whole = !V::MASKS_ARE_FREE && s.tail == V::LANES;
            let (mut a_tile, mut c_tile) = ([s.a, s.a_half], s.c);
            for _ in 0..s.tiles {
                let mut acc = [[[V::zero(); NV]; MR]; U];
                let (mut a, mut b) = (a_tile, s.b);
                for _ in 0..s.k / U {
                    for acc in &mut acc {
                        step::<V, MR, NV, FULL>(acc, a, s.a_row, b, mask);
                        a = [a[0].wrapping_add(s.a_step), a[1].wrapping_add(s.a_step)];
                        b = b.wrapping_add(s.b_step);
                    }
                }
                if U > 1 {
                    for _ in 0..s.k % U {
                        step::<V, MR, NV, FULL>(&mut acc[0], a, s.a_row, b, mask);
                        a = [a[0].wrapping_add(s.a_step), a[1].wrapping_add(s.a_step)];
                        b = b.wrapping_add(s.b_step);
                    }
                    for u in 1..U {
                        for i in 0..MR {
                            for v in 0..NV {
                                acc[0][i][v] = acc[0][i][v].plus(acc[u][i][v]);
                            }
                        }
                    }
                }
                for i in 0..MR {
                    for v in 0..NV {
                        put::<V>(
                            acc[0][i][v],
                            c_tile.add(i * s.c_row + v * V::LANES),
                            v + 1 < NV || whole,
                            mask,
                            s.accumulate,
                        );
                    }
                }
                a_tile = [a_tile[0].wrapping_add(s.a_tile), a_tile[1].wrapping_add(s.a_tile)];
                c_tile = c_tile.wrapping_add(MR * s.c_row);
            }
        }
    }
}

/// acc += a[0..MR, p] b[p, 0..NV]
#[inline(always)]
unsafe fn step<V: Vector, const MR: usize, const NV: usize, const FULL: bool>(
    acc: &mut [[V; NV]; MR],
    a: [*const V::Elem; 2],
    a_row: usize,
    b: *const V::Elem,
    mask: V::Mask,
) {
    // SAFETY: the caller's pointers are valid for MR rows of A and NV vectors of B, the last one masked.
    unsafe {
        let mut bs = [V::zero(); NV];
        for v in 0..NV {
            let p = b.add(v * V::LANES);
            bs[v] = if FULL || v + 1 < NV { V::load(p) } else { V::load_part(p, mask) };
        }
        for i in 0..MR {
            let x = V::splat(if i < MR / 2 { a[0].add(i * a_row) } else { a[1].add((i - MR / 2) * a_row) });
            for v in 0..NV {
                acc[i][v] = x.mul_add(bs[v], acc[i][v]);
            }
        }
    }
}

/// c = x, or c += x.
#[inline(always)]
pub(super) unsafe fn put<V: Vector>(x: V, c: *mut V::Elem, full: bool, mask: V::Mask, accumulate: bool) {
    // SAFETY: c is valid for the lanes of the mask, or for all when full.
    unsafe {
        match (full, accumulate) {
            (true, false) => x.store(c),
            (true, true) => V::load(c).plus(x).store(c),
            (false, false) => x.store_part(c, mask),
            (false, true) => V::load_part(c, mask).plus(x).store_part(c, mask),
        }
    }
}

/// Computes `s.tiles` tiles of `rows` rows by `vectors` vectors.
///
/// # Safety
/// The processor has V's instructions; the strip's A, B and C lie in their matrices; `rows` is at most `V::ROWS[vectors
/// - 1]`.
pub(super) unsafe fn strip<V: Vector>(rows: usize, vectors: usize, s: &Strip<V::Elem>) {
    // SAFETY: by contract.
    unsafe {
        if !V::MASKS_ARE_FREE && (s.b_is_padded || s.tail == V::LANES) {
            dispatch::<V, true>(rows, vectors, s)
        } else {
            dispatch::<V, false>(rows, vectors, s)
        }
    }
}

/// How many chains of additions an element has in a tile, unless it is [in order](Strip::in_order).
pub(super) const fn chains(rows: usize, vectors: usize) -> usize {
    match (vectors, rows) {
        (1, ..=2) | (2, 1) => 4,
        (1, ..=4) | (2, 2) | (3, 1) => 2,
        _ => 1,
    }
}

/// One chain, as where rows are not to depend on others.
const fn in_order(_rows: usize, _vectors: usize) -> usize {
    1
}

macro_rules! arms {
    ($rows:ident, $s:ident, $nv:literal, $chains:ident, $($mr:literal),*) => {
        match $rows {
            $($mr if const { $mr <= V::ROWS[$nv - 1] } => V::enter(Tile::<V, $mr, $nv, { $chains($mr, $nv) }, FULL>($s)),)*
            _ => unreachable!("a tile of {} rows", $rows),
        }
    };
}

unsafe fn dispatch<V: Vector, const FULL: bool>(rows: usize, vectors: usize, s: &Strip<V::Elem>) {
    // SAFETY: by the contract of `strip`.
    unsafe {
        match vectors {
            1 if s.in_order => arms!(rows, s, 1, in_order, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12),
            2 if s.in_order => arms!(rows, s, 2, in_order, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12),
            _ if s.in_order => arms!(rows, s, 3, in_order, 1, 2, 3, 4, 5, 6, 7, 8),
            1 => arms!(rows, s, 1, chains, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12),
            2 => arms!(rows, s, 2, chains, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12),
            _ => arms!(rows, s, 3, chains, 1, 2, 3, 4, 5, 6, 7, 8),
        }
    }
}
