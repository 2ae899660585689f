//! The search for the mistake: what each hypothesis would give, held against all hand-coded values.

use super::case::Case;
use super::mutant::{Change, Mutation};
use super::results::{self, Suspect};
use super::{Compare, Diagnosis, Hypothesis, Kind, Mistake};
use super::{describe, head, mutations, shapes};
use crate::tensor::Tensor;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// Equivalent explanations that are kept.
const KEPT: usize = 12;

/// About how many factors each hypothesis may come with.
const FACTORS: f64 = 100.0;

/// What a mutation of the sweep gives.
struct Effect {
    mutation: Mutation,
    cost: f64,
    gradients: Vec<Tensor<f64>>,
    /// Which targets it changes, and which it explains.
    changes: Vec<bool>,
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
        differing: case.differing(),
        budget: compare.budget,
        limit: compare.time_limit,
        began: Instant::now(),
        found: Vec::new(),
        parts: Vec::new(),
        diagnosis: Diagnosis { complete: true, ..Diagnosis::default() },
    };
    search.results();
    let outcomes = search.singles();
    search.heads();
    if search.found.is_empty() {
        search.scaled(&outcomes);
        search.separate();
    }
    if search.found.is_empty() {
        search.doubles(&outcomes);
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
            for finding in findings {
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
                let alone = if kind == Kind::Regularisation { f64::min(alone, 0.3) } else { alone };
                self.add(alone + cost, fit, true, vec![mistakes.clone()]);
            }
            self.parts.push(Part { cost, mistakes, fit });
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
                let cost = describe::cost(case, &mutation);
                outcomes.push(Effect { mutation, cost, gradients, changes, fits });
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

    /// Two mutations at once. What only one of them changes must be explained by that one, so that few pairs need a sweep.
    fn doubles(&mut self, outcomes: &[Effect]) {
        let case = self.case;
        let mut seen = HashSet::new();
        let mut chosen: Vec<&Effect> = Vec::new();
        // Of mistakes in the function and in its derivation at once, some always fit by an identity.
        let derivation = |outcome: &&Effect| {
            let change = &outcome.mutation.change;
            !outcome.mutation.is_of_function() && !matches!(change, Change::OtherValue(..))
        };
        let mut by_cost: Vec<&Effect> = outcomes.iter().filter(derivation).collect();
        by_cost.sort_by(|a, b| a.cost.total_cmp(&b.cost));
        for outcome in by_cost {
            // Mistakes that come to the same alone mostly do so in pairs; what forgets a path is the exception.
            let forgets = matches!(outcome.mutation.change, Change::Scaled(0.0) | Change::ArgumentScaled(_, 0.0));
            if seen.insert((forgets, signature(&outcome.gradients))) {
                chosen.push(outcome);
            }
        }
        let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
        for (j, b) in chosen.iter().enumerate() {
            for (i, a) in chosen[..j].iter().enumerate() {
                let apart = a.mutation.level == b.mutation.level && a.mutation.is_apart_from(&b.mutation);
                if apart && (0..case.targets.len()).all(|k| possible(case, a, b, k)) {
                    pairs.push((a.cost + b.cost, i, j));
                }
            }
        }
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (cost, i, j) in pairs {
            if !self.may_go_on() {
                return;
            }
            self.diagnosis.pairs += 1;
            let both = [&chosen[i].mutation, &chosen[j].mutation];
            let Some(gradients) = case.gradients(&both) else { continue };
            let fits: Option<Vec<f64>> = (0..case.targets.len()).map(|k| case.fit(k, &gradients[k])).collect();
            let Some(fits) = fits else { continue };
            let mistakes = both.map(|mutation| {
                let mistake = describe::mistake(case, mutation);
                self.differing.iter().map(|&k| (k, mistake.clone())).collect()
            });
            self.add(1.5 + cost, fits.into_iter().fold(0.0, f64::max), true, mistakes.to_vec());
        }
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

    /// Whether so many hypotheses would fit so few values by chance: each value lets one through in 1 / tolerance.
    fn may_be_chance(&self) -> bool {
        let values: usize = self.differing.iter().map(|&k| self.case.targets[k].hand.len()).sum();
        let tried = (self.diagnosis.singles + self.diagnosis.pairs) as f64;
        tried * FACTORS * self.case.tolerance.powi(values.min(100) as i32) > 0.01
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
        self.found.sort_by(|a, b| a.cost.total_cmp(&b.cost));
        // A second mistake is no equivalent of a single one.
        let least = self.found.first().map_or(0.0, |first| first.cost);
        self.found.retain(|found| found.cost < least + 1.0);
        // With coarse values, what merely passes is no rival of what fits far better.
        let best = self.found.iter().map(|found| found.explanation.fit).fold(f64::INFINITY, f64::min);
        self.found.retain(|found| found.explanation.fit <= (100.0 * best).max(1e-9));
        if self.may_be_chance() {
            self.diagnosis.by_chance = self.found.len();
            self.found.clear();
        }
        self.found.truncate(KEPT);
        self.diagnosis.explanations = self.found.into_iter().map(|found| found.explanation).collect();
        self.diagnosis
    }
}

/// Whether two mistakes together may explain a target.
fn possible(case: &Case, a: &Effect, b: &Effect, k: usize) -> bool {
    match (a.changes[k], b.changes[k]) {
        (true, true) => true,
        (true, false) => a.fits[k].is_some(),
        (false, true) => b.fits[k].is_some(),
        (false, false) => case.targets[k].agrees,
    }
}

/// Values to ten digits, so that those that differ by rounding are the same.
fn signature(gradients: &[Tensor<f64>]) -> Vec<String> {
    gradients.iter().flat_map(|gradient| gradient.iter()).map(|x| format!("{x:.9e}")).collect()
}
