//! What the columns of a table hold, before anybody has said what they are for.

use super::table::Line;
use super::{Csv, file};
use crate::Result;
use std::collections::HashSet;
use std::path::Path;

/// What a column of a table holds, by [`Csv::survey`].
///
/// # Examples
/// ```
/// use retrograd::data::Csv;
/// let columns = Csv::new().survey_from("size,colour\n1.5,red\n2,blue\n2.0,NA\n".as_bytes())?;
/// let (size, colour) = (&columns[0], &columns[1]);
/// assert_eq!((size.numbers, size.distinct, size.range, size.whole), (3, 2, Some((1.5, 2.0)), false));
/// assert_eq!((&colour.name[..], colour.words, colour.missing, colour.distinct), ("colour", 2, 1, 2));
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ColumnSurvey {
    /// Its name; x0, x1, ... where there is no header.
    pub name: String,
    /// Cells with a number.
    pub numbers: usize,
    /// Cells with something else.
    pub words: usize,
    /// Cells without a value.
    pub missing: usize,
    /// How many different numbers and words there are.
    pub distinct: usize,
    /// The least and the greatest number.
    pub range: Option<(f64, f64)>,
    /// Whether all numbers are whole.
    pub whole: bool,
}

impl Csv {
    /// What the columns of a file hold, whatever they are for: which are of words and so [`categorical`](Csv::categorical), whether
    /// numbers may be classes.
    ///
    /// # Errors
    /// As for [`Csv::read_rows`].
    pub fn survey(&self, path: impl AsRef<Path>) -> Result<Vec<ColumnSurvey>> {
        let path = path.as_ref();
        self.survey_of(format!("csv: {}", path.display()), file::read("csv", path)?)
    }

    /// As [`Csv::survey`], of a table that is read from elsewhere.
    ///
    /// # Errors
    /// As for [`Csv::read_rows`].
    pub fn survey_from(&self, reader: impl std::io::Read) -> Result<Vec<ColumnSurvey>> {
        self.survey_of("csv".into(), super::unpacked(reader)?)
    }

    #[inline(never)]
    fn survey_of(&self, origin: String, bytes: Vec<u8>) -> Result<Vec<ColumnSurvey>> {
        let table = self.named(self.table(origin, bytes)?)?;
        let column = |(at, name): (usize, &String)| {
            let cells = table.rows.iter().map(|row: &Line| table.cell(row, at));
            let mut survey = ColumnSurvey {
                name: name.clone(),
                numbers: 0,
                words: 0,
                missing: 0,
                distinct: 0,
                range: None,
                whole: true,
            };
            let (mut numbers, mut words) = (HashSet::new(), HashSet::new());
            for cell in cells {
                if self.reading.is_missing(cell) {
                    survey.missing += 1;
                    continue;
                }
                let Ok(number) = self.reading.number(cell) else {
                    survey.words += 1;
                    words.insert(cell.trim());
                    continue;
                };
                survey.numbers += 1;
                // 0 and -0 are one number.
                numbers.insert((number + 0.0).to_bits());
                survey.whole &= number.fract() == 0.0;
                let (least, greatest) = survey.range.unwrap_or((number, number));
                survey.range = Some((least.min(number), greatest.max(number)));
            }
            survey.distinct = numbers.len() + words.len();
            survey
        };
        Ok(table.names.iter().enumerate().map(column).collect())
    }
}
