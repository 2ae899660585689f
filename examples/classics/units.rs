//! D. Mean squared error with sigmoid units, unit by unit, for one example.
//!
//! L = 1/2 sum_j (y_j - a_j)^2. Output units: delta_j = (a_j - y_j) s'(z_j); hidden units: delta_i = (sum_j w_ij delta_j) s'(z_i).
//! The weight w_ij leads from unit i to unit j. The published point is Mazur's step-by-step example.

use super::{Derivation, Gradients, named, random, sigmoid, uniform};
use retrograd::Tensor;

/// What is done with the error of the output units.
#[derive(Clone, Copy, PartialEq)]
enum Printed {
    Right,
    /// dL/da_j = y_j - a_j, though the delta beside it is right.
    SignLostHalfway,
    /// "The loss is y^ - y": its derivative by y^ is 1.
    LossIsDifference,
}

#[derive(Clone)]
pub struct Units {
    /// [inputs, hidden].
    pub w1: Tensor<f64>,
    pub b1: Tensor<f64>,
    /// [hidden, outputs].
    pub w2: Tensor<f64>,
    pub b2: Tensor<f64>,
    pub x: Tensor<f64>,
    pub y: Tensor<f64>,
}

impl Units {
    pub fn random([inputs, hidden, outputs]: [usize; 3], seed: u64) -> Self {
        let mut rng = random(seed);
        Self {
            w1: uniform([inputs, hidden], &mut rng),
            b1: uniform([hidden], &mut rng),
            w2: uniform([hidden, outputs], &mut rng),
            b2: uniform([outputs], &mut rng),
            x: uniform([inputs], &mut rng),
            y: Tensor::uniform([outputs], 0.0, 1.0, &mut rng),
        }
    }

    /// Mazur's numbers.
    pub fn mazur() -> Self {
        Self {
            w1: Tensor::from([[0.15, 0.25], [0.20, 0.30]]),
            b1: Tensor::from([0.35, 0.35]),
            w2: Tensor::from([[0.40, 0.50], [0.45, 0.55]]),
            b2: Tensor::from([0.60, 0.60]),
            x: Tensor::from([0.05, 0.10]),
            y: Tensor::from([0.01, 0.99]),
        }
    }

    pub fn derivation(&self, title: &str) -> Derivation {
        let point = [("w1", &self.w1), ("b1", &self.b1), ("w2", &self.w2), ("b2", &self.b2)];
        let (x, y) = (self.x.clone(), self.y.clone());
        Derivation::new(title, &point, move |p| {
            let tape = p[0].tape();
            let z1 = (tape.data(&x).named("x").matmul(p[0]) + p[1]).named("z1");
            let a1 = z1.sigmoid().named("a1");
            let z2 = (a1.matmul(p[2]) + p[3]).named("z2");
            let a2 = z2.sigmoid().named("a2");
            (tape.data(&y).named("y") - a2).square().sum(()) * 0.5
        })
    }

    fn by_hand(&self, printed: Printed) -> Gradients {
        let [inputs, hidden] = [self.w1.shape()[0], self.w1.shape()[1]];
        let outputs = self.y.len();
        let activation = |i: usize| {
            let z: f64 = (0..inputs).map(|h| self.x[[h]] * self.w1[[h, i]]).sum();
            sigmoid(z + self.b1[[i]])
        };
        let a1: Vec<f64> = (0..hidden).map(activation).collect();
        let (mut by_a2, mut delta2) = (Tensor::zeros([outputs]), Tensor::zeros([outputs]));
        let mut dw2 = Tensor::zeros([hidden, outputs]);
        for j in 0..outputs {
            let z: f64 = (0..hidden).map(|i| a1[i] * self.w2[[i, j]]).sum();
            let (a, y) = (sigmoid(z + self.b2[[j]]), self.y[[j]]);
            let error = if printed == Printed::LossIsDifference { 1.0 } else { a - y };
            by_a2[[j]] = if printed == Printed::SignLostHalfway { y - a } else { error };
            delta2[[j]] = error * a * (1.0 - a);
            for i in 0..hidden {
                dw2[[i, j]] = delta2[[j]] * a1[i];
            }
        }
        let (mut delta1, mut dw1) = (Tensor::zeros([hidden]), Tensor::zeros([inputs, hidden]));
        for i in 0..hidden {
            let back: f64 = (0..outputs).map(|j| self.w2[[i, j]] * delta2[[j]]).sum();
            delta1[[i]] = back * a1[i] * (1.0 - a1[i]);
            for h in 0..inputs {
                dw1[[h, i]] = delta1[[i]] * self.x[[h]];
            }
        }
        named(&[("w1", &dw1), ("b1", &delta1), ("w2", &dw2), ("b2", &delta2), ("a2", &by_a2)])
    }

    fn form(&self, printed: Printed) -> impl Fn() -> Gradients + 'static {
        let units = self.clone();
        move || units.by_hand(printed)
    }
}

pub fn derivations() -> Vec<Derivation> {
    let (mazur, units) = (Units::mazur(), Units::random([3, 4, 2], 21));
    vec![
        mazur.derivation("D. unit by unit, Mazur's numbers").right("by hand", mazur.form(Printed::Right)),
        units
            .derivation("D. unit by unit")
            .right("by hand", units.form(Printed::Right))
            .wrong("dL/da = y - a", units.form(Printed::SignLostHalfway))
            .wrong("the loss is y^ - y", units.form(Printed::LossIsDifference)),
    ]
}
