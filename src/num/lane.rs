//! The kernels' number: an element that knows how the CPU multiplies and adds, so that a plain loop over it vectorises.

use super::math::Mode;
use std::cmp::Ordering;
use std::fmt;
use std::iter::{Product, Sum};
use std::marker::PhantomData;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

/// One element inside a kernel compiled in mode `M`.
#[repr(transparent)]
pub struct Lane<T, M>(T, PhantomData<M>);

impl<T: Copy, M> Lane<T, M> {
    #[inline(always)]
    pub fn new(x: T) -> Self {
        Self(x, PhantomData)
    }
    #[inline(always)]
    pub fn get(self) -> T {
        self.0
    }
}

impl<T: Copy, M> Clone for Lane<T, M> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: Copy, M> Copy for Lane<T, M> {}

impl<T: fmt::Debug, M> fmt::Debug for Lane<T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: PartialEq, M> PartialEq for Lane<T, M> {
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T: PartialOrd, M> PartialOrd for Lane<T, M> {
    #[inline(always)]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.0.partial_cmp(&other.0)
    }
    #[inline(always)]
    fn lt(&self, other: &Self) -> bool {
        self.0 < other.0
    }
    #[inline(always)]
    fn le(&self, other: &Self) -> bool {
        self.0 <= other.0
    }
    #[inline(always)]
    fn gt(&self, other: &Self) -> bool {
        self.0 > other.0
    }
    #[inline(always)]
    fn ge(&self, other: &Self) -> bool {
        self.0 >= other.0
    }
}

macro_rules! lane_op {
    ($($Trait:ident $method:ident),*) => {$(
        impl<T: Copy + $Trait<Output = T>, M: Mode> $Trait for Lane<T, M> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, rhs: Self) -> Self {
                Self::new(self.0.$method(rhs.0))
            }
        }
    )*};
}
lane_op!(Add add, Sub sub, Mul mul, Div div);

impl<T: Copy + Neg<Output = T>, M: Mode> Neg for Lane<T, M> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self::new(-self.0)
    }
}

macro_rules! lane_assign {
    ($($Trait:ident $method:ident $Assign:ident $assign:ident),*) => {$(
        impl<T: Copy + $Trait<Output = T>, M: Mode> $Assign for Lane<T, M> {
            #[inline(always)]
            fn $assign(&mut self, rhs: Self) {
                *self = self.$method(rhs);
            }
        }
    )*};
}
lane_assign!(Add add AddAssign add_assign, Sub sub SubAssign sub_assign, Mul mul MulAssign mul_assign,
    Div div DivAssign div_assign);

impl<T: Copy + Sum, M: Mode> Sum for Lane<T, M> {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        Self::new(iter.map(Self::get).sum())
    }
}
impl<T: Copy + Product, M: Mode> Product for Lane<T, M> {
    fn product<I: Iterator<Item = Self>>(iter: I) -> Self {
        Self::new(iter.map(Self::get).product())
    }
}
