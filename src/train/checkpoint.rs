//! Checkpoints: the whole state of a run in one file, so that it goes on as if it had never stopped.
//!
//! The file holds parameters, the optimiser's state, the best weights so far, and as JSON the position in the epoch, the
//! history and what the run was set up with. Random numbers need no state: they are drawn from seed, epoch and batch. The
//! same build on the same SIMD level, resumed with the same execution, ends with the same bits as a run that was never stopped.

use super::history::{History, Stop};
use super::run::RunState;
use super::setup::{self, Outcome};
use super::trainer::Execution;
use crate::nn::{ParamKey, Params};
use crate::num::instruction_set;
use crate::optim::{Optimizer, State};
use crate::store::{self, TensorFile};
use crate::{Element, Error, Result, Tensor};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The version of checkpoints that this writes; it reads all up to it.
const VERSION: u32 = 2;

/// Where and how often a run is saved.
///
/// # Examples
/// ```
/// use retrograd::{data::synthetic, nn::Mlp, optim::Adam, train::{Checkpoint, Trainer}};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("run.ckpt");
/// let data = synthetic::two_moons::<f32>(64, 0.1, 0)?;
/// let fit = |epochs| {
///     let mut model = Mlp::new(2).dense(2).build(0)?;
///     let checkpoint = Checkpoint::at(&path).resume();
///     Trainer::new(Adam::new(0.1)).epochs(epochs).checkpoint(checkpoint).fit(&mut model, &data)
/// };
/// let first = fit(2)?;
/// // The second run finds the file, and does the other two.
/// let both = fit(4)?;
/// assert_eq!((both.epochs.len(), &both.epochs[..2]), (4, &first.epochs[..]));
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    pub(super) path: PathBuf,
    pub(super) every_updates: Option<u64>,
    pub(super) resume: bool,
}

impl Checkpoint {
    /// Saves to this file after each epoch, and when training ends or is interrupted. Each time the file is replaced as a
    /// whole: whatever kills the process leaves this checkpoint or the one before. An older checkpoint there is replaced; any other
    /// file, such as a saved model, is not, and the run is refused.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), every_updates: None, resume: false }
    }
    /// Saves after this many updates as well; an update is a batch, or as many as gradients are accumulated over.
    pub fn every_updates(mut self, updates: u64) -> Self {
        self.every_updates = Some(updates);
        self
    }
    /// Goes on from the file if it is there, and starts anew if not.
    ///
    /// The file says how its run was set up, down to the checksums of its data, and each setting of this run is compared with it:
    ///
    /// | what differs | what happens |
    /// |---|---|
    /// | seed, batch size, what is done with a short last batch, shuffling, accumulated batches, precision | refused: it would be another run |
    /// | rows, their inputs, targets or weights; the number of classes | refused |
    /// | layers and their settings: units, activations, dropout, eps, momentum | refused |
    /// | the loss and its settings: weights of classes, smoothing, reduction | refused |
    /// | the optimiser's rule; settings by which it keeps other state (momentum where there was none) | refused |
    /// | metrics, what is monitored, the validation data | refused: the history would not be of one kind |
    /// | early stopping, where there was none | refused: the best weights were not kept |
    /// | patience, tolerances | applies; a run that had ended by the old ones goes on |
    /// | the optimiser's settings, its groups, what decays, its direction | applies, with a warning in [`History`] |
    /// | schedule, clipping, penalties, what is frozen, rates of parameters | applies, with a warning |
    /// | version, instruction set, target, optimisation, [`Execution`] | a warning: last bits may differ |
    /// | epochs, threads, callbacks, how often it is saved, how weights start | nothing: the bits of a step do not depend on it |
    ///
    /// Of code of your own (losses by [`func`](crate::nn::loss::func), layers without [`Layer::config`](crate::nn::Layer::config))
    /// names and descriptions are compared, and of a schedule that is a closure the last rate that it gave. A refusal changes
    /// neither the model nor the file. Files of the first version say less; [`History`] has a warning with what was not compared.
    ///
    /// While a run saves to a file, another that would is refused.
    pub fn resume(mut self) -> Self {
        self.resume = true;
        self
    }
}

/// What should be the same for the same bits: a difference is a warning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Build {
    version: String,
    simd: String,
    optimised: bool,
    target: String,
    execution: String,
}

impl Build {
    fn here(execution: Execution) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            simd: instruction_set().to_owned(),
            optimised: !cfg!(debug_assertions),
            target: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
            execution: execution.name().to_owned(),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Content {
    /// [`setup::describe`]
    setup: Json,
    build: Build,
    /// Of version 1; since then it is a part of the setup.
    #[serde(default, skip_serializing)]
    optimizer_settings: Json,
    rate: f64,
    epoch: u64,
    batch: u64,
    step: u64,
    loss_sum: f64,
    examples: u64,
    #[serde(with = "crate::train::history::numbers::one")]
    gradient_norm: f64,
    #[serde(with = "crate::train::history::numbers")]
    monitored: Vec<f64>,
    has_best: bool,
    /// By parameter: how many updates it had, and the rule's numbers.
    optimizer: BTreeMap<String, (u64, Vec<f64>)>,
    history: History,
}

/// What says how many batches and updates an epoch has; in every setup.
#[derive(Deserialize)]
struct Counts {
    rows: u64,
    batch_size: u64,
    accumulate: u64,
    #[serde(default)]
    drop_last: bool,
}

impl Content {
    /// What contradicts itself: counters that no run can have together would end in one that never was, or that never ends.
    fn check(&self) -> Result<(), String> {
        let Self { setup, history, epoch, batch, step, .. } = self;
        let claim = |holds: bool, why: String| if holds { Ok(()) } else { Err(why) };
        for (what, found) in
            [("epochs in the history", history.epochs.len()), ("monitored values", self.monitored.len())]
        {
            claim(found as u64 == *epoch, format!("{epoch} epochs are done, and there are {found} {what}"))?;
        }
        for (i, record) in history.epochs.iter().enumerate() {
            claim(
                record.epoch == i as u64 + 1,
                format!("record {} of the history is of epoch {}", i + 1, record.epoch),
            )?;
            let (found, wanted) = (record.metrics.len(), history.metrics.len());
            claim(found == wanted, format!("epoch {} has {found} values of {wanted} metrics", i + 1))?;
        }
        if let Some(Stop::EarlyStopping { best_epoch }) = history.stop {
            claim((1..=*epoch).contains(&best_epoch), format!("the best epoch of {epoch} is {best_epoch}"))?;
        }
        let counts = Counts::deserialize(setup).map_err(|error| error.to_string())?;
        let [rows, size, accumulate] = [counts.rows, counts.batch_size, counts.accumulate].map(|n| n.max(1));
        let batches = if counts.drop_last { rows / size.min(rows) } else { rows.div_ceil(size) };
        claim(*batch <= batches, format!("{batch} batches are done in an epoch of {batches}"))?;
        let examples = batch.saturating_mul(size).min(rows);
        claim(self.examples == examples, format!("{batch} batches of {size} with {} examples", self.examples))?;
        // A checkpoint is written between updates, so that batches which waited for more were followed by no other.
        let updates = epoch.checked_mul(batches.div_ceil(accumulate)).map(|n| n + batch.div_ceil(accumulate));
        claim(updates == Some(*step), format!("{step} updates after {epoch} epochs and {batch} batches"))?;
        match self.optimizer.iter().find(|(_, (updates, _))| updates > step) {
            Some((name, (updates, _))) => Err(format!("{name} had {updates} of {step} updates")),
            None => Ok(()),
        }
    }
}

/// Writes the whole state.
pub(super) fn save<T: Element>(
    path: &Path,
    setup: &Json,
    execution: Execution,
    params: &Params<T>,
    optimizer: &Optimizer<T>,
    state: &RunState<T>,
) -> Result<()> {
    let mut tensors: Vec<(String, &Tensor<T>)> = Vec::new();
    let mut steps = BTreeMap::new();
    for (key, param) in params.iter() {
        tensors.push((format!("params/{}", param.name()), param.value()));
        let Some(kept) = optimizer.state(key) else { continue };
        for (slot, tensor) in optimizer.rule().slots().iter().zip(&kept.slots) {
            tensors.push((format!("optimizer/{}/{slot}", param.name()), tensor));
        }
        steps.insert(param.name().to_owned(), (kept.step, kept.numbers.clone()));
    }
    for (key, value) in state.best.iter().flatten() {
        let name = params.get(*key).map_or("", |param| param.name());
        tensors.push((format!("best/{name}"), value));
    }
    let content = Content {
        setup: setup.clone(),
        build: Build::here(execution),
        optimizer_settings: Json::Null,
        rate: optimizer.learning_rate(),
        epoch: state.epoch,
        batch: state.batch,
        step: state.step,
        loss_sum: state.loss_sum,
        examples: state.examples,
        gradient_norm: state.gradient_norm,
        monitored: state.monitored.clone(),
        has_best: state.best.is_some(),
        optimizer: steps,
        history: state.history.clone(),
    };
    let content = serde_json::to_value(content).expect("plain data has a JSON form");
    store::write_kind(path, "checkpoint", VERSION, tensors, content)
}

/// An error for a file that a checkpoint would replace and that is none: a model, data.
pub(super) fn refuse_other_files(path: &Path) -> Result<()> {
    match std::fs::metadata(path) {
        Ok(found) if found.len() > 0 => {}
        _ => return Ok(()),
    }
    store::read(path).and_then(|file| file.content("checkpoint", u32::MAX).map(drop)).map_err(|error| {
        Error::argument(format!(
            "checkpoint: it would replace a file that is no checkpoint; give it another name, or remove the file: {error}"
        ))
    })
}

/// A state that was found to fit, and is not put back yet.
pub(super) struct Loaded<T> {
    values: Vec<(ParamKey, Tensor<T>)>,
    states: Vec<(ParamKey, State<T>)>,
    /// The learning rate of the last update.
    pub rate: f64,
    pub state: RunState<T>,
}

/// Reads the whole state. Nothing is changed; warnings go into the state's history.
pub(super) fn load<T: Element>(
    file: &TensorFile,
    here: &Json,
    execution: Execution,
    params: &Params<T>,
    optimizer: &Optimizer<T>,
) -> Result<Loaded<T>> {
    let mut content = Content::deserialize(file.content("checkpoint", VERSION)?)
        .map_err(|error| Error::io(format!("cannot read {}: its description is damaged: {error}", file.path())))?;
    if let (Json::Object(setup), settings @ Json::Object(_)) = (&mut content.setup, &mut content.optimizer_settings) {
        setup.insert("optimizer_settings".to_owned(), settings.take());
    }
    let Outcome { refused, warnings } = setup::compare(here, &content.setup);
    // So many differences are named.
    const MOST: usize = 3;
    if !refused.is_empty() {
        return Err(Error::argument(format!(
            "resume: {} is of a run with {}; set it up alike, or start anew with another file",
            file.path(),
            refused[..refused.len().min(MOST)].join("; with ")
        )));
    }
    content.check().map_err(|why| {
        Error::io(format!("cannot read {}: its counters contradict each other: {why}; take another copy", file.path()))
    })?;
    if json!(content.history.metrics) != here["metrics"] {
        return Err(Error::argument(format!(
            "resume: {} has the metrics {:?}, this run {}; ask for the same ones",
            file.path(),
            content.history.metrics,
            here["metrics"]
        )));
    }
    let values = tensors_of(file, "params", params)?;
    let best = content.has_best.then(|| tensors_of(file, "best", params)).transpose()?;
    let mut states = Vec::new();
    for (key, param) in params.iter() {
        let Some((step, numbers)) = content.optimizer.get(param.name()) else { continue };
        let names = optimizer.rule().slots();
        let place = |slot: &str| format!("optimizer/{}/{slot}", param.name());
        if let Some(missing) = names.iter().find(|slot| file.shape(&place(slot)).is_none()) {
            return Err(Error::argument(format!(
                "resume: {} has no {missing} of {}, which this run's optimiser keeps ({}) and the saved one did not; set the optimiser \
                 up as it was, or start anew with another file",
                file.path(),
                param.name(),
                names.join(", ")
            )));
        }
        let slots = names.into_iter().map(|slot| file.tensor(&place(slot)));
        let state = State { step: *step, numbers: numbers.clone(), slots: slots.collect::<Result<_>>()? };
        optimizer.check_state(params, key, &state)?;
        states.push((key, state));
    }
    let mut history = content.history;
    // A run that is resumed again and again says each thing once.
    let mut warn = |warning: String| {
        if !history.warnings.contains(&warning) {
            history.warnings.push(warning);
        }
    };
    file.warnings().iter().cloned().for_each(&mut warn);
    warnings.into_iter().for_each(&mut warn);
    differences(&content.build, &Build::here(execution)).into_iter().for_each(&mut warn);
    for (key, value) in &values {
        let name = params.get(*key).map_or("", |param| param.name());
        if let Some(i) = value.iter().position(|x| !x.to_f64().is_finite()) {
            warn(format!("resumed with {} at element {i} of {name}", value.as_slice()[i]));
        }
    }
    let Content { rate, epoch, batch, step, loss_sum, examples, gradient_norm, monitored, .. } = content;
    let state = RunState { epoch, batch, step, loss_sum, examples, gradient_norm, monitored, best, history };
    Ok(Loaded { values, states, rate, state })
}

impl<T: Element> Loaded<T> {
    /// Puts the state back.
    pub fn put_back(self, params: &mut Params<T>, optimizer: &mut Optimizer<T>) -> Result<RunState<T>> {
        for (key, value) in self.values {
            params.set(key, value)?;
        }
        for (key, state) in self.states {
            optimizer.set_state(params, key, state)?;
        }
        Ok(self.state)
    }
}

/// A tensor for each parameter, of its shape.
fn tensors_of<T: Element>(file: &TensorFile, part: &str, params: &Params<T>) -> Result<Vec<(ParamKey, Tensor<T>)>> {
    let prefix = format!("{part}/");
    for name in file.names().into_iter().filter_map(|name| name.strip_prefix(&prefix)) {
        if params.find(name).is_none() {
            return Err(Error::argument(format!("{}: holds {name:?}, which this model does not have", file.path())));
        }
    }
    let read = |(key, param): (ParamKey, &crate::nn::Param<T>)| {
        let tensor = file.tensor(&format!("{prefix}{}", param.name()))?;
        if tensor.shape() != param.value().shape() {
            return Err(Error::shape(format!(
                "{}: {} has shape {}, the model's {}",
                file.path(),
                param.name(),
                tensor.shape(),
                param.value().shape()
            )));
        }
        Ok((key, tensor))
    };
    params.iter().map(read).collect()
}

/// What differs from where the checkpoint was written.
fn differences(there: &Build, here: &Build) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut differ = |what: &str, there: &str, here: &str| {
        if there != here {
            warnings.push(format!(
                "resumed with {what} {here}, saved with {there}: the weights may differ in their last bits from those of an undisturbed run"
            ));
        }
    };
    differ("version", &there.version, &here.version);
    differ("SIMD level", &there.simd, &here.simd);
    differ("target", &there.target, &here.target);
    differ("execution", &there.execution, &here.execution);
    differ("optimisation", &there.optimised.to_string(), &here.optimised.to_string());
    warnings
}
