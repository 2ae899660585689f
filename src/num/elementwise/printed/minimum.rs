/// The smaller of the two; NaN if either is.
fn minimum(x: f64, y: f64) -> f64 {
    if x < y || x.is_nan() { x } else { y }
}
