//! Ops on whole tensors: layout, products, reductions, rows, losses.
//!
//! Each op is a struct with its parameters that implements [`TensorRule`]; [`TensorOp`] lists them, one line each. Rules are
//! written over [`Algebra`], so they compute, record and carry tangents alike. An op over chosen axes is written for the last
//! axis; the methods on variables bring the axes there.

mod layout;
mod linear;
mod loss;
mod reduction;
#[cfg(test)]
mod tests;

pub(crate) use layout::{BroadcastTo, Concat, Embed, Permute, Reshape, ScatterAdd, Slice, SliceSpec, Take};
pub(crate) use linear::{Det, Inv, MatMul, Solve};
pub(crate) use loss::{CrossEntropy, CrossEntropySlope, SquaredError};
pub(crate) use reduction::{Map, Reduce, Sum};

use crate::algebra::Algebra;
use crate::error::Result;
use crate::num::Element;
use crate::tape::Value;
use crate::tape::entry::Operand;
use crate::tensor::pool::Pool;

/// What a rule contributes to a parent: a value, or a matrix product that is still to be carried out.
///
/// A product stays pending so that the sweep can accumulate it where the gradient already is.
pub(crate) enum Contribution<V> {
    Value(V),
    Product { x: V, transpose_x: bool, y: V, transpose_y: bool },
}

impl<V> From<V> for Contribution<V> {
    fn from(value: V) -> Self {
        Contribution::Value(value)
    }
}

/// A node as its rule sees it.
pub(crate) struct Node<'a, V> {
    pub inputs: &'a [V],
    pub output: &'a V,
}
impl<V> Clone for Node<'_, V> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<V> Copy for Node<'_, V> {}

/// An op on whole tensors.
pub(crate) trait TensorRule {
    const NAME: &'static str;
    /// Whether no gradient goes through.
    const FLAT: bool = false;
    /// The name under which users know it, where one op is several of theirs.
    fn name(&self) -> &'static str {
        Self::NAME
    }
    /// Checks the shapes, and computes.
    fn value<T: Element>(&self, pool: &Pool<T>, inputs: &[Operand<'_, T>]) -> Result<Value<T>>;
    /// The gradient by input `wrt`, from the upstream gradient `g`.
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, g: &A::V) -> Contribution<A::V>;
    /// The tangent of the output that a tangent of input `wrt` contributes.
    fn jvp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, tangent: &A::V) -> A::V;
    /// The textbook formula over simpler ops, for an op that has its own rule for stability or speed.
    fn expansion<T: Element, A: Algebra<T>>(&self, _a: &A, _inputs: &[A::V]) -> Option<A::V> {
        None
    }
}

macro_rules! tensor_ops {
    ($($Op:ident),* $(,)?) => {
        /// Any op on whole tensors.
        #[doc(hidden)]
        #[derive(Clone, Debug)]
        #[allow(missing_docs, private_interfaces)]
        pub enum TensorOp {
            $($Op($Op)),*
        }

        impl TensorOp {
            pub(crate) fn name(&self) -> &'static str {
                match self { $(TensorOp::$Op(op) => op.name()),* }
            }
            pub(crate) fn is_flat(&self) -> bool {
                match self { $(TensorOp::$Op(_) => $Op::FLAT),* }
            }
            pub(crate) fn value<T: Element>(&self, pool: &Pool<T>, inputs: &[Operand<'_, T>]) -> Result<Value<T>> {
                match self { $(TensorOp::$Op(op) => op.value(pool, inputs)),* }
            }
            pub(crate) fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, g: &A::V) -> Contribution<A::V> {
                match self { $(TensorOp::$Op(op) => op.vjp(a, node, wrt, g)),* }
            }
            pub(crate) fn jvp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, tangent: &A::V) -> A::V {
                match self { $(TensorOp::$Op(op) => op.jvp(a, node, wrt, tangent)),* }
            }
            /// The textbook formula over simpler ops, where the op has one.
            pub(crate) fn expansion<T: Element, A: Algebra<T>>(&self, a: &A, inputs: &[A::V]) -> Option<A::V> {
                match self { $(TensorOp::$Op(op) => op.expansion(a, inputs)),* }
            }
        }
    };
}

tensor_ops! {
    Reshape, BroadcastTo, Permute, Slice, Embed, Take, ScatterAdd, Concat,
    Sum, Reduce, Map,
    MatMul, Det, Inv, Solve,
    SquaredError, CrossEntropy, CrossEntropySlope,
}

impl TensorOp {
    /// Gives the op's index buffer back to the pool.
    pub(crate) fn recycle<T: Element>(self, pool: &Pool<T>) {
        match self {
            TensorOp::Take(Take { indices, .. })
            | TensorOp::ScatterAdd(ScatterAdd { indices, .. })
            | TensorOp::CrossEntropy(CrossEntropy { labels: indices })
            | TensorOp::CrossEntropySlope(CrossEntropySlope { labels: indices }) => pool.give_indices(indices),
            _ => {}
        }
    }

    /// Whether the op has an index buffer.
    pub(crate) fn holds_indices(&self) -> bool {
        use TensorOp::*;
        matches!(self, Take(_) | ScatterAdd(_) | CrossEntropy(_) | CrossEntropySlope(_))
    }
}

/// A linear op's tangent: the op applied to the tangent.
macro_rules! linear_jvp {
    ($Op:ident) => {
        fn jvp<T: Element, A: Algebra<T>>(&self, a: &A, _node: Node<'_, A::V>, _wrt: usize, tangent: &A::V) -> A::V {
            a.apply(TensorOp::$Op(self.clone()), &[tangent])
        }
    };
}
pub(crate) use linear_jvp;
