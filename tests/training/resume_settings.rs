//! A run that is resumed under other settings: each difference is refused, or the new setting applies with a warning, as the table
//! in `Checkpoint::resume` says.

use retrograd::data::{Dataset, synthetic};
use retrograd::nn::{Dense, Dropout, Init, Layer, Mlp, Model, Pass, Penalty, Residual, Role, Sequential, Shared, loss};
use retrograd::optim::schedule::Cosine;
use retrograd::optim::{Adam, Group, Optimizer, Progress, Sgd};
use retrograd::train::{Checkpoint, Execution, Flow, History, Metric, Stop, Trainer};
use retrograd::{Element, Tensor, Var};
use std::path::Path;
use std::sync::mpsc;

fn data() -> Dataset<f32> {
    synthetic::two_moons(60, 0.1, 5).unwrap()
}

fn weighted(first: f32) -> Dataset<f32> {
    let weights: Vec<f32> = (0..60).map(|k| if k == 0 { first } else { 1.0 }).collect();
    data().with_weights(weights).unwrap()
}

fn adam(lr: f64) -> Optimizer<f32> {
    Optimizer::from(Adam::new(lr))
}

/// A run with a setting of every kind.
fn trainer() -> Trainer<f32> {
    with_optimizer(adam(0.02))
}

fn network(p: f64) -> Mlp {
    Mlp::new(2).dense(8).batch_norm().tanh().dropout(p).dense(2)
}

fn model() -> Model<f32> {
    network(0.2).build(7).unwrap()
}

fn bits(model: &Model<f32>) -> Vec<u32> {
    model.params().iter().flat_map(|(_, param)| param.value().iter().map(|x| x.to_bits()).collect::<Vec<_>>()).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Two epochs of the run, saved.
fn saved(path: &Path) {
    trainer().epochs(2).checkpoint(Checkpoint::at(path)).fit(&mut model(), &data()).unwrap();
}

/// What resuming under these settings gives: the history with the final bits, or the refusal, which changed nothing.
fn resumed(trainer: Trainer<f32>, mut model: Model<f32>, data: &Dataset<f32>) -> Result<(History, Vec<u32>), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.ckpt");
    saved(&path);
    let (file, before) = (std::fs::read(&path).unwrap(), bits(&model));
    let mut trainer = trainer.checkpoint(Checkpoint::at(&path).resume());
    let outcome = trainer.fit(&mut model, data);
    assert_eq!(names(folder.path()), ["run.ckpt"]);
    match outcome {
        Ok(history) => Ok((history, bits(&model))),
        Err(error) => {
            assert_eq!(bits(&model), before, "a refusal changed the model: {error}");
            assert_eq!(std::fs::read(&path).unwrap(), file, "a refusal changed the file: {error}");
            Err(error.to_string())
        }
    }
}

/// Of one initialiser, so that the start is the same and the weights come from the file anyway.
fn undisturbed() -> Vec<u32> {
    let mut model = model();
    trainer().fit(&mut model, &data()).unwrap();
    bits(&model)
}

#[test]
fn what_would_make_another_run_is_refused_by_name() {
    let other_rows = synthetic::two_moons(60, 0.1, 9).unwrap();
    let smooth = loss::cross_entropy().label_smoothing(0.1);
    let classes = loss::cross_entropy().class_weights([1.0, 3.0]);
    let built = |mlp: Mlp| mlp.build::<f32>(7).unwrap();
    let start = || Mlp::new(2).dense(8);
    let cases: Vec<(&str, Trainer<f32>, Model<f32>, Dataset<f32>)> = vec![
        ("seed 3, this one has 4", trainer().seed(4), model(), data()),
        ("batch size 16, this one has 15", trainer().batch(15), model(), data()),
        ("shuffle true, this one has false", trainer().without_shuffling(), model(), data()),
        ("accumulate 1, this one has 2", trainer().accumulate(2), model(), data()),
        (
            "loss cross_entropy, this one has mean_squared_error",
            trainer().loss(loss::mean_squared_error()),
            model(),
            data(),
        ),
        ("loss settings.", trainer().loss(smooth), model(), data()),
        ("loss settings.", trainer().loss(classes), model(), data()),
        ("metrics", trainer().metrics([Metric::F1]), model(), data()),
        ("monitor none, this one has accuracy", trainer().monitor(Metric::Accuracy), model(), data()),
        ("validation.data", trainer().validation(&synthetic::two_moons(40, 0.1, 7).unwrap()), model(), data()),
        ("validation.rows 40, this one has 60", trainer().validation(&data()), model(), data()),
        ("data", trainer(), model(), other_rows),
        ("row weights of checksum none", trainer(), model(), weighted(2.0)),
        ("network.dropout1.p 0.2, this one has 0.3", trainer(), built(network(0.3)), data()),
        ("tanh", trainer(), built(start().batch_norm().relu().dropout(0.2).dense(2)), data()),
        ("network", trainer(), built(start().batch_norm().tanh().dense(2)), data()),
        (
            "network.dense1.units 8, this one has 9",
            trainer(),
            built(Mlp::new(2).dense(9).batch_norm().tanh().dropout(0.2).dense(2)),
            data(),
        ),
        (
            "network.dense1.bias true, this one has false",
            trainer(),
            built(start().no_bias().batch_norm().tanh().dropout(0.2).dense(2)),
            data(),
        ),
    ];
    for (expected, trainer, model, data) in cases {
        let error = resumed(trainer, model, &data).err().unwrap_or_else(|| panic!("{expected}: resumed"));
        assert!(error.contains("run.ckpt is of a run with ") && error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn another_rule_or_other_state_is_refused() {
    let sgd = |momentum: f64| {
        let validation = synthetic::two_moons(40, 0.1, 6).unwrap();
        Trainer::<f32>::new(Sgd::new(0.02).momentum(momentum)).epochs(3).batch(16).validation(&validation)
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.ckpt");
    sgd(0.0).epochs(2).checkpoint(Checkpoint::at(&path)).fit(&mut model(), &data()).unwrap();
    let refused = |trainer: Trainer<f32>| {
        let mut model = model();
        let before = bits(&model);
        let error = trainer.checkpoint(Checkpoint::at(&path).resume()).fit(&mut model, &data()).unwrap_err();
        assert_eq!(bits(&model), before);
        error.to_string()
    };
    let error =
        refused(Trainer::new(adam(0.02)).epochs(3).batch(16).validation(&synthetic::two_moons(40, 0.1, 6).unwrap()));
    assert!(error.contains("optimizer sgd, this one has adam"), "{error}");
    let error = refused(sgd(0.9));
    assert!(
        error.contains("run.ckpt has no velocity of dense1.weight, which this run's optimiser keeps (velocity) and the saved one did not")
            && error.ends_with("; set the optimiser up as it was, or start anew with another file"),
        "{error}"
    );
    let error = refused(sgd(0.0).early_stopping(5));
    assert!(error.contains("no patience, this one has 5") && error.contains("were not kept"), "{error}");
}

#[test]
fn what_may_change_applies_from_there_and_is_said_in_the_history() {
    let grouped = |group: Group| with_optimizer(adam(0.02).group(group));
    let mut frozen = model();
    frozen.freeze("dense1.*").unwrap();
    let mut slowed = model();
    slowed.set_rate("dense1.*", 0.5).unwrap();
    let cases: Vec<(&str, Trainer<f32>, Model<f32>)> = vec![
        ("optimizer settings.lr 0.9, saved with 0.02: 0.9 applies", with_optimizer(adam(0.9)), model()),
        ("optimizer settings.betas", with_optimizer(Optimizer::from(Adam::new(0.02).betas(0.8, 0.999))), model()),
        ("optimizer groups", grouped(Group::new("dense1*").rate(0.1)), model()),
        ("decayed", with_optimizer(adam(0.02).decay(&[Role::Weight, Role::Bias])), model()),
        ("maximize true, saved with false", with_optimizer(adam(0.02).maximize()), model()),
        ("schedule", trainer().schedule(Cosine::new(4)), model()),
        ("the rate 0.01", trainer().schedule(|base: f64, _: &Progress| base * 0.5), model()),
        ("clip norm 0.001, saved with 5", trainer().clip_norm(0.001), model()),
        ("clip value 0.001, saved with none", trainer().clip_value(0.001), model()),
        ("penalties", trainer().penalty(Penalty::l2(1.0)), model()),
        ("patience 60, saved with 50", trainer().early_stopping(60), model()),
        ("gradient tolerance 1", trainer().until_gradient_below(1e-12), model()),
        ("loss tolerance 1", trainer().until_loss_changes_less_than(1e-12), model()),
        ("frozen", trainer(), frozen),
        ("rates.dense1.weight 0.5, saved with none", trainer(), slowed),
    ];
    let undisturbed = undisturbed();
    for (expected, trainer, model) in cases {
        let (history, end) = resumed(trainer, model, &data()).unwrap_or_else(|error| panic!("{expected}: {error}"));
        let said = history.warnings.iter().any(|warning| warning.contains(expected) && warning.contains("applies"));
        assert!(said, "{expected}: {:?}", history.warnings);
        assert_eq!(history.epochs.len(), 4);
        // What decays does not matter where nothing does, nor how long is waited for what comes.
        let same = ["decayed", "patience", "tolerance"].iter().any(|word| expected.contains(word));
        assert_eq!(end == undisturbed, same, "{expected}");
    }
}

/// As [`trainer`], but for the optimiser.
fn with_optimizer(optimizer: Optimizer<f32>) -> Trainer<f32> {
    let validation = synthetic::two_moons(40, 0.1, 6).unwrap();
    Trainer::new(optimizer)
        .loss(loss::cross_entropy())
        .epochs(4)
        .batch(16)
        .seed(3)
        .clip_norm(5.0)
        .metrics([Metric::Accuracy])
        .validation(&validation)
        .early_stopping(50)
}

#[test]
fn what_does_not_change_the_bits_changes_nothing() {
    let undisturbed = undisturbed();
    let start = || Mlp::new(2).dense(8).init(Init::Zeros).bias_init(Init::Constant(9.0));
    let cases = [
        ("nothing", trainer(), model()),
        ("threads", trainer().threads(2), model()),
        ("callbacks", trainer().on_epoch(|_| Flow::Continue), model()),
        ("the seed of the start", trainer(), network(0.2).build(99).unwrap()),
        ("how weights start", trainer(), start().batch_norm().tanh().dropout(0.2).dense(2).build(1).unwrap()),
    ];
    for (what, trainer, model) in cases {
        let (history, end) = resumed(trainer, model, &data()).unwrap();
        assert!(history.warnings.is_empty(), "{what}: {:?}", history.warnings);
        assert_eq!(end, undisturbed, "{what}");
    }
    let (history, _) = resumed(trainer().execution(Execution::Eager), model(), &data()).unwrap();
    assert!(history.warnings[0].contains("execution eager, saved with program"), "{:?}", history.warnings);
}

/// A rate that is changed has an effect, and the history shows the one that was used.
#[test]
fn a_changed_rate_without_a_schedule_is_the_one_that_is_used() {
    let (history, _) = resumed(with_optimizer(adam(0.9)), model(), &data()).unwrap();
    assert_eq!(history.epochs.iter().map(|epoch| epoch.learning_rate).collect::<Vec<_>>(), [0.02, 0.02, 0.9, 0.9]);
}

/// A closure is compared by what it gives: the same one says nothing.
#[test]
fn a_schedule_that_is_a_closure_is_compared_by_its_last_rate() {
    let halved = |base: f64, at: &Progress| base * 0.5f64.powi(at.epoch as i32) / (1.0 + at.monitored.len() as f64);
    let folder = tempfile::tempdir().unwrap();
    for every in [1, 3] {
        let path = folder.path().join(format!("{every}.ckpt"));
        let checkpoint = || Checkpoint::at(&path).every_updates(every).resume();
        let interrupted = trainer()
            .schedule(halved)
            .checkpoint(checkpoint())
            .on_epoch(|event| if event.record.epoch == 2 { Flow::Stop } else { Flow::Continue });
        { interrupted }.fit(&mut model(), &data()).unwrap();
        let history = { trainer().schedule(halved).checkpoint(checkpoint()) }.fit(&mut model(), &data()).unwrap();
        assert!(history.warnings.is_empty(), "{:?}", history.warnings);
    }
}

#[test]
fn raising_patience_or_lowering_a_tolerance_goes_on_with_a_run_that_had_ended() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, settings: &dyn Fn(Trainer<f32>) -> Trainer<f32>| {
        let mut model = Mlp::new(2).dense(8).tanh().dense(2).build::<f32>(7).unwrap();
        let validation = synthetic::two_moons(40, 0.4, 6).unwrap();
        let trainer = Trainer::new(adam(0.3)).epochs(40).batch(16).validation(&validation);
        let checkpoint = Checkpoint::at(folder.path().join(name)).resume();
        let history = { settings(trainer.checkpoint(checkpoint)) }.fit(&mut model, &data()).unwrap();
        (history, bits(&model))
    };
    let (undisturbed, end) = run("whole", &|trainer| trainer.early_stopping(12));
    let (history, _) = run("parts", &|trainer| trainer.early_stopping(2));
    let Some(Stop::EarlyStopping { best_epoch }) = history.stop else { panic!("{:?}", history.stop) };
    assert!(history.epochs.len() < undisturbed.epochs.len(), "{} epochs", history.epochs.len());
    let (again, _) = run("parts", &|trainer| trainer.early_stopping(2));
    assert_eq!((again.stop, again.epochs.len()), (Some(Stop::EarlyStopping { best_epoch }), history.epochs.len()));
    let (history, resumed) = run("parts", &|trainer| trainer.early_stopping(12));
    assert_eq!((history.stop, resumed), (undisturbed.stop, end));

    let (history, _) = run("tolerance", &|trainer| trainer.until_loss_changes_less_than(0.2));
    assert!(matches!(history.stop, Some(Stop::Converged { .. })), "{:?}", history.stop);
    let (history, _) = run("tolerance", &|trainer| trainer.epochs(6).until_loss_changes_less_than(1e-9));
    assert_eq!((history.stop, history.epochs.len()), (Some(Stop::Epochs), 6));
}

/// The loss of one's own is there again after a callback panicked.
#[test]
fn a_trainer_whose_callback_panicked_goes_on_with_its_own_loss() {
    let folder = tempfile::tempdir().unwrap();
    let trainer = |path: &'static str| {
        let mut panicked = false;
        trainer()
            .loss(loss::mean_squared_error())
            .checkpoint(Checkpoint::at(folder.path().join(path)).resume())
            .on_epoch(move |event| {
                if event.record.epoch == 2 && path == "disturbed" && !std::mem::replace(&mut panicked, true) {
                    panic!("as users' callbacks do");
                }
                Flow::Continue
            })
    };
    let [mut whole, mut parts] = [model(), model()];
    trainer("undisturbed").fit(&mut whole, &data()).unwrap();
    let mut disturbed = trainer("disturbed");
    let fit = std::panic::AssertUnwindSafe(|| disturbed.fit(&mut parts, &data()));
    assert!(std::panic::catch_unwind(fit).is_err());
    let mut parts = model();
    disturbed.fit(&mut parts, &data()).unwrap();
    assert_eq!(bits(&parts), bits(&whole));
}

#[test]
fn two_runs_on_one_checkpoint_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.ckpt");
    let (begun, has_begun) = mpsc::channel();
    let (end, may_end) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| {
            let mut wait = Some((begun, may_end));
            let trainer = trainer().checkpoint(Checkpoint::at(&path)).on_epoch(move |_| {
                if let Some((begun, may_end)) = wait.take() {
                    begun.send(()).unwrap();
                    may_end.recv().unwrap();
                }
                Flow::Continue
            });
            { trainer }.fit(&mut model(), &data()).unwrap();
        });
        // Dropped with this closure, should an assertion fail: the first run ends then, too.
        let end = end;
        has_begun.recv().unwrap();
        let file = std::fs::read(&path).unwrap();
        for checkpoint in [Checkpoint::at(&path), Checkpoint::at(&path).resume()] {
            let error = trainer().checkpoint(checkpoint).fit(&mut model(), &data()).unwrap_err();
            let expected = format!("is in use by process {}", std::process::id());
            assert!(error.is_io() && error.to_string().contains(&expected), "{error}");
        }
        #[cfg(unix)]
        {
            let link = folder.path().join("link");
            std::os::unix::fs::symlink(&path, &link).unwrap();
            let error = trainer().checkpoint(Checkpoint::at(&link)).fit(&mut model(), &data()).unwrap_err();
            assert!(error.to_string().contains("is in use"), "{error}");
            std::fs::remove_file(link).unwrap();
        }
        assert_eq!(std::fs::read(&path).unwrap(), file);
        end.send(()).unwrap();
        first.join().unwrap();
    });
    assert_eq!(names(folder.path()), ["run.ckpt"]);
    trainer().checkpoint(Checkpoint::at(&path).resume()).fit(&mut model(), &data()).unwrap();
}

#[test]
fn settings_of_a_checkpoint_that_make_no_sense_are_errors_before_the_first_batch() {
    let folder = tempfile::tempdir().unwrap();
    let mut model = model();
    let before = bits(&model);
    let mut refused = |path: &Path, every: u64| {
        let checkpoint = Checkpoint::at(path).every_updates(every).resume();
        let error = trainer().checkpoint(checkpoint).fit(&mut model, &data()).unwrap_err().to_string();
        assert_eq!(bits(&model), before);
        error
    };
    assert!(refused(&folder.path().join("c"), 0).contains("every 0 updates"));
    assert!(refused(&folder.path().join("no/such/c"), 1).contains("does not exist; create it first"));
    assert!(refused(folder.path(), 1).contains("it is a directory"));
    assert!(names(folder.path()).is_empty());
}

struct Scaled(f64);
impl<T: Element> Layer<T> for Scaled {
    fn kind(&self) -> &'static str {
        "scaled"
    }
    fn describe(&self) -> String {
        format!("scaled({})", self.0)
    }
    fn forward<'t>(&self, x: Var<'t, T>, _: &Pass<'t, T>) -> Var<'t, T> {
        x * T::from_f64(self.0)
    }
}

#[test]
fn a_layer_of_ones_own_is_compared_by_its_description() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.ckpt");
    let model = |factor: f64| {
        let network = Sequential::new().with(Dense::new(2)).with(Scaled(factor));
        Model::<f32>::new(network, 2, 5).unwrap()
    };
    let run = |factor: f64, epochs: u64| {
        let trainer = Trainer::new(Adam::new(0.1)).epochs(epochs).checkpoint(Checkpoint::at(&path).resume());
        { trainer }.fit(&mut model(factor), &data())
    };
    run(2.0, 1).unwrap();
    let error = run(3.0, 2).unwrap_err().to_string();
    assert!(error.contains("network.scaled1 scaled(2), this one has scaled(3)"), "{error}");
    run(2.0, 2).unwrap();
}

/// How weights start is left out in layers within layers, too, and what they are is not.
#[test]
fn layers_in_shared_and_residual_ones_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.ckpt");
    let run = |start: f64, bias: bool, p: f64, epochs: u64| {
        let init = Init::Constant(start);
        let inner = Dense::new(2).init(init);
        let inner = if bias { inner.bias_init(init) } else { inner.without_bias() };
        let shared = Shared::new(Sequential::new().with(inner).with(Dropout::new(p)));
        let residual = Residual::new(Sequential::new().with(Dense::new(2).init(init)).with(Dropout::new(p)));
        let network = Sequential::new().with(shared.clone()).with(shared).with(residual);
        let trainer = Trainer::new(Adam::new(0.1)).epochs(epochs).checkpoint(Checkpoint::at(&path).resume());
        { trainer }.fit(&mut Model::<f32>::new(network, 2, 5).unwrap(), &data())
    };
    run(0.5, true, 0.0, 1).unwrap();
    assert!(run(0.25, true, 0.0, 2).unwrap().warnings.is_empty());
    assert!(run(0.5, true, 0.25, 3).unwrap_err().to_string().contains("p 0.0, this one has 0.25"));
    assert!(run(0.5, false, 0.0, 3).unwrap_err().to_string().contains("bias true, this one has false"));
}

/// Weights in a checkpoint that are no numbers are said. Training ends before it would save its own, so that these are frozen.
#[test]
fn a_checkpoint_with_weights_that_are_no_numbers_is_resumed_with_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.ckpt");
    let run = |lr: f64| {
        let data = Dataset::<f32>::regression([[1.0], [2.0]], Tensor::from([1.0, 2.0])).unwrap();
        let mut model = Mlp::new(1).dense(1).build::<f32>(0).unwrap();
        model.params_mut().add("mask", retrograd::nn::Role::Weight, Tensor::from([f32::NEG_INFINITY])).unwrap();
        model.freeze("mask").unwrap();
        let trainer = Trainer::new(Sgd::new(lr)).epochs(1).batch(2).checkpoint(Checkpoint::at(&path).resume());
        { trainer }.fit(&mut model, &data)
    };
    assert!(run(1e39).unwrap_err().is_not_finite());
    std::fs::remove_file(&path).unwrap();
    assert!(run(0.1).unwrap().warnings.is_empty());
    let history = run(0.1).unwrap();
    let said = history.warnings.iter().any(|warning| warning.ends_with("at element 0 of mask"));
    assert!(said, "{:?}", history.warnings);
}
