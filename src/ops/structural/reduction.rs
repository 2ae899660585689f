//! Sums over any axes, and reductions and maps of rows along the last axis.

use super::{Contribution, Dims, Node, RustCall, Source, Stack, TensorOp, TensorRule, batched_as_it_is, linear_jvp};
use crate::error::{Error, Result};
use crate::num::Element;
use crate::num::elementwise::formula::{self, Between, Fence};
use crate::num::elementwise::{Arguments, Bond, Formula, Math, RustFunction};
use crate::ops::algebra::Algebra;
use crate::tensor::Shape;
use crate::tensor::kernels::reduce;
use crate::tensor::kernels::rows::{self, RowMap, RowReduction};
use crate::tensor::shape::AxisMask;

/// The sum over axes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sum {
    pub axes: AxisMask,
    pub keep: bool,
}
impl TensorRule for Sum {
    const NAME: &'static str = "sum";
    const RUST: &'static [RustFunction] =
        &[RustFunction { name: "sum_axes", calls: &[], text: include_str!("printed/sum_axes.rs") }];
    fn shape<D: Dims>(&self, inputs: &[D]) -> Result<Shape> {
        Ok(Shape::from(inputs[0].dims()).reduced(self.axes, self.keep))
    }
    fn write<T: Element>(&self, inputs: &[Source<'_, T>], out: &mut [T]) -> Result<()> {
        let Source { dims, data } = inputs[0];
        if (0..dims.len()).all(|axis| self.axes.contains(axis)) {
            out[0] = reduce::total(data);
        } else {
            reduce::sum(data, dims, self.axes, out);
        }
        Ok(())
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, _wrt: usize, g: &A::V) -> Contribution<A::V> {
        let shape = a.shape(&node.inputs[0]);
        let g = a.reshape(g, &shape.reduced(self.axes, true));
        a.broadcast_to(&g, &shape).into()
    }
    linear_jvp!(Sum);
    fn batched<T: Element, A: Algebra<T>>(&self, a: &A, stack: &Stack<'_, A::V>) -> Option<A::V> {
        Some(stack.apply(a, TensorOp::Sum(Sum { axes: AxisMask(self.axes.0 << 1), keep: self.keep })))
    }
    /// Its loops depend on what is summed: whoever writes them asks for the axes.
    fn rust(&self, _inputs: &[Shape]) -> Option<RustCall> {
        None
    }
    fn formula(&self, args: &dyn Arguments, inputs: &[Shape]) -> Formula {
        let rank = inputs[0].rank();
        let name = match (rank, self.axes.0) {
            (_, mask) if mask == AxisMask::all(rank).0 => Math::function("sum"),
            (2, 0b01) => Math::function("colsum"),
            (2, 0b10) => Math::function("rowsum"),
            _ => {
                let axes = (0..rank).filter(|&i| self.axes.contains(i)).map(|i| Math::integer(i as i64));
                Math::function("sum").below(Math::list(axes, Between::Comma))
            }
        };
        args.function(name)
    }
}

/// One number for each row along the last axis, which stays with length 1.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reduce(pub RowReduction);
impl TensorRule for Reduce {
    const NAME: &'static str = "reduce";
    /// In the order of their kinds.
    const RUST: &'static [RustFunction] = &[
        RustFunction { name: "max_rows", calls: &[], text: include_str!("printed/max_rows.rs") },
        RustFunction { name: "min_rows", calls: &[], text: include_str!("printed/min_rows.rs") },
        RustFunction { name: "logsumexp_rows", calls: &[], text: include_str!("printed/logsumexp_rows.rs") },
        RustFunction { name: "norm_rows", calls: &[], text: include_str!("printed/norm_rows.rs") },
    ];
    fn name(&self) -> &'static str {
        match self.0 {
            RowReduction::Max => "max",
            RowReduction::Min => "min",
            RowReduction::LogSumExp => "logsumexp",
            RowReduction::Norm2 => "norm2",
        }
    }
    fn bends(&self) -> bool {
        self.0 == RowReduction::Norm2
    }
    fn shape<D: Dims>(&self, inputs: &[D]) -> Result<Shape> {
        let (n, out) = last_axis(inputs[0].dims());
        if n == 0 && matches!(self.0, RowReduction::Max | RowReduction::Min) {
            return Err(Error::shape(format!("{}: no elements along the axis, so no extreme", self.name())));
        }
        Ok(out)
    }
    fn write<T: Element>(&self, inputs: &[Source<'_, T>], out: &mut [T]) -> Result<()> {
        rows::reduce_rows(self.0, inputs[0].data, inputs[0].last(), out);
        Ok(())
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, _wrt: usize, g: &A::V) -> Contribution<A::V> {
        let x = &node.inputs[0];
        match self.0 {
            RowReduction::Norm2 => a.along(g, x, node.output),
            _ => self.weighted(a, node, g),
        }
        .into()
    }
    fn jvp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, _wrt: usize, tangent: &A::V) -> A::V {
        match self.0 {
            RowReduction::Norm2 => a.sum_last(&a.along(tangent, &node.inputs[0], node.output)),
            _ => a.sum_last(&self.weighted(a, node, tangent)),
        }
    }
    batched_as_it_is!(Reduce);
    fn expansion<T: Element, A: Algebra<T>>(&self, a: &A, inputs: &[A::V]) -> Option<A::V> {
        let x = &inputs[0];
        match self.0 {
            RowReduction::LogSumExp => Some(a.ln(&a.sum_last(&a.exp(x)))),
            RowReduction::Norm2 => Some(a.sqrt(&a.sum_last(&a.mul(x, x)))),
            _ => None,
        }
    }
    fn rust(&self, inputs: &[Shape]) -> Option<RustCall> {
        Some(RustCall::of(&Self::RUST[self.0 as usize], vec![last_axis(&inputs[0]).0.to_string()]))
    }
    fn formula(&self, args: &dyn Arguments, _inputs: &[Shape]) -> Formula {
        let name = match self.0 {
            RowReduction::Max => formula::MAX,
            RowReduction::Min => formula::MIN,
            RowReduction::LogSumExp => Math::function(self.name()),
            RowReduction::Norm2 => {
                return (args.at(0, Bond::Sum).within(Fence::Norm), Bond::Whole);
            }
        };
        args.function(name)
    }
    fn pieces<T: Element>(&self, x: &[T], out: &[T], tell: &mut dyn FnMut(usize, i64)) {
        match self.0 {
            // The winners: an element that only ties with the extreme is a kink, as it shares the gradient.
            RowReduction::Max | RowReduction::Min => {
                let n = x.len() / out.len().max(1);
                x.iter().enumerate().for_each(|(i, x)| tell(i, (*x == out[i / n]) as i64));
            }
            RowReduction::Norm2 => out.iter().enumerate().for_each(|(i, &y)| tell(i, (y == T::from_f64(0.0)) as i64)),
            RowReduction::LogSumExp => {}
        }
    }
}

impl Reduce {
    /// A gradient, or a tangent, times the derivative of each row's result by its elements: the shares of the extremes, or the softmax.
    fn weighted<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, g: &A::V) -> A::V {
        let x = &node.inputs[0];
        if self.0 == RowReduction::LogSumExp {
            // Not exp(x - out): for huge x the output has lost ln n. Rows of -inf have no softmax and no gradient.
            let empty = a.equal(node.output, &a.literal(f64::NEG_INFINITY));
            let softmax = a.apply(TensorOp::Map(Map(RowMap::Softmax)), &[x]);
            return a.scale(g, &a.select(&empty, &a.literal(0.0), &softmax));
        }
        let winners = a.equal(x, node.output);
        let shares = a.over(&winners, &a.sum_last(&winners));
        // Those that lose are gated off, not multiplied by 0: what moves them may be infinite.
        a.scale(&a.select(&winners, g, &a.literal(0.0)), &shares)
    }
}

/// A row for each row along the last axis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Map(pub RowMap);
impl TensorRule for Map {
    const NAME: &'static str = "map";
    /// In the order of their kinds.
    const RUST: &'static [RustFunction] = &[
        RustFunction { name: "softmax_rows", calls: &[], text: include_str!("printed/softmax_rows.rs") },
        RustFunction { name: "log_softmax_rows", calls: &[], text: include_str!("printed/log_softmax_rows.rs") },
        RustFunction { name: "cumsum_rows", calls: &[], text: include_str!("printed/cumsum_rows.rs") },
        RustFunction { name: "reverse_cumsum_rows", calls: &[], text: include_str!("printed/reverse_cumsum_rows.rs") },
    ];
    fn name(&self) -> &'static str {
        match self.0 {
            RowMap::Softmax => "softmax",
            RowMap::LogSoftmax => "log_softmax",
            RowMap::Cumsum | RowMap::ReverseCumsum => "cumsum",
        }
    }
    fn shape<D: Dims>(&self, inputs: &[D]) -> Result<Shape> {
        Ok(inputs[0].dims().into())
    }
    fn write<T: Element>(&self, inputs: &[Source<'_, T>], out: &mut [T]) -> Result<()> {
        rows::map_rows(self.0, inputs[0].data, inputs[0].last(), out);
        Ok(())
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, _wrt: usize, g: &A::V) -> Contribution<A::V> {
        let y = node.output;
        match self.0 {
            RowMap::Softmax => softmax_product(a, y, g),
            RowMap::LogSoftmax => a.sub(g, &a.scale(&a.sum_last(g), &a.exp(y))),
            RowMap::Cumsum => a.apply(TensorOp::Map(Map(RowMap::ReverseCumsum)), &[g]),
            RowMap::ReverseCumsum => a.apply(TensorOp::Map(Map(RowMap::Cumsum)), &[g]),
        }
        .into()
    }
    fn jvp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, _wrt: usize, tangent: &A::V) -> A::V {
        let y = node.output;
        match self.0 {
            // The Jacobian of softmax is symmetric.
            RowMap::Softmax => softmax_product(a, y, tangent),
            RowMap::LogSoftmax => a.sub(tangent, &a.sum_last(&a.scale(tangent, &a.exp(y)))),
            RowMap::Cumsum | RowMap::ReverseCumsum => a.apply(TensorOp::Map(self.clone()), &[tangent]),
        }
    }
    batched_as_it_is!(Map);
    fn expansion<T: Element, A: Algebra<T>>(&self, a: &A, inputs: &[A::V]) -> Option<A::V> {
        let x = &inputs[0];
        let softmax = || {
            let e = a.exp(x);
            a.div(&e, &a.sum_last(&e))
        };
        match self.0 {
            RowMap::Softmax => Some(softmax()),
            RowMap::LogSoftmax => Some(a.ln(&a.apply(TensorOp::Map(Map(RowMap::Softmax)), &[x]))),
            _ => None,
        }
    }
    fn rust(&self, inputs: &[Shape]) -> Option<RustCall> {
        Some(RustCall::of(&Self::RUST[self.0 as usize], vec![last_axis(&inputs[0]).0.to_string()]))
    }
    fn formula(&self, args: &dyn Arguments, _inputs: &[Shape]) -> Formula {
        let name = match self.0 {
            RowMap::Softmax => Math::function("softmax"),
            RowMap::LogSoftmax => return (formula::LN.of(args.call(Math::function("softmax"))), Bond::Whole),
            RowMap::Cumsum => Math::function("cumsum"),
            RowMap::ReverseCumsum => Math::function("reverse_cumsum"),
        };
        args.function(name)
    }
}

/// (diag(s) - s s') v for every row of the softmax s.
fn softmax_product<T: Element, A: Algebra<T>>(a: &A, s: &A::V, v: &A::V) -> A::V {
    a.scale(&a.sub(v, &a.sum_last(&a.scale(v, s))), s)
}

/// The length of the last axis, and the shape with that axis of length 1.
fn last_axis(dims: &[usize]) -> (usize, Shape) {
    let last = dims.len() - 1;
    let shape = dims.iter().enumerate().map(|(i, &n)| if i == last { 1 } else { n }).collect();
    (dims[last], shape)
}
