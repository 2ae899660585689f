//! Upstream gradients, local derivatives and contributions of a graph, as numbers.
//!
//! The graph is recorded again and swept by the tape's own sweep; what a node contributed is then asked of its rule.

use super::{Link, Local, SweepStep};
use crate::error::{Error, Result};
use crate::graph::{Arg, Graph, GraphNode};
use crate::num::Element;
use crate::sweep::contribution_of;
use crate::tape::NodeOp;
use crate::tape::{NodeRef, Tape, Value, Var};
use crate::tensor::{Shape, Tensor};

/// What a sweep does at each node of the graph, in the graph's order.
pub(super) fn steps<T: Element>(graph: &Graph<T>) -> Result<Vec<SweepStep<T>>> {
    let adjoints = graph.adjoints()?;
    let tape = Tape::of();
    let vars = graph.record(&tape)?;
    let recorded = Recorded { tape: &tape };
    let step = |(node, upstream): (&GraphNode<T>, Value<T>)| {
        let mut links = Vec::new();
        for (argument, arg) in node.args().iter().enumerate() {
            let &Arg::Node(parent) = arg else { continue };
            if graph.nodes()[parent].is_active() {
                links.push(recorded.link(graph, node, vars[node.index()], argument, parent, &upstream)?);
            }
        }
        Ok(SweepStep { node: node.index(), upstream, links })
    };
    graph.nodes().iter().zip(adjoints).map(step).collect()
}

/// A graph on a tape.
struct Recorded<'t, T: Element> {
    tape: &'t Tape<T>,
}

impl<T: Element> Recorded<'_, T> {
    fn link(
        &self,
        graph: &Graph<T>,
        node: &GraphNode<T>,
        var: Var<'_, T>,
        argument: usize,
        parent: usize,
        upstream: &Value<T>,
    ) -> Result<Link<T>> {
        let entry = match var.id.lane() {
            NodeRef::Tensor(k) => Some(k),
            NodeRef::Scalar(id) => self.tape.maker(id),
            NodeRef::Constant => None,
        };
        let shape = graph.nodes()[parent].shape();
        let (local, contribution) = match (entry, var.id.lane()) {
            (Some(k), _) => {
                let refused =
                    || Error::not_differentiable(format!("explain: {node} has no rule for argument {argument}"));
                let of = |g: Value<T>, shape: &Shape| {
                    contribution_of(self.tape, [k, argument], g, shape).ok_or_else(refused)
                };
                let local = if works_elementwise(node) {
                    let ones: Value<T> = Tensor::full(node.shape(), T::from_f64(1.0)).into();
                    match of(ones, &node.shape())? {
                        Value::Scalar(x) => Local::Number(x),
                        Value::Tensor(x) => Local::Elementwise(x),
                    }
                } else {
                    Local::Rule
                };
                (local, of(upstream.clone(), &shape)?)
            }
            (None, NodeRef::Scalar(id)) => {
                // The scalar lane keeps the partials of its node parents, in order.
                let place = node.args()[..argument].iter().filter(|arg| matches!(arg, Arg::Node(_))).count();
                let partial = self.tape.scalars().partials(id)[place];
                let g = upstream.as_slice()[0];
                let product = if g == T::from_f64(0.0) { g } else { partial * g };
                (Local::Number(partial), Value::Scalar(product))
            }
            (None, _) => (Local::Rule, Tensor::zeros(shape).into()),
        };
        Ok(Link { parent, argument, local, contribution })
    }
}

/// Whether each element of the output depends on the elements above it alone.
pub(super) fn works_elementwise<T: Element>(node: &GraphNode<T>) -> bool {
    use NodeOp::*;
    matches!(node.op, Unary(_) | Binary(_) | Copy | Select | CustomUnary(_) | CustomBinary(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contributions_add_up_to_the_gradients_of_the_sweep() {
        let tape = Tape::new();
        let w = tape.var([[0.1, -0.4], [0.5, 0.2], [0.3, -0.1]]);
        let s = tape.var(1.5);
        let x = tape.data([[1.0, 2.0, -1.0], [0.5, 0.0, 2.0]]);
        let y = (x.matmul(w) * s + s).tanh().cross_entropy(&[1, 0]) * s - w.square().sum(());
        let graph = Graph::of(y);
        let steps = steps(&graph).unwrap();
        let mut sums: Vec<Vec<f64>> = graph.nodes().iter().map(|node| vec![0.0; node.shape().numel()]).collect();
        *sums.last_mut().unwrap() = vec![1.0];
        for step in steps.iter().rev() {
            for link in &step.links {
                let contribution = link.contribution.as_slice();
                assert_eq!(contribution.len(), sums[link.parent].len(), "node {}", step.node);
                sums[link.parent].iter_mut().zip(contribution).for_each(|(sum, x)| *sum += x);
            }
        }
        for (step, sum) in steps.iter().zip(&sums) {
            for (a, b) in step.upstream.as_slice().iter().zip(sum) {
                let active = graph.nodes()[step.node].is_active();
                assert!(!active || (a - b).abs() < 1e-14, "node {}: {a} and {b}", step.node);
            }
        }
        assert!(matches!(steps[graph.find_node(s.id).unwrap().index()].links[..], []));
    }

    #[test]
    fn the_chosen_side_of_a_select_has_a_gradient_of_its_own() {
        let tape = Tape::new();
        let x = tape.var(2.0).named("x");
        let chosen = x.greater(tape.data(0.0)).select(x, tape.data(0.0)).named("chosen");
        let steps = steps(&Graph::of(chosen * 3.0 + x)).unwrap();
        let upstream: Vec<f64> = steps.iter().map(|step| step.upstream.as_slice()[0]).collect();
        assert_eq!(upstream, [4.0, 3.0, 1.0, 1.0]);
    }
}
