//! What does not fit is found before the first batch, and what goes wrong later leaves the history and the best weights.

use super::answers::read;
use retrograd::Tensor;
use retrograd::data::{Csv, Dataset, Order, synthetic};
use retrograd::nn::{
    Activation, Dense, Dropout, Embedding, Loss, Mlp, Model, Residual, Sequential, Shared, func, loss,
};
use retrograd::optim::{Adam, Sgd};
use retrograd::train::{Checkpoint, EpochEvent, Flow, Metric, Stop, Trainer};
use std::cell::RefCell;
use std::rc::Rc;

fn moons() -> Dataset<f64> {
    synthetic::two_moons(64, 0.1, 1).unwrap()
}

fn values(model: &Model<f64>) -> Vec<f64> {
    model.params().iter().flat_map(|(_, p)| p.value().to_vec()).collect()
}

type Make = fn() -> Box<dyn Loss<f64>>;

/// The warnings of training the network that ends so.
fn warnings(network: Sequential<f64>, loss: Make, data: &Dataset<f64>) -> Vec<String> {
    let mut model = Model::new(network, data.n_features(), 0).unwrap();
    let mut trainer = Trainer::new(Sgd::new(1e-3)).epochs(1).loss(loss());
    trainer.fit(&mut model, data).map_or_else(|error| vec![error.to_string()], |history| history.warnings)
}

#[test]
fn a_network_whose_end_does_not_fit_the_loss_is_a_warning_that_names_both() {
    let cross: Make = || Box::new(loss::cross_entropy());
    let logits: Make = || Box::new(loss::binary_cross_entropy_with_logits());
    let bce: Make = || Box::new(loss::binary_cross_entropy());
    let nll: Make = || Box::new(loss::nll());
    let hinge: Make = || Box::new(loss::hinge());
    let mse: Make = || Box::new(loss::mean_squared_error());
    let ends = |units: usize, end: &str| {
        let network = Sequential::new().with(Dense::new(4)).with(Activation::tanh()).with(Dense::new(units));
        match end {
            "" => network,
            "softmax" => network.with(retrograd::nn::Softmax),
            "log_softmax" => network.with(retrograd::nn::LogSoftmax),
            end => network.with(end.parse::<Activation>().unwrap()),
        }
    };
    for (loss, units, end, expected) in [
        (cross, 2, "", ""),
        (cross, 2, "log_softmax", ""),
        (cross, 2, "leaky_relu(0.1)", ""),
        (
            cross,
            2,
            "softmax",
            "ends in softmax, which gives probabilities, and the loss cross_entropy takes scores before",
        ),
        (cross, 2, "sigmoid", "ends in sigmoid, which gives 0 to 1, and the loss cross_entropy"),
        (cross, 2, "relu", "ends in relu, which gives 0 and more, and the loss cross_entropy"),
        (cross, 2, "tanh", "ends in tanh, which gives -1 to 1"),
        (logits, 1, "", ""),
        (logits, 1, "sigmoid", "ends in sigmoid, which gives 0 to 1, and the loss binary_cross_entropy_with_logits"),
        (logits, 2, "softmax", "ends in softmax"),
        (bce, 1, "sigmoid", ""),
        (bce, 2, "softmax", ""),
        (bce, 1, "", "which gives any numbers, and the loss binary_cross_entropy takes probabilities"),
        (bce, 1, "softmax", "ends in softmax of one output, which is always 1"),
        (nll, 2, "log_softmax", ""),
        (nll, 2, "", "which gives any numbers, and the loss nll takes logarithms of probabilities"),
        (nll, 2, "softmax", "ends in softmax, which gives probabilities, and the loss nll"),
        (hinge, 1, "", ""),
        (hinge, 1, "tanh", ""),
        (hinge, 1, "sigmoid", "the loss hinge takes scores below and above 0"),
        (mse, 2, "sigmoid", ""),
        (mse, 2, "softmax", ""),
        (mse, 1, "tanh", ""),
        (mse, 1, "log_sigmoid", "which gives at most 0, and the targets go to 1"),
    ] {
        let found = warnings(ends(units, end), loss, &moons());
        let fits = if expected.is_empty() { found.is_empty() } else { found.iter().any(|w| w.contains(expected)) };
        assert!(fits, "{end:?}, expected {expected:?}: {found:?}");
    }
}

#[test]
fn the_end_is_found_through_layers_around_it_and_in_layers_of_ones_own() {
    let cross: Make = || Box::new(loss::cross_entropy());
    let inner = || Sequential::new().with(Dense::new(2)).with(retrograd::nn::Softmax);
    let open = || Sequential::new().with(Dense::new(2));
    for (network, is_misfit) in [
        (Sequential::new().with(inner()), true),
        (Sequential::new().with(Shared::new(inner())), true),
        (Sequential::new().with(inner()).with(Dropout::new(0.0)).with(retrograd::nn::Flatten), true),
        (open().with(func("own", |x| x.softmax(-1))), true),
        (open().with(func("own", |x| x.sigmoid())), true),
        (open().with(func("own", |x| x * 0.5)), false),
        (open().with(Residual::new(Dense::new(2))), false),
        (Sequential::new().with(open()).with(Dropout::new(0.1)), false),
    ] {
        let found = warnings(network, cross, &moons());
        assert_eq!(found.iter().any(|warning| warning.contains("the loss cross_entropy")), is_misfit, "{found:?}");
    }
}

#[test]
fn targets_that_the_loss_is_not_for_are_a_warning() {
    let data = |targets: [f64; 4]| Dataset::regression([[0.0], [1.0], [2.0], [3.0]], targets).unwrap();
    let line = || Sequential::new().with(Dense::new(1));
    let bce: Make = || Box::new(loss::binary_cross_entropy_with_logits());
    let hinge: Make = || Box::new(loss::hinge());
    let mse: Make = || Box::new(loss::mean_squared_error());
    assert_eq!(warnings(line(), bce, &data([0.0, 1.0, 0.5, 1.0])), [""; 0]);
    assert!(
        warnings(line(), bce, &data([0.0, 1.0, 2.0, 1.0]))[0]
            .contains("expects targets between 0 and 1; one of the targets is 2")
    );
    assert_eq!(warnings(line(), hinge, &data([-1.0, 1.0, 1.0, -1.0])), [""; 0]);
    assert!(warnings(line(), hinge, &data([0.0, 1.0, 1.0, 0.0]))[0].contains("expects targets of -1 and 1"));
    let bounded = || line().with(Activation::sigmoid());
    assert!(warnings(bounded(), mse, &data([100.0, 300.0, 500.0, 700.0]))[0].contains("and the targets go to 700"));
    let cross: Make = || Box::new(loss::cross_entropy());
    let rows = Dataset::regression([[0.0], [1.0]], [[0.5, 0.5], [1.0, 1.0]]).unwrap();
    let found = warnings(Sequential::new().with(Dense::new(2)), cross, &rows);
    assert!(found[0].contains("which add up to 1; one of the targets' adds up to 2"), "{found:?}");
}

/// The error, and that the model is as it was.
#[track_caller]
fn refused(mut trainer: Trainer<f64>, data: &Dataset<f64>, mut model: Model<f64>, expected: &str) {
    let before = values(&model);
    let error = trainer.fit(&mut model, data).unwrap_err().to_string();
    assert!(error.contains(expected), "expected {expected:?} in {error:?}");
    assert_eq!(values(&model), before);
}

#[test]
fn metrics_that_do_not_fit_are_found_before_the_first_batch() {
    let model = |outputs| Mlp::new(2).dense(outputs).build::<f64>(0).unwrap();
    let trainer = || Trainer::new(Adam::new(0.05)).epochs(5);
    let moons = moons();
    refused(trainer().metrics([Metric::R2]), &moons, model(2), "the metric r2 does not fit: r2: targets are labels");
    refused(
        trainer().metrics([Metric::Mae]).validation(&moons),
        &moons,
        model(2),
        "targets are labels; expected values",
    );
    refused(trainer().metrics([Metric::TopK(5)]), &moons, model(2), "k is 5; expected 1..=2");
    refused(trainer().monitor(Metric::Rmse), &moons, model(2), "the metric rmse does not fit");
    let hinge = || trainer().loss(loss::hinge());
    refused(hinge().metrics([Metric::LogLoss]), &moons, model(2), "which are no probabilities");
    let numbers = Dataset::regression(moons.inputs().clone(), moons.inputs().sum(-1)).unwrap();
    refused(trainer().metrics([Metric::Accuracy]), &numbers, model(1), "the metric accuracy does not fit");
    refused(
        trainer().validation(&numbers),
        &moons,
        model(2),
        "the targets are classes in the training data, values in",
    );
    let wide = Dataset::regression(moons.inputs().clone(), moons.inputs().clone()).unwrap();
    refused(trainer().validation(&wide), &numbers, model(1), "validation data: mean_squared_error: output has shape");
    // An index that the layer does not have, in the validation data.
    let indices = |last: f64| Dataset::labelled([[0.0], [1.0], [last]], vec![0, 1, 1]).unwrap();
    let network = Sequential::new().with(Embedding::new(3, 2)).with(retrograd::nn::Flatten).with(Dense::new(2));
    let embedding = Model::new(network, 1, 0).unwrap();
    refused(trainer().validation(&indices(3.0)), &indices(2.0), embedding, "validation data: embedding1: ");
}

#[test]
fn a_metric_that_is_not_defined_is_nan_with_a_warning() {
    let data = Dataset::<f64>::labelled([[0.0], [1.0], [2.0], [3.0]], vec![0, 0, 1, 1]).unwrap();
    let one_class = data.select(&[0, 1]).unwrap();
    for outputs in [1, 2] {
        let mut model = Mlp::new(1).dense(outputs).build(0).unwrap();
        let metrics = [Metric::Accuracy, Metric::RocAuc];
        let mut trainer = Trainer::new(Adam::new(0.05)).epochs(5).batch(4).metrics(metrics).validation(&one_class);
        let history = trainer.fit(&mut model, &data).unwrap();
        assert_eq!(history.epochs.len(), 5);
        assert!(history.epochs.iter().all(|epoch| epoch.metrics[0].is_finite() && epoch.metrics[1].is_nan()));
        let [warning] = &history.warnings[..] else { panic!("{:?}", history.warnings) };
        assert!(warning.starts_with("the metric roc_auc is not defined: "), "{warning}");
        // The report draws what there is.
        let page = trainer.report("", &model, &history, &one_class).unwrap().html();
        assert!(page.contains("the metric roc_auc is not defined"));
    }
    let single = Dataset::<f64>::regression([[1.0], [2.0], [3.0]], [1.0, 2.0, 3.0]).unwrap();
    let mut trainer =
        Trainer::new(Adam::new(0.05)).epochs(2).metrics([Metric::R2]).validation(&single.select(&[0]).unwrap());
    let history = trainer.fit(&mut Mlp::new(1).dense(1).build(0).unwrap(), &single).unwrap();
    assert!(history.last().unwrap().metrics[0].is_nan() && history.warnings[0].contains("1 row"), "{history:?}");
}

#[test]
fn a_file_that_is_no_checkpoint_is_not_replaced_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.retro");
    let model = Mlp::new(2).dense(2).build::<f64>(0).unwrap();
    model.save(&path).unwrap();
    let before = std::fs::read(&path).unwrap();
    let trainer = || Trainer::new(Sgd::new(0.1)).epochs(1).checkpoint(Checkpoint::at(&path));
    refused(trainer(), &moons(), model, "checkpoint: it would replace a file that is no checkpoint");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    // An older checkpoint is.
    std::fs::remove_file(&path).unwrap();
    for _ in 0..2 {
        trainer().fit(&mut Mlp::new(2).dense(2).build::<f64>(0).unwrap(), &moons()).unwrap();
    }
}

#[test]
fn targets_of_0_and_1_in_a_file_that_are_taken_as_values_are_a_warning() {
    let text = "a,y\n1,0\n2,1\n3,1\n4,0\n";
    for (csv, warned) in [(Csv::new().target("y"), true), (Csv::new().target("y").classification(), false)] {
        let mut model = Mlp::new(1).dense(1).build::<f64>(0).unwrap();
        let history = Trainer::new(Sgd::new(0.01)).epochs(1).fit(&mut model, &read(csv, text)).unwrap();
        let known = history.warnings.iter().any(|warning| warning.contains("read the file with classification()"));
        assert_eq!(known, warned, "{:?}", history.warnings);
    }
}

#[test]
fn divergence_keeps_the_history_and_puts_the_best_weights_back() {
    let data = Dataset::regression([[1.0], [2.0], [3.0]], [1.0, 2.0, 3.0]).unwrap();
    for (patience, validated) in [(None, false), (Some(100), true)] {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let kept = seen.clone();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.ckpt");
        let mut trainer =
            Trainer::new(Sgd::new(0.9)).epochs(10_000).batch(3).checkpoint(Checkpoint::at(&path)).on_epoch(
                move |event: &EpochEvent<'_, f64>| {
                    kept.borrow_mut().push(values(event.model));
                    Flow::Continue
                },
            );
        trainer = if let Some(patience) = patience { trainer.early_stopping(patience) } else { trainer };
        trainer = if validated { trainer.validation(&data) } else { trainer };
        let mut model = Mlp::new(1).dense(1).build::<f64>(0).unwrap();
        let history = trainer.fit(&mut model, &data).unwrap();
        if patience.is_some() {
            assert!(matches!(history.stop, Some(Stop::EarlyStopping { best_epoch: 1 })), "{:?}", history.stop);
        } else {
            let Some(Stop::Diverged { reason }) = &history.stop else { panic!("{:?}", history.stop) };
            assert!(reason.contains("a smaller learning rate than 0.9 may help"), "{reason}");
            // The loss of epoch 1 is that of the weights before it.
            assert!(history.epochs.len() > 10 && history.kept == Some(0), "{history:?}");
            assert!(
                history.warnings[0].starts_with("training diverged, the weights that it started from were put back")
            );
            assert!(history.ending().contains("The weights that it started from were kept"), "{}", history.ending());
            assert_eq!(values(&model), values(&Mlp::new(1).dense(1).build::<f64>(0).unwrap()));
            continue;
        }
        assert_eq!(values(&model), seen.borrow()[0]);
        assert!(history.epochs.iter().all(|epoch| epoch.loss.is_finite()));
        assert!(model.preprocessing().is_some() && model.head().is_some());
    }
}

/// The rate is fine for three epochs and then breaks the weights: the epoch in which it does has the best loss.
#[test]
fn divergence_does_not_keep_what_the_best_epochs_own_updates_broke() {
    let data = Dataset::regression([[1.0], [2.0], [3.0]], [1.0, 2.0, 3.0]).unwrap();
    for validated in [false, true] {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let kept = seen.clone();
        let rate = |_: f64, at: &retrograd::optim::Progress<'_>| if at.epoch < 3 { 0.05 } else { 1e100 };
        let mut trainer = Trainer::new(Sgd::new(0.05)).epochs(9).batch(3).schedule(rate).on_epoch(
            move |event: &EpochEvent<'_, f64>| {
                kept.borrow_mut().push(values(event.model));
                Flow::Continue
            },
        );
        trainer = if validated { trainer.validation(&data) } else { trainer };
        let mut model = Mlp::new(1).dense(1).build::<f64>(1).unwrap();
        let history = trainer.fit(&mut model, &data).unwrap();
        assert!(matches!(history.stop, Some(Stop::Diverged { .. })) && history.kept == Some(3), "{history:?}");
        assert_eq!(values(&model), seen.borrow()[2]);
    }
}

#[test]
fn divergence_in_the_first_epoch_leaves_the_model_as_it_was() {
    // The loss of the second batch is too large to be a number; the first has moved the weights.
    let data = Dataset::regression([[1.0], [1e170]], [0.0, 1.0]).unwrap();
    let trainer = || Trainer::new(Sgd::new(0.1)).epochs(3).batch(1).without_shuffling();
    refused(trainer(), &data, Mlp::new(1).dense(1).build(1).unwrap(), "the loss of epoch 1, batch 2 is inf");
    // The last update of the epoch breaks the weights, and no loss is computed after it.
    let data = Dataset::regression([[1e100]], [1.0]).unwrap();
    let trainer = Trainer::new(Sgd::new(1e200)).epochs(1).batch(1);
    refused(trainer, &data, Mlp::new(1).dense(1).build(1).unwrap(), "dense1.weight is not finite after epoch 1");
}

#[test]
fn a_last_batch_too_short_for_batch_norm_is_found_before_the_first() {
    let data = moons().select(&(0..33).collect::<Vec<_>>()).unwrap();
    let model = || Mlp::new(2).dense(4).batch_norm().relu().dense(2).build::<f64>(0).unwrap();
    let trainer = || Trainer::new(Sgd::new(0.1)).epochs(2);
    let expected = "the last batch of an epoch has 1 of 33 rows, and batch_norm1 needs 2 at least";
    refused(trainer().batch(32), &data, model(), expected);
    refused(trainer().batch(8), &data, model(), "leave it out with drop_last(), or choose another batch size than 8");
    refused(trainer().batch(1), &data, model(), "a batch has 1 of 33 rows");
    trainer().batch(32).drop_last().fit(&mut model(), &data).unwrap();
    trainer().batch(31).fit(&mut model(), &data).unwrap();
    let shared = Shared::new(Sequential::new().with(retrograd::nn::BatchNorm::new()));
    let inside = Sequential::new().with(Residual::new(shared)).with(Dense::new(2));
    refused(trainer().batch(32), &data, Model::new(inside, 2, 0).unwrap(), "needs 2 at least");
    // Where an example has several rows of features, one example is enough.
    let several =
        Dataset::labelled(Tensor::from_fn([3, 4, 2], |i| (i[0] + i[1] * i[2]) as f64), vec![0, 1, 1]).unwrap();
    let network =
        Sequential::new().with(retrograd::nn::BatchNorm::new()).with(retrograd::nn::Flatten).with(Dense::new(2));
    trainer().batch(2).fit(&mut Model::new(network, [4, 2], 0).unwrap(), &several).unwrap();
}

#[test]
fn drop_last_leaves_out_the_short_batch_and_a_batch_larger_than_the_data_is_the_data() {
    let data =
        Dataset::<f64>::labelled(Tensor::arange(10).reshape([10, 1]), vec![0, 1, 0, 1, 0, 1, 0, 1, 0, 1]).unwrap();
    let batches = data.batches(4, Order::shuffled(1, 0)).unwrap().drop_last();
    assert_eq!((batches.count_all(), batches.len()), (2, 2));
    let rows: Vec<usize> = batches.map(|batch| batch.len()).collect();
    assert_eq!(rows, [4, 4]);
    let whole: Vec<usize> = data.batches(99, Order::Sequential).unwrap().drop_last().map(|batch| batch.len()).collect();
    assert_eq!(whole, [10]);
    let fit = |trainer: Trainer<f64>, data: &Dataset<f64>| {
        let mut model = Mlp::new(1).dense(2).build(3).unwrap();
        let history = trainer.epochs(3).fit(&mut model, data).unwrap();
        (values(&model), history.values("loss").unwrap())
    };
    let trainer = |size| Trainer::new(Sgd::new(0.01)).batch(size).without_shuffling();
    let eight = data.select(&(0..8).collect::<Vec<_>>()).unwrap();
    assert_eq!(fit(trainer(4).drop_last(), &data), fit(trainer(4), &eight));
    assert_eq!(fit(trainer(99), &data), fit(trainer(10), &data));
    // A checkpoint knows it.
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = || Checkpoint::at(folder.path().join("run.ckpt")).every_updates(1).resume();
    let whole = fit(trainer(4).drop_last(), &data);
    assert_eq!(fit(trainer(4).drop_last().checkpoint(checkpoint()), &data), whole);
    assert_eq!(fit(trainer(4).drop_last().checkpoint(checkpoint()), &data), whole);
    let mut model = Mlp::new(1).dense(2).build(3).unwrap();
    let error = trainer(4).checkpoint(checkpoint()).fit(&mut model, &data).unwrap_err().to_string();
    assert!(error.contains("drop last"), "{error}");
}

#[test]
fn early_stopping_by_exhausted_epochs_says_which_weights_were_kept() {
    let data = moons();
    let mut model = Mlp::new(2).dense(8).tanh().dense(2).build::<f64>(3).unwrap();
    // A rate this high makes the loss jump about, so that the best epoch is not the last.
    let mut trainer = Trainer::new(Sgd::new(8.0)).epochs(12).batch(10).validation(&data).early_stopping(50);
    let history = trainer.fit(&mut model, &data).unwrap();
    let losses = history.values("valid_loss").unwrap();
    let best = (0..12).min_by(|&a, &b| losses[a].total_cmp(&losses[b])).unwrap() as u64 + 1;
    assert!(best < 12, "{losses:?}");
    assert_eq!((&history.stop, history.kept), (&Some(Stop::Epochs), Some(best)));
    let text = format!("All epochs were done. The weights of epoch {best} were kept, the best one.");
    assert_eq!(history.ending(), text);
    assert!(trainer.report("", &model, &history, &data).unwrap().html().contains(&text));
    assert_eq!(trainer.evaluate(&model, &data).unwrap().loss, losses[best as usize - 1]);
}

#[test]
fn a_model_that_was_trained_on_other_columns_says_so() {
    let text = |names: &str| format!("{names},y\n1,0,1\n2,0,2\n3,1,3\n");
    let (first, second) = (read(Csv::new().target("y"), &text("a,b")), read(Csv::new().target("y"), &text("b,a")));
    let mut model = Mlp::new(2).dense(1).build::<f64>(0).unwrap();
    let mut trainer = Trainer::new(Sgd::new(0.01)).epochs(1);
    assert_eq!(trainer.fit(&mut model, &first).unwrap().warnings, [""; 0]);
    assert_eq!(trainer.fit(&mut model, &first).unwrap().warnings, [""; 0]);
    let warnings = trainer.fit(&mut model, &second).unwrap().warnings;
    assert!(
        warnings[0].contains("feature column 0 is \"a\" in what it was trained on before, \"b\" in these data"),
        "{warnings:?}"
    );
}
