//! The algebra that rules on whole tensors are written over.
//!
//! [`Eager`](super::eager::Eager) computes, [`Recording`](crate::tape::Recording) records on a tape; compiled programs and the
//! derivations of [`explain`](crate::explain) have interpreters of their own, which build. A rule written once over
//! [`Algebra`] therefore gives gradients, recorded gradients (to any order), tangents, programs and formulas. The set of
//! ops is closed under differentiation:
//! `sum` and `broadcast_to`, `slice` and `pad`, `gather` and `scatter_add`, products with their transposes.

use crate::num::Element;
use crate::ops::structural::{BroadcastTo, MatMul, Permute, Reshape, Sum, TensorOp};
use crate::ops::{self, BinaryOp, UnaryOp};
use crate::tensor::Shape;
use crate::tensor::shape::AxisMask;

/// What a rule on whole tensors may use.
///
/// Values broadcast as in NumPy. Shape mistakes inside a rule are mistakes of the rule, so they panic.
pub trait Algebra<T: Element>: Sized {
    /// A value: computed, or recorded.
    type V: Clone;

    /// The shape of a value.
    fn shape(&self, x: &Self::V) -> Shape;
    /// The number of axes of a value.
    fn rank(&self, x: &Self::V) -> usize {
        self.shape(x).rank()
    }
    /// Whether a value has this shape.
    fn has_shape(&self, x: &Self::V, shape: &Shape) -> bool {
        self.shape(x) == *shape
    }
    /// A constant number.
    fn literal(&self, x: f64) -> Self::V;
    /// A constant tensor.
    fn constant(&self, x: crate::Tensor<T>) -> Self::V;
    /// `a` where `condition` is not 0, else `b`.
    fn select(&self, condition: &Self::V, a: &Self::V, b: &Self::V) -> Self::V;
    /// A one-argument elementwise op.
    #[doc(hidden)]
    fn unary(&self, op: UnaryOp, x: &Self::V) -> Self::V;
    /// A two-argument elementwise op.
    #[doc(hidden)]
    fn binary(&self, op: BinaryOp, x: &Self::V, y: &Self::V) -> Self::V;
    /// An op on whole tensors.
    #[doc(hidden)]
    fn apply(&self, op: TensorOp, inputs: &[&Self::V]) -> Self::V;

    /// x + y.
    fn add(&self, x: &Self::V, y: &Self::V) -> Self::V {
        self.binary(BinaryOp::Add(ops::Add), x, y)
    }
    /// x - y.
    fn sub(&self, x: &Self::V, y: &Self::V) -> Self::V {
        self.binary(BinaryOp::Sub(ops::Sub), x, y)
    }
    /// x y.
    fn mul(&self, x: &Self::V, y: &Self::V) -> Self::V {
        self.binary(BinaryOp::Mul(ops::Mul), x, y)
    }
    /// x / y.
    fn div(&self, x: &Self::V, y: &Self::V) -> Self::V {
        self.binary(BinaryOp::Div(ops::Div), x, y)
    }
    /// An upstream gradient times a derivative: 0 where the gradient is 0, whatever the derivative.
    fn scale(&self, g: &Self::V, derivative: &Self::V) -> Self::V {
        self.binary(BinaryOp::Scale(ops::Scale), g, derivative)
    }
    /// An upstream gradient divided: 0 where the gradient is 0, whatever the divisor.
    fn over(&self, g: &Self::V, divisor: &Self::V) -> Self::V {
        self.binary(BinaryOp::Over(ops::Over), g, divisor)
    }
    /// g x / length, of rows and their lengths: x / length is at most 1, where g x may leave the range; 0 where the length is 0.
    #[doc(hidden)]
    fn along(&self, g: &Self::V, x: &Self::V, length: &Self::V) -> Self::V {
        self.scale(g, &self.over(x, length))
    }
    /// 1 where x = y, else 0.
    fn equal(&self, x: &Self::V, y: &Self::V) -> Self::V {
        self.binary(BinaryOp::Equal(ops::Equal), x, y)
    }
    /// -x.
    fn neg(&self, x: &Self::V) -> Self::V {
        self.unary(UnaryOp::Neg(ops::Neg), x)
    }
    /// e^x.
    fn exp(&self, x: &Self::V) -> Self::V {
        self.unary(UnaryOp::Exp(ops::Exp), x)
    }
    /// Natural logarithm.
    fn ln(&self, x: &Self::V) -> Self::V {
        self.unary(UnaryOp::Ln(ops::Ln), x)
    }
    /// sin x.
    fn sin(&self, x: &Self::V) -> Self::V {
        self.unary(UnaryOp::Sin(ops::Sin), x)
    }
    /// cos x.
    fn cos(&self, x: &Self::V) -> Self::V {
        self.unary(UnaryOp::Cos(ops::Cos), x)
    }
    /// Square root.
    fn sqrt(&self, x: &Self::V) -> Self::V {
        self.unary(UnaryOp::Sqrt(ops::Sqrt), x)
    }
    /// Hyperbolic tangent.
    fn tanh(&self, x: &Self::V) -> Self::V {
        self.unary(UnaryOp::Tanh(ops::Tanh), x)
    }
    /// 1 / (1 + e^-x).
    fn sigmoid(&self, x: &Self::V) -> Self::V {
        self.unary(UnaryOp::Sigmoid(ops::Sigmoid), x)
    }
    /// The sum of all elements.
    fn sum_all(&self, x: &Self::V) -> Self::V {
        let axes = AxisMask::all(self.shape(x).rank());
        self.apply(TensorOp::Sum(Sum { axes, keep: false }), &[x])
    }
    /// The sums along the last axis, which stays with length 1.
    fn sum_last(&self, x: &Self::V) -> Self::V {
        let last = self.shape(x).rank() - 1;
        self.apply(TensorOp::Sum(Sum { axes: AxisMask(1 << last), keep: true }), &[x])
    }
    /// The sum over broadcast axes, back to `shape`.
    fn sum_to(&self, x: &Self::V, shape: &Shape) -> Self::V {
        sum_over_stretched(self, x, shape)
    }
    /// The value stretched to a shape that it broadcasts to.
    fn broadcast_to(&self, x: &Self::V, shape: &Shape) -> Self::V {
        if self.has_shape(x, shape) {
            return x.clone();
        }
        self.apply(TensorOp::BroadcastTo(BroadcastTo { shape: shape.clone() }), &[x])
    }
    /// The same elements in another shape.
    fn reshape(&self, x: &Self::V, shape: &Shape) -> Self::V {
        if self.has_shape(x, shape) {
            return x.clone();
        }
        self.apply(TensorOp::Reshape(Reshape { shape: shape.clone() }), &[x])
    }
    /// The last two axes swapped.
    fn transpose(&self, x: &Self::V) -> Self::V {
        let rank = self.shape(x).rank() as u8;
        let axes = (0..rank - 2).chain([rank - 1, rank - 2]).collect();
        self.apply(TensorOp::Permute(Permute { axes }), &[x])
    }
    /// The matrix product of the last two axes, of transposes where asked for.
    fn matmul(&self, x: &Self::V, transpose_x: bool, y: &Self::V, transpose_y: bool) -> Self::V {
        self.apply(TensorOp::MatMul(MatMul::plain(transpose_x, transpose_y)), &[x, y])
    }
    /// A gradient, or a tangent, times a matrix, where zeros of the gradient stay zeros, whatever is in the matrix.
    fn gradient_times(&self, g: &Self::V, transpose_g: bool, y: &Self::V, transpose_y: bool) -> Self::V {
        let product = MatMul { ta: transpose_g, tb: transpose_y, gates: [true, false] };
        self.apply(TensorOp::MatMul(product), &[g, y])
    }
    /// A matrix times a gradient, or a tangent, where zeros of the gradient stay zeros, whatever is in the matrix.
    fn times_gradient(&self, x: &Self::V, transpose_x: bool, g: &Self::V, transpose_g: bool) -> Self::V {
        let product = MatMul { ta: transpose_x, tb: transpose_g, gates: [false, true] };
        self.apply(TensorOp::MatMul(product), &[x, g])
    }
}

/// The sum over the axes along which `shape` would stretch to the shape of `x`.
pub(super) fn sum_over_stretched<T: Element, A: Algebra<T>>(a: &A, x: &A::V, shape: &Shape) -> A::V {
    if a.has_shape(x, shape) {
        return x.clone();
    }
    let from = a.shape(x);
    let lead = from.rank() - shape.rank();
    let stretched = |axis: usize| axis < lead || (shape[axis - lead] == 1 && from[axis] != 1);
    let axes = AxisMask((0..from.rank()).filter(|&axis| stretched(axis)).fold(0, |mask, axis| mask | 1 << axis));
    let summed = a.apply(TensorOp::Sum(Sum { axes, keep: false }), &[x]);
    a.reshape(&summed, shape)
}
