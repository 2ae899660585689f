//! Loops over chunks of lanes, which compiled programs run: each op of the registry, for a few vectors at a time.
//!
//! In compiler terms: the instructions of the tile interpreter.
//!
//! A chunk is 256 bytes, four of the widest vectors: a loop of that fixed length becomes a few vector instructions without a
//! remainder. A kernel runs over a list of operand tuples, so that a run of equal ops is entered once. Values and rules are
//! the registry's own. Nothing here is written in place but the gradient of a two-argument rule, for the compiler would have to
//! assume that a store changes what is loaded next.

pub mod rows;

use crate::num::elementwise::{
    self as ops, Binary, BinaryOp, BinaryVisitor, BuiltinBinary, BuiltinUnary, Unary, UnaryOp, UnaryVisitor,
};
use crate::num::math::{AnyAngle, Mode, NearAngles};
use crate::num::simd::{self, Routine};
use crate::num::{Element, Number, Upstream};
use crate::tensor::kernels::elementwise::{Side, has_large_angles};
use rows::{RowsOp, SpreadRow, SumOfRows};
use std::marker::PhantomData;

/// Lanes of a chunk.
pub const fn chunk<T>() -> usize {
    256 / size_of::<T>()
}

/// Accumulators of a sum: a vector's worth.
pub const fn accumulators<T>() -> usize {
    64 / size_of::<T>()
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
    pub fn new(base: usize, offset: usize) -> Self {
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
/// Operands that are vectors reach over `lanes` rounded up to whole chunks, and no destination overlaps with a source, except
/// where a form says so.
pub struct Call<T> {
    pub bases: *const *mut T,
    pub operands: *const Operands,
    pub count: usize,
    pub lanes: usize,
    /// The bytes of the op.
    pub op: OpBytes,
}

/// An op of the registry as bytes: its parameters, or nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpBytes([u64; 2]);

impl OpBytes {
    fn of<O: Copy>(op: O) -> Self {
        const { assert!(size_of::<O>() <= size_of::<Self>() && align_of::<O>() <= align_of::<Self>()) };
        let mut bytes = Self::default();
        // SAFETY: it fits, as just asserted, and the op has no padding that is read: only `get` reads the bytes as such, and
        // comparing them reads what `Self::default` or the op's fields wrote.
        unsafe { std::ptr::from_mut(&mut bytes).cast::<O>().write(op) };
        bytes
    }
    /// The shape of a block's rows.
    pub fn of_rows(op: RowsOp) -> Self {
        Self::of(op)
    }
    /// # Safety
    /// `of` made it from an `O`.
    #[inline(always)]
    unsafe fn get<O: Copy>(&self) -> O {
        // SAFETY: as the caller promises.
        unsafe { std::ptr::from_ref(self).cast::<O>().read() }
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
    /// d = g f'(x), of x, y and g.
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

struct BindUnary<T>(PhantomData<T>);
impl<T: Element> UnaryVisitor for BindUnary<T> {
    type Output = unsafe fn(&Call<T>);
    fn visit<O: BuiltinUnary>(self, _: O) -> Self::Output {
        bound::<T, UnaryLanes<O>>()
    }
}

struct BindUnaryRule<T>(PhantomData<T>);
impl<T: Element> UnaryVisitor for BindUnaryRule<T> {
    type Output = unsafe fn(&Call<T>);
    fn visit<O: BuiltinUnary>(self, _: O) -> Self::Output {
        bound::<T, UnaryRuleLanes<O>>()
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

/// Whether an operand is a vector or one number.
trait Width {
    const ONE: bool;
}
struct Many;
struct One;
impl Width for Many {
    const ONE: bool = false;
}
impl Width for One {
    const ONE: bool = true;
}

/// What an operand holds of the chunk that begins `from` lanes in: all of it, or its one number.
///
/// # Safety
/// `start` points to as much, and nothing writes to it for the lifetime.
#[inline(always)]
unsafe fn view<'a, T, W: Width>(start: *mut T, from: usize) -> &'a [T] {
    // SAFETY: as the caller promises.
    unsafe {
        if W::ONE {
            std::slice::from_raw_parts(start, 1)
        } else {
            std::slice::from_raw_parts(start.add(from), chunk::<T>())
        }
    }
}

#[inline(always)]
fn lane<T: Copy, W: Width>(x: &[T], i: usize) -> T {
    x[if W::ONE { 0 } else { i }]
}

/// # Safety
/// As for [`view`], and nothing else reads it.
#[inline(always)]
unsafe fn view_mut<'a, T>(start: *mut T, from: usize) -> &'a mut [T] {
    // SAFETY: as the caller promises.
    unsafe { std::slice::from_raw_parts_mut(start.add(from), chunk::<T>()) }
}

/// Does the work with the operands' addresses and the first lane of each chunk, for every tuple of operands.
///
/// A macro, since a closure that is not inlined is compiled without the instruction set of the routine around it: every
/// multiply-add is then a call.
///
/// Unsafe: the operands are where `Call` says.
macro_rules! for_each_chunk {
    ($call:expr, |$at:pat_param, $from:ident| $work:expr) => {
        for k in 0..$call.count {
            let [a, b, c, d] = *$call.operands.add(k);
            let bases = $call.bases;
            let at: [*mut T; 4] = [a.of(bases), b.of(bases), c.of(bases), d.of(bases)];
            let mut $from = 0;
            while $from < $call.lanes {
                let $at = at;
                $work;
                $from += chunk::<T>();
            }
        }
    };
}

// In all of these, the slices of sources and destination do not overlap and have the length of a chunk, as `Call` says; so the
// loops below take them as arguments, for the compiler to know it.

struct CopyLanes<X>(PhantomData<X>);
impl<T: Element, X: Width> Routine<Call<T>> for CopyLanes<X> {
    #[inline(always)]
    unsafe fn run<M: Mode>(call: &Call<T>) {
        #[inline(always)]
        fn copy<T: Element, X: Width>(d: &mut [T], x: &[T]) {
            for (i, d) in d.iter_mut().enumerate().take(chunk::<T>()) {
                *d = lane::<T, X>(x, i);
            }
        }
        // SAFETY: the operands are where `Call` says.
        unsafe { for_each_chunk!(call, |[d, x, ..], from| copy::<T, X>(view_mut(d, from), view::<T, X>(x, from))) }
    }
}

struct UnaryLanes<O>(PhantomData<O>);
impl<T: Element, O: Unary> Routine<Call<T>> for UnaryLanes<O> {
    const ONE_BY_ONE: bool = O::ONE_BY_ONE;
    const WIDE: bool = O::HOT;
    #[inline(always)]
    unsafe fn run<M: Mode>(call: &Call<T>) {
        #[inline(always)]
        fn value<T: Element, O: Unary, M: Mode>(op: O, d: &mut [T], x: &[T]) {
            for i in 0..chunk::<T>() {
                d[i] = T::leave(op.value(x[i].enter::<M>()));
            }
        }
        #[inline(always)]
        fn few<T: Element, O: Unary, M: Mode>(op: O, d: &mut [T], x: &[T]) {
            for i in 0..accumulators::<T>() {
                d[i] = T::leave(op.value(x[i].enter::<M>()));
            }
        }
        // SAFETY: the operands are where `Call` says, and its op is an `O`.
        unsafe {
            let op = call.op.get::<O>();
            // An elementary function on a whole chunk takes longer than all else about a call.
            if !O::CIRCULAR && call.lanes <= accumulators::<T>() {
                for k in 0..call.count {
                    let [d, x, ..] = *call.operands.add(k);
                    few::<T, O, M>(op, view_mut(d.of(call.bases), 0), view::<T, Many>(x.of(call.bases), 0));
                }
                return;
            }
            for_each_chunk!(call, |[d, x, ..], from| {
                let (d, x) = (view_mut(d, from), view::<T, Many>(x, from));
                if !O::CIRCULAR {
                    value::<T, O, M>(op, d, x);
                } else if has_large_angles::<T, M>(x) {
                    value::<T, O, AnyAngle<M>>(op, d, x);
                } else {
                    value::<T, O, NearAngles<M>>(op, d, x);
                }
            });
        }
    }
}

struct SinCosLanes;
impl<T: Element> Routine<Call<T>> for SinCosLanes {
    #[inline(always)]
    unsafe fn run<M: Mode>(call: &Call<T>) {
        #[inline(always)]
        fn values<T: Element, M: Mode>(sin: &mut [T], cos: &mut [T], x: &[T]) {
            for i in 0..chunk::<T>() {
                (sin[i], cos[i]) = x[i].sine_and_cosine::<M>();
            }
        }
        // SAFETY: the operands are where `Call` says, and there are two destinations.
        unsafe {
            for_each_chunk!(call, |[sin, x, _, cos], from| {
                let (sin, cos, x) = (view_mut(sin, from), view_mut(cos, from), view::<T, Many>(x, from));
                if has_large_angles::<T, M>(x) {
                    values::<T, AnyAngle<M>>(sin, cos, x);
                } else {
                    values::<T, NearAngles<M>>(sin, cos, x);
                }
            });
        }
    }
}

struct UnaryRuleLanes<O>(PhantomData<O>);
impl<T: Element, O: Unary> Routine<Call<T>> for UnaryRuleLanes<O> {
    const ONE_BY_ONE: bool = O::ONE_BY_ONE;
    const WIDE: bool = O::HOT;
    #[inline(always)]
    unsafe fn run<M: Mode>(call: &Call<T>) {
        #[inline(always)]
        fn rule<T: Element, O: Unary, M: Mode>(op: O, d: &mut [T], x: &[T], y: &[T], g: &[T]) {
            let hidden = T::from_f64(f64::NAN).enter::<M>();
            for i in 0..chunk::<T>() {
                let xi = if O::SAVES.x { x[i].enter::<M>() } else { hidden };
                let yi = if O::SAVES.out { y[i].enter::<M>() } else { hidden };
                d[i] = T::leave(op.vjp(xi, yi, Upstream(g[i].enter::<M>())).0);
            }
        }
        // SAFETY: the operands that the rule reads are where `Call` says, the others are not made slices; the op is an `O`.
        unsafe {
            let op = call.op.get::<O>();
            for_each_chunk!(call, |[d, x, y, g], from| {
                let (d, g) = (view_mut(d, from), view::<T, Many>(g, from));
                let x = if O::SAVES.x { view::<T, Many>(x, from) } else { &[] };
                let y = if O::SAVES.out { view::<T, Many>(y, from) } else { &[] };
                if !(O::CIRCULAR && O::SAVES.x) {
                    rule::<T, O, M>(op, d, x, y, g);
                } else if has_large_angles::<T, M>(x) {
                    rule::<T, O, AnyAngle<M>>(op, d, x, y, g);
                } else {
                    rule::<T, O, NearAngles<M>>(op, d, x, y, g);
                }
            });
        }
    }
}

#[inline(always)]
fn binary_value<T: Element, O: Binary, X: Width, Y: Width, M: Mode>(op: O, d: &mut [T], x: &[T], y: &[T]) {
    for (i, d) in d.iter_mut().enumerate().take(chunk::<T>()) {
        *d = T::leave(op.value(lane::<T, X>(x, i).enter::<M>(), lane::<T, Y>(y, i).enter::<M>()));
    }
}

struct BinaryLanes<O, X, Y>(PhantomData<(O, X, Y)>);
impl<T: Element, O: Binary, X: Width, Y: Width> Routine<Call<T>> for BinaryLanes<O, X, Y> {
    const WIDE: bool = O::HOT;
    #[inline(always)]
    unsafe fn run<M: Mode>(call: &Call<T>) {
        // SAFETY: the operands are where `Call` says. Two-argument ops have no parameters: `O` has no bytes.
        unsafe {
            let op = call.op.get::<O>();
            for_each_chunk!(call, |[d, x, y, _], from| {
                binary_value::<T, O, X, Y, M>(op, view_mut(d, from), view::<T, X>(x, from), view::<T, Y>(y, from));
            });
        }
    }
}

struct BinaryRuleLanes<O, const BY_Y: bool>(PhantomData<O>);
impl<T: Element, O: Binary, const BY_Y: bool> Routine<Call<T>> for BinaryRuleLanes<O, BY_Y> {
    const WIDE: bool = O::HOT;
    #[inline(always)]
    unsafe fn run<M: Mode>(call: &Call<T>) {
        #[inline(always)]
        fn rule<T: Element, O: Binary, M: Mode, const BY_Y: bool>(op: O, d: &mut [T], x: &[T], y: &[T], out: &[T]) {
            let saves = O::SAVES[BY_Y as usize];
            let hidden = T::from_f64(f64::NAN).enter::<M>();
            for i in 0..chunk::<T>() {
                let xi = if saves.x { x[i].enter::<M>() } else { hidden };
                let yi = if saves.y { y[i].enter::<M>() } else { hidden };
                let out = if saves.out { out[i].enter::<M>() } else { hidden };
                let g = Upstream(d[i].enter::<M>());
                d[i] = T::leave(if BY_Y { op.vjp_y(xi, yi, out, g).0 } else { op.vjp_x(xi, yi, out, g).0 });
            }
        }
        let saves = O::SAVES[BY_Y as usize];
        // SAFETY: the operands that the rule reads are where `Call` says, the others are not made slices; `O` has no bytes.
        unsafe {
            let op = call.op.get::<O>();
            for_each_chunk!(call, |[d, x, y, out], from| {
                let x = if saves.x { view::<T, Many>(x, from) } else { &[] };
                let y = if saves.y { view::<T, Many>(y, from) } else { &[] };
                let out = if saves.out { view::<T, Many>(out, from) } else { &[] };
                rule::<T, O, M, BY_Y>(op, view_mut(d, from), x, y, out);
            });
        }
    }
}

struct PairLanes<O, P, B, C, const FROM: bool>(PhantomData<(O, P, B, C)>);
impl<T: Element, O: Binary, P: Binary, B: Width, C: Width, const FROM: bool> Routine<Call<T>>
    for PairLanes<O, P, B, C, FROM>
{
    #[inline(always)]
    unsafe fn run<M: Mode>(call: &Call<T>) {
        #[inline(always)]
        fn pair<T: Element, B: Width, C: Width>(d: &mut [T], [a, b, c]: [&[T]; 3], f: impl Fn([T; 3]) -> T) {
            for i in 0..chunk::<T>() {
                d[i] = f([a[i], lane::<T, B>(b, i), lane::<T, C>(c, i)]);
            }
        }
        // SAFETY: the operands are where `Call` says. Two-argument ops have no bytes.
        unsafe {
            let (op, then) = (call.op.get::<O>(), call.op.get::<P>());
            for_each_chunk!(call, |[d, a, b, c], from| {
                let sources = [view::<T, Many>(a, from), view::<T, B>(b, from), view::<T, C>(c, from)];
                pair::<T, B, C>(view_mut(d, from), sources, |[a, b, c]| {
                    let first = op.value(a.enter::<M>(), b.enter::<M>());
                    let (x, y) = if FROM { (c.enter::<M>(), first) } else { (first, c.enter::<M>()) };
                    T::leave(then.value(x, y))
                });
            });
        }
    }
}

struct SelectLanes<A, B>(PhantomData<(A, B)>);
impl<T: Element, A: Width, B: Width> Routine<Call<T>> for SelectLanes<A, B> {
    #[inline(always)]
    unsafe fn run<M: Mode>(call: &Call<T>) {
        #[inline(always)]
        fn select<T: Element, A: Width, B: Width>(d: &mut [T], c: &[T], a: &[T], b: &[T]) {
            for i in 0..chunk::<T>() {
                d[i] = Number::select(c[i], lane::<T, A>(a, i), lane::<T, B>(b, i));
            }
        }
        // SAFETY: the operands are where `Call` says.
        unsafe {
            for_each_chunk!(call, |[d, c, a, b], from| {
                let c = view::<T, Many>(c, from);
                select::<T, A, B>(view_mut(d, from), c, view::<T, A>(a, from), view::<T, B>(b, from));
            });
        }
    }
}

/// Adds lanes to the accumulators: of a whole chunk four at a time, of the last lanes each alone.
#[inline(always)]
fn accumulate<T: Element>(sum: &mut [T], x: &[T], lanes: usize) {
    let width = const { accumulators::<T>() };
    if lanes >= chunk::<T>() {
        for i in 0..width {
            sum[i] += (x[i] + x[i + width]) + (x[i + 2 * width] + x[i + 3 * width]);
        }
    } else {
        for part in 0..lanes.div_ceil(width) {
            let (x, left) = (&x[part * width..][..width], lanes - part * width);
            for i in 0..width {
                // Adding nothing changes no sum that began as 0, and this way the loop is a vector's.
                sum[i] += if i < left { x[i] } else { T::from_f64(0.0) };
            }
        }
    }
}

/// # Safety
/// `sum` points to accumulators, and nothing else refers to them for the lifetime.
#[inline(always)]
unsafe fn sums<'a, T>(sum: *mut T) -> &'a mut [T] {
    // SAFETY: as the caller promises.
    unsafe { std::slice::from_raw_parts_mut(sum, accumulators::<T>()) }
}

struct SumLanes;
impl<T: Element> Routine<Call<T>> for SumLanes {
    #[inline(always)]
    unsafe fn run<M: Mode>(call: &Call<T>) {
        // SAFETY: the operands are where `Call` says, and accumulators overlap with nothing else.
        unsafe {
            for_each_chunk!(call, |[sum, x, ..], from| {
                accumulate(sums(sum), view::<T, Many>(x, from), call.lanes - from);
            });
        }
    }
}

/// The products go through a register: a loop that adds them up as it makes them is not vectorised.
struct SumOf<O, B>(PhantomData<(O, B)>);
impl<T: Element, O: Binary, B: Width> Routine<Call<T>> for SumOf<O, B> {
    #[inline(always)]
    unsafe fn run<M: Mode>(call: &Call<T>) {
        // SAFETY: the operands are where `Call` says, and accumulators overlap with nothing else. `O` has no bytes.
        unsafe {
            let op = call.op.get::<O>();
            for_each_chunk!(call, |[sum, a, b, product], from| {
                let (a, b) = (view::<T, Many>(a, from), view::<T, B>(b, from));
                binary_value::<T, O, Many, B, M>(op, view_mut(product, from), a, b);
                accumulate(sums(sum), view::<T, Many>(product, from), call.lanes - from);
            });
        }
    }
}
