//! The loops themselves, each over a list of operand tuples.
//!
//! The slices of sources and destination do not overlap and have one length, as [`Call`] says; functions take them as arguments,
//! for the compiler to know it. Two things make vectors of the loops and nothing else. Their length is not known beforehand, only
//! that it is a multiple: a short loop of known length would be unrolled, and its vectors are then hardly ever found. And they go
//! by index: iterators are inlined so early that what does not overlap is forgotten, and looked for at run time.

#![allow(clippy::needless_range_loop, reason = "as said above")]

use super::{Call, accumulators, chunk, vector};
use crate::num::elementwise::{Binary, Unary};
use crate::num::math::{AnyAngle, Mode, NearAngles};
use crate::num::simd::Routine;
use crate::num::{Element, Number, Upstream};
use std::marker::PhantomData;

/// Whether an operand is a vector or one number.
pub(super) trait Width {
    const ONE: bool;
}
pub(super) struct Many;
pub(super) struct One;
impl Width for Many {
    const ONE: bool = false;
}
impl Width for One {
    const ONE: bool = true;
}

/// What an operand holds of `n` lanes, the first of which is `from`: a number for each, or its one number.
///
/// # Safety
/// `start` points to as much, and nothing writes to it for the lifetime.
#[inline(always)]
unsafe fn view<'a, T, W: Width>(start: *mut T, from: usize, n: usize) -> &'a [T] {
    // SAFETY: as the caller promises.
    unsafe {
        if W::ONE { std::slice::from_raw_parts(start, 1) } else { std::slice::from_raw_parts(start.add(from), n) }
    }
}

#[inline(always)]
fn lane<T: Copy, W: Width>(x: &[T], i: usize) -> T {
    x[if W::ONE { 0 } else { i }]
}

/// # Safety
/// As for [`view`], and nothing else reads it.
#[inline(always)]
unsafe fn view_mut<'a, T>(start: *mut T, from: usize, n: usize) -> &'a mut [T] {
    // SAFETY: as the caller promises.
    unsafe { std::slice::from_raw_parts_mut(start.add(from), n) }
}

/// Does the work with the operands' addresses, for every tuple of operands.
///
/// A macro, since a closure that is not inlined is compiled without the instruction set of the routine around it: every
/// multiply-add is then a call.
///
/// Unsafe: the operands are where `Call` says.
macro_rules! for_each_tuple {
    ($call:expr, |$at:pat_param| $work:expr) => {
        for k in 0..$call.count {
            let [a, b, c, d] = *$call.operands.add(k);
            let bases = $call.bases;
            let $at: [*mut T; 4] = [a.of(bases), b.of(bases), c.of(bases), d.of(bases)];
            $work
        }
    };
}

/// The same, with the first lane of each chunk.
macro_rules! for_each_chunk {
    ($call:expr, |$at:pat_param, $from:ident| $work:expr) => {
        for_each_tuple!($call, |at| {
            let mut $from = 0;
            while $from < $call.lanes {
                let $at = at;
                $work;
                $from += chunk::<T>();
            }
        })
    };
}

/// How many lanes an op is computed for: whole vectors, or those that are there where they go one by one.
#[inline(always)]
fn computed<T, M: Mode>(one_by_one: bool, lanes: usize) -> usize {
    // Said in this way, the compiler sees that it is a multiple of a vector and not 0.
    if one_by_one || M::ANY_ANGLE { lanes } else { (lanes - 1) / vector::<T>() * vector::<T>() + vector::<T>() }
}

/// Whether the op's loops take a single lane as such, and not as a vector: programs of numbers go from one to the next, and a
/// vector that is read where a number was just written waits for it.
pub(crate) const fn takes_one<O: Unary>() -> bool {
    O::HOT && !O::ONE_BY_ONE
}

pub(super) struct CopyLanes<X>(PhantomData<X>);
impl<T: Element, X: Width> Routine<Call<T>> for CopyLanes<X> {
    #[inline(always)]
    unsafe fn run<M: Mode>(call: &Call<T>) {
        #[inline(always)]
        fn copy<T: Element, X: Width>(d: &mut [T], x: &[T]) {
            for i in 0..d.len() {
                d[i] = lane::<T, X>(x, i);
            }
        }
        // SAFETY: the operands are where `Call` says.
        unsafe {
            let n = computed::<T, M>(false, call.lanes);
            for_each_tuple!(call, |[d, x, ..]| copy::<T, X>(view_mut(d, 0, n), view::<T, X>(x, 0, n)));
        }
    }
}

/// Whether some angle, or four times it, is out of reach of the vectorised circular functions.
#[inline(always)]
fn has_large_angles<T: Element, M: Mode>(x: &[T]) -> bool {
    x.iter().fold(false, |large, x| large | x.is_large_angle::<M>())
}

pub(super) struct UnaryLanes<O>(PhantomData<O>);
impl<T: Element, O: Unary> Routine<Call<T>> for UnaryLanes<O> {
    const ONE_BY_ONE: bool = O::ONE_BY_ONE;
    const WIDE: bool = O::HOT;
    #[inline(always)]
    unsafe fn run<M: Mode>(call: &Call<T>) {
        #[inline(always)]
        fn value<T: Element, O: Unary, M: Mode>(op: O, d: &mut [T], x: &[T]) {
            for i in 0..d.len() {
                d[i] = T::leave(op.value(x[i].enter::<M>()));
            }
        }
        // SAFETY: the operands are where `Call` says, and its op is an `O`.
        unsafe {
            let op = call.op::<O>();
            if takes_one::<O>() && call.lanes == 1 {
                for_each_tuple!(call, |[d, x, ..]| {
                    let (d, x) = (view_mut(d, 0, 1), view::<T, Many>(x, 0, 1));
                    if !O::CIRCULAR || M::ANY_ANGLE {
                        value::<T, O, M>(op, d, x);
                    } else if has_large_angles::<T, M>(x) {
                        value::<T, O, AnyAngle<M>>(op, d, x);
                    } else {
                        value::<T, O, NearAngles<M>>(op, d, x);
                    }
                });
                return;
            }
            if O::CIRCULAR && !M::ANY_ANGLE {
                for_each_chunk!(call, |[d, x, ..], from| {
                    let n = computed::<T, M>(false, chunk::<T>().min(call.lanes - from));
                    let (d, x) = (view_mut(d, from, n), view::<T, Many>(x, from, n));
                    if has_large_angles::<T, M>(x) {
                        let n = n.min(call.lanes - from);
                        value::<T, O, AnyAngle<M>>(op, &mut d[..n], &x[..n]);
                    } else {
                        value::<T, O, NearAngles<M>>(op, d, x);
                    }
                });
                return;
            }
            let n = computed::<T, M>(O::ONE_BY_ONE, call.lanes);
            for_each_tuple!(call, |[d, x, ..]| {
                value::<T, O, M>(op, view_mut(d, 0, n), view::<T, Many>(x, 0, n));
            });
        }
    }
}

pub(super) struct SinCosLanes;
impl<T: Element> Routine<Call<T>> for SinCosLanes {
    #[inline(always)]
    unsafe fn run<M: Mode>(call: &Call<T>) {
        #[inline(always)]
        fn values<T: Element, M: Mode>(sin: &mut [T], cos: &mut [T], x: &[T]) {
            for i in 0..x.len() {
                (sin[i], cos[i]) = x[i].sine_and_cosine::<M>();
            }
        }
        // SAFETY: the operands are where `Call` says, and there are two destinations.
        unsafe {
            for_each_chunk!(call, |[sin, x, _, cos], from| {
                let n = computed::<T, M>(false, chunk::<T>().min(call.lanes - from));
                let (sin, cos, x) = (view_mut(sin, from, n), view_mut(cos, from, n), view::<T, Many>(x, from, n));
                if has_large_angles::<T, M>(x) {
                    values::<T, AnyAngle<M>>(sin, cos, x);
                } else {
                    values::<T, NearAngles<M>>(sin, cos, x);
                }
            });
        }
    }
}

pub(super) struct UnaryRuleLanes<O>(PhantomData<O>);
impl<T: Element, O: Unary> Routine<Call<T>> for UnaryRuleLanes<O> {
    const ONE_BY_ONE: bool = O::ONE_BY_ONE;
    const WIDE: bool = O::HOT;
    #[inline(always)]
    unsafe fn run<M: Mode>(call: &Call<T>) {
        #[inline(always)]
        fn rule<T: Element, O: Unary, M: Mode>(op: O, d: &mut [T], x: &[T], y: &[T]) {
            let hidden = T::from_f64(f64::NAN).enter::<M>();
            for i in 0..d.len() {
                let xi = if O::SAVES.x { x[i].enter::<M>() } else { hidden };
                let yi = if O::SAVES.out { y[i].enter::<M>() } else { hidden };
                d[i] = T::leave(op.vjp(xi, yi, Upstream(d[i].enter::<M>())).0);
            }
        }
        // SAFETY: the operands that the rule reads are where `Call` says, the others are not made slices; the op is an `O`.
        unsafe {
            let op = call.op::<O>();
            if takes_one::<O>() && call.lanes == 1 {
                for_each_tuple!(call, |[d, x, y, _]| {
                    let x = if O::SAVES.x { view::<T, Many>(x, 0, 1) } else { &[] };
                    let y = if O::SAVES.out { view::<T, Many>(y, 0, 1) } else { &[] };
                    let d = view_mut(d, 0, 1);
                    if !O::CIRCULAR || !O::SAVES.x || M::ANY_ANGLE {
                        rule::<T, O, M>(op, d, x, y);
                    } else if has_large_angles::<T, M>(x) {
                        rule::<T, O, AnyAngle<M>>(op, d, x, y);
                    } else {
                        rule::<T, O, NearAngles<M>>(op, d, x, y);
                    }
                });
                return;
            }
            if O::CIRCULAR && O::SAVES.x && !M::ANY_ANGLE {
                for_each_chunk!(call, |[d, x, y, _], from| {
                    let n = computed::<T, M>(false, chunk::<T>().min(call.lanes - from));
                    let (d, x) = (view_mut(d, from, n), view::<T, Many>(x, from, n));
                    let y = if O::SAVES.out { view::<T, Many>(y, from, n) } else { &[] };
                    if has_large_angles::<T, M>(x) {
                        rule::<T, O, AnyAngle<M>>(op, &mut d[..n.min(call.lanes - from)], x, y);
                    } else {
                        rule::<T, O, NearAngles<M>>(op, d, x, y);
                    }
                });
                return;
            }
            let n = computed::<T, M>(O::ONE_BY_ONE, call.lanes);
            for_each_tuple!(call, |[d, x, y, _]| {
                let x = if O::SAVES.x { view::<T, Many>(x, 0, n) } else { &[] };
                let y = if O::SAVES.out { view::<T, Many>(y, 0, n) } else { &[] };
                rule::<T, O, M>(op, view_mut(d, 0, n), x, y);
            });
        }
    }
}

#[inline(always)]
fn binary_value<T: Element, O: Binary, X: Width, Y: Width, M: Mode>(op: O, d: &mut [T], x: &[T], y: &[T]) {
    for i in 0..d.len() {
        d[i] = T::leave(op.value(lane::<T, X>(x, i).enter::<M>(), lane::<T, Y>(y, i).enter::<M>()));
    }
}

pub(super) struct BinaryLanes<O, X, Y>(PhantomData<(O, X, Y)>);
impl<T: Element, O: Binary, X: Width, Y: Width> Routine<Call<T>> for BinaryLanes<O, X, Y> {
    const WIDE: bool = O::HOT;
    #[inline(always)]
    unsafe fn run<M: Mode>(call: &Call<T>) {
        // SAFETY: the operands are where `Call` says, and its op is an `O`.
        unsafe {
            let (op, n) = (call.op::<O>(), computed::<T, M>(false, call.lanes));
            for_each_tuple!(call, |[d, x, y, _]| {
                binary_value::<T, O, X, Y, M>(op, view_mut(d, 0, n), view::<T, X>(x, 0, n), view::<T, Y>(y, 0, n));
            });
        }
    }
}

pub(super) struct BinaryRuleLanes<O, const BY_Y: bool>(PhantomData<O>);
impl<T: Element, O: Binary, const BY_Y: bool> Routine<Call<T>> for BinaryRuleLanes<O, BY_Y> {
    const WIDE: bool = O::HOT;
    #[inline(always)]
    unsafe fn run<M: Mode>(call: &Call<T>) {
        #[inline(always)]
        fn rule<T: Element, O: Binary, M: Mode, const BY_Y: bool>(op: O, d: &mut [T], x: &[T], y: &[T], out: &[T]) {
            let saves = O::SAVES[BY_Y as usize];
            let hidden = T::from_f64(f64::NAN).enter::<M>();
            for i in 0..d.len() {
                let xi = if saves.x { x[i].enter::<M>() } else { hidden };
                let yi = if saves.y { y[i].enter::<M>() } else { hidden };
                let out = if saves.out { out[i].enter::<M>() } else { hidden };
                let g = Upstream(d[i].enter::<M>());
                d[i] = T::leave(if BY_Y { op.vjp_y(xi, yi, out, g).0 } else { op.vjp_x(xi, yi, out, g).0 });
            }
        }
        let saves = O::SAVES[BY_Y as usize];
        // SAFETY: the operands that the rule reads are where `Call` says, the others are not made slices; the op is an `O`.
        unsafe {
            let (op, n) = (call.op::<O>(), computed::<T, M>(false, call.lanes));
            for_each_tuple!(call, |[d, x, y, out]| {
                let x = if saves.x { view::<T, Many>(x, 0, n) } else { &[] };
                let y = if saves.y { view::<T, Many>(y, 0, n) } else { &[] };
                let out = if saves.out { view::<T, Many>(out, 0, n) } else { &[] };
                rule::<T, O, M, BY_Y>(op, view_mut(d, 0, n), x, y, out);
            });
        }
    }
}

pub(super) struct PairLanes<O, P, B, C, const FROM: bool>(PhantomData<(O, P, B, C)>);
impl<T: Element, O: Binary, P: Binary, B: Width, C: Width, const FROM: bool> Routine<Call<T>>
    for PairLanes<O, P, B, C, FROM>
{
    #[inline(always)]
    unsafe fn run<M: Mode>(call: &Call<T>) {
        #[inline(always)]
        fn pair<T: Element, B: Width, C: Width>(d: &mut [T], [a, b, c]: [&[T]; 3], f: impl Fn([T; 3]) -> T) {
            for i in 0..d.len() {
                d[i] = f([a[i], lane::<T, B>(b, i), lane::<T, C>(c, i)]);
            }
        }
        // SAFETY: the operands are where `Call` says. Two-argument ops have no bytes.
        unsafe {
            let (op, then) = (call.op::<O>(), call.op::<P>());
            let n = computed::<T, M>(false, call.lanes);
            for_each_tuple!(call, |[d, a, b, c]| {
                let sources = [view::<T, Many>(a, 0, n), view::<T, B>(b, 0, n), view::<T, C>(c, 0, n)];
                pair::<T, B, C>(view_mut(d, 0, n), sources, |[a, b, c]| {
                    let first = op.value(a.enter::<M>(), b.enter::<M>());
                    let (x, y) = if FROM { (c.enter::<M>(), first) } else { (first, c.enter::<M>()) };
                    T::leave(then.value(x, y))
                });
            });
        }
    }
}

pub(super) struct SelectLanes<A, B>(PhantomData<(A, B)>);
impl<T: Element, A: Width, B: Width> Routine<Call<T>> for SelectLanes<A, B> {
    #[inline(always)]
    unsafe fn run<M: Mode>(call: &Call<T>) {
        #[inline(always)]
        fn select<T: Element, A: Width, B: Width>(d: &mut [T], c: &[T], a: &[T], b: &[T]) {
            for i in 0..d.len() {
                d[i] = Number::select(c[i], lane::<T, A>(a, i), lane::<T, B>(b, i));
            }
        }
        // SAFETY: the operands are where `Call` says.
        unsafe {
            let n = computed::<T, M>(false, call.lanes);
            for_each_tuple!(call, |[d, c, a, b]| {
                let c = view::<T, Many>(c, 0, n);
                select::<T, A, B>(view_mut(d, 0, n), c, view::<T, A>(a, 0, n), view::<T, B>(b, 0, n));
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

pub(super) struct SumLanes;
impl<T: Element> Routine<Call<T>> for SumLanes {
    #[inline(always)]
    unsafe fn run<M: Mode>(call: &Call<T>) {
        // SAFETY: the operands are where `Call` says, and accumulators overlap with nothing else.
        unsafe {
            for_each_chunk!(call, |[sum, x, ..], from| {
                accumulate(sums(sum), view::<T, Many>(x, from, chunk::<T>()), call.lanes - from);
            });
        }
    }
}

/// The products go through a register: a loop that adds them up as it makes them is not vectorised.
pub(super) struct SumOf<O, B>(PhantomData<(O, B)>);
impl<T: Element, O: Binary, B: Width> Routine<Call<T>> for SumOf<O, B> {
    #[inline(always)]
    unsafe fn run<M: Mode>(call: &Call<T>) {
        // SAFETY: the operands are where `Call` says, and accumulators overlap with nothing else. `O` has no bytes.
        unsafe {
            let op = call.op::<O>();
            for_each_chunk!(call, |[sum, a, b, product], from| {
                let n = computed::<T, M>(false, chunk::<T>().min(call.lanes - from));
                let (a, b, product) = (view::<T, Many>(a, from, n), view::<T, B>(b, from, n), product.add(from));
                binary_value::<T, O, Many, B, M>(op, view_mut(product, 0, n), a, b);
                accumulate(sums(sum), view::<T, Many>(product, 0, chunk::<T>()), call.lanes - from);
            });
        }
    }
}
