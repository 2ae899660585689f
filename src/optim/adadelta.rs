//! Adadelta: steps with the units of the parameter.

use super::rule::Settings;
use super::{At, Rule};
use crate::{Element, ElementUpdate, Float, Result, update};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// v = rho v + (1 - rho) g^2, d = sqrt(u + eps) / sqrt(v + eps) g, u = rho u + (1 - rho) d^2, p = p - lr d.
///
/// g includes weight_decay p. Defaults: lr 1, rho 0.9, eps 1e-6. Source: Zeiler 2012; torch.optim.Adadelta.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, nn::{ParamGrads, Params, Role}, optim::{Adadelta, Optimizer}};
/// let (mut params, mut grads) = (Params::<f64>::new(), ParamGrads::new());
/// let w = params.add("w", Role::Weight, Tensor::from([1.0, 1.0]))?;
/// grads.insert(w, Tensor::from([1.0, 100.0]));
/// Optimizer::from(Adadelta::new(1.0)).step(&mut params, &grads);
/// // The step has the parameter's units: it does not depend on the gradient's scale.
/// let moved: Vec<f64> = params[w].iter().map(|w| 1.0 - w).collect();
/// assert!(moved[0] > 0.003 && (moved[0] - moved[1]).abs() < 1e-6);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adadelta {
    lr: f64,
    rho: f64,
    eps: f64,
    weight_decay: f64,
}

impl Default for Adadelta {
    fn default() -> Self {
        Self::new(1.0)
    }
}

impl Adadelta {
    /// Adadelta with this learning rate, 1 in the paper.
    pub fn new(lr: f64) -> Self {
        Self { lr, rho: 0.9, eps: 1e-6, weight_decay: 0.0 }
    }
    /// Sets rho, the factor of both running averages, in [0, 1); 0.9 unless set.
    pub fn rho(mut self, rho: f64) -> Self {
        self.rho = rho;
        self
    }
    /// Sets eps, added below both roots; 1e-6 unless set.
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }
    /// Sets the L2 decay, added to the gradient: g = g + weight_decay p; 0 unless set.
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = weight_decay;
        self
    }
}

impl<T: Element> Rule<T> for Adadelta {
    fn name(&self) -> &'static str {
        "adadelta"
    }
    fn learning_rate(&self) -> f64 {
        self.lr
    }
    fn weight_decay(&self) -> f64 {
        self.weight_decay
    }
    fn slots(&self) -> Vec<&'static str> {
        vec!["square", "step"]
    }
    fn is_elementwise(&self) -> bool {
        true
    }
    #[inline(never)]
    fn update(&self, at: At, parameter: &mut [T], gradient: &[T], slots: &mut [&mut [T]], _: &mut [f64]) {
        let [square, step] = slots else { unreachable!("two slots") };
        let scaled = Scaled {
            rate: at.learning_rate,
            weight_decay: at.weight_decay,
            rho: self.rho,
            fresh: 1.0 - self.rho,
            eps: self.eps,
        };
        update(&scaled, parameter, gradient, [square, step]);
    }
    #[inline(never)]
    fn config(&self) -> Json {
        json!(self)
    }
    #[inline(never)]
    fn validate(&self) -> Result<()> {
        Settings("adadelta")
            .rate(self.lr)?
            .fraction("rho", self.rho)?
            .not_negative("eps", self.eps)?
            .not_negative("weight_decay", self.weight_decay)?;
        Ok(())
    }
}

struct Scaled {
    rate: f64,
    weight_decay: f64,
    rho: f64,
    fresh: f64,
    eps: f64,
}

impl ElementUpdate<2> for Scaled {
    #[inline(always)]
    fn apply<F: Float>(&self, p: F, g: F, [v, u]: [F; 2]) -> (F, [F; 2]) {
        let (rho, fresh, eps) = (F::lit(self.rho), F::lit(self.fresh), F::lit(self.eps));
        let g = g + F::lit(self.weight_decay) * p;
        let v = rho * v + fresh * g * g;
        let d = (u + eps).sqrt() / (v + eps).sqrt() * g;
        (p - F::lit(self.rate) * d, [v, rho * u + fresh * d * d])
    }
}
