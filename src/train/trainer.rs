//! How to train: the settings, and `fit`.

use super::callback::{Callback, EpochEvent, Flow, OnEpoch, StopFlag};
use super::checkpoint::Checkpoint;
use super::history::History;
use super::measure::Metric;
use super::run::{RunState, TrainingRun};
use crate::data::{Batches, Dataset, Order, Targets};
use crate::nn::{Loss, Model, Penalty};
use crate::optim::{Optimizer, Progress, Schedule};
use crate::world::{self, World, share};
use crate::{Element, Error, Result, Shape};
use std::sync::Arc;

/// Into how many pieces a batch is cut for a world.
const PIECES: usize = 4;

/// How training steps are computed. The results agree to rounding.
///
/// # Examples
/// ```
/// use retrograd::{data::synthetic, nn::Mlp, optim::Adam, train::{Execution, Trainer}};
/// let data = synthetic::two_moons::<f64>(64, 0.1, 0)?;
/// let fit = |execution| {
///     let mut model = Mlp::new(2).dense(8).tanh().dense(2).build(0)?;
///     Trainer::new(Adam::new(0.1)).epochs(3).execution(execution).fit(&mut model, &data)
/// };
/// let (program, eager) = (fit(Execution::Program)?, fit(Execution::Eager)?);
/// assert!((program.epochs[2].loss - eager.epochs[2].loss).abs() < 1e-12);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Execution {
    /// By programs ([`Compiled`](crate::Compiled)), compiled once for each batch size. What cannot be compiled (a layer or loss
    /// that reads values to decide what to compute) runs eagerly, and [`History`] has a warning that says so.
    #[default]
    Program,
    /// Recorded and differentiated anew for each batch.
    Eager,
}

impl Execution {
    /// Its name, as checkpoints have it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Execution::Program => "program",
            Execution::Eager => "eager",
        }
    }
}

/// Trains models: an optimiser and settings, each with a default.
///
/// # Examples
/// ```
/// use retrograd::data::Dataset;
/// use retrograd::nn::Mlp;
/// use retrograd::optim::Adam;
/// use retrograd::train::Trainer;
///
/// let data = Dataset::<f32>::labelled([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], vec![0, 1, 1, 0])?;
/// let mut model = Mlp::new(2).dense(8).tanh().dense(2).build(1)?;
/// let history = Trainer::new(Adam::new(0.05)).epochs(100).batch(4).fit(&mut model, &data)?;
/// assert!(history.last().unwrap().loss < 0.05);
/// # Ok::<(), retrograd::Error>(())
/// ```
pub struct Trainer<T> {
    pub(super) optimizer: Optimizer<T>,
    pub(super) loss: Option<Arc<dyn Loss<T>>>,
    /// The loss of the last fit, which the data chose where none was set.
    pub(super) last_loss: Option<Arc<dyn Loss<T>>>,
    pub(super) penalties: Vec<Penalty>,
    pub(super) schedule: Option<Box<dyn Schedule>>,
    pub(super) epochs: u64,
    pub(super) batch: usize,
    pub(super) drop_last: bool,
    pub(super) seed: u64,
    pub(super) shuffle: bool,
    pub(super) accumulate: usize,
    pub(super) clip_norm: Option<f64>,
    pub(super) clip_value: Option<f64>,
    pub(super) metrics: Vec<Metric>,
    pub(super) validation: Option<Dataset<T>>,
    pub(super) patience: Option<u64>,
    pub(super) monitor: Option<Metric>,
    pub(super) gradient_tolerance: Option<f64>,
    pub(super) loss_tolerance: Option<f64>,
    pub(super) callbacks: Vec<Box<dyn Callback<T>>>,
    pub(super) stop_flag: StopFlag,
    pub(super) checkpoint: Option<Checkpoint>,
    pub(super) execution: Execution,
    pub(super) threads: usize,
    /// Into how many pieces each batch is cut, where that is said.
    pub(super) pieces: Option<usize>,
    pub(super) world: Box<dyn World>,
    /// Whether it was said.
    pub(super) has_world: bool,
}

impl<T: Element> Trainer<T> {
    /// Trains with this optimiser: 10 epochs in batches of 32, shuffled by seed 0, with cross-entropy for labels (of softmax, or
    /// of sigmoid where the model has one output) and the mean squared error for values; by compiled programs, on one thread.
    pub fn new(optimizer: impl Into<Optimizer<T>>) -> Self {
        Self {
            optimizer: optimizer.into(),
            loss: None,
            last_loss: None,
            penalties: Vec::new(),
            schedule: None,
            epochs: 10,
            batch: 32,
            drop_last: false,
            seed: 0,
            shuffle: true,
            accumulate: 1,
            clip_norm: None,
            clip_value: None,
            metrics: Vec::new(),
            validation: None,
            patience: None,
            monitor: None,
            gradient_tolerance: None,
            loss_tolerance: None,
            callbacks: Vec::new(),
            stop_flag: StopFlag::new(),
            checkpoint: None,
            execution: Execution::Program,
            threads: 1,
            pieces: None,
            world: Box::new(world::alone()),
            has_world: false,
        }
    }

    /// The loss to minimise.
    pub fn loss(mut self, loss: impl Loss<T> + 'static) -> Self {
        self.loss = Some(Arc::new(loss));
        self
    }
    /// A penalty on parameters, added to the loss as part of the graph.
    pub fn penalty(mut self, penalty: Penalty) -> Self {
        self.penalties.push(penalty);
        self
    }
    /// How the learning rate changes.
    pub fn schedule(mut self, schedule: impl Schedule + 'static) -> Self {
        self.schedule = Some(Box::new(schedule));
        self
    }
    /// Passes over the training data.
    pub fn epochs(mut self, epochs: u64) -> Self {
        self.epochs = epochs;
        self
    }
    /// Examples in a batch; the last one of an epoch may be shorter. More than there are is all of them.
    pub fn batch(mut self, size: usize) -> Self {
        self.batch = size;
        self
    }
    /// Leaves out the last batch of an epoch where it is shorter; with shuffling, those are other examples each time.
    pub fn drop_last(mut self) -> Self {
        self.drop_last = true;
        self
    }
    /// The seed of shuffles and dropout.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }
    /// Takes the examples in the order of the data.
    pub fn without_shuffling(mut self) -> Self {
        self.shuffle = false;
        self
    }
    /// Batches whose gradients are averaged into one update, each weighing as many examples as it has.
    pub fn accumulate(mut self, batches: usize) -> Self {
        self.accumulate = batches;
        self
    }
    /// Limits the norm of all gradients together.
    pub fn clip_norm(mut self, max: f64) -> Self {
        self.clip_norm = Some(max);
        self
    }
    /// Limits every element of the gradients to [-limit, limit].
    pub fn clip_value(mut self, limit: f64) -> Self {
        self.clip_value = Some(limit);
        self
    }
    /// What to measure after each epoch, on the validation data or else on the training data; called again, it adds more.
    pub fn metrics(mut self, metrics: impl IntoIterator<Item = Metric>) -> Self {
        self.metrics.extend(metrics);
        self
    }
    /// Data to validate on after each epoch; never trained on. They must have gone through the same preprocessing as the training
    /// data: [`Csv::like`](crate::data::Csv::like) reads a file so.
    pub fn validation(mut self, data: &Dataset<T>) -> Self {
        self.validation = Some(data.clone());
        self
    }
    /// Ends after this many epochs (1 or more) without improvement, and takes the best weights back. What must improve is the validation
    /// loss (the training loss without validation data), or what [`Trainer::monitor`] says.
    pub fn early_stopping(mut self, patience: u64) -> Self {
        self.patience = Some(patience);
        self
    }
    /// What early stopping, and schedules that wait for a plateau, look at. Measured whether or not it is shown.
    pub fn monitor(mut self, metric: Metric) -> Self {
        self.monitor = Some(metric);
        self
    }
    /// Ends once the norm of an epoch's last gradient is at most this.
    pub fn until_gradient_below(mut self, norm: f64) -> Self {
        self.gradient_tolerance = Some(norm);
        self
    }
    /// Ends once the training loss of an epoch differs by at most this from the one before.
    pub fn until_loss_changes_less_than(mut self, change: f64) -> Self {
        self.loss_tolerance = Some(change);
        self
    }
    /// Something that watches.
    pub fn callback(mut self, callback: impl Callback<T> + 'static) -> Self {
        self.callbacks.push(Box::new(callback));
        self
    }
    /// A closure that is called after each epoch.
    pub fn on_epoch(self, call: impl FnMut(&EpochEvent<'_, T>) -> Flow + 'static) -> Self {
        self.callback(OnEpoch(call))
    }
    /// A progress bar where standard error is a terminal, and a line for each epoch.
    #[cfg(feature = "progress")]
    pub fn progress(self) -> Self {
        self.callback(super::ProgressReporter::new())
    }
    /// A flag that ends training after the current batch.
    pub fn stop_flag(mut self, flag: StopFlag) -> Self {
        self.stop_flag = flag;
        self
    }

    /// Saves the whole state of the run, and goes on from it if asked to.
    pub fn checkpoint(mut self, checkpoint: Checkpoint) -> Self {
        self.checkpoint = Some(checkpoint);
        self
    }

    /// How steps are computed.
    pub fn execution(mut self, execution: Execution) -> Self {
        self.execution = execution;
        self
    }
    /// How many threads may compute a step, where it pays. The results have the same bits for any number.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Trains together with the other processes of a world: each computes the gradients of its pieces of every batch, and all of them
    /// make the same update. Every process calls [`fit`](Trainer::fit) with the same settings, model and data.
    ///
    /// **The model has the same bits for any number of processes and threads**, [`alone`](crate::world::alone) included, and as without
    /// a world with as many [`pieces`](Trainer::pieces): 4 unless set. A run may be resumed with another number of processes.
    ///
    /// Before the first step settings, data and weights are compared, and whoever has others is an error; after each epoch the weights
    /// are. A process that ends by an error or panic ends the others with an error that names it. Where several are asked to stop, all
    /// end after the same batch. Callbacks are called on rank 0 alone, which alone reads and writes checkpoints; what else a program
    /// prints or saves is its own to do on rank 0.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{data::synthetic, nn::Mlp, optim::Adam, train::Trainer, world::{self, World}};
    /// let losses = world::threads(2).run(|world| {
    ///     let data = synthetic::two_moons::<f32>(64, 0.1, 0)?;
    ///     let mut model = Mlp::new(2).dense(8).tanh().dropout(0.1).dense(2).build(0)?;
    ///     let history = Trainer::new(Adam::new(0.1)).epochs(3).world(&world).fit(&mut model, &data)?;
    ///     Ok::<_, retrograd::Error>(history.epochs[2].loss)
    /// });
    /// assert_eq!(losses[0], losses[1]);
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn world(mut self, world: &(impl World + Clone + 'static)) -> Self {
        (self.world, self.has_world) = (Box::new(world.clone()), true);
        self
    }

    /// Cuts each batch into so many pieces of consecutive rows, a power of two: rows k n / pieces up to (k + 1) n / pieces. Each piece's
    /// gradient is computed by itself, and they are added up in the order of a binary tree. 1 unless set, and 4 with a
    /// [world](Trainer::world), which shares them out.
    ///
    /// Against one piece, sums over examples are rounded in another order, and nothing else differs: dropout draws by example. Layers that
    /// look at several examples see those of one piece: a [batch norm](crate::nn::BatchNorm) normalises each by its own mean and
    /// variance, and its running statistics move towards the pieces' mean, weighted by rows.
    pub fn pieces(mut self, pieces: usize) -> Self {
        self.pieces = Some(pieces);
        self
    }

    /// Into how many pieces each batch is cut.
    pub(super) fn piece_count(&self) -> usize {
        self.pieces.unwrap_or(if self.has_world { PIECES } else { 1 })
    }

    /// Trains the model on the data.
    ///
    /// The order of examples and every random number follow from the seed, epoch and batch: the same call gives the same bits.
    /// Starts from the model's weights as they are, with an optimiser that has seen nothing; unless a checkpoint goes on.
    ///
    /// # Errors
    /// Settings that make no sense; data that do not fit the model; validation data that went through another preprocessing, with
    /// the first difference; metrics that are not for such targets; a batch too short for a layer; what a checkpoint meets when it
    /// is written. Before the first batch the model is untouched.
    ///
    /// A loss or weights that are not finite end training: with [`Stop::Diverged`](super::Stop::Diverged), a warning and the weights
    /// of the best epoch, or in the first epoch with an error and the weights that it started from.
    #[inline(never)]
    pub fn fit(&mut self, model: &mut Model<T>, data: &Dataset<T>) -> Result<History> {
        let checked = self.check(model, data);
        world::agree(&*self.world, checked)?;
        TrainingRun::new(self, model, data)?.finish()
    }

    /// Takes up a run whose last update had this learning rate.
    pub(super) fn take_up(&mut self, saved: f64, state: &mut RunState<T>, batches: usize) {
        if self.patience.is_none() {
            state.best = None;
        }
        let Some(schedule) = &self.schedule else { return };
        self.optimizer.set_learning_rate(saved);
        // A closure has no settings to compare; what it gives now for that update is compared instead.
        if schedule.config().is_null() && state.step > 0 {
            let within = state.batch > 0;
            let epoch = if within { state.epoch } else { state.epoch - 1 };
            let updates = batches.div_ceil(self.accumulate) as u64;
            let at = Progress {
                epoch,
                step: state.step - 1,
                steps_per_epoch: updates,
                monitored: &state.monitored[..epoch as usize],
            };
            let now = schedule.learning_rate(self.optimizer.rule().learning_rate(), &at);
            if now != saved {
                state.history.warnings.push(format!(
                    "resumed with a schedule that gives the last update the rate {now}, saved with {saved}: the new schedule \
                     applies from here on"
                ));
            }
        }
    }

    /// The settings in words, for reports.
    #[inline(never)]
    pub fn settings(&self) -> Vec<(String, String)> {
        let loss = self.loss.as_ref().or(self.last_loss.as_ref());
        let loss = loss.map_or("by the targets".to_owned(), |loss| words(&loss.name(), &loss.config()));
        let rule = self.optimizer.rule();
        let mut settings = vec![
            ("optimiser", words(rule.name(), &rule.config())),
            ("loss", loss),
            ("epochs", self.epochs.to_string()),
            ("batch", self.batch.to_string()),
            ("seed", self.seed.to_string()),
            ("shuffled", self.shuffle.to_string()),
        ];
        if self.drop_last {
            settings.push(("short last batch", "left out".to_owned()));
        }
        if self.piece_count() > 1 {
            settings.push(("pieces of a batch", self.piece_count().to_string()));
        }
        if self.execution == Execution::Eager {
            settings.push(("execution", self.execution.name().to_owned()));
        }
        if let Some(schedule) = &self.schedule {
            settings.push(("schedule", words("", &schedule.config())));
        }
        for penalty in &self.penalties {
            settings.push(("penalty", format!("{penalty:?}")));
        }
        if self.accumulate > 1 {
            settings.push(("batches in an update", self.accumulate.to_string()));
        }
        let limits = [("gradient norm at most", self.clip_norm), ("gradient elements at most", self.clip_value)];
        settings.extend(limits.into_iter().filter_map(|(name, limit)| Some((name, limit?.to_string()))));
        if let Some(patience) = self.patience {
            settings.push(("patience", format!("{patience} epochs")));
        }
        settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The batches of an epoch.
    pub(super) fn batches<'d>(&self, data: &'d Dataset<T>, order: Order) -> Result<Batches<'d, T>> {
        let batches = data.batches(self.batch, order)?;
        Ok(if self.drop_last { batches.drop_last() } else { batches })
    }

    pub(super) fn check(&self, model: &Model<T>, data: &Dataset<T>) -> Result<()> {
        self.optimizer.validate(model.params())?;
        let wrong = |message: String| Err(Error::argument(format!("train: {message}")));
        if self.epochs == 0 {
            return wrong("0 epochs; ask for 1 or more".to_owned());
        }
        if self.batch == 0 {
            return wrong("a batch size of 0; use 1 or more".to_owned());
        }
        if self.accumulate == 0 {
            return wrong("gradients accumulated over 0 batches; 1 is every batch on its own".to_owned());
        }
        for (name, limit) in [("norm", self.clip_norm), ("value", self.clip_value)] {
            if let Some(limit) = limit.filter(|limit| limit.is_nan() || *limit <= 0.0) {
                return wrong(format!("gradients clipped to a {name} of {limit}; use a number above 0"));
            }
        }
        share(self.piece_count(), self.world.rank(), self.world.size()).map_err(|error| error.within("train"))?;
        if self.patience == Some(0) {
            return wrong(
                "early stopping after 0 epochs without improvement, which every epoch has; use 1 or more".to_owned(),
            );
        }
        let trained = data;
        if self.checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.every_updates == Some(0)) {
            return wrong("a checkpoint every 0 updates; 1 is after each".to_owned());
        }
        check_fit(model, data)?;
        if let Some([first, rest @ ..]) = data.labels()
            && rest.iter().all(|label| label == first)
        {
            return wrong(format!("every example has label {first}; there is nothing to tell apart with one class"));
        }
        for penalty in &self.penalties {
            penalty.validate(model.params())?;
        }
        if let Some(schedule) = &self.schedule {
            schedule.validate()?;
        }
        if let Some(data) = &self.validation {
            check_fit(model, data).map_err(|error| error.within("validation data"))?;
            data.preprocessing().check_like(trained.preprocessing(), "validation data")?;
        }
        Ok(())
    }
}

/// A configuration in words: `sgd: lr 0.2, momentum 0.9`. What is off, absent or zero is left out.
fn words(name: &str, config: &serde_json::Value) -> String {
    let is_off = |value: &serde_json::Value| match value {
        serde_json::Value::Null | serde_json::Value::Bool(false) => true,
        value => value.as_f64() == Some(0.0),
    };
    let fields = config.as_object().into_iter().flatten().filter(|(_, value)| !is_off(value));
    let word = |(key, value): (&String, &serde_json::Value)| match value {
        serde_json::Value::Bool(true) => key.clone(),
        serde_json::Value::String(text) => text.clone(),
        value => format!("{key} {value}"),
    };
    let settings = fields.map(word).collect::<Vec<_>>().join(", ").replace('_', " ");
    match (name, &settings[..]) {
        (name, "") => name.to_owned(),
        ("", settings) => settings.to_owned(),
        (name, settings) => format!("{name}: {settings}"),
    }
}

/// An error unless the data's rows fit the model's inputs, and its targets the outputs.
pub(super) fn check_fit<T: Element>(model: &Model<T>, data: &Dataset<T>) -> Result<()> {
    if data.is_empty() {
        return Err(Error::argument("train: the data has no rows"));
    }
    let shape: Shape = std::iter::once(data.len()).chain(data.feature_shape().iter().copied()).collect();
    model.check_batch(&shape)?;
    if let Targets::Labels(_) = data.targets() {
        let (classes, outputs) = (data.n_classes(), model.output_shape().numel());
        let most = outputs.max(2);
        if classes > most {
            return Err(Error::argument(format!(
                "train: the data has {classes} classes, the model {outputs} outputs; give its last layer {classes}"
            )));
        }
    }
    Ok(())
}
