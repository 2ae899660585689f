//! Sums over any axes, and indices of largest elements.
//!
//! Long sums are pairwise over blocks, so that rounding errors grow with the logarithm of the length.

use crate::num::Element;
use crate::num::math::Mode;
use crate::num::simd::{Kernel, dispatch};
use crate::tensor::shape::AxisMask;
use smallvec::SmallVec;

/// Axes merged into runs that are summed, or kept.
type Runs = SmallVec<[(usize, bool); 4]>;

/// out = the sum of x over the axes of the mask.
pub(crate) fn sum<T: Element>(x: &[T], dims: &[usize], axes: AxisMask, out: &mut [T]) {
    out.fill(T::from_f64(0.0));
    let mut runs: Runs = SmallVec::new();
    for (axis, &n) in dims.iter().enumerate().filter(|&(_, &n)| n != 1) {
        match runs.last_mut() {
            Some(run) if run.1 == axes.contains(axis) => run.0 *= n,
            _ => runs.push((n, axes.contains(axis))),
        }
    }
    add_runs(&runs, x, out);
}

fn add_runs<T: Element>(runs: &[(usize, bool)], x: &[T], out: &mut [T]) {
    if x.is_empty() {
        return;
    }
    match *runs {
        [] => out[0] += x[0],
        [(_, true)] => out[0] += dispatch(SumRows { x, n: x.len(), out: &mut [] }),
        [(n, false)] => add_rows(x, n, out),
        [(_, false), (n, true)] => _ = dispatch(SumRows { x, n, out }),
        [(_, true), (n, false)] => add_rows(x, n, out),
        [(n, summed), ref rest @ ..] => {
            for (i, block) in x.chunks_exact(x.len() / n).enumerate() {
                let size = if summed { out.len() } else { out.len() / n };
                let start = if summed { 0 } else { i * size };
                add_runs(rest, block, &mut out[start..start + size]);
            }
        }
    }
}

/// out = the sum of the rows of its length.
pub(crate) fn sum_rows<T: Element>(x: &[T], out: &mut [T]) {
    out.fill(T::from_f64(0.0));
    if !out.is_empty() {
        add_rows(x, out.len(), out);
    }
}

/// Adds every row of length n to out.
fn add_rows<T: Element>(x: &[T], n: usize, out: &mut [T]) {
    struct Loop<'a, T>(&'a [T], usize, &'a mut [T]);
    impl<T: Element> Kernel for Loop<'_, T> {
        type Output = ();
        #[inline(always)]
        fn run<M: Mode>(self) {
            let Loop(x, n, out) = self;
            for row in x.chunks_exact(n) {
                for (out, &x) in out.iter_mut().zip(row) {
                    *out += x;
                }
            }
        }
    }
    dispatch(Loop(x, n, out));
}

/// Adds the sum of each row to its output; without outputs, returns the sum of all.
struct SumRows<'a, T> {
    x: &'a [T],
    n: usize,
    out: &'a mut [T],
}

impl<T: Element> Kernel for SumRows<'_, T> {
    type Output = T;
    #[inline(always)]
    fn run<M: Mode>(self) -> T {
        if self.out.is_empty() {
            return pairwise(self.x);
        }
        for (out, row) in self.out.iter_mut().zip(self.x.chunks_exact(self.n)) {
            *out += pairwise(row);
        }
        T::from_f64(0.0)
    }
}

const LANES: usize = 16;
const BLOCK: usize = 1024;

/// The sum of all elements.
pub(crate) fn total<T: Element>(x: &[T]) -> T {
    dispatch(SumRows { x, n: x.len(), out: &mut [] })
}

#[inline(always)]
fn pairwise<T: Element>(x: &[T]) -> T {
    if x.len() <= BLOCK {
        return block_sum(x);
    }
    // A stack of partial sums, merged like carries of a binary counter.
    let mut stack = [T::from_f64(0.0); 64];
    let mut depth = 0;
    for (i, block) in x.chunks(BLOCK).enumerate() {
        let mut sum = block_sum(block);
        let mut count = i + 1;
        while count % 2 == 0 {
            depth -= 1;
            sum = stack[depth] + sum;
            count /= 2;
        }
        stack[depth] = sum;
        depth += 1;
    }
    stack[..depth].iter().rev().fold(T::from_f64(0.0), |sum, &part| part + sum)
}

#[inline(always)]
fn block_sum<T: Element>(x: &[T]) -> T {
    let mut lanes = [T::from_f64(0.0); LANES];
    let mut chunks = x.chunks_exact(LANES);
    for chunk in &mut chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane += x;
        }
    }
    let mut sum = T::from_f64(0.0);
    for &x in chunks.remainder() {
        sum += x;
    }
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] += lanes[i + width];
        }
        width /= 2;
    }
    lanes[0] + sum
}

/// The index of the largest element, the first of equals; NaN counts as largest.
pub(crate) fn argmax<T: Element>(x: &[T]) -> usize {
    let mut best = 0;
    for (i, &value) in x.iter().enumerate() {
        if value > x[best] || (value.as_f64().is_nan() && !x[best].as_f64().is_nan()) {
            best = i;
        }
    }
    best
}
