//! A graph's values and gradients as formulas: nodes of one SSA graph, which the ops' rules write down.
//!
//! A recorded graph is recorded anew and traced as a program is ([`Traced`]), its rules written out. What is shown of the
//! result (as formulas, as Rust) stops at nodes that have a name there.

mod collapse;
mod formulas;
mod latex;
mod mathml;
#[cfg(test)]
mod tests;
mod text;

pub(super) use collapse::collapsed;
pub(super) use formulas::Formulas;
pub(super) use latex::latex;
pub(super) use mathml::{escaped, mathml};
pub(super) use text::text;

use crate::error::Result;
use crate::graph::Graph;
use crate::graph::ssa::trace::{RuleForm, Traced};
use crate::graph::ssa::{Ir, IrOp, Level, NodeKey};
use crate::num::Element;
use crate::ops::structural::TensorOp;
use crate::sweep::Needs;
use crate::tape::{NodeOp, Tape, Var};
use std::cell::RefCell;

/// What a graph's nodes and their gradients are.
pub(super) struct Equations<T> {
    pub ir: RefCell<Ir<T>>,
    /// Each node's value.
    pub values: Vec<NodeKey>,
    /// Each node's gradient; `None` where none arrives.
    pub adjoints: Vec<Option<NodeKey>>,
}

impl<T: Element> Equations<T> {
    /// As a reader derives them: the gradient of the output is a symbol of its own.
    ///
    /// # Errors
    /// A user's op whose rule exists as numbers only.
    pub fn readable(graph: &Graph<T>) -> Result<Self> {
        Self::of(graph, Level::Readable)
    }

    /// As a program runs them: with the identities that keep every number, and 1 for the gradient of the output.
    ///
    /// # Errors
    /// As [`Equations::readable`].
    pub fn compiled(graph: &Graph<T>) -> Result<Self> {
        Self::of(graph, Level::Exact)
    }

    fn of(graph: &Graph<T>, level: Level) -> Result<Self> {
        let tape = Tape::of();
        let vars = graph.record(&tape)?;
        let inputs: Vec<Var<'_, T>> = graph.inputs().map(|node| vars[node.index()]).collect();
        let ir = RefCell::new(Ir::new(level));
        let traced = Traced::new(&tape, &ir, &inputs, RuleForm::Written)?;
        let output = vars[vars.len() - 1];
        let seed = match level {
            Level::Readable => ir.borrow_mut().input(output.shape()),
            _ => traced.number_key(1.0),
        };
        let values = vars.iter().map(|&var| traced.key(var)).collect();
        let needs = Needs::downstream_of(&tape, &inputs);
        let adjoints = traced.adjoints(&tape, output, seed, &needs, &vars)?;
        drop(traced);
        Ok(Self { ir, values, adjoints })
    }
}

/// How many leaves a reader of the formula sees, up to a limit; formulas go down to nodes that pass the test.
pub(super) fn leaves<T: Element>(ir: &Ir<T>, key: NodeKey, limit: usize, is_leaf: &impl Fn(NodeKey) -> bool) -> usize {
    let mut sum = 0;
    let mut open = vec![key];
    let mut visited = 0;
    while let Some(at) = open.pop() {
        let node = ir.node(at);
        visited += 1;
        if at != key && is_leaf(at) || node.args.is_empty() {
            sum += 1;
        } else {
            // These two are written with their labels and their factor.
            use TensorOp::{CrossEntropy, CrossEntropySlope};
            let hidden = matches!(node.op, IrOp::Op(NodeOp::Tensor(CrossEntropy(_) | CrossEntropySlope(_))));
            sum += if hidden { 2 } else { 0 };
            open.extend(node.args.iter().copied());
        }
        // A chain has one leaf, however long it is.
        if sum > limit || visited > 16 * (limit + 1) {
            return limit + 1;
        }
    }
    sum
}
