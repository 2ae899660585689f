/// The cofactors of matrices of [n, n], singular or not: the derivatives of their determinants.
fn cofactors(a: &[f64], n: usize) -> Vec<f64> {
    let minor = |a: &[f64], i: usize, j: usize| {
        let rest: Vec<f64> = (0..n * n).filter(|k| k / n != i && k % n != j).map(|k| a[k]).collect();
        let (lu, _, sign) = lu(&rest, n - 1);
        (0..n - 1).fold(if (i + j) % 2 == 0 { sign } else { -sign }, |det, k| det * lu[k * (n - 1) + k])
    };
    a.chunks_exact(n * n).flat_map(|a| (0..n * n).map(|k| minor(a, k / n, k % n)).collect::<Vec<f64>>()).collect()
}
