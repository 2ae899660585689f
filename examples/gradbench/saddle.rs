//! saddle: min over p of max over q of (p_0^2 + p_1^2) - (q_0^2 + q_1^2).
//!
//! The maximum is found by a descent, which takes the inner derivative; the minimum by one that takes the outer derivative, through
//! the inner descent. A function is named by its two derivatives, the outer one first: forward or reverse.

use super::matrix::exactly;
use super::nested::{Field, Forward, Gradient, Outer, Reverse, Scalar, descend, on_tape};
use super::protocol::{Eval, Output, Request};
use retrograd::{Dual, Error, Number, Tape, Var};
use serde::Deserialize;
use std::cell::RefCell;

pub(crate) const EVAL: Eval = Eval {
    name: "saddle",
    functions: &[
        ("rr", |request| reverse(request, Outer::Reverse)),
        ("rf", |request| forward(request, Outer::Reverse)),
        ("fr", |request| reverse(request, Outer::Forward)),
        ("ff", |request| forward(request, Outer::Forward)),
    ],
};

#[derive(Deserialize)]
struct Input {
    start: Vec<f64>,
}

fn f<S: Number>(p: [S; 2], q: [S; 2]) -> S {
    p[0].square() + p[1].square() - (q[0].square() + q[1].square())
}

/// -f(p, q) of q; p are the parameters.
struct Below;

impl Field for Below {
    const PARAMETERS: usize = 2;
    fn value<S: Number>(&self, q: [S; 2], parameters: &[S]) -> S {
        -f([parameters[0], parameters[1]], q)
    }
}

/// The q at which f(p, q) is largest.
fn argmax<S: Scalar>(p: [S; 2], start: [S; 2], slopes: &mut impl Gradient<S>) -> Result<[S; 2], Error> {
    let plain = p.each_ref().map(S::plain);
    descend(start, |q| Ok(Below.value(q, &plain)), |q| Ok(slopes.at(q, &p)))
}

/// max over q of f(p, q), at the q found.
fn maximum<S: Scalar>(p: [S; 2], start: [S; 2], slopes: &mut impl Gradient<S>) -> Result<S, Error> {
    Ok(f(p, argmax(p, start, slopes)?))
}

/// Both p and q.
fn search<G>(start: [f64; 2], outer: Outer, slopes: &mut G, tape: &mut Tape<f64>) -> Result<Vec<f64>, Error>
where
    G: Gradient<f64> + Gradient<Dual<f64>> + for<'t> Gradient<Var<'t, f64>>,
{
    let inner = RefCell::new(&mut *slopes);
    let value = |p: [f64; 2]| maximum(p, start, *inner.borrow_mut());
    let gradient = |p: [f64; 2]| {
        let slopes = &mut **inner.borrow_mut();
        match outer {
            Outer::Reverse => on_tape(tape, p, |p| maximum(p, start.map(|q| p[0].tape().var(q)), slopes)),
            Outer::Forward => {
                let mut along = |i: usize| -> Result<f64, Error> {
                    let p = std::array::from_fn(|j| Dual::new(p[j], f64::from(u8::from(i == j))));
                    Ok(maximum(p, start.map(Dual::constant), slopes)?.tangent)
                };
                Ok([along(0)?, along(1)?])
            }
        }
    };
    let p = descend(start, value, gradient)?;
    let q = argmax(p, start, slopes)?;
    Ok([p, q].concat())
}

fn start(request: &mut Request<'_>) -> Result<[f64; 2], String> {
    let Input { start } = request.input()?;
    exactly(start, "start")
}

fn forward(request: &mut Request<'_>, outer: Outer) -> Result<Output, String> {
    let start = start(request)?;
    let (mut tape, mut found) = (Tape::new(), Vec::new());
    request.evaluate(|| {
        found = search(start, outer, &mut Forward(Below), &mut tape)?;
        Ok(())
    })?;
    Ok(Output::Vector(found))
}

fn reverse(request: &mut Request<'_>, outer: Outer) -> Result<Output, String> {
    let start = start(request)?;
    let (mut tape, mut found) = (Tape::new(), Vec::new());
    let mut slopes = request.prepare(|| Reverse::new(Below))?;
    request.evaluate(|| {
        found = search(start, outer, &mut slopes, &mut tape)?;
        Ok(())
    })?;
    Ok(Output::Vector(found))
}
