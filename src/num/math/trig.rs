//! Sine, cosine and tangent.
//!
//! Method: k = x * 2/pi rounded, r = x - k pi/2 as a float and its low part, then the sine or the cosine polynomial of
//! r, chosen by k (Cody & Waite). Every k that is used leaves k P1 with P1 the float next to pi/2 so close to x that
//! one multiply-add gives x - k P1 exactly: it is a multiple of P1's last place, and below 1. Without a fused
//! multiply-add pi/2 is cut into short parts instead, which serves a smaller range.
//!
//! Beyond [`limit`] the branch-free functions return NaN, loudly; there `huge.rs` reduces exactly, one number at a
//! time, and `*_any` does whichever is needed.
//!
//! The coefficients are our own minimax fits (Remez exchange at 60 digits, then rounded to the type); how a low part
//! enters the kernels is from FreeBSD's msun (k_sin.c, k_cos.c).

use super::Mode;
use super::lane::{Lane, divide, fast_two_sum, poly, select};

/// r - over = x - k pi/2, and MAGIC + k. Where x is -0 or 0, r is x and `over` is 0: r - 0 keeps the sign.
pub(super) struct Angle<T> {
    pub r: T,
    pub over: T,
    pub magic_k: T,
}

/// What differs by type.
pub(super) trait TrigLane: Lane {
    /// The largest |x| that `reduce` takes.
    fn limit<M: Mode>() -> Self;
    fn reduce<M: Mode>(x: Self) -> Angle<Self>;
    /// (r - sin r) / r^3 as a polynomial in z = r^2, for |r| <= 0.85.
    fn sin_tail<M: Mode>(z: Self) -> Self;
    /// (cos r - 1 + r^2/2) / r^4 likewise.
    fn cos_tail<M: Mode>(z: Self) -> Self;
}

impl TrigLane for f64 {
    #[inline(always)]
    fn limit<M: Mode>() -> f64 {
        // 2^50: beyond, x * 2/pi is too coarse for k to be the nearest integer. 2^22: k has 22 bits.
        if M::FUSED { 1125899906842624.0 } else { 4194304.0 }
    }

    #[inline(always)]
    fn reduce<M: Mode>(x: f64) -> Angle<f64> {
        let magic_k = M::fma(x, std::f64::consts::FRAC_2_PI, f64::MAGIC);
        let k = magic_k - f64::MAGIC;
        if M::FUSED {
            let (p1, p2, p3) = (std::f64::consts::FRAC_PI_2, 6.123233995736766e-17, -1.4973849048591698e-33);
            let first = M::fma(-k, p1, x);
            // `first` is a multiple of 2^-52 and k p2 is below 1/2: fast_two_sum is exact.
            let second = k * p2;
            let (r, error) = fast_two_sum(first, -second);
            let second_low = M::fma(k, p2, -second);
            return Angle { r, over: M::fma(k, p3, second_low - error), magic_k };
        }
        // Three parts of 31 bits: times a k of up to 22, exact.
        let first = x - k * 1.5707963267341256;
        let (r, a) = fast_two_sum(first, -(k * 6.07710050359346e-11));
        let (r, b) = fast_two_sum(r, -(k * 2.9127320548227e-20));
        Angle { r, over: k * 1.2706558760139879e-29 - (a + b), magic_k }
    }

    #[inline(always)]
    fn sin_tail<M: Mode>(z: f64) -> f64 {
        poly!(M::fma, z; 0.16666666666666577, -0.0083333333333092, 0.00019841269819659705,
            -2.755731032575888e-06, 2.5050255279351514e-08, -1.586902530228658e-10)
    }

    #[inline(always)]
    fn cos_tail<M: Mode>(z: f64) -> f64 {
        poly!(M::fma, z; 0.04166666666666649, -0.0013888888888855986, 2.4801587278609788e-05,
            -2.7557311347327605e-07, 2.087533332537611e-09, -1.1340399508664579e-11)
    }
}

impl TrigLane for f32 {
    #[inline(always)]
    fn limit<M: Mode>() -> f32 {
        // 2^20; 2^17, for there x * 2/pi is rounded twice.
        if M::FUSED { 1048576.0 } else { 131072.0 }
    }

    #[inline(always)]
    fn reduce<M: Mode>(x: f32) -> Angle<f32> {
        let magic_k = M::fmaf(x, std::f32::consts::FRAC_2_PI, f32::MAGIC);
        let k = magic_k - f32::MAGIC;
        if M::FUSED {
            // The float below pi/2, so that p2 is positive: r is -0 where x is.
            const P1: f32 = f32::from_bits(std::f32::consts::FRAC_PI_2.to_bits() - 1);
            let (p1, p2, p3) = (P1, 7.54979e-08, -1.7151245e-15);
            let first = M::fmaf(-k, p1, x);
            // Both this and r - `first` are exact: `first` is a multiple of p1's last place, of which k p2 is a small part.
            let r = first - k * p2;
            return Angle { r, over: M::fmaf(k, p3, M::fmaf(k, p2, r - first)), magic_k };
        }
        // In f64, where a first part of 33 bits times k is exact.
        let wide = (x as f64 - k as f64 * 1.5707963267341256) - k as f64 * 6.077100506506192e-11;
        let r = wide as f32;
        Angle { r, over: (r as f64 - wide) as f32, magic_k }
    }

    #[inline(always)]
    fn sin_tail<M: Mode>(z: f32) -> f32 {
        poly!(M::fmaf, z; 0.16666654, -0.008332098, 0.00019506022)
    }

    #[inline(always)]
    fn cos_tail<M: Mode>(z: f32) -> f32 {
        poly!(M::fmaf, z; 0.041666646, -0.0013887291, 2.4428644e-5)
    }
}

/// sin(r - over) as a high part and what is over; |r| <= 0.85.
#[inline(always)]
fn sin_parts<T: TrigLane, M: Mode>(r: T, over: T) -> (T, T) {
    let z = r * r;
    // The share of `over` is over * cos r, of which 1 - r^2/2 is all that is felt.
    let share = T::fma::<M>(T::lit(-0.5) * z, over, over);
    (r, T::fma::<M>(z * r, T::sin_tail::<M>(z), share))
}

/// cos(r - over) as a high part and the rest.
#[inline(always)]
fn cos_parts<T: TrigLane, M: Mode>(r: T, over: T) -> (T, T) {
    let z = r * r;
    let half = T::lit(0.5) * z;
    let (w, error) = fast_two_sum(T::lit(1.0), -half);
    // The error of z itself stays below an eighth of an ulp of the result, as in msun.
    (w, error + T::fma::<M>(z * z, T::cos_tail::<M>(z), r * over))
}

/// sin(r - over) and cos(r - over), rounded: what `tan` needs in two parts each.
#[inline(always)]
fn sin_cos_near<T: TrigLane, M: Mode>(r: T, over: T) -> (T, T) {
    if !M::FUSED {
        let ((s, s_over), (c, c_low)) = (sin_parts::<T, M>(r, over), cos_parts::<T, M>(r, over));
        return (s - s_over, c + c_low);
    }
    let z = r * r;
    // (r - over)^2, rounded once: the cosine is a function of it.
    let square = T::fma::<M>(r, r, -(r * (over + over)));
    let sin = r - T::fma::<M>(square * r, T::sin_tail::<M>(z), over);
    let cos = T::fma::<M>(square, T::fma::<M>(z, T::cos_tail::<M>(z), T::lit(-0.5)), T::lit(1.0));
    (sin, cos)
}

#[inline(always)]
pub(super) fn sin_of<T: TrigLane, M: Mode>(a: Angle<T>) -> T {
    let (s, c) = sin_cos_near::<T, M>(a.r, a.over);
    select(T::is_odd(a.magic_k), c, s).negate_if(a.magic_k, 1)
}

#[inline(always)]
pub(super) fn cos_of<T: TrigLane, M: Mode>(a: Angle<T>) -> T {
    // cos x = sin(x + pi/2): the quadrant k + 1.
    sin_of::<T, M>(Angle { magic_k: a.magic_k + T::lit(1.0), ..a })
}

#[inline(always)]
pub(super) fn sin_cos_of<T: TrigLane, M: Mode>(a: Angle<T>) -> (T, T) {
    let (s, c) = sin_cos_near::<T, M>(a.r, a.over);
    let odd = T::is_odd(a.magic_k);
    let sin = select(odd, c, s).negate_if(a.magic_k, 1);
    (sin, select(odd, s, c).negate_if(a.magic_k + T::lit(1.0), 1))
}

#[inline(always)]
pub(super) fn tan_of<T: TrigLane, M: Mode>(a: Angle<T>) -> T {
    let (s, s_over) = sin_parts::<T, M>(a.r, a.over);
    let (s, s_low) = fast_two_sum(s, -s_over);
    let (c, c_low) = cos_parts::<T, M>(a.r, a.over);
    let (c, c_low) = fast_two_sum(c, c_low);
    // s/c in even quadrants, -c/s in odd ones.
    let odd = T::is_odd(a.magic_k);
    let (n, n_low) = (select(odd, -c, s), select(odd, -c_low, s_low));
    let (d, d_low) = (select(odd, s, c), select(odd, s_low, c_low));
    let (q, q_low) = divide::<T, M>(n, n_low, d, d_low);
    q + q_low
}

/// Whether the branch-free functions do not serve x; false for infinities and NaN, whose result is NaN anyway.
#[inline(always)]
pub(super) fn is_large<T: TrigLane, M: Mode>(x: T) -> bool {
    let a = x.abs();
    (a > T::limit::<M>()) & (a < T::INFINITY)
}

/// Whether they do not serve all up to 4x.
#[inline(always)]
pub(super) fn is_large_by_four<T: TrigLane, M: Mode>(x: T) -> bool {
    let a = x.abs();
    (a > T::limit::<M>() * T::lit(0.25)) & (a < T::INFINITY)
}

/// `value`, or NaN where x is out of reach.
#[inline(always)]
fn guard<T: TrigLane, M: Mode>(x: T, value: T) -> T {
    if M::NEAR_ANGLES { value } else { select(x.abs() <= T::limit::<M>(), value, T::NAN) }
}

#[inline(always)]
pub(super) fn sin<T: TrigLane, M: Mode>(x: T) -> T {
    guard::<T, M>(x, sin_of::<T, M>(T::reduce::<M>(x)))
}

#[inline(always)]
pub(super) fn cos<T: TrigLane, M: Mode>(x: T) -> T {
    guard::<T, M>(x, cos_of::<T, M>(T::reduce::<M>(x)))
}

#[inline(always)]
pub(super) fn tan<T: TrigLane, M: Mode>(x: T) -> T {
    // The quotient's low part is +0 beside -0.
    select(x == T::lit(0.0), x, guard::<T, M>(x, tan_of::<T, M>(T::reduce::<M>(x))))
}

#[inline(always)]
pub(super) fn sin_cos<T: TrigLane, M: Mode>(x: T) -> (T, T) {
    let (s, c) = sin_cos_of::<T, M>(T::reduce::<M>(x));
    (guard::<T, M>(x, s), guard::<T, M>(x, c))
}
