//! Files: written so that a reader never meets half of one, read so that nothing hangs or fills the memory.
//!
//! A writer holds a lock on its temporary file, which the operating system takes back when the process ends, however it does.
//! So a temporary file that can be locked is the rest of a killed run; the next file that is written into the folder removes it.

mod lock;
mod read;

pub use lock::Lock;
pub use read::{Source, open, read};

use crate::{Error, Result};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const PREFIX: &str = ".retrograd-";
const SUFFIX: &str = ".tmp";
/// So many names of a folder are looked at for what killed runs left.
const MOST_NAMES: usize = 10_000;

/// Writes `bytes` to `path`, all or nothing.
///
/// The bytes go to a temporary file in the same folder, reach the disk (fsync), and take the name `path` in one rename; the
/// folder is then synced, so that the name survives a loss of power too. A failure at any point leaves the old file, or none,
/// and no temporary file; that of a process that was killed is removed by the next call for the same folder. Of several writers at
/// once, one wins, with its whole file. The old file's permissions are kept. A symbolic link stays one: what it points to is
/// replaced, or made. A character device, or a pipe that is open already (`/dev/stdout`), cannot be replaced by a rename, and is written to.
///
/// # Errors
/// The folder is missing or not writable, the path is a directory, the disk is full: each names the path. A pipe in a folder, whose
/// writer would wait for a reader, and a disk's device.
pub fn write_atomically(path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
    let path = path.as_ref();
    // A pipe behind a link of the system's has no path, but is there.
    let there = |path: &Path| if path.exists() { path.to_path_buf() } else { behind_links(path) };
    let target = fs::canonicalize(path).unwrap_or_else(|_| there(path));
    let old = fs::metadata(&target).ok();
    if target.as_os_str().is_empty() {
        return Err(Error::argument("write: the path is empty; give the name of a file"));
    }
    let ends_as_folder = path.to_string_lossy().ends_with(std::path::is_separator);
    if ends_as_folder || old.as_ref().is_some_and(fs::Metadata::is_dir) {
        return Err(failed(path, "it is a directory; give the name of a file in it", io::ErrorKind::IsADirectory));
    }
    if let Some(what) = old.as_ref().and_then(|old| read::unfit(path, old, read::Use::Writing)) {
        return Err(failed(path, &format!("it is {what}; give the name of a file"), io::ErrorKind::InvalidInput));
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
    remove_leftovers(&folder);
    let mut file = temporary(&folder)?;
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

/// A temporary file in the folder, locked for as long as it is open.
fn temporary(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    // A temporary file is private by default; the finished one is as readable as any other that the user makes.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    loop {
        let file = builder.tempfile_in(folder)?;
        // Another process may have met it before it was locked, and taken it for a leftover.
        let locked = file.as_file().lock();
        if locked.is_err() || file.path().exists() {
            return Ok(file);
        }
    }
}

/// Removes the temporary files that nobody holds a lock on. Where something stands in the way, they stay.
fn remove_leftovers(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.take(MOST_NAMES).flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let ours = name.starts_with(PREFIX) && name.ends_with(SUFFIX);
        if !ours || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        if let Ok(file) = File::open(entry.path())
            && file.try_lock().is_ok()
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// What a link to a file that is not there yet points to; the path itself where it is no link.
fn behind_links(path: &Path) -> PathBuf {
    // As many as Linux follows.
    const MOST_LINKS: usize = 40;
    let mut target = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        let Ok(next) = fs::read_link(&target) else { break };
        target = folder_of(&target).join(next);
    }
    target
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Past the test harness, which shows nothing that a passing test prints.
    fn say_skipped(test: &str, why: &str) {
        let _ = writeln!(io::stderr(), "skipped {test}: {why}");
    }

    #[test]
    fn writes_and_replaces_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.svg");
        write_atomically(&path, b"one").unwrap();
        write_atomically(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(folder.path()), ["a.svg"]);
    }

    #[test]
    fn missing_folder_and_directory_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("no/such/a.svg");
        let error = write_atomically(&missing, b"x").unwrap_err();
        assert!(error.is_io());
        let parent = folder.path().join("no/such");
        let expected = format!(
            "cannot write {}: the folder {} does not exist; create it first",
            missing.display(),
            parent.display()
        );
        assert_eq!(error.to_string(), expected);

        let error = write_atomically(folder.path(), b"x").unwrap_err();
        let expected =
            format!("cannot write {}: it is a directory; give the name of a file in it", folder.path().display());
        assert_eq!(error.to_string(), expected);
        let slashed = format!("{}/new/", folder.path().display());
        assert!(write_atomically(slashed, b"x").unwrap_err().to_string().contains("it is a directory"));
        assert!(write_atomically("", b"x").unwrap_err().to_string().contains("the path is empty"));
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_file_in_place_of_the_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), b"x").unwrap();
        let error = write_atomically(folder.path().join("file/a.svg"), b"x").unwrap_err();
        assert!(error.to_string().ends_with("file is not a folder"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn permissions_and_links_are_kept_and_a_new_file_is_as_readable_as_any() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
        fs::write(folder.path().join("ordinary"), b"x").unwrap();
        write_atomically(folder.path().join("new"), b"x").unwrap();
        assert_eq!(mode("new"), mode("ordinary"));

        fs::set_permissions(folder.path().join("new"), fs::Permissions::from_mode(0o640)).unwrap();
        write_atomically(folder.path().join("new"), b"y").unwrap();
        assert_eq!(mode("new"), 0o640);

        symlink("new", folder.path().join("link")).unwrap();
        write_atomically(folder.path().join("link"), b"z").unwrap();
        assert!(fs::symlink_metadata(folder.path().join("link")).unwrap().is_symlink());
        assert_eq!(fs::read(folder.path().join("new")).unwrap(), b"z");

        symlink("later", folder.path().join("dangling")).unwrap();
        symlink("dangling", folder.path().join("twice")).unwrap();
        write_atomically(folder.path().join("twice"), b"w").unwrap();
        assert!(fs::symlink_metadata(folder.path().join("twice")).unwrap().is_symlink());
        assert_eq!(fs::read(folder.path().join("later")).unwrap(), b"w");
    }

    /// The administrator may write to any folder on a disk, but nobody to the kernel's.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_folder_without_permission_is_named() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
        let all_powerful = File::create(folder.path().join("probe")).is_ok();
        let folder = if all_powerful { Path::new("/sys/kernel") } else { folder.path() };
        if !folder.exists() {
            return say_skipped("a_folder_without_permission_is_named", "this user may write everywhere");
        }
        let path = folder.join("a.svg");
        let error = write_atomically(&path, b"x").unwrap_err();
        let expected =
            format!("cannot write {}: no permission to write in the folder {}", path.display(), folder.display());
        assert_eq!(error.to_string(), expected);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_device_is_written_to_and_says_that_it_is_full() {
        write_atomically("/dev/null", b"x").unwrap();
        let error = write_atomically("/dev/full", b"x").unwrap_err();
        assert_eq!(error.to_string(), "cannot write /dev/full: the disk is full");
        assert!(!fs::metadata("/dev/null").unwrap().is_file() && !fs::metadata("/dev/full").unwrap().is_file());
    }

    /// Runs itself again where a disk of 64 KiB can be had: in a namespace of its own, which needs no administrator.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_named_and_the_old_file_stays() {
        const DISK: &str = "RETROGRAD_TEST_SMALL_DISK";
        const NAME: &str = "a_full_disk_is_named_and_the_old_file_stays";
        if let Some(disk) = std::env::var_os(DISK) {
            let path = Path::new(&disk).join("a.svg");
            write_atomically(&path, b"old").unwrap();
            let error = write_atomically(&path, &vec![7; 1 << 20]).unwrap_err();
            assert_eq!(error.to_string(), format!("cannot write {}: the disk is full", path.display()));
            assert_eq!(fs::read(&path).unwrap(), b"old");
            assert_eq!(names(Path::new(&disk)), ["a.svg"]);
            return;
        }
        let disk = tempfile::tempdir().unwrap();
        let script = "mount -t tmpfs -o size=64k tmpfs \"$0\" || exit 42; exec \"$1\" \"$2\" --exact";
        let child = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
            .arg(disk.path())
            .arg(std::env::current_exe().unwrap())
            .arg(format!("files::tests::{NAME}"))
            .env(DISK, disk.path())
            .output();
        match child {
            Err(error) => say_skipped(NAME, &format!("unshare cannot be run: {error}")),
            Ok(output) if output.status.success() => {
                assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "the test was not found");
            }
            Ok(output) if output.status.code() == Some(101) => {
                panic!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
            }
            Ok(output) => say_skipped(NAME, String::from_utf8_lossy(&output.stderr).trim()),
        }
    }
}
