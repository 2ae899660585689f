//! Sums over any axes, and indices of largest elements.
//!
//! Every long sum is one of blocks, added two by two ([`pairwise`](super::pairwise)), so that rounding errors grow with the logarithm
//! of the length: the largest of 10^8 numbers are some units in the last place. A block is at most 32 additions deep. Columns go
//! down all rows a tile at a time, and short rows are taken together, as many as fill the vectors.

use super::chunks::rows::CARRIED;
use super::pairwise::{self, Counter};
use crate::num::Element;
use crate::num::math::Mode;
use crate::num::simd::{Kernel, dispatch};
use crate::tensor::shape::AxisMask;
use smallvec::SmallVec;
use std::mem::MaybeUninit;

/// Axes merged into runs that are summed, or kept.
type Runs = SmallVec<[(usize, bool); 4]>;

/// out = the sum of x over the axes of the mask.
pub(crate) fn sum<T: Element>(x: &[T], dims: &[usize], axes: AxisMask, out: &mut [T]) {
    let mut runs: Runs = SmallVec::new();
    for (axis, &n) in dims.iter().enumerate().filter(|&(_, &n)| n != 1) {
        match runs.last_mut() {
            Some(run) if run.1 == axes.contains(axis) => run.0 *= n,
            _ => runs.push((n, axes.contains(axis))),
        }
    }
    if x.is_empty() {
        return out.fill(T::from_f64(0.0));
    }
    sum_runs(&mut runs, x, out);
}

/// Sums the last run that is to be summed, then those before it.
fn sum_runs<T: Element>(runs: &mut Runs, x: &[T], out: &mut [T]) {
    let kept = match runs.last() {
        None => 1,
        Some(&(_, true)) => 1,
        Some(&(n, false)) => {
            runs.pop();
            n
        }
    };
    let Some((n, _)) = runs.pop() else { return out.copy_from_slice(x) };
    let mut part: Vec<T> = Vec::new();
    let left = x.len() / n;
    let is_last = !runs.iter().any(|run| run.1);
    let to = if is_last {
        &mut *out
    } else {
        part.resize(left, T::from_f64(0.0));
        &mut part[..]
    };
    if kept == 1 {
        dispatch(SumRows { x, n, out: to });
    } else {
        dispatch(SumStacks { x, size: n * kept, kept, out: to });
    }
    if !is_last {
        // What is kept here belongs to the kept run before it.
        if let Some(run) = runs.last_mut() {
            run.0 *= kept;
        }
        sum_runs(runs, &part, out);
    }
}

/// out = the sum of the rows of its length.
pub(crate) fn sum_rows<T: Element>(x: &[T], out: &mut [T]) {
    if x.is_empty() {
        out.fill(T::from_f64(0.0));
    } else {
        dispatch(SumColumns { x, out });
    }
}

/// out[i] = the sum of row i.
struct SumRows<'a, T> {
    x: &'a [T],
    n: usize,
    out: &'a mut [T],
}

impl<T: Element> Kernel for SumRows<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<M: Mode>(self) {
        for (out, row) in self.out.iter_mut().zip(self.x.chunks_exact(self.n)) {
            *out = sum_row(row);
        }
    }
}

const LANES: usize = 16;
const BLOCK: usize = 1024;

/// The sum of all elements.
pub(crate) fn total<T: Element>(x: &[T]) -> T {
    struct Total<'a, T>(&'a [T]);
    impl<T: Element> Kernel for Total<'_, T> {
        type Output = T;
        #[inline(always)]
        fn run<M: Mode>(self) -> T {
            sum_row(self.0)
        }
    }
    dispatch(Total(x))
}

#[inline(always)]
pub(crate) fn sum_row<T: Element>(x: &[T]) -> T {
    if x.len() <= BLOCK {
        return block_sum(x);
    }
    let mut counter = Counter::new();
    for block in x.chunks(BLOCK) {
        counter.push(block_sum(block));
    }
    counter.total()
}

/// The sum of a block: in lanes side by side, which are then folded.
#[inline(always)]
pub(crate) fn block_sum<T: Element>(x: &[T]) -> T {
    let mut sum = T::from_f64(0.0);
    let (wide, rest) = x.as_chunks::<{ 2 * LANES }>();
    let (narrow, rest) = rest.as_chunks::<LANES>();
    for &x in rest {
        sum += x;
    }
    if x.len() < LANES {
        return sum;
    }
    let mut lanes = [T::from_f64(0.0); 2 * LANES];
    for chunk in wide {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane += x;
        }
    }
    for chunk in narrow {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane += x;
        }
    }
    let mut width = LANES;
    while width > 0 {
        for i in 0..width {
            lanes[i] += lanes[i + width];
        }
        width /= 2;
    }
    lanes[0] + sum
}

/// What is to be added, some at a time: computed into a buffer, where the loop over it is a vector's, and summed from there.
pub(crate) trait Terms<T> {
    /// How many there are.
    fn len(&self) -> usize;
    /// Those from the first on.
    fn fill<M: Mode>(&self, first: usize, out: &mut [T]);
}

/// Terms of a block.
pub(crate) const TERMS: usize = 256;

/// The sum of all terms, through a buffer of [`TERMS`].
#[inline(always)]
pub(crate) fn sum_terms<T: Element, M: Mode>(terms: impl Terms<T>, buffer: &mut [T; TERMS]) -> T {
    let n = terms.len();
    if n <= TERMS {
        let block = &mut buffer[..n];
        terms.fill::<M>(0, block);
        return block_sum(block);
    }
    let mut counter = Counter::new();
    let mut first = 0;
    while first < n {
        let block = &mut buffer[..TERMS.min(n - first)];
        terms.fill::<M>(first, block);
        counter.push(block_sum(block));
        first += TERMS;
    }
    counter.total()
}

/// Rows of a block, which are added four at a time, and so 32 deep.
const ROWS: usize = 128;
/// Numbers in the levels of the columns that go through all rows together: they stay in the second-level cache.
const TILE: usize = 8192;
/// Short rows are taken together up to so many elements.
const TOGETHER: usize = 128;

/// Rows of so few numbers are summed a vector of columns at a time.
const NARROW: usize = 256;

/// out = the sum of the rows of its length.
struct SumColumns<'a, T> {
    x: &'a [T],
    out: &'a mut [T],
}

impl<T: Element> Kernel for SumColumns<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<M: Mode>(self) {
        let Self { x, out } = self;
        let n = out.len();
        let rows = x.len() / n;
        if rows <= CARRIED {
            return sum_few(x, n, 0, out);
        }
        let together = if 2 * n > TOGETHER { 1 } else { 1 << (TOGETHER / n).ilog2() };
        let whole = rows / together * together;
        if together == 1 || whole < 2 * together {
            return sum_tiles(x, out);
        }
        let mut parts = [T::from_f64(0.0); TOGETHER];
        let mut width = together * n;
        let (x, rest) = x.split_at(whole * n);
        sum_tiles(x, &mut parts[..width]);
        while width > n {
            width /= 2;
            for i in 0..width {
                parts[i] += parts[i + width];
            }
        }
        if rest.is_empty() {
            out.copy_from_slice(&parts[..n]);
        } else {
            sum_block(rest, n, 0, out);
            out.iter_mut().zip(&parts).for_each(|(out, &part)| *out = part + *out);
        }
    }
}

/// The sums of rows of many matrices of this size, one after another.
struct SumStacks<'a, T> {
    x: &'a [T],
    size: usize,
    kept: usize,
    out: &'a mut [T],
}

impl<T: Element> Kernel for SumStacks<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<M: Mode>(self) {
        let Self { x, size, kept, out } = self;
        for (x, out) in x.chunks_exact(size).zip(out.chunks_exact_mut(kept)) {
            SumColumns { x, out }.run::<M>();
        }
    }
}

#[inline(always)]
fn sum_tiles<T: Element>(x: &[T], out: &mut [T]) {
    let n = out.len();
    if x.len() <= ROWS * n {
        return sum_block(x, n, 0, out);
    }
    // Above 2^31 rows blocks are longer.
    let rows = ROWS.max((x.len() / n).div_ceil(1 << 24));
    let depth = pairwise::levels(x.len().div_ceil(rows * n));
    let tile = TILE / depth;
    for (k, out) in out.chunks_mut(tile).enumerate() {
        sum_tile(x, [rows, n], k * tile, out);
    }
}

/// out = the sums of the columns from `from` on, by blocks of rows.
#[inline(always)]
fn sum_tile<T: Element>(x: &[T], [rows, n]: [usize; 2], from: usize, out: &mut [T]) {
    // On the stack, and only what is used of it is touched: a warm training step allocates nothing.
    let mut levels = [const { MaybeUninit::<T>::uninit() }; TILE];
    let width = out.len();
    let used = &mut levels[..pairwise::levels(x.len().div_ceil(rows * n)) * width];
    used.fill(MaybeUninit::new(T::from_f64(0.0)));
    // SAFETY: just written.
    let levels = unsafe { &mut *(std::ptr::from_mut(used) as *mut [T]) };
    let mut count = 0;
    for block in x.chunks(rows * n) {
        sum_block(block, n, from, out);
        count += 1;
        pairwise::carry(out, levels, width, 0, count);
    }
    pairwise::settle(out, levels, width, 0, count);
}

/// out = the sums of the columns from `from` on, of a few rows.
#[inline(always)]
fn sum_block<T: Element>(x: &[T], n: usize, from: usize, out: &mut [T]) {
    out.fill(T::from_f64(0.0));
    let mut fours = x.chunks_exact(4 * n);
    for four in &mut fours {
        let four = &four[from..];
        add_four(out, four, &four[n..], &four[2 * n..], &four[3 * n..]);
    }
    add_few(fours.remainder(), n, from, out);
}

/// The same one after another: with so few rows programs add in this order too.
#[inline(always)]
fn sum_few<T: Element>(x: &[T], n: usize, from: usize, out: &mut [T]) {
    if n > NARROW {
        out.fill(T::from_f64(0.0));
        return add_few(x, n, from, out);
    }
    // A vector of columns at a time, whose sums stay in registers.
    let (wide, rest) = out.as_chunks_mut::<LANES>();
    let columns = wide.len() * LANES;
    for (k, out) in wide.iter_mut().enumerate() {
        let mut sums = [T::from_f64(0.0); LANES];
        for x in x.chunks_exact(n) {
            let x: &[T; LANES] = x[from + k * LANES..].first_chunk().expect("a row has all columns");
            sums.iter_mut().zip(x).for_each(|(sum, &x)| *sum += x);
        }
        *out = sums;
    }
    if !rest.is_empty() {
        rest.fill(T::from_f64(0.0));
        add_few(x, n, from + columns, rest);
    }
}

#[inline(always)]
fn add_few<T: Element>(x: &[T], n: usize, from: usize, out: &mut [T]) {
    for x in x.chunks_exact(n) {
        for (out, &x) in out.iter_mut().zip(&x[from..]) {
            *out += x;
        }
    }
}

/// Adds four rows. That they do not overlap with the sums is seen by arguments alone, without a look at run time.
#[inline(always)]
fn add_four<T: Element>(out: &mut [T], a: &[T], b: &[T], c: &[T], d: &[T]) {
    let n = out.len();
    let (a, b, c, d) = (&a[..n], &b[..n], &c[..n], &d[..n]);
    for i in 0..n {
        out[i] += (a[i] + b[i]) + (c[i] + d[i]);
    }
}

/// The index of the largest element, the first of equals; NaN counts as largest.
pub(crate) fn argmax<T: Element>(x: &[T]) -> usize {
    let mut best = 0;
    for (i, &value) in x.iter().enumerate() {
        if value > x[best] || (value.to_f64().is_nan() && !x[best].to_f64().is_nan()) {
            best = i;
        }
    }
    best
}
