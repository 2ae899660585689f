//! Multiplication and division of upstream gradients, which keep a zero a zero.
//!
//! Where no gradient arrives, none leaves, be the local derivative infinite or NaN: the convention behind a safe `where`.
//! Their own rules use the same two ops, so that the convention holds at every order.

use super::{Binary, Saves};
use crate::num::{Float, Number, Upstream};

/// g d, and 0 where g = 0, whatever d.
#[derive(Clone, Copy, Debug)]
pub struct Scale;
impl Binary for Scale {
    const NAME: &'static str = "scale";
    const SAVES: [Saves; 2] = [Saves::Y, Saves::X];
    const POINTS: &'static [(f64, f64)] = &[(0.3, -1.2), (2.0, 5.0)];
    #[inline(always)]
    fn value<F: Float>(self, g: F, d: F) -> F {
        if g == F::lit(0.0) { F::lit(0.0) } else { g * d }
    }
    #[inline(always)]
    fn vjp_x<S: Number>(self, _g: S, d: S, _out: S, upstream: Upstream<S>) -> Upstream<S> {
        upstream * d
    }
    #[inline(always)]
    fn vjp_y<S: Number>(self, g: S, _d: S, _out: S, upstream: Upstream<S>) -> Upstream<S> {
        upstream * g
    }
}

/// g / d, and 0 where g = 0, whatever d.
#[derive(Clone, Copy, Debug)]
pub struct Over;
impl Binary for Over {
    const NAME: &'static str = "over";
    const SAVES: [Saves; 2] = [Saves::Y, Saves::Y.and(Saves::OUT)];
    const POINTS: &'static [(f64, f64)] = &[(0.3, -1.2), (2.0, 5.0)];
    #[inline(always)]
    fn value<F: Float>(self, g: F, d: F) -> F {
        if g == F::lit(0.0) { F::lit(0.0) } else { g / d }
    }
    #[inline(always)]
    fn vjp_x<S: Number>(self, _g: S, d: S, _out: S, upstream: Upstream<S>) -> Upstream<S> {
        upstream / d
    }
    #[inline(always)]
    fn vjp_y<S: Number>(self, _g: S, d: S, out: S, upstream: Upstream<S>) -> Upstream<S> {
        // Gated by the output: where g was 0 the quotient is 0 for every d, so its derivative is 0 too.
        -(Upstream(out) * (upstream / d).0)
    }
}
