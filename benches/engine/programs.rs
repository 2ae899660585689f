//! Compiled programs: what is recorded once and run again, beside the code written by hand.
//!
//! Steps keep their parameters in the program. Losses after five steps, and every gradient, must agree.

use super::networks::{ByHand, SMALL};
use super::scalars::{self, HIDDEN, PARAMETERS, POINTS, ROSENBROCK, numbers};
use super::training::{Network, XorByHand, tensor};
use criterion::{Criterion, Throughput};
use retrograd::program::Options;
use retrograd::{ElementUpdate, Float, Program, Tensor, Var, update};
use std::hint::black_box;

/// A step of descent that keeps its parameters: the inputs are a batch and its targets, output 0 is the loss.
fn descent(
    [x, y]: [&Tensor<f32>; 2],
    parameters: &[Tensor<f32>],
    rate: f32,
    loss: impl for<'t> Fn(&[Var<'t, f32>]) -> Var<'t, f32>,
) -> Program<f32> {
    let inputs: Vec<_> = [x, y].into_iter().chain(parameters).cloned().collect();
    let options = (0..parameters.len()).fold(Options::new(), |options, k| options.carry(2 + k, 1 + k));
    let program = options.compile(&inputs, |v| {
        let tape = v[0].tape();
        let loss = loss(v);
        let grads = tape.grad(loss, &v[2..]);
        std::iter::once(loss).chain(v[2..].iter().zip(grads).map(|(&p, g)| p - g * rate)).collect()
    });
    started(program.expect("a step"), parameters)
}

/// The program with its parameters, and zeros for what else it keeps.
fn started(mut program: Program<f32>, parameters: &[Tensor<f32>]) -> Program<f32> {
    for (k, parameter) in parameters.iter().enumerate() {
        program.set_carried(2 + k, parameter).expect("a carried parameter");
    }
    program
}

/// Five steps of both, and then their times.
fn steps(c: &mut Criterion, name: &str, mut program: impl FnMut() -> f64, mut by_hand: impl FnMut() -> f64) {
    for _ in 0..5 {
        let (auto, hand) = (program(), by_hand());
        assert!((auto - hand).abs() < 1e-4 * hand.abs(), "{name}: losses {auto} and {hand} differ");
    }
    let mut group = c.benchmark_group(name);
    group.bench_function("hand", |b| b.iter(&mut by_hand));
    group.bench_function("program", |b| b.iter(&mut program));
    group.finish();
}

fn xor(c: &mut Criterion) {
    let x = Tensor::from([[0.0f32, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]);
    let y = Tensor::from([[0.0f32], [1.0], [1.0], [0.0]]);
    let network = Network::new(&[2, 4, 1]);
    let mut by_hand = XorByHand::like(&network);
    let mut program = descent([&x, &y], &network.parameters, 0.5, |v| {
        let h = (v[0].matmul(v[2]) + v[3]).sigmoid();
        (h.matmul(v[4]) + v[5]).sigmoid().mean_squared_error(v[1])
    });
    let step = || {
        program.run(&[&x, &y]).expect("a step");
        program.item(0) as f64
    };
    steps(c, "xor step, compiled", step, || by_hand.step(black_box(0.5)) as f64);
}

fn nielsen(c: &mut Criterion) {
    let x = tensor(&[10, 784], 1.0).map(f32::abs);
    let y = Tensor::one_hot(&[3, 1, 4, 1, 5, 9, 2, 6, 5, 3], 10);
    let network = Network::new(&[784, 30, 10]);
    let mut by_hand = NielsenByHand::like(&network);
    let mut program = descent([&x, &y], &network.parameters, 0.5, |v| {
        let h = (v[0].matmul(v[2]) + v[3]).sigmoid();
        (h.matmul(v[4]) + v[5]).bce_with_logits(v[1]).sum(()) * 0.1
    });
    let step = || {
        program.run(&[&x, &y]).expect("a step");
        program.item(0) as f64
    };
    steps(c, "784-30-10 step, compiled", step, || by_hand.step(&x, &y, 0.5));
}

/// Two layers of sigmoids with the cross-entropy of each output, over the crate's matrix product.
struct NielsenByHand {
    weights: [Tensor<f32>; 2],
    biases: [Vec<f32>; 2],
    /// Activations, which become errors.
    layers: [Tensor<f32>; 2],
    below: Tensor<f32>,
}

impl NielsenByHand {
    fn like(network: &Network) -> Self {
        let weight = |k: usize| {
            let w = &network.parameters[k];
            Tensor::new(w.shape(), w.to_vec()).expect("as many numbers")
        };
        Self {
            weights: [weight(0), weight(2)],
            biases: [network.parameters[1].to_vec(), network.parameters[3].to_vec()],
            layers: [Tensor::zeros([10, 30]), Tensor::zeros([10, 10])],
            below: Tensor::zeros([10, 30]),
        }
    }

    fn step(&mut self, x: &Tensor<f32>, y: &Tensor<f32>, rate: f32) -> f64 {
        let [h, o] = &mut self.layers;
        h.assign_matmul(x, false, &self.weights[0], false);
        for row in h.as_mut_slice().chunks_exact_mut(30) {
            update(&SigmoidOfSum, row, &self.biases[0], []);
        }
        o.assign_matmul(h, false, &self.weights[1], false);
        let mut loss = 0.0;
        for (row, targets) in o.as_mut_slice().chunks_exact_mut(10).zip(y.as_slice().chunks_exact(10)) {
            for ((z, b), t) in row.iter_mut().zip(&self.biases[1]).zip(targets) {
                *z += b;
                loss += f64::from(z.max(0.0) - *z * t + (-z.abs()).exp().ln_1p());
                // The derivative, times the rate and over the batch.
                *z = (1.0 / (1.0 + (-*z).exp()) - t) * -0.1 * rate;
            }
        }
        self.below.assign_matmul(o, false, &self.weights[1], true);
        self.weights[1].add_matmul(h, true, o, false);
        update(&TimesSlope, self.below.as_mut_slice(), h.as_slice(), []);
        self.weights[0].add_matmul(x, true, &self.below, false);
        for (bias, delta) in self.biases.iter_mut().zip([&self.below, &*o]) {
            delta.as_slice().chunks_exact(bias.len()).for_each(|row| update(&Sum, bias, row, []));
        }
        loss * 0.1
    }
}

struct Sum;
impl ElementUpdate<0> for Sum {
    #[inline(always)]
    fn apply<F: Float>(&self, x: F, y: F, _: [F; 0]) -> (F, [F; 0]) {
        (x + y, [])
    }
}
struct SigmoidOfSum;
impl ElementUpdate<0> for SigmoidOfSum {
    #[inline(always)]
    fn apply<F: Float>(&self, x: F, y: F, _: [F; 0]) -> (F, [F; 0]) {
        (F::lit(1.0) / (F::lit(1.0) + (F::lit(0.0) - x - y).exp()), [])
    }
}
/// The derivative of a sigmoid, from its value y.
struct TimesSlope;
impl ElementUpdate<0> for TimesSlope {
    #[inline(always)]
    fn apply<F: Float>(&self, x: F, y: F, _: [F; 0]) -> (F, [F; 0]) {
        (x * y * (F::lit(1.0) - y), [])
    }
}

/// The small network of `networks`, trained by Adam.
fn mlp_small(c: &mut Criterion) {
    let (x, labels) = SMALL.data();
    let model = SMALL.model();
    let mut by_hand = ByHand::like(&model, &SMALL);
    let parameters: Vec<_> = model.params().iter().map(|(_, param)| param.value().clone()).collect();
    let n = parameters.len();
    let zeros = || parameters.iter().map(|p| Tensor::zeros(p.shape()));
    // The batch, a number that stands for no targets, parameters, both averages, and the number of steps.
    let mut inputs = vec![x.clone(), Tensor::scalar(0.0)];
    inputs.extend(parameters.iter().cloned().chain(zeros()).chain(zeros()).chain([Tensor::scalar(0.0)]));
    let options = (0..=3 * n).fold(Options::new(), |options, k| options.carry(2 + k, 1 + k));
    let program = options.compile(&inputs, |v| {
        let tape = v[0].tape();
        let (p, m, s, t) = (&v[2..2 + n], &v[2 + n..2 + 2 * n], &v[2 + 2 * n..2 + 3 * n], v[2 + 3 * n] + 1.0);
        let first = (v[0].matmul(p[0]) + p[1]).relu();
        let second = (first.matmul(p[2]) + p[3]).relu();
        let loss = (second.matmul(p[4]) + p[5]).cross_entropy(&labels);
        let grads = tape.grad(loss, p);
        let m: Vec<_> = m.iter().zip(&grads).map(|(&m, &g)| m * 0.9 + g * 0.1).collect();
        let s: Vec<_> = s.iter().zip(&grads).map(|(&s, &g)| s * 0.999 + g.square() * 0.001).collect();
        let rate = (-(t * 0.999f32.ln()).expm1()).sqrt() / -(t * 0.9f32.ln()).expm1() * 1e-3;
        let epsilon = (-(t * 0.999f32.ln()).expm1()).sqrt() * 1e-8;
        let moved = (0..n).map(|k| p[k] - m[k] * rate / (s[k].sqrt() + epsilon)).collect::<Vec<_>>();
        [loss].into_iter().chain(moved).chain(m).chain(s).chain([t]).collect()
    });
    let mut program = started(program.expect("a step"), &parameters);
    let none = Tensor::scalar(0.0);
    let step = || {
        program.run(&[&x, &none]).expect("a step");
        program.item(0) as f64
    };
    steps(c, "mlp_small step, compiled", step, || by_hand.step(&x, &labels));
}

/// The value of a chain of elementary functions in the state, its derivative in place of x.
struct Chain;
impl ElementUpdate<1> for Chain {
    #[inline(always)]
    fn apply<F: Float>(&self, _: F, x: F, _: [F; 1]) -> (F, [F; 1]) {
        let one = F::lit(1.0);
        let (e, q) = ((F::lit(0.0) - x * x).exp(), x * x + one);
        let (s, t, l) = (x.sin(), (x.sin() * e).tanh(), q.ln());
        let g = one / (one + (F::lit(-0.5) * x).exp());
        let slope = (one - t * t) * e * (x.cos() - F::lit(2.0) * x * s);
        (slope + F::lit(0.5) * g * (one - g) * l + g * F::lit(2.0) * x / q, [t + g * l])
    }
}

fn chain(c: &mut Criterion) {
    const BLOCK: usize = 512;
    let x: Tensor<f32> = numbers(1_000_000, -2.0, 2.0).iter().map(|&x| x as f32).collect();
    let mut program = Program::compile_gradient(std::slice::from_ref(&x), &[0], |v| {
        let x = v[0];
        ((x.sin() * (-(x * x)).exp()).tanh() + (x * 0.5).sigmoid() * (x * x + 1.0).ln()).sum(())
    })
    .expect("a chain");
    let mut gradient = vec![0.0f32; x.len()];
    let mut by_hand = || {
        let mut values = [0.0f32; BLOCK];
        let blocks = x.as_slice().chunks(BLOCK).zip(gradient.chunks_mut(BLOCK));
        let totals = blocks.map(|(x, gradient)| {
            let values = &mut values[..x.len()];
            update(&Chain, gradient, x, [values]);
            values.iter().sum::<f32>() as f64
        });
        totals.sum::<f64>()
    };
    let total = by_hand();
    program.run(&[&x]).expect("a chain");
    assert!((program.item(0) as f64 - total).abs() < 1e-4 * total.abs(), "{} {total}", program.item(0));
    let mut group = c.benchmark_group("chain of 1000000, compiled");
    group.sample_size(20);
    group.throughput(Throughput::Elements(1_000_000));
    group.bench_function("hand", |b| b.iter(&mut by_hand));
    group.bench_function("program", |b| b.iter(|| program.run(&[black_box(&x)]).expect("a chain")));
    group.finish();
    for (k, (a, b)) in program.output(1).iter().zip(&gradient).enumerate() {
        assert!((a - b).abs() < 1e-4, "chain: derivative {k}: {a} by the program, {b} by hand");
    }
}

/// What programs of numbers give, beside a function that writes the same.
fn replay(
    c: &mut Criterion,
    name: &str,
    ops: usize,
    x: &[f64],
    mut program: Program<f64>,
    mut by_hand: impl FnMut(&[f64], &mut [f64]) -> f64,
) {
    program.run_numbers(x).expect("numbers");
    let outputs = program.output_shapes().count();
    let mut gradient = vec![0.0; outputs - 1];
    let value = by_hand(x, &mut gradient);
    for (k, expected) in std::iter::once(&value).chain(&gradient).enumerate() {
        let found = program.item(k);
        assert!((found - expected).abs() < 1e-9 * (1.0 + expected.abs()), "{name}: output {k}: {found}, {expected}");
    }
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Elements(ops as u64));
    group.bench_function("hand", |b| b.iter(|| by_hand(black_box(x), &mut gradient)));
    group.bench_function("program", |b| b.iter(|| program.run_numbers(black_box(x)).expect("numbers")));
    group.finish();
}

fn of_numbers(x: &[f64], f: impl for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64>) -> Program<f64> {
    let inputs: Vec<_> = x.iter().map(|&x| Tensor::scalar(x)).collect();
    let by: Vec<usize> = (0..x.len()).collect();
    Program::compile_gradient(&inputs, &by, |x| f(x)).expect("a function of numbers")
}

/// The value, and all n^2 second derivatives.
fn hessian(c: &mut Criterion) {
    let x: Vec<f64> = (0..100).map(|i| 1.0 + 0.01 * i as f64).collect();
    let inputs: Vec<_> = x.iter().map(|&x| Tensor::scalar(x)).collect();
    let program = Program::compile(&inputs, |x| {
        let tape = x[0].tape();
        let y = scalars::rosenbrock(x);
        let grads = tape.grad(y, x);
        std::iter::once(y).chain(grads.iter().flat_map(|&g| tape.grad(g, x))).collect()
    });
    let mut first = vec![0.0; x.len()];
    replay(c, "hessian of rosenbrock 100, compiled", 100 * 100, &x, program.expect("a Hessian"), move |x, h| {
        let n = x.len();
        h.fill(0.0);
        for i in 0..n - 1 {
            h[i * n + i] += 1200.0 * x[i] * x[i] - 400.0 * x[i + 1] + 2.0;
            h[(i + 1) * n + i + 1] += 200.0;
            h[i * n + i + 1] = -400.0 * x[i];
            h[(i + 1) * n + i] = -400.0 * x[i];
        }
        scalars::rosenbrock_by_hand(x, &mut first)
    });
}

pub fn benches(c: &mut Criterion) {
    xor(c);
    nielsen(c);
    mlp_small(c);
    chain(c);
    hessian(c);
    let x = numbers(ROSENBROCK, -1.5, 1.5);
    let program = of_numbers(&x, |x| scalars::rosenbrock(x));
    replay(c, "rosenbrock 1000, compiled", 8 * (ROSENBROCK - 1), &x, program, scalars::rosenbrock_by_hand);
    let x = numbers(1000, 0.95, 1.05);
    let program = of_numbers(&x, |x| scalars::product(x));
    replay(c, "speelpenning 1000, compiled", 999, &x, program, scalars::product_by_hand);
    let points = scalars::points();
    let x = numbers(PARAMETERS, -0.5, 0.5);
    let program = of_numbers(&x, |p| scalars::network(p, &points));
    let ops = POINTS * (HIDDEN * 5 + HIDDEN * 33 + 2 * HIDDEN + 3);
    replay(c, "scalar mlp, compiled", ops, &x, program, |p, g| scalars::network_by_hand(p, &points, g));
}
