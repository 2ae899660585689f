//! A network with its parameters.

use super::config::{self, Reader, Restore};
use super::layer::Start;
use super::pass::{Draw, Pass, Passed};
use super::{Head, Init, Layer, ParamGrads, ParamKey, ParamScope, Params, Stage, Summary};
use crate::data::{Preprocessing, listed};
use crate::program::{Computed, Summed};
use crate::{Compiled, Element, Error, IntoShape, Result, Shape, Tape, Tensor, Var};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value as Json, json};
use smallvec::SmallVec;
use std::collections::BTreeMap;

/// A network with its parameters.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, nn::Mlp};
/// let mut model = Mlp::new(2).dense(3).tanh().dense(1).build::<f64>(0)?;
/// model.set_parameter("dense2.bias", [0.5])?;
/// assert_eq!(model.predict_one(&[0.0, 0.0])?, [0.5]);
/// assert_eq!(model.predict(&Tensor::from([[0.0, 0.0], [1.0, -1.0]]))?.shape().dims(), [2, 1]);
/// println!("{}", model.summary());
/// # Ok::<(), retrograd::Error>(())
/// ```
pub struct Model<T> {
    params: Params<T>,
    network: Box<dyn Layer<T>>,
    input: Shape,
    output: Shape,
    head: Option<Head>,
    preprocessing: Option<Preprocessing>,
    file_warnings: Vec<String>,
}

/// What one training step computed.
///
/// # Examples
/// ```
/// use retrograd::{Tape, nn::{Draw, Mlp}, optim::{Optimizer, Sgd}};
/// let mut model = Mlp::new(1).dense(1).build::<f64>(0)?;
/// let (mut tape, mut optimizer) = (Tape::new(), Optimizer::from(Sgd::new(0.1)));
/// let mut losses = Vec::new();
/// for epoch in 0..3 {
///     let step = model.step(&mut tape, Draw { epoch, ..Draw::default() }, |model, pass| {
///         let (x, y) = (pass.tape().data([[1.0], [2.0]]), pass.tape().data([[3.0], [5.0]]));
///         Ok(model.forward(x, pass).mean_squared_error(y))
///     })?;
///     optimizer.step(model.params_mut(), &step.grads);
///     losses.push(step.loss);
/// }
/// assert!(losses[2] < losses[0]);
/// # Ok::<(), retrograd::Error>(())
/// ```
pub struct Step<T> {
    /// The loss before the update.
    pub loss: f64,
    /// The gradients of the parameters.
    pub grads: ParamGrads<T>,
}

impl<T: Element> Model<T> {
    /// Builds a network for examples of this shape (without the batch), its parameters drawn by the seed.
    ///
    /// # Errors
    /// Layers that do not fit the input or each other.
    pub fn new(network: impl Layer<T> + 'static, input: impl IntoShape, seed: u64) -> Result<Self> {
        Self::boxed(Box::new(network), input.into_shape()?, seed)
    }

    /// As [`Model::new`], from a layer in a box.
    ///
    /// # Errors
    /// As [`Model::new`].
    #[inline(never)]
    pub fn boxed(network: Box<dyn Layer<T>>, input: Shape, seed: u64) -> Result<Self> {
        Self::started(network, input, &mut drawn(seed))
    }

    /// The model whose parameters start so.
    fn started(mut network: Box<dyn Layer<T>>, input: Shape, start: &mut Start<'_, T>) -> Result<Self> {
        let mut params = Params::new();
        let output = network.build(&input, &mut ParamScope::new(&mut params, start))?;
        Ok(Self { params, network, input, output, head: None, preprocessing: None, file_warnings: Vec::new() })
    }

    /// The parameters.
    pub fn params(&self) -> &Params<T> {
        &self.params
    }
    /// The parameters, for writing.
    pub fn params_mut(&mut self) -> &mut Params<T> {
        &mut self.params
    }
    /// The network.
    pub fn network(&self) -> &dyn Layer<T> {
        &*self.network
    }
    /// A part of the network by its name, as in the names of parameters: `dense1`, or `residual1.dense2` within another.
    ///
    /// Its [`Layer::forward`] with a pass of this model computes that part alone, with the model's parameters.
    ///
    /// # Errors
    /// No layer has this name; the message lists those there are.
    ///
    /// # Examples
    /// ```
    /// use retrograd::nn::{Dense, Model, Pass, Sequential};
    /// use retrograd::{Tape, Tensor};
    /// let encoder = Sequential::new().with(Dense::new(3)).with(Dense::new(1));
    /// let network = Sequential::new().with_named("encoder", encoder).with_named("decoder", Dense::new(3));
    /// let model = Model::<f64>::new(network, 3, 0)?;
    /// let tape = Tape::new();
    /// let pass = Pass::eval(&tape, model.params());
    /// let code = model.layer("encoder")?.forward(tape.data([[1.0, 2.0, 3.0]]), &pass);
    /// assert_eq!(code.shape().dims(), [1, 1]);
    /// let whole = model.layer("decoder")?.forward(code, &pass).value();
    /// assert_eq!(whole, model.predict(&Tensor::from([[1.0, 2.0, 3.0]]))?);
    /// assert_eq!(model.layer("encoder.dense2")?.kind(), "dense");
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn layer(&self, name: &str) -> Result<&dyn Layer<T>> {
        let (mut found, mut rest) = (&*self.network, name);
        while !rest.is_empty() {
            let inside = |stage: &&Stage<T>| {
                rest.strip_prefix(&stage.name[..]).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            let Some(stage) = found.children().iter().filter(inside).max_by_key(|stage| stage.name.len()) else {
                let known: Vec<&str> = found.children().iter().map(|stage| &stage.name[..]).collect();
                let place = name[..name.len() - rest.len()].trim_end_matches('.');
                let place = if place.is_empty() { "the model" } else { place };
                return Err(Error::argument(format!("model: no layer {rest:?} in {place}; it has {}", listed(&known))));
            };
            rest = rest[stage.name.len()..].trim_start_matches('.');
            found = &*stage.layer;
        }
        Ok(found)
    }
    /// The shape of one input.
    pub fn input_shape(&self) -> &Shape {
        &self.input
    }
    /// The shape of one output.
    pub fn output_shape(&self) -> &Shape {
        &self.output
    }

    /// What the outputs mean, once the model is trained.
    pub fn head(&self) -> Option<Head> {
        self.head
    }
    /// Says what the outputs mean.
    pub fn set_head(&mut self, head: Option<Head>) {
        self.head = head;
    }
    /// How raw rows become inputs, and outputs answers, as the training data said.
    pub fn preprocessing(&self) -> Option<&Preprocessing> {
        self.preprocessing.as_ref()
    }
    /// Says how raw rows become inputs.
    pub fn set_preprocessing(&mut self, preprocessing: Option<Preprocessing>) {
        self.preprocessing = preprocessing;
    }

    /// What was strange about the file that the weights were read from last: no checksum of the whole, as of old versions;
    /// infinite weights. Empty for a model that was not read. [`Model::summary`] shows them as well.
    pub fn file_warnings(&self) -> &[String] {
        &self.file_warnings
    }
    pub(super) fn set_file_warnings(&mut self, warnings: Vec<String>) {
        self.file_warnings = warnings;
    }

    /// The output for a batch, on a tape.
    ///
    /// # Panics
    /// Examples of another shape than the model was built for, or that a layer cannot take; in [`Model::step`] that is the
    /// step's error instead.
    #[inline(never)]
    #[track_caller]
    pub fn forward<'t>(&self, x: Var<'t, T>, pass: &Pass<'t, T>) -> Var<'t, T> {
        let batch = x.shape();
        if let Err(error) = self.check_batch(&batch) {
            let n = batch.first().copied().unwrap_or(1);
            return pass.fail(error, batched(n, &self.output));
        }
        self.network.forward(x, pass)
    }

    /// The outputs for a batch [n, ...], without a tape.
    ///
    /// # Errors
    /// Examples of another shape than the model was built for, or values that a layer cannot take.
    #[inline(never)]
    pub fn predict(&self, x: &Tensor<T>) -> Result<Tensor<T>> {
        self.check_batch(x.shape())?;
        self.network.try_predict(x, &self.params)
    }

    /// An error unless the shape is that of a batch of this model's inputs.
    #[inline(never)]
    pub(crate) fn check_batch(&self, batch: &Shape) -> Result<()> {
        if batch.rank() == self.input.rank() + 1 && batch[1..] == self.input[..] {
            return Ok(());
        }
        let mut wanted: Vec<String> = vec!["n".to_owned()];
        wanted.extend(self.input.iter().map(usize::to_string));
        Err(Error::shape(format!("model: built for batches of shape [{}], got {batch}", wanted.join(", "))))
    }

    /// The output for one example, from its numbers in order, without a tape.
    ///
    /// # Errors
    /// Another number of them than the model was built for; values that a layer cannot take.
    #[inline(never)]
    pub fn predict_one(&self, example: &[T]) -> Result<Vec<T>> {
        if example.len() != self.input.numel() {
            return Err(Error::shape(format!(
                "model: built for examples of shape {}, {} numbers, got {}",
                self.input,
                self.input.numel(),
                example.len()
            )));
        }
        let x = Tensor::new(batched(1, &self.input), example.to_vec())?;
        Ok(self.predict(&x)?.into_vec())
    }

    /// The parameter of a name, such as `dense1.weight`.
    ///
    /// # Errors
    /// No parameter has this name; the message lists those there are.
    pub fn parameter(&self, name: &str) -> Result<&Tensor<T>> {
        Ok(&self.params[self.key(name)?])
    }
    /// Replaces the value of a parameter.
    ///
    /// # Errors
    /// No parameter has this name; it has another shape.
    pub fn set_parameter(&mut self, name: &str, value: impl Into<Tensor<T>>) -> Result<()> {
        let key = self.key(name)?;
        self.params.set(key, value.into())
    }
    fn key(&self, name: &str) -> Result<ParamKey> {
        self.params.find(name).ok_or_else(|| self.params.no_such(name))
    }
    /// As [`Params::freeze`].
    ///
    /// # Errors
    /// No parameter has such a name.
    pub fn freeze(&mut self, pattern: &str) -> Result<()> {
        self.params.freeze(pattern)
    }
    /// As [`Params::unfreeze`].
    ///
    /// # Errors
    /// No parameter has such a name.
    pub fn unfreeze(&mut self, pattern: &str) -> Result<()> {
        self.params.unfreeze(pattern)
    }
    /// As [`Params::set_rate`].
    ///
    /// # Errors
    /// No parameter has such a name; the factor is negative or not finite.
    pub fn set_rate(&mut self, pattern: &str, factor: f64) -> Result<()> {
        self.params.set_rate(pattern, factor)
    }

    /// The layers with their shapes and parameters, to print or to report.
    #[inline(never)]
    pub fn summary(&self) -> Summary {
        Summary::of(self)
    }

    /// What is strange about a step's gradients: trainable parameters that none of them reaches.
    #[inline(never)]
    pub fn warnings(&self, grads: &ParamGrads<T>) -> Vec<String> {
        let lost = grads.unreached(&self.params).into_iter();
        let warning = |name| format!("{name}: no gradient reaches it; use it in the loss, freeze it, or leave it out");
        lost.map(warning).collect()
    }

    /// The architecture as data: input, layers, what is frozen, and learning rates. Without the parameters' values.
    ///
    /// # Errors
    /// A layer of your own, named by its place, that does not implement [`Layer::config`].
    #[inline(never)]
    pub fn config(&self) -> Result<Json> {
        let frozen = self.params.iter().filter(|(_, param)| param.is_frozen());
        let frozen: Vec<&str> = frozen.map(|(_, param)| param.name()).collect();
        let slowed = self.params.iter().filter(|(_, param)| param.rate() != 1.0);
        let rates: BTreeMap<&str, f64> = slowed.map(|(_, param)| (param.name(), param.rate())).collect();
        let network = config::describe(&*self.network)?;
        Ok(json!({ "input": self.input.dims(), "network": network, "frozen": frozen, "rates": rates }))
    }

    /// The model that [`Model::config`] describes, with parameters drawn anew by the seed.
    ///
    /// # Errors
    /// A damaged description; a layer that is not built in.
    ///
    /// # Examples
    /// ```
    /// use retrograd::nn::{Mlp, Model};
    /// let model = Mlp::new(4).dense(8).leaky_relu(0.1).batch_norm().dense(3).build::<f32>(7)?;
    /// let again = Model::<f32>::from_config(&model.config()?, 7)?;
    /// assert_eq!(again.config()?, model.config()?);
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn from_config(config: &Json, seed: u64) -> Result<Self> {
        Self::from_config_with(config, seed, &|_, _| None)
    }

    /// As [`Model::from_config`], with a closure that makes layers of your own from their kind and configuration.
    ///
    /// # Errors
    /// As [`Model::from_config`].
    #[inline(never)]
    pub fn from_config_with(config: &Json, seed: u64, restore: &Restore<'_, T>) -> Result<Self> {
        Self::from_config_started(config, restore, &mut drawn(seed))
    }

    pub(super) fn from_config_started(
        config: &Json,
        restore: &Restore<'_, T>,
        start: &mut Start<'_, T>,
    ) -> Result<Self> {
        let part = |name: &str| config.get(name).unwrap_or(&Json::Null);
        let input: Vec<usize> = config::read("input", part("input"))?;
        let frozen: Vec<String> = config::read("frozen", part("frozen"))?;
        let rates: BTreeMap<String, f64> = config::read("rates", part("rates"))?;
        let input = Shape::of("model: the input", &input)?;
        let network = Reader::new(restore).layer(part("network"))?;
        let mut model = Self::started(network, input, start)?;
        // Whole names: with patterns the time would grow with their number times that of the parameters.
        frozen.iter().chain(rates.keys()).try_for_each(|name| model.key(name).map(drop))?;
        frozen.iter().try_for_each(|name| model.freeze(name))?;
        rates.iter().try_for_each(|(name, &rate)| model.set_rate(name, rate))?;
        Ok(model)
    }

    /// One training step up to the gradients: records what the closure builds, sweeps back, clears the tape, and stores what
    /// batch statistics observed.
    ///
    /// # Errors
    /// Those of the closure; the tape is cleared then as well.
    pub fn step(
        &mut self,
        tape: &mut Tape<T>,
        draw: Draw,
        build: impl for<'t> FnOnce(&Self, &Pass<'t, T>) -> Result<Var<'t, T>>,
    ) -> Result<Step<T>> {
        let swept = {
            let pass = Pass::train(tape, &self.params, draw).forgiving();
            let loss = build(self, &pass);
            // A layer's complaint comes first: what followed was computed from zeros in place of its output.
            let loss = pass.check().and(loss);
            loss.and_then(|loss| {
                let gradients = loss.try_backward()?;
                Ok((loss.item().to_f64(), gradients, pass.finish()))
            })
        };
        tape.clear();
        let (loss, mut gradients, passed) = swept?;
        let grads = passed.gradients(&mut gradients);
        tape.recycle(gradients);
        passed.store(&mut self.params)?;
        Ok(Step { loss, grads })
    }

    /// As [`Model::step`], by a program that is compiled the first time and whenever the closure builds something else. Steps
    /// of different shapes are told apart by the key, such as the number of examples in the batch.
    ///
    /// The loss, the gradients and the statistics are those of [`Model::step`] to rounding.
    ///
    /// # Errors
    /// Those of the closure.
    ///
    /// # Examples
    /// ```
    /// use retrograd::nn::{Draw, Mlp};
    /// use retrograd::{Compiled, Tensor};
    /// let mut model = Mlp::new(2).dense(3).tanh().dense(1).build::<f64>(0)?;
    /// let mut compiled = Compiled::new();
    /// let step = model.step_compiled(&mut compiled, 4, Draw::default(), |model, pass| {
    ///     let x = pass.tape().data([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]);
    ///     Ok(model.forward(x, pass).mean_squared_error(pass.tape().data([[0.0], [1.0], [1.0], [0.0]])))
    /// })?;
    /// assert!(step.loss > 0.0);
    /// assert_eq!(step.grads.iter().count(), 4);
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn step_compiled(
        &mut self,
        compiled: &mut Compiled<T>,
        key: u64,
        draw: Draw,
        build: impl for<'t> Fn(&Self, &Pass<'t, T>) -> Result<Var<'t, T>>,
    ) -> Result<Step<T>> {
        let (step, passed) = self.differentiate(compiled, key, draw, build)?;
        passed.store(&mut self.params)?;
        Ok(step)
    }

    /// As [`Model::step_compiled`], with the model as it is: what statistics observed comes back beside, to be [stored](Passed::store), or
    /// put together with that of other pieces of a batch. [`Passed::gradients`] has nothing to give any more.
    ///
    /// # Errors
    /// Those of the closure.
    ///
    /// # Examples
    /// The gradient of a batch from that of its halves:
    /// ```
    /// use retrograd::nn::{Draw, Mlp};
    /// use retrograd::{Compiled, Tensor};
    /// let model = Mlp::new(1).dense(1).build::<f64>(0)?;
    /// let key = model.params().find("dense1.weight").unwrap();
    /// let mut compiled = Compiled::new();
    /// let mut slope = |rows: &[f64]| {
    ///     let (step, _) = model.differentiate(&mut compiled, rows.len() as u64, Draw::default(), |model, pass| {
    ///         let x = Tensor::new([rows.len(), 1], rows.to_vec())?;
    ///         Ok(model.forward(pass.tape().data(x), pass).square().mean(()))
    ///     })?;
    ///     Ok::<_, retrograd::Error>(step.grads.get(key).unwrap().item())
    /// };
    /// let halves = (slope(&[1.0, 2.0])? + slope(&[3.0, 4.0])?) / 2.0;
    /// assert!((slope(&[1.0, 2.0, 3.0, 4.0])? - halves).abs() < 1e-12);
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn differentiate(
        &self,
        compiled: &mut Compiled<T>,
        key: u64,
        draw: Draw,
        build: impl for<'t> Fn(&Self, &Pass<'t, T>) -> Result<Var<'t, T>>,
    ) -> Result<(Step<T>, Passed<T>)> {
        let computed = compiled.step_with(key, self, |tape, model| {
            let pass = Pass::train(tape, &model.params, draw).forgiving();
            let loss = build(model, &pass);
            let loss = pass.check().and(loss)?;
            let (passed, observed) = pass.finish_unread();
            Ok((loss, observed, passed))
        })?;
        let Computed { loss, values, rest: mut passed, mut gradients } = computed;
        let grads = passed.gradients(&mut gradients);
        compiled.recycle(gradients);
        passed.read(values);
        Ok((Step { loss: loss.to_f64(), grads }, passed))
    }

    /// As [`Model::differentiate`] of several pieces of a batch, each with its [`Draw`], and the gradients added two by two, in the order of
    /// a binary tree; all at once, which takes less time. The bits are the same. With the losses, what else remains of each step.
    ///
    /// Nothing where the pieces cannot be computed at once ([`Compiled::sum_with`]), or one of them fails: then they are to be computed one
    /// after the other.
    ///
    /// # Examples
    /// ```
    /// use retrograd::nn::{Draw, Mlp};
    /// use retrograd::{Compiled, Tensor};
    /// let model = Mlp::new(1).dense(1).build::<f64>(0)?;
    /// let key = model.params().find("dense1.weight").unwrap();
    /// let mut compiled = Compiled::new();
    /// let (rows, whole) = ([Tensor::from([[1.0], [2.0]]), Tensor::from([[3.0], [4.0]])], Tensor::from([[1.0], [2.0], [3.0], [4.0]]));
    /// let pieces = [(Draw::default(), &rows[0]), (Draw { row: 2, ..Draw::default() }, &rows[1])];
    /// let (_, sum) = model
    ///     .differentiate_pieces(&mut compiled, 0, &pieces, |model, pass, x| {
    ///         Ok(model.forward(pass.tape().data(*x), pass).square().sum(()))
    ///     })
    ///     .expect("pieces of one size");
    /// let (step, _) = model.differentiate(&mut compiled, 0, Draw::default(), |model, pass| {
    ///     Ok(model.forward(pass.tape().data(&whole), pass).square().sum(()))
    /// })?;
    /// assert!((sum.get(key).unwrap().item() - step.grads.get(key).unwrap().item()).abs() < 1e-12);
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    #[allow(clippy::type_complexity, reason = "a loss and what remains, for each piece; and the sum")]
    pub fn differentiate_pieces<C>(
        &self,
        compiled: &mut Compiled<T>,
        key: u64,
        pieces: &[(Draw, C)],
        build: impl for<'t> Fn(&Self, &Pass<'t, T>, &'t C) -> Result<Var<'t, T>>,
    ) -> Option<(Vec<(f64, Passed<T>)>, ParamGrads<T>)> {
        let contexts: SmallVec<[(&Self, &(Draw, C)); 8]> = pieces.iter().map(|piece| (self, piece)).collect();
        let summed = compiled.sum_with(key, &contexts, |tape, &(model, (draw, piece))| {
            let pass = Pass::train(tape, &model.params, *draw).forgiving();
            let loss = build(model, &pass, piece);
            let loss = pass.check().and(loss)?;
            let (passed, observed) = pass.finish_unread();
            Ok((loss, observed, passed))
        })?;
        let Summed { steps, mut gradients } = summed;
        let grads = steps.first()?.2.gradients(&mut gradients);
        compiled.recycle(gradients);
        let read = |(loss, values, mut passed): (T, _, Passed<T>)| {
            passed.read(values);
            (loss.to_f64(), passed)
        };
        Some((steps.into_iter().map(read).collect(), grads))
    }
}

/// Parameters as their initialisers draw them by a seed.
fn drawn<T: Element>(seed: u64) -> impl FnMut(&str, &Shape, Init) -> Result<Tensor<T>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    move |name, shape, init| init.tensor(shape, &mut rng).map_err(|error| error.named(name))
}

/// The shape of n examples of this shape.
pub(super) fn batched(n: usize, example: &[usize]) -> Shape {
    std::iter::once(n).chain(example.iter().copied()).collect()
}
