//! Attention: O = softmax(Q K' / sqrt(d)) V, the softmax over each row. The loss is sum(O .* dO).

use super::super::softmax::jacobian_product;
use super::super::{Derivation, Gradients, named, random, uniform};
use retrograd::Tensor;

#[derive(Clone)]
pub struct Attention {
    pub q: Tensor<f64>,
    pub k: Tensor<f64>,
    pub v: Tensor<f64>,
    pub d_o: Tensor<f64>,
}

impl Attention {
    /// n positions of d features; as many queries as keys.
    pub fn random(n: usize, d: usize, seed: u64) -> Self {
        let mut rng = random(seed);
        let mut matrix = || uniform([n, d], &mut rng);
        Self { q: matrix(), k: matrix(), v: matrix(), d_o: matrix() }
    }

    pub fn scale(&self) -> f64 {
        1.0 / (self.q.shape()[1] as f64).sqrt()
    }

    pub fn derivation(&self) -> Derivation {
        let (scale, d_o) = (self.scale(), self.d_o.clone());
        Derivation::new("I. attention", &[("Q", &self.q), ("K", &self.k), ("V", &self.v)], move |p| {
            let tape = p[0].tape();
            let s = (p[0].matmul_nt(p[1]) * scale).named("S");
            let weights = s.softmax(1).named("P");
            (weights.matmul(p[2]).named("O") * tape.data(&d_o).named("dO")).sum(())
        })
        .constant("sqrt(d)", 1.0 / scale)
    }

    /// The softmax's probabilities.
    pub fn weights(&self) -> Tensor<f64> {
        (self.q.matmul(self.k.t()) * self.scale()).softmax(1)
    }

    /// dV = P' dO, dP = dO V', dS = P .* (dP - row sums of dP .* P), dQ = dS K / sqrt(d), dK = dS' Q / sqrt(d).
    fn by_hand(&self) -> Gradients {
        let p = self.weights();
        let dv = p.t().matmul(&self.d_o);
        let dp = self.d_o.matmul(self.v.t());
        let inner = super::super::columns::row_sums(&(&dp * &p));
        let ds = &p * (&dp - inner);
        self.below(&ds, &dv)
    }

    /// The same by softmax's Jacobian.
    fn by_jacobian(&self) -> Gradients {
        let p = self.weights();
        let dp = self.d_o.matmul(self.v.t());
        self.below(&jacobian_product(&p, &dp), &p.t().matmul(&self.d_o))
    }

    /// From dS, before the scale, to Q and K.
    pub fn below(&self, ds: &Tensor<f64>, dv: &Tensor<f64>) -> Gradients {
        let (dq, dk) = (ds.matmul(&self.k) * self.scale(), ds.t().matmul(&self.q) * self.scale());
        named(&[("Q", &dq), ("K", &dk), ("V", dv)])
    }
}

pub fn derivations() -> Vec<Derivation> {
    let attention = Attention::random(4, 3, 111);
    let other = attention.clone();
    vec![
        attention
            .derivation()
            .right("row sums", move || attention.by_hand())
            .right("Jacobian", move || other.by_jacobian()),
    ]
}
