//! The case at hand: the recorded function with its expansions, the true gradients, and the hand-coded ones.

use super::Compare;
use super::factors::Factors;
use super::mutant::Mutation;
use crate::check::replay::variables;
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::tape::Tape;
use crate::tensor::Tensor;

/// How often ops are replaced by their textbook formulas.
const EXPANSIONS: usize = 2;

/// What a hand-coded gradient is by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrt {
    /// A parameter, by its number.
    Parameter(usize),
    /// A node of the graph as recorded.
    Intermediate(usize),
}

/// A parameter or intermediate, and its true gradient.
#[derive(Clone)]
pub(super) struct Variable {
    pub name: String,
    pub place: Wrt,
    /// The node in each graph, if the output depends on it.
    pub nodes: Vec<Option<usize>>,
    pub value: Tensor<f64>,
    pub truth: Tensor<f64>,
}

/// A hand-coded gradient and what it should be.
pub(super) struct Target {
    pub variable: Variable,
    pub hand: Tensor<f64>,
    pub agrees: bool,
}

impl std::ops::Deref for Target {
    type Target = Variable;
    fn deref(&self) -> &Variable {
        &self.variable
    }
}

impl Target {
    pub fn has_right_shape(&self) -> bool {
        self.hand.shape() == self.truth.shape()
    }
}

/// Everything that a hypothesis is tested with.
pub(super) struct Case {
    /// The value of the function.
    pub value: f64,
    /// The graph as recorded, and its expansions.
    pub levels: Vec<Graph<f64>>,
    pub targets: Vec<Target>,
    pub parameters: Vec<Variable>,
    pub factors: Factors,
    pub tolerance: f64,
    /// The largest value of any gradient, which rounding is relative to.
    largest: f64,
}

impl Case {
    pub fn new(compare: &Compare<'_>) -> Result<Self> {
        let mut tape = Tape::new();
        tape.keep_source_lines(true);
        let xs = variables(&tape, &compare.point);
        for (x, name) in xs.iter().zip(&compare.names) {
            x.named(name);
        }
        let output = (compare.f)(&tape, &xs)?;
        if output.rank() > 0 {
            let shape = output.shape();
            return Err(Error::shape(format!("compare: the function gives shape {shape}; reduce it to a number")));
        }
        if output.is_constant() {
            return Err(Error::argument("compare: the function does not depend on its parameters"));
        }
        if !output.item().is_finite() {
            return Err(Error::not_finite(format!("compare: the function is {} at the point", output.item())));
        }
        let levels = levels(Graph::of(output))?;
        let adjoints = levels[0].adjoints()?;
        let variable = |k: usize| {
            let nodes: Vec<_> = levels.iter().map(|graph| graph.find_node(xs[k].id).map(|node| node.index())).collect();
            let value = compare.point[k].clone();
            let truth = nodes[0].map_or(Tensor::zeros(value.shape()), |node| adjoints[node].clone().into_tensor());
            Variable { name: compare.names[k].clone(), place: Wrt::Parameter(k), nodes, value, truth }
        };
        let parameters: Vec<Variable> = (0..xs.len()).map(variable).collect();
        let mut targets = Vec::with_capacity(compare.hand.len());
        for (name, hand) in &compare.hand {
            let variable = match parameters.iter().find(|parameter| parameter.name == *name) {
                Some(parameter) => parameter.clone(),
                None => intermediate(name, &levels, &adjoints)?,
            };
            targets.push(Target { variable, hand: hand.clone(), agrees: false });
        }
        let values = targets.iter().flat_map(|target| target.truth.iter().chain(target.hand.iter()));
        let largest = values.filter(|x| x.is_finite()).fold(0.0, |max: f64, x| max.max(x.abs()));
        let factors = Factors::new(&compare.constants, &levels[0]);
        let tolerance = compare.tolerance;
        let mut case = Self { value: output.item(), levels, targets, parameters, factors, tolerance, largest };
        for k in 0..case.targets.len() {
            case.targets[k].agrees = case.fit(k, &case.targets[k].truth).is_some();
        }
        Ok(case)
    }

    /// The numbers of the targets that differ.
    pub fn differing(&self) -> Vec<usize> {
        (0..self.targets.len()).filter(|&k| !self.targets[k].agrees).collect()
    }

    /// How far a candidate is from the hand-coded values of a target, relative to the largest; none if that is too far.
    pub fn fit(&self, target: usize, candidate: &Tensor<f64>) -> Option<f64> {
        let hand = &self.targets[target].hand;
        if hand.shape() != candidate.shape() {
            return None;
        }
        self.fit_values(hand.as_slice(), candidate.as_slice())
    }

    /// The same for plain numbers.
    pub fn fit_values(&self, hand: &[f64], candidate: &[f64]) -> Option<f64> {
        let finite = hand.iter().chain(candidate).filter(|x| x.is_finite());
        let size = finite.fold(0.0, |max: f64, x| max.max(x.abs()));
        let mut error: f64 = 0.0;
        for (h, c) in hand.iter().zip(candidate) {
            let off = if h == c { 0.0 } else { (h - c).abs() };
            let allowed = self.tolerance * size + 1e-13 * self.largest;
            if !off.is_finite() || off > allowed {
                return None;
            }
            error = error.max(off);
        }
        Some(if error == 0.0 { 0.0 } else { error / size })
    }

    /// The gradients by the targets with these mistakes made, all in one graph; none where they cannot be.
    pub fn gradients(&self, mistakes: &[&Mutation]) -> Option<Vec<Tensor<f64>>> {
        let level = mistakes.first().map_or(0, |mistake| mistake.level);
        let graph = &self.levels[level];
        let tape = Tape::new();
        let vars = graph
            .record_with(&tape, |node, args| {
                let mistake = mistakes.iter().find(|mistake| mistake.is_at(node.index()))?;
                Some(mistake.record(&tape, graph, node, args))
            })
            .ok()?;
        let place = |target: &Target| target.nodes[level];
        for node in self.targets.iter().filter_map(place) {
            vars[node].retain_gradient();
        }
        let output = *vars.last()?;
        let gradients = output.try_backward().ok()?;
        let gradient = |target: &Target| {
            let Some(node) = place(target) else { return Some(Tensor::zeros(target.value.shape())) };
            let given = mistakes.iter().filter(|mistake| mistake.node == node).find_map(|mistake| mistake.adjoint());
            match given {
                Some(adjoint) => Some(adjoint.clone()),
                // What a mistake made a constant has no gradient.
                None => Some(gradients.try_wrt(vars[node]).unwrap_or_else(|_| Tensor::zeros(target.value.shape()))),
            }
        };
        self.targets.iter().map(gradient).collect()
    }
}

/// The graph, and its expansions as long as they change it and stay finite.
fn levels(graph: Graph<f64>) -> Result<Vec<Graph<f64>>> {
    let mut levels = vec![graph];
    for _ in 0..EXPANSIONS {
        let last = &levels[levels.len() - 1];
        let next = last.expanded()?;
        let finite = next.output().value().as_slice()[0].is_finite();
        if next.nodes().len() == last.nodes().len() || !finite {
            break;
        }
        levels.push(next);
    }
    Ok(levels)
}

fn intermediate(name: &str, levels: &[Graph<f64>], adjoints: &[crate::Value<f64>]) -> Result<Variable> {
    let Some(node) = levels[0].named(name).filter(|node| node.is_active()) else {
        let known = levels[0].nodes().iter().filter(|node| node.is_active()).filter_map(|node| node.name());
        let known: Vec<&str> = known.collect();
        return Err(Error::argument(format!(
            "compare: no parameter or named intermediate {name:?} leads to the output; known are {}",
            known.join(", ")
        )));
    };
    let nodes = levels.iter().map(|graph| graph.named(name).map(|node| node.index())).collect();
    let value = node.value().clone().into_tensor();
    let truth = adjoints[node.index()].clone().into_tensor();
    Ok(Variable { name: name.into(), place: Wrt::Intermediate(node.index()), nodes, value, truth })
}
