//! A. The course algorithm: backpropagation as a loop over examples, with regularised weights and unregularised biases.
//!
//! J = -1/m sum_i sum_k [ y ln h + (1 - y) ln(1 - h) ] + lambda/(2m) sum W^2.

use super::{Derivation, Gradients, random, sigmoid, uniform};
use retrograd::{Tape, Tensor, Var};

/// The forms that teaching material prints.
#[derive(Clone, Copy, PartialEq)]
enum Printed {
    Right,
    /// D = Delta / m + lambda W.
    PenaltyNotDivided,
    /// lambda on the bias column too.
    BiasPenalised,
    /// delta^L = 0 - y.
    ErrorFromZero,
    /// delta^L = y - a, from a cost without its minus.
    CostWithoutMinus,
    /// delta^l = (W^(l+1))' delta^(l+1), without g'(z^l).
    WithoutSlope,
}

/// A network of sigmoid units, and its examples in rows.
#[derive(Clone)]
pub struct Course {
    pub weights: Vec<Tensor<f64>>,
    pub biases: Vec<Tensor<f64>>,
    pub x: Tensor<f64>,
    pub y: Tensor<f64>,
    pub lambda: f64,
}

impl Course {
    /// A network with these numbers of units, and m examples.
    pub fn random(units: &[usize], m: usize, lambda: f64, seed: u64) -> Self {
        let mut rng = random(seed);
        let classes = units[units.len() - 1];
        Self {
            weights: units.windows(2).map(|n| uniform([n[1], n[0]], &mut rng)).collect(),
            biases: units[1..].iter().map(|&n| uniform([n], &mut rng)).collect(),
            x: uniform([m, units[0]], &mut rng),
            y: Tensor::one_hot(&(0..m).map(|i| (i * i) % classes).collect::<Vec<_>>(), classes),
            lambda,
        }
    }

    /// J, as a graph. Parameters: W1, b1, W2, b2, ...
    fn cost<'t>(&self, tape: &'t Tape<f64>, p: &[Var<'t, f64>]) -> Var<'t, f64> {
        let mut a = tape.data(&self.x).named("X");
        for (l, layer) in p.chunks(2).enumerate() {
            let z = (a.matmul_nt(layer[0]) + layer[1]).named(format!("z{}", l + 2));
            a = z.sigmoid().named(format!("a{}", l + 2));
        }
        let (y, m) = (tape.data(&self.y).named("y"), self.m() as f64);
        let fit = -(y * a.ln() + (1.0 - y) * (1.0 - a).ln()).sum(()) / m;
        p.chunks(2).fold(fit, |cost, layer| cost + layer[0].square().sum(()) * (self.lambda / (2.0 * m)))
    }

    fn m(&self) -> usize {
        self.x.shape()[0]
    }

    /// The course's algorithm, over examples and units.
    fn backpropagation(&self, printed: Printed) -> Gradients {
        let m = self.m() as f64;
        let mut sums: Vec<_> = self.weights.iter().map(|w| Tensor::zeros(w.shape())).collect();
        let mut bias_sums: Vec<_> = self.biases.iter().map(|b| Tensor::zeros(b.shape())).collect();
        for i in 0..self.m() {
            let a = self.activations(self.x.row(i));
            let error = |(&a, &y): (&f64, &f64)| match printed {
                Printed::ErrorFromZero => 0.0 - y,
                Printed::CostWithoutMinus => y - a,
                _ => a - y,
            };
            let mut delta: Vec<f64> = a[a.len() - 1].iter().zip(self.y.row(i)).map(error).collect();
            for l in (0..self.weights.len()).rev() {
                // Delta^l += delta^l (a^(l-1))'.
                for (j, d) in delta.iter().enumerate() {
                    for (k, a) in a[l].iter().enumerate() {
                        sums[l][[j, k]] += d * a;
                    }
                    bias_sums[l][[j]] += d;
                }
                if l > 0 {
                    delta = (0..a[l].len()).map(|k| self.backwards(l, k, &delta, a[l][k], printed)).collect();
                }
            }
        }
        let mut gradients = Vec::new();
        for l in 0..self.weights.len() {
            let (w, b) = (&self.weights[l], &self.biases[l]);
            let penalty = if printed == Printed::PenaltyNotDivided { self.lambda } else { self.lambda / m };
            gradients.push((format!("W{}", l + 1), &sums[l] / m + w * penalty));
            let on_bias = if printed == Printed::BiasPenalised { b * penalty } else { b * 0.0 };
            gradients.push((format!("b{}", l + 1), &bias_sums[l] / m + on_bias));
        }
        gradients
    }

    /// delta_k = (sum_j W_jk delta_j) a_k (1 - a_k).
    fn backwards(&self, l: usize, k: usize, delta: &[f64], a: f64, printed: Printed) -> f64 {
        let back: f64 = delta.iter().enumerate().map(|(j, d)| self.weights[l][[j, k]] * d).sum();
        if printed == Printed::WithoutSlope { back } else { back * a * (1.0 - a) }
    }

    fn activations(&self, x: &[f64]) -> Vec<Vec<f64>> {
        let mut a = vec![x.to_vec()];
        for (l, w) in self.weights.iter().enumerate() {
            let z = |j: usize| w.row(j).iter().zip(&a[l]).map(|(w, a)| w * a).sum::<f64>() + self.biases[l][[j]];
            let next = (0..w.shape()[0]).map(|j| sigmoid(z(j))).collect();
            a.push(next);
        }
        a
    }

    /// The course's own check: [J(t + e) - J(t - e)] / 2e with e = 1e-4, for every parameter. Good to about eight digits.
    pub fn gradient_checking(&self) -> Gradients {
        let e = 1e-4;
        let mut gradients = Vec::new();
        for l in 0..self.weights.len() {
            let slopes = |tensor: &Tensor<f64>, part: fn(&mut Self, usize) -> &mut Tensor<f64>| {
                let moved = |i: usize, by: f64| {
                    let mut other = self.clone();
                    part(&mut other, l).as_mut_slice()[i] += by;
                    other.cost_by_hand()
                };
                let slopes = (0..tensor.len()).map(|i| (moved(i, e) - moved(i, -e)) / (2.0 * e)).collect();
                Tensor::new(tensor.shape(), slopes).expect("as many slopes as elements")
            };
            gradients.push((format!("W{}", l + 1), slopes(&self.weights[l], |c, l| &mut c.weights[l])));
            gradients.push((format!("b{}", l + 1), slopes(&self.biases[l], |c, l| &mut c.biases[l])));
        }
        gradients
    }

    fn cost_by_hand(&self) -> f64 {
        let m = self.m() as f64;
        let mut cost = 0.0;
        for i in 0..self.m() {
            let a = self.activations(self.x.row(i));
            for (h, y) in a[a.len() - 1].iter().zip(self.y.row(i)) {
                cost -= y * h.ln() + (1.0 - y) * (1.0 - h).ln();
            }
        }
        let squares: f64 = self.weights.iter().flat_map(|w| w.iter()).map(|w| w * w).sum();
        cost / m + self.lambda / (2.0 * m) * squares
    }

    /// The graph, without hand-coded forms.
    pub fn derivation(&self, title: &str) -> Derivation {
        let names: Vec<[String; 2]> = (1..=self.weights.len()).map(|l| [format!("W{l}"), format!("b{l}")]).collect();
        let layers = names.iter().zip(self.weights.iter().zip(&self.biases));
        let point: Vec<_> = layers.flat_map(|([w, b], (weights, biases))| [(&**w, weights), (&**b, biases)]).collect();
        let course = self.clone();
        let derivation = Derivation::new(title, &point, move |p| course.cost(p[0].tape(), p));
        derivation.constant("m", self.m() as f64).constant("lambda", self.lambda)
    }

    fn form(&self, printed: Printed) -> impl Fn() -> Gradients + 'static {
        let course = self.clone();
        move || course.backpropagation(printed)
    }
}

/// dE/da of one example: -y/a + (1 - y)/(1 - a); and the delta behind it, a - y.
fn one_example(sign: f64) -> impl Fn(&Course) -> Gradients {
    move |course| {
        let a = course.activations(course.x.row(0));
        let (a, y) = (Tensor::from(&a[a.len() - 1]), Tensor::from(course.y.row(0)));
        let by_a = sign * (&y / &a) + (1.0 - &y) / (1.0 - &a);
        let row = |x: Tensor<f64>| x.reshape([1, y.len()]);
        vec![("a3".into(), row(by_a)), ("z3".into(), row(&a - &y))]
    }
}

pub fn derivations() -> Vec<Derivation> {
    let course = Course::random(&[3, 4, 2], 5, 0.3, 1);
    let deep = Course::random(&[3, 4, 3, 2], 4, 0.1, 2);
    let one = Course::random(&[3, 4, 2], 1, 0.0, 3);
    let checked = course.clone();
    let (printed, right) = (one.clone(), one.clone());
    vec![
        course
            .derivation("A. course, one hidden layer")
            .right("by hand", course.form(Printed::Right))
            .wrong("D = Delta/m + lambda W", course.form(Printed::PenaltyNotDivided))
            .wrong("lambda on the bias", course.form(Printed::BiasPenalised))
            .wrong("error terms from 0 - y", course.form(Printed::ErrorFromZero))
            .wrong("cost without its minus", course.form(Printed::CostWithoutMinus))
            .wrong("delta_2 without g'(z_2)", course.form(Printed::WithoutSlope))
            .approximate("gradient checking, e = 1e-4", 1e-6, move || checked.gradient_checking()),
        deep.derivation("A. course, two hidden layers").right("by hand", deep.form(Printed::Right)),
        one.derivation("A. course, dE/da of one example")
            .right("by hand", move || one_example(-1.0)(&right))
            .wrong("y/a + (1-y)/(1-a)", move || one_example(1.0)(&printed)),
    ]
}
