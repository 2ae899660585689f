//! Compiled programs and maps beside every other engine.

#![allow(clippy::duplicate_mod, reason = "two examples stand here as modules, and one of them uses files of the other")]

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
