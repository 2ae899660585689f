//! One mistake at one node that is no edit of a statement: the function itself done differently, an example or a term of a loop
//! alone, a gradient replaced. The node is recorded as another op, and the sweep itself knows nothing of it.

use crate::error::Result;
use crate::graph::{Graph, GraphNode};
use crate::ops::structural::TensorOp;
use crate::ops::{self, BinaryOp, UnaryOp};
use crate::tape::NodeOp;
use crate::tape::custom::NumericOp;
use crate::tape::{Tape, Var};
use crate::tensor::Tensor;

/// What is done wrong at a node.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// The contributions to the two arguments exchanged.
    Exchanged,
    /// One example's share of the upstream gradient alone, along an axis of the argument.
    OneExample { axis: usize, index: usize },
    /// One term alone of a sum that a loop adds up: at the node itself what came before is forgotten, at the others what they add.
    OnlyTerm(usize),
    /// What a loop adds up forgotten, but for what it began with.
    OnlyStart,
    /// The op applied to its own result.
    Twice,
    /// The op left out of the function.
    Skipped,
    /// An argument of the function replaced by a number.
    Operand(usize, f64),
    /// x + y for x - y, or the other way round.
    Flipped,
    /// The gradient by the node's value replaced.
    Adjoint(Tensor<f64>),
}

/// A mistake at a node of a graph.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mutation {
    pub level: usize,
    pub node: usize,
    /// Nodes of the same source line where the same mistake was made, as in every layer of a loop.
    pub also: Vec<usize>,
    pub change: Change,
}

impl Mutation {
    pub fn new(level: usize, node: usize, change: Change) -> Self {
        Self { level, node, also: Vec::new(), change }
    }

    /// Whether the mistake is made at this node.
    pub fn is_at(&self, node: usize) -> bool {
        self.node == node || self.also.contains(&node)
    }

    /// The gradient by the node itself, where the mistake is in that.
    pub fn adjoint(&self) -> Option<&Tensor<f64>> {
        match &self.change {
            Change::Adjoint(adjoint) => Some(adjoint),
            _ => None,
        }
    }

    /// Records the node with the mistake.
    pub fn record<'t>(
        &self,
        tape: &'t Tape<f64>,
        node: &GraphNode<f64>,
        args: &[Var<'t, f64>],
    ) -> Result<Var<'t, f64>> {
        match &self.change {
            Change::Twice => {
                let once = node.record(tape, args)?;
                let mut again = args.to_vec();
                again[0] = once;
                node.record(tape, &again)
            }
            Change::Skipped => Ok(args[0]),
            Change::Operand(wrt, x) => {
                let mut args = args.to_vec();
                args[*wrt] = tape.data(Tensor::full(args[*wrt].shape(), *x));
                node.record(tape, &args)
            }
            Change::Flipped if node.op() == "sub" => args[0].try_add(args[1]),
            Change::Flipped => args[0].try_sub(args[1]),
            Change::Adjoint(adjoint) => {
                let honest = node.record(tape, args)?;
                tape.try_numeric(Replaced(adjoint.clone()), &[honest])
            }
            Change::OnlyTerm(_) => {
                let share = Share::Without(usize::from(node.index() != self.node));
                tape.try_numeric(Mutant { node: node.clone(), share }, args)
            }
            Change::OnlyStart => tape.try_numeric(Mutant { node: node.clone(), share: Share::Without(1) }, args),
            Change::Exchanged => tape.try_numeric(Mutant { node: node.clone(), share: Share::Exchanged }, args),
            Change::OneExample { axis, index } => {
                let share = Share::One { axis: *axis, index: *index };
                tape.try_numeric(Mutant { node: node.clone(), share }, args)
            }
        }
    }
}

/// A node's value, with the gradient by it replaced.
struct Replaced(Tensor<f64>);

/// A node's value, with something wrong about what it contributes.
struct Mutant {
    node: GraphNode<f64>,
    share: Share,
}

/// What is wrong about what a node contributes to its arguments.
enum Share {
    /// Nothing comes to one of them.
    Without(usize),
    Exchanged,
    /// What one index along an axis brings, alone.
    One {
        axis: usize,
        index: usize,
    },
}

impl NumericOp<f64> for Replaced {
    fn name(&self) -> &str {
        "replaced"
    }
    fn value(&self, inputs: &[Tensor<f64>]) -> Result<Tensor<f64>> {
        Ok(inputs[0].clone())
    }
    fn vjp(&self, _inputs: &[Tensor<f64>], _output: &Tensor<f64>, _g: &Tensor<f64>) -> Vec<Tensor<f64>> {
        vec![self.0.clone()]
    }
}

impl NumericOp<f64> for Mutant {
    fn name(&self) -> &str {
        self.node.op()
    }
    fn value(&self, inputs: &[Tensor<f64>]) -> Result<Tensor<f64>> {
        let tape = Tape::new();
        let args: Vec<_> = inputs.iter().map(|x| tape.data(x)).collect();
        Ok(self.node.record(&tape, &args)?.value())
    }
    fn vjp(&self, inputs: &[Tensor<f64>], _output: &Tensor<f64>, g: &Tensor<f64>) -> Vec<Tensor<f64>> {
        let Ok(mut found) = contributions(&self.node, inputs, g) else {
            // A mistake that cannot be made here explains nothing.
            return inputs.iter().map(|x| Tensor::full(x.shape(), f64::NAN)).collect();
        };
        match self.share {
            Share::Without(wrt) => found[wrt] = Tensor::zeros(found[wrt].shape()),
            Share::Exchanged => found.swap(0, 1),
            Share::One { axis, index } => found[0] = only(&found[0], axis, index),
        }
        found
    }
}

/// The true contributions of a node to its arguments, from the upstream gradient.
pub(super) fn contributions(
    node: &GraphNode<f64>,
    inputs: &[Tensor<f64>],
    g: &Tensor<f64>,
) -> Result<Vec<Tensor<f64>>> {
    let tape = Tape::new();
    let args: Vec<_> = inputs.iter().map(|x| tape.var(x)).collect();
    let output = node.record(&tape, &args)?;
    if output.is_constant() {
        return Ok(args.iter().map(|x| Tensor::zeros(x.shape())).collect());
    }
    let gradients = output.try_backward_with(g.clone())?;
    args.iter().map(|&x| gradients.try_wrt(x)).collect()
}

/// The values of a node's arguments.
pub(super) fn inputs_of(graph: &Graph<f64>, node: &GraphNode<f64>) -> Vec<Tensor<f64>> {
    let value = |arg: &crate::graph::Arg<f64>| match arg {
        crate::graph::Arg::Node(index) => graph.nodes()[*index].value().clone().into_tensor(),
        crate::graph::Arg::Literal(x) => Tensor::scalar(*x),
    };
    node.args().iter().map(value).collect()
}

/// Zeros, but for one index along an axis.
fn only(x: &Tensor<f64>, axis: usize, index: usize) -> Tensor<f64> {
    let inner: usize = x.shape().iter().skip(axis + 1).product();
    let size = x.shape().get(axis).copied().unwrap_or(1);
    let mut x = x.clone();
    for (i, x) in x.as_mut_slice().iter_mut().enumerate() {
        if i / inner % size != index {
            *x = 0.0;
        }
    }
    x
}

/// Whether a node adds or subtracts.
pub(super) fn adds(node: &GraphNode<f64>) -> bool {
    matches!(node.op, NodeOp::Binary(BinaryOp::Add(ops::Add) | BinaryOp::Sub(ops::Sub)))
}

/// Whether a node is one that may be left out or applied twice: its value has the shape of its argument.
pub(super) fn is_map(node: &GraphNode<f64>) -> bool {
    matches!(node.op, NodeOp::Unary(_) | NodeOp::Tensor(TensorOp::Map(_)))
}

/// The one-argument op of a node.
pub(super) fn unary(node: &GraphNode<f64>) -> Option<UnaryOp> {
    match node.op {
        NodeOp::Unary(op) => Some(op),
        _ => None,
    }
}
