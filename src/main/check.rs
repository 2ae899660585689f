//! `check`: a forward and a backward part in NumPy, and which statement of the backward part is wrong.

use super::command::{Command, Flag, Given, JSON, Outcome, Paint, Word, failed, say_or};
use retrograd::check::Verdict;
use retrograd::text::{CheckOptions, Options, check, page};
use std::io::Read;
use std::process::ExitCode;
use std::time::{Duration, Instant};

pub(crate) const COMMAND: Command = Command {
    name: "check",
    does: "judges the statements of a backward pass in NumPy, and says what belongs where one is wrong",
    more: "The file holds a forward part whose last name is the loss, a line '# backward', and the backward part. Without that line \
           it begins at the first name that is one of a gradient: dW1, grad_W1, W1_grad, delta2, nabla_w; a comment '# check g = W1' \
           says that g is the gradient by W1. Exit code 1 where a statement is wrong, 2 where the file cannot be run.",
    words: &[Word::file("FILE", "the statements, Python with NumPy; - for standard input")],
    flags: &[
        Flag::text("loss", "NAME", "the name that is differentiated (default the last one of the forward part)"),
        Flag::text("seconds", "X", "the longest that the file may run (default 10)"),
        Flag::file("html", "OUT", "writes graph, steps, verdicts and formulas as a page to this file, too"),
        JSON,
    ],
    examples: &["check backprop.py", "check backprop.py --json", "check - --loss J < backprop.py"],
    run: main,
};

fn main(given: &Given) -> Outcome {
    let text = match given.words[0].to_str() {
        Some("-") => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map_err(|error| failed(format!("standard input: {error}")))?;
            text
        }
        _ => {
            let path = given.path_of_word(0);
            match std::fs::read_to_string(&path) {
                Ok(text) => text,
                Err(error) => {
                    eprintln!("{}: {}: {error}", Paint::stderr().red("error"), path.display());
                    return Ok(ExitCode::from(2));
                }
            }
        }
    };
    let loss = given.text("loss")?.map(str::to_owned);
    let seconds = given.number("seconds", "above 0", |x: &f64| *x > 0.0 && *x < 1e6)?.unwrap_or(10.0);
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    let folder = std::path::Path::new(&given.words[0]).parent().map(std::path::Path::to_owned).unwrap_or_default();
    let loader = Some(retrograd::store::loader(folder));
    let run = Options { loader, stop: Some(std::sync::Arc::new(move || Instant::now() > until)), ..Options::default() };
    let options = CheckOptions { run, loss };
    if let Some(path) = given.path("html") {
        let said = page::analysis(&text, &options);
        let title = given.words[0].to_string_lossy();
        std::fs::write(&path, page::still(&title, &text, &said))
            .map_err(|error| failed(format!("--html: {}: {error}", path.display())))?;
    }
    let report = match check(&text, &options) {
        Ok(report) => report,
        Err(fault) => {
            eprintln!("{}: {fault}", Paint::stderr().red("error"));
            return Ok(ExitCode::from(2));
        }
    };
    let code = i32::from(report.verdict == Verdict::Differs);
    if given.has("json") {
        say_or(&report.to_json().to_string(), code);
    } else {
        let (paint, text) = (Paint::stdout(), report.to_string());
        let (headline, rest) = text.trim_end().split_once('\n').unwrap_or((text.trim_end(), ""));
        let headline = match report.verdict {
            Verdict::Agrees => paint.green(headline),
            Verdict::Inconclusive => paint.yellow(headline),
            Verdict::Differs => paint.red(headline),
        };
        say_or(&format!("{headline}\n{rest}"), code);
    }
    Ok(if report.verdict == Verdict::Differs { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
