//! Training: the loop, metrics, history.
//!
//! [`Trainer::fit`] is a loop over epochs and batches around [`Model::step`](crate::nn::Model::step), which a loop of your own
//! may call just as well. It prints nothing unless asked: progress is reported by a [`Callback`] like any other.

mod callback;
mod checkpoint;
mod checks;
mod evaluate;
mod events;
#[cfg(feature = "plots")]
mod figures;
mod history;
mod learning;
mod measure;
pub mod metrics;
#[cfg(feature = "plots")]
mod pictures;
#[cfg(feature = "progress")]
mod progress;
mod run;
mod setup;
mod trainer;

pub use callback::{BatchEvent, Callback, EpochEvent, Flow, RunInfo, StopFlag};
pub use checkpoint::Checkpoint;
pub use evaluate::Evaluation;
pub use history::{EpochRecord, History, Stop};
pub use learning::{Histogram, LayerState, Learning, Snapshot};
pub use measure::Metric;
#[cfg(feature = "progress")]
pub use progress::ProgressReporter;
pub use trainer::{Execution, Trainer};
