//! Where a first derivative is a choice, and what a second one makes of that.
//!
//! The length of a vector has no derivative where it is 0, and neither has an angle at the origin; that of both is 0 by convention.
//! A gradient goes on with that choice. But the derivative of what was chosen is nobody's to know: that of |x|^2 at 0 is 2, and no
//! rule of |x| can say so. So it is NaN, by every route, unless nothing moves there or nothing is asked:
//!
//! - A recorded derivative that comes past such a point, swept or forward, is recorded twice: with the choice, which is its value, and
//!   with NaN in its place, of which its derivatives are taken ([`Chosen`]). NaN then meets all that the choice was multiplied with.
//! - Tangents on their way to a gradient are NaN behind such a point: forward through |x|, its tangent would be the choice again.
//!
//! Cost: nothing on tapes without such ops; else a look at their values, and at what leads to the results. The second recording is
//! made at such points alone, and in programs, whose points are not known; these drop what no derivative asks for.

use crate::num::Element;
use crate::ops::algebra::Algebra;
use crate::ops::structural::{Chosen, TensorOp};
use crate::ops::{self, BinaryOp};
use crate::tape::entry::Entry;
use crate::tape::scalar::ScalarNode;
use crate::tape::{NodeId, NodeOp, NodeRef, Recording, Tape, Var};

/// Whether an op's derivative is a choice at some point whose second derivative is not.
fn bends<T>(op: &NodeOp<T>) -> bool {
    match op {
        NodeOp::Tensor(op) => op.bends(),
        NodeOp::Binary(op) => op.bends(),
        _ => false,
    }
}

/// 0, and NaN where an op's derivative is a choice; nothing for ops without such points.
fn nothing_known<T: Element, A: Algebra<T>>(a: &A, op: &NodeOp<T>, inputs: &[A::V], output: &A::V) -> Option<A::V> {
    let length = match op {
        _ if !bends(op) => return None,
        NodeOp::Tensor(_) => output.clone(),
        _ => a.binary(BinaryOp::Hypot(ops::Hypot), &inputs[0], &inputs[1]),
    };
    // 0 over the length: 0, and NaN where that is 0.
    Some(a.div(&a.literal(0.0), &length))
}

/// What an op's tangent has in addition to the rule's: 0, and NaN where the derivative is a choice and what comes is not 0; nothing
/// for ops without such points.
pub(super) fn unknown<T: Element, A: Algebra<T>>(
    a: &A,
    op: &NodeOp<T>,
    inputs: &[A::V],
    output: &A::V,
    tangent: &A::V,
) -> Option<A::V> {
    let unknown = a.scale(tangent, &nothing_known(a, op, inputs, output)?);
    let along_rows = matches!(op, NodeOp::Tensor(_)) && !a.has_shape(&unknown, &a.shape(output));
    Some(if along_rows { a.sum_last(&unknown) } else { unknown })
}

/// The same of what its gradient hands to parent `wrt`. Each element, and each parent, has a NaN of its own: one for all would
/// meet the sum of what comes back, which may be 0.
pub(super) fn unknown_gradient<T: Element, A: Algebra<T>>(
    a: &A,
    op: &NodeOp<T>,
    inputs: &[A::V],
    output: &A::V,
    (wrt, g): (usize, &A::V),
) -> Option<A::V> {
    let factor = nothing_known(a, op, inputs, output)?;
    Some(match (op, wrt) {
        (NodeOp::Tensor(_), _) => a.scale(&a.broadcast_to(g, &a.shape(&inputs[0])), &factor),
        (_, 0) => a.scale(g, &factor),
        // Not the same node, which programs have once.
        _ => a.scale(g, &a.neg(&factor)),
    })
}

/// Whether derivatives of these nodes may come past such a point: there is one among the values, or in programs an op that has one.
pub(super) fn may_be_chosen<T: Element>(tape: &Tape<T>, n_entries: usize, n_scalars: u32) -> bool {
    let is_traced = tape.tracing().is_on();
    // A length of 0, or an angle at the origin: each is a multiple of half a turn there.
    let half_turn = T::from_f64(std::f64::consts::PI);
    let at_point = |&x: &T| x == T::from_f64(0.0) || x == half_turn || x == -half_turn;
    let entry = |entry: &Entry<T>| bends(&entry.op) && (is_traced || entry.value.as_slice().iter().any(at_point));
    let lane = tape.scalars();
    let scalar = |id: u32| matches!(lane.decode(id), ScalarNode::Binary(op, ..) if op.bends());
    tape.entries()[..n_entries].iter().any(entry)
        || lane.has_bends() && {
            let values = if is_traced { Vec::new() } else { lane.values(n_scalars) };
            (0..n_scalars).any(|id| scalar(id) && (is_traced || at_point(&values[id as usize])))
        }
}

/// A recorded derivative that is shown as it was chosen, and differentiated as it was recorded behind the choices.
pub(super) fn chosen<'t, T: Element>(tape: &'t Tape<T>, shown: Var<'t, T>, behind: Var<'t, T>) -> Var<'t, T> {
    Recording::on(tape).apply(TensorOp::Chosen(Chosen), &[&shown.detach(), &behind])
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
