//! Who is right: values first, ways that share their source of error, choices at kinks; and how a comparison is written down.

use super::best;
use retrograd::check::compare::{self, Compare, Comparison, Kind, Parameters, Right};
use retrograd::check::{Verdict, gradcheck};
use retrograd::ops::Saves;
use retrograd::{Float, Number, NumericOp, Tensor, Unary, Upstream, Var};

/// x^3, with a rule whose factor is wrong: 9 x^2.
#[derive(Clone, Copy, Debug)]
struct Cube;
impl Unary for Cube {
    const NAME: &'static str = "cube";
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[0.5];
    fn value<F: Float>(self, x: F) -> F {
        x * x * x
    }
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g * (S::lit(9.0) * x * x)
    }
}

/// The same with the right rule.
#[derive(Clone, Copy, Debug)]
struct RightCube;
impl Unary for RightCube {
    const NAME: &'static str = "right_cube";
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[0.5];
    fn value<F: Float>(self, x: F) -> F {
        x * x * x
    }
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g * (S::lit(3.0) * x * x)
    }
}

fn fails(report: &Comparison) {
    assert!(!report.agrees() && report.verdict() == Verdict::Differs, "{report}");
    assert!(std::panic::catch_unwind(|| report.assert()).is_err(), "{report}");
    assert!(report.clone().into_result().is_err_and(|error| error.is_check()), "{report}");
}

fn undecided(report: &Comparison, kink: &str) {
    println!("{report}\n");
    for block in &report.blocks {
        assert_eq!((block.verdict, block.right), (Verdict::Inconclusive, Right::Undecided), "{report}");
        assert!(block.reason.as_ref().is_some_and(|why| why.starts_with("a choice at a kink of ")), "{report}");
        assert!(block.reason.as_ref().unwrap().contains(kink), "{report}");
        assert!(!block.agrees(), "{report}");
    }
    assert_eq!(report.verdict(), Verdict::Inconclusive);
    assert!(report.agrees() && report.diagnosis.best().is_none(), "{report}");
    let text = report.to_string();
    assert!(text.starts_with("compare: 1 of 1 hand-coded gradients is undecided, a choice at a kink"), "{report}");
    assert!(text.contains("  undecided  undecided  ") && !text.contains("diagnosis"), "{report}");
    report.assert();
}

fn wrong(report: &Comparison) {
    assert_eq!(report.blocks[0].verdict, Verdict::Differs, "{report}");
    fails(report);
}

#[test]
fn a_users_wrong_rule_that_the_derivation_shares_is_no_agreement() {
    let x = Tensor::from([0.5, -2.0]);
    let compare = |by_hand: Tensor<f64>| {
        Compare::new(|p| p[0].apply(Cube).named("c").sum(()) + p[0].apply(RightCube).sum(()))
            .parameter("x", &x)
            .hand("x", by_hand)
            .run()
            .unwrap()
    };
    let report = compare(12.0 * &x * &x);
    println!("{report}");
    let block = &report.blocks[0];
    assert_eq!((block.verdict, block.right), (Verdict::Differs, Right::Neither));
    let worst = block.worst.as_ref().unwrap();
    assert!((worst.hand, worst.reverse) == (48.0, 48.0) && (worst.numeric - 24.0).abs() < 1e-6, "{worst:?}");
    let why = block.reason.as_deref().unwrap();
    assert!(why.contains("agree, and differences contradict both: the rule of c = cube ("), "{why}");
    assert!(why.contains("right.rs:") && !why.contains("right_cube") && !why.contains("taken off"), "{why}");
    let text = report.to_string();
    assert!(
        text.starts_with("compare: 1 of 1 hand-coded gradients agrees with autodiff and is contradicted"),
        "{text}"
    );
    assert!(!text.contains("diagnosis"), "{text}");
    fails(&report);
    // With the right derivation it is the op alone that is wrong.
    let report = compare(6.0 * &x * &x);
    assert_eq!((report.blocks[0].verdict, report.blocks[0].right), (Verdict::Differs, Right::HandCoded));
    assert!(report.to_string().contains("the hand-coded gradient is right: the rule of c = cube"), "{report}");
    assert!(report.diagnosis.best().is_none(), "{report}");
    fails(&report);
}

/// x y by elements, with the derivative by y forgotten.
struct Product;
impl NumericOp<f64> for Product {
    fn name(&self) -> &str {
        "product"
    }
    fn value(&self, inputs: &[Tensor<f64>]) -> retrograd::Result<Tensor<f64>> {
        Ok(&inputs[0] * &inputs[1])
    }
    fn vjp(&self, inputs: &[Tensor<f64>], _output: &Tensor<f64>, g: &Tensor<f64>) -> Vec<Tensor<f64>> {
        vec![g * &inputs[1], Tensor::zeros(inputs[1].shape())]
    }
}

/// |x| without saying where its pieces end.
#[derive(Clone, Copy, Debug)]
struct Size;
impl Unary for Size {
    const NAME: &'static str = "size";
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[0.5];
    fn value<F: Float>(self, x: F) -> F {
        x.abs()
    }
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g * x.sign()
    }
}

#[test]
fn a_users_op_on_tensors_is_held_against_its_own_differences_and_a_kink_is_not_blamed() {
    let (x, y) = (Tensor::from([0.5, -2.0]), Tensor::from([1.5, 0.3]));
    let compare = || {
        let f = compare::function(|p| p[0].tape().numeric(Product, &[p["x"], p["y"]]).named("xy").square().sum(()));
        Compare::new(f).parameter("x", &x).parameter("y", &y)
    };
    let by_x = 2.0 * &x * &y * &y;
    compare().hand("x", &by_x).run().unwrap().assert();
    let report = compare().hand("x", &by_x).hand("y", [0.0; 2]).hand("xy", 2.0 * &x * &y).run().unwrap();
    println!("{report}");
    assert!(report.blocks[0].agrees() && report.blocks[2].agrees(), "{report}");
    let why = report.blocks[1].reason.as_deref().unwrap();
    assert!(why.contains("contradict both: the rule of xy = product (") && !why.contains("taken off"), "{why}");
    assert!(report.to_string().contains("1 of 3 hand-coded gradients agrees with autodiff and is contradicted"));
    fails(&report);

    // On the kink, near it, and farther away than a step of the differences.
    let sizes = |hand: [f64; 4]| {
        let x = [0.0, 1e-9, -1e-3, 0.7];
        Compare::new(|p| p[0].apply(Size).sum(())).parameter("x", x).hand("x", hand).run().unwrap()
    };
    assert_eq!(sizes([0.0, 1.0, -1.0, 1.0]).verdict(), Verdict::Agrees);
    undecided(&sizes([1.0, 1.0, -1.0, 1.0]), "size");
    undecided(&sizes([-0.5, 1.0, -1.0, 1.0]), "size");
    wrong(&sizes([0.0, -1.0, -1.0, 1.0]));
    wrong(&sizes([1.0, 1.0, 1.0, 1.0]));
}

#[test]
fn a_value_taken_off_the_tape_is_no_agreement() {
    let x = Tensor::from([0.5, -2.0]);
    let detached =
        Compare::new(|p| (p[0] * p[0].detach()).sum(())).parameter("x", &x).hand("x", x.clone()).run().unwrap();
    println!("{detached}");
    let item = Compare::new(|p| p[0] * p[0].item()).parameter("x", 3.0).hand("x", 3.0).run().unwrap();
    println!("{item}");
    let beside_an_op = Compare::new(|p| (p[0].apply(RightCube) * p[0].detach()).sum(()))
        .parameter("x", &x)
        .hand("x", 3.0 * &x * &x * &x)
        .run()
        .unwrap();
    println!("{beside_an_op}");
    for report in [detached, item, beside_an_op] {
        assert_eq!((report.blocks[0].verdict, report.blocks[0].right), (Verdict::Differs, Right::Neither), "{report}");
        let why = report.blocks[0].reason.as_deref().unwrap();
        assert!(why.contains("a value is taken off the tape") && why.contains("right.rs:"), "{why}");
        assert!(!why.contains("the rule of"), "{why}");
        fails(&report);
    }
    // What is taken off without an effect is nobody's mistake.
    let softmax = Compare::new(|p| (p[0] - p[0].max(()).detach()).exp().sum(()).ln() + p[0].max(()).detach());
    let e: Vec<f64> = x.iter().map(|x| f64::exp(*x)).collect();
    softmax
        .parameter("x", &x)
        .hand("x", e.iter().map(|x| x / (e[0] + e[1])).collect::<Vec<_>>())
        .run()
        .unwrap()
        .assert();
}

#[test]
fn another_subgradient_at_a_tie_or_a_kink_is_a_choice() {
    let x = Tensor::from([[1.0, 3.0, 3.0], [2.0, 0.5, 1.0]]);
    let g = Tensor::from([0.7, -1.2]);
    let max = |hand: [[f64; 3]; 2]| {
        Compare::new(|p| (p[0].max(1) * &g).sum(())).parameter("x", &x).hand("x", hand).run().unwrap()
    };
    undecided(&max([[0.0, 0.7, 0.0], [-1.2, 0.0, 0.0]]), "max (");
    undecided(&max([[0.0, 0.0, 0.7], [-1.2, 0.0, 0.0]]), "right.rs:");
    undecided(&max([[0.0, 0.5, 0.2], [-1.2, 0.0, 0.0]]), "max");
    // To each tied element in whole, more than there is, to one that is not the largest; and a slip off the tie.
    wrong(&max([[0.0, 0.7, 0.7], [-1.2, 0.0, 0.0]]));
    wrong(&max([[0.0, 1.0, -0.3], [-1.2, 0.0, 0.0]]));
    wrong(&max([[0.7, 0.0, 0.0], [-1.2, 0.0, 0.0]]));
    wrong(&max([[0.0, 0.7, 0.0], [1.2, 0.0, 0.0]]));

    let at = [0.0, 1.0];
    let relu =
        |hand: [f64; 2]| Compare::new(|p| (p[0].relu() * &g).sum(())).parameter("x", at).hand("x", hand).run().unwrap();
    undecided(&relu([0.7, -1.2]), "relu");
    undecided(&relu([0.35, -1.2]), "relu");
    wrong(&relu([-0.7, -1.2]));
    wrong(&relu([0.8, -1.2]));
    wrong(&relu([0.7, 1.2]));
    assert_eq!(relu([0.0, -1.2]).verdict(), Verdict::Agrees);
    let abs =
        |hand: [f64; 2]| Compare::new(|p| (p[0].abs() * &g).sum(())).parameter("x", at).hand("x", hand).run().unwrap();
    undecided(&abs([0.7, -1.2]), "abs");
    undecided(&abs([-0.7, -1.2]), "abs");
    undecided(&abs([0.2, -1.2]), "abs");
    wrong(&abs([0.9, -1.2]));
    wrong(&abs([0.7, -1.3]));
}

#[test]
fn choices_are_found_at_bounds_conditions_and_in_hidden_layers() {
    let clamp = |hand: [f64; 3]| {
        let f = compare::function(|p| (p[0].clamp(-1.0, 2.0) * Tensor::from([0.5, 3.0, 2.0])).sum(()));
        Compare::new(f).parameter("x", [-1.0, 2.0, 0.3]).hand("x", hand).run().unwrap()
    };
    assert!(clamp([0.5, 3.0, 2.0]).verdict() != Verdict::Differs);
    assert!(clamp([0.0, 3.0, 2.0]).verdict() != Verdict::Differs);
    assert!(clamp([0.0, 0.0, 2.0]).verdict() != Verdict::Differs);
    assert!(clamp([0.5, 0.0, 2.0]).verdict() != Verdict::Differs);
    wrong(&clamp([0.5, 3.0, 0.0]));
    wrong(&clamp([3.0, 0.5, 2.0]));
    // The larger of two, and the larger of one and data.
    let larger = Compare::new(|p| p[0].maximum(p[1]).sum(())).parameter("x", [1.0, 2.0]).parameter("y", [1.0, 3.0]);
    let report = larger.hand("x", [1.0, 0.0]).hand("y", [0.0, 1.0]).run().unwrap();
    assert_eq!(report.verdict(), Verdict::Inconclusive, "{report}");
    // A condition on the tape, and one of Rust's.
    let select = Compare::new(|p| (p[0].greater(0.0).select(p[0] * 3.0, p[0])).sum(()));
    let report = select.parameter("x", [0.0, 0.0, 2.0]).hand("x", [3.0, 1.0, 3.0]).run().unwrap();
    assert_eq!(report.verdict(), Verdict::Inconclusive, "{report}");
    let branch = || Compare::new(|p| if p[0].item() > 0.0 { p[0] * 3.0 } else { p[0] }).parameter("x", 0.0);
    assert_eq!(branch().hand("x", 3.0).run().unwrap().verdict(), Verdict::Inconclusive);
    wrong(&branch().hand("x", 3.5).run().unwrap());
    // A hidden layer with units that are off by exactly nothing: `>= 0` where autodiff has `> 0`.
    let x = Tensor::from([[1.0, -0.5, 0.3], [0.2, 0.8, -1.1]]);
    let (w, v) = (Tensor::from([[0.0, 0.0], [0.7, -0.2]]), Tensor::from([[0.4, -0.9]]));
    let z = w.matmul(&x);
    let layer = |at_zero: f64, factor: f64| {
        let slope = z.map(|z| {
            if z > 0.0 {
                1.0
            } else if z == 0.0 {
                at_zero
            } else {
                0.0
            }
        });
        let y = v.matmul(z.map(|z| z.max(0.0)));
        let by_hand = (v.t().matmul(2.0 * &y) * slope).matmul(x.t()) * factor;
        Compare::new(|p| p["v"].matmul(p["W"].matmul(&x).named("z").relu()).square().sum(()))
            .parameter("W", &w)
            .parameter("v", &v)
            .hand("W", by_hand)
            .run()
            .unwrap()
    };
    assert_eq!(layer(0.0, 1.0).verdict(), Verdict::Agrees);
    undecided(&layer(1.0, 1.0), "relu");
    undecided(&layer(0.5, 1.0), "relu");
    wrong(&layer(1.0, 2.0));
    wrong(&layer(0.0, -1.0));
    // The choice at an intermediate and in front of it; beside it a mistake, which is named for itself.
    let y = v.matmul(z.map(|z| z.max(0.0)));
    let by_z = v.t().matmul(2.0 * &y) * z.map(|z| if z >= 0.0 { 1.0 } else { 0.0 });
    let report = Compare::new(|p| p["v"].matmul(p["W"].matmul(&x).named("z").relu()).square().sum(()))
        .parameter("W", &w)
        .parameter("v", &v)
        .hand("W", by_z.matmul(x.t()))
        .hand("z", by_z)
        .hand("v", y.matmul(z.map(|z| z.max(0.0)).t()))
        .run()
        .unwrap();
    println!("{report}");
    let verdicts: Vec<Verdict> = report.blocks.iter().map(|block| block.verdict).collect();
    assert_eq!(verdicts, [Verdict::Inconclusive, Verdict::Inconclusive, Verdict::Differs], "{report}");
    assert_eq!(report.diagnosis.best().unwrap().blocks, ["v"], "{report}");
    let text = report.to_string();
    let headline = "compare: 1 of 3 hand-coded gradients differs from autodiff; 2 of 3 hand-coded gradients are undecided, choices at a kink\n";
    assert!(text.starts_with(headline), "{text}");
    fails(&report);
    // Behind another kink.
    let twice = Compare::new(|p| p[0].relu().relu() * 3.0).parameter("x", 0.0).hand("x", 3.0).run().unwrap();
    undecided(&twice, "relu");
}

#[test]
fn a_gradient_that_is_no_number_is_printed_and_located() {
    let x = Tensor::from([2.0, 0.0, 3.0, 4.0]);
    let report = |hand: Tensor<f64>| Compare::new(|p| p[0].prod(())).parameter("x", &x).hand("x", hand).run().unwrap();
    let one = report(0.0 / &x);
    println!("{one}");
    assert!(one.to_string().contains("note: x: the hand-coded gradient is NaN at [1]"), "{one}");
    let worst = one.blocks[0].worst.as_ref().unwrap();
    assert!(worst.index == [1] && worst.hand.is_nan() && worst.reverse == 24.0, "{one}");
    let row = one.to_string().lines().nth(2).unwrap().to_owned();
    assert!(row.contains("[1]       NaN ") && row.contains("  24.000"), "{row}");
    fails(&one);
    let infinite = report(1.0 / &x);
    assert!(infinite.to_string().contains("the hand-coded gradient is inf at [1]"), "{infinite}");
    let many = report(Tensor::full([4], f64::NAN));
    assert!(many.to_string().contains("is NaN in 4 of 4 elements: [0], [1], [2] and 1 more"), "{many}");
    let zero = report(Tensor::zeros([4]));
    assert!(zero.to_string().contains("note: x: the hand-coded gradient is all zero"), "{zero}");
}

#[test]
fn a_gradient_that_was_never_added_to_is_called_all_zero() {
    let (x, g) = (Tensor::from([0.8, -0.5, 1.2]), Tensor::from([0.3, 0.9, -0.4]));
    let prelu = Compare::new(|p| (p[0].greater(0.0).select(p[0], p[0] * p[1]) * &g).sum(()))
        .parameter("x", &x)
        .parameter("alpha", -0.3)
        .hand("alpha", 0.0)
        .run()
        .unwrap();
    let beside = Compare::new(|p| (p[0].square() * p[1]).sum(()))
        .parameter("w", &x)
        .parameter("b", 0.4)
        .hand("w", 0.8 * &x)
        .hand("b", 0.0)
        .run()
        .unwrap();
    println!("{prelu}\n{beside}");
    assert!(prelu.to_string().contains("note: alpha: the hand-coded gradient is all zero"), "{prelu}");
    assert!(beside.to_string().contains("note: b: the hand-coded gradient is all zero"), "{beside}");
    assert!(!beside.to_string().contains("w: the hand-coded gradient is all zero"), "{beside}");
    fails(&prelu);
    fails(&beside);
}

#[test]
fn two_functions_are_told_apart_by_their_values_before_anything_else() {
    let x = Tensor::from([1.0, 2.0, 4.0]);
    let compare = || Compare::new(|p| p["x"].var((), 0).sqrt()).parameter("x", &x).hand("x", [1.0, 2.0, 3.0]);
    let value = compare().run().unwrap().value;
    assert!(compare().run().unwrap().to_string().contains("\nvalue: 1.24722\n"), "{}", compare().run().unwrap());
    // With n - 1 for n.
    let other = compare().hand_value(value * (3.0_f64 / 2.0).sqrt()).run().unwrap();
    assert_eq!(
        other.to_string(),
        "compare: two different functions are compared: the hand-coded value is not the function's\n  \
         value: hand-coded 1.5275, function 1.2472"
    );
    assert_eq!((other.value_verdict, other.value, other.blocks.len()), (Verdict::Differs, value, 0));
    assert!(other.diagnosis.best().is_none() && other.largest().is_infinite());
    fails(&other);
    let same = compare().hand_value(value * (1.0 + 1e-12)).run().unwrap();
    assert_eq!((same.value_verdict, same.hand_value.is_some(), same.blocks.len()), (Verdict::Agrees, true, 1));
    assert!(same.to_string().contains("\nvalue: 1.24722, hand-coded the same\n"), "{same}");
    assert_eq!(compare().hand_value(value as f32).run().unwrap().value_verdict, Verdict::Agrees);
    assert_eq!(compare().hand_value(f64::NAN).run().unwrap().value_verdict, Verdict::Differs);
    // What cancels is rounding.
    let cancels = |v: f64| {
        let c = Compare::new(|p| (p[0] * 0.1 + p[0] * 0.2) - p[0] * 0.3).parameter("x", 1.0);
        c.hand("x", 5.6e-17).tolerance(1e-6).hand_value(v).run().unwrap().value_verdict
    };
    assert_eq!((cancels(0.0), cancels(1e-9)), (Verdict::Agrees, Verdict::Differs));
    let vector = compare().hand_value([1.0, 2.0]).run().unwrap_err().to_string();
    assert_eq!(vector, "compare: the hand-coded value has shape [2]; it must be one number");
}

#[test]
fn a_broadcast_that_made_both_operands_larger_is_noted() {
    let (x, column, data) = (Tensor::from([1.0, 2.0, 4.0]), Tensor::from([[0.5], [1.0], [1.5]]), Tensor::ones([4, 3]));
    let notes = |compare: Compare<'_>| {
        let report = compare.parameter("x", &x).hand("x", [0.0; 3]).run().unwrap();
        report.notes.into_iter().filter(|note| note.contains("stretched")).collect::<Vec<_>>()
    };
    let named = notes(Compare::new(|p| (p[0] - &column).named("error").square().sum(())));
    assert_eq!(named.len(), 1);
    assert!(named[0].starts_with("error = sub ("), "{named:?}");
    assert!(named[0].contains("right.rs:") && named[0].contains(") made [3, 3] of [3] and [3, 1]"), "{named:?}");
    // In a loop, once.
    let looped = Compare::new(|p| (0..3).map(|_| (p[0] - &column).square().sum(())).sum());
    assert_eq!(notes(looped).len(), 1);
    // One operand alone, numbers, equal shapes, products.
    for f in [
        notes(Compare::new(|p| (p[0] - &data).square().sum(()))),
        notes(Compare::new(|p| (p[0] * p[0].sum(()) - 1.0).sum(()))),
        notes(Compare::new(|p| (p[0] * p[0]).sum(()))),
        notes(Compare::new(|p| p[0].reshape([3, 1]).matmul(p[0].reshape([1, 3])).sum(()))),
        notes(Compare::new(|p| (p[0].reshape([3, 1]) * p[0].sum(()).reshape([1, 1])).sum(()))),
    ] {
        assert_eq!(f, [""; 0]);
    }
}

#[test]
fn parameters_are_had_by_name_and_a_missing_one_is_an_error() {
    let compare = |f: for<'p, 't> fn(&'p Parameters<Var<'t, f64>>) -> Var<'t, f64>| {
        Compare::new(f).parameter("w", [1.0, 2.0]).parameter("b", 0.5).hand("w", [1.5, 2.5]).hand("b", 3.0)
    };
    compare(|p| (p["w"].square() * 0.5).sum(()) + (p["w"] * p["b"]).sum(())).run().unwrap().assert();
    compare(|p| (p[0].square() * 0.5).sum(()) + (p[0] * p[1]).sum(())).run().unwrap().assert();
    compare(|p| {
        let (w, b) = (*p.get("w").unwrap(), p[1..][0]);
        assert!(p.get("c").is_none() && p.names() == ["w", "b"] && p.len() == 2 && p.iter().count() == 2);
        (w.square() * 0.5).sum(()) + (w * b).sum(())
    })
    .run()
    .unwrap()
    .assert();
    let error = compare(|p| p["W"].sum(())).run().unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("compare: no parameter is named \"W\"; there are \"w\", \"b\" (asked for at "), "{text}");
    assert!(text.contains("right.rs:"), "{text}");
    let by_hand = Compare::new(|p| p["w"].sum(())).parameter("w", [1.0, 2.0]).hand_fn("w", |p| p["v"].clone());
    let text = by_hand.run().unwrap_err().to_string();
    assert!(text.starts_with("compare: no parameter is named \"v\"; there is \"w\""), "{text}");
    // Another panic stays one.
    let panics = || Compare::new(|_| panic!("of the closure's own")).parameter("w", 1.0).hand("w", 1.0).run();
    let panic = std::panic::catch_unwind(panics).unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"of the closure's own"));
}

fn of_parameters<'t>(p: &Parameters<Var<'t, f64>>) -> Var<'t, f64> {
    (p["w"] * p[1]).sum(())
}

fn of_a_slice<'t>(p: &[Var<'t, f64>]) -> Var<'t, f64> {
    (p[0] * p[1]).sum(())
}

#[test]
fn functions_and_closures_in_variables_are_compared() {
    let scale = 2.0;
    let in_a_variable = compare::function(|p| (p["w"] * p["x"]).sum(()) * scale);
    let run = |compare: Compare<'_>, factor: f64| {
        let compare = compare.parameter("w", [3.0, 1.0]).parameter("x", [2.0, 5.0]);
        compare.hand("w", [2.0 * factor, 5.0 * factor]).run().unwrap().assert();
    };
    run(Compare::new(of_parameters), 1.0);
    let by_reference = &in_a_variable;
    run(Compare::new(by_reference), 2.0);
    run(Compare::new(in_a_variable), 2.0);
    run(Compare::new(|p| of_a_slice(p)), 1.0);
    gradcheck(&[("w", Tensor::from([3.0, 1.0])), ("x", Tensor::from([2.0, 5.0]))], of_a_slice).assert();
}

#[test]
fn hand_coded_arrays_come_in_single_precision_and_as_rows() {
    let w = [[1.0, 0.1, 3.0], [0.7, -2.0, 0.3]];
    let square = || Compare::new(|p| p["w"].square().sum(())).parameter("w", w);
    let twice = w.map(|row| row.map(|x| 2.0 * x));
    let single = w.map(|row| row.map(|x| 2.0 * x as f32));
    let rows = |x: [[f64; 3]; 2]| x.iter().map(|row| row.to_vec()).collect::<Vec<_>>();
    let rows32 = single.iter().map(|row| row.to_vec()).collect::<Vec<_>>();
    square().hand("w", twice).run().unwrap().assert();
    square().hand("w", rows(twice)).run().unwrap().assert();
    let kept = (rows(twice), Tensor::from(single));
    square().hand("w", &kept.0).run().unwrap().assert();
    square().hand("w", &kept.1).run().unwrap().assert();
    square().hand("w", single).run().unwrap().assert();
    square().hand("w", rows32.clone()).run().unwrap().assert();
    square().hand("w", Tensor::from(single)).run().unwrap().assert();
    square().hand_fn("w", |p| p["w"].map(|x| 2.0 * x)).run().unwrap().assert();
    square().hand_fn("w", |_| rows32.clone()).run().unwrap().assert();
    Compare::new(|p| p[0].square().sum(())).parameter("w", rows(w)).hand("w", twice).run().unwrap().assert();
    let number = || Compare::new(|p| p[0].square()).parameter("w", f64::from(0.1_f32));
    number().hand("w", 2.0 * f64::from(0.1_f32)).run().unwrap().assert();
    number().hand("w", 0.2_f32).run().unwrap().assert();
    // In f32 what is off by 1e-4 is wrong; with a tolerance, what is asked for holds.
    let off = |by: f32| single.map(|row| row.map(|x| x * (1.0 + by)));
    wrong(&square().hand("w", off(1e-4)).run().unwrap());
    wrong(&square().hand("w", off(1e-6)).tolerance(1e-9).run().unwrap());
    // An f64 beside it is held to its own digits.
    let mut nearly = twice;
    nearly[0][0] += 1e-6;
    wrong(&square().hand("w", nearly).run().unwrap());
    let blocks = vec![vec![vec![2.0], vec![4.0]], vec![vec![6.0], vec![8.0]]];
    let cube = Compare::new(|p| p[0].square().sum(())).parameter("w", [[[1.0], [2.0]], [[3.0], [4.0]]]);
    cube.hand("w", blocks).run().unwrap().assert();
    let ragged = square().hand("w", vec![vec![1.0, 2.0, 3.0], vec![1.0]]).run().unwrap_err();
    assert_eq!(
        ragged.to_string(),
        "compare: hand-coded gradient \"w\": row 1 has 1 number and row 0 has 3; all rows must be of one length"
    );
    let ragged = square().hand_fn("w", |_| vec![vec![1.0_f32, 2.0], vec![1.0]]).run().unwrap_err();
    assert!(ragged.to_string().contains("\"w\": row 1 has 1 number and row 0 has 2"), "{ragged}");
}

/// phi depends on mu through (y - mu)/mu, and its path is forgotten. "The derivatives of div left out" only happens to cancel.
#[test]
fn a_path_that_is_forgotten_is_not_explained_by_what_happens_to_cancel() {
    let (y, mu) = (Tensor::from([1.0, 2.0, 0.7]), Tensor::from([0.8, 1.7, 1.1]));
    let r = (&y - &mu) / &mu;
    let phi = (&r * &r).sum(()).item();
    let report = Compare::new(|p| {
        let y = p[0].tape().data(&y).named("y");
        let phi = ((y - p["mu"]) / p["mu"]).square().sum(()).named("phi");
        p["mu"].ln().sum(()) * 1.0 / phi
    })
    .parameter("mu", &mu)
    .hand("mu", 1.0 / &mu / phi)
    .run()
    .unwrap();
    let (_, text) = best(&report);
    assert!(text.contains("phi"), "{text}");
}

#[test]
fn a_constant_ratio_is_named_whatever_it_is() {
    let x = Tensor::from_fn([5, 3], |i| ((i[0] * 3 + i[1]) as f64 * 1.3).sin());
    let w = Tensor::from_fn([3, 4], |i| ((i[0] * 4 + i[1]) as f64 * 0.7).cos());
    let right = 2.0 * x.t().matmul(x.matmul(&w));
    for (c, words) in [(7.0, "1/7"), (5.0_f64.sqrt(), "0.447214"), (1e-3, "1000")] {
        let report = Compare::new(|p| p[0].tape().data(&x).matmul(p[0]).square().sum(()))
            .parameter("W", &w)
            .hand("W", &right / c)
            .run()
            .unwrap();
        let text = report.diagnosis.to_string();
        assert!(text.contains(words) || text.contains("5^(-") || text.contains("1/1000"), "1/{c}: {text}");
    }
}

/// The mean's share of the gradient is not handed on. Nobody's line but the user's is named, and no prediction or target, where
/// there is none.
#[test]
fn no_line_of_the_library_and_no_target_is_named() {
    let (x, c) = (Tensor::from([0.8, -0.5, 1.2]), Tensor::from([0.3, 0.9, -0.4]));
    let report = Compare::new(|p| ((p[0] - p[0].mean(())) * p[0].tape().data(&c).named("g")).sum(()))
        .parameter("x", &x)
        .hand("x", &c * (2.0 / 3.0))
        .run()
        .unwrap();
    let text = report.diagnosis.to_string();
    assert!(!text.contains("src/") && !text.contains("target") && !text.contains("prediction"), "{text}");
    assert!(text.contains("mean"), "{text}");
}

/// The function counts W1's penalty twice, and the hand-coded gradient has it once: it is there, not left out.
#[test]
fn a_penalty_that_is_read_twice_is_not_called_left_out() {
    let (w, x) = (Tensor::from([0.4, -0.3, 0.9]), Tensor::from([1.0, 2.0, -0.5]));
    let reg = 0.1;
    let report = Compare::new(|p| {
        let x = p[0].tape().data(&x);
        (p[0] * x).sum(()) + (p[0].square().sum(()) + p[0].square().sum(())) * (0.5 * reg)
    })
    .parameter("w", &w)
    .hand("w", &x + reg * &w)
    .constant("reg", reg)
    .run()
    .unwrap();
    let (_, text) = best(&report);
    assert!(!text.contains("regularisation term left out"), "{text}");
    assert!(text.contains("square") || text.contains("once") || text.contains("reg w"), "{text}");
}

/// s_t = tanh(w s_{t-1} + x_t), the gradient not handed to the step before, whether the state begins as data or as a parameter.
#[test]
fn a_recurrence_that_forgets_its_past_is_one_mistake_of_all_steps() {
    let (w, s0) = (Tensor::from([0.4, -0.7]), Tensor::from([0.3, 0.2]));
    let xs: Vec<Tensor<f64>> = (0..4).map(|t| Tensor::from([f64::from(t).sin(), 0.5 - 0.2 * f64::from(t)])).collect();
    let mut s = vec![s0.clone()];
    for x in &xs {
        let next = (&w * &s[s.len() - 1] + x).map(f64::tanh);
        s.push(next);
    }
    let gs = [0.7, -1.3, 0.4, 1.9];
    let mut dw = Tensor::zeros([2]);
    for t in 0..4 {
        dw += gs[t] * (1.0 - &s[t + 1] * &s[t + 1]) * &s[t];
    }
    for begins_as_parameter in [false, true] {
        let compare = Compare::new(|p| {
            let mut s = if begins_as_parameter { p[1] * 1.0 } else { p[0].tape().data(&s0) };
            let mut loss = Var::constant(0.0);
            for (x, g) in xs.iter().zip(gs) {
                s = (p[0] * s + x).tanh();
                loss += s.sum(()) * g;
            }
            loss
        });
        let compare = compare.parameter("w", &w);
        let compare = if begins_as_parameter { compare.parameter("s0", &s0) } else { compare };
        let report = compare.hand("w", dw.clone()).run().unwrap();
        let (kind, text) = best(&report);
        assert_eq!(kind, Kind::ArgumentForgotten, "{text}");
        assert_eq!(report.diagnosis.best().unwrap().mistakes.len(), 1, "{text}");
    }
}
