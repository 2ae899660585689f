//! Another loss: the gradient by the prediction, or by what it is computed from, replaced by one that a person would write.

use super::case::Case;
use super::describe;
use super::mutant::{Change, Mutation};
use super::results::mistake;
use super::{Kind, Mistake};
use crate::graph::{Arg, Graph, GraphNode};
use crate::tape::Tape;
use crate::tensor::Tensor;

const WITHOUT_TARGET: &str = ", without the target";

/// A gradient by a node that would follow from another loss, up to a factor.
pub(super) struct Head {
    /// The node's gradient is this.
    pub unit: Mutation,
    /// The node's gradient is nothing, for what does not go through it.
    pub none: Mutation,
    kind: Kind,
    /// The formula of the gradient.
    formula: String,
    remark: &'static str,
}

impl Head {
    /// How far-fetched it is: a target that is dropped is the simplest of these mistakes.
    pub fn cost(&self) -> f64 {
        let drops_target = self.kind == Kind::OperandDropped && self.remark == WITHOUT_TARGET;
        let kind = if drops_target { 0.2 } else { 0.35 };
        kind + 0.06 * self.unit.level as f64
    }

    /// The mistake, with its factor.
    pub fn mistake(&self, case: &Case, factor: f64, name: &str) -> Mistake {
        let here = describe::place(case, self.unit.level, self.unit.node);
        let factor_text = match name {
            "1" => String::new(),
            "-1" => "-".into(),
            name => format!("{name} "),
        };
        let formula = match self.formula.contains(' ') && !factor_text.is_empty() {
            true => format!("({})", self.formula),
            false => self.formula.clone(),
        };
        let gradient = if formula == "1" { name.to_string() } else { format!("{factor_text}{formula}") };
        let text = format!("with the gradient by {here} taken as {gradient}{}", self.remark);
        let mut found = mistake(self.kind, Some(factor), text);
        let node = &case.levels[self.unit.level].nodes()[self.unit.node];
        found.node = Some(case.levels[self.unit.level].title(self.unit.node));
        found.op = Some(node.op().into());
        found.scope = node.scope().map(String::from);
        found.site = node.site().map(|site| format!("{}:{}", site.file(), site.line()));
        found
    }
}

/// The target's value and how it is called.
struct Aim {
    value: Tensor<f64>,
    name: String,
    /// Nodes that depend on it.
    behind: Vec<bool>,
}

/// Every gradient to try.
pub(super) fn all(case: &Case) -> Vec<Head> {
    let mut found: Vec<Head> = Vec::new();
    for (level, graph) in case.levels.iter().enumerate() {
        let Ok(adjoints) = graph.adjoints() else { continue };
        for aim in aims(graph) {
            let fits = |node: &&GraphNode<f64>| {
                let shape = node.shape() == *aim.value.shape();
                node.is_active() && shape && predicts(node)
            };
            for node in graph.nodes().iter().filter(fits).filter(|node| !aim.behind[node.index()]) {
                let truth = adjoints[node.index()].clone().into_tensor();
                for head in of_node(graph, level, node, &aim, &truth) {
                    if found
                        .iter()
                        .all(|known| known.unit.adjoint() != head.unit.adjoint() || !same(case, known, &head))
                    {
                        found.push(head);
                    }
                }
            }
        }
    }
    found
}

/// Whether a node may be a prediction, or what it is computed from, and not a part of a loss.
fn predicts(node: &GraphNode<f64>) -> bool {
    let part = ["ln", "neg", "mul", "xlogy", "exp", "reciprocal", "div", "square", "abs", "log_softmax", "log1p"];
    node.name().is_some() || !part.contains(&node.op())
}

/// Whether two stand at copies of one node.
fn same(case: &Case, a: &Head, b: &Head) -> bool {
    let value = |head: &Head| case.levels[head.unit.level].nodes()[head.unit.node].value().as_slice().to_vec();
    value(a) == value(b)
}

/// Data, and numbers that something is compared with.
fn aims(graph: &Graph<f64>) -> Vec<Aim> {
    let mut aims = Vec::new();
    for node in graph.nodes() {
        if node.op() == "data" {
            let mut behind = vec![false; graph.nodes().len()];
            behind[node.index()] = true;
            let name = if node.name().is_some() { graph.title(node.index()) } else { "target".into() };
            aims.push(aim(graph, node.value().clone().into_tensor(), name, behind));
        }
        // y - t and t - y, of numbers.
        if let (true, [a, b]) = (node.op() == "sub" && node.shape().rank() == 0, node.args()) {
            for literal in [a, b] {
                if let Arg::Literal(x) = literal {
                    let mut behind = vec![false; graph.nodes().len()];
                    behind[node.index()] = true;
                    aims.push(aim(graph, Tensor::scalar(*x), x.to_string(), behind));
                }
            }
        }
    }
    aims
}

fn aim(graph: &Graph<f64>, value: Tensor<f64>, name: String, mut behind: Vec<bool>) -> Aim {
    for node in graph.nodes() {
        behind[node.index()] |= node.parents().any(|parent| behind[parent]);
    }
    Aim { value, name, behind }
}

fn of_node(graph: &Graph<f64>, level: usize, node: &GraphNode<f64>, aim: &Aim, truth: &Tensor<f64>) -> Vec<Head> {
    let next = |other: &&GraphNode<f64>| {
        other.args() == [Arg::Node(node.index())] && other.shape() == node.shape() && !aim.behind[other.index()]
    };
    let outputs = graph.nodes().iter().filter(next).map(|next| (next, " (that of cross-entropy)"));
    let mut found = Vec::new();
    let mut push = |adjoint: Tensor<f64>, kind, formula: String, remark| {
        if !proportional(&adjoint, truth) {
            let unit = Mutation::new(level, node.index(), Change::Adjoint(adjoint));
            let none = Mutation::new(level, node.index(), Change::Adjoint(Tensor::zeros(node.shape())));
            found.push(Head { unit, none, kind, formula, remark });
        }
    };
    for (output, remark) in std::iter::once((node, " (that of the squared error)")).chain(outputs) {
        let prediction = output.value().clone().into_tensor();
        let name = describe::short(graph, level, output.index());
        push(&prediction - &aim.value, Kind::OtherLoss, format!("{name} - {}", aim.name), remark);
        if output.index() != node.index()
            && let Some(twice) = again(output)
        {
            let formula = format!("{}({name}) - {}", output.op(), aim.name);
            push(&twice - &aim.value, Kind::OpTwice, formula, ", as if it were applied twice");
        }
        push(prediction, Kind::OperandDropped, name, WITHOUT_TARGET);
    }
    push(aim.value.clone(), Kind::OperandDropped, aim.name.clone(), ", without the prediction");
    // A number is a multiple of 1 whatever it is.
    if truth.len() > 1 {
        push(Tensor::ones(node.shape()), Kind::OtherLoss, "1".into(), " (that of the difference itself)");
    }
    found
}

/// An op with one argument, applied to its own value.
fn again(node: &GraphNode<f64>) -> Option<Tensor<f64>> {
    let tape = Tape::new();
    let once = tape.data(node.value().clone().into_tensor());
    node.record(&tape, &[once]).ok().map(|twice| twice.value())
}

/// Whether one is a multiple of the other, or nothing.
fn proportional(a: &Tensor<f64>, b: &Tensor<f64>) -> bool {
    let dot = |x: &Tensor<f64>, y: &Tensor<f64>| x.iter().zip(y.iter()).map(|(x, y)| x * y).sum::<f64>();
    let (aa, bb, ab) = (dot(a, a), dot(b, b), dot(a, b));
    // One number is a multiple of any other; there the formula itself must be told apart by its factor.
    aa == 0.0 || (a.len() > 1 && aa * bb - ab * ab <= 1e-12 * aa * bb)
}
