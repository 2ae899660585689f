//! What all commands share: the table that says what they take, arguments read by it, its help, and how the program speaks.
//!
//! A command is data ([`Command`]): what is read, what `--help` prints and what shells complete come from the same lines, so that
//! none of them knows of a flag that the others do not. lexopt takes the arguments apart; what they mean is decided here.
//!
//! Exit codes: 0 fine, 1 a wrong gradient or work that failed, 2 arguments that are wrong. Colours are for terminals alone, and
//! `NO_COLOR` turns them off. Nobody reading on, as behind `head`, is an end and no error.

use lexopt::{Arg, Parser};
use std::ffi::{OsStr, OsString};
use std::fmt::{self, Display};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

/// The widest line of a help text.
const WIDTH: usize = 100;

/// A command: its name, what it takes, and what runs it.
pub(crate) struct Command {
    /// What is typed.
    pub name: &'static str,
    /// What it does, in a line.
    pub does: &'static str,
    /// What else a user needs to know, in sentences; may be empty.
    pub more: &'static str,
    /// The words that belong to no flag, in order.
    pub words: &'static [Word],
    /// The flags but for `--help`.
    pub flags: &'static [Flag],
    /// Lines to try, without the program's name.
    pub examples: &'static [&'static str],
    /// What runs it.
    pub run: fn(&Given) -> Outcome,
}

/// A word, or several, that belong to no flag.
pub(crate) struct Word {
    /// How help calls it.
    pub name: &'static str,
    /// What it is.
    pub does: &'static str,
    /// What it holds.
    pub takes: Takes,
    /// How many there are.
    pub count: Count,
}

/// How many words of a kind there are.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Count {
    /// Exactly one.
    One,
    /// One or none.
    Optional,
    /// Any number; the last kind of a command.
    Any,
}

/// An argument with a name: `--name`, `--name VALUE` or `--name=VALUE`.
pub(crate) struct Flag {
    /// The name without dashes.
    pub name: &'static str,
    /// How help calls its value; empty where there is none.
    pub value: &'static str,
    /// What it does, and what is taken without it.
    pub does: &'static str,
    /// What the value holds.
    pub takes: Takes,
    /// Whether it must be there.
    pub needed: bool,
}

/// What a word or a value holds.
#[derive(Clone, Copy)]
pub(crate) enum Takes {
    /// There is no value.
    Nothing,
    /// A number or a text.
    Text,
    /// A formula: it may begin with a minus.
    Formula,
    /// The path of a file.
    File,
    /// The path of a folder.
    Folder,
    /// One of these words.
    OneOf(&'static [&'static str]),
}

/// `--json`, of the commands that have it.
pub(crate) const JSON: Flag = Flag::switch("json", "prints one object of JSON instead");

/// What a command comes to: its exit code, or why it could not do its work.
pub(crate) type Outcome = Result<ExitCode, Failure>;

/// Why a command did not do its work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The arguments are wrong: exit code 2, with the usage.
    Usage(String),
    /// The work failed: exit code 1.
    Work(String),
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure::Work(error.to_string())
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Failure::Usage(message) | Failure::Work(message)) = self;
        f.write_str(message)
    }
}

/// The arguments of one call, which the command's table has accepted.
#[derive(Debug, Default)]
pub(crate) struct Given {
    /// The words that belong to no flag.
    pub words: Vec<OsString>,
    flags: Vec<(&'static str, OsString)>,
}

impl Command {
    /// Reads the arguments, and runs it.
    pub fn main(&self, arguments: Vec<OsString>) -> ExitCode {
        let outcome = match self.parse(arguments) {
            Ok(Some(given)) => (self.run)(&given),
            Ok(None) => {
                say(&self.help());
                return ExitCode::SUCCESS;
            }
            Err(failure) => Err(failure),
        };
        outcome.unwrap_or_else(|failure| self.fail(&failure))
    }

    fn fail(&self, failure: &Failure) -> ExitCode {
        let name = self.name;
        match failure {
            Failure::Usage(message) => {
                eprintln!("{name}: {message}\n\n{}\nmore: retrograd {name} --help", self.usage());
                ExitCode::from(2)
            }
            Failure::Work(message) => {
                eprintln!("{}: {message}", Paint::stderr().red("error"));
                ExitCode::FAILURE
            }
        }
    }

    /// Reads the arguments; an error says which one is wrong, and how. None where help is asked for.
    pub fn parse(&self, arguments: impl IntoIterator<Item = OsString>) -> Result<Option<Given>, Failure> {
        let mut given = Given::default();
        let mut parser = Parser::from_args(arguments);
        loop {
            // What begins with one dash may be a formula, or a number below 0.
            let formula = self.words.iter().any(|word| matches!(word.takes, Takes::Formula));
            if formula && let Some(mut raw) = parser.try_raw_args() {
                let dash = |word: &OsStr| word.as_encoded_bytes() != b"-h" && is_one_dash(word.as_encoded_bytes());
                if let Some(word) = raw.next_if(dash) {
                    given.words.push(word);
                    continue;
                }
            }
            let Some(argument) = parser.next().map_err(|error| Failure::Usage(error.to_string()))? else { break };
            let name = match argument {
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                Arg::Value(word) => {
                    given.words.push(word);
                    continue;
                }
                Arg::Long(name) => name.to_owned(),
                Arg::Short(name) => return Err(self.unknown(&format!("-{name}"))),
            };
            let Some(flag) = self.flags.iter().find(|flag| flag.name == name) else {
                return Err(self.unknown(&format!("--{name}")));
            };
            let value = match flag.takes {
                Takes::Nothing => match parser.optional_value() {
                    Some(value) => return Err(usage(format!("--{name} takes no value, got {value:?}"))),
                    None => OsString::new(),
                },
                _ => parser.value().map_err(|_| usage(format!("--{name} needs a value")))?,
            };
            if let Takes::OneOf(words) = flag.takes
                && !words.iter().any(|word| value == *word)
            {
                let near = value.to_str().and_then(|value| nearest(value, words.iter().copied()));
                let near = near.map_or(String::new(), |near| format!("; did you mean {near}?"));
                return Err(usage(format!("--{name} takes {}, got {value:?}{near}", words.join(" or "))));
            }
            if matches!(flag.takes, Takes::File | Takes::Folder) && value.is_empty() {
                let what = if matches!(flag.takes, Takes::File) { "file" } else { "folder" };
                return Err(usage(format!("--{name} takes a {what}, got an empty name")));
            }
            given.flags.push((flag.name, value));
        }
        self.complete(&given)?;
        Ok(Some(given))
    }

    /// An error unless all is there that must be, and no word too many.
    fn complete(&self, given: &Given) -> Result<(), Failure> {
        let least = self.words.iter().filter(|word| word.count == Count::One).count();
        let any = self.words.iter().any(|word| word.count == Count::Any);
        if let Some(missing) = self.words.iter().filter(|word| word.count == Count::One).nth(given.words.len()) {
            return Err(usage(format!("{} is missing: {}", missing.name, missing.does)));
        }
        if let Some(word) = given.words.get(self.words.len().max(least)).filter(|_| !any) {
            return Err(usage(format!("unknown argument {word:?}")));
        }
        match self.flags.iter().find(|flag| flag.needed && !given.has(flag.name)) {
            Some(missing) => Err(usage(format!("{} is missing: {}", missing.shown(), missing.does))),
            None => Ok(()),
        }
    }

    fn unknown(&self, name: &str) -> Failure {
        let names: Vec<String> = self.flags.iter().map(|flag| format!("--{}", flag.name)).collect();
        let near = nearest(name, names.iter().map(String::as_str));
        let near = near.map_or(String::new(), |near| format!(" did you mean {near}?"));
        usage(match names.len() {
            0 => format!("unknown argument {name:?}; there is only --help"),
            _ => format!("unknown argument {name:?};{near} there are {}", names.join(", ")),
        })
    }

    /// The line that begins with `usage:`.
    pub fn usage(&self) -> String {
        let words = self.words.iter().map(|word| match word.count {
            Count::One => format!(" {}", word.name),
            Count::Optional => format!(" [{}]", word.name),
            Count::Any => format!(" [{}]...", word.name),
        });
        let flag = |flag: &Flag| match flag.needed {
            true => format!(" {}", flag.shown()),
            false => format!(" [{}]", flag.shown()),
        };
        let line = format!("usage: retrograd {}{}", self.name, words.collect::<String>());
        let all = line.clone() + &self.flags.iter().map(flag).collect::<String>();
        if self.flags.len() <= 4 && all.chars().count() <= WIDTH {
            return all;
        }
        let needed: String = self.flags.iter().filter(|flag| flag.needed).map(flag).collect();
        format!("{line}{needed} [OPTIONS]")
    }

    /// What `--help` prints.
    pub fn help(&self) -> String {
        let paint = Paint::stdout();
        let title = format!("retrograd {}: {}", self.name, self.does);
        let mut text = format!("{}\n\n{}\n\n", wrapped(&title, 0), self.usage());
        let help = ("--help".to_owned(), "this text");
        let words = self.words.iter().map(|word| (word.name.to_owned(), word.does));
        let flags = self.flags.iter().map(|flag| (flag.shown(), flag.does)).chain([help]);
        let rows: Vec<(String, &str)> = words.chain(flags).collect();
        let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default() + 2;
        for (name, does) in rows {
            let pad = " ".repeat(width - name.chars().count());
            text += &format!("  {}{pad}{}\n", paint.bold(&name), wrapped(does, width + 2));
        }
        if !self.more.is_empty() {
            text += &format!("\n{}\n", wrapped(self.more, 0));
        }
        if !self.examples.is_empty() {
            let lines: Vec<String> = self.examples.iter().map(|line| format!("  retrograd {line}\n")).collect();
            text += &format!("\nexamples:\n{}", lines.concat());
        }
        text.trim_end().to_owned()
    }
}

impl Word {
    /// One file.
    pub const fn file(name: &'static str, does: &'static str) -> Self {
        Self { name, does, takes: Takes::File, count: Count::One }
    }
}

impl Flag {
    const fn new(name: &'static str, value: &'static str, does: &'static str, takes: Takes) -> Self {
        Self { name, value, does, takes, needed: false }
    }
    /// A flag without a value.
    pub const fn switch(name: &'static str, does: &'static str) -> Self {
        Self::new(name, "", does, Takes::Nothing)
    }
    /// A number or a text.
    pub const fn text(name: &'static str, value: &'static str, does: &'static str) -> Self {
        Self::new(name, value, does, Takes::Text)
    }
    /// A file.
    pub const fn file(name: &'static str, value: &'static str, does: &'static str) -> Self {
        Self::new(name, value, does, Takes::File)
    }
    /// A folder.
    pub const fn folder(name: &'static str, does: &'static str) -> Self {
        Self::new(name, "DIR", does, Takes::Folder)
    }
    /// One of a few words.
    pub const fn one_of(name: &'static str, words: &'static [&'static str], does: &'static str) -> Self {
        Self::new(name, "", does, Takes::OneOf(words))
    }
    /// The same flag, which must be there.
    pub const fn needed(self) -> Self {
        Self { needed: true, ..self }
    }

    /// The flag with its value, as help shows it.
    fn shown(&self) -> String {
        match self.takes {
            Takes::Nothing => format!("--{}", self.name),
            Takes::OneOf(words) if self.value.is_empty() => format!("--{} {}", self.name, words.join("|")),
            _ => format!("--{} {}", self.name, self.value),
        }
    }
}

impl Given {
    /// Whether the flag is there.
    pub fn has(&self, flag: &str) -> bool {
        self.value(flag).is_some()
    }

    /// The value of a flag, the last where it is given twice.
    pub fn value(&self, flag: &str) -> Option<&OsStr> {
        self.flags.iter().rev().find(|(name, _)| *name == flag).map(|(_, value)| value.as_os_str())
    }

    /// The same as a path.
    pub fn path(&self, flag: &str) -> Option<PathBuf> {
        self.value(flag).map(PathBuf::from)
    }

    /// The same as text.
    pub fn text(&self, flag: &str) -> Result<Option<&str>, Failure> {
        let text = |value: &'_ OsStr| usage(format!("--{flag} takes text of UTF-8, got {value:?}"));
        self.value(flag).map(|value| value.to_str().ok_or_else(|| text(value))).transpose()
    }

    /// The values of a flag that may be given several times.
    pub fn all(&self, flag: &str) -> Result<Vec<&str>, Failure> {
        let values = self.flags.iter().filter(|(name, _)| *name == flag);
        let text = |(_, value): &'_ (&str, OsString)| usage(format!("--{flag} takes text of UTF-8, got {value:?}"));
        values.map(|flag| flag.1.to_str().ok_or_else(|| text(flag))).collect()
    }

    /// The value of a flag as a number, or what else can be read; an error unless it is what is expected.
    pub fn number<T: FromStr>(
        &self,
        flag: &str,
        expected: &str,
        fits: impl Fn(&T) -> bool,
    ) -> Result<Option<T>, Failure> {
        let Some(text) = self.value(flag) else { return Ok(None) };
        let number = text.to_str().and_then(|text| text.parse().ok()).filter(fits);
        number.map(Some).ok_or_else(|| usage(format!("--{flag} takes {expected}, got {text:?}")))
    }

    /// A word that must be there.
    pub fn path_of_word(&self, at: usize) -> PathBuf {
        PathBuf::from(&self.words[at])
    }
}

/// An error of the arguments.
pub(crate) fn usage(message: impl Into<String>) -> Failure {
    Failure::Usage(message.into())
}

/// An error of the work.
pub(crate) fn failed(message: impl Into<String>) -> Failure {
    Failure::Work(message.into())
}

/// A line on standard output. Where nobody reads on, as behind `head`, the program ends; where it cannot be written, with an error.
pub(crate) fn say(line: &str) {
    say_or(line, 0);
}

/// The same, with the exit code where nobody reads on: a verdict is one whoever reads it.
pub(crate) fn say_or(line: &str, code: i32) {
    let mut out = std::io::stdout().lock();
    let Err(error) = writeln!(out, "{line}").and_then(|()| out.flush()) else { return };
    if error.kind() == std::io::ErrorKind::BrokenPipe {
        std::process::exit(code);
    }
    eprintln!("error: standard output cannot be written to: {error}");
    std::process::exit(1);
}

/// The text in a file of this name, or on standard output without one.
pub(crate) fn write_or_say(path: Option<PathBuf>, text: &str) -> Result<(), Failure> {
    match path {
        None => {
            say(text.trim_end_matches('\n'));
            Ok(())
        }
        Some(path) => {
            std::fs::write(&path, text).map_err(|error| failed(format!("{}: {error}", path.display())))?;
            eprintln!("written to {}", path.display());
            Ok(())
        }
    }
}

/// The known word that is most like this one, if any is like it.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let most = (word.chars().count() / 3).max(1);
    let near = known.map(|known| (distance(word, known), known));
    // A word that was cut short is like the one that it begins.
    let near = near.map(|(far, known)| (if word.len() > 2 && known.starts_with(word) { 1 } else { far }, known));
    near.filter(|(far, _)| *far <= most).min_by_key(|(far, _)| *far).map(|(_, known)| known)
}

/// How many letters must be put in, left out, changed, or exchanged with the next one.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            table[i][j] = match (i, j) {
                (0, n) | (n, 0) => n,
                _ => {
                    let change = table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                    let least = change.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1);
                    let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                    if swapped { least.min(table[i - 2][j - 2] + 1) } else { least }
                }
            };
        }
    }
    table[a.len()][b.len()]
}

fn is_one_dash(word: &[u8]) -> bool {
    word.len() > 1 && word[0] == b'-' && word[1] != b'-'
}

/// The text in lines, of which all but the first begin with so many blanks.
pub(crate) fn wrapped(text: &str, indent: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always one");
        if !line.is_empty() && indent + line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(word.to_owned());
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.join(&format!("\n{}", " ".repeat(indent)))
}

/// Colours, where they are seen.
#[derive(Clone, Copy)]
pub(crate) struct Paint {
    on: bool,
}

impl Paint {
    fn new(terminal: bool) -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { on: terminal && !dumb && !set("NO_COLOR") }
    }

    /// For standard output.
    pub fn stdout() -> Self {
        Self::new(std::io::stdout().is_terminal())
    }

    /// For standard error.
    pub fn stderr() -> Self {
        Self::new(std::io::stderr().is_terminal())
    }

    fn dressed(self, code: &str, text: &str) -> String {
        if self.on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// What stands out.
    pub fn bold(self, text: &str) -> String {
        self.dressed("1", text)
    }

    /// What is wrong.
    pub fn red(self, text: &str) -> String {
        self.dressed("31", text)
    }

    /// What is right.
    pub fn green(self, text: &str) -> String {
        self.dressed("32", text)
    }

    /// What is undecided.
    pub fn yellow(self, text: &str) -> String {
        self.dressed("33", text)
    }
}
