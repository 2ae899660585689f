//! `page`: what the served page shows of a file, as one page that needs no server.

use super::command::{Command, Count, Flag, Given, Outcome, Takes, Word, failed, say};
use retrograd::text::{CheckOptions, Options, page};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) const COMMAND: Command = Command {
    name: "page",
    does: "writes what the page of serve shows of a file as one HTML file, which needs no server",
    more: "Graph, steps of the sweep, verdicts and formulas are computed now and are in the file; it asks the network for nothing.",
    words: &[
        Word { name: "OUT.html", does: "where the page goes", takes: Takes::File, count: Count::One },
        Word::file("FILE", "the text: a forward part, a line # backward, a backward part"),
    ],
    flags: &[
        Flag::text("loss", "NAME", "the name that is differentiated (default the last one of the forward part)"),
        Flag::text("seconds", "X", "the longest that the file may run (default 10)"),
    ],
    examples: &["page columns.html columns.py", "page columns.html columns.py --loss J"],
    run: main,
};

fn main(given: &Given) -> Outcome {
    let (out, file) = (given.path_of_word(0), given.path_of_word(1));
    let text = std::fs::read_to_string(&file).map_err(|error| failed(format!("{}: {error}", file.display())))?;
    let loss = given.text("loss")?.map(str::to_owned);
    let seconds = given.number("seconds", "above 0", |x: &f64| *x > 0.0 && *x < 1e6)?.unwrap_or(10.0);
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    let folder = file.parent().map(std::path::Path::to_owned).unwrap_or_default();
    let loader = Some(retrograd::store::loader(folder));
    let run = Options { loader, stop: Some(Arc::new(move || Instant::now() > until)), ..Options::default() };
    let options = CheckOptions { run, loss };
    let said = page::analysis(&text, &options);
    if let Some(detail) = said["error"]["detail"].as_str() {
        return Err(failed(format!("{}: {detail}", file.display())));
    }
    let title = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy();
    std::fs::write(&out, page::still(&title, &text, &said))
        .map_err(|error| failed(format!("{}: {error}", out.display())))?;
    say(&format!("written to {}", out.display()));
    Ok(ExitCode::SUCCESS)
}
