/// The sums over the middle one of three axes.
fn sum_axes(x: &[f64], [outer, n, inner]: [usize; 3]) -> Vec<f64> {
    let mut out = vec![0.0; outer * inner];
    for (i, x) in x.iter().enumerate() {
        out[i / (n * inner) * inner + i % inner] += x;
    }
    out
}
