//! Confusion matrices.

use super::canvas::{
    Area, Canvas, Drawn, Font, MUTED, Rect, Svg, fill, heading, line, outline, shortened, text, text_width,
};
use super::colour::{ink_on, sequential};
use crate::{Error, Result};
use plotters::style::RGBColor;

const EDGE: f64 = 16.0;
const TOP: f64 = 64.0;
const NAME: f64 = 11.5;

/// A confusion matrix: `counts[actual][predicted]`, each cell with its count and its share of the row.
///
/// Colours follow the shares, so that a rare class shows as well as a common one: the diagonal is each class' recall.
///
/// # Errors
/// No class; a row whose length is not the number of rows; names that do not match the rows.
pub fn confusion_matrix(title: &str, counts: &[Vec<usize>], class_names: &[impl AsRef<str>]) -> Result<Svg> {
    let n = counts.len();
    if n == 0 {
        return Err(Error::argument("confusion_matrix: no classes; counts need a row for each"));
    }
    if let Some((i, row)) = counts.iter().enumerate().find(|(_, row)| row.len() != n) {
        let message =
            format!("confusion_matrix: row {i} has {} counts, expected {n}, as many as there are rows", row.len());
        return Err(Error::shape(message));
    }
    if class_names.len() != n {
        let message = format!("confusion_matrix: {} class names for {n} rows of counts", class_names.len());
        return Err(Error::argument(message));
    }
    let names: Vec<&str> = class_names.iter().map(AsRef::as_ref).collect();
    Matrix::new(counts, &names).draw(title)
}

/// The sum of the counts; of counts that no memory could have been counted from, the largest number.
fn sum_of<'a>(counts: impl IntoIterator<Item = &'a usize>) -> usize {
    counts.into_iter().fold(0, |total, &count| total.saturating_add(count))
}

struct Matrix<'a> {
    counts: &'a [Vec<usize>],
    names: &'a [&'a str],
    cell: (f64, f64),
    /// Sizes of the counts and of the shares below them.
    fonts: (f64, f64),
    /// Room for names beside and below the cells.
    room: f64,
    turned: bool,
}

impl<'a> Matrix<'a> {
    fn new(counts: &'a [Vec<usize>], names: &'a [&'a str]) -> Self {
        let (least, height, large, small) = match counts.len() {
            0..=4 => (92.0, 72.0, 17.0, 11.5),
            5..=12 => (56.0, 46.0, 13.0, 10.0),
            _ => (38.0, 33.0, 10.5, 8.5),
        };
        let digits = counts.iter().flatten().map(|c| text_width(&c.to_string(), large)).fold(0.0, f64::max);
        let width = (digits + 8.0).max(least);
        let widest = names.iter().map(|name| text_width(name, NAME)).fold(0.0, f64::max);
        let room = widest.min(170.0) + 8.0;
        Self { counts, names, cell: (width, height), fonts: (large, small), room, turned: widest > width - 6.0 }
    }

    fn draw(&self, title: &str) -> Result<Svg> {
        let n = self.counts.len() as f64;
        let below = if self.turned { self.room } else { 20.0 };
        let left = EDGE + 22.0 + self.room;
        let grid = Rect { x: left, y: TOP, width: n * self.cell.0, height: n * self.cell.1 };
        let width = (left + grid.width + EDGE + 8.0).max(360.0);
        let mut canvas = Canvas::new(title, width, TOP + grid.height + below + 22.0 + EDGE);
        canvas.draw(|area| {
            heading(area, title, &self.summary(), width)?;
            fill(area, grid, sequential(0.0))?;
            for (i, row) in self.counts.iter().enumerate() {
                self.row(area, grid, i, row)?;
            }
            self.rules(area, grid)?;
            let bold = Font::new(12.5).bold().centred();
            let (centre, middle) = (grid.x + grid.width / 2.0, grid.y + grid.height / 2.0);
            text(area, (centre, grid.y + grid.height + below + 18.0), "predicted", bold)?;
            text(area, (EDGE + 6.0, middle), "actual", bold.turned())
        })?;
        Ok(canvas.finish())
    }

    fn summary(&self) -> String {
        let total: usize = sum_of(self.counts.iter().flatten());
        let right: usize = sum_of(self.counts.iter().enumerate().map(|(i, row)| &row[i]));
        if total == 0 {
            return "no examples".to_string();
        }
        format!("{right} of {total} right: {:.2} %", 100.0 * right as f64 / total as f64)
    }

    /// The lines between the cells.
    fn rules(&self, area: &Area<'_>, grid: Rect) -> Drawn {
        let pale = RGBColor(0xE2, 0xE2, 0xE2);
        for i in 1..self.counts.len() {
            let (x, y) = (grid.x + i as f64 * self.cell.0, grid.y + i as f64 * self.cell.1);
            line(area, (x, grid.y), (x, grid.y + grid.height), pale, 1.0)?;
            line(area, (grid.x, y), (grid.x + grid.width, y), pale, 1.0)?;
        }
        outline(area, grid, MUTED)
    }

    fn row(&self, area: &Area<'_>, grid: Rect, i: usize, row: &[usize]) -> Drawn {
        let (width, height) = self.cell;
        let total = sum_of(row);
        let top = grid.y + i as f64 * height;
        for (j, &count) in row.iter().enumerate() {
            let at = Rect { x: grid.x + j as f64 * width, y: top, width, height };
            self.value(area, at, count, total, i == j)?;
        }
        let name = shortened(self.names[i], self.room, NAME);
        text(area, (grid.x - 8.0, top + height / 2.0), &name, Font::new(NAME).right())?;
        let foot = grid.y + grid.height + if self.turned { 8.0 } else { 13.0 };
        let font = if self.turned { Font::new(NAME).right().turned() } else { Font::new(NAME).centred() };
        text(area, (grid.x + (i as f64 + 0.5) * width, foot), &name, font)
    }

    fn value(&self, area: &Area<'_>, at: Rect, count: usize, total: usize, diagonal: bool) -> Drawn {
        let share = if total == 0 { 0.0 } else { count as f64 / total as f64 };
        let colour = sequential(share);
        let ink = if count == 0 { RGBColor(0x8A, 0x8A, 0x8A) } else { ink_on(colour) };
        let (centre, middle) = (at.x + at.width / 2.0, at.y + at.height / 2.0);
        let (large, small) = self.fonts;
        let font = Font::new(large).colour(ink).centred();
        let font = if diagonal { font.bold() } else { font };
        if count == 0 {
            return text(area, (centre, middle), "0", font);
        }
        fill(area, at, colour)?;
        text(area, (centre, middle - 0.55 * small), &count.to_string(), font)?;
        // One decimal more would not fit the cells of many classes.
        let percent = percent(count, total, if self.counts.len() > 12 { 0 } else { 1 });
        text(area, (centre, middle + 0.75 * large), &percent, Font::new(small).colour(ink).centred())
    }
}

/// A share that is neither none nor all never reads as if it were.
fn percent(count: usize, total: usize, decimals: usize) -> String {
    let (share, step) = (100.0 * count as f64 / total as f64, 10f64.powi(-(decimals as i32)));
    if count == total {
        "100 %".to_string()
    } else if share < step / 2.0 {
        format!("<{step} %")
    } else if share >= 100.0 - step / 2.0 {
        format!(">{} %", 100.0 - step)
    } else {
        format!("{share:.decimals$} %")
    }
}
