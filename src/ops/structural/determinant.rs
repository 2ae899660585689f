//! Determinants, and their derivatives to any order as one op.

use super::linear::{leading, per_matrix, square_size};
use super::matrices::{along, in_f64, last};
use super::{Contribution, Dims, Node, RustCall, Source, Stack, TensorOp, TensorRule, batched_as_it_is};
use crate::error::{Error, Result};
use crate::num::Element;
use crate::num::elementwise::{Arguments, Formula, RustFunction, formula};
use crate::ops::algebra::Algebra;
use crate::tensor::Shape;
use crate::tensor::kernels::linalg::Lu;
use crate::tensor::kernels::linalg::determinant::det_slope;

/// The determinant of the last two axes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Det;
impl TensorRule for Det {
    const NAME: &'static str = "det";
    const RUST: &'static [RustFunction] =
        &[RustFunction { name: "det", calls: &["lu"], text: include_str!("printed/det.rs") }];
    fn rust_arguments(&self, inputs: &[Shape]) -> Vec<String> {
        vec![last(&inputs[0])]
    }
    fn shape<D: Dims>(&self, inputs: &[D]) -> Result<Shape> {
        square_size("det", inputs[0].dims())?;
        Ok(leading(inputs[0].dims()))
    }
    fn write<T: Element>(&self, inputs: &[Source<'_, T>], out: &mut [T]) -> Result<()> {
        let n = inputs[0].last();
        for (i, det) in out.iter_mut().enumerate() {
            *det = T::from_f64(Lu::new(&inputs[0].data[i * n * n..(i + 1) * n * n], n).det());
        }
        Ok(())
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, _wrt: usize, g: &A::V) -> Contribution<A::V> {
        a.scale(&per_matrix(a, g), &cofactors(a, node)).into()
    }
    batched_as_it_is!(Det);
    fn jvp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, _wrt: usize, tangent: &A::V) -> A::V {
        let products = a.scale(tangent, &cofactors(a, node));
        let sums = a.sum_to(&products, &a.shape(&per_matrix(a, node.output)));
        a.reshape(&sums, &a.shape(node.output))
    }
    fn formula(&self, args: &dyn Arguments, _inputs: &[Shape]) -> Formula {
        args.function(formula::DET)
    }
}

/// d det / dA.
fn cofactors<T: Element, A: Algebra<T>>(a: &A, node: Node<'_, A::V>) -> A::V {
    a.apply(TensorOp::DetSlope(DetSlope { directions: 0 }), &[&node.inputs[0]])
}

/// The derivative of a determinant by its matrix A, taken along some directions already: of A, G_1, ..., G_k the matrix N for which
/// the sum of N H is D^(k+1) det(A)[G_1, ..., G_k, H]. Of A alone it is that of the cofactors.
///
/// It is linear in each direction, the order of directions does not matter, and along another one it is the same with k+1 of them: so
/// it is its own rule. A polynomial of A, so that singular matrices have it too.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DetSlope {
    pub directions: usize,
}

impl DetSlope {
    /// With the upstream gradient, or a tangent, in place of an input.
    fn along<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, with: &A::V) -> A::V {
        along(a, node.inputs, (wrt, with), |directions| TensorOp::DetSlope(DetSlope { directions }))
    }
}

impl TensorRule for DetSlope {
    const NAME: &'static str = "cofactors";
    const RUST: &'static [RustFunction] =
        &[RustFunction { name: "cofactors", calls: &["lu"], text: include_str!("printed/cofactors.rs") }];
    fn name(&self) -> &'static str {
        if self.directions == 0 { Self::NAME } else { "det_slope" }
    }
    fn rust(&self, inputs: &[Shape]) -> Option<RustCall> {
        (self.directions == 0).then(|| RustCall::of(&Self::RUST[0], vec![last(&inputs[0])]))
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
            // No matrices: one of this size may be larger than memory.
            return Ok(());
        }
        let mut slope = vec![0.0; n * n];
        for (i, matrix) in in_f64(inputs[0]) {
            let part = i * n * n..(i + 1) * n * n;
            let directions: Vec<Vec<f64>> =
                inputs[1..].iter().map(|input| input.data[part.clone()].iter().map(|x| x.to_f64()).collect()).collect();
            det_slope(&matrix, &directions, n, &mut slope);
            out[part].iter_mut().zip(&slope).for_each(|(out, &x)| *out = T::from_f64(x));
        }
        Ok(())
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, g: &A::V) -> Contribution<A::V> {
        self.along(a, node, wrt, g).into()
    }
    batched_as_it_is!(DetSlope);
    fn jvp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, tangent: &A::V) -> A::V {
        self.along(a, node, wrt, tangent)
    }
}
