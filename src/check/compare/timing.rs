//! Hand-coded, autodiff and the compiled program, timed in one run.

use super::{Compare, Timing};
use crate::check::replay::variables;
use crate::error::{Error, Result};
use crate::program::{Options, Program};
use crate::tape::Tape;
use crate::tensor::Tensor;
use std::time::{Duration, Instant};

/// How long each is run at least, and how often.
const LEAST: Duration = Duration::from_millis(20);
const MOST_RUNS: usize = 2000;
/// Of fewer runs, all may have been interrupted on a busy machine.
const LEAST_RUNS: usize = 5;

/// The best of many runs of each, in turn, so that all see the same machine.
pub(super) fn measure(compare: &Compare<'_>, mut by_hand: Box<dyn FnMut() + '_>) -> Result<Timing> {
    let mut tape = Tape::new();
    let (mut program, why_not) = match compiled(compare) {
        Ok(program) => (Some(program), String::new()),
        Err(error) => (None, error.to_string()),
    };
    let point: Vec<&Tensor<f64>> = compare.point.iter().collect();
    let [mut hand, mut autodiff, mut replayed] = [Duration::MAX; 3];
    let began = Instant::now();
    for run in 1..=MOST_RUNS {
        let start = Instant::now();
        by_hand();
        hand = hand.min(start.elapsed());
        let start = Instant::now();
        let grads = {
            let output = (compare.f)(&tape, &variables(&tape, &compare.point))?;
            output.try_backward()?
        };
        tape.clear();
        autodiff = autodiff.min(start.elapsed());
        tape.recycle(grads);
        if let Some(program) = &mut program {
            let start = Instant::now();
            program.run(&point)?;
            replayed = replayed.min(start.elapsed());
        }
        if run >= LEAST_RUNS && began.elapsed() > LEAST {
            break;
        }
    }
    Ok(Timing { hand, autodiff, program: program.map(|_| replayed).ok_or(why_not) })
}

/// The function with its gradients as a program, which has run at the point and agrees with the tape there.
fn compiled(compare: &Compare<'_>) -> Result<Program<f64>> {
    let mut failed = None;
    let by: Vec<usize> = (0..compare.point.len()).collect();
    let program = Options::new().gradient(&by).compile(&compare.point, |vars| {
        let tape = vars[0].tape();
        let output = (compare.f)(tape, vars).map_err(|error| failed = Some(error));
        output.into_iter().collect()
    });
    // What the function says went wrong says more than that it has no output.
    let mut program = program.map_err(|error| failed.unwrap_or(error))?;
    program.run(&compare.point.iter().collect::<Vec<_>>())?;
    let tape = Tape::new();
    let vars = variables(&tape, &compare.point);
    let output = (compare.f)(&tape, &vars)?;
    let grads = output.try_backward()?;
    let expected = std::iter::once(output.value()).chain(vars.iter().map(|&var| grads.wrt(var)));
    for (k, expected) in expected.enumerate() {
        for (found, expected) in program.output(k).iter().zip(expected.iter()) {
            if (found - expected).abs() > 1e-9 * expected.abs().max(1.0) {
                return Err(Error::argument(format!("its output {k} is {found}, that of the tape {expected}")));
            }
        }
    }
    Ok(program)
}
