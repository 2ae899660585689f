/// The derivatives of the value.
#[derive(Clone, Debug)]
pub struct Gradient {
    /// By `w1`, 2 x 3.
    pub w1: Vec<f64>,
    /// By `b1`, 3.
    pub b1: Vec<f64>,
    /// By `w2`, 3 x 1.
    pub w2: Vec<f64>,
    /// By `b2`, 1.
    pub b2: Vec<f64>,
}

/// The value of `l` and its derivatives by w1, b1, w2, b2. Tensors are in row-major order.
pub fn value_and_gradient(w1: &[f64], b1: &[f64], w2: &[f64], b2: &[f64]) -> (f64, Gradient) {
    assert_eq!(w1.len(), 6, "w1 holds 2 x 3 numbers");
    assert_eq!(b1.len(), 3, "b1 holds 3 numbers");
    assert_eq!(w2.len(), 3, "w2 holds 3 x 1 numbers");
    assert_eq!(b2.len(), 1, "b2 holds 1 number");
    // Forward.
    let x: &[f64] = &[
        0.0, 0.0,
        0.0, 1.0,
        1.0, 0.0,
        1.0, 1.0,
    ];
    let y: &[f64] = &[
        0.0,
        1.0,
        1.0,
        0.0,
    ];
    let v6: Vec<f64> = matmul(x, w1, [false, false], [4, 2, 3]); // 4 x 3, in hidden
    let z1: Vec<f64> = (0..12).map(|i| v6[i] + b1[i % 3]).collect(); // 4 x 3, in hidden
    let a1: Vec<f64> = (0..12).map(|i| z1[i].tanh()).collect(); // 4 x 3, in hidden
    let v9: Vec<f64> = matmul(&a1, w2, [false, false], [4, 3, 1]); // 4 x 1, in head
    let z2: Vec<f64> = (0..4).map(|i| v9[i] + b2[0]).collect(); // 4 x 1, in head
    let v11: Vec<f64> = (0..4).map(|i| bce_with_logits(z2[i], y[i])).collect(); // 4 x 1, in head
    let v12 = v11.iter().sum::<f64>(); // in head
    let l = v12 * 0.25; // in head

    // Backward: d_v is the derivative of the value by v.
    // z2 is read by v11 (bce_with_logits).
    let d_z2: Vec<f64> = (0..4).map(|i| 0.25 * (sigmoid(z2[i]) - y[i])).collect();
    // a1 is read by v9 (matmul).
    let d_a1: Vec<f64> = matmul(&d_z2, w2, [false, true], [4, 1, 3]);
    // z1 is read by a1 (tanh).
    let d_z1: Vec<f64> = (0..12).map(|i| d_a1[i] * (1.0 - a1[i] * a1[i])).collect();
    // b2 is read by z2 (add).
    let d_b2: Vec<f64> = sum_axes(&d_z2, [1, 4, 1]);
    // w2 is read by v9 (matmul).
    let d_w2: Vec<f64> = matmul(&a1, &d_z2, [true, false], [3, 4, 1]);
    // b1 is read by z1 (add).
    let d_b1: Vec<f64> = sum_axes(&d_z1, [1, 4, 3]);
    // w1 is read by v6 (matmul).
    let d_w1: Vec<f64> = matmul(x, &d_z1, [true, false], [2, 4, 3]);

    (l, Gradient { w1: d_w1, b1: d_b1, w2: d_w2, b2: d_b2 })
}

/// Binary cross-entropy of a logit against a target.
fn bce_with_logits(logit: f64, target: f64) -> f64 {
    (logit.max(0.0) - logit * target) + softplus(-logit.abs())
}

/// 1 / (1 + e^-x), of a power that does not overflow.
fn sigmoid(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    if x >= 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) }
}

/// ln(1 + e^x), of a power that does not overflow.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// The sums over the middle one of three axes.
fn sum_axes(x: &[f64], [outer, n, inner]: [usize; 3]) -> Vec<f64> {
    let mut out = vec![0.0; outer * inner];
    for (i, x) in x.iter().enumerate() {
        out[i / (n * inner) * inner + i % inner] += x;
    }
    out
}

/// The m x n product of an m x k and a k x n matrix; a transposed one lies in memory the other way round.
fn matmul(x: &[f64], y: &[f64], [transpose_x, transpose_y]: [bool; 2], [m, k, n]: [usize; 3]) -> Vec<f64> {
    let mut out = vec![0.0; m * n];
    for i in 0..m {
        for j in 0..n {
            for l in 0..k {
                let a = if transpose_x { x[l * m + i] } else { x[i * k + l] };
                let b = if transpose_y { y[j * k + l] } else { y[l * n + j] };
                out[i * n + j] += a * b;
            }
        }
    }
    out
}
