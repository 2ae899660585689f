//! What batching rules are written with: stacks, the values of several runs of one computation along an axis in front.
//!
//! A batching rule says what an op becomes once some of its inputs are stacks. It is written over [`Algebra`], as derivative rules
//! are, and stands with its op ([`TensorRule::batched`](super::TensorRule::batched)); `graph/ssa/batch.rs` applies it.
//!
//! In compiler terms: vectorising a program over an outer axis, one rule for each op (JAX's `vmap`).

use super::matrices::rows;
use super::{Concat, Sum, TensorOp};
use crate::error::Result;
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

    /// What an op makes of each run's inputs, one run after another, where each gives a value of shape `one`: for what has no batching rule.
    pub fn one_by_one<T: Element, A: Algebra<T, V = V>>(
        &self,
        a: &A,
        one: &Shape,
        mut op: impl FnMut(&[V]) -> Result<V>,
    ) -> Result<V>
    where
        V: Clone,
    {
        let shape = self.shape(one);
        if self.count == 0 {
            return Ok(a.broadcast_to(&a.literal(0.0), &shape));
        }
        let rows_of = |x: &V| {
            let shape = a.shape(x);
            a.reshape(x, &Shape::from([self.count, shape[1..].iter().product()]))
        };
        let tables: SmallVec<[Option<V>; 4]> =
            self.arguments.iter().map(|argument| argument.stacked.then(|| rows_of(&argument.value))).collect();
        let row = Shape::from([1, one.numel()]);
        let mut results: SmallVec<[V; 4]> = SmallVec::new();
        for i in 0..self.count {
            let input = |(argument, table): (&Argument<V>, &Option<V>)| match table {
                Some(table) => a.reshape(&rows(a, table, i, i + 1), &a.shape(&argument.value)[1..].into()),
                None => argument.value.clone(),
            };
            let inputs: SmallVec<[V; 4]> = self.arguments.iter().zip(&tables).map(input).collect();
            results.push(a.reshape(&op(&inputs)?, &row));
        }
        let all = a.apply(TensorOp::Concat(Concat { axis: 0 }), &results.iter().collect::<SmallVec<[&V; 4]>>());
        Ok(a.reshape(&all, &shape))
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
