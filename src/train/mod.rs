//! Training: the loop, metrics, history, checkpoints.

pub mod metrics;
