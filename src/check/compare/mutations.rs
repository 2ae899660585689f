//! The mistakes to try at each node.

use super::case::Case;
use super::mutant::{self, Change, Mutation};
use crate::graph::{Arg, Graph, GraphNode, GraphOp};
use crate::ops::structural::{Map, TensorOp};
use crate::ops::{BinaryOp, UnaryOp};
use crate::tensor::kernels::rows::RowMap;
use std::collections::HashSet;

/// How many examples are tried as the only one; of more, the first and the last.
const EXAMPLES: usize = 8;

/// Every single mistake, level by level.
pub(super) fn all(case: &Case) -> Vec<Mutation> {
    let mut known = HashSet::new();
    let mut found = Vec::new();
    for (level, graph) in case.levels.iter().enumerate() {
        let mut seen = Vec::new();
        for node in graph.nodes().iter().filter(|node| node.is_active() && !node.args().is_empty()) {
            let likeness = likeness(node);
            // What stands unexpanded was tried a level before.
            if !known.contains(&likeness) {
                of_node(case, graph, node, |change| found.push(Mutation::new(level, node.index(), change)));
            }
            seen.push(likeness);
        }
        known.extend(seen);
    }
    found
}

/// What a node and its copy in an expansion have in common; values up to rounding, as those before it may be expanded.
fn likeness(node: &GraphNode<f64>) -> (String, Vec<usize>, Vec<String>, Option<String>) {
    let values = node.value().as_slice().iter().take(16).map(|x| format!("{:.8e}", x + 0.0)).collect();
    (node.op().into(), node.shape().to_vec(), values, node.site().map(|site| site.to_string()))
}

fn of_node(case: &Case, graph: &Graph<f64>, node: &GraphNode<f64>, mut emit: impl FnMut(Change)) {
    let inputs = mutant::inputs_of(graph, node);
    let active = |i: usize| match node.args()[i] {
        Arg::Node(parent) => graph.nodes()[parent].is_active(),
        Arg::Literal(_) => false,
    };
    let args: Vec<usize> = (0..inputs.len()).filter(|&i| active(i)).collect();
    emit(Change::Scaled(-1.0));
    emit(Change::Scaled(0.0));
    for &i in args.iter().filter(|_| args.len() > 1) {
        emit(Change::ArgumentScaled(i, 0.0));
        emit(Change::ArgumentScaled(i, -1.0));
    }
    if !keeps_elements(node) {
        for &i in args.iter().filter(|&&i| mutant::passes_through(node, &inputs, i)) {
            emit(Change::LeftOut(Some(i)));
        }
        if args.len() > 1 && args.iter().all(|&i| mutant::passes_through(node, &inputs, i)) {
            emit(Change::LeftOut(None));
        }
    }
    match &node.op {
        GraphOp::Unary(op) => unary(*op, &inputs, &mut emit),
        GraphOp::Binary(op) => binary(*op, &inputs, active, &mut emit),
        GraphOp::Tensor(TensorOp::MatMul(_)) => {
            for &i in &args {
                if mutant::transposes(node, &inputs, i) {
                    emit(Change::TransposedFactor(i));
                }
                if let [rows, columns] = inputs[i].shape().dims()
                    && rows == columns
                {
                    emit(Change::TransposedResult(i));
                }
            }
        }
        GraphOp::Tensor(TensorOp::Map(Map(RowMap::Softmax))) => {
            emit(Change::Diagonal);
            emit(Change::Twice);
            emit(Change::Skipped);
        }
        GraphOp::Tensor(TensorOp::Sum(_)) => one_example(&inputs[0], &mut emit),
        GraphOp::Tensor(TensorOp::SquaredError(_)) => {
            for i in (0..2).filter(|&i| !active(i)) {
                emit(Change::Operand(i, 0.0));
            }
        }
        _ => {}
    }
    if node.shape().rank() == 0 {
        for factor in case.factors.simple() {
            emit(Change::Scaled(factor.value));
        }
    }
}

/// Ops that only move or add elements: their derivative taken as 1 is their derivative.
fn keeps_elements(node: &GraphNode<f64>) -> bool {
    use TensorOp::*;
    match &node.op {
        GraphOp::Tensor(op) => {
            matches!(op, Reshape(_) | BroadcastTo(_) | Permute(_) | Slice(_) | Embed(_) | Take(_) | Sum(_))
                || matches!(op, ScatterAdd(_) | Concat(_))
        }
        GraphOp::Unary(op) => matches!(op, UnaryOp::Neg(_)),
        GraphOp::Chosen | GraphOp::Select => true,
        _ => mutant::adds(node),
    }
}

fn unary(op: UnaryOp, inputs: &[crate::Tensor<f64>], emit: &mut impl FnMut(Change)) {
    emit(Change::Skipped);
    emit(Change::Twice);
    emit(Change::InputForOutput);
    emit(Change::OutputForInput);
    if inputs[0].iter().any(|&x| x == 0.0) {
        emit(Change::Kink);
    }
    if matches!(op, UnaryOp::Square(_) | UnaryOp::Powi(_) | UnaryOp::Powf(_) | UnaryOp::Sqrt(_)) {
        emit(Change::Scaled(0.5));
        emit(Change::Scaled(2.0));
    }
}

fn binary(op: BinaryOp, inputs: &[crate::Tensor<f64>], active: impl Fn(usize) -> bool, emit: &mut impl FnMut(Change)) {
    let both = active(0) && active(1);
    match op {
        BinaryOp::Add(_) | BinaryOp::Sub(_) => {
            emit(Change::Flipped);
            for i in (0..2).filter(|&i| !active(i)) {
                emit(Change::Operand(i, 0.0));
            }
        }
        BinaryOp::Mul(_) | BinaryOp::Div(_) => {
            for i in (0..2).filter(|&i| !active(i)) {
                emit(Change::Operand(i, 1.0));
            }
        }
        _ => {}
    }
    if both && inputs[0].shape() == inputs[1].shape() && !matches!(op, BinaryOp::Add(_)) {
        emit(Change::Exchanged);
    }
}

fn one_example(input: &crate::Tensor<f64>, emit: &mut impl FnMut(Change)) {
    for (axis, &size) in input.shape().iter().enumerate() {
        let tried = match size {
            0 | 1 => continue,
            size if size <= EXAMPLES => (0..size).collect(),
            size => vec![0, size - 1],
        };
        for index in tried {
            emit(Change::OneExample { axis, index });
        }
    }
}
