//! What the commands on formulas share: an expression or a file of statements, and values of names, become a graph.

use super::command::{Count, Failure, Flag, Given, Takes, Word, failed, usage};
use retrograd::graph::Graph;
use retrograd::text::{Module, Options};
use retrograd::{Tape, Tensor, Var};
use serde_json::{Value as Json, json};
use std::io::Read;

/// The words of such a command.
pub(crate) const WORDS: &[Word] = &[
    Word {
        name: "EXPRESSION",
        does: "a formula as in NumPy, such as 'x**2 * sin(y)'; left out with --file",
        takes: Takes::Formula,
        count: Count::Optional,
    },
    Word {
        name: "NAME=VALUE",
        does: "a variable: a number, a nested list, or what else a formula without names can say",
        takes: Takes::Formula,
        count: Count::Any,
    },
];

/// `--file`, of such a command.
pub(crate) const FILE: Flag =
    Flag::file("file", "FILE", "statements instead of the expression, - for standard input; the last is the value");

/// `--by`, of such a command.
pub(crate) const BY: Flag =
    Flag::text("by", "NAME", "takes a name that the statements assign for a variable; may be given again");

/// What is said of files in help texts.
pub(crate) const MORE: &str =
    "A file holds statements of Python with NumPy; without NAME=VALUE, names that it assigns are data.";

/// What a file may do: it opens what it names, from where the program runs.
pub(crate) fn options() -> Options {
    Options { loader: Some(retrograd::store::loader("")), ..Options::default() }
}

/// A parsed text, and the variables with their values.
pub(crate) struct Formula {
    pub module: Module,
    pub variables: Vec<(String, Tensor<f64>)>,
}

/// What becomes of a name that is read and not given.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Free {
    /// It is an error.
    Refused,
    /// It stands for a number, and that is said: what is asked for does not depend on which.
    Number,
}

impl Formula {
    /// What the arguments say.
    pub fn of(given: &Given, free: Free) -> Result<Self, Failure> {
        let texts = given
            .words
            .iter()
            .map(|word| word.to_str().ok_or_else(|| usage(format!("an argument is no text of UTF-8: {word:?}"))));
        let texts: Vec<&str> = texts.collect::<Result<_, _>>()?;
        let (text, values) = match (given.path("file"), texts.split_first()) {
            (Some(path), _) => {
                if let Some(word) = texts.iter().find(|word| split(word).is_none()) {
                    return Err(usage(format!("with --file there are only NAME=VALUE besides, got {word:?}")));
                }
                (read(&path)?, &texts[..])
            }
            (None, Some((expression, values))) => ((*expression).to_owned(), values),
            (None, None) => {
                return Err(usage("EXPRESSION is missing: a formula such as 'x**2 * sin(y)', or --file FILE"));
            }
        };
        let module = Module::parse(&text).map_err(|fault| usage(fault.to_string()))?;
        let mut variables: Vec<(String, Tensor<f64>)> = Vec::new();
        for word in values {
            let (name, value) = split(word).ok_or_else(|| usage(format!("a variable is NAME=VALUE, got {word:?}")))?;
            if variables.iter().any(|(known, _)| known == name) {
                return Err(usage(format!("{name} is given twice")));
            }
            variables.push((name.to_owned(), parsed(name, value)?));
        }
        for name in given.all("by")? {
            if variables.iter().any(|(known, _)| known == name) {
                return Err(usage(format!(
                    "--by {name}: {name} has a value already; --by is for names that the text assigns"
                )));
            }
            let value = assigned(&module, &variables, name)?;
            variables.push((name.to_owned(), value));
        }
        let missing: Vec<String> =
            module.inputs().into_iter().filter(|name| !variables.iter().any(|(known, _)| known == name)).collect();
        if !missing.is_empty() {
            if free == Free::Refused {
                let like = missing.iter().map(|name| format!("{name}=1.5")).collect::<Vec<_>>().join(" ");
                let fault = module.run_with(&variables, &options()).err();
                let fault = fault.map_or(String::new(), |fault| format!("\n{fault}"));
                return Err(usage(format!("no value for {}: give it as in {like}{fault}", missing.join(", "))));
            }
            eprintln!("no value for {}: taken for numbers, 1 each", missing.join(", "));
            variables.extend(missing.into_iter().map(|name| (name, Tensor::scalar(1.0))));
        }
        if variables.is_empty() {
            return Err(usage(
                "there is no variable: give a name its value (x=3), or say with --by which name of the file is one",
            ));
        }
        Ok(Self { module, variables })
    }

    /// The value on a tape, with the variables. What the text gives no name is called f.
    pub fn record<'t>(&self, tape: &'t Tape<f64>) -> Result<Recorded<'t>, Failure> {
        let recorded = self.module.record(tape, &self.variables, &options()).map_err(|fault| match fault.line() {
            // What is wrong with the whole is wrong with what was given.
            0 => usage(fault.to_string()),
            _ => failed(fault.to_string()),
        })?;
        let output = recorded.output;
        if output.is_constant() || !Graph::of(output).nodes().iter().any(|node| node.is_input()) {
            let names: Vec<&str> = self.variables.iter().map(|(name, _)| &name[..]).collect();
            return Err(failed(format!("the value does not depend on {}", names.join(", "))));
        }
        let graph = Graph::of(output);
        let output = match graph.output().name() {
            None if graph.named("f").is_none() => output.named("f"),
            _ => output,
        };
        Ok(Recorded { output, variables: recorded.variables })
    }
}

/// A formula on a tape.
pub(crate) struct Recorded<'t> {
    pub output: Var<'t, f64>,
    pub variables: Vec<(String, Var<'t, f64>)>,
}

/// The text of a file, or of standard input.
pub(crate) fn read(path: &std::path::Path) -> Result<String, Failure> {
    let mut text = String::new();
    if path.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text).map_err(|error| failed(format!("standard input: {error}")))?;
        return Ok(text);
    }
    std::fs::read_to_string(path).map_err(|error| failed(format!("{}: {error}", path.display())))
}

/// A name and what stands behind its `=`.
fn split(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let name = name.trim();
    let letter = |c: char| c == '_' || c.is_alphabetic();
    let is_name = name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_numeric());
    (is_name && !value.starts_with('=')).then_some((name, value))
}

/// A value as it is written: a number, a list of lists, or a formula of those.
fn parsed(name: &str, value: &str) -> Result<Tensor<f64>, Failure> {
    let wrong = |why: String| usage(format!("{name}={value}: {why}"));
    let module = Module::parse(value).map_err(|fault| wrong(format!("expected a number or a nested list\n{fault}")))?;
    let scope = module.run(&options()).map_err(|fault| wrong(fault.to_string()))?;
    match scope.output() {
        Some((tensor, _)) => Ok(tensor.clone()),
        None => Err(wrong("expected a number or a nested list of numbers in rows of one length".to_owned())),
    }
}

/// The value that the text assigns to this name, once.
fn assigned(module: &Module, variables: &[(String, Tensor<f64>)], name: &str) -> Result<Tensor<f64>, Failure> {
    let run = |variables: &[(String, Tensor<f64>)]| -> Result<(Tensor<f64>, Tensor<f64>), Failure> {
        let tape = Tape::new();
        let recorded = module.record(&tape, variables, &options())?;
        let own = recorded.variables.last().map(|(_, var)| var.value());
        Ok((recorded.output.value(), own.unwrap_or_else(|| Tensor::scalar(0.0))))
    };
    let scope = module.run_with(variables, &options())?;
    let Some(value) = scope.get(name) else {
        return Err(usage(format!("--by {name}: the text assigns no number or array of this name")));
    };
    // A name that is assigned anew has another value at first, with which all would come out differently.
    let with: Vec<_> = variables.iter().cloned().chain([(name.to_owned(), value.clone())]).collect();
    if bits(&run(variables)?.0) != bits(&run(&with)?.0) {
        return Err(usage(format!(
            "--by {name}: {name} is assigned more than once; give the first value, as in {name}=1.5"
        )));
    }
    Ok(value)
}

fn bits(tensor: &Tensor<f64>) -> Vec<u64> {
    tensor.iter().map(|x| x.to_bits()).collect()
}

/// Numbers as nested lists; a number alone where there are no axes. What is not finite is null.
pub(crate) fn nested(tensor: &Tensor<f64>) -> Json {
    fn list(shape: &[usize], data: &[f64]) -> Json {
        match shape.split_first() {
            None => json!(data[0]),
            Some((0, _)) => json!([]),
            Some((n, rest)) => Json::Array(data.chunks((data.len() / n).max(1)).map(|part| list(rest, part)).collect()),
        }
    }
    list(&tensor.shape()[..], tensor.as_slice())
}
