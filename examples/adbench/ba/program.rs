//! Scalars: some observations recorded and compiled once, with their blocks of the Jacobian, run again for all the others. What
//! they have in common is done for all of them in one loop.

use super::super::problem::Method;
use super::{Ba, CHUNK, INPUTS, Observation, body, is_rotated, record_chunk};
use retrograd::{Error, Program, Tape, Tensor, Var};

/// What an observation's part of the program takes: what it depends on, and its feature.
const TAKES: usize = INPUTS + 2;
/// What it leaves: both errors and that of the weight, their two rows of the block and the derivative by the weight.
const LEAVES: usize = 3 + 2 * INPUTS + 1;

/// Prepares the mode.
pub(crate) fn method(ba: &Ba) -> Result<Method<'_>, String> {
    let mut program = compile().map_err(|error| error.to_string())?;
    let mut tape = Tape::new();
    let p = ba.observations.len();
    let run = move |values: &mut [f64], nonzeros: &mut [f64]| {
        let (errors, weight_errors) = values.split_at_mut(2 * p);
        let (blocks, weight_rows) = nonzeros.split_at_mut(2 * INPUTS * p);
        let outputs = errors.chunks_mut(2 * CHUNK).zip(weight_errors.chunks_mut(CHUNK));
        let derivatives = blocks.chunks_mut(2 * INPUTS * CHUNK).zip(weight_rows.chunks_mut(CHUNK));
        for ((seen, (e, g)), (blocks, weight_rows)) in ba.observations.chunks(CHUNK).zip(outputs).zip(derivatives) {
            // The formula of a camera without rotation is another one, and so is a chunk's end.
            let rotated = seen.iter().all(|seen| is_rotated(&ba.cameras[seen.camera as usize]));
            if rotated && seen.len() == CHUNK {
                run_chunk(ba, seen, &mut program, [e, g, blocks, weight_rows]);
            } else {
                record_chunk(ba, seen, &tape, [e, g, blocks, weight_rows]);
                tape.clear();
            }
        }
    };
    Ok(Method { how: "scalars, a compiled program of 64 observations", run: Box::new(run) })
}

fn compile() -> Result<Program<f64>, Error> {
    // Any camera that sees its point.
    let example = [0.1, 0.2, 0.3, 0.0, 0.0, -5.0, 1.0, 0.0, 0.0, 0.1, 0.1, 0.5, 0.5, 0.5, 1.0, 0.0, 0.0];
    let inputs: Vec<Tensor<f64>> = (0..CHUNK * TAKES).map(|i| Tensor::scalar(example[i % TAKES])).collect();
    Program::compile(&inputs, |x| x.chunks_exact(TAKES).flat_map(|x| observation(x[0].tape(), x)).collect())
}

/// What an observation leaves.
fn observation<'t>(tape: &'t Tape<f64>, x: &[Var<'t, f64>]) -> Vec<Var<'t, f64>> {
    let (inputs, feature) = x.split_first_chunk::<INPUTS>().expect("as many as are taken");
    let [e0, e1] = body::reprojection(inputs, [feature[0], feature[1]], true);
    let g = body::weight_error(inputs[14]);
    let mut left = vec![e0, e1, g];
    left.extend(tape.grad(e0, inputs));
    left.extend(tape.grad(e1, inputs));
    left.extend(tape.grad(g, &inputs[14..]));
    left
}

fn run_chunk(ba: &Ba, seen: &[Observation], program: &mut Program<f64>, [e, g, blocks, weight_rows]: [&mut [f64]; 4]) {
    let mut inputs = [0.0; CHUNK * TAKES];
    for (seen, inputs) in seen.iter().zip(inputs.chunks_exact_mut(TAKES)) {
        inputs[..INPUTS].copy_from_slice(&ba.inputs(seen));
        inputs[INPUTS..].copy_from_slice(&seen.feature);
    }
    program.run_numbers(&inputs).expect("as many numbers as it was compiled for");
    for i in 0..CHUNK {
        let first = i * LEAVES;
        e[2 * i] = program.item(first);
        e[2 * i + 1] = program.item(first + 1);
        g[i] = program.item(first + 2);
        for (k, slot) in blocks[i * 2 * INPUTS..][..2 * INPUTS].iter_mut().enumerate() {
            *slot = program.item(first + 3 + k);
        }
        weight_rows[i] = program.item(first + LEAVES - 1);
    }
}
