/// (x + 3) / 6, and no less than 0 nor more than 1.
fn hard_sigmoid(x: f64) -> f64 {
    (x + 3.0).clamp(0.0, 6.0) / 6.0
}
