//! Training, to be watched: a small network learns XOR or two moons by gradient descent, with momentum or without.
//!
//! All steps are done before the answer goes out; the page plays them. Each step is over all examples, so that what is seen is the rule's
//! and not the batches'. Bounded by the settings: what may be asked for takes well under a second in an optimised build.

use crate::Result;
use crate::data::{Dataset, synthetic};
use crate::nn::loss::{Loss, cross_entropy};
use crate::nn::{Mlp, Model, Pass};
use crate::optim::{Optimizer, Sgd};
use crate::train::metrics::accuracy;
use crate::{Tape, Tensor};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Points along a side of the square on which the boundary is seen.
const SIDE: usize = 32;
/// How often the network is looked at.
const FRAMES: usize = 60;

/// What may be asked for, and what stands for what is not said.
struct Settings {
    data: Dataset<f64>,
    momentum: f64,
    rate: f64,
    steps: usize,
    units: usize,
    seed: u64,
}

impl Settings {
    fn of(asked: &Value) -> Result<Self, String> {
        let known = ["data", "momentum", "rate", "steps", "units", "seed"];
        let fields =
            asked.as_object().ok_or_else(|| format!("train: a request is an object with {}", known.join(", ")))?;
        if let Some(other) = fields.keys().find(|name| !known.contains(&&name[..])) {
            return Err(format!("train: there is no {other:?}; there are {}", known.join(", ")));
        }
        let number = |name: &str, default: f64, least: f64, most: f64| match &asked[name] {
            Value::Null => Ok(default),
            given => given
                .as_f64()
                .filter(|x| (least..=most).contains(x))
                .ok_or_else(|| format!("train: {name} is a number from {least} to {most}, got {given}")),
        };
        let whole = |name: &str, default: f64, least: f64, most: f64| {
            number(name, default, least, most).and_then(|x| match x.fract() == 0.0 {
                true => Ok(x as usize),
                false => Err(format!("train: {name} is a whole number, got {x}")),
            })
        };
        let seed = whole("seed", 0.0, 0.0, 1e6)? as u64;
        let data = match asked["data"].as_str().unwrap_or("xor") {
            "xor" => synthetic::xor(),
            "moons" => synthetic::two_moons(120, 0.12, seed).map_err(|error| error.to_string())?,
            other => return Err(format!("train: data is \"xor\" or \"moons\", got {other:?}")),
        };
        Ok(Self {
            data,
            momentum: number("momentum", 0.0, 0.0, 0.99)?,
            rate: number("rate", 0.1, 1e-4, 10.0)?,
            steps: whole("steps", 300.0, 1.0, 1000.0)?,
            units: whole("units", 8.0, 1.0, 16.0)?,
            seed,
        })
    }
}

/// Trains, and says what was seen.
pub(super) fn train(asked: &Value) -> Result<Value, String> {
    let settings = Settings::of(asked)?;
    watched(&settings).map_err(|error| error.to_string())
}

/// Corners of the square that holds the data, with some room around them.
struct Square {
    low: f64,
    high: f64,
    points: Tensor<f64>,
}

impl Square {
    fn around(data: &Dataset<f64>) -> Result<Self> {
        let (low, high) =
            data.inputs().iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)));
        let room = 0.25 * (high - low);
        let (low, high) = (low - room, high + room);
        // The middle of each cell, the top row first, as pictures are written.
        let at = |i: usize| low + (i as f64 + 0.5) / SIDE as f64 * (high - low);
        let points = (0..SIDE).rev().flat_map(|row| (0..SIDE).flat_map(move |column| [at(column), at(row)]));
        Ok(Self { low, high, points: Tensor::new([SIDE * SIDE, 2], points.collect())? })
    }

    /// For each point the probability of class 1, as two hexadecimal digits.
    fn seen_by(&self, model: &Model<f64>) -> Result<String> {
        let scores = model.predict(&self.points)?;
        let mut text = String::with_capacity(2 * SIDE * SIDE);
        for row in scores.as_slice().chunks(2) {
            let probability = 1.0 / (1.0 + (row[0] - row[1]).exp());
            // A probability that is NaN is 0 here; the loss beside it says so.
            let _ = write!(text, "{:02x}", (probability * 255.0).round() as u8);
        }
        Ok(text)
    }
}

fn watched(settings: &Settings) -> Result<Value> {
    let Settings { data, momentum, rate, steps, units, seed } = settings;
    let mut model = Mlp::new(2).dense(*units).tanh().dense(*units).tanh().dense(2).build::<f64>(*seed)?;
    let mut optimizer = Optimizer::from(Sgd::new(*rate).momentum(*momentum));
    let square = Square::around(data)?;
    let layers: Vec<String> =
        model.params().iter().filter_map(|(_, param)| Some(param.name().strip_suffix(".weight")?.to_owned())).collect();
    let (mut losses, mut frames) = (Vec::new(), Vec::new());
    let every = steps.div_ceil(FRAMES);
    for step in 0..=*steps {
        let tape = Tape::of();
        let pass = Pass::eval(&tape, model.params());
        let scores = model.forward(tape.data(data.inputs()), &pass);
        let loss = cross_entropy().value(scores, data.targets(), None)?;
        let mut gradients = loss.try_backward()?;
        let (value, scores) = (loss.item(), scores.value());
        let gradients = pass.finish().gradients(&mut gradients);
        losses.push(value);
        let diverged = !value.is_finite();
        if step % every == 0 || step == *steps || diverged {
            let norms = layers.iter().map(|layer| {
                let own = model.params().iter().filter(|(_, param)| {
                    param.name().strip_prefix(&layer[..]).is_some_and(|rest| rest.starts_with('.'))
                });
                own.filter_map(|(key, _)| gradients.get(key))
                    .flat_map(|gradient| gradient.iter())
                    .fold(0.0, |norm: f64, x| norm.hypot(*x))
            });
            let norms: Vec<f64> = norms.collect();
            frames.push(json!({
                "step": step,
                "loss": value,
                "accuracy": if diverged { None } else { Some(accuracy(&scores, data.targets())?) },
                "gradients": norms,
                "field": square.seen_by(&model)?,
            }));
        }
        if diverged {
            break;
        }
        optimizer.step(model.params_mut(), &gradients);
    }
    let labels = data.labels().expect("both data sets have labels");
    let points: Vec<Value> =
        data.inputs().as_slice().chunks(2).zip(labels).map(|(at, label)| json!([at[0], at[1], label])).collect();
    Ok(json!({
        "points": points, "low": square.low, "high": square.high, "side": SIDE,
        "layers": layers, "losses": losses, "frames": frames,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn momentum_learns_xor_where_plain_descent_of_the_same_rate_has_not() {
        let last = |momentum: f64| {
            let seen = train(&json!({ "data": "xor", "momentum": momentum, "rate": 0.1, "steps": 200 })).unwrap();
            let frames = seen["frames"].as_array().unwrap().clone();
            assert!(frames.iter().all(|frame| frame["field"].as_str().unwrap().len() == 2 * SIDE * SIDE));
            assert_eq!(seen["losses"].as_array().unwrap().len(), 201);
            (frames.last().unwrap()["loss"].as_f64().unwrap(), frames.last().unwrap()["accuracy"].as_f64().unwrap())
        };
        let (plain, with) = (last(0.0), last(0.9));
        assert!(with.0 < 0.1 && with.1 == 1.0, "{with:?}");
        assert!(plain.0 > 2.0 * with.0, "{plain:?} and {with:?}");
    }

    #[test]
    fn what_is_out_of_bounds_is_named() {
        let refused = |asked: Value| train(&asked).unwrap_err();
        assert_eq!(refused(json!({ "steps": 1e9 })), "train: steps is a number from 1 to 1000, got 1000000000.0");
        assert_eq!(refused(json!({ "units": 2.5 })), "train: units is a whole number, got 2.5");
        assert_eq!(refused(json!({ "momentum": "much" })), "train: momentum is a number from 0 to 0.99, got \"much\"");
        assert_eq!(refused(json!({ "data": "iris" })), "train: data is \"xor\" or \"moons\", got \"iris\"");
        assert!(refused(json!({ "epochs": 1 })).starts_with("train: there is no \"epochs\"; there are data,"));
        assert!(refused(json!([])).starts_with("train: a request is an object"));
    }

    #[test]
    fn a_run_that_diverges_ends_where_it_does() {
        let seen = train(&json!({ "data": "moons", "rate": 10.0, "momentum": 0.99, "steps": 300 })).unwrap();
        assert!(!seen["frames"].as_array().unwrap().is_empty());
    }
}
