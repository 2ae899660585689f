//! Writing files so that a reader never meets half of one.

use crate::{Error, Result};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes `bytes` to `path`, all or nothing.
///
/// The bytes go to a temporary file in the same folder, reach the disk (fsync), and take the name `path` in one rename; the
/// folder is then synced, so that the name survives a loss of power too. A failure at any point leaves the old file, or none,
/// and no temporary file. The old file's permissions are kept. A symbolic link stays one: what it points to is replaced.
/// A device or a pipe (`/dev/stdout`) cannot be replaced by a rename, and is written to.
///
/// # Errors
/// The folder is missing or not writable, the path is a directory, the disk is full: each names the path.
pub(crate) fn write_atomically(path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
    let path = path.as_ref();
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let old = fs::metadata(&target).ok();
    if target.as_os_str().is_empty() {
        return Err(Error::argument("write: the path is empty; give the name of a file"));
    }
    if old.as_ref().is_some_and(fs::Metadata::is_dir) {
        return Err(failed(path, "it is a directory; give the name of a file in it", io::ErrorKind::IsADirectory));
    }
    let written = match &old {
        Some(old) if !old.is_file() => write_through(&target, bytes),
        _ => replace(&target, bytes, old.map(|old| old.permissions())),
    };
    written.map_err(|error| explained(path, &target, &error))
}

/// Writes to what a rename must not replace.
fn write_through(target: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::options().write(true).open(target)?;
    file.write_all(bytes)?;
    file.flush()
}

fn replace(target: &Path, bytes: &[u8], permissions: Option<fs::Permissions>) -> io::Result<()> {
    let folder = folder_of(target);
    let mut builder = tempfile::Builder::new();
    builder.prefix(".retrograd-").suffix(".tmp");
    // A temporary file is private by default; the finished one is as readable as any other that the user makes.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(&folder)?;
    file.write_all(bytes)?;
    if let Some(permissions) = permissions {
        file.as_file().set_permissions(permissions)?;
    }
    file.as_file().sync_all()?;
    file.persist(target).map_err(|error| error.error)?;
    // Windows has no way to open a folder for this.
    #[cfg(unix)]
    File::open(&folder)?.sync_all()?;
    Ok(())
}

fn folder_of(target: &Path) -> PathBuf {
    match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

fn explained(path: &Path, target: &Path, error: &io::Error) -> Error {
    let folder = folder_of(target);
    let why = match error.kind() {
        io::ErrorKind::NotFound => format!("the folder {} does not exist; create it first", folder.display()),
        io::ErrorKind::NotADirectory => format!("{} is not a folder", folder.display()),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            format!("no permission to write in the folder {}", folder.display())
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "the disk is full".to_string(),
        // The operating system's words, without the name of the temporary file, which means nothing to the user.
        _ => error.to_string().split(" at path ").next().unwrap_or_default().to_string(),
    };
    failed(path, &why, error.kind())
}

fn failed(path: &Path, why: &str, kind: io::ErrorKind) -> Error {
    io::Error::new(kind, format!("cannot write {}: {why}", path.display())).into()
}
