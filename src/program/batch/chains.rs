//! Values built up step by step: sums over data, products, their adjoints.
//!
//! In compiler terms: recurrences (reductions and scans) kept in a register.
//!
//! A chain is `v0 = x op w0, v1 = v0 op w1, ...`. One instruction computes it in order, with the running value in a
//! register; if nobody else reads the values in between, they are not stored, and if its terms are products that nobody else
//! reads, these are not stored either.
//!
//! A chain is done in one go, so it must not wait for itself: each of its terms has to be of a lower level than its first op.
//! Then there is no ring through several chains either, for the levels of their first ops would have to decrease along it.

use super::code::{ChainOp, ChainTerm};
use super::window::Window;
use crate::ops::BinaryOp;
use crate::program::body::{BodyOp, Register};
use std::collections::HashMap;
use std::ops::Range;

/// Shorter ones are left to batches of single ops.
const SHORTEST: usize = 4;
/// So many alike whose steps are all kept are faster side by side, step by step.
const SIDE_BY_SIDE: u32 = 4;

/// A chain that is computed in one go.
pub(super) struct Found {
    pub link: ChainOp,
    pub term: ChainTerm,
    /// Whether the values in between are read.
    pub keeps_steps: bool,
    /// What it starts from.
    pub init: Register,
    /// Its ops and their terms, as a range of both lists of [`Chains`].
    pub members: Range<u32>,
}

/// The chains of a window.
pub(super) struct Chains {
    pub list: Vec<Found>,
    /// The chain of each op of the window.
    pub owner: Vec<u32>,
    /// Where each op of a chain is among the members.
    pub place: Vec<u32>,
    members: Vec<u32>,
    terms: Vec<[Register; 2]>,
}

impl Chains {
    /// In no chain.
    pub const NONE: u32 = u32::MAX;
    /// A product inside a chain.
    pub const ABSORBED: u32 = u32::MAX - 1;

    /// Its ops, by their place in the window.
    pub fn members(&self, chain: &Found) -> &[u32] {
        &self.members[chain.members.start as usize..chain.members.end as usize]
    }
    /// What it takes in at every step: a value, or the factors of a product.
    pub fn terms(&self, chain: &Found) -> &[[Register; 2]] {
        &self.terms[chain.members.start as usize..chain.members.end as usize]
    }
    /// All that it reads.
    pub fn reads<'a>(&'a self, chain: &'a Found) -> impl Iterator<Item = Register> + 'a {
        std::iter::once(chain.init).chain(self.terms(chain).iter().flatten().copied())
    }
}

fn link_of<T: Copy>(op: &BodyOp<T>) -> Option<(ChainOp, Register, Register)> {
    match *op {
        BodyOp::Binary(BinaryOp::Add(_), x, y) => Some((ChainOp::Add, x, y)),
        BodyOp::Binary(BinaryOp::Sub(_), x, y) => Some((ChainOp::Sub, x, y)),
        BodyOp::Binary(BinaryOp::Mul(_), x, y) => Some((ChainOp::Mul, x, y)),
        BodyOp::Binary(BinaryOp::Scale(_), x, y) => Some((ChainOp::Scale, x, y)),
        _ => None,
    }
}

impl ChainOp {
    fn commutes(self) -> bool {
        matches!(self, ChainOp::Add | ChainOp::Mul)
    }
}

const NOTHING: u32 = u32::MAX;

/// Which op continues which.
struct Threads {
    /// The op that each op continues.
    previous: Vec<u32>,
    /// Whether some op continues it.
    continued: Vec<bool>,
}

fn thread<T: Copy>(window: Window<'_, T>) -> Threads {
    let n = window.len();
    let (mut previous, mut continued, mut depth) = (vec![NOTHING; n], vec![false; n], vec![0u32; n]);
    for i in (0..n).filter(|&i| window.computes(i)) {
        let Some((link, x, y)) = link_of(&window.body.ops[window.lo + i]) else { continue };
        let continues = |slot: Register| {
            let place = window.local(slot).filter(|&p| !continued[p])?;
            let same = link_of(&window.body.ops[slot as usize]).is_some_and(|(other, ..)| other == link);
            same.then_some(place)
        };
        let other = if link.commutes() { continues(y) } else { None };
        // The first argument of two as deep, which `max_by_key` finds last: sums begin on the left.
        if let Some(p) = [other, continues(x)].into_iter().flatten().max_by_key(|&p| depth[p]) {
            previous[i] = p as u32;
            continued[p] = true;
            depth[i] = depth[p] + 1;
        }
    }
    Threads { previous, continued }
}

/// A stretch of a thread that could be done in one go.
struct Candidate {
    link: ChainOp,
    keeps_steps: bool,
    level: u32,
    init: Register,
    steps: Vec<(u32, Register)>,
}

/// Finds the chains of a window whose ops have these levels.
pub(super) fn find_chains<T: Copy>(window: Window<'_, T>, levels: &[u32]) -> Chains {
    let threads = thread(window);
    let mut candidates = Vec::new();
    for last in 0..window.len() {
        if threads.previous[last] != NOTHING && !threads.continued[last] {
            cut(window, levels, &threads, last, &mut candidates);
        }
    }
    let mut alike: HashMap<(ChainOp, u32, usize), u32> = HashMap::new();
    for c in candidates.iter().filter(|c| c.keeps_steps) {
        *alike.entry((c.link, c.level, c.steps.len())).or_default() += 1;
    }
    candidates.retain(|c| !c.keeps_steps || alike[&(c.link, c.level, c.steps.len())] < SIDE_BY_SIDE);
    let mut chains = Chains {
        list: Vec::with_capacity(candidates.len()),
        owner: vec![Chains::NONE; window.len()],
        place: vec![NOTHING; window.len()],
        members: Vec::new(),
        terms: Vec::new(),
    };
    for (number, c) in candidates.into_iter().enumerate() {
        let start = chains.members.len() as u32;
        for &(member, term) in &c.steps {
            chains.owner[member as usize] = number as u32;
            chains.place[member as usize] = chains.members.len() as u32;
            chains.members.push(member);
            chains.terms.push([term; 2]);
        }
        let members = start..chains.members.len() as u32;
        chains.list.push(Found {
            link: c.link,
            term: ChainTerm::Plain,
            keeps_steps: c.keeps_steps,
            init: c.init,
            members,
        });
    }
    absorb_products(window, &mut chains);
    chains
}

/// Cuts the thread that ends here into stretches whose terms do not wait for them.
fn cut<T: Copy>(window: Window<'_, T>, levels: &[u32], threads: &Threads, last: usize, found: &mut Vec<Candidate>) {
    let mut path = vec![last as u32];
    while let Some(&p) = threads.previous.get(path[path.len() - 1] as usize).filter(|&&p| p != NOTHING) {
        path.push(p);
    }
    path.reverse();
    let level_of = |slot: Register| window.local(slot).map_or(0, |i| levels[i]);
    let operands = |i: usize| {
        let slot = (window.lo + path[i] as usize) as Register;
        let (link, x, y) = link_of(&window.body.ops[slot as usize]).expect("threads run through linked ops");
        match i.checked_sub(1).map(|p| (window.lo + path[p] as usize) as Register) {
            Some(previous) if previous != x => (link, y, x),
            _ => (link, x, y),
        }
    };
    let mut start = 0;
    while start < path.len() {
        let (link, init, first) = operands(start);
        let level = levels[path[start] as usize];
        let mut steps = vec![(path[start], first)];
        while start + steps.len() < path.len() {
            let (_, _, term) = operands(start + steps.len());
            if level_of(term) >= level {
                break;
            }
            steps.push((path[start + steps.len()], term));
        }
        start += steps.len();
        let is_shared = |&(member, _): &(u32, Register)| window.uses.is_shared(window.lo + member as usize);
        let read = steps[..steps.len() - 1].iter().filter(|step| is_shared(step)).count();
        if read > steps.len() / 8 {
            if steps.len() >= SHORTEST {
                found.push(Candidate { link, keeps_steps: true, level, init, steps });
            }
            continue;
        }
        // The few values in between that are read end a chain each.
        let mut init = init;
        for piece in steps.split_inclusive(is_shared) {
            let level = levels[piece[0].0 as usize];
            if piece.len() >= SHORTEST {
                found.push(Candidate { link, keeps_steps: false, level, init, steps: piece.to_vec() });
            }
            init = (window.lo + piece[piece.len() - 1].0 as usize) as Register;
        }
    }
}

/// Takes products into the chains that alone read them.
fn absorb_products<T: Copy>(window: Window<'_, T>, chains: &mut Chains) {
    let Chains { list, owner, members, terms, .. } = chains;
    let product = |owner: &[u32], slot: Register| {
        let place =
            window.local(slot).filter(|&p| owner[p] == Chains::NONE && !window.uses.is_shared(slot as usize))?;
        if window.uses.escapes(slot as usize) {
            return None;
        }
        match link_of(&window.body.ops[slot as usize])? {
            (ChainOp::Mul, x, y) => Some((place, ChainTerm::Mul, [x, y])),
            (ChainOp::Scale, x, y) => Some((place, ChainTerm::Scale, [x, y])),
            _ => None,
        }
    };
    for chain in list {
        let range = chain.members.start as usize..chain.members.end as usize;
        let first = &mut terms[range.start];
        if chain.link.commutes() && product(owner, first[0]).is_none() && product(owner, chain.init).is_some() {
            (chain.init, *first) = (first[0], [chain.init; 2]);
        }
        let Some((_, kind, _)) = product(owner, terms[range.start][0]) else { continue };
        let same = |term: &[Register; 2]| product(owner, term[0]).is_some_and(|(_, other, _)| other == kind);
        // One op read twice by one op counts as read twice, so no product is among the terms twice.
        if !terms[range.clone()].iter().all(same) {
            continue;
        }
        debug_assert!(members[range.clone()].iter().all(|&m| owner[m as usize] != Chains::NONE));
        chain.term = kind;
        for term in &mut terms[range] {
            if let Some((place, _, factors)) = product(owner, term[0]) {
                owner[place] = Chains::ABSORBED;
                *term = factors;
            }
        }
    }
}
