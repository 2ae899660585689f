//! Cholesky decomposition and triangular systems, by blocks: all but the blocks on the diagonal is products of matrices.
//!
//! What is left, a block's own columns, takes one column out of the rows after it: its inner loop goes along a row.
//!
//! Source: Golub and Van Loan, Matrix Computations, 4th edition, sections 3.1 and 4.2.

use crate::num::math::Mode;
use crate::num::simd::{self, Kernel};
use crate::tensor::kernels::matmul::gemm;
use std::ops::Range;

/// Rows and columns of a block.
const BLOCK: usize = 48;

/// Writes the lower triangle L of L L^T = A, row-major, with zeros above; of A, the mean with its transpose is read.
///
/// # Errors
/// The column whose pivot is not positive: A is not positive definite.
pub(crate) fn cholesky(a: &[f64], n: usize, l: &mut [f64]) -> Result<(), usize> {
    // Columns from..to of all rows from `from` down, for each block of columns: contiguous, as products need it.
    let mut panels: Vec<Vec<f64>> = Vec::with_capacity(n.div_ceil(BLOCK));
    let mut products = Vec::new();
    for from in (0..n).step_by(BLOCK) {
        let (to, rows) = ((from + BLOCK).min(n), n - from);
        let width = to - from;
        let mut panel = Vec::with_capacity(rows * width);
        for i in from..n {
            let mirrored = a[from * n + i..].iter().step_by(n);
            panel.extend(a[i * n + from..i * n + to].iter().zip(mirrored).map(|(x, y)| 0.5 * x + 0.5 * y));
        }
        products.clear();
        products.resize(rows * width, 0.0);
        for (k, before) in panels.iter().enumerate() {
            // All earlier panels have whole blocks of columns.
            let below = &before[(from - k * BLOCK) * BLOCK..];
            let top = &below[..width * BLOCK];
            gemm(simd::level(), rows, width, BLOCK, below, false, top, true, &mut products, true, None);
        }
        panel.iter_mut().zip(&products).for_each(|(x, product)| *x -= product);
        simd::dispatch(Panel { rows: &mut panel, width }).map_err(|column| from + column)?;
        panels.push(panel);
    }
    l.fill(0.0);
    for (k, panel) in panels.iter().enumerate() {
        let from = k * BLOCK;
        let width = BLOCK.min(n - from);
        for (i, row) in panel.chunks_exact(width).enumerate() {
            let length = width.min(i + 1);
            l[(from + i) * n + from..][..length].copy_from_slice(&row[..length]);
        }
    }
    Ok(())
}

/// The columns of L in a panel, whose first rows are the block on the diagonal. Fails with the column that has no pivot.
struct Panel<'a> {
    rows: &'a mut [f64],
    width: usize,
}
impl Kernel for Panel<'_> {
    type Output = Result<(), usize>;
    #[inline(always)]
    fn run<M: Mode>(self) -> Result<(), usize> {
        let width = self.width;
        let (diagonal, below) = self.rows.split_at_mut(width * width);
        // The block's columns as rows.
        let mut columns = [0.0; BLOCK * BLOCK];
        for i in 0..width {
            let row = &mut diagonal[i * width..(i + 1) * width];
            for j in 0..i {
                let column = &mut columns[j * BLOCK..(j + 1) * BLOCK];
                row[j] /= column[j];
                column[i] = row[j];
                let x = row[j];
                take_out::<M>(&mut row[j + 1..=i], x, &column[j + 1..=i]);
            }
            let pivot = row[i];
            // Not `pivot <= 0`: a NaN is no pivot either.
            if !(pivot > 0.0 && pivot.is_finite()) {
                return Err(i);
            }
            row[i] = pivot.sqrt();
            columns[i * BLOCK + i] = row[i];
        }
        for row in below.chunks_exact_mut(width) {
            for j in 0..width {
                let column = &columns[j * BLOCK..(j + 1) * BLOCK];
                row[j] /= column[j];
                let x = row[j];
                take_out::<M>(&mut row[j + 1..], x, &column[j + 1..width]);
            }
        }
        Ok(())
    }
}

/// Takes x times another row out of a row.
#[inline(always)]
fn take_out<M: Mode>(row: &mut [f64], x: f64, other: &[f64]) {
    row.iter_mut().zip(other).for_each(|(row, &other)| *row = M::fma(-x, other, *row));
}

/// Which half of a matrix a triangular system reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Half {
    pub lower: bool,
    /// The transpose of that half is what multiplies.
    pub transposed: bool,
}

impl Half {
    /// Whether the first row has one unknown.
    fn goes_forward(self) -> bool {
        self.lower != self.transposed
    }
    /// Element [i, j] of what multiplies.
    #[inline(always)]
    fn at(self, a: &[f64], n: usize, i: usize, j: usize) -> f64 {
        if self.transposed { a[j * n + i] } else { a[i * n + j] }
    }
}

/// Solves T X = B, T being a half of A or its transpose, for X of [n, columns], over B.
///
/// # Errors
/// The row whose diagonal element is 0.
pub(crate) fn solve_triangular(a: &[f64], n: usize, half: Half, x: &mut [f64], columns: usize) -> Result<(), usize> {
    if let Some(i) = (0..n).find(|&i| a[i * n + i] == 0.0) {
        return Err(i);
    }
    let forward = half.goes_forward();
    let blocks = n.div_ceil(BLOCK);
    let (mut factors, mut products) = (Vec::new(), Vec::new());
    for k in 0..blocks {
        let k = if forward { k } else { blocks - 1 - k };
        let (from, to) = (k * BLOCK, ((k + 1) * BLOCK).min(n));
        // What is solved already: rows before these, or after.
        let known = if forward { 0..from } else { to..n };
        if !known.is_empty() && columns > 0 {
            factors.clear();
            factors
                .extend((from..to).flat_map(|i| known.clone().map(move |j| (i, j))).map(|(i, j)| half.at(a, n, i, j)));
            products.clear();
            products.resize((to - from) * columns, 0.0);
            let solved = &x[known.start * columns..known.end * columns];
            let sizes = (to - from, columns, known.len());
            gemm(simd::level(), sizes.0, sizes.1, sizes.2, &factors, false, solved, false, &mut products, false, None);
            x[from * columns..to * columns].iter_mut().zip(&products).for_each(|(x, product)| *x -= product);
        }
        simd::dispatch(Substitution { a, n, half, x, columns, rows: from..to });
    }
    Ok(())
}

/// The rows of a block on the diagonal, when all others are taken out of them.
struct Substitution<'a> {
    a: &'a [f64],
    n: usize,
    half: Half,
    x: &'a mut [f64],
    columns: usize,
    rows: Range<usize>,
}
impl Kernel for Substitution<'_> {
    type Output = ();
    #[inline(always)]
    fn run<M: Mode>(self) {
        let Self { x, columns, rows, .. } = self;
        let forward = self.half.goes_forward();
        for i in rows.clone() {
            let i = if forward { i } else { rows.start + rows.end - 1 - i };
            for j in if forward { rows.start..i } else { i + 1..rows.end } {
                let factor = self.half.at(self.a, self.n, i, j);
                let (row, solved) = two_rows(x, columns, i, j);
                take_out::<M>(row, factor, solved);
            }
            let pivot = self.half.at(self.a, self.n, i, i);
            x[i * columns..(i + 1) * columns].iter_mut().for_each(|x| *x /= pivot);
        }
    }
}

/// Row i to write and row j to read.
fn two_rows(x: &mut [f64], columns: usize, i: usize, j: usize) -> (&mut [f64], &[f64]) {
    let (low, high) = (i.min(j), i.max(j));
    let (head, tail) = x.split_at_mut(high * columns);
    let (low_row, high_row) = (&mut head[low * columns..(low + 1) * columns], &mut tail[..columns]);
    if i < j { (low_row, high_row) } else { (high_row, low_row) }
}
