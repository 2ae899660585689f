/// ln(x / (1 - x)); from 1/4 on, 2x - 1 is exact.
fn logit(x: f64) -> f64 {
    if x < 0.25 { (x / (1.0 - x)).ln() } else { 2.0 * (2.0 * x - 1.0).atanh() }
}
