//! What the targets do with their bytes: the library's own tests read the corpora in the same way.

#[path = "../../tests/serve/asked.rs"]
mod asked;
#[path = "../../tests/training/hostile_files/readers.rs"]
mod readers;

pub use asked::*;
pub use readers::*;
