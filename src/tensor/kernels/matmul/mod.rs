//! Matrix products: the one entry point is [`gemm`].
//!
//! Owns the kernels for f32 and f64, every orientation and every instruction set; not shapes, strides or broadcasting,
//! which are the caller's. One thread, or those that the caller lends (`threads`), with the same bits.
//!
//! `gemm` chooses by shape: dot products (`dots`) where one side is thin, else register tiles
//! (`tile`), either over the matrices where they lie or over copies of blocks of them (`blocks`, `pack`); where k is long, parts of it
//! one after another (`deep`), so that rounding grows with its logarithm. Several products of one shape may share a factor or be added up,
//! with the bits of each by itself (`together`, `tree`). Products of gradients are looked at afterwards (`gated`). All are
//! generic over a vector type (`vector`), with one implementation for each instruction set (`x86`, `portable`).
//!
//! A product of factors that are not transposed adds up each element in the order of k, so that a row's bits do not depend on how many
//! rows there are. (A layer's forward pass is such a product. A matrix times a vector is dot products, for any number of rows.)
//!
//! Invariants: nothing outside the slices is touched; the same call gives the same bits on the same level; nothing is
//! allocated but a scratch per thread (5 MB at most) that grows to the largest product seen and stays.
//!
//! Cost: 2 m n k operations, at 94 to 98 % of the processor's peak in the first-level cache; a call of 4x2x4 costs 20
//! ns.
//!
//! Why no crate: private-gemm-x86 comes closest and pulls in 27 others (syn among them), gemm 47, for no gain on the
//! shapes of training. GFLOP/s, one thread, Zen 4 at 3.7 GHz on a shared machine, gemm with x86-v4 (peak 118 in f32, 59 in
//! f64; differences under 3 % are noise), shapes as m x k x n, T a transposed operand:
//!
//! ```text
//!                    f32 AVX-512  AVX2  SSE2  private-gemm  gemm  matrixmultiply | f64 AVX-512  private-gemm  gemm
//! 10x784x30     NN           109    95    33            97    66              33 |          54            47    37
//! 10x784x30     NT           101    88    39            74    39              26 |          53            36    31
//! 784x10x30     TN            93    89    32            76    53              53 |          45            41    33
//! 10x30x784     NT            66    62    22            66    43              25 |          38            37    31
//! 64x784x128    NN           117   110    37           114   109              91 |          58            55    53
//! 784x64x128    TN           114   110    34           111   111             108 |          56            55    53
//! 64x128x784    NT           108   107    38           103    91              82 |          53            50    49
//! 64x128x64     NN           114   113    39           113   108              81 |          58            56    54
//! 64x64x10      NN            71    64    28            67    45              25 |          34            33    28
//! 256x784x1024  NN           107   103    35           105   105              95 |          50            50    51
//! 784x256x1024  TN           109    98    32           109   108             107 |          53            52    52
//! 256x1024x784  NT           108   108    37           104    69              87 |          54            49    47
//! 512x2048x2048 NN           101    92    33           101   100              93 |          49            50    50
//! 2048x512x2048 TN           102   104    29            93   105              98 |          52            50    49
//! 512x2048x2048 NT           108   101    34            97    81              86 |          53            50    46
//! 2048^3        NN           101    82    29            99   100              89 |          48            52    51
//! ```
//!
//! Tried without gain: prefetching C's tiles; packing A where it is not transposed; one panel of B at a time where it
//! is not; blocks 256 or 384 deep (2 to 4 % slower); tiles of 12 by 2 for large products (3 %), and of 4 by 3 on AVX2
//! (half the speed: registers spill).

#![allow(clippy::needless_range_loop, reason = "loops over registers unroll by index")]

mod blocks;
mod deep;
mod dots;
mod gated;
mod pack;
#[cfg(any(test, not(target_arch = "x86_64")))]
mod portable;
mod threads;
mod tile;
mod together;
mod tree;
mod vector;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(test)]
mod tests;

use crate::num::simd::Level;
use crate::num::{Element, PerElement};
use crate::parallel::Workers;
use dots::dots;
use vector::Vector;

pub use threads::{PART, has_rows_to_cut, is_bound, is_small};
pub use together::Together;

/// c = op(a) op(b), or c += op(a) op(b) with `accumulate`; everything row-major and contiguous.
///
/// op(a) is [m, k]: `a` holds [m, k], or [k, m] when `ta`. op(b) is [k, n]: `b` holds [k, n], or [n, k] when `tb`. `c`
/// is [m, n]. Without `accumulate` what c held does not matter, NaN included; k = 0 then gives zeros. A level that the
/// processor does not have runs as the best it has below it; `Plain` is SSE2 on x86-64.
///
/// # Panics
/// Slices that are not exactly m * k, k * n and m * n long.
#[allow(clippy::too_many_arguments, reason = "the signature every BLAS has")]
#[inline]
pub fn gemm<T: Gemm>(
    level: Level,
    m: usize,
    n: usize,
    k: usize,
    a: &[T],
    ta: bool,
    b: &[T],
    tb: bool,
    c: &mut [T],
    accumulate: bool,
    workers: Option<&mut Workers>,
) {
    gemm_gated(level, [m, n, k], [a, b], [ta, tb], [false; 2], c, accumulate, workers);
}

/// As [`gemm`], where zeros of the factors that are gates stay zeros, whatever they are multiplied with: infinities and NaN too.
#[allow(clippy::too_many_arguments, reason = "the signature every BLAS has")]
#[inline]
pub fn gemm_gated<T: Gemm>(
    level: Level,
    [m, n, k]: [usize; 3],
    [a, b]: [&[T]; 2],
    transposed: [bool; 2],
    gates: [bool; 2],
    c: &mut [T],
    accumulate: bool,
    workers: Option<&mut Workers>,
) {
    assert!(
        fills(a, [m, k]) && fills(b, [k, n]) && fills(c, [m, n]),
        "gemm: slices of {}, {} and {} for m = {m}, n = {n}, k = {k}",
        a.len(),
        b.len(),
        c.len()
    );
    if c.is_empty() {
        return;
    }
    if k == 0 {
        if !accumulate {
            c.fill(T::default());
        }
        return;
    }
    let mut p = Product::of([m, n, k], transposed, gates, accumulate);
    p.set(n == 1, a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
    // SAFETY: the slices have the lengths asserted above, and no side is 0.
    unsafe {
        match workers {
            Some(workers) if workers.threads() > 1 => threads::run(level, &p, workers),
            _ => T::run(level, &p),
        }
    }
}

/// Rows `from..to` of a product, as [`gemm_gated`] would compute them, to `c`, which holds these rows alone.
///
/// With at least [`PART`] rows in a part, and none that begins within the last of so many, the bits are those of the whole
/// product.
///
/// # Panics
/// Slices of other lengths; rows that the product does not have; no rows to cut ([`has_rows_to_cut`]).
#[allow(clippy::too_many_arguments, reason = "the signature every BLAS has")]
pub fn gemm_rows<T: Gemm>(
    level: Level,
    [m, n, k]: [usize; 3],
    [a, b]: [&[T]; 2],
    [ta, tb]: [bool; 2],
    gates: [bool; 2],
    c: &mut [T],
    [from, to]: [usize; 2],
) {
    assert!(
        from < to && to <= m && fills(a, [m, k]) && fills(b, [k, n]) && fills(c, [to - from, n]),
        "gemm_rows: slices of {}, {} and {} for rows {from}..{to} of m = {m}, n = {n}, k = {k}",
        a.len(),
        b.len(),
        c.len()
    );
    assert!(has_rows_to_cut([m, n, k]), "gemm_rows: m = {m}, n = {n}, k = {k} has no rows to cut");
    let (lda, ldb) = (if ta { m } else { k }, if tb { k } else { n });
    // SAFETY: the first row of the part is inside.
    let a = unsafe { a.as_ptr().add(from * if ta { 1 } else { lda }) };
    let c = c.as_mut_ptr();
    let p = Product { m: to - from, n, k, a, ta, lda, b: b.as_ptr(), tb, ldb, c, ldc: n, gates, accumulate: false };
    // SAFETY: the slices have the lengths asserted above, and no side is 0.
    unsafe { T::run(level, &p) }
}

/// A matrix that lies in a slice: how far it is from a stored row to the next, and whether the factor is its transpose.
#[derive(Clone, Copy)]
pub(crate) struct Part<'a, T> {
    pub data: &'a [T],
    pub ld: usize,
    pub transposed: bool,
}

/// As [`gemm_gated`], of matrices that lie in larger ones: c has rows of n elements, `ldc` apart, and what is between them stays.
///
/// # Panics
/// A matrix that does not lie in its slice.
pub(crate) fn gemm_parts<T: Gemm>(
    level: Level,
    [m, n, k]: [usize; 3],
    [a, b]: [Part<'_, T>; 2],
    gates: [bool; 2],
    c: &mut [T],
    ldc: usize,
    accumulate: bool,
) {
    let lies = |len: usize, rows: usize, columns: usize, ld: usize| {
        rows * columns == 0 || ld >= columns && (rows - 1).checked_mul(ld).is_some_and(|at| at + columns <= len)
    };
    let (a_rows, b_rows) = (if a.transposed { [k, m] } else { [m, k] }, if b.transposed { [n, k] } else { [k, n] });
    assert!(
        lies(a.data.len(), a_rows[0], a_rows[1], a.ld)
            && lies(b.data.len(), b_rows[0], b_rows[1], b.ld)
            && lies(c.len(), m, n, ldc),
        "gemm_parts: slices of {}, {} and {} for m = {m}, n = {n}, k = {k}, rows {}, {} and {ldc} apart",
        a.data.len(),
        b.data.len(),
        c.len(),
        a.ld,
        b.ld
    );
    if m * n * k == 0 {
        if k == 0 && !accumulate {
            c.chunks_mut(ldc.max(1)).take(m).for_each(|row| row[..n].fill(T::default()));
        }
        return;
    }
    // A vector lies the same way when transposed, where its elements are side by side.
    let (ta, lda) = match a.transposed {
        true if k == 1 => (false, 1),
        true if m == 1 && a.ld == 1 => (false, k),
        transposed => (transposed, a.ld),
    };
    let tb = b.transposed && (k > 1 || b.ld > 1);
    let ldb = if b.transposed && !tb { n } else { b.ld };
    let (a, b, c) = (a.data.as_ptr(), b.data.as_ptr(), c.as_mut_ptr());
    let p = Product { m, n, k, a, ta, lda, b, tb, ldb, c, ldc, gates, accumulate };
    // SAFETY: the matrices lie in their slices, as asserted above, and no side is 0.
    unsafe { T::run(level, &p) }
}

/// Whether a slice is a matrix of these sides; a product that wraps is that of no slice.
#[inline(always)]
fn fills<T>(slice: &[T], [rows, columns]: [usize; 2]) -> bool {
    rows.checked_mul(columns) == Some(slice.len())
}

/// Element types that can be multiplied: f32 and f64.
pub trait Gemm: Element {
    /// What multiplies a product of this shape: to be called under the conditions of [`Gemm::run`].
    #[doc(hidden)]
    #[inline]
    fn kernel(level: Level, p: &Product<Self>) -> unsafe fn(&Product<Self>) {
        Self::pick::<Kernels>()(level, p)
    }
    /// # Safety
    /// The product's pointers must be valid for its shape, no side of which may be 0.
    #[doc(hidden)]
    #[inline]
    unsafe fn run(level: Level, p: &Product<Self>) {
        // SAFETY: p is valid by contract, and the kernel is the one for its shape.
        unsafe { gated::run(p, Self::kernel(level, p)) }
    }
}
impl<T: Element> Gemm for T {}

/// The choice of a kernel by shape, for each element type.
#[doc(hidden)]
pub struct Kernels;
impl PerElement for Kernels {
    type Of<T: Element> = fn(Level, &Product<T>) -> unsafe fn(&Product<T>);
    #[inline]
    fn single() -> Self::Of<f32> {
        kernel_f32
    }
    #[inline]
    fn double() -> Self::Of<f64> {
        kernel_f64
    }
}

/// What several products of one shape are computed by, for each element type.
#[doc(hidden)]
pub struct ManyKernels;
impl PerElement for ManyKernels {
    type Of<T: Element> = unsafe fn(Level, Many, &Product<T>, &[Place<T>]) -> bool;
    fn single() -> Self::Of<f32> {
        many_f32
    }
    fn double() -> Self::Of<f64> {
        many_f64
    }
}

/// A product of one shape, made ready: the kernel is chosen, and a call is a jump to it. One thread; the bits of [`gemm`].
pub struct Prepared<T> {
    product: Product<T>,
    kernel: unsafe fn(&Product<T>),
    /// Whether the operands have changed places.
    swapped: bool,
}

impl<T: Gemm> Prepared<T> {
    /// The product of [m, k] and [k, n], as of [`gemm_gated`].
    ///
    /// # Panics
    /// A side is 0.
    pub fn new(level: Level, [m, n, k]: [usize; 3], transposed: [bool; 2], gates: [bool; 2], accumulate: bool) -> Self {
        assert!(m > 0 && n > 0 && k > 0, "a product made ready has a side of 0: m = {m}, n = {n}, k = {k}");
        let product = Product::of([m, n, k], transposed, gates, accumulate);
        let kernel = T::kernel(level, &product);
        Self { product, kernel, swapped: n == 1 }
    }
    /// The same product, for several places at once.
    pub fn together(&self, level: Level, count: usize) -> Option<Together<T>> {
        let Product { m, n, k, ta, tb, gates, accumulate, .. } = self.product;
        (!self.swapped && !accumulate).then(|| Together::new(level, [m, n, k], [ta, tb], gates, count))?
    }
    /// Sets the addresses of the operands and the result.
    pub fn bind(&mut self, a: *const T, b: *const T, c: *mut T) {
        self.product.set(self.swapped, a, b, c);
    }
    /// Multiplies what is at the addresses of the last [`Prepared::bind`].
    ///
    /// # Safety
    /// There are m * k, k * n and m * n elements, and nothing else refers to the result.
    #[inline]
    pub unsafe fn run(&self) {
        // SAFETY: as the caller promises; the level was detected when the kernel was chosen.
        unsafe { gated::run(&self.product, self.kernel) }
    }
}

impl<T: Gemm> Prepared<T> {
    /// Multiplies a stack of factors: so many, each so many elements behind the one before, from these addresses on. Not for products of
    /// gates that are added to what is there.
    ///
    /// # Safety
    /// As for [`Prepared::run`], of each product.
    pub unsafe fn run_stack(&mut self, count: usize, [a, b]: [*const T; 2], steps: [usize; 2], c: *mut T) {
        let size = self.product.m * self.product.n;
        debug_assert!(self.product.gates == [false; 2] || !self.product.accumulate);
        // SAFETY: the caller's promise, here and below.
        unsafe {
            let gated = self.product.gates != [false; 2];
            let each = gated && gated::is_longer_than_its_factors(&self.product);
            for k in 0..count {
                self.bind(a.add(k * steps[0]), b.add(k * steps[1]), c.add(k * size));
                if each {
                    gated::run(&self.product, self.kernel);
                } else {
                    (self.kernel)(&self.product);
                }
            }
            if each || !gated || !gated::may_have_nan(std::slice::from_raw_parts(c, count * size)) {
                return;
            }
            for k in 0..count {
                self.bind(a.add(k * steps[0]), b.add(k * steps[1]), c.add(k * size));
                gated::mend(&self.product);
            }
        }
    }
}

/// A product, or a part of one: `ld` is the distance from a matrix's stored row to the next.
///
/// Always passed by reference: a copy would wait for the stores that made it, as long as a small product takes.
#[doc(hidden)]
pub struct Product<T> {
    m: usize,
    n: usize,
    k: usize,
    a: *const T,
    ta: bool,
    lda: usize,
    b: *const T,
    tb: bool,
    ldb: usize,
    c: *mut T,
    ldc: usize,
    /// Which of a and b keep their zeros.
    gates: [bool; 2],
    accumulate: bool,
}

impl<T> Product<T> {
    /// The shape of a product without addresses, no side of it 0.
    #[inline(always)]
    fn of([m, n, k]: [usize; 3], [ta, tb]: [bool; 2], [ga, gb]: [bool; 2], accumulate: bool) -> Self {
        // A column is a row when nothing else is: c' = b' a'. And vectors lie the same way when transposed.
        let (m, n, ta, tb, gates) = if n == 1 { (1, m, false, !ta, [gb, ga]) } else { (m, n, ta, tb, [ga, gb]) };
        let (ta, tb) = (ta && k > 1 && m > 1, tb && k > 1);
        let (lda, ldb) = (if ta { m } else { k }, if tb { k } else { n });
        let (a, b, c) = (std::ptr::null(), std::ptr::null(), std::ptr::null_mut());
        Self { m, n, k, a, ta, lda, b, tb, ldb, c, ldc: n, gates, accumulate }
    }
    /// Whether a row of the result has the same bits however many rows there are: where neither factor is transposed, as in the
    /// forward pass of a layer.
    #[inline(always)]
    fn is_in_order(&self) -> bool {
        !self.ta && !self.tb
    }
    #[inline(always)]
    fn set(&mut self, swapped: bool, a: *const T, b: *const T, c: *mut T) {
        (self.a, self.b) = if swapped { (b, a) } else { (a, b) };
        self.c = c;
    }
}

/// Where one of several products of a shape has its factors and its result.
#[doc(hidden)]
pub struct Place<T> {
    a: *const T,
    b: *const T,
    c: *mut T,
}

impl<T> Clone for Place<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Place<T> {}

/// What is done with several products of one shape.
#[doc(hidden)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Many {
    /// Whether they can be added up.
    Fits,
    Added,
    WithOneRight,
}

macro_rules! kernel_for {
    ($name:ident, $many:ident, $t:ty, $lanes:literal, $sse2:ident, $avx2:ident, $avx512:ident) => {
        #[cfg(target_arch = "x86_64")]
        fn $name(level: Level, p: &Product<$t>) -> unsafe fn(&Product<$t>) {
            use core::arch::x86_64 as vectors;
            // Every instruction set is detected before use (a load and a test), whatever `level` says.
            match level {
                Level::Avx512 if is_x86_feature_detected!("avx512f") => chosen::<vectors::$avx512>(p),
                Level::Avx512 | Level::Avx2 if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") => {
                    chosen::<vectors::$avx2>(p)
                }
                _ => chosen::<vectors::$sse2>(p),
            }
        }
        #[cfg(target_arch = "x86_64")]
        unsafe fn $many(level: Level, what: Many, p: &Product<$t>, places: &[Place<$t>]) -> bool {
            use core::arch::x86_64 as vectors;
            // SAFETY: by contract, and as above.
            unsafe {
                match level {
                    Level::Avx512 if is_x86_feature_detected!("avx512f") => {
                        together::run::<vectors::$avx512>(what, p, places)
                    }
                    Level::Avx512 | Level::Avx2
                        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") =>
                    {
                        together::run::<vectors::$avx2>(what, p, places)
                    }
                    _ => together::run::<vectors::$sse2>(what, p, places),
                }
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        fn $name(_: Level, p: &Product<$t>) -> unsafe fn(&Product<$t>) {
            chosen::<portable::Array<$t, $lanes>>(p)
        }
        #[cfg(not(target_arch = "x86_64"))]
        unsafe fn $many(_: Level, what: Many, p: &Product<$t>, places: &[Place<$t>]) -> bool {
            // SAFETY: by contract.
            unsafe { together::run::<portable::Array<$t, $lanes>>(what, p, places) }
        }
    };
}
kernel_for!(kernel_f32, many_f32, f32, 4, __m128, __m256, __m512);
kernel_for!(kernel_f64, many_f64, f64, 2, __m128d, __m256d, __m512d);

/// The kernel for a product's shape: to be called as [`Gemm::run`], on a processor that has V's instructions.
fn chosen<V: Vector>(p: &Product<V::Elem>) -> unsafe fn(&Product<V::Elem>) {
    if p.k > deep::part::<V>(p) { deep::multiply::<V> } else { flat::<V>(p) }
}

/// Whether a product is one of dot products.
fn is_dots<V: Vector>(p: &Product<V::Elem>) -> bool {
    // Packing B costs 1 / m of the product, the dots' horizontal sums 1 / k of it.
    p.tb && !p.ta && (p.m == 1 || p.m <= 12 && 4 * p.k >= 3 * p.m * V::LANES)
}

/// Whether one tile is all of it.
fn is_single<V: Vector>(p: &Product<V::Elem>) -> bool {
    p.n <= 2 * V::LANES && p.m <= V::ROWS[(p.n > V::LANES) as usize]
}

/// Whether it is cut into blocks.
fn is_blocks<V: Vector>(p: &Product<V::Elem>) -> bool {
    p.k <= deep::part::<V>(p) && !is_dots::<V>(p) && !is_single::<V>(p)
}

/// The kernel for a product of a bounded depth.
fn flat<V: Vector>(p: &Product<V::Elem>) -> unsafe fn(&Product<V::Elem>) {
    unsafe fn single<V: Vector>(p: &Product<V::Elem>) {
        // SAFETY: by contract.
        unsafe { blocks::single::<V>(p) }
    }
    if is_dots::<V>(p) {
        dots::<V>
    } else if is_single::<V>(p) {
        single::<V>
    } else {
        blocks::multiply::<V>
    }
}
