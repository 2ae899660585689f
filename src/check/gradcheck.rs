//! The comparison: reverse mode against forward mode and against differences.

use super::Gradcheck;
use super::differences::{self, Plan};
use super::replay::{Function, Move, Replay, dot, variables};
use super::report::{Against, Finding, GradcheckReport, ParameterReport, Place, Verdict};
use crate::error::{Error, Result};
use crate::num::Element;
use crate::tape::{Tape, Var};
use crate::tensor::{Shape, Tensor};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A function, its parameters' names, and the point.
pub(super) struct Subject<'f, T> {
    pub f: &'f Function<'f, T>,
    pub names: Vec<String>,
    pub point: Vec<Tensor<T>>,
}

/// What was differentiated on the tape.
struct Analytic<'t, T> {
    tape: &'t Tape<T>,
    variables: Vec<Var<'t, T>>,
    output: Var<'t, T>,
    weights: Vec<f64>,
    /// The gradient of the weighted sum of the output, by parameter.
    gradients: Vec<Vec<f64>>,
    largest: f64,
    /// The relative error allowed against forward mode.
    exact: f64,
}

/// Checks a function of T, with differences of the same function in S.
#[inline(never)]
pub(super) fn run<T: Element, S: Element>(
    options: &Gradcheck<T>,
    order: u8,
    subject: &Subject<'_, T>,
    f: &Function<'_, S>,
) -> GradcheckReport {
    let mut report = GradcheckReport {
        order,
        element: T::NAME,
        fast: options.directions.is_some(),
        tolerance: options.tolerance,
        parameters: Vec::new(),
        notes: Vec::new(),
        refusal: None,
    };
    if let Err(refusal) = fill(options, subject, f, &mut report) {
        report.refusal = Some(refusal);
    }
    report
}

fn fill<T: Element, S: Element>(
    options: &Gradcheck<T>,
    subject: &Subject<'_, T>,
    f: &Function<'_, S>,
    report: &mut GradcheckReport,
) -> Result<()> {
    let check = report.check();
    if subject.point.is_empty() {
        return Err(Error::argument(format!("{check}: no parameters to check; give at least one (name, tensor)")));
    }
    if let Some(what) = options.checks_nothing() {
        return Err(Error::argument(format!("{check}: {what}; ask for at least one, or leave it out")));
    }
    let own = Replay::new(check, subject.f, subject.point.clone())?;
    let mut replay = Replay::new(check, f, subject.point.iter().map(convert).collect())?;
    same_function::<T>(check, &own, &replay)?;
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    let weights = if own.shape.rank() == 0 { vec![1.0] } else { random_weights::<T>(&mut rng, own.values.len()) };
    replay.weights = weights.clone();
    let tape = Tape::<T>::of();
    let analytic = Analytic::new(&tape, subject, weights)?;
    for (parameter, name) in subject.names.iter().enumerate() {
        let shape = subject.point[parameter].shape();
        if let Some(directions) = options.directions {
            // Of each element, a direction has the place and the share.
            Shape::fitting::<(usize, f64)>(check, &[directions, shape.numel()]).map_err(|_| {
                let n = shape.numel();
                Error::argument(format!(
                    "{check}: {directions} directions of {n} numbers for {name:?}; a few are enough"
                ))
            })?;
        }
        let mut found = ParameterReport::new(name, shape);
        for (place, step) in moves(options, parameter, &subject.point[parameter], &mut rng) {
            let name = name.clone();
            let mut findings = Vec::with_capacity(2);
            let claimed = step.shares.iter().map(|&(i, share)| share * analytic.gradients[parameter][i]).sum();
            match analytic.forward(&step) {
                Ok(forward) => findings.push(analytic.against_forward(options, name.clone(), &place, claimed, forward)),
                Err(why) => {
                    let note = format!("forward mode was not compared: {why}");
                    if !report.notes.contains(&note) {
                        report.notes.push(note);
                    }
                }
            }
            findings.push(against_differences(options, &mut replay, &step, name, place, claimed, analytic.largest));
            found.add(findings);
        }
        report.parameters.push(found);
    }
    Ok(())
}

impl<'t, T: Element> Analytic<'t, T> {
    fn new(tape: &'t Tape<T>, subject: &Subject<'_, T>, weights: Vec<f64>) -> Result<Self> {
        let variables = variables(tape, &subject.point);
        let output = (subject.f)(tape, &variables)?;
        let seed = Tensor::new(output.shape(), weights.iter().map(|&w| T::from_f64(w)).collect())?;
        let grads = output.try_backward_with(seed)?;
        let mut gradients = Vec::with_capacity(variables.len());
        for &x in &variables {
            gradients.push(grads.try_wrt(x)?.iter().map(|g| g.to_f64()).collect::<Vec<f64>>());
        }
        let largest = gradients.iter().flatten().filter(|g| g.is_finite()).fold(0.0, |max: f64, g| max.max(g.abs()));
        // Rounding grows with the depth of a graph; the power leaves six digits in f64 and three in f32 for that.
        let exact = T::EPSILON.powf(0.6);
        Ok(Self { tape, variables, output, weights, gradients, largest, exact })
    }

    /// The derivative along a move from forward mode, and the size of the terms that it sums.
    fn forward(&self, step: &Move) -> Result<(f64, f64)> {
        let x = self.variables[step.parameter];
        let mut tangent = Tensor::zeros(x.shape());
        for &(i, share) in &step.shares {
            tangent.as_mut_slice()[i] = T::from_f64(share);
        }
        let moved = self.tape.jvp(self.output, &[(x, tangent.into())])?;
        let moved: Vec<f64> = moved.as_slice().iter().map(|t| t.to_f64()).collect();
        let size = moved.iter().zip(&self.weights).map(|(t, w)| (t * w).abs()).sum();
        Ok((dot(&moved, &self.weights), size))
    }

    fn against_forward(
        &self,
        options: &Gradcheck<T>,
        parameter: String,
        place: &Place,
        analytic: f64,
        (forward, size): (f64, f64),
    ) -> Finding {
        let uncertainty = self.exact * size.max(self.largest);
        let relative_error = relative(analytic, forward, options.floor);
        // Equal values include infinite ones; two NaN are the differences' business.
        let same = analytic == forward || (analytic.is_nan() && forward.is_nan());
        let close = relative_error <= self.exact || (analytic - forward).abs() <= uncertainty;
        Finding {
            parameter,
            place: place.clone(),
            against: Against::ForwardMode,
            analytic,
            numeric: forward,
            relative_error: if same { 0.0 } else { relative_error },
            uncertainty,
            step: 0.0,
            tolerance: self.exact,
            verdict: if same || close { Verdict::Agrees } else { Verdict::Differs },
            reason: None,
        }
    }
}

fn against_differences<T: Element, S: Element>(
    options: &Gradcheck<T>,
    replay: &mut Replay<'_, S>,
    step: &Move,
    parameter: String,
    place: Place,
    analytic: f64,
    largest: f64,
) -> Finding {
    let plan = Plan {
        step: options.step * replay.scale(step),
        centre: replay.centre(),
        rounding: S::EPSILON * replay.magnitude(),
        tolerance: options.tolerance,
        floor: options.floor,
        across_kinks: false,
    };
    let mut finding = Finding {
        parameter,
        place,
        against: Against::Differences,
        analytic,
        numeric: f64::NAN,
        relative_error: f64::NAN,
        uncertainty: f64::INFINITY,
        step: plan.step,
        tolerance: options.tolerance,
        verdict: Verdict::Inconclusive,
        reason: None,
    };
    let estimate = match differences::derivative(&plan, |h| replay.sample(step, h)) {
        Ok(estimate) => estimate,
        Err(in_the_way) => {
            // A piece may end without a kink, as in relu(x)^2, or in an op that does not reach the output.
            let across = Plan { across_kinks: true, ..plan };
            let smooth = differences::derivative(&across, |h| replay.sample(step, h)).ok().filter(|estimate| {
                estimate.corner.is_none() && relative(analytic, estimate.value, options.floor) <= options.tolerance
            });
            let Some(estimate) = smooth else {
                // A NaN is wrong wherever the function itself is finite: no convention of ours gives one.
                finding.verdict = if analytic.is_nan() { Verdict::Differs } else { Verdict::Inconclusive };
                finding.reason = Some(in_the_way).filter(|_| finding.verdict == Verdict::Inconclusive);
                return finding;
            };
            estimate
        }
    };
    (finding.numeric, finding.uncertainty, finding.step) = (estimate.value, estimate.uncertainty, estimate.step);
    finding.relative_error = relative(analytic, estimate.value, options.floor);
    (finding.verdict, finding.reason) = judge(options, analytic, estimate, finding.relative_error, largest);
    finding
}

/// How many times its estimated uncertainty a difference must exceed to count.
const TRUST: f64 = 8.0;

fn judge<T>(
    options: &Gradcheck<T>,
    analytic: f64,
    estimate: differences::Estimate,
    relative_error: f64,
    largest: f64,
) -> (Verdict, Option<String>) {
    if relative_error <= options.tolerance {
        return (Verdict::Agrees, None);
    }
    let doubt = TRUST * estimate.uncertainty;
    if !analytic.is_finite() {
        // Slopes that grow without end as the step shrinks have no limit to compare with.
        let diverges = analytic.is_infinite() && estimate.uncertainty > 0.01 * estimate.value.abs();
        let reason = || "the slope is infinite, and differences do not converge".to_string();
        return if diverges { (Verdict::Inconclusive, Some(reason())) } else { (Verdict::Differs, None) };
    }
    let error = (analytic - estimate.value).abs();
    if error <= doubt {
        // Noise below the tolerance of the largest gradient is no reason for doubt.
        if doubt <= options.tolerance * largest {
            return (Verdict::Agrees, None);
        }
        let reason = format!("the numeric value is known to +-{:.1e} only", estimate.uncertainty);
        return (Verdict::Inconclusive, Some(reason));
    }
    if let Some((left, right)) = estimate.corner {
        let slack = 0.01 * (right - left).abs();
        if analytic >= left.min(right) - slack && analytic <= left.max(right) + slack {
            let reason = format!("the point is at a corner: slope {left:.5} on the left, {right:.5} on the right");
            return (Verdict::Inconclusive, Some(reason));
        }
    }
    (Verdict::Differs, None)
}

/// |a - n| / max(|a| + |n|, floor).
fn relative(a: f64, n: f64, floor: f64) -> f64 {
    if a == n { 0.0 } else { (a - n).abs() / (a.abs() + n.abs()).max(floor) }
}

/// The moves to make of a parameter: along each element, or along random directions.
fn moves<T: Element>(
    options: &Gradcheck<T>,
    parameter: usize,
    x: &Tensor<T>,
    rng: &mut ChaCha8Rng,
) -> Vec<(Place, Move)> {
    if x.is_empty() {
        return Vec::new();
    }
    if let Some(directions) = options.directions {
        let direction = |number| {
            let draw = Tensor::<T>::normal([x.len()], 0.0, 1.0, rng);
            let length = draw.iter().map(|d| d.to_f64().powi(2)).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
            // Rounded to T, so that every run moves along the same direction.
            let shares = draw.iter().map(|d| T::from_f64(d.to_f64() / length).to_f64()).enumerate().collect();
            (Place::Direction(number), Move { parameter, shares })
        };
        return (0..directions).map(direction).collect();
    }
    let mut chosen: Vec<usize> = match options.max_elements {
        most if most < x.len() => rand::seq::index::sample(rng, x.len(), most).into_vec(),
        _ => (0..x.len()).collect(),
    };
    chosen.sort_unstable();
    let element = |i| (Place::Element(index_of(i, x.shape())), Move { parameter, shares: vec![(i, 1.0)] });
    chosen.into_iter().map(element).collect()
}

pub(super) fn index_of(mut i: usize, dims: &[usize]) -> Vec<usize> {
    let mut index = vec![0; dims.len()];
    for (axis, &n) in dims.iter().enumerate().rev() {
        index[axis] = i % n;
        i /= n;
    }
    index
}

/// Weights away from 0 and of both signs, so that no output goes unseen.
fn random_weights<T: Element>(rng: &mut ChaCha8Rng, n: usize) -> Vec<f64> {
    let mut draw = || (0.5 + rng.random::<f64>()) * if rng.random::<bool>() { 1.0 } else { -1.0 };
    (0..n).map(|_| T::from_f64(draw()).to_f64()).collect()
}

pub(super) fn random_direction<T: Element>(rng: &mut ChaCha8Rng, like: &Tensor<T>) -> Tensor<T> {
    let weights = random_weights::<T>(rng, like.len()).into_iter().map(T::from_f64).collect();
    Tensor::new(like.shape(), weights).expect("as many weights as elements")
}

fn convert<T: Element, S: Element>(x: &Tensor<T>) -> Tensor<S> {
    let data = x.iter().map(|x| S::from_f64(x.to_f64())).collect();
    Tensor::new(x.shape(), data).expect("as many elements as before")
}

/// Whether the function and its reference in another precision are the same function.
fn same_function<T: Element>(check: &str, own: &Replay<'_, T>, reference: &Replay<'_, impl Element>) -> Result<()> {
    if own.shape != reference.shape {
        let (a, b) = (&own.shape, &reference.shape);
        return Err(Error::shape(format!("{check}: the function gives shape {a}, its reference {b}")));
    }
    let size = own.values.iter().fold(0.0, |max: f64, y| max.max(y.abs()));
    let far = |(a, b): &(&f64, &f64)| (*a - *b).abs() > T::EPSILON.sqrt() * size.max(1e-3);
    match own.values.iter().zip(&reference.values).find(far) {
        None => Ok(()),
        Some((a, b)) => {
            Err(Error::check(format!("{check}: the function gives {a}, its reference {b} at the same point")))
        }
    }
}
