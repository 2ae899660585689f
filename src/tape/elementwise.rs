//! Elementwise ops as methods of variables and tensors: those of the registry, a choice, and users' own.
//!
//! A variable's go into the scalar lane without a call where it is a number. A tensor's go straight to the kernels that recorded
//! ops use, without a tape.

use super::Var;
use super::methods::{at_once, methods};
use crate::error::{OrPanic, Result};
use crate::num::Element;
use crate::ops::registry::{for_each_binary, for_each_unary};
use crate::ops::{BuiltinBinary, BuiltinUnary, eager};
use crate::tensor::pool::Pool;
use crate::tensor::{Operand, Tensor, Value};

impl<T: Element> Tensor<T> {
    pub(super) fn as_operand(&self) -> Operand<'_, T> {
        if self.shape().rank() == 0 { Operand::Scalar(self.as_slice()[0]) } else { Operand::Tensor(self) }
    }

    pub(super) fn unary<O: BuiltinUnary>(&self, op: O) -> Self {
        eager::unary(&Pool::transient(), op.wrap(), self.as_operand()).into_tensor()
    }
}

pub(super) fn binary<T: Element, O: BuiltinBinary>(op: O, x: Operand<'_, T>, y: Operand<'_, T>) -> Result<Tensor<T>> {
    eager::binary(&Pool::transient(), op.wrap(), x, y).map(Value::into_tensor)
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

        /// Elementwise ops of one argument.
        impl<T: Element> Tensor<T> {
            $(
                $(#[$doc])*
                pub fn $method(&self $($(, $arg: $ty)+)?) -> Self {
                    self.unary(crate::ops::$Op $({ $($arg),+ })?)
                }
            )*
        }
    };
}
for_each_unary!(unary_methods);

macro_rules! binary_methods {
    (
        operators { $($(#[$sign:meta])* $operator:ident $try_operator:ident => $Operator:ident;)* }
        inside $inside:tt
        methods { $($(#[$doc:meta])* $method:ident $try_method:ident => $Op:ident;)* }
    ) => {
        /// Elementwise ops of two arguments, which broadcast; the second may be a number.
        impl<'t, T: Element> Var<'t, T> {
            $(
                $(#[$doc])*
                ///
                /// # Panics
                #[doc = concat!("Where [`Var::", stringify!($try_method), "`] fails.")]
                #[inline(always)]
                #[track_caller]
                pub fn $method(self, rhs: impl crate::tape::IntoVar<'t, T>) -> Self {
                    self.record_binary(crate::ops::$Op, rhs.into_var(self).or_panic())
                }
            )*
        }

        /// Elementwise ops of two arguments, which broadcast; the second may be a number.
        impl<T: Element> Tensor<T> {
            $(
                $(#[$doc])*
                ///
                /// # Panics
                #[doc = concat!("Where [`Tensor::", stringify!($try_method), "`] fails.")]
                #[track_caller]
                pub fn $method(&self, rhs: impl Into<Tensor<T>>) -> Self {
                    self.$try_method(rhs).or_panic()
                }
            )*
        }

        binary_methods! {
            $($(#[$sign])* $try_operator => $Operator;)*
            $(#[doc = concat!("As [`Self::", stringify!($method), "`].")] $try_method => $Op;)*
        }
    };
    ($(#[$doc:meta] $try_method:ident => $Op:ident;)*) => {
        /// Fallible twins of operators and of elementwise ops of two arguments.
        impl<'t, T: Element> Var<'t, T> {
            $(
                #[$doc]
                ///
                /// # Errors
                /// Shapes that do not broadcast; operands of two tapes.
                #[track_caller]
                pub fn $try_method(self, rhs: impl crate::tape::IntoVar<'t, T>) -> Result<Self> {
                    self.try_record_binary(crate::ops::$Op, rhs.into_var(self)?)
                }
            )*
        }

        /// Fallible twins of operators and of elementwise ops of two arguments.
        impl<T: Element> Tensor<T> {
            $(
                #[$doc]
                ///
                /// # Errors
                /// Shapes that do not broadcast.
                pub fn $try_method(&self, rhs: impl Into<Tensor<T>>) -> Result<Self> {
                    binary(crate::ops::$Op, self.as_operand(), rhs.into().as_operand())
                }
            )*
        }
    };
}
for_each_binary!(binary_methods);

methods! {
    /// A choice, element by element.
    errors "Shapes that do not broadcast."

    /// `a` where this is not 0, `b` elsewhere; all three broadcast. Only the chosen side is differentiated, so an infinite or
    /// NaN derivative on the other does not leak.
    select try_select(x, into a, into b) -> Self { x.record_select(a, b) }
}

/// Elementwise ops of your own.
impl<'t, T: Element> Var<'t, T> {
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
    pub fn apply2(self, op: impl crate::ops::Binary, rhs: impl crate::tape::IntoVar<'t, T>) -> Self {
        self.try_apply2(op, rhs).or_panic()
    }
    /// As [`Var::apply2`].
    ///
    /// # Errors
    /// Shapes that do not broadcast; operands of two tapes.
    #[track_caller]
    pub fn try_apply2(self, op: impl crate::ops::Binary, rhs: impl crate::tape::IntoVar<'t, T>) -> Result<Self> {
        self.record_custom_binary(op, rhs.into_var(self)?)
    }
}

/// Elementwise ops of your own.
impl<T: Element> Tensor<T> {
    /// A one-argument elementwise op of your own.
    pub fn apply(&self, op: impl crate::ops::Unary) -> Self {
        at_once(|tape| Ok(tape.data(self).apply(op).value())).expect("an op of one argument refuses nothing")
    }
    /// A two-argument elementwise op of your own.
    ///
    /// # Panics
    /// Shapes that do not broadcast.
    #[track_caller]
    pub fn apply2(&self, op: impl crate::ops::Binary, rhs: impl Into<Tensor<T>>) -> Self {
        self.try_apply2(op, rhs).or_panic()
    }
    /// As [`Tensor::apply2`].
    ///
    /// # Errors
    /// Shapes that do not broadcast.
    pub fn try_apply2(&self, op: impl crate::ops::Binary, rhs: impl Into<Tensor<T>>) -> Result<Self> {
        let rhs = rhs.into();
        at_once(|tape| Ok(tape.data(self).try_apply2(op, tape.data(rhs))?.value()))
    }
}
