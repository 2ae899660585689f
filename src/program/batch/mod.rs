//! Scalar programs run fast: one lane of straight-line code, grouped into batches.
//!
//! In compiler terms: superword-level parallelism (SLP): isomorphic scalar ops packed into vectors.
//!
//! A scalar program is long and narrow: each op once, on one number. Interpreted op by op it costs a dispatch and a few
//! unpredictable loads for each. But formulas come from loops, so that the same op is there many times, on numbers that do not
//! wait for one another. The build finds such ops ([`window`]) and gives their results neighbouring places ([`emit`]), so
//! that a batch of them is one vectorised loop over arrays. Where arguments do not lie side by side, a list says where.
//! Sums and products built up term by term stay in a register, with the products that they add.
//!
//! **Invariants.** Every op is computed exactly once, by its own rule, on the numbers that the body says, and sums keep
//! their order: arithmetic has the bits of [`Body::evaluate`]. Other ops run through the vectorised kernels wherever they
//! stand, so that their bits do not depend on the grouping; they differ from `evaluate`'s, which asks the standard library, by
//! rounding. Code is checked when it is built: no instruction reaches beyond the values.
//!
//! **Cost.** Building is O(n log n) and looks at one window of ops at a time, which also keeps what a window computes in
//! the cache. Running allocates nothing.

mod chains;
mod code;
mod emit;
mod run;
#[cfg(test)]
mod tests;
mod window;

use super::body::Body;
use crate::num::Element;
use crate::num::simd::dispatch;
use code::Bytecode;
use std::fmt;

/// A body of one lane, ready to be run again and again.
pub(crate) struct BatchCode<T> {
    code: Bytecode,
    others: Vec<code::KernelBatch<T>>,
    /// Inputs, literals, the current window's values, and those that outlive their window.
    values: Vec<T>,
    /// Room for arguments that are collected from here and there.
    stage: Vec<T>,
    n_inputs: usize,
    /// Where each output's value is.
    outputs: Vec<u32>,
    n_ops: usize,
}

impl<T: Element> BatchCode<T> {
    /// Groups the ops of a body whose sinks are all stored.
    pub fn new(body: &Body<T>) -> Self {
        let built = emit::build(body);
        built.code.verify(built.values.len(), &built.others);
        built
    }

    /// Where the inputs go before a run. `Input(k)` and `Shared(k)` both are the k-th: in one lane there is no difference.
    pub fn inputs(&mut self) -> &mut [T] {
        &mut self.values[..self.n_inputs]
    }

    /// Computes one number for each sink.
    #[inline(never)]
    pub fn run(&mut self) {
        let Self { code, others, values, stage, .. } = self;
        dispatch(&mut run::Interpreter { code, others, values, stage });
    }

    /// The numbers of sinks from `first` on, as many as there is room for.
    pub fn results(&self, first: usize, out: &mut [T]) {
        for (out, &slot) in out.iter_mut().zip(&self.outputs[first..]) {
            *out = self.values[slot as usize];
        }
    }

    /// How many numbers it leaves.
    pub fn n_outputs(&self) -> usize {
        self.outputs.len()
    }

    /// The memory that it holds.
    pub fn bytes(&self) -> usize {
        self.code.bytes()
            + size_of_val(&self.others[..])
            + (self.values.len() + self.stage.len()) * size_of::<T>()
            + size_of_val(&self.outputs[..])
    }
}

impl<T: Element> fmt::Display for BatchCode<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instructions = self.code.instructions.len();
        writeln!(
            f,
            "{} ops in {} instructions, {} inputs, {} outputs, {} bytes",
            self.n_ops,
            instructions,
            self.n_inputs,
            self.outputs.len(),
            self.bytes()
        )?;
        self.code.write(f, &self.others)
    }
}
