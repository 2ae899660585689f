//! Decision boundaries of models with two inputs.

use super::axis::{Axis, extent, is_shown};
use super::canvas::{Canvas, MUTED, Rect, Svg, heading, outline, px};
use super::chart::{BELOW, Legend, frame, left_of};
use super::colour::{WHITE, category, mix};
use super::png::Pixels;
use crate::{Element, Error, Result, Tensor};
use plotters::prelude::*;

const EDGE: f64 = 16.0;
/// Rows that `predict` is given at once.
const ROWS: usize = 4096;

/// What a model of two inputs says everywhere around its data.
///
/// `points` [n, 2] are drawn in the colours of `labels`; behind them, each place has the colour of the class that `predict`
/// favours there, the stronger, the surer. `predict` takes rows [m, 2] and returns scores [m, classes] or, for two classes, one
/// number for the second, `[m]` or [m, 1]. Scores that are probabilities (none negative, each row's sum 1; a single number within
/// 0..=1) are taken as they are; others as logits. `resolution` is the number of places along each axis: 200 is fine.
///
/// # Errors
/// Points that are not [n, 2], none at all, or not finite; labels that do not match points or names; `predict` fails or returns
/// another shape or NaN; a resolution outside 2..=2000.
pub fn decision_boundary<T: Element>(
    title: &str,
    points: &Tensor<T>,
    labels: &[usize],
    class_names: &[impl AsRef<str>],
    predict: impl Fn(&Tensor<T>) -> Result<Tensor<T>>,
    resolution: usize,
) -> Result<Svg> {
    let pairs = checked(points, labels, class_names.len(), resolution)?;
    let range = |of: fn(&(f64, f64)) -> f64| extent(pairs.iter().map(of)).expect("the points were checked");
    let (x, y) = (with_room("x₁", range(|p| p.0)), with_room("x₂", range(|p| p.1)));
    let places = grid(&x, &y, resolution)?;
    let surest = Surest::of(&places, class_names.len(), predict)?;

    let left = EDGE + left_of(&y);
    let names = class_names.iter().enumerate().map(|(i, name)| (name.as_ref(), category(i)));
    let legend = Legend::rows(names, 500.0);
    let at = Rect { x: left, y: 44.0 + legend.height + 8.0, width: 500.0, height: 420.0 };
    let width = at.x + at.width + EDGE + 8.0;
    let mut canvas = Canvas::new(title, width, at.y + at.height + BELOW + 6.0);
    let colour = |column: usize, row: usize| surest.colour(row * resolution + column);
    canvas.picture(at, &Pixels::from_fn(resolution, resolution, colour), false);
    canvas.draw(|area| {
        heading(area, title, "", width)?;
        legend.draw(area, (at.x - 2.0, 44.0))?;
        let mut chart = frame(area, at, &x, &y)?;
        let radius = if pairs.len() > 500 { 2.4 } else { 3.6 };
        for (&point, &label) in pairs.iter().zip(labels) {
            chart.draw_series([
                Circle::new(point, px(radius + 0.9), WHITE.filled()),
                Circle::new(point, px(radius), category(label).filled()),
            ])?;
        }
        outline(area, at, MUTED)
    })?;
    Ok(canvas.finish())
}

fn checked<T: Element>(
    points: &Tensor<T>,
    labels: &[usize],
    n_classes: usize,
    resolution: usize,
) -> Result<Vec<(f64, f64)>> {
    let &[n, 2] = points.shape().dims() else {
        let dims = points.shape().dims();
        return Err(Error::shape(format!("decision_boundary: points must be [n, 2], got shape {dims:?}")));
    };
    if n == 0 {
        return Err(Error::argument("decision_boundary: no points; they set the range that is drawn"));
    }
    if labels.len() != n {
        return Err(Error::shape(format!("decision_boundary: {} labels for {n} points", labels.len())));
    }
    if n_classes < 2 {
        return Err(Error::argument(format!("decision_boundary: {n_classes} class names, expected 2 or more")));
    }
    if let Some((i, label)) = labels.iter().enumerate().find(|(_, label)| **label >= n_classes) {
        return Err(Error::argument(format!(
            "decision_boundary: label {label} at row {i} is out of range for {n_classes} classes (valid 0..={})",
            n_classes - 1
        )));
    }
    if !(2..=2000).contains(&resolution) {
        return Err(Error::argument(format!("decision_boundary: resolution {resolution} is outside 2..=2000")));
    }
    let pairs: Vec<(f64, f64)> = (0..n).map(|i| (points.row(i)[0].to_f64(), points.row(i)[1].to_f64())).collect();
    match pairs.iter().position(|p| !(is_shown(p.0) && is_shown(p.1))) {
        Some(i) => Err(Error::argument(format!("decision_boundary: point {i} cannot be drawn: {:?}", pairs[i]))),
        None => Ok(pairs),
    }
}

/// More room than an axis has by itself: a boundary is followed a little beyond the data.
fn with_room(label: &str, (low, high): (f64, f64)) -> Axis {
    let room = 0.06 * (high - low);
    Axis::linear(label, (low - room, high + room), 7)
}

/// The middles of the picture's pixels, from the top left, row by row.
fn grid<T: Element>(x: &Axis, y: &Axis, resolution: usize) -> Result<Tensor<T>> {
    let middle = |range: (f64, f64), i: usize| range.0 + (range.1 - range.0) * (i as f64 + 0.5) / resolution as f64;
    let mut values = Vec::with_capacity(2 * resolution * resolution);
    for row in (0..resolution).rev() {
        for column in 0..resolution {
            values.extend([T::from_f64(middle(x.range, column)), T::from_f64(middle(y.range, row))]);
        }
    }
    Tensor::new([resolution * resolution, 2], values)
}

/// The favoured class of every place, and how sure: 0 where all classes are alike, 1 where only one is possible.
struct Surest {
    of: Vec<(usize, f64)>,
}

impl Surest {
    fn of<T: Element>(
        places: &Tensor<T>,
        n_classes: usize,
        predict: impl Fn(&Tensor<T>) -> Result<Tensor<T>>,
    ) -> Result<Self> {
        let n = places.shape().dims()[0];
        let (mut scores, mut width) = (Vec::new(), 0);
        for start in (0..n).step_by(ROWS) {
            let m = ROWS.min(n - start);
            let rows = Tensor::new([m, 2], places.as_slice()[2 * start..2 * (start + m)].to_vec())?;
            let found = predict(&rows)?;
            width = match found.shape().dims() {
                &[rows, columns] if rows == m && columns == n_classes => n_classes,
                &[rows] | &[rows, 1] if rows == m && n_classes == 2 => 1,
                dims => return Err(wrong_shape(dims, m, n_classes)),
            };
            scores.extend(found.iter().map(|v| v.to_f64()));
        }
        if let Some(i) = scores.iter().position(|v| v.is_nan()) {
            let place = places.row(i / width);
            return Err(Error::not_finite(format!(
                "decision_boundary: predict returned NaN at ({}, {})",
                place[0].to_f64(),
                place[1].to_f64()
            )));
        }
        Ok(Self { of: probabilities(scores, width).chunks(n_classes).map(favoured).collect() })
    }

    /// Pale where the model is unsure, so that points stand out everywhere.
    fn colour(&self, place: usize) -> RGBColor {
        let (class, sure) = self.of[place];
        mix(WHITE, category(class), 0.10 + 0.42 * sure)
    }
}

fn wrong_shape(dims: &[usize], m: usize, n_classes: usize) -> Error {
    let or = if n_classes == 2 { format!(", [{m}] or [{m}, 1]") } else { String::new() };
    Error::shape(format!("decision_boundary: predict returned shape {dims:?}, expected [{m}, {n_classes}]{or}"))
}

fn probabilities(scores: Vec<f64>, width: usize) -> Vec<f64> {
    if width == 1 {
        let are_probabilities = scores.iter().all(|p| (0.0..=1.0).contains(p));
        let second = |v: f64| if are_probabilities { v } else { 1.0 / (1.0 + (-v).exp()) };
        return scores.into_iter().map(second).flat_map(|p| [1.0 - p, p]).collect();
    }
    let is_distribution = |row: &[f64]| row.iter().all(|p| *p >= 0.0) && (row.iter().sum::<f64>() - 1.0).abs() < 1e-3;
    if scores.chunks(width).all(is_distribution) {
        return scores;
    }
    scores.chunks(width).flat_map(softmax).collect()
}

fn softmax(row: &[f64]) -> Vec<f64> {
    // An infinite score is a certain class.
    let row: Vec<f64> = row.iter().map(|v| v.clamp(-1e300, 1e300)).collect();
    let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let exps: Vec<f64> = row.iter().map(|v| (v - largest).exp()).collect();
    let sum: f64 = exps.iter().sum();
    exps.iter().map(|e| e / sum).collect()
}

fn favoured(row: &[f64]) -> (usize, f64) {
    let (class, p) = row.iter().enumerate().fold((0, 0.0), |best, (i, &p)| if p > best.1 { (i, p) } else { best });
    let even = 1.0 / row.len() as f64;
    (class, ((p - even) / (1.0 - even)).clamp(0.0, 1.0))
}
