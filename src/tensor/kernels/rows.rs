//! Ops on every row along the last axis: softmax and its kin, extremes, norms, running sums.

use crate::num::math::Mode;
use crate::num::simd::{Kernel, dispatch};
use crate::num::{Element, Float};
use crate::tensor::kernels::reduce;

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
            for (i, out) in out.iter_mut().enumerate() {
                let row = &x[i * n..(i + 1) * n];
                *out = match kind {
                    RowReduction::Max => extreme(row, |a, b| a > b),
                    RowReduction::Min => extreme(row, |a, b| a < b),
                    RowReduction::LogSumExp => {
                        let max = extreme(row, |a, b| a > b);
                        if max.as_f64().is_infinite() {
                            max
                        } else {
                            max + T::leave(Float::ln(exp_sum::<T, M>(row, max)))
                        }
                    }
                    RowReduction::Norm2 => norm2(row),
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

#[inline(always)]
fn extreme<T: Element>(row: &[T], better: impl Fn(T, T) -> bool) -> T {
    let mut best = row[0];
    for &x in &row[1..] {
        #[allow(clippy::eq_op)]
        let take = better(x, best) || x != x;
        best = if take { x } else { best };
    }
    best
}

#[inline(always)]
fn exp_sum<T: Element, M: Mode>(row: &[T], max: T) -> T::Lane<M> {
    let mut sum = T::from_f64(0.0);
    for &x in row {
        sum += T::leave(Float::exp((x - max).enter::<M>()));
    }
    sum.enter::<M>()
}

#[inline(always)]
fn norm2<T: Element>(row: &[T]) -> T {
    let mut largest = T::from_f64(0.0);
    for &x in row {
        let size = if x < T::from_f64(0.0) { -x } else { x };
        #[allow(clippy::eq_op)]
        let take = size > largest || size != size;
        largest = if take { size } else { largest };
    }
    if largest == T::from_f64(0.0) || !largest.as_f64().is_finite() {
        return largest;
    }
    // A power of two scales exactly; that of the smallest subnormal would be infinite, and less of it is enough.
    let most = if T::EPSILON > 1e-10 { 126 } else { 1022 };
    let scale = T::from_f64(2f64.powi((-(largest.as_f64().log2().floor() as i32)).min(most)));
    let mut sum = T::from_f64(0.0);
    for &x in row {
        let scaled = x * scale;
        sum += scaled * scaled;
    }
    T::from_f64(sum.as_f64().sqrt() / scale.as_f64())
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
                    RowMap::Cumsum => running_sum(row.iter(), out.iter_mut()),
                    RowMap::ReverseCumsum => running_sum(row.iter().rev(), out.iter_mut().rev()),
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
    let max = extreme(row, |a, b| a > b);
    let mut sum = T::from_f64(0.0);
    for (out, &x) in out.iter_mut().zip(row) {
        *out = T::leave(Float::exp((x - max).enter::<M>()));
    }
    for &e in out.iter() {
        sum += e;
    }
    for out in out.iter_mut() {
        *out /= sum;
    }
}

#[inline(always)]
fn log_softmax<T: Element, M: Mode>(row: &[T], out: &mut [T]) {
    let max = extreme(row, |a, b| a > b);
    let log_sum = T::leave(Float::ln(exp_sum::<T, M>(row, max)));
    for (out, &x) in out.iter_mut().zip(row) {
        *out = (x - max) - log_sum;
    }
}

#[inline(always)]
fn running_sum<'a, T: Element>(x: impl Iterator<Item = &'a T>, out: impl Iterator<Item = &'a mut T>) {
    let mut sum = T::from_f64(0.0);
    for (out, &x) in out.zip(x) {
        sum += x;
        *out = sum;
    }
}

/// Mean cross-entropy of labelled rows of logits, in nats: the mean of logsumexp(row) - row[label].
pub(crate) fn cross_entropy<T: Element>(logits: &[T], n: usize, labels: &[usize]) -> T {
    let mut losses = 0.0;
    for (row, &label) in logits.chunks_exact(n).zip(labels) {
        let mut log_sum = [T::from_f64(0.0)];
        reduce_rows(RowReduction::LogSumExp, row, n, &mut log_sum);
        losses += (log_sum[0] - row[label]).as_f64();
    }
    T::from_f64(losses / labels.len() as f64)
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
    let mut blocks = [T::from_f64(0.0); 64];
    let mut sum = T::from_f64(0.0);
    for (x, y) in x.chunks(64).zip(y.chunks(64)) {
        for ((d, &x), &y) in blocks.iter_mut().zip(x).zip(y) {
            *d = (x - y) * (x - y);
        }
        sum += reduce::total(&blocks[..x.len()]);
    }
    sum
}
