//! The QR decomposition.
//!
//! Source of the rules: Walter and Lehmann, Algorithmic differentiation of linear algebra functions, arXiv:1009.6112.

use super::matrices::{Right, in_f64, only, rows, rows_and_columns, stacked, store};
use super::{Contribution, Dims, Node, SolveTriangular, Source, Stack, TensorOp, TensorRule, batched_as_it_is};
use crate::error::{Error, Result};
use crate::num::Element;
use crate::num::elementwise::RustFunction;
use crate::ops::algebra::Algebra;
use crate::tensor::Shape;
use crate::tensor::kernels::linalg::qr;

/// Of each matrix A of [m, n] in the last two axes, m >= n, one below the other: Q of [m, n] with orthonormal columns, and R of
/// [n, n], upper triangular with no negative number on its diagonal, with Q R = A.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Qr;

impl TensorRule for Qr {
    const NAME: &'static str = "qr";
    const BOUNDED: bool = false;
    const RUST: &'static [RustFunction] =
        &[RustFunction { name: "qr", calls: &[], text: include_str!("printed/qr.rs") }];
    fn rust_arguments(&self, inputs: &[Shape]) -> Vec<String> {
        rows_and_columns(&inputs[0])
    }
    fn shape<D: Dims>(&self, inputs: &[D]) -> Result<Shape> {
        match *inputs[0].dims() {
            [ref blocks @ .., m, n] if m >= n => Shape::of("qr", &[blocks, &[m + n, n]].concat()),
            ref dims => Err(Error::shape(format!(
                "qr: needs matrices with no fewer rows than columns in the last two axes, got shape {dims:?}"
            ))),
        }
    }
    fn write<T: Element>(&self, inputs: &[Source<'_, T>], out: &mut [T]) -> Result<()> {
        let n = inputs[0].last();
        let m = inputs[0].dims[inputs[0].dims.len() - 2];
        for (i, matrix) in in_f64(inputs[0]) {
            let (q, mut r) = qr::qr(&matrix, m, n);
            qr::clear_dependent(&mut r, m, n);
            store(&mut out[i * (m + n) * n..(i + 1) * (m + n) * n], q.into_iter().chain(r));
        }
        Ok(())
    }
    /// A' = (Q' + Q C) R^-T, where C is symmetric with the lower triangle of R R'^T - Q'^T Q.
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, _wrt: usize, g: &A::V) -> Contribution<A::V> {
        let (q, r) = parts(a, node.output);
        let (gq, gr) = parts(a, g);
        let gr = only(a, &gr, |i, j| i <= j);
        let m = a.sub(&a.times_gradient(&r, false, &gr, true), &a.gradient_times(&gq, true, &q, false));
        let below = only(a, &m, |i, j| i > j);
        let copied = a.add(&only(a, &m, |i, j| i >= j), &a.transpose(&below));
        let sum = a.add(&gq, &a.times_gradient(&q, false, &copied, false));
        // X R^-T, by R^-1 X^T.
        let solved = a.apply(upper(false), &[&r, &a.transpose(&sum)]);
        a.transpose(&solved).into()
    }
    batched_as_it_is!(Qr);
    /// With Y = dA R^-1 and C = Q^T Y: dR = (C - W) R and dQ = Y - Q (C - W), W being skew with the triangle of C below the diagonal.
    fn jvp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, _wrt: usize, tangent: &A::V) -> A::V {
        let (q, r) = parts(a, node.output);
        let y = a.transpose(&a.apply(upper(true), &[&r, &a.transpose(tangent)]));
        let c = a.times_gradient(&q, true, &y, false);
        let below = only(a, &c, |i, j| i > j);
        // C - W: nothing below the diagonal, and what W takes from there is added above.
        let rest = a.add(&only(a, &c, |i, j| i <= j), &a.transpose(&below));
        let dq = a.sub(&y, &a.times_gradient(&q, false, &rest, false));
        stacked(a, &[&dq, &a.gradient_times(&rest, false, &r, false)])
    }
}

fn upper(transposed: bool) -> TensorOp {
    TensorOp::SolveTriangular(SolveTriangular { lower: false, transposed, right: Right::Gradient })
}

/// Q and R.
fn parts<T: Element, A: Algebra<T>>(a: &A, packed: &A::V) -> (A::V, A::V) {
    let shape = a.shape(packed);
    let (all, n) = (shape[shape.rank() - 2], shape[shape.rank() - 1]);
    (rows(a, packed, 0, all - n), rows(a, packed, all - n, all))
}
