//! Learning curves.

use super::axis::{Axis, extent, is_shown};
use super::canvas::{Area, Canvas, Drawn, Rect, Svg, heading, px};
use super::chart::{BELOW, Chart, Legend, frame, left_of};
use super::colour::category;
use crate::{Error, Result};
use plotters::prelude::*;

/// A named line through points (x, y), in the order given.
///
/// # Examples
/// ```
/// use retrograd::plot::Curve;
/// let curve = Curve::by_epoch("training", [0.9, 0.4]);
/// assert_eq!(curve, Curve::new("training", [(1.0, 0.9), (2.0, 0.4)]));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    /// What the legend says.
    pub name: String,
    /// The points; where one is NaN or infinite, the line has a gap.
    pub points: Vec<(f64, f64)>,
}

impl Curve {
    /// A curve through the given points.
    pub fn new(name: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self { name: name.into(), points: points.into_iter().collect() }
    }

    /// One value for every epoch, counted from 1.
    pub fn by_epoch(name: impl Into<String>, values: impl IntoIterator<Item = f64>) -> Self {
        Self::new(name, values.into_iter().enumerate().map(|(i, y)| ((i + 1) as f64, y)))
    }
}

/// How the y axis of learning curves is divided.
///
/// # Examples
/// ```
/// use retrograd::plot::{AxisScale, Curve, CurveOptions, curves};
/// let losses = [Curve::by_epoch("training", [10.0, 0.1, 0.001])];
/// let drawn = |scale| curves("Loss", &losses, &CurveOptions { scale, ..CurveOptions::default() });
/// // A wide range is drawn by its logarithms, unless that is not wanted.
/// assert_eq!(drawn(AxisScale::Auto)?, drawn(AxisScale::Log)?);
/// assert_ne!(drawn(AxisScale::Auto)?, drawn(AxisScale::Linear)?);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AxisScale {
    /// Logarithmic where all values are positive and span a factor of 100 or more; else linear.
    #[default]
    Auto,
    /// Equal steps are equal differences.
    Linear,
    /// Equal steps are equal ratios; values of zero and below leave gaps.
    Log,
}

/// What [`curves`] shows besides the first panel's lines.
///
/// # Examples
/// ```
/// use retrograd::plot::{Curve, CurveOptions, curves};
/// let options = CurveOptions {
///     metrics: vec![Curve::by_epoch("accuracy", [0.5, 0.7, 0.9])],
///     mark: Some((2.0, "kept".into())),
///     ..CurveOptions::default()
/// };
/// let svg = curves("Training", &[Curve::by_epoch("training", [0.9, 0.4, 0.2])], &options)?;
/// assert!(svg.as_str().contains("accuracy") && svg.as_str().contains("kept"));
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CurveOptions {
    /// Below the x axis: `"epoch"`.
    pub x_label: String,
    /// Beside the first panel's y axis: `"loss"`.
    pub y_label: String,
    /// The first panel's y axis.
    pub scale: AxisScale,
    /// Curves below the first panel, each in a panel of its own with a linear axis: they have nothing in common but the epochs.
    pub metrics: Vec<Curve>,
    /// Beside those panels' y axes.
    pub metrics_label: String,
    /// A vertical line at an x, with what it means: the epoch whose weights were kept.
    pub mark: Option<(f64, String)>,
}

impl Default for CurveOptions {
    fn default() -> Self {
        Self {
            x_label: "epoch".to_string(),
            y_label: "loss".to_string(),
            scale: AxisScale::Auto,
            metrics: Vec::new(),
            metrics_label: "metric".to_string(),
            mark: None,
        }
    }
}

const WIDTH: f64 = 760.0;
const EDGE: f64 = 16.0;
const MARK: RGBColor = RGBColor(0x99, 0x99, 0x99);
/// Runs longer than this are thinned to the least and greatest value of every step.
const MOST_POINTS: usize = 2000;

/// Learning curves: losses, and below them a panel for each metric.
///
/// Points that are NaN or infinite leave gaps, so that a diverged run can be looked at. A point without neighbours is a dot.
///
/// # Errors
/// No curve; no finite point in a panel; a logarithmic axis without a positive value.
pub fn curves(title: &str, curves: &[Curve], options: &CurveOptions) -> Result<Svg> {
    let first = Panel::new(curves, &options.y_label, options.scale)?;
    let below = options.metrics.chunks(1).map(|one| Panel::new(one, &options.metrics_label, AxisScale::Linear));
    let panels: Vec<Panel<'_>> = std::iter::once(Ok(first)).chain(below).collect::<Result<_>>()?;
    let x = x_axis(&panels, options)?;
    let left = panels.iter().map(|p| left_of(&p.y)).fold(0.0, f64::max) + EDGE;
    let frame_height = match panels.len() {
        1 => 320.0,
        2 => 240.0,
        _ => 170.0,
    };
    let mut top = 44.0;
    let mut places = Vec::new();
    for (i, panel) in panels.iter().enumerate() {
        // The line goes through all panels; what it means is said once, where no curve can cover it.
        let mark = options.mark.as_ref().filter(|_| i == 0).map(|mark| (&mark.1[..], MARK));
        let names = panel.curves.iter().enumerate().map(|(i, c)| (&c.name[..], category(i)));
        let legend = Legend::rows(names.chain(mark), WIDTH - left - EDGE);
        let at = Rect { x: left, y: top + legend.height + 8.0, width: WIDTH - left - EDGE - 8.0, height: frame_height };
        top = at.y + at.height + BELOW + 4.0;
        places.push((legend, at));
    }
    let mut canvas = Canvas::new(title, WIDTH, top + 4.0);
    canvas.draw(|area| {
        heading(area, title, "", WIDTH)?;
        for (panel, (legend, at)) in panels.iter().zip(&places) {
            legend.draw(area, (at.x - 2.0, at.y - legend.height - 6.0))?;
            panel.draw(area, *at, &x, options.mark.as_ref().map(|mark| mark.0))?;
        }
        Ok(())
    })?;
    Ok(canvas.finish())
}

struct Panel<'a> {
    curves: &'a [Curve],
    y: Axis,
}

impl<'a> Panel<'a> {
    fn new(curves: &'a [Curve], label: &str, scale: AxisScale) -> Result<Self> {
        if curves.is_empty() {
            return Err(Error::argument("curves: no curve to draw; give at least one"));
        }
        let values = || curves.iter().flat_map(|c| &c.points).filter(|p| p.0.is_finite()).map(|p| p.1);
        let Some((low, high)) = extent(values()) else {
            return Err(Error::argument(format!(
                "curves: none of the {} points of {} is finite",
                curves.iter().map(|c| c.points.len()).sum::<usize>(),
                curves.iter().map(|c| format!("{:?}", c.name)).collect::<Vec<_>>().join(", ")
            )));
        };
        let positive = extent(values().filter(|v| *v > 0.0));
        let y = match (scale, positive) {
            (AxisScale::Log, None) => {
                return Err(Error::argument(format!(
                    "curves: a logarithmic axis needs a value above 0, and the largest is {high}; use Scale::Linear"
                )));
            }
            (AxisScale::Log, Some(range)) => Axis::log(label, range, 8),
            (AxisScale::Auto, Some(range)) if low > 0.0 && high / low >= 100.0 => Axis::log(label, range, 8),
            _ => Axis::linear(label, (low, high), 6),
        };
        Ok(Self { curves, y })
    }

    fn draw<'b>(&self, area: &Area<'b>, at: Rect, x: &Axis, mark: Option<f64>) -> Drawn {
        let mut chart = frame(area, at, x, &self.y)?;
        if let Some(place) = mark.filter(|place| (x.range.0..=x.range.1).contains(place)) {
            let rule = [(place, self.y.range.0), (place, self.y.range.1)];
            chart.draw_series(LineSeries::new(rule, MARK.stroke_width(px(1.4) as u32)))?;
        }
        for (i, curve) in self.curves.iter().enumerate() {
            self.line(&mut chart, curve, category(i))?;
        }
        Ok(())
    }

    fn line(&self, chart: &mut Chart<'_>, curve: &Curve, colour: RGBColor) -> Drawn {
        let runs = runs(curve, &self.y);
        let n_points: usize = runs.iter().map(Vec::len).sum();
        for run in &runs {
            if run.len() > 1 {
                chart.draw_series(LineSeries::new(thinned(run), colour.stroke_width(px(1.8) as u32)))?;
            }
            // Few points are seen one by one; one between two gaps has no line to show it.
            if n_points <= 30 || run.len() == 1 {
                chart.draw_series(PointSeries::of_element(
                    run.iter().copied(),
                    px(2.6),
                    colour,
                    &|at, size, colour| Circle::new(at, size, colour.filled()),
                ))?;
            }
        }
        Ok(())
    }
}

/// The stretches of a curve between gaps, as places on paper.
fn runs(curve: &Curve, y: &Axis) -> Vec<Vec<(f64, f64)>> {
    let mut runs = vec![Vec::new()];
    for &(at, value) in &curve.points {
        match y.place(value).filter(|_| is_shown(at)) {
            Some(place) => runs.last_mut().expect("there is always a run").push((at, place)),
            None => runs.push(Vec::new()),
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// A long run without the points that no screen could show, its extremes kept.
fn thinned(run: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if run.len() <= MOST_POINTS {
        return run.to_vec();
    }
    let step = run.len().div_ceil(MOST_POINTS / 2);
    let extremes = |part: &[(f64, f64)]| {
        let by = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let low = part.iter().min_by(by).copied();
        let high = part.iter().max_by(by).copied();
        match (low, high) {
            (Some(low), Some(high)) if low.0 <= high.0 => [low, high],
            (Some(low), Some(high)) => [high, low],
            _ => unreachable!("chunks are not empty"),
        }
    };
    run.chunks(step).flat_map(extremes).collect()
}

fn x_axis(panels: &[Panel<'_>], options: &CurveOptions) -> Result<Axis> {
    let all = || panels.iter().flat_map(|p| p.curves).flat_map(|c| &c.points).map(|p| p.0);
    let range = extent(all()).ok_or_else(|| Error::argument("curves: no point has a finite x"))?;
    if all().filter(|x| x.is_finite()).all(|x| x.fract() == 0.0) {
        return Ok(Axis::whole(&options.x_label, range, 10));
    }
    Ok(Axis::linear(&options.x_label, range, 10))
}
