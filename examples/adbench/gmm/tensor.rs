//! The objective as one expression of tensors.
//!
//! The squared distance is a quadratic form of the point: with A = Q'Q,
//!
//!   t = alpha + s - 1/2 |Q mu|^2 + (A mu) . x - 1/2 sum_r A_rr x_r^2 - sum_{r>c} A_rc x_r x_c
//!
//! so all t are one product of the points' monomials, [n, f] with f = d(d+1)/2 + d + 1, and the components' coefficients, [k, f]:
//! as many multiplications as the triangular products have, but nothing of size n k d is ever written. The monomials are data:
//! they are made once, when the mode is prepared. Points and means are taken relative to the points' mean, so that a
//! cloud far from the origin cancels no digits.

use super::body::below_diagonal;
use super::{Gmm, Parts};
use crate::problem::{Method, tensor_gradient};
use retrograd::{Tape, Tensor, Var};

/// What is made of the data once.
pub(crate) struct Monomials {
    /// [n, f].
    values: Tensor<f64>,
    /// The points' mean, [d].
    mean: Tensor<f64>,
    /// Where the entries of a factor [d][d] stand in its row of exp(q), l, 0.
    entries: Vec<usize>,
    /// The lower triangle of a matrix [d][d].
    triangle: Vec<usize>,
}

impl Monomials {
    pub(crate) fn of(gmm: &Gmm) -> Self {
        let (d, n) = (gmm.d, gmm.n);
        let mean: Vec<f64> = (0..d).map(|r| gmm.x.iter().skip(r).step_by(d).sum::<f64>() / n as f64).collect();
        let mut values = Vec::with_capacity(n * (d * (d + 1) / 2 + d + 1));
        for x in gmm.x.chunks_exact(d) {
            let x: Vec<f64> = x.iter().zip(&mean).map(|(x, mean)| x - mean).collect();
            for r in 0..d {
                values.extend((0..r).map(|c| -x[r] * x[c]));
                values.push(-0.5 * x[r] * x[r]);
            }
            values.extend(&x);
            values.push(1.0);
        }
        let zero = d + gmm.below();
        let entry = |r: usize, c: usize| match r.cmp(&c) {
            std::cmp::Ordering::Less => zero,
            std::cmp::Ordering::Equal => r,
            std::cmp::Ordering::Greater => d + below_diagonal(d, r, c),
        };
        Self {
            values: Tensor::new([n, values.len() / n], values).expect("rows of one length"),
            mean: Tensor::from(mean),
            entries: (0..d * d).map(|i| entry(i / d, i % d)).collect(),
            triangle: (0..d).flat_map(|r| (0..=r).map(move |c| r * d + c)).collect(),
        }
    }
}

/// F, of alpha [k], mu [k, d], q [k, d] and l [k, d(d-1)/2].
pub(crate) fn log_posterior<'t>(
    tape: &'t Tape<f64>,
    gmm: &Gmm,
    monomials: &Monomials,
    [alpha, mu, q, l]: [Var<'t, f64>; 4],
) -> Var<'t, f64> {
    let (d, k) = (gmm.d, gmm.k);
    let diagonal = q.exp();
    let zero = tape.data(Tensor::zeros([k, 1]));
    // A matrix of one row has nothing below its diagonal.
    let columns = if d > 1 { vec![diagonal, l, zero] } else { vec![diagonal, zero] };
    let factors = Var::concat(&columns, 1).gather(1, &monomials.entries).reshape([k, d, d]);

    let forms = factors.matmul_tn(factors).reshape([k, d * d]).gather(1, &monomials.triangle);
    let means = (mu - tape.data(&monomials.mean)).reshape([k, d, 1]);
    let turned = factors.matmul(means);
    let linear = factors.matmul_tn(turned).reshape([k, d]);
    let heights = alpha + q.sum(1) - turned.square().sum([1, 2]) * 0.5;
    let coefficients = Var::concat(&[forms, linear, heights.reshape([k, 1])], 1);

    let terms = tape.data(&monomials.values).matmul_nt(coefficients);
    let likelihood = terms.logsumexp(1).sum(()) - alpha.logsumexp(()) * gmm.n as f64;
    let mut squares = diagonal.square().sum(());
    if d > 1 {
        squares = squares + l.square().sum(());
    }
    likelihood + q.sum(()) * gmm.m - squares * (0.5 * gmm.gamma * gmm.gamma) + gmm.constant()
}

/// The parameters as tensors.
pub(crate) fn inputs(gmm: &Gmm) -> [Tensor<f64>; 4] {
    let Parts { alpha, mu, q, l } = gmm.parts(&gmm.parameters);
    let matrix =
        |values: &[f64]| Tensor::new([gmm.k, values.len() / gmm.k], values.to_vec()).expect("rows of one length");
    [Tensor::from(alpha), matrix(mu), matrix(q), matrix(l)]
}

/// Recorded eagerly on every call.
pub(crate) fn method(gmm: &Gmm) -> Method<'_> {
    let (monomials, inputs, mut tape) = (Monomials::of(gmm), inputs(gmm), Tape::new());
    let run = move |values: &mut [f64], gradient: &mut [f64]| {
        values[0] = tensor_gradient(&mut tape, &inputs, |tape, x| log_posterior(tape, gmm, &monomials, x), gradient);
    };
    Method {
        how: "tensors recorded each call: monomials of the points times coefficients of the components",
        run: Box::new(run),
    }
}
