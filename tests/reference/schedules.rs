//! training.json: schedules of the learning rate, spelt as PyTorch's constructors.

use crate::compare::{Report, Scale};
use crate::json::{Json, numbers};
use retrograd::optim::schedule::{
    Constant, Cosine, CosineRestarts, Exponential, Linear, MultiStep, OneCycle, Polynomial, StepDecay,
};
use retrograd::optim::{Progress, Schedule};

const TOLERANCE: f64 = 1e-12;
const KEY: &str = "lr_schedules_base_lr_";

/// Every schedule of the file: the entries whose key states the base rate, `lr_schedules_base_lr_0_1_first_12_epochs`.
pub fn run(content: &Json, report: &mut Report) {
    let entries = content.as_object().expect("an object").iter();
    for (key, schedules) in entries.filter(|(key, _)| key.starts_with("lr_schedules")) {
        let base = base(key).unwrap_or_else(|| panic!("training.json: {key} states no base rate"));
        for (spelling, rates) in schedules.as_object().unwrap_or_else(|| panic!("{key} is no object")) {
            let case = serde_json::json!({ "id": spelling, "base": base, "rates": rates });
            report.case(&case, |case, report| {
                let schedule = parse(case["id"].as_str().unwrap_or_default())?;
                let base = case["base"].as_f64().expect("a number");
                compare(&*schedule, base, &numbers(&case["rates"])?, report)
            });
        }
    }
}

/// The 0.1 of `lr_schedules_base_lr_0_1_first_12_epochs`.
fn base(key: &str) -> Option<f64> {
    let rest = key.strip_prefix(KEY)?;
    rest.split_once("_first").map_or(rest, |(number, _)| number).replace('_', ".").parse().ok()
}

fn compare(schedule: &dyn Schedule, base: f64, want: &[f64], report: &mut Report) -> Result<(), String> {
    schedule.validate().map_err(|e| e.to_string())?;
    let got = |t: u64| {
        schedule.learning_rate(base, &Progress { epoch: t, step: t, steps_per_epoch: 1, ..Progress::default() })
    };
    let got: Vec<_> = (0..want.len() as u64).map(got).collect();
    report.compare_within("schedule", &got, want, TOLERANCE, TOLERANCE, Scale::Array);
    Ok(())
}

/// The schedule of `Name(arg=value,...)`; arguments without a name are those of PyTorch in order.
pub fn parse(spelling: &str) -> Result<Box<dyn Schedule>, String> {
    let (name, rest) = spelling.split_once('(').ok_or_else(|| format!("{spelling:?} is no call"))?;
    let inside = rest.trim_end().strip_suffix(')').ok_or_else(|| format!("{spelling:?} does not close"))?;
    let order = order(name.trim()).ok_or_else(|| format!("unknown schedule {name:?}"))?;
    let mut args = Args::read(name, inside, order)?;
    let schedule: Box<dyn Schedule> = match name.trim() {
        "StepLR" => Box::new(StepDecay::new(args.count("step_size")?, args.number_or("gamma", 0.1)?)),
        "MultiStepLR" => Box::new(MultiStep::new(args.counts("milestones")?, args.number_or("gamma", 0.1)?)),
        "ExponentialLR" => Box::new(Exponential::new(args.number("gamma")?)),
        "CosineAnnealingLR" => Box::new(Cosine::new(args.count("T_max")?).min(args.number_or("eta_min", 0.0)?)),
        "CosineAnnealingWarmRestarts" => Box::new(
            CosineRestarts::new(args.count("T_0")?)
                .growth(args.count_or("T_mult", 1)?)
                .min(args.number_or("eta_min", 0.0)?),
        ),
        "LinearLR" => Box::new(Linear::new(
            args.number_or("start_factor", 1.0 / 3.0)?,
            args.number_or("end_factor", 1.0)?,
            args.count_or("total_iters", 5)?,
        )),
        "PolynomialLR" => Box::new(Polynomial::new(args.count_or("total_iters", 5)?, args.number_or("power", 1.0)?)),
        "ConstantLR" => {
            Box::new(Constant::damped(args.number_or("factor", 1.0 / 3.0)?, args.count_or("total_iters", 5)?))
        }
        "OneCycleLR" => Box::new(one_cycle(&mut args)?),
        _ => return Err(format!("unknown schedule {name:?}")),
    };
    args.finish()?;
    Ok(schedule)
}

/// The names of a schedule's arguments, in PyTorch's order.
fn order(name: &str) -> Option<&'static [&'static str]> {
    Some(match name {
        "StepLR" => &["step_size", "gamma", "last_epoch"],
        "MultiStepLR" => &["milestones", "gamma", "last_epoch"],
        "ExponentialLR" => &["gamma", "last_epoch"],
        "CosineAnnealingLR" => &["T_max", "eta_min", "last_epoch"],
        "CosineAnnealingWarmRestarts" => &["T_0", "T_mult", "eta_min", "last_epoch"],
        "LinearLR" => &["start_factor", "end_factor", "total_iters", "last_epoch"],
        "PolynomialLR" => &["total_iters", "power", "last_epoch"],
        "ConstantLR" => &["factor", "total_iters", "last_epoch"],
        "OneCycleLR" => &[
            "max_lr",
            "total_steps",
            "epochs",
            "steps_per_epoch",
            "pct_start",
            "anneal_strategy",
            "cycle_momentum",
            "base_momentum",
            "max_momentum",
            "div_factor",
            "final_div_factor",
            "three_phase",
            "last_epoch",
        ],
        _ => return None,
    })
}

/// Momentum, which PyTorch's cycles as well, is no part of the rates.
fn one_cycle(args: &mut Args) -> Result<OneCycle, String> {
    for momentum in ["cycle_momentum", "base_momentum", "max_momentum"] {
        args.take(momentum);
    }
    let total = match args.has("total_steps") {
        true => args.count("total_steps")?,
        false => args.count("epochs")? * args.count("steps_per_epoch")?,
    };
    let mut cycle = OneCycle::new(args.number("max_lr")?, total)
        .up(args.number_or("pct_start", 0.3)?)
        .start_div(args.number_or("div_factor", 25.0)?)
        .final_div(args.number_or("final_div_factor", 1e4)?);
    match args.take("anneal_strategy").as_deref() {
        None | Some("cos") => {}
        Some("linear") => cycle = cycle.linear(),
        Some(other) => return Err(format!("OneCycleLR: unknown anneal_strategy {other:?}")),
    }
    match args.take("three_phase").as_deref() {
        None | Some("False" | "false") => {}
        Some("True" | "true") => cycle = cycle.three_phases(),
        Some(other) => return Err(format!("OneCycleLR: three_phase is {other:?}")),
    }
    Ok(cycle)
}

/// The arguments of a call that nothing has read yet.
struct Args {
    call: String,
    left: Vec<(String, String)>,
}

impl Args {
    fn read(call: &str, inside: &str, order: &[&str]) -> Result<Self, String> {
        let mut left: Vec<(String, String)> = Vec::new();
        for (i, argument) in split(inside).into_iter().enumerate() {
            let (name, value) = match argument.split_once('=') {
                Some((name, value)) => (name.trim(), value),
                None => (*order.get(i).ok_or_else(|| format!("{call}: too many arguments"))?, argument.as_str()),
            };
            if !order.contains(&name) {
                return Err(format!("{call}: unknown argument {name:?}"));
            }
            let quotes = |c: char| c == '\'' || c == '"' || c.is_whitespace();
            let value = value.trim_matches(quotes);
            if value != "None" && value != "null" && (name, value) != ("last_epoch", "-1") {
                left.push((name.to_owned(), value.to_owned()));
            }
        }
        Ok(Self { call: call.to_owned(), left })
    }
    fn has(&self, name: &str) -> bool {
        self.left.iter().any(|(known, _)| known == name)
    }
    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.left.iter().position(|(known, _)| known == name)?;
        Some(self.left.remove(at).1)
    }
    fn number(&mut self, name: &str) -> Result<f64, String> {
        let value = self.take(name).ok_or_else(|| format!("{}: {name} is missing", self.call))?;
        value.parse().map_err(|_| format!("{}: {name} is {value:?}, not a number", self.call))
    }
    fn number_or(&mut self, name: &str, default: f64) -> Result<f64, String> {
        if self.has(name) { self.number(name) } else { Ok(default) }
    }
    fn count(&mut self, name: &str) -> Result<u64, String> {
        let x = self.number(name)?;
        if x >= 0.0 && x.fract() == 0.0 { Ok(x as u64) } else { Err(format!("{}: {name} is {x}", self.call)) }
    }
    fn count_or(&mut self, name: &str, default: u64) -> Result<u64, String> {
        if self.has(name) { self.count(name) } else { Ok(default) }
    }
    fn counts(&mut self, name: &str) -> Result<Vec<u64>, String> {
        let value = self.take(name).ok_or_else(|| format!("{}: {name} is missing", self.call))?;
        let inside = value.trim_matches(|c| "[]()".contains(c));
        let items = inside.split(',').map(str::trim).filter(|item| !item.is_empty());
        items.map(|item| item.parse().map_err(|_| format!("{}: {name} is {value:?}", self.call))).collect()
    }
    fn finish(self) -> Result<(), String> {
        match self.left.first() {
            None => Ok(()),
            Some((name, value)) => Err(format!("{}: {name}={value} is not understood", self.call)),
        }
    }
}

/// The parts between commas that are in no bracket.
fn split(inside: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for c in inside.chars() {
        depth += i32::from("[(".contains(c)) - i32::from("])".contains(c));
        match c {
            ',' if depth == 0 => parts.push(String::new()),
            _ => parts.last_mut().expect("one at least").push(c),
        }
    }
    parts.retain(|part| !part.trim().is_empty());
    parts
}

#[test]
fn what_is_not_understood_is_named() {
    let fault = |spelling| parse(spelling).err().unwrap_or_default();
    assert_eq!(fault("NoSuchLR(a=1)"), "unknown schedule \"NoSuchLR\"");
    assert_eq!(fault("StepLR(step_size=3,gama=0.5)"), "StepLR: unknown argument \"gama\"");
    assert_eq!(fault("StepLR(gamma=0.5)"), "StepLR: step_size is missing");
    assert_eq!(fault("StepLR(step_size=2.5)"), "StepLR: step_size is 2.5");
    assert_eq!(fault("StepLR(step_size=3,last_epoch=4)"), "StepLR: last_epoch=4 is not understood");
    assert_eq!(
        fault("OneCycleLR(max_lr=1,total_steps=9,anneal_strategy='sine')"),
        "OneCycleLR: unknown anneal_strategy \"sine\""
    );
    assert!(parse("MultiStepLR([2, 5, 9], 0.1)").is_ok());
}
