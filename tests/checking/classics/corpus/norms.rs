//! Mistakes in the backward passes of batch and layer normalisation.

use super::TIMES;
use super::{Family, Slips};
use crate::classics::compare::classics::others::norms::{EPS, Norm};
use crate::classics::compare::classics::{Gradients, named};
use retrograd::check::compare::Kind::{self, *};

const FORGOTTEN: &[Kind] = &[PathForgotten, ArgumentForgotten];

pub fn families() -> Vec<Family> {
    let (batch, layer) = (Norm::batch(), Norm::layer());
    let (over_examples, over_features) = (batch.derivation("I, batch norm", 0), layer.derivation("I, layer norm", 1));
    vec![
        Family::new(over_examples, &BATCH, move |slips| batch_by_hand(&batch, slips)),
        Family::new(over_features, &LAYER, move |slips| layer_by_hand(&layer, slips)),
    ]
}

const BATCH: [super::Expected; 12] = [
    ("mean's path forgotten", FORGOTTEN, ""),
    ("variance's path forgotten", FORGOTTEN, ""),
    ("gamma left out", &[RuleLeftOut], "mul"),
    ("beta averaged", TIMES, ""),
    ("2 of the square forgotten", &[RuleScaled], ""),
    ("1/2 of the root forgotten", &[RuleScaled], ""),
    ("1/m of the variance forgotten", &[RuleLeftOut, RuleScaled], "var"),
    ("sign of 1/std lost", &[RuleNegated], ""),
    ("gamma not summed", &[NotSummed], ""),
    ("1/(m - 1) in the variance", &[RuleScaled], ""),
    ("1/std^2 as 1/std", &[WrongExponent, RuleLeftOut], ""),
    ("dgamma from x - mean", &[OtherValue, RuleLeftOut], "mul"),
];

fn batch_by_hand(layer: &Norm, slips: Slips<'_>) -> Gradients {
    let made = |slip: &str| slips.contains(&slip);
    let m = layer.x.shape()[0] as f64;
    let xmu = &layer.x - &layer.x.mean(0);
    let std = ((&xmu * &xmu).mean(0) + EPS).sqrt();
    let ivar = 1.0 / &std;
    let xhat = &xmu * &ivar;
    let dxhat = if made("gamma left out") { layer.dout.clone() } else { &layer.dout * &layer.gamma };
    let sign = if made("sign of 1/std lost") { 1.0 } else { -1.0 };
    let square = if made("1/std^2 as 1/std") { ivar.clone() } else { &ivar * &ivar };
    let dstd = sign * square * (&dxhat * &xmu).sum(0);
    let half = if made("1/2 of the root forgotten") { 1.0 } else { 0.5 };
    let dvar = half / &std * dstd;
    let scale = match slips {
        ["1/m of the variance forgotten"] => 1.0,
        ["1/(m - 1) in the variance"] => 1.0 / (m - 1.0),
        _ => 1.0 / m,
    };
    let two = if made("2 of the square forgotten") { 1.0 } else { 2.0 };
    let through_variance = &xmu * &(dvar * (two * scale));
    let mut dx = &dxhat * &ivar;
    if !made("variance's path forgotten") {
        dx += through_variance;
    }
    if !made("mean's path forgotten") {
        dx = &dx - dx.sum(0) / m;
    }
    let dgamma = match slips {
        ["gamma not summed"] => &layer.dout * &xhat,
        ["dgamma from x - mean"] => (&layer.dout * &xmu).sum(0),
        _ => (&layer.dout * &xhat).sum(0),
    };
    let dbeta = if made("beta averaged") { layer.dout.mean(0) } else { layer.dout.sum(0) };
    named(&[("x", &dx), ("gamma", &dgamma), ("beta", &dbeta)])
}

const LAYER: [super::Expected; 5] = [
    ("mean's path forgotten", FORGOTTEN, ""),
    ("variance's path forgotten", FORGOTTEN, ""),
    ("gamma left out", &[RuleLeftOut], "mul"),
    ("rstd forgotten", &[RuleLeftOut], "xhat"),
    ("sign of dx", &[Factor, RuleNegated], ""),
];

fn layer_by_hand(layer: &Norm, slips: Slips<'_>) -> Gradients {
    let made = |slip: &str| slips.contains(&slip);
    let n = layer.x.shape()[1] as f64;
    let column = |x: retrograd::Tensor<f64>| x.reshape([layer.x.shape()[0], 1]);
    let centred = &layer.x - column(layer.x.mean(1));
    let rstd = 1.0 / (column((&centred * &centred).mean(1)) + EPS).sqrt();
    let norm = &centred * &rstd;
    let dnorm = if made("gamma left out") { layer.dout.clone() } else { &layer.dout * &layer.gamma };
    let mut dx = dnorm.clone();
    if !made("mean's path forgotten") {
        dx -= column(dnorm.mean(1));
    }
    if !made("variance's path forgotten") {
        dx -= &norm * &(column((&dnorm * &norm).sum(1)) / n);
    }
    if !made("rstd forgotten") {
        dx *= &rstd;
    }
    if made("sign of dx") {
        dx = -dx;
    }
    named(&[("x", &dx), ("gamma", &(&layer.dout * &norm).sum(0)), ("beta", &layer.dout.sum(0))])
}
