//! Batches of functions: what a closure does with one example, done with all of them at once.
//!
//! [`Tape::vmap`] runs its closure once, on the first example, and looks at what that recorded. Each node that depends on the example
//! is recorded again over all examples, which stand along an axis in front: elementwise ops broadcast, ops on whole tensors say what
//! they become ([`TensorRule::batched`](crate::ops::structural::TensorRule::batched)), and a user's op on
//! tensors is one node for all examples (`custom.rs`). What comes of it are ordinary nodes: they are differentiated, compiled and mapped
//! over examples again as all others. What the closure captures is shared by all examples.
//!
//! What the closure recorded itself stays on the tape and leads nowhere: for n examples, 1/n of the work more.
//!
//! In compiler terms: vectorising over an outer axis, by an interpreter of the trace (JAX's `vmap`). The same rules make programs of
//! many runs ([`Options::stack`](crate::program::Options::stack)), there over the SSA graph.

mod batching;
mod custom;
mod jacobian;

use crate::error::{Error, OrPanic, Result};
use crate::num::Element;
use crate::tape::tracing::Mapped;
use crate::tape::{Tape, Value, Var, same_tape};
use crate::tensor::{Shape, Tensor};
use batching::{Batching, Extent};

impl<T: Element> Tape<T> {
    /// What a closure makes of each example, for all examples at once: `over` are stacks, whose leading axes count the examples, and so
    /// are the outputs. The closure runs once, on variables of one example each; other variables that it captures are shared by all
    /// examples. An output that depends on no example is the same for all.
    ///
    /// The closure's variables are of the first example, and of no use outside it; ordinary control flow cannot hang on them.
    ///
    /// The results are recorded as everything is: gradients go through, by `over` and by what was captured; [`Tape::grad`] inside the
    /// closure gives a gradient for each example; and a closure may map another one over axes of its own. Elements are those of one
    /// example after another, to rounding.
    ///
    /// # Panics
    /// As [`Tape::try_vmap`] fails.
    ///
    /// # Examples
    /// The gradient of each example by the weights that all share:
    /// ```
    /// use retrograd::Tape;
    /// let tape = Tape::new();
    /// let w = tape.var([0.5, -1.0]);
    /// let (x, y) = (tape.data([[1.0, 2.0], [3.0, 4.0], [0.0, 1.0]]), tape.data([1.0, 0.0, -1.0]));
    /// let each = tape.vmap(&[x, y], |example| {
    ///     let loss = (example[0].dot(w) - example[1]).square();
    ///     vec![loss, tape.grad(loss, &[w])[0]]
    /// });
    /// assert_eq!(each[0].value().to_vec(), [6.25, 6.25, 0.0]);
    /// assert_eq!(each[1].value().to_vec(), [-5.0, -10.0, -15.0, -20.0, 0.0, 0.0]);
    /// // Their sum is the gradient of the sum.
    /// assert_eq!(each[0].sum(()).backward().wrt(w).to_vec(), [-20.0, -30.0]);
    /// ```
    #[track_caller]
    pub fn vmap<'t>(
        &'t self,
        over: &[Var<'t, T>],
        f: impl FnOnce(&[Var<'t, T>]) -> Vec<Var<'t, T>>,
    ) -> Vec<Var<'t, T>> {
        self.try_vmap(over, |example| Ok(f(example))).or_panic()
    }

    /// As [`Tape::vmap`], of a closure that may fail.
    ///
    /// # Errors
    /// The closure's. Nothing to map over, a number among it, or stacks of different lengths; variables of another tape; the closure
    /// looks at a number that depends on an example, or lets control flow hang on one (`select` chooses for each); it hooks onto
    /// gradients. What an op refuses, it refuses here as well.
    #[track_caller]
    pub fn try_vmap<'t>(
        &'t self,
        over: &[Var<'t, T>],
        f: impl FnOnce(&[Var<'t, T>]) -> Result<Vec<Var<'t, T>>>,
    ) -> Result<Vec<Var<'t, T>>> {
        let count = self.examples(over)?;
        let mut mapped = Mapped::on(self);
        let examples: Vec<Var<'t, T>> = over.iter().map(|&stack| self.example(stack, count)).collect();
        let (from, hooks) = (Extent::of(self), self.hook_count());
        let outputs = f(&examples)?;
        if self.hook_count() != hooks {
            return Err(Error::tape(
                "vmap: the closure hooks onto a gradient; a hook sees plain numbers, and there is none of one example",
            ));
        }
        let looks = mapped.take_looks();
        drop(mapped);
        Batching::new(self, count, from, &examples, over).outputs(&outputs, &looks)
    }

    /// How many examples there are.
    fn examples(&self, over: &[Var<'_, T>]) -> Result<usize> {
        let mut count = None;
        for (k, stack) in over.iter().enumerate() {
            same_tape("vmap", Some(self), stack.tape)?;
            let shape = stack.shape();
            let Some(&length) = shape.first() else {
                return Err(Error::shape(format!(
                    "vmap: input {k} is a number, which has no axis of examples; what all examples share is captured by the closure"
                )));
            };
            let (first, wanted) = *count.get_or_insert((k, length));
            if length != wanted {
                return Err(Error::shape(format!(
                    "vmap: input {first} has {wanted} examples along its first axis, input {k} has {length} (shape {shape})"
                )));
            }
        }
        count
            .map(|(_, count)| count)
            .ok_or_else(|| Error::argument("vmap: nothing to map over; give a stack of examples"))
    }

    /// A variable that stands for an example: of the first one's numbers. Where there is none, of ordinary ones, so that no op refuses them
    /// that takes any: 1 on the diagonal of the last two axes, 1/4 elsewhere.
    #[track_caller]
    fn example<'t>(&'t self, stack: Var<'t, T>, count: usize) -> Var<'t, T> {
        let shape: Shape = stack.shape()[1..].into();
        let size = shape.numel();
        let has_numbers = count > 0 && !self.is_replayed();
        let (columns, plane) = match shape.dims() {
            [.., rows, columns] => (*columns, rows * columns),
            _ => (size, size),
        };
        let ordinary = |i: usize| if (i % plane).is_multiple_of(columns + 1) { 1.0 } else { 0.25 };
        let first = |numbers: &[T]| match has_numbers {
            true => numbers[..size].to_vec(),
            false => (0..size).map(|i| T::from_f64(ordinary(i))).collect(),
        };
        let numbers = stack.with(|stack| first(stack.data()));
        let value = match shape.rank() {
            0 => Value::Scalar(numbers[0]),
            _ => Value::Tensor(Tensor::new(shape, numbers).expect("a part of a tensor's shape")),
        };
        self.leaf_of_tensor_lane(value, true)
    }
}

impl<'t, T: Element> Var<'t, T> {
    /// What a closure makes of each entry along the first axis, for all at once: [`Tape::vmap`] with one input and one output.
    ///
    /// # Panics
    /// As [`Tape::try_vmap`] fails.
    ///
    /// # Examples
    /// ```
    /// use retrograd::Tape;
    /// let tape = Tape::new();
    /// let (rows, m) = (tape.var([[1.0, 2.0], [3.0, 4.0]]), tape.data([[2.0, 0.0], [0.0, 1.0]]));
    /// // x^T M x of each row.
    /// let forms = rows.vmap(|x| x.dot(m.matmul(x)));
    /// assert_eq!(forms.value().to_vec(), [6.0, 34.0]);
    /// ```
    #[track_caller]
    pub fn vmap(self, f: impl FnOnce(Var<'t, T>) -> Var<'t, T>) -> Var<'t, T> {
        self.tape().vmap(&[self], |example| vec![f(example[0])])[0]
    }
}
