use super::*;
use crate::data::synthetic::{two_moons, xor};
use crate::nn::{Mlp, loss};
use crate::optim::Sgd;
use crate::train::Trainer;

const BINS: usize = Histogram::BINS;

fn seen(epochs: u64, every: u64) -> (Learning<f64>, Model<f64>, Dataset<f64>) {
    let data = xor::<f64>();
    let mut model = Mlp::new(2).dense(4).relu().dense(2).build(0).unwrap();
    let learning = Learning::new(&data, loss::cross_entropy()).every(every);
    Trainer::new(Sgd::new(0.1)).epochs(epochs).batch(4).callback(learning.clone()).fit(&mut model, &data).unwrap();
    (learning, model, data)
}

#[test]
fn a_full_batch_step_moves_by_rate_times_gradient() {
    let (learning, model, _) = seen(5, 1);
    let snapshots = learning.snapshots().unwrap();
    assert_eq!(snapshots.iter().map(|snapshot| snapshot.epoch).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!(snapshots[0].layers[0].update, None);
    // Plain gradient descent on all data: |w - w'| is 0.1 |g'|, and the ratio is by |w'|.
    let last = &snapshots[4].layers[0];
    let before = snapshots[3].layers[0].gradient.unwrap();
    let weights: Vec<f64> = model
        .params()
        .iter()
        .filter(|(_, p)| p.name().starts_with("dense1"))
        .flat_map(|(_, p)| p.value().to_vec())
        .collect();
    let size = weights.iter().map(|w| w * w).sum::<f64>().sqrt();
    let ratio = last.update.unwrap();
    // |w'| lies within one step of |w|.
    let (least, most) = (0.1 * before / (size + 0.1 * before), 0.1 * before / (size - 0.1 * before));
    assert!(least <= ratio * (1.0 + 1e-12) && ratio <= most * (1.0 + 1e-12), "{least} {ratio} {most}");
    assert!(snapshots[4].loss < snapshots[0].loss);
    assert_eq!(last.activations.counts.iter().sum::<usize>(), 4 * 4);
    assert_eq!((last.dead, snapshots[4].layers[1].dead.is_some()), (None, true));
    assert_eq!(snapshots[4].layers[1].gradient, None);
}

#[test]
fn watching_changes_nothing() {
    let (_, watched, data) = seen(5, 2);
    let mut alone = Mlp::new(2).dense(4).relu().dense(2).build(0).unwrap();
    Trainer::new(Sgd::new(0.1)).epochs(5).batch(4).fit(&mut alone, &data).unwrap();
    for (key, param) in watched.params().iter() {
        assert_eq!(param.value(), &alone.params()[key]);
    }
}

#[test]
fn every_so_many_epochs_and_the_first() {
    let (learning, ..) = seen(7, 3);
    let epochs: Vec<u64> = learning.snapshots().unwrap().iter().map(|snapshot| snapshot.epoch).collect();
    assert_eq!(epochs, [1, 3, 6]);
}

#[test]
fn units_that_are_zero_for_every_example_are_dead() {
    // Of four units the second and the fourth never fire.
    assert_eq!(dead(&Tensor::from([[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0]])), 0.5);
    assert_eq!(dead(&Tensor::<f64>::zeros([3, 0])), 0.0);
}

#[test]
fn histograms_count_every_finite_number_once() {
    let counted = histogram(&Tensor::from([-1.0, -1.0, 0.0, 1.0, f64::NAN, f64::INFINITY]));
    assert_eq!((counted.low, counted.high), (-1.0, 1.0));
    assert_eq!((counted.counts[0], counted.counts[BINS / 2], counted.counts[BINS - 1]), (2, 1, 1));
    assert_eq!(histogram(&Tensor::from([3.0, 3.0])).counts[BINS / 2], 2);
    assert_eq!(histogram(&Tensor::from([f64::MAX, -f64::MAX])).counts.iter().sum::<usize>(), 2);
}

#[test]
fn the_page_has_a_frame_for_each_snapshot_and_asks_the_network_for_nothing() {
    let (learning, ..) = seen(4, 1);
    let page = learning.page("XOR <learned>").unwrap();
    assert_eq!(page.matches("<section class=\"frame\"").count(), 4);
    assert!(page.contains("XOR &lt;learned&gt;") && page.contains("max=\"3\""));
    assert_eq!(page.matches("data:image/png").count(), 4);
    let links = page.replace("http://www.w3.org/", "");
    assert!(!links.contains("http:") && !links.contains("https:") && !links.contains(" src="));
    assert_eq!(page, seen(4, 1).0.page("XOR <learned>").unwrap());
    // Gradient, updates, dead units.
    assert_eq!(learning.curves().unwrap().len(), 3);
}

#[test]
fn a_probe_that_does_not_fit_is_an_error_when_asked() {
    let data = two_moons::<f64>(20, 0.1, 0).unwrap();
    let mut model = Mlp::new(2).dense(2).build(0).unwrap();
    let wrong = Dataset::labelled(Tensor::from([[1.0, 2.0, 3.0]]), vec![0]).unwrap();
    let learning = Learning::new(&wrong, loss::cross_entropy());
    Trainer::new(Sgd::new(0.1)).epochs(2).batch(20).callback(learning.clone()).fit(&mut model, &data).unwrap();
    let error = learning.snapshots().unwrap_err();
    assert_eq!(error.to_string(), "learning: the probe: model: built for batches of shape [n, 2], got [1, 3]");
    let unasked = Learning::new(&data, loss::cross_entropy());
    assert!(unasked.page("x").unwrap_err().to_string().contains("no epoch was seen"));
}
