//! The protocol: a JSON object a line on standard input, an answer a line on standard output, in order.
//!
//! A line is read more than once: for its head, for how often to run, and then into what the eval takes, which skips everything
//! else at the speed of reading. So numbers go straight into vectors. What does not fit is named by its place in the message.
//! Answers are written as they are, in digits that read back to the same bits; what is not finite is no JSON, and refused.
//!
//! An eval stops where an answer does not carry the id of its message. So the id is looked for by itself, in the bytes of the line,
//! also where the rest is no JSON, and goes back digit by digit.

use super::matrix::Matrix;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::any::Any;
use std::fmt;
use std::io::{self, BufRead, Write};
use std::marker::PhantomData;
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
    often: Often,
}

/// How often a function is to be run: so many times, and for so long.
#[derive(Clone, Copy, Default, Deserialize)]
struct Often {
    min_runs: u64,
    min_seconds: f64,
}

/// A value that is written as an object. Of others an array would do, too, with the members in order.
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = T;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members))
            }
        }
        from.deserialize_map(Members(PhantomData)).map(Self)
    }
}

/// The member of a message that a function takes.
#[derive(Deserialize)]
struct Body<I> {
    input: I,
}

impl Request<'_> {
    /// The input, an object that says how often to run, too. What does not fit is an error that says where.
    pub(crate) fn input<I: DeserializeOwned>(&mut self) -> Result<I, String> {
        self.often = read::<Body<Object<Often>>>(self.line)?.input.0;
        let min_seconds = self.often.min_seconds;
        if min_seconds < 0.0 {
            return Err(format!("input.min_seconds: {min_seconds} is below 0"));
        }
        read::<Body<Object<I>>>(self.line).map(|body| body.input.0)
    }

    /// The input where it is a number.
    pub(crate) fn number(&self) -> Result<f64, String> {
        read::<Body<f64>>(self.line).map(|body| body.input)
    }

    /// Records, compiles and makes room for results, once for all runs; reported beside them.
    pub(crate) fn prepare<T>(&mut self, f: impl FnOnce() -> Result<T, retrograd::Error>) -> Result<T, String> {
        let started = Instant::now();
        let made = f().map_err(|error| error.to_string())?;
        self.timings.push(("prepare", started.elapsed()));
        Ok(made)
    }

    /// Runs as often as the message says.
    pub(crate) fn evaluate(&mut self, mut run: impl FnMut() -> Result<(), retrograd::Error>) -> Result<(), String> {
        let Often { min_runs, min_seconds } = self.often;
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

/// An answer but for its id; what is absent is left out.
#[derive(Default)]
struct Reply {
    tool: Option<&'static str>,
    success: Option<bool>,
    output: Option<Output>,
    error: Option<String>,
    timings: Option<Vec<Timing>>,
}

impl Reply {
    fn refused(error: String) -> Self {
        Self { success: Some(false), error: Some(bounded(error)), ..Self::default() }
    }

    fn write(&self, id: &str, mut to: impl Write) -> io::Result<()> {
        write!(to, "{{\"id\":{id}")?;
        write_member(&mut to, "tool", self.tool.as_ref())?;
        write_member(&mut to, "success", self.success.as_ref())?;
        write_member(&mut to, "output", self.output.as_ref())?;
        write_member(&mut to, "error", self.error.as_ref())?;
        write_member(&mut to, "timings", self.timings.as_ref())?;
        to.write_all(b"}")
    }
}

fn write_member<T: Serialize>(mut to: impl Write, name: &str, value: Option<&T>) -> io::Result<()> {
    let Some(value) = value else { return Ok(()) };
    write!(to, ",\"{name}\":")?;
    Ok(serde_json::to_writer(to, value)?)
}

/// A text of which only the ends are kept where it is long.
fn bounded(text: String) -> String {
    const FIRST: usize = 200;
    const LAST: usize = 90;
    let n = text.chars().count();
    if n <= FIRST + LAST + 5 {
        return text;
    }
    let first: String = text.chars().take(FIRST).collect();
    first + " ... " + &text.chars().skip(n - LAST).collect::<String>()
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
    let found = read::<Object<Head>>(line);
    let id = match (id(line), &found) {
        (Some(digits), _) => digits.to_owned(),
        (None, Ok(Object(head))) => head.id.to_string(),
        (None, Err(_)) => Value::Null.to_string(),
    };
    let reply = match found {
        Ok(Object(head)) => reply(evals, threads, line, &head),
        Err(error) => Reply::refused(error),
    };
    reply.write(&id, to)
}

fn reply(evals: &[Eval], threads: usize, line: &[u8], head: &Head) -> Reply {
    match head.kind.as_str() {
        Some("start") => Reply { tool: Some("retrograd"), ..Reply::default() },
        Some("define") => match eval(evals, &head.module) {
            Ok(_) => Reply { success: Some(true), ..Reply::default() },
            Err(error) => Reply::refused(error),
        },
        Some("evaluate") => {
            let mut request = Request { line, threads, timings: Vec::new(), often: Often::default() };
            let found = function(evals, head).and_then(|function| called(function, &mut request));
            let timing = |(name, time): (_, Duration)| Timing { name, nanoseconds: time.as_nanos() as u64 };
            let timings = Some(request.timings.into_iter().map(timing).collect());
            match found {
                Ok(output) => Reply { success: Some(true), output: Some(output), timings, ..Reply::default() },
                Err(error) => Reply { timings, ..Reply::refused(error) },
            }
        }
        _ => Reply::default(),
    }
}

/// The digits of the first member `id` of an object that is an integer, whatever else there is in the line.
fn id(line: &[u8]) -> Option<&str> {
    let line = line.trim_ascii();
    let (mut depth, mut at) = (0_usize, 0);
    if line.first() != Some(&b'{') {
        return None;
    }
    while let Some(&byte) = line.get(at) {
        at += 1;
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let start = at;
                while let Some(&byte) = line.get(at).filter(|&&byte| byte != b'"') {
                    at += if byte == b'\\' { 2 } else { 1 };
                }
                let text = line.get(start..at);
                at += 1;
                let value = line.get(at..).unwrap_or_default().trim_ascii_start().strip_prefix(b":");
                if let Some(digits) = value.filter(|_| depth == 1 && text == Some(b"id")).and_then(integer) {
                    return Some(digits);
                }
            }
            _ => {}
        }
    }
    None
}

/// The integer that these bytes start with, as JSON writes it.
fn integer(bytes: &[u8]) -> Option<&str> {
    let bytes = bytes.trim_ascii_start();
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let n = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let ends = digits.get(n).is_none_or(|byte| b",} \t\r\n".contains(byte));
    let is_one = ends && (n == 1 || n > 1 && digits[0] != b'0');
    is_one.then(|| str::from_utf8(&bytes[..bytes.len() - digits.len() + n]).ok()).flatten()
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
        let what = in_words(text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what));
        let before: usize =
            line.split_inclusive(|&byte| byte == b'\n').take(error.line().max(1) - 1).map(<[u8]>::len).sum();
        let place = place(&line[..(before + error.column()).min(line.len())]);
        if place.is_empty() { format!("the message: {what}") } else { format!("{place}: {what}") }
    })
}

/// What was expected, in words for those who do not know the types here.
fn in_words(what: &str) -> String {
    let Some((before, expected)) = what.rsplit_once(", expected ") else { return what.to_owned() };
    let expected = match expected {
        "f64" => "a number",
        "usize" | "u64" => "a whole number, 0 or more",
        "i64" => "a whole number",
        "a sequence" => "an array",
        "a boolean" => "true or false",
        _ => expected,
    };
    let before = match before {
        "invalid type: map" => "invalid type: an object".to_owned(),
        "invalid type: sequence" => "invalid type: an array".to_owned(),
        _ => before.replace("invalid type: floating point", "invalid type: number"),
    };
    format!("{before}, expected {expected}")
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
