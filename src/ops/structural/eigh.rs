//! Eigenvalues and eigenvectors of symmetric matrices.
//!
//! Source of the rules: Giles, An extended collection of matrix derivative results for forward and reverse mode automatic
//! differentiation, section 3.1.

use super::linear::square_size;
use super::matrices::{diagonal_row, in_f64, last, only, rows, stacked, store, symmetric};
use super::{Contribution, Dims, GapQuotient, Node, Source, Stack, TensorOp, TensorRule, batched_as_it_is};
use crate::error::Result;
use crate::num::Element;
use crate::num::elementwise::RustFunction;
use crate::ops::algebra::Algebra;
use crate::tensor::Shape;
use crate::tensor::kernels::linalg::jacobi;

/// Of the mean of each matrix of [n, n] in the last two axes and its transpose, one below the other: the eigenvalues in rising order
/// as a row, and the eigenvectors as columns, each with its largest element positive.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Eigh;

const QUOTIENT: TensorOp = TensorOp::GapQuotient(GapQuotient { spectral: true, of: "eigh" });

impl TensorRule for Eigh {
    const NAME: &'static str = "eigh";
    const BOUNDED: bool = false;
    const RUST: &'static [RustFunction] =
        &[RustFunction { name: "eigh", calls: &["rotation", "is_turned"], text: include_str!("printed/eigh.rs") }];
    fn rust_arguments(&self, inputs: &[Shape]) -> Vec<String> {
        vec![last(&inputs[0])]
    }
    fn shape<D: Dims>(&self, inputs: &[D]) -> Result<Shape> {
        let dims = inputs[0].dims();
        let n = square_size("eigh", dims)?;
        Shape::of("eigh", &[&dims[..dims.len() - 2], &[n + 1, n]].concat())
    }
    fn write<T: Element>(&self, inputs: &[Source<'_, T>], out: &mut [T]) -> Result<()> {
        let n = inputs[0].last();
        for (i, matrix) in in_f64(inputs[0]) {
            let (values, vectors) = jacobi::eigh(&matrix, n);
            store(&mut out[i * (n + 1) * n..(i + 1) * (n + 1) * n], values.into_iter().chain(vectors));
        }
        Ok(())
    }
    /// A' = V (diag(l') + sym(Q)) V^T, with Q_ij = (V^T V')_ij / (l_j - l_i).
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, _wrt: usize, g: &A::V) -> Contribution<A::V> {
        let (values, vectors) = parts(a, node.output);
        let (gvalues, gvectors) = parts(a, g);
        let turned = a.times_gradient(&vectors, true, &gvectors, false);
        let alike = stacked(a, &[&gvalues, &diagonal_row(a, &turned)]);
        let turned = only(a, &turned, |i, j| i != j);
        let quotients = a.apply(QUOTIENT, &[&turned, &values, &a.transpose(&values), &alike]);
        let shape = a.shape(&quotients);
        let diagonal = only(a, &a.broadcast_to(&gvalues, &shape), |i, j| i == j);
        let inner = a.add(&diagonal, &symmetric(a, &quotients));
        let left = a.times_gradient(&vectors, false, &inner, false);
        symmetric(a, &a.gradient_times(&left, false, &vectors, true)).into()
    }
    batched_as_it_is!(Eigh);
    /// With P = V^T dA V: dl = diag(P), and dV = V F with F_ij = P_ij / (l_j - l_i).
    fn jvp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, _wrt: usize, tangent: &A::V) -> A::V {
        let (values, vectors) = parts(a, node.output);
        let left = a.times_gradient(&vectors, true, &symmetric(a, tangent), false);
        let p = a.gradient_times(&left, false, &vectors, false);
        let quotients = a.apply(QUOTIENT, &[&only(a, &p, |i, j| i != j), &values, &a.transpose(&values)]);
        stacked(a, &[&diagonal_row(a, &p), &a.times_gradient(&vectors, false, &quotients, false)])
    }
}

/// The values as a row, and the vectors.
fn parts<T: Element, A: Algebra<T>>(a: &A, packed: &A::V) -> (A::V, A::V) {
    let n = *a.shape(packed).last().expect("a matrix");
    (rows(a, packed, 0, 1), rows(a, packed, 1, n + 1))
}
