//! Logistic regression and ridge regression.

use super::super::{Derivation, Gradients, named, random, sigmoid, uniform};
use retrograd::Tensor;

/// Examples in rows, one weight per column, a bias that is not regularised.
#[derive(Clone)]
pub struct Regression {
    pub w: Tensor<f64>,
    pub b: Tensor<f64>,
    pub x: Tensor<f64>,
    pub y: Tensor<f64>,
    pub lambda: f64,
}

impl Regression {
    fn random(n: usize, m: usize, lambda: f64, labels: bool, seed: u64) -> Self {
        let mut rng = random(seed);
        let label = |i: usize| f64::from(u8::from(i * i % 3 == 1));
        Self {
            w: uniform([n], &mut rng),
            b: Tensor::scalar(0.3),
            x: uniform([m, n], &mut rng),
            y: if labels { (0..m).map(label).collect() } else { uniform([m], &mut rng) },
            lambda,
        }
    }

    pub fn logistic() -> Self {
        Self::random(4, 6, 0.2, true, 71)
    }

    pub fn ridge() -> Self {
        Self::random(4, 6, 0.7, false, 72)
    }

    pub fn m(&self) -> f64 {
        self.y.len() as f64
    }

    /// J = -1/m sum [ y ln h + (1 - y) ln(1 - h) ] + lambda/(2m) |w|^2, h = sigmoid(X w + b).
    pub fn logistic_derivation(&self) -> Derivation {
        let (x, y, m, lambda) = (self.x.clone(), self.y.clone(), self.m(), self.lambda);
        Derivation::new("I. logistic regression", &[("w", &self.w), ("b", &self.b)], move |p| {
            let tape = p[0].tape();
            let h = (tape.data(&x).named("X").matmul(p[0]) + p[1]).named("z").sigmoid().named("h");
            let y = tape.data(&y).named("y");
            let fit = -(y * h.ln() + (1.0 - y) * (1.0 - h).ln()).mean(());
            fit + p[0].square().sum(()) * (lambda / (2.0 * m))
        })
        .constant("m", m)
        .constant("lambda", lambda)
    }

    /// J = |X w + b - y|^2 + lambda |w|^2.
    pub fn ridge_derivation(&self) -> Derivation {
        let (x, y, lambda) = (self.x.clone(), self.y.clone(), self.lambda);
        Derivation::new("I. ridge regression", &[("w", &self.w), ("b", &self.b)], move |p| {
            let tape = p[0].tape();
            let r = (tape.data(&x).named("X").matmul(p[0]) + p[1] - tape.data(&y).named("y")).named("r");
            r.square().sum(()) + p[0].square().sum(()) * lambda
        })
        .constant("m", self.m())
        .constant("lambda", lambda)
    }

    /// grad_j = 1/m sum_i (h_i - y_i) x_ij + lambda/m w_j, one example after the other.
    fn logistic_by_hand(&self) -> Gradients {
        let (mut dw, mut db) = (Tensor::zeros([self.w.len()]), 0.0);
        for i in 0..self.y.len() {
            let row = self.x.row(i);
            let z: f64 = row.iter().zip(self.w.iter()).map(|(x, w)| x * w).sum();
            let error = sigmoid(z + self.b.item()) - self.y[[i]];
            for (j, x) in row.iter().enumerate() {
                dw[[j]] += error * x / self.m();
            }
            db += error / self.m();
        }
        named(&[("w", &(dw + &self.w * (self.lambda / self.m()))), ("b", &Tensor::scalar(db))])
    }

    /// dw = 2 X'(X w + b - y) + 2 lambda w.
    fn ridge_by_hand(&self) -> Gradients {
        let r = self.x.matmul(&self.w) + &self.b - &self.y;
        named(&[("w", &(2.0 * self.x.t().matmul(&r) + 2.0 * self.lambda * &self.w)), ("b", &(2.0 * r.sum(())))])
    }
}

pub fn derivations() -> Vec<Derivation> {
    let (logistic, ridge) = (Regression::logistic(), Regression::ridge());
    vec![
        logistic.logistic_derivation().right("by hand", move || logistic.logistic_by_hand()),
        ridge.ridge_derivation().right("by hand", move || ridge.ridge_by_hand()),
    ]
}
