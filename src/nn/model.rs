//! A network with its parameters.

use super::pass::{Draw, Pass};
use super::{Head, Layer, ParamGrads, Params, Scope};
use crate::data::Preprocessing;
use crate::{Element, Error, Result, Shape, Tape, Tensor, Var};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// A network with its parameters.
pub struct Model<T> {
    params: Params<T>,
    network: Box<dyn Layer<T>>,
    input: Shape,
    output: Shape,
    head: Option<Head>,
    preprocessing: Option<Preprocessing>,
}

/// What one training step computed.
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
    pub fn new(network: impl Layer<T> + 'static, input: impl Into<Shape>, seed: u64) -> Result<Self> {
        Self::boxed(Box::new(network), input.into(), seed)
    }

    /// As [`Model::new`], from a layer in a box.
    ///
    /// # Errors
    /// As [`Model::new`].
    pub fn boxed(mut network: Box<dyn Layer<T>>, input: Shape, seed: u64) -> Result<Self> {
        let mut params = Params::new();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let output = network.build(&input, &mut Scope::new(&mut params, &mut rng))?;
        Ok(Self { params, network, input, output, head: None, preprocessing: None })
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

    /// The output for a batch, on a tape.
    ///
    /// # Panics
    /// Examples of another shape than the model was built for, or that a layer cannot take; in [`Model::step`] that is the
    /// step's error instead.
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
    /// Examples of another shape than the model was built for, or values that its first layer cannot take.
    pub fn predict(&self, x: &Tensor<T>) -> Result<Tensor<T>> {
        self.check_batch(x.shape())?;
        self.network.check_input(x)?;
        Ok(self.network.predict(x, &self.params))
    }

    /// An error unless the shape is that of a batch of this model's inputs.
    pub(crate) fn check_batch(&self, batch: &Shape) -> Result<()> {
        if batch.rank() == self.input.rank() + 1 && batch[1..] == self.input[..] {
            return Ok(());
        }
        let mut wanted: Vec<String> = vec!["n".to_owned()];
        wanted.extend(self.input.iter().map(usize::to_string));
        Err(Error::shape(format!("model: built for batches of shape [{}], got {batch}", wanted.join(", "))))
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
            loss.and_then(|loss| Ok((loss.item().to_f64(), loss.try_backward()?, pass.finish())))
        };
        tape.clear();
        let (loss, mut gradients, passed) = swept?;
        let grads = passed.gradients(&mut gradients);
        tape.recycle(gradients);
        passed.store(&mut self.params)?;
        Ok(Step { loss, grads })
    }
}

/// The shape of n examples of this shape.
pub(super) fn batched(n: usize, example: &[usize]) -> Shape {
    std::iter::once(n).chain(example.iter().copied()).collect()
}
