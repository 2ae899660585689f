//! The gradients of a batch: those of this rank's pieces, added up in the order of the tree, and then of all ranks.
//!
//! It updates nothing: what it finds is [`TrainingRun::batch`]'s to apply.

use super::TrainingRun;
use crate::data::{Batch, Batches};
use crate::nn::{Draw, ParamGrads, Step};
use crate::train::history::Stop;
use crate::train::pieces::{self, Contribution, Piece};
use crate::train::together::{self, Wish};
use crate::train::trainer::Execution;
use crate::world::Tree;
use crate::{Compiled, Element, Error, Result, Tensor};
use smallvec::SmallVec;

/// So many pieces are computed at once, each with memory of its own: a power of two.
const AT_ONCE: usize = 16;

impl<T: Element> TrainingRun<'_, T> {
    /// What this rank's pieces of the next batch contribute; nothing where they have no rows that count.
    pub(super) fn contribution(&mut self, batches: &mut Batches<'_, T>) -> Result<Option<Contribution<T>>> {
        let pieces = pieces::cut(batches, self.data, &*self.loss, self.trainer.piece_count());
        let own = &pieces[self.own.clone()];
        if own.len() > 1 {
            // Whole subtrees of the sum.
            let sums: Option<Vec<_>> = own.chunks(AT_ONCE).map(|pieces| self.at_once(batches, pieces)).collect();
            if let Some(sums) = sums {
                let mut tree = Tree::new();
                for sum in sums {
                    tree.push(Some(sum), |left, right| added(left, right, &self.compiled));
                }
                return Ok(tree.finish(|left, right| added(left, right, &self.compiled)));
            }
        }
        let (loss, penalties, total) = (&*self.loss, &self.trainer.penalties, self.data.len());
        let mut tree = Tree::new();
        for piece in own {
            if piece.factor == 0.0 {
                tree.push(None, |left, right| added(left, right, &self.compiled));
                continue;
            }
            let row = piece.rows.start as u64;
            let draw = Draw { seed: self.trainer.seed, epoch: self.state.epoch, batch: self.state.batch, row };
            let batch = batches.next_piece(piece.rows.clone()).map_err(|error| error.within(&self.place()))?;
            // The first piece's closure records other things where there are penalties.
            let key = 2 * batch.len() as u64 + u64::from(piece.is_first);
            let step = self.model.differentiate(&mut self.compiled, key, draw, |model, pass| {
                let output = model.forward(pass.tape().data(&batch.inputs), pass);
                let mut cost = loss.value(output, &batch.targets, batch.weights.as_ref())?;
                if piece.factor != 1.0 {
                    cost *= pass.tape().data(T::from_f64(piece.factor));
                }
                let terms =
                    penalties.iter().filter(|_| piece.is_first).filter_map(|penalty| penalty.value(pass, total));
                Ok(terms.fold(cost, |cost, term| cost + term))
            });
            let (step, passed) = step.map_err(|error| error.within(&self.place()))?;
            let own = Contribution::new(step, &passed, piece.share);
            tree.push(Some(own), |left, right| added(left, right, &self.compiled));
        }
        Ok(tree.finish(|left, right| added(left, right, &self.compiled)))
    }

    /// The same, of pieces that are alike, computed at once. Nothing where they are not, or one fails: by themselves they do so with the
    /// error that they have.
    fn at_once(&mut self, batches: &mut Batches<'_, T>, own: &[Piece]) -> Option<Contribution<T>> {
        let len = own.first()?.rows.len();
        let is_like =
            |piece: &Piece| piece.rows.len() == len && piece.factor != 0.0 && !(piece.is_first && self.has_penalties());
        if self.trainer.execution == Execution::Eager || !own.iter().all(is_like) {
            return None;
        }
        let mut rows = std::mem::take(&mut self.rows);
        rows.resize_with(own.len(), || None);
        let read =
            rows.iter_mut().zip(own).try_for_each(|(rows, piece)| batches.next_piece_into(piece.rows.clone(), rows));
        let (seed, epoch, batch) = (self.trainer.seed, self.state.epoch, self.state.batch);
        let draw = |piece: &Piece| Draw { seed, epoch, batch, row: piece.rows.start as u64 };
        let each: SmallVec<[(Draw, (&Batch<T>, f64)); 8]> =
            own.iter().zip(rows.iter().flatten()).map(|(piece, rows)| (draw(piece), (rows, piece.factor))).collect();
        let loss = &*self.loss;
        let computed = read.is_ok().then(|| {
            self.model.differentiate_pieces(&mut self.compiled, len as u64, &each, |model, pass, (batch, factor)| {
                let output = model.forward(pass.tape().data(&batch.inputs), pass);
                let cost = loss.value(output, &batch.targets, batch.weights.as_ref())?;
                Ok(if *factor == 1.0 { cost } else { cost * pass.tape().data(T::from_f64(*factor)) })
            })
        });
        drop(each);
        self.rows = rows;
        let (steps, grads) = computed??;
        let mut tree = Tree::new();
        for (piece, (loss, passed)) in own.iter().zip(&steps) {
            let step = Step { loss: *loss, grads: ParamGrads::new() };
            let add = |left: Contribution<T>, right| left.add(right, drop);
            tree.push(Some(Contribution::new(step, passed, piece.share)), add);
        }
        Some(Contribution { grads, ..tree.finish(|left, right| left.add(right, drop))? })
    }

    fn has_penalties(&self) -> bool {
        !self.trainer.penalties.is_empty()
    }

    /// The contributions of all ranks; nothing where they end before this batch.
    pub(super) fn summed(&mut self, own: Result<Option<Contribution<T>>>) -> Result<Option<Contribution<T>>> {
        let world = &*self.trainer.world;
        if world.size() == 1 {
            return own;
        }
        if self.trainer.stop_flag.is_raised() {
            self.asked = Some(Stop::Interrupted);
        }
        let (tape, wish) = (self.compiled.tape(), Wish::of(self.asked.as_ref()));
        let take = |like: &Tensor<T>| tape.tensor(like.shape(), |_| {});
        let may_end = self.gathered.batches == 0;
        let summed = together::sum(world, self.model.params(), own, (wish, may_end), take);
        let (all, wish) = match summed {
            Ok(summed) => summed,
            // The state is that after the batch before, from which a run can go on without a rank that has left.
            Err(error) => {
                let saved = if self.gathered.batches == 0 { self.write() } else { Ok(()) };
                return Err(match saved {
                    Ok(()) => error,
                    Err(also) => Error::io(format!("{error}; and the run could not be saved: {also}")),
                });
            }
        };
        self.agreed = wish.stop();
        if self.gathered.batches == 0 && self.agreed.is_some() {
            return Ok(None);
        }
        Ok(all)
    }

    /// The wish to stop that some rank has at the end of an epoch.
    pub(super) fn settle(&mut self) -> Result<Option<Stop>> {
        let world = &*self.trainer.world;
        if world.size() == 1 {
            return Ok(None);
        }
        if self.trainer.stop_flag.is_raised() {
            self.asked = Some(Stop::Interrupted);
        }
        let wish = together::settle(world, Wish::of(self.asked.as_ref()))?;
        Ok(wish.stop())
    }
}

/// The sum; memory that is left goes to the next step.
fn added<T: Element>(left: Contribution<T>, right: Contribution<T>, compiled: &Compiled<T>) -> Contribution<T> {
    left.add(right, |grads| grads.recycle(compiled.tape()))
}
