//! Edits of one unit, tried one after the other.

use super::edits::Edit;
use super::judge::{Judge, Point, Want, is_plain, statement};
use super::values::{Owned, numbers, owned};
use crate::text::run::{Machine, State, Step};
use crate::text::syntax::StmtKind;
use std::rc::Rc;

/// Units of fewer statements are run as a whole.
const FEW: usize = 5;

pub(super) struct Trial<'s, 'a> {
    judge: &'s Judge<'a>,
    unit: usize,
    snaps: &'s [Rc<State<'static>>],
    point: &'s Point,
    wants: &'s [(Want, f64)],
    /// Where the unit is one plain statement its expression alone is computed.
    plain: Option<Machine<'static, 'a>>,
    one: Option<OneNumber>,
}

/// A number of a unit that is built by many statements: the few that it was made by tell most edits apart.
struct OneNumber {
    at: usize,
    members: Vec<usize>,
    /// What it may be.
    right: Vec<f64>,
}

impl<'s, 'a> Trial<'s, 'a> {
    /// Of edits that are to give the unit one of these values.
    pub fn new(
        judge: &'s Judge<'a>,
        unit: usize,
        snaps: &'s [Rc<State<'static>>],
        point: &'s Point,
        wants: &'s [(Want, f64)],
    ) -> Self {
        let members = &judge.units[unit].members;
        let plain = match &members[..] {
            [k] => match &judge.steps[*k] {
                Step::Run(stmt) if is_plain(stmt) => snaps.get(*k).map(|state| judge.machine((**state).clone())),
                _ => None,
            },
            _ => None,
        };
        let mut new = Self { judge, unit, snaps, point, wants, plain, one: None };
        if members.len() >= FEW {
            new.one = new.one_number();
        }
        new
    }

    fn one_number(&self) -> Option<OneNumber> {
        let (value, writers) = self.judge.writers(self.unit, self.snaps).ok()?;
        let found = numbers(&value);
        let right: Vec<Vec<f64>> =
            self.wants.iter().map(|(want, c)| numbers(&self.judge.wanted(want, *c, self.point))).collect();
        if right.iter().any(|right| right.len() != found.len()) {
            return None;
        }
        let is_wrong = |&i: &usize| !writers[i].is_empty() && right.iter().all(|right| !is_near(found[i], right[i]));
        let at = (0..found.len()).filter(is_wrong).min_by_key(|&i| writers[i].len())?;
        let members = writers[at].clone();
        (members.len() < self.judge.units[self.unit].members.len()).then(|| OneNumber {
            at,
            members,
            right: right.iter().map(|right| right[at]).collect(),
        })
    }

    /// Whether the unit has one of the values with an edit.
    pub fn fits(&mut self, edit: &Edit) -> bool {
        if self.one.as_ref().is_some_and(|one| edit.writes_where_it_did() && !self.may_fit(one, edit)) {
            return false;
        }
        let Some(value) = self.evaluated(edit) else { return false };
        self.wants.iter().any(|(want, c)| self.judge.fits(self.unit, &value, want, *c, &self.point.adjoints))
    }

    fn may_fit(&self, one: &OneNumber, edit: &Edit) -> bool {
        let key = &self.judge.units[self.unit].key;
        let mut value: Option<Owned> = None;
        for &k in &one.members {
            let mut machine = self.judge.machine((*self.snaps[k]).clone());
            if let Some(value) = &value {
                self.judge.set(&mut machine, key, value);
            }
            if !self.judge.step(&mut machine, k, Some(edit)) {
                return false;
            }
            value = Some(self.judge.get(&machine, key));
        }
        let found = value.as_ref().map(numbers).unwrap_or_default();
        match found.get(one.at) {
            Some(&x) => one.right.iter().any(|&right| is_near(x, right)),
            // It has another shape now.
            None => true,
        }
    }

    fn evaluated(&mut self, edit: &Edit) -> Option<Owned> {
        let own = self.judge.units[self.unit].members.first().and_then(|&k| statement(&self.judge.steps[k]));
        if let (Some(machine), Some(stmt)) = (&mut self.plain, own.and_then(|own| edit.instead_of(own)))
            && is_plain(stmt)
            && let StmtKind::Assign(_, value) = &stmt.kind
        {
            if !self.judge.may_go_on() {
                return None;
            }
            let cells = machine.state.heap.cells.len();
            machine.rewind_limits();
            let value = machine.eval(value).ok();
            let found = value.map(|value| owned(machine, &value));
            machine.state.heap.cells.truncate(cells);
            return found;
        }
        self.judge.evaluated(self.unit, edit, self.snaps)
    }
}

/// Whether a number may be another, as far as one can say of it alone.
fn is_near(x: f64, y: f64) -> bool {
    x.is_finite() && (x - y).abs() <= 1e-6 * x.abs().max(y.abs()) + 1e-12
}
