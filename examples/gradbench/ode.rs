//! ode: y'_0 = x_0, y'_i = x_i y_{i-1} from 0, by the classical Runge-Kutta method in s steps up to 2.
//!
//! A step of all components is one expression of tensors, compiled once; the gradient of the last component goes back through
//! the steps ([`scan`](super::scan)).

use super::protocol::{Eval, Output, Request};
use super::scan::{Counts, Step};
use retrograd::program::Options;
use retrograd::{Tensor, Var};
use serde::Deserialize;

pub(crate) const EVAL: Eval = Eval { name: "ode", functions: &[("primal", primal), ("gradient", gradient)] };

#[derive(Deserialize)]
struct Input {
    x: Vec<f64>,
    s: usize,
}

/// How long the solution is followed.
const UNTIL: f64 = 2.0;

/// A step of length h: the state is y, and x is shared.
struct RungeKutta {
    h: f64,
}

const COUNTS: Counts = Counts { state: 1, shared: 1, emitted: 0 };

impl Step for RungeKutta {
    fn next<'t>(&self, state: &[Var<'t, f64>], shared: &[Var<'t, f64>], _own: &[Var<'t, f64>]) -> Vec<Var<'t, f64>> {
        let (y, x, h) = (state[0], shared[0], self.h);
        let (first, others) = (x.slice(..1), x.slice(1..));
        let slope = |y: Var<'t, f64>| Var::concat(&[first, others * y.slice(..-1)], 0);
        let k1 = slope(y);
        let k2 = slope(y + k1 * (h / 2.0));
        let k3 = slope(y + k2 * (h / 2.0));
        let k4 = slope(y + k3 * h);
        vec![y + (k1 + k2 * 2.0 + k3 * 2.0 + k4) * (h / 6.0)]
    }
}

impl Input {
    fn of(request: &Request<'_>) -> Result<(Tensor<f64>, usize, RungeKutta), String> {
        let Self { x, s } = request.input()?;
        if s == 0 {
            return Err("input.s: 0 steps lead nowhere; ask for 1 or more".to_owned());
        }
        Ok((Tensor::from(x), s, RungeKutta { h: UNTIL / s as f64 }))
    }
}

fn primal(request: &mut Request<'_>) -> Result<Output, String> {
    let (x, s, step) = Input::of(request)?;
    let options = Options::new().threads(request.threads);
    let zero = Tensor::zeros([x.len()]);
    let mut program = request.prepare(|| COUNTS.forward(&options, &step, &[zero.clone(), x.clone()]))?;
    let (mut y, mut next) = (zero.clone(), zero);
    request.evaluate(|| {
        y.as_mut_slice().fill(0.0);
        for _ in 0..s {
            program.run_into(&[&y, &x], &mut [&mut next])?;
            std::mem::swap(&mut y, &mut next);
        }
        Ok(())
    })?;
    Ok(Output::Vector(y.into_vec()))
}

fn gradient(request: &mut Request<'_>) -> Result<Output, String> {
    let (x, s, step) = Input::of(request)?;
    let options = Options::new().threads(request.threads);
    let zero = Tensor::zeros([x.len()]);
    let like = [zero.clone(), x.clone()];
    let [mut forward, mut backward] = request
        .prepare(|| Ok([COUNTS.forward(&options, &step, &like)?, COUNTS.backward(&options, &step, &like, &[])?]))?;
    let mut states = vec![zero.clone(); s + 1];
    let last: Vec<f64> = (1..=x.len()).map(|i| f64::from(u8::from(i == x.len()))).collect();
    let last = Tensor::from(last);
    request.evaluate(|| {
        for t in 0..s {
            let (before, after) = states.split_at_mut(t + 1);
            forward.run_into(&[&before[t], &x], &mut [&mut after[0]])?;
        }
        backward.set_carried(2, &last)?;
        backward.set_carried(3, &zero)?;
        for y in states[..s].iter().rev() {
            backward.run(&[y, &x])?;
        }
        Ok(())
    })?;
    Ok(Output::Vector(backward.carried(3).to_vec()))
}
