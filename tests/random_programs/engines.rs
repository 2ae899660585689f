//! The engines that run any program: the tape in its modes, and compiled programs.
//!
//! Every engine gives the same list: the value, the gradient by each input, and the derivative by each input of the gradients'
//! sum along a fixed direction (a Hessian times a vector). What an engine does not compute is left out.

use crate::program::{Op, Program};
use crate::public;
use retrograd::program::Options;
use retrograd::{Element, Program as Compiled, Result, Tape, Tensor, Value, Var};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Outputs in order, each flat.
pub type Outputs = Vec<Option<Vec<f64>>>;

/// What came of a run.
#[derive(Clone, Debug)]
pub enum Outcome {
    Numbers(Outputs),
    Refused(String),
    Panicked(String),
}

/// What an engine's numbers are held to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Promise {
    /// The tape's, to rounding.
    Rounding,
    /// The tape's to rounding where all numbers on the way are finite.
    RoundingIfFinite,
    /// The bits of the engine with this name.
    BitsOf(&'static str),
}

pub struct Run {
    pub engine: &'static str,
    pub promise: Promise,
    pub outcome: Outcome,
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// From now on a panic prints its message, unless it is one that is looked for.
pub fn hush_what_is_caught() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !QUIET.get() {
            print(info);
        }
    }));
}

/// The result, or the panic's payload, of which nothing is printed.
pub fn catch<R>(run: impl FnOnce() -> R) -> std::thread::Result<R> {
    let before = QUIET.replace(true);
    let result = catch_unwind(AssertUnwindSafe(run));
    QUIET.set(before);
    result
}

/// What a panic said.
pub fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(|text| text.to_string())).unwrap_or_default()
}

/// The engine's result, its error, or its panic.
pub fn caught(run: impl FnOnce() -> Result<Outputs>) -> Outcome {
    match catch(run) {
        Ok(Ok(outputs)) => Outcome::Numbers(outputs),
        Ok(Err(error)) => Outcome::Refused(error.to_string()),
        Err(payload) => Outcome::Panicked(message(&*payload)),
    }
}

pub fn flat<T: Element>(x: &Tensor<T>) -> Option<Vec<f64>> {
    Some(x.iter().map(|x| x.to_f64()).collect())
}

/// The direction of second derivatives: ordinary numbers of both signs.
pub fn direction<T: Element>(input: usize, element: usize) -> T {
    T::from_f64([0.75, -0.5, 1.25, -1.0, 0.5][(input * 2 + element) % 5])
}

pub fn directions<T: Element>(program: &Program) -> Vec<Tensor<T>> {
    let of = |(k, input): (usize, &crate::program::Numbers)| {
        Tensor::new(&input.shape[..], (0..input.values.len()).map(|j| direction(k, j)).collect()).unwrap()
    };
    program.inputs.iter().enumerate().map(of).collect()
}

/// Which derivatives are compared: large programs stop at the first.
pub fn wants_second(program: &Program) -> bool {
    program.inputs.iter().all(|input| input.values.len() < 500)
}

/// The sum of the gradients along the direction.
fn along<'t, T: Element>(tape: &'t Tape<T>, program: &Program, gradients: &[Var<'t, T>]) -> Result<Var<'t, T>> {
    let mut total = Var::constant(T::from_f64(0.0));
    for (gradient, direction) in gradients.iter().zip(directions::<T>(program)) {
        total = total.try_add(gradient.try_mul(tape.data(direction))?.try_sum(())?)?;
    }
    Ok(total)
}

/// All outputs, recorded on a tape, whose variables may be a program's.
fn outputs<'t, T: Element>(
    tape: &'t Tape<T>,
    program: &Program,
    x: &[Var<'t, T>],
    seed: Var<'t, T>,
) -> Result<Vec<Var<'t, T>>> {
    let y = program.record(x)?;
    let gradients = tape.try_vjp(y, seed, x)?;
    let mut outputs = vec![y];
    outputs.extend(&gradients);
    if wants_second(program) {
        outputs.extend(tape.try_grad(along(tape, program, &gradients)?, x)?);
    }
    Ok(outputs)
}

/// The reference: values as recorded, gradients swept back in numbers.
pub fn tape<T: Element>(program: &Program) -> Result<Outputs> {
    tape_with::<T>(program, |_, _, value| value)
}

/// The same, with each node's value exchanged: how sensitive the outputs are to what happens inside.
pub fn tape_with<T: Element>(
    program: &Program,
    after: impl for<'t> FnMut(&Op, &[Var<'t, T>], Var<'t, T>) -> Var<'t, T>,
) -> Result<Outputs> {
    let tape = Tape::<T>::of();
    let x: Vec<_> = program.tensors().iter().map(|x| tape.var(x)).collect();
    let y = program.record_with(&x, after)?;
    let seed = program.seed.tensor::<T>();
    let swept = y.try_backward_with(seed.clone())?;
    let mut outputs = vec![flat(&y.value())];
    for &x in &x {
        outputs.push(flat(&swept.try_wrt(x)?));
    }
    if wants_second(program) {
        let gradients = tape.try_vjp(y, tape.data(seed), &x)?;
        let second = along(&tape, program, &gradients)?.try_backward()?;
        for &x in &x {
            outputs.push(flat(&second.try_wrt(x)?));
        }
    }
    Ok(outputs)
}

fn recorded<T: Element>(program: &Program) -> Result<Outputs> {
    let tape = Tape::<T>::of();
    let x: Vec<_> = program.tensors().iter().map(|x| tape.var(x)).collect();
    let seed = tape.data(program.seed.tensor::<T>());
    Ok(outputs(&tape, program, &x, seed)?.iter().map(|y| flat(&y.value())).collect())
}

/// So many forward passes at most.
const PASSES: usize = 12;

pub fn few(program: &Program) -> bool {
    program.inputs.iter().map(|input| input.values.len()).sum::<usize>() <= PASSES
}

/// The seed's product with a column of the Jacobian; what is not wanted does not count.
pub fn weighted<T: Element>(program: &Program, column: &[T]) -> f64 {
    let terms = column.iter().zip(&program.seed.values);
    terms.filter(|&(_, &seed)| seed != 0.0).map(|(d, seed)| d.to_f64() * seed).sum()
}

/// First derivatives column by column, second ones forward over the recorded gradient.
fn forward<T: Element>(program: &Program) -> Result<Outputs> {
    let tape = Tape::<T>::of();
    let tensors = program.tensors::<T>();
    let x: Vec<_> = tensors.iter().map(|x| tape.var(x)).collect();
    let y = program.record(&x)?;
    let mut outputs = vec![flat(&y.value())];
    for (x, tensor) in x.iter().zip(&tensors) {
        let mut gradient = vec![0.0; tensor.len()];
        for (j, total) in gradient.iter_mut().enumerate().filter(|_| few(program)) {
            let mut unit = Tensor::zeros(tensor.shape());
            unit.as_mut_slice()[j] = T::from_f64(1.0);
            let column = tape.jvp(y, &[(*x, unit.into())])?;
            *total = weighted(program, column.as_slice());
        }
        outputs.push(few(program).then_some(gradient));
    }
    if wants_second(program) {
        let gradients = tape.try_vjp(y, tape.data(program.seed.tensor::<T>()), &x)?;
        let tangents: Vec<_> = x.iter().copied().zip(directions::<T>(program).into_iter().map(Value::from)).collect();
        for second in tape.jvp_all(&gradients, &tangents)? {
            outputs.push(flat(&second.into_tensor()));
        }
    }
    Ok(outputs)
}

/// A number between 0.15 and 0.92 that looks drawn: of a simpler row of numbers, matrices would be singular.
fn ordinary<T: Element>(input: usize, element: usize) -> T {
    let k = 1000 * input + element;
    T::from_f64(0.15 + 0.77 * (1e4 * (k as f64 + 1.0).sin()).rem_euclid(1.0))
}

/// Ordinary inputs of the same shapes.
pub fn elsewhere<T: Element>(x: &[Tensor<T>]) -> Vec<Tensor<T>> {
    let of =
        |(k, x): (usize, &Tensor<T>)| Tensor::new(x.shape(), (0..x.len()).map(|j| ordinary(k, j)).collect()).unwrap();
    x.iter().enumerate().map(of).collect()
}

/// A compiled program, made at these inputs and run at the program's own.
fn compiled<T: Element>(program: &Program, options: Options, away: bool) -> Result<Outputs> {
    let mut inputs = program.tensors::<T>();
    inputs.push(program.seed.tensor());
    let made_at = if away { elsewhere(&inputs) } else { inputs.clone() };
    let failed = RefCell::new(None);
    let made = options.compile(&made_at, |v| {
        let tape = v[0].tape();
        let (seed, x) = v.split_last().expect("the seed");
        outputs(tape, program, x, *seed).unwrap_or_else(|error| {
            failed.replace(Some(error));
            Vec::new()
        })
    });
    if let Some(error) = failed.into_inner() {
        return Err(error);
    }
    let mut made: Compiled<T> = made?;
    made.verify()?;
    made.run(&inputs.iter().collect::<Vec<_>>())?;
    Ok((0..made.output_shapes().count()).map(|k| flat(&made.tensor(k))).collect())
}

/// Compiled elsewhere, run here: the engine that child processes answer for.
pub fn elsewhere_compiled<T: Element>(program: &Program) -> Result<Outputs> {
    compiled::<T>(program, Options::new(), true)
}

/// Gradients that the compiler takes itself, of the output's sum with the seed.
fn compiled_gradient<T: Element>(program: &Program) -> Result<Outputs> {
    let mut inputs = program.tensors::<T>();
    let n = inputs.len();
    inputs.push(program.seed.tensor());
    let failed = RefCell::new(None);
    let by: Vec<usize> = (0..n).collect();
    let made = Options::new().gradient(&by).compile(&inputs, |v| {
        let total = program.record(&v[..n]).and_then(|y| Ok(vec![y.try_mul(v[n])?.try_sum(())?, y]));
        total.unwrap_or_else(|error| {
            failed.replace(Some(error));
            Vec::new()
        })
    });
    if let Some(error) = failed.into_inner() {
        return Err(error);
    }
    let mut made = made?;
    made.run(&inputs.iter().collect::<Vec<_>>())?;
    Ok((1..n + 2).map(|k| flat(&made.tensor(k))).collect())
}

/// A function compiled when it is called, called elsewhere before.
fn function<T: Element>(program: &Program) -> Result<Outputs> {
    let mut inputs = program.tensors::<T>();
    inputs.push(program.seed.tensor());
    let failed = RefCell::new(None);
    let mut function = retrograd::compile(|v: &[Var<'_, T>]| {
        let tape = v[0].tape();
        let (seed, x) = v.split_last().expect("the seed");
        outputs(tape, program, x, *seed).unwrap_or_else(|error| {
            failed.replace(Some(error));
            Vec::new()
        })
    });
    let mut found = Vec::new();
    for at in [elsewhere(&inputs), inputs] {
        let called = function.call(&at.iter().collect::<Vec<_>>()).map(|made| {
            found = (0..made.output_shapes().count()).map(|k| flat(&made.tensor(k))).collect();
        });
        if let Some(error) = failed.take() {
            return Err(error);
        }
        called?;
    }
    Ok(found)
}

/// All outputs of the last of two examples, mapped: every other input is a stack of both, with other numbers in the first, and the rest is
/// shared.
fn mapped<'t, T: Element>(program: &Program, v: &[Var<'t, T>]) -> Result<Vec<Var<'t, T>>> {
    let tape = v[0].tape();
    let over: Vec<Var<'t, T>> = v.iter().copied().step_by(2).collect();
    let found = tape.try_vmap(&over, |example| {
        let one: Vec<_> = v.iter().enumerate().map(|(k, &x)| if k % 2 == 0 { example[k / 2] } else { x }).collect();
        let (seed, x) = one.split_last().expect("the seed");
        outputs(tape, program, x, *seed)
    });
    found?.into_iter().map(|y| y.try_slice(1)).collect()
}

/// What [`mapped`] takes.
fn examples<T: Element>(program: &Program) -> Vec<Tensor<T>> {
    let mut inputs = program.tensors::<T>();
    inputs.push(program.seed.tensor());
    // Other numbers, of which a matrix stays as definite as it is.
    let both = |(k, x): (usize, &Tensor<T>)| {
        if k % 2 == 0 { Tensor::stack(&[x * T::from_f64(1.25), x.clone()], 0) } else { x.clone() }
    };
    inputs.iter().enumerate().map(both).collect()
}

fn mapped_on_a_tape<T: Element>(program: &Program) -> Result<Outputs> {
    let tape = Tape::<T>::of();
    let v: Vec<_> = examples(program).iter().map(|x| tape.var(x)).collect();
    Ok(mapped(program, &v)?.iter().map(|y| flat(&y.value())).collect())
}

fn mapped_in_a_program<T: Element>(program: &Program) -> Result<Outputs> {
    let inputs = examples(program);
    let mut failed = Ok(());
    let made = Options::new().compile(&inputs, |v| {
        mapped(program, v).unwrap_or_else(|error| {
            failed = Err(error);
            Vec::new()
        })
    });
    failed?;
    let mut made: Compiled<T> = made?;
    made.verify()?;
    made.run(&inputs.iter().collect::<Vec<_>>())?;
    Ok((0..made.output_shapes().count()).map(|k| flat(&made.tensor(k))).collect())
}

/// Everything but the reference.
pub fn all<T: Element>(program: &Program) -> Vec<Run> {
    let run = |engine, promise, outcome| Run { engine, promise, outcome };
    let large = !wants_second(program);
    let mut runs = vec![
        run("recorded", Promise::Rounding, caught(|| recorded::<T>(program))),
        run("program", Promise::Rounding, caught(|| compiled::<T>(program, Options::new(), false))),
        run(
            "program, two threads",
            Promise::BitsOf("program"),
            caught(|| compiled::<T>(program, Options::new().threads(2), false)),
        ),
    ];
    if large {
        return runs;
    }
    runs.push(run("forward", Promise::Rounding, caught(|| forward::<T>(program))));
    runs.push(run(
        "program, elsewhere",
        Promise::BitsOf("program"),
        caught(|| compiled::<T>(program, Options::new(), true)),
    ));
    runs.push(run("function", Promise::BitsOf("program"), caught(|| function::<T>(program))));
    runs.push(run("program, its gradient", Promise::Rounding, caught(|| compiled_gradient::<T>(program))));
    runs.push(run("recorded tangents", Promise::Rounding, caught(|| public::recorded_tangents::<T>(program))));
    runs.push(run("compiled step", Promise::Rounding, caught(|| public::compiled_step::<T>(program))));
    runs.push(run("jacobian of many", Promise::Rounding, caught(|| public::jacobian_of_many::<T>(program))));
    runs.push(run("jacobian of one", Promise::Rounding, caught(|| public::jacobian_of_one::<T>(program))));
    runs.push(run("mapped", Promise::Rounding, caught(|| mapped_on_a_tape::<T>(program))));
    runs.push(run("mapped, in a program", Promise::Rounding, caught(|| mapped_in_a_program::<T>(program))));
    let relaxed = Options::new().relaxed(true);
    runs.push(run("relaxed", Promise::RoundingIfFinite, caught(|| compiled::<T>(program, relaxed, true))));
    if program.is_of_numbers() {
        runs.extend(crate::numbers::all::<T>(program));
    }
    runs
}
