//! What is minimised: recorded functions of a tensor, and models.

use super::{Lbfgs, LbfgsReport, Minimized};
use crate::nn::{Model, ParamGrads, ParamKey, Params, Step};
use crate::{Element, Error, Program, Result, Shape, Tape, Tensor, Var};

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
        self.try_minimize(start, |x| Ok(f(x)))
    }

    /// As [`Lbfgs::minimize`], of a function that is not defined everywhere: where it returns an error at a point that a line search
    /// tries, the step was too long.
    ///
    /// # Errors
    /// As [`Lbfgs::minimize`]; an error of the function at the start.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Tensor, optim::Lbfgs};
    /// // ln det of [[x, 1], [1, 1]] is there for x > 1; a penalty on x has its minimum with it at x = 2.
    /// let found = Lbfgs::new().try_minimize([8.0], |x| {
    ///     let ones = x.tape().data([[0.0, 1.0], [1.0, 1.0]]);
    ///     let corner = Tensor::from([[1.0, 0.0], [0.0, 0.0]]);
    ///     let log_det = (corner * x + ones).try_cholesky()?.diag().ln().sum(()) * 2.0;
    ///     Ok(x.sum(()) - log_det)
    /// })?;
    /// assert!((found.x.as_slice()[0] - 2.0).abs() < 1e-6);
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn try_minimize(
        &mut self,
        start: impl Into<Tensor<f64>>,
        f: impl for<'t> Fn(Var<'t, f64>) -> Result<Var<'t, f64>>,
    ) -> Result<Minimized> {
        let mut x: Tensor<f64> = start.into();
        let shape = x.shape().clone();
        let mut tape = Tape::new();
        let mut defined = Defined::default();
        let report = self.minimize_with(x.as_mut_slice(), |x| {
            let result = (|| {
                let x = tape.var(Tensor::new(shape.clone(), x.to_vec())?);
                let y = f(x)?;
                let gradient = y.try_backward()?.try_wrt(x)?;
                Ok((y.item(), gradient.to_vec()))
            })();
            tape.clear();
            defined.or_too_long(result, x.len())
        })?;
        Ok(Minimized { x, report })
    }

    /// Lowers a compiled function, whose output 0 is the value and whose others are the gradients by the inputs `by`, as
    /// [`Program::compile_gradient`] makes it. Those inputs are moved, and end at the best point that was reached; the others stay.
    ///
    /// # Errors
    /// Other outputs or inputs than these; a comparison that goes another way; an op that refuses its numbers at the start (at a point that
    /// a line search tries, the step was too long); settings that make no sense.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Program, Tensor, optim::Lbfgs};
    /// // A line through three points, by its slope and its height.
    /// let mut inputs = [Tensor::from([0.0, 1.0, 2.0]), Tensor::from([1.0, 3.0, 5.0]), Tensor::scalar(0.0), Tensor::scalar(0.0)];
    /// let by = [2, 3];
    /// let mut squares = Program::compile_gradient(&inputs, &by, |v| (v[0] * v[2] + v[3] - v[1]).square().sum(()))?;
    /// let report = Lbfgs::new().minimize_program(&mut squares, &mut inputs, &by)?;
    /// assert!(report.stop.is_converged() && (inputs[2].item() - 2.0).abs() < 1e-5 && (inputs[3].item() - 1.0).abs() < 1e-5);
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn minimize_program(
        &mut self,
        program: &mut Program<f64>,
        inputs: &mut [Tensor<f64>],
        by: &[usize],
    ) -> Result<LbfgsReport> {
        if let Some(k) = by.iter().find(|&&k| k >= inputs.len()) {
            return Err(Error::argument(format!("lbfgs: no input {k}; there are {}", inputs.len())));
        }
        let wanted: Vec<Shape> =
            std::iter::once(Shape::scalar()).chain(by.iter().map(|&k| inputs[k].shape().clone())).collect();
        if !program.output_shapes().eq(&wanted) {
            let listed =
                |shapes: &mut dyn Iterator<Item = &Shape>| shapes.map(Shape::to_string).collect::<Vec<_>>().join(", ");
            return Err(Error::shape(format!(
                "lbfgs: the program's outputs have shapes {}; expected {}: the value, and a gradient for each input that is moved",
                listed(&mut program.output_shapes()),
                listed(&mut wanted.iter())
            )));
        }
        let mut x: Vec<f64> = by.iter().flat_map(|&k| inputs[k].to_vec()).collect();
        let mut defined = Defined::default();
        let result = self.minimize_with(&mut x, |x| {
            scatter(inputs, by, x);
            match program.run(&inputs.iter().collect::<Vec<_>>()) {
                Err(error) if program.has_diverged() => return Err(error),
                Err(error) => return defined.or_too_long(Err(error), x.len()),
                Ok(()) => {}
            }
            let gradient = (1..=by.len()).flat_map(|k| program.output(k).iter().copied()).collect();
            defined.or_too_long(Ok((program.item(0), gradient)), x.len())
        });
        scatter(inputs, by, &x);
        result
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

/// A function that was defined at the start, and may not be at points that line searches try.
#[derive(Default)]
struct Defined {
    at_the_start: bool,
}

impl Defined {
    /// Value and gradient; where there are none, an infinite value, from which a line search turns back.
    fn or_too_long(&mut self, found: Result<(f64, Vec<f64>)>, n: usize) -> Result<(f64, Vec<f64>)> {
        match found {
            Err(_) if self.at_the_start => Ok((f64::INFINITY, vec![0.0; n])),
            Err(error) => Err(error),
            Ok(found) => {
                self.at_the_start = true;
                Ok(found)
            }
        }
    }
}

/// Puts numbers that stand one behind another into these inputs.
fn scatter(inputs: &mut [Tensor<f64>], by: &[usize], mut x: &[f64]) {
    for &k in by {
        let (own, rest) = x.split_at(inputs[k].len());
        inputs[k].as_mut_slice().copy_from_slice(own);
        x = rest;
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
