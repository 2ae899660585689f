//! The function under check, run again beside the point.

use super::differences::Sample;
use super::pieces::Signature;
use crate::error::{Error, Result};
use crate::num::Element;
use crate::tape::{Tape, Var};
use crate::tensor::{Shape, Tensor};

/// A function of parameters on a tape.
pub(super) type Function<'f, T> = dyn for<'t> Fn(&'t Tape<T>, &[Var<'t, T>]) -> Result<Var<'t, T>> + 'f;

/// Which parameter moves, and how: by each element of the direction times the step.
pub(super) struct Move {
    pub parameter: usize,
    /// Elements that move, with their share of the direction.
    pub shares: Vec<(usize, f64)>,
}

/// The function, the point, and what was recorded there.
pub(super) struct Replay<'f, S> {
    f: &'f Function<'f, S>,
    tape: Tape<S>,
    point: Vec<Tensor<S>>,
    signature: Signature,
    pub shape: Shape,
    pub values: Vec<f64>,
    /// The weights that make a number of the output.
    pub weights: Vec<f64>,
}

impl<'f, S: Element> Replay<'f, S> {
    /// Runs the function at the point, twice.
    pub(super) fn new(check: &str, f: &'f Function<'f, S>, point: Vec<Tensor<S>>) -> Result<Self> {
        let mut tape = Tape::<S>::of();
        let first = output(&tape, f, &point)?;
        if !first.is_finite() {
            let cause = tape.check_finite().err().map_or(String::new(), |cause| format!("; first, {cause}"));
            return Err(Error::not_finite(format!(
                "{check}: the function is not finite at the point, so it has no gradient there{cause}"
            )));
        }
        let signature = Signature::of(&tape);
        tape.clear();
        let second = output(&tape, f, &point)?;
        same_twice(check, &first, &second)?;
        tape.clear();
        let values = first.iter().map(|x| x.to_f64()).collect();
        Ok(Self { f, tape, point, signature, shape: first.shape().clone(), values, weights: Vec::new() })
    }

    /// The weighted sum of the output at the point.
    pub(super) fn centre(&self) -> f64 {
        dot(&self.weights, &self.values)
    }

    /// The size of the terms of that sum.
    pub(super) fn magnitude(&self) -> f64 {
        self.weights.iter().zip(&self.values).map(|(w, y)| (w * y).abs()).sum()
    }

    /// The size of what moves, and at least 1: steps are relative to it.
    pub(super) fn scale(&self, step: &Move) -> f64 {
        let x = self.point[step.parameter].as_slice();
        let squares: f64 = step.shares.iter().map(|&(i, _)| x[i].to_f64().powi(2)).sum();
        (squares / step.shares.len() as f64).sqrt().max(1.0)
    }

    /// The function at both ends of a step along a move.
    pub(super) fn sample(&mut self, step: &Move, h: f64) -> Sample {
        let (upper, lower) = (self.moved(step, h), self.moved(step, -h));
        let span = step
            .shares
            .iter()
            .map(|&(i, share)| share * (upper.as_slice()[i].to_f64() - lower.as_slice()[i].to_f64()))
            .sum();
        let mut sample = Sample { plus: f64::NAN, minus: f64::NAN, span, obstacle: None, kink: None };
        for (end, value) in [(upper, &mut sample.plus), (lower, &mut sample.minus)] {
            let (found, departure) = self.value(step.parameter, end);
            match found {
                Ok(found) => *value = found,
                Err(why) => sample.obstacle = Some(why),
            }
            let kink = departure.map(|op| format!("the point is at a kink of {op}"));
            sample.kink = sample.kink.or(kink);
        }
        sample
    }

    fn moved(&self, step: &Move, h: f64) -> Tensor<S> {
        let mut x = self.point[step.parameter].clone();
        let data = x.as_mut_slice();
        for &(i, share) in &step.shares {
            data[i] = S::from_f64(data[i].to_f64() + h * share);
        }
        x
    }

    /// The weighted sum of the output with a parameter replaced, and the op that took another piece than at the point.
    fn value(&mut self, parameter: usize, x: Tensor<S>) -> (Result<f64, String>, Option<String>) {
        let home = std::mem::replace(&mut self.point[parameter], x);
        let result = output(&self.tape, self.f, &self.point);
        self.point[parameter] = home;
        let departure = self.signature.departure(&self.tape);
        self.tape.clear();
        let value = match result {
            Err(error) => Err(format!("an error beside the point: {error}")),
            Ok(y) if y.shape() != &self.shape => Err("the output has another shape beside the point".into()),
            Ok(y) if !y.is_finite() => Err("the function is not finite beside the point".into()),
            Ok(y) => Ok(self.weights.iter().zip(y.iter()).map(|(w, y)| w * y.to_f64()).sum()),
        };
        (value, departure)
    }
}

/// Variables for the point, in order.
pub(super) fn variables<'t, T: Element>(tape: &'t Tape<T>, point: &[Tensor<T>]) -> Vec<Var<'t, T>> {
    point.iter().map(|x| tape.var(x)).collect()
}

fn output<S: Element>(tape: &Tape<S>, f: &Function<'_, S>, point: &[Tensor<S>]) -> Result<Tensor<S>> {
    Ok(f(tape, &variables(tape, point))?.value())
}

fn same_twice<S: Element>(check: &str, first: &Tensor<S>, second: &Tensor<S>) -> Result<()> {
    if first.shape() != second.shape() {
        let (a, b) = (first.shape(), second.shape());
        return Err(Error::check(format!(
            "{check}: the function is not deterministic: its output had shape {a}, then {b} at the same point"
        )));
    }
    match first.iter().zip(second.iter()).find(|(a, b)| a != b) {
        None => Ok(()),
        Some((a, b)) => Err(Error::check(format!(
            "{check}: the function is not deterministic: it gave {a}, then {b} at the same point; seed its random numbers inside it"
        ))),
    }
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
