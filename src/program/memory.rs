//! Where values are while a program runs: one arena, in which buffers are used again as soon as nothing reads them.
//!
//! In compiler terms: liveness and buffer assignment.
//!
//! Buffers begin on cache lines, a whole number of block code's chunks apart, so that the last chunk belongs to a buffer alone. Numbers have a place of their own for good, next to each other. What leaves the program and
//! what it carries from run to run is never overwritten by anything else.

use super::lower::{ScheduledStep, StepKind};
use crate::graph::ssa::{Ir, IrOp, NodeKey};
use crate::num::Element;
use crate::tensor::kernels::chunks::chunk;
use slotmap::SecondaryMap;
use std::collections::BTreeMap;
use std::fmt;

/// What an address counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// Input `k` of the run.
    Input(usize),
    /// Output `k` of the run, where the caller keeps it.
    Output(usize),
    Arena,
}

/// Where a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allocation {
    pub base: Base,
    pub start: usize,
    pub len: usize,
}

impl Allocation {
    /// Whether two places share an element.
    pub fn overlaps(self, other: Allocation) -> bool {
        self.base == other.base && self.start < other.start + other.len && other.start < self.start + self.len
    }
    /// Where the arena has this number; beyond its end if it is none, or elsewhere.
    pub fn number(self) -> usize {
        if self.base == Base::Arena && self.len == 1 { self.start } else { usize::MAX }
    }
    /// Whether it is a buffer of the program's own, whose last chunk is whole. Numbers lie next to each other.
    pub fn is_padded(self) -> bool {
        self.base == Base::Arena && self.len > 1
    }
    /// With the rest of its last chunk, if that is its own.
    pub fn whole<T>(self) -> Allocation {
        Allocation { len: if self.is_padded() { self.len.next_multiple_of(chunk::<T>()) } else { self.len }, ..self }
    }
}

/// Memory of a program in bytes, by kind.
///
/// # Examples
/// ```
/// use retrograd::{Program, Tensor};
/// let x = Tensor::<f64>::zeros([1000]);
/// let program = Program::compile(&[x], |v| vec![v[0].tanh().cumsum(0).exp().cumsum(0).sum(())])?;
/// let memory = program.memory();
/// assert!(memory.intermediates <= memory.unshared);
/// assert!(memory.total() >= memory.intermediates + memory.outputs);
/// println!("{memory}");
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Tensors that never change.
    pub constants: usize,
    /// What is carried from run to run, such as parameters.
    pub carried: usize,
    /// Results.
    pub outputs: usize,
    /// Intermediate tensors, which share memory.
    pub intermediates: usize,
    /// What intermediate tensors would take without sharing.
    pub unshared: usize,
    /// Numbers.
    pub numbers: usize,
    /// Registers and tables of fused code.
    pub code: usize,
}

impl Memory {
    /// All of it.
    pub fn total(&self) -> usize {
        self.constants + self.carried + self.outputs + self.intermediates + self.numbers + self.code
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} bytes: constants {}, carried {}, outputs {}, intermediates {} ({} without sharing), numbers {}, code {}",
            self.total(),
            self.constants,
            self.carried,
            self.outputs,
            self.intermediates,
            self.unshared,
            self.numbers,
            self.code
        )
    }
}

/// The plan: a place for every value.
pub(super) struct Layout<T> {
    pub places: SecondaryMap<NodeKey, Allocation>,
    /// The arena's length in elements.
    pub length: usize,
    /// The inputs that are numbers and not carried: the arena begins with them.
    pub given: Vec<usize>,
    /// What the arena holds from the beginning.
    pub constants: Vec<(Allocation, Vec<T>)>,
    pub memory: Memory,
}

/// A stretch of so many chunks is long, and so many are left between long ones.
const LONG: usize = 16;
const APART: usize = 2;
/// A free stretch of up to so many times the length is cut for a value; a longer one waits for a longer value.
const WASTE: usize = 4;

/// Hands out the arena.
struct Arena {
    length: usize,
    /// Elements of a chunk: all stretches are multiples of it.
    unit: usize,
    /// Free stretches by length.
    free: BTreeMap<usize, Vec<usize>>,
}

impl Arena {
    fn rounded(&self, len: usize) -> usize {
        len.next_multiple_of(self.unit)
    }

    /// A new stretch. Long ones are kept a few lines apart, so that loops over several do not fight for one set of the cache.
    fn extend(&mut self, len: usize) -> usize {
        let start = self.length;
        let len = self.rounded(len);
        let apart = if len >= LONG * self.unit { APART * self.unit } else { 0 };
        self.length += len + apart;
        start
    }

    fn take(&mut self, len: usize) -> usize {
        let len = self.rounded(len);
        let fitting = self.free.range(len..).next().map(|(&length, _)| length).filter(|&length| length <= WASTE * len);
        let Some(length) = fitting else { return self.extend(len) };
        let stretches = self.free.get_mut(&length).expect("just found");
        let start = stretches.pop().expect("no empty lists are kept");
        if stretches.is_empty() {
            self.free.remove(&length);
        }
        if length > len {
            self.free.entry(length - len).or_default().push(start + len);
        }
        start
    }

    fn give(&mut self, start: usize, len: usize) {
        self.free.entry(self.rounded(len)).or_default().push(start);
    }
}

/// What is not the plan's to place.
pub(super) struct Fixed {
    /// Inputs that the program keeps, with the outputs that replace them.
    pub carried: Vec<(NodeKey, NodeKey)>,
    /// Outputs by number that callers keep.
    pub written_out: Vec<(NodeKey, usize)>,
}

/// Lays out what the steps read and write.
pub(super) fn plan<T: Element>(ir: &Ir<T>, drafts: &[ScheduledStep<T>], fixed: &Fixed) -> Layout<T> {
    let carried = &fixed.carried[..];
    let outside = outside(ir, drafts, fixed);
    let size = size_of::<T>();
    let mut arena = Arena { length: 0, unit: chunk::<T>(), free: BTreeMap::new() };
    let mut places: SecondaryMap<NodeKey, Allocation> = SecondaryMap::new();
    let mut memory =
        Memory { constants: 0, carried: 0, outputs: 0, intermediates: 0, unshared: 0, numbers: 0, code: 0 };
    let mut constants = Vec::new();
    let is_given = |k: &usize| {
        let key = ir.inputs[*k];
        ir.shape(key).numel() == 1 && carried.iter().all(|&(input, _)| input != key)
    };
    let given: Vec<usize> = (0..ir.inputs.len()).filter(is_given).collect();
    let written = drafts.iter().flat_map(|draft| &draft.writes).filter(|&&key| ir.shape(key).numel() == 1);
    let numbers = given.iter().map(|&k| &ir.inputs[k]).chain(written);
    let literals = ir.order.iter().filter(|&&key| ir.literal_of(key).is_some());
    for (start, &key) in numbers.chain(literals).enumerate() {
        let place = Allocation { base: Base::Arena, start, len: 1 };
        places.insert(key, place);
        constants.extend(ir.literal_of(key).map(|x| (place, vec![T::from_f64(x)])));
        arena.length = start + 1;
    }
    arena.length = arena.rounded(arena.length);
    memory.numbers = arena.length * size;
    for &key in &ir.order {
        let (node, len) = (ir.node(key), ir.shape(key).numel());
        let at = |arena: &mut Arena| Allocation { base: Base::Arena, start: arena.extend(len), len };
        match &node.op {
            IrOp::Input(_) if carried.iter().any(|&(input, _)| input == key) => {
                memory.carried += len * size;
                places.insert(key, at(&mut arena));
            }
            IrOp::Input(k) if len != 1 => _ = places.insert(key, Allocation { base: Base::Input(*k), start: 0, len }),
            IrOp::Constant(x) => {
                memory.constants += len * size;
                let place = at(&mut arena);
                constants.push((place, x.to_vec()));
                places.insert(key, place);
            }
            _ => {}
        }
    }
    let last = last_reads(ir, drafts, carried);
    let mut ends: Vec<Vec<NodeKey>> = vec![Vec::new(); drafts.len()];
    for (step, draft) in drafts.iter().enumerate() {
        let takes_over = matches!(draft.run, StepKind::Product { accumulate: true, .. });
        for &key in &draft.writes {
            let len = ir.shape(key).numel();
            if let Some(&place) = outside.get(key) {
                places.insert(key, place);
                continue;
            } else if takes_over {
                places.insert(key, places[draft.reads[0]]);
            } else if let Some(&(input, _)) = carried.iter().find(|&&(_, output)| output == key && in_place(draft, key))
            {
                places.insert(key, places[input]);
                continue;
            } else if len != 1 {
                let until = last.get(key).copied();
                let kept = until.is_none();
                let before = arena.length;
                let start = if kept { arena.extend(len) } else { arena.take(len) };
                let bytes = (arena.length - before) * size;
                *(if kept { &mut memory.outputs } else { &mut memory.intermediates }) += bytes;
                memory.unshared += if kept { 0 } else { arena.rounded(len) * size };
                places.insert(key, Allocation { base: Base::Arena, start, len });
            }
            if let Some(&until) = last.get(key).filter(|_| len != 1) {
                ends[until].push(key);
            }
        }
        for key in std::mem::take(&mut ends[step]) {
            let taken_over = takes_over && draft.reads[0] == key;
            if !taken_over && !outside.contains_key(key) {
                arena.give(places[key].start, places[key].len);
            }
        }
    }
    Layout { places, length: arena.length, given, constants, memory }
}

/// The places of values that callers keep, and of those that are only added to on their way there.
fn outside<T: Element>(ir: &Ir<T>, drafts: &[ScheduledStep<T>], fixed: &Fixed) -> SecondaryMap<NodeKey, Allocation> {
    let mut places = SecondaryMap::new();
    for &(key, k) in &fixed.written_out {
        let replaces = fixed.carried.iter().any(|&(_, output)| output == key);
        if !replaces && !places.contains_key(key) && drafts.iter().any(|draft| draft.writes.contains(&key)) {
            places.insert(key, Allocation { base: Base::Output(k), start: 0, len: ir.shape(key).numel() });
        }
    }
    for draft in drafts.iter().rev() {
        if let StepKind::Product { accumulate: true, .. } = draft.run
            && let Some(&place) = places.get(draft.writes[0])
        {
            places.insert(draft.reads[0], place);
        }
    }
    places
}

/// Whether a step writes this value over the carried input that it replaces.
fn in_place<T>(draft: &ScheduledStep<T>, key: NodeKey) -> bool {
    let StepKind::FusedGroup(block) = &draft.run else { return false };
    let written = draft.writes.iter().position(|&write| write == key);
    written.is_some_and(|k| block.sources.iter().any(|source| source.from == super::block::Origin::Output(k)))
}

/// The step that reads each value last; what leaves the program has none.
fn last_reads<T: Element>(
    ir: &Ir<T>,
    drafts: &[ScheduledStep<T>],
    carried: &[(NodeKey, NodeKey)],
) -> SecondaryMap<NodeKey, usize> {
    let mut last = SecondaryMap::new();
    for (step, draft) in drafts.iter().enumerate() {
        // What nothing reads is free after the step that writes it, and factors are read until the last panel.
        let done = step + draft.goes_on() as usize;
        for &key in draft.writes.iter().chain(&draft.reads) {
            last.insert(key, done);
        }
    }
    let guarded = ir.guards.iter().flat_map(|guard| [guard.left, guard.right]);
    let kept = ir.outputs.iter().copied().chain(guarded).chain(carried.iter().map(|&(_, output)| output));
    for key in kept {
        last.remove(ir.root(key));
    }
    last
}
