//! Points in files that need not fit into memory: opened once, read in any order, some at a time.
//!
//! Opening reads the header alone and holds what it states against the length of the file. A read goes to its place in the file
//! through a short buffer of the thread's, where bytes become numbers; so several threads read at once, and nothing
//! grows with the file. A file that somebody writes to meanwhile is noticed by its length and time.
//!
//! Bytes that are in memory already, as those of a mapped file, go the same way ([`PointFile::of_bytes`]).
//!
//! Not here: what is packed. Gzip cannot be read from the middle.

use super::idx;
use crate::program::PointSource;
use crate::store::{self, NpyHeader};
use crate::{Element, Error, Result};
use std::cell::RefCell;
use std::fmt;
use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::path::Path;
use std::time::SystemTime;

/// How the numbers of points lie in a file.
///
/// # Examples
/// ```
/// use retrograd::data::{PointFile, PointFormat};
/// use retrograd::program::PointSource;
/// let images = [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 7, 255];
/// let points = PointFile::of_bytes(images, PointFormat::Idx)?;
/// let mut pixels = [0.0f32; 2];
/// points.read(0, &mut pixels)?;
/// assert_eq!(pixels, [7.0, 255.0]);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PointFormat {
    /// Numbers of f64 and nothing else, little-endian, row by row.
    F64 {
        /// How many numbers a point has.
        columns: usize,
    },
    /// Numbers of f32 and nothing else, little-endian, row by row.
    F32 {
        /// How many numbers a point has.
        columns: usize,
    },
    /// An array of NumPy's: of f4, f8 or u1, little-endian; one axis (a number for each point), or two (a row for each).
    Npy,
    /// An array of the format IDX, of unsigned bytes as they are, 0 to 255: what is at an index of the first axis is a point.
    Idx,
}

/// A file of points, or several beside each other ([`PointSource::beside`]), for [`Map::over`](crate::Map::over).
///
/// Numbers become those of the map, `T`, whatever the file holds.
///
/// # Examples
/// Least squares of a line, the points in one file and what was measured in another:
/// ```
/// use retrograd::{Map, data::PointFile, program::PointSource};
/// let folder = tempfile::tempdir()?;
/// let [x, y] = ["x.f32", "y.f64"].map(|name| folder.path().join(name));
/// std::fs::write(&x, [0.0f32, 1.0, 2.0].map(f32::to_le_bytes).concat())?;
/// std::fs::write(&y, [1.0f64, 3.0, 5.0].map(f64::to_le_bytes).concat())?;
/// let points = PointFile::raw_f32(&x, 1)?.beside(PointFile::raw_f64(&y, 1)?)?;
///
/// let mut loss = Map::compile_gradient(2, 2, |p, line| (p[0] * line[0] + line[1] - p[1]).square())?;
/// let mut gradient = [0.0; 2];
/// let sum = loss.over(&points).gradient(&[2.0, 0.0], &mut gradient)?;
/// assert_eq!((sum, gradient), (3.0, [-6.0, -6.0]));
/// # Ok::<(), retrograd::Error>(())
/// ```
pub struct PointFile<T> {
    bytes: Bytes,
    /// What it is called in messages.
    name: String,
    /// Where the numbers begin.
    start: u64,
    kind: Kind,
    /// Numbers of a point.
    columns: usize,
    points: u64,
    /// What its numbers become.
    element: PhantomData<fn() -> T>,
}

/// Where the bytes are.
enum Bytes {
    File { file: File, length: u64, modified: Option<SystemTime> },
    Memory(Box<dyn AsRef<[u8]> + Send + Sync>),
}

/// What a number is in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    F64,
    F32,
    Byte,
}

/// So much of a file's beginning is read for its header: more than any that states few axes.
const HEAD: usize = 1 << 16;

/// Bytes that are read at a time, and become numbers. Half as many cost 5 % in calls of the system, twice as many 2 % in the cache.
const PIECE: usize = 1 << 16;

thread_local! {
    /// Where a thread's bytes become numbers.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl<T: Element> PointFile<T> {
    /// Opens a file. It is not read yet, but for its header.
    ///
    /// # Errors
    /// It cannot be opened, or is no regular file; a length that is no whole number of points, or is not what the header states; a header of
    /// another format; numbers of another kind or order; gzip.
    pub fn open(path: impl AsRef<Path>, format: PointFormat) -> Result<Self> {
        let (path, name) = (path.as_ref(), path.as_ref().display().to_string());
        let wrong = |error: Error| error.within("points");
        let source = store::open(path).map_err(wrong)?;
        let Some(length) = source.length else {
            return Err(Error::io(format!(
                "points: {name} is a pipe, which cannot be read from the middle; write it to a file"
            )));
        };
        let modified = source.file.metadata().and_then(|found| found.modified()).ok();
        Self::of(Bytes::File { file: source.file, length, modified }, name, format)
    }

    /// The same from bytes that are in memory, as those of a file that is mapped into it.
    ///
    /// # Errors
    /// As [`PointFile::open`].
    pub fn of_bytes(bytes: impl AsRef<[u8]> + Send + Sync + 'static, format: PointFormat) -> Result<Self> {
        Self::of(Bytes::Memory(Box::new(bytes)), "the bytes".to_owned(), format)
    }

    /// Opens a file of nothing but f64, little-endian, so many for each point.
    ///
    /// # Errors
    /// As [`PointFile::open`].
    pub fn raw_f64(path: impl AsRef<Path>, columns: usize) -> Result<Self> {
        Self::open(path, PointFormat::F64 { columns })
    }
    /// Opens a file of nothing but f32, little-endian, so many for each point.
    ///
    /// # Errors
    /// As [`PointFile::open`].
    pub fn raw_f32(path: impl AsRef<Path>, columns: usize) -> Result<Self> {
        Self::open(path, PointFormat::F32 { columns })
    }
    /// Opens an array of NumPy's ([`PointFormat::Npy`]).
    ///
    /// # Errors
    /// As [`PointFile::open`].
    pub fn npy(path: impl AsRef<Path>) -> Result<Self> {
        Self::open(path, PointFormat::Npy)
    }
    /// Opens an array of unsigned bytes in the format IDX: see [`PointFormat::Idx`].
    ///
    /// # Errors
    /// As [`PointFile::open`].
    pub fn idx(path: impl AsRef<Path>) -> Result<Self> {
        Self::open(path, PointFormat::Idx)
    }

    fn of(bytes: Bytes, name: String, format: PointFormat) -> Result<Self> {
        let wrong = |why: String| Error::io(format!("points: {name}: {why}"));
        let length = bytes.len();
        let head = match format {
            PointFormat::Npy | PointFormat::Idx => {
                let mut head = vec![0; HEAD.min(usize::try_from(length).unwrap_or(HEAD))];
                bytes.read(0, &mut head).map_err(|error| wrong(error.to_string()))?;
                head
            }
            PointFormat::F64 { .. } | PointFormat::F32 { .. } => Vec::new(),
        };
        if head.starts_with(&[0x1f, 0x8b]) {
            return Err(wrong("it is gzip, which cannot be read from the middle; unpack it with gunzip".to_owned()));
        }
        let (kind, lengths, start) = match format {
            PointFormat::F64 { columns } => raw(Kind::F64, columns, length).map_err(wrong)?,
            PointFormat::F32 { columns } => raw(Kind::F32, columns, length).map_err(wrong)?,
            PointFormat::Npy => npy(&head).map_err(wrong)?,
            PointFormat::Idx => {
                let (lengths, start) = idx::header(&name, &head).map_err(|error| error.named("points"))?;
                (Kind::Byte, lengths, start)
            }
        };
        let points = lengths[0] as u64;
        let columns = lengths[1..].iter().try_fold(1usize, |product, &n| product.checked_mul(n));
        let stated = columns.and_then(|columns| points.checked_mul(columns as u64)?.checked_mul(kind.size() as u64));
        let (Some(columns), Some(stated)) = (columns, stated) else {
            return Err(wrong(format!("lengths {lengths:?} are those of no file")));
        };
        let found = length - start as u64;
        if stated != found {
            let fault = if stated > found { "the file is truncated" } else { "the file goes on after its end" };
            return Err(wrong(format!("lengths {lengths:?} are {stated} bytes of {kind}, there are {found}: {fault}")));
        }
        Ok(Self { bytes, name, start: start as u64, kind, columns, points, element: PhantomData })
    }

    fn wrong(&self, why: impl fmt::Display) -> Error {
        Error::io(format!("points: {}: {why}", self.name))
    }

    /// What went wrong while points were read.
    fn unreadable(&self, error: &io::Error) -> Error {
        match (error.kind(), self.check()) {
            (io::ErrorKind::UnexpectedEof, Err(changed)) => changed,
            _ => self.wrong(error),
        }
    }
}

impl<T: Element> PointSource<T> for PointFile<T> {
    fn n_points(&self) -> u64 {
        self.points
    }
    fn n_inputs(&self) -> usize {
        self.columns
    }
    fn read(&self, first: u64, rows: &mut [T]) -> Result<()> {
        let n = (rows.len() / self.columns.max(1)) as u64;
        if first.checked_add(n).is_none_or(|end| end > self.points) {
            let points = self.points;
            return Err(Error::argument(format!("points: {}: {n} from point {first} on, of {points}", self.name)));
        }
        let size = self.kind.size();
        let mut at = self.start + first * (self.columns * size) as u64;
        if let Bytes::Memory(bytes) = &self.bytes {
            let place = at as usize..at as usize + rows.len() * size;
            let bytes = (**bytes).as_ref().get(place).ok_or_else(|| self.wrong("the bytes have become fewer"))?;
            self.kind.numbers(bytes, rows);
            return Ok(());
        }
        SCRATCH.with_borrow_mut(|scratch| {
            scratch.resize(PIECE, 0);
            for rows in rows.chunks_mut(PIECE / size) {
                let bytes = &mut scratch[..rows.len() * size];
                self.bytes.read(at, bytes).map_err(|error| self.unreadable(&error))?;
                self.kind.numbers(bytes, rows);
                at += bytes.len() as u64;
            }
            Ok(())
        })
    }
    fn check(&self) -> Result<()> {
        let Bytes::File { file, length, modified } = &self.bytes else { return Ok(()) };
        let found = file.metadata().map_err(|error| self.wrong(error))?;
        if found.len() != *length {
            let now = found.len();
            return Err(
                self.wrong(format!("had {length} bytes when it was opened, and has {now}: it was written to since"))
            );
        }
        if modified.is_some() && found.modified().ok() != *modified {
            return Err(self.wrong("was written to since it was opened"));
        }
        Ok(())
    }
}

impl<T> fmt::Debug for PointFile<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, kind, columns, points, .. } = self;
        write!(f, "PointFile {{ {name}: {points} points of {columns} numbers of {kind} }}")
    }
}

impl Bytes {
    fn len(&self) -> u64 {
        match self {
            Bytes::File { length, .. } => *length,
            Bytes::Memory(bytes) => (**bytes).as_ref().len() as u64,
        }
    }

    /// Fills the buffer with what is at a place.
    fn read(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        match self {
            Bytes::File { file, .. } => read_at(file, at, buffer),
            Bytes::Memory(bytes) => {
                let found = (**bytes).as_ref().get(at as usize..).and_then(|rest| rest.get(..buffer.len()));
                buffer.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
                Ok(())
            }
        }
    }
}

#[cfg(unix)]
fn read_at(file: &File, at: u64, buffer: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, at)
}

#[cfg(windows)]
fn read_at(file: &File, mut at: u64, mut buffer: &mut [u8]) -> io::Result<()> {
    while !buffer.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, buffer, at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                buffer = &mut buffer[n..];
                at += n as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(not(any(unix, windows)))]
fn read_at(_: &File, _: u64, _: &mut [u8]) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system reads no file at a place; use of_bytes"))
}

impl Kind {
    fn size(self) -> usize {
        match self {
            Kind::F64 => 8,
            Kind::F32 => 4,
            Kind::Byte => 1,
        }
    }

    /// The numbers of bytes that are as many.
    fn numbers<T: Element>(self, bytes: &[u8], numbers: &mut [T]) {
        // A number's way through f64 is none where both are of one kind: the compiler sees that.
        match self {
            Kind::F64 => {
                let found = bytes.as_chunks().0.iter().map(|&bytes| f64::from_le_bytes(bytes));
                numbers.iter_mut().zip(found).for_each(|(place, x)| *place = T::from_f64(x));
            }
            Kind::F32 => {
                let found = bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes));
                numbers.iter_mut().zip(found).for_each(|(place, x)| *place = T::from_f64(x.into()));
            }
            Kind::Byte => numbers.iter_mut().zip(bytes).for_each(|(place, &x)| *place = T::from_f64(x.into())),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::F64 => "f64",
            Kind::F32 => "f32",
            Kind::Byte => "u8",
        })
    }
}

/// The kind of the numbers, the lengths of axes, the first of which counts points, and where the numbers begin.
type Stated = (Kind, Vec<usize>, usize);

fn raw(kind: Kind, columns: usize, length: u64) -> Result<Stated, String> {
    if columns == 0 {
        return Err("points of 0 columns; give as many as a point has numbers".to_owned());
    }
    let point = (columns as u64).saturating_mul(kind.size() as u64);
    if !length.is_multiple_of(point) {
        let left = length % point;
        return Err(format!(
            "its {length} bytes are no whole number of points of {columns} numbers of {kind}: {left} bytes are left over"
        ));
    }
    let points = usize::try_from(length / point).map_err(|_| "it has more points than this machine counts")?;
    Ok((kind, vec![points, columns], 0))
}

fn npy(head: &[u8]) -> Result<Stated, String> {
    let NpyHeader { kind, in_columns, lengths, start } = NpyHeader::of(head).map_err(|error| error.to_string())?;
    let found = match &kind[..] {
        "<f8" => Kind::F64,
        "<f4" => Kind::F32,
        "|u1" | "<u1" | ">u1" => Kind::Byte,
        _ => {
            let shown: String = kind.chars().take(20).collect();
            let order = if kind.starts_with('>') { ", big-endian" } else { "" };
            return Err(format!(
                "numbers of the kind {shown:?}{order}; f4, f8 and u1 are read, little-endian: write array.astype('<f8')"
            ));
        }
    };
    if lengths.is_empty() || lengths.len() > 2 {
        return Err(format!(
            "an array of {} axes, {lengths:?}; one or two are read, the first counts points: write array.reshape(n, -1)",
            lengths.len()
        ));
    }
    if in_columns && lengths.iter().all(|&n| n != 1) && lengths.len() == 2 {
        return Err("its numbers lie column by column; write numpy.ascontiguousarray(array)".to_owned());
    }
    Ok((found, lengths, start))
}
