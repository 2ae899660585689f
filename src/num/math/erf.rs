//! The error function and its complement.
//!
//! Method: below 0.7, x + x P(x^2). From there erfc(x) = e^(-x^2) G(t) / (1 + 2x) with t = (x - K) / (x + K), which
//! maps the whole half-line onto a short interval on which G is nearly flat (Shepherd & Laframboise, Math. Comp. 36
//! (1981)); x^2, the power, G and the quotient keep their low parts.
//!
//! The coefficients are our own minimax fits (Remez exchange at 50 digits, then rounded to the type).

use super::Mode;
use super::exp::{ExpLane, reduce};
use super::lane::{divide, fast_two_sum, poly, select, two_product, two_sum};

/// The constants and polynomials that differ by type.
pub(super) trait ErfLane: ExpLane {
    /// From here on erfc is 0.
    const VANISHED: Self;
    /// K of the mapping.
    const CENTRE: Self;
    /// G(0) in two parts.
    const G0: (Self, Self);
    /// (G(t) - G(0)) / t for t of x in [0.68, VANISHED].
    fn g_slope<M: Mode>(t: Self) -> Self;
    /// erf(x)/x - 1 in z = x^2, for |x| <= 0.71.
    fn erf_tail<M: Mode>(z: Self) -> Self;
}

impl ErfLane for f64 {
    const VANISHED: f64 = 27.3;
    const CENTRE: f64 = 4.0;
    const G0: (f64, f64) = (1.2329951186255526, -4.5346843596498935e-17);
    #[inline(always)]
    fn g_slope<M: Mode>(t: f64) -> f64 {
        poly!(M::fma, t; -0.13962111684056247, 0.015379652102619623, 0.06809705425468703, -0.10103906603629305,
            0.09373283499860144, -0.06633036581260802, 0.03716751553235953, -0.01619773405112143, 0.005031970035254315,
            -0.0007577733539143971, -0.00019925708113819885, 0.00015062207076005618, -2.439755942480644e-05,
            -1.1223558019708285e-05, 5.705149664453526e-06, 2.975969967887024e-07, -8.172936988331113e-07,
            6.883565248276318e-08, 1.0122585050239615e-07, -1.293443197236622e-08, -8.857670266316729e-09)
    }
    #[inline(always)]
    fn erf_tail<M: Mode>(z: f64) -> f64 {
        poly!(M::fma, z; 0.1283791670955126, -0.3761263890318374, 0.11283791670954171, -0.02686617064483493,
            0.005223977620718718, -0.0008548326583869584, 0.0001205530744547567, -1.4924695559637856e-05,
            1.6439089366481973e-06, -1.601825191873176e-07, 1.1781067732400922e-08)
    }
}

impl ErfLane for f32 {
    const VANISHED: f32 = 10.1;
    const CENTRE: f32 = 3.0;
    const G0: (f32, f32) = (1.253008, 4.965306e-8);
    #[inline(always)]
    fn g_slope<M: Mode>(t: f32) -> f32 {
        poly!(M::fmaf, t; -0.13562109, -0.047562204, 0.12964405, -0.119275935, 0.06832288,
            -0.023750147, 0.0024509055, 0.0018118593, -0.0006090238)
    }
    #[inline(always)]
    fn erf_tail<M: Mode>(z: f32) -> f32 {
        poly!(M::fmaf, z; 0.12837917, -0.3761263, 0.11283529, -0.02684359, 0.005135676,
            -0.0006925561)
    }
}

const SMALL: f64 = 0.7;

/// erfc(a) for a >= 0.68 as (high + low) * p * r.
#[inline(always)]
fn erfc_parts<T: ErfLane, M: Mode>(a: T) -> (T, T, T, T) {
    let a = select(a > T::VANISHED, T::VANISHED, a);
    let one = T::lit(1.0);
    let (square, square_low) = two_product::<T, M>(a, a);
    let e = reduce::<T, M>(-square, -square_low);
    let (power, power_low) = fast_two_sum(one, e.high);
    let power_low = power_low + e.low;
    let t = (a - T::CENTRE) / (a + T::CENTRE);
    let (g, g_low) = fast_two_sum(T::G0.0, t * T::g_slope::<M>(t));
    let g_low = g_low + T::G0.1;
    let (n, n_low) = two_product::<T, M>(power, g);
    let n_low = n_low + T::fma::<M>(power, g_low, power_low * g);
    let (d, d_low) = two_sum(one, a + a);
    let (q, q_low) = divide::<T, M>(n, n_low, d, d_low);
    let (p, r) = T::pow2_small(e.magic_k);
    (q, q_low, p, r)
}

#[inline(always)]
pub(super) fn erf<T: ErfLane, M: Mode>(x: T) -> T {
    let a = x.abs();
    let small = T::fma::<M>(a, T::erf_tail::<M>(a * a), a);
    let (q, q_low, p, r) = erfc_parts::<T, M>(a);
    let (sum, error) = fast_two_sum(T::lit(1.0), -(q * p * r));
    let large = sum + (error - q_low * p * r);
    select(a < T::lit(SMALL), small, large).copysign(x)
}

#[inline(always)]
pub(super) fn erfc<T: ErfLane, M: Mode>(x: T) -> T {
    let a = x.abs();
    let (sum, error) = fast_two_sum(T::lit(1.0), -x);
    let small = sum + (error - x * T::erf_tail::<M>(a * a));
    let (q, q_low, p, r) = erfc_parts::<T, M>(a);
    let positive = (q + q_low) * p * r;
    let (sum, error) = fast_two_sum(T::lit(2.0), -(q * p * r));
    let negative = sum + (error - q_low * p * r);
    let large = select(x < T::lit(0.0), negative, positive);
    select(a < T::lit(SMALL), small, large)
}
