//! What a person would want to know before reading the numbers: broadcasts that made a larger array than either operand,
//! hand-coded values that are no numbers, gradients that are zero throughout.

use super::Block;
use crate::graph::{Arg, Graph, GraphNode};
use crate::tape::NodeOp;
use crate::tensor::Shape;
use std::panic::Location;

/// Broadcasts that are listed one by one, and elements of a tensor.
const LISTED: usize = 3;

/// The broadcasts in which every operand was stretched, as [n] - [n, 1] is [n, n]: one note for each source line.
pub(super) fn broadcasts(graph: &Graph<f64>) -> Vec<String> {
    let mut seen: Vec<(Option<&Location<'_>>, &str)> = Vec::new();
    let mut notes = Vec::new();
    for node in graph.nodes() {
        let Some(shapes) = stretched(graph, node) else { continue };
        // A loop makes the same one again and again.
        let place = (node.site(), node.op());
        if seen.contains(&place) && node.site().is_some() {
            continue;
        }
        seen.push(place);
        let operands: Vec<String> = shapes.iter().map(Shape::to_string).collect();
        notes.push(format!(
            "{} made {} of {}: both operands were stretched, every element of one by every element of the other; reshape one \
             of them if they belong together element by element",
            place_of(graph, node),
            node.shape(),
            operands.join(" and ")
        ));
    }
    let more = notes.len().saturating_sub(LISTED);
    notes.truncate(LISTED);
    if more > 0 {
        notes.push(format!("{more} more broadcasts made both operands larger"));
    }
    notes
}

/// The operands' shapes, where each is smaller than the elementwise result.
fn stretched(graph: &Graph<f64>, node: &GraphNode<f64>) -> Option<Vec<Shape>> {
    let elementwise = matches!(node.op, NodeOp::Binary(_) | NodeOp::CustomBinary(_) | NodeOp::Select);
    let shape = |arg: &Arg<f64>| match arg {
        Arg::Node(index) => Some(graph.nodes()[*index].shape()),
        Arg::Literal(_) => None,
    };
    let shapes: Vec<Shape> = node.args().iter().filter_map(shape).collect();
    let n = node.shape().numel();
    let all = elementwise && shapes.len() > 1 && shapes.iter().all(|shape| shape.numel() < n);
    // Numbers are stretched by everything.
    let shapes: Vec<Shape> = shapes.into_iter().filter(|shape| shape.numel() > 1).collect();
    (all && shapes.len() > 1).then_some(shapes)
}

/// A node by its name or op, with the source line if it is the user's own.
pub(super) fn place_of(graph: &Graph<f64>, node: &GraphNode<f64>) -> String {
    let title = match node.name() {
        Some(name) if !node.is_input() && !node.is_data() => format!("{name} = {}", node.op()),
        Some(name) => name.into(),
        None if node.is_data() => "data".into(),
        None => node.op().into(),
    };
    let consumer = || graph.nodes().iter().find(|other| other.parents().any(|parent| parent == node.index()));
    // Data has no line of its own where it came in as an operand.
    let site = node.site().filter(|site| is_users(site)).or_else(|| {
        let site = consumer().and_then(GraphNode::site);
        site.filter(|site| node.is_data() && is_users(site))
    });
    match site {
        Some(site) => format!("{title} ({}:{})", site.file(), site.line()),
        None => title,
    }
}

/// Whether a source line is not one of this library.
fn is_users(site: &Location<'_>) -> bool {
    let library = file!().strip_suffix("check/compare/notes.rs").unwrap_or("src/");
    // The program's own sources lie beside the library's where the package is compiled as a whole.
    !site.file().starts_with(library) || site.file().starts_with(&format!("{library}main"))
}

/// What there is to say of the hand-coded values of one gradient, whoever is right.
pub(super) fn of_values(block: &Block) -> Vec<String> {
    let mut notes = Vec::new();
    let elements = block.hand.shape().clone();
    for (what, found) in [
        ("NaN", places(block, |x| x.is_nan())),
        ("inf", places(block, |x| x == f64::INFINITY)),
        ("-inf", places(block, |x| x == f64::NEG_INFINITY)),
    ] {
        let Some(&first) = found.first() else { continue };
        let index = |i: usize| format!("{:?}", crate::check::gradcheck::index_of(i, &elements));
        notes.push(match (found.len(), elements.rank()) {
            (_, 0) => format!("{}: the hand-coded gradient is {what}", block.name),
            (1, _) => format!("{}: the hand-coded gradient is {what} at {}", block.name, index(first)),
            (n, _) => {
                let listed: Vec<String> = found.iter().take(LISTED).map(|&i| index(i)).collect();
                let more = if n > LISTED { format!(" and {} more", n - LISTED) } else { String::new() };
                let of = elements.numel();
                let listed = listed.join(", ");
                format!("{}: the hand-coded gradient is {what} in {n} of {of} elements: {listed}{more}", block.name)
            }
        });
    }
    if !block.hand.is_empty() && block.hand.iter().all(|&x| x == 0.0) && block.reverse.iter().any(|&x| x != 0.0) {
        notes.push(format!(
            "{}: the hand-coded gradient is all zero, as one that was never added to is; the true one is not",
            block.name
        ));
    }
    notes
}

fn places(block: &Block, is_so: impl Fn(f64) -> bool) -> Vec<usize> {
    block.hand.iter().enumerate().filter(|(_, x)| is_so(**x)).map(|(i, _)| i).collect()
}
