//! `diagnose`: hand-coded gradients of a problem in JSON beside autodiff, with the mistake.

use super::command::{Command, Flag, Given, JSON, Outcome, Paint, Word, failed, say, usage};
use retrograd::check::{Problem, Verdict};
use std::io::Read;
use std::process::ExitCode;

pub(crate) const COMMAND: Command = Command {
    name: "diagnose",
    does: "compares hand-coded gradients of a problem in JSON with autodiff, and names the mistake",
    more: "The file holds parameters, data, the nodes of a function and gradients by hand: as the documentation of \
           retrograd::check::Problem says; arrays may lie in .npz or .safetensors beside it. Exit code 1 where a gradient is wrong.",
    words: &[Word::file("PROBLEM.json", "the problem; - for standard input")],
    flags: &[
        Flag::file("html", "OUT", "writes the report as a page to this file, too"),
        JSON,
        Flag::switch("markdown", "prints the report as Markdown instead"),
    ],
    examples: &["diagnose lstm.json", "diagnose lstm.json --html lstm.html", "diagnose - --json < lstm.json"],
    run: main,
};

fn main(given: &Given) -> Outcome {
    if given.has("json") && given.has("markdown") {
        return Err(usage("--json and --markdown are two ways to print one report; give one of them"));
    }
    let problem = match given.words[0].to_str() {
        Some("-") => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map_err(|error| failed(format!("standard input: {error}")))?;
            Problem::parse(&text)?
        }
        _ => Problem::read(given.path_of_word(0))?,
    };
    let report = problem.compare().run()?;
    if let Some(path) = given.path("html") {
        let failed = |error| failed(format!("--html: {}: {error}", path.display()));
        std::fs::write(&path, report.to_html()).map_err(failed)?;
    }
    if given.has("json") {
        say(&format!("{:#}", report.to_json()));
    } else if given.has("markdown") {
        say(report.to_markdown().trim_end());
    } else {
        let (paint, text) = (Paint::stdout(), report.to_string());
        let (headline, rest) = text.trim_end().split_once('\n').unwrap_or((text.trim_end(), ""));
        let headline = match report.verdict() {
            Verdict::Agrees => paint.green(headline),
            Verdict::Inconclusive => paint.yellow(headline),
            Verdict::Differs => paint.red(headline),
        };
        say(format!("{headline}\n{rest}").trim_end());
    }
    Ok(if report.agrees() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
