//! A loop whose state goes from step to step, differentiated: the step is recorded and compiled once, forward and backward.
//!
//! A recording of all steps would grow with their number, and so would its compiling. So a program takes one step, and what the
//! states were is kept; another, made of the same closure by the engine, goes back through one step: it takes the adjoints of
//! what the step left, and gives those of what it read. In the words of others: a scan, with a checkpoint for each step.

use retrograd::program::Options;
use retrograd::{Error, Program, Tensor, Var};

/// A step: of the state, what all steps share and what is this step's own, the next state.
pub(crate) trait Step {
    /// The next state, of the shape of the state.
    fn next<'t>(&self, state: &[Var<'t, f64>], shared: &[Var<'t, f64>], own: &[Var<'t, f64>]) -> Vec<Var<'t, f64>>;
}

/// How many tensors a step takes of each kind.
#[derive(Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) state: usize,
    pub(crate) shared: usize,
}

impl Counts {
    fn split<'a, 't>(self, x: &'a [Var<'t, f64>]) -> [&'a [Var<'t, f64>]; 3] {
        let (state, rest) = x.split_at(self.state);
        let (shared, own) = rest.split_at(self.shared);
        [state, shared, own]
    }

    /// Compiles a step: inputs are state, shared and own; the next state is written to its caller's tensors.
    pub(crate) fn forward(
        self,
        options: &Options,
        step: &impl Step,
        like: &[Tensor<f64>],
    ) -> Result<Program<f64>, Error> {
        let outputs: Vec<usize> = (0..self.state).collect();
        options.clone().write_out(&outputs).compile(like, |x| {
            let [state, shared, own] = self.split(x);
            step.next(state, shared, own)
        })
    }

    /// Compiles the way back through a step. Inputs are state, shared and own, then the adjoints of the next state and of what
    /// all steps share, so far: both are carried, and those of the state and of what is shared take their places.
    pub(crate) fn backward(
        self,
        options: &Options,
        step: &impl Step,
        like: &[Tensor<f64>],
    ) -> Result<Program<f64>, Error> {
        let n = like.len();
        let mut inputs = like.to_vec();
        inputs.extend_from_slice(&like[..self.state + self.shared]);
        let carried = (0..self.state + self.shared).fold(options.clone(), |options, k| options.carry(n + k, k));
        carried.compile(&inputs, |x| {
            let (x, adjoints) = x.split_at(n);
            let [state, shared, own] = self.split(x);
            let next = step.next(state, shared, own);
            let weighted = |k: usize| (next[k] * adjoints[k]).sum(());
            let total = (1..self.state).fold(weighted(0), |sum, k| sum + weighted(k));
            let mut found = total.tape().grad(total, &x[..self.state + self.shared]);
            for (found, &so_far) in found[self.state..].iter_mut().zip(&adjoints[self.state..]) {
                *found = so_far + *found;
            }
            found
        })
    }
}
