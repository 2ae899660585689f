//! The algebra that records: its values are variables.

use super::{Tape, Var};
use crate::error::Result;
use crate::num::{Element, Number};
use crate::ops::algebra::Algebra;
use crate::ops::eager::{Refusal, in_rule, unknown};
use crate::ops::structural::TensorOp;
use crate::ops::{Apply, Apply2, BinaryOp, UnaryOp};
use crate::tensor::{Shape, Tensor};
use smallvec::SmallVec;

/// Rules applied to variables: the sweep is itself recorded, so it can be differentiated again.
pub struct Recording<'t, T> {
    pub(crate) tape: &'t Tape<T>,
    /// Whether derivatives that are a choice are NaN: what is differentiated again, beside what is shown.
    pub(crate) behind_choices: bool,
    pub(crate) refusal: Refusal,
}

impl<'t, T: Element> Recording<'t, T> {
    pub(crate) fn on(tape: &'t Tape<T>) -> Self {
        Self { tape, behind_choices: false, refusal: Refusal::default() }
    }
    pub(crate) fn behind_choices(tape: &'t Tape<T>) -> Self {
        Self { behind_choices: true, ..Self::on(tape) }
    }

    /// The error of the first op that refused its numbers, where a value was computed.
    pub(crate) fn refused_value(&self) -> Result<()> {
        self.refusal.take_of_value()
    }

    /// The error of the first op that refused its numbers inside this op's rule, which is then void.
    pub(crate) fn refused(&self, op: &TensorOp) -> Result<()> {
        self.refusal.take(op)
    }
}

impl<'t, T: Element> Algebra<T> for Recording<'t, T> {
    type V = Var<'t, T>;

    fn shape(&self, x: &Var<'t, T>) -> Shape {
        x.shape()
    }
    fn literal(&self, x: f64) -> Var<'t, T> {
        Var::constant(T::from_f64(x)).on(self.tape)
    }
    #[inline(never)]
    fn constant(&self, x: Tensor<T>) -> Var<'t, T> {
        self.tape.data(x)
    }
    #[inline(never)]
    fn select(&self, condition: &Var<'t, T>, a: &Var<'t, T>, b: &Var<'t, T>) -> Var<'t, T> {
        Number::select(*condition, *a, *b)
    }
    #[inline(never)]
    fn unary(&self, op: UnaryOp, x: &Var<'t, T>) -> Var<'t, T> {
        op.with(Apply(*x))
    }
    #[inline(never)]
    fn binary(&self, op: BinaryOp, x: &Var<'t, T>, y: &Var<'t, T>) -> Var<'t, T> {
        op.with(Apply2(*x, *y))
    }
    #[inline(never)]
    fn apply(&self, op: TensorOp, inputs: &[&Var<'t, T>]) -> Var<'t, T> {
        let op = if self.tape.is_strict() { op.without_gates() } else { op };
        let inputs: SmallVec<[Var<'t, T>; 4]> = inputs.iter().map(|&&v| v.on(self.tape)).collect();
        match Var::record_tensor_op(op.clone(), &inputs) {
            Ok(var) => var,
            Err(error) => {
                let shapes: SmallVec<[Shape; 4]> = inputs.iter().map(|input| input.shape()).collect();
                let unrefused = op.unrefused().and_then(|op| Var::record_tensor_op(op, &inputs).ok());
                self.refusal.note(in_rule(&op, &shapes, error), unrefused.is_some());
                unrefused.unwrap_or_else(|| self.tape.data(unknown(&op, &shapes)))
            }
        }
    }
}
