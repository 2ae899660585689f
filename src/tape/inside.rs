//! What the modules above ask of a tape: its fields are the tape's own.
//!
//! What is asked for in every sweep (the lanes, the pool) is lent as it is; everything else is a question.

use super::entry::{Entry, NodeOp};
use super::scalar::ScalarLane;
use super::tracing::Tracing;
use super::{NodeId, NodeRef, Tape, Value};
use crate::num::Element;
use crate::tensor::Tensor;
use crate::tensor::pool::Pool;
use std::cell::Ref;

/// A closure that sees a variable's gradient, and may replace it.
pub(super) struct Hook<T> {
    pub id: NodeId,
    pub call: Box<dyn Fn(&Tensor<T>) -> Option<Tensor<T>>>,
}

impl<T: Element> Entry<T> {
    /// The node that variables of this entry's value name: the number that it made, or the entry itself, which is the k-th.
    pub fn id(&self, k: usize) -> NodeId {
        self.scalar.map_or(NodeId::tensor(k), NodeId::scalar)
    }
}

impl<T: Element> Tape<T> {
    /// The scalar lane.
    #[inline(always)]
    pub(crate) fn scalars(&self) -> &ScalarLane<T> {
        &self.scalars
    }
    /// The tensor lane.
    #[inline]
    pub(crate) fn entries(&self) -> Ref<'_, [Entry<T>]> {
        Ref::map(self.entries.borrow(), Vec::as_slice)
    }
    /// Where buffers come from and go.
    #[inline]
    pub(crate) fn pool(&self) -> &Pool<T> {
        &self.pool
    }
    /// Whether a program is made of what is recorded, and what it could not repeat.
    pub(crate) fn tracing(&self) -> &Tracing {
        &self.tracing
    }

    /// The entry that made this number of the scalar lane, where an op on tensors did.
    ///
    /// An entry takes its mark right behind the number that it made, so the first one with a later mark is the one, or none is.
    pub(crate) fn maker(&self, scalar: u32) -> Option<usize> {
        let entries = self.entries.borrow();
        let k = entries.partition_point(|entry| entry.mark <= scalar);
        entries.get(k).is_some_and(|entry| entry.scalar == Some(scalar)).then_some(k)
    }

    /// Puts another value in the place of an entry's, and returns that one.
    pub(crate) fn exchange_value(&self, k: usize, value: Value<T>) -> Value<T> {
        std::mem::replace(&mut self.entries.borrow_mut()[k].value, value)
    }

    /// Says of every entry whether its gradient is kept, and returns what was said before.
    pub(crate) fn exchange_retained(&self, retained: &[bool]) -> Vec<bool> {
        let mut entries = self.entries.borrow_mut();
        entries.iter_mut().zip(retained).map(|(entry, &new)| std::mem::replace(&mut entry.retained, new)).collect()
    }

    /// Whether any gradient is to be shown to a closure.
    #[inline]
    pub(crate) fn has_hooks(&self) -> bool {
        !self.hooks.borrow().is_empty() || !self.added_hooks.borrow().is_empty()
    }
    /// Whether this one's is.
    pub(crate) fn is_hooked(&self, id: NodeId) -> bool {
        self.hooks.borrow().iter().any(|hook| hook.id == id)
    }
    /// The numbers whose gradients are, in the order in which that was asked for.
    pub(crate) fn hooked_scalars(&self) -> Vec<u32> {
        let node = |hook: &Hook<T>| match hook.id.lane() {
            NodeRef::Scalar(id) => Some(id),
            NodeRef::Tensor(_) | NodeRef::Constant => None,
        };
        self.hooks.borrow().iter().filter_map(node).collect()
    }
    /// Adds a hook: at once, or where one is being called, from the next sweep on.
    pub(super) fn add_hook(&self, hook: Hook<T>) {
        match self.hooks.try_borrow_mut() {
            Ok(mut hooks) => hooks.push(hook),
            Err(_) => self.added_hooks.borrow_mut().push(hook),
        }
    }
    /// How many hooks there are.
    pub(crate) fn hook_count(&self) -> usize {
        let added = self.added_hooks.borrow().len();
        // Inside a hook they are being read, and none can be taken away.
        self.hooks.borrow().len() + added
    }

    /// Takes up what hooks of earlier sweeps have added. Not in a sweep inside a hook, where hooks are being read.
    pub(crate) fn take_up_hooks(&self) {
        if let Ok(mut hooks) = self.hooks.try_borrow_mut() {
            hooks.append(&mut self.added_hooks.borrow_mut());
        }
    }
    /// Shows a gradient to the closures that asked for it; each may put another in its place.
    pub(crate) fn call_hooks(&self, id: NodeId, g: &mut Value<T>) {
        for hook in self.hooks.borrow().iter().filter(|hook| hook.id == id) {
            let seen: Tensor<T> = g.clone().into_tensor();
            if let Some(changed) = (hook.call)(&seen) {
                assert!(
                    changed.shape() == seen.shape(),
                    "hook: the gradient has shape {}, its replacement {}",
                    seen.shape(),
                    changed.shape()
                );
                *g = changed.into();
            }
        }
    }

    /// Adjoints of the scalar lane from an earlier sweep, for their memory.
    pub(crate) fn spare_adjoints(&self) -> Vec<T> {
        self.spare_adjoints.take()
    }
    /// The same of the tensor lane, empty.
    pub(crate) fn spare_slots(&self) -> Vec<Option<Value<T>>> {
        self.spare_slots.take()
    }
    /// Keeps the memory of adjoints for the next sweep.
    pub(crate) fn keep_spare(&self, scalars: Vec<T>, mut tensors: Vec<Option<Value<T>>>) {
        self.spare_adjoints.set(scalars);
        for tensor in tensors.drain(..).flatten() {
            if let Value::Tensor(tensor) = tensor {
                self.pool.give(tensor);
            }
        }
        self.spare_slots.set(tensors);
    }

    /// Whether some op has a derivative that is infinite or undefined at a finite point.
    #[inline(never)]
    pub(crate) fn has_singular_ops(&self) -> bool {
        let entry = |entry: &Entry<T>| match &entry.op {
            NodeOp::Unary(op) => op.singular().at_points,
            NodeOp::Binary(op) => op.singular().at_points,
            NodeOp::Tensor(op) => !op.is_bounded() || op.bends(),
            NodeOp::Leaf | NodeOp::Copy | NodeOp::Select => false,
            // Nobody has said.
            NodeOp::CustomUnary(_) | NodeOp::CustomBinary(_) | NodeOp::Custom(_) => true,
        };
        self.scalars().has_singular() || self.entries().iter().any(entry)
    }
}
