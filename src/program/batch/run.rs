//! The loops.
//!
//! In compiler terms: the interpreter of packed scalar ops.
//!
//! All of them are compiled once for each instruction set, as one function with a jump for each instruction. A batch whose
//! arguments lie side by side, or are one number, which is staged as a block of it, has one loop for each op; one whose arguments
//! are here and there has another: staged as well, programs of numbers take 13 % longer. Chains have a loop
//! for each way in which their lanes lie: one that asks in every step takes 4 % longer, up to 15 %, and saves 30 kB. They read and
//! write through a pointer, for results and arguments are in one array and `Bytecode::verify` has looked at every place.

use super::code::{
    ArgumentLayout, ArgumentPlace, BLOCK, Bytecode, Chain, ChainOp, ChainStride, ChainTerm, Compute, Instruction,
    KernelBatch, Pair, Single, for_pair, pair,
};
use crate::num::Element;
use crate::num::math::Mode;
use crate::num::simd::Kernel;
use crate::ops::Scale;
use crate::program::body::BodyOp;
use crate::tensor::kernels::Kernels;
use crate::tensor::kernels::elementwise::{BinaryInputs, Plan, select};

/// Ops whose arguments are collected first run in pieces of this length.
const PIECE: usize = 256;
/// The room for four collected arguments.
pub(super) const STAGE: usize = 4 * PIECE;

/// Runs all instructions. Entered by reference: a copy would wait for the stores that made it.
pub(super) struct Interpreter<'a, T> {
    pub code: &'a Bytecode,
    pub others: &'a [KernelBatch<T>],
    pub values: &'a mut [T],
    pub stage: &'a mut [T],
}

impl<T: Element> Kernel for &mut Interpreter<'_, T> {
    /// A block of f32 fits in half of a wide register.
    const WIDE: bool = size_of::<[T; BLOCK]>() > 32;
    type Output = ();
    #[inline(always)]
    fn run<M: Mode>(self) {
        let Interpreter { code, others, values, stage } = self;
        let v = values.as_mut_ptr();
        for i in &code.instructions {
            // SAFETY: `BatchCode::new` has verified that the code stays inside `values`, whose length never changes;
            // places that an instruction writes are not among those that it reads.
            unsafe {
                match i.form {
                    ArgumentLayout::Both | ArgumentLayout::Left | ArgumentLayout::Right => {
                        let (one_x, one_y) = (i.form == ArgumentLayout::Right, i.form == ArgumentLayout::Left);
                        let (stage_x, stage_y) = stage.split_at_mut(BLOCK);
                        let rows = [row(v, i.x, one_x, stage_x), row(v, i.y, one_y, stage_y)];
                        let out = v.add(i.out as usize);
                        for_pair!(i.pair, batch(rows, out, i.n as usize));
                    }
                    ArgumentLayout::List => for_pair!(i.pair, listed(v, i, &code.lists)),
                    ArgumentLayout::Singles => {
                        for single in code.singles.get_unchecked(i.x as usize..(i.x + i.n) as usize) {
                            for_pair!(single.pair, one(v, single));
                        }
                    }
                    ArgumentLayout::Chain => chain(v, code.chains.get_unchecked(i.x as usize), &code.lists),
                    ArgumentLayout::KernelBatch => other(v, i, &others[i.x as usize], &code.lists, stage),
                }
            }
        }
    }
}

/// A block of values from `x` on.
#[inline(always)]
unsafe fn load<T: Copy>(x: *const T) -> [T; BLOCK] {
    // SAFETY: the caller has so many there.
    unsafe { x.cast::<[T; BLOCK]>().read_unaligned() }
}

#[inline(always)]
unsafe fn store<T: Copy>(out: *mut T, block: [T; BLOCK]) {
    // SAFETY: the caller has room for so many there.
    unsafe { out.cast::<[T; BLOCK]>().write_unaligned(block) }
}

/// Where a batch reads an argument, and how far it is from one lane to the next: in the values, or staged, where one number is for
/// all lanes.
#[inline(always)]
unsafe fn row<T: Copy>(v: *const T, at: u32, is_one: bool, stage: &mut [T]) -> (*const T, usize) {
    // SAFETY: the place is inside the values.
    unsafe {
        let x = v.add(at as usize);
        if !is_one {
            return (x, 1);
        }
        store(stage.as_mut_ptr(), [*x; BLOCK]);
        (stage.as_ptr(), 0)
    }
}

/// A batch, by whole blocks: what lies beyond its end is never read.
#[inline(always)]
unsafe fn batch<T: Element, P: Compute>([(x, step_x), (y, step_y)]: [(*const T, usize); 2], out: *mut T, n: usize) {
    // SAFETY: whole blocks of both arguments and of the results are inside.
    unsafe {
        for k in (0..n).step_by(BLOCK) {
            let (x, y) = (load(x.add(k * step_x)), load(y.add(k * step_y)));
            store(out.add(k), std::array::from_fn(|l| P::compute(x[l], y[l])));
        }
    }
}

#[inline(always)]
unsafe fn listed<T: Element, P: Compute>(v: *mut T, i: &Instruction, lists: &[u32]) {
    // SAFETY: the list is inside the lists, and what it says inside the values.
    unsafe {
        let list = lists.as_ptr().add(i.x as usize);
        let out = v.add(i.out as usize);
        for k in 0..i.n as usize {
            let (x, y) = (*list.add(2 * k), *list.add(2 * k + 1));
            *out.add(k) = P::compute(*v.add(x as usize), *v.add(y as usize));
        }
    }
}

#[inline(always)]
unsafe fn one<T: Element, P: Compute>(v: *mut T, single: &Single) {
    // SAFETY: all places are inside the values.
    unsafe { *v.add(single.out as usize) = P::compute(*v.add(single.x as usize), *v.add(single.y as usize)) }
}

impl ChainStride {
    /// The place of a lane and step.
    #[inline(always)]
    fn at(self, lane: usize, step: usize) -> usize {
        let offset = lane as isize * self.lane as isize + step as isize * self.step as isize;
        (self.base as usize).wrapping_add_signed(offset)
    }
}

trait Linked {
    fn link<T: Element>(acc: T, term: T) -> T;
}
macro_rules! links {
    ($($ChainOp:ident),*) => {$(
        impl Linked for pair::$ChainOp {
            #[inline(always)]
            fn link<T: Element>(acc: T, term: T) -> T {
                <Self as Compute>::compute(acc, term)
            }
        }
    )*};
}
links!(Add, Sub, Mul, Scale);

/// A chain's term from what it reads.
trait TermOf {
    const FACTORS: usize;
    fn term<T: Element>(a: T, b: T) -> T;
}
struct PlainTerm;
impl TermOf for PlainTerm {
    const FACTORS: usize = 1;
    #[inline(always)]
    fn term<T: Element>(a: T, _b: T) -> T {
        a
    }
}
struct MulTerm;
impl TermOf for MulTerm {
    const FACTORS: usize = 2;
    #[inline(always)]
    fn term<T: Element>(a: T, b: T) -> T {
        a * b
    }
}
struct ScaleTerm;
impl TermOf for ScaleTerm {
    const FACTORS: usize = 2;
    #[inline(always)]
    fn term<T: Element>(a: T, b: T) -> T {
        a.binary(Scale, b)
    }
}

#[inline(always)]
unsafe fn chain<T: Element>(v: *mut T, c: &Chain, lists: &[u32]) {
    macro_rules! by_term {
        ($L:ty) => {
            match c.term {
                ChainTerm::Plain => chain_of::<T, $L, PlainTerm>(v, c, lists),
                ChainTerm::Mul => chain_of::<T, $L, MulTerm>(v, c, lists),
                ChainTerm::Scale => chain_of::<T, $L, ScaleTerm>(v, c, lists),
            }
        };
    }
    // SAFETY: the caller's.
    unsafe {
        match c.link {
            ChainOp::Add => by_term!(pair::Add),
            ChainOp::Sub => by_term!(pair::Sub),
            ChainOp::Mul => by_term!(pair::Mul),
            ChainOp::Scale => by_term!(pair::Scale),
        }
    }
}

#[inline(always)]
unsafe fn chain_of<T: Element, L: Linked, F: TermOf>(v: *mut T, c: &Chain, lists: &[u32]) {
    // SAFETY: every place that the walks and lists reach is inside the values.
    unsafe {
        if let Some(start) = c.list {
            return listed_chain::<T, L, F>(v, c, lists.as_ptr().add(start as usize));
        }
        let lanes = c.lanes as usize;
        let whole = lanes / BLOCK * BLOCK;
        if whole > 0 {
            // A term of one factor has no second walk: one loop instead of three.
            match (c.a.lane, c.b.lane) {
                (1, _) if F::FACTORS == 1 => return row_lanes::<T, L, F, true, false>(v, c),
                (1, 1) if F::FACTORS == 2 => return row_lanes::<T, L, F, true, true>(v, c),
                (1, 0) if F::FACTORS == 2 => return row_lanes::<T, L, F, true, false>(v, c),
                (0, 1) if F::FACTORS == 2 => return row_lanes::<T, L, F, false, true>(v, c),
                _ => (0..whole).step_by(BLOCK).for_each(|lane| block_of_lanes::<T, L, F>(v, c, lane)),
            }
        }
        for lane in whole..lanes {
            one_lane::<T, L, F>(v, c, lane);
        }
    }
}

#[inline(always)]
unsafe fn listed_chain<T: Element, L: Linked, F: TermOf>(v: *mut T, c: &Chain, list: *const u32) {
    // SAFETY: the caller's.
    unsafe {
        let mut acc = *v.add(c.init.base as usize);
        for step in 0..c.steps as usize {
            let list = list.add(step * F::FACTORS);
            let (a, b) = (*v.add(*list as usize), *v.add(*list.add(F::FACTORS - 1) as usize));
            acc = L::link(acc, F::term(a, b));
            *v.offset(c.out as isize + step as isize * c.out_step as isize) = acc;
        }
    }
}

#[inline(always)]
unsafe fn one_lane<T: Element, L: Linked, F: TermOf>(v: *mut T, c: &Chain, lane: usize) {
    // SAFETY: the caller's.
    unsafe {
        let mut acc = *v.add(c.init.at(lane, 0));
        let (a, b) = (v.add(c.a.at(lane, 0)), v.add(c.b.at(lane, 0)));
        let out = v.add(c.out as usize + lane);
        for step in 0..c.steps as isize {
            acc = L::link(acc, F::term(*a.offset(step * c.a.step as isize), *b.offset(step * c.b.step as isize)));
            if c.out_step != 0 {
                *out.offset(step * c.out_step as isize) = acc;
            }
        }
        if c.out_step == 0 {
            *out = acc;
        }
    }
}

/// Lanes side by side, or with one argument for all of them: blocks of lanes, whose rest is never read.
#[inline(always)]
unsafe fn row_lanes<T: Element, L: Linked, F: TermOf, const A: bool, const B: bool>(v: *mut T, c: &Chain) {
    // SAFETY: the caller's; whole blocks are inside where a walk's lanes are side by side.
    unsafe {
        for lane in (0..c.lanes as usize).step_by(BLOCK) {
            let last = c.lanes as usize - 1;
            let mut acc: [T; BLOCK] = std::array::from_fn(|l| *v.add(c.init.at(last.min(lane + l), 0)));
            for step in 0..c.steps as usize {
                let (a, b) = (v.add(c.a.at(lane, step)), v.add(c.b.at(lane, step)));
                let a = if A { load(a) } else { [*a; BLOCK] };
                let b = if B { load(b) } else { [*b; BLOCK] };
                acc = std::array::from_fn(|l| L::link(acc[l], F::term(a[l], b[l])));
            }
            store(v.add(c.out as usize + lane), acc);
        }
    }
}

/// A block of lanes that lie apart.
#[inline(always)]
unsafe fn block_of_lanes<T: Element, L: Linked, F: TermOf>(v: *mut T, c: &Chain, lane: usize) {
    // SAFETY: the caller's.
    unsafe {
        let mut acc: [T; BLOCK] = std::array::from_fn(|l| *v.add(c.init.at(lane + l, 0)));
        for step in 0..c.steps as usize {
            acc = std::array::from_fn(|l| {
                L::link(acc[l], F::term(*v.add(c.a.at(lane + l, step)), *v.add(c.b.at(lane + l, step))))
            });
        }
        store(v.add(c.out as usize + lane), acc);
    }
}

/// Ops that run through the tensors' kernels.
#[inline(never)]
unsafe fn other<T: Element>(v: *mut T, i: &Instruction, other: &KernelBatch<T>, lists: &[u32], stage: &mut [T]) {
    let mut start = 0;
    while start < i.n as usize {
        let n = (i.n as usize - start).min(PIECE);
        let mut rows: [&[T]; 4] = [&[]; 4];
        for ((row, operand), room) in rows.iter_mut().zip(other.operands).zip(stage.chunks_exact_mut(PIECE)) {
            // SAFETY: every place is inside the values, and apart from the results.
            *row = unsafe {
                match operand {
                    ArgumentPlace::None => &[],
                    ArgumentPlace::Row(x) => std::slice::from_raw_parts(v.add(x as usize + start), n),
                    ArgumentPlace::Same(x) => {
                        room[..n].fill(*v.add(x as usize));
                        &room[..n]
                    }
                    ArgumentPlace::List(list) => {
                        for (room, &place) in room.iter_mut().zip(&lists[list as usize + start..][..n]) {
                            *room = *v.add(place as usize);
                        }
                        &room[..n]
                    }
                }
            };
        }
        // SAFETY: as above.
        let out = unsafe { std::slice::from_raw_parts_mut(v.add(i.out as usize + start), n) };
        compute(&other.op, rows, out);
        start += n;
    }
}

pub(super) fn compute<T: Element>(op: &BodyOp<T>, [a, b, c, d]: [&[T]; 4], out: &mut [T]) {
    let plan = |n: usize| Plan::new(&[n], &[n], &[n]);
    match *op {
        BodyOp::Unary(op, _) => T::unary_kernel(op, a, out),
        BodyOp::Binary(op, ..) => T::binary_kernel(op, &plan(out.len()), a, b, out),
        BodyOp::UnaryVjp(op, _) => {
            out.copy_from_slice(c);
            T::unary_vjp_kernel(op, a, b, out);
        }
        BodyOp::BinaryVjp(op, side, _) => {
            out.copy_from_slice(d);
            T::binary_vjp_kernel(op, side, BinaryInputs { plan: &plan(out.len()), x: a, y: b, out: c }, out);
        }
        BodyOp::Select(_) => select(a, b, c, out),
        BodyOp::Input(_) | BodyOp::Shared(_) | BodyOp::Literal(_) => unreachable!("nothing is computed for leaves"),
    }
}
