//! Ops on every row along the last axis: softmax and its kin, extremes, norms, running sums.
//!
//! Their sums are those of [`reduce`] over terms that are computed some at a time: exponentials go through vectors, and rounding
//! grows with the logarithm of a row's length. A running sum is one of blocks as well: the sums of all blocks before, added two by
//! two, and the sums inside.

use crate::num::elementwise::{Binary, Over, Scale};
use crate::num::math::Mode;
use crate::num::simd::{Kernel, dispatch};
use crate::num::{Element, Float};
use crate::tensor::kernels::pairwise::Counter;
use crate::tensor::kernels::reduce::{TERMS, Terms, sum_row, sum_terms};

/// A function of a row that gives one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowReduction {
    /// The largest element; NaN if any is.
    Max,
    /// The smallest element; NaN if any is.
    Min,
    /// ln sum e^x; -inf for an empty row or one of -inf alone.
    LogSumExp,
    /// sqrt(sum x^2), scaled so that nothing overflows in between.
    Norm2,
}

/// out[i] = the reduction of row i.
pub(crate) fn reduce_rows<T: Element>(kind: RowReduction, x: &[T], n: usize, out: &mut [T]) {
    struct Loop<'a, T>(RowReduction, &'a [T], usize, &'a mut [T]);
    impl<T: Element> Kernel for Loop<'_, T> {
        type Output = ();
        #[inline(always)]
        fn run<M: Mode>(self) {
            let Loop(kind, x, n, out) = self;
            let mut buffer = [T::from_f64(0.0); TERMS];
            for (i, out) in out.iter_mut().enumerate() {
                let row = &x[i * n..(i + 1) * n];
                *out = match kind {
                    RowReduction::Max => extreme(row, |x| x, |a, b| a > b),
                    RowReduction::Min => extreme(row, |x| x, |a, b| a < b),
                    RowReduction::LogSumExp => {
                        let max = extreme(row, |x| x, |a, b| a > b);
                        if max.to_f64().is_infinite() {
                            max
                        } else {
                            let sum = sum_terms::<T, M>(Powers { row, max }, &mut buffer);
                            max + T::leave(Float::ln(sum.enter::<M>()))
                        }
                    }
                    RowReduction::Norm2 => norm2::<T, M>(row, &mut buffer),
                };
            }
        }
    }
    if n == 0 {
        let empty = if kind == RowReduction::LogSumExp { f64::NEG_INFINITY } else { 0.0 };
        out.fill(T::from_f64(empty));
        return;
    }
    dispatch(Loop(kind, x, n, out));
}

/// Extremes that a row is read into side by side: one would wait for each comparison.
const EXTREMES: usize = 32;

/// The best of what a function makes of each element; NaN if any is.
#[inline(always)]
fn extreme<T: Element>(row: &[T], of: impl Fn(T) -> T, better: impl Fn(T, T) -> bool) -> T {
    let take = |best: &mut T, x: T| {
        #[allow(clippy::eq_op)]
        let take = better(x, *best) || x != x;
        *best = if take { x } else { *best };
    };
    let (blocks, rest) = row.as_chunks::<EXTREMES>();
    let mut best = of(row[0]);
    if let Some((first, others)) = blocks.split_first() {
        let mut side_by_side = first.map(&of);
        for block in others {
            for (best, &x) in side_by_side.iter_mut().zip(block) {
                take(best, of(x));
            }
        }
        side_by_side.into_iter().for_each(|x| take(&mut best, x));
    }
    rest.iter().for_each(|&x| take(&mut best, of(x)));
    best
}

/// e^(x - max) of a row.
struct Powers<'a, T> {
    row: &'a [T],
    max: T,
}
impl<T: Element> Terms<T> for Powers<'_, T> {
    #[inline(always)]
    fn len(&self) -> usize {
        self.row.len()
    }
    #[inline(always)]
    fn fill<M: Mode>(&self, first: usize, out: &mut [T]) {
        for (out, &x) in out.iter_mut().zip(&self.row[first..]) {
            *out = T::leave(Float::exp((x - self.max).enter::<M>()));
        }
    }
}

/// (scale x)^2 of a row.
struct Squares<'a, T> {
    row: &'a [T],
    scale: T,
}
impl<T: Element> Terms<T> for Squares<'_, T> {
    #[inline(always)]
    fn len(&self) -> usize {
        self.row.len()
    }
    #[inline(always)]
    fn fill<M: Mode>(&self, first: usize, out: &mut [T]) {
        for (out, &x) in out.iter_mut().zip(&self.row[first..]) {
            let scaled = x * self.scale;
            *out = scaled * scaled;
        }
    }
}

#[inline(always)]
fn norm2<T: Element, M: Mode>(row: &[T], buffer: &mut [T; TERMS]) -> T {
    let size = |x: T| if x < T::from_f64(0.0) { -x } else { x };
    let largest = extreme(row, size, |a, b| a > b);
    if largest == T::from_f64(0.0) {
        // Not -0, which a row may consist of.
        return T::from_f64(0.0);
    }
    if !largest.to_f64().is_finite() {
        return largest;
    }
    // A power of two scales exactly; that of the smallest subnormal would be infinite, and less of it is enough.
    let most = if T::EPSILON > 1e-10 { 126 } else { 1022 };
    let scale = T::from_f64(2f64.powi((-(largest.to_f64().log2().floor() as i32)).min(most)));
    let sum = sum_terms::<T, M>(Squares { row, scale }, buffer);
    T::from_f64(sum.to_f64().sqrt() / scale.to_f64())
}

/// A function of a row that gives a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowMap {
    /// e^x / sum e^x.
    Softmax,
    /// x - logsumexp(x).
    LogSoftmax,
    /// Sums of the elements up to here.
    Cumsum,
    /// Sums of the elements from here on.
    ReverseCumsum,
}

/// out = the map of every row of length n.
pub(crate) fn map_rows<T: Element>(kind: RowMap, x: &[T], n: usize, out: &mut [T]) {
    struct Loop<'a, T>(RowMap, &'a [T], usize, &'a mut [T]);
    impl<T: Element> Kernel for Loop<'_, T> {
        type Output = ();
        #[inline(always)]
        fn run<M: Mode>(self) {
            let Loop(kind, x, n, out) = self;
            for (row, out) in x.chunks_exact(n).zip(out.chunks_exact_mut(n)) {
                match kind {
                    RowMap::Softmax => softmax::<T, M>(row, out),
                    RowMap::LogSoftmax => log_softmax::<T, M>(row, out),
                    RowMap::Cumsum => running_sum::<T, false>(row, out),
                    RowMap::ReverseCumsum => running_sum::<T, true>(row, out),
                }
            }
        }
    }
    if n > 0 {
        dispatch(Loop(kind, x, n, out));
    }
}

#[inline(always)]
fn softmax<T: Element, M: Mode>(row: &[T], out: &mut [T]) {
    let max = extreme(row, |x| x, |a, b| a > b);
    Powers { row, max }.fill::<M>(0, out);
    let sum = sum_row(out);
    for out in out.iter_mut() {
        *out /= sum;
    }
}

#[inline(always)]
fn log_softmax<T: Element, M: Mode>(row: &[T], out: &mut [T]) {
    let max = extreme(row, |x| x, |a, b| a > b);
    Powers { row, max }.fill::<M>(0, out);
    let log_sum = T::leave(Float::ln(sum_row(out).enter::<M>()));
    for (out, &x) in out.iter_mut().zip(row) {
        *out = (x - max) - log_sum;
    }
}

/// Elements of a block of a running sum, and its parts, which are summed side by side: one waits for the addition before it.
const RUN: usize = 64;
const SIDE: usize = 4;

/// out = the sums of the row up to each element, or from each element on.
#[inline(always)]
fn running_sum<T: Element, const BACKWARDS: bool>(row: &[T], out: &mut [T]) {
    let n = row.len();
    let at = |i: usize| if BACKWARDS { n - 1 - i } else { i };
    let zero = T::from_f64(0.0);
    if n < RUN {
        let mut sum = zero;
        for i in 0..n {
            sum += row[at(i)];
            out[at(i)] = sum;
        }
        return;
    }
    let mut counter = Counter::new();
    let mut first = 0;
    while first + RUN <= n {
        const PART: usize = RUN / SIDE;
        let mut sums = [zero; SIDE];
        let mut parts = [[zero; SIDE]; PART];
        for (i, part) in parts.iter_mut().enumerate() {
            for (k, sum) in sums.iter_mut().enumerate() {
                *sum += row[at(first + k * PART + i)];
                part[k] = *sum;
            }
        }
        let before = counter.total();
        let pair = sums[0] + sums[1];
        let starts = [before, before + sums[0], before + pair, before + (pair + sums[2])];
        for (k, start) in starts.into_iter().enumerate() {
            for (i, part) in parts.iter().enumerate() {
                out[at(first + k * PART + i)] = start + part[k];
            }
        }
        counter.push(pair + (sums[2] + sums[3]));
        first += RUN;
    }
    let (before, mut sum) = (counter.total(), zero);
    for i in first..n {
        sum += row[at(i)];
        out[at(i)] = before + sum;
    }
}

/// out = g x / length, of rows and their lengths, `g` being as long as either: 0 where g or x is, as of a gradient.
pub(crate) fn along<T: Element>(g: &[T], x: &[T], lengths: &[T], out: &mut [T]) {
    struct Loop<'a, T>([&'a [T]; 3], &'a mut [T]);
    impl<T: Element> Kernel for Loop<'_, T> {
        type Output = ();
        #[inline(always)]
        fn run<M: Mode>(self) {
            let Loop([g, x, lengths], out) = self;
            let n = x.len() / lengths.len();
            let product = |g: T, x: T, length: T| {
                let share = Over.value(x.enter::<M>(), length.enter::<M>());
                T::leave(Scale.value(g.enter::<M>(), share))
            };
            let rows = x.chunks_exact(n).zip(out.chunks_exact_mut(n)).zip(lengths);
            if g.len() == x.len() {
                for (((x, out), &length), g) in rows.zip(g.chunks_exact(n)) {
                    out.iter_mut().zip(x).zip(g).for_each(|((out, &x), &g)| *out = product(g, x, length));
                }
            } else {
                for (((x, out), &length), &g) in rows.zip(g) {
                    out.iter_mut().zip(x).for_each(|(out, &x)| *out = product(g, x, length));
                }
            }
        }
    }
    if !x.is_empty() {
        dispatch(Loop([g, x, lengths], out));
    }
}

/// Mean cross-entropy of labelled rows of logits, in nats: the mean of logsumexp(row) - row[label].
pub(crate) fn cross_entropy<T: Element>(logits: &[T], n: usize, labels: &[usize]) -> T {
    const ROWS: usize = 64;
    let mut losses: Counter<f64> = Counter::new();
    let mut log_sums = [T::from_f64(0.0); ROWS];
    for (rows, labels) in logits.chunks(ROWS * n).zip(labels.chunks(ROWS)) {
        reduce_rows(RowReduction::LogSumExp, rows, n, &mut log_sums[..labels.len()]);
        let of_row = |((row, &label), &log_sum): ((&[T], &usize), &T)| (log_sum - row[label]).to_f64();
        losses.push(rows.chunks_exact(n).zip(labels).zip(&log_sums).map(of_row).sum());
    }
    T::from_f64(losses.total() / labels.len() as f64)
}

/// out = scale (softmax(row) - onehot(label)) for every row.
pub(crate) fn cross_entropy_gradient<T: Element>(logits: &[T], n: usize, labels: &[usize], scale: T, out: &mut [T]) {
    map_rows(RowMap::Softmax, logits, n, out);
    for (row, &label) in out.chunks_exact_mut(n).zip(labels) {
        row[label] -= T::from_f64(1.0);
        for g in row {
            *g *= scale;
        }
    }
}

/// sum (x - y)^2.
pub(crate) fn squared_error<T: Element>(x: &[T], y: &[T]) -> T {
    struct Differences<'a, T>(&'a [T], &'a [T]);
    impl<T: Element> Terms<T> for Differences<'_, T> {
        #[inline(always)]
        fn len(&self) -> usize {
            self.0.len()
        }
        #[inline(always)]
        fn fill<M: Mode>(&self, first: usize, out: &mut [T]) {
            for ((out, &x), &y) in out.iter_mut().zip(&self.0[first..]).zip(&self.1[first..]) {
                *out = (x - y) * (x - y);
            }
        }
    }
    impl<T: Element> Kernel for Differences<'_, T> {
        type Output = T;
        #[inline(always)]
        fn run<M: Mode>(self) -> T {
            sum_terms::<T, M>(self, &mut [T::from_f64(0.0); TERMS])
        }
    }
    dispatch(Differences(x, y))
}
