//! Named tensors in files: the safetensors format, which Python's package of that name reads and writes.
//!
//! A file is written to a temporary name, synced and renamed, so that a reader meets the old file or the new one. Beside the
//! tensors stand two texts: a JSON with a kind, a version and what that kind says of itself, and the CRC-32 of the whole file with
//! its own eight digits as zeros. So any flipped bit is found, wherever it is; and as each text asks for the other, that is so where
//! a flipped bit hides one of them. Files from before there was such a sum have one for each tensor, and are read with a warning
//! ([`TensorFile::warnings`]). Files from elsewhere have none, and are read all the same.
//!
//! What a file's header claims is compared with the file's length before its tensors are read.
//!
//! # Examples
//! ```
//! use retrograd::{Tensor, nn::Mlp, store};
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("model.safetensors");
//! let model = Mlp::new(2).dense(3).build::<f64>(0)?;
//! model.save(&path)?;
//! // A model's file is one of named tensors.
//! let file = store::read(&path)?;
//! assert_eq!(file.names(), ["dense1.bias", "dense1.weight"]);
//! assert_eq!(&file.tensor::<f64>("dense1.weight")?, model.parameter("dense1.weight")?);
//! // One flipped bit, and it is refused.
//! let mut bytes = store::read_file(&path)?;
//! *bytes.last_mut().unwrap() ^= 1;
//! assert!(store::from_bytes(bytes).is_err());
//! # Ok::<(), retrograd::Error>(())
//! ```

mod header;
#[cfg(feature = "text")]
mod load;
mod npy;
mod npz;
mod numbers;
mod problem;

#[cfg(feature = "text")]
pub use load::loader;

pub use npy::NpyHeader;

pub use crate::files::{Lock, Source, open, read as read_file, write_atomically};

use crate::{Element, Error, Result, Shape, Tensor};
use flate2::Crc;
use header::Header;
use numbers::Refused;
use safetensors::Dtype;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

/// The metadata key that ours stands under.
const KEY: &str = "retrograd";

/// What a file says of itself besides tensors.
#[derive(Serialize, Deserialize)]
struct About {
    /// `tensors`, `model` or `checkpoint`.
    kind: String,
    /// The version of that kind.
    version: u32,
    /// CRC-32 of each tensor's bytes, in files that have none of the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checksums: Option<BTreeMap<String, u32>>,
    /// Everything else.
    content: serde_json::Value,
}

/// Writes named tensors, readable by Python's `safetensors.numpy.load_file`.
///
/// # Errors
/// The file cannot be written; a name is there twice.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, store};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("weights.safetensors");
/// store::write(&path, [("w", &Tensor::from([[1.0f32, 2.0]])), ("b", &Tensor::from([0.5f32]))])?;
/// let file = store::read(&path)?;
/// assert_eq!(file.names(), ["b", "w"]);
/// assert_eq!(file.tensor::<f64>("w")?, Tensor::from([[1.0, 2.0]]));
/// # Ok::<(), retrograd::Error>(())
/// ```
pub fn write<'a, T: Element>(
    path: impl AsRef<Path>,
    tensors: impl IntoIterator<Item = (impl Into<String>, &'a Tensor<T>)>,
) -> Result<()> {
    let tensors = tensors.into_iter().map(|(name, tensor)| (name.into(), tensor)).collect();
    write_kind(path, "tensors", 1, tensors, serde_json::Value::Null)
}

/// Writes tensors, replacing the file in one step, with what they are: a kind, the version of its description, and that.
///
/// [`TensorFile::content`] gives the description back, and says no to files of another kind and of newer versions.
///
/// # Errors
/// Two tensors have one name; the file cannot be written.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, store};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("table.safetensors");
/// let table = Tensor::from([1.0, 2.0]);
/// store::write_kind(&path, "table", 1, vec![("values".to_owned(), &table)], serde_json::json!({"unit": "m"}))?;
/// let file = store::read(&path)?;
/// assert_eq!(file.content("table", 1)?["unit"], "m");
/// assert!(file.content("model", 1).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_kind<T: Element>(
    path: impl AsRef<Path>,
    kind: &str,
    version: u32,
    tensors: Vec<(String, &Tensor<T>)>,
    content: serde_json::Value,
) -> Result<()> {
    let path = path.as_ref();
    let wrong = |why: String| Error::argument(format!("write {}: {why}", path.display()));
    let mut parts: BTreeMap<String, &Tensor<T>> = BTreeMap::new();
    for (name, tensor) in tensors {
        if name == header::TEXTS {
            return Err(wrong(format!("no tensor can have the name {name:?}, which the format keeps for texts")));
        }
        if parts.contains_key(&name) {
            return Err(wrong(format!("two tensors are named {name:?}")));
        }
        parts.insert(name, tensor);
    }
    let about = About { kind: kind.to_owned(), version, checksums: None, content };
    let about = serde_json::to_string(&about).expect("plain data has a JSON form");
    let mut bytes = header::written(KEY, about, numbers::dtype::<T>(), size_of::<T>(), &parts);
    parts.values().for_each(|tensor| numbers::append(tensor.as_slice(), &mut bytes));
    header::seal(&mut bytes);
    write_atomically(path, &bytes)
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Reads a file of named tensors, from here or from Python.
///
/// # Errors
/// The file cannot be read, is not of the format, is cut short, or differs from its checksum.
pub fn read(path: impl AsRef<Path>) -> Result<TensorFile> {
    let path = path.as_ref();
    TensorFile::new(read_bytes(path)?, path.display().to_string())
}

/// The bytes of such a file, as long as its beginning says they are; to be sent to another process, say.
///
/// # Errors
/// The file cannot be read, or is shorter than its beginning says.
pub fn read_bytes(path: impl AsRef<Path>) -> Result<Vec<u8>> {
    let path = path.as_ref();
    let Source { file, length } = open(path)?;
    header::checked(file, length, &path.display().to_string())
}

/// The named tensors that the bytes of such a file hold.
///
/// # Errors
/// As for [`read`].
pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Result<TensorFile> {
    from_bytes_named(bytes, "the bytes")
}

/// The same, of a file that messages call so.
///
/// # Errors
/// As for [`read`].
pub fn from_bytes_named(bytes: impl Into<Vec<u8>>, name: &str) -> Result<TensorFile> {
    TensorFile::new(bytes.into(), name.to_owned())
}

/// A file of named tensors, as read.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, store};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("weights.safetensors");
/// store::write(&path, [("w", &Tensor::from([[0.1, 0.2]]))])?;
/// let file = store::read(&path)?;
/// assert!(file.is_own() && file.warnings().is_empty());
/// assert_eq!((file.names(), file.shape("w").unwrap().dims()), (vec!["w"], &[1, 2][..]));
/// // In whatever precision is wanted.
/// assert_eq!(file.tensor::<f32>("w")?.to_vec(), [0.1, 0.2]);
/// # Ok::<(), retrograd::Error>(())
/// ```
pub struct TensorFile {
    path: String,
    bytes: Vec<u8>,
    tensors: BTreeMap<String, Stored>,
    about: Option<About>,
    warnings: Vec<String>,
}

struct Stored {
    dtype: Dtype,
    shape: Shape,
    place: Range<usize>,
}

impl TensorFile {
    fn new(bytes: Vec<u8>, path: String) -> Result<Self> {
        let damaged = |why: String| Error::io(format!("cannot read {path}: {why}"));
        let Header { metadata, start } = Header::read(&bytes, &path)?;
        let sealed = header::check_seal(&bytes[..start], &metadata, &bytes).map_err(damaged)?;
        let about = metadata.metadata().as_ref().and_then(|texts| texts.get(KEY));
        let about: Option<About> = about
            .map(|text| serde_json::from_str(text))
            .transpose()
            .map_err(|error| damaged(format!("its description is damaged: {error}")))?;
        let sums = about.as_ref().and_then(|about| about.checksums.as_ref());
        let mut warnings = Vec::new();
        match (&about, sealed) {
            (Some(About { checksums: None, .. }), false) => {
                return Err(damaged("its checksum is missing: the file is damaged; take another copy".to_owned()));
            }
            (Some(about), false) => warnings.push(format!(
                "{path}: this {} was written by an earlier version, without a checksum of the whole file: damage outside its \
                 tensors would go unnoticed; save it again",
                about.kind
            )),
            _ => {}
        }
        let mut tensors = BTreeMap::new();
        for (name, info) in metadata.tensors() {
            let place = start + info.data_offsets.0..start + info.data_offsets.1;
            let expected = sums.and_then(|sums| sums.get(&name));
            if expected.is_some_and(|sum| *sum != checksum(&bytes[place.clone()])) {
                return Err(damaged(format!(
                    "tensor {name:?} differs from its checksum: the file is damaged; take another copy"
                )));
            }
            let shape = Shape::new(&info.shape).map_err(|error| damaged(format!("tensor {name:?}: {error}")))?;
            tensors.insert(name, Stored { dtype: info.dtype, shape, place });
        }
        Ok(Self { path, bytes, tensors, about, warnings })
    }

    /// What a reader should know: that the file has no checksum of the whole, which those of version 0.1 before it lack.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Whether this crate wrote it. Files from elsewhere may lay tensors out in other ways.
    pub fn is_own(&self) -> bool {
        self.about.is_some()
    }

    /// What this crate wrote it as, such as `model`, `checkpoint` or `tensors`, if it did.
    pub fn kind(&self) -> Option<&str> {
        self.about.as_ref().map(|about| &about.kind[..])
    }

    /// The names, sorted.
    pub fn names(&self) -> Vec<&str> {
        self.tensors.keys().map(String::as_str).collect()
    }

    /// The shape of a tensor, if there is one of that name.
    pub fn shape(&self, name: &str) -> Option<&Shape> {
        self.tensors.get(name).map(|stored| &stored.shape)
    }

    /// A tensor, from numbers of 64, 32 or 16 bits (F64, F32, F16, BF16): exact where `T` has them all, else rounded to the
    /// nearest.
    ///
    /// # Errors
    /// No tensor of that name; numbers of another kind; a finite one that is beyond the range of `T`.
    pub fn tensor<T: Element>(&self, name: &str) -> Result<Tensor<T>> {
        let Some(stored) = self.tensors.get(name) else {
            return Err(Error::argument(format!(
                "{}: no tensor {name:?}; there are {}",
                self.path,
                self.names().join(", ")
            )));
        };
        let data = numbers::read(stored.dtype, &self.bytes[stored.place.clone()]).map_err(|refused| {
            let why = match refused {
                Refused::Kind => {
                    format!("holds {:?}; numbers of the kinds F64, F32, F16 and BF16 are read", stored.dtype)
                }
                Refused::Range(x) => format!("holds {x:e}, which is beyond the range of {}; read it as f64", T::NAME),
            };
            Error::argument(format!("{}: tensor {name:?} {why}", self.path))
        })?;
        Tensor::new(stored.shape.clone(), data)
    }

    /// What a file of this kind says beside its tensors.
    ///
    /// # Errors
    /// It is of another kind, or of a newer version.
    pub fn content(&self, kind: &str, newest: u32) -> Result<&serde_json::Value> {
        match &self.about {
            Some(about) if about.kind == kind && about.version <= newest => Ok(&about.content),
            Some(about) if about.kind == kind => Err(Error::io(format!(
                "{}: a {kind} of version {}, written by a newer retrograd; this one reads up to {newest}",
                self.path, about.version
            ))),
            Some(about) if about.kind != "tensors" => {
                Err(Error::io(format!("{}: holds a {}, not a {kind}", self.path, about.kind)))
            }
            _ => Err(Error::io(format!("{}: holds plain tensors, not a {kind} written by retrograd", self.path))),
        }
    }

    /// The name of the file, for messages.
    pub fn path(&self) -> &str {
        &self.path
    }
}
