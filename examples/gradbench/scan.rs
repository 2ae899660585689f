//! A loop whose state goes from step to step, differentiated: the step is recorded and compiled once, forward and backward.
//!
//! A recording of all steps would grow with their number, and so would its compiling. So a program takes one step, and what the
//! states were is kept; another, made of the same closure by the engine, goes back through one step: it takes the adjoints of
//! what the step left, and gives those of what it read. In the words of others: a scan, with a checkpoint for each step.

use retrograd::program::Options;
use retrograd::{Error, Program, Tensor, Var};

/// A step: of the state, what all steps share and what is this step's own, the next state.
pub(crate) trait Step {
    /// The next state, of the shape of the state, and then what the step emits.
    fn next<'t>(&self, state: &[Var<'t, f64>], shared: &[Var<'t, f64>], own: &[Var<'t, f64>]) -> Vec<Var<'t, f64>>;
}

/// How many tensors a step takes of each kind.
#[derive(Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) state: usize,
    pub(crate) shared: usize,
    pub(crate) emitted: usize,
}

impl Counts {
    fn split<'a, 't>(self, x: &'a [Var<'t, f64>]) -> [&'a [Var<'t, f64>]; 3] {
        let (state, rest) = x.split_at(self.state);
        let (shared, own) = rest.split_at(self.shared);
        [state, shared, own]
    }

    /// Compiles a step: inputs are state, shared and own; the next state and what is emitted are written to their caller's tensors.
    pub(crate) fn forward(
        self,
        options: &Options,
        step: &impl Step,
        like: &[Tensor<f64>],
    ) -> Result<Program<f64>, Error> {
        let outputs: Vec<usize> = (0..self.state + self.emitted).collect();
        options.clone().write_out(&outputs).compile(like, |x| {
            let [state, shared, own] = self.split(x);
            step.next(state, shared, own)
        })
    }

    /// Compiles the way back through a step. Inputs are state, shared and own, the adjoints of what is emitted, and those of the
    /// next state and of what all steps share, so far. The last two are carried: those of the state and of what is shared take
    /// their places. `emitted` is like what is emitted.
    pub(crate) fn backward(
        self,
        options: &Options,
        step: &impl Step,
        like: &[Tensor<f64>],
        emitted: &[Tensor<f64>],
    ) -> Result<Program<f64>, Error> {
        let (n, carried) = (like.len(), self.state + self.shared);
        let first = self.first_adjoint(n);
        let options = (0..carried).fold(options.clone(), |options, k| options.carry(first + k, k));
        let inputs = [like, emitted, &like[..carried]].concat();
        options.compile(&inputs, |x| {
            let (x, adjoints) = x.split_at(n);
            let [state, shared, own] = self.split(x);
            let left = step.next(state, shared, own);
            let (of_emitted, of_carried) = adjoints.split_at(self.emitted);
            let weights = of_carried[..self.state].iter().chain(of_emitted);
            let terms = left.iter().zip(weights).map(|(&x, &weight)| (x * weight).sum(()));
            let total = terms.reduce(|sum, term| sum + term).expect("a state");
            let mut found = total.tape().grad(total, &x[..carried]);
            for (found, &so_far) in found.iter_mut().zip(of_carried).skip(self.state) {
                *found = so_far + *found;
            }
            found
        })
    }

    /// Which input of the way back, of so many that the step takes, is the first adjoint that is carried.
    pub(crate) fn first_adjoint(self, n: usize) -> usize {
        n + self.emitted
    }
}
