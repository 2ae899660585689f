//! Layers made of layers: one used in several places, and one beside the identity.

use super::{Ending, Layer, ParamKey, ParamScope, Params, Pass, Stage};
use crate::{Element, Error, Result, Shape, Tensor, Var};
use serde_json::{Value as Json, json};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// One layer used in several places, with one set of parameters: gradients from all places add up.
///
/// Clones are the same layer. The parameters are named after the place that is built first. All places take inputs of one
/// shape, in one model.
///
/// # Examples
/// ```
/// use retrograd::nn::{Activation, Dense, Model, Sequential, Shared};
/// let step = Shared::new(Dense::new(4));
/// let network = Sequential::new().with(step.clone()).with(Activation::tanh()).with(step);
/// let model = Model::<f64>::new(network, 4, 0)?;
/// assert_eq!(model.params().count(), 4 * 4 + 4);
/// # Ok::<(), retrograd::Error>(())
/// ```
pub struct Shared<T> {
    inner: Arc<Inner<T>>,
}

struct Inner<T> {
    unbuilt: Mutex<Option<Box<dyn Layer<T>>>>,
    built: OnceLock<Built<T>>,
}

struct Built<T> {
    stage: [Stage<T>; 1],
    /// The layer's parameters with their names, by which another model is told from the first.
    params: Vec<(ParamKey, String)>,
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<T: Element> Shared<T> {
    /// A layer to be used in several places, by cloning this.
    pub fn new(layer: impl Layer<T> + 'static) -> Self {
        Self::boxed(Box::new(layer))
    }

    pub(super) fn boxed(layer: Box<dyn Layer<T>>) -> Self {
        Self { inner: Arc::new(Inner { unbuilt: Mutex::new(Some(layer)), built: OnceLock::new() }) }
    }

    fn built(&self) -> &Stage<T> {
        &self.inner.built.get().expect("the model was built").stage[0]
    }

    fn build_again(&self, built: &Built<T>, input: &Shape, params: &Params<T>) -> Result<Shape> {
        let Stage { input: first, output, .. } = &built.stage[0];
        if first != input {
            return Err(Error::shape(format!("shared: built for inputs of shape {first}, used again for {input}")));
        }
        let same = |(key, name): &(ParamKey, String)| params.get(*key).is_some_and(|param| param.name() == name);
        if !built.params.iter().all(same) {
            return Err(Error::argument("shared: the layer belongs to another model; make a new one for this"));
        }
        Ok(output.clone())
    }
}

impl<T: Element> Layer<T> for Shared<T> {
    fn kind(&self) -> &'static str {
        "shared"
    }
    fn describe(&self) -> String {
        match self.inner.built.get() {
            Some(built) => format!("shared {}", built.stage[0].layer.describe()),
            None => "shared".to_owned(),
        }
    }
    #[inline(never)]
    fn build(&mut self, input: &Shape, scope: &mut ParamScope<'_, T>) -> Result<Shape> {
        if let Some(built) = self.inner.built.get() {
            return self.build_again(built, input, scope.params());
        }
        // One that panicked while it was built elsewhere has left nothing behind.
        let taken = self.inner.unbuilt.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut layer) = taken else {
            return Err(Error::argument(
                "shared: the layer stands inside itself, or an earlier attempt to build it failed",
            ));
        };
        let before = scope.params().len();
        let output = layer.build(input, scope)?;
        let params = scope.params().iter().skip(before).map(|(key, param)| (key, param.name().to_owned())).collect();
        let name = scope.name().to_owned();
        let stage = [Stage { name, layer, input: input.clone(), output: output.clone() }];
        let stored = self.inner.built.set(Built { stage, params });
        debug_assert!(stored.is_ok(), "the layer was taken once");
        Ok(output)
    }
    #[inline(never)]
    fn forward<'t>(&self, x: Var<'t, T>, pass: &Pass<'t, T>) -> Var<'t, T> {
        self.built().layer.forward(x, pass)
    }
    #[inline(never)]
    fn predict(&self, x: &Tensor<T>, params: &Params<T>) -> Tensor<T> {
        self.built().layer.predict(x, params)
    }
    fn try_predict(&self, x: &Tensor<T>, params: &Params<T>) -> Result<Tensor<T>> {
        self.built().layer.try_predict(x, params)
    }
    fn check_input(&self, x: &Tensor<T>) -> Result<()> {
        self.built().layer.check_input(x)
    }
    fn ending(&self) -> Ending {
        self.inner.built.get().map_or(Ending::Unknown, |built| built.stage[0].layer.ending())
    }
    fn least_rows(&self) -> usize {
        self.inner.built.get().map_or(1, |built| built.stage[0].layer.least_rows())
    }
    #[inline(never)]
    fn config(&self) -> Option<Json> {
        let stage = self.inner.built.get().map(|built| &built.stage[0])?;
        // The name of the place that was built first tells which layers are one.
        Some(json!({ "of": stage.name, "kind": stage.layer.kind(), "config": stage.layer.config()? }))
    }
}

/// y = x + f(x), for a layer f that keeps the shape. Source: He et al., Deep Residual Learning (2016).
///
/// # Examples
/// ```
/// use retrograd::nn::{Activation, Dense, Model, Residual, Sequential};
/// let block = Sequential::new().with(Dense::new(4)).with(Activation::relu()).with(Dense::new(4));
/// let model = Model::<f64>::new(Residual::new(block), 4, 0)?;
/// assert_eq!(model.output_shape().dims(), [4]);
/// # Ok::<(), retrograd::Error>(())
/// ```
pub struct Residual<T> {
    inner: [Stage<T>; 1],
}

impl<T: Element> Residual<T> {
    /// Adds the input to the layer's output.
    pub fn new(layer: impl Layer<T> + 'static) -> Self {
        Self::boxed(Box::new(layer))
    }

    pub(super) fn boxed(layer: Box<dyn Layer<T>>) -> Self {
        let name = layer.kind().to_owned();
        Self { inner: [Stage { name, layer, input: Shape::scalar(), output: Shape::scalar() }] }
    }
}

impl<T: Element> Layer<T> for Residual<T> {
    fn kind(&self) -> &'static str {
        "residual"
    }
    #[inline(never)]
    fn build(&mut self, input: &Shape, scope: &mut ParamScope<'_, T>) -> Result<Shape> {
        let [inner] = &mut self.inner;
        let output = inner.layer.build(input, &mut scope.child(&inner.name))?;
        if output != *input {
            return Err(Error::shape(format!(
                "residual: the layer makes shape {output} of {input}; the two are added, so they are the same"
            )));
        }
        (inner.input, inner.output) = (input.clone(), output.clone());
        Ok(output)
    }
    #[inline(never)]
    fn forward<'t>(&self, x: Var<'t, T>, pass: &Pass<'t, T>) -> Var<'t, T> {
        x + self.inner[0].layer.forward(x, pass)
    }
    #[inline(never)]
    fn predict(&self, x: &Tensor<T>, params: &Params<T>) -> Tensor<T> {
        x + self.inner[0].layer.predict(x, params)
    }
    fn try_predict(&self, x: &Tensor<T>, params: &Params<T>) -> Result<Tensor<T>> {
        Ok(x + self.inner[0].layer.try_predict(x, params)?)
    }
    fn check_input(&self, x: &Tensor<T>) -> Result<()> {
        self.inner[0].layer.check_input(x)
    }
    fn children(&self) -> &[Stage<T>] {
        &self.inner
    }
    #[inline(never)]
    fn config(&self) -> Option<Json> {
        let layer = &self.inner[0].layer;
        Some(json!({ "kind": layer.kind(), "config": layer.config()? }))
    }
}
