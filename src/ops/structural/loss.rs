//! Losses with rules of their own: squared error, and cross-entropy of labelled logits.

use super::{Contribution, Dims, Map, Node, RustCall, Source, Stack, Sum, Take, TensorOp, TensorRule};
use crate::error::{Error, Result};
use crate::num::Element;
use crate::num::elementwise::formula::{self, Between, Fence};
use crate::num::elementwise::{Arguments, Bond, Formula, Math, RustFunction};
use crate::ops::algebra::Algebra;
use crate::tensor::kernels::rows::{self, RowMap};
use crate::tensor::pool::Indices;
use crate::tensor::shape::AxisMask;
use crate::tensor::{Shape, Tensor};
use std::sync::Arc;

/// sum (x - y)^2 over equal shapes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SquaredError;
impl TensorRule for SquaredError {
    const NAME: &'static str = "squared_error";
    const RUST: &'static [RustFunction] =
        &[RustFunction { name: "squared_error", calls: &[], text: include_str!("printed/squared_error.rs") }];
    fn shape<D: Dims>(&self, inputs: &[D]) -> Result<Shape> {
        let (x, y) = (inputs[0].dims(), inputs[1].dims());
        if x != y {
            return Err(Error::shape(format!("squared_error: prediction {x:?} and target {y:?} differ in shape")));
        }
        Ok(Shape::scalar())
    }
    fn write<T: Element>(&self, inputs: &[Source<'_, T>], out: &mut [T]) -> Result<()> {
        out[0] = rows::squared_error(inputs[0].data, inputs[1].data);
        Ok(())
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, g: &A::V) -> Contribution<A::V> {
        let (x, y) = (&node.inputs[wrt], &node.inputs[1 - wrt]);
        a.scale(&a.mul(g, &a.literal(2.0)), &a.sub(x, y)).into()
    }
    fn jvp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, tangent: &A::V) -> A::V {
        let (x, y) = (&node.inputs[wrt], &node.inputs[1 - wrt]);
        a.mul(&a.literal(2.0), &a.sum_all(&a.scale(tangent, &a.sub(x, y))))
    }
    fn expansion<T: Element, A: Algebra<T>>(&self, a: &A, inputs: &[A::V]) -> Option<A::V> {
        let difference = a.sub(&inputs[0], &inputs[1]);
        Some(a.sum_all(&a.mul(&difference, &difference)))
    }
    fn batched<T: Element, A: Algebra<T>>(&self, a: &A, stack: &Stack<'_, A::V>) -> Option<A::V> {
        let rank = stack.rank(a, 0);
        let difference = a.sub(&stack.aligned(a, 0, rank), &stack.aligned(a, 1, rank));
        Some(stack.sum_each(a, &a.mul(&difference, &difference)))
    }
    fn rust(&self, _inputs: &[Shape]) -> Option<RustCall> {
        Some(RustCall { gives_number: true, ..RustCall::of(&Self::RUST[0], Vec::new()) })
    }
    fn formula(&self, args: &dyn Arguments, _inputs: &[Shape]) -> Formula {
        let (x, y) = (args.at(0, Bond::Sum), args.at(1, Bond::Product));
        (Math::row(x, Between::Minus, y).within(Fence::Norm).above(Math::integer(2)), Bond::Whole)
    }
}

/// Mean cross-entropy of labelled rows of logits.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CrossEntropy {
    pub labels: Indices,
}
impl TensorRule for CrossEntropy {
    const NAME: &'static str = "cross_entropy";
    const RUST: &'static [RustFunction] = &[RustFunction {
        name: "cross_entropy",
        calls: &["log_softmax_rows"],
        text: include_str!("printed/cross_entropy.rs"),
    }];
    fn shape<D: Dims>(&self, inputs: &[D]) -> Result<Shape> {
        check_labels(inputs[0].dims(), &self.labels)?;
        Ok(Shape::scalar())
    }
    fn write<T: Element>(&self, inputs: &[Source<'_, T>], out: &mut [T]) -> Result<()> {
        out[0] = rows::cross_entropy(inputs[0].data, inputs[0].last(), &self.labels);
        Ok(())
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, _wrt: usize, g: &A::V) -> Contribution<A::V> {
        a.scale(g, &self.slope(a, &node.inputs[0])).into()
    }
    fn jvp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, _wrt: usize, tangent: &A::V) -> A::V {
        a.sum_all(&a.scale(tangent, &self.slope(a, &node.inputs[0])))
    }
    fn expansion<T: Element, A: Algebra<T>>(&self, a: &A, inputs: &[A::V]) -> Option<A::V> {
        let shape = a.shape(&inputs[0]);
        let softmax = a.apply(TensorOp::Map(Map(RowMap::Softmax)), &[&inputs[0]]);
        let target = a.constant(Tensor::one_hot(&self.labels, shape[1]));
        let total = a.sum_all(&a.mul(&target, &a.ln(&softmax)));
        Some(a.mul(&a.literal(-1.0 / shape[0] as f64), &total))
    }
    fn batched<T: Element, A: Algebra<T>>(&self, a: &A, stack: &Stack<'_, A::V>) -> Option<A::V> {
        let logits = stack.in_front(a, 0);
        let (n, classes) = (self.labels.len(), a.shape(&logits)[2]);
        let logs = a.apply(TensorOp::Map(Map(RowMap::LogSoftmax)), &[&logits]);
        let rows = a.reshape(&logs, &Shape::from([stack.count, n * classes]));
        let places = self.labels.iter().enumerate().map(|(row, label)| row * classes + label);
        let indices = Arc::new(places.collect());
        let picked = a.apply(TensorOp::Take(Take { axis: 1, indices }), &[&rows]);
        let total = a.apply(TensorOp::Sum(Sum { axes: AxisMask(0b10), keep: false }), &[&picked]);
        Some(a.mul(&a.literal(-1.0 / n as f64), &total))
    }
    fn rust(&self, inputs: &[Shape]) -> Option<RustCall> {
        let arguments = printed_labels(&inputs[0], &self.labels);
        Some(RustCall { gives_number: true, ..RustCall::of(&Self::RUST[0], arguments) })
    }
    fn formula(&self, args: &dyn Arguments, _inputs: &[Shape]) -> Formula {
        let log = formula::LN.of(args.call(Math::function("softmax")));
        let sum = Math::function("sum").call(Math::row(Math::Letter('Y'), Between::Circle, log));
        (Math::row(mean(&self.labels), Between::Beside, sum).negative(), Bond::Sum)
    }
}

impl CrossEntropy {
    fn slope<T: Element, A: Algebra<T>>(&self, a: &A, logits: &A::V) -> A::V {
        a.apply(TensorOp::CrossEntropySlope(CrossEntropySlope { labels: self.labels.clone() }), &[logits])
    }
}

/// (softmax(z) - onehot(labels)) / rows: the derivative of the mean cross-entropy, in one pass.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CrossEntropySlope {
    pub labels: Indices,
}
impl TensorRule for CrossEntropySlope {
    const NAME: &'static str = "cross_entropy_slope";
    const RUST: &'static [RustFunction] = &[RustFunction {
        name: "cross_entropy_slope",
        calls: &["softmax_rows"],
        text: include_str!("printed/cross_entropy_slope.rs"),
    }];
    /// Unchecked: a slope belongs to a cross-entropy, which was.
    fn shape<D: Dims>(&self, inputs: &[D]) -> Result<Shape> {
        Ok(inputs[0].dims().into())
    }
    fn write<T: Element>(&self, inputs: &[Source<'_, T>], out: &mut [T]) -> Result<()> {
        let Source { dims, data } = inputs[0];
        let scale = T::from_f64(1.0 / dims[0] as f64);
        rows::cross_entropy_gradient(data, dims[1], &self.labels, scale, out);
        Ok(())
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, g: &A::V) -> Contribution<A::V> {
        // Symmetric, as a second derivative is.
        self.jvp(a, node, wrt, g).into()
    }
    fn jvp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, _wrt: usize, tangent: &A::V) -> A::V {
        let rows = a.shape(tangent)[0];
        let softmax = a.apply(TensorOp::Map(Map(RowMap::Softmax)), &[&node.inputs[0]]);
        let inner = a.sub(tangent, &a.sum_last(&a.scale(tangent, &softmax)));
        a.mul(&a.literal(1.0 / rows as f64), &a.scale(&inner, &softmax))
    }
    fn batched<T: Element, A: Algebra<T>>(&self, a: &A, stack: &Stack<'_, A::V>) -> Option<A::V> {
        let logits = stack.in_front(a, 0);
        let (n, classes) = (self.labels.len(), a.shape(&logits)[2]);
        let softmax = a.apply(TensorOp::Map(Map(RowMap::Softmax)), &[&logits]);
        let difference = a.sub(&softmax, &a.constant(Tensor::one_hot(&self.labels, classes)));
        Some(a.mul(&difference, &a.literal(1.0 / n as f64)))
    }
    fn rust_arguments(&self, inputs: &[Shape]) -> Vec<String> {
        printed_labels(&inputs[0], &self.labels)
    }
    fn formula(&self, args: &dyn Arguments, _inputs: &[Shape]) -> Formula {
        let softmax = args.call(Math::function("softmax"));
        let difference = Math::row(softmax, Between::Minus, Math::Letter('Y')).within(Fence::Round);
        (Math::row(mean(&self.labels), Between::Beside, difference), Bond::Product)
    }
}

/// One over the number of rows.
fn mean(labels: &[usize]) -> Math {
    Math::number(1.0 / labels.len() as f64)
}

/// How many classes there are, and the labels, as generated source writes them.
fn printed_labels(logits: &Shape, labels: &[usize]) -> Vec<String> {
    vec![logits.last().copied().unwrap_or(1).to_string(), format!("&{labels:?}")]
}

/// Checks labels for logits of this shape.
pub(super) fn check_labels(logits: &[usize], labels: &[usize]) -> Result<()> {
    let &[rows, classes] = logits else {
        return Err(Error::shape(format!("cross_entropy: logits must be [rows, classes], got shape {logits:?}")));
    };
    if rows != labels.len() || rows == 0 {
        return Err(Error::shape(format!(
            "cross_entropy: {rows} rows of logits, {} labels; they must agree and be at least 1",
            labels.len()
        )));
    }
    match labels.iter().enumerate().find(|&(_, &label)| label >= classes) {
        Some((row, label)) => Err(Error::argument(format!(
            "cross_entropy: label {label} at row {row} is out of range for {classes} classes (valid 0..={})",
            classes.saturating_sub(1)
        ))),
        None => Ok(()),
    }
}
