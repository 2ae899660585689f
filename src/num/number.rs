//! [`Number`], what rules are written over, [`Real`], what users' generic formulas are written over, and [`Upstream`].

use super::element::Float;
use super::lane::Lane;
use super::math::Mode;
use crate::num::elementwise::registry::{for_each_binary, for_each_unary};
use crate::num::elementwise::{Binary, BuiltinBinary, BuiltinUnary, Over, Scale, Unary};
use std::fmt::Debug;
use std::iter::{Product, Sum};
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

macro_rules! number_trait {
    ($($(#[$doc:meta])* $method:ident $(($($arg:ident : $ty:ty),+))? => $Op:ident;)*) => {
        /// What a derivative rule may use: arithmetic, and every elementwise op as a method.
        ///
        /// Implemented by `f32`, `f64`, [`Dual`](crate::Dual) and [`Var`](crate::Var). A formula written over it runs on
        /// all of them; comparisons with `<` look at values, and on variables are recorded as guards.
        ///
        /// # Examples
        /// ```
        /// use retrograd::{Dual, Number, grad};
        /// fn formula<S: Number>(x: S) -> S {
        ///     x * x + S::lit(3.0) * x.sin()
        /// }
        /// assert_eq!(formula(0.0_f32), 0.0);
        /// assert_eq!(formula(Dual::variable(0.0)).tangent, 3.0);
        /// assert_eq!(grad(|x| formula(x), 0.0), 3.0);
        /// ```
        pub trait Number:
            Copy
            + Debug
            + PartialOrd
            + Add<Output = Self>
            + Sub<Output = Self>
            + Mul<Output = Self>
            + Div<Output = Self>
            + Neg<Output = Self>
            + AddAssign
            + SubAssign
            + MulAssign
            + DivAssign
            + Sum
            + Product
        {
            /// A literal.
            fn lit(x: f64) -> Self;
            /// `a` where self is not 0, `b` elsewhere; only the chosen side is differentiated.
            fn select(self, a: Self, b: Self) -> Self;
            /// Applies an op of the registry.
            #[doc(hidden)]
            fn unary<O: BuiltinUnary>(self, op: O) -> Self;
            /// Applies a two-argument op of the registry.
            #[doc(hidden)]
            fn binary<O: BuiltinBinary>(self, op: O, rhs: Self) -> Self;
            /// Applies a one-argument op of your own.
            fn apply<O: Unary>(self, op: O) -> Self;
            /// Applies a two-argument op of your own.
            fn apply2<O: Binary>(self, op: O, rhs: Self) -> Self;
            $(
                $(#[$doc])*
                #[inline(always)]
                fn $method(self $($(, $arg: $ty)+)?) -> Self {
                    self.unary(crate::num::elementwise::$Op $({ $($arg),+ })?)
                }
            )*
            number_trait!(@binary);
        }
    };
    (@binary) => { for_each_binary!(number_binary_methods); };
}

macro_rules! number_binary_methods {
    (operators $operators:tt inside $inside:tt methods { $($(#[$doc:meta])* $method:ident $try_method:ident => $Op:ident;)* }) => {
        $(
            $(#[$doc])*
            #[inline(always)]
            fn $method(self, rhs: Self) -> Self {
                self.binary(crate::num::elementwise::$Op, rhs)
            }
        )*
    };
}

for_each_unary!(number_trait);

/// A number for users' generic formulas: [`Number`], and literals of type `L` on the right of an operator or a comparison.
///
/// A literal on the left needs [`Number::lit`], since no bound can say it: `S::lit(1.0) - x`, or `-x + 1.0`.
///
/// `fn f<S: Real>(x: &[S]) -> S` runs on `f64` at no cost, on [`Dual`](crate::Dual) and on [`Var`](crate::Var);
/// in single precision, write `S: Real<f32>`.
///
/// # Examples
/// ```
/// use retrograd::{Real, Tape};
/// fn rosenbrock<S: Real>(x: &[S]) -> S {
///     (x[1] - x[0] * x[0]).square() * 100.0 + (-x[0] + 1.0).square()
/// }
/// assert_eq!(rosenbrock(&[-1.2, 1.0]), 24.199999999999996);
/// let tape = Tape::new();
/// let x = tape.vars(&[-1.2, 1.0]);
/// let grads = rosenbrock(&x).backward();
/// assert!((grads.item(x[0]) + 215.6).abs() < 1e-12);
/// ```
pub trait Real<L = f64>:
    Number
    + Add<L, Output = Self>
    + Sub<L, Output = Self>
    + Mul<L, Output = Self>
    + Div<L, Output = Self>
    + AddAssign<L>
    + SubAssign<L>
    + MulAssign<L>
    + DivAssign<L>
    + PartialOrd<L>
{
}
impl<S, L> Real<L> for S where
    S: Number
        + Add<L, Output = S>
        + Sub<L, Output = S>
        + Mul<L, Output = S>
        + Div<L, Output = S>
        + AddAssign<L>
        + SubAssign<L>
        + MulAssign<L>
        + DivAssign<L>
        + PartialOrd<L>
{
}

macro_rules! plain_number {
    ($(($($generic:tt)*) $t:ty),*) => {$(
        impl<$($generic)*> Number for $t {
            #[inline(always)]
            fn lit(x: f64) -> Self {
                <Self as Float>::lit(x)
            }
            #[inline(always)]
            fn select(self, a: Self, b: Self) -> Self {
                if self != <Self as Float>::lit(0.0) { a } else { b }
            }
            #[inline(always)]
            fn unary<O: BuiltinUnary>(self, op: O) -> Self {
                op.value(self)
            }
            #[inline(always)]
            fn binary<O: BuiltinBinary>(self, op: O, rhs: Self) -> Self {
                op.value(self, rhs)
            }
            #[inline(always)]
            fn apply<O: Unary>(self, op: O) -> Self {
                op.value(self)
            }
            #[inline(always)]
            fn apply2<O: Binary>(self, op: O, rhs: Self) -> Self {
                op.value(self, rhs)
            }
        }
    )*};
}
plain_number!(() f32, () f64, (M: Mode) Lane<f32, M>, (M: Mode) Lane<f64, M>);

/// The upstream gradient inside a rule.
///
/// Multiplying or dividing it keeps a zero a zero, whatever the factor: where no gradient arrives, an infinite or
/// undefined derivative does not leak. That holds at every order, since recorded rules record the same operations.
///
/// # Examples
/// ```
/// use retrograd::Upstream;
/// assert_eq!((Upstream(2.0) * 3.0).0, 6.0);
/// assert_eq!((Upstream(0.0) * f64::INFINITY).0, 0.0);
/// assert_eq!((Upstream(0.0) / 0.0).0, 0.0);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Upstream<S>(pub S);

impl<S: Number> Upstream<S> {
    /// No gradient: the derivative is zero by mathematics.
    #[inline(always)]
    pub fn zero() -> Self {
        Self(S::lit(0.0))
    }
    /// g x / length, of a number and the length that it is part of: x / length is at most 1, where g x may leave the range. It is 0,
    /// the minimum-norm subgradient, where the length is 0.
    #[inline(always)]
    pub(crate) fn along(self, x: S, length: S) -> Self {
        self * (Upstream(x) / length).0
    }
    /// The gradient where `mask` is not 0, and 0 elsewhere.
    #[inline(always)]
    pub fn only_if(self, mask: S) -> Self {
        Self(mask.select(self.0, S::lit(0.0)))
    }
}

impl<S: Number> Mul<S> for Upstream<S> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, derivative: S) -> Self {
        Self(self.0.binary(Scale, derivative))
    }
}

impl<S: Number> Div<S> for Upstream<S> {
    type Output = Self;
    #[inline(always)]
    fn div(self, divisor: S) -> Self {
        Self(self.0.binary(Over, divisor))
    }
}

impl<S: Number> Neg for Upstream<S> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self(-self.0)
    }
}
