//! Training steps in f32: eager, tape reused, beside the step written by hand.
//!
//! A step is forward, loss, backward, update. The hand-coded steps use the crate's own matrix product, so what is compared
//! is what the tape costs.

use super::scalars::numbers;
use criterion::Criterion;
use retrograd::{Id, Tape, Tensor, Var};
use std::hint::black_box;

/// Weights and biases, layer by layer.
pub struct Network {
    pub parameters: Vec<Tensor<f32>>,
}

pub fn tensor(shape: &[usize], scale: f64) -> Tensor<f32> {
    let n = shape.iter().product();
    let data = numbers(n, -scale, scale).into_iter().map(|x| x as f32).collect();
    Tensor::new(shape, data).expect("as many numbers as the shape holds")
}

impl Network {
    pub fn new(sizes: &[usize]) -> Self {
        let layers = sizes.windows(2);
        let parameters = layers.flat_map(|w| {
            let scale = 1.0 / (w[0] as f64).sqrt();
            [tensor(&[w[0], w[1]], scale), tensor(&[w[1]], 0.0)]
        });
        Self { parameters: parameters.collect() }
    }

    /// One step of gradient descent on the loss that `loss` builds from the parameters.
    fn step(&mut self, tape: &mut Tape<f32>, rate: f32, loss: impl for<'t> Fn(&[Var<'t, f32>]) -> Var<'t, f32>) -> f32 {
        let parameters = &self.parameters;
        let (value, ids, grads) = tape.step(|t| {
            let mut vars = [t.data(0.0f32); 8];
            let mut ids: [Option<Id>; 8] = [None; 8];
            for ((var, id), parameter) in vars.iter_mut().zip(&mut ids).zip(parameters) {
                *var = t.var(parameter);
                *id = Some(var.id());
            }
            (loss(&vars[..parameters.len()]), ids)
        });
        for (parameter, id) in self.parameters.iter_mut().zip(ids.into_iter().flatten()) {
            parameter.add_scaled(-rate, grads.get(id).expect("every parameter has a gradient"));
        }
        tape.recycle(grads);
        value
    }
}

fn xor(c: &mut Criterion) {
    let x = Tensor::from([[0.0f32, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]);
    let y = Tensor::from([[0.0f32], [1.0], [1.0], [0.0]]);
    let mut group = c.benchmark_group("xor step");
    let mut network = Network::new(&[2, 4, 1]);
    let mut by_hand = XorByHand::like(&network);
    let mut tape = Tape::of();
    let mut step = |network: &mut Network| {
        network.step(&mut tape, 0.5, |p| {
            let t = p[0].tape();
            let h = (t.data(&x).matmul(p[0]) + p[1]).sigmoid();
            (h.matmul(p[2]) + p[3]).sigmoid().mean_squared_error(t.data(&y))
        })
    };
    for _ in 0..5 {
        let (auto, hand) = (step(&mut network), by_hand.step(0.5));
        assert!((auto - hand).abs() < 1e-6, "xor: losses {auto} and {hand} differ");
    }
    group.bench_function("hand", |b| b.iter(|| by_hand.step(black_box(0.5))));
    group.bench_function("eager", |b| b.iter(|| step(&mut network)));
    group.finish();
}

/// The 2-4-1 sigmoid network with everything on the stack.
pub struct XorByHand {
    w1: [[f32; 4]; 2],
    b1: [f32; 4],
    w2: [f32; 4],
    b2: f32,
}

impl XorByHand {
    pub fn like(network: &Network) -> Self {
        let w1 = network.parameters[0].as_slice();
        Self {
            w1: [w1[..4].try_into().expect("four"), w1[4..].try_into().expect("four")],
            b1: [0.0; 4],
            w2: network.parameters[2].as_slice().try_into().expect("four"),
            b2: 0.0,
        }
    }

    #[inline(never)]
    pub fn step(&mut self, rate: f32) -> f32 {
        const X: [[f32; 2]; 4] = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
        const Y: [f32; 4] = [0.0, 1.0, 1.0, 0.0];
        let sigmoid = |z: f32| 1.0 / (1.0 + (-z).exp());
        let mut h = [[0.0f32; 4]; 4];
        let (mut dh, mut d) = ([[0.0f32; 4]; 4], [0.0f32; 4]);
        let mut loss = 0.0;
        for n in 0..4 {
            for (j, h) in h[n].iter_mut().enumerate() {
                *h = sigmoid(X[n][0] * self.w1[0][j] + X[n][1] * self.w1[1][j] + self.b1[j]);
            }
            let z: f32 = (0..4).map(|j| h[n][j] * self.w2[j]).sum();
            let o = sigmoid(z + self.b2);
            let e = o - Y[n];
            loss += 0.25 * e * e;
            d[n] = 0.5 * e * o * (1.0 - o);
            for j in 0..4 {
                dh[n][j] = d[n] * self.w2[j] * h[n][j] * (1.0 - h[n][j]);
            }
        }
        for n in 0..4 {
            self.b2 -= rate * d[n];
            for j in 0..4 {
                self.w2[j] -= rate * d[n] * h[n][j];
                self.b1[j] -= rate * dh[n][j];
                self.w1[0][j] -= rate * dh[n][j] * X[n][0];
                self.w1[1][j] -= rate * dh[n][j] * X[n][1];
            }
        }
        loss
    }
}

fn nielsen(c: &mut Criterion) {
    let x = tensor(&[10, 784], 1.0).map(f32::abs);
    let y = Tensor::one_hot(&[3, 1, 4, 1, 5, 9, 2, 6, 5, 3], 10);
    let mut group = c.benchmark_group("784-30-10 step, batch 10");
    let mut network = Network::new(&[784, 30, 10]);
    let mut tape = Tape::of();
    let mut step = || {
        network.step(&mut tape, 0.5, |p| {
            let t = p[0].tape();
            let h = (t.data(&x).matmul(p[0]) + p[1]).sigmoid();
            let logits = h.matmul(p[2]) + p[3];
            logits.bce_with_logits(t.data(&y)).sum(()) * 0.1
        })
    };
    let first = step();
    for _ in 0..20 {
        step();
    }
    assert!(step() < first, "784-30-10: the loss does not fall");
    group.bench_function("eager", |b| b.iter(&mut step));
    group.finish();
}

pub fn benches(c: &mut Criterion) {
    xor(c);
    nielsen(c);
}
