//! Tall Jacobians: a function of few numbers compiled with its tangents, a lane for each direction.
//!
//! In compiler terms: forward mode in vector form: one vector lane for each tangent.

use super::record::{Recorded, Trace};
use super::tail::Output;
use crate::error::Result;
use crate::graph::ssa::Level;
use crate::num::Element;
use crate::num::math::Mode;
use crate::num::simd::{self, Kernel};
use crate::parallel::Workers;
use crate::program::block::{Access, BlockCode, Origin, Source};
use crate::tensor::kernels::chunks::chunk;

/// A function of n shared numbers, compiled with its Jacobian: forward, along all n directions at once.
pub(super) struct Directions<T> {
    n: usize,
    code: BlockCode<T>,
    /// Lanes: n directions, the value, and what is missing of a whole chunk.
    lanes: usize,
    /// What moves in which lane: the unit matrix, [n + 1, lanes].
    directions: Vec<T>,
    /// What leaves: derivatives, then the value, [any, lanes].
    rows: Vec<T>,
    /// The m numbers that follow.
    outputs: Vec<Output<T>>,
}

impl<T: Element> Directions<T> {
    /// The derivatives of what a closure made of shared numbers.
    pub fn new(trace: &Trace<T>, level: Level) -> Result<Self> {
        let n = trace.n_shared;
        let lanes = (n + 1).next_multiple_of(chunk::<T>());
        let (Recorded { body, targets, widths, .. }, outputs) = trace.derive_directions(level, lanes)?;
        let source = |k| Source { from: Origin::Input(0), walk: Access::Strided { start: k * lanes, step: 1 } };
        let sources: Vec<Source> = (0..=n).map(source).collect();
        let mut directions = vec![T::from_f64(0.0); (n + 1) * lanes];
        directions.iter_mut().step_by(lanes + 1).for_each(|one| *one = T::from_f64(1.0));
        let rows = vec![T::from_f64(0.0); widths[0] * lanes];
        Ok(Self { n, code: BlockCode::new(&body, &sources, &targets, 1), lanes, directions, rows, outputs })
    }

    /// How many values the function has.
    pub fn n_values(&self) -> usize {
        self.outputs.len()
    }

    /// The values and the Jacobian, for each of `points` the same; there is one at least.
    pub fn run(&mut self, points: usize, x: &[T], values: &mut [T], jacobian: &mut [T], workers: &mut Workers) {
        let (n, m) = (self.n, self.outputs.len());
        self.code.run(self.lanes, &[&self.directions], x, &mut [&mut self.rows], &mut [], workers);
        let (rows, outputs) = (&self.rows, &self.outputs);
        let (first, others) = values.split_at_mut(m);
        let (block, blocks) = jacobian.split_at_mut(m * n);
        simd::dispatch(TakeApart { rows, lanes: self.lanes, outputs, n, values: first, jacobian: block });
        for k in 1..points {
            others[(k - 1) * m..][..m].copy_from_slice(first);
            blocks[(k - 1) * m * n..][..m * n].copy_from_slice(block);
        }
    }
}

/// Elements that are copied at a time.
const PIECE: usize = 8;

/// Puts derivatives side by side, and values.
struct TakeApart<'a, T> {
    rows: &'a [T],
    lanes: usize,
    outputs: &'a [Output<T>],
    n: usize,
    values: &'a mut [T],
    jacobian: &'a mut [T],
}

impl<T: Element> Kernel for TakeApart<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<M: Mode>(self) {
        let Self { rows, lanes, outputs, n, values, jacobian } = self;
        for (i, (output, value)) in outputs.iter().zip(values).enumerate() {
            let row = &rows[output.row * lanes..][..lanes];
            let signed = if output.negated { -row[n] } else { row[n] };
            *value = output.plus.map_or(signed, |plus| signed + plus);
            // Whole pieces where there is room behind the row: the next one writes over the rest.
            let wide = n.next_multiple_of(PIECE);
            let width = if i * n + wide <= jacobian.len() { wide } else { n };
            let to = &mut jacobian[i * n..][..width];
            if output.negated { copy::<T, true>(to, row) } else { copy::<T, false>(to, row) }
        }
    }
}

/// Copies as much as there is room for, negated or as it is; a zero stays the positive one.
#[inline(always)]
fn copy<T: Element, const NEGATED: bool>(to: &mut [T], from: &[T]) {
    let number = |x: T| if NEGATED { T::from_f64(0.0) - x } else { x };
    let (to, rest) = to.as_chunks_mut::<PIECE>();
    let (from, from_rest) = from.as_chunks::<PIECE>();
    for (to, from) in to.iter_mut().zip(from) {
        // As a value: read one by one and written one by one, they would not be a vector.
        let piece = *from;
        *to = std::array::from_fn(|l| number(piece[l]));
    }
    let over = from.get(to.len()).map_or(from_rest, |piece| piece);
    rest.iter_mut().zip(over).for_each(|(to, &x)| *to = number(x));
}
