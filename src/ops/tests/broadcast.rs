//! Two-argument ops over shapes that broadcast, against the scalar lane element by element.

use super::*;
use crate::num::Number;
use crate::ops::BuiltinBinary;
use crate::tensor::Shape;
use crate::{Tape, Tensor, Var};

/// Pairs of shapes that broadcast. No axes: a number.
const SHAPES: [(&[usize], &[usize]); 16] = [
    (&[2, 3], &[2, 3]),
    (&[2, 3], &[3]),
    (&[3], &[2, 3]),
    (&[2, 1], &[1, 3]),
    (&[1, 3], &[2, 1]),
    (&[], &[2, 3]),
    (&[2, 3], &[]),
    (&[1], &[4]),
    (&[1, 1], &[2, 3]),
    (&[2, 1, 3], &[4, 1]),
    (&[2, 3, 4], &[3, 1]),
    (&[5, 1, 2, 1], &[3, 1, 19]),
    (&[1], &[]),
    (&[0], &[1]),
    (&[0, 3], &[3]),
    (&[2, 1], &[1, 0]),
];

/// The element of an operand that belongs to an element of the output.
fn source(index: &[usize], shape: &[usize]) -> usize {
    let own = &index[index.len() - shape.len()..];
    own.iter().zip(shape).fold(0, |at, (&i, &n)| at * n + if n == 1 { 0 } else { i })
}

/// Every index of a shape, row-major.
fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    let mut all = Vec::new();
    Tensor::<f64>::from_fn(shape, |index| {
        all.push(index.to_vec());
        0.0
    });
    all
}

/// Which arguments are variables; the others are data.
#[derive(Clone, Copy, Debug)]
enum Active {
    Both,
    X,
    Y,
}

/// What comes out for one op and pair of shapes: the value, the gradients of sum w f, and of <those gradients, u>.
#[derive(Debug, Default)]
struct Found {
    value: Vec<f64>,
    first: [Vec<f64>; 2],
    second: [Vec<f64>; 2],
}

/// Fixed weights that no symmetry hides behind.
fn weight(i: usize) -> f64 {
    0.5 + (i * 7 % 11) as f64 / 11.0
}

/// By recording tensors, with broadcasting.
fn by_tensors(op: impl BuiltinBinary, shapes: [&[usize]; 2], data: &[Vec<f64>; 2], active: Active) -> Found {
    let tape = Tape::new();
    let make = |i: usize, is_variable: bool| {
        let tensor = Tensor::new(shapes[i], data[i].clone()).unwrap();
        if is_variable { tape.var(tensor) } else { tape.data(tensor) }
    };
    let (x, y) = (make(0, !matches!(active, Active::Y)), make(1, !matches!(active, Active::X)));
    let out = Number::binary(x, op, y);
    let w = Tensor::new(out.shape(), (0..out.numel()).map(weight).collect()).unwrap();
    let total = (out * tape.data(w)).sum(());
    let variables: Vec<(usize, Var<'_, f64>)> = match active {
        Active::Both => vec![(0, x), (1, y)],
        Active::X => vec![(0, x)],
        Active::Y => vec![(1, y)],
    };
    let mut found = Found { value: out.value().to_vec(), ..Found::default() };
    let grads = total.backward();
    let mut directional: Var<'_, f64> = Var::constant(0.0);
    for &(i, var) in &variables {
        assert_eq!(grads.wrt(var).shape(), &var.shape(), "{op:?}: a gradient has its variable's shape");
        found.first[i] = grads.wrt(var).to_vec();
        let u = Tensor::new(var.shape(), (0..var.numel()).map(|k| weight(k + 3)).collect()).unwrap();
        directional += (tape.grad(total, &[var])[0] * tape.data(u)).sum(());
    }
    let grads = directional.backward();
    for &(i, var) in &variables {
        found.second[i] = grads.wrt(var).to_vec();
    }
    found
}

/// Element by element in the scalar lane.
fn by_scalars(op: impl BuiltinBinary, shapes: [&[usize]; 2], data: &[Vec<f64>; 2], active: Active) -> Found {
    let tape = Tape::new();
    let make = |i: usize, is_variable: bool| -> Vec<Var<'_, f64>> {
        data[i].iter().map(|&x| if is_variable { tape.var(x) } else { tape.data(x) }).collect()
    };
    let operands = [make(0, !matches!(active, Active::Y)), make(1, !matches!(active, Active::X))];
    let shape = Shape::broadcast("test", &shapes[0].into(), &shapes[1].into()).unwrap();
    let outs: Vec<Var<'_, f64>> = indices(&shape)
        .iter()
        .map(|index| {
            let [x, y] = [0, 1].map(|i| operands[i][source(index, shapes[i])]);
            Number::binary(x, op, y)
        })
        .collect();
    let total: Var<'_, f64> = outs.iter().enumerate().map(|(k, &out)| out * weight(k)).sum();
    let mut found = Found { value: outs.iter().map(|out| out.item()).collect(), ..Found::default() };
    let variables: Vec<usize> = match active {
        Active::Both => vec![0, 1],
        Active::X => vec![0],
        Active::Y => vec![1],
    };
    let grads = total.backward();
    let mut directional: Var<'_, f64> = Var::constant(0.0);
    for &i in &variables {
        found.first[i] = grads.items(&operands[i]);
        let slopes = tape.grad(total, &operands[i]);
        directional += slopes.iter().enumerate().map(|(k, &slope)| slope * weight(k + 3)).sum::<Var<'_, f64>>();
    }
    let grads = directional.backward();
    for &i in &variables {
        found.second[i] = grads.items(&operands[i]);
    }
    found
}

fn broadcasts<O: BuiltinBinary>(op: O) {
    for (x_shape, y_shape) in SHAPES {
        let data = [x_shape, y_shape].map(|shape| shape.iter().product::<usize>());
        let xs = O::POINTS.iter().map(|p| p.0).cycle().take(data[0]).collect();
        // Backwards, so that pairs of samples mix.
        let ys = O::POINTS.iter().rev().map(|p| p.1).cycle().take(data[1]).collect();
        let data = [xs, ys];
        for active in [Active::Both, Active::X, Active::Y] {
            let shapes = [x_shape, y_shape];
            let (tensors, scalars) = (by_tensors(op, shapes, &data, active), by_scalars(op, shapes, &data, active));
            let check = |what: &str, tolerance: Tolerance, a: &[f64], b: &[f64]| {
                assert_eq!(a.len(), b.len(), "{op:?} of {x_shape:?} and {y_shape:?}: {what}");
                for (i, (&a, &b)) in a.iter().zip(b).enumerate() {
                    let place = || format!("{op:?} of {x_shape:?} and {y_shape:?}, {active:?}: {what} [{i}]");
                    tolerance.check(place, a, b);
                }
            };
            check("value", ROUTES, &tensors.value, &scalars.value);
            for i in 0..2 {
                check("first", HIGHER_ROUTES, &tensors.first[i], &scalars.first[i]);
                check("second", HIGHER_ROUTES, &tensors.second[i], &scalars.second[i]);
            }
        }
    }
}

#[test]
fn broadcasting_equals_the_scalar_lane_element_by_element_to_second_order() {
    for_every_binary!(broadcasts);
}

fn refuses_shapes_that_do_not_fit<O: BuiltinBinary>(op: O) {
    let tape = Tape::new();
    let (x, y) = (tape.var(Tensor::zeros([3, 4])), tape.var(Tensor::zeros([2, 4])));
    let error = x.try_record_binary(op, y).expect_err("axis 0 is 3 vs 2");
    assert!(error.is_shape());
    let expected = format!("{}: shapes [3, 4] and [2, 4] do not broadcast: axis 0 is 3 vs 2", O::NAME);
    assert_eq!(error.to_string(), expected);
    let other = Tape::new();
    for (a, b) in [(tape.var(1.0), other.var(1.0)), (x, other.var(1.0)), (tape.var(1.0), other.var([1.0]))] {
        let error = a.try_record_binary(op, b).expect_err("two tapes");
        assert!(error.is_tape());
        assert_eq!(error.to_string(), format!("{}: operands come from different tapes", O::NAME));
    }
}

#[test]
fn shapes_that_do_not_broadcast_and_two_tapes_are_errors_that_name_the_op() {
    for_every_binary!(refuses_shapes_that_do_not_fit);
}
