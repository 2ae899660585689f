/// A product, and 0 where either is 0, whatever the other.
fn gate(a: f64, b: f64) -> f64 {
    if a == 0.0 || b == 0.0 { 0.0 } else { a * b }
}
