//! Steps with addresses, and the length of a block.
//!
//! In compiler terms: the byte code of a fusion group, and its tile size.

use super::Origin;
use super::lower::{Instruction, InstructionKind, Location};
use crate::num::Element;
use crate::program::batch::BatchCode;
use crate::program::body::{Body, BodyOp, Sink};
use crate::tensor::kernels::Kernels;
use crate::tensor::kernels::chunks::rows::WIDE;
use crate::tensor::kernels::chunks::{At, Call, OpBytes, Operands, accumulators, chunk};

/// What a worker does for each block.
pub(super) enum BlockInstruction<T> {
    /// The kernel over `count` tuples of operands.
    Kernel { kernel: unsafe fn(&Call<T>), op: OpBytes, first: u32, count: u32 },
    /// The numbers of an input into a register.
    Gather { source: u32, to: At },
    /// A value to a target: stored, or summed by row or column.
    Leave { target: u32, from: At },
}

/// A buffer that is read or written where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Source(Origin),
    Output(usize),
}

/// A sum over all lanes.
#[derive(Clone, Copy)]
pub(super) struct Sum {
    /// Which of the sums.
    pub at: usize,
    pub add: bool,
}

/// A lowered body.
pub(super) struct LoweredBody<T> {
    /// Numbers that are the same for all lanes: those known when the code was made, then what the others are, over both.
    pub literals: Vec<T>,
    pub hoisted: Vec<BodyOp<T>>,
    /// The same in batches, where it is much; then those of the others alone have a place that lanes read.
    pub batches: Option<BatchCode<T>>,
    pub steps: Vec<BlockInstruction<T>>,
    pub operands: Vec<Operands>,
    pub streams: Vec<Stream>,
    pub totals: Vec<Sum>,
    pub registers: usize,
    /// Lanes of a block.
    pub block: usize,
    /// Elements from one register to the next.
    pub stride: usize,
}

/// The base address of registers and accumulators, of what is the same for all lanes, and of the first stream.
pub(super) const REGISTERS: usize = 0;
pub(super) const UNIFORM: usize = 1;
pub(super) const STREAMS: usize = 2;

/// Bytes of registers that stay in the first-level cache beside what streams through it.
const CACHE: usize = 32 << 10;
/// The longest register in bytes: beyond it, calls are no longer felt and the cache is.
const LONGEST: usize = 3072;

/// The most lanes of a block.
pub(super) const fn longest<T>() -> usize {
    LONGEST / size_of::<T>()
}

/// So many ops on numbers pay for batches.
pub(super) const BATCHED: usize = 64;

impl<T: Element> LoweredBody<T> {
    pub fn new() -> Self {
        Self {
            literals: Vec::new(),
            hoisted: Vec::new(),
            batches: None,
            steps: Vec::new(),
            operands: Vec::new(),
            streams: Vec::new(),
            totals: Vec::new(),
            registers: 0,
            block: 0,
            stride: 0,
        }
    }

    /// Has what is the same for all lanes computed in batches, and leaves places for what lanes read of it.
    pub fn batch(&mut self, instructions: &mut [Instruction]) {
        if self.hoisted.iter().filter(|op| !matches!(op, BodyOp::Shared(_))).count() < BATCHED {
            return;
        }
        let first = self.literals.len();
        let literals = self.literals.iter().map(|&x| BodyOp::Literal(x));
        let mut body = Body { ops: literals.chain(self.hoisted.drain(..)).collect(), sinks: Vec::new() };
        let mut places: Vec<Option<u32>> = vec![None; body.ops.len()];
        for place in instructions.iter_mut().flat_map(|instruction| &mut instruction.places) {
            let Location::Uniform(slot) = place else { continue };
            if (*slot as usize) < first {
                continue;
            }
            let new = places[*slot as usize].get_or_insert_with(|| {
                body.sinks.push(Sink::Store(*slot));
                (first + body.sinks.len() - 1) as u32
            });
            *slot = *new;
        }
        self.batches = Some(BatchCode::new(&body));
    }

    /// Computes what is the same for all lanes.
    pub fn run_hoisted(&mut self, shared: &[T], uniforms: &mut Vec<T>) {
        let first = self.literals.len();
        if uniforms.len() < first {
            uniforms.clone_from(&self.literals);
        }
        match &mut self.batches {
            Some(batches) => {
                uniforms.resize(first + batches.n_outputs(), T::from_f64(0.0));
                let inputs = batches.inputs();
                inputs.copy_from_slice(&shared[..inputs.len()]);
                batches.run();
                batches.results(0, &mut uniforms[first..]);
            }
            None => {
                uniforms.truncate(first);
                for op in &self.hoisted {
                    let value = op.value(uniforms, &[], shared);
                    uniforms.push(value);
                }
            }
        }
    }

    /// Chooses the length of a block, for at most so many lanes, and gives every operand its address.
    pub fn assemble(&mut self, instructions: &[Instruction], lanes: usize) {
        let (size, chunk) = (size_of::<T>(), chunk::<T>());
        let fitting = (CACHE / size / (self.registers + self.streams.len()).max(1)).min(longest::<T>());
        self.block = (fitting.min(lanes.saturating_add(chunk - 1)) / chunk * chunk).max(chunk);
        // Registers a power of two apart fight for the same sets of the cache, and their loads wait for each other's stores.
        // And rows reach so far beyond their end.
        self.stride = self.block + WIDE;
        for instruction in instructions {
            let at = instruction.places.map(|place| self.address(place));
            match instruction.what {
                InstructionKind::Kernel(form, op) => self.add_kernel(T::chunk_kernel(form), op, at),
                InstructionKind::Gather(source) => self.steps.push(BlockInstruction::Gather { source, to: at[0] }),
                InstructionKind::Leave(target) => self.steps.push(BlockInstruction::Leave { target, from: at[1] }),
            }
        }
    }

    /// Adds a kernel, to the one before if that is the same.
    fn add_kernel(&mut self, kernel: unsafe fn(&Call<T>), op: OpBytes, at: Operands) {
        let first = self.operands.len() as u32;
        self.operands.push(at);
        if let Some(BlockInstruction::Kernel { kernel: last, op: last_op, count, .. }) = self.steps.last_mut()
            && std::ptr::fn_addr_eq(*last, kernel)
            && *last_op == op
        {
            *count += 1;
        } else {
            self.steps.push(BlockInstruction::Kernel { kernel, op, first, count: 1 });
        }
    }

    fn address(&self, place: Location) -> At {
        match place {
            Location::Register(k) => At::new(REGISTERS, k as usize * self.stride),
            Location::Accumulators(k) => {
                At::new(REGISTERS, self.first_accumulator() + k as usize * accumulators::<T>())
            }
            Location::Uniform(k) => At::new(UNIFORM, k as usize),
            Location::Stream(k) => At::new(STREAMS + k as usize, 0),
            Location::Behind(k, start) => At::new(STREAMS + k as usize, start as usize),
            Location::Unused => At::default(),
        }
    }

    /// The memory of the code itself in bytes.
    pub fn bytes(&self) -> usize {
        self.hoisted.capacity() * size_of::<BodyOp<T>>()
            + self.literals.capacity() * size_of::<T>()
            + self.batches.as_ref().map_or(0, BatchCode::bytes)
            + self.steps.capacity() * size_of::<BlockInstruction<T>>()
            + self.operands.capacity() * size_of::<Operands>()
    }

    /// A worker's memory: registers, accumulators, a chunk for each stream.
    pub fn first_accumulator(&self) -> usize {
        self.registers * self.stride
    }
    pub fn first_staged(&self) -> usize {
        self.first_accumulator() + self.totals.len() * accumulators::<T>()
    }
    pub fn frame(&self) -> usize {
        self.first_staged() + self.streams.len() * chunk::<T>()
    }
}
