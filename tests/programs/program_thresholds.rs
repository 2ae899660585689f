//! Programs on either side of every threshold that their compiler and the kernels have: against the tape, in both precisions, by
//! one thread and by two.
//!
//! A shape decides how a product and what reads it are run. Here shapes lie below, at and above each place where that changes,
//! and are empty, single, odd, long and thin as well. What a shape is for stands beside it; the thresholds themselves are tested
//! beside the code, where their values are.

use retrograd::data::synthetic;
use retrograd::nn::{Draw, Mlp};
use retrograd::optim::Adam;
use retrograd::program::Options;
use retrograd::train::{Execution, Trainer};
use retrograd::{Compiled, Element, Program, Tape, Tensor, Var};

/// Numbers of both signs that no symmetry hides behind, none above `size`.
fn sample<T: Element>(shape: &[usize], salt: usize, size: f64) -> Tensor<T> {
    let number = |k: usize| {
        let mixed = (k as u64 + 1).wrapping_mul(6364136223846793005).wrapping_add(salt as u64 * 1442695040888963407);
        size * ((mixed >> 33) % 2001) as f64 / 1000.0 - size
    };
    let n = shape.iter().product();
    Tensor::new(shape, (0..n).map(|k| T::from_f64(number(k))).collect()).unwrap()
}

/// Equal but for the order in which so many terms are summed: relative to the largest element, or to 1.
fn close<T: Element>(what: &str, found: &[T], wanted: &[T], terms: usize) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    let largest = wanted.iter().map(|x| x.to_f64().abs()).fold(1.0, f64::max);
    let tolerance = 64.0 * T::EPSILON * (terms.max(1) as f64).sqrt() * largest;
    for (k, (a, b)) in found.iter().zip(wanted).enumerate() {
        let (a, b) = (a.to_f64(), b.to_f64());
        assert!((a - b).abs() <= tolerance, "{what}, element {k}: {a}, by the tape {b}");
    }
}

fn number<'t, T: Element>(x: f64) -> Var<'t, T> {
    Var::constant(T::from_f64(x))
}

fn bits<T: Element>(x: &[T]) -> Vec<u64> {
    x.iter().map(|x| x.to_f64().to_bits()).collect()
}

/// Inputs, the value that is made of them, and how long its sums are.
struct Case<'a, T: Element> {
    name: String,
    inputs: Vec<Tensor<T>>,
    build: &'a dyn for<'t> Fn(&[Var<'t, T>]) -> Var<'t, T>,
    terms: usize,
}

impl<T: Element> Case<'_, T> {
    fn loss<'t>(&self, v: &[Var<'t, T>]) -> Var<'t, T> {
        (self.build)(v).square().sum(())
    }

    /// Whether its products are long enough to wait for where nothing is optimised.
    fn is_much_work(&self) -> bool {
        matches!(self.inputs[1].shape()[..], [_, columns] if self.inputs[0].len() * columns > 2_000_000)
    }

    /// Every way into a program, by one thread and by two: the tape's numbers, and the same bits for both.
    fn check(&self) {
        let tape = Tape::of();
        let vars: Vec<Var<'_, T>> = self.inputs.iter().map(|x| tape.var(x)).collect();
        let value = (self.build)(&vars).value();
        let loss = self.loss(&vars);
        let grads = loss.backward();
        let grads: Vec<Tensor<T>> = vars.iter().map(|&x| grads.wrt(x)).collect();
        let runs = [1, 2].map(|threads| self.run(threads, &value, loss.item(), &grads));
        assert!(runs[0] == runs[1], "{}: two threads give other bits than one", self.name);
    }

    fn run(&self, threads: usize, value: &Tensor<T>, loss: T, grads: &[Tensor<T>]) -> Vec<Vec<u64>> {
        let name = format!("{}, {} bytes an element, {threads} threads", self.name, size_of::<T>());
        let options = Options::new().threads(threads);
        let inputs: Vec<&Tensor<T>> = self.inputs.iter().collect();
        let mut found = Vec::new();

        let mut function = options.function(|v: &[Var<'_, T>]| vec![(self.build)(v)]);
        let program = function.call(&inputs).unwrap();
        close(&format!("{name}: compile"), program.output(0), value.as_slice(), self.terms);
        found.push(bits(program.output(0)));

        let by: Vec<usize> = (0..inputs.len()).collect();
        let mut program = options.clone().gradient(&by).compile(&self.inputs, |v| vec![self.loss(v)]).unwrap();
        program.verify().unwrap();
        program.run(&inputs).unwrap();
        close(&format!("{name}: loss"), &[program.item(0)], &[loss], self.terms);
        for (k, gradient) in grads.iter().enumerate() {
            close(&format!("{name}: gradient {k}"), program.output(k + 1), gradient.as_slice(), self.terms);
            found.push(bits(program.output(k + 1)));
        }

        if self.is_much_work() {
            // A compiled step is the same program once more.
            return found;
        }
        let mut compiled = Compiled::with(options);
        for round in 0..2 {
            let built = compiled.step(0, |tape| {
                let vars: Vec<Var<'_, T>> = self.inputs.iter().map(|x| tape.var(x)).collect();
                let ids: Vec<_> = vars.iter().map(|x| x.id()).collect();
                Ok((self.loss(&vars), ids))
            });
            let (value, ids, gradients) = built.unwrap();
            close(&format!("{name}: step {round}, loss"), &[value], &[loss], self.terms);
            for (k, (&id, wanted)) in ids.iter().zip(grads).enumerate() {
                let gradient = gradients.get(id).unwrap();
                close(
                    &format!("{name}: step {round}, gradient {k}"),
                    gradient.as_slice(),
                    wanted.as_slice(),
                    self.terms,
                );
            }
            compiled.recycle(gradients);
        }
        assert!(compiled.problem().is_none() && compiled.recorded() == 1, "{name}: {:?}", compiled.problem());
        found
    }
}

/// tanh(X W + b).
fn layer<'t, T: Element>(v: &[Var<'t, T>]) -> Var<'t, T> {
    (v[0].matmul(v[1]) + v[2]).tanh()
}

/// A layer of this shape.
fn check_layer<T: Element>([m, k, n]: [usize; 3]) {
    let size = 1.0 / (k.max(1) as f64).sqrt();
    let inputs: Vec<Tensor<T>> = vec![sample(&[m, k], 1, 1.0), sample(&[k, n], 2, size), sample(&[n], 3, 0.5)];
    Case { name: format!("[{m}, {k}] x [{k}, {n}]"), inputs, build: &layer, terms: m * k.max(n) }.check();
}

fn check_layers(shapes: &[[usize; 3]]) {
    for &shape in shapes {
        check_layer::<f32>(shape);
        check_layer::<f64>(shape);
    }
}

#[test]
fn empty_single_and_odd_sides_agree_with_the_tape() {
    let sides = [0, 1, 2, 3, 17];
    for m in sides {
        for k in sides {
            for n in sides {
                check_layers(&[[m, k, n]]);
            }
        }
    }
}

#[test]
fn long_and_thin_sides_agree_with_the_tape() {
    for thin in [[0, 2], [2, 0], [1, 2], [2, 1], [2, 3], [3, 17], [2, 8]] {
        let [a, b] = thin;
        check_layers(&[[10_000, a, b], [a, 10_000, b], [a, b, 10_000]]);
    }
}

#[test]
fn products_about_as_large_as_a_cache_agree_with_the_tape() {
    // 256 KB of f32 and of f64 in rows of eight: what is larger may run by panels, if it is work enough for threads.
    check_layers(&[[8191, 2, 8], [8192, 2, 8], [8193, 2, 8], [4095, 2, 8], [4096, 2, 8], [4097, 2, 8]]);
    // Four million multiplications, with a result of more than that.
    check_layers(&[[1249, 50, 64], [1250, 50, 64], [1251, 50, 64]]);
}

#[test]
fn products_of_one_step_or_one_column_agree_with_the_tape() {
    // Work enough for threads, results that are large, and nothing to cut: no step, one step, one column.
    for [m, k, n] in [[70_000, 0, 8], [62_500, 1, 64], [67_000, 60, 1]] {
        let inputs: Vec<Tensor<f32>> = vec![sample(&[m, k], 1, 1.0), sample(&[k, n], 2, 0.2)];
        let name = format!("[{m}, {k}] x [{k}, {n}]");
        Case { name, inputs, build: &|v| v[0].matmul(v[1]).tanh(), terms: m * k.max(n) }.check();
    }
}

#[test]
fn right_factors_about_as_large_as_a_panel_agree_with_the_tape() {
    // 64 KB of f64, then of f32.
    for k in [127, 128, 129] {
        check_layer::<f64>([600, k, 64]);
    }
    for k in [255, 256, 257] {
        check_layer::<f32>([1100, k, 64]);
    }
}

#[test]
fn rows_that_are_no_whole_panels_agree_with_the_tape() {
    // Panels of 288 rows of f32, of 144 of f64; the last one takes what is over.
    check_layers(&[[1151, 60, 64], [1152, 60, 64], [1153, 60, 64], [1439, 60, 64]]);
}

#[test]
fn parts_for_threads_agree_with_the_tape() {
    // No part has fewer than 48 rows or columns.
    check_layers(&[[47, 1800, 50], [48, 1800, 50], [95, 450, 97], [96, 450, 97], [97, 450, 96], [97, 450, 95]]);
}

/// What else may read a product, and how else it may be asked for, at sizes on both sides.
#[test]
fn readers_and_orientations_of_products_agree_with_the_tape() {
    type Build<T> = for<'a, 't> fn(&'a [Var<'t, T>]) -> Var<'t, T>;
    fn builds<T: Element>() -> [(&'static str, Build<T>); 6] {
        [
            ("no bias", |v| v[0].matmul(v[1]).tanh()),
            ("transposed", |v| v[0].t().matmul_tn(v[1].t().t()).sigmoid() * number(2.0)),
            ("right transposed", |v| v[0].matmul_nt(v[1].t()).tanh()),
            ("read twice", |v| {
                let y = v[0].matmul(v[1]);
                y.tanh() * y
            }),
            ("summed", |v| v[0].matmul(v[1]).exp().sum(0)),
            ("two layers", |v| v[0].matmul(v[1]).tanh().matmul(v[1].t()).tanh()),
        ]
    }
    fn check<T: Element>([m, k, n]: [usize; 3]) {
        for (name, build) in builds::<T>() {
            let inputs = vec![sample(&[m, k], 1, 0.5), sample(&[k, n], 2, 0.5 / (k as f64).sqrt())];
            let name = format!("{name}: [{m}, {k}] x [{k}, {n}]");
            Case { name, inputs, build: &build, terms: m * k.max(n) }.check();
        }
    }
    for shape in [[10_000, 2, 8], [60, 30, 20]] {
        check::<f32>(shape);
        check::<f64>(shape);
    }
    check::<f64>([1300, 64, 50]);
}

#[test]
fn stacks_of_matrices_agree_with_the_tape() {
    for [m, k, n] in [[1280, 2, 72], [500, 2, 72], [1280, 1, 72], [1280, 20, 72], [1300, 64, 50], [10_000, 2, 8]] {
        let inputs: Vec<Tensor<f64>> =
            vec![sample(&[m / 10, 10, k], 1, 1.0), sample(&[k, n], 2, 0.3), sample(&[n], 3, 0.5)];
        Case { name: format!("[{m} / 10, 10, {k}] x [{k}, {n}]"), inputs, build: &layer, terms: m * k }.check();
    }
}

#[test]
fn layers_that_once_panicked_agree_with_the_tape() {
    check_layers(&[[500, 2, 72], [1280, 1, 72], [1280, 2, 72], [1280, 20, 72], [1280, 64, 72]]);
    check_layers(&[[10_000, 2, 1], [5000, 10, 10], [200_000, 3, 4]]);
    // About 250 KB of results: those just above panicked.
    for [k, n] in [[2, 8], [4, 16], [13, 32], [16, 16], [30, 30], [32, 32], [64, 10], [64, 32], [64, 64], [4, 3]] {
        check_layer::<f64>([(256 * 1024 / 8 / n + 200).max(600), k, n]);
    }
}

#[test]
fn a_loss_over_a_whole_batch_has_the_tapes_gradient() {
    let inputs = [sample(&[5000, 10], 1, 1.0), sample(&[10, 10], 2, 0.3), sample(&[10, 10], 3, 0.3)];
    fn loss<'t>(v: &[Var<'t, f64>]) -> Var<'t, f64> {
        v[0].matmul(v[1]).tanh().matmul(v[2]).tanh().square().mean(())
    }
    let mut program = Program::compile_gradient(&inputs, &[1, 2], loss).unwrap();
    program.run(&inputs.iter().collect::<Vec<_>>()).unwrap();
    let tape = Tape::new();
    let vars: Vec<Var<'_, f64>> = inputs.iter().map(|x| tape.var(x)).collect();
    let value = loss(&vars);
    let grads = value.backward();
    close("loss", &[program.item(0)], &[value.item()], 5000);
    close("gradient by the first", program.output(1), grads.wrt(vars[1]).as_slice(), 5000);
    close("gradient by the second", program.output(2), grads.wrt(vars[2]).as_slice(), 5000);
}

/// A factor that nothing reads after the product must last until the last panel of it: the fused step would fit where it is.
#[test]
fn a_factor_of_a_product_that_runs_by_panels_is_not_written_over() {
    fn check<T: Element>() {
        let inputs: Vec<Tensor<T>> =
            vec![sample(&[100, 900], 1, 1.0), sample(&[100, 80], 2, 0.1), sample(&[80, 3], 3, 0.2)];
        let name = "a factor made for the product".to_owned();
        Case { name, inputs, build: &|v| v[0].tanh().t().matmul(v[1]).tanh().matmul(v[2]), terms: 90_000 }.check();
    }
    check::<f32>();
    check::<f64>();
}

/// W - (W' S) / 10, and W + W S / 10: the update is written over W, which the product's next panel reads.
#[test]
fn a_carried_factor_of_a_product_that_runs_by_panels_is_not_written_over() {
    fn check<T: Element>(shape: [usize; 2], n: usize, update: impl for<'t> Fn(Var<'t, T>, Var<'t, T>) -> Var<'t, T>) {
        let (w, s) = (sample::<T>(&shape, 1, 1.0), sample::<T>(&[n, n], 2, 0.1));
        let tape = Tape::of();
        let once = update(tape.var(&w), tape.var(&s));
        let wanted = update(once, tape.var(&s)).value();
        let found = [1, 2].map(|threads| {
            let options = Options::new().threads(threads).carry(0, 0);
            let mut step = options.compile(&[w.clone(), s.clone()], |v| vec![update(v[0], v[1])]).unwrap();
            step.set_carried(0, &w).unwrap();
            step.run(&[&s]).unwrap();
            step.run(&[&s]).unwrap();
            close(&format!("{shape:?}, {threads} threads"), step.carried(0), wanted.as_slice(), n);
            bits(step.carried(0))
        });
        assert!(found[0] == found[1], "{shape:?}: two threads give other bits than one");
    }
    fn both<T: Element>() {
        check::<T>([64, 1200], 64, |w, s| w - w.t().matmul(s).reshape([64, 1200]) * number(0.1));
        check::<T>([1200, 64], 64, |w, s| w + w.matmul(s) * number(0.1));
    }
    both::<f32>();
    both::<f64>();
}

#[test]
fn fused_steps_of_any_length_agree_with_the_tape() {
    // A block has at most 768 lanes of f32 and 384 of f64, a segment at least eight blocks; a thread is woken for 500,000
    // element operations; from 4 MB on streams are fetched ahead.
    for n in [0, 1, 2, 15, 16, 17, 31, 32, 33, 383, 384, 385, 767, 768, 769] {
        check_fused::<f32>(&[n]);
        check_fused::<f64>(&[n]);
    }
    for around in [8 * 384, 8 * 768, 16 * 384, 16 * 768] {
        check_fused::<f32>(&[around - 1]);
        check_fused::<f64>(&[around]);
        check_fused::<f64>(&[around + 1]);
    }
    for n in [31_250, 62_500, 125_000, 64 * 8 * 384 + 1, 300_000] {
        check_fused::<f64>(&[n]);
    }
    // Sums by column: a segment has at least 32 rows. Sums by row: whole rows.
    for (rows, columns) in [
        (0, 3),
        (3, 0),
        (31, 100),
        (32, 100),
        (33, 100),
        (63, 400),
        (64, 400),
        (65, 400),
        (800, 1),
        (1, 800),
        (3, 2000),
    ] {
        check_fused::<f32>(&[rows, columns]);
        check_fused::<f64>(&[rows, columns]);
    }
}

/// Every way out of a fused step: elements, and sums along all, leading and trailing axes.
fn check_fused<T: Element>(shape: &[usize]) {
    let inputs: Vec<Tensor<T>> = vec![sample(shape, 1, 1.0), sample(&shape[shape.len() - 1..], 2, 0.7)];
    fn elements<'t, T: Element>(v: &[Var<'t, T>]) -> Var<'t, T> {
        (v[0] * v[1] + number(0.5)).tanh() * v[0]
    }
    fn leading<'t, T: Element>(v: &[Var<'t, T>]) -> Var<'t, T> {
        elements(v).sum(0)
    }
    fn trailing<'t, T: Element>(v: &[Var<'t, T>]) -> Var<'t, T> {
        elements(v).sum(-1)
    }
    let terms = shape.iter().product();
    Case { name: format!("elements of {shape:?}"), inputs: inputs.clone(), build: &elements, terms }.check();
    Case { name: format!("leading sums of {shape:?}"), inputs: inputs.clone(), build: &leading, terms }.check();
    Case { name: format!("trailing sums of {shape:?}"), inputs, build: &trailing, terms }.check();
}

#[test]
fn arithmetic_that_waits_for_a_product_agrees_with_the_tape() {
    // Up to six ops, and what is made of two buffers, move to the step that reads them.
    for depth in 0..9 {
        for used in 1..4 {
            let mut inputs: Vec<Tensor<f64>> = vec![sample(&[30, 20], 1, 1.0), sample(&[20, 10], 2, 0.3)];
            inputs.extend((0..used).map(|k| sample(&[30, 10], 3 + k, 1.0)));
            fn build<'t>(v: &[Var<'t, f64>], depth: usize) -> Var<'t, f64> {
                let sum = v[3..].iter().fold(v[2], |sum, &x| sum * x);
                let waiting = (0..depth).fold(sum, |x, k| if k % 2 == 0 { x * 0.9 } else { x + 0.1 });
                v[0].matmul(v[1]).tanh() * waiting
            }
            let name = format!("{depth} ops on {used} buffers");
            Case { name, inputs, build: &move |v| build(v, depth), terms: 600 }.check();
        }
    }
}

#[test]
fn numbers_in_batches_and_chains_agree_with_the_tape() {
    // Four alike make a batch, eight a stretch; four steps make a chain.
    for n in [1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 65] {
        for steps in [1, 3, 4, 5] {
            fn build<'t>(v: &[Var<'t, f64>], steps: usize) -> Var<'t, f64> {
                let one = |&x: &Var<'t, f64>| (0..steps).fold(x, |y, _| (y * x).sin() + 0.5);
                v.iter().map(one).sum()
            }
            let inputs: Vec<Tensor<f64>> = (0..n).map(|k| Tensor::scalar(0.1 + 0.01 * k as f64)).collect();
            let by: Vec<usize> = (0..n).collect();
            let mut program = Program::compile_gradient(&inputs, &by, |v| build(v, steps)).unwrap();
            program.run(&inputs.iter().collect::<Vec<_>>()).unwrap();
            let tape = Tape::new();
            let vars: Vec<Var<'_, f64>> = inputs.iter().map(|x| tape.var(x)).collect();
            let value = build(&vars, steps);
            let grads = value.backward();
            close(&format!("{n} numbers, {steps} steps"), &[program.item(0)], &[value.item()], n);
            for (k, &x) in vars.iter().enumerate() {
                close(&format!("{n} numbers, {steps} steps, {k}"), &[program.item(k + 1)], grads.wrt(x).as_slice(), n);
            }
        }
    }
}

#[test]
fn a_compiled_step_of_a_model_agrees_with_an_eager_one_at_any_batch() {
    let mut model = Mlp::new(2).dense(8).tanh().dense(1).build::<f64>(0).unwrap();
    let (mut tape, mut compiled) = (Tape::new(), Compiled::new());
    for batch in [0, 1, 3, 17, 512, 4095, 4096, 4097, 10_000] {
        let (x, target) = (sample::<f64>(&[batch, 2], 1, 1.0), sample::<f64>(&[batch, 1], 2, 1.0));
        let eager = model.step(&mut tape, Draw::default(), |model, pass| {
            Ok((model.forward(pass.tape().data(&x), pass) - pass.tape().data(&target)).square().sum(()))
        });
        let program = model.step_compiled(&mut compiled, batch as u64, Draw::default(), |model, pass| {
            Ok((model.forward(pass.tape().data(&x), pass) - pass.tape().data(&target)).square().sum(()))
        });
        let (eager, program) = (eager.unwrap(), program.unwrap());
        close(&format!("batch {batch}: loss"), &[program.loss], &[eager.loss], batch);
        for ((_, found), (_, wanted)) in program.grads.iter().zip(eager.grads.iter()) {
            close(&format!("batch {batch}: gradient"), found.as_slice(), wanted.as_slice(), batch);
        }
    }
    assert!(compiled.problem().is_none(), "{:?}", compiled.problem());
}

#[test]
fn a_trainer_at_its_defaults_takes_a_batch_of_twenty_thousand() {
    let data = synthetic::two_moons::<f32>(20_000, 0.1, 0).unwrap();
    for batch in [4096, 20_000] {
        let fit = |execution: Execution, threads: usize| {
            let mut model = Mlp::new(2).dense(8).tanh().dense(2).build(0).unwrap();
            let trainer = Trainer::new(Adam::new(0.01)).epochs(1).batch(batch);
            let history = trainer.execution(execution).threads(threads).fit(&mut model, &data).unwrap();
            let weights: Vec<f32> = model.params().iter().flat_map(|(_, param)| param.value().to_vec()).collect();
            (history.last().unwrap().loss, weights)
        };
        let (wanted, wanted_weights) = fit(Execution::Eager, 1);
        let (loss, weights) = fit(Execution::default(), 1);
        assert!((loss - wanted).abs() < 1e-5, "batch {batch}: {loss}, eagerly {wanted}");
        close(&format!("batch {batch}: weights"), &weights, &wanted_weights, batch);
        assert_eq!(bits(&fit(Execution::default(), 2).1), bits(&weights), "batch {batch}: two threads");
    }
}
