//! Elementwise ops: values, and rules in place on the upstream gradient.
//!
//! A rule's kernel overwrites the gradient with the contribution, one pass over memory and no temporaries. What the rule does
//! not list in `SAVES` is not streamed; it sees NaN instead. Two arguments broadcast through a [`Plan`] whose inner loop is
//! contiguous or constant in each argument.

use crate::num::elementwise::{
    Binary, BinaryOp, BinaryVisitor, BuiltinBinary, BuiltinUnary, Saves, Unary, UnaryOp, UnaryVisitor,
};
use crate::num::math::{AnyAngle, Mode, NearAngles};
use crate::num::simd::{Kernel, dispatch};
use crate::num::{Element, Upstream};
use crate::tensor::shape::same_lengths;
use smallvec::SmallVec;

/// out = op(x).
pub(crate) fn unary<T: Element>(op: UnaryOp, x: &[T], out: &mut [T]) {
    struct Visit<'a, T>(&'a [T], &'a mut [T]);
    impl<T: Element> UnaryVisitor for Visit<'_, T> {
        type Output = ();
        fn visit<O: BuiltinUnary>(self, op: O) {
            dispatch(UnaryValue { op, x: self.0, out: self.1 });
        }
    }
    op.with(Visit(x, out));
}

/// out = op(x), for a user's op: its formula may take circular functions of anything.
pub(crate) fn custom_unary<T: Element, O: Unary>(op: O, x: &[T], out: &mut [T]) {
    dispatch(WithAnyAngle(UnaryValue { op, x, out }));
}

struct UnaryValue<'a, O, T> {
    op: O,
    x: &'a [T],
    out: &'a mut [T],
}

impl<T: Element, O: Unary> Kernel for UnaryValue<'_, O, T> {
    const ONE_BY_ONE: bool = O::ONE_BY_ONE;
    const WIDE: bool = O::HOT;
    type Output = ();
    #[inline(always)]
    fn run<M: Mode>(self) {
        #[inline(always)]
        fn values<T: Element, O: Unary, M: Mode>(op: O, x: &[T], out: &mut [T]) {
            for (out, &x) in out.iter_mut().zip(x) {
                *out = T::leave(op.value(x.enter::<M>()));
            }
        }
        if !O::CIRCULAR || M::ANY_ANGLE {
            return values::<T, O, M>(self.op, self.x, self.out);
        }
        for (x, out) in self.x.chunks(ANGLES).zip(self.out.chunks_mut(ANGLES)) {
            if has_large_angles::<T, M>(x) {
                values::<T, O, AnyAngle<M>>(self.op, x, out);
            } else {
                values::<T, O, NearAngles<M>>(self.op, x, out);
            }
        }
    }
}

/// How many angles are looked at together: few enough to be in the first-level cache still when they are used.
const ANGLES: usize = 1024;

/// Whether some angle, or four times it, is out of reach of the vectorised circular functions.
#[inline(always)]
pub fn has_large_angles<T: Element, M: Mode>(x: &[T]) -> bool {
    x.iter().fold(false, |large, x| large | x.is_large_angle::<M>())
}

/// g = g f'(x), from the input and the output.
pub(crate) fn unary_vjp<T: Element>(op: UnaryOp, x: &[T], y: &[T], g: &mut [T]) {
    struct Visit<'a, T>(&'a [T], &'a [T], &'a mut [T]);
    impl<T: Element> UnaryVisitor for Visit<'_, T> {
        type Output = ();
        fn visit<O: BuiltinUnary>(self, op: O) {
            dispatch(UnaryVjp { op, x: self.0, y: self.1, g: self.2 });
        }
    }
    op.with(Visit(x, y, g));
}

/// g = g f'(x), for a user's op.
pub(crate) fn custom_unary_vjp<T: Element, O: Unary>(op: O, x: &[T], y: &[T], g: &mut [T]) {
    dispatch(WithAnyAngle(UnaryVjp { op, x, y, g }));
}

struct UnaryVjp<'a, O, T> {
    op: O,
    x: &'a [T],
    y: &'a [T],
    g: &'a mut [T],
}

impl<T: Element, O: Unary> Kernel for UnaryVjp<'_, O, T> {
    const ONE_BY_ONE: bool = O::ONE_BY_ONE;
    const WIDE: bool = O::HOT;
    type Output = ();
    #[inline(always)]
    fn run<M: Mode>(self) {
        #[inline(always)]
        fn rules<T: Element, O: Unary, M: Mode>(op: O, x: &[T], y: &[T], g: &mut [T]) {
            let hidden = T::from_f64(f64::NAN).enter::<M>();
            let n = g.len();
            let x = if O::SAVES.x { &x[..n] } else { x };
            let y = if O::SAVES.out { &y[..n] } else { y };
            for i in 0..n {
                let xi = if O::SAVES.x { x[i].enter::<M>() } else { hidden };
                let yi = if O::SAVES.out { y[i].enter::<M>() } else { hidden };
                g[i] = T::leave(op.vjp(xi, yi, Upstream(g[i].enter::<M>())).0);
            }
        }
        let Self { op, x, y, g } = self;
        if !(O::CIRCULAR && O::SAVES.x) || M::ANY_ANGLE {
            return rules::<T, O, M>(op, x, y, g);
        }
        for (k, g) in g.chunks_mut(ANGLES).enumerate() {
            let x = &x[k * ANGLES..][..g.len()];
            let y = if O::SAVES.out { &y[k * ANGLES..][..g.len()] } else { y };
            if has_large_angles::<T, M>(x) {
                rules::<T, O, AnyAngle<M>>(op, x, y, g);
            } else {
                rules::<T, O, NearAngles<M>>(op, x, y, g);
            }
        }
    }
}

/// The kernel with circular functions that take any angle, which does not vectorise.
struct WithAnyAngle<K>(K);

impl<K: Kernel> Kernel for WithAnyAngle<K> {
    const ONE_BY_ONE: bool = K::ONE_BY_ONE;
    // Such angles are rare.
    const WIDE: bool = false;
    type Output = K::Output;
    #[inline(always)]
    fn run<M: Mode>(self) -> K::Output {
        self.0.run::<AnyAngle<M>>()
    }
}

/// How two arguments walk beside a contiguous output: an inner loop in which each is contiguous or constant, and outer loops.
pub struct Plan {
    inner: usize,
    x_varies: bool,
    y_varies: bool,
    outer: SmallVec<[Loop; 3]>,
}

struct Loop {
    length: usize,
    x_step: usize,
    y_step: usize,
}

impl Plan {
    /// The plan for shapes that broadcast to `out`.
    pub fn new(out: &[usize], x: &[usize], y: &[usize]) -> Self {
        if same_lengths(out, x) && same_lengths(out, y) {
            let inner = out.iter().product();
            return Self { inner, x_varies: true, y_varies: true, outer: SmallVec::new() };
        }
        let aligned = |shape: &[usize], axis: usize| {
            (axis + shape.len()).checked_sub(out.len()).is_some_and(|i| shape[i] == out[axis])
        };
        // Runs of axes in which the same arguments vary, innermost first; axes of length 1 belong to any run.
        let mut runs: SmallVec<[(usize, bool, bool); 4]> = SmallVec::new();
        for axis in (0..out.len()).rev().filter(|&axis| out[axis] != 1) {
            let pattern = (aligned(x, axis), aligned(y, axis));
            match runs.last_mut() {
                Some(run) if (run.1, run.2) == pattern => run.0 *= out[axis],
                _ => runs.push((out[axis], pattern.0, pattern.1)),
            }
        }
        let (inner, x_varies, y_varies) = if runs.is_empty() { (1, true, true) } else { runs.remove(0) };
        let (mut x_size, mut y_size) = (if x_varies { inner } else { 1 }, if y_varies { inner } else { 1 });
        let mut outer = SmallVec::new();
        for (length, x_moves, y_moves) in runs {
            outer.push(Loop {
                length,
                x_step: if x_moves { x_size } else { 0 },
                y_step: if y_moves { y_size } else { 0 },
            });
            x_size *= if x_moves { length } else { 1 };
            y_size *= if y_moves { length } else { 1 };
        }
        Self { inner, x_varies, y_varies, outer }
    }

    /// Calls `row(x offset, y offset, output offset)` for every inner loop. One call site: `row` is a whole inlined kernel.
    #[inline(always)]
    fn for_each_row(&self, mut row: impl FnMut(usize, usize, usize)) {
        let rows: usize = self.outer.iter().map(|l| l.length).product();
        let mut counters: SmallVec<[usize; 4]> = SmallVec::from_elem(0, self.outer.len());
        let (mut x, mut y) = (0, 0);
        for i in 0..rows {
            row(x, y, i * self.inner);
            for (counter, l) in counters.iter_mut().zip(&self.outer) {
                *counter += 1;
                x += l.x_step;
                y += l.y_step;
                if *counter < l.length {
                    break;
                }
                *counter = 0;
                x -= l.x_step * l.length;
                y -= l.y_step * l.length;
            }
        }
    }
}

/// out = op(x, y), broadcast by the plan.
pub(crate) fn binary<T: Element>(op: BinaryOp, plan: &Plan, x: &[T], y: &[T], out: &mut [T]) {
    struct Visit<'a, T>(&'a Plan, &'a [T], &'a [T], &'a mut [T]);
    impl<T: Element> BinaryVisitor for Visit<'_, T> {
        type Output = ();
        fn visit<O: BuiltinBinary>(self, op: O) {
            dispatch(BinaryValue { op, plan: self.0, x: self.1, y: self.2, out: self.3 });
        }
    }
    if !out.is_empty() {
        op.with(Visit(plan, x, y, out));
    }
}

/// out = op(x, y), for a user's op.
pub(crate) fn custom_binary<T: Element, O: Binary>(op: O, plan: &Plan, x: &[T], y: &[T], out: &mut [T]) {
    if !out.is_empty() {
        dispatch(WithAnyAngle(BinaryValue { op, plan, x, y, out }));
    }
}

struct BinaryValue<'a, O, T> {
    op: O,
    plan: &'a Plan,
    x: &'a [T],
    y: &'a [T],
    out: &'a mut [T],
}

impl<T: Element, O: Binary> Kernel for BinaryValue<'_, O, T> {
    const WIDE: bool = O::HOT;
    type Output = ();
    #[inline(always)]
    fn run<M: Mode>(self) {
        let Self { op, plan, x, y, out } = self;
        plan.for_each_block(Saves::X.and(Saves::Y), x, y, |x, y, o| {
            for ((out, &x), &y) in out[o..o + x.len()].iter_mut().zip(x).zip(y) {
                *out = T::leave(op.value(x.enter::<M>(), y.enter::<M>()));
            }
        });
    }
}

impl Plan {
    /// Calls `block(x, y, output offset)` with slices of one length that together cover every inner loop.
    ///
    /// An argument that is constant in the inner loop, or not read, is spread over a short buffer: so a kernel is one loop,
    /// compiled once, and not one for each combination. What is not read is NaN.
    #[inline(always)]
    fn for_each_block<T: Element>(&self, reads: Saves, x: &[T], y: &[T], mut block: impl FnMut(&[T], &[T], usize)) {
        const SPREAD: usize = 64;
        let hidden = T::from_f64(f64::NAN);
        let (mut spread_x, mut spread_y) = ([hidden; SPREAD], [hidden; SPREAD]);
        let (stream_x, stream_y) = (self.x_varies && reads.x, self.y_varies && reads.y);
        let n = self.inner;
        let step = if stream_x && stream_y { n } else { SPREAD };
        self.for_each_row(|xo, yo, o| {
            if reads.x && !stream_x {
                spread_x[..n.min(SPREAD)].fill(x[xo]);
            }
            if reads.y && !stream_y {
                spread_y[..n.min(SPREAD)].fill(y[yo]);
            }
            let mut start = 0;
            while start < n {
                let length = (n - start).min(step);
                let xs = if stream_x { &x[xo + start..][..length] } else { &spread_x[..length] };
                let ys = if stream_y { &y[yo + start..][..length] } else { &spread_y[..length] };
                block(xs, ys, o + start);
                start += length;
            }
        });
    }
}

/// out = x, stretched by the plan.
pub(crate) fn copy<T: Element>(plan: &Plan, x: &[T], out: &mut [T]) {
    if out.is_empty() {
        return;
    }
    let n = plan.inner;
    plan.for_each_row(|xo, _, o| {
        let out = &mut out[o..o + n];
        if plan.x_varies { out.copy_from_slice(&x[xo..xo + n]) } else { out.fill(x[xo]) }
    });
}

/// Which argument a rule is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The first.
    X,
    /// The second.
    Y,
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

/// g = g df/dx or g df/dy, in the output's shape.
pub(crate) fn binary_vjp<T: Element>(op: BinaryOp, side: Side, inputs: BinaryInputs<'_, T>, g: &mut [T]) {
    struct Visit<'a, T>(Side, BinaryInputs<'a, T>, &'a mut [T]);
    impl<T: Element> BinaryVisitor for Visit<'_, T> {
        type Output = ();
        fn visit<O: BuiltinBinary>(self, op: O) {
            match self.0 {
                Side::X => dispatch(BinaryVjp::<O, T, false> { op, inputs: self.1, g: self.2 }),
                Side::Y => dispatch(BinaryVjp::<O, T, true> { op, inputs: self.1, g: self.2 }),
            }
        }
    }
    if !g.is_empty() {
        op.with(Visit(side, inputs, g));
    }
}

/// g = g df/dx or g df/dy, for a user's op.
pub(crate) fn custom_binary_vjp<T: Element, O: Binary>(op: O, side: Side, inputs: BinaryInputs<'_, T>, g: &mut [T]) {
    if g.is_empty() {
        return;
    }
    match side {
        Side::X => dispatch(WithAnyAngle(BinaryVjp::<O, T, false> { op, inputs, g })),
        Side::Y => dispatch(WithAnyAngle(BinaryVjp::<O, T, true> { op, inputs, g })),
    }
}

struct BinaryVjp<'a, O, T, const BY_Y: bool> {
    op: O,
    inputs: BinaryInputs<'a, T>,
    g: &'a mut [T],
}

impl<T: Element, O: Binary, const BY_Y: bool> Kernel for BinaryVjp<'_, O, T, BY_Y> {
    const WIDE: bool = O::HOT;
    type Output = ();
    #[inline(always)]
    fn run<M: Mode>(self) {
        let Self { op, inputs: BinaryInputs { plan, x, y, out }, g } = self;
        let saves = O::SAVES[BY_Y as usize];
        let hidden = T::from_f64(f64::NAN);
        plan.for_each_block(saves, x, y, |x, y, o| {
            let n = x.len();
            let (y, g) = (&y[..n], &mut g[o..o + n]);
            let out = if saves.out { &out[o..o + n] } else { out };
            for i in 0..n {
                let (xi, yi) = (x[i].enter::<M>(), y[i].enter::<M>());
                let out = if saves.out { out[i] } else { hidden }.enter::<M>();
                let upstream = Upstream(g[i].enter::<M>());
                let gradient = if BY_Y { op.vjp_y(xi, yi, out, upstream) } else { op.vjp_x(xi, yi, out, upstream) };
                g[i] = T::leave(gradient.0);
            }
        });
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
