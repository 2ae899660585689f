//! `derive`: the chain rule of a formula, written out.

use super::command::{Command, Flag, Given, JSON, Outcome, write_or_say};
use super::formula::{BY, FILE, Formula, Free, MORE, WORDS};
use retrograd::Tape;
use retrograd::explain::{Derivation, Notation, Statement, derivation_as};
use retrograd::graph::Graph;
use serde_json::{Value as Json, json};
use std::process::ExitCode;

pub(crate) const COMMAND: Command = Command {
    name: "derive",
    does: "writes out the chain rule of a formula: every value, and every gradient from those of its readers",
    more: MORE,
    words: WORDS,
    flags: &[
        FILE,
        BY,
        Flag::one_of("format", &["text", "latex", "mathml"], "what formulas are written in (default text)"),
        Flag::file("out", "FILE", "the file to write to (default standard output)"),
        JSON,
    ],
    examples: &[
        "derive 'sigmoid(w * x + b)'",
        "derive --format mathml --out page.html 'sum(log(1 + exp(X @ w)))' 'X=[[1, 2], [3, 4]]' 'w=[0.5, -1]'",
        "derive --format latex --file network.py --by W1",
    ],
    run: main,
};

fn main(given: &Given) -> Outcome {
    let formula = Formula::of(given, Free::Number)?;
    let notation = match given.text("format")? {
        Some("latex") => Notation::Latex,
        Some("mathml") => Notation::MathMl,
        _ => Notation::Text,
    };
    let tape = Tape::new();
    let recorded = formula.record(&tape)?;
    let derivation = derivation_as(&Graph::of(recorded.output), notation)?;
    let text = match notation {
        _ if given.has("json") => format!("{:#}\n", object(&derivation)),
        // A page that a browser opens as it is.
        Notation::MathMl => format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>The chain rule</title>\n\
             <style>body {{ font-size: 1.2em; margin: 2em }} .derivation div {{ margin: 0.5em 0 }}</style>\n{derivation}</html>\n"
        ),
        _ => derivation.to_string(),
    };
    write_or_say(given.path("out"), &text)?;
    Ok(ExitCode::SUCCESS)
}

fn object(derivation: &Derivation) -> Json {
    let line = |line: &Statement| json!({ "node": line.node, "name": line.name, "formula": line.formula });
    let lines = |lines: &[Statement]| lines.iter().map(line).collect::<Vec<_>>();
    json!({
        "given": lines(&derivation.given),
        "forward": lines(&derivation.forward),
        "backward": lines(&derivation.backward),
        "constants": derivation.constants,
    })
}
