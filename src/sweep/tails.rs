//! Logarithms of what leaves the range: ln f(x) is an ordinary number, and so is its derivative, where f is subnormal.
//!
//! The gradient that arrives at f is g / f, which is infinite there, and f' is 0 or has lost its digits. Ops whose logarithm has a
//! derivative with a form of its own say so ([`Unary::log_vjp`](crate::Unary::log_vjp)): the sweep hands x that one, past f, and
//! a tangent comes the same way. What is recorded or compiled is differentiated in this form everywhere; over numbers the two steps
//! are as good where f is an ordinary number, and only elsewhere this one is taken.
//!
//! It is not taken where somebody asks for f's own gradient: f is a target, its gradient is retained, it has hooks; nor where
//! rules are written out for readers, nor in strict mode, which hunts the NaN.
//!
//! Not an op for the logarithm of each: a caller's ln(f(x)) has f on the tape, where it may have other uses.

use crate::num::{Element, Number, Upstream};
use crate::ops::{BuiltinUnary, UnaryOp, UnaryVisitor};
use crate::tape::entry::Entry;
use crate::tape::scalar::{ScalarLane, ScalarNode};
use crate::tape::{NodeId, NodeOp, NodeRef};

/// A logarithm and the op whose value it is of.
#[derive(Clone, Copy)]
pub(crate) struct Tail {
    logarithm: UnaryOp,
    of: UnaryOp,
}

/// g times the derivative of ln f at x.
struct LogRule<S>(S, Upstream<S>);
impl<S: Number> UnaryVisitor for LogRule<S> {
    type Output = Option<Upstream<S>>;
    #[inline]
    fn visit<O: BuiltinUnary>(self, op: O) -> Self::Output {
        op.log_vjp(self.0, self.1)
    }
}

/// What a logarithm is times the natural one.
struct Factor;
impl UnaryVisitor for Factor {
    type Output = Option<f64>;
    #[inline]
    fn visit<O: BuiltinUnary>(self, _op: O) -> Option<f64> {
        O::LOGARITHM
    }
}

impl Tail {
    fn new(logarithm: UnaryOp, of: UnaryOp) -> Option<Self> {
        let is_one = logarithm.with(Factor).is_some() && of.with(LogRule(0.5, Upstream(1.0))).is_some();
        is_one.then_some(Self { logarithm, of })
    }

    /// The derivative of the logarithm at x times `g`.
    pub fn product<S: Number>(self, x: S, g: S) -> S {
        let factor = self.logarithm.with(Factor).expect("it is a logarithm");
        let g = if factor == 1.0 { Upstream(g) } else { Upstream(g) * S::lit(factor) };
        self.of.with(LogRule(x, g)).expect("it has a logarithm's rule").0
    }

    /// Entry `k`, and the entries of f and x, if it is such a logarithm, and f has no gradient that is asked for.
    #[inline]
    pub fn of_entry<T: Element>(entries: &[Entry<T>], k: usize, ends: &[NodeId]) -> Option<(Self, [usize; 3])> {
        let NodeOp::Unary(logarithm) = entries[k].op else { return None };
        logarithm.with(Factor)?;
        let only_parent = |k: usize| match entries[k].parents[0].id.lane() {
            NodeRef::Tensor(p) => Some(p),
            _ => None,
        };
        let f = only_parent(k)?;
        let NodeOp::Unary(of) = entries[f].op else { return None };
        let spared = entries[f].retained || !entries[f].active || ends.contains(&NodeId::tensor(f));
        let x = only_parent(f).filter(|_| !spared)?;
        Some((Self::new(logarithm, of)?, [k, f, x]))
    }

    /// The scalars f and x, if `id` is such a logarithm.
    #[inline]
    pub fn of_scalar<T: Element>(lane: &ScalarLane<T>, op: UnaryOp, f: u32) -> Option<(Self, [u32; 2])> {
        op.with(Factor)?;
        let ScalarNode::Unary(of, x) = lane.decode(f) else { return None };
        Some((Self::new(op, of)?, [f, x]))
    }
}
