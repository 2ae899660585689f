//! Dense linear algebra: LU with partial pivoting here; [`cholesky`] with triangular systems, [`qr`], and [`jacobi`] with
//! eigenvalues and singular values, [`expm`].
//!
//! All computes in f64, whatever the element: what a decomposition loses, single precision would lose a billion times over.

pub(crate) mod cholesky;
pub(crate) mod determinant;
pub(crate) mod expm;
pub(crate) mod jacobi;
pub(crate) mod qr;

use crate::num::{Element, PerElement};
use std::borrow::Cow;

/// Elements as f64: themselves, where they are.
struct Doubles;
impl PerElement for Doubles {
    type Of<T: Element> = fn(&[T]) -> Cow<'_, [f64]>;
    fn single() -> Self::Of<f32> {
        |x| x.iter().map(|&x| f64::from(x)).collect()
    }
    fn double() -> Self::Of<f64> {
        |x| Cow::Borrowed(x)
    }
}

/// Elements as f64, without a copy where they are that.
pub(crate) fn in_f64<T: Element>(x: &[T]) -> Cow<'_, [f64]> {
    T::pick::<Doubles>()(x)
}

/// Elements that a closure changes as f64.
struct ChangedAsDoubles;
impl PerElement for ChangedAsDoubles {
    type Of<T: Element> = fn(&mut [T], &mut dyn FnMut(&mut [f64]));
    fn single() -> Self::Of<f32> {
        |x, change| {
            let mut doubles: Vec<f64> = x.iter().map(|&x| f64::from(x)).collect();
            change(&mut doubles);
            x.iter_mut().zip(doubles).for_each(|(x, double)| *x = double as f32);
        }
    }
    fn double() -> Self::Of<f64> {
        |x, change| change(x)
    }
}

/// Changes elements as f64, in place where they are that; what the closure returns.
pub(crate) fn change_in_f64<T: Element, R>(x: &mut [T], change: impl FnOnce(&mut [f64]) -> R) -> R {
    let (mut change, mut result) = (Some(change), None);
    T::pick::<ChangedAsDoubles>()(x, &mut |x| result = change.take().map(|change| change(x)));
    result.expect("it is called once")
}

/// The e of x = m 2^e with m from 1 to 2; 0 for 0.
pub(crate) fn exponent(x: f64) -> i64 {
    if x == 0.0 {
        return 0;
    }
    let biased = |x: f64| (x.to_bits() >> 52 & 0x7ff) as i64;
    if x.is_normal() { biased(x) - 1023 } else { biased(x * 2f64.powi(64)) - 1023 - 64 }
}

/// x 2^e.
pub(crate) fn ldexp(mut x: f64, mut e: i64) -> f64 {
    // Far more than the range of exponents.
    e = e.clamp(-5000, 5000);
    while e != 0 {
        let step = e.clamp(-1000, 1000);
        x *= 2f64.powi(step as i32);
        e -= step;
    }
    x
}

/// The elements times a power of two, so that the largest is from 1 to 2, and the exponent to undo that.
pub(crate) fn scaled(a: &[f64]) -> (Vec<f64>, i64) {
    let power = exponent(a.iter().fold(0.0, |largest, x| x.abs().max(largest)));
    (a.iter().map(|&x| ldexp(x, -power)).collect(), power)
}

/// P A = L U, packed in one matrix, with the permutation and its sign.
pub(crate) struct Lu {
    n: usize,
    lu: Vec<f64>,
    rows: Vec<usize>,
    sign: f64,
}

impl Lu {
    /// Decomposes a row-major n by n matrix. Computes in f64 whatever the element.
    pub fn new<T: Element>(a: &[T], n: usize) -> Self {
        let mut lu: Vec<f64> = a.iter().map(|x| x.to_f64()).collect();
        let mut rows: Vec<usize> = (0..n).collect();
        let mut sign = 1.0;
        for k in 0..n {
            let pivot = (k..n).max_by(|&i, &j| lu[i * n + k].abs().total_cmp(&lu[j * n + k].abs())).unwrap_or(k);
            if pivot != k {
                for j in 0..n {
                    lu.swap(k * n + j, pivot * n + j);
                }
                rows.swap(k, pivot);
                sign = -sign;
            }
            if lu[k * n + k] == 0.0 {
                continue;
            }
            for i in k + 1..n {
                let factor = lu[i * n + k] / lu[k * n + k];
                lu[i * n + k] = factor;
                for j in k + 1..n {
                    lu[i * n + j] -= factor * lu[k * n + j];
                }
            }
        }
        Self { n, lu, rows, sign }
    }

    fn pivots(&self) -> impl Iterator<Item = f64> + '_ {
        (0..self.n).map(|k| self.lu[k * self.n + k])
    }

    /// Whether a pivot is zero.
    pub fn is_singular(&self) -> bool {
        (0..self.n).any(|k| self.lu[k * self.n + k] == 0.0)
    }

    /// The sign of the determinant and the logarithm of its magnitude: 0 and -inf for a singular matrix.
    pub fn sign_and_log_det(&self) -> (f64, f64) {
        (0..self.n).fold((self.sign, 0.0), |(sign, log), k| {
            let pivot = self.lu[k * self.n + k];
            (if pivot == 0.0 { 0.0 } else { sign * pivot.signum() }, log + pivot.abs().ln())
        })
    }

    /// The determinant.
    pub fn det(&self) -> f64 {
        determinant::det(self)
    }

    /// Solves A X = B, or A^T X = B, for B of [n, columns], row-major.
    pub fn solve<T: Element>(&self, b: &[T], columns: usize, transposed: bool, out: &mut [T]) {
        let mut x = vec![0.0; self.n];
        for c in 0..columns {
            let column = |i: usize| b[i * columns + c].to_f64();
            if transposed {
                self.solve_transposed(column, &mut x);
                self.rows.iter().zip(&x).for_each(|(row, &x)| out[row * columns + c] = T::from_f64(x));
            } else {
                self.solve_column(column, &mut x);
                x.iter().enumerate().for_each(|(row, &x)| out[row * columns + c] = T::from_f64(x));
            }
        }
    }

    /// L U x = P b.
    fn solve_column(&self, b: impl Fn(usize) -> f64, x: &mut [f64]) {
        let n = self.n;
        for i in 0..n {
            let sum: f64 = (0..i).map(|j| self.lu[i * n + j] * x[j]).sum();
            x[i] = b(self.rows[i]) - sum;
        }
        for i in (0..n).rev() {
            let sum: f64 = (i + 1..n).map(|j| self.lu[i * n + j] * x[j]).sum();
            x[i] = (x[i] - sum) / self.lu[i * n + i];
        }
    }

    /// U^T L^T x = b, where x is the solution with its rows in the order of the pivots.
    fn solve_transposed(&self, b: impl Fn(usize) -> f64, x: &mut [f64]) {
        let n = self.n;
        for i in 0..n {
            let sum: f64 = (0..i).map(|j| self.lu[j * n + i] * x[j]).sum();
            x[i] = (b(i) - sum) / self.lu[i * n + i];
        }
        for i in (0..n).rev() {
            let sum: f64 = (i + 1..n).map(|j| self.lu[j * n + i] * x[j]).sum();
            x[i] -= sum;
        }
    }
}
