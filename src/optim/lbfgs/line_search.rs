//! The line search: a step that meets the strong Wolfe conditions, found by cubic interpolation.
//!
//! With phi(t) = f(x + t d): phi(t) <= phi(0) + c1 t phi'(0), and |phi'(t)| <= c2 |phi'(0)|. First the step grows until a
//! bracket holds such points, then the bracket shrinks. Source: Nocedal & Wright 2006, algorithms 3.5 and 3.6; the safeguards
//! are those of minFunc (M. Schmidt) as PyTorch has them.

use super::{dot, largest};
use crate::Result;

/// How much of the slope's promise a step must keep.
pub(super) const DECREASE: f64 = 1e-4;
/// How much of the slope may be left.
pub(super) const CURVATURE: f64 = 0.9;

/// A point on the line.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub t: f64,
    pub value: f64,
    pub gradient: Vec<f64>,
    /// The derivative along the direction.
    pub slope: f64,
}

/// A function along a direction.
pub(super) struct Line<'a, F> {
    x: &'a [f64],
    direction: &'a [f64],
    f: &'a mut F,
    pub evaluations: u64,
}

impl<'a, F: FnMut(&[f64]) -> Result<(f64, Vec<f64>)>> Line<'a, F> {
    pub fn new(x: &'a [f64], direction: &'a [f64], f: &'a mut F) -> Self {
        Self { x, direction, f, evaluations: 0 }
    }

    fn at(&mut self, t: f64) -> Result<Point> {
        let x: Vec<f64> = self.x.iter().zip(self.direction).map(|(x, d)| x + t * d).collect();
        self.evaluations += 1;
        let (value, gradient) = (self.f)(&x)?;
        let slope = dot(&gradient, self.direction);
        // Where the function is not defined, the step was too long.
        let value = if value.is_finite() && slope.is_finite() { value } else { f64::INFINITY };
        Ok(Point { t, value, gradient, slope })
    }

    /// The best point found: at t = 0 if none is lower. `trials` are tried after the first one, fewer where one is found.
    pub fn strong_wolfe(&mut self, start: &Point, t: f64, tolerance: f64, trials: u64) -> Result<Point> {
        let mut tried = 0;
        match self.bracket(start, t, trials, &mut tried)? {
            Bracket::Found(point) => Ok(point),
            Bracket::Around(ends) => self.zoom(start, ends, tolerance, trials, &mut tried),
        }
    }

    /// Grows the step until the conditions hold or a bracket is around a point where they do.
    fn bracket(&mut self, start: &Point, t: f64, trials: u64, tried: &mut u64) -> Result<Bracket> {
        let mut before = start.clone();
        let mut now = self.at(t)?;
        while *tried < trials {
            if now.value > bar(start, now.t) || (*tried > 1 && now.value >= before.value) {
                return Ok(Bracket::Around([before, now]));
            }
            if now.slope.abs() <= -CURVATURE * start.slope {
                return Ok(Bracket::Found(now));
            }
            if now.slope >= 0.0 {
                return Ok(Bracket::Around([before, now]));
            }
            let (least, most) = (now.t + 0.01 * (now.t - before.t), now.t * 10.0);
            let t = interpolated(&before, &now, least, most);
            before = std::mem::replace(&mut now, self.at(t)?);
            *tried += 1;
        }
        Ok(Bracket::Around([start.clone(), now]))
    }

    /// Shrinks the bracket until a trial meets the conditions, and returns the lower end.
    fn zoom(
        &mut self,
        start: &Point,
        mut ends: [Point; 2],
        tolerance: f64,
        trials: u64,
        tried: &mut u64,
    ) -> Result<Point> {
        let reach = largest(self.direction);
        let mut slow = false;
        let mut low = usize::from(ends[0].value > ends[1].value);
        while *tried < trials && (ends[1].t - ends[0].t).abs() * reach >= tolerance {
            let now = self.at(trial(&ends, &mut slow))?;
            *tried += 1;
            if now.value > bar(start, now.t) || now.value >= ends[low].value {
                ends[1 - low] = now;
                low = usize::from(ends[0].value > ends[1].value);
                continue;
            }
            let found = now.slope.abs() <= -CURVATURE * start.slope;
            if !found && now.slope * (ends[1 - low].t - ends[low].t) >= 0.0 {
                ends[1 - low] = ends[low].clone();
            }
            ends[low] = now;
            if found {
                break;
            }
        }
        let [first, second] = ends;
        Ok(if low == 0 { first } else { second })
    }
}

enum Bracket {
    Found(Point),
    Around([Point; 2]),
}

/// The value that a step must not exceed.
fn bar(start: &Point, t: f64) -> f64 {
    start.value + DECREASE * t * start.slope
}

/// The next trial in a bracket. One close to an end is allowed once, and moved inwards the next time.
fn trial(ends: &[Point; 2], slow: &mut bool) -> f64 {
    let (least, most) = (ends[0].t.min(ends[1].t), ends[0].t.max(ends[1].t));
    let mut t = interpolated(&ends[0], &ends[1], least, most);
    let margin = 0.1 * (most - least);
    if (most - t).min(t - least) >= margin {
        *slow = false;
    } else if *slow || t >= most || t <= least {
        t = if (t - most).abs() < (t - least).abs() { most - margin } else { least + margin };
        *slow = false;
    } else {
        *slow = true;
    }
    t
}

/// The minimum of the cubic through two points and their slopes, within the bounds; the middle where there is none.
///
/// Source: Nocedal & Wright 2006, equation 3.59.
fn interpolated(a: &Point, b: &Point, least: f64, most: f64) -> f64 {
    let middle = (least + most) / 2.0;
    let (a, b) = if a.t <= b.t { (a, b) } else { (b, a) };
    let d1 = a.slope + b.slope - 3.0 * (a.value - b.value) / (a.t - b.t);
    let square = d1 * d1 - a.slope * b.slope;
    if square.is_nan() || square < 0.0 {
        return middle;
    }
    let d2 = square.sqrt();
    let t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2));
    if t.is_nan() { middle } else { t.max(least).min(most) }
}
