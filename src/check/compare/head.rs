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

/// The most that are tried.
const MOST: usize = 1500;

/// A gradient by a node that would follow from another loss, up to a factor.
pub(super) struct Head {
    /// The node's gradient is this; the same for each example of a loop.
    pub unit: Vec<Mutation>,
    /// The node's gradient is nothing, for what does not go through it.
    pub none: Vec<Mutation>,
    /// The target's node or number.
    aim: usize,
    kind: Kind,
    /// Whether it is worth trying on its own: it is not what the true gradient is a multiple of.
    alone: bool,
    /// Which of the formulas below it is.
    form: usize,
    /// The formula of the gradient.
    formula: String,
    remark: &'static str,
}

impl Head {
    /// How far-fetched it is: a target that is dropped is the simplest of these mistakes.
    pub fn cost(&self) -> f64 {
        let drops_target = self.kind == Kind::OperandDropped && self.remark == WITHOUT_TARGET;
        let kind = if drops_target { 0.2 } else { 0.35 };
        kind + 0.06 * self.node().0 as f64
    }

    /// The level and number of the (first) node.
    pub fn node(&self) -> (usize, usize) {
        (self.unit[0].level, self.unit[0].node)
    }

    /// The nodes that it is about, for a search with several.
    pub fn units(&self) -> Vec<&Mutation> {
        self.unit.iter().collect()
    }
    /// The same, with nothing for a gradient.
    pub fn nones(&self) -> Vec<&Mutation> {
        self.none.iter().collect()
    }

    /// The mistake, with its factor.
    pub fn mistake(&self, case: &Case, factor: f64, name: &str) -> Mistake {
        let (level, node) = self.node();
        let here = describe::place(case, level, node);
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
        found.node = Some(case.levels[level].title(node));
        let node = &case.levels[level].nodes()[node];
        found.op = Some(node.op().into());
        found.scope = node.scope().map(String::from);
        found.site = describe::site(node);
        found
    }
}

/// The target's value and how it is called.
struct Aim {
    index: usize,
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
                for mut head in of_node(graph, level, node, &aim, &truth) {
                    let known = |known: &&Head| {
                        let adjoint = alike(known.unit[0].adjoint(), head.unit[0].adjoint());
                        known.form == head.form && adjoint && same(case, known, &head)
                    };
                    // A copy in an expansion says nothing new; another target of the same value does in a loop.
                    let known = found.iter().find(known).map(|known| known.node().0);
                    head.alone &= known.is_none();
                    if found.len() < MOST && known.is_none_or(|known| known == level) {
                        found.push(head);
                    }
                }
            }
        }
    }
    let together = in_loops(case, &found);
    found.retain(|head| head.alone);
    found.extend(together);
    found
}

/// The heads of one source line for all examples of a loop, each with its own target.
fn in_loops(case: &Case, heads: &[Head]) -> Vec<Head> {
    let key = |head: &Head| {
        let (level, node) = head.node();
        let node = &case.levels[level].nodes()[node];
        let site = node.site().map(|site| site.to_string());
        (level, site, node.op().to_string(), head.kind, head.form)
    };
    let mut groups: Vec<(_, Vec<&Head>)> = Vec::new();
    for head in heads {
        let key = key(head);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, members)) => members.push(head),
            None => groups.push((key, vec![head])),
        }
    }
    groups.iter().flat_map(|(_, members)| aligned(members)).collect()
}

/// The first node with the first target, the second with the second, and so on.
fn aligned(members: &[&Head]) -> Vec<Head> {
    let distinct = |of: &dyn Fn(&Head) -> usize| {
        let mut all: Vec<usize> = members.iter().map(|head| of(head)).collect();
        all.sort_unstable();
        all.dedup();
        all
    };
    let (nodes, aims) = (distinct(&|head| head.node().1), distinct(&|head| head.aim));
    // Data of the same shape may stand between the targets: then every so many is one.
    if nodes.len() < 2 || aims.is_empty() || !aims.len().is_multiple_of(nodes.len()) {
        return Vec::new();
    }
    let each = aims.len() / nodes.len();
    let mut found = Vec::new();
    for position in 0..each {
        let pairs = nodes.iter().enumerate().map(|(k, &node)| (node, aims[k * each + position]));
        let member = |(node, aim)| members.iter().find(|head| head.node().1 == node && head.aim == aim);
        let Some(chosen) = pairs.map(member).collect::<Option<Vec<&&Head>>>() else { continue };
        let gather = |of: fn(&Head) -> &Vec<Mutation>| chosen.iter().flat_map(|head| of(head).clone()).collect();
        let (unit, none) = (gather(|head| &head.unit), gather(|head| &head.none));
        let Head { aim, kind, form, ref formula, remark, .. } = **chosen[0];
        // Where each is a multiple of the true gradient, so are mostly all.
        if chosen.iter().any(|head| head.alone) {
            found.push(Head { unit, none, aim, alone: true, kind, form, formula: formula.clone(), remark });
        }
    }
    found
}

/// Whether a node may be a prediction, or what it is computed from, and not a part of a loss.
fn predicts(node: &GraphNode<f64>) -> bool {
    let part = ["ln", "neg", "mul", "xlogy", "exp", "reciprocal", "div", "square", "abs", "log_softmax", "log1p"];
    node.name().is_some() || !part.contains(&node.op())
}

/// Whether two gradients are the same up to rounding.
fn alike(a: Option<&Tensor<f64>>, b: Option<&Tensor<f64>>) -> bool {
    let (Some(a), Some(b)) = (a, b) else { return false };
    let near = |(x, y): (&f64, &f64)| (x - y).abs() <= 1e-9 * x.abs().max(y.abs());
    a.shape() == b.shape() && a.iter().zip(b.iter()).all(near)
}

/// Whether two stand at copies of one node.
fn same(case: &Case, a: &Head, b: &Head) -> bool {
    let value = |head: &Head| case.levels[head.node().0].nodes()[head.node().1].value().clone().into_tensor();
    alike(Some(&value(a)), Some(&value(b)))
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
    let index = behind.iter().position(|&behind| behind).unwrap_or_default();
    for node in graph.nodes() {
        behind[node.index()] |= node.parents().any(|parent| behind[parent]);
    }
    Aim { index, value, name, behind }
}

fn of_node(graph: &Graph<f64>, level: usize, node: &GraphNode<f64>, aim: &Aim, truth: &Tensor<f64>) -> Vec<Head> {
    let next = |other: &&GraphNode<f64>| {
        other.args() == [Arg::Node(node.index())] && other.shape() == node.shape() && !aim.behind[other.index()]
    };
    let outputs = graph.nodes().iter().filter(next).map(|next| (next, " (that of cross-entropy)"));
    let mut found = Vec::new();
    let mut form = 0;
    let mut push = |adjoint: Tensor<f64>, kind, formula: String, remark| {
        form += 1;
        let alone = !proportional(&adjoint, truth);
        // What the target has no part in is the same for all targets.
        let aim = if formula.contains(" - ") || formula == aim.name { aim.index } else { node.index() };
        let unit = vec![Mutation::new(level, node.index(), Change::Adjoint(adjoint))];
        let none = vec![Mutation::new(level, node.index(), Change::Adjoint(Tensor::zeros(node.shape())))];
        found.push(Head { unit, none, aim, alone, kind, form, formula, remark });
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
        for (other, value) in instead(output, node) {
            let formula = format!("{other}({}) - {}", describe::short(graph, level, node.index()), aim.name);
            push(&value - &aim.value, Kind::OtherLoss, formula, ", of another activation");
        }
    }
    push(aim.value.clone(), Kind::OperandDropped, aim.name.clone(), ", without the prediction");
    // A number is a multiple of 1 whatever it is.
    if truth.len() > 1 {
        push(Tensor::ones(node.shape()), Kind::OtherLoss, "1".into(), " (that of the difference itself)");
    }
    found
}

/// What other activations would give where an output is one.
fn instead(output: &GraphNode<f64>, node: &GraphNode<f64>) -> Vec<(&'static str, Tensor<f64>)> {
    let squashes = ["sigmoid", "softmax", "tanh"];
    if output.index() == node.index() || !squashes.contains(&output.op()) {
        return Vec::new();
    }
    let z = node.value().clone().into_tensor();
    let softmax = if z.shape().rank() > 0 { z.try_softmax(-1).ok() } else { None };
    let all = [("sigmoid", Some(z.sigmoid())), ("softmax", softmax), ("tanh", Some(z.tanh()))];
    let others = all.into_iter().filter(|(name, _)| *name != output.op());
    others.filter_map(|(name, value)| Some((name, value?))).collect()
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
