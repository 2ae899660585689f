//! What was found, as data, text and JSON.

use super::judge::{Fix, Judge, Path, Point, Role};
use super::names;
use super::values::Owned;
use super::{Drawn, Edit, Points, as_it_stands, correction, followed, is_of, verdict};
use crate::check::Verdict;
use crate::check::report::significant;
use crate::tensor::{Shape, Tensor};
use crate::text::fault::Fault;
use crate::text::run::{Machine, Step};
use crate::text::syntax::{Stmt, StmtKind};
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

/// What a statement of the backward part is.
///
/// # Examples
/// ```
/// use retrograd::text::{CheckOptions, Status, check};
/// let text = "x = 2.0\na = x ** 2\nL = a ** 3\n## backward\nda = 2 * a ** 2\ndx = da * 2 * x";
/// let report = check(text, &CheckOptions::default())?;
/// assert_eq!(report.statements[0].status, Status::Wrong);
/// // What is computed of it is right in itself.
/// assert_eq!(report.statements[1].status, Status::RightGivenWrongInputs);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Nothing hangs on it that is known.
    Unjudged,
    /// It gives the right value.
    Right,
    /// It would give the right value, of right inputs; an earlier statement is wrong.
    RightGivenWrongInputs,
    /// It is wrong.
    Wrong,
}

impl Status {
    /// The word for it in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unjudged => "unjudged",
            Self::Right => "right",
            Self::RightGivenWrongInputs => "right_given_wrong_inputs",
            Self::Wrong => "wrong",
        }
    }
}

/// A statement of the backward part, judged.
///
/// # Examples
/// ```
/// use retrograd::text::{CheckOptions, check};
/// let report = check("x = 2.0\nL = x ** 3\n## backward\ndx = 3 * x", &CheckOptions::default())?;
/// let statement = &report.statements[0];
/// assert_eq!((statement.line, statement.target.as_str()), (4, "dx"));
/// assert_eq!(statement.adjoint_of.as_deref(), Some("x"));
/// assert_eq!(statement.corrected.as_deref(), Some("dx = 3 * x ** 2"));
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Statement {
    /// Its line, from 1 on.
    pub line: usize,
    /// What it assigns.
    pub target: String,
    /// The name of the forward part that it is the gradient by.
    pub adjoint_of: Option<String>,
    /// What it is.
    pub status: Status,
    /// The line as it should be, where it is wrong and that was found: it was run, and gives the right value.
    pub corrected: Option<String>,
    /// What else is to say: a factor, a failure.
    pub note: Option<String>,
}

/// A statement of the forward part, with what it gave.
///
/// # Examples
/// ```
/// use retrograd::text::{CheckOptions, check};
/// let text = "x = np.ones((3, 1))\nd = x - np.ones(3)\nL = (d ** 2).sum()\n## backward\ndd = 2 * d";
/// let report = check(text, &CheckOptions::default())?;
/// // A column less a row is a square: said, for it may not be meant.
/// assert_eq!(report.forward[1].shape, [3, 3]);
/// assert!(report.forward[1].note.is_some());
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Line {
    /// Its line, from 1 on.
    pub line: usize,
    /// The name that it assigns.
    pub target: String,
    /// The shape of the value.
    pub shape: Vec<usize>,
    /// The value, shortened.
    pub value: String,
    /// What was stretched: `- made [3, 3] of [3] and [3, 1]`.
    pub note: Option<String>,
}

/// What [`check`](crate::text::check()) found.
///
/// # Examples
/// ```
/// use retrograd::check::Verdict;
/// use retrograd::text::{CheckOptions, check};
/// let report = check("x = 2.0\nL = x ** 3\n## backward\ndx = 3 * x ** 2", &CheckOptions::default())?;
/// assert_eq!((report.verdict, report.value), (Verdict::Agrees, 8.0));
/// assert_eq!(report.to_json()["verdict"], "right");
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Report {
    /// Whether the backward part is right; inconclusive where nothing could be judged.
    pub verdict: Verdict,
    /// The value that is differentiated.
    pub value: f64,
    /// Its name.
    pub loss: String,
    /// The line of the first wrong statement, as they are run.
    pub first_wrong_line: Option<usize>,
    /// The statements of the backward part, by line.
    pub statements: Vec<Statement>,
    /// The statements of the forward part.
    pub forward: Vec<Line>,
    /// The first wrong line as it should be.
    pub corrected: Option<String>,
    /// Why it is undecided, or what else is to say of the whole.
    pub reason: Option<String>,
    /// The forward part as a graph.
    pub(in crate::text) drawn: Option<Drawn>,
}

impl Line {
    /// The line as JSON.
    pub(in crate::text) fn to_json(&self) -> serde_json::Value {
        let Self { line, target, shape, value, note } = self;
        serde_json::json!({ "line": line, "target": target, "shape": shape, "value": value, "note": note })
    }
}

impl Report {
    /// The word for the verdict: `right`, `wrong` or `undecided`.
    pub fn word(&self) -> &'static str {
        match self.verdict {
            Verdict::Agrees => "right",
            Verdict::Differs => "wrong",
            Verdict::Inconclusive => "undecided",
        }
    }

    /// The report as JSON: `verdict`, `value`, `loss`, `first_wrong_line`, `statements` (`line`, `target`, `adjoint_of`, `status`, `corrected`,
    /// `note`), `corrected`, `forward` (`line`, `target`, `shape`, `value`, `note`), `reason`. What there is none of is null.
    pub fn to_json(&self) -> serde_json::Value {
        let statement = |x: &Statement| {
            serde_json::json!({
                "line": x.line, "target": x.target, "adjoint_of": x.adjoint_of, "status": x.status.word(),
                "corrected": x.corrected, "note": x.note,
            })
        };
        serde_json::json!({
            "verdict": self.word(),
            "value": self.value,
            "loss": self.loss,
            "first_wrong_line": self.first_wrong_line,
            "statements": self.statements.iter().map(statement).collect::<Vec<_>>(),
            "corrected": self.corrected,
            "forward": self.forward.iter().map(Line::to_json).collect::<Vec<_>>(),
            "reason": self.reason,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let judged = self.statements.iter().filter(|x| x.status != Status::Unjudged).count();
        match self.verdict {
            Verdict::Agrees => write!(f, "right: all of the {judged} statements that were judged")?,
            Verdict::Differs => {
                let n = self.statements.iter().filter(|x| x.status == Status::Wrong).count();
                write!(f, "wrong: {}", if n == 1 { "one statement".into() } else { format!("{n} statements") })?;
                if let Some(line) = self.first_wrong_line {
                    write!(f, ", the first in line {line}")?;
                }
            }
            Verdict::Inconclusive => f.write_str("undecided")?,
        }
        writeln!(f, "; {} = {}", self.loss, significant(self.value, 6))?;
        if let Some(reason) = &self.reason {
            writeln!(f, "{reason}")?;
        }
        if !self.forward.is_empty() {
            writeln!(f, "\nforward")?;
            let width = self.forward.iter().map(|x| x.target.chars().count()).max().unwrap_or(0);
            for line in &self.forward {
                let shape = Shape::new(&line.shape).map_or(String::new(), |shape| format!("{shape}"));
                write!(f, "  {:4}  {:width$}  {shape:8}  {}", line.line, line.target, line.value)?;
                writeln!(f, "{}", line.note.as_ref().map_or(String::new(), |note| format!("   ({note})")))?;
            }
        }
        writeln!(f, "\nbackward")?;
        let width = self.statements.iter().map(|x| x.target.chars().count()).max().unwrap_or(0);
        for x in &self.statements {
            let word = match x.status {
                Status::Unjudged => "not judged",
                Status::Right => "right",
                Status::RightGivenWrongInputs => "right, of wrong inputs",
                Status::Wrong => "WRONG",
            };
            let by = x.adjoint_of.as_ref().map_or(String::new(), |of| format!(", the gradient by {of}"));
            let note = x.note.as_ref().map_or(String::new(), |note| format!(" ({note})"));
            writeln!(f, "  {:4}  {:width$}  {word}{by}{note}", x.line, x.target)?;
            if let Some(line) = &x.corrected {
                for line in line.lines() {
                    writeln!(f, "        should be: {}", line.trim_start())?;
                }
            }
        }
        Ok(())
    }
}

/// A value in a few words.
fn short(x: &Tensor<f64>) -> String {
    let few: Vec<String> = x.iter().take(4).map(|x| without_zeros(significant(*x, 5))).collect();
    match x.shape().rank() {
        0 => few[0].clone(),
        _ if x.len() > 4 => format!("[{}, ..]", few.join(", ")),
        _ => format!("[{}]", few.join(", ")),
    }
}

/// A number without the zeros at its end that say nothing: a count is `5`.
fn without_zeros(number: String) -> String {
    match number.contains('.') && !number.contains('e') {
        true => number.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => number,
    }
}

/// What the statements of the forward part gave, from the names at its end and as they were assigned.
pub(in crate::text) fn forward_lines(body: &[Stmt], machine: &Machine<'_, '_>) -> Vec<Line> {
    let mut found: Vec<Line> = Vec::new();
    let mut recorded = HashMap::new();
    for (name, vars, _, line) in machine.assigned.iter().filter(|(_, _, is_list, _)| !is_list) {
        recorded.entry((&**name, *line)).or_insert(vars[0]);
    }
    let mut stretched: HashMap<usize, &String> = HashMap::new();
    for (line, note) in &machine.stretched {
        stretched.entry(*line).or_insert(note);
    }
    for stmt in body {
        let StmtKind::Assign(targets, _) = &stmt.kind else { continue };
        for target in targets {
            let crate::text::syntax::Node::Name(name) = &target.node else { continue };
            let value = match recorded.get(&(&**name, stmt.line)) {
                Some(var) => Some(var.value()),
                None => machine.look_up(name).and_then(|value| machine.operand(&value).ok()).map(|x| x.data.value()),
            };
            let Some(value) = value else { continue };
            let note = stretched.get(&stmt.line).map(|note| (*note).clone());
            found.push(Line {
                line: stmt.line,
                target: name.to_string(),
                shape: value.shape().to_vec(),
                value: short(&value),
                note,
            });
        }
    }
    found
}

#[allow(clippy::too_many_arguments, reason = "all that a report is made from")]
pub(super) fn made(judge: &Judge<'_>, points: &Points<'_>, path: Path, by: &HashMap<Rc<str>, Rc<str>>) -> Report {
    let here = points.here;
    let stands = as_it_stands(judge, &here.point);
    // Where the same decisions explain all: a correction has to hold there as well.
    let elsewhere = points.beside.iter().copied().chain(&points.far);
    let others: Vec<(Path, &Point)> = elsewhere
        .filter_map(|at| Some((followed(judge, &path, &at.point)?, &at.point)))
        .filter(|(path, point)| judge.holds(path, point))
        .collect();
    let mut wrong: Vec<(usize, usize, Option<Edit>)> = Vec::new();
    for (unit, _) in &path.fixes {
        let edit = correction(judge, *unit, &path, &here.point, &others);
        let step = match &edit {
            Some(edit) => judge.units[*unit].members.iter().copied().find(|&k| match &judge.steps[k] {
                Step::Run(stmt) | Step::Leave(_, stmt) => edit.instead_of(stmt).is_some(),
                _ => false,
            }),
            None => judge.culprit(*unit, &path, &here.point),
        };
        wrong.push((*unit, step.unwrap_or(judge.units[*unit].members[0]), edit));
    }
    // What is in the text, in the order of lines; a statement in a loop once.
    let mut found: Vec<(Statement, usize)> = Vec::new();
    let feeds = judge.feeding(&path);
    for (unit, info) in judge.units.iter().enumerate() {
        let fixed = wrong.iter().find(|(fixed, ..)| *fixed == unit);
        let right = path.value_after(judge, unit);
        let name = match path.known.get(&unit) {
            Some(want) => judge.name_of(want).or_else(|| by.get(&info.key.1).map(|of| of.to_string())),
            None => {
                by.get(&info.key.1).map(|of| of.to_string()).filter(|_| !matches!(judge.roles[unit], Role::Unnamed))
            }
        };
        for &k in &info.members {
            // What is said of several statements was found for one of them.
            let of_all = wrong.iter().find_map(|(.., edit)| {
                let stmt = super::judge::statement(&judge.steps[k])?;
                edit.as_ref()?.text(stmt, judge.source)
            });
            let is_culprit = of_all.is_some()
                || fixed.is_some_and(|(_, step, _)| *step == k || same_statement(&judge.steps[*step], &judge.steps[k]));
            let status = if is_culprit {
                Status::Wrong
            } else if path.known.contains_key(&unit) || fixed.is_some() || feeds[unit] {
                match judge.same(&stands[unit], &right) || fixed.is_some() {
                    true => Status::Right,
                    false => Status::RightGivenWrongInputs,
                }
            } else {
                Status::Unjudged
            };
            let note = match info.is_after {
                true => Some("made of a gradient that is complete".to_owned()),
                false => note(judge, &path, unit, k, is_culprit),
            };
            // A call that is wrong is so where it stands, and not where its function ends.
            let called = super::judge::statement(&judge.steps[k]).filter(|_| of_all.is_some());
            let line = called.map_or_else(|| judge.line(k), |stmt| stmt.line);
            let target = match called {
                Some(stmt) => target(&Step::Run(stmt.clone()), judge.source),
                None => target(&judge.steps[k], judge.source),
            };
            let new = Statement { line, target, adjoint_of: name.clone(), status, corrected: of_all, note };
            match found.iter_mut().find(|(old, _)| old.line == line && old.target == new.target) {
                Some((old, _)) if new.status > old.status => *old = new,
                Some(_) => {}
                None => found.push((new, k)),
            }
        }
    }
    let first = found.iter().filter(|(x, _)| x.status == Status::Wrong).min_by_key(|(_, k)| *k).map(|(x, _)| x.clone());
    let judged = found.iter().any(|(x, _)| x.status != Status::Unjudged && x.adjoint_of.is_some());
    let mut statements: Vec<Statement> = found.into_iter().map(|(x, _)| x).collect();
    statements.sort_by_key(|x| x.line);
    let mut verdict = verdict(first.is_some(), judged);
    let mut reason = None;
    if first.is_some()
        && let Some(beside) = points.beside
        && judge.is_right_at(&beside.point)
        && points.is_choice(judge, &stands)
    {
        verdict = Verdict::Inconclusive;
        for statement in statements.iter_mut().filter(|x| x.status >= Status::RightGivenWrongInputs) {
            (statement.status, statement.corrected) = (Status::Unjudged, None);
            statement.note = Some("a choice where two pieces meet".to_owned());
        }
        reason = Some("beside this point all statements are right: the point is where two pieces of the function meet, and which derivative to take there is a choice".to_owned());
    }
    // What looks like a gradient by its name, and was not judged, may be anything.
    let like: Vec<String> = statements
        .iter()
        .filter(|x| x.status == Status::Unjudged && x.note.is_none())
        .filter(|x| {
            let by = names::like_one_by(&x.target, &here.names_assigned);
            by.is_some_and(|by| !is_element(judge, here, &stands, &x.target, &by))
        })
        .map(|x| format!("{} in line {}", x.target, x.line))
        .collect();
    if verdict == Verdict::Agrees && !like.is_empty() {
        verdict = Verdict::Inconclusive;
        let which = like.join(", ");
        reason =
            Some(format!("all else is right, and not judged: {which}; say what it is the gradient by: # check g = W"));
    }
    if !judged && first.is_none() {
        reason = Some("no statement of the backward part could be told to be a gradient".to_owned());
    }
    let is_wrong = verdict == Verdict::Differs;
    Report {
        verdict,
        value: here.value,
        loss: here.loss.clone(),
        first_wrong_line: first.as_ref().filter(|_| is_wrong).map(|x| x.line),
        corrected: first.filter(|_| is_wrong).and_then(|x| x.corrected),
        statements,
        forward: here.lines.clone(),
        reason,
        drawn: here.drawn.clone(),
    }
}

/// Whether a number of this name is in the end an element of the gradient by an array: `dw0` of that by `w`.
fn is_element(judge: &Judge<'_>, here: &super::Forward, stands: &[Owned], name: &str, by: &str) -> bool {
    let unit = judge.units.iter().rposition(|unit| &*unit.key.1 == name);
    let (Some(Owned::Data(x, ..)), Some(super::Want::Node(node))) =
        (unit.map(|unit| &stands[unit]), here.wants.get(by).and_then(|all| all.last()))
    else {
        return false;
    };
    x.len() == 1 && here.point.adjoints[*node].iter().any(|y| (x.item() - y).abs() <= 1e-9 * y.abs())
}

fn same_statement(a: &Step, b: &Step) -> bool {
    match b {
        Step::Run(stmt) => is_of(a, stmt),
        _ => false,
    }
}

/// What a step assigns, as it stands in the text.
fn target(step: &Step, source: &str) -> String {
    let of = |stmt: &Stmt| match &stmt.kind {
        StmtKind::Assign(targets, _) => source[targets[0].span.start..targets[0].span.end].to_owned(),
        StmtKind::Update(target, ..) => source[target.span.start..target.span.end].to_owned(),
        _ => source[stmt.span.start..stmt.span.end].lines().next().unwrap_or("").to_owned(),
    };
    match step {
        Step::Run(stmt) => of(stmt),
        Step::Leave(Some(value), _) => format!("return {}", &source[value.span.start..value.span.end]),
        Step::Leave(None, stmt) => of(stmt),
        Step::Bind(..) | Step::Enter(..) => String::new(),
    }
}

fn note(judge: &Judge<'_>, path: &Path, unit: usize, k: usize, is_culprit: bool) -> Option<String> {
    if is_culprit && let Some(fault) = failure(judge, path, k) {
        return Some(format!("it cannot be computed: {}", fault.message()));
    }
    let c = path.scales.get(&unit).copied()?;
    if (c - 1.0).abs() < 1e-9 || is_culprit {
        return None;
    }
    Some(format!("times {}", significant(c, 6)))
}

/// Why a step fails, of right inputs.
fn failure(judge: &Judge<'_>, path: &Path, k: usize) -> Option<Fault> {
    let mut machine = judge.machine((**path.snaps.get(k)?).clone());
    machine.replay(&judge.steps[k]).err()
}

impl Path {
    /// What a unit that is wrong comes to as it stands, of right inputs.
    pub fn before(&self, judge: &Judge<'_>, unit: usize) -> Owned {
        let mut value = Owned::Other;
        for (i, &k) in judge.units[unit].members.iter().enumerate() {
            let Some(state) = self.snaps.get(k) else { return Owned::Other };
            let mut machine = judge.machine((**state).clone());
            if i > 0 {
                judge.set(&mut machine, &judge.units[unit].key, &value);
            }
            if !judge.step(&mut machine, k, None) {
                return Owned::Other;
            }
            value = judge.get(&machine, &judge.units[unit].key);
        }
        value
    }

    /// What a unit came to on this path.
    pub fn value_after(&self, judge: &Judge<'_>, unit: usize) -> Owned {
        let Some(&last) = judge.units[unit].members.last() else { return Owned::Other };
        let state = match self.snaps.get(last + 1) {
            Some(state) => (**state).clone(),
            None => self.end(),
        };
        let machine = judge.machine(state);
        judge.get(&machine, &judge.units[unit].key)
    }
}

impl Judge<'_> {
    /// The name of the forward part that a gradient is by.
    fn name_of(&self, want: &super::Want) -> Option<String> {
        match want {
            super::Want::Node(node) => self.names[*node].clone(),
            super::Want::List(_) => None,
        }
    }

    /// Which units something known is computed from.
    fn feeding(&self, path: &Path) -> Vec<bool> {
        let mut feeds = vec![false; self.units.len()];
        // From what is complete last: a sum that a loop goes on with begins before what it is made of.
        let mut order: Vec<usize> = (0..self.units.len()).collect();
        order.sort_by_key(|&unit| std::cmp::Reverse(self.units[unit].members.last().copied()));
        for unit in order {
            let info = &self.units[unit];
            let is_known = path.known.contains_key(&unit)
                || path.fixes.iter().any(|(fixed, fix)| *fixed == unit && matches!(fix, Fix::Edit(_)));
            if is_known || feeds[unit] {
                info.reads.iter().for_each(|&read| feeds[read] = true);
            }
        }
        feeds
    }
}
