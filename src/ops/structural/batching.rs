//! What batching rules are written with: stacks, the values of several runs of one computation along an axis in front.
//!
//! A batching rule says what an op becomes once some of its inputs are stacks. It is written over [`Algebra`], as derivative rules
//! are, and stands with its op ([`TensorRule::batched`](super::TensorRule::batched)); `graph/ssa/batch.rs` applies it.
//!
//! In compiler terms: vectorising a program over an outer axis, one rule for each op (JAX's `vmap`).

use super::{Sum, TensorOp};
use crate::num::Element;
use crate::ops::algebra::Algebra;
use crate::tensor::Shape;
use crate::tensor::shape::AxisMask;
use smallvec::SmallVec;

/// An input of an op: a stack, or a value that all runs share.
pub(crate) struct Argument<V> {
    pub value: V,
    pub stacked: bool,
}

/// The inputs of an op of so many runs, at least one of them a stack.
pub(crate) struct Stack<'a, V> {
    pub count: usize,
    pub arguments: &'a [Argument<V>],
}

impl<V> Stack<'_, V> {
    /// The shape of a stack of this shape.
    pub fn shape(&self, one: &[usize]) -> Shape {
        std::iter::once(self.count).chain(one.iter().copied()).collect()
    }

    /// How many axes an input has in each run.
    pub fn rank<T: Element, A: Algebra<T, V = V>>(&self, a: &A, k: usize) -> usize {
        let Argument { value, stacked } = &self.arguments[k];
        a.rank(value) - *stacked as usize
    }

    /// An input beside others of as many axes in each run: a stack gets axes of length 1 behind the one in front; what all share
    /// broadcasts as it is.
    pub fn aligned<T: Element, A: Algebra<T, V = V>>(&self, a: &A, k: usize, rank: usize) -> V
    where
        V: Clone,
    {
        let Argument { value, stacked } = &self.arguments[k];
        if !stacked {
            return value.clone();
        }
        let shape = a.shape(value);
        let missing = rank - (shape.rank() - 1);
        let ones = std::iter::repeat_n(1, missing);
        a.reshape(value, &std::iter::once(self.count).chain(ones).chain(shape[1..].iter().copied()).collect())
    }

    /// An input as a stack, whether it is one or shared by all runs.
    pub fn in_front<T: Element, A: Algebra<T, V = V>>(&self, a: &A, k: usize) -> V
    where
        V: Clone,
    {
        let Argument { value, stacked } = &self.arguments[k];
        if *stacked { value.clone() } else { a.broadcast_to(value, &self.shape(&a.shape(value))) }
    }

    /// The op on all inputs as stacks.
    pub fn apply<T: Element, A: Algebra<T, V = V>>(&self, a: &A, op: TensorOp) -> V
    where
        V: Clone,
    {
        let inputs: SmallVec<[V; 4]> = (0..self.arguments.len()).map(|k| self.in_front(a, k)).collect();
        a.apply(op, &inputs.iter().collect::<SmallVec<[&V; 4]>>())
    }

    /// The sum of all elements of each run.
    pub fn sum_each<T: Element, A: Algebra<T, V = V>>(&self, a: &A, x: &V) -> V {
        let axes = AxisMask(AxisMask::all(a.rank(x)).0 & !1);
        a.apply(TensorOp::Sum(Sum { axes, keep: false }), &[x])
    }
}

/// The batching rule of an op that takes its last axes and leaves those before them alone: itself, of stacks.
macro_rules! batched_as_it_is {
    ($Op:ident) => {
        fn batched<T: Element, A: Algebra<T>>(&self, a: &A, stack: &Stack<'_, A::V>) -> Option<A::V> {
            Some(stack.apply(a, TensorOp::$Op(self.clone())))
        }
    };
}
pub(crate) use batched_as_it_is;
