//! Training: the loop, metrics, history, checkpoints.
