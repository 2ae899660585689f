//! The tensor lane: one entry for each op that reads or makes a tensor.

use super::var::Id;
use crate::num::Element;
use crate::ops::custom::{DynBinary, DynTensorOp, DynUnary};
use crate::ops::structural::TensorOp;
use crate::ops::{BinaryOp, UnaryOp};
use crate::tensor::{Shape, Tensor};
use smallvec::SmallVec;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

/// A value on the tape, or beside it: a number or a tensor. A tensor without axes is always a number.
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

/// What made an entry.
#[derive(Clone)]
pub(crate) enum NodeOp<T> {
    /// A variable, or data.
    Leaf,
    Unary(UnaryOp),
    Binary(BinaryOp),
    /// `a` where the condition is not 0, else `b`.
    Select,
    Tensor(TensorOp),
    CustomUnary(Arc<dyn DynUnary<T>>),
    CustomBinary(Arc<dyn DynBinary<T>>),
    Custom(Arc<dyn DynTensorOp<T>>),
}

impl<T: Element> NodeOp<T> {
    /// Whether the op has an index buffer.
    pub fn holds_indices(&self) -> bool {
        matches!(self, NodeOp::Tensor(op) if op.holds_indices())
    }
    pub fn name(&self) -> &str {
        match self {
            NodeOp::Leaf => "leaf",
            NodeOp::Unary(op) => op.name(),
            NodeOp::Binary(op) => op.name(),
            NodeOp::Select => "select",
            NodeOp::Tensor(op) => op.name(),
            NodeOp::CustomUnary(op) => op.name(),
            NodeOp::CustomBinary(op) => op.name(),
            NodeOp::Custom(op) => op.name(),
        }
    }
}

/// An argument of an entry; scalars carry their value along.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parent<T> {
    pub id: Id,
    pub value: T,
}

pub(crate) type Parents<T> = SmallVec<[Parent<T>; 2]>;

/// One op that reads or makes a tensor.
pub(crate) struct Entry<T> {
    pub op: NodeOp<T>,
    pub parents: Parents<T>,
    pub value: Value<T>,
    /// The scalar lane's length when this was recorded, which orders the two lanes.
    pub mark: u32,
    /// Where the value is a number: its leaf in the scalar lane.
    pub scalar: Option<u32>,
    /// Whether gradients go through.
    pub active: bool,
    /// Whether the gradient is kept though this is no leaf.
    pub retained: bool,
    pub site: &'static Location<'static>,
}

impl<T> Entry<T> {
    /// Whether this is data: a leaf that is no variable.
    pub fn is_data(&self) -> bool {
        !self.active && matches!(self.op, NodeOp::Leaf)
    }
}
