//! Going along a recording: a closure runs again, and what it asks for is what was recorded.
//!
//! A program ([`crate::program::Compiled`]) computes a step; the closure that recorded it runs in every step all the same, since
//! it alone knows the step's data. On a tape that is replayed nothing is computed and nothing appended: every op is compared
//! with the one that was recorded at its place, and gives that one's variable; every leaf hands its value over, by moving it;
//! labels and users' ops, which may change from step to step, take the places of the recorded ones.
//!
//! The first difference ends the replay: the rest of the recording is put aside, and the closure goes on recording behind
//! what it has met, on values that mean nothing, to its own end. What it made is thrown away then, and the recording whole
//! again ([`Tape::end_replay`]).
//!
//! **Invariant.** No value of a replayed tape is read but those of data; [`super::tracing`] notes it otherwise.

use super::entry::{Entry, NodeOp, Parent};
use super::{Guard, NodeId, NodeRef, Tape, Var};
use crate::error::Result;
use crate::num::Element;
use crate::tensor::Value;
use crate::tensor::pool::Indices;
use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::sync::Arc;

/// How far a replay of a list has come, and what was put aside when it was left.
pub(crate) struct ReplayCursor<Tail> {
    on: Cell<bool>,
    at: Cell<usize>,
    tail: RefCell<Option<Tail>>,
}

impl<Tail> Default for ReplayCursor<Tail> {
    fn default() -> Self {
        Self { on: Cell::new(false), at: Cell::new(0), tail: RefCell::new(None) }
    }
}

impl<Tail> ReplayCursor<Tail> {
    #[inline]
    pub fn is_on(&self) -> bool {
        self.on.get()
    }
    /// The place that comes next.
    pub fn at(&self) -> usize {
        self.at.get()
    }
    pub fn start(&self) {
        self.on.set(true);
        self.at.set(0);
    }
    /// Goes past a place, and says which.
    pub fn step(&self) -> usize {
        let at = self.at.get();
        self.at.set(at + 1);
        at
    }
    pub fn leave(&self, tail: Tail) {
        self.on.set(false);
        *self.tail.borrow_mut() = Some(tail);
    }
    pub fn has_left(&self) -> bool {
        self.tail.borrow().is_some()
    }
    /// Ends the replay, and gives what was put aside.
    pub fn end(&self) -> Option<Tail> {
        self.on.set(false);
        self.tail.borrow_mut().take()
    }
    pub fn reset(&self) {
        self.end();
        self.at.set(0);
    }
}

/// A replay of a tape.
pub(crate) struct Replay<T> {
    along: ReplayCursor<(Vec<Entry<T>>, Vec<Guard<T>>)>,
    guard: Cell<usize>,
    swaps: RefCell<Vec<Swap<T>>>,
}

impl<T> Default for Replay<T> {
    fn default() -> Self {
        Self { along: ReplayCursor::default(), guard: Cell::new(0), swaps: RefCell::default() }
    }
}

impl<T> Replay<T> {
    #[inline]
    pub fn is_on(&self) -> bool {
        self.along.is_on()
    }
    pub fn reset(&self) {
        self.along.reset();
        self.guard.set(0);
        self.swaps.borrow_mut().clear();
    }
}

/// What took the place of something that a program holds.
pub(crate) enum Swap<T> {
    Indices {
        old: Indices,
        new: Indices,
    },
    /// A user's op.
    Op {
        old: NodeOp<T>,
        new: NodeOp<T>,
    },
}

/// What a closure asks for beside what was recorded.
impl<T: Element> NodeOp<T> {
    /// Whether this is what was recorded, but for what may change.
    fn is_like(&self, recorded: &NodeOp<T>) -> bool {
        match (self, recorded) {
            (NodeOp::Unary(a), NodeOp::Unary(b)) => {
                let [a, b] = [a, b].map(|op| op.code());
                a.0 == b.0 && a.1.map(f64::to_bits) == b.1.map(f64::to_bits)
            }
            (NodeOp::Binary(a), NodeOp::Binary(b)) => a.code() == b.code(),
            (NodeOp::Select, NodeOp::Select) => true,
            (NodeOp::Tensor(a), NodeOp::Tensor(b)) => a.is_like(b),
            (NodeOp::CustomUnary(a), NodeOp::CustomUnary(b)) => a.kind() == b.kind(),
            (NodeOp::CustomBinary(a), NodeOp::CustomBinary(b)) => a.kind() == b.kind(),
            (NodeOp::Custom(a), NodeOp::Custom(b)) => a.kind() == b.kind(),
            _ => false,
        }
    }

    /// Whether this is a user's op in the same memory.
    pub(crate) fn is_identical(&self, other: &NodeOp<T>) -> bool {
        match (self, other) {
            (NodeOp::CustomUnary(a), NodeOp::CustomUnary(b)) => Arc::ptr_eq(a, b),
            (NodeOp::CustomBinary(a), NodeOp::CustomBinary(b)) => Arc::ptr_eq(a, b),
            (NodeOp::Custom(a), NodeOp::Custom(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    /// Puts what may change in place of what was recorded.
    fn replace(&self, recorded: &mut NodeOp<T>) -> Option<Swap<T>> {
        match (self, recorded) {
            (NodeOp::Tensor(op), NodeOp::Tensor(recorded)) => {
                let (old, new) = (recorded.indices()?.clone(), op.indices()?.clone());
                recorded.set_indices(new.clone());
                Some(Swap::Indices { old, new })
            }
            (NodeOp::CustomUnary(_) | NodeOp::CustomBinary(_) | NodeOp::Custom(_), recorded)
                if !self.is_identical(recorded) =>
            {
                let new = self.clone();
                Some(Swap::Op { old: std::mem::replace(recorded, new.clone()), new })
            }
            _ => None,
        }
    }
}

/// Whether two operands are the same: one node, or one number.
fn is_same<T: Element>(a: (NodeId, T), b: (NodeId, T)) -> bool {
    a.0 == b.0 && (a.0.lane() != NodeRef::Constant || a.1.to_f64().to_bits() == b.1.to_f64().to_bits())
}

impl<T: Element> Tape<T> {
    /// Goes along the recording from its beginning.
    #[inline(never)]
    pub(crate) fn start_replay(&self) {
        self.end_replay();
        self.replay.along.start();
        self.replay.guard.set(0);
        self.scalars.replay();
    }

    /// Whether what is asked for now is what was recorded before.
    pub(crate) fn is_replayed(&self) -> bool {
        self.replay.is_on()
    }

    /// How many entries and comparisons there are up to here.
    pub(crate) fn position(&self) -> (usize, usize) {
        if self.replay.is_on() {
            return (self.replay.along.at(), self.replay.guard.get());
        }
        (self.entries.borrow().len(), self.guards.borrow().len())
    }

    /// Whether the closure did something else than was recorded.
    pub(crate) fn has_left_replay(&self) -> bool {
        self.replay.along.has_left() || self.scalars.has_left()
    }

    /// Ends a replay, and makes the recording whole again. Whether the closure did what was recorded, to the end.
    #[inline(never)]
    pub(crate) fn end_replay(&self) -> bool {
        let scalars = self.scalars.end_replay();
        let (at, guard) = (self.replay.along.at(), self.replay.guard.get());
        let (mut entries, mut guards) = (self.entries.borrow_mut(), self.guards.borrow_mut());
        let Some((tail, last_guards)) = self.replay.along.end() else {
            return scalars && at == entries.len() && guard == guards.len();
        };
        entries.truncate(at);
        entries.extend(tail);
        guards.truncate(guard);
        guards.extend(last_guards);
        false
    }

    /// Ends the replay before its end, since the closure does something else than was recorded.
    #[cold]
    pub(crate) fn leave_replay(&self) {
        let tail = self.entries.borrow_mut().split_off(self.replay.along.at());
        let guards = self.guards.borrow_mut().split_off(self.replay.guard.get());
        self.replay.along.leave((tail, guards));
        self.scalars.leave();
    }

    /// Calls the closure with everything that took another's place since the last call.
    pub(crate) fn for_each_swap(&self, mut call: impl FnMut(&Swap<T>)) {
        for swap in self.replay.swaps.borrow_mut().drain(..) {
            call(&swap);
            if let Swap::Indices { old, new } = swap {
                drop(new);
                self.pool.give_indices(old);
            }
        }
    }

    /// Whether the entry is next in both lanes.
    fn is_next(&self, entry: &Entry<T>) -> bool {
        !self.scalars.has_left() && self.scalars.position() + entry.scalar.is_some() as u32 == entry.mark
    }

    /// The recorded variable of an op, if that is what was recorded here; else the replay is over.
    ///
    /// # Errors
    /// Indices that are out of range.
    #[inline(never)]
    pub(crate) fn replayed(&self, op: &NodeOp<T>, parents: &[Parent<T>]) -> Result<Option<Var<'_, T>>> {
        let mut entries = self.entries.borrow_mut();
        let at = self.replay.along.at();
        let as_recorded = |entry: &Entry<T>| {
            let same = |(a, b): (&Parent<T>, &Parent<T>)| is_same((a.id, a.value), (b.id, b.value));
            entry.parents.len() == parents.len()
                && parents.iter().zip(&entry.parents).all(same)
                && op.is_like(&entry.op)
                && self.is_next(entry)
        };
        if !entries.get(at).is_some_and(as_recorded) {
            drop(entries);
            self.leave_replay();
            return Ok(None);
        }
        if let NodeOp::Tensor(op) = op
            && let (Some(indices), NodeRef::Tensor(input)) = (op.indices(), parents[0].id.lane())
        {
            op.check_indices(&[entries[input].value.operand()], indices)?;
        }
        let entry = &mut entries[at];
        self.replay.swaps.borrow_mut().extend(op.replace(&mut entry.op));
        self.replay.along.step();
        Ok(Some(match (entry.scalar, &entry.value) {
            (Some(id), Value::Scalar(x)) => {
                self.scalars.pass();
                Var::scalar(self, id, *x)
            }
            _ => Var::tensor(self, NodeId::tensor(at)),
        }))
    }

    /// Hands a leaf's value over, if there was one of this shape here; else the replay is over, and the value comes back.
    #[inline(never)]
    pub(crate) fn replayed_leaf(&self, value: Value<T>, active: bool) -> std::result::Result<Var<'_, T>, Value<T>> {
        let mut entries = self.entries.borrow_mut();
        let at = self.replay.along.at();
        let as_recorded = |entry: &&mut Entry<T>| {
            matches!(entry.op, NodeOp::Leaf)
                && entry.active == active
                && entry.value.operand().dims() == value.operand().dims()
                && self.is_next(entry)
        };
        let Some(entry) = entries.get_mut(at).filter(as_recorded) else {
            drop(entries);
            self.leave_replay();
            return Err(value);
        };
        self.replay.along.step();
        if let (Some(id), &Value::Scalar(x)) = (entry.scalar, &value) {
            entry.value = value;
            self.scalars.pass();
            return Ok(Var::scalar(self, id, x));
        }
        if let Value::Tensor(before) = std::mem::replace(&mut entry.value, value) {
            self.pool.give(before);
        }
        Ok(Var::tensor(self, NodeId::tensor(at)))
    }

    /// The recorded answer of a comparison, if that was made here; else the replay is over.
    pub(crate) fn replayed_guard(&self, left: (NodeId, T), right: (NodeId, T)) -> Option<Option<Ordering>> {
        let at = self.replay.guard.get();
        let recorded = self.guards.borrow().get(at).copied();
        let same =
            |guard: &Guard<T>| is_same(guard.left, left) && is_same(guard.right, right) && !self.scalars.has_left();
        let Some(guard) = recorded.filter(same) else {
            self.leave_replay();
            return None;
        };
        self.replay.guard.set(at + 1);
        Some(guard.outcome)
    }
}
