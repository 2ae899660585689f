//! Elementwise ops on tensors: values, and rules in place on the upstream gradient.
//!
//! The loops are those of [`chunks`], which know whole vectors of lanes and no shapes; here a tensor's lanes are brought to them.
//! A buffer of the output's shape is read where it is. One number for all lanes goes to the kernels that take one. What is
//! stretched in another way is staged, a few kilobytes at a time, which stay in the first-level cache. So is a rest that is no whole
//! vector, unless its lanes can be computed as part of the last vector, some of them twice. The gradient is overwritten with the
//! contribution: one pass over memory and no temporaries. What the rule does not list in `SAVES` is not streamed; it sees NaN
//! instead.
//!
//! **Rejected:** loops of any length for each op, beside those over vectors. They save a rest's copies, some nanoseconds, and are a
//! second kernel for each op, type and instruction set, of which compiled programs can use nothing.

mod lanes;
#[cfg(test)]
mod tests;
mod walk;

use super::Kernels;
use super::chunks::{self, KernelVariant, Ones, takes_ones};
use crate::num::Element;
use crate::num::elementwise::{Binary, BinaryOp, BuiltinUnary, Saves, Unary, UnaryOp, UnaryVisitor};
use crate::num::math::Mode;
use crate::num::simd::{Kernel, dispatch};
pub(crate) use lanes::{Argument, Entry, run};
pub use walk::Plan;
use walk::{Piece, Walk};

/// out = op(x).
pub(crate) fn unary<T: Element>(op: UnaryOp, x: &[T], out: &mut [T]) {
    struct Visit<'a, T>(&'a [T], &'a mut [T]);
    impl<T: Element> UnaryVisitor for Visit<'_, T> {
        type Output = ();
        fn visit<O: BuiltinUnary>(self, op: O) {
            let kernel = Entry::of(chunks::unary::<T, O>(), &op, exact::<O>());
            // SAFETY: the kernel is the op's, which reads x.
            unsafe { run(kernel, &of_unary(self.0, self.1.len()), self.1, false) }
        }
    }
    op.with(Visit(x, out));
}

/// out = op(x), for a user's op: its formula may take circular functions of anything.
pub(crate) fn custom_unary<T: Element, O: Unary>(op: O, x: &[T], out: &mut [T]) {
    // SAFETY: the kernel is the op's, which reads x.
    unsafe {
        T::run_kernel(Entry::of(chunks::custom_unary::<T, O>(), &op, usize::MAX), &of_unary(x, out.len()), out, false)
    }
}

/// Up to how many lanes the kernels of an op take those alone.
const fn exact<O: Unary>() -> usize {
    if O::ONE_BY_ONE { usize::MAX } else { chunks::takes_one::<O>() as usize }
}

fn of_unary<T: Element>(x: &[T], n: usize) -> [Argument<'_, T>; 3] {
    [Argument::flat(x, n), Argument::UNREAD, Argument::UNREAD]
}

/// g = g f'(x), from the input and the output.
pub(crate) fn unary_vjp<T: Element>(op: UnaryOp, x: &[T], y: &[T], g: &mut [T]) {
    struct Visit<'a, T>(&'a [T], &'a [T], &'a mut [T]);
    impl<T: Element> UnaryVisitor for Visit<'_, T> {
        type Output = ();
        fn visit<O: BuiltinUnary>(self, op: O) {
            let Self(x, y, g) = self;
            let kernel = Entry::of(chunks::unary_rule::<T, O>(), &op, exact::<O>());
            // SAFETY: the kernel is the op's, which reads what it saves, and g.
            unsafe { run(kernel, &of_unary_vjp::<T, O>(x, y, g.len()), g, true) }
        }
    }
    op.with(Visit(x, y, g));
}

/// g = g f'(x), for a user's op.
pub(crate) fn custom_unary_vjp<T: Element, O: Unary>(op: O, x: &[T], y: &[T], g: &mut [T]) {
    let kernel = Entry::of(chunks::custom_unary_rule::<T, O>(), &op, usize::MAX);
    // SAFETY: the kernel is the op's, which reads what it saves, and g.
    unsafe { T::run_kernel(kernel, &of_unary_vjp::<T, O>(x, y, g.len()), g, true) }
}

fn of_unary_vjp<'a, T: Element, O: Unary>(x: &'a [T], y: &'a [T], n: usize) -> [Argument<'a, T>; 3] {
    let flat = |is_read: bool, x| if is_read { Argument::flat(x, n) } else { Argument::UNREAD };
    [flat(O::SAVES.x, x), flat(O::SAVES.out, y), Argument::UNREAD]
}

/// out = op(x, y), broadcast by the plan.
pub(crate) fn binary<T: Element>(op: BinaryOp, plan: &Plan, x: &[T], y: &[T], out: &mut [T]) {
    let takes_ones = takes_ones(op);
    for piece in plan.pieces(out.len()) {
        let x = plan.x.over(x, &piece, takes_ones);
        let y = plan.y.over(y, &piece, takes_ones && !x.is_one());
        let ones = match (x.is_one(), y.is_one()) {
            (true, _) => Ones::First,
            (_, true) => Ones::Second,
            _ => Ones::Neither,
        };
        let kernel = Entry::plain(chunks::bind(KernelVariant::Binary(op, ones)));
        // SAFETY: the kernel is the op's, which reads x and y, and takes one number for the one that is. It has no parameters.
        unsafe { run(kernel, &[x, y, Argument::UNREAD], piece.of(out), false) }
    }
}

/// out = op(x, y), for a user's op.
pub(crate) fn custom_binary<T: Element, O: Binary>(op: O, plan: &Plan, x: &[T], y: &[T], out: &mut [T]) {
    let kernel = Entry::of(chunks::custom_binary::<T, O>(), &op, usize::MAX);
    for piece in plan.pieces(out.len()) {
        let arguments = [plan.x.over(x, &piece, false), plan.y.over(y, &piece, false), Argument::UNREAD];
        // SAFETY: the kernel is the op's, which reads x and y.
        unsafe { T::run_kernel(kernel, &arguments, piece.of(out), false) }
    }
}

/// Which argument a rule is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The first.
    X,
    /// The second.
    Y,
}

impl Side {
    /// The side of argument 0 or 1.
    pub fn of(argument: usize) -> Self {
        if argument == 0 { Self::X } else { Self::Y }
    }
}

/// What a two-argument rule reads: all of the output's shape but x and y, which follow the plan.
pub struct BinaryInputs<'a, T> {
    /// How the inputs walk.
    pub plan: &'a Plan,
    /// The first input.
    pub x: &'a [T],
    /// The second input.
    pub y: &'a [T],
    /// The output.
    pub out: &'a [T],
}

impl<'a, T: Element> BinaryInputs<'a, T> {
    fn over(&self, piece: &Piece, saves: Saves) -> [Argument<'a, T>; 3] {
        let Self { plan, x, y, out } = *self;
        [
            if saves.x { plan.x.over(x, piece, false) } else { Argument::UNREAD },
            if saves.y { plan.y.over(y, piece, false) } else { Argument::UNREAD },
            if saves.out { Walk::Flat.over(out, piece, false) } else { Argument::UNREAD },
        ]
    }
}

/// g = g df/dx or g df/dy, in the output's shape.
pub(crate) fn binary_vjp<T: Element>(op: BinaryOp, side: Side, inputs: BinaryInputs<'_, T>, g: &mut [T]) {
    let kernel = Entry::plain(chunks::bind(KernelVariant::BinaryRule(op, side)));
    let saves = op.saves()[(side == Side::Y) as usize];
    for piece in inputs.plan.pieces(g.len()) {
        // SAFETY: the kernel is the op's, which reads what it saves, and g. It has no parameters.
        unsafe { run(kernel, &inputs.over(&piece, saves), piece.of(g), true) }
    }
}

/// g = g df/dx or g df/dy, for a user's op.
pub(crate) fn custom_binary_vjp<T: Element, O: Binary>(op: O, side: Side, inputs: BinaryInputs<'_, T>, g: &mut [T]) {
    let kernel = Entry::of(chunks::custom_binary_rule::<T, O>(side), &op, usize::MAX);
    let saves = O::SAVES[(side == Side::Y) as usize];
    for piece in inputs.plan.pieces(g.len()) {
        // SAFETY: the kernel is the op's, which reads what it saves, and g.
        unsafe { T::run_kernel(kernel, &inputs.over(&piece, saves), piece.of(g), true) }
    }
}

/// out = x, for blocks of `inner` elements that are each written `times` one after another.
pub(crate) fn repeat<T: Element>(x: &[T], times: usize, inner: usize, out: &mut [T]) {
    for (x, out) in x.chunks_exact(inner).zip(out.chunks_exact_mut(times * inner)) {
        out[..inner].copy_from_slice(x);
        // What is there is copied behind itself, so that short blocks take few copies.
        let mut done = inner;
        while done < out.len() {
            let next = done.min(out.len() - done);
            out.copy_within(..next, done);
            done += next;
        }
    }
}

/// out = x, stretched by the plan.
pub(crate) fn copy<T: Element>(plan: &Plan, x: &[T], out: &mut [T]) {
    for piece in plan.pieces(out.len()) {
        // SAFETY: an argument over a piece has its lanes.
        unsafe { plan.x.over(x, &piece, false).stage(0, piece.of(out).as_mut_ptr(), piece.n) }
    }
}

/// out = a where c is not 0, else b; all of one shape.
pub(crate) fn select<T: Element>(c: &[T], a: &[T], b: &[T], out: &mut [T]) {
    let zero = T::from_f64(0.0);
    for (((out, &c), &a), &b) in out.iter_mut().zip(c).zip(a).zip(b) {
        *out = if c != zero { a } else { b };
    }
}

/// Zeroes g where c is 0, or where it is not.
pub(crate) fn mask<T: Element>(c: &[T], keep_where_set: bool, g: &mut [T]) {
    let zero = T::from_f64(0.0);
    for (g, &c) in g.iter_mut().zip(c) {
        if (c != zero) != keep_where_set {
            *g = zero;
        }
    }
}

/// a += b.
pub(crate) fn add_assign<T: Element>(a: &mut [T], b: &[T]) {
    struct Loop<'a, T>(&'a mut [T], &'a [T]);
    impl<T: Element> Kernel for Loop<'_, T> {
        type Output = ();
        #[inline(always)]
        fn run<M: Mode>(self) {
            for (a, &b) in self.0.iter_mut().zip(self.1) {
                *a += b;
            }
        }
    }
    dispatch(Loop(a, b));
}

/// a += s b.
pub(crate) fn add_scaled<T: Element>(a: &mut [T], s: T, b: &[T]) {
    struct Loop<'a, T>(&'a mut [T], T, &'a [T]);
    impl<T: Element> Kernel for Loop<'_, T> {
        type Output = ();
        #[inline(always)]
        fn run<M: Mode>(self) {
            for (a, &b) in self.0.iter_mut().zip(self.2) {
                *a += self.1 * b;
            }
        }
    }
    dispatch(Loop(a, s, b));
}
