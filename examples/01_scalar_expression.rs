//! Lesson 1: a formula of numbers, its value, gradient and Hessian.
//!
//! Teaches: a tape, variables, `backward`, gradients of gradients, and a formula generic over numbers.
//! Prints each quantity of f(x, y) = x^2 y + sin(x y) beside the same derived by hand, and a derivative through a loop.
//!
//! Run: `cargo run --example 01_scalar_expression`

use retrograd::{Real, Tape, hessian_slice};

/// Written once, for plain numbers and for variables: `f64`, `Var`, `Dual`.
fn f<S: Real>(x: S, y: S) -> S {
    x * x * y + (x * y).sin()
}

pub(crate) fn main() {
    let (a, b) = (1.5_f64, -0.8_f64);

    // A tape records operations while they are computed. Variables are Copy: no references, no clones.
    let tape = Tape::new();
    let (x, y) = (tape.var(a), tape.var(b));
    let value = f(x, y);
    println!("f({a}, {b}) = {value}, by hand {}", f(a, b));
    assert_eq!(value.item(), f(a, b));

    // One backward sweep gives the derivative by every variable.
    let grads = value.backward();
    let by_hand = [2.0 * a * b + b * (a * b).cos(), a * a + a * (a * b).cos()];
    println!("gradient [{}, {}], by hand {by_hand:?}", grads.item(x), grads.item(y));
    assert_close(&[grads.item(x), grads.item(y)], &by_hand);

    // The sweep can itself be recorded. Its results are variables: differentiate them again.
    let slope = tape.grad(value, &[x, y]);
    let (by_x, by_y) = (slope[0].backward(), slope[1].backward());
    let hessian = [by_x.item(x), by_x.item(y), by_y.item(x), by_y.item(y)];
    let (s, c) = (a * b).sin_cos();
    let mixed = 2.0 * a + c - a * b * s;
    let by_hand = [2.0 * b - b * b * s, mixed, mixed, -a * a * s];
    println!("Hessian {hessian:?}, by hand {by_hand:?}");
    assert_close(&hessian, &by_hand);

    // The same without a tape in sight.
    let hessian = hessian_slice(|v| f(v[0], v[1]), &[a, b]);
    println!("as a matrix\n{hessian:.4}");
    assert_close(hessian.as_slice(), &by_hand);

    // What is recorded is what ran, so loops and conditions need nothing special: square until past 100.
    let x = tape.var(1.5);
    let (mut power, mut squarings) = (x, 0);
    while power < 100.0 {
        power = power * power;
        squarings += 1;
    }
    let n = 2_i32.pow(squarings);
    let slope = power.backward().item(x);
    println!("x^{n} at {x} = {power}, slope {slope}");
    assert_close(&[slope], &[f64::from(n) * 1.5_f64.powi(n - 1)]);
}

fn assert_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= 1e-14 * b.abs().max(1.0), "{a} is not {b}");
    }
}
