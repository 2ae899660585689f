//! Runs a [`Body`] over many lanes, a block of them at a time.
//!
//! Lanes are the points of a space of rows times `inner` columns: lane = row * inner + column. What comes in is read along a
//! [`Walk`] of a buffer, what leaves goes along a [`Target`].

use super::body::{Body, Sink};
use crate::num::Element;
use crate::parallel::Workers;

/// Where the number of a lane lies in its buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Walk {
    /// Element `lane`.
    Flat,
    /// Element `lane % inner`: the same for every row.
    Row,
    /// Element `lane / inner`: the same for every column.
    Column,
    /// Element `start + lane * step`: a column of points that are stored as rows.
    Strided { start: usize, step: usize },
}

/// A buffer of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The k-th of the inputs.
    Input(usize),
    /// What the k-th of the outputs holds before the run. Walks must be flat: a lane reads its own number and no other.
    Output(usize),
}

/// What an input of the body reads. Several may read one buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub from: Origin,
    pub walk: Walk,
}

/// Where a sink of the body goes: stores to `Flat` and `Strided`, sums to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Element `lane` of an output.
    Flat { output: usize },
    /// Element `start + lane * step` of an output, where start < step; several sinks may share the output.
    Strided { output: usize, start: usize, step: usize },
    /// The sum over all lanes, to number `sum` of the sums.
    Total { sum: usize, add: bool },
    /// For every column the sum over the rows: `inner` elements.
    PerColumn { output: usize, add: bool },
    /// For every row the sum over the columns: `lanes / inner` elements.
    PerRow { output: usize, add: bool },
}

/// A body made ready to run.
pub(crate) struct BlockCode<T> {
    body: Body<T>,
    sources: Vec<Source>,
    targets: Vec<Target>,
    inner: usize,
}

impl<T: Element> BlockCode<T> {
    /// Code for a body whose inputs are read from `sources` and whose sinks go to `targets`, in a space of `inner` columns.
    pub fn new(body: &Body<T>, sources: &[Source], targets: &[Target], inner: usize) -> Self {
        Self { body: body.clone(), sources: sources.to_vec(), targets: targets.to_vec(), inner }
    }

    /// The scratch memory in bytes.
    pub fn bytes(&self) -> usize {
        0
    }

    /// Runs over `lanes` lanes, a multiple of `inner`. With several workers the bits are the same as with one.
    ///
    /// # Panics
    /// A buffer is shorter than its walk.
    pub fn run(
        &mut self,
        lanes: usize,
        inputs: &[&[T]],
        shared: &[T],
        outputs: &mut [&mut [T]],
        sums: &mut [T],
        _workers: &mut Workers,
    ) {
        let zero = T::from_f64(0.0);
        for target in &self.targets {
            match *target {
                Target::Total { sum, add: false } => sums[sum] = zero,
                Target::PerColumn { output, add: false } | Target::PerRow { output, add: false } => {
                    outputs[output].fill(zero)
                }
                _ => {}
            }
        }
        let inner = self.inner;
        for lane in 0..lanes {
            let read = |source: &Source| {
                let at = match source.walk {
                    Walk::Flat => lane,
                    Walk::Row => lane % inner,
                    Walk::Column => lane / inner,
                    Walk::Strided { start, step } => start + lane * step,
                };
                match source.from {
                    Origin::Input(k) => inputs[k][at],
                    Origin::Output(k) => outputs[k][at],
                }
            };
            let of_lane: Vec<T> = self.sources.iter().map(read).collect();
            let values = self.body.evaluate(&of_lane, shared);
            for (sink, target) in self.body.sinks.iter().zip(&self.targets) {
                let (Sink::Store(slot) | Sink::Sum(slot)) = *sink;
                let value = values[slot as usize];
                match *target {
                    Target::Flat { output } => outputs[output][lane] = value,
                    Target::Strided { output, start, step } => outputs[output][start + lane * step] = value,
                    Target::Total { sum, .. } => sums[sum] += value,
                    Target::PerColumn { output, .. } => outputs[output][lane % inner] += value,
                    Target::PerRow { output, .. } => outputs[output][lane / inner] += value,
                }
            }
        }
    }
}
