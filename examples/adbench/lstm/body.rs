//! The objective once for every kind of number.

use super::Lstm;
use retrograd::Real;

/// The loss.
pub(crate) fn loss<S: Real>(lstm: &Lstm, parameters: &[S]) -> S {
    let b = lstm.b;
    let (main, extra) = lstm.main_and_extra(parameters);
    let mut state: Vec<S> = lstm.state.iter().map(|&x| S::lit(x)).collect();
    let (mut v, mut y) = (Vec::with_capacity(b), Vec::with_capacity(b));
    let mut total = S::lit(0.0);
    for t in 0..lstm.c - 1 {
        let (x, next) = (&lstm.sequence[t * b..][..b], &lstm.sequence[(t + 1) * b..][..b]);
        v.clear();
        v.extend(extra.iter().zip(x).map(|(&scale, &x)| scale * x));
        for (layer, state) in main.chunks_exact(8 * b).zip(state.chunks_exact_mut(2 * b)) {
            let (h, c) = state.split_at_mut(b);
            step(layer, &mut v, h, c);
        }
        y.clear();
        y.extend((0..b).map(|j| v[j] * extra[b + j] + extra[2 * b + j]));
        total += log_likelihood(&y, next);
    }
    total * (-1.0 / lstm.count())
}

/// A layer's step; v becomes its output.
fn step<S: Real>(layer: &[S], v: &mut [S], h: &mut [S], c: &mut [S]) {
    let b = v.len();
    let (weights, biases) = layer.split_at(4 * b);
    let gate = |g: usize, j: usize, x: S| x * weights[g * b + j] + biases[g * b + j];
    for j in 0..b {
        let forget = gate(0, j, v[j]).sigmoid();
        let ingate = gate(1, j, h[j]).sigmoid();
        let outgate = gate(2, j, v[j]).sigmoid();
        let change = gate(3, j, h[j]).tanh();
        c[j] = c[j] * forget + ingate * change;
        h[j] = outgate * c[j].tanh();
        v[j] = h[j];
    }
}

/// sum_j x_j (y_j - z) with z = ln(2 + sum_j exp(y_j)), where the x are data: a term for each that is not 0.
fn log_likelihood<S: Real>(y: &[S], x: &[f64]) -> S {
    let exps = y.iter().map(|y| y.exp()).reduce(|a, b| a + b).unwrap_or(S::lit(0.0));
    let z = (exps + 2.0).ln();
    let weight: f64 = x.iter().sum();
    let terms = y.iter().zip(x).filter(|&(_, &x)| x != 0.0);
    let chosen = terms.map(|(&y, &x)| if x == 1.0 { y } else { y * x }).reduce(|a, b| a + b);
    match chosen {
        Some(chosen) => chosen - z * weight,
        None => z * -weight,
    }
}
