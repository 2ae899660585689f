//! Text as rows of cells, before anything is known about columns.
//!
//! A cell that begins with a quote ends with one, and nothing but blanks stands around it: a quote that was left open would
//! otherwise swallow rows up to the next. A row keeps where it began, so that an error can name its line; lines are counted only
//! then. The cells of all rows stand one behind another in one text, so that a row costs no memory of its own.

use super::reading::{Delimiter, Reading};
use super::{Header, listed};
use crate::{Error, Result};

/// Rows of as many cells each, and the names of their columns.
#[derive(Debug)]
pub(super) struct Table {
    /// What errors begin with.
    pub origin: String,
    pub names: Vec<String>,
    /// Whether the file has a header.
    pub header: bool,
    /// Whether the names are of a header, or given, rather than made up.
    pub named: bool,
    pub rows: Vec<Line>,
    cells: Cells,
    text: String,
    /// The table whose columns begin at this number, where two stand side by side.
    right: Option<(usize, Box<Table>)>,
}

/// A row of the table: where it begins in the file, and which of the table's cells are its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Line {
    start: usize,
    first: usize,
    width: usize,
}

/// Cells, one behind another in one text.
#[derive(Debug, Default)]
struct Cells {
    text: String,
    ends: Vec<usize>,
}

impl Cells {
    fn push(&mut self, cell: &str) {
        self.text.push_str(cell);
        self.ends.push(self.text.len());
    }

    /// The row that the cells from this one on are.
    fn line(&self, start: usize, first: usize) -> Line {
        Line { start, first, width: self.ends.len() - first }
    }

    fn get(&self, at: usize) -> &str {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..self.ends[at]]
    }

    fn of(&self, row: Line) -> impl ExactSizeIterator<Item = &str> {
        (row.first..row.first + row.width).map(|at| self.get(at))
    }
}

impl Table {
    /// Parses the text.
    pub fn parse(origin: String, text: String, reading: &Reading) -> Result<Self> {
        let start = text.split_inclusive('\n').take(reading.skip_rows).map(str::len).sum::<usize>();
        let (mut rows, cells) = match reading.delimiter {
            Delimiter::Byte(byte) => split_csv(&origin, &text, start, byte, reading)?,
            Delimiter::Whitespace => split_whitespace(&text, start, reading.comment),
        };
        let Some(first) = rows.first() else {
            return Err(Error::argument(format!("{origin}: no rows: the file is empty")));
        };
        let header = match reading.header {
            Header::Yes => true,
            Header::No => false,
            Header::Auto => !cells.of(*first).any(|cell| reading.is_numeric(cell)),
        };
        let title = header.then(|| rows.remove(0));
        let table = Self { origin, names: Vec::new(), header, named: header, rows, cells, text, right: None };
        let wrong = |message: String| Error::argument(format!("{}: {message}", table.origin));
        let Some(width) = title.or(table.rows.first().copied()).map(|row| row.width) else {
            return Err(wrong("no rows below the header".into()));
        };
        if table.rows.is_empty() {
            return Err(wrong("no rows below the header".into()));
        }
        if let Some(ragged) = table.rows.iter().find(|row| row.width != width) {
            let whole = title.is_some() && table.rows.iter().all(|row| row.width == width + 1);
            let open = table.rows.iter().all(|row| table.cell(row, row.width - 1).is_empty());
            let begins = |row: &Line| table.cell(row, 0).trim_start().chars().next();
            let mark =
                [title.as_ref(), Some(ragged)].into_iter().flatten().filter_map(begins).find(|c| "#%!".contains(*c));
            let comment = mark.map(|mark| {
                format!("if rows that begin with {mark} are comments, leave them out with comment(b'{mark}')")
            });
            let advice = match (whole, open) {
                _ if comment.is_some() && reading.comment.is_none() => comment.as_deref().unwrap_or_default(),
                (true, true) => "the rows end in a delimiter, the header does not: give it one too",
                (true, false) => {
                    "is the first column one of row names, which the header leaves out? Write a name for it"
                }
                (false, _) => "is a delimiter missing, or another one used?",
            };
            return Err(wrong(format!(
                "row {} has {} columns, the first row has {width}; {advice}",
                table.line(ragged),
                ragged.width
            )));
        }
        let names = match title {
            Some(title) => table.cells.of(title).map(|name| name.trim().to_string()).collect(),
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
        let first = right.rows[0].width;
        let mut cells = Cells::default();
        for (row, other) in self.rows.iter_mut().zip(&right.rows) {
            let before = cells.ends.len();
            self.cells.of(*row).chain(right.cells.of(*other)).for_each(|cell| cells.push(cell));
            *row = cells.line(row.start, before);
        }
        self.cells = cells;
        self.right = Some((self.names.len() - first, Box::new(right)));
        Ok(self)
    }

    /// The cell of a row in this column.
    pub fn cell(&self, row: &Line, column: usize) -> &str {
        assert!(column < row.width, "column {column} of a row of {}", row.width);
        self.cells.get(row.first + column)
    }

    /// The cells of a row.
    pub fn cells(&self, row: &Line) -> impl ExactSizeIterator<Item = &str> {
        self.cells.of(*row)
    }

    /// The line of the file, from 1, on which a row begins.
    pub fn line(&self, row: &Line) -> usize {
        line_at(&self.text, row.start)
    }

    /// An error at a cell.
    pub fn wrong(&self, row: &Line, column: usize, wrong: impl std::fmt::Display) -> Error {
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
                "{}: no column is called {name:?}; there are {}{}",
                self.origin,
                listed(&self.names),
                self.other_delimiter()
            ))),
        }
    }

    /// What to try where all is one column whose text looks like several.
    pub fn other_delimiter(&self) -> String {
        let [only] = &self.names[..] else { return String::new() };
        let first = self.rows.first().map_or("", |row| self.cell(row, 0));
        let found = [';', '\t', '|', ','].into_iter().find(|&mark| only.contains(mark) || first.contains(mark));
        found
            .map_or(String::new(), |mark| format!("; is the delimiter {mark:?}? Then say so with delimiter(b{mark:?})"))
    }
}

fn line_at(text: &str, at: usize) -> usize {
    // A carriage return alone ends a line, too.
    let before = &text.as_bytes()[..at];
    let ends =
        |(i, &byte): (usize, &u8)| byte == b'\n' || (byte == b'\r' && text.as_bytes().get(i + 1) != Some(&b'\n'));
    1 + before.iter().enumerate().filter(|&end| ends(end)).count()
}

/// Splits text into rows; `start` is where the first begins.
fn split_csv(origin: &str, text: &str, start: usize, delimiter: u8, reading: &Reading) -> Result<(Vec<Line>, Cells)> {
    let bytes = text.as_bytes();
    let wrong = |at: usize, why: &str| Error::argument(format!("{origin}: row {}: {why}", line_at(text, at)));
    let is_end = |byte: u8| matches!(byte, b'\r' | b'\n');
    let is_blank = |byte: u8| matches!(byte, b' ' | b'\t') && byte != delimiter;
    let blanks_at = |at: usize| bytes[at..].iter().take_while(|&&byte| is_blank(byte)).count();
    let (mut rows, mut cells, mut at) = (Vec::new(), Cells::default(), start);
    let mut unquoted = String::new();
    while at < bytes.len() {
        if is_end(bytes[at]) {
            at += 1;
            continue;
        }
        // Blanks alone are no row, unless they part cells.
        let blanks = blanks_at(at);
        if blanks > 0 && bytes.get(at + blanks).is_none_or(|&byte| is_end(byte)) {
            at += blanks;
            continue;
        }
        if Some(bytes[at]) == reading.comment {
            at += bytes[at..].iter().position(|&byte| is_end(byte)).unwrap_or(bytes.len() - at);
            continue;
        }
        let (begun, first) = (at, cells.ends.len());
        loop {
            let opened = at + blanks_at(at);
            if let Some(quote) = reading.quote.filter(|quote| bytes.get(opened) == Some(quote)) {
                at = opened + 1;
                unquoted.clear();
                // Up to the quote that is not doubled.
                loop {
                    let Some(length) = bytes[at..].iter().position(|&byte| byte == quote) else {
                        return Err(wrong(
                            opened,
                            "a quote opens a cell and never closes; close it, or double it if it is part of the text",
                        ));
                    };
                    unquoted.push_str(&text[at..at + length]);
                    at += length + 1;
                    if bytes.get(at) != Some(&quote) {
                        break;
                    }
                    unquoted.push(char::from(quote));
                    at += 1;
                }
                let ends = |&byte: &u8| byte == delimiter || is_end(byte);
                let rest = bytes[at..].iter().position(ends).unwrap_or(bytes.len() - at);
                let rest = &text[at..at + rest];
                if !rest.trim().is_empty() {
                    return Err(wrong(
                        opened,
                        &format!(
                            "a quote opens a cell, closes in row {}, and more text follows it; close it where the cell ends, \
                             double it if it is part of the text, or read the file with no_quotes()",
                            line_at(text, at)
                        ),
                    ));
                }
                at += rest.len();
                cells.push(&unquoted);
            } else {
                let ends = |&byte: &u8| byte == delimiter || is_end(byte);
                let length = bytes[at..].iter().position(ends).unwrap_or(bytes.len() - at);
                cells.push(&text[at..at + length]);
                at += length;
            }
            match bytes.get(at) {
                Some(&byte) if byte == delimiter => at += 1,
                _ => break,
            }
        }
        rows.push(cells.line(begun, first));
    }
    Ok((rows, cells))
}

fn split_whitespace(text: &str, mut start: usize, comment: Option<u8>) -> (Vec<Line>, Cells) {
    let (mut rows, mut cells) = (Vec::new(), Cells::default());
    for line in text[start..].split_inclusive('\n') {
        let first = cells.ends.len();
        if comment.is_none() || line.bytes().next() != comment {
            line.split_ascii_whitespace().for_each(|cell| cells.push(cell));
        }
        if cells.ends.len() > first {
            rows.push(cells.line(start, first));
        }
        start += line.len();
    }
    (rows, cells)
}
