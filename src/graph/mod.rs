//! A recorded computation as a value of its own: nodes with op, arguments, value, name and source line.
//!
//! A [`Graph`] holds what leads to one output, numbers and tensors in one list in the order in which they were recorded. It
//! outlives the tape, can be recorded again (as it was, with every fused op as its textbook formula, or with a node replaced),
//! and is what is drawn and compared: a node for all that was recorded, with its value. What is computed, each node once, is the
//! SSA graph that it is traced into (`graph/ssa`).
//!
//! **Invariant.** Arguments come before the nodes that read them.
//!
//! # Examples
//! ```
//! use retrograd::{Tape, graph::Graph};
//! let mut tape = Tape::new();
//! let graph = {
//!     let x = tape.var(2.0).named("x");
//!     Graph::of((x * x).named("square") + 1.0)
//! };
//! tape.clear();
//! let ops: Vec<_> = graph.nodes().iter().map(|node| node.op()).collect();
//! assert_eq!(ops, ["input", "mul", "add"]);
//! assert_eq!(graph.named("square").unwrap().value().as_slice(), [4.0]);
//! ```

mod record;
pub(crate) mod ssa;
#[cfg(test)]
mod tests;

pub use crate::tape::Scope;

use crate::num::Element;
use crate::tape::entry::{NodeOp, Parent};
use crate::tape::scalar::{ScalarNode, ScalarOperand};
use crate::tape::{self, Id, NodeId, NodeRef, Tape, Value, Var};
use crate::tensor::Shape;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::panic::Location;

/// What leads to an output: its nodes, inputs first, the output last.
///
/// # Examples
/// ```
/// use retrograd::{Tape, graph::Graph};
/// let tape = Tape::new();
/// let (a, b) = (tape.var(2.0).named("a"), tape.var(1.0).named("b"));
/// let e = (a + b) * (b + 1.0);
/// let graph = Graph::of(e);
/// let lines: Vec<String> = graph.nodes().iter().map(|node| node.to_string()).collect();
/// assert_eq!(lines, ["%0 a = input [] 2", "%1 b = input [] 1", "%2 = add(%0, %1) [] 3", "%3 = add(%1, 1) [] 2", "%4 = mul(%2, %3) [] 6"]);
/// ```
#[derive(Clone)]
pub struct Graph<T> {
    nodes: Vec<GraphNode<T>>,
    /// Where a tape's nodes are.
    places: HashMap<NodeId, usize>,
    /// The recording that they are of.
    of: tape::Recorded,
}

/// One op of a graph.
///
/// # Examples
/// ```
/// use retrograd::{Tape, graph::{Arg, Graph}};
/// let tape = Tape::new();
/// let x = tape.var([1.0, 2.0]).named("x");
/// let graph = Graph::of(x * 3.0);
/// let node = graph.output();
/// assert_eq!((node.index(), node.op(), node.shape().dims()), (1, "mul", &[2][..]));
/// assert_eq!(node.args(), [Arg::Node(0), Arg::Literal(3.0)]);
/// assert_eq!(graph.named("x").map(|x| x.is_input()), Some(true));
/// ```
#[derive(Clone)]
pub struct GraphNode<T> {
    pub(crate) index: usize,
    pub(crate) op: NodeOp<T>,
    pub(crate) args: SmallVec<[Arg<T>; 2]>,
    pub(crate) value: Value<T>,
    pub(crate) active: bool,
    pub(crate) name: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) site: Option<&'static Location<'static>>,
    /// The node of the graph that this one is an expansion of, if it is one.
    pub(crate) origin: Option<usize>,
}

/// An argument of a node.
///
/// See the example of [`GraphNode`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arg<T> {
    /// Another node, by its number.
    Node(usize),
    /// A number that is no node.
    Literal(T),
}

impl<T: Element> GraphNode<T> {
    /// Its number: its place in [`Graph::nodes`].
    pub fn index(&self) -> usize {
        self.index
    }
    /// The name of its op; `input` for a variable, `data` for a constant tensor.
    pub fn op(&self) -> &str {
        match &self.op {
            NodeOp::Leaf if self.active => "input",
            NodeOp::Leaf => "data",
            op => op.name(),
        }
    }
    /// Its arguments, in order.
    pub fn args(&self) -> &[Arg<T>] {
        &self.args
    }
    /// Its arguments that are nodes.
    pub fn parents(&self) -> impl Iterator<Item = usize> + '_ {
        self.args.iter().filter_map(|arg| match arg {
            Arg::Node(index) => Some(*index),
            Arg::Literal(_) => None,
        })
    }
    /// Its value.
    pub fn value(&self) -> &Value<T> {
        &self.value
    }
    /// The shape of its value.
    pub fn shape(&self) -> Shape {
        self.value.shape()
    }
    /// Whether it is a variable.
    pub fn is_input(&self) -> bool {
        self.active && matches!(self.op, NodeOp::Leaf)
    }
    /// Whether it is a tensor for which no gradient is computed.
    pub(crate) fn is_data(&self) -> bool {
        !self.active && matches!(self.op, NodeOp::Leaf)
    }
    /// Whether gradients go through it.
    pub fn is_active(&self) -> bool {
        self.active
    }
    /// The name that it was given.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
    /// The scopes that it was recorded in, outermost first: `encoder/layer1`.
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }
    /// The source line that recorded it, where the tape keeps it.
    pub fn site(&self) -> Option<&'static Location<'static>> {
        self.site
    }
}

impl<T: Element> std::fmt::Display for GraphNode<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "%{}", self.index)?;
        if let Some(name) = &self.name {
            write!(f, " {name}")?;
        }
        write!(f, " = {}", self.op())?;
        if !self.args.is_empty() {
            f.write_str("(")?;
            for (i, arg) in self.args.iter().enumerate() {
                f.write_str(if i > 0 { ", " } else { "" })?;
                match arg {
                    Arg::Node(index) => write!(f, "%{index}")?,
                    Arg::Literal(x) => write!(f, "{x}")?,
                }
            }
            f.write_str(")")?;
        }
        write!(f, " {}", self.shape())?;
        match &self.value {
            Value::Scalar(x) => write!(f, " {x}"),
            Value::Tensor(_) => Ok(()),
        }
    }
}

/// A node of either lane, ordered as recorded.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Recorded {
    /// A scalar's number, or how many scalars there were before an entry.
    time: u32,
    is_scalar: bool,
    entry: usize,
}

impl<T: Element> Graph<T> {
    /// What leads to this variable.
    ///
    /// # Panics
    /// The variable is a constant, which no tape has recorded.
    #[track_caller]
    pub fn of(output: Var<'_, T>) -> Self {
        let Some(tape) = output.get_tape().filter(|_| !output.is_constant()) else {
            panic!("graph: the output is a constant, which nothing leads to");
        };
        Collector::new(tape).graph(output.id)
    }

    /// The nodes, arguments first.
    pub fn nodes(&self) -> &[GraphNode<T>] {
        &self.nodes
    }
    /// The node of the output, the last one.
    pub fn output(&self) -> &GraphNode<T> {
        self.nodes.last().expect("a graph has an output")
    }
    /// The variables that the output depends on, in order.
    pub fn inputs(&self) -> impl Iterator<Item = &GraphNode<T>> {
        self.nodes.iter().filter(|node| node.is_input())
    }
    /// The node of a variable of the tape that this was taken from, if the output depends on it.
    pub fn find(&self, id: Id) -> Option<&GraphNode<T>> {
        self.find_node(id.node).filter(|_| id.of == self.of)
    }
    pub(crate) fn find_node(&self, node: NodeId) -> Option<&GraphNode<T>> {
        self.places.get(&node).map(|&index| &self.nodes[index])
    }
    /// The node of this name.
    pub fn named(&self, name: &str) -> Option<&GraphNode<T>> {
        self.nodes.iter().find(|node| node.name.as_deref() == Some(name))
    }
    /// The same graph, with names for nodes that have none.
    #[cfg(feature = "text")]
    pub(crate) fn with_names(mut self, name: impl Fn(&GraphNode<T>) -> Option<String>) -> Self {
        for node in self.nodes.iter_mut().filter(|node| node.name.is_none()) {
            node.name = name(node);
        }
        self
    }
    /// How a node is called in words: its name, or its op and number.
    pub fn title(&self, index: usize) -> String {
        let node = &self.nodes[index];
        node.name.clone().unwrap_or_else(|| format!("{} #{index}", node.op()))
    }
}

/// Collects what leads to an output.
struct Collector<'t, T> {
    tape: &'t Tape<T>,
    values: Vec<T>,
}

impl<'t, T: Element> Collector<'t, T> {
    fn new(tape: &'t Tape<T>) -> Self {
        Self { tape, values: tape.scalars().values(tape.scalars().len()) }
    }

    fn place(&self, id: NodeId) -> Option<Recorded> {
        let entry = match id.lane() {
            NodeRef::Constant => return None,
            NodeRef::Tensor(k) => k,
            NodeRef::Scalar(time) => match self.tape.maker(time) {
                Some(k) => k,
                None => return Some(Recorded { time, is_scalar: true, entry: 0 }),
            },
        };
        Some(Recorded { time: self.tape.entries()[entry].mark, is_scalar: false, entry })
    }

    fn parents(&self, at: Recorded) -> SmallVec<[NodeId; 2]> {
        if at.is_scalar {
            let parents = self.tape.scalars().parents(at.time);
            return parents.into_iter().flatten().map(NodeId::scalar).collect();
        }
        self.tape.entries()[at.entry].parents.iter().map(|parent| parent.id).collect()
    }

    fn graph(self, output: NodeId) -> Graph<T> {
        let mut reached: HashMap<Recorded, usize> = HashMap::new();
        let mut open: Vec<Recorded> = self.place(output).into_iter().collect();
        while let Some(at) = open.pop() {
            if reached.insert(at, 0).is_none() {
                open.extend(self.parents(at).into_iter().filter_map(|id| self.place(id)));
            }
        }
        let mut order: Vec<Recorded> = reached.keys().copied().collect();
        order.sort_unstable();
        for (index, at) in order.iter().enumerate() {
            reached.insert(*at, index);
        }
        let mut places = HashMap::new();
        let nodes = order.iter().enumerate().map(|(index, &at)| {
            let id = if at.is_scalar { NodeId::scalar(at.time) } else { NodeId::tensor(at.entry) };
            places.insert(id, index);
            let mut node = if at.is_scalar { self.scalar(at.time, &reached) } else { self.entry(at.entry, &reached) };
            if let Some(result) = (!at.is_scalar).then(|| self.tape.entries()[at.entry].scalar).flatten() {
                places.insert(NodeId::scalar(result), index);
            }
            node.index = index;
            (node.name, node.scope) = self.tape.name_and_scope(id);
            node
        });
        let nodes = nodes.collect();
        Graph { nodes, places, of: self.tape.recorded() }
    }

    fn arg(&self, id: NodeId, value: T, reached: &HashMap<Recorded, usize>) -> Arg<T> {
        match self.place(id) {
            Some(at) => Arg::Node(reached[&at]),
            None => Arg::Literal(value),
        }
    }

    fn scalar(&self, id: u32, reached: &HashMap<Recorded, usize>) -> GraphNode<T> {
        let node = |id: u32| self.arg(NodeId::scalar(id), T::from_f64(0.0), reached);
        let operand = |operand| match operand {
            ScalarOperand::Node(id) => node(id),
            ScalarOperand::Literal(x) => Arg::Literal(x),
        };
        let (op, args) = match self.tape.scalars().decode(id) {
            ScalarNode::Leaf(_) => (NodeOp::Leaf, SmallVec::new()),
            ScalarNode::Unary(op, parent) => (NodeOp::Unary(op), smallvec::smallvec![node(parent)]),
            ScalarNode::Binary(op, a, b) => (NodeOp::Binary(op), smallvec::smallvec![operand(a), operand(b)]),
            ScalarNode::Copy(parent) => (NodeOp::Copy, smallvec::smallvec![node(parent)]),
        };
        let site = self.tape.scalars().site(id);
        let value = Value::Scalar(self.values[id as usize]);
        GraphNode { index: 0, op, args, value, active: true, name: None, scope: None, site, origin: None }
    }

    fn entry(&self, k: usize, reached: &HashMap<Recorded, usize>) -> GraphNode<T> {
        let entries = self.tape.entries();
        let entry = &entries[k];
        let parents: SmallVec<[Parent<T>; 2]> = SmallVec::from_slice(&entry.parents);
        let (value, active, site) = (entry.value.clone(), entry.active, Some(entry.site));
        let op = entry.op.clone();
        drop(entries);
        let args = parents.iter().map(|parent| self.arg(parent.id, parent.value, reached)).collect();
        GraphNode { index: 0, op, args, value, active, name: None, scope: None, site, origin: None }
    }
}
