//! Derivatives that leave the range, where their product with an adjoint does not: d ln(1/x) = -x (1/x^2) dx, of x = 1e-200.
//!
//! A rule multiplies its upstream gradient first and goes from there to the result, so that with a small one in place of 1 it gives a
//! number: the derivative times a power of two. The rest of it goes to a node of its own, a copy of the parent that is read in the
//! parent's place. Backward the adjoint meets the one and then the other, and never the whole. Only ops that say so
//! ([`Unary::FAR`](crate::Unary::FAR)) are looked at, which costs two comparisons.

use super::{COPY, LIMIT, ScalarLane, pack};
use crate::num::Element;

/// The smallest normal number and the largest.
fn range<T: Element>() -> [f64; 2] {
    if T::EPSILON > 1e-10 { [f32::MIN_POSITIVE as f64, f32::MAX as f64] } else { [f64::MIN_POSITIVE, f64::MAX] }
}

/// Whether a number is no ordinary one: 0, subnormal, infinite, NaN.
#[inline(always)]
pub(super) fn is_far<T: Element>(x: T) -> bool {
    let (size, [least, most]) = (x.as_f64().abs(), range::<T>());
    !(least <= size && size <= most)
}

impl<T: Element> ScalarLane<T> {
    /// From here on nodes are for a program, which has their ops and no use for what is kept of derivatives.
    pub fn leave_partials_whole(&self) {
        self.without_partials.set(true);
    }

    /// The first factor of a derivative that is none by itself, and the node that has the second; both as they are where there are
    /// no such factors. `rule` gives the derivative times a number.
    ///
    /// # Safety
    /// The parent is a node of this lane.
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(super) unsafe fn factored(&self, partial: T, parent: u32, rule: impl Fn(T) -> T) -> (T, u32) {
        let whole = (partial, parent);
        if partial.as_f64().is_nan() || self.without_partials.get() {
            return whole;
        }
        let sign = if partial.as_f64().is_infinite() { -1.0 } else { 1.0 };
        let powers: [f64; 2] = if T::EPSILON > 1e-10 { [64.0, 120.0] } else { [512.0, 1000.0] };
        for power in powers {
            let scale = (sign * power).exp2();
            let first = rule(T::from_f64(scale));
            if !is_far(first) {
                let second = T::from_f64(scale.recip());
                // SAFETY: the caller's.
                return (first, unsafe { self.push(second, T::from_f64(0.0), pack(COPY, parent, LIMIT)) });
            }
        }
        whole
    }
}
