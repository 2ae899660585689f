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
