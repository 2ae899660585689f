//! What all Rust peers share: the workloads with their data, and the conversation with `run`.
//!
//! Data and initial parameters come from a counter-based generator (splitmix64), which `python/workloads.py` has as well, so
//! that every peer starts from the same numbers without a file between them.

use std::io::{BufRead, Write};
use std::time::Instant;

/// Batches that a training step takes in turn.
pub const BATCHES: usize = 8;

/// `n` numbers in lo..hi: number i of stream `seed` is splitmix64's output for `seed + (i + 1) * gamma`.
pub fn uniform(seed: u64, n: usize, lo: f64, hi: f64) -> Vec<f64> {
    let number = |i: u64| {
        let mut z = seed.wrapping_add((i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        lo + (hi - lo) * ((z >> 11) as f64 / (1u64 << 53) as f64)
    };
    (0..n as u64).map(number).collect()
}

pub fn f32s(numbers: &[f64]) -> Vec<f32> {
    numbers.iter().map(|&x| x as f32).collect()
}

#[derive(Clone, Copy, PartialEq)]
pub enum Activation {
    Sigmoid,
    Relu,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Loss {
    /// Mean of squares, after a sigmoid.
    SquaredError,
    /// Cross-entropy of sigmoids with one-hot targets, summed over outputs, averaged over the batch.
    SigmoidCrossEntropy,
    /// Softmax cross-entropy with labels, averaged over the batch.
    SoftmaxCrossEntropy,
}

/// A network in training.
#[derive(Clone, Copy)]
pub struct Network {
    pub sizes: &'static [usize],
    pub batch: usize,
    pub hidden: Activation,
    pub loss: Loss,
    pub rate: f64,
    /// Adam with its defaults, or plain descent.
    pub adam: bool,
}

/// The network that a workload trains.
pub fn network(workload: &str) -> Option<Network> {
    use {Activation::*, Loss::*};
    let n = |sizes, batch, hidden, loss, adam, rate| Network { sizes, batch, hidden, loss, rate, adam };
    Some(match workload {
        "xor" => n(&[2, 4, 1], 4, Sigmoid, SquaredError, false, 1.0),
        "nielsen" => n(&[784, 30, 10], 10, Sigmoid, SigmoidCrossEntropy, false, 0.5),
        "mlp_small" | "hvp" => n(&[784, 128, 64, 10], 64, Relu, SoftmaxCrossEntropy, true, 1e-4),
        "mlp_wide" => n(&[784, 1024, 1024, 10], 256, Relu, SoftmaxCrossEntropy, true, 1e-4),
        "mlp_big" => n(&[1024, 2048, 2048, 2048, 10], 512, Relu, SoftmaxCrossEntropy, false, 1e-2),
        _ => return None,
    })
}

impl Network {
    pub fn layers(&self) -> usize {
        self.sizes.len() - 1
    }

    pub fn inputs(&self) -> usize {
        self.sizes[0]
    }

    pub fn outputs(&self) -> usize {
        self.sizes[self.layers()]
    }

    /// Batch by batch, row by row; four numbers of five are zero, as in pictures of digits.
    pub fn x(&self) -> Vec<Vec<f64>> {
        if self.loss == Loss::SquaredError {
            return vec![vec![0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0]; BATCHES];
        }
        let n = self.batch * self.inputs();
        let (values, kept) = (uniform(1, BATCHES * n, 0.0, 1.0), uniform(2, BATCHES * n, 0.0, 1.0));
        let x: Vec<f64> = values.iter().zip(&kept).map(|(&x, &kept)| if kept < 0.19 { x } else { 0.0 }).collect();
        x.chunks(n).map(<[f64]>::to_vec).collect()
    }

    pub fn labels(&self) -> Vec<Vec<usize>> {
        let labels = uniform(3, BATCHES * self.batch, 0.0, self.outputs() as f64);
        labels.chunks(self.batch).map(|batch| batch.iter().map(|&label| label as usize).collect()).collect()
    }

    /// The targets as numbers: one-hot labels, or those of exclusive or.
    pub fn targets(&self) -> Vec<Vec<f64>> {
        if self.loss == Loss::SquaredError {
            return vec![vec![0.0, 1.0, 1.0, 0.0]; BATCHES];
        }
        let one_hot = |batch: Vec<usize>| {
            batch.iter().flat_map(|&label| (0..self.outputs()).map(move |k| (k == label) as u8 as f64)).collect()
        };
        self.labels().into_iter().map(one_hot).collect()
    }

    /// Weights of one layer, [inputs, outputs] by rows; biases start at zero.
    pub fn weight(&self, layer: usize) -> Vec<f64> {
        let (inputs, outputs) = (self.sizes[layer], self.sizes[layer + 1]);
        let gain = if self.hidden == Activation::Relu { 6.0 } else { 3.0 };
        let scale = (gain / inputs as f64).sqrt();
        uniform(10 + layer as u64, inputs * outputs, -scale, scale)
    }

    /// The same, [outputs, inputs] by rows.
    pub fn weight_transposed(&self, layer: usize) -> Vec<f64> {
        let (weight, inputs, outputs) = (self.weight(layer), self.sizes[layer], self.sizes[layer + 1]);
        (0..inputs * outputs).map(|k| weight[k % inputs * outputs + k / inputs]).collect()
    }

    /// The direction of the Hessian-vector product: weight and bias of each layer in turn.
    pub fn direction(&self) -> Vec<Vec<f64>> {
        let lengths = self.sizes.windows(2).flat_map(|w| [w[0] * w[1], w[1]]);
        lengths.enumerate().map(|(k, n)| uniform(30 + k as u64, n, -1.0, 1.0)).collect()
    }
}

/// The numbers of `chain`.
pub fn chain_x() -> Vec<f32> {
    f32s(&uniform(20, 1_000_000, -2.0, 2.0))
}

/// The point of `hessian`.
pub fn hessian_x() -> Vec<f64> {
    uniform(21, 100, -1.5, 1.5)
}

/// Weights of the 2-16-16-1 network of scalars.
pub const SCALAR_WEIGHTS: usize = 2 * 16 + 16 + 16 * 16 + 16 + 16 + 1;

/// Where the scalar problems are differentiated.
pub fn scalar_x(workload: &str) -> Vec<f64> {
    match workload {
        "speelpenning" => uniform(40, 1000, 0.95, 1.05),
        "rosenbrock" => uniform(41, 1000, -1.5, 1.5),
        _ => uniform(42, SCALAR_WEIGHTS, -0.5, 0.5),
    }
}

/// The examples of the network of scalars: two inputs and a target, 1 or -1.
pub fn scalar_points() -> Vec<[f64; 3]> {
    let numbers = uniform(43, 200, -1.0, 1.0);
    numbers.chunks(2).map(|q| [q[0], q[1], if q[0] * q[0] + q[1] > 0.3 { 1.0 } else { -1.0 }]).collect()
}

/// What is compared between peers where the result is an array.
pub fn norm(numbers: impl IntoIterator<Item = f64>) -> f64 {
    numbers.into_iter().map(|x| x * x).sum::<f64>().sqrt()
}

pub fn threads() -> usize {
    std::env::var("PEER_THREADS").ok().and_then(|n| n.parse().ok()).unwrap_or(1)
}

/// Workload and mode, the arguments of every peer.
pub fn arguments() -> (String, String) {
    let mut arguments = std::env::args().skip(1);
    (arguments.next().unwrap_or_default(), arguments.next().unwrap_or_default())
}

/// Says that there is no such workload, in the form that `run` reads.
pub fn unsupported(reason: &str) {
    println!("{{\"unsupported\":\"{reason}\"}}");
}

/// Runs five steps, reports `check` of the fifth, then times further steps, for as many seconds as each line of standard
/// input says, until the input ends.
///
/// Each sample spans at least 100 microseconds, so that the clock does not count.
pub fn serve<R>(mut step: impl FnMut(usize) -> R, check: impl Fn(R) -> Vec<f64>) {
    for i in 0..4 {
        step(i);
    }
    let numbers: Vec<String> = check(step(4)).iter().map(|x| format!("{x:e}")).collect();
    say(&format!("{{\"check\":[{}]}}", numbers.join(",")));
    let mut i = 5;
    let mut inner = 0;
    for line in std::io::stdin().lock().lines() {
        let seconds: f64 = line.ok().and_then(|line| line.trim().parse().ok()).unwrap_or(0.0);
        if inner == 0 {
            inner = steps_for(100e-6, &mut step, &mut i);
        }
        let (mut samples, start) = (Vec::new(), Instant::now());
        while samples.len() < 3 || start.elapsed().as_secs_f64() < seconds {
            let begin = Instant::now();
            for _ in 0..inner {
                std::hint::black_box(step(i));
                i += 1;
            }
            samples.push(begin.elapsed().as_secs_f64() * 1e6 / inner as f64);
        }
        samples.sort_by(f64::total_cmp);
        let (min, median) = (samples[0], samples[samples.len() / 2]);
        say(&format!("{{\"min\":{min:.4},\"median\":{median:.4},\"steps\":{}}}", samples.len() * inner));
    }
}

/// How many steps take this many seconds, measured for a fifth of a second, which also warms up.
fn steps_for<R>(seconds: f64, step: &mut impl FnMut(usize) -> R, i: &mut usize) -> usize {
    let (start, first) = (Instant::now(), *i);
    while *i == first || start.elapsed().as_secs_f64() < 0.2 {
        std::hint::black_box(step(*i));
        *i += 1;
    }
    (seconds * (*i - first) as f64 / start.elapsed().as_secs_f64()).ceil() as usize
}

fn say(line: &str) {
    println!("{line}");
    // Nobody reads any more: the next read of standard input ends the loop.
    std::io::stdout().flush().ok();
}
