//! The chain rule of a graph written out, as Markdown with LaTeX.

use super::symbol::{Collapse, Equations, Notation, TermKind, TermTable};
use crate::error::Result;
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
    let book = TermTable::default();
    let equations = Equations::of(&book, graph)?;
    let collapsed = Collapse::new(&book, graph, &equations).adjoints();
    let writer = Writer { graph, book: &book, notation: Notation::new(&book, graph), equations: &equations };
    let writer = Inlined { inline: writer.inlined(), writer };
    Ok(writer.markdown(&collapsed))
}

struct Writer<'a, T> {
    graph: &'a Graph<T>,
    book: &'a TermTable,
    notation: Notation<'a>,
    equations: &'a Equations,
}

impl<T: Element> Writer<'_, T> {
    /// The formulas of nodes that stand where they are used, in terms of those that do not.
    fn inlined(&self) -> Vec<Option<usize>> {
        let mut readers = vec![0; self.graph.nodes().len()];
        for node in self.graph.nodes() {
            node.parents().for_each(|parent| readers[parent] += 1);
        }
        let mut inline: Vec<Option<usize>> = vec![None; readers.len()];
        for node in self.graph.nodes() {
            let index = node.index();
            let is_output = index + 1 == readers.len();
            let Some(value) = self.equations.values[index] else { continue };
            if node.name().is_some() || is_output || readers[index] > 1 {
                continue;
            }
            let value = self.book.substituted(value, &|form| match form {
                TermKind::Node(index) => inline[*index],
                _ => None,
            });
            inline[index] = (self.book.leaves(value, INLINE) <= INLINE).then_some(value);
        }
        inline
    }
}

struct Inlined<'a, T> {
    writer: Writer<'a, T>,
    inline: Vec<Option<usize>>,
}

impl<T: Element> Inlined<'_, T> {
    /// A formula with the nodes that have no line of their own put in.
    fn plain(&self, id: usize) -> usize {
        let Writer { book, equations, .. } = &self.writer;
        book.substituted(id, &|form| match form {
            TermKind::Node(index) => self.inline[*index],
            TermKind::Adjoint(index) if self.inline[*index].is_some() => {
                let raw = equations.adjoint(book, *index)?;
                Some(self.plain(raw))
            }
            _ => None,
        })
    }

    fn markdown(&self, collapsed: &[Option<usize>]) -> String {
        let Writer { graph, notation, .. } = &self.writer;
        let output = graph.output();
        let name = notation.node(output.index());
        let bar = notation.adjoint(output.index());
        let mut text = format!("# The chain rule of ${name}$\n\n");
        text += &format!("$\\bar{{v}}$ stands for $\\partial {name} / \\partial v$. ");
        text += "Functions, powers, fractions and $\\odot$ act element by element; numbers and rows stretch to the shape they meet.";
        if self.mentions(|op| matches!(op, NodeOp::Tensor(TensorOp::Sum(_)))) || self.sums_rows() {
            text +=
                " $\\operatorname{rowsum}$ and $\\operatorname{colsum}$ are the sums of each row and of each column.";
        }
        if self.mentions(|op| matches!(op, NodeOp::Tensor(TensorOp::CrossEntropy(_)))) {
            text += " $Y$ holds a 1 for each row's label and 0 elsewhere.";
        }
        text += "\n\n## Given\n\n";
        for node in graph.nodes() {
            if matches!(node.op, NodeOp::Leaf) {
                let kind = if node.is_input() { "variable" } else { "data" };
                text += &format!("- ${}$: {kind}, {}\n", notation.node(node.index()), in_words(node));
            }
        }
        text += "\n## Forward\n\n";
        text += &aligned(graph.nodes().iter().filter_map(|node| self.value(node)));
        text += "\n## Backward\n\n";
        let first = std::iter::once(format!("{bar} &= 1"));
        text +=
            &aligned(first.chain(graph.nodes().iter().rev().skip(1).filter_map(|node| self.gradient(node, collapsed))));
        text
    }

    fn mentions(&self, test: impl Fn(&NodeOp<T>) -> bool) -> bool {
        self.writer.graph.nodes().iter().any(|node| test(&node.op))
    }

    /// Whether a gradient is a sum over rows or columns.
    fn sums_rows(&self) -> bool {
        let Writer { book, equations, .. } = &self.writer;
        let is_sum = |form: &TermKind| matches!(form, TermKind::Tensor(TensorOp::Sum(_)));
        equations.contributions.iter().flatten().any(|&(_, formula)| book.mentions(formula, &is_sum))
    }

    /// The line of a node's value.
    fn value(&self, node: &GraphNode<T>) -> Option<String> {
        let Writer { notation, equations, .. } = &self.writer;
        let value = equations.values[node.index()].filter(|_| self.inline[node.index()].is_none())?;
        Some(format!("{} &= {}", notation.node(node.index()), notation.formula(self.plain(value))))
    }

    /// The line of a node's gradient.
    fn gradient(&self, node: &GraphNode<T>, collapsed: &[Option<usize>]) -> Option<String> {
        let Writer { book, notation, equations, .. } = &self.writer;
        if !node.is_active() || self.inline[node.index()].is_some() {
            return None;
        }
        let bar = notation.adjoint(node.index());
        let Some(raw) = equations.adjoint(book, node.index()) else { return Some(format!("{bar} &= 0")) };
        let raw = self.plain(raw);
        let mut line = format!("{bar} &= {}", notation.formula(raw));
        if let Some(short) = collapsed[node.index()] {
            let short = self.plain(short);
            let length = |id: usize| book.leaves(id, 100);
            let text = notation.formula(short);
            if length(short) <= length(raw) && !line.ends_with(&format!("&= {text}")) {
                line += &format!(" = {text}");
            }
        }
        Some(line)
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

fn aligned(lines: impl Iterator<Item = String>) -> String {
    let lines: Vec<String> = lines.collect();
    format!("$$\n\\begin{{aligned}}\n{}\n\\end{{aligned}}\n$$\n", lines.join(" \\\\\n"))
}
