//! Runs a [`Body`] over many lanes, a block of them at a time.
//!
//! In compiler terms: a fusion group as a vectorised interpreter over fixed-size tiles, uniform values hoisted.
//!
//! Lanes are the points of a space of rows times `inner` columns: lane = row * inner + column. What comes in is read along a
//! [`Access`] of a buffer, what leaves goes along a [`Target`]. A block's values are registers in memory, as many as are alive at
//! once, and short enough to stay in the first-level cache; each op is one kernel over them. What depends on shared numbers and
//! literals alone is computed once, as numbers, in [batches](super::batch) where it is much. Flat buffers are read and written
//! where they are.
//!
//! **Invariants.** Every lane has the bits that the kernels for tensors give it. Sums have an order that follows from the code
//! and the number of lanes: within a segment of lanes a vector of accumulators takes four lanes of a chunk at a time, and is
//! carried every few blocks; in the end its halves are added until one number is left, and then the segments two by two. So
//! rounding grows with the logarithm of the number of lanes, and threads change no bits.
//!
//! **Not done**, for it would change bits: fused multiply-adds, sums of several terms in another order.

mod circles;
mod code;
mod lower;
mod run;
mod short;
#[cfg(test)]
mod tests;

use super::body::{Body, BodyOp, Sink};
use crate::num::Element;
use code::LoweredBody;
use run::{Frame, lock};
use std::sync::Mutex;

pub(crate) use crate::tensor::kernels::chunks::rows::WIDE;
pub(crate) use short::{Extent, Short, Space};

/// Where the number of a lane lies in its buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
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
    pub walk: Access,
}

/// Where a sink of the body goes: stores to `Flat`, `Row` and `Strided`, sums to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Element `lane` of an output.
    Flat { output: usize },
    /// Element `start + lane` of an output that has a row for each sink. Lanes must be whole chunks.
    Row { output: usize, start: usize },
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
    code: LoweredBody<T>,
    sources: Vec<Source>,
    targets: Vec<Target>,
    /// Those whose buffers must be long enough: of the rows of an output the last alone.
    bounds: Vec<Target>,
    /// From a row of an output to the next: so many lanes may go to them.
    rows_apart: usize,
    /// The targets that are sums by column.
    columns: Vec<u32>,
    /// Those that are sums by row.
    rows: Vec<u32>,
    inner: usize,
    /// A frame for each worker that has run.
    frames: Vec<Mutex<Frame<T>>>,
    uniforms: Vec<T>,
    partials: Vec<T>,
    outputs: Outputs<T>,
}

impl<T: Element> BlockCode<T> {
    /// Code for a body whose inputs are read from `sources` and whose sinks go to `targets`, in a space of `inner` columns.
    ///
    /// # Panics
    /// Sources or targets are too few, or targets share elements of an output.
    #[inline(never)]
    pub fn new(body: &Body<T>, sources: &[Source], targets: &[Target], inner: usize) -> Self {
        verify(body, sources, targets);
        let (mut code, mut instructions) = lower::lower(body, sources, targets);
        code.batch(&mut instructions);
        code.assemble(&instructions, usize::MAX);
        let all = 0..targets.len() as u32;
        let columns = all.clone().filter(|&k| matches!(targets[k as usize], Target::PerColumn { .. }));
        let rows = all.filter(|&k| matches!(targets[k as usize], Target::PerRow { .. }));
        Self {
            frames: vec![Frame::new(&code)],
            code,
            sources: sources.to_vec(),
            targets: targets.to_vec(),
            bounds: bounds(targets),
            rows_apart: rows_apart(targets),
            columns: columns.collect(),
            rows: rows.collect(),
            inner: inner.max(1),
            uniforms: Vec::new(),
            partials: Vec::new(),
            outputs: Outputs::default(),
        }
    }

    /// The memory of code and scratch in bytes.
    pub fn bytes(&self) -> usize {
        let frames: usize = self.frames.iter().map(|frame| lock(frame).bytes()).sum();
        let numbers = self.uniforms.capacity() + self.partials.capacity();
        frames + numbers * size_of::<T>() + self.code.bytes()
    }

    /// Whether rows and columns matter.
    fn has_rows(&self) -> bool {
        let by_row = |source: &Source| matches!(source.walk, Access::Row | Access::Column);
        !self.rows.is_empty() || !self.columns.is_empty() || self.sources.iter().any(by_row)
    }
}

/// Of targets that are rows of one output, the last; all others.
fn bounds(targets: &[Target]) -> Vec<Target> {
    let mut bounds: Vec<Target> = Vec::new();
    for &target in targets {
        if let Target::Row { output, start } = target {
            let last = |bound: &mut Target| match bound {
                Target::Row { output: known, start: last } if *known == output => {
                    *last = start.max(*last);
                    true
                }
                _ => false,
            };
            if bounds.iter_mut().any(last) {
                continue;
            }
        }
        bounds.push(target);
    }
    bounds
}

/// The least distance between two rows of one output.
fn rows_apart(targets: &[Target]) -> usize {
    let mut rows: Vec<(usize, usize)> = targets.iter().filter_map(|&target| lower::stored_at(target)).collect();
    rows.sort_unstable();
    let pairs = rows.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    pairs.map(|pair| pair[1].1 - pair[0].1).min().unwrap_or(usize::MAX)
}

/// What the loops rely on: every input has a source, every sink a target of its kind, and no two targets share an element.
fn verify<T: Element>(body: &Body<T>, sources: &[Source], targets: &[Target]) {
    let inputs = body.ops.iter().filter_map(|op| if let BodyOp::Input(k) = op { Some(*k as usize + 1) } else { None });
    assert!(inputs.max().unwrap_or(0) <= sources.len(), "a source for every input");
    assert_eq!(body.sinks.len(), targets.len(), "a target for every sink");
    let mut writes = Vec::new();
    for (sink, target) in body.sinks.iter().zip(targets) {
        let stores = matches!(target, Target::Flat { .. } | Target::Row { .. } | Target::Strided { .. });
        assert_eq!(matches!(sink, Sink::Store(_)), stores, "{sink:?} to {target:?}");
        match *target {
            Target::Strided { output, start, step } => {
                assert!(start < step, "{target:?} leaves the row of its lane");
                writes.push((output, step, start));
            }
            Target::Row { output, start } => writes.push((output, 0, start)),
            Target::Flat { output } => writes.push((output, 0, 0)),
            // Beside no other target, whatever its step.
            Target::PerColumn { output, .. } | Target::PerRow { output, .. } => writes.push((output, usize::MAX, 0)),
            Target::Total { .. } => {}
        }
    }
    writes.sort_unstable();
    for pair in writes.windows(2) {
        let apart = pair[0].0 != pair[1].0 || (pair[0].1 == pair[1].1 && pair[0].2 != pair[1].2);
        assert!(apart, "two targets share elements of output {}", pair[0].0);
    }
    for source in sources {
        if let Origin::Output(k) = source.from {
            let alone = |target: &Target| match *target {
                Target::Row { output, .. }
                | Target::Strided { output, .. }
                | Target::PerColumn { output, .. }
                | Target::PerRow { output, .. } => output != k,
                _ => true,
            };
            assert!(
                source.walk == Access::Flat && targets.iter().all(alone),
                "output {k} is read and written in other orders"
            );
        }
    }
}

/// Addresses of a run's outputs, kept for their memory alone.
struct Outputs<T>(Vec<*mut T>);

// SAFETY: the addresses are used during the run that set them alone.
unsafe impl<T: Send> Send for Outputs<T> {}
// SAFETY: as above; a shared reference gives no access to them.
unsafe impl<T: Sync> Sync for Outputs<T> {}

impl<T> Default for Outputs<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}
