//! Parameters: tensors in a slot map, each with a name and a role.

use crate::{Element, Error, Result, Tape, Tensor};
use slotmap::{SecondaryMap, SlotMap, new_key_type};
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Index;

new_key_type! {
    /// The key of a parameter of a model.
    ///
    /// # Examples
    /// ```
    /// use retrograd::nn::Mlp;
    /// let model = Mlp::new(2).dense(3).build::<f64>(0)?;
    /// let key = model.params().find("dense1.bias").unwrap();
    /// assert_eq!(model.params()[key].to_vec(), [0.0; 3]);
    /// assert_eq!(model.params().keys().position(|other| other == key), Some(1));
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub struct ParamKey;
}

/// What a parameter is for. Penalties and weight decay act on weights alone unless told otherwise.
///
/// # Examples
/// ```
/// use retrograd::nn::{Mlp, Role};
/// let model = Mlp::new(2).dense(3).batch_norm().build::<f64>(0)?;
/// let roles: Vec<Role> = model.params().iter().map(|(_, param)| param.role()).collect();
/// assert_eq!(roles[..3], [Role::Weight, Role::Bias, Role::Scale]);
/// // What is observed is no parameter to count.
/// assert!(roles.contains(&Role::Statistic));
/// assert_eq!(model.params().count(), 2 * 3 + 3 + 3 + 3);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Multiplies inputs: a layer's matrix, an embedding.
    Weight,
    /// Is added: a layer's bias, a norm's shift.
    Bias,
    /// Scales what was normalised.
    Scale,
    /// Is observed rather than learned: a running mean or variance. Never has a gradient.
    Statistic,
}

/// A named tensor of a model.
///
/// # Examples
/// ```
/// use retrograd::nn::{Mlp, Role};
/// let mut model = Mlp::new(2).dense(3).dense(1).build::<f64>(0)?;
/// model.freeze("dense1.*")?;
/// model.set_rate("dense2.bias", 2.0)?;
/// let params: Vec<_> = model.params().iter().map(|(_, param)| param).collect();
/// assert_eq!((params[0].name(), params[0].role(), params[0].is_trainable()), ("dense1.weight", Role::Weight, false));
/// assert_eq!((params[3].name(), params[3].rate(), params[3].value().len()), ("dense2.bias", 2.0, 1));
/// # Ok::<(), retrograd::Error>(())
/// ```
pub struct Param<T> {
    name: String,
    role: Role,
    value: Tensor<T>,
    frozen: bool,
    rate: f64,
}

impl<T> Param<T> {
    /// The name, such as `dense1.weight`.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// What it is for.
    pub fn role(&self) -> Role {
        self.role
    }
    /// The value.
    pub fn value(&self) -> &Tensor<T> {
        &self.value
    }
    /// Whether it was frozen.
    pub fn is_frozen(&self) -> bool {
        self.frozen
    }
    /// Whether training changes it: neither frozen nor a statistic.
    pub fn is_trainable(&self) -> bool {
        !self.frozen && self.role != Role::Statistic
    }
    /// What the optimiser's learning rate is multiplied by for it.
    pub fn rate(&self) -> f64 {
        self.rate
    }
}

/// The parameters of a model, in the order in which its layers made them.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, nn::{Params, Role}};
/// let mut params = Params::new();
/// let w = params.add("w", Role::Weight, Tensor::from([1.0, 2.0]))?;
/// params.values_mut(w)[1] = 5.0;
/// assert_eq!(params[w].to_vec(), [1.0, 5.0]);
/// assert_eq!((params.find("w"), params.count()), (Some(w), 2));
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Default)]
pub struct Params<T> {
    slots: SlotMap<ParamKey, Param<T>>,
    order: Vec<ParamKey>,
    /// By name, so that a network of very many layers is still made in a time that grows with their number.
    named: HashMap<String, ParamKey>,
}

// Not derived: a derived clone would ask the same of T, whose tensors only share.
impl<T> Clone for Param<T> {
    fn clone(&self) -> Self {
        let Self { name, role, value, frozen, rate } = self;
        Self { name: name.clone(), role: *role, value: value.clone(), frozen: *frozen, rate: *rate }
    }
}
impl<T> Clone for Params<T> {
    fn clone(&self) -> Self {
        Self { slots: self.slots.clone(), order: self.order.clone(), named: self.named.clone() }
    }
}

/// Whether a name is meant: equal to the pattern, or starting with what stands before its closing `*`.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start))
}

impl<T: Element> Params<T> {
    /// No parameters yet.
    pub fn new() -> Self {
        Self { slots: SlotMap::with_key(), order: Vec::new(), named: HashMap::new() }
    }

    /// Adds a parameter.
    ///
    /// # Errors
    /// There is one of that name.
    #[inline(never)]
    pub fn add(&mut self, name: impl Into<String>, role: Role, value: Tensor<T>) -> Result<ParamKey> {
        let name = name.into();
        if self.find(&name).is_some() {
            return Err(Error::argument(format!("params: there is a parameter {name:?} already")));
        }
        let key = self.slots.insert(Param { name: name.clone(), role, value, frozen: false, rate: 1.0 });
        self.order.push(key);
        self.named.insert(name, key);
        Ok(key)
    }

    /// The parameter of a key, if it is one of these.
    pub fn get(&self, key: ParamKey) -> Option<&Param<T>> {
        self.slots.get(key)
    }
    /// The key of a name.
    pub fn find(&self, name: &str) -> Option<ParamKey> {
        self.named.get(name).copied()
    }
    /// The keys, in order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = ParamKey> + '_ {
        self.order.iter().copied()
    }
    /// The parameters with their keys, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (ParamKey, &Param<T>)> {
        self.order.iter().map(|&key| (key, &self.slots[key]))
    }
    /// The number of tensors.
    pub fn len(&self) -> usize {
        self.order.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
    /// The number of numbers, statistics left out.
    pub fn count(&self) -> usize {
        self.iter().filter(|(_, p)| p.role != Role::Statistic).map(|(_, p)| p.value.len()).sum()
    }

    /// Replaces a value.
    ///
    /// # Errors
    /// Another shape than the parameter has.
    #[inline(never)]
    pub fn set(&mut self, key: ParamKey, value: Tensor<T>) -> Result<()> {
        let param = &mut self.slots[key];
        if *param.value.shape() != *value.shape() {
            return Err(Error::shape(format!(
                "params: {} has shape {}, got {}",
                param.name,
                param.value.shape(),
                value.shape()
            )));
        }
        param.value = value;
        Ok(())
    }

    /// The elements of a parameter, for writing in place. A tape that still holds the tensor makes this copy it first.
    pub fn values_mut(&mut self, key: ParamKey) -> &mut [T] {
        self.slots[key].value.as_mut_slice()
    }

    /// Keeps training from changing the parameters that are meant: a name, or a start of names and `*`.
    ///
    /// # Errors
    /// No parameter has such a name.
    pub fn freeze(&mut self, pattern: &str) -> Result<()> {
        self.each(pattern, |param| param.frozen = true)
    }
    /// Lets training change them again.
    ///
    /// # Errors
    /// No parameter has such a name.
    pub fn unfreeze(&mut self, pattern: &str) -> Result<()> {
        self.each(pattern, |param| param.frozen = false)
    }
    /// Multiplies the learning rate of the parameters that are meant.
    ///
    /// # Errors
    /// No parameter has such a name; the factor is negative or not finite.
    pub fn set_rate(&mut self, pattern: &str, factor: f64) -> Result<()> {
        if !(factor >= 0.0 && factor.is_finite()) {
            return Err(Error::argument(format!("params: a learning rate's factor is 0 or more, got {factor}")));
        }
        self.each(pattern, |param| param.rate = factor)
    }

    fn each(&mut self, pattern: &str, mut change: impl FnMut(&mut Param<T>)) -> Result<()> {
        if !pattern.ends_with('*') {
            let key = self.find(pattern).ok_or_else(|| self.no_such(pattern))?;
            change(&mut self.slots[key]);
            return Ok(());
        }
        let mut any = false;
        for param in self.slots.values_mut().filter(|param| matches(pattern, &param.name)) {
            change(param);
            any = true;
        }
        if any { Ok(()) } else { Err(self.no_such(pattern)) }
    }

    #[inline(never)]
    pub(crate) fn no_such(&self, pattern: &str) -> Error {
        let names: Vec<&str> = self.iter().map(|(_, param)| param.name()).collect();
        Error::argument(format!("params: none is named {pattern:?}; there are {}", names.join(", ")))
    }
}

impl<T> Index<ParamKey> for Params<T> {
    type Output = Tensor<T>;
    fn index(&self, key: ParamKey) -> &Tensor<T> {
        &self.slots[key].value
    }
}

impl<'a, T> From<&'a Params<T>> for Cow<'a, Params<T>> {
    fn from(params: &'a Params<T>) -> Self {
        Cow::Borrowed(params)
    }
}
impl<T> From<Params<T>> for Cow<'_, Params<T>> {
    fn from(params: Params<T>) -> Self {
        Cow::Owned(params)
    }
}

/// The gradients of a model's parameters.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, nn::{ParamGrads, Params, Role}};
/// let mut params = Params::new();
/// let w = params.add("w", Role::Weight, Tensor::from([1.0, 2.0]))?;
/// params.add("unused", Role::Weight, Tensor::from([0.0]))?;
/// let mut grads = ParamGrads::new();
/// grads.insert(w, Tensor::from([3.0, 4.0]));
/// assert_eq!(grads.clip_norm(1.0), 5.0);
/// assert!((grads.norm() - 1.0).abs() < 1e-15);
/// assert_eq!(grads.unreached(&params), ["unused"]);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone)]
pub struct ParamGrads<T> {
    tensors: SecondaryMap<ParamKey, Tensor<T>>,
}

impl<T: Element> ParamGrads<T> {
    /// No gradients yet.
    pub fn new() -> Self {
        Self { tensors: SecondaryMap::new() }
    }
    /// No gradients yet, and room for so many: growing costs more than a small network's step.
    pub(crate) fn with_room(parameters: usize) -> Self {
        Self { tensors: SecondaryMap::with_capacity(parameters) }
    }
    /// The gradient by a parameter, if the loss depends on it.
    pub fn get(&self, key: ParamKey) -> Option<&Tensor<T>> {
        self.tensors.get(key)
    }
    /// Puts a gradient in, and returns the one it replaces.
    pub fn insert(&mut self, key: ParamKey, gradient: Tensor<T>) -> Option<Tensor<T>> {
        self.tensors.insert(key, gradient)
    }
    /// The gradients with their keys.
    pub fn iter(&self) -> impl Iterator<Item = (ParamKey, &Tensor<T>)> {
        self.tensors.iter()
    }
    /// The gradients with their keys, for writing.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (ParamKey, &mut Tensor<T>)> {
        self.tensors.iter_mut()
    }
    /// Gives the buffers to a tape for its next sweep.
    #[inline(never)]
    pub fn recycle(self, tape: &Tape<T>) {
        for (_, gradient) in self.tensors {
            tape.recycle_tensor(gradient);
        }
    }

    /// The Euclidean norm over all parameters, in double precision; not finite where a gradient is not.
    pub fn norm(&self) -> f64 {
        let norm = |scale: f64| {
            let squares = self.tensors.values().map(|g| sum_of_squares(g.as_slice(), scale));
            squares.sum::<f64>().sqrt() / scale
        };
        let direct = norm(1.0);
        if direct.is_finite() && direct > 1e-150 || direct.is_nan() {
            return direct;
        }
        // The squares leave the range of f64: take them of numbers around 1.
        let largest = self.tensors.values().flat_map(|g| g.as_slice()).fold(0.0, |m: f64, x| m.max(x.to_f64().abs()));
        if largest > 0.0 && largest.is_finite() { norm(1.0 / largest) } else { largest }
    }
    /// An error if a gradient is NaN or infinite.
    ///
    /// # Errors
    /// Names the parameter and the element.
    #[inline(never)]
    pub fn check_finite(&self, params: &Params<T>) -> Result<()> {
        for (key, g) in self.iter() {
            if let Some(i) = g.as_slice().iter().position(|x| !x.to_f64().is_finite()) {
                let name = params.get(key).map_or("?", Param::name);
                return Err(Error::not_finite(format!("gradient: element {i} of {name} is {}", g.as_slice()[i])));
            }
        }
        Ok(())
    }
    /// Multiplies every gradient.
    #[inline(never)]
    pub fn scale(&mut self, factor: f64) {
        let factor = T::from_f64(factor);
        for g in self.tensors.values_mut() {
            for x in g.as_mut_slice() {
                *x *= factor;
            }
        }
    }
    /// Adds another's gradients; what this lacks is taken over.
    #[inline(never)]
    pub fn add(&mut self, other: &Self) {
        for (key, g) in other.iter() {
            match self.tensors.get_mut(key) {
                Some(sum) => sum.add_scaled(T::from_f64(1.0), g),
                None => drop(self.tensors.insert(key, g.clone())),
            }
        }
    }
    /// Limits the global norm: scales all gradients by max / norm where the norm is above max. Returns the norm before.
    ///
    /// Where that is NaN or infinite nothing is scaled: no factor makes such gradients useful, and the caller sees it.
    #[inline(never)]
    pub fn clip_norm(&mut self, max: f64) -> f64 {
        let norm = self.norm();
        if norm > max && norm.is_finite() {
            self.scale(max / norm);
        }
        norm
    }
    /// Limits every element to [-limit, limit]; NaN stays NaN.
    #[inline(never)]
    pub fn clip_value(&mut self, limit: f64) {
        let limit = T::from_f64(limit);
        for g in self.tensors.values_mut() {
            for x in g.as_mut_slice() {
                *x = if *x > limit {
                    limit
                } else if *x < -limit {
                    -limit
                } else {
                    *x
                };
            }
        }
    }

    /// The names of trainable parameters that no gradient reached.
    #[inline(never)]
    pub fn unreached<'p>(&self, params: &'p Params<T>) -> Vec<&'p str> {
        let lost = params.iter().filter(|(key, param)| param.is_trainable() && !self.tensors.contains_key(*key));
        lost.map(|(_, param)| param.name()).collect()
    }
}

impl<T: Element> Default for ParamGrads<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// The sum of squares of the numbers times a scale, in double precision; eight partial sums let it vectorise.
fn sum_of_squares<T: Element>(x: &[T], scale: f64) -> f64 {
    let mut sums = [0.0; 8];
    for chunk in x.chunks(8) {
        for (sum, x) in sums.iter_mut().zip(chunk) {
            let x = x.to_f64() * scale;
            *sum += x * x;
        }
    }
    sums.iter().sum()
}
