//! Scalar problems: recorded and swept on every step, or recorded once.

use retrograd::{Real, Tape, Var};

const HIDDEN: usize = 16;

pub fn rosenbrock<S: Real>(x: &[S]) -> S {
    let term = |i: usize| {
        let (t, u) = (x[i + 1] - x[i] * x[i], S::lit(1.0) - x[i]);
        t * t * 100.0 + u * u
    };
    (1..x.len() - 1).map(term).fold(term(0), |sum, e| sum + e)
}

fn speelpenning<S: Real>(x: &[S]) -> S {
    x[1..].iter().fold(x[0], |p, &v| p * v)
}

/// The squared error of a 2-16-16-1 tanh network, every weight a scalar.
fn network<S: Real>(p: &[S], points: &[[f64; 3]]) -> S {
    let (w1, p) = p.split_at(2 * HIDDEN);
    let (b1, p) = p.split_at(HIDDEN);
    let (w2, p) = p.split_at(HIDDEN * HIDDEN);
    let (b2, p) = p.split_at(HIDDEN);
    let (w3, b3) = p.split_at(HIDDEN);
    let error = |q: &[f64; 3]| {
        let h1: [S; HIDDEN] = std::array::from_fn(|j| (w1[2 * j] * q[0] + w1[2 * j + 1] * q[1] + b1[j]).tanh());
        let sum = |j: usize| (0..HIDDEN).fold(b2[j], |z, i| z + w2[j * HIDDEN + i] * h1[i]);
        let h2: [S; HIDDEN] = std::array::from_fn(|j| sum(j).tanh());
        let e = (0..HIDDEN).fold(b3[0], |z, i| z + w3[i] * h2[i]) - q[2];
        e * e
    };
    points[1..].iter().map(error).fold(error(&points[0]), |sum, e| sum + e)
}

pub fn run(workload: &str, mode: &str) {
    let (x, points) = (common::scalar_x(workload), common::scalar_points());
    match workload {
        "rosenbrock" => serve(mode, &x, |x| rosenbrock(x)),
        "speelpenning" => serve(mode, &x, |x| speelpenning(x)),
        _ => serve(mode, &x, |x| network(x, &points)),
    }
}

fn serve(mode: &str, x: &[f64], f: impl for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64>) {
    if mode == "program" {
        return crate::programs::scalars(x, f);
    }
    let mut tape = Tape::new();
    let step = |_| {
        tape.clear();
        let vars = tape.vars(std::hint::black_box(x));
        let y = f(&vars);
        let grads = y.backward();
        let gradient = grads.items(&vars);
        tape.recycle(grads);
        (y.item(), gradient)
    };
    common::serve(step, |(y, gradient): (f64, Vec<f64>)| vec![y, common::norm(gradient)]);
}
