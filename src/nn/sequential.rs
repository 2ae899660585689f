//! Layers in a row.

use super::{Layer, Params, Pass, Scope, Stage};
use crate::{Element, Result, Shape, Tensor, Var};
use serde_json::Value as Json;

/// Layers one after another: each takes what the one before gives.
pub struct Sequential<T> {
    stages: Vec<Stage<T>>,
}

impl<T: Element> Sequential<T> {
    /// No layers: the output is the input.
    pub fn new() -> Self {
        Self { stages: Vec::new() }
    }

    /// The same with another layer at the end, called after its kind and how many of them there are: `dense2`.
    pub fn with(self, layer: impl Layer<T> + 'static) -> Self {
        let kind = layer.kind();
        let of_kind = self.stages.iter().filter(|stage| stage.layer.kind() == kind).count();
        self.with_named(format!("{kind}{}", of_kind + 1), layer)
    }

    /// The same with another layer of this name at the end.
    pub fn with_named(mut self, name: impl Into<String>, layer: impl Layer<T> + 'static) -> Self {
        let (input, output) = (Shape::scalar(), Shape::scalar());
        self.stages.push(Stage { name: name.into(), layer: Box::new(layer), input, output });
        self
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
    fn build(&mut self, input: &Shape, scope: &mut Scope<'_, T>) -> Result<Shape> {
        let mut shape = input.clone();
        for stage in &mut self.stages {
            stage.input = shape;
            let built = stage.layer.build(&stage.input, &mut scope.child(&stage.name));
            stage.output = built.map_err(|error| error.within(&stage.name))?;
            shape = stage.output.clone();
        }
        Ok(shape)
    }
    fn forward<'t>(&self, x: Var<'t, T>, pass: &Pass<'t, T>) -> Var<'t, T> {
        self.stages.iter().fold(x, |x, stage| stage.layer.forward(x, pass))
    }
    fn predict(&self, x: &Tensor<T>, params: &Params<T>) -> Tensor<T> {
        self.stages.iter().fold(x.clone(), |x, stage| stage.layer.predict(&x, params))
    }
    fn children(&self) -> &[Stage<T>] {
        &self.stages
    }
    fn config(&self) -> Option<Json> {
        let stage = |stage: &Stage<T>| {
            let config = stage.layer.config()?;
            Some(serde_json::json!({ "name": stage.name, "kind": stage.layer.kind(), "config": config }))
        };
        self.stages.iter().map(stage).collect::<Option<Vec<Json>>>().map(Json::from)
    }
}
