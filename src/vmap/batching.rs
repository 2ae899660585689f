//! The interpreter: a part of a tape, recorded again over all examples.

use super::custom::MappedOp;
use crate::error::{Error, Result};
use crate::num::{Element, Number};
use crate::ops::structural::{Argument, Stack};
use crate::ops::{Apply, Apply2};
use crate::tape::entry::Parent;
use crate::tape::scalar::{ScalarNode, ScalarOperand};
use crate::tape::tracing::Look;
use crate::tape::{NodeId, NodeOp, NodeRef, Recording, Tape, Var};
use crate::tensor::{Shape, Tensor};
use smallvec::SmallVec;
use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// How far a tape has come, in both lanes and in comparisons.
#[derive(Clone, Copy)]
pub(super) struct Extent {
    entries: usize,
    scalars: u32,
    guards: usize,
}

impl Extent {
    pub fn of<T: Element>(tape: &Tape<T>) -> Self {
        let (entries, guards) = tape.position();
        Self { entries, scalars: tape.scalars().position(), guards }
    }
}

/// What one node reads and is, as of the closure's run.
struct Recorded<T> {
    op: NodeOp<T>,
    parents: SmallVec<[Parent<T>; 2]>,
    shape: Shape,
    active: bool,
}

pub(super) struct Batching<'t, T: Element> {
    tape: &'t Tape<T>,
    count: usize,
    from: Extent,
    to: Extent,
    /// What depends on an example.
    dependent: HashSet<NodeId>,
    /// What of that was recorded again.
    made: HashMap<NodeId, Var<'t, T>>,
    /// The values of the scalar lane, which keeps none.
    values: OnceCell<Vec<T>>,
}

impl<'t, T: Element> Batching<'t, T> {
    pub fn new(tape: &'t Tape<T>, count: usize, from: Extent, examples: &[Var<'t, T>], over: &[Var<'t, T>]) -> Self {
        let made: HashMap<NodeId, Var<'t, T>> = examples.iter().map(|x| x.id).zip(over.iter().copied()).collect();
        let dependent = made.keys().copied().collect();
        Self { tape, count, from, to: Extent::of(tape), dependent, made, values: OnceCell::new() }
    }

    /// The outputs of all examples.
    pub fn outputs(mut self, outputs: &[Var<'t, T>], looks: &[Look]) -> Result<Vec<Var<'t, T>>> {
        for output in outputs {
            crate::tape::same_tape("vmap", Some(self.tape), output.tape)?;
        }
        if self.count == 0 {
            let none = |output: &Var<'t, T>| Ok(self.tape.data(Tensor::zeros(self.stack_of(&output.shape())?)));
            return outputs.iter().map(none).collect();
        }
        let nodes = self.nodes();
        for &(id, entry) in &nodes {
            if self.parents_of(id, entry).iter().any(|parent| self.dependent.contains(parent)) {
                self.dependent.insert(id);
            }
        }
        self.check_control_flow(looks)?;
        let mut wanted: HashSet<NodeId> = outputs.iter().map(|output| output.id).collect();
        for &(id, entry) in nodes.iter().rev() {
            if wanted.contains(&id) && self.dependent.contains(&id) {
                wanted.extend(self.parents_of(id, entry));
            }
        }
        for (id, entry) in nodes {
            if wanted.contains(&id) && self.dependent.contains(&id) {
                let var = self.again(&self.recorded(id, entry))?;
                self.made.insert(id, var);
            }
        }
        outputs.iter().map(|&output| self.output(output)).collect()
    }

    fn output(&self, output: Var<'t, T>) -> Result<Var<'t, T>> {
        match self.made.get(&output.id) {
            Some(&made) => Ok(made),
            None => output.on(self.tape).try_broadcast_to(self.stack_of(&output.shape())?),
        }
    }

    fn stack_of(&self, one: &Shape) -> Result<Shape> {
        let lengths: SmallVec<[usize; 4]> = std::iter::once(self.count).chain(one.iter().copied()).collect();
        Shape::of("vmap", &lengths)
    }

    /// The nodes that the closure recorded, in order; where a number is what an entry made, with that one.
    fn nodes(&self) -> Vec<(NodeId, Option<usize>)> {
        let entries = self.tape.entries();
        let mut nodes = Vec::new();
        let mut scalar = self.from.scalars;
        for (k, entry) in entries.iter().enumerate().take(self.to.entries).skip(self.from.entries) {
            let own = entry.mark - entry.scalar.is_some() as u32;
            nodes.extend((scalar..own).map(|id| (NodeId::scalar(id), None)));
            nodes.push((entry.scalar.map_or(NodeId::tensor(k), NodeId::scalar), Some(k)));
            scalar = entry.mark;
        }
        nodes.extend((scalar..self.to.scalars).map(|id| (NodeId::scalar(id), None)));
        nodes
    }

    fn parents_of(&self, id: NodeId, entry: Option<usize>) -> SmallVec<[NodeId; 2]> {
        match (entry, id.lane()) {
            (Some(k), _) => self.tape.entries()[k].parents.iter().map(|parent| parent.id).collect(),
            (None, NodeRef::Scalar(id)) => {
                self.tape.scalars().parents(id).into_iter().flatten().map(NodeId::scalar).collect()
            }
            _ => SmallVec::new(),
        }
    }

    fn recorded(&self, id: NodeId, entry: Option<usize>) -> Recorded<T> {
        if let Some(k) = entry {
            let entries = self.tape.entries();
            let entry = &entries[k];
            return Recorded {
                op: entry.op.clone(),
                parents: entry.parents.clone(),
                shape: entry.value.shape(),
                active: entry.active,
            };
        }
        let NodeRef::Scalar(id) = id.lane() else { unreachable!("every node of the tensor lane is an entry") };
        let node = self.tape.scalars().decode(id);
        let number = |id: u32| Parent { id: NodeId::scalar(id), value: self.value(id) };
        let operand = |operand| match operand {
            ScalarOperand::Node(id) => number(id),
            ScalarOperand::Literal(x) => Var::constant(x).as_parent(),
        };
        let (op, parents) = match node {
            ScalarNode::Leaf(_) => (NodeOp::Leaf, SmallVec::new()),
            ScalarNode::Copy(parent) => (NodeOp::Copy, SmallVec::from_slice(&[number(parent)])),
            ScalarNode::Unary(op, parent) => (NodeOp::Unary(op), SmallVec::from_slice(&[number(parent)])),
            ScalarNode::Binary(op, a, b) => (NodeOp::Binary(op), SmallVec::from_slice(&[operand(a), operand(b)])),
        };
        Recorded { op, parents, shape: Shape::scalar(), active: true }
    }

    /// The value of a number that no example changes; of others nobody asks for it.
    fn value(&self, id: u32) -> T {
        if self.dependent.contains(&NodeId::scalar(id)) {
            return T::from_f64(f64::NAN);
        }
        self.values.get_or_init(|| self.tape.scalars().values(self.to.scalars))[id as usize]
    }

    /// The node over all examples.
    fn again(&self, node: &Recorded<T>) -> Result<Var<'t, T>> {
        let arguments: SmallVec<[Argument<Var<'t, T>>; 4]> = node
            .parents
            .iter()
            .map(|parent| match self.made.get(&parent.id) {
                Some(&value) => Argument { value, stacked: true },
                None => Argument {
                    value: Var { tape: Some(self.tape), id: parent.id, scalar: parent.value },
                    stacked: false,
                },
            })
            .collect();
        let shape = self.stack_of(&node.shape)?;
        let a = Recording::on(self.tape);
        let stack = Stack { count: self.count, arguments: &arguments };
        let aligned = |k| stack.aligned(&a, k, node.shape.rank());
        let found = match &node.op {
            NodeOp::Leaf => unreachable!("a leaf depends on nothing"),
            NodeOp::Copy => arguments[0].value,
            NodeOp::Unary(op) => op.with(Apply(aligned(0))),
            NodeOp::Binary(op) => op.with(Apply2(aligned(0), aligned(1))),
            NodeOp::Select => Number::select(aligned(0), aligned(1), aligned(2)),
            NodeOp::CustomUnary(op) => aligned(0).record_shared_unary(op.clone()),
            NodeOp::CustomBinary(op) => aligned(0).record_shared_binary(op.clone(), aligned(1))?,
            NodeOp::Tensor(op) => {
                let made = op.batched(&a, &stack);
                a.refused_value()?;
                match made {
                    Some(made) => made,
                    None => stack.one_by_one(&a, &node.shape, |inputs| Var::record_tensor_op(op.clone(), inputs))?,
                }
            }
            NodeOp::Custom(op) => {
                let (inputs, stacked) = arguments.iter().map(|x| (x.value, x.stacked)).unzip::<_, _, Vec<_>, Vec<_>>();
                let mapped = MappedOp { op: op.clone(), count: self.count, stacked, one: node.shape.clone() };
                self.tape.record_custom(Arc::new(mapped), &inputs)?
            }
        };
        debug_assert!(found.shape() == shape, "vmap: {} gave {}, not {shape}", node.op.name(), found.shape());
        Ok(if node.active { found } else { found.detach() })
    }

    /// An error where the closure's way hung on an example's numbers.
    fn check_control_flow(&self, looks: &[Look]) -> Result<()> {
        let depends = |id: NodeId| self.dependent.contains(&id);
        if let Some(look) = looks.iter().find(|look| look.of.is_none_or(depends)) {
            return Err(look.error.clone());
        }
        let guards = self.tape.guards();
        let hangs = guards[self.from.guards..self.to.guards]
            .iter()
            .find(|guard| depends(guard.left.0) || depends(guard.right.0));
        match hangs {
            Some(guard) => {
                let (left, right) = guard.values();
                Err(Error::tape(format!(
                    "vmap: control flow hung on a comparison of numbers that differ from example to example ({left} against {right} in the \
                     first); choose with select"
                )))
            }
            None => Ok(()),
        }
    }
}
