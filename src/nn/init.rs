//! Initialisers: where weights start.

use crate::{Element, Error, IntoShape, Result, Shape, Tensor};
use rand::Rng;

/// How a parameter starts. Matrices are [inputs, outputs]; a tensor of more axes has its outputs on the last, a vector as
/// many inputs as outputs.
///
/// # Examples
/// ```
/// use rand::SeedableRng;
/// use rand_chacha::ChaCha8Rng;
/// use retrograd::{Tensor, nn::Init};
/// let q: Tensor<f64> = Init::Orthogonal { gain: 1.0 }.tensor([5, 3], &mut ChaCha8Rng::seed_from_u64(1))?;
/// let identity = q.t().matmul(&q);
/// assert!((identity - Tensor::eye(3)).abs().max(()).item() < 1e-14);
/// # Ok::<(), retrograd::Error>(())
/// ```
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
    /// Normal with variance 2 / (n_in + n_out). Source: Glorot & Bengio 2010.
    GlorotNormal,
    /// Uniform in +-sqrt(6 / n_in). Source: He et al. 2015.
    HeUniform,
    /// Normal with variance 2 / n_in. Source: He et al. 2015.
    HeNormal,
    /// Uniform in +-sqrt(3 / n_in). Source: LeCun et al. 1998, Efficient BackProp.
    LecunUniform,
    /// Normal with variance 1 / n_in. Source: LeCun et al. 1998; Klambauer et al. 2017 ask for it before selu.
    LecunNormal,
    /// Uniform in +-1 / sqrt(n_in), variance 1 / (3 n_in): how PyTorch starts the weights and biases of Linear; there it is He's
    /// uniform law with a = sqrt 5. A [`Dense`](super::Dense) layer's biases go by the layer's inputs.
    /// Source: torch.nn.Linear.
    Torch,
    /// A random orthogonal matrix, times the gain: Q'Q = gain^2 I, or QQ' where there are more columns than rows. Uniform
    /// among them. Source: Saxe et al. 2014.
    Orthogonal {
        /// What all singular values are.
        gain: f64,
    },
}

impl Init {
    /// Nielsen's weights: normal, divided by sqrt(n_in). The same law as [`Init::LecunNormal`].
    ///
    /// Source: Neural Networks and Deep Learning, chapter 3.
    pub const NIELSEN: Self = Self::LecunNormal;
    /// Nielsen's first weights and biases, which he calls large: N(0, 1). Source: the same, chapter 1.
    pub const NIELSEN_LARGE: Self = Self::Normal { mean: 0.0, deviation: 1.0 };

    /// Uniform in [lo, hi).
    pub fn uniform(lo: f64, hi: f64) -> Self {
        Self::Uniform { lo, hi }
    }
    /// Normal with this mean and standard deviation.
    pub fn normal(mean: f64, deviation: f64) -> Self {
        Self::Normal { mean, deviation }
    }
    /// A random orthogonal matrix.
    pub fn orthogonal() -> Self {
        Self::Orthogonal { gain: 1.0 }
    }

    /// The law of a bias in a layer of so many inputs, which its own shape does not say.
    pub(super) fn of_bias(self, inputs: usize) -> Self {
        match self {
            Self::Torch => {
                let limit = 1.0 / (inputs as f64).sqrt();
                Self::Uniform { lo: -limit, hi: limit }
            }
            other => other,
        }
    }

    /// A tensor of this shape.
    ///
    /// # Errors
    /// Ends or a deviation that are not finite or in the wrong order; [`Init::Orthogonal`] for anything but a matrix; more
    /// elements than the system has memory for.
    pub fn tensor<T: Element>(self, shape: impl IntoShape, rng: &mut impl Rng) -> Result<Tensor<T>> {
        let shape = shape.into_shape()?;
        self.check(&shape)?;
        Shape::fitting::<T>("init", &shape)?;
        let (n_in, n_out) = fans(&shape);
        let symmetric = |limit: f64| Self::Uniform { lo: -limit, hi: limit };
        let centred = |variance: f64| Self::Normal { mean: 0.0, deviation: variance.sqrt() };
        let plain = match self {
            Self::GlorotUniform => symmetric((6.0 / (n_in + n_out)).sqrt()),
            Self::HeUniform => symmetric((6.0 / n_in).sqrt()),
            Self::LecunUniform => symmetric((3.0 / n_in).sqrt()),
            Self::Torch => symmetric((1.0 / n_in).sqrt()),
            Self::GlorotNormal => centred(2.0 / (n_in + n_out)),
            Self::HeNormal => centred(2.0 / n_in),
            Self::LecunNormal => centred(1.0 / n_in),
            other => other,
        };
        Ok(match plain {
            Self::Constant(value) => Tensor::full(shape, T::from_f64(value)),
            Self::Uniform { lo, hi } => Tensor::uniform(shape, lo, hi, rng),
            Self::Normal { mean, deviation } => Tensor::normal(shape, mean, deviation, rng),
            Self::Orthogonal { gain } => orthogonal(shape[0], shape[1], gain, rng),
            _ => Tensor::zeros(shape),
        })
    }

    /// An error unless a tensor of this shape can start so.
    pub(super) fn check(self, shape: &Shape) -> Result<()> {
        let wrong = match self {
            Self::Constant(value) if !value.is_finite() => format!("a constant is finite, got {value}"),
            Self::Uniform { lo, hi } if !(lo <= hi && (hi - lo).is_finite()) => {
                format!("uniform needs finite lo <= hi, got {lo} and {hi}")
            }
            Self::Normal { mean, deviation } if !(mean.is_finite() && deviation >= 0.0 && deviation.is_finite()) => {
                format!("normal needs a finite mean and a deviation of 0 or more, got {mean} and {deviation}")
            }
            Self::Orthogonal { gain } if !gain.is_finite() => format!("a gain is finite, got {gain}"),
            Self::Orthogonal { .. } if shape.rank() != 2 => {
                return Err(Error::shape(format!("init: orthogonal makes matrices, not the shape {shape}")));
            }
            _ => return Ok(()),
        };
        Err(Error::argument(format!("init: {wrong}")))
    }
}

/// How many inputs and outputs a weight of this shape connects; at least 1, so that laws stay finite.
fn fans(shape: &Shape) -> (f64, f64) {
    let n_out = shape.last().copied().unwrap_or(1).max(1);
    let n_in = if shape.rank() > 1 { shape[..shape.rank() - 1].iter().product::<usize>().max(1) } else { n_out };
    (n_in as f64, n_out as f64)
}

/// Q of the QR decomposition of a normal matrix, with a positive diagonal in R, which makes Q uniform among orthogonal
/// matrices (Mezzadri 2007). Gram-Schmidt, twice over, is orthogonal to rounding.
fn orthogonal<T: Element>(rows: usize, columns: usize, gain: f64, rng: &mut impl Rng) -> Tensor<T> {
    // The vectors to make orthonormal are the columns of a tall matrix, the rows of a wide one.
    let (count, length) = (rows.min(columns), rows.max(columns));
    let mut vectors: Vec<Vec<f64>> = Vec::with_capacity(count);
    for _ in 0..count {
        let mut v = Tensor::<f64>::normal([length], 0.0, 1.0, rng).into_vec();
        for _ in 0..2 {
            for earlier in &vectors {
                let along: f64 = v.iter().zip(earlier).map(|(a, b)| a * b).sum();
                v.iter_mut().zip(earlier).for_each(|(a, b)| *a -= along * b);
            }
        }
        let norm = v.iter().map(|a| a * a).sum::<f64>().sqrt();
        v.iter_mut().for_each(|a| *a /= norm);
        vectors.push(v);
    }
    let tall = rows >= columns;
    Tensor::from_fn([rows, columns], |index| {
        let (i, j) = if tall { (index[1], index[0]) } else { (index[0], index[1]) };
        T::from_f64(gain * vectors[i][j])
    })
}
