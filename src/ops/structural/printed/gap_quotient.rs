/// X_ij / (c_j - r_i) for X of [m, n]; 0 on the diagonal where it is spectral, and where there is no gap and nothing to divide.
fn gap_quotient(x: &[f64], c: &[f64], r: &[f64], w: &[f64], m: usize, n: usize, spectral: bool) -> Vec<f64> {
    let largest = |x: &[f64]| x.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
    let off = 16.0 * m.max(n) as f64 * f64::EPSILON;
    let mut all = Vec::with_capacity(x.len());
    let matrices = x.len() / (m * n);
    for (k, x) in x.chunks_exact(m * n).enumerate() {
        let (c, r) = (&c[k * n..(k + 1) * n], &r[k * m..(k + 1) * m]);
        let w = &w[k * w.len() / matrices..(k + 1) * w.len() / matrices];
        let none = off * largest(c).max(largest(r));
        let size = largest(x);
        let nothing = 16.0 * off * size;
        for (at, x) in x.iter().enumerate() {
            let (i, j) = (at / n, at % n);
            let gap = c[j] - r[i];
            if gap.abs() <= none && !(spectral && i == j) {
                let alike = w.chunks_exact(n).enumerate().all(|(row, w)| {
                    let size = if row == 0 { largest(w) } else { largest(w).max(size) };
                    (w[i] - w[j]).abs() <= 16.0 * off * size
                });
                assert!(x.abs() <= nothing && alike, "no derivative: values {i} and {j} are equal");
            }
            all.push(if gap.abs() <= none || spectral && i == j { 0.0 } else { x / gap });
        }
    }
    all
}
