//! A matrix of squared L2 distances, and the objective of k-means.

use super::super::{Derivation, Gradients, named, random, uniform};
use retrograd::{Tensor, keep};

/// D_ij = |x_i - y_j|^2 = |x_i|^2 + |y_j|^2 - 2 x_i y_j; the loss is sum(D .* G).
#[derive(Clone)]
pub struct Distances {
    pub x: Tensor<f64>,
    pub y: Tensor<f64>,
    pub g: Tensor<f64>,
}

impl Distances {
    pub fn random([m, n, d]: [usize; 3], seed: u64) -> Self {
        let mut rng = random(seed);
        Self { x: uniform([m, d], &mut rng), y: uniform([n, d], &mut rng), g: uniform([m, n], &mut rng) }
    }

    pub fn derivation(&self) -> Derivation {
        let g = self.g.clone();
        Derivation::new("I. L2 distance matrix", &[("X", &self.x), ("Y", &self.y)], move |p| {
            let tape = p[0].tape();
            let xx = p[0].square().sum(keep(1)).named("|x|^2");
            let yy = p[1].square().sum(1).named("|y|^2");
            let xy = p[0].matmul_nt(p[1]).named("XY'");
            ((xx + yy - xy * 2.0).named("D") * tape.data(&g).named("G")).sum(())
        })
    }

    /// dx_i = sum_j 2 g_ij (x_i - y_j), dy_j = sum_i 2 g_ij (y_j - x_i).
    fn by_hand(&self) -> Gradients {
        let (mut dx, mut dy) = (Tensor::zeros(self.x.shape()), Tensor::zeros(self.y.shape()));
        for (i, j) in (0..self.x.shape()[0]).flat_map(|i| (0..self.y.shape()[0]).map(move |j| (i, j))) {
            for k in 0..self.x.shape()[1] {
                let difference = self.x[[i, k]] - self.y[[j, k]];
                dx[[i, k]] += 2.0 * self.g[[i, j]] * difference;
                dy[[j, k]] -= 2.0 * self.g[[i, j]] * difference;
            }
        }
        named(&[("X", &dx), ("Y", &dy)])
    }
}

/// J = sum_i min_k |x_i - mu_k|^2.
#[derive(Clone)]
pub struct KMeans {
    pub x: Tensor<f64>,
    pub mu: Tensor<f64>,
}

impl KMeans {
    pub fn random([m, k, d]: [usize; 3], seed: u64) -> Self {
        let mut rng = random(seed);
        Self { x: uniform([m, d], &mut rng), mu: uniform([k, d], &mut rng) }
    }

    pub fn derivation(&self) -> Derivation {
        let x = self.x.clone();
        let ([m, d], k) = ([x.shape()[0], x.shape()[1]], self.mu.shape()[0]);
        Derivation::new("I. k-means objective", &[("mu", &self.mu)], move |p| {
            let tape = p[0].tape();
            let difference = tape.data(&x).named("x").reshape([m, 1, d]) - p[0].reshape([1, k, d]);
            difference.square().sum(2).named("D").min(1).named("nearest").sum(())
        })
        .constant("m", m as f64)
    }

    /// The centre that is nearest to each example.
    pub fn assignment(&self) -> Vec<usize> {
        let distance = |i: usize, k: usize| {
            let pairs = self.x.row(i).iter().zip(self.mu.row(k));
            pairs.map(|(x, mu)| (x - mu) * (x - mu)).sum::<f64>()
        };
        let nearest = |i| (0..self.mu.shape()[0]).min_by(|&a, &b| distance(i, a).total_cmp(&distance(i, b)));
        (0..self.x.shape()[0]).map(|i| nearest(i).expect("at least one centre")).collect()
    }

    /// dmu_k = 2 sum over its examples of (mu_k - x_i).
    fn by_hand(&self) -> Gradients {
        let mut dmu = Tensor::zeros(self.mu.shape());
        for (i, k) in self.assignment().into_iter().enumerate() {
            for d in 0..self.mu.shape()[1] {
                dmu[[k, d]] += 2.0 * (self.mu[[k, d]] - self.x[[i, d]]);
            }
        }
        named(&[("mu", &dmu)])
    }
}

pub fn derivations() -> Vec<Derivation> {
    let (distances, clusters) = (Distances::random([4, 3, 3], 121), KMeans::random([6, 2, 3], 122));
    vec![
        distances.derivation().right("by hand", move || distances.by_hand()),
        clusters.derivation().right("by hand", move || clusters.by_hand()),
    ]
}
