//! Files that a text names: `load("x.npy")`, `load("data.npz", "x")`, `load("rows.csv")`.

use super::npz::Npz;
use super::read_file;
use crate::check::Arrays;
use crate::text::{Kind, Loader};
use crate::{Error, Result, Tensor};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Opens files for [`text::Options`](crate::text::Options): `.npy`, arrays of `.npz` by their names, numbers of `.csv` with a header line or
/// without. A path is taken from where the program runs, as Python does, and else from `folder`.
///
/// # Examples
/// ```no_run
/// use retrograd::{store, text::{Module, Options}};
/// let options = Options { loader: Some(store::loader("data")), ..Options::default() };
/// let scope = Module::parse("m = load('x.npy').mean(axis=0)")?.run(&options)?;
/// # Ok::<(), retrograd::Error>(())
/// ```
pub fn loader(folder: impl Into<PathBuf>) -> Loader {
    let folder = folder.into();
    Arc::new(move |file, name| {
        let here = Path::new(file);
        let path = if here.exists() { here.to_owned() } else { folder.join(file) };
        load(&path, name).map_err(|error| error.within(&format!("{file:?}")))
    })
}

fn load(path: &Path, name: Option<&str>) -> Result<(Tensor<f64>, Kind)> {
    let kind = |(array, letter)| {
        let kind = match letter {
            'b' => Kind::Bool,
            'i' | 'u' => Kind::Int,
            _ => Kind::Float,
        };
        (array, kind)
    };
    let end = path.extension().and_then(|end| end.to_str()).map(str::to_ascii_lowercase);
    match (end.as_deref(), name) {
        (Some("npy"), None) => Npz::of_npy(&read_file(path)?).map(kind),
        (Some("npz"), Some(name)) => {
            let file = Npz::new(read_file(path)?)?;
            let known =
                || Error::argument(format!("there is no array {name:?}; there are {}", file.names().join(", ")));
            file.array_of_kind(name).ok_or_else(known)?.map(kind)
        }
        (Some("npz"), None) => Err(Error::argument("which array is meant? load(\"x.npz\", \"name\")")),
        (Some("csv"), None) => csv(&read_file(path)?).map(|array| (array, Kind::Float)),
        (_, Some(_)) => Err(Error::argument("a name is for arrays of .npz files")),
        _ => Err(Error::argument("files that end in .npy, .npz and .csv are read")),
    }
}

/// Rows of numbers; the first line may be a header.
fn csv(bytes: &[u8]) -> Result<Tensor<f64>> {
    let text = std::str::from_utf8(bytes).map_err(|_| Error::io("it is not of UTF-8"))?;
    let mut rows: Vec<Vec<f64>> = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let row: std::result::Result<Vec<f64>, &str> =
            line.split(',').map(|cell| cell.trim().parse().map_err(|_| cell)).collect();
        match row {
            Ok(row) if rows.first().is_none_or(|first| first.len() == row.len()) => rows.push(row),
            Ok(row) => {
                let first = rows[0].len();
                return Err(Error::io(format!(
                    "line {} has {} numbers, and those before it {first}",
                    at + 1,
                    row.len()
                )));
            }
            Err(_) if rows.is_empty() && at == 0 => {}
            Err(cell) => return Err(Error::io(format!("line {}: {cell:?} is no number", at + 1))),
        }
    }
    let columns = rows.first().map_or(0, Vec::len);
    Tensor::new([rows.len(), columns], rows.concat())
}
