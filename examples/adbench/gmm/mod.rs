//! GMM: the log posterior of a Gaussian mixture; one number, differentiated by all parameters.
//!
//! With Q_i lower triangular, exp(q_i) on its diagonal and l_i below it, column by column, and s_i = sum_r q_i[r]:
//!
//!   t_pi = alpha_i + s_i - 1/2 |Q_i (x_p - mu_i)|^2
//!   F = -n d/2 ln(2 pi) + sum_p logsumexp_i(t_pi) - n logsumexp(alpha) + prior
//!   prior = k C - sum_i [ gamma^2/2 (sum_r exp(q_i[r])^2 + |l_i|^2) - m s_i ]
//!   C = (d + m + 1) d (ln gamma - ln(2)/2) - lnGamma_d((d + m + 1)/2)
//!
//! The sign of the prior is GradBench's; ADBench's C++ subtracts it.

pub(crate) mod body;
mod map;
mod plain;
mod program;
mod tape;
pub(crate) mod tensor;

use super::problem::{Method, Mode, Problem, in_a_line, pack};
use super::tokens::{Tokens, name, read_text};
use retrograd::Number;
use serde_json::{Map, Value, json};
use std::path::Path;

/// The data of a file.
pub(crate) struct Gmm {
    /// Dimensions, components, points.
    pub(crate) d: usize,
    pub(crate) k: usize,
    pub(crate) n: usize,
    /// alpha [k], mu [k][d], q [k][d], l [k][d(d-1)/2], one after the other.
    pub(crate) parameters: Vec<f64>,
    /// The points, [n][d].
    pub(crate) x: Vec<f64>,
    pub(crate) gamma: f64,
    pub(crate) m: f64,
}

/// The four kinds of parameters, or of their gradients.
pub(crate) struct Parts<'a, S> {
    pub(crate) alpha: &'a [S],
    pub(crate) mu: &'a [S],
    pub(crate) q: &'a [S],
    pub(crate) l: &'a [S],
}

impl Gmm {
    /// Reads the text of a file.
    pub(crate) fn parse(file: String, text: &str) -> Result<Self, String> {
        let mut tokens = Tokens::new(file, text);
        let (d, k, n) =
            (tokens.count("d, the dimensions")?, tokens.count("k, the components")?, tokens.count("n, the points")?);
        let below = d.checked_mul(d - 1).ok_or_else(|| tokens.wrong(format_args!("d = {d} is too large")))? / 2;
        let mut parameters = tokens.table("alpha", k, 1)?;
        parameters.extend(tokens.table("mu", k, d)?);
        let factors = tokens.table("q and l", k, d + below)?;
        let rows = || factors.chunks_exact(d + below);
        parameters.extend(rows().flat_map(|row| &row[..d]));
        parameters.extend(rows().flat_map(|row| &row[d..]));
        let x = tokens.table("x", n, d)?;
        let gamma = tokens.number(&|| "gamma".to_owned())?;
        if gamma <= 0.0 {
            return Err(tokens.wrong(format_args!("gamma: {gamma} is not above 0, and its logarithm is needed")));
        }
        let m = tokens.whole("m", -1)? as f64;
        tokens.end()?;
        Ok(Self { d, k, n, parameters, x, gamma, m })
    }

    /// How many entries of a factor lie below its diagonal.
    pub(crate) fn below(&self) -> usize {
        self.d * (self.d - 1) / 2
    }

    /// Takes parameters apart.
    pub(crate) fn parts<'a, S>(&self, parameters: &'a [S]) -> Parts<'a, S> {
        let (alpha, rest) = parameters.split_at(self.k);
        let (mu, rest) = rest.split_at(self.k * self.d);
        let (q, l) = rest.split_at(self.k * self.d);
        Parts { alpha, mu, q, l }
    }

    /// What does not depend on the parameters: -n d/2 ln(2 pi) + k C.
    pub(crate) fn constant(&self) -> f64 {
        let (d, n, k) = (self.d as f64, self.n as f64, self.k as f64);
        let nu = d + self.m + 1.0;
        let gammas: f64 = (1..=self.d).map(|j| (0.5 * nu + 0.5 * (1.0 - j as f64)).lgamma()).sum();
        let multivariate = 0.25 * d * (d - 1.0) * std::f64::consts::PI.ln() + gammas;
        let c = nu * d * (self.gamma.ln() - 0.5 * std::f64::consts::LN_2) - multivariate;
        k * c - 0.5 * n * d * (2.0 * std::f64::consts::PI).ln()
    }
}

impl Problem for Gmm {
    const NAME: &'static str = "gmm";
    const MODES: &'static [Mode] = &[Mode::Tensor, Mode::Map, Mode::Program, Mode::Tape];

    fn read(path: &Path) -> Result<Self, String> {
        Self::parse(name(path), &read_text(path)?)
    }

    fn lengths(&self) -> [usize; 2] {
        [1, self.parameters.len()]
    }

    fn objective(&self, values: &mut [f64]) {
        values[0] = plain::log_posterior(self);
    }

    fn method(&self, mode: Mode) -> Result<Method<'_>, String> {
        match mode {
            Mode::Tape => Ok(tape::method(self)),
            Mode::Tensor => tensor::method(self),
            Mode::Program => program::method(self),
            Mode::Map => map::method(self),
        }
    }

    fn describe(&self, values: &[f64], derivative: &[f64]) -> Map<String, Value> {
        let members = json!({
            "d": self.d, "k": self.k, "n": self.n,
            "objective": values[0],
            "gradient_order": "alpha[k], mu[k][d], q[k][d], l[k][d(d-1)/2], each row-major",
            "gradient": pack(derivative),
        });
        members.as_object().cloned().unwrap_or_default()
    }

    fn summary(&self, values: &[f64], derivative: &[f64]) -> String {
        format!(
            "d = {}, k = {}, n = {}\nobjective: {}\ngradient: {}",
            self.d,
            self.k,
            self.n,
            values[0],
            in_a_line(derivative)
        )
    }
}
