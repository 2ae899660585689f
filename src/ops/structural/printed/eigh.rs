/// Of each matrix of [n, n] the eigenvalues in rising order and below them the eigenvectors as columns, by Jacobi's rotations.
fn eigh(a: &[f64], n: usize) -> Vec<f64> {
    let mut all = Vec::new();
    for given in a.chunks_exact(n * n) {
        let mut a: Vec<f64> = (0..n * n).map(|k| 0.5 * given[k] + 0.5 * given[k % n * n + k / n]).collect();
        let mut v: Vec<f64> = (0..n * n).map(|k| if k / n == k % n { 1.0 } else { 0.0 }).collect();
        let largest = a.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
        for _ in 0..60 {
            let mut rotated = false;
            for p in 0..n {
                for q in p + 1..n {
                    let (x, y, off) = (a[p * n + p], a[q * n + q], a[p * n + q]);
                    let small = (1e-3 * x.abs().sqrt() * y.abs().sqrt()).max(f64::EPSILON * largest);
                    if off.abs() <= f64::EPSILON * small {
                        continue;
                    }
                    rotated = true;
                    let (c, s) = rotation(x, y, off);
                    for k in 0..n {
                        let (x, y) = (a[p * n + k], a[q * n + k]);
                        (a[p * n + k], a[q * n + k]) = (c * x - s * y, s * x + c * y);
                    }
                    for k in 0..n {
                        let (x, y) = (a[k * n + p], a[k * n + q]);
                        (a[k * n + p], a[k * n + q]) = (c * x - s * y, s * x + c * y);
                        let (x, y) = (v[k * n + p], v[k * n + q]);
                        (v[k * n + p], v[k * n + q]) = (c * x - s * y, s * x + c * y);
                    }
                    (a[p * n + q], a[q * n + p]) = (0.0, 0.0);
                }
            }
            if !rotated {
                break;
            }
        }
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&i, &j| a[i * n + i].total_cmp(&a[j * n + j]));
        all.extend(order.iter().map(|&k| a[k * n + k]));
        let signs: Vec<f64> = order.iter().map(|&k| if is_turned((0..n).map(|i| v[i * n + k])) { -1.0 } else { 1.0 }).collect();
        all.extend((0..n * n).map(|k| signs[k % n] * v[k / n * n + order[k % n]]));
    }
    all
}
