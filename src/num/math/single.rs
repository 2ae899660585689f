//! The functions for `f32`. What they do and how well, the [parent module](super) says.
//!
//! # Examples
//! ```
//! use retrograd::num::math::{Plain, single};
//! assert_eq!(single::exp2::<Plain>(-3.0), 0.125);
//! // No square leaves the range on the way.
//! assert!((single::hypot::<Plain>(3e30, 4e30) / 5e30 - 1.0).abs() <= f32::EPSILON);
//! ```

use super::{Mode, arc, erf as error_function, exp as exponential, huge, log as logarithm, power, special, trig};

/// e^x.
#[inline(always)]
pub fn exp<M: Mode>(x: f32) -> f32 {
    exponential::exp::<f32, M>(x)
}

/// 2^x; exact at integers.
#[inline(always)]
pub fn exp2<M: Mode>(x: f32) -> f32 {
    exponential::exp2::<f32, M>(x)
}

/// e^x - 1, without the cancellation near 0.
#[inline(always)]
pub fn expm1<M: Mode>(x: f32) -> f32 {
    exponential::expm1::<f32, M>(x)
}

/// Natural logarithm; -inf at 0, NaN below.
#[inline(always)]
pub fn ln<M: Mode>(x: f32) -> f32 {
    logarithm::ln::<f32, M>(x)
}

/// Logarithm to base 2; exact at powers of two.
#[inline(always)]
pub fn log2<M: Mode>(x: f32) -> f32 {
    logarithm::log2::<f32, M>(x)
}

/// Logarithm to base 10; exact at powers of ten.
#[inline(always)]
pub fn log10<M: Mode>(x: f32) -> f32 {
    logarithm::log10::<f32, M>(x)
}

/// ln(1 + x), without the rounding of 1 + x.
#[inline(always)]
pub fn log1p<M: Mode>(x: f32) -> f32 {
    logarithm::log1p::<f32, M>(x)
}

/// Sine, for x that [`is_large`] is false of; NaN beyond.
#[inline(always)]
pub fn sin<M: Mode>(x: f32) -> f32 {
    trig::sin::<f32, M>(x)
}

/// Cosine, for x that [`is_large`] is false of; NaN beyond.
#[inline(always)]
pub fn cos<M: Mode>(x: f32) -> f32 {
    trig::cos::<f32, M>(x)
}

/// Tangent, for x that [`is_large`] is false of; NaN beyond.
#[inline(always)]
pub fn tan<M: Mode>(x: f32) -> f32 {
    trig::tan::<f32, M>(x)
}

/// Arc sine, in [-pi/2, pi/2]; NaN beyond +-1.
#[inline(always)]
pub fn asin<M: Mode>(x: f32) -> f32 {
    arc::asin::<f32, M>(x)
}

/// Arc cosine, in [0, pi]; NaN beyond +-1.
#[inline(always)]
pub fn acos<M: Mode>(x: f32) -> f32 {
    arc::acos::<f32, M>(x)
}

/// Arc tangent, in [-pi/2, pi/2].
#[inline(always)]
pub fn atan<M: Mode>(x: f32) -> f32 {
    arc::atan::<f32, M>(x)
}

/// Hyperbolic sine.
#[inline(always)]
pub fn sinh<M: Mode>(x: f32) -> f32 {
    exponential::sinh::<f32, M>(x)
}

/// Hyperbolic cosine.
#[inline(always)]
pub fn cosh<M: Mode>(x: f32) -> f32 {
    exponential::cosh::<f32, M>(x)
}

/// Hyperbolic tangent.
#[inline(always)]
pub fn tanh<M: Mode>(x: f32) -> f32 {
    exponential::tanh::<f32, M>(x)
}

/// Inverse hyperbolic sine.
#[inline(always)]
pub fn asinh<M: Mode>(x: f32) -> f32 {
    logarithm::asinh::<f32, M>(x)
}

/// Inverse hyperbolic cosine; NaN below 1.
#[inline(always)]
pub fn acosh<M: Mode>(x: f32) -> f32 {
    logarithm::acosh::<f32, M>(x)
}

/// Inverse hyperbolic tangent; +-inf at +-1, NaN beyond.
#[inline(always)]
pub fn atanh<M: Mode>(x: f32) -> f32 {
    logarithm::atanh::<f32, M>(x)
}

/// Real cube root; negative of negative x.
#[inline(always)]
pub fn cbrt<M: Mode>(x: f32) -> f32 {
    power::cbrt::<f32, M>(x)
}

/// 1 / (1 + e^-x), to the last place in both tails.
#[inline(always)]
pub fn sigmoid<M: Mode>(x: f32) -> f32 {
    exponential::sigmoid::<f32, M>(x)
}

/// ln(1 + e^x), without overflow.
#[inline(always)]
pub fn softplus<M: Mode>(x: f32) -> f32 {
    logarithm::softplus::<f32, M>(x)
}

/// ln(1 / (1 + e^-x)) = -softplus(-x).
#[inline(always)]
pub fn log_sigmoid<M: Mode>(x: f32) -> f32 {
    -logarithm::softplus::<f32, M>(-x)
}

/// Error function, 2/sqrt(pi) times the integral of e^(-t^2) from 0 to x.
#[inline(always)]
pub fn erf<M: Mode>(x: f32) -> f32 {
    error_function::erf::<f32, M>(x)
}

/// 1 - erf(x), to the last place down to the subnormal numbers.
#[inline(always)]
pub fn erfc<M: Mode>(x: f32) -> f32 {
    error_function::erfc::<f32, M>(x)
}

/// Sine and cosine at the cost of little more than one, for x that [`is_large`] is false of; NaN beyond.
#[inline(always)]
pub fn sin_cos<M: Mode>(x: f32) -> (f32, f32) {
    trig::sin_cos::<f32, M>(x)
}

/// Whether x is finite and beyond the reach of the branch-free sin, cos, tan and sin_cos in this mode.
#[inline(always)]
pub fn is_large<M: Mode>(x: f32) -> bool {
    trig::is_large::<f32, M>(x)
}

/// Whether x is finite and something up to 4x is beyond that reach.
#[inline(always)]
pub fn is_large_by_four<M: Mode>(x: f32) -> bool {
    trig::is_large_by_four::<f32, M>(x)
}

/// Sine of any x, one at a time: the branch keeps a loop from being vectorised.
#[inline]
pub fn sin_any<M: Mode>(x: f32) -> f32 {
    if is_large::<M>(x) { trig::sin_of::<f64, M>(huge::reduce(x as f64)) as f32 } else { sin::<M>(x) }
}

/// Cosine of any x, one at a time: the branch keeps a loop from being vectorised.
#[inline]
pub fn cos_any<M: Mode>(x: f32) -> f32 {
    if is_large::<M>(x) { trig::cos_of::<f64, M>(huge::reduce(x as f64)) as f32 } else { cos::<M>(x) }
}

/// Tangent of any x, one at a time: the branch keeps a loop from being vectorised.
#[inline]
pub fn tan_any<M: Mode>(x: f32) -> f32 {
    if is_large::<M>(x) { trig::tan_of::<f64, M>(huge::reduce(x as f64)) as f32 } else { tan::<M>(x) }
}

/// The angle of the point (x, y), in [-pi, pi]; zeros keep their signs.
#[inline(always)]
pub fn atan2<M: Mode>(y: f32, x: f32) -> f32 {
    arc::atan2::<f32, M>(y, x)
}

/// sqrt(x^2 + y^2), without overflow or underflow on the way.
#[inline(always)]
pub fn hypot<M: Mode>(x: f32, y: f32) -> f32 {
    power::hypot::<f32, M>(x, y)
}

/// x^y, with the special cases of IEEE 754-2019, 9.2.1.
#[inline(always)]
pub fn pow<M: Mode>(x: f32, y: f32) -> f32 {
    power::pow_single::<M>(x, y)
}

/// x^n: as exact as [`pow`], which repeated squaring would not be.
#[inline(always)]
pub fn powi<M: Mode>(x: f32, n: i32) -> f32 {
    power::powi_single::<M>(x, n)
}

/// ln|Gamma(x)|; inf at 0 and the negative integers. Not vectorised.
pub fn lgamma<M: Mode>(x: f32) -> f32 {
    special::lgamma(x as f64) as f32
}

/// The derivative of ln Gamma; -+inf at +-0, NaN at the negative integers. Not vectorised.
pub fn digamma<M: Mode>(x: f32) -> f32 {
    special::digamma(x as f64) as f32
}

/// The n-th derivative of digamma; digamma itself for n = 0. Not vectorised.
pub fn polygamma<M: Mode>(n: u32, x: f32) -> f32 {
    special::polygamma(n, x as f64) as f32
}
