//! Mistakes in C and D: numbers and single units.

use super::TIMES;
use super::{Family, Slips};
use crate::classics::compare::classics::scalar_chain::Chain;
use crate::classics::compare::classics::units::Units;
use crate::classics::compare::classics::{Gradients, named, scalars, sigmoid};
use retrograd::Tensor;
use retrograd::check::compare::Kind::*;

pub fn families() -> Vec<Family> {
    let chain = Chain { t: [0.7, -1.3, 0.9], b: [0.1, 1.6, -0.2], x: 0.8, y: 1.0, relu: false };
    // z1 = 0.5 * 0.5 - 0.25 is 0, where relu has its kink.
    let kink = Chain { t: [0.5, 1.3, 0.9], b: [-0.25, 0.6, -0.2], x: 0.5, y: 1.0, relu: true };
    let off = Chain { b: [0.1, 0.2, -0.2], relu: true, ..chain };
    let units = Units::random([3, 3, 2], 211);
    let derivation = units.derivation("D");
    vec![
        Family::new(chain.derivation("C, sigmoid"), &CHAIN, move |slips| chain_by_hand(chain, slips)),
        Family::new(kink.derivation("C, at the kink"), &[("z >= 0", &[], "")], move |slips| chain_by_hand(kink, slips)),
        Family::new(off.derivation("C, a relu off"), &[("a2 without slope", &[RuleLeftOut], "a2")], move |slips| {
            chain_by_hand(off, slips)
        }),
        Family::new(derivation, &UNITS, move |slips| units_by_hand(&units, slips)),
    ]
}

const CHAIN: [super::Expected; 9] = [
    ("2 forgotten", TIMES, ""),
    ("y - y^", TIMES, ""),
    ("t3 left out", &[RuleLeftOut], "mul"),
    ("a2 without slope", &[RuleLeftOut], "a2"),
    ("x left out", &[RuleLeftOut, OtherParameter], ""),
    ("y^ without slope", &[RuleLeftOut], "y^"),
    ("a2 with its own slope", &[OutputForInput], "a2"),
    ("t2 for t3", &[OtherValue], "mul"),
    ("a1 for a2 in t3", &[OtherValue], "mul"),
];

fn chain_by_hand(chain: Chain, slips: Slips<'_>) -> Gradients {
    let made = |slip: &str| slips.contains(&slip);
    let Chain { t: [t1, t2, t3], b: [b1, b2, b3], x, y, relu } = chain;
    let g = |z: f64| if relu { z.max(0.0) } else { sigmoid(z) };
    let slope = |z: f64| match relu {
        true if z > 0.0 || (made("z >= 0") && z == 0.0) => 1.0,
        true => 0.0,
        false => sigmoid(z) * (1.0 - sigmoid(z)),
    };
    let z1 = t1 * x + b1;
    let a1 = g(z1);
    let z2 = t2 * a1 + b2;
    let a2 = g(z2);
    let output = sigmoid(t3 * a2 + b3);

    let two = if made("2 forgotten") { 1.0 } else { 2.0 };
    let by_output = two * if made("y - y^") { y - output } else { output - y };
    let by_z3 = by_output * if made("y^ without slope") { 1.0 } else { output * (1.0 - output) };
    let by_a2 = by_z3
        * match slips {
            ["t3 left out"] => 1.0,
            ["t2 for t3"] => t2,
            _ => t3,
        };
    let slope2 = match slips {
        ["a2 without slope"] => 1.0,
        ["a2 with its own slope"] => slope(a2),
        _ => slope(z2),
    };
    let by_z2 = by_a2 * slope2;
    let by_z1 = by_z2 * t2 * slope(z1);
    let by_t1 = by_z1 * if made("x left out") { 1.0 } else { x };
    let by_t3 = by_z3 * if made("a1 for a2 in t3") { a1 } else { a2 };
    scalars([("t1", by_t1), ("b1", by_z1), ("t2", by_z2 * a1), ("b2", by_z2), ("t3", by_t3), ("b3", by_z3)])
}

const UNITS: [super::Expected; 6] = [
    ("y - a", TIMES, ""),
    ("output slope left out", &[RuleLeftOut, OtherLoss], "a2"),
    ("hidden slope left out", &[RuleLeftOut], "a1"),
    ("1/2 taken twice", TIMES, ""),
    ("target dropped", &[OperandDropped, ArgumentForgotten], ""),
    ("one output's path alone", &[PathForgotten, ArgumentForgotten, OneExample], ""),
];

fn units_by_hand(units: &Units, slips: Slips<'_>) -> Gradients {
    let made = |slip: &str| slips.contains(&slip);
    let a1 = (units.x.matmul(&units.w1) + &units.b1).sigmoid();
    let a2 = (a1.matmul(&units.w2) + &units.b2).sigmoid();
    let mut error = if made("target dropped") { a2.clone() } else { &a2 - &units.y };
    if made("y - a") {
        error = -error;
    }
    if made("1/2 taken twice") {
        error *= 0.5;
    }
    let delta2 = if made("output slope left out") { error } else { error * &a2 * (1.0 - &a2) };
    let mut passed = delta2.clone();
    if made("one output's path alone") {
        passed[[1]] = 0.0;
    }
    let back = units.w2.matmul(&passed);
    let delta1 = if made("hidden slope left out") { back } else { back * &a1 * (1.0 - &a1) };
    named(&[("w1", &outer(&units.x, &delta1)), ("b1", &delta1), ("w2", &outer(&a1, &delta2)), ("b2", &delta2)])
}

/// a_i delta_j.
fn outer(a: &Tensor<f64>, delta: &Tensor<f64>) -> Tensor<f64> {
    Tensor::from_fn([a.len(), delta.len()], |at| a[[at[0]]] * delta[[at[1]]])
}
