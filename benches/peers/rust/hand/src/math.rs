//! f32 functions without branches, which the compiler turns into vector code. Polynomials as in Cephes.

#[inline(always)]
fn fma(a: f32, b: f32, c: f32) -> f32 {
    if cfg!(target_feature = "fma") { a.mul_add(b, c) } else { a * b + c }
}

/// To the nearest integer, by an addition that shifts the fraction out.
#[inline(always)]
fn round(x: f32) -> f32 {
    const SHIFT: f32 = 12_582_912.0;
    (x + SHIFT) - SHIFT
}

/// `lead x^n + ... `, coefficients from the highest power down.
#[inline(always)]
fn polynomial<const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    coefficients[1..].iter().fold(coefficients[0], |p, &c| fma(p, x, c))
}

#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.3, 88.0);
    let n = round(x * std::f32::consts::LOG2_E);
    let r = fma(n, 2.121_944_4e-4, fma(n, -0.693_359_4, x));
    let p = polynomial(r, [1.987_569_2e-4, 1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5]);
    let y = fma(p, r * r, r) + 1.0;
    // SAFETY: n is a whole number between -126 and 127, by the clamp.
    let n: i32 = unsafe { n.to_int_unchecked() };
    y * f32::from_bits(((n + 127) as u32) << 23)
}

#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    1.0 - 2.0 / (exp(2.0 * x) + 1.0)
}

#[inline(always)]
pub fn ln(x: f32) -> f32 {
    let bits = x.to_bits() as i32;
    let e = bits.wrapping_sub(0x3f35_04f3) >> 23;
    let f = f32::from_bits((bits - (e << 23)) as u32) - 1.0;
    let (e, z) = (e as f32, f * f);
    let p = polynomial(
        f,
        [
            7.037_683_6e-2,
            -1.151_461e-1,
            1.167_699_9e-1,
            -1.242_014_1e-1,
            1.424_932_3e-1,
            -1.666_805_8e-1,
            2.000_071_5e-1,
            -2.499_999_4e-1,
            3.333_333e-1,
        ],
    );
    f + fma(p * z, f, fma(e, -2.121_944_4e-4, -0.5 * z)) + e * 0.693_359_4
}

/// Sine and cosine of an argument of moderate size.
#[inline(always)]
pub fn sincos(x: f32) -> (f32, f32) {
    let n = round(x * std::f32::consts::FRAC_2_PI);
    // SAFETY: arguments of moderate size have a small number of quarter turns.
    let quarter: i32 = unsafe { n.to_int_unchecked() };
    let r = fma(n, -4.838_268e-4, fma(n, -1.570_312_5, x));
    let z = r * r;
    let s = fma(polynomial(z, [-1.951_529_6e-4, 8.332_161e-3, -1.666_665_5e-1]) * z, r, r);
    let c = polynomial(z, [2.443_315_7e-5, -1.388_731_6e-3, 4.166_664_6e-2]);
    let c = fma(c * z, z, fma(-0.5, z, 1.0));
    // Sine and cosine change places every other quarter; bits, so that no branch is left.
    let swapped = 0i32.wrapping_sub(quarter & 1) as u32;
    let exchange = (s.to_bits() ^ c.to_bits()) & swapped;
    let (s_sign, c_sign) = (((quarter as u32) & 2) << 30, (((quarter + 1) as u32) & 2) << 30);
    (f32::from_bits(s.to_bits() ^ exchange ^ s_sign), f32::from_bits(c.to_bits() ^ exchange ^ c_sign))
}
