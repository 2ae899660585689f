//! Why autodiff and differences contradict each other.
//!
//! Reverse mode, forward mode and whoever derives the same formula by hand share the rules of ops and what is a constant on
//! the tape; differences share neither. So where those contradict, one of the two is wrong: a user's op whose rule is not
//! the derivative of its value, or a value that was taken off the tape and depends on the parameters all the same. Which
//! one is measured: each user's op alone is held against its own differences, and data that is recorded anew beside the point
//! must be what it was.

use super::case::{Case, share};
use super::mutant::{contributions, inputs_of};
use super::{Compare, notes};
use crate::check::differences::{self, Plan, Sample};
use crate::check::replay::variables;
use crate::graph::{Arg, Graph, GraphNode};
use crate::tape::{NodeOp, Tape};
use crate::tensor::Tensor;

/// Elements of each argument of a user's op that are held against differences.
const ELEMENTS: usize = 32;
/// The relative error of a rule that is told from its differences.
const TOLERANCE: f64 = 1e-6;

/// Why autodiff contradicts the differences, in words.
pub(super) fn of_contradiction(compare: &Compare<'_>, case: &Case) -> String {
    let graph = &case.levels[0];
    let own: Vec<&GraphNode<f64>> = graph.nodes().iter().filter(|node| is_users_op(node)).collect();
    let mut wrong: Vec<String> = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    for node in own.iter().filter(|node| rule_is_wrong(graph, node)) {
        // One op used often is one rule.
        if !names.contains(&node.op()) {
            names.push(node.op());
            wrong.push(format!("the rule of {} is not the derivative of its value", notes::place_of(graph, node)));
        }
    }
    wrong.extend(taken_off(compare, graph));
    if !wrong.is_empty() {
        return wrong.join("; ");
    }
    let mut names: Vec<&str> = own.iter().map(|node| node.op()).collect();
    names.dedup();
    match names.is_empty() {
        true => "a value is taken off the tape (by item, value or detach), or an op's rule is wrong".into(),
        false => format!("the rule of {} is wrong, or a value is taken off the tape", names.join(", of ")),
    }
}

fn is_users_op(node: &GraphNode<f64>) -> bool {
    node.is_active() && matches!(node.op, NodeOp::CustomUnary(_) | NodeOp::CustomBinary(_) | NodeOp::Custom(_))
}

/// Whether an op's rule contradicts the differences of its value, at the values that it has in the graph.
fn rule_is_wrong(graph: &Graph<f64>, node: &GraphNode<f64>) -> bool {
    let inputs = inputs_of(graph, node);
    // Weights without a pattern, so that nothing cancels.
    let mut number = 0;
    let weights = Tensor::from_fn(node.shape(), |_| {
        number += 1;
        share(number)
    });
    let Ok(claimed) = contributions(node, &inputs, &weights) else { return false };
    let value = |inputs: &[Tensor<f64>]| -> Option<f64> {
        let tape = Tape::new();
        let output = node.record(&tape, &variables(&tape, inputs)).ok()?.value();
        Some(output.iter().zip(weights.iter()).map(|(y, w)| y * w).sum())
    };
    let Some(centre) = value(&inputs) else { return false };
    let size = node.value().as_slice().iter().fold(0.0, |sum, y| sum + y.abs());
    for (k, claimed) in claimed.iter().enumerate() {
        let is_constant = !matches!(node.args()[k], Arg::Node(index) if graph.nodes()[index].is_active());
        if is_constant {
            continue;
        }
        let largest = claimed.iter().fold(1e-3, |max: f64, x| max.max(x.abs()));
        for i in super::four::spread(claimed.len(), ELEMENTS) {
            let at = inputs[k].as_slice()[i];
            let plan = Plan {
                step: 1e-2 * at.abs().max(1.0),
                centre,
                rounding: f64::EPSILON * size,
                tolerance: TOLERANCE,
                floor: 1e-3,
                across_kinks: false,
            };
            let estimate = differences::derivative(&plan, |h| {
                let end = |h: f64| {
                    let mut moved = inputs.clone();
                    moved[k].as_mut_slice()[i] = at + h;
                    value(&moved).unwrap_or(f64::NAN)
                };
                let (plus, minus) = (end(h), end(-h));
                let obstacle = (!plus.is_finite() || !minus.is_finite()).then(|| String::from("not finite"));
                Sample { plus, minus, span: (at + h) - (at - h), obstacle, kink: None }
            });
            let Ok(estimate) = estimate else { continue };
            let error = (estimate.value - claimed.as_slice()[i]).abs();
            let known = error > 8.0 * estimate.uncertainty && estimate.corner.is_none();
            if known && error > TOLERANCE * largest.max(estimate.value.abs()) {
                return true;
            }
        }
    }
    false
}

/// What is data on the tape and another number beside the point.
fn taken_off(compare: &Compare<'_>, graph: &Graph<f64>) -> Option<String> {
    let mut number = 0;
    let moved = compare.point.iter().map(|x| {
        x.map(|x| {
            number += 1;
            x + 1e-6 * share(number) * x.abs().max(1e-3)
        })
    });
    let moved: Vec<Tensor<f64>> = moved.collect();
    let tape = Tape::new();
    let beside = Graph::of((compare.f)(&tape, &variables(&tape, &moved)).ok()?);
    if beside.nodes().len() != graph.nodes().len() {
        return None;
    }
    let pairs = || graph.nodes().iter().zip(beside.nodes());
    let changed = pairs().find_map(|(here, there)| {
        let literal = |(a, b): (&Arg<f64>, &Arg<f64>)| matches!((a, b), (Arg::Literal(a), Arg::Literal(b)) if a != b);
        let data = here.is_data() && here.value().as_slice() != there.value().as_slice();
        (data || here.args().iter().zip(there.args()).any(literal)).then_some(here)
    })?;
    let place = notes::place_of(graph, changed);
    Some(match changed.is_data() {
        true => format!("a value is taken off the tape (by item, value or detach) and comes back as {place}"),
        false => {
            format!("a value is taken off the tape (by item, value or detach) and comes back as a number in {place}")
        }
    })
}
