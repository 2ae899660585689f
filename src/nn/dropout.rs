//! Dropout.

use super::{Ending, Layer, ParamScope, Params, Pass};
use crate::{Element, Error, Result, Shape, Tensor, Var};
use rand::RngCore;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// In training y = x m / (1 - p), where each m is 0 with probability p, else 1; in use y = x.
///
/// The division keeps the mean of y that of x, so that nothing is left to do in use. The mask is drawn from
/// [`Pass::rng_of_rows`]: the same for one seed, epoch, batch and row. dL/dx = m / (1 - p) dL/dy.
///
/// Source: Srivastava et al., Dropout: A Simple Way to Prevent Neural Networks from Overfitting (2014).
///
/// # Examples
/// ```
/// use retrograd::{Tape, Tensor, nn::{Draw, Dropout, Model, Pass}};
/// let model = Model::<f64>::new(Dropout::new(0.5), 100, 0)?;
/// let tape = Tape::new();
/// let pass = Pass::train(&tape, model.params(), Draw::default());
/// let y = model.forward(tape.data(Tensor::ones([1, 100])), &pass).value();
/// assert!(y.iter().all(|&y| y == 0.0 || y == 2.0));
/// // In use it does nothing.
/// assert_eq!(model.predict_one(&[1.0; 100])?, [1.0; 100]);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dropout {
    p: f64,
}

impl Dropout {
    /// Drops with this probability, in [0, 1).
    pub fn new(p: f64) -> Self {
        Self { p }
    }
}

impl<T: Element> Layer<T> for Dropout {
    fn kind(&self) -> &'static str {
        "dropout"
    }
    fn ending(&self) -> Ending {
        Ending::Unchanged
    }
    fn describe(&self) -> String {
        format!("dropout({})", self.p)
    }
    #[inline(never)]
    fn build(&mut self, input: &Shape, _: &mut ParamScope<'_, T>) -> Result<Shape> {
        if !(0.0..1.0).contains(&self.p) {
            return Err(Error::argument(format!("dropout: the probability is in [0, 1), got {}", self.p)));
        }
        Ok(input.clone())
    }
    #[inline(never)]
    fn forward<'t>(&self, x: Var<'t, T>, pass: &Pass<'t, T>) -> Var<'t, T> {
        if !pass.is_training() || self.p == 0.0 {
            return x;
        }
        // 32 bits decide: a draw below p 2^32 drops.
        let threshold = (self.p * 2f64.powi(32)) as u32;
        let choice = [T::from_f64(1.0 / (1.0 - self.p)), T::from_f64(0.0)];
        let shape = x.shape();
        let mut rng = pass.rng_of_rows(shape.iter().skip(1).product());
        let mask = pass.tape().tensor(shape, |mask| {
            for m in mask {
                *m = choice[(rng.next_u32() < threshold) as usize];
            }
        });
        x * pass.tape().data(mask)
    }
    #[inline(never)]
    fn predict(&self, x: &Tensor<T>, _: &Params<T>) -> Tensor<T> {
        x.clone()
    }
    #[inline(never)]
    fn config(&self) -> Option<Json> {
        Some(json!(self))
    }
}
