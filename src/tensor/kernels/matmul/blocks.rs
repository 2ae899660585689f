//! Products cut into blocks that fit the caches, and these into panels and tiles.
//!
//! B is read where it lies unless it is transposed, or so large that its rows no longer stay in the caches between one
//! row of tiles and the next; A is packed only where it is transposed and large, so that every step down it would touch
//! another page. Packing costs 1 / m (B) and 1 / n (A) of the product, and below those sizes more than it saves:
//! 64x784x128 runs at 117 GFLOP/s unpacked, at 109 packed, while 2048x512x2048 with a transposed A runs at 96 unpacked
//! and at 107 packed.
//!
//! Every thread has its own scratch.

use super::pack::{PackA, PackB, panel};
use super::tile::{Strip, chains, strip};
use super::vector::Vector;
use super::{PART, Place, Product};
use std::cell::Cell;
use std::mem::MaybeUninit;
use std::thread::LocalKey;

/// Depth of a block: a panel of three vectors is then 96 KB, and streams from the second-level cache.
pub(super) const DEPTH: usize = 512;
/// Bytes of a packed row of B: 4 MB with all rows, a share of the third-level cache.
const ROW_BYTES: usize = 8064;
/// A transposed A of more bytes than this is packed. (Less in tests, where such a product would take too long.)
const PACK_A: usize = if cfg!(test) { 64 << 10 } else { 2 << 20 };
/// ... and where C has as many columns, among which packing is shared.
const PACK_A_COLUMNS: usize = 200;
/// Rows of a block whose A is packed: 240 KB of f32.
const HEIGHT: usize = 120;

/// # Safety
/// The processor has V's instructions; the product's pointers are valid for its shape, none of whose sides is 0.
pub(super) unsafe fn multiply<V: Vector>(p: &Product<V::Elem>) {
    // SAFETY: by contract.
    unsafe { multiply_each::<V>(p, &[Place { a: p.a, b: p.b, c: p.c }]) }
}

/// Several products with one right factor, which is packed once, and read once for all. The bits are those of each by itself.
///
/// # Safety
/// As for [`multiply`], with A and C of every place.
#[inline(always)]
pub(super) unsafe fn multiply_each<V: Vector>(p: &Product<V::Elem>, places: &[Place<V::Elem>]) {
    let size = size_of::<V::Elem>();
    let Cut { widest, width, height, tallest, pack_a, pack_b } = Cut::of::<V>(p, 1);
    let block = whole(p);
    let depth = share(p.k, DEPTH, 1);
    if !pack_b {
        // Where one row of tiles takes all of A, no block of B is used twice: there cutting k is for the sake of rounding alone, and
        // loads C again.
        // SAFETY: by contract; the blocks end where k does.
        return unsafe { each(p.k, depth, |p0, k| panels::<V>(&block.deeper(p0, k), widest, places)) };
    }
    let (b_len, a_len) = (width.next_multiple_of(V::LANES) * depth, if pack_a { height * depth } else { 0 });
    with_scratch(&SCRATCH, (b_len + a_len) * size, |space| {
        let packed_b = space.cast::<V::Elem>();
        // SAFETY: the scratch holds both; the blocks end where the product does.
        unsafe {
            let packed_a = packed_b.add(b_len);
            each(p.n, width, |j0, n| {
                each(p.k, depth, |p0, k| {
                    let b = if p.tb { p.b.add(j0 * p.ldb + p0) } else { p.b.add(p0 * p.ldb + j0) };
                    V::enter(PackB::<V> { k, n, widest, b, ld: p.ldb, transposed: p.tb, out: packed_b });
                    let block = Block { n, b: packed_b, b_packed: true, c: j0, ..block.deeper(p0, k) };
                    if !pack_a {
                        return panels::<V>(&block, widest, places);
                    }
                    for place in places {
                        each(p.m, height, |i0, m| {
                            let a = place.a.add(block.a + i0 * block.a_row);
                            pack_tiles::<V>([m, k], a, block.a_step, tallest, packed_a);
                            let c = block.c + i0 * p.ldc;
                            let block = Block { m, a: 0, c, a_packed: true, tallest, ..block };
                            panels::<V>(&block, widest, &[Place { a: packed_a, ..*place }]);
                        });
                    }
                });
            });
        }
    })
}

/// How a product is cut into blocks, panels and tiles, and what is packed for them.
pub(super) struct Cut {
    /// Vectors of the widest panel.
    pub widest: usize,
    /// Columns and rows of a block.
    pub width: usize,
    pub height: usize,
    /// The most rows of a tile, if the vectors allow more.
    pub tallest: usize,
    pub pack_a: bool,
    pub pack_b: bool,
}

impl Cut {
    /// That of a product, or of so many that are added up: these are packed together.
    #[inline(always)]
    pub fn of<V: Vector>(p: &Product<V::Elem>, count: usize) -> Self {
        let (size, k) = (size_of::<V::Elem>(), p.k * count);
        let widest = widest::<V>(p.m);
        let pack_b = p.tb || p.m >= PART && p.n * k * size > in_place::<V>(p.m);
        if !pack_b {
            return Self { widest, width: p.n, height: p.m, tallest: tallest(p), pack_a: false, pack_b };
        }
        let unit = widest * V::LANES;
        let pack_a = p.ta && p.n >= PACK_A_COLUMNS && p.m * k * size > PACK_A;
        // One product is cut in k where it is deeper; several are not.
        let deeper = if count == 1 { 1 } else { k.div_ceil(DEPTH) };
        // A transposed B is packed by columns, two panels at a time, which are still in the first-level cache when they are
        // used.
        let width = share(p.n, if p.tb && !pack_a { 2 * unit } else { (ROW_BYTES / size / deeper).max(unit) }, unit);
        let rows = V::ROWS[widest - 1];
        let height = if pack_a { share(p.m, (HEIGHT / deeper).max(rows), rows) } else { p.m };
        let tallest = if pack_a { rows } else { tallest(p) };
        Self { widest, width, height, tallest, pack_a, pack_b }
    }

    /// Whether each element is one chain of additions, whatever tile it is in.
    pub fn has_single_chains<V: Vector>(&self, p: &Product<V::Elem>) -> bool {
        let ends = |len: usize, block: usize| [block.min(len), len - (len - 1) / block * block];
        ends(p.n, self.width).into_iter().all(|width| {
            let mut left = width;
            while left > 0 {
                let vectors = panel::<V>(left, self.widest);
                let single = |height| has_single_chains(height, self.tallest.min(V::ROWS[vectors - 1]), vectors);
                if !ends(p.m, self.height).into_iter().all(single) {
                    return false;
                }
                left = left.saturating_sub(vectors * V::LANES);
            }
            true
        })
    }
}

fn has_single_chains(mut left: usize, most: usize, vectors: usize) -> bool {
    while left > 0 {
        let (rows, count) = tiles(left, most);
        if chains(rows, vectors) > 1 {
            return false;
        }
        left -= rows * count;
    }
    true
}

/// The quick way for a product that is a single tile, at most two vectors wide.
///
/// # Safety
/// As for `multiply`; C fits the tile.
#[inline(always)]
pub(super) unsafe fn single<V: Vector>(p: &Product<V::Elem>) {
    let vectors = 1 + (p.n > V::LANES) as usize;
    // SAFETY: the tile is the product.
    unsafe {
        if p.tb {
            single_packed::<V>(p, vectors)
        } else {
            each(p.k, share(p.k, DEPTH, 1), |p0, k| {
                let block = tile::<V>(p, vectors, p.b, p.ldb, false);
                strip::<V>(p.m, vectors, &deeper(block, p0, k))
            })
        }
    }
}

/// The part of p0 .. p0 + k of a tile.
///
/// # Safety
/// It lies in the tile.
#[inline(always)]
unsafe fn deeper<T>(s: Strip<T>, p0: usize, k: usize) -> Strip<T> {
    // SAFETY: by contract.
    unsafe {
        let (a, a_half) = (s.a.add(p0 * s.a_step), s.a_half.add(p0 * s.a_step));
        Strip { k, a, a_half, b: s.b.add(p0 * s.b_step), accumulate: s.accumulate || p0 > 0, ..s }
    }
}

#[inline(never)]
unsafe fn single_packed<V: Vector>(p: &Product<V::Elem>, vectors: usize) {
    let step = vectors * V::LANES;
    with_scratch(&SCRATCH, p.k * step * size_of::<V::Elem>(), |space| {
        let packed = space.cast::<V::Elem>();
        // SAFETY: as for `single`; the scratch holds the panel.
        unsafe {
            V::enter(PackB::<V> { k: p.k, n: p.n, widest: 2, b: p.b, ld: p.ldb, transposed: p.tb, out: packed });
            each(p.k, share(p.k, DEPTH, 1), |p0, k| {
                let block = tile::<V>(p, vectors, packed, step, true);
                strip::<V>(p.m, vectors, &deeper(block, p0, k))
            })
        }
    })
}

/// The strip of one tile that is the whole product.
#[inline(always)]
unsafe fn tile<V: Vector>(
    p: &Product<V::Elem>,
    vectors: usize,
    b: *const V::Elem,
    b_step: usize,
    b_is_padded: bool,
) -> Strip<V::Elem> {
    let (a_row, a_step) = if p.ta { (1, p.lda) } else { (p.lda, 1) };
    // SAFETY: row m / 2 is inside.
    let a_half = unsafe { p.a.add(p.m / 2 * a_row) };
    let tail = p.n - (vectors - 1) * V::LANES;
    Strip {
        tiles: 1,
        k: p.k,
        a: p.a,
        a_half,
        a_row,
        a_step,
        a_tile: 0,
        b,
        b_step,
        b_is_padded,
        c: p.c,
        c_row: p.ldc,
        tail,
        accumulate: p.accumulate,
        in_order: p.is_in_order(),
    }
}

/// A block of the product.
#[derive(Clone, Copy)]
struct Block<T> {
    m: usize,
    n: usize,
    k: usize,
    /// Where it begins in A, and in C.
    a: usize,
    a_row: usize,
    a_step: usize,
    a_packed: bool,
    /// The most rows of a tile, if the vectors allow more.
    tallest: usize,
    b: *const T,
    b_step: usize,
    b_packed: bool,
    c: usize,
    c_row: usize,
    accumulate: bool,
    in_order: bool,
}

impl<T> Block<T> {
    /// The part of p0 .. p0 + k of a block that is not packed.
    ///
    /// # Safety
    /// It lies in the block.
    #[inline(always)]
    unsafe fn deeper(self, p0: usize, k: usize) -> Block<T> {
        // SAFETY: by contract.
        unsafe {
            Block {
                k,
                a: self.a + p0 * self.a_step,
                b: self.b.add(p0 * self.b_step),
                accumulate: self.accumulate || p0 > 0,
                ..self
            }
        }
    }
}

#[inline(always)]
fn whole<T>(p: &Product<T>) -> Block<T> {
    let (a_row, a_step) = if p.ta { (1, p.lda) } else { (p.lda, 1) };
    // A transposed B is packed, and its packed rows have a step of their own.
    let b_step = if p.tb { 0 } else { p.ldb };
    Block {
        m: p.m,
        n: p.n,
        k: p.k,
        a: 0,
        a_row,
        a_step,
        a_packed: false,
        tallest: tallest(p),
        b: p.b,
        b_step,
        b_packed: false,
        c: 0,
        c_row: p.ldc,
        accumulate: p.accumulate,
        in_order: p.is_in_order(),
    }
}

/// The most rows of a tile whose A lies where it is.
#[inline(always)]
fn tallest<T>(p: &Product<T>) -> usize {
    let a_row = if p.ta { 1 } else { p.lda };
    // Twelve rows a multiple of 4 KB apart do not fit the eight ways of a first-level cache.
    if (a_row * size_of::<T>()).is_multiple_of(4096) { 8 } else { usize::MAX }
}

/// Multiplies a block: every panel of B, and every row of A against it, of each place.
///
/// # Safety
/// As for `multiply`.
#[inline(always)]
unsafe fn panels<V: Vector>(x: &Block<V::Elem>, widest: usize, places: &[Place<V::Elem>]) {
    let mut j = 0;
    while j < x.n {
        let vectors = panel::<V>(x.n - j, widest);
        let width = (vectors * V::LANES).min(x.n - j);
        // SAFETY: column j is inside, and so are `tiles * rows` of the rows left.
        unsafe {
            let (b, b_step) = if x.b_packed { (x.b.add(j * x.k), vectors * V::LANES) } else { (x.b.add(j), x.b_step) };
            let tail = width - (vectors - 1) * V::LANES;
            for place in places {
                let (mut a, mut c) = (place.a.add(x.a), place.c.add(x.c + j));
                let mut left = x.m;
                while left > 0 {
                    let (rows, tiles) = tiles(left, x.tallest.min(V::ROWS[vectors - 1]));
                    let (a_row, a_step, a_tile) =
                        if x.a_packed { (1, rows, rows * x.k) } else { (x.a_row, x.a_step, rows * x.a_row) };
                    let a_half = a.add(rows / 2 * a_row);
                    let (k, c_row, accumulate, in_order) = (x.k, x.c_row, x.accumulate, x.in_order);
                    let s = Strip {
                        tiles,
                        k,
                        a,
                        a_half,
                        a_row,
                        a_step,
                        a_tile,
                        b,
                        b_step,
                        b_is_padded: x.b_packed,
                        c,
                        c_row,
                        tail,
                        accumulate,
                        in_order,
                    };
                    strip::<V>(rows, vectors, &s);
                    // Behind the last tile they may leave the matrix, and are not used.
                    a = a.wrapping_add(tiles * a_tile);
                    c = c.wrapping_add(tiles * rows * c_row);
                    left -= tiles * rows;
                }
            }
        }
        j += width;
    }
}

/// Packs m rows and k columns of an A that is transposed, in the tiles that `panels` will cut it into: the one that begins at row i
/// lies at i * k.
///
/// # Safety
/// They lie in the matrix, one of whose stored rows is `ld` behind the other, and `out` holds m * k elements.
pub(super) unsafe fn pack_tiles<V: Vector>(
    [m, k]: [usize; 2],
    a: *const V::Elem,
    ld: usize,
    tallest: usize,
    out: *mut V::Elem,
) {
    let mut i = 0;
    while i < m {
        let (rows, tiles) = tiles(m - i, tallest);
        for _ in 0..tiles {
            // SAFETY: the tile's rows are inside.
            unsafe { V::enter(PackA::<V> { k, rows, a: a.add(i), ld, out: out.add(i * k) }) }
            i += rows;
        }
    }
}

/// The widest panel for m rows: where the tiles of two vectors take all rows at once and those of three do not, B is
/// read once.
fn widest<V: Vector>(m: usize) -> usize {
    if V::ROWS[2] == 0 || m > V::ROWS[2] && m <= V::ROWS[1] { 2 } else { 3 }
}

/// Bytes of a B that is better read where it lies by m rows: narrow tiles read it more often, many rows too.
fn in_place<V: Vector>(m: usize) -> usize {
    match (V::ROWS[2], m) {
        (0, _) => 192 << 10,
        (_, ..=128) => 1 << 20,
        _ => 512 << 10,
    }
}

/// The height of the next tiles and how many of them. The last rows are shared out evenly: 13 are 7 and 6, not 12 and a
/// slow 1.
pub(super) fn tiles(left: usize, most: usize) -> (usize, usize) {
    if left <= most {
        (left, 1)
    } else if left < 2 * most {
        (left.div_ceil(2), 1)
    } else {
        (most, left / most - 1)
    }
}

/// The length of about equal blocks of at most about `most`: a multiple of `unit`, unless one block is all.
fn share(len: usize, most: usize, unit: usize) -> usize {
    if len <= most { len } else { len.div_ceil(len.div_ceil(most)).next_multiple_of(unit) }
}

/// Calls `work` with the start and length of every block of `len`.
#[inline(always)]
pub(super) fn each(len: usize, block: usize, mut work: impl FnMut(usize, usize)) {
    let mut start = 0;
    while start < len {
        work(start, block.min(len - start));
        start += block;
    }
}

/// A cache line, so that scratch is aligned.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(super) struct CacheLine {
    _bytes: [MaybeUninit<u8>; 64],
}

const LINE: CacheLine = CacheLine { _bytes: [MaybeUninit::uninit(); 64] };
/// Up to this many lines, scratch is on the stack, where there is nothing to look up.
const ON_STACK: usize = 128;

thread_local! {
    pub(super) static SCRATCH: Cell<Vec<CacheLine>> = const { Cell::new(Vec::new()) };
}

/// Runs `work` with 64-byte aligned, uninitialised space, which the thread keeps for its next product.
#[inline(always)]
pub(super) fn with_scratch(kept: &'static LocalKey<Cell<Vec<CacheLine>>>, bytes: usize, work: impl FnOnce(*mut u8)) {
    let lines = bytes.div_ceil(size_of::<CacheLine>());
    if lines <= ON_STACK {
        return work([LINE; ON_STACK].as_mut_ptr().cast());
    }
    let mut space = kept.take();
    if space.len() < lines {
        space.resize(lines, LINE);
    }
    work(space.as_mut_ptr().cast());
    kept.set(space);
}
