/// L of L L^T = (A + A^T) / 2 for matrices of [n, n].
fn cholesky(a: &[f64], n: usize) -> Vec<f64> {
    let mut all = Vec::with_capacity(a.len());
    for a in a.chunks_exact(n * n) {
        let mut l = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                let known: f64 = (0..j).map(|k| l[i * n + k] * l[j * n + k]).sum();
                let rest = 0.5 * a[i * n + j] + 0.5 * a[j * n + i] - known;
                assert!(i != j || rest > 0.0, "cholesky: a matrix is not positive definite");
                l[i * n + j] = if i == j { rest.sqrt() } else { rest / l[j * n + j] };
            }
        }
        all.extend(l);
    }
    all
}
