//! Compiled steps are eager ones to rounding, whatever the model, the loss, and the settings of training.

use retrograd::data::{Dataset, Targets, synthetic};
use retrograd::nn::loss::{self, Loss};
use retrograd::nn::{
    Activation, Dense, Draw, Embedding, Layer, Mlp, Model, ParamScope, Params, Pass, Penalty, Residual, Sequential,
    Shared, func,
};
use retrograd::ops::Saves;
use retrograd::optim::{Adam, Group, Optimizer, Sgd};
use retrograd::train::{Checkpoint, Execution, Trainer};
use retrograd::{
    Algebra, Compiled, CustomOp, Element, Float, IntoShape, Number, Result, Shape, Tape, Tensor, Unary, Upstream, Var,
    keep,
};
use std::cell::Cell;

/// Numbers that differ, without a generator.
fn filled<T: Element>(shape: impl IntoShape, scale: f64, salt: u32) -> Tensor<T> {
    let mut k = salt.wrapping_mul(2654435761);
    Tensor::from_fn(shape, |_| {
        k = k.wrapping_mul(747796405).wrapping_add(2891336453);
        T::from_f64(scale * ((k >> 8) as f64 / (1 << 24) as f64 - 0.5))
    })
}

/// The largest difference, in parts of the largest number.
fn difference<T: Element>(a: &[T], b: &[T]) -> f64 {
    assert_eq!(a.len(), b.len());
    let most = b.iter().fold(1e-30, |most: f64, x| most.max(x.to_f64().abs()));
    let apart = |(a, b): (&T, &T)| (a.to_f64() - b.to_f64()).abs() / most;
    // Not `max`, which would pass over a NaN.
    a.iter().zip(b).map(apart).fold(0.0, |worst: f64, apart| if apart <= worst { worst } else { apart })
}

fn close<T: Element>(what: &str, a: &[T], b: &[T]) {
    let limit = if T::EPSILON > 1e-10 { 1e-5 } else { 1e-12 };
    let found = difference(a, b);
    assert!(found <= limit, "{what}: {a:?} and {b:?} differ by {found:e}");
}

/// Five steps of gradient descent with both, the last batch smaller: losses, gradients and all parameters must agree.
fn steps_agree<T: Element>(
    what: &str,
    make: &dyn Fn() -> Model<T>,
    loss: &dyn Loss<T>,
    batch: &dyn Fn(usize, usize) -> (Tensor<T>, Targets<T>, Option<Tensor<T>>),
    penalty: Option<&Penalty>,
) {
    let (mut eager, mut compiled) = (make(), make());
    let (mut tape, mut programs) = (Tape::<T>::of(), Compiled::<T>::new());
    for k in 0..6 {
        let n = if k % 3 == 2 { 4 } else { 8 };
        let (x, targets, weights) = batch(k, n);
        let draw = Draw { seed: 5, epoch: 0, batch: k as u64, row: 0 };
        fn cost<'t, T: Element>(
            model: &Model<T>,
            pass: &Pass<'t, T>,
            loss: &dyn Loss<T>,
            (x, targets, weights): (&Tensor<T>, &Targets<T>, Option<&Tensor<T>>),
            penalty: Option<&Penalty>,
        ) -> Result<Var<'t, T>> {
            let cost = loss.value(model.forward(pass.tape().data(x), pass), targets, weights)?;
            Ok(penalty.and_then(|penalty| penalty.value(pass, 20)).map_or(cost, |term| cost + term))
        }
        let given = (&x, &targets, weights.as_ref());
        let a = eager.step(&mut tape, draw, |model, pass| cost(model, pass, loss, given, penalty)).unwrap();
        let step =
            programs.step_compiled_of(&mut compiled, n, draw, &|model, pass| cost(model, pass, loss, given, penalty));
        let b = step.unwrap();
        let place = format!("{what}, step {k}");
        close(&format!("{place}, loss"), &[T::from_f64(b.loss)], &[T::from_f64(a.loss)]);
        assert_eq!(a.grads.iter().count(), b.grads.iter().count(), "{place}: parameters with a gradient");
        for (key, gradient) in a.grads.iter() {
            close(&format!("{place}, gradient"), b.grads.get(key).expect("as eager").as_slice(), gradient.as_slice());
        }
        for (model, grads) in [(&mut eager, &a.grads), (&mut compiled, &b.grads)] {
            let keys: Vec<_> = grads.iter().map(|(key, gradient)| (key, gradient.clone())).collect();
            for (key, gradient) in keys {
                let mut value = model.params()[key].clone();
                value.add_scaled(T::from_f64(-0.1), &gradient);
                model.params_mut().set(key, value).unwrap();
            }
        }
        a.grads.recycle(&tape);
        b.grads.recycle(programs.tape());
        assert_eq!(eager.params().iter().count(), compiled.params().iter().count());
        for ((_, a), (_, b)) in eager.params().iter().zip(compiled.params().iter()) {
            close(&format!("{place}, {}", a.name()), b.value().as_slice(), a.value().as_slice());
        }
    }
    assert!(programs.problem().is_none(), "{what}: {}", programs.problem().unwrap());
    assert_eq!(programs.recorded(), 2, "{what}: one recording for each size of batch");
}

/// A shorter name for what the helper above calls.
trait StepCompiled<T: Element> {
    fn step_compiled_of(
        &mut self,
        model: &mut Model<T>,
        n: usize,
        draw: Draw,
        build: &dyn for<'t> Fn(&Model<T>, &Pass<'t, T>) -> Result<Var<'t, T>>,
    ) -> Result<retrograd::nn::Step<T>>;
}
impl<T: Element> StepCompiled<T> for Compiled<T> {
    fn step_compiled_of(
        &mut self,
        model: &mut Model<T>,
        n: usize,
        draw: Draw,
        build: &dyn for<'t> Fn(&Model<T>, &Pass<'t, T>) -> Result<Var<'t, T>>,
    ) -> Result<retrograd::nn::Step<T>> {
        model.step_compiled(self, n as u64, draw, |model, pass| build(model, pass))
    }
}

/// Rows of numbers with labels that change from batch to batch.
fn labelled<T: Element>(
    features: usize,
    classes: usize,
) -> impl Fn(usize, usize) -> (Tensor<T>, Targets<T>, Option<Tensor<T>>) {
    move |k, n| {
        let labels = (0..n).map(|i| (i * 7 + k * 3) % classes).collect();
        (filled([n, features], 2.0, k as u32), Targets::Labels(labels), None)
    }
}

fn valued<T: Element>(
    features: usize,
    outputs: usize,
    positive: bool,
) -> impl Fn(usize, usize) -> (Tensor<T>, Targets<T>, Option<Tensor<T>>) {
    move |k, n| {
        let shift = if positive { 0.5 } else { 0.0 };
        let targets = filled::<T>([n, outputs], 0.9, 100 + k as u32) + T::from_f64(shift);
        (filled([n, features], 2.0, k as u32), Targets::Values(targets), None)
    }
}

/// The mean of what a batch's examples have in common is taken away: a layer of a user's own, with an op of a user's own.
struct Own;
#[derive(Clone, Copy, Debug)]
struct Bend(f64);
impl Unary for Bend {
    const NAME: &'static str = "bend";
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[0.5];
    fn value<F: Float>(self, x: F) -> F {
        x / (F::lit(1.0) + F::lit(self.0) * x * x).sqrt()
    }
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        let square = S::lit(1.0) + S::lit(self.0) * x * x;
        g / (square * square.sqrt())
    }
}
impl<T: Element> Layer<T> for Own {
    fn kind(&self) -> &'static str {
        "own"
    }
    fn build(&mut self, input: &Shape, _: &mut ParamScope<'_, T>) -> Result<Shape> {
        Ok(input.clone())
    }
    fn forward<'t>(&self, x: Var<'t, T>, pass: &Pass<'t, T>) -> Var<'t, T> {
        let bent = (x - x.mean(keep(0))).apply(Bend(0.5 + pass.is_training() as u8 as f64));
        bent * pass.tape().data(T::from_f64(0.75)) + x.max(0).relu()
    }
    fn predict(&self, x: &Tensor<T>, _: &Params<T>) -> Tensor<T> {
        x.clone()
    }
}

fn layers<T: Element>() {
    let cross_entropy = loss::cross_entropy();
    let base = || Mlp::new(6).dense(5);
    let models: Vec<(&str, Box<dyn Fn() -> Model<T>>)> = vec![
        ("dense", Box::new(move || base().build(1).unwrap())),
        (
            "activations",
            Box::new(move || base().relu().dense(5).gelu().dense(5).leaky_relu(0.1).softplus().build(1).unwrap()),
        ),
        ("softmax", Box::new(move || base().softmax().dense(5).log_softmax().build(1).unwrap())),
        ("dropout", Box::new(move || base().tanh().dropout(0.4).dense(5).build(1).unwrap())),
        ("batch_norm", Box::new(move || base().batch_norm().relu().dense(5).build(1).unwrap())),
        ("layer_norm", Box::new(move || base().layer_norm().tanh().dense(5).build(1).unwrap())),
        ("no bias", Box::new(move || Mlp::new(6).dense(5).no_bias().sigmoid().build(1).unwrap())),
        ("flatten", Box::new(|| Mlp::new([2, 3]).flatten().dense(5).build(1).unwrap())),
        (
            "residual",
            Box::new(|| {
                let inner = Sequential::new().with(Dense::new(6)).with(Activation::tanh());
                Model::new(Sequential::new().with(Residual::new(inner)).with(Dense::new(5)), [6], 1).unwrap()
            }),
        ),
        (
            "shared",
            Box::new(|| {
                let shared = Shared::new(Dense::new(6));
                let twice =
                    Sequential::new().with(shared.clone()).with(Activation::tanh()).with(shared).with(Dense::new(5));
                Model::new(twice, [6], 1).unwrap()
            }),
        ),
        (
            "func",
            Box::new(|| {
                Model::new(Sequential::new().with(func("cube", |x| x * x * x)).with(Dense::new(5)), [6], 1).unwrap()
            }),
        ),
        (
            "own",
            Box::new(|| {
                Model::new(Sequential::new().with(Dense::new(6)).with(Own).with(Dense::new(5)), [6], 1).unwrap()
            }),
        ),
    ];
    for (name, make) in &models {
        let shaped = |k, n| {
            let (x, targets, weights) = labelled::<T>(6, 5)(k, n);
            let x = if *name == "flatten" { x.reshape([n, 2, 3]) } else { x };
            (x, targets, weights)
        };
        steps_agree(name, make, &cross_entropy, &shaped, None);
    }
    let frozen = || {
        let mut model = Mlp::new(6).dense(5).batch_norm().tanh().dense(5).build(1).unwrap();
        model.freeze("dense1.*").unwrap();
        model.freeze("batch_norm1.*").unwrap();
        model
    };
    steps_agree::<T>("frozen", &frozen, &cross_entropy, &labelled(6, 5), None);
}

#[test]
fn layers_agree() {
    layers::<f64>();
    layers::<f32>();
}

#[test]
fn an_embedding_looks_up_the_rows_of_each_batch() {
    let make = || {
        Model::<f64>::new(
            Sequential::new().with(Embedding::new(9, 3)).with(retrograd::nn::Flatten).with(Dense::new(4)),
            [2],
            1,
        )
        .unwrap()
    };
    let batch = |k: usize, n: usize| {
        let x = Tensor::from_fn([n, 2], |at| ((at[0] * 5 + at[1] * 2 + k * 3) % 9) as f64);
        (x, Targets::Labels((0..n).map(|i| (i + k) % 4).collect()), None)
    };
    steps_agree("embedding", &make, &loss::cross_entropy(), &batch, None);
}

#[test]
fn losses_agree() {
    let make = || Mlp::new(6).dense(5).tanh().dense(4).build::<f64>(1).unwrap();
    let probable = || Mlp::new(6).dense(5).tanh().dense(4).softmax().build::<f64>(1).unwrap();
    let sigmoid = || Mlp::new(6).dense(4).sigmoid().build::<f64>(1).unwrap();
    let of_labels: Vec<(&str, Box<dyn Loss<f64>>)> = vec![
        ("cross_entropy", Box::new(loss::cross_entropy())),
        ("cross_entropy, sum", Box::new(loss::cross_entropy().sum())),
        ("smoothed", Box::new(loss::cross_entropy().label_smoothing(0.1))),
        ("class weights", Box::new(loss::cross_entropy().class_weights([1.0, 2.0, 0.5, 3.0]))),
        ("quadratic", Box::new(loss::quadratic())),
        ("hinge", Box::new(loss::hinge())),
        ("func", Box::new(loss::func("log_cosh", |x, t| (x - t).cosh().ln()))),
        ("sigmoid_cross_entropy", Box::new(loss::sigmoid_cross_entropy())),
    ];
    for (name, loss) in &of_labels {
        steps_agree(name, &make, loss, &labelled(6, 4), None);
        let weighted = |k, n| {
            let (x, targets, _) = labelled(6, 4)(k, n);
            (x, targets, Some(filled::<f64>([n], 1.0, 7 + k as u32) + 0.6))
        };
        steps_agree(&format!("{name}, weighted"), &make, loss, &weighted, None);
    }
    let log_probable = || Mlp::new(6).dense(4).log_softmax().build::<f64>(1).unwrap();
    steps_agree("nll", &log_probable, &loss::nll(), &labelled(6, 4), None);
    let of_values: Vec<(&str, Box<dyn Loss<f64>>)> = vec![
        ("mean_squared_error", Box::new(loss::mean_squared_error())),
        ("mean_absolute_error", Box::new(loss::mean_absolute_error())),
        ("huber", Box::new(loss::huber(0.3))),
        ("bce with logits", Box::new(loss::binary_cross_entropy_with_logits())),
    ];
    for (name, loss) in &of_values {
        steps_agree(name, &make, loss, &valued(6, 4, true), None);
    }
    steps_agree("bce", &sigmoid, &loss::binary_cross_entropy(), &valued(6, 4, true), None);
    steps_agree("kl", &probable, &loss::kl_divergence(), &valued(6, 4, true), None);
}

#[test]
fn penalties_agree() {
    let make = || Mlp::new(6).dense(5).tanh().dense(4).build::<f64>(1).unwrap();
    for penalty in [Penalty::l2(0.3), Penalty::l1(0.2), Penalty::l2(0.1).only("dense2.*")] {
        steps_agree("penalty", &make, &loss::cross_entropy(), &labelled(6, 4), Some(&penalty));
    }
}

fn moons() -> Dataset<f64> {
    synthetic::two_moons(100, 0.1, 1).unwrap()
}

fn trained(
    execution: Execution,
    threads: usize,
    change: &dyn Fn(Trainer<f64>) -> Trainer<f64>,
) -> (Vec<f64>, Vec<f64>) {
    let mut model = Mlp::new(2).dense(8).batch_norm().tanh().dropout(0.2).dense(2).build::<f64>(3).unwrap();
    let trainer = Trainer::new(Adam::new(0.02)).epochs(2).batch(16).seed(4).execution(execution).threads(threads);
    let history = change(trainer).fit(&mut model, &moons()).unwrap();
    assert!(history.warnings.is_empty(), "{:?}", history.warnings);
    (model.params().iter().flat_map(|(_, p)| p.value().to_vec()).collect(), history.values("loss").unwrap())
}

#[test]
fn training_agrees_whatever_its_settings() {
    type Change = Box<dyn Fn(Trainer<f64>) -> Trainer<f64>>;
    let settings: Vec<(&str, Change)> = vec![
        ("plain", Box::new(|t| t)),
        ("accumulate", Box::new(|t| t.accumulate(3))),
        ("clip norm", Box::new(|t| t.clip_norm(0.1))),
        ("clip value", Box::new(|t| t.clip_value(0.01))),
        ("penalty", Box::new(|t| t.penalty(Penalty::l2(0.5)))),
        ("sum", Box::new(|t| t.loss(loss::cross_entropy().sum()).accumulate(2))),
    ];
    for (name, change) in settings {
        let (eager, eager_losses) = trained(Execution::Eager, 1, &change);
        let (compiled, losses) = trained(Execution::Program, 1, &change);
        // Adam divides by gradients that may be tiny, so that rounding counts for more.
        assert!(difference(&compiled, &eager) < 1e-9, "{name}: {:e}", difference(&compiled, &eager));
        close(name, &losses, &eager_losses);
        let (two, _) = trained(Execution::Program, 2, &change);
        assert_eq!(compiled, two, "{name}: two threads");
    }
}

#[test]
fn a_closure_that_changes_is_recorded_again() {
    let x: Tensor<f64> = filled([8, 3], 2.0, 1);
    let target: Tensor<f64> = filled([8, 2], 1.0, 2);
    let w: Tensor<f64> = filled([3, 2], 0.5, 3);
    let mut compiled = Compiled::new();
    let mut tape = Tape::new();
    for step in 0..9 {
        fn build<'t>(
            t: &'t Tape<f64>,
            step: usize,
            [x, target, w]: [&Tensor<f64>; 3],
        ) -> (Var<'t, f64>, retrograd::Id) {
            let w = t.var(w);
            let difference = t.data(x).matmul(w) - t.data(target);
            // Another op from step 3 on, another literal from step 6 on.
            let loss = if step < 3 { difference.square().mean(()) } else { difference.abs().mean(()) };
            (loss * if step < 6 { 2.0 } else { 3.0 }, w.id())
        }
        let given = [&x, &target, &w];
        let (value, id, grads) = compiled.step(0, |t| Ok(build(t, step, given))).unwrap();
        let (wanted, eager_id, eager) = tape.step(|t| build(t, step, given));
        close("loss", &[value], &[wanted]);
        close("gradient", grads.get(id).unwrap().as_slice(), eager.get(eager_id).unwrap().as_slice());
        compiled.recycle(grads);
    }
    assert_eq!(compiled.recorded(), 3);
}

#[test]
fn two_graphs_in_turn_are_both_kept() {
    let w = Tensor::from([1.0, -2.0]);
    let mut compiled = Compiled::new();
    for step in 0..10 {
        let (value, ..) = compiled
            .step(0, |t| {
                let v = t.var(&w);
                Ok((if step % 2 == 0 { v.square().sum(()) } else { v.exp().sum(()).ln() }, ()))
            })
            .unwrap();
        let wanted = if step % 2 == 0 { 5.0 } else { (1f64.exp() + (-2f64).exp()).ln() };
        assert!((value - wanted).abs() < 1e-14, "{value} at step {step}");
    }
    assert_eq!(compiled.recorded(), 2);
}

#[test]
fn a_comparison_that_goes_the_other_way_is_recorded_again() {
    let mut compiled = Compiled::new();
    for (step, x) in [1.0, 2.0, -1.0, 3.0, -2.0].into_iter().enumerate() {
        let (value, id, grads) = compiled
            .step(0, |t| {
                let v = t.var(x);
                Ok((if v > 0.0 { v * v } else { -v }, v.id()))
            })
            .unwrap();
        let (wanted, slope) = if x > 0.0 { (x * x, 2.0 * x) } else { (-x, -1.0) };
        assert_eq!((value, grads.get_item(id)), (wanted, Some(slope)), "step {step}");
    }
    assert_eq!(compiled.recorded(), 2);
}

#[test]
fn a_graph_that_never_stays_the_same_runs_eagerly_and_says_so() {
    let mut compiled = Compiled::new();
    for step in 0..30 {
        let (value, id, grads) = compiled
            .step(0, |t| {
                let v = t.var(2.0);
                Ok((v * step as f64, v.id()))
            })
            .unwrap();
        assert_eq!((value, grads.get_item(id)), (2.0 * step as f64, Some(step as f64)));
    }
    assert!(compiled.recorded() < 10);
    assert!(compiled.problem().unwrap().to_string().contains("run eagerly"));
}

/// A layer that looks at its input to choose what to do.
struct Looks;
impl<T: Element> Layer<T> for Looks {
    fn kind(&self) -> &'static str {
        "looks"
    }
    fn build(&mut self, input: &Shape, _: &mut ParamScope<'_, T>) -> Result<Shape> {
        Ok(input.clone())
    }
    fn forward<'t>(&self, x: Var<'t, T>, _: &Pass<'t, T>) -> Var<'t, T> {
        if x.mean(()).item() > T::from_f64(0.0) { x } else { -x }
    }
    fn predict(&self, x: &Tensor<T>, _: &Params<T>) -> Tensor<T> {
        x.clone()
    }
}

#[test]
fn a_layer_that_reads_values_runs_eagerly_and_says_so() {
    let fit = |execution| {
        let network = Sequential::new().with(Dense::new(4)).with(Looks).with(Dense::new(2));
        let mut model = Model::new(network, [2], 1).unwrap();
        let mut trainer = Trainer::new(Sgd::new(0.1)).epochs(2).batch(16).execution(execution);
        let history = trainer.fit(&mut model, &moons()).unwrap();
        let values: Vec<f64> = model.params().iter().flat_map(|(_, p)| p.value().to_vec()).collect();
        (values, history.warnings)
    };
    let (eager, none) = fit(Execution::Eager);
    let (program, warnings) = fit(Execution::Program);
    assert_eq!(eager, program);
    assert!(none.is_empty());
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("run eagerly") && warnings[0].contains("a number was read at"), "{warnings:?}");
}

#[test]
fn errors_are_those_of_eager_steps_and_leave_everything_ready() {
    let x: Tensor<f64> = filled([4, 3], 2.0, 1);
    let w: Tensor<f64> = filled([3, 2], 0.5, 3);
    let mut compiled = Compiled::new();
    let mut step = |labels: &[usize]| {
        compiled.step(0, |t| {
            let w = t.var(&w);
            Ok((t.data(&x).matmul(w).try_cross_entropy(labels)?, w.id()))
        })
    };
    let before = step(&[0, 1, 0, 1]).unwrap().0;
    let other = step(&[1, 1, 0, 1]).unwrap().0;
    assert_ne!(before, other);
    let wrong = step(&[0, 1, 0, 2]).err().unwrap().to_string();
    let tape = Tape::new();
    let eager = tape.data(&x).matmul(tape.var(&w)).try_cross_entropy(&[0, 1, 0, 2]).err().unwrap();
    assert_eq!(wrong, eager.to_string());
    assert_eq!(step(&[0, 1, 0, 1]).unwrap().0, before);
    assert_eq!(compiled.recorded(), 1);
}

#[test]
fn scalars_and_data_that_are_numbers_are_fed() {
    let mut compiled = Compiled::new();
    for k in 0..4 {
        let (a, b, scale) = (1.0 + k as f64, 0.5 - k as f64, 2.0 * k as f64);
        let calls = Cell::new(0);
        let (value, ids, grads) = compiled
            .step(0, |t| {
                calls.set(calls.get() + 1);
                let vars = t.vars(&[a, b]);
                let tensor = t.var([a, b]);
                Ok((
                    (vars[0] * vars[1]).sin() * t.data(scale) + tensor.square().sum(()).sqrt(),
                    [vars[0].id(), vars[1].id()],
                ))
            })
            .unwrap();
        close("value", &[value], &[(a * b).sin() * scale + (a * a + b * b).sqrt()]);
        let slopes = ids.map(|id| grads.get_item(id).unwrap());
        close("slopes", &slopes, &[(a * b).cos() * scale * b, (a * b).cos() * scale * a]);
        assert_eq!(calls.get(), 1);
    }
    assert_eq!(compiled.recorded(), 1);
}

#[test]
fn resuming_with_another_execution_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.ckpt");
    let fit = |epochs, execution| {
        let mut model = Mlp::new(2).dense(4).tanh().dense(2).build::<f64>(3).unwrap();
        let checkpoint = Checkpoint::at(&path).resume();
        let mut trainer =
            Trainer::new(Sgd::new(0.1)).epochs(epochs).batch(16).execution(execution).checkpoint(checkpoint);
        trainer.fit(&mut model, &moons()).unwrap().warnings
    };
    assert!(fit(1, Execution::Eager).is_empty());
    let warnings = fit(2, Execution::Program);
    assert!(
        warnings.len() == 1 && warnings[0].contains("resumed with execution program, saved with eager"),
        "{warnings:?}"
    );
}

/// x times a factor that belongs to the op.
struct Scaled(f64);
impl CustomOp for Scaled {
    const NAME: &'static str = "scaled";
    fn value<T: Element>(&self, inputs: &[Tensor<T>]) -> Result<Tensor<T>> {
        Ok(&inputs[0] * T::from_f64(self.0))
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, _: &[A::V], _: &A::V, g: &A::V) -> Vec<A::V> {
        vec![a.mul(g, &a.literal(self.0))]
    }
}

#[test]
fn users_ops_are_those_of_the_step() {
    let w = Tensor::from([1.0, -2.0, 0.5]);
    let mut compiled = Compiled::new();
    let mut tape = Tape::new();
    for k in 0..4 {
        fn build<'t>(t: &'t Tape<f64>, w: &Tensor<f64>, k: usize) -> (Var<'t, f64>, [retrograd::Id; 2]) {
            let w = t.var(w);
            let bent = w.apply(Bend(k as f64)).retain_gradient();
            (t.custom(Scaled(2.0 + k as f64), &[bent]).square().sum(()), [w.id(), bent.id()])
        }
        let (value, ids, grads) = compiled.step(0, |t| Ok(build(t, &w, k))).unwrap();
        let (wanted, eager_ids, eager) = tape.step(|t| build(t, &w, k));
        close("loss", &[value], &[wanted]);
        for (id, eager_id) in ids.into_iter().zip(eager_ids) {
            close("gradient", grads.get(id).unwrap().as_slice(), eager.get(eager_id).unwrap().as_slice());
        }
    }
    assert_eq!(compiled.recorded(), 1);
}

#[test]
fn a_gradient_inside_the_loss_is_compiled() {
    let w = Tensor::from([0.3, -0.7]);
    let mut compiled = Compiled::new();
    for k in 0..3 {
        let x = Tensor::from([1.0 + k as f64, 2.0]);
        fn build<'t>(t: &'t Tape<f64>, w: &Tensor<f64>, x: &Tensor<f64>) -> (Var<'t, f64>, retrograd::Id) {
            let w = t.var(w);
            let y = (w * t.data(x)).tanh().sum(());
            (y + t.grad(y, &[w])[0].square().sum(()), w.id())
        }
        let (value, id, grads) = compiled.step(0, |t| Ok(build(t, &w, &x))).unwrap();
        let (wanted, eager_id, eager) = Tape::new().step(|t| build(t, &w, &x));
        close("loss", &[value], &[wanted]);
        close("gradient", grads.get(id).unwrap().as_slice(), eager.get(eager_id).unwrap().as_slice());
    }
    assert_eq!((compiled.recorded(), compiled.problem().is_none()), (1, true));
}

#[test]
fn groups_of_an_optimiser_agree() {
    let fit = |execution| {
        let mut model = Mlp::new(2).dense(6).tanh().dense(2).build::<f64>(3).unwrap();
        model.set_rate("dense2.*", 0.3).unwrap();
        let group = Group::new("dense1.weight").rate(0.5).weight_decay(0.2);
        let optimizer = Optimizer::from(Sgd::new(0.2).momentum(0.9).weight_decay(0.01)).group(group);
        Trainer::new(optimizer).epochs(1).batch(16).execution(execution).fit(&mut model, &moons()).unwrap();
        model.params().iter().flat_map(|(_, p)| p.value().to_vec()).collect::<Vec<f64>>()
    };
    close("parameters", &fit(Execution::Program), &fit(Execution::Eager));
}
