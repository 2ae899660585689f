//! From a body to steps: what is the same for all lanes is set apart, neighbours become pairs, values get registers.
//!
//! In compiler terms: instruction selection, hoisting of uniform values and linear-scan register allocation for a tile.
//!
//! Ops stay in the body's order, but for short moves that bring equal ones together. A product that only the next sum or
//! difference reads joins it in one kernel, which rounds twice as the two ops do; so does a product that is only summed over the lanes. No other algebra is done here, for it would
//! change bits or belongs to the program's passes.

use super::code::{LoweredBody, Stream, Sum};
use super::{Access, Origin, Source, Target, circles};
use crate::num::Element;
use crate::ops::{self, BinaryOp, UnaryOp};
use crate::program::body::{Body, BodyOp, Register, Sink};
use crate::tensor::kernels::Kernels;
use crate::tensor::kernels::chunks::{At, Call, First, KernelVariant, Ones, OpBytes, Then, takes_ones};
use crate::tensor::kernels::elementwise::Side;

/// Where a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Location {
    Register(u32),
    Uniform(u32),
    Stream(u32),
    /// So many elements behind the lanes of a stream.
    Behind(u32, u32),
    Accumulators(u32),
    Unused,
}

/// A step before addresses are known: what it does, the destination and the sources.
pub(super) struct Instruction {
    pub what: InstructionKind,
    pub places: [Location; 4],
}

#[derive(Clone, Copy)]
pub(super) enum InstructionKind {
    Kernel(KernelVariant, OpBytes),
    /// The numbers of an input into a register.
    Gather(u32),
    /// A value to a target: stored, or summed by row or column.
    Leave(u32),
}

/// How many flat buffers are read and written where they are; the numbers of others are copied.
const MOST_STREAMS: usize = 200;
/// A product joins an op at most this far behind it: it holds on to its arguments until then.
const REACH: usize = 16;
/// How many runs of kernels back a step may move: its result is held on to for longer.
const BACK: usize = 8;

pub(super) fn lower<T: Element>(
    body: &Body<T>,
    sources: &[Source],
    targets: &[Target],
) -> (LoweredBody<T>, Vec<Instruction>) {
    assert_eq!(body.sinks.len(), targets.len(), "a target for every sink");
    let (ops, moved) = circles::pair_up(&body.ops);
    let (ops, same) = simplified(&ops);
    let sinks = body.sinks.iter().map(|sink| same[moved[slot_of(*sink) as usize] as usize]);
    let sinks: Vec<Register> = sinks.collect();
    let uses = count_uses(&ops, &sinks);
    let mut lowering = Lowering {
        sources,
        targets,
        uniform: vec![None; ops.len()],
        place: vec![Location::Unused; ops.len()],
        joined: vec![false; ops.len()],
        uses,
        ops,
        plan: Vec::new(),
        trailing: Vec::new(),
        code: LoweredBody::new(),
    };
    lowering.hoist();
    lowering.plan(&sinks);
    lowering.allocate()
}

pub(super) fn slot_of(sink: Sink) -> Register {
    let (Sink::Store(slot) | Sink::Sum(slot)) = sink;
    slot
}

/// The output and first element of a target that takes lanes as they come.
pub(super) fn stored_at(target: Target) -> Option<(usize, usize)> {
    match target {
        Target::Flat { output } => Some((output, 0)),
        Target::Row { output, start } => Some((output, start)),
        _ => None,
    }
}

/// The ops with rules of arithmetic replaced by the ops that they are, and for each slot the one with its value.
fn simplified<T: Element>(body: &[BodyOp<T>]) -> (Vec<BodyOp<T>>, Vec<Register>) {
    let mut same: Vec<Register> = Vec::with_capacity(body.len());
    let mut ops: Vec<BodyOp<T>> = Vec::with_capacity(body.len());
    for (i, op) in body.iter().enumerate() {
        // What a rule does not read may be a slot that comes later.
        let op = op.map(|slot| same.get(slot as usize).copied().unwrap_or(slot));
        let is_one = |slot: Register| matches!(ops[slot as usize], BodyOp::Literal(x) if x == T::from_f64(1.0));
        let simpler = match as_op(op) {
            Simpler::Op(BodyOp::Binary(BinaryOp::Scale(_), g, d)) if is_one(g) => Simpler::Same(d),
            simpler => simpler,
        };
        match simpler {
            Simpler::Op(op) => {
                ops.push(op);
                same.push(i as Register);
            }
            Simpler::Same(slot) => {
                ops.push(op);
                same.push(slot);
            }
        }
    }
    (ops, same)
}

pub(super) enum Simpler<T> {
    Op(BodyOp<T>),
    Same(Register),
}

/// The op that the rule of an arithmetic op amounts to, to the bit.
pub(super) fn as_op<T>(op: BodyOp<T>) -> Simpler<T> {
    use BinaryOp::*;
    let scale = |g, d| Simpler::Op(BodyOp::Binary(Scale(ops::Scale), g, d));
    match op {
        BodyOp::UnaryVjp(UnaryOp::Neg(op), [_, _, g]) => Simpler::Op(BodyOp::Unary(UnaryOp::Neg(op), g)),
        BodyOp::BinaryVjp(Add(_), _, [.., g]) | BodyOp::BinaryVjp(Sub(_), Side::X, [.., g]) => Simpler::Same(g),
        BodyOp::BinaryVjp(Sub(_), Side::Y, [.., g]) => Simpler::Op(BodyOp::Unary(UnaryOp::Neg(ops::Neg), g)),
        BodyOp::BinaryVjp(Mul(_), Side::X, [_, y, _, g]) => scale(g, y),
        BodyOp::BinaryVjp(Mul(_), Side::Y, [x, _, _, g]) => scale(g, x),
        BodyOp::BinaryVjp(Scale(_), Side::X, [_, y, _, g]) => scale(g, y),
        BodyOp::BinaryVjp(Div(_) | Over(_), Side::X, [_, y, _, g]) => {
            Simpler::Op(BodyOp::Binary(Over(ops::Over), g, y))
        }
        op => Simpler::Op(op),
    }
}

/// How often each slot is read, by ops that lead to a sink and by the sinks.
fn count_uses<T: Element>(ops: &[BodyOp<T>], sinks: &[Register]) -> Vec<u32> {
    let mut uses = vec![0; ops.len()];
    for &slot in sinks {
        uses[slot as usize] += 1;
    }
    for (i, op) in ops.iter().enumerate().rev() {
        if uses[i] > 0 {
            op.reads().for_each(|slot| uses[slot as usize] += 1);
        }
    }
    uses
}

/// A planned step over slots.
struct Planned {
    what: InstructionKind,
    to: To,
    /// A second destination.
    also: Option<Register>,
    reads: [Option<Register>; 3],
    /// Which sources may be one number; others are spread over a register first.
    ones: [bool; 3],
}

#[derive(Clone, Copy, PartialEq)]
enum To {
    Nothing,
    Register(Register),
    /// The slot takes the register of another, or its own, and what is there is changed.
    InPlace(Register, Register),
    Location(Location),
}

struct Lowering<'a, T> {
    sources: &'a [Source],
    targets: &'a [Target],
    ops: Vec<BodyOp<T>>,
    uses: Vec<u32>,
    uniform: Vec<Option<u32>>,
    place: Vec<Location>,
    /// Whether the op runs inside the one that reads it.
    joined: Vec<bool>,
    plan: Vec<Planned>,
    /// Copies to outputs whose old numbers are read in place: after everything else.
    trailing: Vec<Planned>,
    code: LoweredBody<T>,
}

impl<T: Element> Lowering<'_, T> {
    /// Sets apart what depends on no input: literals first, which are there before any run.
    fn hoist(&mut self) {
        for (i, op) in self.ops.iter().enumerate() {
            if let (BodyOp::Literal(x), true) = (op, self.uses[i] > 0) {
                self.uniform[i] = Some(self.code.literals.len() as u32);
                self.code.literals.push(*x);
            }
        }
        for i in 0..self.ops.len() {
            let op = self.ops[i];
            if self.uses[i] == 0 || matches!(op, BodyOp::Input(_) | BodyOp::Literal(_)) {
                continue;
            }
            if op.reads().all(|slot| self.uniform[slot as usize].is_some()) {
                let index = (self.code.literals.len() + self.code.hoisted.len()) as u32;
                let number = |slot: Register| self.uniform.get(slot as usize).copied().flatten().unwrap_or(0);
                self.code.hoisted.push(op.map(number));
                self.uniform[i] = Some(index);
            }
        }
        for (place, uniform) in self.place.iter_mut().zip(&self.uniform) {
            if let Some(index) = *uniform {
                *place = Location::Uniform(index);
            }
        }
    }

    fn is_uniform(&self, slot: Register) -> bool {
        self.uniform[slot as usize].is_some()
    }

    fn plan(&mut self, sinks: &[Register]) {
        let mut by_slot: Vec<u32> = (0..sinks.len() as u32).collect();
        by_slot.sort_by_key(|&k| sinks[k as usize]);
        let mut by_slot = by_slot.into_iter().peekable();
        for i in 0..self.ops.len() {
            let slot = i as Register;
            let first_sink = by_slot.peek().copied().filter(|&k| sinks[k as usize] == slot);
            if self.uses[i] > 0 && !self.is_uniform(slot) && !self.joins_later(i, first_sink) {
                self.plan_home(slot, first_sink);
                if !self.is_made(slot) {
                    self.plan_op(slot);
                }
            }
            while let Some(k) = by_slot.next_if(|&k| sinks[k as usize] == slot) {
                self.plan_sink(slot, k);
            }
        }
        self.group();
        self.plan.append(&mut self.trailing);
    }

    /// Whether the op before has made the slot as well.
    fn is_made(&self, slot: Register) -> bool {
        slot > 0 && self.makes_next(slot - 1)
    }

    /// Whether the op is one of two that are computed together, and both are read.
    fn makes_next(&self, slot: Register) -> bool {
        let i = slot as usize;
        circles::are_pair(&self.ops[i], self.ops.get(i + 1)) && self.uses[i] > 0 && self.uses[i + 1] > 0
    }

    /// Moves steps up to the last equal kernel, a few runs of kernels back, where what they read is there by then: a run
    /// of equal kernels is entered once.
    fn group(&mut self) {
        type KernelEntry<T> = (unsafe fn(&Call<T>), OpBytes);
        let mut runs: Vec<Option<KernelEntry<T>>> = vec![None];
        let mut made = vec![0; self.place.len()];
        let mut plan: Vec<(usize, Planned)> = Vec::with_capacity(self.plan.len());
        for step in self.plan.drain(..) {
            let changed = if let To::InPlace(_, changed) = step.to { Some(changed) } else { None };
            let after = step.reads.iter().flatten().copied().chain(changed).map(|slot| made[slot as usize]).max();
            let after = after.unwrap_or(0).max(runs.len().saturating_sub(BACK));
            let kernel = match step.what {
                InstructionKind::Kernel(form, op) => Some((T::chunk_kernel(form), op)),
                InstructionKind::Gather(_) | InstructionKind::Leave(_) => None,
            };
            let same = |run: &usize| match (runs[*run], kernel) {
                (Some((a, of_a)), Some((b, of_b))) => std::ptr::fn_addr_eq(a, b) && of_a == of_b,
                _ => false,
            };
            let run = (after..runs.len()).rev().find(same).unwrap_or_else(|| {
                runs.push(kernel);
                runs.len() - 1
            });
            if let To::Register(slot) | To::InPlace(slot, _) = step.to {
                made[slot as usize] = run;
            }
            if let Some(slot) = step.also {
                made[slot as usize] = run;
            }
            plan.push((run, step));
        }
        plan.sort_by_key(|(run, _)| *run);
        self.plan.extend(plan.into_iter().map(|(_, step)| step));
    }

    /// Whether the op is a product that runs inside the op, or the sum, which alone reads it.
    fn joins_later(&mut self, i: usize, sink: Option<u32>) -> bool {
        if self.uses[i] != 1 || self.product(i as Register).is_none() {
            return false;
        }
        if let Some(k) = sink {
            self.joined[i] = matches!(self.targets[k as usize], Target::Total { .. });
            return self.joined[i];
        }
        let slot = i as Register;
        let reader = (i + 1..self.ops.len().min(i + 1 + REACH))
            .find(|&r| self.uses[r] > 0 && self.ops[r].reads().any(|read| read == slot));
        if let Some(BodyOp::Binary(BinaryOp::Add(_) | BinaryOp::Sub(_), x, y)) = reader.map(|r| self.ops[r]) {
            let other = if x == slot { y } else { x };
            // One of two products can join; the later one does, and this is its turn only if the other has not joined.
            self.joined[i] = !(self.joined[other as usize] || other > slot && self.will_join(other));
        }
        self.joined[i]
    }

    /// Whether a later product qualifies to join the op that reads both.
    fn will_join(&self, slot: Register) -> bool {
        self.uses[slot as usize] == 1 && self.product(slot).is_some()
    }

    /// The op as a product whose first factor is a vector.
    fn product(&self, slot: Register) -> Option<(First, Register, Register)> {
        match self.ops[slot as usize] {
            _ if self.is_uniform(slot) => None,
            BodyOp::Binary(BinaryOp::Mul(_), x, y) if self.is_uniform(x) => Some((First::Mul, y, x)),
            BodyOp::Binary(BinaryOp::Mul(_), x, y) => Some((First::Mul, x, y)),
            BodyOp::Binary(BinaryOp::Scale(_), g, d) if !self.is_uniform(g) => Some((First::Scale, g, d)),
            BodyOp::Unary(UnaryOp::Square(_), x) => Some((First::Mul, x, x)),
            _ => None,
        }
    }

    /// A value that is stored as it is lives in the output from the start.
    fn plan_home(&mut self, slot: Register, sink: Option<u32>) {
        let is_input = matches!(self.ops[slot as usize], BodyOp::Input(_));
        if let Some((output, start)) = sink.and_then(|k| stored_at(self.targets[k as usize]))
            && !is_input
            && !self.is_read_in_place(output)
            && let Some(home) = self.output(output, start)
        {
            self.place[slot as usize] = home;
        }
    }

    fn is_read_in_place(&self, output: usize) -> bool {
        self.sources.iter().any(|source| source.from == Origin::Output(output))
    }

    fn stream(&mut self, stream: Stream) -> Option<Location> {
        let known = self.code.streams.iter().position(|&s| s == stream);
        if known.is_none() && self.code.streams.len() == MOST_STREAMS {
            return None;
        }
        let index = known.unwrap_or_else(|| {
            self.code.streams.push(stream);
            self.code.streams.len() - 1
        });
        Some(Location::Stream(index as u32))
    }

    /// Where lanes of an output are written where they belong.
    fn output(&mut self, output: usize, start: usize) -> Option<Location> {
        match self.stream(Stream::Output(output))? {
            Location::Stream(k) if start > 0 => (start < At::REACH).then_some(Location::Behind(k, start as u32)),
            place => Some(place),
        }
    }

    fn plan_op(&mut self, slot: Register) {
        match self.ops[slot as usize] {
            BodyOp::Input(k) => {
                let source = self.sources[k as usize];
                let stream = if source.walk == Access::Flat { self.stream(Stream::Source(source.from)) } else { None };
                match stream {
                    Some(stream) => self.place[slot as usize] = stream,
                    None => self.push(InstructionKind::Gather(k), To::Register(slot), []),
                }
            }
            BodyOp::Shared(_) | BodyOp::Literal(_) => unreachable!("the same for all lanes"),
            BodyOp::Unary(_, x) if self.makes_next(slot) => {
                self.kernel(KernelVariant::SinCos, OpBytes::default(), slot, [x]);
                if let Some(last) = self.plan.last_mut() {
                    last.also = Some(slot + 1);
                }
            }
            BodyOp::Unary(op, x) => self.kernel(KernelVariant::Unary(op), OpBytes::of_unary(op), slot, [x]),
            BodyOp::UnaryVjp(op, [x, y, g]) => {
                let saves = op.saves();
                let reads = [Some(x).filter(|_| saves.x), Some(y).filter(|_| saves.out), None];
                self.plan_rule(slot, g, KernelVariant::UnaryRule(op), OpBytes::of_unary(op), reads);
            }
            BodyOp::Binary(op, x, y) => self.plan_binary(slot, op, x, y),
            BodyOp::BinaryVjp(op, side, [x, y, out, g]) => {
                let saves = op.saves()[(side == Side::Y) as usize];
                let reads = [Some(x).filter(|_| saves.x), Some(y).filter(|_| saves.y), Some(out).filter(|_| saves.out)];
                self.plan_rule(slot, g, KernelVariant::BinaryRule(op, side), OpBytes::default(), reads);
            }
            BodyOp::Select([c, a, b]) => {
                let form = KernelVariant::Select { a: self.is_uniform(a), b: self.is_uniform(b) };
                self.push(InstructionKind::Kernel(form, OpBytes::default()), To::Register(slot), [c, a, b]);
                self.accept_ones([false, true, true]);
            }
        }
    }

    /// A rule overwrites the gradient where nothing else reads that, and else a copy of it.
    fn plan_rule(
        &mut self,
        slot: Register,
        g: Register,
        form: KernelVariant,
        op: OpBytes,
        reads: [Option<Register>; 3],
    ) {
        let is_free = |slot: Register| self.place[slot as usize] == Location::Unused;
        let changed = if self.uses[g as usize] == 1 && is_free(g) && is_free(slot) {
            g
        } else {
            self.copy(g, To::Register(slot));
            slot
        };
        let (what, to) = (InstructionKind::Kernel(form, op), To::InPlace(slot, changed));
        self.plan.push(Planned { what, to, also: None, reads, ones: [false; 3] });
    }

    fn plan_binary(&mut self, slot: Register, op: BinaryOp, x: Register, y: Register) {
        let joined = [y, x].into_iter().find(|&read| self.joined[read as usize]);
        if let (Some(product), BinaryOp::Add(_) | BinaryOp::Sub(_)) = (joined, op)
            && let Some((first, a, b)) = self.product(product)
        {
            let (then, c) = match op {
                BinaryOp::Add(_) => (Then::Add, if product == y { x } else { y }),
                _ if product == y => (Then::SubFrom, x),
                _ => (Then::Sub, y),
            };
            let form = KernelVariant::Pair(first, then, self.ones(b, c));
            self.push(InstructionKind::Kernel(form, OpBytes::default()), To::Register(slot), [a, b, c]);
            return self.accept_ones([false, true, true]);
        }
        let ones = if takes_ones(op) { self.ones(x, y) } else { Ones::Neither };
        self.kernel(KernelVariant::Binary(op, ones), OpBytes::default(), slot, [x, y]);
        self.accept_ones([ones == Ones::First, ones == Ones::Second, false]);
    }

    fn ones(&self, x: Register, y: Register) -> Ones {
        match (self.is_uniform(x), self.is_uniform(y)) {
            (false, false) => Ones::Neither,
            (true, false) => Ones::First,
            (false, true) => Ones::Second,
            (true, true) => Ones::Both,
        }
    }

    fn plan_sink(&mut self, slot: Register, k: u32) {
        match self.targets[k as usize] {
            Target::Total { sum, add } => {
                let accumulators = To::Location(Location::Accumulators(self.code.totals.len() as u32));
                self.code.totals.push(Sum { at: sum, add });
                if self.joined[slot as usize]
                    && let Some((first, a, b)) = self.product(slot)
                {
                    let ones = if self.is_uniform(b) { Ones::Second } else { Ones::Neither };
                    self.push(
                        InstructionKind::Kernel(KernelVariant::SumOf(first, ones), OpBytes::default()),
                        accumulators,
                        [a, b],
                    );
                    self.accept_ones([false, true, false]);
                } else {
                    self.push(InstructionKind::Kernel(KernelVariant::Sum, OpBytes::default()), accumulators, [slot]);
                }
            }
            Target::Flat { output } => self.plan_store(slot, output, 0, k),
            Target::Row { output, start } => self.plan_store(slot, output, start, k),
            Target::Strided { .. } | Target::PerColumn { .. } | Target::PerRow { .. } => {
                self.push(InstructionKind::Leave(k), To::Nothing, [slot]);
            }
        }
    }

    fn plan_store(&mut self, slot: Register, output: usize, start: usize, k: u32) {
        let Some(stream) = self.output(output, start) else {
            return self.push(InstructionKind::Leave(k), To::Nothing, [slot]);
        };
        if self.place[slot as usize] == stream {
            return;
        }
        let mut slot = slot;
        let in_place = self.is_read_in_place(output);
        if in_place && matches!(self.ops[slot as usize], BodyOp::Input(_)) {
            // Another in-place output may overwrite what is read here, so that it is kept aside.
            let kept = self.place.len() as Register;
            self.place.push(Location::Unused);
            self.uniform.push(None);
            self.copy(slot, To::Register(kept));
            slot = kept;
        }
        self.copy(slot, To::Location(stream));
        if in_place {
            self.trailing.extend(self.plan.pop());
        }
    }

    fn copy(&mut self, slot: Register, to: To) {
        let form = KernelVariant::Copy { one: self.is_uniform(slot) };
        self.push(InstructionKind::Kernel(form, OpBytes::default()), to, [slot]);
        self.accept_ones([true; 3]);
    }

    fn kernel<const N: usize>(&mut self, form: KernelVariant, op: OpBytes, to: Register, reads: [Register; N]) {
        self.push(InstructionKind::Kernel(form, op), To::Register(to), reads);
    }

    fn push<const N: usize>(&mut self, what: InstructionKind, to: To, reads: [Register; N]) {
        let reads = std::array::from_fn(|i| reads.get(i).copied());
        self.plan.push(Planned { what, to, also: None, reads, ones: [false; 3] });
    }

    fn accept_ones(&mut self, ones: [bool; 3]) {
        if let Some(last) = self.plan.last_mut() {
            last.ones = ones;
        }
    }

    /// Gives values registers, from definition to last use; the one freed last is taken first, for it is in the nearest cache.
    fn allocate(mut self) -> (LoweredBody<T>, Vec<Instruction>) {
        let mut last_use = vec![0; self.place.len()];
        for (i, step) in self.plan.iter().enumerate() {
            for &slot in step.reads.iter().flatten() {
                last_use[slot as usize] = i;
            }
        }
        let mut free = Vec::new();
        let mut instructions = Vec::with_capacity(self.plan.len());
        for (i, step) in std::mem::take(&mut self.plan).into_iter().enumerate() {
            let mut places = [Location::Unused; 4];
            let mut spent = Vec::new();
            for (k, &slot) in step.reads.iter().enumerate().filter_map(|(k, slot)| Some((k, slot.as_ref()?))) {
                let place = self.place[slot as usize];
                places[k + 1] = match place {
                    Location::Uniform(_) if !step.ones[k] => {
                        let spread = self.register(&mut free);
                        let what = InstructionKind::Kernel(KernelVariant::Copy { one: true }, OpBytes::default());
                        instructions
                            .push(Instruction { what, places: [spread, place, Location::Unused, Location::Unused] });
                        spent.push(spread);
                        spread
                    }
                    place => place,
                };
                if last_use[slot as usize] == i && matches!(place, Location::Register(_)) && !spent.contains(&place) {
                    spent.push(place);
                }
            }
            places[0] = match step.to {
                To::Nothing => Location::Unused,
                To::Location(place) => place,
                To::InPlace(slot, changed) => {
                    self.place[slot as usize] = self.place[changed as usize];
                    self.place[slot as usize]
                }
                To::Register(slot) => self.home(slot, &mut free),
            };
            if let Some(slot) = step.also {
                places[3] = self.home(slot, &mut free);
            }
            if matches!(step.what, InstructionKind::Kernel(KernelVariant::SumOf(..), _)) {
                places[3] = self.register(&mut free);
                spent.push(places[3]);
            }
            instructions.push(Instruction { what: step.what, places });
            free.extend(spent);
        }
        (self.code, instructions)
    }

    /// Where a slot is, from now on.
    fn home(&mut self, slot: Register, free: &mut Vec<Location>) -> Location {
        if self.place[slot as usize] == Location::Unused {
            self.place[slot as usize] = self.register(free);
        }
        self.place[slot as usize]
    }

    fn register(&mut self, free: &mut Vec<Location>) -> Location {
        free.pop().unwrap_or_else(|| {
            self.code.registers += 1;
            Location::Register(self.code.registers as u32 - 1)
        })
    }
}
