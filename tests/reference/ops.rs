//! ops.json: one op or composition at one point, by every way of differentiating it.

use crate::compare::{Report, Scale};
use crate::conventions::{decide, times};
use crate::elementwise::elementwise;
use crate::functions::{build, nth, number_lists};
use crate::json::{Json, numbers, tensor, tensors, text};
use retrograd::{Dual, Tape, Tensor, Value, Var};

/// A function, the point, the directions, and what is expected there.
pub struct Case {
    pub op: String,
    pub formula: String,
    pub params: Json,
    pub inputs: Vec<Tensor<f64>>,
    pub cotangent: Tensor<f64>,
    tangents: Vec<Tensor<f64>>,
    expected: Expected,
}

/// What the authority says; second derivatives are missing at singular points.
struct Expected {
    output: Vec<f64>,
    vjp: Vec<Vec<f64>>,
    jvp: Jvp,
    hvp: Option<Vec<Vec<f64>>>,
}

enum Jvp {
    Values(Vec<f64>),
    /// <cotangent, J tangents>, which the vector-Jacobian products fix where no engine gives J tangents itself.
    Total(f64),
}

/// Runs a case on tensors, and, for an elementwise op, each element on the scalar lane and on dual numbers.
pub fn run_case(case: &Json, report: &mut Report) -> Result<(), String> {
    let case = Case::read(case)?;
    on_variables(&case, report, TENSOR_NAMES)?;
    for element in case.elements()? {
        on_variables(&element, report, SCALAR_NAMES)?;
        on_duals(&element, report)?;
    }
    Ok(())
}

impl Case {
    fn read(case: &Json) -> Result<Self, String> {
        let mut read = Case {
            op: text(&case["op"])?.into(),
            formula: text(&case["formula"])?.into(),
            params: case["params"].clone(),
            inputs: tensors(&case["inputs"])?,
            cotangent: tensor(&case["cotangent"])?,
            tangents: tensors(&case["tangents"])?,
            expected: Expected { output: Vec::new(), vjp: Vec::new(), jvp: Jvp::Total(0.0), hvp: None },
        };
        read.expected = read.authority(case)?;
        // Lists are walked side by side: one too short would leave inputs without a comparison.
        let n = read.inputs.len();
        let lists = [("tangents", read.tangents.len()), ("vjp", read.expected.vjp.len())];
        let second = read.expected.hvp.iter().map(|hvp| ("hvp", hvp.len()));
        if let Some((name, found)) = lists.into_iter().chain(second).find(|&(_, found)| found != n || n == 0) {
            return Err(format!("{name}: {found} arrays for {n} inputs"));
        }
        Ok(read)
    }

    /// mpmath where it speaks, else the table of conventions, else PyTorch, else, for what PyTorch lacks, JAX and autograd.
    fn authority(&self, case: &Json) -> Result<Expected, String> {
        let field =
            |name: &str| ["mpmath", "torch", "jax", "autograd"].iter().map(|e| &case[*e][name]).find(|f| !f.is_null());
        let output = numbers(field("output").ok_or("no engine gives an output")?)?;
        let exact = &case["mpmath"];
        let mut vjp = number_lists(field("vjp").ok_or("no engine gives a gradient")?)?;
        if exact["vjp"].is_null() {
            decide(self, &mut vjp);
        }
        let jvp = match &exact["jvp"] {
            Json::Null => {
                let along = vjp.iter().zip(&self.tangents).map(|(vjp, tangent)| dot(tangent.as_slice(), vjp));
                Jvp::Total(along.sum())
            }
            jvp => Jvp::Values(numbers(jvp)?),
        };
        let hvp = if exact["hvp"].is_null() { None } else { Some(number_lists(&exact["hvp"])?) };
        Ok(Expected { output, vjp, jvp, hvp })
    }

    /// For an elementwise op without broadcasting: the same op at each element, with numbers for tensors.
    fn elements(&self) -> Result<Vec<Case>, String> {
        let point: Vec<f64> = vec![1.0; self.inputs.len()];
        let shape = self.cotangent.shape();
        let same = self.inputs.iter().all(|input| input.shape() == shape);
        if !same || elementwise(&self.op, &self.params, &point)?.is_none() {
            return Ok(Vec::new());
        }
        let pick = |lists: &[Vec<f64>], i: usize| lists.iter().map(|list| vec![list[i]]).collect();
        let element = |i: usize| {
            let vjp: Vec<Vec<f64>> = pick(&self.expected.vjp, i);
            let tangents: Vec<_> = self.tangents.iter().map(|tangent| nth(tangent, i)).collect();
            let jvp = match &self.expected.jvp {
                Jvp::Values(values) => Jvp::Values(vec![values[i]]),
                Jvp::Total(_) => Jvp::Total(vjp.iter().zip(&tangents).map(|(v, t)| dot(t.as_slice(), v)).sum()),
            };
            let hvp = self.expected.hvp.as_ref().map(|hvp| pick(hvp, i));
            Case {
                op: self.op.clone(),
                formula: self.formula.clone(),
                params: self.params.clone(),
                inputs: self.inputs.iter().map(|input| nth(input, i)).collect(),
                cotangent: nth(&self.cotangent, i),
                tangents,
                expected: Expected { output: vec![self.expected.output[i]], vjp, jvp, hvp },
            }
        };
        Ok((0..self.cotangent.len()).map(element).collect())
    }
}

/// The sum of products in which a zero on the left, a direction not taken, hides what is on the right.
fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(&l, &r)| times(l, r)).sum()
}

/// What comparisons are called in the summary: on tensors, or on the scalar lane.
struct Names {
    output: &'static str,
    vjp: [&'static str; 2],
    jvp: [&'static str; 2],
    hvp: [&'static str; 3],
}

const TENSOR_NAMES: Names = Names {
    output: "value",
    vjp: ["vjp", "vjp recorded"],
    jvp: ["jvp", "jvp recorded"],
    hvp: ["hvp forward over reverse", "hvp reverse over reverse", "hvp reverse over forward"],
};
const SCALAR_NAMES: Names = Names {
    output: "scalar value",
    vjp: ["scalar vjp", "scalar vjp recorded"],
    jvp: ["scalar jvp", "scalar jvp recorded"],
    hvp: ["scalar hvp forward over reverse", "scalar hvp reverse over reverse", "scalar hvp reverse over forward"],
};

fn on_variables(case: &Case, report: &mut Report, names: Names) -> Result<(), String> {
    let said = |error: retrograd::Error| error.to_string();
    let tape = Tape::new();
    let xs: Vec<_> = case.inputs.iter().map(|input| tape.var(input)).collect();
    let y = build(&tape, case, &xs)?;
    report.compare(names.output, y.value().as_slice(), &case.expected.output, Scale::Element);

    let grads = y.try_backward_with(case.cotangent.clone()).map_err(said)?;
    for (x, want) in xs.iter().zip(&case.expected.vjp) {
        report.compare(names.vjp[0], grads.try_wrt(*x).map_err(said)?.as_slice(), want, Scale::Array);
    }
    let cotangent = tape.data(&case.cotangent);
    for (gradient, want) in tape.try_vjp(y, cotangent, &xs).map_err(said)?.iter().zip(&case.expected.vjp) {
        report.compare(names.vjp[1], gradient.value().as_slice(), want, Scale::Array);
    }

    let numbers: Vec<_> = xs.iter().zip(&case.tangents).map(|(&x, t)| (x, Value::from(t.clone()))).collect();
    let variables: Vec<_> = xs.iter().zip(&case.tangents).map(|(&x, t)| (x, tape.data(t))).collect();
    compare_jvp(case, report, names.jvp[0], tape.jvp(y, &numbers).map_err(said)?.as_slice());
    let recorded = tape.try_record_jvp(y, &variables).map_err(said)?;
    compare_jvp(case, report, names.jvp[1], recorded.value().as_slice());

    // Singular points: no engine is an authority on second derivatives there, but they must run.
    let gradients = tape.try_grad((y * cotangent).sum(()), &xs).map_err(said)?;
    let forward = tape.jvp_all(&gradients, &numbers).map_err(said)?;
    let forward: Vec<_> = forward.into_iter().map(Value::into_tensor).collect();
    let along: Var<f64> = gradients.iter().zip(&variables).map(|(g, (_, t))| (*g * *t).sum(())).sum();
    let reverse = tape.try_grad(along, &xs).map_err(said)?;
    let other = tape.try_vjp(recorded, cotangent, &xs).map_err(said)?;
    let Some(hvp) = &case.expected.hvp else { return Ok(()) };
    for (k, want) in hvp.iter().enumerate() {
        report.compare(names.hvp[0], forward[k].as_slice(), want, Scale::Array);
        report.compare(names.hvp[1], reverse[k].value().as_slice(), want, Scale::Array);
        report.compare(names.hvp[2], other[k].value().as_slice(), want, Scale::Array);
    }
    Ok(())
}

fn compare_jvp(case: &Case, report: &mut Report, name: &'static str, got: &[f64]) {
    match &case.expected.jvp {
        Jvp::Values(want) => report.compare(name, got, want, Scale::Array),
        Jvp::Total(want) => {
            report.compare(name, &[dot(case.cotangent.as_slice(), got)], &[*want], Scale::Array);
        }
    }
}

/// An elementwise op at one element: the derivative along the tangents, and by each input, carried by dual numbers.
fn on_duals(case: &Case, report: &mut Report) -> Result<(), String> {
    let cotangent = case.cotangent.item();
    let along = |k: usize| -> Result<Dual<Dual<f64>>, String> {
        let points = case.inputs.iter().zip(&case.tangents).enumerate().map(|(i, (x, t))| {
            let unit = if i == k { 1.0 } else { 0.0 };
            Dual::new(Dual::new(x.item(), unit), Dual::new(t.item(), 0.0))
        });
        let y = elementwise(&case.op, &case.params, &points.collect::<Vec<_>>())?;
        y.ok_or_else(|| format!("unknown op {}", case.op))
    };
    for k in 0..case.inputs.len() {
        let y = along(k)?;
        report.compare("dual value", &[y.value.value], &case.expected.output, Scale::Element);
        report.compare("dual vjp", &[times(cotangent, y.value.tangent)], &case.expected.vjp[k], Scale::Array);
        compare_jvp(case, report, "dual jvp", &[y.tangent.value]);
        if let Some(hvp) = &case.expected.hvp {
            report.compare("dual hvp", &[times(cotangent, y.tangent.tangent)], &hvp[k], Scale::Array);
        }
    }
    Ok(())
}
