//! Derivatives that leave the range, where their product with an adjoint does not: d ln(1/x) = -x (1/x^2) dx, of x = 1e-200.
//!
//! A rule multiplies its upstream gradient first and goes from there to the result, so that with a small one in place of 1 it gives a
//! number. A lane that has recorded such an op is swept by the rules, and not by the derivatives that its nodes keep
//! (`sweep/careful.rs`). Only ops that say so ([`Unary::FAR`](crate::Unary::FAR)) are looked at, which costs two comparisons.

use super::ScalarLane;
use crate::num::Element;

/// The smallest normal number and the largest.
fn range<T: Element>() -> [f64; 2] {
    if T::EPSILON > 1e-10 { [f32::MIN_POSITIVE as f64, f32::MAX as f64] } else { [f64::MIN_POSITIVE, f64::MAX] }
}

/// Whether a number is no ordinary one: 0, subnormal, infinite, NaN.
#[inline(always)]
pub(crate) fn is_far<T: Element>(x: T) -> bool {
    let (size, [least, most]) = (x.to_f64().abs(), range::<T>());
    !(least <= size && size <= most)
}

impl<T: Element> ScalarLane<T> {
    /// Whether the derivatives that nodes keep do not do.
    pub fn has_far(&self) -> bool {
        self.has_far.get()
    }

    /// Notes a derivative that is no ordinary number, if it is one times a power of two: `rule` gives it times a number.
    #[cold]
    #[inline(never)]
    pub(super) fn note_far(&self, partial: T, rule: impl Fn(T) -> T) {
        if partial.to_f64().is_nan() {
            return;
        }
        let sign = if partial.to_f64().is_infinite() { -1.0 } else { 1.0 };
        let powers: [f64; 2] = if T::EPSILON > 1e-10 { [64.0, 120.0] } else { [512.0, 1000.0] };
        if powers.iter().any(|power| !is_far(rule(T::from_f64((sign * power).exp2())))) {
            self.has_far.set(true);
        }
    }
}
