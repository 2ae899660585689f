//! Logarithms, and what is a logarithm at heart: softplus, log-sigmoid and the inverse hyperbolic functions.
//!
//! Method: x = 2^k m with m in [sqrt(1/2), sqrt(2)), f = m - 1, and ln(1 + f) = f - (f^2/2 - tail(f)). In f64 the tail
//! is s (f^2/2 + R(s^2)) with s = f / (2 + f), as in FreeBSD's msun (e_log.c, k_log.h); in f32 it is a polynomial,
//! which is quicker than the division. f and the rest are kept apart until the end: one rounding dominates.
//! log1p takes its argument as a sum of two floats, so that asinh, acosh and atanh lose nothing on the way to it.
//!
//! The coefficients are our own minimax fits (Remez exchange at 60 digits, then rounded to the type).

use super::Mode;
use super::exp::{ExpLane, one_plus, reduce};
use super::lane::{Lane, divide, fast_two_sum, poly, poly_by_square, select, square_root, two_product, two_sum};

/// The constants and the polynomial that differ by type.
pub(super) trait LogLane: ExpLane {
    /// 1 / ln 2 and 1 / ln 10 in two parts, the first with half the precision.
    const PER_LN2: (Self, Self);
    const PER_LN10: (Self, Self);
    /// log10 2 in two parts; any k times the first is exact.
    const LOG10_2: (Self, Self);
    /// Beyond this, sqrt(x^2 + 1) is x.
    const HUGE: Self;
    /// Below this, sqrt(x^2 + 1) is 1 + x^2/2, as exactly as x + sqrt(x^2 + 1) - 1 needs.
    const TINY: Self;
    /// ln(1 + f) - f + f^2/2, given f^2/2 as well.
    fn ln_tail<M: Mode>(f: Self, half_square: Self) -> Self;
    /// f - ln(1 + f) - less.
    fn ln_rest<M: Mode>(f: Self, less: Self) -> Self;
}

impl LogLane for f64 {
    const PER_LN2: (f64, f64) = (1.4426950216293335, 1.9259629911266175e-08);
    const PER_LN10: (f64, f64) = (0.4342944771051407, 4.798111141615973e-09);
    const LOG10_2: (f64, f64) = (0.30102999566383914, 1.42050232272661e-13);
    const HUGE: f64 = 268435456.0;
    const TINY: f64 = 1e-6;
    #[inline(always)]
    fn ln_tail<M: Mode>(f: f64, half_square: f64) -> f64 {
        let s = f / (2.0 + f);
        let z = s * s;
        let r = z * poly!(M::fma, z; 0.6666666666666735, 0.39999999999409347, 0.2857142874368954,
            0.22222198428316464, 0.18183572414999447, 0.153138298430276, 0.14798290584887672);
        s * (half_square + r)
    }
    #[inline(always)]
    fn ln_rest<M: Mode>(f: f64, less: f64) -> f64 {
        let half_square = f * (0.5 * f);
        half_square - Self::ln_tail::<M>(f, half_square) - less
    }
}

impl LogLane for f32 {
    const PER_LN2: (f32, f32) = (1.4423828, 0.0003122284);
    const PER_LN10: (f32, f32) = (0.4342041, 9.038034e-5);
    const LOG10_2: (f32, f32) = (0.3010254, 4.605039e-6);
    const HUGE: f32 = 16384.0;
    const TINY: f32 = 2e-3;
    #[inline(always)]
    fn ln_tail<M: Mode>(f: f32, half_square: f32) -> f32 {
        let p = poly!(M::fmaf, f; 0.3333332, -0.2500069, 0.20002201, -0.16628191, 0.14183874,
            -0.130986, 0.1285718, -0.07908465);
        (half_square + half_square) * (f * p)
    }
    #[inline(always)]
    fn ln_rest<M: Mode>(f: f32, less: f32) -> f32 {
        if !M::FUSED {
            let half_square = f * (0.5 * f);
            return half_square - Self::ln_tail::<M>(f, half_square) - less;
        }
        let square = f * f;
        let p = poly_by_square!(M::fmaf, f, square; -0.3333332, 0.2500069, -0.20002201, 0.16628191, -0.14183874,
            0.130986, -0.1285718, 0.07908465);
        M::fmaf(square, M::fmaf(f, p, 0.5), -less)
    }
}

/// A logarithm in parts: k ln 2 + f - q.
struct Parts<T> {
    k: T,
    f: T,
    q: T,
}

impl<T: LogLane> Parts<T> {
    #[inline(always)]
    fn value<M: Mode>(&self) -> T {
        T::fma::<M>(self.k, T::LN2_HI, self.f - T::fma::<M>(-self.k, T::LN2_LO, self.q))
    }
}

/// Positive finite x as 2^k (1 + f).
#[inline(always)]
fn split<T: LogLane>(x: T) -> (T, T) {
    let subnormal = x < T::MIN_POSITIVE;
    let (m, k) = select(subnormal, x * T::NORMALISER, x).significand();
    let k = k - select(subnormal, T::EXPONENT_ZERO + T::NORMALISER_POWER, T::EXPONENT_ZERO);
    (k, m - T::lit(1.0))
}

/// The logarithm's value where x is not a positive finite number.
#[inline(always)]
fn at_the_edges<T: Lane>(x: T, ln: T) -> T {
    let ln = select(x < T::INFINITY, ln, x);
    let ln = select(x < T::lit(0.0), T::NAN, ln);
    select(x == T::lit(0.0), -T::INFINITY, ln)
}

#[inline(always)]
pub(super) fn ln<T: LogLane, M: Mode>(x: T) -> T {
    let (k, f) = split::<T>(x);
    at_the_edges(x, T::fma::<M>(k, T::LN2_HI, f - T::ln_rest::<M>(f, k * T::LN2_LO)))
}

/// ln(1 + f) as a short high part and the rest.
#[inline(always)]
fn short_high<T: LogLane, M: Mode>(f: T) -> (T, T) {
    let half_square = f * (T::lit(0.5) * f);
    let tail = T::ln_tail::<M>(f, half_square);
    let high = (f - half_square).upper_half();
    (high, ((f - high) - half_square) + tail)
}

#[inline(always)]
pub(super) fn log2<T: LogLane, M: Mode>(x: T) -> T {
    let (k, f) = split::<T>(x);
    let (high, low) = short_high::<T, M>(f);
    let product = high * T::PER_LN2.0;
    let rest = T::fma::<M>(low, T::PER_LN2.0, (low + high) * T::PER_LN2.1);
    let (sum, error) = fast_two_sum(k, product);
    at_the_edges(x, sum + (error + rest))
}

#[inline(always)]
pub(super) fn log10<T: LogLane, M: Mode>(x: T) -> T {
    let (k, f) = split::<T>(x);
    let (high, low) = short_high::<T, M>(f);
    let product = high * T::PER_LN10.0;
    let rest = T::fma::<M>(low, T::PER_LN10.0, T::fma::<M>(low + high, T::PER_LN10.1, k * T::LOG10_2.1));
    let (sum, error) = two_sum(k * T::LOG10_2.0, product);
    at_the_edges(x, sum + (error + rest))
}

/// ln(1 + y + y_low), for y > -1 finite and y_low below y's last place.
#[inline(always)]
fn log1p_sum<T: LogLane, M: Mode>(y: T, y_low: T) -> Parts<T> {
    let one = T::lit(1.0);
    let (u, error) = two_sum(one, y);
    let (m, k) = u.significand();
    let k = k - T::EXPONENT_ZERO;
    // Near 1 nothing needs scaling, and y itself is the f that 1 + y would have rounded.
    let near = k == T::lit(0.0);
    let scaled = (error + y_low) * u.significand_scale();
    let f = select(near, y, m - one);
    let f_low = select(near, y_low, select(k > T::lit(60.0), T::lit(0.0), scaled));
    let half_square = f * (T::lit(0.5) * f);
    let tail = T::ln_tail::<M>(f, half_square);
    Parts { k, f, q: half_square - T::fma::<M>(f_low, reciprocal_bits(f), tail) }
}

/// A few bits of 1 / (1 + f): d ln(1 + f) is df / (1 + f), and df is below the last place.
#[inline(always)]
fn reciprocal_bits<T: Lane>(f: T) -> T {
    let one = T::lit(1.0);
    one - f * (one - f * (one - f))
}

#[inline(always)]
pub(super) fn log1p<T: LogLane, M: Mode>(x: T) -> T {
    let ln = log1p_sum::<T, M>(x, T::lit(0.0)).value::<M>().copysign(x);
    let ln = select(x < T::INFINITY, ln, x);
    let ln = select(x < -T::lit(1.0), T::NAN, ln);
    select(x == -T::lit(1.0), -T::INFINITY, ln)
}

#[inline(always)]
pub(super) fn softplus<T: LogLane, M: Mode>(x: T) -> T {
    // ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|).
    let minus_abs = -x.abs();
    let e = reduce::<T, M>(select(minus_abs < T::MIN, T::MIN, minus_abs), T::lit(0.0));
    let (a, b) = T::pow2_small(e.magic_k);
    let (high, low) = one_plus(&e);
    let (power, power_low) = (high * a * b, low * a * b);
    // ln(1 + power) as in `log1p_sum`, but k is 0 or 1.
    let (zero, one, half) = (T::lit(0.0), T::lit(1.0), T::lit(0.5));
    let (u, error) = fast_two_sum(one, power);
    let upper = u > T::lit(std::f64::consts::SQRT_2);
    let f = select(upper, half * u - one, power);
    let f_low = select(upper, half * (error + power_low), power_low);
    let half_square = f * (half * f);
    let tail = T::ln_tail::<M>(f, half_square);
    let rest = T::fma::<M>(f_low, reciprocal_bits(f), tail) - half_square;
    let (h, low) = fast_two_sum(select(upper, T::LN2_HI, zero), f);
    let (sum, error) = two_sum(select(x > zero, x, zero), h);
    let value = sum + ((error + low) + (rest + select(upper, T::LN2_LO, zero)));
    select(x < T::INFINITY, value, x)
}

#[inline(always)]
pub(super) fn asinh<T: LogLane, M: Mode>(x: T) -> T {
    // ln(1 + (a + (sqrt(a^2 + 1) - 1))), the inner sum in two floats; for large a, ln(2a).
    let a = x.abs();
    let one = T::lit(1.0);
    let huge = a > T::HUGE;
    let b = select(huge, one, a);
    let (square, square_low) = two_product::<T, M>(b, b);
    let (sum, error) = two_sum(one, square);
    let (root, root_low) = square_root::<T, M>(sum, error + square_low);
    let (y, low) = two_sum(b, root - one);
    let (y, low) = fast_two_sum(y, low + root_low);
    // For a tiny a the root would be 1: its own expansion, 1 + a^2/2.
    let tiny = b < T::TINY;
    let (y, low) = (select(tiny, b, y), select(tiny, T::lit(0.5) * square, low));
    finish_inverse::<T, M>(a, huge, y, low).copysign(x)
}

#[inline(always)]
pub(super) fn acosh<T: LogLane, M: Mode>(x: T) -> T {
    // With t = x - 1: ln(1 + (t + sqrt(t (t + 2)))); for large x, ln(2x).
    let huge = x > T::HUGE;
    let two = T::lit(2.0);
    let t = select(huge, T::lit(1.0), x - T::lit(1.0));
    let (u, u_low) = two_sum(t, two);
    let (p, p_low) = two_product::<T, M>(t, u);
    let (root, root_low) = square_root::<T, M>(p, T::fma::<M>(t, u_low, p_low));
    let (y, low) = two_sum(t, root);
    let (y, low) = fast_two_sum(y, low + root_low);
    let value = finish_inverse::<T, M>(x, huge, y, low);
    select(x < T::lit(1.0), T::NAN, value)
}

/// ln(1 + y + low), or ln(2a) where a is huge.
#[inline(always)]
fn finish_inverse<T: LogLane, M: Mode>(a: T, huge: bool, y: T, low: T) -> T {
    let zero = T::lit(0.0);
    // ln a is log1p of a - 1, which is exact as long as it matters.
    let parts = log1p_sum::<T, M>(select(huge, a - T::lit(1.0), y), select(huge, zero, low));
    let k = parts.k + select(huge, T::lit(1.0), zero);
    let value = Parts { k, ..parts }.value::<M>();
    select(a < T::INFINITY, value, a)
}

#[inline(always)]
pub(super) fn atanh<T: LogLane, M: Mode>(x: T) -> T {
    // ln(1 + 2a / (1 - a)) / 2.
    let a = x.abs();
    let one = T::lit(1.0);
    let (d, d_low) = fast_two_sum(one, -a);
    let (q, q_low) = divide::<T, M>(a + a, T::lit(0.0), d, d_low);
    let (q, q_low) = fast_two_sum(q, q_low);
    let value = log1p_sum::<T, M>(q, q_low).value::<M>() * T::lit(0.5);
    let value = select(a < one, value, T::NAN);
    select(a == one, T::INFINITY, value).copysign(x)
}
