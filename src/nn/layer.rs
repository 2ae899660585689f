//! The one trait of layers.

use super::ending::Ending;
use super::init::Init;
use super::params::{ParamKey, Params, Role};
use super::pass::Pass;
use crate::{Element, IntoShape, Result, Shape, Tape, Tensor, Var};
use serde_json::Value as Json;

/// A layer: parameters made for inputs of a known shape, and a formula of an input.
///
/// Only [`Layer::forward`] must be written; a layer with parameters registers them in [`Layer::build`].
///
/// # Examples
/// ```
/// use retrograd::nn::{Init, Layer, Model, ParamKey, ParamScope, Pass};
/// use retrograd::{Element, Result, Shape, Var};
///
/// /// y = x * tanh(gain), with one gain for each feature.
/// #[derive(Default)]
/// struct Gate {
///     gain: ParamKey,
/// }
///
/// impl<T: Element> Layer<T> for Gate {
///     fn kind(&self) -> &'static str {
///         "gate"
///     }
///     fn build(&mut self, input: &Shape, scope: &mut ParamScope<'_, T>) -> Result<Shape> {
///         self.gain = scope.scale("gain", input, Init::Constant(0.5))?;
///         Ok(input.clone())
///     }
///     fn forward<'t>(&self, x: Var<'t, T>, pass: &Pass<'t, T>) -> Var<'t, T> {
///         x * pass.param(self.gain).tanh()
///     }
/// }
///
/// let model = Model::<f64>::new(Gate::default(), 3, 0)?;
/// assert_eq!(model.params().count(), 3);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no layer",
    label = "expected a layer of `retrograd::nn`",
    note = "a closure becomes one by `nn::func(\"name\", |x| ...)`"
)]
pub trait Layer<T: Element>: Send + Sync {
    /// One lower-case word that names its kind: parameters are called after it, `dense1.weight`.
    fn kind(&self) -> &'static str;

    /// What a summary says of it: the kind with its settings, `dense(30)`.
    fn describe(&self) -> String {
        self.kind().to_owned()
    }

    /// Registers the parameters for inputs of this shape (of one example, without the batch), and says the output's shape.
    ///
    /// # Errors
    /// An input that the layer cannot take.
    fn build(&mut self, input: &Shape, scope: &mut ParamScope<'_, T>) -> Result<Shape> {
        let _ = scope;
        Ok(input.clone())
    }

    /// The output for a batch: the formula, on the tape.
    fn forward<'t>(&self, x: Var<'t, T>, pass: &Pass<'t, T>) -> Var<'t, T>;

    /// The output without a tape, in use rather than training. What [`Layer::forward`] gives in [`Pass::eval`], quicker
    /// where a layer writes it out.
    fn predict(&self, x: &Tensor<T>, params: &Params<T>) -> Tensor<T> {
        let tape = Tape::of();
        let pass = Pass::constant(&tape, params);
        self.forward(tape.data(x), &pass).value()
    }

    /// The output as [`Layer::predict`] gives it, where the values are such as [`Layer::check_input`] wants. A layer made of
    /// layers asks each of those.
    ///
    /// # Errors
    /// As [`Layer::check_input`].
    fn try_predict(&self, x: &Tensor<T>, params: &Params<T>) -> Result<Tensor<T>> {
        self.check_input(x)?;
        Ok(self.predict(x, params))
    }

    /// An error if a batch has values that this layer cannot take, such as an index out of range. [`Layer::try_predict`] calls
    /// it before [`Layer::predict`]; in training, [`Pass::fail`] reports the same.
    ///
    /// # Errors
    /// Names the row, the value, and what would be right.
    fn check_input(&self, x: &Tensor<T>) -> Result<()> {
        let _ = x;
        Ok(())
    }

    /// Which outputs this layer can have, whatever its parameters are. With it, training warns of a loss that expects others.
    fn ending(&self) -> Ending {
        Ending::Unknown
    }

    /// How many rows a batch needs in training: 1 unless the layer compares rows. A batch that would be too short is an error before
    /// the first one.
    fn least_rows(&self) -> usize {
        self.children().iter().map(|stage| stage.layer.least_rows()).max().unwrap_or(1)
    }

    /// The layers inside, in order, for a summary.
    fn children(&self) -> &[Stage<T>] {
        &[]
    }

    /// What a saved model needs to make this layer again, for built-in kinds; a layer of your own has none, and is made by
    /// your code before its weights are loaded.
    fn config(&self) -> Option<Json> {
        None
    }
}

/// A layer in its place: its name, and the shapes that it was built for.
///
/// # Examples
/// ```
/// use retrograd::nn::{Activation, Dense, Model, Sequential};
/// let network = Sequential::new().with(Dense::new(4)).with(Activation::relu());
/// let model = Model::<f64>::new(network, 3, 0)?;
/// let stages = model.network().children();
/// assert_eq!((&stages[0].name[..], &stages[1].name[..]), ("dense1", "relu1"));
/// assert_eq!((stages[0].input.dims(), stages[0].output.dims()), (&[3][..], &[4][..]));
/// assert_eq!(stages[0].layer.describe(), "dense(4)");
/// # Ok::<(), retrograd::Error>(())
/// ```
pub struct Stage<T> {
    /// The name of the layer in its network, such as `dense1`.
    pub name: String,
    /// The layer.
    pub layer: Box<dyn Layer<T>>,
    /// The shape of one input.
    pub input: Shape,
    /// The shape of one output.
    pub output: Shape,
}

/// The value that a parameter of this name, shape and initialiser starts with: drawn, or as a file holds it.
pub(crate) type Start<'a, T> = dyn FnMut(&str, &Shape, Init) -> Result<Tensor<T>> + 'a;

/// Where a layer registers its parameters: names below the layer's own. They are drawn by the model's seed, or where the model
/// is read from a file are those of the file, so that a description cannot ask for more memory than the file is long.
///
/// See the example of [`Layer`].
pub struct ParamScope<'a, T> {
    params: &'a mut Params<T>,
    start: &'a mut Start<'a, T>,
    prefix: String,
}

impl<'a, T: Element> ParamScope<'a, T> {
    pub(crate) fn new(params: &'a mut Params<T>, start: &'a mut Start<'a, T>) -> Self {
        Self { params, start, prefix: String::new() }
    }

    /// The parameters registered so far, by all layers.
    pub fn params(&self) -> &Params<T> {
        self.params
    }
    /// What the names of this layer's parameters start with; empty for a model that is one layer.
    pub fn name(&self) -> &str {
        &self.prefix
    }

    /// The scope of a layer inside this one.
    pub fn child(&mut self, name: &str) -> ParamScope<'_, T> {
        ParamScope { prefix: self.full_name(name), params: self.params, start: self.start }
    }

    fn full_name(&self, name: &str) -> String {
        if self.prefix.is_empty() { name.to_owned() } else { format!("{}.{name}", self.prefix) }
    }

    /// A weight.
    ///
    /// # Errors
    /// The name is taken; the initialiser needs another shape.
    pub fn weight(&mut self, name: &str, shape: impl IntoShape, init: Init) -> Result<ParamKey> {
        self.param(name, Role::Weight, shape, init)
    }
    /// A bias.
    ///
    /// # Errors
    /// As [`ParamScope::weight`].
    pub fn bias(&mut self, name: &str, shape: impl IntoShape, init: Init) -> Result<ParamKey> {
        self.param(name, Role::Bias, shape, init)
    }
    /// A factor.
    ///
    /// # Errors
    /// As [`ParamScope::weight`].
    pub fn scale(&mut self, name: &str, shape: impl IntoShape, init: Init) -> Result<ParamKey> {
        self.param(name, Role::Scale, shape, init)
    }
    /// A statistic.
    ///
    /// # Errors
    /// As [`ParamScope::weight`].
    pub fn statistic(&mut self, name: &str, shape: impl IntoShape, init: Init) -> Result<ParamKey> {
        self.param(name, Role::Statistic, shape, init)
    }

    /// A parameter of any role.
    ///
    /// # Errors
    /// The name is taken; the initialiser needs another shape; the shape has more elements than memory can hold.
    pub fn param(&mut self, name: &str, role: Role, shape: impl IntoShape, init: Init) -> Result<ParamKey> {
        let name = self.full_name(name);
        let shape = shape.into_shape().map_err(|error| error.named(&name))?;
        let value = (self.start)(&name, &shape, init)?;
        self.params.add(name, role, value)
    }
}
