//! NAdam: Adam with Nesterov's look-ahead.

use super::rule::Settings;
use super::{At, Rule};
use crate::{Element, ElementUpdate, Float, Result, update};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// Adam's averages m and v, and p = p - lr (m_next m / (1 - M m_next) + (1 - mu) g / (1 - M)) / (sqrt(v') + eps).
///
/// At update t: mu = b1 (1 - 0.96^(t momentum_decay) / 2), m_next the same at t + 1, M the product of all mu so far,
/// v' = v / (1 - b2^t). g includes weight_decay p, unless the decay is decoupled: then p = (1 - lr weight_decay) p before the
/// step. Defaults: lr 0.002, betas 0.9 and 0.999, eps 1e-8, momentum_decay 0.004. Source: Dozat 2016; torch.optim.NAdam,
/// which keeps M in single precision.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, nn::{ParamGrads, Params, Role}, optim::{NAdam, Optimizer}};
/// let (mut params, mut grads) = (Params::<f64>::new(), ParamGrads::new());
/// let w = params.add("w", Role::Weight, Tensor::from([1.0]))?;
/// grads.insert(w, Tensor::from([2.0]));
/// Optimizer::from(NAdam::new(0.1)).step(&mut params, &grads);
/// // It looks ahead, so its first step is a little longer than Adam's 0.1.
/// let moved = 1.0 - params[w][[0]];
/// assert!(moved > 0.1 && moved < 0.11);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NAdam {
    lr: f64,
    betas: (f64, f64),
    eps: f64,
    weight_decay: f64,
    momentum_decay: f64,
    decoupled_weight_decay: bool,
}

impl Default for NAdam {
    fn default() -> Self {
        Self::new(2e-3)
    }
}

impl NAdam {
    /// NAdam with this learning rate.
    pub fn new(lr: f64) -> Self {
        Self {
            lr,
            betas: (0.9, 0.999),
            eps: 1e-8,
            weight_decay: 0.0,
            momentum_decay: 4e-3,
            decoupled_weight_decay: false,
        }
    }
    /// Sets b1 and b2, the factors of the averages of g and g^2, in [0, 1); 0.9 and 0.999 unless set.
    pub fn betas(mut self, beta1: f64, beta2: f64) -> Self {
        self.betas = (beta1, beta2);
        self
    }
    /// Sets eps, added to the root against division by 0; 1e-8 unless set.
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }
    /// Sets the L2 decay, added to the gradient: g = g + weight_decay p; 0 unless set.
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = weight_decay;
        self
    }
    /// Sets momentum_decay, the speed at which the momentum grows; 0.004 unless set.
    pub fn momentum_decay(mut self, momentum_decay: f64) -> Self {
        self.momentum_decay = momentum_decay;
        self
    }
    /// Shrinks weights directly, p = (1 - lr weight_decay) p, instead of through the gradient.
    pub fn decoupled_weight_decay(mut self) -> Self {
        self.decoupled_weight_decay = true;
        self
    }
}

impl<T: Element> Rule<T> for NAdam {
    fn name(&self) -> &'static str {
        "nadam"
    }
    fn learning_rate(&self) -> f64 {
        self.lr
    }
    fn weight_decay(&self) -> f64 {
        self.weight_decay
    }
    fn slots(&self) -> Vec<&'static str> {
        vec!["mean", "square"]
    }
    fn numbers(&self) -> Vec<f64> {
        vec![1.0]
    }
    fn is_elementwise(&self) -> bool {
        true
    }
    #[inline(never)]
    fn update(&self, at: At, parameter: &mut [T], gradient: &[T], slots: &mut [&mut [T]], numbers: &mut [f64]) {
        let ([mean, square], [product]) = (slots, numbers) else { unreachable!("two slots and a number") };
        let (beta1, beta2) = self.betas;
        let momentum = |t: u64| beta1 * (1.0 - 0.5 * 0.96f64.powf(t as f64 * self.momentum_decay));
        let (mu, next) = (momentum(at.step), momentum(at.step + 1));
        *product *= mu;
        let decoupled = self.decoupled_weight_decay;
        let step = Nesterov {
            pull: if decoupled { 0.0 } else { at.weight_decay },
            keep: if decoupled { 1.0 - at.learning_rate * at.weight_decay } else { 1.0 },
            fresh1: 1.0 - beta1,
            beta2,
            fresh2: 1.0 - beta2,
            correction: 1.0 / at.correction(beta2),
            eps: self.eps,
            gradient: at.learning_rate * (1.0 - mu) / (1.0 - *product),
            mean: at.learning_rate * next / (1.0 - *product * next),
        };
        update(&step, parameter, gradient, [mean, square]);
    }
    #[inline(never)]
    fn config(&self) -> Json {
        json!(self)
    }
    #[inline(never)]
    fn validate(&self) -> Result<()> {
        Settings("nadam")
            .rate(self.lr)?
            .betas(self.betas)?
            .not_negative("eps", self.eps)?
            .not_negative("weight_decay", self.weight_decay)?
            .not_negative("momentum_decay", self.momentum_decay)?;
        Ok(())
    }
}

struct Nesterov {
    pull: f64,
    keep: f64,
    fresh1: f64,
    beta2: f64,
    fresh2: f64,
    correction: f64,
    eps: f64,
    gradient: f64,
    mean: f64,
}

impl ElementUpdate<2> for Nesterov {
    #[inline(always)]
    fn apply<F: Float>(&self, p: F, g: F, [m, v]: [F; 2]) -> (F, [F; 2]) {
        let g = g + F::lit(self.pull) * p;
        let m = m + F::lit(self.fresh1) * (g - m);
        let v = F::lit(self.beta2) * v + F::lit(self.fresh2) * g * g;
        let root = (v * F::lit(self.correction)).sqrt() + F::lit(self.eps);
        (F::lit(self.keep) * p - (F::lit(self.gradient) * g + F::lit(self.mean) * m) / root, [m, v])
    }
}
