//! Layers that normalise: over the batch, and over an example's features.

use super::{Ending, Init, Layer, ParamKey, ParamScope, Params, Pass};
use crate::{Axes, Element, Error, Result, Shape, Tensor, Var, keep};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// y = (x - mean) / sqrt(variance + eps) scale + bias, for each feature (the last axis).
///
/// In training, mean and variance (divided by n) are those of the batch, over all other axes, and the gradient goes through
/// them; running = (1 - momentum) running + momentum batch, with the variance divided by n - 1, is what is used afterwards.
/// Momentum 0.1, eps 1e-5. A batch of one row has no variance: an error in training. Freezing `batch_norm1.*` keeps the
/// running statistics as well.
///
/// Shapes: [n, ..., features] -> the same. Source: Ioffe & Szegedy, Batch Normalization (2015); torch.nn.BatchNorm1d.
///
/// # Examples
/// ```
/// use retrograd::{Tape, nn::{BatchNorm, Draw, Model}};
/// let mut model = Model::<f64>::new(BatchNorm::new().momentum(1.0), 1, 0)?;
/// model.step(&mut Tape::new(), Draw::default(), |model, pass| {
///     let y = model.forward(pass.tape().data([[1.0], [3.0]]), pass);
///     assert!((y.value()[[1, 0]] - 1.0).abs() < 1e-5);
///     Ok(y.square().sum(()))
/// })?;
/// // In use the mean is that of the batches seen, here 2.
/// assert_eq!(model.predict_one(&[2.0])?, [0.0]);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchNorm {
    momentum: f64,
    eps: f64,
    /// Whether an example gives several rows of features, so that one example has a variance.
    #[serde(skip)]
    several: bool,
    #[serde(skip)]
    scale: ParamKey,
    #[serde(skip)]
    bias: ParamKey,
    #[serde(skip)]
    mean: ParamKey,
    #[serde(skip)]
    variance: ParamKey,
}

impl BatchNorm {
    /// With momentum 0.1 and eps 1e-5.
    pub fn new() -> Self {
        let key = ParamKey::default();
        Self { momentum: 0.1, eps: 1e-5, several: false, scale: key, bias: key, mean: key, variance: key }
    }
    /// Sets the part of the way that the running statistics move to each batch's, in [0, 1].
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }
    /// Sets eps, added to the variance, above 0.
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    /// Moves the running statistics towards those of a batch of n rows.
    fn observe<'t, T: Element>(&self, pass: &Pass<'t, T>, n: usize, mean: Var<'t, T>, variance: Var<'t, T>) {
        let unbiased = n as f64 / (n - 1) as f64;
        for (key, batch, factor) in [(self.mean, mean, 1.0), (self.variance, variance, unbiased)] {
            let before = pass.statistic(key) * T::from_f64(1.0 - self.momentum);
            pass.observe(key, before + batch.detach() * T::from_f64(self.momentum * factor));
        }
    }
}

impl Default for BatchNorm {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Element> Layer<T> for BatchNorm {
    fn kind(&self) -> &'static str {
        "batch_norm"
    }
    fn ending(&self) -> Ending {
        Ending::Any
    }
    fn least_rows(&self) -> usize {
        if self.several { 1 } else { 2 }
    }
    #[inline(never)]
    fn build(&mut self, input: &Shape, scope: &mut ParamScope<'_, T>) -> Result<Shape> {
        let features = features("batch_norm", input, self.eps)?;
        self.several = input.numel() > features;
        if !(0.0..=1.0).contains(&self.momentum) {
            return Err(Error::argument(format!("batch_norm: the momentum is in [0, 1], got {}", self.momentum)));
        }
        self.scale = scope.scale("scale", [features], Init::Constant(1.0))?;
        self.bias = scope.bias("bias", [features], Init::Zeros)?;
        self.mean = scope.statistic("mean", [features], Init::Zeros)?;
        self.variance = scope.statistic("variance", [features], Init::Constant(1.0))?;
        Ok(input.clone())
    }
    #[inline(never)]
    fn forward<'t>(&self, x: Var<'t, T>, pass: &Pass<'t, T>) -> Var<'t, T> {
        let (scale, bias) = (pass.param(self.scale), pass.param(self.bias));
        let eps = T::from_f64(self.eps);
        if !pass.is_training() {
            let factor = scale * (pass.param(self.variance) + eps).rsqrt();
            return x * factor + (bias - pass.param(self.mean) * factor);
        }
        let shape = x.shape();
        let n: usize = shape[..shape.rank() - 1].iter().product();
        if n < 2 {
            return pass.fail(one_row(pass.params(), self.scale, n), shape);
        }
        let axes: Vec<isize> = (0..shape.rank() as isize - 1).collect();
        let mean = x.mean(Axes::from(&axes[..]));
        let centred = x - mean;
        let variance = centred.square().mean(Axes::from(&axes[..]));
        self.observe(pass, n, mean, variance);
        centred * (scale * (variance + eps).rsqrt()) + bias
    }
    #[inline(never)]
    fn predict(&self, x: &Tensor<T>, params: &Params<T>) -> Tensor<T> {
        let factor = &params[self.scale] * (&params[self.variance] + T::from_f64(self.eps)).rsqrt();
        x * &factor + (&params[self.bias] - &params[self.mean] * &factor)
    }
    #[inline(never)]
    fn config(&self) -> Option<Json> {
        Some(json!(self))
    }
}

/// y = (x - mean) / sqrt(variance + eps) scale + bias, with the mean and variance (divided by n) of each example's features,
/// the last axis; the same in training and use. Eps 1e-5.
///
/// Shapes: [n, ..., features] -> the same. Source: Ba, Kiros & Hinton, Layer Normalization (2016); torch.nn.LayerNorm.
///
/// # Examples
/// ```
/// use retrograd::nn::{LayerNorm, Model};
/// let model = Model::<f64>::new(LayerNorm::new(), 2, 0)?;
/// let y = model.predict_one(&[10.0, 30.0])?;
/// assert!((y[0] + 1.0).abs() < 1e-6 && (y[1] - 1.0).abs() < 1e-6);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerNorm {
    eps: f64,
    #[serde(skip)]
    scale: ParamKey,
    #[serde(skip)]
    bias: ParamKey,
}

impl LayerNorm {
    /// With eps 1e-5.
    pub fn new() -> Self {
        Self { eps: 1e-5, scale: ParamKey::default(), bias: ParamKey::default() }
    }
    /// Sets eps, added to the variance, above 0.
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }
}

impl Default for LayerNorm {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Element> Layer<T> for LayerNorm {
    fn kind(&self) -> &'static str {
        "layer_norm"
    }
    fn ending(&self) -> Ending {
        Ending::Any
    }
    #[inline(never)]
    fn build(&mut self, input: &Shape, scope: &mut ParamScope<'_, T>) -> Result<Shape> {
        let features = features("layer_norm", input, self.eps)?;
        self.scale = scope.scale("scale", [features], Init::Constant(1.0))?;
        self.bias = scope.bias("bias", [features], Init::Zeros)?;
        Ok(input.clone())
    }
    #[inline(never)]
    fn forward<'t>(&self, x: Var<'t, T>, pass: &Pass<'t, T>) -> Var<'t, T> {
        let centred = x - x.mean(keep(-1));
        let variance = centred.square().mean(keep(-1));
        centred * (variance + T::from_f64(self.eps)).rsqrt() * pass.param(self.scale) + pass.param(self.bias)
    }
    #[inline(never)]
    fn config(&self) -> Option<Json> {
        Some(json!(self))
    }
}

/// The length of the last axis, once the settings make sense.
fn features(layer: &str, input: &Shape, eps: f64) -> Result<usize> {
    if !(eps > 0.0 && eps.is_finite()) {
        return Err(Error::argument(format!("{layer}: eps is above 0, got {eps}")));
    }
    match input.last() {
        Some(&features) if features > 0 => Ok(features),
        _ => Err(Error::shape(format!("{layer}: examples of shape {input} have no features to normalise"))),
    }
}

fn one_row<T: Element>(params: &Params<T>, scale: ParamKey, n: usize) -> Error {
    let name = params.get(scale).map_or("batch_norm", |param| param.name().trim_end_matches(".scale"));
    Error::argument(format!(
        "{name}: a batch of {n} row has no variance; train on two rows or more, leave the last short batch out, or choose \
         a batch size that leaves a longer one"
    ))
}
