//! Derivatives inside derivatives, forward or backward each: what `particle` and `saddle` share.
//!
//! A function is written once over any number. The inner gradient takes numbers, dual numbers or variables and gives the same, so
//! whatever is computed with it can be differentiated again, by the outer derivative.

use retrograd::{Dual, Error, Number, Program, Tape, Tensor, Var};

/// A number whose value can be read, for comparisons, which are not differentiated.
pub(crate) trait Scalar: Number {
    fn plain(&self) -> f64;
}

impl Scalar for f64 {
    fn plain(&self) -> f64 {
        *self
    }
}

impl<S: Scalar> Scalar for Dual<S> {
    fn plain(&self) -> f64 {
        self.value.plain()
    }
}

impl Scalar for Var<'_, f64> {
    fn plain(&self) -> f64 {
        self.item()
    }
}

/// A function of two numbers, with parameters.
pub(crate) trait Field {
    /// How many parameters there are.
    const PARAMETERS: usize;
    fn value<S: Number>(&self, x: [S; 2], parameters: &[S]) -> S;
}

/// The gradient of a function of two numbers, by a way of its own.
pub(crate) trait Gradient<S> {
    fn at(&mut self, x: [S; 2], parameters: &[S]) -> [S; 2];
}

/// Forward: a pass over dual numbers for each of the two.
pub(crate) struct Forward<F>(pub(crate) F);

impl<S: Number, F: Field> Gradient<S> for Forward<F> {
    fn at(&mut self, x: [S; 2], parameters: &[S]) -> [S; 2] {
        let mut held = [Dual::constant(S::lit(0.0)); 2];
        let held = &mut held[..F::PARAMETERS];
        for (held, &parameter) in held.iter_mut().zip(parameters) {
            *held = Dual::constant(parameter);
        }
        let along = |i: usize| {
            let mut x = x.map(Dual::constant);
            x[i] = Dual::variable(x[i].value);
            self.0.value(x, held).tangent
        };
        [along(0), along(1)]
    }
}

/// Backward. For numbers the gradient is recorded and compiled once; for dual numbers with its derivative along a direction. For
/// variables it is recorded on their tape.
pub(crate) struct Reverse<F> {
    field: F,
    plain: Program<f64>,
    along: Program<f64>,
}

/// The gradient by the first two, recorded.
fn recorded<'t>(field: &impl Field, x: &[Var<'t, f64>]) -> Vec<Var<'t, f64>> {
    x[0].tape().grad(field.value([x[0], x[1]], &x[2..]), &x[..2])
}

impl<F: Field> Reverse<F> {
    pub(crate) fn new(field: F) -> Result<Self, Error> {
        let n = 2 + F::PARAMETERS;
        let numbers = |count: usize| vec![Tensor::scalar(1.0); count];
        let plain = Program::compile(&numbers(n), |x| recorded(&field, x))?;
        let along = Program::compile(&numbers(2 * n), |x| {
            let (x, tangents) = x.split_at(n);
            let gradient = recorded(&field, x);
            let moved: Vec<_> = x.iter().copied().zip(tangents.iter().copied()).collect();
            let tangents: Vec<_> = gradient
                .iter()
                .map(|&slope| x[0].tape().try_record_jvp(slope, &moved).expect("a tangent for each number"))
                .collect();
            [gradient, tangents].concat()
        })?;
        Ok(Self { field, plain, along })
    }
}

impl<F: Field> Gradient<f64> for Reverse<F> {
    fn at(&mut self, x: [f64; 2], parameters: &[f64]) -> [f64; 2] {
        let mut inputs = [0.0; 4];
        inputs[..2].copy_from_slice(&x);
        inputs[2..2 + F::PARAMETERS].copy_from_slice(parameters);
        self.plain.run_numbers(&inputs[..2 + F::PARAMETERS]).expect("as many numbers as it was compiled for");
        let mut gradient = [0.0; 2];
        self.plain.items_into(0, &mut gradient);
        gradient
    }
}

impl<F: Field> Gradient<Dual<f64>> for Reverse<F> {
    fn at(&mut self, x: [Dual<f64>; 2], parameters: &[Dual<f64>]) -> [Dual<f64>; 2] {
        let n = 2 + F::PARAMETERS;
        let mut inputs = [0.0; 8];
        for (i, x) in x.iter().chain(parameters).enumerate() {
            (inputs[i], inputs[n + i]) = (x.value, x.tangent);
        }
        self.along.run_numbers(&inputs[..2 * n]).expect("as many numbers as it was compiled for");
        let mut found = [0.0; 4];
        self.along.items_into(0, &mut found);
        [Dual::new(found[0], found[2]), Dual::new(found[1], found[3])]
    }
}

impl<'t, F: Field> Gradient<Var<'t, f64>> for Reverse<F> {
    fn at(&mut self, x: [Var<'t, f64>; 2], parameters: &[Var<'t, f64>]) -> [Var<'t, f64>; 2] {
        let gradient = x[0].tape().grad(self.field.value(x, parameters), &x);
        [gradient[0], gradient[1]]
    }
}

/// The outer derivative.
#[derive(Clone, Copy)]
pub(crate) enum Outer {
    Forward,
    Reverse,
}

/// The point that a descent with growing and shrinking steps ends at, as GradBench prescribes it. `value` is of plain numbers, since
/// it is only compared; derivatives pass through the steps.
pub(crate) fn descend<S: Scalar, const N: usize>(
    start: [S; N],
    mut value: impl FnMut([f64; N]) -> Result<f64, Error>,
    mut gradient: impl FnMut([S; N]) -> Result<[S; N], Error>,
) -> Result<[S; N], Error> {
    const TOLERANCE: f64 = 1e-5;
    const AFTER: u32 = 10;
    let norm = |x: [f64; N]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
    let plain = |x: &[S; N]| x.each_ref().map(S::plain);
    let (mut x, mut height, mut slope) = (start, value(plain(&start))?, gradient(start)?);
    let (mut step, mut successes) = (1e-5, 0);
    for _ in 0..MOST_STEPS {
        if norm(plain(&slope)) <= TOLERANCE {
            return Ok(x);
        }
        if successes == AFTER {
            (step, successes) = (step * 2.0, 0);
            continue;
        }
        let next: [S; N] = std::array::from_fn(|i| x[i] - slope[i] * S::lit(step));
        let moved: [f64; N] = std::array::from_fn(|i| x[i].plain() - next[i].plain());
        if norm(moved) <= TOLERANCE {
            return Ok(x);
        }
        let next_height = value(plain(&next))?;
        if next_height < height {
            (x, height, slope, successes) = (next, next_height, gradient(next)?, successes + 1);
        } else {
            (step, successes) = (step / 2.0, 0);
        }
    }
    Err(Error::argument(format!("the descent does not end in {MOST_STEPS} steps")))
}

/// Steps after which a descent or a flight is given up.
pub(crate) const MOST_STEPS: usize = 1 << 22;

/// Records a function of some numbers, and gives its gradient.
pub(crate) fn on_tape<const N: usize>(
    tape: &mut Tape<f64>,
    x: [f64; N],
    f: impl for<'t> FnOnce([Var<'t, f64>; N]) -> Result<Var<'t, f64>, Error>,
) -> Result<[f64; N], Error> {
    let x = x.map(|x| tape.var(x));
    let grads = f(x)?.backward();
    let gradient = x.map(|x| grads.item(x));
    tape.recycle(grads);
    tape.clear();
    Ok(gradient)
}
