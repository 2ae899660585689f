/// A gradient times a derivative; where no gradient arrives, none leaves.
fn scale(g: f64, derivative: f64) -> f64 {
    if g == 0.0 { 0.0 } else { g * derivative }
}
