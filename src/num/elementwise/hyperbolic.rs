//! Hyperbolic functions and their inverses.

use super::trigonometric::one_minus_square;
use super::{Arguments, Formula, Rust, RustFunction, Saves, Singular, Unary, advice, formula};
use crate::num::{Float, Number, Upstream};
use std::f64::consts::LN_2;

/// Hyperbolic sine.
#[derive(Clone, Copy, Debug)]
pub struct Sinh;
impl Unary for Sinh {
    const NAME: &'static str = "sinh";
    const HOT: bool = false;
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
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.function(formula::SINH)
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
    const HOT: bool = false;
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
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.function(formula::COSH)
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
    fn is_tame(self) -> bool {
        true
    }
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
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.function(formula::TANH)
    }
    fn rust(self) -> Rust {
        Rust::method("tanh")
    }
}

/// ln cosh(x).
#[derive(Clone, Copy, Debug)]
pub struct LogCosh;
impl Unary for LogCosh {
    const NAME: &'static str = "log_cosh";
    const HOT: bool = false;
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-3.0, 0.0, 0.3, 25.0];
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        // cosh(x) = 1 + 2 sinh(x/2)^2. From 20 on, e^-2x is nothing beside x - ln 2.
        let (a, far) = (x.abs(), F::lit(20.0));
        let half = if a < far { a * F::lit(0.5) } else { F::lit(0.0) };
        let sine = half.sinh();
        let near = (sine * (sine + sine)).log1p();
        if a < far { near } else { a - F::lit(LN_2) }
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g * x.tanh()
    }
    fn expansion<S: Number>(self, x: S) -> Option<S> {
        Some(x.cosh().ln())
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.logarithm_of(formula::COSH)
    }
    fn rust(self) -> Rust {
        const FUNCTION: &RustFunction = &RustFunction {
            name: "log_cosh",
            calls: &[],
            text: "/// ln cosh(x), where cosh(x) = 1 + 2 sinh(x/2)^2.
fn log_cosh(x: f64) -> f64 {
    let a = x.abs();
    if a < 20.0 { (2.0 * (0.5 * a).sinh().powi(2)).ln_1p() } else { a - std::f64::consts::LN_2 }
}
",
        };
        Rust::function(FUNCTION)
    }
}

/// Inverse hyperbolic sine.
#[derive(Clone, Copy, Debug)]
pub struct Asinh;
impl Unary for Asinh {
    const NAME: &'static str = "asinh";
    const HOT: bool = false;
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
    const HOT: bool = false;
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
    const HOT: bool = false;
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
        g / one_minus_square(x)
    }
    fn rust(self) -> Rust {
        Rust::method("atanh")
    }
}
