//! The language beside Python: a corpus of small programs, and the variables that each leaves behind.
//!
//! A file in `corpus` holds programs, separated by lines `# ---`. Those in `values` run here and give what Python gives; those in `either`
//! give that or are an error; those in `errors` fail in Python and here, in the same line; those in `outside` are Python that is no part
//! of the language. What Python gives stands in `expected.json`, written by `run_in_python.py`; with RETROGRAD_PYTHON set to an interpreter
//! that has NumPy, it is asked again:
//!
//! ```text
//! python3 tests/text/run_in_python.py --write examples/python tests/text/corpus/{values,either,errors}/*.py
//! ```

use retrograd::serde_json::{self, Value as Json, json};
use retrograd::text::{Content, Kind, Module, Options};
use std::path::{Path, PathBuf};

/// Floating-point numbers may differ by so much of their size: sums are taken in another order.
const TOLERANCE: f64 = 1e-12;

/// A program, and what Python gave.
struct Program {
    name: String,
    text: String,
    expected: Json,
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/text")
}

/// The files of a folder of the corpus.
fn files(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(here().join("corpus").join(folder)).unwrap();
    let mut all: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

fn expected() -> Json {
    serde_json::from_str(&std::fs::read_to_string(here().join("expected.json")).unwrap()).unwrap()
}

/// Each program of a folder.
fn programs(folder: &str) -> Vec<Program> {
    let expected = expected();
    let mut all = Vec::new();
    for path in files(folder) {
        let name = format!("{folder}/{}", path.file_name().unwrap().to_string_lossy());
        let text = std::fs::read_to_string(&path).unwrap();
        let texts: Vec<&str> = text.split("\n# ---\n").collect();
        // What is outside the language was not run.
        let stored = expected[&name].as_array().map_or(0, Vec::len);
        assert!(stored == texts.len() || folder == "outside", "{name} has changed: run_in_python.py --write");
        for (index, text) in texts.iter().enumerate() {
            let (expected, name) = (expected[&name][index].clone(), format!("{name}, program {}", index + 1));
            all.push(Program { name, text: (*text).to_owned(), expected });
        }
    }
    all
}

/// The variables that a program leaves, as `run_in_python.py` prints them.
fn run(text: &str) -> retrograd::Result<Json> {
    let scope = Module::parse(text)?.run(&Options::default())?;
    let mut all = serde_json::Map::new();
    for (name, content) in scope.names().iter().filter(|(name, _)| !name.starts_with('_')) {
        if let Some(json) = shown(content) {
            all.insert(name.to_owned(), json);
        }
    }
    Ok(Json::Object(all))
}

/// None for a function and a range.
fn shown(content: &Content) -> Option<Json> {
    Some(match content {
        Content::Array(tensor, kind) => {
            let number = |x: f64| match kind {
                Kind::Float if x.is_nan() => json!("NaN"),
                Kind::Float if x.is_infinite() => json!(x.to_string()),
                Kind::Float => json!(x),
                Kind::Int => json!(x as i64),
                Kind::Bool => json!(x != 0.0),
            };
            let kind = match kind {
                Kind::Float => "f",
                Kind::Int => "i",
                Kind::Bool => "b",
            };
            json!({ "kind": kind, "shape": tensor.shape().to_vec(), "data": tensor.iter().map(|&x| number(x)).collect::<Vec<_>>() })
        }
        Content::List(all) => json!({ "list": all.iter().map(shown).collect::<Option<Vec<_>>>()? }),
        Content::Text(text) => json!({ "text": text }),
        Content::Other(what) if what.contains("None") => Json::Null,
        Content::Other(what) => {
            assert!(["function", "range"].iter().any(|word| what.contains(word)), "{what} has no value to show");
            return None;
        }
    })
}

/// How the variables of two runs differ.
fn difference(expected: &Json, found: &Json) -> Option<String> {
    let (expected, found) = (expected.as_object()?, found.as_object()?);
    let missing = expected.keys().find(|&name| !found.contains_key(name)).map(|name| format!("{name} is missing"));
    let extra =
        found.keys().find(|&name| !expected.contains_key(name)).map(|name| format!("{name} is not there in Python"));
    let differs = |(name, expected): (&String, &Json)| {
        let found = &found[name];
        (!is_same(expected, found)).then(|| format!("{name} is {expected} in Python and {found} here"))
    };
    missing.or(extra).or_else(|| expected.iter().find_map(differs))
}

fn is_same(expected: &Json, found: &Json) -> bool {
    match (expected, found) {
        // A tuple is shown as a list.
        (Json::Object(a), Json::Object(b)) if a.contains_key("tuple") => {
            b.get("tuple").or(b.get("list")).is_some_and(|list| is_same(&a["tuple"], list))
        }
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| is_same(a, b)))
        }
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b)),
        (Json::Number(a), Json::Number(b)) if a.is_f64() || b.is_f64() => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            a == b && a.is_sign_negative() == b.is_sign_negative() || (a - b).abs() <= TOLERANCE * a.abs().max(1e-3)
        }
        _ => expected == found,
    }
}

/// Fails with all that is said, a line each.
fn none(what: &str, said: &[String], of: usize) {
    assert!(said.is_empty(), "{} of {of} programs {what}:\n\n{}", said.len(), said.join("\n\n"));
}

#[test]
fn programs_give_what_python_gives() {
    let all = programs("values");
    let judge = |program: &Program| {
        let said = match run(&program.text) {
            Ok(found) => difference(&program.expected, &found)?,
            Err(error) => error.to_string(),
        };
        Some(format!("{}: {said}", program.name))
    };
    let said: Vec<String> = all.iter().filter_map(judge).collect();
    none("do not give what Python gives", &said, all.len());
}

#[test]
fn what_runs_at_all_gives_what_python_gives() {
    let all = programs("either");
    let judge = |program: &Program| {
        let found = run(&program.text).ok()?;
        Some(format!("{}: {}\n{}", program.name, difference(&program.expected, &found)?, program.text))
    };
    let said: Vec<String> = all.iter().filter_map(judge).collect();
    none("run and do not give what Python gives", &said, all.len());
}

/// The line that an error names, which shows that line with a caret below.
fn line_of(error: &str) -> Option<usize> {
    let rest = error.split_once("line ")?.1;
    let line = rest.split_once(", column ")?.0.parse().ok()?;
    error.lines().last()?.trim_start().starts_with('^').then_some(line)
}

#[test]
fn what_is_an_error_in_python_is_one_here_at_the_same_line() {
    let all = programs("errors");
    let judge = |program: &Program| {
        let said = match run(&program.text) {
            Ok(found) => format!("runs, and gives {found}"),
            Err(error) => {
                let error = error.to_string();
                let lines: Vec<Option<usize>> = program.expected["lines"]
                    .as_array()?
                    .iter()
                    .map(|line| line.as_u64().map(|line| line as usize))
                    .collect();
                // Where a bracket or text never ends, Python points at its beginning.
                let is_syntax = program.expected["exception"] == "SyntaxError";
                let found = line_of(&error);
                if lines.contains(&found) || is_syntax && found.is_some() {
                    return None;
                }
                format!("{} in line {lines:?} in Python, here\n{error}", program.expected["exception"])
            }
        };
        Some(format!("{}: {said}\n{}", program.name, program.text))
    };
    let said: Vec<String> = all.iter().filter_map(judge).collect();
    none("are errors in Python and not here, or elsewhere", &said, all.len());
}

#[test]
fn what_is_outside_the_language_is_an_error_that_shows_the_place() {
    let all = programs("outside");
    let judge = |program: &Program| {
        let said = match run(&program.text) {
            Ok(found) => format!("runs, and gives {found}"),
            Err(error) => match line_of(&error.to_string()) {
                Some(_) => return None,
                None => format!("the error shows no place: {error}"),
            },
        };
        Some(format!("{}: {said}\n{}", program.name, program.text))
    };
    let said: Vec<String> = all.iter().filter_map(judge).collect();
    none("are no errors, or show no place", &said, all.len());
}

/// With RETROGRAD_PYTHON set to an interpreter that has NumPy, as `.ci/run` does, Python is asked again.
#[test]
fn python_gives_what_is_stored() {
    let Ok(python) = std::env::var("RETROGRAD_PYTHON") else {
        println!("RETROGRAD_PYTHON is not set: the corpus was not run in Python");
        return;
    };
    let folders = ["values", "either", "errors"];
    let run = std::process::Command::new(python)
        .arg(here().join("run_in_python.py"))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/python"))
        .args(folders.iter().flat_map(|folder| files(folder)))
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let found: Json = serde_json::from_slice(&run.stdout).unwrap();
    for program in folders.iter().flat_map(|folder| programs(folder)) {
        let (name, index) = program.name.split_once(", program ").unwrap();
        let found = &found[name][index.parse::<usize>().unwrap() - 1];
        assert!(
            is_same(&program.expected, found),
            "{}: {} is stored, Python gives {found}",
            program.name,
            program.expected
        );
    }
}
