//! Mazur's example of backpropagation, step by step.
//!
//! Teaches: a loss read off the page, and its gradient where others derive each partial derivative on paper; a sweep from the
//! middle of a graph.
//! Prints the error, the outputs and the updated weights of M. Mazur's "A Step by Step Backpropagation Example" (2015), and
//! what is left of the error after 10,000 rounds, to the digits that he prints. As in his text, biases stay as they are.
//!
//! His text updates all weights at once. The error that he prints after the first round, and the outputs after 10,000, are
//! those of a program that updates the output layer first and then takes the hidden layer's step through the weights that have
//! already moved: not quite the gradient. Both are done here.
//!
//! Run: `cargo run --release --example mazur`

use retrograd::{Tape, Tensor};

const RATE: f64 = 0.5;
/// w1 to w8 after one round.
const UPDATED: [&str; 8] =
    ["0.149780716", "0.19956143", "0.24975114", "0.29950229", "0.35891648", "0.408666186", "0.51130127", "0.561370121"];

pub(crate) fn main() {
    let mut network = Network::new();
    let first = network.round();
    println!("outputs {:.9?}, total error {:.9}", first.outputs, first.error);
    assert_printed(first.outputs[0], "0.75136507");
    assert_printed(first.outputs[1], "0.772928465");
    assert_printed(first.error, "0.298371109");

    // w1 to w4 feed the hidden units, w5 to w8 the outputs; a column of a matrix belongs to one unit.
    let weights = [network.hidden.t().to_vec(), network.output.t().to_vec()].concat();
    for (i, (weight, printed)) in weights.iter().zip(UPDATED).enumerate() {
        println!("w{} = {weight:.9}", i + 1);
        assert_printed(*weight, printed);
    }
    let last = (2..=10_000).map(|_| network.round()).last().expect("there are rounds");
    println!("error in round 10,000: {:.10}", last.error);
    assert_printed(last.error, "0.0000351085");

    let mut network = Network::new();
    network.round_in_sequence();
    let second = network.round_in_sequence();
    println!("layer after layer: error after the first round {:.9}", second.error);
    assert_printed(second.error, "0.291027924");
    (2..10_000).for_each(|_| drop(network.round_in_sequence()));
    let after = network.round_in_sequence();
    println!("layer after layer: outputs after 10,000 rounds {:.9?}", after.outputs);
    assert_printed(after.outputs[0], "0.015912196");
    assert_printed(after.outputs[1], "0.984065734");
}

/// Two inputs, two hidden units, two outputs. Weights are [inputs, units].
struct Network {
    hidden: Tensor<f64>,
    output: Tensor<f64>,
}

/// What a round computes before it updates the weights.
struct Round {
    error: f64,
    outputs: Vec<f64>,
}

impl Network {
    fn new() -> Self {
        Self { hidden: [[0.15, 0.25], [0.20, 0.30]].into(), output: [[0.40, 0.50], [0.45, 0.55]].into() }
    }

    /// A step of gradient descent for all weights at once.
    fn round(&mut self) -> Round {
        self.forward_and_back(false)
    }

    /// A step for the output layer, then one for the hidden layer through the weights that it left.
    fn round_in_sequence(&mut self) -> Round {
        self.forward_and_back(true)
    }

    fn forward_and_back(&mut self, in_sequence: bool) -> Round {
        let tape = Tape::new();
        let (hidden, output) = (tape.var(&self.hidden), tape.var(&self.output));
        let h = (tape.data([[0.05, 0.10]]).matmul(hidden) + 0.35).sigmoid();
        let net = (h.matmul(output) + 0.60).retain_gradient();
        let o = net.sigmoid();
        // E = sum 1/2 (target - out)^2
        let error = o.squared_error(tape.data([[0.01, 0.99]])) * 0.5;

        let gradients = error.backward();
        self.output.add_scaled(-RATE, &gradients.wrt(output));
        let by_hidden = if in_sequence {
            // The sweep starts at the output units with their deltas, dE/dnet.
            let moved = h.matmul(tape.data(&self.output));
            moved.backward_with(gradients.wrt(net)).wrt(hidden)
        } else {
            gradients.wrt(hidden)
        };
        self.hidden.add_scaled(-RATE, &by_hidden);
        Round { error: error.item(), outputs: o.value().to_vec() }
    }
}

/// Equal to all digits that were printed.
fn assert_printed(x: f64, printed: &str) {
    let decimals = printed.len() - "0.".len();
    assert_eq!(format!("{x:.decimals$}"), printed);
}
