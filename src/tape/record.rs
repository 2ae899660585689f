//! Recording: from an op and its arguments to a node.
//!
//! The scalar path is short and inlined. The tensor path computes the value, then appends an entry; shape mistakes are
//! returned, and become panics at the operators' callers.

use super::entry::{NodeOp, Operand, Parents, Value};
use super::{Tape, Var};
use crate::algebra::eager;
use crate::error::{Error, OrPanic, Result};
use crate::num::{Element, Number};
use crate::ops::custom::{DynBinary, DynTensorOp, DynUnary};
use crate::ops::structural::TensorOp;
use crate::ops::{Binary, BuiltinBinary, BuiltinUnary, Unary};
use smallvec::SmallVec;
use std::panic::Location;
use std::sync::Arc;

impl<'t, T: Element> Var<'t, T> {
    #[inline(always)]
    #[track_caller]
    pub(crate) fn record_unary<O: BuiltinUnary>(self, op: O) -> Self {
        if let (Some(tape), Some(parent)) = (self.tape, self.node()) {
            let y = op.value(self.scalar);
            return Self::scalar(tape, tape.scalars.push_unary(op, parent, self.scalar, y), y);
        }
        if self.is_tensor() { self.record_unary_tensor(op) } else { Self { scalar: op.value(self.scalar), ..self } }
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn record_unary_tensor<O: BuiltinUnary>(self, op: O) -> Self {
        let tape = self.home();
        let value = self.with(|x| eager::unary(&tape.pool, op.wrap(), x));
        let active = !O::FLAT && tape.is_active(self);
        tape.push(NodeOp::Unary(op.wrap()), Parents::from_slice(&[self.as_parent()]), value, active, Location::caller())
    }

    #[inline(always)]
    #[track_caller]
    pub(crate) fn record_binary<O: BuiltinBinary>(self, op: O, rhs: Self) -> Self {
        if self.both_nodes(rhs) {
            let (Some(tape), Some(other)) = (self.tape, rhs.tape) else { node_without_tape() };
            if !std::ptr::eq(tape, other) {
                different_tapes(O::NAME);
            }
            let out = op.value(self.scalar, rhs.scalar);
            let parents = [self.index(), rhs.index()];
            return Self::scalar(tape, tape.scalars.push_binary(op, parents, self.scalar, rhs.scalar, out), out);
        }
        if self.is_tensor() || rhs.is_tensor() {
            return self.record_binary_tensor(op, rhs).or_panic();
        }
        self.record_with_constant(op, rhs)
    }

    /// At most one of the two is a node.
    #[inline(always)]
    #[track_caller]
    fn record_with_constant<O: BuiltinBinary>(self, op: O, rhs: Self) -> Self {
        let (x, y) = (self.scalar, rhs.scalar);
        let out = op.value(x, y);
        if let (Some(tape), Some(a)) = (self.tape, self.node()) {
            return Self::scalar(tape, tape.scalars.push_with_literal(op, a, x, y, out), out);
        }
        if let (Some(tape), Some(b)) = (rhs.tape, rhs.node()) {
            return Self::scalar(tape, tape.scalars.push_literal_with(op, b, x, y, out), out);
        }
        Self { tape: self.tape.or(rhs.tape), ..Self::constant(out) }
    }

    /// Fallible twin of every two-argument op.
    #[track_caller]
    pub(crate) fn try_record_binary<O: BuiltinBinary>(self, op: O, rhs: Self) -> Result<Self> {
        same_tape(O::NAME, self.tape, rhs.tape)?;
        if self.is_tensor() || rhs.is_tensor() {
            return self.record_binary_tensor(op, rhs);
        }
        Ok(self.record_binary(op, rhs))
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn record_binary_tensor<O: BuiltinBinary>(self, op: O, rhs: Self) -> Result<Self> {
        let tape = same_tape(O::NAME, self.tape, rhs.tape)?.expect("a tensor has a tape");
        let value = self.with(|x| rhs.with(|y| eager::binary(&tape.pool, op.wrap(), x, y)))?;
        let active = !O::FLAT && (tape.is_active(self) || tape.is_active(rhs));
        let parents = Parents::from_slice(&[self.as_parent(), rhs.as_parent()]);
        Ok(tape.push(NodeOp::Binary(op.wrap()), parents, value, active, Location::caller()))
    }

    #[track_caller]
    pub(crate) fn record_select(self, a: Self, b: Self) -> Result<Self> {
        let tape = same_tape("select", self.tape, a.tape)?;
        let tape = same_tape("select", tape, b.tape).and(same_tape("select", tape.or(a.tape), b.tape))?;
        if self.is_tensor() || a.is_tensor() || b.is_tensor() {
            let tape = tape.expect("a tensor has a tape");
            let value = self.with(|c| a.with(|a| b.with(|b| eager::select(&tape.pool, c, a, b))))?;
            let active = tape.is_active(a) || tape.is_active(b);
            let parents: Parents<T> = [self, a, b].iter().map(|v| v.as_parent()).collect();
            return Ok(tape.push(NodeOp::Select, parents, value, active, Location::caller()));
        }
        let chosen = if self.scalar != T::from_f64(0.0) { a } else { b };
        if !self.is_constant() {
            // What was chosen depends on the condition: control flow, so a guard.
            let _ = self == T::from_f64(0.0);
        }
        Ok(match (chosen.tape, chosen.node()) {
            (Some(tape), Some(parent)) => Self::scalar(tape, tape.scalars.push_copy(parent), chosen.scalar),
            _ => Self { tape, ..chosen },
        })
    }

    /// Records an op on whole tensors.
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
        let value = {
            let entries = tape.entries.borrow();
            let operands: SmallVec<[Operand<'_, T>; 4]> = inputs
                .iter()
                .map(|v| v.entry().map_or(Operand::Scalar(v.scalar), |k| entries[k].value.operand()))
                .collect();
            eager::apply(&tape.pool, &op, &operands)?
        };
        let active = !op.is_flat() && inputs.iter().any(|&v| tape.is_active(v));
        let parents = inputs.iter().map(|v| v.as_parent()).collect();
        Ok(tape.push(NodeOp::Tensor(op), parents, value, active, Location::caller()))
    }

    /// Records a one-argument op of a user's own.
    #[track_caller]
    pub(crate) fn record_custom_unary<O: Unary>(self, op: O) -> Self {
        let Some(tape) = self.tape else { return Self::constant(op.value(self.scalar)) };
        let op: Arc<dyn DynUnary<T>> = Arc::new(op);
        let value = self.with(|x| op.value(&tape.pool, x));
        let active = !op.is_flat() && tape.is_active(self);
        tape.push(NodeOp::CustomUnary(op), Parents::from_slice(&[self.as_parent()]), value, active, Location::caller())
    }

    /// Records a two-argument op of a user's own.
    #[track_caller]
    pub(crate) fn record_custom_binary<O: Binary>(self, op: O, rhs: Self) -> Result<Self> {
        let Some(tape) = same_tape(O::NAME, self.tape, rhs.tape)? else {
            return Ok(Self::constant(op.value(self.scalar, rhs.scalar)));
        };
        let op: Arc<dyn DynBinary<T>> = Arc::new(op);
        let value = self.with(|x| rhs.with(|y| op.value(&tape.pool, x, y)))?;
        let active = !op.is_flat() && (tape.is_active(self) || tape.is_active(rhs));
        let parents = Parents::from_slice(&[self.as_parent(), rhs.as_parent()]);
        Ok(tape.push(NodeOp::CustomBinary(op), parents, value, active, Location::caller()))
    }
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
    #[track_caller]
    pub(crate) fn record_custom(&self, op: Arc<dyn DynTensorOp<T>>, inputs: &[Var<'_, T>]) -> Result<Var<'_, T>> {
        let tensors: Vec<_> = inputs.iter().map(|v| v.value()).collect();
        for input in inputs {
            same_tape(op.name(), Some(self), input.tape)?;
        }
        let value = op.value(&tensors)?.into();
        let active = inputs.iter().any(|v| self.is_active(*v));
        let parents = inputs.iter().map(|v| v.as_parent()).collect();
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

#[cold]
#[inline(never)]
fn node_without_tape() -> ! {
    unreachable!("every node is on a tape")
}

#[cold]
#[inline(never)]
#[track_caller]
fn different_tapes(op: &str) -> ! {
    panic!("{op}: operands come from different tapes")
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
