//! A training step of a multi-layer perceptron with every buffer kept, bias and activation done on the product, and the update
//! on the gradient while it is in cache. Threads share the rows of the batch, then the rows of the weights.

use crate::barrier::Barrier;
use crate::math;
use crate::product::{Matrix, has_avx512, product, transpose};
use common::{Activation, BATCHES, Loss};
use std::cell::UnsafeCell;
use std::ops::Range;

/// Numbers that threads write in parts.
struct Buffer(Box<[UnsafeCell<f32>]>);

// SAFETY: parts that are written are split between threads, as `Network::step` says.
unsafe impl Sync for Buffer {}

impl Buffer {
    fn new(numbers: Vec<f32>) -> Self {
        Self(numbers.into_iter().map(UnsafeCell::new).collect())
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn start(&self) -> *mut f32 {
        UnsafeCell::raw_get(self.0.as_ptr())
    }

    /// Numbers that no thread writes now.
    unsafe fn read(&self, part: Range<usize>) -> &[f32] {
        assert!(part.start <= part.end && part.end <= self.len());
        // SAFETY: within the buffer; the caller answers for the rest.
        unsafe { std::slice::from_raw_parts(self.start().add(part.start), part.len()) }
    }

    /// Numbers that no other thread uses now.
    #[allow(clippy::mut_from_ref, reason = "the caller answers for it")]
    unsafe fn write(&self, part: Range<usize>) -> &mut [f32] {
        assert!(part.start <= part.end && part.end <= self.len());
        // SAFETY: within the buffer; the caller answers for the rest.
        unsafe { std::slice::from_raw_parts_mut(self.start().add(part.start), part.len()) }
    }

    unsafe fn read_all(&self) -> &[f32] {
        // SAFETY: the caller's.
        unsafe { self.read(0..self.len()) }
    }

    unsafe fn write_all(&self) -> &mut [f32] {
        // SAFETY: the caller's.
        unsafe { self.write(0..self.len()) }
    }
}

struct Layer {
    inputs: usize,
    outputs: usize,
    weight: Buffer,
    transposed: Buffer,
    bias: Buffer,
    bias_gradient: Buffer,
    /// Adam's averages: of the weights, then of the biases.
    averages: [Buffer; 4],
    output: Buffer,
    delta: Buffer,
}

pub struct Network {
    spec: common::Network,
    layers: Vec<Layer>,
    x: Vec<Vec<f32>>,
    y: Vec<Vec<f32>>,
    threads: usize,
    /// Whether products go unpacked.
    small: bool,
    /// A block of gradients and the loss, for each thread.
    blocks: Vec<Buffer>,
    losses: Buffer,
}

/// Rows of weights whose gradient is made and used at a time.
const BLOCK: usize = 128;

impl Network {
    pub fn new(spec: common::Network, threads: usize) -> Self {
        let zeros = |n| Buffer::new(vec![0.0; n]);
        let layer = |l: usize| {
            let (inputs, outputs) = (spec.sizes[l], spec.sizes[l + 1]);
            let weights = inputs * outputs;
            Layer {
                inputs,
                outputs,
                weight: Buffer::new(common::f32s(&spec.weight(l))),
                transposed: zeros(weights),
                bias: zeros(outputs),
                bias_gradient: zeros(outputs),
                averages: [zeros(weights), zeros(weights), zeros(outputs), zeros(outputs)],
                output: zeros(spec.batch * outputs),
                delta: zeros(spec.batch * outputs),
            }
        };
        let widest = *spec.sizes.iter().max().expect("layers");
        let weights: usize = spec.sizes.windows(2).map(|w| w[0] * w[1]).sum();
        Self {
            layers: (0..spec.layers()).map(layer).collect(),
            x: spec.x().iter().map(|x| common::f32s(x)).collect(),
            y: spec.targets().iter().map(|y| common::f32s(y)).collect(),
            threads,
            small: weights < 1 << 18 && has_avx512(),
            blocks: (0..threads).map(|_| zeros(BLOCK * widest)).collect(),
            losses: zeros(threads),
            spec,
        }
    }

    /// The loss of the last step.
    ///
    /// # Safety
    /// No thread is in a step.
    pub unsafe fn loss(&self) -> f64 {
        // SAFETY: the caller's.
        unsafe { self.losses.read_all() }.iter().map(|&loss| loss as f64).sum()
    }

    /// The part of step `i` that thread `id` does.
    ///
    /// # Safety
    /// All threads call this together, each with its own id.
    pub unsafe fn step(&self, i: usize, id: usize, barrier: &Barrier) {
        // SAFETY: between two barriers, no thread writes what another one reads or writes: rows of outputs and deltas in the
        // first half, rows of weights in the second, are split by id.
        unsafe {
            let rows = [self.spec.batch * id / self.threads, self.spec.batch * (id + 1) / self.threads];
            self.forward(i % BATCHES, rows);
            self.loss_and_delta(i % BATCHES, id, rows);
            if self.small {
                self.transpose(id);
                barrier.wait();
            }
            self.backward(rows);
            barrier.wait();
            self.update(i, id);
        }
    }

    unsafe fn forward(&self, batch: usize, [from, to]: [usize; 2]) {
        let (last, loss) = (self.layers.len() - 1, self.spec.loss);
        for (l, layer) in self.layers.iter().enumerate() {
            let (i, o) = (layer.inputs, layer.outputs);
            let input = if l == 0 { self.x[batch].as_ptr() } else { self.layers[l - 1].output.start() };
            // SAFETY: these rows are this thread's; the input has a row for each of them.
            let (output, bias) = unsafe {
                let output = layer.output.write(from * o..to * o);
                let input = Matrix::rows_of(input.add(from * i), i);
                let weight = Matrix::rows_of(layer.weight.start(), o);
                product(self.small, [to - from, o, i], input, weight, output.as_mut_ptr(), false);
                (output, layer.bias.read_all())
            };
            if l < last && self.spec.hidden == Activation::Relu {
                for row in output.chunks_exact_mut(o) {
                    row.iter_mut().zip(bias).for_each(|(z, b)| *z = (*z + b).max(0.0));
                }
                continue;
            }
            for row in output.chunks_exact_mut(o) {
                row.iter_mut().zip(bias).for_each(|(z, b)| *z += b);
            }
            if l < last || loss != Loss::SoftmaxCrossEntropy {
                output.iter_mut().for_each(|z| *z = math::sigmoid(*z));
            } else {
                softmax(output, o);
            }
        }
    }

    unsafe fn loss_and_delta(&self, batch: usize, id: usize, [from, to]: [usize; 2]) {
        let layer = self.layers.last().expect("layers");
        let rows = from * layer.outputs..to * layer.outputs;
        let y = &self.y[batch][rows.clone()];
        // SAFETY: these rows are this thread's.
        let (a, delta) = unsafe { (layer.output.read(rows.clone()), layer.delta.write(rows)) };
        let (scale, mut loss) = (1.0 / self.spec.batch as f32, 0.0);
        // The loss costs a logarithm for each element; all peers compute it.
        match self.spec.loss {
            Loss::SquaredError => {
                for ((d, a), y) in delta.iter_mut().zip(a).zip(y) {
                    loss += (a - y) * (a - y);
                    *d = 2.0 * scale * (a - y) * a * (1.0 - a);
                }
            }
            Loss::SigmoidCrossEntropy => {
                for ((d, a), y) in delta.iter_mut().zip(a).zip(y) {
                    loss -= math::ln((y * a + (1.0 - y) * (1.0 - a)).max(1e-30));
                    *d = scale * (a - y);
                }
            }
            Loss::SoftmaxCrossEntropy => {
                for ((d, a), y) in delta.iter_mut().zip(a).zip(y) {
                    loss -= y * math::ln(a.max(1e-30));
                    *d = scale * (a - y);
                }
            }
        }
        // SAFETY: this place is this thread's.
        unsafe { self.losses.write(id..id + 1)[0] = loss * scale };
    }

    /// Transposes weights, so that the products of the way back find rows without gaps; layers go to threads in turn.
    unsafe fn transpose(&self, id: usize) {
        for layer in
            self.layers.iter().enumerate().skip(1).filter(|(l, _)| l % self.threads == id).map(|(_, layer)| layer)
        {
            // SAFETY: this layer is this thread's.
            let (from, to) = unsafe { (layer.weight.read_all(), layer.transposed.write_all()) };
            transpose(layer.inputs, layer.outputs, from, to);
        }
    }

    unsafe fn backward(&self, [from, to]: [usize; 2]) {
        for l in (1..self.layers.len()).rev() {
            let (below, layer) = (&self.layers[l - 1], &self.layers[l]);
            let (i, o) = (layer.inputs, layer.outputs);
            let rows = from * i..to * i;
            let weight = if self.small {
                Matrix::rows_of(layer.transposed.start(), i)
            } else {
                Matrix::rows_of(layer.weight.start(), o).transposed()
            };
            // SAFETY: these rows are this thread's; both deltas have a row for each row of the batch.
            let (delta, output) = unsafe {
                let delta = below.delta.write(rows.clone());
                let upstream = Matrix::rows_of(layer.delta.start().add(from * o), o);
                product(self.small, [to - from, i, o], upstream, weight, delta.as_mut_ptr(), false);
                (delta, below.output.read(rows))
            };
            if self.spec.hidden == Activation::Relu {
                delta.iter_mut().zip(output).for_each(|(d, a)| *d = if *a > 0.0 { *d } else { 0.0 });
            } else {
                delta.iter_mut().zip(output).for_each(|(d, a)| *d *= a * (1.0 - a));
            }
        }
    }

    unsafe fn update(&self, step: usize, id: usize) {
        let rule = AdamStep::at(step as i32 + 1, self.spec.rate);
        for l in 0..self.layers.len() {
            // SAFETY: biases are the first thread's, rows of weights are split.
            unsafe {
                if id == 0 {
                    self.update_bias(&rule, l);
                }
                if !self.spec.adam && self.threads == 1 {
                    self.descend(step, l);
                } else {
                    self.update_rows(&rule, step, l, id);
                }
            }
        }
    }

    unsafe fn update_bias(&self, rule: &AdamStep, l: usize) {
        let layer = &self.layers[l];
        let [_, _, m, v] = &layer.averages;
        // SAFETY: the caller's thread alone writes biases.
        unsafe {
            let (bias, gradient) = (layer.bias.write_all(), layer.bias_gradient.write_all());
            gradient.fill(0.0);
            for row in layer.delta.read_all().chunks_exact(layer.outputs) {
                gradient.iter_mut().zip(row).for_each(|(g, d)| *g += d);
            }
            if self.spec.adam {
                rule.apply(bias, m.write_all(), v.write_all(), gradient);
            } else {
                let rate = self.spec.rate as f32;
                bias.iter_mut().zip(gradient).for_each(|(b, g)| *b -= rate * *g);
            }
        }
    }

    /// What layer `l` was given in this step, transposed, from one of its columns on.
    fn input(&self, step: usize, l: usize, column: usize) -> Matrix {
        let start = if l == 0 { self.x[step % BATCHES].as_ptr() } else { self.layers[l - 1].output.start() };
        assert!(column < self.layers[l].inputs);
        // SAFETY: within the first row.
        Matrix::rows_of(unsafe { start.add(column) }, self.layers[l].inputs).transposed()
    }

    /// Descent on one thread needs no gradient of its own: the product is added to the weights.
    unsafe fn descend(&self, step: usize, l: usize) {
        let (layer, rate) = (&self.layers[l], self.spec.rate as f32);
        let shape = [layer.inputs, layer.outputs, self.spec.batch];
        // SAFETY: there is one thread; the product has the shape of the weights.
        unsafe {
            layer.delta.write_all().iter_mut().for_each(|d| *d *= -rate);
            let delta = Matrix::rows_of(layer.delta.start(), layer.outputs);
            product(self.small, shape, self.input(step, l, 0), delta, layer.weight.start(), true);
        }
    }

    unsafe fn update_rows(&self, rule: &AdamStep, step: usize, l: usize, id: usize) {
        let (layer, rate) = (&self.layers[l], self.spec.rate as f32);
        let (i, o) = (layer.inputs, layer.outputs);
        let [m, v, _, _] = &layer.averages;
        let delta = Matrix::rows_of(layer.delta.start(), o);
        let end = i * (id + 1) / self.threads;
        for start in (i * id / self.threads..end).step_by(BLOCK) {
            let count = BLOCK.min(end - start);
            let part = start * o..(start + count) * o;
            // SAFETY: these rows, and the block, are this thread's.
            unsafe {
                let gradient = self.blocks[id].write(0..count * o);
                let input = self.input(step, l, start);
                product(self.small, [count, o, self.spec.batch], input, delta, gradient.as_mut_ptr(), false);
                let weight = layer.weight.write(part.clone());
                if self.spec.adam {
                    rule.apply(weight, m.write(part.clone()), v.write(part), gradient);
                } else {
                    weight.iter_mut().zip(gradient).for_each(|(w, g)| *w -= rate * *g);
                }
            }
        }
    }
}

fn softmax(z: &mut [f32], n: usize) {
    for row in z.chunks_exact_mut(n) {
        let max = row.iter().copied().fold(f32::MIN, f32::max);
        row.iter_mut().for_each(|z| *z -= max);
    }
    z.iter_mut().for_each(|z| *z = math::exp(*z));
    for row in z.chunks_exact_mut(n) {
        let scale = 1.0 / row.iter().sum::<f32>();
        row.iter_mut().for_each(|z| *z *= scale);
    }
}

/// Adam's rate and eps with the bias corrections of one step taken into them.
struct AdamStep {
    rate: f32,
    eps: f32,
}

impl AdamStep {
    fn at(step: i32, rate: f64) -> Self {
        let root = (1.0 - 0.999f64.powi(step)).sqrt();
        Self { rate: (rate * root / (1.0 - 0.9f64.powi(step))) as f32, eps: (1e-8 * root) as f32 }
    }

    #[inline(always)]
    fn apply(&self, p: &mut [f32], m: &mut [f32], v: &mut [f32], g: &[f32]) {
        for (((p, m), v), &g) in p.iter_mut().zip(m).zip(v).zip(g) {
            *m = 0.9 * *m + 0.1 * g;
            *v = 0.999 * *v + 0.001 * g * g;
            *p -= self.rate * *m / (v.sqrt() + self.eps);
        }
    }
}
