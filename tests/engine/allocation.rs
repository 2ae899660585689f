//! A warm training step allocates nothing: a counting allocator watches.

use retrograd::data::{Dataset, Order, Targets};
use retrograd::nn::loss::{self, Loss};
use retrograd::nn::{Draw, Mlp};
use retrograd::{Compiled, Element, Id, Tape, Tensor, Var};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, which counts requests of the current thread.
struct Counting;

thread_local! {
    static REQUESTS: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    // Threads that are ending may allocate after their counter is gone.
    let _ = REQUESTS.try_with(|requests| requests.set(requests.get() + 1));
}

// SAFETY: every request goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's obligations are the system allocator's.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often the closure asks for memory.
fn requests(work: impl FnOnce()) -> usize {
    let before = REQUESTS.get();
    work();
    REQUESTS.get() - before
}

/// Numbers that differ, without a generator.
fn filled<T: Element>(shape: &[usize], scale: f64) -> Tensor<T> {
    let mut k = 0u32;
    Tensor::from_fn(shape, |_| {
        k = k.wrapping_mul(747796405).wrapping_add(2891336453);
        T::from_f64(scale * ((k >> 8) as f64 / (1 << 24) as f64 - 0.5))
    })
}

/// Weights and biases of a network with one hidden layer.
fn network<T: Element>(inputs: usize, hidden: usize, outputs: usize) -> [Tensor<T>; 4] {
    [filled(&[inputs, hidden], 0.4), filled(&[hidden], 0.1), filled(&[hidden, outputs], 0.4), filled(&[outputs], 0.1)]
}

/// One step of gradient descent; returns the loss.
fn descend<T: Element>(
    tape: &mut Tape<T>,
    parameters: &mut [Tensor<T>; 4],
    loss: impl for<'t> Fn(&'t Tape<T>, [Var<'t, T>; 4]) -> Var<'t, T>,
) -> T {
    let (value, ids, grads) = tape.step(|t| {
        let vars = [0, 1, 2, 3].map(|i| t.var(&parameters[i]));
        let ids: [Id; 4] = vars.map(|v| v.id());
        (loss(t, vars), ids)
    });
    for (parameter, id) in parameters.iter_mut().zip(ids) {
        parameter.add_scaled(T::from_f64(-0.1), grads.get(id).expect("every parameter matters"));
    }
    tape.recycle(grads);
    value
}

/// Warms up, then counts requests over more steps; the loss must fall meanwhile.
fn steps_allocate_nothing<T: Element>(
    mut parameters: [Tensor<T>; 4],
    loss: impl for<'t> Fn(&'t Tape<T>, [Var<'t, T>; 4]) -> Var<'t, T>,
) {
    let mut tape = Tape::<T>::of();
    let first = descend(&mut tape, &mut parameters, &loss);
    for _ in 0..4 {
        descend(&mut tape, &mut parameters, &loss);
    }
    let mut last = first;
    let found = requests(|| {
        for _ in 0..10 {
            last = descend(&mut tape, &mut parameters, &loss);
        }
    });
    assert!(last < first, "the loss went from {first} to {last}");
    assert_eq!(found, 0, "requests for memory in ten warm steps");
}

#[test]
fn a_warm_step_with_cross_entropy_allocates_nothing() {
    let x: Tensor<f32> = filled(&[32, 64], 2.0);
    let labels: Vec<usize> = (0..32).map(|i| i * 7 % 10).collect();
    steps_allocate_nothing(network(64, 64, 10), |t, [w1, b1, w2, b2]| {
        let hidden = (t.data(&x).matmul(w1) + b1).relu();
        (hidden.matmul(w2) + b2).cross_entropy(&labels)
    });
}

#[test]
fn a_warm_step_with_squared_error_allocates_nothing() {
    let x = Tensor::from([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]);
    let target = Tensor::from([[0.0], [1.0], [1.0], [0.0]]);
    steps_allocate_nothing(network(2, 4, 1), |t, [w1, b1, w2, b2]| {
        let hidden = (t.data(&x).matmul(w1) + b1).sigmoid();
        (hidden.matmul(w2) + b2).sigmoid().squared_error(t.data(&target))
    });
}

#[test]
fn a_warm_epoch_of_batches_allocates_nothing() {
    let values = Dataset::<f32>::regression(filled::<f32>(&[70, 6], 2.0), filled::<f32>(&[70, 2], 1.0)).unwrap();
    let labels = Dataset::<f32>::labelled(filled::<f32>(&[70, 6], 2.0), (0..70).map(|i| i % 2).collect()).unwrap();
    let weights: Tensor<f32> = filled(&[6, 2], 0.4);
    for data in [values, labels.with_weights(Tensor::ones([70])).unwrap()] {
        let mut tape = Tape::<f32>::of();
        let mut batches = data.batches(16, Order::shuffled(3, 0)).unwrap();
        let mut epoch = |number: u64| {
            batches.restart(Order::shuffled(3, number));
            while let Some(batch) = batches.next_batch() {
                let (_, (), grads) = tape.step(|t| {
                    let outputs = t.data(&batch.inputs).matmul(t.var(&weights));
                    let loss = match &batch.targets {
                        Targets::Labels(labels) => outputs.cross_entropy(labels),
                        Targets::Values(values) => outputs.mean_squared_error(t.data(values)),
                    };
                    (loss, ())
                });
                tape.recycle(grads);
            }
        };
        (0..3).for_each(&mut epoch);
        assert_eq!(requests(|| (3..6).for_each(&mut epoch)), 0, "requests for memory in three warm epochs");
    }
}

#[test]
fn a_warm_step_through_scalars_and_tensors_allocates_nothing() {
    let x: Tensor<f64> = filled(&[8, 5], 2.0);
    let target: Tensor<f64> = filled(&[8, 3], 1.0);
    steps_allocate_nothing(network(5, 6, 3), |t, [w1, b1, w2, b2]| {
        let hidden = (t.data(&x).matmul(w1) + b1).tanh();
        let output = hidden.matmul(w2) + b2;
        // A mean, a norm and some arithmetic on numbers between tensors.
        let penalty = w1.square().mean(()) + w2.norm2(()).square() * 0.01;
        output.mean_squared_error(t.data(&target)) + (penalty + 1.0).ln() * 0.1
    });
}

#[test]
fn a_warm_step_of_scalars_allocates_nothing() {
    let mut tape = Tape::new();
    let mut at = [-1.2, 1.0];
    let mut step = || {
        let (value, ids, grads) = tape.step(|t| {
            let (x, y) = (t.var(at[0]), t.var(at[1]));
            let value = (y - x * x).square() * 100.0 + (1.0 - x).square();
            (value, [x.id(), y.id()])
        });
        for (x, id) in at.iter_mut().zip(ids) {
            *x -= 1e-3 * grads.get_item(id).expect("both matter");
        }
        tape.recycle(grads);
        value
    };
    let first = step();
    step();
    let mut last = first;
    assert_eq!(requests(|| (0..10).for_each(|_| last = step())), 0);
    assert!(last < first);
}

#[test]
fn a_warm_compiled_step_allocates_nothing() {
    let x: Tensor<f32> = filled(&[32, 64], 2.0);
    let mut labels: Vec<usize> = (0..32).map(|i| i * 7 % 10).collect();
    let mut parameters = network::<f32>(64, 64, 10);
    let mut compiled = Compiled::new();
    let mut step = |scale: f32| {
        labels.rotate_left(1);
        let (value, ids, grads) = compiled
            .step(0, |t| {
                let vars = [0, 1, 2, 3].map(|i| t.var(&parameters[i]));
                let [w1, b1, w2, b2] = vars;
                let factor = t.var(scale);
                // Data made anew for every step, a number, and some arithmetic on numbers.
                let mask = t.tensor([32, 64], |mask| mask.fill(1.25));
                let hidden = (t.data(&x).matmul(w1) + b1).relu() * t.data(mask);
                let loss = (hidden.matmul(w2) + b2).cross_entropy(&labels);
                Ok((loss * factor.exp() + w1.square().mean(()).ln(), vars.map(|v| v.id())))
            })
            .unwrap();
        for (parameter, id) in parameters.iter_mut().zip(ids) {
            parameter.add_scaled(-0.01, grads.get(id).expect("every parameter matters"));
        }
        compiled.recycle(grads);
        value
    };
    let first = step(0.0);
    (0..4).for_each(|_| _ = step(0.1));
    let mut last = first;
    assert_eq!(requests(|| (0..10).for_each(|_| last = step(0.0))), 0, "requests for memory in ten warm steps");
    assert!(last.is_finite() && last != first);
    assert_eq!(compiled.recorded(), 1);
}

#[test]
fn a_prediction_of_one_row_asks_for_little() {
    let model = Mlp::new(64).dense(30).relu().dropout(0.2).dense(20).tanh().dense(10).build::<f32>(0).unwrap();
    let x = filled(&[1, 64], 1.0);
    model.predict(&x).unwrap();
    let asked = requests(|| drop(model.predict(&x).unwrap()));
    // A buffer and its header for each product and activation, and a list or two for each product.
    assert!(asked <= 16, "{asked} requests");
}

#[test]
fn a_warm_step_with_dropout_norms_and_data_made_anew_does_not_grow() {
    let mut model = Mlp::new(16).dense(32).batch_norm().relu().dropout(0.5).dense(4).build::<f32>(0).unwrap();
    let x = filled(&[8, 16], 1.0);
    let labels = Targets::Labels(vec![0, 1, 2, 3, 0, 1, 2, 3]);
    let losses: [Box<dyn Loss<f32>>; 3] = [
        Box::new(loss::quadratic()),
        Box::new(loss::cross_entropy().label_smoothing(0.1)),
        Box::new(loss::sigmoid_cross_entropy()),
    ];
    for loss in losses {
        let mut tape = Tape::of();
        let mut step = |batch| {
            let draw = Draw { batch, ..Draw::default() };
            // Data of its own for every step, which nothing else holds.
            let x = Tensor::new([8, 16], x.to_vec()).unwrap();
            let step =
                model.step(&mut tape, draw, |m, pass| loss.value(m.forward(pass.tape().data(x), pass), &labels, None));
            step.unwrap().grads.recycle(&tape);
            tape.bytes()
        };
        let warm: Vec<usize> = (0..4).map(&mut step).collect();
        let later: Vec<usize> = (4..40).map(&mut step).collect();
        assert!(later.iter().all(|bytes| *bytes <= warm[3]), "{}: {warm:?}, then {later:?}", loss.name());
    }
}
