//! The chain rule of a graph: for each node its formula, and what it adds to its parents' gradients.

use super::{Symbol, TermKind, TermTable};
use crate::error::{Error, Result};
use crate::graph::{Arg, Graph, GraphNode};
use crate::num::{Element, Number, Upstream};
use crate::ops::algebra::Algebra;
use crate::ops::structural::{Contribution, Node};
use crate::ops::symbol::Rules;
use crate::ops::{BinaryVisitor, BuiltinBinary, BuiltinUnary, UnaryVisitor};
use crate::tape::NodeOp;
use crate::tensor::Shape;

/// Gradients of nodes with more readers are sums of sums.
const LONGEST_SUM: usize = 16;

/// The formulas of a graph's nodes.
pub(crate) struct Equations {
    /// Each node's value in terms of its arguments; nothing for variables and data.
    pub values: Vec<Option<usize>>,
    /// For each node what its readers add to its gradient, in the order of the sweep: the reader, and the formula.
    pub contributions: Vec<Vec<(usize, usize)>>,
}

impl Equations {
    /// Runs every rule over formulas.
    pub fn of<T: Element>(book: &TermTable, graph: &Graph<T>) -> Result<Self> {
        let n = graph.nodes().len();
        let mut equations = Self { values: Vec::with_capacity(n), contributions: vec![Vec::new(); n] };
        let known = |id: usize| match book.term(id).form {
            TermKind::Node(index) => graph.nodes()[index].value().as_slice().to_vec(),
            _ => Vec::new(),
        };
        let writer = Writer { book, graph, rules: Rules { formulas: book, known: &known } };
        for node in graph.nodes() {
            equations.values.push(writer.value(node));
        }
        for node in graph.nodes().iter().rev().filter(|node| node.is_active()) {
            for (argument, arg) in node.args().iter().enumerate().rev() {
                let &Arg::Node(parent) = arg else { continue };
                if !graph.nodes()[parent].is_active() || node.op.is_flat() {
                    continue;
                }
                let contribution = writer.contribution(node, argument)?;
                let fitted = book.id(writer.fitted(contribution, &graph.nodes()[parent].shape()));
                if book.literal(fitted) != Some(0.0) {
                    equations.contributions[parent].push((node.index(), fitted));
                }
            }
        }
        Ok(equations)
    }

    /// The gradient by a node, as the sum of its contributions; `None` where none arrives.
    pub fn adjoint(&self, book: &TermTable, node: usize) -> Option<usize> {
        let mut parts: Vec<usize> = self.contributions[node].iter().map(|&(_, formula)| formula).collect();
        // Thousands of readers make a sum of sums: a chain of them would be as deep as it is long.
        while parts.len() > LONGEST_SUM {
            parts = parts
                .chunks(2)
                .map(|pair| pair.iter().copied().reduce(|a, b| book.add(a, b)).unwrap_or(pair[0]))
                .collect();
        }
        parts.into_iter().reduce(|a, b| book.add(a, b))
    }
}

struct Writer<'k, 'b, T> {
    book: &'b TermTable,
    graph: &'k Graph<T>,
    rules: Rules<'k, 'b, T>,
}

impl<'b, T: Element> Writer<'_, 'b, T> {
    fn leaf(&self, form: TermKind, index: usize) -> Symbol<'b> {
        let shape = self.graph.nodes()[index].shape();
        self.book.symbol(self.book.intern(form, &[], shape))
    }

    fn args(&self, node: &GraphNode<T>) -> Vec<Symbol<'b>> {
        let arg = |arg: &Arg<T>| match arg {
            Arg::Node(index) => self.leaf(TermKind::Node(*index), *index),
            Arg::Literal(x) => Symbol::Literal(x.as_f64()),
        };
        node.args().iter().map(arg).collect()
    }

    /// The node's formula.
    fn value(&self, node: &GraphNode<T>) -> Option<usize> {
        let args = self.args(node);
        let refs: Vec<&Symbol<'b>> = args.iter().collect();
        let named = |name: &str| {
            let ids: Vec<usize> = args.iter().map(|&arg| self.book.id(arg)).collect();
            self.book.symbol(self.book.intern(TermKind::Named(name.into()), &ids, node.shape()))
        };
        let symbol = match &node.op {
            NodeOp::Leaf => return None,
            NodeOp::Unary(op) => self.rules.unary(*op, &args[0]),
            NodeOp::Binary(op) => self.rules.binary(*op, &args[0], &args[1]),
            NodeOp::Copy => args[0],
            NodeOp::Select => Algebra::<T>::select(&self.rules, &args[0], &args[1], &args[2]),
            NodeOp::Tensor(op) => self.rules.apply(op.clone(), &refs),
            NodeOp::CustomUnary(op) => named(op.name()),
            NodeOp::CustomBinary(op) => named(op.name()),
            NodeOp::Custom(op) => named(op.name()),
        };
        let id = self.book.id(symbol);
        // A product with 1 keeps the stretched shape of the node.
        Some(if self.book.shape(id) == node.shape() { id } else { self.book.broadcast_to(id, &node.shape()) })
    }

    /// What the node adds to the gradient of one of its arguments, up to broadcasting.
    fn contribution(&self, node: &GraphNode<T>, wrt: usize) -> Result<Symbol<'b>> {
        let args = self.args(node);
        let output = self.leaf(TermKind::Node(node.index()), node.index());
        let g = self.leaf(TermKind::Adjoint(node.index()), node.index());
        Ok(match &node.op {
            NodeOp::Leaf => unreachable!("they have no arguments"),
            NodeOp::Unary(op) => op.with(UnaryRule([args[0], output, g])),
            NodeOp::Binary(op) => op.with(BinaryRule { nodes: [args[0], args[1], output, g], wrt }),
            NodeOp::Copy => g,
            NodeOp::Select if wrt == 1 => Number::select(args[0], g, Symbol::Literal(0.0)),
            NodeOp::Select if wrt == 2 => Number::select(args[0], Symbol::Literal(0.0), g),
            NodeOp::Select => Symbol::Literal(0.0),
            NodeOp::Tensor(op) => match op.vjp(&self.rules, Node { inputs: &args, output: &output }, wrt, &g) {
                Contribution::Value(value) => value,
                Contribution::Product { x, transpose_x, y, transpose_y } => {
                    self.rules.matmul(&x, transpose_x, &y, transpose_y)
                }
            },
            NodeOp::CustomUnary(op) => op.symbol_vjp(args[0], output, g),
            NodeOp::CustomBinary(op) => op.symbol_vjp([args[0], args[1], output], wrt, g),
            NodeOp::Custom(op) => match op.symbol_vjp(&self.rules, &args, &output, &g)? {
                Some(mut gradients) => gradients.swap_remove(wrt),
                None => {
                    let name = op.name();
                    return Err(Error::not_differentiable(format!(
                        "explain: {name}: its rule exists as numbers only, so it has no formula; write it over Algebra (CustomOp)"
                    )));
                }
            },
        })
    }

    /// Undoes broadcasting, as the sweep does.
    fn fitted(&self, value: Symbol<'b>, shape: &Shape) -> Symbol<'b> {
        let from = self.rules.shape(&value);
        if from == *shape {
            value
        } else if shape.broadcasts_to(&from) {
            self.rules.sum_to(&value, shape)
        } else if let Symbol::Literal(0.0) = value {
            value
        } else {
            self.rules.broadcast_to(&value, shape)
        }
    }
}

struct UnaryRule<'b>([Symbol<'b>; 3]);
impl<'b> UnaryVisitor for UnaryRule<'b> {
    type Output = Symbol<'b>;
    fn visit<O: BuiltinUnary>(self, op: O) -> Symbol<'b> {
        let [x, y, g] = self.0;
        op.vjp(x, y, Upstream(g)).0
    }
}

struct BinaryRule<'b> {
    nodes: [Symbol<'b>; 4],
    wrt: usize,
}
impl<'b> BinaryVisitor for BinaryRule<'b> {
    type Output = Symbol<'b>;
    fn visit<O: BuiltinBinary>(self, op: O) -> Symbol<'b> {
        let [x, y, out, g] = self.nodes;
        match self.wrt {
            0 => op.vjp_x(x, y, out, Upstream(g)).0,
            _ => op.vjp_y(x, y, out, Upstream(g)).0,
        }
    }
}
