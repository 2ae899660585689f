//! Forward mode for users' ops on whole tensors, from their vjp alone.
//!
//! The vjp is linear in its upstream gradient u; differentiating <vjp(u), tangent> by u gives the Jacobian-vector product.
//! Built-in ops have forward rules of their own, which makes forward mode an independent check of them.

use crate::error::Result;
use crate::num::Element;
use crate::tape::custom::DynTensorOp;
use crate::tape::{Recording, Tape, Value};
use crate::tensor::Tensor;

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
