//! Reading the files: numbers, some of which are spelt as strings, and arrays.

pub use serde_json::Value as Json;

use retrograd::Tensor;
use std::path::{Path, PathBuf};

const OWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference");

/// The content of a file of the folder that RETROGRAD_REFERENCE names, or of the one beside this source.
pub fn load(file: &str) -> Json {
    read(&std::env::var_os("RETROGRAD_REFERENCE").map_or_else(|| PathBuf::from(OWN), PathBuf::from).join(file))
}

/// The content of a file beside this source.
pub fn load_own(file: &str) -> Json {
    read(&PathBuf::from(OWN).join(file))
}

fn read(path: &Path) -> Json {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A number, or one of the strings "nan", "inf" and "-inf".
pub fn number(value: &Json) -> Result<f64, String> {
    match value {
        Json::Number(x) => x.as_f64().ok_or_else(|| format!("{x} does not fit f64")),
        Json::Bool(x) => Ok(f64::from(u8::from(*x))),
        Json::String(text) => match text.as_str() {
            "nan" => Ok(f64::NAN),
            "inf" => Ok(f64::INFINITY),
            "-inf" => Ok(f64::NEG_INFINITY),
            _ => text.parse().map_err(|_| format!("{text:?} is no number")),
        },
        other => Err(format!("{other} is no number")),
    }
}

/// The numbers of an array, however deeply nested, or of an object with shape and data; a number alone is one.
pub fn numbers(value: &Json) -> Result<Vec<f64>, String> {
    match value {
        Json::Array(items) => Ok(items.iter().map(numbers).collect::<Result<Vec<_>, _>>()?.concat()),
        Json::Object(_) => numbers(&value["data"]),
        scalar => Ok(vec![number(scalar)?]),
    }
}

/// A tensor from an object with shape and data, or from nested arrays.
pub fn tensor(value: &Json) -> Result<Tensor<f64>, String> {
    let shape = match value {
        Json::Object(_) => naturals(&value["shape"])?,
        nested => nesting(nested),
    };
    Tensor::new(shape, numbers(value)?).map_err(|error| error.to_string())
}

fn nesting(value: &Json) -> Vec<usize> {
    let Json::Array(items) = value else { return Vec::new() };
    let mut shape = vec![items.len()];
    shape.extend(items.first().map_or_else(Vec::new, nesting));
    shape
}

/// A list of arrays.
pub fn tensors(value: &Json) -> Result<Vec<Tensor<f64>>, String> {
    list(value)?.iter().map(tensor).collect()
}

/// The items of an array.
pub fn list(value: &Json) -> Result<&[Json], String> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| format!("{value} is no list"))
}

/// An integer.
pub fn integer(value: &Json) -> Result<isize, String> {
    value.as_i64().map(|i| i as isize).ok_or_else(|| format!("{value} is no integer"))
}

/// An integer, or a list of them.
pub fn integers(value: &Json) -> Result<Vec<isize>, String> {
    match value {
        Json::Array(items) => items.iter().map(integer).collect(),
        scalar => Ok(vec![integer(scalar)?]),
    }
}

/// A list of integers that are not negative, or one.
pub fn naturals(value: &Json) -> Result<Vec<usize>, String> {
    integers(value)?.into_iter().map(|i| usize::try_from(i).map_err(|_| format!("{i} is negative"))).collect()
}

/// A string.
pub fn text(value: &Json) -> Result<&str, String> {
    value.as_str().ok_or_else(|| format!("{value} is no string"))
}
