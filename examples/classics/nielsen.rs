//! E. Nielsen's four equations, in his `Network` with `backprop(x, y)`.
//!
//! BP1 delta^L = grad_a C .* s'(z^L); BP2 delta^l = ((W^(l+1))' delta^(l+1)) .* s'(z^l); BP3 dC/db = delta;
//! BP4 dC/dW_jk = a_k delta_j. With cross-entropy BP1 becomes a - y.

use super::{Derivation, Gradients, random, uniform};
use retrograd::Tensor;

/// His two costs.
#[derive(Clone, Copy, PartialEq)]
pub enum Cost {
    /// 1/2 |a - y|^2.
    Quadratic,
    /// -sum [ y ln a + (1 - y) ln(1 - a) ].
    CrossEntropy,
}

/// Weights and biases layer by layer; x, y and biases are columns.
#[derive(Clone)]
pub struct Network {
    pub biases: Vec<Tensor<f64>>,
    pub weights: Vec<Tensor<f64>>,
    pub cost: Cost,
}

impl Network {
    pub fn new(sizes: &[usize], cost: Cost, seed: u64) -> Self {
        let mut rng = random(seed);
        Self {
            biases: sizes[1..].iter().map(|&y| Tensor::normal([y, 1], 0.0, 1.0, &mut rng)).collect(),
            weights: sizes.windows(2).map(|n| Tensor::normal([n[1], n[0]], 0.0, 1.0, &mut rng)).collect(),
            cost,
        }
    }

    /// (nabla_b, nabla_w), layer by layer.
    fn backprop(&self, x: &Tensor<f64>, y: &Tensor<f64>) -> (Vec<Tensor<f64>>, Vec<Tensor<f64>>) {
        let mut nabla_b: Vec<_> = self.biases.iter().map(|b| Tensor::zeros(b.shape())).collect();
        let mut nabla_w: Vec<_> = self.weights.iter().map(|w| Tensor::zeros(w.shape())).collect();
        // Feedforward, storing all the activations and z vectors layer by layer.
        let mut activation = x.clone();
        let mut activations = vec![x.clone()];
        let mut zs = Vec::new();
        for (b, w) in self.biases.iter().zip(&self.weights) {
            let z = w.matmul(&activation) + b;
            activation = z.sigmoid();
            zs.push(z);
            activations.push(activation.clone());
        }
        // Backward pass.
        let last = self.weights.len() - 1;
        let mut delta = self.delta(&zs[last], &activations[last + 1], y);
        nabla_b[last] = delta.clone();
        nabla_w[last] = delta.matmul(activations[last].t());
        for l in (0..last).rev() {
            delta = self.weights[l + 1].t().matmul(&delta) * sigmoid_prime(&zs[l]);
            nabla_b[l] = delta.clone();
            nabla_w[l] = delta.matmul(activations[l].t());
        }
        (nabla_b, nabla_w)
    }

    /// BP1.
    fn delta(&self, z: &Tensor<f64>, a: &Tensor<f64>, y: &Tensor<f64>) -> Tensor<f64> {
        match self.cost {
            Cost::Quadratic => (a - y) * sigmoid_prime(z),
            Cost::CrossEntropy => a - y,
        }
    }

    pub fn derivation(&self, title: &str, x: &Tensor<f64>, y: &Tensor<f64>) -> Derivation {
        let names: Vec<[String; 2]> = (1..=self.weights.len()).map(|l| [format!("w{l}"), format!("b{l}")]).collect();
        let layers = names.iter().zip(self.weights.iter().zip(&self.biases));
        let point: Vec<_> = layers.flat_map(|([w, b], (weights, biases))| [(&**w, weights), (&**b, biases)]).collect();
        let (cost, x, y) = (self.cost, x.clone(), y.clone());
        Derivation::new(title, &point, move |p| {
            let tape = p[0].tape();
            let mut a = tape.data(&x).named("x");
            for (l, layer) in p.chunks(2).enumerate() {
                let z = (layer[0].matmul(a) + layer[1]).named(format!("z{}", l + 1));
                a = z.sigmoid().named(format!("a{}", l + 1));
            }
            let y = tape.data(&y).named("y");
            match cost {
                Cost::Quadratic => (a - y).square().sum(()) * 0.5,
                Cost::CrossEntropy => -(y * a.ln() + (1.0 - y) * (1.0 - a).ln()).sum(()),
            }
        })
    }
}

/// Derivative of the sigmoid function.
fn sigmoid_prime(z: &Tensor<f64>) -> Tensor<f64> {
    z.sigmoid() * (1.0 - z.sigmoid())
}

pub fn derivations() -> Vec<Derivation> {
    let mut rng = random(31);
    let (x, y) = (uniform([3, 1], &mut rng), Tensor::from([[0.0], [1.0]]));
    let derivation = |cost: Cost, title: &str| {
        let net = Network::new(&[3, 4, 3, 2], cost, 32);
        let (x, y) = (x.clone(), y.clone());
        net.derivation(title, &x, &y).right("backprop(x, y)", move || {
            let (nabla_b, nabla_w) = net.backprop(&x, &y);
            let layer = |(l, (b, w))| [(format!("w{}", l + 1), w), (format!("b{}", l + 1), b)];
            nabla_b.into_iter().zip(nabla_w).enumerate().flat_map(layer).collect::<Gradients>()
        })
    };
    vec![
        derivation(Cost::Quadratic, "E. Nielsen, quadratic cost"),
        derivation(Cost::CrossEntropy, "E. Nielsen, cross-entropy"),
    ]
}
