//! Adamax: Adam by the largest gradient instead of the mean square.

use super::rule::Settings;
use super::{At, Rule};
use crate::{Element, ElementUpdate, Float, Result, update};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// m = b1 m + (1 - b1) g, u = max(b2 u, |g| + eps), p = p - lr / (1 - b1^t) m / u at update t.
///
/// g includes weight_decay p. Defaults: lr 0.002, betas 0.9 and 0.999, eps 1e-8. Source: Kingma & Ba 2015, section 7.1;
/// torch.optim.Adamax.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, nn::{ParamGrads, Params, Role}, optim::{Adamax, Optimizer}};
/// let (mut params, mut grads) = (Params::<f64>::new(), ParamGrads::new());
/// let w = params.add("w", Role::Weight, Tensor::from([1.0]))?;
/// grads.insert(w, Tensor::from([100.0]));
/// let mut optimizer = Optimizer::from(Adamax::new(0.1));
/// optimizer.step(&mut params, &grads);
/// assert!((params[w][[0]] - 0.9).abs() < 1e-9);
/// // A single large gradient is remembered: small ones after it move little.
/// grads.insert(w, Tensor::from([-0.1]));
/// optimizer.step(&mut params, &grads);
/// assert!((params[w][[0]] - 0.9).abs() < 0.1);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adamax {
    lr: f64,
    betas: (f64, f64),
    eps: f64,
    weight_decay: f64,
}

impl Default for Adamax {
    fn default() -> Self {
        Self::new(2e-3)
    }
}

impl Adamax {
    /// Adamax with this learning rate.
    pub fn new(lr: f64) -> Self {
        Self { lr, betas: (0.9, 0.999), eps: 1e-8, weight_decay: 0.0 }
    }
    /// Sets b1 and b2, the factors of the average of g and of the largest |g|, in [0, 1); 0.9 and 0.999 unless set.
    pub fn betas(mut self, beta1: f64, beta2: f64) -> Self {
        self.betas = (beta1, beta2);
        self
    }
    /// Sets eps, added to |g| against division by 0; 1e-8 unless set.
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

impl<T: Element> Rule<T> for Adamax {
    fn name(&self) -> &'static str {
        "adamax"
    }
    fn learning_rate(&self) -> f64 {
        self.lr
    }
    fn weight_decay(&self) -> f64 {
        self.weight_decay
    }
    fn slots(&self) -> Vec<&'static str> {
        vec!["mean", "largest"]
    }
    fn is_elementwise(&self) -> bool {
        true
    }
    #[inline(never)]
    fn update(&self, at: At, parameter: &mut [T], gradient: &[T], slots: &mut [&mut [T]], _: &mut [f64]) {
        let [mean, largest] = slots else { unreachable!("two slots") };
        let (beta1, beta2) = self.betas;
        let scaled = Scaled {
            rate: at.learning_rate / at.correction(beta1),
            weight_decay: at.weight_decay,
            fresh: 1.0 - beta1,
            beta2,
            eps: self.eps,
        };
        update(&scaled, parameter, gradient, [mean, largest]);
    }
    #[inline(never)]
    fn config(&self) -> Json {
        json!(self)
    }
    #[inline(never)]
    fn validate(&self) -> Result<()> {
        Settings("adamax")
            .rate(self.lr)?
            .betas(self.betas)?
            .not_negative("eps", self.eps)?
            .not_negative("weight_decay", self.weight_decay)?;
        Ok(())
    }
}

struct Scaled {
    rate: f64,
    weight_decay: f64,
    fresh: f64,
    beta2: f64,
    eps: f64,
}

impl ElementUpdate<2> for Scaled {
    #[inline(always)]
    fn apply<F: Float>(&self, p: F, g: F, [m, u]: [F; 2]) -> (F, [F; 2]) {
        let g = g + F::lit(self.weight_decay) * p;
        let m = m + F::lit(self.fresh) * (g - m);
        let (faded, now) = (F::lit(self.beta2) * u, g.abs() + F::lit(self.eps));
        // The comparison keeps a NaN of the gradient.
        let u = if now < faded { faded } else { now };
        (p - F::lit(self.rate) * m / u, [m, u])
    }
}
