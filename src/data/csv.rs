//! Tables of text, comma-separated or otherwise, as data sets.
//!
//! The whole file is read; nothing of it is used unless all of it is right, and errors name the row (the line of the file, of
//! which the first is 1) and the column. Cells become numbers through the [`Preprocessing`] that the data then carries, so that a row encoded
//! later gives the same bits.

use super::preprocessing::{Column, ColumnKind, Preprocessing, is_missing, listed, missing, parse_number};
use super::table::{Delimiter, Row, Table};
use super::{Dataset, Targets, file};
use crate::{Element, Error, Result, Tensor};
use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

/// Whether the first row holds the names of the columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

/// What becomes of a row in which a value is missing: a cell that is empty, `?`, `NA` or `NaN`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

/// A column, by its name or its number; negative numbers count from the last.
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
                ColumnId::Number(number as isize)
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
/// let file = "age,bmi,progression\n59,32.1,151\n48,n/a,75\n";
/// let error = Csv::new().target("progression").read::<f32>(file.as_bytes()).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "csv: row 3, column \"bmi\": \"n/a\" is not a number; read the column with categorical(\"bmi\"), or leave it out with ignore(\"bmi\")"
/// );
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Csv {
    header: Header,
    delimiter: Delimiter,
    skip_rows: usize,
    names: Option<Vec<String>>,
    targets: Vec<ColumnId>,
    categorical: Vec<ColumnId>,
    ignored: Vec<ColumnId>,
    missing: Missing,
    task: Option<Task>,
    class_names: Option<Vec<String>>,
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
            header: Header::Auto,
            delimiter: Delimiter::Byte(b','),
            skip_rows: 0,
            names: None,
            targets: Vec::new(),
            categorical: Vec::new(),
            ignored: Vec::new(),
            missing: Missing::Error,
            task: None,
            class_names: None,
        }
    }

    /// Whether the first row holds the names of the columns.
    pub fn header(self, header: impl Into<Header>) -> Self {
        Self { header: header.into(), ..self }
    }

    /// The byte between cells.
    pub fn delimiter(self, delimiter: u8) -> Self {
        Self { delimiter: Delimiter::Byte(delimiter), ..self }
    }

    /// Any number of spaces and tabs between cells; no quotes.
    pub fn whitespace(self) -> Self {
        Self { delimiter: Delimiter::Whitespace, ..self }
    }

    /// Leaves out the first lines of the file, before the header.
    pub fn skip_rows(self, rows: usize) -> Self {
        Self { skip_rows: rows, ..self }
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

    /// What becomes of a row in which a value is missing.
    pub fn missing(self, missing: Missing) -> Self {
        Self { missing, ..self }
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
        Self { class_names: Some(names), ..self }.classification()
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
        let columns = (first..both.names.len()).fold(self.clone(), Csv::target);
        columns.dataset(both)
    }

    /// Reads a table, plain or gzip.
    ///
    /// # Errors
    /// Text that is not UTF-8, a quote that never closes, no rows, rows of different lengths, a column that is not there, no
    /// target or no feature, a value that is missing or not what its column holds, features that memory cannot hold.
    pub fn read<T: Element>(&self, mut reader: impl Read) -> Result<Dataset<T>> {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map_err(|error| Error::io(format!("csv: cannot read: {error}")))?;
        self.dataset(self.table("csv".into(), file::unpack("csv", bytes)?)?)
    }

    /// The rows of a file as text, in the same way but with no look at what they hold: what [`Preprocessing::encode_rows`] and
    /// [`Model::answer`](crate::nn::Model::answer) take. Where the file has a header, the rows keep its names.
    ///
    /// # Errors
    /// A path that cannot be read, damaged gzip, text that is not UTF-8, no rows, rows of different lengths.
    pub fn read_rows(&self, path: impl AsRef<Path>) -> Result<Vec<super::Row>> {
        let path = path.as_ref();
        let table = self.table(format!("csv: {}", path.display()), file::read("csv", path)?)?;
        let table = match &self.names {
            Some(names) => table.rename(names)?,
            None => table,
        };
        let names = table.named.then(|| std::sync::Arc::<[String]>::from(&table.names[..]));
        let row = |row: &Row| super::Row::new(names.clone(), row.cells.iter().map(String::from).collect());
        Ok(table.rows.iter().map(row).collect())
    }

    fn table(&self, origin: String, bytes: Vec<u8>) -> Result<Table> {
        let text = String::from_utf8(bytes).map_err(|error| {
            let line = 1 + error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|&&b| b == b'\n').count();
            Error::argument(format!("{origin}: row {line}: the text is not UTF-8; save the file in that encoding"))
        })?;
        Table::parse(origin, text, self.delimiter, self.skip_rows, self.header)
    }

    #[inline(never)]
    fn dataset<T: Element>(&self, table: Table) -> Result<Dataset<T>> {
        let table = match &self.names {
            Some(names) => &table.rename(names)?,
            None => &table,
        };
        let (roles, target_columns) = self.roles(table)?;
        let rows = self.rows(table, &roles)?;
        let columns = self.columns(table, &roles, &rows)?;
        let (class_names, targets) = self.read_targets(table, &target_columns, &rows)?;
        // A column of words becomes a feature for each of them, so that the table may be far larger than its file.
        let width = columns.iter().map(Column::width).sum::<usize>();
        let mut inputs = Vec::new();
        let room = rows.len().checked_mul(width).map(|n| inputs.try_reserve_exact(n));
        if !matches!(room, Some(Ok(()))) {
            return Err(Error::argument(format!(
                "{}: {} rows of {width} features take more memory than there is; is a categorical column one of numbers or names?",
                table.origin,
                rows.len()
            )));
        }
        for row in &rows {
            for (i, (column, cell)) in columns.iter().zip(&row.cells).enumerate() {
                column.encode(cell, &mut inputs).map_err(|wrong| {
                    let name = &column.name;
                    let advice = match wrong.ends_with("is not a number") {
                        true => format!(
                            "; read the column with categorical({name:?}), or leave it out with ignore({name:?})"
                        ),
                        false => self.advice(&wrong).into(),
                    };
                    table.wrong(row, i, format!("{wrong}{advice}"))
                })?;
            }
        }
        let target_names = target_columns.iter().map(|&column| table.names[column].clone()).collect();
        let preprocessing = Preprocessing::of_columns(columns, class_names, target_names)?;
        if preprocessing.n_features() == 0 {
            return Err(Error::argument(format!(
                "{}: every column is a target or ignored; no feature is left",
                table.origin
            )));
        }
        let inputs = Tensor::new([rows.len(), preprocessing.n_features()], inputs)?;
        Dataset::with_preprocessing(inputs, targets, preprocessing)
    }

    fn advice(&self, wrong: &str) -> &'static str {
        match (wrong.starts_with("the value is missing"), self.missing) {
            (true, Missing::Error) => "; fill it in, or leave the row out with missing(Missing::DropRow)",
            (true, Missing::Mean) => {
                "; the mean stands in for numbers of features alone: use missing(Missing::DropRow)"
            }
            _ => "",
        }
    }

    /// What each column is for, and the target columns in the order in which they were named.
    fn roles(&self, table: &Table) -> Result<(Vec<ColumnRole>, Vec<usize>)> {
        let mut roles = vec![ColumnRole::Number; table.names.len()];
        let asked = [
            (&self.targets, ColumnRole::Target),
            (&self.categorical, ColumnRole::Word),
            (&self.ignored, ColumnRole::Ignored),
        ];
        for (columns, role) in asked {
            for id in columns {
                let column = id.resolve(table)?;
                if roles[column] != ColumnRole::Number {
                    return Err(Error::argument(format!(
                        "{}: column {:?} is named as {} and as {}; name it once",
                        table.origin,
                        table.names[column],
                        roles[column].name(),
                        role.name()
                    )));
                }
                roles[column] = role;
            }
        }
        if self.targets.is_empty() {
            return Err(Error::argument(format!(
                "{}: no target column; name one of {} with target(\"...\"), or the last with target(-1)",
                table.origin,
                listed(&table.names)
            )));
        }
        let targets = self.targets.iter().map(|id| id.resolve(table)).collect::<Result<Vec<usize>>>()?;
        Ok((roles, targets))
    }

    /// The rows that are used.
    fn rows<'t>(&self, table: &'t Table, roles: &[ColumnRole]) -> Result<Vec<&'t Row>> {
        let complete = |row: &&Row| {
            let mut cells = row.cells.iter().zip(roles);
            self.missing != Missing::DropRow
                || !cells.any(|(cell, &role)| role != ColumnRole::Ignored && is_missing(cell))
        };
        let rows: Vec<&Row> = table.rows.iter().filter(complete).collect();
        if rows.is_empty() {
            return Err(Error::argument(format!("{}: a value is missing in every row; none is left", table.origin)));
        }
        Ok(rows)
    }

    fn columns(&self, table: &Table, roles: &[ColumnRole], rows: &[&Row]) -> Result<Vec<Column>> {
        let kind = |(i, role): (usize, &ColumnRole)| -> Result<ColumnKind> {
            Ok(match role {
                ColumnRole::Number => ColumnKind::Numeric {
                    fill: if self.missing == Missing::Mean { Some(mean(table, rows, i)?) } else { None },
                },
                ColumnRole::Word => {
                    let words: BTreeSet<&str> = rows.iter().map(|row| row.cells[i].trim()).collect();
                    let words = words.into_iter().filter(|word| !is_missing(word));
                    ColumnKind::Categorical { vocabulary: words.map(String::from).collect() }
                }
                ColumnRole::Target => ColumnKind::Target,
                ColumnRole::Ignored => ColumnKind::Ignored,
            })
        };
        let kinds = roles.iter().enumerate().map(kind);
        kinds.zip(&table.names).map(|(kind, name)| Ok(Column { name: name.clone(), kind: kind? })).collect()
    }

    /// The names of classes and the targets.
    fn read_targets<T: Element>(
        &self,
        table: &Table,
        columns: &[usize],
        rows: &[&Row],
    ) -> Result<(Vec<String>, Targets<T>)> {
        for row in rows {
            if let Some(&column) = columns.iter().find(|&&column| is_missing(&row.cells[column])) {
                let wrong = missing(&row.cells[column]);
                return Err(table.wrong(row, column, format!("{wrong}{}", self.advice(&wrong))));
            }
        }
        let number = |row: &&Row| columns.iter().any(|&column| parse_number(&row.cells[column]).is_ok());
        let task = self.task.unwrap_or(match rows.iter().any(number) {
            true => Task::Regression,
            false => Task::Classification,
        });
        match (task, columns) {
            (Task::Classification, &[column]) => {
                let (names, labels) = self.labels(table, column, rows)?;
                Ok((names, Targets::Labels(labels)))
            }
            (Task::Classification, _) => Err(Error::argument(format!(
                "{}: {} target columns of classes; only one is read, or several of numbers",
                table.origin,
                columns.len()
            ))),
            (Task::Regression, _) => {
                let mut values = Vec::with_capacity(rows.len() * columns.len());
                for row in rows {
                    for &column in columns {
                        let value = parse_number(&row.cells[column]).map_err(|wrong| {
                            let advice =
                                if self.task.is_none() { "; if it names a class, call classification()" } else { "" };
                            table.wrong(row, column, format!("{wrong}{advice}"))
                        })?;
                        values.push(T::from_f64(value));
                    }
                }
                let shape = if columns.len() == 1 { vec![rows.len()] } else { vec![rows.len(), columns.len()] };
                Ok((Vec::new(), Targets::Values(Tensor::new(shape, values)?)))
            }
        }
    }

    /// The names of the classes in this column, and the label of each row.
    fn labels(&self, table: &Table, column: usize, rows: &[&Row]) -> Result<(Vec<String>, Vec<usize>)> {
        let cells = || rows.iter().map(|row| row.cells[column].trim());
        if let Some(names) = &self.class_names {
            let label = |row: &&Row| {
                let cell = row.cells[column].trim();
                let by_number = || cell.parse::<usize>().ok().filter(|&label| label < names.len());
                names.iter().position(|name| name == cell).or_else(by_number).ok_or_else(|| {
                    let last = names.len().saturating_sub(1);
                    table.wrong(
                        row,
                        column,
                        format!("{cell:?} is not a class; expected one of {}, or 0..={last}", listed(names)),
                    )
                })
            };
            return Ok((names.clone(), rows.iter().map(label).collect::<Result<Vec<usize>>>()?));
        }
        // Numbers are the same class however they are written.
        if let Ok(numbers) = cells().map(parse_number).collect::<Result<Vec<f64>, String>>() {
            let mut classes = numbers.clone();
            classes.sort_by(f64::total_cmp);
            classes.dedup();
            let labels = numbers.iter().map(|number| classes.partition_point(|class| class < number)).collect();
            return Ok((classes.iter().map(f64::to_string).collect(), labels));
        }
        let classes: Vec<&str> = cells().collect::<BTreeSet<&str>>().into_iter().collect();
        let labels = cells().map(|cell| classes.partition_point(|&class| class < cell)).collect();
        Ok((classes.into_iter().map(String::from).collect(), labels))
    }
}

/// What a column is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ColumnRole {
    Number,
    Word,
    Target,
    Ignored,
}

impl ColumnRole {
    fn name(self) -> &'static str {
        match self {
            ColumnRole::Number => "a number",
            ColumnRole::Word => "categorical",
            ColumnRole::Target => "a target",
            ColumnRole::Ignored => "ignored",
        }
    }
}

/// The mean of the numbers in a column; cells that are not numbers are left for the encoding to refuse.
fn mean(table: &Table, rows: &[&Row], column: usize) -> Result<f64> {
    let numbers: Vec<f64> = rows.iter().filter_map(|row| parse_number(&row.cells[column]).ok()).collect();
    if numbers.is_empty() {
        let name = &table.names[column];
        return Err(Error::argument(format!(
            "{}: column {name:?} holds no number, so it has no mean; leave it out with ignore({name:?})",
            table.origin
        )));
    }
    Ok(numbers.iter().map(|x| x / numbers.len() as f64).sum())
}
