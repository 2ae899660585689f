//! Compiled programs and maps beside every other engine.

mod adbench;
mod agreement;
mod compiled;
mod custom_rules;
mod gradbench;
mod map;
mod mapped_files;
mod program;
mod program_thresholds;
mod stack;
mod vmap;
