//! Batch normalisation's backward pass, staged as in the course CS231n, and layer normalisation's, in loops as in llm.c.
//!
//! y = gamma xhat + beta, xhat = (x - mean) / sqrt(var + eps); over the examples of a batch, or over the features of an example.
//! The loss is sum(y .* dout), so that dout is the upstream gradient.

use super::super::{Derivation, Gradients, named, random, uniform};
use retrograd::{Tensor, keep};

pub const EPS: f64 = 1e-5;

#[derive(Clone)]
pub struct Norm {
    pub x: Tensor<f64>,
    pub gamma: Tensor<f64>,
    pub beta: Tensor<f64>,
    pub dout: Tensor<f64>,
}

impl Norm {
    pub fn random([m, n]: [usize; 2], seed: u64) -> Self {
        let mut rng = random(seed);
        Self {
            x: uniform([m, n], &mut rng),
            gamma: uniform([n], &mut rng),
            beta: uniform([n], &mut rng),
            dout: uniform([m, n], &mut rng),
        }
    }

    pub fn batch() -> Self {
        Self::random([5, 3], 81)
    }

    pub fn layer() -> Self {
        Self::random([4, 5], 82)
    }

    /// Over axis 0 for batch normalisation, 1 for layer normalisation.
    pub fn derivation(&self, title: &str, axis: isize) -> Derivation {
        let dout = self.dout.clone();
        let point = [("x", &self.x), ("gamma", &self.gamma), ("beta", &self.beta)];
        Derivation::new(title, &point, move |p| {
            let tape = p[0].tape();
            let mean = p[0].mean(keep(axis)).named("mean");
            let centred = (p[0] - mean).named("centred");
            let var = centred.square().mean(keep(axis)).named("var");
            let std = (var + EPS).sqrt().named("std");
            let xhat = (centred / std).named("xhat");
            ((xhat * p[1] + p[2]) * tape.data(&dout).named("dout")).sum(())
        })
        .constant("m", self.x.shape()[0] as f64)
        .constant("n", self.x.shape()[1] as f64)
    }

    /// `batchnorm_backward(dout, cache)`, step by step back through the graph.
    fn batchnorm_backward(&self) -> Gradients {
        let m = self.x.shape()[0] as f64;
        let xmu = &self.x - &self.x.mean(0);
        let var = (&xmu * &xmu).mean(0);
        let sqrtvar = (&var + EPS).sqrt();
        let ivar = 1.0 / &sqrtvar;
        let xhat = &xmu * &ivar;

        let dbeta = self.dout.sum(0);
        let dgamma = (&self.dout * &xhat).sum(0);
        let dxhat = &self.dout * &self.gamma;
        let divar = (&dxhat * &xmu).sum(0);
        let dxmu1 = &dxhat * &ivar;
        let dsqrtvar = -1.0 / (&sqrtvar * &sqrtvar) * divar;
        let dvar = 0.5 / (&var + EPS).sqrt() * dsqrtvar;
        let dsq = Tensor::ones(self.x.shape()) * dvar / m;
        let dxmu2 = 2.0 * &xmu * dsq;
        let dx1 = dxmu1 + dxmu2;
        let dmu = -dx1.sum(0);
        let dx2 = Tensor::ones(self.x.shape()) * dmu / m;
        named(&[("x", &(dx1 + dx2)), ("gamma", &dgamma), ("beta", &dbeta)])
    }

    /// The compact form: dx = ivar/m (m dxhat - sum dxhat - xhat sum(dxhat xhat)).
    fn batchnorm_compact(&self) -> Gradients {
        let m = self.x.shape()[0] as f64;
        let xmu = &self.x - &self.x.mean(0);
        let ivar = 1.0 / ((&xmu * &xmu).mean(0) + EPS).sqrt();
        let xhat = &xmu * &ivar;
        let dxhat = &self.dout * &self.gamma;
        let dx = (m * &dxhat - dxhat.sum(0) - &xhat * (&dxhat * &xhat).sum(0)) * (&ivar / m);
        named(&[("x", &dx), ("gamma", &(&self.dout * &xhat).sum(0)), ("beta", &self.dout.sum(0))])
    }

    /// `layernorm_backward`, in two loops over each row.
    fn layernorm_backward(&self) -> Gradients {
        let [m, n] = [self.x.shape()[0], self.x.shape()[1]];
        let mut dx = Tensor::zeros([m, n]);
        let (mut dweight, mut dbias) = (Tensor::zeros([n]), Tensor::zeros([n]));
        for row in 0..m {
            let (x, dout) = (self.x.row(row), self.dout.row(row));
            let mean = x.iter().sum::<f64>() / n as f64;
            let var = x.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n as f64;
            let rstd = 1.0 / (var + EPS).sqrt();
            let (mut dnorm_mean, mut dnorm_norm_mean) = (0.0, 0.0);
            for i in 0..n {
                let norm = (x[i] - mean) * rstd;
                let dnorm = self.gamma[[i]] * dout[i];
                dnorm_mean += dnorm / n as f64;
                dnorm_norm_mean += dnorm * norm / n as f64;
            }
            for i in 0..n {
                let norm = (x[i] - mean) * rstd;
                let dnorm = self.gamma[[i]] * dout[i];
                dbias[[i]] += dout[i];
                dweight[[i]] += norm * dout[i];
                dx[[row, i]] = (dnorm - dnorm_mean - norm * dnorm_norm_mean) * rstd;
            }
        }
        named(&[("x", &dx), ("gamma", &dweight), ("beta", &dbias)])
    }
}

pub fn derivations() -> Vec<Derivation> {
    let (batch, layer) = (Norm::batch(), Norm::layer());
    let compact = batch.clone();
    vec![
        batch
            .derivation("I. batch normalisation", 0)
            .right("staged", move || batch.batchnorm_backward())
            .right("compact", move || compact.batchnorm_compact()),
        layer.derivation("I. layer normalisation", 1).right("loops", move || layer.layernorm_backward()),
    ]
}
