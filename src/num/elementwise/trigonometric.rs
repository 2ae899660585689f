//! Circular functions and their inverses; angles in radians.

use super::formula::{self, Fence};
use super::{Arguments, Binary, Formula, Math, Rust, Saves, Singular, Unary, advice};
use crate::num::{Float, Number, Upstream};
use std::f64::consts::PI;

/// Sine.
#[derive(Clone, Copy, Debug)]
pub struct Sin;
impl Unary for Sin {
    const NAME: &'static str = "sin";
    const CIRCULAR: bool = true;
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-3.0, 0.0, 0.3, 10.0];
    const SINGULAR: Singular = Singular::AT_INFINITY;
    fn is_tame(self) -> bool {
        true
    }
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x.sin()
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g * x.cos()
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.function(formula::SIN)
    }
    fn rust(self) -> Rust {
        Rust::method("sin")
    }
}

/// Cosine.
#[derive(Clone, Copy, Debug)]
pub struct Cos;
impl Unary for Cos {
    const NAME: &'static str = "cos";
    const CIRCULAR: bool = true;
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-3.0, 0.0, 0.3, 10.0];
    const SINGULAR: Singular = Singular::AT_INFINITY;
    fn is_tame(self) -> bool {
        true
    }
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x.cos()
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        -(g * x.sin())
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.function(formula::COS)
    }
    fn rust(self) -> Rust {
        Rust::method("cos")
    }
}

/// Tangent.
#[derive(Clone, Copy, Debug)]
pub struct Tan;
impl Unary for Tan {
    const NAME: &'static str = "tan";
    const HOT: bool = false;
    const CIRCULAR: bool = true;
    const SAVES: Saves = Saves::OUT;
    const POINTS: &'static [f64] = &[-1.0, 0.0, 0.3, 3.0];
    const SINGULAR: Singular = Singular::AT_INFINITY;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x.tan()
    }
    #[inline(always)]
    fn vjp<S: Number>(self, _x: S, y: S, g: Upstream<S>) -> Upstream<S> {
        g * (y * y + S::lit(1.0))
    }
    fn expansion<S: Number>(self, x: S) -> Option<S> {
        Some(x.sin() / x.cos())
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.function(formula::TAN)
    }
    fn rust(self) -> Rust {
        Rust::method("tan")
    }
}

/// 1 - x^2: beside 1 a product, in which nothing is lost; elsewhere not, for in the product's derivative, -2 x, x would be lost.
#[inline(always)]
pub(super) fn one_minus_square<S: Number>(x: S) -> S {
    let one = S::lit(1.0);
    x.abs().less(S::lit(0.5)).select(one - x * x, (one - x) * (one + x))
}

/// Inverse sine.
#[derive(Clone, Copy, Debug)]
pub struct Asin;
impl Unary for Asin {
    const NAME: &'static str = "asin";
    const HOT: bool = false;
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-0.7, 0.0, 0.3];
    const SINGULAR: Singular = Singular::EVERYWHERE;
    const ADVICE: &'static str = advice::DOMAIN;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x.asin()
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g / one_minus_square(x).sqrt()
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.function(formula::ARCSIN)
    }
    fn rust(self) -> Rust {
        Rust::method("asin")
    }
}

/// Inverse cosine.
#[derive(Clone, Copy, Debug)]
pub struct Acos;
impl Unary for Acos {
    const NAME: &'static str = "acos";
    const HOT: bool = false;
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-0.7, 0.0, 0.3];
    const SINGULAR: Singular = Singular::EVERYWHERE;
    const ADVICE: &'static str = advice::DOMAIN;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x.acos()
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        -(g / one_minus_square(x).sqrt())
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.function(formula::ARCCOS)
    }
    fn rust(self) -> Rust {
        Rust::method("acos")
    }
}

/// Inverse tangent.
#[derive(Clone, Copy, Debug)]
pub struct Atan;
impl Unary for Atan {
    const NAME: &'static str = "atan";
    const HOT: bool = false;
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-2.0, 0.0, 0.3, 5.0];
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x.atan()
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g / (x * x + S::lit(1.0))
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.function(formula::ARCTAN)
    }
    fn rust(self) -> Rust {
        Rust::method("atan")
    }
}

/// The angle of the point (y, x): the first argument is the ordinate.
#[derive(Clone, Copy, Debug)]
pub struct Atan2;
impl Binary for Atan2 {
    const NAME: &'static str = "atan2";
    const BENDS: bool = true;
    const HOT: bool = false;
    const SAVES: [Saves; 2] = [Saves::X.and(Saves::Y), Saves::X.and(Saves::Y)];
    const POINTS: &'static [(f64, f64)] = &[(0.3, 1.2), (2.0, -2.5), (-1.5, -0.7)];
    const SINGULAR: Singular = Singular::EVERYWHERE;
    #[inline(always)]
    fn value<F: Float>(self, y: F, x: F) -> F {
        y.atan2(x)
    }
    #[inline(always)]
    fn vjp_x<S: Number>(self, y: S, x: S, _out: S, g: Upstream<S>) -> Upstream<S> {
        // Divided by the radius twice, not by its square, which overflows; and not times g before that.
        let radius = x.hypot(y);
        g * (Upstream(x) / radius / radius).0
    }
    #[inline(always)]
    fn vjp_y<S: Number>(self, y: S, x: S, _out: S, g: Upstream<S>) -> Upstream<S> {
        let radius = x.hypot(y);
        -(g * (Upstream(y) / radius / radius).0)
    }
    fn piece(self, y: f64, x: f64) -> i64 {
        // The cut along the negative abscissa.
        (x < 0.0) as i64 * if y < 0.0 { -1 } else { 1 }
    }
}

/// sin(pi x) / (pi x), and 1 at 0.
#[derive(Clone, Copy, Debug)]
pub struct Sinc;
impl Unary for Sinc {
    const NAME: &'static str = "sinc";
    const HOT: bool = false;
    const CIRCULAR: bool = true;
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-1.3, 0.0, 0.3, 4.2];
    const SINGULAR: Singular = Singular::EVERYWHERE;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        let angle = x * F::lit(PI);
        let ratio = angle.sin() / angle;
        if x == F::lit(0.0) { F::lit(1.0) } else { ratio }
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g * x.sinc_derivative(1)
    }
}

/// The n-th derivative of sinc, itself a smooth function: the rule of sinc would divide by zero at 0.
#[derive(Clone, Copy, Debug)]
pub struct SincDerivative {
    /// How often sinc is differentiated.
    pub n: u32,
}
impl Unary for SincDerivative {
    const NAME: &'static str = "sinc_derivative";
    const HOT: bool = false;
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-1.3, 0.0, 0.3, 4.2];
    const ONE_BY_ONE: bool = true;
    const SINGULAR: Singular = Singular::EVERYWHERE;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        F::lit(sinc_derivative(self.n, x.to_f64()))
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        // From HIGHEST on, one more makes no difference.
        g * x.sinc_derivative(self.n.saturating_add(1))
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.function(Math::function("sinc").above(Math::integer(self.n).within(Fence::Round)))
    }
}

/// d^n/dx^n of sin(pi x) / (pi x).
///
/// With u = pi x, the n-th derivative of sin(u)/u is the integral over t in 0..1 of t^n cos(u t + n pi/2). Its Taylor series
/// serves small u; beyond, u f_n + n f_(n-1) = sin(u + n pi/2) gives each derivative from the one before. NaN from
/// [`HIGHEST`] on.
#[inline(never)]
fn sinc_derivative(n: u32, x: f64) -> f64 {
    if n >= HIGHEST {
        return f64::NAN;
    }
    let u = PI * x;
    let derivative = if u.abs() <= 2.0 + n as f64 { sinc_series(n, u) } else { sinc_recurrence(n, u) };
    derivative * PI.powi(n as i32)
}

/// From this derivative on, pi^n is beyond f64, and what it multiplies takes as many terms.
const HIGHEST: u32 = 621;

fn sinc_series(n: u32, u: f64) -> f64 {
    // sin(u)/u = sum over k of (-1)^k u^(2k) / (2k+1)!; its n-th derivative keeps the terms with 2k >= n.
    let mut sum = 0.0;
    let mut k = n.div_ceil(2);
    loop {
        let power = 2 * k - n;
        let falling = (0..power).fold(1.0, |term, i| term * u / (i + 1) as f64);
        let term = falling / (2 * k + 1) as f64 * if k.is_multiple_of(2) { 1.0 } else { -1.0 };
        sum += term;
        if term.abs() <= 1e-17 * sum.abs() || k > n + 60 {
            return sum;
        }
        k += 1;
    }
}

fn sinc_recurrence(n: u32, u: f64) -> f64 {
    let mut derivative = u.sin() / u;
    for i in 1..=n {
        let sine = match i % 4 {
            0 => u.sin(),
            1 => u.cos(),
            2 => -u.sin(),
            _ => -u.cos(),
        };
        derivative = (sine - i as f64 * derivative) / u;
    }
    derivative
}
