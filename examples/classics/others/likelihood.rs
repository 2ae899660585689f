//! The log-likelihood of independent Gaussians: ln L = -sum_i sum_j [ ln(2 pi)/2 + ln sigma_j + (x_ij - mu_j)^2 / (2 sigma_j^2) ].

use super::super::{Derivation, Gradients, named, random, uniform};
use retrograd::Tensor;
use std::f64::consts::TAU;

#[derive(Clone)]
pub struct Gaussian {
    pub x: Tensor<f64>,
    pub mu: Tensor<f64>,
    pub sigma: Tensor<f64>,
}

impl Gaussian {
    pub fn random([m, n]: [usize; 2], seed: u64) -> Self {
        let mut rng = random(seed);
        Self {
            x: uniform([m, n], &mut rng),
            mu: uniform([n], &mut rng),
            sigma: Tensor::uniform([n], 0.5, 2.0, &mut rng),
        }
    }

    pub fn m(&self) -> f64 {
        self.x.shape()[0] as f64
    }

    pub fn derivation(&self) -> Derivation {
        let x = self.x.clone();
        Derivation::new("I. Gaussian log-likelihood", &[("mu", &self.mu), ("sigma", &self.sigma)], move |p| {
            let tape = p[0].tape();
            let u = ((tape.data(&x).named("x") - p[0]) / p[1]).named("u");
            -(u.square().named("u^2") * 0.5 + p[1].ln().named("ln sigma") + TAU.ln() / 2.0).sum(())
        })
        .constant("m", self.m())
    }

    /// d/dmu = sum_i (x_i - mu) / sigma^2, d/dsigma = -m/sigma + sum_i (x_i - mu)^2 / sigma^3.
    fn by_hand(&self) -> Gradients {
        let r = &self.x - &self.mu;
        let s = &self.sigma;
        let dmu = r.sum(0) / (s * s);
        let dsigma = (&r * &r).sum(0) / (s * s * s) - self.m() / s;
        named(&[("mu", &dmu), ("sigma", &dsigma)])
    }
}

pub fn derivations() -> Vec<Derivation> {
    let gaussian = Gaussian::random([5, 3], 131);
    vec![gaussian.derivation().right("by hand", move || gaussian.by_hand())]
}
