//! How gradients, updates and activations move through training.
//!
//! A callback that looks at the model on a probe: a fixed batch, so that what changes is the model and not the data. It computes
//! its own gradients there and touches neither the model nor the run. Cost: one forward and one backward pass over the probe for
//! every snapshot.

#[cfg(feature = "plots")]
mod page;
#[cfg(all(test, feature = "plots"))]
mod tests;

use super::callback::{Callback, EpochEvent, Flow};
use crate::data::Dataset;
use crate::nn::loss::Loss;
use crate::nn::{Model, ParamGrads, Params, Pass, Stage};
use crate::{Element, Error, Result, Tape, Tensor};
use std::sync::{Arc, Mutex, MutexGuard};

/// Watches how gradients, updates and activations move through training. Clones share what was seen: one goes to the trainer,
/// the other is asked afterwards.
///
/// # Examples
/// ```
/// use retrograd::data::synthetic::two_moons;
/// use retrograd::nn::{Mlp, loss};
/// use retrograd::optim::Adam;
/// use retrograd::train::{Learning, Trainer};
/// let data = two_moons::<f64>(40, 0.1, 0)?;
/// let mut model = Mlp::new(2).dense(8).relu().dense(2).build(0)?;
/// let learning = Learning::new(&data, loss::cross_entropy());
/// Trainer::new(Adam::new(0.01)).epochs(3).callback(learning.clone()).fit(&mut model, &data)?;
/// let snapshots = learning.snapshots()?;
/// assert_eq!(snapshots.len(), 3);
/// assert_eq!(snapshots[2].layers.iter().map(|layer| &layer.name[..]).collect::<Vec<_>>(), ["dense1", "relu1", "dense2"]);
/// # Ok::<(), retrograd::Error>(())
/// ```
pub struct Learning<T> {
    seen: Arc<Mutex<Seen<T>>>,
    probe: Dataset<T>,
    loss: Arc<dyn Loss<T>>,
    every: u64,
}

impl<T: Element> Clone for Learning<T> {
    fn clone(&self) -> Self {
        Self { seen: self.seen.clone(), probe: self.probe.clone(), loss: self.loss.clone(), every: self.every }
    }
}

/// What was seen so far.
struct Seen<T> {
    snapshots: Vec<Snapshot>,
    /// For each snapshot what the model says everywhere, where its inputs are points of a plane.
    #[cfg(feature = "plots")]
    boundaries: Vec<Option<crate::plot::Svg>>,
    before: Option<Params<T>>,
    failed: Option<Error>,
}

/// The state of training after an epoch.
///
/// # Examples
/// ```
/// use retrograd::{data::synthetic::two_moons, nn::{Mlp, loss}, optim::Adam, train::{Learning, Trainer}};
/// let data = two_moons::<f64>(40, 0.1, 0)?;
/// let mut model = Mlp::new(2).dense(8).relu().dense(2).build(0)?;
/// let learning = Learning::new(&data, loss::cross_entropy()).every(5);
/// Trainer::new(Adam::new(0.05)).epochs(10).callback(learning.clone()).fit(&mut model, &data)?;
/// let snapshots = learning.snapshots()?;
/// assert_eq!(snapshots.iter().map(|snapshot| snapshot.epoch).collect::<Vec<_>>(), [1, 5, 10]);
/// assert!(snapshots[2].loss < snapshots[0].loss);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Snapshot {
    /// The epoch, from 1.
    pub epoch: u64,
    /// The loss on the probe.
    pub loss: f64,
    /// The layers, in order.
    pub layers: Vec<LayerState>,
}

/// A layer after an epoch.
///
/// # Examples
/// ```
/// use retrograd::{data::synthetic::two_moons, nn::{Mlp, loss}, optim::Adam, train::{Learning, Trainer}};
/// let data = two_moons::<f64>(40, 0.1, 0)?;
/// let mut model = Mlp::new(2).dense(8).relu().dense(2).build(0)?;
/// let learning = Learning::new(&data, loss::cross_entropy());
/// Trainer::new(Adam::new(0.05)).epochs(2).callback(learning.clone()).fit(&mut model, &data)?;
/// let layers = &learning.snapshots()?[1].layers;
/// assert_eq!((&layers[0].name[..], &layers[1].name[..]), ("dense1", "relu1"));
/// assert!(layers[0].gradient.unwrap() > 0.0 && layers[0].update.unwrap() > 0.0);
/// // A relu has nothing to train; some of its units may never answer.
/// assert!(layers[1].gradient.is_none() && layers[1].dead.unwrap() < 1.0);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LayerState {
    /// Its name in the network.
    pub name: String,
    /// The Euclidean norm of the probe's gradient by its trainable parameters; none where it has none.
    pub gradient: Option<f64>,
    /// How far its parameters moved since the snapshot before, relative to their norm then: |w - w'| / |w'|. Around 1e-3 for
    /// one step is usual; a snapshot spans as many steps as its epochs have batches.
    pub update: Option<f64>,
    /// The share of a relu's units that are 0 for every example of the probe.
    pub dead: Option<f64>,
    /// How its outputs are distributed on the probe.
    pub activations: Histogram,
}

/// Counts of numbers between two bounds, in [`Histogram::BINS`] bins of the same width.
///
/// # Examples
/// ```
/// use retrograd::{data::synthetic::two_moons, nn::{Mlp, loss}, optim::Adam, train::{Histogram, Learning, Trainer}};
/// let data = two_moons::<f64>(40, 0.1, 0)?;
/// let mut model = Mlp::new(2).dense(8).relu().dense(2).build(0)?;
/// let learning = Learning::new(&data, loss::cross_entropy());
/// Trainer::new(Adam::new(0.05)).epochs(1).callback(learning.clone()).fit(&mut model, &data)?;
/// let activations = &learning.snapshots()?[0].layers[1].activations;
/// assert_eq!((activations.low, activations.counts.len()), (0.0, Histogram::BINS));
/// assert_eq!(activations.counts.iter().sum::<usize>(), 40 * 8);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Histogram {
    /// The least number.
    pub low: f64,
    /// The greatest.
    pub high: f64,
    /// How many are in each bin. Numbers that are not finite are in none.
    pub counts: Vec<usize>,
}

impl Histogram {
    /// How many bins there are.
    pub const BINS: usize = 24;
}

impl<T: Element> Learning<T> {
    /// Looks at the model on these data after each epoch; the loss is the run's own, or another.
    pub fn new(probe: &Dataset<T>, loss: impl Loss<T> + 'static) -> Self {
        let seen = Seen {
            snapshots: Vec::new(),
            #[cfg(feature = "plots")]
            boundaries: Vec::new(),
            before: None,
            failed: None,
        };
        Self { seen: Arc::new(Mutex::new(seen)), probe: probe.clone(), loss: Arc::new(loss), every: 1 }
    }

    /// Only after the first epoch and then every so many; 0 counts as 1.
    pub fn every(mut self, epochs: u64) -> Self {
        self.every = epochs.max(1);
        self
    }

    /// What was seen.
    ///
    /// # Errors
    /// The probe does not fit the model or the loss.
    pub fn snapshots(&self) -> Result<Vec<Snapshot>> {
        let seen = self.lock();
        seen.failed.clone().map_or_else(|| Ok(seen.snapshots.clone()), Err)
    }

    fn lock(&self) -> MutexGuard<'_, Seen<T>> {
        // What a panic left behind is still a list of whole snapshots.
        self.seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn look(&self, seen: &mut Seen<T>, epoch: u64, model: &Model<T>) -> Result<()> {
        let (loss, grads, outputs) = self.sweep(model)?;
        let mut layers: Vec<LayerState> = Vec::new();
        for Output { name, is_relu, value } in &outputs {
            layers.push(LayerState {
                name: name.clone(),
                gradient: gradient(name, model.params(), &grads),
                update: seen.before.as_ref().and_then(|before| update(name, before, model.params())),
                dead: is_relu.then(|| dead(value)),
                activations: histogram(value),
            });
        }
        #[cfg(feature = "plots")]
        seen.boundaries.push(page::boundary(&format!("After epoch {epoch}"), model, &self.probe)?);
        seen.snapshots.push(Snapshot { epoch, loss, layers });
        seen.before = Some(model.params().clone());
        Ok(())
    }

    /// The loss on the probe, the gradients by the parameters, and what the layers give.
    fn sweep(&self, model: &Model<T>) -> Result<(f64, ParamGrads<T>, Vec<Output<T>>)> {
        let inputs = self.probe.inputs();
        model.check_batch(inputs.shape()).map_err(|error| error.within("learning: the probe"))?;
        model.network().check_input(inputs)?;
        let tape = Tape::of();
        let pass = Pass::eval(&tape, model.params());
        let mut outputs = Vec::new();
        let mut x = tape.data(inputs);
        let network = model.network();
        if network.kind() == "sequential" {
            for Stage { name, layer, .. } in network.children() {
                x = layer.forward(x, &pass);
                outputs.push(Output { name: name.clone(), is_relu: layer.kind() == "relu", value: x.value() });
            }
        } else {
            // What other networks do between their layers is their own business.
            x = network.forward(x, &pass);
            outputs.push(Output { name: network.kind().to_owned(), is_relu: false, value: x.value() });
        }
        pass.check()?;
        let loss = self.loss.value(x, self.probe.targets(), self.probe.weights())?;
        let mut gradients = loss.try_backward()?;
        Ok((loss.item().to_f64(), pass.finish().gradients(&mut gradients), outputs))
    }
}

impl<T: Element> Callback<T> for Learning<T> {
    fn on_epoch(&mut self, event: &EpochEvent<'_, T>) -> Flow {
        let epoch = event.record.epoch;
        let mut seen = self.lock();
        let due = seen.snapshots.is_empty() || epoch.is_multiple_of(self.every);
        if due && seen.failed.is_none() {
            let looked = self.look(&mut seen, epoch, event.model);
            seen.failed = looked.err();
        }
        Flow::Continue
    }
}

/// What a layer gives for the probe.
struct Output<T> {
    name: String,
    is_relu: bool,
    value: Tensor<T>,
}

/// Whether a parameter is a layer's: `dense1.weight` is `dense1`'s.
fn belongs(parameter: &str, layer: &str) -> bool {
    parameter.strip_prefix(layer).is_some_and(|rest| rest.starts_with('.'))
}

fn norm<T: Element>(norm: f64, values: &[T]) -> f64 {
    values.iter().fold(norm, |norm, x| norm.hypot(x.to_f64()))
}

fn gradient<T: Element>(layer: &str, params: &Params<T>, grads: &ParamGrads<T>) -> Option<f64> {
    let ours = params.iter().filter(|(_, param)| belongs(param.name(), layer) && param.is_trainable());
    ours.map(|(key, _)| grads.get(key)).fold(None, |sum, gradient| {
        Some(norm(sum.unwrap_or(0.0), gradient.map_or(&[][..], |gradient| gradient.as_slice())))
    })
}

fn update<T: Element>(layer: &str, before: &Params<T>, now: &Params<T>) -> Option<f64> {
    let (mut moved, mut size, mut any) = (0.0f64, 0.0f64, false);
    for (key, param) in now.iter().filter(|(_, param)| belongs(param.name(), layer) && param.is_trainable()) {
        let Some(old) = before.get(key) else { continue };
        let pairs = param.value().iter().zip(old.value().iter());
        moved = pairs.fold(moved, |moved, (a, b)| moved.hypot(a.to_f64() - b.to_f64()));
        size = norm(size, old.value().as_slice());
        any = true;
    }
    // Parameters that are all 0 have no size to compare with.
    (any && size > 0.0).then(|| moved / size)
}

/// The share of units, which are what an example has, that are 0 for every example.
fn dead<T: Element>(output: &Tensor<T>) -> f64 {
    let units: usize = output.shape()[1..].iter().product();
    let zero = |unit: usize| output.as_slice()[unit..].iter().step_by(units).all(|x| x.to_f64() == 0.0);
    if units == 0 { 0.0 } else { (0..units).filter(|&unit| zero(unit)).count() as f64 / units as f64 }
}

fn histogram<T: Element>(values: &Tensor<T>) -> Histogram {
    let finite = || values.iter().map(|x| x.to_f64()).filter(|x| x.is_finite());
    let (low, high) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    let mut counts = vec![0; Histogram::BINS];
    for x in finite() {
        // Halves, because the difference of the greatest numbers is infinite.
        let share = if high > low { (x / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0) } else { 0.5 };
        counts[((share * Histogram::BINS as f64) as usize).min(Histogram::BINS - 1)] += 1;
    }
    Histogram { low, high, counts }
}
