//! `data`, `nn`, `optim` and `train` compiled as a user's crate: from their source, over what the library publishes.
//!
//! Whatever they took from inside, a field, a function or a method, would be an error here. So all that they do, users can do.
//! There is nothing to run.

#![allow(
    dead_code,
    unused_imports,
    missing_docs,
    unreachable_pub,
    private_interfaces,
    reason = "a part of the library alone has items that the rest uses; there, these lints hold for them"
)]

// What `crate::` means to them.
pub use retrograd::*;

#[path = "../src/data/mod.rs"]
pub mod data;
#[path = "../src/nn/mod.rs"]
pub mod nn;
#[path = "../src/optim/mod.rs"]
pub mod optim;
#[path = "../src/train/mod.rs"]
pub mod train;

fn main() {}
