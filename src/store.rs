//! Named tensors in files: the safetensors format, which Python's package of that name reads and writes.
//!
//! A file is written to a temporary name, synced and renamed, so that a reader meets the old file or the new one. Beside the
//! tensors stand texts; ours is a JSON with a version and a checksum of every tensor, so that a flipped bit is found where
//! the file was written here. Files from elsewhere have none, and are read all the same.

pub use crate::files::write_atomically;

use crate::{Element, Error, Result, Shape, Tensor};
use flate2::Crc;
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensorError, SafeTensors};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
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
    /// CRC-32 of each tensor's bytes.
    checksums: BTreeMap<String, u32>,
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
    let mut parts: BTreeMap<String, (Vec<usize>, Vec<u8>)> = BTreeMap::new();
    for (name, tensor) in tensors {
        let bytes = bytes_of(tensor);
        if parts.insert(name.clone(), (tensor.shape().to_vec(), bytes)).is_some() {
            return Err(Error::argument(format!("write: two tensors are named {name:?}")));
        }
    }
    let checksums = parts.iter().map(|(name, (_, bytes))| (name.clone(), checksum(bytes))).collect();
    let about = About { kind: kind.to_owned(), version, checksums, content };
    let about = serde_json::to_string(&about).expect("plain data has a JSON form");
    let dtype = if T::NAME == "f32" { Dtype::F32 } else { Dtype::F64 };
    let views = parts.iter().map(|(name, (shape, bytes))| {
        let view = TensorView::new(dtype, shape.clone(), bytes).expect("as many bytes as the shape says");
        (name, view)
    });
    let metadata = HashMap::from([(KEY.to_owned(), about)]);
    let file = safetensors::serialize(views, Some(metadata))
        .map_err(|error| Error::argument(format!("write {}: {error}", path.display())))?;
    write_atomically(path, &file)
}

fn bytes_of<T: Element>(tensor: &Tensor<T>) -> Vec<u8> {
    match T::NAME {
        "f32" => tensor.iter().flat_map(|x| (x.to_f64() as f32).to_le_bytes()).collect(),
        _ => tensor.iter().flat_map(|x| x.to_f64().to_le_bytes()).collect(),
    }
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Reads a file of named tensors, from here or from Python.
///
/// # Errors
/// The file cannot be read, is not of the format, is cut short, or a tensor differs from its checksum.
pub fn read(path: impl AsRef<Path>) -> Result<TensorFile> {
    let path = path.as_ref();
    let shown = path.display().to_string();
    if path.is_dir() {
        return Err(Error::io(format!("cannot read {shown}: it is a directory; give the name of a file in it")));
    }
    let bytes = std::fs::read(path).map_err(|error| Error::io(format!("cannot read {shown}: {error}")))?;
    TensorFile::new(bytes, shown)
}

/// The named tensors that the bytes of such a file hold.
///
/// # Errors
/// As for [`read`].
pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Result<TensorFile> {
    TensorFile::new(bytes.into(), "the bytes".to_owned())
}

/// A file of named tensors, as read.
pub struct TensorFile {
    path: String,
    tensors: BTreeMap<String, Stored>,
    about: Option<About>,
}

struct Stored {
    dtype: Dtype,
    shape: Shape,
    bytes: Vec<u8>,
}

impl TensorFile {
    fn new(bytes: Vec<u8>, path: String) -> Result<Self> {
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|error| unreadable(&path, &bytes, error))?;
        let content = SafeTensors::deserialize(&bytes).map_err(|error| unreadable(&path, &bytes, error))?;
        let about = header.metadata().as_ref().and_then(|texts| texts.get(KEY));
        let about: Option<About> = about
            .map(|text| serde_json::from_str(text))
            .transpose()
            .map_err(|error| Error::io(format!("cannot read {path}: its description is damaged: {error}")))?;
        let mut tensors = BTreeMap::new();
        for (name, view) in content.iter() {
            let expected = about.as_ref().and_then(|about| about.checksums.get(name));
            if expected.is_some_and(|sum| *sum != checksum(view.data())) {
                return Err(Error::io(format!(
                    "cannot read {path}: tensor {name:?} differs from its checksum: the file is damaged; take another copy"
                )));
            }
            let shape = Shape::new(view.shape())
                .map_err(|error| Error::io(format!("cannot read {path}: tensor {name:?}: {error}")))?;
            let stored = Stored { dtype: view.dtype(), shape, bytes: view.data().to_vec() };
            tensors.insert(name.to_owned(), stored);
        }
        Ok(Self { path, tensors, about })
    }

    /// The names, sorted.
    pub fn names(&self) -> Vec<&str> {
        self.tensors.keys().map(String::as_str).collect()
    }

    /// The shape of a tensor, if there is one of that name.
    pub fn shape(&self, name: &str) -> Option<&Shape> {
        self.tensors.get(name).map(|stored| &stored.shape)
    }

    /// A tensor. Numbers of the other precision are converted where that loses nothing: f32 to f64.
    ///
    /// # Errors
    /// No tensor of that name; numbers of another kind.
    pub fn tensor<T: Element>(&self, name: &str) -> Result<Tensor<T>> {
        let Some(stored) = self.tensors.get(name) else {
            return Err(Error::argument(format!(
                "{}: no tensor {name:?}; there are {}",
                self.path,
                self.names().join(", ")
            )));
        };
        let data: Vec<T> = match (stored.dtype, T::NAME) {
            (Dtype::F32, _) => numbers(&stored.bytes, |b| f64::from(f32::from_le_bytes(b))),
            (Dtype::F64, "f64") => numbers(&stored.bytes, f64::from_le_bytes),
            (dtype, _) => {
                return Err(Error::argument(format!(
                    "{}: tensor {name:?} holds {dtype:?}, where {} is wanted",
                    self.path,
                    T::NAME
                )));
            }
        };
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

fn numbers<T: Element, const N: usize>(bytes: &[u8], read: impl Fn([u8; N]) -> f64) -> Vec<T> {
    bytes.chunks_exact(N).map(|chunk| T::from_f64(read(chunk.try_into().expect("chunks of N bytes")))).collect()
}

fn unreadable(path: &str, bytes: &[u8], error: SafeTensorError) -> Error {
    let why = match error {
        SafeTensorError::MetadataIncompleteBuffer | SafeTensorError::InvalidHeaderLength => {
            format!("it is cut short, or not of the safetensors format ({} bytes): {error}", bytes.len())
        }
        SafeTensorError::HeaderTooSmall => format!("it has {} bytes, too few for a safetensors file", bytes.len()),
        error => format!("it is damaged, or not of the safetensors format: {error}"),
    };
    Error::io(format!("cannot read {path}: {why}"))
}
