//! Scalar problems in f64: record and sweep on every call, beside the gradient written by hand.

use criterion::{Criterion, Throughput};
use retrograd::{Real, Tape, Var};
use std::hint::black_box;

/// Elementary ops of each problem, as the published comparisons count them.
pub const ROSENBROCK: usize = 1000;

pub fn rosenbrock<S: Real>(x: &[S]) -> S {
    let term = |i: usize| {
        let (t, u) = (x[i + 1] - x[i] * x[i], S::lit(1.0) - x[i]);
        t * t * 100.0 + u * u
    };
    (1..x.len() - 1).map(term).fold(term(0), |sum, e| sum + e)
}

pub fn rosenbrock_by_hand(x: &[f64], g: &mut [f64]) -> f64 {
    let (mut sum, mut carry) = (0.0, 0.0);
    for i in 0..x.len() - 1 {
        let (t, u) = (x[i + 1] - x[i] * x[i], 1.0 - x[i]);
        sum += 100.0 * t * t + u * u;
        g[i] = carry - 400.0 * t * x[i] - 2.0 * u;
        carry = 200.0 * t;
    }
    g[x.len() - 1] = carry;
    sum
}

pub fn product<S: Real>(x: &[S]) -> S {
    x[1..].iter().fold(x[0], |p, &v| p * v)
}

pub fn product_by_hand(x: &[f64], g: &mut [f64]) -> f64 {
    let n = x.len();
    let mut p = 1.0;
    for i in 0..n {
        g[i] = p;
        p *= x[i];
    }
    let mut s = 1.0;
    for i in (0..n).rev() {
        g[i] *= s;
        s *= x[i];
    }
    p
}

pub const HIDDEN: usize = 16;
pub const PARAMETERS: usize = 2 * HIDDEN + HIDDEN + HIDDEN * HIDDEN + HIDDEN + HIDDEN + 1;
pub const POINTS: usize = 100;

/// The squared error of a 2-16-16-1 tanh network over 100 points, every weight a scalar.
pub fn network<S: Real>(p: &[S], points: &[[f64; 3]]) -> S {
    let (w1, p) = p.split_at(2 * HIDDEN);
    let (b1, p) = p.split_at(HIDDEN);
    let (w2, p) = p.split_at(HIDDEN * HIDDEN);
    let (b2, p) = p.split_at(HIDDEN);
    let (w3, b3) = p.split_at(HIDDEN);
    let mut loss = None;
    for q in points {
        let h1: [S; HIDDEN] = std::array::from_fn(|j| (w1[2 * j] * q[0] + w1[2 * j + 1] * q[1] + b1[j]).tanh());
        let h2: [S; HIDDEN] =
            std::array::from_fn(|j| (0..HIDDEN).fold(b2[j], |z, i| z + w2[j * HIDDEN + i] * h1[i]).tanh());
        let z = (0..HIDDEN).fold(b3[0], |z, i| z + w3[i] * h2[i]);
        let e = z - q[2];
        loss = Some(loss.map_or(e * e, |sum: S| sum + e * e));
    }
    loss.expect("there are points")
}

pub fn network_by_hand(p: &[f64], points: &[[f64; 3]], g: &mut [f64]) -> f64 {
    g.fill(0.0);
    let (w1, p) = p.split_at(2 * HIDDEN);
    let (b1, p) = p.split_at(HIDDEN);
    let (w2, p) = p.split_at(HIDDEN * HIDDEN);
    let (b2, p) = p.split_at(HIDDEN);
    let (w3, b3) = p.split_at(HIDDEN);
    let (gw1, g) = g.split_at_mut(2 * HIDDEN);
    let (gb1, g) = g.split_at_mut(HIDDEN);
    let (gw2, g) = g.split_at_mut(HIDDEN * HIDDEN);
    let (gb2, g) = g.split_at_mut(HIDDEN);
    let (gw3, gb3) = g.split_at_mut(HIDDEN);
    // Transposed once, so that the inner loop runs over contiguous numbers.
    let w2t: [f64; HIDDEN * HIDDEN] = std::array::from_fn(|k| w2[k % HIDDEN * HIDDEN + k / HIDDEN]);
    let mut loss = 0.0;
    for q in points {
        let h1: [f64; HIDDEN] = std::array::from_fn(|j| (w1[2 * j] * q[0] + w1[2 * j + 1] * q[1] + b1[j]).tanh());
        let mut h2: [f64; HIDDEN] = std::array::from_fn(|j| b2[j]);
        for i in 0..HIDDEN {
            for j in 0..HIDDEN {
                h2[j] += w2t[i * HIDDEN + j] * h1[i];
            }
        }
        h2 = h2.map(f64::tanh);
        let e = (0..HIDDEN).fold(b3[0], |z, i| z + w3[i] * h2[i]) - q[2];
        loss += e * e;
        let d = 2.0 * e;
        gb3[0] += d;
        let (mut d1, mut d2) = ([0.0; HIDDEN], [0.0; HIDDEN]);
        for i in 0..HIDDEN {
            gw3[i] += d * h2[i];
            d2[i] = d * w3[i] * (1.0 - h2[i] * h2[i]);
            gb2[i] += d2[i];
        }
        for j in 0..HIDDEN {
            for i in 0..HIDDEN {
                gw2[j * HIDDEN + i] += d2[j] * h1[i];
                d1[i] += d2[j] * w2[j * HIDDEN + i];
            }
        }
        for i in 0..HIDDEN {
            d1[i] *= 1.0 - h1[i] * h1[i];
            gb1[i] += d1[i];
            gw1[2 * i] += d1[i] * q[0];
            gw1[2 * i + 1] += d1[i] * q[1];
        }
    }
    loss
}

/// What the network is fitted to.
pub fn points() -> Vec<[f64; 3]> {
    numbers(3 * POINTS, -1.0, 1.0).chunks(3).map(|q| [q[0], q[1], q[2].signum()]).collect()
}

/// Numbers in lo..hi, the same on every run.
pub fn numbers(n: usize, lo: f64, hi: f64) -> Vec<f64> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..n).map(|_| lo + (hi - lo) * next()).collect()
}

fn pair(
    c: &mut Criterion,
    name: &str,
    ops: usize,
    x: &[f64],
    f: impl for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64>,
    by_hand: impl Fn(&[f64], &mut [f64]) -> f64,
) {
    let mut tape = Tape::new();
    let mut gradient = vec![0.0; x.len()];
    by_hand(x, &mut gradient);
    {
        let vars = tape.vars(x);
        let recorded = f(&vars).backward().items(&vars);
        let worst = recorded.iter().zip(&gradient).map(|(a, b)| (a - b).abs() / (1.0 + b.abs())).fold(0.0, f64::max);
        assert!(worst < 1e-9, "{name}: autodiff and hand-coded gradients differ by {worst}");
    }
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Elements(ops as u64));
    group.bench_function("hand", |b| b.iter(|| by_hand(black_box(x), &mut gradient)));
    group.bench_function("record and sweep", |b| {
        b.iter(|| {
            tape.clear();
            let vars = tape.vars(black_box(x));
            let grads = f(&vars).backward();
            gradient.copy_from_slice(&grads.items(&vars));
            tape.recycle(grads);
        });
    });
    group.finish();
}

pub fn benches(c: &mut Criterion) {
    let x = numbers(ROSENBROCK, -1.5, 1.5);
    pair(c, "rosenbrock 1000", 8 * (ROSENBROCK - 1), &x, |x| rosenbrock(x), rosenbrock_by_hand);
    let x = numbers(1000, 0.95, 1.05);
    pair(c, "speelpenning 1000", 999, &x, |x| product(x), product_by_hand);
    let points = points();
    let x = numbers(PARAMETERS, -0.5, 0.5);
    let ops = POINTS * (HIDDEN * 5 + HIDDEN * 33 + 2 * HIDDEN + 3);
    pair(c, "scalar mlp", ops, &x, |p| network(p, &points), |p, g| network_by_hand(p, &points, g));
}
