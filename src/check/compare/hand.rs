//! Hand-coded numbers as people have them: arrays of any nesting, in either precision, or a closure of the point.

use super::Parameters;
use crate::error::{Error, Result};
use crate::num::Element;
use crate::tensor::Tensor;

/// The error allowed relative to the largest value, where nothing else was asked for.
pub(super) const DOUBLE: f64 = 1e-9;
pub(super) const SINGLE: f64 = 1e-5;

/// Numbers that were computed by hand: a number, an array, a `Vec`, a `Vec` of rows, or a tensor, of `f64` or `f32`.
///
/// What was computed in single precision has rounding of its own, so it is held to 1e-5 unless
/// [`Compare::tolerance`](super::Compare::tolerance) says otherwise, and f64 to 1e-9.
///
/// Where nothing else says of which precision a tensor is, its type does: `Tensor::<f64>::zeros([3])`.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, check::Compare};
/// let square = || Compare::new(|p| p[0].square().sum(())).parameter("w", [[1.0, 2.0], [3.0, 0.1]]);
/// square().hand("w", vec![vec![2.0, 4.0], vec![6.0, 0.2]]).run()?.assert();
/// square().hand("w", Tensor::from([[2.0_f32, 4.0], [6.0, 0.2]])).run()?.assert();
/// let ragged = square().hand("w", vec![vec![2.0, 4.0], vec![6.0]]).run().unwrap_err();
/// assert_eq!(
///     ragged.to_string(),
///     "compare: hand-coded gradient \"w\": row 1 has 1 number and row 0 has 2; all rows must be of one length"
/// );
/// # Ok::<(), retrograd::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no array of numbers",
    label = "expected numbers of `f64` or `f32`: one, an array, a `Vec`, a `Vec` of rows, or a `Tensor`",
    note = "write `1.0` rather than `1`, and `Tensor::<f64>::zeros(..)` where nothing else says which; a list of tensors is one `hand(name, tensor)` each"
)]
pub trait HandCoded: sealed::Sealed {
    /// Whether they were computed in single precision.
    #[doc(hidden)]
    const IS_SINGLE: bool;
    /// The numbers in their shape.
    ///
    /// # Errors
    /// Rows of different lengths.
    #[doc(hidden)]
    fn into_hand_coded(self) -> Result<Tensor<f64>>;
}

mod sealed {
    pub trait Sealed {}
}

/// The value of a parameter: a number, an array, a `Vec`, a `Vec` of rows, or a tensor, of `f64`.
///
/// `f32` is left to [`HandCoded`], so that `Tensor::zeros([3])` needs no type here.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, check::Compare};
/// Compare::new(|p| p["W"].sum(()) * p["rate"] + p["b"].sum(()))
///     .parameter("W", vec![vec![1.0, 2.0], vec![3.0, 4.0]])
///     .parameter("rate", 0.5)
///     .parameter("b", Tensor::zeros([2]))
///     .hand("rate", 10.0)
///     .run()?
///     .assert();
/// # Ok::<(), retrograd::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no value of a parameter",
    label = "expected numbers of `f64`: one, an array, a `Vec`, a `Vec` of rows, or a `Tensor`",
    note = "write `1.0` rather than `1`; of `f32`, `f64::from(x)` is a number's value"
)]
pub trait ParameterValue: sealed::Sealed {
    /// The numbers in their shape.
    ///
    /// # Errors
    /// Rows of different lengths.
    #[doc(hidden)]
    fn into_parameter(self) -> Result<Tensor<f64>>;
}

impl<X: Into<Tensor<f64>>> sealed::Sealed for X {}
#[diagnostic::do_not_recommend]
impl<X: Into<Tensor<f64>>> ParameterValue for X {
    fn into_parameter(self) -> Result<Tensor<f64>> {
        Ok(self.into())
    }
}
#[diagnostic::do_not_recommend]
impl<X: ParameterValue> HandCoded for X {
    const IS_SINGLE: bool = false;
    fn into_hand_coded(self) -> Result<Tensor<f64>> {
        self.into_parameter()
    }
}

macro_rules! single {
    ($([$($generics:tt)*] $array:ty),* $(,)?) => {$(
        impl<$($generics)*> sealed::Sealed for $array {}
        impl<$($generics)*> HandCoded for $array {
            const IS_SINGLE: bool = true;
            fn into_hand_coded(self) -> Result<Tensor<f64>> {
                Ok(double(self.into()))
            }
        }
    )*};
}
single!(
    [] f32, [] Tensor<f32>, [] &Tensor<f32>, [] Vec<f32>, [] &Vec<f32>, [] &[f32],
    [const N: usize] [f32; N], [const N: usize] &[f32; N], [const N: usize] Vec<[f32; N]>, [const N: usize] &[[f32; N]],
    [const M: usize, const N: usize] [[f32; N]; M],
    [const L: usize, const M: usize, const N: usize] [[[f32; N]; M]; L],
);

macro_rules! nested {
    ($($array:ty => $into:ident),* $(,)?) => {$(
        impl sealed::Sealed for $array {}
        impl ParameterValue for $array {
            fn into_parameter(self) -> Result<Tensor<f64>> {
                $into(&self)
            }
        }
    )*};
}
nested!(
    Vec<Vec<f64>> => rows, &Vec<Vec<f64>> => rows, &[Vec<f64>] => rows, Vec<Vec<Vec<f64>>> => blocks,
    &Vec<Vec<Vec<f64>>> => blocks,
);

macro_rules! nested_single {
    ($($array:ty => $into:ident),* $(,)?) => {$(
        impl sealed::Sealed for $array {}
        impl HandCoded for $array {
            const IS_SINGLE: bool = true;
            fn into_hand_coded(self) -> Result<Tensor<f64>> {
                $into(&self)
            }
        }
    )*};
}
nested_single!(
    Vec<Vec<f32>> => rows, &Vec<Vec<f32>> => rows, &[Vec<f32>] => rows, Vec<Vec<Vec<f32>>> => blocks,
    &Vec<Vec<Vec<f32>>> => blocks,
);

fn double<T: Element>(x: Tensor<T>) -> Tensor<f64> {
    let numbers = x.iter().map(|x| x.to_f64()).collect();
    Tensor::new(x.shape(), numbers).expect("as many numbers as the shape has")
}

fn rows<T: Element>(rows: &[Vec<T>]) -> Result<Tensor<f64>> {
    same_lengths("row", "number", rows)?;
    let numbers = rows.iter().flatten().map(|x| x.to_f64()).collect();
    Tensor::new([rows.len(), rows.first().map_or(0, Vec::len)], numbers)
}

fn blocks<T: Element>(blocks: &[Vec<Vec<T>>]) -> Result<Tensor<f64>> {
    same_lengths("block", "row", blocks)?;
    let all: Vec<Vec<T>> = blocks.iter().flatten().cloned().collect();
    let n_rows = blocks.first().map_or(0, Vec::len);
    let matrix = rows(&all)?;
    matrix.try_reshape([blocks.len(), n_rows, all.first().map_or(0, Vec::len)])
}

fn same_lengths<X>(what: &str, of: &str, lists: &[Vec<X>]) -> Result<()> {
    let first = lists.first().map_or(0, Vec::len);
    match lists.iter().position(|list| list.len() != first) {
        None => Ok(()),
        Some(k) => {
            let (n, s) = (lists[k].len(), if lists[k].len() == 1 { "" } else { "s" });
            Err(Error::shape(format!(
                "{what} {k} has {n} {of}{s} and {what} 0 has {first}; all {what}s must be of one length"
            )))
        }
    }
}

/// The gradient as a closure of the parameters' values.
type AtPoint<'f> = dyn Fn(&Parameters<Tensor<f64>>) -> Result<Tensor<f64>> + 'f;

/// Where hand-coded values come from.
pub(super) enum Source<'f> {
    Numbers(Tensor<f64>),
    Function(Box<AtPoint<'f>>),
}

/// One hand-coded gradient.
pub(super) struct Hand<'f> {
    pub name: String,
    pub source: Source<'f>,
    pub is_single: bool,
}

impl<'f> Hand<'f> {
    pub fn function<R: HandCoded>(name: String, f: impl Fn(&Parameters<Tensor<f64>>) -> R + 'f) -> Self {
        Self { name, source: Source::Function(Box::new(move |p| f(p).into_hand_coded())), is_single: R::IS_SINGLE }
    }
    /// Whether it can be had at other points.
    pub fn is_function(&self) -> bool {
        matches!(self.source, Source::Function(_))
    }
    /// The values at a point; plain numbers are of one point, whichever it is.
    pub fn at(&self, point: &Parameters<Tensor<f64>>) -> Result<Tensor<f64>> {
        match &self.source {
            Source::Numbers(numbers) => Ok(numbers.clone()),
            Source::Function(f) => super::parameters::with_names(|| f(point))?.map_err(|why| named(&self.name, why)),
        }
    }
}

/// An error of a hand-coded gradient's numbers, with its name.
pub(super) fn named(name: &str, why: Error) -> Error {
    Error::shape(format!("compare: hand-coded gradient {name:?}: {why}"))
}
