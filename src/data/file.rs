//! Whole files, plain or gzip, with errors that name the file and the cause.

use crate::{Error, Result};
use flate2::bufread::MultiGzDecoder;
use std::io::{ErrorKind, Read};
use std::path::Path;

/// However little a gzip file holds, it may unpack to this much, and otherwise to [`MOST_TIMES`] its length. Deflate packs up to
/// 1,032 bytes into one, so that a small file could otherwise fill the memory; the data sets of this field pack 3 to 20.
const ALWAYS_UNPACKED: usize = 16 << 20;
const MOST_TIMES: usize = 100;

/// What the file holds, unpacked where it begins as gzip does.
pub(super) fn read(op: &str, path: &Path) -> Result<Vec<u8>> {
    let shown = path.display();
    if path.is_dir() {
        return Err(Error::io(format!("{op}: {shown} is a directory; name a file in it")));
    }
    if path.try_exists().is_ok_and(|exists| !exists) {
        return Err(Error::io(format!("{op}: {shown} does not exist")));
    }
    let bytes = crate::store::read_file(path).map_err(|error| error.within(op))?;
    unpack(&format!("{op}: {shown}"), bytes)
}

/// The bytes, unpacked where they begin as gzip does; `what` begins the message of an error.
pub(super) fn unpack(what: &str, bytes: Vec<u8>) -> Result<Vec<u8>> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let most = bytes.len().saturating_mul(MOST_TIMES).max(ALWAYS_UNPACKED);
    let mut unpacked = Vec::with_capacity(bytes.len().saturating_mul(4).min(most));
    match MultiGzDecoder::new(&bytes[..]).take(most as u64 + 1).read_to_end(&mut unpacked) {
        Ok(_) if unpacked.len() > most => Err(Error::io(format!(
            "{what}: {} bytes of gzip unpack to more than {most}; if that is meant, unpack the file with gunzip first",
            bytes.len()
        ))),
        Ok(_) => Ok(unpacked),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(Error::io(format!(
            "{what}: the gzip data ends too early, after {} bytes: the file is truncated; fetch it again",
            bytes.len()
        ))),
        Err(error) => Err(Error::io(format!("{what}: the gzip data is damaged ({error}); fetch the file again"))),
    }
}
