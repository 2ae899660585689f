//! Operators, and every elementwise op of the registry as a method.

use super::Var;
use crate::error::{OrPanic, Result};
use crate::num::Element;
use crate::ops::registry::{for_each_binary, for_each_unary};
use crate::ops::{Add, Div, Mul, Neg, Sub};
use std::iter;
use std::ops;

impl<T: Element> From<T> for Var<'_, T> {
    /// A constant.
    fn from(x: T) -> Self {
        Self::constant(x)
    }
}

macro_rules! operator {
    ($($Trait:ident $method:ident $Assign:ident $assign:ident $try_method:ident $name:literal),*) => {$(
        impl<'t, T: Element> ops::$Trait for Var<'t, T> {
            type Output = Self;
            #[inline(always)]
            #[track_caller]
            fn $method(self, rhs: Self) -> Self {
                self.record_binary($Trait, rhs)
            }
        }
        impl<'t, T: Element> ops::$Trait<T> for Var<'t, T> {
            type Output = Self;
            #[inline(always)]
            #[track_caller]
            fn $method(self, rhs: T) -> Self {
                self.record_binary($Trait, Var::constant(rhs))
            }
        }
        operator!(@left $Trait $method f32);
        operator!(@left $Trait $method f64);
        impl<'t, T: Element> ops::$Assign for Var<'t, T> {
            #[inline(always)]
            #[track_caller]
            fn $assign(&mut self, rhs: Self) {
                *self = self.record_binary($Trait, rhs);
            }
        }
        impl<'t, T: Element> ops::$Assign<T> for Var<'t, T> {
            #[inline(always)]
            #[track_caller]
            fn $assign(&mut self, rhs: T) {
                *self = self.record_binary($Trait, Var::constant(rhs));
            }
        }
        impl<'t, T: Element> Var<'t, T> {
            #[doc = concat!("`self ", $name, " rhs`, with broadcasting.\n\n# Errors\nShapes that do not broadcast; operands of two tapes.")]
            #[track_caller]
            pub fn $try_method(self, rhs: impl Into<Var<'t, T>>) -> Result<Self> {
                self.try_record_binary($Trait, rhs.into())
            }
        }
    )*};
    (@left $Trait:ident $method:ident $t:ident) => {
        impl<'t> ops::$Trait<Var<'t, $t>> for $t {
            type Output = Var<'t, $t>;
            #[inline(always)]
            #[track_caller]
            fn $method(self, rhs: Var<'t, $t>) -> Var<'t, $t> {
                Var::constant(self).record_binary($Trait, rhs)
            }
        }
    };
}
operator!(Add add AddAssign add_assign try_add "+", Sub sub SubAssign sub_assign try_sub "-",
    Mul mul MulAssign mul_assign try_mul "*", Div div DivAssign div_assign try_div "/");

impl<T: Element> ops::Neg for Var<'_, T> {
    type Output = Self;
    #[inline(always)]
    #[track_caller]
    fn neg(self) -> Self {
        self.record_unary(Neg)
    }
}

impl<T: Element> iter::Sum for Var<'_, T> {
    #[track_caller]
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.reduce(|a, b| a + b).unwrap_or_else(|| Var::constant(T::from_f64(0.0)))
    }
}
impl<'a, 't: 'a, T: Element> iter::Sum<&'a Var<'t, T>> for Var<'t, T> {
    #[track_caller]
    fn sum<I: Iterator<Item = &'a Var<'t, T>>>(iter: I) -> Self {
        iter.copied().sum()
    }
}
impl<T: Element> iter::Product for Var<'_, T> {
    #[track_caller]
    fn product<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.reduce(|a, b| a * b).unwrap_or_else(|| Var::constant(T::from_f64(1.0)))
    }
}
impl<'a, 't: 'a, T: Element> iter::Product<&'a Var<'t, T>> for Var<'t, T> {
    #[track_caller]
    fn product<I: Iterator<Item = &'a Var<'t, T>>>(iter: I) -> Self {
        iter.copied().product()
    }
}

macro_rules! unary_methods {
    ($($(#[$doc:meta])* $method:ident $(($($arg:ident : $ty:ty),+))? => $Op:ident;)*) => {
        /// Elementwise ops of one argument.
        impl<'t, T: Element> Var<'t, T> {
            $(
                $(#[$doc])*
                #[inline(always)]
                #[track_caller]
                #[allow(clippy::should_implement_trait)]
                pub fn $method(self $($(, $arg: $ty)+)?) -> Self {
                    self.record_unary(crate::ops::$Op $({ $($arg),+ })?)
                }
            )*
        }
    };
}
for_each_unary!(unary_methods);

macro_rules! binary_methods {
    (operators { $($operators:tt)* } methods { $($(#[$doc:meta])* $method:ident => $Op:ident;)* }) => {
        /// Elementwise ops of two arguments, which broadcast; the second may be a plain number.
        impl<'t, T: Element> Var<'t, T> {
            $(
                $(#[$doc])*
                ///
                /// # Panics
                /// Shapes that do not broadcast; operands of two tapes.
                #[inline(always)]
                #[track_caller]
                pub fn $method(self, rhs: impl Into<Var<'t, T>>) -> Self {
                    self.record_binary(crate::ops::$Op, rhs.into())
                }
            )*
        }
        try_binary_methods!($($method => $Op;)*);
    };
}
macro_rules! try_binary_methods {
    (pow => $Pow:ident; atan2 => $Atan2:ident; hypot => $Hypot:ident; maximum => $Maximum:ident; minimum => $Minimum:ident;
     logaddexp => $Logaddexp:ident; xlogy => $Xlogy:ident; bce_with_logits => $Bce:ident; greater => $Greater:ident;
     greater_equal => $GreaterEqual:ident; less => $Less:ident; less_equal => $LessEqual:ident; equal => $Equal:ident;
     not_equal => $NotEqual:ident;) => {
        try_binary_methods!(@each try_pow $Pow, try_atan2 $Atan2, try_hypot $Hypot, try_maximum $Maximum,
            try_minimum $Minimum, try_logaddexp $Logaddexp, try_xlogy $Xlogy, try_bce_with_logits $Bce,
            try_greater $Greater, try_greater_equal $GreaterEqual, try_less $Less, try_less_equal $LessEqual,
            try_equal $Equal, try_not_equal $NotEqual);
    };
    (@each $($method:ident $Op:ident),*) => {
        /// Fallible twins of the elementwise ops of two arguments.
        impl<'t, T: Element> Var<'t, T> {
            $(
                /// As the method without `try_`.
                ///
                /// # Errors
                /// Shapes that do not broadcast; operands of two tapes.
                #[track_caller]
                pub fn $method(self, rhs: impl Into<Var<'t, T>>) -> Result<Self> {
                    self.try_record_binary(crate::ops::$Op, rhs.into())
                }
            )*
        }
    };
}
for_each_binary!(binary_methods);

impl<'t, T: Element> Var<'t, T> {
    /// `a` where this is not 0, `b` elsewhere; all three broadcast. Only the chosen side is differentiated, so an infinite or
    /// NaN derivative on the other does not leak.
    ///
    /// # Panics
    /// Shapes that do not broadcast; operands of two tapes.
    #[track_caller]
    pub fn select(self, a: impl Into<Var<'t, T>>, b: impl Into<Var<'t, T>>) -> Self {
        self.try_select(a, b).or_panic()
    }
    /// As [`Var::select`].
    ///
    /// # Errors
    /// Shapes that do not broadcast; operands of two tapes.
    #[track_caller]
    pub fn try_select(self, a: impl Into<Var<'t, T>>, b: impl Into<Var<'t, T>>) -> Result<Self> {
        self.record_select(a.into(), b.into())
    }

    /// A one-argument elementwise op of your own.
    #[track_caller]
    pub fn apply(self, op: impl crate::ops::Unary) -> Self {
        self.record_custom_unary(op)
    }
    /// A two-argument elementwise op of your own.
    ///
    /// # Panics
    /// Shapes that do not broadcast; operands of two tapes.
    #[track_caller]
    pub fn apply2(self, op: impl crate::ops::Binary, rhs: impl Into<Var<'t, T>>) -> Self {
        self.try_apply2(op, rhs).or_panic()
    }
    /// As [`Var::apply2`].
    ///
    /// # Errors
    /// Shapes that do not broadcast; operands of two tapes.
    #[track_caller]
    pub fn try_apply2(self, op: impl crate::ops::Binary, rhs: impl Into<Var<'t, T>>) -> Result<Self> {
        self.record_custom_binary(op, rhs.into())
    }
}
