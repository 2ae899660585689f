//! The algebra that computes, and the evaluation of every op on numbers and tensors.

use super::algebra::{Algebra, sum_over_stretched};
use crate::error::{Error, Result};
use crate::num::{Element, Number};
use crate::ops::structural::{Dims, TensorOp};
use crate::ops::{self, Apply, Apply2, BinaryOp, UnaryOp};
use crate::tensor::kernels::Kernels;
use crate::tensor::kernels::elementwise::{self, Plan};
use crate::tensor::kernels::{reduce, rows};
use crate::tensor::pool::Pool;
use crate::tensor::shape::same_lengths;
use crate::tensor::{Operand, Shape, Tensor, Value};
use smallvec::SmallVec;
use std::cell::{Cell, OnceCell, RefCell};

/// Rules applied to values: gradients as numbers.
pub struct Eager<'p, T> {
    pub(crate) pool: &'p Pool<T>,
    /// What rules made along the way, until [`Eager::release`].
    temporaries: RefCell<Vec<Tensor<T>>>,
    pub(crate) refusal: Refusal,
    /// The values of a tape's numbers, where a sweep takes each by its rule.
    pub(crate) numbers: OnceCell<Vec<T>>,
    /// What numbers get of their logarithms where it goes past them: theirs, but not to be carried on.
    pub(crate) passed: RefCell<Vec<(u32, T)>>,
}

/// Why a rule has no value: an op in it refused the numbers at hand, as a system with a singular matrix does.
///
/// Rules are formulas, and have no way to return an error; so what they compute on goes on as NaN, and whoever asked for the
/// rule asks for this before using it.
#[derive(Default)]
pub(crate) struct Refusal {
    of_rule: Cell<Option<Error>>,
    /// Whether the rule's matrices without a value are all NaN in what came of it, and the others as they are.
    is_apart: Cell<bool>,
    postponed: Cell<Option<Error>>,
}

impl Refusal {
    /// Keeps the error of an op that refused its numbers; whether it was done again and left NaN where it has no value.
    pub fn note(&self, error: Error, is_apart: bool) {
        let first = self.of_rule.take();
        self.is_apart.set(is_apart && (first.is_none() || self.is_apart.get()));
        self.of_rule.set(first.or(Some(error)));
    }

    /// The first error since this was asked last, inside this op's rule.
    #[inline]
    pub fn take(&self, op: &TensorOp) -> Result<()> {
        let Some(error) = self.of_rule.take() else { return Ok(()) };
        // An error about a derivative says itself whose.
        if error.is_not_differentiable() {
            return Err(error);
        }
        Err(error.within(&format!("{}: no derivative", op.name())))
    }

    /// The same where an op's value was computed by others.
    pub fn take_of_value(&self) -> Result<()> {
        self.of_rule.take().map_or(Ok(()), Err)
    }

    /// As [`Refusal::take`], of a tangent: where NaN says what has none, the error waits until it is known whether anybody asks for that.
    #[inline]
    pub fn postpone(&self, op: &TensorOp) -> Result<()> {
        self.take(op).or_else(|error| {
            if !self.is_apart.get() {
                return Err(error);
            }
            self.postponed.set(self.postponed.take().or(Some(error)));
            Ok(())
        })
    }

    /// The first error that was postponed.
    pub fn take_postponed(&self) -> Option<Error> {
        self.postponed.take()
    }
}

impl<'p, T: Element> Eager<'p, T> {
    pub(crate) fn new(pool: &'p Pool<T>) -> Self {
        let temporaries = RefCell::new(pool.spare_list());
        Self { pool, temporaries, refusal: Refusal::default(), numbers: OnceCell::new(), passed: RefCell::default() }
    }

    /// The error of the first op that refused its numbers inside this op's rule, which is then void.
    #[inline]
    pub(crate) fn refused(&self, op: &TensorOp) -> Result<()> {
        self.refusal.take(op)
    }

    /// Remembers a rule's intermediate result, so that its buffer goes back to the pool.
    fn tracked(&self, value: Value<T>) -> Value<T> {
        if let Value::Tensor(tensor) = &value {
            self.temporaries.borrow_mut().push(tensor.clone());
        }
        value
    }

    /// Gives the buffers that rules made and did not return back to the pool.
    #[inline]
    pub(crate) fn release(&self) {
        let mut temporaries = self.temporaries.borrow_mut();
        if !temporaries.is_empty() {
            temporaries.drain(..).for_each(|tensor| self.pool.give(tensor));
        }
    }
}

impl<T> Drop for Eager<'_, T> {
    fn drop(&mut self) {
        self.pool.keep_list(self.temporaries.take());
    }
}

#[inline(never)]
pub(crate) fn unary<T: Element>(pool: &Pool<T>, op: UnaryOp, x: Operand<'_, T>) -> Value<T> {
    match x {
        Operand::Scalar(x) => Value::Scalar(op.with(Apply(x))),
        Operand::Tensor(x) => {
            Value::Tensor(pool.fill(op.name(), x.shape().clone(), |out| T::unary_kernel(op, x.as_slice(), out)))
        }
    }
}

#[inline(never)]
pub(crate) fn binary<T: Element>(
    pool: &Pool<T>,
    op: BinaryOp,
    x: Operand<'_, T>,
    y: Operand<'_, T>,
) -> Result<Value<T>> {
    if let (Operand::Scalar(x), Operand::Scalar(y)) = (x, y) {
        return Ok(Value::Scalar(op.with(Apply2(x, y))));
    }
    let shape = broadcast_shape(op.name(), x, y)?;
    let plan = Plan::new(&shape, x.dims(), y.dims());
    pool.try_fill(op.name(), shape, |out| T::binary_kernel(op, &plan, x.data(), y.data(), out)).map(Value::Tensor)
}

pub(crate) fn broadcast_shape<T: Element>(op: &str, x: Operand<'_, T>, y: Operand<'_, T>) -> Result<Shape> {
    match (x, y) {
        (Operand::Tensor(x), Operand::Scalar(_)) => Ok(x.shape().clone()),
        (Operand::Scalar(_), Operand::Tensor(y)) => Ok(y.shape().clone()),
        (Operand::Tensor(x), Operand::Tensor(y)) => Shape::broadcast(op, x.shape(), y.shape()),
        _ => Ok(Shape::scalar()),
    }
}

#[inline(never)]
pub(crate) fn select<T: Element>(
    pool: &Pool<T>,
    condition: Operand<'_, T>,
    a: Operand<'_, T>,
    b: Operand<'_, T>,
) -> Result<Value<T>> {
    if let (Operand::Scalar(c), Operand::Scalar(a), Operand::Scalar(b)) = (condition, a, b) {
        return Ok(Value::Scalar(Number::select(c, a, b)));
    }
    let shape = Shape::broadcast("select", &a.shape(), &b.shape())?;
    let shape = Shape::broadcast("select", &shape, &condition.shape())?;
    let full =
        [condition, a, b].into_iter().map(|x| stretched(pool, x, &shape)).collect::<Result<SmallVec<[_; 3]>>>()?;
    let (c, a, b) = (full[0].as_slice(), full[1].as_slice(), full[2].as_slice());
    pool.try_fill("select", shape, |out| elementwise::select(c, a, b, out)).map(Value::Tensor)
}

fn stretched<T: Element>(pool: &Pool<T>, x: Operand<'_, T>, shape: &Shape) -> Result<Value<T>> {
    if let Operand::Tensor(t) = x
        && t.shape() == shape
    {
        return Ok(Value::Tensor(t.clone()));
    }
    let plan = Plan::new(shape, x.dims(), &[]);
    pool.try_fill("select", shape.clone(), |out| elementwise::copy(&plan, x.data(), out)).map(Value::Tensor)
}

/// A tensor stretched to a shape that it broadcasts to.
pub(crate) fn broadcast<T: Element>(pool: &Pool<T>, x: Operand<'_, T>, shape: &Shape) -> Tensor<T> {
    let plan = Plan::new(shape, x.dims(), &[]);
    pool.fill("broadcast", shape.clone(), |out| elementwise::copy(&plan, x.data(), out))
}

/// Evaluates an op on whole tensors.
#[inline(never)]
pub(crate) fn apply<T: Element>(pool: &Pool<T>, op: &TensorOp, inputs: &[Operand<'_, T>]) -> Result<Value<T>> {
    op.value(pool, inputs)
}

impl<T: Element> Algebra<T> for Eager<'_, T> {
    type V = Value<T>;

    fn shape(&self, x: &Value<T>) -> Shape {
        x.shape()
    }
    fn rank(&self, x: &Value<T>) -> usize {
        x.operand().dims().len()
    }
    fn has_shape(&self, x: &Value<T>, shape: &Shape) -> bool {
        same_lengths(x.operand().dims(), shape)
    }
    fn literal(&self, x: f64) -> Value<T> {
        Value::Scalar(T::from_f64(x))
    }
    fn constant(&self, x: Tensor<T>) -> Value<T> {
        x.into()
    }
    #[inline(never)]
    fn select(&self, condition: &Value<T>, a: &Value<T>, b: &Value<T>) -> Value<T> {
        self.tracked(sound(select(self.pool, condition.operand(), a.operand(), b.operand())))
    }
    #[inline(never)]
    fn unary(&self, op: UnaryOp, x: &Value<T>) -> Value<T> {
        self.tracked(unary(self.pool, op, x.operand()))
    }
    #[inline(never)]
    fn binary(&self, op: BinaryOp, x: &Value<T>, y: &Value<T>) -> Value<T> {
        // Multiplying a gradient by 1 or adding nothing is common enough to be worth a look.
        if let (BinaryOp::Scale(ops::Scale) | BinaryOp::Mul(ops::Mul), Value::Scalar(one)) = (op, x)
            && *one == T::from_f64(1.0)
        {
            return y.clone();
        }
        self.tracked(sound(binary(self.pool, op, x.operand(), y.operand())))
    }
    fn along(&self, g: &Value<T>, x: &Value<T>, length: &Value<T>) -> Value<T> {
        // One pass, with the bits of the two.
        if let (Value::Tensor(g), Value::Tensor(x), Value::Tensor(length)) = (g, x, length)
            && (g.shape() == x.shape() || g.shape() == length.shape())
        {
            let write = |out: &mut [T]| rows::along(g.as_slice(), x.as_slice(), length.as_slice(), out);
            return self.tracked(Value::Tensor(self.pool.fill("norm2", x.shape().clone(), write)));
        }
        self.scale(g, &self.over(x, length))
    }
    fn sum_to(&self, x: &Value<T>, shape: &Shape) -> Value<T> {
        // A row that was added to every row: the common case, and without it a third of a small step's sweep.
        if let Value::Tensor(x) = x
            && shape.rank() > 0
            && x.shape().len() > shape.rank()
            && x.shape().ends_with(shape)
        {
            let sum = self.pool.fill("sum", shape.clone(), |out| reduce::sum_rows(x.as_slice(), out));
            return self.tracked(Value::Tensor(sum));
        }
        sum_over_stretched(self, x, shape)
    }
    #[inline(never)]
    fn apply(&self, op: TensorOp, inputs: &[&Value<T>]) -> Value<T> {
        let operands: SmallVec<[Operand<'_, T>; 4]> = inputs.iter().map(|v| v.operand()).collect();
        let value = apply(self.pool, &op, &operands).unwrap_or_else(|error| {
            let unrefused = op.unrefused().and_then(|op| apply(self.pool, &op, &operands).ok());
            self.refusal.note(in_rule(&op, &operands, error), unrefused.is_some());
            unrefused.unwrap_or_else(|| unknown(&op, &operands).into())
        });
        self.tracked(value)
    }
}

/// The error of an op inside a rule that refused its numbers.
///
/// # Panics
/// The shapes do not fit: a mistake of the rule's.
pub(crate) fn in_rule<D: Dims>(op: &TensorOp, inputs: &[D], error: Error) -> Error {
    assert!(op.shape(inputs).is_ok(), "inside a rule: {error}");
    error
}

/// NaN in the shape of what an op would give.
pub(crate) fn unknown<T: Element, D: Dims>(op: &TensorOp, inputs: &[D]) -> Tensor<T> {
    Tensor::full(op.shape(inputs).expect("shapes that fitted"), T::from_f64(f64::NAN))
}

/// A rule's own shape mistake is a bug in the rule.
fn sound<T>(result: Result<Value<T>, Error>) -> Value<T> {
    match result {
        Ok(value) => value,
        Err(error) => panic!("inside a rule: {error}"),
    }
}
