//! The same edit in all members of a group: all steps of a recurrence, all layers of a loop, all uses of a helper.
//!
//! What a user's line recorded several times, and what is repeated with the same ops one after another, has members; an edit is made in
//! the latest, with what stands there read step by step in the others. The edits of different members multiply, so a candidate is
//! computed statement by statement, and not by its first order.

use super::edits::{Edits, Family, Width};
use super::forms;
use super::program::Derivation;
use super::singles::Match;
use super::spots::Spots;
use super::term::{Term, TermOp, Terms, Unfit};
use super::{Allowance, Edited, Search, in_shape};
use crate::check::compare::describe;
use crate::graph::{Arg, Graph, GraphNode};
use crate::tensor::Tensor;
use smallvec::SmallVec;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// What a node is in a repeated block: the role, and the step.
struct Roles {
    of: HashMap<usize, (usize, isize)>,
    at: HashMap<(usize, isize), usize>,
}

/// The most elements that candidates for a group hold in memory.
const ELEMENTS: usize = 1 << 24;

/// An edit of the latest member's statement, to be made in all.
struct Candidate {
    cost: f64,
    family: Family,
    of: Option<usize>,
    spots: Rc<Spots>,
    at: usize,
    new: Rc<Term>,
    /// Whether it is made wherever the same stands in the statement.
    repeats: bool,
    members: Rc<Vec<Member>>,
}

/// A share of each member's, that one statement gives: the node and the number of the share.
type Member = (isize, usize, usize);

impl Roles {
    fn of(graph: &Graph<f64>) -> Self {
        let mut roles = Self { of: HashMap::new(), at: HashMap::new() };
        let mut next = 0;
        let mut blocks: Vec<Vec<Vec<usize>>> = Vec::new();
        repeated(graph, &mut blocks);
        for block in blocks {
            let length = block[0].len();
            for (step, nodes) in block.iter().enumerate() {
                for (k, &node) in nodes.iter().enumerate() {
                    roles.of.insert(node, (next + k, step as isize));
                    roles.at.insert((next + k, step as isize), node);
                }
            }
            next += length;
        }
        // Data of each step, and what stands before the first: the state that a recurrence begins with.
        let known: Vec<(usize, Vec<usize>)> = {
            let mut members: BTreeMap<usize, Vec<(isize, usize)>> = BTreeMap::new();
            roles.of.iter().for_each(|(&node, &(role, step))| members.entry(role).or_default().push((step, node)));
            members
                .into_iter()
                .map(|(role, mut all)| {
                    all.sort_unstable();
                    (role, all.into_iter().map(|(_, node)| node).collect())
                })
                .collect()
        };
        for (_, nodes) in known {
            let count = graph.nodes()[nodes[0]].args().len();
            for i in 0..count {
                let args: Vec<Option<usize>> = nodes
                    .iter()
                    .map(|&node| match graph.nodes()[node].args().get(i) {
                        Some(Arg::Node(arg)) => Some(*arg),
                        _ => None,
                    })
                    .collect();
                let Some(args) = args.into_iter().collect::<Option<Vec<usize>>>() else { continue };
                if args.iter().all(|&arg| arg == args[0]) {
                    continue;
                }
                if args.iter().all(|&arg| graph.nodes()[arg].args().is_empty() && !roles.of.contains_key(&arg)) {
                    for (step, &arg) in args.iter().enumerate() {
                        roles.of.insert(arg, (next, step as isize));
                        roles.at.insert((next, step as isize), arg);
                    }
                    next += 1;
                } else if let Some(&(role, step)) = roles.of.get(&args[1])
                    && !roles.of.contains_key(&args[0])
                    && step == 0
                {
                    roles.of.insert(args[0], (role, -1));
                    roles.at.insert((role, -1), args[0]);
                }
            }
        }
        roles
    }

    /// The node that is to one step what this one is to another.
    fn shifted(&self, node: usize, from: isize, to: isize) -> Option<usize> {
        match self.of.get(&node) {
            Some(&(role, step)) => self.at.get(&(role, step - from + to)).copied(),
            None => Some(node),
        }
    }

    /// Whether a term reads what is one step away at most.
    fn is_near(&self, term: &Term, step: isize) -> bool {
        let mut near = true;
        term.each_leaf(&mut |leaf| {
            if let TermOp::Value(k) | TermOp::Adjoint(k) | TermOp::Share(k, _) = leaf
                && let Some((_, at)) = self.of.get(k)
            {
                near &= (at - step).abs() <= 1;
            }
        });
        near
    }

    /// A term of one step as another step has it.
    fn term(&self, derivation: &Derivation<'_>, term: &Rc<Term>, from: isize, to: isize) -> Option<Rc<Term>> {
        match &term.op {
            TermOp::Value(k) => Some(derivation.leaf(self.shifted(*k, from, to)?)),
            TermOp::Adjoint(k) => match self.shifted(*k, from, to) {
                Some(node) if derivation.adjoints[node].is_some() => derivation.upstream(node),
                // Nothing comes from a step that is none.
                _ => Some(Term::constant(Tensor::zeros(term.shape()))),
            },
            TermOp::Share(k, i) => {
                let node = self.shifted(*k, from, to)?;
                let share = derivation.shares[node].get(*i)?;
                Some(Term::share_of(node, *i, share.forms[0].value.clone()))
            }
            _ if term.args.is_empty() => Some(term.clone()),
            _ => {
                let args: Option<Terms> = term.args.iter().map(|arg| self.term(derivation, arg, from, to)).collect();
                term.with_args(args?)
            }
        }
    }
}

/// Blocks of nodes that are repeated, each a list of its repetitions.
fn repeated(graph: &Graph<f64>, blocks: &mut Vec<Vec<Vec<usize>>>) {
    let inner: Vec<&GraphNode<f64>> = graph.nodes().iter().filter(|node| !node.args().is_empty()).collect();
    let signs: Vec<String> =
        inner.iter().map(|node| format!("{} {}", node.op(), line(node).unwrap_or_default())).collect();
    runs(&signs, 0, signs.len(), &mut |from, length, times| {
        let block = (0..times).map(|t| (0..length).map(|k| inner[from + t * length + k].index()).collect()).collect();
        blocks.push(block);
    });
    // One line of the user's that is not all of what is repeated, as a helper that is called here and there.
    let taken: Vec<usize> = blocks.iter().flatten().flatten().copied().collect();
    let mut lines: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for node in inner.iter().filter(|node| node.is_active() && !taken.contains(&node.index())) {
        if let Some(line) = line(node) {
            lines.entry(format!("{line} {}", node.op())).or_default().push(node.index());
        }
    }
    let apart: Vec<Vec<usize>> = lines.into_values().filter(|nodes| nodes.len() > 1).collect();
    blocks.extend(apart.into_iter().map(|nodes| nodes.into_iter().map(|node| vec![node]).collect()));
}

/// The line that recorded a node: the user's, or that of a problem read from a file, which has them as scopes.
fn line(node: &GraphNode<f64>) -> Option<String> {
    describe::site(node).or_else(|| node.scope().map(String::from))
}

/// Finds what is repeated between two places: the longest stretch first, then what is left on both sides of it.
fn runs(signs: &[String], from: usize, to: usize, tell: &mut dyn FnMut(usize, usize, usize)) {
    let mut best: Option<(usize, usize, usize)> = None;
    let n = to - from;
    for length in 1..=n / 2 {
        let mut run = 0;
        for i in from..to - length {
            run = if signs[i] == signs[i + length] { run + 1 } else { 0 };
            let times = run / length + 1;
            let covered = times * length;
            let known = best.map_or(0, |(_, length, times)| length * times);
            if times > 1 && covered > known && covered >= 4 {
                best = Some((i + 1 + length - (run + length), length, times));
            }
        }
    }
    let Some((start, length, times)) = best else { return };
    tell(start, length, times);
    runs(signs, from, start, tell);
    runs(signs, start + length * times, to, tell);
}

impl Search<'_> {
    /// The edits that give the hand-coded values where they are made in all members of a group.
    pub(super) fn everywhere(&self, most: usize, allowance: &mut Allowance<'_>) -> Vec<Match> {
        if self.odd.is_some() {
            return Vec::new();
        }
        let derivation = self.derivation;
        let roles = Roles::of(derivation.graph);
        let mut groups: BTreeMap<(usize, usize), Vec<Member>> = BTreeMap::new();
        for (node, shares) in derivation.shares.iter().enumerate() {
            for (i, share) in shares.iter().enumerate() {
                if let Some(&(role, step)) = roles.of.get(&share.consumer) {
                    let nodes = derivation.graph.nodes();
                    let earlier = shares[..i].iter().filter(|other| other.consumer == share.consumer).count();
                    let place = nodes[share.consumer]
                        .args()
                        .iter()
                        .enumerate()
                        .filter(|(_, arg)| **arg == Arg::Node(node))
                        .nth(earlier);
                    let place = place.map_or(0, |(place, _)| place);
                    groups.entry((role, place)).or_default().push((step, node, i));
                }
            }
        }
        let (mut candidates, mut elements): (Vec<Candidate>, usize) = (Vec::new(), 0);
        for (_, mut members) in groups {
            if members.len() < 2 || !self.may_explain(members.iter().map(|&(_, node, _)| node)) {
                continue;
            }
            members.sort_by_key(|member| std::cmp::Reverse(member.0));
            let members = Rc::new(members);
            let (step, node, i) = members[0];
            let mut written = 0;
            for form in forms::forms(derivation, &self.visible, node) {
                if form.shares[..] != [i] || form.level > 1 || form.looked_up || written >= 6 {
                    continue;
                }
                written += 1;
                let spots = Rc::new(Spots::of(&form.term, &self.weights[node]));
                let penalty = self.penalty(&form);
                let edits = Edits { visible: &self.visible, width: Width::Narrow, any_shape: false };
                for at in 0..spots.all.len() {
                    let repeated = spots.all[at].repeated.is_some();
                    edits.at(&spots, at, &mut |new, cost, family, of| {
                        if !roles.is_near(&new, step) {
                            return;
                        }
                        elements += if new.is_leaf() { 1 } else { new.value.len() };
                        if elements > ELEMENTS {
                            return;
                        }
                        let mut keep = |cost: f64, repeats: bool| {
                            let (spots, new, members) = (spots.clone(), new.clone(), members.clone());
                            candidates.push(Candidate {
                                cost: cost + penalty,
                                family,
                                of,
                                spots,
                                at,
                                new,
                                repeats,
                                members,
                            });
                        };
                        keep(cost + 1.5, false);
                        if repeated {
                            keep(cost + 2.5, true);
                        }
                    });
                }
            }
        }
        candidates.sort_by(|a, b| a.cost.total_cmp(&b.cost));
        let mut found: Vec<Match> = Vec::new();
        for candidate in candidates.into_iter().take(most) {
            let Candidate { cost, family, of, spots, at, new: instead, repeats, members } = candidate;
            if found.len() >= 3 || !(allowance.more)(members.len()) {
                break;
            }
            let wrong = if repeats { spots.whole_everywhere(at, &instead) } else { spots.whole(at, &instead) };
            let Some(wrong) = wrong else { continue };
            let (right, part) = (spots.all[0].term.clone(), spots.all[at].term.clone());
            let step = members[0].0;
            let mut terms: HashMap<(usize, usize), Rc<Term>> = HashMap::new();
            let all = members.iter().all(|&(to, node, i)| {
                let term = if to == step { Some(wrong.clone()) } else { roles.term(derivation, &wrong, step, to) };
                term.is_some_and(|term| terms.insert((node, i), term).is_none())
            });
            if !all {
                continue;
            }
            if self.explain(&terms).is_some() {
                let consumers = members.iter().map(|&(_, node, i)| derivation.shares[node][i].consumer);
                let at = match of {
                    Some(node) => members.iter().filter_map(|&(to, ..)| roles.shifted(node, step, to)).collect(),
                    None => consumers.collect(),
                };
                let target = members[0].1;
                let members: Vec<Edited> = terms.into_iter().collect();
                let shares = SmallVec::new();
                found.push(Match { target, at, shares, members, family, cost, right, wrong, part, instead });
            }
        }
        found
    }

    /// Whether the wrong gradients may all come of nodes.
    fn may_explain(&self, nodes: impl Iterator<Item = usize>) -> bool {
        let nodes: SmallVec<[usize; 8]> = nodes.collect();
        let mut wrong = self.goals.iter().filter(|goal| goal.differs);
        wrong.all(|goal| nodes.iter().any(|&node| self.derivation.is_downstream(goal.node, node)))
    }

    /// How far the gradients are from the hand-coded ones where some shares are these; none if that is too far.
    pub(super) fn explain(&self, terms: &HashMap<(usize, usize), Rc<Term>>) -> Option<f64> {
        let changed = self.derivation.evaluated(&|node, i, leaf| {
            let term = terms.get(&(node, i))?;
            let known = term.evaluated(&|op| leaf(op), &mut HashMap::new());
            Some(match known {
                Ok(Some(value)) => Ok(value),
                Ok(None) => Ok(term.value.clone()),
                Err(Unfit) => Err(Unfit),
            })
        });
        let changed = changed.ok()?;
        let mut worst = 0.0;
        for goal in &self.goals {
            let target = &self.case.targets[goal.k];
            let known = self.derivation.adjoints[goal.node].as_ref().unwrap_or(&target.truth);
            let value = changed[goal.node].as_ref().unwrap_or(known);
            let stretched;
            let (value, hand) = if value.shape() == target.hand.shape() {
                (value, &target.hand)
            } else {
                stretched = in_shape(value, target.truth.shape())?;
                (&stretched, goal.hand.as_ref()?)
            };
            self.case.fit_values(hand.as_slice(), value.as_slice())?;
            let size = target.truth.iter().chain(hand.iter()).fold(0.0, |max: f64, x| max.max(x.abs()));
            let off = hand.iter().zip(value.iter()).fold(0.0, |max: f64, (h, c)| max.max((h - c).abs()));
            worst = f64::max(worst, if off == 0.0 { 0.0 } else { off / size });
        }
        Some(worst)
    }

    /// A sum left out, or over everything, with what follows computed in the shape that comes of it.
    pub(super) fn other_shapes(&self) -> Vec<Match> {
        let derivation = self.derivation;
        let mut found = Vec::new();
        for (node, shares) in derivation.shares.iter().enumerate() {
            for (i, share) in shares.iter().enumerate() {
                let form = &share.forms[0];
                let spots = Spots::of(form, &self.weights[node]);
                for at in 0..spots.all.len() {
                    let part = spots.all[at].term.clone();
                    let TermOp::Tensor(crate::ops::structural::TensorOp::Sum(_)) = part.op else { continue };
                    let x = &part.args[0];
                    let all = crate::tensor::shape::AxisMask::all(x.rank());
                    let sum = x.summed(all, false);
                    let mean = sum
                        .clone()
                        .and_then(|sum| Term::product([(sum, false), (Term::number(x.value.len() as f64), true)]));
                    for (instead, cost) in [(Some(x.clone()), 4.0), (sum, 4.0), (mean, 4.5)] {
                        let Some(instead) = instead else { continue };
                        let Some(wrong) = spots.whole(at, &instead) else { continue };
                        let edits = HashMap::from([((node, i), wrong.clone())]);
                        if wrong.key() == form.key() || self.explain(&edits).is_none() {
                            continue;
                        }
                        found.push(Match {
                            target: node,
                            at: SmallVec::from_slice(&[share.consumer]),
                            shares: SmallVec::from_slice(&[i]),
                            members: Vec::new(),
                            family: Family::Reduction,
                            cost,
                            right: form.clone(),
                            wrong,
                            part: part.clone(),
                            instead,
                        });
                    }
                }
            }
        }
        found
    }
}
