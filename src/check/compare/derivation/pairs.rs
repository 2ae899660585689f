//! Two edits at once.
//!
//! What two edits of different statements change adds up, as long as neither reads what the other changes; so of the cheapest edits, by what they change of the
//! weighed sums, two are looked for that make up the difference.

use super::edits::Width;
use super::forms::Form;
use super::program::{COLUMNS, Derivation};
use super::singles::{Match, Tried};
use super::spots::{Change, Spots};
use super::visible::Visible;
use super::{Allowance, Finding, Goal, Search};
use std::collections::HashSet;
use std::rc::Rc;

/// The most edits that are paired.
const PAIRED: usize = 12_000;
/// The costliest edit that is.
const COST: f64 = 7.5;
/// The most elements that edits hold in memory.
const HELD: usize = 1 << 24;
/// How many first edits a second one is looked for after.
const CHAINED: usize = 60;
/// The most elements of all values where that is done.
const CHAINED_ELEMENTS: usize = 20_000;
/// The most pairs that are kept.
const KEPT: usize = 12;

struct Half {
    change: [f64; COLUMNS],
    cost: f64,
    form: Rc<Form>,
    at: usize,
    new: Rc<super::term::Term>,
    family: super::edits::Family,
    of: Option<usize>,
    everywhere: bool,
}

impl Search<'_> {
    pub fn pairs(&self, allowance: &mut Allowance<'_>) -> Vec<(Finding, Finding)> {
        if self.odd.is_some() {
            return Vec::new();
        }
        let nodes: Vec<usize> = self.with_statements().collect();
        let (mut halves, mut elements): (Vec<Half>, usize) = (Vec::new(), 0);
        self.each(&nodes, Width::Narrow, allowance, &mut |tried, change| {
            let Change::Key(change) = change else { return f64::INFINITY };
            let tells =
                (0..COLUMNS).all(|k| change[k].is_finite()) && (0..COLUMNS).any(|k| change[k].abs() > self.allowed[k]);
            elements += if tried.new.is_leaf() { 0 } else { tried.new.value.len() };
            if tells && tried.cost <= COST && elements <= HELD {
                let Tried { form, at, new, cost, family, of, everywhere, .. } = tried;
                halves.push(Half { change, cost, form: form.clone(), at, new, family, of, everywhere });
            }
            f64::INFINITY
        });
        // What comes to the same is tried once, as its most plausible.
        halves.sort_by(|a, b| a.cost.total_cmp(&b.cost));
        let mut seen = HashSet::new();
        halves.retain(|half| seen.insert(format!("{:.8e}", half.change[0])));
        halves.truncate(PAIRED);
        if !(allowance.more)(halves.len()) {
            return Vec::new();
        }
        let mut order: Vec<usize> = (0..halves.len()).collect();
        order.sort_by(|&a, &b| halves[a].change[0].total_cmp(&halves[b].change[0]));
        let sorted: Vec<f64> = order.iter().map(|&i| halves[i].change[0]).collect();
        let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
        for (i, half) in halves.iter().enumerate() {
            let rest = self.wanted[0] - half.change[0];
            let from = sorted.partition_point(|&x| x < rest - self.allowed[0]);
            for &j in order[from..].iter().take_while(|&&j| halves[j].change[0] <= rest + self.allowed[0]) {
                let sum: [f64; COLUMNS] = std::array::from_fn(|k| half.change[k] + halves[j].change[k]);
                if j > i && self.matches(&sum) {
                    pairs.push((half.cost + halves[j].cost, i, j));
                }
            }
        }
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut found = Vec::new();
        for (_, i, j) in pairs.into_iter().take(200) {
            if found.len() >= KEPT {
                break;
            }
            let (Some(a), Some(b)) = (self.half(&halves[i]), self.half(&halves[j])) else { continue };
            let (Some(first), Some(second)) = (a.edits(), b.edits()) else { continue };
            // Of one share there is one statement.
            if first.iter().any(|(share, _)| second.iter().any(|(other, _)| share == other)) {
                continue;
            }
            let both = first.iter().chain(&second).cloned().collect();
            if let Some(fit) = self.explain(&both) {
                found.push((a.found(first, fit), b.found(second, fit)));
            }
        }
        if found.is_empty() {
            self.chained(&halves, allowance, &mut found);
        }
        found
    }

    /// An edit of a statement that reads what another edit changes: the plainest first edits are made, and the second one is looked for in the
    /// derivation as it then is.
    fn chained(&self, halves: &[Half], allowance: &mut Allowance<'_>, found: &mut Vec<(Finding, Finding)>) {
        let elements: usize = self.derivation.graph.nodes().iter().map(|node| node.shape().numel()).sum();
        if elements > CHAINED_ELEMENTS {
            return;
        }
        for half in halves.iter().take(CHAINED) {
            let Some(first) = self.half(half) else { continue };
            let Some(edits) = first.edits() else { continue };
            let Some((then, reading)) = self.derivation.with(&edits) else { continue };
            let Some(search) = self.after(&then) else { continue };
            let suspects: Vec<usize> = search.suspects().into_iter().filter(|node| reading.contains(node)).collect();
            let mut matched = Vec::new();
            search.each(&suspects, Width::Narrow, allowance, &mut |tried, change| {
                if let Change::Key(change) = &change
                    && tried.cost <= COST
                    && search.matches(change)
                {
                    matched.extend(search.matched(&tried));
                }
                f64::INFINITY
            });
            let other = |share: &(usize, usize)| edits.iter().all(|(known, _)| known != share);
            for second in search.checked(matched).into_iter().take(2) {
                if second.edits.iter().all(|(share, _)| other(share)) {
                    let fit = second.fit;
                    let first = self.half(half).map(|first| first.found(edits.clone(), fit));
                    found.extend(first.map(|first| (first, second)));
                }
            }
            if found.len() >= 3 || !(allowance.more)(0) {
                break;
            }
        }
        found.sort_by(|a, b| (a.0.cost + a.1.cost).total_cmp(&(b.0.cost + b.1.cost)));
    }

    /// The same search in a derivation in which something is wrong already.
    fn after<'d>(&'d self, then: &'d Derivation<'d>) -> Option<Search<'d>> {
        let mut wanted = [0.0; COLUMNS];
        let mut goals = Vec::with_capacity(self.goals.len());
        for goal in &self.goals {
            let (hand, now) = (goal.hand.clone()?, then.adjoints[goal.node].as_ref()?);
            for (column, wanted) in wanted.iter_mut().enumerate() {
                let weights = &self.drawn.iter().find(|(node, _)| *node == goal.node)?.1[column];
                let pairs = weights.iter().zip(hand.iter().zip(now.iter()));
                *wanted += pairs.map(|(w, (h, n))| w * (h - n)).sum::<f64>();
            }
            let differs = self.case.fit_values(hand.as_slice(), now.as_slice()).is_none();
            goals.push(Goal { k: goal.k, node: goal.node, hand: Some(hand), differs });
        }
        let visible = Visible::of(then, &self.visible.named);
        let (weights, drawn) = (self.weights.clone(), self.drawn.clone());
        Some(Search {
            case: self.case,
            derivation: then,
            visible,
            goals,
            odd: None,
            weights,
            drawn,
            wanted,
            allowed: self.allowed,
        })
    }

    fn half(&self, half: &Half) -> Option<Match> {
        let spots = Spots::of(&half.form.term, &self.weights[half.form.target]);
        let Half { form, at, new, cost, family, of, everywhere, .. } = half;
        let (new, everywhere) = (new.clone(), *everywhere);
        self.matched(&Tried { form, spots: &spots, at: *at, new, cost: *cost, family: *family, of: *of, everywhere })
    }
}
