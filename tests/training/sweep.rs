//! Sweeps against the models that `Trainer::fit` makes one after another, and what they refuse.

use retrograd::data::{Dataset, synthetic};
use retrograd::nn::{Dense, Loss, Mlp, Model, Penalty, Sequential, func, loss};
use retrograd::optim::{Adam, AdamW, NAdam, Optimizer, Sgd};
use retrograd::train::{Metric, Sweep, SweepRow, Trainer};
use retrograd::{Element, Result, Tensor};

/// How far the sweep's models are from those of `Trainer`: losses and weights, relative to the largest weight of a tensor.
fn distance<T: Element>(
    sweep: &Sweep<T>,
    data: &Dataset<T>,
    alone: impl Fn(&SweepRow<T>) -> Result<(Trainer<T>, Model<T>)>,
) -> f64 {
    let swept = sweep.run(data).unwrap();
    assert_eq!(swept.rows().len(), sweep.count_all());
    let mut far = 0.0f64;
    for row in swept.rows() {
        let (mut trainer, mut model) = alone(row).unwrap();
        let history = trainer.fit(&mut model, data).unwrap();
        let last = history.last().unwrap();
        far = far.max((row.loss - last.loss).abs() / last.loss.abs());
        if let Some(valid_loss) = last.valid_loss {
            far = far.max((row.valid_loss.unwrap() - valid_loss).abs() / valid_loss.abs());
        }
        for (ours, theirs) in row.metrics.iter().zip(&last.metrics) {
            far = far.max((ours - theirs).abs());
        }
        let same = swept.model(row.number).unwrap();
        assert_eq!(same.head(), model.head());
        for ((_, ours), (_, theirs)) in same.params().iter().zip(model.params().iter()) {
            let size = theirs.value().iter().fold(1e-3f64, |size, x| size.max(x.to_f64().abs()));
            for (a, b) in ours.value().iter().zip(theirs.value().iter()) {
                far = far.max((a.to_f64() - b.to_f64()).abs() / size);
            }
        }
    }
    far
}

fn small<T: Element>(seed: u64) -> Result<Model<T>> {
    Mlp::new(2).dense(6).tanh().dense(1).build(seed)
}

#[test]
fn each_model_is_the_one_that_the_trainer_fits() {
    fn far<T: Element>() -> f64 {
        let (train, test) = synthetic::two_moons::<T>(90, 0.1, 0).unwrap().split(0.3, 0).unwrap();
        let metrics = [Metric::Accuracy, Metric::LogLoss];
        let sweep = Sweep::new(small::<T>, Adam::new)
            .seeds([3, 1, 4])
            .learning_rates([0.01, 0.05])
            .penalties(Penalty::l2(1.0), [0.0, 0.5])
            .epochs(5)
            .batch(16)
            .validation(&test)
            .metrics(metrics);
        distance(&sweep, &train, |row| {
            let penalty = Penalty::l2(row.penalty.unwrap());
            let trainer =
                Trainer::new(Adam::new(row.learning_rate)).epochs(5).batch(16).seed(row.seed).penalty(penalty);
            Ok((trainer.validation(&test).metrics(metrics), small(row.seed)?))
        })
    }
    assert!(far::<f64>() < 1e-12, "{:e}", far::<f64>());
    assert!(far::<f32>() < 2e-5, "{:e}", far::<f32>());
}

#[test]
fn every_loss_is_the_trainers() {
    fn check(loss: impl Fn() -> Box<dyn Loss<f64>>, data: &Dataset<f64>, outputs: usize) {
        let model = move |seed| Mlp::new(2).dense(5).tanh().dense(outputs).build(seed);
        let sweep = Sweep::new(model, Sgd::new).seeds(0..2).learning_rates([0.1]).epochs(3).batch(8).loss(loss());
        let far = distance(&sweep, data, |row| {
            Ok((Trainer::new(Sgd::new(0.1)).epochs(3).batch(8).seed(row.seed).loss(loss()), model(row.seed)?))
        });
        assert!(far < 1e-12, "{}: {far:e}", loss().name());
    }
    let labels = synthetic::blobs::<f64>(30, 3, 0.5, 0).unwrap();
    check(|| Box::new(loss::cross_entropy()), &labels, 3);
    check(|| Box::new(loss::cross_entropy().label_smoothing(0.1).sum()), &labels, 3);
    check(|| Box::new(loss::hinge()), &labels, 3);
    check(|| Box::new(loss::binary_cross_entropy_with_logits()), &labels, 3);
    check(|| Box::new(loss::binary_cross_entropy_with_logits().class_weights([1.0, 2.0, 3.0])), &labels, 3);
    let rows: Vec<f64> = (0..30).map(|i| (i as f64 * 0.7).sin()).collect();
    let values = Dataset::regression(labels.inputs().clone(), Tensor::from(rows)).unwrap();
    check(|| Box::new(loss::mean_squared_error()), &values, 1);
    check(|| Box::new(loss::huber(0.3)), &values, 1);
    check(|| Box::new(loss::func("log_cosh", |x, t| (x - t).cosh().ln())), &values, 1);
    let weights: Vec<f64> = (0..30).map(|i| 0.5 + (i % 4) as f64).collect();
    let weighted = values.with_weights(weights).unwrap();
    check(|| Box::new(loss::mean_absolute_error()), &weighted, 1);
}

#[test]
fn layers_that_draw_or_observe_are_the_trainers() {
    let data = synthetic::two_moons::<f64>(50, 0.1, 0).unwrap();
    for network in [
        Mlp::new(2).dense(6).relu().dropout(0.3).dense(1),
        Mlp::new(2).dense(6).no_bias().batch_norm().tanh().dense(1),
        Mlp::new(2).dense(6).layer_norm().gelu().dense(4).leaky_relu(0.1).dense(1),
    ] {
        let recipe = network.clone();
        let sweep = Sweep::new(move |seed| recipe.build(seed), Adam::new);
        let sweep = sweep.seeds(0..3).learning_rates([0.01, 0.03]).epochs(3).batch(16);
        let far = distance(&sweep, &data, |row| {
            let trainer = Trainer::new(Adam::new(row.learning_rate)).epochs(3).batch(16).seed(row.seed);
            Ok((trainer, network.build(row.seed)?))
        });
        assert!(far < 1e-10, "{network:?}: {far:e}");
    }
}

#[test]
fn each_rule_is_the_trainers_and_so_are_frozen_parameters() {
    fn check(optimizer: impl Fn(f64) -> Optimizer<f64> + Send + Sync + Copy + 'static) {
        let data = synthetic::two_moons::<f64>(40, 0.1, 0).unwrap();
        let recipe = |seed| {
            let mut model = small(seed)?;
            model.freeze("dense1.bias")?;
            model.set_rate("dense2*", 0.5)?;
            Ok(model)
        };
        let sweep = Sweep::new(recipe, optimizer).seeds(0..2).learning_rates([0.01, 0.02]);
        let sweep = sweep.epochs(4).without_shuffling().drop_last();
        let far = distance(&sweep, &data, |row| {
            let trainer = Trainer::new(optimizer(row.learning_rate)).epochs(4).without_shuffling().drop_last();
            Ok((trainer.seed(row.seed), recipe(row.seed)?))
        });
        assert!(far < 1e-12, "{far:e}");
    }
    check(|rate| AdamW::new(rate).into());
    check(|rate| NAdam::new(rate).into());
    check(|rate| Sgd::new(rate).momentum(0.9).weight_decay(0.1).into());
}

fn bits(rows: &[SweepRow<f32>]) -> Vec<u64> {
    let numbers = |row: &SweepRow<f32>| {
        let weights = row.weights.iter().flat_map(|w| w.iter().map(|x| u64::from(x.to_bits())).collect::<Vec<_>>());
        weights.chain([row.loss.to_bits(), row.number as u64, row.seed]).collect::<Vec<_>>()
    };
    rows.iter().flat_map(numbers).collect()
}

#[test]
fn rows_have_the_same_bits_in_parts_and_on_threads() {
    let data = synthetic::two_moons::<f32>(50, 0.1, 0).unwrap();
    let sweep = || Sweep::new(small::<f32>, Adam::new).seeds(0..35).learning_rates([0.01, 0.02, 0.1]).epochs(2);
    let whole = bits(sweep().run(&data).unwrap().rows());
    assert_eq!(bits(sweep().threads(3).run(&data).unwrap().rows()), whole);
    for of in [2, 7, 105] {
        let mut rows = Vec::new();
        for k in (0..of).rev() {
            rows.extend(sweep().part(k, of).run(&data).unwrap().into_rows());
        }
        assert_eq!(bits(sweep().gather(&data, rows).unwrap().rows()), whole, "{of} parts");
    }
    assert_eq!(sweep().part(0, 200).run(&data).unwrap().rows().len(), 0);
    // One seed by itself is no other.
    let one = Sweep::new(small::<f32>, Adam::new).seeds([7]).learning_rates([0.02]).epochs(2).run(&data).unwrap();
    let same = sweep().run(&data).unwrap().into_rows().remove(35 + 7);
    assert!((one.rows()[0].loss - same.loss).abs() < 1e-6);
}

#[test]
fn a_model_that_diverges_disturbs_no_other_and_its_row_says_so() {
    let data = synthetic::two_moons::<f64>(60, 0.1, 0).unwrap();
    let recipe = |seed| Mlp::new(2).dense(6).relu().dense(1).build(seed);
    let sweep = |rates: &[f64]| {
        let sweep = Sweep::new(recipe, Sgd::new).seeds(0..2).learning_rates(rates.iter().copied());
        sweep.loss(loss::mean_squared_error()).epochs(60).metrics([Metric::Rmse])
    };
    let values = Dataset::regression(data.inputs().clone(), Tensor::zeros([60])).unwrap();
    let sweep = |rates: &[f64]| sweep(rates).validation(&values);
    let calm = sweep(&[0.01, 0.02]).run(&values).unwrap();
    let swept = sweep(&[0.01, 1e6, 0.02]).run(&values).unwrap();
    for row in &swept.rows()[2..4] {
        assert!(row.diverged.is_some() && row.loss.is_nan() && row.valid_loss.unwrap().is_nan());
        assert!(row.metrics[0].is_nan());
        let error = swept.model(row.number).err().unwrap().to_string();
        assert!(error.contains("diverged in epoch") && error.contains("1000000"), "{error}");
    }
    let sound = swept.rows().iter().filter(|row| row.diverged.is_none());
    for (ours, alone) in sound.zip(calm.rows()) {
        assert!(ours.loss == alone.loss && ours.weights == alone.weights);
    }
    assert_eq!(swept.best().unwrap().loss, calm.best().unwrap().loss);
    let line = swept.to_csv().lines().nth(3).unwrap().to_owned();
    assert!(line.starts_with("2,0,1000000,,,,,"), "{line}");
}

#[test]
fn the_table_is_csv() {
    let (train, test) = synthetic::two_moons::<f64>(60, 0.1, 0).unwrap().split(0.5, 0).unwrap();
    let sweep = Sweep::new(small::<f64>, Sgd::new).seeds([5]).learning_rates([0.25]).epochs(1);
    let sweep = sweep.penalties(Penalty::l1(1.0), [0.125]).validation(&test).metrics([Metric::Accuracy]);
    let swept = sweep.run(&train).unwrap();
    let row = &swept.rows()[0];
    let header = "number,seed,learning_rate,penalty,loss,valid_loss,accuracy,diverged";
    let (loss, valid) = (row.loss, row.valid_loss.unwrap());
    assert_eq!(swept.to_csv(), format!("{header}\n0,5,0.25,0.125,{loss},{valid},{},\n", row.metrics[0]));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sweep.csv");
    swept.save(&path).unwrap();
    assert_eq!(std::fs::read_to_string(path).unwrap(), swept.to_csv());
}

#[test]
fn what_makes_no_sweep_is_an_error_that_says_why() {
    let data = synthetic::two_moons::<f64>(40, 0.1, 0).unwrap();
    let sweep = || Sweep::new(small::<f64>, Sgd::new).learning_rates([0.1]);
    let says = |sweep: Sweep<f64>, words: &str| {
        let error = sweep.run(&data).err().expect(words).to_string();
        assert!(error.contains(words), "{error}, and not {words}");
    };
    says(Sweep::new(small::<f64>, Sgd::new), "no learning rates");
    says(sweep().seeds([]), "no seeds");
    says(sweep().penalties(Penalty::l2(1.0), []), "no factors");
    says(sweep().penalties(Penalty::l2(1.0), [-1.0]), "0 or more, got -1");
    says(sweep().penalties(Penalty::l2(1.0).only("dense9"), [1.0]), "dense9");
    says(sweep().part(2, 2), "part 2 of 2");
    says(sweep().learning_rates([0.1, -0.5]), "-0.5");
    says(sweep().epochs(0), "0 epochs");
    says(sweep().batch(0), "batch size of 0");
    let wider = |seed: u64| Mlp::new(2).dense(4 + seed as usize).tanh().dense(1).build(seed);
    says(Sweep::new(wider, Sgd::new).seeds(0..2).learning_rates([0.1]), "dense1.weight of shape [2, 5]");
    let other = |seed: u64| {
        let mlp = Mlp::new(2).dense(4);
        (if seed == 1 { mlp.relu() } else { mlp.tanh() }).dense(1).build(seed)
    };
    says(Sweep::new(other, Sgd::new).seeds(0..2).learning_rates([0.1]), "seed 1 has other layers");
    let labels = synthetic::blobs::<f64>(30, 3, 0.5, 0).unwrap();
    let classes = |seed| Mlp::new(2).dense(3).build(seed);
    let weighed = Sweep::new(classes, Sgd::new).learning_rates([0.1]);
    let weighed = weighed.loss(loss::cross_entropy().class_weights([1.0, 2.0, 3.0]));
    let error = weighed.run(&labels).err().unwrap().to_string();
    assert!(error.contains("class weights"), "{error}");
}

#[test]
fn a_layer_of_a_users_op_is_refused_since_it_may_change_from_step_to_step() {
    #[derive(Clone)]
    struct Twice;
    impl retrograd::CustomOp for Twice {
        const NAME: &'static str = "twice";
        fn value<T: Element>(&self, inputs: &[Tensor<T>]) -> Result<Tensor<T>> {
            Ok(&inputs[0] * T::from_f64(2.0))
        }
        fn vjp<T: Element, A: retrograd::Algebra<T>>(&self, a: &A, _: &[A::V], _: &A::V, g: &A::V) -> Vec<A::V> {
            vec![a.add(g, g)]
        }
    }
    let recipe = |seed| {
        let twice = func("twice", |x: retrograd::Var<'_, f64>| x.tape().custom(Twice, &[x]));
        Model::new(Sequential::new().with(Dense::new(3)).with(twice).with(Dense::new(1)), 2, seed)
    };
    let data = synthetic::two_moons::<f64>(40, 0.1, 0).unwrap();
    let error = Sweep::new(recipe, Sgd::new).learning_rates([0.1]).run(&data).err().unwrap().to_string();
    assert!(error.contains("a user's op changed from step to step"), "{error}");
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let data = synthetic::two_moons::<f64>(40, 0.1, 0).unwrap();
    let sweep = |rate| Sweep::new(small::<f64>, Sgd::new).seeds(0..3).learning_rates([rate]).epochs(1);
    let rows = sweep(0.1).run(&data).unwrap().into_rows();
    let says = |rows: &[&SweepRow<f64>], words: &str| {
        let error = sweep(0.1).gather(&data, rows.iter().copied().cloned().collect()).err().expect(words).to_string();
        assert!(error.contains(words), "{error}, and not {words}");
    };
    says(&[&rows[0], &rows[2]], "row 1 is missing");
    says(&[&rows[0], &rows[1], &rows[1], &rows[2]], "row 1 is there twice");
    says(&[], "row 0 is missing");
    let other = sweep(0.2).run(&data).unwrap().into_rows();
    says(&other.iter().collect::<Vec<_>>(), "learning rate 0.2");
}
