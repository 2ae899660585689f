/// The exponentials of matrices of [n, n], or their derivatives along the directions that follow: a block of larger exponentials.
fn expm(parts: &[&[f64]], n: usize) -> Vec<f64> {
    let sets = 1usize << (parts.len() - 1);
    let size = sets * n;
    let product = |a: &[f64], b: &[f64]| -> Vec<f64> {
        let at = |k: usize| (0..size).map(|l| a[k / size * size + l] * b[l * size + k % size]).sum();
        (0..size * size).map(at).collect()
    };
    let mut all = Vec::with_capacity(parts[0].len());
    for matrix in 0..parts[0].len() / (n * n) {
        let mut x = vec![0.0; size * size];
        for set in 0..sets {
            for (k, part) in parts.iter().enumerate() {
                let to = if k == 0 { set } else { set | 1 << (k - 1) };
                if k > 0 && to == set {
                    continue;
                }
                for i in 0..n * n {
                    x[(set * n + i / n) * size + to * n + i % n] = part[matrix * n * n + i];
                }
            }
        }
        let mut squarings = 0;
        while (0..size).any(|j| (0..size).map(|i| x[i * size + j].abs()).sum::<f64>() > 0.5) && squarings < 2000 {
            x.iter_mut().for_each(|x| *x *= 0.5);
            squarings += 1;
        }
        // The Pade approximation of degree 8, by its coefficients one after another.
        let mut power: Vec<f64> = (0..size * size).map(|k| if k % (size + 1) == 0 { 1.0 } else { 0.0 }).collect();
        let (mut up, mut down, mut c) = (power.clone(), power.clone(), 1.0);
        for k in 1..9 {
            c *= (9 - k) as f64 / ((17 - k) * k) as f64;
            power = product(&power, &x);
            let sign = if k % 2 == 0 { 1.0 } else { -1.0 };
            for i in 0..size * size {
                up[i] += c * power[i];
                down[i] += sign * c * power[i];
            }
        }
        let mut y = solve(&down, &up, size, size, false);
        for _ in 0..squarings {
            y = product(&y, &y);
        }
        all.extend((0..n * n).map(|i| y[i / n * size + (sets - 1) * n + i % n]));
    }
    all
}
