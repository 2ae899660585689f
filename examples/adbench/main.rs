//! The ADBench problems: objectives, derivatives, and how long both take.
//!
//! Teaches: one formula written over [`retrograd::Real`] recorded as scalars, or written over tensors; gradients, sparse
//! Jacobians from small blocks, tall Jacobians forward. Prints the objective, the derivative, the time of the objective in
//! plain Rust, the time of the derivative, and their ratio: the least of repeated runs, on one thread.
//!
//! Run: `cargo run --release --example adbench -- gmm|ba|lstm|hand FILE [--mode tape|program|map|tensor] [--json]`, or
//! `-- check DATA EXPECTED` for every result in one folder against the files of another. `--seconds` says how long each time is
//! taken. Files: those of ADBench, github.com/microsoft/ADBench; a hand's model is looked for in folders `model` beside the file
//! and above. `examples/data/adbench` has small ones.

pub(crate) mod ba;
pub(crate) mod check;
pub(crate) mod gmm;
pub(crate) mod hand;
pub(crate) mod lstm;
pub(crate) mod problem;
pub(crate) mod report;
pub(crate) mod tokens;

#[path = "../common/flags.rs"]
mod flags;

use problem::{Mode, Problem};
use std::path::Path;
use std::process::ExitCode;
use std::str::FromStr;

const USAGE: &str = "adbench gmm|ba|lstm|hand FILE [--mode tape|program|map|tensor] [--seconds S] [--json], or adbench check DATA EXPECTED [--mode M]";

/// A problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Gmm,
    Ba,
    Lstm,
    Hand,
}

impl FromStr for Kind {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Ok(match text {
            "gmm" => Kind::Gmm,
            "ba" => Kind::Ba,
            "lstm" => Kind::Lstm,
            "hand" => Kind::Hand,
            _ => return Err(()),
        })
    }
}

impl Kind {
    /// The modes that it has, the best first.
    pub(crate) fn modes(self) -> &'static [Mode] {
        match self {
            Kind::Gmm => gmm::Gmm::MODES,
            Kind::Ba => ba::Ba::MODES,
            Kind::Lstm => lstm::Lstm::MODES,
            Kind::Hand => hand::Hand::MODES,
        }
    }
}

pub(crate) fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

/// What these arguments print.
pub(crate) fn run<S: AsRef<str>>(arguments: &[S]) -> Result<String, String> {
    if arguments.iter().any(|argument| ["--help", "-h"].contains(&argument.as_ref())) {
        return Ok(format!("usage: {USAGE}"));
    }
    let (switches, named): (Vec<&str>, Vec<&str>) =
        arguments.iter().map(AsRef::as_ref).partition(|&argument| argument == "--json");
    let flags = flags::Flags::read(&named, &["--mode", "--seconds"])?;
    let mode = flags.get("--mode", "tape, program, map or tensor", |_: &Mode| true)?;
    let seconds = flags.get("--seconds", "a number of 0 or more", |s: &f64| (0.0..=3600.0).contains(s))?;
    let words: Vec<&str> = flags.words.iter().map(String::as_str).collect();
    let [what, first, rest @ ..] = &words[..] else { return Err(format!("usage: {USAGE}")) };
    if *what == "check" {
        let [expected] = rest else { return Err(format!("check takes two folders; usage: {USAGE}")) };
        let count = check::run([Path::new(first), Path::new(expected)], seconds.unwrap_or(0.2), |_, other| {
            mode.is_none_or(|mode| mode == other)
        })?;
        return Ok(format!("{count} results within {:e} of those expected", check::TOLERANCE));
    }
    let kind: Kind = what.parse().map_err(|()| format!("{what:?} is no problem; usage: {USAGE}"))?;
    if !rest.is_empty() {
        return Err(format!("{:?} follows the file; usage: {USAGE}", rest[0]));
    }
    let (path, mode, seconds) = (Path::new(first), mode.unwrap_or(kind.modes()[0]), seconds.unwrap_or(0.5));
    if switches.is_empty() {
        return report::lines(kind, path, mode, seconds);
    }
    Ok(serde_json::Value::Object(report::json(kind, path, mode, seconds)?).to_string())
}
