//! Values beside their tangents, in one vector.
//!
//! In compiler terms: widening: the linear tail of a function computes primal and tangents in one vector.
//!
//! Where a function ends in sums, differences and multiples by literals, a value and its derivative along a direction are
//! computed by the same ops. So the lanes of the directions get one more for the value, and these ops are done once for all of
//! them; before the tail, values are plain numbers, which its first ops take in. The skinning of a hand's vertices is such a
//! tail, and nearly all of the function.
//!
//! A literal that is added at the very end, and a sign before it, are left to where the lanes are taken apart ([`Output`]): many
//! outputs may differ by no more than that.
//!
//! **Invariant.** The lanes do not mix: what is infinite or NaN in one leaves the others as they are. A literal of the tail is
//! finite, and a number enters its lane through [`Scale`](ops::Scale), which keeps the zeros of the others.

use crate::error::Result;
use crate::graph::ssa::trace::Traced;
use crate::graph::ssa::{Ir, NodeKey};
use crate::num::Element;
use crate::ops::{self, BinaryOp, UnaryOp};
use crate::tape::scalar::{ScalarNode, ScalarOperand};
use crate::tape::{NodeRef, Tape, Var};
use std::cell::RefCell;
use std::collections::HashMap;

/// How numbers move, lane by lane, and the vector that is 1 in the lane of the value and 0 elsewhere.
pub(super) struct TangentLanes<'a, 't, T> {
    pub moving: &'a [(Var<'t, T>, NodeKey)],
    pub value: NodeKey,
}

/// How a number that is asked for follows from a vector: its derivatives are those of the row, or minus them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Output<T> {
    pub row: usize,
    pub negated: bool,
    /// What is added to the value then.
    pub plus: Option<T>,
}

/// Vectors of derivatives, then the value; and which of them each of `ys` is, and how.
///
/// # Errors
/// An op on the way has no forward rule that can be compiled.
pub(super) fn tangents_and_values<T: Element>(
    tape: &Tape<T>,
    traced: &Traced<'_, T>,
    ir: &RefCell<Ir<T>>,
    ys: &[Var<'_, T>],
    lanes: TangentLanes<'_, '_, T>,
) -> Result<(Vec<NodeKey>, Vec<Output<T>>)> {
    let (rows, outputs) = rows(tape, ys);
    Ok((vectors(tape, traced, ir, &rows, lanes)?, outputs))
}

/// The numbers that need a row, each once, and the outputs that follow from them.
fn rows<'t, T: Element>(tape: &'t Tape<T>, ys: &[Var<'t, T>]) -> (Vec<Var<'t, T>>, Vec<Output<T>>) {
    let (mut rows, mut places) = (Vec::new(), HashMap::new());
    let output = |y: &Var<'t, T>| {
        let NodeRef::Scalar(mut id) = y.id.lane() else {
            rows.push(*y);
            return Output { row: rows.len() - 1, negated: false, plus: None };
        };
        let (mut negated, mut plus) = (false, None);
        match linear(tape.scalars().decode(id)) {
            Some(Linear::Sum(op, ScalarOperand::Node(x), ScalarOperand::Literal(c))) => {
                let subtracts = matches!(op, BinaryOp::Sub(_));
                (id, plus) = (x, Some(if subtracts { -c } else { c }));
            }
            Some(Linear::Sum(op, ScalarOperand::Literal(c), ScalarOperand::Node(x))) => {
                (id, negated, plus) = (x, matches!(op, BinaryOp::Sub(_)), Some(c));
            }
            _ => {}
        }
        while let Some(Linear::Negated(_, x)) = linear(tape.scalars().decode(id)) {
            (id, negated) = (x, !negated);
        }
        let row = *places.entry(id).or_insert_with(|| {
            rows.push(Var::scalar(tape, id, T::from_f64(f64::NAN)));
            rows.len() - 1
        });
        Output { row, negated, plus }
    };
    let outputs = ys.iter().map(output).collect();
    (rows, outputs)
}

/// For each of `ys` a vector of its derivatives, then its value.
fn vectors<T: Element>(
    tape: &Tape<T>,
    traced: &Traced<'_, T>,
    ir: &RefCell<Ir<T>>,
    ys: &[Var<'_, T>],
    lanes: TangentLanes<'_, '_, T>,
) -> Result<Vec<NodeKey>> {
    let roles = roles(tape, ys);
    let heads: Vec<Var<'_, T>> = (0..)
        .zip(&roles)
        .filter(|(_, role)| matches!(role, Usage::Head))
        .map(|(id, _)| Var::scalar(tape, id, T::from_f64(f64::NAN)))
        .collect();
    let mut tangents = traced.tangents(tape, &heads, lanes.moving)?.into_iter();
    let in_its_lane = |value: NodeKey| ir.borrow_mut().binary(BinaryOp::Scale(ops::Scale), lanes.value, value);
    let mut vectors: Vec<Option<NodeKey>> = Vec::with_capacity(roles.len());
    let vector = |vectors: &[Option<NodeKey>], operand: ScalarOperand<T>| match operand {
        ScalarOperand::Node(id) => vectors[id as usize].expect("what a tail reads has a vector"),
        ScalarOperand::Literal(x) => {
            let literal = ir.borrow_mut().literal(x.to_f64());
            in_its_lane(literal)
        }
    };
    for (id, role) in (0..).zip(roles) {
        vectors.push(match role {
            Usage::Other => None,
            Usage::Head => {
                let tangent = tangents.next().expect("a tangent for each head");
                let value = in_its_lane(traced.key(Var::scalar(tape, id, T::from_f64(f64::NAN))));
                Some(ir.borrow_mut().binary(BinaryOp::Add(ops::Add), tangent, value))
            }
            Usage::Tail(Linear::Negated(op, x)) => {
                let x = vector(&vectors, ScalarOperand::Node(x));
                Some(ir.borrow_mut().unary(op, x))
            }
            Usage::Tail(Linear::Sum(op, a, b)) => {
                let (a, b) = (vector(&vectors, a), vector(&vectors, b));
                Some(ir.borrow_mut().binary(op, a, b))
            }
            Usage::Tail(Linear::Multiple(op, x, factor)) => {
                let x = vector(&vectors, ScalarOperand::Node(x));
                let factor = ir.borrow_mut().literal(factor.to_f64());
                Some(ir.borrow_mut().binary(op, x, factor))
            }
        });
    }
    let of = |y: &Var<'_, T>| match y.id.lane() {
        NodeRef::Scalar(id) => vector(&vectors, ScalarOperand::Node(id)),
        _ => vector(&vectors, ScalarOperand::Literal(y.scalar)),
    };
    Ok(ys.iter().map(of).collect())
}

/// What becomes of a recorded number.
enum Usage<T> {
    /// Its value is computed as a number, if at all.
    Other,
    /// So it is, and its vector is put together, for the tail reads it or it is asked for.
    Head,
    /// Its vector is computed from vectors.
    Tail(Linear<T>),
}

/// An op that treats values and tangents alike.
enum Linear<T> {
    Negated(UnaryOp, u32),
    Sum(BinaryOp, ScalarOperand<T>, ScalarOperand<T>),
    Multiple(BinaryOp, u32, T),
}

fn roles<T: Element>(tape: &Tape<T>, ys: &[Var<'_, T>]) -> Vec<Usage<T>> {
    let n = tape.scalars().len() as usize;
    // Whose vector is wanted, and whose value.
    let (mut vectors, mut values) = (vec![false; n], vec![false; n]);
    let number = |id: crate::tape::NodeId| if let NodeRef::Scalar(id) = id.lane() { Some(id as usize) } else { None };
    ys.iter().filter_map(|y| number(y.id)).for_each(|id| vectors[id] = true);
    for entry in tape.entries().iter() {
        entry.parents.iter().filter_map(|parent| number(parent.id)).for_each(|id| values[id] = true);
    }
    let mut roles: Vec<Usage<T>> = Vec::with_capacity(n);
    for id in (0..n).rev() {
        let linear = if vectors[id] && !values[id] { linear(tape.scalars().decode(id as u32)) } else { None };
        if vectors[id] || values[id] {
            let wanted = if linear.is_some() { &mut vectors } else { &mut values };
            tape.scalars().parents(id as u32).into_iter().flatten().for_each(|parent| wanted[parent as usize] = true);
        }
        roles.push(match linear {
            Some(linear) => Usage::Tail(linear),
            None if vectors[id] => Usage::Head,
            None => Usage::Other,
        });
    }
    roles.reverse();
    roles
}

fn linear<T: Element>(node: ScalarNode<T>) -> Option<Linear<T>> {
    use BinaryOp::{Add, Div, Mul, Sub};
    use ScalarOperand::{Literal, Node};
    let finite = |x: T| x.to_f64().is_finite();
    Some(match node {
        ScalarNode::Unary(op @ UnaryOp::Neg(_), x) => Linear::Negated(op, x),
        ScalarNode::Binary(op @ (Add(_) | Sub(_)), a, b) => Linear::Sum(op, a, b),
        ScalarNode::Binary(op @ Mul(_), Node(x), Literal(c)) | ScalarNode::Binary(op @ Mul(_), Literal(c), Node(x))
            if finite(c) =>
        {
            Linear::Multiple(op, x, c)
        }
        ScalarNode::Binary(op @ Div(_), Node(x), Literal(c)) if finite(c) && c != T::from_f64(0.0) => {
            Linear::Multiple(op, x, c)
        }
        _ => return None,
    })
}
