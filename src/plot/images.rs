//! Rows of a matrix as images: what a unit of the first layer looks for, or what the data look like.

use super::axis::extent;
use super::canvas::{Canvas, Font, MUTED, Rect, Svg, heading, outline, shortened, text};
use super::colour::{diverging, sequential};
use super::png::Pixels;
use crate::{Element, Error, Result, Tensor};
use plotters::style::RGBColor;

/// How numbers become colours.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, plot::{Colours, ImageOptions, images}};
/// let rows = Tensor::from([[-1.0, 0.0, 0.5, 2.0]]);
/// let drawn = |colours| images("A unit", &rows, (2, 2), &ImageOptions { colours, ..ImageOptions::default() });
/// assert_ne!(drawn(Colours::Diverging)?, drawn(Colours::Grey)?);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colours {
    /// Signed values: blue below zero, white at zero, red above, the same distance on both sides.
    #[default]
    Diverging,
    /// From the least value, near white, to the greatest, dark blue.
    Sequential,
    /// From the least value, black, to the greatest, white: pixels.
    Grey,
}

/// How [`images`] and [`weights`] lay out their grid.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, plot::{Colours, ImageOptions, images}};
/// let digits = Tensor::from([[0.0, 1.0, 1.0, 0.0], [1.0, 0.0, 0.0, 1.0]]);
/// let options =
///     ImageOptions { titles: vec!["first".into(), "second".into()], colours: Colours::Grey, ..ImageOptions::default() };
/// let svg = images("Two digits", &digits, (2, 2), &options)?;
/// assert!(svg.as_str().contains("first") && svg.as_str().contains("second"));
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImageOptions {
    /// Images in a row of the grid; 0: about as many as rows.
    pub columns: usize,
    /// What stands above each image; empty, nothing.
    pub titles: Vec<String>,
    /// The colour map, one range for all images.
    pub colours: Colours,
    /// Each image has the whole range of colours for itself: shapes show, sizes no longer compare.
    pub each_its_own_range: bool,
}

/// Every row of `rows` [n, height * width] as an image of `shape` (height, width), in a grid with a colour bar.
///
/// NaN and infinite values are drawn grey, or red where the others are.
///
/// # Errors
/// `rows` is not a matrix, has no row or no finite value, a row is not height * width long, titles do not match the rows.
pub fn images<T: Element>(title: &str, rows: &Tensor<T>, shape: (usize, usize), options: &ImageOptions) -> Result<Svg> {
    let (n, n_pixels) = dims("images", rows)?;
    let values: Vec<f64> = rows.iter().map(|v| v.to_f64()).collect();
    Grid::new("images", &values, n, n_pixels, shape, options)?.draw(title)
}

/// Every column of a weight matrix [n_in, n_units] as an image of `shape` (height, width): what each unit responds to.
///
/// # Errors
/// `matrix` is not a matrix, has no unit or no finite value, n_in is not height * width, titles do not match the units.
pub fn weights<T: Element>(
    title: &str,
    matrix: &Tensor<T>,
    shape: (usize, usize),
    options: &ImageOptions,
) -> Result<Svg> {
    let (n_in, n_units) = dims("weights", matrix)?;
    let weight = |unit: usize, input: usize| matrix.as_slice()[input * n_units + unit].to_f64();
    let values: Vec<f64> = (0..n_units).flat_map(|unit| (0..n_in).map(move |input| weight(unit, input))).collect();
    Grid::new("weights", &values, n_units, n_in, shape, options)?.draw(title)
}

fn dims<T: Element>(name: &str, tensor: &Tensor<T>) -> Result<(usize, usize)> {
    match tensor.shape().dims() {
        &[rows, columns] => Ok((rows, columns)),
        dims => Err(Error::shape(format!("{name}: expected a matrix, got shape {dims:?}"))),
    }
}

const GREY: RGBColor = RGBColor(0xBB, 0xBB, 0xBB);
const RED: RGBColor = RGBColor(0xD0, 0x20, 0x20);
const EDGE: f64 = 16.0;
const GAP: f64 = 6.0;
const WIDEST: f64 = 960.0;

struct Grid<'a> {
    values: &'a [f64],
    n: usize,
    shape: (usize, usize),
    options: &'a ImageOptions,
    columns: usize,
    range: (f64, f64),
}

impl<'a> Grid<'a> {
    fn new(
        name: &str,
        values: &'a [f64],
        n: usize,
        n_pixels: usize,
        shape: (usize, usize),
        options: &'a ImageOptions,
    ) -> Result<Self> {
        if shape.0.checked_mul(shape.1) != Some(n_pixels) {
            return Err(Error::shape(format!(
                "{name}: images of {} x {} have {} values, got {n_pixels} for each",
                shape.0,
                shape.1,
                shape.0.saturating_mul(shape.1)
            )));
        }
        if !options.titles.is_empty() && options.titles.len() != n {
            return Err(Error::argument(format!("{name}: {} titles for {n} images", options.titles.len())));
        }
        let Some(range) = extent(values.iter().copied()) else {
            return Err(Error::argument(format!("{name}: no finite value among {n} images of {n_pixels} values")));
        };
        let square = (n as f64).sqrt().ceil() as usize;
        let columns = if options.columns == 0 { square } else { options.columns.min(n) };
        Ok(Self { values, n, shape, options, columns, range: widened(range, options.colours) })
    }

    fn draw(&self, title: &str) -> Result<Svg> {
        let (cell_width, cell_height) = self.cell();
        let above = if self.options.titles.is_empty() { 0.0 } else { 16.0 };
        let rows = self.n.div_ceil(self.columns);
        let grid_width = self.columns as f64 * (cell_width + GAP) - GAP;
        let width = (grid_width + 2.0 * EDGE + self.bar_width()).max(320.0);
        let grid_height = rows as f64 * (cell_height + above + GAP) - GAP;
        let top = 60.0;
        let bar_height = grid_height.clamp(90.0, 320.0);
        let height = top + grid_height.max(bar_height) + EDGE + 4.0;
        let mut canvas = Canvas::new(title, width, height);
        let mut places = Vec::with_capacity(self.n);
        for i in 0..self.n {
            let x = EDGE + (i % self.columns) as f64 * (cell_width + GAP);
            let y = top + (i / self.columns) as f64 * (cell_height + above + GAP) + above;
            let at = Rect { x, y, width: cell_width, height: cell_height };
            canvas.picture(at, &self.pixels(i), true);
            places.push(at);
        }
        let bar = Rect { x: EDGE + grid_width + 20.0, y: top + above, width: 14.0, height: bar_height - above };
        if !self.options.each_its_own_range {
            canvas.picture(bar, &Pixels::from_fn(1, 128, |_, y| self.colour(1.0 - y as f64 / 127.0)), true);
        }
        canvas.draw(|area| {
            let images = if self.n == 1 { "image" } else { "images" };
            let below = format!("{} {images} of {} × {}", self.n, self.shape.0, self.shape.1);
            heading(area, title, &below, width)?;
            for (i, at) in places.iter().enumerate() {
                outline(area, *at, RGBColor(0xD0, 0xD0, 0xD0))?;
                if let Some(name) = self.options.titles.get(i) {
                    let font = Font::new(11.0).centred();
                    text(area, (at.x + at.width / 2.0, at.y - 8.0), &shortened(name, at.width, 11.0), font)?;
                }
            }
            if self.options.each_its_own_range {
                return Ok(());
            }
            outline(area, bar, MUTED)?;
            let (low, high) = self.range;
            for (share, value) in [(0.0, high), (0.5, (low + high) / 2.0), (1.0, low)] {
                let y = bar.y + share * bar.height;
                text(area, (bar.x + bar.width + 6.0, y), &number(value), Font::new(11.0))?;
            }
            Ok(())
        })?;
        Ok(canvas.finish())
    }

    /// The size of one image on paper: whole pixels of the screen for each of its own where that fits.
    fn cell(&self) -> (f64, f64) {
        let (height, width) = (self.shape.0 as f64, self.shape.1 as f64);
        let room = (WIDEST - self.bar_width() - 2.0 * EDGE) / self.columns as f64 - GAP;
        let room = room.clamp(12.0, 112.0);
        let zoom = room / width.max(height);
        let zoom = if zoom >= 1.0 { zoom.floor() } else { zoom };
        ((zoom * width).max(2.0), (zoom * height).max(2.0))
    }

    fn bar_width(&self) -> f64 {
        if self.options.each_its_own_range { 0.0 } else { 96.0 }
    }

    fn pixels(&self, i: usize) -> Pixels {
        let (height, width) = self.shape;
        let image = &self.values[i * height * width..][..height * width];
        let own = self.options.each_its_own_range.then(|| extent(image.iter().copied())).flatten();
        let (low, high) = own.map_or(self.range, |range| widened(range, self.options.colours));
        Pixels::from_fn(width, height, |x, y| match image[y * width + x] {
            v if v.is_finite() => self.colour((v - low) / (high - low)),
            _ if self.options.colours == Colours::Grey => RED,
            _ => GREY,
        })
    }

    /// The colour of a share of the range.
    fn colour(&self, share: f64) -> RGBColor {
        match self.options.colours {
            Colours::Diverging => diverging(2.0 * share - 1.0),
            Colours::Sequential => sequential(share),
            Colours::Grey => {
                let level = (255.0 * share.clamp(0.0, 1.0)).round() as u8;
                RGBColor(level, level, level)
            }
        }
    }
}

/// The range of a colour map: symmetric where it diverges, never empty.
fn widened((low, high): (f64, f64), colours: Colours) -> (f64, f64) {
    match colours {
        Colours::Diverging => match low.abs().max(high.abs()) {
            0.0 => (-1.0, 1.0),
            largest => (-largest, largest),
        },
        Colours::Sequential | Colours::Grey if low == high => (low, low + 1.0),
        Colours::Sequential | Colours::Grey => (low, high),
    }
}

/// A number in few digits.
pub(super) fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_string(),
        size if !(1e-3..1e5).contains(&size) => format!("{value:.2e}"),
        size => format!("{value:.*}", (2 - size.log10().floor() as i32).max(0) as usize),
    }
}
