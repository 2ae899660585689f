//! The engine beside gradients written by hand, in one run.
//!
//! `cargo bench --workspace` runs all; `cargo bench --package benches -- NAME` those whose names have that in them.

mod networks;
mod ops;
mod problems;
mod programs;
mod scalars;
mod training;

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    scalars::benches(&mut criterion);
    training::benches(&mut criterion);
    networks::benches(&mut criterion);
    programs::benches(&mut criterion);
    problems::benches(&mut criterion);
    ops::benches(&mut criterion);
    criterion.final_summary();
}
