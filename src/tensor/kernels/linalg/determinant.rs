//! Derivatives of determinants, of any order and of any matrix: they are polynomials, so that singular matrices have them too.
//!
//! D^(k+1) det(A)[G_1, ..., G_k, H] is linear in H; its matrix is what is computed here, for k = 0 that of the cofactors. Between the
//! singular vectors, A = U S V^T, it is a sum over all sets of k+1 rows: the product of the other singular values times the
//! determinants that take each of these rows from another direction. That is stable for any matrix, and its work grows with
//! n^(k+1). The cofactors of regular matrices are det(A) A^-T where that is accurate.
//!
//! A is scaled by a power of two and products keep their exponents, so that nothing on the way leaves the range.
//!
//! Source: Stewart, On the adjugate matrix, Linear Algebra and its Applications 283 (1998), for k = 0.

use super::jacobi::svd;
use super::{Lu, exponent, ldexp, scaled};
use crate::num::simd;
use crate::tensor::kernels::matmul::gemm;

/// What a product may be off by, in units of its terms and of the size of the matrix.
const ROUNDING: f64 = 64.0 * f64::EPSILON;

/// A number with an exponent of its own.
#[derive(Clone, Copy)]
struct Scaled {
    x: f64,
    exponent: i64,
}

impl Scaled {
    const ONE: Self = Self { x: 1.0, exponent: 0 };

    fn det(lu: &Lu) -> Self {
        lu.pivots().fold(Self { x: lu.sign, exponent: 0 }, Self::times)
    }

    fn times(self, y: f64) -> Self {
        let e = exponent(self.x) + exponent(y);
        let x = ldexp(self.x, -exponent(self.x)) * ldexp(y, -exponent(y));
        Self { x, exponent: self.exponent + e }
    }
}

/// The determinant of a decomposed matrix: of its pivots no product on the way leaves the range.
pub(super) fn det(lu: &Lu) -> f64 {
    let Scaled { x, exponent } = Scaled::det(lu);
    ldexp(x, exponent)
}

/// Writes the matrix of D^(k+1) det(A) in k directions, all of [n, n]; 0 where a
/// direction is, and else NaN where something is not finite.
pub(crate) fn det_slope(a: &[f64], directions: &[Vec<f64>], n: usize, out: &mut [f64]) {
    let k = directions.len();
    let is_nothing = |direction: &Vec<f64>| direction.iter().all(|&x| x == 0.0);
    if k + 1 > n || directions.iter().any(is_nothing) {
        return out.fill(0.0);
    }
    if a.iter().chain(directions.iter().flatten()).any(|x| !x.is_finite()) {
        return out.fill(f64::NAN);
    }
    let (a, power) = scaled(a);
    let degree = power * (n - k - 1) as i64;
    if k == 0 && regular_cofactors(&a, n, degree, out) {
        return;
    }
    let (u, s, v) = svd(&a, n, n);
    let sign = Lu::new(&u, n).det().signum() * Lu::new(&v, n).det().signum();
    let product = |x: &[f64], transposed: bool, y: &[f64], transpose_y: bool| {
        let mut out = vec![0.0; n * n];
        gemm(simd::level(), n, n, n, x, transposed, y, transpose_y, &mut out, false, None);
        out
    };
    let directions: Vec<Vec<f64>> =
        directions.iter().map(|g| product(&product(&u, true, g, false), false, &v, false)).collect();
    // The largest product of those that are not 0.
    let largest = s[..n - k - 1].iter().fold(Scaled::ONE, |product, &s| product.times(s));
    let mut middle = vec![0.0; n * n];
    for_each_set(n, k + 1, &mut |rows| {
        let others = (0..n).filter(|i| !rows.contains(i));
        let weight = others.fold(Scaled::ONE, |product, i| product.times(s[i]));
        let weight = ldexp(weight.x, weight.exponent - largest.exponent);
        if weight == 0.0 {
            return;
        }
        for (i, j) in (0..=k).flat_map(|i| (0..=k).map(move |j| (i, j))) {
            let without = |skip: usize| -> Vec<usize> {
                rows.iter().enumerate().filter(|&(at, _)| at != skip).map(|(_, &row)| row).collect()
            };
            let minor = mixed(&without(i), &without(j), &directions.iter().collect::<Vec<_>>(), n);
            middle[rows[i] * n + rows[j]] += if (i + j) % 2 == 0 { weight * minor } else { -weight * minor };
        }
    });
    let slope = product(&product(&u, false, &middle, false), false, &v, true);
    out.iter_mut().zip(slope).for_each(|(out, x)| *out = ldexp(sign * x, largest.exponent + degree));
}

/// det(A) A^-T 2^degree, if that is accurate: of A times the transpose of it, which is det(A) I, no element is more than rounding of the
/// products that it is a sum of. That holds for graded matrices too, and up to where a pivot is 0.
fn regular_cofactors(a: &[f64], n: usize, degree: i64, out: &mut [f64]) -> bool {
    let lu = Lu::new(a, n);
    if lu.is_singular() {
        return false;
    }
    let det = Scaled::det(&lu);
    let identity: Vec<f64> = (0..n * n).map(|i| if i / n == i % n { 1.0 } else { 0.0 }).collect();
    let mut inverse = vec![0.0; n * n];
    lu.solve(&identity, n, true, &mut inverse);
    for (i, row) in a.chunks_exact(n).enumerate() {
        for (j, column) in inverse.chunks_exact(n).enumerate() {
            let products = || row.iter().zip(column).map(|(x, y)| x * y);
            let wanted = if i == j { 1.0 } else { 0.0 };
            let (error, size) = (products().sum::<f64>() - wanted, products().map(f64::abs).sum::<f64>());
            let accurate = size.is_finite() && error.abs() <= ROUNDING * n as f64 * size.max(wanted);
            if !accurate {
                return false;
            }
        }
    }
    out.iter_mut().zip(inverse).for_each(|(out, x)| {
        *out = ldexp(ldexp(x, -exponent(x)) * det.x, exponent(x) + det.exponent + degree);
    });
    true
}

/// The sum of the determinants that take each row from another of the matrices, in all ways.
fn mixed(rows: &[usize], columns: &[usize], from: &[&Vec<f64>], n: usize) -> f64 {
    let Some((&row, rest)) = rows.split_first() else { return 1.0 };
    let without = |k: usize| columns.iter().enumerate().filter(move |&(at, _)| at != k).map(|(_, &column)| column);
    let mut sum = 0.0;
    for (d, matrix) in from.iter().enumerate() {
        let others: Vec<&Vec<f64>> =
            from.iter().enumerate().filter(|&(at, _)| at != d).map(|(_, &other)| other).collect();
        for (k, &column) in columns.iter().enumerate() {
            let term = matrix[row * n + column] * mixed(rest, &without(k).collect::<Vec<_>>(), &others, n);
            sum += if k % 2 == 0 { term } else { -term };
        }
    }
    sum
}

/// Every set of `size` of the numbers below n, in order.
fn for_each_set(n: usize, size: usize, visit: &mut impl FnMut(&[usize])) {
    let mut set: Vec<usize> = (0..size).collect();
    loop {
        visit(&set);
        let Some(at) = (0..size).rev().find(|&at| set[at] < n - size + at) else { return };
        set[at] += 1;
        for later in at + 1..size {
            set[later] = set[later - 1] + 1;
        }
    }
}
