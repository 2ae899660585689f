//! Values: a number or a tensor, owned or borrowed.

use super::{Shape, Tensor};
use crate::num::Element;
use std::fmt;

/// A value on the tape, or beside it: a number or a tensor. A tensor without axes is always a number.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, Value};
/// let value = Value::from(Tensor::from([1.0, 2.0]));
/// assert_eq!(value.shape().dims(), [2]);
/// assert_eq!(value.as_slice(), [1.0, 2.0]);
/// assert!(matches!(Value::from(Tensor::scalar(3.0)), Value::Scalar(3.0)));
/// ```
#[derive(Clone)]
pub enum Value<T> {
    /// A number.
    Scalar(T),
    /// A tensor with at least one axis.
    Tensor(Tensor<T>),
}

impl<T: Element> fmt::Debug for Value<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Scalar(x) => fmt::Debug::fmt(x, f),
            Value::Tensor(t) => fmt::Debug::fmt(t, f),
        }
    }
}

/// A value borrowed for a kernel.
#[derive(Clone, Copy)]
pub(crate) enum Operand<'a, T> {
    Scalar(T),
    Tensor(&'a Tensor<T>),
}

impl<T: Element> Value<T> {
    /// Its shape.
    pub fn shape(&self) -> Shape {
        self.operand().shape()
    }
    /// The value as a tensor, without axes for a number.
    pub fn into_tensor(self) -> Tensor<T> {
        match self {
            Value::Scalar(x) => Tensor::scalar(x),
            Value::Tensor(t) => t,
        }
    }
    #[inline]
    pub(crate) fn operand(&self) -> Operand<'_, T> {
        match self {
            Value::Scalar(x) => Operand::Scalar(*x),
            Value::Tensor(t) => Operand::Tensor(t),
        }
    }
    /// The elements.
    pub fn as_slice(&self) -> &[T] {
        match self {
            Value::Scalar(x) => std::slice::from_ref(x),
            Value::Tensor(t) => t.as_slice(),
        }
    }
}

impl<T: Element> From<Tensor<T>> for Value<T> {
    fn from(tensor: Tensor<T>) -> Self {
        if tensor.shape().rank() == 0 { Value::Scalar(tensor.item()) } else { Value::Tensor(tensor) }
    }
}

impl<T: Element> Operand<'_, T> {
    #[inline]
    pub fn shape(&self) -> Shape {
        match self {
            Operand::Scalar(_) => Shape::scalar(),
            Operand::Tensor(t) => t.shape().clone(),
        }
    }
    #[inline]
    pub fn dims(&self) -> &[usize] {
        match self {
            Operand::Scalar(_) => &[],
            Operand::Tensor(t) => t.shape(),
        }
    }
    #[inline]
    pub fn data(&self) -> &[T] {
        match self {
            Operand::Scalar(x) => std::slice::from_ref(x),
            Operand::Tensor(t) => t.as_slice(),
        }
    }
    pub fn to_value(self) -> Value<T> {
        match self {
            Operand::Scalar(x) => Value::Scalar(x),
            Operand::Tensor(t) => Value::Tensor(t.clone()),
        }
    }
}
