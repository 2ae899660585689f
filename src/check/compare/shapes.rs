//! A wrong shape: which factors of the derivative are missing?
//!
//! The chain rule is walked from the output to the parameter along every path, each factor applied or left out, and what
//! comes out is held against the hand-coded values. Fewest missing factors first.

use super::case::{Case, Target};
use super::describe;
use super::mutant;
use super::results::{self, Suspect, mistake};
use super::{Kind, Mistake};
use crate::graph::{Arg, Graph, GraphNode};
use crate::ops::structural::TensorOp;
use crate::ops::{BinaryOp, UnaryOp};
use crate::tape::NodeOp;
use crate::tensor::Tensor;

/// The most factors that may be missing.
const MISSING: usize = 4;
/// The most rules that are applied in the search for one parameter.
const STEPS: usize = 4000;

/// The mistakes that explain a hand-coded gradient of the wrong shape, and how many derivations were tried.
pub(super) fn findings(case: &Case, k: usize) -> (Vec<Suspect>, usize) {
    let target = &case.targets[k];
    let mut tried = 0;
    for (level, graph) in case.levels.iter().enumerate().take(2) {
        let Some(goal) = target.nodes[level] else { continue };
        let starts = starts(graph, goal);
        for most in 0..=MISSING {
            let mut walk = FactorSubsets {
                case,
                graph,
                level,
                target,
                k,
                goal,
                reaches: reaches(graph, goal),
                steps: 0,
                found: None,
            };
            for (start, g) in &starts {
                walk.step(*start, g.clone(), &mut Vec::new(), most, Some(*start));
            }
            tried += walk.steps;
            if let Some((mistake, fit)) = walk.found {
                let cost = 0.1 * most as f64 + 0.06 * level as f64;
                return (vec![Suspect { mistake, cost, fit }], tried);
            }
        }
    }
    (Vec::new(), tried)
}

/// Where derivations start, with the true gradients there: the output, and before it every node in which several paths
/// from it join, since a walk along one of them would bring that one's share alone.
fn starts(graph: &Graph<f64>, goal: usize) -> Vec<(usize, Tensor<f64>)> {
    let mut readers = vec![0; graph.nodes().len()];
    for parent in graph.nodes().iter().filter(|node| node.is_active()).flat_map(|node| node.parents()) {
        readers[parent] += 1;
    }
    let reaches = reaches(graph, goal);
    let joins = (0..readers.len()).filter(|&node| node != goal && reaches[node] && readers[node] > 1);
    let adjoints = graph.adjoints().unwrap_or_default();
    let at = |node: usize| Some((node, adjoints.get(node)?.clone().into_tensor()));
    joins.chain([graph.output().index()]).filter_map(at).collect()
}

/// Which nodes depend on one.
fn reaches(graph: &Graph<f64>, goal: usize) -> Vec<bool> {
    let mut reaches = vec![false; graph.nodes().len()];
    reaches[goal] = true;
    for node in graph.nodes() {
        reaches[node.index()] |= node.parents().any(|parent| reaches[parent]);
    }
    reaches
}

struct FactorSubsets<'a> {
    case: &'a Case,
    graph: &'a Graph<f64>,
    level: usize,
    target: &'a Target,
    k: usize,
    goal: usize,
    reaches: Vec<bool>,
    steps: usize,
    found: Option<(Mistake, f64)>,
}

impl FactorSubsets<'_> {
    /// Goes on from a node with what stands for the gradient by it. `whole` is the node that this is the gradient by, if
    /// nothing was applied since.
    fn step(&mut self, at: usize, g: Tensor<f64>, missing: &mut Vec<String>, most: usize, whole: Option<usize>) {
        if self.found.is_some() || self.steps > STEPS {
            return;
        }
        if at == self.goal {
            self.compare(&g, missing, whole);
            return;
        }
        let node = &self.graph.nodes()[at];
        for (i, arg) in node.args().iter().enumerate() {
            let Arg::Node(parent) = *arg else { continue };
            if !self.reaches[parent] {
                continue;
            }
            self.steps += 1;
            let inputs = mutant::inputs_of(self.graph, node);
            let fitted = if g.shape().rank() == 0 { Tensor::full(node.shape(), g.item()) } else { g.clone() };
            let applied = (fitted.shape() == &node.shape())
                .then(|| mutant::contributions(node, &inputs, &fitted).ok())
                .flatten()
                .map(|mut all| all.swap_remove(i));
            let (name, stays) = (self.factor(node, i), whole.or((g.shape() == &node.shape()).then_some(at)));
            if let Some(applied) = applied {
                // An added bias changes nothing of the gradient, so this is still that by the sum.
                let unchanged = applied == g;
                self.step(parent, applied, missing, most, stays.filter(|_| unchanged));
            }
            match name {
                Some(name) if missing.len() < most => {
                    missing.push(name);
                    self.step(parent, g.clone(), missing, most, stays);
                    missing.pop();
                }
                // A gradient that fits nowhere passes through what only adds or moves elements.
                None if fitted.shape() != &node.shape() => self.step(parent, g.clone(), missing, most, stays),
                _ => {}
            }
        }
    }

    /// The factor that a node brings, by name; none if it only adds or moves elements.
    fn factor(&self, node: &GraphNode<f64>, wrt: usize) -> Option<String> {
        let other = || node.args().get(1 - wrt.min(1));
        match &node.op {
            NodeOp::Binary(BinaryOp::Add(_) | BinaryOp::Sub(_)) => {
                let shape = |arg: &Arg<f64>| match arg {
                    Arg::Node(index) => self.graph.nodes()[*index].shape(),
                    Arg::Literal(_) => Default::default(),
                };
                (shape(&node.args()[wrt]) != node.shape()).then(|| "the sum over what was broadcast".into())
            }
            NodeOp::Binary(BinaryOp::Mul(_)) => other().map(|arg| describe::argument(self.graph, self.level, arg)),
            NodeOp::Binary(BinaryOp::Div(_)) if wrt == 0 => {
                other().map(|arg| format!("1/{}", describe::argument(self.graph, self.level, arg)))
            }
            NodeOp::Tensor(TensorOp::MatMul(op)) => {
                other().map(|arg| describe::factor_of_product(op, self.graph, self.level, arg, wrt))
            }
            NodeOp::Tensor(
                TensorOp::Sum(_) | TensorOp::Reshape(_) | TensorOp::Permute(_) | TensorOp::BroadcastTo(_),
            )
            | NodeOp::Unary(UnaryOp::Neg(_))
            | NodeOp::Copy => None,
            _ => Some(describe::local_derivative(self.graph, self.level, node)),
        }
    }

    fn compare(&mut self, g: &Tensor<f64>, missing: &[String], whole: Option<usize>) {
        let hand = &self.target.hand;
        let mut candidates = vec![(g.clone(), "")];
        candidates.extend(g.try_t().ok().filter(|_| g.shape().rank() == 2).map(|t| (t, ", transposed")));
        for (candidate, turned) in candidates {
            if candidate.shape() != hand.shape() || candidate.iter().all(|&x| x == 0.0) {
                continue;
            }
            let factor = results::factor(self.case, hand.as_slice(), candidate.as_slice());
            let scaled = candidate.map(|x| x * factor.as_ref().map_or(1.0, |(c, ..)| *c));
            let Some(fit) = self.case.fit(self.k, &scaled) else { continue };
            let times = factor.as_ref().map_or(String::new(), |(_, name, _)| format!(", times {name}"));
            let left_out = match missing {
                [] => String::from("with the shape of its last step"),
                [one] => format!("with the factor {one} left out"),
                all => format!("with the factors {} left out", all.join(", ")),
            };
            let known = whole.filter(|&node| self.graph.nodes()[node].name().is_some());
            let is = known.map_or(String::new(), |node| format!(": it is the gradient by {}", self.graph.title(node)));
            let text = format!("{left_out}{is}{times}{turned}");
            self.found = Some((mistake(Kind::MissingFactors, factor.map(|(c, ..)| c), text), fit));
            return;
        }
    }
}
