//! A rule as a closure, beside a value that is recorded as usual.

use super::{DynTensorOp, fitting};
use crate::error::{OrPanic, Result};
use crate::num::Element;
use crate::ops::eager::Eager;
use crate::tape::{Recording, Tape, Value, Var};
use crate::tensor::Tensor;
use std::any::TypeId;
use std::sync::Arc;

impl<T: Element> Tape<T> {
    /// The value that one closure makes of the inputs, with the derivative rule that another gives: from the inputs, the output and the
    /// upstream gradient g, which has the output's shape, the gradients by the inputs, one each.
    ///
    /// The value is recorded as everything is, and its own derivatives are not asked. The rule is a closure over variables, so that it is
    /// recorded where gradients are, and differentiated again; it must be linear in g, from which forward mode comes as well. In a sweep
    /// over numbers, and in each run of a compiled program, it is recorded on a tape of its own. Maps over examples ([`Tape::vmap`]) go
    /// through, as do compiled programs; a [`Map`](crate::Map) over points refuses it.
    ///
    /// What the value captures beside the inputs gets no gradient. What the rule captures it owns (`move`), and a variable is none of it: what
    /// it needs is an input. A value that is iterated until it has converged looks at numbers, which maps and programs refuse: there, so
    /// many steps.
    ///
    /// # Panics
    /// The inputs are of different tapes. What the rule gives does not fit: where it is used, as [`CustomOp`](crate::CustomOp)'s.
    ///
    /// # Examples
    /// A straight-through estimator: rounded forward, and backward as if it were not.
    /// ```
    /// use retrograd::Tape;
    /// let tape = Tape::new();
    /// let x = tape.var([0.2, 1.7]);
    /// let rounded = tape.custom_vjp(&[x], |v| v[0].round(), |_, _, g| vec![g]);
    /// assert_eq!(rounded.value().to_vec(), [0.0, 2.0]);
    /// assert_eq!(rounded.square().sum(()).backward().wrt(x).to_vec(), [0.0, 4.0]);
    /// ```
    /// An implicit fixed point: z = f(z, a) found by iterating, and differentiated by the implicit function theorem, dz/da = f_a / (1 - f_z),
    /// not through the iterations.
    /// ```
    /// use retrograd::{Tape, Var, grad};
    /// // Heron's square root: z = (z + a / z) / 2.
    /// fn f<'t>(z: Var<'t, f64>, a: Var<'t, f64>) -> Var<'t, f64> {
    ///     (z + a / z) * 0.5
    /// }
    /// fn root<'t>(a: Var<'t, f64>) -> Var<'t, f64> {
    ///     let iterate = |v: &[Var<'t, f64>]| (0..40).fold(v[0], |z, _| f(z, v[0]));
    ///     a.tape().custom_vjp(&[a], iterate, |v, z, g| {
    ///         let (by_z, by_a) = (grad(|z| f(z, v[0]), z), grad(|a| f(z, a), v[0]));
    ///         vec![g * by_a / (1.0 - by_z)]
    ///     })
    /// }
    /// assert_eq!(grad(root, 9.0), 1.0 / 6.0);
    /// // To second order: -1 / (4 a^(3/2)).
    /// let second: f64 = grad(|a| grad(root, a), 9.0);
    /// assert!((second + 1.0 / 108.0).abs() < 1e-15);
    /// ```
    #[track_caller]
    pub fn custom_vjp<'t>(
        &'t self,
        inputs: &[Var<'t, T>],
        value: impl FnOnce(&[Var<'t, T>]) -> Var<'t, T>,
        rule: impl for<'u> Fn(&[Var<'u, T>], Var<'u, T>, Var<'u, T>) -> Vec<Var<'u, T>> + Send + Sync + 'static,
    ) -> Var<'t, T> {
        self.try_custom_vjp(inputs, value, rule).or_panic()
    }

    /// As [`Tape::custom_vjp`].
    ///
    /// # Errors
    /// The inputs, or what the value is, are of different tapes.
    #[track_caller]
    pub fn try_custom_vjp<'t>(
        &'t self,
        inputs: &[Var<'t, T>],
        value: impl FnOnce(&[Var<'t, T>]) -> Var<'t, T>,
        rule: impl for<'u> Fn(&[Var<'u, T>], Var<'u, T>, Var<'u, T>) -> Vec<Var<'u, T>> + Send + Sync + 'static,
    ) -> Result<Var<'t, T>> {
        let found = value(inputs).on(self).detach();
        let inputs: Vec<Var<'t, T>> = inputs.iter().map(|x| x.on(self)).chain([found]).collect();
        self.record_custom(Arc::new(ByRule(rule)), &inputs)
    }
}

/// The last of its inputs, with a rule for those before it.
struct ByRule<F>(F);

const NAME: &str = "custom_vjp";

impl<F> ByRule<F> {
    /// The gradients by the inputs, and none by the value.
    fn gradients<'t, T: Element>(
        &self,
        inputs: &[Var<'t, T>],
        output: Var<'t, T>,
        g: Var<'t, T>,
    ) -> Result<Vec<Var<'t, T>>>
    where
        F: for<'u> Fn(&[Var<'u, T>], Var<'u, T>, Var<'u, T>) -> Vec<Var<'u, T>>,
    {
        let [inputs @ .., _value] = inputs else { unreachable!("recorded with its value") };
        let mut gradients = fitting(NAME, inputs, (self.0)(inputs, output, g), |x| x.shape())?;
        gradients.push(Var::constant(T::from_f64(0.0)));
        Ok(gradients)
    }
}

impl<T: Element, F> DynTensorOp<T> for ByRule<F>
where
    F: for<'u> Fn(&[Var<'u, T>], Var<'u, T>, Var<'u, T>) -> Vec<Var<'u, T>> + Send + Sync + 'static,
{
    fn kind(&self) -> TypeId {
        TypeId::of::<F>()
    }
    fn name(&self) -> &str {
        NAME
    }
    fn value(&self, inputs: &[Tensor<T>]) -> Result<Tensor<T>> {
        Ok(inputs[inputs.len() - 1].clone())
    }
    fn vjp(&self, _: &Eager<'_, T>, inputs: &[Value<T>], output: &Value<T>, g: &Value<T>) -> Result<Vec<Value<T>>> {
        let tape = Tape::of();
        // Variables, since the rule may take gradients.
        let inputs: Vec<Var<'_, T>> = inputs.iter().map(|x| tape.leaf(x.clone(), true)).collect();
        let gradients = self.gradients(&inputs, tape.leaf(output.clone(), true), tape.leaf(g.clone(), true))?;
        Ok(gradients.iter().map(|gradient| gradient.with(|value| value.to_value())).collect())
    }
    fn record_vjp<'t>(
        &self,
        a: &Recording<'t, T>,
        inputs: &[Var<'t, T>],
        output: &Var<'t, T>,
        g: &Var<'t, T>,
    ) -> Result<Vec<Var<'t, T>>> {
        // Variables of their own, by which the rule may take gradients: not past them, and also by what is data.
        let inputs: Vec<Var<'t, T>> = inputs.iter().map(|x| x.copied(a.tape)).collect();
        self.gradients(&inputs, output.copied(a.tape), g.on(a.tape))
    }
}
