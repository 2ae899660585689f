//! How variables print.

use super::{NodeRef, Var};
use crate::num::Element;
use crate::tensor::display::readable;
use std::fmt;

impl<T: Element> fmt::Display for Var<'_, T> {
    /// The value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match f.precision() {
            _ if self.is_tensor() => {
                self.note_read("a value, to print it, was");
                fmt::Display::fmt(&self.with(|value| value.to_value()).into_tensor(), f)
            }
            Some(_) => fmt::Display::fmt(&self.scalar, f),
            None => f.pad(&readable(&self.scalar)),
        }
    }
}

impl<T: Element> fmt::Debug for Var<'_, T> {
    /// The node and the value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.id.lane() {
            NodeRef::Constant => write!(f, "Var(constant = {})", readable(&self.scalar)),
            NodeRef::Scalar(id) => write!(f, "Var(scalar #{id} = {})", readable(&self.scalar)),
            NodeRef::Tensor(k) => write!(f, "Var(tensor #{k} {} = {})", self.shape(), self.value()),
        }
    }
}
