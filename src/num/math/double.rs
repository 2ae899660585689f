//! The functions for `f64`. What they do and how well, the [parent module](super) says.
//!
//! # Examples
//! ```
//! use retrograd::num::math::{Plain, double};
//! assert_eq!(double::cbrt::<Plain>(27.0), 3.0);
//! // No square leaves the range on the way.
//! assert!((double::hypot::<Plain>(3e200, 4e200) / 5e200 - 1.0).abs() <= f64::EPSILON);
//! ```

use super::{Mode, arc, erf as error_function, exp as exponential, huge, log as logarithm, power, special, trig};

/// e^x.
#[inline(always)]
pub fn exp<M: Mode>(x: f64) -> f64 {
    exponential::exp::<f64, M>(x)
}

/// 2^x; exact at integers.
#[inline(always)]
pub fn exp2<M: Mode>(x: f64) -> f64 {
    exponential::exp2::<f64, M>(x)
}

/// e^x - 1, without the cancellation near 0.
#[inline(always)]
pub fn expm1<M: Mode>(x: f64) -> f64 {
    exponential::expm1::<f64, M>(x)
}

/// Natural logarithm; -inf at 0, NaN below.
#[inline(always)]
pub fn ln<M: Mode>(x: f64) -> f64 {
    logarithm::ln::<f64, M>(x)
}

/// Logarithm to base 2; exact at powers of two.
#[inline(always)]
pub fn log2<M: Mode>(x: f64) -> f64 {
    logarithm::log2::<f64, M>(x)
}

/// Logarithm to base 10; exact at powers of ten.
#[inline(always)]
pub fn log10<M: Mode>(x: f64) -> f64 {
    logarithm::log10::<f64, M>(x)
}

/// ln(1 + x), without the rounding of 1 + x.
#[inline(always)]
pub fn log1p<M: Mode>(x: f64) -> f64 {
    logarithm::log1p::<f64, M>(x)
}

/// Sine, for x that [`is_large`] is false of; NaN beyond.
#[inline(always)]
pub fn sin<M: Mode>(x: f64) -> f64 {
    trig::sin::<f64, M>(x)
}

/// Cosine, for x that [`is_large`] is false of; NaN beyond.
#[inline(always)]
pub fn cos<M: Mode>(x: f64) -> f64 {
    trig::cos::<f64, M>(x)
}

/// Tangent, for x that [`is_large`] is false of; NaN beyond.
#[inline(always)]
pub fn tan<M: Mode>(x: f64) -> f64 {
    trig::tan::<f64, M>(x)
}

/// Arc sine, in [-pi/2, pi/2]; NaN beyond +-1.
#[inline(always)]
pub fn asin<M: Mode>(x: f64) -> f64 {
    arc::asin::<f64, M>(x)
}

/// Arc cosine, in [0, pi]; NaN beyond +-1.
#[inline(always)]
pub fn acos<M: Mode>(x: f64) -> f64 {
    arc::acos::<f64, M>(x)
}

/// Arc tangent, in [-pi/2, pi/2].
#[inline(always)]
pub fn atan<M: Mode>(x: f64) -> f64 {
    arc::atan::<f64, M>(x)
}

/// Hyperbolic sine.
#[inline(always)]
pub fn sinh<M: Mode>(x: f64) -> f64 {
    exponential::sinh::<f64, M>(x)
}

/// Hyperbolic cosine.
#[inline(always)]
pub fn cosh<M: Mode>(x: f64) -> f64 {
    exponential::cosh::<f64, M>(x)
}

/// Hyperbolic tangent.
#[inline(always)]
pub fn tanh<M: Mode>(x: f64) -> f64 {
    exponential::tanh::<f64, M>(x)
}

/// Inverse hyperbolic sine.
#[inline(always)]
pub fn asinh<M: Mode>(x: f64) -> f64 {
    logarithm::asinh::<f64, M>(x)
}

/// Inverse hyperbolic cosine; NaN below 1.
#[inline(always)]
pub fn acosh<M: Mode>(x: f64) -> f64 {
    logarithm::acosh::<f64, M>(x)
}

/// Inverse hyperbolic tangent; +-inf at +-1, NaN beyond.
#[inline(always)]
pub fn atanh<M: Mode>(x: f64) -> f64 {
    logarithm::atanh::<f64, M>(x)
}

/// Real cube root; negative of negative x.
#[inline(always)]
pub fn cbrt<M: Mode>(x: f64) -> f64 {
    power::cbrt::<f64, M>(x)
}

/// 1 / (1 + e^-x), to the last place in both tails.
#[inline(always)]
pub fn sigmoid<M: Mode>(x: f64) -> f64 {
    exponential::sigmoid::<f64, M>(x)
}

/// ln(1 + e^x), without overflow.
#[inline(always)]
pub fn softplus<M: Mode>(x: f64) -> f64 {
    logarithm::softplus::<f64, M>(x)
}

/// ln(1 / (1 + e^-x)) = -softplus(-x).
#[inline(always)]
pub fn log_sigmoid<M: Mode>(x: f64) -> f64 {
    -logarithm::softplus::<f64, M>(-x)
}

/// Error function, 2/sqrt(pi) times the integral of e^(-t^2) from 0 to x.
#[inline(always)]
pub fn erf<M: Mode>(x: f64) -> f64 {
    error_function::erf::<f64, M>(x)
}

/// 1 - erf(x), to the last place down to the subnormal numbers.
#[inline(always)]
pub fn erfc<M: Mode>(x: f64) -> f64 {
    error_function::erfc::<f64, M>(x)
}

/// Sine and cosine at the cost of little more than one, for x that [`is_large`] is false of; NaN beyond.
#[inline(always)]
pub fn sin_cos<M: Mode>(x: f64) -> (f64, f64) {
    trig::sin_cos::<f64, M>(x)
}

/// Whether x is finite and beyond the reach of the branch-free sin, cos, tan and sin_cos in this mode.
#[inline(always)]
pub fn is_large<M: Mode>(x: f64) -> bool {
    trig::is_large::<f64, M>(x)
}

/// Whether x is finite and something up to 4x is beyond that reach.
#[inline(always)]
pub fn is_large_by_four<M: Mode>(x: f64) -> bool {
    trig::is_large_by_four::<f64, M>(x)
}

/// Sine of any x, one at a time: the branch keeps a loop from being vectorised.
#[inline]
pub fn sin_any<M: Mode>(x: f64) -> f64 {
    if is_large::<M>(x) { trig::sin_of::<f64, M>(huge::reduce(x)) } else { sin::<M>(x) }
}

/// Cosine of any x, one at a time: the branch keeps a loop from being vectorised.
#[inline]
pub fn cos_any<M: Mode>(x: f64) -> f64 {
    if is_large::<M>(x) { trig::cos_of::<f64, M>(huge::reduce(x)) } else { cos::<M>(x) }
}

/// Tangent of any x, one at a time: the branch keeps a loop from being vectorised.
#[inline]
pub fn tan_any<M: Mode>(x: f64) -> f64 {
    if is_large::<M>(x) { trig::tan_of::<f64, M>(huge::reduce(x)) } else { tan::<M>(x) }
}

/// The angle of the point (x, y), in [-pi, pi]; zeros keep their signs.
#[inline(always)]
pub fn atan2<M: Mode>(y: f64, x: f64) -> f64 {
    arc::atan2::<f64, M>(y, x)
}

/// sqrt(x^2 + y^2), without overflow or underflow on the way.
#[inline(always)]
pub fn hypot<M: Mode>(x: f64, y: f64) -> f64 {
    power::hypot::<f64, M>(x, y)
}

/// x^y, with the special cases of IEEE 754-2019, 9.2.1.
#[inline(always)]
pub fn pow<M: Mode>(x: f64, y: f64) -> f64 {
    power::pow::<M>(x, y)
}

/// x^n: as exact as [`pow`], which repeated squaring would not be.
#[inline(always)]
pub fn powi<M: Mode>(x: f64, n: i32) -> f64 {
    power::powi::<M>(x, n)
}

/// ln|Gamma(x)|; inf at 0 and the negative integers. Not vectorised.
pub fn lgamma<M: Mode>(x: f64) -> f64 {
    special::lgamma(x)
}

/// The derivative of ln Gamma; -+inf at +-0, NaN at the negative integers. Not vectorised.
pub fn digamma<M: Mode>(x: f64) -> f64 {
    special::digamma(x)
}

/// The n-th derivative of digamma; digamma itself for n = 0. Not vectorised.
pub fn polygamma<M: Mode>(n: u32, x: f64) -> f64 {
    special::polygamma(n, x)
}
