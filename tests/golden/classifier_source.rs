/// The derivatives of the value.
#[derive(Clone, Debug)]
pub struct Gradient {
    /// By `w1`, 2 x 4.
    pub w1: Vec<f64>,
    /// By `b1`, 4.
    pub b1: Vec<f64>,
    /// By `w2`, 4 x 3.
    pub w2: Vec<f64>,
    /// By `b2`, 3.
    pub b2: Vec<f64>,
}

/// The value of `l` and its derivatives by w1, b1, w2, b2. Tensors are in row-major order.
pub fn value_and_gradient(w1: &[f64], b1: &[f64], w2: &[f64], b2: &[f64]) -> (f64, Gradient) {
    assert_eq!(w1.len(), 8, "w1 holds 2 x 4 numbers");
    assert_eq!(b1.len(), 4, "b1 holds 4 numbers");
    assert_eq!(w2.len(), 12, "w2 holds 4 x 3 numbers");
    assert_eq!(b2.len(), 3, "b2 holds 3 numbers");
    // Forward.
    let x: &[f64] = &[
        1.0, -0.5,
        0.3, 0.8,
        -1.2, 0.4,
    ];
    let v5: Vec<f64> = matmul(x, w1, [false, false], [3, 2, 4]); // 3 x 4
    let z1: Vec<f64> = (0..12).map(|i| v5[i] + b1[i % 4]).collect(); // 3 x 4
    let a1: Vec<f64> = (0..12).map(|i| relu(z1[i])).collect(); // 3 x 4
    let v8: Vec<f64> = matmul(&a1, w2, [false, false], [3, 4, 3]); // 3 x 3
    let z2: Vec<f64> = (0..9).map(|i| v8[i] + b2[i % 3]).collect(); // 3 x 3
    let l = cross_entropy(&z2, 3, &[2, 0, 1]);

    // Backward: d_v is the derivative of the value by v.
    // z2 is read by l (cross_entropy).
    let d_z2: Vec<f64> = cross_entropy_slope(&z2, 3, &[2, 0, 1]);
    // a1 is read by v8 (matmul).
    let d_a1: Vec<f64> = matmul(&d_z2, w2, [false, true], [3, 3, 4]);
    // z1 is read by a1 (relu).
    let d_z1: Vec<f64> = (0..12).map(|i| if a1[i] > 0.0 { d_a1[i] } else { 0.0 }).collect();
    // b2 is read by z2 (add).
    let d_b2: Vec<f64> = sum_axes(&d_z2, [1, 3, 3]);
    // w2 is read by v8 (matmul).
    let d_w2: Vec<f64> = matmul(&a1, &d_z2, [true, false], [4, 3, 3]);
    // b1 is read by z1 (add).
    let d_b1: Vec<f64> = sum_axes(&d_z1, [1, 3, 4]);
    // w1 is read by v5 (matmul).
    let d_w1: Vec<f64> = matmul(x, &d_z1, [true, false], [2, 3, 4]);

    (l, Gradient { w1: d_w1, b1: d_b1, w2: d_w2, b2: d_b2 })
}

/// max(x, 0); NaN stays NaN.
fn relu(x: f64) -> f64 {
    if x <= 0.0 { 0.0 } else { x }
}

/// The sums over the middle one of three axes.
fn sum_axes(x: &[f64], [outer, n, inner]: [usize; 3]) -> Vec<f64> {
    let mut out = vec![0.0; outer * inner];
    for (i, x) in x.iter().enumerate() {
        out[i / (n * inner) * inner + i % inner] += x;
    }
    out
}

/// e^x / sum e^x of each row of n, of powers that do not overflow.
fn softmax_rows(x: &[f64], n: usize) -> Vec<f64> {
    let of = |row: &[f64]| -> Vec<f64> {
        let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let powers: Vec<f64> = row.iter().map(|x| (x - max).exp()).collect();
        let sum: f64 = powers.iter().sum();
        powers.into_iter().map(|e| e / sum).collect()
    };
    x.chunks(n).flat_map(of).collect()
}

/// x - ln sum e^x of each row of n.
fn log_softmax_rows(x: &[f64], n: usize) -> Vec<f64> {
    let of = |row: &[f64]| -> Vec<f64> {
        let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let log_sum = row.iter().map(|x| (x - max).exp()).sum::<f64>().ln();
        row.iter().map(|x| x - max - log_sum).collect()
    };
    x.chunks(n).flat_map(of).collect()
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

/// The mean of -ln softmax at each row's label.
fn cross_entropy(logits: &[f64], classes: usize, labels: &[usize]) -> f64 {
    let logs = log_softmax_rows(logits, classes);
    let sum: f64 = labels.iter().enumerate().map(|(row, label)| -logs[row * classes + label]).sum();
    sum / labels.len() as f64
}

/// (softmax - one-hot labels) / rows.
fn cross_entropy_slope(logits: &[f64], classes: usize, labels: &[usize]) -> Vec<f64> {
    let mut out = softmax_rows(logits, classes);
    for (row, label) in labels.iter().enumerate() {
        out[row * classes + label] -= 1.0;
    }
    out.iter().map(|x| x / labels.len() as f64).collect()
}
