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
use crate::text::run::Machine;
use crate::text::syntax::{Node, Stmt, StmtKind};
use crate::text::value::Value as Held;
use crate::text::{CheckOptions, Content, Fault, Kind, Module, Options};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::rc::Rc;

/// What there is to say of a text.
pub fn analysis(text: &str, options: &CheckOptions) -> Value {
    let module = match Module::parse(text) {
        Ok(module) => module,
        Err(fault) => return json!({ "error": error(&fault), "sliders": [] }),
    };
    let mut said = unjudged(&module, &options.run).unwrap_or_else(|fault| json!({ "error": error(&fault) }));
    said["sliders"] = sliders(text, &module.body, None);
    said
}

fn error(fault: &Fault) -> Value {
    let place = |at: usize| (at > 0).then_some(at);
    json!({ "message": fault.message(), "line": place(fault.line()), "column": place(fault.column()), "detail": fault.to_string() })
}

/// A text without a backward part: its values and its graph, by all numbers and arrays that it begins with.
fn unjudged(module: &Module, options: &Options) -> Result<Value, Fault> {
    let tape = Tape::new();
    let mut machine = Machine::new(Some(&tape), options);
    machine.active = givens(module, options)?.into_iter().collect();
    machine.run(&module.body).map_err(|fault| fault.in_text(&module.text))?;
    let last = machine.last.take().ok_or_else(|| Fault::of_all("there is no statement yet that computes something"))?;
    let output = machine.operand(&last).map_err(|error| Fault::of_all(format!("the last statement: {error}")))?;
    let mut forward = Vec::new();
    for (line, name) in lines_of_names(&module.body) {
        let held = machine.state.frames[0].get(&name).cloned();
        if let Some(held @ (Held::Number(_) | Held::Array(_))) = held
            && let Ok(x) = machine.operand(&held)
        {
            let x = x.data.value();
            forward.push(json!({ "line": line, "target": &*name, "shape": x.shape().dims(), "value": super::explained::tensor(&x), "note": null }));
        }
    }
    let output = output.data.var(&tape);
    let mut said = json!({
        "error": null, "verdict": null, "value": (output.rank() == 0).then(|| output.item()), "loss": null, "reason": null, "first_wrong_line": null,
        "corrected": null, "statements": [], "forward": forward,
    });
    let parts = if output.is_constant() {
        absent("nothing here depends on a number or an array that could be moved")
    } else if output.rank() != 0 {
        absent(&format!(
            "the last statement has the shape {}; a sweep begins at a number: take its sum or its mean",
            output.shape()
        ))
    } else {
        let graph = Graph::of(output);
        let lines: HashMap<usize, usize> =
            machine.lines.iter().filter_map(|(id, line)| Some((graph.find(*id)?.index(), *line))).collect();
        let names: HashMap<Rc<str>, usize> =
            lines_of_names(&module.body).into_iter().rev().map(|(line, name)| (name, line)).collect();
        let line_of =
            |index: usize| lines.get(&index).copied().or_else(|| names.get(graph.nodes()[index].name()?).copied());
        explained(&graph, line_of)
    };
    for (name, value) in parts {
        said[name] = value;
    }
    Ok(said)
}

/// The names that begin with numbers or arrays, and nothing of the text's own: those with a fraction, as whole numbers mostly count; where
/// there are none of these, all.
fn givens(module: &Module, options: &Options) -> Result<Vec<Rc<str>>, Fault> {
    let scope = module.run(options)?;
    let kind = |name: &str| {
        scope.names().iter().find_map(|(known, content)| match content {
            Content::Array(_, kind) if known == name => Some(*kind),
            _ => None,
        })
    };
    let mut found: Vec<Rc<str>> = Vec::new();
    for stmt in module.body.iter() {
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
fn is_constant(value: &crate::text::syntax::E) -> bool {
    let mut yes = true;
    value.walk(&mut |part| {
        if let Node::Name(name) = &part.node {
            yes &= ["np", "numpy", "math"].contains(&&**name) || crate::text::functions::bare(name).is_some();
        }
    });
    yes
}

/// The names that the text's own statements give values to, each with the line of the last one.
fn lines_of_names(body: &[Stmt]) -> Vec<(usize, Rc<str>)> {
    let mut found: Vec<(usize, Rc<str>)> = Vec::new();
    for stmt in body {
        let StmtKind::Assign(targets, _) = &stmt.kind else { continue };
        for target in targets {
            if let Node::Name(name) = &target.node {
                found.retain(|(_, known)| known != name);
                found.push((stmt.line, name.clone()));
            }
        }
    }
    found
}
