//! The engines of numbers, for elementwise programs: one element at a time, and mapped over them.

use crate::engines::{Outputs, Promise, Run, caught, direction};
use crate::noise::Noisy;
use crate::program::Program;
use retrograd::program::Options;
use retrograd::{Dual, Element, Points, Program as Compiled, Result, Tape, Tensor, Var};

/// The inputs of an element.
fn at<T: Element>(program: &Program, element: usize) -> Vec<T> {
    program.inputs.iter().map(|input| T::from_f64(input.values[element])).collect()
}

fn seed<T: Element>(program: &Program, element: usize) -> T {
    T::from_f64(program.seed.values[element])
}

/// Outputs put together from those of each element.
fn each<T: Element>(program: &Program, mut one: impl FnMut(usize) -> Result<Vec<Option<T>>>) -> Result<Outputs> {
    let n = program.inputs.len();
    let mut outputs: Outputs = vec![Some(Vec::new()); 1 + 2 * n];
    for element in 0..program.seed.values.len() {
        let numbers = one(element)?;
        for (output, number) in outputs.iter_mut().zip(numbers.into_iter().chain(std::iter::repeat(None))) {
            match number {
                Some(number) => output.iter_mut().for_each(|output| output.push(number.to_f64())),
                None => *output = None,
            }
        }
    }
    Ok(outputs)
}

fn swept<T: Element>(program: &Program) -> Result<Outputs> {
    each(program, |element| {
        let tape = Tape::<T>::of();
        let x = tape.vars(&at(program, element));
        let y = program.numbers(&x);
        let grads = y.try_backward_with(Tensor::scalar(seed::<T>(program, element)))?;
        let mut found = vec![Some(y.item())];
        found.extend(x.iter().map(|&x| Some(grads.item(x))));
        let gradients = tape.try_vjp(y, tape.data(Tensor::scalar(seed::<T>(program, element))), &x)?;
        let terms = gradients.iter().enumerate().map(|(i, &g)| g * direction::<T>(i, element));
        let second = terms.sum::<Var<'_, T>>().try_backward()?;
        found.extend(x.iter().map(|&x| Some(second.item(x))));
        Ok(found)
    })
}

/// Several sweeps at once, in lanes.
fn several<T: Element>(program: &Program) -> Result<Outputs> {
    let n = program.inputs.len();
    each(program, |element| {
        let tape = Tape::<T>::of();
        let x = tape.vars(&at(program, element));
        let y = program.numbers(&x);
        let seed = seed::<T>(program, element);
        let rows = tape.vjp_many(&[y], &x, &Tensor::new([3, 1], vec![T::from_f64(1.0), seed, T::from_f64(0.0)])?)?;
        let mut found = vec![Some(y.item())];
        found.extend(rows.as_slice()[n..2 * n].iter().map(|&g| Some(g)));
        Ok(found)
    })
}

fn compiled<T: Element>(program: &Program) -> Result<Outputs> {
    let n = program.inputs.len();
    let ordinary = vec![Tensor::scalar(T::from_f64(0.5)); n + 1];
    let mut made = Compiled::<T>::compile(&ordinary, |v| {
        let tape = v[0].tape();
        let (x, y) = (&v[..n], program.numbers(&v[..n]));
        let gradients = tape.try_vjp(y, v[n], x).expect("numbers of one tape");
        let terms = gradients.iter().zip(0..).map(|(&g, i)| g * direction::<T>(i, 0));
        let second = tape.grad(terms.sum(), x);
        std::iter::once(y).chain(gradients.iter().copied()).chain(second).collect()
    })?;
    each(program, |element| {
        let mut numbers = at::<T>(program, element);
        numbers.push(seed(program, element));
        made.run_numbers(&numbers)?;
        // The direction is the first element's, so that one program serves all.
        let kept = if element % 5 == 0 { 1 + 2 * n } else { 1 + n };
        Ok((0..1 + 2 * n).map(|k| (k < kept).then(|| made.item(k))).collect())
    })
}

/// A zero upstream stays zero.
fn times<T: Element>(seed: T, tangent: T) -> Option<T> {
    Some(if seed == T::from_f64(0.0) { seed } else { seed * tangent })
}

fn dual<T: Element>(program: &Program) -> Result<Outputs> {
    each(program, |element| {
        let (x, seed) = (at::<T>(program, element), seed::<T>(program, element));
        let (zero, one) = (T::from_f64(0.0), T::from_f64(1.0));
        let unit = |i: usize, j: usize| if i == j { one } else { zero };
        let mut found = vec![Some(program.numbers(&x))];
        for j in 0..x.len() {
            let x: Vec<_> = x.iter().enumerate().map(|(i, &x)| Dual::new(x, unit(i, j))).collect();
            found.push(times(seed, program.numbers(&x).tangent));
        }
        for j in 0..x.len() {
            let x: Vec<_> = x
                .iter()
                .enumerate()
                .map(|(i, &x)| {
                    let x = Dual::new(Noisy(x), Noisy(direction(i, element)));
                    Dual::new(x, Dual::constant(Noisy(unit(i, j))))
                })
                .collect();
            found.push(times(seed, program.numbers(&x).tangent.tangent.0));
        }
        Ok(found)
    })
}

/// All inputs side by side, element by element, and the seed.
fn table<T: Element>(program: &Program) -> Vec<T> {
    let element = |k| at::<T>(program, k).into_iter().chain([seed(program, k)]);
    (0..program.seed.values.len()).flat_map(element).collect()
}

/// Column j of rows of so many numbers.
fn column<T: Element>(rows: &[T], width: usize, j: usize) -> Option<Vec<f64>> {
    Some(rows.iter().skip(j).step_by(width).map(|x| x.to_f64()).collect())
}

fn map_gradient<T: Element>(program: &Program) -> Result<Outputs> {
    let (n, points) = (program.inputs.len(), program.seed.values.len());
    let (numbers, mut rows) = (table::<T>(program), vec![T::from_f64(0.0); points * n]);
    let by: Vec<usize> = (0..n).collect();
    let mut map = Options::new().map_gradient::<T>(n + 1, 0, &by, |x, _| program.numbers(&x[..n]) * x[n])?;
    map.gradient_with_inputs(&Points::new(points).rows(&numbers, n + 1), &[], &mut [], &mut rows)?;
    let mut values = Options::new().map::<T>(n + 1, 0, |x, _| vec![program.numbers(&x[..n])])?;
    let values = values.run(&Points::new(points).rows(&numbers, n + 1), &[])?;
    let gradients = (0..n).map(|j| column(&rows, n, j));
    Ok(std::iter::once(column(values.as_slice(), 1, 0)).chain(gradients).collect())
}

fn map_jacobian<T: Element>(program: &Program) -> Result<Outputs> {
    let (n, points) = (program.inputs.len(), program.seed.values.len());
    let numbers = table::<T>(program);
    let by: Vec<usize> = (0..n).collect();
    let mut map = Options::new().map_jacobian::<T>(n + 1, 0, &by, |x, _| vec![program.numbers(&x[..n])])?;
    let (values, blocks) = map.jacobian(&Points::new(points).rows(&numbers, n + 1), &[])?;
    let mut blocks = blocks.as_slice().to_vec();
    for (k, derivative) in blocks.iter_mut().enumerate() {
        *derivative = times(seed(program, k / n), *derivative).expect("a product");
    }
    let gradients = (0..n).map(|j| column(&blocks, n, j));
    Ok(std::iter::once(column(values.as_slice(), 1, 0)).chain(gradients).collect())
}

pub fn all<T: Element>(program: &Program) -> Vec<Run> {
    let run = |engine, outcome| Run { engine, promise: Promise::Rounding, outcome };
    vec![
        run("numbers", caught(|| swept::<T>(program))),
        run("numbers, several", caught(|| several::<T>(program))),
        run("numbers, program", caught(|| compiled::<T>(program))),
        run("dual", caught(|| dual::<T>(program))),
        run("map, gradient", caught(|| map_gradient::<T>(program))),
        run("map, jacobian", caught(|| map_jacobian::<T>(program))),
    ]
}
