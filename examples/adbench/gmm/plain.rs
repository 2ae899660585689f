//! The objective in plain Rust, the reference for time: no allocation in the loop over points, inner loops over slices.

use super::Gmm;

/// F.
pub(crate) fn log_posterior(gmm: &Gmm) -> f64 {
    let (d, k, below) = (gmm.d, gmm.k, gmm.below());
    let parts = gmm.parts(&gmm.parameters);
    let diagonal: Vec<f64> = parts.q.iter().map(|q| q.exp()).collect();
    let sums: Vec<f64> = parts.q.chunks_exact(d).map(|q| q.iter().sum()).collect();
    let heights: Vec<f64> = parts.alpha.iter().zip(&sums).map(|(alpha, s)| alpha + s).collect();

    let (mut z, mut y, mut t) = (vec![0.0; d], vec![0.0; d], vec![0.0; k]);
    let mut total = 0.0;
    for x in gmm.x.chunks_exact(d) {
        for i in 0..k {
            let (mu, diagonal) = (&parts.mu[i * d..][..d], &diagonal[i * d..][..d]);
            for (((z, y), (x, mu)), e) in z.iter_mut().zip(&mut y).zip(x.iter().zip(mu)).zip(diagonal) {
                *z = x - mu;
                *y = e * *z;
            }
            let mut column = &parts.l[i * below..][..below];
            for (c, z) in z.iter().enumerate() {
                let (here, rest) = column.split_at(d - 1 - c);
                for (y, l) in y[c + 1..].iter_mut().zip(here) {
                    *y += l * z;
                }
                column = rest;
            }
            t[i] = heights[i] - 0.5 * y.iter().map(|y| y * y).sum::<f64>();
        }
        total += logsumexp(&t);
    }

    let squares: f64 = diagonal.iter().chain(parts.l).map(|x| x * x).sum();
    let prior = gmm.m * sums.iter().sum::<f64>() - 0.5 * gmm.gamma * gmm.gamma * squares;
    gmm.constant() + total - gmm.n as f64 * logsumexp(parts.alpha) + prior
}

fn logsumexp(t: &[f64]) -> f64 {
    let max = t.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    t.iter().map(|t| (t - max).exp()).sum::<f64>().ln() + max
}
