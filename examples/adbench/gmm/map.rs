//! The body of a point, recorded once, mapped over the points; what comes before and after it is recorded each call
//! ([`body::shared`], [`finish`]).
//!
//! With few components the body is the whole term of a point. With many it would hold on to more numbers than the nearest cache
//! has room for, so that points and components are mapped over: t_pi for one component at a time, the logsumexp of each point with
//! its derivatives w_pi by the t_pi, and again for one component at a time the gradient of sum_p w_pi t_pi.

use super::super::problem::Method;
use super::tape::finish;
use super::{Gmm, body};
use retrograd::program::{Map, Options, Points};
use retrograd::{Error, Tape};

/// Entries of all factors up to which a point's term is one body.
const WHOLE: usize = 100;

/// Prepares the mode.
pub(crate) fn method(gmm: &Gmm) -> Result<Method<'_>, String> {
    let wrong = |error: Error| error.to_string();
    if gmm.k * gmm.d * (gmm.d + 1) / 2 <= WHOLE { whole(gmm).map_err(wrong) } else { by_component(gmm).map_err(wrong) }
}

fn whole(gmm: &Gmm) -> Result<Method<'_>, Error> {
    let (d, k) = (gmm.d, gmm.k);
    let n_shared = k * (1 + d + d * (d + 1) / 2);
    let mut map = Map::compile_gradient(d, n_shared, |x, shared| {
        body::point_term([d, k], x, shared, &mut Vec::new(), |t| t.detach())
    })?;
    let mut tape = Tape::new();
    let mut adjoints = vec![0.0; n_shared];
    let run = move |values: &mut [f64], gradient: &mut [f64]| {
        let shared = body::shared(gmm, &gmm.parameters);
        let points = Points::new(gmm.n).rows(&gmm.x, d);
        let total = map.gradient(&points, &shared, &mut adjoints).expect("as many numbers as it was compiled for");
        values[0] = total + finish(gmm, &mut tape, &adjoints, gradient);
    };
    Ok(Method { how: "a point's body recorded once, mapped over the points", run: Box::new(run) })
}

/// The three functions that are mapped, and what they leave.
struct ByComponent {
    term: Map<f64>,
    logsumexp: Map<f64>,
    weighted: Map<f64>,
    /// All t, [k, n].
    terms: Vec<f64>,
    /// All w, [n, k].
    weights: Vec<f64>,
    /// What a component's body shares: its height, mu and the factor's rows; and its adjoints.
    shared: Vec<f64>,
    adjoints: Vec<f64>,
}

fn by_component(gmm: &Gmm) -> Result<Method<'_>, Error> {
    let (d, k, n) = (gmm.d, gmm.k, gmm.n);
    let n_shared = 1 + d + d * (d + 1) / 2;
    let all: Vec<usize> = (0..k).collect();
    let mut maps = ByComponent {
        term: Map::compile(d, n_shared, |x, shared| vec![body::component_term(x, shared)])?,
        logsumexp: Options::new().map_gradient(k, 0, &all, |terms, _| body::logsumexp(terms, |t| t.detach()))?,
        weighted: Map::compile_gradient(d + 1, n_shared, |x, shared| x[d] * body::component_term(&x[..d], shared))?,
        terms: vec![0.0; k * n],
        weights: vec![0.0; n * k],
        shared: vec![0.0; n_shared],
        adjoints: vec![0.0; n_shared],
    };
    let mut tape = Tape::new();
    let mut adjoints = vec![0.0; k * n_shared];
    let run = move |values: &mut [f64], gradient: &mut [f64]| {
        let total = maps.run(gmm, &mut adjoints).expect("as many numbers as they were compiled for");
        values[0] = total + finish(gmm, &mut tape, &adjoints, gradient);
    };
    Ok(Method { how: "a component's body recorded once, mapped over the points", run: Box::new(run) })
}

impl ByComponent {
    /// The sum of all terms; adjoints of what [`body::shared`] makes are written.
    fn run(&mut self, gmm: &Gmm, adjoints: &mut [f64]) -> Result<f64, Error> {
        let (d, k, n) = (gmm.d, gmm.k, gmm.n);
        let shared = body::shared(gmm, &gmm.parameters);
        let points = Points::new(n).rows(&gmm.x, d);
        for (i, terms) in self.terms.chunks_exact_mut(n).enumerate() {
            gather([d, k], &shared, i, &mut self.shared);
            self.term.run_into(&points, &self.shared, terms)?;
        }
        let columns = self.terms.chunks_exact(n).fold(Points::new(n), |points, terms| points.column(terms));
        let total = self.logsumexp.gradient_with_inputs(&columns, &[], &mut [], &mut self.weights)?;
        for i in 0..k {
            gather([d, k], &shared, i, &mut self.shared);
            let points = points.clone().columns(&self.weights, k, i..i + 1);
            self.weighted.gradient(&points, &self.shared, &mut self.adjoints)?;
            scatter([d, k], &self.adjoints, i, adjoints);
        }
        Ok(total)
    }
}

/// Where a component's numbers stand among those of all, and among its own: pairs of starts, with lengths.
fn places([d, k]: [usize; 2], i: usize) -> [(usize, usize, usize); 3] {
    let entries = d * (d + 1) / 2;
    [(i, 0, 1), (k + i * d, 1, d), (k + k * d + i * entries, 1 + d, entries)]
}

/// Puts a component's numbers together.
pub(super) fn gather(sizes: [usize; 2], all: &[f64], i: usize, own: &mut [f64]) {
    for (from, to, n) in places(sizes, i) {
        own[to..to + n].copy_from_slice(&all[from..from + n]);
    }
}

/// Puts what belongs to them where it belongs.
pub(super) fn scatter(sizes: [usize; 2], own: &[f64], i: usize, all: &mut [f64]) {
    for (to, from, n) in places(sizes, i) {
        all[to..to + n].copy_from_slice(&own[from..from + n]);
    }
}
