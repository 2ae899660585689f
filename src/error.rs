//! The one error type.
//!
//! An [`Error`] is opaque: its message says what was wrong, where, and where it helps what would be right;
//! predicates such as [`Error::is_shape`] tell the kinds apart, so that kinds can be added without breaking callers.

use std::fmt;

/// What went wrong, with a message fit to print.
///
/// # Examples
/// ```
/// use retrograd::{Error, Tensor};
/// let error = Tensor::from([[1.0, 2.0]]).try_matmul(&Tensor::from([[1.0], [2.0], [3.0]])).unwrap_err();
/// assert!(error.is_shape() && error.to_string().starts_with("matmul: inner dimensions differ"));
/// // One of your own, and where it happened.
/// let error = Error::argument("rate: 0 is not above 0").within("settings.json");
/// assert_eq!(error.to_string(), "settings.json: rate: 0 is not above 0");
/// ```
#[derive(Clone, PartialEq)]
pub struct Error {
    kind: Kind,
    message: String,
}

/// A result whose error is [`Error`].
///
/// # Examples
/// ```
/// use retrograd::{Result, Tensor};
/// fn whitening(covariance: &Tensor<f64>) -> Result<Tensor<f64>> {
///     covariance.try_cholesky()?.try_inv()
/// }
/// assert_eq!(whitening(&Tensor::from([[4.0, 0.0], [0.0, 1.0]]))?.to_vec(), [0.5, 0.0, 0.0, 1.0]);
/// assert!(whitening(&Tensor::from([4.0, 1.0])).is_err_and(|error| error.is_shape()));
/// # Ok::<(), retrograd::Error>(())
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Shape,
    Argument,
    Tape,
    NotDifferentiable,
    NotFinite,
    Check,
    Io,
}

impl Error {
    /// An error of this kind: shapes that do not fit.
    ///
    /// Messages have the form `op: what was wrong`, in lower case, without a full stop.
    pub fn shape(message: impl Into<String>) -> Self {
        Self { kind: Kind::Shape, message: message.into() }
    }
    /// An error of this kind: a value outside what the operation accepts.
    pub fn argument(message: impl Into<String>) -> Self {
        Self { kind: Kind::Argument, message: message.into() }
    }
    pub(crate) fn tape(message: impl Into<String>) -> Self {
        Self { kind: Kind::Tape, message: message.into() }
    }
    pub(crate) fn not_differentiable(message: impl Into<String>) -> Self {
        Self { kind: Kind::NotDifferentiable, message: message.into() }
    }
    /// An error of this kind: a value or gradient that is NaN or infinite.
    pub fn not_finite(message: impl Into<String>) -> Self {
        Self { kind: Kind::NotFinite, message: message.into() }
    }
    pub(crate) fn check(message: impl Into<String>) -> Self {
        Self { kind: Kind::Check, message: message.into() }
    }

    /// An error of this kind: reading or writing failed.
    pub fn io(message: impl Into<String>) -> Self {
        Self { kind: Kind::Io, message: message.into() }
    }

    /// The same error, under the name of the op that the user called.
    pub fn named(self, op: &str) -> Self {
        let said = self.message.split_once(": ").map_or(&self.message[..], |(_, rest)| rest);
        Self { message: format!("{op}: {said}"), ..self }
    }

    /// The same error, with where it happened before it.
    pub fn within(self, place: &str) -> Self {
        Self { message: format!("{place}: {}", self.message), ..self }
    }

    /// An error of a user's own op: `message` in the form `op: what was wrong`.
    pub fn custom(message: impl Into<String>) -> Self {
        Self::argument(message)
    }

    /// Shapes that do not fit the op, or each other.
    pub fn is_shape(&self) -> bool {
        self.kind == Kind::Shape
    }
    /// A value outside what the operation accepts: a label out of range, an empty list, a bad parameter.
    pub fn is_argument(&self) -> bool {
        self.kind == Kind::Argument
    }
    /// Variables of different tapes, or a variable that its tape does not know.
    pub fn is_tape(&self) -> bool {
        self.kind == Kind::Tape
    }
    /// A derivative was asked for that nobody wrote, such as a second derivative through a numeric rule.
    pub fn is_not_differentiable(&self) -> bool {
        self.kind == Kind::NotDifferentiable
    }
    /// A value or gradient that is NaN or infinite.
    pub fn is_not_finite(&self) -> bool {
        self.kind == Kind::NotFinite
    }
    /// A gradient check that found a disagreement.
    pub fn is_check(&self) -> bool {
        self.kind == Kind::Check
    }
    /// Reading or writing failed.
    pub fn is_io(&self) -> bool {
        self.kind == Kind::Io
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.message)
    }
}

impl std::error::Error for Error {}

impl From<std::io::Error> for Error {
    fn from(e: std::io::Error) -> Self {
        Self { kind: Kind::Io, message: e.to_string() }
    }
}

/// Ends an operator or a method that mirrors arithmetic with the message of its error, at the caller's line.
pub(crate) trait OrPanic<T> {
    fn or_panic(self) -> T;
}

/// Puts the name of the op that the user called before the message.
pub(crate) trait Named {
    fn named(self, op: &str) -> Self;
}

impl<T> Named for Result<T> {
    fn named(self, op: &str) -> Self {
        self.map_err(|error| error.named(op))
    }
}

impl<T> OrPanic<T> for Result<T> {
    #[track_caller]
    #[inline]
    fn or_panic(self) -> T {
        match self {
            Ok(value) => value,
            Err(error) => panic!("{error}"),
        }
    }
}

/// What a call that must not go on says: behind it are pointers that nothing checks any more.
#[cfg(test)]
pub(crate) fn refusal<R>(run: impl FnOnce() -> R) -> String {
    let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).err().expect("it is refused");
    let text = payload.downcast_ref::<&str>().map(|text| text.to_string());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).expect("a message")
}
