//! Exponentials: exp, exp2, expm1, the logistic function and the hyperbolic functions.
//!
//! Method: x = k ln 2 + r with |r| <= ln(2)/2 (Cody & Waite: ln 2 in two parts, the first short enough that k times it
//! is exact), e^r = 1 + r + r^2 q(r), q a minimax polynomial. What follows keeps r and r^2 q(r) apart, as the high and
//! low part of e^r - 1: 1 + r + r^2 q(r) then costs little more than one rounding, and expm1, sinh and tanh get from
//! the same pair a quotient that is right to the last place or nearly so. Scaling by 2^k is done in two
//! multiplications, so that results may be subnormal.
//!
//! The coefficients are our own minimax fits (Remez exchange at 60 digits, then rounded to the type).

use super::Mode;
use super::lane::{Lane, divide, fast_two_sum, poly, residual, select, two_product, two_sum};

/// The constants and the polynomial that differ by type.
pub(super) trait ExpLane: Lane {
    /// Beyond these, e^x has overflowed, or rounds to 0.
    const MAX: Self;
    const MIN: Self;
    /// From here on e^-x is nothing beside 1.
    const SATURATED: Self;
    const LN2_HI: Self;
    const LN2_LO: Self;
    /// (e^r - 1 - r) / r^2 for |r| <= 0.3475, good enough for e^r - 1.
    fn exp_tail<M: Mode>(r: Self) -> Self;
    /// The same, good enough for e^r.
    fn exp_tail_short<M: Mode>(r: Self) -> Self;
    /// tanh x for 0 <= x, NaN included.
    fn tanh_of_abs<M: Mode>(a: Self) -> Self;
}

impl ExpLane for f64 {
    const MAX: f64 = 710.0;
    const MIN: f64 = -746.0;
    const SATURATED: f64 = 40.0;
    const LN2_HI: f64 = 0.693147180559663;
    const LN2_LO: f64 = 2.8235290563031577e-13;
    #[inline(always)]
    fn exp_tail<M: Mode>(r: f64) -> f64 {
        poly!(M::fma, r; 0.5, 0.16666666666666677, 0.0416666666666667, 0.008333333333322205, 0.001388888888886722,
            0.00019841269884947053, 2.4801587360340468e-05, 2.7557245175674384e-06, 2.755724266387346e-07,
            2.5108764510971968e-08, 2.0924529488093528e-09)
    }
    #[inline(always)]
    fn exp_tail_short<M: Mode>(r: f64) -> f64 {
        poly!(M::fma, r; 0.5000000000000003, 0.16666666666666685, 0.0416666666665848, 0.00833333333331488,
            0.0013888888930547816, 0.00019841269903129525, 2.4801505517043612e-05, 2.7557227422554735e-06,
            2.762616590418272e-07, 2.5114741841302965e-08)
    }
    #[inline(always)]
    fn tanh_of_abs<M: Mode>(a: f64) -> f64 {
        // (e^2a - 1) / (e^2a + 1), the numerator in two parts: right near 0 as well.
        let e = reduce::<f64, M>(min(a + a, 80.0), 0.0);
        let (s, low, scale) = minus_one(&e);
        let (d, d_low) = fast_two_sum(s, low);
        let (d, error) = two_sum(d, scale + scale);
        let (q, q_low) = divide::<f64, M>(s, low, d, d_low + error);
        q + q_low
    }
}

impl ExpLane for f32 {
    const MAX: f32 = 89.0;
    const MIN: f32 = -105.0;
    const SATURATED: f32 = 2e1;
    const LN2_HI: f32 = 0.69314575;
    const LN2_LO: f32 = 1.4286068e-6;
    #[inline(always)]
    fn exp_tail<M: Mode>(r: f32) -> f32 {
        poly!(M::fmaf, r; 0.5, 0.16666667, 0.04166637, 0.008333274, 0.0013940228, 0.00019913689)
    }
    #[inline(always)]
    fn exp_tail_short<M: Mode>(r: f32) -> f32 {
        poly!(M::fmaf, r; 0.5, 0.1666653, 0.04166626, 0.008367885, 0.001394765)
    }
    #[inline(always)]
    fn tanh_of_abs<M: Mode>(a: f32) -> f32 {
        // A polynomial near 0, and 1 - 2 / (e^2a + 1) beyond: cheaper than one formula that is right everywhere.
        let z = a * a;
        let small = M::fmaf(
            a * z,
            poly!(M::fmaf, z; -0.33333322, 0.13332985, -0.0539296, 0.021663861,
            -0.008263769, 0.0025807652, -0.000454368),
            a,
        );
        // Beyond, e^2a need not be right to the last place. It is halved for the sake of the 2.
        let a = min(a, 1e1);
        let magic_k = M::fmaf(a, 2.0 * std::f32::consts::LOG2_E, f32::MAGIC_BIASED - 1.0);
        let r = M::fmaf(-(magic_k - (f32::MAGIC_BIASED - 1.0)), std::f32::consts::LN_2, a + a);
        let half_power = f32::pow2(magic_k);
        let e = M::fmaf(r * r, f32::exp_tail_short::<M>(r), r);
        let d = M::fmaf(half_power, e, half_power + 0.5);
        select(a < 0.82, small, 1.0 - 1.0 / d)
    }
}

/// 2^-64.
const TWO_TO_MINUS_64: f64 = 1.0 / (1u128 << 64) as f64;

/// e^x = 2^k (1 + high + low), with |high + low| <= 0.42 and |low| much below |high|.
pub(super) struct Reduced<T> {
    pub high: T,
    pub low: T,
    /// MAGIC_TWICE_BIASED + k, for `Lane::pow2_halves`.
    pub magic_k: T,
    pub k: T,
}

/// Reduces x + x_low; x between `MIN` and `MAX`.
#[inline(always)]
pub(super) fn reduce<T: ExpLane, M: Mode>(x: T, x_low: T) -> Reduced<T> {
    let magic_k = T::fma::<M>(x, T::lit(std::f64::consts::LOG2_E), T::MAGIC_TWICE_BIASED);
    let k = magic_k - T::MAGIC_TWICE_BIASED;
    let high = T::fma::<M>(-k, T::LN2_HI, x);
    let minus_low = T::fma::<M>(k, T::LN2_LO, -x_low);
    let r = high - minus_low;
    // What rounding r lost counts e^r fold: once in high - minus_low, r fold here.
    let lost = (high - r) - minus_low;
    let tail = T::exp_tail::<M>(r);
    let low = if M::FUSED {
        T::fma::<M>(r, T::fma::<M>(r, tail, lost), -minus_low)
    } else {
        r * r * tail + (r * lost - minus_low)
    };
    Reduced { high, low, magic_k, k }
}

/// x brought between `low` and `high`; NaN stays.
#[inline(always)]
pub(super) fn clamp<T: Lane>(x: T, low: T, high: T) -> T {
    let x = select(x < low, low, x);
    select(x > high, high, x)
}

/// e^(x + x_low), for x between `MIN` and `MAX`.
#[inline(always)]
pub(super) fn exp_sum<T: ExpLane, M: Mode>(x: T, x_low: T) -> T {
    let e = reduce::<T, M>(x, x_low);
    let (a, b) = T::pow2_halves(e.magic_k);
    (T::lit(1.0) + (e.high + e.low)) * a * b
}

/// e^x / 2^k - 1, and MAGIC_TWICE_BIASED + k; x between `MIN` and `MAX`.
#[inline(always)]
fn exp_minus_one_unscaled<T: ExpLane, M: Mode>(x: T) -> (T, T) {
    let magic_k = T::fma::<M>(x, T::lit(std::f64::consts::LOG2_E), T::MAGIC_TWICE_BIASED);
    let k = magic_k - T::MAGIC_TWICE_BIASED;
    let high = T::fma::<M>(-k, T::LN2_HI, x);
    let minus_low = k * T::LN2_LO;
    let r = high - minus_low;
    let low = T::fma::<M>(r * r, T::exp_tail_short::<M>(r), -minus_low);
    (high + low, magic_k)
}

/// The smaller number; NaN where the first is.
#[inline(always)]
fn min<T: Lane>(x: T, bound: T) -> T {
    select(x > bound, bound, x)
}

#[inline(always)]
pub(super) fn exp<T: ExpLane, M: Mode>(x: T) -> T {
    let (e, magic_k) = exp_minus_one_unscaled::<T, M>(clamp(x, T::MIN, T::MAX));
    let (a, b) = T::pow2_halves(magic_k);
    (T::lit(1.0) + e) * a * b
}

#[inline(always)]
pub(super) fn exp2<T: ExpLane, M: Mode>(x: T) -> T {
    // A little past the exponents at which the result is infinite or zero.
    let per_ln2 = T::lit(std::f64::consts::LOG2_E);
    let x = clamp(x, T::MIN * per_ln2, T::MAX * per_ln2);
    let magic_k = x + T::MAGIC_TWICE_BIASED;
    let r = x - (magic_k - T::MAGIC_TWICE_BIASED);
    let (high, product_low) = two_product::<T, M>(r, T::lit(std::f64::consts::LN_2));
    let low = T::fma::<M>(high * high, T::exp_tail_short::<M>(high), product_low);
    let (a, b) = T::pow2_halves(magic_k);
    (T::lit(1.0) + (high + low)) * a * b
}

/// e^x / 2^k as a float and its low part.
#[inline(always)]
pub(super) fn one_plus<T: Lane>(e: &Reduced<T>) -> (T, T) {
    let (sum, error) = fast_two_sum(T::lit(1.0), e.high);
    fast_two_sum(sum, error + e.low)
}

/// e^x - 1 = 2^k (s + low), for what `reduce` gave; also returns 2^-k. k at least -half the exponents.
#[inline(always)]
fn minus_one<T: ExpLane>(e: &Reduced<T>) -> (T, T, T) {
    // Beyond 2^64 the subtracted 1 is far below the last place, and its true scale would underflow.
    let bound = T::lit(64.0);
    let scale = T::pow2(T::MAGIC_BIASED - min(e.k, bound));
    let rest = T::lit(1.0) - scale;
    let lost = (T::lit(1.0) - rest) - scale;
    let (s, error) = two_sum(rest, e.high);
    (s, error + (lost + e.low), scale)
}

#[inline(always)]
pub(super) fn expm1<T: ExpLane, M: Mode>(x: T) -> T {
    let e = reduce::<T, M>(clamp(x, -T::SATURATED, T::MAX), T::lit(0.0));
    let (s, low, _) = minus_one(&e);
    let (a, b) = T::pow2_halves(e.magic_k);
    ((s + low) * a * b).copysign(x)
}

#[inline(always)]
pub(super) fn sigmoid<T: ExpLane, M: Mode>(x: T) -> T {
    // 1 / (1 + e^-x), all of it times 2^64, for then neither overflow nor underflow meets anything but the result.
    let (one, scale) = (T::lit(1.0), T::lit(TWO_TO_MINUS_64));
    let (e, magic_k) = exp_minus_one_unscaled::<T, M>(clamp(-x, -T::SATURATED, -T::MIN));
    let scaled_power = T::pow2_scaled(magic_k);
    let (high, low) = fast_two_sum(one, e);
    let power = high * scaled_power;
    let (d, error) = two_sum(scale, power);
    let d_low = T::fma::<M>(low, scaled_power, error);
    // The reciprocal with what it leaves out.
    let inverse = one / d;
    let left = residual::<T, M>(one, inverse, d);
    let left = T::fma::<M>(-inverse, d_low, left);
    T::fma::<M>(left, inverse, inverse) * scale
}

#[inline(always)]
pub(super) fn tanh<T: ExpLane, M: Mode>(x: T) -> T {
    T::tanh_of_abs::<M>(x.abs()).copysign(x)
}

#[inline(always)]
pub(super) fn sinh<T: ExpLane, M: Mode>(x: T) -> T {
    // With m = e^a - 1: sinh(a) = (m + m / (m + 1)) / 2, all of it divided by 2^k so that it cannot overflow.
    let a = x.abs();
    let e = reduce::<T, M>(min(a, T::MAX + T::lit(2.0)), T::lit(0.0));
    let (s, low, scale) = minus_one(&e);
    let (d, d_low) = one_plus(&e);
    let (q, q_low) = divide::<T, M>(s, low, d, d_low);
    let (sum, error) = fast_two_sum(s, q * scale);
    let low = error + T::fma::<M>(q_low, scale, low);
    let (p, r) = T::pow2_halves(e.magic_k);
    ((sum + low) * (p * T::lit(0.5)) * r).copysign(x)
}

#[inline(always)]
pub(super) fn cosh<T: ExpLane, M: Mode>(x: T) -> T {
    // (e^a + e^-a) / 2 with e^a = 2^k d, divided by 2^k so that it cannot overflow.
    let a = x.abs();
    let e = reduce::<T, M>(min(a, T::MAX + T::lit(2.0)), T::lit(0.0));
    let bound = T::lit(32.0);
    let scale = T::pow2(T::MAGIC_BIASED - min(e.k, bound));
    let (d, d_low) = one_plus(&e);
    let (q, q_low) = divide::<T, M>(scale * scale, T::lit(0.0), d, d_low);
    let (sum, error) = two_sum(d, q);
    let (p, r) = T::pow2_halves(e.magic_k);
    (sum + (error + (d_low + q_low))) * (p * T::lit(0.5)) * r
}
