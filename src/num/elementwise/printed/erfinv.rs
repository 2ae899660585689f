/// The number whose error function is x.
///
/// Up to 0.7, x times a polynomial in x^2. Beyond, erfc(y) = 1 - |x| is solved: a polynomial in sqrt(-ln(1 - |x|)) is right to
/// seven digits, one step of Halley's method gives the others. Coefficients: Chebyshev interpolation at 50 digits.
fn erfinv(x: f64) -> f64 {
    const CENTRE: [f64; 22] = [
        0.886226925452758,
        0.23201366653465477,
        0.12755617530550992,
        0.08655212925287535,
        0.06495961697374329,
        0.051731314158875455,
        0.0428358251675148,
        0.03648353567449301,
        0.03143473775790511,
        0.030753327674769456,
        0.0017414532207093243,
        0.17516612669254417,
        -0.7662228198620442,
        3.225870924763701,
        -10.307459301455525,
        26.13594505221081,
        -51.320849178704265,
        76.87505133147019,
        -84.82462996472717,
        65.26149680637549,
        -31.354276302311042,
        7.173652146727248,
    ];
    const TAIL: [f64; 14] = [
        3.23430277,
        1.03649226,
        -0.00498963917,
        0.000439473604,
        7.05500495e-05,
        -5.81497658e-05,
        2.29518115e-05,
        -8.77751432e-06,
        3.35090584e-06,
        -6.71711955e-07,
        1.97729216e-08,
        -5.59258601e-08,
        3.74985631e-08,
        -5.82605511e-09,
    ];
    let polynomial = |coefficients: &[f64], z: f64| coefficients.iter().rev().fold(0.0, |sum, c| sum * z + c);
    if x.abs() <= 0.7 {
        return x * polynomial(&CENTRE, x * x);
    }
    let rest = 1.0 - x.abs();
    if rest <= 0.0 {
        return if rest == 0.0 { f64::INFINITY.copysign(x) } else { f64::NAN };
    }
    let y = polynomial(&TAIL, (-rest.ln()).sqrt() - 3.5);
    // (erfc(y) - rest) / erfc'(y), in terms that do not vanish far out.
    let step = 0.886226925452758 * (rest * (y * y).exp() - erfcx(y));
    (y - step / (1.0 + y * step)).copysign(x)
}
