//! The result of a sweep over numbers.

use super::sweep;
use crate::error::{Error, OrPanic, Result};
use crate::num::Element;
use crate::ops::eager::Eager;
use crate::tape::NodeRef;
use crate::tape::{Id, Tape, Value, Var};
use crate::tensor::Tensor;

/// The gradients of one output, by variable; owned, so they outlive the tape's contents.
///
/// Kept are those of variables made with [`Tape::var`](crate::Tape::var), of every scalar, and of tensors marked with
/// [`Var::retain_gradient`].
pub struct Gradients<T> {
    scalars: Vec<T>,
    tensors: Vec<Option<Value<T>>>,
    /// The tape's address, to tell its variables from others'; never followed.
    home: usize,
}

/// What tells a tape from others while variables borrow it.
fn address<T>(tape: Option<&Tape<T>>) -> usize {
    tape.map_or(0, |tape| std::ptr::from_ref(tape).addr())
}

impl<T: Element> Gradients<T> {
    #[inline(never)]
    pub(crate) fn sweep(y: Var<'_, T>, seed: Value<T>) -> Result<Self> {
        let Some(tape) = y.tape else { return Ok(Self { scalars: Vec::new(), tensors: Vec::new(), home: 0 }) };
        if tape.tracing().is_on() {
            tape.tracing().note(Error::tape(
                "compile: backward() gives plain numbers, which a program would keep; use tape.grad, whose gradients are recorded",
            ));
        }
        let mode = Eager::new(tape.pool());
        let adjoints = sweep(tape, &mode, y.id, seed, None)?;
        mode.release();
        Ok(Self { scalars: adjoints.scalars, tensors: adjoints.tensors, home: address(Some(tape)) })
    }

    /// Gradients that were computed elsewhere, by node.
    pub(crate) fn from_parts(scalars: Vec<T>, tensors: Vec<Option<Value<T>>>) -> Self {
        Self { scalars, tensors, home: 0 }
    }

    pub(crate) fn into_parts(self) -> (Vec<T>, Vec<Option<Value<T>>>) {
        (self.scalars, self.tensors)
    }

    /// Whether these are gradients by variables of that one's tape. Those of a constant belong to any.
    fn belongs(&self, x: Var<'_, T>) -> bool {
        self.home == 0 || self.home == address(x.tape)
    }

    /// The gradient by a variable: zeros where the output does not depend on it.
    ///
    /// # Panics
    /// As [`Gradients::try_wrt`] fails.
    #[inline(never)]
    #[track_caller]
    pub fn wrt(&self, x: Var<'_, T>) -> Tensor<T> {
        self.try_wrt(x).or_panic()
    }

    /// As [`Gradients::wrt`].
    ///
    /// # Errors
    /// The variable is data or a constant, an intermediate tensor whose gradient was not kept, or of another tape.
    #[inline(never)]
    pub fn try_wrt(&self, x: Var<'_, T>) -> Result<Tensor<T>> {
        if !x.is_constant() && !self.belongs(x) {
            return Err(Error::tape("gradient: the variable is of another tape than the gradients"));
        }
        let k = match x.id.lane() {
            NodeRef::Scalar(_) => return Ok(Tensor::scalar(self.item(x))),
            NodeRef::Constant => {
                return Err(Error::argument("gradient: a constant has none; make a variable with tape.var"));
            }
            NodeRef::Tensor(k) => k,
        };
        if let Some(Some(Value::Tensor(g))) = self.tensors.get(k) {
            return Ok(g.clone());
        }
        let entries = x.home().entries();
        let entry = &entries[k];
        if !entry.active {
            return Err(Error::argument(format!(
                "gradient: {} of shape {} is data, for which none is computed; make a variable with tape.var",
                entry.op.name(),
                x.shape()
            )));
        }
        if !entry.parents.is_empty() && !entry.retained {
            return Err(Error::argument(format!(
                "gradient: that of the intermediate {} of shape {} was not kept; call retain_gradient() on it before the sweep",
                entry.op.name(),
                entry.value.shape()
            )));
        }
        Ok(Tensor::zeros(x.shape()))
    }

    /// The gradient by a scalar variable, as a number.
    ///
    /// # Panics
    /// The variable is a tensor with more or fewer elements than one, has no gradient, or is of another tape.
    #[track_caller]
    pub fn item(&self, x: Var<'_, T>) -> T {
        match x.id.lane() {
            NodeRef::Scalar(id) if self.belongs(x) => self.scalars.get(id as usize).copied().unwrap_or_default(),
            _ => self.wrt(x).item(),
        }
    }

    /// The gradients by scalar variables, as numbers.
    #[inline(never)]
    #[track_caller]
    pub fn items(&self, xs: &[Var<'_, T>]) -> Vec<T> {
        let direct = |x: &Var<'_, T>| {
            x.node().filter(|_| self.belongs(*x)).and_then(|id| self.scalars.get(id as usize).copied())
        };
        xs.iter().map(|x| direct(x).unwrap_or_else(|| self.item(*x))).collect()
    }

    /// The gradient of a tensor by its node's number, if one reached it.
    pub fn get(&self, id: Id) -> Option<&Tensor<T>> {
        match id.lane() {
            NodeRef::Tensor(k) => match self.tensors.get(k) {
                Some(Some(Value::Tensor(g))) => Some(g),
                _ => None,
            },
            _ => None,
        }
    }

    /// The gradient of a scalar by its node's number, if the sweep came past it.
    pub fn get_item(&self, id: Id) -> Option<T> {
        match id.lane() {
            NodeRef::Scalar(id) => self.scalars.get(id as usize).copied(),
            _ => None,
        }
    }

    /// Takes the gradient out by its node's number, a scalar's as a tensor of shape []: none where no gradient reached it.
    #[inline(never)]
    pub fn take(&mut self, id: Id) -> Option<Tensor<T>> {
        match id.lane() {
            NodeRef::Tensor(k) => match self.tensors.get_mut(k)?.take()? {
                Value::Tensor(g) => Some(g),
                Value::Scalar(g) => Some(Tensor::scalar(g)),
            },
            _ => self.get_item(id).map(Tensor::scalar),
        }
    }
}
