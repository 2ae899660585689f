//! Arithmetic on tensors without a tape: operators, elementwise functions, reductions and products as values.
//!
//! Nothing here has shape rules or loops of its own. Elementwise ops go to the kernels that recorded ops use; the others are
//! recorded on a tape that is thrown away, as data, so that axes, vectors in products and messages are the same everywhere.
//!
//! Cost: a new tensor for every result. A training step belongs on a tape, which uses its buffers again.

use super::{Tape, Var};
use crate::error::{OrPanic, Result};
use crate::num::Element;
use crate::ops::eager;
use crate::ops::registry::for_each_unary;
use crate::ops::structural::MatMul;
use crate::ops::{Add, BuiltinBinary, BuiltinUnary, Div, Mul, Neg, Sub};
use crate::tensor::pool::Pool;
use crate::tensor::{Axes, Operand, Tensor, Value};
use std::ops;

impl<T: Element> Tensor<T> {
    fn as_operand(&self) -> Operand<'_, T> {
        if self.shape().rank() == 0 { Operand::Scalar(self.as_slice()[0]) } else { Operand::Tensor(self) }
    }

    fn unary<O: BuiltinUnary>(&self, op: O) -> Self {
        eager::unary(&Pool::transient(), op.wrap(), self.as_operand()).into_tensor()
    }

    /// What a method of variables makes of this tensor as data.
    fn as_data(&self, f: impl for<'t> FnOnce(&'t Tape<T>, Var<'t, T>) -> Result<Var<'t, T>>) -> Result<Self> {
        let tape = Tape::of();
        Ok(f(&tape, tape.data(self))?.value())
    }
}

fn binary<T: Element, O: BuiltinBinary>(op: O, x: Operand<'_, T>, y: Operand<'_, T>) -> Result<Tensor<T>> {
    eager::binary(&Pool::transient(), op.wrap(), x, y).map(Value::into_tensor)
}

macro_rules! operator {
    ($($Trait:ident $method:ident $try_method:ident $Assign:ident $assign:ident $sign:literal;)*) => {$(
        impl<T: Element> Tensor<T> {
            #[doc = concat!("`self ", $sign, " rhs`, with broadcasting; a number counts as a tensor without axes.")]
            ///
            /// # Errors
            /// Shapes that do not broadcast.
            pub fn $try_method(&self, rhs: impl Into<Tensor<T>>) -> Result<Self> {
                binary($Trait, self.as_operand(), rhs.into().as_operand())
            }
        }
        operator!(@pair $Trait $method; [] Tensor<T>, Tensor<T>);
        operator!(@pair $Trait $method; ['a] Tensor<T>, &'a Tensor<T>);
        operator!(@pair $Trait $method; ['a] &'a Tensor<T>, Tensor<T>);
        operator!(@pair $Trait $method; ['a, 'b] &'a Tensor<T>, &'b Tensor<T>);
        operator!(@number_right $Trait $method; [] Tensor<T>);
        operator!(@number_right $Trait $method; ['a] &'a Tensor<T>);
        operator!(@number_left $Trait $method f32; [] Tensor<f32>);
        operator!(@number_left $Trait $method f32; ['a] &'a Tensor<f32>);
        operator!(@number_left $Trait $method f64; [] Tensor<f64>);
        operator!(@number_left $Trait $method f64; ['a] &'a Tensor<f64>);
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
    (@pair $Trait:ident $method:ident; [$($life:lifetime),*] $x:ty, $y:ty) => {
        impl<$($life,)* T: Element> ops::$Trait<$y> for $x {
            type Output = Tensor<T>;
            #[track_caller]
            fn $method(self, rhs: $y) -> Tensor<T> {
                binary($Trait, self.as_operand(), rhs.as_operand()).or_panic()
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
    (@number_left $Trait:ident $method:ident $t:ident; [$($life:lifetime),*] $y:ty) => {
        impl<$($life),*> ops::$Trait<$y> for $t {
            type Output = Tensor<$t>;
            #[track_caller]
            fn $method(self, rhs: $y) -> Tensor<$t> {
                binary($Trait, Operand::Scalar(self), rhs.as_operand()).or_panic()
            }
        }
    };
}
operator! {
    Add add try_add AddAssign add_assign "+";
    Sub sub try_sub SubAssign sub_assign "-";
    Mul mul try_mul MulAssign mul_assign "*";
    Div div try_div DivAssign div_assign "/";
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

macro_rules! unary_methods {
    ($(#[$neg:meta])* neg => Neg; $($(#[$doc:meta])* $method:ident $(($($arg:ident : $ty:ty),+))? => $Op:ident;)*) => {
        /// Elementwise functions, as on variables.
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
    ($($(#[$doc:meta])* $method:ident $try_method:ident $Op:ident;)*) => {
        /// Elementwise functions of two arguments, which broadcast; the second may be a number.
        impl<T: Element> Tensor<T> {
            $(
                $(#[$doc])*
                ///
                /// # Panics
                /// Shapes that do not broadcast.
                #[track_caller]
                pub fn $method(&self, rhs: impl Into<Tensor<T>>) -> Self {
                    self.$try_method(rhs).or_panic()
                }
                /// As the method without `try_`.
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
binary_methods! {
    /// x^y.
    pow try_pow Pow;
    /// The angle of the point (y, self), in (-pi, pi]: self is the ordinate.
    atan2 try_atan2 Atan2;
    /// sqrt(x^2 + y^2) without overflow in between.
    hypot try_hypot Hypot;
    /// The larger of the two.
    maximum try_maximum Maximum;
    /// The smaller of the two.
    minimum try_minimum Minimum;
    /// 1 where x > y, else 0.
    greater try_greater Greater;
    /// 1 where x >= y, else 0.
    greater_equal try_greater_equal GreaterEqual;
    /// 1 where x < y, else 0.
    less try_less Less;
    /// 1 where x <= y, else 0.
    less_equal try_less_equal LessEqual;
    /// 1 where x = y, else 0.
    equal try_equal Equal;
    /// 1 where x differs from y, else 0.
    not_equal try_not_equal NotEqual;
}

macro_rules! reductions {
    ($($(#[$doc:meta])* $method:ident $try_method:ident;)*) => {
        /// Reductions over axes: a number, several, or `()` for all; the axes go.
        impl<T: Element> Tensor<T> {
            $(
                $(#[$doc])*
                ///
                /// # Panics
                #[doc = concat!("Where [`Tensor::", stringify!($try_method), "`] fails.")]
                #[track_caller]
                pub fn $method(&self, axes: impl Into<Axes>) -> Self {
                    self.$try_method(axes).or_panic()
                }
                #[doc = concat!("As [`Tensor::", stringify!($method), "`].")]
                ///
                /// # Errors
                /// An axis out of range or given twice; no elements where one is needed.
                pub fn $try_method(&self, axes: impl Into<Axes>) -> Result<Self> {
                    self.as_data(|_, x| x.$try_method(axes))
                }
            )*
        }
    };
}
reductions! {
    /// The sum over axes.
    sum try_sum;
    /// The mean over axes.
    mean try_mean;
    /// The product over axes.
    prod try_prod;
    /// The largest element over axes; NaN if any is.
    max try_max;
    /// The smallest element over axes; NaN if any is.
    min try_min;
    /// sqrt(sum x^2) over axes, without overflow in between.
    norm2 try_norm2;
    /// ln sum e^x over axes, stable.
    logsumexp try_logsumexp;
    /// e^x / sum e^x over axes, stable; the shape stays.
    softmax try_softmax;
    /// x - logsumexp(x) over axes, stable; the shape stays.
    log_softmax try_log_softmax;
}

/// Products and layout, as on variables.
impl<T: Element> Tensor<T> {
    /// The matrix product of the last two axes; leading axes broadcast, and a vector is a row on the left or a column on the right.
    ///
    /// # Examples
    /// ```
    /// use retrograd::Tensor;
    /// let a: Tensor<f64> = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
    /// assert_eq!(a.matmul(&a.t()), Tensor::from([[5.0, 11.0], [11.0, 25.0]]));
    /// assert_eq!((2.0 * &a - a.mean(0)).sum(()).item(), 10.0);
    /// ```
    ///
    /// # Panics
    /// Where [`Tensor::try_matmul`] fails.
    #[track_caller]
    pub fn matmul(&self, rhs: &Self) -> Self {
        self.try_matmul(rhs).or_panic()
    }
    /// As [`Tensor::matmul`].
    ///
    /// # Errors
    /// Inner dimensions that differ; a number.
    #[inline(never)]
    pub fn try_matmul(&self, rhs: &Self) -> Result<Self> {
        self.as_data(|tape, x| x.try_matmul(tape.data(rhs)))
    }

    /// self = op(x) op(y) for matrices, written over the elements that are there; op transposes where asked for.
    ///
    /// For loops that keep their buffers: nothing is allocated unless another tensor shares the elements.
    ///
    /// # Panics
    /// Not matrices, inner dimensions that differ, or another shape than the product has.
    #[track_caller]
    pub fn assign_matmul(&mut self, x: &Self, transpose_x: bool, y: &Self, transpose_y: bool) {
        self.product(MatMul { ta: transpose_x, tb: transpose_y }, x, y, false);
    }
    /// self += op(x) op(y) for matrices, as [`Tensor::assign_matmul`].
    ///
    /// # Examples
    /// ```
    /// use retrograd::Tensor;
    /// // One step of gradient descent on weights: w = w - x' d / 2.
    /// let (x, mut d) = (Tensor::from([[1.0, 2.0], [3.0, 4.0]]), Tensor::from([[1.0], [-1.0]]));
    /// let mut w = Tensor::from([[0.5], [0.25]]);
    /// d *= -0.5;
    /// w.add_matmul(&x, true, &d, false);
    /// assert_eq!(w, Tensor::from([[1.5], [1.25]]));
    /// ```
    ///
    /// # Panics
    /// As [`Tensor::assign_matmul`].
    #[inline(never)]
    #[track_caller]
    pub fn add_matmul(&mut self, x: &Self, transpose_x: bool, y: &Self, transpose_y: bool) {
        self.product(MatMul { ta: transpose_x, tb: transpose_y }, x, y, true);
    }

    #[inline(never)]
    #[track_caller]
    fn product(&mut self, op: MatMul, x: &Self, y: &Self, accumulate: bool) {
        let shape = op.product_shape(x.shape(), y.shape()).or_panic();
        assert!(
            *self.shape() == shape,
            "matmul: the product has shape {shape}, what it is written to {}",
            self.shape()
        );
        op.product(x.into(), y.into(), self.as_mut_slice(), accumulate, None);
    }

    /// The last two axes swapped.
    ///
    /// # Panics
    /// Where [`Tensor::try_t`] fails.
    #[track_caller]
    pub fn t(&self) -> Self {
        self.try_t().or_panic()
    }
    /// As [`Tensor::t`].
    ///
    /// # Errors
    /// Fewer than two axes.
    pub fn try_t(&self) -> Result<Self> {
        self.as_data(|_, x| x.try_t())
    }

    /// The position of the largest element along an axis, for every place in the other axes, row-major; the first of equals.
    ///
    /// # Panics
    /// Where [`Tensor::try_argmax`] fails.
    #[track_caller]
    pub fn argmax(&self, axis: isize) -> Vec<usize> {
        self.try_argmax(axis).or_panic()
    }
    /// As [`Tensor::argmax`].
    ///
    /// # Errors
    /// The axis is out of range, or has no elements.
    #[inline(never)]
    pub fn try_argmax(&self, axis: isize) -> Result<Vec<usize>> {
        Tape::of().data(self).try_argmax(axis)
    }

    /// The position of the smallest element along an axis, for every place in the other axes, row-major; the first of equals.
    ///
    /// # Panics
    /// Where [`Tensor::try_argmin`] fails.
    #[track_caller]
    pub fn argmin(&self, axis: isize) -> Vec<usize> {
        self.try_argmin(axis).or_panic()
    }
    /// As [`Tensor::argmin`].
    ///
    /// # Errors
    /// The axis is out of range, or has no elements.
    #[inline(never)]
    pub fn try_argmin(&self, axis: isize) -> Result<Vec<usize>> {
        Tape::of().data(self).try_argmin(axis)
    }
}
