//! What forward and reverse mode cost on a graph with n inputs and one output.

use crate::graph::{Arg, Graph, GraphNode};
use crate::num::Element;
use crate::ops::structural::{MatMul, TensorOp};
use crate::tape::NodeOp;
use std::fmt;

/// The operations of one way to get the gradient.
///
/// See the example of [`Counts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cost {
    /// How often the graph is walked through.
    pub passes: usize,
    /// Products of a local derivative and what is carried along.
    pub multiplications: usize,
    /// Additions where several paths meet.
    pub additions: usize,
}

/// What each mode takes for the gradient of one output by all input numbers. The forward evaluation comes on top for both.
///
/// # Examples
/// ```
/// use retrograd::{Tape, explain::Explanation};
/// let tape = Tape::new();
/// let x = tape.vars(&[1.0, 2.0, 3.0]);
/// let counts = Explanation::of((x[0] * x[1] * x[2]).exp())?.counts();
/// assert_eq!((counts.inputs, counts.forward.passes, counts.reverse.passes), (3, 3, 1));
/// assert!(counts.reverse.multiplications < counts.forward.multiplications);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// How many input numbers there are.
    pub inputs: usize,
    /// One pass for each input number, through what depends on it.
    pub forward: Cost,
    /// One pass, for all of them.
    pub reverse: Cost,
}

/// Counts the operations of forward and reverse mode.
///
/// An edge costs as many products as it carries numbers; a matrix product's, one for each product of elements. Where k edges
/// meet, k - 1 additions.
pub fn counts<T: Element>(graph: &Graph<T>) -> Counts {
    let nodes = graph.nodes();
    let mut forward = Cost { passes: 0, multiplications: 0, additions: 0 };
    for input in graph.inputs() {
        let mut reached = vec![false; nodes.len()];
        reached[input.index()] = true;
        let (mut multiplications, mut additions) = (0, 0);
        for node in &nodes[input.index() + 1..] {
            let edges: Vec<usize> =
                active_edges(graph, node).filter(|&(_, parent)| reached[parent]).map(|(i, _)| i).collect();
            if edges.is_empty() {
                continue;
            }
            reached[node.index()] = true;
            multiplications += edges.iter().map(|&argument| products(graph, node, argument)).sum::<usize>();
            additions += (edges.len() - 1) * node.shape().numel();
        }
        // A pass carries the tangent of one input number.
        let passes = input.shape().numel();
        forward.passes += passes;
        forward.multiplications += multiplications * passes;
        forward.additions += additions * passes;
    }
    let mut reverse = Cost { passes: 1, multiplications: 0, additions: 0 };
    let mut readers = vec![0; nodes.len()];
    for node in nodes {
        for (argument, parent) in active_edges(graph, node) {
            reverse.multiplications += products(graph, node, argument);
            readers[parent] += 1;
        }
    }
    reverse.additions =
        nodes.iter().zip(&readers).map(|(node, &n): (_, &usize)| n.saturating_sub(1) * node.shape().numel()).sum();
    Counts { inputs: forward.passes, forward, reverse }
}

/// The arguments of a node that gradients go to, with their nodes.
fn active_edges<'a, T: Element>(
    graph: &'a Graph<T>,
    node: &'a GraphNode<T>,
) -> impl Iterator<Item = (usize, usize)> + 'a {
    node.args().iter().enumerate().filter_map(|(argument, arg)| match arg {
        Arg::Node(parent) if graph.nodes()[*parent].is_active() => Some((argument, *parent)),
        _ => None,
    })
}

/// How many products an edge costs.
fn products<T: Element>(graph: &Graph<T>, node: &GraphNode<T>, argument: usize) -> usize {
    let out = node.shape().numel();
    let Arg::Node(parent) = node.args()[argument] else { return 0 };
    match (&node.op, &node.args()[0]) {
        (NodeOp::Tensor(TensorOp::MatMul(MatMul { ta, .. })), Arg::Node(x)) => {
            let x = graph.nodes()[*x].shape();
            let inner = if *ta { x.rank() - 2 } else { x.rank() - 1 };
            out * x[inner]
        }
        _ => out.max(graph.nodes()[parent].shape().numel()),
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<8} {:>8} {:>16} {:>11}", "mode", "passes", "multiplications", "additions")?;
        for (mode, cost) in [("forward", self.forward), ("reverse", self.reverse)] {
            writeln!(f, "{mode:<8} {:>8} {:>16} {:>11}", cost.passes, cost.multiplications, cost.additions)?;
        }
        Ok(())
    }
}
