//! Formulas as text: what the language runs, and what `check` says of backward passes written in it.

mod bounds;
mod classics;
mod corpus;
#[cfg(feature = "training")]
mod files;
mod mistakes;
mod slips;
mod verdicts;
