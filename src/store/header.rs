//! The beginning of a file: the length of a JSON in eight bytes, and the JSON, which says where each tensor lies.
//!
//! Among its texts is the checksum, in a form that can be found in the bytes: eight digits behind [`SEAL`]. They count as zeros in
//! the sum.

use super::checksum;
use crate::{Element, Error, Result, Tensor};
use safetensors::SafeTensorError;
use safetensors::tensor::Metadata;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::io::Read;

/// The name in the JSON that texts stand under.
pub(super) const TEXTS: &str = "__metadata__";
/// The metadata key of the checksum.
const SUM: &str = "retrograd.checksum";
/// What stands before the checksum's digits. Inside a text a quote has a backslash before it, so that this stands there once.
const SEAL: &str = "\"retrograd.checksum\":\"";
const DIGITS: usize = 8;
/// The length of the JSON's length.
const LENGTH: usize = 8;
/// So much of a file tells what it is that is none of ours.
const BEGINNING: usize = 512;
/// A longer JSON is refused by the format.
const LONGEST: u64 = 100_000_000;

/// A file's header.
pub(super) struct Header {
    pub metadata: Metadata,
    /// Where the tensors begin.
    pub start: usize,
}

/// The header for these tensors, the checksum's digits still zeros.
pub(super) fn written<T: Element>(
    key: &str,
    about: String,
    dtype: &str,
    size: usize,
    tensors: &BTreeMap<String, &Tensor<T>>,
) -> Vec<u8> {
    let mut json = serde_json::Map::new();
    json.insert(TEXTS.to_owned(), json!({ key: about, SUM: "0".repeat(DIGITS) }));
    let mut end = 0;
    for (name, tensor) in tensors {
        let start = end;
        end += size * tensor.len();
        json.insert(
            name.clone(),
            json!({ "dtype": dtype, "shape": tensor.shape().dims(), "data_offsets": [start, end] }),
        );
    }
    let mut json = Json::from(json).to_string().into_bytes();
    // So that the tensors are aligned where the file is mapped into memory.
    json.resize(json.len().next_multiple_of(8), b' ');
    let mut bytes = Vec::with_capacity(LENGTH + json.len() + end);
    bytes.extend_from_slice(&(json.len() as u64).to_le_bytes());
    bytes.append(&mut json);
    bytes
}

/// Puts the checksum into a file that is complete but for it.
pub(super) fn seal(bytes: &mut [u8]) {
    let digits = digits(bytes).expect("the header has a place for it");
    let sum = format!("{:08x}", checksum(bytes));
    bytes[digits..digits + DIGITS].copy_from_slice(sum.as_bytes());
}

/// Whether there is a checksum of the whole file; an error if it is another.
pub(super) fn check_seal(header: &[u8], metadata: &Metadata, bytes: &[u8]) -> Result<bool, String> {
    let texts = metadata.metadata().as_ref();
    let Some(stated) = texts.and_then(|texts| texts.get(SUM)) else { return Ok(false) };
    let differs = || {
        "it differs from its checksum: the file is damaged, or another program changed it and kept its description; take another \
         copy, or let that program leave the description out"
            .to_owned()
    };
    let place = digits(header).ok_or_else(differs)?;
    let after = place + DIGITS;
    let sum = checksum_of([&bytes[..place], "0".repeat(DIGITS).as_bytes(), &bytes[after..]]);
    // As text: the digits have one form, so that none of their bits can change unnoticed.
    if bytes[place..after] == *stated.as_bytes() && *stated == format!("{sum:08x}") { Ok(true) } else { Err(differs()) }
}

/// Where the checksum's digits begin.
fn digits(header: &[u8]) -> Option<usize> {
    let place = header.windows(SEAL.len()).position(|window| window == SEAL.as_bytes())? + SEAL.len();
    (header.len() >= place + DIGITS).then_some(place)
}

fn checksum_of(parts: [&[u8]; 3]) -> u32 {
    let mut crc = flate2::Crc::new();
    parts.iter().for_each(|part| crc.update(part));
    crc.sum()
}

impl Header {
    /// The header of a whole file.
    pub fn read(bytes: &[u8], path: &str) -> Result<Self> {
        let (length, metadata) = safetensors::SafeTensors::read_metadata(bytes)
            .map_err(|error| unreadable(path, bytes, bytes.len(), &error))?;
        Ok(Self { metadata, start: LENGTH + length })
    }
}

/// All bytes of a source, read once its header is found to fit its length.
pub(super) fn checked(mut source: impl Read, length: Option<u64>, path: &str) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| Error::io(format!("cannot read {path}: {error}"));
    let mut bytes = Vec::new();
    source.by_ref().take(LENGTH as u64).read_to_end(&mut bytes).map_err(failed)?;
    let Some(stated) = bytes.first_chunk().map(|bytes| u64::from_le_bytes(*bytes)) else {
        return Err(unreadable(path, &bytes, bytes.len(), &SafeTensorError::HeaderTooSmall));
    };
    let whole = |bytes: &[u8]| length.map_or(bytes.len(), |length| usize::try_from(length).unwrap_or(usize::MAX));
    let beyond = length.is_some_and(|length| stated > length.saturating_sub(LENGTH as u64));
    if beyond || stated > LONGEST {
        let error = if beyond { SafeTensorError::InvalidHeaderLength } else { SafeTensorError::HeaderTooLarge };
        let length = whole(&bytes);
        source.by_ref().take(BEGINNING as u64).read_to_end(&mut bytes).map_err(failed)?;
        return Err(unreadable(path, &bytes, length, &error));
    }
    source.by_ref().take(stated).read_to_end(&mut bytes).map_err(failed)?;
    let metadata = serde_json::from_slice::<Metadata>(&bytes[LENGTH..]).map_err(|error| {
        unreadable(path, &bytes, whole(&bytes), &SafeTensorError::InvalidHeaderDeserialization(error))
    })?;
    let rest = metadata.data_len() as u64;
    let total = (bytes.len() as u64).checked_add(rest);
    if length.is_some() && total != length {
        return Err(unreadable(path, &bytes, whole(&bytes), &SafeTensorError::MetadataIncompleteBuffer));
    }
    // A pipe's length is not known beforehand: no memory is taken for what it only states.
    let room = if length.is_some() { usize::try_from(rest).unwrap_or(usize::MAX) } else { 0 };
    if bytes.try_reserve_exact(room).is_err() {
        return Err(Error::io(format!("cannot read {path}: its {room} bytes of tensors do not fit into memory")));
    }
    source.take(rest.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

fn unreadable(path: &str, bytes: &[u8], length: usize, error: &SafeTensorError) -> Error {
    let why = match (foreign(bytes), error) {
        (Some(what), _) => what.to_owned(),
        (None, SafeTensorError::MetadataIncompleteBuffer | SafeTensorError::InvalidHeaderLength) => {
            format!("it is cut short, or not of the safetensors format ({length} bytes): {error}")
        }
        (None, SafeTensorError::HeaderTooSmall) => format!("it has {length} bytes, too few for a safetensors file"),
        (None, error) => format!("it is damaged, or not of the safetensors format: {error}"),
    };
    Error::io(format!("cannot read {path}: {why}"))
}

/// What a file of another format is, by its first bytes, and what to do with it.
fn foreign(bytes: &[u8]) -> Option<&'static str> {
    const PYTORCH: &str = "it is a pickle of Python's, as torch.save writes it, which can hold code and is not read; in Python: \
        safetensors.torch.save_file(torch.load(path, weights_only=True), \"weights.safetensors\"), of a model its state_dict()";
    const NPZ: &str = "it is an archive of NumPy's (.npz); write it as safetensors, in Python: \
        safetensors.numpy.save_file(dict(numpy.load(path)), \"weights.safetensors\")";
    // A zip holds torch.save's pickle, or NumPy's arrays; the name of what it holds first tells which.
    let holds = |name: &[u8]| bytes[..bytes.len().min(BEGINNING)].windows(name.len()).any(|part| part == name);
    match bytes {
        // Third bytes are not 0, as they are in the length of an ordinary header.
        [b'P', b'K', 3, 4, ..] if holds(b".npy") && !holds(b"data.pkl") => Some(NPZ),
        [b'P', b'K', 3, 4, ..] | [0x80, 2..=5, 1..=255, ..] => Some(PYTORCH),
        [0x1f, 0x8b, 8, ..] => Some("it is packed with gzip; unpack it with gunzip first"),
        [0x89, b'H', b'D', b'F', ..] => Some("it is of the HDF5 format; write it as safetensors"),
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => Some("it is of NumPy's format; write it as safetensors"),
        [b'v', b'e', b'r', b's', b'i', b'o', b'n', b' ', ..] => Some(
            "it begins as a pointer of Git LFS does, which stands for a file that was not fetched: run git lfs pull",
        ),
        [b'<', b'!', 1..=255, ..] | [b'<', b'h' | b'H', 1..=255, ..] => {
            Some("it is a page of HTML, not a file of tensors; fetch it again")
        }
        _ => None,
    }
}
