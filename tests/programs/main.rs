//! Compiled programs and maps beside every other engine.

mod adbench;
mod agreement;
mod compiled;
mod map;
mod program;
mod program_thresholds;
mod stack;
