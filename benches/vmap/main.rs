//! The gradient of each example of a batch of 256 by the weights of 784-128-10, beside the gradient of the whole batch and the mere
//! writing of so many numbers; on a tape and as programs, on one thread, the least of ten; by hand.
//!
//! ```text
//! cargo bench -p benches --bench vmap
//! ```

use retrograd::{Program, Tape, Tensor, Var};
use std::hint::black_box;
use std::time::Instant;

const BATCH: usize = 256;

fn sample(shape: &[usize], factor: f64) -> Tensor<f32> {
    let n: usize = shape.iter().product();
    let elements = (0..n).map(|i| ((i * 7919 % 1009) as f64 / 504.5 - 1.0) * factor).map(|x| x as f32);
    Tensor::new(shape, elements.collect()).unwrap()
}

/// The loss of a batch, or of one example as a batch.
fn loss<'t>(w: &[Var<'t, f32>], x: Var<'t, f32>, y: Var<'t, f32>) -> Var<'t, f32> {
    (x.matmul(w[0]) + w[1]).relu().matmul(w[2]).try_add(w[3]).unwrap().cross_entropy_soft(y)
}

/// The gradients of each example.
fn each<'t>(v: &[Var<'t, f32>]) -> Vec<Var<'t, f32>> {
    let (w, tape) = (&v[..4], v[0].tape());
    tape.vmap(&v[4..], |example| {
        let loss = loss(w, example[0].unsqueeze(0), example[1].unsqueeze(0));
        tape.grad(loss, w)
    })
}

/// Milliseconds, the least of ten.
fn least(mut run: impl FnMut()) -> f64 {
    run();
    (0..10)
        .map(|_| {
            let started = Instant::now();
            run();
            started.elapsed().as_secs_f64() * 1e3
        })
        .fold(f64::INFINITY, f64::min)
}

fn main() {
    let shapes: [&[usize]; 4] = [&[784, 128], &[128], &[128, 10], &[10]];
    let mut inputs: Vec<Tensor<f32>> = shapes.iter().map(|shape| sample(shape, 0.05)).collect();
    inputs.push(sample(&[BATCH, 784], 1.0));
    inputs.push(Tensor::from_fn([BATCH, 10], |at| if at[0] % 10 == at[1] { 1.0 } else { 0.0 }));
    let given: Vec<&Tensor<f32>> = inputs.iter().collect();

    let mut whole = Program::compile(&inputs, |v| {
        let loss = loss(&v[..4], v[4], v[5]);
        v[0].tape().grad(loss, &v[..4])
    })
    .unwrap();
    let mut apart = Program::compile(&inputs, each).unwrap();
    let batch = least(|| whole.run(&given).unwrap());
    let examples = least(|| apart.run(&given).unwrap());
    let mut tape = Tape::<f32>::of();
    let batch_on_tape = least(|| {
        let v: Vec<Var<'_, f32>> = inputs.iter().map(|x| tape.var(x)).collect();
        black_box(loss(&v[..4], v[4], v[5]).backward());
        tape.clear();
    });
    let examples_on_tape = least(|| {
        let v: Vec<Var<'_, f32>> = inputs.iter().map(|x| tape.var(x)).collect();
        black_box(each(&v));
        tape.clear();
    });
    let size: usize = BATCH * shapes.iter().map(|shape| shape.iter().product::<usize>()).sum::<usize>();
    let mut memory = vec![0.0f32; size];
    let mut k = 0.0;
    let writing = least(|| {
        k += 1.0;
        black_box(&mut memory).fill(k);
    });
    // As kernels write: a matrix at a time, through the cache, which reads what it is going to write over.
    let matrix = vec![1.0f32; 784 * 128];
    let stored = least(|| {
        for part in black_box(&mut memory).chunks_exact_mut(matrix.len()) {
            part.copy_from_slice(black_box(&matrix));
        }
    });
    println!(
        "writing {:.1} MB: {writing:.2} ms filled, {stored:.2} ms copied from a matrix in the cache",
        size as f64 * 4e-6
    );
    for (name, batch, examples) in [("program", batch, examples), ("tape", batch_on_tape, examples_on_tape)] {
        println!(
            "{name}: the batch {batch:.2} ms, each example {examples:.2} ms: {:.2} times the batch beside the filling, {:.2} beside the copying",
            (examples - writing) / batch,
            (examples - stored) / batch
        );
    }
    // The mean of the gradients is the gradient of the mean.
    for k in 0..4 {
        let (mean, gradient) = (apart.tensor(k).mean(0), whole.tensor(k));
        let far = (&mean - &gradient).abs().max(()).item();
        assert!(far <= 1e-5 * gradient.abs().max(()).item(), "{k}: {far}");
    }
}
