//! Scalars, recorded on every call: all at once where they are few, else some points at a time, so that what is recorded is swept while it is in cache.
//!
//! A point sees the parameters through what its body shares with the others ([`body::shared`]). The sweeps of the points add up
//! adjoints of that; a last recording, of shared numbers times their adjoints and of what belongs to no point, leads on to the
//! parameters: the chain rule, cut where all points meet.

use super::super::problem::{Method, scalar_gradient};
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
