//! What to try at each node that is no edit of a statement.

use super::case::Case;
use super::describe;
use super::mutant::{self, Change, Mutation};
use crate::graph::{Arg, Graph, GraphNode};
use crate::ops::BinaryOp;
use crate::ops::structural::TensorOp;
use crate::tape::NodeOp;
use std::collections::HashSet;

/// How many examples are tried as the only one; of more, the first and the last.
const EXAMPLES: usize = 8;

/// Every one, level by level.
pub(super) fn all(case: &Case) -> Vec<Mutation> {
    let mut known = HashSet::new();
    let mut found = Vec::new();
    for (level, graph) in case.levels.iter().enumerate() {
        let mut seen = Vec::new();
        for node in graph.nodes().iter().filter(|node| node.is_active() && !node.args().is_empty()) {
            let likeness = likeness(node);
            // What stands unexpanded was tried a level before.
            if !known.contains(&likeness) {
                of_node(graph, node, |change| found.push(Mutation::new(level, node.index(), change)));
            }
            seen.push(likeness);
        }
        known.extend(seen);
    }
    found.extend(only_terms(&case.levels[0]));
    // A budget may end the search, so what is plausible comes first.
    let mut by_cost: Vec<(f64, Mutation)> = found.into_iter().map(|one| (describe::cost(&one), one)).collect();
    by_cost.sort_by(|a, b| a.0.total_cmp(&b.0));
    by_cost.into_iter().map(|(_, one)| one).collect()
}

/// One term alone of each sum that a loop adds up.
fn only_terms(graph: &Graph<f64>) -> Vec<Mutation> {
    let mut found = Vec::new();
    let mut taken = HashSet::new();
    let adds = |node: &&GraphNode<f64>| node.is_active() && mutant::adds(node) && node.args().len() == 2;
    for first in graph.nodes().iter().filter(adds) {
        if !taken.insert(first.index()) {
            continue;
        }
        let mut chain = vec![first.index()];
        let follows =
            |last: usize, node: &GraphNode<f64>| node.args()[0] == Arg::Node(last) && node.site() == first.site();
        for node in graph.nodes()[first.index() + 1..].iter().filter(adds) {
            if follows(chain[chain.len() - 1], node) {
                chain.push(node.index());
                taken.insert(node.index());
            }
        }
        if chain.len() < 2 {
            continue;
        }
        let only = |k: usize| {
            let (node, also) = (chain[k], chain[k + 1..].to_vec());
            Mutation { level: 0, node, also, change: Change::OnlyTerm(k) }
        };
        match chain.len() {
            n if n <= EXAMPLES => found.extend((0..n).map(only)),
            n => found.extend([only(0), only(n - 1)]),
        }
        // What the loop began with.
        found.push(Mutation { level: 0, node: chain[0], also: chain[1..].to_vec(), change: Change::OnlyStart });
    }
    found
}

/// What a node and its copy in an expansion have in common; values up to rounding, as those before it may be expanded.
fn likeness(node: &GraphNode<f64>) -> (String, Vec<usize>, Vec<String>, Option<String>) {
    let values = node.value().as_slice().iter().take(16).map(|x| format!("{:.8e}", x + 0.0)).collect();
    (node.op().into(), node.shape().to_vec(), values, node.site().map(|site| site.to_string()))
}

fn of_node(graph: &Graph<f64>, node: &GraphNode<f64>, mut emit: impl FnMut(Change)) {
    let inputs = mutant::inputs_of(graph, node);
    let active = |i: usize| match node.args()[i] {
        Arg::Node(parent) => graph.nodes()[parent].is_active(),
        Arg::Literal(_) => false,
    };
    if mutant::is_map(node) {
        emit(Change::Skipped);
        emit(Change::Twice);
    }
    match &node.op {
        NodeOp::Binary(op) => binary(*op, &inputs, active, &mut emit),
        NodeOp::Tensor(TensorOp::Sum(_)) => one_example(&inputs[0], &mut emit),
        NodeOp::Tensor(TensorOp::SquaredError(_)) => {
            for i in (0..2).filter(|&i| !active(i)) {
                emit(Change::Operand(i, 0.0));
            }
        }
        _ => {}
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
