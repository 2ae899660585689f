//! `draw`: the graph of a formula with its values and gradients.

use super::command::{Command, Flag, Given, Outcome, write_or_say};
use super::formula::{BY, FILE, Formula, Free, MORE, WORDS};
use retrograd::Tape;
use retrograd::explain::draw::{Derivatives, Direction, DrawOptions, dot, svg};
use retrograd::graph::Graph;
use std::process::ExitCode;

pub(crate) const COMMAND: Command = Command {
    name: "draw",
    does: "draws the graph of a formula, with values and gradients, as SVG or in Graphviz's language",
    more: MORE,
    words: WORDS,
    flags: &[
        FILE,
        BY,
        Flag::one_of("format", &["svg", "dot"], "what is written (default svg, or what the name of the file ends in)"),
        Flag::file("out", "FILE", "the file to write to (default standard output)"),
        Flag::text("title", "TEXT", "what stands above"),
        Flag::switch("down", "from the top down, and not from the left"),
        Flag::switch("locals", "local derivatives on the edges"),
        Flag::switch("sweep", "what the backward sweep carries, on red edges"),
        Flag::switch("no-gradients", "no gradients in the boxes"),
    ],
    examples: &[
        "draw '(a + b) * (b + 1)' a=2 b=1 --locals --out graph.svg",
        "draw 'tanh(w * x)' w=-2 x=0.5 --format dot",
    ],
    run: main,
};

fn main(given: &Given) -> Outcome {
    let formula = Formula::of(given, Free::Number)?;
    let out = given.path("out");
    let is_dot = match given.text("format")? {
        Some(format) => format == "dot",
        None => out.as_ref().and_then(|path| path.extension()).is_some_and(|end| end == "dot" || end == "gv"),
    };
    let options = DrawOptions {
        title: given.text("title")?.unwrap_or_default().to_owned(),
        direction: if given.has("down") { Direction::Down } else { Direction::Right },
        derivatives: if given.has("no-gradients") { Derivatives::None } else { Derivatives::Reverse },
        locals: given.has("locals"),
        backward: given.has("sweep"),
        ..DrawOptions::default()
    };
    let tape = Tape::new();
    let graph = Graph::of(formula.record(&tape)?.output);
    let drawing = if is_dot { dot(&graph, &options)? } else { svg(&graph, &options)? };
    write_or_say(out, &drawing)?;
    Ok(ExitCode::SUCCESS)
}
