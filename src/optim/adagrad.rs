//! Adagrad: steps of the gradient over the root of the sum of its squares.

use super::rule::Settings;
use super::{At, Rule};
use crate::{Element, ElementUpdate, Float, Result, update};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// s = s + g^2, p = p - lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps) at update t.
///
/// g includes weight_decay p. Defaults: lr 0.01, eps 1e-10, s = 0 at first. Source: Duchi, Hazan & Singer 2011;
/// torch.optim.Adagrad.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, nn::{ParamGrads, Params, Role}, optim::{Adagrad, Optimizer}};
/// let (mut params, mut grads) = (Params::<f64>::new(), ParamGrads::new());
/// let w = params.add("w", Role::Weight, Tensor::from([1.0]))?;
/// grads.insert(w, Tensor::from([4.0]));
/// let mut optimizer = Optimizer::from(Adagrad::new(0.1));
/// optimizer.step(&mut params, &grads);
/// assert!((params[w][[0]] - 0.9).abs() < 1e-9);
/// // The squares add up, so the second step is shorter, by the root of 2.
/// optimizer.step(&mut params, &grads);
/// assert!((params[w][[0]] - (0.9 - 0.1 / 2f64.sqrt())).abs() < 1e-9);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adagrad {
    lr: f64,
    lr_decay: f64,
    weight_decay: f64,
    initial_accumulator_value: f64,
    eps: f64,
}

impl Default for Adagrad {
    fn default() -> Self {
        Self::new(1e-2)
    }
}

impl Adagrad {
    /// Adagrad with this learning rate.
    pub fn new(lr: f64) -> Self {
        Self { lr, lr_decay: 0.0, weight_decay: 0.0, initial_accumulator_value: 0.0, eps: 1e-10 }
    }
    /// Sets lr_decay, by which the rate falls: lr / (1 + (t - 1) lr_decay) at update t; 0 unless set.
    pub fn lr_decay(mut self, lr_decay: f64) -> Self {
        self.lr_decay = lr_decay;
        self
    }
    /// Sets the L2 decay, added to the gradient: g = g + weight_decay p; 0 unless set.
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = weight_decay;
        self
    }
    /// Sets what s, the sum of squares, starts at; 0 unless set.
    pub fn initial_accumulator_value(mut self, value: f64) -> Self {
        self.initial_accumulator_value = value;
        self
    }
    /// Sets eps, added to the root against division by 0; 1e-10 unless set.
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }
}

impl<T: Element> Rule<T> for Adagrad {
    fn name(&self) -> &'static str {
        "adagrad"
    }
    fn learning_rate(&self) -> f64 {
        self.lr
    }
    fn weight_decay(&self) -> f64 {
        self.weight_decay
    }
    fn slots(&self) -> Vec<&'static str> {
        vec!["sum"]
    }
    fn slot_start(&self, _: usize) -> f64 {
        self.initial_accumulator_value
    }
    fn is_elementwise(&self) -> bool {
        true
    }
    #[inline(never)]
    fn update(&self, at: At, parameter: &mut [T], gradient: &[T], slots: &mut [&mut [T]], _: &mut [f64]) {
        let [sum] = slots else { unreachable!("one slot") };
        let rate = at.learning_rate / (1.0 + (at.step - 1) as f64 * self.lr_decay);
        let step = Scaled { rate, weight_decay: at.weight_decay, eps: self.eps };
        update(&step, parameter, gradient, [sum]);
    }
    #[inline(never)]
    fn config(&self) -> Json {
        json!(self)
    }
    #[inline(never)]
    fn validate(&self) -> Result<()> {
        Settings("adagrad")
            .rate(self.lr)?
            .not_negative("lr_decay", self.lr_decay)?
            .not_negative("weight_decay", self.weight_decay)?
            .not_negative("initial_accumulator_value", self.initial_accumulator_value)?
            .not_negative("eps", self.eps)?;
        Ok(())
    }
}

struct Scaled {
    rate: f64,
    weight_decay: f64,
    eps: f64,
}

impl ElementUpdate<1> for Scaled {
    #[inline(always)]
    fn apply<F: Float>(&self, p: F, g: F, [sum]: [F; 1]) -> (F, [F; 1]) {
        let g = g + F::lit(self.weight_decay) * p;
        let sum = sum + g * g;
        (p - F::lit(self.rate) * g / (sum.sqrt() + F::lit(self.eps)), [sum])
    }
}
