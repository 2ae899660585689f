//! Numbers: what a tensor stores, what a kernel computes with, what a derivative rule is written over.
//!
//! - [`Element`]: what a tape or tensor holds, `f32` or `f64`.
//! - [`Float`]: what an op's value may use. Implemented by `f32` and `f64` and by the kernels' lane type, by the same
//!   functions (branch-free, so that they vectorise) with the same bits.
//! - [`Number`]: what a derivative rule may use, every op included. Implemented by plain numbers, lanes,
//!   [`Dual`] numbers and recorded variables, which is how one rule serves every mode of differentiation.
//! - [`Real`]: [`Number`] with literals on the right of an operator, for users' generic formulas.
//!
//! [`Float`] and [`Number`] share method names and neither extends the other, so a bound on one is never ambiguous.
//!
//! # Examples
//! ```
//! use retrograd::{Dual, Element, Number, Real};
//! // A user's formula over any number, and a loop over either stored type.
//! fn bump<S: Real>(x: S) -> S {
//!     (-x * x * 0.5).exp()
//! }
//! fn largest<T: Element>(points: &[T]) -> f64 {
//!     points.iter().map(|&x| x.to_f64()).fold(f64::NEG_INFINITY, f64::max)
//! }
//! assert_eq!(bump(Dual::variable(0.0)).tangent, 0.0);
//! assert_eq!(largest(&[0.5_f32, 0.25]), 0.5);
//! ```

mod dual;
mod element;
pub(crate) mod elementwise;
mod lane;
pub mod math;
mod number;
#[doc(hidden)]
pub mod simd;

pub use dual::Dual;
pub(crate) use element::all_finite;
pub use element::{Element, Float, PerElement};
pub use number::{Number, Real, Upstream};
pub use simd::instruction_set;
