//! Hyperbolic functions and their inverses.

use super::{Latex, Rust, Saves, Singular, Unary, advice};
use crate::num::{Float, Number, Upstream};

/// Hyperbolic sine.
#[derive(Clone, Copy, Debug)]
pub struct Sinh;
impl Unary for Sinh {
    const NAME: &'static str = "sinh";
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-3.0, 0.0, 0.3, 2.0];
    const SINGULAR: Singular = Singular::EVERYWHERE;
    const ADVICE: &'static str = advice::OVERFLOW;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x.sinh()
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g * x.cosh()
    }
    fn latex(self) -> Latex {
        Latex::function("\\sinh")
    }
    fn rust(self) -> Rust {
        Rust::method("sinh")
    }
}

/// Hyperbolic cosine.
#[derive(Clone, Copy, Debug)]
pub struct Cosh;
impl Unary for Cosh {
    const NAME: &'static str = "cosh";
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-3.0, 0.0, 0.3, 2.0];
    const SINGULAR: Singular = Singular::EVERYWHERE;
    const ADVICE: &'static str = advice::OVERFLOW;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x.cosh()
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g * x.sinh()
    }
    fn latex(self) -> Latex {
        Latex::function("\\cosh")
    }
    fn rust(self) -> Rust {
        Rust::method("cosh")
    }
}

/// Hyperbolic tangent.
#[derive(Clone, Copy, Debug)]
pub struct Tanh;
impl Unary for Tanh {
    const NAME: &'static str = "tanh";
    const SAVES: Saves = Saves::OUT;
    const POINTS: &'static [f64] = &[-3.0, 0.0, 0.3, 20.0];
    const TAME: bool = true;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x.tanh()
    }
    #[inline(always)]
    fn vjp<S: Number>(self, _x: S, y: S, g: Upstream<S>) -> Upstream<S> {
        g * (S::lit(1.0) - y * y)
    }
    fn expansion<S: Number>(self, x: S) -> Option<S> {
        Some(x.sinh() / x.cosh())
    }
    fn latex(self) -> Latex {
        Latex::function("\\tanh")
    }
    fn rust(self) -> Rust {
        Rust::method("tanh")
    }
}

/// Inverse hyperbolic sine.
#[derive(Clone, Copy, Debug)]
pub struct Asinh;
impl Unary for Asinh {
    const NAME: &'static str = "asinh";
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-3.0, 0.0, 0.3, 20.0];
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x.asinh()
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g / x.hypot(S::lit(1.0))
    }
    fn rust(self) -> Rust {
        Rust::method("asinh")
    }
}

/// Inverse hyperbolic cosine.
#[derive(Clone, Copy, Debug)]
pub struct Acosh;
impl Unary for Acosh {
    const NAME: &'static str = "acosh";
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[1.2, 3.0, 20.0];
    const SINGULAR: Singular = Singular::EVERYWHERE;
    const ADVICE: &'static str = advice::DOMAIN;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x.acosh()
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g / ((x - S::lit(1.0)).sqrt() * (x + S::lit(1.0)).sqrt())
    }
    fn rust(self) -> Rust {
        Rust::method("acosh")
    }
}

/// Inverse hyperbolic tangent.
#[derive(Clone, Copy, Debug)]
pub struct Atanh;
impl Unary for Atanh {
    const NAME: &'static str = "atanh";
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-0.7, 0.0, 0.3];
    const SINGULAR: Singular = Singular::AT_POINTS;
    const ADVICE: &'static str = advice::DOMAIN;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x.atanh()
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g / ((S::lit(1.0) - x) * (S::lit(1.0) + x))
    }
    fn rust(self) -> Rust {
        Rust::method("atanh")
    }
}
