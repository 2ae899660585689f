//! Holds every engine to the tape, and engines that promise the same bits to each other.

use crate::engines::{self, Outcome, Outputs, Promise, Run};
use crate::noise;
use crate::program::{Op, Program};
use retrograd::{Element, Tape, Tensor};
use std::cell::Cell;
use std::collections::HashMap;

thread_local! {
    static COMPARED: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// Adds to the outputs that were compared, and to those that may be anything.
fn count(compared: u64, free: u64) {
    COMPARED.with(|total| total.set((total.get().0 + compared, total.get().1 + free)));
}

/// Outputs that this thread has compared, and how many of them rounding makes arbitrary throughout.
pub fn compared() -> (u64, u64) {
    COMPARED.get()
}

/// What kind of difference it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Panic,
    Refusal,
    Shape,
    Nan,
    Infinite,
    Number,
    Bits,
}

/// One engine's difference.
#[derive(Clone, Debug)]
pub struct Finding {
    pub engine: &'static str,
    pub kind: Kind,
    /// 0 for values, 1 and 2 for first and second derivatives.
    pub order: usize,
    /// Which element of the output differs first.
    pub element: usize,
    pub what: String,
}

impl Finding {
    /// What a shrunk program must still show.
    pub fn is_like(&self, other: &Finding) -> bool {
        self.engine == other.engine && self.kind == other.kind && self.order == other.order
    }
}

/// All differences between the engines on a program.
pub fn check(program: &Program) -> Vec<Finding> {
    if program.single { check_in::<f32>(program) } else { check_in::<f64>(program) }
}

fn check_in<T: Element>(program: &Program) -> Vec<Finding> {
    let reference = engines::caught(|| engines::tape::<T>(program));
    let runs = engines::all::<T>(program);
    let mut findings = Vec::new();
    let Outcome::Numbers(expected) = &reference else {
        return without_numbers(&reference, &runs);
    };
    let allowed = noise::allowed::<T>(program, expected);
    let finite = is_finite_throughout::<T>(program, expected);
    let by_name: HashMap<&str, &Outcome> = runs.iter().map(|run| (run.engine, &run.outcome)).collect();
    for run in &runs {
        match &run.outcome {
            Outcome::Panicked(message) => findings.push(broken(run.engine, Kind::Panic, message)),
            // What a formula in numbers cannot say is refused; everything else runs where the tape does.
            Outcome::Refused(message) => findings.push(broken(run.engine, Kind::Refusal, message)),
            Outcome::Numbers(found) => match run.promise {
                Promise::RoundingIfFinite if !finite => {}
                Promise::Rounding | Promise::RoundingIfFinite => {
                    findings.extend(differences(run.engine, program, found, expected, Some(&allowed)));
                }
                Promise::BitsOf(other) => match by_name.get(other) {
                    Some(Outcome::Numbers(other)) => {
                        findings.extend(differences(run.engine, program, found, other, None));
                    }
                    _ => findings.push(broken(run.engine, Kind::Refusal, &format!("{other} does not run, this does"))),
                },
            },
        }
    }
    findings
}

fn broken(engine: &'static str, kind: Kind, message: &str) -> Finding {
    Finding { engine, kind, order: 0, element: 0, what: message.to_owned() }
}

/// Where the tape refuses a program, every engine does; nothing panics.
fn without_numbers(reference: &Outcome, runs: &[Run]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut refused = "";
    match reference {
        Outcome::Panicked(message) => findings.push(broken("tape", Kind::Panic, message)),
        Outcome::Refused(message) => refused = message,
        Outcome::Numbers(_) => {}
    }
    for run in runs {
        match &run.outcome {
            Outcome::Panicked(message) => findings.push(broken(run.engine, Kind::Panic, message)),
            // An engine that leaves everything out has not run.
            Outcome::Numbers(outputs) if !refused.is_empty() && outputs.iter().any(Option::is_some) => {
                findings.push(broken(run.engine, Kind::Refusal, &format!("runs, and the tape says: {refused}")));
            }
            _ => {}
        }
    }
    findings
}

/// Whether all values on the way and all results are finite, which is what relaxed programs assume.
fn is_finite_throughout<T: Element>(program: &Program, outputs: &Outputs) -> bool {
    let mut finite = outputs.iter().flatten().flatten().all(|x| x.is_finite());
    let tape = Tape::<T>::of();
    let x: Vec<_> = program.tensors().iter().map(|x: &Tensor<T>| tape.var(x)).collect();
    let _ = program.record_with(&x, |op, _, value| {
        finite &= value.value().iter().all(|x| x.to_f64().is_finite());
        finite &= !matches!(op, Op::Literal(x) if !x.is_finite());
        value
    });
    finite
}

/// The first difference in each order, if there are any.
pub fn differences(
    engine: &'static str,
    program: &Program,
    found: &Outputs,
    expected: &Outputs,
    allowed: Option<&[Vec<f64>]>,
) -> Vec<Finding> {
    let n = program.inputs.len();
    let mut findings: Vec<Finding> = Vec::new();
    for (k, (found, expected)) in found.iter().zip(expected).enumerate() {
        let (Some(found), Some(expected)) = (found, expected) else { continue };
        let order = if k == 0 { 0 } else { 1 + (k - 1) / n };
        if findings.iter().any(|finding| finding.order == order) {
            continue;
        }
        if found.len() != expected.len() {
            let what = format!("output {k} has {} elements, expected {}", found.len(), expected.len());
            findings.push(Finding { engine, kind: Kind::Shape, order, element: 0, what });
            continue;
        }
        count(1, allowed.map_or(0, |allowed| allowed[k].iter().all(|x| !x.is_finite()) as u64));
        let pairs = found.iter().zip(expected).enumerate();
        findings.extend(pairs.into_iter().find_map(|(i, (&found, &expected))| {
            let allowed = allowed.map_or(0.0, |allowed| allowed[k][i]);
            let kind = difference(found, expected, allowed)?;
            let kind = if allowed == 0.0 { Kind::Bits } else { kind };
            let what = format!("output {k} [{i}]: {found:e}, expected {expected:e}, allowed {allowed:e}");
            Some(Finding { engine, kind, order, element: i, what })
        }));
    }
    findings
}

fn difference(found: f64, expected: f64, allowed: f64) -> Option<Kind> {
    if found == expected || (found.is_nan() && expected.is_nan()) || allowed.is_infinite() {
        return None;
    }
    if found.is_nan() || expected.is_nan() {
        return Some(Kind::Nan);
    }
    if found.is_infinite() || expected.is_infinite() {
        return Some(Kind::Infinite);
    }
    ((found - expected).abs() > allowed).then_some(Kind::Number)
}
