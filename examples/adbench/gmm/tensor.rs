//! The objective as one expression of tensors, in one of two forms, whichever moves fewer bytes.
//!
//! As a quadratic form of the point, with A = Q'Q:
//!
//!   t = alpha + s - 1/2 |Q mu|^2 + (A mu) . x - 1/2 sum_r A_rr x_r^2 - sum_{r>c} A_rc x_r x_c
//!
//! so all t are one product of the points' monomials, [n, f] with f = d(d+1)/2 + d + 1, and the components' coefficients, [k, f]:
//! as many multiplications as the triangular products have, and nothing of size n k d is ever written. The monomials are data:
//! they are made once, when the mode is prepared.
//!
//! With many dimensions and few components there are more monomials than residuals Q (x - mu), [n, k d]. Then these are written:
//! one product of the points, with a 1 behind each, and the rows of all Q, with -Q mu behind them.
//!
//! Points and means are taken relative to the points' mean, so that a cloud far from the origin cancels no digits.

use super::super::problem::{Method, tensor_method};
use super::body::below_diagonal;
use super::{Gmm, Parts};
use retrograd::{Tape, Tensor, Var};

/// What is written for each point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Monomials,
    Residuals,
}

impl Form {
    /// The one that moves fewer bytes: monomials are read twice, residuals written and read five times, forward and backward.
    pub(crate) fn lighter(gmm: &Gmm) -> Self {
        let monomials = gmm.d * (gmm.d + 3) / 2 + 1;
        if 2 * monomials <= 5 * gmm.k * gmm.d { Form::Monomials } else { Form::Residuals }
    }
}

/// What is made of the points: monomials [n, f], or the points with a 1 behind each, [n, d + 1]; and their mean, [d].
pub(crate) struct Rows {
    pub(crate) rows: Tensor<f64>,
    pub(crate) mean: Tensor<f64>,
}

impl Rows {
    pub(crate) fn new(gmm: &Gmm, form: Form) -> Self {
        let width = match form {
            Form::Monomials => gmm.d * (gmm.d + 3) / 2 + 1,
            Form::Residuals => gmm.d + 1,
        };
        let mut made = Self { rows: Tensor::zeros([gmm.n, width]), mean: Tensor::zeros([gmm.d]) };
        made.write(gmm, form);
        made
    }

    /// Makes them of the points anew, in the same memory.
    pub(crate) fn write(&mut self, gmm: &Gmm, form: Form) {
        let d = gmm.d;
        let mean = self.mean.as_mut_slice();
        mean.fill(0.0);
        for x in gmm.x.chunks_exact(d) {
            mean.iter_mut().zip(x).for_each(|(sum, x)| *sum += x);
        }
        mean.iter_mut().for_each(|sum| *sum /= gmm.n.max(1) as f64);
        let (mut centred, width) = (vec![0.0; d], self.rows.shape()[1]);
        for (x, row) in gmm.x.chunks_exact(d).zip(self.rows.as_mut_slice().chunks_exact_mut(width)) {
            for ((slot, x), mean) in centred.iter_mut().zip(x).zip(&*mean) {
                *slot = x - mean;
            }
            let mut rest = row;
            for r in (0..d).filter(|_| form == Form::Monomials) {
                let (own, after) = rest.split_at_mut(r + 1);
                for (slot, x) in own.iter_mut().zip(&centred) {
                    *slot = -centred[r] * x;
                }
                own[r] *= 0.5;
                rest = after;
            }
            rest[..d].copy_from_slice(&centred);
            rest[d] = 1.0;
        }
    }
}

/// Where the entries of a factor stand: what does not depend on the points.
pub(crate) struct Places {
    form: Form,
    /// Of [d][d], in its row of exp(q), l, 0.
    entries: Vec<usize>,
    /// The lower triangle of a matrix [d][d].
    triangle: Vec<usize>,
}

impl Places {
    pub(crate) fn new(gmm: &Gmm, form: Form) -> Self {
        let d = gmm.d;
        let zero = d + gmm.below();
        let entry = |r: usize, c: usize| match r.cmp(&c) {
            std::cmp::Ordering::Less => zero,
            std::cmp::Ordering::Equal => r,
            std::cmp::Ordering::Greater => d + below_diagonal(d, r, c),
        };
        Self {
            form,
            entries: (0..d * d).map(|i| entry(i / d, i % d)).collect(),
            triangle: (0..d).flat_map(|r| (0..=r).map(move |c| r * d + c)).collect(),
        }
    }

    /// All t, [n, k], of the factors [k, d, d], the means [k, d] and alpha + s [k].
    fn terms<'t>(
        &self,
        [rows, mean]: [Var<'t, f64>; 2],
        factors: Var<'t, f64>,
        mu: Var<'t, f64>,
        heights: Var<'t, f64>,
    ) -> Var<'t, f64> {
        let (k, d, n) = (mu.shape()[0], mu.shape()[1], rows.shape()[0]);
        let means = (mu - mean).reshape([k, d, 1]);
        let turned = factors.matmul(means);
        if self.form == Form::Residuals {
            let factors = Var::concat(&[factors.reshape([k * d, d]), -turned.reshape([k * d, 1])], 1);
            return heights - rows.matmul_nt(factors).square().reshape([n, k, d]).sum(2) * 0.5;
        }
        let forms = factors.matmul_tn(factors).reshape([k, d * d]).gather(1, &self.triangle);
        let linear = factors.matmul_tn(turned).reshape([k, d]);
        let constant = (heights - turned.square().sum([1, 2]) * 0.5).reshape([k, 1]);
        rows.matmul_nt(Var::concat(&[forms, linear, constant], 1))
    }
}

/// F, of alpha [k], mu [k, d], q [k, d] and l [k, d(d-1)/2].
pub(crate) fn log_posterior<'t>(
    tape: &'t Tape<f64>,
    gmm: &Gmm,
    places: &Places,
    points: [Var<'t, f64>; 2],
    [alpha, mu, q, l]: [Var<'t, f64>; 4],
) -> Var<'t, f64> {
    let (d, k) = (gmm.d, gmm.k);
    let diagonal = q.exp();
    let zero = tape.data(Tensor::zeros([k, 1]));
    // A matrix of one row has nothing below its diagonal.
    let columns = if d > 1 { vec![diagonal, l, zero] } else { vec![diagonal, zero] };
    let factors = Var::concat(&columns, 1).gather(1, &places.entries).reshape([k, d, d]);
    let terms = places.terms(points, factors, mu, alpha + q.sum(1));
    let likelihood = terms.logsumexp(1).sum(()) - alpha.logsumexp(()) * gmm.n as f64;
    let squares = factors.square().sum(());
    likelihood + q.sum(()) * gmm.m - squares * (0.5 * gmm.gamma * gmm.gamma) + gmm.constant()
}

/// The parameters as tensors.
pub(crate) fn inputs(gmm: &Gmm) -> [Tensor<f64>; 4] {
    let Parts { alpha, mu, q, l } = gmm.parts(&gmm.parameters);
    let matrix =
        |values: &[f64]| Tensor::new([gmm.k, values.len() / gmm.k], values.to_vec()).expect("rows of one length");
    [Tensor::from(alpha), matrix(mu), matrix(q), matrix(l)]
}

/// Prepares the mode, in the lighter form.
pub(crate) fn method(gmm: &Gmm) -> Result<Method<'_>, String> {
    in_form(gmm, Form::lighter(gmm))
}

/// The same in a given form.
pub(crate) fn in_form(gmm: &Gmm, form: Form) -> Result<Method<'_>, String> {
    let (places, made) = (Places::new(gmm, form), Rows::new(gmm, form));
    tensor_method(inputs(gmm), move |tape, x| {
        log_posterior(tape, gmm, &places, [tape.data(&made.rows), tape.data(&made.mean)], x)
    })
}
