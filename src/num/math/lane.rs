//! What the functions need of a number: `f32` or `f64` as arithmetic and as bits, and sums and products with their
//! rounding errors.
//!
//! Each function is written once, generic over [`Lane`]; only polynomials and constants differ by type. Everything here
//! is branch-free and `#[inline(always)]`, so that a loop over a slice vectorises whole. There are no float-to-integer
//! casts: Rust's `as` saturates, which costs several instructions a lane, so integers are read from the low bits of a
//! float to which [`Lane::MAGIC`] was added.
//!
//! Error-free transformations follow Dekker (1971) and Knuth (TAOCP 2, 4.2.2); see Muller et al., Handbook of
//! Floating-Point Arithmetic, chapter 4.

use super::Mode;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// `c0 + x * (c1 + x * (...))` by the multiply-add given.
macro_rules! poly {
    ($fma:path, $x:expr; $c:expr) => { $c };
    ($fma:path, $x:expr; $c:expr, $($rest:expr),+) => {
        $fma($x, poly!($fma, $x; $($rest),+), $c)
    };
}
/// The same in powers of x^2, which is given: even and odd coefficients in a chain each. That is as many operations and half
/// as long to wait: a CPU looks some hundred instructions ahead, too few to fill one long chain with the next elements' work.
macro_rules! poly_by_square {
    ($fma:path, $x:expr, $square:expr; $($c:expr),+) => {
        $fma($x, poly_by_square!(@odd $fma, $square; $($c),+), poly_by_square!(@even $fma, $square; $($c),+))
    };
    (@even $fma:path, $z:expr; $c:expr) => { $c };
    (@even $fma:path, $z:expr; $c:expr, $d:expr) => { $c };
    (@even $fma:path, $z:expr; $c:expr, $d:expr, $($rest:expr),+) => {
        $fma($z, poly_by_square!(@even $fma, $z; $($rest),+), $c)
    };
    (@odd $fma:path, $z:expr; $c:expr, $($rest:expr),+) => { poly_by_square!(@even $fma, $z; $($rest),+) };
}
pub(super) use {poly, poly_by_square};

/// A floating-point number with its bits.
pub(super) trait Lane:
    Copy
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// 1.5 * 2^(p-1), p the precision: added to an integer of modest size, it leaves that integer in the low bits.
    const MAGIC: Self;
    /// `MAGIC` and the exponent's bias: its low bits, k being added, are the biased exponent of 2^k.
    const MAGIC_BIASED: Self;
    /// `MAGIC` and twice the bias.
    const MAGIC_TWICE_BIASED: Self;
    const INFINITY: Self;
    const NAN: Self;
    const MIN_POSITIVE: Self;
    /// A power of 8 of at least 2^(p-1): multiplied by it, a subnormal becomes normal.
    const NORMALISER: Self;
    /// The power of two that `NORMALISER` is, as a number.
    const NORMALISER_POWER: Self;
    /// What `significand` adds to an exponent.
    const EXPONENT_ZERO: Self;

    /// A constant, rounded to the lane's precision when compiled.
    fn lit(x: f64) -> Self;
    fn fma<M: Mode>(a: Self, b: Self, c: Self) -> Self;
    fn abs(self) -> Self;
    fn sqrt(self) -> Self;
    fn copysign(self, sign: Self) -> Self;
    /// The upper half of the significand: products of two such numbers are exact.
    fn upper_half(self) -> Self;
    /// 2^k of `MAGIC_BIASED + k`; k must be a normal number's exponent.
    fn pow2(magic_plus_k: Self) -> Self;
    /// Two powers of two with product 2^k, of `MAGIC_TWICE_BIASED + k`, for k of up to twice the normal exponents.
    fn pow2_halves(magic_plus_k: Self) -> (Self, Self);
    /// The same more cheaply, for k <= 63.
    fn pow2_small(magic_plus_k: Self) -> (Self, Self);
    /// 2^(k - 64) of `MAGIC_TWICE_BIASED + k`; that must be a normal number.
    fn pow2_scaled(magic_plus_k: Self) -> Self;
    /// m in [sqrt(1/2), sqrt(2)) and `EXPONENT_ZERO + k` with self = m * 2^k; self must be positive, normal and finite.
    fn significand(self) -> (Self, Self);
    /// 2^-k for the k of `significand`; wrong where that is not a normal number.
    fn significand_scale(self) -> Self;
    /// A power of two s for which self * s lies near 1, and 1/s, both normal; for self >= 0.
    fn unit_scale(self) -> (Self, Self);
    /// A power of two s for which self * s is so large that what is a smallest number times it is normal, while sums
    /// are far from overflow; for self >= 0, finite.
    fn large_scale(self) -> Self;
    /// m in [1, 2) and the biased exponent as a number; self must be positive and normal.
    fn mantissa(self) -> (Self, Self);
    /// Self with its sign flipped where bit `bit` of `magic_plus_k` is set.
    fn negate_if(self, magic_plus_k: Self, bit: u32) -> Self;
    /// Whether the sign bit is set, as for -0.
    fn is_negative(self) -> bool;
    fn is_nan(self) -> bool;
    /// Whether bit 0 of `magic_plus_k` is set.
    fn is_odd(magic_plus_k: Self) -> bool;
}

macro_rules! lane {
    ($t:ident, $bits:ident, $fma:ident, mantissa = $mant:literal, bias = $bias:literal, half = $half:literal,
     sqrt_half = $sqrt_half:literal, magic = $magic:literal, implicit = $implicit:literal,
     normalise = $normalise:literal, $normalise_power:literal) => {
        impl Lane for $t {
            const MAGIC: Self = $magic;
            const MAGIC_BIASED: Self = $magic + $bias as $t;
            const MAGIC_TWICE_BIASED: Self = $magic + 2.0 * $bias as $t;
            const INFINITY: Self = $t::INFINITY;
            const NAN: Self = $t::NAN;
            const MIN_POSITIVE: Self = $t::MIN_POSITIVE;
            const NORMALISER: Self = $normalise;
            const NORMALISER_POWER: Self = $normalise_power;
            const EXPONENT_ZERO: Self = $implicit + $bias as $t;

            #[inline(always)]
            fn lit(x: f64) -> Self {
                x as $t
            }
            #[inline(always)]
            fn fma<M: Mode>(a: Self, b: Self, c: Self) -> Self {
                M::$fma(a, b, c)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                $t::abs(self)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                $t::sqrt(self)
            }
            #[inline(always)]
            fn copysign(self, sign: Self) -> Self {
                $t::copysign(self, sign)
            }
            #[inline(always)]
            fn upper_half(self) -> Self {
                $t::from_bits(self.to_bits() & !((1 << $half) - 1))
            }
            #[inline(always)]
            fn pow2(magic_plus_k: Self) -> Self {
                $t::from_bits(magic_plus_k.to_bits() << $mant)
            }
            #[inline(always)]
            fn pow2_halves(magic_plus_k: Self) -> (Self, Self) {
                // Twice the bias halves into a bias for each. Only the low bits survive the shift.
                let k = magic_plus_k.to_bits();
                let half = k >> 1;
                ($t::from_bits(half << $mant), $t::from_bits(k.wrapping_sub(half) << $mant))
            }
            #[inline(always)]
            fn pow2_small(magic_plus_k: Self) -> (Self, Self) {
                const DOWN: $t = $t::from_bits(($bias - 64) << $mant);
                ($t::from_bits(magic_plus_k.to_bits().wrapping_sub($bias - 64) << $mant), DOWN)
            }
            #[inline(always)]
            fn pow2_scaled(magic_plus_k: Self) -> Self {
                $t::from_bits(magic_plus_k.to_bits().wrapping_sub($bias + 64) << $mant)
            }
            #[inline(always)]
            fn significand(self) -> (Self, Self) {
                const ONE: $bits = $bias << $mant;
                let shifted = self.to_bits().wrapping_add(ONE - $sqrt_half);
                let m = $t::from_bits((shifted & ((1 << $mant) - 1)) + $sqrt_half);
                // The biased exponent is small and positive: or-ed into 2^(p-1), it is that number's low bits.
                (m, $t::from_bits(shifted >> $mant | ($implicit as $t).to_bits()))
            }
            #[inline(always)]
            fn significand_scale(self) -> Self {
                const ONE: $bits = $bias << $mant;
                let biased = self.to_bits().wrapping_add(ONE - $sqrt_half) >> $mant;
                $t::from_bits((2 * $bias as $bits).wrapping_sub(biased) << $mant)
            }
            #[inline(always)]
            fn unit_scale(self) -> (Self, Self) {
                let biased = self.to_bits() >> $mant;
                // At the two ends of the exponents the scale stays a normal number, one or two powers short.
                let up = (2 * $bias - 1 as $bits).wrapping_sub(biased);
                let scale = if biased > 2 * $bias - 2 { 1 } else { up };
                let inverse = 2 * $bias - scale;
                ($t::from_bits(scale << $mant), $t::from_bits(inverse << $mant))
            }
            #[inline(always)]
            fn large_scale(self) -> Self {
                let biased = self.to_bits() >> $mant;
                let up = (2 * $bias + $mant + 8 as $bits) - biased;
                $t::from_bits((if up > 2 * $bias { 2 * $bias } else { up }) << $mant)
            }
            #[inline(always)]
            fn mantissa(self) -> (Self, Self) {
                const ONE: $bits = $bias << $mant;
                let biased = self.to_bits() >> $mant;
                let m = $t::from_bits((self.to_bits() & ((1 << $mant) - 1)) | ONE);
                (m, $t::from_bits(biased | ($implicit as $t).to_bits()) - $implicit)
            }
            #[inline(always)]
            fn negate_if(self, magic_plus_k: Self, bit: u32) -> Self {
                let sign = (magic_plus_k.to_bits() >> bit) << ($bits::BITS - 1);
                $t::from_bits(self.to_bits() ^ sign)
            }
            #[inline(always)]
            fn is_negative(self) -> bool {
                self.is_sign_negative()
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                $t::is_nan(self)
            }
            #[inline(always)]
            fn is_odd(magic_plus_k: Self) -> bool {
                magic_plus_k.to_bits() & 1 != 0
            }
        }
    };
}

lane!(
    f64,
    u64,
    fma,
    mantissa = 52,
    bias = 1023,
    half = 27,
    sqrt_half = 0x3fe6_a09e_667f_3bcd,
    magic = 6755399441055744.0,
    implicit = 4503599627370496.0,
    normalise = 18014398509481984.0,
    54.0
);
lane!(
    f32,
    u32,
    fmaf,
    mantissa = 23,
    bias = 127,
    half = 12,
    sqrt_half = 0x3f35_04f3,
    magic = 12582912.0,
    implicit = 8388608.0,
    normalise = 16777216.0,
    24.0
);

/// `if test { a } else { b }`, of two values that are both at hand, so that it compiles to a blend.
#[inline(always)]
pub(super) fn select<T>(test: bool, a: T, b: T) -> T {
    if test { a } else { b }
}

/// a + b and its rounding error, for |a| >= |b|, or a a multiple of b's last place.
#[inline(always)]
pub(super) fn fast_two_sum<T: Lane>(a: T, b: T) -> (T, T) {
    let s = a + b;
    (s, b - (s - a))
}

/// a + b and its rounding error.
#[inline(always)]
pub(super) fn two_sum<T: Lane>(a: T, b: T) -> (T, T) {
    let s = a + b;
    let bb = s - a;
    (s, (a - (s - bb)) + (b - bb))
}

/// a * b and its rounding error.
#[inline(always)]
pub(super) fn two_product<T: Lane, M: Mode>(a: T, b: T) -> (T, T) {
    let p = a * b;
    if M::FUSED {
        return (p, T::fma::<M>(a, b, -p));
    }
    let (ah, bh) = (a.upper_half(), b.upper_half());
    let (al, bl) = (a - ah, b - bh);
    (p, ((ah * bh - p) + ah * bl + al * bh) + al * bl)
}

/// n - q * d, for q within some ulps of n / d.
#[inline(always)]
pub(super) fn residual<T: Lane, M: Mode>(n: T, q: T, d: T) -> T {
    if M::FUSED {
        return T::fma::<M>(-q, d, n);
    }
    let (p, e) = two_product::<T, M>(q, d);
    (n - p) - e
}

/// (n + nl) / (d + dl) as a quotient and what it leaves out. Needs finite n and normal, finite d.
#[inline(always)]
pub(super) fn divide<T: Lane, M: Mode>(n: T, nl: T, d: T, dl: T) -> (T, T) {
    let inverse = T::lit(1.0) / d;
    let q = n * inverse;
    let left = (residual::<T, M>(n, q, d) + nl) - q * dl;
    (q, left * inverse)
}

/// sqrt(x + xl) as a root and what it leaves out; (0, 0) at 0.
#[inline(always)]
pub(super) fn square_root<T: Lane, M: Mode>(x: T, xl: T) -> (T, T) {
    let s = x.sqrt();
    let left = residual::<T, M>(x, s, s) + xl;
    let low = left / (s + s);
    (s, select(s > T::lit(0.0), low, T::lit(0.0)))
}
