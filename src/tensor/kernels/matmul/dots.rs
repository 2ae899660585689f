//! Products that need no tile: rows of A against rows of B (dot products).
//!
//! Dot products run along k, so B^T is not packed: that pays where few rows of A share it. Their sums end in a
//! horizontal addition, which is why they lose where k is short.

use super::Product;
use super::vector::{Kernel, Scalar, Vector};

/// A tile of MR rows by 4 * G columns.
struct DotTile<'s, V: Vector, const MR: usize, const G: usize> {
    p: &'s Product<V::Elem>,
    row: usize,
    column: usize,
}

impl<V: Vector, const MR: usize, const G: usize> Kernel for DotTile<'_, V, MR, G> {
    #[inline(always)]
    unsafe fn run(self) {
        let d = self.p;
        // SAFETY: columns past the end repeat the last one and are not stored; the mask ends the rows.
        unsafe {
            let a = d.a.add(self.row * d.lda);
            let mut b = [[d.b; 4]; G];
            for g in 0..G {
                for j in 0..4 {
                    b[g][j] = d.b.add((self.column + 4 * g + j).min(d.n - 1) * d.ldb);
                }
            }
            let mut acc = [[[V::zero(); 4]; G]; MR];
            let mut p = 0;
            while p + V::LANES <= d.k {
                for g in 0..G {
                    let y = [
                        V::load(b[g][0].add(p)),
                        V::load(b[g][1].add(p)),
                        V::load(b[g][2].add(p)),
                        V::load(b[g][3].add(p)),
                    ];
                    for i in 0..MR {
                        let x = V::load(a.add(i * d.lda + p));
                        for j in 0..4 {
                            acc[i][g][j] = x.mul_add(y[j], acc[i][g][j]);
                        }
                    }
                }
                p += V::LANES;
            }
            if p < d.k {
                let mask = V::mask(d.k - p);
                for i in 0..MR {
                    let x = V::load_part(a.add(i * d.lda + p), mask);
                    for g in 0..G {
                        for j in 0..4 {
                            acc[i][g][j] = x.mul_add(V::load_part(b[g][j].add(p), mask), acc[i][g][j]);
                        }
                    }
                }
            }
            // In a loop of their own, which unrolls: the next one does not, and would keep the accumulators in memory
            // throughout.
            let mut sums = [[[V::Elem::default(); 4]; G]; MR];
            for i in 0..MR {
                for g in 0..G {
                    sums[i][g] = V::sums(acc[i][g]);
                }
            }
            let n = (d.n - self.column).min(4 * G);
            for (i, row) in sums.iter().enumerate() {
                let c = d.c.add((self.row + i) * d.ldc + self.column);
                for (j, &sum) in row.as_flattened()[..n].iter().enumerate() {
                    *c.add(j) = if d.accumulate { (*c.add(j)).plus(sum) } else { sum };
                }
            }
        }
    }
}

/// c[i, j] (+)= the dot product of row i of A and row j of B, four columns at a time.
///
/// # Safety
/// The processor has V's instructions; the product's pointers are valid for its shape; B is transposed, A is not, n >
/// 0.
pub(super) unsafe fn dots<V: Vector>(p: &Product<V::Elem>) {
    macro_rules! arms {
        ($rows:expr, $row:expr, $column:expr, $($mr:literal $g:literal),*) => {
            match $rows {
                $($mr if const { $mr <= V::DOT_ROWS } => V::enter(DotTile::<V, $mr, $g> { p, row: $row, column: $column }),)*
                _ => unreachable!("a tile of {} rows", $rows),
            }
        };
    }
    // SAFETY: by contract.
    unsafe {
        let mut column = 0;
        while column < p.n {
            if p.m == 1 && p.n - column > 4 {
                arms!(1, 0, column, 1 2);
                column += 8;
                continue;
            }
            let mut row = 0;
            while row < p.m {
                let left = p.m - row;
                let rows = left.div_ceil(left.div_ceil(V::DOT_ROWS));
                arms!(rows, row, column, 1 1, 2 1, 3 1, 4 1, 5 1, 6 1);
                row += rows;
            }
            column += 4;
        }
    }
}
