//! Lesson 2: formulas of tensors.
//!
//! Teaches: tensors on the same tape as numbers, broadcasting, data that needs no gradient, parts of tensors, errors.
//! Prints the gradients of a linear regression and of a softmax cross-entropy, beside what they are by hand.
//!
//! Run: `cargo run --example 02_tensor_expression`

use retrograd::{Tape, Tensor};

pub(crate) fn main() {
    linear_regression();
    cross_entropy();
    shapes_that_do_not_fit();
}

/// L = mean((X w + b - t)^2), so dL/dw = 2/n X^T r and dL/db = 2/n sum r, with residuals r = X w + b - t.
fn linear_regression() {
    let tape = Tape::new();
    // Data takes part in the computation; no gradient is computed for it.
    let inputs = tape.data([[1.0, 2.0], [3.0, -1.0], [0.5, 0.5]]);
    let targets = tape.data([1.0, 0.0, 2.0]);
    let weights = tape.var([0.3, -0.2]);
    let bias = tape.var(0.1);

    // The number `bias` broadcasts over the vector.
    let residuals = inputs.matmul(weights) + bias - targets;
    let loss = residuals.square().mean(());
    let grads = loss.backward();
    println!("loss {loss:.6}, dL/dw {:.6}, dL/db {:.6}", grads.wrt(weights), grads.item(bias));

    let r = residuals.value();
    let by_hand = [r[[0]] + 3.0 * r[[1]] + 0.5 * r[[2]], 2.0 * r[[0]] - r[[1]] + 0.5 * r[[2]]].map(|x| x * 2.0 / 3.0);
    println!("by hand: dL/dw {by_hand:.6?}");
    assert_close(&grads.wrt(weights), &Tensor::from(by_hand));
    assert!((grads.item(bias) - 2.0 / 3.0 * r.iter().sum::<f64>()).abs() < 1e-15);
}

/// L = mean(-ln softmax(z)[label]), so dL/dz = (softmax(z) - onehot(label)) / n.
fn cross_entropy() {
    let tape = Tape::new();
    let scores = tape.var([[2.0, 0.5, -1.0], [0.0, 0.1, 0.2]]);
    let labels = [0, 2];
    let loss = scores.cross_entropy(&labels);
    let gradient = loss.backward().wrt(scores);
    println!("cross-entropy {loss:.6}, dL/dz\n{gradient:.6}");

    let by_hand = (scores.softmax(-1) - tape.data(Tensor::one_hot(&labels, 3))) / 2.0;
    assert_close(&gradient, &by_hand.value());

    // The same loss from its parts: ops of any kind nest in any order.
    let parts = -scores.softmax(-1).ln().pick(&labels).mean(());
    assert!((parts.item() - loss.item()).abs() < 1e-15);
    assert_close(&parts.backward().wrt(scores), &gradient);

    // One row, and one number, of a tensor are variables too.
    let part = scores.slice(0).exp().sum(()) * scores.at([1, 2]);
    let gradient = part.backward().wrt(scores);
    println!("gradient of a part\n{gradient:.6}");
    assert!((gradient[[0, 1]] - 0.2 * 0.5_f64.exp()).abs() < 1e-15);
    assert_eq!(gradient[[1, 0]], 0.0);
}

/// Operators panic on a shape mistake, with both shapes; the `try_` twins return the same as an error.
fn shapes_that_do_not_fit() {
    let tape = Tape::new();
    let (a, b) = (tape.var([[1.0; 3]; 2]), tape.var([1.0; 4]));
    let error = a.try_add(b).expect_err("3 columns and 4 do not broadcast");
    println!("a mistake: {error}");
    assert!(error.is_shape());
}

fn assert_close(found: &Tensor<f64>, expected: &Tensor<f64>) {
    assert_eq!(found.shape(), expected.shape());
    for (a, b) in found.iter().zip(expected.iter()) {
        assert!((a - b).abs() <= 1e-14, "{a} is not {b}");
    }
}
