//! Functions of a matrix or two, each with one mistake that needs no network around it.

use super::best;
use retrograd::check::Verdict;
use retrograd::check::compare::{Compare, Comparison, Kind, Right};
use retrograd::{Tensor, Var};

/// A function of one matrix or several, with hand-coded gradients made from the same values.
pub fn small<F>(parameters: &[(&str, Tensor<f64>)], hand: &[(&str, Tensor<f64>)], f: F) -> Comparison
where
    F: for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64>,
{
    let mut compare = Compare::new(|p| f(p));
    for (name, value) in parameters {
        compare = compare.parameter(*name, value);
    }
    for (name, value) in hand {
        compare = compare.hand(*name, value);
    }
    compare.run().unwrap()
}

#[test]
fn an_operand_of_a_product_transposed_the_wrong_way_is_named() {
    let w1 = Tensor::from([[0.4, -0.3], [0.2, 0.7]]);
    let w2 = Tensor::from([[0.6, -0.4], [0.9, 0.15]]);
    let x = Tensor::from([[1.0, -0.5, 0.3], [0.2, 0.8, -1.1]]);
    let z1 = w1.matmul(&x);
    let a1 = z1.map(f64::tanh);
    let out = w2.matmul(&a1);
    let d1 = |back: &Tensor<f64>| back * &a1.map(|a| 1.0 - a * a);
    let report = |back: Tensor<f64>| {
        let hand = [("W1", d1(&back).matmul(x.t())), ("W2", out.matmul(a1.t()))];
        small(&[("W1", w1.clone()), ("W2", w2.clone())], &hand, |p| {
            let tape = p[0].tape();
            p[1].matmul(p[0].matmul(tape.data(&x)).tanh().named("a1")).square().sum(()) * 0.5
        })
    };
    report(w2.t().matmul(&out)).assert();
    let (kind, text) = best(&report(w2.matmul(&out)));
    assert_eq!(kind, Kind::TransposedOperand);
    assert!(text.contains("in place of W2.T @ d(W2 @ a1)"), "{text}");
}

#[test]
fn forgotten_paths_and_arguments_are_named() {
    // A residual connection: y = x + tanh(w x), summed; the path around or through the layer is forgotten.
    let v = Tensor::from([0.5, -1.0, 2.0]);
    let (w, u) = (Tensor::from([0.3, 0.8, -0.4]), Tensor::from([1.0, 2.0, 0.5]));
    let a = &w * &v;
    let t = a.map(f64::tanh);
    let slope = t.map(|t| 1.0 - t * t);
    let dw = &u * &slope * &v;
    let report = |dv: Tensor<f64>| {
        small(&[("v", v.clone()), ("w", w.clone())], &[("v", dv), ("w", dw.clone())], |p| {
            let tape = p[0].tape();
            let h = p[0] * 1.0;
            ((h + (p[1] * h).tanh().named("t")) * tape.data(&u)).sum(())
        })
    };
    report(&u + &(&u * &slope * &w)).assert();
    let (kind, text) = best(&report(&u * &slope * &w));
    assert_eq!(kind, Kind::ArgumentForgotten, "{text}");
    let (kind, text) = best(&report(u.clone()));
    assert_eq!(kind, Kind::ArgumentForgotten, "{text}");
    let (kind, text) = best(&report(&u - &(&u * &slope * &w)));
    assert_eq!(kind, Kind::RuleNegated, "{text}");
}

#[test]
fn the_other_choice_at_a_kink_is_undecided_and_named() {
    let x = Tensor::from([0.5, 0.0, -1.0, 0.0]);
    let report = |hand: [f64; 4]| {
        small(&[("x", x.clone())], &[("x", Tensor::from(hand))], |p| {
            let tape = p[0].tape();
            (p[0].relu() * tape.data([1.0, 2.0, 3.0, -4.0])).sum(())
        })
    };
    report([1.0, 0.0, 0.0, 0.0]).assert();
    let found = report([1.0, 2.0, 0.0, -4.0]);
    assert_eq!((found.blocks[0].verdict, found.blocks[0].right), (Verdict::Inconclusive, Right::Undecided), "{found}");
    assert!(found.blocks[0].reason.as_ref().is_some_and(|why| why.contains("a kink of relu (")), "{found}");
}

#[test]
fn mistakes_at_one_term_of_a_loss_are_named() {
    let w = Tensor::from([0.4, -0.7]);
    let (x, t) = (Tensor::from([[1.0, 2.0], [0.5, -1.0], [0.2, 0.3]]), Tensor::from([0.5, 1.0, -1.0]));
    let r = x.matmul(&w) - &t;
    let data = x.t().matmul(&r) / 3.0;
    let l1 = w.map(f64::signum) * 0.01;
    let report = |hand: Tensor<f64>| {
        small(&[("w", w.clone())], &[("w", hand)], |p| {
            let tape = p[0].tape();
            let r = tape.data(&x).matmul(p[0]) - tape.data(&t);
            r.square().sum(()) * (0.5 / 3.0) + p[0].abs().sum(()) * 0.01
        })
    };
    report(&data + &l1).assert();
    // The factor 2 of the square kept, though the 1/2 before it cancels it.
    let (kind, text) = best(&report(&data * 2.0 + &l1));
    assert_eq!(kind, Kind::RuleScaled, "{text}");
    assert!(text.contains("4 * d(") && text.contains("in place of 2 * d("), "{text}");
    let (kind, text) = best(&report(&l1 - &data));
    assert_eq!(kind, Kind::RuleNegated, "{text}");
    let (kind, text) = best(&report(&x.t().matmul(x.matmul(&w)) / 3.0 + &l1));
    assert_eq!(kind, Kind::OperandDropped, "{text}");
    let (kind, text) = best(&report(x.t().matmul(&(x.matmul(&w) + &t)) / 3.0 + &l1));
    assert!(matches!(kind, Kind::OperandNegated | Kind::RuleNegated), "{text}");
    assert!(text.contains("of the wrong sign"), "{text}");
}

#[test]
fn an_op_left_out_of_the_function_is_named() {
    let x = Tensor::from([0.4, -0.7, 1.1]);
    let report = |f: fn(f64) -> f64| small(&[("x", x.clone())], &[("x", x.map(f))], |p| p[0].sin().exp().sum(()));
    report(|x| x.cos() * x.sin().exp()).assert();
    let (kind, text) = best(&report(|x| x.exp()));
    assert_eq!(kind, Kind::OpLeftOut, "{text}");
    let (kind, text) = best(&report(|x| x.cos() * x.sin().cos() * x.sin().sin().exp()));
    assert_eq!(kind, Kind::OpTwice, "{text}");
    let division = small(
        &[("x", x.clone()), ("y", x.map(f64::exp))],
        &[("x", -&x / &x.map(f64::exp).square()), ("y", 1.0 / &x.map(f64::exp))],
        |p| (p[0] / p[1]).sum(()),
    );
    let (kind, text) = best(&division);
    assert!(matches!(kind, Kind::ArgumentsExchanged | Kind::OtherParameter), "{text}");
}
