//! Multiplication and division of upstream gradients, which keep a zero a zero.
//!
//! Where no gradient arrives, none leaves, be the local derivative infinite or NaN: the convention behind a safe `where`.
//! Their own rules use the same two ops, so that the convention holds at every order.

use super::{Arguments, Binary, BuiltinBinary, Formula, RustFunction, RustPair, Saves, Singular};
use crate::num::{Float, Number, Upstream};

/// g d, and 0 where g = 0, whatever d.
#[derive(Clone, Copy, Debug)]
pub struct Scale;
impl Binary for Scale {
    const NAME: &'static str = "scale";
    const SAVES: [Saves; 2] = [Saves::Y, Saves::X];
    const POINTS: &'static [(f64, f64)] = &[(0.3, -1.2), (2.0, 5.0)];
    const SINGULAR: Singular = Singular::AT_INFINITY;
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
        gate(upstream, g)
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.product()
    }
    fn rust(self) -> RustPair {
        const FUNCTION: RustFunction =
            RustFunction { name: "scale", calls: &[], text: include_str!("printed/scale.rs") };
        RustPair::Guarded { sign: "*", function: &FUNCTION }
    }
}

/// g / d, and 0 where g = 0, whatever d.
#[derive(Clone, Copy, Debug)]
pub struct Over;
impl Binary for Over {
    const NAME: &'static str = "over";
    const FAR: bool = true;
    const SAVES: [Saves; 2] = [Saves::Y, Saves::Y.and(Saves::OUT)];
    const POINTS: &'static [(f64, f64)] = &[(0.3, -1.2), (2.0, 5.0)];
    const SINGULAR: Singular = Singular::EVERYWHERE;
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
        -gate(upstream / d, out)
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.quotient()
    }
    fn rust(self) -> RustPair {
        const FUNCTION: RustFunction = RustFunction { name: "over", calls: &[], text: include_str!("printed/over.rs") };
        RustPair::Guarded { sign: "/", function: &FUNCTION }
    }
}

/// a b, and 0 where either is 0, whatever the other.
///
/// Where g is 0, [`Scale`] and [`Over`] are 0 for every d, so their derivatives by d are 0 even for an infinite upstream
/// gradient; where no upstream gradient arrives they are 0 even for an infinite g.
#[derive(Clone, Copy, Debug)]
pub struct Gate;
impl Binary for Gate {
    const NAME: &'static str = "gate";
    const SAVES: [Saves; 2] = [Saves::Y, Saves::X];
    const POINTS: &'static [(f64, f64)] = &[(0.3, -1.2), (2.0, 5.0)];
    const SINGULAR: Singular = Singular::AT_INFINITY;
    #[inline(always)]
    fn value<F: Float>(self, a: F, b: F) -> F {
        if a == F::lit(0.0) || b == F::lit(0.0) { F::lit(0.0) } else { a * b }
    }
    #[inline(always)]
    fn vjp_x<S: Number>(self, _a: S, b: S, _out: S, upstream: Upstream<S>) -> Upstream<S> {
        gate(upstream, b)
    }
    #[inline(always)]
    fn vjp_y<S: Number>(self, a: S, _b: S, _out: S, upstream: Upstream<S>) -> Upstream<S> {
        gate(upstream, a)
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.product()
    }
    fn rust(self) -> RustPair {
        const FUNCTION: RustFunction = RustFunction { name: "gate", calls: &[], text: include_str!("printed/gate.rs") };
        RustPair::Function(&FUNCTION)
    }
}

/// What such an op is without its convention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plain {
    Product,
    Quotient,
}

/// The same by the code of an op; nothing for others.
#[inline(always)]
pub(crate) const fn plain(code: u8) -> Option<Plain> {
    if code == Scale::CODE || code == Gate::CODE {
        Some(Plain::Product)
    } else if code == Over::CODE {
        Some(Plain::Quotient)
    } else {
        None
    }
}

#[inline(always)]
fn gate<S: Number>(upstream: Upstream<S>, factor: S) -> Upstream<S> {
    Upstream(upstream.0.binary(Gate, factor))
}
