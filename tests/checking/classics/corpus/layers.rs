//! Mistakes in H, and in attention: softmax and what is around it.

use super::TIMES;
use super::{Family, Slips};
use crate::classics::compare::classics::columns::row_sums;
use crate::classics::compare::classics::others::attention::Attention;
use crate::classics::compare::classics::softmax::{Classifier, jacobian_product};
use crate::classics::compare::classics::{Gradients, named};
use retrograd::Tensor;
use retrograd::check::compare::Kind::*;

pub fn families() -> Vec<Family> {
    let classifier = Classifier::random([4, 3, 5], 221);
    let attention = Attention::random(4, 3, 222);
    let (softmax, scores) = (classifier.derivation("H"), attention.derivation());
    vec![
        Family::new(softmax, &SOFTMAX, move |slips| softmax_by_hand(&classifier, slips)),
        Family::new(scores, &ATTENTION, move |slips| attention_by_hand(&attention, slips)),
    ]
}

const SOFTMAX: [super::Expected; 11] = [
    ("diagonal alone", &[DiagonalAlone], "S"),
    ("softmax twice", &[OpTwice], "S"),
    ("mean over classes", TIMES, ""),
    ("by probabilities", &[RuleLeftOut], "S"),
    ("1/m forgotten", TIMES, ""),
    ("y - s", TIMES, ""),
    ("target dropped", &[OperandDropped, ArgumentForgotten], ""),
    ("b averaged", TIMES, ""),
    ("b not summed", &[NotSummed], ""),
    ("sigmoid for softmax", &[OtherLoss, OtherDerivative, OtherValue], ""),
    ("first example only", &[OneExample], ""),
];

fn softmax_by_hand(net: &Classifier, slips: Slips<'_>) -> Gradients {
    let made = |slip: &str| slips.contains(&slip);
    let (s, m) = (net.probabilities(), net.m());
    let mut dz = match slips {
        ["diagonal alone"] => net.by_probabilities(&s) * &s * (1.0 - &s),
        ["softmax twice"] => jacobian_product(&s, &((s.softmax(1) - &net.y) / m)),
        ["by probabilities"] => net.by_probabilities(&s),
        ["target dropped"] => &s / m,
        ["sigmoid for softmax"] => ((net.x.matmul(&net.w) + &net.b).sigmoid() - &net.y) / m,
        ["first example only"] => (&s - &net.y) / m * Tensor::from([[1.0], [0.0], [0.0], [0.0], [0.0]]),
        _ => (&s - &net.y) / m,
    };
    if made("mean over classes") {
        dz /= net.classes() as f64;
    }
    if made("1/m forgotten") {
        dz *= m;
    }
    if made("y - s") {
        dz = -dz;
    }
    let db = match slips {
        ["b averaged"] => dz.mean(0),
        ["b not summed"] => dz.clone(),
        _ => dz.sum(0),
    };
    named(&[("W", &net.x.t().matmul(&dz)), ("b", &db)])
}

const ATTENTION: [super::Expected; 11] = [
    ("scale left out", TIMES, ""),
    ("scale twice", &[Factor, RuleScaled], ""),
    ("diagonal alone", &[DiagonalAlone], "P"),
    ("softmax left out", &[RuleLeftOut], "P"),
    ("row sums forgotten", &[ArgumentForgotten, PathForgotten], "P"),
    ("dK with dS", &[TransposedOperand], "matmul"),
    ("dV with P", &[TransposedOperand], ""),
    ("dQ and dK exchanged", &[OtherParameter, ArgumentsExchanged], ""),
    ("scale on Q alone", TIMES, ""),
    ("dQ with V", &[OtherValue], "matmul"),
    ("path through V alone", &[PathForgotten, ArgumentForgotten], ""),
];

fn attention_by_hand(layer: &Attention, slips: Slips<'_>) -> Gradients {
    let p = layer.weights();
    let dv = if slips == ["dV with P"] { p.matmul(&layer.d_o) } else { p.t().matmul(&layer.d_o) };
    let dp = layer.d_o.matmul(layer.v.t());
    let ds = match slips {
        ["diagonal alone"] => &dp * &p * (1.0 - &p),
        ["softmax left out"] => dp,
        ["row sums forgotten"] => &p * &dp,
        ["path through V alone"] => &dp * 0.0,
        _ => &p * &(&dp - row_sums(&(&dp * &p))),
    };
    let scale = match slips {
        ["scale left out"] => 1.0,
        ["scale twice"] => layer.scale() * layer.scale(),
        _ => layer.scale(),
    };
    let dq = ds.matmul(if slips == ["dQ with V"] { &layer.v } else { &layer.k }) * scale;
    let dk = if slips == ["dK with dS"] { ds.matmul(&layer.q) } else { ds.t().matmul(&layer.q) } * scale;
    let dk = if slips == ["scale on Q alone"] { dk / layer.scale() } else { dk };
    let (dq, dk) = if slips == ["dQ and dK exchanged"] { (dk, dq) } else { (dq, dk) };
    named(&[("Q", &dq), ("K", &dk), ("V", &dv)])
}
