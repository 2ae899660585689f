//! Where a first derivative is a choice, and what a second one makes of that.
//!
//! The length of a vector has no derivative where it is 0, and neither has an angle at the origin; that of both is 0 by convention.
//! A gradient goes on with that choice. But the derivative of what was chosen is nobody's to know: that of |x|^2 at 0 is 2, and no
//! rule of |x| can say so. Backward through a recorded gradient it is an infinity times 0, NaN. Forward through it, the tangent
//! of the length is 0 by the same convention, and would hide that; so where tangents are on their way to a gradient, they are
//! NaN behind such a point, unless nothing moves there.
//!
//! Cost: nothing on tapes without such ops; else a look at what leads to the results.

use crate::num::Element;
use crate::ops::algebra::Algebra;
use crate::ops::{self, BinaryOp, UnaryOp};
use crate::tape::scalar::ScalarNode;
use crate::tape::{NodeId, NodeOp, NodeRef, Tape};

/// Whether an op's derivative is a choice at some point whose second derivative is not.
fn bends<T>(op: &NodeOp<T>) -> bool {
    match op {
        NodeOp::Tensor(op) => op.bends(),
        NodeOp::Binary(op) => op.bends(),
        _ => false,
    }
}

/// 0, or NaN where the op's derivative is a choice and its input moves along the tangent; nothing for ops without such points.
pub(super) fn unknown<T: Element, A: Algebra<T>>(
    a: &A,
    op: &NodeOp<T>,
    inputs: &[A::V],
    output: &A::V,
    tangent: &A::V,
) -> Option<A::V> {
    if !bends(op) {
        return None;
    }
    let moved = a.unary(UnaryOp::Abs(ops::Abs), tangent);
    let (moved, length) = match op {
        NodeOp::Tensor(_) => (a.sum_last(&moved), output.clone()),
        _ => (moved, a.binary(BinaryOp::Hypot(ops::Hypot), &inputs[0], &inputs[1])),
    };
    // 0 over the length: 0, and NaN where that is 0.
    Some(a.scale(&moved, &a.div(&a.literal(0.0), &length)))
}

/// Whether tangents that go to these nodes come past such an op, and go to gradients: through ops that only rules use.
pub(super) fn lead_to_gradients<T: Element>(tape: &Tape<T>, to: &[NodeId], n_entries: usize, n_scalars: u32) -> bool {
    let entries = &tape.entries()[..n_entries];
    if !tape.scalars().has_bends() && !entries.iter().any(|entry| bends(&entry.op)) {
        return false;
    }
    let mut leading =
        Leading { entries: vec![false; n_entries], scalars: vec![false; n_scalars as usize], found: false };
    to.iter().for_each(|&id| leading.mark(id));
    let mut hi = n_scalars;
    for (k, entry) in entries.iter().enumerate().rev() {
        leading.scalars(tape, entry.mark.min(hi), hi);
        hi = entry.mark.min(hi);
        if leading.entries[k] || entry.scalar.is_some_and(|id| leading.scalars.get(id as usize) == Some(&true)) {
            entry.parents.iter().for_each(|parent| leading.mark(parent.id));
            leading.found |= match &entry.op {
                NodeOp::Binary(op) => is_of_rules(*op),
                NodeOp::Tensor(op) => op.gates() != [false; 2],
                _ => false,
            };
        }
    }
    leading.scalars(tape, 0, hi);
    leading.found
}

/// What leads to some nodes, from the last one back, and whether an op of rules is among it.
struct Leading {
    entries: Vec<bool>,
    scalars: Vec<bool>,
    found: bool,
}

impl Leading {
    fn mark(&mut self, id: NodeId) {
        match id.lane() {
            NodeRef::Tensor(k) => self.entries[k] = true,
            NodeRef::Scalar(id) => self.scalars[id as usize] = true,
            NodeRef::Constant => {}
        }
    }
    fn scalars<T: Element>(&mut self, tape: &Tape<T>, lo: u32, hi: u32) {
        for id in (lo..hi).rev() {
            if self.scalars[id as usize] {
                tape.scalars().parents(id).into_iter().flatten().for_each(|parent| self.mark(NodeId::scalar(parent)));
                self.found |= matches!(tape.scalars().decode(id), ScalarNode::Binary(op, ..) if is_of_rules(op));
            }
        }
    }
}

/// Whether it is one of the three that multiply gradients on their way.
fn is_of_rules(op: BinaryOp) -> bool {
    ops::plain(op.code()).is_some()
}

/// Whether both arguments of such an op are 0.
pub(super) fn is_at_origin<T: Element>(op: BinaryOp, [x, y]: [T; 2]) -> bool {
    let zero = T::from_f64(0.0);
    op.bends() && x == zero && y == zero
}
