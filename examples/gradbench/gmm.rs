//! gmm: the log posterior of a Gaussian mixture, in the form of the example `adbench` (its formula stands there).
//!
//! One expression of tensors, compiled: all terms are one product of what the points are made into, monomials or the points
//! themselves, with the components' coefficients. What is made of the points is made in every run.
//!
//! Monomials about the points' centre lose digits where clouds are far apart compared with their size, by the square of that: two
//! clouds at a distance of 10^4 sizes would leave 2e-9. So where more than 1e-11 is at stake, the points themselves are taken, and
//! Q x - Q mu is computed, which loses as many digits as the distance has, once: 3e-13 there.

use super::adbench::gmm::Gmm;
use super::adbench::gmm::tensor::{Form, Places, Rows, inputs, log_posterior};
use super::matrix::{Matrix, fits, long};
use super::protocol::{Eval, Output, Request};
use retrograd::program::Options;
use retrograd::{Error, Program, Tensor};
use serde::Deserialize;

pub(crate) const EVAL: Eval = Eval { name: "gmm", functions: &[("objective", objective), ("jacobian", jacobian)] };

#[derive(Deserialize)]
struct Input {
    d: usize,
    k: usize,
    n: usize,
    x: Matrix,
    m: i64,
    gamma: f64,
    alpha: Vec<f64>,
    mu: Matrix,
    q: Matrix,
    l: Matrix,
}

fn input(request: &mut Request<'_>) -> Result<Gmm, String> {
    let Input { d, k, n, x, m, gamma, alpha, mu, q, l } = request.input()?;
    if d == 0 || k == 0 {
        return Err(format!("input: {k} components in {d} dimensions are no mixture; 1 or more of both are"));
    }
    if gamma <= 0.0 {
        return Err(format!("input.gamma: {gamma} is not above 0, and its logarithm is needed"));
    }
    if m < -1 {
        return Err(format!("input.m: {m} is below -1"));
    }
    let below = d.checked_mul(d - 1).ok_or_else(|| format!("input.d: {d} is too large"))? / 2;
    let mut parameters = long(alpha, "alpha", k)?;
    for part in [mu.shaped("mu", k, d)?, q.shaped("q", k, d)?, l.shaped("l", k, below)?] {
        parameters.extend(part.values);
    }
    // A point's monomials or residuals, and its terms, forward and backward.
    let each = (d * (d + 3) / 2 + 1).max(k.saturating_mul(d)).saturating_add(k.saturating_mul(2));
    fits("n", n, each.saturating_mul(size_of::<f64>()))?;
    Ok(Gmm { d, k, n, parameters, x: x.shaped("x", n, d)?.values, gamma, m: m as f64 })
}

/// Whether monomials would lose more than 1e-11 of the terms: of all points, each with the component next to it, the squares of the
/// distances from the centre, which monomials are made of, are compared with those from the component's mean, which are left of
/// them. Both count by the component's |Q|^2.
fn is_spread(gmm: &Gmm) -> bool {
    const MOST_LOST: f64 = 1e-11;
    let (d, below) = (gmm.d, gmm.below());
    let squared_distance = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
    let mut centre = vec![0.0; d];
    for x in gmm.x.chunks_exact(d) {
        centre.iter_mut().zip(x).for_each(|(sum, x)| *sum += x / gmm.n as f64);
    }
    let parts = gmm.parts(&gmm.parameters);
    let weight = |component: usize| {
        let (q, l) = (&parts.q[component * d..][..d], &parts.l[component * below..][..below]);
        q.iter().map(|q| (2.0 * q).exp()).sum::<f64>() + l.iter().map(|l| l * l).sum::<f64>()
    };
    let weights: Vec<f64> = (0..gmm.k).map(weight).collect();
    let (mut from_centre, mut from_means) = (0.0, 0.0);
    for x in gmm.x.chunks_exact(d) {
        let distances = parts.mu.chunks_exact(d).map(|mean| squared_distance(x, mean)).zip(&weights);
        let (distance, weight) = distances.min_by(|(a, _), (b, _)| a.total_cmp(b)).expect("there is a component");
        from_centre += weight * squared_distance(x, &centre);
        from_means += weight * distance;
    }
    from_centre * f64::EPSILON > from_means * MOST_LOST
}

/// The objective compiled, with all that it takes.
struct Compiled {
    program: Program<f64>,
    form: Form,
    made: Rows,
    parameters: [Tensor<f64>; 4],
}

impl Compiled {
    fn new(gmm: &Gmm, options: &Options) -> Result<Self, Error> {
        let form = if is_spread(gmm) { Form::Residuals } else { Form::lighter(gmm) };
        let (places, made, parameters) = (Places::new(gmm, form), Rows::new(gmm, form), inputs(gmm));
        let mut like = parameters.to_vec();
        like.extend([made.rows.clone(), made.mean.clone()]);
        let program = options.compile(&like, |x| {
            vec![log_posterior(x[0].tape(), gmm, &places, [x[4], x[5]], [x[0], x[1], x[2], x[3]])]
        })?;
        drop(like);
        Ok(Self { program, form, made, parameters })
    }

    fn run(&mut self, gmm: &Gmm, outputs: &mut [&mut Tensor<f64>]) -> Result<(), Error> {
        self.made.write(gmm, self.form);
        let [alpha, mu, q, l] = &self.parameters;
        self.program.run_into(&[alpha, mu, q, l, &self.made.rows, &self.made.mean], outputs)
    }
}

fn objective(request: &mut Request<'_>) -> Result<Output, String> {
    let gmm = input(request)?;
    let options = Options::new().threads(request.threads);
    let mut compiled = request.prepare(|| Compiled::new(&gmm, &options))?;
    request.evaluate(|| compiled.run(&gmm, &mut []))?;
    Ok(Output::Number(compiled.program.item(0)))
}

fn jacobian(request: &mut Request<'_>) -> Result<Output, String> {
    let gmm = input(request)?;
    let options = Options::new().threads(request.threads).gradient(&[0, 1, 2, 3]).write_out(&[1, 2, 3, 4]);
    let (mut compiled, [mut alpha, mut mu, mut q, mut l]) = request.prepare(|| {
        let compiled = Compiled::new(&gmm, &options)?;
        let rooms = compiled.parameters.each_ref().map(|x| Tensor::full(x.shape(), f64::NAN));
        Ok((compiled, rooms))
    })?;
    request.evaluate(|| compiled.run(&gmm, &mut [&mut alpha, &mut mu, &mut q, &mut l]))?;
    let rows = |x: Tensor<f64>| Output::Rows(Matrix::new(x.shape()[0], x.shape()[1], x.into_vec()));
    Ok(Output::Object(vec![
        ("alpha", Output::Vector(alpha.into_vec())),
        ("mu", rows(mu)),
        ("q", rows(q)),
        ("l", rows(l)),
    ]))
}
