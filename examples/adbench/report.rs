//! A file in a mode, as JSON or in lines.

use super::Kind;
use super::ba::Ba;
use super::gmm::Gmm;
use super::hand::Hand;
use super::lstm::Lstm;
use super::problem::{self, Mode, Outcome, Problem};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::path::Path;

/// The members of a reference file, and the times.
pub(crate) fn json(kind: Kind, path: &Path, mode: Mode, seconds: f64) -> Result<Map<String, Value>, String> {
    match kind {
        Kind::Gmm => json_of::<Gmm>(path, mode, seconds),
        Kind::Ba => json_of::<Ba>(path, mode, seconds),
        Kind::Lstm => json_of::<Lstm>(path, mode, seconds),
        Kind::Hand => json_of::<Hand>(path, mode, seconds),
    }
}

fn json_of<P: Problem>(path: &Path, mode: Mode, seconds: f64) -> Result<Map<String, Value>, String> {
    let problem = P::read(path)?;
    let bytes = std::fs::read(path).map_err(|error| format!("{}: cannot be read: {error}", path.display()))?;
    let outcome = problem::measure(&problem, mode, seconds)?;
    let mut members = problem.describe(&outcome.values, &outcome.derivative);
    let mut checked = Map::new();
    if mode != Mode::Tape {
        let (_, derivative) = problem::evaluate(&problem, Mode::Tape)?;
        let scale = problem::max_abs(&derivative).max(f64::MIN_POSITIVE);
        let apart: Vec<f64> = derivative.iter().zip(&outcome.derivative).map(|(a, b)| (a - b) / scale).collect();
        checked.insert(Mode::Tape.to_string(), problem::max_abs(&apart).into());
    }
    let about = json!({
        "problem": P::NAME,
        "data": super::tokens::name(path),
        "data_sha256": hex(&Sha256::digest(&bytes)),
        "produced_by": format!("retrograd, mode {mode}: {}", outcome.how),
        "cross_checked_against": checked,
        "objective_us": outcome.objective_us,
        "derivative_us": outcome.derivative_us,
        "ratio": outcome.ratio(),
    });
    members.extend(about.as_object().cloned().unwrap_or_default());
    Ok(members)
}

/// The same in lines.
pub(crate) fn lines(kind: Kind, path: &Path, mode: Mode, seconds: f64) -> Result<String, String> {
    match kind {
        Kind::Gmm => lines_of::<Gmm>(path, mode, seconds),
        Kind::Ba => lines_of::<Ba>(path, mode, seconds),
        Kind::Lstm => lines_of::<Lstm>(path, mode, seconds),
        Kind::Hand => lines_of::<Hand>(path, mode, seconds),
    }
}

fn lines_of<P: Problem>(path: &Path, mode: Mode, seconds: f64) -> Result<String, String> {
    let problem = P::read(path)?;
    let outcome = problem::measure(&problem, mode, seconds)?;
    let Outcome { how, objective_us, derivative_us, values, derivative, .. } = &outcome;
    Ok(format!(
        "{} {}, mode {mode}: {how}\n{}\nobjective in plain Rust: {objective_us:.1} us\nderivative: {derivative_us:.1} us\nratio: {:.2}",
        P::NAME,
        super::tokens::name(path),
        problem.summary(values, derivative),
        outcome.ratio()
    ))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
