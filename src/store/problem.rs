//! Problems whose arrays lie in files beside them.

use super::npz::Npz;
use super::{TensorFile, from_bytes, read_file};
use crate::check::{Arrays, Problem};
use crate::{Error, Result, Tensor};
use std::path::{Component, Path};

impl Problem {
    /// Reads a problem from a file of JSON; arrays may lie in the files of its `"arrays"`, beside it.
    ///
    /// # Errors
    /// As for [`Problem::parse`]; a file that cannot be read, or is not of its format: `.npz` as `numpy.savez` and
    /// `savez_compressed` write it, or `.safetensors`; one that is not in the folder of the problem or below.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let folder = path.parent().unwrap_or(Path::new(""));
        let within = |error: Error| error.within(&path.display().to_string());
        let text = String::from_utf8(read_file(path)?).map_err(|_| within(Error::io("it is not of UTF-8")))?;
        Self::with_arrays(&text, &mut |name| open(folder, name)).map_err(within)
    }
}

fn open(folder: &Path, name: &str) -> Result<Box<dyn Arrays>> {
    let refused = |why: &str| Error::argument(format!("problem: arrays: {name:?} {why}"));
    if !Path::new(name).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(refused("is not in the problem's folder or below; give a path relative to it, without \"..\""));
    }
    let path = folder.join(name);
    let within = |error: Error| error.within(&format!("problem: arrays: {}", path.display()));
    let end = path.extension().map(|end| end.to_ascii_lowercase());
    match end.as_ref().and_then(|end| end.to_str()) {
        Some("npz") => Ok(Box::new(Npz::new(read_file(&path)?).map_err(within)?)),
        Some("safetensors") => Ok(Box::new(from_bytes(read_file(&path)?).map_err(within)?)),
        _ => Err(refused("is not a file of arrays that is read: .npz or .safetensors")),
    }
}

impl Arrays for TensorFile {
    fn array(&self, name: &str) -> Option<Result<Tensor<f64>>> {
        self.shape(name).map(|_| self.tensor(name))
    }
    fn names(&self) -> Vec<&str> {
        TensorFile::names(self)
    }
}
