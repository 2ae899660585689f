//! Rust's operators on variables and tensors. A tensor beside a variable is data on its tape.

use super::Var;
use super::elementwise::binary;
use crate::error::{Error, OrPanic, Result};
use crate::num::Element;
use crate::ops::{Add, Div, Mul, Neg, Sub};
use crate::tensor::{Operand, Tensor};
use std::iter;
use std::ops;

impl<T: Element> From<T> for Var<'_, T> {
    /// A constant.
    fn from(x: T) -> Self {
        Self::constant(x)
    }
}

/// A tensor as data on the tape of a variable.
#[inline(never)]
#[track_caller]
pub(super) fn beside<'t, T: Element>(var: Var<'t, T>, tensor: Tensor<T>) -> Result<Var<'t, T>> {
    match var.get_tape() {
        Some(tape) => Ok(tape.data(tensor)),
        None => {
            Err(Error::tape("a constant number and a tensor are on no tape; make a variable, or data, of one of them"))
        }
    }
}

macro_rules! operators {
    ($($Trait:ident $method:ident $Assign:ident $assign:ident;)*) => {$(
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

        operators!(@tensors $Trait $method; [] Tensor<T>, Tensor<T>);
        operators!(@tensors $Trait $method; ['a] Tensor<T>, &'a Tensor<T>);
        operators!(@tensors $Trait $method; ['a] &'a Tensor<T>, Tensor<T>);
        operators!(@tensors $Trait $method; ['a, 'b] &'a Tensor<T>, &'b Tensor<T>);
        operators!(@number_right $Trait $method; [] Tensor<T>);
        operators!(@number_right $Trait $method; ['a] &'a Tensor<T>);
        operators!(@tensor_beside $Trait $method $Assign $assign; [] Tensor<T>);
        operators!(@tensor_beside $Trait $method $Assign $assign; ['a] &'a Tensor<T>);
        operators!(@number_left $Trait $method f32);
        operators!(@number_left $Trait $method f64);
        impl<T: Element, R> ops::$Assign<R> for Tensor<T>
        where
            for<'a> &'a Tensor<T>: ops::$Trait<R, Output = Tensor<T>>,
        {
            #[track_caller]
            fn $assign(&mut self, rhs: R) {
                *self = ops::$Trait::$method(&*self, rhs);
            }
        }
    )*};
    (@tensors $Trait:ident $method:ident; [$($life:lifetime),*] $x:ty, $y:ty) => {
        impl<$($life,)* T: Element> ops::$Trait<$y> for $x {
            type Output = Tensor<T>;
            #[track_caller]
            fn $method(self, rhs: $y) -> Tensor<T> {
                binary($Trait, self.as_operand(), rhs.as_operand()).or_panic()
            }
        }
    };
    (@tensor_beside $Trait:ident $method:ident $Assign:ident $assign:ident; [$($life:lifetime),*] $x:ty) => {
        impl<'t, $($life,)* T: Element> ops::$Trait<$x> for Var<'t, T> {
            type Output = Self;
            #[track_caller]
            fn $method(self, rhs: $x) -> Self {
                let rhs = beside(self, rhs.into()).or_panic();
                self.record_binary($Trait, rhs)
            }
        }
        impl<$($life,)* T: Element> ops::$Assign<$x> for Var<'_, T> {
            #[track_caller]
            fn $assign(&mut self, rhs: $x) {
                *self = ops::$Trait::$method(*self, rhs);
            }
        }
        impl<'t, $($life,)* T: Element> ops::$Trait<Var<'t, T>> for $x {
            type Output = Var<'t, T>;
            #[track_caller]
            fn $method(self, rhs: Var<'t, T>) -> Var<'t, T> {
                beside(rhs, self.into()).or_panic().record_binary($Trait, rhs)
            }
        }
    };
    (@number_right $Trait:ident $method:ident; [$($life:lifetime),*] $x:ty) => {
        impl<$($life,)* T: Element> ops::$Trait<T> for $x {
            type Output = Tensor<T>;
            #[track_caller]
            fn $method(self, rhs: T) -> Tensor<T> {
                binary($Trait, self.as_operand(), Operand::Scalar(rhs)).or_panic()
            }
        }
    };
    (@number_left $Trait:ident $method:ident $t:ident) => {
        impl<'t> ops::$Trait<Var<'t, $t>> for $t {
            type Output = Var<'t, $t>;
            #[inline(always)]
            #[track_caller]
            fn $method(self, rhs: Var<'t, $t>) -> Var<'t, $t> {
                Var::constant(self).record_binary($Trait, rhs)
            }
        }
        operators!(@number_left_of_tensor $Trait $method $t; [] Tensor<$t>);
        operators!(@number_left_of_tensor $Trait $method $t; ['a] &'a Tensor<$t>);
    };
    (@number_left_of_tensor $Trait:ident $method:ident $t:ident; [$($life:lifetime),*] $y:ty) => {
        impl<$($life),*> ops::$Trait<$y> for $t {
            type Output = Tensor<$t>;
            #[track_caller]
            fn $method(self, rhs: $y) -> Tensor<$t> {
                binary($Trait, Operand::Scalar(self), rhs.as_operand()).or_panic()
            }
        }
    };
}
operators! {
    Add add AddAssign add_assign;
    Sub sub SubAssign sub_assign;
    Mul mul MulAssign mul_assign;
    Div div DivAssign div_assign;
}

impl<T: Element> ops::Neg for &Tensor<T> {
    type Output = Tensor<T>;
    fn neg(self) -> Tensor<T> {
        self.unary(Neg)
    }
}
impl<T: Element> ops::Neg for Tensor<T> {
    type Output = Tensor<T>;
    fn neg(self) -> Tensor<T> {
        self.unary(Neg)
    }
}
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
