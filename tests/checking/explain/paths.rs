use crate::explain::golden::assert_golden;
use retrograd::explain::{self, Explanation};
use retrograd::graph::Graph;
use retrograd::{Tape, Var};

/// Olah, Calculus on Computational Graphs: e = (a + b)(b + 1).
pub fn olah(tape: &Tape<f64>) -> Var<'_, f64> {
    let (a, b) = (tape.var(2.0).named("a"), tape.var(1.0).named("b"));
    let c = (a + b).named("c");
    let d = (b + 1.0).named("d");
    (c * d).named("e")
}

/// Three layers of one unit each, squared error: relu, relu, sigmoid.
pub fn chain(tape: &Tape<f64>) -> Var<'_, f64> {
    let v = |value: f64, name: &str| tape.var(value).named(name);
    let (x, y) = (0.8, 1.0);
    let (t1, b1) = (v(0.9, "t1"), v(0.1, "b1"));
    let (t2, b2) = (v(-1.2, "t2"), v(1.5, "b2"));
    let (t3, b3) = (v(0.7, "t3"), v(-0.3, "b3"));
    let z1 = (t1 * x + b1).named("z1");
    let a1 = z1.relu().named("a1");
    let z2 = (t2 * a1 + b2).named("z2");
    let a2 = z2.relu().named("a2");
    let z3 = (t3 * a2 + b3).named("z3");
    let y_hat = z3.sigmoid().named("y^");
    (y_hat - y).square().named("C")
}

#[test]
fn olahs_derivatives_are_sums_over_paths() {
    let tape = Tape::new();
    let explanation = Explanation::of(olah(&tape)).unwrap();
    let (by_a, by_b) = (explanation.paths("a").unwrap(), explanation.paths("b").unwrap());
    assert_eq!((by_a.paths().len(), by_a.sum(), by_a.gradient()), (1, 2.0, 2.0));
    assert_eq!((by_b.paths().len(), by_b.sum(), by_b.gradient()), (2, 5.0, 5.0));
    let products: Vec<f64> = by_b.paths().iter().map(|path| path.product).collect();
    assert_eq!(products, [2.0, 3.0]);
    assert_golden("olah_paths.txt", &format!("{by_a}\n{by_b}\n{}", explanation.counts()));
}

#[test]
fn forward_mode_costs_a_pass_for_each_input_and_reverse_mode_one() {
    let tape = Tape::new();
    let counts = explain::counts(&Graph::of(olah(&tape)));
    // a: a-c-e. b: b-c-e and b-d-e, which meet in e. Reverse: the five edges once, which meet in b.
    assert_eq!((counts.inputs, counts.forward.passes, counts.reverse.passes), (2, 2, 1));
    assert_eq!((counts.forward.multiplications, counts.forward.additions), (6, 1));
    assert_eq!((counts.reverse.multiplications, counts.reverse.additions), (5, 1));
    // The sum of n squares: n(n + 1) edges or so, and 2n.
    let of = |n: usize| {
        let tape = Tape::new();
        let x = tape.var(vec![1.0; n]);
        explain::counts(&Graph::of(x.square().sum(())))
    };
    let (ten, hundred) = (of(10), of(100));
    assert_eq!((ten.forward.multiplications, hundred.forward.multiplications), (200, 20_000));
    assert_eq!((ten.reverse.multiplications, hundred.reverse.multiplications), (20, 200));
}

#[test]
fn every_partial_derivative_of_the_scalar_chain_is_the_textbooks_product() {
    let tape = Tape::new();
    let explanation = Explanation::of(chain(&tape)).unwrap();
    let mut text = String::new();
    for name in ["t1", "b1", "t2", "b2", "t3", "b3"] {
        let paths = explanation.paths(name).unwrap();
        assert_eq!(paths.paths().len(), 1);
        assert!((paths.sum() - paths.gradient()).abs() <= 1e-16, "{paths}");
        text += &format!("{paths}\n");
    }
    let t2 = explanation.paths("t2").unwrap();
    assert_eq!(t2.to_string().lines().next(), Some("dC/dt2 = dC/dy^ * dy^/dz3 * dz3/da2 * da2/dz2 * dz2/dt2"));
    // The same product by hand, from the values along the way.
    let a1 = 0.9 * 0.8 + 0.1;
    let y_hat = 1.0 / (1.0 + (-(0.7 * (-1.2 * a1 + 1.5) - 0.3f64)).exp());
    let by_hand = 2.0 * (y_hat - 1.0) * (y_hat * (1.0 - y_hat)) * 0.7 * 1.0 * a1;
    assert!((t2.sum() - by_hand).abs() < 1e-16, "{} and {by_hand}", t2.sum());
    assert_golden("chain_paths.txt", &text);
}

#[test]
fn a_dead_relu_closes_its_path() {
    let tape = Tape::new();
    let x = tape.var(-1.0).named("x");
    let y = (x.relu() * 5.0).named("y");
    let paths = Explanation::of(y).unwrap().paths("x").unwrap();
    assert_eq!((paths.paths().len(), paths.sum()), (1, 0.0));
}

#[test]
fn ways_through_nodes_without_a_name_are_told_apart() {
    let tape = Tape::new();
    let x = tape.var(0.5).named("x");
    let y = (x.sin() * x.exp()).named("y");
    let text = Explanation::of(y).unwrap().paths("x").unwrap().to_string();
    assert_eq!(text.lines().next(), Some("dy/dx = dy/dv1 * dv1/dx + dy/dv2 * dv2/dx"));
}

#[test]
fn more_paths_than_can_be_listed_are_counted_and_refused() {
    let tape = Tape::new();
    let x = tape.var(1.0).named("x");
    let y = (0..70).fold(x, |y, _| y + y);
    let graph = Graph::of(y);
    let message = explain::paths(&graph, 0).unwrap_err().to_string();
    assert!(message.contains("1180591620717411303424 paths lead from v70 to x, 1000 are listed at most"), "{message}");
    let few = Graph::of((0..3).fold(x, |y, _| y + y));
    let message = explain::paths_up_to(&few, 0, 7).unwrap_err().to_string();
    assert!(message.contains("8 paths lead from"), "{message}");
    assert_eq!(explain::paths_up_to(&few, 0, 8).unwrap().sum(), 8.0);
}

#[test]
fn paths_refuse_tensors_and_unknown_names_by_name() {
    let tape = Tape::new();
    let x = tape.var([1.0, 2.0]).named("x");
    let explanation = Explanation::of(x.square().sum(())).unwrap();
    let message = explanation.paths("x").unwrap_err().to_string();
    assert!(message.contains("square #1") && message.contains("[2]"), "{message}");
    let message = explanation.paths("w").unwrap_err().to_string();
    assert!(message.contains("no node is called \"w\"; those with names are x"), "{message}");
    assert!(explain::paths(explanation.graph(), 9).unwrap_err().to_string().contains("node 9 does not exist"));
}
