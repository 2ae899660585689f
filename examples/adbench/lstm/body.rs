//! The objective once for every kind of number.

use super::Lstm;
use retrograd::Real;

/// The loss.
pub(crate) fn loss<S: Real>(lstm: &Lstm, parameters: &[S]) -> S {
    let b = lstm.b;
    let (main, extra) = lstm.main_and_extra(parameters);
    let mut state: Vec<S> = lstm.state.iter().map(|&x| S::lit(x)).collect();
    let (mut v, mut y) = (vec![S::lit(0.0); b], vec![S::lit(0.0); b]);
    let mut total = S::lit(0.0);
    for t in 0..lstm.c - 1 {
        let (x, next) = (&lstm.sequence[t * b..][..b], &lstm.sequence[(t + 1) * b..][..b]);
        for ((v, &scale), &x) in v.iter_mut().zip(extra).zip(x) {
            *v = scale * x;
        }
        for (layer, state) in main.chunks_exact(8 * b).zip(state.chunks_exact_mut(2 * b)) {
            let (h, c) = state.split_at_mut(b);
            step(layer, &mut v, h, c);
        }
        for (j, y) in y.iter_mut().enumerate() {
            *y = v[j] * extra[b + j] + extra[2 * b + j];
        }
        total += log_likelihood(&y, next);
    }
    total * (-1.0 / lstm.count())
}

/// A layer's step; v becomes its output.
#[inline(always)]
fn step<S: Real>(layer: &[S], v: &mut [S], h: &mut [S], c: &mut [S]) {
    let b = v.len();
    let (h, c) = (&mut h[..b], &mut c[..b]);
    let (weights, biases) = layer.split_at(4 * b);
    let (weights, biases) = (&weights[..4 * b], &biases[..4 * b]);
    for j in 0..b {
        let forget = (v[j] * weights[j] + biases[j]).sigmoid();
        let ingate = (h[j] * weights[b + j] + biases[b + j]).sigmoid();
        let outgate = (v[j] * weights[2 * b + j] + biases[2 * b + j]).sigmoid();
        let change = (h[j] * weights[3 * b + j] + biases[3 * b + j]).tanh();
        c[j] = c[j] * forget + ingate * change;
        h[j] = outgate * c[j].tanh();
        v[j] = h[j];
    }
}

/// sum_j x_j (y_j - z) with z = ln(2 + sum_j exp(y_j)), where the x are data: a term for each that is not 0.
#[inline(always)]
fn log_likelihood<S: Real>(y: &[S], x: &[f64]) -> S {
    let mut exps = y[0].exp() + 2.0;
    for y in &y[1..] {
        exps += y.exp();
    }
    let mut total = exps.ln() * -x.iter().sum::<f64>();
    for (&y, &x) in y.iter().zip(x).filter(|&(_, &x)| x != 0.0) {
        total += if x == 1.0 { y } else { y * x };
    }
    total
}
