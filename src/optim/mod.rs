//! Optimisers: update rules with their state, groups of parameters, schedules of the learning rate.
//!
//! A [`Rule`] says how one tensor is updated, in one vectorised pass; an [`Optimizer`] applies it to every trainable
//! parameter and keeps its state in a secondary map. Definitions, defaults and the order of operations are PyTorch's.

mod optimizer;
mod rule;
mod sgd;

pub use optimizer::{Group, Optimizer, State};
pub use rule::{At, Rule};
pub use sgd::Sgd;
