//! Mistakes in A, B and E: networks as matrices.

use super::TIMES;
use super::{Family, Slips, replace};
use crate::classics::compare::classics::columns::Columns;
use crate::classics::compare::classics::columns::row_sums;
use crate::classics::compare::classics::course::Course;
use crate::classics::compare::classics::nielsen::{Cost, Network};
use crate::classics::compare::classics::{Gradients, named, random, uniform};
use retrograd::Tensor;
use retrograd::check::compare::Kind::{self, *};

/// One lost sign is read as the sign of the cost, or of what is compared with the target.
const SIGN: &[Kind] = &[RuleNegated, OperandNegated, OtherLoss];
const SCALE: &[Kind] = &[RuleScaled, RuleLeftOut, OpLeftOut];
const FORGOTTEN: &[Kind] = &[PathForgotten, ArgumentForgotten];

pub fn families() -> Vec<Family> {
    // As many units everywhere, so that a product with the wrong transpose has the right shape.
    let course = Course::random(&[3, 3, 3], 5, 0.3, 201);
    let columns = Columns::random([3, 3, 3, 5], 202);
    let derivation = course.derivation("A");
    let column_derivation = columns.derivation();
    let mut all = vec![
        Family::new(derivation, &COURSE, move |slips| course_by_hand(&course, slips)),
        Family::new(column_derivation, &COLUMNS, move |slips| columns_by_hand(&columns, slips)),
    ];
    let mut rng = random(203);
    let (x, y) = (uniform([3, 1], &mut rng), Tensor::from([[0.0], [1.0], [1.0]]));
    let net = Network::new(&[3, 3, 3], Cost::Quadratic, 204);
    let derivation = net.derivation("E, quadratic", &x, &y);
    all.push(Family::new(derivation, &NIELSEN, move |slips| nielsen_by_hand(&net, &x, &y, slips)));
    all
}

const COURSE: [super::Expected; 29] = [
    ("delta is y - a", SIGN, ""),
    ("1/m forgotten", SCALE, ""),
    ("1/m forgotten on biases", TIMES, ""),
    ("lambda on the biases", &[Regularisation], ""),
    ("lambda not divided by m", &[Regularisation], ""),
    ("lambda forgotten", &[Regularisation], ""),
    ("lambda twice", &[Regularisation], ""),
    ("lambda subtracted", &[Regularisation], ""),
    ("hidden slope left out", &[RuleLeftOut], "a2"),
    ("slope s'(a)", &[OutputForInput], "a2"),
    ("slope z(1 - z)", &[InputForOutput], "a2"),
    ("slope a alone", &[OtherDerivative, RuleLeftOut], "a2"),
    ("slope of tanh", &[OtherDerivative], "a2"),
    ("W2 not transposed", &[TransposedOperand], "matmul"),
    ("W2 forgotten", &[RuleLeftOut], "matmul"),
    ("dW1 transposed", &[Transposed], ""),
    ("dW2 transposed", &[Transposed], ""),
    ("biases not summed", &[NotSummed], ""),
    ("biases averaged twice", &[Factor, RuleScaled], ""),
    ("last example only", &[OneExample], ""),
    ("target dropped", &[OperandDropped, ArgumentForgotten], ""),
    ("slope on cross-entropy", &[OtherLoss, RuleTwice], ""),
    ("hidden sign lost", &[RuleNegated], ""),
    ("dW2 from z2", &[OtherValue, InputForOutput], "matmul"),
    ("dW2 from x", &[OtherValue], "matmul"),
    ("b2 from delta2", &[OtherParameter, OtherValue], ""),
    ("slope squared", &[RuleTwice], "a2"),
    ("slope 1 - a", &[OtherDerivative, RuleLeftOut], "a2"),
    ("W1 for W2", &[OtherValue], "matmul"),
];

fn course_by_hand(course: &Course, slips: Slips<'_>) -> Gradients {
    let made = |slip: &str| slips.contains(&slip);
    let m = course.x.shape()[0] as f64;
    let z2 = course.x.matmul(course.weights[0].t()) + &course.biases[0];
    let a2 = z2.sigmoid();
    let a3 = (a2.matmul(course.weights[1].t()) + &course.biases[1]).sigmoid();
    let mut delta3 = &a3 - &course.y;
    if made("delta is y - a") {
        delta3 = -delta3;
    }
    if made("target dropped") {
        delta3 = a3.clone();
    }
    if made("slope on cross-entropy") {
        delta3 *= &a3 * (1.0 - &a3);
    }
    if made("last example only") {
        delta3 =
            Tensor::from_fn(delta3.shape(), |at| if at[0] + 1 == m as usize { delta3[[at[0], at[1]]] } else { 0.0 });
    }
    if !made("1/m forgotten") {
        delta3 /= m;
    }
    let w2 = &course.weights[1];
    let back = match slips {
        ["W2 not transposed"] => delta3.matmul(w2.t()),
        ["W2 forgotten"] => delta3.clone(),
        ["W1 for W2"] => delta3.matmul(&course.weights[0]),
        _ => delta3.matmul(w2),
    };
    let slope = match slips {
        ["hidden slope left out"] => Tensor::ones(a2.shape()),
        ["slope s'(a)"] => a2.sigmoid() * (1.0 - a2.sigmoid()),
        ["slope z(1 - z)"] => &z2 * &(1.0 - &z2),
        ["slope a alone"] => a2.clone(),
        ["slope of tanh"] => 1.0 - &a2 * &a2,
        ["slope squared"] => (&a2 * &(1.0 - &a2)).square(),
        ["slope 1 - a"] => 1.0 - &a2,
        ["hidden sign lost"] => -(&a2 * &(1.0 - &a2)),
        _ => &a2 * &(1.0 - &a2),
    };
    let delta2 = back * slope;
    let lambda = match slips {
        ["lambda not divided by m"] => course.lambda,
        ["lambda forgotten"] => 0.0,
        ["lambda twice"] => 2.0 * course.lambda / m,
        ["lambda subtracted"] => -course.lambda / m,
        _ => course.lambda / m,
    };
    let below = match slips {
        ["dW2 from z2"] => &z2,
        ["dW2 from x"] => &course.x,
        _ => &a2,
    };
    let mut gradients = named(&[
        ("W1", &(delta2.t().matmul(&course.x) + &course.weights[0] * lambda)),
        ("b1", &delta2.sum(0)),
        ("W2", &(delta3.t().matmul(below) + w2 * lambda)),
        ("b2", &if made("b2 from delta2") { delta2.sum(0) } else { delta3.sum(0) }),
    ]);
    for (b, bias, delta) in [("b1", &course.biases[0], &delta2), ("b2", &course.biases[1], &delta3)] {
        match slips {
            ["1/m forgotten on biases"] => replace(&mut gradients, b, |g| g * m),
            ["lambda on the biases"] => replace(&mut gradients, b, |g| g + bias * lambda),
            ["biases not summed"] => replace(&mut gradients, b, |_| delta.clone()),
            ["biases averaged twice"] => replace(&mut gradients, b, |g| g / m),
            _ => {}
        }
    }
    for w in ["W1", "W2"] {
        if made(&format!("d{w} transposed")) {
            replace(&mut gradients, w, Tensor::t);
        }
    }
    gradients
}

const COLUMNS: [super::Expected; 10] = [
    ("slope of sigmoid", &[OtherDerivative, OtherValue], "A1"),
    ("slope left out", &[RuleLeftOut], "A1"),
    ("slope at a", &[OutputForInput], "A1"),
    ("slope 1 - z^2", &[InputForOutput], "A1"),
    ("dW2 transposed", &[Transposed], ""),
    ("times m", TIMES, ""),
    ("1/K too", TIMES, ""),
    ("doubled", TIMES, ""),
    ("b1 not summed", &[NotSummed], ""),
    ("W2 not transposed", &[TransposedOperand], "matmul"),
];

fn columns_by_hand(net: &Columns, slips: Slips<'_>) -> Gradients {
    let m = net.m();
    let z1 = net.w1.matmul(&net.x) + &net.b1;
    let a1 = z1.tanh();
    let a2 = (net.w2.matmul(&a1) + &net.b2).sigmoid();
    let scale = match slips {
        ["times m"] => m,
        ["1/K too"] => 1.0 / (3.0 * m),
        ["doubled"] => 2.0 / m,
        _ => 1.0 / m,
    };
    let dz2 = (&a2 - &net.y) * scale;
    let slope = match slips {
        ["slope of sigmoid"] => &a1 * &(1.0 - &a1),
        ["slope left out"] => Tensor::ones(a1.shape()),
        ["slope at a"] => 1.0 - a1.tanh() * a1.tanh(),
        ["slope 1 - z^2"] => 1.0 - &z1 * &z1,
        _ => 1.0 - &a1 * &a1,
    };
    let w2 = if slips == ["W2 not transposed"] { net.w2.clone() } else { net.w2.t() };
    let dz1 = w2.matmul(&dz2) * slope;
    let dw2 = dz2.matmul(a1.t());
    let dw2 = if slips == ["dW2 transposed"] { dw2.t() } else { dw2 };
    let db1 = if slips == ["b1 not summed"] { dz1.clone() } else { row_sums(&dz1) };
    named(&[("W1", &dz1.matmul(net.x.t())), ("b1", &db1), ("W2", &dw2), ("b2", &row_sums(&dz2))])
}

const NIELSEN: [super::Expected; 9] = [
    ("BP1 without s'(z)", &[RuleLeftOut, OtherLoss], "a2"),
    ("BP2 without s'(z)", &[RuleLeftOut], "a1"),
    ("BP2 without the transpose", &[TransposedOperand], "matmul"),
    ("nabla_b[0] stays 0", FORGOTTEN, ""),
    ("nabla_w[1] transposed", &[Transposed], ""),
    ("y - a", TIMES, ""),
    ("BP2 with s'(z2)", &[OtherValue], "a1"),
    ("BP2 with w1", &[OtherValue], "matmul"),
    ("BP4 with the layer's own activation", &[OtherValue], "matmul"),
];

fn nielsen_by_hand(net: &Network, x: &Tensor<f64>, y: &Tensor<f64>, slips: Slips<'_>) -> Gradients {
    let z1 = net.weights[0].matmul(x) + &net.biases[0];
    let a1 = z1.sigmoid();
    let a2 = (net.weights[1].matmul(&a1) + &net.biases[1]).sigmoid();
    let error = if slips == ["y - a"] { y - &a2 } else { &a2 - y };
    let delta2 = if slips == ["BP1 without s'(z)"] { error } else { error * &a2 * (1.0 - &a2) };
    let w2 = &net.weights[1];
    let back = match slips {
        ["BP2 without the transpose"] => w2.matmul(&delta2),
        ["BP2 with w1"] => net.weights[0].t().matmul(&delta2),
        _ => w2.t().matmul(&delta2),
    };
    let delta1 = match slips {
        ["BP2 without s'(z)"] => back,
        ["BP2 with s'(z2)"] => back * &a2 * (1.0 - &a2),
        _ => back * &a1 * (1.0 - &a1),
    };
    let nabla_b = if slips == ["nabla_b[0] stays 0"] { Tensor::zeros(delta1.shape()) } else { delta1.clone() };
    let below = if slips == ["BP4 with the layer's own activation"] { &a2 } else { &a1 };
    let nabla_w = delta2.matmul(below.t());
    let nabla_w = if slips == ["nabla_w[1] transposed"] { nabla_w.t() } else { nabla_w };
    named(&[("w1", &delta1.matmul(x.t())), ("b1", &nabla_b), ("w2", &nabla_w), ("b2", &delta2)])
}
