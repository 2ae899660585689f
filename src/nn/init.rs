//! Initialisers: where weights start.

use crate::{Element, Result, Shape, Tensor};
use rand::Rng;

/// How a parameter starts. Matrices are [inputs, outputs].
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Init {
    /// All zeros.
    Zeros,
    /// All the same.
    Constant(f64),
    /// Uniform in [lo, hi).
    Uniform {
        /// The lower end.
        lo: f64,
        /// The upper end.
        hi: f64,
    },
    /// Normal.
    Normal {
        /// The mean.
        mean: f64,
        /// The standard deviation.
        deviation: f64,
    },
    /// Uniform in +-sqrt(6 / (n_in + n_out)). Source: Glorot & Bengio 2010.
    GlorotUniform,
    /// Normal with variance 2 / n_in. Source: He et al. 2015.
    HeNormal,
}

impl Init {
    /// A tensor of this shape.
    ///
    /// # Errors
    /// An initialiser that a tensor of this shape cannot have.
    pub fn tensor<T: Element>(self, shape: impl Into<Shape>, rng: &mut impl Rng) -> Result<Tensor<T>> {
        let shape = shape.into();
        let n_in = shape.first().copied().unwrap_or(1) as f64;
        let n_out = shape.last().copied().unwrap_or(1) as f64;
        Ok(match self {
            Self::Zeros => Tensor::zeros(shape),
            Self::Constant(value) => Tensor::full(shape, T::from_f64(value)),
            Self::Uniform { lo, hi } => Tensor::uniform(shape, lo, hi, rng),
            Self::Normal { mean, deviation } => Tensor::normal(shape, mean, deviation, rng),
            Self::GlorotUniform => {
                let limit = (6.0 / (n_in + n_out)).sqrt();
                Tensor::uniform(shape, -limit, limit, rng)
            }
            Self::HeNormal => Tensor::normal(shape, 0.0, (2.0 / n_in).sqrt(), rng),
        })
    }
}
