//! Numerical derivatives: central differences, extrapolated to step 0, with an estimate of their error.
//!
//! Halving the step of a central difference divides its error by four, so Richardson's extrapolation cancels one power of
//! h^2 per halving; Ridders' table keeps the entry whose neighbours agree best. The estimate of the error is that
//! disagreement plus the rounding of the function's values over the step.
//!
//! A step across a kink says nothing about the point, so it is shrunk until both ends lie on the point's own piece.
//!
//! Source: Ridders, Accurate computation of F'(x) and F'(x)F''(x), Advances in Engineering Software 4 (1982);
//! Press et al., Numerical Recipes, section 5.7.

/// The function at both ends of a step.
pub(super) struct Sample {
    /// Its values at x + h and x - h.
    pub plus: f64,
    pub minus: f64,
    /// The distance between the ends, 2 h up to rounding.
    pub span: f64,
    /// Why there are no such values.
    pub obstacle: Option<String>,
    /// What lies on another piece at one of the ends.
    pub kink: Option<String>,
}

/// What the table is built with.
pub(super) struct Plan {
    /// The first step.
    pub step: f64,
    /// The function at the point.
    pub centre: f64,
    /// The rounding of the function's values.
    pub rounding: f64,
    /// The relative error and the floor below which the table need not go on.
    pub tolerance: f64,
    pub floor: f64,
    /// Whether steps across a kink count.
    pub across_kinks: bool,
}

/// A derivative, and how far to trust it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Estimate {
    pub value: f64,
    pub uncertainty: f64,
    /// The smallest step that went into it.
    pub step: f64,
    /// The slopes to the left and to the right, where they do not approach each other.
    pub corner: Option<(f64, f64)>,
}

/// Rows of the table: steps from the first to its 2^-11.
const MAX_ROWS: usize = 12;
/// Below this fraction of the first step, a kink is taken to lie at the point itself.
const SMALLEST: f64 = 1e-13;

/// The derivative, or what stood in the way at every step.
pub(super) fn derivative(plan: &Plan, mut sample: impl FnMut(f64) -> Sample) -> Result<Estimate, String> {
    let mut step = plan.step;
    let mut table = Table::default();
    let mut in_the_way = String::from("the step is lost in rounding");
    while table.len() < MAX_ROWS && step >= SMALLEST * plan.step {
        let ends = sample(step);
        // Within a factor of two of 2 h, else the step is finer than the numbers themselves.
        if !(ends.span > step && ends.span < 4.0 * step) {
            break;
        }
        let kink = ends.kink.as_ref().filter(|_| !plan.across_kinks);
        if let Some(obstacle) = ends.obstacle.as_ref().or(kink) {
            in_the_way = obstacle.clone();
            table = Table::default();
            step /= 8.0;
            continue;
        }
        table.push(plan, step, &ends);
        if let Some(best) = table.best {
            let goal = 0.01 * plan.tolerance * (2.0 * best.value.abs()).max(plan.floor);
            if best.uncertainty <= goal.max(2.0 * plan.rounding / step) {
                break;
            }
        }
        step /= 2.0;
    }
    let mut best = table.best.ok_or(in_the_way)?;
    best.corner = table.corner(plan);
    Ok(best)
}

/// Ridders' table: row i holds the extrapolations that end in step i.
#[derive(Default)]
struct Table {
    rows: Vec<Vec<f64>>,
    /// The step of each row, and the slopes to its left and right.
    slopes: Vec<(f64, f64, f64)>,
    best: Option<Estimate>,
}

impl Table {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn push(&mut self, plan: &Plan, step: f64, ends: &Sample) {
        let half = ends.span / 2.0;
        self.slopes.push((step, (plan.centre - ends.minus) / half, (ends.plus - plan.centre) / half));
        let mut row = vec![(ends.plus - ends.minus) / ends.span];
        if let Some(above) = self.rows.last() {
            // Across a kink the error is a series in h: each side has its own Taylor series.
            let ratio = if plan.across_kinks { 2.0 } else { 4.0 };
            let mut power = ratio;
            for (j, &coarser) in above.iter().enumerate() {
                let value = (row[j] * power - coarser) / (power - 1.0);
                power *= ratio;
                let spread = (value - row[j]).abs().max((value - coarser).abs());
                row.push(value);
                let uncertainty = spread + plan.rounding / step;
                if self.best.is_none_or(|best| uncertainty < best.uncertainty) && value.is_finite() {
                    self.best = Some(Estimate { value, uncertainty, step, corner: None });
                }
            }
        }
        self.rows.push(row);
    }

    /// The slopes on either side, where their distance does not shrink with the step as a smooth function's does.
    fn corner(&self, plan: &Plan) -> Option<(f64, f64)> {
        let (&(first, left, right), &(step, last_left, last_right)) = (self.slopes.first()?, self.slopes.last()?);
        let (wide, narrow) = ((right - left).abs(), (last_right - last_left).abs());
        let size = last_left.abs().max(last_right.abs()).max(plan.floor);
        let real = narrow > 100.0 * plan.rounding / step && narrow > 1e-3 * size;
        (step <= first / 2.0 && real && narrow > 0.75 * wide).then_some((last_left, last_right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f64, f: impl Fn(f64) -> f64) -> Result<Estimate, String> {
        let rounding = f64::EPSILON * f(x).abs().max(1e-300);
        let plan = Plan { step: 1e-2, centre: f(x), rounding, tolerance: 1e-6, floor: 1e-3, across_kinks: false };
        derivative(&plan, |h| {
            let (plus, minus) = (f(x + h), f(x - h));
            let obstacle = (!plus.is_finite() || !minus.is_finite()).then(|| "not finite".to_string());
            Sample { plus, minus, span: (x + h) - (x - h), obstacle, kink: None }
        })
    }

    #[test]
    fn smooth_derivatives_are_right_within_their_own_uncertainty() {
        type Function = fn(f64) -> f64;
        let cases: [(f64, Function, Function); 6] = [
            (0.7, f64::sin, f64::cos),
            (-2.0, f64::exp, f64::exp),
            (1e-3, f64::ln, |x| 1.0 / x),
            (3.0, |x| 1.0 / x, |x| -1.0 / (x * x)),
            (1e4, |x| x * x, |x| 2.0 * x),
            (0.3, |x| 1e6 + x * x, |x| 2.0 * x),
        ];
        for (x, f, slope) in cases {
            let found = at(x, f).unwrap();
            let error = (found.value - slope(x)).abs();
            assert!(error <= 2.0 * found.uncertainty, "{x}: error {error:e}, claimed {:e}", found.uncertainty);
            assert!(found.uncertainty < 1e-7 * slope(x).abs().max(1.0), "{x}: uncertainty {:e}", found.uncertainty);
            assert_eq!(found.corner, None);
        }
    }

    #[test]
    fn a_corner_is_noticed_and_a_curve_is_not() {
        assert_eq!(at(0.0, |x| x.max(0.0)).unwrap().corner, Some((0.0, 1.0)));
        assert_eq!(at(0.0, f64::abs).unwrap().corner, Some((-1.0, 1.0)));
        assert_eq!(at(0.0, |x| 1000.0 * x * x + x).unwrap().corner, None);
    }

    #[test]
    fn steps_shrink_until_the_function_is_finite() {
        let found = at(1e-6, f64::ln).unwrap();
        assert!((found.value * 1e-6 - 1.0).abs() < 1e-7, "{found:?}");
        assert_eq!(at(0.0, f64::sqrt).unwrap_err(), "not finite");
    }
}
