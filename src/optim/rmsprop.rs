//! RMSProp: steps of the gradient over the root of its mean square.

use super::rule::Settings;
use super::{At, Rule};
use crate::{Element, ElementUpdate, Float, Result, update};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// v = alpha v + (1 - alpha) g^2, p = p - lr g / (sqrt(v) + eps).
///
/// g includes weight_decay p. Centred: m = alpha m + (1 - alpha) g, and v - m^2 stands in the place of v in the root (0 where
/// rounding makes it negative, where PyTorch gives NaN). With momentum: b = mu b + g / (sqrt(v) + eps), p = p - lr b.
/// Defaults: lr 0.01, alpha 0.99, eps 1e-8. Source: Tieleman & Hinton 2012; Graves 2013; torch.optim.RMSprop.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, nn::{ParamGrads, Params, Role}, optim::{RmsProp, Optimizer}};
/// let (mut params, mut grads) = (Params::<f64>::new(), ParamGrads::new());
/// let w = params.add("w", Role::Weight, Tensor::from([1.0]))?;
/// grads.insert(w, Tensor::from([4.0]));
/// Optimizer::from(RmsProp::new(0.1).alpha(0.75)).step(&mut params, &grads);
/// // The mean square starts at 0, so it is a quarter of the gradient's, and its root a half.
/// assert!((params[w][[0]] - (1.0 - 0.1 * 2.0)).abs() < 1e-8);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RmsProp {
    lr: f64,
    alpha: f64,
    eps: f64,
    weight_decay: f64,
    momentum: f64,
    centered: bool,
}

impl Default for RmsProp {
    fn default() -> Self {
        Self::new(1e-2)
    }
}

impl RmsProp {
    /// RMSProp with this learning rate.
    pub fn new(lr: f64) -> Self {
        Self { lr, alpha: 0.99, eps: 1e-8, weight_decay: 0.0, momentum: 0.0, centered: false }
    }
    /// Sets alpha, the factor of the running averages, in [0, 1); 0.99 unless set.
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
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
    /// Sets mu, the momentum: b = mu b + g / (sqrt(v) + eps); 0 unless set.
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }
    /// Divides by the root of the gradient's variance v - m^2 instead of its mean square v.
    pub fn centered(mut self) -> Self {
        self.centered = true;
        self
    }
}

impl<T: Element> Rule<T> for RmsProp {
    fn name(&self) -> &'static str {
        "rmsprop"
    }
    fn learning_rate(&self) -> f64 {
        self.lr
    }
    fn weight_decay(&self) -> f64 {
        self.weight_decay
    }
    fn slots(&self) -> Vec<&'static str> {
        let mut slots = vec!["square"];
        if self.centered {
            slots.push("mean");
        }
        if self.momentum > 0.0 {
            slots.push("velocity");
        }
        slots
    }
    fn is_elementwise(&self) -> bool {
        true
    }
    #[inline(never)]
    fn update(&self, at: At, parameter: &mut [T], gradient: &[T], slots: &mut [&mut [T]], _: &mut [f64]) {
        let scaled = Scaled {
            rate: at.learning_rate,
            weight_decay: at.weight_decay,
            alpha: self.alpha,
            fresh: 1.0 - self.alpha,
            eps: self.eps,
            momentum: self.momentum,
        };
        match (slots, self.centered) {
            ([v], _) => update(&Plain(scaled), parameter, gradient, [v]),
            ([v, m], true) => update(&Centered(scaled), parameter, gradient, [v, m]),
            ([v, b], false) => update(&Momentum(scaled), parameter, gradient, [v, b]),
            ([v, m, b], _) => update(&Momentum(scaled), parameter, gradient, [v, m, b]),
            _ => unreachable!("one to three slots"),
        }
    }
    #[inline(never)]
    fn config(&self) -> Json {
        json!(self)
    }
    #[inline(never)]
    fn validate(&self) -> Result<()> {
        Settings("rmsprop")
            .rate(self.lr)?
            .fraction("alpha", self.alpha)?
            .not_negative("eps", self.eps)?
            .not_negative("weight_decay", self.weight_decay)?
            .at_most_one("momentum", self.momentum)?;
        Ok(())
    }
}

struct Scaled {
    rate: f64,
    weight_decay: f64,
    alpha: f64,
    fresh: f64,
    eps: f64,
    momentum: f64,
}

impl Scaled {
    #[inline(always)]
    fn gradient<F: Float>(&self, p: F, g: F) -> F {
        g + F::lit(self.weight_decay) * p
    }
    #[inline(always)]
    fn square<F: Float>(&self, v: F, g: F) -> F {
        F::lit(self.alpha) * v + F::lit(self.fresh) * g * g
    }
    #[inline(always)]
    fn mean<F: Float>(&self, m: F, g: F) -> F {
        m + F::lit(self.fresh) * (g - m)
    }
    #[inline(always)]
    fn direction<F: Float>(&self, g: F, v: F) -> F {
        g / (v.sqrt() + F::lit(self.eps))
    }
    #[inline(always)]
    fn velocity<F: Float>(&self, b: F, direction: F) -> F {
        F::lit(self.momentum) * b + direction
    }
    #[inline(always)]
    fn step<F: Float>(&self, p: F, direction: F) -> F {
        p - F::lit(self.rate) * direction
    }
}

/// The variance: what is left of the mean square without the square of the mean.
#[inline(always)]
fn variance<F: Float>(v: F, m: F) -> F {
    let variance = v - m * m;
    if variance < F::lit(0.0) { F::lit(0.0) } else { variance }
}

struct Plain(Scaled);
impl ElementUpdate<1> for Plain {
    #[inline(always)]
    fn apply<F: Float>(&self, p: F, g: F, [v]: [F; 1]) -> (F, [F; 1]) {
        let g = self.0.gradient(p, g);
        let v = self.0.square(v, g);
        (self.0.step(p, self.0.direction(g, v)), [v])
    }
}

struct Centered(Scaled);
impl ElementUpdate<2> for Centered {
    #[inline(always)]
    fn apply<F: Float>(&self, p: F, g: F, [v, m]: [F; 2]) -> (F, [F; 2]) {
        let g = self.0.gradient(p, g);
        let (v, m) = (self.0.square(v, g), self.0.mean(m, g));
        (self.0.step(p, self.0.direction(g, variance(v, m))), [v, m])
    }
}

struct Momentum(Scaled);
impl ElementUpdate<2> for Momentum {
    #[inline(always)]
    fn apply<F: Float>(&self, p: F, g: F, [v, b]: [F; 2]) -> (F, [F; 2]) {
        let g = self.0.gradient(p, g);
        let v = self.0.square(v, g);
        let b = self.0.velocity(b, self.0.direction(g, v));
        (self.0.step(p, b), [v, b])
    }
}
impl ElementUpdate<3> for Momentum {
    #[inline(always)]
    fn apply<F: Float>(&self, p: F, g: F, [v, m, b]: [F; 3]) -> (F, [F; 3]) {
        let g = self.0.gradient(p, g);
        let (v, m) = (self.0.square(v, g), self.0.mean(m, g));
        let b = self.0.velocity(b, self.0.direction(g, variance(v, m)));
        (self.0.step(p, b), [v, m, b])
    }
}
