//! Training steps of multi-layer perceptrons in f32: `nn` and `optim` on a warm tape, beside the step written by hand.
//!
//! A step is forward, softmax cross-entropy, backward and update on one batch. The hand-coded step keeps its buffers, uses
//! the crate's matrix product and vectorised loops, fuses bias and relu, and adds the gradient of plain descent straight into
//! the weights. Losses after five steps must agree.

use super::scalars::numbers;
use criterion::Criterion;
use retrograd::nn::{Draw, Mlp, Model};
use retrograd::optim::{Adam, Optimizer, Sgd};
use retrograd::{ElementUpdate, Float, Tape, Tensor, update};

/// A network with its batch and optimiser.
pub struct Workload {
    name: &'static str,
    sizes: &'static [usize],
    batch: usize,
    /// The rate of plain descent; without, Adam with its defaults.
    descent: Option<f64>,
}

pub const SMALL: Workload = Workload { name: "mlp_small step", sizes: &[784, 128, 64, 10], batch: 64, descent: None };
const WORKLOADS: [Workload; 3] = [
    SMALL,
    Workload { name: "mlp_wide step", sizes: &[784, 1024, 1024, 10], batch: 256, descent: None },
    Workload { name: "mlp_big step", sizes: &[1024, 2048, 2048, 2048, 10], batch: 512, descent: Some(0.01) },
];

impl Workload {
    pub fn model(&self) -> Model<f32> {
        let hidden = &self.sizes[1..self.sizes.len() - 1];
        let network = hidden.iter().fold(Mlp::new(self.sizes[0]), |network, &units| network.dense(units).relu());
        network.dense(self.sizes[hidden.len() + 1]).build(1).expect("a sound network")
    }

    pub fn data(&self) -> (Tensor<f32>, Vec<usize>) {
        let x: Tensor<f32> = numbers(self.batch * self.sizes[0], 0.0, 1.0).iter().map(|&x| x as f32).collect();
        let labels = numbers(self.batch, 0.0, 10.0).iter().map(|&x| x as usize).collect();
        (x.reshape([self.batch, self.sizes[0]]), labels)
    }

    fn run(&self, c: &mut Criterion) {
        let (x, labels) = self.data();
        let mut model = self.model();
        let mut by_hand = ByHand::like(&model, self);
        let mut optimizer: Optimizer<f32> = match self.descent {
            Some(rate) => Sgd::new(rate).into(),
            None => Adam::new(1e-3).into(),
        };
        let mut tape = Tape::of();
        let mut eager = || {
            let step = model.step(&mut tape, Draw::default(), |model, pass| {
                Ok(model.forward(pass.tape().data(&x), pass).cross_entropy(&labels))
            });
            let step = step.expect("a step");
            optimizer.step(model.params_mut(), &step.grads);
            step.grads.recycle(&tape);
            step.loss
        };
        for _ in 0..5 {
            let (auto, hand) = (eager(), by_hand.step(&x, &labels));
            assert!((auto - hand).abs() < 1e-4 * hand, "{}: losses {auto} and {hand} differ", self.name);
        }
        let mut group = c.benchmark_group(self.name);
        group.sample_size(if self.batch > 64 { 10 } else { 100 });
        group.bench_function("hand", |b| b.iter(|| by_hand.step(&x, &labels)));
        group.bench_function("eager", |b| b.iter(&mut eager));
        group.finish();
    }
}

/// The same networks and optimisers, written out.
pub struct ByHand {
    layers: Vec<Layer>,
    descent: Option<f64>,
    steps: i32,
}

struct Layer {
    weight: Tensor<f32>,
    bias: Vec<f32>,
    output: Tensor<f32>,
    delta: Tensor<f32>,
    weight_gradient: Tensor<f32>,
    bias_gradient: Vec<f32>,
    /// Adam's averages: of the weights, then of the biases.
    averages: [Tensor<f32>; 4],
}

impl Layer {
    fn like(weight: &Tensor<f32>, bias: &Tensor<f32>, batch: usize) -> Self {
        let zeros = |like: &Tensor<f32>| Tensor::zeros(like.shape());
        // Written elements are this step's own: the clone would otherwise share the model's.
        let weight = Tensor::new(weight.shape(), weight.to_vec()).expect("as many numbers");
        Self {
            bias: bias.to_vec(),
            output: Tensor::zeros([batch, bias.len()]),
            delta: Tensor::zeros([batch, bias.len()]),
            weight_gradient: zeros(&weight),
            bias_gradient: vec![0.0; bias.len()],
            averages: [zeros(&weight), zeros(&weight), zeros(bias), zeros(bias)],
            weight,
        }
    }
}

impl ByHand {
    pub fn like(model: &Model<f32>, workload: &Workload) -> Self {
        let values: Vec<_> = model.params().iter().map(|(_, param)| param.value()).collect();
        let layers = values.chunks(2).map(|pair| Layer::like(pair[0], pair[1], workload.batch)).collect();
        Self { layers, descent: workload.descent, steps: 0 }
    }

    /// One step; returns the loss before it.
    pub fn step(&mut self, x: &Tensor<f32>, labels: &[usize]) -> f64 {
        self.steps += 1;
        let last = self.layers.len() - 1;
        for l in 0..=last {
            let (before, layer) = self.layers.split_at_mut(l);
            let (input, layer) = (before.last().map_or(x, |layer| &layer.output), &mut layer[0]);
            layer.output.assign_matmul(input, false, &layer.weight, false);
            for row in layer.output.as_mut_slice().chunks_exact_mut(layer.bias.len()) {
                if l < last { update(&AddRelu, row, &layer.bias, []) } else { update(&Add, row, &layer.bias, []) }
            }
        }
        let loss = softmax_cross_entropy(&mut self.layers[last], labels);
        for l in (0..=last).rev() {
            let (before, layer) = self.layers.split_at_mut(l);
            let layer = &mut layer[0];
            if let Some(below) = before.last_mut() {
                below.delta.assign_matmul(&layer.delta, false, &layer.weight, true);
                update(&WhereActive, below.delta.as_mut_slice(), below.output.as_slice(), []);
            }
            let input = before.last().map_or(x, |layer| &layer.output);
            layer.bias_gradient.fill(0.0);
            for row in layer.delta.as_slice().chunks_exact(layer.bias.len()) {
                update(&Add, &mut layer.bias_gradient, row, []);
            }
            match self.descent {
                Some(rate) => {
                    update(&Descent(rate), &mut layer.bias, &layer.bias_gradient, []);
                    layer.delta.as_mut_slice().iter_mut().for_each(|d| *d *= -rate as f32);
                    layer.weight.add_matmul(input, true, &layer.delta, false);
                }
                None => {
                    layer.weight_gradient.assign_matmul(input, true, &layer.delta, false);
                    let rule = AdamByHand::at(self.steps);
                    let [m, v, bias_m, bias_v] = layer.averages.each_mut().map(Tensor::as_mut_slice);
                    update(&rule, layer.weight.as_mut_slice(), layer.weight_gradient.as_slice(), [m, v]);
                    update(&rule, &mut layer.bias, &layer.bias_gradient, [bias_m, bias_v]);
                }
            }
        }
        loss
    }
}

/// The mean cross-entropy of the outputs; leaves its gradient in the layer's delta.
fn softmax_cross_entropy(layer: &mut Layer, labels: &[usize]) -> f64 {
    let n = layer.bias.len();
    let mut loss = 0.0;
    let rows = layer.output.as_slice().chunks_exact(n).zip(layer.delta.as_mut_slice().chunks_exact_mut(n));
    for ((logits, delta), &label) in rows.zip(labels) {
        let max = logits.iter().copied().fold(f32::MIN, f32::max);
        update(&ExpBelow(max), delta, logits, []);
        let sum: f32 = delta.iter().sum();
        loss += (sum.ln() + max - logits[label]) as f64;
        let scale = 1.0 / (sum * labels.len() as f32);
        delta.iter_mut().for_each(|d| *d *= scale);
        delta[label] -= 1.0 / labels.len() as f32;
    }
    loss / labels.len() as f64
}

/// The loops, in the form that the crate compiles for every instruction set: x = f(x, y).
macro_rules! loops {
    ($($Name:ident $(($field:ident: $t:ty))?, |$x:ident, $y:ident| $formula:expr;)*) => {$(
        struct $Name $(($t))?;
        impl ElementUpdate<0> for $Name {
            #[inline(always)]
            fn apply<F: Float>(&self, $x: F, $y: F, _: [F; 0]) -> (F, [F; 0]) {
                $(let Self($field) = *self;)?
                ($formula, [])
            }
        }
    )*};
}
loops! {
    Add, |x, y| x + y;
    AddRelu, |x, y| if x + y > F::lit(0.0) { x + y } else { F::lit(0.0) };
    WhereActive, |x, y| if y > F::lit(0.0) { x } else { F::lit(0.0) };
    Descent(rate: f64), |x, y| x - F::lit(rate) * y;
    ExpBelow(max: f32), |_x, y| (y - F::lit(max as f64)).exp();
}

struct AdamByHand {
    rate: f64,
    correction: f64,
}

impl AdamByHand {
    fn at(step: i32) -> Self {
        let rate = 1e-3 / (1.0 - 0.9f64.powi(step));
        Self { rate, correction: 1.0 / (1.0 - 0.999f64.powi(step)).sqrt() }
    }
}

impl ElementUpdate<2> for AdamByHand {
    #[inline(always)]
    fn apply<F: Float>(&self, p: F, g: F, [m, v]: [F; 2]) -> (F, [F; 2]) {
        let m = F::lit(0.9) * m + F::lit(0.1) * g;
        let v = F::lit(0.999) * v + F::lit(0.001) * g * g;
        (p - F::lit(self.rate) * m / (v.sqrt() * F::lit(self.correction) + F::lit(1e-8)), [m, v])
    }
}

pub fn benches(c: &mut Criterion) {
    WORKLOADS.iter().for_each(|workload| workload.run(c));
}
