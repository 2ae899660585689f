//! The exponential of a matrix by scaling and squaring, with the Pade approximation of degree 13, and its derivatives along directions as
//! blocks of larger exponentials.
//!
//! Source: Higham, The scaling and squaring method for the matrix exponential revisited, SIAM J. Matrix Anal. Appl. 26 (2005).

use super::{Lu, exponent, ldexp};
use crate::num::simd;
use crate::tensor::kernels::matmul::gemm;

/// The 1-norm up to which degree 13 has the unit roundoff of f64.
const REACH: f64 = 5.371920351148152;
/// Numerator of the approximation, the coefficient of A^k; the denominator has it of (-A)^k.
const PADE: [f64; 14] = [
    64764752532480000.0,
    32382376266240000.0,
    7771770303897600.0,
    1187353796428800.0,
    129060195264000.0,
    10559470521600.0,
    670442572800.0,
    33522128640.0,
    1323241920.0,
    40840800.0,
    960960.0,
    16380.0,
    182.0,
    1.0,
];

/// D^k exp(A)[E_1, ..., E_k] of n by n matrices; without directions exp(A). A direction of 0 gives 0.
///
/// exp(A + t_1 E_1 + ...) where each t_i is a nilpotent matrix: a matrix of 2^k by 2^k blocks, one for each set of directions, whose block
/// from none to all of them is the derivative.
pub(crate) fn derivative(a: &[f64], mut directions: Vec<Vec<f64>>, n: usize) -> Vec<f64> {
    if directions.is_empty() {
        return expm(a, n);
    }
    if directions.iter().any(|e| e.iter().all(|x| *x == 0.0)) {
        return vec![0.0; n * n];
    }
    // The derivative is linear in each, and a large one would ask for more squarings.
    let mut power = 0;
    for e in &mut directions {
        let own = exponent(norm(e, n));
        e.iter_mut().for_each(|x| *x = ldexp(*x, -own));
        power += own;
    }
    let sets = 1usize << directions.len();
    let size = sets * n;
    let mut whole = vec![0.0; size * size];
    let mut put = |row: usize, column: usize, block: &[f64]| {
        for (i, line) in block.chunks_exact(n).enumerate() {
            let at = (row * n + i) * size + column * n;
            whole[at..at + n].copy_from_slice(line);
        }
    };
    for set in 0..sets {
        put(set, set, a);
        for (k, e) in directions.iter().enumerate().filter(|(k, _)| set >> k & 1 == 0) {
            put(set, set | 1 << k, e);
        }
    }
    let whole = expm(&whole, size);
    let line = |i: usize| &whole[i * size + (sets - 1) * n..i * size + sets * n];
    (0..n).flat_map(line).map(|&x| ldexp(x, power)).collect()
}

/// The largest sum of magnitudes in a column; NaN if any element is.
fn norm(a: &[f64], n: usize) -> f64 {
    let mut sums = vec![0.0; n];
    for line in a.chunks_exact(n) {
        sums.iter_mut().zip(line).for_each(|(sum, x)| *sum += x.abs());
    }
    sums.into_iter().fold(0.0, |largest, sum| if sum > largest || sum.is_nan() { sum } else { largest })
}

fn product(a: &[f64], b: &[f64], n: usize) -> Vec<f64> {
    let mut out = vec![0.0; n * n];
    gemm(simd::level(), n, n, n, a, false, b, false, &mut out, false, None);
    out
}

/// Halved more often, an eigenvalue of ordinary size is lost beside 1.
const MOST_SQUARINGS: i64 = 50;

/// exp(A) of an n by n matrix; NaN of one so large that nothing of it is left.
fn expm(a: &[f64], n: usize) -> Vec<f64> {
    let size = norm(a, n);
    if !size.is_finite() {
        return vec![f64::NAN; n * n];
    }
    let squarings = if size > REACH { exponent(size / REACH) + 1 } else { 0 };
    if squarings > MOST_SQUARINGS {
        return vec![f64::NAN; n * n];
    }
    let a: Vec<f64> = a.iter().map(|&x| ldexp(x, -squarings)).collect();
    let a2 = product(&a, &a, n);
    let a4 = product(&a2, &a2, n);
    let a6 = product(&a4, &a2, n);
    // Sums of powers: of A^6, A^4, A^2 and the identity, from the coefficient of A^k on.
    let sum = |first: &[f64], [c6, c4, c2, c0]: [f64; 4]| -> Vec<f64> {
        (0..n * n)
            .map(|i| {
                let one = if i % (n + 1) == 0 { c0 } else { 0.0 };
                first[i] + c6 * a6[i] + c4 * a4[i] + c2 * a2[i] + one
            })
            .collect()
    };
    let nothing = vec![0.0; n * n];
    let high = |[c6, c4, c2]: [f64; 3]| product(&a6, &sum(&nothing, [c6, c4, c2, 0.0]), n);
    let odd = sum(&high([PADE[13], PADE[11], PADE[9]]), [PADE[7], PADE[5], PADE[3], PADE[1]]);
    let odd = product(&a, &odd, n);
    let even = sum(&high([PADE[12], PADE[10], PADE[8]]), [PADE[6], PADE[4], PADE[2], PADE[0]]);
    let up: Vec<f64> = even.iter().zip(&odd).map(|(v, u)| v + u).collect();
    let down: Vec<f64> = even.iter().zip(&odd).map(|(v, u)| v - u).collect();
    let mut x = vec![0.0; n * n];
    Lu::new(&down, n).solve(&up, n, false, &mut x);
    for _ in 0..squarings {
        x = product(&x, &x, n);
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    /// exp of a Jordan block of eigenvalue l: e^l times the powers' coefficients above the diagonal.
    #[test]
    fn a_jordan_block_has_its_exponential_at_any_size() {
        for l in [0.0, -0.3, 2.0, -40.0, 30.0] {
            let a: Vec<f64> = (0..9)
                .map(|i| {
                    if i % 4 == 0 {
                        l
                    } else if i % 4 == 1 && i < 6 {
                        1.0
                    } else {
                        0.0
                    }
                })
                .collect();
            let wanted = [1.0, 1.0, 0.5, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0].map(|c| c * l.exp());
            for (found, wanted) in expm(&a, 3).iter().zip(wanted) {
                assert!((found - wanted).abs() <= 1e-13 * l.exp(), "{l}: {found} for {wanted}");
            }
        }
    }

    #[test]
    fn a_direction_of_any_size_is_linear_and_one_of_zero_is_nothing() {
        let (a, e) = ([0.2, -1.0, 0.5, 0.3], vec![0.7, 0.1, -0.4, 1.0]);
        let one = derivative(&a, vec![e.clone()], 2);
        for scale in [1e-300, 1e-20, 1e20, 1e300] {
            let scaled = derivative(&a, vec![e.iter().map(|x| x * scale).collect()], 2);
            assert!(one.iter().zip(scaled).all(|(x, y)| (x * scale - y).abs() <= 1e-14 * y.abs()), "{scale}");
        }
        assert_eq!(derivative(&[f64::NAN; 4], vec![vec![0.0; 4]], 2), [0.0; 4]);
        assert!(derivative(&[f64::INFINITY; 4], vec![e], 2).iter().all(|x| x.is_nan()));
    }
}
