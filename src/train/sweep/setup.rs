//! What a step of a sweep is made of: for each leaf of the recorded step, where its values come from.
//!
//! Parameters and penalties' factors are a model's own. What is made of the data is, where nothing is random and the loss works row by
//! row, a table with a row for each example, made once, from which every model's batches are gathered: that its batches are such rows
//! is checked on shuffled ones. Otherwise the step is replayed for each seed and batch, which takes longer.

use super::table::with_weights;
use super::{Sweep, SweepRow};
use crate::data::{Batch, Dataset, Targets, shuffled};
use crate::nn::{Draw, Head, Loss, Model, ParamKey, Pass, Penalty};
use crate::program::{Options, Outcome, RecordedStep};
use crate::train::measure::{Judged, predictions};
use crate::train::{checks, run, setup};
use crate::{Element, Error, Id, Result, Tape, Tensor};
use serde_json::Value as Json;
use std::cell::RefCell;
use std::sync::Arc;

/// What all stacks of a sweep share.
pub(super) struct Setup<'a, T: 'static> {
    pub data: &'a Dataset<T>,
    /// The data as steps see them: with rows of 0 and 1 for labels, where the loss would read those as numbers of columns.
    pub seen: Dataset<T>,
    pub model: Model<T>,
    /// Its layers, which those of other seeds are compared with.
    network: Json,
    pub loss: Arc<dyn Loss<T>>,
    pub head: Head,
    pub penalty: Option<Penalty>,
    /// Whether the models of a stack see other examples, or random numbers, by their seeds.
    pub by_seed: bool,
    /// The steps by their number of examples.
    pub steps: Vec<(usize, StepOfOne<T>)>,
}

/// A step of one model, with what its leaves are.
pub(super) struct StepOfOne<T: 'static> {
    pub recorded: RefCell<RecordedStep<T>>,
    pub sources: Vec<Source<T>>,
    /// The statistics that are observed, then the parameters that get gradients: the outputs after the loss.
    pub statistics: Vec<ParamKey>,
    pub gradients: Vec<ParamKey>,
}

/// Where the values of a leaf come from.
pub(super) enum Source<T> {
    Param(ParamKey),
    /// The factor of the penalty.
    Factor,
    /// A row for each example, of so many numbers.
    Rows {
        table: Vec<T>,
        width: usize,
    },
    /// The same in every step.
    Fixed,
    /// What the closure makes of each batch.
    Replayed,
}

/// What a step is built of.
pub(super) struct Build<'a, T> {
    pub model: &'a Model<T>,
    pub loss: &'a dyn Loss<T>,
    pub penalty: Option<&'a Penalty>,
    pub batch: &'a Batch<T>,
    pub draw: Draw,
    pub total: usize,
}

/// What a step's nodes are.
struct Built {
    params: Vec<(ParamKey, Id)>,
    factor: Option<Id>,
    statistics: Vec<ParamKey>,
    drawn: bool,
}

/// The step as [`Trainer::fit`](crate::train::Trainer::fit) has it, with the penalty's factor as data.
fn build<'t, T: Element>(tape: &'t Tape<T>, of: &'t Build<'_, T>) -> Result<Outcome<'t, T, Built>> {
    let pass = Pass::train(tape, of.model.params(), of.draw).forgiving();
    let output = of.model.forward(tape.data(&of.batch.inputs), &pass);
    let mut cost = of.loss.value(output, &of.batch.targets, of.batch.weights.as_ref());
    let mut factor = None;
    if let (Some(penalty), Ok(cost)) = (of.penalty, &mut cost)
        && let Some(term) = penalty.value(&pass, of.total)
    {
        let times = tape.data(T::from_f64(1.0));
        factor = Some(times.id());
        *cost += term * times;
    }
    // A layer's complaint comes first: what followed was computed from zeros in place of its output.
    let cost = pass.check().and(cost)?;
    let (params, drawn) = (pass.leaves(), pass.has_drawn());
    let (passed, observed) = pass.finish_unread();
    let statistics = passed.statistics().to_vec();
    Ok((cost, observed, Built { params, factor, statistics, drawn }))
}

impl<T: Element> StepOfOne<T> {
    /// The leaves that come from the data, as the closure makes them of a batch, by number.
    pub fn replayed(&self, of: &Build<'_, T>) -> Result<Vec<(usize, Tensor<T>)>> {
        let mut recorded = self.recorded.borrow_mut();
        recorded.replay(of, build)?;
        let replayed = (0..self.sources.len()).filter(|&k| matches!(self.sources[k], Source::Replayed));
        Ok(replayed.map(|k| (k, recorded.leaf(k))).collect())
    }
}

impl<'a, T: Element> Setup<'a, T> {
    pub fn new(sweep: &Sweep<T>, data: &'a Dataset<T>, model: Model<T>) -> Result<Self> {
        let loss = sweep.loss_for(&model, data);
        for &rate in &sweep.learning_rates {
            sweep.optimizer(rate).validate(model.params())?;
        }
        let trainer = sweep.trainer(sweep.learning_rates[0]);
        trainer.check(&model, data)?;
        run::check(&trainer, &*loss, &model, data)?;
        let penalty = sweep.penalties.as_ref().map(|(penalty, _)| penalty.clone());
        penalty.iter().try_for_each(|penalty| penalty.validate(model.params()))?;
        let head = checks::head(&model, data, &*loss);
        let (seen, several) = (data.clone(), sweep.seeds.len() > 1);
        let by_seed = several && trainer.shuffle;
        let network = setup::network(model.network());
        let mut setup = Self { data, seen, model, network, loss, head, penalty, by_seed, steps: Vec::new() };
        let size = trainer.batch.min(data.len());
        let mut sizes = vec![size];
        sizes.extend(Some(data.len() % size).filter(|&rest| rest > 0 && !trainer.drop_last));
        for size in sizes {
            let step = setup.step(size)?;
            setup.by_seed |= several && step.sources.iter().any(|source| matches!(source, Source::Replayed));
            setup.steps.push((size, step));
        }
        Ok(setup)
    }

    /// The step of so many examples.
    fn step(&mut self, size: usize) -> Result<StepOfOne<T>> {
        let (mut recorded, mut built) = self.record(size)?;
        if recorded.has_indices() {
            self.seen = self.one_hot()?;
            (recorded, built) = self.record(size)?;
        }
        if recorded.has_indices() {
            return Err(Error::argument(
                "sweep: the model gathers by numbers of rows that it takes from the data, and those of many models cannot be told apart",
            ));
        }
        // What cannot be computed for many models is named before anything else is found wrong with it.
        let all: Vec<usize> = (0..recorded.leaves().len()).collect();
        recorded.compile(&Options::new().stack(1, &all))?;
        let position = |id: &Id| recorded.leaves().iter().position(|leaf| leaf == id);
        let mut sources: Vec<Source<T>> = recorded.leaves().iter().map(|_| Source::Replayed).collect();
        for (key, id) in &built.params {
            // A parameter that nothing reads leaves no node.
            if let Some(k) = position(id) {
                sources[k] = Source::Param(*key);
            }
        }
        if let Some(k) = built.factor.as_ref().and_then(position) {
            sources[k] = Source::Factor;
        }
        let param = |id: &Id| built.params.iter().find(|(_, of)| of == id).map(|(key, _)| *key);
        let gradients = recorded.gradients().iter().filter_map(param).collect();
        if self.loss.is_by_row() && self.data.weights().is_none() && !built.drawn {
            self.tabulate(size, &mut recorded, &mut sources)?;
        }
        Ok(StepOfOne { recorded: RefCell::new(recorded), sources, statistics: built.statistics, gradients })
    }

    fn record(&self, size: usize) -> Result<(RecordedStep<T>, Built)> {
        let rows: Vec<usize> = (0..size).collect();
        let batch = self.rows(&rows)?;
        RecordedStep::record(&self.build_of(&batch, Draw::default()), build)
    }

    /// What a batch's step is built of.
    pub fn build_of<'s>(&'s self, batch: &'s Batch<T>, draw: Draw) -> Build<'s, T> {
        let (model, loss, penalty) = (&self.model, &*self.loss, self.penalty.as_ref());
        Build { model, loss, penalty, batch, draw, total: self.data.len() }
    }

    fn rows(&self, rows: &[usize]) -> Result<Batch<T>> {
        Ok(self.seen.select(rows)?.as_batch())
    }

    /// The data with a row of 0 and 1 for each label.
    fn one_hot(&self) -> Result<Dataset<T>> {
        let Some(labels) = self.seen.labels().filter(|_| self.loss.is_by_row()) else {
            return Err(Error::argument(format!(
                "sweep: the loss {} takes labels as numbers of columns, by weights of its own or in a way of its own; use a loss without \
                 class weights",
                self.loss.name()
            )));
        };
        let rows = Tensor::one_hot(labels, self.model.output_shape().numel());
        let seen = Dataset::new(self.seen.inputs().clone(), Targets::Values(rows))?;
        match self.seen.weights() {
            Some(weights) => seen.with_weights(weights.clone()),
            None => Ok(seen),
        }
    }

    /// Makes tables of the leaves that are rows, one for each example; leaves all as they are where some are not.
    fn tabulate(&self, size: usize, recorded: &mut RecordedStep<T>, sources: &mut [Source<T>]) -> Result<()> {
        let n = self.seen.len();
        let open: Vec<usize> = (0..sources.len()).filter(|&k| matches!(sources[k], Source::Replayed)).collect();
        let first: Vec<Tensor<T>> = open.iter().map(|&k| recorded.leaf(k)).collect();
        let is_rows = |leaf: &Tensor<T>| leaf.shape().first() == Some(&size);
        let mut tables: Vec<Vec<T>> = first
            .iter()
            .map(|leaf| vec![T::from_f64(0.0); if is_rows(leaf) { leaf.as_slice().len() / size * n } else { 0 }])
            .collect();
        let mut fixed = vec![true; open.len()];
        let batches = n.div_ceil(size);
        // All rows, in batches of this size: the last one begins again. Then some in other orders, to see that rows are rows.
        let tiles = (0..batches).map(|b| (0..size).map(|i| (b * size + i) % n).collect::<Vec<_>>());
        let others = (0..4).map(|k| shuffled(n, k, 0)[..size].to_vec());
        let mut by_row = vec![true; open.len()];
        for (turn, rows) in tiles.chain(others).enumerate() {
            let batch = self.rows(&rows)?;
            recorded.replay(&self.build_of(&batch, Draw::default()), build)?;
            for (i, &k) in open.iter().enumerate() {
                let leaf = recorded.leaf(k);
                fixed[i] &= same(leaf.as_slice(), first[i].as_slice());
                let width = leaf.as_slice().len() / size;
                for (row, from) in
                    rows.iter().zip(leaf.as_slice().chunks_exact(width.max(1))).filter(|_| is_rows(&leaf))
                {
                    let to = &mut tables[i][row * width..(row + 1) * width];
                    if turn < batches {
                        to.copy_from_slice(from);
                    }
                    by_row[i] &= same(to, from);
                }
            }
        }
        let sound = (0..open.len()).all(|i| fixed[i] || is_rows(&first[i]) && by_row[i]);
        for (i, k) in open.into_iter().enumerate().filter(|_| sound) {
            let width = first[i].as_slice().len() / size;
            sources[k] =
                if fixed[i] { Source::Fixed } else { Source::Rows { table: std::mem::take(&mut tables[i]), width } };
        }
        Ok(())
    }

    /// Measures a trained model.
    pub fn judge(&self, sweep: &Sweep<T>, row: &mut SweepRow<T>) -> Result<()> {
        let trainer = &sweep.shared;
        if trainer.validation.is_none() && trainer.metrics.is_empty() {
            return Ok(());
        }
        let model = with_weights((sweep.recipe)(row.seed)?, &row.weights)?;
        let data = trainer.validation.as_ref().unwrap_or(self.data);
        let outputs = predictions(&model, data)?;
        row.valid_loss = trainer.validation.as_ref().map(|_| run::loss_of(&*self.loss, &outputs, data)).transpose()?;
        let judged = Judged::new(outputs, data, self.head)?;
        row.metrics = trainer.metrics.iter().map(|metric| judged.measure_or_nan(metric).0).collect();
        Ok(())
    }

    /// The model of a seed, if it differs from the others in its weights alone.
    pub fn model_of(&self, sweep: &Sweep<T>, seed: u64) -> Result<Model<T>> {
        let model = (sweep.recipe)(seed)?;
        let [ours, first] = [&model, &self.model];
        let wrong = |what: String| {
            Err(Error::argument(format!("sweep: the model of seed {seed} {what}; a sweep is over models of one shape")))
        };
        if ours.input_shape() != first.input_shape() {
            let (found, shape) = (ours.input_shape(), first.input_shape());
            return wrong(format!("takes examples of shape {found}, that of another seed {shape}"));
        }
        let each = || ours.params().iter().map(|(_, param)| param).zip(first.params().iter().map(|(_, param)| param));
        if let Some((a, b)) = each().find(|(a, b)| a.name() != b.name() || a.value().shape() != b.value().shape()) {
            let (found, shape) = (a.value().shape(), b.value().shape());
            return wrong(format!(
                "has {} of shape {found}, that of another seed {} of shape {shape}",
                a.name(),
                b.name()
            ));
        }
        if let Some((a, _)) = each().find(|(a, b)| a.is_frozen() != b.is_frozen() || a.rate() != b.rate()) {
            return wrong(format!("has {} frozen or at a rate of its own, unlike that of another seed", a.name()));
        }
        if ours.params().len() != first.params().len() || setup::network(ours.network()) != self.network {
            return wrong("has other layers than that of another seed".to_owned());
        }
        Ok(model)
    }
}

/// Whether these are the same numbers, NaN beside NaN included.
fn same<T: Element>(a: &[T], b: &[T]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_f64().to_bits() == b.to_f64().to_bits())
}
