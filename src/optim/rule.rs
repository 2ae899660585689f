//! What an optimiser is made of: the rule for one tensor.

use crate::Element;
use serde_json::Value as Json;

/// Where and how strongly a rule is applied.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct At {
    /// How many updates this parameter has had, this one included: 1, 2, ...
    pub step: u64,
    /// The learning rate: the rule's own times the schedule's, the group's and the parameter's factors.
    pub rate: f64,
    /// The weight decay of this parameter, 0 where it is spared.
    pub weight_decay: f64,
}

/// How one parameter is updated from its gradient.
///
/// The state of a parameter is [`Rule::slots`] tensors of its shape, zero at first, and [`Rule::numbers`] plain numbers.
/// Write the update as an [`ElementUpdate`](crate::ElementUpdate) and run it with [`update`](crate::update): one pass.
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
    /// Updates a parameter in place.
    fn update(&self, at: At, parameter: &mut [T], gradient: &[T], slots: &mut [&mut [T]], numbers: &mut [f64]);
    /// The settings, for checkpoints and reports.
    fn config(&self) -> Json;
    /// An error if a setting makes no sense: a learning rate below or at 0, a factor out of range.
    ///
    /// # Errors
    /// Names the setting, its value, and what would be right.
    fn validate(&self) -> crate::Result<()>;
}
