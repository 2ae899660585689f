//! Hand-coded gradients with a known mistake each: the comparison must name it.
//!
//! Most of them are of one network in the vectorised form with examples in columns: z1 = W1 X + b1, a1 = sigmoid(z1),
//! z2 = W2 a1 + b2, cross-entropy of sigmoid(z2), lambda/(2m) times the squared weights.

mod report;
mod right;
mod small;

use crate::explain::golden::assert_golden;
use retrograd::check::Verdict;
use retrograd::check::compare::{Compare, Comparison, Kind, Right};
use retrograd::{Tape, Tensor, Var};
use small::small;

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
        self.w2.t().matmul(self.delta2()) * self.slope1()
    }
    /// The four gradients from the two deltas.
    fn gradients(&self, delta1: &Tensor<f64>, delta2: &Tensor<f64>) -> [Tensor<f64>; 4] {
        [
            delta1.matmul(self.x.t()) + &self.w1 * (self.lambda / M),
            delta1.sum(1).reshape([3, 1]),
            delta2.matmul(self.a1.t()) + &self.w2 * (self.lambda / M),
            delta2.sum(1).reshape([2, 1]),
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
        let mut compare = Compare::new(|p| self.loss(p[0].tape(), p))
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
    let mut parts = text.split(".rs:");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(".rs:LINE");
        out.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
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
        assert!(!block.reverse.is_empty(), "{block:?}");
        assert_eq!([block.forward.len(), block.numeric.len()], [block.reverse.len(); 2], "{block:?}");
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
        "your W1, b1 equal the true gradients with the derivative of a1 (hidden, tests/checking/compare/mod.rs:LINE) left out"
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

#[test]
fn mistakes_of_a_result_are_named() {
    let net = Net { lambda: 0.0, ..Net::new() };
    let [w1, b1, w2, b2] = net.right();
    let all = |f: &dyn Fn(&Tensor<f64>) -> Tensor<f64>| [f(&w1), f(&b1), f(&w2), f(&b2)];
    // All of them: it happened before the first statement that is not of the loss.
    let every = "your W1, b1, W2, b2 equal the true gradients with ";
    let (kind, text) = best(&net.report(all(&|g| -g)));
    assert!(kind == Kind::RuleNegated && text.starts_with(every) && text.contains("of the wrong sign"), "{text}");
    for c in [M, 1.0 / M, 0.5] {
        let (kind, text) = best(&net.report(all(&|g| g * c)));
        assert!(matches!(kind, Kind::RuleScaled | Kind::RuleLeftOut | Kind::Factor), "{text}");
        assert!(text.starts_with(every), "{text}");
    }
    // K = 2 outputs is found as 2; 1/(m K) has both.
    let (kind, text) = best(&net.report([w1.t(), b1.clone(), w2.t(), b2.clone()]));
    assert_eq!((kind, &text[..]), (Kind::Transposed, "your W1, W2 equal the true gradients transposed"));
    let (_, text) = best(&net.report([w1.clone(), b2.clone(), w2.clone(), b1.clone()]));
    assert!(text.contains("b1") && text.contains("b2"), "{text}");
    let (kind, text) = best(&net.report([w1.select_rows(&[1, 0, 2]), b1.clone(), w2.clone(), b2.clone()]));
    assert_eq!(
        (kind, &text[..]),
        (Kind::Permuted, "your W1 equals the true gradient with its rows in the order [1, 0, 2]")
    );
    let (kind, text) = best(&net.report([w1.clone(), net.delta1(), w2.clone(), net.delta2()]));
    assert_eq!(kind, Kind::NotSummed, "{text}");
    let (kind, text) = best(&net.report([w1, b1.reshape([3]), w2, b2]));
    assert_eq!((kind, &text[..]), (Kind::Reshaped, "your b1 equals the true gradient in shape [3] instead of [3, 1]"));
}

#[test]
fn mistakes_of_the_regularisation_are_named() {
    let net = Net::new();
    let plain = Net { lambda: 0.0, ..Net::new() };
    let [w1, b1, w2, b2] = plain.right();
    let with = |c: f64| [&w1 + &net.w1 * c, b1.clone(), &w2 + &net.w2 * c, b2.clone()];
    let (kind, text) = best(&net.report(with(0.0)));
    assert_eq!(
        (kind, &text[..]),
        (Kind::Regularisation, "your W1, W2 equal the true gradients with the regularisation term left out")
    );
    // The course's D = Delta/m + lambda W.
    let (kind, text) = best(&net.report(with(LAMBDA)));
    assert_eq!(kind, Kind::Regularisation);
    assert!(
        text.starts_with("your W1 equals the true gradient with the regularisation term times m: lambda W1"),
        "{text}"
    );
    let (kind, text) = best(&net.report(with(2.0 * LAMBDA / M)));
    assert_eq!(kind, Kind::Regularisation);
    assert!(text.contains("times 2"), "{text}");
    let [w1, b1, w2, b2] = net.right();
    let biased = |b: Tensor<f64>, own: &Tensor<f64>| b + own * (LAMBDA / M);
    let (kind, text) = best(&net.report([w1, biased(b1, &net.b1), w2, biased(b2, &net.b2)]));
    assert_eq!(kind, Kind::Regularisation);
    assert!(text.contains("plus lambda/m b1: regularised as W1 is"), "{text}");
}

#[test]
fn a_wrong_shape_is_a_diagnosis_that_names_the_missing_factors() {
    let net = Net { lambda: 0.0, ..Net::new() };
    let [_, b1, w2, b2] = net.right();
    // Printed: dW1 = dZ2 / m.
    let (_, text) = best(&net.report([net.delta2(), b1.clone(), w2.clone(), b2.clone()]));
    assert!(text.starts_with("your W1 equals the true gradient with dz2 in place of dz1 @ X.T"), "{text}");
    let (kind, text) = best(&net.report([net.delta1(), b1.clone(), w2.clone(), b2.clone()]));
    assert_eq!(kind, Kind::RuleLeftOut, "{text}");
    assert!(text.starts_with("your W1 equals the true gradient with the factor X.T left out"), "{text}");
    let (_, text) = best(&net.report([net.delta1() * M, b1.clone(), w2.clone(), b2.clone()]));
    assert!(text.contains("dz1") || text.contains("gradient by z1"), "{text}");
}

#[test]
fn the_other_mistakes_of_the_derivation_are_named() {
    let net = Net { lambda: 0.0, ..Net::new() };
    let (delta1, delta2) = (net.delta1(), net.delta2());
    // The quadratic cost's delta, (a - y) a (1 - a), for cross-entropy.
    let quadratic = &delta2 * &net.a2.map(|a| a * (1.0 - a));
    let through = |delta2: &Tensor<f64>| net.w2.t().matmul(delta2) * net.slope1();
    let (kind, text) = best(&net.report(net.gradients(&through(&quadratic), &quadratic)));
    assert!(matches!(kind, Kind::OtherLoss | Kind::RuleTwice), "{text}");
    // Error terms started as 0 - y.
    let unstarted = -&net.y / M;
    let (kind, text) = best(&net.report(net.gradients(&through(&unstarted), &unstarted)));
    assert_eq!(kind, Kind::OperandDropped, "{text}");
    assert!(text.contains("sigmoid(z2) left out"), "{text}");
    // The target dropped.
    let aimless = &net.a2 / M;
    let (kind, text) = best(&net.report(net.gradients(&through(&aimless), &aimless)));
    assert_eq!(kind, Kind::OperandDropped, "{text}");
    // The last example alone.
    let last = Tensor::from_fn([2, 4], |i| if i[1] == 3 { delta2.get(i).unwrap() } else { 0.0 });
    let (kind, text) = best(&net.report(net.gradients(&through(&last), &last)));
    assert_eq!(kind, Kind::OneExample, "{text}");
    assert!(text.contains("only example 3"), "{text}");
    // The bias' gradient right, the weights' with X transposed nowhere: a factor of one formula alone.
    let [w1, b1, w2, b2] = net.right();
    let alone = net.w2.t().matmul(&delta2).matmul(net.x.t());
    let (kind, text) = best(&net.report([alone, b1, w2, b2]));
    assert_eq!(kind, Kind::RuleLeftOut, "{text}");
    assert!(text.ends_with("(in these formulas alone)"), "{text}");
    let _ = (w1, delta1);
}

#[test]
fn two_mistakes_at_once_are_named() {
    let net = Net { lambda: 0.0, ..Net::new() };
    let delta2 = &net.delta2() * &net.a2.map(|a| a * (1.0 - a));
    let delta1 = net.w2.t().matmul(net.delta2());
    let report = net.report(net.gradients(&-&delta1, &net.delta2()));
    let (_, text) = best(&report);
    assert!(text.contains("in place of") || report.diagnosis.best().unwrap().mistakes.len() == 2, "{text}");
    let _ = delta2;
}

#[test]
fn noise_has_no_diagnosis() {
    let net = Net::new();
    let noisy =
        net.right().map(|g| Tensor::from_fn(g.shape(), |i| g.get(i).unwrap() * (1.0 + 0.01 * (i[0] as f64).cos())));
    let began = std::time::Instant::now();
    let report = net.report(noisy);
    println!("{report}\n{:?} {:?}", report.diagnosis, began.elapsed());
    assert!(report.diagnosis.best().is_none(), "{report}");
}

/// C of the classics: three layers of one unit each, relu, relu, sigmoid, squared error.
fn chain(hand: [f64; 6]) -> Comparison {
    let mut compare = Compare::new(|p| {
        let a1 = (p[0] * 0.7 + p[1]).named("z1").relu().named("a1");
        let a2 = (p[2] * a1 + p[3]).named("z2").relu().named("a2");
        let y = (p[4] * a2 + p[5]).named("z3").sigmoid().named("y");
        (y - 1.0).square().named("C")
    });
    for (name, value) in ["t1", "b1", "t2", "b2", "t3", "b3"].into_iter().zip([0.8, 0.1, -0.6, 0.9, 1.2, -0.3]) {
        compare = compare.parameter(name, value);
    }
    for (name, value) in ["t1", "b1", "t2", "b2", "t3", "b3"].into_iter().zip(hand) {
        compare = compare.hand(name, value);
    }
    compare.run().unwrap()
}

#[test]
fn a_factor_left_out_of_a_scalar_chain_is_named() {
    let (x, t2, t3) = (0.7, -0.6, 1.2);
    let a1 = 0.8 * x + 0.1;
    let a2 = t2 * a1 + 0.9;
    let y = 1.0 / (1.0 + f64::exp(-(t3 * a2 - 0.3)));
    let by_hand = |loss: f64, sigmoid: f64, t3: f64, t2: f64| {
        let d3 = loss * sigmoid;
        let (d2, d1) = (d3 * t3, d3 * t3 * t2);
        [d1 * x, d1, d2 * a1, d2, d3 * a2, d3]
    };
    chain(by_hand(2.0 * (y - 1.0), y * (1.0 - y), t3, t2)).assert();
    let (kind, text) = best(&chain(by_hand(2.0 * (y - 1.0), 1.0, t3, t2)));
    assert_eq!(kind, Kind::RuleLeftOut);
    assert!(text.contains("the derivative of y") && text.contains("left out"), "{text}");
    let (kind, text) = best(&chain(by_hand(2.0 * (y - 1.0), y * (1.0 - y), 1.0, t2)));
    assert_eq!(kind, Kind::RuleLeftOut);
    assert!(text.contains("the factor t3 left out in the derivative of t3 * a2"), "{text}");
    let (_, text) = best(&chain(by_hand(y - 1.0, y * (1.0 - y), t3, t2)));
    assert!(
        text.contains("t3, b3 equal the true gradients with the factor 2 left out in the derivative of C"),
        "{text}"
    );
    // The loss taken as y^ - y.
    let (kind, text) = best(&chain(by_hand(1.0, y * (1.0 - y), t3, t2)));
    assert!(matches!(kind, Kind::RuleLeftOut | Kind::OtherValue), "{text}");
    assert!(text.contains("the derivative of") && text.contains("left out"), "{text}");
}

/// H of the classics: cross-entropy of labelled logits.
fn softmax_case(name: &str, f: impl Fn(&Tensor<f64>, &Tensor<f64>) -> Tensor<f64>) -> Comparison {
    let z = Tensor::from([[0.5, -0.2, 1.0], [0.1, 0.4, -0.6], [1.5, 0.2, 0.3], [0.0, -1.0, 0.7]]);
    let labels = [2, 0, 0, 1];
    let s = z.softmax(1);
    let hand = f(&s, &Tensor::one_hot(&labels, 3));
    println!("{name}");
    Compare::new(|p| p[0].cross_entropy(&labels)).parameter("z", z).hand("z", hand).run().unwrap()
}

#[test]
fn mistakes_with_softmax_are_named() {
    let m = 4.0;
    softmax_case("right", |s, y| (s - y) / m).assert();
    let to_probabilities = |s: &Tensor<f64>, y: &Tensor<f64>| -(y / s) / m;
    let (kind, text) = best(&softmax_case("handed to logits", to_probabilities));
    assert_eq!(kind, Kind::RuleLeftOut);
    assert!(text.contains("the derivative of") && text.contains("cross_entropy(z)"), "{text}");
    let diagonal = |s: &Tensor<f64>, y: &Tensor<f64>| to_probabilities(s, y) * s * &(1.0 - s);
    let (kind, text) = best(&softmax_case("diagonal", diagonal));
    assert_eq!(kind, Kind::DiagonalAlone, "{text}");
    let (kind, text) = best(&softmax_case("mean over classes too", |s, y| (s - y) / (m * 3.0)));
    assert_eq!(kind, Kind::Factor, "{text}");
    let (kind, text) = best(&softmax_case("twice", |s, y| {
        let twice = s.softmax(1);
        let g = (twice - y) / m;
        s * &(&g - &(&g * s).sum(1).reshape([4, 1]))
    }));
    assert!(matches!(kind, Kind::OpTwice | Kind::OtherValue), "{text}");
    let (kind, text) = best(&softmax_case("twice, delta unchanged", |s, y| (s.softmax(1) - y) / m));
    assert!(kind == Kind::OpTwice || text.contains("softmax(z) in place of z"), "{text}");
}

#[test]
fn a_sign_lost_in_an_intermediate_is_named() {
    // A of the classics: dE/da = y/a + (1-y)/(1-a) is printed; delta beside it is right.
    let (w, x) = (Tensor::from([[0.4], [-0.3]]), Tensor::from([[1.0, 2.0], [-0.5, 0.3], [0.2, 0.9]]));
    let y = Tensor::from([[1.0], [0.0], [1.0]]);
    let a = sigmoid(&x.matmul(&w));
    let delta = (&a - &y) / 3.0;
    let printed = (&y / &a + (1.0 - &y) / (1.0 - &a)) / 3.0;
    let compare = |da: Tensor<f64>| {
        Compare::new(|p| {
            let tape = p[0].tape();
            let a = tape.data(&x).matmul(p[0]).named("z").sigmoid().named("a");
            a.binary_cross_entropy(tape.data(&y))
        })
        .parameter("w", &w)
        .hand("w", x.t().matmul(&delta))
        .hand("z", delta.clone())
        .hand("a", da)
        .run()
        .unwrap()
    };
    compare((-(&y / &a) + (1.0 - &y) / (1.0 - &a)) / 3.0).assert();
    let (kind, text) = best(&compare(printed));
    assert_eq!(kind, Kind::RuleNegated);
    assert!(text.starts_with("your a equals the true gradient with") && text.contains("derivative of xlogy"), "{text}");
    assert!(text.ends_with("(in these formulas alone)"), "{text}");
}

#[test]
fn a_budget_ends_the_search_and_the_report_says_so() {
    let net = Net::new();
    let noisy =
        || net.right().map(|g| Tensor::from_fn(g.shape(), |i| g.get(i).unwrap() * (1.0 + 0.01 * (i[0] as f64).cos())));
    let report = net.compare(noisy()).budget(40).run().unwrap();
    let tried = report.diagnosis.singles + report.diagnosis.pairs;
    assert!(!report.diagnosis.complete && (40..140).contains(&tried), "{:?}", report.diagnosis);
    assert!(
        report.to_string().ends_with(&format!("among {tried} tried gives these numbers (the budget ended the search)")),
        "{report}"
    );
    let report = net.compare(noisy()).time_limit(std::time::Duration::ZERO).run().unwrap();
    assert!(!report.diagnosis.complete);
    let panic = std::panic::catch_unwind(|| report.assert()).unwrap_err();
    assert!(panic.downcast_ref::<String>().unwrap().contains("compare: 4 of 4 hand-coded gradients differ"));
}

#[test]
fn what_cannot_be_compared_is_refused_with_the_reason() {
    let f = || Compare::new(|p| (p[0] * 2.0).named("double").sum(()));
    let message = |compare: Compare<'_>| compare.run().unwrap_err().to_string();
    assert_eq!(message(f()), "compare: no parameters; give at least one with parameter(name, value)");
    let x = || f().parameter("x", [1.0, 2.0]);
    assert_eq!(message(x()), "compare: no hand-coded gradients; give at least one with hand(name, gradient)");
    assert_eq!(
        message(x().hand("y", 1.0)),
        "compare: no parameter or named intermediate \"y\" leads to the output; known are x, double"
    );
    assert_eq!(message(x().hand("x", 1.0).hand("x", 1.0)), "compare: hand-coded gradient \"x\" is given twice");
    let tensor = Compare::new(|p| p[0]).parameter("x", [1.0, 2.0]).hand("x", [1.0, 1.0]);
    assert_eq!(message(tensor), "compare: the function gives shape [2]; reduce it to a number");
    let infinite = Compare::new(|p| p[0].ln()).parameter("x", 0.0).hand("x", 1.0);
    assert_eq!(message(infinite), "compare: the function is -inf at the point");
}

#[test]
fn hand_coded_autodiff_and_the_program_are_timed_in_one_run() {
    let net = Net::new();
    let report = net.compare(net.right()).time(|| net.right()).run().unwrap();
    let timing = report.timing.as_ref().unwrap();
    assert!(timing.hand.as_nanos() > 0 && timing.ratio() > 0.0, "{timing}");
    assert!(timing.program_ratio().unwrap() > 0.0, "{timing}");
    let text = report.to_string();
    let parts =
        ["timing: hand-coded ", ", autodiff ", ", program "].map(|part| text.find(part).expect("in the report"));
    assert!(parts.is_sorted(), "{report}");
}

#[test]
fn a_function_that_cannot_be_compiled_says_why_beside_the_times() {
    let square = |x: f64| Compare::new(|p| p[0] * p[0].item()).parameter("x", x).hand("x", x).time(move || x * x);
    let report = square(3.0).run().unwrap();
    let timing = report.timing.as_ref().unwrap();
    assert!(timing.ratio() > 0.0 && timing.program_ratio().unwrap_err().contains("read at"), "{timing}");
    assert!(report.to_string().contains(", no program: "), "{report}");
}

#[test]
fn where_the_function_leaves_the_tape_the_hand_coded_gradient_is_right() {
    let x = Tensor::from([0.4, -0.7]);
    let report = small(&[("x", x.clone())], &[("x", &x * 2.0)], |p| (p[0] * p[0].detach()).sum(()));
    assert_eq!((report.blocks[0].verdict, report.blocks[0].right), (Verdict::Differs, Right::HandCoded));
    assert_eq!(report.notes.len(), 1, "{report}");
}

#[test]
fn a_mistake_repeated_in_every_layer_of_a_loop_is_one_mistake() {
    let ws = [
        Tensor::from([[0.4, -0.3], [0.2, 0.7]]),
        Tensor::from([[0.6, -0.4], [0.9, 0.15]]),
        Tensor::from([[0.1, 0.8], [-0.5, 0.3]]),
    ];
    let x = Tensor::from([[1.0, -0.5, 0.3], [0.2, 0.8, -1.1]]);
    let mut a = vec![x.clone()];
    for w in &ws {
        a.push(w.matmul(&a[a.len() - 1]).map(f64::tanh));
    }
    let by_hand = |slope: fn(f64) -> f64| {
        let mut g = a[3].map(|_| 1.0);
        let mut found = Vec::new();
        for k in (0..3).rev() {
            let delta = &g * &a[k + 1].map(slope);
            found.push((["W1", "W2", "W3"][k], delta.matmul(a[k].t())));
            g = ws[k].t().matmul(&delta);
        }
        found
    };
    let report = |slope: fn(f64) -> f64| {
        let parameters = [("W1", ws[0].clone()), ("W2", ws[1].clone()), ("W3", ws[2].clone())];
        small(&parameters, &by_hand(slope), |p| p.iter().fold(p[0].tape().data(&x), |a, w| w.matmul(a).tanh()).sum(()))
    };
    report(|a| 1.0 - a * a).assert();
    let (kind, text) = best(&report(|_| 1.0));
    assert_eq!(kind, Kind::RuleLeftOut);
    assert!(text.contains("and likewise of tanh("), "{text}");
    for slope in [|a: f64| 1.0 - a, |a| a * (1.0 - a)] {
        let (_, text) = best(&report(slope));
        assert!(text.starts_with("your W3, W2, W1 equal") && text.contains("tanh"), "{text}");
    }
    assert_eq!(best(&report(|a| a * a - 1.0)).0, Kind::RuleNegated);
}

#[test]
fn regularisation_of_the_bias_column_is_named() {
    // A of the classics: theta holds the bias in column 0, which is spared.
    let theta = Tensor::from([[0.4, -0.3, 0.2], [0.2, 0.7, -0.6]]);
    let x = Tensor::from([[1.0, 0.5, 0.3], [1.0, 0.8, -1.1], [1.0, -0.4, 0.6], [1.0, 2.0, 0.1]]);
    let y = Tensor::from([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]);
    let (lambda, m) = (0.7, 4.0);
    let delta = sigmoid(&x.matmul(theta.t())) - &y;
    let plain = delta.t().matmul(&x) / m;
    let spared = Tensor::from_fn([2, 3], |i| if i[1] == 0 { 0.0 } else { theta.get(i).unwrap() });
    let report = |hand: Tensor<f64>| {
        Compare::new(|p| {
            let tape = p[0].tape();
            let h = tape.data(&x).matmul(p[0].t()).bce_with_logits(tape.data(&y)).sum(()) * (1.0 / m);
            h + p[0].slice((.., 1..)).square().sum(()) * (lambda / (2.0 * m))
        })
        .parameter("Theta", &theta)
        .hand("Theta", hand)
        .constant("lambda", lambda)
        .constant("m", m)
        .run()
        .unwrap()
    };
    report(&plain + &(&spared * (lambda / m))).assert();
    let (kind, text) = best(&report(&plain + &(&theta * (lambda / m))));
    assert_eq!(kind, Kind::Regularisation);
    assert_eq!(text, "your Theta equals the true gradient plus lambda/m Theta in column 0: regularised as the rest is");
    let (kind, text) = best(&report(&plain + &(&spared * lambda)));
    assert_eq!(kind, Kind::Regularisation, "{text}");
    assert!(text.contains("regularisation term times m") || text.contains("Theta"), "{text}");
    let (kind, text) = best(&report(plain.clone()));
    assert_eq!(kind, Kind::Regularisation, "{text}");
}

#[test]
fn the_report_reads_as_in_the_golden_file() {
    let net = Net::new();
    let delta1 = net.w2.t().matmul(net.delta2());
    let [w1, b1, w2, b2] = net.gradients(&delta1, &net.delta2());
    let report = net.compare([w1, b1, w2, b2]).hand("z1", delta1).hand("z2", net.delta2()).run().unwrap();
    assert_golden("compare.txt", &format!("{}\n", without_lines(&report.to_string())));
}

#[test]
fn a_factor_from_elsewhere_is_named() {
    // The wrong layer's weights: W1 for W2 in the hidden delta.
    let (w1, w2) = (Tensor::from([[0.4, -0.3], [0.2, 0.7]]), Tensor::from([[0.6, -0.4], [0.9, 0.15]]));
    let x = Tensor::from([[1.0, -0.5, 0.3], [0.2, 0.8, -1.1]]);
    let a1 = w1.matmul(&x).map(f64::tanh);
    let out = w2.matmul(&a1);
    let delta = w1.t().matmul(&out) * a1.map(|a| 1.0 - a * a);
    let hand = [("W1", delta.matmul(x.t())), ("W2", out.matmul(a1.t()))];
    let report = small(&[("W1", w1.clone()), ("W2", w2.clone())], &hand, |p| {
        let tape = p[0].tape();
        p[1].matmul(p[0].matmul(tape.data(&x)).tanh().named("a1")).square().sum(()) * 0.5
    });
    let (kind, text) = best(&report);
    assert_eq!(kind, Kind::OtherValue);
    assert!(text.contains("W1 in place of W2"), "{text}");
}

#[test]
fn an_exponent_off_by_one_is_named() {
    // d/ds ((x - mu)/s)^2 with s^2 for s^3.
    let (x, mu, s) = (Tensor::from([0.4, -0.7, 1.1]), 0.2, 0.7);
    let sum = (&x - mu).square().sum(()).item();
    let report = |ds: f64| {
        small(&[("s", Tensor::scalar(s))], &[("s", Tensor::scalar(ds))], |p| {
            let tape = p[0].tape();
            ((tape.data(&x) - mu) / p[0]).square().sum(()) * 0.5
        })
    };
    report(-sum / (s * s * s)).assert();
    let (kind, text) = best(&report(-sum / (s * s)));
    assert!(matches!(kind, Kind::WrongExponent | Kind::RuleLeftOut), "{text}");
    assert!(text.contains("the factor 1/s left out") || text.contains("s^"), "{text}");
}

#[test]
fn coarse_values_are_compared_within_their_tolerance() {
    let net = Net::new();
    let printed = |g: &Tensor<f64>| g.map(|x| (x * 1e5).round() / 1e5);
    let compare =
        |gradients: [Tensor<f64>; 4]| net.compare(gradients.map(|g| printed(&g))).tolerance(1e-3).run().unwrap();
    compare(net.right()).assert();
    let back = net.w2.t().matmul(net.delta2());
    let report = compare(net.gradients(&back, &net.delta2()));
    assert_eq!(best(&report).0, Kind::RuleLeftOut);
}

#[test]
fn one_example_for_the_sum_in_one_gradient_alone_is_named() {
    let net = Net { lambda: 0.0, ..Net::new() };
    let [w1, _, w2, b2] = net.right();
    let delta1 = net.delta1();
    let first = Tensor::from_fn([3, 1], |i| delta1.get(&[i[0], 0]).unwrap());
    let (kind, text) = best(&net.report([w1, first, w2, b2]));
    assert_eq!(kind, Kind::OneExample);
    assert!(
        text.starts_with("your b1 equals the true gradient with one of those alone that sum(dz1, axis 1) adds up"),
        "{text}"
    );
}

#[test]
fn several_unrelated_mistakes_and_nan_have_no_diagnosis() {
    let net = Net::new();
    let [w1, b1, w2, b2] = net.right();
    let several = [&w1 * &net.w1, b1.map(|x| x.sin()), &w2 + 0.1, b2.map(|x| 0.7 * x)];
    let report = net.report(several);
    assert!(report.diagnosis.best().is_none() && report.diagnosis.complete, "{report}");
    let report = net.report([w1.clone(), b1.clone(), w2.map(|_| f64::NAN), b2.clone()]);
    assert_eq!(report.block("W2").unwrap().verdict, Verdict::Differs);
    assert!(report.diagnosis.best().is_none() && report.largest().is_infinite(), "{report}");
    let report = net.report([w1.clone(), b1.clone(), w2.map(|_| f64::INFINITY), b2.clone()]);
    assert!(!report.agrees() && report.diagnosis.best().is_none(), "{report}");
    // Three mistakes in three gradients are not two.
    let report = net.report([w1 * 2.0, b1.map(|x| -x), w2.map(|x| x * x), b2]);
    assert!(report.diagnosis.best().is_none(), "{report}");
}

/// A network of numbers, unit by unit: two inputs, two hidden units, two outputs.
#[test]
fn a_mistake_repeated_in_every_unit_of_a_layer_is_one_mistake() {
    let w: Vec<f64> = (0..8).map(|i| (1.7 * i as f64 + 0.4).sin()).collect();
    let (x, y) = ([0.6, -0.9], [1.0, 0.2]);
    let unit = |w: &[f64], a: &[f64]| 1.0 / (1.0 + f64::exp(-(w[0] * a[0] + w[1] * a[1])));
    let hidden = [unit(&w[0..2], &x), unit(&w[2..4], &x)];
    let out = [unit(&w[4..6], &hidden), unit(&w[6..8], &hidden)];
    let by_hand = |slope: fn(f64) -> f64| {
        let d2 = [0, 1].map(|j| (out[j] - y[j]) * out[j] * (1.0 - out[j]));
        let d1 = [0, 1].map(|i| (w[4 + i] * d2[0] + w[6 + i] * d2[1]) * slope(hidden[i]));
        [d1[0] * x[0], d1[0] * x[1], d1[1] * x[0], d1[1] * x[1]]
            .into_iter()
            .chain([d2[0] * hidden[0], d2[0] * hidden[1], d2[1] * hidden[0], d2[1] * hidden[1]])
            .collect::<Vec<f64>>()
    };
    let report = |hand: Vec<f64>| {
        let mut compare = Compare::new(|p| {
            let mut a: Vec<Var<'_, f64>> = x.iter().map(|&x| Var::constant(x)).collect();
            for layer in [&p[..4], &p[4..]] {
                a = layer.chunks(2).map(|w| (w[0] * a[0] + w[1] * a[1]).sigmoid()).collect();
            }
            ((a[0] - y[0]).square() + (a[1] - y[1]).square()) * 0.5
        });
        assert_eq!(w.len(), hand.len());
        for (i, (w, g)) in w.iter().zip(hand).enumerate() {
            compare = compare.parameter(format!("w{i}"), *w).hand(format!("w{i}"), g);
        }
        compare.run().unwrap()
    };
    report(by_hand(|a| a * (1.0 - a))).assert();
    let (kind, text) = best(&report(by_hand(|_| 1.0)));
    assert_eq!(kind, Kind::RuleLeftOut);
    assert!(text.starts_with("your w0, w1, w2, w3 equal"), "{text}");
    assert_eq!(
        text.matches("the derivative of sigmoid(").count() + text.matches("likewise of sigmoid(").count(),
        2,
        "{text}"
    );
}

#[test]
fn what_may_fit_by_chance_is_no_diagnosis() {
    let report = |tolerance: f64| {
        Compare::new(|p| p[0].sin().exp()).parameter("x", 0.4).hand("x", -1.36).tolerance(tolerance).run().unwrap()
    };
    // -1.36 is about minus the derivative, 1.3595...; to three digits other mistakes are as near.
    let coarse = report(1e-2);
    assert!(coarse.diagnosis.best().is_none() && coarse.diagnosis.by_chance > 0, "{coarse}");
    assert!(coarse.to_string().ends_with("as they might by chance: too few or too coarse values"), "{coarse}");
    assert_eq!(report(1e-9).diagnosis.by_chance, 0);
}

/// A of the classics: examples one at a time, in a loop.
#[test]
fn mistakes_in_a_loop_over_examples_are_named() {
    let (w1, w2) = (Tensor::from([[0.4, -0.3], [0.2, 0.7]]), Tensor::from([[0.6, -0.4]]));
    let examples = [([1.0, -0.5], 1.0), ([0.2, 0.8], 0.0), ([-1.1, 0.3], 1.0)];
    let column = |x: [f64; 2]| Tensor::from([[x[0]], [x[1]]]);
    let by_hand = |error: fn(f64, f64) -> f64, counts: fn(usize) -> bool| {
        let (mut d1, mut d2) = (Tensor::zeros([2, 2]), Tensor::zeros([1, 2]));
        for (_, &(x, y)) in examples.iter().enumerate().filter(|(i, _)| counts(*i)) {
            let a1 = sigmoid(&w1.matmul(column(x)));
            let delta2 = sigmoid(&w2.matmul(&a1)).map(|a| error(a, y) / 3.0);
            let delta1 = w2.t().matmul(&delta2) * a1.map(|a| a * (1.0 - a));
            d1 += delta1.matmul(column(x).t());
            d2 += delta2.matmul(a1.t());
        }
        [("W1", d1), ("W2", d2)]
    };
    let report = |hand: [(&str, Tensor<f64>); 2]| {
        let mut compare = Compare::new(|p| {
            let tape = p[0].tape();
            let mut cost = Var::constant(0.0);
            for (x, y) in examples {
                let (x, y) = (tape.data(column(x)), tape.data([[y]]));
                let h = p[1].matmul(p[0].matmul(x).sigmoid()).sigmoid();
                cost -= (y * h.ln() + (1.0 - y) * (1.0 - h).ln()).sum(());
            }
            cost / 3.0
        })
        .parameter("W1", &w1)
        .parameter("W2", &w2)
        .constant("m", 3.0);
        for (name, gradient) in hand {
            compare = compare.hand(name, gradient);
        }
        compare.run().unwrap()
    };
    let all = |_| true;
    report(by_hand(|a, y| a - y, all)).assert();
    let (kind, text) = best(&report(by_hand(|_, y| 0.0 - y, all)));
    assert_eq!(kind, Kind::OperandDropped, "{text}");
    let (kind, text) = best(&report(by_hand(|a, y| (a - y) * a * (1.0 - a), all)));
    assert!(matches!(kind, Kind::OtherLoss | Kind::RuleTwice), "{text}");
    for (k, counts) in [|i: usize| i == 0, |i| i == 1, |i| i == 2].into_iter().enumerate() {
        let (kind, text) = best(&report(by_hand(|a, y| a - y, counts)));
        let only = text.contains(&format!("only term {k} of the sum that a loop adds up"));
        // Or what is not added is forgotten.
        assert!(only || kind == Kind::ArgumentForgotten, "{text}");
    }
}

#[test]
fn a_rule_applied_twice_and_an_operand_dropped_from_a_rule_are_named() {
    let (x, c) = (Tensor::from([0.4, -0.7, 1.1]), Tensor::from([1.0, 0.5, -0.2]));
    let report = |f: fn(f64, f64) -> f64| {
        let pairs = x.iter().zip(c.iter()).map(|(x, c)| f(*x, *c)).collect::<Vec<f64>>();
        small(&[("x", x.clone())], &[("x", Tensor::from(pairs))], |p| {
            let tape = p[0].tape();
            (p[0] - tape.data(&c)).square().tanh().named("t").sum(())
        })
    };
    report(|x, c| (1.0 - (x - c).powi(2).tanh().powi(2)) * 2.0 * (x - c)).assert();
    let (kind, text) = best(&report(|x, c| (1.0 - (x - c).powi(2).tanh().powi(2)).powi(2) * 2.0 * (x - c)));
    assert_eq!(kind, Kind::RuleTwice, "{text}");
    let (kind, text) = best(&report(|x, c| (1.0 - (x - c).powi(2).tanh().powi(2)) * 2.0 * x));
    assert_eq!(kind, Kind::OperandDropped);
    assert!(text.contains("the term data [3] left out in the derivative of (x - data [3])^2"), "{text}");
}
