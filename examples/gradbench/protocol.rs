//! The protocol: a JSON object a line on standard input, an answer a line on standard output, in order.
//!
//! A line is read more than once: for its head, for how often to run, and then into what the eval takes, which skips everything
//! else at the speed of reading. So numbers go straight into vectors. What does not fit is named by its place in the message.
//! Answers are written as they are, in digits that read back to the same bits; what is not finite is no JSON, and refused.

use super::matrix::Matrix;
use serde::de::DeserializeOwned;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use std::any::Any;
use std::io::{self, BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// An eval: its name, and its functions by theirs.
pub(crate) struct Eval {
    pub(crate) name: &'static str,
    pub(crate) functions: &'static [(&'static str, Answer)],
}

/// A function of an eval.
pub(crate) type Answer = fn(&mut Request<'_>) -> Result<Output, String>;

/// What a function answers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Output {
    Number(f64),
    Count(u64),
    Vector(Vec<f64>),
    Counts(Vec<u64>),
    Rows(Matrix),
    Object(Vec<(&'static str, Output)>),
}

impl Output {
    /// Where there is a number that is not finite, and that number.
    fn not_finite(&self) -> Option<(String, f64)> {
        let among = |x: &[f64]| x.iter().position(|x| !x.is_finite()).map(|i| (i, x[i]));
        match self {
            Output::Count(_) | Output::Counts(_) => None,
            Output::Number(x) => (!x.is_finite()).then_some((String::new(), *x)),
            Output::Vector(x) => among(x).map(|(i, x)| (format!("[{i}]"), x)),
            Output::Rows(x) => {
                among(&x.values).map(|(i, value)| (format!("[{}][{}]", i / x.columns, i % x.columns), value))
            }
            Output::Object(members) => members.iter().find_map(|(name, output)| {
                let (place, x) = output.not_finite()?;
                Some((format!(".{name}{place}"), x))
            }),
        }
    }
}

impl Serialize for Output {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Output::Number(x) => to.serialize_f64(*x),
            Output::Count(n) => to.serialize_u64(*n),
            Output::Vector(x) => x.serialize(to),
            Output::Counts(n) => n.serialize(to),
            Output::Rows(x) => x.serialize(to),
            Output::Object(members) => {
                let mut map = to.serialize_map(Some(members.len()))?;
                for (name, output) in members {
                    map.serialize_entry(name, output)?;
                }
                map.end()
            }
        }
    }
}

/// A message that asks for a function, and what has been timed for it.
pub(crate) struct Request<'a> {
    line: &'a [u8],
    /// How many threads the engine may use.
    pub(crate) threads: usize,
    timings: Vec<(&'static str, Duration)>,
}

/// How often a function is to be run.
#[derive(Deserialize)]
struct Often {
    min_runs: u64,
    min_seconds: f64,
}

/// The member of a message that a function takes.
#[derive(Deserialize)]
struct Body<I> {
    input: I,
}

impl Request<'_> {
    /// The input. What does not fit is an error that says where.
    pub(crate) fn input<I: DeserializeOwned>(&self) -> Result<I, String> {
        read::<Body<I>>(self.line).map(|body| body.input)
    }

    /// Records and compiles, once for all runs; reported beside them.
    pub(crate) fn prepare<T>(&mut self, f: impl FnOnce() -> Result<T, retrograd::Error>) -> Result<T, String> {
        let started = Instant::now();
        let made = f().map_err(|error| error.to_string())?;
        self.timings.push(("prepare", started.elapsed()));
        Ok(made)
    }

    /// Runs as often as the message says.
    pub(crate) fn evaluate(&mut self, mut run: impl FnMut() -> Result<(), retrograd::Error>) -> Result<(), String> {
        let Often { min_runs, min_seconds } = self.input()?;
        if min_seconds < 0.0 {
            return Err(format!("input.min_seconds: {min_seconds} is below 0"));
        }
        let (mut runs, mut total) = (0, Duration::ZERO);
        while runs < min_runs.max(1) || total.as_secs_f64() < min_seconds {
            let took = self.once(&mut run)?;
            (runs, total) = (runs + 1, total + took);
        }
        Ok(())
    }

    /// Runs once, whatever the message says.
    pub(crate) fn once(&mut self, run: impl FnOnce() -> Result<(), retrograd::Error>) -> Result<Duration, String> {
        let started = Instant::now();
        let done = run();
        let took = started.elapsed();
        done.map_err(|error| error.to_string())?;
        self.timings.push(("evaluate", took));
        Ok(took)
    }
}

/// What every message has.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    kind: Value,
    #[serde(default)]
    module: Value,
    #[serde(default)]
    function: Value,
}

/// An answer; what is absent is left out.
#[derive(Serialize)]
struct Reply<'a> {
    id: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    success: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Output>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timings: Option<Vec<Timing>>,
}

#[derive(Serialize)]
struct Timing {
    name: &'static str,
    nanoseconds: u64,
}

/// Answers every line until there is none left.
pub(crate) fn serve(evals: &[Eval], threads: usize, mut from: impl BufRead, mut to: impl Write) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if from.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        if !line.trim_ascii().is_empty() {
            answer(evals, threads, &line, &mut to)?;
            to.write_all(b"\n")?;
            to.flush()?;
        }
    }
}

fn answer(evals: &[Eval], threads: usize, line: &[u8], to: impl Write) -> io::Result<()> {
    let nothing = Reply { id: &Value::Null, tool: None, success: None, output: None, error: None, timings: None };
    let head = match read::<Head>(line) {
        Ok(head) => head,
        Err(error) => {
            let reply = Reply { success: Some(false), error: Some(error), ..nothing };
            return Ok(serde_json::to_writer(to, &reply)?);
        }
    };
    let id = &head.id;
    let reply = match head.kind.as_str() {
        Some("start") => Reply { id, tool: Some("retrograd"), ..nothing },
        Some("define") => match eval(evals, &head.module) {
            Ok(_) => Reply { id, success: Some(true), ..nothing },
            Err(error) => Reply { id, success: Some(false), error: Some(error), ..nothing },
        },
        Some("evaluate") => {
            let mut request = Request { line, threads, timings: Vec::new() };
            let found = function(evals, &head).and_then(|function| called(function, &mut request));
            let timing = |(name, time): (_, Duration)| Timing { name, nanoseconds: time.as_nanos() as u64 };
            let timings = Some(request.timings.into_iter().map(timing).collect());
            match found {
                Ok(output) => Reply { id, success: Some(true), output: Some(output), timings, ..nothing },
                Err(error) => Reply { id, success: Some(false), error: Some(error), timings, ..nothing },
            }
        }
        _ => Reply { id, ..nothing },
    };
    Ok(serde_json::to_writer(to, &reply)?)
}

fn eval<'a>(evals: &'a [Eval], module: &Value) -> Result<&'a Eval, String> {
    evals.iter().find(|eval| module == eval.name).ok_or_else(|| {
        let names: Vec<_> = evals.iter().map(|eval| eval.name).collect();
        format!("there is no module {module}; there are {}", names.join(", "))
    })
}

fn function(evals: &[Eval], head: &Head) -> Result<Answer, String> {
    let eval = eval(evals, &head.module)?;
    let found = eval.functions.iter().find(|(name, _)| head.function == *name);
    found.map(|&(_, function)| function).ok_or_else(|| {
        let names: Vec<_> = eval.functions.iter().map(|&(name, _)| name).collect();
        format!("{} has no function {}; it has {}", eval.name, head.function, names.join(", "))
    })
}

/// Calls a function; what is not finite in its output is an error, and so is a panic.
fn called(function: Answer, request: &mut Request<'_>) -> Result<Output, String> {
    let output = catch_unwind(AssertUnwindSafe(|| function(request))).map_err(|panic| said(panic.as_ref()))??;
    match output.not_finite() {
        Some((place, x)) => Err(format!("output{place} is {x}, which JSON has no number for")),
        None => Ok(output),
    }
}

/// What a panic says.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").to_owned()
}

/// Reads a value, and says where it does not fit.
fn read<T: DeserializeOwned>(line: &[u8]) -> Result<T, String> {
    serde_json::from_slice(line).map_err(|error| {
        let text = error.to_string();
        let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
        let before: usize =
            line.split_inclusive(|&byte| byte == b'\n').take(error.line().max(1) - 1).map(<[u8]>::len).sum();
        let place = place(&line[..(before + error.column()).min(line.len())]);
        if place.is_empty() { format!("the message: {what}") } else { format!("{place}: {what}") }
    })
}

/// Where in a JSON value its first bytes end, as `input.x[3]`.
fn place(start: &[u8]) -> String {
    /// An open array with the number of the member at hand, or an object with its name.
    enum Open {
        Array(usize),
        Object(String),
    }
    let mut open: Vec<Open> = Vec::new();
    let mut last_text = String::new();
    let mut bytes = start.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => {
                let mut text = Vec::new();
                while let Some(byte) = bytes.next().filter(|&byte| byte != b'"') {
                    text.push(byte);
                    text.extend((byte == b'\\').then(|| bytes.next()).flatten());
                }
                last_text = String::from_utf8_lossy(&text).into_owned();
            }
            b':' => {
                if let Some(Open::Object(name)) = open.last_mut() {
                    name.clone_from(&last_text);
                }
            }
            b',' => {
                if let Some(Open::Array(i)) = open.last_mut() {
                    *i += 1;
                }
            }
            b'[' => open.push(Open::Array(0)),
            b'{' => open.push(Open::Object(String::new())),
            b']' | b'}' if bytes.len() > 0 => drop(open.pop()),
            // What closes last is what an error is about: all of it, where a member is missing.
            b'}' => {
                if let Some(Open::Object(name)) = open.last_mut() {
                    name.clear();
                }
            }
            _ => {}
        }
    }
    let mut place = String::new();
    for (i, open) in open.iter().enumerate() {
        match open {
            Open::Array(at) => place += &format!("[{at}]"),
            Open::Object(name) if i == 0 || name.is_empty() => place += name,
            Open::Object(name) => place += &format!(".{name}"),
        }
    }
    place
}
