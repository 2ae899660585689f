//! `grad`: the value of a formula, its gradient by each variable, and its Hessian.

use super::command::{Command, Flag, Given, JSON, Outcome, Paint, failed, say};
use super::formula::{BY, FILE, Formula, Free, MORE, WORDS, nested, options};
use retrograd::functional::try_hessian;
use retrograd::text::Fault;
use retrograd::{Tape, Tensor, Var};
use serde_json::{Map, Value as Json, json};
use std::cell::RefCell;
use std::process::ExitCode;

/// A Hessian of more variables would have more than 16 million numbers.
const MOST: usize = 4096;

pub(crate) const COMMAND: Command = Command {
    name: "grad",
    does: "the value of a formula, and its gradient by each variable",
    more: MORE,
    words: WORDS,
    flags: &[FILE, BY, Flag::switch("hessian", "the second derivatives, too"), JSON],
    examples: &[
        "grad 'x**2 * sin(y)' x=3 y=0.5",
        "grad 'sum((X @ w - t)**2) / 2' 'X=[[1, 2], [3, 4]]' 'w=[0.5, -1]' 't=[1, 0]' --json",
        "grad --hessian '100 * (y - x**2)**2 + (1 - x)**2' x=-1.2 y=1",
        "grad --file network.py --by W1 --by b1",
    ],
    run: main,
};

fn main(given: &Given) -> Outcome {
    let formula = Formula::of(given, Free::Refused)?;
    let tape = Tape::new();
    let recorded = formula.record(&tape)?;
    let shape = recorded.output.shape();
    if shape.numel() != 1 {
        return Err(failed(format!(
            "the value has shape {shape}, and a gradient is of a number: end with a sum or a mean"
        )));
    }
    let output = if shape.rank() == 0 { recorded.output } else { recorded.output.sum(()) };
    let value = output.item();
    let gradients = output.try_backward()?;
    let gradients: Vec<(&str, Tensor<f64>)> =
        recorded.variables.iter().map(|(name, var)| (&name[..], gradients.wrt(*var))).collect();
    let hessian = if given.has("hessian") { Some(hessian(&formula)?) } else { None };
    if given.has("json") {
        let by_name: Map<String, Json> =
            gradients.iter().map(|(name, gradient)| ((*name).to_owned(), nested(gradient))).collect();
        let mut object = json!({ "value": value, "gradient": by_name });
        if let Some(hessian) = &hessian {
            object["hessian"] = blocks(&formula, hessian);
        }
        say(&format!("{object:#}"));
        return Ok(ExitCode::SUCCESS);
    }
    let paint = Paint::stdout();
    say(&format!("{} {value}", paint.bold("value")));
    for (name, gradient) in &gradients {
        // A matrix stands below its name.
        let gap = if gradient.shape().rank() > 1 { '\n' } else { ' ' };
        say(&format!("{}{gap}{gradient}", paint.bold(&format!("d{name}"))));
    }
    if let Some(hessian) = hessian {
        say(&format!("{} by {}\n{hessian}", paint.bold("hessian"), order(&formula)));
    }
    Ok(ExitCode::SUCCESS)
}

/// In which order the rows and columns of a Hessian are.
fn order(formula: &Formula) -> String {
    let name = |(name, value): &(String, Tensor<f64>)| match value.len() {
        1 => name.clone(),
        n => format!("{name} ({n} numbers)"),
    };
    formula.variables.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// The second derivatives by all numbers of all variables, one behind another.
fn hessian(formula: &Formula) -> Result<Tensor<f64>, super::command::Failure> {
    let point: Vec<f64> = formula.variables.iter().flat_map(|(_, value)| value.to_vec()).collect();
    if point.len() > MOST {
        return Err(failed(format!("--hessian: {} variables; at most {MOST}", point.len())));
    }
    let failure = RefCell::new(None);
    let hessian = try_hessian(|all| function(formula, all, &failure), &Tensor::from(point));
    match failure.into_inner() {
        Some(fault) => Err(fault.into()),
        None => Ok(hessian?),
    }
}

/// The formula of all numbers of all variables, one behind another; where it fails, anything, and why.
fn function<'t>(formula: &Formula, all: Var<'t, f64>, failure: &RefCell<Option<Fault>>) -> Var<'t, f64> {
    let mut from = 0;
    let part = |(name, value): &(String, Tensor<f64>)| {
        let part = all.slice(from..from + value.len()).reshape(value.shape());
        from += value.len();
        (name.clone(), part)
    };
    let variables: Vec<_> = formula.variables.iter().map(part).collect();
    match formula.module.record_vars(all.tape(), &variables, &options()) {
        Ok(recorded) => recorded.output.sum(()),
        Err(fault) => {
            failure.replace(Some(fault));
            all.sum(())
        }
    }
}

/// The Hessian by names: for each two variables an array with the axes of the first and then those of the second.
fn blocks(formula: &Formula, hessian: &Tensor<f64>) -> Json {
    let n = hessian.shape()[0];
    let mut starts = Vec::new();
    let mut from = 0;
    for (_, value) in &formula.variables {
        starts.push(from);
        from += value.len();
    }
    let block = |(row, first): (usize, &(String, Tensor<f64>)), (column, second): (usize, &(String, Tensor<f64>))| {
        let rows = starts[row]..starts[row] + first.1.len();
        let columns = starts[column]..starts[column] + second.1.len();
        let data: Vec<f64> = rows.flat_map(|i| hessian.as_slice()[i * n..][columns.clone()].to_vec()).collect();
        let shape: Vec<usize> = first.1.shape().iter().chain(second.1.shape().iter()).copied().collect();
        nested(&Tensor::new(&shape[..], data).expect("as many numbers as the shapes have"))
    };
    let row = |first: (usize, &(String, Tensor<f64>))| {
        let columns = formula.variables.iter().enumerate();
        let row: Map<String, Json> = columns.map(|second| (second.1.0.clone(), block(first, second))).collect();
        (first.1.0.clone(), Json::Object(row))
    };
    Json::Object(formula.variables.iter().enumerate().map(row).collect())
}
