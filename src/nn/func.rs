//! A closure as a layer.

use super::model::batched;
use super::{Layer, ParamScope, Pass};
use crate::{Element, Error, Result, Shape, Tape, Tensor, Var};

/// A closure without parameters as a layer, under a name. Its output's shape is found by trying it on two examples of zeros.
///
/// # Examples
/// ```
/// use retrograd::nn::{Dense, Model, Sequential, func};
/// let network = Sequential::new().with(Dense::new(4)).with(func("swish2", |x| x * (x * 2.0).sigmoid()));
/// let model = Model::<f64>::new(network, 3, 0)?;
/// assert_eq!(model.output_shape().dims(), [4]);
/// # Ok::<(), retrograd::Error>(())
/// ```
///
/// # Panics
/// Building the model, where the closure panics for examples of the input's shape.
pub fn func<T, F>(name: &'static str, f: F) -> Func<F>
where
    T: Element,
    F: for<'t> Fn(Var<'t, T>) -> Var<'t, T> + Send + Sync,
{
    Func { name, f }
}

/// A closure as a layer. Made by [`func`].
///
/// # Examples
/// ```
/// use retrograd::nn::{Model, func};
/// let model = Model::<f64>::new(func("halved", |x| x * 0.5), 2, 0)?;
/// assert_eq!(model.predict_one(&[1.0, -4.0])?, [0.5, -2.0]);
/// assert_eq!(model.network().kind(), "halved");
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Func<F> {
    name: &'static str,
    f: F,
}

impl<T, F> Layer<T> for Func<F>
where
    T: Element,
    F: for<'t> Fn(Var<'t, T>) -> Var<'t, T> + Send + Sync,
{
    fn kind(&self) -> &'static str {
        self.name
    }
    fn build(&mut self, input: &Shape, _: &mut ParamScope<'_, T>) -> Result<Shape> {
        let tape = Tape::of();
        let output = (self.f)(tape.data(Tensor::zeros(batched(2, input)))).shape();
        match output.split_first() {
            Some((2, example)) => Ok(example.into()),
            _ => Err(Error::shape(format!(
                "{}: gave shape {output} for a batch of 2 examples; the first axis stays the batch's",
                self.name
            ))),
        }
    }
    fn forward<'t>(&self, x: Var<'t, T>, _: &Pass<'t, T>) -> Var<'t, T> {
        (self.f)(x)
    }
}
