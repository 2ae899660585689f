//! The search for the mistake: what each hypothesis would give, held against all hand-coded values.

use super::case::Case;
use super::mutant::Mutation;
use super::results::{self, Suspect};
use super::{Compare, Diagnosis, Hypothesis, Kind, Mistake};
use super::{derivation, describe, difference, head, mutations, shapes};
use crate::graph::GraphNode;
use crate::tensor::Tensor;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Equivalent explanations that are kept.
const KEPT: usize = 12;

/// What a bit of an edit's cost comes to beside other mistakes.
const BIT: f64 = 0.1;

/// What it costs that a statement is one of a textbook formula that was not recorded.
const LEVEL: f64 = 0.25;

/// How much work one pass over the statements of a derivation may be: about a second.
const WORK: usize = 1_000_000;

/// What it costs that a mistake was made in the formulas of some gradients alone.
const APART: f64 = 0.7;

/// The bits of an edit that needs no other form.
const PLAIN: f64 = 6.0;

type Find = fn(&Case, &[Case], usize, &mut derivation::Allowance<'_>) -> Vec<derivation::Explained>;

/// What a mutation of the sweep gives.
struct Effect {
    mutation: Mutation,
    cost: f64,
    gradients: Vec<Tensor<f64>>,
    /// Which targets it explains.
    fits: Vec<Option<f64>>,
}

/// An explanation and how plausible it is.
struct Scored {
    cost: f64,
    explanation: Hypothesis,
}

/// One mistake that explains some of the targets.
struct Part {
    cost: f64,
    /// By target, for those that it explains.
    mistakes: HashMap<usize, Mistake>,
    fit: f64,
}

struct Search<'a> {
    case: &'a Case,
    /// The same at other points.
    others: &'a [Case],
    /// Whether one edit of the derivation is an explanation.
    in_derivation: bool,
    differing: Vec<usize>,
    budget: usize,
    limit: Option<Duration>,
    began: Instant,
    found: Vec<Scored>,
    parts: Vec<Part>,
    diagnosis: Diagnosis,
}

/// Looks for the mistakes that explain the hand-coded gradients that differ.
pub(super) fn diagnose(compare: &Compare<'_>, case: &Case) -> Diagnosis {
    let mut search = Search {
        case,
        others: case.others(compare),
        in_derivation: false,
        differing: case.differing(),
        budget: compare.budget,
        limit: compare.time_limit,
        began: Instant::now(),
        found: Vec::new(),
        parts: Vec::new(),
        diagnosis: Diagnosis { complete: true, ..Diagnosis::default() },
    };
    search.results();
    search.derived(derivation::single, true);
    if !search.in_derivation {
        search.derived(derivation::apart, false);
    }
    let mut outcomes = Vec::new();
    if !search.in_derivation {
        outcomes = search.singles();
        search.heads();
    }
    if search.found.is_empty() {
        search.scaled(&outcomes);
        search.separate();
    }
    // The same number everywhere is the whole of what there is to say, whatever two edits make it.
    let multiples = search.differing.iter().all(|&k| is_multiple(&case.targets[k].hand, &case.targets[k].truth));
    if search.found.is_empty() && !multiples {
        search.derived(derivation::double, true);
    }
    if search.found.is_empty() && !multiples {
        search.derived(derivation::wide, true);
    }
    search.finish()
}

impl Search<'_> {
    fn all_differ(&self) -> bool {
        self.differing.len() == self.case.targets.len()
    }

    /// Whether another hypothesis may be tried.
    fn may_go_on(&mut self) -> bool {
        let tried = self.diagnosis.singles + self.diagnosis.pairs;
        let in_time = self.limit.is_none_or(|limit| self.began.elapsed() < limit);
        self.diagnosis.complete &= tried < self.budget && in_time;
        tried < self.budget && in_time
    }

    /// Mistakes of results, each target on its own, and together where they are of one kind.
    fn results(&mut self) {
        let mut groups: Vec<(Kind, Option<f64>, HashMap<usize, Suspect>)> = Vec::new();
        for &k in &self.differing {
            let (mut findings, tried) = results::findings(self.case, k);
            self.diagnosis.singles += tried;
            if !self.case.targets[k].has_right_shape() && findings.is_empty() {
                let (more, tried) = shapes::findings(self.case, k);
                findings.extend(more);
                self.diagnosis.singles += tried.min(100);
            }
            for mut finding in findings {
                finding.mistake.nodes = readers(self.case, k, finding.mistake.kind == Kind::Regularisation);
                finding.mistake.node = finding.mistake.nodes.first().cloned();
                let (kind, factor) = (finding.mistake.kind, finding.mistake.factor);
                let near = |a: Option<f64>| match (a, factor) {
                    (Some(a), Some(b)) => (a - b).abs() <= 1e-7 * a.abs().max(b.abs()),
                    (a, b) => a == b,
                };
                // How many factors are missing differs from layer to layer, as does where a permutation leads.
                let alike = |other: Option<f64>| kind == Kind::MissingFactors || near(other);
                match groups.iter_mut().find(|(other, at, _)| *other == kind && alike(*at)) {
                    Some((.., members)) => {
                        let known = members.entry(k).or_insert_with(|| finding.clone());
                        if finding.cost < known.cost {
                            *known = finding;
                        }
                    }
                    None => groups.push((kind, factor, HashMap::from([(k, finding)]))),
                }
            }
        }
        let alone = match (self.all_differ(), self.differing.len()) {
            (true, _) => 0.0,
            (false, 1) => 0.3,
            (false, _) => 1.0,
        };
        for (kind, _, members) in groups {
            let cost = members.values().map(|finding| finding.cost).fold(0.0, f64::max);
            let fit = members.values().map(|finding| finding.fit).fold(0.0, f64::max);
            let mistakes: HashMap<usize, Mistake> =
                members.into_iter().map(|(k, finding)| (k, finding.mistake)).collect();
            if mistakes.len() == self.differing.len() {
                let is_all = |k: usize| is_multiple(&self.case.targets[k].truth, &self.case.targets[k].value);
                let alone = match kind {
                    // Where there is something else that it is added to.
                    Kind::Regularisation if !self.differing.iter().any(|&k| is_all(k)) => -0.5 * cost,
                    // The statement that is wrong says more than what came of it.
                    _ => alone + 0.6,
                };
                self.add(alone + cost, fit, true, vec![mistakes.clone()]);
            }
            self.parts.push(Part { cost, mistakes, fit });
        }
    }

    /// Small edits of the derivation: of what was recorded, and of its textbook formulas.
    fn derived(&mut self, find: Find, shared: bool) {
        let case = self.case;
        let mut least = f64::INFINITY;
        for level in 0..case.levels.len() {
            if !self.may_go_on() {
                return;
            }
            let mut tried = 0;
            let (known, budget, limit, began) = (self.diagnosis.singles, self.budget, self.limit, self.began);
            let mut complete = true;
            let mut more = |n: usize| {
                tried += n;
                complete = known + tried <= budget && limit.is_none_or(|limit| began.elapsed() < limit);
                complete
            };
            let found = find(case, self.others, level, &mut derivation::Allowance { more: &mut more, work: WORK });
            self.diagnosis.singles += tried;
            self.diagnosis.complete &= complete;
            let any = !found.is_empty();
            for one in found {
                let each = |mistake: &Mistake| self.differing.iter().map(|&k| (k, mistake.clone())).collect();
                let mistakes = one.mistakes.iter().map(each).collect();
                let apart = if shared { 0.0 } else { APART };
                least = f64::min(least, one.cost);
                self.add(BIT * one.cost + LEVEL * level as f64 + apart, one.fit, shared && !one.apart, mistakes);
            }
            self.in_derivation |= any;
            // What is as plain as this is no better said in a textbook formula.
            if any && least < PLAIN {
                break;
            }
        }
    }

    /// Every mutation of the sweep on its own.
    fn singles(&mut self) -> Vec<Effect> {
        let case = self.case;
        let mut outcomes: Vec<Effect> = Vec::new();
        for mutation in mutations::all(case) {
            if !self.may_go_on() {
                break;
            }
            self.diagnosis.singles += 1;
            let Some(gradients) = case.gradients(&[&mutation]) else { continue };
            let targets = 0..case.targets.len();
            let fits: Vec<_> = targets.clone().map(|k| case.fit(k, &gradients[k])).collect();
            let changed =
                |k: usize| case.fit_values(case.targets[k].truth.as_slice(), gradients[k].as_slice()).is_none();
            let changes: Vec<bool> = targets.map(changed).collect();
            if changes.contains(&true) {
                let cost = describe::cost(&mutation);
                outcomes.push(Effect { mutation, cost, gradients, fits });
            }
        }
        for outcome in &outcomes {
            let explained: Vec<usize> = self.differing.iter().copied().filter(|&k| outcome.fits[k].is_some()).collect();
            if explained.is_empty() {
                continue;
            }
            let mistake = describe::mistake(case, &outcome.mutation);
            let fit = explained.iter().filter_map(|&k| outcome.fits[k]).fold(0.0, f64::max);
            let mistakes: HashMap<usize, Mistake> = explained.iter().map(|&k| (k, mistake.clone())).collect();
            if explained.len() == self.differing.len() {
                let shared = outcome.fits.iter().all(Option::is_some);
                self.add(outcome.cost + if shared { 0.5 } else { 1.2 }, fit, shared, vec![mistakes.clone()]);
            }
            self.parts.push(Part { cost: outcome.cost + 0.5, mistakes, fit });
        }
        outcomes
    }

    /// The gradients of other losses, with the factor that fits.
    fn heads(&mut self) {
        let case = self.case;
        for head in head::all(case) {
            if !self.may_go_on() {
                return;
            }
            self.diagnosis.singles += 1;
            let (Some(unit), Some(none)) = (case.gradients(&head.units()), case.gradients(&head.nones())) else {
                continue;
            };
            let (mut along, mut size) = (0.0, 0.0);
            for &k in &self.differing {
                if case.targets[k].hand.shape() != unit[k].shape() {
                    continue;
                }
                for ((h, u), n) in case.targets[k].hand.iter().zip(unit[k].iter()).zip(none[k].iter()) {
                    along += (h - n) * (u - n);
                    size += (u - n) * (u - n);
                }
            }
            let Some(factor) = case.factors.find(along / size, case.tolerance) else { continue };
            let at = |k: usize| &none[k] + &((&unit[k] - &none[k]) * factor.value);
            let fits: Vec<_> = (0..case.targets.len()).map(|k| case.fit(k, &at(k))).collect();
            if self.differing.iter().any(|&k| fits[k].is_none()) {
                continue;
            }
            let shared = fits.iter().all(Option::is_some);
            let mistake = head.mistake(case, factor.value, &factor.name);
            let cost = head.cost() + 0.1 * factor.parts as f64;
            let fit = fits.iter().flatten().copied().fold(0.0, f64::max);
            let mistakes = self.differing.iter().map(|&k| (k, mistake.clone())).collect();
            self.add(cost + if shared { 0.5 } else { 1.2 }, fit, shared, vec![mistakes]);
        }
    }

    /// A mutation, and a constant factor on what differs.
    fn scaled(&mut self, outcomes: &[Effect]) {
        let case = self.case;
        for outcome in outcomes {
            if !self.may_go_on() {
                return;
            }
            self.diagnosis.pairs += 1;
            let largest = self.differing.iter().copied().max_by(|&a, &b| {
                let size = |k: usize| outcome.gradients[k].iter().fold(0.0, |max: f64, x| max.max(x.abs()));
                size(a).total_cmp(&size(b))
            });
            let Some(first) = largest else { return };
            let hand = &case.targets[first].hand;
            if hand.shape() != outcome.gradients[first].shape() {
                return;
            }
            let factor = results::factor(case, hand.as_slice(), outcome.gradients[first].as_slice());
            let Some((c, name, parts)) = factor else { continue };
            let fit = |&k: &usize| case.fit(k, &outcome.gradients[k].map(|x| x * c));
            let Some(fits) = self.differing.iter().map(fit).collect::<Option<Vec<f64>>>() else { continue };
            let agreeing = |k: usize| self.differing.contains(&k) || outcome.fits[k].is_some();
            let shared = (0..case.targets.len()).all(agreeing);
            let one = describe::mistake(case, &outcome.mutation);
            let two = results::mistake(Kind::Factor, Some(c), format!("times {name}"));
            let each = |mistake: &Mistake| self.differing.iter().map(|&k| (k, mistake.clone())).collect();
            let both = vec![each(&one), each(&two)];
            let cost = outcome.cost + 1.8 + 0.1 * parts as f64 + if shared { 0.0 } else { 0.5 };
            self.add(cost, fits.into_iter().fold(0.0, f64::max), shared, both);
        }
    }

    /// Two mistakes in different gradients.
    fn separate(&mut self) {
        let covers = |a: &Part, b: &Part| {
            self.differing.iter().all(|k| a.mistakes.contains_key(k) || b.mistakes.contains_key(k))
        };
        let mut best: Option<(f64, usize, usize)> = None;
        for (i, a) in self.parts.iter().enumerate() {
            for (j, b) in self.parts.iter().enumerate().skip(i + 1) {
                let cost = 2.0 + a.cost + b.cost;
                if best.is_none_or(|(least, ..)| cost < least) && covers(a, b) {
                    best = Some((cost, i, j));
                }
            }
        }
        self.diagnosis.pairs += self.parts.len() * self.parts.len().saturating_sub(1) / 2;
        let Some((cost, i, j)) = best else { return };
        let (a, b) = (&self.parts[i], &self.parts[j]);
        let rest = b.mistakes.iter().filter(|(k, _)| !a.mistakes.contains_key(k));
        let rest = rest.map(|(k, mistake)| (*k, mistake.clone())).collect();
        self.add(cost, a.fit.max(b.fit), false, vec![a.mistakes.clone(), rest]);
    }

    /// Adds an explanation: mistakes by the targets that each explains.
    fn add(&mut self, cost: f64, fit: f64, shared: bool, groups: Vec<HashMap<usize, Mistake>>) {
        let blocks: Vec<String> = self.differing.iter().map(|&k| self.case.targets[k].name.clone()).collect();
        let text = self.sentence(shared, &groups);
        if self.found.iter().any(|known| known.explanation.text == text) {
            return;
        }
        let mut mistakes: Vec<Mistake> = Vec::new();
        for group in &groups {
            for k in &self.differing {
                if let Some(mistake) = group.get(k)
                    && !mistakes.contains(mistake)
                {
                    mistakes.push(mistake.clone());
                }
            }
        }
        self.found.push(Scored { cost, explanation: Hypothesis { mistakes, blocks, shared, fit, text } });
    }

    /// "your W1, b1 equal the true gradients with ...".
    fn sentence(&self, shared: bool, groups: &[HashMap<usize, Mistake>]) -> String {
        // Targets with the same mistakes share a clause.
        let mut clauses: Vec<(Vec<&str>, Vec<&str>)> = Vec::new();
        for k in &self.differing {
            let texts: Vec<&str> = groups.iter().filter_map(|group| group.get(k)).map(|m| &m.text[..]).collect();
            let name = &self.case.targets[*k].name[..];
            match clauses.iter_mut().find(|(_, known)| *known == texts) {
                Some((names, _)) => names.push(name),
                None => clauses.push((vec![name], texts)),
            }
        }
        let clause = |(names, texts): &(Vec<&str>, Vec<&str>)| {
            let verb = if names.len() == 1 { "equals the true gradient" } else { "equal the true gradients" };
            let list = match names.len() {
                0..=6 => names.join(", "),
                n => format!("{} and {} more", names[..3].join(", "), n - 3),
            };
            format!("your {list} {verb} {}", texts.join(", and "))
        };
        let text = clauses.iter().map(clause).collect::<Vec<_>>().join("; ");
        if shared { text } else { format!("{text} (in these formulas alone)") }
    }

    fn finish(mut self) -> Diagnosis {
        // Of all that were tried, one in so many comes as near by chance.
        let values: usize = self.differing.iter().map(|&k| self.case.informative(k)).sum();
        let tried = (self.diagnosis.singles + self.diagnosis.pairs) as f64;
        let by_chance = |fit: f64| tried * fit.max(1e-15).powi(values.min(1000) as i32) > 1e-3;
        let all = self.found.len();
        self.found.retain(|found| !by_chance(found.explanation.fit));
        self.diagnosis.by_chance += all - self.found.len();
        self.found.sort_by(|a, b| a.cost.total_cmp(&b.cost));
        // A second mistake is no equivalent of a single one.
        let least = self.found.first().map_or(0.0, |first| first.cost);
        self.found.retain(|found| found.cost < least + 1.0);
        // With coarse values, what merely passes is no rival of what fits far better.
        let best = self.found.iter().map(|found| found.explanation.fit).fold(f64::INFINITY, f64::min);
        self.found.retain(|found| found.explanation.fit <= (100.0 * best).max(1e-9));
        self.found.truncate(KEPT);
        self.diagnosis.explanations = self.found.into_iter().map(|found| found.explanation).collect();
        if self.diagnosis.explanations.is_empty() {
            self.diagnosis.description = difference::describe(self.case, &self.differing);
        }
        self.diagnosis
    }
}

/// Whether one is a multiple of the other, of more numbers than one.
fn is_multiple(a: &Tensor<f64>, b: &Tensor<f64>) -> bool {
    let Some(i) = (0..b.len()).max_by(|&i, &j| b.as_slice()[i].abs().total_cmp(&b.as_slice()[j].abs())) else {
        return false;
    };
    if a.shape() != b.shape() || a.len() < 2 || b.as_slice()[i] == 0.0 {
        return false;
    }
    let c = a.as_slice()[i] / b.as_slice()[i];
    let size = a.as_slice()[i].abs();
    c != 0.0 && a.iter().zip(b.iter()).all(|(a, b)| (a - c * b).abs() <= 1e-9 * size)
}

/// The nodes that read a parameter, whose derivatives its statement has; or those that read nothing else, as a penalty does.
fn readers(case: &Case, k: usize, alone: bool) -> Vec<String> {
    let graph = &case.levels[0];
    let Some(parameter) = case.targets[k].nodes[0] else { return Vec::new() };
    let reads = |node: &&GraphNode<f64>| {
        let mut parents = node.parents();
        if alone {
            node.parents().count() > 0 && parents.all(|parent| parent == parameter)
        } else {
            parents.any(|parent| parent == parameter)
        }
    };
    graph.nodes().iter().filter(reads).map(|node| graph.title(node.index())).collect()
}
