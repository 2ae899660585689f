//! Singular values and vectors.
//!
//! Source of the rules: Townsend, Differentiating the singular value decomposition, 2016.

use super::matrices::{diagonal_row, in_f64, only, rows, rows_and_columns, stacked, store};
use super::{Contribution, Dims, GapQuotient, Node, Source, Stack, TensorOp, TensorRule, batched_as_it_is};
use crate::error::{Error, Result};
use crate::num::Element;
use crate::num::elementwise::RustFunction;
use crate::ops::algebra::Algebra;
use crate::ops::{self, UnaryOp};
use crate::tensor::Shape;
use crate::tensor::kernels::linalg::jacobi;
use smallvec::SmallVec;

/// Of each matrix A of [m, n] in the last two axes, with k = min(m, n), one below the other: U of [m, k], the singular values in falling
/// order as a row, and V of [n, k], with U S V^T = A. U and V have orthonormal columns; in each of V the largest element is positive.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Svd;

const SPECTRAL: TensorOp = TensorOp::GapQuotient(GapQuotient { spectral: true, of: "svd" });
const BY_VALUES: TensorOp = TensorOp::GapQuotient(GapQuotient { spectral: false, of: "svd" });

impl TensorRule for Svd {
    const NAME: &'static str = "svd";
    const BOUNDED: bool = false;
    const RUST: &'static [RustFunction] =
        &[RustFunction { name: "svd", calls: &["rotation", "is_turned"], text: include_str!("printed/svd.rs") }];
    fn rust_arguments(&self, inputs: &[Shape]) -> Vec<String> {
        rows_and_columns(&inputs[0])
    }
    fn shape<D: Dims>(&self, inputs: &[D]) -> Result<Shape> {
        match *inputs[0].dims() {
            [ref blocks @ .., m, n] => Shape::of("svd", &[blocks, &[m + 1 + n, m.min(n)]].concat()),
            ref dims => Err(Error::shape(format!("svd: needs matrices in the last two axes, got shape {dims:?}"))),
        }
    }
    fn write<T: Element>(&self, inputs: &[Source<'_, T>], out: &mut [T]) -> Result<()> {
        let &[.., m, n] = inputs[0].dims else { unreachable!("the shape was checked") };
        let size = (m + 1 + n) * m.min(n);
        for (i, matrix) in in_f64(inputs[0]) {
            let (u, s, v) = jacobi::svd(&matrix, m, n);
            store(&mut out[i * size..(i + 1) * size], u.into_iter().chain(s).chain(v));
        }
        Ok(())
    }
    /// A' = U (T + diag(s')) V^T + (1 - U U^T) U' S^-1 V^T + U S^-1 V'^T (1 - V V^T), with J = U^T U' - U'^T U, K of V alike, and
    /// T_ij = (J_ij s_j + s_i K_ij) / (s_j^2 - s_i^2) in parts: (J + K)_ij / 2 (s_j - s_i) + (J - K)_ij / 2 (s_j + s_i).
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, _wrt: usize, g: &A::V) -> Contribution<A::V> {
        let [m, n] = sizes(a, &node.inputs[0]);
        let [u, s, v] = parts(a, node.output, [m, n]);
        let [gu, gs, gv] = parts(a, g, [m, n]);
        let turned = |x: &A::V, gx: &A::V| a.times_gradient(x, true, gx, false);
        let (j, k) = (turned(&u, &gu), turned(&v, &gv));
        let skew = |x: &A::V| a.sub(x, &a.transpose(x));
        let (along_j, along_k) = (diagonal_row(a, &j), diagonal_row(a, &k));
        let alike = [stacked(a, &[&gs, &a.sub(&along_j, &along_k)]), stacked(a, &[&along_j, &along_k])];
        let turning = by_gaps(a, [&skew(&j), &skew(&k)], [&j, &k], &s, Some(&alike));
        let diagonal = only(a, &a.broadcast_to(&gs, &a.shape(&j)), |i, j| i == j);
        let inner = a.add(&turning, &diagonal);
        let mut sum = a.gradient_times(&a.times_gradient(&u, false, &inner, false), false, &v, true);
        if m > n {
            let rest = by_values(a, &beside(a, &u, &gu), &s);
            sum = a.add(&sum, &a.gradient_times(&rest, false, &v, true));
        }
        if n > m {
            let rest = by_values(a, &beside(a, &v, &gv), &s);
            sum = a.add(&sum, &a.times_gradient(&u, false, &rest, true));
        }
        sum.into()
    }
    batched_as_it_is!(Svd);
    /// With P = U^T dA V: ds = diag(P); dU = U J + (1 - U U^T) dA V S^-1 with J_ij = (P_ij s_j + s_i P_ji) / (s_j^2 - s_i^2), in parts as
    /// above, and dV alike with P transposed.
    fn jvp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, _wrt: usize, tangent: &A::V) -> A::V {
        let [m, n] = sizes(a, &node.inputs[0]);
        let [u, s, v] = parts(a, node.output, [m, n]);
        let p = a.gradient_times(&a.times_gradient(&u, true, tangent, false), false, &v, false);
        let across = a.transpose(&p);
        let turn = |p: &A::V, across: &A::V| by_gaps(a, [p, across], [p, across], &s, None);
        let mut du = a.times_gradient(&u, false, &turn(&p, &across), false);
        let mut dv = a.times_gradient(&v, false, &turn(&across, &p), false);
        if m > n {
            du = a.add(&du, &by_values(a, &beside(a, &u, &a.gradient_times(tangent, false, &v, false)), &s));
        }
        if n > m {
            dv = a.add(&dv, &by_values(a, &beside(a, &v, &a.gradient_times(tangent, true, &u, false)), &s));
        }
        stacked(a, &[&du, &diagonal_row(a, &p), &dv])
    }
}

/// (x_ij s_j + s_i y_ij) / (s_j^2 - s_i^2) off the diagonal, without squares: half the sum of (x + y)_ij / (s_j - s_i) and
/// (x - y)_ij / (s_j + s_i). What is rounded to nothing is judged by the size of `of`. `alike` is what equal values must share, and what values
/// must that are both 0.
fn by_gaps<T: Element, A: Algebra<T>>(
    a: &A,
    [x, y]: [&A::V; 2],
    of: [&A::V; 2],
    s: &A::V,
    alike: Option<&[A::V; 2]>,
) -> A::V {
    let one_each = a.shape(s).dims()[..a.rank(s) - 2].iter().copied().chain([1, 1]).collect();
    let size = |x: &A::V| a.sum_to(&a.unary(UnaryOp::Abs(ops::Abs), x), &one_each);
    let shape = a.shape(x);
    // On the diagonal, of which no quotient is taken.
    let size = only(a, &a.broadcast_to(&a.add(&size(of[0]), &size(of[1])), &shape), |i, j| i == j);
    let column = a.transpose(s);
    let quotient = |x: &A::V, column: &A::V, alike: Option<&A::V>| {
        let x = a.add(&only(a, x, |i, j| i != j), &size);
        let inputs: SmallVec<[&A::V; 4]> = [&x, s, column].into_iter().chain(alike).collect();
        a.apply(SPECTRAL, &inputs)
    };
    let (sum, difference) = (a.add(x, y), a.sub(x, y));
    let [equal, zero] = alike.map_or([None, None], |[equal, zero]| [Some(equal), Some(zero)]);
    let both = a.add(&quotient(&sum, &column, equal), &quotient(&difference, &a.neg(&column), zero));
    a.mul(&a.literal(0.5), &both)
}

/// x - q q^T x: what is at right angles to the columns of q.
fn beside<T: Element, A: Algebra<T>>(a: &A, q: &A::V, x: &A::V) -> A::V {
    let along = a.times_gradient(q, true, x, false);
    a.sub(x, &a.times_gradient(q, false, &along, false))
}

/// The columns divided by the singular values; nothing over 0 is nothing.
fn by_values<T: Element, A: Algebra<T>>(a: &A, x: &A::V, s: &A::V) -> A::V {
    let [.., rows, _] = *a.shape(x).dims() else { unreachable!("a matrix") };
    let shape = a.shape(x).dims()[..a.rank(x) - 2].iter().copied().chain([rows, 1]).collect();
    let zeros = a.broadcast_to(&a.literal(0.0), &shape);
    a.apply(BY_VALUES, &[x, s, &zeros])
}

/// Rows and columns.
fn sizes<T: Element, A: Algebra<T>>(a: &A, x: &A::V) -> [usize; 2] {
    let shape = a.shape(x);
    [shape[shape.rank() - 2], shape[shape.rank() - 1]]
}

/// U, the singular values as a row, and V.
fn parts<T: Element, A: Algebra<T>>(a: &A, packed: &A::V, [m, n]: [usize; 2]) -> [A::V; 3] {
    [rows(a, packed, 0, m), rows(a, packed, m, m + 1), rows(a, packed, m + 1, m + 1 + n)]
}
