//! Eigenvalues of symmetric matrices and singular values, by Jacobi's rotations: slower than the ways by tridiagonal matrices, and
//! as accurate as any.
//!
//! Source: Golub and Van Loan, Matrix Computations, 4th edition, sections 8.5 and 8.6.3.

use super::qr::{norm, qr};
use super::{ldexp, scaled};
use crate::num::simd;
use crate::tensor::kernels::matmul::gemm;

/// Sweeps after which nothing more is won. Six to ten are needed.
const SWEEPS: usize = 60;

/// The eigenvalues in rising order and, as the columns of a row-major matrix, orthonormal eigenvectors, each with its largest element
/// positive (the first of equals); of A, the mean with its transpose is read.
pub(crate) fn eigh(a: &[f64], n: usize) -> (Vec<f64>, Vec<f64>) {
    let mean: Vec<f64> = (0..n * n).map(|k| 0.5 * a[k] + 0.5 * a[k % n * n + k / n]).collect();
    let (mut a, power) = scaled(&mean);
    let largest = a.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
    if a.iter().any(|x| !x.is_finite()) {
        return (vec![f64::NAN; n], vec![f64::NAN; n * n]);
    }
    // The rows of V^T, so that a rotation runs along memory.
    let mut vectors: Vec<f64> = (0..n * n).map(|k| if k % n == k / n { 1.0 } else { 0.0 }).collect();
    for _ in 0..SWEEPS {
        let mut rotated = false;
        for p in 0..n {
            for q in p + 1..n {
                let off = a[p * n + q];
                let (app, aqq) = (a[p * n + p], a[q * n + q]);
                if off.abs() <= f64::EPSILON * (1e-3 * app.abs().sqrt() * aqq.abs().sqrt()).max(f64::EPSILON * largest)
                {
                    continue;
                }
                rotated = true;
                let (c, s) = rotation(app, aqq, off);
                rotate(&mut a, n, p, q, c, s);
                for i in 0..n {
                    let (x, y) = (a[i * n + p], a[i * n + q]);
                    (a[i * n + p], a[i * n + q]) = (c * x - s * y, s * x + c * y);
                }
                (a[p * n + q], a[q * n + p]) = (0.0, 0.0);
                rotate(&mut vectors, n, p, q, c, s);
            }
        }
        if !rotated {
            break;
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a[i * n + i].total_cmp(&a[j * n + j]));
    let values = order.iter().map(|&k| ldexp(a[k * n + k], power)).collect();
    let mut columns = as_columns(order.iter().map(|&k| &vectors[k * n..(k + 1) * n]), n, n);
    orient(&mut columns, &mut [], n, 0, n);
    (values, columns)
}

/// U of [m, k], the singular values in falling order and V of [n, k], with k = min(m, n), of U S V^T = A for A of [m, n]. The columns of
/// U and V are orthonormal, and each column of V has its largest element positive (the first of equals).
pub(crate) fn svd(a: &[f64], m: usize, n: usize) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    if m < n {
        let transposed: Vec<f64> = (0..m * n).map(|k| a[k % m * n + k / m]).collect();
        let (mut v, s, mut u) = svd(&transposed, n, m);
        orient(&mut v, &mut u, n, m, m);
        return (u, s, v);
    }
    if a.iter().any(|x| !x.is_finite()) {
        return (vec![f64::NAN; m * n], vec![f64::NAN; n], vec![f64::NAN; n * n]);
    }
    let (a, power) = scaled(a);
    let (q, r) = qr(&a, m, n);
    // One-sided: rotations make the columns of R orthogonal. Here they are rows, of R^T and of V^T.
    let mut columns: Vec<f64> = (0..n * n).map(|k| r[k % n * n + k / n]).collect();
    let mut v: Vec<f64> = (0..n * n).map(|k| if k % n == k / n { 1.0 } else { 0.0 }).collect();
    for _ in 0..SWEEPS {
        let mut rotated = false;
        for i in 0..n {
            for j in i + 1..n {
                let (x, y) = (&columns[i * n..(i + 1) * n], &columns[j * n..(j + 1) * n]);
                let (nx, ny) = (norm(x), norm(y));
                if nx == 0.0 || ny == 0.0 {
                    continue;
                }
                let cosine: f64 = x.iter().zip(y).map(|(x, y)| (x / nx) * (y / ny)).sum();
                // `!(a > b)` would go on for ever with NaN.
                if cosine.is_nan() || cosine.abs() <= 4.0 * f64::EPSILON {
                    continue;
                }
                rotated = true;
                let scale = nx.max(ny);
                let (sx, sy) = (nx / scale, ny / scale);
                let (c, s) = rotation(sx * sx, sy * sy, cosine * sx * sy);
                rotate(&mut columns, n, i, j, c, s);
                rotate(&mut v, n, i, j, c, s);
            }
        }
        if !rotated {
            break;
        }
    }
    let norms: Vec<f64> = columns.chunks_exact(n.max(1)).map(norm).collect();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| norms[j].total_cmp(&norms[i]));
    let s: Vec<f64> = order.iter().map(|&k| ldexp(norms[k], power)).collect();
    let mut left: Vec<Vec<f64>> = Vec::with_capacity(n);
    for &k in &order {
        let column = &columns[k * n..(k + 1) * n];
        // A column that is all but rounded away, beside elements of 1, has no direction of its own.
        let found = norms[k] > f64::MIN_POSITIVE / f64::EPSILON;
        let unit = found.then(|| column.iter().map(|x| x / norms[k]).collect());
        left.push(unit.unwrap_or_else(|| beside(&left, n)));
    }
    let inner: Vec<f64> = (0..n * n).map(|k| left[k % n][k / n]).collect();
    let mut u = vec![0.0; m * n];
    gemm(simd::level(), m, n, n, &q, false, &inner, false, &mut u, false, None);
    let mut v = as_columns(order.iter().map(|&k| &v[k * n..(k + 1) * n]), n, n);
    orient(&mut v, &mut u, n, m, n);
    (u, s, v)
}

/// The cosine and sine of the rotation that makes [[x, off], [off, y]] diagonal.
fn rotation(x: f64, y: f64, off: f64) -> (f64, f64) {
    let tau = (y - x) / (2.0 * off);
    let t = if tau >= 0.0 { 1.0 / (tau + tau.hypot(1.0)) } else { -1.0 / (-tau + tau.hypot(1.0)) };
    let c = 1.0 / t.hypot(1.0);
    (c, t * c)
}

/// Rows p and q of a matrix with rows of n, rotated.
fn rotate(a: &mut [f64], n: usize, p: usize, q: usize, c: f64, s: f64) {
    let (head, tail) = a.split_at_mut(q * n);
    let (x, y) = (&mut head[p * n..(p + 1) * n], &mut tail[..n]);
    for (x, y) in x.iter_mut().zip(y) {
        (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
    }
}

/// A unit vector at right angles to all of these: what is left of the unit vector that has most left.
fn beside(others: &[Vec<f64>], n: usize) -> Vec<f64> {
    let left = |k: usize| -> Vec<f64> {
        let mut x = vec![0.0; n];
        x[k] = 1.0;
        // Twice, so that rounding leaves nothing.
        for _ in 0..2 {
            for other in others {
                let product: f64 = other.iter().zip(&x).map(|(a, b)| a * b).sum();
                x.iter_mut().zip(other).for_each(|(x, other)| *x -= product * other);
            }
        }
        x
    };
    let best = (0..n).map(left).max_by(|x, y| norm(x).total_cmp(&norm(y))).expect("there is an axis");
    let length = norm(&best);
    best.into_iter().map(|x| x / length).collect()
}

/// Vectors of length n as the k columns of a matrix.
fn as_columns<'a>(vectors: impl Iterator<Item = &'a [f64]>, n: usize, k: usize) -> Vec<f64> {
    let mut columns = vec![0.0; n * k];
    for (j, vector) in vectors.enumerate() {
        vector.iter().enumerate().for_each(|(i, x)| columns[i * k + j] = *x);
    }
    columns
}

/// Turns the columns of a matrix of [n, k] round so that the largest element of each is positive, and those of one of [m, k] with them.
fn orient(columns: &mut [f64], with: &mut [f64], n: usize, m: usize, k: usize) {
    for j in 0..k {
        let largest = (0..n).fold(0.0f64, |best, i| {
            let x = columns[i * k + j];
            // A little more, so that rounding does not choose between equals.
            if x.abs() > best.abs() * (1.0 + 1e-9) { x } else { best }
        });
        if largest < 0.0 {
            (0..n).for_each(|i| columns[i * k + j] = -columns[i * k + j]);
            (0..m).for_each(|i| with[i * k + j] = -with[i * k + j]);
        }
    }
}
