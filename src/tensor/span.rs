//! Parts of axes: what [`Var::slice`](crate::Var::slice) takes.

use super::Shape;
use super::kernels::layout::View;
use crate::error::{Error, Result};
use std::ops::{Range, RangeFrom, RangeFull, RangeTo};

/// A part of one axis: a range, with a step, or one number, which drops the axis. Negative numbers count from the end.
///
/// # Examples
/// ```
/// use retrograd::{Span, Tensor};
/// let x = Tensor::from([0.0, 1.0, 2.0, 3.0, 4.0]);
/// assert_eq!(x.slice(1..3).to_vec(), [1.0, 2.0]);
/// assert_eq!(x.slice(-2..).to_vec(), [3.0, 4.0]);
/// assert_eq!(x.slice(Span::from(..).step(-2)).to_vec(), [4.0, 2.0, 0.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    start: Option<isize>,
    end: Option<isize>,
    step: isize,
    single: bool,
}

impl Span {
    /// The same range with another step; a negative one goes backwards from the end of the range.
    pub fn step(self, step: isize) -> Self {
        Self { step, ..self }
    }

    fn new(start: Option<isize>, end: Option<isize>) -> Self {
        Self { start, end, step: 1, single: false }
    }

    /// First element, and how many, for an axis of length n.
    fn resolve(&self, axis: usize, n: usize) -> Result<(usize, usize)> {
        let length = n as isize;
        let absolute = |i: isize| if i < 0 { i + length } else { i };
        let out_of_range =
            |i: isize| Error::argument(format!("slice: {i} is out of range for axis {axis} of length {n}"));
        if self.single {
            let i = self.start.unwrap_or(0);
            return match absolute(i) {
                at if (0..length).contains(&at) => Ok((at as usize, 1)),
                _ => Err(out_of_range(i)),
            };
        }
        let (start, end) = (self.start.unwrap_or(0), self.end.unwrap_or(length));
        let (from, to) = (absolute(start), absolute(end));
        for (given, at) in [(start, from), (end, to)] {
            if !(0..=length).contains(&at) {
                return Err(out_of_range(given));
            }
        }
        if self.step == 0 {
            return Err(Error::argument(format!("slice: step 0 along axis {axis}")));
        }
        let count = ((to - from).max(0) as usize).div_ceil(self.step.unsigned_abs());
        let first = if self.step > 0 || count == 0 { from } else { to - 1 };
        Ok((first as usize, count))
    }
}

/// A number too large for `isize` is out of range, and must not become a negative one, which counts from the end.
fn place<I: TryInto<isize>>(i: I) -> isize {
    i.try_into().unwrap_or(isize::MAX)
}

macro_rules! span_from {
    ($($t:ty),*) => {$(
        impl From<$t> for Span {
            fn from(i: $t) -> Self {
                Self { single: true, ..Self::new(Some(place(i)), None) }
            }
        }
        impl From<Range<$t>> for Span {
            fn from(range: Range<$t>) -> Self {
                Self::new(Some(place(range.start)), Some(place(range.end)))
            }
        }
        impl From<RangeFrom<$t>> for Span {
            fn from(range: RangeFrom<$t>) -> Self {
                Self::new(Some(place(range.start)), None)
            }
        }
        impl From<RangeTo<$t>> for Span {
            fn from(range: RangeTo<$t>) -> Self {
                Self::new(None, Some(place(range.end)))
            }
        }
        one_span!($t, Range<$t>, RangeFrom<$t>, RangeTo<$t>);
    )*};
}
impl From<RangeFull> for Span {
    fn from(_: RangeFull) -> Self {
        Self::new(None, None)
    }
}

/// A span for each leading axis: one range or number, an array or slice, or a tuple of up to four.
///
/// # Examples
/// ```
/// use retrograd::Tensor;
/// let x = Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
/// assert_eq!(x.slice(1).to_vec(), [4.0, 5.0, 6.0]);
/// assert_eq!(x.slice((.., -1)).to_vec(), [3.0, 6.0]);
/// assert_eq!(x.slice([0..1, 1..3]).shape().dims(), [1, 2]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say which part to take",
    label = "expected numbers and ranges, one for each axis",
    note = "as in `x.slice((1, 2..))`; with steps, `x.slice((.., Span::from(..).step(2)))`; several entries by number: `x.gather(axis, &[0, 2])`"
)]
pub trait Spans {
    /// The spans.
    fn spans(self) -> Vec<Span>;
}
impl<S: Into<Span> + Copy> Spans for &[S] {
    fn spans(self) -> Vec<Span> {
        self.iter().map(|&span| span.into()).collect()
    }
}
impl<S: Into<Span>, const N: usize> Spans for [S; N] {
    fn spans(self) -> Vec<Span> {
        self.into_iter().map(Into::into).collect()
    }
}
macro_rules! one_span {
    ($($t:ty),*) => {$(
        impl Spans for $t {
            fn spans(self) -> Vec<Span> {
                vec![self.into()]
            }
        }
    )*};
}
one_span!(RangeFull, Span);
// i32 is what a literal becomes where nothing else decides.
span_from!(isize, usize, i32);
macro_rules! tuple_spans {
    ($($($S:ident)+;)*) => {$(
        impl<$($S: Into<Span>),+> Spans for ($($S,)+) {
            #[allow(non_snake_case)]
            fn spans(self) -> Vec<Span> {
                let ($($S,)+) = self;
                vec![$($S.into()),+]
            }
        }
    )*};
}
tuple_spans!(A; A B; A B C; A B C D;);

/// Which elements a slice takes: a view into a tensor of shape `from`, read in the order of `to`.
#[derive(Debug, PartialEq)]
pub(crate) struct SliceSpec {
    pub from: Shape,
    pub to: Shape,
    pub view: View,
}

/// The view that the spans describe, and the shape of the result without the axes that single numbers drop.
pub(crate) fn slice_spec(spans: &[Span], shape: &Shape) -> Result<(SliceSpec, Shape)> {
    if spans.len() > shape.rank() {
        return Err(Error::argument(format!(
            "slice: {} spans for the {} axes of shape {shape}",
            spans.len(),
            shape.rank()
        )));
    }
    let strides = shape.strides();
    let mut view = View { start: 0, strides: Default::default() };
    let (mut to, mut kept) = (Vec::new(), Vec::new());
    for (axis, &n) in shape.iter().enumerate() {
        let span = spans.get(axis).copied().unwrap_or_else(|| Span::from(..));
        let (first, count) = span.resolve(axis, n)?;
        view.start += first * strides[axis];
        // No wrap: a step from one element of the axis to another. Where there is one element, the step may be anything.
        view.strides.push(if count > 1 { strides[axis] as isize * span.step } else { strides[axis] as isize });
        to.push(count);
        if !span.single {
            kept.push(count);
        }
    }
    Ok((SliceSpec { from: shape.clone(), to: to.into(), view }, kept.into()))
}
