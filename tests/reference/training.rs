//! training.json: optimisers step by step.

use crate::compare::{Report, Scale};
use crate::json::{Json, list, numbers, text};
use retrograd::nn::{ParamGrads, ParamKey, Params, Role};
use retrograd::optim::{self, Optimizer};
use retrograd::{Tape, Tensor, Var};

/// PyTorch keeps a product of NAdam in single precision; see the README.
const NADAM: f64 = 1e-8;
const ABSOLUTE: f64 = 1e-12;

/// Settings of PyTorch that say how a step is computed, not what it is.
const HOW: &[&str] = &["foreach", "fused", "capturable", "differentiable"];

type Formula = for<'t> fn(&'t Tape<f64>, Var<'t, f64>) -> Var<'t, f64>;

/// The problems by name.
fn problem(name: &str) -> Result<Formula, String> {
    match name {
        "bowl" => Ok(bowl),
        "mlp-2-3-1" => Ok(xor),
        "rosenbrock-scaled" => Ok(rosenbrock),
        _ => Err(format!("unknown problem {name:?}")),
    }
}

/// 0.5 (10 (p0 - 1)^2 + (p1 + 2)^2) + 0.3 sin(p0 p1).
fn bowl<'t>(_: &'t Tape<f64>, p: Var<'t, f64>) -> Var<'t, f64> {
    let (x, y) = (p.slice(0), p.slice(1));
    ((x - 1.0).square() * 10.0 + (y + 2.0).square()) * 0.5 + (x * y).sin() * 0.3
}

/// (1 - p0)^2 + 5 (p1 - p0^2)^2.
fn rosenbrock<'t>(_: &'t Tape<f64>, p: Var<'t, f64>) -> Var<'t, f64> {
    let (x, y) = (p.slice(0), p.slice(1));
    (1.0 - x).square() + (y - x.square()).square() * 5.0
}

/// XOR with three tanh units and a linear output: p = [W1 (2x3), b1 (3), W2 (3x1), b2 (1)], mean square over the four rows.
fn xor<'t>(tape: &'t Tape<f64>, p: Var<'t, f64>) -> Var<'t, f64> {
    let x = tape.data([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]);
    let y = tape.data([[0.0], [1.0], [1.0], [0.0]]);
    let hidden = (x.matmul(p.slice(0..6).reshape([2, 3])) + p.slice(6..9)).tanh();
    (hidden.matmul(p.slice(9..12).reshape([3, 1])) + p.slice(12..13) - y).square().mean(())
}

/// An optimiser from PyTorch's names for it and its settings.
fn optimizer(name: &str, hyper: &Json) -> Result<Optimizer<f64>, String> {
    let mut settings = hyper.as_object().ok_or("hyper is no object")?.clone();
    settings.retain(|name, value| !HOW.contains(&name.as_str()) && !value.is_null());
    if name == "adamw" && settings.get("decoupled_weight_decay") == Some(&true.into()) {
        settings.remove("decoupled_weight_decay"); // what makes it AdamW: PyTorch lists it among the defaults
    }
    let maximize = match settings.remove("maximize") {
        Some(flag) => flag.as_bool().ok_or("maximize is no boolean")?,
        None => false,
    };
    let optimizer = optim::from_config(name, &settings.into()).map_err(|e| e.to_string())?;
    Ok(if maximize { optimizer.maximize() } else { optimizer })
}

/// All steps of one setting on one problem.
pub fn run_case(case: &Json, report: &mut Report) -> Result<(), String> {
    let name = text(&case["optimizer"])?;
    let mut optimizer = optimizer(name, &case["hyper"])?;
    let formula = problem(text(&case["problem"])?)?;
    let path = list(&case["params"])?.iter().map(numbers).collect::<Result<Vec<_>, _>>()?;
    let losses = numbers(&case["loss"])?;
    if path.len() != losses.len() || path.is_empty() {
        return Err(format!("{} points and {} losses", path.len(), losses.len()));
    }
    let relative = if name == "nadam" { NADAM } else { ABSOLUTE };
    let (mut params, key) = parameter(&path[0])?;
    optimizer.validate(&params).map_err(|e| e.to_string())?;
    for (k, (want, loss)) in path.iter().zip(&losses).enumerate() {
        let at = params[key].clone();
        report.compare_within("parameters", at.as_slice(), want, relative, relative, Scale::Element);
        let tape = Tape::new();
        let p = tape.var(&at);
        let loss_here = formula(&tape, p);
        let (value, gradient) = (loss_here.item(), loss_here.backward().wrt(p).clone());
        report.compare_within("loss", &[value], &[*loss], relative, relative, Scale::Element);
        if k == 0 && !case["grad_at_start"].is_null() {
            let want = numbers(&case["grad_at_start"])?;
            report.compare_within("gradient", gradient.as_slice(), &want, ABSOLUTE, ABSOLUTE, Scale::Array);
        }
        let mut grads = ParamGrads::new();
        grads.insert(key, gradient);
        optimizer.step(&mut params, &grads);
    }
    Ok(())
}

/// All numbers as one weight, so that decay acts on each.
fn parameter(p: &[f64]) -> Result<(Params<f64>, ParamKey), String> {
    let mut params = Params::new();
    let key = params.add("p", Role::Weight, Tensor::from(p.to_vec())).map_err(|e| e.to_string())?;
    Ok((params, key))
}

#[test]
fn what_cannot_be_run_is_named() {
    let fault = |case: Json| {
        let mut report = Report::new("made up");
        report.case(&case, run_case);
        report.failures().join("; ")
    };
    let case = |problem: &str, optimizer: &str, hyper: Json| {
        serde_json::json!({ "id": "made up", "problem": problem, "optimizer": optimizer, "hyper": hyper,
            "params": [[1.0, 2.0], [1.0, 2.0]], "loss": [0.0, 0.0] })
    };
    let lr = serde_json::json!({ "lr": 0.1 });
    assert!(fault(case("bowl", "adamantium", lr.clone())).contains("\"adamantium\""));
    assert!(fault(case("bucket", "adam", lr.clone())).contains("\"bucket\""));
    assert!(fault(case("bowl", "adam", serde_json::json!({ "lr": 0.1, "rho": 0.9 }))).contains("`rho`"));
    let wrong = fault(case("bowl", "sgd", lr));
    assert!(wrong.contains("loss: element 0") && wrong.contains("parameters: element 0"), "{wrong}");
}
