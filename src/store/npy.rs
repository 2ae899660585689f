//! The headers of NumPy's `.npy` files.
//!
//! Eight bytes of magic and version, the length of a text, the text: a dictionary of Python's, of three entries. Then the numbers.
//! What the header states is not compared with the file here: who reads the numbers does that.

use super::npz::{damaged, number};
use crate::{Error, Result};

/// What the header of an `.npy` file says.
///
/// # Examples
/// ```
/// use retrograd::store::NpyHeader;
/// let mut file = b"\x93NUMPY\x01\0\x37\0{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}".to_vec();
/// let end = file.len();
/// file.extend(1.5f32.to_le_bytes());
/// let header = NpyHeader::of(&file)?;
/// assert_eq!((&header.kind[..], &header.lengths[..], header.start), ("<f4", &[1][..], end));
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NpyHeader {
    /// The kind of number as NumPy names it: byte order, letter, bytes, as `<f8`.
    pub kind: String,
    /// Whether the first index runs fastest.
    pub in_columns: bool,
    /// The lengths of the axes.
    pub lengths: Vec<usize>,
    /// Where the numbers begin, in bytes from the beginning of the file.
    pub start: usize,
}

impl NpyHeader {
    /// The header at the beginning of a file, all of which must be there.
    ///
    /// # Errors
    /// It does not begin as an `.npy` file does; a header that is cut short or says something else; a version other than 1 to 3.
    pub fn of(bytes: &[u8]) -> Result<Self> {
        let cut = || damaged("its header is cut short");
        if !bytes.starts_with(b"\x93NUMPY") {
            return Err(damaged("it does not begin as an npy file does"));
        }
        let (length, start) = match *bytes.get(6).ok_or_else(cut)? {
            1 => (number::<2>(bytes, 8), 10),
            2 | 3 => (number::<4>(bytes, 8), 12),
            version => return Err(Error::io(format!("it is of version {version} of the npy format; 1 to 3 are read"))),
        };
        let header = bytes.get(start..).and_then(|rest| rest.get(..length?)).ok_or_else(cut)?;
        let text = std::str::from_utf8(header).map_err(|_| damaged("its header is not of UTF-8"))?;
        Self::parse(text, start + header.len())
    }

    fn parse(text: &str, start: usize) -> Result<Self> {
        let (mut kind, mut in_columns, mut lengths) = (None, None, None);
        let wrong = || {
            let shown: String = text.trim().chars().take(80).collect();
            damaged(format!(
                "its header {shown:?} is not of the form {{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3)}}"
            ))
        };
        let mut rest = text.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).ok_or_else(wrong)?.trim();
        while !rest.is_empty() {
            let (key, after) = quoted(rest).ok_or_else(wrong)?;
            let value = after.trim_start().strip_prefix(':').ok_or_else(wrong)?.trim_start();
            let after = match key {
                "descr" => {
                    let (value, after) = quoted(value).ok_or_else(|| {
                        Error::io("holds records of several kinds; floating-point numbers, integers and bool are read")
                    })?;
                    kind = Some(value.to_owned());
                    after
                }
                "fortran_order" => {
                    let is_set = value.starts_with("True");
                    in_columns = Some(is_set);
                    value.strip_prefix(if is_set { "True" } else { "False" }).ok_or_else(wrong)?
                }
                "shape" => {
                    let (list, after) =
                        value.strip_prefix('(').and_then(|list| list.split_once(')')).ok_or_else(wrong)?;
                    let parts = list.split(',').map(str::trim).filter(|part| !part.is_empty());
                    lengths = Some(parts.map(|part| part.parse().map_err(|_| wrong())).collect::<Result<_>>()?);
                    after
                }
                _ => return Err(wrong()),
            };
            let after = after.trim_start();
            rest = after.strip_prefix(',').or(after.is_empty().then_some(after)).ok_or_else(wrong)?.trim_start();
        }
        match (kind, in_columns, lengths) {
            (Some(kind), Some(in_columns), Some(lengths)) => Ok(Self { kind, in_columns, lengths, start }),
            _ => Err(wrong()),
        }
    }
}

/// The text in quotes that stands first, and what follows.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    text[1..].split_once(quote)
}
