//! Mistakes in an LSTM cell and in a convolution.

use super::{Family, Slips};
use crate::classics::compare::classics::columns::row_sums;
use crate::classics::compare::classics::others::convolution::Convolution;
use crate::classics::compare::classics::others::lstm::{Cell, Gates, side_by_side};
use crate::classics::compare::classics::{Gradients, named};
use retrograd::check::compare::Kind::{self, *};

const FORGOTTEN: &[Kind] = &[PathForgotten, ArgumentForgotten];

pub fn families() -> Vec<Family> {
    let (cell, convolution) = (Cell::random([4, 3, 2], 241), Convolution::random(4, 3, 4, 242));
    let (lstm, product) = (cell.derivation(), convolution.derivation());
    vec![
        Family::new(lstm, &LSTM, move |slips| lstm_by_hand(&cell, slips)),
        Family::new(product, &CONVOLUTION, move |slips| convolution_by_hand(&convolution, slips)),
    ]
}

const LSTM: [super::Expected; 12] = [
    ("g with sigmoid's slope", &[OtherDerivative, OtherValue], "g"),
    ("i with tanh's slope", &[OtherDerivative], "i"),
    ("o without slope", &[RuleLeftOut], "o"),
    ("path through h forgotten", FORGOTTEN, ""),
    ("path through c forgotten", FORGOTTEN, ""),
    ("tanh(c) without slope", &[RuleLeftOut], "tanh_c"),
    ("dc0 without f", &[RuleLeftOut], "mul"),
    ("b not summed", &[NotSummed], ""),
    ("i and g exchanged", &[ArgumentsExchanged], "mul"),
    ("di with c0", &[OtherValue], "mul"),
    ("dc0 with i", &[OtherValue], "mul"),
    ("df without slope", &[RuleLeftOut], "f"),
];

fn lstm_by_hand(cell: &Cell, slips: Slips<'_>) -> Gradients {
    let made = |slip: &str| slips.contains(&slip);
    let Gates { i, f, o, g, tanh_c } = cell.forward();
    let slope_c = if made("tanh(c) without slope") { tanh_c.map(|_| 1.0) } else { 1.0 - &tanh_c * &tanh_c };
    let through_h = &cell.dh * &o * slope_c;
    let dc = match slips {
        ["path through h forgotten"] => cell.dc.clone(),
        ["path through c forgotten"] => through_h,
        _ => &cell.dc + through_h,
    };
    let (mut di, mut dg) = (&dc * if made("di with c0") { &cell.c0 } else { &g }, &dc * &i);
    if made("i and g exchanged") {
        (di, dg) = (dg, di);
    }
    let slope_i = if made("i with tanh's slope") { 1.0 - &i * &i } else { &i * &(1.0 - &i) };
    let slope_o = if made("o without slope") { o.map(|_| 1.0) } else { &o * &(1.0 - &o) };
    let slope_g = if made("g with sigmoid's slope") { &g * &(1.0 - &g) } else { 1.0 - &g * &g };
    let df = &dc * &cell.c0;
    let slope_f = if made("df without slope") { f.map(|_| 1.0) } else { &f * &(1.0 - &f) };
    let da = [di * slope_i, df * slope_f, &cell.dh * &tanh_c * slope_o, dg * slope_g];
    let da = side_by_side(&da);
    let dc0 = match slips {
        ["dc0 without f"] => dc,
        ["dc0 with i"] => dc * i,
        _ => dc * f,
    };
    let mut gradients = cell.below(&da, &dc0);
    if made("b not summed") {
        super::replace(&mut gradients, "b", |_| da);
    }
    gradients
}

const CONVOLUTION: [super::Expected; 5] = [
    ("dW transposed", &[Transposed], ""),
    ("W not transposed", &[TransposedOperand], "matmul"),
    ("W forgotten", &[RuleLeftOut], "matmul"),
    ("b not summed", &[NotSummed], ""),
    ("what overlaps is overwritten", &[NotSummed], "cols"),
];

fn convolution_by_hand(layer: &Convolution, slips: Slips<'_>) -> Gradients {
    let dw = layer.dout.matmul(layer.im2col().t());
    let dcols = match slips {
        ["W not transposed"] => layer.w.matmul(&layer.dout),
        ["W forgotten"] => layer.dout.clone(),
        _ => layer.w.t().matmul(&layer.dout),
    };
    let dx = layer.col2im(&dcols, slips == ["what overlaps is overwritten"]);
    let db = if slips == ["b not summed"] { layer.dout.clone() } else { row_sums(&layer.dout) };
    named(&[("W", &if slips == ["dW transposed"] { dw.t() } else { dw }), ("b", &db), ("x", &dx)])
}
