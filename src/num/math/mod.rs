//! Elementary functions that the compiler vectorises: branch-free, without tables or library calls.
//!
//! A loop `for i in 0..n { out[i] = f::<M>(x[i]) }` inside a function compiled for some instruction set becomes that
//! set's code. [`double`] has the functions for `f64`, [`single`] for `f32`; each is generic over [`Mode`], how a
//! multiply-add is done: [`Fused`] only where the CPU does it in one instruction, for elsewhere it is a library call
//! that takes a hundred times as long.
//!
//! What a slice kernel must do: `sin`, `cos`, `tan` and `sin_cos` serve |x| up to a limit (f64: 2^50 fused, 2^22 plain;
//! f32: 2^20 fused, 2^17 plain) and return NaN beyond it, for a branch to the exact reduction would keep the loop from
//! being vectorised, and a wrong number would go unseen. A kernel whose op uses one asks `is_large` of its block first
//! (an or over the block, which vectorises) and takes `sin_any`, `cos_any`, `tan_any` element by element where any is;
//! where none is, the mode [`NearAngles`] leaves the NaN out.
//! All other functions serve every argument.
//!
//! lgamma, digamma and polygamma (`special.rs`) are ordinary scalar code.
//!
//! The largest error seen over the whole range, in units in the last place, the worse of the two modes, rounded up; of
//! up to 4*10^7 f32 and 4*10^4 f64 arguments each (2*10^3 for erfc and `special.rs` in f64):
//!
//! | function | f32 | f64 |
//! |---|---|---|
//! | exp | 0.95 | 0.90 |
//! | exp2 | 0.95 | 0.95 |
//! | expm1 | 1.05 | 0.95 |
//! | ln | 0.95 | 0.80 |
//! | log2 | 0.90 | 0.70 |
//! | log10 | 0.80 | 0.65 |
//! | log1p | 0.90 | 0.85 |
//! | sin | 0.95 | 0.85 |
//! | cos | 0.95 | 0.85 |
//! | tan | 1.10 | 1.00 |
//! | asin | 0.70 | 0.65 |
//! | acos | 0.65 | 0.65 |
//! | atan | 0.90 | 0.75 |
//! | sinh | 1.10 | 1.00 |
//! | cosh | 0.70 | 0.65 |
//! | tanh | 1.10 | 1.00 |
//! | asinh | 0.95 | 0.80 |
//! | acosh | 0.90 | 0.80 |
//! | atanh | 0.95 | 0.80 |
//! | cbrt | 0.85 | 0.70 |
//! | sigmoid | 1.00 | 0.85 |
//! | softplus | 0.90 | 0.80 |
//! | log_sigmoid | 0.90 | 0.85 |
//! | erf | 0.80 | 0.75 |
//! | erfc | 1.00 | 0.75 |
//! | atan2 | 0.85 | 0.80 |
//! | hypot | 0.80 | 0.60 |
//! | pow | 0.55 | 0.80 |
//! | powi | 0.55 | 0.80 |
//! | lgamma | 0.55 | 2.25 |
//! | digamma | 0.55 | 2.10 |
//! | polygamma | 0.55 | 5.65 |
//!
//! `tests/engine/math_accuracy.rs` measures them and reads this table.
//!
//! # Examples
//! ```
//! use retrograd::num::math::{Plain, double};
//! let x = [0.0, 0.5, 1.0];
//! for (y, x) in x.map(double::exp::<Plain>).into_iter().zip(x) {
//!     assert!((y - f64::exp(x)).abs() <= f64::EPSILON * y);
//! }
//! ```

mod arc;
pub mod double;
mod erf;
mod exp;
mod huge;
mod lane;
mod log;
mod power;
pub mod single;
mod special;
mod trig;

/// How a multiply-add is carried out where a kernel is compiled.
///
/// # Examples
/// ```
/// use retrograd::num::math::{Mode, Plain, double};
/// // A kernel of your own, for whatever mode its caller has.
/// fn lengths<M: Mode>(x: &[f64], y: &[f64], out: &mut [f64]) {
///     for ((out, &x), &y) in out.iter_mut().zip(x).zip(y) {
///         *out = M::fma(x, x, y * y).sqrt() + double::expm1::<M>(0.0);
///     }
/// }
/// let mut out = [0.0; 2];
/// lengths::<Plain>(&[3.0, 0.0], &[4.0, 2.0], &mut out);
/// assert_eq!(out, [5.0, 2.0]);
/// ```
pub trait Mode: Copy + Send + Sync + 'static {
    /// Whether `fma` rounds once. Code that wants a product's rounding error asks this.
    const FUSED: bool;
    /// Whether `sin`, `cos` and `tan` of a lane take any angle, at the cost of vectorisation.
    const ANY_ANGLE: bool = false;
    /// Whether they may rely on angles in reach, where they otherwise return NaN beyond it.
    const NEAR_ANGLES: bool = false;
    /// a * b + c.
    fn fma(a: f64, b: f64, c: f64) -> f64;
    /// a * b + c.
    fn fmaf(a: f32, b: f32, c: f32) -> f32;
}

/// `a * b + c` with two roundings: right everywhere, and the only choice on CPUs without a fused multiply-add.
///
/// # Examples
/// ```
/// use retrograd::num::math::{Mode, Plain};
/// let x = 1.0 + f64::EPSILON;
/// // The square of the last place is lost to the product's rounding.
/// assert_eq!(Plain::fma(x, x, -1.0 - 2.0 * f64::EPSILON), 0.0);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Plain;

/// `mul_add`, with one rounding. Use it only inside `#[target_feature(enable = "fma")]` functions or on NEON.
///
/// # Examples
/// ```
/// use retrograd::num::math::{Fused, Mode};
/// let x = 1.0 + f64::EPSILON;
/// // The square of the last place is there.
/// assert_eq!(Fused::fma(x, x, -1.0 - 2.0 * f64::EPSILON), f64::EPSILON * f64::EPSILON);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Fused;

/// `M`, with circular functions that take any angle: what kernels use where an angle may be large.
///
/// # Examples
/// ```
/// use retrograd::num::math::{AnyAngle, Mode, Plain, double};
/// assert!(<AnyAngle<Plain> as Mode>::ANY_ANGLE && !Plain::ANY_ANGLE);
/// // What kernels take in that mode, and what they take otherwise.
/// assert!(double::sin_any::<Plain>(1e20).is_finite() && double::sin::<Plain>(1e20).is_nan());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct AnyAngle<M>(std::marker::PhantomData<fn() -> M>);

/// `M`, with circular functions that rely on angles in reach: what kernels use once they have looked.
///
/// # Examples
/// ```
/// use retrograd::num::math::{Mode, NearAngles, Plain, double};
/// let angles = [0.0, 0.5, -3.0];
/// if !angles.iter().any(|&x| double::is_large::<Plain>(x)) {
///     assert_eq!(angles.map(double::sin::<NearAngles<Plain>>), angles.map(double::sin::<Plain>));
/// }
/// assert!(<NearAngles<Plain> as Mode>::NEAR_ANGLES);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct NearAngles<M>(std::marker::PhantomData<fn() -> M>);

macro_rules! angles {
    ($($Mode:ident $choice:ident)*) => {$(
        impl<M: Mode> Mode for $Mode<M> {
            const FUSED: bool = M::FUSED;
            const $choice: bool = true;
            #[inline(always)]
            fn fma(a: f64, b: f64, c: f64) -> f64 {
                M::fma(a, b, c)
            }
            #[inline(always)]
            fn fmaf(a: f32, b: f32, c: f32) -> f32 {
                M::fmaf(a, b, c)
            }
        }
    )*};
}
angles!(AnyAngle ANY_ANGLE NearAngles NEAR_ANGLES);

impl Mode for Plain {
    const FUSED: bool = false;
    #[inline(always)]
    fn fma(a: f64, b: f64, c: f64) -> f64 {
        a * b + c
    }
    #[inline(always)]
    fn fmaf(a: f32, b: f32, c: f32) -> f32 {
        a * b + c
    }
}

impl Mode for Fused {
    const FUSED: bool = true;
    #[inline(always)]
    fn fma(a: f64, b: f64, c: f64) -> f64 {
        a.mul_add(b, c)
    }
    #[inline(always)]
    fn fmaf(a: f32, b: f32, c: f32) -> f32 {
        a.mul_add(b, c)
    }
}
