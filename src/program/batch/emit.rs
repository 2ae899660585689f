//! Places for values, the order of ops within a batch, and the instructions.
//!
//! In compiler terms: packing and register assignment for SLP, so that operands are contiguous.
//!
//! A batch's results lie side by side. Its ops are put in whichever order lets most of their arguments do so too: the
//! body's, or sorted by where the first or the second argument lies. Stretches that still do not are run by a list.
//!
//! Places: inputs, then literals, then the window's values, which the next window overwrites, then values that live on, and
//! literals spread out beside what they meet.

use super::chains::{Chains, Found};
use super::code::{
    ArgumentLayout, ArgumentPlace, BLOCK, Bytecode, Chain, ChainStride, ChainTerm, Instruction, KernelBatch, Pair,
    Single, operands,
};
use super::window::{Item, Kinds, Schedule, Uses, WINDOW, Window, schedule};
use super::{BatchCode, run};
use crate::num::Element;
use crate::program::body::{Body, BodyOp, Register, Sink};
use std::collections::HashMap;

/// Stretches of arguments side by side that are shorter run by a list.
const SHORTEST_STRETCH: usize = 8;
/// Fewer ops are no batch.
const SMALLEST_BATCH: usize = 4;

pub(super) fn build<T: Element>(body: &Body<T>) -> BatchCode<T> {
    let uses = Uses::new(body);
    let mut emitter = Emitter::new(body, &uses);
    let mut kinds = Kinds::default();
    for lo in (0..body.ops.len()).step_by(WINDOW) {
        emitter.scratch_top = emitter.scratch.start;
        let window = Window { body, uses: &uses, lo, hi: body.ops.len().min(lo + WINDOW) };
        emitter.window(&schedule(window, &mut kinds), lo);
    }
    emitter.finish()
}

struct Emitter<'a, T> {
    body: &'a Body<T>,
    uses: &'a Uses,
    /// Where each op's value is.
    places: Vec<u32>,
    n_inputs: usize,
    n_ops: usize,
    code: Bytecode,
    others: Vec<KernelBatch<T>>,
    /// Literals and where they are.
    fixed: Vec<(u32, T)>,
    scratch: std::ops::Range<u32>,
    scratch_top: u32,
    top: u32,
}

/// An op on the way into a batch: what it reads, by place, and itself.
#[derive(Clone, Copy)]
struct Member {
    x: u32,
    y: u32,
    op: Register,
}

/// A chain on the way into an instruction.
#[derive(Clone, Copy)]
struct ChainCursor<'c> {
    found: &'c Found,
    init: u32,
    /// Where its first term is.
    first: [u32; 2],
    /// How far apart its terms are, if evenly.
    steps: Option<[i32; 2]>,
}

impl<'a, T: Element> Emitter<'a, T> {
    fn new(body: &'a Body<T>, uses: &'a Uses) -> Self {
        let input = |op: &BodyOp<T>| match *op {
            BodyOp::Input(k) | BodyOp::Shared(k) => k as usize + 1,
            _ => 0,
        };
        let n_inputs = body.ops.iter().map(input).max().unwrap_or(0);
        let mut top = n_inputs.next_multiple_of(BLOCK) as u32;
        let mut literals: HashMap<u64, u32> = HashMap::new();
        let mut fixed = Vec::new();
        let mut places = vec![0; body.ops.len()];
        for (i, op) in body.ops.iter().enumerate().filter(|&(i, _)| uses.is_live(i)) {
            match *op {
                BodyOp::Input(k) | BodyOp::Shared(k) => places[i] = k,
                BodyOp::Literal(x) => {
                    places[i] = *literals.entry(x.to_f64().to_bits()).or_insert_with(|| {
                        fixed.push((top, x));
                        top += 1;
                        top - 1
                    });
                }
                _ => {}
            }
        }
        top = top.next_multiple_of(BLOCK as u32);
        // A batch of at least four takes at most eleven places for four values.
        let scratch = top..top + (3 * body.ops.len().min(WINDOW) + BLOCK) as u32;
        let (scratch_top, top) = (scratch.start, scratch.end);
        let (code, others) = (Bytecode::default(), Vec::new());
        Self { body, uses, places, n_inputs, n_ops: 0, code, others, fixed, scratch, scratch_top, top }
    }

    fn window(&mut self, schedule: &Schedule, lo: usize) {
        let mut start = 0;
        for &end in &schedule.groups {
            let items = &schedule.items[start..end as usize];
            start = end as usize;
            match items[0] {
                Item::Chain(_) => self.chains(schedule, items, lo),
                Item::Op(first) => {
                    self.n_ops += items.len();
                    let ops = items.iter().map(|item| match *item {
                        Item::Op(i) => (lo + i as usize) as Register,
                        Item::Chain(_) => unreachable!("a group is of one kind"),
                    });
                    match Pair::of(&self.body.ops[lo + first as usize]) {
                        Some((pair, ..)) => self.pairs(pair, ops),
                        None => self.others(ops.collect()),
                    }
                }
            }
        }
    }

    /// Room for values side by side, with a block's rest behind a batch.
    fn room(&mut self, n: usize, escapes: bool) -> u32 {
        let padded = if n < SMALLEST_BATCH { n } else { n + BLOCK - 1 } as u32;
        let top = if escapes { &mut self.top } else { &mut self.scratch_top };
        *top += padded;
        *top - padded
    }

    fn place(&mut self, ops: impl ExactSizeIterator<Item = Register> + Clone) -> u32 {
        let escapes = ops.clone().any(|op| self.uses.escapes(op as usize));
        let out = self.room(ops.len(), escapes);
        for (k, op) in ops.enumerate() {
            self.places[op as usize] = out + k as u32;
        }
        out
    }

    fn is_literal(&self, slot: Register) -> bool {
        matches!(self.body.ops[slot as usize], BodyOp::Literal(_))
    }

    /// A batch of ops that have a loop of their own.
    fn pairs(&mut self, pair: Pair, ops: impl Iterator<Item = Register>) {
        let mut literal = [true; 2];
        let mut members: Vec<Member> = Vec::with_capacity(ops.size_hint().0);
        for op in ops {
            let Some((_, x, y)) = Pair::of(&self.body.ops[op as usize]) else { continue };
            literal = [literal[0] && self.is_literal(x), literal[1] && self.is_literal(y)];
            members.push(Member { x: self.places[x as usize], y: self.places[y as usize], op });
        }
        if members.len() >= SMALLEST_BATCH {
            arrange(&mut members, literal);
            for (second, is_literal) in literal.into_iter().enumerate() {
                if is_literal {
                    self.spread(&mut members, second == 1);
                }
            }
        }
        let out = self.place(members.iter().map(|m| m.op));
        let mut rest = 0;
        let mut k = 0;
        while k < members.len() && members.len() >= SMALLEST_BATCH {
            let (n, form) = stretch(&members[k..]);
            if n >= SHORTEST_STRETCH {
                self.listed(pair, &members[rest..k], out + rest as u32);
                let Member { x, y, .. } = members[k];
                self.code.instructions.push(Instruction { form, pair, n: n as u32, out: out + k as u32, x, y });
                rest = k + n;
            }
            k += n;
        }
        self.listed(pair, &members[rest..], out + rest as u32);
    }

    /// Ops whose arguments are here and there.
    fn listed(&mut self, pair: Pair, members: &[Member], out: u32) {
        let n = members.len() as u32;
        if members.len() < SMALLEST_BATCH {
            let x = self.code.singles.len() as u32;
            for (k, &Member { x, y, .. }) in members.iter().enumerate() {
                self.code.singles.push(Single { pair, out: out + k as u32, x, y });
            }
            match self.code.instructions.last_mut() {
                _ if n == 0 => {}
                Some(last) if last.form == ArgumentLayout::Singles => last.n += n,
                _ => self.code.instructions.push(Instruction { form: ArgumentLayout::Singles, pair, n, out, x, y: 0 }),
            }
            return;
        }
        let x = self.code.lists.len() as u32;
        self.code.lists.extend(members.iter().flat_map(|m| [m.x, m.y]));
        self.code.instructions.push(Instruction { form: ArgumentLayout::List, pair, n, out, x, y: 0 });
    }

    /// Lays literals beside what they meet, unless they do lie so or are all the same.
    fn spread(&mut self, members: &mut [Member], second: bool) {
        let get = |m: &Member| if second { m.y } else { m.x };
        if members.windows(2).all(|pair| get(&pair[0]) == get(&pair[1])) {
            return;
        }
        let base = self.room(members.len(), true);
        for (place, m) in (base..).zip(members) {
            let Some((_, x, y)) = Pair::of(&self.body.ops[m.op as usize]) else { continue };
            if let BodyOp::Literal(number) = self.body.ops[if second { y } else { x } as usize] {
                self.fixed.push((place, number));
                *(if second { &mut m.y } else { &mut m.x }) = place;
            }
        }
    }

    /// Chains of one kind: those of one batch that lie evenly run in step.
    fn chains(&mut self, schedule: &Schedule, items: &[Item], lo: usize) {
        let chains = items.iter().map(|item| match *item {
            Item::Chain(number) => &schedule.chains.list[number as usize],
            Item::Op(_) => unreachable!("a group is of one kind"),
        });
        let mut lanes: Vec<ChainCursor<'_>> = chains.map(|found| self.lane(&schedule.chains, found)).collect();
        self.n_ops += lanes.iter().map(|lane| lane.found.members.len()).sum::<usize>();
        let last = |lane: &ChainCursor<'_>| {
            lo as Register + schedule.chains.members(lane.found).last().copied().unwrap_or_default()
        };
        if lanes[0].found.keeps_steps {
            for lane in &lanes {
                let members = schedule.chains.members(lane.found).iter().map(|&m| lo as Register + m);
                // Results lie as the terms do, so that what reads both runs along them.
                let backwards = lane.steps.is_some_and(|[a, _]| a < 0);
                let out = if backwards { self.place(members.rev()) } else { self.place(members) };
                let (n, out_step) = (lane.found.members.len() as u32, if backwards { -1 } else { 1 });
                let first = if backwards { out + n - 1 } else { out };
                self.chain(&schedule.chains, std::slice::from_ref(lane), first, out_step);
            }
            return;
        }
        arrange_lanes(&mut lanes);
        let out = self.place(lanes.iter().map(last).collect::<Vec<_>>().into_iter());
        let mut start = 0;
        while start < lanes.len() {
            let n = in_step(&lanes[start..]);
            self.chain(&schedule.chains, &lanes[start..start + n], out + start as u32, 0);
            start += n;
        }
    }

    fn lane<'c>(&self, chains: &Chains, found: &'c Found) -> ChainCursor<'c> {
        let terms = chains.terms(found);
        let at = |k: usize| terms[k].map(|slot| self.places[slot as usize]);
        let first = at(0);
        let step = |k: usize| std::array::from_fn(|i| at(k)[i].wrapping_sub(at(k - 1)[i]) as i32);
        let even: [i32; 2] = step(1);
        let steps = (2..terms.len()).all(|k| step(k) == even).then_some(even);
        ChainCursor { found, init: self.places[found.init as usize], first, steps }
    }

    /// One instruction for chains that run in step.
    fn chain(&mut self, chains: &Chains, lanes: &[ChainCursor<'_>], out: u32, out_step: i32) {
        let ChainCursor { found, init, first: [a, b], steps } = lanes[0];
        let list = match steps {
            Some(_) => None,
            None => {
                let start = self.code.lists.len() as u32;
                let terms = chains.terms(found);
                match found.term {
                    ChainTerm::Plain => self.code.lists.extend(terms.iter().map(|t| self.places[t[0] as usize])),
                    _ => self.code.lists.extend(terms.iter().flatten().map(|&slot| self.places[slot as usize])),
                }
                Some(start)
            }
        };
        let [a_step, b_step] = steps.unwrap_or_default();
        let apart = |get: fn(&ChainCursor<'_>) -> u32| {
            lanes.get(1).map_or(0, |second| get(second).wrapping_sub(get(&lanes[0])) as i32)
        };
        let n = lanes.len() as u32;
        let number = self.code.chains.len() as u32;
        self.code.chains.push(Chain {
            link: found.link,
            term: found.term,
            lanes: n,
            steps: found.members.len() as u32,
            init: ChainStride { base: init, lane: apart(|lane| lane.init), step: 0 },
            a: ChainStride { base: a, lane: apart(|lane| lane.first[0]), step: a_step },
            b: ChainStride { base: b, lane: apart(|lane| lane.first[1]), step: b_step },
            list,
            out,
            out_step,
        });
        self.code.instructions.push(Instruction {
            form: ArgumentLayout::Chain,
            pair: Pair::Add,
            n,
            out,
            x: number,
            y: 0,
        });
    }

    /// A batch of ops that run through the tensors' kernels.
    fn others(&mut self, mut ops: Vec<Register>) {
        let places = &self.places;
        let reads = |op: Register| operands(&self.body.ops[op as usize]);
        let key = |&op: &Register| {
            let mut places = reads(op).into_iter().flatten().map(|slot| places[slot as usize]);
            (places.next(), places.next())
        };
        let is_row = |ops: &[Register]| ops.windows(2).all(|w| key(&w[1]).0 == key(&w[0]).0.map(|place| place + 1));
        if !is_row(&ops) {
            ops.sort_by_cached_key(key);
        }
        let mut operands = [ArgumentPlace::None; 4];
        for (k, operand) in operands.iter_mut().enumerate() {
            let mut row = ops.iter().filter_map(|&op| reads(op)[k]).map(|slot| places[slot as usize]);
            let Some(first) = row.next() else { continue };
            let rest: Vec<u32> = row.collect();
            *operand = if rest.iter().zip(first + 1..).all(|(&place, even)| place == even) {
                ArgumentPlace::Row(first)
            } else if rest.iter().all(|&place| place == first) {
                ArgumentPlace::Same(first)
            } else {
                let start = self.code.lists.len() as u32;
                self.code.lists.push(first);
                self.code.lists.extend(rest);
                ArgumentPlace::List(start)
            };
        }
        let out = self.place(ops.iter().copied());
        let (n, x) = (ops.len() as u32, self.others.len() as u32);
        self.others.push(KernelBatch { op: self.body.ops[ops[0] as usize], operands });
        self.code.instructions.push(Instruction {
            form: ArgumentLayout::KernelBatch,
            pair: Pair::Add,
            n,
            out,
            x,
            y: 0,
        });
    }

    fn finish(self) -> BatchCode<T> {
        let mut values = vec![T::from_f64(0.0); self.top as usize + BLOCK];
        for (place, x) in self.fixed {
            values[place as usize] = x;
        }
        let outputs = self.body.sinks.iter().map(|sink| match *sink {
            Sink::Store(slot) | Sink::Sum(slot) => self.places[slot as usize],
        });
        BatchCode {
            outputs: outputs.collect(),
            code: self.code,
            stage: vec![T::from_f64(0.0); if self.others.is_empty() { 2 * BLOCK } else { run::STAGE }],
            others: self.others,
            values,
            n_inputs: self.n_inputs,
            n_ops: self.n_ops,
        }
    }
}

/// How many of the members, from the first on, have arguments that lie evenly, and how.
fn stretch(members: &[Member]) -> (usize, ArgumentLayout) {
    let step = |a: &Member, b: &Member| (b.x.wrapping_sub(a.x), b.y.wrapping_sub(a.y));
    let Some((first, second)) = members.first().zip(members.get(1)) else {
        return (members.len(), ArgumentLayout::List);
    };
    let even = step(first, second);
    let form = match even {
        (1, 1) => ArgumentLayout::Both,
        (1, 0) => ArgumentLayout::Left,
        (0, 1) => ArgumentLayout::Right,
        _ => return (1, ArgumentLayout::List),
    };
    (1 + members.windows(2).take_while(|pair| step(&pair[0], &pair[1]) == even).count(), form)
}

/// Puts the members in the order that breaks fewest stretches. Literals can be laid anywhere: what meets them stays in the
/// body's order, which for data is that of the data.
fn arrange(members: &mut Vec<Member>, literal: [bool; 2]) {
    let breaks = |members: &[Member]| {
        let even = |pair: &[Member]| {
            let (dx, dy) = (pair[1].x.wrapping_sub(pair[0].x), pair[1].y.wrapping_sub(pair[0].y));
            (dx <= 1 || literal[0]) && (dy <= 1 || literal[1])
        };
        members.windows(2).filter(|pair| !even(pair)).count()
    };
    let mut fewest = breaks(members);
    let enough = members.len() / 64;
    let key = |is_literal: bool, place: u32, op: Register| if is_literal { op } else { place } as u64;
    let by_x = |m: &Member| (m.x as u64) << 32 | key(literal[1], m.y, m.op);
    let by_y = |m: &Member| (m.y as u64) << 32 | key(literal[0], m.x, m.op);
    let orders: [(&dyn Fn(&Member) -> u64, bool); 2] = [(&by_x, literal[0]), (&by_y, literal[1])];
    for (order, is_literal) in orders {
        if fewest <= enough {
            return;
        }
        if is_literal {
            continue;
        }
        let mut sorted = members.clone();
        sorted.sort_unstable_by_key(order);
        let count = breaks(&sorted);
        if count < fewest {
            (fewest, *members) = (count, sorted);
        }
    }
}

/// How many chains, from the first on, can run in step.
fn in_step(lanes: &[ChainCursor<'_>]) -> usize {
    let Some((first, second)) = lanes.first().zip(lanes.get(1)) else { return lanes.len() };
    if first.steps.is_none() {
        return 1;
    }
    let apart = |a: &ChainCursor<'_>, b: &ChainCursor<'_>| {
        (b.init.wrapping_sub(a.init), [0, 1].map(|i| b.first[i].wrapping_sub(a.first[i])), a.steps == b.steps)
    };
    let even = apart(first, second);
    if !even.2 {
        return 1;
    }
    1 + lanes.windows(2).take_while(|pair| apart(&pair[0], &pair[1]) == even).count()
}

/// Puts chains in the order that runs fastest: the body's, or sorted by where one of their terms begins.
fn arrange_lanes(lanes: &mut [ChainCursor<'_>]) {
    // Roughly, in terms of one lane's step: an instruction; lanes that lie apart; lanes side by side.
    let cost = |lanes: &[ChainCursor<'_>]| {
        let (mut start, mut cost) = (0, 0);
        while start < lanes.len() {
            let n = in_step(&lanes[start..]);
            let group = &lanes[start..start + n];
            let side_by_side = n >= BLOCK && (0..2).all(|i| group[1].first[i].wrapping_sub(group[0].first[i]) <= 1);
            cost += 16 + n * group[0].found.members.len() / if side_by_side { 4 } else { 1 };
            start += n;
        }
        cost
    };
    let by_a = |lane: &ChainCursor<'_>| (lane.first[0], lane.first[1], lane.init);
    let by_b = |lane: &ChainCursor<'_>| (lane.first[1], lane.first[0], lane.init);
    let as_they_are = cost(lanes);
    let mut sorted = [lanes.to_vec(), lanes.to_vec()];
    sorted[0].sort_by_key(by_a);
    sorted[1].sort_by_key(by_b);
    if let Some((least, best)) = sorted.iter().map(|lanes| (cost(lanes), lanes)).min_by_key(|(cost, _)| *cost)
        && least < as_they_are
    {
        lanes.copy_from_slice(best);
    }
}
