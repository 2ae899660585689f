//! Products with a factor whose zeros stay zeros: a gradient on its way, which nothing passes where it is 0.
//!
//! Only what is infinite or NaN can tell such a product from the plain one, and leaves NaN there. So the product is computed as any
//! other, and what is NaN is computed again, one element at a time. Where a product is added to what is there, what was there
//! would be lost: then the other factor is looked at before.
//!
//! Cost: a look at each element of the result, or of the factors where those are fewer. Elements are computed again only where the gate has a zero
//! and no NaN of its own: a net whose weights are NaN has NaN gradients, and those pass at once.

use super::Product;
use crate::num::math::Mode;
use crate::num::{Element, all_finite, simd};

/// Runs a product by the kernel that was chosen for it.
///
/// # Safety
/// As for the kernel.
#[inline]
pub(super) unsafe fn run<T: Element>(p: &Product<T>, kernel: unsafe fn(&Product<T>)) {
    // SAFETY: the caller's, here and below.
    unsafe { if p.gates == [false; 2] { kernel(p) } else { run_gated(p, kernel) } }
}

/// # Safety
/// As for [`run`].
unsafe fn run_gated<T: Element>(p: &Product<T>, kernel: unsafe fn(&Product<T>)) {
    // SAFETY: the caller's: all places are inside the matrices.
    unsafe {
        if !p.accumulate {
            kernel(p);
            if !(is_longer_than_its_factors(p) && others_are_finite(p)) {
                mend(p);
            }
            return;
        }
        if others_are_finite(p) {
            return kernel(p);
        }
        let mut product = vec![T::from_f64(0.0); p.m * p.n];
        let apart = Product { c: product.as_mut_ptr(), ldc: p.n, accumulate: false, ..*p };
        kernel(&apart);
        mend(&apart);
        for (i, row) in product.chunks_exact(p.n).enumerate() {
            row.iter().enumerate().for_each(|(j, &x)| *p.c.add(i * p.ldc + j) += x);
        }
    }
}

/// Whether there is less to look at in the factors than in the result, as of a column and a row.
pub(super) fn is_longer_than_its_factors<T>(p: &Product<T>) -> bool {
    p.m * p.n > (p.m + p.n) * p.k
}

/// Whether what a gate is multiplied with is finite, so that the product is the plain one.
///
/// # Safety
/// As for [`run`].
pub(super) unsafe fn others_are_finite<T: Element>(p: &Product<T>) -> bool {
    let a_rows = if p.ta { [p.k, p.m] } else { [p.m, p.k] };
    let b_rows = if p.tb { [p.n, p.k] } else { [p.k, p.n] };
    // SAFETY: the caller's: all places are inside the matrices.
    unsafe { (!p.gates[0] || is_finite(p.b, p.ldb, b_rows)) && (!p.gates[1] || is_finite(p.a, p.lda, a_rows)) }
}

/// Whether the elements of a stored matrix are finite.
///
/// # Safety
/// The rows lie in memory.
unsafe fn is_finite<T: Element>(x: *const T, ld: usize, [rows, columns]: [usize; 2]) -> bool {
    // SAFETY: the caller's.
    (0..rows).all(|i| all_finite(unsafe { std::slice::from_raw_parts(x.add(i * ld), columns) }))
}

#[allow(clippy::eq_op, reason = "NaN is what is not itself; a vector of them is compared at once")]
fn is_nan<T: Element>(x: T) -> bool {
    x != x
}

fn has_nan<T: Element>(x: &[T]) -> bool {
    x.chunks(256).any(|part| part.iter().fold(false, |found, &x| found | is_nan(x)))
}

/// Whether there may be NaN among the elements; an infinity counts. A quick look, for many products at once.
pub(super) fn may_have_nan<T: Element>(x: &[T]) -> bool {
    struct Look<'a, T>(&'a [T]);
    impl<T: Element> simd::Kernel for Look<'_, T> {
        type Output = bool;
        #[inline(always)]
        fn run<M: Mode>(self) -> bool {
            let zero = T::from_f64(0.0);
            let (wide, rest) = self.0.as_chunks::<64>();
            let mut found = [zero; 64];
            for x in wide {
                found.iter_mut().zip(x).for_each(|(found, &x)| *found += x * zero);
            }
            let clean = |x: &T| *x * zero == zero;
            !(found.iter().all(clean) && rest.iter().all(clean))
        }
    }
    simd::dispatch(Look(x))
}

/// # Safety
/// As for [`run`], which has been.
pub(super) unsafe fn mend<T: Element>(p: &Product<T>) {
    for i in 0..p.m {
        // SAFETY: row i of c.
        let row = unsafe { std::slice::from_raw_parts_mut(p.c.add(i * p.ldc), p.n) };
        if has_nan(row) {
            // SAFETY: the caller's.
            unsafe { mend_row(p, i, row) };
        }
    }
}

/// # Safety
/// As for [`run`]; i is a row.
#[cold]
#[inline(never)]
unsafe fn mend_row<T: Element>(p: &Product<T>, i: usize, row: &mut [T]) {
    // SAFETY: the places are those of row i of a.
    let a = |l: usize| unsafe { *p.a.add(if p.ta { l * p.lda + i } else { i * p.lda + l }) };
    // SAFETY: and those of column j of b.
    let b = |l: usize, j: usize| unsafe { *p.b.add(if p.tb { j * p.ldb + l } else { l * p.ldb + j }) };
    let zero = T::from_f64(0.0);
    // Whether a line of a gate may hide anything: it has a zero, and no NaN that would come through all the same.
    let hides = |line: &dyn Fn(usize) -> T| {
        let mut zeros = 0;
        for l in 0..p.k {
            let x = line(l);
            if is_nan(x) {
                return false;
            }
            zeros += usize::from(x == zero);
        }
        zeros > 0
    };
    let by_a = p.gates[0] && hides(&a);
    for (j, out) in row.iter_mut().enumerate().filter(|(_, x)| is_nan(**x)) {
        let hidden = by_a || p.gates[1] && hides(&|l| b(l, j));
        if !hidden {
            continue;
        }
        let term = |l: usize| {
            let (x, y) = (a(l), b(l, j));
            let stopped = p.gates[0] && x == zero || p.gates[1] && y == zero;
            if stopped { 0.0 } else { x.to_f64() * y.to_f64() }
        };
        *out = T::from_f64((0..p.k).map(term).sum());
    }
}
