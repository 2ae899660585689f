//! Several programs of one shape, run as one: each has its memory and its data, and all go from step to step together.
//!
//! So a batch that is cut into pieces costs hardly more than a whole one. Every piece runs the steps of its own program, and its bits are
//! those that it has alone. But two kinds of products are computed for all at once ([`Together`], which keeps the bits): those with one
//! right factor, the weights, which is packed and read once; and those that are gradients of all of it, whose sum is written once.
//!
//! What is not alike in all programs, each does by itself.
//!
//! In compiler terms: SPMD programs in lockstep, with products batched, and reductions over programs fused into the products.

use super::Program;
use super::memory::{Allocation, Base};
use crate::error::Result;
use crate::num::Element;
use crate::parallel::Workers;
use crate::tensor::kernels::matmul::Together;

/// How programs go together, step by step.
pub(super) struct Lockstep<T> {
    turns: Vec<Turn<T>>,
    /// Outputs that only the first program has: there they are the sum of all.
    pub added: Vec<usize>,
}

/// What is done with a step of each program.
enum Turn<T> {
    Each,
    /// A product whose right factor may be the same for all.
    OneRight(Product<T>),
    /// One whose results are added up.
    Added(Product<T>),
}

/// A product of each program.
pub(super) struct Product<T> {
    pub together: Together<T>,
    pub factors: [Allocation; 2],
    pub output: Allocation,
}

impl<T: Element> Product<T> {
    fn is_like(&self, other: &Self) -> bool {
        self.together.is_like(&other.together) && self.factors == other.factors && self.output == other.output
    }
}

impl<T: Element> Lockstep<T> {
    /// None where the programs are not alike. Of the outputs of `summed` nothing but their sum over all programs is wanted.
    pub fn new(programs: &[&Program<T>], summed: &[usize]) -> Option<Self> {
        let (first, others) = programs.split_first()?;
        let alike = |other: &&Program<T>| {
            let steps =
                |program: &Program<T>| program.machine.list().iter().map(|step| step.has_panels()).collect::<Vec<_>>();
            steps(first) == steps(other) && first.outputs == other.outputs && first.exports == other.exports
        };
        if !others.iter().all(alike) {
            return None;
        }
        let threads = first.machine.threads();
        let mut added = Vec::new();
        let turns = (0..first.machine.steps()).map(|k| {
            let product = |program: &Program<T>| program.machine.list()[k].product_of(programs.len());
            let Some(own) = product(first) else { return Turn::Each };
            if !others.iter().all(|other| product(other).is_some_and(|other| own.is_like(&other))) {
                return Turn::Each;
            }
            match (own.output.base, own.factors[1].base) {
                (Base::Output(output), _)
                    if summed.contains(&output)
                        && programs.iter().all(|program| is_only_here(program, k, output))
                        && own.together.can_be_added(threads) =>
                {
                    added.push(output);
                    Turn::Added(own)
                }
                (_, Base::Input(_)) => Turn::OneRight(own),
                _ => Turn::Each,
            }
        });
        let turns = turns.collect();
        Some(Self { turns, added })
    }

    /// Runs the programs on the inputs and outputs that are set.
    ///
    /// # Errors
    /// As for a program that runs.
    ///
    /// # Safety
    /// As for [`Machine::run`](super::run::Machine::run), of each program; outputs that are [added](Lockstep::added) are the first one's alone.
    pub unsafe fn run(&mut self, programs: &mut [&mut Program<T>]) -> Result<()> {
        let mut k = 0;
        while k < self.turns.len() {
            k += match &mut self.turns[k] {
                // SAFETY: the caller's promise.
                Turn::Each => unsafe { each(programs, k)? },
                Turn::OneRight(product) => {
                    for (i, program) in programs.iter().enumerate() {
                        let at = |place| program.machine.address(place);
                        let factors = product.factors.map(|place| at(place).cast_const());
                        product.together.bind(i, factors, at(product.output));
                    }
                    match product.together.has_one_right() {
                        true => {
                            // SAFETY: the results are in memory of each program.
                            unsafe { product.together.run(workers(programs)) };
                            1
                        }
                        // SAFETY: as above.
                        false => unsafe { each(programs, k)? },
                    }
                }
                Turn::Added(product) => {
                    let sum = programs[0].machine.address(product.output);
                    for (i, program) in programs.iter().enumerate() {
                        let factors = product.factors.map(|place| program.machine.address(place).cast_const());
                        product.together.bind(i, factors, sum);
                    }
                    // SAFETY: no other step writes or reads the sum.
                    unsafe { product.together.run_added(workers(programs)) };
                    1
                }
            };
        }
        Ok(())
    }
}

/// Runs step k of each program, and the next one where they go together; says how many.
///
/// # Safety
/// As for [`Lockstep::run`].
unsafe fn each<T: Element>(programs: &mut [&mut Program<T>], k: usize) -> Result<usize> {
    let mut done = 1;
    for program in programs {
        // SAFETY: the caller's promise.
        done = unsafe { program.machine.run_from(k)? };
    }
    Ok(done)
}

fn workers<'p, T: Element>(programs: &'p mut [&mut Program<T>]) -> &'p mut Workers {
    programs[0].machine.workers()
}

/// Whether an output is written by this step alone, and read by none.
fn is_only_here<T: Element>(program: &Program<T>, step: usize, output: usize) -> bool {
    let base = Base::Output(output);
    let exported = program.exports.iter().any(|(from, to)| from.base == base || *to == output);
    let others = program.machine.list().iter().enumerate().filter(|(k, _)| *k != step);
    let touched = others.flat_map(|(_, step)| step.touches()).flatten().any(|place| place.base == base);
    !exported && !touched
}
