//! What decompositions share: one matrix after another in f64, and the halves and parts that their rules speak of.
//!
//! A decomposition into several matrices is one op, whose output has them one below the other: so it is one node on a tape and one
//! step of a program, and a slice of it is an ordinary op.

use super::{Concat, Embed, Slice, Source, TensorOp};
use crate::num::Element;
use crate::num::elementwise::RustFunction;
use crate::ops::algebra::Algebra;
use crate::tensor::kernels::linalg;
use crate::tensor::span::{SliceSpec, Span, slice_spec};
use crate::tensor::{Shape, Tensor};
use smallvec::SmallVec;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

/// The matrices of an input, each in f64 with its number.
pub(super) fn in_f64<T: Element>(x: Source<'_, T>) -> impl Iterator<Item = (usize, Cow<'_, [f64]>)> {
    let &[.., rows, columns] = x.dims else { unreachable!("the shape was checked") };
    // Without elements there is nothing to decompose, however many matrices.
    let matrices = x.data.chunks_exact((rows * columns).max(1)).enumerate();
    matrices.map(|(i, matrix)| (i, linalg::in_f64(matrix)))
}

/// Writes numbers in f64 as elements.
pub(super) fn store<T: Element>(out: &mut [T], values: impl IntoIterator<Item = f64>) {
    out.iter_mut().zip(values).for_each(|(out, x)| *out = T::from_f64(x));
}

/// What the right sides of a system are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Right {
    /// Numbers as any.
    Given,
    /// Gradients on their way: where a column is 0, so is its solution, whatever the matrix is.
    Gradient,
    /// What comes back to such a gradient, gated alike. A matrix that is singular was of no account to the gradient, as another
    /// would have been refused; so it is of none here, and what nobody knows is NaN.
    OfGradient,
}

impl Right {
    /// The right sides in the derivatives of such a system.
    pub fn of_derivative(self) -> Self {
        if self == Right::Given { Right::Gradient } else { Right::OfGradient }
    }
    pub fn is_gate(self) -> bool {
        self != Right::Given
    }
}

/// Which columns of the right sides of systems are zeros, where those are gradients on their way: so are their solutions then,
/// whatever the matrix is.
pub(super) struct Nothing(Vec<bool>);

impl Nothing {
    pub fn of<T: Element>(right: Right, b: &[T], columns: usize) -> Self {
        let zero = T::from_f64(0.0);
        let first = b.get(..columns).unwrap_or_default();
        if !right.is_gate() || first.iter().all(|x| *x != zero) {
            return Self(Vec::new());
        }
        Self((0..columns).map(|j| b.iter().skip(j).step_by(columns).all(|x| *x == zero)).collect())
    }
    /// Whether every column is.
    pub fn is_all(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|&nothing| nothing)
    }
    /// Makes the solutions zeros.
    pub fn clear<T: Element>(&self, x: &mut [T]) {
        for (j, _) in self.0.iter().enumerate().filter(|(_, nothing)| **nothing) {
            x.iter_mut().skip(j).step_by(self.0.len()).for_each(|x| *x = T::from_f64(0.0));
        }
    }
}

/// The elements where a condition on row and column holds, else 0: not by a product, which an infinite element would make NaN.
pub(super) fn only<T: Element, A: Algebra<T>>(a: &A, x: &A::V, keep: impl Fn(usize, usize) -> bool) -> A::V {
    let shape = a.shape(x);
    let &[.., rows, columns] = shape.dims() else { unreachable!("a matrix") };
    let mask = weights(a, rows, columns, |i, j| if keep(i, j) { 1.0 } else { 0.0 });
    a.select(&mask, x, &a.literal(0.0))
}

/// A constant matrix.
fn weights<T: Element, A: Algebra<T>>(
    a: &A,
    rows: usize,
    columns: usize,
    weight: impl Fn(usize, usize) -> f64,
) -> A::V {
    let mut all = Vec::with_capacity(rows * columns);
    for i in 0..rows {
        all.extend((0..columns).map(|j| T::from_f64(weight(i, j))));
    }
    a.constant(Tensor::new([rows, columns], all).expect("as many as the matrix has"))
}

/// The triangle below the diagonal, and half of the diagonal, of square matrices.
pub(super) fn lower_half<T: Element, A: Algebra<T>>(a: &A, x: &A::V) -> A::V {
    let n = *a.shape(x).last().expect("a matrix");
    let half = weights(a, n, n, |i, j| match i.cmp(&j) {
        Ordering::Less => 0.0,
        Ordering::Equal => 0.5,
        Ordering::Greater => 1.0,
    });
    a.mul(x, &half)
}

/// The mean of a matrix and its transpose.
pub(super) fn symmetric<T: Element, A: Algebra<T>>(a: &A, x: &A::V) -> A::V {
    a.mul(&a.literal(0.5), &a.add(x, &a.transpose(x)))
}

/// Rows `from..to` of every matrix.
pub(in crate::ops) fn rows<T: Element, A: Algebra<T>>(a: &A, x: &A::V, from: usize, to: usize) -> A::V {
    let columns = a.shape(x)[a.rank(x) - 1];
    block(a, x, from..to, 0..columns)
}

/// The elements of every matrix in these rows and columns.
fn block<T: Element, A: Algebra<T>>(a: &A, x: &A::V, rows: Range<usize>, columns: Range<usize>) -> A::V {
    let spec = block_of(&a.shape(x), rows, columns);
    a.apply(TensorOp::Slice(Slice { spec }), &[x])
}

fn block_of(shape: &Shape, rows: Range<usize>, columns: Range<usize>) -> Arc<SliceSpec> {
    let mut spans = vec![Span::from(..); shape.rank()];
    spans[shape.rank() - 2] = Span::from(rows);
    spans[shape.rank() - 1] = Span::from(columns);
    Arc::new(slice_spec(&spans, shape).expect("rows and columns of the matrix").0)
}

/// L^T G for lower triangular L and G, where its lower triangle is all that counts: in four blocks of rows, of which only the
/// columns up to the diagonal are computed, from rows that are not 0. That is a third of the work.
pub(super) fn lower_of_product<T: Element, A: Algebra<T>>(a: &A, l: &A::V, g: &A::V) -> A::V {
    const SMALL: usize = 128;
    let shape = a.shape(l);
    let n = shape[shape.rank() - 1];
    if n < SMALL {
        return a.times_gradient(l, true, g, false);
    }
    let part = |from: usize| {
        let to = (from + n.div_ceil(4)).min(n);
        let product = a.times_gradient(&block(a, l, from..n, from..to), true, &block(a, g, from..n, 0..to), false);
        let lengths = &shape.dims()[..shape.rank() - 2];
        let whole: Shape = lengths.iter().copied().chain([to - from, n]).collect();
        let spec = block_of(&whole, 0..to - from, 0..to);
        a.apply(TensorOp::Embed(Embed { spec }), &[&product])
    };
    let parts: Vec<A::V> = (0..n).step_by(n.div_ceil(4)).map(part).collect();
    stacked(a, &parts.iter().collect::<Vec<_>>())
}

/// Matrices one below the other.
pub(super) fn stacked<T: Element, A: Algebra<T>>(a: &A, parts: &[&A::V]) -> A::V {
    let axis = a.rank(parts[0]) - 2;
    a.apply(TensorOp::Concat(Concat { axis }), parts)
}

/// The diagonal of every matrix as a row.
pub(super) fn diagonal_row<T: Element, A: Algebra<T>>(a: &A, x: &A::V) -> A::V {
    let shape = a.shape(x);
    let (rank, n) = (shape.rank(), shape[shape.rank() - 1]);
    let row = shape.dims()[..rank - 2].iter().copied().chain([1, n]).collect();
    a.sum_to(&only(a, x, |i, j| i == j), &row)
}

/// The length of the last axis, in generated source.
pub(super) fn last(shape: &Shape) -> String {
    shape[shape.rank() - 1].to_string()
}

/// The lengths of the last two axes, in generated source.
pub(super) fn rows_and_columns(shape: &Shape) -> Vec<String> {
    shape.dims()[shape.rank() - 2..].iter().map(usize::to_string).collect()
}

/// The elements of a view.
pub(super) const VIEW: RustFunction =
    RustFunction { name: "view", calls: &["places"], text: include_str!("printed/view.rs") };

/// What functions of generated source share.
pub(crate) const SHARED: &[RustFunction] = &[
    RustFunction { name: "lu", calls: &[], text: include_str!("printed/lu.rs") },
    RustFunction { name: "rotation", calls: &[], text: include_str!("printed/rotation.rs") },
    RustFunction { name: "places", calls: &[], text: include_str!("printed/places.rs") },
    VIEW,
    RustFunction { name: "is_turned", calls: &[], text: include_str!("printed/is_turned.rs") },
];

/// An op on matrices and directions, linear in each, with something in place of a direction; or, in place of the matrices, along it as along
/// one more.
pub(super) fn along<T: Element, A: Algebra<T>>(
    a: &A,
    inputs: &[A::V],
    (wrt, with): (usize, &A::V),
    op: impl FnOnce(usize) -> TensorOp,
) -> A::V {
    let mut inputs: SmallVec<[&A::V; 4]> = inputs.iter().collect();
    if wrt > 0 {
        inputs[wrt] = with
    } else {
        inputs.push(with)
    }
    a.apply(op(inputs.len() - 1), &inputs)
}
