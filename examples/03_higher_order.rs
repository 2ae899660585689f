//! Lesson 3: second derivatives at work.
//!
//! Teaches: Hessians, Hessian-vector products, and derivatives of any order.
//! Prints the steps of Newton's method on Rosenbrock's function from its classic start, and the derivatives of sin(x).
//!
//! Run: `cargo run --example 03_higher_order`

use retrograd::{Real, Tape, hessian_slice, hvp_slice, value_and_grad_slice};

/// f(x, y) = 100 (y - x^2)^2 + (1 - x)^2, least at (1, 1), at the end of a curved valley.
fn rosenbrock<S: Real>(v: &[S]) -> S {
    (v[1] - v[0].square()).square() * 100.0 + (-v[0] + 1.0).square()
}

pub(crate) fn main() {
    newton();
    matrix_free();
    every_order();
}

/// Each step solves H d = g and moves by -d, which lands on the minimum of the local parabola.
fn newton() {
    let mut point = vec![-1.2, 1.0];
    let mut values = Vec::new();
    for step in 0..10 {
        let (value, gradient) = value_and_grad_slice(|v| rosenbrock(v), &point);
        values.push(value);
        println!("step {step}: f = {value:.6e} at ({:.9}, {:.9})", point[0], point[1]);
        if gradient.iter().all(|g| g.abs() < 1e-12) {
            break;
        }
        let hessian = hessian_slice(|v| rosenbrock(v), &point);
        // Linear systems are ops as well, differentiable like any other; here only the value is needed.
        let tape = Tape::new();
        let direction = tape.data(hessian).solve(tape.data(gradient)).value();
        point.iter_mut().zip(direction.iter()).for_each(|(x, d)| *x -= d);
    }
    assert!((point[0] - 1.0).abs() < 1e-12 && (point[1] - 1.0).abs() < 1e-12);
    // The textbook's path: into the valley, one long jump out of it, then digits double.
    assert!(values.len() <= 8 && (values[1] - 4.7319).abs() < 1e-3 && (values[2] - 1411.845).abs() < 1e-2);
}

/// A Hessian times a vector costs about two gradients and never builds the matrix: here with ten thousand unknowns.
fn matrix_free() {
    let n = 10_000;
    let x = vec![1.0; n];
    let mut direction = vec![0.0; n];
    direction[0] = 1.0;
    let product =
        hvp_slice(|v| v.windows(2).map(rosenbrock).reduce(|a, b| a + b).expect("two unknowns or more"), &x, &direction);
    println!("first column of a {n} x {n} Hessian: {:?}, then zeros", &product[..2]);
    // At (1, ..., 1): d2f/dx1^2 = 1200 - 400 + 2 and d2f/dx1 dx2 = -400.
    assert_eq!(product[..2], [802.0, -400.0]);
    assert!(product[2..].iter().all(|&x| x == 0.0));
}

/// A recorded gradient is a variable like any other, so differentiating goes on: sin, cos, -sin, -cos, sin.
fn every_order() {
    let tape = Tape::new();
    let x = tape.var(0.7_f64);
    let mut derivative = x.sin();
    for order in 0..=8 {
        let expected = (0.7 + f64::from(order) * std::f64::consts::FRAC_PI_2).sin();
        println!("order {order}: {derivative:+.15}, expected {expected:+.15}");
        assert!((derivative.item() - expected).abs() < 1e-14);
        derivative = tape.grad(derivative, &[x])[0];
    }
}
