//! Closures compiled when they are called.
//!
//! In compiler terms: just-in-time compilation: a cache of programs keyed by the shapes of the arguments.

use super::variants::Variants;
use super::{Options, Program};
use crate::error::{Error, Result};
use crate::num::Element;
use crate::tape::Var;
use crate::tensor::{Shape, Tensor};

/// More recordings than this of one function are not kept; the one that was used least recently goes.
const KEPT: usize = 16;

/// A closure that is compiled when it is called: recorded once for each combination of shapes, and once more whenever a
/// comparison that its control flow hangs on goes a way that no recording has gone.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, compile};
/// let mut f = compile(|v| {
///     let total = v[0].sum(());
///     vec![if total > 0.0 { total.ln() } else { -total }]
/// });
/// assert_eq!(f.call(&[&Tensor::from([0.25, 0.75])])?.item(0), 0.0);
/// assert_eq!(f.call(&[&Tensor::from([-3.0, 1.0])])?.item(0), 2.0);
/// assert_eq!(f.call(&[&Tensor::from([1.0])])?.item(0), 0.0);
/// assert_eq!(f.recordings(), 3);
/// # Ok::<(), retrograd::Error>(())
/// ```
pub struct Function<T: 'static, F> {
    build: F,
    options: Options,
    variants: Variants<Program<T>>,
    recordings: usize,
}

/// A function that is compiled when it is called. Its closure gives the outputs; gradients may be among them, by `tape.grad`.
///
/// What the closure captures is a constant of the program: a number or tensor from outside is frozen at what it was when the
/// function was recorded for these shapes, also where it changes later (a `Cell`, a random number, the time). What shall
/// change is an input.
///
/// ```
/// use retrograd::{Tensor, compile};
/// let rate = std::cell::Cell::new(1.0);
/// let mut f = compile(|v| vec![v[0] * rate.get()]);
/// assert_eq!(f.call(&[&Tensor::scalar(3.0)])?.item(0), 3.0);
/// rate.set(2.0);
/// assert_eq!(f.call(&[&Tensor::scalar(3.0)])?.item(0), 3.0);
/// // As an input it is read at each call.
/// let mut g = compile(|v| vec![v[0] * v[1]]);
/// assert_eq!(g.call(&[&Tensor::scalar(3.0), &Tensor::scalar(rate.get())])?.item(0), 6.0);
/// # Ok::<(), retrograd::Error>(())
/// ```
/// For other settings: [`Options::function`].
pub fn compile<T, F>(build: F) -> Function<T, F>
where
    T: Element,
    F: for<'t> Fn(&[Var<'t, T>]) -> Vec<Var<'t, T>>,
{
    Options::new().function(build)
}

impl Options {
    /// As [`compile`], by these settings. Inputs that are carried and outputs that are written out are for programs, not for
    /// functions of several shapes: calls are errors.
    pub fn function<T, F>(&self, build: F) -> Function<T, F>
    where
        T: Element,
        F: for<'t> Fn(&[Var<'t, T>]) -> Vec<Var<'t, T>>,
    {
        Function { build, options: self.clone(), variants: Variants::new(KEPT), recordings: 0 }
    }
}

impl<T, F> Function<T, F>
where
    T: Element,
    F: for<'t> Fn(&[Var<'t, T>]) -> Vec<Var<'t, T>>,
{
    /// Runs on these inputs, and gives the program that did, whose outputs are the results.
    ///
    /// # Errors
    /// The closure reads a plain number out of a variable; an op refuses its numbers, in a run: as it is recorded, the closure's own
    /// methods panic or return that; settings that do not fit, and inputs carried or outputs written out.
    pub fn call(&mut self, inputs: &[&Tensor<T>]) -> Result<&Program<T>> {
        if self.options.stack.is_some() {
            return Err(Error::argument(
                "compile: stack is for a program of one set of shapes (Options::compile), not for a function of several",
            ));
        }
        if !(self.options.carried.is_empty() && self.options.written_out.is_empty()) {
            return Err(Error::argument(
                "compile: carry and write_out are for a program of one set of shapes (Options::compile), not for a function of several",
            ));
        }
        let fits = |program: &Program<T>| {
            let shapes: &[Shape] = &program.inputs;
            shapes.len() == inputs.len() && shapes.iter().zip(inputs).all(|(shape, input)| shape == input.shape())
        };
        let found = self.variants.find(fits, |program| match program.run(inputs) {
            Err(_) if program.has_diverged() => Ok(None),
            ran => ran.map(Some),
        })?;
        if found.is_none() {
            let examples: Vec<Tensor<T>> = inputs.iter().map(|&input| input.clone()).collect();
            let mut program = self.options.compile(&examples, &self.build)?;
            self.recordings += 1;
            program.run(inputs)?;
            self.variants.keep(program, |_| true, KEPT);
        }
        Ok(self.variants.last(|_| true).expect("it has just run"))
    }

    /// How often the closure was recorded so far.
    pub fn recordings(&self) -> usize {
        self.recordings
    }
}
