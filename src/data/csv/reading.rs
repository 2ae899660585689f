//! How text becomes rows, and cells numbers: the settings that are saved with a model, so that its answers and further files are read
//! as the training file was.

use super::{Header, Missing, Unseen};
use crate::{Element, Error};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What parts the cells of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::data) enum Delimiter {
    Byte(u8),
    /// Any number of spaces and tabs.
    Whitespace,
}

/// The settings of reading.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::data) struct Reading {
    pub header: Header,
    pub delimiter: Delimiter,
    pub skip_rows: usize,
    pub quote: Option<u8>,
    pub comment: Option<u8>,
    pub encoding: Option<String>,
    pub decimal: char,
    pub thousands: Option<char>,
    pub missing: Missing,
    /// The cells that hold no value.
    pub marks: Cow<'static, [Cow<'static, str>]>,
    /// Whether a missing word is a category of its own.
    pub missing_category: bool,
    pub unseen: Unseen,
    /// Whether a class may be given by its number, because its name was given by the user.
    pub classes_by_number: bool,
    /// What stands in the file for each class, where they were named otherwise afterwards.
    pub class_cells: Vec<String>,
}

/// What pandas takes for missing, and a question mark, which older data sets use.
const MARKS: [Cow<'static, str>; 20] = {
    const fn mark(text: &'static str) -> Cow<'static, str> {
        Cow::Borrowed(text)
    }
    [
        mark(""),
        mark("#N/A"),
        mark("#N/A N/A"),
        mark("#NA"),
        mark("-1.#IND"),
        mark("-1.#QNAN"),
        mark("-NaN"),
        mark("-nan"),
        mark("1.#IND"),
        mark("1.#QNAN"),
        mark("<NA>"),
        mark("N/A"),
        mark("NA"),
        mark("NULL"),
        mark("NaN"),
        mark("None"),
        mark("n/a"),
        mark("nan"),
        mark("null"),
        mark("?"),
    ]
};

/// The settings of [`Csv::new`](super::Csv::new).
pub(in crate::data) const USUAL: Reading = Reading {
    header: Header::Auto,
    delimiter: Delimiter::Byte(b','),
    skip_rows: 0,
    quote: Some(b'"'),
    comment: None,
    encoding: None,
    decimal: '.',
    thousands: None,
    missing: Missing::Error,
    marks: Cow::Borrowed(&MARKS),
    missing_category: false,
    unseen: Unseen::Error,
    classes_by_number: false,
    class_cells: Vec::new(),
};

impl Default for Reading {
    fn default() -> Self {
        USUAL
    }
}

/// The category of missing words, where they have one.
pub(in crate::data) const MISSING_WORD: &str = "(missing)";

impl Reading {
    /// An error for settings that contradict each other, or what numbers are written with.
    pub fn check(&self) -> crate::Result<()> {
        let wrong = |message: String| Err(Error::argument(message));
        let between = match self.delimiter {
            Delimiter::Byte(byte) => Some(byte),
            Delimiter::Whitespace => None,
        };
        let bytes = [("delimiter", between), ("quote", self.quote), ("comment", self.comment)];
        for (what, byte) in bytes {
            let Some(byte) = byte else { continue };
            if !byte.is_ascii() || matches!(byte, b'\r' | b'\n') {
                return wrong(format!(
                    "the {what} is the byte {byte:#04x}; expected a character of ASCII that ends no line"
                ));
            }
            if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-') {
                return wrong(format!(
                    "the {what} is {:?}, which numbers and words are written with; expected another character",
                    char::from(byte)
                ));
            }
        }
        for (i, (what, byte)) in bytes.iter().enumerate() {
            let same = |(_, other): &&(&str, Option<u8>)| byte.is_some() && other == byte;
            if let Some((other, _)) = bytes[..i].iter().find(same) {
                return wrong(format!(
                    "the {other} and the {what} are the same character; choose another for one of them"
                ));
            }
        }
        for (what, mark) in [("decimal", Some(self.decimal)), ("thousands", self.thousands)] {
            let Some(mark) = mark else { continue };
            let blank = mark.is_whitespace() && (what == "decimal" || mark == '\n' || mark == '\r');
            if mark.is_alphanumeric() || matches!(mark, '+' | '-') || blank {
                return wrong(format!(
                    "{what}({mark:?}): expected a character that numbers have between digits alone, such as '.' or ','"
                ));
            }
        }
        for (what, mark) in [("decimal", Some(self.decimal)), ("thousands", self.thousands)] {
            let same = |(_, byte): &&(&str, Option<u8>)| byte.is_some() && byte.map(char::from) == mark;
            // A delimiter may stand in a cell that is quoted.
            if let Some((other, _)) = bytes[1..].iter().find(same) {
                return wrong(format!(
                    "the {what} and the {other} are the same character; choose another for one of them"
                ));
            }
        }
        if self.thousands == Some(self.decimal) {
            let mark = self.decimal;
            let other = if mark == '.' { ',' } else { '.' };
            return wrong(format!(
                "{mark:?} stands both before decimals and between thousands; if it parts thousands, say what stands before decimals, \
                 as with decimal({other:?})"
            ));
        }
        Ok(())
    }

    /// Whether the cell holds no value.
    pub fn is_missing(&self, cell: &str) -> bool {
        let cell = cell.trim();
        self.marks.iter().any(|mark| mark == cell)
    }

    /// The finite number in the cell; what is wrong with it, otherwise.
    pub fn number(&self, cell: &str) -> Result<f64, String> {
        let cell = cell.trim();
        if self.is_missing(cell) {
            return Err(missing(cell));
        }
        match self.plain(cell).and_then(|text| text.parse::<f64>().ok()) {
            Some(number) if number.is_finite() => Ok(number),
            Some(_) => Err(format!("{cell:?} is not a finite number")),
            None => Err(format!("{cell:?} is not a number")),
        }
    }

    /// The same in the precision that is read.
    pub fn number_of<T: Element>(&self, cell: &str) -> Result<T, String> {
        let number = T::from_f64(self.number(cell)?);
        if number.to_f64().is_finite() {
            return Ok(number);
        }
        Err(format!("{:?} is beyond the range of {}; read it as f64", cell.trim(), T::NAME))
    }

    /// Whether the text is a number of whatever size, missing ones included: no name of a column.
    pub fn is_numeric(&self, cell: &str) -> bool {
        self.plain(cell.trim()).is_some_and(|text| text.parse::<f64>().is_ok())
    }

    /// The number as Rust writes it: a point, and nothing between thousands. Separators must stand where they belong.
    pub fn plain<'c>(&self, cell: &'c str) -> Option<Cow<'c, str>> {
        if self.decimal == '.' && self.thousands.is_none() {
            return Some(Cow::Borrowed(cell));
        }
        let (whole, rest) = match cell.find(self.decimal) {
            Some(at) => (&cell[..at], Some(&cell[at + self.decimal.len_utf8()..])),
            None => (cell, None),
        };
        if rest.is_some_and(|rest| rest.contains([self.decimal, '.'])) || (self.decimal != '.' && whole.contains('.')) {
            // A point is at most what parts thousands.
            if self.thousands != Some('.') || rest.is_some_and(|rest| rest.contains([self.decimal, '.'])) {
                return None;
            }
        }
        let mut text = match self.thousands {
            Some(mark) if whole.contains(mark) => {
                let (sign, digits) = whole.split_at(whole.len() - whole.trim_start_matches(['-', '+']).len());
                let groups: Vec<&str> = digits.split(mark).collect();
                let are_digits = groups.iter().all(|group| group.bytes().all(|b| b.is_ascii_digit()));
                let first = (1..=3).contains(&groups[0].len()) && !groups[0].starts_with('0');
                if !are_digits || !first || !groups[1..].iter().all(|group| group.len() == 3) {
                    return None;
                }
                sign.to_owned() + &groups.concat()
            }
            _ => whole.to_owned(),
        };
        if let Some(rest) = rest {
            text.push('.');
            text.push_str(rest);
        }
        Some(Cow::Owned(text))
    }
}

pub(in crate::data) fn missing(cell: &str) -> String {
    match cell.trim() {
        "" => "the value is missing".into(),
        mark => format!("the value is missing ({mark:?})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        let mut all = vec![
            Reading { thousands: Some('.'), ..USUAL },
            Reading { decimal: ',', thousands: Some(','), ..USUAL },
            Reading { quote: Some(b','), ..USUAL },
            Reading { comment: Some(b','), ..USUAL },
            Reading { comment: Some(b'"'), ..USUAL },
            Reading { decimal: ' ', ..USUAL },
        ];
        for mark in ['5', 'e', '-', '+'] {
            all.push(Reading { decimal: mark, ..USUAL });
            all.push(Reading { thousands: Some(mark), ..USUAL });
            all.push(Reading { delimiter: Delimiter::Byte(mark as u8), ..USUAL });
        }
        all.push(Reading { delimiter: Delimiter::Byte(b'.'), ..USUAL });
        for reading in all {
            assert!(reading.check().is_err(), "{reading:?}");
        }
        let german = Reading { delimiter: Delimiter::Byte(b';'), decimal: ',', thousands: Some('.'), ..USUAL };
        let swiss = Reading { thousands: Some('\''), ..USUAL };
        let french = Reading { delimiter: Delimiter::Byte(b'\t'), decimal: ',', thousands: Some('\u{a0}'), ..USUAL };
        for reading in [USUAL, german, swiss, french] {
            assert!(reading.check().is_ok(), "{reading:?}");
        }
        let error = Reading { thousands: Some('.'), ..USUAL }.check().unwrap_err();
        assert_eq!(
            error.to_string(),
            "'.' stands both before decimals and between thousands; if it parts thousands, say what stands before decimals, as with \
             decimal(',')"
        );
    }

    #[test]
    fn separators_stand_where_they_belong_or_it_is_no_number() {
        let german = Reading { decimal: ',', thousands: Some('.'), ..USUAL };
        for (cell, number) in [("1.234,5", 1234.5), ("-1.234.567", -1234567.0), ("0,25", 0.25), ("12", 12.0)] {
            assert_eq!(german.number(cell), Ok(number), "{cell}");
        }
        for cell in ["1.5", "1,5,5", "1,234.5", "12.34", ".123", "1234.567", "0.123", "-0.123"] {
            assert!(german.number(cell).is_err(), "{cell}");
        }
        let comma = Reading { decimal: ',', ..USUAL };
        assert_eq!(comma.number("1,5e3"), Ok(1500.0));
        assert!(comma.number("1.5").is_err());
        let english = Reading { thousands: Some(','), ..USUAL };
        assert_eq!(english.number("1,234.5"), Ok(1234.5));
        assert!(english.number("1,23").is_err() && english.number("1.2,345").is_err());
    }
}
