//! Kernels of blocks that hold whole rows: a row read by all of them, and the sum of the rows.
//!
//! In compiler terms: instructions for operands that are invariant in the outer loop, and for reductions along it.
//!
//! Both take [`WIDE`] elements at a time, whatever a row's length: what is written beyond a row's end is written again by the
//! next row, or lies in the room behind the last. So a short row is a load and a store, not a call.

use super::{Call, chunk};
use crate::num::Element;
use crate::num::math::Mode;
use crate::num::simd::Routine;
use crate::tensor::kernels::pairwise;

/// How many elements go at once, and so how far beyond their end rows may be read and written.
pub const WIDE: usize = 16;

/// Additions to an accumulator, and to a sum by column, before it is carried ([`pairwise`]).
pub const CARRIED: usize = 64;
/// Levels of the sums by column of one block, whose rows are fewer than 2^LEVELS times as many.
pub const LEVELS: usize = 4;

/// What the kernels take for an op.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowsOp {
    /// The length of a row.
    pub inner: u32,
    /// Whether sums are added to what is there.
    pub add: bool,
}

/// d[row, column] = x[column].
pub(super) struct SpreadRow;
impl<T: Element> Routine<Call<T>> for SpreadRow {
    #[inline(always)]
    unsafe fn run<M: Mode>(call: &Call<T>) {
        // SAFETY: the operands are where `Call` says, each with room for `WIDE` elements behind its last; the op is a `RowsOp`.
        unsafe {
            let inner = call.op::<RowsOp>().inner as usize;
            for k in 0..call.count {
                let [d, x, ..] = *call.operands.add(k);
                let (d, x): (*mut T, *mut T) = (d.of(call.bases), x.of(call.bases));
                let mut row = 0;
                while row < call.lanes {
                    let mut column = 0;
                    while column < inner {
                        let numbers = x.add(column).cast::<[T; WIDE]>().read_unaligned();
                        d.add(row + column).cast::<[T; WIDE]>().write_unaligned(numbers);
                        column += WIDE;
                    }
                    row += inner;
                }
            }
        }
    }
}

/// d[column] = the sum of x[row, column] over the rows, or d[column] and that.
pub(super) struct SumOfRows;
impl<T: Element> Routine<Call<T>> for SumOfRows {
    #[inline(always)]
    unsafe fn run<M: Mode>(call: &Call<T>) {
        // SAFETY: as above.
        unsafe {
            let op = call.op::<RowsOp>();
            let inner = op.inner as usize;
            for k in 0..call.count {
                let [d, x, ..] = *call.operands.add(k);
                let (d, x): (*mut T, *mut T) = (d.of(call.bases), x.of(call.bases));
                let mut column = 0;
                while column < inner {
                    let mut sums = if call.lanes <= CARRIED * inner {
                        added(x, column, call.lanes, inner)
                    } else {
                        carried(x, column, call.lanes, inner)
                    };
                    let out = d.add(column).cast::<[T; WIDE]>();
                    if op.add {
                        let old = out.read_unaligned();
                        for i in 0..WIDE {
                            sums[i] = old[i] + sums[i];
                        }
                    }
                    out.write_unaligned(sums);
                    column += WIDE;
                }
            }
        }
    }
}

/// The sums of elements `at`, `at + inner`, ... before `end`, and of those beside them.
///
/// # Safety
/// They are there.
#[inline(always)]
unsafe fn added<T: Element>(x: *const T, mut at: usize, end: usize, inner: usize) -> [T; WIDE] {
    let mut sums = [T::from_f64(0.0); WIDE];
    while at < end {
        // SAFETY: as the caller promises.
        let row = unsafe { x.add(at).cast::<[T; WIDE]>().read_unaligned() };
        for i in 0..WIDE {
            sums[i] += row[i];
        }
        at += inner;
    }
    sums
}

/// The same of many rows.
///
/// # Safety
/// As for [`added`].
#[inline(always)]
unsafe fn carried<T: Element>(x: *const T, column: usize, end: usize, inner: usize) -> [T; WIDE] {
    let mut levels = [T::from_f64(0.0); WIDE * LEVELS];
    let (step, mut count) = (CARRIED * inner, 0);
    // SAFETY: the caller's.
    unsafe {
        while (count + 1) * step <= end {
            let mut sums = added(x, column + count * step, (count + 1) * step, inner);
            count += 1;
            pairwise::carry(&mut sums, &mut levels, WIDE, 0, count);
        }
        let mut sums = added(x, column + count * step, end, inner);
        pairwise::settle(&mut sums, &levels, WIDE, 0, count);
        sums
    }
}

// A row of sums, which is written to the end of its last `WIDE`, ends within its buffer's last chunk.
const _: () = assert!(chunk::<f64>().is_multiple_of(WIDE) && chunk::<f32>().is_multiple_of(WIDE));
