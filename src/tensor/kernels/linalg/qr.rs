//! QR decomposition by Householder reflections.
//!
//! Source: Golub and Van Loan, Matrix Computations, 4th edition, section 5.2.

use super::{ldexp, scaled};

/// Q of [m, n] with orthonormal columns and R of [n, n], upper triangular with no negative number on its diagonal, of Q R = A for A
/// of [m, n], m >= n; row-major.
pub(crate) fn qr(a: &[f64], m: usize, n: usize) -> (Vec<f64>, Vec<f64>) {
    // Column by column, so that a reflection runs along memory.
    let (a, power) = scaled(a);
    let mut columns: Vec<Vec<f64>> = (0..n).map(|j| (0..m).map(|i| a[i * n + j]).collect()).collect();
    let mut reflections: Vec<(Vec<f64>, f64)> = Vec::with_capacity(n);
    for j in 0..n {
        let tail = &columns[j][j..];
        let length = norm(tail);
        let mut v = tail.to_vec();
        // Away from cancellation; the sign of R comes right below.
        v[0] += if v[0] < 0.0 { -length } else { length };
        let size = norm(&v);
        if size > 0.0 {
            v.iter_mut().for_each(|v| *v /= size);
        }
        for column in &mut columns[j..] {
            reflect(&v, &mut column[j..]);
        }
        reflections.push((v, if columns[j][j] < 0.0 { -1.0 } else { 1.0 }));
    }
    let mut r = vec![0.0; n * n];
    for (j, column) in columns.iter().enumerate() {
        for (i, (_, sign)) in reflections[..=j].iter().enumerate() {
            r[i * n + j] = ldexp(sign * column[i], power);
        }
    }
    let mut q = vec![0.0; m * n];
    for j in 0..n {
        let mut column = vec![0.0; m];
        column[j] = reflections[j].1;
        for (k, (v, _)) in reflections[..=j].iter().enumerate().rev() {
            reflect(v, &mut column[k..]);
        }
        (0..m).for_each(|i| q[i * n + j] = column[i]);
    }
    (q, r)
}

/// Makes diagonal elements of R 0 whose columns depend on those before them, up to rounding: R is singular then, and says so.
pub(crate) fn clear_dependent(r: &mut [f64], m: usize, n: usize) {
    for j in 0..n {
        let column: Vec<f64> = (0..=j).map(|i| r[i * n + j]).collect();
        if r[j * n + j].abs() <= 8.0 * (m as f64).sqrt() * f64::EPSILON * norm(&column) {
            r[j * n + j] = 0.0;
        }
    }
}

/// x - 2 v (v x).
fn reflect(v: &[f64], x: &mut [f64]) {
    let product: f64 = v.iter().zip(&*x).map(|(v, x)| v * x).sum();
    x.iter_mut().zip(v).for_each(|(x, v)| *x -= 2.0 * product * v);
}

/// The length of a vector, without overflow in between.
pub(super) fn norm(x: &[f64]) -> f64 {
    let largest = x.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
    if largest == 0.0 || !largest.is_finite() {
        return if x.iter().any(|x| x.is_nan()) { f64::NAN } else { largest };
    }
    largest * x.iter().map(|x| (x / largest) * (x / largest)).sum::<f64>().sqrt()
}
