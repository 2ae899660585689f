//! Whole files, plain or gzip, with errors that name the file and the cause.

use crate::{Result, error::Error};
use flate2::bufread::MultiGzDecoder;
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::Path;

/// What the file holds, unpacked where it begins as gzip does.
pub(super) fn read(op: &str, path: &Path) -> Result<Vec<u8>> {
    let shown = path.display();
    if path.is_dir() {
        return Err(Error::io(format!("{op}: {shown} is a directory; name a file in it")));
    }
    let bytes = fs::read(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Error::io(format!("{op}: {shown} does not exist")),
        _ => Error::io(format!("{op}: cannot read {shown}: {error}")),
    })?;
    unpack(&format!("{op}: {shown}"), bytes)
}

/// The bytes, unpacked where they begin as gzip does; `what` begins the message of an error.
pub(super) fn unpack(what: &str, bytes: Vec<u8>) -> Result<Vec<u8>> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut unpacked = Vec::with_capacity(4 * bytes.len());
    match MultiGzDecoder::new(&bytes[..]).read_to_end(&mut unpacked) {
        Ok(_) => Ok(unpacked),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(Error::io(format!(
            "{what}: the gzip data ends too early, after {} bytes: the file is truncated; fetch it again",
            bytes.len()
        ))),
        Err(error) => Err(Error::io(format!("{what}: the gzip data is damaged ({error}); fetch the file again"))),
    }
}
