//! One mistake at one node: the node recorded as another op, whose value is the node's and whose rule is the mistaken one.
//!
//! The sweep itself knows nothing of it. The true rule is had by recording the node alone and sweeping backwards, so no rule
//! is written twice here.

use crate::error::{Error, Result};
use crate::graph::{Graph, GraphNode};
use crate::ops::structural::{MatMul, TensorOp};
use crate::ops::{self, BinaryOp, UnaryOp};
use crate::tape::NodeOp;
use crate::tape::custom::NumericOp;
use crate::tape::{Tape, Var};
use crate::tensor::Tensor;
use crate::tensor::kernels::Kernels;

/// What is done wrong at a node.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// The rule times a number: -1 for a lost sign, 0 for a forgotten path.
    Scaled(f64),
    /// The contribution to one argument times a number.
    ArgumentScaled(usize, f64),
    /// The derivative by one argument, or by all, taken as 1.
    LeftOut(Option<usize>),
    /// A rule in terms of the output, given the input instead.
    InputForOutput,
    /// The derivative at the output instead of at the input.
    OutputForInput,
    /// The derivative of the other side, where the input lies on the kink.
    Kink,
    /// Another formula for the derivative of an activation.
    Formula(Formula),
    /// Of softmax: s (1 - s) g, without what the others contribute.
    Diagonal,
    /// The derivative by an argument, with another node's value where that of its other argument belongs; for an op of one
    /// argument, where its own belongs.
    OtherValue(usize, usize),
    /// The derivative as if an operand of the op before were 0: x forgotten in the derivative of (x - y)^2.
    WithoutOperand(usize),
    /// The derivative of an op of one argument, twice.
    RuleTwice,
    /// The contribution to an argument times a power of that argument: an exponent off by one.
    Power(usize, i32),
    /// Of a matrix product: the other operand not transposed where it should be.
    TransposedFactor(usize),
    /// Of a matrix product: the upstream gradient, square, not transposed where it should be.
    TransposedUpstream(usize),
    /// Of a matrix product: the contribution to a square operand transposed.
    TransposedResult(usize),
    /// Of elements that are taken several times: the last use overwrites what the others contribute.
    Overwritten,
    /// The contributions to the two arguments exchanged.
    Exchanged,
    /// One example's share of the upstream gradient alone, along an axis of the argument.
    OneExample { axis: usize, index: usize },
    /// One term alone of a sum that a loop adds up: at the node itself what came before is forgotten, at the others what they add.
    OnlyTerm(usize),
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

/// Formulas that are written for an activation's derivative in terms of its output a.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Formula {
    /// a (1 - a), sigmoid's.
    Sigmoid,
    /// 1 - a^2, that of tanh.
    Tanh,
    /// 1 - a.
    Complement,
    /// a.
    Output,
}

impl Formula {
    pub const ALL: [Self; 4] = [Self::Sigmoid, Self::Tanh, Self::Complement, Self::Output];
    fn of(self, a: f64) -> f64 {
        match self {
            Self::Sigmoid => a * (1.0 - a),
            Self::Tanh => 1.0 - a * a,
            Self::Complement => 1.0 - a,
            Self::Output => a,
        }
    }
    pub fn text(self) -> &'static str {
        match self {
            Self::Sigmoid => "a (1 - a)",
            Self::Tanh => "1 - a^2",
            Self::Complement => "1 - a",
            Self::Output => "a",
        }
    }
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

    /// Whether two mistakes are made at different nodes.
    pub fn is_apart_from(&self, other: &Self) -> bool {
        !other.is_at(self.node) && !self.also.iter().any(|&node| other.is_at(node))
    }

    /// Whether the function is changed, and not its derivation alone.
    pub fn is_of_function(&self) -> bool {
        use Change::*;
        matches!(self.change, Twice | Skipped | Operand(..) | Flipped)
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
        graph: &Graph<f64>,
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
            change => {
                let other = match change {
                    Change::OtherValue(_, other) => Some(graph.nodes()[*other].value().clone().into_tensor()),
                    Change::WithoutOperand(operand) => Some(without_operand(graph, node, *operand)?),
                    _ => None,
                };
                let change = match change {
                    Change::OnlyTerm(_) => Change::ArgumentScaled(usize::from(node.index() != self.node), 0.0),
                    change => change.clone(),
                };
                let mutant = Mutant { node: node.clone(), change, other };
                tape.try_numeric(mutant, args)
            }
        }
    }
}

/// A node's value, with the gradient by it replaced.
struct Replaced(Tensor<f64>);

/// A node's value, with a mistaken rule.
struct Mutant {
    node: GraphNode<f64>,
    change: Change,
    /// What stands in another's place.
    other: Option<Tensor<f64>>,
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
    fn vjp(&self, inputs: &[Tensor<f64>], output: &Tensor<f64>, g: &Tensor<f64>) -> Vec<Tensor<f64>> {
        let gradients = match (&self.change, &self.other) {
            (Change::WithoutOperand(_), Some(other)) => exchanged(&self.node, 0, inputs, other, g),
            (Change::OtherValue(wrt, _), Some(other)) => exchanged(&self.node, *wrt, inputs, other, g),
            _ => mistaken(&self.node, &self.change, inputs, output, g),
        };
        // A mistake that cannot be made here explains nothing.
        gradients.unwrap_or_else(|_| inputs.iter().map(|x| Tensor::full(x.shape(), f64::NAN)).collect())
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
    swept(node.record(&tape, &args)?, &args, g)
}

/// What the sweep from an output brings to variables.
fn swept(output: Var<'_, f64>, args: &[Var<'_, f64>], g: &Tensor<f64>) -> Result<Vec<Tensor<f64>>> {
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

/// The contributions of a node with a mistake made.
pub(super) fn mistaken(
    node: &GraphNode<f64>,
    change: &Change,
    inputs: &[Tensor<f64>],
    output: &Tensor<f64>,
    g: &Tensor<f64>,
) -> Result<Vec<Tensor<f64>>> {
    Ok(match change {
        Change::InputForOutput => vec![unary_rule(node, &inputs[0], &inputs[0], g)?],
        Change::OutputForInput => {
            let tape = Tape::new();
            let again = node.record(&tape, &[tape.data(output)])?.value();
            vec![unary_rule(node, output, &again, g)?]
        }
        Change::Kink => {
            let beside = inputs[0].map(|x| if x == 0.0 { f64::MIN_POSITIVE } else { x });
            contributions(node, &[beside], g)?
        }
        Change::RuleTwice => contributions(node, inputs, &contributions(node, inputs, g)?[0])?,
        Change::Formula(formula) => vec![g * &output.map(|a| formula.of(a))],
        Change::Diagonal => vec![&(g * output) * &(1.0 - output)],
        Change::Overwritten => contributions(node, inputs, &last_uses(node, g))?,
        _ => {
            let mut found = contributions(node, inputs, g)?;
            amend(&mut found, node, change, inputs, g)?;
            found
        }
    })
}

/// The same from the true contributions, for mistakes in some of them.
fn amend(
    found: &mut [Tensor<f64>],
    node: &GraphNode<f64>,
    change: &Change,
    inputs: &[Tensor<f64>],
    g: &Tensor<f64>,
) -> Result<()> {
    let scaled = |x: &Tensor<f64>, c: f64| x.map(|x| if c == 0.0 { 0.0 } else { x * c });
    match change {
        Change::Scaled(c) => found.iter_mut().for_each(|x| *x = scaled(x, *c)),
        Change::ArgumentScaled(wrt, c) => found[*wrt] = scaled(&found[*wrt], *c),
        Change::LeftOut(wrt) => {
            for (i, slot) in found.iter_mut().enumerate().filter(|(i, _)| wrt.is_none_or(|wrt| wrt == *i)) {
                *slot = passed_through(node, inputs, i, g)?;
            }
        }
        Change::Power(wrt, power) => found[*wrt] = &found[*wrt] * &inputs[*wrt].map(|x| x.powi(*power)),
        Change::TransposedFactor(wrt) => found[*wrt] = with_factor_transposed(node, inputs, *wrt, g)?,
        Change::TransposedResult(wrt) => found[*wrt] = found[*wrt].try_t()?,
        Change::TransposedUpstream(wrt) => {
            found[*wrt] = contributions(node, inputs, &g.try_t()?)?.swap_remove(*wrt);
        }
        Change::Exchanged => found.swap(0, 1),
        Change::OneExample { axis, index } => found[0] = only(&found[0], *axis, *index),
        _ => unreachable!("these are recorded in their own ways, or are rules of their own"),
    }
    Ok(())
}

/// The contributions of a node, with another value in place of an argument in the derivative by one.
fn exchanged(
    node: &GraphNode<f64>,
    wrt: usize,
    inputs: &[Tensor<f64>],
    other: &Tensor<f64>,
    g: &Tensor<f64>,
) -> Result<Vec<Tensor<f64>>> {
    let mut instead = inputs.to_vec();
    instead[place_of_other(inputs.len(), wrt)] = other.clone();
    let mut found = contributions(node, inputs, g)?;
    found[wrt] = contributions(node, &instead, g)?.swap_remove(wrt);
    Ok(found)
}

/// The value that an op's argument would have with one of its operands 0.
fn without_operand(graph: &Graph<f64>, node: &GraphNode<f64>, operand: usize) -> Result<Tensor<f64>> {
    let parent = node.parents().next().map(|parent| &graph.nodes()[parent]);
    let parent = parent.ok_or_else(|| Error::argument("compare: an op without arguments has no operands"))?;
    let tape = Tape::new();
    let mut inputs = inputs_of(graph, parent);
    inputs[operand] = Tensor::zeros(inputs[operand].shape());
    let args: Vec<_> = inputs.iter().map(|x| tape.data(x)).collect();
    Ok(parent.record(&tape, &args)?.value())
}

/// Which argument the derivative by one is computed with.
pub(super) fn place_of_other(args: usize, wrt: usize) -> usize {
    if args == 1 { 0 } else { 1 - wrt }
}

/// The upstream gradient in the shape of an argument, as if the derivative were 1.
fn passed_through(node: &GraphNode<f64>, inputs: &[Tensor<f64>], wrt: usize, g: &Tensor<f64>) -> Result<Tensor<f64>> {
    let shape = inputs[wrt].shape();
    if let NodeOp::Tensor(TensorOp::MatMul(_)) = node.op {
        return if g.shape() == shape { Ok(g.clone()) } else { g.try_t()?.try_reshape(shape) };
    }
    if g.shape() == shape {
        return Ok(g.clone());
    }
    if inputs.len() == 2 {
        // The sweep sums over what the op had stretched.
        let tape = Tape::new();
        let args: Vec<_> = inputs.iter().map(|x| tape.var(x)).collect();
        return Ok(swept(args[0].try_add(args[1])?, &args, g)?.swap_remove(wrt));
    }
    Tensor::zeros(shape).try_add(g)
}

/// Whether the derivative by an argument can be left out: whether the upstream gradient fits its shape.
pub(super) fn passes_through(node: &GraphNode<f64>, inputs: &[Tensor<f64>], wrt: usize) -> bool {
    let g = Tensor::zeros(node.shape());
    match node.op {
        NodeOp::Tensor(TensorOp::MatMul(_)) => {
            let (g, x) = (g.shape(), inputs[wrt].shape());
            g.rank() == 2 && (g == x || (x.rank() == 2 && g[0] == x[1] && g[1] == x[0]))
        }
        _ => passed_through(node, inputs, wrt, &g).is_ok_and(|passed| passed.shape() == inputs[wrt].shape()),
    }
}

/// The rule of a one-argument op, told an input and an output.
fn unary_rule(node: &GraphNode<f64>, x: &Tensor<f64>, y: &Tensor<f64>, g: &Tensor<f64>) -> Result<Tensor<f64>> {
    let NodeOp::Unary(op) = node.op else {
        return Err(Error::argument("compare: only ops of one argument have input and output exchanged"));
    };
    let mut g = g.clone();
    f64::unary_vjp_kernel(op, x.as_slice(), y.as_slice(), g.as_mut_slice());
    Ok(g)
}

/// The rule of a matrix product with the other operand the wrong way round.
fn with_factor_transposed(
    node: &GraphNode<f64>,
    inputs: &[Tensor<f64>],
    wrt: usize,
    g: &Tensor<f64>,
) -> Result<Tensor<f64>> {
    let NodeOp::Tensor(TensorOp::MatMul(MatMul { ta, tb, .. })) = &node.op else {
        return Err(Error::argument("compare: only matrix products have factors to transpose"));
    };
    let op = if wrt == 0 { MatMul::plain(*ta, !tb) } else { MatMul::plain(!ta, *tb) };
    let (x, y, op) = op.gradient(wrt, &inputs[0], &inputs[1], g);
    let x = if op.ta { x.try_t()? } else { x.clone() };
    let y = if op.tb { y.try_t()? } else { y.clone() };
    let product = x.try_matmul(&y)?;
    if product.shape() == inputs[wrt].shape() {
        return Ok(product);
    }
    Err(Error::shape("compare: the product has another shape"))
}

/// Whether the other operand may be the wrong way round without anyone noticing.
pub(super) fn transposes(node: &GraphNode<f64>, inputs: &[Tensor<f64>], wrt: usize) -> bool {
    with_factor_transposed(node, inputs, wrt, &Tensor::zeros(node.shape())).is_ok()
}

/// The upstream gradient of elements that were taken, but for those that are taken again later.
fn last_uses(node: &GraphNode<f64>, g: &Tensor<f64>) -> Tensor<f64> {
    let mut g = g.clone();
    if let NodeOp::Tensor(TensorOp::Take(take)) = &node.op {
        let inner: usize = g.shape()[take.axis + 1..].iter().product();
        for (i, g) in g.as_mut_slice().iter_mut().enumerate() {
            let position = i / inner % take.indices.len();
            if take.indices[position + 1..].contains(&take.indices[position]) {
                *g = 0.0;
            }
        }
    }
    g
}

/// Whether elements are taken several times.
pub(super) fn takes_again(node: &GraphNode<f64>) -> bool {
    match &node.op {
        NodeOp::Tensor(TensorOp::Take(take)) => {
            (1..take.indices.len()).any(|k| take.indices[..k].contains(&take.indices[k]))
        }
        _ => false,
    }
}

/// Zeros, but for one index along an axis.
fn only(x: &Tensor<f64>, axis: usize, index: usize) -> Tensor<f64> {
    let inner: usize = x.shape()[axis + 1..].iter().product();
    let size = x.shape()[axis];
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

/// The one-argument op of a node.
pub(super) fn unary(node: &GraphNode<f64>) -> Option<UnaryOp> {
    match node.op {
        NodeOp::Unary(op) => Some(op),
        _ => None,
    }
}
