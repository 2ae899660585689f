//! The sweep over numbers that build: variables, so that the gradient is recorded and can be differentiated again, and nodes
//! of an SSA graph, so that the gradient is written down.

use super::tails::Tail;
use super::{Adjoints, Needs, SweepMode, Way, bends};
use crate::error::{Error, Result};
use crate::num::{Element, Number, Upstream};
use crate::ops::algebra::Algebra;
use crate::ops::structural::{Contribution, Node, TensorOp};
use crate::ops::{BinaryOp, BinaryVisitor, BuiltinBinary, BuiltinUnary, UnaryOp, UnaryVisitor};
use crate::tape::custom::{DynBinary, DynTensorOp, DynUnary};
use crate::tape::scalar::{ScalarNode, ScalarOperand};
use crate::tape::{NodeId, NodeOp, NodeRef, Recording, Tape, Var};
use crate::tensor::kernels::elementwise::Side;
use crate::tensor::{Shape, Tensor};
use std::ops::Range;
use std::sync::Arc;

/// g f'(x): of the input, the output and the gradient, over any number.
pub(crate) struct UnaryRule<S>(pub S, pub S, pub S);
impl<S: Number> UnaryVisitor for UnaryRule<S> {
    type Output = S;
    fn visit<O: BuiltinUnary>(self, op: O) -> S {
        op.vjp(self.0, self.1, Upstream(self.2)).0
    }
}

/// g df/dx or g df/dy: of x, y, the output and the gradient.
pub(crate) struct BinaryRule<S> {
    pub side: Side,
    pub nodes: [S; 3],
    pub g: S,
}
impl<S: Number> BinaryVisitor for BinaryRule<S> {
    type Output = S;
    fn visit<O: BuiltinBinary>(self, op: O) -> S {
        let [x, y, out] = self.nodes;
        match self.side {
            Side::X => op.vjp_x(x, y, out, Upstream(self.g)).0,
            Side::Y => op.vjp_y(x, y, out, Upstream(self.g)).0,
        }
    }
}

/// Adjoints of the scalar lane, and what stands for its nodes.
pub(crate) struct BuiltScalars<V, N> {
    pub adjoints: Vec<Option<V>>,
    nodes: N,
}

fn add<V: Number>(adjoints: &mut [Option<V>], id: u32, x: V) {
    let slot = &mut adjoints[id as usize];
    *slot = Some(slot.map_or(x, |sum| sum + x));
}

/// A sweep whose values build. Each rule is applied here, by the kind of its op; who builds says what stands for a node, and
/// what becomes of rules that need more than the algebra.
pub(crate) trait BuildingMode: Algebra<<Self as BuildingMode>::T, V: Number> {
    /// The element type: no parameter of the trait, so that the sweep over numbers is known to be none of these.
    type T: Element;
    /// What the scalar lane's nodes are looked up in.
    type Nodes;

    fn nodes(&self, tape: &Tape<Self::T>, n: u32) -> Self::Nodes;
    fn node(&self, nodes: &Self::Nodes, id: u32) -> Self::V;
    /// A number of the scalar lane that is no node.
    fn number(&self, x: Self::T) -> Self::V;
    /// An entry's op, what its parents are, and what it is itself.
    fn entry_nodes(&self, tape: &Tape<Self::T>, k: usize) -> (NodeOp<Self::T>, Vec<Self::V>, Self::V);
    /// Whether derivatives that are a choice are NaN ([`bends`]).
    fn is_behind_choices(&self) -> bool {
        false
    }
    /// Whether the logarithm of a tail has a rule of its own here.
    fn passes_tails(&self) -> bool;
    /// The scalar that a scalar's adjoint gathers at.
    fn first(&self, id: u32) -> u32 {
        id
    }

    fn operand(&self, nodes: &Self::Nodes, operand: ScalarOperand<Self::T>) -> Self::V {
        match operand {
            ScalarOperand::Node(id) => self.node(nodes, id),
            ScalarOperand::Literal(x) => self.number(x),
        }
    }

    fn unary_rule(&self, op: UnaryOp, [x, y, g]: [Self::V; 3]) -> Self::V {
        op.with(UnaryRule(x, y, g))
    }
    fn binary_rule(&self, op: BinaryOp, side: Side, nodes: [Self::V; 3], g: Self::V) -> Self::V {
        op.with(BinaryRule { side, nodes, g })
    }
    fn tensor_rule(
        &self,
        op: &TensorOp,
        node: Node<'_, Self::V>,
        wrt: usize,
        g: &Self::V,
    ) -> Result<Contribution<Self::V>>;
    fn tensor_tangent(&self, op: &TensorOp, node: Node<'_, Self::V>, wrt: usize, tangent: &Self::V) -> Result<Self::V>;
    fn custom_unary(&self, op: &Arc<dyn DynUnary<Self::T>>, nodes: [Self::V; 3]) -> Self::V;
    fn custom_binary(&self, op: &Arc<dyn DynBinary<Self::T>>, side: Side, nodes: [Self::V; 3], g: Self::V) -> Self::V;
    fn custom_rule(
        &self,
        op: &Arc<dyn DynTensorOp<Self::T>>,
        node: Node<'_, Self::V>,
        wrt: usize,
        g: &Self::V,
    ) -> Result<Self::V>;
    fn custom_tangent(
        &self,
        op: &Arc<dyn DynTensorOp<Self::T>>,
        node: Node<'_, Self::V>,
        wrt: usize,
        tangent: &Self::V,
    ) -> Result<Self::V>;
    /// As [`SweepMode::refused_tangent`]: nothing where nothing is computed.
    fn refused_among(&self, _found: &[Option<Self::V>]) -> Option<Error> {
        None
    }

    /// What an entry contributes to a parent.
    fn rule(&self, tape: &Tape<Self::T>, k: usize, wrt: usize, g: Self::V) -> Result<Contribution<Self::V>> {
        let (op, inputs, output) = self.entry_nodes(tape, k);
        let node = Node { inputs: &inputs, output: &output };
        let zero = || self.literal(0.0);
        let side = Side::of(wrt);
        Ok(match &op {
            NodeOp::Leaf => unreachable!("a leaf has no parents"),
            NodeOp::Copy => g,
            NodeOp::Unary(op) => self.unary_rule(*op, [inputs[0], output, g]),
            NodeOp::Binary(op) => self.binary_rule(*op, side, [inputs[0], inputs[1], output], g),
            NodeOp::Select => match wrt {
                0 => zero(),
                1 => Number::select(inputs[0], g, zero()),
                _ => Number::select(inputs[0], zero(), g),
            },
            NodeOp::Tensor(op) => return self.tensor_rule(op, node, wrt, &g),
            NodeOp::CustomUnary(op) => self.custom_unary(op, [inputs[0], output, g]),
            NodeOp::CustomBinary(op) => self.custom_binary(op, side, [inputs[0], inputs[1], output], g),
            NodeOp::Custom(op) => self.custom_rule(op, node, wrt, &g)?,
        }
        .into())
    }

    /// What a scalar has in addition where its derivative is a choice, of a tangent of it.
    fn scalar_unknown(&self, tape: &Tape<Self::T>, id: u32, nodes: &Self::Nodes, of: Self::V) -> Option<Self::V> {
        let ScalarNode::Binary(op, a, b) = tape.scalars().decode(id) else { return None };
        let inputs = [a, b].map(|operand| self.operand(nodes, operand));
        bends::unknown(self, &NodeOp::Binary(op), &inputs, &self.node(nodes, id), &of)
    }

    /// The products of `g` with the local derivatives of a scalar node, by parent; backward and forward are the same. Nothing
    /// passes these ends.
    fn scalar_products(
        &self,
        tape: &Tape<Self::T>,
        id: u32,
        nodes: &Self::Nodes,
        ends: &[NodeId],
        g: impl Fn(u32) -> Option<Self::V>,
        mut add: impl FnMut(u32, Self::V),
    ) {
        let operand = |operand| self.operand(nodes, operand);
        match tape.scalars().decode(id) {
            ScalarNode::Leaf(_) => {}
            ScalarNode::Copy(parent) => {
                if let Some(g) = g(parent) {
                    add(parent, g);
                }
            }
            ScalarNode::Unary(op, parent) => {
                let tail = Tail::of_scalar(tape.scalars(), op, parent);
                if let Some((tail, [f, x])) = tail
                    && self.passes_tails()
                    && !ends.contains(&NodeId::scalar(f))
                {
                    if let Some(g) = g(x) {
                        add(x, tail.product(self.node(nodes, x), g));
                    }
                } else if let Some(g) = g(parent).filter(|_| !op.is_flat()) {
                    add(parent, self.unary_rule(op, [self.node(nodes, parent), self.node(nodes, id), g]));
                }
            }
            ScalarNode::Binary(op, a, b) => {
                let values = [operand(a), operand(b), self.node(nodes, id)];
                for (side, operand) in [(Side::X, a), (Side::Y, b)] {
                    let ScalarOperand::Node(parent) = operand else { continue };
                    if let Some(g) = g(parent).filter(|_| !op.is_flat()) {
                        add(parent, self.binary_rule(op, side, values, g));
                    }
                }
            }
        }
    }
}

impl<M: BuildingMode> SweepMode<M::T> for M {
    type Scalars = BuiltScalars<M::V, M::Nodes>;
    const KEEPS_ALL: bool = true;
    const CALLS_HOOKS: bool = false;

    fn scalars(&self, tape: &Tape<M::T>, n: u32) -> Self::Scalars {
        BuiltScalars { adjoints: vec![None; n as usize], nodes: self.nodes(tape, n) }
    }
    fn add_scalar(&self, scalars: &mut Self::Scalars, id: u32, x: M::V) {
        add(&mut scalars.adjoints, id, x);
    }
    fn scalar(&self, scalars: &Self::Scalars, id: u32) -> Option<M::V> {
        scalars.adjoints[id as usize]
    }

    fn segment(
        &self,
        tape: &Tape<M::T>,
        lo: u32,
        hi: u32,
        scalars: &mut Self::Scalars,
        needs: Option<&Needs>,
    ) -> Result<()> {
        for id in (lo..hi).rev() {
            let Some(g) = scalars.adjoints[id as usize] else { continue };
            // What was recorded twice is swept once, with both adjoints.
            let first = self.first(id);
            if first != id {
                add(&mut scalars.adjoints, first, g);
                continue;
            }
            let wanted = |parent| needs.is_none_or(|needs| needs.scalar(parent)).then_some(g);
            let BuiltScalars { adjoints, nodes } = &mut *scalars;
            let ends = needs.map_or(&[][..], Needs::ends);
            self.scalar_products(tape, id, nodes, ends, wanted, |parent, product| add(adjoints, parent, product));
            if self.is_behind_choices()
                && let ScalarNode::Binary(op, a, b) = tape.scalars().decode(id)
            {
                let (op, inputs) = (NodeOp::Binary(op), [a, b].map(|operand| self.operand(nodes, operand)));
                let output = self.node(nodes, id);
                for (wrt, operand) in [a, b].into_iter().enumerate() {
                    if let ScalarOperand::Node(parent) = operand
                        && wanted(parent).is_some()
                        && let Some(unknown) = bends::unknown_gradient(self, &op, &inputs, &output, (wrt, &g))
                    {
                        add(adjoints, parent, unknown);
                    }
                }
            }
        }
        Ok(())
    }

    fn forward_segment(&self, tape: &Tape<M::T>, range: Range<u32>, scalars: &mut Self::Scalars, way: &Way) {
        for id in range {
            let mut sum = scalars.adjoints[id as usize];
            let add = |_, product| sum = Some(sum.map_or(product, |sum| sum + product));
            let tangent = |parent: u32| scalars.adjoints[parent as usize];
            self.scalar_products(tape, id, &scalars.nodes, &way.from, tangent, add);
            if way.to_gradients {
                for parent in tape.scalars().parents(id).into_iter().flatten() {
                    let Some(tangent) = scalars.adjoints[parent as usize] else { continue };
                    if let Some(unknown) = self.scalar_unknown(tape, id, &scalars.nodes, tangent) {
                        sum = Some(sum.map_or(unknown, |sum| sum + unknown));
                    }
                }
            }
            scalars.adjoints[id as usize] = sum;
        }
    }

    fn contribution(&self, tape: &Tape<M::T>, k: usize, wrt: usize, g: M::V) -> Result<Contribution<M::V>> {
        let contribution = self.rule(tape, k, wrt, g)?;
        if self.is_behind_choices()
            && let Contribution::Value(value) = &contribution
            && let (op, inputs, output) = self.entry_nodes(tape, k)
            && let Some(unknown) = bends::unknown_gradient(self, &op, &inputs, &output, (wrt, &g))
        {
            return Ok((*value + unknown).into());
        }
        Ok(contribution)
    }

    fn tangent(&self, tape: &Tape<M::T>, k: usize, wrt: usize, tangent: M::V) -> Result<M::V> {
        let (op, inputs, output) = self.entry_nodes(tape, k);
        match &op {
            NodeOp::Tensor(op) => self.tensor_tangent(op, Node { inputs: &inputs, output: &output }, wrt, &tangent),
            NodeOp::Custom(op) => self.custom_tangent(op, Node { inputs: &inputs, output: &output }, wrt, &tangent),
            _ => {
                let full = self.broadcast_to(&tangent, &self.shape(&output));
                match self.rule(tape, k, wrt, full)? {
                    Contribution::Value(value) => Ok(value),
                    Contribution::Product { .. } => unreachable!("elementwise ops make no products"),
                }
            }
        }
    }

    fn refused_tangent(&self, found: &[Option<M::V>]) -> Option<Error> {
        self.refused_among(found)
    }

    fn passes(&self, _tape: &Tape<M::T>, _entries: [usize; 3]) -> bool {
        self.passes_tails()
    }

    fn past(&self, tape: &Tape<M::T>, tail: Tail, [_, f, _]: [usize; 3], g: M::V) -> M::V {
        let (_, inputs, _) = self.entry_nodes(tape, f);
        tail.product(inputs[0], g)
    }

    fn unknown(&self, tape: &Tape<M::T>, k: usize, tangent: &M::V) -> Option<M::V> {
        let (op, inputs, output) = self.entry_nodes(tape, k);
        bends::unknown(self, &op, &inputs, &output, tangent)
    }

    fn accumulate(&self, slot: &mut Option<M::V>, contribution: Contribution<M::V>, shape: &Shape) {
        let value = match contribution {
            Contribution::Value(value) => value,
            Contribution::Product { x, y, product } => self.apply(TensorOp::MatMul(product), &[&x, &y]),
        };
        let value = self.broadcast_to(&value, shape);
        *slot = Some(slot.map_or(value, |sum| sum + value));
    }

    fn hooked(&self, _tape: &Tape<M::T>, _id: NodeId, g: M::V) -> M::V {
        g
    }
    fn hook_result(&self, _tape: &Tape<M::T>, _scalars: &mut Self::Scalars, _id: u32) {}
}

/// What a building sweep left at a variable.
pub(crate) fn adjoint<T: Element, V: Copy, N>(adjoints: &Adjoints<BuiltScalars<V, N>, V>, x: Var<'_, T>) -> Option<V> {
    match x.id.lane() {
        NodeRef::Scalar(id) => adjoints.scalars.adjoints.get(id as usize).copied().flatten(),
        NodeRef::Tensor(k) => adjoints.tensors.get(k).copied().flatten(),
        NodeRef::Constant => None,
    }
}

/// The gradient by `x` after a recorded sweep.
pub(crate) fn gradient<'t, T: Element>(
    tape: &'t Tape<T>,
    adjoints: &Adjoints<BuiltScalars<Var<'t, T>, Vec<T>>, Var<'t, T>>,
    x: Var<'t, T>,
) -> Var<'t, T> {
    adjoint(adjoints, x).unwrap_or_else(|| tape.data(Tensor::zeros(x.shape())))
}

impl<'t, T: Element> BuildingMode for Recording<'t, T> {
    type T = T;
    /// The values: a sweep reads many, and the lane keeps none.
    type Nodes = Vec<T>;

    fn is_behind_choices(&self) -> bool {
        self.behind_choices
    }
    fn nodes(&self, tape: &Tape<T>, n: u32) -> Vec<T> {
        tape.scalars().values(n)
    }
    fn passes_tails(&self) -> bool {
        !self.tape.is_strict()
    }
    fn node(&self, values: &Vec<T>, id: u32) -> Var<'t, T> {
        Var::scalar(self.tape, id, values[id as usize])
    }
    fn number(&self, x: T) -> Var<'t, T> {
        Var::constant(x)
    }
    fn entry_nodes(&self, tape: &Tape<T>, k: usize) -> (NodeOp<T>, Vec<Var<'t, T>>, Var<'t, T>) {
        let entries = tape.entries();
        let entry = &entries[k];
        let var = |id: NodeId, value: T| Var { tape: Some(self.tape), id, scalar: value };
        let inputs = entry.parents.iter().map(|parent| var(parent.id, parent.value)).collect();
        let output = match entry.scalar {
            Some(id) => Var::scalar(self.tape, id, entry.value.as_slice()[0]),
            None => var(NodeId::tensor(k), T::from_f64(f64::NAN)),
        };
        (entry.op.clone(), inputs, output)
    }

    fn tensor_rule(
        &self,
        op: &TensorOp,
        node: Node<'_, Var<'t, T>>,
        wrt: usize,
        g: &Var<'t, T>,
    ) -> Result<Contribution<Var<'t, T>>> {
        let contribution = op.vjp(self, node, wrt, g);
        self.refused(op)?;
        Ok(contribution)
    }
    fn tensor_tangent(
        &self,
        op: &TensorOp,
        node: Node<'_, Var<'t, T>>,
        wrt: usize,
        tangent: &Var<'t, T>,
    ) -> Result<Var<'t, T>> {
        let tangent = op.jvp(self, node, wrt, tangent);
        self.refusal.postpone(op)?;
        Ok(tangent)
    }
    fn refused_among(&self, found: &[Option<Var<'t, T>>]) -> Option<Error> {
        // What a program runs is not these numbers.
        let is_traced = self.tape.tracing().is_on();
        let unknown = |x: &Var<'t, T>| is_traced || x.with(|x| x.data().iter().any(|x| x.to_f64().is_nan()));
        self.refusal.take_postponed().filter(|_| found.iter().flatten().any(unknown))
    }
    fn custom_unary(&self, op: &Arc<dyn DynUnary<T>>, [x, y, g]: [Var<'t, T>; 3]) -> Var<'t, T> {
        op.record_vjp(x, y, g)
    }
    fn custom_binary(
        &self,
        op: &Arc<dyn DynBinary<T>>,
        side: Side,
        nodes: [Var<'t, T>; 3],
        g: Var<'t, T>,
    ) -> Var<'t, T> {
        op.record_vjp(side, nodes, g)
    }
    fn custom_rule(
        &self,
        op: &Arc<dyn DynTensorOp<T>>,
        node: Node<'_, Var<'t, T>>,
        wrt: usize,
        g: &Var<'t, T>,
    ) -> Result<Var<'t, T>> {
        Ok(op.record_vjp(self, node.inputs, node.output, g)?.swap_remove(wrt))
    }
    fn custom_tangent(
        &self,
        op: &Arc<dyn DynTensorOp<T>>,
        node: Node<'_, Var<'t, T>>,
        wrt: usize,
        tangent: &Var<'t, T>,
    ) -> Result<Var<'t, T>> {
        super::transposed::record_jvp_of_custom(self, op, node, wrt, *tangent)
    }
}
