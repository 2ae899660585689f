//! The scalar lane by the rules themselves, where the product of partial derivatives is no finite number.
//!
//! A node of the lane keeps its partial derivatives, so that a sweep multiplies and adds. That is the rule but for two things: a
//! partial derivative may leave the range where its product with the gradient does not, and a rule that lets nothing through
//! says so with a 0, which an infinite gradient turns into NaN. The one is noted where it is recorded (`tape/scalar/far.rs`), either
//! leaves something at a leaf that is not finite; then, and only then, the sweep goes by each node's rule, which is the one that
//! tensors have, applied to the gradient at hand.
//!
//! Cost: about ten times that of the sweep, and the values of all nodes once.

use super::tails::Tail;
use super::{Way, bends};
use crate::num::Element;
use crate::ops::eager::Eager;
use crate::tape::scalar::{ScalarLane, ScalarNode, ScalarOperand, is_far};
use crate::tape::{NodeId, Tape};
use crate::tensor::kernels::Kernels;
use crate::tensor::kernels::elementwise::{BinaryInputs, Plan, Side};
use std::ops::Range;

/// The mode of a sweep that takes each number by its rule from the start.
pub(super) fn careful<T: Element>(tape: &Tape<T>) -> Eager<'_, T> {
    let mode = Eager::new(tape.pool());
    mode.numbers.get_or_init(|| values(tape));
    mode
}

/// What rules read.
pub(super) fn values<T: Element>(tape: &Tape<T>) -> Vec<T> {
    tape.scalars().values(tape.scalars().len())
}

/// A lane by its rules.
pub(super) struct Careful<'a, T> {
    pub tape: &'a Tape<T>,
    pub lane: &'a ScalarLane<T>,
    pub values: &'a [T],
}

impl<T: Element> Careful<'_, T> {
    fn value(&self, operand: ScalarOperand<T>) -> T {
        match operand {
            ScalarOperand::Node(id) => self.values[id as usize],
            ScalarOperand::Literal(x) => x,
        }
    }

    /// The products of what `g` has for each parent, or of this node's gradient, with the derivatives by it.
    fn products(&self, id: u32, g: impl Fn(u32) -> T, mut add: impl FnMut(u32, T)) {
        let zero = T::from_f64(0.0);
        let out = self.values[id as usize];
        match self.lane.decode(id) {
            ScalarNode::Leaf(_) => {}
            ScalarNode::Copy(parent) => add(parent, g(parent)),
            ScalarNode::Unary(op, parent) => {
                let mut g = g(parent);
                if g != zero && !op.is_flat() {
                    T::unary_vjp_kernel(op, &[self.values[parent as usize]], &[out], std::slice::from_mut(&mut g));
                    add(parent, g);
                }
            }
            ScalarNode::Binary(op, a, b) => {
                let plan = Plan::new(&[], &[], &[]);
                let (x, y, out) = ([self.value(a)], [self.value(b)], [out]);
                for (side, operand) in [(Side::X, a), (Side::Y, b)] {
                    let ScalarOperand::Node(parent) = operand else { continue };
                    let mut g = g(parent);
                    if g != zero && !op.is_flat() {
                        let inputs = BinaryInputs { plan: &plan, x: &x, y: &y, out: &out };
                        T::binary_vjp_kernel(op, side, inputs, std::slice::from_mut(&mut g));
                        add(parent, g);
                    }
                }
            }
        }
    }

    /// The logarithm of an f that is no ordinary number, and the nodes f and x.
    fn tail(&self, id: u32) -> Option<(Tail, [u32; 2])> {
        let ScalarNode::Unary(op, f) = self.lane.decode(id) else { return None };
        if is_far(self.values[f as usize]) { Tail::of_scalar(self.lane, op, f) } else { None }
    }

    /// As [`ScalarLane::sweep`]. What an f gets of its logarithm, which goes past it to x, is kept for when all are swept.
    pub fn sweep(&self, lo: u32, hi: u32, adjoints: &mut [T], passed: &mut Vec<(u32, T)>) {
        for id in (lo..hi).rev() {
            let g = adjoints[id as usize];
            match self.tail(id).filter(|&(_, [f, _])| !self.tape.is_hooked(NodeId::scalar(f))) {
                Some((tail, [f, x])) => {
                    adjoints[x as usize] += tail.product(self.values[x as usize], g);
                    self.products(id, |_| g, |_, product| passed.push((f, product)));
                }
                None => self.products(id, |_| g, |parent, product| adjoints[parent as usize] += product),
            }
        }
    }

    /// As [`ScalarLane::push_forward`].
    pub fn push_forward(&self, range: Range<u32>, tangents: &mut [T], way: &Way) {
        for id in range {
            let node = self.lane.decode(id);
            if matches!(node, ScalarNode::Leaf(_)) {
                continue;
            }
            let mut sum = if way.from_inside { tangents[id as usize] } else { T::from_f64(0.0) };
            match self.tail(id).filter(|&(_, [f, _])| !way.from.contains(&NodeId::scalar(f))) {
                Some((tail, [_, x])) => sum += tail.product(self.values[x as usize], tangents[x as usize]),
                None => self.products(id, |parent| tangents[parent as usize], |_, product| sum += product),
            }
            if way.to_gradients
                && let ScalarNode::Binary(op, a, b) = node
                && bends::is_at_origin(op, [self.value(a), self.value(b)])
                && self
                    .lane
                    .parents(id)
                    .into_iter()
                    .flatten()
                    .any(|parent| tangents[parent as usize] != T::from_f64(0.0))
            {
                sum = T::from_f64(f64::NAN);
            }
            tangents[id as usize] = sum;
        }
    }
}
