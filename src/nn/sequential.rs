//! Layers in a row.

use super::{Ending, Layer, ParamScope, Params, Pass, Stage};
use crate::{Element, Error, Result, Shape, Tensor, Var};
use serde_json::Value as Json;
use std::collections::HashSet;

/// Layers one after another: each takes what the one before gives.
///
/// # Examples
/// ```
/// use retrograd::nn::{Activation, Dense, Model, Sequential};
/// let network = Sequential::new().with(Dense::new(4)).with(Activation::tanh()).with_named("out", Dense::new(1));
/// let model = Model::<f64>::new(network, 3, 0)?;
/// let names: Vec<&str> = model.params().iter().map(|(_, param)| param.name()).collect();
/// assert_eq!(names, ["dense1.weight", "dense1.bias", "out.weight", "out.bias"]);
/// # Ok::<(), retrograd::Error>(())
/// ```
pub struct Sequential<T> {
    stages: Vec<Stage<T>>,
}

impl<T: Element> Sequential<T> {
    /// No layers: the output is the input.
    pub fn new() -> Self {
        Self { stages: Vec::new() }
    }

    /// Adds a layer at the end, called after its kind and how many of them there are: `dense2`.
    pub fn with(self, layer: impl Layer<T> + 'static) -> Self {
        self.with_numbered(Box::new(layer))
    }

    pub(super) fn with_numbered(self, layer: Box<dyn Layer<T>>) -> Self {
        let kind = layer.kind();
        let of_kind = self.stages.iter().filter(|stage| stage.layer.kind() == kind).count();
        self.with_boxed(format!("{kind}{}", of_kind + 1), layer)
    }

    /// Adds a layer of this name at the end.
    pub fn with_named(self, name: impl Into<String>, layer: impl Layer<T> + 'static) -> Self {
        self.with_boxed(name, Box::new(layer))
    }

    /// Adds a layer from a box at the end.
    pub fn with_boxed(mut self, name: impl Into<String>, layer: Box<dyn Layer<T>>) -> Self {
        let (input, output) = (Shape::scalar(), Shape::scalar());
        self.stages.push(Stage { name: name.into(), layer, input, output });
        self
    }

    /// An error unless the names can tell the layers apart, and be parts of parameters' names.
    fn check_names(&self) -> Result<()> {
        let mut names = HashSet::with_capacity(self.stages.len());
        for Stage { name, .. } in &self.stages {
            if name.is_empty() || name.contains(['.', '*']) {
                return Err(Error::argument(format!(
                    "sequential: {name:?} is no name for a layer; it has characters other than '.' and '*'"
                )));
            }
            if !names.insert(name) {
                return Err(Error::argument(format!(
                    "sequential: two layers are named {name:?}; each has its own name"
                )));
            }
        }
        Ok(())
    }
}

impl<T: Element> Default for Sequential<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Element> Layer<T> for Sequential<T> {
    fn kind(&self) -> &'static str {
        "sequential"
    }
    #[inline(never)]
    fn build(&mut self, input: &Shape, scope: &mut ParamScope<'_, T>) -> Result<Shape> {
        self.check_names()?;
        let mut shape = input.clone();
        for stage in &mut self.stages {
            stage.input = shape;
            let built = stage.layer.build(&stage.input, &mut scope.child(&stage.name));
            stage.output = built.map_err(|error| error.within(&stage.name))?;
            shape = stage.output.clone();
        }
        Ok(shape)
    }
    #[inline(never)]
    fn forward<'t>(&self, x: Var<'t, T>, pass: &Pass<'t, T>) -> Var<'t, T> {
        let keeps_names = pass.tape().keeps_names();
        self.stages.iter().fold(x, |x, stage| {
            let _scope = keeps_names.then(|| pass.tape().scope(&stage.name));
            stage.layer.forward(x, pass)
        })
    }
    #[inline(never)]
    fn predict(&self, x: &Tensor<T>, params: &Params<T>) -> Tensor<T> {
        let Some((first, rest)) = self.stages.split_first() else { return x.clone() };
        rest.iter().fold(first.layer.predict(x, params), |x, stage| stage.layer.predict(&x, params))
    }
    #[inline(never)]
    fn try_predict(&self, x: &Tensor<T>, params: &Params<T>) -> Result<Tensor<T>> {
        let next = |x: &Tensor<T>, stage: &Stage<T>| {
            stage.layer.try_predict(x, params).map_err(|error| error.within(&stage.name))
        };
        let Some((first, rest)) = self.stages.split_first() else { return Ok(x.clone()) };
        rest.iter().try_fold(next(x, first)?, |x, stage| next(&x, stage))
    }
    #[inline(never)]
    fn check_input(&self, x: &Tensor<T>) -> Result<()> {
        // What later layers take is computed, not given.
        self.stages
            .first()
            .map_or(Ok(()), |stage| stage.layer.check_input(x).map_err(|error| error.within(&stage.name)))
    }
    fn children(&self) -> &[Stage<T>] {
        &self.stages
    }
    fn ending(&self) -> Ending {
        Ending::of_row(&self.stages)
    }
    #[inline(never)]
    fn config(&self) -> Option<Json> {
        let stage = |stage: &Stage<T>| {
            let config = stage.layer.config()?;
            Some(serde_json::json!({ "name": stage.name, "kind": stage.layer.kind(), "config": config }))
        };
        self.stages.iter().map(stage).collect::<Option<Vec<Json>>>().map(Json::from)
    }
}
