//! Recording: from an op and its arguments to a node.
//!
//! The scalar path is short and inlined. The tensor path computes the value, then appends an entry; shape mistakes are
//! returned, and become panics at the operators' callers.

use super::custom::{DynBinary, DynTensorOp, DynUnary};
use super::entry::{NodeOp, Parents};
use super::{NodeId, Tape, Var};
use crate::error::{Error, OrPanic, Result};
use crate::num::{Element, Number};
use crate::ops::structural::TensorOp;
use crate::ops::{self, eager};
use crate::ops::{Binary, BinaryOp, BuiltinBinary, BuiltinUnary, Unary, UnaryOp};
use crate::tensor::{Operand, Value};
use smallvec::SmallVec;
use std::panic::Location;
use std::sync::Arc;

impl<'t, T: Element> Var<'t, T> {
    #[inline(always)]
    #[track_caller]
    pub(crate) fn record_unary<O: BuiltinUnary>(self, op: O) -> Self {
        if let Some((tape, parent)) = self.on_lane() {
            let y = self.scalar.apply(op);
            // SAFETY: the node is one of the tape's.
            let id = unsafe { tape.scalars.push_unary(op, parent, self.scalar, y) };
            return Self::scalar(tape, id, y);
        }
        if let (Some(tape), true) = (self.tape, self.is_tensor()) {
            return Self::tensor(tape, unary_tensor(tape, op.wrap(), self.id));
        }
        Self { tape: self.tape, ..Self::constant(self.scalar.apply(op)) }
    }

    #[inline(always)]
    #[track_caller]
    pub(crate) fn record_binary<O: BuiltinBinary>(self, op: O, rhs: Self) -> Self {
        if let Some((tape, parents)) = self.both_on_lane(rhs) {
            let out = self.scalar.apply2(op, rhs.scalar);
            // SAFETY: the nodes are the tape's.
            let id = unsafe { tape.scalars.push_binary(op, parents, self.scalar, rhs.scalar, out) };
            return Self::scalar(tape, id, out);
        }
        if self.is_tensor() || rhs.is_tensor() || self.both_nodes(rhs) {
            let (tape, id) =
                binary_tensor_or_panic(op.wrap(), (self.tape, self.id, self.scalar), (rhs.tape, rhs.id, rhs.scalar));
            return Self::tensor(tape, id);
        }
        self.record_with_constant(op, rhs)
    }

    /// At most one of the two is a node.
    #[inline(always)]
    #[track_caller]
    fn record_with_constant<O: BuiltinBinary>(self, op: O, rhs: Self) -> Self {
        let (x, y) = (self.scalar, rhs.scalar);
        let out = x.apply2(op, y);
        if let Some((tape, a)) = self.on_lane() {
            // SAFETY: the node is one of the tape's.
            let id = unsafe { tape.scalars.push_with_literal(op, a, x, y, out) };
            return Self::scalar(tape, id, out);
        }
        if let Some((tape, b)) = rhs.on_lane() {
            // SAFETY: as above.
            let id = unsafe { tape.scalars.push_literal_with(op, b, x, y, out) };
            return Self::scalar(tape, id, out);
        }
        Self { tape: self.tape.or(rhs.tape), ..Self::constant(out) }
    }

    /// Fallible twin of every two-argument op.
    #[track_caller]
    pub(crate) fn try_record_binary<O: BuiltinBinary>(self, op: O, rhs: Self) -> Result<Self> {
        same_tape(O::NAME, self.tape, rhs.tape)?;
        if self.is_tensor() || rhs.is_tensor() {
            let (tape, id) =
                binary_tensor(op.wrap(), (self.tape, self.id, self.scalar), (rhs.tape, rhs.id, rhs.scalar))?;
            return Ok(Self::tensor(tape, id));
        }
        Ok(self.record_binary(op, rhs))
    }

    #[inline(never)]
    #[track_caller]
    pub(crate) fn record_select(self, a: Self, b: Self) -> Result<Self> {
        let tape = same_tape("select", self.tape, a.tape)?;
        let tape = same_tape("select", tape, b.tape).and(same_tape("select", tape.or(a.tape), b.tape))?;
        // A program chooses anew in every run, so that a choice between numbers is an op there as well.
        let traced = !self.is_constant() && tape.is_some_and(|tape| tape.tracing.is_on());
        if traced || self.is_tensor() || a.is_tensor() || b.is_tensor() {
            let tape = tape.expect("a tensor has a tape");
            let parents: Parents<T> = [self, a, b].iter().map(|v| v.as_parent()).collect();
            if tape.replay.is_on()
                && let Some(var) = tape.replayed(&NodeOp::Select, &parents)?
            {
                return Ok(var);
            }
            let value = self.with(|c| a.with(|a| b.with(|b| eager::select(&tape.pool, c, a, b))))?;
            let active = tape.is_active(a) || tape.is_active(b);
            return Ok(tape.push(NodeOp::Select, parents, value, active, Location::caller()));
        }
        let chosen = if self.scalar != T::from_f64(0.0) { a } else { b };
        if !self.is_constant() {
            // What was chosen depends on the condition: control flow, so a guard.
            let _ = self == T::from_f64(0.0);
        }
        Ok(match chosen.on_lane() {
            // SAFETY: the node is one of the tape's.
            Some((tape, parent)) => Self::scalar(tape, unsafe { tape.scalars.push_copy(parent) }, chosen.scalar),
            None => Self { tape, ..chosen },
        })
    }

    /// Records an op on whole tensors.
    #[inline(never)]
    #[track_caller]
    pub(crate) fn record_tensor_op(op: TensorOp, inputs: &[Self]) -> Result<Self> {
        let mut tape = None;
        for input in inputs {
            tape = same_tape(op.name(), tape, input.tape)?;
        }
        // Constants alone need no tape: what comes out is a constant where it is a number.
        let Some(tape) = tape else {
            let operands: SmallVec<[Operand<'_, T>; 4]> = inputs.iter().map(|v| Operand::Scalar(v.scalar)).collect();
            return match eager::apply(&crate::tensor::pool::Pool::transient(), &op, &operands)? {
                Value::Scalar(x) => Ok(Self::constant(x)),
                Value::Tensor(_) => Err(Error::tape(format!(
                    "{}: a constant without a tape cannot become a tensor; use tape.data",
                    op.name()
                ))),
            };
        };
        let parents: Parents<T> = inputs.iter().map(|v| v.as_parent()).collect();
        let node = NodeOp::Tensor(op);
        if tape.replay.is_on()
            && let Some(var) = tape.replayed(&node, &parents)?
        {
            return Ok(var);
        }
        let NodeOp::Tensor(op) = &node else { unreachable!("just made") };
        let value = {
            let entries = tape.entries.borrow();
            let operands: SmallVec<[Operand<'_, T>; 4]> = inputs
                .iter()
                .map(|v| v.entry().map_or(Operand::Scalar(v.scalar), |k| entries[k].value.operand()))
                .collect();
            eager::apply(&tape.pool, op, &operands)?
        };
        let active = !op.is_flat() && inputs.iter().any(|&v| tape.is_active(v));
        Ok(tape.push(node, parents, value, active, Location::caller()))
    }

    /// Records a one-argument op of a user's own.
    #[track_caller]
    pub(crate) fn record_custom_unary<O: Unary>(self, op: O) -> Self {
        if self.tape.is_none() {
            return Self::constant(self.scalar.apply(op));
        }
        self.record_shared_unary(Arc::new(op))
    }

    /// The same for an op that others hold as well; this variable is on a tape.
    #[inline(never)]
    #[track_caller]
    pub(crate) fn record_shared_unary(self, op: Arc<dyn DynUnary<T>>) -> Self {
        let tape = self.home();
        let parents = Parents::from_slice(&[self.as_parent()]);
        if tape.replay.is_on()
            && let Ok(Some(var)) = tape.replayed(&NodeOp::CustomUnary(op.clone()), &parents)
        {
            return var;
        }
        let value = self.with(|x| op.value(&tape.pool, x));
        let active = !op.is_flat() && tape.is_active(self);
        tape.push(NodeOp::CustomUnary(op), parents, value, active, Location::caller())
    }

    /// Records a two-argument op of a user's own.
    #[track_caller]
    pub(crate) fn record_custom_binary<O: Binary>(self, op: O, rhs: Self) -> Result<Self> {
        if same_tape(O::NAME, self.tape, rhs.tape)?.is_none() {
            return Ok(Self::constant(self.scalar.apply2(op, rhs.scalar)));
        }
        self.record_shared_binary(Arc::new(op), rhs)
    }

    /// The same for an op that others hold as well; one of the variables is on a tape.
    #[inline(never)]
    #[track_caller]
    pub(crate) fn record_shared_binary(self, op: Arc<dyn DynBinary<T>>, rhs: Self) -> Result<Self> {
        let tape = self.tape.unwrap_or_else(|| rhs.home());
        let parents = Parents::from_slice(&[self.as_parent(), rhs.as_parent()]);
        if tape.replay.is_on()
            && let Some(var) = tape.replayed(&NodeOp::CustomBinary(op.clone()), &parents)?
        {
            return Ok(var);
        }
        let value = self.with(|x| rhs.with(|y| op.value(&tape.pool, x, y)))?;
        let active = !op.is_flat() && (tape.is_active(self) || tape.is_active(rhs));
        Ok(tape.push(NodeOp::CustomBinary(op), parents, value, active, Location::caller()))
    }
}

// The tensor paths take and return the parts of a variable: a whole one would pass through memory, and the scalar path,
// inlined beside the call, would then keep its variables in memory too, at four times the cost of an op.

/// A variable in parts.
type Parts<'t, T> = (Option<&'t Tape<T>>, NodeId, T);

#[inline(never)]
#[track_caller]
pub(crate) fn unary_tensor<T: Element>(tape: &Tape<T>, op: UnaryOp, id: NodeId) -> NodeId {
    let x = Var::tensor(tape, id);
    let parents = Parents::from_slice(&[x.as_parent()]);
    if tape.replay.is_on()
        && let Ok(Some(var)) = tape.replayed(&NodeOp::Unary(op), &parents)
    {
        return var.id;
    }
    let value = x.with(|x| eager::unary(&tape.pool, op, x));
    let active = !op.is_flat() && tape.is_active(x);
    tape.push(NodeOp::Unary(op), parents, value, active, Location::caller()).id
}

#[inline(never)]
#[track_caller]
pub(crate) fn binary_tensor_or_panic<'t, T: Element>(
    op: BinaryOp,
    x: Parts<'t, T>,
    y: Parts<'t, T>,
) -> (&'t Tape<T>, NodeId) {
    binary_tensor(op, x, y).or_panic()
}

#[inline(never)]
#[track_caller]
pub(crate) fn binary_tensor<'t, T: Element>(
    op: BinaryOp,
    x: Parts<'t, T>,
    y: Parts<'t, T>,
) -> Result<(&'t Tape<T>, NodeId)> {
    let tape = same_tape(op.name(), x.0, y.0)?.expect("a tensor has a tape");
    let [x, y] = [x, y].map(|(_, id, scalar)| Var { tape: Some(tape), id, scalar });
    let parents = Parents::from_slice(&[x.as_parent(), y.as_parent()]);
    if tape.replay.is_on()
        && let Some(var) = tape.replayed(&NodeOp::Binary(op), &parents)?
    {
        return Ok((tape, var.id));
    }
    let value = x.with(|x| y.with(|y| eager::binary(&tape.pool, op, x, y)))?;
    let active = !op.is_flat() && (tape.is_active(x) || tape.is_active(y));
    Ok((tape, tape.push(NodeOp::Binary(op), parents, value, active, Location::caller()).id))
}

impl<T: Element> Tape<T> {
    /// Whether gradients go to this variable.
    #[inline]
    pub(crate) fn is_active(&self, var: Var<'_, T>) -> bool {
        match var.entry() {
            Some(k) => self.entries.borrow()[k].active,
            None => !var.is_constant(),
        }
    }

    /// Records a user's op on whole tensors.
    #[inline(never)]
    #[track_caller]
    pub(crate) fn record_custom(&self, op: Arc<dyn DynTensorOp<T>>, inputs: &[Var<'_, T>]) -> Result<Var<'_, T>> {
        for input in inputs {
            same_tape(op.name(), Some(self), input.tape)?;
        }
        let parents: Parents<T> = inputs.iter().map(|v| v.as_parent()).collect();
        if self.replay.is_on()
            && let Some(var) = self.replayed(&NodeOp::Custom(op.clone()), &parents)?
        {
            return Ok(var);
        }
        let tensors: Vec<_> = inputs.iter().map(|v| v.with(|value| value.to_value()).into_tensor()).collect();
        let value = op.value(&tensors)?.into();
        let active = inputs.iter().any(|v| self.is_active(*v));
        Ok(self.push(NodeOp::Custom(op), parents, value, active, Location::caller()))
    }
}

/// The tape that the arguments share, if any has one.
pub(crate) fn same_tape<'t, T>(
    op: &str,
    a: Option<&'t Tape<T>>,
    b: Option<&'t Tape<T>>,
) -> Result<Option<&'t Tape<T>>> {
    match (a, b) {
        (Some(x), Some(y)) if !std::ptr::eq(x, y) => {
            Err(Error::tape(format!("{op}: operands come from different tapes")))
        }
        _ => Ok(a.or(b)),
    }
}

impl<T: Element> Number for Var<'_, T> {
    #[inline(always)]
    fn lit(x: f64) -> Self {
        Self::constant(T::from_f64(x))
    }
    #[track_caller]
    fn select(self, a: Self, b: Self) -> Self {
        self.record_select(a, b).or_panic()
    }
    #[inline(always)]
    #[track_caller]
    fn unary<O: BuiltinUnary>(self, op: O) -> Self {
        self.record_unary(op)
    }
    #[inline(always)]
    #[track_caller]
    fn binary<O: BuiltinBinary>(self, op: O, rhs: Self) -> Self {
        // For all but three ops known when the crate is compiled.
        if let Some(plain) = ops::plain(O::CODE)
            && self.tape.or(rhs.tape).is_some_and(Tape::is_strict)
        {
            return match plain {
                ops::Plain::Product => self.record_binary(ops::Mul, rhs),
                ops::Plain::Quotient => self.record_binary(ops::Div, rhs),
            };
        }
        self.record_binary(op, rhs)
    }
    #[track_caller]
    fn apply<O: Unary>(self, op: O) -> Self {
        self.record_custom_unary(op)
    }
    #[track_caller]
    fn apply2<O: Binary>(self, op: O, rhs: Self) -> Self {
        self.record_custom_binary(op, rhs).or_panic()
    }
}
