//! What may watch a training run, and end it.

use super::history::{EpochRecord, History};
use crate::nn::Model;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether training goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// It does.
    Continue,
    /// It ends here, everything saved.
    Stop,
}

/// What is known before the first batch.
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
pub struct EpochEvent<'a, T> {
    /// Its record.
    pub record: &'a EpochRecord,
    /// All epochs so far.
    pub history: &'a History,
    /// The model as it is now.
    pub model: &'a Model<T>,
}

/// Watches a training run. A closure over [`EpochEvent`] serves too: [`Trainer::on_epoch`](super::Trainer::on_epoch).
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

    /// A flag that Ctrl-C raises; a second Ctrl-C ends the process, as usual.
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
