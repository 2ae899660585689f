//! Families of faults that random programs found and that are mended: each at the points where it showed.

use crate::compare::{Kind, check};
use crate::methods::Method;
use crate::parameters;
use crate::program::{Node, Numbers, Op, Program};
use crate::values::{Random, special};
use retrograd::ops::{BinaryOp, UnaryOp};
use retrograd::{Element, Tape};

fn program(single: bool, inputs: Vec<Numbers>, op: Op, seed: f64) -> Program {
    let n = inputs.len();
    let mut nodes: Vec<Node> = (0..n).map(|k| Node { op: Op::Input(k), args: vec![] }).collect();
    nodes.push(Node { op, args: (0..n).collect() });
    let shape = match nodes[n].op {
        Op::Method(_) => vec![],
        _ => inputs[0].shape.clone(),
    };
    let values = vec![seed; shape.iter().product()];
    Program { single, nodes, inputs, seed: Numbers { shape, values } }
}

/// The standard library's acosh lost digits beside 1, where numbers used it and tensors did not.
#[test]
fn numbers_and_tensors_have_one_value_beside_the_points_where_functions_change() {
    for single in [false, true] {
        let epsilon = if single { f32::EPSILON as f64 } else { f64::EPSILON };
        let steps = [-4096.0, -64.0, -3.0, -1.0, 0.0, 1.0, 3.0, 50.0, 4096.0];
        let points = [1.0, -1.0, 0.5, 2.0, 3.0].into_iter().flat_map(|at| steps.map(|k| at * (1.0 + k * epsilon)));
        let values: Vec<f64> = points.collect();
        for op in UnaryOp::all() {
            let input = Numbers { shape: vec![values.len()], values: values.clone() };
            let program = program(single, vec![input], Op::Unary(op), 1.0);
            let apart = |finding: &&crate::compare::Finding| finding.order == 0 && finding.kind == Kind::Number;
            let findings = check(&program);
            let wrong: Vec<_> = findings.iter().filter(apart).collect();
            assert!(wrong.is_empty(), "{}: {wrong:?}", op.name());
        }
    }
}

/// The standard library's asinh of -MAX is -inf; beyond f32's range the points are infinities.
#[test]
fn numbers_and_tensors_have_one_value_at_special_points() {
    let points = special();
    let pairs = || points.iter().flat_map(|&x| points.iter().map(move |&y| (x, y)));
    let (xs, ys): (Vec<f64>, Vec<f64>) = pairs().unzip();
    let input = |values: &[f64]| Numbers { shape: vec![values.len()], values: values.to_vec() };
    let unary = UnaryOp::all().into_iter().map(|op| (op.name(), Op::Unary(op), vec![input(&points)]));
    let binary = BinaryOp::all().into_iter().map(|op| (op.name(), Op::Binary(op), vec![input(&xs), input(&ys)]));
    let mut wrong = Vec::new();
    for (name, op, inputs) in unary.chain(binary) {
        for single in [false, true] {
            let program = program(single, inputs.clone(), op.clone(), 1.0);
            let apart = if single { values_apart::<f32>(&program) } else { values_apart::<f64>(&program) };
            wrong.extend(apart.into_iter().map(|apart| format!("{name} {apart}")));
        }
    }
    assert!(wrong.is_empty(), "{} differ: {:#?}", wrong.len(), &wrong[..wrong.len().min(60)]);
}

/// Where a number's value is not a tensor's, to a few units in the last place.
fn values_apart<T: Element>(program: &Program) -> Vec<String> {
    let tape = Tape::<T>::of();
    let x: Vec<_> = program.tensors().iter().map(|x| tape.data(x.clone())).collect();
    let expected = program.record(&x).expect("an elementwise op").value();
    let smallest = if T::NAME == "f32" { 4e-45 } else { 1e-323 };
    let mut apart = Vec::new();
    for (element, &expected) in expected.as_slice().iter().enumerate() {
        let at: Vec<T> = program.inputs.iter().map(|input| T::from_f64(input.values[element])).collect();
        let (found, expected) = (program.numbers(&at).as_f64(), expected.as_f64());
        let near = (found - expected).abs() <= 16.0 * T::EPSILON * expected.abs() + smallest;
        let same = (found == expected && found.is_sign_negative() == expected.is_sign_negative())
            || (found.is_nan() && expected.is_nan());
        if !same && (found == 0.0 || found.is_infinite() || !near) {
            apart.push(format!("{} at {at:?}: number {found:e}, tensor {expected:e}", T::NAME));
        }
    }
    apart
}

/// Losses with rules of their own multiplied a zero upstream by NaN in programs, where the tape skips it.
#[test]
fn a_loss_that_is_not_wanted_has_no_gradient_in_programs() {
    for name in ["squared_error", "mean_squared_error", "cross_entropy"] {
        let shape = [2, 2];
        let input = |values: [f64; 4]| Numbers { shape: shape.to_vec(), values: values.to_vec() };
        let mut inputs = vec![input([f64::NAN, 1.0, 2.0, f64::INFINITY])];
        if name != "cross_entropy" {
            inputs.push(input([1.0, 0.5, -1.0, 2.0]));
        }
        let method: Method = parameters::of_method(name, &shape, &mut Random::new(1));
        let program = program(false, inputs, Op::Method(method), 0.0);
        let findings = check(&program);
        let wrong: Vec<_> = findings.iter().filter(|finding| finding.engine.starts_with("program")).collect();
        assert!(wrong.is_empty(), "{name}: {wrong:?}");
    }
}
