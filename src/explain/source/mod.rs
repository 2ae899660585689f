//! A recorded graph as Rust source that depends on nothing: values forward, gradients backward.
//!
//! The statements are the equations of the graph, one for each node and one for each gradient, so that the file reads as the
//! derivation does. Numbers are `f64` or `f32` as recorded; tensors are slices and vectors in row-major order, and what is done
//! with them element by element becomes one loop.

mod expression;
mod helpers;
mod tensors;

use super::symbol::{Equations, TermKind, TermTable};
use crate::error::{Error, Result};
use crate::graph::{Graph, GraphNode};
use crate::num::Element;
use crate::tape::NodeOp;
use crate::tape::Value;
use crate::tensor::Shape;
use std::collections::{BTreeSet, HashMap, HashSet};

/// A function of this name that computes the graph's output and its gradient, with the helpers that it needs.
///
/// Its arguments are the graph's variables under their names, in order: numbers, and slices for tensors. Data are written into
/// it. It gives the value and a `Gradient` with a field for each variable. Control flow that was recorded is the one that was
/// taken. Elementary functions are those of `std`, so results equal the tape's up to the last bits.
///
/// # Errors
/// The output is a tensor; an op has no formula in `std`: `lgamma`, `erf` and their like, `inv`, `solve`, a user's own; the
/// name is not an identifier.
///
/// # Examples
/// ```
/// use retrograd::{Tape, explain, graph::Graph};
/// let tape = Tape::new();
/// let (a, b) = (tape.var(2.0).named("a"), tape.var(1.0).named("b"));
/// let source = explain::rust_source(&Graph::of((a * b).named("c")), "value_and_gradient")?;
/// assert!(source.contains("pub fn value_and_gradient(a: f64, b: f64) -> (f64, Gradient)"));
/// assert!(source.contains("let d_a = d_c * b;"));
/// # Ok::<(), retrograd::Error>(())
/// ```
pub fn rust_source<T: Element>(graph: &Graph<T>, name: &str) -> Result<String> {
    if snake(name) != name || KEYWORDS.contains(&name) {
        return Err(Error::argument(format!(
            "rust_source: {name:?} is not the name of a Rust function; try \"value_and_gradient\""
        )));
    }
    let output = graph.output();
    if output.shape().rank() > 0 {
        let shape = output.shape();
        return Err(Error::shape(format!(
            "rust_source: output must be a number, got shape {shape}; reduce it with sum() or mean()"
        )));
    }
    let book = TermTable::default();
    let equations = Equations::of(&book, graph)?;
    let mut taken: HashSet<String> = helpers::names().map(str::to_owned).chain(["i".into(), name.into()]).collect();
    let mut unique = |wish: String, index: usize| {
        let first =
            if taken.contains(&wish) || KEYWORDS.contains(&&wish[..]) { format!("{wish}_{index}") } else { wish };
        let name = (0..)
            .map(|n| if n == 0 { first.clone() } else { format!("{first}_{n}") })
            .find(|name| !taken.contains(name));
        let name = name.expect("some number is free");
        taken.insert(name.clone());
        name
    };
    let values: Vec<String> = graph
        .nodes()
        .iter()
        .map(|node| unique(node.name().map_or_else(|| format!("v{}", node.index()), snake), node.index()))
        .collect();
    let gradients = values.iter().enumerate().map(|(index, value)| unique(format!("d_{value}"), index)).collect();
    let writer = Writer {
        graph,
        book: &book,
        values,
        gradients,
        body: String::new(),
        helpers: BTreeSet::new(),
        inline: Vec::new(),
        temporaries: HashMap::new(),
    };
    writer.function(&equations, name)
}

const KEYWORDS: [&str; 43] = [
    "as", "break", "const", "continue", "crate", "else", "enum", "extern", "false", "fn", "for", "if", "impl", "in",
    "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return", "self", "static", "struct", "super", "trait",
    "true", "type", "unsafe", "use", "where", "while", "async", "await", "dyn", "box", "do", "final", "yield", "try",
    "gen",
];

/// Formulas with more leaves have a statement of their own.
const LONGEST_INLINE: usize = 4;

/// Writes the function, statement by statement.
struct Writer<'a, T> {
    graph: &'a Graph<T>,
    book: &'a TermTable,
    /// The names of the nodes' values and gradients.
    values: Vec<String>,
    gradients: Vec<String>,
    body: String,
    helpers: BTreeSet<&'static str>,
    /// The formulas of numbers without a name that are read once: they stand where they are read.
    inline: Vec<Option<usize>>,
    /// Terms that have a variable of their own.
    temporaries: HashMap<usize, String>,
}

impl<T: Element> Writer<'_, T> {
    fn function(mut self, equations: &Equations, name: &str) -> Result<String> {
        let graph = self.graph;
        self.checks();
        self.body += "    // Forward.\n";
        self.inline = self.inlined(equations);
        for node in graph.nodes() {
            match equations.values[node.index()] {
                Some(_) if self.inline[node.index()].is_some() => {}
                Some(formula) => self.forward(node, formula)?,
                None if node.is_data() => self.data(node),
                None => {}
            }
        }
        self.body += "\n    // Backward: d_v is the derivative of the value by v.\n";
        let last = graph.output().index();
        let wanted = self.wanted(equations);
        if wanted[last] && !graph.output().is_input() {
            self.body += &format!("    let {}: {} = 1.0;\n", self.gradients[last], T::NAME);
        }
        for node in graph.nodes().iter().rev().filter(|node| wanted[node.index()]) {
            self.backward(node, equations)?;
        }
        Ok(self.assembled(name))
    }

    /// The nodes whose gradients the variables' gradients are made of.
    fn wanted(&self, equations: &Equations) -> Vec<bool> {
        let mut wanted = vec![false; self.graph.nodes().len()];
        // Readers come after what they read, so that one pass forward reaches them all.
        for node in self.graph.nodes() {
            let index = node.index();
            wanted[index] |= node.is_input();
            if wanted[index] {
                for &(reader, formula) in &equations.contributions[index] {
                    wanted[reader] |= self.book.mentions(formula, &|form| matches!(form, TermKind::Adjoint(_)));
                }
            }
        }
        wanted
    }

    /// Short formulas of numbers without a name that one formula reads.
    fn inlined(&self, equations: &Equations) -> Vec<Option<usize>> {
        let mut reads = vec![0; self.graph.nodes().len()];
        let gradients = equations.contributions.iter().flatten().map(|&(_, formula)| formula);
        for formula in equations.values.iter().flatten().copied().chain(gradients) {
            self.count_reads(formula, &mut reads);
        }
        let mut inline: Vec<Option<usize>> = vec![None; reads.len()];
        for node in self.graph.nodes() {
            let index = node.index();
            let Some(formula) = equations.values[index].filter(|_| index + 1 < reads.len()) else { continue };
            let hidden =
                node.name().is_none() && node.scope().is_none() && node.shape().rank() == 0 && reads[index] == 1;
            if hidden && matches!(node.op, NodeOp::Unary(_) | NodeOp::Binary(_)) {
                let whole = self.book.substituted(formula, &|form| match form {
                    TermKind::Node(index) => inline[*index],
                    _ => None,
                });
                inline[index] = (self.book.leaves(whole, LONGEST_INLINE) <= LONGEST_INLINE).then_some(whole);
            }
        }
        inline
    }

    fn count_reads(&self, formula: usize, reads: &mut [usize]) {
        let term = self.book.term(formula);
        if let TermKind::Node(index) = term.form {
            reads[index] += 1;
        }
        term.args.iter().for_each(|&arg| self.count_reads(arg, reads));
    }

    fn with_inlined(&self, formula: usize) -> usize {
        self.book.substituted(formula, &|form| match form {
            TermKind::Node(index) => self.inline[*index],
            _ => None,
        })
    }

    /// Slices of the wrong length are refused.
    fn checks(&mut self) {
        let shapes: Vec<(usize, Shape)> = self.graph.inputs().map(|node| (node.index(), node.shape())).collect();
        for (index, shape) in shapes.iter().filter(|(_, shape)| shape.rank() > 0) {
            let (name, n) = (&self.values[*index], shape.numel());
            self.body += &format!("    assert_eq!({name}.len(), {n}, \"{name} holds {}\");\n", counted(shape));
        }
    }

    fn data(&mut self, node: &GraphNode<T>) {
        let row = node.shape().last().copied().unwrap_or(1).clamp(1, 16);
        let elements = self.numbers(node.value(), row);
        self.body += &format!("    let {}: &[{}] = &{elements};\n", self.values[node.index()], T::NAME);
    }

    fn numbers(&self, value: &Value<T>, row: usize) -> String {
        let all: Vec<String> = value.as_slice().iter().map(|x| self.literal(x.as_f64())).collect();
        if all.len() <= row {
            return format!("[{}]", all.join(", "));
        }
        let rows: String = all.chunks(row).map(|row| format!("        {},\n", row.join(", "))).collect();
        format!("[\n{rows}    ]")
    }

    fn forward(&mut self, node: &GraphNode<T>, formula: usize) -> Result<()> {
        let formula = self.with_inlined(formula);
        let right = self.whole(formula)?;
        let name = &self.values[node.index()];
        let kind = if node.shape().rank() > 0 { format!(": Vec<{}>", T::NAME) } else { String::new() };
        let mut remark =
            if node.shape().rank() > 0 { format!(" // {}", in_words(&node.shape())) } else { String::new() };
        if let Some(scope) = node.scope() {
            let lead = if remark.is_empty() { " //" } else { "," };
            remark += &format!("{lead} in {}", one_line(scope));
        }
        self.body += &format!("    let {name}{kind} = {right};{remark}\n");
        Ok(())
    }

    fn backward(&mut self, node: &GraphNode<T>, equations: &Equations) -> Result<()> {
        let index = node.index();
        let name = self.gradients[index].clone();
        let is_output = index == self.graph.output().index();
        if is_output && !node.is_input() {
            return Ok(());
        }
        let shape = node.shape();
        let kind = if shape.rank() > 0 { format!(": Vec<{}>", T::NAME) } else { String::new() };
        let adjoint = equations.adjoint(self.book, index).map(|formula| self.with_inlined(formula));
        if let (Some(formula), None, false) = (adjoint, node.name(), node.is_input())
            && let TermKind::Adjoint(reader) = self.book.term(formula).form
        {
            // The same gradient under the name that it has.
            self.gradients[index] = self.gradients[reader].clone();
            return Ok(());
        }
        let right = match adjoint {
            Some(formula) => {
                let through: Vec<String> =
                    equations.contributions[index].iter().map(|&(reader, _)| self.said(reader)).collect();
                self.body += &format!("    // {} is read by {}.\n", self.values[index], through.join(", "));
                self.whole(formula)?
            }
            None if is_output => "1.0".to_owned(),
            None if shape.rank() > 0 => format!("vec![0.0; {}]", shape.numel()),
            None => "0.0".to_owned(),
        };
        self.body += &format!("    let {name}{kind} = {right};\n");
        Ok(())
    }

    /// The variable that a node is part of, with the node's op, for a comment.
    fn said(&self, index: usize) -> String {
        let op = self.graph.nodes()[index].op();
        let mut at = index;
        while self.inline[at].is_some() {
            // The one that reads it, further on.
            at = self.graph.nodes()[at + 1..]
                .iter()
                .find(|node| node.parents().any(|parent| parent == at))
                .map_or(at, |node| node.index());
        }
        format!("{} ({})", self.values[at], one_line(op))
    }

    fn assembled(self, name: &str) -> String {
        let inputs: Vec<&GraphNode<T>> = self.graph.inputs().collect();
        let value = |node: &&GraphNode<T>| self.values[node.index()].clone();
        let names: Vec<String> = inputs.iter().map(value).collect();
        let kind = |node: &GraphNode<T>, tensor: &str| match node.shape().rank() {
            0 => T::NAME.to_owned(),
            _ => tensor.replace('T', T::NAME),
        };
        let arguments: Vec<String> =
            inputs.iter().map(|node| format!("{}: {}", value(node), kind(node, "&[T]"))).collect();
        let fields: String = inputs
            .iter()
            .map(|node| {
                let shape =
                    if node.shape().rank() > 0 { format!(", {}", in_words(&node.shape())) } else { String::new() };
                format!("    /// By `{0}`{shape}.\n    pub {0}: {1},\n", value(node), kind(node, "Vec<T>"))
            })
            .collect();
        let output = &self.values[self.graph.output().index()];
        let gradient: Vec<String> =
            inputs.iter().map(|node| format!("{}: {}", value(node), self.gradients[node.index()])).collect();
        let slices = inputs.iter().any(|node| node.shape().rank() > 0);
        let layout = if slices { " Tensors are in row-major order." } else { "" };
        let helpers: String = helpers::texts(&self.helpers, T::NAME);
        let arguments = match arguments.iter().map(|argument| argument.len() + 2).sum::<usize>() {
            0..=80 => arguments.join(", "),
            _ => format!("\n    {},\n", arguments.join(",\n    ")),
        };
        let gradient = match gradient.iter().map(|field| field.len() + 2).sum::<usize>() {
            0..=80 => format!("Gradient {{ {} }}", gradient.join(", ")),
            _ => format!("Gradient {{\n        {},\n    }}", gradient.join(",\n        ")),
        };
        format!(
            "/// The derivatives of the value.\n#[derive(Clone, Debug)]\npub struct Gradient {{\n{fields}}}\n\n\
             /// The value of `{output}` and its derivatives by {}.{layout}\n\
             pub fn {name}({arguments}) -> ({}, Gradient) {{\n{}\n    ({output}, {gradient})\n}}\n{helpers}",
            names.join(", "),
            T::NAME,
            self.body
        )
    }

    fn literal(&self, x: f64) -> String {
        let name = T::NAME;
        if x.is_nan() {
            return format!("{name}::NAN");
        }
        if x.is_infinite() {
            return if x > 0.0 { format!("{name}::INFINITY") } else { format!("{name}::NEG_INFINITY") };
        }
        if name == "f32" { format!("{:?}", x as f32) } else { format!("{x:?}") }
    }

    fn helper(&mut self, name: &'static str) -> &'static str {
        self.helpers.insert(name);
        name
    }

    fn refused(&self, op: &str) -> Error {
        Error::argument(format!("rust_source: {op} has no formula in std; leave it out of the graph, or call the tape"))
    }

    /// The variable of a node's value or gradient.
    fn variable(&self, form: &TermKind) -> Option<&str> {
        match form {
            TermKind::Node(index) => Some(&self.values[*index]),
            TermKind::Adjoint(index) => Some(&self.gradients[*index]),
            _ => None,
        }
    }
}

/// 2 x 3.
fn in_words(shape: &Shape) -> String {
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ")
}

fn counted(shape: &Shape) -> String {
    format!("{} number{}", in_words(shape), if shape.numel() == 1 { "" } else { "s" })
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

/// A name as an identifier in snake case.
fn snake(name: &str) -> String {
    let name = name.strip_suffix('^').map_or_else(|| name.to_owned(), |base| format!("{base}_hat"));
    let name: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    let name = name.trim_matches('_');
    match name.chars().next() {
        None => "v".to_owned(),
        Some(c) if c.is_ascii_digit() => format!("v{name}"),
        Some(_) => name.to_owned(),
    }
}
