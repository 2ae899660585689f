//! What a node is made into instead of itself.
//!
//! In compiler terms: peephole rewriting: local rules, applied when a node is made.
//!
//! What stands here without a question keeps the numbers that would have been computed, but for the sign of a zero (`x + 0`).
//! The rest assumes finite numbers, changes the last bits, or serves a reader: see [`Level`].

use super::{Ir, IrOp, Level, NodeKey};
use crate::num::Element;
use crate::ops::structural::{MatMul, Permute, TensorOp};
use crate::ops::{self, Apply, Apply2, BinaryOp, UnaryOp};
use crate::tape::NodeOp;
use crate::tensor::Shape;

/// An op on literals: in the element type, so that the number is the tape's; in a graph to be read, as it is written.
fn folded<T: Element>(level: Level, op: BinaryOp, a: f64, b: f64) -> f64 {
    match level {
        Level::Readable => op.with(Apply2(a, b)),
        _ => op.with(Apply2(T::from_f64(a), T::from_f64(b))).to_f64(),
    }
}

pub(super) fn unary<T: Element>(ir: &mut Ir<T>, op: UnaryOp, x: NodeKey) -> Option<NodeKey> {
    if let Some(x) = ir.literal_of(x) {
        let value = match ir.level {
            Level::Readable => op.with(Apply(x)),
            _ => op.with(Apply(T::from_f64(x))).to_f64(),
        };
        return Some(ir.literal(value));
    }
    let node = ir.node(x);
    match (op, &node.op) {
        (UnaryOp::Neg(_), IrOp::Op(NodeOp::Unary(UnaryOp::Neg(_)))) => Some(node.args[0]),
        // An op on equal elements is done once.
        (op, IrOp::Op(NodeOp::Tensor(TensorOp::BroadcastTo(_)))) => {
            let (inner, shape) = (node.args[0], node.shape.clone());
            let once = ir.unary(op, inner);
            Some(ir.stretched(once, &shape))
        }
        _ => None,
    }
}

pub(super) fn binary<T: Element>(ir: &mut Ir<T>, op: BinaryOp, [x, y]: [NodeKey; 2], shape: &Shape) -> Option<NodeKey> {
    use BinaryOp::*;
    if let (Some(a), Some(b)) = (ir.literal_of(x), ir.literal_of(y)) {
        let number = ir.literal(folded::<T>(ir.level, op, a, b));
        return Some(ir.stretched(number, shape));
    }
    let [a, b] = [x, y].map(|key| ir.number_behind(key));
    let kept = |ir: &mut Ir<T>, key| Some(ir.stretched(key, shape));
    match (op, a, b) {
        (Add(_), Some(0.0), _) | (Mul(_) | Scale(_) | Gate(_), Some(1.0), _) => kept(ir, y),
        (Add(_) | Sub(_), _, Some(0.0)) | (Mul(_) | Scale(_) | Gate(_) | Div(_) | Over(_), _, Some(1.0)) => kept(ir, x),
        (Scale(_) | Over(_), Some(0.0), _) | (Gate(_), Some(0.0), _) | (Gate(_), _, Some(0.0)) => {
            let zero = ir.literal(0.0);
            kept(ir, zero)
        }
        (Mul(_) | Scale(_), Some(-1.0), _) => {
            let negated = ir.unary(UnaryOp::Neg(ops::Neg), y);
            kept(ir, negated)
        }
        (Mul(_) | Scale(_), _, Some(-1.0)) => {
            let negated = ir.unary(UnaryOp::Neg(ops::Neg), x);
            kept(ir, negated)
        }
        _ => signs(ir, op, [x, y]).or_else(|| match ir.level {
            Level::Exact => None,
            Level::Relaxed => relaxed(ir, op, [x, y], shape),
            Level::Readable => readable(ir, op, [x, y], shape),
        }),
    }
}

/// x + (-y) is x - y, and x - (-y) is x + y, to the bit.
fn signs<T: Element>(ir: &mut Ir<T>, op: BinaryOp, [x, y]: [NodeKey; 2]) -> Option<NodeKey> {
    let negated = |ir: &Ir<T>, key: NodeKey| match &ir.node(key).op {
        IrOp::Op(NodeOp::Unary(UnaryOp::Neg(_))) => Some(ir.node(key).args[0]),
        _ => None,
    };
    match op {
        BinaryOp::Add(_) => {
            if let Some(y) = negated(ir, y) {
                return Some(ir.binary(BinaryOp::Sub(ops::Sub), x, y));
            }
            negated(ir, x).map(|x| ir.binary(BinaryOp::Sub(ops::Sub), y, x))
        }
        BinaryOp::Sub(_) => negated(ir, y).map(|y| ir.binary(BinaryOp::Add(ops::Add), x, y)),
        _ => None,
    }
}

/// Identities of real numbers that rounding, infinities or NaN may break.
fn relaxed<T: Element>(ir: &mut Ir<T>, op: BinaryOp, [x, y]: [NodeKey; 2], shape: &Shape) -> Option<NodeKey> {
    use BinaryOp::*;
    let [a, b] = [x, y].map(|key| ir.number_behind(key));
    let zero = |ir: &mut Ir<T>| {
        let zero = ir.literal(0.0);
        Some(ir.stretched(zero, shape))
    };
    let is_zero = |number: Option<f64>| number == Some(0.0);
    match op {
        Mul(_) | Scale(_) if is_zero(a) || is_zero(b) => zero(ir),
        Sub(_) if x == y => zero(ir),
        // c (d x) = (c d) x.
        Mul(_) | Scale(_) => {
            let (number, rest) = if let Some(a) = a { (a, y) } else { (b?, x) };
            let inner = ir.node(rest).clone();
            let IrOp::Op(NodeOp::Binary(Mul(_) | Scale(_))) = inner.op else { return None };
            let (first, second) = (ir.literal_of(inner.args[0]), ir.literal_of(inner.args[1]));
            let (other, rest) = if let Some(first) = first { (first, inner.args[1]) } else { (second?, inner.args[0]) };
            let product = ir.literal(folded::<T>(ir.level, Mul(ops::Mul), number, other));
            let scaled = ir.binary(Mul(ops::Mul), product, rest);
            Some(ir.stretched(scaled, shape))
        }
        // x / c = x (1/c). Nothing over 0 is nothing, and infinity times that is NaN.
        Div(_) | Over(_) if !is_zero(b) => {
            let inverse = ir.literal(folded::<T>(ir.level, Div(ops::Div), 1.0, b?));
            let product = ir.binary(Mul(ops::Mul), x, inverse);
            Some(ir.stretched(product, shape))
        }
        _ => None,
    }
}

/// Identities that a reader of a formula expects.
fn readable<T: Element>(ir: &mut Ir<T>, op: BinaryOp, [x, y]: [NodeKey; 2], shape: &Shape) -> Option<NodeKey> {
    use BinaryOp::*;
    let [a, b] = [x, y].map(|key| ir.number_behind(key));
    let found = match (op, a, b) {
        (Mul(_) | Scale(_), Some(0.0), _) | (Mul(_) | Scale(_), _, Some(0.0)) => ir.literal(0.0),
        (Gate(_), Some(-1.0), _) | (Sub(_), Some(0.0), _) => ir.neg(y),
        (Gate(_), _, Some(-1.0)) => ir.neg(x),
        (Add(_), None, None) if x == y => {
            let two = ir.literal(2.0);
            ir.mul(two, x)
        }
        _ => return None,
    };
    Some(ir.stretched(found, shape))
}

pub(super) fn select<T: Element>(ir: &mut Ir<T>, [c, a, b]: [NodeKey; 3], shape: &Shape) -> Option<NodeKey> {
    let chosen = match ir.number_behind(c) {
        Some(c) if c != 0.0 => a,
        Some(_) => b,
        None if a == b => a,
        None => return None,
    };
    Some(ir.stretched(chosen, shape))
}

pub(super) fn tensor<T: Element>(ir: &mut Ir<T>, op: &TensorOp, args: &[NodeKey], shape: &Shape) -> Option<NodeKey> {
    let inner = ir.node(args[0]).clone();
    match (op, &inner.op) {
        (TensorOp::Reshape(_), IrOp::Op(NodeOp::Tensor(TensorOp::Reshape(_)))) => {
            Some(ir.reshaped(inner.args[0], shape))
        }
        (TensorOp::Reshape(_) | TensorOp::BroadcastTo(_), _) if inner.shape == *shape => Some(args[0]),
        // A stretched number has no layout to keep.
        (
            TensorOp::Reshape(_) | TensorOp::BroadcastTo(_) | TensorOp::Permute(_),
            IrOp::Op(NodeOp::Tensor(TensorOp::BroadcastTo(_))),
        ) if ir.shape(inner.args[0]).numel() == 1 => {
            let number = ir.reshaped(inner.args[0], &Shape::scalar());
            Some(ir.stretched(number, shape))
        }
        (TensorOp::Reshape(_), IrOp::Literal(_)) => Some(ir.stretched(args[0], shape)),
        (TensorOp::Permute(Permute { axes }), IrOp::Op(NodeOp::Tensor(TensorOp::Permute(first)))) => {
            let both = axes.iter().map(|&axis| first.axes[axis as usize]).collect();
            ir.tensor(TensorOp::Permute(Permute { axes: both }), &inner.args).ok()
        }
        (TensorOp::Permute(Permute { axes }), _) if axes.iter().copied().eq(0..axes.len() as u8) => Some(args[0]),
        (TensorOp::Sum(_), _) if inner.shape == *shape => Some(args[0]),
        (TensorOp::MatMul(product), _) => without_transposes(ir, product, [args[0], args[1]]),
        _ => None,
    }
}

/// A product of transposes is a product that reads them the other way round.
fn without_transposes<T: Element>(ir: &mut Ir<T>, op: &MatMul, [x, y]: [NodeKey; 2]) -> Option<NodeKey> {
    let [tx, ty] = [x, y].map(|key| {
        let node = ir.node(key);
        let IrOp::Op(NodeOp::Tensor(TensorOp::Permute(Permute { axes }))) = &node.op else { return None };
        let n = axes.len();
        let leading = axes[..n - 2].iter().copied().eq(0..n as u8 - 2);
        (leading && axes[n - 2] as usize == n - 1).then_some(node.args[0])
    });
    if tx.is_none() && ty.is_none() {
        return None;
    }
    let op = MatMul { ta: op.ta ^ tx.is_some(), tb: op.tb ^ ty.is_some(), ..*op };
    ir.tensor(TensorOp::MatMul(op), &[tx.unwrap_or(x), ty.unwrap_or(y)]).ok()
}
