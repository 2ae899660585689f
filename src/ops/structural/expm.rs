//! The matrix exponential, and its derivatives to any order as one op.
//!
//! Source: Higham, Functions of Matrices, SIAM 2008, sections 3.2 and 10.6: the derivative is a block of the exponential of a larger matrix.

use super::linear::square_size;
use super::matrices::{along, in_f64, last, store};
use super::{Contribution, Dims, Node, RustCall, Source, Stack, TensorOp, TensorRule, batched_as_it_is};
use crate::error::{Error, Result};
use crate::num::Element;
use crate::num::elementwise::RustFunction;
use crate::ops::algebra::Algebra;
use crate::tensor::Shape;
use crate::tensor::kernels::linalg::expm::derivative;

/// exp(A) of the matrices in the last two axes; with k directions E_1, ..., E_k its derivative along them, D^k exp(A)[E_1, ..., E_k].
///
/// It is linear in each direction, and the order of directions does not matter. Along one more it is the same op with k+1 of them. And with
/// an upstream gradient G the gradient by a direction, or by A as by one more direction, is the transpose of that with G^T in its place:
/// a trace of products may be read from any factor on. So the op is its own rule. A direction that is 0 gives 0, whatever A is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expm {
    pub directions: usize,
}

impl Expm {
    /// With a tangent, or a transposed gradient, in place of an input.
    fn along<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, with: &A::V) -> A::V {
        along(a, node.inputs, (wrt, with), |directions| TensorOp::Expm(Expm { directions }))
    }
}

impl TensorRule for Expm {
    const NAME: &'static str = "expm";
    const BOUNDED: bool = false;
    const RUST: &'static [RustFunction] =
        &[RustFunction { name: "expm", calls: &["solve"], text: include_str!("printed/expm.rs") }];
    fn name(&self) -> &'static str {
        if self.directions == 0 { Self::NAME } else { "expm_slope" }
    }
    fn rust(&self, inputs: &[Shape]) -> Option<RustCall> {
        Some(RustCall { in_list: true, ..RustCall::of(&Self::RUST[0], vec![last(&inputs[0])]) })
    }
    fn shape<D: Dims>(&self, inputs: &[D]) -> Result<Shape> {
        let first = inputs[0].dims();
        square_size(self.name(), first)?;
        match inputs.iter().find(|input| input.dims() != first) {
            Some(other) => {
                let (first, other) = (Shape::from(first), Shape::from(other.dims()));
                Err(Error::shape(format!("{}: a direction has shape {other}, the matrices {first}", self.name())))
            }
            None => Ok(first.into()),
        }
    }
    fn write<T: Element>(&self, inputs: &[Source<'_, T>], out: &mut [T]) -> Result<()> {
        let n = inputs[0].last();
        if out.is_empty() {
            return Ok(());
        }
        for (i, matrix) in in_f64(inputs[0]) {
            let part = i * n * n..(i + 1) * n * n;
            let directions: Vec<Vec<f64>> =
                inputs[1..].iter().map(|input| input.data[part.clone()].iter().map(|x| x.to_f64()).collect()).collect();
            store(&mut out[part], derivative(&matrix, directions, n));
        }
        Ok(())
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, g: &A::V) -> Contribution<A::V> {
        a.transpose(&self.along(a, node, wrt, &a.transpose(g))).into()
    }
    batched_as_it_is!(Expm);
    fn jvp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, tangent: &A::V) -> A::V {
        self.along(a, node, wrt, tangent)
    }
}
