//! Every file of a folder against the expected results of another, in every mode or in one.

use super::Kind;
use super::problem::Mode;
use super::report;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The largest difference that passes, relative to the largest number of a vector.
pub(crate) const TOLERANCE: f64 = 1e-11;

/// Prints a line for each file and wanted mode; how many lines there were. An error if one of them differs.
pub(crate) fn run(
    [data, expected]: [&Path; 2],
    seconds: f64,
    wanted_mode: impl Fn(Kind, Mode) -> bool,
) -> Result<usize, String> {
    let mut references = Vec::new();
    collect(expected, &mut references)?;
    references.sort();
    println!(
        "{:<34} {:<8} {:>10} {:>12} {:>12} {:>8}",
        "file", "mode", "difference", "objective us", "deriv. us", "ratio"
    );
    let (mut lines, mut wrong) = (0, Vec::new());
    for reference in &references {
        let relative = reference.strip_prefix(expected).unwrap_or(reference).with_extension("txt");
        let wanted = read_json(reference)?;
        let kind: Kind = wanted["problem"].as_str().and_then(|name| name.parse().ok()).ok_or_else(|| {
            format!("{}: \"problem\" is {}, not gmm, ba, lstm or hand", reference.display(), wanted["problem"])
        })?;
        for &mode in kind.modes().iter().filter(|&&mode| wanted_mode(kind, mode)) {
            let got = Value::Object(report::json(kind, &data.join(&relative), mode, seconds)?);
            let difference = difference(&wanted, &got)?;
            let figure = |name: &str| got[name].as_f64().unwrap_or(f64::NAN);
            println!(
                "{:<34} {:<8} {difference:>10.1e} {:>12.1} {:>12.1} {:>8.2}",
                relative.display().to_string(),
                mode.to_string(),
                figure("objective_us"),
                figure("derivative_us"),
                figure("ratio")
            );
            lines += 1;
            if difference.is_nan() || difference > TOLERANCE {
                wrong.push(format!("{} in mode {mode}: {difference:.1e}", relative.display()));
            }
        }
    }
    match wrong.is_empty() {
        true if lines == 0 => Err(format!("{}: no .json file in it, or none in this mode", expected.display())),
        true => Ok(lines),
        false => Err(format!("further from the expected results than {TOLERANCE:e}: {}", wrong.join("; "))),
    }
}

/// The .json files of a folder and those in it.
fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), String> {
    let wrong = |error| format!("{}: cannot be listed: {error}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        if path.is_dir() {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
    Ok(())
}

/// A reference file.
pub(crate) fn read_json(path: &Path) -> Result<Value, String> {
    let text = super::tokens::read_text(path)?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// What says who computed a reference, and does not belong to the result.
const ORIGIN: [&str; 2] = ["produced_by", "cross_checked_against"];

/// The largest difference of two results relative to the largest absolute value of the vector that it is in.
///
/// Numbers alone are relative to themselves, sums to what as many of the largest would make. Words and counts must be equal.
pub(crate) fn difference(wanted: &Value, got: &Value) -> Result<f64, String> {
    let members = wanted.as_object().ok_or_else(|| format!("{wanted} is no object"))?;
    let scale = wanted["max_abs"].as_f64();
    let length = wanted["length"].as_f64().unwrap_or(1.0);
    let mut largest = 0.0f64;
    for (name, wanted) in members.iter().filter(|(name, _)| !ORIGIN.contains(&name.as_str())) {
        let got = got.get(name).ok_or_else(|| format!("{name} is missing"))?;
        let next = match (wanted, numbers(wanted), numbers(got)) {
            (Value::Object(_), ..) => difference(wanted, got)?,
            (_, Some(wanted), Some(got)) if wanted.len() == got.len() => {
                let own = super::problem::max_abs(&wanted);
                let scale = scale.map_or(own, |scale| if name == "sum" { scale * length } else { scale });
                apart(&wanted, &got) / if scale == 0.0 { 1.0 } else { scale }
            }
            _ if wanted == got => 0.0,
            _ => return Err(format!("{name} is {got}, not {wanted}")),
        };
        largest = if next.is_nan() { next } else { largest.max(next) };
    }
    Ok(largest)
}

fn apart(a: &[f64], b: &[f64]) -> f64 {
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    super::problem::max_abs(&differences)
}

/// A number, or an array of them.
fn numbers(value: &Value) -> Option<Vec<f64>> {
    match value {
        Value::Array(values) => values.iter().map(Value::as_f64).collect(),
        value => value.as_f64().map(|x| vec![x]),
    }
}
