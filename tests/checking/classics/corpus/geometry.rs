//! Mistakes in distances, k-means and likelihood.

use super::TIMES;
use super::{Family, Slips};
use crate::classics::compare::classics::others::clusters::{Distances, KMeans};
use crate::classics::compare::classics::others::likelihood::Gaussian;
use crate::classics::compare::classics::{Gradients, named};
use retrograd::Tensor;
use retrograd::check::compare::Kind::{self, *};

const FORGOTTEN: &[Kind] = &[PathForgotten, ArgumentForgotten];

pub fn families() -> Vec<Family> {
    let (distances, clusters) = (Distances::random([4, 3, 3], 251), KMeans::random([6, 2, 3], 252));
    let gaussian = Gaussian::random([5, 3], 253);
    let derivations = (distances.derivation(), clusters.derivation(), gaussian.derivation());
    vec![
        Family::new(derivations.0, &DISTANCES, move |slips| distances_by_hand(&distances, slips)),
        Family::new(derivations.1, &CLUSTERS, move |slips| clusters_by_hand(&clusters, slips)),
        Family::new(derivations.2, &GAUSSIAN, move |slips| gaussian_by_hand(&gaussian, slips)),
    ]
}

const DISTANCES: [super::Expected; 5] = [
    ("2 forgotten", TIMES, ""),
    ("sign of dY", TIMES, ""),
    ("cross term forgotten", FORGOTTEN, ""),
    ("squares of X forgotten", FORGOTTEN, ""),
    ("2 of the cross term forgotten", &[RuleLeftOut, RuleScaled], ""),
];

fn distances_by_hand(problem: &Distances, slips: Slips<'_>) -> Gradients {
    let made = |slip: &str| slips.contains(&slip);
    let (x, y, g) = (&problem.x, &problem.y, &problem.g);
    let cross = match slips {
        ["cross term forgotten"] => 0.0,
        ["2 forgotten"] | ["2 of the cross term forgotten"] => 1.0,
        _ => 2.0,
    };
    let two = if made("2 forgotten") { 1.0 } else { 2.0 };
    let squares = if made("squares of X forgotten") { 0.0 } else { two };
    let column = |g: Tensor<f64>| g.reshape([g.len(), 1]);
    let dx = squares * column(g.sum(1)) * x - cross * g.matmul(y);
    let dy = two * column(g.sum(0)) * y - cross * g.t().matmul(x);
    named(&[("X", &dx), ("Y", &if made("sign of dY") { -dy } else { dy })])
}

const CLUSTERS: [super::Expected; 5] = [
    ("2 forgotten", TIMES, ""),
    ("x - mu", TIMES, ""),
    ("mean for sum", TIMES, ""),
    ("every example in every cluster", &[RuleLeftOut], ""),
    ("x forgotten", &[OperandDropped], ""),
];

fn clusters_by_hand(problem: &KMeans, slips: Slips<'_>) -> Gradients {
    let [clusters, d] = [problem.mu.shape()[0], problem.mu.shape()[1]];
    let mut dmu = Tensor::zeros(problem.mu.shape());
    for (i, nearest) in problem.assignment().into_iter().enumerate() {
        for k in (0..clusters).filter(|&k| k == nearest || slips == ["every example in every cluster"]) {
            for j in 0..d {
                let x = if slips == ["x forgotten"] { 0.0 } else { problem.x[[i, j]] };
                dmu[[k, j]] += 2.0 * (problem.mu[[k, j]] - x);
            }
        }
    }
    let scale = match slips {
        ["2 forgotten"] => 0.5,
        ["x - mu"] => -1.0,
        ["mean for sum"] => 1.0 / problem.x.shape()[0] as f64,
        _ => 1.0,
    };
    named(&[("mu", &(dmu * scale))])
}

const GAUSSIAN: [super::Expected; 8] = [
    ("sign of the likelihood", TIMES, ""),
    ("ln sigma forgotten", FORGOTTEN, ""),
    ("mean for sum", TIMES, ""),
    ("1/2 of the square forgotten", &[RuleScaled, RuleLeftOut], ""),
    ("dmu over sigma", &[WrongExponent, RuleLeftOut], ""),
    ("sign of m / sigma", &[RuleNegated], ""),
    ("1 / sigma for m / sigma", &[RuleScaled], "add"),
    ("sigma^2 for sigma^3", &[WrongExponent, RuleLeftOut], ""),
];

fn gaussian_by_hand(problem: &Gaussian, slips: Slips<'_>) -> Gradients {
    let (r, s, m) = (&problem.x - &problem.mu, &problem.sigma, problem.m());
    let squares = if slips == ["1/2 of the square forgotten"] { 2.0 } else { 1.0 };
    let logs = match slips {
        ["ln sigma forgotten"] => 0.0,
        ["sign of m / sigma"] => -m,
        ["1 / sigma for m / sigma"] => 1.0,
        _ => m,
    };
    let below = if slips == ["dmu over sigma"] { s.clone() } else { s * s };
    let scale = match slips {
        ["sign of the likelihood"] => -1.0,
        ["mean for sum"] => 1.0 / m,
        _ => 1.0,
    };
    let dmu = r.sum(0) * squares / below;
    let cube = if slips == ["sigma^2 for sigma^3"] { s * s } else { s * s * s };
    let dsigma = (&r * &r).sum(0) * squares / cube - logs / s;
    named(&[("mu", &(dmu * scale)), ("sigma", &(dsigma * scale))])
}
