//! Error functions, the normal distribution, logit and the gamma family.

use super::formula::{self, Fence};
use super::{Arguments, Bond, Formula, Math, Rust, RustFunction, Saves, Singular, Unary, advice};
use crate::num::{Float, Number, Upstream};
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, FRAC_PI_2, SQRT_2};

/// Error function.
#[derive(Clone, Copy, Debug)]
pub struct Erf;
impl Unary for Erf {
    const NAME: &'static str = "erf";
    const HOT: bool = false;
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-1.5, 0.0, 0.3, 2.0];
    const SINGULAR: Singular = Singular::EVERYWHERE;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x.erf()
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g * gaussian(x)
    }
}

/// Complementary error function.
#[derive(Clone, Copy, Debug)]
pub struct Erfc;
impl Unary for Erfc {
    const NAME: &'static str = "erfc";
    const HOT: bool = false;
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-1.5, 0.0, 0.3, 2.0];
    const SINGULAR: Singular = Singular::EVERYWHERE;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x.erfc()
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        -(g * gaussian(x))
    }
    #[inline(always)]
    fn log_vjp<S: Number>(self, x: S, g: Upstream<S>) -> Option<Upstream<S>> {
        // Of -2/sqrt(pi) e^(-x^2) / erfc(x), the powers cancel.
        Some(g / x.erfcx() * S::lit(-FRAC_2_SQRT_PI))
    }
}

/// 2/sqrt(pi) e^(-x^2), the derivative of erf.
#[inline(always)]
fn gaussian<S: Number>(x: S) -> S {
    (-(x * x)).exp() * S::lit(FRAC_2_SQRT_PI)
}

/// A function that is compiled once, of a number in either precision.
#[inline(always)]
fn one<F: Float>(f: fn(f64) -> f64, x: F) -> F {
    #[inline(never)]
    fn call(f: fn(f64) -> f64, x: f64) -> f64 {
        f(x)
    }
    F::lit(call(f, x.to_f64()))
}

// What `rust_source` prints is what is compiled here.
include!("printed/logit.rs");
include!("printed/erfinv.rs");
include!("printed/erfcx.rs");
include!("printed/erfcx_derivative.rs");
include!("printed/normal_pdf.rs");
include!("printed/normal_cdf.rs");
include!("printed/log_normal_cdf.rs");

/// ln(x / (1 - x)).
#[derive(Clone, Copy, Debug)]
pub struct Logit;
impl Unary for Logit {
    const NAME: &'static str = "logit";
    const HOT: bool = false;
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[0.2, 0.3, 0.5, 0.8];
    const ONE_BY_ONE: bool = true;
    const SINGULAR: Singular = Singular::AT_POINTS;
    const ADVICE: &'static str = advice::DOMAIN;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        one(logit, x)
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        // Not g / (x (1 - x)), whose own derivative at 0 and 1 is a sum of infinities that has no sign by one route and has by another.
        Upstream((g / x).0 + (g / (S::lit(1.0) - x)).0)
    }
    fn expansion<S: Number>(self, x: S) -> Option<S> {
        Some((x / (S::lit(1.0) - x)).ln())
    }
    fn rust(self) -> Rust {
        const FUNCTION: &RustFunction =
            &RustFunction { name: "logit", calls: &[], text: include_str!("printed/logit.rs") };
        Rust::function(FUNCTION)
    }
}

/// Inverse error function.
#[derive(Clone, Copy, Debug)]
pub struct Erfinv;
impl Unary for Erfinv {
    const NAME: &'static str = "erfinv";
    const HOT: bool = false;
    const SAVES: Saves = Saves::OUT;
    const POINTS: &'static [f64] = &[-0.8, 0.0, 0.3, 0.6];
    const SINGULAR: Singular = Singular::EVERYWHERE;
    const ADVICE: &'static str = advice::DOMAIN;
    const ONE_BY_ONE: bool = true;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        one(erfinv, x)
    }
    #[inline(always)]
    fn vjp<S: Number>(self, _x: S, y: S, g: Upstream<S>) -> Upstream<S> {
        // e^(y^2) by the density at sqrt(2) y.
        g / ((y * S::lit(SQRT_2)).normal_pdf() * S::lit(2.0 * SQRT_2))
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.function(Math::function("erf").above(Math::integer(-1)))
    }
    fn rust(self) -> Rust {
        const FUNCTION: &RustFunction =
            &RustFunction { name: "erfinv", calls: &["erfcx"], text: include_str!("printed/erfinv.rs") };
        Rust::function(FUNCTION)
    }
}

/// Scaled complementary error function, e^(x^2) erfc(x).
#[derive(Clone, Copy, Debug)]
pub struct Erfcx;
impl Unary for Erfcx {
    const NAME: &'static str = "erfcx";
    const HOT: bool = false;
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-1.5, 0.0, 0.3, 2.0, 9.0];
    const ONE_BY_ONE: bool = true;
    const SINGULAR: Singular = Singular::EVERYWHERE;
    const ADVICE: &'static str = advice::OVERFLOW;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        one(erfcx, x)
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g * x.erfcx_derivative(1)
    }
    fn expansion<S: Number>(self, x: S) -> Option<S> {
        Some((x * x).exp() * x.erfc())
    }
    fn rust(self) -> Rust {
        const FUNCTION: &RustFunction =
            &RustFunction { name: "erfcx", calls: &[], text: include_str!("printed/erfcx.rs") };
        Rust::function(FUNCTION)
    }
}

/// The n-th derivative of erfcx.
#[derive(Clone, Copy, Debug)]
pub struct ErfcxDerivative {
    /// How often erfcx is differentiated.
    pub n: u32,
}
impl ErfcxDerivative {
    /// The work is bounded: further derivatives are NaN.
    const LAST: u32 = 1000;
}
impl Unary for ErfcxDerivative {
    const NAME: &'static str = "erfcx_derivative";
    const HOT: bool = false;
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-1.5, 0.0, 0.3, 2.0, 9.0];
    const ONE_BY_ONE: bool = true;
    const SINGULAR: Singular = Singular::EVERYWHERE;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        F::lit(if self.n > Self::LAST { f64::NAN } else { erfcx_derivative(x.to_f64(), f64::from(self.n)) })
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g * x.erfcx_derivative(self.n.saturating_add(1))
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.function(Math::function("erfcx").above(Math::integer(self.n).within(Fence::Round)))
    }
    fn rust(self) -> Rust {
        const FUNCTION: &RustFunction = &RustFunction {
            name: "erfcx_derivative",
            calls: &["erfcx"],
            text: include_str!("printed/erfcx_derivative.rs"),
        };
        Rust::Function(FUNCTION, vec![f64::from(self.n)])
    }
}

/// The standard normal density.
#[derive(Clone, Copy, Debug)]
pub struct NormalPdf;
impl Unary for NormalPdf {
    const NAME: &'static str = "normal_pdf";
    const HOT: bool = false;
    const SAVES: Saves = Saves::X.and(Saves::OUT);
    const POINTS: &'static [f64] = &[-5.0, -1.5, 0.0, 0.3, 2.0];
    const ONE_BY_ONE: bool = true;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        one(normal_pdf, x)
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, y: S, g: Upstream<S>) -> Upstream<S> {
        // From 40 on the density is 0 and so is its slope, at an infinity too.
        -(g * (y * x.clamp(-40.0, 40.0)))
    }
    #[inline(always)]
    fn log_vjp<S: Number>(self, x: S, g: Upstream<S>) -> Option<Upstream<S>> {
        Some(-(g * x))
    }
    fn expansion<S: Number>(self, x: S) -> Option<S> {
        Some((x * x * S::lit(-0.5)).exp() * S::lit(0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2))
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.function(formula::PDF)
    }
    fn rust(self) -> Rust {
        const FUNCTION: &RustFunction =
            &RustFunction { name: "normal_pdf", calls: &[], text: include_str!("printed/normal_pdf.rs") };
        Rust::function(FUNCTION)
    }
}

/// The standard normal distribution function.
#[derive(Clone, Copy, Debug)]
pub struct NormalCdf;
impl Unary for NormalCdf {
    const NAME: &'static str = "normal_cdf";
    const HOT: bool = false;
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-5.0, -1.5, 0.0, 0.3, 2.0];
    const ONE_BY_ONE: bool = true;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        one(normal_cdf, x)
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g * x.normal_pdf()
    }
    #[inline(always)]
    fn log_vjp<S: Number>(self, x: S, g: Upstream<S>) -> Option<Upstream<S>> {
        Some(LogNormalCdf.vjp(x, S::lit(f64::NAN), g))
    }
    fn expansion<S: Number>(self, x: S) -> Option<S> {
        Some((x * S::lit(-FRAC_1_SQRT_2)).erfc() * S::lit(0.5))
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.function(formula::CDF)
    }
    fn rust(self) -> Rust {
        const FUNCTION: &RustFunction =
            &RustFunction { name: "normal_cdf", calls: &["erfcx"], text: include_str!("printed/normal_cdf.rs") };
        Rust::function(FUNCTION)
    }
}

/// The logarithm of the standard normal distribution function.
#[derive(Clone, Copy, Debug)]
pub struct LogNormalCdf;
impl Unary for LogNormalCdf {
    const NAME: &'static str = "log_normal_cdf";
    const HOT: bool = false;
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-9.0, -1.5, 0.0, 0.3, 2.0];
    const ONE_BY_ONE: bool = true;
    const SINGULAR: Singular = Singular::EVERYWHERE;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        one(log_normal_cdf, x)
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        // Of e^(-x^2/2 - y), the two terms cancel.
        g / ((x * S::lit(-FRAC_1_SQRT_2)).erfcx() * S::lit(FRAC_PI_2.sqrt()))
    }
    fn expansion<S: Number>(self, x: S) -> Option<S> {
        Some(x.normal_cdf().ln())
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.logarithm_of(formula::CDF)
    }
    fn rust(self) -> Rust {
        const FUNCTION: &RustFunction = &RustFunction {
            name: "log_normal_cdf",
            calls: &["erfcx", "normal_cdf"],
            text: include_str!("printed/log_normal_cdf.rs"),
        };
        Rust::function(FUNCTION)
    }
}

/// ln |Gamma(x)|.
#[derive(Clone, Copy, Debug)]
pub struct Lgamma;
impl Unary for Lgamma {
    const NAME: &'static str = "lgamma";
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[0.3, 1.0, 2.5, 9.0];
    const ONE_BY_ONE: bool = true;
    const SINGULAR: Singular = Singular::EVERYWHERE;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x.lgamma()
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g * x.digamma()
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        let gamma = args.call(formula::GAMMA_FUNCTION).within(Fence::Bars);
        (formula::LN.of(gamma), Bond::Product)
    }
}

/// Gamma'(x) / Gamma(x).
#[derive(Clone, Copy, Debug)]
pub struct Digamma;
impl Unary for Digamma {
    const NAME: &'static str = "digamma";
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[0.3, 1.0, 2.5, 9.0];
    const ONE_BY_ONE: bool = true;
    const SINGULAR: Singular = Singular::EVERYWHERE;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x.digamma()
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g * x.polygamma(1)
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.function(formula::DIGAMMA)
    }
}

/// The n-th derivative of digamma.
#[derive(Clone, Copy, Debug)]
pub struct Polygamma {
    /// How often digamma is differentiated.
    pub n: u32,
}
impl Unary for Polygamma {
    const NAME: &'static str = "polygamma";
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[0.3, 1.0, 2.5, 9.0];
    const ONE_BY_ONE: bool = true;
    const SINGULAR: Singular = Singular::EVERYWHERE;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x.polygamma(self.n)
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        // n! is beyond f64 from 171 on, so that one more makes no difference at the end of u32.
        g * x.polygamma(self.n.saturating_add(1))
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.function(formula::DIGAMMA.above(Math::integer(self.n).within(Fence::Round)))
    }
}
