//! The sign of a determinant and the logarithm of its magnitude.

use super::linear::{leading, square_size};
use super::matrices::{Right, in_f64, last, only, rows, stacked, store};
use super::{Contribution, Dims, Node, Solve, Source, Stack, TensorOp, TensorRule, batched_as_it_is};
use crate::error::Result;
use crate::num::Element;
use crate::num::elementwise::RustFunction;
use crate::ops::algebra::Algebra;
use crate::tensor::Shape;
use crate::tensor::kernels::linalg::Lu;

/// Of each matrix in the last two axes a column of two: the sign of its determinant and ln of its magnitude; 0 and -inf where it is
/// singular. d ln|det A| = A^-T: no power of a scale is in it, so that it is in the range where the determinant is not.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SlogDet;

impl TensorRule for SlogDet {
    const NAME: &'static str = "slogdet";
    const BOUNDED: bool = false;
    const RUST: &'static [RustFunction] =
        &[RustFunction { name: "slogdet", calls: &["lu"], text: include_str!("printed/slogdet.rs") }];
    fn rust_arguments(&self, inputs: &[Shape]) -> Vec<String> {
        vec![last(&inputs[0])]
    }
    fn shape<D: Dims>(&self, inputs: &[D]) -> Result<Shape> {
        square_size("slogdet", inputs[0].dims())?;
        Ok(leading(inputs[0].dims()).iter().copied().chain([2, 1]).collect())
    }
    fn write<T: Element>(&self, inputs: &[Source<'_, T>], out: &mut [T]) -> Result<()> {
        let n = inputs[0].last();
        // The determinant of a matrix without elements is 1.
        out.chunks_exact_mut(2).for_each(|out| store(out, [1.0, 0.0]));
        for (i, matrix) in in_f64(inputs[0]) {
            let (sign, log) = Lu::new(&matrix, n).sign_and_log_det();
            store(&mut out[2 * i..2 * i + 2], [sign, log]);
        }
        Ok(())
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, _wrt: usize, g: &A::V) -> Contribution<A::V> {
        // g A^-T: by a system, so that a matrix without an inverse is of no account where g is 0.
        let matrix = &node.inputs[0];
        let right = only(a, &a.broadcast_to(&rows(a, g, 1, 2), &a.shape(matrix)), |i, j| i == j);
        a.apply(TensorOp::Solve(Solve { transposed: true, right: Right::Gradient }), &[matrix, &right]).into()
    }
    batched_as_it_is!(SlogDet);
    fn jvp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, _wrt: usize, tangent: &A::V) -> A::V {
        // The trace of A^-1 times the tangent.
        let product =
            a.apply(TensorOp::Solve(Solve { transposed: false, right: Right::Gradient }), &[&node.inputs[0], tangent]);
        let one_each = a.shape(node.output).dims()[..a.rank(tangent) - 2].iter().copied().chain([1, 1]).collect();
        let zero = a.broadcast_to(&a.literal(0.0), &one_each);
        let trace = a.sum_to(&only(a, &product, |i, j| i == j), &one_each);
        stacked(a, &[&zero, &trace])
    }
}
