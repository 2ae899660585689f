//! The fully connected layer.

use super::{Ending, Init, Layer, ParamKey, ParamScope, Params, Pass};
use crate::{Element, Error, Result, Shape, Tensor, Var};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// y = x W + b, with W [inputs, outputs] and b `[outputs]`; acts on the last axis of one example.
///
/// Shapes: [n, ..., inputs] -> [n, ..., outputs]. dL/dW = x' dL/dy, dL/db = sum over examples of dL/dy, dL/dx = dL/dy W'.
///
/// # Examples
/// ```
/// use retrograd::nn::{Dense, Init, Model};
/// let model = Model::<f64>::new(Dense::new(3).init(Init::HeNormal).without_bias(), 5, 0)?;
/// assert_eq!(model.params().count(), 15);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dense {
    units: usize,
    #[serde(rename = "init")]
    weight_init: Init,
    #[serde(rename = "bias")]
    bias_init: Option<Init>,
    #[serde(skip)]
    weight: ParamKey,
    #[serde(skip)]
    bias: Option<ParamKey>,
}

impl Dense {
    /// A layer of this many units, with biases. Weights start by Glorot's uniform rule, biases at 0.
    pub fn new(units: usize) -> Self {
        Self {
            units,
            weight_init: Init::GlorotUniform,
            bias_init: Some(Init::Zeros),
            weight: ParamKey::default(),
            bias: None,
        }
    }
    /// Sets how the weights start.
    pub fn init(mut self, init: Init) -> Self {
        self.weight_init = init;
        self
    }
    /// Sets how the biases start; at 0 unless set.
    pub fn bias_init(mut self, init: Init) -> Self {
        self.bias_init = Some(init);
        self
    }
    /// Leaves the biases out: y = x W.
    pub fn without_bias(mut self) -> Self {
        self.bias_init = None;
        self
    }
    /// The weights' key, once built.
    pub fn weight(&self) -> ParamKey {
        self.weight
    }
}

impl<T: Element> Layer<T> for Dense {
    fn kind(&self) -> &'static str {
        "dense"
    }
    fn ending(&self) -> Ending {
        Ending::Any
    }
    fn describe(&self) -> String {
        format!("dense({}{})", self.units, if self.bias_init.is_some() { "" } else { ", no bias" })
    }
    #[inline(never)]
    fn build(&mut self, input: &Shape, scope: &mut ParamScope<'_, T>) -> Result<Shape> {
        let Some(&inputs) = input.last() else {
            return Err(Error::shape("dense: an example is a single number; give it the shape [1]"));
        };
        if self.units == 0 || inputs == 0 {
            return Err(Error::argument(format!(
                "dense: {inputs} inputs and {} units; both must be above 0",
                self.units
            )));
        }
        let mut output = input.to_vec();
        output[input.rank() - 1] = self.units;
        // Before there is a shape of such lengths.
        for lengths in [&output[..], &[inputs, self.units]] {
            Shape::of("dense", lengths)?;
        }
        self.weight = scope.weight("weight", [inputs, self.units], self.weight_init)?;
        self.bias = self.bias_init.map(|init| scope.bias("bias", [self.units], init.of_bias(inputs))).transpose()?;
        Ok(output.into())
    }
    #[inline(never)]
    fn forward<'t>(&self, x: Var<'t, T>, pass: &Pass<'t, T>) -> Var<'t, T> {
        let y = x.matmul(pass.param(self.weight));
        match self.bias {
            Some(bias) => y + pass.param(bias),
            None => y,
        }
    }
    #[inline(never)]
    fn predict(&self, x: &Tensor<T>, params: &Params<T>) -> Tensor<T> {
        let mut y = x.matmul(&params[self.weight]);
        if let Some(bias) = self.bias {
            // In place: nothing else holds the product, and a sum rounds the same wherever it goes.
            let bias = params[bias].as_slice();
            for row in y.as_mut_slice().chunks_exact_mut(bias.len()) {
                row.iter_mut().zip(bias).for_each(|(y, b)| *y += *b);
            }
        }
        y
    }
    #[inline(never)]
    fn config(&self) -> Option<Json> {
        Some(json!(self))
    }
}
