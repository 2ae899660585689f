//! Optimisers: update rules with their state, groups of parameters, schedules of the learning rate.
//!
//! A [`Rule`] says how one tensor is updated, in one vectorised pass; an [`Optimizer`] applies it to every trainable
//! parameter and keeps its state in a secondary map. Definitions, defaults and the order of operations are PyTorch's.

mod adadelta;
mod adagrad;
mod adam;
mod adamax;
mod config;
mod lbfgs;
mod lion;
mod nadam;
mod optimizer;
mod rmsprop;
mod rule;
pub mod schedule;
mod sgd;

pub use adadelta::Adadelta;
pub use adagrad::Adagrad;
pub use adam::{Adam, AdamW};
pub use adamax::Adamax;
pub use config::from_config;
pub use lbfgs::{Lbfgs, LbfgsReport, LbfgsState, Minimized, Termination};
pub use lion::Lion;
pub use nadam::NAdam;
pub use optimizer::{Group, Optimizer, State};
pub use rmsprop::RmsProp;
pub use rule::{At, Rule};
pub use schedule::{Progress, Schedule};
pub use sgd::Sgd;
