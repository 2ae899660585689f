//! Rows of a table, by number.

use super::{Ending, Init, Layer, ParamKey, ParamScope, Params, Pass};
use crate::{Element, Error, Result, Shape, Tensor, Var};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// Each index becomes its row of a learned table [rows, units]: `y[i] = W[x[i]]`.
///
/// Shapes: `[n]` -> [n, units], [n, k] -> [n, k, units]; indices are whole numbers in 0..rows. dL/dW adds dL/dy to each row as
/// often as it was looked up; nothing flows to the indices. Rows start from N(0, 1). Source: torch.nn.Embedding.
///
/// An index that is no row is an error of [`Model::predict`](super::Model::predict) and of
/// [`Model::step`](super::Model::step).
///
/// # Panics
/// [`Layer::predict`] for such an index; [`Layer::try_predict`] returns an error.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, nn::{Embedding, Model}};
/// let model = Model::<f64>::new(Embedding::new(5, 2), [3], 0)?;
/// assert_eq!(model.predict(&Tensor::from([[0.0, 4.0, 1.0]]))?.shape().dims(), [1, 3, 2]);
/// let error = model.predict(&Tensor::from([[0.0, 5.0, 1.0]])).unwrap_err();
/// assert_eq!(error.to_string(), "embedding: index 5 at row 0 is not a row of a table of 5 (valid 0..=4)");
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Embedding {
    rows: usize,
    units: usize,
    init: Init,
    #[serde(skip)]
    weight: ParamKey,
}

impl Embedding {
    /// A table of this many rows, each of this many numbers.
    pub fn new(rows: usize, units: usize) -> Self {
        Self { rows, units, init: Init::Normal { mean: 0.0, deviation: 1.0 }, weight: ParamKey::default() }
    }
    /// Sets how the table starts.
    pub fn init(mut self, init: Init) -> Self {
        self.init = init;
        self
    }
    /// The table's key, once built.
    pub fn weight(&self) -> ParamKey {
        self.weight
    }

    /// The indices, or an error for the first that is no row.
    fn indices<T: Element>(&self, x: &Tensor<T>) -> Result<Vec<usize>> {
        let each = x.len() / x.shape().first().copied().unwrap_or(1).max(1);
        let index = |(i, x): (usize, &T)| {
            let number = x.to_f64();
            let whole = number as usize;
            if whole as f64 == number && whole < self.rows {
                return Ok(whole);
            }
            Err(Error::argument(format!(
                "embedding: index {number} at row {} is not a row of a table of {} (valid 0..={})",
                i / each.max(1),
                self.rows,
                self.rows - 1
            )))
        };
        x.iter().enumerate().map(index).collect()
    }

    fn shape(&self, x: &[usize]) -> Shape {
        x.iter().copied().chain([self.units]).collect()
    }
}

impl<T: Element> Layer<T> for Embedding {
    fn kind(&self) -> &'static str {
        "embedding"
    }
    fn ending(&self) -> Ending {
        Ending::Any
    }
    fn describe(&self) -> String {
        format!("embedding({}, {})", self.rows, self.units)
    }
    #[inline(never)]
    fn build(&mut self, input: &Shape, scope: &mut ParamScope<'_, T>) -> Result<Shape> {
        if self.rows == 0 || self.units == 0 {
            return Err(Error::argument(format!(
                "embedding: {} rows of {} units; both must be above 0",
                self.rows, self.units
            )));
        }
        // Beyond, neighbouring whole numbers are no longer told apart.
        if self.rows as f64 > 2.0 / T::EPSILON {
            return Err(Error::argument(format!("embedding: {} rows are more than {} can count", self.rows, T::NAME)));
        }
        // Before there is a shape of such lengths.
        let output: Vec<usize> = input.iter().copied().chain([self.units]).collect();
        for lengths in [&output[..], &[self.rows, self.units]] {
            Shape::of("embedding", lengths)?;
        }
        self.weight = scope.weight("weight", [self.rows, self.units], self.init)?;
        let lengths: Vec<usize> = input.iter().copied().chain([self.units]).collect();
        Shape::new(&lengths)
    }
    #[inline(never)]
    fn forward<'t>(&self, x: Var<'t, T>, pass: &Pass<'t, T>) -> Var<'t, T> {
        let x = x.value();
        match self.indices(&x) {
            Ok(indices) => pass.param(self.weight).gather(0, &indices).reshape(self.shape(x.shape())),
            Err(error) => pass.fail(error, self.shape(x.shape())),
        }
    }
    #[inline(never)]
    fn predict(&self, x: &Tensor<T>, params: &Params<T>) -> Tensor<T> {
        let indices = self.indices(x).unwrap_or_else(|error| panic!("{error}"));
        let rows = params[self.weight].select_rows(&indices);
        rows.reshape(self.shape(x.shape()))
    }
    #[inline(never)]
    fn check_input(&self, x: &Tensor<T>) -> Result<()> {
        self.indices(x).map(drop)
    }
    #[inline(never)]
    fn config(&self) -> Option<Json> {
        Some(json!(self))
    }
}
