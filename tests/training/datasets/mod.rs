//! Data from files and tensors, and every way in which it can be wrong.

mod batches;
mod formats;
mod idx;
mod preprocessing;
mod real;
mod sets;
mod splits;
mod tables;

use std::fmt::Debug;
use std::io::Write;

/// The message of the error that this must be.
fn message<T: Debug>(result: retrograd::Result<T>) -> String {
    result.unwrap_err().to_string()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}
