//! Matrix products in f32: tiles of AVX-512 without packing for small shapes, private-gemm-x86 for all others.

use private_gemm_x86::{Accum, DType, DstKind, IType, InstrSet, gemm};
use std::arch::x86_64::*;

/// A matrix in memory: where it starts, and the distance between rows and between columns.
#[derive(Clone, Copy)]
pub struct Matrix {
    pub start: *const f32,
    pub row: usize,
    pub column: usize,
}

impl Matrix {
    pub fn rows_of(start: *const f32, columns: usize) -> Self {
        Self { start, row: columns, column: 1 }
    }

    pub fn transposed(self) -> Self {
        Self { row: self.column, column: self.row, ..self }
    }
}

pub fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f")
}

/// c = a b or c += a b, with c [m, n] by rows and a of k columns.
///
/// # Safety
/// The matrices lie within their allocations, and nothing else writes c meanwhile. `small` asks for AVX-512, and for rows of b
/// without gaps.
pub unsafe fn product(small: bool, [m, n, k]: [usize; 3], a: Matrix, b: Matrix, c: *mut f32, add: bool) {
    unsafe {
        if small {
            debug_assert_eq!(b.column, 1);
            return unpacked([m, n, k], a, b.start, b.row, c, add);
        }
        let (accumulate, one) = (if add { Accum::Add } else { Accum::Replace }, 1f32);
        let set = if has_avx512() { InstrSet::Avx512 } else { InstrSet::Avx256 };
        #[rustfmt::skip]
        gemm(
            DType::F32, IType::U64, set, m, n, k,
            c.cast(), n as isize, 1, std::ptr::null(), std::ptr::null(), DstKind::Full, accumulate,
            a.start.cast(), a.row as isize, a.column as isize, false, std::ptr::null(), 0,
            b.start.cast(), b.row as isize, b.column as isize, false,
            (&raw const one).cast(), 1,
        );
    }
}

/// One tile of ROWS by 16 WIDE elements of c, the last 16 masked.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn tile<const ROWS: usize, const WIDE: usize>(
    k: usize,
    a: Matrix,
    (b, b_row): (*const f32, usize),
    (c, c_row): (*mut f32, usize),
    last: __mmask16,
    add: bool,
) {
    let mut sums = [[_mm512_setzero_ps(); WIDE]; ROWS];
    let mask = |v| if v + 1 == WIDE { last } else { 0xffff };
    unsafe {
        for p in 0..k {
            let mut row = [_mm512_setzero_ps(); WIDE];
            for (v, row) in row.iter_mut().enumerate() {
                *row = _mm512_maskz_loadu_ps(mask(v), b.add(p * b_row + v * 16));
            }
            for (i, sums) in sums.iter_mut().enumerate() {
                let x = _mm512_set1_ps(*a.start.add(i * a.row + p * a.column));
                for (sum, &row) in sums.iter_mut().zip(&row) {
                    *sum = _mm512_fmadd_ps(x, row, *sum);
                }
            }
        }
        for (i, sums) in sums.iter().enumerate() {
            for (v, &sum) in sums.iter().enumerate() {
                let at = c.add(i * c_row + v * 16);
                let sum = if add { _mm512_add_ps(sum, _mm512_maskz_loadu_ps(mask(v), at)) } else { sum };
                _mm512_mask_storeu_ps(at, mask(v), sum);
            }
        }
    }
}

macro_rules! tile_of {
    ($rows:expr, $WIDE:literal, $arguments:tt) => {
        tile_of!(@ $rows, $WIDE, $arguments, 1 2 3 4 5 6 7 8 9 10 11)
    };
    (@ $rows:expr, $WIDE:literal, $arguments:tt, $($N:literal)*) => {
        match $rows {
            $($N => tile_of!(@call $N, $WIDE, $arguments),)*
            _ => tile_of!(@call 12, $WIDE, $arguments),
        }
    };
    (@call $N:literal, $WIDE:literal, ($($argument:expr),*)) => { tile::<$N, $WIDE>($($argument),*) };
}

/// Blocks of 512 along k, so that the rows of b in use stay in the first cache.
#[target_feature(enable = "avx512f")]
unsafe fn unpacked([m, n, k]: [usize; 3], a: Matrix, b: *const f32, b_row: usize, c: *mut f32, add: bool) {
    const BLOCK: usize = 512;
    for start in (0..k).step_by(BLOCK) {
        let (depth, add) = (BLOCK.min(k - start), add || start > 0);
        for j in (0..n).step_by(32) {
            let wide = (n - j).min(32).div_ceil(16);
            let rest = (n - j).min(32) - (wide - 1) * 16;
            let last: __mmask16 = if rest == 16 { 0xffff } else { (1 << rest) - 1 };
            let mut i = 0;
            while i < m {
                let left = m - i;
                // Two even tiles rather than one of twelve and a thin one.
                let rows = if left > 12 && left < 24 { left.div_ceil(2) } else { left.min(12) };
                unsafe {
                    let a = Matrix { start: a.start.add(i * a.row + start * a.column), ..a };
                    let b = (b.add(start * b_row + j), b_row);
                    let c = (c.add(i * n + j), n);
                    if wide == 2 {
                        tile_of!(rows, 2, (depth, a, b, c, last, add))
                    } else {
                        tile_of!(rows, 1, (depth, a, b, c, last, add))
                    }
                }
                i += rows;
            }
        }
    }
}

/// `to` [columns, rows] = `from` [rows, columns] transposed, in blocks of one cache line.
pub fn transpose(rows: usize, columns: usize, from: &[f32], to: &mut [f32]) {
    for i in (0..rows).step_by(16) {
        for j in (0..columns).step_by(16) {
            for jj in j..columns.min(j + 16) {
                for ii in i..rows.min(i + 16) {
                    to[jj * rows + ii] = from[ii * columns + jj];
                }
            }
        }
    }
}
