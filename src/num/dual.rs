//! Dual numbers: forward mode for scalars, from the same rules as reverse mode.

use super::{Number, Upstream};
use crate::num::elementwise::{Add, Binary, BuiltinBinary, BuiltinUnary, Div, Mul, Neg, Sub, Unary};
use std::cmp::Ordering;
use std::ops;

/// A value and its derivative along one direction: v + t e with e^2 = 0.
///
/// Over plain numbers it carries a first derivative; `Dual<Dual<f64>>` carries a second, and so on.
///
/// # Examples
/// ```
/// use retrograd::{Dual, Number};
/// let x = Dual::variable(0.5);
/// let y = x.sin() * x;
/// assert_eq!(y.tangent, 0.5 * 0.5f64.cos() + 0.5f64.sin());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Dual<S> {
    /// The value.
    pub value: S,
    /// The derivative of the value along the chosen direction.
    pub tangent: S,
}

impl<S: Number> Dual<S> {
    /// A value with a given tangent.
    pub fn new(value: S, tangent: S) -> Self {
        Self { value, tangent }
    }
    /// The variable to differentiate by: tangent 1.
    pub fn variable(value: S) -> Self {
        Self { value, tangent: S::lit(1.0) }
    }
    /// A constant: tangent 0.
    pub fn constant(value: S) -> Self {
        Self { value, tangent: S::lit(0.0) }
    }
}

// An elementwise op's Jacobian is diagonal, so its vector-Jacobian product is its Jacobian-vector product.
impl<S: Number> Number for Dual<S> {
    #[inline]
    fn lit(x: f64) -> Self {
        Self::constant(S::lit(x))
    }
    #[inline]
    fn select(self, a: Self, b: Self) -> Self {
        Self { value: self.value.select(a.value, b.value), tangent: self.value.select(a.tangent, b.tangent) }
    }
    #[inline]
    fn unary<O: BuiltinUnary>(self, op: O) -> Self {
        let y = self.value.unary(op);
        Self { value: y, tangent: op.vjp(self.value, y, Upstream(self.tangent)).0 }
    }
    #[inline]
    fn binary<O: BuiltinBinary>(self, op: O, rhs: Self) -> Self {
        let out = self.value.binary(op, rhs.value);
        Self { value: out, tangent: binary_tangent(op, self, rhs, out) }
    }
    #[inline]
    fn apply<O: Unary>(self, op: O) -> Self {
        let y = self.value.apply(op);
        Self { value: y, tangent: op.vjp(self.value, y, Upstream(self.tangent)).0 }
    }
    #[inline]
    fn apply2<O: Binary>(self, op: O, rhs: Self) -> Self {
        let out = self.value.apply2(op, rhs.value);
        Self { value: out, tangent: binary_tangent(op, self, rhs, out) }
    }
}

fn binary_tangent<S: Number, O: Binary>(op: O, x: Dual<S>, y: Dual<S>, out: S) -> S {
    let dx = op.vjp_x(x.value, y.value, out, Upstream(x.tangent)).0;
    let dy = op.vjp_y(x.value, y.value, out, Upstream(y.tangent)).0;
    dx + dy
}

impl<S: PartialEq> PartialEq for Dual<S> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}
impl<S: PartialOrd> PartialOrd for Dual<S> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

macro_rules! dual_op {
    ($($Trait:ident $method:ident $Assign:ident $assign:ident),*) => {$(
        impl<S: Number> ops::$Trait for Dual<S> {
            type Output = Self;
            #[inline]
            fn $method(self, rhs: Self) -> Self {
                self.binary($Trait, rhs)
            }
        }
        impl<S: Number> ops::$Assign for Dual<S> {
            #[inline]
            fn $assign(&mut self, rhs: Self) {
                *self = self.binary($Trait, rhs);
            }
        }
        dual_op!(@literal $Trait $method $Assign $assign; f64: Dual<f64>, Dual<Dual<f64>>, Dual<Dual<Dual<f64>>>);
        dual_op!(@literal $Trait $method $Assign $assign; f32: Dual<f32>, Dual<Dual<f32>>, Dual<Dual<Dual<f32>>>);
    )*};
    (@literal $Trait:ident $method:ident $Assign:ident $assign:ident; $literal:ident: $($t:ty),*) => {$(
        impl ops::$Trait<$literal> for $t {
            type Output = Self;
            #[inline]
            fn $method(self, rhs: $literal) -> Self {
                self.binary($Trait, Number::lit(rhs as f64))
            }
        }
        impl ops::$Assign<$literal> for $t {
            #[inline]
            fn $assign(&mut self, rhs: $literal) {
                *self = self.binary($Trait, Number::lit(rhs as f64));
            }
        }
        impl ops::$Trait<$t> for $literal {
            type Output = $t;
            #[inline]
            fn $method(self, rhs: $t) -> $t {
                <$t as Number>::lit(self as f64).binary($Trait, rhs)
            }
        }
    )*};
}
dual_op!(Add add AddAssign add_assign, Sub sub SubAssign sub_assign, Mul mul MulAssign mul_assign,
    Div div DivAssign div_assign);

macro_rules! dual_compares_with_literal {
    ($($literal:ident: $($t:ty),*;)*) => {$($(
        impl PartialEq<$literal> for $t {
            fn eq(&self, other: &$literal) -> bool {
                *self == <$t as Number>::lit(*other as f64)
            }
        }
        impl PartialOrd<$literal> for $t {
            fn partial_cmp(&self, other: &$literal) -> Option<Ordering> {
                self.partial_cmp(&<$t as Number>::lit(*other as f64))
            }
        }
    )*)*};
}
dual_compares_with_literal! {
    f64: Dual<f64>, Dual<Dual<f64>>, Dual<Dual<Dual<f64>>>;
    f32: Dual<f32>, Dual<Dual<f32>>, Dual<Dual<Dual<f32>>>;
}

impl<S: Number> ops::Neg for Dual<S> {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        self.unary(Neg)
    }
}
impl<S: Number> std::iter::Sum for Dual<S> {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::lit(0.0), |a, b| a + b)
    }
}
impl<S: Number> std::iter::Product for Dual<S> {
    fn product<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::lit(1.0), |a, b| a * b)
    }
}
impl From<f64> for Dual<f64> {
    fn from(x: f64) -> Self {
        Self::constant(x)
    }
}
impl From<f32> for Dual<f32> {
    fn from(x: f32) -> Self {
        Self::constant(x)
    }
}
