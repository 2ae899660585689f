//! What the four problems have in common: modes, how a derivative is computed, timing, packed vectors.

use retrograd::{Program, Tape, Tensor, Var};
use serde_json::{Map, Value, json};
use std::fmt;
use std::hint::black_box;
use std::path::Path;
use std::str::FromStr;
use std::time::Instant;

/// What is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Scalars, on every call.
    Tape,
    /// Scalars, once; run again on every call.
    Program,
    /// The body of one point or observation, once; run over all of them on every call.
    Map,
    /// Whole tensors.
    Tensor,
}

impl Mode {
    /// Every mode.
    pub(crate) const ALL: [Mode; 4] = [Mode::Tape, Mode::Program, Mode::Map, Mode::Tensor];
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mode::Tape => "tape",
            Mode::Program => "program",
            Mode::Map => "map",
            Mode::Tensor => "tensor",
        })
    }
}

impl FromStr for Mode {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|mode| mode.to_string() == text).ok_or(())
    }
}

/// A way to the derivative, prepared for its data: what is recorded once is recorded.
pub(crate) struct Method<'a> {
    /// What it does, in words.
    pub(crate) how: &'static str,
    /// Writes the objective and the derivative.
    pub(crate) run: Box<dyn FnMut(&mut [f64], &mut [f64]) + 'a>,
}

/// A problem with its data.
pub(crate) trait Problem: Sized {
    /// What it is called.
    const NAME: &'static str;
    /// The modes that it has, the best first.
    const MODES: &'static [Mode];

    /// Reads a file.
    fn read(path: &Path) -> Result<Self, String>;
    /// How many numbers the objective and its derivative have.
    fn lengths(&self) -> [usize; 2];
    /// The objective in plain Rust.
    fn objective(&self, values: &mut [f64]);
    /// Prepares a mode; an error for one that the problem does not have.
    fn method(&self, mode: Mode) -> Result<Method<'_>, String>;
    /// The members of the reference files that are this problem's own.
    fn describe(&self, values: &[f64], derivative: &[f64]) -> Map<String, Value>;
    /// The two in a few lines.
    fn summary(&self, values: &[f64], derivative: &[f64]) -> String;
}

/// That a problem lacks a mode.
pub(crate) fn no_such_mode<P: Problem>(mode: Mode) -> String {
    let modes: Vec<_> = P::MODES.iter().map(Mode::to_string).collect();
    format!("{}: there is no mode {mode} here; there are {}", P::NAME, modes.join(", "))
}

/// What a run found.
pub(crate) struct Outcome {
    pub(crate) how: &'static str,
    /// The objective, as the mode computed it.
    pub(crate) values: Vec<f64>,
    pub(crate) derivative: Vec<f64>,
    pub(crate) objective_us: f64,
    pub(crate) derivative_us: f64,
}

impl Outcome {
    pub(crate) fn ratio(&self) -> f64 {
        self.derivative_us / self.objective_us
    }
}

/// The objective and its derivative in a mode.
pub(crate) fn evaluate<P: Problem>(problem: &P, mode: Mode) -> Result<(Vec<f64>, Vec<f64>), String> {
    let [n_values, n_derivative] = problem.lengths();
    let (mut values, mut derivative) = (vec![0.0; n_values], vec![0.0; n_derivative]);
    (problem.method(mode)?.run)(&mut values, &mut derivative);
    Ok((values, derivative))
}

/// Computes and times, for about so many seconds each.
pub(crate) fn measure<P: Problem>(problem: &P, mode: Mode, seconds: f64) -> Result<Outcome, String> {
    let [n_values, n_derivative] = problem.lengths();
    let (mut plain, mut values, mut derivative) = (vec![0.0; n_values], vec![0.0; n_values], vec![0.0; n_derivative]);
    let Method { how, mut run } = problem.method(mode)?;
    let objective_us = microseconds(seconds, || black_box(problem).objective(black_box(&mut plain)));
    let derivative_us = microseconds(seconds, || run(black_box(&mut values), black_box(&mut derivative)));
    Ok(Outcome { how, values, derivative, objective_us, derivative_us })
}

/// The least time of a call: one in no time, else at least three, for so many seconds.
fn microseconds(seconds: f64, mut call: impl FnMut()) -> f64 {
    let (mut least, started) = (f64::INFINITY, Instant::now());
    for i in 0.. {
        let call_started = Instant::now();
        call();
        least = least.min(call_started.elapsed().as_secs_f64());
        if seconds == 0.0 || i >= 2 && started.elapsed().as_secs_f64() >= seconds {
            break;
        }
    }
    least * 1e6
}

/// Records a scalar function of numbers, and writes its gradient; returns its value.
pub(crate) fn scalar_gradient<F>(tape: &mut Tape<f64>, x: &[f64], f: F, gradient: &mut [f64]) -> f64
where
    F: for<'t> FnOnce(&[Var<'t, f64>]) -> Var<'t, f64>,
{
    let value = {
        let x = tape.vars(x);
        let y = f(&x);
        let grads = y.backward();
        for (slot, &x) in gradient.iter_mut().zip(&x) {
            *slot = grads.item(x);
        }
        tape.recycle(grads);
        y.item()
    };
    tape.clear();
    value
}

/// A scalar function of tensors with its gradient, one tensor after the other: recorded on every call, or compiled once,
/// whichever is faster here.
pub(crate) fn tensor_method<'a, const N: usize, F>(inputs: [Tensor<f64>; N], f: F) -> Result<Method<'a>, String>
where
    F: for<'t> Fn(&'t Tape<f64>, [Var<'t, f64>; N]) -> Var<'t, f64> + 'a,
{
    let by: Vec<usize> = (0..N).collect();
    let compiled = Program::compile_gradient(&inputs, &by, |x| f(x[0].tape(), std::array::from_fn(|i| x[i])));
    let mut program = compiled.map_err(|error| error.to_string())?;
    let n = inputs.iter().map(Tensor::len).sum();
    let (mut value, mut gradient) = ([0.0], vec![0.0; n]);
    let mut tape = Tape::new();
    let mut time = |run: &mut dyn FnMut(&mut [f64], &mut [f64])| {
        run(&mut value, &mut gradient);
        microseconds(1e-3, || run(&mut value, &mut gradient))
    };
    let eager = time(&mut |values, gradient| values[0] = tensor_gradient(&mut tape, &inputs, &f, gradient));
    if time(&mut |values, gradient| values[0] = run_program(&mut program, &inputs, gradient)) < eager {
        let run = move |values: &mut [f64], gradient: &mut [f64]| {
            values[0] = run_program(&mut program, &inputs, gradient);
        };
        return Ok(Method { how: "tensors, a compiled program", run: Box::new(run) });
    }
    let run = move |values: &mut [f64], gradient: &mut [f64]| {
        values[0] = tensor_gradient(&mut tape, &inputs, &f, gradient);
    };
    Ok(Method { how: "tensors, recorded each call, one sweep", run: Box::new(run) })
}

/// Records a scalar function of tensors, and writes its gradient; returns its value.
fn tensor_gradient<const N: usize, F>(
    tape: &mut Tape<f64>,
    inputs: &[Tensor<f64>; N],
    f: &F,
    gradient: &mut [f64],
) -> f64
where
    F: for<'t> Fn(&'t Tape<f64>, [Var<'t, f64>; N]) -> Var<'t, f64>,
{
    let (value, ids, grads) = tape.step(|tape| {
        let x = inputs.each_ref().map(|x| tape.var(x));
        (f(tape, x), x.map(Var::id))
    });
    let mut rest = gradient;
    for (id, x) in ids.into_iter().zip(inputs) {
        let (part, after) = rest.split_at_mut(x.len());
        match grads.get(id) {
            Some(g) => part.copy_from_slice(g.as_slice()),
            None => part.fill(0.0),
        }
        rest = after;
    }
    tape.recycle(grads);
    value
}

/// The same of a program that has the value as its first output, and then the gradient.
fn run_program<const N: usize>(program: &mut Program<f64>, inputs: &[Tensor<f64>; N], gradient: &mut [f64]) -> f64 {
    program.run(&inputs.each_ref()).expect("the shapes that it was compiled for");
    let mut rest = gradient;
    for k in 1..=N {
        let g = program.output(k);
        let (part, after) = rest.split_at_mut(g.len());
        part.copy_from_slice(g);
        rest = after;
    }
    program.item(0)
}

/// A vector as the reference files pack it: whole where it is short, else its ends.
pub(crate) fn pack(x: &[f64]) -> Value {
    let sum: f64 = x.iter().sum();
    let l2 = x.iter().map(|x| x * x).sum::<f64>().sqrt();
    let mut packed = json!({ "length": x.len(), "sum": sum, "l2": l2, "max_abs": max_abs(x) });
    if x.len() < 2000 {
        packed["values"] = x.into();
    } else {
        packed["first_200"] = x[..200].into();
        packed["last_20"] = x[x.len() - 20..].into();
    }
    packed
}

/// The largest absolute value; NaN if there is one.
pub(crate) fn max_abs(x: &[f64]) -> f64 {
    x.iter().fold(0.0, |largest: f64, x| if x.abs() > largest || x.is_nan() { x.abs() } else { largest })
}

/// A vector in a line.
pub(crate) fn in_a_line(x: &[f64]) -> String {
    let shown: Vec<_> = x.iter().take(4).map(|x| format!("{x:.9e}")).collect();
    let more = if x.len() > 4 { ", ..." } else { "" };
    let l2 = x.iter().map(|x| x * x).sum::<f64>().sqrt();
    format!("{} numbers, l2 {l2:.12e}, max_abs {:.12e}: {}{more}", x.len(), max_abs(x), shown.join(", "))
}
