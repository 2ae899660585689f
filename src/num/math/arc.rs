//! Inverse trigonometric functions.
//!
//! Method. atan: the argument, as a quotient n / d with 0 <= n <= d, is brought below tan(pi/8) by
//! atan(n/d) = pi/4 + atan((n - d) / (n + d)); then an odd minimax polynomial. One division serves both the quotient
//! and its low part. asin and acos: an odd polynomial up to 1/2, beyond it asin(x) = pi/2 - 2 asin(sqrt((1 - x) / 2)),
//! where the root carries its low part (as in FreeBSD's msun, e_asin.c, e_acos.c).
//!
//! The coefficients are our own minimax fits (Remez exchange at 60 digits, then rounded to the type).

use super::Mode;
use super::lane::{Lane, divide, fast_two_sum, poly, select, square_root, two_sum};

/// The constants and polynomials that differ by type.
pub(super) trait ArcLane: Lane {
    /// What the rounded pi/2, 3 pi/4 and pi leave out.
    const HALF_PI_LOW: Self;
    const THREE_QUARTERS_LOW: Self;
    const PI_LOW: Self;
    /// (atan t - t) / t^3 in z = t^2, for |t| <= 0.4146.
    fn atan_tail<M: Mode>(z: Self) -> Self;
    /// (asin t - t) / t^3 in z = t^2, for |t| <= 1/2.
    fn asin_tail<M: Mode>(z: Self) -> Self;
}

impl ArcLane for f64 {
    const HALF_PI_LOW: f64 = 6.123233995736766e-17;
    const THREE_QUARTERS_LOW: f64 = 9.184850993605148e-17;
    const PI_LOW: f64 = 1.2246467991473532e-16;
    #[inline(always)]
    fn atan_tail<M: Mode>(z: f64) -> f64 {
        poly!(M::fma, z; -0.333333333333332, 0.1999999999995366, -0.14285714280194511, 0.11111110783013185,
            -0.09090897736936411, 0.07692059724910981, -0.06663097270841452, 0.05847832002018823, -0.05039013424445112,
            0.03805638145943931, -0.01789745755247103)
    }
    #[inline(always)]
    fn asin_tail<M: Mode>(z: f64) -> f64 {
        poly!(M::fma, z; 0.16666666666666763, 0.07499999999970128, 0.04464285717525649, 0.030381942676785078,
            0.022372215861024284, 0.01735159634941721, 0.013981007860131602, 0.011397384208231042, 0.01078879013019115,
            0.003674262169943311, 0.021785429732537262, -0.02110911633136782, 0.032697276709626605)
    }
}

impl ArcLane for f32 {
    const HALF_PI_LOW: f32 = -4.371139e-8;
    const THREE_QUARTERS_LOW: f32 = -5.9624403e-9;
    const PI_LOW: f32 = -8.742278e-8;
    #[inline(always)]
    fn atan_tail<M: Mode>(z: f32) -> f32 {
        poly!(M::fmaf, z; -0.33333316, 0.19998528, -0.14244376, 0.10598914, -0.06089031)
    }
    #[inline(always)]
    fn asin_tail<M: Mode>(z: f32) -> f32 {
        poly!(M::fmaf, z; 0.1666666, 0.07500521, 0.044513647, 0.031835843, 0.014330475, 0.03767064)
    }
}

/// atan(n / d) for 0 <= n <= d, d normal and finite, as `base + (t + rest)`; base is 0 or pi/4.
#[inline(always)]
fn atan_quotient<T: ArcLane, M: Mode>(n: T, d: T) -> (bool, T, T) {
    let upper = n > d * T::lit(0.41421356237309503);
    let (sum, sum_low) = fast_two_sum(d, n);
    let (difference, difference_low) = fast_two_sum(d, -n);
    let zero = T::lit(0.0);
    let (t, t_low) = divide::<T, M>(
        select(upper, -difference, n),
        select(upper, -difference_low, zero),
        select(upper, sum, d),
        select(upper, sum_low, zero),
    );
    let z = t * t;
    (upper, t, T::fma::<M>(t * z, T::atan_tail::<M>(z), t_low))
}

#[inline(always)]
pub(super) fn atan<T: ArcLane, M: Mode>(x: T) -> T {
    let one = T::lit(1.0);
    let a = x.abs();
    // Beyond 2^64 the angle is pi/2 to the last place; this also keeps 1/a normal.
    let a = select(a > T::lit(18446744073709551616.0), T::lit(18446744073709551616.0), a);
    let outside = a > one;
    let (upper, t, rest) = atan_quotient::<T, M>(select(outside, one, a), select(outside, a, one));
    let quarter = T::lit(std::f64::consts::FRAC_PI_4);
    let quarter_low = T::HALF_PI_LOW * T::lit(0.5);
    // Outside, pi/2 less the angle of the reciprocal.
    let sign = select(outside, -one, one);
    let base = select(upper, quarter, select(outside, quarter + quarter, T::lit(0.0)));
    let base_low = select(upper, quarter_low, select(outside, quarter_low + quarter_low, T::lit(0.0)));
    let (sum, error) = fast_two_sum(base, sign * t);
    let with_base = sum + (error + T::fma::<M>(sign, rest, base_low));
    select(upper | outside, with_base, t + rest).copysign(x)
}

#[inline(always)]
pub(super) fn atan2<T: ArcLane, M: Mode>(y: T, x: T) -> T {
    let (zero, one) = (T::lit(0.0), T::lit(1.0));
    let (a, b) = (y.abs(), x.abs());
    let steep = a > b;
    let (n, d) = (select(steep, b, a), select(steep, a, b));
    // 0/0 counts as 0/1, and inf/inf as 1/1; finite/inf is 0/1.
    let infinite = d == T::INFINITY;
    let n = select(infinite, select(n == T::INFINITY, one, zero), n);
    let d = select(infinite | (d == zero), one, d);
    // Scaled by a power of two, so that neither sums overflow nor a subnormal quotient's residual underflows.
    let scale = d.large_scale();
    let (n, d) = (n * scale, d * scale);
    let (upper, t, rest) = atan_quotient::<T, M>(n, d);
    // In eighths of a turn, atan t added or taken away: steep, 2 less the angle; to the left, 4 less that.
    let left = x.is_negative();
    let sign = select(steep != left, -one, one);
    let eighths = select(upper, one, zero);
    let eighths = select(steep, T::lit(2.0) - eighths, eighths);
    let eighths = select(left, T::lit(4.0) - eighths, eighths);
    let base = eighths * T::lit(std::f64::consts::FRAC_PI_4);
    let base_low = eighths * (T::HALF_PI_LOW * T::lit(0.5));
    // Three quarters is the one multiple that is not a power of two, and rounds.
    let three = eighths == T::lit(3.0);
    let base = select(three, T::lit(3.0 * std::f64::consts::FRAC_PI_4), base);
    let base_low = select(three, T::THREE_QUARTERS_LOW, base_low);
    let (sum, error) = fast_two_sum(base, sign * t);
    let with_base = sum + (error + T::fma::<M>(sign, rest, base_low));
    let value = select(eighths == zero, t + rest, with_base);
    select(!(x.is_nan() | y.is_nan()), value.copysign(y), T::NAN)
}

/// For |x| <= 1: the root for the upper range, and the polynomial of whichever range x is in.
#[inline(always)]
fn asin_parts<T: ArcLane, M: Mode>(a: T) -> (bool, T, T, T) {
    let half = T::lit(0.5);
    let upper = a > half;
    let complement = half * (T::lit(1.0) - a);
    let z = select(upper, complement, a * a);
    let (root, root_low) = square_root::<T, M>(complement, T::lit(0.0));
    let t = select(upper, root, a);
    (upper, t, select(upper, root_low, T::lit(0.0)), t * (z * T::asin_tail::<M>(z)))
}

#[inline(always)]
pub(super) fn asin<T: ArcLane, M: Mode>(x: T) -> T {
    let (upper, t, t_low, rest) = asin_parts::<T, M>(x.abs());
    // pi/2 - 2 (t + t_low + rest).
    let (sum, error) = fast_two_sum(T::lit(std::f64::consts::FRAC_PI_2), -(t + t));
    let low = t_low + rest;
    let from_above = sum + ((error + T::HALF_PI_LOW) - (low + low));
    select(upper, from_above, t + rest).copysign(x)
}

#[inline(always)]
pub(super) fn acos<T: ArcLane, M: Mode>(x: T) -> T {
    let (upper, t, t_low, rest) = asin_parts::<T, M>(x.abs());
    let low = t_low + rest;
    let negative = x < T::lit(0.0);
    // Below: pi/2 - asin x. Above: 2 asin(root), or pi less it.
    let signed = select(negative, -t, t);
    let (sum, error) = fast_two_sum(T::lit(std::f64::consts::FRAC_PI_2), -signed);
    let lower_range = sum + ((error + T::HALF_PI_LOW) - select(negative, -low, low));
    let (twice, twice_low) = (t + t, low + low);
    let (sum, error) = two_sum(T::lit(std::f64::consts::PI), -twice);
    let from_pi = sum + ((error + T::PI_LOW) - twice_low);
    select(upper, select(negative, from_pi, twice + twice_low), lower_range)
}
