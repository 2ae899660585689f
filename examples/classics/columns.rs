//! B. The vectorised two-layer form, examples in columns: W1 [n1, n0], W2 [n2, n1], X [n0, m].
//!
//! J = -1/m sum [ Y ln A2 + (1 - Y) ln(1 - A2) ], A1 = tanh(Z1), A2 = sigmoid(Z2).

use super::{Derivation, Gradients, named, random, uniform};
use retrograd::Tensor;

#[derive(Clone)]
pub struct Columns {
    pub w1: Tensor<f64>,
    pub b1: Tensor<f64>,
    pub w2: Tensor<f64>,
    pub b2: Tensor<f64>,
    pub x: Tensor<f64>,
    pub y: Tensor<f64>,
}

impl Columns {
    pub fn random([n0, n1, n2, m]: [usize; 4], seed: u64) -> Self {
        let mut rng = random(seed);
        Self {
            w1: uniform([n1, n0], &mut rng),
            b1: uniform([n1, 1], &mut rng),
            w2: uniform([n2, n1], &mut rng),
            b2: uniform([n2, 1], &mut rng),
            x: uniform([n0, m], &mut rng),
            y: Tensor::from_fn([n2, m], |at| ((at[0] + at[1] * at[1]) % 2) as f64),
        }
    }

    pub fn derivation(&self) -> Derivation {
        let point = [("W1", &self.w1), ("b1", &self.b1), ("W2", &self.w2), ("b2", &self.b2)];
        let (x, y, m) = (self.x.clone(), self.y.clone(), self.m());
        let derivation = Derivation::new("B. vectorised in columns", &point, move |p| {
            let tape = p[0].tape();
            let z1 = (p[0].matmul(tape.data(&x).named("X")) + p[1]).named("Z1");
            let a1 = z1.tanh().named("A1");
            let z2 = (p[2].matmul(a1) + p[3]).named("Z2");
            let a2 = z2.sigmoid().named("A2");
            let y = tape.data(&y).named("Y");
            -(y * a2.ln() + (1.0 - y) * (1.0 - a2).ln()).sum(()) / m
        });
        derivation.constant("m", m)
    }

    pub fn m(&self) -> f64 {
        self.x.shape()[1] as f64
    }

    /// The six lines, and dZ1, dZ2 with the 1/m that J has.
    fn by_hand(&self, printed_wrong: bool) -> Gradients {
        let m = self.m();
        let a1 = (self.w1.matmul(&self.x) + &self.b1).tanh();
        let a2 = (self.w2.matmul(&a1) + &self.b2).sigmoid();

        let dz2 = &a2 - &self.y;
        let dw2 = dz2.matmul(a1.t()) / m;
        let db2 = row_sums(&dz2) / m;
        let dz1 = self.w2.t().matmul(&dz2) * (1.0 - &a1 * &a1);
        let dw1 = if printed_wrong { &dz2 / m } else { dz1.matmul(self.x.t()) / m };
        let db1 = row_sums(&dz1) / m;
        let mut gradients = named(&[("W1", &dw1), ("b1", &db1), ("W2", &dw2), ("b2", &db2)]);
        if !printed_wrong {
            gradients.extend(named(&[("Z1", &(dz1 / m)), ("Z2", &(dz2 / m))]));
        }
        gradients
    }
}

/// np.sum(d, axis=1, keepdims=True).
pub fn row_sums(d: &Tensor<f64>) -> Tensor<f64> {
    d.sum(1).reshape([d.shape()[0], 1])
}

pub fn derivations() -> Vec<Derivation> {
    let net = Columns::random([3, 4, 2, 5], 11);
    let (right, wrong) = (net.clone(), net.clone());
    vec![
        net.derivation()
            .right("by hand", move || right.by_hand(false))
            .wrong("dW1 = dZ2/m", move || wrong.by_hand(true)),
    ]
}
