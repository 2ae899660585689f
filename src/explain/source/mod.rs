//! A recorded graph as Rust source that depends on nothing: values forward, gradients backward.
//!
//! What is printed is what a compiled program runs: the SSA graph with the identities that keep every number, each statement
//! under the name of the node whose value or gradient it is. Numbers are `f64` or `f32` as recorded; tensors are slices and vectors in row-major order, and what is done
//! with them element by element becomes one loop.

mod expression;
mod helpers;
mod tensors;

use super::symbol::{Equations, leaves};
use crate::error::{Error, Result};
use crate::graph::ssa::{Node, NodeKey};
use crate::graph::{Graph, GraphNode};
use crate::num::Element;
use crate::tape::NodeOp;
use crate::tape::Value;
use crate::tensor::Shape;
use slotmap::SecondaryMap;
use std::collections::{BTreeSet, HashSet};

/// A function of this name that computes the graph's output and its gradient, with the helpers that it needs.
///
/// Its arguments are the graph's variables under their names, in order: numbers, and slices for tensors. Data are written into
/// it. It gives the value and a `Gradient` with a field for each variable. Control flow that was recorded is the one that was
/// taken. Elementary functions are those of `std`, so results equal the tape's up to the last bits.
/// Where an axis that rows or matrices lie along has length 0, the function panics.
///
/// # Errors
/// The output is a tensor; an op has no formula in `std`: `lgamma`, `digamma`, `erf`, `gelu` and their like, a user's own, derivatives
/// of the gradient of `det`;
/// the name is not an identifier.
///
/// # Examples
/// ```
/// use retrograd::{Tape, explain, graph::Graph};
/// let tape = Tape::new();
/// let (a, b) = (tape.var(2.0).named("a"), tape.var(1.0).named("b"));
/// let source = explain::rust_source(&Graph::of((a * b).named("c")), "value_and_gradient")?;
/// assert!(source.contains("pub fn value_and_gradient(a: f64, b: f64) -> (f64, Gradient)"));
/// // The gradient of c is 1, so that of a is b.
/// assert!(source.contains("let d_a = b;"));
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
    let equations = Equations::compiled(graph)?;
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
        equations: &equations,
        values,
        gradients,
        said: SecondaryMap::new(),
        body: String::new(),
        helpers: BTreeSet::new(),
        inside: vec![false; graph.nodes().len()],
        temporaries: SecondaryMap::new(),
    };
    writer.function(name)
}

const KEYWORDS: [&str; 43] = [
    "as", "break", "const", "continue", "crate", "else", "enum", "extern", "false", "fn", "for", "if", "impl", "in",
    "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return", "self", "static", "struct", "super", "trait",
    "true", "type", "unsafe", "use", "where", "while", "async", "await", "dyn", "box", "do", "final", "yield", "try",
    "gen",
];

/// Formulas with more leaves have a statement of their own.
const LONGEST_INLINE: usize = 4;

/// A variable that holds a part of a formula.
#[derive(Clone)]
struct Temporary {
    name: String,
    is_tame: bool,
}

/// Formulas are cut into parts where they are nested deeper than this.
const DEEPEST: u32 = 32;

/// Writes the function, statement by statement; what has a variable goes by its name from there on.
struct Writer<'a, T> {
    graph: &'a Graph<T>,
    equations: &'a Equations<T>,
    /// The names of the nodes' values and gradients.
    values: Vec<String>,
    gradients: Vec<String>,
    said: SecondaryMap<NodeKey, String>,
    body: String,
    helpers: BTreeSet<&'static str>,
    /// The nodes that stand where they are read.
    inside: Vec<bool>,
    /// Formulas that have a variable of their own for the sake of a helper.
    temporaries: SecondaryMap<NodeKey, Temporary>,
}

impl<T: Element> Writer<'_, T> {
    fn function(mut self, name: &str) -> Result<String> {
        let Self { graph, equations, .. } = self;
        let output = graph.output().index();
        {
            let mut ir = equations.ir.borrow_mut();
            let gradients = graph.inputs().filter_map(|node| equations.adjoints[node.index()]);
            ir.outputs = std::iter::once(equations.values[output]).chain(gradients).collect();
            ir.drop_dead();
        }
        self.checks();
        for node in graph.inputs() {
            self.say(equations.values[node.index()], self.values[node.index()].clone());
        }
        self.body += "    // Forward.\n";
        let reads = self.reads();
        for node in graph.nodes().iter().filter(|node| !node.is_input()) {
            let (index, key) = (node.index(), equations.values[node.index()]);
            if !self.is_live(key) && index != output {
                continue;
            }
            if let Some(name) = self.said.get(key) {
                // The same number under the name that it has.
                self.values[index] = name.clone();
            } else if node.is_data() && node.shape().rank() > 0 {
                self.data(node);
            } else if index != output && self.stands_inside(node, &reads) {
                self.inside[index] = true;
            } else if index == output || self.literal_of(key).is_none() {
                self.forward(node)?;
            }
        }
        self.body += "\n    // Backward: d_v is the derivative of the value by v.\n";
        for node in graph.nodes().iter().rev() {
            self.backward(node)?;
        }
        Ok(self.assembled(name))
    }

    fn is_live(&self, key: NodeKey) -> bool {
        self.equations.ir.borrow().nodes.contains_key(key)
    }
    fn node(&self, key: NodeKey) -> Node<T> {
        self.equations.ir.borrow().node(key).clone()
    }
    fn shape(&self, key: NodeKey) -> Shape {
        self.equations.ir.borrow().shape(key).clone()
    }
    fn literal_of(&self, key: NodeKey) -> Option<f64> {
        self.equations.ir.borrow().literal_of(key)
    }
    fn scalar_behind(&self, key: NodeKey) -> Option<NodeKey> {
        self.equations.ir.borrow().scalar_behind(key)
    }

    /// The variable that holds a formula, if there is one.
    fn variable(&self, key: NodeKey) -> Option<&str> {
        let part = || self.temporaries.get(key).map(|part| part.name.as_str());
        self.said.get(key).map(String::as_str).or_else(part)
    }

    /// From here on the formula goes by this name. A number stays a number, and a first name stays.
    fn say(&mut self, key: NodeKey, name: String) {
        if self.literal_of(key).is_none() && !self.said.contains_key(key) {
            self.said.insert(key, name);
        }
    }

    /// The formula as an expression, its parts in variables where it is deep: a sum of thousands, a chain as long.
    fn right_side(&mut self, key: NodeKey) -> Result<String> {
        let mut depths: SecondaryMap<NodeKey, u32> = SecondaryMap::new();
        let mut open = vec![key];
        while let Some(&at) = open.last() {
            let args = match self.said.contains_key(at) || self.temporaries.contains_key(at) {
                true => Default::default(),
                false => self.node(at).args,
            };
            let todo: Vec<NodeKey> = args.iter().copied().filter(|&arg| !depths.contains_key(arg)).collect();
            if !todo.is_empty() {
                open.extend(todo);
                continue;
            }
            open.pop();
            let depth = args.iter().map(|&arg| depths[arg] + 1).max().unwrap_or(0);
            let cut = depth >= DEEPEST && at != key;
            if cut {
                self.temporary(at)?;
            }
            depths.insert(at, if cut { 0 } else { depth });
        }
        self.whole(key)
    }

    /// How often each node is read.
    fn reads(&self) -> SecondaryMap<NodeKey, usize> {
        let ir = self.equations.ir.borrow();
        let mut reads = SecondaryMap::new();
        for key in ir.order.iter().flat_map(|&key| ir.node(key).args.iter().copied()).chain(ir.outputs.iter().copied())
        {
            *reads.entry(key).expect("no node is gone").or_insert(0) += 1;
        }
        reads
    }

    /// Short formulas of numbers without a name that one formula reads.
    fn stands_inside(&self, node: &GraphNode<T>, reads: &SecondaryMap<NodeKey, usize>) -> bool {
        let key = self.equations.values[node.index()];
        let hidden = node.name().is_none() && node.scope().is_none() && node.shape().rank() == 0;
        hidden
            && reads.get(key) == Some(&1)
            && matches!(node.op, NodeOp::Unary(_) | NodeOp::Binary(_))
            && leaves(&self.equations.ir.borrow(), key, LONGEST_INLINE, &|key| self.said.contains_key(key))
                <= LONGEST_INLINE
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
        let (name, elements) = (self.values[node.index()].clone(), self.numbers(node.value(), row));
        self.body += &format!("    let {name}: &[{}] = &{elements};\n", T::NAME);
        self.say(self.equations.values[node.index()], name);
    }

    fn numbers(&self, value: &Value<T>, row: usize) -> String {
        let all: Vec<String> = value.as_slice().iter().map(|x| self.literal(x.to_f64())).collect();
        if all.len() <= row {
            return format!("[{}]", all.join(", "));
        }
        let rows: String = all.chunks(row).map(|row| format!("        {},\n", row.join(", "))).collect();
        format!("[\n{rows}    ]")
    }

    fn forward(&mut self, node: &GraphNode<T>) -> Result<()> {
        let key = self.equations.values[node.index()];
        let right = self.right_side(key)?;
        let name = self.values[node.index()].clone();
        let kind = if node.shape().rank() > 0 { format!(": Vec<{}>", T::NAME) } else { String::new() };
        let mut remark =
            if node.shape().rank() > 0 { format!(" // {}", in_words(&node.shape())) } else { String::new() };
        if let Some(scope) = node.scope() {
            let lead = if remark.is_empty() { " //" } else { "," };
            remark += &format!("{lead} in {}", one_line(scope));
        }
        self.body += &format!("    let {name}{kind} = {right};{remark}\n");
        self.say(key, name);
        Ok(())
    }

    fn backward(&mut self, node: &GraphNode<T>) -> Result<()> {
        let index = node.index();
        let adjoint = self.equations.adjoints[index].filter(|&key| self.is_live(key));
        let shape = node.shape();
        let kind = if shape.rank() > 0 { format!(": Vec<{}>", T::NAME) } else { String::new() };
        let Some(key) = adjoint else {
            if node.is_input() {
                let zeros = if shape.rank() > 0 { format!("vec![0.0; {}]", shape.numel()) } else { "0.0".to_owned() };
                self.body += &format!("    let {}{kind} = {zeros};\n", self.gradients[index]);
            }
            return Ok(());
        };
        if !node.is_input() {
            if let Some(name) = self.said.get(key) {
                // The same gradient under the name that it has.
                self.gradients[index] = name.clone();
                return Ok(());
            }
            if self.literal_of(key).is_some() {
                return Ok(());
            }
        }
        let name = self.gradients[index].clone();
        let through: Vec<String> = self.readers(index).map(|reader| self.place(reader)).collect();
        if !through.is_empty() {
            self.body += &format!("    // {} is read by {}.\n", self.values[index], through.join(", "));
        }
        let right = self.right_side(key)?;
        self.body += &format!("    let {name}{kind} = {right};\n");
        self.say(key, name);
        Ok(())
    }

    /// The nodes that hand a node a gradient, in the order of the sweep.
    fn readers(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        let nodes = self.graph.nodes()[index + 1..].iter().rev();
        let reads = move |node: &&GraphNode<T>| node.parents().any(|parent| parent == index);
        nodes.filter(|node| node.is_active() && !node.op.is_flat()).filter(reads).map(|node| node.index())
    }

    /// The variable that a node is part of, with the node's op, for a comment.
    fn place(&self, index: usize) -> String {
        let op = self.graph.nodes()[index].op();
        let mut at = index;
        while self.inside[at] {
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
