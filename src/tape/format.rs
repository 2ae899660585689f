//! How variables print.

use super::{Lane, Var};
use crate::num::Element;
use std::fmt;

impl<T: Element> fmt::Display for Var<'_, T> {
    /// The value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_tensor() { fmt::Display::fmt(&self.value(), f) } else { fmt::Display::fmt(&self.scalar, f) }
    }
}

impl<T: Element> fmt::Debug for Var<'_, T> {
    /// The node and the value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.id.lane() {
            Lane::Constant => write!(f, "Var(constant = {})", self.scalar),
            Lane::Scalar(id) => write!(f, "Var(scalar #{id} = {})", self.scalar),
            Lane::Tensor(k) => write!(f, "Var(tensor #{k} {} = {})", self.shape(), self.value()),
        }
    }
}
