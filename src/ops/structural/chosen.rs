//! A derivative that is a choice, and what is known of its own derivatives.

use super::{Contribution, Dims, Node, Source, Stack, TensorOp, TensorRule, batched_as_it_is};
use crate::error::Result;
use crate::num::Element;
use crate::ops::algebra::Algebra;
use crate::tensor::Shape;

/// The first input, with the derivatives of the second: of a shape, and equal wherever the second is not NaN. The first is detached.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Chosen;

impl TensorRule for Chosen {
    const NAME: &'static str = "chosen";
    fn shape<D: Dims>(&self, inputs: &[D]) -> Result<Shape> {
        debug_assert_eq!(inputs[0].dims(), inputs[1].dims(), "two forms of one derivative");
        Ok(inputs[0].dims().into())
    }
    fn write<T: Element>(&self, inputs: &[Source<'_, T>], out: &mut [T]) -> Result<()> {
        out.copy_from_slice(inputs[0].data);
        Ok(())
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, _node: Node<'_, A::V>, wrt: usize, g: &A::V) -> Contribution<A::V> {
        if wrt == 1 { g.clone() } else { a.scale(&a.literal(0.0), g) }.into()
    }
    batched_as_it_is!(Chosen);
    fn jvp<T: Element, A: Algebra<T>>(&self, a: &A, _node: Node<'_, A::V>, wrt: usize, tangent: &A::V) -> A::V {
        if wrt == 1 { tangent.clone() } else { a.scale(&a.literal(0.0), tangent) }
    }
}
