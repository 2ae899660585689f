//! Forward mode for users' ops on whole tensors, from their vjp alone.
//!
//! The vjp is linear in its upstream gradient u; differentiating <vjp(u), tangent> by u gives the Jacobian-vector product.
//! Built-in ops have forward rules of their own, which makes forward mode an independent check of them.

use crate::error::Result;
use crate::num::Element;
use crate::ops::structural::Node;
use crate::tape::custom::{DynTensorOp, NumericTangent};
use crate::tape::{Recording, Tape, Value, Var};
use crate::tensor::Tensor;
use std::sync::Arc;

/// The tangent of the output when input `wrt` moves along `tangent`.
pub(crate) fn jvp_of_custom<T: Element>(
    op: &dyn DynTensorOp<T>,
    inputs: &[Value<T>],
    wrt: usize,
    tangent: Value<T>,
) -> Result<Value<T>> {
    let tape = Tape::<T>::of();
    let tensors: Vec<Tensor<T>> = inputs.iter().map(|v| v.clone().into_tensor()).collect();
    let output = op.value(&tensors)?;
    let inputs: Vec<_> = tensors.into_iter().map(|x| tape.data(x)).collect();
    let upstream = tape.var(Tensor::zeros(output.shape()));
    let a = Recording::on(&tape);
    let gradients = op.record_vjp(&a, &inputs, &tape.data(output), &upstream)?;
    let product = (gradients[wrt] * tape.data(tangent.into_tensor())).sum(());
    Ok(product.try_backward()?.try_wrt(upstream)?.into())
}

/// The same, recorded: to be used and differentiated again, where the op's rule can be.
pub(crate) fn record_jvp_of_custom<'t, T: Element>(
    a: &Recording<'t, T>,
    op: &Arc<dyn DynTensorOp<T>>,
    node: Node<'_, Var<'t, T>>,
    wrt: usize,
    tangent: Var<'t, T>,
) -> Result<Var<'t, T>> {
    // A variable whatever the output is, since the rule is differentiated by it.
    let upstream = a.tape.leaf_of_tensor_lane(Tensor::zeros(node.output.shape()).into(), true);
    match op.record_vjp(a, node.inputs, node.output, &upstream) {
        Ok(gradients) => {
            let product = (gradients[wrt] * tangent).sum(());
            Ok(a.tape.try_grad(product, &[upstream])?[0])
        }
        Err(error) if error.is_not_differentiable() => {
            let inputs: Vec<Var<'t, T>> = node.inputs.iter().copied().chain([*node.output, tangent]).collect();
            let numeric = NumericTangent { of: op.clone(), wrt, name: format!("{}, its tangent", op.name()) };
            a.tape.record_custom(Arc::new(numeric), &inputs)
        }
        Err(error) => Err(error),
    }
}
