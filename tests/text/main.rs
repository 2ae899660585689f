//! Formulas as text: what the language runs, and what `check` says of backward passes written in it.

mod bounds;
mod classics;
mod corpus;
mod mistakes;
mod slips;
