//! The search over the derivation: which small edit of which statement gives the hand-coded numbers?
//!
//! A hand-coded gradient is a program, the derivation, with a slip in it. The right one is at hand: the ops' rules write it down, one
//! statement for each use of a node (`program`), in the forms in which people write it (`forms`). At each place in a statement the small
//! edits are tried (`edits`): an operand replaced by another value at hand, a factor or a term dropped or turned, an operator, a
//! function, a reduction, a transpose exchanged.
//!
//! What makes it cheap: the gradients are weighed with random numbers, once, and one pass of forward mode gives for every node what a change of
//! the gradient by it changes of that sum. So a candidate costs one dot product (`spots`), and only what fits three sums is held
//! against the hand-coded values element by element.

mod edits;
mod forms;
mod groups;
mod pairs;
mod program;
mod singles;
mod spots;
mod term;
mod visible;
mod words;

use super::Mistake;
use super::case::Case;
use crate::graph::Graph;
use crate::tensor::Tensor;
use edits::{Family, Width};
use forms::Form;
use program::{COLUMNS, Derivation};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use singles::Match;
use smallvec::SmallVec;
use spots::Weights;
use std::collections::HashSet;
use std::rc::Rc;
use term::Term;
use visible::Visible;

/// An edit that gives the hand-coded numbers.
struct Finding {
    /// The node whose gradient the statement is.
    pub target: usize,
    /// The nodes whose derivative it is in that is wrong.
    pub at: SmallVec<[usize; 2]>,
    /// The shares that are edited, by their nodes and numbers, as they come out.
    pub edits: Vec<Edited>,
    pub family: Family,
    pub cost: f64,
    /// The statement, as it should be and as it was.
    pub right: Rc<Term>,
    pub wrong: Rc<Term>,
    /// What was edited, and into what.
    pub part: Rc<Term>,
    pub instead: Rc<Term>,
    pub fit: f64,
    /// Whether it was made in all members of a group.
    pub everywhere: bool,
}

/// A share of a node, by the node and its number, and what it has become.
type Edited = ((usize, usize), Rc<Term>);

/// Findings in words that together give the hand-coded values: one, or two.
pub(super) struct Explained {
    pub mistakes: Vec<Mistake>,
    pub cost: f64,
    pub fit: f64,
    /// Whether a hand-coded gradient is right that would be computed from what is wrong here: it is wrong in the formulas of others alone.
    pub apart: bool,
}

/// A hand-coded gradient that is looked for.
struct Goal {
    /// The number of the target.
    k: usize,
    node: usize,
    /// The hand-coded values, stretched to the right shape where they can be; none for another shape.
    hand: Option<Tensor<f64>>,
    /// Whether they differ.
    differs: bool,
}

/// What a search may still do.
pub(super) struct Allowance<'a> {
    /// Whether so many more candidates may be tried.
    pub more: &'a mut dyn FnMut(usize) -> bool,
    /// How much work one pass over the statements may be, in edits of small statements; the plainest forms come first.
    pub work: usize,
}

/// What edits of one statement, or of all members of a group, give the hand-coded values, the most plausible first. Where the hand-coded gradients are known at `others`, other
/// points, they must give those too.
pub(super) fn single(case: &Case, others: &[Case], level: usize, allowance: &mut Allowance<'_>) -> Vec<Explained> {
    with_search(case, level, false, |search| {
        let mut found = search.checked(search.singles(Width::Narrow, allowance));
        if found.is_empty() {
            let mut matched = search.other_shapes();
            matched.extend(search.everywhere(GROUPED, allowance));
            found = search.checked(matched);
        }
        found.retain(|finding| elsewhere(others, level, &[finding]));
        search.explained(&found, level)
    })
}

/// What edits of one statement give those hand-coded values that are wrong, in their formulas alone: those that are right were not
/// computed from it.
pub(super) fn apart(case: &Case, _others: &[Case], level: usize, allowance: &mut Allowance<'_>) -> Vec<Explained> {
    if case.targets.iter().all(|target| !target.agrees) {
        return Vec::new();
    }
    with_search(case, level, true, |search| {
        let found = search.checked(search.singles(Width::Narrow, allowance));
        search.explained(&found, level)
    })
}

/// What a far-fetched edit of one statement does.
pub(super) fn wide(case: &Case, others: &[Case], level: usize, allowance: &mut Allowance<'_>) -> Vec<Explained> {
    with_search(case, level, false, |search| {
        let mut left = WIDE;
        let mut more = |n: usize| {
            left = left.saturating_sub(n);
            left > 0 && (allowance.more)(n)
        };
        let mut found = search.checked(search.singles(Width::Wide, &mut Allowance { more: &mut more, work: WIDE }));
        found.retain(|finding| elsewhere(others, level, &[finding]));
        search.explained(&found, level)
    })
}

/// What two edits together give the hand-coded values.
pub(super) fn double(case: &Case, others: &[Case], level: usize, allowance: &mut Allowance<'_>) -> Vec<Explained> {
    with_search(case, level, false, |search| {
        let mut found = search.pairs(allowance);
        found.retain(|(a, b)| elsewhere(others, level, &[a, b]));
        let recorded: Vec<&Graph<f64>> = case.levels[..level].iter().collect();
        let explained = |(a, b): &(Finding, Finding)| {
            let mistakes = [a, b].map(|finding| words::mistake(search.derivation, &recorded, finding)).to_vec();
            Explained { mistakes, cost: a.cost + b.cost, fit: a.fit.max(b.fit), apart: false }
        };
        found.iter().map(explained).collect()
    })
}

fn with_search(
    case: &Case,
    level: usize,
    apart: bool,
    f: impl FnOnce(&Search<'_>) -> Vec<Explained>,
) -> Vec<Explained> {
    let Ok(derivation) = Derivation::of(&case.levels[level]) else { return Vec::new() };
    Search::new(case, level, apart, &derivation).map_or(Vec::new(), |search| f(&search))
}

/// Whether edits give the hand-coded values at other points, too.
fn elsewhere(others: &[Case], level: usize, findings: &[&Finding]) -> bool {
    others.iter().all(|case| {
        let Some(graph) = case.levels.get(level) else { return false };
        let Ok(derivation) = Derivation::of(graph) else { return false };
        let Some(search) = Search::new(case, level, false, &derivation) else { return false };
        let edits = findings.iter().flat_map(|finding| &finding.edits);
        let there = edits.map(|(share, term)| Some((*share, term.at_another_point(&derivation)?)));
        there.collect::<Option<_>>().is_some_and(|there| search.explain(&there).is_some())
    })
}

struct Search<'a> {
    case: &'a Case,
    derivation: &'a Derivation<'a>,
    visible: Visible,
    goals: Vec<Goal>,
    /// The goal whose shape nothing stretches to the right one.
    odd: Option<usize>,
    /// What a change of the gradient by each node changes of the weighed sums.
    weights: Vec<Weights>,
    /// The random numbers that the gradients are weighed with.
    drawn: Rc<Vec<(usize, Weights)>>,
    wanted: [f64; COLUMNS],
    allowed: [f64; COLUMNS],
}

/// The most candidates that are held against all elements.
const CHECKED: usize = 400;
/// The most far-fetched edits that are tried: they are most of all, and explain little.
const WIDE: usize = 400_000;
/// The most edits that are made in all members of a group.
const GROUPED: usize = 6000;
/// The most findings that are kept.
const KEPT: usize = 24;

impl<'a> Search<'a> {
    fn new(case: &'a Case, level: usize, apart: bool, derivation: &'a Derivation<'a>) -> Option<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let (mut goals, mut odd, mut of) = (Vec::new(), None, Vec::new());
        let (mut wanted, mut allowed) = ([0.0; COLUMNS], [0.0; COLUMNS]);
        let values = case.targets.iter().flat_map(|target| target.truth.iter());
        let largest = values.fold(0.0, |max: f64, x| max.max(x.abs()));
        for (k, target) in case.targets.iter().enumerate() {
            let Some(node) = target.nodes[level].filter(|_| !apart || !target.agrees) else { continue };
            if !target.hand.is_finite() {
                return None;
            }
            let hand = in_shape(&target.hand, target.truth.shape());
            if hand.is_none() {
                if odd.is_some() {
                    return None;
                }
                odd = Some(goals.len());
            }
            // Of the size of the gradient, and not of its rounding.
            let both = target.truth.iter().chain(hand.iter().flat_map(|hand| hand.iter()));
            let size = both.fold(0.0, |max: f64, x| max.max(x.abs()));
            let scale = if size > 1e-12 * largest { 1.0 / size } else { 1.0 / largest.max(1e-300) };
            if let Some(hand) = &hand {
                let mut columns = Vec::with_capacity(COLUMNS);
                for column in 0..COLUMNS {
                    let weights = target.truth.map(|_| scale * normal(&mut rng));
                    for ((w, h), t) in weights.iter().zip(hand.iter()).zip(target.truth.iter()) {
                        wanted[column] += w * (h - t);
                        allowed[column] += (w * h).abs() + (w * t).abs();
                    }
                    columns.push(weights);
                }
                of.push((node, columns.try_into().ok()?));
            }
            goals.push(Goal { k, node, hand, differs: !target.agrees });
        }
        let tolerance = 3.0 * case.tolerance.max(1e-12);
        allowed.iter_mut().for_each(|allowed| *allowed *= tolerance);
        // Where only a shape is wrong, every edit that changes nothing would fit.
        if odd.is_none() && (0..COLUMNS).all(|k| f64::abs(wanted[k]) <= allowed[k]) {
            return None;
        }
        let weights = derivation.weights(&of).ok()?;
        let drawn = Rc::new(of);
        let visible = Visible::of(derivation, &case.factors.named());
        Some(Self { case, derivation, visible, goals, odd, weights, drawn, wanted, allowed })
    }

    /// Findings in words.
    fn explained(&self, found: &[Finding], level: usize) -> Vec<Explained> {
        let recorded: Vec<&Graph<f64>> = self.case.levels[..level].iter().collect();
        let explained = |finding: &Finding| {
            let mistakes = vec![words::mistake(self.derivation, &recorded, finding)];
            let derivation = self.derivation;
            let alone = |goal: &Goal| {
                derivation.is_downstream(goal.node, finding.at[0])
                    && !derivation.is_downstream(goal.node, finding.target)
            };
            let apart = self.goals.iter().any(|goal| !goal.differs && alone(goal));
            Explained { mistakes, cost: finding.cost, fit: finding.fit, apart }
        };
        found.iter().map(explained).collect()
    }

    /// The nodes of which the statement may be the one that is wrong: those from whose gradient all wrong ones are computed.
    fn suspects(&self) -> Vec<usize> {
        let explains = |node: usize| {
            self.goals.iter().filter(|goal| goal.differs).all(|goal| self.derivation.is_downstream(goal.node, node))
        };
        self.with_statements().filter(|&node| explains(node)).collect()
    }

    /// The nodes whose gradient some statement gives.
    fn with_statements(&self) -> impl Iterator<Item = usize> {
        (0..self.derivation.shares.len()).filter(|&node| !self.derivation.shares[node].is_empty())
    }

    fn matches(&self, change: &[f64; COLUMNS]) -> bool {
        (0..COLUMNS).all(|k| (change[k] - self.wanted[k]).abs() <= self.allowed[k])
    }

    /// How far-fetched a form is, before anything is edited.
    fn penalty(&self, form: &Form) -> f64 {
        let nodes = self.derivation.graph.nodes();
        let is_input = nodes[form.target].is_input();
        let depth = if is_input { 0.0 } else { form.target as f64 / nodes.len() as f64 };
        let passes = !is_input && forms::passes_on(&form.term);
        f64::from(form.level) + if form.is_whole() { 1.0 } else { 0.0 } - depth + if passes { 1.5 } else { 0.0 }
    }

    /// Those that give the hand-coded values element by element, each statement and change once.
    fn checked(&self, mut matched: Vec<Match>) -> Vec<Finding> {
        matched.sort_by(|a, b| a.cost.total_cmp(&b.cost));
        let mut seen = HashSet::new();
        let mut found: Vec<Finding> = Vec::new();
        for one in matched.into_iter().take(CHECKED) {
            if found.len() >= KEPT || !seen.insert((one.target, one.wrong.key())) {
                continue;
            }
            let Some(edits) = one.edits() else { continue };
            if let Some(fit) = self.explain(&edits.iter().cloned().collect()) {
                found.push(one.found(edits, fit));
            }
        }
        found
    }
}

/// A value in another shape, stretched or with as many elements; none where it is neither.
fn in_shape(x: &Tensor<f64>, shape: &crate::tensor::Shape) -> Option<Tensor<f64>> {
    if x.shape() == shape {
        return Some(x.clone());
    }
    if x.shape().broadcasts_to(shape) {
        let zeros = Tensor::zeros(shape);
        return term::combined(crate::ops::BinaryOp::Add(crate::ops::Add), x, &zeros);
    }
    if x.len() == shape.numel() && x.shape().rank() != shape.rank() { x.try_reshape(shape).ok() } else { None }
}

/// A normal random number.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (a, b): (f64, f64) = (rng.random_range(1e-12..1.0), rng.random());
    f64::sqrt(-2.0 * a.ln()) * f64::cos(std::f64::consts::TAU * b)
}
