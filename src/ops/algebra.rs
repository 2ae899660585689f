//! The algebra that rules on whole tensors are written over.
//!
//! [`Eager`](super::eager::Eager) computes, [`Recording`](crate::tape::Recording) records on a tape; compiled programs and the
//! derivations of [`explain`](crate::explain) have interpreters of their own, which build. A rule written once over
//! [`Algebra`] therefore gives gradients, recorded gradients (to any order), tangents, programs and formulas. The set of
//! ops is closed under differentiation:
//! `sum` and `broadcast_to`, `slice` and `pad`, `gather` and `scatter_add`, products with their transposes.

use crate::num::Element;
use crate::ops::structural::matrices::{Right, rows};
use crate::ops::structural::{
    BroadcastTo, Cholesky, Det, Eigh, Inv, MatMul, Permute, Qr, Reshape, SlogDet, Solve, SolveTriangular, Sum, Svd,
    TensorOp,
};
use crate::ops::{self, BinaryOp, UnaryOp};
use crate::tensor::Shape;
use crate::tensor::shape::AxisMask;

/// What a rule on whole tensors may use.
///
/// Values broadcast as in NumPy. Shape mistakes inside a rule are mistakes of the rule, so they panic.
///
/// # Examples
/// ```
/// use retrograd::{Algebra, CustomOp, Element, Result, Tape, Tensor};
///
/// /// trace(X Y), with gradients g Y^T and g X^T: computed, recorded or compiled, as the caller wants it.
/// struct ProductTrace;
/// impl CustomOp for ProductTrace {
///     const NAME: &'static str = "product_trace";
///     fn value<T: Element>(&self, inputs: &[Tensor<T>]) -> Result<Tensor<T>> {
///         inputs[0].try_matmul(&inputs[1])?.try_trace()
///     }
///     fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, inputs: &[A::V], _output: &A::V, g: &A::V) -> Vec<A::V> {
///         vec![a.mul(g, &a.transpose(&inputs[1])), a.mul(g, &a.transpose(&inputs[0]))]
///     }
/// }
///
/// let tape = Tape::new();
/// let (x, y) = (tape.var([[1.0, 2.0], [3.0, 4.0]]), tape.var([[0.0, 1.0], [5.0, 0.0]]));
/// let gradients = tape.custom(ProductTrace, &[x, y]).backward();
/// assert_eq!(gradients.wrt(x).to_vec(), [0.0, 5.0, 1.0, 0.0]);
/// ```
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
    /// The determinants of the matrices in the last two axes.
    fn det(&self, x: &Self::V) -> Self::V {
        self.apply(TensorOp::Det(Det), &[x])
    }
    /// The sign of the determinants, and ln of their magnitude.
    fn slogdet(&self, x: &Self::V) -> (Self::V, Self::V) {
        let packed = self.apply(TensorOp::SlogDet(SlogDet), &[x]);
        let shape = self.shape(x);
        let batch: Shape = shape.dims()[..shape.rank() - 2].into();
        (self.reshape(&rows(self, &packed, 0, 1), &batch), self.reshape(&rows(self, &packed, 1, 2), &batch))
    }
    /// The inverse matrices.
    fn inv(&self, x: &Self::V) -> Self::V {
        self.apply(TensorOp::Inv(Inv), &[x])
    }
    /// X of M X = B, or M^T X = B; B is a matrix of columns.
    fn solve(&self, m: &Self::V, transpose_m: bool, b: &Self::V) -> Self::V {
        self.apply(TensorOp::Solve(Solve { transposed: transpose_m, right: Right::Given }), &[m, b])
    }
    /// X of T X = B, where T is the lower or the upper triangle of M, or its transpose; B is a matrix of columns.
    fn solve_triangular(&self, m: &Self::V, lower: bool, transpose: bool, b: &Self::V) -> Self::V {
        let op = SolveTriangular { lower, transposed: transpose, right: Right::Given };
        self.apply(TensorOp::SolveTriangular(op), &[m, b])
    }
    /// L, lower triangular, of L L^T = (M + M^T) / 2.
    fn cholesky(&self, m: &Self::V) -> Self::V {
        self.apply(TensorOp::Cholesky(Cholesky), &[m])
    }
    /// Q with orthonormal columns and R, upper triangular, of Q R = M, which has at least as many rows as columns.
    fn qr(&self, m: &Self::V) -> (Self::V, Self::V) {
        let packed = self.apply(TensorOp::Qr(Qr), &[m]);
        let shape = self.shape(m);
        let (m, n) = (shape[shape.rank() - 2], shape[shape.rank() - 1]);
        (rows(self, &packed, 0, m), rows(self, &packed, m, m + n))
    }
    /// The eigenvalues of (M + M^T) / 2 in rising order, and the eigenvectors as columns.
    fn eigh(&self, m: &Self::V) -> (Self::V, Self::V) {
        let packed = self.apply(TensorOp::Eigh(Eigh), &[m]);
        let shape = self.shape(m);
        let values: Shape = shape.dims()[..shape.rank() - 1].into();
        let n = shape[shape.rank() - 1];
        (self.reshape(&rows(self, &packed, 0, 1), &values), rows(self, &packed, 1, n + 1))
    }
    /// U, the singular values in falling order, and V, of U S V^T = M.
    fn svd(&self, m: &Self::V) -> (Self::V, Self::V, Self::V) {
        let packed = self.apply(TensorOp::Svd(Svd), &[m]);
        let shape = self.shape(m);
        let (m, n) = (shape[shape.rank() - 2], shape[shape.rank() - 1]);
        let values: Shape = shape.dims()[..shape.rank() - 2].iter().copied().chain([m.min(n)]).collect();
        let s = self.reshape(&rows(self, &packed, m, m + 1), &values);
        (rows(self, &packed, 0, m), s, rows(self, &packed, m + 1, m + 1 + n))
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
