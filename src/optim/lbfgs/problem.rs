//! What is minimised: recorded functions of a tensor, and models.

use super::{Lbfgs, LbfgsReport, Minimized};
use crate::nn::{Model, ParamGrads, ParamKey, Params, Step};
use crate::{Element, Result, Tape, Tensor, Var};

impl Lbfgs {
    /// Lowers a recorded function of a tensor.
    ///
    /// # Errors
    /// A function whose value is not a scalar; settings that make no sense.
    pub fn minimize(
        &mut self,
        start: impl Into<Tensor<f64>>,
        f: impl for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>,
    ) -> Result<Minimized> {
        let mut x: Tensor<f64> = start.into();
        let shape = x.shape().clone();
        let mut tape = Tape::new();
        let report = self.minimize_with(x.as_mut_slice(), |x| {
            let result = {
                let x = tape.var(Tensor::new(shape.clone(), x.to_vec())?);
                let y = f(x);
                let gradient = y.try_backward()?.try_wrt(x)?;
                (y.item(), gradient.to_vec())
            };
            tape.clear();
            Ok(result)
        })?;
        Ok(Minimized { x, report })
    }

    /// Lowers the loss of a model over its trainable parameters; the closure is usually [`Model::step`] with all examples.
    ///
    /// # Errors
    /// Those of the closure; settings that make no sense. The model is left at the best parameters that were reached.
    pub fn minimize_model<T: Element>(
        &mut self,
        model: &mut Model<T>,
        mut evaluate: impl FnMut(&mut Model<T>) -> Result<Step<T>>,
    ) -> Result<LbfgsReport> {
        let keys = trainable(model.params());
        let mut x = flat(model.params(), &keys);
        let result = self.minimize_with(&mut x, |x| {
            store(model.params_mut(), &keys, x);
            let step = evaluate(model)?;
            Ok((step.loss, flat_gradient(model.params(), &keys, &step.grads)))
        });
        store(model.params_mut(), &keys, &x);
        result
    }

    /// Lowers a function of parameters, over those that are trainable.
    ///
    /// # Errors
    /// As [`Lbfgs::minimize_model`].
    pub fn minimize_params<T: Element>(
        &mut self,
        params: &mut Params<T>,
        mut evaluate: impl FnMut(&Params<T>) -> Result<(f64, ParamGrads<T>)>,
    ) -> Result<LbfgsReport> {
        let keys = trainable(params);
        let mut x = flat(params, &keys);
        let result = self.minimize_with(&mut x, |x| {
            store(params, &keys, x);
            let (value, grads) = evaluate(params)?;
            Ok((value, flat_gradient(params, &keys, &grads)))
        });
        store(params, &keys, &x);
        result
    }
}

fn trainable<T: Element>(params: &Params<T>) -> Vec<ParamKey> {
    params.iter().filter(|(_, param)| param.is_trainable()).map(|(key, _)| key).collect()
}

fn flat<T: Element>(params: &Params<T>, keys: &[ParamKey]) -> Vec<f64> {
    keys.iter().flat_map(|&key| params[key].as_slice().iter().map(|x| x.to_f64())).collect()
}

/// The gradients in the same order, zeros where none arrived.
fn flat_gradient<T: Element>(params: &Params<T>, keys: &[ParamKey], grads: &ParamGrads<T>) -> Vec<f64> {
    let mut flat = Vec::new();
    for &key in keys {
        match grads.get(key) {
            Some(gradient) => flat.extend(gradient.as_slice().iter().map(|g| g.to_f64())),
            None => flat.resize(flat.len() + params[key].len(), 0.0),
        }
    }
    flat
}

fn store<T: Element>(params: &mut Params<T>, keys: &[ParamKey], mut x: &[f64]) {
    for &key in keys {
        let values = params.values_mut(key);
        let (mine, rest) = x.split_at(values.len());
        for (value, &x) in values.iter_mut().zip(mine) {
            *value = T::from_f64(x);
        }
        x = rest;
    }
}
