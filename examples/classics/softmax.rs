//! H. Softmax: d softmax_i / dz_j = s_i (delta_ij - s_j); with cross-entropy it collapses to s - y.
//!
//! Logits Z = X W + b, L = -1/m sum_i sum_k Y ln softmax(Z). And the mistakes that people make with it.

use super::{Derivation, Gradients, named, random, uniform};
use retrograd::Tensor;

#[derive(Clone)]
pub struct Classifier {
    pub w: Tensor<f64>,
    pub b: Tensor<f64>,
    pub x: Tensor<f64>,
    pub y: Tensor<f64>,
}

impl Classifier {
    pub fn random([n, classes, m]: [usize; 3], seed: u64) -> Self {
        let mut rng = random(seed);
        Self {
            w: uniform([n, classes], &mut rng),
            b: uniform([classes], &mut rng),
            x: uniform([m, n], &mut rng),
            y: Tensor::one_hot(&(0..m).map(|i| (i * i + 1) % classes).collect::<Vec<_>>(), classes),
        }
    }

    pub fn derivation(&self, title: &str) -> Derivation {
        let (x, y, m) = (self.x.clone(), self.y.clone(), self.m());
        Derivation::new(title, &[("W", &self.w), ("b", &self.b)], move |p| {
            let tape = p[0].tape();
            let z = (tape.data(&x).named("X").matmul(p[0]) + p[1]).named("Z");
            let s = z.softmax(1).named("S");
            -(tape.data(&y).named("Y") * s.ln()).sum(()) / m
        })
        .constant("m", m)
        .constant("K", self.classes() as f64)
    }

    pub fn m(&self) -> f64 {
        self.x.shape()[0] as f64
    }

    pub fn classes(&self) -> usize {
        self.y.shape()[1]
    }

    pub fn probabilities(&self) -> Tensor<f64> {
        (self.x.matmul(&self.w) + &self.b).softmax(1)
    }

    /// dL/ds = -y / s / m.
    pub fn by_probabilities(&self, s: &Tensor<f64>) -> Tensor<f64> {
        -(&self.y / s) / self.m()
    }

    /// dL/dz to dL/dW and dL/db.
    pub fn below(&self, dz: &Tensor<f64>) -> Gradients {
        named(&[("W", &self.x.t().matmul(dz)), ("b", &dz.sum(0)), ("Z", dz)])
    }

    /// dL/dz = (s - y) / m.
    fn collapsed(&self) -> Gradients {
        self.below(&((self.probabilities() - &self.y) / self.m()))
    }

    /// The Jacobian written out: dL/dz_j = sum_i dL/ds_i s_i (delta_ij - s_j).
    fn by_jacobian(&self) -> Gradients {
        let s = self.probabilities();
        self.below(&jacobian_product(&s, &self.by_probabilities(&s)))
    }

    /// The diagonal alone: dL/dz_j = dL/ds_j s_j (1 - s_j).
    fn diagonal_alone(&self) -> Gradients {
        let s = self.probabilities();
        self.below(&(self.by_probabilities(&s) * &s * (1.0 - &s)))
    }

    /// The loss takes logits, and is given probabilities: it applies softmax to them once more.
    fn applied_twice(&self) -> Gradients {
        let s = self.probabilities();
        let again = s.softmax(1);
        let ds = (&again - &self.y) / self.m();
        self.below(&jacobian_product(&s, &ds))
    }

    /// np.mean over all entries: 1/(m K) instead of 1/m.
    fn mean_over_classes(&self) -> Gradients {
        self.below(&((self.probabilities() - &self.y) / (self.m() * self.classes() as f64)))
    }

    /// dL/ds handed on as if it were dL/dz.
    fn handed_to_logits(&self) -> Gradients {
        self.below(&self.by_probabilities(&self.probabilities()))
    }
}

/// For each row, the product of softmax's Jacobian with an upstream gradient.
pub fn jacobian_product(s: &Tensor<f64>, upstream: &Tensor<f64>) -> Tensor<f64> {
    let [m, classes] = [s.shape()[0], s.shape()[1]];
    let mut dz = Tensor::zeros([m, classes]);
    for row in 0..m {
        for j in 0..classes {
            for i in 0..classes {
                let equal = if i == j { 1.0 } else { 0.0 };
                dz[[row, j]] += upstream[[row, i]] * s[[row, i]] * (equal - s[[row, j]]);
            }
        }
    }
    dz
}

pub fn derivations() -> Vec<Derivation> {
    let classifier = Classifier::random([4, 3, 5], 61);
    let form = |by_hand: fn(&Classifier) -> Gradients| {
        let classifier = classifier.clone();
        move || by_hand(&classifier)
    };
    vec![
        classifier
            .derivation("H. softmax and cross-entropy")
            .right("s - y", form(Classifier::collapsed))
            .right("the Jacobian written out", form(Classifier::by_jacobian))
            .wrong("the diagonal alone", form(Classifier::diagonal_alone))
            .wrong("softmax applied twice", form(Classifier::applied_twice))
            .wrong("mean over classes too", form(Classifier::mean_over_classes))
            .wrong("by probabilities, given to logits", form(Classifier::handed_to_logits)),
    ]
}
