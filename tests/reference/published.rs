//! Numbers that other authors printed, compared to the digits that they printed.

use crate::compare::{Report, Scale};
use crate::json::{Json, number, numbers};
use crate::mlp::{Network, Step, compare_unrolled, unrolled};

/// Training of thousands of steps recomputed elsewhere: the steps are contractions, so that roundings do not grow.
const RECOMPUTED: f64 = 1e-11;

/// Compares what the case's `published` block states; a number in it that nothing here reads is named in the summary.
pub fn compare(case: &Json, network: &Network, step: &Step, report: &mut Report) -> Result<(), String> {
    compare_unrolled(case, step, report)?;
    let Some(published) = case["published"].as_object() else { return Ok(()) };
    let trained = match published.get("iterations") {
        Some(iterations) => Some(train(network, iterations, &case["published"]["learning_rate"])?),
        None => None,
    };
    for (key, want) in published {
        match (key.as_str(), &trained) {
            ("iterations" | "learning_rate" | "max_abs_difference", _) => {}
            ("total_error", _) => printed(report, &[step.value], want)?,
            ("unrolled_gradient_printed_by_others", _) => printed(report, &unrolled(step), want)?,
            ("after_one_update_without_biases", _) => {
                one_update(case, network, step, want, report)?;
            }
            ("final_output_printed_in_post", Some(trained)) => printed(report, &trained.last_forward, want)?,
            ("output_at_last_forward_pass_recomputed", Some(trained)) => {
                recomputed(report, &trained.last_forward, want)?;
            }
            ("output_after_last_update_recomputed", Some(trained)) => recomputed(report, &trained.output, want)?,
            ("final_W_recomputed", Some(trained)) => recomputed(report, &trained.weights, want)?,
            (key, _) => match key.strip_prefix("out_o").and_then(|k| k.parse::<usize>().ok()) {
                Some(k) if (1..=step.output.len()).contains(&k) => printed(report, &[step.output[k - 1]], want)?,
                _ => report.note(&format!("published {key} is not read")),
            },
        }
    }
    Ok(())
}

fn recomputed(report: &mut Report, got: &[f64], want: &Json) -> Result<(), String> {
    report.compare_within("trained", got, &numbers(want)?, RECOMPUTED, RECOMPUTED, Scale::Element);
    Ok(())
}

/// Equal to the last digit printed, which is the same place throughout a list.
fn printed(report: &mut Report, got: &[f64], want: &Json) -> Result<(), String> {
    let want = numbers(want)?;
    let half = 0.5 * 10f64.powi(-(want.iter().map(|&x| decimals(x)).max().unwrap_or(0) as i32));
    report.compare_within("published", got, &want, 1e-15, half, Scale::Element);
    Ok(())
}

/// Digits after the point.
fn decimals(x: f64) -> usize {
    format!("{x}").split_once('.').map_or(0, |(_, digits)| digits.len())
}

/// Weights w1, w2, ... after one step of gradient descent: layer by layer, and within a layer unit by unit.
fn one_update(case: &Json, network: &Network, step: &Step, want: &Json, report: &mut Report) -> Result<(), String> {
    let rate = number(&case["published"]["learning_rate"])?;
    let mut updated = Vec::new();
    for (w, dw) in network.weights.iter().zip(&step.weights) {
        let &[fan_in, fan_out] = w.shape().dims() else { return Err("a weight is no matrix".into()) };
        for unit in 0..fan_out {
            updated.extend((0..fan_in).map(|i| w[[i, unit]] - rate * dw[[i, unit]]));
        }
    }
    for (name, value) in want.as_object().ok_or("weights by name are needed")? {
        let k =
            name.strip_prefix('w').and_then(|k| k.parse::<usize>().ok()).filter(|k| (1..=updated.len()).contains(k));
        let k = k.ok_or_else(|| format!("no weight {name}"))?;
        printed(report, &[updated[k - 1]], value)?;
    }
    Ok(())
}

struct Trained {
    last_forward: Vec<f64>,
    output: Vec<f64>,
    weights: Vec<f64>,
}

/// Gradient descent over the full batch.
fn train(network: &Network, iterations: &Json, rate: &Json) -> Result<Trained, String> {
    let (iterations, rate) = (iterations.as_u64().ok_or("iterations is no number")?, number(rate)?);
    let mut network = network.with_weights(network.weights.clone());
    let mut last_forward = Vec::new();
    for _ in 0..iterations {
        let step = network.step()?;
        if step.weights.len() != network.weights.len() || step.biases.len() != network.biases.len() {
            return Err("gradients and parameters differ in number".into());
        }
        for (w, dw) in network.weights.iter_mut().zip(&step.weights) {
            w.add_scaled(-rate, dw);
        }
        for (b, db) in network.biases.iter_mut().zip(&step.biases) {
            match (b, db) {
                (Some(b), Some(db)) => b.add_scaled(-rate, db),
                (None, None) => {}
                _ => return Err("a bias without a gradient, or a gradient without a bias".into()),
            }
        }
        last_forward = step.output;
    }
    let weights = network.weights.iter().flat_map(|w| w.to_vec()).collect();
    Ok(Trained { last_forward, output: network.step()?.output, weights })
}
