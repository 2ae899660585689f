//! The instructions of batched code, and how they are printed and checked.
//!
//! In compiler terms: the byte code of packed scalar ops.

use crate::num::{Element, Upstream};
use crate::ops::{self, Binary, BinaryOp, Unary, UnaryOp};
use crate::program::body::{BodyOp, Register};
use crate::tensor::kernels::elementwise::Side;
use std::fmt;

/// Vector loops run over whole blocks of so many lanes; what they write beyond a batch's end is never read.
pub(super) const BLOCK: usize = 8;

/// One number of two numbers, without a library call: what has a loop of its own here.
pub(super) trait Compute {
    fn compute<T: Element>(x: T, y: T) -> T;
}

macro_rules! pairs {
    ($($Pair:ident($x:ident, $y:ident) = $value:expr;)*) => {
        /// An op of two numbers that has a loop of its own. Ops of one number are given it twice.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub(super) enum Pair { $($Pair),* }

        /// The loops' bodies.
        pub(super) mod pair {
            use super::*;
            $(pub(in super::super) struct $Pair;
            impl Compute for $Pair {
                #[inline(always)]
                fn compute<T: Element>($x: T, $y: T) -> T {
                    $value
                }
            })*
        }

        /// `$call!(Pair)` for whichever pair it is: one jump.
        macro_rules! for_pair {
            ($pair:expr, $call:ident $arguments:tt) => {
                match $pair { $(Pair::$Pair => $call::<T, pair::$Pair> $arguments),* }
            };
        }
    };
}
pairs! {
    Add(x, y) = x.binary(ops::Add, y);
    Sub(x, y) = x.binary(ops::Sub, y);
    Mul(x, y) = x.binary(ops::Mul, y);
    Div(x, y) = x.binary(ops::Div, y);
    Scale(g, y) = g.binary(ops::Scale, y);
    Over(g, y) = g.binary(ops::Over, y);
    Neg(x, _y) = x.unary(ops::Neg);
    Square(x, _y) = x.unary(ops::Square);
    SquareVjp(x, g) = ops::Square.vjp(x, x, Upstream(g)).0;
    LnVjp(x, g) = ops::Ln.vjp(x, x, Upstream(g)).0;
    ExpVjp(y, g) = ops::Exp.vjp(y, y, Upstream(g)).0;
    TanhVjp(y, g) = ops::Tanh.vjp(y, y, Upstream(g)).0;
    SigmoidVjp(y, g) = ops::Sigmoid.vjp(y, y, Upstream(g)).0;
    SqrtVjp(y, g) = ops::Sqrt.vjp(y, y, Upstream(g)).0;
    DivVjp(y, g) = ops::Div.vjp_x(y, y, y, Upstream(g)).0;
}
pub(super) use for_pair;

impl Pair {
    /// The loop for an op, and what it reads.
    pub fn of<T: Copy>(op: &BodyOp<T>) -> Option<(Self, Register, Register)> {
        Some(match *op {
            BodyOp::Binary(op, x, y) => {
                let pair = match op {
                    BinaryOp::Add(_) => Self::Add,
                    BinaryOp::Sub(_) => Self::Sub,
                    BinaryOp::Mul(_) => Self::Mul,
                    BinaryOp::Div(_) => Self::Div,
                    BinaryOp::Scale(_) => Self::Scale,
                    BinaryOp::Over(_) => Self::Over,
                    _ => return None,
                };
                (pair, x, y)
            }
            BodyOp::Unary(UnaryOp::Neg(_), x) => (Self::Neg, x, x),
            BodyOp::Unary(UnaryOp::Square(_), x) => (Self::Square, x, x),
            BodyOp::UnaryVjp(op, [x, y, g]) => match op {
                UnaryOp::Square(_) => (Self::SquareVjp, x, g),
                UnaryOp::Ln(_) => (Self::LnVjp, x, g),
                UnaryOp::Exp(_) => (Self::ExpVjp, y, g),
                UnaryOp::Tanh(_) => (Self::TanhVjp, y, g),
                UnaryOp::Sigmoid(_) => (Self::SigmoidVjp, y, g),
                UnaryOp::Sqrt(_) => (Self::SqrtVjp, y, g),
                _ => return None,
            },
            BodyOp::BinaryVjp(BinaryOp::Div(_), Side::X, [_, y, _, g]) => (Self::DivVjp, y, g),
            _ => return None,
        })
    }
}

/// How the arguments of a batch lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum ArgumentLayout {
    /// Both side by side.
    Both,
    /// The first side by side, the second the same for all.
    Left,
    /// The second side by side, the first the same for all.
    Right,
    /// As the list from `x` on says, in pairs.
    List,
    /// Not a batch: single ops `x..x + n` of `Bytecode::singles`.
    Singles,
    /// Chain `x` of `Bytecode::chains`, or several of them in step.
    Chain,
    /// Op `x` of the others.
    KernelBatch,
}

/// One instruction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Instruction {
    pub form: ArgumentLayout,
    pub pair: Pair,
    pub n: u32,
    pub out: u32,
    pub x: u32,
    pub y: u32,
}

/// One op on one number each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Single {
    pub pair: Pair,
    pub out: u32,
    pub x: u32,
    pub y: u32,
}

/// Where the arguments of a chain lie: base + lane * lane step + step * step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ChainStride {
    pub base: u32,
    pub lane: i32,
    pub step: i32,
}

/// What a chain takes in at every step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum ChainTerm {
    /// A value.
    Plain,
    /// The product of two.
    Mul,
    /// An upstream gradient times a number.
    Scale,
}

/// What a chain does with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum ChainOp {
    Add,
    Sub,
    Mul,
    Scale,
}

/// acc = init; acc = acc link term, step by step; in so many lanes at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain {
    pub link: ChainOp,
    pub term: ChainTerm,
    pub lanes: u32,
    pub steps: u32,
    pub init: ChainStride,
    pub a: ChainStride,
    pub b: ChainStride,
    /// Where the terms are listed, lane by lane, if they do not lie evenly.
    pub list: Option<u32>,
    pub out: u32,
    /// How far apart the results of the steps are; 0 if only the last is kept.
    pub out_step: i32,
}

/// Where an argument of an op without a loop of its own lies.
#[derive(Clone, Copy, Debug)]
pub(super) enum ArgumentPlace {
    /// Not read.
    None,
    /// Side by side.
    Row(u32),
    /// The same for all.
    Same(u32),
    /// As the list from here on says.
    List(u32),
}

/// A batch of ops that runs through the tensors' kernels.
#[derive(Clone, Copy, Debug)]
pub(super) struct KernelBatch<T> {
    pub op: BodyOp<T>,
    pub operands: [ArgumentPlace; 4],
}

/// All instructions with what they refer to.
#[derive(Default)]
pub(super) struct Bytecode {
    pub instructions: Vec<Instruction>,
    pub singles: Vec<Single>,
    pub chains: Vec<Chain>,
    pub lists: Vec<u32>,
}

/// The slots that an op reads, each where the op has it.
pub(super) fn operands<T: Copy>(op: &BodyOp<T>) -> [Option<Register>; 4] {
    match *op {
        BodyOp::Input(_) | BodyOp::Shared(_) | BodyOp::Literal(_) => [None; 4],
        BodyOp::Unary(_, x) => [Some(x), None, None, None],
        BodyOp::Binary(_, x, y) => [Some(x), Some(y), None, None],
        BodyOp::UnaryVjp(op, [x, y, g]) => {
            let saves = op.saves();
            [saves.x.then_some(x), saves.out.then_some(y), Some(g), None]
        }
        BodyOp::BinaryVjp(op, side, [x, y, out, g]) => {
            let saves = op.saves()[(side == Side::Y) as usize];
            [saves.x.then_some(x), saves.y.then_some(y), saves.out.then_some(out), Some(g)]
        }
        BodyOp::Select([c, a, b]) => [Some(c), Some(a), Some(b), None],
    }
}

impl Bytecode {
    pub fn bytes(&self) -> usize {
        size_of_val(&self.instructions[..])
            + size_of_val(&self.singles[..])
            + size_of_val(&self.chains[..])
            + size_of_val(&self.lists[..])
    }

    /// Panics if some instruction reaches beyond so many values; the loops do not look.
    pub fn verify<T>(&self, n_values: usize, others: &[KernelBatch<T>]) {
        let check =
            |end: i64| assert!((0..=n_values as i64).contains(&end), "batch: an instruction reaches beyond the values");
        let row = |start: u32, n: usize| check(start as i64 + n as i64);
        // What runs through the tensors' kernels is read and written as slices, which may not share an element.
        let apart = |out: u32, start: u32, n: usize| {
            let (out, start) = (out as usize, start as usize);
            assert!(out + n <= start || start + n <= out, "batch: an instruction overwrites what it reads");
        };
        let list = |start: u32, n: usize| self.lists[start as usize..][..n].iter().for_each(|&place| row(place, 1));
        for i in &self.instructions {
            let n = i.n as usize;
            let whole = n.next_multiple_of(BLOCK);
            match i.form {
                ArgumentLayout::Both => [i.x, i.y, i.out].iter().for_each(|&start| row(start, whole)),
                ArgumentLayout::Left => {
                    [(i.x, whole), (i.y, 1), (i.out, whole)].iter().for_each(|&(start, n)| row(start, n))
                }
                ArgumentLayout::Right => {
                    [(i.x, 1), (i.y, whole), (i.out, whole)].iter().for_each(|&(start, n)| row(start, n))
                }
                ArgumentLayout::List => {
                    row(i.out, n);
                    list(i.x, 2 * n);
                }
                ArgumentLayout::Singles => {
                    let singles = &self.singles[i.x as usize..][..n];
                    singles.iter().for_each(|s| [s.out, s.x, s.y].iter().for_each(|&place| row(place, 1)));
                }
                ArgumentLayout::Chain => self.verify_chain(&self.chains[i.x as usize], &check),
                ArgumentLayout::KernelBatch => {
                    row(i.out, n);
                    for operand in others[i.x as usize].operands {
                        match operand {
                            ArgumentPlace::None => {}
                            ArgumentPlace::Row(start) => {
                                row(start, n);
                                apart(i.out, start, n);
                            }
                            ArgumentPlace::Same(place) => row(place, 1),
                            ArgumentPlace::List(start) => list(start, n),
                        }
                    }
                }
            }
        }
    }

    fn verify_chain(&self, chain: &Chain, check: &dyn Fn(i64)) {
        let (lanes, steps) = (chain.lanes as i64, chain.steps as i64);
        let whole = |walk: ChainStride| {
            if matches!(walk.lane, 0 | 1) { (lanes as usize).next_multiple_of(BLOCK) as i64 } else { lanes }
        };
        let walk = |walk: ChainStride| {
            for (lane, step) in [(0, 0), (whole(walk) - 1, 0), (0, steps - 1), (whole(walk) - 1, steps - 1)] {
                // The place itself, which is not before the first value, and the end behind it.
                let place = walk.base as i64 + lane * walk.lane as i64 + step * walk.step as i64;
                check(place);
                check(place + 1);
            }
        };
        walk(chain.init);
        walk(ChainStride { base: chain.out, lane: 1, step: chain.out_step });
        match chain.list {
            None => [chain.a, chain.b].into_iter().for_each(walk),
            Some(start) => {
                let n = chain.steps as usize * if chain.term == ChainTerm::Plain { 1 } else { 2 };
                self.lists[start as usize..][..n].iter().for_each(|&place| check(place as i64 + 1));
                assert_eq!(chain.lanes, 1, "chains with a list run alone");
            }
        }
    }

    /// A line for each instruction.
    pub fn write<T: Element>(&self, f: &mut fmt::Formatter<'_>, others: &[KernelBatch<T>]) -> fmt::Result {
        for i in &self.instructions {
            let Instruction { pair, n, out, x, y, .. } = *i;
            let end = out + n;
            match i.form {
                ArgumentLayout::Both => writeln!(f, "{out}..{end} = {pair:?} {x}.. {y}..")?,
                ArgumentLayout::Left => writeln!(f, "{out}..{end} = {pair:?} {x}.. {y}")?,
                ArgumentLayout::Right => writeln!(f, "{out}..{end} = {pair:?} {x} {y}..")?,
                ArgumentLayout::List => writeln!(f, "{out}..{end} = {pair:?} of listed")?,
                ArgumentLayout::Singles => {
                    for s in &self.singles[x as usize..][..n as usize] {
                        writeln!(f, "{} = {:?} {} {}", s.out, s.pair, s.x, s.y)?;
                    }
                }
                ArgumentLayout::Chain => {
                    let c = &self.chains[x as usize];
                    let kept = if c.out_step == 0 { "last" } else { "every step" };
                    let lie = |walk: ChainStride| format!("{}{:+}/lane{:+}/step", walk.base, walk.lane, walk.step);
                    let terms = match (c.list, c.term) {
                        (Some(_), _) => "listed".to_string(),
                        (None, ChainTerm::Plain) => lie(c.a),
                        (None, _) => format!("{} x {}", lie(c.a), lie(c.b)),
                    };
                    let (link, term) = (c.link, c.term);
                    writeln!(
                        f,
                        "{out}.. = {link:?} {} steps of {term:?} {terms} from {}, {n} lanes, {kept} kept",
                        c.steps, c.init.base
                    )?;
                }
                ArgumentLayout::KernelBatch => {
                    let KernelBatch { op, operands } = &others[x as usize];
                    writeln!(f, "{out}..{end} = {op:?} of {operands:?}")?;
                }
            }
        }
        Ok(())
    }
}
