//! Data: from a file or tensors in memory to the batches of an epoch.
//!
//! A [`Dataset`] is a tensor of inputs, one row an example, with [`Targets`] (labels or values), and perhaps a weight for each
//! row. It comes from tensors, from [`Csv`], from IDX files ([`Dataset::idx`], [`mnist`]), or from [`synthetic`] formulas, and is
//! checked once, where it is made: rows that agree in number, finite features, labels in range. What it went through on the way
//! (columns, categories, scaling, names of classes) is its [`Preprocessing`], which is saved with a model, so that a model
//! predicts from raw rows.
//!
//! What is drawn at random is drawn from ChaCha8 under a key of seed, purpose and epoch ([`shuffled`]): the batches of an
//! epoch can be found again from their number alone. Gathering a batch costs one copy of its rows into a buffer that is
//! written again for the next one ([`Batches`]); a batch that is the whole data in order shares its buffer.
//!
//! A file that does not fit into memory is read in pieces by [`PointFile`], for [`Map::over`](crate::Map::over).
//!
//! Not here: training on a table that does not fit into memory, and augmentation.
//!
//! # Examples
//! ```
//! use retrograd::data::{Csv, Order, Scaler};
//!
//! let file = "height,width,kind\n1.0,2.0,cat\n1.5,2.5,cat\n3.0,1.0,dog\n3.5,0.5,dog\n";
//! let data = Csv::new().target("kind").read::<f32>(file.as_bytes())?;
//! let (train, test) = data.stratified_split(0.5, 7)?;
//! let scaler = Scaler::standardise(&train)?;
//! let (train, test) = (train.scaled_by(&scaler)?, test.scaled_by(&scaler)?);
//!
//! for batch in train.batches(2, Order::shuffled(7, 0))? {
//!     assert_eq!(batch.inputs.shape().dims(), [2, 2]);
//! }
//! assert_eq!(test.class_names(), ["cat", "dog"]);
//! # Ok::<(), retrograd::Error>(())
//! ```

mod batches;
mod csv;
mod dataset;
mod difference;
mod file;
mod idx;
mod points;
mod preprocessing;
mod rows;
mod scaler;
mod source;
mod split;
pub mod synthetic;
mod targets;

pub use batches::{Batch, Batches, Order, shuffled};
pub use csv::{ColumnId, ColumnSurvey, Csv, Header, Missing, Unseen};
pub use dataset::Dataset;
pub use idx::{IdxArray, mnist, read_idx};
pub use points::{PointFile, PointFormat};
pub(crate) use preprocessing::listed;
pub use preprocessing::{Column, ColumnKind, Preprocessing};
pub use rows::{RawRow, Row};
pub use scaler::Scaler;
pub use source::RowSource;
pub use split::Folds;
pub use targets::{TargetKind, Targets};
