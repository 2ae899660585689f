//! What a gradient comes to where a helper before it has another value, without running all that lies between.
//!
//! Backward passes are mostly affine in what they pass on: a gradient is then a sum of the helper's numbers times fixed ones. Those are had from as
//! many runs as the helper has numbers; each of a thousand edits is then one statement and one sum, not a run of its own. Where the
//! gradient is not affine in the helper nothing is said, and the edit is run.

use super::edits::Edit;
use super::judge::{Judge, Path, Point, is_edited, is_plain, statement};
use super::units::Key;
use super::values::{Owned, numbers, owned};
use crate::tensor::Tensor;
use crate::text::number::Kind;
use crate::text::run::{Machine, Step};
use crate::text::syntax::StmtKind;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// The most numbers of a helper that are moved one by one.
const MOST: usize = 128;
/// How near the forecast has to come for an edit to be run, relative to the largest summand.
const NEAR: f64 = 1e-7;

/// What a unit comes to, by what a step before it leaves.
struct Slope {
    key: Key,
    /// What the step leaves as it stands.
    stands: Vec<f64>,
    /// What the unit's number moves by, for each number that the step leaves.
    by: Vec<f64>,
}

/// The unit as it stands, as one number, and that of each gradient it may be; how it moves with each step, as far as that was asked.
pub(super) struct Slopes {
    base: Option<f64>,
    targets: Vec<f64>,
    of: HashMap<usize, Option<Rc<Slope>>>,
}

pub(super) struct Forecast<'s, 'a> {
    judge: &'s Judge<'a>,
    path: &'s Path,
    unit: usize,
    point: &'s Point,
    slopes: &'s mut Slopes,
    /// For each step the machine before it, in which expressions are computed.
    machines: HashMap<usize, Machine<'static, 'a>>,
}

/// All numbers of a value as one, which another value hardly shares.
fn as_one(x: &[f64]) -> f64 {
    let weight = |i: usize| ((i + 1) as f64 * 0.754_877_666_246_692_8).fract() + 0.1;
    x.iter().enumerate().map(|(i, x)| weight(i) * x).sum()
}

impl Slopes {
    /// For what a unit may come to.
    pub fn new(judge: &Judge<'_>, path: &Path, unit: usize, point: &Point, targets: &[Owned]) -> Self {
        let targets = targets.iter().map(|value| as_one(&numbers(value))).collect();
        let mut slopes = Self { base: None, targets, of: HashMap::new() };
        let until = judge.units[unit].members.last().copied().unwrap_or(0);
        slopes.base = Forecast::new(judge, path, unit, point, &mut slopes).run(until, None);
        slopes
    }
}

impl<'s, 'a> Forecast<'s, 'a> {
    pub fn new(judge: &'s Judge<'a>, path: &'s Path, unit: usize, point: &'s Point, slopes: &'s mut Slopes) -> Self {
        Self { judge, path, unit, point, slopes, machines: HashMap::new() }
    }

    /// Whether an edit may give the unit one of its values; true where that is not known.
    pub fn allows(&mut self, edit: &Edit, from: usize, until: usize) -> bool {
        let Some(base) = self.slopes.base else { return true };
        let judge = self.judge;
        let edited: Vec<usize> = (from..=until).filter(|&k| is_edited(&judge.steps[k], edit)).collect();
        if edited.is_empty() || edited.last() == Some(&until) || self.are_chained(&edited) {
            return true;
        }
        let (mut value, mut size) = (base, base.abs());
        for &k in &edited {
            if !self.slopes.of.contains_key(&k) {
                let slope = self.slope(k, until, base).map(Rc::new);
                self.slopes.of.insert(k, slope);
            }
            let Some(slope) = self.slopes.of[&k].clone() else { return true };
            // A statement that fails gives nothing.
            let Some(x) = self.edited(k, edit, &slope.key) else { return false };
            if x.len() != slope.stands.len() {
                return true;
            }
            for ((x, stands), by) in x.iter().zip(&slope.stands).zip(&slope.by) {
                let moves = (x - stands) * by;
                value += moves;
                size = size.max(moves.abs());
            }
        }
        let near = |target: &f64| (value - target).abs() <= NEAR * (size + target.abs());
        !value.is_finite() || self.slopes.targets.iter().any(near)
    }

    /// Whether one of these steps reads what another of them leads to.
    fn are_chained(&self, edited: &[usize]) -> bool {
        let touched = self.judge.touched;
        edited.iter().enumerate().any(|(i, &k)| {
            let mut moved: HashSet<&Key> = touched[k].writes.iter().map(|(key, _)| key).collect();
            let Some(&last) = edited.get(i + 1..).and_then(|rest| rest.last()) else { return false };
            (k + 1..=last).any(|k| {
                let reads = touched[k].reads.iter().any(|key| moved.contains(key));
                for (key, goes_on) in &touched[k].writes {
                    if reads {
                        moved.insert(key);
                    } else if !goes_on {
                        moved.remove(key);
                    }
                }
                reads && edited.contains(&k)
            })
        })
    }

    /// What a step leaves with an edit, all else as it stands.
    fn edited(&mut self, k: usize, edit: &Edit, key: &Key) -> Option<Vec<f64>> {
        let judge = self.judge;
        let stmt = statement(&judge.steps[k]).and_then(|stmt| edit.instead_of(stmt))?;
        if is_plain(stmt)
            && matches!(judge.steps[k], Step::Run(_))
            && let StmtKind::Assign(_, value) = &stmt.kind
        {
            if !judge.may_go_on() {
                return None;
            }
            let snaps = &self.path.snaps;
            let machine = self.machines.entry(k).or_insert_with(|| judge.machine((*snaps[k]).clone()));
            let cells = machine.state.heap.cells.len();
            machine.rewind_limits();
            let value = machine.eval(value).ok();
            let found = value.map(|value| numbers(&owned(machine, &value)));
            machine.state.heap.cells.truncate(cells);
            return found;
        }
        let mut machine = judge.machine((*self.path.snaps[k]).clone());
        judge.step(&mut machine, k, Some(edit)).then(|| numbers(&judge.get(&machine, key)))
    }

    /// The unit as one number, where a step leaves another value.
    fn run(&self, k: usize, instead: Option<(&Key, &Owned)>) -> Option<f64> {
        let (judge, until) = (self.judge, self.judge.units[self.unit].members.last().copied()?);
        let from = if instead.is_some() { k + 1 } else { k };
        let mut state = (**self.path.snaps.get(from)?).clone();
        if let Some((key, value)) = instead {
            let mut machine = judge.machine(state);
            judge.set(&mut machine, key, value);
            state = machine.state;
        }
        let (state, _) = judge.rerun(&state, from, until, self.path, None, self.point)?;
        let value = as_one(&numbers(&judge.get(&judge.machine(state), &judge.units[self.unit].key)));
        value.is_finite().then_some(value)
    }

    /// How the unit moves with what a step leaves, if it is affine in that.
    fn slope(&self, k: usize, until: usize, base: f64) -> Option<Slope> {
        let judge = self.judge;
        let [(key, _)] = &judge.touched[k].writes[..] else { return None };
        if k >= until {
            return None;
        }
        let machine = judge.machine((**self.path.snaps.get(k + 1)?).clone());
        let Owned::Data(x, _, python) = judge.get(&machine, key) else { return None };
        if x.len() > MOST || !x.is_finite() {
            return None;
        }
        let size = x.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
        let step = if size > 0.0 { size } else { 1.0 };
        let moved = |x: Tensor<f64>| self.run(k, Some((key, &Owned::Data(x, Kind::Float, python))));
        let mut by = Vec::with_capacity(x.len());
        for i in 0..x.len() {
            let mut other = x.clone();
            other.as_mut_slice()[i] += step;
            by.push((moved(other)? - base) / step);
        }
        // All at once, each by another step.
        let steps: Vec<f64> =
            (0..x.len()).map(|i| step * (((i + 3) as f64 * 0.569_840_290_998_053_3).fract() - 1.2)).collect();
        let mut other = x.clone();
        other.as_mut_slice().iter_mut().zip(&steps).for_each(|(x, step)| *x += step);
        let (mut expected, mut largest) = (base, base.abs());
        for (by, step) in by.iter().zip(&steps) {
            expected += by * step;
            largest = largest.max((by * step).abs());
        }
        let is_affine = (moved(other)? - expected).abs() <= 1e-9 * largest;
        is_affine.then(|| Slope { key: key.clone(), stands: x.to_vec(), by })
    }
}
