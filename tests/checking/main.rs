//! Gradient checks, hand-coded gradients beside autodiff, explanations.

mod classics;
mod compare;
mod explain;
mod gradcheck;
#[cfg(feature = "training")]
mod problem;
