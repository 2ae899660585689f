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
    let mut scratch = Vec::new();
    let mut total = rest(gmm, parameters, &shared, hold);
    for x in gmm.x.chunks_exact(gmm.d) {
        for (slot, &x) in point.iter_mut().zip(x) {
            *slot = S::lit(x);
        }
        total += point_term([gmm.d, gmm.k], &point, &shared, &mut scratch, hold);
    }
    total
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
///
/// Loops over indices, with the running sums in variables of their own: so a recorded number stays in registers.
pub(crate) fn point_term<S: Real>(
    [d, k]: [usize; 2],
    x: &[S],
    shared: &[S],
    scratch: &mut Vec<S>,
    hold: impl Fn(S) -> S,
) -> S {
    let (heights, rest) = shared.split_at(k);
    let (mu, factors) = rest.split_at(k * d);
    scratch.clear();
    scratch.resize(d + k, S::lit(0.0));
    let (z, terms) = scratch.split_at_mut(d);
    for (i, factor) in factors.chunks_exact(d * (d + 1) / 2).enumerate() {
        for ((z, &x), &mu) in z.iter_mut().zip(x).zip(&mu[i * d..][..d]) {
            *z = x - mu;
        }
        let mut norm = (factor[0] * z[0]).square();
        let mut start = 1;
        for r in 1..d {
            let row = &factor[start..][..r + 1];
            let mut y = row[0] * z[0];
            for (&entry, &z) in row[1..].iter().zip(&z[1..]) {
                y += entry * z;
            }
            norm += y.square();
            start += r + 1;
        }
        terms[i] = heights[i] - norm * 0.5;
    }
    logsumexp(terms, hold)
}

/// A component's part of it, alpha_i + s_i - 1/2 |Q_i (x - mu_i)|^2, of that sum, mu_i [d] and the factor's rows.
pub(crate) fn component_term<S: Real>(x: &[S], shared: &[S]) -> S {
    let d = x.len();
    let (mu, factor) = shared[1..].split_at(d);
    let z: Vec<S> = x.iter().zip(mu).map(|(&x, &mu)| x - mu).collect();
    let (mut norm, mut start) = (S::lit(0.0), 0);
    for r in 0..d {
        let row = &factor[start..][..r + 1];
        let mut y = row[0] * z[0];
        for (&entry, &z) in row[1..].iter().zip(&z[1..]) {
            y += entry * z;
        }
        norm += y.square();
        start += r + 1;
    }
    shared[0] - norm * 0.5
}

/// What does not depend on the points: constants, -n logsumexp(alpha), and the prior.
pub(crate) fn rest<S: Real>(gmm: &Gmm, parameters: &[S], shared: &[S], hold: impl Fn(S) -> S) -> S {
    let parts = gmm.parts(parameters);
    let entries = &shared[gmm.k * (1 + gmm.d)..];
    let mut squares = entries[0].square();
    for entry in &entries[1..] {
        squares += entry.square();
    }
    let prior = sum(parts.q) * gmm.m - squares * (0.5 * gmm.gamma * gmm.gamma);
    prior - logsumexp(parts.alpha, hold) * gmm.n as f64 + gmm.constant()
}

/// log(sum_j exp(v_j)), around the largest v.
pub(crate) fn logsumexp<S: Real>(terms: &[S], hold: impl Fn(S) -> S) -> S {
    let mut largest = hold(terms[0]);
    for &term in &terms[1..] {
        largest = largest.maximum(hold(term));
    }
    let mut exps = (terms[0] - largest).exp();
    for &term in &terms[1..] {
        exps += (term - largest).exp();
    }
    exps.ln() + largest
}

fn sum<S: Real>(x: &[S]) -> S {
    let mut sum = x[0];
    for &x in &x[1..] {
        sum += x;
    }
    sum
}
