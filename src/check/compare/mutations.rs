//! The mistakes to try at each node.

use super::case::Case;
use super::describe;
use super::mutant::{self, Change, Formula, Mutation};
use crate::graph::{Arg, Graph, GraphNode};
use crate::ops::structural::{Map, TensorOp};
use crate::ops::{BinaryOp, UnaryOp};
use crate::tape::NodeOp;
use crate::tensor::kernels::rows::RowMap;
use std::collections::{HashMap, HashSet};
use std::panic::Location;

/// How many examples are tried as the only one; of more, the first and the last.
const EXAMPLES: usize = 8;

/// The nodes of a group that share a mistake: all, all but the last layer, each layer. A node's layer is how many of the
/// group come before it on a path.
fn parts(graph: &Graph<f64>, group: &[usize]) -> Vec<Vec<usize>> {
    let mut layers = vec![0; graph.nodes().len()];
    for node in graph.nodes() {
        let before = node.parents().map(|parent| layers[parent]).max().unwrap_or(0);
        layers[node.index()] = before + usize::from(group.contains(&node.index()));
    }
    let last = group.iter().map(|&node| layers[node]).max().unwrap_or(0);
    let among = |keep: &dyn Fn(usize) -> bool| -> Vec<usize> {
        group.iter().copied().filter(|&node| keep(layers[node])).collect()
    };
    let mut parts = vec![group.to_vec()];
    parts.push(among(&|layer| layer < last));
    parts.extend((1..=last).map(|one| among(&|layer| layer == one)));
    let mut kept: Vec<Vec<usize>> = Vec::new();
    for part in parts {
        if part.len() > 1 && !kept.contains(&part) {
            kept.push(part);
        }
    }
    kept
}

/// How many values in another's place are tried.
const OTHER_VALUES: usize = 400;

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
    let groups: Vec<Mutation> =
        case.levels.iter().enumerate().flat_map(|(k, graph)| repeated(case, k, graph)).collect();
    let everywhere = groups.iter().flat_map(|group| {
        let alike = |one: &&Mutation| one.also.is_empty() && (one.level, one.node) == (group.level, group.node);
        let changes = found.iter().filter(alike).map(|one| one.change.clone());
        changes.map(|change| Mutation { change, ..group.clone() }).collect::<Vec<_>>()
    });
    let everywhere: Vec<Mutation> = everywhere.collect();
    found.extend(everywhere);
    found.extend(other_values(&case.levels[0]));
    found.extend(only_terms(&case.levels[0]));
    // A budget may end the search, so what is plausible comes first.
    let mut by_cost: Vec<(f64, Mutation)> = found.into_iter().map(|one| (describe::cost(case, &one), one)).collect();
    by_cost.sort_by(|a, b| a.0.total_cmp(&b.0));
    by_cost.into_iter().map(|(_, one)| one).collect()
}

/// Every derivative with another value of the same shape where a factor belongs: a^l for a^(l-1), the wrong layer's weights.
fn other_values(graph: &Graph<f64>) -> Vec<Mutation> {
    let mut found = Vec::new();
    for node in graph.nodes().iter().filter(|node| node.is_active() && !node.args().is_empty()) {
        let product = matches!(node.op, NodeOp::Binary(BinaryOp::Mul(_)) | NodeOp::Tensor(TensorOp::MatMul(_)));
        if !product && !matches!(node.op, NodeOp::Unary(_)) {
            continue;
        }
        for (wrt, arg) in node.args().iter().enumerate() {
            let active = matches!(arg, Arg::Node(parent) if graph.nodes()[*parent].is_active());
            let Arg::Node(factor) = node.args()[mutant::place_of_other(node.args().len(), wrt)] else { continue };
            let known = &graph.nodes()[factor];
            let fits = |other: &&GraphNode<f64>| {
                let named = other.name().is_some() || other.args().is_empty();
                named && other.shape() == known.shape() && other.value().as_slice() != known.value().as_slice()
            };
            for other in graph.nodes().iter().filter(|_| active).filter(fits) {
                found.push(Mutation::new(0, node.index(), Change::OtherValue(wrt, other.index())));
            }
        }
    }
    found.truncate(OTHER_VALUES);
    found
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
        found.push(Mutation {
            level: 0,
            node: chain[0],
            also: chain[1..].to_vec(),
            change: Change::ArgumentScaled(1, 0.0),
        });
    }
    found
}

/// Mistakes about what was broadcast, subtracted before, or averaged.
fn of_arguments(
    case: &Case,
    graph: &Graph<f64>,
    node: &GraphNode<f64>,
    args: &[usize],
    inputs: &[crate::Tensor<f64>],
    emit: &mut impl FnMut(Change),
) {
    let elements: usize = node.shape().numel();
    for &i in args.iter().filter(|_| matches!(node.op, NodeOp::Binary(_))) {
        let own = inputs[i].len().max(1);
        if elements > own {
            emit(Change::ArgumentScaled(i, own as f64 / elements as f64));
        }
    }
    if let ([Arg::Node(parent)], NodeOp::Unary(_)) = (node.args(), &node.op) {
        let parent = &graph.nodes()[*parent];
        let passive = |arg: &Arg<f64>| matches!(arg, Arg::Node(index) if !graph.nodes()[*index].is_active());
        if mutant::adds(parent) {
            let operands = parent.args().iter().enumerate().filter(|(_, arg)| passive(arg));
            operands.for_each(|(operand, _)| emit(Change::WithoutOperand(operand)));
        }
    }
    for n in case.factors.sizes().iter().filter(|_| averages(node, case)) {
        emit(Change::Scaled(n / (n - 1.0)));
    }
}

/// Mistakes about what is transposed in a matrix product.
fn products(node: &GraphNode<f64>, inputs: &[crate::Tensor<f64>], args: &[usize], emit: &mut impl FnMut(Change)) {
    for &i in args {
        if mutant::transposes(node, inputs, i) {
            emit(Change::TransposedFactor(i));
        }
        if let [rows, columns] = node.shape().dims()
            && rows == columns
        {
            emit(Change::TransposedUpstream(i));
        }
        if let [rows, columns] = inputs[i].shape().dims()
            && rows == columns
        {
            emit(Change::TransposedResult(i));
        }
    }
}

/// Whether a node divides by a number of things, as a mean does.
fn averages(node: &GraphNode<f64>, case: &Case) -> bool {
    let divides = |x: f64| case.factors.sizes().iter().any(|n| (x * n - 1.0).abs() < 1e-12 || (x - n).abs() < 1e-12);
    let number = |arg: &Arg<f64>| matches!(arg, Arg::Literal(x) if divides(*x));
    matches!(node.op, NodeOp::Binary(BinaryOp::Mul(_) | BinaryOp::Div(_))) && node.args().iter().any(number)
}

/// Arguments whose exponent in the derivative may be off by one, and which way.
fn exponents(op: &NodeOp<f64>, args: &[usize]) -> Vec<(usize, i32)> {
    match op {
        NodeOp::Binary(BinaryOp::Div(_)) if args.contains(&1) => vec![(1, 1)],
        NodeOp::Unary(UnaryOp::Reciprocal(_) | UnaryOp::Rsqrt(_) | UnaryOp::Sqrt(_) | UnaryOp::Ln(_)) => {
            vec![(0, 1), (0, -1)]
        }
        NodeOp::Unary(UnaryOp::Powi(_) | UnaryOp::Powf(_) | UnaryOp::Square(_)) => vec![(0, 1), (0, -1)],
        _ => Vec::new(),
    }
}

/// Nodes that one source line recorded several times, as the layers of a loop: all of them, and all but the last. The change
/// is that of the first.
fn repeated(case: &Case, level: usize, graph: &Graph<f64>) -> Vec<Mutation> {
    let mut lines: HashMap<&Location<'_>, Vec<usize>> = HashMap::new();
    let active = |node: &&GraphNode<f64>| node.is_active() && !node.args().is_empty();
    for node in graph.nodes().iter().filter(active) {
        if let Some(site) = node.site() {
            lines.entry(site).or_default().push(node.index());
        }
    }
    let mut found = Vec::new();
    for (site, nodes) in lines {
        // How many nodes one call records is how many there are for each of its first.
        let recorded = case.levels[0].nodes().iter().filter(active).filter(|node| node.site() == Some(site));
        let ops: Vec<&str> = recorded.map(|node| node.op()).collect();
        let times = ops.iter().filter(|&&op| op == ops[0]).count();
        if times < 2 || !nodes.len().is_multiple_of(times) {
            continue;
        }
        let each = nodes.len() / times;
        for position in 0..each {
            let group: Vec<usize> = (0..times).map(|call| nodes[call * each + position]).collect();
            let op = graph.nodes()[group[0]].op();
            if group.iter().any(|&node| graph.nodes()[node].op() != op) {
                continue;
            }
            for part in parts(graph, &group) {
                found.push(Mutation { level, node: part[0], also: part[1..].to_vec(), change: Change::Scaled(1.0) });
            }
        }
    }
    found.sort_by_key(|mutation| (mutation.node, mutation.also.len()));
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
    of_arguments(case, graph, node, &args, &inputs, &mut emit);
    for (wrt, power) in exponents(&node.op, &args) {
        emit(Change::Power(wrt, power));
    }
    match &node.op {
        NodeOp::Unary(op) => unary(*op, &inputs, &mut emit),
        NodeOp::Binary(op) => binary(*op, &inputs, active, &mut emit),
        NodeOp::Tensor(TensorOp::MatMul(_)) => products(node, &inputs, &args, &mut emit),
        NodeOp::Tensor(TensorOp::Map(Map(RowMap::Softmax))) => {
            emit(Change::Diagonal);
            emit(Change::RuleTwice);
            emit(Change::Twice);
            emit(Change::Skipped);
        }
        NodeOp::Tensor(TensorOp::Take(_)) if mutant::takes_again(node) => emit(Change::Overwritten),
        NodeOp::Tensor(TensorOp::Sum(_)) => one_example(&inputs[0], &mut emit),
        NodeOp::Tensor(TensorOp::SquaredError(_)) => {
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
        NodeOp::Tensor(op) => {
            matches!(op, Reshape(_) | BroadcastTo(_) | Permute(_) | Slice(_) | Embed(_) | Take(_) | Sum(_))
                || matches!(op, ScatterAdd(_) | Concat(_))
        }
        NodeOp::Unary(op) => matches!(op, UnaryOp::Neg(_)),
        NodeOp::Copy | NodeOp::Select => true,
        _ => mutant::adds(node),
    }
}

fn unary(op: UnaryOp, inputs: &[crate::Tensor<f64>], emit: &mut impl FnMut(Change)) {
    emit(Change::Skipped);
    emit(Change::Twice);
    emit(Change::RuleTwice);
    emit(Change::InputForOutput);
    emit(Change::OutputForInput);
    if inputs[0].iter().any(|&x| x == 0.0) {
        emit(Change::Kink);
    }
    match op {
        UnaryOp::Square(_) | UnaryOp::Sqrt(_) => [0.5, 2.0].into_iter().for_each(|c| emit(Change::Scaled(c))),
        UnaryOp::Rsqrt(_) => [2.0, -2.0].into_iter().for_each(|c| emit(Change::Scaled(c))),
        UnaryOp::Powi(op) if op.n != 0 => emit(Change::Scaled(1.0 / f64::from(op.n))),
        UnaryOp::Powf(op) if op.p != 0.0 => emit(Change::Scaled(1.0 / op.p)),
        UnaryOp::Sigmoid(_) => {
            Formula::ALL.into_iter().filter(|&f| f != Formula::Sigmoid).for_each(|f| emit(Change::Formula(f)));
        }
        UnaryOp::Tanh(_) => {
            Formula::ALL.into_iter().filter(|&f| f != Formula::Tanh).for_each(|f| emit(Change::Formula(f)));
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
