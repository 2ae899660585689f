//! Text as rows of cells, before anything is known about columns.
//!
//! A row keeps where it began, so that an error can name its line; lines are counted only then.

use super::csv::Header;
use super::preprocessing::listed;
use crate::{Error, Result};
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
    /// Whether the names are of a header, or given, rather than made up.
    pub named: bool,
    pub rows: Vec<Row>,
    text: String,
    /// The table whose columns begin at this number, where two stand side by side.
    right: Option<(usize, Box<Table>)>,
}

#[derive(Debug)]
pub(super) struct Row {
    start: usize,
    pub cells: StringRecord,
}

impl Table {
    /// Parses the text, without its first `skip` lines.
    pub fn parse(origin: String, text: String, delimiter: Delimiter, skip: usize, header: Header) -> Result<Self> {
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
        let table = Self { origin, names: Vec::new(), named: header, rows, text, right: None };
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
        let names = match title {
            Some(title) => title.cells.iter().map(|name| name.trim().to_string()).collect(),
            None => (0..width).map(|i| format!("x{i}")).collect(),
        };
        Ok(Self { names, ..table })
    }

    /// Puts these names in place of those there are.
    pub fn rename(self, names: &[String]) -> Result<Self> {
        let width = self.names.len();
        if names.len() != width {
            return Err(Error::argument(format!("{}: {} names for {width} columns", self.origin, names.len())));
        }
        Ok(Self { names: names.to_vec(), named: true, ..self })
    }

    /// The columns of `right` beside these; where they have no names of their own, they are called y0, y1, ...
    pub fn beside(mut self, right: Table) -> Result<Self> {
        if self.rows.len() != right.rows.len() {
            return Err(Error::shape(format!(
                "{} has {} rows, {} has {}",
                self.origin,
                self.rows.len(),
                right.origin.trim_start_matches("csv: "),
                right.rows.len()
            )));
        }
        let unnamed = right.names.iter().enumerate().all(|(i, name)| *name == format!("x{i}"));
        let name = |(i, name): (usize, &String)| if unnamed { format!("y{i}") } else { name.clone() };
        self.names.extend(right.names.iter().enumerate().map(name));
        let first = right.rows[0].cells.len();
        for (row, other) in self.rows.iter_mut().zip(&right.rows) {
            row.cells.extend(&other.cells);
        }
        self.right = Some((self.names.len() - first, Box::new(right)));
        Ok(self)
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
        let (table, line) = match &self.right {
            Some((first, right)) if column >= *first => {
                let number = self.rows.iter().position(|known| known.start == row.start);
                (&**right, number.map_or(0, |number| right.line(&right.rows[number])))
            }
            _ => (self, self.line(row)),
        };
        Error::argument(format!("{}: row {line}, column {:?}: {wrong}", table.origin, self.names[column]))
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
    // The reader takes what follows an open quote as one cell, to the end of the file.
    let last = rows.last().map_or(start, |row| row.start);
    match open_quote(&text[last..], delimiter) {
        None => Ok(rows),
        Some(quote) => Err(Error::argument(format!(
            "{origin}: row {}: a quote opens a cell and never closes; close it, or double it if it is part of the text",
            1 + text[..last + quote].matches('\n').count()
        ))),
    }
}

/// Where a quote opens a cell of this last row and is not closed.
fn open_quote(row: &str, delimiter: u8) -> Option<usize> {
    #[derive(Clone, Copy)]
    enum At {
        Start,
        Plain,
        Quoted(usize),
        /// Behind a quote in a quoted cell: another makes it a character of the text.
        Closing(usize),
    }
    let mark = if row.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut at = At::Start;
    for (i, byte) in row.bytes().enumerate().skip(mark) {
        at = match (at, byte) {
            (At::Start, b'"') => At::Quoted(i),
            (At::Closing(quote), b'"') => At::Quoted(quote),
            (At::Quoted(quote), b'"') => At::Closing(quote),
            (At::Quoted(quote), _) => At::Quoted(quote),
            (_, byte) if byte == delimiter || matches!(byte, b'\r' | b'\n') => At::Start,
            _ => At::Plain,
        };
    }
    if let At::Quoted(quote) = at { Some(quote) } else { None }
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
