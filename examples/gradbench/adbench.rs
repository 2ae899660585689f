//! What the example `adbench` has of the same problems: formulas, and what is made of their data.

#[path = "../adbench/ba/mod.rs"]
pub(crate) mod ba;
#[path = "../adbench/gmm/mod.rs"]
pub(crate) mod gmm;
#[path = "../adbench/lstm/mod.rs"]
pub(crate) mod lstm;
#[path = "../adbench/problem.rs"]
pub(crate) mod problem;
#[path = "../adbench/tokens.rs"]
pub(crate) mod tokens;
