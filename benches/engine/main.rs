//! The engine beside gradients written by hand, in one run.
//!
//! `cargo bench --bench engine` runs all; a name after `--` selects.

mod networks;
mod scalars;
mod training;

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    scalars::benches(&mut criterion);
    training::benches(&mut criterion);
    networks::benches(&mut criterion);
    criterion.final_summary();
}
