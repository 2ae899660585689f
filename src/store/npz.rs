//! Arrays of NumPy's `.npz`: a zip of `.npy` files, each stored or deflated.
//!
//! An array is unpacked when it is asked for. What the directory states is compared with the file before memory is taken, all arrays
//! together unpack to no more than [`MOST_BYTES`], and each is held against its CRC-32. Not read: zips above 4 GiB, in several parts,
//! or encrypted. The crates that read zips bring more than a dozen others.

use super::npy::NpyHeader;
use super::numbers;
use crate::check::Arrays;
use crate::{Error, Result, Shape, Tensor};
use flate2::read::DeflateDecoder;
use safetensors::Dtype;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::Read;

/// What a short file can be unpacked to, all its arrays together.
const MOST_BYTES: usize = 1 << 29;

/// The end of the directory, without its comment, and how long that may be.
const END: usize = 22;
const LONGEST_COMMENT: usize = 65_535;
/// The fixed parts of an entry's two headers.
const ENTRY: usize = 46;
const LOCAL: usize = 30;

/// A file's bytes and where its arrays lie.
pub(super) struct Npz {
    bytes: Vec<u8>,
    entries: BTreeMap<String, Entry>,
    /// How much may still be unpacked, in bytes: of the file's numbers or of ours, whichever are more.
    left: Cell<usize>,
}

#[derive(Clone, Copy)]
struct Entry {
    method: u16,
    encrypted: bool,
    crc: u32,
    packed: usize,
    unpacked: usize,
    /// Where its local header begins.
    start: usize,
}

pub(super) fn damaged(why: impl std::fmt::Display) -> Error {
    Error::io(format!("it is damaged, or not of the npz format: {why}"))
}

/// The number of N bytes at a place, little-endian.
pub(super) fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<usize> {
    let chunk = bytes.get(at..at.checked_add(N)?)?;
    chunk.iter().rev().try_fold(0usize, |sum, &byte| sum.checked_mul(256)?.checked_add(byte.into()))
}

impl Npz {
    /// The directory of a file.
    pub fn new(bytes: Vec<u8>) -> Result<Self> {
        let cut = || damaged("its directory is cut short");
        let last = bytes.len().checked_sub(END).ok_or_else(|| damaged(format!("it has {} bytes", bytes.len())))?;
        let first = last.saturating_sub(LONGEST_COMMENT);
        let is_end = |&at: &usize| {
            let comment = number::<2>(&bytes, at + 20);
            bytes[at..].starts_with(b"PK\x05\x06") && comment == Some(bytes.len() - at - END)
        };
        let end = (first..=last).rev().find(is_end).ok_or_else(|| damaged("it has no directory at its end"))?;
        let [disk, count] = [4, 10].map(|at| number::<2>(&bytes, end + at).unwrap_or(0));
        let [length, start] = [12, 16].map(|at| number::<4>(&bytes, end + at).unwrap_or(0));
        if disk != 0 || count == 0xffff || start == 0xffff_ffff {
            return Err(Error::io("a zip of several parts, of more than 65,534 entries or above 4 GiB is not read"));
        }
        let directory = start.checked_add(length).and_then(|stop| bytes[..end].get(start..stop)).ok_or_else(cut)?;
        let mut entries = BTreeMap::new();
        let mut at = 0;
        for _ in 0..count {
            let entry = directory.get(at..).filter(|rest| rest.starts_with(b"PK\x01\x02")).ok_or_else(cut)?;
            let short = |at| number::<2>(entry, at).ok_or_else(cut);
            let long = |at| number::<4>(entry, at).ok_or_else(cut);
            let found = Entry {
                encrypted: short(8)? & 1 != 0,
                method: short(10)? as u16,
                crc: long(16)? as u32,
                packed: long(20)?,
                unpacked: long(24)?,
                start: long(42)?,
            };
            let (name, extra, comment) = (short(28)?, short(30)?, short(32)?);
            let name = entry.get(ENTRY..ENTRY + name).ok_or_else(cut)?;
            let name = std::str::from_utf8(name).map_err(|_| damaged("a name in it is not of UTF-8"))?;
            at += ENTRY + name.len() + extra + comment;
            let name = name.strip_suffix(".npy").unwrap_or(name).to_owned();
            if entries.contains_key(&name) {
                return Err(damaged(format!("array {name:?} is there twice")));
            }
            entries.insert(name, found);
        }
        Ok(Self { bytes, entries, left: Cell::new(MOST_BYTES) })
    }

    /// Takes so many bytes of what may still be unpacked.
    fn take(&self, bytes: usize) -> Result<()> {
        let left = self.left.get().checked_sub(bytes);
        let most = || Error::io(format!("the arrays asked for unpack to more than {} MiB", MOST_BYTES >> 20));
        left.map(|left| self.left.set(left)).ok_or_else(most)
    }

    /// The bytes of an entry.
    fn unpack(&self, entry: Entry) -> Result<Vec<u8>> {
        if entry.encrypted {
            return Err(Error::io("it is encrypted"));
        }
        let cut = || damaged("it lies outside the file");
        let header = self.bytes.get(entry.start..).filter(|rest| rest.starts_with(b"PK\x03\x04")).ok_or_else(cut)?;
        let length = |at| number::<2>(header, at).ok_or_else(cut);
        let from = LOCAL + length(26)? + length(28)?;
        let packed = header.get(from..).and_then(|rest| rest.get(..entry.packed)).ok_or_else(cut)?;
        self.take(entry.unpacked)?;
        let mut bytes = Vec::new();
        match entry.method {
            0 => bytes.extend_from_slice(packed),
            8 => {
                // Memory is taken as it comes out, for no more than is stated and one byte.
                let mut decoder = DeflateDecoder::new(packed).take(entry.unpacked as u64 + 1);
                decoder.read_to_end(&mut bytes).map_err(|error| damaged(format!("it cannot be unpacked: {error}")))?;
            }
            method => {
                return Err(Error::io(format!(
                    "it is packed by method {method}; numpy.savez and savez_compressed write 0 and 8"
                )));
            }
        }
        if bytes.len() != entry.unpacked {
            return Err(damaged(format!("it has another length than the {} bytes stated", entry.unpacked)));
        }
        if super::checksum(&bytes) != entry.crc {
            return Err(damaged("it differs from its checksum"));
        }
        Ok(bytes)
    }

    /// The array of an `.npy` file.
    fn npy(&self, bytes: &[u8]) -> Result<Tensor<f64>> {
        self.npy_of_kind(bytes).map(|(array, _)| array)
    }

    /// The same, with the letter of its kind: `f`, `i`, `u` or `b`.
    fn npy_of_kind(&self, bytes: &[u8]) -> Result<(Tensor<f64>, char)> {
        let NpyHeader { kind, in_columns, lengths, start } = NpyHeader::of(bytes)?;
        let data = &bytes[start..];
        let shape = Shape::new(&lengths).map_err(damaged)?;
        self.take(shape.numel().saturating_mul(size_of::<f64>()).saturating_sub(bytes.len()))?;
        let values = values(&kind, data)?;
        let letter = kind.chars().nth(1).unwrap_or('f');
        if values.len() != shape.numel() {
            return Err(damaged(format!(
                "shape {shape} has {} numbers, and there are {}",
                shape.numel(),
                values.len()
            )));
        }
        if !in_columns || shape.rank() < 2 {
            return Ok((Tensor::new(shape, values)?, letter));
        }
        let reversed: Vec<usize> = lengths.iter().rev().copied().collect();
        let axes: Vec<usize> = (0..lengths.len()).rev().collect();
        Ok((Tensor::new(Shape::new(&reversed)?, values)?.try_permute(&axes)?, letter))
    }

    /// An array of an `.npz` file with its kind.
    #[cfg(feature = "text")]
    pub fn array_of_kind(&self, name: &str) -> Option<Result<(Tensor<f64>, char)>> {
        let entry = *self.entries.get(name)?;
        Some(self.unpack(entry).and_then(|bytes| self.npy_of_kind(&bytes)))
    }

    /// The array of an `.npy` file with its kind.
    #[cfg(feature = "text")]
    pub fn of_npy(bytes: &[u8]) -> Result<(Tensor<f64>, char)> {
        Self { bytes: Vec::new(), entries: BTreeMap::new(), left: Cell::new(MOST_BYTES) }.npy_of_kind(bytes)
    }
}

impl Arrays for Npz {
    fn array(&self, name: &str) -> Option<Result<Tensor<f64>>> {
        let entry = *self.entries.get(name)?;
        Some(
            self.unpack(entry)
                .and_then(|bytes| self.npy(&bytes))
                .map_err(|error| error.within(&format!("array {name:?}"))),
        )
    }
    fn names(&self) -> Vec<&str> {
        self.entries.keys().map(String::as_str).collect()
    }
}

/// The numbers of a kind as NumPy names it: byte order, letter, bytes.
fn values(kind: &str, bytes: &[u8]) -> Result<Vec<f64>> {
    let swapped: Vec<u8>;
    let (order, letter) = kind.split_at_checked(1).unwrap_or(("", ""));
    let size = letter.get(1..).and_then(|size| size.parse::<usize>().ok()).filter(|size| (1..=8).contains(size));
    if size.is_some_and(|size| !bytes.len().is_multiple_of(size)) {
        return Err(damaged(format!("its {} bytes are no whole number of {kind:?}", bytes.len())));
    }
    let bytes = match (order, size) {
        (">", Some(size)) => {
            swapped = bytes.chunks_exact(size).flat_map(|chunk| chunk.iter().rev().copied()).collect();
            &swapped
        }
        _ => bytes,
    };
    let floats = |dtype| numbers::read::<f64>(dtype, bytes).ok();
    let integers = |signed: bool, size: usize| -> Vec<f64> {
        let number = |chunk: &[u8]| {
            let mut wide = [if signed && chunk[size - 1] >= 0x80 { 0xff } else { 0 }; 16];
            wide[..size].copy_from_slice(chunk);
            i128::from_le_bytes(wide) as f64
        };
        bytes.chunks_exact(size).map(number).collect()
    };
    let found = match (order, letter) {
        ("<" | ">" | "|" | "=", "f8") => floats(Dtype::F64),
        ("<" | ">" | "|" | "=", "f4") => floats(Dtype::F32),
        ("<" | ">" | "|" | "=", "f2") => floats(Dtype::F16),
        ("<" | ">" | "|" | "=", "i1" | "i2" | "i4" | "i8") => size.map(|size| integers(true, size)),
        ("<" | ">" | "|" | "=", "b1" | "u1" | "u2" | "u4" | "u8") => size.map(|size| integers(false, size)),
        _ => None,
    };
    found.ok_or_else(|| {
        let kind: String = kind.chars().take(20).collect();
        Error::io(format!("holds numbers of the kind {kind:?}; floating-point numbers, integers and bool are read"))
    })
}
