//! Ops on whole tensors: every public method, against naive code, in value and in two derivatives, and in its errors.

mod cases;
mod errors;
mod harness;
mod linear;
mod losses;
mod naive;
mod order;
mod properties;
mod reductions;
mod shaping;
mod windows;
