//! Optimisers: update rules with their state, groups of parameters, schedules of the learning rate.
//!
//! A [`Rule`] says how one tensor is updated, in one vectorised pass; an [`Optimizer`] applies it to every trainable
//! parameter and keeps its state in a secondary map. Definitions, defaults and the order of operations are PyTorch's.
//!
//! # Examples
//! ```
//! use retrograd::{Tape, nn::{Draw, Mlp}, optim::{Adam, Optimizer}};
//! let mut model = Mlp::new(1).dense(1).build::<f64>(0)?;
//! let (mut tape, mut optimizer) = (Tape::new(), Optimizer::from(Adam::new(0.1)));
//! let mut loss = f64::INFINITY;
//! for epoch in 0..300 {
//!     let step = model.step(&mut tape, Draw { epoch, ..Draw::default() }, |model, pass| {
//!         let (x, y) = (pass.tape().data([[1.0], [2.0]]), pass.tape().data([[3.0], [5.0]]));
//!         Ok(model.forward(x, pass).mean_squared_error(y))
//!     })?;
//!     optimizer.step(model.params_mut(), &step.grads);
//!     loss = step.loss;
//! }
//! assert!(loss < 1e-3);
//! # Ok::<(), retrograd::Error>(())
//! ```

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
