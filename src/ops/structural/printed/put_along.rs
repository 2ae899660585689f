/// Rows of n zeros, with the elements of rows of m added at their positions.
fn put_along(x: &[f64], positions: &[f64], m: usize, n: usize) -> Vec<f64> {
    let mut out = vec![0.0; x.len() / m * n];
    for (k, (&x, &i)) in x.iter().zip(positions).enumerate() {
        out[k / m * n + i as usize] += x;
    }
    out
}
