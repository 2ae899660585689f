//! ode: y'_0 = x_0, y'_i = x_i y_{i-1} from 0, by the classical Runge-Kutta method in s steps up to 2.
//!
//! What a step makes of a component depends on it and on the four before: so the formula of one component is compiled once and
//! mapped over all, reading y and x at several shifts. Before the first component stands a 1 whose slope is 0.
//!
//! The gradient goes back through the steps, whose states are kept. What y_j and x_j did reached the components j to j + 4; their
//! formulas, weighted by the adjoints, are differentiated by y_j and x_j as they are recorded, and that is mapped in turn.

use super::matrix::fits;
use super::protocol::{Eval, Output, Request};
use retrograd::program::Options;
use retrograd::{Error, Map, Points, Real};
use serde::Deserialize;

pub(crate) const EVAL: Eval = Eval { name: "ode", functions: &[("primal", primal), ("gradient", gradient)] };

#[derive(Deserialize)]
struct Input {
    x: Vec<f64>,
    s: usize,
}

/// How long the solution is followed.
const UNTIL: f64 = 2.0;
/// How many components before its own a step reads: one for each of its slopes.
const BEFORE: usize = 4;

/// A step of length h for one component: of y, it and the four before, and of x, it and the three before.
fn step<S: Real>(y: &[S], x: &[S], h: f64) -> S {
    // The slopes of the components i - 3 to i, then of one fewer each time, and where they lead.
    let k1 = [0, 1, 2, 3].map(|j| x[j] * y[j]);
    let after = [0, 1, 2].map(|j| y[j + 1] + k1[j] * (h / 2.0));
    let k2 = [0, 1, 2].map(|j| x[j + 1] * after[j]);
    let after = [0, 1].map(|j| y[j + 2] + k2[j] * (h / 2.0));
    let k3 = [0, 1].map(|j| x[j + 2] * after[j]);
    let k4 = x[3] * (y[3] + k3[0] * h);
    y[4] + (k1[3] + k2[2] * 2.0 + k3[1] * 2.0 + k4) * (h / 6.0)
}

/// What a step of this length makes of y, [1].
fn forward(options: &Options, h: f64) -> Result<Map<f64>, Error> {
    options.map(2 * BEFORE + 1, 0, |inputs, _| {
        let (y, x) = inputs.split_at(BEFORE + 1);
        vec![step(y, x, h)]
    })
}

/// The adjoints of y_j and x_j, [2], of the y that such a step reads around j, the x, the adjoints of what it leaves from j on, and
/// the adjoint of x_j so far.
fn backward(options: &Options, h: f64) -> Result<Map<f64>, Error> {
    options.map(2 * BEFORE + 1 + 2 * BEFORE + BEFORE + 2, 0, |inputs, _| {
        let (y, rest) = inputs.split_at(2 * BEFORE + 1);
        let (x, rest) = rest.split_at(2 * BEFORE);
        let (adjoints, so_far) = rest.split_at(BEFORE + 1);
        let reached = |i: usize| adjoints[i] * step(&y[i..], &x[i..], h);
        let total = (1..=BEFORE).fold(reached(0), |sum, i| sum + reached(i));
        let found = total.tape().grad(total, &[y[BEFORE], x[BEFORE - 1]]);
        vec![found[0], so_far[0] + found[1]]
    })
}

/// Numbers with room before and behind, so that they can be read at shifts.
struct Padded {
    all: Vec<f64>,
    n: usize,
}

impl Padded {
    /// Zeros with a number in front.
    fn new(n: usize, first: f64) -> Self {
        let mut all = vec![0.0; n + 2 * BEFORE];
        all[BEFORE - 1] = first;
        Self { all, n }
    }

    fn own(&mut self) -> &mut [f64] {
        &mut self.all[BEFORE..][..self.n]
    }

    /// Adds them to the points once for each shift: from so many before to so many behind.
    fn at_shifts<'a>(&'a self, points: Points<'a, f64>, before: usize, behind: usize) -> Points<'a, f64> {
        (BEFORE - before..=BEFORE + behind).fold(points, |points, first| points.column(&self.all[first..][..self.n]))
    }
}

/// A problem: x, the number of steps, and their length.
struct Problem {
    x: Padded,
    s: usize,
    h: f64,
}

impl Problem {
    fn of(request: &mut Request<'_>) -> Result<Self, String> {
        let Input { x, s } = request.input()?;
        if s == 0 {
            return Err("input.s: 0 steps lead nowhere; ask for 1 or more".to_owned());
        }
        let mut padded = Padded::new(x.len(), 0.0);
        padded.own().copy_from_slice(&x);
        Ok(Self { x: padded, s, h: UNTIL / s as f64 })
    }

    fn n(&self) -> usize {
        self.x.n
    }

    /// y at the start.
    fn start(&self) -> Padded {
        Padded::new(self.n(), 1.0)
    }

    /// Takes a step.
    fn step(&self, forward: &mut Map<f64>, y: &Padded, next: &mut Padded) -> Result<(), Error> {
        let points = y.at_shifts(Points::new(self.n()), BEFORE, 0);
        forward.run_into(&self.x.at_shifts(points, BEFORE - 1, 0), &[], next.own())
    }

    /// Goes back through a step, from adjoints of y and x to theirs before: pairs for each component, with zeros behind.
    fn step_back(
        &self,
        backward: &mut Map<f64>,
        y: &Padded,
        adjoints: &[f64],
        before: &mut [f64],
    ) -> Result<(), Error> {
        let points = y.at_shifts(Points::new(self.n()), BEFORE, BEFORE);
        let points = self.x.at_shifts(points, BEFORE - 1, BEFORE);
        let pairs = |first: usize| &adjoints[2 * first..][..2 * self.n()];
        let points = (0..=BEFORE).fold(points, |points, shift| points.columns(pairs(shift), 2, 0..1));
        backward.run_into(&points.columns(pairs(0), 2, 1..2), &[], &mut before[..2 * self.n()])
    }
}

fn primal(request: &mut Request<'_>) -> Result<Output, String> {
    let problem = Problem::of(request)?;
    let options = Options::new().threads(request.threads);
    let (mut forward, mut y, mut next) =
        request.prepare(|| Ok((forward(&options, problem.h)?, problem.start(), problem.start())))?;
    request.evaluate(|| {
        y.own().fill(0.0);
        for _ in 0..problem.s {
            problem.step(&mut forward, &y, &mut next)?;
            std::mem::swap(&mut y, &mut next);
        }
        Ok(())
    })?;
    Ok(Output::Vector(y.own().to_vec()))
}

fn gradient(request: &mut Request<'_>) -> Result<Output, String> {
    let problem = Problem::of(request)?;
    let options = Options::new().threads(request.threads);
    let (n, s) = (problem.n(), problem.s);
    // A state of each step, and what the allocator adds.
    fits("s", s, (n + 2 * BEFORE) * size_of::<f64>() + size_of::<Padded>() + 2 * size_of::<usize>())?;
    let (mut forward, mut backward, mut states) = request.prepare(|| {
        let mut states: Vec<Padded> = (0..=s).map(|_| problem.start()).collect();
        // Written once, so that the memory is there.
        states[1..].iter_mut().for_each(|y| y.own().fill(f64::NAN));
        Ok((forward(&options, problem.h)?, backward(&options, problem.h)?, states))
    })?;
    let (mut adjoints, mut before) = (vec![0.0; 2 * (n + BEFORE)], vec![0.0; 2 * (n + BEFORE)]);
    request.evaluate(|| {
        for t in 0..s {
            let (done, next) = states.split_at_mut(t + 1);
            problem.step(&mut forward, &done[t], &mut next[0])?;
        }
        adjoints.fill(0.0);
        if let Some(last) = n.checked_sub(1) {
            adjoints[2 * last] = 1.0;
        }
        for y in states[..s].iter().rev() {
            problem.step_back(&mut backward, y, &adjoints, &mut before)?;
            std::mem::swap(&mut adjoints, &mut before);
        }
        Ok(())
    })?;
    Ok(Output::Vector(adjoints.chunks_exact(2).take(n).map(|pair| pair[1]).collect()))
}
