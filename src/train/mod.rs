//! Training: the loop, metrics, history.
//!
//! [`Trainer::fit`] is a loop over epochs and batches around [`Model::step`](crate::nn::Model::step), which a loop of your own
//! may call just as well. It prints nothing unless asked: progress is reported by a [`Callback`] like any other.
//!
//! # Examples
//! ```
//! use retrograd::{data::synthetic, nn::Mlp, optim::Adam, train::{Metric, Trainer}};
//! let (train, test) = synthetic::two_moons::<f32>(200, 0.1, 0)?.split(0.25, 0)?;
//! let mut model = Mlp::new(2).dense(16).tanh().dense(2).build(0)?;
//! let mut trainer = Trainer::new(Adam::new(0.05))
//!     .epochs(40)
//!     .validation(&test)
//!     .metrics([Metric::Accuracy])
//!     .early_stopping(10);
//! let history = trainer.fit(&mut model, &train)?;
//! println!("{}", history.ending());
//! assert!(trainer.evaluate(&model, &test)?.get("accuracy").unwrap() > 0.9);
//! # Ok::<(), retrograd::Error>(())
//! ```

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
mod pieces;
#[cfg(feature = "progress")]
mod progress;
mod run;
mod setup;
mod sweep;
mod together;
mod trainer;

pub use callback::{BatchEvent, Callback, EpochEvent, Flow, RunInfo, StopFlag};
pub use checkpoint::Checkpoint;
pub use evaluate::Evaluation;
pub use history::{EpochRecord, History, Stop};
pub use learning::{Histogram, LayerState, Learning, Snapshot};
pub use measure::Metric;
#[cfg(feature = "progress")]
pub use progress::ProgressReporter;
pub use sweep::{Sweep, SweepRow, Swept};
pub use trainer::{Execution, Trainer};
