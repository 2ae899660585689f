//! Products of one shape that are added up two by two: the gradient of a weight by the pieces of a batch.
//!
//! The result is that of each product by itself, and sums in the order of a binary tree, bit for bit: ((p0 + p1) + (p2 + p3)). But it is
//! written once. A few tiles of C are made ready before the next ones begin: each product's tiles are added where their left
//! neighbour is, and of the sums that wait one for each level is in the first-level cache.
//!
//! **Invariant.** An element of a product is one chain of additions in the order of k, here as there: what would be cut in k, or computed
//! by several chains, is refused ([`fits`]). So it does not matter that blocks and tiles are others than those of each product.

use super::blocks::{Cut, DEPTH, SCRATCH, each, pack_tiles, tiles, with_scratch};
use super::pack::{PackB, panel};
use super::tile::{Strip, put, strip};
use super::vector::{Kernel, Vector};
use super::{Place, Product, is_blocks};

/// The most products.
const MOST: usize = 64;
/// Tiles of C that are made ready at a time: with a sum that waits, and a panel of B, they stay in the first-level cache.
const GROUP: usize = 4;

/// Whether so many products can be added up here.
pub(super) fn fits<V: Vector>(p: &Product<V::Elem>, count: usize) -> bool {
    let is_tree = count.is_power_of_two() && count <= MOST;
    let is_whole = is_blocks::<V>(p) && p.k <= DEPTH && !p.accumulate;
    is_tree && is_whole && [1, count].iter().all(|&count| Cut::of::<V>(p, count).has_single_chains::<V>(p))
}

/// # Safety
/// The processor has V's instructions; `p` is valid with the factors of every place, no side of it is 0, and it [`fits`].
pub(super) unsafe fn run<V: Vector>(p: &Product<V::Elem>, places: &[Place<V::Elem>]) {
    let cut = Cut::of::<V>(p, places.len());
    let (count, size) = (places.len(), size_of::<V::Elem>());
    let group = GROUP * LARGEST * V::LANES;
    let b_len = if cut.pack_b { cut.width.next_multiple_of(V::LANES) * p.k } else { 0 };
    let a_len = if cut.pack_a { cut.height.min(p.m) * p.k } else { 0 };
    let waiting = count.ilog2() as usize * group;
    let (a_row, a_step) = if p.ta { (1, p.lda) } else { (p.lda, 1) };
    with_scratch(&SCRATCH, (count * (a_len + b_len) + waiting) * size, |space| {
        let packed_b = space.cast::<V::Elem>();
        // SAFETY: the scratch holds them; blocks, panels and tiles end where the product does.
        unsafe {
            let sums = packed_b.add(count * b_len);
            let packed_a = sums.add(waiting);
            each(p.n, cut.width, |j0, n| {
                for (i, place) in places.iter().enumerate().filter(|_| cut.pack_b) {
                    let b = place.b.add(if p.tb { j0 * p.ldb } else { j0 });
                    let out = packed_b.add(i * b_len);
                    V::enter(PackB::<V> { k: p.k, n, widest: cut.widest, b, ld: p.ldb, transposed: p.tb, out });
                }
                each(p.m, cut.height, |i0, m| {
                    for (i, place) in places.iter().enumerate().filter(|_| cut.pack_a) {
                        let a = place.a.add(i0 * a_row);
                        pack_tiles::<V>([m, p.k], a, a_step, cut.tallest, packed_a.add(i * a_len));
                    }
                    let a = |i: usize, row: usize| match cut.pack_a {
                        true => packed_a.add(i * a_len + row * p.k).cast_const(),
                        false => places[i].a.add((i0 + row) * a_row),
                    };
                    let mut j = 0;
                    while j < n {
                        let vectors = panel::<V>(n - j, cut.widest);
                        let b = |i: usize| match cut.pack_b {
                            true => packed_b.add(i * b_len + j * p.k).cast_const(),
                            false => places[i].b.add(j0 + j),
                        };
                        let b_step = if cut.pack_b { vectors * V::LANES } else { p.ldb };
                        let tail = (vectors * V::LANES).min(n - j) - (vectors - 1) * V::LANES;
                        let mut row = 0;
                        while row < m {
                            let (rows, most) = tiles(m - row, cut.tallest.min(V::ROWS[vectors - 1]));
                            let tiles = most.min(GROUP);
                            let (a_row, a_step, a_tile) =
                                if cut.pack_a { (1, rows, rows * p.k) } else { (a_row, a_step, rows * a_row) };
                            let c = p.c.add((i0 + row) * p.ldc + j0 + j);
                            let slot = |k: usize| match k {
                                0 => (c, p.ldc),
                                _ => (sums.add((k - 1) * group), vectors * V::LANES),
                            };
                            for i in 0..count {
                                // An odd one is added to its left neighbour; before it, a sum waits for each of the bits.
                                let mut at = (i & !1).count_ones() as usize;
                                let (a, (c, c_row)) = (a(i, row), slot(at));
                                let s = Strip {
                                    tiles,
                                    k: p.k,
                                    a,
                                    a_half: a.add(rows / 2 * a_row),
                                    a_row,
                                    a_step,
                                    a_tile,
                                    b: b(i),
                                    b_step,
                                    b_is_padded: cut.pack_b,
                                    c,
                                    c_row,
                                    tail,
                                    accumulate: i % 2 == 1,
                                    in_order: p.is_in_order(),
                                };
                                strip::<V>(rows, vectors, &s);
                                for _ in 1..i.trailing_ones() {
                                    let (from, to) = (slot(at), slot(at - 1));
                                    V::enter(Join::<V> { rows: rows * tiles, vectors, tail, from, to });
                                    at -= 1;
                                }
                            }
                            row += tiles * rows;
                        }
                        j += vectors * V::LANES;
                    }
                });
            });
        }
    });
}

/// The most vectors of a tile.
const LARGEST: usize = 24;

/// Adds rows to others.
struct Join<V: Vector> {
    rows: usize,
    vectors: usize,
    /// Lanes in use of the last vector.
    tail: usize,
    /// Where the first row is, and how far it is to the next.
    from: (*mut V::Elem, usize),
    to: (*mut V::Elem, usize),
}

impl<V: Vector> Kernel for Join<V> {
    #[inline(always)]
    unsafe fn run(self) {
        // SAFETY: the rows are the caller's; the mask ends them.
        unsafe {
            let mask = V::mask(self.tail);
            for i in 0..self.rows {
                let (from, to) = (self.from.0.add(i * self.from.1), self.to.0.add(i * self.to.1));
                for v in 0..self.vectors {
                    let (from, to) = (from.add(v * V::LANES), to.add(v * V::LANES));
                    match v + 1 < self.vectors || self.tail == V::LANES {
                        true => put::<V>(V::load(from), to, true, mask, true),
                        false => put::<V>(V::load_part(from, mask), to, false, mask, true),
                    }
                }
            }
        }
    }
}
