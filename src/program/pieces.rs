//! Several steps of one closure, and the sum of their gradients: the pieces of a batch, computed together.
//!
//! Each piece has a recording of its own, with its program; the programs go in lockstep ([`Lockstep`]). What comes out has the bits of one
//! step after another, and of gradients added two by two, in the order of a binary tree. Where that cannot be promised,
//! because a piece records something else than the others, nothing is computed, and the caller does it.
//!
//! In compiler terms: a trace cache, as `compiled` is, whose entries are as many traces as there are pieces.

use super::compiled::{PATIENCE, Recording, Room};
use super::lockstep::Lockstep;
use super::{Compiled, Outcome, Program};
use crate::error::Result;
use crate::num::Element;
use crate::sweep::Gradients;
use crate::tape::Tape;
use crate::tensor::Tensor;
use smallvec::SmallVec;

/// Recordings that are kept: for batches of several sizes.
const KEPT: usize = 4;

/// What several steps computed together.
///
/// # Examples
/// ```
/// use retrograd::{Compiled, Tensor};
/// let mut compiled = Compiled::<f64>::new();
/// let weights = Tensor::from([0.5, -1.0]);
/// let pieces = [Tensor::from([[1.0, 2.0]]), Tensor::from([[3.0, 4.0]])];
/// let summed = compiled.sum_with(0, &pieces, |tape, rows| {
///     let w = tape.var(&weights);
///     Ok(((tape.data(rows) * w).sum(()).square(), [].into_iter().collect(), w.id()))
/// });
/// let summed = summed.expect("two steps that are alike");
/// assert_eq!(summed.steps.iter().map(|step| step.0).collect::<Vec<_>>(), [1.5 * 1.5, 2.5 * 2.5]);
/// // 2 * -1.5 [1, 2] + 2 * -2.5 [3, 4]
/// assert_eq!(summed.gradients.get(summed.steps[0].2).unwrap().to_vec(), [-18.0, -26.0]);
/// # Ok::<(), retrograd::Error>(())
/// ```
pub struct Summed<T, R> {
    /// Of each step the loss, the other values that were asked for, and what the closure returned beside.
    pub steps: Vec<(T, SmallVec<[Tensor<T>; 4]>, R)>,
    /// The sums of the steps' gradients, by the variables of the first one.
    pub gradients: Gradients<T>,
}

/// Steps that were recorded to be computed together, and those that cannot be.
pub(super) struct Sums<T: 'static> {
    kept: Vec<Pieces<T>>,
    given_up: Vec<(u64, usize)>,
}

impl<T> Default for Sums<T> {
    fn default() -> Self {
        Self { kept: Vec::new(), given_up: Vec::new() }
    }
}

/// The recordings of as many pieces.
struct Pieces<T: 'static> {
    of: (u64, usize),
    recordings: Vec<Recording<T>>,
    lockstep: Lockstep<T>,
    /// Steps in a row that did something else.
    misses: usize,
}

impl<T: Element> Compiled<T> {
    /// Computes what the closure builds of each context, and the sum of the gradients: as [`Compiled::step_with`] of each, and the
    /// gradients added two by two, 0 and 1, 2 and 3, then those two sums, and so on. The bits are the same.
    ///
    /// Nothing where that cannot be done at once: steps run eagerly, or are not alike, or their number is no power of two above 1; a step
    /// that fails, too. Then they are to be computed one after the other.
    pub fn sum_with<C, R>(
        &mut self,
        key: u64,
        contexts: &[C],
        build: impl for<'t> Fn(&'t Tape<T>, &'t C) -> Result<Outcome<'t, T, R>>,
    ) -> Option<Summed<T, R>> {
        let of = (key, contexts.len());
        if self.eager || of.1 < 2 || !of.1.is_power_of_two() || self.sums.given_up.contains(&of) {
            return None;
        }
        let (pieces, rests) = match self.sums.kept.iter().position(|pieces| pieces.of == of) {
            Some(k) => {
                let mut pieces = self.sums.kept.remove(k);
                let rests = pieces.go_along(contexts, &build);
                (pieces, rests)
            }
            None => {
                self.recorded += of.1;
                let recorded = self.record_pieces(of, contexts, &build);
                if recorded.is_none() {
                    self.sums.given_up.push(of);
                }
                let (pieces, rests) = recorded?;
                (pieces, Some(rests))
            }
        };
        self.run_pieces(pieces, rests)
    }

    fn record_pieces<C, R>(
        &self,
        of: (u64, usize),
        contexts: &[C],
        build: &impl for<'t> Fn(&'t Tape<T>, &'t C) -> Result<Outcome<'t, T, R>>,
    ) -> Option<(Pieces<T>, Vec<R>)> {
        let mut recordings = Vec::new();
        let mut rests = Vec::new();
        for context in contexts {
            let (recording, rest) = Recording::record(of.0, context, build, &self.options).ok()??;
            recordings.push(recording.ok()?);
            rests.push(rest);
        }
        Some((Pieces::new(of, recordings)?, rests))
    }

    /// Runs pieces whose leaves hold a step's values, and keeps them.
    fn run_pieces<R>(&mut self, mut pieces: Pieces<T>, rests: Option<Vec<R>>) -> Option<Summed<T, R>> {
        let computed = rests.and_then(|rests| {
            let (steps, gradients) = pieces.run(&self.home)?;
            let steps = steps.into_iter().zip(rests).map(|((loss, values), rest)| (loss, values, rest)).collect();
            Some(Summed { steps, gradients })
        });
        pieces.recordings.iter_mut().for_each(Recording::release);
        pieces.misses = if computed.is_some() { 0 } else { pieces.misses + 1 };
        let sums = &mut self.sums;
        if pieces.misses >= PATIENCE {
            sums.given_up.push(pieces.of);
        } else {
            if sums.kept.len() == KEPT {
                sums.kept.remove(0);
            }
            sums.kept.push(pieces);
        }
        computed
    }
}

/// The loss and the other values of each step, and the sum of the gradients.
type Steps<T> = (Vec<(T, SmallVec<[Tensor<T>; 4]>)>, Gradients<T>);

impl<T: Element> Pieces<T> {
    /// None where the recordings are not alike.
    #[inline(never)]
    fn new(of: (u64, usize), recordings: Vec<Recording<T>>) -> Option<Self> {
        let first = &recordings[0];
        let outputs = 1 + first.values.len()..1 + first.values.len() + first.gradients.len();
        let alike = |other: &Recording<T>| other.gradients == first.gradients && other.values == first.values;
        if !recordings.iter().all(alike) || !are_of_the_same(&recordings) {
            return None;
        }
        let programs: Vec<&Program<T>> = recordings.iter().map(|recording| &recording.program).collect();
        let lockstep = Lockstep::new(&programs, &outputs.collect::<Vec<_>>())?;
        Some(Self { of, recordings, lockstep, misses: 0 })
    }

    /// Lets the closure go along each recording; nothing where it does something else, or fails.
    fn go_along<C, R>(
        &mut self,
        contexts: &[C],
        build: &impl for<'t> Fn(&'t Tape<T>, &'t C) -> Result<Outcome<'t, T, R>>,
    ) -> Option<Vec<R>> {
        let mut all = self.recordings.iter_mut().zip(contexts);
        let rests = all.try_fold(Vec::with_capacity(contexts.len()), |mut rests, (recording, context)| {
            rests.push(recording.go_along(context, build).ok()??);
            Some(rests)
        })?;
        are_of_the_same(&self.recordings).then_some(rests)
    }

    /// Computes on what the leaves hold; nothing where a program refuses its numbers.
    #[inline(never)]
    fn run(&mut self, home: &Tape<T>) -> Option<Steps<T>> {
        let Self { recordings, lockstep, .. } = self;
        for recording in &mut *recordings {
            recording.load().ok()?;
        }
        let elsewhere = |i: usize| if i == 0 { &[][..] } else { &lockstep.added[..] };
        let mut rooms: SmallVec<[Room<T>; 8]> =
            recordings.iter().enumerate().map(|(i, recording)| recording.room(home, elsewhere(i))).collect();
        let mut outputs: SmallVec<[Vec<&mut [T]>; 8]> = SmallVec::new();
        for (i, (recording, room)) in recordings.iter_mut().zip(&mut rooms).enumerate() {
            let mut written = recording.open(room, elsewhere(i));
            recording.program.machine.set_outputs(&mut written);
            outputs.push(written);
        }
        let mut programs: SmallVec<[&mut Program<T>; 8]> =
            recordings.iter_mut().map(|recording| &mut recording.program).collect();
        // SAFETY: the leaves hold the inputs until the end, and the rooms have the outputs that are not added up.
        let mut ran = unsafe { lockstep.run(&mut programs) };
        drop(programs);
        for (recording, mut written) in recordings.iter_mut().zip(outputs) {
            ran = recording.program.finish(ran, &mut written);
            recording.close(written);
        }
        let computed = recordings.iter().zip(rooms).map(|(recording, room)| recording.read(room));
        let (steps, gradients): (Vec<_>, Vec<_>) =
            computed.map(|(loss, values, gradients)| ((loss, values), gradients)).unzip();
        let sum = added(gradients, home);
        match ran {
            Ok(()) => Some((steps, sum)),
            Err(_) => {
                home.recycle(sum);
                None
            }
        }
    }
}

/// Whether the gradients are by the same tensors in all recordings: those that lie in the same memory.
fn are_of_the_same<T: Element>(recordings: &[Recording<T>]) -> bool {
    recordings[0].gradients.iter().all(|&id| {
        let place = recordings[0].leaf_of(id);
        place.is_some() && recordings.iter().all(|recording| recording.leaf_of(id) == place)
    })
}

/// The sum, two by two; the first have what is already a sum.
fn added<T: Element>(gradients: Vec<Gradients<T>>, home: &Tape<T>) -> Gradients<T> {
    let mut all: Vec<Gradients<T>> = gradients;
    while all.len() > 1 {
        let mut twos = all.into_iter();
        let mut sums = Vec::new();
        while let (Some(mut left), right) = (twos.next(), twos.next()) {
            if let Some(right) = right {
                left.add_tensors(&right);
                home.recycle(right);
            }
            sums.push(left);
        }
        all = sums;
    }
    all.pop().expect("there are pieces")
}
