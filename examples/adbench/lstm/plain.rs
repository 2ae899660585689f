//! The objective in plain Rust, the reference for time.

use super::Lstm;

/// The loss.
pub(crate) fn loss(lstm: &Lstm) -> f64 {
    let b = lstm.b;
    let (main, extra) = lstm.main_and_extra(&lstm.parameters);
    let mut state = lstm.state.clone();
    let (mut v, mut y) = (vec![0.0; b], vec![0.0; b]);
    let mut total = 0.0;
    for pair in lstm.sequence.chunks_exact(b).collect::<Vec<_>>().windows(2) {
        for ((v, x), scale) in v.iter_mut().zip(pair[0]).zip(extra) {
            *v = x * scale;
        }
        for (layer, state) in main.chunks_exact(8 * b).zip(state.chunks_exact_mut(2 * b)) {
            let (h, c) = state.split_at_mut(b);
            step(layer, &mut v, h, c);
        }
        for (j, y) in y.iter_mut().enumerate() {
            *y = v[j] * extra[b + j] + extra[2 * b + j];
        }
        let z = (2.0 + y.iter().map(|y| y.exp()).sum::<f64>()).ln();
        total += pair[1].iter().zip(&y).map(|(x, y)| x * (y - z)).sum::<f64>();
    }
    -total / lstm.count()
}

/// A layer's step; v becomes its output.
fn step(layer: &[f64], v: &mut [f64], h: &mut [f64], c: &mut [f64]) {
    let b = v.len();
    let (weights, biases) = layer.split_at(4 * b);
    let gate = |g: usize, j: usize, x: f64| x * weights[g * b + j] + biases[g * b + j];
    for j in 0..b {
        let forget = sigmoid(gate(0, j, v[j]));
        let ingate = sigmoid(gate(1, j, h[j]));
        let outgate = sigmoid(gate(2, j, v[j]));
        let change = gate(3, j, h[j]).tanh();
        c[j] = c[j] * forget + ingate * change;
        h[j] = outgate * c[j].tanh();
        v[j] = h[j];
    }
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}
