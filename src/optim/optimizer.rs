//! A rule at work on a model's parameters.

use super::{At, Rule};
use crate::nn::{Param, ParamGrads, ParamKey, Params, Role, matches};
use crate::{Element, Error, Result, Tensor};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use slotmap::SecondaryMap;
use std::ops::Range;

/// An update rule with the state of every parameter.
///
/// Weight decay acts on weights alone; biases, scales and statistics are spared unless [`Optimizer::decay`] or a [`Group`]
/// says otherwise.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, nn::{ParamGrads, Params, Role}, optim::{Group, Optimizer, Sgd}};
/// let (mut params, mut grads) = (Params::<f64>::new(), ParamGrads::new());
/// for name in ["w", "slow"] {
///     let key = params.add(name, Role::Weight, Tensor::from([1.0]))?;
///     grads.insert(key, Tensor::from([1.0]));
/// }
/// let mut optimizer = Optimizer::new(Sgd::new(0.5)).group(Group::new("slow").rate(0.5));
/// optimizer.step(&mut params, &grads);
/// optimizer.set_learning_rate(0.25);
/// optimizer.step(&mut params, &grads);
/// assert_eq!(params.iter().map(|(_, param)| param.value()[[0]]).collect::<Vec<_>>(), [0.25, 0.625]);
/// # Ok::<(), retrograd::Error>(())
/// ```
pub struct Optimizer<T> {
    rule: Box<dyn Rule<T>>,
    groups: Vec<Group>,
    decayed: Vec<Role>,
    state: SecondaryMap<ParamKey, State<T>>,
    /// The learning rate as schedules have set it.
    rate: f64,
    maximize: bool,
}

/// The state of one parameter.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, nn::{ParamGrads, Params, Role}, optim::{Adam, Optimizer}};
/// let (mut params, mut grads) = (Params::<f64>::new(), ParamGrads::new());
/// let w = params.add("w", Role::Weight, Tensor::from([1.0]))?;
/// grads.insert(w, Tensor::from([2.0]));
/// let mut optimizer = Optimizer::from(Adam::new(0.1));
/// optimizer.step(&mut params, &grads);
/// let state = optimizer.state(w).unwrap().clone();
/// assert_eq!((state.step, optimizer.rule().slots().len(), state.slots.len()), (1, 2, 2));
/// // Put into another optimiser, it goes on from there.
/// let mut other = Optimizer::from(Adam::new(0.1));
/// other.set_state(&params, w, state)?;
/// assert!(other.state(w) == optimizer.state(w));
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct State<T> {
    /// How many updates it has had.
    pub step: u64,
    /// The rule's tensors, in the order of [`Rule::slots`].
    pub slots: Vec<Tensor<T>>,
    /// The rule's numbers.
    pub numbers: Vec<f64>,
}

/// Settings for some of the parameters: those whose name the pattern means (a name, or a start of names and `*`), or those of
/// a role. The first group that covers a parameter counts.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, nn::{ParamGrads, Params, Role}, optim::{Group, Optimizer, Sgd}};
/// let (mut params, mut grads) = (Params::<f64>::new(), ParamGrads::new());
/// for name in ["dense1.weight", "embedding.weight"] {
///     let key = params.add(name, Role::Weight, Tensor::from([1.0]))?;
///     grads.insert(key, Tensor::from([0.0]));
/// }
/// let spared = Group::new("embedding*").weight_decay(0.0);
/// Optimizer::new(Sgd::new(0.5).weight_decay(0.5)).group(spared).step(&mut params, &grads);
/// assert_eq!(params.iter().map(|(_, param)| param.value()[[0]]).collect::<Vec<_>>(), [0.75, 1.0]);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    members: Members,
    rate: f64,
    weight_decay: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Members {
    Named(String),
    Role(Role),
}

impl Group {
    /// The group of a name or of names that start alike, `dense1*`; it changes nothing yet.
    pub fn new(pattern: impl Into<String>) -> Self {
        Self { members: Members::Named(pattern.into()), rate: 1.0, weight_decay: None }
    }
    /// The group of all parameters of a role; it changes nothing yet.
    pub fn role(role: Role) -> Self {
        Self { members: Members::Role(role), rate: 1.0, weight_decay: None }
    }
    /// Multiplies the members' learning rate by `factor`; 1 unless set.
    pub fn rate(mut self, factor: f64) -> Self {
        self.rate = factor;
        self
    }
    /// Sets the members' weight decay, whatever their role; the rule's own unless set.
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = Some(weight_decay);
        self
    }

    fn covers<T>(&self, param: &Param<T>) -> bool {
        match &self.members {
            Members::Named(pattern) => matches(pattern, param.name()),
            Members::Role(role) => param.role() == *role,
        }
    }
    fn name(&self) -> String {
        match &self.members {
            Members::Named(pattern) => format!("{pattern:?}"),
            Members::Role(role) => format!("{role:?}").to_lowercase(),
        }
    }
    fn validate<T: Element>(&self, params: &Params<T>) -> Result<()> {
        if !params.iter().any(|(_, param)| param.is_trainable() && self.covers(param)) {
            return Err(match &self.members {
                Members::Named(pattern) if !params.iter().any(|(_, param)| self.covers(param)) => {
                    params.no_such(pattern).within("optimiser's group")
                }
                _ => Error::argument(format!("optimiser's group {}: no parameter of it is trained", self.name())),
            });
        }
        for (what, value) in [("a rate's factor", self.rate), ("weight decay", self.weight_decay.unwrap_or(0.0))] {
            if !(value >= 0.0 && value.is_finite()) {
                let group = self.name();
                return Err(Error::argument(format!("optimiser's group {group}: {what} is 0 or more, got {value}")));
            }
        }
        Ok(())
    }
}

/// An optimiser's settings as they are written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    rule: String,
    settings: Json,
    rate: f64,
    groups: Vec<Group>,
    decayed: Vec<Role>,
    maximize: bool,
}

/// The built-in rules serve wherever an optimiser is wanted; a rule of your own goes through [`Optimizer::new`].
macro_rules! optimizer_from {
    ($($Rule:ident),* $(,)?) => {$(
        impl<T: Element> From<super::$Rule> for Optimizer<T> {
            #[inline(never)]
            fn from(rule: super::$Rule) -> Self {
                Self::new(rule)
            }
        }
    )*};
}
optimizer_from!(Adadelta, Adagrad, Adam, AdamW, Adamax, Lion, NAdam, RmsProp, Sgd);

impl<T: Element> Optimizer<T> {
    /// The rule without state.
    pub fn new(rule: impl Rule<T> + 'static) -> Self {
        Self {
            rate: rule.learning_rate(),
            rule: Box::new(rule),
            groups: Vec::new(),
            decayed: vec![Role::Weight],
            state: SecondaryMap::new(),
            maximize: false,
        }
    }
    /// Sets the roles that weight decay acts on; weights alone unless set.
    pub fn decay(mut self, roles: &[Role]) -> Self {
        self.decayed = roles.to_vec();
        self
    }
    /// Adds a group: settings of their own for some parameters. The first group that holds a parameter counts.
    pub fn group(mut self, group: Group) -> Self {
        self.groups.push(group);
        self
    }
    /// Climbs: every gradient is taken with its sign turned.
    pub fn maximize(mut self) -> Self {
        self.maximize = true;
        self
    }

    /// The rule.
    pub fn rule(&self) -> &dyn Rule<T> {
        &*self.rule
    }
    /// Forgets all state, and sets the learning rate back to the rule's own.
    pub fn reset(&mut self) {
        self.state.clear();
        self.rate = self.rule.learning_rate();
    }
    /// The learning rate as it is now, before groups' and parameters' factors.
    pub fn learning_rate(&self) -> f64 {
        self.rate
    }
    /// Sets the learning rate, as a schedule does.
    pub fn set_learning_rate(&mut self, rate: f64) {
        self.rate = rate;
    }

    /// An error if a setting makes no sense, or a group means no parameter.
    ///
    /// # Errors
    /// Names the setting.
    #[inline(never)]
    pub fn validate(&self, params: &Params<T>) -> Result<()> {
        self.rule.validate()?;
        self.groups.iter().try_for_each(|group| group.validate(params))
    }

    /// The rule's name and settings, groups, and the learning rate as it is now, for checkpoints; the state is
    /// [`Optimizer::state`].
    #[inline(never)]
    pub fn config(&self) -> Json {
        json!(Written {
            rule: self.rule.name().to_owned(),
            settings: self.rule.config(),
            rate: self.rate,
            groups: self.groups.clone(),
            decayed: self.decayed.clone(),
            maximize: self.maximize,
        })
    }
    /// The optimiser that [`Optimizer::config`] wrote, without its state, if its rule is a built-in one.
    ///
    /// # Errors
    /// Rules and settings that are unknown or make no sense; each is named.
    #[inline(never)]
    pub fn from_config(config: &Json) -> Result<Self> {
        let written: Written =
            serde_json::from_value(config.clone()).map_err(|e| Error::argument(format!("optimiser: {e}")))?;
        let rule = super::from_config(&written.rule, &written.settings)?;
        let Written { rate, groups, decayed, maximize, .. } = written;
        Ok(Self { rate, groups, decayed, maximize, ..rule })
    }

    /// Updates every trainable parameter that has a gradient.
    ///
    /// Gradients are taken as they are: NaN reaches the parameter and its state, by every rule. Where that can happen, look
    /// first, with [`ParamGrads::check_finite`] or at the norm that [`ParamGrads::clip_norm`] returns.
    #[inline(never)]
    pub fn step(&mut self, params: &mut Params<T>, grads: &ParamGrads<T>) {
        self.step_part(params, grads, None);
    }

    /// As [`Optimizer::step`], of these entries of each parameter's first axis, leaving the others alone: of some of the models whose
    /// parameters stand in one stack. The state is of those entries, the same ones in every step.
    ///
    /// # Panics
    /// Entries that a parameter does not have, or others than in the step before.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Tensor, nn::{ParamGrads, Params, Role}, optim::{Optimizer, Sgd}};
    /// let (mut params, mut grads) = (Params::<f64>::new(), ParamGrads::new());
    /// // A weight of three models, of which two learn at one rate and the last at another.
    /// let w = params.add("w", Role::Weight, Tensor::from([[1.0], [1.0], [1.0]]))?;
    /// grads.insert(w, Tensor::from([[1.0], [2.0], [1.0]]));
    /// Optimizer::from(Sgd::new(0.25)).step_rows(&mut params, &grads, 0..2);
    /// Optimizer::from(Sgd::new(0.5)).step_rows(&mut params, &grads, 2..3);
    /// assert_eq!(params[w].to_vec(), [0.75, 0.5, 0.5]);
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    #[inline(never)]
    #[track_caller]
    pub fn step_rows(&mut self, params: &mut Params<T>, grads: &ParamGrads<T>, rows: Range<usize>) {
        self.step_part(params, grads, Some(rows));
    }

    #[track_caller]
    fn step_part(&mut self, params: &mut Params<T>, grads: &ParamGrads<T>, rows: Option<Range<usize>>) {
        for (key, gradient) in grads.iter() {
            let param = params.get(key).expect("gradients of this model");
            if !param.is_trainable() {
                continue;
            }
            let (rate, weight_decay) = self.settings(param);
            let rule = &*self.rule;
            let shape = param.value().shape();
            let part = match &rows {
                Some(rows) => {
                    let each = shape[1..].iter().product::<usize>();
                    rows.start * each..rows.end * each
                }
                None => 0..shape.numel(),
            };
            if !self.state.contains_key(key) {
                let shape = match &rows {
                    Some(rows) => std::iter::once(rows.len()).chain(shape[1..].iter().copied()).collect(),
                    None => shape.clone(),
                };
                let slots = (0..rule.slots().len()).map(|i| Tensor::full(&shape, T::from_f64(rule.slot_start(i))));
                self.state.insert(key, State { step: 0, slots: slots.collect(), numbers: rule.numbers() });
            }
            let state = &mut self.state[key];
            state.step += 1;
            let at = At { step: state.step, learning_rate: rate, weight_decay };
            let mut slots: smallvec::SmallVec<[&mut [T]; 4]> =
                state.slots.iter_mut().map(Tensor::as_mut_slice).collect();
            let turned = self.maximize.then(|| -gradient);
            let gradient = &turned.as_ref().unwrap_or(gradient).as_slice()[part.clone()];
            rule.update(at, &mut params.values_mut(key)[part], gradient, &mut slots, &mut state.numbers);
        }
    }

    /// The learning rate and weight decay of a parameter.
    fn settings(&self, param: &Param<T>) -> (f64, f64) {
        let group = self.groups.iter().find(|group| group.covers(param));
        let by_role = if self.decayed.contains(&param.role()) { self.rule.weight_decay() } else { 0.0 };
        let rate = self.learning_rate() * param.rate() * group.map_or(1.0, |group| group.rate);
        (rate, group.and_then(|group| group.weight_decay).unwrap_or(by_role))
    }

    /// The state of a parameter, once it was updated.
    pub fn state(&self, key: ParamKey) -> Option<&State<T>> {
        self.state.get(key)
    }
    /// Puts a saved state back.
    ///
    /// # Errors
    /// As [`Optimizer::check_state`].
    #[inline(never)]
    pub fn set_state(&mut self, params: &Params<T>, key: ParamKey, state: State<T>) -> Result<()> {
        self.check_state(params, key, &state)?;
        // Copied: tensors of a file lie as the allocator has it, and updates run faster over buffers made for them.
        let own = |saved: &Tensor<T>| {
            let mut slot = Tensor::zeros(saved.shape());
            slot.as_mut_slice().copy_from_slice(saved.as_slice());
            slot
        };
        let slots = state.slots.iter().map(own).collect();
        self.state.insert(key, State { slots, ..state });
        Ok(())
    }

    /// Whether a state is one of this rule's for the parameter.
    ///
    /// # Errors
    /// Tensors or numbers that this rule does not have, or of another shape than the parameter.
    pub fn check_state(&self, params: &Params<T>, key: ParamKey, state: &State<T>) -> Result<()> {
        let name = params.get(key).map_or("?", Param::name);
        let (slots, numbers) = (self.rule.slots(), self.rule.numbers().len());
        if state.slots.len() != slots.len() || state.numbers.len() != numbers {
            return Err(Error::argument(format!(
                "{}: the state of {name} has {} tensors and {} numbers, the rule keeps {} and {numbers}",
                self.rule.name(),
                state.slots.len(),
                state.numbers.len(),
                slots.len(),
            )));
        }
        for (slot, tensor) in slots.iter().zip(&state.slots) {
            if tensor.shape() != params[key].shape() {
                return Err(Error::shape(format!(
                    "{}: {slot} of {name} has shape {}, the parameter {}",
                    self.rule.name(),
                    tensor.shape(),
                    params[key].shape()
                )));
            }
        }
        Ok(())
    }
}
