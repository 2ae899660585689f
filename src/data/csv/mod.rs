//! Tables of text, comma-separated or otherwise, as data sets.
//!
//! The whole file is read; nothing of it is used unless all of it is right, and errors name the row (the line of the file, of
//! which the first is 1) and the column. Cells become numbers through the [`Preprocessing`] that the data then carries, with the
//! settings of reading in it, so that a row encoded later gives the same bits.

mod classes;
mod columns;
pub(super) mod reading;
mod survey;
mod table;
mod text;

use super::preprocessing::{Column, ColumnKind, Preprocessing, listed};
use super::{Dataset, Row, Targets, file};
use crate::{Element, Error, Result};
use reading::{Delimiter, Reading, USUAL};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
pub use survey::ColumnSurvey;
use table::{Line, Table};

/// Whether the first row holds the names of the columns.
///
/// # Examples
/// ```
/// use retrograd::data::{Csv, Header};
/// let rows = |header: Header| Csv::new().header(header).read_rows_from("1,2\n3,4\n".as_bytes());
/// // All cells are numbers, so the first row is taken for data unless told otherwise.
/// assert_eq!((rows(Header::Auto)?.len(), rows(Header::No)?.len()), (2, 2));
/// assert_eq!(rows(Header::Yes)?[0].names().unwrap(), ["1", "2"]);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Header {
    /// It does if none of its cells is a number.
    #[default]
    Auto,
    /// It does.
    Yes,
    /// It does not.
    No,
}

impl From<bool> for Header {
    fn from(header: bool) -> Self {
        if header { Header::Yes } else { Header::No }
    }
}

/// What becomes of a row in which a value is missing: a cell that is empty, or one of the other [marks](Csv::missing_marks).
///
/// # Examples
/// ```
/// use retrograd::data::{Csv, Missing};
/// let read = |missing| Csv::new().target("y").missing(missing).read::<f64>("a,y\n1,0.5\n,0.25\n3,0.75\n".as_bytes());
/// assert!(read(Missing::Error).is_err());
/// assert_eq!(read(Missing::DropRow)?.inputs().to_vec(), [1.0, 3.0]);
/// assert_eq!(read(Missing::Mean)?.inputs().to_vec(), [1.0, 2.0, 3.0]);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// An error names it.
    #[default]
    Error,
    /// The row is left out.
    DropRow,
    /// In a column of numbers, the mean of the column stands in, in rows that are encoded later too; elsewhere it is an error.
    ///
    /// The mean is over all rows of the file, so parts that are split off later have seen a trace of each other.
    Mean,
}

/// What becomes of a word that a categorical column did not hold when the data was read for training.
///
/// # Examples
/// ```
/// use retrograd::data::{Csv, Unseen};
/// let file = "colour,y\nred,0.5\nblue,1.5\n";
/// let read = |unseen| Csv::new().target("y").categorical("colour").unseen(unseen).read::<f64>(file.as_bytes());
/// let green = [["green"]];
/// assert!(read(Unseen::Error)?.preprocessing().encode_rows::<f64, _, _>(&green).is_err());
/// assert_eq!(read(Unseen::Zeros)?.preprocessing().encode_rows::<f64, _, _>(&green)?.to_vec(), [0.0, 0.0]);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unseen {
    /// An error names it.
    #[default]
    Error,
    /// All features of the column are 0: it is none of the known words.
    Zeros,
}

/// A column, by its name or its number; negative numbers count from the last.
///
/// # Examples
/// ```
/// use retrograd::data::{ColumnId, Csv};
/// assert_eq!(ColumnId::from("kind"), ColumnId::Name("kind".into()));
/// let read = |target: ColumnId| Csv::new().target(target).read::<f64>("size,kind\n1,pear\n3,melon\n".as_bytes());
/// assert_eq!(read("kind".into())?.labels(), read((-1).into())?.labels());
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnId {
    /// The name in the header, or that [`Csv::names`] gives; x0, x1, ... where there is none.
    Name(String),
    /// The number, from 0, or from -1 backwards.
    Number(isize),
}

impl ColumnId {
    fn resolve(&self, table: &Table) -> Result<usize> {
        match self {
            ColumnId::Name(name) => table.column(name),
            &ColumnId::Number(number) => {
                let n = table.names.len();
                let from_start = if number < 0 { number + n as isize } else { number };
                usize::try_from(from_start).ok().filter(|&column| column < n).ok_or_else(|| {
                    Error::argument(format!(
                        "{}: no column {number} in rows of {n} columns (valid: -{n}..={})",
                        table.origin,
                        n - 1
                    ))
                })
            }
        }
    }
}

impl From<&str> for ColumnId {
    fn from(name: &str) -> Self {
        ColumnId::Name(name.into())
    }
}
impl From<String> for ColumnId {
    fn from(name: String) -> Self {
        ColumnId::Name(name)
    }
}
macro_rules! column_from {
    ($($t:ty),*) => {$(
        impl From<$t> for ColumnId {
            fn from(number: $t) -> Self {
                // There are no tables of so many columns: the number stays one that none has.
                ColumnId::Number(isize::try_from(number).unwrap_or(isize::MAX))
            }
        }
    )*};
}
column_from!(isize, usize, i32);

/// What the target column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    Regression,
    Classification,
}

/// How to read a table of text.
///
/// Every column that is neither a target nor ignored is a feature: a number, or where [`categorical`](Csv::categorical) says
/// so, a word, which becomes one feature for each word of the column (sorted), 1 for its own and 0 for the others.
///
/// A target column of words gives labels, in the sorted order of the words; one of numbers gives values, unless
/// [`classification`](Csv::classification) is asked for: then its distinct numbers are the classes, in ascending order.
///
/// # Examples
/// ```
/// use retrograd::data::Csv;
/// let file = "5.1,3.5,setosa\n4.9,3.0,setosa\n7.0,3.2,versicolor\n";
/// let iris = Csv::new().target(-1).read::<f32>(file.as_bytes())?;
/// assert_eq!(iris.class_names(), ["setosa", "versicolor"]);
/// assert_eq!(iris.labels(), Some(&[0, 0, 1][..]));
///
/// let file = "age,bmi,progression\n59,32.1,151\n48,high,75\n";
/// let error = Csv::new().target("progression").read::<f32>(file.as_bytes()).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "csv: row 3, column \"bmi\": \"high\" is not a number; read the column with categorical(\"bmi\"), or leave it out with ignore(\"bmi\")"
/// );
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Csv {
    reading: Reading,
    names: Option<Vec<String>>,
    targets: Vec<ColumnId>,
    categorical: Vec<ColumnId>,
    ignored: Vec<ColumnId>,
    task: Option<Task>,
    class_names: Option<Vec<String>>,
    /// What says all of it, where a file is to be read as another one was.
    like: Option<Box<Preprocessing>>,
}

impl Default for Csv {
    fn default() -> Self {
        Self::new()
    }
}

impl Csv {
    /// Commas between cells, a header where the first row has no number, no missing values.
    pub fn new() -> Self {
        Self {
            reading: USUAL,
            names: None,
            targets: Vec::new(),
            categorical: Vec::new(),
            ignored: Vec::new(),
            task: None,
            class_names: None,
            like: None,
        }
    }

    /// Reads another file as that one was read: with its settings, its columns (by name where there is a header), its words,
    /// classes, means for missing values, and scaling. The file may have its columns in another order, and further ones.
    ///
    /// It is what a test file is read with: a word or a class that the training data lack is an error, and one that the test data
    /// lack keeps its number. A saved model has the preprocessing too.
    ///
    /// # Examples
    /// ```
    /// use retrograd::data::Csv;
    /// let train = Csv::new().target("y").read::<f32>("a,b,y\n1,0,apple\n2,0,berry\n3,1,cherry\n".as_bytes())?;
    /// let test = Csv::like(train.preprocessing()).read::<f32>("y,b,a\ncherry,1,3\n".as_bytes())?;
    /// assert_eq!((test.inputs().to_vec(), test.labels()), (vec![3.0, 1.0], Some(&[2][..])));
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn like(preprocessing: &Preprocessing) -> Self {
        let reading = preprocessing.reading().clone();
        Self { reading, like: Some(Box::new(preprocessing.clone())), ..Self::new() }
    }

    fn with(mut self, change: impl FnOnce(&mut Reading)) -> Self {
        change(&mut self.reading);
        self
    }

    /// Whether the first row holds the names of the columns.
    pub fn header(self, header: impl Into<Header>) -> Self {
        self.with(|reading| reading.header = header.into())
    }

    /// The byte between cells.
    pub fn delimiter(self, delimiter: u8) -> Self {
        self.with(|reading| reading.delimiter = Delimiter::Byte(delimiter))
    }

    /// Any number of spaces and tabs between cells; no quotes.
    pub fn whitespace(self) -> Self {
        self.with(|reading| reading.delimiter = Delimiter::Whitespace)
    }

    /// The byte that cells with a delimiter or a line end in them begin and end with; `"` unless set.
    pub fn quote(self, quote: u8) -> Self {
        self.with(|reading| reading.quote = Some(quote))
    }

    /// Takes quotes as characters of the text.
    pub fn no_quotes(self) -> Self {
        self.with(|reading| reading.quote = None)
    }

    /// Leaves out lines that begin with this byte.
    pub fn comment(self, comment: u8) -> Self {
        self.with(|reading| reading.comment = Some(comment))
    }

    /// The character before the decimals, `.` unless set: `decimal(',')` reads `1,5`.
    pub fn decimal(self, decimal: char) -> Self {
        self.with(|reading| reading.decimal = decimal)
    }

    /// The character between groups of three digits: `thousands(',')` reads `1,234.5`. Digits that are not in threes are no number,
    /// nor is `0,123`.
    pub fn thousands(self, thousands: char) -> Self {
        self.with(|reading| reading.thousands = Some(thousands))
    }

    /// The encoding of the text, by a name that browsers know, such as `windows-1252`, `iso-8859-15` or `shift_jis`; UTF-8 unless set.
    /// A file that begins with a byte order mark says its own.
    pub fn encoding(self, label: impl Into<String>) -> Self {
        self.with(|reading| reading.encoding = Some(label.into()))
    }

    /// Leaves out the first lines of the file, before the header.
    pub fn skip_rows(self, rows: usize) -> Self {
        self.with(|reading| reading.skip_rows = rows)
    }

    /// Names the columns, in place of a header's names.
    pub fn names(self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { names: Some(names.into_iter().map(Into::into).collect()), ..self }
    }

    /// A target column; call it again for more, whose values then go side by side.
    pub fn target(mut self, column: impl Into<ColumnId>) -> Self {
        self.targets.push(column.into());
        self
    }

    /// A feature column of words.
    pub fn categorical(mut self, column: impl Into<ColumnId>) -> Self {
        self.categorical.push(column.into());
        self
    }

    /// A column that is not used.
    pub fn ignore(mut self, column: impl Into<ColumnId>) -> Self {
        self.ignored.push(column.into());
        self
    }

    /// A column that numbers or names the rows: it is not used.
    pub fn index_column(self, column: impl Into<ColumnId>) -> Self {
        self.ignore(column)
    }

    /// What becomes of a row in which a value is missing.
    pub fn missing(self, missing: Missing) -> Self {
        self.with(|reading| reading.missing = missing)
    }

    /// The cells that hold no value, in place of the usual ones, which are those of pandas and a question mark: the empty cell, `?`,
    /// `NA`, `N/A`, `n/a`, `<NA>`, `#N/A`, `#N/A N/A`, `#NA`, `NaN`, `nan`, `-NaN`, `-nan`, `NULL`, `null`, `None`, `1.#IND`,
    /// `1.#QNAN`, `-1.#IND`, `-1.#QNAN`.
    pub fn missing_marks(self, marks: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let marks = marks.into_iter().map(|mark| Cow::Owned(mark.into().trim().to_owned())).collect();
        self.with(|reading| reading.marks = marks)
    }

    /// In categorical columns, takes a missing value as a word of its own, `(missing)`.
    pub fn missing_category(self) -> Self {
        self.with(|reading| reading.missing_category = true)
    }

    /// What becomes of words that a categorical column does not know, in rows that are encoded later and files that are read
    /// [like](Csv::like) this one.
    pub fn unseen(self, unseen: Unseen) -> Self {
        self.with(|reading| reading.unseen = unseen)
    }

    /// Takes target columns as values.
    pub fn regression(self) -> Self {
        Self { task: Some(Task::Regression), ..self }
    }

    /// Takes the target column as classes, numbers too.
    pub fn classification(self) -> Self {
        Self { task: Some(Task::Classification), ..self }
    }

    /// Takes the target column as classes with these names, label 0 first: cells hold a name, or the number of one, from 0.
    pub fn class_names(self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let names = names.into_iter().map(Into::into).collect();
        Self { class_names: Some(names), ..self }.classification().with(|reading| reading.classes_by_number = true)
    }

    /// Reads a file, plain or gzip, which its first bytes tell.
    ///
    /// # Errors
    /// A path that cannot be read, damaged gzip, or as for [`read`](Csv::read).
    pub fn read_path<T: Element>(&self, path: impl AsRef<Path>) -> Result<Dataset<T>> {
        let path = path.as_ref();
        self.dataset(self.table(format!("csv: {}", path.display()), file::read("csv", path)?)?)
    }

    /// Reads features from one file and targets from another, which are set side by side: every column of the second is a target.
    ///
    /// The names of [`names`](Csv::names) are for both; without any, the targets are called y0, y1, ...
    ///
    /// # Errors
    /// As for [`read_path`](Csv::read_path); files of different length.
    pub fn read_pair<T: Element>(&self, features: impl AsRef<Path>, targets: impl AsRef<Path>) -> Result<Dataset<T>> {
        let [features, targets] = [features.as_ref(), targets.as_ref()].map(|path| {
            let bytes = file::read("csv", path)?;
            self.table(format!("csv: {}", path.display()), bytes)
        });
        let (features, targets) = (features?, targets?);
        let first = features.names.len();
        let both = features.beside(targets)?;
        if self.like.is_some() {
            return self.dataset(both);
        }
        let columns = (first..both.names.len()).fold(self.clone(), Csv::target);
        columns.dataset(both)
    }

    /// Reads a table, plain or gzip.
    ///
    /// # Errors
    /// Text that is in another encoding, a file that is no text, a quote that does not close where its cell ends, no rows, rows of different lengths, a column that is not there, no
    /// target or no feature, a value that is missing or not what its column holds, features that memory cannot hold.
    pub fn read<T: Element>(&self, reader: impl Read) -> Result<Dataset<T>> {
        self.dataset(self.table("csv".into(), unpacked(reader)?)?)
    }

    /// The rows of a file as text, in the same way but with no look at what they hold: what [`Preprocessing::encode_rows`] and
    /// [`Model::answer`](crate::nn::Model::answer) take. Where the file has a header, the rows keep its names.
    ///
    /// # Errors
    /// A path that cannot be read, damaged gzip, text that is not UTF-8, no rows, rows of different lengths.
    pub fn read_rows(&self, path: impl AsRef<Path>) -> Result<Vec<Row>> {
        let path = path.as_ref();
        self.rows_of(self.table(format!("csv: {}", path.display()), file::read("csv", path)?)?)
    }

    /// As [`Csv::read_rows`], of a table that is read from elsewhere. A single row is made by [`Row::of`].
    ///
    /// # Errors
    /// As for [`Csv::read_rows`].
    ///
    /// # Examples
    /// ```
    /// use retrograd::data::Csv;
    /// let rows = Csv::new().read_rows_from("size,colour\n1.5,red\n".as_bytes())?;
    /// assert_eq!(rows[0].names().unwrap(), ["size", "colour"]);
    /// assert_eq!(rows[0], ["1.5", "red"]);
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn read_rows_from(&self, reader: impl Read) -> Result<Vec<Row>> {
        self.rows_of(self.table("csv".into(), unpacked(reader)?)?)
    }

    fn rows_of(&self, table: Table) -> Result<Vec<Row>> {
        let table = self.named(table)?;
        let names = table.named.then(|| Arc::<[String]>::from(&table.names[..]));
        let row = |line: &Line| Row::new(names.clone(), table.cells(line).map(String::from).collect());
        Ok(table.rows.iter().map(row).collect())
    }

    fn table(&self, origin: String, bytes: Vec<u8>) -> Result<Table> {
        self.reading.check().map_err(|error| error.within(&origin))?;
        let text = text::decoded(&origin, bytes, self.reading.encoding.as_deref())?;
        Table::parse(origin, text, &self.reading)
    }

    /// The table under the names that were given, if any were.
    fn named(&self, table: Table) -> Result<Table> {
        match &self.names {
            Some(names) => table.rename(names),
            None => Ok(table),
        }
    }
}

/// All that the reader gives, unpacked where it is gzip.
fn unpacked(mut reader: impl Read) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map_err(|error| Error::io(format!("csv: cannot read: {error}")))?;
    file::unpack("csv", bytes)
}
