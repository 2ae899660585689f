//! One edit of one statement.

use super::edits::{Edits, Family, Width};
use super::forms::{self, Form};
use super::spots::{Change, Spots};
use super::term::{Term, TermOp};
use super::{Allowance, Edited, Finding, Search};
use crate::tensor::Tensor;
use smallvec::SmallVec;
use std::collections::HashSet;
use std::rc::Rc;

/// A candidate that fits the weighed sums.
pub(super) struct Match {
    pub target: usize,
    pub at: SmallVec<[usize; 2]>,
    /// The numbers of the shares that the statement is of.
    pub shares: SmallVec<[usize; 2]>,
    /// What the members of a group come out as, where the edit is made in all of them.
    pub members: Vec<Edited>,
    pub family: Family,
    pub cost: f64,
    pub right: Rc<Term>,
    pub wrong: Rc<Term>,
    pub part: Rc<Term>,
    pub instead: Rc<Term>,
}

impl Match {
    /// The shares as they come out.
    pub fn edits(&self) -> Option<Vec<Edited>> {
        if !self.members.is_empty() {
            return Some(self.members.clone());
        }
        let rest = self.shares.iter().skip(1).map(|&i| ((self.target, i), Term::constant(Tensor::scalar(0.0))));
        Some([((self.target, *self.shares.first()?), self.wrong.clone())].into_iter().chain(rest).collect())
    }

    pub fn found(self, edits: Vec<Edited>, fit: f64) -> Finding {
        let everywhere = self.members.len() > 1;
        let Self { target, at, family, cost, right, wrong, part, instead, .. } = self;
        Finding { target, at, edits, family, cost, right, wrong, part, instead, fit, everywhere }
    }
}

/// A candidate at a place, as it was tried.
pub(super) struct Tried<'t> {
    pub form: &'t Rc<Form>,
    pub spots: &'t Spots,
    pub at: usize,
    pub new: Rc<Term>,
    pub cost: f64,
    pub family: Family,
    pub of: Option<usize>,
    /// Whether the same is done wherever the same stands in the statement.
    pub everywhere: bool,
}

/// How many elements cost as much as all else about an edit.
const ELEMENTS: usize = 64;

/// How much less plausible it is that a value was taken times a number as well.
const TIMES: f64 = 4.5;

impl Search<'_> {
    /// The edits of one statement that give the weighed sums.
    pub fn singles(&self, width: Width, allowance: &mut Allowance<'_>) -> Vec<Match> {
        let mut suspects = self.suspects();
        if let Some(odd) = self.odd {
            // Another shape is that of its own statement.
            suspects.retain(|&node| node == self.goals[odd].node);
        }
        let (mut matched, mut best) = (Vec::new(), f64::INFINITY);
        self.each(&suspects, width, allowance, &mut |tried, change| {
            if self.fits(tried.form, &change)
                && let Some(found) = self.matched(&tried)
            {
                best = f64::min(best, found.cost);
                matched.push(found);
            }
            best
        });
        matched
    }

    /// Tells every edit of the statements of some nodes, and what it changes; the answer is the cost of the best so far, beyond which forms
    /// are too far-fetched to be looked at.
    pub fn each(
        &self,
        nodes: &[usize],
        width: Width,
        allowance: &mut Allowance<'_>,
        tell: &mut dyn FnMut(Tried<'_>, Change) -> f64,
    ) {
        let edits = Edits { visible: &self.visible, width, any_shape: self.odd.is_some() };
        let of = |&node: &usize| forms::forms(self.derivation, &self.visible, node);
        let mut forms: Vec<(f64, Rc<Form>)> =
            nodes.iter().flat_map(of).map(|form| (self.penalty(&form), Rc::new(form))).collect();
        forms.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut best, mut work) = (f64::INFINITY, 0);
        // The same edit of the same part comes to the same, in whatever form it stands.
        let mut known = HashSet::new();
        for (penalty, form) in &forms {
            if *penalty > best {
                return;
            }
            let spots = Spots::of(&form.term, &self.weights[form.target]);
            for at in 0..spots.all.len() {
                let repeated = spots.all[at].repeated.is_some();
                let effect = spots.effect(at);
                let new_here = effect.is_none_or(|effect| known.insert((form.target, form.shares.clone(), effect)));
                if !new_here && !repeated {
                    continue;
                }
                let mut count = 0;
                edits.at(&spots, at, &mut |new, cost, family, of| {
                    count += 1;
                    let cost = cost + penalty;
                    let mut hand = |new: Rc<Term>, cost: f64, everywhere: bool, change: Change| {
                        best = tell(Tried { form, spots: &spots, at, new, cost, family, of, everywhere }, change);
                    };
                    if new_here {
                        let change = spots.change(at, &new);
                        if let (Family::Replaced, Change::Key(change)) = (family, &change)
                            && !self.matches(change)
                            && let Some(scaled) = self.times(&spots, at, &new, change)
                        {
                            let change = spots.change(at, &scaled);
                            hand(scaled, cost + TIMES, false, change);
                        }
                        hand(new.clone(), cost, false, change);
                    }
                    if repeated && let Some(whole) = spots.whole_everywhere(at, &new) {
                        let change = spots.change(0, &whole);
                        hand(new, cost + 1.0, true, change);
                    }
                });
                work += count * (1 + spots.all[at].term.value.len() / ELEMENTS);
                if !(allowance.more)(count) || work > allowance.work {
                    return;
                }
            }
        }
    }

    /// The value times the number that makes it fit, if that number has a name.
    fn times(&self, spots: &Spots, at: usize, new: &Rc<Term>, change: &[f64; 3]) -> Option<Rc<Term>> {
        if self.odd.is_some() || new.as_number().is_some() {
            return None;
        }
        let base = spots.base(at)?;
        let value: [f64; 3] = std::array::from_fn(|k| change[k] + base[k]);
        let c = (self.wanted[0] + base[0]) / value[0];
        if !c.is_finite() || c == 0.0 || (c - 1.0).abs() < 1e-9 {
            return None;
        }
        let fits =
            |k: usize| (c * value[k] - base[k] - self.wanted[k]).abs() <= self.allowed[k] * f64::max(1.0, c.abs());
        if !(0..3).all(fits) {
            return None;
        }
        let factor = self.case.factors.find(c, 1e-9)?;
        Term::product([(Term::number(factor.value), false), (new.clone(), false)])
    }

    fn fits(&self, form: &Form, change: &Change) -> bool {
        match (change, self.odd) {
            (Change::Key(change), None) => self.matches(change),
            (Change::Shape(whole), Some(odd)) => {
                let hand = &self.case.targets[self.goals[odd].k].hand;
                form.is_whole() == (self.derivation.shares[form.target].len() > 1)
                    && whole.shape() == hand.shape()
                    && self.case.fit_values(hand.as_slice(), whole.value.as_slice()).is_some()
            }
            _ => false,
        }
    }

    /// The candidate with its statement as it comes out.
    pub fn matched(&self, tried: &Tried<'_>) -> Option<Match> {
        let Tried { form, spots, at, new, cost, family, of, everywhere } = tried;
        let wrong = if *everywhere { spots.whole_everywhere(*at, new)? } else { spots.whole(*at, new)? };
        let inside = spots.all[*at].parent.is_some() || of.is_some();
        let place = match of {
            Some(node) if inside && !form.looked_up => SmallVec::from_slice(&[*node]),
            // Of a sum of all shares, the term that was edited is one node's.
            None if form.is_whole() && !form.looked_up && matches!(form.term.op, TermOp::Sum(_)) => {
                self.share_at(form, spots, *at).map_or(form.consumers.clone(), |node| SmallVec::from_slice(&[node]))
            }
            _ => form.consumers.clone(),
        };
        Some(Match {
            target: form.target,
            at: place,
            shares: form.shares.clone(),
            members: Vec::new(),
            family: *family,
            cost: *cost,
            right: form.term.clone(),
            wrong,
            part: spots.all[*at].term.clone(),
            instead: new.clone(),
        })
    }

    /// The node whose share of a sum a place is in.
    fn share_at(&self, form: &Form, spots: &Spots, mut at: usize) -> Option<usize> {
        while let Some((parent, i)) = spots.all[at].parent {
            if parent == 0 {
                return (spots.all[0].term.args.len() == form.consumers.len()).then(|| form.consumers[i as usize]);
            }
            at = parent;
        }
        None
    }
}
