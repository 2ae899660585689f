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
pub(super) struct Trial {
    pub t: f64,
    pub value: f64,
    pub gradient: Vec<f64>,
    /// The derivative along the direction.
    pub slope: f64,
}

/// A function along a direction.
pub(super) struct LineFunction<'a, F> {
    x: &'a [f64],
    direction: &'a [f64],
    f: &'a mut F,
    pub evaluations: u64,
}

impl<'a, F: FnMut(&[f64]) -> Result<(f64, Vec<f64>)>> LineFunction<'a, F> {
    pub fn new(x: &'a [f64], direction: &'a [f64], f: &'a mut F) -> Self {
        Self { x, direction, f, evaluations: 0 }
    }

    fn at(&mut self, t: f64) -> Result<Trial> {
        let x: Vec<f64> = self.x.iter().zip(self.direction).map(|(x, d)| x + t * d).collect();
        self.evaluations += 1;
        let (value, gradient) = (self.f)(&x)?;
        let slope = dot(&gradient, self.direction);
        // Where the function is not defined, the step was too long.
        let value = if value.is_finite() && slope.is_finite() { value } else { f64::INFINITY };
        Ok(Trial { t, value, gradient, slope })
    }

    /// The best point found: at t = 0 if none is lower. `trials` are tried after the first one, fewer where one is found.
    pub fn strong_wolfe(&mut self, start: &Trial, t: f64, tolerance: f64, trials: u64) -> Result<Trial> {
        let mut tried = 0;
        match self.bracket(start, t, trials, &mut tried)? {
            Bracket::Found(point) => Ok(point),
            Bracket::Around(ends) => self.zoom(start, ends, tolerance, trials, &mut tried),
        }
    }

    /// Grows the step until the conditions hold or a bracket is around a point where they do.
    fn bracket(&mut self, start: &Trial, t: f64, trials: u64, tried: &mut u64) -> Result<Bracket> {
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
        start: &Trial,
        mut ends: [Trial; 2],
        tolerance: f64,
        trials: u64,
        tried: &mut u64,
    ) -> Result<Trial> {
        let reach = largest(self.direction);
        // A bracket within the rounding of the parameters holds nothing to be found, however small the tolerance.
        let tolerance = tolerance.max(f64::EPSILON * largest(self.x)).max(f64::MIN_POSITIVE);
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
    Found(Trial),
    Around([Trial; 2]),
}

/// The value that a step must not exceed.
fn bar(start: &Trial, t: f64) -> f64 {
    start.value + DECREASE * t * start.slope
}

/// The next trial in a bracket. One close to an end is allowed once, and moved inwards the next time.
fn trial(ends: &[Trial; 2], slow: &mut bool) -> f64 {
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
fn interpolated(a: &Trial, b: &Trial, least: f64, most: f64) -> f64 {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Functions of one number with their derivatives, steep, flat, wavy and with a wall.
    fn functions() -> Vec<(&'static str, fn(f64) -> (f64, f64))> {
        vec![
            ("parabola", |x| ((x - 3.0) * (x - 3.0), 2.0 * (x - 3.0))),
            ("far parabola", |x| (1e-4 * (x - 900.0).powi(2), 2e-4 * (x - 900.0))),
            ("quartic", |x| ((x - 1.0).powi(4) + x, 4.0 * (x - 1.0).powi(3) + 1.0)),
            ("wave", |x| ((3.0 * x).sin() - x + 0.1 * x * x, 3.0 * (3.0 * x).cos() - 1.0 + 0.2 * x)),
            ("cosh", |x| ((x - 2.0).cosh(), (x - 2.0).sinh())),
            // Not defined beyond 4.
            ("wall", |x| (-x - (4.0 - x).ln() * 2.0, -1.0 + 2.0 / (4.0 - x))),
        ]
    }

    #[test]
    fn the_point_found_meets_both_conditions() {
        for (name, f) in functions() {
            for first in [1e-6, 0.01, 0.3, 1.0, 7.0, 1e3] {
                let mut at = |x: &[f64]| Ok((f(x[0]).0, vec![f(x[0]).1]));
                let (x, (value, slope)) = ([0.0], f(0.0));
                let direction = [-slope.signum()];
                let start = Trial { t: 0.0, value, gradient: vec![slope], slope: -slope.abs() };
                let mut line = LineFunction::new(&x, &direction, &mut at);
                let found = line.strong_wolfe(&start, first, 1e-12, 60).unwrap();
                let (value, slope) = (found.value, found.gradient[0] * direction[0]);
                assert!(found.t > 0.0 && line.evaluations <= 61, "{name}, {first}: {found:?}");
                assert!(value <= bar(&start, found.t), "{name}, {first}: not low enough, {found:?}");
                assert!(slope.abs() <= -CURVATURE * start.slope, "{name}, {first}: still steep, {found:?}");
            }
        }
    }

    /// (x - 1)^2 (x + 2) = x^3 - 3 x + 2 has its minimum at 1 and its maximum at -1.
    #[test]
    fn interpolation_finds_the_minimum_of_a_cubic() {
        let cubic =
            |t: f64| Trial { t, value: t.powi(3) - 3.0 * t + 2.0, gradient: Vec::new(), slope: 3.0 * t * t - 3.0 };
        for (a, b) in [(0.2, 1.7), (1.7, 0.2), (-0.9, 3.0)] {
            assert!((interpolated(&cubic(a), &cubic(b), -5.0, 5.0) - 1.0).abs() < 1e-14);
        }
        assert_eq!(interpolated(&cubic(0.2), &cubic(1.7), 0.0, 0.5), 0.5, "the bounds hold");
        let wall = Trial { t: 2.0, value: f64::INFINITY, gradient: Vec::new(), slope: f64::NAN };
        assert_eq!(interpolated(&cubic(0.0), &wall, 0.0, 2.0), 1.0, "the middle where nothing is known");
    }
}
