//! Convolutions, as one form of three arguments.
//!
//! The sum of g conv(x, w) is linear in the input x, the kernels w and what weighs the output g. An op is its derivative by one of the
//! three, given the other two: the output itself, the gradient by the input, the gradient by the kernels. Each one's derivatives are the
//! other two, so the three are closed, at every order. Axes, strides, gaps, padding and groups are parameters; one implementation has
//! any number of axes.

use super::along::printed;
use super::{Argument, Contribution, Dims, Node, RustCall, Source, Stack, TensorOp, TensorRule};
use crate::error::{Error, Result};
use crate::num::Element;
use crate::num::elementwise::RustFunction;
use crate::ops::algebra::Algebra;
use crate::ops::structural::Permute;
use crate::tensor::Shape;
use crate::tensor::kernels::conv::Convolution;
use crate::tensor::windows::Windows;
use smallvec::SmallVec;
use std::sync::Arc;

/// The argument of the form that an op is the derivative by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// [batch, channels, axes].
    Input,
    /// [outputs, channels of a group, windows' sizes].
    Kernel,
    /// [batch, outputs, windows].
    Output,
}
const SLOTS: [Slot; 3] = [Slot::Input, Slot::Kernel, Slot::Output];

/// One argument of the form from the other two, in the order of [`Slot`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Conv {
    pub gives: Slot,
    pub windows: Arc<Windows>,
    pub groups: usize,
    /// Which of the two are gradients on their way: as of [`MatMul`](super::MatMul).
    pub gates: [bool; 2],
}

impl Conv {
    /// The arguments that are given.
    fn given(&self) -> [Slot; 2] {
        match self.gives {
            Slot::Input => [Slot::Kernel, Slot::Output],
            Slot::Kernel => [Slot::Input, Slot::Output],
            Slot::Output => [Slot::Input, Slot::Kernel],
        }
    }

    /// Batch, channels of a group and outputs of a group, of arguments of these shapes.
    fn sizes(&self, inputs: [&[usize]; 2]) -> Result<[usize; 3]> {
        let wrong = || {
            let [a, b] = inputs;
            Error::shape(format!(
                "{}: shapes {a:?} and {b:?} of another convolution in {} groups",
                self.name(),
                self.groups
            ))
        };
        let windows = &self.windows;
        let rank = windows.0.len();
        let [mut batch, mut channels, mut outputs] = [None; 3];
        let set = |size: &mut Option<usize>, n: usize| *size.get_or_insert(n) == n;
        for (slot, dims) in self.given().into_iter().zip(inputs) {
            let (&[first, second], axes) = dims.split_first_chunk::<2>().ok_or_else(wrong)?;
            let fits = axes.len() == rank
                && match slot {
                    Slot::Input => {
                        axes.iter().copied().eq(windows.lengths())
                            && second.is_multiple_of(self.groups)
                            && set(&mut batch, first)
                            && set(&mut channels, second / self.groups)
                    }
                    Slot::Kernel => {
                        axes.iter().copied().eq(windows.sizes())
                            && first.is_multiple_of(self.groups)
                            && set(&mut channels, second)
                            && set(&mut outputs, first / self.groups)
                    }
                    Slot::Output => {
                        axes.iter().copied().eq(windows.counts())
                            && second.is_multiple_of(self.groups)
                            && set(&mut batch, first)
                            && set(&mut outputs, second / self.groups)
                    }
                };
            if !fits {
                return Err(wrong());
            }
        }
        // The one that only what is asked for has does not matter to the others.
        Ok([batch, channels, outputs].map(|size| size.unwrap_or(0)))
    }

    /// The shape of one argument.
    fn shape_of(&self, slot: Slot, [batch, channels, outputs]: [usize; 3]) -> Result<Shape> {
        let windows = &self.windows;
        // No wrap: a length that large is refused.
        let [all_channels, all_outputs] = [channels, outputs].map(|n| n.saturating_mul(self.groups));
        let lengths: SmallVec<[usize; 4]> = match slot {
            Slot::Input => [batch, all_channels].into_iter().chain(windows.lengths()).collect(),
            Slot::Kernel => [all_outputs, channels].into_iter().chain(windows.sizes()).collect(),
            Slot::Output => [batch, all_outputs].into_iter().chain(windows.counts()).collect(),
        };
        Shape::of(self.name(), &lengths)
    }

    /// The same form, asked for another argument, of which this one's place is taken by `with`.
    fn other<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, with: &A::V) -> A::V {
        let given = self.given();
        let (asked, kept) = (given[wrt], given[1 - wrt]);
        let kept_gate = self.gates[1 - wrt];
        // In the order of slots.
        let first = SLOTS.iter().find(|slot| **slot != asked).is_some_and(|slot| *slot == kept);
        let other = &node.inputs[1 - wrt];
        let (inputs, gates) =
            if first { ([other, with], [kept_gate, true]) } else { ([with, other], [true, kept_gate]) };
        a.apply(TensorOp::Conv(Conv { gives: asked, gates, ..self.clone() }), &inputs)
    }

    /// The axis of runs beside that of channels, or outputs, group by group: [runs, n, groups m, ..] as [n, runs groups m, ..], and for
    /// kernels [runs, groups m, c, ..] as [runs groups m, c, ..].
    fn merged<T: Element, A: Algebra<T>>(a: &A, slot: Slot, x: &A::V) -> A::V {
        let shape = a.shape(x);
        if slot == Slot::Kernel {
            let merged = [shape[0] * shape[1]].into_iter().chain(shape[2..].iter().copied());
            return a.reshape(x, &merged.collect());
        }
        let turned = swapped(a, x);
        let merged = [shape[1], shape[0] * shape[2]].into_iter().chain(shape[3..].iter().copied());
        a.reshape(&turned, &merged.collect())
    }

    /// And back.
    fn split<T: Element, A: Algebra<T>>(a: &A, slot: Slot, x: &A::V, runs: usize) -> A::V {
        let shape = a.shape(x);
        if slot == Slot::Kernel {
            let apart = [runs, shape[0] / runs].into_iter().chain(shape[1..].iter().copied());
            return a.reshape(x, &apart.collect());
        }
        let apart = [shape[0], runs, shape[1] / runs].into_iter().chain(shape[2..].iter().copied());
        swapped(a, &a.reshape(x, &apart.collect()))
    }
}

/// The first two axes swapped.
fn swapped<T: Element, A: Algebra<T>>(a: &A, x: &A::V) -> A::V {
    let axes = [1, 0].into_iter().chain(2..a.rank(x) as u8).collect();
    a.apply(TensorOp::Permute(Permute { axes }), &[x])
}

impl TensorRule for Conv {
    const NAME: &'static str = "conv";
    const RUST: &'static [RustFunction] =
        &[RustFunction { name: "convolution", calls: &[], text: include_str!("printed/convolution.rs") }];
    fn name(&self) -> &'static str {
        match self.gives {
            Slot::Output => Self::NAME,
            Slot::Input => "conv_transposed",
            Slot::Kernel => "conv_kernels",
        }
    }
    fn gates(&self) -> [bool; 2] {
        self.gates
    }
    fn without_gates(self) -> Self {
        Self { gates: [false; 2], ..self }
    }
    fn shape<D: Dims>(&self, inputs: &[D]) -> Result<Shape> {
        self.shape_of(self.gives, self.sizes([inputs[0].dims(), inputs[1].dims()])?)
    }
    fn write<T: Element>(&self, inputs: &[Source<'_, T>], out: &mut [T]) -> Result<()> {
        let [batch, channels, outputs] = self.sizes([inputs[0].dims, inputs[1].dims])?;
        let conv = Convolution { windows: &self.windows, batch, groups: self.groups, channels, outputs };
        let (x, y) = (inputs[0].data, inputs[1].data);
        match self.gives {
            Slot::Output => conv.output(x, y, self.gates, out),
            Slot::Input => conv.input(x, y, self.gates, out),
            Slot::Kernel => conv.kernels(x, y, self.gates, out),
        }
        Ok(())
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, g: &A::V) -> Contribution<A::V> {
        self.other(a, node, wrt, g).into()
    }
    fn jvp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, tangent: &A::V) -> A::V {
        let (mut inputs, mut gates) = ([&node.inputs[0], &node.inputs[1]], self.gates);
        (inputs[wrt], gates[wrt]) = (tangent, true);
        a.apply(TensorOp::Conv(Conv { gates, ..self.clone() }), &inputs)
    }
    /// One convolution: with a larger batch where all runs share the kernels, with more outputs where they share the input, and else with
    /// the runs as groups.
    fn batched<T: Element, A: Algebra<T>>(&self, a: &A, stack: &Stack<'_, A::V>) -> Option<A::V> {
        let given = self.given();
        let shared_kernel = (0..2).any(|k| given[k] == Slot::Kernel && !stack.arguments[k].stacked);
        let of = |k: usize| &stack.arguments[k];
        if shared_kernel {
            let rows = |Argument { value, stacked }: &Argument<A::V>| {
                let shape = a.shape(value);
                let all = || [shape[0] * shape[1]].into_iter().chain(shape[2..].iter().copied()).collect();
                if *stacked { a.reshape(value, &all()) } else { value.clone() }
            };
            let out = a.apply(TensorOp::Conv(self.clone()), &[&rows(of(0)), &rows(of(1))]);
            let shape = a.shape(&out);
            let apart = [stack.count, shape[0] / stack.count.max(1)].into_iter().chain(shape[1..].iter().copied());
            return Some(a.reshape(&out, &apart.collect()));
        }
        let merged = |k: usize| Self::merged(a, given[k], &stack.in_front(a, k));
        if given[0] == Slot::Input && !of(0).stacked && self.groups == 1 {
            // What all runs read has a channel of results for each of their kernels.
            let out = a.apply(TensorOp::Conv(self.clone()), &[&of(0).value, &merged(1)]);
            return Some(Self::split(a, self.gives, &out, stack.count));
        }
        let op = Conv { groups: self.groups * stack.count, ..self.clone() };
        let out = a.apply(TensorOp::Conv(op), &[&merged(0), &merged(1)]);
        Some(Self::split(a, self.gives, &out, stack.count))
    }
    fn rust(&self, inputs: &[Shape]) -> Option<RustCall> {
        let [batch, channels, outputs] = self.sizes([&inputs[0], &inputs[1]]).ok()?;
        let slot = SLOTS.iter().position(|slot| *slot == self.gives)?;
        let sizes = format!("[{batch}, {}, {channels}, {outputs}]", self.groups);
        Some(RustCall::of(&Self::RUST[0], vec![slot.to_string(), sizes, printed(&self.windows)]))
    }
}
