//! The engines that users reach by one call: recorded tangents, compiled steps, `jacobian` by the mode that its sizes pick.

use crate::engines::{Outputs, directions, elsewhere, few, flat, wants_second, weighted};
use crate::program::Program;
use retrograd::functional::jacobian;
use retrograd::{Compiled, Element, Result, Tape, Tensor, Var};
use smallvec::smallvec;
use std::cell::RefCell;

/// First derivatives along recorded tangents, column by column; second ones backward over a recorded tangent.
pub fn recorded_tangents<T: Element>(program: &Program) -> Result<Outputs> {
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
            let column = tape.try_record_jvp(y, &[(*x, tape.data(unit))])?;
            *total = weighted(program, column.value().as_slice());
        }
        outputs.push(few(program).then_some(gradient));
    }
    if wants_second(program) {
        let directions = directions::<T>(program).into_iter().map(|direction| tape.data(direction));
        let tangents: Vec<_> = x.iter().copied().zip(directions).collect();
        let tangent = tape.try_record_jvp(y, &tangents)?;
        let swept = tangent.try_backward_with(program.seed.tensor::<T>())?;
        for &x in &x {
            outputs.push(flat(&swept.try_wrt(x)?));
        }
    }
    Ok(outputs)
}

/// A step that is recorded and compiled at other numbers, and replayed at the program's own.
pub fn compiled_step<T: Element>(program: &Program) -> Result<Outputs> {
    let here: Vec<_> = program.tensors::<T>().into_iter().chain([program.seed.tensor()]).collect();
    let mut compiled = Compiled::<T>::new();
    let mut outputs = Vec::new();
    for at in [elsewhere(&here), here] {
        let (seed, inputs) = at.split_last().expect("the seed");
        let step = compiled.step_with(0, &(), |tape, ()| {
            let x: Vec<_> = inputs.iter().map(|x| tape.var(x)).collect();
            let y = program.record(&x)?;
            let loss = y.try_mul(tape.data(seed.clone()))?.try_sum(())?;
            Ok((loss, smallvec![y], x.iter().map(|x| x.id()).collect::<Vec<_>>()))
        })?;
        outputs = vec![flat(&step.values[0])];
        for (&id, x) in step.rest.iter().zip(inputs) {
            // A number's gradient stands among the numbers.
            let gradient = match (step.gradients.get(id), step.gradients.get_item(id)) {
                (Some(gradient), _) => gradient.clone(),
                (None, Some(number)) => Tensor::full(x.shape(), number),
                (None, None) => Tensor::zeros(x.shape()),
            };
            outputs.push(flat(&gradient));
        }
        compiled.recycle(step.gradients);
    }
    Ok(outputs)
}

/// The derivatives by one input as `jacobian` gives them of what this makes of the output.
fn by_jacobian<T: Element>(
    program: &Program,
    input: usize,
    make: impl for<'t> Fn(Var<'t, T>, Var<'t, T>) -> Result<Var<'t, T>>,
) -> Result<Tensor<T>> {
    let tensors = program.tensors::<T>();
    let failed = RefCell::new(None);
    let found = jacobian(
        |x| {
            let tape = x.tape();
            let of = |k: usize| if k == input { x } else { tape.data(tensors[k].clone()) };
            let all: Vec<_> = (0..tensors.len()).map(of).collect();
            program.record(&all).and_then(|y| make(x, y)).unwrap_or_else(|error| {
                failed.replace(Some(error));
                x
            })
        },
        tensors[input].clone(),
    );
    failed.into_inner().map_or(Ok(found), Err)
}

/// `jacobian` of the output with the input beside it, which has more values than the point: the mode is forward.
pub fn jacobian_of_many<T: Element>(program: &Program) -> Result<Outputs> {
    let mut outputs = vec![None];
    for (k, input) in program.inputs.iter().enumerate() {
        let n = input.values.len();
        if !few(program) || n == 0 {
            outputs.push(None);
            continue;
        }
        let both = by_jacobian::<T>(program, k, |x, y| {
            // A constant is recorded, to stand beside the input.
            let y = if y.get_tape().is_none() { x.tape().data(Tensor::scalar(y.item())) } else { y };
            Var::try_concat(&[y.try_reshape([y.numel()])?, x.try_reshape([x.numel()])?], 0)
        })?;
        let rows = program.seed.values.len();
        let columns = (0..n).map(|j| (0..rows).map(|i| both.as_slice()[i * n + j]).collect::<Vec<_>>());
        outputs.push(Some(columns.map(|column| weighted(program, &column)).collect()));
    }
    Ok(outputs)
}

/// `jacobian` of the output's sum with the seed: the mode is reverse where the point has more than one number.
pub fn jacobian_of_one<T: Element>(program: &Program) -> Result<Outputs> {
    let seed = program.seed.tensor::<T>();
    let mut outputs = vec![None];
    for (k, input) in program.inputs.iter().enumerate() {
        let several = input.values.len() > 1;
        let row =
            several.then(|| by_jacobian::<T>(program, k, |x, y| y.try_mul(x.tape().data(seed.clone()))?.try_sum(())));
        outputs.push(row.transpose()?.and_then(|row| flat(&row)));
    }
    Ok(outputs)
}
