//! What an optimiser is made of: the rule for one tensor.

use crate::{Element, Error, Result};
use serde_json::Value as Json;

/// Where and how strongly a rule is applied.
///
/// # Examples
/// ```
/// use retrograd::optim::{At, Rule, Sgd};
/// let at = At { step: 2, learning_rate: 0.5, weight_decay: 0.0 };
/// assert!((at.correction(0.9) - (1.0 - 0.81)).abs() < 1e-15);
/// let mut parameter = [1.0, 1.0];
/// Sgd::new(0.5).update(at, &mut parameter, &[1.0, -2.0], &mut [], &mut []);
/// assert_eq!(parameter, [0.5, 2.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct At {
    /// How many updates this parameter has had, this one included: 1, 2, ...
    pub step: u64,
    /// The learning rate: the rule's own times the schedule's, the group's and the parameter's factors.
    pub learning_rate: f64,
    /// The weight decay of this parameter, 0 where it is spared.
    pub weight_decay: f64,
}

impl At {
    /// What an average that started at 0 must be divided by: 1 - beta^step.
    pub fn correction(&self, beta: f64) -> f64 {
        1.0 - beta.powf(self.step as f64)
    }
}

/// How one parameter is updated from its gradient.
///
/// The state of a parameter is [`Rule::slots`] tensors of its shape, zero at first, and [`Rule::numbers`] plain numbers.
/// Write the update as an [`ElementUpdate`](crate::ElementUpdate) and run it with [`update`](crate::update): one pass.
///
/// # Examples
/// ```
/// use retrograd::optim::{At, Optimizer, Rule};
/// use retrograd::{Error, Result, Tensor, nn::{ParamGrads, Params, Role}, serde_json::{Value, json}};
///
/// /// By the sign of the gradient alone.
/// struct SignDescent {
///     rate: f64,
/// }
/// impl Rule<f64> for SignDescent {
///     fn name(&self) -> &'static str {
///         "sign_descent"
///     }
///     fn learning_rate(&self) -> f64 {
///         self.rate
///     }
///     fn update(&self, at: At, parameter: &mut [f64], gradient: &[f64], _: &mut [&mut [f64]], _: &mut [f64]) {
///         for (p, g) in parameter.iter_mut().zip(gradient) {
///             *p -= at.learning_rate * g.signum();
///         }
///     }
///     fn config(&self) -> Value {
///         json!({ "rate": self.rate })
///     }
///     fn validate(&self) -> Result<()> {
///         if self.rate > 0.0 { Ok(()) } else { Err(Error::argument("sign_descent: the rate must be above 0")) }
///     }
/// }
///
/// let (mut params, mut grads) = (Params::<f64>::new(), ParamGrads::new());
/// let w = params.add("w", Role::Weight, Tensor::from([1.0, 1.0]))?;
/// grads.insert(w, Tensor::from([0.1, -7.0]));
/// Optimizer::new(SignDescent { rate: 0.5 }).step(&mut params, &grads);
/// assert_eq!(params[w].to_vec(), [0.5, 1.5]);
/// # Ok::<(), retrograd::Error>(())
/// ```
pub trait Rule<T: Element>: Send + Sync {
    /// The rule's name, `adam`.
    fn name(&self) -> &'static str;
    /// The learning rate before schedules and factors.
    fn learning_rate(&self) -> f64;
    /// The weight decay of parameters that are not spared.
    fn weight_decay(&self) -> f64 {
        0.0
    }
    /// The names of the state's tensors.
    fn slots(&self) -> Vec<&'static str> {
        Vec::new()
    }
    /// The first values of the state's tensors, in the order of [`Rule::slots`].
    fn slot_start(&self, slot: usize) -> f64 {
        let _ = slot;
        0.0
    }
    /// The first values of the state's numbers.
    fn numbers(&self) -> Vec<f64> {
        Vec::new()
    }
    /// Whether each element is updated by itself, from its own gradient and state, so that parameters of many models may be updated in
    /// one call. A rule that looks at a whole parameter, as at its norm, is not; nor is one whose numbers depend on gradients.
    fn is_elementwise(&self) -> bool {
        false
    }
    /// Updates a parameter in place.
    fn update(&self, at: At, parameter: &mut [T], gradient: &[T], slots: &mut [&mut [T]], numbers: &mut [f64]);
    /// The settings, for checkpoints and reports.
    fn config(&self) -> Json;
    /// An error if a setting makes no sense: a learning rate below or at 0, a factor out of range.
    ///
    /// # Errors
    /// Names the setting, its value, and what would be right.
    fn validate(&self) -> Result<()>;
}

/// Checks of the settings of a rule, one after the other; an error names the rule, the setting and its value.
#[derive(Clone, Copy)]
pub(super) struct Settings(pub &'static str);

impl Settings {
    fn check(self, holds: bool, setting: &str, wanted: &str, value: f64) -> Result<Self> {
        if holds {
            return Ok(self);
        }
        Err(Error::argument(format!("{}: {setting} must be {wanted}, got {value}", self.0)))
    }
    /// The learning rate.
    pub fn rate(self, lr: f64) -> Result<Self> {
        self.check(lr > 0.0 && lr.is_finite(), "lr, the learning rate,", "above 0", lr)
    }
    /// 0 or more.
    pub fn not_negative(self, setting: &str, value: f64) -> Result<Self> {
        self.check(value >= 0.0 && value.is_finite(), setting, "0 or more", value)
    }
    /// The share of the past in an average.
    pub fn fraction(self, setting: &str, value: f64) -> Result<Self> {
        self.check((0.0..1.0).contains(&value), setting, "at least 0 and below 1", value)
    }
    /// Momentum: from 0 to 1.
    pub fn at_most_one(self, setting: &str, value: f64) -> Result<Self> {
        self.check((0.0..=1.0).contains(&value), setting, "from 0 to 1", value)
    }
    /// Both of Adam's factors.
    pub fn betas(self, betas: (f64, f64)) -> Result<Self> {
        self.fraction("betas[0]", betas.0)?.fraction("betas[1]", betas.1)
    }
}
