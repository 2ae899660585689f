//! `rust`: a formula and its gradient as a function of Rust that depends on nothing.

use super::command::{Command, Flag, Given, Outcome, write_or_say};
use super::formula::{BY, FILE, Formula, Free, MORE, WORDS};
use retrograd::Tape;
use retrograd::explain::rust_source;
use retrograd::graph::Graph;
use std::process::ExitCode;

pub(crate) const COMMAND: Command = Command {
    name: "rust",
    does: "writes a formula and its gradient as a function of Rust that depends on nothing",
    more: MORE,
    words: WORDS,
    flags: &[
        FILE,
        BY,
        Flag::text("name", "NAME", "what the function is called (default value_and_gradient)"),
        Flag::file("out", "FILE", "the file to write to (default standard output)"),
    ],
    examples: &[
        "rust 'x**2 * sin(y)'",
        "rust --name loss 'sum((X @ w - t)**2)' 'X=[[1, 2], [3, 4]]' 'w=[0.5, -1]' 't=[1, 0]' --out loss.rs",
    ],
    run: main,
};

fn main(given: &Given) -> Outcome {
    let formula = Formula::of(given, Free::Number)?;
    let tape = Tape::new();
    let graph = Graph::of(formula.record(&tape)?.output);
    let source = rust_source(&graph, given.text("name")?.unwrap_or("value_and_gradient"))?;
    write_or_say(given.path("out"), &source)?;
    Ok(ExitCode::SUCCESS)
}
