//! A frame with two axes, ticks and a grid, and legends: what every chart shares.

use super::axis::Axis;
use super::canvas::{Area, Drawn, Font, INK, MUTED, Rect, UNIT, dot, line, px, shortened, text, text_width};
use plotters::prelude::*;

pub(super) type Chart<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<Axis, Axis>>;

const TICK: f64 = 11.5;
const LABEL: f64 = 12.5;
/// Room below a frame for ticks and the axis' label.
pub(super) const BELOW: f64 = 46.0;

/// Room left of a frame for its ticks and the axis' label.
pub(super) fn left_of(y: &Axis) -> f64 {
    let widest = y.ticks.iter().map(|t| text_width(&t.name, TICK)).fold(0.0, f64::max);
    widest + 16.0 + if y.label.is_empty() { 8.0 } else { 24.0 }
}

/// Draws axes and grid around `at`, and gives the chart to draw into.
pub(super) fn frame<'a>(area: &Area<'a>, at: Rect, x: &Axis, y: &Axis) -> Drawn<Chart<'a>> {
    let inner = area.clone().shrink((px(at.x), px(at.y)), (px(at.width) as u32, px(at.height) as u32));
    let mut chart = ChartBuilder::on(&inner).build_cartesian_2d(x.clone(), y.clone())?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(0xE4, 0xE4, 0xE4).stroke_width(UNIT as u32))
        .axis_style(TRANSPARENT)
        .draw()?;
    let corner = (at.x, at.y + at.height);
    line(area, corner, (at.x, at.y), MUTED, 1.0)?;
    line(area, corner, (at.x + at.width, corner.1), MUTED, 1.0)?;
    names(area, at, x, y)?;
    Ok(chart)
}

/// The ticks' numbers and the axes' labels. plotters would place them by its guess of a font.
fn names(area: &Area<'_>, at: Rect, x: &Axis, y: &Axis) -> Drawn {
    let bottom = at.y + at.height;
    // Long numbers, such as 123456.705, leave some of their neighbours out.
    let widest = x.ticks.iter().map(|t| text_width(&t.name, TICK)).fold(0.0, f64::max) + 10.0;
    let apart = at.width * x.ticks.get(..2).map_or(1.0, |t| x.share(t[1].place) - x.share(t[0].place));
    for tick in x.ticks.iter().step_by((widest / apart).ceil().max(1.0) as usize) {
        let left = at.x + x.share(tick.place) * at.width;
        line(area, (left, bottom), (left, bottom + 4.0), MUTED, 1.0)?;
        text(area, (left, bottom + 14.0), &tick.name, Font::new(TICK).centred())?;
    }
    for tick in &y.ticks {
        let top = bottom - y.share(tick.place) * at.height;
        line(area, (at.x - 4.0, top), (at.x, top), MUTED, 1.0)?;
        text(area, (at.x - 8.0, top), &tick.name, Font::new(TICK).right())?;
    }
    let (middle, centre) = (at.x + at.width / 2.0, at.y + at.height / 2.0);
    text(area, (middle, bottom + 34.0), &shortened(&x.label, at.width, LABEL), Font::new(LABEL).centred())?;
    let beside = at.x - left_of(y) + 10.0;
    text(area, (beside, centre), &shortened(&y.label, at.height, LABEL), Font::new(LABEL).centred().turned())
}

/// Names beside marks of their colours, in rows no wider than `width`.
pub(super) struct Legend {
    entries: Vec<(String, RGBColor, (f64, f64))>,
    pub height: f64,
}

impl Legend {
    pub fn rows<'a>(names: impl IntoIterator<Item = (&'a str, RGBColor)>, width: f64) -> Self {
        const ROW: f64 = 20.0;
        let (mut x, mut y, mut entries) = (0.0, 0.0, Vec::new());
        for (name, colour) in names {
            let name = shortened(name, (width - 30.0).min(260.0), 12.0);
            let wide = text_width(&name, 12.0) + 36.0;
            if x > 0.0 && x + wide > width {
                (x, y) = (0.0, y + ROW);
            }
            entries.push((name, colour, (x, y)));
            x += wide;
        }
        Self { height: if entries.is_empty() { 0.0 } else { y + ROW }, entries }
    }

    pub fn draw(&self, area: &Area<'_>, at: (f64, f64)) -> Drawn {
        for (name, colour, (x, y)) in &self.entries {
            dot(area, (at.0 + x + 6.0, at.1 + y + 9.0), 5.0, *colour)?;
            text(area, (at.0 + x + 17.0, at.1 + y + 9.0), name, Font::new(12.0).colour(INK))?;
        }
        Ok(())
    }
}
