//! Activation functions, and the elementwise losses that belong to them.

use super::formula::{self, Between, Fence};
use super::{Arguments, Binary, Formula, Math, Rust, RustFunction, RustPair, Saves, Singular, Unary};
use crate::num::{Float, Number, Upstream};
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, PI};

/// The constants of selu: Klambauer et al., Self-Normalizing Neural Networks (2017).
const SELU_ALPHA: f64 = 1.6732632423543772;
const SELU_SCALE: f64 = 1.0507009873554805;

/// The logistic function 1 / (1 + e^-x).
#[derive(Clone, Copy, Debug)]
pub struct Sigmoid;
impl Unary for Sigmoid {
    const NAME: &'static str = "sigmoid";
    const SAVES: Saves = Saves::OUT;
    const POINTS: &'static [f64] = &[-3.0, 0.0, 0.3, 5.0];
    fn is_tame(self) -> bool {
        true
    }
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x.sigmoid()
    }
    #[inline(always)]
    fn vjp<S: Number>(self, _x: S, y: S, g: Upstream<S>) -> Upstream<S> {
        g * (y * (S::lit(1.0) - y))
    }
    #[inline(always)]
    fn log_vjp<S: Number>(self, x: S, g: Upstream<S>) -> Option<Upstream<S>> {
        Some(LogSigmoid.vjp(x, S::lit(f64::NAN), g))
    }
    fn expansion<S: Number>(self, x: S) -> Option<S> {
        Some(((-x).exp() + S::lit(1.0)).reciprocal())
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.function(formula::SIGMOID)
    }
    fn rust(self) -> Rust {
        const FUNCTION: &RustFunction = &RustFunction {
            name: "sigmoid",
            calls: &[],
            text: "/// 1 / (1 + e^-x), of a power that does not overflow.
fn sigmoid(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    if x >= 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) }
}
",
        };
        Rust::function(FUNCTION)
    }
}

/// ln sigmoid(x).
#[derive(Clone, Copy, Debug)]
pub struct LogSigmoid;
impl Unary for LogSigmoid {
    const NAME: &'static str = "log_sigmoid";
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-30.0, 0.0, 0.3, 5.0];
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x.log_sigmoid()
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g * (-x).sigmoid()
    }
    fn expansion<S: Number>(self, x: S) -> Option<S> {
        Some(x.sigmoid().ln())
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.logarithm_of(formula::SIGMOID)
    }
    fn rust(self) -> Rust {
        const FUNCTION: &RustFunction = &RustFunction {
            name: "log_sigmoid",
            calls: &["softplus"],
            text: "/// ln sigmoid(x).
fn log_sigmoid(x: f64) -> f64 {
    -softplus(-x)
}
",
        };
        Rust::function(FUNCTION)
    }
}

/// ln(1 + e^x).
#[derive(Clone, Copy, Debug)]
pub struct Softplus;
impl Unary for Softplus {
    const NAME: &'static str = "softplus";
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-30.0, 0.0, 0.3, 5.0];
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x.softplus()
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g * x.sigmoid()
    }
    fn expansion<S: Number>(self, x: S) -> Option<S> {
        Some((x.exp() + S::lit(1.0)).ln())
    }
    fn rust(self) -> Rust {
        const FUNCTION: &RustFunction = &RustFunction {
            name: "softplus",
            calls: &[],
            text: "/// ln(1 + e^x), of a power that does not overflow.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}
",
        };
        Rust::function(FUNCTION)
    }
}

/// max(x, 0); NaN stays NaN.
#[derive(Clone, Copy, Debug)]
pub struct Relu;
impl Unary for Relu {
    const NAME: &'static str = "relu";
    const SAVES: Saves = Saves::OUT;
    const POINTS: &'static [f64] = &[-1.5, 0.3, 2.0];
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        if x <= F::lit(0.0) { F::lit(0.0) } else { x }
    }
    #[inline(always)]
    fn vjp<S: Number>(self, _x: S, y: S, g: Upstream<S>) -> Upstream<S> {
        g.only_if(y.greater(S::lit(0.0)))
    }
    fn piece(self, x: f64) -> i64 {
        (x > 0.0) as i64
    }
    fn rust(self) -> Rust {
        const FUNCTION: &RustFunction = &RustFunction {
            name: "relu",
            calls: &[],
            text: "/// max(x, 0); NaN stays NaN.
fn relu(x: f64) -> f64 {
    if x <= 0.0 { 0.0 } else { x }
}
",
        };
        Rust::function(FUNCTION)
    }
}

/// x above 0, else slope x.
#[derive(Clone, Copy, Debug)]
pub struct LeakyRelu {
    /// The slope below 0.
    pub slope: f64,
}
impl Unary for LeakyRelu {
    const NAME: &'static str = "leaky_relu";
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-1.5, 0.3, 2.0];
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        if x > F::lit(0.0) { x } else { x * F::lit(self.slope) }
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g * x.greater(S::lit(0.0)).select(S::lit(1.0), S::lit(self.slope))
    }
    fn piece(self, x: f64) -> i64 {
        (x > 0.0) as i64
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.function(Math::function(Self::NAME).below(Math::number(self.slope)))
    }
    fn rust(self) -> Rust {
        const FUNCTION: &RustFunction = &RustFunction {
            name: "leaky_relu",
            calls: &[],
            text: "/// x above 0, else slope x.
fn leaky_relu(x: f64, slope: f64) -> f64 {
    if x > 0.0 { x } else { x * slope }
}
",
        };
        Rust::Function(FUNCTION, vec![self.slope])
    }
}

/// x above 0, else alpha (e^x - 1).
#[derive(Clone, Copy, Debug)]
pub struct Elu {
    /// Minus the limit far below 0.
    pub alpha: f64,
}
impl Unary for Elu {
    const NAME: &'static str = "elu";
    const HOT: bool = false;
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-1.5, 0.3, 2.0];
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        if x > F::lit(0.0) { x } else { x.expm1() * F::lit(self.alpha) }
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        // Not y + alpha, which is 0 from where y is -alpha.
        g * x.greater(S::lit(0.0)).select(S::lit(1.0), x.exp() * S::lit(self.alpha))
    }
    fn piece(self, x: f64) -> i64 {
        (x > 0.0) as i64
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.function(Math::function(Self::NAME).below(Math::number(self.alpha)))
    }
    fn rust(self) -> Rust {
        const FUNCTION: &RustFunction = &RustFunction {
            name: "elu",
            calls: &[],
            text: "/// x above 0, else alpha (e^x - 1).
fn elu(x: f64, alpha: f64) -> f64 {
    if x > 0.0 { x } else { x.exp_m1() * alpha }
}
",
        };
        Rust::Function(FUNCTION, vec![self.alpha])
    }
}

/// Scaled elu with the self-normalising constants.
#[derive(Clone, Copy, Debug)]
pub struct Selu;
impl Unary for Selu {
    const NAME: &'static str = "selu";
    const HOT: bool = false;
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-1.5, 0.3, 2.0];
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        let below = x.expm1() * F::lit(SELU_ALPHA * SELU_SCALE);
        if x > F::lit(0.0) { x * F::lit(SELU_SCALE) } else { below }
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        let below = x.exp() * S::lit(SELU_ALPHA * SELU_SCALE);
        g * x.greater(S::lit(0.0)).select(S::lit(SELU_SCALE), below)
    }
    fn piece(self, x: f64) -> i64 {
        (x > 0.0) as i64
    }
    fn rust(self) -> Rust {
        const FUNCTION: &RustFunction = &RustFunction {
            name: "selu",
            calls: &[],
            text: "/// elu, scaled so that activations keep mean 0 and variance 1.
fn selu(x: f64) -> f64 {
    const ALPHA: f64 = 1.6732632423543772;
    const SCALE: f64 = 1.0507009873554805;
    if x > 0.0 { x * SCALE } else { x.exp_m1() * (ALPHA * SCALE) }
}
",
        };
        Rust::function(FUNCTION)
    }
}

/// x above 0, else alpha (e^(x/alpha) - 1).
#[derive(Clone, Copy, Debug)]
pub struct Celu {
    /// Minus the limit far below 0.
    pub alpha: f64,
}
impl Unary for Celu {
    const NAME: &'static str = "celu";
    const HOT: bool = false;
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-1.5, 0.3, 2.0];
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        let below = (x * F::lit(1.0 / self.alpha)).expm1() * F::lit(self.alpha);
        if x > F::lit(0.0) { x } else { below }
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        let below = (x * S::lit(1.0 / self.alpha)).exp();
        g * x.greater(S::lit(0.0)).select(S::lit(1.0), below)
    }
    fn piece(self, x: f64) -> i64 {
        (x > 0.0) as i64
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.function(Math::function(Self::NAME).below(Math::number(self.alpha)))
    }
    fn rust(self) -> Rust {
        const FUNCTION: &RustFunction = &RustFunction {
            name: "celu",
            calls: &[],
            text: "/// x above 0, else alpha (e^(x / alpha) - 1).
fn celu(x: f64, alpha: f64) -> f64 {
    if x > 0.0 { x } else { (x * (1.0 / alpha)).exp_m1() * alpha }
}
",
        };
        Rust::Function(FUNCTION, vec![self.alpha])
    }
}

/// min(max(x, 0), 6).
#[derive(Clone, Copy, Debug)]
pub struct Relu6;
impl Unary for Relu6 {
    const NAME: &'static str = "relu6";
    const HOT: bool = false;
    const SAVES: Saves = Saves::OUT;
    const POINTS: &'static [f64] = &[-1.5, 0.3, 7.0];
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        Clamp { lo: 0.0, hi: 6.0 }.value(x)
    }
    #[inline(always)]
    fn vjp<S: Number>(self, _x: S, y: S, g: Upstream<S>) -> Upstream<S> {
        g.only_if(strictly_between(y, 0.0, 6.0))
    }
    fn piece(self, x: f64) -> i64 {
        Clamp { lo: 0.0, hi: 6.0 }.piece(x)
    }
    fn rust(self) -> Rust {
        Rust::Method("clamp", vec![0.0, 6.0])
    }
}

/// x Phi(x).
#[derive(Clone, Copy, Debug)]
pub struct Gelu;
impl Unary for Gelu {
    const NAME: &'static str = "gelu";
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-1.5, 0.0, 0.3, 2.0];
    const SINGULAR: Singular = Singular::EVERYWHERE;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x * (x * F::lit(-FRAC_1_SQRT_2)).erfc() * F::lit(0.5)
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        let distribution = (x * S::lit(-FRAC_1_SQRT_2)).erfc() * S::lit(0.5);
        let density = (x * x * S::lit(-0.5)).exp() * S::lit(1.0 / (2.0 * PI).sqrt());
        g * (distribution + x * density)
    }
    fn expansion<S: Number>(self, x: S) -> Option<S> {
        Some(x * ((x * S::lit(FRAC_1_SQRT_2)).erf() + S::lit(1.0)) * S::lit(0.5))
    }
}

/// The tanh form of gelu.
#[derive(Clone, Copy, Debug)]
pub struct GeluTanh;
impl Unary for GeluTanh {
    const NAME: &'static str = "gelu_tanh";
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-1.5, 0.0, 0.3, 2.0];
    const SINGULAR: Singular = Singular::NOWHERE;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x * (gelu_angle(x, x * x, F::lit) * F::lit(2.0)).sigmoid()
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        // Far out the slope is 0 or 1 to the last bit, and x^2 would leave the range.
        let x = x.clamp(-GELU_FLAT, GELU_FLAT);
        // (1 + tanh u) / 2 = sigmoid(2 u), which does not cancel far below 0.
        let s = (gelu_angle(x, x * x, S::lit) * S::lit(2.0)).sigmoid();
        let slope = (x * x * S::lit(3.0 * GELU_CUBIC) + S::lit(1.0)) * S::lit(2.0 * (2.0 / PI).sqrt());
        g * (s + x * (s * (S::lit(1.0) - s)) * slope)
    }
    fn expansion<S: Number>(self, x: S) -> Option<S> {
        // Written out, with digits of its own: an expansion that shared the constants would agree with wrong ones.
        let angle = (x + x * x * x * S::lit(0.044715)) * S::lit(FRAC_2_SQRT_PI * FRAC_1_SQRT_2);
        Some(x * (angle.tanh() + S::lit(1.0)) * S::lit(0.5))
    }
}

const GELU_CUBIC: f64 = 0.044715;
/// Beyond it e^(2 u) is 0, also in f64.
const GELU_FLAT: f64 = 64.0;

/// sqrt(2/pi) (x + 0.044715 x^3).
#[inline(always)]
fn gelu_angle<N: Copy + std::ops::Add<Output = N> + std::ops::Mul<Output = N>>(x: N, x2: N, lit: fn(f64) -> N) -> N {
    (x + x * x2 * lit(GELU_CUBIC)) * lit((2.0 / PI).sqrt())
}

/// x sigmoid(x).
#[derive(Clone, Copy, Debug)]
pub struct Silu;
impl Unary for Silu {
    const NAME: &'static str = "silu";
    const SAVES: Saves = Saves::X.and(Saves::OUT);
    const POINTS: &'static [f64] = &[-1.5, 0.0, 0.3, 2.0];
    const SINGULAR: Singular = Singular::AT_INFINITY;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x * x.sigmoid()
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, y: S, g: Upstream<S>) -> Upstream<S> {
        let s = x.sigmoid();
        g * (s + y * (S::lit(1.0) - s))
    }
    fn expansion<S: Number>(self, x: S) -> Option<S> {
        Some(x * x.sigmoid())
    }
}

/// x tanh(softplus(x)).
#[derive(Clone, Copy, Debug)]
pub struct Mish;
impl Unary for Mish {
    const NAME: &'static str = "mish";
    const HOT: bool = false;
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-1.5, 0.0, 0.3, 2.0];
    const SINGULAR: Singular = Singular::AT_INFINITY;
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x * x.softplus().tanh()
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        let t = x.softplus().tanh();
        g * (t + x * (S::lit(1.0) - t * t) * x.sigmoid())
    }
    fn expansion<S: Number>(self, x: S) -> Option<S> {
        Some(x * x.softplus().tanh())
    }
}

/// x / (1 + |x|).
#[derive(Clone, Copy, Debug)]
pub struct Softsign;
impl Unary for Softsign {
    const NAME: &'static str = "softsign";
    const HOT: bool = false;
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-1.5, 0.3, 2.0];
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        x / (x.abs() + F::lit(1.0))
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        let denominator = x.abs() + S::lit(1.0);
        g / denominator / denominator
    }
    fn piece(self, x: f64) -> i64 {
        (x > 0.0) as i64
    }
    fn expansion<S: Number>(self, x: S) -> Option<S> {
        Some(x / (x.abs() + S::lit(1.0)))
    }
}

/// min(max(x, -1), 1).
#[derive(Clone, Copy, Debug)]
pub struct HardTanh;
impl Unary for HardTanh {
    const NAME: &'static str = "hard_tanh";
    const HOT: bool = false;
    const SAVES: Saves = Saves::OUT;
    const POINTS: &'static [f64] = &[-1.5, 0.3, 2.0];
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        Clamp { lo: -1.0, hi: 1.0 }.value(x)
    }
    #[inline(always)]
    fn vjp<S: Number>(self, _x: S, y: S, g: Upstream<S>) -> Upstream<S> {
        g.only_if(strictly_between(y, -1.0, 1.0))
    }
    fn piece(self, x: f64) -> i64 {
        Clamp { lo: -1.0, hi: 1.0 }.piece(x)
    }
    fn rust(self) -> Rust {
        Rust::Method("clamp", vec![-1.0, 1.0])
    }
}

/// min(max(x + 3, 0), 6) / 6.
#[derive(Clone, Copy, Debug)]
pub struct HardSigmoid;
impl Unary for HardSigmoid {
    const NAME: &'static str = "hard_sigmoid";
    const HOT: bool = false;
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-4.5, 0.3, 5.0];
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        Clamp { lo: 0.0, hi: 6.0 }.value(x + F::lit(3.0)) * F::lit(1.0 / 6.0)
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g.only_if(strictly_between(x, -3.0, 3.0)) * S::lit(1.0 / 6.0)
    }
    fn piece(self, x: f64) -> i64 {
        Clamp { lo: -3.0, hi: 3.0 }.piece(x)
    }
    fn rust(self) -> Rust {
        const FUNCTION: RustFunction =
            RustFunction { name: "hard_sigmoid", calls: &[], text: include_str!("printed/hard_sigmoid.rs") };
        Rust::function(&FUNCTION)
    }
}

/// min(max(x, lo), hi); NaN stays NaN.
#[derive(Clone, Copy, Debug)]
pub struct Clamp {
    /// The lower bound.
    pub lo: f64,
    /// The upper bound.
    pub hi: f64,
}
impl Unary for Clamp {
    const NAME: &'static str = "clamp";
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-1.5, 0.3, 2.0];
    fn is_tame(self) -> bool {
        true
    }
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        let raised = if x < F::lit(self.lo) { F::lit(self.lo) } else { x };
        if raised > F::lit(self.hi) { F::lit(self.hi) } else { raised }
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g.only_if(strictly_between(x, self.lo, self.hi))
    }
    fn piece(self, x: f64) -> i64 {
        (x > self.lo) as i64 + (x >= self.hi) as i64
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        let bounds = Math::row(Math::number(self.lo), Between::Comma, Math::number(self.hi));
        args.function(Math::function(Self::NAME).below(bounds.within(Fence::Square)))
    }
    fn rust(self) -> Rust {
        Rust::Method("clamp", vec![self.lo, self.hi])
    }
}

/// 1 where lo < x < hi.
#[inline(always)]
fn strictly_between<S: Number>(x: S, lo: f64, hi: f64) -> S {
    x.greater(S::lit(lo)) * x.less(S::lit(hi))
}

/// Huber's function of a residual.
#[derive(Clone, Copy, Debug)]
pub struct Huber {
    /// Where the parabola turns into straight lines.
    pub delta: f64,
}
impl Unary for Huber {
    const NAME: &'static str = "huber";
    const HOT: bool = false;
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-1.5, 0.3, 2.0];
    #[inline(always)]
    fn value<F: Float>(self, x: F) -> F {
        let size = x.abs();
        let outside = (size - F::lit(0.5 * self.delta)) * F::lit(self.delta);
        if size <= F::lit(self.delta) { x * x * F::lit(0.5) } else { outside }
    }
    #[inline(always)]
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g * x.clamp(-self.delta, self.delta)
    }
    fn piece(self, x: f64) -> i64 {
        Clamp { lo: -self.delta, hi: self.delta }.piece(x)
    }
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.function(Math::function(Self::NAME).below(Math::number(self.delta)))
    }
    fn rust(self) -> Rust {
        const FUNCTION: &RustFunction = &RustFunction {
            name: "huber",
            calls: &[],
            text: "/// x^2 / 2 up to delta, then straight on.
fn huber(x: f64, delta: f64) -> f64 {
    if x.abs() <= delta { x * x * 0.5 } else { (x.abs() - 0.5 * delta) * delta }
}
",
        };
        Rust::Function(FUNCTION, vec![self.delta])
    }
}

/// Binary cross-entropy of the logit x against the target t: max(x, 0) - x t + ln(1 + e^-|x|).
#[derive(Clone, Copy, Debug)]
pub struct BceWithLogits;
impl Binary for BceWithLogits {
    const NAME: &'static str = "bce_with_logits";
    const SAVES: [Saves; 2] = [Saves::X.and(Saves::Y), Saves::X];
    const POINTS: &'static [(f64, f64)] = &[(0.3, 1.0), (2.0, 0.0), (-40.0, 0.3)];
    const SINGULAR: Singular = Singular::AT_INFINITY;
    #[inline(always)]
    fn value<F: Float>(self, x: F, t: F) -> F {
        let positive = if x > F::lit(0.0) { x } else { F::lit(0.0) };
        (positive - x * t) + (-x.abs()).softplus()
    }
    #[inline(always)]
    fn vjp_x<S: Number>(self, x: S, t: S, _out: S, g: Upstream<S>) -> Upstream<S> {
        g * (x.sigmoid() - t)
    }
    #[inline(always)]
    fn vjp_y<S: Number>(self, x: S, _t: S, _out: S, g: Upstream<S>) -> Upstream<S> {
        -(g * x)
    }
    fn expansion<S: Number>(self, x: S, t: S) -> Option<S> {
        let a = x.sigmoid();
        let one = S::lit(1.0);
        Some(-(t * a.ln() + (one - t) * (one - a).ln()))
    }
    fn rust(self) -> RustPair {
        const FUNCTION: RustFunction = RustFunction {
            name: "bce_with_logits",
            calls: &["softplus"],
            text: include_str!("printed/bce_with_logits.rs"),
        };
        RustPair::Function(&FUNCTION)
    }
}
