//! A picture as a PNG file inside a `data:` address: 8-bit RGB, one zlib stream.
//!
//! A rectangle for every pixel would make a file of a hundred 28 by 28 images some six megabytes; this makes it a few hundred
//! kilobytes. Source: PNG (Portable Network Graphics) Specification, third edition, W3C 2025.

use flate2::Compression;
use flate2::write::ZlibEncoder;
use plotters::style::RGBColor;
use std::io::Write;

/// An image in colour, row by row from the top.
pub(super) struct Pixels {
    width: usize,
    rows: Vec<Vec<u8>>,
}

impl Pixels {
    pub fn from_fn(width: usize, height: usize, colour: impl Fn(usize, usize) -> RGBColor) -> Self {
        let row = |y: usize| (0..width).map(|x| colour(x, y)).flat_map(|c| [c.0, c.1, c.2]).collect();
        Self { width, rows: (0..height).map(row).collect() }
    }

    pub fn data_uri(&self) -> String {
        format!("data:image/png;base64,{}", base64(&self.png()))
    }

    fn png(&self) -> Vec<u8> {
        let mut header = Vec::with_capacity(13);
        header.extend((self.width as u32).to_be_bytes());
        header.extend((self.rows.len() as u32).to_be_bytes());
        // Eight bits, RGB, deflate, the one set of filters, not interlaced.
        header.extend([8, 2, 0, 0, 0]);
        let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
        chunk(&mut out, b"IHDR", &header);
        chunk(&mut out, b"IDAT", &self.compressed());
        chunk(&mut out, b"IEND", &[]);
        out
    }

    fn compressed(&self) -> Vec<u8> {
        let mut raw = Vec::with_capacity(self.rows.len() * (3 * self.width + 1));
        for row in &self.rows {
            raw.push(0); // No filter: neighbouring weights have little in common.
            raw.extend(row);
        }
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&raw).and_then(|()| encoder.finish()).expect("memory takes every write")
    }
}

fn chunk(out: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    out.extend((data.len() as u32).to_be_bytes());
    out.extend(name);
    out.extend(data);
    let mut crc = flate2::Crc::new();
    crc.update(name);
    crc.update(data);
    out.extend(crc.sum().to_be_bytes());
}

/// RFC 4648, section 4.
pub(super) fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let word = three.iter().fold(0u32, |word, &byte| word << 8 | u32::from(byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * place) & 63) as usize];
            out.push(if place <= three.len() { char::from(letter) } else { '=' });
        }
    }
    out
}
