//! Text as rows of cells, before anything is known about columns.
//!
//! A row keeps where it began, so that an error can name its line; lines are counted only then.

use super::csv::Header;
use super::preprocessing::listed;
use crate::{Result, error::Error};
use csv::StringRecord;

/// What parts the cells of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delimiter {
    Byte(u8),
    /// Any number of spaces and tabs.
    Whitespace,
}

/// Rows of as many cells each, and the names of their columns.
#[derive(Debug)]
pub(super) struct Table {
    /// What errors begin with.
    pub origin: String,
    pub names: Vec<String>,
    pub rows: Vec<Row>,
    text: String,
}

#[derive(Debug)]
pub(super) struct Row {
    start: usize,
    pub cells: StringRecord,
}

impl Table {
    /// Parses the text, without its first `skip` lines; `names` go before those of a header.
    pub fn parse(
        origin: String,
        text: String,
        delimiter: Delimiter,
        skip: usize,
        header: Header,
        names: Option<&[String]>,
    ) -> Result<Self> {
        let start = text.split_inclusive('\n').take(skip).map(str::len).sum::<usize>();
        let mut rows = match delimiter {
            Delimiter::Byte(byte) => split_csv(&origin, &text, start, byte)?,
            Delimiter::Whitespace => split_whitespace(&text, start),
        };
        let Some(first) = rows.first() else {
            return Err(Error::argument(format!("{origin}: no rows: the file is empty")));
        };
        let width = first.cells.len();
        let header = match header {
            Header::Yes => true,
            Header::No => false,
            Header::Auto => !first.cells.iter().any(|cell| cell.trim().parse::<f64>().is_ok()),
        };
        let title = header.then(|| rows.remove(0));
        let table = Self { origin, names: Vec::new(), rows, text };
        let wrong = |message: String| Error::argument(format!("{}: {message}", table.origin));
        if table.rows.is_empty() {
            return Err(wrong("no rows below the header".into()));
        }
        if let Some(ragged) = table.rows.iter().find(|row| row.cells.len() != width) {
            return Err(wrong(format!(
                "row {} has {} columns, the first row has {width}; is a delimiter missing, or another one used?",
                table.line(ragged),
                ragged.cells.len()
            )));
        }
        let names = match (names, title) {
            (Some(names), _) if names.len() != width => {
                return Err(wrong(format!("{} names for {width} columns", names.len())));
            }
            (Some(names), _) => names.to_vec(),
            (None, Some(title)) => title.cells.iter().map(|name| name.trim().to_string()).collect(),
            (None, None) => (0..width).map(|i| format!("x{i}")).collect(),
        };
        Ok(Self { names, ..table })
    }

    /// The line of the file, from 1, on which a row begins.
    pub fn line(&self, row: &Row) -> usize {
        // A reader may count line ends before a row as part of it.
        let rest = &self.text[row.start..];
        let start = row.start + (rest.len() - rest.trim_start_matches(['\r', '\n']).len());
        1 + self.text[..start].matches('\n').count()
    }

    /// An error at a cell.
    pub fn wrong(&self, row: &Row, column: usize, wrong: impl std::fmt::Display) -> Error {
        Error::argument(format!("{}: row {}, column {:?}: {wrong}", self.origin, self.line(row), self.names[column]))
    }

    /// The number of the column of this name.
    pub fn column(&self, name: &str) -> Result<usize> {
        let mut found = self.names.iter().enumerate().filter(|(_, known)| *known == name);
        match (found.next(), found.next()) {
            (Some((column, _)), None) => Ok(column),
            (Some((first, _)), Some((second, _))) => Err(Error::argument(format!(
                "{}: columns {first} and {second} (counted from 0) are both called {name:?}; use a number instead",
                self.origin
            ))),
            (None, _) => Err(Error::argument(format!(
                "{}: no column is called {name:?}; there are {}",
                self.origin,
                listed(&self.names)
            ))),
        }
    }
}

fn split_csv(origin: &str, text: &str, start: usize, delimiter: u8) -> Result<Vec<Row>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(&text.as_bytes()[start..]);
    let mut rows = Vec::new();
    for record in reader.records() {
        let cells = record.map_err(|error| Error::argument(format!("{origin}: {error}")))?;
        let offset = cells.position().map_or(0, |position| position.byte() as usize);
        rows.push(Row { start: start + offset, cells });
    }
    Ok(rows)
}

fn split_whitespace(text: &str, mut start: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    for line in text[start..].split_inclusive('\n') {
        let cells: StringRecord = line.split_ascii_whitespace().collect();
        if !cells.is_empty() {
            rows.push(Row { start, cells });
        }
        start += line.len();
    }
    rows
}
