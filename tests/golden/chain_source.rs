/// The derivatives of the value.
#[derive(Clone, Debug)]
pub struct Gradient {
    /// By `t1`.
    pub t1: f64,
    /// By `b1`.
    pub b1: f64,
    /// By `t2`.
    pub t2: f64,
    /// By `b2`.
    pub b2: f64,
    /// By `t3`.
    pub t3: f64,
    /// By `b3`.
    pub b3: f64,
}

/// The value of `c` and its derivatives by t1, b1, t2, b2, t3, b3.
pub fn value_and_gradient(t1: f64, b1: f64, t2: f64, b2: f64, t3: f64, b3: f64) -> (f64, Gradient) {
    // Forward.
    let z1 = t1 * 0.8 + b1;
    let a1 = relu(z1);
    let z2 = t2 * a1 + b2;
    let a2 = relu(z2);
    let z3 = t3 * a2 + b3;
    let y_hat = sigmoid(z3);
    let v15 = y_hat - 1.0;
    let c = v15 * v15;

    // Backward: d_v is the derivative of the value by v.
    // v15 is read by c (square).
    let d_v15 = v15 + v15;
    // z3 is read by y_hat (sigmoid).
    let d_z3 = d_v15 * (y_hat * (1.0 - y_hat));
    // a2 is read by z3 (mul).
    let d_a2 = d_z3 * t3;
    // z2 is read by a2 (relu).
    let d_z2 = if a2 > 0.0 { d_a2 } else { 0.0 };
    // a1 is read by z2 (mul).
    let d_a1 = d_z2 * t2;
    // z1 is read by a1 (relu).
    let d_z1 = if a1 > 0.0 { d_a1 } else { 0.0 };
    // b3 is read by z3 (add).
    let d_b3 = d_z3;
    // t3 is read by z3 (mul).
    let d_t3 = d_z3 * a2;
    // b2 is read by z2 (add).
    let d_b2 = d_z2;
    // t2 is read by z2 (mul).
    let d_t2 = d_z2 * a1;
    // b1 is read by z1 (add).
    let d_b1 = d_z1;
    // t1 is read by z1 (mul).
    let d_t1 = d_z1 * 0.8;

    (c, Gradient { t1: d_t1, b1: d_b1, t2: d_t2, b2: d_b2, t3: d_t3, b3: d_b3 })
}

/// 1 / (1 + e^-x), of a power that does not overflow.
fn sigmoid(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    if x >= 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) }
}

/// max(x, 0); NaN stays NaN.
fn relu(x: f64) -> f64 {
    if x <= 0.0 { 0.0 } else { x }
}
