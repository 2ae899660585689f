//! What is to be done in one window of a body, in the order in which it can be done.
//!
//! In compiler terms: list scheduling of a window of scalar ops by dependence level.
//!
//! An op's level is one more than that of what it waits for; ops of one level do not wait for one another. Chains
//! ([`super::chains`]) count as one op. Values from before the window are there already.

use super::chains::{Chains, find_chains};
use super::code::{ChainOp, ChainTerm};
use crate::ops::{BinaryVisitor, BuiltinBinary, BuiltinUnary, UnaryVisitor};
use crate::program::body::{Body, BodyOp, Register, Sink};
use crate::tensor::kernels::elementwise::Side;
use std::collections::HashMap;

/// How many ops are looked at together: enough to find many alike, few enough that what they compute stays in the cache.
pub(super) const WINDOW: usize = 1 << 16;

/// Some output hangs on it.
const LIVE: u8 = 1;
/// Read more than once.
const SHARED: u8 = 2;
/// Read in a later window, or an output.
const ESCAPES: u8 = 4;

/// What the whole body does with each op's value.
pub(super) struct Uses(Vec<u8>);

impl Uses {
    pub fn new<T: Copy>(body: &Body<T>) -> Self {
        let mut flags = vec![0; body.ops.len()];
        fn read(flags: &mut [u8], slot: Register, escapes: bool) {
            let flag = &mut flags[slot as usize];
            *flag |= LIVE | if *flag & LIVE != 0 { SHARED } else { 0 } | if escapes { ESCAPES } else { 0 };
        }
        for sink in &body.sinks {
            match *sink {
                Sink::Store(slot) => read(&mut flags, slot, true),
                Sink::Sum(_) => unreachable!("one lane has no sums over lanes"),
            }
        }
        for (i, op) in body.ops.iter().enumerate().rev() {
            if flags[i] & LIVE != 0 {
                op.reads().for_each(|slot| read(&mut flags, slot, slot as usize / WINDOW != i / WINDOW));
            }
        }
        Self(flags)
    }
    pub fn is_live(&self, op: usize) -> bool {
        self.0[op] & LIVE != 0
    }
    pub fn is_shared(&self, op: usize) -> bool {
        self.0[op] & SHARED != 0
    }
    pub fn escapes(&self, op: usize) -> bool {
        self.0[op] & ESCAPES != 0
    }
}

/// Whether an op computes nothing.
pub(super) fn is_leaf<T>(op: &BodyOp<T>) -> bool {
    matches!(op, BodyOp::Input(_) | BodyOp::Shared(_) | BodyOp::Literal(_))
}

/// The ops `lo..hi` of a body.
#[derive(Clone, Copy)]
pub(super) struct Window<'a, T> {
    pub body: &'a Body<T>,
    pub uses: &'a Uses,
    pub lo: usize,
    pub hi: usize,
}

impl<T: Copy> Window<'_, T> {
    pub fn len(&self) -> usize {
        self.hi - self.lo
    }
    /// An op's place in the window, if it is there.
    pub fn local(&self, slot: Register) -> Option<usize> {
        (slot as usize).checked_sub(self.lo).filter(|&i| i < self.len())
    }
    /// Whether the op at a place in the window is to be computed.
    pub fn computes(&self, local: usize) -> bool {
        self.uses.is_live(self.lo + local) && !is_leaf(&self.body.ops[self.lo + local])
    }
    /// One more than the highest level among what is read.
    pub fn above(&self, levels: &[u32], reads: impl Iterator<Item = Register>) -> u32 {
        1 + reads.filter_map(|slot| self.local(slot)).map(|i| levels[i]).max().unwrap_or(0)
    }
}

/// A piece of work: an op, by its place in the window, or a chain.
#[derive(Clone, Copy, Debug)]
pub(super) enum Item {
    Op(u32),
    Chain(u32),
}

/// Work that can be done at once, all of one kind.
pub(super) struct Schedule {
    pub chains: Chains,
    /// In order; `groups` says where each group ends.
    pub items: Vec<Item>,
    pub groups: Vec<u32>,
}

/// Numbers the kinds of ops: ops of one kind differ in what they read alone.
#[derive(Default)]
pub(super) struct Kinds {
    parameters: HashMap<(u8, [u64; 2]), u32>,
    chains: HashMap<(ChainOp, ChainTerm, bool, u32), u32>,
}

impl Kinds {
    fn of_op<T: Copy>(&mut self, op: &BodyOp<T>) -> u64 {
        let mut unary = |op: crate::ops::UnaryOp| {
            let (code, parameters) = op.with(Describe);
            let number = parameters.map_or(0, |list| {
                let next = self.parameters.len() as u32 + 1;
                *self.parameters.entry((code, list.map(f64::to_bits))).or_insert(next)
            });
            (number as u64) << 8 | code as u64
        };
        match *op {
            BodyOp::Unary(op, _) => 1 << 56 | unary(op),
            BodyOp::UnaryVjp(op, _) => 2 << 56 | unary(op),
            BodyOp::Binary(op, ..) => 3 << 56 | op.with(Describe) as u64,
            BodyOp::BinaryVjp(op, Side::X, _) => 4 << 56 | op.with(Describe) as u64,
            BodyOp::BinaryVjp(op, Side::Y, _) => 5 << 56 | op.with(Describe) as u64,
            BodyOp::Select(_) => 6 << 56,
            BodyOp::Input(_) | BodyOp::Shared(_) | BodyOp::Literal(_) => 0,
        }
    }

    fn of_chain(&mut self, key: (ChainOp, ChainTerm, bool, u32)) -> u64 {
        let next = self.chains.len() as u32;
        7 << 56 | *self.chains.entry(key).or_insert(next) as u64
    }
}

/// An op's code, and its parameters if it has some.
struct Describe;
impl UnaryVisitor for Describe {
    type Output = (u8, Option<[f64; 2]>);
    fn visit<O: BuiltinUnary>(self, op: O) -> Self::Output {
        (O::CODE, (O::PARAMETERS > 0).then(|| op.pack()))
    }
}
impl BinaryVisitor for Describe {
    type Output = u8;
    fn visit<O: BuiltinBinary>(self, _op: O) -> u8 {
        O::CODE
    }
}

/// Finds chains and levels, and sorts the window's work by level and kind.
pub(super) fn schedule<T: Copy>(window: Window<'_, T>, kinds: &mut Kinds) -> Schedule {
    let ops = &window.body.ops[window.lo..window.hi];
    let mut levels = vec![0; ops.len()];
    for (i, op) in ops.iter().enumerate().filter(|&(i, _)| window.computes(i)) {
        levels[i] = window.above(&levels, op.reads());
    }
    let chains = find_chains(window, &levels);

    // Levels once more, with chains as one op each. In the order of the old ones nothing comes before what it waits for.
    let mut work: Vec<(u32, u64, Item)> = Vec::with_capacity(ops.len());
    for i in by_level(&levels) {
        let chain = chains.owner[i];
        if chain == Chains::NONE {
            levels[i] = window.above(&levels, ops[i].reads());
            work.push((levels[i], kinds.of_op(&ops[i]), Item::Op(i as u32)));
        } else if chain != Chains::ABSORBED && chains.list[chain as usize].members.start == chains.place[i] {
            let found = &chains.list[chain as usize];
            let level = window.above(&levels, chains.reads(found));
            for &member in chains.members(found) {
                levels[member as usize] = level;
            }
            let steps = found.members.len() as u32;
            let kind = kinds.of_chain((found.link, found.term, found.keeps_steps, steps));
            work.push((level, kind, Item::Chain(chain)));
        }
    }
    work.sort_by_key(|&(level, kind, _)| (level, kind));
    let ends = work.windows(2).enumerate().filter(|(_, pair)| (pair[0].0, pair[0].1) != (pair[1].0, pair[1].1));
    let groups = ends.map(|(i, _)| i as u32 + 1).chain((!work.is_empty()).then_some(work.len() as u32)).collect();
    Schedule { chains, items: work.into_iter().map(|(.., item)| item).collect(), groups }
}

/// The places of all ops above level 0 in the order of their levels.
fn by_level(levels: &[u32]) -> Vec<usize> {
    let highest = levels.iter().copied().max().unwrap_or(0) as usize;
    let mut starts = vec![0; highest + 2];
    for &level in levels {
        starts[level as usize + 1] += 1;
    }
    let leaves = starts[1];
    for level in 1..starts.len() {
        starts[level] += starts[level - 1];
    }
    let mut order = vec![0; levels.len()];
    for (i, &level) in levels.iter().enumerate() {
        order[starts[level as usize]] = i;
        starts[level as usize] += 1;
    }
    order.split_off(leaves)
}
