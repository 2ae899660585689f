//! Events for the `tracing` crate's subscribers, where that feature is on; else nothing.

use super::callback::RunInfo;
use super::history::{EpochRecord, History};
use std::path::Path;

#[cfg(feature = "tracing")]
mod on {
    use super::*;

    pub fn started(run: &RunInfo) {
        let RunInfo { epochs, done, batches, examples, .. } = *run;
        tracing::info!(epochs, done, batches, examples, "training started");
    }
    pub fn epoch_done(record: &EpochRecord) {
        let EpochRecord { epoch, loss, valid_loss, learning_rate: rate, examples_per_second, .. } = *record;
        tracing::info!(epoch, loss, valid_loss, rate, examples_per_second, "epoch done");
    }
    pub fn saved(path: &Path, epoch: u64, batch: u64) {
        tracing::debug!(path = %path.display(), epoch, batch, "checkpoint saved");
    }
    pub fn ended(history: &History) {
        let stop = history.stop.as_ref().map(tracing::field::display);
        tracing::info!(epochs = history.epochs.len(), stop, "training ended");
        for warning in &history.warnings {
            tracing::warn!("{warning}");
        }
    }
}

#[cfg(not(feature = "tracing"))]
mod on {
    use super::*;

    pub fn started(_: &RunInfo) {}
    pub fn epoch_done(_: &EpochRecord) {}
    pub fn saved(_: &Path, _epoch: u64, _batch: u64) {}
    pub fn ended(_: &History) {}
}

pub use on::{ended, epoch_done, saved, started};
