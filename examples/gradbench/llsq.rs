//! llsq: least squares of a polynomial against the sign function, at n points from -1 to 1.
//!
//!   y = 1/2 sum_i (sign(t_i) - sum_j x_j t_i^j)^2,   t_i = -1 + 2 i / (n - 1)
//!
//! The residual of one point is recorded and compiled once, and mapped over the points; coefficients are shared.

use super::matrix::{fits, room};
use super::protocol::{Eval, Output, Request};
use retrograd::program::Options;
use retrograd::{Points, Real};
use serde::Deserialize;

pub(crate) const EVAL: Eval = Eval { name: "llsq", functions: &[("primal", primal), ("gradient", gradient)] };

#[derive(Deserialize)]
struct Input {
    x: Vec<f64>,
    n: usize,
}

impl Input {
    fn of(request: &mut Request<'_>) -> Result<Self, String> {
        let input: Self = request.input()?;
        match input.n {
            1 => Err("input.n: 1 point has no distance to the next; 2 or more have, and 0 have a sum of 0".to_owned()),
            // t, its sign, and what the point adds.
            n => fits("n", n, 3 * size_of::<f64>()).map(|()| input),
        }
    }

    /// t and its sign, for each point.
    fn write_points(&self, points: &mut Vec<f64>) {
        let last = self.n.saturating_sub(1) as f64;
        points.clear();
        points.extend((0..self.n).flat_map(|i| {
            let t = -1.0 + 2.0 * i as f64 / last;
            [t, f64::from(i8::from(t > 0.0) - i8::from(t < 0.0))]
        }));
    }
}

/// A point's part of y.
fn term<S: Real>(point: &[S], x: &[S]) -> S {
    let (t, sign) = (point[0], point[1]);
    let (mut power, mut residual) = (S::lit(1.0), sign);
    for &x in x {
        residual -= x * power;
        power *= t;
    }
    residual.square() * 0.5
}

fn primal(request: &mut Request<'_>) -> Result<Output, String> {
    let input = Input::of(request)?;
    let options = Options::new().threads(request.threads);
    let (mut map, mut points, mut terms) = request.prepare(|| {
        let map = options.map(2, input.x.len(), |point, x| vec![term(point, x)])?;
        Ok((map, room(2 * input.n), room(input.n)))
    })?;
    let mut y = 0.0;
    request.evaluate(|| {
        input.write_points(&mut points);
        map.run_into(&Points::new(input.n).rows(&points, 2), &input.x, &mut terms)?;
        y = terms.iter().sum();
        Ok(())
    })?;
    Ok(Output::Number(y))
}

fn gradient(request: &mut Request<'_>) -> Result<Output, String> {
    let input = Input::of(request)?;
    let options = Options::new().threads(request.threads);
    let (mut map, mut points, mut gradient) = request.prepare(|| {
        let map = options.map_gradient(2, input.x.len(), &[], |point, x| term(point, x))?;
        Ok((map, room(2 * input.n), room(input.x.len())))
    })?;
    request.evaluate(|| {
        input.write_points(&mut points);
        map.gradient(&Points::new(input.n).rows(&points, 2), &input.x, &mut gradient)?;
        Ok(())
    })?;
    Ok(Output::Vector(gradient))
}
