/// The inverses of matrices of [n, n].
fn inv(a: &[f64], n: usize) -> Vec<f64> {
    let one: Vec<f64> = (0..n * n).map(|k| if k / n == k % n { 1.0 } else { 0.0 }).collect();
    a.chunks_exact(n * n).flat_map(|a| solve(a, &one, n, n, false)).collect()
}
