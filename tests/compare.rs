//! Hand-coded gradients with a known mistake each: the comparison must name it.
//!
//! Most of them are of one network in the vectorised form with examples in columns: z1 = W1 X + b1, a1 = sigmoid(z1),
//! z2 = W2 a1 + b2, cross-entropy of sigmoid(z2), lambda/(2m) times the squared weights.

use retrograd::check::Verdict;
use retrograd::check::compare::{Compare, Comparison, Kind, Right};
use retrograd::{Tape, Tensor, Var};

const LAMBDA: f64 = 0.3;
const M: f64 = 4.0;

/// The network's parameters and data, and the parts of the derivation by hand.
struct Net {
    w1: Tensor<f64>,
    b1: Tensor<f64>,
    w2: Tensor<f64>,
    b2: Tensor<f64>,
    x: Tensor<f64>,
    y: Tensor<f64>,
    z1: Tensor<f64>,
    a1: Tensor<f64>,
    a2: Tensor<f64>,
    lambda: f64,
}

fn sigmoid(z: &Tensor<f64>) -> Tensor<f64> {
    z.map(|z| 1.0 / (1.0 + (-z).exp()))
}

impl Net {
    fn new() -> Self {
        let w1 = Tensor::from([[0.4, -0.3], [0.2, 0.7], [-0.5, 0.1]]);
        let b1 = Tensor::from([[0.1], [-0.2], [0.3]]);
        let w2 = Tensor::from([[0.6, -0.4, 0.25], [-0.35, 0.15, 0.8]]);
        let b2 = Tensor::from([[-0.15], [0.05]]);
        let x = Tensor::from([[1.0, -0.5, 0.3, 2.0], [0.2, 0.8, -1.1, 0.4]]);
        let y = Tensor::from([[1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 1.0, 1.0]]);
        let z1 = &w1.matmul(&x) + &b1;
        let a1 = sigmoid(&z1);
        let a2 = sigmoid(&(&w2.matmul(&a1) + &b2));
        Self { w1, b1, w2, b2, x, y, z1, a1, a2, lambda: LAMBDA }
    }
    /// dC/dz2.
    fn delta2(&self) -> Tensor<f64> {
        (&self.a2 - &self.y) / M
    }
    fn slope1(&self) -> Tensor<f64> {
        self.a1.map(|a| a * (1.0 - a))
    }
    /// dC/dz1.
    fn delta1(&self) -> Tensor<f64> {
        self.w2.t().matmul(&self.delta2()) * self.slope1()
    }
    /// The four gradients from the two deltas.
    fn gradients(&self, delta1: &Tensor<f64>, delta2: &Tensor<f64>) -> [Tensor<f64>; 4] {
        [
            delta1.matmul(&self.x.t()) + &self.w1 * (self.lambda / M),
            delta1.sum(1).reshape([3, 1]).unwrap(),
            delta2.matmul(&self.a1.t()) + &self.w2 * (self.lambda / M),
            delta2.sum(1).reshape([2, 1]).unwrap(),
        ]
    }
    fn right(&self) -> [Tensor<f64>; 4] {
        self.gradients(&self.delta1(), &self.delta2())
    }
    fn loss<'t>(&self, tape: &'t Tape<f64>, p: &[Var<'t, f64>]) -> Var<'t, f64> {
        let (x, y) = (tape.data(&self.x).named("X"), tape.data(&self.y).named("Y"));
        let a1 = {
            let _hidden = tape.scope("hidden");
            let z1 = (p[0].matmul(x) + p[1]).named("z1");
            z1.sigmoid().named("a1")
        };
        let z2 = (p[2].matmul(a1) + p[3]).named("z2");
        let cost = z2.bce_with_logits(y).sum(()) / M;
        if self.lambda == 0.0 {
            return cost;
        }
        cost + (p[0].square().sum(()) + p[2].square().sum(())) * (self.lambda / (2.0 * M))
    }
    /// The comparison of these values for W1, b1, W2, b2, to be added to.
    fn compare(&self, gradients: [Tensor<f64>; 4]) -> Compare<'_> {
        let mut compare = Compare::new(|tape, p| self.loss(tape, p))
            .parameter("W1", &self.w1)
            .parameter("b1", &self.b1)
            .parameter("W2", &self.w2)
            .parameter("b2", &self.b2)
            .constant("lambda", LAMBDA)
            .constant("m", M);
        for (name, gradient) in ["W1", "b1", "W2", "b2"].into_iter().zip(gradients) {
            compare = compare.hand(name, gradient);
        }
        compare
    }
    fn report(&self, gradients: [Tensor<f64>; 4]) -> Comparison {
        self.compare(gradients).run().unwrap()
    }
}

/// The first explanation's kind and text; the text without source lines.
fn best(report: &Comparison) -> (Kind, String) {
    println!("{report}\n");
    let best = report.diagnosis.best().unwrap_or_else(|| panic!("no diagnosis: {report}"));
    (best.kind(), without_lines(&best.text))
}

fn without_lines(text: &str) -> String {
    let mut out = String::new();
    for (i, part) in text.split("tests/compare.rs:").enumerate() {
        let digits = if i == 0 { 0 } else { part.chars().take_while(char::is_ascii_digit).count() };
        out.push_str(if i == 0 { "" } else { "tests/compare.rs:LINE" });
        out.push_str(&part[digits..]);
    }
    out
}

#[test]
fn right_gradients_agree_four_ways() {
    let net = Net::new();
    let report = net.compare(net.right()).hand("z1", net.delta1()).hand("z2", net.delta2()).run().unwrap();
    println!("{report}");
    report.assert();
    assert_eq!(report.blocks.len(), 6);
    for block in &report.blocks {
        assert_eq!((block.verdict, block.right), (Verdict::Agrees, Right::Both));
        assert!(block.max_relative < 1e-13 && block.cosine > 1.0 - 1e-12, "{block:?}");
        for ((r, f), n) in block.reverse.iter().zip(block.forward.iter()).zip(block.numeric.iter()) {
            assert!((r - f).abs() < 1e-15 && (r - n).abs() < 1e-8, "{}: {r}, {f}, {n}", block.name);
        }
    }
    assert!(report.diagnosis.explanations.is_empty());
}

#[test]
fn mistakes_of_the_derivation_are_named() {
    let net = Net::new();
    let delta2 = net.delta2();
    let back = net.w2.t().matmul(&delta2);
    // delta1 without sigmoid'(z1).
    let (kind, text) = best(&net.report(net.gradients(&back, &delta2)));
    assert_eq!(kind, Kind::RuleLeftOut);
    assert_eq!(
        text,
        "your W1, b1 equal the true gradients with the derivative of a1 = sigmoid (hidden, tests/compare.rs:LINE) left out"
    );
    // z1 (1 - z1) for a1 (1 - a1).
    let slope = net.z1.map(|z| z * (1.0 - z));
    assert_eq!(best(&net.report(net.gradients(&(&back * &slope), &delta2))).0, Kind::InputForOutput);
    // s'(a1) for s'(z1).
    let slope = sigmoid(&net.a1).map(|s| s * (1.0 - s));
    assert_eq!(best(&net.report(net.gradients(&(&back * &slope), &delta2))).0, Kind::OutputForInput);
    // The sign of the hidden layer's error.
    let (kind, _) = best(&net.report(net.gradients(&-net.delta1(), &delta2)));
    assert_eq!(kind, Kind::RuleNegated);
}
