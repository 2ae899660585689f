//! Values and gradients of the problems, written out.

use crate::problems::{HIDDEN, Problem};

pub fn gradient(problem: Problem, x: &[f64], points: &[[f64; 3]], g: &mut [f64]) -> f64 {
    match problem {
        Problem::Rosenbrock => rosenbrock(x, g),
        Problem::Speelpenning => speelpenning(x, g),
        Problem::Network => network(x, points, g),
    }
}

fn rosenbrock(x: &[f64], g: &mut [f64]) -> f64 {
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

/// Products of all before and of all after.
fn speelpenning(x: &[f64], g: &mut [f64]) -> f64 {
    let mut before = 1.0;
    for (g, x) in g.iter_mut().zip(x) {
        *g = before;
        before *= x;
    }
    let mut after = 1.0;
    for (g, x) in g.iter_mut().zip(x).rev() {
        *g *= after;
        after *= x;
    }
    before
}

fn network(p: &[f64], points: &[[f64; 3]], g: &mut [f64]) -> f64 {
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
