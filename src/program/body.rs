//! Straight-line elementwise code: what a fused cluster, a mapped function and a scalar program have in common.
//!
//! In compiler terms: straight-line SSA of one fusion group, one virtual register per op.
//!
//! A body is a list of ops in single-assignment form, arguments first. It says what to compute for one lane; how many lanes
//! run at once, and where they are kept, is up to who runs it ([`block`](super::block), [`batch`](super::batch)).

use crate::graph::ssa::IrOp;
use crate::num::{Element, Number};
use crate::ops::{Apply, Apply2, BinaryOp, UnaryOp};
use crate::sweep::{BinaryRule, UnaryRule};
use crate::tape::NodeOp;
use crate::tensor::kernels::elementwise::Side;

/// A value of a body: the number of the op that makes it.
pub(crate) type Register = u32;

/// One op of a body. The ops with a rule give its contribution: what reaches an argument from the upstream gradient `g`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum BodyOp<T> {
    /// Input `k`: a number of its own for every lane.
    Input(u32),
    /// Parameter `k`: one number for all lanes.
    Shared(u32),
    /// A number known when the body was made.
    Literal(T),
    Unary(UnaryOp, Register),
    Binary(BinaryOp, Register, Register),
    /// g f'(x), of input x, output y, gradient g; what the rule does not read may be any slot.
    UnaryVjp(UnaryOp, [Register; 3]),
    /// g df/dx or g df/dy, of x, y, the output and g.
    BinaryVjp(BinaryOp, Side, [Register; 4]),
    /// The second where the first is not 0, else the third.
    Select([Register; 3]),
}

/// What becomes of a value that leaves a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sink {
    /// Every lane's number is stored.
    Store(Register),
    /// The sum over all lanes.
    Sum(Register),
}

/// Straight-line code and what leaves it.
#[derive(Clone, Debug)]
pub(crate) struct Body<T> {
    pub ops: Vec<BodyOp<T>>,
    pub sinks: Vec<Sink>,
}

impl<T: Copy> BodyOp<T> {
    /// The op with its slots renamed, those too that it does not read.
    pub fn map(self, f: impl Fn(Register) -> Register) -> Self {
        match self {
            Self::Input(_) | Self::Shared(_) | Self::Literal(_) => self,
            Self::Unary(op, x) => Self::Unary(op, f(x)),
            Self::Binary(op, x, y) => Self::Binary(op, f(x), f(y)),
            Self::UnaryVjp(op, slots) => Self::UnaryVjp(op, slots.map(f)),
            Self::BinaryVjp(op, side, slots) => Self::BinaryVjp(op, side, slots.map(f)),
            Self::Select(slots) => Self::Select(slots.map(f)),
        }
    }

    /// The slots that it reads.
    pub fn reads(&self) -> impl Iterator<Item = Register> + '_ {
        let (list, n): ([Register; 4], usize) = match *self {
            Self::Input(_) | Self::Shared(_) | Self::Literal(_) => ([0; 4], 0),
            Self::Unary(_, x) => ([x, 0, 0, 0], 1),
            Self::Binary(_, x, y) => ([x, y, 0, 0], 2),
            Self::UnaryVjp(op, slots) => {
                let saves = op.saves();
                pick([(saves.x, slots[0]), (saves.out, slots[1]), (true, slots[2]), (false, 0)])
            }
            Self::BinaryVjp(op, side, slots) => {
                let saves = op.saves()[(side == Side::Y) as usize];
                pick([(saves.x, slots[0]), (saves.y, slots[1]), (saves.out, slots[2]), (true, slots[3])])
            }
            Self::Select([c, a, b]) => ([c, a, b, 0], 3),
        };
        list.into_iter().take(n)
    }
}

fn pick(slots: [(bool, Register); 4]) -> ([Register; 4], usize) {
    let (mut list, mut n) = ([0; 4], 0);
    for (_, slot) in slots.into_iter().filter(|(read, _)| *read) {
        list[n] = slot;
        n += 1;
    }
    (list, n)
}

impl<T: Element> Body<T> {
    /// The values of all slots for one lane: the definition that runners are tested against.
    #[cfg(test)]
    pub fn evaluate(&self, inputs: &[T], shared: &[T]) -> Vec<T> {
        let mut values: Vec<T> = Vec::with_capacity(self.ops.len());
        for op in &self.ops {
            values.push(op.value(&values, inputs, shared));
        }
        values
    }
}

impl<T: Element> BodyOp<T> {
    /// The op of a node on these registers; nothing, where a body cannot hold it.
    pub fn of(op: &IrOp<T>, args: &[Register]) -> Option<Self> {
        Some(match (op, args) {
            (IrOp::Literal(x), []) => Self::Literal(T::from_f64(*x)),
            (IrOp::Op(NodeOp::Unary(op)), &[x]) => Self::Unary(*op, x),
            (IrOp::Rule(NodeOp::Unary(op), _), &[x, y, g]) => Self::UnaryVjp(*op, [x, y, g]),
            (IrOp::Op(NodeOp::Binary(op)), &[x, y]) => Self::Binary(*op, x, y),
            (IrOp::Rule(NodeOp::Binary(op), wrt), &[x, y, out, g]) => {
                Self::BinaryVjp(*op, Side::of(*wrt), [x, y, out, g])
            }
            (IrOp::Op(NodeOp::Select), &[c, a, b]) => Self::Select([c, a, b]),
            _ => return None,
        })
    }

    /// The number that it makes of those before it.
    pub fn value(&self, values: &[T], inputs: &[T], shared: &[T]) -> T {
        let at = |slot: Register| values[slot as usize];
        // What a rule does not read may be a slot that comes later.
        let maybe = |slot: Register| values.get(slot as usize).copied().unwrap_or(T::from_f64(f64::NAN));
        match *self {
            BodyOp::Input(k) => inputs[k as usize],
            BodyOp::Shared(k) => shared[k as usize],
            BodyOp::Literal(x) => x,
            BodyOp::Unary(op, x) => op.with(Apply(at(x))),
            BodyOp::Binary(op, x, y) => op.with(Apply2(at(x), at(y))),
            BodyOp::UnaryVjp(op, [x, y, g]) => op.with(UnaryRule(maybe(x), maybe(y), at(g))),
            BodyOp::BinaryVjp(op, side, [x, y, out, g]) => {
                op.with(BinaryRule { side, nodes: [maybe(x), maybe(y), maybe(out)], g: at(g) })
            }
            BodyOp::Select([c, a, b]) => Number::select(at(c), at(a), at(b)),
        }
    }
}
