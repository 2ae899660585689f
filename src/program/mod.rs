//! Compiled programs: a recorded computation, frozen, optimised, and run again without recording or allocating.

pub(crate) mod batch;
pub(crate) mod block;
pub(crate) mod body;
