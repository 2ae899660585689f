//! Scalars, recorded on every call: all at once where they are few, else some points at a time, so that what is recorded is swept
//! while it is in cache. Where a point's term alone is more, its components are recorded one at a time, each for some points: first
//! their values as plain numbers, then the logsumexps of those on a tape, whose sweep gives the weights of the components' terms.
//!
//! A point sees the parameters through what its body shares with the others ([`body::shared`]). The sweeps of the points add up
//! adjoints of that; a last recording, of shared numbers times their adjoints and of what belongs to no point, leads on to the
//! parameters: the chain rule, cut where all points meet.

use super::super::problem::{Method, scalar_gradient};
use super::map::{gather, scatter};
use super::{Gmm, body};
use retrograd::{Tape, Var};

/// About how many nodes are recorded before they are swept.
const NODES: usize = 1 << 14;

/// Prepares the mode.
pub(crate) fn method(gmm: &Gmm) -> Method<'_> {
    let mut tape = Tape::new();
    let run = move |values: &mut [f64], gradient: &mut [f64]| values[0] = log_posterior(gmm, &mut tape, gradient);
    Method { how: "scalars recorded each call, some points at a time, a sweep for each", run: Box::new(run) }
}

/// F; its gradient is written.
fn log_posterior(gmm: &Gmm, tape: &mut Tape<f64>, gradient: &mut [f64]) -> f64 {
    let per_point = gmm.k * (gmm.d + 1) * (gmm.d + 2);
    let n_points = (NODES / per_point).max(1);
    if per_point > NODES {
        let mut adjoints = vec![0.0; gmm.k * (1 + gmm.d + gmm.d * (gmm.d + 1) / 2)];
        let total = by_components(gmm, tape, &mut adjoints);
        return total + finish(gmm, tape, &adjoints, gradient);
    }
    if gmm.n <= n_points {
        return scalar_gradient(tape, &gmm.parameters, |x| body::log_posterior(gmm, x, Var::detach), gradient);
    }
    let shared = body::shared(gmm, &gmm.parameters);
    let mut adjoints = vec![0.0; shared.len()];
    let mut total = 0.0;
    for points in gmm.x.chunks(n_points * gmm.d) {
        total += sweep_points(gmm, points, tape, &shared, &mut adjoints);
        tape.clear();
    }
    total + finish(gmm, tape, &adjoints, gradient)
}

/// The sum of all points' terms, a component at a time; adjoints of what [`body::shared`] makes are added.
fn by_components(gmm: &Gmm, tape: &mut Tape<f64>, adjoints: &mut [f64]) -> f64 {
    let (d, k) = (gmm.d, gmm.k);
    let shared = body::shared(gmm, &gmm.parameters);
    let mut own = vec![0.0; shared.len() / k];
    let components: Vec<Vec<f64>> = (0..k)
        .map(|i| {
            gather([d, k], &shared, i, &mut own);
            own.clone()
        })
        .collect();
    let mut sums: Vec<Vec<f64>> = vec![vec![0.0; own.len()]; k];
    let n_points = (NODES / ((d + 1) * (d + 2))).max(1);
    let mut total = 0.0;
    for points in gmm.x.chunks(n_points * d) {
        let terms: Vec<f64> = points
            .chunks_exact(d)
            .flat_map(|x| components.iter().map(move |shared| body::component_term(x, shared)))
            .collect();
        let mut weights = vec![0.0; terms.len()];
        total += scalar_gradient(tape, &terms, |terms| logsumexps(k, terms), &mut weights);
        for (i, (shared, sums)) in components.iter().zip(&mut sums).enumerate() {
            let weights = weights.iter().skip(i).step_by(k).copied();
            scalar_gradient(tape, shared, |shared| weighted(d, points, weights, shared), &mut own);
            sums.iter_mut().zip(&own).for_each(|(sum, own)| *sum += own);
        }
    }
    for (i, sums) in sums.iter().enumerate() {
        scatter([d, k], sums, i, adjoints);
    }
    total
}

/// The sum of the logsumexps of some points' terms, [any, k].
fn logsumexps<'t>(k: usize, terms: &[Var<'t, f64>]) -> Var<'t, f64> {
    let mut points = terms.chunks_exact(k).map(|terms| body::logsumexp(terms, Var::detach));
    let first = points.next().expect("a point at least");
    points.fold(first, |sum, term| sum + term)
}

/// The sum of a component's terms of some points, each times its weight.
fn weighted<'t>(d: usize, points: &[f64], weights: impl Iterator<Item = f64>, shared: &[Var<'t, f64>]) -> Var<'t, f64> {
    let mut x = vec![Var::constant(0.0); d];
    let mut total = Var::constant(0.0);
    for (point, weight) in points.chunks_exact(d).zip(weights) {
        x.iter_mut().zip(point).for_each(|(slot, &x)| *slot = Var::constant(x));
        total += body::component_term(&x, shared) * weight;
    }
    total
}

/// The sum of these points' terms; adjoints of what they share are added.
pub(crate) fn sweep_points(gmm: &Gmm, points: &[f64], tape: &Tape<f64>, shared: &[f64], adjoints: &mut [f64]) -> f64 {
    let shared = tape.vars(shared);
    let (mut x, mut scratch) = (Vec::with_capacity(gmm.d), Vec::new());
    let mut total = Var::constant(0.0);
    for point in points.chunks_exact(gmm.d) {
        x.clear();
        x.extend(point.iter().map(|&x| Var::constant(x)));
        total += body::point_term([gmm.d, gmm.k], &x, &shared, &mut scratch, Var::detach);
    }
    let grads = total.backward();
    for (sum, adjoint) in adjoints.iter_mut().zip(grads.items(&shared)) {
        *sum += adjoint;
    }
    tape.recycle(grads);
    total.item()
}

/// The value of what belongs to no point. The whole gradient is written, from the adjoints of what the points share.
pub(crate) fn finish(gmm: &Gmm, tape: &mut Tape<f64>, adjoints: &[f64], gradient: &mut [f64]) -> f64 {
    let mut rest = 0.0;
    scalar_gradient(tape, &gmm.parameters, |x| add_points(gmm, x, adjoints, &mut rest), gradient);
    rest
}

/// A scalar with the gradient that the whole has: the rest, plus shared numbers times their adjoints.
fn add_points<'t>(gmm: &Gmm, parameters: &[Var<'t, f64>], adjoints: &[f64], value: &mut f64) -> Var<'t, f64> {
    let shared = body::shared(gmm, parameters);
    let mut sum = body::rest(gmm, parameters, &shared, Var::detach);
    *value = sum.item();
    for (&shared, &adjoint) in shared.iter().zip(adjoints) {
        sum += shared * adjoint;
    }
    sum
}
