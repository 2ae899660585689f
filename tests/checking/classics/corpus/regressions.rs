//! Mistakes in logistic and ridge regression.

use super::TIMES;
use super::{Family, Slips};
use crate::classics::compare::classics::others::regressions::Regression;
use crate::classics::compare::classics::{Gradients, named};
use retrograd::check::compare::Kind::*;

pub fn families() -> Vec<Family> {
    let (logistic, ridge) = (Regression::logistic(), Regression::ridge());
    let (one, two) = (logistic.logistic_derivation(), ridge.ridge_derivation());
    vec![
        Family::new(one, &LOGISTIC, move |slips| logistic_by_hand(&logistic, slips)),
        Family::new(two, &RIDGE, move |slips| ridge_by_hand(&ridge, slips)),
    ]
}

const LOGISTIC: [super::Expected; 9] = [
    ("1/m forgotten", &[RuleScaled, RuleLeftOut, OpLeftOut], ""),
    ("lambda on the bias", &[Regularisation], ""),
    ("lambda not divided", &[Regularisation], ""),
    ("lambda halved", &[Regularisation], ""),
    ("lambda forgotten", &[Regularisation], ""),
    ("h (1 - h) too", &[OtherLoss, RuleTwice], ""),
    ("y - h", &[RuleNegated, OperandNegated, OtherLoss], ""),
    ("bias not summed", &[NotSummed], ""),
    ("target dropped", &[OperandDropped, ArgumentForgotten], ""),
];

fn logistic_by_hand(problem: &Regression, slips: Slips<'_>) -> Gradients {
    let made = |slip: &str| slips.contains(&slip);
    let (x, w, m) = (&problem.x, &problem.w, problem.m());
    let h = (x.matmul(w) + &problem.b).sigmoid();
    let mut error = match slips {
        ["y - h"] => &problem.y - &h,
        ["target dropped"] => h.clone(),
        _ => &h - &problem.y,
    };
    if made("h (1 - h) too") {
        error *= &h * (1.0 - &h);
    }
    if !made("1/m forgotten") {
        error /= m;
    }
    let lambda = match slips {
        ["lambda not divided"] => problem.lambda,
        ["lambda halved"] => problem.lambda / (2.0 * m),
        ["lambda forgotten"] => 0.0,
        _ => problem.lambda / m,
    };
    let mut db = if made("bias not summed") { error.clone() } else { error.sum(()) };
    if made("lambda on the bias") {
        db += &problem.b * lambda;
    }
    named(&[("w", &(x.t().matmul(&error) + w * lambda)), ("b", &db)])
}

const RIDGE: [super::Expected; 8] = [
    ("2 forgotten", TIMES, ""),
    ("2 forgotten in the fit", &[RuleScaled, RuleLeftOut], ""),
    ("2 forgotten in the penalty", &[Regularisation], ""),
    ("penalty subtracted", &[Regularisation], ""),
    ("target dropped", &[OperandDropped, ArgumentForgotten], ""),
    ("y - X w", &[RuleNegated, OperandNegated], ""),
    ("mean for sum", TIMES, ""),
    ("lambda on the bias", &[Regularisation], ""),
];

fn ridge_by_hand(problem: &Regression, slips: Slips<'_>) -> Gradients {
    let (x, w, m) = (&problem.x, &problem.w, problem.m());
    let prediction = x.matmul(w) + &problem.b;
    let r = if slips == ["target dropped"] { prediction } else { prediction - &problem.y };
    let fit = match slips {
        ["2 forgotten"] | ["2 forgotten in the fit"] => 1.0,
        ["y - X w"] => -2.0,
        ["mean for sum"] => 2.0 / m,
        _ => 2.0,
    };
    let penalty = match slips {
        ["2 forgotten"] | ["2 forgotten in the penalty"] => problem.lambda,
        ["penalty subtracted"] => -2.0 * problem.lambda,
        _ => 2.0 * problem.lambda,
    };
    let on_bias = if slips == ["lambda on the bias"] { penalty } else { 0.0 };
    named(&[("w", &(x.t().matmul(&r) * fit + w * penalty)), ("b", &(r.sum(()) * fit + &problem.b * on_bias))])
}
