//! The sweep shown: tables, path products, derivations and Rust source, held against well-known values and golden files.

mod derivation;
pub mod golden;
mod harness;
mod paths;
mod source;
mod table;
