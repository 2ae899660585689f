//! The core paths end to end.
use retrograd::*;

#[test]
fn scalars_and_tensors_share_one_sweep() {
    let tape = Tape::new();
    let w = tape.var([[1.0, 2.0], [3.0, 4.0]]);
    let s = tape.var(0.5);
    let x = tape.data([[1.0, -1.0]]);
    let h = (x.matmul(w) * s).tanh();
    let total = h.sum(()) * s + s.sin();
    let grads = total.backward();
    let eps = 1e-6;
    let f = |w00: f64, s: f64| {
        let z = [(w00 - 3.0) * s, (2.0f64 - 4.0) * s];
        (z[0].tanh() + z[1].tanh()) * s + s.sin()
    };
    assert!((grads.wrt(w)[[0, 0]] - (f(1.0 + eps, 0.5) - f(1.0 - eps, 0.5)) / (2.0 * eps)).abs() < 1e-8);
    assert!((grads.item(s) - (f(1.0, 0.5 + eps) - f(1.0, 0.5 - eps)) / (2.0 * eps)).abs() < 1e-8);
    assert_eq!(total.item(), f(1.0, 0.5));
}

#[test]
fn third_derivative_of_a_scalar_and_of_a_tensor() {
    let tape = Tape::new();
    let x = tape.var(0.7);
    let y = x.sin();
    let d1 = tape.grad(y, &[x])[0];
    let d2 = tape.grad(d1, &[x])[0];
    let d3 = tape.grad(d2, &[x])[0];
    assert!((d3.item() + 0.7f64.cos()).abs() < 1e-15);
    let x = tape.var([0.7, 0.2]);
    let y = x.sin().sum(());
    let d1 = tape.grad(y, &[x])[0].sum(());
    let d2 = tape.grad(d1, &[x])[0].sum(());
    let d3 = tape.grad(d2, &[x])[0];
    assert!((d3.value()[[1]] + 0.2f64.cos()).abs() < 1e-15);
}

#[test]
fn hessians_of_closures() {
    let h = hessian_slice(|x| (x[1] - x[0] * x[0]).square() * 100.0 + (1.0 - x[0]).square(), &[-1.2, 1.0]);
    assert_eq!(h.to_vec(), [1330.0, 480.0, 480.0, 200.0]);
    let h = hessian(|x| x.softmax(-1).ln().at([0]), Tensor::from([0.1, 0.5, -0.3]));
    // d2 ln p_0 / dx_i dx_j = p_i p_j - p_i [i = j], p = softmax(x).
    let weights = [0.1f64, 0.5, -0.3].map(f64::exp);
    let p = weights.map(|w| w / weights.iter().sum::<f64>());
    assert_eq!(h.shape().dims(), [3, 3]);
    for (i, j) in (0..9).map(|k| (k / 3, k % 3)) {
        let expected = p[i] * p[j] - if i == j { p[i] } else { 0.0 };
        assert!((h[[i, j]] - expected).abs() < 1e-15, "[{i}, {j}]: {}, expected {expected}", h[[i, j]]);
    }
}

#[test]
fn a_million_nodes_neither_recurse_nor_overflow() {
    let tape = Tape::new();
    let x = tape.var(1.0);
    let mut y = x;
    for _ in 0..1_000_000 {
        y *= 1.0;
    }
    assert_eq!(y.backward().item(x), 1.0);
}
