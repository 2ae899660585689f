//! Elementary functions that the compiler vectorises: branch-free, without tables or library calls.
//!
//! A loop `for i in 0..n { out[i] = f::<M>(x[i]) }` inside a function compiled for some instruction set becomes that
//! set's code. [`double`] has the functions for `f64`, [`single`] for `f32`; each is generic over [`Mode`], how a
//! multiply-add is done: [`Fused`] only where the CPU does it in one instruction, for elsewhere it is a library call
//! that takes a hundred times as long.
//!
//! What a slice kernel must do: `sin`, `cos`, `tan` and `sin_cos` serve |x| up to a limit (f64: 2^50 fused, 2^22 plain;
//! f32: 2^20 fused, 2^17 plain) and return NaN beyond it. A kernel whose op uses one asks `is_large` of its block first and takes
//! `sin_any`, `cos_any`, `tan_any` element by element where any is. All other functions serve every argument.
//!
//! lgamma, digamma and polygamma (`special.rs`) are ordinary scalar code.
//!
//! The largest error seen, in units in the last place, the worse of the two modes, over the whole range:
//!
//! | function | f32 | f64 |
//! |---|---|---|
//! | exp | 0.92 | 0.88 |
//! | exp2 | 0.94 | 0.90 |
//! | expm1 | 1.00 | 0.92 |
//! | ln | 0.88 | 0.78 |
//! | log2 | 0.86 | 0.66 |
//! | log10 | 0.76 | 0.60 |
//! | log1p | 0.88 | 0.84 |
//! | sin | 0.84 | 0.82 |
//! | cos | 0.86 | 0.80 |
//! | tan | 0.98 | 0.98 |
//! | asin | 0.64 | 0.62 |
//! | acos | 0.62 | 0.60 |
//! | atan | 0.88 | 0.72 |
//! | sinh | 1.06 | 0.96 |
//! | cosh | 0.64 | 0.60 |
//! | tanh | 1.02 | 0.96 |
//! | asinh | 0.92 | 0.78 |
//! | acosh | 0.84 | 0.78 |
//! | atanh | 0.90 | 0.78 |
//! | cbrt | 0.80 | 0.68 |
//! | sigmoid | 0.94 | 0.82 |
//! | softplus | 0.88 | 0.74 |
//! | log_sigmoid | 0.88 | 0.80 |
//! | erf | 0.78 | 0.72 |
//! | erfc | 0.96 | 0.70 |
//! | atan2 | 0.82 | 0.76 |
//! | hypot | 0.76 | 0.56 |
//! | pow | 0.52 | 0.78 |
//! | powi | 0.52 | 0.78 |
//! | lgamma | 0.52 | 2.18 |
//! | digamma | 0.52 | 2.08 |
//! | polygamma | 0.52 | 5.60 |
//!
//! `tests/math_accuracy.rs` measures them and reads this table.

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
pub trait Mode: Copy + Send + Sync + 'static {
    /// Whether `fma` rounds once. Code that wants a product's rounding error asks this.
    const FUSED: bool;
    /// a * b + c.
    fn fma(a: f64, b: f64, c: f64) -> f64;
    /// a * b + c.
    fn fmaf(a: f32, b: f32, c: f32) -> f32;
}

/// `a * b + c` with two roundings: right everywhere, and the only choice on CPUs without a fused multiply-add.
#[derive(Clone, Copy, Debug)]
pub struct Plain;

/// `mul_add`, with one rounding. Use it only inside `#[target_feature(enable = "fma")]` functions or on NEON.
#[derive(Clone, Copy, Debug)]
pub struct Fused;

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
