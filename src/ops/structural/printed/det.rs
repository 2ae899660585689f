/// The determinants of matrices of [n, n].
fn det(a: &[f64], n: usize) -> Vec<f64> {
    let one = |a: &[f64]| {
        let (lu, _, sign) = lu(a, n);
        (0..n).fold(sign, |det, k| det * lu[k * n + k])
    };
    a.chunks_exact(n * n).map(one).collect()
}
