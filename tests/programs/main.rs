//! Compiled programs and maps beside every other engine.

mod adbench;
mod compiled;
mod program;
mod program_thresholds;
