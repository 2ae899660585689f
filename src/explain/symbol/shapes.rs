//! The shapes of formulas.

use crate::ops::structural::{Concat, Embed, MatMul, Permute, ScatterAdd, Slice, Sum, Take, TensorOp};
use crate::tensor::Shape;

/// The shape of what an op on whole tensors gives.
pub(super) fn shape_of(op: &TensorOp, inputs: &[Shape]) -> Shape {
    let with = |shape: &Shape, axis: usize, length: usize| -> Shape {
        shape.iter().enumerate().map(|(i, &n)| if i == axis { length } else { n }).collect()
    };
    let x = &inputs[0];
    match op {
        TensorOp::Reshape(op) => op.shape.clone(),
        TensorOp::BroadcastTo(op) => op.shape.clone(),
        TensorOp::Permute(Permute { axes }) => axes.iter().map(|&axis| x[axis as usize]).collect(),
        TensorOp::Slice(Slice { spec }) => spec.to.clone(),
        TensorOp::Embed(Embed { spec }) => spec.from.clone(),
        TensorOp::Take(Take { axis, indices }) => with(x, *axis, indices.len()),
        TensorOp::ScatterAdd(ScatterAdd { axis, n, .. }) => with(x, *axis, *n),
        TensorOp::Concat(Concat { axis }) => with(x, *axis, inputs.iter().map(|input| input[*axis]).sum()),
        TensorOp::Sum(Sum { axes, keep }) => x.reduced(*axes, *keep),
        TensorOp::Reduce(_) => with(x, x.rank() - 1, 1),
        TensorOp::Map(_) | TensorOp::Inv(_) | TensorOp::CrossEntropySlope(_) => x.clone(),
        TensorOp::MatMul(op) => product_shape(op, x, &inputs[1]),
        TensorOp::Det(_) => Shape::from(&x[..x.rank() - 2]),
        TensorOp::Solve(_) => inputs[1].clone(),
        TensorOp::SquaredError(_) | TensorOp::CrossEntropy(_) => Shape::scalar(),
    }
}

fn product_shape(op: &MatMul, x: &Shape, y: &Shape) -> Shape {
    let (i, j) = (x.rank() - 2, y.rank() - 2);
    let rows = if op.ta { x[i + 1] } else { x[i] };
    let columns = if op.tb { y[j] } else { y[j + 1] };
    let blocks = Shape::broadcast("matmul", &Shape::from(&x[..i]), &Shape::from(&y[..j])).expect("the product fitted");
    blocks.iter().copied().chain([rows, columns]).collect()
}
