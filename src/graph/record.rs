//! A graph recorded again: as it was, expanded, or changed.

use super::{Arg, Graph, GraphNode};
use crate::error::Result;
use crate::num::{Element, Number};
use crate::ops::{Apply, Apply2, BinaryVisitor, BuiltinBinary, BuiltinUnary, UnaryVisitor};
use crate::tape::{NodeOp, Recording, Tape, Value, Var};
use crate::tensor::Tensor;
use smallvec::SmallVec;

/// The textbook formula of an op with one argument, if it has one.
struct Expand<S>(S);
impl<S: Number> UnaryVisitor for Expand<S> {
    type Output = Option<S>;
    fn visit<O: BuiltinUnary>(self, op: O) -> Option<S> {
        op.expansion(self.0)
    }
}

/// A two-argument op's textbook formula.
struct Expand2<S>(S, S);
impl<S: Number> BinaryVisitor for Expand2<S> {
    type Output = Option<S>;
    fn visit<O: BuiltinBinary>(self, op: O) -> Option<S> {
        op.expansion(self.0, self.1)
    }
}

impl<T: Element> GraphNode<T> {
    /// Records the node's op on arguments of a tape.
    pub(crate) fn record<'t>(&self, tape: &'t Tape<T>, args: &[Var<'t, T>]) -> Result<Var<'t, T>> {
        match &self.op {
            NodeOp::Leaf => Ok(tape.leaf(self.value.clone(), self.active)),
            NodeOp::Unary(op) => Ok(op.with(Apply(args[0]))),
            NodeOp::Binary(op) => Ok(op.with(Apply2(args[0], args[1]))),
            // A copy of its own, so that its gradient is not mixed with its side's.
            NodeOp::Copy => Ok(match args[0].on_lane() {
                // SAFETY: the node is one of the tape's.
                Some((tape, side)) => Var::scalar(tape, unsafe { tape.scalars().push_copy(side) }, args[0].item()),
                None => args[0],
            }),
            NodeOp::Select => args[0].record_select(args[1], args[2]),
            NodeOp::Tensor(op) => Var::record_tensor_op(op.clone(), args),
            NodeOp::CustomUnary(op) => Ok(args[0].record_shared_unary(op.clone())),
            NodeOp::CustomBinary(op) => args[0].record_shared_binary(op.clone(), args[1]),
            NodeOp::Custom(op) => tape.record_custom(op.clone(), args),
        }
    }

    /// Records the textbook formula of the node's op, if it has one.
    pub(crate) fn record_expansion<'t>(&self, tape: &'t Tape<T>, args: &[Var<'t, T>]) -> Option<Var<'t, T>> {
        match &self.op {
            NodeOp::Unary(op) => op.with(Expand(args[0])),
            NodeOp::Binary(op) => op.with(Expand2(args[0], args[1])),
            NodeOp::Tensor(op) => op.expansion(&Recording::on(tape), args),
            _ => None,
        }
    }
}

impl<T: Element> Graph<T> {
    /// Records the graph on a tape: a variable for each node, in order. The closure may record something else for a node than
    /// its own op; with `None` the node is recorded as it was. Names and scopes come along.
    pub(crate) fn record_with<'t>(
        &self,
        tape: &'t Tape<T>,
        mut instead: impl FnMut(&GraphNode<T>, &[Var<'t, T>]) -> Option<Result<Var<'t, T>>>,
    ) -> Result<Vec<Var<'t, T>>> {
        let mut vars: Vec<Var<'t, T>> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let var = |arg: &Arg<T>| match arg {
                Arg::Node(index) => vars[*index],
                Arg::Literal(x) => tape.data(*x),
            };
            let args: SmallVec<[Var<'t, T>; 4]> = node.args.iter().map(var).collect();
            let _scope = node.scope.as_deref().map(|scope| tape.scope(scope));
            let recorded = instead(node, &args).unwrap_or_else(|| node.record(tape, &args))?;
            vars.push(node.name.iter().fold(recorded, |var, name| var.named(name)));
        }
        Ok(vars)
    }

    /// Records the graph on a tape: a variable for each node, in order.
    ///
    /// # Errors
    /// A user's op refuses its inputs.
    pub fn record<'t>(&self, tape: &'t Tape<T>) -> Result<Vec<Var<'t, T>>> {
        self.record_with(tape, |_, _| None)
    }

    /// The same graph with every op that has a rule of its own for speed or stability as its textbook formula, one level
    /// deep: cross-entropy as the logarithm of softmax; expanded again, softmax as a quotient of exponentials.
    ///
    /// # Errors
    /// A user's op refuses its inputs.
    pub fn expanded(&self) -> Result<Self> {
        let tape = Tape::of();
        // What a node became: the first new entry and scalar, and those after its last.
        let counts = || (tape.scalars().len(), tape.entries().len());
        let mut sites = Vec::new();
        let vars = self.record_with(&tape, |node, args| {
            let from = counts();
            let var = node.record_expansion(&tape, args).map(Ok).unwrap_or_else(|| node.record(&tape, args));
            sites.push((from, counts(), node.index));
            Some(var)
        })?;
        let output = vars[self.nodes.len() - 1];
        let mut expanded = Self::of(output);
        let from_node = |scalar: bool, at: usize| {
            let inside = |((s0, e0), (s1, e1), _): &&((u32, usize), (u32, usize), usize)| match scalar {
                true => (*s0 as usize..*s1 as usize).contains(&at),
                false => (*e0..*e1).contains(&at),
            };
            sites.iter().find(inside).map(|(_, _, index)| &self.nodes[*index])
        };
        let places: Vec<_> = expanded.places.iter().map(|(id, index)| (*id, *index)).collect();
        for (id, index) in places {
            let origin = match id.lane() {
                crate::tape::NodeRef::Scalar(at) => from_node(true, at as usize),
                crate::tape::NodeRef::Tensor(at) => from_node(false, at),
                crate::tape::NodeRef::Constant => None,
            };
            if let Some(origin) = origin {
                expanded.nodes[index].site = origin.site;
                expanded.nodes[index].origin = Some(origin.index);
            }
        }
        // The new tape's numbers mean nothing to the caller; their own lead to what their nodes became.
        expanded.of = self.of;
        expanded.places = self
            .places
            .iter()
            .filter_map(|(id, index)| Some((*id, expanded.places.get(&vars[*index].id).copied()?)))
            .collect();
        Ok(expanded)
    }

    /// The gradient of the output (its sum, where it is a tensor) by every node, in order; zeros where there is none.
    ///
    /// # Errors
    /// A user's op refuses its inputs.
    pub fn adjoints(&self) -> Result<Vec<Value<T>>> {
        let tape = Tape::of();
        let vars = self.record(&tape)?;
        for var in &vars {
            var.retain_gradient();
        }
        let output = vars[vars.len() - 1];
        let gradients = output.backward_with(Tensor::full(output.shape(), T::from_f64(1.0)));
        let adjoint = |var: &Var<'_, T>| match gradients.try_wrt(*var) {
            Ok(gradient) => gradient.into(),
            // Data has no gradient.
            Err(_) => Tensor::zeros(var.shape()).into(),
        };
        Ok(vars.iter().map(adjoint).collect())
    }
}
