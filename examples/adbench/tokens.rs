//! Numbers of a text file, one after the other, with errors that say which number, where it stands, and what it should be.

use std::path::Path;

/// The words of a file between white space, each with its line.
pub(crate) struct Tokens<'a> {
    file: String,
    words: Box<dyn Iterator<Item = (usize, &'a str)> + 'a>,
    /// The line of the last word.
    line: usize,
}

/// The text of a file.
pub(crate) fn read_text(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: cannot be read: {error}", path.display()))
}

/// The file's name, for messages.
pub(crate) fn name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

impl<'a> Tokens<'a> {
    pub(crate) fn new(file: String, text: &'a str) -> Self {
        let lines = text.lines().enumerate();
        let words = Box::new(lines.flat_map(|(i, line)| line.split_whitespace().map(move |word| (i + 1, word))));
        Self { file, words, line: 0 }
    }

    /// What is wrong, at the last word that was read.
    pub(crate) fn wrong(&self, what: impl std::fmt::Display) -> String {
        format!("{}: line {}: {what}", self.file, self.line)
    }

    fn word(&mut self, what: &dyn Fn() -> String) -> Result<&'a str, String> {
        let Some((line, word)) = self.words.next() else {
            return Err(format!("{}: ends after line {}, where {} should follow", self.file, self.line, what()));
        };
        self.line = line;
        Ok(word)
    }

    /// A finite number.
    pub(crate) fn number(&mut self, what: &dyn Fn() -> String) -> Result<f64, String> {
        let word = self.word(what)?;
        let number = word.parse().ok().filter(|x: &f64| x.is_finite());
        number.ok_or_else(|| self.wrong(format_args!("{}: {word:?} is not a finite number", what())))
    }

    /// A whole number from `least` on.
    pub(crate) fn whole(&mut self, what: &str, least: i64) -> Result<i64, String> {
        let word = self.word(&|| what.to_owned())?;
        let whole = word.parse().ok().filter(|&n| n >= least);
        whole.ok_or_else(|| self.wrong(format_args!("{what}: {word:?} is not a whole number from {least} on")))
    }

    /// How many there are of something: at least 1.
    pub(crate) fn count(&mut self, what: &str) -> Result<usize, String> {
        Ok(self.whole(what, 1)? as usize)
    }

    /// An index below `n`.
    pub(crate) fn index(&mut self, what: &dyn Fn() -> String, n: usize) -> Result<usize, String> {
        let word = self.word(what)?;
        let index = word.parse().ok().filter(|&i: &usize| i < n);
        index.ok_or_else(|| self.wrong(format_args!("{}: {word:?} is not a whole number below {n}", what())))
    }

    /// A table of finite numbers, row after row.
    pub(crate) fn table(&mut self, what: &str, rows: usize, columns: usize) -> Result<Vec<f64>, String> {
        let mut table = Vec::new();
        for row in 0..rows {
            for column in 0..columns {
                table.push(self.number(&|| format!("{what}[{row}][{column}] of {rows} rows of {columns}"))?);
            }
        }
        Ok(table)
    }

    /// Nothing follows.
    pub(crate) fn end(mut self) -> Result<(), String> {
        match self.words.next() {
            None => Ok(()),
            Some((line, word)) => {
                self.line = line;
                Err(self.wrong(format_args!("{word:?} follows where the file should end")))
            }
        }
    }
}
