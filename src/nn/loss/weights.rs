//! What the examples of a batch count: sample weights times the class weights of their labels.

use super::Reduction;
use crate::data::Targets;
use crate::{Element, Error, Result, Tensor, Var};

/// The weights of a batch's examples; none where all are 1.
pub(super) struct Weights {
    n: usize,
    each: Option<Vec<f64>>,
}

/// The weights of n examples.
pub(super) fn of<T: Element>(
    loss: &str,
    n: usize,
    target: &Targets<T>,
    samples: Option<&Tensor<T>>,
    classes: Option<&[f64]>,
) -> Result<Weights> {
    if n == 0 {
        return Err(Error::shape(format!("{loss}: the batch has no examples")));
    }
    let mut each: Option<Vec<f64>> = None;
    if let Some(samples) = samples {
        if samples.len() != n {
            return Err(Error::shape(format!(
                "{loss}: {n} examples, sample weights of shape {}; give one for each example",
                samples.shape()
            )));
        }
        let samples: Vec<f64> = samples.iter().map(|w| w.to_f64()).collect();
        check(loss, "sample", &samples)?;
        each = Some(samples);
    }
    match (classes, target) {
        (None, _) => {}
        (Some(classes), Targets::Labels(labels)) => {
            let each = each.get_or_insert_with(|| vec![1.0; n]);
            for (weight, &label) in each.iter_mut().zip(labels) {
                *weight *= classes[label];
            }
        }
        (Some(_), Targets::Values(_)) => {
            return Err(Error::argument(format!("{loss}: class weights need labels as targets, got values")));
        }
    }
    Ok(Weights { n, each })
}

/// An error unless there is a weight of 0 or more for each class.
pub(super) fn check_classes(loss: &str, classes: Option<&[f64]>, n: usize) -> Result<()> {
    let Some(classes) = classes else { return Ok(()) };
    if classes.len() != n {
        return Err(Error::argument(format!("{loss}: {} class weights for {n} classes", classes.len())));
    }
    check(loss, "class", classes)
}

fn check(loss: &str, kind: &str, weights: &[f64]) -> Result<()> {
    match weights.iter().position(|w| !(*w >= 0.0 && w.is_finite())) {
        Some(i) => Err(Error::argument(format!(
            "{loss}: {kind} weight {} at {i}; weights are finite and not negative",
            weights[i]
        ))),
        None => Ok(()),
    }
}

impl Weights {
    /// Whether every example counts the same.
    pub fn are_equal(&self) -> bool {
        self.each.is_none()
    }

    /// What a sum over examples is multiplied by.
    pub fn scale(&self, loss: &str, reduction: Reduction) -> Result<f64> {
        match (reduction, &self.each) {
            (Reduction::Sum, _) => Ok(1.0),
            (Reduction::Mean, None) => Ok(1.0 / self.n as f64),
            (Reduction::Mean, Some(each)) => match each.iter().sum::<f64>() {
                0.0 => Err(Error::argument(format!("{loss}: the weights of the batch are all 0, so it has no mean"))),
                total => Ok(1.0 / total),
            },
        }
    }

    /// The weight of an example.
    pub fn at(&self, example: usize) -> f64 {
        self.each.as_ref().map_or(1.0, |each| each[example])
    }

    /// The sum over all elements, the first axis weighted, times `factor` and what the reduction asks for.
    pub fn reduce<'t, T: Element>(
        &self,
        loss: &str,
        losses: Var<'t, T>,
        reduction: Reduction,
        factor: f64,
    ) -> Result<Var<'t, T>> {
        let scale = self.scale(loss, reduction)? * factor;
        if self.are_equal() {
            return Ok(losses.try_sum(())? * T::from_f64(scale));
        }
        let mut shape = vec![1; losses.rank().max(1)];
        shape[0] = self.n;
        let weights = super::written(losses, &shape.into(), |weights| {
            for (i, weight) in weights.iter_mut().enumerate() {
                *weight = T::from_f64(scale * self.at(i));
            }
        });
        losses.try_mul(weights)?.try_sum(())
    }
}
