/// The cosine and sine of the rotation that makes [[x, off], [off, y]] diagonal.
fn rotation(x: f64, y: f64, off: f64) -> (f64, f64) {
    let tau = (y - x) / (2.0 * off);
    let t = if tau >= 0.0 { 1.0 / (tau + tau.hypot(1.0)) } else { -1.0 / (-tau + tau.hypot(1.0)) };
    let c = 1.0 / t.hypot(1.0);
    (c, t * c)
}
