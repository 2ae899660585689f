//! The operations of the problems, for the scalars of each crate.

use crate::problems::Scalar;

macro_rules! scalar {
    ([$($life:lifetime)?] $Type:ty, |$x:ident| $tanh:expr) => {
        impl $(<$life>)? Scalar for $Type {
            #[inline(always)]
            fn add(&self, other: &Self) -> Self {
                self.clone() + other.clone()
            }
            #[inline(always)]
            fn sub(&self, other: &Self) -> Self {
                self.clone() - other.clone()
            }
            #[inline(always)]
            fn mul(&self, other: &Self) -> Self {
                self.clone() * other.clone()
            }
            #[inline(always)]
            fn tanh(&self) -> Self {
                let $x = self;
                $tanh
            }
            #[inline(always)]
            fn times(&self, c: f64) -> Self {
                self.clone() * c
            }
            #[inline(always)]
            fn less(&self, c: f64) -> Self {
                self.clone() - c
            }
            #[inline(always)]
            fn from(&self, c: f64) -> Self {
                c - self.clone()
            }
        }
    };
}

scalar!(['a] reverse::Var<'a>, |x| reverse::Var::tanh(x));
scalar!(['a] RustQuant_autodiff::Variable<'a>, |x| RustQuant_autodiff::Variable::tanh(*x));
scalar!([] echidna::Reverse<f64>, |x| num_traits::Float::tanh(*x));
scalar!([] echidna::BReverse<f64>, |x| num_traits::Float::tanh(*x));
