//! Scalars, recorded and compiled once with the gradient, run again on every call.

use super::super::problem::Method;
use super::{Lstm, body};
use retrograd::{Program, Tensor};

/// Prepares the mode.
pub(crate) fn method(lstm: &Lstm) -> Result<Method<'_>, String> {
    let inputs: Vec<Tensor<f64>> = lstm.parameters.iter().map(|&x| Tensor::scalar(x)).collect();
    let by: Vec<usize> = (0..inputs.len()).collect();
    let compiled = Program::compile_gradient(&inputs, &by, |x| body::loss(lstm, x));
    let mut program = compiled.map_err(|error| error.to_string())?;
    let run = move |values: &mut [f64], gradient: &mut [f64]| {
        program.run_numbers(&lstm.parameters).expect("as many numbers as it was compiled for");
        values[0] = program.item(0);
        for (k, slot) in gradient.iter_mut().enumerate() {
            *slot = program.item(1 + k);
        }
    };
    Ok(Method { how: "scalars, a compiled program", run: Box::new(run) })
}
