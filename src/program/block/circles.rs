//! Sine and cosine of one angle, together.
//!
//! In compiler terms: combining two transcendental calls on one argument.
//!
//! The reduction of the angle and most of the rest is the same for both, and a gradient of one takes the other. Where a body
//! takes both, as values or in rules, they become neighbours, which the lowering makes one kernel. The bits are those of each.

use crate::num::Element;
use crate::ops::{self, BinaryOp, UnaryOp};
use crate::program::body::{BodyOp, Register};

/// The ops with sines and cosines of one angle beside each other, and for each slot the one that now has its value.
pub(super) fn pair_up<T: Element>(body: &[BodyOp<T>]) -> (Vec<BodyOp<T>>, Vec<Register>) {
    let mut taken = vec![[false; 2]; body.len()];
    // An angle that is the same for all lanes is a plain number, whose sine and cosine are another program's: their bits differ.
    let mut varies: Vec<bool> = Vec::with_capacity(body.len());
    for op in body {
        varies.push(matches!(op, BodyOp::Input(_)) || op.reads().any(|slot| varies[slot as usize]));
        if let Some((angle, which)) = taken_by(op).filter(|&(angle, _)| varies[angle as usize]) {
            taken[angle as usize][which] = true;
        }
    }
    let mut made: Vec<Option<Register>> = vec![None; body.len()];
    let mut same: Vec<Register> = Vec::with_capacity(body.len());
    let mut ops: Vec<BodyOp<T>> = Vec::with_capacity(body.len());
    for op in body {
        // What a rule does not read may be a slot that comes later.
        let moved = op.map(|slot| same.get(slot as usize).copied().unwrap_or(slot));
        let Some((angle, _)) = taken_by(op).filter(|&(angle, _)| taken[angle as usize] == [true; 2]) else {
            same.push(ops.len() as Register);
            ops.push(moved);
            continue;
        };
        let sin = *made[angle as usize].get_or_insert_with(|| {
            let x = same[angle as usize];
            ops.push(BodyOp::Unary(UnaryOp::Sin(ops::Sin), x));
            ops.push(BodyOp::Unary(UnaryOp::Cos(ops::Cos), x));
            ops.len() as Register - 2
        });
        let cos = sin + 1;
        let scale = |g, d| BodyOp::Binary(BinaryOp::Scale(ops::Scale), g, d);
        let slot = match moved {
            BodyOp::Unary(UnaryOp::Sin(_), _) => sin,
            BodyOp::Unary(..) => cos,
            BodyOp::UnaryVjp(UnaryOp::Sin(_), [.., g]) => {
                ops.push(scale(g, cos));
                ops.len() as Register - 1
            }
            BodyOp::UnaryVjp(_, [.., g]) => {
                ops.push(scale(g, sin));
                ops.push(BodyOp::Unary(UnaryOp::Neg(ops::Neg), ops.len() as Register - 1));
                ops.len() as Register - 1
            }
            _ => unreachable!("{moved:?} takes no sine or cosine"),
        };
        same.push(slot);
    }
    (ops, same)
}

/// The angle of which an op takes the sine, 0, or the cosine, 1.
fn taken_by<T>(op: &BodyOp<T>) -> Option<(Register, usize)> {
    match *op {
        BodyOp::Unary(UnaryOp::Sin(_), x) | BodyOp::UnaryVjp(UnaryOp::Cos(_), [x, ..]) => Some((x, 0)),
        BodyOp::Unary(UnaryOp::Cos(_), x) | BodyOp::UnaryVjp(UnaryOp::Sin(_), [x, ..]) => Some((x, 1)),
        _ => None,
    }
}

/// Whether an op and the one after it are the sine and the cosine of one angle.
pub(super) fn are_pair<T>(op: &BodyOp<T>, next: Option<&BodyOp<T>>) -> bool {
    match (op, next) {
        (BodyOp::Unary(UnaryOp::Sin(_), x), Some(BodyOp::Unary(UnaryOp::Cos(_), y))) => x == y,
        _ => false,
    }
}
