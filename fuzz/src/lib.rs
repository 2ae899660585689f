//! What the targets do with their bytes: the library's own test reads the corpora in the same way.

#[path = "../../tests/training/hostile_files/readers.rs"]
mod readers;

pub use readers::*;
