//! A stack of models at work: their steps as one program, their updates by an optimiser for each learning rate.
//!
//! **Invariant.** A model's numbers do not depend on the others of its stack: rows of products, sums and updates are each by itself.

use super::setup::{Setup, Source, StepOfOne};
use super::table::SweepRow;
use super::{Combination, Sweep};
use crate::data::{Order, shuffled};
use crate::nn::{Draw, Model, ParamGrads, ParamKey, Params};
use crate::optim::Optimizer;
use crate::program::Options;
use crate::{Element, Program, Result, Shape, Tensor};
use std::ops::Range;

/// The programs of stacks of so many models, for steps of so many examples.
pub(super) type Programs<T> = Vec<(usize, usize, Program<T>)>;

/// A stack of models in training.
pub(super) struct StackRun<'a, T: 'static> {
    sweep: &'a Sweep<T>,
    setup: &'a Setup<'a, T>,
    models: &'a [Combination],
    programs: &'a mut Programs<T>,
    /// The parameters in stacks, by those of one model.
    params: Params<T>,
    keys: Vec<(ParamKey, ParamKey)>,
    factors: Tensor<T>,
    optimizers: Vec<(Optimizer<T>, Range<usize>)>,
    /// The models of each seed.
    seeds: Vec<(u64, Vec<usize>)>,
    orders: Vec<Vec<usize>>,
    /// What the losses of an epoch add up to, and the epoch in which they ended.
    sums: Vec<f64>,
    losses: Vec<f64>,
    diverged: Vec<Option<u64>>,
    /// The leaves and gradients of each step, in the order of the setup's.
    buffers: Vec<Buffers<T>>,
}

/// What a step's program reads and writes.
struct Buffers<T> {
    leaves: Vec<Tensor<T>>,
    statistics: Vec<Tensor<T>>,
    grads: ParamGrads<T>,
}

impl<'a, T: Element> StackRun<'a, T> {
    pub fn new(
        sweep: &'a Sweep<T>,
        setup: &'a Setup<'a, T>,
        models: &'a [Combination],
        programs: &'a mut Programs<T>,
    ) -> Result<Self> {
        let mut seeds: Vec<(u64, Vec<usize>)> = Vec::new();
        for (k, model) in models.iter().enumerate() {
            match seeds.iter_mut().find(|(seed, _)| *seed == model.seed) {
                Some((_, members)) => members.push(k),
                None => seeds.push((model.seed, vec![k])),
            }
        }
        let (params, keys) = stacked_params(sweep, setup, &seeds, models.len())?;
        let factors = models.iter().map(|model| T::from_f64(model.factor.unwrap_or(0.0))).collect();
        let count = models.len();
        let mut run = Self {
            sweep,
            setup,
            models,
            programs,
            params,
            keys,
            factors: Tensor::new([count], factors)?,
            optimizers: optimizers(sweep, models),
            orders: vec![Vec::new(); seeds.len()],
            seeds,
            sums: vec![0.0; count],
            losses: vec![f64::NAN; count],
            diverged: vec![None; count],
            buffers: Vec::new(),
        };
        for (size, step) in &setup.steps {
            run.compile(*size, step)?;
            let buffers = run.room(step);
            run.buffers.push(buffers);
        }
        Ok(run)
    }

    /// Compiles the step for this many models, unless that was done.
    fn compile(&mut self, size: usize, step: &StepOfOne<T>) -> Result<()> {
        let count = self.models.len();
        if self.programs.iter().any(|(models, rows, _)| (*models, *rows) == (count, size)) {
            return Ok(());
        }
        let by_seed = self.setup.by_seed;
        let is_stack = |source: &Source<T>| match source {
            Source::Param(_) | Source::Factor => true,
            Source::Rows { .. } | Source::Replayed => by_seed,
            Source::Fixed => false,
        };
        let stacks: Vec<usize> = (0..step.sources.len()).filter(|&k| is_stack(&step.sources[k])).collect();
        let outputs: Vec<usize> = (1..1 + step.statistics.len() + step.gradients.len()).collect();
        let program = step.recorded.borrow().compile(&Options::new().stack(count, &stacks).write_out(&outputs))?;
        self.programs.push((count, size, program));
        Ok(())
    }

    /// Memory for the leaves and outputs of a step.
    fn room(&self, step: &StepOfOne<T>) -> Buffers<T> {
        let count = self.models.len();
        let leaf = |(k, source): (usize, &Source<T>)| match source {
            Source::Param(_) | Source::Factor => Tensor::zeros([0]),
            Source::Fixed => step.recorded.borrow().leaf(k),
            Source::Rows { .. } | Source::Replayed => {
                let one = step.recorded.borrow().leaf(k);
                if self.setup.by_seed {
                    Tensor::zeros(stack_of(count, one.shape()))
                } else {
                    Tensor::zeros(one.shape())
                }
            }
        };
        let leaves = step.sources.iter().enumerate().map(leaf).collect();
        let like = |key: &ParamKey| Tensor::zeros(self.params[self.key(*key)].shape());
        let mut grads = ParamGrads::new();
        for key in &step.gradients {
            grads.insert(self.key(*key), like(key));
        }
        Buffers { leaves, statistics: step.statistics.iter().map(like).collect(), grads }
    }

    /// The stack of a model's parameter.
    fn key(&self, of_one: ParamKey) -> ParamKey {
        self.keys.iter().find(|(one, _)| *one == of_one).expect("a parameter of the model").1
    }

    /// Trains to the end.
    pub fn finish(mut self) -> Result<Vec<SweepRow<T>>> {
        let trainer = &self.sweep.shared;
        for epoch in 0..trainer.epochs {
            self.epoch(epoch)?;
        }
        (0..self.models.len()).map(|k| self.row(k)).collect()
    }

    fn epoch(&mut self, epoch: u64) -> Result<()> {
        let (trainer, setup) = (&self.sweep.shared, self.setup);
        let n = setup.seen.len();
        for (order, (seed, _)) in self.orders.iter_mut().zip(&self.seeds) {
            if trainer.shuffle {
                *order = shuffled(n, *seed, epoch);
            } else if order.is_empty() {
                *order = (0..n).collect();
            }
        }
        let size = trainer.batch.min(n);
        let all = if trainer.drop_last { n / size } else { n.div_ceil(size) };
        self.sums.fill(0.0);
        let mut examples = 0;
        for batch in 0..all {
            let rows = batch * size..n.min((batch + 1) * size);
            examples += rows.len();
            self.step(epoch, batch as u64, rows)?;
        }
        for k in 0..self.models.len() {
            self.losses[k] = self.sums[k] / examples as f64;
            // The last update of an epoch is followed by no loss that would show it.
            let broken = !self.losses[k].is_finite() || !self.is_finite(k);
            if broken {
                self.diverged[k].get_or_insert(epoch + 1);
            }
        }
        Ok(())
    }

    fn is_finite(&self, k: usize) -> bool {
        let count = self.models.len();
        self.params.iter().filter(|(_, param)| param.is_trainable()).all(|(_, param)| {
            let all = param.value().as_slice();
            let each = all.len() / count;
            all[k * each..(k + 1) * each].iter().all(|x| x.to_f64().is_finite())
        })
    }

    fn step(&mut self, epoch: u64, batch: u64, rows: Range<usize>) -> Result<()> {
        let (size, count) = (rows.len(), self.models.len());
        let at = self.setup.steps.iter().position(|(of, _)| *of == size).expect("a step for each size");
        self.fill(at, epoch, batch, rows)?;
        let step = &self.setup.steps[at].1;
        let Buffers { leaves, statistics, grads } = &mut self.buffers[at];
        let params = &self.params;
        let key = |of: &ParamKey| self.keys.iter().find(|(one, _)| one == of).expect("a parameter of the model").1;
        let input = |(source, leaf): (&Source<T>, &'_ Tensor<T>)| match source {
            Source::Param(of) => params[key(of)].clone(),
            Source::Factor => self.factors.clone(),
            _ => leaf.clone(),
        };
        let inputs: Vec<Tensor<T>> = step.sources.iter().zip(leaves.iter()).map(input).collect();
        let mut taken: Vec<(ParamKey, &mut Tensor<T>)> = grads.iter_mut().collect();
        let mut outputs: Vec<&mut Tensor<T>> = statistics.iter_mut().collect();
        for of in &step.gradients {
            let of = key(of);
            let at = taken.iter().position(|(key, _)| *key == of).expect("room for each gradient");
            outputs.push(taken.swap_remove(at).1);
        }
        let program = self.programs.iter_mut().find(|(models, rows, _)| (*models, *rows) == (count, size));
        let program = &mut program.expect("compiled before").2;
        program.run_into(&inputs.iter().collect::<Vec<_>>(), &mut outputs)?;
        for (sum, loss) in self.sums.iter_mut().zip(program.output(0)) {
            *sum += loss.to_f64() * size as f64;
        }
        drop(inputs);
        for (of, value) in step.statistics.iter().zip(statistics) {
            let of = self.keys.iter().find(|(one, _)| one == of).expect("a parameter of the model").1;
            self.params.values_mut(of).copy_from_slice(value.as_slice());
        }
        for (optimizer, models) in &mut self.optimizers {
            optimizer.step_rows(&mut self.params, grads, models.clone());
        }
        Ok(())
    }

    /// Writes the batch into the leaves that come from the data.
    fn fill(&mut self, at: usize, epoch: u64, batch: u64, rows: Range<usize>) -> Result<()> {
        let setup = self.setup;
        let step = &setup.steps[at].1;
        for (source, leaf) in step.sources.iter().zip(&mut self.buffers[at].leaves) {
            let Source::Rows { table, width } = source else { continue };
            let leaf = leaf.as_mut_slice();
            let size = rows.len() * width;
            if !setup.by_seed {
                gather(table, *width, &self.orders[0][rows.clone()], leaf);
                continue;
            }
            for ((_, models), order) in self.seeds.iter().zip(&self.orders) {
                let first = models[0] * size;
                gather(table, *width, &order[rows.clone()], &mut leaf[first..first + size]);
                for model in &models[1..] {
                    leaf.copy_within(first..first + size, model * size);
                }
            }
        }
        if step.sources.iter().any(|source| matches!(source, Source::Replayed)) {
            self.replay(at, epoch, batch)?;
        }
        Ok(())
    }

    /// Takes what the closure makes of each seed's batch.
    fn replay(&mut self, at: usize, epoch: u64, batch: u64) -> Result<()> {
        let setup = self.setup;
        let step = &setup.steps[at].1;
        let trainer = &self.sweep.shared;
        let seeds = if setup.by_seed { self.seeds.len() } else { 1 };
        for (seed, models) in &self.seeds[..seeds] {
            let order = if trainer.shuffle { Order::shuffled(*seed, epoch) } else { Order::Sequential };
            let mut batches = setup.seen.batches(trainer.batch, order)?;
            batches.seek(batch as usize);
            let Some(rows) = batches.next_batch() else { continue };
            let draw = Draw { seed: *seed, epoch, batch, row: 0 };
            let values = step.replayed(&setup.build_of(rows, draw))?;
            for (k, value) in values {
                let leaf = self.buffers[at].leaves[k].as_mut_slice();
                let value = value.as_slice();
                let places = if setup.by_seed { models.as_slice() } else { &[0] };
                for model in places {
                    leaf[model * value.len()..(model + 1) * value.len()].copy_from_slice(value);
                }
            }
        }
        Ok(())
    }

    /// The row of a model.
    fn row(&self, k: usize) -> Result<SweepRow<T>> {
        let Combination { number, seed, learning_rate, factor } = self.models[k];
        let weights = self.weights(k)?;
        let (trainer, diverged) = (&self.sweep.shared, self.diverged[k]);
        let mut row = SweepRow {
            number,
            seed,
            learning_rate,
            penalty: factor,
            loss: if diverged.is_some() { f64::NAN } else { self.losses[k] },
            valid_loss: trainer.validation.as_ref().map(|_| f64::NAN),
            metrics: vec![f64::NAN; trainer.metrics.len()],
            diverged,
            weights,
        };
        if diverged.is_none() {
            self.setup.judge(self.sweep, &mut row)?;
        }
        Ok(row)
    }

    fn weights(&self, k: usize) -> Result<Vec<Tensor<T>>> {
        let part = |&(_, key): &(ParamKey, ParamKey)| {
            let all = &self.params[key];
            let each = all.as_slice().len() / self.models.len();
            Tensor::new(Shape::from(&all.shape()[1..]), all.as_slice()[k * each..(k + 1) * each].to_vec())
        };
        self.keys.iter().map(part).collect()
    }
}

/// The parameters of the models in stacks, with the keys of those of one model beside.
fn stacked_params<T: Element>(
    sweep: &Sweep<T>,
    setup: &Setup<'_, T>,
    seeds: &[(u64, Vec<usize>)],
    count: usize,
) -> Result<(Params<T>, Vec<(ParamKey, ParamKey)>)> {
    let mut params = Params::new();
    let mut keys = Vec::new();
    for (key, one) in setup.model.params().iter() {
        let stack = params.add(one.name(), one.role(), Tensor::zeros(stack_of(count, one.value().shape())))?;
        keys.push((key, stack));
        if one.rate() != 1.0 {
            params.set_rate(one.name(), one.rate())?;
        }
        if one.is_frozen() {
            params.freeze(one.name())?;
        }
    }
    for (seed, members) in seeds {
        let model: Model<T> = setup.model_of(sweep, *seed)?;
        for ((_, one), (_, stack)) in model.params().iter().zip(&keys) {
            let (one, stack) = (one.value().as_slice(), params.values_mut(*stack));
            for k in members {
                stack[k * one.len()..(k + 1) * one.len()].copy_from_slice(one);
            }
        }
    }
    Ok((params, keys))
}

/// An optimiser for the models of each rate, which stand one after another; for each model, where the rule looks at whole parameters.
fn optimizers<T: Element>(sweep: &Sweep<T>, models: &[Combination]) -> Vec<(Optimizer<T>, Range<usize>)> {
    let mut all: Vec<(Optimizer<T>, Range<usize>)> = Vec::new();
    for (k, model) in models.iter().enumerate() {
        match all.last_mut() {
            Some((optimizer, members))
                if optimizer.rule().is_elementwise()
                    && models[members.start].learning_rate.to_bits() == model.learning_rate.to_bits() =>
            {
                members.end = k + 1;
            }
            _ => all.push((sweep.optimizer(model.learning_rate), k..k + 1)),
        }
    }
    all
}

fn stack_of(count: usize, one: &[usize]) -> Shape {
    std::iter::once(count).chain(one.iter().copied()).collect()
}

/// Writes rows of a table one after another.
fn gather<T: Element>(table: &[T], width: usize, rows: &[usize], to: &mut [T]) {
    /// Rows of so many numbers, of which the compiler makes moves.
    fn of<T: Element, const N: usize>(table: &[T], rows: &[usize], to: &mut [T]) {
        let (table, _) = table.as_chunks::<N>();
        for (to, &row) in to.as_chunks_mut::<N>().0.iter_mut().zip(rows) {
            *to = table[row];
        }
    }
    match width {
        0 => {}
        1 => of::<T, 1>(table, rows, to),
        2 => of::<T, 2>(table, rows, to),
        3 => of::<T, 3>(table, rows, to),
        4 => of::<T, 4>(table, rows, to),
        _ => {
            for (to, row) in to.chunks_exact_mut(width).zip(rows) {
                to.copy_from_slice(&table[row * width..(row + 1) * width]);
            }
        }
    }
}
