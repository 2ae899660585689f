//! One training run: its state, and the loop over epochs and batches. `run/step.rs` has a batch's gradients, of its pieces and of all ranks.

mod step;

use super::callback::{BatchEvent, Callback, EpochEvent, Flow, RunInfo};
use super::checkpoint::{self, Loaded};
use super::checks;
use super::events;
use super::history::{EpochRecord, History, Stop};
use super::measure::{Judged, Metric};
use super::setup;
use super::together;
use super::trainer::{Execution, Trainer};
use crate::data::{Batch, Batches, Dataset, Order, Preprocessing, TargetKind, Targets};
use crate::nn::{Loss, Model, Param, ParamGrads, ParamKey, Params, loss};
use crate::optim::Progress;
use crate::program::Options;
use crate::store::{self, Lock};
use crate::world::{self, share};
use crate::{Compiled, Element, Error, Result, Tape, Tensor, Var};
use serde_json::Value as Json;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Where a run is; with parameters and the optimiser's state, all that resuming needs.
#[derive(Clone)]
pub(crate) struct RunState<T> {
    /// Epochs done.
    pub epoch: u64,
    /// Batches done in the current one.
    pub batch: u64,
    /// Updates done.
    pub step: u64,
    /// The current epoch's losses, each times its examples.
    pub loss_sum: f64,
    /// The current epoch's examples so far.
    pub examples: u64,
    /// The norm of the last update's gradient, where it was taken.
    pub gradient_norm: f64,
    /// What early stopping and plateaus look at, epoch by epoch; smaller is better.
    pub monitored: Vec<f64>,
    /// The parameters of the best epoch, which early stopping or divergence puts back.
    pub best: Option<Vec<(ParamKey, Tensor<T>)>>,
    pub history: History,
}

/// Parameters of some moment.
type Kept<T> = Vec<(ParamKey, Tensor<T>)>;

/// A run in progress.
pub(super) struct TrainingRun<'a, T: 'static> {
    trainer: &'a mut Trainer<T>,
    model: &'a mut Model<T>,
    data: &'a Dataset<T>,
    loss: Arc<dyn Loss<T>>,
    compiled: Compiled<T>,
    state: RunState<T>,
    gathered: Gathered<T>,
    /// The parameters as they were found, until there are better ones.
    start: Option<Kept<T>>,
    /// Where nothing is measured after an epoch, the parameters before it, and before the best one: its loss is of the weights
    /// that it began with, and its updates may be those that broke them.
    before: Option<Kept<T>>,
    before_best: Option<(u64, Kept<T>)>,
    /// A wish to stop, granted once all ranks know of it and no gradients wait for their update.
    asked: Option<Stop>,
    /// What all ranks know of such wishes.
    agreed: Option<Stop>,
    /// The pieces of each batch that this rank computes.
    own: Range<usize>,
    /// The rows of pieces that are computed at once.
    rows: Vec<Option<Batch<T>>>,
    /// What the run is, and the right to save it, where there is a checkpoint.
    saved: Option<(Json, Lock)>,
}

impl<T> RunState<T> {
    fn new(history: History) -> Self {
        let monitored = Vec::new();
        Self {
            epoch: 0,
            batch: 0,
            step: 0,
            loss_sum: 0.0,
            examples: 0,
            gradient_norm: f64::NAN,
            monitored,
            best: None,
            history,
        }
    }
}

/// The gradients of batches that wait for their update.
struct Gathered<T> {
    grads: Option<ParamGrads<T>>,
    examples: f64,
    batches: usize,
}

impl<'a, T: Element> TrainingRun<'a, T> {
    pub fn new(trainer: &'a mut Trainer<T>, model: &'a mut Model<T>, data: &'a Dataset<T>) -> Result<Self> {
        let loss = trainer.loss.clone().unwrap_or_else(|| default_loss(data.targets(), model));
        let checked = check(trainer, &*loss, model, data);
        world::agree(&*trainer.world, checked)?;
        // Before anything is read or changed.
        let batches = trainer.batches(data, Order::Sequential)?.count_all();
        together::compare_setups(&*trainer.world, || setup::describe_all(trainer, &*loss, model, data))?;
        let saved = Self::saved(trainer, &*loss, model, data);
        together::told(&*trainer.world, saved.as_ref().map(drop).map_err(Clone::clone))?;
        let saved = saved?;
        let names = trainer.metrics.iter().map(Metric::name).collect();
        let mut state = RunState::new(History::new(names, trainer.validation.is_some()));
        let loaded = Self::loaded(trainer, &*loss, model, data)?;
        // From here on nothing is refused any more.
        trainer.optimizer.reset();
        if let Some(loaded) = loaded {
            let rate = loaded.rate;
            state = loaded.put_back(model.params_mut(), &mut trainer.optimizer)?;
            trainer.take_up(rate, &mut state, batches);
        }
        together::compare_params(&*trainer.world, model.params(), 0)?;
        let own = share(trainer.piece_count(), trainer.world.rank(), trainer.world.size())?;
        if saved.as_ref().is_some_and(|(_, lock)| !lock.is_held()) {
            let warning = "the checkpoint's file system knows no locks: nothing keeps two runs from saving to one file";
            state.history.warnings.push(warning.to_owned());
        }
        let gathered = Gathered { grads: None, examples: 0.0, batches: 0 };
        let compiled = match trainer.execution {
            Execution::Program => Compiled::with(Options::new().threads(trainer.threads)),
            Execution::Eager => Compiled::eager(),
        };
        Ok(Self {
            trainer,
            model,
            data,
            loss,
            compiled,
            state,
            gathered,
            start: None,
            before: None,
            before_best: None,
            asked: None,
            agreed: None,
            own,
            rows: Vec::new(),
            saved,
        })
    }

    /// What the run is, and the right to save it; on rank 0, where there is a checkpoint.
    fn saved(
        trainer: &Trainer<T>,
        loss: &dyn Loss<T>,
        model: &Model<T>,
        data: &Dataset<T>,
    ) -> Result<Option<(Json, Lock)>> {
        let Some(checkpoint) = trainer.checkpoint.as_ref().filter(|_| trainer.world.rank() == 0) else {
            return Ok(None);
        };
        let lock = lock(&checkpoint.path)?;
        if !checkpoint.resume {
            checkpoint::refuse_other_files(&checkpoint.path)?;
        }
        Ok(Some((setup::describe(trainer, loss, model, data), lock)))
    }

    /// The state to go on from, where there is one: rank 0 reads the file, and all check what it holds.
    fn loaded(
        trainer: &Trainer<T>,
        loss: &dyn Loss<T>,
        model: &Model<T>,
        data: &Dataset<T>,
    ) -> Result<Option<Loaded<T>>> {
        let world = &*trainer.world;
        let Some(checkpoint) = trainer.checkpoint.as_ref().filter(|checkpoint| checkpoint.resume) else {
            return Ok(None);
        };
        let read = || -> Result<Option<Vec<u8>>> {
            let there = world.rank() == 0 && exists(&checkpoint.path)?;
            there.then(|| store::read_bytes(&checkpoint.path)).transpose()
        };
        let bytes = read();
        together::told(world, bytes.as_ref().map(drop).map_err(Clone::clone))?;
        let bytes = bytes?.unwrap_or_default();
        let bytes = if world.size() > 1 { world::tell(world, 0, &bytes)? } else { bytes };
        if bytes.is_empty() {
            return Ok(None);
        }
        let loaded = store::from_bytes_named(bytes, &checkpoint.path.display().to_string()).and_then(|file| {
            let setup = setup::describe(trainer, loss, model, data);
            let Trainer { execution, optimizer, .. } = trainer;
            checkpoint::load(&file, &setup, *execution, model.params(), optimizer)
        });
        world::agree(world, loaded.as_ref().map(drop).map_err(Clone::clone))?;
        loaded.map(Some)
    }

    /// Whether this rank watches and saves for all.
    fn leads(&self) -> bool {
        self.trainer.world.rank() == 0
    }

    /// Tells callbacks, which are rank 0's.
    fn callbacks(&mut self) -> impl Iterator<Item = &mut Box<dyn Callback<T>>> {
        let leads = self.leads();
        self.trainer.callbacks.iter_mut().filter(move |_| leads)
    }

    /// Saves the state, if that is asked for; on all ranks, whether rank 0 could.
    fn save(&self) -> Result<()> {
        match self.trainer.checkpoint {
            Some(_) => together::told(&*self.trainer.world, self.write()),
            None => Ok(()),
        }
    }

    fn write(&self) -> Result<()> {
        match (&self.trainer.checkpoint, &self.saved) {
            (Some(checkpoint), Some((setup, _))) => {
                let Trainer { execution, optimizer, .. } = &*self.trainer;
                checkpoint::save(&checkpoint.path, setup, *execution, self.model.params(), optimizer, &self.state)?;
                events::saved(&checkpoint.path, self.state.epoch, self.state.batch);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Runs to the end.
    pub fn finish(mut self) -> Result<History> {
        // A checkpoint that cannot be written is found out now, not after the first epoch.
        let outcome = self.save().and_then(|()| self.epochs()).and_then(|stop| match stop {
            // What is saved is the epoch before, from which a run with other settings may go on.
            Stop::Diverged { .. } => self.diverged(stop),
            stop => {
                self.state.history.stop = Some(stop);
                self.save()
            }
        });
        let Self { trainer, loss, mut state, model, data, before_best, .. } = self;
        let head = checks::head(model, data, &*loss);
        trainer.last_loss = Some(loss);
        outcome?;
        model.set_head(Some(head));
        model.set_preprocessing(Some(data.preprocessing().clone()));
        let diverged = matches!(state.history.stop, Some(Stop::Diverged { .. }));
        let best = state.best.take().map(|best| (best_epoch(&state.monitored), best));
        let kept = match diverged {
            true => before_best.or(best),
            false => best.filter(|_| trainer.patience.is_some()),
        };
        if let Some((epoch, weights)) = kept {
            weights.into_iter().try_for_each(|(key, value)| model.params_mut().set(key, value))?;
            // Of epochs that could not be measured none is the best.
            let measured = |epoch: u64| state.monitored.get(epoch as usize - 1).is_some_and(|value| !value.is_nan());
            state.history.kept = Some(epoch).filter(|&epoch| epoch == 0 || measured(epoch));
        }
        events::ended(&state.history);
        if trainer.world.rank() == 0 {
            trainer.callbacks.iter_mut().for_each(|callback| callback.on_end(&state.history));
        }
        Ok(state.history)
    }

    /// Ends a run whose loss or weights are not finite: with an error, and the weights as they were, if no epoch was done before.
    fn diverged(&mut self, stop: Stop) -> Result<()> {
        let Stop::Diverged { reason } = &stop else { return Ok(()) };
        if self.state.best.is_none() {
            let start = self.start.take().into_iter().flatten();
            start.into_iter().try_for_each(|(key, value)| self.model.params_mut().set(key, value))?;
            // There will be no history to read them in.
            let known = self.state.history.warnings.iter().map(|warning| format!("; {warning}")).collect::<String>();
            return Err(Error::not_finite(format!("train: {reason}{known}")));
        }
        let kept = self.before_best.as_ref().map_or(best_epoch(&self.state.monitored), |(epoch, _)| *epoch);
        let which = match kept {
            0 => "that it started from".to_owned(),
            epoch => format!("of epoch {epoch}"),
        };
        self.warn(format!("training diverged, the weights {which} were put back: {reason}"));
        self.state.history.stop = Some(stop);
        Ok(())
    }

    fn epochs(&mut self) -> Result<Stop> {
        let data = self.data;
        let mut batches = self.trainer.batches(data, self.order())?;
        if self.state.best.is_none() {
            self.start = Some(self.model.params().iter().map(|(key, p)| (key, p.value().clone())).collect());
        }
        let info = RunInfo {
            epochs: self.trainer.epochs,
            done: self.state.epoch,
            batches: batches.count_all() as u64,
            examples: match self.trainer.drop_last {
                true => (batches.count_all() * self.trainer.batch.min(data.len())) as u64,
                false => data.len() as u64,
            },
            metrics: self.state.history.metrics.clone(),
        };
        self.state.history.examples = info.examples;
        events::started(&info);
        self.callbacks().for_each(|callback| callback.on_start(&info));
        // A run that had come to its end by itself goes on only if its settings now say so.
        if let Some(Stop::EarlyStopping { .. } | Stop::Converged { .. }) = &self.state.history.stop
            && let Some(stop) = self.ended()
        {
            return Ok(stop);
        }
        (self.state.history.stop, self.state.history.kept) = (None, None);
        for warning in checks::warnings(self.model, data, &*self.loss) {
            self.warn(warning);
        }
        if self.trainer.loss.is_none() && data.preprocessing().is_of_file() && data.target_kind() == TargetKind::Flags {
            self.warn(format!(
                "the targets of the file are 0 and 1, and are taken as values, with the loss {}: where they are classes, read the file \
                 with classification()",
                self.loss.name()
            ));
        }
        let other = |trained: &Preprocessing| {
            trained.difference(data.preprocessing(), "what it was trained on before", "these data")
        };
        if let Some(difference) = self.model.preprocessing().and_then(other) {
            self.warn(format!("the model was trained on other data, and goes on from their weights: {difference}"));
        }
        while self.state.epoch < self.trainer.epochs {
            if let Some(stop) = self.epoch(&mut batches)? {
                return Ok(stop);
            }
            self.save()?;
            batches.restart(self.order());
        }
        Ok(Stop::Epochs)
    }

    fn order(&self) -> Order {
        if self.trainer.shuffle { Order::shuffled(self.trainer.seed, self.state.epoch) } else { Order::Sequential }
    }

    /// The rest of an epoch, and what follows it.
    fn epoch(&mut self, batches: &mut Batches<'_, T>) -> Result<Option<Stop>> {
        let started = Instant::now();
        let done_before = self.state.examples;
        if self.state.batch == 0 && self.trainer.validation.is_none() && self.trainer.monitor.is_none() {
            keep(self.model.params(), &mut self.before);
        }
        batches.seek(self.state.batch as usize);
        let count = batches.count_all() as u64;
        while batches.next_len().is_some() {
            if let Some(stop) = self.batch(batches, count)? {
                return Ok(Some(stop));
            }
            batches.seek(self.state.batch as usize);
        }
        // Wishes of the last batch, which no next one tells the others.
        if let Some(stop) = self.settle()? {
            return Ok(Some(stop));
        }
        // The last update of an epoch is followed by no loss that would show it.
        let broken = |(_, param): &(ParamKey, &Param<T>)| {
            param.is_trainable() && param.value().iter().any(|x| !x.to_f64().is_finite())
        };
        if let Some((_, param)) = self.model.params().iter().find(broken) {
            let name = param.name().to_owned();
            let place = format!("{name} is not finite after epoch {}", self.state.epoch + 1);
            return Ok(Some(self.divergence(&place)));
        }
        let training = started.elapsed().as_secs_f64();
        let speed = (self.state.examples - done_before) as f64 / training;
        let (valid_loss, metrics, monitored) = self.evaluate()?;
        let record = EpochRecord {
            epoch: self.state.epoch + 1,
            loss: self.state.loss_sum / self.state.examples as f64,
            valid_loss,
            metrics,
            learning_rate: self.trainer.optimizer.learning_rate(),
            gradient_norm: self.state.gradient_norm,
            examples_per_second: speed,
            seconds: started.elapsed().as_secs_f64(),
        };
        self.state.monitored.push(monitored.unwrap_or(valid_loss.unwrap_or(record.loss)));
        self.state.history.epochs.push(record);
        self.state.epoch += 1;
        (self.state.batch, self.state.loss_sum, self.state.examples) = (0, 0.0, 0);
        self.after_epoch()
    }

    /// Keeps the best weights, tells callbacks, and says whether to end.
    fn after_epoch(&mut self) -> Result<Option<Stop>> {
        let best_epoch = best_epoch(&self.state.monitored);
        if best_epoch == self.state.epoch {
            self.keep_weights();
        }
        let record = self.state.history.last().expect("an epoch was recorded");
        events::epoch_done(record);
        let event = EpochEvent { record, history: &self.state.history, model: &*self.model };
        let world = &*self.trainer.world;
        let watching = self.trainer.callbacks.iter_mut().filter(|_| world.rank() == 0);
        let flows: Vec<Flow> = watching.map(|callback| callback.on_epoch(&event)).collect();
        let flow = if flows.contains(&Flow::Stop) { Flow::Stop } else { Flow::Continue };
        if together::flow(world, flow)? == Flow::Stop {
            return Ok(Some(Stop::Callback));
        }
        together::compare_params(world, self.model.params(), self.state.epoch)?;
        Ok(self.ended())
    }

    /// Whether the run has come to its end by itself.
    fn ended(&self) -> Option<Stop> {
        let best_epoch = best_epoch(&self.state.monitored);
        if self.trainer.patience.is_some_and(|patience| self.state.epoch - best_epoch >= patience) {
            return Some(Stop::EarlyStopping { best_epoch });
        }
        self.converged()
    }

    /// Keeps the weights as those of the best epoch, in the memory of those before.
    fn keep_weights(&mut self) {
        self.start = None;
        keep(self.model.params(), &mut self.state.best);
        if let Some(before) = self.before.take() {
            let free = self.before_best.replace((self.state.epoch - 1, before));
            self.before = free.map(|(_, weights)| weights);
        }
    }

    fn divergence(&self, place: &str) -> Stop {
        let rate = self.trainer.optimizer.learning_rate();
        let reason = format!("{place}; a smaller learning rate than {rate:?} may help, or scaled inputs, or clip_norm");
        Stop::Diverged { reason }
    }

    fn converged(&self) -> Option<Stop> {
        let epochs = &self.state.history.epochs;
        let last = epochs.last()?;
        if let Some(limit) = self.trainer.gradient_tolerance.filter(|limit| last.gradient_norm <= *limit) {
            let reason = format!("the gradient's norm {:e} is at most {limit:e}", last.gradient_norm);
            return Some(Stop::Converged { reason });
        }
        let change = epochs.len().checked_sub(2).map(|k| (epochs[k].loss - last.loss).abs())?;
        let limit = self.trainer.loss_tolerance.filter(|limit| change <= *limit)?;
        Some(Stop::Converged { reason: format!("the loss changed by {change:e}, at most {limit:e}") })
    }

    /// The next batch: its gradients, and the update once enough batches are gathered.
    fn batch(&mut self, batches: &mut Batches<'_, T>, count: u64) -> Result<Option<Stop>> {
        let n = batches.next_len().unwrap_or(0);
        let own = self.contribution(batches);
        let Some(mut all) = self.summed(own)? else {
            // All end before this batch: somebody wished so after the one before.
            return Ok(self.agreed.take());
        };
        all.store(self.model.params_mut())?;
        if !all.loss.is_finite() {
            let place = format!("the loss of {} is {}", self.place(), all.loss);
            return Ok(Some(self.divergence(&place)));
        }
        if self.state.step == 0 && self.gathered.batches == 0 {
            self.warn_of_unreached(&all.grads);
        }
        self.warn_of_eager_steps();
        self.state.loss_sum += all.loss * n as f64;
        self.state.examples += n as u64;
        self.state.batch += 1;
        self.gather(all.grads, n as f64);
        if self.gathered.batches == self.trainer.accumulate || self.state.batch == count {
            self.update(count);
            let every = self.trainer.checkpoint.as_ref().and_then(|checkpoint| checkpoint.every_updates);
            let due = every.is_some_and(|every| self.state.step.is_multiple_of(every.max(1)));
            if due && self.state.batch < count {
                self.save()?;
            }
        }
        Ok(self.after_batch())
    }

    fn place(&self) -> String {
        format!("epoch {}, batch {}", self.state.epoch + 1, self.state.batch + 1)
    }

    fn warn_of_unreached(&mut self, grads: &ParamGrads<T>) {
        for name in grads.unreached(self.model.params()) {
            let warning = format!("no gradient reaches {name}: the loss does not depend on it, so it stays as it is");
            self.state.history.warnings.push(warning);
        }
    }

    /// Says why steps run eagerly that were to be compiled.
    fn warn_of_eager_steps(&mut self) {
        let Some(problem) = self.compiled.problem() else { return };
        let warning = format!("steps that cannot be compiled run eagerly: {problem}");
        if !self.state.history.warnings.contains(&warning) {
            self.state.history.warnings.push(warning);
        }
    }

    /// Adds a batch's gradients to those that wait, weighing its examples.
    fn gather(&mut self, mut grads: ParamGrads<T>, examples: f64) {
        let gathered = &mut self.gathered;
        gathered.batches += 1;
        gathered.examples += examples;
        if self.trainer.accumulate > 1 && !self.loss.is_sum() {
            grads.scale(examples);
        }
        match &mut gathered.grads {
            Some(sum) => {
                sum.add(&grads);
                grads.recycle(self.compiled.tape());
            }
            None => gathered.grads = Some(grads),
        }
    }

    /// Updates the parameters from the gradients that wait.
    fn update(&mut self, count: u64) {
        let Some(mut grads) = self.gathered.grads.take() else { return };
        if self.trainer.accumulate > 1 && !self.loss.is_sum() {
            grads.scale(1.0 / self.gathered.examples);
        }
        (self.gathered.examples, self.gathered.batches) = (0.0, 0);
        if let Some(limit) = self.trainer.clip_value {
            grads.clip_value(limit);
        }
        let last = self.state.batch == count;
        match self.trainer.clip_norm {
            Some(max) => self.state.gradient_norm = grads.clip_norm(max),
            // The norm is a pass over all gradients, so that without need it is taken once an epoch.
            None if last => self.state.gradient_norm = grads.norm(),
            None => {}
        }
        if let Some(schedule) = &self.trainer.schedule {
            let base = self.trainer.optimizer.rule().learning_rate();
            let steps_per_epoch = count.div_ceil(self.trainer.accumulate as u64);
            let (epoch, step) = (self.state.epoch, self.state.step);
            let at = Progress { epoch, step, steps_per_epoch, monitored: &self.state.monitored };
            self.trainer.optimizer.set_learning_rate(schedule.learning_rate(base, &at));
        }
        self.trainer.optimizer.step(self.model.params_mut(), &grads);
        self.state.step += 1;
        grads.recycle(self.compiled.tape());
    }

    fn after_batch(&mut self) -> Option<Stop> {
        let event = BatchEvent {
            epoch: self.state.epoch + 1,
            batch: self.state.batch,
            examples: self.state.examples,
            loss: self.state.loss_sum / self.state.examples as f64,
        };
        let flows: Vec<Flow> = self.callbacks().map(|callback| callback.on_batch(&event)).collect();
        if flows.contains(&Flow::Stop) {
            self.asked = Some(Stop::Callback);
        }
        if self.trainer.stop_flag.is_raised() {
            self.asked = Some(Stop::Interrupted);
        }
        if self.trainer.world.size() == 1 {
            self.agreed = self.asked.take();
        }
        // A checkpoint holds no gradients, so that a run ends between updates.
        if self.gathered.batches == 0 { self.agreed.take() } else { None }
    }

    /// The validation loss, the metrics, and what is monitored if that is a metric: smaller is better.
    fn evaluate(&mut self) -> Result<(Option<f64>, Vec<f64>, Option<f64>)> {
        let trainer = &self.trainer;
        let data = trainer.validation.as_ref().unwrap_or(self.data);
        if trainer.validation.is_none() && trainer.metrics.is_empty() && trainer.monitor.is_none() {
            return Ok((None, Vec::new(), None));
        }
        let outputs = together::predictions(&*trainer.world, self.model, data)?;
        let valid_loss = trainer.validation.is_some().then(|| loss_of(&*self.loss, &outputs, data)).transpose();
        world::agree(&*trainer.world, valid_loss.as_ref().map(drop).map_err(Clone::clone))?;
        let valid_loss = valid_loss?;
        let judged = Judged::new(outputs, data, checks::head(self.model, self.data, &*self.loss))?;
        let asked = trainer.metrics.iter().chain(&trainer.monitor);
        let (mut values, warnings): (Vec<f64>, Vec<_>) = asked.map(|metric| judged.measure_or_nan(metric)).unzip();
        let monitored = trainer.monitor.as_ref().and_then(|metric| Some(metric.sign() * values.pop()?));
        warnings.into_iter().flatten().for_each(|warning| self.warn(warning));
        Ok((valid_loss, values, monitored))
    }

    /// Notes a warning, unless there is one that begins alike: what follows the colon may differ from epoch to epoch.
    fn warn(&mut self, warning: String) {
        let begin = |warning: &str| warning.split(':').next().unwrap_or_default().to_owned();
        let warnings = &mut self.state.history.warnings;
        if !warnings.iter().any(|known| begin(known) == begin(&warning)) {
            warnings.push(warning);
        }
    }
}

/// An error unless loss, metrics and data fit the model, those for validation too.
pub(super) fn check<T: Element>(
    trainer: &Trainer<T>,
    loss: &dyn Loss<T>,
    model: &Model<T>,
    data: &Dataset<T>,
) -> Result<()> {
    let size = trainer.batch.min(data.len());
    checks::shortest_batch(model, data.len(), size, trainer.drop_last, trainer.piece_count())?;
    checks::data(model, data, loss, false)?;
    if let Some(validation) = &trainer.validation {
        checks::data(model, validation, loss, true).map_err(|error| error.within("validation data"))?;
    }
    let measured = trainer.validation.as_ref().unwrap_or(data);
    let asked: Vec<Metric> = trainer.metrics.iter().chain(&trainer.monitor).copied().collect();
    checks::metrics(&asked, model, measured, checks::head(model, data, loss))
}

/// Cross-entropy for labels, of softmax or for one output of sigmoid; the mean squared error for values.
pub(super) fn default_loss<T: Element>(targets: &Targets<T>, model: &Model<T>) -> Arc<dyn Loss<T>> {
    match targets {
        Targets::Labels(_) if model.output_shape().numel() == 1 => Arc::new(loss::binary_cross_entropy_with_logits()),
        Targets::Labels(_) => Arc::new(loss::cross_entropy()),
        Targets::Values(_) => Arc::new(loss::mean_squared_error()),
    }
}

/// The loss of outputs that are known.
pub(super) fn loss_of<T: Element>(loss: &dyn Loss<T>, outputs: &Tensor<T>, data: &Dataset<T>) -> Result<f64> {
    let tape = Tape::of();
    let value: Var<'_, T> = loss.value(tape.data(outputs), data.targets(), data.weights())?;
    Ok(value.item().to_f64())
}

/// Keeps the parameters' values, in the memory of those that were kept there.
fn keep<T: Element>(params: &Params<T>, kept: &mut Option<Kept<T>>) {
    match kept {
        Some(kept) => kept.iter_mut().for_each(|(key, value)| {
            value.as_mut_slice().copy_from_slice(params[*key].as_slice());
        }),
        None => *kept = Some(params.iter().map(|(key, p)| (key, p.value().clone())).collect()),
    }
}

/// The first epoch, from 1, with the smallest value; NaN is never the best.
fn best_epoch(monitored: &[f64]) -> u64 {
    let mut best = 0;
    for (k, value) in monitored.iter().enumerate() {
        if *value < monitored[best] || monitored[best].is_nan() {
            best = k;
        }
    }
    best as u64 + 1
}

/// The right to save a run there.
fn lock(path: &Path) -> Result<Lock> {
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        store::open(path)?;
        return Err(Error::io(format!("checkpoint: {} cannot be read again; give the name of a file", path.display())));
    }
    Lock::of(path)
}

/// Whether there is such a file; what cannot be told is an error, rather than a run that starts anew.
fn exists(path: &Path) -> Result<bool> {
    path.try_exists().map_err(|error| Error::io(format!("cannot read {}: {error}", path.display())))
}
