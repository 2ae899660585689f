//! What may watch a training run, and end it.

use super::history::{EpochRecord, History};
use crate::nn::Model;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether training goes on.
///
/// # Examples
/// ```
/// use retrograd::{data::synthetic, nn::Mlp, optim::Adam, train::{Flow, Stop, Trainer}};
/// let data = synthetic::two_moons::<f32>(64, 0.1, 0)?;
/// let mut model = Mlp::new(2).dense(2).build(0)?;
/// let mut trainer = Trainer::new(Adam::new(0.1))
///     .epochs(10)
///     .on_epoch(|event| if event.record.epoch == 2 { Flow::Stop } else { Flow::Continue });
/// let history = trainer.fit(&mut model, &data)?;
/// assert_eq!((history.epochs.len(), history.stop), (2, Some(Stop::Callback)));
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// It does.
    Continue,
    /// It ends here, everything saved.
    Stop,
}

/// What is known before the first batch.
///
/// # Examples
/// ```
/// use retrograd::{data::synthetic, nn::Mlp, optim::Adam, train::{Callback, RunInfo, Trainer}};
/// use std::{cell::RefCell, rc::Rc};
///
/// struct Announcer(Rc<RefCell<Vec<RunInfo>>>);
/// impl<T> Callback<T> for Announcer {
///     fn on_start(&mut self, run: &RunInfo) {
///         self.0.borrow_mut().push(run.clone());
///     }
/// }
///
/// let runs = Rc::default();
/// let data = synthetic::two_moons::<f32>(64, 0.1, 0)?;
/// let mut model = Mlp::new(2).dense(2).build(0)?;
/// Trainer::new(Adam::new(0.1)).epochs(3).batch(20).callback(Announcer(Rc::clone(&runs))).fit(&mut model, &data)?;
/// let run = &runs.borrow()[0];
/// assert_eq!((run.epochs, run.done, run.batches, run.examples), (3, 0, 4, 64));
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RunInfo {
    /// Epochs to do.
    pub epochs: u64,
    /// Epochs that an earlier run has done.
    pub done: u64,
    /// Batches in each.
    pub batches: u64,
    /// Training examples in each.
    pub examples: u64,
    /// The names of the metrics.
    pub metrics: Vec<String>,
}

/// A batch that was done.
///
/// # Examples
/// ```
/// use retrograd::{data::synthetic, nn::Mlp, optim::Adam, train::{BatchEvent, Callback, Flow, Trainer}};
/// use std::{cell::RefCell, rc::Rc};
///
/// struct Watcher(Rc<RefCell<Vec<BatchEvent>>>);
/// impl<T> Callback<T> for Watcher {
///     fn on_batch(&mut self, event: &BatchEvent) -> Flow {
///         self.0.borrow_mut().push(*event);
///         Flow::Continue
///     }
/// }
///
/// let seen = Rc::default();
/// let data = synthetic::two_moons::<f32>(64, 0.1, 0)?;
/// let mut model = Mlp::new(2).dense(2).build(0)?;
/// Trainer::new(Adam::new(0.1)).epochs(1).batch(40).callback(Watcher(Rc::clone(&seen))).fit(&mut model, &data)?;
/// let examples: Vec<_> = seen.borrow().iter().map(|event| (event.epoch, event.batch, event.examples)).collect();
/// assert_eq!(examples, [(1, 1, 40), (1, 2, 64)]);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchEvent {
    /// The epoch, from 1.
    pub epoch: u64,
    /// The batch in the epoch, from 1.
    pub batch: u64,
    /// Examples of this epoch so far.
    pub examples: u64,
    /// The mean loss of this epoch so far.
    pub loss: f64,
}

/// An epoch that was done.
///
/// # Examples
/// ```
/// use retrograd::{data::synthetic, nn::Mlp, optim::Adam, train::{Flow, Trainer}};
/// let data = synthetic::two_moons::<f32>(64, 0.1, 0)?;
/// let mut model = Mlp::new(2).dense(2).build(0)?;
/// let mut trainer = Trainer::new(Adam::new(0.1)).epochs(3).on_epoch(|event| {
///     assert_eq!(event.history.epochs.len() as u64, event.record.epoch);
///     assert!(event.model.params().iter().all(|(_, param)| param.value().is_finite()));
///     println!("epoch {}: loss {:.3}", event.record.epoch, event.record.loss);
///     Flow::Continue
/// });
/// assert_eq!(trainer.fit(&mut model, &data)?.epochs.len(), 3);
/// # Ok::<(), retrograd::Error>(())
/// ```
pub struct EpochEvent<'a, T> {
    /// Its record.
    pub record: &'a EpochRecord,
    /// All epochs so far.
    pub history: &'a History,
    /// The model as it is now.
    pub model: &'a Model<T>,
}

/// Watches a training run. A closure over [`EpochEvent`] serves too: [`Trainer::on_epoch`](super::Trainer::on_epoch).
///
/// # Examples
/// ```
/// use retrograd::{data::synthetic, nn::Mlp, optim::Adam, train::{BatchEvent, Callback, Flow, Stop, Trainer}};
///
/// /// Ends training after so many batches.
/// struct Budget {
///     batches: u64,
/// }
/// impl<T> Callback<T> for Budget {
///     fn on_batch(&mut self, _event: &BatchEvent) -> Flow {
///         self.batches -= 1;
///         if self.batches == 0 { Flow::Stop } else { Flow::Continue }
///     }
/// }
///
/// let data = synthetic::two_moons::<f32>(64, 0.1, 0)?;
/// let mut model = Mlp::new(2).dense(2).build(0)?;
/// let history = Trainer::new(Adam::new(0.1)).batch(16).callback(Budget { batches: 6 }).fit(&mut model, &data)?;
/// assert_eq!(history.stop, Some(Stop::Callback));
/// # Ok::<(), retrograd::Error>(())
/// ```
pub trait Callback<T> {
    /// Before the first batch.
    fn on_start(&mut self, run: &RunInfo) {
        let _ = run;
    }
    /// After each batch.
    fn on_batch(&mut self, event: &BatchEvent) -> Flow {
        let _ = event;
        Flow::Continue
    }
    /// After each epoch.
    fn on_epoch(&mut self, event: &EpochEvent<'_, T>) -> Flow {
        let _ = event;
        Flow::Continue
    }
    /// At the end.
    fn on_end(&mut self, history: &History) {
        let _ = history;
    }
}

/// A closure called after each epoch.
pub(crate) struct OnEpoch<F>(pub F);

impl<T, F: FnMut(&EpochEvent<'_, T>) -> Flow> Callback<T> for OnEpoch<F> {
    fn on_epoch(&mut self, event: &EpochEvent<'_, T>) -> Flow {
        (self.0)(event)
    }
}

/// A flag that ends training after the current batch, from another thread or a signal.
///
/// # Examples
/// ```
/// use retrograd::{data::synthetic, nn::Mlp, optim::Adam, train::{Stop, StopFlag, Trainer}};
/// let data = synthetic::two_moons::<f32>(64, 0.1, 0)?;
/// let mut model = Mlp::new(2).dense(2).build(0)?;
/// let flag = StopFlag::new();
/// let elsewhere = flag.clone();
/// std::thread::spawn(move || elsewhere.raise()).join().unwrap();
/// let history = Trainer::new(Adam::new(0.1)).stop_flag(flag).fit(&mut model, &data)?;
/// assert_eq!(history.stop, Some(Stop::Interrupted));
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// A flag that is down.
    pub fn new() -> Self {
        Self::default()
    }
    /// Raises it.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
    /// Whether it is up.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// A flag that Ctrl-C raises, and on Unix the signals to terminate and to hang up, which launchers such as `mpirun` make of it; a
    /// second one ends the process, as usual.
    ///
    /// # Errors
    /// The process has a handler for Ctrl-C already.
    #[cfg(feature = "interrupt")]
    pub fn on_ctrl_c() -> crate::Result<Self> {
        let flag = Self::new();
        let raised = flag.clone();
        let handler = move || {
            if raised.is_raised() {
                std::process::exit(130);
            }
            raised.raise();
        };
        ctrlc::set_handler(handler)
            .map_err(|error| crate::Error::argument(format!("ctrl-c: no handler could be installed: {error}")))?;
        Ok(flag)
    }
}
