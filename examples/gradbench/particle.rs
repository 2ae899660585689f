//! particle: where to hold a charge so that a particle, which two charges repel, lands at 0.
//!
//! The acceleration is minus the gradient of the potential: the inner derivative. The square of where the particle lands is
//! minimised by a descent: its derivative through the whole flight is the outer one. A function is named by its two derivatives,
//! the outer one first: forward or reverse.

use super::nested::{Field, Forward, Gradient, MOST_STEPS, Outer, Reverse, Scalar, descend, on_tape};
use super::protocol::{Eval, Output, Request};
use retrograd::{Dual, Error, Number, Tape, Var};
use serde::Deserialize;

pub(crate) const EVAL: Eval = Eval {
    name: "particle",
    functions: &[
        ("rr", |request| reverse(request, Outer::Reverse)),
        ("rf", |request| forward(request, Outer::Reverse)),
        ("fr", |request| reverse(request, Outer::Forward)),
        ("ff", |request| forward(request, Outer::Forward)),
    ],
};

#[derive(Deserialize)]
struct Input {
    w: f64,
}

/// The potential of two charges, at (10, 10 - w) and (10, 0); w is a parameter.
struct Potential;

impl Field for Potential {
    const PARAMETERS: usize = 1;
    fn value<S: Number>(&self, [x, y]: [S; 2], parameters: &[S]) -> S {
        let lit = S::lit;
        let inverse_distance = |at: S| ((x - lit(10.0)).square() + (y - at).square()).sqrt().reciprocal();
        inverse_distance(lit(10.0) - parameters[0]) + inverse_distance(lit(0.0))
    }
}

/// The square of where the particle lands, flying from (0, 8). `start` makes its numbers: variables, where slopes are recorded.
fn landing<S: Scalar>(w: S, slopes: &mut impl Gradient<S>, start: impl Fn(f64) -> S) -> Result<S, Error> {
    let dt = S::lit(0.1);
    let (mut x, mut v) = ([0.0, 8.0].map(&start), [0.75, 0.0].map(&start));
    for _ in 0..MOST_STEPS {
        let slope = slopes.at(x, &[w]);
        x = [x[0] + v[0] * dt, x[1] + v[1] * dt];
        if x[1].plain() <= 0.0 {
            let overshoot = -x[1] / v[1];
            return Ok((x[0] + overshoot * v[0]).square());
        }
        v = [v[0] - slope[0] * dt, v[1] - slope[1] * dt];
    }
    Err(Error::argument(format!("the particle has not landed after {MOST_STEPS} steps")))
}

/// The w that a descent finds.
fn search<G>(w: f64, outer: Outer, slopes: &mut G, tape: &mut Tape<f64>) -> Result<f64, Error>
where
    G: Gradient<f64> + Gradient<Dual<f64>> + for<'t> Gradient<Var<'t, f64>>,
{
    let slopes = std::cell::RefCell::new(slopes);
    let value = |[w]: [f64; 1]| landing(w, *slopes.borrow_mut(), |x| x);
    let gradient = |[w]: [f64; 1]| {
        let slopes = &mut **slopes.borrow_mut();
        match outer {
            Outer::Forward => Ok([landing(Dual::variable(w), slopes, Dual::constant)?.tangent]),
            Outer::Reverse => on_tape(tape, [w], |[w]| landing(w, slopes, |x| w.tape().var(x))),
        }
    };
    descend([w], value, gradient).map(|[w]| w)
}

fn forward(request: &mut Request<'_>, outer: Outer) -> Result<Output, String> {
    let Input { w } = request.input()?;
    let (mut tape, mut found) = (Tape::new(), w);
    request.evaluate(|| {
        found = search(w, outer, &mut Forward(Potential), &mut tape)?;
        Ok(())
    })?;
    Ok(Output::Number(found))
}

fn reverse(request: &mut Request<'_>, outer: Outer) -> Result<Output, String> {
    let Input { w } = request.input()?;
    let (mut tape, mut found) = (Tape::new(), w);
    let mut slopes = request.prepare(|| Reverse::new(Potential))?;
    request.evaluate(|| {
        found = search(w, outer, &mut slopes, &mut tape)?;
        Ok(())
    })?;
    Ok(Output::Number(found))
}
