//! The program: what the library does, from the command line.
//!
//! `retrograd COMMAND ARGUMENTS`. Each command is a module with its own line in the table below; without a command, it is the first
//! one, `digits`. What all share, exit codes among it, is in `command`.

#[path = "main/check.rs"]
mod check;
#[path = "main/command.rs"]
mod command;
#[path = "main/completions.rs"]
mod completions;
#[path = "main/derive.rs"]
mod derive;
#[path = "main/diagnose.rs"]
mod diagnose;
#[path = "main/digits.rs"]
mod digits;
#[path = "main/draw.rs"]
mod draw;
#[path = "main/evaluate.rs"]
mod evaluate;
#[path = "main/formula.rs"]
mod formula;
#[path = "main/grad.rs"]
mod grad;
#[path = "main/page.rs"]
mod page;
#[path = "main/predict.rs"]
mod predict;
#[path = "main/rust.rs"]
mod rust;
#[path = "main/serve.rs"]
mod serve;
#[path = "main/train.rs"]
mod train;

use command::{Command, Paint, nearest, say};
use std::ffi::OsString;
use std::process::ExitCode;

/// All commands, in the order of the help text.
const COMMANDS: &[&Command] = &[
    &digits::COMMAND,
    &check::COMMAND,
    &grad::COMMAND,
    &derive::COMMAND,
    &draw::COMMAND,
    &rust::COMMAND,
    &train::COMMAND,
    &predict::COMMAND,
    &evaluate::COMMAND,
    &diagnose::COMMAND,
    &serve::COMMAND,
    &page::COMMAND,
    &completions::COMMAND,
];

fn main() -> ExitCode {
    let mut arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let first = arguments.first().map(|word| word.to_string_lossy().into_owned());
    let first = match first.as_deref() {
        Some("help") if arguments.len() > 1 => {
            // `help train` is `train --help`.
            arguments = vec![arguments.swap_remove(1), "--help".into()];
            Some(arguments[0].to_string_lossy().into_owned())
        }
        _ => first,
    };
    match first.as_deref() {
        Some("--help" | "-h" | "help") => {
            say(&help());
            ExitCode::SUCCESS
        }
        Some("--version" | "-V") => {
            say(concat!("retrograd ", env!("CARGO_PKG_VERSION")));
            ExitCode::SUCCESS
        }
        Some(name) if !name.starts_with('-') => match COMMANDS.iter().find(|command| command.name == name) {
            Some(command) => command.main(arguments.split_off(1)),
            None => {
                let known: Vec<&str> = COMMANDS.iter().map(|command| command.name).collect();
                let near = nearest(name, known.iter().copied());
                let near = near.map_or(String::new(), |near| format!(" did you mean {near}?"));
                eprintln!(
                    "retrograd: there is no command {name:?};{near} there are: {}\n\n{USAGE}\nmore: retrograd --help",
                    known.join(", ")
                );
                ExitCode::from(2)
            }
        },
        _ => COMMANDS[0].main(arguments),
    }
}

const USAGE: &str = "usage: retrograd [COMMAND] [ARGUMENTS]";

/// All commands.
fn help() -> String {
    let paint = Paint::stdout();
    let width = COMMANDS.iter().map(|command| command.name.len()).max().unwrap_or_default() + 2;
    let line = |command: &&Command| {
        let pad = " ".repeat(width - command.name.len());
        format!("  {}{pad}{}\n", paint.bold(command.name), command::wrapped(command.does, width + 2))
    };
    let commands: String = COMMANDS.iter().map(line).collect();
    format!(
        "retrograd {}: gradients by reverse mode, from formulas to trained networks\n\n{USAGE}\n\n{commands}\n\
         retrograd COMMAND --help says what a command takes, with examples. Without a command it is {}.\n\
         Exit codes: 0 fine, 1 a wrong gradient or work that failed, 2 wrong arguments.",
        env!("CARGO_PKG_VERSION"),
        COMMANDS[0].name
    )
}
