//! The result of a sweep over numbers.

use super::careful::careful;
use super::sweep;
use crate::error::{Error, OrPanic, Result};
use crate::num::Element;
use crate::ops::eager::Eager;
use crate::tape::{Id, NodeId, NodeRef, Recorded, Recording, Tape, Value, Var};
use crate::tensor::Tensor;

/// The gradients of one output, by variable; owned, so they outlive the tape's contents.
///
/// Kept are those of variables made with [`Tape::var`](crate::Tape::var), of every scalar, and of tensors marked with
/// [`Var::retain_gradient`].
///
/// # Examples
/// ```
/// use retrograd::Tape;
/// let tape = Tape::new();
/// let (w, b, unused) = (tape.var([1.0, -1.0]), tape.var(0.5), tape.var(7.0));
/// let mut gradients = (w * b).sum(()).backward();
/// assert_eq!(gradients.wrt(w).to_vec(), [0.5, 0.5]);
/// assert_eq!(gradients.items(&[b, unused]), [0.0, 0.0]);
/// // Taken out, it is the caller's own, and may be written in place.
/// assert_eq!(gradients.take(w.id()).unwrap().to_vec(), [0.5, 0.5]);
/// ```
pub struct Gradients<T> {
    scalars: Vec<T>,
    tensors: Vec<Option<Value<T>>>,
    /// What the output was recorded in.
    of: Recorded,
}

impl<T: Element> Gradients<T> {
    #[inline(never)]
    pub(crate) fn sweep(y: Var<'_, T>, seed: Value<T>) -> Result<Self> {
        let Some(tape) = y.tape else { return Ok(Self::from_parts(Vec::new(), Vec::new(), Recorded::default())) };
        if tape.tracing().is_on() {
            tape.tracing().note(
                "backward() gives plain numbers, which would be kept as they are; use tape.grad, whose gradients are recorded",
            );
        }
        if tape.is_strict() {
            return Self::strict(tape, y, seed);
        }
        let mode = if tape.has_hooks() || tape.scalars().has_far() { careful(tape) } else { Eager::new(tape.pool()) };
        // Without numbers there is nothing to do again, and a seed that is not shared is overwritten in place.
        let again = (tape.scalars().len() > 0).then(|| seed.clone());
        let mut adjoints = sweep(tape, &mode, y.id, seed, None)?;
        if let Some(seed) = again
            && !mode.is_finite(tape, &adjoints.scalars)
        {
            adjoints = sweep(tape, &careful(tape), y.id, seed, None)?;
        }
        mode.release();
        Ok(Self::from_parts(adjoints.scalars, adjoints.tensors, tape.recorded()))
    }

    /// By plain arithmetic, recorded.
    fn strict<'t>(tape: &'t Tape<T>, y: Var<'t, T>, seed: Value<T>) -> Result<Self> {
        let seed = match seed {
            Value::Scalar(seed) => Var::constant(seed).on(tape),
            Value::Tensor(seed) => tape.data(seed),
        };
        let adjoints = sweep(tape, &Recording::on(tape), y.id, seed, None)?;
        let scalars = adjoints.scalars.adjoints.iter().map(|g| g.map_or(T::from_f64(0.0), |g| g.item())).collect();
        let kept = |k: usize| tape.entries()[k].parents.is_empty() || tape.entries()[k].retained;
        let tensors =
            adjoints.tensors.into_iter().enumerate().map(|(k, g)| g.filter(|_| kept(k)).map(|g| g.value().into()));
        Ok(Self::from_parts(scalars, tensors.collect(), tape.recorded()))
    }

    /// Gradients that were computed elsewhere, by node.
    pub(crate) fn from_parts(scalars: Vec<T>, tensors: Vec<Option<Value<T>>>, of: Recorded) -> Self {
        Self { scalars, tensors, of }
    }

    pub(crate) fn into_parts(self) -> (Vec<T>, Vec<Option<Value<T>>>) {
        (self.scalars, self.tensors)
    }

    /// Adds the gradients of tensors that both have.
    pub(crate) fn add_tensors(&mut self, other: &Self) {
        for pair in self.tensors.iter_mut().zip(&other.tensors) {
            if let (Some(Value::Tensor(sum)), Some(Value::Tensor(gradient))) = pair {
                sum.add_scaled(T::from_f64(1.0), gradient);
            }
        }
    }

    /// Whether these are gradients by what was recorded there. Those of a constant are by anything, and a constant is of any.
    fn belongs(&self, of: Recorded) -> bool {
        self.of == of || [self.of, of].contains(&Recorded::default())
    }

    /// Why gradients and a node do not belong together.
    fn stranger(&self, of: Recorded) -> Error {
        Error::tape(if self.of.is_on_tape_of(of) {
            "gradient: the gradients and the variable are of two recordings of one tape, of what it held before clear() and after; sweep again"
        } else {
            "gradient: the variable is of another tape than the gradients"
        })
    }

    /// The node, if it is of what the gradients are of.
    #[track_caller]
    fn own(&self, id: Id) -> NodeRef {
        if !self.belongs(id.of) {
            Err(self.stranger(id.of)).or_panic()
        }
        id.node.lane()
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
        if !self.belongs(x.recorded()) {
            return Err(self.stranger(x.recorded()));
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
            NodeRef::Scalar(id) if self.belongs(x.recorded()) => {
                self.scalars.get(id as usize).copied().unwrap_or_default()
            }
            _ => self.wrt(x).item(),
        }
    }

    /// The gradients by scalar variables, as numbers.
    #[inline(never)]
    #[track_caller]
    pub fn items(&self, xs: &[Var<'_, T>]) -> Vec<T> {
        let direct = |x: &Var<'_, T>| {
            x.node().filter(|_| self.belongs(x.recorded())).and_then(|id| self.scalars.get(id as usize).copied())
        };
        let mut items = Vec::with_capacity(xs.len());
        // Not in a closure, whose line would stand in the message.
        for x in xs {
            items.push(match direct(x) {
                Some(item) => item,
                None => self.item(*x),
            });
        }
        items
    }

    /// The gradient of a node of what the gradients are of.
    pub(crate) fn at(&self, node: NodeId) -> Option<&Tensor<T>> {
        self.get(Id { of: self.of, node })
    }

    /// The gradient of a scalar of what the gradients are of.
    pub(crate) fn item_at(&self, node: NodeId) -> Option<T> {
        self.get_item(Id { of: self.of, node })
    }

    /// The gradient of a tensor by its node, if one reached it.
    ///
    /// # Panics
    /// The node is of another tape, or of what this one held before or after [`Tape::clear`].
    #[track_caller]
    pub fn get(&self, id: Id) -> Option<&Tensor<T>> {
        match self.own(id) {
            NodeRef::Tensor(k) => match self.tensors.get(k) {
                Some(Some(Value::Tensor(g))) => Some(g),
                _ => None,
            },
            _ => None,
        }
    }

    /// The gradient of a scalar by its node, if the sweep came past it.
    ///
    /// # Panics
    /// The node is of another tape, or of what this one held before or after [`Tape::clear`].
    #[track_caller]
    pub fn get_item(&self, id: Id) -> Option<T> {
        match self.own(id) {
            NodeRef::Scalar(id) => self.scalars.get(id as usize).copied(),
            _ => None,
        }
    }

    /// Takes the gradient out by its node, a scalar's as a tensor of shape []: none where no gradient reached it.
    ///
    /// # Panics
    /// As [`Gradients::get`].
    #[inline(never)]
    #[track_caller]
    pub fn take(&mut self, id: Id) -> Option<Tensor<T>> {
        match self.own(id) {
            NodeRef::Tensor(k) => match self.tensors.get_mut(k)?.take()? {
                Value::Tensor(g) => Some(g),
                Value::Scalar(g) => Some(Tensor::scalar(g)),
            },
            _ => self.get_item(id).map(Tensor::scalar),
        }
    }
}
