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

/// How many elements go at once, and so how far beyond their end rows may be read and written.
pub const WIDE: usize = 16;

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
                    let mut sums = [T::from_f64(0.0); WIDE];
                    let mut at = column;
                    while at < call.lanes {
                        let row = x.add(at).cast::<[T; WIDE]>().read_unaligned();
                        for i in 0..WIDE {
                            sums[i] += row[i];
                        }
                        at += inner;
                    }
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

// A row of sums, which is written to the end of its last `WIDE`, ends within its buffer's last chunk.
const _: () = assert!(chunk::<f64>().is_multiple_of(WIDE) && chunk::<f32>().is_multiple_of(WIDE));
