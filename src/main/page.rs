//! `page`: what the served page shows of a file, as one page that needs no server.

use super::command::{Command, Count, Flag, Given, Outcome, Takes, Word, failed, say};
use retrograd::text::{CheckOptions, page};
use std::process::ExitCode;

pub(crate) const COMMAND: Command = Command {
    name: "page",
    does: "writes what the page of serve shows of a file as one HTML file, which needs no server",
    more: "Graph, steps of the sweep, verdicts and formulas are computed now and are in the file; it asks the network for nothing.",
    words: &[
        Word { name: "OUT.html", does: "where the page goes", takes: Takes::File, count: Count::One },
        Word::file("FILE", "the text: a forward part, a line # backward, a backward part"),
    ],
    flags: &[Flag::text("loss", "NAME", "what is differentiated (default: the last name of the forward part)")],
    examples: &["page columns.html columns.py", "page columns.html columns.py --loss J"],
    run: main,
};

fn main(given: &Given) -> Outcome {
    let (out, file) = (given.path_of_word(0), given.path_of_word(1));
    let text = std::fs::read_to_string(&file).map_err(|error| failed(format!("{}: {error}", file.display())))?;
    let options = CheckOptions { loss: given.text("loss")?.map(str::to_owned), ..CheckOptions::default() };
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
