//! Families of faults that random programs found and that are mended: each at the points where it showed.

use crate::compare::{Kind, check};
use crate::known::example;
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
        let (found, expected) = (program.numbers(&at).to_f64(), expected.to_f64());
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

/// A compiled step took sin(x) and the sine of x detached for one number, and its adjoint for the first one's: the derivative by x
/// was lost.
#[test]
fn what_is_detached_takes_no_derivative_from_an_equal_number() {
    type Written = (&'static [(&'static str, &'static [usize])], usize);
    let detached_first: Written = (&[("detach", &[0]), ("sin", &[1]), ("sin", &[0]), ("mul", &[2, 3])], 1);
    let detached_last: Written = (&[("detach", &[0]), ("sin", &[0]), ("sin", &[1]), ("mul", &[2, 3])], 1);
    let twice: Written = (&[("detach", &[0]), ("mul", &[1, 0]), ("mul", &[0, 1]), ("atan2", &[2, 3])], 1);
    // Of the two equal products, one has a derivative by the first input, the other by the second.
    let crossed: Written =
        (&[("detach", &[0]), ("detach", &[1]), ("mul", &[2, 1]), ("mul", &[0, 3]), ("exp", &[4]), ("mul", &[6, 5])], 2);
    for (nodes, inputs) in [detached_first, detached_last, twice, crossed] {
        for shape in [&[][..], &[1], &[3], &[17, 2]] {
            for single in [false, true] {
                let n: usize = shape.iter().product();
                let values: Vec<f64> = (0..n).map(|i| 0.375 + i as f64 / 32.0).collect();
                let inputs = vec![(shape, &values[..]); inputs];
                let program = Program { single, ..example(&inputs, nodes, shape) };
                let findings = check(&program);
                assert!(findings.is_empty(), "{nodes:?} of {shape:?}: {findings:?}");
            }
        }
    }
}

/// A relaxed quotient of a number stretched to a shape, by itself, had the shape of the number.
#[test]
fn relaxed_ops_on_stretched_numbers_keep_their_shape() {
    let ops = BinaryOp::all();
    for op in &ops {
        for shape in [&[0][..], &[2], &[3, 1, 2]] {
            for single in [false, true] {
                let values = vec![1.5; shape.iter().product()];
                let mut program = Program { single, ..example(&[(shape, &values)], &[], shape) };
                program.nodes.push(Node { op: Op::Literal(2.0), args: vec![] });
                program.nodes.push(Node { op: Op::Select, args: vec![0, 1, 1] });
                program.nodes.push(Node { op: Op::Binary(*op), args: vec![2, 2] });
                let wrong: Vec<_> = check(&program).into_iter().filter(|finding| finding.kind == Kind::Shape).collect();
                assert!(wrong.is_empty(), "{} of {shape:?}: {wrong:?}", op.name());
            }
        }
    }
}
