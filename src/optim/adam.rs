//! Adam, AMSGrad and AdamW: steps of the averaged gradient over the root of the averaged square.

use super::rule::Settings;
use super::{At, Rule};
use crate::{Element, ElementUpdate, Float, Result, update};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, p = p - lr m' / (sqrt(v') + eps).
///
/// m' = m / (1 - b1^t) and v' = v / (1 - b2^t) at update t; g includes weight_decay p. AMSGrad puts the largest v so far,
/// before the correction, in the place of v. Defaults: lr 0.001, betas 0.9 and 0.999, eps 1e-8. Source: Kingma & Ba 2015;
/// Reddi, Kale & Kumar 2018; the order of operations is torch.optim.Adam's.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, nn::{ParamGrads, Params, Role}, optim::{Adam, Optimizer}};
/// let (mut params, mut grads) = (Params::<f64>::new(), ParamGrads::new());
/// let w = params.add("w", Role::Weight, Tensor::from([1.0, 1.0]))?;
/// grads.insert(w, Tensor::from([0.01, -100.0]));
/// Optimizer::from(Adam::new(0.1)).step(&mut params, &grads);
/// // The first step is as long as the rate, whatever the gradient's size.
/// assert!((params[w][[0]] - 0.9).abs() < 1e-6 && (params[w][[1]] - 1.1).abs() < 1e-6);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adam {
    lr: f64,
    betas: (f64, f64),
    eps: f64,
    weight_decay: f64,
    amsgrad: bool,
    decoupled_weight_decay: bool,
}

impl Default for Adam {
    fn default() -> Self {
        Self::new(1e-3)
    }
}

impl Adam {
    /// Adam with this learning rate.
    pub fn new(lr: f64) -> Self {
        Self { lr, betas: (0.9, 0.999), eps: 1e-8, weight_decay: 0.0, amsgrad: false, decoupled_weight_decay: false }
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
    /// Divides by the largest average of squares so far, AMSGrad.
    pub fn amsgrad(mut self) -> Self {
        self.amsgrad = true;
        self
    }
    /// Shrinks weights directly, p = (1 - lr weight_decay) p, instead of through the gradient, which makes it [`AdamW`].
    pub fn decoupled_weight_decay(mut self) -> Self {
        self.decoupled_weight_decay = true;
        self
    }
}

impl<T: Element> Rule<T> for Adam {
    fn name(&self) -> &'static str {
        "adam"
    }
    fn learning_rate(&self) -> f64 {
        self.lr
    }
    fn weight_decay(&self) -> f64 {
        self.weight_decay
    }
    fn slots(&self) -> Vec<&'static str> {
        slots(self.amsgrad)
    }
    fn is_elementwise(&self) -> bool {
        true
    }
    #[inline(never)]
    fn update(&self, at: At, parameter: &mut [T], gradient: &[T], slots: &mut [&mut [T]], _: &mut [f64]) {
        Moments::new(at, self.betas, self.eps, self.decoupled_weight_decay).run(parameter, gradient, slots);
    }
    #[inline(never)]
    fn config(&self) -> Json {
        json!(self)
    }
    #[inline(never)]
    fn validate(&self) -> Result<()> {
        validate("adam", self.lr, self.betas, self.eps, self.weight_decay)
    }
}

/// [`Adam`] with weights shrunk directly: p = (1 - lr weight_decay) p, then Adam's step.
///
/// Defaults: as Adam's, with weight_decay 0.01. Source: Loshchilov & Hutter 2019; torch.optim.AdamW.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, nn::{ParamGrads, Params, Role}, optim::{AdamW, Optimizer}};
/// let (mut params, mut grads) = (Params::<f64>::new(), ParamGrads::new());
/// let w = params.add("w", Role::Weight, Tensor::from([1.0]))?;
/// grads.insert(w, Tensor::from([0.0]));
/// // Without a gradient, what is left is the decay: 1 - 0.1 * 0.5.
/// Optimizer::from(AdamW::new(0.1).weight_decay(0.5)).step(&mut params, &grads);
/// assert!((params[w][[0]] - 0.95).abs() < 1e-15);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamW {
    lr: f64,
    betas: (f64, f64),
    eps: f64,
    weight_decay: f64,
    amsgrad: bool,
}

impl Default for AdamW {
    fn default() -> Self {
        Self::new(1e-3)
    }
}

impl AdamW {
    /// AdamW with this learning rate.
    pub fn new(lr: f64) -> Self {
        Self { lr, betas: (0.9, 0.999), eps: 1e-8, weight_decay: 0.01, amsgrad: false }
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
    /// Sets the decoupled decay: each update first takes p = (1 - lr weight_decay) p.
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = weight_decay;
        self
    }
    /// Divides by the largest average of squares so far, AMSGrad.
    pub fn amsgrad(mut self) -> Self {
        self.amsgrad = true;
        self
    }
}

impl<T: Element> Rule<T> for AdamW {
    fn name(&self) -> &'static str {
        "adamw"
    }
    fn learning_rate(&self) -> f64 {
        self.lr
    }
    fn weight_decay(&self) -> f64 {
        self.weight_decay
    }
    fn slots(&self) -> Vec<&'static str> {
        slots(self.amsgrad)
    }
    fn is_elementwise(&self) -> bool {
        true
    }
    #[inline(never)]
    fn update(&self, at: At, parameter: &mut [T], gradient: &[T], slots: &mut [&mut [T]], _: &mut [f64]) {
        Moments::new(at, self.betas, self.eps, true).run(parameter, gradient, slots);
    }
    #[inline(never)]
    fn config(&self) -> Json {
        json!(self)
    }
    #[inline(never)]
    fn validate(&self) -> Result<()> {
        validate("adamw", self.lr, self.betas, self.eps, self.weight_decay)
    }
}

fn slots(amsgrad: bool) -> Vec<&'static str> {
    if amsgrad { vec!["mean", "square", "largest"] } else { vec!["mean", "square"] }
}

#[inline(never)]
fn validate(name: &'static str, lr: f64, betas: (f64, f64), eps: f64, weight_decay: f64) -> Result<()> {
    Settings(name).rate(lr)?.betas(betas)?.not_negative("eps", eps)?.not_negative("weight_decay", weight_decay)?;
    Ok(())
}

/// The step, with everything that is the same for all elements worked out.
struct Moments {
    /// The decay that goes into the gradient.
    pull: f64,
    /// What decoupled decay leaves of a weight.
    keep: f64,
    beta2: f64,
    fresh1: f64,
    fresh2: f64,
    rate: f64,
    correction: f64,
    eps: f64,
}

impl Moments {
    fn new(at: At, (beta1, beta2): (f64, f64), eps: f64, decoupled: bool) -> Self {
        let (correction1, correction2) = (at.correction(beta1), at.correction(beta2));
        Self {
            pull: if decoupled { 0.0 } else { at.weight_decay },
            keep: if decoupled { 1.0 - at.learning_rate * at.weight_decay } else { 1.0 },
            beta2,
            fresh1: 1.0 - beta1,
            fresh2: 1.0 - beta2,
            rate: at.learning_rate / correction1,
            correction: 1.0 / correction2.sqrt(),
            eps,
        }
    }

    fn run<T: Element>(&self, parameter: &mut [T], gradient: &[T], slots: &mut [&mut [T]]) {
        match slots {
            [m, v] => update(self, parameter, gradient, [m, v]),
            [m, v, largest] => update(self, parameter, gradient, [m, v, largest]),
            _ => unreachable!("two or three slots"),
        }
    }

    #[inline(always)]
    fn averages<F: Float>(&self, p: F, g: F, m: F, v: F) -> (F, F) {
        let g = g + F::lit(self.pull) * p;
        (m + F::lit(self.fresh1) * (g - m), F::lit(self.beta2) * v + F::lit(self.fresh2) * g * g)
    }

    #[inline(always)]
    fn step<F: Float>(&self, p: F, m: F, v: F) -> F {
        let root = v.sqrt() * F::lit(self.correction) + F::lit(self.eps);
        F::lit(self.keep) * p - F::lit(self.rate) * m / root
    }
}

impl ElementUpdate<2> for Moments {
    #[inline(always)]
    fn apply<F: Float>(&self, p: F, g: F, [m, v]: [F; 2]) -> (F, [F; 2]) {
        let (m, v) = self.averages(p, g, m, v);
        (self.step(p, m, v), [m, v])
    }
}

impl ElementUpdate<3> for Moments {
    #[inline(always)]
    fn apply<F: Float>(&self, p: F, g: F, [m, v, largest]: [F; 3]) -> (F, [F; 3]) {
        let (m, v) = self.averages(p, g, m, v);
        let largest = if v < largest { largest } else { v };
        (self.step(p, m, largest), [m, v, largest])
    }
}
