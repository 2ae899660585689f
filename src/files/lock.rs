//! A lock on a file that is replaced as a whole, and so cannot be locked itself.

use super::folder_of;
use crate::{Error, Result};
use flate2::Crc;
use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Longer names have no room for what is added to them.
const LONGEST_NAME: usize = 200;

/// The right to write a file, held against other processes and other threads of this one.
///
/// What is locked is a file beside it, `.name.lock`, which goes when this is dropped. The operating system takes the lock back when
/// a process ends, however it does, so that the lock file of a killed one stands in nobody's way.
///
/// # Examples
/// ```
/// use retrograd::store::Lock;
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("run.ckpt");
/// let lock = Lock::of(&path)?;
/// assert!(Lock::of(&path).unwrap_err().to_string().contains("is in use by process"));
/// drop(lock);
/// Lock::of(&path)?;
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    /// None where the file system knows no locks.
    file: Option<File>,
}

impl Lock {
    /// Takes the right to write this file, whether or not it is there.
    ///
    /// # Errors
    /// Another process or thread has it; the folder is missing or not writable.
    pub fn of(target: impl AsRef<Path>) -> Result<Self> {
        let shown = target.as_ref().display();
        let target = fs::canonicalize(&target).unwrap_or_else(|_| target.as_ref().to_path_buf());
        let path = folder_of(&target).join(beside(&target));
        let wrong = |error: std::io::Error| super::explained(target.as_ref(), &target, &error);
        loop {
            let mut file =
                File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(wrong)?;
            match file.try_lock() {
                Ok(()) if is_at(&file, &path) => {
                    // Who waits reads it; nothing depends on it.
                    let _ = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
                    return Ok(Self { path, file: Some(file) });
                }
                // Its holder removed it between opening and locking.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let holder = fs::read_to_string(&path).unwrap_or_default();
                    let holder = if holder.is_empty() { "another".to_owned() } else { holder };
                    return Err(Error::io(format!(
                        "{shown} is in use by process {holder}; wait until it ends, or give another file"
                    )));
                }
                Err(TryLockError::Error(_)) => {
                    let _ = fs::remove_file(&path);
                    return Ok(Self { path, file: None });
                }
            }
        }
    }

    /// Whether it holds: a file system without locks lets anybody write.
    pub fn is_held(&self) -> bool {
        self.file.is_some()
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Removed while it is locked, so that nobody's lock is on a file without a name. Where a file cannot be told from another
        // of its name, it stays.
        if self.file.is_some() && cfg!(unix) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn beside(target: &Path) -> String {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    if name.len() <= LONGEST_NAME {
        return format!(".{name}.lock");
    }
    let mut sum = Crc::new();
    sum.update(name.as_bytes());
    format!(".retrograd-{:08x}.lock", sum.sum())
}

/// Whether the open file is still the one that stands there.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(open), Ok(there)) = (file.metadata(), fs::metadata(path)) else { return false };
    (open.dev(), open.ino()) == (there.dev(), there.ino())
}

#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}
