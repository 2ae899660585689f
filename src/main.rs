//! The program: what the library does, from the command line.
//!
//! `cargo run --release -- COMMAND ARGUMENTS`. Each command is a module with its own arguments; without a command, it is the
//! first one, `digits`. What went wrong with the arguments is said with exit code 2, what went wrong at work with 1.

#[path = "main/digits.rs"]
mod digits;

use std::ffi::OsString;
use std::process::ExitCode;

/// A command: its name, what it does, and what runs it.
struct Command {
    name: &'static str,
    does: &'static str,
    run: fn(Vec<OsString>) -> ExitCode,
}

const COMMANDS: &[Command] = &[Command {
    name: "digits",
    does: "trains a network on handwritten digits, and leaves a report (without a command, this one)",
    run: digits::main,
}];

fn main() -> ExitCode {
    let mut arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let first = arguments.first().map(|word| word.to_string_lossy().into_owned());
    match first.as_deref() {
        Some("--help" | "-h" | "help") => {
            digits::say(&usage());
            ExitCode::SUCCESS
        }
        Some("--version" | "-V") => {
            digits::say(concat!("retrograd ", env!("CARGO_PKG_VERSION")));
            ExitCode::SUCCESS
        }
        Some(name) if !name.starts_with('-') => match COMMANDS.iter().find(|command| command.name == name) {
            Some(command) => (command.run)(arguments.split_off(1)),
            None => {
                let known: Vec<&str> = COMMANDS.iter().map(|command| command.name).collect();
                eprintln!("retrograd: there is no command {name:?}; there are: {}\n\n{}", known.join(", "), usage());
                ExitCode::from(2)
            }
        },
        _ => (COMMANDS[0].run)(arguments),
    }
}

/// All commands, and the arguments of the first.
fn usage() -> String {
    let commands: Vec<String> =
        COMMANDS.iter().map(|command| format!("  {:10}{}", command.name, command.does)).collect();
    format!("usage: retrograd [COMMAND] [ARGUMENTS]\n{}\n\n{}", commands.join("\n"), digits::USAGE)
}
