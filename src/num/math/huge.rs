//! Exact argument reduction of numbers too large for `trig`: Payne and Hanek's method, in integers.
//!
//! x = m 2^e with m of 53 bits. Of the bits of 2/pi, those that make x * 2/pi a multiple of 4 are skipped; the next
//! 192 times m give the quadrant and 190 bits of its fraction, of which at most 62 vanish for any f64. One number at a
//! time: it has a table and branches.
//!
//! Source: Payne & Hanek, Radian reduction for trigonometric functions, SIGNUM Newsletter 18 (1983).

use super::lane::Lane;
use super::trig::Angle;

/// The first 1280 bits of 2/pi after the binary point.
const TWO_PER_PI: [u64; 20] = [
    0xa2f9836e4e441529,
    0xfc2757d1f534ddc0,
    0xdb6295993c439041,
    0xfe5163abdebbc561,
    0xb7246e3a424dd2e0,
    0x06492eea09d1921c,
    0xfe1deb1cb129a73e,
    0xe88235f52ebb4484,
    0xe99c7026b45f7e41,
    0x3991d639835339f4,
    0x9c845f8bbdf9283b,
    0x1ff897ffde05980f,
    0xef2f118b5a0a6d1f,
    0x6d367ecf27cb09b7,
    0x4f463f669e5fea2d,
    0x7527bac7ebe5f17b,
    0x3d0739f78a5292ea,
    0x6bfb5fb11f8d5d08,
    0x56033046fc7b6bab,
    0xf0cfbc209af4361d,
];

/// 64 bits of 2/pi from bit `start` on.
fn bits_from(start: usize) -> u64 {
    let (word, shift) = (start / 64, start % 64);
    match shift {
        0 => TWO_PER_PI[word],
        _ => TWO_PER_PI[word] << shift | TWO_PER_PI[word + 1] >> (64 - shift),
    }
}

/// The reduction of a finite x of at least 2^20.
#[cold]
pub(super) fn reduce(x: f64) -> Angle<f64> {
    let bits = x.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as i32 - 1075;
    let m = (bits & ((1 << 52) - 1)) | 1 << 52;
    // A bit at index i weighs 2^-(i+1); times m 2^exponent it is a multiple of 4 as long as i < exponent - 2.
    let skip = (exponent - 2).max(0);
    let window = [bits_from(skip as usize), bits_from(skip as usize + 64), bits_from(skip as usize + 128)];
    // m * window, the most significant of four words first.
    let low = m as u128 * window[2] as u128;
    let middle = m as u128 * window[1] as u128 + (low >> 64);
    let high = m as u128 * window[0] as u128 + (middle >> 64);
    let product = [(high >> 64) as u64, high as u64, middle as u64, low as u64];
    // The value modulo 4 in units of 2^-190: the product's low three words, once its own unit is that.
    let shift = (skip + 2 - exponent) as u32;
    let down = |upper: u64, lower: u64| if shift == 0 { lower } else { upper << (64 - shift) | lower >> shift };
    let mut words = [down(product[0], product[1]), down(product[1], product[2]), down(product[2], product[3])];
    let mut quadrant = words[0] >> 62;
    // Fractions above a half belong to the next quadrant, less 1: their two's complement is their magnitude.
    let beyond_half = words[0] >> 61 & 1 == 1;
    words[0] &= (1 << 62) - 1;
    if beyond_half {
        quadrant += 1;
        words = words.map(|w| !w);
        words[0] &= (1 << 62) - 1;
    }
    // To a float and its low part. The first bit set is at most 62 + 64 bits down.
    let top = (words[0] as u128) << 64 | words[1] as u128;
    let zeros = top.leading_zeros();
    let fraction = top << zeros | if zeros == 0 { 0 } else { (words[2] as u128) << 64 >> (128 - zeros) };
    let scale = f64::from_bits(((1023 + 2 - zeros as i64) as u64) << 52);
    let high = (fraction >> 75) as f64 * f64::from_bits((1023 - 53) << 52) * scale;
    let low = (fraction << 53 >> 75) as f64 * f64::from_bits((1023 - 106) << 52) * scale;
    // Times pi/2, in two floats.
    const HALF_PI: (f64, f64) = (std::f64::consts::FRAC_PI_2, 6.123233995736766e-17);
    let product = high * HALF_PI.0;
    let error = exact_error(high, HALF_PI.0, product) + (high * HALF_PI.1 + low * HALF_PI.0);
    let sign = if beyond_half != (x < 0.0) { -1.0 } else { 1.0 };
    let k = if x < 0.0 { -(quadrant as f64) } else { quadrant as f64 };
    Angle { r: product * sign, over: -(error * sign), magic_k: f64::MAGIC + k }
}

/// a * b - p, exactly, without a fused multiply-add.
fn exact_error(a: f64, b: f64, p: f64) -> f64 {
    super::lane::two_product::<f64, super::Plain>(a, b).1 + (a * b - p)
}
