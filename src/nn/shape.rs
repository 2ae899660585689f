//! Layers that change only the shape.

use super::{Ending, Layer, ParamScope, Params, Pass};
use crate::{Element, Result, Shape, Tensor, Var};
use serde_json::{Value as Json, json};

/// Each example as one row of numbers: [n, a, b, ...] -> [n, a b ...].
///
/// # Examples
/// ```
/// use retrograd::{Tensor, nn::{Dense, Flatten, Model, Sequential}};
/// let model = Model::<f64>::new(Sequential::new().with(Flatten).with(Dense::new(10)), [28, 28], 0)?;
/// assert_eq!(model.parameter("dense1.weight")?.shape().dims(), [784, 10]);
/// assert_eq!(model.predict(&Tensor::zeros([5, 28, 28]))?.shape().dims(), [5, 10]);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Flatten;

impl<T: Element> Layer<T> for Flatten {
    fn kind(&self) -> &'static str {
        "flatten"
    }
    fn ending(&self) -> Ending {
        Ending::Unchanged
    }
    fn build(&mut self, input: &Shape, _: &mut ParamScope<'_, T>) -> Result<Shape> {
        Ok([input.numel()].into())
    }
    fn forward<'t>(&self, x: Var<'t, T>, _: &Pass<'t, T>) -> Var<'t, T> {
        x.reshape(flat(&x.shape()))
    }
    fn predict(&self, x: &Tensor<T>, _: &Params<T>) -> Tensor<T> {
        x.reshape(flat(x.shape()))
    }
    fn config(&self) -> Option<Json> {
        Some(json!({}))
    }
}

fn flat(batch: &[usize]) -> [usize; 2] {
    [batch[0], batch[1..].iter().product()]
}
