//! Training with several processes: the model has the same bits for any number of them, and whoever fails is named.
//!
//! The ranks are threads here; `tests/mpi.rs` has processes.

use retrograd::data::{Dataset, Order, RowSource, Scaler, Targets, synthetic};
use retrograd::nn::{Draw, Mlp, Model, Pass, Penalty, loss};
use retrograd::optim::schedule::Cosine;
use retrograd::optim::{Adam, AdamW, Sgd};
use retrograd::train::{Checkpoint, Execution, Flow, History, Metric, Stop, StopFlag, Sweep, Trainer};
use retrograd::world::{self, Counted, Thread, World};
use retrograd::{Element, Error, Result, Tape, Tensor};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};

type Setup<T> = fn() -> Trainer<T>;

fn data<T: Element>(rows: usize) -> Dataset<T> {
    synthetic::two_moons(rows, 0.1, 5).unwrap()
}

fn model<T: Element>() -> Model<T> {
    Mlp::new(2).dense(16).tanh().dropout(0.3).dense(8).relu().dropout(0.2).dense(2).build(7).unwrap()
}

/// The parameters' bits, and the losses of the epochs.
fn outcome<T: Element>(model: &Model<T>, history: &History) -> (Vec<u64>, Vec<u64>) {
    let losses = history.epochs.iter().map(|record| record.loss.to_bits());
    (bits(model), losses.collect())
}

fn bits<T: Element>(model: &Model<T>) -> Vec<u64> {
    let values = model.params().iter().flat_map(|(_, param)| param.value().to_vec());
    values.map(|x| x.to_f64().to_bits()).collect()
}

type Outcome = (Vec<u64>, Vec<u64>);

/// What each of so many ranks ends with.
fn trained<T: Element>(
    ranks: usize,
    threads: usize,
    build: fn() -> Model<T>,
    setup: Setup<T>,
    data: &Dataset<T>,
) -> Vec<Outcome> {
    let all = world::threads(ranks).run(|world| {
        let mut model = build();
        let history = setup().threads(threads).world(&world).fit(&mut model, data)?;
        Ok::<_, Error>(outcome(&model, &history))
    });
    all.into_iter().map(|one| one.unwrap()).collect()
}

/// Holds 1, 2, 3 and 4 ranks, with 1 and 2 threads, to the run without a world.
fn same_for_all<T: Element>(name: &str, build: fn() -> Model<T>, setup: Setup<T>, data: &Dataset<T>) {
    let mut alone = build();
    let history = setup().pieces(4).fit(&mut alone, data).unwrap();
    let wanted = outcome(&alone, &history);
    for (ranks, threads) in [(1, 1), (2, 1), (3, 2), (4, 1)] {
        for (rank, found) in trained(ranks, threads, build, setup, data).iter().enumerate() {
            assert!(*found == wanted, "{name}: rank {rank} of {ranks}, {threads} threads");
        }
    }
}

#[test]
fn a_model_has_the_same_bits_for_any_number_of_ranks() {
    let setups: [(&str, Setup<f32>); 8] = [
        ("adam, short last batches", || Trainer::new(Adam::new(0.02)).epochs(3).batch(13)),
        ("momentum, clipped, a schedule", || {
            Trainer::new(Sgd::new(0.1).momentum(0.9)).epochs(3).batch(16).clip_norm(0.5).schedule(Cosine::new(3))
        }),
        ("accumulated, clipped by value", || {
            Trainer::new(AdamW::new(0.02)).epochs(3).batch(8).accumulate(3).clip_value(0.01).drop_last()
        }),
        ("early stopping, validation, metrics", || {
            let trainer = Trainer::new(Adam::new(0.05)).epochs(12).batch(32).validation(&data(700));
            trainer.metrics([Metric::Accuracy, Metric::LogLoss]).monitor(Metric::Accuracy).early_stopping(2)
        }),
        ("metrics on the training data", || Trainer::new(Adam::new(0.05)).epochs(2).metrics([Metric::Accuracy])),
        ("class weights and penalties", || {
            let loss = loss::cross_entropy().class_weights([1.0, 2.5]);
            let trainer = Trainer::new(Adam::new(0.02)).epochs(3).batch(10).loss(loss);
            trainer.penalty(Penalty::l2(0.1)).penalty(Penalty::l1(0.01).only("dense2.bias"))
        }),
        ("sums, eager, in order", || {
            let trainer = Trainer::new(Sgd::new(0.002)).epochs(2).batch(7).loss(loss::cross_entropy().sum());
            trainer.execution(Execution::Eager).without_shuffling()
        }),
        ("batches shorter than pieces", || Trainer::new(Adam::new(0.02)).epochs(1).batch(3)),
    ];
    for (name, setup) in setups {
        same_for_all(name, model, setup, &data(90));
    }
    same_for_all("f64", model::<f64>, || Trainer::new(Adam::new(0.02)).epochs(2).batch(20), &data(90));
}

#[test]
fn wide_layers_whose_pieces_are_computed_at_once_have_the_same_bits() {
    let wide: fn() -> Model<f32> =
        || Mlp::new(2).dense(64).relu().dropout(0.2).dense(48).batch_norm().tanh().dense(2).build(7).unwrap();
    same_for_all("wide", wide, || Trainer::new(Adam::new(0.02)).epochs(2).batch(64), &data(200));
    let penalty: Setup<f32> = || Trainer::new(Sgd::new(0.05)).epochs(2).batch(64).penalty(Penalty::l2(0.1));
    same_for_all("wide, with a penalty", wide, penalty, &data(200));
    // More pieces than are computed at once.
    let many: Setup<f32> = || Trainer::new(Adam::new(0.02)).epochs(2).batch(64).pieces(32);
    let wanted = trained(1, 1, wide, many, &data(128)).remove(0);
    assert!(trained(4, 1, wide, many, &data(128)).iter().all(|found| *found == wanted), "32 pieces");
}

#[test]
fn rows_with_weights_count_alike_for_any_number_of_ranks() {
    let weights = (0..90).map(|k| if k % 9 < 4 { 0.0 } else { 0.5 + k as f32 / 90.0 }).collect::<Vec<_>>();
    let data = data::<f32>(90).with_weights(weights).unwrap();
    let setup: Setup<f32> = || Trainer::new(Adam::new(0.02)).epochs(3).batch(12).without_shuffling();
    same_for_all("weights", model, setup, &data);
}

#[test]
fn batch_statistics_are_those_of_the_pieces_whoever_has_them() {
    let build: fn() -> Model<f32> =
        || Mlp::new(2).dense(16).batch_norm().relu().dropout(0.3).dense(2).build(7).unwrap();
    same_for_all("batch norm", build, || Trainer::new(Adam::new(0.02)).epochs(3).batch(16).drop_last(), &data(90));
    let frozen: fn() -> Model<f32> = || {
        let mut model = Mlp::new(2).dense(16).batch_norm().relu().dense(2).build(7).unwrap();
        model.freeze("batch_norm1.*").unwrap();
        model.freeze("dense1.bias").unwrap();
        model
    };
    same_for_all("frozen", frozen, || Trainer::new(Adam::new(0.02)).epochs(2).batch(16).drop_last(), &data(90));
}

#[test]
fn running_statistics_move_towards_the_mean_of_the_pieces() {
    let rows = [[0.0], [2.0], [10.0], [14.0]];
    let mut model = Mlp::new(1).batch_norm().dense(1).build::<f64>(0).unwrap();
    let data = Dataset::regression(rows, [[0.0], [0.0], [0.0], [0.0]]).unwrap();
    let mut trainer = Trainer::new(Sgd::new(1e-3)).epochs(1).batch(4).pieces(2).without_shuffling();
    trainer.fit(&mut model, &data).unwrap();
    // Means 1 and 12, variances (by n - 1) 2 and 8; momentum 0.1 from 0 and 1.
    let close = |name: &str, wanted: f64| {
        let found = model.parameter(name).unwrap().item();
        assert!((found - wanted).abs() < 1e-12, "{name}: {found}, not {wanted}");
    };
    close("batch_norm1.mean", 0.1 * 6.5);
    close("batch_norm1.variance", 0.9 + 0.1 * 5.0);
}

#[test]
fn pieces_change_what_rounding_does_and_nothing_else() {
    let end = |pieces| {
        let mut model = model::<f64>();
        let trainer = Trainer::new(Sgd::new(0.1)).epochs(2).batch(16).pieces(pieces).penalty(Penalty::l2(0.1));
        let history = { trainer }.fit(&mut model, &data(96)).unwrap();
        (model, history.epochs[1].loss)
    };
    let (one, loss) = end(1);
    for pieces in [2, 4, 8, 16] {
        let (cut, other) = end(pieces);
        assert!((loss - other).abs() < 1e-12, "{pieces} pieces: {other}, not {loss}");
        for ((_, a), (_, b)) in one.params().iter().zip(cut.params().iter()) {
            let far = a.value().iter().zip(b.value().iter()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(far < 1e-12, "{pieces} pieces: {} is off by {far}", a.name());
        }
    }
}

#[test]
fn an_example_draws_the_same_whichever_rows_are_beside_it() {
    let model = Mlp::new(3).dropout(0.5).dropout(0.25).build::<f64>(0).unwrap();
    let rows = Tensor::<f64>::ones([7, 3]);
    let drawn = |row: u64, n: usize| {
        let tape = Tape::new();
        let pass = Pass::train(&tape, model.params(), Draw { seed: 1, epoch: 2, batch: 3, row });
        let y = model.forward(tape.data(rows.slice(0..n)), &pass);
        (y + pass.normal([n, 3]) + pass.uniform([n, 3])).value().to_vec()
    };
    let all = drawn(0, 7);
    assert_eq!([drawn(0, 2), drawn(2, 4), drawn(6, 1)].concat(), all);
}

/// Ranks that are set up differently.
fn refused(setup: impl Fn(Thread) -> Result<()> + Sync) -> Vec<String> {
    world::threads(3).run(|world| setup(world).unwrap_err().to_string())
}

#[test]
fn a_rank_with_other_settings_data_or_weights_is_refused_before_the_first_step() {
    let fit = |world: &Thread, trainer: Trainer<f32>, rows, seed| {
        let mut model = Mlp::new(2).dense(4).dense(2).build(seed)?;
        let start = bits(&model);
        let fitted = { trainer }.world(world).fit(&mut model, &data(rows));
        assert_eq!(bits(&model), start, "nothing was changed");
        fitted.map(drop)
    };
    let other = |rank: &Thread| rank.rank() == 2;
    let errors = refused(|world| {
        let batch = if other(&world) { 16 } else { 32 };
        fit(&world, Trainer::new(Adam::new(0.1)).batch(batch), 64, 0)
    });
    let wanted = "rank 2: train: set up with batch size 16, rank 0 has 32; give all ranks the same settings and data";
    assert_eq!(errors, [wanted; 3]);
    let errors = refused(|world| {
        let trainer = Trainer::new(Adam::new(if other(&world) { 0.2 } else { 0.1 }));
        fit(&world, trainer, 64, 0)
    });
    assert!(errors.iter().all(|error| error.contains("lr 0.2, rank 0 has 0.1")), "{errors:?}");
    let errors = refused(|world| fit(&world, Trainer::new(Adam::new(0.1)), if other(&world) { 66 } else { 64 }, 0));
    assert!(errors.iter().all(|error| error.contains("rows 66, rank 0 has 64")), "{errors:?}");
    let errors = refused(|world| {
        let epochs = if other(&world) { 3 } else { 2 };
        fit(&world, Trainer::new(Adam::new(0.1)).epochs(epochs), 64, 0)
    });
    assert!(errors.iter().all(|error| error.contains("epochs 3, rank 0 has 2")), "{errors:?}");
    let errors = refused(|world| fit(&world, Trainer::new(Adam::new(0.1)), 64, u64::from(other(&world))));
    let wanted = "rank 2: train: dense1.weight is not that of rank 0; start from the same model everywhere";
    assert_eq!(errors, [wanted; 3]);
    // What is wrong on one rank is everybody's error.
    let errors = refused(|world| {
        let epochs = if other(&world) { 0 } else { 2 };
        fit(&world, Trainer::new(Adam::new(0.1)).epochs(epochs), 64, 0)
    });
    assert!(errors.iter().all(|error| error.starts_with("rank 2: train: 0 epochs")), "{errors:?}");
}

#[test]
fn more_ranks_than_pieces_and_pieces_that_are_no_power_of_two_are_refused() {
    let fit = |pieces: usize| {
        let mut model = Mlp::new(2).dense(2).build::<f32>(0).unwrap();
        let mut trainer = Trainer::new(Adam::new(0.1)).pieces(pieces);
        trainer.fit(&mut model, &data(64)).unwrap_err().to_string()
    };
    assert_eq!(fit(3), "train: world: 3 pieces; use a power of two, such as 4 or 8");
    assert_eq!(fit(0), "train: world: 0 pieces; use a power of two, such as 4 or 8");
    let errors = world::threads(5).run(|world| {
        let mut model = Mlp::new(2).dense(2).build::<f32>(0).unwrap();
        Trainer::new(Adam::new(0.1)).world(&world).fit(&mut model, &data(64)).unwrap_err().to_string()
    });
    assert!(
        errors
            .iter()
            .all(|error| error.contains("4 pieces for 5 ranks, of which some would have nothing to do; set pieces(8)")),
        "{errors:?}"
    );
    let mut model = Mlp::new(2).dense(4).batch_norm().dense(2).build::<f32>(0).unwrap();
    let error = Trainer::new(Adam::new(0.1)).batch(4).pieces(4).fit(&mut model, &data(64)).unwrap_err().to_string();
    assert!(error.contains("one of 4 pieces of a batch of 4 rows has 1, and batch_norm1 needs 2"), "{error}");
}

#[test]
fn a_rank_that_panics_or_never_comes_ends_the_others_with_its_name() {
    let errors = world::threads(3).run(|world| {
        if world.rank() == 1 {
            return "file missing".to_owned();
        }
        let mut model = model::<f32>();
        Trainer::new(Adam::new(0.1)).world(&world).fit(&mut model, &data(64)).unwrap_err().to_string()
    });
    assert!(errors[0].contains("rank 1 has left"), "{errors:?}");
    assert!(errors[2].contains("rank 1 has left"), "{errors:?}");
}

/// A world in which a rank fails at its n-th message.
#[derive(Clone)]
struct Failing {
    world: Thread,
    left: std::rc::Rc<std::cell::Cell<u32>>,
}

impl Failing {
    fn count(&self) -> Result<()> {
        self.left.set(self.left.get().saturating_sub(1));
        if self.left.get() > 0 {
            return Ok(());
        }
        self.world.abandon("it was killed");
        Err(Error::io("killed"))
    }
}

impl World for Failing {
    fn rank(&self) -> usize {
        self.world.rank()
    }
    fn size(&self) -> usize {
        self.world.size()
    }
    fn send(&self, to: usize, bytes: &[u8]) -> Result<()> {
        self.count()?;
        self.world.send(to, bytes)
    }
    fn receive(&self, from: usize, bytes: &mut [u8]) -> Result<()> {
        self.count()?;
        self.world.receive(from, bytes)
    }
    fn abandon(&self, why: &str) {
        self.world.abandon(why);
    }
}

/// A world whose n-th exchange brings one bit that was not sent.
#[derive(Clone)]
struct Flipping {
    world: Thread,
    left: std::rc::Rc<std::cell::Cell<u32>>,
}

impl World for Flipping {
    fn rank(&self) -> usize {
        self.world.rank()
    }
    fn size(&self) -> usize {
        self.world.size()
    }
    fn send(&self, to: usize, bytes: &[u8]) -> Result<()> {
        self.world.send(to, bytes)
    }
    fn receive(&self, from: usize, bytes: &mut [u8]) -> Result<()> {
        self.world.receive(from, bytes)
    }
    fn exchange(&self, peer: usize, sent: &[u8], received: &mut [u8]) -> Result<()> {
        self.world.exchange(peer, sent, received)?;
        self.left.set(self.left.get().saturating_sub(1));
        if self.left.get() == 0 {
            // A high bit of a gradient's number, in the last of the two exchanges of a step.
            received[2] ^= 0x40;
            self.left.set(u32::MAX);
        }
        Ok(())
    }
    fn abandon(&self, why: &str) {
        self.world.abandon(why);
    }
}

#[test]
fn weights_that_differ_by_a_bit_are_an_error_after_the_epoch_with_rank_and_name() {
    let errors = world::threads(2).run(|world| {
        let at = if world.rank() == 1 { 4 } else { u32::MAX };
        let world = Flipping { world, left: std::rc::Rc::new(std::cell::Cell::new(at)) };
        let mut trainer = Trainer::new(Sgd::new(0.1)).epochs(2).batch(16).world(&world);
        trainer.fit(&mut model::<f32>(), &data(64)).unwrap_err().to_string()
    });
    let wanted = "rank 1: train: dense1.weight is not that of rank 0 after epoch 1: memory or a message";
    assert!(errors.iter().all(|error| error.starts_with(wanted)), "{errors:?}");
}

fn long_run(path: &Path) -> Trainer<f32> {
    let checkpoint = Checkpoint::at(path).resume();
    Trainer::new(Adam::new(0.02)).epochs(6).batch(16).early_stopping(6).validation(&data(40)).checkpoint(checkpoint)
}

#[test]
fn a_run_that_lost_a_rank_goes_on_with_another_number_to_the_same_bits() {
    let mut undisturbed = model::<f32>();
    let history = Trainer::new(Adam::new(0.02)).epochs(6).batch(16).early_stopping(6).validation(&data(40)).pieces(4);
    let history = { history }.fit(&mut undisturbed, &data(96)).unwrap();
    let wanted = outcome(&undisturbed, &history);
    for after in [1, 20, 77, 120, 181, 233, 290] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.ckpt");
        let errors = world::threads(3).run(|world| {
            let dies = if world.rank() == 2 { after } else { u32::MAX };
            let world = Failing { world, left: std::rc::Rc::new(std::cell::Cell::new(dies)) };
            long_run(&path).world(&world).fit(&mut model(), &data(96)).map(drop)
        });
        for (rank, error) in errors.iter().enumerate().filter(|(rank, _)| *rank < 2) {
            let error = error.as_ref().unwrap_err().to_string();
            assert!(error.contains("rank 2 has left: it was killed"), "message {after}, rank {rank}: {error}");
        }
        let resumed = world::threads(2).run(|world| {
            let mut model = model();
            let history = long_run(&path).world(&world).fit(&mut model, &data(96)).unwrap();
            outcome(&model, &history)
        });
        assert!(resumed.iter().all(|found| *found == wanted), "after {after} messages");
    }
}

#[test]
fn a_wish_to_stop_on_one_rank_ends_all_after_the_same_batch_and_the_run_goes_on() {
    let mut undisturbed = model::<f32>();
    let history = Trainer::new(Adam::new(0.02)).epochs(4).batch(16).pieces(4).fit(&mut undisturbed, &data(96)).unwrap();
    let wanted = outcome(&undisturbed, &history);
    for stopper in 0..3 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.ckpt");
        let run = |world: &Thread, flag: StopFlag| {
            let checkpoint = Checkpoint::at(&path).resume();
            let mut model = model();
            let slow = |_: &retrograd::train::EpochEvent<'_, f32>| {
                std::thread::sleep(std::time::Duration::from_millis(2));
                Flow::Continue
            };
            let trainer = Trainer::new(Adam::new(0.02)).epochs(4).batch(16).checkpoint(checkpoint).stop_flag(flag);
            let history = { trainer }.on_epoch(slow).world(world).fit(&mut model, &data(96)).unwrap();
            (outcome(&model, &history), history.stop)
        };
        let stopped = world::threads(3).run(|world| {
            let flag = StopFlag::new();
            if world.rank() == stopper {
                flag.raise();
            }
            run(&world, flag)
        });
        assert!(stopped.iter().all(|(found, stop)| *found == stopped[0].0 && *stop == Some(Stop::Interrupted)));
        let resumed = world::threads(2).run(|world| run(&world, StopFlag::new()).0);
        assert!(resumed.iter().all(|found| *found == wanted), "stopped by rank {stopper}");
    }
}

#[test]
fn callbacks_are_rank_0s_and_end_all_where_they_end_a_run_alone() {
    fn ended(ranks: usize) -> Vec<(Outcome, Option<Stop>, usize)> {
        world::threads(ranks).run(|world| {
            struct After(u64, std::rc::Rc<std::cell::Cell<usize>>);
            impl retrograd::train::Callback<f32> for After {
                fn on_batch(&mut self, _: &retrograd::train::BatchEvent) -> Flow {
                    self.1.set(self.1.get() + 1);
                    self.0 -= 1;
                    if self.0 == 0 { Flow::Stop } else { Flow::Continue }
                }
            }
            let (mut model, called) = (model(), std::rc::Rc::default());
            let trainer =
                Trainer::new(Adam::new(0.02)).epochs(4).batch(16).callback(After(8, std::rc::Rc::clone(&called)));
            let history = { trainer }.world(&world).fit(&mut model, &data(96)).unwrap();
            (outcome(&model, &history), history.stop, called.get())
        })
    }
    let alone = ended(1).remove(0);
    assert_eq!((&alone.1, alone.2), (&Some(Stop::Callback), 8));
    for (rank, (found, stop, called)) in ended(3).into_iter().enumerate() {
        assert!(found == alone.0 && stop == alone.1, "rank {rank}");
        assert_eq!(called, if rank == 0 { 8 } else { 0 });
    }
}

#[test]
fn a_step_sends_little_more_than_twice_the_parameters() {
    let build = || Mlp::new(64).dense(128).relu().dense(10).build::<f32>(0).unwrap();
    let bytes = 4 * build().params().iter().map(|(_, param)| param.value().len()).sum::<usize>();
    let rows = Dataset::labelled(Tensor::<f32>::ones([320, 64]), (0..320).map(|k| k % 10).collect()).unwrap();
    for ranks in [2, 4, 8, 16] {
        let counts = world::threads(ranks).run(|world| {
            let world = Counted::new(world);
            let run = |epochs: u64| {
                let before = world.counts();
                let mut trainer = Trainer::new(Sgd::new(0.01)).epochs(epochs).batch(32).pieces(16).world(&world);
                trainer.fit(&mut build(), &rows).unwrap();
                let after = world.counts();
                [after.messages - before.messages, after.bytes - before.bytes]
            };
            let (one, three) = (run(1), run(3));
            // What two epochs of ten steps more send.
            [0, 1].map(|k| (three[k] - one[k]) as f64 / 20.0)
        });
        for [messages, sent] in counts {
            let most = 2.0 * (ranks as f64).log2() + 3.0 * (ranks as f64).log2();
            assert!(
                sent <= 2.2 * bytes as f64 && messages <= most,
                "{ranks} ranks: {messages} messages, {sent} bytes of {bytes}"
            );
        }
    }
}

#[test]
fn a_piece_of_a_batch_is_its_rows() {
    let data = data::<f64>(40);
    let whole: Vec<_> = data.batches(16, Order::shuffled(3, 1)).unwrap().collect();
    let mut batches = data.batches(16, Order::shuffled(3, 1)).unwrap();
    for batch in &whole {
        let (n, third) = (batch.len(), batch.len() / 3);
        let mut inputs = Vec::new();
        for rows in [0..third, third..n - 1, n - 1..n] {
            let piece = batches.next_piece(rows.clone()).unwrap();
            assert_eq!(piece.targets.labels().unwrap(), &batch.targets.labels().unwrap()[rows]);
            inputs.extend(piece.inputs.to_vec());
        }
        assert_eq!(inputs, batch.inputs.to_vec());
        batches.seek(batches.position() + 1);
    }
    assert_eq!(batches.next_len(), None);
}

/// Moons that are read row by row, and which rows were.
struct Watched {
    inner: Dataset<f32>,
    read: Arc<Mutex<BTreeSet<usize>>>,
    broken: Option<usize>,
}

impl RowSource<f32> for Watched {
    fn len(&self) -> usize {
        self.inner.len()
    }
    fn feature_shape(&self) -> Vec<usize> {
        vec![2]
    }
    fn read(&self, row: usize, features: &mut [f32]) -> Result<()> {
        if self.broken == Some(row) {
            return Err(Error::io(format!("row {row} is damaged")));
        }
        self.read.lock().unwrap().insert(row);
        features.copy_from_slice(self.inner.inputs().row(row));
        Ok(())
    }
}

fn watched(rows: usize, broken: Option<usize>) -> (Dataset<f32>, Arc<Mutex<BTreeSet<usize>>>) {
    let (inner, read) = (data(rows), Arc::default());
    let targets = inner.targets().clone();
    let source = Watched { inner, read: Arc::clone(&read), broken };
    (Dataset::rows_of(source, targets).unwrap(), read)
}

#[test]
fn rows_on_demand_train_to_the_same_bits_and_a_rank_reads_its_own_alone() {
    let setup = || Trainer::new(Adam::new(0.02)).epochs(2).batch(256).without_shuffling().pieces(4);
    let mut held = model::<f32>();
    setup().fit(&mut held, &data(1024)).unwrap();
    let read = world::threads(2).run(|world| {
        let (rows, read) = watched(1024, None);
        let mut model = model();
        setup().world(&world).fit(&mut model, &rows).unwrap();
        assert!(bits(&model) == bits(&held));
        read.lock().unwrap().clone()
    });
    for (rank, read) in read.iter().enumerate() {
        let own = |row: &usize| row % 256 / 128 == rank;
        assert_eq!(read.iter().filter(|row| own(row)).count(), 512);
        // The first ones, which loss and layers are tried on, and the sample that is compared.
        let others = read.iter().filter(|row| !own(row)).count();
        assert!(others <= 100, "rank {rank} read {others} rows of the other");
    }
}

#[test]
fn a_row_that_cannot_be_read_is_an_error_that_names_it_on_all_ranks() {
    let errors = world::threads(2).run(|world| {
        let (rows, _) = watched(1024, Some(901));
        let mut trainer = Trainer::new(Adam::new(0.02)).epochs(2).batch(256).world(&world);
        trainer.fit(&mut model(), &rows).unwrap_err().to_string()
    });
    assert!(errors.iter().all(|error| error.contains("row 901 is damaged")), "{errors:?}");
    let (rows, _) = watched(64, Some(40));
    let error = rows.try_inputs().unwrap_err().to_string();
    assert_eq!(error, "row 40 is damaged");
    let mut batches = rows.batches(10, Order::Sequential).unwrap();
    while batches.next_batch().is_some() {}
    assert_eq!(batches.check().unwrap_err().to_string(), "row 40 is damaged");
    assert!(rows.scaled_by(&Scaler::uniform(0.0, 2.0).unwrap()).is_err());
    assert!(rows.cast::<f64>().is_err());
}

#[test]
fn parts_and_precisions_of_rows_on_demand_are_those_of_rows_in_memory() {
    let (held, (rows, read)) = (data::<f32>(60), watched(60, None));
    let ((train, test), (held_train, held_test)) = (rows.split(0.25, 3).unwrap(), held.split(0.25, 3).unwrap());
    assert!(read.lock().unwrap().is_empty(), "a split reads nothing");
    assert_eq!((train.inputs(), test.inputs()), (held_train.inputs(), held_test.inputs()));
    let again = test.select(&[2, 0, 2]).unwrap();
    assert_eq!(again.inputs(), held_test.select(&[2, 0, 2]).unwrap().inputs());
    assert_eq!(rows.cast::<f64>().unwrap().inputs(), held.cast::<f64>().unwrap().inputs());
    let scaler = Scaler::standardise(&held).unwrap();
    assert_eq!(rows.scaled_by(&scaler).unwrap().inputs(), held.scaled_by(&scaler).unwrap().inputs());
    assert!(rows.is_on_demand() && !held.is_on_demand());
    struct Bad;
    impl RowSource<f64> for Bad {
        fn len(&self) -> usize {
            2
        }
        fn feature_shape(&self) -> Vec<usize> {
            vec![1]
        }
        fn read(&self, row: usize, features: &mut [f64]) -> Result<()> {
            features[0] = [1.0, f64::NAN][row];
            Ok(())
        }
    }
    let bad = Dataset::rows_of(Bad, Targets::Labels(vec![0, 1])).unwrap();
    assert_eq!(bad.try_inputs().unwrap_err().to_string(), "dataset: row 1, feature 0 is NaN");
    assert!(Dataset::rows_of(Bad, Targets::Labels(vec![0])).unwrap_err().to_string().contains("targets for 1 rows"));
}

#[test]
fn a_sweep_shared_out_among_ranks_has_the_rows_of_one_and_a_rank_with_another_is_refused() {
    let sweep = |last_rate: f64| {
        let recipe = |seed| Mlp::new(2).dense(4).tanh().dense(1).build::<f32>(seed);
        let sweep = Sweep::new(recipe, Adam::new).seeds([3, 5, 8]).learning_rates([0.01, last_rate]).epochs(2);
        sweep.validation(&data(24)).metrics([Metric::Accuracy]).penalties(Penalty::l2(1.0), [0.0, 0.1])
    };
    let alone = sweep(1e300).run(&data(48)).unwrap();
    assert!(alone.rows().iter().any(|row| row.diverged.is_some()));
    for ranks in [2, 3, 14] {
        let all = world::threads(ranks).run(|world| {
            let swept = sweep(1e300).run_on(&world, &data(48)).unwrap();
            (
                swept.to_csv(),
                swept.model(0).unwrap().params().iter().map(|(_, p)| p.value().to_vec()).collect::<Vec<_>>(),
            )
        });
        let weights: Vec<_> = alone.model(0).unwrap().params().iter().map(|(_, p)| p.value().to_vec()).collect();
        assert!(all.iter().all(|(csv, found)| *csv == alone.to_csv() && *found == weights), "{ranks} ranks");
    }
    let errors = world::threads(2).run(|world| {
        let rate = if world.rank() == 1 { 0.2 } else { 0.1 };
        sweep(rate).run_on(&world, &data(48)).map(drop).unwrap_err().to_string()
    });
    assert!(errors.iter().all(|error| error.contains("rank 1") && error.contains("rank 0 has 0.1")), "{errors:?}");
}
