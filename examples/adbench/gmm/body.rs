//! The objective once for every kind of number, around the body of one point.
//!
//! `hold` makes a number's value a constant: the largest term of a logsumexp is subtracted without being differentiated, since
//! its derivative cancels. Where a number has no such thing, the identity will do.

use super::Gmm;
use retrograd::Real;

/// F.
pub(crate) fn log_posterior<S: Real>(gmm: &Gmm, parameters: &[S], hold: impl Fn(S) -> S + Copy) -> S {
    let shared = shared(gmm, parameters);
    let mut point = vec![S::lit(0.0); gmm.d];
    let mut total = S::lit(0.0);
    for x in gmm.x.chunks_exact(gmm.d) {
        for (slot, &x) in point.iter_mut().zip(x) {
            *slot = S::lit(x);
        }
        total += point_term([gmm.d, gmm.k], &point, &shared, hold);
    }
    total + rest(gmm, parameters, &shared, hold)
}

/// What a point's term needs of the parameters: alpha_i + s_i [k], mu [k][d], and the factors' rows [k][d(d+1)/2].
pub(crate) fn shared<S: Real>(gmm: &Gmm, parameters: &[S]) -> Vec<S> {
    let (d, parts) = (gmm.d, gmm.parts(parameters));
    let mut shared = Vec::with_capacity(gmm.k * (1 + d + d + gmm.below()));
    shared.extend(parts.alpha.iter().zip(parts.q.chunks_exact(d)).map(|(&alpha, q)| alpha + sum(q)));
    shared.extend_from_slice(parts.mu);
    for (i, q) in parts.q.chunks_exact(d).enumerate() {
        let l = &parts.l[i * gmm.below()..][..gmm.below()];
        for (r, q) in q.iter().enumerate() {
            shared.extend((0..r).map(|c| l[below_diagonal(d, r, c)]));
            shared.push(q.exp());
        }
    }
    shared
}

/// Where entry (r, c) below the diagonal stands, column by column.
pub(crate) fn below_diagonal(d: usize, r: usize, c: usize) -> usize {
    c * (2 * d - 1 - c) / 2 + r - c - 1
}

/// The body of one point: logsumexp_i(alpha_i + s_i - 1/2 |Q_i (x - mu_i)|^2).
pub(crate) fn point_term<S: Real>([d, k]: [usize; 2], x: &[S], shared: &[S], hold: impl Fn(S) -> S) -> S {
    let (heights, rest) = shared.split_at(k);
    let (mu, factors) = rest.split_at(k * d);
    let mut z = Vec::with_capacity(d);
    let mut terms = Vec::with_capacity(k);
    for (i, factor) in factors.chunks_exact(d * (d + 1) / 2).enumerate() {
        z.clear();
        z.extend(x.iter().zip(&mu[i * d..][..d]).map(|(&x, &mu)| x - mu));
        let rows = (0..d).map(|r| &factor[r * (r + 1) / 2..][..r + 1]);
        let norm = total(rows.map(|row| total(row.iter().zip(&z).map(|(&entry, &z)| entry * z)).square()));
        terms.push(heights[i] - norm * 0.5);
    }
    logsumexp(&terms, hold)
}

/// What does not depend on the points: constants, -n logsumexp(alpha), and the prior.
pub(crate) fn rest<S: Real>(gmm: &Gmm, parameters: &[S], shared: &[S], hold: impl Fn(S) -> S) -> S {
    let parts = gmm.parts(parameters);
    let squares = total(shared[gmm.k * (1 + gmm.d)..].iter().map(|entry| entry.square()));
    let prior = sum(parts.q) * gmm.m - squares * (0.5 * gmm.gamma * gmm.gamma);
    prior - logsumexp(parts.alpha, hold) * gmm.n as f64 + gmm.constant()
}

fn logsumexp<S: Real>(terms: &[S], hold: impl Fn(S) -> S) -> S {
    let held = terms.iter().map(|&t| hold(t));
    let largest = held.reduce(|a, b| a.maximum(b)).unwrap_or(S::lit(f64::NEG_INFINITY));
    total(terms.iter().map(|&t| (t - largest).exp())).ln() + largest
}

fn sum<S: Real>(x: &[S]) -> S {
    total(x.iter().copied())
}

/// The sum, without an addition to 0 in front.
fn total<S: Real>(x: impl Iterator<Item = S>) -> S {
    x.reduce(|a, b| a + b).unwrap_or(S::lit(0.0))
}
