//! Cholesky decomposition and triangular systems, by blocks: all but the blocks on the diagonal is products of matrices.
//!
//! Source: Golub and Van Loan, Matrix Computations, 4th edition, sections 3.1 and 4.2.

use crate::num::simd;
use crate::tensor::kernels::matmul::gemm;

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
        factor_panel(&mut panel, width).map_err(|column| from + column)?;
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

/// The columns of L in a panel, whose first rows are the block on the diagonal.
fn factor_panel(panel: &mut [f64], width: usize) -> Result<(), usize> {
    for j in 0..width {
        let (row, below) = panel[j * width..].split_at_mut(width);
        let known = |row: &[f64], with: &[f64]| -> f64 { row[..j].iter().zip(&with[..j]).map(|(x, y)| x * y).sum() };
        let pivot = row[j] - known(row, row);
        // Not `pivot <= 0`: a NaN is no pivot either.
        if !(pivot > 0.0 && pivot.is_finite()) {
            return Err(j);
        }
        row[j] = pivot.sqrt();
        for other in below.chunks_exact_mut(width) {
            other[j] = (other[j] - known(other, row)) / row[j];
        }
    }
    Ok(())
}

/// Which half of a matrix a triangular system reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Half {
    pub lower: bool,
    /// The transpose of that half is what multiplies.
    pub transposed: bool,
}

/// Solves T X = B, T being a half of A or its transpose, for X of [n, columns], over B.
///
/// # Errors
/// The row whose diagonal element is 0.
pub(crate) fn solve_triangular(a: &[f64], n: usize, half: Half, x: &mut [f64], columns: usize) -> Result<(), usize> {
    if let Some(i) = (0..n).find(|&i| a[i * n + i] == 0.0) {
        return Err(i);
    }
    let at = |i: usize, j: usize| if half.transposed { a[j * n + i] } else { a[i * n + j] };
    let forward = half.lower != half.transposed;
    let blocks = n.div_ceil(BLOCK);
    let (mut factors, mut products) = (Vec::new(), Vec::new());
    for k in 0..blocks {
        let k = if forward { k } else { blocks - 1 - k };
        let (from, to) = (k * BLOCK, ((k + 1) * BLOCK).min(n));
        // What is solved already: rows before these, or after.
        let known = if forward { 0..from } else { to..n };
        if !known.is_empty() && columns > 0 {
            factors.clear();
            factors.extend((from..to).flat_map(|i| known.clone().map(move |j| (i, j))).map(|(i, j)| at(i, j)));
            products.clear();
            products.resize((to - from) * columns, 0.0);
            let solved = &x[known.start * columns..known.end * columns];
            let sizes = (to - from, columns, known.len());
            gemm(simd::level(), sizes.0, sizes.1, sizes.2, &factors, false, solved, false, &mut products, false, None);
            x[from * columns..to * columns].iter_mut().zip(&products).for_each(|(x, product)| *x -= product);
        }
        for i in from..to {
            let i = if forward { i } else { from + to - 1 - i };
            for j in if forward { from..i } else { i + 1..to } {
                let factor = at(i, j);
                let (row, solved) = two_rows(x, columns, i, j);
                row.iter_mut().zip(solved).for_each(|(x, y)| *x -= factor * y);
            }
            let pivot = at(i, i);
            x[i * columns..(i + 1) * columns].iter_mut().for_each(|x| *x /= pivot);
        }
    }
    Ok(())
}

/// Row i to write and row j to read.
fn two_rows(x: &mut [f64], columns: usize, i: usize, j: usize) -> (&mut [f64], &[f64]) {
    let (low, high) = (i.min(j), i.max(j));
    let (head, tail) = x.split_at_mut(high * columns);
    let (low_row, high_row) = (&mut head[low * columns..(low + 1) * columns], &mut tail[..columns]);
    if i < j { (low_row, high_row) } else { (high_row, low_row) }
}
