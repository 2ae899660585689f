/// Of each matrix of [m, n], m >= n, Q of [m, n] and below it R of [n, n], by reflections.
fn qr(a: &[f64], m: usize, n: usize) -> Vec<f64> {
    let mut all = Vec::new();
    for a in a.chunks_exact(m * n) {
        let (mut r, mut vectors, mut signs) = (a.to_vec(), Vec::new(), Vec::new());
        let reflect = |v: &[f64], x: &mut [f64], from: usize| {
            for c in 0..n {
                let product: f64 = (from..m).map(|i| v[i] * x[i * n + c]).sum();
                (from..m).for_each(|i| x[i * n + c] -= 2.0 * product * v[i]);
            }
        };
        for j in 0..n {
            let length = (j..m).map(|i| r[i * n + j] * r[i * n + j]).sum::<f64>().sqrt();
            let whole = (0..m).map(|i| r[i * n + j] * r[i * n + j]).sum::<f64>().sqrt();
            let mut v: Vec<f64> = (0..m).map(|i| if i < j { 0.0 } else { r[i * n + j] }).collect();
            v[j] += if v[j] < 0.0 { -length } else { length };
            let size = v.iter().map(|x| x * x).sum::<f64>().sqrt();
            if size > 0.0 {
                v.iter_mut().for_each(|x| *x /= size);
            }
            reflect(&v, &mut r, j);
            if length <= 4.0 * m as f64 * f64::EPSILON * whole {
                r[j * n + j] = 0.0;
            }
            signs.push(if r[j * n + j] < 0.0 { -1.0 } else { 1.0 });
            vectors.push(v);
        }
        let mut q = vec![0.0; m * n];
        (0..n).for_each(|j| q[j * n + j] = signs[j]);
        for (k, v) in vectors.iter().enumerate().rev() {
            reflect(v, &mut q, k);
        }
        all.extend(q);
        all.extend((0..n * n).map(|k| if k / n <= k % n { signs[k / n] * r[k] } else { 0.0 }));
    }
    all
}
