//! The pieces of a batch, computed at once: the bits of one after another.

use retrograd::data::Targets;
use retrograd::nn::{Draw, Loss, Mlp, Model, ParamGrads, ParamKey, loss};
use retrograd::program::Options;
use retrograd::world::Tree;
use retrograd::{Compiled, Element, Tensor};

const FEATURES: usize = 20;

/// Rows of a batch that depend on the step.
struct Rows<T> {
    inputs: Tensor<T>,
    targets: Targets<T>,
}

fn rows<T: Element>(step: usize, from: usize, n: usize) -> Rows<T> {
    let number = |k: usize| T::from_f64((k * 2_654_435_761 % 100_003) as f64 / 50_000.0 - 1.0);
    let inputs = (from * FEATURES..(from + n) * FEATURES).map(|k| number(k + 7919 * step)).collect();
    let labels = (from..from + n).map(|k| (k * 7 + step) % 3).collect();
    Rows { inputs: Tensor::new([n, FEATURES], inputs).unwrap(), targets: Targets::Labels(labels) }
}

type Bits = Vec<(ParamKey, Vec<u64>)>;

fn bits<'g, T: Element>(tensors: impl Iterator<Item = (ParamKey, &'g Tensor<T>)>) -> Bits {
    tensors.map(|(key, tensor)| (key, tensor.iter().map(|x| x.to_f64().to_bits()).collect())).collect()
}

/// What one step gives: the losses, what was observed, and the sum of the gradients.
type Found = (Vec<u64>, Vec<Bits>, Bits);

/// So many steps of a model, each of a batch in so many pieces; whether all were computed at once.
fn steps<T: Element>(
    model: &Model<T>,
    loss: &dyn Loss<T>,
    size: usize,
    count: usize,
    threads: usize,
    at_once: bool,
) -> Vec<Found> {
    let mut compiled = Compiled::<T>::with(Options::new().threads(threads));
    (0..3)
        .map(|step| {
            let pieces: Vec<(Draw, Rows<T>)> = (0..count)
                .map(|k| {
                    (Draw { seed: 1, epoch: 0, batch: step as u64, row: (k * size) as u64 }, rows(step, k * size, size))
                })
                .collect();
            let factor = T::from_f64(1.0 / count as f64);
            if at_once {
                let (passed, grads) = model
                    .differentiate_pieces(&mut compiled, 0, &pieces, |model, pass, rows| {
                        let cost =
                            loss.value(model.forward(pass.tape().data(&rows.inputs), pass), &rows.targets, None)?;
                        Ok(cost * pass.tape().data(factor))
                    })
                    .expect("computed at once");
                let observed = passed.iter().map(|(_, passed)| bits(passed.observed())).collect();
                let found = (passed.iter().map(|(loss, _)| loss.to_bits()).collect(), observed, bits(grads.iter()));
                grads.recycle(compiled.tape());
                return found;
            }
            let (mut losses, mut observed, mut tree) = (Vec::new(), Vec::new(), Tree::new());
            let add = |mut left: ParamGrads<T>, right: ParamGrads<T>| {
                left.add(&right);
                left
            };
            for (draw, rows) in &pieces {
                let (step, passed) = model
                    .differentiate(&mut compiled, 0, *draw, |model, pass| {
                        let cost =
                            loss.value(model.forward(pass.tape().data(&rows.inputs), pass), &rows.targets, None)?;
                        Ok(cost * pass.tape().data(factor))
                    })
                    .unwrap();
                losses.push(step.loss.to_bits());
                observed.push(bits(passed.observed()));
                tree.push(Some(step.grads), add);
            }
            (losses, observed, bits(tree.finish(add).unwrap().iter()))
        })
        .collect()
}

fn compare<T: Element>(name: &str, network: impl Fn(Mlp) -> Mlp, loss: &dyn Loss<T>) {
    let model: Model<T> = network(Mlp::new(FEATURES)).dense(3).build(3).unwrap();
    for size in [2, 3, 7, 8, 16, 17, 32, 50] {
        for count in [2, 4, 8] {
            let [wanted, found] = [false, true].map(|at_once| steps(&model, loss, size, count, 1, at_once));
            assert!(wanted == found, "{name}: {count} pieces of {size} rows");
        }
    }
}

#[test]
fn pieces_at_once_have_the_bits_of_one_after_another() {
    let plain = loss::cross_entropy();
    compare::<f32>("relu", |network| network.dense(64).relu().dense(48).relu(), &plain);
    compare::<f64>("relu, f64", |network| network.dense(64).relu().dense(48).relu(), &plain);
    compare::<f32>(
        "tanh, dropout",
        |network| network.dense(33).tanh().dropout(0.3).dense(16).relu().dropout(0.2),
        &plain,
    );
    compare::<f32>("batch norm", |network| network.dense(40).batch_norm().relu(), &plain);
    compare::<f32>("layer norm", |network| network.dense(40).layer_norm().relu(), &plain);
    let weighed = loss::cross_entropy().class_weights([1.0, 2.5, 0.5]);
    compare::<f32>("class weights", |network| network.dense(24).relu(), &weighed);
    compare::<f64>("sums", |network| network.dense(24).relu(), &loss::cross_entropy().sum());
}

#[test]
fn pieces_at_once_have_the_same_bits_with_threads_and_where_products_are_packed() {
    let model: Model<f32> = Mlp::new(FEATURES).dense(300).relu().dense(520).relu().dense(3).build(3).unwrap();
    let loss = loss::cross_entropy();
    for (size, count) in [(16, 4), (64, 2), (100, 4)] {
        let wanted = steps(&model, &loss, size, count, 1, false);
        for threads in [1, 2, 3] {
            assert!(wanted == steps(&model, &loss, size, count, threads, true), "{count} of {size}, {threads} threads");
        }
    }
}

#[test]
fn what_cannot_be_computed_at_once_is_left_to_the_caller() {
    let model: Model<f64> = Mlp::new(FEATURES).dense(8).relu().dense(3).build(3).unwrap();
    let mut compiled = Compiled::new();
    let mut summed = |pieces: &[(Draw, Rows<f64>)]| {
        model
            .differentiate_pieces(&mut compiled, 0, pieces, |model, pass, rows| {
                Ok(model.forward(pass.tape().data(&rows.inputs), pass).square().sum(()))
            })
            .is_some()
    };
    let pieces: Vec<(Draw, Rows<f64>)> = (0..4).map(|k| (Draw::default(), rows(0, 4 * k, 4))).collect();
    assert!(!summed(&pieces[..1]), "one piece");
    assert!(!summed(&pieces[..3]), "no power of two");
    assert!(summed(&pieces));
    // A label that there is none of is the first of two errors, and the caller's to find.
    let wrong = [
        (Draw::default(), rows::<f64>(0, 0, 4)),
        (Draw::default(), Rows { targets: Targets::Labels(vec![9; 4]), ..rows(0, 4, 4) }),
    ];
    let loss = loss::cross_entropy();
    let computed = model.differentiate_pieces(&mut Compiled::new(), 0, &wrong, |model, pass, rows| {
        loss.value(model.forward(pass.tape().data(&rows.inputs), pass), &rows.targets, None)
    });
    assert!(computed.is_none());
}
