//! Powers and roots.

use super::formula::Between;
use super::{Arguments, Binary, Bond, Formula, Math, Rust, RustPair, Saves, Singular, Unary, advice};
use crate::num::{Float, Number, Upstream};

/// x^2.
#[derive(Clone, Copy, Debug)]
pub struct Square;
impl Unary for Square {
    const NAME: &'static str = "square";
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-1.5, 0.0, 2.0];
    const SINGULAR: Singular = Singular::EVERYWHERE;
    fn is_tame(self) -> bool {
        true
    }
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x * x
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g * (x + x)
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        (args.power(0, Math::integer(2)), Bond::Whole)
    }
    fn rust(self) -> Rust {
        Rust::Power(2)
    }
}

/// Square root.
#[derive(Clone, Copy, Debug)]
pub struct Sqrt;
impl Unary for Sqrt {
    const NAME: &'static str = "sqrt";
    const SAVES: Saves = Saves::OUT;
    const POINTS: &'static [f64] = &[0.2, 1.0, 7.5];
    const SINGULAR: Singular = Singular::EVERYWHERE;
    const ADVICE: &'static str = advice::STEEP;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x.sqrt()
    }
    #[inline(always)]
    fn vjp<S: Number>(self, _x: S, y: S, g: Upstream<S>) -> Upstream<S> {
        g / (y + y)
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        (args.at(0, Bond::Sum).root(), Bond::Whole)
    }
    fn rust(self) -> Rust {
        Rust::method("sqrt")
    }
}

/// 1 / sqrt(x).
#[derive(Clone, Copy, Debug)]
pub struct Rsqrt;
impl Unary for Rsqrt {
    const NAME: &'static str = "rsqrt";
    const FAR: bool = true;
    const SAVES: Saves = Saves::OUT;
    const POINTS: &'static [f64] = &[0.2, 1.0, 7.5];
    const SINGULAR: Singular = Singular::EVERYWHERE;
    const ADVICE: &'static str = advice::STEEP;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        F::lit(1.0) / x.sqrt()
    }
    #[inline(always)]
    fn vjp<S: Number>(self, _x: S, y: S, g: Upstream<S>) -> Upstream<S> {
        // From one side to the other: what lies between two ordinary numbers is one, and y^3 leaves the range before they do.
        g * S::lit(-0.5) * y * y * y
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        (Math::over(Math::integer(1), args.at(0, Bond::Sum).root()), Bond::Whole)
    }
    fn rust(self) -> Rust {
        Rust::Reciprocal(Some("sqrt"))
    }
}

/// Real cube root.
#[derive(Clone, Copy, Debug)]
pub struct Cbrt;
impl Unary for Cbrt {
    const NAME: &'static str = "cbrt";
    const HOT: bool = false;
    const SAVES: Saves = Saves::OUT;
    const POINTS: &'static [f64] = &[-8.0, 0.2, 7.5];
    const SINGULAR: Singular = Singular::AT_POINTS;
    const ADVICE: &'static str = advice::STEEP;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x.cbrt()
    }
    #[inline(always)]
    fn vjp<S: Number>(self, _x: S, y: S, g: Upstream<S>) -> Upstream<S> {
        g / (y * y * S::lit(3.0))
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        (Math::Root { cube: true, of: Box::new(args.at(0, Bond::Sum)) }, Bond::Whole)
    }
    fn rust(self) -> Rust {
        Rust::method("cbrt")
    }
}

/// 1 / x.
#[derive(Clone, Copy, Debug)]
pub struct Reciprocal;
impl Unary for Reciprocal {
    const NAME: &'static str = "reciprocal";
    const FAR: bool = true;
    const SAVES: Saves = Saves::OUT;
    const POINTS: &'static [f64] = &[-1.5, 0.3, 2.0];
    const SINGULAR: Singular = Singular::AT_POINTS;
    const ADVICE: &'static str = advice::DIVISOR;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        F::lit(1.0) / x
    }
    #[inline(always)]
    fn vjp<S: Number>(self, _x: S, y: S, g: Upstream<S>) -> Upstream<S> {
        // Not by y^2, which leaves the range before the product does.
        -(g * y * y)
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        (Math::over(Math::integer(1), args.at(0, Bond::Sum)), Bond::Whole)
    }
    fn rust(self) -> Rust {
        Rust::Reciprocal(None)
    }
}

/// x^n for an integer n.
#[derive(Clone, Copy, Debug)]
pub struct Powi {
    /// The exponent.
    pub n: i32,
}
impl Unary for Powi {
    const NAME: &'static str = "powi";
    const FAR: bool = true;
    const SAVES: Saves = Saves::X.and(Saves::OUT);
    const POINTS: &'static [f64] = &[-1.5, 0.3, 2.0];
    const SINGULAR: Singular = Singular::EVERYWHERE;
    const ADVICE: &'static str = advice::POWER;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        match self.n {
            -1 => F::lit(1.0) / x,
            0 => F::lit(1.0),
            1 => x,
            2 => x * x,
            3 => x * x * x,
            n => x.powi(n),
        }
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, y: S, g: Upstream<S>) -> Upstream<S> {
        match self.n {
            0 => Upstream::zero(),
            -1 => Reciprocal.vjp(x, y, g),
            // The power below leaves the range before the value does: n y / x.
            ..0 => g * S::lit(self.n as f64) * y / x,
            n => g * (x.powi(n - 1) * S::lit(n as f64)),
        }
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        (args.power(0, Math::integer(self.n)), Bond::Whole)
    }
    fn rust(self) -> Rust {
        Rust::Power(self.n)
    }
    fn is_tame(self) -> bool {
        self.n >= 0
    }
}

/// x^p for a constant p.
#[derive(Clone, Copy, Debug)]
pub struct Powf {
    /// The exponent.
    pub p: f64,
}
impl Unary for Powf {
    const NAME: &'static str = "powf";
    const FAR: bool = true;
    const HOT: bool = false;
    const SAVES: Saves = Saves::X.and(Saves::OUT);
    const POINTS: &'static [f64] = &[0.3, 1.0, 2.0];
    const SINGULAR: Singular = Singular::EVERYWHERE;
    const ADVICE: &'static str = advice::POWER;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x.pow(F::lit(self.p))
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, y: S, g: Upstream<S>) -> Upstream<S> {
        if self.p == 0.0 {
            Upstream::zero()
        } else if self.p < 0.0 {
            // As for integers.
            g * S::lit(self.p) * y / x
        } else {
            g * (x.powf(self.p - 1.0) * S::lit(self.p))
        }
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        (args.power(0, Math::number(self.p)), Bond::Whole)
    }
    fn rust(self) -> Rust {
        Rust::Method("powf", vec![self.p])
    }
}

/// x^y.
#[derive(Clone, Copy, Debug)]
pub struct Pow;
impl Binary for Pow {
    const NAME: &'static str = "pow";
    const FAR: bool = true;
    const SAVES: [Saves; 2] = [Saves::X.and(Saves::Y).and(Saves::OUT), Saves::X.and(Saves::Y).and(Saves::OUT)];
    const POINTS: &'static [(f64, f64)] = &[(0.3, -1.2), (2.0, 2.5), (1.5, 0.7)];
    const SINGULAR: Singular = Singular::EVERYWHERE;
    #[inline(always)]
    fn value<F: Float>(self, x: F, y: F) -> F {
        x.pow(y)
    }
    #[inline(always)]
    fn vjp_x<S: Number>(self, x: S, y: S, out: S, g: Upstream<S>) -> Upstream<S> {
        // y x^(y - 1) as y x^y / x below 1, where the derivative of the power below may leave the range and that of y x^y / x
        // does not; at 0 only the power has a limit.
        let is_low = y.less(S::lit(1.0)) * x.abs().greater(S::lit(0.0));
        let slope = is_low.select(y * out / x, y * x.pow(y - S::lit(1.0)));
        // 0 times x^-1 is 0 by itself but at x = 0 (or NaN). Masked there alone: elsewhere d2/dxdy = 1/x must get through.
        let singular = y.equal(S::lit(0.0)) * x.abs().greater(S::lit(0.0)).equal(S::lit(0.0));
        let by_power = g * singular.select(S::lit(0.0), slope);
        // Below 0, x^(y - 1) leaves the range before the value does. Not from 0 on: g y may be too small for a y beside it.
        Upstream(y.less(S::lit(-1e-3)).select((g * (y * out) / x).0, by_power.0))
    }
    #[inline(always)]
    fn vjp_y<S: Number>(self, x: S, y: S, out: S, g: Upstream<S>) -> Upstream<S> {
        // At x = 0 the limit from the right: x^y ln(x) -> 0 for y > 0; y = 0 follows by convention.
        let vanishes = x.equal(S::lit(0.0)) * y.greater_equal(S::lit(0.0));
        g * vanishes.select(S::lit(0.0), out * x.ln())
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        (args.power(0, args.at(1, Bond::Sum)), Bond::Whole)
    }
    fn rust(self) -> RustPair {
        RustPair::Method("powf")
    }
}

/// sqrt(x^2 + y^2) without overflow in between.
#[derive(Clone, Copy, Debug)]
pub struct Hypot;
impl Binary for Hypot {
    const NAME: &'static str = "hypot";
    const BENDS: bool = true;
    const HOT: bool = false;
    const SAVES: [Saves; 2] = [Saves::X.and(Saves::OUT), Saves::Y.and(Saves::OUT)];
    const POINTS: &'static [(f64, f64)] = &[(0.3, -1.2), (2.0, 2.5), (-1.5, 0.7)];
    const SINGULAR: Singular = Singular::EVERYWHERE;
    #[inline(always)]
    fn value<F: Float>(self, x: F, y: F) -> F {
        x.hypot(y)
    }
    #[inline(always)]
    fn vjp_x<S: Number>(self, x: S, _y: S, out: S, g: Upstream<S>) -> Upstream<S> {
        g.along(x, out)
    }
    #[inline(always)]
    fn vjp_y<S: Number>(self, _x: S, y: S, out: S, g: Upstream<S>) -> Upstream<S> {
        g.along(y, out)
    }
    fn expansion<S: Number>(self, x: S, y: S) -> Option<S> {
        Some((x * x + y * y).sqrt())
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        let [x, y] = [0, 1].map(|i| args.power(i, Math::integer(2)));
        (Math::row(x, Between::Plus, y).root(), Bond::Whole)
    }
}
