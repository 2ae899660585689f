//! A training step recorded once, as a graph whose inputs are its leaves: for programs that are given them by others than the
//! closure, as one for many models at once.
//!
//! [`Compiled`](super::Compiled) takes the leaves' values from its closure in every step. Here the closure runs when somebody asks for
//! the values that it makes of a batch ([`RecordedStep::replay`]); the program takes values from wherever they are.
//!
//! In compiler terms: a trace with its free variables made parameters.

use super::{Options, Outcome, Program};
use crate::error::{Error, Result};
use crate::graph::ssa::trace::{RuleForm, Traced};
use crate::graph::ssa::{Ir, Level};
use crate::num::Element;
use crate::tape::entry::NodeOp;
use crate::tape::scalar::ScalarNode;
use crate::tape::{Id, NodeId, NodeRef, Tape, Var};
use crate::tensor::Tensor;
use std::cell::RefCell;

/// A training step as a graph of its leaves: parameters, data, and whatever else the closure put on the tape.
///
/// Its program's inputs are the leaves in the order of [`RecordedStep::leaves`]; its outputs are the loss, the values that were asked
/// for, and the gradients of [`RecordedStep::gradients`].
///
/// # Examples
/// The gradients of three models in one run, over data that they share:
/// ```
/// use retrograd::{Tensor, program::{Options, RecordedStep}};
/// let rows = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
/// let (step, weight) = RecordedStep::record(&rows, |tape, rows| {
///     let w = tape.var([0.0, 0.0]);
///     Ok(((tape.data(rows) * w).sum(1).square().sum(()), [].into_iter().collect(), w.id()))
/// })?;
/// let stacked = step.leaves().iter().position(|leaf| *leaf == weight).unwrap();
/// let mut program = step.compile(&Options::new().stack(3, &[stacked]))?;
/// let weights = Tensor::from([[0.5, -1.0], [1.0, 0.0], [0.0, 0.0]]);
/// let inputs: Vec<_> = (0..2).map(|k| if k == stacked { weights.clone() } else { step.leaf(k) }).collect();
/// program.run(&inputs.iter().collect::<Vec<_>>())?;
/// assert_eq!(program.output(0), [1.5 * 1.5 + 2.5 * 2.5, 1.0 + 9.0, 0.0]);
/// assert_eq!((step.gradients(), program.tensor(1).shape().dims()), (&[weight][..], &[3, 2][..]));
/// # Ok::<(), retrograd::Error>(())
/// ```
pub struct RecordedStep<T: 'static> {
    tape: Tape<T>,
    graph: Ir<T>,
    leaves: Vec<Leaf>,
    ids: Vec<Id>,
    gradients: Vec<Id>,
    loss: NodeId,
    values: Vec<NodeId>,
}

impl<T: Element> RecordedStep<T> {
    /// Records what the closure builds, with its gradients, and gives what it returned beside. The closure is as that of
    /// [`Compiled::step_with`](super::Compiled::step_with).
    ///
    /// # Errors
    /// Those of the closure; a loss that is a tensor or a constant; the closure reads a plain number out of a variable.
    pub fn record<C: ?Sized, R>(
        context: &C,
        build: impl for<'t> FnOnce(&'t Tape<T>, &'t C) -> Result<Outcome<'t, T, R>>,
    ) -> Result<(Self, R)> {
        let tape = Tape::of();
        tape.tracing().start();
        let (loss, values, rest) = {
            let (loss, values, rest) = build(&tape, context)?;
            if loss.is_tensor() {
                let shape = loss.shape();
                return Err(Error::shape(format!(
                    "recorded step: the loss must be a scalar, got shape {shape}; reduce it with sum() or mean()"
                )));
            }
            (loss.id, values.iter().map(|value| value.id).collect(), rest)
        };
        tape.tracing().check()?;
        Ok((Self::new(tape, loss, values)?, rest))
    }

    #[inline(never)]
    fn new(tape: Tape<T>, loss: NodeId, values: Vec<NodeId>) -> Result<Self> {
        let StepGraph { ir, gradients, by: _, leaves } = StepGraph::new(&tape, loss, &values, Level::Exact)?;
        let id = |node: NodeId| Var::<T>::tensor(&tape, node).id();
        let ids = leaves.iter().map(|leaf| id(leaf.id(&tape))).collect();
        let gradients = gradients.into_iter().map(id).collect();
        Ok(Self { graph: ir, leaves, ids, gradients, loss, values, tape })
    }

    /// The leaves: what [`Var::id`] said of each as it was recorded.
    pub fn leaves(&self) -> &[Id] {
        &self.ids
    }
    /// The variables whose gradients follow the loss and the values among the outputs: those that the loss depends on.
    pub fn gradients(&self) -> &[Id] {
        &self.gradients
    }
    /// Whether the step has labels or other indices, which a program would keep as they were recorded.
    pub fn has_indices(&self) -> bool {
        self.tape.entries().iter().any(|entry| entry.op.holds_indices())
    }

    /// The value of a leaf, as it was recorded or replayed last.
    ///
    /// # Panics
    /// There is no such leaf.
    #[inline(never)]
    pub fn leaf(&self, k: usize) -> Tensor<T> {
        match self.leaves[k] {
            Leaf::Entry(entry) => self.tape.entries()[entry].value.clone().into_tensor(),
            Leaf::Scalar(id) => Tensor::scalar(self.tape.scalars().leaf_value(id)),
        }
    }

    /// Takes the leaves' values from a closure that builds the same step of other data.
    ///
    /// # Errors
    /// Those of the closure; it builds something else than was recorded, or has other indices.
    pub fn replay<C: ?Sized, R>(
        &mut self,
        context: &C,
        build: impl for<'t> FnOnce(&'t Tape<T>, &'t C) -> Result<Outcome<'t, T, R>>,
    ) -> Result<()> {
        self.tape.start_replay();
        let built = build(&self.tape, context).map(|(loss, values, _)| {
            loss.id == self.loss && values.iter().map(|value| value.id).eq(self.values.iter().copied())
        });
        let left = self.tape.has_left_replay();
        let complete = self.tape.end_replay();
        let read = self.tape.tracing().check();
        self.tape.tracing().forget();
        let mut swaps = 0;
        self.tape.for_each_swap(|_| swaps += 1);
        let same = built? && complete && !left;
        read?;
        match (same, swaps) {
            (true, 0) => Ok(()),
            (true, _) => Err(Error::tape(
                "recorded step: labels, other indices or a user's op changed from step to step, which its program would not see; \
                 give labels as rows of 0 and 1",
            )),
            (false, _) => Err(Error::tape("recorded step: the closure built something else than was recorded")),
        }
    }

    /// The program of the step. Of the options, `gradient` and `relaxed` do not matter.
    ///
    /// # Errors
    /// As [`Options::compile`].
    #[inline(never)]
    pub fn compile(&self, options: &Options) -> Result<Program<T>> {
        options.assemble(self.graph.clone())
    }
}

/// The graph of a recorded step: its inputs are the leaves, its outputs the loss, the values, and the gradients.
pub(super) struct StepGraph<T> {
    pub ir: Ir<T>,
    /// The nodes whose gradients are the last outputs.
    pub gradients: Vec<NodeId>,
    /// All nodes whose gradients are wanted.
    pub by: Vec<NodeId>,
    pub leaves: Vec<Leaf>,
}

impl<T: Element> StepGraph<T> {
    /// # Errors
    /// The loss, or a value, is a constant; an op on the way has no rule that can be compiled.
    pub fn new(tape: &Tape<T>, loss: NodeId, values: &[NodeId], level: Level) -> Result<Self> {
        let leaves = leaves(tape);
        let var = |id: NodeId| match id.lane() {
            NodeRef::Scalar(node) => Var::scalar(tape, node, T::from_f64(0.0)),
            _ => Var::tensor(tape, id),
        };
        if loss.lane() == NodeRef::Constant || values.iter().any(|id| id.lane() == NodeRef::Constant) {
            return Err(Error::tape("compiled step: the loss, or a value that is asked for, is a constant"));
        }
        let inputs: Vec<Var<'_, T>> = leaves.iter().map(|leaf| var(leaf.id(tape))).collect();
        let mut by = wanted(tape, &leaves);
        by.sort_unstable();
        let wanted: Vec<Var<'_, T>> = by.iter().copied().map(var).collect();
        let ir = RefCell::new(Ir::new(level));
        let traced = Traced::new(tape, &ir, &inputs, RuleForm::Fused)?;
        let mut outputs = vec![traced.key(var(loss))];
        outputs.extend(values.iter().map(|&id| traced.key(var(id))));
        let seed = ir.borrow_mut().literal(1.0);
        let found = traced.gradients_found(tape, var(loss), seed, &wanted)?;
        drop(traced);
        let mut gradients = Vec::new();
        for (&id, key) in by.iter().zip(found) {
            if let Some(key) = key {
                gradients.push(id);
                outputs.push(key);
            }
        }
        let mut ir = ir.into_inner();
        ir.outputs = outputs;
        Ok(Self { ir, gradients, by, leaves })
    }
}

/// A leaf of a recording.
#[derive(Clone, Copy)]
pub(super) enum Leaf {
    Entry(usize),
    Scalar(u32),
}

impl Leaf {
    pub fn id<T: Element>(self, tape: &Tape<T>) -> NodeId {
        match self {
            Leaf::Entry(k) => tape.entries()[k].id(k),
            Leaf::Scalar(id) => NodeId::scalar(id),
        }
    }
}

/// The leaves of a tape: entries, then numbers.
fn leaves<T: Element>(tape: &Tape<T>) -> Vec<Leaf> {
    let entries = tape.entries();
    let own = entries.iter().enumerate().filter(|(_, entry)| matches!(entry.op, NodeOp::Leaf));
    let numbers = (0..tape.scalars().len())
        .filter(|&id| matches!(tape.scalars().decode(id), ScalarNode::Leaf(_)) && tape.maker(id).is_none());
    own.map(|(k, _)| Leaf::Entry(k)).chain(numbers.map(Leaf::Scalar)).collect()
}

/// The nodes whose gradients are wanted: variables, and what is marked with [`Var::retain_gradient`].
fn wanted<T: Element>(tape: &Tape<T>, leaves: &[Leaf]) -> Vec<NodeId> {
    let entries = tape.entries();
    let active = leaves.iter().filter_map(|leaf| match *leaf {
        Leaf::Entry(k) => entries[k].active.then_some(NodeId::tensor(k)),
        Leaf::Scalar(id) => Some(NodeId::scalar(id)),
    });
    let kept = entries.iter().enumerate().filter(|(_, entry)| entry.retained && !matches!(entry.op, NodeOp::Leaf));
    let kept = kept.map(|(k, entry)| entry.id(k));
    active.chain(kept).collect()
}
