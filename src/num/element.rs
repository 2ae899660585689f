//! [`Float`], the primitives of op values, and [`Element`], the two stored types.

use super::Number;
use super::lane::Lane;
use super::math::{Mode, Plain, double, single};
use super::simd::{Kernel, dispatch};
use std::fmt::{Debug, Display, LowerExp};
use std::ops::{Add, Div, Mul, Neg, Sub};

macro_rules! float_trait {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// What the value of an op may use: arithmetic, comparisons and the elementary functions.
        ///
        /// Write values without side effects; `if` on cheap expressions is fine, the vectoriser turns it into a select.
        ///
        /// # Examples
        /// ```
        /// use retrograd::Float;
        /// fn logistic<F: Float>(x: F) -> F {
        ///     F::lit(1.0) / (F::lit(1.0) + (-x).exp())
        /// }
        /// assert_eq!((logistic(0.0_f64), logistic(0.0_f32)), (0.5, 0.5));
        /// ```
        pub trait Float:
            Copy
            + PartialOrd
            + Debug
            + Add<Output = Self>
            + Sub<Output = Self>
            + Mul<Output = Self>
            + Div<Output = Self>
            + Neg<Output = Self>
        {
            /// A literal.
            fn lit(x: f64) -> Self;
            /// The number as f64.
            fn to_f64(self) -> f64;
            $($(#[$doc])* fn $name(self) -> Self;)*
            /// The angle of the point (x, self), in (-pi, pi].
            fn atan2(self, x: Self) -> Self;
            /// sqrt(self^2 + y^2) without overflow in between.
            fn hypot(self, y: Self) -> Self;
            /// self^y.
            fn pow(self, y: Self) -> Self;
            /// self^n.
            fn powi(self, n: i32) -> Self;
            /// The n-th derivative of digamma.
            fn polygamma(self, n: u32) -> Self;
            /// Whether this is NaN.
            #[inline(always)]
            #[allow(clippy::eq_op)]
            fn is_nan(self) -> bool {
                self != self
            }
        }

        impl<M: Mode> Float for Lane<f64, M> {
            float_impl_lane!(f64, double, $($name),*);
        }
        impl<M: Mode> Float for Lane<f32, M> {
            float_impl_lane!(f32, single, $($name),*);
        }
    };
}

macro_rules! float_impl_lane {
    ($t:ty, $math:ident, abs, sqrt, floor, ceil, round, sin, cos, tan, $($name:ident),*) => {
        #[inline(always)]
        fn lit(x: f64) -> Self { Self::new(x as $t) }
        #[inline(always)]
        fn to_f64(self) -> f64 { self.get() as f64 }
        #[inline(always)]
        fn abs(self) -> Self { Self::new(self.get().abs()) }
        #[inline(always)]
        fn sqrt(self) -> Self { Self::new(self.get().sqrt()) }
        #[inline(always)]
        fn floor(self) -> Self { Self::new(self.get().floor()) }
        #[inline(always)]
        fn ceil(self) -> Self { Self::new(self.get().ceil()) }
        #[inline(always)]
        fn round(self) -> Self { Self::new(self.get().round_ties_even()) }
        float_impl_lane!(@circular $math, sin sin_any, cos cos_any, tan tan_any);
        $(#[inline(always)] fn $name(self) -> Self { Self::new($math::$name::<M>(self.get())) })*
        #[inline(always)]
        fn atan2(self, x: Self) -> Self { Self::new($math::atan2::<M>(self.get(), x.get())) }
        #[inline(always)]
        fn hypot(self, y: Self) -> Self { Self::new($math::hypot::<M>(self.get(), y.get())) }
        #[inline(always)]
        fn pow(self, y: Self) -> Self { Self::new($math::pow::<M>(self.get(), y.get())) }
        #[inline(always)]
        fn powi(self, n: i32) -> Self { Self::new($math::powi::<M>(self.get(), n)) }
        #[inline(always)]
        fn polygamma(self, n: u32) -> Self { Self::new($math::polygamma::<M>(n, self.get())) }
    };
    (@circular $math:ident, $($name:ident $any:ident),*) => {
        $(#[inline(always)]
        fn $name(self) -> Self {
            Self::new(if M::ANY_ANGLE { $math::$any::<M>(self.get()) } else { $math::$name::<M>(self.get()) })
        })*
    };
}

float_trait! {
    /// |x|.
    abs,
    /// Square root.
    sqrt,
    /// Largest integer not above.
    floor,
    /// Smallest integer not below.
    ceil,
    /// Nearest integer, ties to even.
    round,
    /// Sine.
    sin,
    /// Cosine.
    cos,
    /// Tangent.
    tan,
    /// e^x.
    exp,
    /// 2^x.
    exp2,
    /// e^x - 1.
    expm1,
    /// Natural logarithm.
    ln,
    /// Logarithm to base 2.
    log2,
    /// Logarithm to base 10.
    log10,
    /// ln(1 + x).
    log1p,
    /// Inverse sine.
    asin,
    /// Inverse cosine.
    acos,
    /// Inverse tangent.
    atan,
    /// Hyperbolic sine.
    sinh,
    /// Hyperbolic cosine.
    cosh,
    /// Hyperbolic tangent.
    tanh,
    /// Inverse hyperbolic sine.
    asinh,
    /// Inverse hyperbolic cosine.
    acosh,
    /// Inverse hyperbolic tangent.
    atanh,
    /// Real cube root.
    cbrt,
    /// 1 / (1 + e^-x).
    sigmoid,
    /// ln(1 + e^x).
    softplus,
    /// -ln(1 + e^-x).
    log_sigmoid,
    /// Error function.
    erf,
    /// Complementary error function.
    erfc,
    /// ln |Gamma(x)|.
    lgamma,
    /// Derivative of lgamma.
    digamma,
}

macro_rules! float_plain {
    ($t:ident, $math:ident, $pick:ident) => {
        impl Float for $t {
            float_plain!(@native $t, abs: abs, sqrt: sqrt, floor: floor, ceil: ceil, round: round_ties_even);
            // Those of kernels, in their mode: a number has the bits that it has in a tensor.
            float_plain!(@mode $t, $math, exp: exp, exp2: exp2, expm1: expm1, ln: ln, log2: log2, log10: log10, log1p: log1p,
                sin: sin_any, cos: cos_any, tan: tan_any, asin: asin, acos: acos, atan: atan, sinh: sinh, cosh: cosh,
                tanh: tanh, asinh: asinh, acosh: acosh, atanh: atanh, cbrt: cbrt, sigmoid: sigmoid, softplus: softplus,
                log_sigmoid: log_sigmoid, erf: erf, erfc: erfc);
            float_plain!(@mode_of_two $t, $math, atan2: $t, hypot: $t, pow: $t, powi: i32);
            #[inline]
            fn lgamma(self) -> Self { $math::lgamma::<Plain>(self) }
            #[inline]
            fn digamma(self) -> Self { $math::digamma::<Plain>(self) }
            fn polygamma(self, n: u32) -> Self { $math::polygamma::<Plain>(n, self) }
            #[inline(always)]
            fn lit(x: f64) -> Self { x as $t }
            #[inline(always)]
            fn to_f64(self) -> f64 { self as f64 }
        }
        impl Element for $t {
            const NAME: &'static str = stringify!($t);
            const EPSILON: f64 = $t::EPSILON as f64;
            type Lane<M: Mode> = Lane<$t, M>;
            #[inline(always)]
            fn is_large_angle<M: Mode>(self) -> bool { $math::is_large_by_four::<M>(self) }
            #[inline(always)]
            fn sine_and_cosine<M: Mode>(self) -> (Self, Self) {
                if M::ANY_ANGLE { ($math::sin_any::<M>(self), $math::cos_any::<M>(self)) } else { $math::sin_cos::<M>(self) }
            }
            #[inline(always)]
            fn enter<M: Mode>(self) -> Lane<$t, M> { Lane::new(self) }
            #[inline(always)]
            fn leave<M: Mode>(lane: Lane<$t, M>) -> Self { lane.get() }
            #[inline(always)]
            fn pick<P: PerElement>() -> P::Of<Self> { P::$pick() }
            #[inline(always)]
            fn from_f64(x: f64) -> Self { x as $t }
            #[inline(always)]
            fn to_f64(self) -> f64 { self as f64 }
        }
    };
    (@native $t:ident, $($name:ident : $std:ident),*) => {
        $(#[inline(always)] fn $name(self) -> Self { $t::$std(self) })*
    };
    // Compiled once, here: inlined, each call would have the function for every instruction set.
    (@mode $t:ident, $math:ident, $($name:ident : $function:ident),*) => {$(
        #[inline(never)]
        fn $name(self) -> Self {
            struct One($t);
            impl Kernel for One {
                const WIDE: bool = false;
                type Output = $t;
                #[inline(always)]
                fn run<M: Mode>(self) -> $t { $math::$function::<M>(self.0) }
            }
            dispatch(One(self))
        }
    )*};
    (@mode_of_two $t:ident, $math:ident, $($name:ident : $y:ident),*) => {$(
        #[inline(never)]
        fn $name(self, y: $y) -> Self {
            struct Two($t, $y);
            impl Kernel for Two {
                const WIDE: bool = false;
                type Output = $t;
                #[inline(always)]
                fn run<M: Mode>(self) -> $t { $math::$name::<M>(self.0, self.1) }
            }
            dispatch(Two(self, y))
        }
    )*};
}

float_plain!(f64, double, double);
float_plain!(f32, single, single);

/// What there is once for each stored type, such as a table of loops that are compiled here and nowhere else.
///
/// [`Element::pick`] takes the one for a type that only a generic caller knows. So whatever is made for each type stands in the
/// module that owns it, and this one need not know of it.
#[doc(hidden)]
pub trait PerElement {
    /// The one for a type.
    type Of<T: Element>;
    /// The one for `f32`.
    fn single() -> Self::Of<f32>;
    /// The one for `f64`.
    fn double() -> Self::Of<f64>;
}

mod sealed {
    /// Keeps [`Element`](super::Element) to the types for which [`PerElement`](super::PerElement) has something.
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// What tensors and tapes hold: `f32` or `f64`, and nothing else. Its arithmetic is that of [`Number`], with every elementwise op as
/// a method; literals are `T::lit(0.5)`.
///
/// # Examples
/// ```
/// use retrograd::Element;
/// fn norm<T: Element>(x: &[T]) -> T {
///     x.iter().map(|&x| x * x).sum::<T>().sqrt()
/// }
/// fn huber<T: Element>(x: T) -> T {
///     if x.abs() < T::lit(1.0) { T::lit(0.5) * x.square() } else { x.abs() - T::lit(0.5) }
/// }
/// assert_eq!((norm(&[3.0, 4.0]), huber(-3.0_f32), norm::<f32>(&[])), (5.0, 2.5, 0.0));
/// ```
///
/// # Safety of kernels
/// Kernels rely on that, for memory safety too. So the trait is closed: it asks for `Gemm` and `Kernels`, which are in a private
/// module and cannot be named, let alone implemented, outside of this crate.
///
/// ```compile_fail,E0603
/// struct Mine(f32);
/// impl retrograd::tensor::kernels::matmul::Gemm for Mine {}
/// ```
/// ```compile_fail,E0277
/// struct Mine(f32);
/// fn is_element<T: retrograd::Element>() {}
/// is_element::<Mine>();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what tensors are made of",
    label = "expected `f32` or `f64`",
    note = "integers are labels and indices alone"
)]
pub trait Element:
    sealed::Sealed + Number + Default + Display + LowerExp + std::str::FromStr + Send + Sync + 'static
{
    /// `"f32"` or `"f64"`.
    const NAME: &'static str;
    /// The distance from 1 to the next number.
    const EPSILON: f64;
    /// What kernels compute with.
    #[doc(hidden)]
    type Lane<M: Mode>: Float + Number;
    /// Whether the vectorised circular functions do not reach this angle, or four times it.
    #[doc(hidden)]
    fn is_large_angle<M: Mode>(self) -> bool;
    /// Both, with the bits of each.
    #[doc(hidden)]
    fn sine_and_cosine<M: Mode>(self) -> (Self, Self);
    /// Into a kernel.
    #[doc(hidden)]
    fn enter<M: Mode>(self) -> Self::Lane<M>;
    /// Out of a kernel.
    #[doc(hidden)]
    fn leave<M: Mode>(lane: Self::Lane<M>) -> Self;
    /// What there is for this type.
    #[doc(hidden)]
    fn pick<P: PerElement>() -> P::Of<Self>;
    /// Rounds to this type.
    fn from_f64(x: f64) -> Self;
    /// The number as f64, exactly.
    fn to_f64(self) -> f64;
}

/// Whether every number is finite: a vector of them is looked at at once.
pub(crate) fn all_finite<T: Element>(x: &[T]) -> bool {
    let zero = T::from_f64(0.0);
    // What is infinite or NaN gives NaN.
    x.chunks(256).all(|part| part.iter().fold(true, |finite, &x| finite & (x * zero == zero)))
}
