//! lgamma, digamma and polygamma, one number at a time; f32 goes through these as well.
//!
//! Method. lgamma: on [0.68, 3.02] it is (x - 1)(x - 2) g(x) with g a minimax polynomial, so the zeros at 1 and 2 are
//! exact; up to 8 the recurrence adds the logarithm of a product; beyond, Stirling's series; below, ln Gamma(x + 1) -
//! ln x. digamma: (x - r) h(x) on [1, 2] around its root r, recurrences up to 10 and below 1, then the asymptotic
//! series. polygamma: (-1)^(n+1) n! zeta(n + 1, x), Hurwitz's zeta function by Euler and Maclaurin (DLMF 25.11.5). All
//! reflect negative arguments (DLMF 5.5.3, 5.5.4), which loses relative, not absolute, precision near the zeros there.
//!
//! The coefficients are our own minimax fits (Remez exchange at 45 digits, then rounded).

use super::Plain;
use super::double::{exp, ln, pow, sin_any, tan_any};
use std::f64::consts::PI;

/// c0 + x (c1 + x (...)).
fn horner(x: f64, coefficients: &[f64]) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, &c| sum * x + c)
}

/// lgamma(x) / ((x - 1)(x - 2)) in x - 1.125, for 0.68 <= x <= 1.52.
const LGAMMA_LOW: &[f64] = &[
    0.5487833977237905,
    -0.2111532342581767,
    0.11960320844256364,
    -0.07892681966424055,
    0.056282168768359245,
    -0.04199485606155779,
    0.03226388720282754,
    -0.025296544259279918,
    0.020132839097889023,
    -0.016209150055935217,
    0.013170690356989853,
    -0.010780873356311053,
    0.008884504029622044,
    -0.007387182315988183,
    0.006117600223297791,
    -0.0048883799091798946,
    0.004379166380196086,
    -0.004803345597688705,
    0.0025161941983715,
    0.0010077077617107882,
    0.003795247784687701,
    -0.006998196846665735,
];

/// The same in x - 2.25, for 1.48 <= x <= 3.02.
const LGAMMA_HIGH: &[f64] = &[
    0.3995894876556691,
    -0.08588084755126082,
    0.025268354959288045,
    -0.008464024993595734,
    0.0030411186579389162,
    -0.0011409865892628283,
    0.0004406567313127338,
    -0.00017370933003434547,
    6.952280333485524e-05,
    -2.814917631870832e-05,
    1.1501899774608325e-05,
    -4.735167611926714e-06,
    1.9612441233546815e-06,
    -8.141384268340512e-07,
    3.3980433657272696e-07,
    -1.4748885967652058e-07,
    6.289718890894816e-08,
    -1.9991247509172475e-08,
    7.826593804160757e-09,
    -8.251301711312576e-09,
    3.7232903674896426e-09,
];

/// digamma(x) / (x - r) in x - 1.5, for 1 <= x <= 2.
const DIGAMMA: &[f64] = &[
    0.9510558760318328,
    -0.42362742128146064,
    0.240542484240788,
    -0.1484049230538712,
    0.09498872445272635,
    -0.061922133276383,
    0.04076083395108057,
    -0.026975796622183548,
    0.017907247989896378,
    -0.011908220970819762,
    0.007927027906024415,
    -0.005279925345532414,
    0.0035180355147871275,
    -0.0023455971834194004,
    0.001563900203039505,
    -0.001035903802910227,
    0.0006883806698010597,
    -0.00048778664664346044,
    0.00033153835794436695,
    -0.00014141271112766475,
    8.37825434464487e-05,
    -0.000180900896590257,
    0.00012807988881733496,
];

/// digamma's positive root r, in three parts.
const ROOT: (f64, f64, f64) = (1.4616321455687284, -6.003661056977897e-10, 2.0574000666111322e-26);

/// B_2j / (2j (2j - 1)), j = 1..: Stirling's series.
const STIRLING: [f64; 8] = [
    1.0 / 12.0,
    -1.0 / 360.0,
    1.0 / 1260.0,
    -1.0 / 1680.0,
    1.0 / 1188.0,
    -691.0 / 360360.0,
    1.0 / 156.0,
    -3617.0 / 122400.0,
];

/// B_2j, j = 1..
const BERNOULLI: [f64; 12] = [
    1.0 / 6.0,
    -1.0 / 30.0,
    1.0 / 42.0,
    -1.0 / 30.0,
    5.0 / 66.0,
    -691.0 / 2730.0,
    7.0 / 6.0,
    -3617.0 / 510.0,
    43867.0 / 798.0,
    -174611.0 / 330.0,
    854513.0 / 138.0,
    -236364091.0 / 2730.0,
];

/// x less the nearest integer, exactly.
fn from_integer(x: f64) -> f64 {
    x - x.round_ties_even()
}

/// ln|Gamma(x)|.
pub(super) fn lgamma(x: f64) -> f64 {
    if x.is_nan() || x.is_infinite() {
        return x.abs();
    }
    if x <= 0.0 {
        let f = from_integer(x);
        if f == 0.0 {
            return f64::INFINITY;
        }
        // Gamma(x) Gamma(1 - x) = pi / sin(pi x), with Gamma(1 - x) = -x Gamma(-x): 1 - x would round a tiny x.
        let sine = sin_any::<Plain>(PI * f).abs();
        return if x > -1e-300 { -ln::<Plain>(-x) } else { ln::<Plain>(PI / (sine * -x)) - lgamma(-x) };
    }
    if x < 0.68 {
        return lgamma(1.0 + x) - ln::<Plain>(x);
    }
    if x < 1.5 {
        // Adding 0 makes the -0 at 1 a +0.
        return (x - 1.0) * (x - 2.0) * horner(x - 1.125, LGAMMA_LOW) + 0.0;
    }
    if x < 8.0 {
        let (mut y, mut product) = (x, 1.0);
        while y > 3.0 {
            y -= 1.0;
            product *= y;
        }
        let value = (y - 1.0) * (y - 2.0) * horner(y - 2.25, LGAMMA_HIGH);
        return if product == 1.0 { value } else { ln::<Plain>(product) + value };
    }
    let inverse = 1.0 / x;
    let series = inverse * horner(inverse * inverse, &STIRLING);
    const HALF_LN_2PI: f64 = 0.9189385332046728;
    let l = ln::<Plain>(x);
    if x > 1e17 { x * (l - 1.0) } else { (x - 0.5) * (l - 1.0) + (HALF_LN_2PI - 0.5 + series) }
}

/// The derivative of ln Gamma.
pub(super) fn digamma(x: f64) -> f64 {
    if x == 0.0 {
        return -1.0 / x;
    }
    if x < 0.0 {
        let f = from_integer(x);
        if f == 0.0 || x == f64::NEG_INFINITY {
            return f64::NAN;
        }
        // psi(x) = psi(-x) - 1/x - pi cot(pi x), from the reflection and the recurrence.
        return digamma(-x) - 1.0 / x - PI / tan_any::<Plain>(PI * f);
    }
    if x < 1.0 {
        return digamma(1.0 + x) - 1.0 / x;
    }
    if x < 10.0 {
        // Added smallest first; none is negative but the first, near its root.
        let (mut y, mut sum) = (x, 0.0);
        while y > 2.0 {
            y -= 1.0;
            sum += 1.0 / y;
        }
        let from_root = (y - ROOT.0) - ROOT.1 - ROOT.2;
        return from_root * horner(y - 1.5, DIGAMMA) + sum;
    }
    // ln x - 1/(2x) - sum of B_2j / (2j x^2j).
    let z = (1.0 / x) * (1.0 / x);
    let mut series = 0.0;
    for j in (0..9).rev() {
        series = (series + BERNOULLI[j] / (2.0 * (j + 1) as f64)) * z;
    }
    ln::<Plain>(x) - (0.5 / x + series)
}

/// The n-th derivative of digamma.
pub(super) fn polygamma(n: u32, x: f64) -> f64 {
    if n == 0 {
        return digamma(x);
    }
    if x.is_nan() || x == f64::NEG_INFINITY {
        return f64::NAN;
    }
    let even = n.is_multiple_of(2);
    let factorial = if n <= 170 { (1..=n).map(f64::from).product() } else { exp::<Plain>(lgamma(n as f64 + 1.0)) };
    let s = n.saturating_add(1);
    let zeta = if x > 0.0 {
        hurwitz(s, x)
    } else {
        // Sum over k >= 0 of (x + k)^-s, the terms left of 0 as a difference of two sums to the right of it.
        let m = -x.floor();
        if m == -x {
            return if even { f64::NAN } else { f64::INFINITY };
        }
        let left = hurwitz(s, -x - (m - 1.0)) - hurwitz(s, 1.0 - x);
        hurwitz(s, x + m) + if even { -left } else { left }
    };
    let value = factorial * zeta;
    if even { -value } else { value }
}

/// Hurwitz's zeta function of an integer s >= 2 and x > 0.
fn hurwitz(s: u32, x: f64) -> f64 {
    let order = f64::from(s);
    let power = |y: f64| pow::<Plain>(y, -order);
    if x == f64::INFINITY {
        return 0.0;
    }
    // From here on twelve terms of the series suffice.
    let start = 12.0 + 0.5 * order;
    let (mut y, mut sum) = (x, 0.0);
    while y < start {
        let term = power(y);
        if term <= sum * 1e-18 {
            return sum;
        }
        sum += term;
        y += 1.0;
    }
    let last = power(y);
    // y^(1-s)/(s-1) + y^-s/2 + sum of B_2j/(2j)! s (s+1) .. (s+2j-2) y^(-s-2j+1).
    let mut tail = last * (y / (order - 1.0) + 0.5);
    let mut factor = last * order / (2.0 * y);
    for (j, b) in BERNOULLI.iter().enumerate() {
        tail += b * factor;
        let j = 2.0 * (j + 1) as f64;
        factor *= (order + j - 1.0) * (order + j) / ((j + 1.0) * (j + 2.0) * y * y);
    }
    sum + tail
}
