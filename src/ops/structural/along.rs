//! Positions along the last axis, elements by their positions, and the transpose of that.
//!
//! Sorting, the first few, running extremes and the pooling of windows are one mechanism: [`Positions`] says which elements, as numbers
//! and without a derivative, and [`TakeAlong`] takes them. It is linear, and [`PutAlong`] is its transpose; so all of them have derivatives
//! of every order, and programs find the positions anew in each run.
//!
//! Rejected: positions as whole numbers beside the op, as of [`Take`](super::Take): a program would have those of the recording.

use super::{Contribution, Dims, Node, RustCall, Source, Stack, TensorOp, TensorRule, batched_as_it_is};
use crate::error::{Error, Result};
use crate::num::Element;
use crate::num::elementwise::RustFunction;
use crate::ops::algebra::Algebra;
use crate::tensor::Shape;
use crate::tensor::kernels::order::{self, NoPosition, Order};

/// Which elements of each row are asked for, as numbers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Positions(pub Order);

impl TensorRule for Positions {
    const NAME: &'static str = "positions";
    const FLAT: bool = true;
    /// In the order of their kinds, two of which share one.
    const RUST: &'static [RustFunction] = &[
        RustFunction { name: "sorted_positions", calls: &[], text: include_str!("printed/sorted_positions.rs") },
        RustFunction { name: "extremes_so_far", calls: &[], text: include_str!("printed/extremes_so_far.rs") },
        RustFunction { name: "largest_in_windows", calls: &[], text: include_str!("printed/largest_in_windows.rs") },
    ];
    fn name(&self) -> &'static str {
        match self.0 {
            Order::Rising | Order::Falling => "argsort",
            Order::LargestSoFar => "cummax_positions",
            Order::SmallestSoFar => "cummin_positions",
            Order::LargestInWindows(_) => "max_pool_positions",
        }
    }
    fn shape<D: Dims>(&self, inputs: &[D]) -> Result<Shape> {
        let dims = inputs[0].dims();
        match &self.0 {
            Order::LargestInWindows(windows) => {
                let fits = dims.len() >= windows.0.len()
                    && dims[dims.len() - windows.0.len()..].iter().copied().eq(windows.lengths());
                if !fits {
                    return Err(Error::shape(format!(
                        "{}: windows over other axes than those of shape {dims:?}",
                        self.name()
                    )));
                }
                windows.shape(self.name(), dims)
            }
            _ => Ok(dims.into()),
        }
    }
    fn write<T: Element>(&self, inputs: &[Source<'_, T>], out: &mut [T]) -> Result<()> {
        order::positions(&self.0, inputs[0].data, inputs[0].last(), out);
        Ok(())
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, _g: &A::V) -> Contribution<A::V> {
        nothing(a, &node.inputs[wrt]).into()
    }
    fn jvp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, _wrt: usize, _tangent: &A::V) -> A::V {
        nothing(a, node.output)
    }
    batched_as_it_is!(Positions);
    fn rust(&self, inputs: &[Shape]) -> Option<RustCall> {
        let n = inputs[0].last().copied().unwrap_or(1).to_string();
        Some(match &self.0 {
            Order::Rising | Order::Falling => {
                RustCall::of(&Self::RUST[0], vec![n, (self.0 == Order::Falling).to_string()])
            }
            Order::LargestSoFar | Order::SmallestSoFar => {
                RustCall::of(&Self::RUST[1], vec![n, (self.0 == Order::LargestSoFar).to_string()])
            }
            Order::LargestInWindows(windows) => RustCall::of(&Self::RUST[2], vec![printed(windows)]),
        })
    }
    /// Another order is another piece.
    fn pieces<T: Element>(&self, _x: &[T], out: &[T], tell: &mut dyn FnMut(usize, i64)) {
        out.iter().enumerate().for_each(|(i, at)| tell(i, at.to_f64() as i64));
    }
}

/// Windows as generated source writes them: length, size, stride, dilation, padding and count of each axis.
pub(super) fn printed(windows: &crate::tensor::windows::Windows) -> String {
    let numbers: Vec<[usize; 6]> =
        windows.0.iter().map(|a| [a.n, a.size, a.stride, a.dilation, a.padding, a.count]).collect();
    format!("&{numbers:?}")
}

/// Zeros of the shape of a value.
fn nothing<T: Element, A: Algebra<T>>(a: &A, like: &A::V) -> A::V {
    a.broadcast_to(&a.literal(0.0), &a.shape(like))
}

/// The elements of each row at these positions, which are the second input: numbers, of as many rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TakeAlong;

impl TensorRule for TakeAlong {
    const NAME: &'static str = "take_along";
    const CAN_FAIL: bool = true;
    const RUST: &'static [RustFunction] =
        &[RustFunction { name: "take_along", calls: &[], text: include_str!("printed/take_along.rs") }];
    fn rust_arguments(&self, inputs: &[Shape]) -> Vec<String> {
        inputs.iter().map(super::matrices::last).collect()
    }
    fn shape<D: Dims>(&self, inputs: &[D]) -> Result<Shape> {
        same_rows(Self::NAME, inputs)?;
        Ok(inputs[1].dims().into())
    }
    fn write<T: Element>(&self, inputs: &[Source<'_, T>], out: &mut [T]) -> Result<()> {
        let (x, positions) = (inputs[0], inputs[1]);
        let taken = order::take_along(x.data, x.last(), positions.data, positions.last(), out);
        taken.map_err(|found| no_position(Self::NAME, &found, x.last()))
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, g: &A::V) -> Contribution<A::V> {
        if wrt == 1 {
            return nothing(a, &node.inputs[1]).into();
        }
        let shape = a.shape(&node.inputs[0]);
        a.apply(TensorOp::PutAlong(PutAlong { n: shape[shape.rank() - 1] }), &[g, &node.inputs[1]]).into()
    }
    fn jvp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, tangent: &A::V) -> A::V {
        match wrt {
            0 => a.apply(TensorOp::TakeAlong(TakeAlong), &[tangent, &node.inputs[1]]),
            _ => nothing(a, node.output),
        }
    }
    batched_as_it_is!(TakeAlong);
}

/// Rows of n zeros, with the elements of each row added at these positions, which are the second input: the transpose of [`TakeAlong`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PutAlong {
    pub n: usize,
}

impl TensorRule for PutAlong {
    const NAME: &'static str = "put_along";
    const CAN_FAIL: bool = true;
    const RUST: &'static [RustFunction] =
        &[RustFunction { name: "put_along", calls: &[], text: include_str!("printed/put_along.rs") }];
    fn rust_arguments(&self, inputs: &[Shape]) -> Vec<String> {
        vec![super::matrices::last(&inputs[0]), self.n.to_string()]
    }
    fn shape<D: Dims>(&self, inputs: &[D]) -> Result<Shape> {
        same_rows(Self::NAME, inputs)?;
        let (dims, positions) = (inputs[0].dims(), inputs[1].dims());
        if dims != positions {
            return Err(Error::shape(format!(
                "put_along: elements of shape {dims:?} at positions of shape {positions:?}"
            )));
        }
        Shape::of(Self::NAME, &[&dims[..dims.len() - 1], &[self.n]].concat())
    }
    fn write<T: Element>(&self, inputs: &[Source<'_, T>], out: &mut [T]) -> Result<()> {
        let put = order::put_along(inputs[0].data, self.n, inputs[1].data, inputs[0].last(), out);
        put.map_err(|found| no_position(Self::NAME, &found, self.n))
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, g: &A::V) -> Contribution<A::V> {
        match wrt {
            0 => a.apply(TensorOp::TakeAlong(TakeAlong), &[g, &node.inputs[1]]),
            _ => nothing(a, &node.inputs[1]),
        }
        .into()
    }
    fn jvp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, tangent: &A::V) -> A::V {
        match wrt {
            0 => a.apply(TensorOp::PutAlong(self.clone()), &[tangent, &node.inputs[1]]),
            _ => nothing(a, node.output),
        }
    }
    batched_as_it_is!(PutAlong);
}

fn same_rows<D: Dims>(op: &str, inputs: &[D]) -> Result<()> {
    match (inputs[0].dims(), inputs[1].dims()) {
        ([rows @ .., _], [others @ .., _]) if rows == others => Ok(()),
        (x, positions) => Err(Error::shape(format!(
            "{op}: elements of shape {x:?} and positions of shape {positions:?}: they may differ along the axis of the positions only"
        ))),
    }
}

fn no_position(op: &str, found: &NoPosition, n: usize) -> Error {
    let NoPosition { row, at, label } = found;
    Error::argument(format!(
        "{op}: label {label} at place {at} of row {row} is no position among {n} (whole numbers from 0 on)"
    ))
}
