//! A recorded graph as the page shows it: drawn, with its nodes, the steps of the sweep, and the derivation.

use crate::explain::draw::{self, Derivatives, Direction, DrawOptions};
use crate::explain::{Explanation, Local, Notation, SweepStep, brief, derivation_as};
use crate::graph::{Arg, Graph, GraphNode};
use crate::tape::Value as Number;
use crate::tensor::Tensor;
use crate::text::check::Drawn;
use serde_json::{Value, json};

/// Nodes of a graph that is drawn and written out as formulas. More fit no screen.
const MOST: usize = 240;
/// Numbers in all of its nodes: the sweep, its steps and the formulas run it several times.
const NUMBERS: usize = 1 << 18;
/// Numbers of a tensor that are written.
const WRITTEN: usize = 12;

/// The graph, the steps and the derivation; each node with the line that made it.
pub(super) fn explained(drawn: &Drawn) -> [(&'static str, Value); 3] {
    let graph = &drawn.graph;
    let n = graph.nodes().len();
    if n > MOST {
        return absent(&format!(
            "the graph has {n} nodes; graphs of up to {MOST} are drawn, stepped through and written out"
        ));
    }
    let numbers = graph.nodes().iter().map(|node| node.shape().numel()).fold(0, usize::saturating_add);
    if numbers > NUMBERS {
        return absent(&format!(
            "the graph's nodes hold {numbers} numbers; graphs of up to {NUMBERS} are drawn, stepped through and written out"
        ));
    }
    // Data is recorded where it is read: what it is called stands in the text.
    let source = |node: &GraphNode<f64>| {
        let value = (node.is_data()).then(|| node.value().clone().into_tensor())?;
        drawn.data.iter().find(|(_, _, data)| *data == value)
    };
    let graph = &graph.clone().with_names(|node| source(node).map(|(name, ..)| name.to_string()));
    let line = |node: &GraphNode<f64>| source(node).map(|(_, line, _)| line).or(drawn.lines.get(&node.index()));
    let explanation = match Explanation::of_graph(graph.clone()) {
        Ok(explanation) => explanation,
        Err(error) => return absent(&error.to_string()),
    };
    let options = DrawOptions {
        direction: Direction::Down,
        derivatives: Derivatives::Reverse,
        most: MOST,
        ..DrawOptions::default()
    };
    let (svg, refused) = match draw::svg(graph, &options) {
        Ok(svg) => (Some(svg), None),
        Err(error) => (None, Some(error.to_string())),
    };
    let nodes: Vec<Value> = graph.nodes().iter().zip(explanation.steps()).map(|(node, step)| {
        json!({
            "index": node.index(), "name": node.name(), "title": title(graph, node), "formula": formula(graph, node), "op": node.op(),
            "line": line(node), "shape": node.shape().dims(), "value": shown(node.value()),
            "gradient": node.is_active().then(|| shown(&step.upstream)), "is_input": node.is_input(),
        })
    }).collect();
    let edges: Vec<Value> = graph
        .nodes()
        .iter()
        .flat_map(|node| node.parents().map(|parent| json!({ "from": parent, "to": node.index() })))
        .collect();
    let steps: Vec<Value> =
        explanation.steps().iter().rev().filter(|step| graph.nodes()[step.node].is_active()).map(sweep_step).collect();
    [
        ("graph", json!({ "svg": svg, "error": refused, "nodes": nodes, "edges": edges })),
        ("steps", steps.into()),
        ("derivation", derivation(graph)),
    ]
}

/// The same where there is nothing to show, with the reason.
pub(super) fn absent(reason: &str) -> [(&'static str, Value); 3] {
    [
        ("graph", json!({ "svg": null, "error": reason, "nodes": [], "edges": [] })),
        ("steps", json!([])),
        ("derivation", json!({ "statements": [], "error": reason })),
    ]
}

fn sweep_step(step: &SweepStep<f64>) -> Value {
    let links: Vec<Value> = step.links.iter().map(|link| {
        let local = match &link.local {
            Local::Number(slope) => Some(brief(*slope)),
            Local::Elementwise(slopes) => Some(tensor(slopes)),
            Local::Rule => None,
        };
        json!({ "parent": link.parent, "argument": link.argument, "local": local, "contribution": shown(&link.contribution) })
    }).collect();
    json!({ "node": step.node, "links": links })
}

/// The chain rule, in formulas that browsers show and in the LaTeX that can be taken along.
fn derivation(graph: &Graph<f64>) -> Value {
    let both =
        derivation_as(graph, Notation::MathMl).and_then(|shown| Ok((shown, derivation_as(graph, Notation::Latex)?)));
    let (shown, copied) = match both {
        Ok(both) => both,
        Err(error) => return json!({ "statements": [], "error": error.to_string() }),
    };
    let parts = [
        ("given", &shown.given, &copied.given),
        ("forward", &shown.forward, &copied.forward),
        ("backward", &shown.backward, &copied.backward),
    ];
    let statements = parts.into_iter().flat_map(|(part, shown, copied)| {
        let pairs = shown.iter().zip(copied);
        pairs.map(move |(shown, copied)| json!({ "part": part, "node": shown.node, "mathml": shown.formula, "latex": copied.formula }))
    });
    json!({ "statements": statements.collect::<Vec<_>>(), "error": null })
}

/// A node in a sentence: its name, or what it computes.
fn title(graph: &Graph<f64>, node: &GraphNode<f64>) -> String {
    node.name().map_or_else(|| written(graph, node), str::to_owned)
}

fn formula(graph: &Graph<f64>, node: &GraphNode<f64>) -> String {
    match node.name() {
        Some(name) if !node.args().is_empty() => format!("{name} = {}", written(graph, node)),
        Some(name) => name.to_owned(),
        None => written(graph, node),
    }
}

/// The op and its arguments: `a + b`, `exp(z)`; an argument without a name is a dot.
fn written(graph: &Graph<f64>, node: &GraphNode<f64>) -> String {
    let args: Vec<String> = node
        .args()
        .iter()
        .map(|arg| match arg {
            Arg::Node(index) => graph.nodes()[*index].name().unwrap_or("·").to_owned(),
            Arg::Literal(x) => brief(*x),
        })
        .collect();
    let infix = [("add", "+"), ("sub", "-"), ("mul", "*"), ("div", "/"), ("matmul", "@")]
        .into_iter()
        .find(|(op, _)| *op == node.op());
    match (&args[..], infix) {
        ([], _) => node.op().to_owned(),
        ([a, b], Some((_, sign))) => format!("{a} {sign} {b}"),
        _ => format!("{}({})", node.op(), args.join(", ")),
    }
}

/// A value in a line.
fn shown(value: &Number<f64>) -> String {
    match value {
        Number::Scalar(x) => brief(*x),
        Number::Tensor(values) => tensor(values),
    }
}

/// A small tensor whole, of a larger one the first numbers and the norm.
fn tensor(values: &Tensor<f64>) -> String {
    let numbers: Vec<String> = values.iter().take(WRITTEN).map(|x| rounded(*x)).collect();
    if values.shape().numel() > WRITTEN {
        let norm = values.iter().fold(0.0, |norm: f64, x| norm.hypot(*x));
        return format!("{} ... (norm {})", numbers.join(", "), rounded(norm));
    }
    nested(values.shape().dims(), &numbers)
}

fn nested(shape: &[usize], numbers: &[String]) -> String {
    match shape {
        [] => numbers.first().cloned().unwrap_or_default(),
        [_] => format!("[{}]", numbers.join(", ")),
        [n, rest @ ..] => {
            let size = numbers.len() / n.max(&1);
            let rows: Vec<String> = (0..*n).map(|i| nested(rest, &numbers[i * size..(i + 1) * size])).collect();
            format!("[{}]", rows.join(", "))
        }
    }
}

/// Four significant digits.
fn rounded(x: f64) -> String {
    brief(format!("{x:.3e}").parse().unwrap_or(x))
}
