/// The derivatives of the value.
#[derive(Clone, Debug)]
pub struct Gradient {
    /// By `a`.
    pub a: f64,
    /// By `b`.
    pub b: f64,
}

/// The value of `e` and its derivatives by a, b.
pub fn value_and_gradient(a: f64, b: f64) -> (f64, Gradient) {
    // Forward.
    let c = a + b;
    let d = b + 1.0;
    let e = c * d;

    // Backward: d_v is the derivative of the value by v.
    // b is read by d (add), c (add).
    let d_b = c + d;
    // a is read by c (add).
    let d_a = d;

    (e, Gradient { a: d_a, b: d_b })
}
