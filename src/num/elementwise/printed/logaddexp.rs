/// ln(e^x + e^y), of powers that do not overflow.
fn logaddexp(x: f64, y: f64) -> f64 {
    let (small, large) = if x > y { (y, x) } else { (x, y) };
    if x == y { x + (2.0 as f64).ln() } else { large + (small - large).exp().ln_1p() }
}
