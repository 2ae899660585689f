//! Lion: steps of one length, by the sign of the averaged gradient.

use super::rule::Settings;
use super::{At, Rule};
use crate::{Element, ElementUpdate, Float, Result, update};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// p = (1 - lr weight_decay) p - lr sign(b1 m + (1 - b1) g), then m = b2 m + (1 - b2) g.
///
/// The sign of 0 is 0. Defaults: lr 0.0001, betas 0.9 and 0.99. Source: Chen et al. 2023, Symbolic Discovery of Optimization
/// Algorithms, algorithm 2.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, nn::{ParamGrads, Params, Role}, optim::{Lion, Optimizer}};
/// let (mut params, mut grads) = (Params::<f64>::new(), ParamGrads::new());
/// let w = params.add("w", Role::Weight, Tensor::from([1.0, 1.0]))?;
/// grads.insert(w, Tensor::from([0.01, -100.0]));
/// Optimizer::from(Lion::new(0.1)).step(&mut params, &grads);
/// // By the sign alone.
/// assert_eq!(params[w].to_vec(), [0.9, 1.1]);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lion {
    lr: f64,
    betas: (f64, f64),
    weight_decay: f64,
}

impl Default for Lion {
    fn default() -> Self {
        Self::new(1e-4)
    }
}

impl Lion {
    /// Lion with this learning rate; a third to a tenth of what suits Adam.
    pub fn new(lr: f64) -> Self {
        Self { lr, betas: (0.9, 0.99), weight_decay: 0.0 }
    }
    /// Sets b1 and b2, the factors of the average in the step and of the average that is kept, in [0, 1); 0.9 and 0.99 unless set.
    pub fn betas(mut self, beta1: f64, beta2: f64) -> Self {
        self.betas = (beta1, beta2);
        self
    }
    /// Sets the decoupled decay: each update takes (1 - lr weight_decay) p in the place of p.
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = weight_decay;
        self
    }
}

impl<T: Element> Rule<T> for Lion {
    fn name(&self) -> &'static str {
        "lion"
    }
    fn learning_rate(&self) -> f64 {
        self.lr
    }
    fn weight_decay(&self) -> f64 {
        self.weight_decay
    }
    fn slots(&self) -> Vec<&'static str> {
        vec!["mean"]
    }
    fn is_elementwise(&self) -> bool {
        true
    }
    #[inline(never)]
    fn update(&self, at: At, parameter: &mut [T], gradient: &[T], slots: &mut [&mut [T]], _: &mut [f64]) {
        let [mean] = slots else { unreachable!("one slot") };
        let (beta1, beta2) = self.betas;
        let step = Sign {
            rate: at.learning_rate,
            keep: 1.0 - at.learning_rate * at.weight_decay,
            beta1,
            fresh1: 1.0 - beta1,
            beta2,
            fresh2: 1.0 - beta2,
        };
        update(&step, parameter, gradient, [mean]);
    }
    #[inline(never)]
    fn config(&self) -> Json {
        json!(self)
    }
    #[inline(never)]
    fn validate(&self) -> Result<()> {
        Settings("lion").rate(self.lr)?.betas(self.betas)?.not_negative("weight_decay", self.weight_decay)?;
        Ok(())
    }
}

struct Sign {
    rate: f64,
    keep: f64,
    beta1: f64,
    fresh1: f64,
    beta2: f64,
    fresh2: f64,
}

impl ElementUpdate<1> for Sign {
    #[inline(always)]
    fn apply<F: Float>(&self, p: F, g: F, [m]: [F; 1]) -> (F, [F; 1]) {
        let direction = F::lit(self.beta1) * m + F::lit(self.fresh1) * g;
        let rate = F::lit(self.rate);
        // A direction of 0 gives 0, and NaN gives NaN.
        let step = if direction > F::lit(0.0) {
            rate
        } else if direction < F::lit(0.0) {
            -rate
        } else {
            direction
        };
        (F::lit(self.keep) * p - step, [F::lit(self.beta2) * m + F::lit(self.fresh2) * g])
    }
}
