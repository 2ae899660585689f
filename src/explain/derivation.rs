//! The chain rule of a graph written out, as Markdown with LaTeX.

use super::symbol::{Equations, Notation, collapsed, leaves};
use crate::error::Result;
use crate::graph::ssa::{IrOp, Node, NodeKey};
use crate::graph::{Graph, GraphNode};
use crate::num::Element;
use crate::ops::structural::TensorOp;
use crate::tape::NodeOp;

/// Formulas of nodes without a name up to this length stand where they are used.
const INLINE: usize = 6;

/// The chain rule of the graph: each node's formula, then each node's gradient from those of its readers.
///
/// Derivatives are the ops' own rules, written down by running them over formulas. Nodes without a name that are used once
/// stand where they are used. Where a gradient collapses to something as short in terms of values alone, that is written
/// behind it: softmax with cross-entropy to s - y, sigmoid with binary cross-entropy to a - y.
///
/// # Errors
/// A user's op whose rule exists as numbers only.
///
/// # Examples
/// ```
/// use retrograd::{Tape, explain, graph::Graph};
/// let tape = Tape::new();
/// let x = tape.var(0.5).named("x");
/// let text = explain::derivation(&Graph::of(x.tanh().named("y")))?;
/// assert!(text.contains(r"y &= \tanh\left(x\right)"));
/// assert!(text.contains(r"\bar{x} &= \bar{y} \left(1 - y^{2}\right)"), "{text}");
/// # Ok::<(), retrograd::Error>(())
/// ```
pub fn derivation<T: Element>(graph: &Graph<T>) -> Result<String> {
    let equations = Equations::readable(graph)?;
    // Before more is made of it.
    let is_sum = |node: &Node<T>| matches!(node.op, IrOp::Op(NodeOp::Tensor(TensorOp::Sum(_))));
    let sums = equations.ir.borrow().nodes.values().any(is_sum);
    let collapsed = collapsed(graph, &equations);
    let notation = Notation::new(&equations.ir, graph);
    Ok(Writer { graph, equations: &equations, notation }.markdown(&collapsed, sums))
}

/// Writes line by line; what has a line goes by its name from there on.
struct Writer<'a, T> {
    graph: &'a Graph<T>,
    equations: &'a Equations<T>,
    notation: Notation<'a, T>,
}

impl<T: Element> Writer<'_, T> {
    fn leaves(&self, key: NodeKey, limit: usize) -> usize {
        leaves(&self.equations.ir.borrow(), key, limit, &|key| self.notation.is_said(key))
    }

    fn markdown(mut self, collapsed: &[Option<NodeKey>], sums: bool) -> String {
        let graph = self.graph;
        let output = graph.output();
        let name = self.notation.node(output.index());
        let bar = self.notation.adjoint(output.index());
        let mut text = format!("# The chain rule of ${name}$\n\n");
        text += &format!("$\\bar{{v}}$ stands for $\\partial {name} / \\partial v$. ");
        text += "Functions, powers, fractions and $\\odot$ act element by element; numbers and rows stretch to the shape they meet.";
        if sums {
            text +=
                " $\\operatorname{rowsum}$ and $\\operatorname{colsum}$ are the sums of each row and of each column.";
        }
        if self.mentions(|op| matches!(op, NodeOp::Tensor(TensorOp::CrossEntropy(_)))) {
            text += " $Y$ holds a 1 for each row's label and 0 elsewhere.";
        }
        text += "\n\n## Given\n\n";
        for node in graph.nodes().iter().filter(|node| node.is_input() || node.is_data()) {
            let kind = if node.is_input() { "variable" } else { "data" };
            let name = self.notation.node(node.index());
            text += &format!("- ${name}$: {kind}, {}\n", in_words(node));
            self.notation.say(self.equations.values[node.index()], name);
        }
        let mut readers = vec![0; graph.nodes().len()];
        graph.nodes().iter().flat_map(|node| node.parents()).for_each(|parent| readers[parent] += 1);
        let mut values = Vec::new();
        let mut lined = vec![false; graph.nodes().len()];
        for node in graph.nodes().iter().filter(|node| !node.args().is_empty()) {
            let index = node.index();
            lined[index] = node.name().is_some() || index == output.index() || {
                let key = self.equations.values[index];
                let said = self.notation.is_said(key);
                !said && (readers[index] > 1 || self.leaves(key, INLINE) > INLINE)
            };
            if lined[index] {
                values.push(self.value(node));
            }
        }
        if !values.is_empty() {
            text += "\n## Forward\n\n";
            text += &aligned(values);
        }
        text += "\n## Backward\n\n";
        let mut gradients = vec![format!("{bar} &= 1")];
        if let Some(seed) = self.equations.adjoints[output.index()] {
            self.notation.say(seed, bar);
        }
        for node in graph.nodes().iter().rev().skip(1) {
            if node.is_active() && (lined[node.index()] || node.is_input()) {
                gradients.push(self.gradient(node, collapsed));
            }
        }
        text += &aligned(gradients);
        let constants = self.notation.constants();
        if !constants.is_empty() {
            text += "\n## Constants\n\n";
            text.extend(constants.iter().map(|constant| format!("- {constant}\n")));
        }
        text
    }

    fn mentions(&self, test: impl Fn(&NodeOp<T>) -> bool) -> bool {
        self.graph.nodes().iter().any(|node| test(&node.op))
    }

    /// The line of a node's value.
    fn value(&mut self, node: &GraphNode<T>) -> String {
        let (name, key) = (self.notation.node(node.index()), self.equations.values[node.index()]);
        let line = format!("{name} &= {}", self.notation.formula(key));
        self.notation.say(key, name);
        line
    }

    /// The line of a node's gradient.
    fn gradient(&mut self, node: &GraphNode<T>, collapsed: &[Option<NodeKey>]) -> String {
        let bar = self.notation.adjoint(node.index());
        let Some(raw) = self.equations.adjoints[node.index()] else { return format!("{bar} &= 0") };
        let mut line = format!("{bar} &= {}", self.notation.formula(raw));
        if let Some(short) = collapsed[node.index()] {
            let text = self.notation.formula(short);
            if self.leaves(short, 100) <= self.leaves(raw, 100) && !line.ends_with(&format!("&= {text}")) {
                line += &format!(" = {text}");
            }
        }
        self.notation.say(raw, bar);
        line
    }
}

fn in_words<T: Element>(node: &GraphNode<T>) -> String {
    match node.shape().rank() {
        0 => "a number".to_owned(),
        1 if node.shape().numel() == 1 => "1 number".to_owned(),
        1 => format!("{} numbers", node.shape().numel()),
        _ => node.shape().iter().map(usize::to_string).collect::<Vec<_>>().join(" x "),
    }
}

fn aligned(lines: Vec<String>) -> String {
    format!("$$\n\\begin{{aligned}}\n{}\n\\end{{aligned}}\n$$\n", lines.join(" \\\\\n"))
}
