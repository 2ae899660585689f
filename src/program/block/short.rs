//! Block code for so few lanes that one block holds them: all is found out beforehand, and a run is a loop over kernels.
//!
//! In compiler terms: a group with one tile: the loop is gone and all operands are bound beforehand.
//!
//! A buffer of the program's own is read and written where it is, to the end of its last chunk, which belongs to it alone. What
//! callers hold ends where it ends: it goes through a copy of whole chunks. Addresses are set once, or as often as a caller's
//! change.
//!
//! Chosen wherever one block holds all lanes. Beside the loop over blocks it takes 0.5 to 0.8 of the time at 8 and at 50 lanes,
//! 0.9 in a step of a 64-64-10 network with 4 rows, and the same from 1000 lanes on: so both stay. (A matrix of 64 rows of 10 in
//! f32, read with a row and a column, takes 1.4 of it.)
//!
//! **Invariant.** The bits are those of [`BlockCode`](super::BlockCode) on as many lanes, but for sums by row, which that may
//! take in two parts.

use super::code::{BlockInstruction, LoweredBody, REGISTERS, STREAMS, Stream, UNIFORM, longest};
use super::run::folded;
use super::{Access, Body, BodyOp, Origin, Source, Target, lower};
use crate::num::Element;
use crate::tensor::kernels::Kernels;
use crate::tensor::kernels::chunks::rows::{CARRIED, LEVELS, RowsOp, WIDE};
use crate::tensor::kernels::chunks::{At, Call, KernelVariant, OpBytes, accumulators, chunk};
use crate::tensor::kernels::{pairwise, reduce};

/// What is known of a buffer before a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub len: usize,
    /// Whether its last chunk is whole, and memory goes on for [`WIDE`] elements behind it.
    pub padded: bool,
}

/// How a group's lanes lie and what it reads and writes.
pub(crate) struct Space<'a> {
    pub sources: &'a [Source],
    pub targets: &'a [Target],
    pub inner: usize,
    pub lanes: usize,
    pub inputs: &'a [Extent],
    pub outputs: &'a [Extent],
}

/// What a run does, in order.
enum BoundInstruction<T> {
    Kernel(unsafe fn(&Call<T>), Call<T>),
    Gather { source: Source, to: At },
    Leave { target: Target, from: At },
}

/// A base address from [`STREAMS`] on.
struct Based {
    stream: Stream,
    /// Whether it is a copy of the buffer.
    copied: bool,
    /// Whether memory goes on behind the last chunk.
    goes_on: bool,
}

/// A body bound to a number of lanes and to buffers.
pub(crate) struct Short<T> {
    code: LoweredBody<T>,
    acts: Vec<BoundInstruction<T>>,
    lanes: usize,
    inner: usize,
    /// Registers, accumulators, copies of streams, what is the same for all lanes. Only used through `start`.
    memory: Vec<T>,
    /// The first cache line of the memory.
    start: *mut T,
    /// What is the same for all lanes and depends on shared numbers.
    moving: Vec<u32>,
    streams: Vec<Based>,
    /// The streams that are copied before a run, and those that are copied after it, with their copies.
    copies: [Vec<(*mut T, Stream)>; 2],
    bases: Vec<*mut T>,
    inputs: Vec<*mut T>,
    shared: Vec<*mut T>,
    outputs: Vec<*mut T>,
    sums: Vec<*mut T>,
}

impl<T: Element> Short<T> {
    /// Code for a body, as of [`BlockCode::new`](super::BlockCode::new); none where one block does not hold all lanes.
    ///
    /// # Panics
    /// A buffer is shorter than its walk; sources or targets do not fit the body.
    pub fn new(body: &Body<T>, space: &Space<'_>) -> Option<Self> {
        let Space { sources, targets, lanes, .. } = *space;
        // These are for maps alone.
        let mapped = sources.iter().any(|source| matches!(source.walk, Access::Strided { .. }))
            || targets.iter().any(|target| matches!(target, Target::Strided { .. } | Target::Row { .. }));
        if lanes == 0 || lanes > longest::<T>() || mapped {
            return None;
        }
        space.check(body);
        let (mut code, mut instructions) = lower::lower(body, sources, targets);
        code.batch(&mut instructions);
        code.assemble(&instructions, lanes);
        if code.block < lanes || code.batches.is_some() {
            return None;
        }
        let mut streams: Vec<Based> = code.streams.iter().map(|&stream| space.based::<T>(stream)).collect();
        space.rows_by_kernels(&mut code, &mut streams);
        let moving = moving(&code);
        let (memory, bases) = frame(&code, &streams, lanes);
        let start = bases[REGISTERS];
        let copied = |is_output: bool| {
            let which = |based: &Based| based.copied && matches!(based.stream, Stream::Output(_)) == is_output;
            let all = bases[STREAMS..].iter().zip(&streams);
            all.filter(|(_, based)| which(based)).map(|(&copy, based)| (copy, based.stream)).collect()
        };
        let copies = [copied(false), copied(true)];
        let null = std::ptr::null_mut();
        let shared = code.hoisted.iter().filter_map(|op| if let BodyOp::Shared(k) = op { Some(*k + 1) } else { None });
        let sums = code.totals.iter().map(|total| total.at + 1).max().unwrap_or(0);
        let mut short = Self {
            acts: Vec::new(),
            lanes,
            inner: space.inner.max(1),
            memory,
            start,
            moving,
            streams,
            copies,
            bases,
            inputs: vec![null; space.inputs.len()],
            shared: vec![null; shared.max().unwrap_or(0) as usize],
            outputs: vec![null; space.outputs.len()],
            sums: vec![null; sums],
            code,
        };
        short.acts = short.code.steps.iter().map(|step| short.act(step, space)).collect();
        for k in 0..short.code.hoisted.len() as u32 {
            if !short.moving.contains(&k) {
                // SAFETY: it depends on no shared number, so no address is needed.
                unsafe { short.hoist(k) };
            }
        }
        Some(short)
    }

    /// A step with everything that its kernel takes; the lists that it points to are never moved again.
    fn act(&self, step: &BlockInstruction<T>, space: &Space<'_>) -> BoundInstruction<T> {
        match *step {
            BlockInstruction::Kernel { kernel, ref op, first, count } => {
                let operands = self.code.operands[first as usize..][..count as usize].as_ptr();
                let bases = self.bases.as_ptr();
                let (count, lanes, op) = (count as usize, self.lanes, op.address());
                BoundInstruction::Kernel(kernel, Call { bases, operands, count, lanes, op })
            }
            BlockInstruction::Gather { source, to } => {
                BoundInstruction::Gather { source: space.sources[source as usize], to }
            }
            BlockInstruction::Leave { target, from } => {
                BoundInstruction::Leave { target: space.targets[target as usize], from }
            }
        }
    }

    /// The memory that it holds in bytes.
    pub fn bytes(&self) -> usize {
        let lists = self.bases.len() + self.inputs.len() + self.shared.len() + self.outputs.len() + self.sums.len();
        self.code.bytes()
            + size_of_val(&self.memory[..])
            + size_of_val(&self.acts[..])
            + size_of_val(&self.streams[..])
            + lists * size_of::<*mut T>()
    }

    /// Sets the address of an input.
    pub fn set_input(&mut self, k: usize, at: *mut T) {
        self.inputs[k] = at;
        self.set_base(|stream| stream == Stream::Source(Origin::Input(k)), at);
    }
    /// Sets the address of an output.
    pub fn set_output(&mut self, k: usize, at: *mut T) {
        self.outputs[k] = at;
        self.set_base(|stream| stream == Stream::Source(Origin::Output(k)) || stream == Stream::Output(k), at);
    }
    /// Sets the address of a shared number; those behind the last that is read are not kept.
    pub fn set_shared(&mut self, k: usize, at: *mut T) {
        self.shared.get_mut(k).into_iter().for_each(|shared| *shared = at);
    }
    /// Sets the address of a sum, if there is one.
    pub fn set_sum(&mut self, k: usize, at: *mut T) {
        self.sums.get_mut(k).into_iter().for_each(|sum| *sum = at);
    }

    fn set_base(&mut self, is_it: impl Fn(Stream) -> bool, at: *mut T) {
        for (base, based) in self.bases[STREAMS..].iter_mut().zip(&self.streams) {
            if !based.copied && is_it(based.stream) {
                *base = at;
            }
        }
    }

    fn address(&self, stream: Stream) -> *mut T {
        match stream {
            Stream::Source(Origin::Input(k)) => self.inputs[k],
            Stream::Source(Origin::Output(k)) | Stream::Output(k) => self.outputs[k],
        }
    }

    /// Runs over all lanes.
    ///
    /// # Safety
    /// The addresses that were set point to buffers of the extents that the code was made for. Nothing else
    /// refers to what is written, and what is written overlaps no input, sum or other output, whole chunks included.
    pub unsafe fn run(&mut self) {
        let n = const { accumulators::<T>() };
        // SAFETY: the frame is as long as the code needs, and the rest is the caller's promise.
        unsafe {
            for k in 0..self.moving.len() {
                self.hoist(self.moving[k]);
            }
            let sums = self.start.add(self.code.first_accumulator());
            for &(copy, stream) in &self.copies[0] {
                copy.copy_from_nonoverlapping(self.address(stream), self.lanes);
            }
            for act in &self.acts {
                match act {
                    BoundInstruction::Kernel(kernel, call) => kernel(call),
                    BoundInstruction::Gather { source, to } => self.gather(source, *to),
                    BoundInstruction::Leave { target, from } => self.leave(*target, *from),
                }
            }
            for &(copy, stream) in &self.copies[1] {
                self.address(stream).copy_from_nonoverlapping(copy, self.lanes);
            }
            for (k, total) in self.code.totals.iter().enumerate() {
                let accumulators = std::slice::from_raw_parts_mut(sums.add(k * n), n);
                let found = folded(accumulators);
                // For the next run; the first one finds zeros, too.
                accumulators.fill(T::from_f64(0.0));
                let sum = self.sums[total.at];
                *sum = if total.add { *sum + found } else { found };
            }
        }
    }

    /// Computes what is the same for all lanes.
    ///
    /// # Safety
    /// As for [`Short::run`].
    unsafe fn hoist(&mut self, k: u32) {
        let (numbers, first) = (self.bases[UNIFORM], self.code.literals.len());
        // SAFETY: the frame has as many numbers.
        unsafe {
            let value = match &self.code.hoisted[k as usize] {
                BodyOp::Shared(k) => *self.shared[*k as usize],
                op => op.value(std::slice::from_raw_parts(numbers, first + self.code.hoisted.len()), &[], &[]),
            };
            *numbers.add(first + k as usize) = value;
        }
    }

    /// # Safety
    /// As for [`Short::run`].
    unsafe fn gather(&self, source: &Source, to: At) {
        // SAFETY: the register has room for all lanes, and the buffer has what the walk needs.
        let (register, input) = unsafe {
            let need = source.need(self.lanes, self.inner);
            let from = self.address(Stream::Source(source.from));
            let register = std::slice::from_raw_parts_mut(to.of(self.bases.as_ptr()), self.lanes);
            (register, std::slice::from_raw_parts(from, need))
        };
        match source.walk {
            Access::Flat => register.copy_from_slice(input),
            Access::Row => register.chunks_exact_mut(self.inner).for_each(|row| row.copy_from_slice(input)),
            Access::Column => register.chunks_exact_mut(self.inner).zip(input).for_each(|(row, &x)| row.fill(x)),
            Access::Strided { .. } => unreachable!("not in short code"),
        }
    }

    /// # Safety
    /// As for [`Short::run`].
    unsafe fn leave(&self, target: Target, from: At) {
        let zero = T::from_f64(0.0);
        let Some(output) = target.output() else { unreachable!("summed by kernels") };
        // SAFETY: the value has all lanes; the output has what the target needs and is referred to by nothing else.
        let (value, out) = unsafe {
            let value = std::slice::from_raw_parts(from.of(self.bases.as_ptr()).cast_const(), self.lanes);
            let need = target.need(self.lanes, self.inner);
            (value, std::slice::from_raw_parts_mut(self.outputs[output], need))
        };
        match target {
            Target::Flat { .. } => out.copy_from_slice(value),
            Target::PerRow { add, .. } => {
                for (out, row) in out.iter_mut().zip(value.chunks_exact(self.inner)) {
                    *out = (if add { *out } else { zero }) + reduce::total(row);
                }
            }
            Target::PerColumn { add, .. } => {
                for (column, out) in out.iter_mut().enumerate() {
                    let (mut sum, mut levels, mut count) = ([zero], [zero; LEVELS], 0);
                    for (row, &x) in (1..).zip(value[column..].iter().step_by(self.inner)) {
                        sum[0] += x;
                        if row % CARRIED == 0 {
                            count = row / CARRIED;
                            pairwise::carry(&mut sum, &mut levels, 1, 0, count);
                        }
                    }
                    pairwise::settle(&mut sum, &levels, 1, 0, count);
                    *out = if add { *out + sum[0] } else { sum[0] };
                }
            }
            _ => unreachable!("not left by short code"),
        }
    }
}

// A block's rows, which are a lane at least, are carried to so many levels.
const _: () = assert!(longest::<f32>() / CARRIED < 1 << LEVELS);

impl Space<'_> {
    /// Whether every walk stays inside its buffer; the loops rely on it.
    fn check<T: Element>(&self, body: &Body<T>) {
        super::verify(body, self.sources, self.targets);
        let inner = self.inner.max(1);
        assert_eq!(self.lanes % inner, 0, "lanes that are no whole rows");
        for source in self.sources {
            source.check(self.lanes, inner, self.extent(Stream::Source(source.from)).len);
        }
        for target in self.targets {
            if let Some(output) = target.output() {
                target.check(self.lanes, inner, self.outputs[output].len);
            }
        }
    }

    fn extent(&self, stream: Stream) -> Extent {
        match stream {
            Stream::Source(Origin::Input(k)) => self.inputs[k],
            Stream::Source(Origin::Output(k)) | Stream::Output(k) => self.outputs[k],
        }
    }

    fn based<T: Element>(&self, stream: Stream) -> Based {
        let padded = self.extent(stream).padded;
        let copied = !padded && !self.lanes.is_multiple_of(chunk::<T>());
        Based { stream, copied, goes_on: padded || copied }
    }

    /// Puts kernels in place of steps that spread a row or sum rows, where the buffers' ends allow it.
    fn rows_by_kernels<T: Element>(&self, code: &mut LoweredBody<T>, streams: &mut Vec<Based>) {
        for k in 0..code.steps.len() {
            let (spread, add, stream, register) = match code.steps[k] {
                BlockInstruction::Gather { source, to } => match self.sources[source as usize] {
                    Source { from, walk: Access::Row } => (true, false, Stream::Source(from), to),
                    _ => continue,
                },
                BlockInstruction::Leave { target, from } => match self.targets[target as usize] {
                    Target::PerColumn { output, add } => (false, add, Stream::Output(output), from),
                    _ => continue,
                },
                BlockInstruction::Kernel { .. } => continue,
            };
            let goes_on = register.base().checked_sub(STREAMS).is_none_or(|k| streams[k].goes_on);
            let known = streams.iter().position(|based| based.stream == stream);
            let index = known.unwrap_or(streams.len());
            // A spread row is written past the end of the last chunk, where only a register has room.
            let has_room = !spread || register.base() == REGISTERS;
            if !self.extent(stream).padded || !goes_on || !has_room || STREAMS + index >= At::BASES {
                continue;
            }
            if known.is_none() {
                streams.push(Based { stream, copied: false, goes_on: true });
            }
            let buffer = At::new(STREAMS + index, 0);
            let (form, to, from) = if spread {
                (KernelVariant::SpreadRow, register, buffer)
            } else {
                (KernelVariant::SumOfRows, buffer, register)
            };
            let op = OpBytes::of_rows(RowsOp { inner: self.inner as u32, add });
            let first = code.operands.len() as u32;
            code.steps[k] = BlockInstruction::Kernel { kernel: T::chunk_kernel(form), op, first, count: 1 };
            code.operands.push([to, from, At::default(), At::default()]);
        }
    }
}

/// The memory of a run, and the bases in it: registers, numbers, copies of streams.
fn frame<T: Element>(code: &LoweredBody<T>, streams: &[Based], lanes: usize) -> (Vec<T>, Vec<*mut T>) {
    let whole = lanes.next_multiple_of(chunk::<T>());
    let n_copied = streams.iter().filter(|based| based.copied).count();
    let uniforms = code.first_staged() + n_copied * whole;
    let line = 64 / size_of::<T>();
    let mut memory = vec![T::from_f64(0.0); uniforms + code.literals.len() + code.hoisted.len() + WIDE + line];
    let at = memory.as_ptr().align_offset(64);
    memory[at + uniforms..][..code.literals.len()].copy_from_slice(&code.literals);
    let start = memory[at..].as_mut_ptr();
    let mut bases = vec![std::ptr::null_mut(); STREAMS + streams.len()];
    // SAFETY: the memory was made that long.
    unsafe {
        let places = (0..).map(|k| start.add(code.first_staged() + k * whole));
        let copied = bases[STREAMS..].iter_mut().zip(streams).filter(|(_, based)| based.copied);
        copied.zip(places).for_each(|((base, _), place)| *base = place);
        bases[..STREAMS].copy_from_slice(&[start, start.add(uniforms)]);
    }
    (memory, bases)
}

/// The hoisted values that shared numbers change.
fn moving<T: Element>(code: &LoweredBody<T>) -> Vec<u32> {
    let first = code.literals.len();
    let mut moves = vec![false; first + code.hoisted.len()];
    for (k, op) in code.hoisted.iter().enumerate() {
        moves[first + k] = matches!(op, BodyOp::Shared(_)) || op.reads().any(|slot| moves[slot as usize]);
    }
    (0..code.hoisted.len() as u32).filter(|&k| moves[first + k as usize]).collect()
}
