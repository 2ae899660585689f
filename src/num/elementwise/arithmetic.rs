//! Arithmetic, absolute value, sign, rounding, the smaller and the larger.

use super::formula::{self, Fence};
use super::{Arguments, Binary, Bond, Formula, Math, Rust, RustFunction, RustPair, Saves, Singular, Unary};
use crate::num::{Float, Number, Upstream};

/// x + y.
#[derive(Clone, Copy, Debug)]
pub struct Add;
impl Binary for Add {
    const NAME: &'static str = "add";
    const SAVES: [Saves; 2] = [Saves::NOTHING, Saves::NOTHING];
    const POINTS: &'static [(f64, f64)] = &[(0.3, -1.2), (2.0, 5.0)];
    #[inline(always)]
    fn value<F: Float>(self, x: F, y: F) -> F {
        x + y
    }
    #[inline(always)]
    fn vjp_x<S: Number>(self, _x: S, _y: S, _out: S, g: Upstream<S>) -> Upstream<S> {
        g
    }
    #[inline(always)]
    fn vjp_y<S: Number>(self, _x: S, _y: S, _out: S, g: Upstream<S>) -> Upstream<S> {
        g
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.sum()
    }
    fn rust(self) -> RustPair {
        RustPair::Sign("+")
    }
}

/// x - y.
#[derive(Clone, Copy, Debug)]
pub struct Sub;
impl Binary for Sub {
    const NAME: &'static str = "sub";
    const SAVES: [Saves; 2] = [Saves::NOTHING, Saves::NOTHING];
    const POINTS: &'static [(f64, f64)] = &[(0.3, -1.2), (2.0, 5.0)];
    #[inline(always)]
    fn value<F: Float>(self, x: F, y: F) -> F {
        x - y
    }
    #[inline(always)]
    fn vjp_x<S: Number>(self, _x: S, _y: S, _out: S, g: Upstream<S>) -> Upstream<S> {
        g
    }
    #[inline(always)]
    fn vjp_y<S: Number>(self, _x: S, _y: S, _out: S, g: Upstream<S>) -> Upstream<S> {
        -g
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.difference()
    }
    fn rust(self) -> RustPair {
        RustPair::Sign("-")
    }
}

/// x y.
#[derive(Clone, Copy, Debug)]
pub struct Mul;
impl Binary for Mul {
    const NAME: &'static str = "mul";
    const SAVES: [Saves; 2] = [Saves::Y, Saves::X];
    const POINTS: &'static [(f64, f64)] = &[(0.3, -1.2), (2.0, 5.0), (0.0, 0.7)];
    const SINGULAR: Singular = Singular::AT_INFINITY;
    #[inline(always)]
    fn value<F: Float>(self, x: F, y: F) -> F {
        x * y
    }
    #[inline(always)]
    fn vjp_x<S: Number>(self, _x: S, y: S, _out: S, g: Upstream<S>) -> Upstream<S> {
        g * y
    }
    #[inline(always)]
    fn vjp_y<S: Number>(self, x: S, _y: S, _out: S, g: Upstream<S>) -> Upstream<S> {
        g * x
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.product()
    }
    fn rust(self) -> RustPair {
        RustPair::Sign("*")
    }
}

/// x / y. The rule for y multiplies the rule for x by the output, so that x / x has derivative exactly 0.
#[derive(Clone, Copy, Debug)]
pub struct Div;
impl Binary for Div {
    const NAME: &'static str = "div";
    const FAR: bool = true;
    const SAVES: [Saves; 2] = [Saves::Y, Saves::Y.and(Saves::OUT)];
    const POINTS: &'static [(f64, f64)] = &[(0.3, -1.2), (2.0, 5.0), (0.0, 0.7)];
    const SINGULAR: Singular = Singular::EVERYWHERE;
    #[inline(always)]
    fn value<F: Float>(self, x: F, y: F) -> F {
        x / y
    }
    #[inline(always)]
    fn vjp_x<S: Number>(self, _x: S, y: S, _out: S, g: Upstream<S>) -> Upstream<S> {
        g / y
    }
    #[inline(always)]
    fn vjp_y<S: Number>(self, _x: S, y: S, out: S, g: Upstream<S>) -> Upstream<S> {
        -(g / y) * out
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.quotient()
    }
    fn rust(self) -> RustPair {
        RustPair::Sign("/")
    }
}

/// -x.
#[derive(Clone, Copy, Debug)]
pub struct Neg;
impl Unary for Neg {
    const NAME: &'static str = "neg";
    const SAVES: Saves = Saves::NOTHING;
    const POINTS: &'static [f64] = &[-1.5, 0.0, 2.0];
    fn is_tame(self) -> bool {
        true
    }
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        -x
    }
    #[inline(always)]
    fn vjp<S: Number>(self, _x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        -g
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        (args.at(0, Bond::Product).negative(), Bond::Sum)
    }
    fn rust(self) -> Rust {
        Rust::Negated
    }
}

/// |x|.
#[derive(Clone, Copy, Debug)]
pub struct Abs;
impl Unary for Abs {
    const NAME: &'static str = "abs";
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-1.5, 0.3, 2.0];
    fn is_tame(self) -> bool {
        true
    }
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x.abs()
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g * x.sign()
    }
    fn piece(self, x: f64) -> i64 {
        sign_of(x)
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        (args.at(0, Bond::Sum).within(Fence::Bars), Bond::Whole)
    }
    fn rust(self) -> Rust {
        Rust::method("abs")
    }
}

/// -1, 0 or 1.
#[derive(Clone, Copy, Debug)]
pub struct Sign;
impl Unary for Sign {
    const NAME: &'static str = "sign";
    const SAVES: Saves = Saves::NOTHING;
    const POINTS: &'static [f64] = &[-1.5, 0.3, 2.0];
    const FLAT: bool = true;
    fn is_tame(self) -> bool {
        true
    }
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        let nonzero = if x > F::lit(0.0) { F::lit(1.0) } else { F::lit(-1.0) };
        if x == F::lit(0.0) || x.is_nan() { x } else { nonzero }
    }
    #[inline(always)]
    fn vjp<S: Number>(self, _x: S, _y: S, _g: Upstream<S>) -> Upstream<S> {
        Upstream::zero()
    }
    fn piece(self, x: f64) -> i64 {
        sign_of(x)
    }
    fn rust(self) -> Rust {
        const FUNCTION: &RustFunction = &RustFunction {
            name: "sign",
            calls: &[],
            text: "/// -1, 0 or 1.
fn sign(x: f64) -> f64 {
    if x > 0.0 {
        1.0
    } else if x < 0.0 {
        -1.0
    } else {
        x
    }
}
",
        };
        Rust::function(FUNCTION)
    }
}

fn sign_of(x: f64) -> i64 {
    (x > 0.0) as i64 - (x < 0.0) as i64
}

macro_rules! rounding {
    ($($(#[$doc:meta])* $Op:ident $name:ident $rust:literal $formula:expr),*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $Op;
        impl Unary for $Op {
            const NAME: &'static str = stringify!($name);
            const SAVES: Saves = Saves::NOTHING;
            const POINTS: &'static [f64] = &[-1.6, 0.3, 2.7];
            const FLAT: bool = true;
            #[inline(always)]
            fn value<F: Float>(self, x: F) -> F {
                x.$name()
            }
            #[inline(always)]
            fn vjp<S: Number>(self, _x: S, _y: S, _g: Upstream<S>) -> Upstream<S> {
                Upstream::zero()
            }
            fn piece(self, x: f64) -> i64 {
                self.value(x) as i64
            }
            fn formula(self, args: &dyn Arguments) -> Formula {
                $formula(args)
            }
            fn rust(self) -> Rust {
                Rust::method($rust)
            }
        }
    )*};
}
rounding! {
    /// Largest integer not above x.
    Floor floor "floor" |args: &dyn Arguments| (args.at(0, Bond::Sum).within(Fence::Floor), Bond::Whole),
    /// Smallest integer not below x.
    Ceil ceil "ceil" |args: &dyn Arguments| (args.at(0, Bond::Sum).within(Fence::Ceil), Bond::Whole),
    /// Nearest integer, ties to even.
    Round round "round_ties_even" |args: &dyn Arguments| args.function(Math::function("round"))
}

/// The larger of the two; NaN if either is.
#[derive(Clone, Copy, Debug)]
pub struct Maximum;
impl Binary for Maximum {
    const NAME: &'static str = "maximum";
    const SAVES: [Saves; 2] = [Saves::X.and(Saves::Y), Saves::X.and(Saves::Y)];
    const POINTS: &'static [(f64, f64)] = &[(0.3, -1.2), (2.0, 5.0)];
    #[inline(always)]
    fn value<F: Float>(self, x: F, y: F) -> F {
        if x > y || x.is_nan() { x } else { y }
    }
    #[inline(always)]
    fn vjp_x<S: Number>(self, x: S, y: S, _out: S, g: Upstream<S>) -> Upstream<S> {
        share(g, x.greater(y), x.equal(y))
    }
    #[inline(always)]
    fn vjp_y<S: Number>(self, x: S, y: S, _out: S, g: Upstream<S>) -> Upstream<S> {
        share(g, y.greater(x), x.equal(y))
    }
    fn piece(self, x: f64, y: f64) -> i64 {
        sign_of(x - y)
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.function(formula::MAX)
    }
    fn rust(self) -> RustPair {
        const FUNCTION: RustFunction =
            RustFunction { name: "maximum", calls: &[], text: include_str!("printed/maximum.rs") };
        RustPair::Function(&FUNCTION)
    }
}

/// The smaller of the two; NaN if either is.
#[derive(Clone, Copy, Debug)]
pub struct Minimum;
impl Binary for Minimum {
    const NAME: &'static str = "minimum";
    const SAVES: [Saves; 2] = [Saves::X.and(Saves::Y), Saves::X.and(Saves::Y)];
    const POINTS: &'static [(f64, f64)] = &[(0.3, -1.2), (2.0, 5.0)];
    #[inline(always)]
    fn value<F: Float>(self, x: F, y: F) -> F {
        if x < y || x.is_nan() { x } else { y }
    }
    #[inline(always)]
    fn vjp_x<S: Number>(self, x: S, y: S, _out: S, g: Upstream<S>) -> Upstream<S> {
        share(g, x.less(y), x.equal(y))
    }
    #[inline(always)]
    fn vjp_y<S: Number>(self, x: S, y: S, _out: S, g: Upstream<S>) -> Upstream<S> {
        share(g, y.less(x), x.equal(y))
    }
    fn piece(self, x: f64, y: f64) -> i64 {
        sign_of(x - y)
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.function(formula::MIN)
    }
    fn rust(self) -> RustPair {
        const FUNCTION: RustFunction =
            RustFunction { name: "minimum", calls: &[], text: include_str!("printed/minimum.rs") };
        RustPair::Function(&FUNCTION)
    }
}

/// The winner's share of the gradient: all of it, or half where the two are equal.
///
/// The loser is gated off, not multiplied by 0: its derivatives may be infinite, and it has none at any order.
#[inline(always)]
fn share<S: Number>(g: Upstream<S>, wins: S, ties: S) -> Upstream<S> {
    g.only_if(wins + ties) * (wins + ties * S::lit(0.5))
}
