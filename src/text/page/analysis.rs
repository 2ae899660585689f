//! What there is to say of a text, as one JSON object.
//!
//! | field | what it holds |
//! |---|---|
//! | `error` | null, or what is wrong with the text as one: `message`, `line`, `column` (both null where it is about the whole), `detail` with the line and a caret. Then there are no other fields but `sliders` |
//! | `verdict`, `value`, `loss`, `first_wrong_line`, `statements`, `forward`, `corrected`, `reason` | those of [`Report::to_json`](crate::text::Report::to_json); `verdict` is null where the text has no backward part. A statement has its `last_line`, and the number of the `node` that its gradient is by, if it is one |
//! | `graph` | `svg`, `nodes` (with `index`, `name`, `title`, `formula`, `op`, `line`, `shape`, `value`, `gradient`, `is_input`), `edges` (`from`, `to`); `error` says why there is none |
//! | `steps` | the sweep, in its order: `node`, and `links` with `parent`, `argument`, `local` (the slope; null for ops on whole tensors), `contribution` |
//! | `derivation` | `statements`, each with its `part` (given, forward, backward), `node`, `mathml` and `latex` |
//! | `sliders` | numbers that a slider may move: `name`, `line`, `start` and `end` in the line in units of UTF-16, `text`, `value`, `low`, `high`, `step`, `is_whole` |

use super::explained::{absent, explained};
use super::sliders::sliders;
use crate::graph::Graph;
use crate::tape::Tape;
use crate::text::check::{Drawn, forward_lines, split};
use crate::text::run::Machine;
use crate::text::syntax::{E, Node, Stmt, StmtKind};
use crate::text::{CheckOptions, Fault, Kind, Line, Module, Options, Report, check};
use serde_json::{Value, json};
use std::rc::Rc;

/// What there is to say of a text.
pub fn analysis(text: &str, options: &CheckOptions) -> Value {
    let module = match Module::parse(text) {
        Ok(module) => module,
        Err(fault) => return json!({ "error": error(&fault), "sliders": [] }),
    };
    let split = split(text, &module.body);
    let (forward, backward) = module.body.split_at(split.unwrap_or(module.body.len()));
    let sliders = sliders(text, &module.body, backward.first().map(|stmt| stmt.line));
    let said = if backward.is_empty() {
        unjudged(&module, forward, &options.run, None)
    } else {
        match check(text, options) {
            Ok(report) => Ok(judged(&report, text, &module.body)),
            // What is wrong is no statement's: the forward part is there to see all the same.
            Err(fault) if fault.line() == 0 => {
                // Where that was for want of time there is none left; steps and elements bound it, too.
                let run = Options { stop: None, ..options.run.clone() };
                unjudged(&module, forward, &run, Some(fault.message())).map_err(|_| fault)
            }
            Err(fault) => Err(fault),
        }
    };
    let mut said = said.unwrap_or_else(|fault| json!({ "error": error(&fault) }));
    said["sliders"] = sliders;
    said
}

/// What the check has found, with the graph.
fn judged(report: &Report, text: &str, body: &[Stmt]) -> Value {
    let mut said = report.to_json();
    said["error"] = Value::Null;
    if let Some(statements) = said["statements"].as_array_mut() {
        for statement in statements {
            let line = statement["line"].as_u64().unwrap_or_default() as usize;
            statement["last_line"] = last_line(body, line, text).into();
        }
    }
    for (name, value) in report.drawn.as_ref().map(explained).unwrap_or_default() {
        said[name] = value;
    }
    said
}

fn error(fault: &Fault) -> Value {
    let place = |at: usize| (at > 0).then_some(at);
    json!({ "message": fault.message(), "line": place(fault.line()), "column": place(fault.column()), "detail": fault.to_string() })
}

/// The line in which a statement ends that begins in this one.
fn last_line(body: &[Stmt], line: usize, text: &str) -> usize {
    let lines =
        |stmt: &Stmt| text.get(stmt.span.start..stmt.span.end).map_or(0, |part| part.trim_end().matches('\n').count());
    for stmt in body {
        match &stmt.kind {
            StmtKind::For(_, _, inside) if stmt.line < line => {
                let found = last_line(inside, line, text);
                if found > line {
                    return found;
                }
            }
            StmtKind::If(_, then, otherwise) if stmt.line < line => {
                let found = last_line(then, line, text).max(last_line(otherwise, line, text));
                if found > line {
                    return found;
                }
            }
            StmtKind::Def(def) if stmt.line < line => {
                let found = last_line(&def.body, line, text);
                if found > line {
                    return found;
                }
            }
            StmtKind::For(..) | StmtKind::If(..) | StmtKind::Def(_) => {}
            _ if stmt.line == line => return line + lines(stmt),
            _ => {}
        }
    }
    line
}

/// A forward part alone: its values and its graph, by all numbers and arrays that it begins with.
fn unjudged(module: &Module, forward: &[Stmt], options: &Options, reason: Option<&str>) -> Result<Value, Fault> {
    let tape = Tape::new();
    let mut machine = Machine::new(Some(&tape), options);
    machine.active = givens(forward, options).map_err(|fault| fault.in_text(&module.text))?.into_iter().collect();
    machine.run(forward).map_err(|fault| fault.in_text(&module.text))?;
    let last = machine.last.take().ok_or_else(|| Fault::of_all("there is no statement yet that computes something"))?;
    let output = machine.operand(&last).map_err(|error| Fault::of_all(format!("the last statement: {error}")))?;
    let output = output.data.var(&tape);
    let lines: Vec<Value> = forward_lines(forward, &machine).iter().map(Line::to_json).collect();
    let mut said = json!({
        "error": null, "verdict": null, "value": (output.rank() == 0).then(|| output.item()), "loss": null, "reason": reason,
        "first_wrong_line": null, "corrected": null, "statements": [], "forward": lines,
    });
    let parts = if output.is_constant() {
        absent("nothing here depends on a number or an array that could be moved")
    } else if output.rank() != 0 {
        let shape = output.shape();
        absent(&format!(
            "the last statement has the shape {shape}; a sweep begins at a number: take its sum or its mean"
        ))
    } else {
        explained(&Drawn::new(Graph::of(output), &machine, forward))
    };
    for (name, value) in parts {
        said[name] = value;
    }
    Ok(said)
}

/// The names that begin with numbers or arrays, and nothing of the text's own: those with a fraction, as whole numbers mostly count; where
/// there are none of these, all.
fn givens(forward: &[Stmt], options: &Options) -> Result<Vec<Rc<str>>, Fault> {
    let mut machine = Machine::new(None, options);
    machine.run(forward)?;
    let kind = |name: &str| Some(machine.operand(&machine.look_up(name)?).ok()?.kind);
    let mut found: Vec<Rc<str>> = Vec::new();
    for stmt in forward {
        if let StmtKind::Assign(targets, value) = &stmt.kind
            && let [target] = &targets[..]
            && let Node::Name(name) = &target.node
            && is_constant(value)
            && matches!(kind(name), Some(Kind::Float | Kind::Int))
            && !found.contains(name)
        {
            found.push(name.clone());
        }
    }
    if found.iter().any(|name| kind(name) == Some(Kind::Float)) {
        found.retain(|name| kind(name) == Some(Kind::Float));
    }
    Ok(found)
}

/// Numbers, lists of them, and functions of both.
fn is_constant(value: &E) -> bool {
    let mut yes = true;
    value.walk(&mut |part| {
        if let Node::Name(name) = &part.node {
            yes &= ["np", "numpy", "math"].contains(&&**name) || crate::text::functions::bare(name).is_some();
        }
    });
    yes
}
