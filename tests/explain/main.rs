//! The sweep shown: tables, path products, derivations and Rust source, held against well-known values and golden files.

mod golden;
mod paths;
mod table;
