//! GradBench: the twelve evals of github.com/gradbench/gradbench, answered on standard input and output.
//!
//! Teaches: which form each kind of problem is written in, and what it then costs. Each eval has a file of its own, with its
//! formula, and is recorded, compiled or mapped once for a message, which is reported as the timing `prepare`; every run computes
//! the value or the derivative anew.
//!
//! Run: `cargo build --release --example gradbench`, and give `target/release/examples/gradbench` to GradBench as the tool.
//! `--multithreaded` lets it use all cores.

#[allow(
    dead_code,
    reason = "the example of that name reads files and tries other engines as well, which this one does not"
)]
mod adbench;
mod ba;
mod det;
mod gmm;
mod hello;
mod ht;
mod kmeans;
mod llsq;
mod lse;
mod lstm;
mod matrix;
mod nested;
mod ode;
mod particle;
pub(crate) mod protocol;
mod saddle;
mod scan;

use protocol::Eval;
use std::io::{self, BufReader, BufWriter};
use std::process::ExitCode;

const USAGE: &str = "usage: gradbench [--multithreaded], with messages of GradBench on standard input";

/// All evals.
pub(crate) const EVALS: &[Eval] = &[
    hello::EVAL,
    ht::EVAL,
    ba::EVAL,
    det::EVAL,
    gmm::EVAL,
    kmeans::EVAL,
    llsq::EVAL,
    lse::EVAL,
    lstm::EVAL,
    ode::EVAL,
    particle::EVAL,
    saddle::EVAL,
];

pub(crate) fn main() -> ExitCode {
    let mut threads = 1;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--multithreaded" => threads = std::thread::available_parallelism().map_or(1, usize::from),
            "--help" | "-h" => {
                println!("{USAGE}");
                return ExitCode::SUCCESS;
            }
            _ => {
                eprintln!("unknown argument {argument:?}; {USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    let from = BufReader::with_capacity(1 << 20, io::stdin().lock());
    let to = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    match protocol::serve(EVALS, threads, from, to) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gradbench: {error}");
            ExitCode::FAILURE
        }
    }
}
