//! Block code against the ops one lane at a time: [`Body::evaluate`] to rounding, the kernels for tensors to the bit.

use super::code::BATCHED;
use super::lower::{Simpler, as_op};
use super::*;
use crate::ops::{self, BinaryOp, UnaryOp};
use crate::parallel::Workers;
use crate::program::body::Register;
use crate::tensor::kernels::Kernels;
use crate::tensor::kernels::chunks::chunk;
use crate::tensor::kernels::elementwise::{BinaryInputs, Plan, Side};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

mod random;
mod runs;
mod short;

/// Numbers where ops have their edges, then others.
fn numbers<T: Element>(n: usize, seed: u64) -> Vec<T> {
    let edges = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e30, -7e8, 6.0, -3.0];
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut number = |i: usize| match i % 3 {
        0 => edges[random.random_range(0..edges.len())],
        1 => random.random_range(-3.0..3.0),
        _ => random.random_range(0.01..1.0),
    };
    (0..n).map(|i| T::from_f64(number(i))).collect()
}

/// The values of all slots for one lane, by the kernels for tensors; what is the same for all lanes by plain numbers where it is
/// little.
fn by_kernels<T: Element>(body: &Body<T>, inputs: &[T], shared: &[T]) -> Vec<T> {
    let mut values: Vec<T> = Vec::new();
    let mut uniform: Vec<bool> = Vec::new();
    for op in &body.ops {
        uniform.push(!matches!(op, BodyOp::Input(_)) && op.reads().all(|slot| uniform[slot as usize]));
    }
    let computed = |(op, same): (&BodyOp<T>, &bool)| *same && !matches!(op, BodyOp::Shared(_) | BodyOp::Literal(_));
    let batched = body.ops.iter().zip(&uniform).filter(|&pair| computed(pair)).count() >= BATCHED;
    for (op, &same) in body.ops.iter().zip(&uniform) {
        let at = |slot: Register| [values.get(slot as usize).copied().unwrap_or(T::from_f64(f64::NAN))];
        let plan = Plan::new(&[1], &[1], &[1]);
        let mut out = [T::from_f64(0.0)];
        match *op {
            _ if same && !batched => out = [op.value(&values, inputs, shared)],
            BodyOp::Unary(op, x) => T::unary_kernel(op, &at(x), &mut out),
            BodyOp::Binary(op, x, y) => T::binary_kernel(op, &plan, &at(x), &at(y), &mut out),
            BodyOp::UnaryVjp(op, [x, y, g]) => {
                out = at(g);
                T::unary_vjp_kernel(op, &at(x), &at(y), &mut out);
            }
            BodyOp::BinaryVjp(op, side, [x, y, of, g]) => {
                out = at(g);
                let inputs = BinaryInputs { plan: &plan, x: &at(x), y: &at(y), out: &at(of) };
                T::binary_vjp_kernel(op, side, inputs, &mut out);
            }
            _ => out = [op.value(&values, inputs, shared)],
        }
        values.push(out[0]);
    }
    values
}

fn same_bits<T: Element>(a: T, b: T) -> bool {
    let (a, b) = (a.to_f64(), b.to_f64());
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

fn flat_inputs(n: usize) -> Vec<Source> {
    (0..n).map(|k| Source { from: Origin::Input(k), walk: Access::Flat }).collect()
}

/// Runs a body with flat inputs and a store of each listed slot; returns the stored lanes.
fn stored<T: Element>(
    body: &Body<T>,
    slots: &[Register],
    inputs: &[Vec<T>],
    shared: &[T],
    workers: usize,
) -> Vec<Vec<T>> {
    let lanes = inputs[0].len();
    let mut body = body.clone();
    body.sinks = slots.iter().map(|&slot| Sink::Store(slot)).collect();
    let targets: Vec<Target> = (0..slots.len()).map(|output| Target::Flat { output }).collect();
    let mut code = BlockCode::new(&body, &flat_inputs(inputs.len()), &targets, 1);
    let mut outputs = vec![vec![T::from_f64(7.0); lanes]; slots.len()];
    let mut to: Vec<&mut [T]> = outputs.iter_mut().map(|output| &mut output[..]).collect();
    let inputs: Vec<&[T]> = inputs.iter().map(|input| &input[..]).collect();
    code.run(lanes, &inputs, shared, &mut to, &mut [], &mut Workers::new(workers));
    let before = vec![vec![T::from_f64(7.0); lanes]; slots.len()];
    let inputs: Vec<Vec<T>> = inputs.iter().map(|input| input.to_vec()).collect();
    let (sources, inner) = (&flat_inputs(inputs.len())[..], 1);
    short::Case {
        body: &body,
        sources,
        targets: &targets,
        inner,
        lanes,
        inputs: &inputs,
        shared,
        outputs: &before,
        sums: &[],
    }
    .check();
    outputs
}

fn assert_lanes_equal<T: Element>(body: &Body<T>, slots: &[Register], inputs: &[Vec<T>], shared: &[T]) {
    let found = stored(body, slots, inputs, shared, 1);
    for lane in 0..inputs[0].len() {
        let of_lane: Vec<T> = inputs.iter().map(|input| input[lane]).collect();
        let values = by_kernels(body, &of_lane, shared);
        for (k, &slot) in slots.iter().enumerate() {
            let (found, expected) = (found[k][lane], values[slot as usize]);
            assert!(
                same_bits(found, expected),
                "{:?} of {of_lane:?}, {shared:?}: {found}, not {expected}",
                body.ops[slot as usize]
            );
        }
    }
}

/// Inputs and shared numbers in front: slot k < 4 is input k, slot 4 + k is shared number k.
fn with_arguments<T: Element>() -> Body<T> {
    let inputs = (0..4).map(BodyOp::Input);
    Body { ops: inputs.chain((0..4).map(BodyOp::Shared)).collect(), sinks: Vec::new() }
}

/// Every op with every choice of vector and shared arguments that has a vector among them.
fn every_op_is_its_kernel<T: Element>() {
    let mut body = with_arguments::<T>();
    let choices = |n: u32| (1..1u32 << n).map(move |mask| move |k: u32| if mask >> k & 1 == 1 { k } else { 4 + k });
    for op in UnaryOp::all() {
        body.ops.push(BodyOp::Unary(op, 0));
        body.ops.extend(choices(3).map(|slot| BodyOp::UnaryVjp(op, [slot(0), slot(1), slot(2)])));
    }
    for op in BinaryOp::all() {
        body.ops.extend(choices(2).map(|slot| BodyOp::Binary(op, slot(0), slot(1))));
        for side in [Side::X, Side::Y] {
            body.ops.extend(choices(4).map(|slot| BodyOp::BinaryVjp(op, side, [slot(0), slot(1), slot(2), slot(3)])));
        }
    }
    body.ops.extend(choices(3).map(|slot| BodyOp::Select([slot(0), slot(1), slot(2)])));
    let inputs: Vec<Vec<T>> = (0..4).map(|k| numbers(chunk::<T>() + 3, k)).collect();
    let slots: Vec<Register> = (8..body.ops.len() as Register).collect();
    for shared in numbers::<T>(16, 9).chunks(4) {
        assert_lanes_equal(&body, &slots, &inputs, shared);
    }
}

#[test]
fn every_op_and_rule_is_the_kernel_for_tensors_in_single_precision() {
    every_op_is_its_kernel::<f32>();
}

#[test]
fn every_op_and_rule_is_the_kernel_for_tensors_in_double_precision() {
    every_op_is_its_kernel::<f64>();
}

#[test]
fn every_op_and_rule_is_that_of_plain_numbers_to_rounding() {
    for op in UnaryOp::all() {
        let mut body = with_arguments::<f64>();
        body.ops.push(BodyOp::Unary(op, 0));
        body.ops.push(BodyOp::UnaryVjp(op, [0, 8, 1]));
        let inputs: Vec<Vec<f64>> = (0..4).map(|k| (0..70).map(|i| 0.05 + 0.01 * (i + k) as f64).collect()).collect();
        let found = stored(&body, &[8, 9], &inputs, &[0.0; 4], 1);
        for lane in 0..70 {
            let of_lane: Vec<f64> = inputs.iter().map(|input| input[lane]).collect();
            let expected = body.evaluate(&of_lane, &[0.0; 4]);
            for k in 0..2 {
                let (found, expected) = (found[k][lane], expected[8 + k]);
                let close = (found - expected).abs() <= 1e-13 * expected.abs().max(1.0)
                    || (found.is_nan() && expected.is_nan());
                assert!(close, "{} at {}: {found}, not {expected}", op.name(), of_lane[0]);
            }
        }
    }
}

#[test]
fn rules_of_arithmetic_are_the_ops_that_stand_for_them() {
    let points = numbers::<f64>(400, 3);
    for lane in points.chunks_exact(4) {
        for op in BinaryOp::all() {
            for side in [Side::X, Side::Y] {
                let rule = BodyOp::BinaryVjp(op, side, [0, 1, 2, 3]);
                let found = match as_op(rule) {
                    Simpler::Op(op) => op.value(lane, &[], &[]),
                    Simpler::Same(slot) => lane[slot as usize],
                };
                let expected = rule.value(lane, &[], &[]);
                assert!(same_bits(found, expected), "{rule:?} of {lane:?}: {found}, not {expected}");
            }
        }
        for op in UnaryOp::all() {
            let rule = BodyOp::UnaryVjp(op, [0, 1, 2]);
            if let Simpler::Op(op) = as_op(rule) {
                assert!(same_bits(op.value(lane, &[], &[]), rule.value(lane, &[], &[])), "{rule:?}");
            }
        }
    }
}

#[test]
fn products_join_sums_and_differences_and_keep_their_bits() {
    let mut body = with_arguments::<f32>();
    let product = [BinaryOp::Mul(ops::Mul), BinaryOp::Scale(ops::Scale)];
    let sum = [BinaryOp::Add(ops::Add), BinaryOp::Sub(ops::Sub)];
    let mut slots = Vec::new();
    for (a, b, c) in [(0, 1, 2), (0, 5, 2), (4, 1, 2), (0, 1, 6), (0, 5, 6), (4, 1, 6)] {
        for product in product {
            for sum in sum {
                for first in [true, false] {
                    let at = body.ops.len() as Register;
                    body.ops.push(BodyOp::Binary(product, a, b));
                    body.ops.push(if first { BodyOp::Binary(sum, at, c) } else { BodyOp::Binary(sum, c, at) });
                    slots.push(at + 1);
                }
            }
        }
    }
    let inputs: Vec<Vec<f32>> = (0..4).map(|k| numbers(200, 20 + k)).collect();
    let targets: Vec<Target> = (0..slots.len()).map(|output| Target::Flat { output }).collect();
    let mut stores = body.clone();
    stores.sinks = slots.iter().map(|&slot| Sink::Store(slot)).collect();
    let code = BlockCode::new(&stores, &flat_inputs(4), &targets, 1);
    // All join but products of a gradient that is the same for all lanes.
    assert_eq!(code.code.operands.len(), slots.len() + 8);
    assert_lanes_equal(&body, &slots, &inputs, &[0.5, -2.0, 3.0, 1e-3]);
}

#[test]
fn sine_and_cosine_of_one_angle_are_one_kernel_and_keep_their_bits() {
    let mut body = with_arguments::<f32>();
    let (sin, cos) = (UnaryOp::Sin(ops::Sin), UnaryOp::Cos(ops::Cos));
    body.ops.push(BodyOp::Unary(sin, 0));
    body.ops.push(BodyOp::UnaryVjp(sin, [0, 8, 1]));
    body.ops.push(BodyOp::UnaryVjp(cos, [0, 8, 2]));
    // Of an angle that is the same for all lanes, and of one whose cosine is not taken.
    body.ops.push(BodyOp::UnaryVjp(sin, [4, 8, 1]));
    body.ops.push(BodyOp::UnaryVjp(cos, [4, 8, 1]));
    body.ops.push(BodyOp::Unary(sin, 3));
    let slots: Vec<Register> = (8..14).collect();
    let inputs: Vec<Vec<f32>> = (0..4).map(|k| numbers(200, 30 + k)).collect();
    let targets: Vec<Target> = (0..slots.len()).map(|output| Target::Flat { output }).collect();
    let mut stores = body.clone();
    stores.sinks = slots.iter().map(|&slot| Sink::Store(slot)).collect();
    let code = BlockCode::new(&stores, &flat_inputs(4), &targets, 1);
    // Both; g cos; g sin and its negative; two rules, which read a number spread over a register each, and overwrite a copy of
    // an input; the sine.
    assert_eq!(code.code.operands.len(), 1 + 1 + 2 + 6 + 1);
    assert_lanes_equal(&body, &slots, &inputs, &[0.5, -2.0, 3.0, 1e-3]);
}
