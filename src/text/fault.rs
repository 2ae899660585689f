//! What went wrong in a text, and where: line, column, the line itself with a caret under the place.

use crate::error::Error;
use std::fmt;

/// A part of the text, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Span {
    pub start: usize,
    pub end: usize,
}

impl Span {
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }
    pub fn to(self, other: Span) -> Self {
        Self { start: self.start, end: other.end.max(self.end) }
    }
}

/// What is wrong with a text, or went wrong as it ran: line, column and message. It becomes an [`Error`] with `?`.
///
/// # Examples
/// ```
/// use retrograd::text::Module;
/// let fault = Module::parse("a = 3\nb = a +* 2").unwrap_err();
/// assert_eq!((fault.line(), fault.column()), (2, 8));
/// assert_eq!(
///     fault.to_string(),
///     "line 2, column 8: an expression is missing here\n    b = a +* 2\n           ^"
/// );
/// ```
#[derive(Clone, Debug)]
pub struct Fault(Box<Inside>);

#[derive(Clone, Debug)]
struct Inside {
    message: String,
    span: Option<Span>,
    line: usize,
    column: usize,
    /// The line that it is in.
    text: String,
}

/// The longest part of a line that is shown.
const SHOWN: usize = 120;

impl Fault {
    pub(super) fn new(message: impl Into<String>, span: Span) -> Self {
        let (line, column, text) = (0, 0, String::new());
        Self(Box::new(Inside { message: message.into(), span: Some(span), line, column, text }))
    }

    /// Not at a place: of the whole.
    pub(super) fn of_all(message: impl Into<String>) -> Self {
        let (line, column, text) = (0, 0, String::new());
        Self(Box::new(Inside { message: message.into(), span: None, line, column, text }))
    }

    /// With the place as line and column.
    pub(super) fn in_text(mut self, text: &str) -> Self {
        if let (Some(span), 0) = (self.0.span, self.0.line) {
            let start = (0..=span.start.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
            let before = &text[..start];
            let begin = before.rfind('\n').map_or(0, |at| at + 1);
            self.0.line = before.matches('\n').count() + 1;
            self.0.column = before[begin..].chars().count() + 1;
            let line = text[begin..].lines().next().unwrap_or("");
            self.0.text = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        }
        self
    }

    /// The line of the text, from 1 on; 0 where it is about the whole text.
    pub fn line(&self) -> usize {
        self.0.line
    }
    /// The character of the line, from 1 on.
    pub fn column(&self) -> usize {
        self.0.column
    }
    /// What is wrong, without the place.
    pub fn message(&self) -> &str {
        &self.0.message
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inside { message, line, column, text, .. } = &*self.0;
        if *line == 0 {
            return f.write_str(message);
        }
        // A window of a long line.
        let from = column.saturating_sub(SHOWN / 2 + 1).min(text.chars().count().saturating_sub(SHOWN));
        let shown: String = text.chars().skip(from).take(SHOWN).collect();
        let blank = column - 1 - from.min(column - 1);
        write!(f, "line {line}, column {column}: {message}\n    {shown}\n    {:blank$}^", "")
    }
}

impl std::error::Error for Fault {}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Error::argument(fault.to_string())
    }
}

/// An error of an op, at a place.
pub(super) trait At<T> {
    fn at(self, span: Span) -> Result<T, Fault>;
}
impl<T> At<T> for Result<T, Error> {
    fn at(self, span: Span) -> Result<T, Fault> {
        self.map_err(|error| Fault::new(error.to_string(), span))
    }
}
impl<T> At<T> for Result<T, String> {
    fn at(self, span: Span) -> Result<T, Fault> {
        self.map_err(|message| Fault::new(message, span))
    }
}
