//! Predicted against actual values, and how values are distributed.

use super::axis::{Axis, extent, is_shown};
use super::canvas::{Canvas, Rect, Svg, UNIT, heading, px};
use super::chart::{BELOW, frame, left_of};
use super::colour::category;
use super::images::number;
use crate::{Element, Error, Result};
use plotters::prelude::*;

const EDGE: f64 = 16.0;
const TOP: f64 = 62.0;

/// Predictions of a regression against the actual values, with the diagonal on which they would all be right.
///
/// Below the title: R2 = 1 - sum (p - a)^2 / sum (a - mean a)^2 and RMSE = sqrt(mean (p - a)^2) of what is shown. Pairs with a
/// value that is NaN or infinite are left out, and counted there.
///
/// # Errors
/// Lists of different lengths; no finite pair.
pub fn regression<T: Element>(title: &str, predicted: &[T], actual: &[T]) -> Result<Svg> {
    let pairs = shown("regression", predicted, actual)?;
    let Some((low, high)) = extent(pairs.iter().flat_map(|&(a, p)| [a, p])) else {
        return Err(Error::argument(format!("regression: no finite pair among {}", predicted.len())));
    };
    let axis = |label| Axis::linear(label, (low, high), 7);
    let (x, y) = (axis("actual"), axis("predicted"));
    let diagonal = [(x.range.0, x.range.0), (x.range.1, x.range.1)];
    points(title, &quality(&pairs, predicted.len()), &pairs, (x, y), diagonal)
}

/// What a regression is off by, actual minus predicted, against what it predicts: without a pattern where it has learned what there
/// is to learn.
///
/// Below the title as for [`regression`].
///
/// # Errors
/// Lists of different lengths; no finite pair.
pub fn residuals<T: Element>(title: &str, predicted: &[T], actual: &[T]) -> Result<Svg> {
    let pairs = shown("residuals", predicted, actual)?;
    let off: Vec<(f64, f64)> = pairs.iter().map(|(a, p)| (*p, a - p)).collect();
    let ranges = (extent(off.iter().map(|point| point.0)), extent(off.iter().map(|point| point.1).chain([0.0])));
    let (Some(across), Some(up)) = ranges else {
        return Err(Error::argument(format!("residuals: no finite pair among {}", predicted.len())));
    };
    let (x, y) = (Axis::linear("predicted", across, 7), Axis::linear("actual minus predicted", up, 7));
    let level = [(x.range.0, 0.0), (x.range.1, 0.0)];
    points(title, &quality(&pairs, predicted.len()), &off, (x, y), level)
}

/// Pairs of actual and predicted values that can be drawn.
///
/// # Errors
/// Lists of different lengths.
fn shown<T: Element>(picture: &str, predicted: &[T], actual: &[T]) -> Result<Vec<(f64, f64)>> {
    let (n, m) = (predicted.len(), actual.len());
    if n != m {
        return Err(Error::shape(format!("{picture}: {n} predictions for {m} actual values")));
    }
    let all = predicted.iter().zip(actual).map(|(p, a)| (a.to_f64(), p.to_f64()));
    Ok(all.filter(|(a, p)| is_shown(*a) && is_shown(*p)).collect())
}

/// Points, and a line on which they would all be right.
fn points(title: &str, below: &str, points: &[(f64, f64)], (x, y): (Axis, Axis), line: [(f64, f64); 2]) -> Result<Svg> {
    let at = Rect { x: EDGE + left_of(&y), y: TOP, width: 420.0, height: 420.0 };
    let width = at.x + at.width + EDGE + 12.0;
    let mut canvas = Canvas::new(title, width, at.y + at.height + BELOW + 6.0);
    canvas.draw(|area| {
        heading(area, title, below, width)?;
        let mut chart = frame(area, at, &x, &y)?;
        chart.draw_series(LineSeries::new(line, category(1).stroke_width(px(1.4) as u32)))?;
        // Where points lie on top of each other, the darker colour says so.
        let shade = category(0).mix(if points.len() > 300 { 0.35 } else { 0.65 });
        chart.draw_series(points.iter().map(|&point| Circle::new(point, px(3.0), shade.filled())))?;
        Ok(())
    })?;
    Ok(canvas.finish())
}

fn quality(pairs: &[(f64, f64)], given: usize) -> String {
    let n = pairs.len() as f64;
    let mean = pairs.iter().map(|(a, _)| a).sum::<f64>() / n;
    let residual: f64 = pairs.iter().map(|(a, p)| (p - a) * (p - a)).sum();
    let spread: f64 = pairs.iter().map(|(a, _)| (a - mean) * (a - mean)).sum();
    let r2 = if spread > 0.0 { format!("R² {:.3}, ", 1.0 - residual / spread) } else { String::new() };
    let left_out = match given - pairs.len() {
        0 => String::new(),
        n => format!(", {n} not finite left out"),
    };
    format!("{r2}RMSE {}, {} examples{left_out}", number((residual / n).sqrt()), pairs.len())
}

/// How many values fall into each of `bins` equal intervals between the least and the greatest; 0 bins: as many as suit.
///
/// Values that are NaN or infinite are left out, and counted below the title.
///
/// # Errors
/// No finite value.
pub fn histogram<T: Element>(title: &str, label: &str, values: &[T], bins: usize) -> Result<Svg> {
    let finite: Vec<f64> = values.iter().map(|v| v.to_f64()).filter(|v| is_shown(*v)).collect();
    let Some((low, high)) = extent(finite.iter().copied()) else {
        return Err(Error::argument(format!("histogram: no finite value among {}", values.len())));
    };
    let (low, high) = if high - low > 1e-290 { (low, high) } else { (low - 0.5, high + 0.5) };
    // Rice's rule, held to what the picture can show.
    let bins = if bins == 0 { (2.0 * (finite.len() as f64).cbrt()).ceil() as usize } else { bins }.clamp(1, 200);
    let mut counts = vec![0usize; bins];
    for v in &finite {
        counts[(((v - low) / (high - low) * bins as f64) as usize).min(bins - 1)] += 1;
    }
    let tallest = counts.iter().copied().max().unwrap_or(0) as f64;
    let x = Axis::linear(label, (low, high), 8);
    let y = Axis::from_zero("count", tallest, 6);
    let at = Rect { x: EDGE + left_of(&y), y: TOP, width: 520.0, height: 280.0 };
    let width = at.x + at.width + EDGE + 12.0;
    let mut canvas = Canvas::new(title, width, at.y + at.height + BELOW + 6.0);
    canvas.draw(|area| {
        let left_out = match values.len() - finite.len() {
            0 => String::new(),
            n => format!(", {n} not finite left out"),
        };
        heading(area, title, &format!("{} values{left_out}", finite.len()), width)?;
        let mut chart = frame(area, at, &x, &y)?;
        let edge = |i: usize| low + (high - low) * i as f64 / bins as f64;
        for (i, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let corners = [(edge(i), 0.0), (edge(i + 1), count as f64)];
            chart.draw_series([Rectangle::new(corners, category(0).mix(0.75).filled())])?;
            chart.draw_series([Rectangle::new(corners, WHITE.stroke_width(UNIT as u32))])?;
        }
        Ok(())
    })?;
    Ok(canvas.finish())
}
