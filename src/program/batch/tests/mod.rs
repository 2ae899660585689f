mod formulas;
mod verify;

use super::BatchCode;
use super::code::{ArgumentLayout, ChainOp, ChainTerm};
use super::window::WINDOW;
use crate::num::Element;
use crate::ops::{BinaryOp, UnaryOp};
use crate::program::body::{Body, BodyOp, Register, Sink};
use crate::tensor::kernels::elementwise::Side;
use formulas::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Numbers from -1 to 1 that look like nothing in particular.
fn numbers<T: Element>(n: usize) -> Vec<T> {
    (0..n).map(|i| T::from_f64((i as f64 * 12.9898).sin())).collect()
}

fn n_inputs<T: Copy>(body: &Body<T>) -> usize {
    body.ops.iter().filter(|op| matches!(op, BodyOp::Input(_) | BodyOp::Shared(_))).count()
}

/// The outputs by the definition, and by batches.
fn both_ways<T: Element>(body: &Body<T>, inputs: &[T]) -> (Vec<T>, Vec<T>) {
    let values = body.evaluate(inputs, inputs);
    let expected = body.sinks.iter().map(|sink| match *sink {
        Sink::Store(slot) | Sink::Sum(slot) => values[slot as usize],
    });
    let mut code = BatchCode::new(body);
    let zero = T::from_f64(0.0);
    let mut found = vec![zero; body.sinks.len()];
    // Twice: the second run must not see what the first left.
    code.inputs().fill(T::from_f64(0.5));
    code.run();
    code.inputs().copy_from_slice(inputs);
    code.run();
    code.results(0, &mut found);
    (expected.collect(), found)
}

fn assert_same_bits<T: Element>(name: &str, body: &Body<T>, inputs: &[T]) {
    let (expected, found) = both_ways(body, inputs);
    assert_eq!(expected.len(), found.len(), "{name}");
    for (k, (e, f)) in expected.iter().zip(&found).enumerate() {
        assert_eq!(e.to_f64().to_bits(), f.to_f64().to_bits(), "{name}: output {k}: {e} by definition, {f} in batches");
    }
}

#[test]
fn arithmetic_keeps_its_bits() {
    for n in [2, 3, 5, 9, 64, 1000] {
        assert_same_bits("rosenbrock", &rosenbrock::<f64>(n), &numbers(n as usize));
        assert_same_bits("rosenbrock", &rosenbrock::<f32>(n), &numbers(n as usize));
        assert_same_bits("speelpenning", &speelpenning::<f64>(n), &numbers(n as usize));
    }
    for n in 2..6 {
        assert_same_bits("determinant", &determinant::<f64>(n), &numbers(n * n));
    }
    assert_same_bits("ring", &ring::<f64>(20, 30), &numbers(20));
}

#[test]
fn elementary_functions_differ_by_rounding_alone() {
    for (hidden, points) in [(2, 1), (3, 5), (16, 40)] {
        let body = perceptron::<f64>(hidden, points);
        let (expected, found) = both_ways(&body, &numbers(n_inputs(&body)));
        assert!(!found.is_empty() && expected.len() == found.len());
        for (e, f) in expected.iter().zip(&found) {
            assert!((e - f).abs() <= 1e-12 * (1.0 + e.abs()), "{e} by definition, {f} in batches");
        }
    }
}

/// Straight-line code at random: every op of the registry, arguments from near and far, the odd chain.
fn random<T: Element>(seed: u64, n: usize) -> Body<T> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut w, _) = Writer::<T>::new(6);
    let mut literals: Vec<Register> = [0.5, -0.25, 0.0, 3.0].map(|x| w.literal(x)).into();
    let (unary, binary) = (UnaryOp::all(), BinaryOp::all());
    let mut sum = literals[0];
    while w.ops.len() < n {
        let len = w.ops.len() as u32;
        let reach = if rng.random() { len } else { len.min(40) };
        let mut any = || len - 1 - rng.random_range(0..reach);
        let (x, y, z, g) = (any(), any(), any(), any());
        match rng.random_range(0..12) {
            0 => w.unary(unary[rng.random_range(0..unary.len())], x),
            1 => w.binary(binary[rng.random_range(0..binary.len())], x, y),
            2 => w.vjp(BodyOp::UnaryVjp(unary[rng.random_range(0..unary.len())], [x, y, g])),
            3 => {
                let side = if rng.random() { Side::X } else { Side::Y };
                w.vjp(BodyOp::BinaryVjp(binary[rng.random_range(0..binary.len())], side, [x, y, z, g]))
            }
            4 => w.select([x, y, z]),
            5 => w.sub(x, y),
            6 => w.add(x, y),
            7 => w.mul(x, literals[len as usize % 4]),
            8 => w.mul(literals[len as usize % 4], y),
            9 => {
                let product = w.mul(x, y);
                sum = w.add(sum, product);
                sum
            }
            10 => {
                sum = w.add(x, sum);
                sum
            }
            _ => {
                let literal = w.literal(rng.random_range(-2.0..2.0));
                literals.insert(len as usize % 4, literal);
                w.add(x, literal)
            }
        };
    }
    let sinks = (0..n as u32).filter(|i| i % 7 == 0).chain([sum, sum]).map(Sink::Store).collect();
    Body { ops: w.ops, sinks }
}

#[test]
fn random_code_computes_what_its_definition_says() {
    for seed in 0..60 {
        let body = random::<f64>(seed, 20 + 37 * seed as usize);
        let inputs = numbers::<f64>(6);
        // The definition with the kernels' elementary functions, which are what batches call.
        let expected = by_kernels(&body, &inputs);
        let (_, found) = both_ways(&body, &inputs);
        assert!(!found.is_empty() && body.sinks.len() == found.len(), "seed {seed}");
        for (sink, f) in body.sinks.iter().zip(&found) {
            let Sink::Store(slot) = *sink else { unreachable!("all are stored") };
            let e = expected[slot as usize];
            assert!(e.to_bits() == f.to_bits() || e.is_nan() && f.is_nan(), "seed {seed}, slot {slot}: {e} and {f}");
        }
    }
}

/// The values of all slots, one op at a time through the tensors' kernels.
fn by_kernels(body: &Body<f64>, inputs: &[f64]) -> Vec<f64> {
    let mut values: Vec<f64> = Vec::new();
    for op in &body.ops {
        let rows = super::code::operands(op).map(|slot| slot.map_or(f64::NAN, |slot| values[slot as usize]));
        let rows = rows.each_ref().map(std::slice::from_ref);
        let mut out = [0.0];
        match *op {
            BodyOp::Input(k) | BodyOp::Shared(k) => out[0] = inputs[k as usize],
            BodyOp::Literal(x) => out[0] = x,
            _ => super::run::compute(op, rows, &mut out),
        }
        values.push(out[0]);
    }
    values
}

fn forms(code: &BatchCode<f64>, form: ArgumentLayout) -> usize {
    code.code.instructions.iter().filter(|i| i.form == form).count()
}

#[test]
fn a_loop_in_the_formula_is_a_loop_in_the_code() {
    // However long the formula, as many instructions.
    let [short, long] = [500, 2000].map(|n| BatchCode::new(&rosenbrock::<f64>(n)));
    assert_eq!(short.code.instructions.len(), long.code.instructions.len());
    assert!(long.code.instructions.len() < 40, "{long}");
    assert_eq!(forms(&long, ArgumentLayout::List), 0, "{long}");
}

#[test]
fn products_that_only_a_sum_reads_are_not_stored() {
    let code = BatchCode::new(&perceptron::<f64>(8, 20));
    let dots = code.code.chains.iter().filter(|c| c.link == ChainOp::Add && c.term == ChainTerm::Mul);
    // A row of weights for each neuron, and the squares of the errors but for the first.
    assert_eq!(dots.map(|c| c.lanes * c.steps).sum::<u32>(), 20 * (8 * 8 + 8) + 19, "{code}");
    let adjoints = code.code.chains.iter().filter(|c| c.link == ChainOp::Add && c.term == ChainTerm::Scale);
    assert!(adjoints.map(|c| c.lanes * c.steps).sum::<u32>() >= 20 * 8 * 7 + 19 * 8 * 8, "{code}");
}

#[test]
fn prefix_products_are_stored_once_each() {
    let code = BatchCode::new(&speelpenning::<f64>(100));
    let kept: Vec<_> = code.code.chains.iter().map(|c| (c.link, c.steps, c.out_step.abs())).collect();
    assert_eq!(kept.len(), 2, "{code}");
    assert_eq!(kept[0], (ChainOp::Mul, 99, 1));
    assert_eq!((kept[1].0, kept[1].2), (ChainOp::Scale, 1));
}

#[test]
fn a_chain_does_not_wait_for_itself() {
    // s = s + t and t = t + s, in turn: each reads what the other has just become.
    let (mut w, x) = Writer::<f64>::new(2);
    let (mut s, mut t) = (x[0], x[1]);
    for _ in 0..30 {
        s = w.add(s, t);
        t = w.add(t, s);
    }
    // And two chains, each of which wants the other's first value at its end.
    let (mut a, mut b) = (w.mul(x[0], x[1]), w.mul(x[1], x[1]));
    let firsts = [a, b];
    for k in 0..20 {
        (a, b) = (w.mul(a, if k == 15 { firsts[1] } else { x[0] }), w.mul(b, if k == 15 { firsts[0] } else { x[1] }));
    }
    let body = Body { ops: w.ops, sinks: [s, t, a, b].map(Sink::Store).into() };
    assert_same_bits("fibonacci", &body, &[0.75, 0.5]);
}

#[test]
fn windows_hand_on_what_later_ones_read() {
    // Longer than two windows, forward and back, so that values of the first are read in the last.
    let body = rosenbrock::<f64>(8000);
    assert!(body.ops.len() > 2 * WINDOW);
    assert_same_bits("rosenbrock", &body, &numbers(8000));
}

#[test]
fn dead_code_costs_nothing() {
    let mut body = ring::<f64>(50, 20);
    let all = BatchCode::new(&body).n_ops;
    body.sinks.truncate(1);
    let value_alone = BatchCode::new(&body).n_ops;
    assert!(value_alone * 2 < all, "{value_alone} of {all}");
    assert_same_bits("ring", &body, &numbers(50));
    // Nothing at all is code too.
    BatchCode::new(&Body::<f64> { ops: Vec::new(), sinks: Vec::new() }).run();
}

#[test]
fn outputs_may_be_inputs_and_literals() {
    let (mut w, x) = Writer::<f64>::new(2);
    let three = w.literal(3.0);
    let body = Body { ops: w.ops, sinks: [x[1], three, x[0], x[1]].map(Sink::Store).into() };
    assert_same_bits("copies", &body, &[0.25, -7.0]);
}

#[test]
fn the_listing_names_what_runs() {
    let listing = BatchCode::new(&speelpenning::<f64>(50)).to_string();
    for word in ["Mul 49 steps", "Scale 48 steps", "every step kept", "outputs"] {
        assert!(listing.contains(word), "no {word:?} in:\n{listing}");
    }
}
