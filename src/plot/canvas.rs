//! The sheet that everything is drawn on: layers of plotters' SVG and of images.
//!
//! plotters places everything on whole pixels, which shows as steps in a curve. Its layers are therefore drawn [`UNIT`] times
//! larger and scaled back. It cannot place a picture without the image crate, hence the layers.

use super::png::Pixels;
use crate::Result;
use crate::files::write_atomically;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::fmt::{self, Write as _};
use std::path::Path;

/// A drawing: the text of one SVG file.
///
/// # Examples
/// ```
/// use retrograd::plot::{Curve, CurveOptions, curves};
/// let svg = curves("Loss", &[Curve::by_epoch("training", [0.9, 0.4, 0.2])], &CurveOptions::default())?;
/// assert!(svg.as_str().starts_with("<svg") && svg.as_str().contains("Loss"));
/// let folder = tempfile::tempdir()?;
/// svg.save(folder.path().join("loss.svg"))?;
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Svg(String);

impl Svg {
    /// The text of the file.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Writes the file, all or nothing.
    ///
    /// # Errors
    /// The folder is missing or not writable, the path is a directory, the disk is full.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        write_atomically(path, self.0.as_bytes())
    }
}

impl fmt::Display for Svg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// plotters' coordinates per pixel.
pub(super) const UNIT: f64 = 10.0;

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(super) type Drawn<T = ()> = std::result::Result<T, DrawingAreaErrorKind<std::io::Error>>;

/// A rectangle in pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rect {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

pub(super) struct Canvas {
    title: String,
    width: f64,
    height: f64,
    layers: String,
}

impl Canvas {
    pub fn new(title: &str, width: f64, height: f64) -> Self {
        Self { title: clean(title), width: width.ceil(), height: height.ceil(), layers: String::new() }
    }

    /// Adds a layer that plotters draws.
    pub fn draw(&mut self, draw: impl FnOnce(&Area<'_>) -> Drawn) -> Result<()> {
        let mut layer = String::new();
        let area =
            SVGBackend::with_string(&mut layer, (px(self.width) as u32, px(self.height) as u32)).into_drawing_area();
        draw(&area).and_then(|()| area.present()).map_err(|error| crate::Error::custom(format!("plot: {error}")))?;
        drop(area);
        let _ = writeln!(self.layers, "<g transform=\"scale({})\">\n{layer}</g>", 1.0 / UNIT);
        Ok(())
    }

    /// Adds a picture, stretched over `at`: sharp pixels, or blended ones.
    pub fn picture(&mut self, at: Rect, pixels: &Pixels, sharp: bool) {
        let rendering = if sharp { " style=\"image-rendering:pixelated\"" } else { "" };
        let _ = writeln!(
            self.layers,
            "<image x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" preserveAspectRatio=\"none\"{rendering} href=\"{}\"/>",
            at.x,
            at.y,
            at.width,
            at.height,
            pixels.data_uri()
        );
    }

    pub fn finish(self) -> Svg {
        let (width, height) = (self.width, self.height);
        Svg(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             role=\"img\" aria-label=\"{}\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"#FFFFFF\"/>\n{}</svg>\n",
            escape(&self.title),
            self.layers
        ))
    }
}

/// How a text is set.
#[derive(Clone, Copy)]
pub(super) struct Font {
    size: f64,
    colour: RGBColor,
    bold: bool,
    turned: bool,
    horizontal: HPos,
    vertical: VPos,
}

pub(super) const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
pub(super) const MUTED: RGBColor = RGBColor(0x5F, 0x5F, 0x5F);

impl Font {
    /// Starts at the given point, centred on its height.
    pub fn new(size: f64) -> Self {
        Self { size, colour: INK, bold: false, turned: false, horizontal: HPos::Left, vertical: VPos::Center }
    }
    pub fn colour(self, colour: RGBColor) -> Self {
        Self { colour, ..self }
    }
    pub fn bold(self) -> Self {
        Self { bold: true, ..self }
    }
    pub fn centred(self) -> Self {
        Self { horizontal: HPos::Center, ..self }
    }
    /// Ends at the given point.
    pub fn right(self) -> Self {
        Self { horizontal: HPos::Right, ..self }
    }
    /// Reads from bottom to top.
    pub fn turned(self) -> Self {
        Self { turned: true, ..self }
    }

    pub fn style(self) -> TextStyle<'static> {
        let weight = if self.bold { FontStyle::Bold } else { FontStyle::Normal };
        let turn = if self.turned { FontTransform::Rotate270 } else { FontTransform::None };
        // plotters' SVG writer divides sizes by 1.24.
        let font = ("sans-serif", self.size * 1.24 * UNIT).into_font().style(weight).transform(turn);
        font.color(&self.colour).pos(Pos::new(self.horizontal, self.vertical))
    }
}

pub(super) fn text(area: &Area<'_>, at: (f64, f64), text: &str, font: Font) -> Drawn {
    area.draw(&Text::new(clean(text), point(at), font.style()))
}

pub(super) fn fill(area: &Area<'_>, at: Rect, colour: RGBColor) -> Drawn {
    area.draw(&Rectangle::new(corners(at), colour.filled()))
}

pub(super) fn outline(area: &Area<'_>, at: Rect, colour: RGBColor) -> Drawn {
    let (a, b) = (point((at.x, at.y)), point((at.x + at.width, at.y + at.height)));
    let around = vec![a, (b.0, a.1), b, (a.0, b.1), a];
    area.draw(&PathElement::new(around, colour.stroke_width(UNIT as u32)))
}

pub(super) fn line(area: &Area<'_>, from: (f64, f64), to: (f64, f64), colour: RGBColor, width: f64) -> Drawn {
    area.draw(&PathElement::new(vec![point(from), point(to)], colour.stroke_width(px(width) as u32)))
}

pub(super) fn dot(area: &Area<'_>, at: (f64, f64), radius: f64, colour: RGBColor) -> Drawn {
    area.draw(&Circle::new(point(at), px(radius), colour.filled()))
}

/// The title of a drawing and, smaller, what stands below it; from the left edge.
pub(super) fn heading(area: &Area<'_>, title: &str, below: &str, width: f64) -> Drawn {
    text(area, (16.0, 22.0), &shortened(title, width - 32.0, 16.0), Font::new(16.0).bold())?;
    text(area, (16.0, 43.0), &shortened(below, width - 32.0, 12.0), Font::new(12.0).colour(MUTED))
}

/// Pixels in plotters' coordinates.
pub(super) fn px(pixels: f64) -> i32 {
    (pixels * UNIT).round() as i32
}

fn point((x, y): (f64, f64)) -> (i32, i32) {
    (px(x), px(y))
}

fn corners(at: Rect) -> [(i32, i32); 2] {
    [point((at.x, at.y)), point((at.x + at.width, at.y + at.height))]
}

/// How wide a text is at most, about: the browser's font is not known here.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    let em = |c: char| match c {
        'i' | 'j' | 'l' | 'I' | 't' | 'f' | 'r' | '.' | ',' | ':' | ';' | '\'' | '|' | ' ' | '(' | ')' => 0.4,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 0.95,
        'A'..='Z' => 0.72,
        // East Asian scripts and emoji fill a square.
        c if c as u32 >= 0x1100 => 1.05,
        _ => 0.62,
    };
    size * text.chars().map(em).sum::<f64>()
}

/// The text, its middle left out where it would be wider than `width`: both ends of a long name may tell it apart.
pub(super) fn shortened(text: &str, width: f64, size: f64) -> String {
    let text = clean(text);
    if text_width(&text, size) <= width {
        return text;
    }
    let letters: Vec<char> = text.chars().collect();
    for keep in (2..letters.len()).rev() {
        let (head, tail) = (keep.div_ceil(2), keep / 2);
        let short: String =
            letters[..head].iter().chain(&['…']).chain(&letters[letters.len() - tail..]).copied().collect();
        if text_width(&short, size) <= width {
            return short;
        }
    }
    letters.iter().take(1).chain(&['…']).collect()
}

/// The text without what XML cannot hold, on one line.
pub(super) fn clean(text: &str) -> String {
    let allowed = |c: char| match c {
        '\u{FFFE}' | '\u{FFFF}' => '\u{FFFD}',
        c if c.is_control() => ' ',
        c => c,
    };
    text.chars().map(allowed).collect()
}

/// The text as XML and HTML write it, in elements and in attributes, on one line.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
