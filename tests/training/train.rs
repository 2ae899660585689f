//! The training loop: what it computes, when it ends, what it records.

use retrograd::data::{Dataset, Order, synthetic};
use retrograd::nn::{Draw, Mlp, Model, Penalty, loss};
use retrograd::optim::schedule::StepDecay;
use retrograd::optim::{Adam, Optimizer, Sgd};
use retrograd::train::{BatchEvent, Callback, Checkpoint, EpochEvent, Execution, Flow, Metric, Stop, Trainer};
use retrograd::{Tape, Tensor};
use std::cell::RefCell;
use std::rc::Rc;

fn moons() -> Dataset<f64> {
    synthetic::two_moons(100, 0.1, 1).unwrap()
}

fn small(seed: u64) -> Model<f64> {
    Mlp::new(2).dense(8).tanh().dense(2).build(seed).unwrap()
}

fn values(model: &Model<f64>) -> Vec<f64> {
    model.params().iter().flat_map(|(_, p)| p.value().to_vec()).collect()
}

/// As many numbers, at least one, and none further apart than the tolerance.
#[track_caller]
fn assert_close(got: &[f64], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len());
    assert!(!want.is_empty(), "there is nothing to compare");
    for (i, (a, b)) in got.iter().zip(want).enumerate() {
        assert!((a - b).abs() < tolerance, "element {i}: {a}, wanted {b}");
    }
}

#[test]
fn fit_is_the_hand_written_loop_bit_for_bit() {
    let data = moons();
    let (mut fitted, mut by_hand) = (small(3), small(3));
    let trainer = || Trainer::new(Sgd::new(0.1).momentum(0.9)).epochs(4).batch(16).seed(9);
    let history = trainer().execution(Execution::Eager).fit(&mut fitted, &data).unwrap();

    let mut optimizer: Optimizer<f64> = Sgd::new(0.1).momentum(0.9).into();
    let mut tape = Tape::new();
    let mut losses = Vec::new();
    for epoch in 0..4 {
        let mut batches = data.batches(16, Order::shuffled(9, epoch)).unwrap();
        let (mut sum, mut k) = (0.0, 0);
        while let Some(batch) = batches.next_batch() {
            let draw = Draw { seed: 9, epoch, batch: k, row: 0 };
            let labels = batch.targets.labels().unwrap();
            let step = by_hand
                .step(&mut tape, draw, |model, pass| {
                    model.forward(pass.tape().data(&batch.inputs), pass).try_cross_entropy(labels)
                })
                .unwrap();
            optimizer.step(by_hand.params_mut(), &step.grads);
            sum += step.loss * batch.len() as f64;
            k += 1;
        }
        losses.push(sum / data.len() as f64);
    }
    assert_eq!(values(&fitted), values(&by_hand));
    assert_eq!(history.values("loss").unwrap(), losses);
    assert_eq!(history.stop, Some(Stop::Epochs));

    // Programs compute the same to rounding.
    let mut compiled = small(3);
    let history = trainer().fit(&mut compiled, &data).unwrap();
    assert_close(&values(&compiled), &values(&by_hand), 1e-12);
    assert_close(&history.values("loss").unwrap(), &losses, 1e-12);
}

#[test]
fn the_same_call_gives_the_same_bits_and_another_seed_others() {
    let fit = |seed| {
        let mut model = Mlp::new(2).dense(8).relu().dropout(0.5).dense(2).build::<f64>(3).unwrap();
        Trainer::new(Adam::new(0.01)).epochs(2).batch(16).seed(seed).fit(&mut model, &moons()).unwrap();
        values(&model)
    };
    assert_eq!(fit(1), fit(1));
    assert_ne!(fit(1), fit(2));
}

#[test]
fn accumulated_batches_are_one_large_batch() {
    let data = moons();
    let (mut large, mut gathered) = (small(3), small(3));
    Trainer::new(Sgd::new(0.5)).epochs(2).batch(30).without_shuffling().fit(&mut large, &data).unwrap();
    // 100 rows: updates over 30, 30, 30 and 10 rows, here in batches of 10.
    let mut trainer = Trainer::new(Sgd::new(0.5)).epochs(2).batch(10).accumulate(3).without_shuffling();
    trainer.fit(&mut gathered, &data).unwrap();
    assert_close(&values(&gathered), &values(&large), 1e-12);
}

#[test]
fn early_stopping_takes_the_best_weights_back() {
    let data = moons();
    let mut model = small(3);
    let seen = Rc::new(RefCell::new(Vec::new()));
    let kept = seen.clone();
    // A rate this high makes the loss jump about, so that the best epoch is not the last.
    let history = Trainer::new(Sgd::new(8.0))
        .epochs(200)
        .batch(10)
        .validation(&data)
        .early_stopping(5)
        .on_epoch(move |event: &EpochEvent<'_, f64>| {
            kept.borrow_mut().push(values(event.model));
            Flow::Continue
        })
        .fit(&mut model, &data)
        .unwrap();
    let Some(Stop::EarlyStopping { best_epoch }) = history.stop else { panic!("{:?}", history.stop) };
    let losses = history.values("valid_loss").unwrap();
    let best = losses.iter().copied().fold(f64::INFINITY, f64::min);
    assert_eq!(losses[best_epoch as usize - 1], best);
    assert_eq!(history.epochs.len() as u64, best_epoch + 5);
    assert_eq!(values(&model), seen.borrow()[best_epoch as usize - 1]);
    assert_ne!(values(&model), *seen.borrow().last().unwrap());
}

#[test]
fn training_ends_once_the_gradient_is_small_or_the_loss_stands_still() {
    let data = Dataset::regression(Tensor::from([[1.0], [2.0]]), Tensor::from([2.0, 4.0])).unwrap();
    let line = || Mlp::new(1).dense(1).build::<f64>(0).unwrap();
    let trainer = || Trainer::new(Sgd::new(0.2)).epochs(10_000).batch(2);
    let history = trainer().until_gradient_below(1e-9).fit(&mut line(), &data).unwrap();
    assert!(
        matches!(&history.stop, Some(Stop::Converged { reason }) if reason.contains("gradient")),
        "{:?}",
        history.stop
    );
    assert!(history.last().unwrap().gradient_norm <= 1e-9);
    let history = trainer().until_loss_changes_less_than(1e-12).fit(&mut line(), &data).unwrap();
    assert!(matches!(&history.stop, Some(Stop::Converged { reason }) if reason.contains("loss")), "{:?}", history.stop);
    assert!(history.epochs.len() < 1000, "{} epochs", history.epochs.len());
}

#[test]
fn penalties_are_part_of_the_loss_and_clipping_limits_the_update() {
    let data = moons();
    let start = values(&small(3));
    let mut model = small(3);
    // With every gradient scaled to norm 1e-3, one update by rate 1 moves the weights by 1e-3.
    let mut trainer = Trainer::new(Sgd::new(1.0)).epochs(1).batch(100).penalty(Penalty::l2(50.0)).clip_norm(1e-3);
    let history = trainer.fit(&mut model, &data).unwrap();
    let moved: f64 = values(&model).iter().zip(&start).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
    assert!((moved - 1e-3).abs() < 1e-12, "moved by {moved}");
    let plain = Trainer::new(Sgd::new(1.0)).epochs(1).batch(100).fit(&mut small(3), &data).unwrap();
    let weights: f64 = small(3)
        .params()
        .iter()
        .filter(|(_, p)| p.name().ends_with("weight"))
        .map(|(_, p)| p.value().square().sum(()).item())
        .sum();
    // lambda / (2 m) sum w^2, with m = 100.
    let difference = history.epochs[0].loss - plain.epochs[0].loss;
    assert!((difference - 50.0 / 200.0 * weights).abs() < 1e-12, "{difference}");
}

#[test]
fn a_schedule_sets_the_rate_of_each_epoch() {
    let schedule = StepDecay::new(2, 0.5);
    let history = Trainer::new(Sgd::new(0.4)).schedule(schedule).epochs(5).fit(&mut small(3), &moons()).unwrap();
    let rates: Vec<f64> = history.epochs.iter().map(|epoch| epoch.learning_rate).collect();
    assert_eq!(rates, [0.4, 0.4, 0.2, 0.2, 0.1]);
}

#[test]
fn callbacks_see_every_batch_and_may_end_the_run() {
    struct Third(Rc<RefCell<Vec<BatchEvent>>>);
    impl Callback<f64> for Third {
        fn on_batch(&mut self, event: &BatchEvent) -> Flow {
            self.0.borrow_mut().push(*event);
            if event.epoch == 2 && event.batch == 3 { Flow::Stop } else { Flow::Continue }
        }
    }
    let seen = Rc::new(RefCell::new(Vec::new()));
    let mut trainer = Trainer::new(Sgd::new(0.1)).batch(30).callback(Third(seen.clone()));
    let history = trainer.fit(&mut small(3), &moons()).unwrap();
    assert_eq!(history.stop, Some(Stop::Callback));
    let seen: Vec<_> = seen.borrow().iter().map(|event| (event.epoch, event.batch, event.examples)).collect();
    assert_eq!(seen, [(1, 1, 30), (1, 2, 60), (1, 3, 90), (1, 4, 100), (2, 1, 30), (2, 2, 60), (2, 3, 90)]);
}

#[test]
fn a_history_is_csv_and_json() {
    let data = moons();
    let mut trainer = Trainer::new(Adam::new(0.02)).epochs(3).validation(&data).metrics([Metric::Accuracy]);
    let history = trainer.fit(&mut small(3), &data).unwrap();
    let csv = history.to_csv();
    assert!(
        csv.starts_with("epoch,loss,valid_loss,accuracy,rate,gradient_norm,examples_per_second,seconds\n1,"),
        "{csv}"
    );
    assert_eq!(csv.lines().count(), 4);
    let read: retrograd::train::History = serde_json::from_str(&history.to_json()).unwrap();
    assert_eq!(read, history);
    let folder = tempfile::tempdir().unwrap();
    let error = history.save(folder.path().join("history.txt")).unwrap_err().to_string();
    assert!(error.contains("neither .csv nor .json"), "{error}");
    history.save(folder.path().join("history.csv")).unwrap();
    assert_eq!(std::fs::read_to_string(folder.path().join("history.csv")).unwrap(), csv);
}

#[test]
fn bad_settings_and_data_are_errors_that_name_the_cause_and_leave_the_model_alone() {
    let data = moons();
    let refused = |mut trainer: Trainer<f64>, data: &Dataset<f64>, expected: &str| {
        let mut model = small(3);
        let error = trainer.fit(&mut model, data).unwrap_err().to_string();
        assert!(error.contains(expected), "expected {expected:?} in {error:?}");
        assert_eq!(values(&model), values(&small(3)));
    };
    let trainer = |rate: f64| Trainer::new(Sgd::new(rate));
    refused(trainer(0.1).epochs(0), &data, "0 epochs; ask for 1 or more");
    refused(trainer(0.1).batch(0), &data, "batch size of 0");
    refused(trainer(0.1).accumulate(0), &data, "over 0 batches");
    refused(trainer(0.1).clip_norm(-1.0), &data, "a norm of -1");
    refused(trainer(0.1).clip_value(f64::NAN), &data, "a value of NaN");
    for rate in [0.0, -0.1, f64::NAN, f64::INFINITY] {
        refused(trainer(rate), &data, "learning rate");
    }
    let wide = Dataset::labelled(Tensor::zeros([4, 3]), vec![0, 1, 0, 1]).unwrap();
    refused(trainer(0.1).batch(2), &wide, "built for batches of shape [n, 2], got [4, 3]");
    refused(trainer(0.1).validation(&wide), &data, "validation data: ");
    let one = Dataset::labelled(Tensor::zeros([4, 2]), vec![1; 4]).unwrap();
    refused(trainer(0.1).batch(2), &one, "every example has label 1; there is nothing to tell apart with one class");
    let folder = tempfile::tempdir().unwrap();
    let nowhere = Checkpoint::at(folder.path().join("no/such/run.ckpt"));
    refused(trainer(0.1).batch(2).checkpoint(nowhere), &data, "does not exist; create it first");
    refused(trainer(0.1).batch(2).checkpoint(Checkpoint::at(folder.path())), &data, "it is a directory");
    let three = Dataset::labelled(Tensor::zeros([3, 2]), vec![0, 1, 2]).unwrap();
    refused(trainer(0.1).batch(2), &three, "the data has 3 classes, the model 2 outputs");
}

#[test]
fn a_loss_that_is_not_finite_ends_training_before_the_weights_take_it_in() {
    let data = Dataset::regression(Tensor::from([[1e200], [2e200]]), Tensor::from([0.0, 1.0])).unwrap();
    let mut model = Mlp::new(1).dense(1).build::<f64>(0).unwrap();
    let error = Trainer::new(Sgd::new(1e200)).batch(2).fit(&mut model, &data).unwrap_err();
    assert!(error.is_not_finite(), "{error}");
    let error = error.to_string();
    assert!(error.contains("the loss of epoch 1, batch 1 is inf; a smaller learning rate"), "{error}");
    assert!(values(&model).iter().all(|w| w.is_finite()));
}

#[test]
fn a_parameter_that_no_gradient_reaches_is_a_warning() {
    let data = moons();
    let mut model = small(3);
    model.params_mut().add("lost", retrograd::nn::Role::Weight, Tensor::zeros([3])).unwrap();
    let history = Trainer::new(Sgd::new(0.1)).epochs(1).fit(&mut model, &data).unwrap();
    assert_eq!(history.warnings.len(), 1);
    assert!(history.warnings[0].contains("no gradient reaches lost"), "{:?}", history.warnings);
}

#[test]
fn frozen_parameters_stay_and_a_factor_scales_the_rate_of_others() {
    let data = moons();
    let (mut plain, mut changed) = (small(3), small(3));
    changed.params_mut().freeze("dense1.*").unwrap();
    changed.params_mut().set_rate("dense2.bias", 0.5).unwrap();
    for model in [&mut plain, &mut changed] {
        Trainer::new(Sgd::new(0.1)).epochs(1).batch(100).fit(model, &data).unwrap();
    }
    let start = small(3);
    let moved = |model: &Model<f64>, name: &str| {
        let (after, before) = (model.parameter(name).unwrap(), start.parameter(name).unwrap());
        (after - before).to_vec()
    };
    for name in ["dense1.weight", "dense1.bias"] {
        assert_ne!(plain.parameter(name).unwrap(), start.parameter(name).unwrap());
        assert_eq!(changed.parameter(name).unwrap(), start.parameter(name).unwrap());
    }
    assert_eq!(moved(&plain, "dense2.weight"), moved(&changed, "dense2.weight"));
    let halved: Vec<f64> = moved(&plain, "dense2.bias").iter().map(|step| step * 0.5).collect();
    assert_close(&moved(&changed, "dense2.bias"), &halved, 1e-15);
    assert!(halved.iter().any(|step| step.abs() > 1e-6), "{halved:?}");
}

#[test]
fn sample_weights_count_examples_as_often_as_they_say() {
    let twice = Dataset::labelled([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]], vec![0, 0, 1]).unwrap();
    let weighted = Dataset::labelled([[0.0, 1.0], [1.0, 0.0]], vec![0, 1]).unwrap().with_weights([2.0, 1.0]).unwrap();
    let (mut a, mut b) = (small(3), small(3));
    let trainer = |n| Trainer::new(Sgd::new(0.3)).epochs(5).batch(n).loss(loss::cross_entropy());
    trainer(3).fit(&mut a, &twice).unwrap();
    trainer(2).fit(&mut b, &weighted).unwrap();
    assert_close(&values(&a), &values(&b), 1e-12);
}

#[test]
fn layers_name_their_parameters_and_scopes_on_a_tape_that_keeps_names() {
    let model = small(3);
    let graph = |keep: bool| {
        let mut tape = Tape::new();
        tape.keep_names(keep);
        let pass = retrograd::nn::Pass::eval(&tape, model.params());
        let output = model.forward(tape.data([[0.5, -1.0]]), &pass).sum(());
        retrograd::graph::Graph::of(output)
    };
    let named = graph(true);
    assert_eq!(named.named("dense2.weight").unwrap().scope(), Some("dense2"));
    assert_eq!(named.nodes().iter().find(|node| node.op() == "tanh").unwrap().scope(), Some("tanh1"));
    assert!(graph(false).nodes().iter().all(|node| node.name().is_none() && node.scope().is_none()));
}

#[test]
fn a_model_with_one_output_learns_two_classes_by_sigmoid() {
    let data = moons();
    let mut model = Mlp::new(2).dense(8).tanh().dense(1).build::<f64>(3).unwrap();
    let mut trainer = Trainer::new(Adam::new(0.05)).epochs(60).metrics([Metric::Accuracy, Metric::RocAuc]);
    let history = trainer.fit(&mut model, &data).unwrap();
    assert_eq!(model.head(), Some(retrograd::nn::Head::IndependentLogits));
    let last = history.last().unwrap();
    assert!(last.metrics[0] > 0.85 && last.metrics[1] > 0.93, "{last:?}");
    let three = Dataset::labelled(Tensor::zeros([3, 2]), vec![0, 1, 2]).unwrap();
    let error = Trainer::new(Adam::new(0.05)).batch(3).fit(&mut model, &three).unwrap_err().to_string();
    assert!(error.contains("the data has 3 classes, the model 1 outputs"), "{error}");
}
