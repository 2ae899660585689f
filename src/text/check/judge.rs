//! Which statements are wrong: the fewest that explain every gradient.
//!
//! The backward part is a list of steps, run from the values of the forward part. Some names have a right value that is known: the
//! gradients by parameters. Others are the gradient by an intermediate, up to a factor that is the person's choice (`dZ2 = A2 - Y`,
//! divided by m further down); others are helpers, of which only what they feed is known. So a right value is chosen for each: as it was
//! computed from right values, or, where the statement is taken for wrong, the true gradient by what it is named after, or what a small
//! edit of it gives. Of all choices the one with the fewest wrong statements is taken, by best-first search; a statement that is wrong in
//! every turn of a loop is one.

use super::edits::{self, Edit};
use super::forecast::{Forecast, Slopes};
use super::siblings::Siblings;
use super::trial::Trial;
use super::units::{Key, Touches, Unit};
use super::values::{Owned, numbers, owned, poisoned, put};
use crate::tensor::Tensor;
use crate::text::Options;
use crate::text::number::Kind;
use crate::text::run::{Machine, State, Step};
use crate::text::syntax::{Node, Stmt, StmtKind};
use crate::text::value::{Array, Value};
use std::cell::RefCell;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::rc::Rc;

/// How near a number is to the right one, relative to itself: a guard as in log(p + 1e-8) is no mistake.
const NEAR: f64 = 3e-7;
/// How much of the largest number of an array rounding may leave in the others.
const ROUNDING: f64 = 1e-12;
/// The most steps that the search runs, and how many more for each of the text's.
const WORK: usize = 60_000;
const WORK_BY_STEP: usize = 400;
/// Trials after which the stop is asked.
const ASKED: usize = 32;
/// Choices by their price: a wrong statement is 1.
const HEAD_SCALED: f64 = 0.1;
const RESCALED: f64 = 0.35;
const OTHER_MEANING: f64 = 0.6;
const AGAIN: f64 = 0.01;
/// The same slip in a statement that is like one that is wrong already.
const LIKE_ANOTHER: f64 = 0.2;
/// A value that nothing reads before another is put in its place.
const LOST: f64 = 0.05;
/// What an edit's price adds, where several statements may be the wrong one, and that of none.
const EDIT: f64 = 0.02;
const UNKNOWN: f64 = 8.0;
/// The price of the nearest edits, and how much dearer those are that are tried with them.
const NEAREST: f64 = 0.8;
const ABOUT_AS_NEAR: f64 = 0.2;

/// What a name should have.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Want {
    Node(usize),
    List(Vec<usize>),
}

/// The forward part at a point: its values, and the gradient by each node.
pub(super) struct Point {
    pub state: State<'static>,
    pub adjoints: Vec<Tensor<f64>>,
}

/// What a unit is, as far as its name says.
#[derive(Clone, Debug)]
pub(super) enum Role {
    /// The gradient by a parameter.
    Final(Want),
    /// That by intermediates of this name, one for each time that it was assigned.
    Between(Vec<Want>),
    Unnamed,
}

/// What is made of a statement that is taken for wrong.
#[derive(Clone)]
pub(super) enum Fix {
    /// The gradient by this, times a number.
    Adjoint(Want, f64),
    /// These statements in place of those at their places in the text.
    Edit(Edit),
}

pub(super) struct Judge<'a> {
    pub options: &'a Options,
    pub source: &'a str,
    pub steps: &'a [Step],
    pub touched: &'a [Touches],
    pub units: &'a [Unit],
    pub roles: Vec<Role>,
    /// What a unit's name times the gradient is: -1 where a comment says so (`# check update = -W`), else 1.
    pub signs: Vec<f64>,
    /// Which units are complete after each step.
    pub done: Vec<Vec<usize>>,
    /// Numbers that people multiply with: of the forward part, and lengths.
    pub natural: Vec<f64>,
    /// Those that people leave out of a gradient until later: the number of examples.
    pub conventions: Vec<f64>,
    /// The lines of the forward part.
    pub forward: HashSet<&'a str>,
    /// Statements that are the same but for the step that they are of.
    pub siblings: Siblings,
    /// Numbers that are written out in the backward part.
    pub literals: Vec<f64>,
    /// The nodes that have names, with these.
    pub names: Vec<Option<String>>,
    pub largest: f64,
    pub work: std::cell::Cell<usize>,
    /// Trials since the beginning, and whether the stop has said that it is enough.
    pub tried: std::cell::Cell<usize>,
    pub is_late: std::cell::Cell<bool>,
}

#[derive(Clone)]
pub(super) struct Path {
    state: State<'static>,
    k: usize,
    pub cost: f64,
    pub fixes: Vec<(usize, Fix)>,
    /// The lines that are taken for wrong.
    lines: HashSet<usize>,
    /// What was decided for a line, in the first turn of its loop: whether it is wrong, the factor that it has, and whether the
    /// loop goes the way of the forward part.
    chosen: HashMap<usize, (bool, f64, bool)>,
    /// The factor that a unit's value has to the gradient it is.
    pub scales: HashMap<usize, f64>,
    /// What units turned out to be the gradient by.
    pub known: HashMap<usize, Want>,
    /// The state before each step.
    pub snaps: Vec<Rc<State<'static>>>,
    /// The steps that fail.
    failed: HashSet<usize>,
    /// What is to be asked before it goes on.
    asks: Option<Question>,
}

/// Edits of the helpers of a unit, the nearest first, and how many of them were tried.
struct Search {
    edits: Vec<(usize, Edit)>,
    next: usize,
    slopes: Slopes,
}

/// What takes long to answer, and is asked where nothing cheaper explains all.
#[derive(Clone)]
enum Question {
    /// How near the edit of a unit is that gives it one of these values.
    Price(usize, Vec<(Want, f64)>),
    /// Which helper of a unit is wrong, and not the unit; what the path cost before the question, and how far the answer is.
    Helpers { unit: usize, before: f64, search: Option<Rc<RefCell<Search>>> },
}

pub(super) fn is_edited(step: &Step, edit: &Edit) -> bool {
    statement(step).is_some_and(|stmt| edit.instead_of(stmt).is_some())
}

impl Search {
    /// The price of the next edit; infinite where there is none.
    fn price(&self) -> f64 {
        self.edits.get(self.next).map_or(f64::INFINITY, |(_, edit)| edit.cost)
    }
}

impl Path {
    /// The edit that a step's statement has on this path.
    fn edit_of(&self, step: &Step) -> Option<&Edit> {
        self.fixes.iter().find_map(|(_, fix)| match fix {
            Fix::Edit(edit) if is_edited(step, edit) => Some(edit),
            _ => None,
        })
    }

    /// The same decisions with the states of another point.
    pub fn elsewhere(&self, state: State<'static>, snaps: Vec<Rc<State<'static>>>) -> Self {
        Self { state, snaps, ..self.clone() }
    }

    /// The state behind the last step.
    pub fn end(&self) -> State<'static> {
        self.state.clone()
    }
}

impl<'a> Judge<'a> {
    pub fn machine(&self, state: State<'static>) -> Machine<'static, 'a> {
        let mut machine = Machine::new(None, self.options);
        machine.state = state;
        machine
    }

    /// Whether a name of the backward part is no gradient's.
    pub fn is_helper(&self, name: &str) -> bool {
        self.units.iter().zip(&self.roles).any(|(unit, role)| &*unit.key.1 == name && matches!(role, Role::Unnamed))
    }

    /// The frame of the state that a key's is.
    fn frame_of<'m>(machine: &'m Machine<'static, '_>, key: &Key) -> Option<&'m HashMap<Rc<str>, Value<'static>>> {
        let at = if key.0 == 0 { 0 } else { machine.state.frames.len() - 1 };
        machine.state.frames.get(at)
    }

    pub fn get(&self, machine: &Machine<'static, '_>, key: &Key) -> Owned {
        match Self::frame_of(machine, key).and_then(|frame| frame.get(&key.1)) {
            Some(value) => owned(machine, value),
            None => Owned::Other,
        }
    }

    pub fn set(&self, machine: &mut Machine<'static, '_>, key: &Key, new: &Owned) {
        let old = Self::frame_of(machine, key).and_then(|frame| frame.get(&key.1)).cloned();
        let value = put(machine, old, new);
        let at = if key.0 == 0 { 0 } else { machine.state.frames.len() - 1 };
        machine.state.frames[at].insert(key.1.clone(), value);
    }

    fn is_near(&self, x: &Tensor<f64>, y: &Tensor<f64>, c: f64) -> bool {
        // A number for an array of one element is as good; an array for a number changes what it is added to.
        let is_number = x.shape().rank() < y.shape().rank() && x.len() == 1 && y.len() == 1;
        if x.shape() != y.shape() && !is_number {
            return false;
        }
        let finite = |x: &Tensor<f64>| x.iter().filter(|x| x.is_finite()).fold(0.0, |max: f64, x| max.max(x.abs()));
        let size = finite(x).max(finite(y) * c.abs());
        // Each number for itself; what sums cancel leaves is as large as what went in.
        let rounding = ROUNDING * size + 1e-13 * self.largest;
        x.iter().zip(y.iter()).all(|(x, y)| {
            let y = c * y;
            let is_near = x.is_finite() && (x - y).abs() <= NEAR * x.abs().max(y.abs()) + rounding;
            is_near || *x == y || x.is_nan() && y.is_nan()
        })
    }

    pub fn is(&self, value: &Owned, want: &Want, c: f64, adjoints: &[Tensor<f64>]) -> bool {
        match (value, want) {
            (Owned::Data(x, ..), Want::Node(node)) => self.is_near(x, &adjoints[*node], c),
            (Owned::List(all), Want::List(nodes)) => {
                all.len() == nodes.len()
                    && all.iter().zip(nodes).all(|(x, &node)| self.is(x, &Want::Node(node), c, adjoints))
            }
            _ => false,
        }
    }

    pub fn same(&self, a: &Owned, b: &Owned) -> bool {
        match (a, b) {
            (Owned::Data(x, ..), Owned::Data(y, ..)) => x.shape() == y.shape() && self.is_near(x, y, 1.0),
            (Owned::List(a), Owned::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.same(a, b)),
            (Owned::Other, Owned::Other) => true,
            _ => false,
        }
    }

    /// The factor between a value and a gradient, if it is one.
    fn ratio(&self, value: &Owned, want: &Want, adjoints: &[Tensor<f64>]) -> Option<f64> {
        let (Owned::Data(x, ..), Want::Node(node)) = (value, want) else { return None };
        let y = &adjoints[*node];
        if x.shape() != y.shape() {
            return None;
        }
        let i = (0..y.len()).max_by(|&i, &j| y.as_slice()[i].abs().total_cmp(&y.as_slice()[j].abs()))?;
        let c = x.as_slice()[i] / y.as_slice()[i];
        (c.is_finite() && c != 0.0 && self.is_near(x, y, c)).then_some(c)
    }

    fn is_natural(&self, c: f64) -> bool {
        self.natural.iter().any(|n| (c.abs() - n).abs() <= 1e-9 * n)
    }

    pub fn wanted(&self, want: &Want, c: f64, point: &Point) -> Owned {
        let node = |node: usize| {
            let x = &point.adjoints[node];
            Owned::Data(x.map(|x| c * x), Kind::Float, x.shape().rank() == 0)
        };
        match want {
            Want::Node(k) => node(*k),
            Want::List(all) => Owned::List(all.iter().map(|&k| node(k)).collect()),
        }
    }

    /// Counts a trial; false where the caller's stop has said that it is enough, after which no edit is tried any more.
    pub fn may_go_on(&self) -> bool {
        self.work.set(self.work.get() + 1);
        self.tried.set(self.tried.get() + 1);
        if self.tried.get().is_multiple_of(ASKED)
            && let Some(stop) = &self.options.stop
            && stop()
        {
            self.is_late.set(true);
        }
        !self.is_late.get()
    }

    /// Runs a step, with a statement of its own where an edit says so; false where it fails.
    pub fn step(&self, machine: &mut Machine<'static, 'a>, k: usize, edit: Option<&Edit>) -> bool {
        if !self.may_go_on() && edit.is_some() {
            self.fail(machine, k);
            return false;
        }
        machine.rewind_limits();
        let done = match &self.steps[k] {
            Step::Run(stmt) => match edit.and_then(|edit| edit.instead_of(stmt)) {
                Some(new) => machine.replay(&Step::Run(new.clone())),
                None => machine.replay(&self.steps[k]),
            },
            Step::Leave(_, stmt) => match edit.and_then(|edit| edit.instead_of(stmt)) {
                // The call with all around it is another: it is run as a whole.
                Some(new) => {
                    machine.state.frames.pop();
                    return self.replayed(machine, k, &Step::Run(new.clone()));
                }
                None => machine.replay(&self.steps[k]),
            },
            other => machine.replay(other),
        };
        if done.is_err() {
            self.fail(machine, k);
        }
        done.is_ok()
    }

    /// Runs a statement in place of the end of a call, whose frame is gone.
    fn replayed(&self, machine: &mut Machine<'static, 'a>, k: usize, step: &Step) -> bool {
        let done = machine.replay(step);
        if done.is_err() {
            machine.state.frames.push(HashMap::new());
            self.fail(machine, k);
        }
        done.is_ok()
    }

    /// What a step that failed leaves behind: no values.
    fn fail(&self, machine: &mut Machine<'static, 'a>, k: usize) {
        match &self.steps[k] {
            Step::Leave(..) => {
                machine.state.frames.truncate(1.max(machine.state.frames.len() - 1));
            }
            Step::Enter(..) => machine.state.frames.push(HashMap::new()),
            Step::Run(_) | Step::Bind(..) => {}
        }
        for (key, goes_on) in &self.touched[k].writes {
            if !goes_on || matches!(&self.steps[k], Step::Run(stmt) if matches!(stmt.kind, StmtKind::Update(..))) {
                let at = if key.0 == 0 { 0 } else { machine.state.frames.len() - 1 };
                machine.state.frames[at].insert(key.1.clone(), Value::None);
            }
        }
    }

    pub fn line(&self, k: usize) -> usize {
        match &self.steps[k] {
            Step::Run(stmt) => stmt.line,
            Step::Leave(value, stmt) => match value {
                Some(value) => self.source[..value.span.start].matches('\n').count() + 1,
                None => stmt.line,
            },
            Step::Bind(target, ..) => self.source[..target.span.start].matches('\n').count() + 1,
            Step::Enter(_, call) => self.source[..call.span.start].matches('\n').count() + 1,
        }
    }

    /// The line that stands for a unit: that which completes it, for an array of zeros is made in another one than it is filled in.
    fn unit_line(&self, unit: usize) -> usize {
        self.line(self.units[unit].members[self.units[unit].members.len() - 1])
    }

    /// What it costs to take a unit's statement for wrong: the less where it is one that is wrong already, or one of its kind is.
    fn price_of_wrong(&self, path: &Path, unit: usize) -> f64 {
        let line = self.unit_line(unit);
        if path.lines.contains(&line) {
            AGAIN
        } else if path.lines.iter().any(|&other| self.siblings.are(line, other)) {
            LIKE_ANOTHER
        } else {
            1.0
        }
    }

    /// The explanation with the fewest wrong statements; where the search takes too long, the one that was cheapest up to there.
    pub fn search(&self, point: &Point) -> Path {
        let start = Path {
            state: point.state.clone(),
            k: 0,
            cost: 0.0,
            fixes: vec![],
            lines: HashSet::new(),
            chosen: HashMap::new(),
            scales: HashMap::new(),
            known: HashMap::new(),
            snaps: vec![],
            failed: HashSet::new(),
            asks: None,
        };
        // What the cheapest choice at each place comes to: nothing dearer is worth a look.
        let mut best = start.clone();
        while best.k < self.steps.len() && !self.is_late.get() {
            self.advance(&mut best, point, None);
        }
        // It was not asked how far its edits are.
        best.cost += EDIT * UNKNOWN * best.fixes.len() as f64;
        let mut open = BinaryHeap::new();
        let mut waiting: Vec<Option<Path>> = vec![Some(start)];
        open.push(Entry { cost: 0.0, k: 0, at: 0 });
        while let Some(entry) = open.pop() {
            if entry.cost >= best.cost || self.work.get() > self.most_work() || self.is_late.get() {
                break;
            }
            let Some(mut path) = waiting[entry.at].take() else { continue };
            let mut others = Vec::new();
            match path.asks.take() {
                Some(Question::Price(unit, wants)) => {
                    let price = self.nearest_edit(&path, unit, point, &wants).unwrap_or(UNKNOWN);
                    path.cost += EDIT * (price - NEAREST).max(0.0);
                    others.push(path);
                }
                Some(Question::Helpers { unit, before, search }) => {
                    let (asked, first) = (path.cost, search.is_none());
                    path.cost = before;
                    let search = search.unwrap_or_else(|| Rc::new(RefCell::new(self.helpers(&path, unit, point))));
                    let from = if first { NEAREST } else { search.borrow().price() };
                    others.extend(self.explained_by_helpers(&path, unit, point, &mut search.borrow_mut()));
                    let to = search.borrow().price();
                    if to.is_finite() {
                        path.cost = asked + EDIT * (to - from).max(0.0);
                        path.asks = Some(Question::Helpers { unit, before, search: Some(search) });
                        others.push(path);
                    }
                }
                None if self.advance(&mut path, point, Some(&mut others)) && path.asks.is_none() => {
                    if path.cost < best.cost {
                        best = path;
                    }
                }
                None => others.push(path),
            }
            for path in others {
                if path.cost < best.cost {
                    open.push(Entry { cost: path.cost, k: path.k, at: waiting.len() });
                    waiting.push(Some(path));
                }
            }
        }
        best
    }

    fn most_work(&self) -> usize {
        WORK + WORK_BY_STEP * self.steps.len().min(400)
    }

    /// Whether all is right at a point as it stands.
    pub fn is_right_at(&self, point: &Point) -> bool {
        self.work.set(0);
        let path = self.search(point);
        path.fixes.is_empty() && path.cost < OTHER_MEANING
    }

    /// What a unit comes to of right inputs, and for each number the statements that it was made by since it was last written over. The
    /// step that fails, where one does.
    pub fn writers(&self, unit: usize, snaps: &[Rc<State<'static>>]) -> Result<(Owned, Vec<Vec<usize>>), usize> {
        let Unit { key, members, .. } = &self.units[unit];
        let mut value: Option<Owned> = None;
        let mut writers: Vec<Vec<usize>> = Vec::new();
        for &k in members {
            let run = |old: Option<&Owned>| {
                let mut machine = self.machine((**snaps.get(k)?).clone());
                if let Some(old) = old {
                    self.set(&mut machine, key, old);
                }
                self.step(&mut machine, k, None).then(|| self.get(&machine, key))
            };
            let Some(after) = run(value.as_ref()) else { return Err(k) };
            let (now, before) = (numbers(&after), value.as_ref().map(numbers).unwrap_or_default());
            // What is written over shows where there was no number before.
            let poisoned =
                value.as_ref().and_then(|value| run(Some(&poisoned(value)))).map(|x| numbers(&x)).unwrap_or_default();
            writers.resize(now.len(), vec![]);
            for (i, x) in now.iter().enumerate() {
                if poisoned.get(i).is_some_and(|x| !x.is_nan()) {
                    writers[i] = vec![k];
                } else if before.get(i).is_none_or(|old| old.to_bits() != x.to_bits()) {
                    writers[i].push(k);
                }
            }
            value = Some(after);
        }
        Ok((value.unwrap_or(Owned::Other), writers))
    }

    /// The statement of a unit that is wrong, where no edit says which: the first that writes where the result differs.
    pub fn culprit(&self, unit: usize, path: &Path, point: &Point) -> Option<usize> {
        let members = &self.units[unit].members;
        let (_, Fix::Adjoint(want, c)) = path.fixes.iter().find(|(fixed, _)| *fixed == unit)? else { return None };
        let right = self.wanted(want, *c, point);
        let right = numbers(&right);
        let (value, writers) = match self.writers(unit, &path.snaps) {
            Ok(found) => found,
            Err(k) => return Some(k),
        };
        let found = numbers(&value);
        if found.len() != right.len() {
            return members.first().copied();
        }
        let size = right.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
        let near = |i: usize| (found[i] - right[i]).abs() <= NEAR * size;
        let wrong: Vec<usize> = (0..found.len()).filter(|&i| !near(i)).collect();
        // One statement that had to do with all that is wrong; the last of those.
        let had_to_do = |line: usize, i: usize| writers[i].iter().any(|&k| self.line(k) == line);
        let explains = |k: &&usize| !wrong.is_empty() && wrong.iter().all(|&i| had_to_do(self.line(**k), i));
        if let Some(&k) = members.iter().rev().find(explains) {
            return members.iter().copied().find(|&other| self.line(other) == self.line(k));
        }
        // An array that is filled further on holds what it began with there.
        let is_filled = |k: usize| members.len() == 1 || k != members[0] || !self.is_continued(unit);
        let mut lines: Vec<usize> = wrong.iter().filter_map(|&i| writers[i].last().copied()).collect();
        if lines.iter().any(|&k| is_filled(k)) {
            lines.retain(|&k| is_filled(k));
        }
        let count = |k: usize| lines.iter().filter(|other| self.line(**other) == self.line(k)).count();
        lines.iter().copied().max_by_key(|&k| (count(k), usize::MAX - k))
    }

    /// Goes on until a choice is to be made that costs something; the other choices go to `others`. True where the end is reached.
    fn advance(&self, path: &mut Path, point: &Point, mut others: Option<&mut Vec<Path>>) -> bool {
        let before = path.cost;
        let mut machine = self.machine(std::mem::take(&mut path.state));
        while path.k < self.steps.len() && !self.is_late.get() {
            let k = path.k;
            path.snaps.push(Rc::new(machine.state.clone()));
            if !self.step(&mut machine, k, path.edit_of(&self.steps[k])) {
                path.failed.insert(k);
            }
            path.k += 1;
            for &unit in &self.done[k] {
                self.choose(path, unit, point, &mut machine, others.as_deref_mut());
            }
            machine.state.compact();
            if path.cost > before + 1e-9 {
                break;
            }
        }
        path.state = machine.state;
        path.k == self.steps.len()
    }

    /// Judges a unit: the path goes on with the cheapest choice, and others are added.
    fn choose(
        &self,
        path: &mut Path,
        unit: usize,
        point: &Point,
        machine: &mut Machine<'static, 'a>,
        others: Option<&mut Vec<Path>>,
    ) {
        let value = self.get(machine, &self.units[unit].key);
        let mut options: Vec<(f64, Option<Fix>, Option<(Want, f64)>)> = Vec::new();
        let read: Vec<f64> = self.units[unit].reads.iter().filter_map(|read| path.scales.get(read).copied()).collect();
        let wrong = self.price_of_wrong(path, unit);
        let adjoints = &point.adjoints;
        let own = self.signs[unit];
        match &self.roles[unit] {
            Role::Final(want) => {
                if self.is(&value, want, own, adjoints) {
                    path.known.insert(unit, want.clone());
                    path.scales.insert(unit, own);
                    return;
                }
                options.push((wrong, Some(Fix::Adjoint(want.clone(), own)), Some((want.clone(), own))));
            }
            Role::Between(wants) => {
                let fits =
                    |want: &&Want| self.is(&value, want, own, adjoints) || self.is_so_far(unit, &value, want, adjoints);
                if let Some(want) = wants.iter().find(fits) {
                    path.known.insert(unit, want.clone());
                    path.scales.insert(unit, own);
                    return;
                }
                // Every turn of a loop is decided as the first one was.
                match path.chosen.get(&self.unit_line(unit)).copied() {
                    Some((false, c, _)) => {
                        if let Some(want) = wants.iter().find(|want| self.is(&value, want, c, adjoints)) {
                            path.known.insert(unit, want.clone());
                            path.scales.insert(unit, c);
                            return;
                        }
                    }
                    Some((true, c, along)) => {
                        let nth = self.nth(unit);
                        let at = if along { Some(nth) } else { wants.len().checked_sub(1 + nth) };
                        if let Some(want) = at.and_then(|at| wants.get(at)).cloned() {
                            let fix = Some(Fix::Adjoint(want.clone(), c));
                            self.settle(path, unit, point, machine, AGAIN, fix, Some((want, c)));
                            return;
                        }
                    }
                    None => {}
                }
                let Unit { is_read, is_last, .. } = self.units[unit];
                let is_dead = !is_read && is_last;
                if !is_read && !is_last {
                    // It is written over before it is read: no matter what it was, and what writes over it is to be looked at.
                    options.push((LOST, None, None));
                }
                let scaled = wants.iter().find_map(|want| Some((want.clone(), self.ratio(&value, want, adjoints)?)));
                match scaled {
                    Some((want, c)) if read.iter().any(|r| (r - c).abs() < 1e-9 * c.abs()) => {
                        path.known.insert(unit, want);
                        path.scales.insert(unit, c);
                        return;
                    }
                    Some((want, c)) if self.is_natural(c) && c > 0.0 => {
                        let price = if read.is_empty() { HEAD_SCALED } else { RESCALED };
                        options.push((price, None, Some((want, c))));
                    }
                    // Of one number every other is a multiple.
                    Some((want, c)) if !is_dead && numbers(&value).len() > 1 => {
                        options.push((OTHER_MEANING, None, Some((want, c))));
                    }
                    _ if is_dead => {}
                    _ => options.push((OTHER_MEANING, None, None)),
                }
                let mut scales = vec![own];
                scales.extend(read.iter().copied());
                if read.is_empty() {
                    scales.extend(self.conventions.iter().copied());
                }
                let mut seen: Vec<f64> = Vec::new();
                for c in scales {
                    if seen.iter().any(|s| (s - c).abs() < 1e-9 * c.abs()) {
                        continue;
                    }
                    seen.push(c);
                    let price = wrong + if c == own || read.contains(&c) { 0.0 } else { 0.15 };
                    for want in self.aligned(unit, wants) {
                        options.push((price, Some(Fix::Adjoint(want.clone(), c)), Some((want.clone(), c))));
                    }
                }
            }
            Role::Unnamed => {
                // A value that the gradient by some node has is taken for that.
                let Owned::Data(x, ..) = &value else { return };
                let is_it = |node: usize| {
                    x.len() > 1 && x.shape() == adjoints[node].shape() && self.is_near(x, &adjoints[node], 1.0)
                };
                let zero = x.iter().all(|&x| x == 0.0);
                if let Some(node) =
                    (0..adjoints.len()).rev().find(|&node| self.names[node].is_some() && !zero && is_it(node))
                {
                    path.known.insert(unit, Want::Node(node));
                    path.scales.insert(unit, 1.0);
                }
                return;
            }
        }
        let mismatch = options.iter().all(|(_, fix, _)| fix.is_some())
            || matches!(options.first(), Some((p, None, _)) if *p >= OTHER_MEANING);
        options.sort_by(|a, b| a.0.total_cmp(&b.0));
        let Some(others) = others else {
            if let Some((price, fix, known)) = options.into_iter().next() {
                self.settle(path, unit, point, machine, price, fix, known);
            }
            return;
        };
        let is_asked = mismatch && !self.feeders(path, unit).is_empty();
        if is_asked {
            // Either may be wrong: the nearer edit decides. Edits are looked for when it is their turn.
            let mut helpers = path.clone();
            helpers.state = machine.state.clone();
            let least = self.feeders(path, unit).into_iter().map(|helper| self.price_of_wrong(path, helper));
            helpers.cost += least.fold(1.0, f64::min) + EDIT * NEAREST;
            helpers.asks = Some(Question::Helpers { unit, before: path.cost, search: None });
            others.push(helpers);
            options.iter_mut().filter(|(_, fix, _)| fix.is_some()).for_each(|(cost, ..)| *cost += EDIT * NEAREST);
        }
        let wants: Vec<(Want, f64)> =
            options.iter().filter(|(_, fix, _)| fix.is_some()).filter_map(|(.., known)| known.clone()).collect();
        let question = |fix: &Option<Fix>| (is_asked && fix.is_some()).then(|| Question::Price(unit, wants.clone()));
        options.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut first = None;
        for (price, fix, known) in options {
            if first.is_none() {
                first = Some((price, fix, known));
                continue;
            }
            let mut other = path.clone();
            other.state = machine.state.clone();
            other.asks = question(&fix);
            let mut fork = self.machine(std::mem::take(&mut other.state));
            self.settle(&mut other, unit, point, &mut fork, price, fix, known);
            other.state = fork.state;
            others.push(other);
        }
        if let Some((price, fix, known)) = first {
            path.asks = question(&fix);
            self.settle(path, unit, point, machine, price, fix, known);
        }
    }

    #[allow(clippy::too_many_arguments, reason = "a choice with all that it changes")]
    fn settle(
        &self,
        path: &mut Path,
        unit: usize,
        point: &Point,
        machine: &mut Machine<'static, 'a>,
        price: f64,
        fix: Option<Fix>,
        known: Option<(Want, f64)>,
    ) {
        path.cost += price;
        if let Some((want, c)) = &known {
            let along = matches!(&self.roles[unit], Role::Between(wants) if wants.get(self.nth(unit)) == Some(want));
            path.chosen.entry(self.unit_line(unit)).or_insert((fix.is_some(), *c, along));
        }
        if let Some((want, c)) = known {
            path.known.insert(unit, want);
            path.scales.insert(unit, c);
        }
        if let Some(fix) = fix {
            if let Fix::Adjoint(want, c) = &fix {
                let right = self.wanted(want, *c, point);
                self.set(machine, &self.units[unit].key, &right);
            }
            path.lines.insert(self.unit_line(unit));
            path.fixes.push((unit, fix));
        }
    }

    /// Of the gradients by a name that was assigned several times, those that the backward part comes to at this unit: from the last on.
    fn aligned<'w>(&self, unit: usize, wants: &'w [Want]) -> Vec<&'w Want> {
        if wants.len() == 1 {
            return wants.iter().collect();
        }
        let nth = self.nth(unit);
        let mut found: Vec<&Want> = Vec::new();
        if nth < wants.len() {
            found.push(&wants[wants.len() - 1 - nth]);
            if wants[nth] != *found[0] {
                found.push(&wants[nth]);
            }
        }
        found
    }

    /// How many times a unit's name was given a new value before it; what goes on in the same array or sum is no new one.
    fn nth(&self, unit: usize) -> usize {
        let key = &self.units[unit].key;
        let is_new = |other: &Unit| {
            let begins = other.members[0];
            other.key == *key && !self.touched[begins].writes.iter().any(|(own, goes_on)| own == key && *goes_on)
        };
        self.units[..=unit].iter().filter(|other| is_new(other)).count().saturating_sub(1)
    }

    /// Whether what a unit holds is written to further on.
    fn is_continued(&self, unit: usize) -> bool {
        let key = &self.units[unit].key;
        let next = self.units[unit + 1..].iter().find(|other| other.key == *key);
        next.is_some_and(|next| self.touched[next.members[0]].writes.iter().any(|(own, on)| own == key && *on))
    }

    /// Whether a unit's value is a gradient times a number, or is it as far as it is filled.
    pub fn fits(&self, unit: usize, value: &Owned, want: &Want, c: f64, adjoints: &[Tensor<f64>]) -> bool {
        self.is(value, want, c, adjoints) || c == 1.0 && self.is_so_far(unit, value, want, adjoints)
    }

    /// Whether an array that is filled further on is right as far as it is filled.
    fn is_so_far(&self, unit: usize, value: &Owned, want: &Want, adjoints: &[Tensor<f64>]) -> bool {
        let goes_on = self.is_continued(unit);
        let (true, Owned::Data(x, ..), Want::Node(node)) = (goes_on, value, want) else { return false };
        let y = &adjoints[*node];
        let there = |i: usize| {
            x.as_slice()[i] == 0.0 || (x.as_slice()[i] - y.as_slice()[i]).abs() <= NEAR * y.as_slice()[i].abs()
        };
        x.shape() == y.shape() && x.iter().any(|&x| x != 0.0) && (0..x.len()).all(there)
    }

    /// Helpers that a unit hangs on, nearest first.
    fn feeders(&self, path: &Path, unit: usize) -> Vec<usize> {
        let mut found = Vec::new();
        let mut stack: Vec<usize> = self.units[unit].reads.clone();
        while let Some(read) = stack.pop() {
            let is_fixed = path.fixes.iter().any(|(fixed, _)| *fixed == read);
            let is_known = path.known.contains_key(&read);
            if found.contains(&read) || is_fixed || is_known && !matches!(self.roles[read], Role::Unnamed) {
                continue;
            }
            found.push(read);
            // What happens to be the gradient by something was computed rightly up to there.
            if !is_known {
                stack.extend(&self.units[read].reads);
            }
        }
        // A statement in a loop is one, and its first turn stands for it.
        found.sort_unstable();
        let mut lines = HashSet::new();
        found.retain(|&unit| lines.insert(self.unit_line(unit)));
        // What is computed again as in the forward part is not where one looks.
        let again = |line: usize| self.forward.contains(self.source.lines().nth(line - 1).unwrap_or("").trim());
        let stands_in = |k: usize| statement(&self.steps[k]).map_or_else(|| self.line(k), |stmt| stmt.line);
        found.retain(|&unit| !self.units[unit].members.iter().all(|&k| again(stands_in(k))));
        found.reverse();
        found
    }

    /// The price of the nearest edit of a unit that gives what it should come to.
    fn nearest_edit(&self, path: &Path, unit: usize, point: &Point, wants: &[(Want, f64)]) -> Option<f64> {
        let mut trial = Trial::new(self, unit, &path.snaps, point, wants);
        let until = self.units[unit].members.last().copied().unwrap_or(0);
        let edits = edits::of_unit(self, unit, &path.snaps, until);
        edits.iter().find(|edit| trial.fits(edit)).map(|edit| edit.cost)
    }

    /// What the unit may come to.
    fn wants(&self, unit: usize) -> Vec<Want> {
        match &self.roles[unit] {
            Role::Final(want) => vec![want.clone()],
            Role::Between(wants) => wants.clone(),
            Role::Unnamed => Vec::new(),
        }
    }

    /// The edits of all helpers of a unit, the nearest first.
    fn helpers(&self, path: &Path, unit: usize, point: &Point) -> Search {
        let until = self.units[unit].members.last().copied().unwrap_or(0);
        let mut edits: Vec<(usize, Edit)> = Vec::new();
        for helper in self.feeders(path, unit) {
            if self.units[helper].members[0] < path.snaps.len() {
                let all = edits::of_unit(self, helper, &path.snaps, until);
                edits.extend(all.into_iter().filter(|edit| edit.cost < UNKNOWN).map(|edit| (helper, edit)));
            }
        }
        edits.sort_by(|a, b| a.1.cost.total_cmp(&b.1.cost));
        let (wants, own) = (self.wants(unit), self.signs[unit]);
        let read = self.units[unit].reads.iter().filter_map(|read| path.scales.get(read).copied());
        let scales: Vec<f64> = std::iter::once(own).chain(read).collect();
        let mut targets: Vec<Owned> =
            wants.iter().flat_map(|want| scales.iter().map(move |&c| self.wanted(want, c, point))).collect();
        if self.is_continued(unit) {
            let so_far = targets.iter().map(|target| self.so_far(path, unit, target)).collect::<Vec<_>>();
            targets.extend(so_far);
        }
        Search { edits, next: 0, slopes: Slopes::new(self, path, unit, point, &targets) }
    }

    /// What an array should hold that is filled further on: 0 where it is not filled yet.
    fn so_far(&self, path: &Path, unit: usize, whole: &Owned) -> Owned {
        match (whole, path.value_after(self, unit)) {
            (Owned::Data(x, kind, python), Owned::Data(now, ..)) if x.shape() == now.shape() => {
                let mut x = x.clone();
                x.as_mut_slice().iter_mut().zip(now.iter()).filter(|(_, now)| **now == 0.0).for_each(|(x, _)| *x = 0.0);
                Owned::Data(x, *kind, *python)
            }
            (other, _) => other.clone(),
        }
    }

    /// The paths in which a helper is wrong by an edit, and not the statement that it feeds: by the next edits, which are about as near.
    fn explained_by_helpers(&self, path: &Path, unit: usize, point: &Point, search: &mut Search) -> Vec<Path> {
        let mut found = Vec::new();
        let wants = self.wants(unit);
        let until = self.units[unit].members.last().copied().unwrap_or(0);
        let read: Vec<f64> = self.units[unit].reads.iter().filter_map(|read| path.scales.get(read).copied()).collect();
        let own = self.signs[unit];
        let known = |value: &Owned| {
            wants.iter().find_map(|want| {
                if self.fits(unit, value, want, own, &point.adjoints) {
                    return Some((want.clone(), own));
                }
                let c = self.ratio(value, want, &point.adjoints)?;
                let scaled =
                    !matches!(self.roles[unit], Role::Final(_)) && read.iter().any(|r| (r - c).abs() < 1e-9 * c.abs());
                scaled.then(|| (want.clone(), c))
            })
        };
        let mut forecast = Forecast::new(self, path, unit, point, &mut search.slopes);
        // About as near is what another choice would not come before.
        let up_to = search.edits.get(search.next).map_or(0.0, |(_, edit)| edit.cost + ABOUT_AS_NEAR);
        while let Some((helper, edit)) = search.edits.get(search.next).filter(|(_, edit)| edit.cost < up_to) {
            if self.work.get() > self.most_work() || self.is_late.get() {
                break;
            }
            search.next += 1;
            let from = self.units[*helper].members[0];
            if !forecast.allows(edit, from, until) {
                continue;
            }
            let fix = Fix::Edit(edit.clone());
            let Some((state, snaps)) = self.rerun(&path.snaps[from], from, until, path, Some((*helper, &fix)), point)
            else {
                continue;
            };
            let machine = self.machine(state);
            let Some((want, c)) = known(&self.get(&machine, &self.units[unit].key)) else { continue };
            let mut other = path.clone();
            let of_all = if edit.is_of_all() { LIKE_ANOTHER } else { 0.0 };
            other.cost += self.price_of_wrong(path, *helper) + of_all + EDIT * edit.cost;
            other.snaps.truncate(from);
            other.snaps.extend(snaps);
            other.state = machine.state;
            other.known.insert(unit, want);
            other.scales.insert(unit, c);
            other.lines.insert(self.unit_line(*helper));
            other.fixes.push((*helper, fix));
            found.push(other);
        }
        found
    }

    /// Runs steps again, with what a path decided and one fix more; none where that makes a step fail that did not.
    pub fn rerun(
        &self,
        from_state: &State<'static>,
        from: usize,
        until: usize,
        path: &Path,
        more: Option<(usize, &Fix)>,
        point: &Point,
    ) -> Option<(State<'static>, Vec<Rc<State<'static>>>)> {
        let mut machine = self.machine(from_state.clone());
        let mut snaps = Vec::new();
        let fixes: Vec<(usize, &Fix)> = path.fixes.iter().map(|(unit, fix)| (*unit, fix)).chain(more).collect();
        for k in from..=until {
            if self.is_late.get() {
                return None;
            }
            snaps.push(Rc::new(machine.state.clone()));
            let edit = fixes.iter().find_map(|(_, fix)| match fix {
                Fix::Edit(edit) if is_edited(&self.steps[k], edit) => Some(edit),
                _ => None,
            });
            if !self.step(&mut machine, k, edit) && more.is_some() && !path.failed.contains(&k) {
                return None;
            }
            for unit in &self.done[k] {
                for (fixed, fix) in &fixes {
                    if let (true, Fix::Adjoint(want, c)) = (fixed == unit, fix) {
                        let right = self.wanted(want, *c, point);
                        self.set(&mut machine, &self.units[*unit].key, &right);
                    }
                }
            }
        }
        Some((machine.state, snaps))
    }

    /// Whether what a path says of its units is so at a point.
    pub fn holds(&self, path: &Path, point: &Point) -> bool {
        (0..self.units.len()).all(|unit| match (path.known.get(&unit), path.scales.get(&unit)) {
            (Some(want), Some(c)) if !matches!(self.roles[unit], Role::Unnamed) => {
                self.fits(unit, &path.value_after(self, unit), want, *c, &point.adjoints)
            }
            _ => true,
        })
    }

    /// Whether all is right at a point with an edit in place of what a path decided of its statements.
    pub fn mends(&self, path: &Path, unit: usize, edit: &Edit, point: &Point) -> bool {
        let mut other = path.clone();
        let is_covered = |unit: usize| self.units[unit].members.iter().any(|&k| is_edited(&self.steps[k], edit));
        other.fixes.retain(|(fixed, _)| !is_covered(*fixed));
        other.fixes.push((unit, Fix::Edit(edit.clone())));
        let run = self.rerun(&point.state, 0, self.steps.len() - 1, &other, None, point);
        run.is_some_and(|(state, snaps)| self.holds(&other.elsewhere(state, snaps), point))
    }

    /// What a unit comes to with an edit, from the states before its members.
    pub fn evaluated(&self, unit: usize, edit: &Edit, snaps: &[Rc<State<'static>>]) -> Option<Owned> {
        let Unit { key, members, .. } = &self.units[unit];
        let mut value: Option<Owned> = None;
        for &k in members {
            let mut machine = self.machine((**snaps.get(k)?).clone());
            if let Some(value) = &value {
                self.set(&mut machine, key, value);
            }
            if !self.step(&mut machine, k, Some(edit)) {
                return None;
            }
            value = Some(self.get(&machine, key));
        }
        value
    }
}

/// Whether a statement does nothing but give one name a value.
pub(super) fn is_plain(stmt: &Stmt) -> bool {
    matches!(&stmt.kind, StmtKind::Assign(targets, _) if matches!(&targets[..], [x] if matches!(x.node, Node::Name(_))))
}

struct Entry {
    cost: f64,
    k: usize,
    at: usize,
}
impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        // The cheapest first, then the one that is farthest, then the oldest.
        other.cost.total_cmp(&self.cost).then(self.k.cmp(&other.k)).then(other.at.cmp(&self.at))
    }
}

/// The statement of a step, where it is one, or the end of one that calls a function.
pub(super) fn statement(step: &Step) -> Option<&Rc<Stmt>> {
    match step {
        Step::Run(stmt) | Step::Leave(_, stmt) => Some(stmt),
        _ => None,
    }
}

/// The state in which a step's statement is run.
pub(super) fn state_of(step: &Step, state: &State<'static>) -> State<'static> {
    let mut state = state.clone();
    if matches!(step, Step::Leave(..)) {
        state.frames.pop();
    }
    state
}

/// For those that look at arrays of a state.
pub(super) fn shape_of(state: &State<'static>, array: &Array<'static>) -> Vec<usize> {
    state.heap.shape(array)
}
