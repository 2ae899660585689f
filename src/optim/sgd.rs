//! Stochastic gradient descent, with momentum.

use super::rule::Settings;
use super::{At, Rule};
use crate::{Element, ElementUpdate, Error, Float, Result, update};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// p = p - lr g, or with momentum v = mu v + (1 - dampening) g, p = p - lr v; Nesterov: p = p - lr (g + mu v).
///
/// g includes weight_decay p. The first velocity is g itself, undamped. Default: lr 0.001. Source: torch.optim.SGD.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, nn::{ParamGrads, Params, Role}, optim::{Sgd, Optimizer}};
/// let (mut params, mut grads) = (Params::<f64>::new(), ParamGrads::new());
/// let w = params.add("w", Role::Weight, Tensor::from([1.0]))?;
/// grads.insert(w, Tensor::from([1.0]));
/// let mut optimizer = Optimizer::from(Sgd::new(0.1).momentum(0.9));
/// optimizer.step(&mut params, &grads);
/// assert!((params[w][[0]] - 0.9).abs() < 1e-15);
/// // The velocity is now 0.9 + 1.
/// optimizer.step(&mut params, &grads);
/// assert!((params[w][[0]] - (0.9 - 0.1 * 1.9)).abs() < 1e-15);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sgd {
    lr: f64,
    momentum: f64,
    dampening: f64,
    nesterov: bool,
    weight_decay: f64,
}

impl Default for Sgd {
    fn default() -> Self {
        Self::new(1e-3)
    }
}

impl Sgd {
    /// Plain gradient descent.
    pub fn new(lr: f64) -> Self {
        Self { lr, momentum: 0.0, dampening: 0.0, nesterov: false, weight_decay: 0.0 }
    }
    /// Sets mu, the momentum: v = mu v + (1 - dampening) g; 0 unless set.
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }
    /// Sets the dampening of g in the velocity, in [0, 1]; 0 unless set.
    pub fn dampening(mut self, dampening: f64) -> Self {
        self.dampening = dampening;
        self
    }
    /// Takes Nesterov's look-ahead: p = p - lr (g + mu v).
    pub fn nesterov(mut self) -> Self {
        self.nesterov = true;
        self
    }
    /// Sets the L2 decay, added to the gradient: g = g + weight_decay p; 0 unless set.
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = weight_decay;
        self
    }
}

impl<T: Element> Rule<T> for Sgd {
    fn name(&self) -> &'static str {
        "sgd"
    }
    fn learning_rate(&self) -> f64 {
        self.lr
    }
    fn weight_decay(&self) -> f64 {
        self.weight_decay
    }
    fn slots(&self) -> Vec<&'static str> {
        if self.momentum == 0.0 { Vec::new() } else { vec!["velocity"] }
    }
    fn is_elementwise(&self) -> bool {
        true
    }
    #[inline(never)]
    fn update(&self, at: At, parameter: &mut [T], gradient: &[T], slots: &mut [&mut [T]], _: &mut [f64]) {
        let first = at.step == 1;
        match slots {
            [velocity] => {
                let rule = Momentum {
                    rate: at.learning_rate,
                    weight_decay: at.weight_decay,
                    momentum: if first { 0.0 } else { self.momentum },
                    fresh: if first { 1.0 } else { 1.0 - self.dampening },
                    ahead: if self.nesterov { self.momentum } else { 1.0 },
                    direct: if self.nesterov { 1.0 } else { 0.0 },
                };
                update(&rule, parameter, gradient, [velocity]);
            }
            _ => update(&Plain { rate: at.learning_rate, weight_decay: at.weight_decay }, parameter, gradient, []),
        }
    }
    #[inline(never)]
    fn config(&self) -> Json {
        json!(self)
    }
    #[inline(never)]
    fn validate(&self) -> Result<()> {
        Settings("sgd")
            .rate(self.lr)?
            .at_most_one("momentum", self.momentum)?
            .at_most_one("dampening", self.dampening)?
            .not_negative("weight_decay", self.weight_decay)?;
        if self.nesterov && (self.momentum == 0.0 || self.dampening != 0.0) {
            return Err(Error::argument(format!(
                "sgd: nesterov needs a momentum above 0 and no dampening, got momentum {} and dampening {}",
                self.momentum, self.dampening
            )));
        }
        Ok(())
    }
}

struct Plain {
    rate: f64,
    weight_decay: f64,
}

impl ElementUpdate<0> for Plain {
    #[inline(always)]
    fn apply<F: Float>(&self, p: F, g: F, _: [F; 0]) -> (F, [F; 0]) {
        let g = g + F::lit(self.weight_decay) * p;
        (p - F::lit(self.rate) * g, [])
    }
}

struct Momentum {
    rate: f64,
    weight_decay: f64,
    momentum: f64,
    fresh: f64,
    ahead: f64,
    direct: f64,
}

impl ElementUpdate<1> for Momentum {
    #[inline(always)]
    fn apply<F: Float>(&self, p: F, g: F, [v]: [F; 1]) -> (F, [F; 1]) {
        let g = g + F::lit(self.weight_decay) * p;
        let v = F::lit(self.momentum) * v + F::lit(self.fresh) * g;
        (p - F::lit(self.rate) * (F::lit(self.direct) * g + F::lit(self.ahead) * v), [v])
    }
}
