mod formulas;

use super::BatchCode;
use super::code::{Form, Link, Term};
use super::window::WINDOW;
use crate::num::Element;
use crate::program::body::{Body, BodyOp, Sink};
use formulas::*;

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
    code.run(&vec![T::from_f64(0.5); inputs.len()], &mut found);
    code.run(inputs, &mut found);
    (expected.collect(), found)
}

fn assert_same_bits<T: Element>(name: &str, body: &Body<T>, inputs: &[T]) {
    let (expected, found) = both_ways(body, inputs);
    for (k, (e, f)) in expected.iter().zip(&found).enumerate() {
        assert_eq!(e.as_f64().to_bits(), f.as_f64().to_bits(), "{name}: output {k}: {e} by definition, {f} in batches");
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
        for (e, f) in expected.iter().zip(&found) {
            assert!((e - f).abs() <= 1e-12 * (1.0 + e.abs()), "{e} by definition, {f} in batches");
        }
    }
}
