//! The case at hand: the recorded function with its expansions, the true gradients, and the hand-coded ones.

use super::factors::Factors;
use super::mutant::Mutation;
use super::{Compare, Parameters, hand};
use crate::check::pieces::Signature;
use crate::check::replay::variables;
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::tape::Tape;
use crate::tensor::Tensor;
use std::cell::OnceCell;

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
    /// The error allowed relative to the largest value.
    pub tolerance: f64,
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
    /// The largest of the targets' tolerances.
    pub tolerance: f64,
    /// The same function and gradients at other points: see [`Case::others`].
    others: OnceCell<Vec<Case>>,
    /// The largest value of any gradient, which rounding is relative to.
    largest: f64,
}

/// How far other points are from the point, and how often they come nearer to stay on its smooth pieces.
const APART: f64 = 0.04;
const NEARER: usize = 6;

impl Case {
    /// The case at the point.
    pub fn new(compare: &Compare<'_>) -> Result<Self> {
        Self::at(compare, &compare.named(compare.point.clone()), false)
    }

    /// The case at two other points near this one, with those hand-coded gradients that are closures, in the same order and
    /// found by name; none where there are no closures, or where the function cannot be had beside the point on the same
    /// smooth pieces. Made at the first call, so that gradients that agree cost nothing.
    pub fn others(&self, compare: &Compare<'_>) -> &[Case] {
        self.others.get_or_init(|| {
            if !compare.hand.iter().any(hand::Hand::is_function) {
                return Vec::new();
            }
            (1..=2).filter_map(|which| beside(compare, which)).collect()
        })
    }

    fn at(compare: &Compare<'_>, point: &Parameters<Tensor<f64>>, closures_alone: bool) -> Result<Self> {
        let mut tape = Tape::new();
        tape.keep_source_lines(true);
        let xs = variables(&tape, point);
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
            let value = point[k].clone();
            let truth = nodes[0].map_or(Tensor::zeros(value.shape()), |node| adjoints[node].clone().into_tensor());
            Variable { name: compare.names[k].clone(), place: Wrt::Parameter(k), nodes, value, truth }
        };
        let parameters: Vec<Variable> = (0..xs.len()).map(variable).collect();
        let mut targets = Vec::with_capacity(compare.hand.len());
        for given in compare.hand.iter().filter(|hand| !closures_alone || hand.is_function()) {
            let name = &given.name;
            let variable = match parameters.iter().find(|parameter| parameter.name == *name) {
                Some(parameter) => parameter.clone(),
                None => intermediate(name, &levels, &adjoints)?,
            };
            let tolerance = compare.tolerance.unwrap_or(if given.is_single { hand::SINGLE } else { hand::DOUBLE });
            targets.push(Target { variable, hand: given.at(point)?, agrees: false, tolerance });
        }
        let values = targets.iter().flat_map(|target| target.truth.iter().chain(target.hand.iter()));
        let largest = values.filter(|x| x.is_finite()).fold(0.0, |max: f64, x| max.max(x.abs()));
        let factors = Factors::new(&compare.constants, &levels[0]);
        let tolerance = targets.iter().map(|target| target.tolerance).fold(0.0, f64::max);
        let (value, others) = (output.item(), OnceCell::new());
        let mut case = Self { value, levels, targets, parameters, factors, tolerance, others, largest };
        for k in 0..case.targets.len() {
            case.targets[k].agrees = case.fit(k, &case.targets[k].truth).is_some();
        }
        Ok(case)
    }

    /// The numbers of the targets that differ.
    pub fn differing(&self) -> Vec<usize> {
        (0..self.targets.len()).filter(|&k| !self.targets[k].agrees).collect()
    }

    /// How many hand-coded values of a target tell something: those that are not 0 on both sides, each number once.
    pub fn informative(&self, target: usize) -> usize {
        let Target { hand, variable, .. } = &self.targets[target];
        let pairs = hand.iter().map(|x| x.to_bits()).zip(variable.truth.iter().map(|x| x.to_bits()));
        let zero = 0.0f64.to_bits();
        pairs.filter(|&(h, t)| h != zero || t != zero).collect::<std::collections::HashSet<_>>().len().max(1)
    }

    /// How far a candidate is from the hand-coded values of a target, relative to the largest; none if that is too far.
    pub fn fit(&self, target: usize, candidate: &Tensor<f64>) -> Option<f64> {
        let Target { hand, tolerance, .. } = &self.targets[target];
        if hand.shape() != candidate.shape() {
            return None;
        }
        self.fit_within(*tolerance, hand.as_slice(), candidate.as_slice())
    }

    /// The same for plain numbers.
    pub fn fit_values(&self, hand: &[f64], candidate: &[f64]) -> Option<f64> {
        self.fit_within(self.tolerance, hand, candidate)
    }

    fn fit_within(&self, tolerance: f64, hand: &[f64], candidate: &[f64]) -> Option<f64> {
        let finite = hand.iter().chain(candidate).filter(|x| x.is_finite());
        let size = finite.fold(0.0, |max: f64, x| max.max(x.abs()));
        let mut error: f64 = 0.0;
        for (h, c) in hand.iter().zip(candidate) {
            let off = if h == c { 0.0 } else { (h - c).abs() };
            let allowed = tolerance * size + 1e-13 * self.largest;
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
                Some(mistake.record(&tape, node, args))
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

/// The case at another point: each number of the parameters moved by a few percent, up or down, always the same way for the
/// same point.
fn beside(compare: &Compare<'_>, which: usize) -> Option<Case> {
    let home = signature(compare, &compare.point)?;
    let mut apart = APART;
    for _ in 0..NEARER {
        // A number that is 0 moves as the others of its tensor do, unless it is 0 because that is where two pieces meet.
        for zeros_move in [true, false] {
            let mut number = which;
            let moved = compare.point.iter().map(|x| {
                let largest = x.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
                let least = if largest > 0.0 { 0.1 * largest } else { 1.0 };
                x.map(|x| {
                    number += 1;
                    let size = if x == 0.0 && !zeros_move { 0.0 } else { x.abs().max(least) };
                    x + apart * share(number * which) * size
                })
            });
            let moved: Vec<Tensor<f64>> = moved.collect();
            if moved != compare.point && signature(compare, &moved).as_ref() == Some(&home) {
                // A closure that cannot be had there says nothing about the mistake.
                return Case::at(compare, &compare.named(moved), true).ok();
            }
        }
        apart /= 4.0;
    }
    None
}

/// Which smooth pieces the function is on at a point, if it can be had there.
fn signature(compare: &Compare<'_>, point: &[Tensor<f64>]) -> Option<Signature> {
    let tape = Tape::new();
    let output = (compare.f)(&tape, &variables(&tape, point)).ok()?;
    output.item().is_finite().then(|| Signature::of(&tape))
}

/// A number from -1 to 1 that is not near 0, by its place in a fixed sequence without a pattern.
pub(super) fn share(place: usize) -> f64 {
    // The fractional parts of multiples of the golden ratio are spread evenly.
    let fraction = (place as f64 * 0.618_033_988_749_894_9).fract();
    let size = 0.5 + (place as f64 * std::f64::consts::SQRT_2).fract() / 2.0;
    if fraction < 0.5 { -size } else { size }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_points_are_near_on_the_same_pieces_and_have_the_closures_alone() {
        let compare = Compare::new(|p| (p["w"].relu().named("a").square() * p["v"]).sum(()))
            .parameter("w", [0.5, -2.0, 0.01])
            .parameter("v", [3.0, 0.0, 1.0])
            .hand("v", [0.25, 0.0, 1e-4])
            .hand_fn("w", |p| 2.0 * p["w"].map(|w| w.max(0.0)) * &p["v"])
            .hand_fn("a", |p| &p["w"] * &p["v"]);
        let case = Case::new(&compare).unwrap();
        let others = case.others(&compare);
        assert_eq!(others.len(), 2);
        for other in others {
            let names: Vec<&str> = other.targets.iter().map(|target| target.name.as_str()).collect();
            assert_eq!(names, ["w", "a"]);
            assert!(other.targets[0].agrees && !other.targets[1].agrees);
            let (w, home) = (&other.parameters[0].value, &case.parameters[0].value);
            assert!(w.iter().zip(home.iter()).all(|(a, b)| a != b && a.signum() == b.signum()), "{w}");
            assert!(w.iter().zip(home.iter()).all(|(a, b)| (a - b).abs() < 0.1), "{w}");
            assert_eq!(other.levels[0].nodes().len(), case.levels[0].nodes().len());
        }
        assert_ne!(others[0].parameters[0].value, others[1].parameters[0].value);
        // Nothing to ask at another point; and a point that is on a kink in all that moves.
        let numbers = Compare::new(|p| p[0].square()).parameter("x", 1.0).hand("x", 3.0);
        assert!(Case::new(&numbers).unwrap().others(&numbers).is_empty());
        let kink = Compare::new(|p| p[0].max(())).parameter("x", [2.0, 2.0]).hand_fn("x", |_| [3.0, 3.0]);
        assert!(Case::new(&kink).unwrap().others(&kink).is_empty());
        // A zero on a kink stays, and the rest moves.
        let beside = Compare::new(|p| p[0].abs().sum(())).parameter("x", [0.0, 1.0]).hand_fn("x", |_| [3.0, 3.0]);
        let case = Case::new(&beside).unwrap();
        let moved: Vec<f64> =
            case.others(&beside).iter().map(|other| other.parameters[0].value.as_slice()[0]).collect();
        assert_eq!(moved, [0.0, 0.0]);
    }
}
