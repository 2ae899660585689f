//! Opening what is to be read to its end.

use crate::{Error, Result};
use std::fs::{self, File, FileType, Metadata};
use std::io::{ErrorKind, Read};
use std::path::Path;

/// A file that ends: a regular one, or a pipe that is open already.
///
/// # Examples
/// ```
/// use retrograd::store;
/// use std::io::Read;
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("numbers.csv");
/// std::fs::write(&path, "1,2\n")?;
/// let mut source = store::open(&path)?;
/// assert_eq!(source.length, Some(4));
/// let mut text = String::new();
/// source.file.read_to_string(&mut text)?;
/// assert_eq!(text, "1,2\n");
/// # Ok::<(), retrograd::Error>(())
/// ```
pub struct Source {
    /// It, at its beginning.
    pub file: File,
    /// Its length, where it is a regular file.
    pub length: Option<u64>,
}

/// Opens a file that is to be read to its end.
///
/// # Errors
/// A path that cannot be opened, a directory; a device, or a pipe in a folder, which may have no end, or no writer.
pub fn open(path: impl AsRef<Path>) -> Result<Source> {
    let path = path.as_ref();
    let refused = |why: &str| Error::io(format!("cannot read {}: {why}", path.display()));
    let found = fs::metadata(path).map_err(|error| refused(&explained(&error)))?;
    if found.is_dir() {
        return Err(refused("it is a directory; give the name of a file in it"));
    }
    if let Some(what) = unfit(path, &found, Use::Reading) {
        return Err(refused(&format!("it is {what}; give the name of a file")));
    }
    let file = File::open(path).map_err(|error| refused(&explained(&error)))?;
    Ok(Source { file, length: found.is_file().then_some(found.len()) })
}

/// The whole of a file.
///
/// # Errors
/// As for [`open`]; a file that is longer than memory.
pub fn read(path: impl AsRef<Path>) -> Result<Vec<u8>> {
    let path = path.as_ref();
    let Source { mut file, length } = open(path)?;
    let mut bytes = Vec::new();
    let length = usize::try_from(length.unwrap_or(0)).unwrap_or(usize::MAX);
    if bytes.try_reserve_exact(length).is_err() {
        return Err(Error::io(format!("cannot read {}: its {length} bytes do not fit into memory", path.display())));
    }
    match file.read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => Err(Error::io(format!("cannot read {}: {}", path.display(), explained(&error)))),
    }
}

fn explained(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "it does not exist".to_owned(),
        _ => error.to_string(),
    }
}

/// What a path is opened for.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Use {
    Reading,
    Writing,
}

/// What a path is that must not be opened for this.
pub(super) fn unfit(path: &Path, found: &Metadata, wanted: Use) -> Option<&'static str> {
    // Programs hand their open pipes on under these names: both ends are there, so that nobody waits for the other.
    let standard = ["/dev/stdin", "/dev/stdout", "/dev/stderr"].iter().any(|name| path == Path::new(name));
    let open_already = standard || path.starts_with("/dev/fd") || path.starts_with("/proc");
    match kind(found.file_type()) {
        Kind::Pipe if !open_already => Some("a pipe, which waits for another program"),
        Kind::Socket => Some("a socket"),
        Kind::BlockDevice => Some("a disk"),
        Kind::Device if wanted == Use::Reading => Some("a device"),
        _ => None,
    }
}

enum Kind {
    Pipe,
    Socket,
    BlockDevice,
    Device,
    Other,
}

#[cfg(unix)]
fn kind(of: FileType) -> Kind {
    use std::os::unix::fs::FileTypeExt;
    match of {
        of if of.is_fifo() => Kind::Pipe,
        of if of.is_socket() => Kind::Socket,
        of if of.is_block_device() => Kind::BlockDevice,
        of if of.is_char_device() => Kind::Device,
        _ => Kind::Other,
    }
}

/// Elsewhere what is no file is told by its name alone, and opening it does not wait.
#[cfg(not(unix))]
fn kind(of: FileType) -> Kind {
    if of.is_file() || of.is_dir() { Kind::Other } else { Kind::Device }
}
