//! Families of faults that random programs found and that are mended: each at the points where it showed.

use crate::compare::{Kind, check};
use crate::methods::Method;
use crate::parameters;
use crate::program::{Node, Numbers, Op, Program};
use crate::values::Random;
use retrograd::ops::UnaryOp;

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
