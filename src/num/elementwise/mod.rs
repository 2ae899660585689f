//! The elementwise ops: name, value, derivative rule, sample points, each op in a file with its family.
//!
//! They stand with the numbers because neither can be said without the other: every op is a method of [`Number`], and every
//! rule is written over it. The public path to all of this is [`crate::ops`], whose header states the conventions.

mod activation;
mod arithmetic;
mod comparison;
mod enums;
mod exponential;
pub(crate) mod formula;
mod gating;
mod hyperbolic;
mod notation;
mod power;
pub(crate) mod registry;
mod special;
mod trigonometric;

pub use activation::*;
pub use arithmetic::*;
pub use comparison::*;
pub(crate) use enums::*;
#[doc(hidden)]
pub use enums::{BinaryOp, BinaryVisitor, BuiltinBinary, BuiltinUnary, UnaryOp, UnaryVisitor};
pub use exponential::*;
#[doc(hidden)]
pub use formula::{Bond, Formula, Math};
pub use gating::{Gate, Over, Scale};
pub(crate) use gating::{Plain, plain};
pub use hyperbolic::*;
pub use notation::{Arguments, Rust, RustFunction, RustPair};
pub use power::*;
pub use special::*;
pub use trigonometric::*;

use super::{Float, Number, Upstream};
use std::fmt::Debug;

/// What a rule reads beside the upstream gradient; nothing else is kept or streamed.
///
/// Kernels hand NaN to a rule in place of what it does not list.
///
/// # Examples
/// ```
/// use retrograd::{Unary, ops::Saves, ops::Tanh};
/// // The rule of tanh is g (1 - y^2), with the output y: kernels need not keep its input.
/// assert_eq!(<Tanh as Unary>::SAVES, Saves::OUT);
/// assert_eq!(Saves::X.and(Saves::Y), Saves { x: true, y: true, out: false });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saves {
    /// The (first) input.
    pub x: bool,
    /// The second input, where there is one.
    pub y: bool,
    /// The output.
    pub out: bool,
}

impl Saves {
    /// Nothing.
    pub const NOTHING: Saves = Saves { x: false, y: false, out: false };
    /// The (first) input.
    pub const X: Saves = Saves { x: true, ..Saves::NOTHING };
    /// The second input.
    pub const Y: Saves = Saves { y: true, ..Saves::NOTHING };
    /// The output.
    pub const OUT: Saves = Saves { out: true, ..Saves::NOTHING };
    /// What either lists.
    pub const fn and(self, other: Saves) -> Saves {
        Saves { x: self.x | other.x, y: self.y | other.y, out: self.out | other.out }
    }
}

/// What several ops advise where a number is not finite.
pub(crate) mod advice {
    pub(crate) const POSITIVE: &str =
        "; keep the argument above 0: add a small number, clamp it, or compute from logits";
    pub(crate) const STEEP: &str = "; its slope at 0 is infinite: select around it, or add a small number inside";
    pub(crate) const DIVISOR: &str = "; keep the divisor away from 0, or select around it";
    pub(crate) const OVERFLOW: &str = "; it overflows: use logsumexp, softplus, sigmoid or another stable form";
    pub(crate) const POWER: &str = "; a negative base needs an integer exponent, a zero base a positive one";
    pub(crate) const DOMAIN: &str = "; keep the argument inside the domain, away from its ends";
}

/// Where a derivative of first or second order is infinite or undefined: ends of domains, poles, overflow; differences of infinities.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Singular {
    /// At some finite arguments.
    pub at_points: bool,
    /// Where an argument is infinite.
    pub at_infinity: bool,
}

#[doc(hidden)]
impl Singular {
    /// Derivatives are finite everywhere.
    pub const NOWHERE: Singular = Singular { at_points: false, at_infinity: false };
    /// At finite arguments alone.
    pub const AT_POINTS: Singular = Singular { at_points: true, at_infinity: false };
    /// At infinite arguments alone.
    pub const AT_INFINITY: Singular = Singular { at_points: false, at_infinity: true };
    /// At arguments of both kinds.
    pub const EVERYWHERE: Singular = Singular { at_points: true, at_infinity: true };
}

/// An elementwise op of one argument; parameters are fields of `self`.
///
/// # Examples
/// ```
/// use retrograd::{Float, Number, Tape, Unary, Upstream, ops::Saves};
///
/// #[derive(Clone, Copy, Debug)]
/// struct Cube;
/// impl Unary for Cube {
///     const NAME: &'static str = "cube";
///     const SAVES: Saves = Saves::X;
///     const POINTS: &'static [f64] = &[-1.0, 0.5];
///     fn value<F: Float>(self, x: F) -> F {
///         x * x * x
///     }
///     fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
///         g * (S::lit(3.0) * x * x)
///     }
/// }
///
/// let tape = Tape::new();
/// let x = tape.var(2.0);
/// assert_eq!(x.apply(Cube).backward().item(x), 12.0);
/// ```
pub trait Unary: Copy + Debug + Send + Sync + 'static {
    /// The op's name.
    const NAME: &'static str;
    /// What the rule reads.
    const SAVES: Saves;
    /// Points inside the domain, away from kinks, for the table-driven tests.
    const POINTS: &'static [f64];
    /// Whether the derivative is zero everywhere, so that no gradient goes through.
    const FLAT: bool = false;
    /// Whether value or rule takes the sine, cosine or tangent of a multiple of x: kernels then look for large angles first.
    #[doc(hidden)]
    const CIRCULAR: bool = false;
    /// Whether value and rule are computed one number at a time, with the same bits in every mode, so that kernels for wide
    /// registers would be of no use.
    #[doc(hidden)]
    const ONE_BY_ONE: bool = false;
    /// Whether its kernels are worth the room of a version of 512 bits. The others run in 256 on every CPU that has them.
    #[doc(hidden)]
    const HOT: bool = true;
    /// Whether the derivative leaves the range where the value is an ordinary number, as that of 1/x does: then numbers are
    /// swept by the rule.
    #[doc(hidden)]
    const FAR: bool = false;
    /// What a logarithm is times the natural one.
    #[doc(hidden)]
    const LOGARITHM: Option<f64> = None;
    /// Where derivatives are not finite: routes through a graph may differ there in what they hide, and tests ask.
    #[doc(hidden)]
    const SINGULAR: Singular = Singular::NOWHERE;
    /// What helps where its value or derivative is not finite: the end of an error's message.
    #[doc(hidden)]
    const ADVICE: &'static str = "";
    /// y = f(x).
    fn value<F: Float>(self, x: F) -> F;
    /// g f'(x), from the input `x`, the output `y` and the upstream gradient `g`.
    fn vjp<S: Number>(self, x: S, y: S, g: Upstream<S>) -> Upstream<S>;
    /// g times the derivative of ln f(x), of an f above 0 that leaves the range where its logarithm does not.
    #[doc(hidden)]
    #[inline(always)]
    fn log_vjp<S: Number>(self, _x: S, _g: Upstream<S>) -> Option<Upstream<S>> {
        None
    }
    /// Which smooth piece of the function `x` lies on, so that gradient checks notice a kink between two points.
    fn piece(self, _x: f64) -> i64 {
        0
    }
    /// Whether the value is finite wherever x is, overflow aside, so that nothing times it is nothing.
    #[doc(hidden)]
    fn is_tame(self) -> bool {
        false
    }
    /// The textbook formula over simpler ops, for an op that has its own rule for stability or speed.
    fn expansion<S: Number>(self, _x: S) -> Option<S> {
        None
    }
    /// How it is written as a formula: by its name, unless it says otherwise. Ops of the registry are asked.
    #[doc(hidden)]
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.function(Math::function(Self::NAME))
    }
    /// How it is written in Rust that has nothing but `std`. Ops of the registry are asked.
    #[doc(hidden)]
    fn rust(self) -> Rust {
        Rust::Expansion
    }
}

/// An elementwise op of two arguments, which broadcast.
///
/// # Examples
/// ```
/// use retrograd::{Binary, Float, Number, Tape, Upstream, ops::Saves};
///
/// /// x^2 y.
/// #[derive(Clone, Copy, Debug)]
/// struct Volume;
/// impl Binary for Volume {
///     const NAME: &'static str = "volume";
///     const SAVES: [Saves; 2] = [Saves::X.and(Saves::Y), Saves::X];
///     const POINTS: &'static [(f64, f64)] = &[(0.5, -1.0), (2.0, 3.0)];
///     fn value<F: Float>(self, x: F, y: F) -> F {
///         x * x * y
///     }
///     fn vjp_x<S: Number>(self, x: S, y: S, _out: S, g: Upstream<S>) -> Upstream<S> {
///         g * (S::lit(2.0) * x * y)
///     }
///     fn vjp_y<S: Number>(self, x: S, _y: S, _out: S, g: Upstream<S>) -> Upstream<S> {
///         g * (x * x)
///     }
/// }
///
/// let tape = Tape::new();
/// let (x, y) = (tape.var(3.0), tape.var(5.0));
/// let gradients = x.apply2(Volume, y).backward();
/// assert_eq!(gradients.items(&[x, y]), [30.0, 9.0]);
/// ```
pub trait Binary: Copy + Debug + Send + Sync + 'static {
    /// The op's name.
    const NAME: &'static str;
    /// What `vjp_x` and `vjp_y` read.
    const SAVES: [Saves; 2];
    /// Points inside the domain, away from kinks, for the table-driven tests.
    const POINTS: &'static [(f64, f64)];
    /// Whether both derivatives are zero everywhere, so that no gradient goes through.
    const FLAT: bool = false;
    /// As [`Unary::HOT`].
    #[doc(hidden)]
    const HOT: bool = true;
    /// As [`Unary::FAR`].
    #[doc(hidden)]
    const FAR: bool = false;
    /// Where derivatives are not finite, as [`Unary::SINGULAR`].
    #[doc(hidden)]
    const SINGULAR: Singular = Singular::NOWHERE;
    /// Whether the derivatives at the origin are a choice, and the second ones are not.
    #[doc(hidden)]
    const BENDS: bool = false;
    /// out = f(x, y).
    fn value<F: Float>(self, x: F, y: F) -> F;
    /// g df/dx.
    fn vjp_x<S: Number>(self, x: S, y: S, out: S, g: Upstream<S>) -> Upstream<S>;
    /// g df/dy.
    fn vjp_y<S: Number>(self, x: S, y: S, out: S, g: Upstream<S>) -> Upstream<S>;
    /// Which smooth piece of the function the point lies on.
    fn piece(self, _x: f64, _y: f64) -> i64 {
        0
    }
    /// The textbook formula over simpler ops, for an op that has its own rule for stability or speed.
    fn expansion<S: Number>(self, _x: S, _y: S) -> Option<S> {
        None
    }
    /// How it is written as a formula: by its name, unless it says otherwise. Ops of the registry are asked.
    #[doc(hidden)]
    fn formula(self, args: &dyn Arguments) -> Formula {
        args.function(Math::function(Self::NAME))
    }
    /// How it is written in Rust that has nothing but `std`: as a method of its name, unless it says otherwise. Ops of the
    /// registry are asked.
    #[doc(hidden)]
    fn rust(self) -> RustPair {
        RustPair::Method(Self::NAME)
    }
}
