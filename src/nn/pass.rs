//! One pass through a network: where layers find their parameters on the tape.

use super::params::{ParamGrads, ParamKey, Params};
use crate::{Element, Error, Gradients, Id, IntoShape, Result, Shape, Tape, Tensor, Var};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use slotmap::SecondaryMap;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::cell::{Cell, RefCell, RefMut};

/// Which random numbers a training step draws: those of one seed, epoch and batch, whatever was drawn before.
///
/// The generator is ChaCha with 8 rounds, keyed by these numbers.
///
/// # Examples
/// ```
/// use rand::Rng;
/// use retrograd::nn::Draw;
/// let draw = Draw { seed: 7, epoch: 2, batch: 5, row: 0 };
/// // What is drawn depends on the place alone, and not on what was drawn before.
/// let number = draw.rng(100).random::<u64>();
/// assert_eq!(draw.rng(100).random::<u64>(), number);
/// assert_ne!(Draw { batch: 6, ..draw }.rng(100).random::<u64>(), number);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Draw {
    /// The run's seed.
    pub seed: u64,
    /// The epoch, from 0.
    pub epoch: u64,
    /// The batch within it, from 0.
    pub batch: u64,
    /// The row of the batch that the step begins with: 0, unless it has a part of the batch alone. What layers draw for an example
    /// depends on its row in the whole batch.
    pub row: u64,
}

impl Draw {
    /// The generator for one purpose, for the whole batch; another purpose draws other numbers.
    pub fn rng(self, purpose: u64) -> ChaCha8Rng {
        let mut key = [0; 32];
        for (bytes, number) in key.chunks_exact_mut(8).zip([self.seed, self.epoch, self.batch, purpose]) {
            bytes.copy_from_slice(&number.to_le_bytes());
        }
        ChaCha8Rng::from_seed(key)
    }
}

/// The purpose of what layers draw while training, for [`Draw::rng`].
const LAYERS: u64 = 1;
/// The stream of what is drawn in order; those of rows are numbered from 0.
const IN_ORDER: u64 = u64::MAX;
/// What an element of [`Tensor::normal`] and one of [`Tensor::uniform`] takes: two `f64`, and one.
const WORDS_OF_NORMAL: usize = 4;
const WORDS_OF_UNIFORM: usize = 2;

/// One pass: a tape, a model's parameters on it, and whether this is training.
///
/// The parameters are borrowed, or given where they cannot live as long as the tape: in a closure that is handed its tape.
///
/// # Examples
/// ```
/// use retrograd::nn::{Mlp, Pass};
/// use retrograd::{Gradcheck, Tensor};
/// let model = Mlp::new(2).dense(3).tanh().build::<f64>(0)?;
/// let key = model.params().find("dense1.weight").unwrap();
/// Gradcheck::new()
///     .gradcheck(&[("weight", model.params()[key].clone())], |p| {
///         let tape = p[0].tape();
///         let pass = Pass::eval(tape, model.params().clone()).with(key, p[0]);
///         model.forward(tape.data([[0.5, -1.0]]), &pass).square().sum(())
///     })
///     .assert();
/// # Ok::<(), retrograd::Error>(())
/// ```
pub struct Pass<'t, T> {
    tape: &'t Tape<T>,
    params: Cow<'t, Params<T>>,
    vars: RefCell<SecondaryMap<ParamKey, Var<'t, T>>>,
    observed: RefCell<Vec<(ParamKey, Var<'t, T>)>>,
    training: Option<Draw>,
    rng: RefCell<Option<ChaCha8Rng>>,
    /// How often numbers were drawn by rows.
    drawn: Cell<u64>,
    differentiate: Cell<bool>,
    /// Whether mistakes are kept for the end rather than panics.
    forgiving: Cell<bool>,
    error: RefCell<Option<Error>>,
}

impl<'t, T: Element> Pass<'t, T> {
    /// A pass in training: parameters are variables, dropout drops, batch norms use the batch.
    pub fn train(tape: &'t Tape<T>, params: impl Into<Cow<'t, Params<T>>>, draw: Draw) -> Self {
        Self::new(tape, params, Some(draw))
    }
    /// A pass in use: dropout is off, batch norms use what they observed. Parameters are variables still, so that it can be
    /// differentiated.
    pub fn eval(tape: &'t Tape<T>, params: impl Into<Cow<'t, Params<T>>>) -> Self {
        Self::new(tape, params, None)
    }
    /// A pass whose parameters are constants: nothing of it can be differentiated by them.
    pub fn constant(tape: &'t Tape<T>, params: impl Into<Cow<'t, Params<T>>>) -> Self {
        let pass = Self::new(tape, params, None);
        pass.differentiate.set(false);
        pass
    }

    fn new(tape: &'t Tape<T>, params: impl Into<Cow<'t, Params<T>>>, training: Option<Draw>) -> Self {
        Self::over(tape, params.into(), training)
    }

    #[inline(never)]
    pub(crate) fn over(tape: &'t Tape<T>, params: Cow<'t, Params<T>>, training: Option<Draw>) -> Self {
        Self {
            tape,
            vars: RefCell::new(SecondaryMap::with_capacity(params.len())),
            params,
            observed: RefCell::default(),
            training,
            rng: RefCell::default(),
            drawn: Cell::new(0),
            differentiate: Cell::new(true),
            forgiving: Cell::new(false),
            error: RefCell::default(),
        }
    }

    /// The same pass, with what [`Pass::fail`] is told kept for [`Pass::check`].
    pub(crate) fn forgiving(self) -> Self {
        self.forgiving.set(true);
        self
    }

    /// The same pass with a variable in place of a parameter, for gradient checks, or for weights that are themselves
    /// computed.
    pub fn with(self, key: ParamKey, var: Var<'t, T>) -> Self {
        self.vars.borrow_mut().insert(key, var);
        self
    }

    /// The tape.
    pub fn tape(&self) -> &'t Tape<T> {
        self.tape
    }
    /// The parameters' values.
    pub fn params(&self) -> &Params<T> {
        &self.params
    }
    /// Whether this is training.
    pub fn is_training(&self) -> bool {
        self.training.is_some()
    }

    /// The parameter as a variable; one that is frozen or a statistic is data. The same variable each time in one pass.
    #[inline(never)]
    pub fn param(&self, key: ParamKey) -> Var<'t, T> {
        if let Some(&var) = self.vars.borrow().get(key) {
            return var;
        }
        let param = self.params.get(key).expect("a key of this model's parameters");
        let active = self.differentiate.get() && param.is_trainable();
        let var = if active { self.tape.var(param.value()) } else { self.tape.data(param.value()) };
        if self.tape.keeps_names() {
            var.named(param.name());
        }
        self.vars.borrow_mut().insert(key, var);
        var
    }

    /// The random numbers of this step, one after the other.
    ///
    /// Numbers for each example are better taken from [`Pass::rng_of_rows`]: which ones an example gets here depends on how the batch
    /// is cut into pieces.
    ///
    /// # Panics
    /// Not in training: then nothing is random.
    pub fn rng(&self) -> RefMut<'_, ChaCha8Rng> {
        let draw = self.training();
        RefMut::map(self.rng.borrow_mut(), |rng| {
            rng.get_or_insert_with(|| {
                let mut rng = draw.rng(LAYERS);
                rng.set_stream(IN_ORDER);
                rng.set_word_pos(u128::from(draw.row) << 32);
                rng
            })
        })
    }

    /// The random numbers of this pass's rows, for one purpose: of the batch's whole sequence those from its first row on, where each
    /// row takes so many words of 32 bits. The next call gives another sequence.
    ///
    /// So an example gets the same numbers whichever rows are beside it. A `u32` or `f32` is one word, a `u64` or `f64` two.
    ///
    /// # Panics
    /// Not in training.
    ///
    /// # Examples
    /// ```
    /// use rand::Rng;
    /// use retrograd::Tape;
    /// use retrograd::nn::{Draw, Params, Pass};
    /// let (tape, params) = (Tape::<f64>::of(), Params::new());
    /// let drawn = |row| Pass::train(&tape, &params, Draw { row, ..Draw::default() }).rng_of_rows(2).random_iter();
    /// let all: Vec<u32> = drawn(0).take(8).collect();
    /// assert_eq!(drawn(3).take(2).collect::<Vec<u32>>(), all[6..]);
    /// ```
    #[inline(never)]
    pub fn rng_of_rows(&self, words: usize) -> ChaCha8Rng {
        let draw = self.training();
        let mut rng = draw.rng(LAYERS);
        rng.set_stream(self.drawn.get());
        self.drawn.set(self.drawn.get() + 1);
        rng.set_word_pos(u128::from(draw.row) * words as u128);
        rng
    }

    fn training(&self) -> Draw {
        self.training.expect("random numbers are drawn in training alone")
    }

    /// Data of this shape, drawn from the standard normal distribution: the noise of a variational autoencoder, say. Steps draw it anew,
    /// compiled ones too. The first axis are the examples: each has its own numbers, whichever are beside it.
    ///
    /// # Panics
    /// Not in training; a shape that memory cannot hold.
    ///
    /// # Examples
    /// ```
    /// use retrograd::Tape;
    /// use retrograd::nn::{Draw, Params, Pass};
    /// let (tape, params) = (Tape::<f64>::of(), Params::new());
    /// let pass = Pass::train(&tape, &params, Draw::default());
    /// let (mean, deviation) = (tape.var([1.0, -1.0]), tape.var([0.1, 0.2]));
    /// let sample = mean + deviation * pass.normal([2]);
    /// assert_eq!(sample.shape().dims(), [2]);
    /// ```
    #[inline(never)]
    #[track_caller]
    pub fn normal(&self, shape: impl IntoShape) -> Var<'t, T> {
        let (shape, mut rng) = self.rows(shape, WORDS_OF_NORMAL);
        self.tape.data(Tensor::normal(shape, 0.0, 1.0, &mut rng))
    }

    /// Data of this shape, drawn evenly from 0 to 1, 1 left out; the first axis are the examples.
    ///
    /// # Panics
    /// As [`Pass::normal`].
    #[inline(never)]
    #[track_caller]
    pub fn uniform(&self, shape: impl IntoShape) -> Var<'t, T> {
        let (shape, mut rng) = self.rows(shape, WORDS_OF_UNIFORM);
        self.tape.data(Tensor::uniform(shape, 0.0, 1.0, &mut rng))
    }

    /// A shape, and the numbers for it, so many words for each element.
    #[track_caller]
    fn rows(&self, shape: impl IntoShape, words: usize) -> (Shape, ChaCha8Rng) {
        let shape = shape.into_shape().unwrap_or_else(|error| panic!("{error}"));
        let each = shape.iter().skip(1).product::<usize>();
        (shape, self.rng_of_rows(each.saturating_mul(words)))
    }

    /// The parameters that were asked for, with their nodes.
    pub(crate) fn leaves(&self) -> Vec<(ParamKey, Id)> {
        self.vars.borrow().iter().map(|(key, var)| (key, var.id())).collect()
    }
    /// Whether random numbers were drawn.
    pub(crate) fn has_drawn(&self) -> bool {
        self.rng.borrow().is_some() || self.drawn.get() > 0
    }

    /// A statistic as this pass has left it so far, as data.
    #[inline(never)]
    pub fn statistic(&self, key: ParamKey) -> Var<'t, T> {
        let last = self.observed.borrow().iter().find(|(of, _)| *of == key).map(|(_, value)| *value);
        last.unwrap_or_else(|| self.param(key).detach())
    }

    /// Notes the new value of a statistic, to be stored when the step is done, unless it is frozen. No gradient goes through.
    #[inline(never)]
    pub fn observe(&self, key: ParamKey, value: Var<'t, T>) {
        if self.params.get(key).is_some_and(|param| param.is_frozen()) {
            return;
        }
        let mut observed = self.observed.borrow_mut();
        match observed.iter_mut().find(|(of, _)| *of == key) {
            Some((_, last)) => *last = value.detach(),
            None => observed.push((key, value.detach())),
        }
    }

    /// For a layer that cannot take its input: gives zeros of the output's shape in its place. [`Model::step`] and
    /// [`Model::forward`](super::Model::forward) within it return the error; a pass of your own panics with it.
    ///
    /// [`Model::step`]: super::Model::step
    ///
    /// # Panics
    /// Outside of a model's step.
    #[track_caller]
    pub fn fail(&self, error: Error, output: impl IntoShape) -> Var<'t, T> {
        assert!(self.forgiving.get(), "{error}");
        self.error.borrow_mut().get_or_insert(error);
        self.tape.data(Tensor::zeros(output))
    }

    /// The first error that a layer reported.
    ///
    /// # Errors
    /// That of [`Pass::fail`].
    #[inline(never)]
    pub fn check(&self) -> Result<()> {
        self.error.borrow().clone().map_or(Ok(()), Err)
    }

    /// Ends the pass: what remains once the tape is cleared.
    #[inline(never)]
    pub fn finish(self) -> Passed<T> {
        let (mut passed, observed) = self.finish_unread();
        passed.read(observed.into_iter().map(|value| value.value()));
        passed
    }

    /// The same, but for what statistics observed: those variables' values are for [`Passed::read`].
    #[inline(never)]
    pub(crate) fn finish_unread(self) -> (Passed<T>, SmallVec<[Var<'t, T>; 4]>) {
        let vars = self.vars.into_inner();
        let active = |key| self.differentiate.get() && self.params.get(key).is_some_and(|p| p.is_trainable());
        let ids = vars.iter().filter(|(key, _)| active(*key)).map(|(key, var)| (key, var.id())).collect();
        let (statistics, observed) = self.observed.into_inner().into_iter().unzip();
        (Passed { ids, statistics, observed: SmallVec::new() }, observed)
    }
}

/// What remains of a pass: which node was which parameter, and what statistics observed.
///
/// # Examples
/// ```
/// use retrograd::{Tape, nn::{Draw, Mlp, Pass}};
/// let mut model = Mlp::new(1).dense(1).batch_norm().build::<f64>(0)?;
/// let (passed, grads) = {
///     let tape = Tape::new();
///     let pass = Pass::train(&tape, model.params(), Draw::default());
///     let loss = model.forward(tape.data([[1.0], [3.0]]), &pass).square().sum(());
///     let passed = pass.finish();
///     let grads = passed.gradients(&mut loss.backward());
///     (passed, grads)
/// };
/// assert!(grads.get(model.params().find("dense1.weight").unwrap()).is_some());
/// passed.store(model.params_mut())?; // the batch norm's statistics
/// # Ok::<(), retrograd::Error>(())
/// ```
pub struct Passed<T> {
    ids: SmallVec<[(ParamKey, Id); 8]>,
    statistics: SmallVec<[ParamKey; 4]>,
    /// The statistics' new values.
    observed: SmallVec<[Tensor<T>; 4]>,
}

impl<T: Element> Passed<T> {
    /// Takes the values of what statistics observed.
    pub(super) fn read(&mut self, observed: impl IntoIterator<Item = Tensor<T>>) {
        self.observed.extend(observed);
    }

    /// The statistics with their new values.
    pub fn observed(&self) -> impl Iterator<Item = (ParamKey, &Tensor<T>)> {
        self.statistics.iter().copied().zip(&self.observed)
    }
    /// The statistics that were observed, in the order of their values.
    pub(crate) fn statistics(&self) -> &[ParamKey] {
        &self.statistics
    }

    /// The parameters' gradients, moved out of all gradients of the sweep.
    #[inline(never)]
    pub fn gradients(&self, gradients: &mut Gradients<T>) -> ParamGrads<T> {
        let mut grads = ParamGrads::with_room(self.ids.len());
        for &(key, id) in &self.ids {
            if let Some(gradient) = gradients.take(id) {
                grads.insert(key, gradient);
            }
        }
        grads
    }

    /// Stores what statistics observed.
    #[inline(never)]
    pub fn store(self, params: &mut Params<T>) -> crate::Result<()> {
        self.statistics.into_iter().zip(self.observed).try_for_each(|(key, value)| params.set(key, value))
    }
}
