//! The kinds of numbers in files: what is written, and what can be read.

use crate::Element;
use half::{bf16, f16};
use safetensors::Dtype;

/// How this crate writes tensors of `T`.
pub(super) fn dtype<T: Element>() -> &'static str {
    if T::NAME == "f32" { "F32" } else { "F64" }
}

/// Appends the numbers as they stand in a file.
pub(super) fn append<T: Element>(numbers: &[T], bytes: &mut Vec<u8>) {
    match T::NAME {
        "f32" => numbers.iter().for_each(|x| bytes.extend_from_slice(&(x.to_f64() as f32).to_le_bytes())),
        _ => numbers.iter().for_each(|x| bytes.extend_from_slice(&x.to_f64().to_le_bytes())),
    }
}

/// Why numbers cannot be had as `T`.
pub(super) enum Refused {
    /// They are no floating-point numbers, or of a format for which there is no type.
    Kind,
    /// This finite one is infinite in `T`.
    Range(f64),
}

/// The numbers of a file as `T`: exact where `T` has them, else the nearest.
pub(super) fn read<T: Element>(dtype: Dtype, bytes: &[u8]) -> Result<Vec<T>, Refused> {
    match dtype {
        Dtype::F64 => each(bytes, f64::from_le_bytes),
        Dtype::F32 => each(bytes, |x| f32::from_le_bytes(x).into()),
        Dtype::F16 => each(bytes, |x| f16::from_le_bytes(x).into()),
        Dtype::BF16 => each(bytes, |x| bf16::from_le_bytes(x).into()),
        _ => Err(Refused::Kind),
    }
}

fn each<T: Element, const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f64) -> Result<Vec<T>, Refused> {
    let number = |chunk: &[u8]| {
        let x = value(chunk.try_into().expect("chunks of N bytes"));
        let rounded = T::from_f64(x);
        if x.is_finite() && !rounded.to_f64().is_finite() { Err(Refused::Range(x)) } else { Ok(rounded) }
    };
    bytes.chunks_exact(N).map(number).collect()
}
