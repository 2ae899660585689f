//! The algebra whose values are formulas.

use super::{Symbol, TermKind, TermTable};
use crate::graph::Graph;
use crate::num::Element;
use crate::ops::algebra::Algebra;
use crate::ops::structural::{Concat, Embed, MatMul, Permute, ScatterAdd, Slice, Sum, Take, TensorOp};
use crate::ops::{BinaryOp, UnaryOp};
use crate::tensor::{Shape, Tensor};

/// Rules on whole tensors applied to formulas.
pub(crate) struct Rules<'b, T> {
    pub book: &'b TermTable,
    pub graph: &'b Graph<T>,
}

impl<'b, T: Element> Algebra<T> for Rules<'b, T> {
    type V = Symbol<'b>;

    fn shape(&self, x: &Symbol<'b>) -> Shape {
        match x {
            Symbol::Literal(_) => Shape::scalar(),
            Symbol::Term(book, id) => book.shape(*id),
        }
    }
    fn literal(&self, x: f64) -> Symbol<'b> {
        Symbol::Literal(x)
    }
    fn constant(&self, x: Tensor<T>) -> Symbol<'b> {
        let elements = x.iter().map(|x| x.as_f64()).collect();
        self.book.symbol(self.book.intern(TermKind::Constant(elements), &[], x.shape().clone()))
    }
    fn select(&self, condition: &Symbol<'b>, a: &Symbol<'b>, b: &Symbol<'b>) -> Symbol<'b> {
        let id = |symbol: &Symbol<'b>| self.book.id(*symbol);
        self.book.symbol(self.book.select(id(condition), id(a), id(b)))
    }
    /// A node's value decides as it did when it was recorded; of other formulas nothing is known.
    fn inspect<R>(&self, x: &Symbol<'b>, look: impl FnOnce(&[T]) -> R) -> R {
        match x {
            Symbol::Literal(x) => look(&[T::from_f64(*x)]),
            Symbol::Term(book, id) => match book.term(*id).form {
                TermKind::Node(index) => look(self.graph.nodes()[index].value().as_slice()),
                _ => look(&[]),
            },
        }
    }
    fn unary(&self, op: UnaryOp, x: &Symbol<'b>) -> Symbol<'b> {
        self.book.symbol(self.book.unary(op, self.book.id(*x)))
    }
    fn binary(&self, op: BinaryOp, x: &Symbol<'b>, y: &Symbol<'b>) -> Symbol<'b> {
        self.book.symbol(self.book.binary(op, self.book.id(*x), self.book.id(*y)))
    }
    fn apply(&self, op: TensorOp, inputs: &[&Symbol<'b>]) -> Symbol<'b> {
        let inputs: Vec<usize> = inputs.iter().map(|&&input| self.book.id(input)).collect();
        self.book.symbol(self.book.tensor(op, &inputs))
    }
}

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
