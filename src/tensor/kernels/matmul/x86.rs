//! The SSE2, AVX2 and AVX-512 vectors.
//!
//! SSE2 is what every x86-64 processor has, and serves the plain level: arrays would do, but the compiler turns some of
//! their loops into shuffles, three times slower.

use super::vector::{Kernel, Vector};
use core::arch::x86_64::*;

/// `min(r, last)` rows down: rows past the end repeat the last one, so that nothing outside the matrix is read.
macro_rules! row {
    ($src:ident, $ld:ident, $last:ident, $r:expr) => {
        $src.add(($r).min($last) * $ld)
    };
}

/// What the four vectors share; `$sums` and `$columns` are their own.
macro_rules! vector {
    ($v:ty, $elem:ty, $mask:ty, $lanes:literal, $chunk:literal, $features:literal, rows $rows:expr, dot $dot:literal,
     zero $zero:ident, set $set:ident, load $load:ident, store $store:ident, fma $fma:ident, add $add:ident, { $($own:item)* }) => {
        impl Vector for $v {
            type Elem = $elem;
            type Mask = $mask;
            const LANES: usize = $lanes;
            const CHUNK: usize = $chunk;
            const ROWS: [usize; 3] = $rows;
            const MASKS_ARE_FREE: bool = $lanes * size_of::<$elem>() == 64;
            const DOT_ROWS: usize = $dot;

            #[target_feature(enable = $features)]
            unsafe fn enter<K: Kernel>(kernel: K) {
                // SAFETY: the features are here; the kernel's pointers are the caller's to answer for.
                unsafe { kernel.run() }
            }
            #[inline(always)]
            unsafe fn zero() -> Self {
                // SAFETY: reached through `enter`.
                unsafe { $zero() }
            }
            #[inline(always)]
            unsafe fn splat(p: *const $elem) -> Self {
                // SAFETY: reached through `enter`; p is valid by contract.
                unsafe { $set(*p) }
            }
            #[inline(always)]
            unsafe fn load(p: *const $elem) -> Self {
                // SAFETY: reached through `enter`; p is valid for LANES elements by contract.
                unsafe { $load(p) }
            }
            #[inline(always)]
            unsafe fn store(self, p: *mut $elem) {
                // SAFETY: reached through `enter`; p is valid for LANES elements by contract.
                unsafe { $store(p, self) }
            }
            #[inline(always)]
            unsafe fn mul_add(self, b: Self, c: Self) -> Self {
                // SAFETY: reached through `enter`.
                unsafe { $fma(self, b, c) }
            }
            #[inline(always)]
            unsafe fn plus(self, b: Self) -> Self {
                // SAFETY: reached through `enter`.
                unsafe { $add(self, b) }
            }
            $($own)*
        }
    };
}

vector!(__m512, f32, __mmask16, 16, 4, "avx512f", rows [12, 12, 8], dot 6, zero _mm512_setzero_ps, set _mm512_set1_ps, load _mm512_loadu_ps,
store _mm512_storeu_ps, fma _mm512_fmadd_ps, add _mm512_add_ps, {
    #[inline(always)]
    unsafe fn mask(lanes: usize) -> __mmask16 {
        (0xffff_u32 >> (16 - lanes)) as u16
    }
    #[inline(always)]
    unsafe fn load_part(p: *const f32, mask: __mmask16) -> Self {
        // SAFETY: reached through `enter`; masked lanes are not read.
        unsafe { _mm512_maskz_loadu_ps(mask, p) }
    }
    #[inline(always)]
    unsafe fn store_part(self, p: *mut f32, mask: __mmask16) {
        // SAFETY: reached through `enter`; masked lanes are not written.
        unsafe { _mm512_mask_storeu_ps(p, mask, self) }
    }
    #[inline(always)]
    unsafe fn sums(v: [Self; 4]) -> [f32; 4] {
        // SAFETY: reached through `enter`; the array holds the four lanes stored.
        unsafe {
            let low = _mm512_add_ps(_mm512_unpacklo_ps(v[0], v[1]), _mm512_unpackhi_ps(v[0], v[1]));
            let high = _mm512_add_ps(_mm512_unpacklo_ps(v[2], v[3]), _mm512_unpackhi_ps(v[2], v[3]));
            let (low, high) = (_mm512_castps_pd(low), _mm512_castps_pd(high));
            let all = _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(low, high)), _mm512_castpd_ps(_mm512_unpackhi_pd(low, high)));
            let half = _mm256_add_ps(_mm512_castps512_ps256(all), _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(all))));
            let quarter = _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps::<1>(half));
            let mut sums = [0.0; 4];
            _mm_storeu_ps(sums.as_mut_ptr(), quarter);
            sums
        }
    }
    #[inline(always)]
    unsafe fn columns(src: *const f32, ld: usize, last: usize, out: *mut f32, ld_out: usize) {
        // SAFETY: reached through `enter`; `row!` stays inside the matrix, out is valid for four rows of 16.
        unsafe {
            let mut t = [_mm512_setzero_ps(); 4];
            for (s, t) in t.iter_mut().enumerate() {
                let mut v = _mm512_castps128_ps512(_mm_loadu_ps(row!(src, ld, last, s)));
                v = _mm512_insertf32x4::<1>(v, _mm_loadu_ps(row!(src, ld, last, s + 4)));
                v = _mm512_insertf32x4::<2>(v, _mm_loadu_ps(row!(src, ld, last, s + 8)));
                *t = _mm512_insertf32x4::<3>(v, _mm_loadu_ps(row!(src, ld, last, s + 12)));
            }
            let (a, b) = (_mm512_castps_pd(_mm512_unpacklo_ps(t[0], t[1])), _mm512_castps_pd(_mm512_unpackhi_ps(t[0], t[1])));
            let (c, d) = (_mm512_castps_pd(_mm512_unpacklo_ps(t[2], t[3])), _mm512_castps_pd(_mm512_unpackhi_ps(t[2], t[3])));
            _mm512_storeu_ps(out, _mm512_castpd_ps(_mm512_unpacklo_pd(a, c)));
            _mm512_storeu_ps(out.add(ld_out), _mm512_castpd_ps(_mm512_unpackhi_pd(a, c)));
            _mm512_storeu_ps(out.add(2 * ld_out), _mm512_castpd_ps(_mm512_unpacklo_pd(b, d)));
            _mm512_storeu_ps(out.add(3 * ld_out), _mm512_castpd_ps(_mm512_unpackhi_pd(b, d)));
        }
    }
});

vector!(__m512d, f64, __mmask8, 8, 2, "avx512f", rows [12, 12, 8], dot 6, zero _mm512_setzero_pd, set _mm512_set1_pd, load _mm512_loadu_pd,
store _mm512_storeu_pd, fma _mm512_fmadd_pd, add _mm512_add_pd, {
    #[inline(always)]
    unsafe fn mask(lanes: usize) -> __mmask8 {
        (0xff_u32 >> (8 - lanes)) as u8
    }
    #[inline(always)]
    unsafe fn load_part(p: *const f64, mask: __mmask8) -> Self {
        // SAFETY: reached through `enter`; masked lanes are not read.
        unsafe { _mm512_maskz_loadu_pd(mask, p) }
    }
    #[inline(always)]
    unsafe fn store_part(self, p: *mut f64, mask: __mmask8) {
        // SAFETY: reached through `enter`; masked lanes are not written.
        unsafe { _mm512_mask_storeu_pd(p, mask, self) }
    }
    #[inline(always)]
    unsafe fn sums(v: [Self; 4]) -> [f64; 4] {
        // SAFETY: reached through `enter`; the array holds the four lanes stored.
        unsafe {
            let low = _mm512_add_pd(_mm512_unpacklo_pd(v[0], v[1]), _mm512_unpackhi_pd(v[0], v[1]));
            let high = _mm512_add_pd(_mm512_unpacklo_pd(v[2], v[3]), _mm512_unpackhi_pd(v[2], v[3]));
            let low = _mm256_add_pd(_mm512_castpd512_pd256(low), _mm512_extractf64x4_pd::<1>(low));
            let high = _mm256_add_pd(_mm512_castpd512_pd256(high), _mm512_extractf64x4_pd::<1>(high));
            let mut sums = [0.0; 4];
            _mm_storeu_pd(sums.as_mut_ptr(), _mm_add_pd(_mm256_castpd256_pd128(low), _mm256_extractf128_pd::<1>(low)));
            _mm_storeu_pd(sums.as_mut_ptr().add(2), _mm_add_pd(_mm256_castpd256_pd128(high), _mm256_extractf128_pd::<1>(high)));
            sums
        }
    }
    #[inline(always)]
    unsafe fn columns(src: *const f64, ld: usize, last: usize, out: *mut f64, ld_out: usize) {
        // SAFETY: reached through `enter`; `row!` stays inside the matrix, out is valid for two rows of 8.
        unsafe {
            let mut t = [_mm512_setzero_ps(); 2];
            for (s, t) in t.iter_mut().enumerate() {
                let mut v = _mm512_castps128_ps512(_mm_loadu_ps(row!(src, ld, last, s).cast()));
                v = _mm512_insertf32x4::<1>(v, _mm_loadu_ps(row!(src, ld, last, s + 2).cast()));
                v = _mm512_insertf32x4::<2>(v, _mm_loadu_ps(row!(src, ld, last, s + 4).cast()));
                *t = _mm512_insertf32x4::<3>(v, _mm_loadu_ps(row!(src, ld, last, s + 6).cast()));
            }
            let (even, odd) = (_mm512_castps_pd(t[0]), _mm512_castps_pd(t[1]));
            _mm512_storeu_pd(out, _mm512_unpacklo_pd(even, odd));
            _mm512_storeu_pd(out.add(ld_out), _mm512_unpackhi_pd(even, odd));
        }
    }
});

/// AVX2's masked store takes a dozen cycles on AMD's processors, so that partial vectors are stored in pieces, by their
/// number of lanes.
#[derive(Clone, Copy)]
pub(super) struct Mask {
    lanes: usize,
    signs: __m256i,
}

/// Sliding window of sign bits: the mask of `n` lanes starts at element 8 - n (4 - n for doubles).
static SIGNS_32: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
static SIGNS_64: [i64; 8] = [-1, -1, -1, -1, 0, 0, 0, 0];

vector!(__m256, f32, Mask, 8, 4, "avx2,fma", rows [6, 6, 0], dot 2, zero _mm256_setzero_ps, set _mm256_set1_ps, load _mm256_loadu_ps,
store _mm256_storeu_ps, fma _mm256_fmadd_ps, add _mm256_add_ps, {
    #[inline(always)]
    unsafe fn mask(lanes: usize) -> Mask {
        // SAFETY: reached through `enter`; lanes is 1 ..= 8, so the eight words lie in the table.
        Mask { lanes, signs: unsafe { _mm256_loadu_si256(SIGNS_32.as_ptr().add(8 - lanes).cast()) } }
    }
    #[inline(always)]
    unsafe fn load_part(p: *const f32, mask: Mask) -> Self {
        // SAFETY: reached through `enter`; masked lanes are not read.
        unsafe { _mm256_maskload_ps(p, mask.signs) }
    }
    #[inline(always)]
    unsafe fn store_part(self, p: *mut f32, mask: Mask) {
        // SAFETY: reached through `enter`; four, two and one add up to the lanes.
        unsafe {
            if mask.lanes == 8 {
                return self.store(p);
            }
            let (mut p, mut part) = (p, _mm256_castps256_ps128(self));
            if mask.lanes & 4 > 0 {
                _mm_storeu_ps(p, part);
                (p, part) = (p.add(4), _mm256_extractf128_ps::<1>(self));
            }
            if mask.lanes & 2 > 0 {
                _mm_storel_pd(p.cast(), _mm_castps_pd(part));
                (p, part) = (p.add(2), _mm_movehl_ps(part, part));
            }
            if mask.lanes & 1 > 0 {
                _mm_store_ss(p, part);
            }
        }
    }
    #[inline(always)]
    unsafe fn sums(v: [Self; 4]) -> [f32; 4] {
        // SAFETY: reached through `enter`; the array holds the four lanes stored.
        unsafe {
            let all = _mm256_hadd_ps(_mm256_hadd_ps(v[0], v[1]), _mm256_hadd_ps(v[2], v[3]));
            let mut sums = [0.0; 4];
            _mm_storeu_ps(sums.as_mut_ptr(), _mm_add_ps(_mm256_castps256_ps128(all), _mm256_extractf128_ps::<1>(all)));
            sums
        }
    }
    #[inline(always)]
    unsafe fn columns(src: *const f32, ld: usize, last: usize, out: *mut f32, ld_out: usize) {
        // SAFETY: reached through `enter`; `row!` stays inside the matrix, out is valid for four rows of 8.
        unsafe {
            let mut t = [_mm256_setzero_ps(); 4];
            for (s, t) in t.iter_mut().enumerate() {
                let v = _mm256_castps128_ps256(_mm_loadu_ps(row!(src, ld, last, s)));
                *t = _mm256_insertf128_ps::<1>(v, _mm_loadu_ps(row!(src, ld, last, s + 4)));
            }
            let (a, b) = (_mm256_castps_pd(_mm256_unpacklo_ps(t[0], t[1])), _mm256_castps_pd(_mm256_unpackhi_ps(t[0], t[1])));
            let (c, d) = (_mm256_castps_pd(_mm256_unpacklo_ps(t[2], t[3])), _mm256_castps_pd(_mm256_unpackhi_ps(t[2], t[3])));
            _mm256_storeu_ps(out, _mm256_castpd_ps(_mm256_unpacklo_pd(a, c)));
            _mm256_storeu_ps(out.add(ld_out), _mm256_castpd_ps(_mm256_unpackhi_pd(a, c)));
            _mm256_storeu_ps(out.add(2 * ld_out), _mm256_castpd_ps(_mm256_unpacklo_pd(b, d)));
            _mm256_storeu_ps(out.add(3 * ld_out), _mm256_castpd_ps(_mm256_unpackhi_pd(b, d)));
        }
    }
});

vector!(__m256d, f64, Mask, 4, 2, "avx2,fma", rows [6, 6, 0], dot 2, zero _mm256_setzero_pd, set _mm256_set1_pd, load _mm256_loadu_pd,
store _mm256_storeu_pd, fma _mm256_fmadd_pd, add _mm256_add_pd, {
    #[inline(always)]
    unsafe fn mask(lanes: usize) -> Mask {
        // SAFETY: reached through `enter`; lanes is 1 ..= 4, so the four words lie in the table.
        Mask { lanes, signs: unsafe { _mm256_loadu_si256(SIGNS_64.as_ptr().add(4 - lanes).cast()) } }
    }
    #[inline(always)]
    unsafe fn load_part(p: *const f64, mask: Mask) -> Self {
        // SAFETY: reached through `enter`; masked lanes are not read.
        unsafe { _mm256_maskload_pd(p, mask.signs) }
    }
    #[inline(always)]
    unsafe fn store_part(self, p: *mut f64, mask: Mask) {
        // SAFETY: reached through `enter`; two and one add up to the lanes.
        unsafe {
            if mask.lanes == 4 {
                return self.store(p);
            }
            let (mut p, mut part) = (p, _mm256_castpd256_pd128(self));
            if mask.lanes & 2 > 0 {
                _mm_storeu_pd(p, part);
                (p, part) = (p.add(2), _mm256_extractf128_pd::<1>(self));
            }
            if mask.lanes & 1 > 0 {
                _mm_store_sd(p, part);
            }
        }
    }
    #[inline(always)]
    unsafe fn sums(v: [Self; 4]) -> [f64; 4] {
        // SAFETY: reached through `enter`; the array holds the four lanes stored.
        unsafe {
            let (low, high) = (_mm256_hadd_pd(v[0], v[1]), _mm256_hadd_pd(v[2], v[3]));
            let mut sums = [0.0; 4];
            _mm_storeu_pd(sums.as_mut_ptr(), _mm_add_pd(_mm256_castpd256_pd128(low), _mm256_extractf128_pd::<1>(low)));
            _mm_storeu_pd(sums.as_mut_ptr().add(2), _mm_add_pd(_mm256_castpd256_pd128(high), _mm256_extractf128_pd::<1>(high)));
            sums
        }
    }
    #[inline(always)]
    unsafe fn columns(src: *const f64, ld: usize, last: usize, out: *mut f64, ld_out: usize) {
        // SAFETY: reached through `enter`; `row!` stays inside the matrix, out is valid for two rows of 4.
        unsafe {
            let mut t = [_mm256_setzero_pd(); 2];
            for (s, t) in t.iter_mut().enumerate() {
                let v = _mm256_castpd128_pd256(_mm_loadu_pd(row!(src, ld, last, s)));
                *t = _mm256_insertf128_pd::<1>(v, _mm_loadu_pd(row!(src, ld, last, s + 2)));
            }
            _mm256_storeu_pd(out, _mm256_unpacklo_pd(t[0], t[1]));
            _mm256_storeu_pd(out.add(ld_out), _mm256_unpackhi_pd(t[0], t[1]));
        }
    }
});

/// a * b + c, in two roundings: SSE2 has no fused one.
#[inline(always)]
unsafe fn multiply_add_ps(a: __m128, b: __m128, c: __m128) -> __m128 {
    // SAFETY: SSE2 is everywhere.
    unsafe { _mm_add_ps(_mm_mul_ps(a, b), c) }
}

#[inline(always)]
unsafe fn multiply_add_pd(a: __m128d, b: __m128d, c: __m128d) -> __m128d {
    // SAFETY: SSE2 is everywhere.
    unsafe { _mm_add_pd(_mm_mul_pd(a, b), c) }
}

vector!(__m128, f32, usize, 4, 4, "sse2", rows [4, 4, 0], dot 2, zero _mm_setzero_ps, set _mm_set1_ps, load _mm_loadu_ps,
store _mm_storeu_ps, fma multiply_add_ps, add _mm_add_ps, {
    #[inline(always)]
    unsafe fn mask(lanes: usize) -> usize {
        lanes
    }
    #[inline(always)]
    unsafe fn load_part(p: *const f32, lanes: usize) -> Self {
        // SAFETY: only `lanes` elements are read.
        unsafe {
            match lanes {
                1 => _mm_load_ss(p),
                2 => _mm_castpd_ps(_mm_load_sd(p.cast())),
                3 => _mm_movelh_ps(_mm_castpd_ps(_mm_load_sd(p.cast())), _mm_load_ss(p.add(2))),
                _ => _mm_loadu_ps(p),
            }
        }
    }
    #[inline(always)]
    unsafe fn store_part(self, p: *mut f32, lanes: usize) {
        // SAFETY: only `lanes` elements are written.
        unsafe {
            match lanes {
                1 => _mm_store_ss(p, self),
                2 => _mm_storel_pd(p.cast(), _mm_castps_pd(self)),
                3 => {
                    _mm_storel_pd(p.cast(), _mm_castps_pd(self));
                    _mm_store_ss(p.add(2), _mm_movehl_ps(self, self));
                }
                _ => _mm_storeu_ps(p, self),
            }
        }
    }
    #[inline(always)]
    unsafe fn sums(v: [Self; 4]) -> [f32; 4] {
        // SAFETY: the array holds the four lanes stored.
        unsafe {
            let low = _mm_add_ps(_mm_unpacklo_ps(v[0], v[1]), _mm_unpackhi_ps(v[0], v[1]));
            let high = _mm_add_ps(_mm_unpacklo_ps(v[2], v[3]), _mm_unpackhi_ps(v[2], v[3]));
            let mut sums = [0.0; 4];
            _mm_storeu_ps(sums.as_mut_ptr(), _mm_add_ps(_mm_movelh_ps(low, high), _mm_movehl_ps(high, low)));
            sums
        }
    }
    #[inline(always)]
    unsafe fn columns(src: *const f32, ld: usize, last: usize, out: *mut f32, ld_out: usize) {
        // SAFETY: `row!` stays inside the matrix, out is valid for four rows of 4.
        unsafe {
            let t = [_mm_loadu_ps(src), _mm_loadu_ps(row!(src, ld, last, 1)), _mm_loadu_ps(row!(src, ld, last, 2)), _mm_loadu_ps(row!(src, ld, last, 3))];
            let (a, b) = (_mm_unpacklo_ps(t[0], t[1]), _mm_unpackhi_ps(t[0], t[1]));
            let (c, d) = (_mm_unpacklo_ps(t[2], t[3]), _mm_unpackhi_ps(t[2], t[3]));
            _mm_storeu_ps(out, _mm_movelh_ps(a, c));
            _mm_storeu_ps(out.add(ld_out), _mm_movehl_ps(c, a));
            _mm_storeu_ps(out.add(2 * ld_out), _mm_movelh_ps(b, d));
            _mm_storeu_ps(out.add(3 * ld_out), _mm_movehl_ps(d, b));
        }
    }
});

vector!(__m128d, f64, usize, 2, 2, "sse2", rows [4, 4, 0], dot 2, zero _mm_setzero_pd, set _mm_set1_pd, load _mm_loadu_pd,
store _mm_storeu_pd, fma multiply_add_pd, add _mm_add_pd, {
    #[inline(always)]
    unsafe fn mask(lanes: usize) -> usize {
        lanes
    }
    #[inline(always)]
    unsafe fn load_part(p: *const f64, lanes: usize) -> Self {
        // SAFETY: only `lanes` elements are read.
        unsafe { if lanes == 1 { _mm_load_sd(p) } else { _mm_loadu_pd(p) } }
    }
    #[inline(always)]
    unsafe fn store_part(self, p: *mut f64, lanes: usize) {
        // SAFETY: only `lanes` elements are written.
        unsafe { if lanes == 1 { _mm_store_sd(p, self) } else { _mm_storeu_pd(p, self) } }
    }
    #[inline(always)]
    unsafe fn sums(v: [Self; 4]) -> [f64; 4] {
        // SAFETY: the array holds the four lanes stored.
        unsafe {
            let mut sums = [0.0; 4];
            _mm_storeu_pd(sums.as_mut_ptr(), _mm_add_pd(_mm_unpacklo_pd(v[0], v[1]), _mm_unpackhi_pd(v[0], v[1])));
            _mm_storeu_pd(sums.as_mut_ptr().add(2), _mm_add_pd(_mm_unpacklo_pd(v[2], v[3]), _mm_unpackhi_pd(v[2], v[3])));
            sums
        }
    }
    #[inline(always)]
    unsafe fn columns(src: *const f64, ld: usize, last: usize, out: *mut f64, ld_out: usize) {
        // SAFETY: `row!` stays inside the matrix, out is valid for two rows of 2.
        unsafe {
            let (even, odd) = (_mm_loadu_pd(src), _mm_loadu_pd(row!(src, ld, last, 1)));
            _mm_storeu_pd(out, _mm_unpacklo_pd(even, odd));
            _mm_storeu_pd(out.add(ld_out), _mm_unpackhi_pd(even, odd));
        }
    }
});
