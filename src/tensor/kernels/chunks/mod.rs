//! Loops over chunks of lanes: each op of the registry, for a few vectors at a time. Tensors and compiled programs run them.
//!
//! In compiler terms: the instructions of the tile interpreter.
//!
//! A loop runs over whole vectors, 64 bytes, of which it has no remainder; a chunk is four of them, the unit of sums and of looking
//! for large angles. A kernel runs over a list of operand tuples, so that a run of equal ops is entered once. Values and rules are
//! the registry's own. Nothing here is written in place but the gradient of a rule, for the compiler would have to assume that a
//! store changes what is loaded next.

mod loops;
pub(crate) use loops::takes_one;
pub mod rows;

use crate::num::Element;
use crate::num::elementwise::{
    self as ops, Binary, BinaryOp, BinaryVisitor, BuiltinBinary, BuiltinUnary, Unary, UnaryOp, UnaryVisitor,
};
use crate::num::math::{AnyAngle, Mode};
use crate::num::simd::{self, Routine};
use crate::tensor::kernels::elementwise::Side;
use loops::{
    BinaryLanes, BinaryRuleLanes, CopyLanes, Many, One, PairLanes, SelectLanes, SinCosLanes, SumLanes, SumOf,
    UnaryLanes, UnaryRuleLanes,
};
use rows::{RowsOp, SpreadRow, SumOfRows};
use std::marker::PhantomData;
use std::ptr::NonNull;

/// Lanes of a chunk.
pub const fn chunk<T>() -> usize {
    256 / size_of::<T>()
}

/// Lanes of the widest vector.
pub const fn vector<T>() -> usize {
    64 / size_of::<T>()
}

/// Accumulators of a sum: a vector's worth.
pub const fn accumulators<T>() -> usize {
    vector::<T>()
}

/// Where an operand is: a base address in the upper bits, an offset in elements in the lower ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct At(u32);

impl At {
    const BITS: u32 = 24;
    /// How many bases there may be.
    pub const BASES: usize = 1 << (32 - Self::BITS);
    /// How many elements from its base an operand may be.
    pub const REACH: usize = 1 << Self::BITS;

    /// Which base it counts from.
    pub fn base(self) -> usize {
        (self.0 >> Self::BITS) as usize
    }
    pub const fn new(base: usize, offset: usize) -> Self {
        assert!(base < Self::BASES && offset < Self::REACH, "block code: too many values alive at once");
        Self((base << Self::BITS | offset) as u32)
    }

    /// # Safety
    /// `bases` has the base, and the offset lies inside what it points to.
    #[inline(always)]
    pub unsafe fn of<T>(self, bases: *const *mut T) -> *mut T {
        // SAFETY: as the caller promises.
        unsafe { (*bases.add((self.0 >> Self::BITS) as usize)).add(self.0 as usize & (Self::REACH - 1)) }
    }
}

/// Destination and up to three sources; what a form does not use is anything.
pub type Operands = [At; 4];

/// One entry into a kernel.
///
/// Operands with a number for each lane reach over `lanes` rounded up to whole vectors, those of sums to whole chunks, and no
/// destination overlaps with a source, except where a form says so.
pub struct Call<T> {
    pub bases: *const *mut T,
    pub operands: *const Operands,
    pub count: usize,
    /// At least one.
    pub lanes: usize,
    /// Where the op is, or its bytes; one without parameters is nowhere.
    pub op: *const u8,
}

impl<T> Call<T> {
    /// # Safety
    /// The call's op is an `O`.
    #[inline(always)]
    unsafe fn op<O: Copy>(&self) -> O {
        // SAFETY: what has no bytes is read from anywhere; else as the caller promises.
        unsafe { if size_of::<O>() == 0 { NonNull::dangling().read() } else { self.op.cast::<O>().read() } }
    }
}

/// An op of the registry as bytes: its parameters, or nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpBytes([u64; 2]);

impl OpBytes {
    fn of<O: Copy>(op: O) -> Self {
        const { assert!(size_of::<O>() <= size_of::<Self>() && align_of::<O>() <= align_of::<Self>()) };
        let mut bytes = Self::default();
        // SAFETY: it fits, as just asserted, and the op has no padding that is read: only `Call::op` reads the bytes as such,
        // and comparing them reads what `Self::default` or the op's fields wrote.
        unsafe { std::ptr::from_mut(&mut bytes).cast::<O>().write(op) };
        bytes
    }
    /// The shape of a block's rows.
    pub fn of_rows(op: RowsOp) -> Self {
        Self::of(op)
    }
    /// What a call takes.
    pub fn address(&self) -> *const u8 {
        std::ptr::from_ref(self).cast()
    }
    /// The parameters of a one-argument op.
    pub fn of_unary(op: UnaryOp) -> Self {
        struct Visit;
        impl UnaryVisitor for Visit {
            type Output = OpBytes;
            fn visit<O: BuiltinUnary>(self, op: O) -> OpBytes {
                OpBytes::of(op)
            }
        }
        op.with(Visit)
    }
}

/// Which kernel: `one` says of an operand that it is one number for all lanes.
#[derive(Clone, Copy, Debug)]
pub enum KernelVariant {
    /// d = x.
    Copy { one: bool },
    /// d = op(x).
    Unary(UnaryOp),
    /// d = sin x, and cos x to the last operand.
    SinCos,
    /// d = d f'(x), of x and y.
    UnaryRule(UnaryOp),
    /// d = op(x, y).
    Binary(BinaryOp, Ones),
    /// d = d df/dx or d df/dy, of x, y and the output.
    BinaryRule(BinaryOp, Side),
    /// d = then(op(a, b), c), each with its own rounding.
    Pair(First, Then, Ones),
    /// d = a where c is not 0, else b; of c, a, b.
    Select { a: bool, b: bool },
    /// The accumulators d += x.
    Sum,
    /// The accumulators d += op(a, b), of a, b and a register for the products.
    SumOf(First, Ones),
    /// Every row of d = x, in a block of whole rows.
    SpreadRow,
    /// d = the sum of x over the rows, in a block of whole rows.
    SumOfRows,
}

/// Which operands are one number for all lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ones {
    Neither,
    First,
    Second,
    Both,
}

/// The first op of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    Mul,
    Scale,
}

/// The second op of a pair: of the first's result and another operand, or the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    Add,
    Sub,
    SubFrom,
}

/// Ops that have kernels with one number for an operand.
pub fn takes_ones(op: BinaryOp) -> bool {
    use BinaryOp::*;
    matches!(op, Add(_) | Sub(_) | Mul(_) | Div(_) | Scale(_) | Over(_) | Maximum(_) | Minimum(_))
}

/// The kernel of a form for this CPU.
pub fn bind<T: Element>(form: KernelVariant) -> unsafe fn(&Call<T>) {
    match form {
        KernelVariant::Copy { one: false } => bound::<T, CopyLanes<Many>>(),
        KernelVariant::Copy { one: true } => bound::<T, CopyLanes<One>>(),
        KernelVariant::Unary(op) => op.with(BindUnary(PhantomData)),
        KernelVariant::SinCos => bound::<T, SinCosLanes>(),
        KernelVariant::UnaryRule(op) => op.with(BindUnaryRule(PhantomData)),
        KernelVariant::Binary(op, ones) => bind_binary(op, ones),
        KernelVariant::BinaryRule(op, side) => op.with(BindBinaryRule(side, PhantomData)),
        KernelVariant::Pair(first, then, ones) => match first {
            First::Mul => bind_then::<T, ops::Mul>(then, ones),
            First::Scale => bind_then::<T, ops::Scale>(then, ones),
        },
        KernelVariant::Select { a: false, b: false } => bound::<T, SelectLanes<Many, Many>>(),
        KernelVariant::Select { a: false, b: true } => bound::<T, SelectLanes<Many, One>>(),
        KernelVariant::Select { a: true, b: false } => bound::<T, SelectLanes<One, Many>>(),
        KernelVariant::Select { a: true, b: true } => bound::<T, SelectLanes<One, One>>(),
        KernelVariant::Sum => bound::<T, SumLanes>(),
        KernelVariant::SumOf(First::Mul, Ones::Second) => bound::<T, SumOf<ops::Mul, One>>(),
        KernelVariant::SumOf(First::Mul, _) => bound::<T, SumOf<ops::Mul, Many>>(),
        KernelVariant::SumOf(First::Scale, Ones::Second) => bound::<T, SumOf<ops::Scale, One>>(),
        KernelVariant::SumOf(First::Scale, _) => bound::<T, SumOf<ops::Scale, Many>>(),
        KernelVariant::SpreadRow => bound::<T, SpreadRow>(),
        KernelVariant::SumOfRows => bound::<T, SumOfRows>(),
    }
}

fn bound<T, R: Routine<Call<T>>>() -> unsafe fn(&Call<T>) {
    simd::bind::<Call<T>, R>()
}

/// The kernel of an op: d = op(x).
pub fn unary<T: Element, O: Unary>() -> unsafe fn(&Call<T>) {
    bound::<T, UnaryLanes<O>>()
}

/// The kernel of an op: d = d f'(x), of x and y.
pub fn unary_rule<T: Element, O: Unary>() -> unsafe fn(&Call<T>) {
    bound::<T, UnaryRuleLanes<O>>()
}

/// The kernel of a user's op: d = op(x).
pub fn custom_unary<T: Element, O: Unary>() -> unsafe fn(&Call<T>) {
    bound::<T, WithAnyAngle<UnaryLanes<O>>>()
}

/// The kernel of a user's op: d = d f'(x), of x and y.
pub fn custom_unary_rule<T: Element, O: Unary>() -> unsafe fn(&Call<T>) {
    bound::<T, WithAnyAngle<UnaryRuleLanes<O>>>()
}

/// The kernel of a user's op: d = op(x, y).
pub fn custom_binary<T: Element, O: Binary>() -> unsafe fn(&Call<T>) {
    bound::<T, WithAnyAngle<BinaryLanes<O, Many, Many>>>()
}

/// The kernel of a user's op: d = d df/dx or d df/dy.
pub fn custom_binary_rule<T: Element, O: Binary>(side: Side) -> unsafe fn(&Call<T>) {
    match side {
        Side::X => bound::<T, WithAnyAngle<BinaryRuleLanes<O, false>>>(),
        Side::Y => bound::<T, WithAnyAngle<BinaryRuleLanes<O, true>>>(),
    }
}

/// A routine with circular functions that take any angle, which does not vectorise.
struct WithAnyAngle<R>(PhantomData<R>);
impl<A, R: Routine<A>> Routine<A> for WithAnyAngle<R> {
    const ONE_BY_ONE: bool = R::ONE_BY_ONE;
    // Such angles are rare.
    const WIDE: bool = false;
    #[inline(always)]
    unsafe fn run<M: Mode>(call: &A) {
        // SAFETY: the caller's.
        unsafe { R::run::<AnyAngle<M>>(call) }
    }
}

struct BindUnary<T>(PhantomData<T>);
impl<T: Element> UnaryVisitor for BindUnary<T> {
    type Output = unsafe fn(&Call<T>);
    fn visit<O: BuiltinUnary>(self, _: O) -> Self::Output {
        unary::<T, O>()
    }
}

struct BindUnaryRule<T>(PhantomData<T>);
impl<T: Element> UnaryVisitor for BindUnaryRule<T> {
    type Output = unsafe fn(&Call<T>);
    fn visit<O: BuiltinUnary>(self, _: O) -> Self::Output {
        unary_rule::<T, O>()
    }
}

struct BindBinary<T>(PhantomData<T>);
impl<T: Element> BinaryVisitor for BindBinary<T> {
    type Output = unsafe fn(&Call<T>);
    fn visit<O: BuiltinBinary>(self, _: O) -> Self::Output {
        bound::<T, BinaryLanes<O, Many, Many>>()
    }
}

struct BindBinaryRule<T>(Side, PhantomData<T>);
impl<T: Element> BinaryVisitor for BindBinaryRule<T> {
    type Output = unsafe fn(&Call<T>);
    fn visit<O: BuiltinBinary>(self, _: O) -> Self::Output {
        match self.0 {
            Side::X => bound::<T, BinaryRuleLanes<O, false>>(),
            Side::Y => bound::<T, BinaryRuleLanes<O, true>>(),
        }
    }
}

fn bind_binary<T: Element>(op: BinaryOp, ones: Ones) -> unsafe fn(&Call<T>) {
    fn with_one<T: Element, O: Binary>(ones: Ones) -> unsafe fn(&Call<T>) {
        if ones == Ones::First {
            bound::<T, BinaryLanes<O, One, Many>>()
        } else {
            bound::<T, BinaryLanes<O, Many, One>>()
        }
    }
    if ones == Ones::Neither {
        return op.with(BindBinary(PhantomData));
    }
    match op {
        BinaryOp::Add(_) => with_one::<T, ops::Add>(ones),
        BinaryOp::Sub(_) => with_one::<T, ops::Sub>(ones),
        BinaryOp::Mul(_) => with_one::<T, ops::Mul>(ones),
        BinaryOp::Div(_) => with_one::<T, ops::Div>(ones),
        BinaryOp::Scale(_) => with_one::<T, ops::Scale>(ones),
        BinaryOp::Over(_) => with_one::<T, ops::Over>(ones),
        BinaryOp::Maximum(_) => with_one::<T, ops::Maximum>(ones),
        BinaryOp::Minimum(_) => with_one::<T, ops::Minimum>(ones),
        _ => unreachable!("{op:?} has no kernel with one number for an operand"),
    }
}

fn bind_then<T: Element, O: Binary>(then: Then, ones: Ones) -> unsafe fn(&Call<T>) {
    match then {
        Then::Add => bind_pair::<T, O, ops::Add, false>(ones),
        Then::Sub => bind_pair::<T, O, ops::Sub, false>(ones),
        Then::SubFrom => bind_pair::<T, O, ops::Sub, true>(ones),
    }
}

/// Of `b` and `c`, which are one number.
fn bind_pair<T: Element, O: Binary, P: Binary, const FROM: bool>(ones: Ones) -> unsafe fn(&Call<T>) {
    match ones {
        Ones::Neither => bound::<T, PairLanes<O, P, Many, Many, FROM>>(),
        Ones::First => bound::<T, PairLanes<O, P, One, Many, FROM>>(),
        Ones::Second => bound::<T, PairLanes<O, P, Many, One, FROM>>(),
        Ones::Both => bound::<T, PairLanes<O, P, One, One, FROM>>(),
    }
}
