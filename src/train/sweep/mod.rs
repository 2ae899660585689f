//! Sweeps: many small models of one shape, over seeds, learning rates and penalties, trained as one program.
//!
//! A step of one model is recorded, and made into that of a stack of models, which has their axis in front
//! ([`Options::stack`](crate::program::Options::stack)); so a sweep knows nothing of layers and losses. Each model sees the examples
//! in the order that its seed gives, and is updated by an optimiser of its own rate: it is the model that [`Trainer::fit`] makes, to
//! rounding. `setup.rs` finds what each input of the step is, `stack.rs` runs stacks of models, `table.rs` holds the results.
//!
//! Cost: a thousand 2-16-1 networks of tanh in `f32`, 256 rows, batches of 32, 20 epochs of Adam, against `Trainer` one after another
//! in the same process, on one thread (Zen with AVX-512, shared and busy; `cargo bench -p benches
//! --bench sweeps`): 5.1 to 6.1 times as fast over 1000 seeds, whose shuffles alone are a tenth of the time; 6.5 to 7.2 times over 10 seeds
//! and 100 rates. What is left is tanh itself (a quarter), small products, and passes over the second-level cache.
//!
//! What it does not do: validate after each epoch, stop early, save checkpoints. Those are for a run that somebody watches.

mod setup;
mod stack;
mod table;
mod together;

pub use table::{SweepRow, Swept};

use super::checks;
use super::measure::Metric;
use super::run;
use super::trainer::Trainer;
use crate::data::Dataset;
use crate::nn::{Loss, Model, Penalty};
use crate::optim::Optimizer;
use crate::{Element, Error, Result};
use setup::Setup;
use stack::StackRun;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Makes a model by its seed.
type Recipe<T> = Arc<dyn Fn(u64) -> Result<Model<T>> + Send + Sync>;

/// The rows of the stacks that are done, by the number of the first.
type Done<T> = Mutex<Vec<(usize, Vec<SweepRow<T>>)>>;

/// The most models in a stack: as many as keep what a step computes of them in the second-level cache.
const STACK: usize = 64;
/// So many stacks there are at least, for parts and threads to share, where there are as many models.
const STACKS: usize = 32;

/// Trains a model for each combination of seeds, learning rates and penalties, many at once.
///
/// Each row of the result is that of [`Trainer::fit`] with the same settings and the model of the same seed, to rounding; it has the
/// same bits in any [part](Sweep::part), on any number of threads and [ranks](Sweep::run_on). A model whose loss or weights leave the finite numbers disturbs no
/// other, and its row says in which epoch that was.
///
/// # Examples
/// ```
/// use retrograd::{data::synthetic, nn::{Mlp, Penalty}, optim::Adam, train::{Metric, Sweep}};
/// let (train, test) = synthetic::two_moons::<f32>(100, 0.1, 0)?.split(0.5, 0)?;
/// let swept = Sweep::new(|seed| Mlp::new(2).dense(8).tanh().dense(1).build(seed), |rate| Adam::new(rate))
///     .seeds(0..3)
///     .learning_rates([0.03, 0.1])
///     .penalties(Penalty::l2(1.0), [0.0, 0.01])
///     .epochs(20)
///     .validation(&test)
///     .metrics([Metric::Accuracy])
///     .run(&train)?;
/// assert_eq!(swept.rows().len(), 3 * 2 * 2);
/// println!("{}", swept.to_csv());
/// let best = swept.best().expect("none diverged");
/// let model = swept.model(best.number)?;
/// assert_eq!(model.predict(test.inputs())?.shape().dims(), [test.len(), 1]);
/// # Ok::<(), retrograd::Error>(())
/// ```
pub struct Sweep<T: 'static> {
    recipe: Recipe<T>,
    optimizer: Box<dyn Fn(f64) -> Optimizer<T> + Send + Sync>,
    seeds: Vec<u64>,
    learning_rates: Vec<f64>,
    penalties: Option<(Penalty, Vec<f64>)>,
    /// The settings that all runs share.
    shared: Shared<T>,
    part: (usize, usize),
    threads: usize,
}

/// The settings that all runs share.
struct Shared<T> {
    loss: Option<Arc<dyn Loss<T>>>,
    epochs: u64,
    batch: usize,
    drop_last: bool,
    shuffle: bool,
    metrics: Vec<Metric>,
    validation: Option<Dataset<T>>,
}

/// The settings of one run.
#[derive(Clone, Copy)]
struct Combination {
    number: usize,
    seed: u64,
    learning_rate: f64,
    factor: Option<f64>,
}

impl<T: Element> Sweep<T> {
    /// Sweeps over models that the first closure makes by a seed, each trained by the optimiser that the second one makes of a learning
    /// rate: 10 epochs in batches of 32, shuffled by the run's seed, with the losses that [`Trainer::new`] names. Seed 0, unless told
    /// otherwise; learning rates are to be given.
    pub fn new<O: Into<Optimizer<T>>>(
        model: impl Fn(u64) -> Result<Model<T>> + Send + Sync + 'static,
        optimizer: impl Fn(f64) -> O + Send + Sync + 'static,
    ) -> Self {
        Self {
            recipe: Arc::new(model),
            optimizer: Box::new(move |rate| optimizer(rate).into()),
            seeds: vec![0],
            learning_rates: Vec::new(),
            penalties: None,
            shared: Shared {
                loss: None,
                epochs: 10,
                batch: 32,
                drop_last: false,
                shuffle: true,
                metrics: Vec::new(),
                validation: None,
            },
            part: (0, 1),
            threads: 1,
        }
    }

    /// The seeds: of a model's first weights, and of its shuffles and dropout.
    pub fn seeds(mut self, seeds: impl IntoIterator<Item = u64>) -> Self {
        self.seeds = seeds.into_iter().collect();
        self
    }
    /// The learning rates.
    pub fn learning_rates(mut self, rates: impl IntoIterator<Item = f64>) -> Self {
        self.learning_rates = rates.into_iter().collect();
        self
    }
    /// A penalty, times each of these factors: `penalties(Penalty::l2(1.0), [0.0, 0.01])` is none, and one with a lambda of 0.01.
    pub fn penalties(mut self, penalty: Penalty, factors: impl IntoIterator<Item = f64>) -> Self {
        self.penalties = Some((penalty, factors.into_iter().collect()));
        self
    }
    /// The loss to minimise.
    pub fn loss(mut self, loss: impl Loss<T> + 'static) -> Self {
        self.shared.loss = Some(Arc::new(loss));
        self
    }
    /// Passes over the training data.
    pub fn epochs(mut self, epochs: u64) -> Self {
        self.shared.epochs = epochs;
        self
    }
    /// Examples in a batch; the last one of an epoch may be shorter.
    pub fn batch(mut self, size: usize) -> Self {
        self.shared.batch = size;
        self
    }
    /// Leaves out the last batch of an epoch where it is shorter.
    pub fn drop_last(mut self) -> Self {
        self.shared.drop_last = true;
        self
    }
    /// Takes the examples in the order of the data.
    pub fn without_shuffling(mut self) -> Self {
        self.shared.shuffle = false;
        self
    }
    /// What to measure of each trained model, on the validation data or else on the training data.
    pub fn metrics(mut self, metrics: impl IntoIterator<Item = Metric>) -> Self {
        self.shared.metrics.extend(metrics);
        self
    }
    /// Data to validate each trained model on; never trained on.
    pub fn validation(mut self, data: &Dataset<T>) -> Self {
        self.shared.validation = Some(data.clone());
        self
    }

    /// How many threads train stacks of models side by side; 1 unless set. The rows have the same bits for any number.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Runs the k-th of so many parts of the combinations, from 0: a process each. Parts are whole stacks of up to 64 models, as near to equal
    /// as can be. The rows of all parts,
    /// put together by [`Sweep::gather`], are those of one run, with the same bits. [`Sweep::run_on`] does so with a world.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{data::synthetic, nn::Mlp, optim::Sgd, train::Sweep};
    /// let data = synthetic::two_moons::<f64>(40, 0.1, 0)?;
    /// let sweep = || {
    ///     Sweep::new(|seed| Mlp::new(2).dense(4).tanh().dense(1).build(seed), |rate| Sgd::new(rate))
    ///         .seeds(0..5)
    ///         .learning_rates([0.1])
    ///         .epochs(2)
    /// };
    /// let mut rows = Vec::new();
    /// for k in 0..2 {
    ///     rows.extend(sweep().part(k, 2).run(&data)?.into_rows());
    /// }
    /// assert_eq!(sweep().gather(&data, rows)?.to_csv(), sweep().run(&data)?.to_csv());
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn part(mut self, k: usize, of: usize) -> Self {
        self.part = (k, of);
        self
    }

    /// How many combinations there are, of all parts together.
    pub fn count_all(&self) -> usize {
        let factors = self.penalties.as_ref().map_or(1, |(_, factors)| factors.len());
        self.learning_rates.len() * factors * self.seeds.len()
    }

    /// Trains all models, or those of the part.
    ///
    /// Rows are ordered by learning rate, then penalty, then seed, each in the order in which it was given.
    ///
    /// # Errors
    /// No combinations, or a part that there is not; settings, a model or data that [`Trainer::fit`] refuses; models that differ in
    /// more than their weights from seed to seed; a layer or loss that cannot be computed for many models at once, named.
    #[inline(never)]
    pub fn run(&self, data: &Dataset<T>) -> Result<Swept<T>> {
        self.run_part(data, self.part)
    }

    fn run_part(&self, data: &Dataset<T>, part: (usize, usize)) -> Result<Swept<T>> {
        let combinations = self.combinations(part)?;
        let stacks: Vec<&[Combination]> = combinations.chunks(self.stack()).collect();
        let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        // Takes stacks until there are no more; what one thread finds wrong ends the others.
        let work = || {
            let worked = self.work(data, &stacks, &next, &done);
            worked.inspect_err(|_| next.store(stacks.len(), Ordering::Relaxed))
        };
        let helpers = self.threads.min(stacks.len()).saturating_sub(1);
        std::thread::scope(|scope| {
            let helpers: Vec<_> = (0..helpers).map(|_| scope.spawn(work)).collect();
            let worked = work();
            let panicked = |payload| std::panic::resume_unwind(payload);
            helpers.into_iter().map(|helper| helper.join().unwrap_or_else(panicked)).fold(worked, Result::and)
        })?;
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(k, _)| *k);
        self.swept(data, done.into_iter().flat_map(|(_, rows)| rows).collect())
    }

    /// Trains the stacks that are left.
    fn work(&self, data: &Dataset<T>, stacks: &[&[Combination]], next: &AtomicUsize, done: &Done<T>) -> Result<()> {
        let first = self.seeds[0];
        let setup = Setup::new(self, data, (self.recipe)(first)?)?;
        let mut programs = Vec::new();
        while let Some(stack) = stacks.get(next.fetch_add(1, Ordering::Relaxed)) {
            let rows = StackRun::new(self, &setup, stack, &mut programs)?.finish()?;
            done.lock().unwrap_or_else(PoisonError::into_inner).push((stack[0].number, rows));
        }
        Ok(())
    }

    /// Puts the rows of all parts together, which were trained on these data, in whatever order they come.
    ///
    /// # Errors
    /// A combination that is missing, or there twice; a row of another sweep.
    #[inline(never)]
    pub fn gather(&self, data: &Dataset<T>, mut rows: Vec<SweepRow<T>>) -> Result<Swept<T>> {
        rows.sort_by_key(|row| row.number);
        self.combinations(self.part)?;
        let all = self.all();
        let place = |k: usize| rows.get(k).map_or(usize::MAX, |row| row.number);
        if let Some(k) = (0..all.len().max(rows.len())).find(|&k| place(k) != k) {
            let what = match place(k) {
                number if number < k => format!("row {number} is there twice"),
                _ if k < all.len() => format!("row {k} is missing"),
                number => format!("there is a row {number}"),
            };
            return Err(Error::argument(format!("sweep: {what}, of {} combinations, from 0", all.len())));
        }
        let differs = |(row, of): &(&SweepRow<T>, &Combination)| {
            (row.seed, row.learning_rate, row.penalty) != (of.seed, of.learning_rate, of.factor)
        };
        if let Some((row, of)) = rows.iter().zip(&all).find(differs) {
            return Err(Error::argument(format!(
                "sweep: row {} has seed {} and learning rate {}, this sweep's has seed {} and learning rate {}, or another penalty",
                row.number, row.seed, row.learning_rate, of.seed, of.learning_rate
            )));
        }
        self.swept(data, rows)
    }

    fn swept(&self, data: &Dataset<T>, rows: Vec<SweepRow<T>>) -> Result<Swept<T>> {
        let model = (self.recipe)(self.seeds[0])?;
        let head = checks::head(&model, data, &*self.loss_for(&model, data));
        let metrics = self.shared.metrics.iter().map(Metric::name).collect();
        Ok(Swept::new(self.recipe.clone(), (head, data.preprocessing().clone()), metrics, rows))
    }

    /// All combinations, those of one rate one after another.
    fn all(&self) -> Vec<Combination> {
        let factors = self.penalties.as_ref().map(|(_, factors)| factors.iter().copied().map(Some).collect());
        let factors: Vec<Option<f64>> = factors.unwrap_or_else(|| vec![None]);
        let mut all = Vec::with_capacity(self.count_all());
        for &learning_rate in &self.learning_rates {
            for &factor in &factors {
                all.extend(self.seeds.iter().map(|&seed| Combination { number: 0, seed, learning_rate, factor }));
            }
        }
        all.iter_mut().enumerate().for_each(|(number, combination)| combination.number = number);
        all
    }

    /// Those of a part.
    fn combinations(&self, (k, of): (usize, usize)) -> Result<Vec<Combination>> {
        let wrong = |message: String| Err(Error::argument(format!("sweep: {message}")));
        if self.learning_rates.is_empty() {
            return wrong("no learning rates; give one or more, as learning_rates([0.01, 0.1])".to_owned());
        }
        if self.seeds.is_empty() {
            return wrong("no seeds; give one or more, as seeds(0..10)".to_owned());
        }
        if let Some((_, factors)) = &self.penalties {
            if factors.is_empty() {
                return wrong("no factors of the penalty; give one or more, or no penalty".to_owned());
            }
            if let Some(factor) = factors.iter().find(|factor| !(**factor >= 0.0 && factor.is_finite())) {
                return wrong(format!("a penalty's factor is 0 or more, got {factor}"));
            }
        }
        if k >= of {
            return wrong(format!("part {k} of {of}; parts are counted from 0, and there is at least one"));
        }
        let (all, stack) = (self.all(), self.stack());
        // Whole stacks, so that a model has the same ones beside it however the work is shared.
        let stacks = all.len().div_ceil(stack) as u128;
        let from = |k: usize| ((stacks * k as u128 / of as u128) as usize * stack).min(all.len());
        Ok(all[from(k)..from(k + 1)].to_vec())
    }

    /// How many models stand in a stack: it follows from how many there are in all.
    fn stack(&self) -> usize {
        self.count_all().div_ceil(STACKS).next_power_of_two().min(STACK)
    }

    /// The optimiser of a rate, for parameters in stacks.
    fn optimizer(&self, rate: f64) -> Optimizer<T> {
        (self.optimizer)(rate)
    }

    /// The loss of the data.
    fn loss_for(&self, model: &Model<T>, data: &Dataset<T>) -> Arc<dyn Loss<T>> {
        self.shared.loss.clone().unwrap_or_else(|| run::default_loss(data.targets(), model))
    }

    /// Whoever trains one of the models by itself.
    fn trainer(&self, rate: f64) -> Trainer<T> {
        let Shared { loss, epochs, batch, drop_last, shuffle, metrics, validation } = &self.shared;
        let mut trainer =
            Trainer::new(self.optimizer(rate)).epochs(*epochs).batch(*batch).metrics(metrics.iter().copied());
        trainer.loss = loss.clone();
        trainer.validation = validation.clone();
        (trainer.drop_last, trainer.shuffle) = (*drop_last, *shuffle);
        trainer
    }
}
