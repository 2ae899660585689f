//! Bytes as text: the encoding, and what a file is that holds no table.

use crate::{Error, Result};
use encoding_rs::Encoding;

/// The text of these bytes: in the encoding that their first bytes mark, or else the one that is named, or else UTF-8.
pub(super) fn decoded(origin: &str, bytes: Vec<u8>, encoding: Option<&str>) -> Result<String> {
    if let Some(what) = recognised(&bytes) {
        return Err(Error::argument(format!("{origin}: the file is no table of text but {what}")));
    }
    let named = match encoding {
        None => None,
        Some(label) => Some(Encoding::for_label(label.as_bytes()).ok_or_else(|| {
            Error::argument(format!(
                "{origin}: no encoding is called {label:?}; there are utf-8, utf-16le, windows-1252, shift_jis, gbk, and others that browsers know"
            ))
        })?),
    };
    let (encoding, bytes) = match (Encoding::for_bom(&bytes), named) {
        (Some((encoding, mark)), _) => (encoding, &bytes[mark..]),
        (None, Some(encoding)) => (encoding, &bytes[..]),
        (None, None) => return utf8(origin, bytes),
    };
    match encoding.decode_without_bom_handling_and_without_replacement(bytes) {
        Some(text) => Ok(text.into_owned()),
        None => Err(Error::argument(format!(
            "{origin}: the text is not in the encoding {}; name the right one with encoding(\"...\")",
            encoding.name().to_ascii_lowercase()
        ))),
    }
}

fn utf8(origin: &str, bytes: Vec<u8>) -> Result<String> {
    // Text of every second byte 0 is UTF-8 by the letter; no table holds such bytes.
    if let Some(at) = bytes.iter().position(|&byte| byte == 0) {
        let advice = match bytes.len() > 1 && (bytes[0] == 0) != (bytes[1] == 0) {
            true => "it looks like UTF-16: name the encoding, as in encoding(\"utf-16le\")",
            false => "the file is binary",
        };
        return Err(Error::argument(format!("{origin}: byte {at} is 0, which no text holds; {advice}")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let line = 1 + error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|&&b| b == b'\n').count();
        Error::argument(format!(
            "{origin}: row {line}: the text is not UTF-8; name its encoding, as in encoding(\"windows-1252\")"
        ))
    })
}

/// What a file is, and what to do with it, where its first bytes say that it is something else.
fn recognised(bytes: &[u8]) -> Option<&'static str> {
    let begins = |start: &[u8]| bytes.starts_with(start);
    let start = &bytes[..bytes.len().min(512)];
    let holds = |part: &str| start.windows(part.len()).any(|window| window == part.as_bytes());
    let text = String::from_utf8_lossy(start).trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    Some(match bytes {
        _ if ["<!doctype html", "<html", "<head", "<body"].iter().any(|tag| text.starts_with(tag)) => {
            "a page of HTML, perhaps a message of the server; fetch the file itself (on GitHub, the raw one)"
        }
        _ if text.starts_with("<?xml") => "XML; save it as CSV",
        _ if ["{\"", "[{", "[["].iter().any(|start| text.starts_with(start)) => "JSON; write it as CSV",
        _ if text.starts_with("version https://git-lfs.github.com/spec/") => {
            "a pointer of Git LFS to it; fetch the file with git lfs pull"
        }
        _ if begins(b"PK\x03\x04") && (holds("xl/") || holds("[Content_Types].xml")) => {
            "an Excel workbook (xlsx); save the sheet as CSV"
        }
        _ if begins(b"PK\x03\x04") && holds("opendocument") => "a spreadsheet (ods); save the sheet as CSV",
        _ if begins(b"PK\x03\x04") || begins(b"PK\x05\x06") => "a zip archive; unpack it first",
        _ if begins(&[0xd0, 0xcf, 0x11, 0xe0]) => "an old Excel workbook (xls); save the sheet as CSV",
        [0x80, 2..=5, ..] => "a pickle of Python's; in Python, write it with to_csv",
        _ if begins(&[0x1f, 0x8b]) => "gzip, packed twice; unpack it once",
        _ if begins(b"BZh") && bytes.get(4..10) == Some(b"1AY&SY") => "a bzip2 archive; unpack it with bunzip2",
        _ if begins(b"\xfd7zXZ\0") => "an xz archive; unpack it with unxz",
        _ if begins(&[0x28, 0xb5, 0x2f, 0xfd]) => "a zstd archive; unpack it with unzstd",
        _ if begins(b"7z\xbc\xaf\x27\x1c") => "a 7z archive; unpack it first",
        _ if begins(b"Rar!\x1a\x07") => "a rar archive; unpack it first",
        _ if begins(b"PAR1") => "a Parquet file; write it as CSV",
        _ if begins(b"ARROW1") || begins(b"FEA1") => "a Feather file; write it as CSV",
        _ if begins(b"\x93NUMPY") => "an array of NumPy's; in Python, write it with numpy.savetxt",
        _ if begins(b"\x89HDF\r\n\x1a\n") => "an HDF5 file; write its table as CSV",
        _ if begins(b"SQLite format 3\0") => "an SQLite database; write its table as CSV",
        _ if begins(b"%PDF-") => "a PDF; save its table as CSV",
        _ if begins(b"\x89PNG") || begins(&[0xff, 0xd8, 0xff]) => "an image",
        _ => return None,
    })
}
