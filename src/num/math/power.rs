//! Powers and roots: pow, powi, cbrt, hypot.
//!
//! Method. pow: e^(y ln|x|) with the logarithm in two floats, to about 2^-66: ln m = 2 artanh(s), s = (m - 1)/(m + 1),
//! whose first two terms carry low parts (as in SLEEF's u10 pow); f32 goes through f64, which is quicker than two
//! floats. cbrt: a polynomial on [1, 2), then one step of Halley's method from a guess short enough that its square is
//! exact (as in FreeBSD's msun, s_cbrt.c). hypot: the root of the sum of squares, both in two floats, scaled.
//!
//! The coefficients are our own minimax fits (Remez exchange at 60 digits, then rounded to the type).

use super::Mode;
use super::exp::{ExpLane, clamp, exp_sum};
use super::lane::{Lane, divide, fast_two_sum, poly, select, square_root, two_product};

/// ln x in two floats, for a positive finite x.
#[inline(always)]
fn ln_in_two<M: Mode>(x: f64) -> (f64, f64) {
    let subnormal = x < f64::MIN_POSITIVE;
    let (m, k) = select(subnormal, x * f64::NORMALISER, x).significand();
    let k = k - select(subnormal, f64::EXPONENT_ZERO + f64::NORMALISER_POWER, f64::EXPONENT_ZERO);
    let f = m - 1.0;
    let (d, d_low) = fast_two_sum(2.0, f);
    let (s, s_low) = divide::<f64, M>(f, 0.0, d, d_low);
    let (s, s_low) = fast_two_sum(s, s_low);
    let (z, z_low) = two_product::<f64, M>(s, s);
    let z_low = M::fma(s + s, s_low, z_low);
    let tail = z * poly!(M::fma, z; 0.3999999999999998, 0.2857142857144385, 0.22222222217785312, 0.1818181884468279,
        0.15384558374132737, 0.1333626680860259, 0.11675730343088037, 0.11982196573770357);
    // ln m = 2s + s z (2/3 + tail).
    let (c, c_low) = fast_two_sum(2.0 / 3.0, tail);
    let c_low = c_low + 3.700743415417188e-17;
    let (p, p_low) = two_product::<f64, M>(z, c);
    let p_low = p_low + M::fma(z, c_low, z_low * c);
    let (w, w_low) = two_product::<f64, M>(s, p);
    let w_low = w_low + M::fma(s, p_low, s_low * p);
    let (sum, a) = fast_two_sum(k * f64::LN2_HI, s + s);
    let (sum, b) = fast_two_sum(sum, w);
    (sum, a + (b + (w_low + M::fma(k, f64::LN2_LO, s_low + s_low))))
}

/// 2^70: with a y beyond it every power other than 1 is infinite or 0, and y ln x is still finite below it.
const LARGE_EXPONENT: f64 = 1180591620717411303424.0;

/// |x|^y for finite x != 0.
#[inline(always)]
fn pow_of_abs<M: Mode>(x: f64, y: f64) -> f64 {
    let y = clamp(y, -LARGE_EXPONENT, LARGE_EXPONENT);
    let (l, l_low) = ln_in_two::<M>(x.abs());
    let (p, p_low) = two_product::<f64, M>(y, l);
    let (p, p_low) = fast_two_sum(p, M::fma(y, l_low, p_low));
    let clamped = clamp(p, <f64 as ExpLane>::MIN, <f64 as ExpLane>::MAX);
    exp_sum::<f64, M>(clamped, select(clamped == p, p_low, 0.0))
}

/// |x|^y for f32, in f64: a good 30 bits are enough before the only rounding that shows.
#[inline(always)]
fn pow_of_abs_single<M: Mode>(x: f32, y: f64) -> f32 {
    let (m, k) = (x as f64).abs().significand();
    let f = m - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let tail = z * poly!(M::fma, z; 0.6666666667581066, 0.39999995617174827, 0.2857210980584324,
        0.22176156275779163, 0.19584681665746187);
    let ln = M::fma(k - f64::EXPONENT_ZERO, std::f64::consts::LN_2, M::fma(s, tail, s + s));
    // Just past f32's own overflow and underflow, which the conversion then finds.
    let p = clamp(clamp(y, -LARGE_EXPONENT, LARGE_EXPONENT) * ln, -104.0, 89.0);
    let magic_k = M::fma(p, std::f64::consts::LOG2_E, f64::MAGIC_BIASED);
    let r = M::fma(-(magic_k - f64::MAGIC_BIASED), std::f64::consts::LN_2, p);
    let e = poly!(M::fma, r; 1.0, 1.0, 0.5000000043773286, 0.16666666824480403, 0.04166635396028616,
        0.008333271001138894, 0.0013941345304338494, 0.00019915379329821323);
    (e * f64::pow2(magic_k)) as f32
}

/// Where pow is not e^(y ln|x|): IEEE 754-2019, 9.2.1.
#[inline(always)]
fn pow_edges<T: Lane>(x: T, y: T, y_is_integer: bool, y_is_odd: bool, power: T) -> T {
    let (zero, one) = (T::lit(0.0), T::lit(1.0));
    let a = x.abs();
    let extreme = select((a == zero) == (y < zero), T::INFINITY, zero);
    let power = select((a == zero) | (a == T::INFINITY), extreme, power);
    let power = select((x < zero) & (a < T::INFINITY) & !y_is_integer, T::NAN, power);
    let power = select(y_is_odd & x.is_negative(), -power, power);
    let power = select(!(x.is_nan() | y.is_nan()), power, T::NAN);
    select((y == zero) | (x == one), one, power)
}

/// Whether y >= 0 is an integer.
#[inline(always)]
fn is_integer<T: Lane>(y: T) -> bool {
    // y + 2^(p-1) rounds to an integer; from 2^(p-1) on, y is one.
    let whole = T::MAGIC * T::lit(2.0 / 3.0);
    (y >= whole) | ((y + whole) - whole == y)
}

#[inline(always)]
fn pow_with_edges<T: Lane>(x: T, y: T, power: T) -> T {
    let integer = is_integer(y.abs());
    pow_edges(x, y, integer, integer & !is_integer(y.abs() * T::lit(0.5)), power)
}

#[inline(always)]
pub(super) fn pow<M: Mode>(x: f64, y: f64) -> f64 {
    pow_with_edges(x, y, pow_of_abs::<M>(x, y))
}

#[inline(always)]
pub(super) fn pow_single<M: Mode>(x: f32, y: f32) -> f32 {
    pow_with_edges(x, y, pow_of_abs_single::<M>(x, y as f64))
}

#[inline(always)]
pub(super) fn powi<M: Mode>(x: f64, n: i32) -> f64 {
    pow_edges(x, n as f64, true, n & 1 == 1, pow_of_abs::<M>(x, n as f64))
}

#[inline(always)]
pub(super) fn powi_single<M: Mode>(x: f32, n: i32) -> f32 {
    pow_edges(x, n as f32, true, n & 1 == 1, pow_of_abs_single::<M>(x, n as f64))
}

/// What cbrt needs that differs by type.
pub(super) trait RootLane: Lane {
    /// What makes the exponent's bias a multiple of 3, and a third of the sum.
    const SHIFT: Self;
    const THIRD_OF_BIAS: Self;
    /// The cube root on [1, 2), to a third of the precision.
    fn cbrt_guess<M: Mode>(m: Self) -> Self;
}

impl RootLane for f64 {
    const SHIFT: f64 = 0.0;
    const THIRD_OF_BIAS: f64 = 341.0;
    #[inline(always)]
    fn cbrt_guess<M: Mode>(m: f64) -> f64 {
        poly!(M::fma, m; 0.44713940177167366, 0.9501075011667788, -0.6661921962261734, 0.3853770600086451,
            -0.14447779453879475, 0.030906040152322792, -0.0028598412068087226)
    }
}

impl RootLane for f32 {
    const SHIFT: f32 = 2.0;
    const THIRD_OF_BIAS: f32 = 43.0;
    #[inline(always)]
    fn cbrt_guess<M: Mode>(m: f32) -> f32 {
        poly!(M::fmaf, m; 0.5528219, 0.5871172, -0.1629716, 0.023105394)
    }
}

#[inline(always)]
pub(super) fn cbrt<T: RootLane, M: Mode>(x: T) -> T {
    let a = x.abs();
    let subnormal = a < T::MIN_POSITIVE;
    let (m, e) = select(subnormal, a * T::NORMALISER, a).mantissa();
    // x = m 2^r 2^(3q) with r in 0..3; (e - 1)/3 rounds to the integer part of e/3.
    let e = e + T::SHIFT;
    let magic_q = (e - T::lit(1.0)) * T::lit(1.0 / 3.0) + T::MAGIC;
    let q = magic_q - T::MAGIC;
    let r = e - q * T::lit(3.0);
    let (one, two) = (r == T::lit(1.0), r == T::lit(2.0));
    let factor = select(one, T::lit(2.0), select(two, T::lit(4.0), T::lit(1.0)));
    let root_factor = select(one, T::lit(1.2599210498948732), select(two, T::lit(1.5874010519681994), T::lit(1.0)));
    let cube = m * factor;
    let t = (T::cbrt_guess::<M>(m) * root_factor).upper_half();
    let quotient = cube / (t * t);
    let root = T::fma::<M>(t, (quotient - t) / (t + t + quotient), t);
    let shift = select(subnormal, T::THIRD_OF_BIAS + T::NORMALISER_POWER * T::lit(1.0 / 3.0), T::THIRD_OF_BIAS);
    let value = (root * T::pow2(T::MAGIC_BIASED + (q - shift))).copysign(x);
    select((a > T::lit(0.0)) & (a < T::INFINITY), value, x)
}

#[inline(always)]
pub(super) fn hypot<T: Lane, M: Mode>(x: T, y: T) -> T {
    let (a, b) = (x.abs(), y.abs());
    let swap = a < b;
    let (high, low) = (select(swap, b, a), select(swap, a, b));
    let (scale, inverse) = high.unit_scale();
    let (h, l) = (high * scale, low * scale);
    let (h2, h2_low) = two_product::<T, M>(h, h);
    let (l2, l2_low) = two_product::<T, M>(l, l);
    let (sum, error) = fast_two_sum(h2, l2);
    let (root, root_low) = square_root::<T, M>(sum, error + (h2_low + l2_low));
    let value = (root + root_low) * inverse;
    select((a == T::INFINITY) | (b == T::INFINITY), T::INFINITY, value)
}
