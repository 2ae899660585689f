//! Exponentials and logarithms.

use super::formula::{self, Between};
use super::{Arguments, Binary, Bond, Formula, Math, Rust, RustFunction, RustPair, Saves, Singular, Unary, advice};
use crate::num::{Float, Number, Upstream};
use std::f64::consts::{LN_2, LN_10};

/// e^x.
#[derive(Clone, Copy, Debug)]
pub struct Exp;
impl Unary for Exp {
    const NAME: &'static str = "exp";
    const SAVES: Saves = Saves::OUT;
    const POINTS: &'static [f64] = &[-3.0, 0.0, 0.3, 2.0];
    const SINGULAR: Singular = Singular::EVERYWHERE;
    const ADVICE: &'static str = advice::OVERFLOW;
    fn is_tame(self) -> bool {
        true
    }
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x.exp()
    }
    #[inline(always)]
    fn vjp<S: Number>(self, _x: S, y: S, g: Upstream<S>) -> Upstream<S> {
        g * y
    }
    #[inline(always)]
    fn log_vjp<S: Number>(self, _x: S, g: Upstream<S>) -> Option<Upstream<S>> {
        Some(g)
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        (Math::Letter('e').above(args.at(0, Bond::Sum)), Bond::Whole)
    }
    fn rust(self) -> Rust {
        Rust::method("exp")
    }
}

/// 2^x.
#[derive(Clone, Copy, Debug)]
pub struct Exp2;
impl Unary for Exp2 {
    const NAME: &'static str = "exp2";
    const HOT: bool = false;
    const SAVES: Saves = Saves::OUT;
    const POINTS: &'static [f64] = &[-3.0, 0.0, 0.3, 2.0];
    const SINGULAR: Singular = Singular::EVERYWHERE;
    const ADVICE: &'static str = advice::OVERFLOW;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x.exp2()
    }
    #[inline(always)]
    fn vjp<S: Number>(self, _x: S, y: S, g: Upstream<S>) -> Upstream<S> {
        g * (y * S::lit(LN_2))
    }
    #[inline(always)]
    fn log_vjp<S: Number>(self, _x: S, g: Upstream<S>) -> Option<Upstream<S>> {
        Some(g * S::lit(LN_2))
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        (Math::integer(2).above(args.at(0, Bond::Sum)), Bond::Whole)
    }
    fn rust(self) -> Rust {
        Rust::method("exp2")
    }
}

/// e^x - 1.
#[derive(Clone, Copy, Debug)]
pub struct Expm1;
impl Unary for Expm1 {
    const NAME: &'static str = "expm1";
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-3.0, 0.0, 0.3, 2.0];
    const SINGULAR: Singular = Singular::EVERYWHERE;
    const ADVICE: &'static str = advice::OVERFLOW;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x.expm1()
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        // Not y + 1, which is 0 from where y is -1.
        g * x.exp()
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        let power = Math::Letter('e').above(args.at(0, Bond::Sum));
        (Math::row(power, Between::Minus, Math::integer(1)), Bond::Sum)
    }
    fn rust(self) -> Rust {
        Rust::method("exp_m1")
    }
}

/// Natural logarithm.
#[derive(Clone, Copy, Debug)]
pub struct Ln;
impl Unary for Ln {
    const NAME: &'static str = "ln";
    const LOGARITHM: Option<f64> = Some(1.0);
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[0.2, 1.0, 7.5];
    const SINGULAR: Singular = Singular::AT_POINTS;
    const ADVICE: &'static str = advice::POSITIVE;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x.ln()
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g / x
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.prefixed(formula::LN)
    }
    fn rust(self) -> Rust {
        Rust::method("ln")
    }
}

/// Logarithm to base 2.
#[derive(Clone, Copy, Debug)]
pub struct Log2;
impl Unary for Log2 {
    const NAME: &'static str = "log2";
    const LOGARITHM: Option<f64> = Some(1.0 / LN_2);
    const HOT: bool = false;
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[0.2, 1.0, 7.5];
    const SINGULAR: Singular = Singular::AT_POINTS;
    const ADVICE: &'static str = advice::POSITIVE;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x.log2()
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g / x * S::lit(1.0 / LN_2)
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.prefixed(formula::LOG.below(Math::integer(2)))
    }
    fn rust(self) -> Rust {
        Rust::method("log2")
    }
}

/// Logarithm to base 10.
#[derive(Clone, Copy, Debug)]
pub struct Log10;
impl Unary for Log10 {
    const NAME: &'static str = "log10";
    const LOGARITHM: Option<f64> = Some(1.0 / LN_10);
    const HOT: bool = false;
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[0.2, 1.0, 7.5];
    const SINGULAR: Singular = Singular::AT_POINTS;
    const ADVICE: &'static str = advice::POSITIVE;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x.log10()
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g / x * S::lit(1.0 / LN_10)
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.prefixed(formula::LOG.below(Math::integer(10)))
    }
    fn rust(self) -> Rust {
        Rust::method("log10")
    }
}

/// ln(1 + x).
#[derive(Clone, Copy, Debug)]
pub struct Log1p;
impl Unary for Log1p {
    const NAME: &'static str = "log1p";
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-0.5, 0.0, 0.3, 6.0];
    const SINGULAR: Singular = Singular::AT_POINTS;
    const ADVICE: &'static str = advice::POSITIVE;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x.log1p()
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g / (x + S::lit(1.0))
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        let sum = Math::row(Math::integer(1), Between::Plus, args.at(0, Bond::Product));
        (formula::LN.call(sum), Bond::Product)
    }
    fn rust(self) -> Rust {
        Rust::method("ln_1p")
    }
}

/// ln(e^x + e^y), stable; -inf where both are.
#[derive(Clone, Copy, Debug)]
pub struct Logaddexp;
impl Binary for Logaddexp {
    const NAME: &'static str = "logaddexp";
    const HOT: bool = false;
    const SAVES: [Saves; 2] = [Saves::X.and(Saves::Y), Saves::X.and(Saves::Y)];
    const POINTS: &'static [(f64, f64)] = &[(0.3, -1.2), (2.0, 2.0), (-40.0, 3.0)];
    const SINGULAR: Singular = Singular::AT_INFINITY;
    #[inline(always)]
    fn value<F: Float>(self, x: F, y: F) -> F {
        let (small, large) = if x > y { (y, x) } else { (x, y) };
        let sum = large + (small - large).exp().log1p();
        // Equal infinities have no difference.
        if x == y { x + F::lit(LN_2) } else { sum }
    }
    #[inline(always)]
    fn vjp_x<S: Number>(self, x: S, y: S, _out: S, g: Upstream<S>) -> Upstream<S> {
        g * softmax_of_two(x, y)
    }
    #[inline(always)]
    fn vjp_y<S: Number>(self, x: S, y: S, _out: S, g: Upstream<S>) -> Upstream<S> {
        g * softmax_of_two(y, x)
    }
    fn expansion<S: Number>(self, x: S, y: S) -> Option<S> {
        Some((x.exp() + y.exp()).ln())
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        let [x, y] = [0, 1].map(|i| Math::Letter('e').above(args.at(i, Bond::Sum)));
        (formula::LN.call(Math::row(x, Between::Plus, y)), Bond::Product)
    }
    fn rust(self) -> RustPair {
        const FUNCTION: RustFunction =
            RustFunction { name: "logaddexp", calls: &[], text: include_str!("printed/logaddexp.rs") };
        RustPair::Function(&FUNCTION)
    }
}

/// e^a / (e^a + e^b), and 0 where both are -inf: the logsumexp of nothing has gradient 0.
#[inline(always)]
fn softmax_of_two<S: Number>(a: S, b: S) -> S {
    let both_empty = a.maximum(b).equal(S::lit(f64::NEG_INFINITY));
    both_empty.select(S::lit(0.0), (a - b).sigmoid())
}

/// x ln(y), and 0 where x = 0.
#[derive(Clone, Copy, Debug)]
pub struct Xlogy;
impl Binary for Xlogy {
    const NAME: &'static str = "xlogy";
    const FAR: bool = true;
    const HOT: bool = false;
    const SAVES: [Saves; 2] = [Saves::X.and(Saves::Y), Saves::X.and(Saves::Y)];
    const POINTS: &'static [(f64, f64)] = &[(0.3, 1.2), (2.0, 0.4), (-1.0, 3.0)];
    const SINGULAR: Singular = Singular::EVERYWHERE;
    #[inline(always)]
    fn value<F: Float>(self, x: F, y: F) -> F {
        let product = x * y.ln();
        if x == F::lit(0.0) && !y.is_nan() { F::lit(0.0) } else { product }
    }
    #[inline(always)]
    fn vjp_x<S: Number>(self, x: S, y: S, _out: S, g: Upstream<S>) -> Upstream<S> {
        let at_origin = x.equal(S::lit(0.0)) * y.equal(S::lit(0.0));
        // There sqrt(y) is the 0 that is chosen, and has a derivative as infinite as 1 / y: the one that the other rule has by x.
        g * at_origin.select(y.sqrt(), y.ln())
    }
    #[inline(always)]
    fn vjp_y<S: Number>(self, x: S, y: S, _out: S, g: Upstream<S>) -> Upstream<S> {
        // g x leaves the range where both are small. Where x / y does, it may still be a number; and 0 over 0 is 0 by g x.
        let ratio = (Upstream(x) / y).0;
        let is_number = ratio.abs().less(S::lit(f64::INFINITY)) * ratio.not_equal(S::lit(0.0));
        Upstream(is_number.select((g * ratio).0, (g * x / y).0))
    }
    fn expansion<S: Number>(self, x: S, y: S) -> Option<S> {
        Some(x.equal(S::lit(0.0)).select(S::lit(0.0), x * y.ln()))
    }
    fn rust(self) -> RustPair {
        const FUNCTION: RustFunction =
            RustFunction { name: "xlogy", calls: &[], text: include_str!("printed/xlogy.rs") };
        RustPair::Function(&FUNCTION)
    }
}
