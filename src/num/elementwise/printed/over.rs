/// A gradient divided; where no gradient arrives, none leaves.
fn over(g: f64, divisor: f64) -> f64 {
    if g == 0.0 { 0.0 } else { g / divisor }
}
