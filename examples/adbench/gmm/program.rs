//! Scalars: the body of some points recorded and compiled once with its gradient, run again for all the others.

use super::super::problem::Method;
use super::tape::{finish, sweep_points};
use super::{Gmm, body};
use retrograd::{Error, Program, Tape, Tensor};

/// About how many nodes a program's recording has.
const NODES: usize = 1 << 16;

/// Prepares the mode.
pub(crate) fn method(gmm: &Gmm) -> Result<Method<'_>, String> {
    let n_points = (NODES / (gmm.k * (gmm.d + 1) * (gmm.d + 2))).clamp(1, gmm.n);
    let mut program = compile(gmm, n_points).map_err(|error| error.to_string())?;
    let mut tape = Tape::new();
    let run = move |values: &mut [f64], gradient: &mut [f64]| {
        let shared = body::shared(gmm, &gmm.parameters);
        let mut adjoints = vec![0.0; shared.len()];
        let mut inputs = vec![0.0; n_points * gmm.d];
        inputs.extend(&shared);
        let mut total = 0.0;
        for points in gmm.x.chunks(n_points * gmm.d) {
            if points.len() < n_points * gmm.d {
                // Those left over are too few for the program.
                total += sweep_points(gmm, points, &tape, &shared, &mut adjoints);
                tape.clear();
                continue;
            }
            inputs[..points.len()].copy_from_slice(points);
            program.run_numbers(&inputs).expect("as many numbers as it was compiled for");
            total += program.item(0);
            for (k, sum) in adjoints.iter_mut().enumerate() {
                *sum += program.item(1 + k);
            }
        }
        values[0] = total + finish(gmm, &mut tape, &adjoints, gradient);
    };
    Ok(Method { how: "scalars, a compiled program of some points", run: Box::new(run) })
}

/// The sum of some points' terms and its gradient by what they share; inputs are the points, then that.
fn compile(gmm: &Gmm, n_points: usize) -> Result<Program<f64>, Error> {
    let points = &gmm.x[..n_points * gmm.d];
    let shared = body::shared(gmm, &gmm.parameters);
    let inputs: Vec<Tensor<f64>> = points.iter().chain(&shared).map(|&x| Tensor::scalar(x)).collect();
    Program::compile(&inputs, |inputs| {
        let tape = inputs[0].tape();
        let (points, shared) = inputs.split_at(points.len());
        let mut scratch = Vec::new();
        let mut term = |x| body::point_term([gmm.d, gmm.k], x, shared, &mut scratch, |t| t.detach());
        let mut points = points.chunks_exact(gmm.d);
        let first = term(points.next().expect("a point at least"));
        let total = points.fold(first, |sum, x| sum + term(x));
        let mut outputs = vec![total];
        outputs.extend(tape.grad(total, shared));
        outputs
    })
}
