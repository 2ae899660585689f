//! Raw rows: the cells of an example as text, and where they are known, the names of their columns.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A row as text, with the names of its columns where they are known: of a file, by [`Csv::read_rows`](super::Csv::read_rows), or of
/// pairs, by [`Row::of`]. It can be used as a slice of its cells.
///
/// # Examples
/// ```
/// use retrograd::data::{Csv, Row};
/// let rows = Csv::new().read_rows_from("size,colour\n1.5,red\n".as_bytes())?;
/// assert_eq!(rows[0].names().unwrap(), ["size", "colour"]);
/// assert_eq!((&rows[0][0][..], rows[0].len()), ("1.5", 2));
/// assert_eq!(Row::of([("size", "3")])[0], "3");
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone)]
pub struct Row {
    names: Option<Arc<[String]>>,
    cells: Vec<String>,
}

impl Row {
    pub(super) fn new(names: Option<Arc<[String]>>, cells: Vec<String>) -> Self {
        Self { names, cells }
    }

    /// A row of pairs of a column's name and the cell in it, in any order.
    ///
    /// # Examples
    /// ```
    /// use retrograd::data::{Csv, Row};
    /// let data = Csv::new().target("kind").read::<f64>("size,weight,kind\n1,0.1,a\n2,0.3,b\n".as_bytes())?;
    /// let row = Row::of([("weight", "0.2"), ("size", "3")]);
    /// assert_eq!(data.preprocessing().encode_rows::<f64, _, _>(&[row])?.to_vec(), [3.0, 0.2]);
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn of<N: Into<String>, C: Into<String>>(cells: impl IntoIterator<Item = (N, C)>) -> Self {
        let (names, cells): (Vec<String>, Vec<String>) =
            cells.into_iter().map(|(name, cell)| (name.into(), cell.into())).unzip();
        Self::new(Some(names.into()), cells)
    }

    /// The names of the columns, where they are known.
    pub fn names(&self) -> Option<&[String]> {
        self.names.as_deref()
    }
}

impl Deref for Row {
    type Target = [String];
    fn deref(&self) -> &[String] {
        &self.cells
    }
}

impl<const N: usize> PartialEq<[&str; N]> for Row {
    fn eq(&self, other: &[&str; N]) -> bool {
        self.cells == *other
    }
}

impl PartialEq<Vec<String>> for Row {
    fn eq(&self, other: &Vec<String>) -> bool {
        self.cells == *other
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.names {
            Some(names) => f.debug_map().entries(names.iter().zip(&self.cells)).finish(),
            None => f.debug_list().entries(&self.cells).finish(),
        }
    }
}

/// What serves as a raw row: a [`Row`] of a file, or any list of texts, which has no names.
///
/// # Examples
/// ```
/// use retrograd::data::{Csv, Row};
/// let data = Csv::new().target("kind").read::<f64>("size,weight,kind\n1,0.1,a\n2,0.3,b\n".as_bytes())?;
/// let encode = data.preprocessing();
/// // Cells alone stand in the order of the file, those with names in any.
/// let by_place = encode.encode_rows::<f64, _, _>(&[["3", "0.2"]])?;
/// let by_name = encode.encode_rows::<f64, _, _>(&[Row::of([("weight", "0.2"), ("size", "3")])])?;
/// assert_eq!(by_place, by_name);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no row of text",
    label = "expected an array, a slice or a `Vec` of texts, or a `Row`",
    note = "numbers are given as they stand in a file: `[\"5.1\", \"red\"]`; by name: `Row::of([(\"length\", \"5.1\")])`"
)]
pub trait RawRow<S> {
    /// The cells.
    fn cells(&self) -> &[S];
    /// The names of the columns, where they are known.
    fn names(&self) -> Option<&[String]> {
        None
    }
}

impl<S, R: AsRef<[S]>> RawRow<S> for R {
    fn cells(&self) -> &[S] {
        self.as_ref()
    }
}

// A row is not `AsRef<[String]>`, so that its names cannot be lost on the way.
impl RawRow<String> for Row {
    fn cells(&self) -> &[String] {
        &self.cells
    }
    fn names(&self) -> Option<&[String]> {
        self.names.as_deref()
    }
}
