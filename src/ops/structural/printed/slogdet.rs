/// Of each matrix of [n, n] the sign of its determinant and ln of its magnitude.
fn slogdet(a: &[f64], n: usize) -> Vec<f64> {
    let one = |a: &[f64]| {
        let (lu, _, sign) = lu(a, n);
        (0..n).map(|k| lu[k * n + k]).fold([sign, 0.0], |[sign, log], pivot| {
            [if pivot == 0.0 { 0.0 } else { sign * pivot.signum() }, log + pivot.abs().ln()]
        })
    };
    a.chunks_exact(n * n).flat_map(one).collect()
}
