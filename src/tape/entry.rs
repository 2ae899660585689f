//! The tensor lane: one entry for each op that reads or makes a tensor.

use super::custom::{DynBinary, DynTensorOp, DynUnary};
use super::var::NodeId;
use crate::num::Element;
use crate::ops::structural::TensorOp;
use crate::ops::{BinaryOp, UnaryOp};
use crate::tensor::Value;
use smallvec::SmallVec;
use std::panic::Location;
use std::sync::Arc;

/// What made an entry.
#[derive(Clone)]
pub(crate) enum NodeOp<T> {
    /// A variable, or data.
    Leaf,
    /// Its argument: the side of a choice between numbers that was taken.
    Copy,
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
    /// Whether no gradient goes through.
    pub fn is_flat(&self) -> bool {
        match self {
            NodeOp::Unary(op) => op.is_flat(),
            NodeOp::Binary(op) => op.is_flat(),
            NodeOp::Tensor(op) => op.is_flat(),
            NodeOp::CustomUnary(op) => op.is_flat(),
            NodeOp::CustomBinary(op) => op.is_flat(),
            NodeOp::Leaf | NodeOp::Copy | NodeOp::Select | NodeOp::Custom(_) => false,
        }
    }
    /// Whether the op has an index buffer.
    pub fn holds_indices(&self) -> bool {
        matches!(self, NodeOp::Tensor(op) if op.holds_indices())
    }
    pub fn name(&self) -> &str {
        match self {
            NodeOp::Leaf => "leaf",
            NodeOp::Copy => "chosen",
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
    pub id: NodeId,
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
