//! A forward and a backward part as text: which statement of the backward part is wrong, and what belongs there.
//!
//! The forward part is recorded, and the gradient by each of its values known. The backward part is run step by step from those
//! values; which of its statements are wrong is the shortest explanation (`judge`), and what belongs there a small edit in the person's own syntax
//! (`edits`), held against the right value at the point and at another one beside it before it is shown.

mod built;
mod edits;
mod forecast;
mod judge;
mod names;
mod points;
mod report;
mod siblings;
mod trial;
mod units;
mod values;
mod write;

pub(super) use report::forward_lines;
pub use report::{Line, Report, Statement, Status};

use super::Options;
use super::fault::{Fault, Span};
use super::parse;
use super::run::{Flow, Machine, Step};
use super::syntax::{Expr, Node, Stmt, StmtKind};
use super::value::Value;
use crate::check::Verdict;
use crate::graph::Graph;
use crate::tape::{Id, Tape};
use crate::tensor::Tensor;
use edits::Edit;
use judge::{Fix, Judge, Path, Point, Role, Want};
use points::{Move, Points};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use trial::Trial;
use units::Unit;
use values::Owned;

/// What [`check()`] may do, and what is differentiated.
///
/// # Examples
/// ```
/// use retrograd::text::{CheckOptions, check};
/// let text = "x = 2.0\nL = x ** 2\nshown = round(100 * L) / 100\n## backward\ndx = 2 * x";
/// let options = CheckOptions { loss: Some("L".into()), ..CheckOptions::default() };
/// assert_eq!(check(text, &options)?.first_wrong_line, None);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct CheckOptions {
    /// Bounds of what runs.
    pub run: Options,
    /// The name of the forward part that is differentiated; the last one that it assigns, unless said.
    pub loss: Option<String>,
}

/// The most steps of a backward part that are judged, loops unrolled.
const MOST_STEPS: usize = 5_000;

/// Judges a text with a forward and a backward part.
///
/// The backward part begins after a line `# backward`, or else with the first name that looks like a gradient's: `dW1`, `grad_W1`,
/// `W1_grad`, `delta2`, `nabla_w`; a comment `# check g = W1` says that `g` is the gradient by `W1`. Gradients by what the
/// forward part is given (numbers and arrays that it does not compute) must be right; those by intermediates may have a factor of the person's choice,
/// as `dZ2 = A2 - Y` where the division by m comes later. A statement is judged with right inputs, whatever came before it; a name that
/// several statements build is judged when it is complete.
///
/// # Errors
/// A text that is not of [the language](super#the-language), a forward part that fails or does not end in a number, no backward part, or one
/// that names no gradient.
///
/// # Examples
/// ```
/// use retrograd::text::{CheckOptions, check};
/// let text = "\
/// x = np.array([0.5, -1.0, 2.0])
/// w = np.array([0.3, 0.1, -0.4])
/// z = w @ x
/// a = sigmoid(z)
/// C = (a - 1) ** 2
/// ## backward
/// da = 2 * (a - 1)
/// dz = da * a * (1 + a)
/// dw = dz * x
/// ";
/// let report = check(text, &CheckOptions::default())?;
/// assert_eq!(report.first_wrong_line, Some(8));
/// assert_eq!(report.corrected.as_deref(), Some("dz = da * a * (1 - a)"));
/// # Ok::<(), retrograd::Error>(())
/// ```
pub fn check(text: &str, options: &CheckOptions) -> Result<Report, Fault> {
    checked(text, options).map_err(|fault| fault.in_text(text))
}

/// Names that the text itself assigns, in order, with what loops hold and without what functions do; a name that is given None has no
/// value yet.
fn own_targets(body: &[Stmt], found: &mut Vec<(Rc<str>, usize)>) {
    for stmt in body {
        match &stmt.kind {
            StmtKind::Def(_) => {}
            StmtKind::Assign(_, value) if is_none(value) => {}
            StmtKind::For(_, _, body) => own_targets(body, found),
            StmtKind::If(_, then, otherwise) => {
                own_targets(then, found);
                own_targets(otherwise, found);
            }
            _ => targets(std::slice::from_ref(stmt), found),
        }
    }
}

fn is_none(value: &Expr) -> bool {
    match &value.node {
        Node::None => true,
        Node::Tuple(all) => all.iter().all(|x| is_none(x)),
        _ => false,
    }
}

/// Names that statements assign, in order, with what loops and functions hold.
fn targets(body: &[Stmt], found: &mut Vec<(Rc<str>, usize)>) {
    for stmt in body {
        match &stmt.kind {
            StmtKind::Assign(all, _) => {
                for target in all {
                    match &target.node {
                        Node::Tuple(all) | Node::List(all) => {
                            found.extend(
                                all.iter().filter_map(|x| units::base(x)).map(|name| (name.clone(), stmt.line)),
                            );
                        }
                        _ => found.extend(units::base(target).map(|name| (name.clone(), stmt.line))),
                    }
                }
            }
            StmtKind::Update(target, ..) => found.extend(units::base(target).map(|name| (name.clone(), stmt.line))),
            StmtKind::For(_, _, body) => targets(body, found),
            StmtKind::If(_, then, otherwise) => {
                targets(then, found);
                targets(otherwise, found);
            }
            StmtKind::Def(def) => targets(&def.body, found),
            _ => {}
        }
    }
}

/// The forward part at a point, with what its names are.
struct Forward {
    point: Point,
    /// The gradients by each name, one for each time that it was assigned.
    wants: HashMap<Rc<str>, Vec<Want>>,
    names: Vec<Option<String>>,
    /// What the forward part is given.
    leaves: HashSet<Rc<str>>,
    value: f64,
    loss: String,
    lines: Vec<Line>,
    /// Where nothing was moved.
    drawn: Option<Drawn>,
    largest: f64,
    /// What the text itself assigns.
    names_assigned: Vec<String>,
}

/// The forward part as a graph, and the lines of the statements that its nodes were recorded by.
#[derive(Clone)]
pub(super) struct Drawn {
    pub graph: Graph<f64>,
    pub lines: HashMap<usize, usize>,
    /// Arrays that nothing is differentiated by: their names, the lines that assign them, and the numbers.
    pub data: Vec<(Rc<str>, usize, Tensor<f64>)>,
}

impl std::fmt::Debug for Drawn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} nodes", self.graph.nodes().len())
    }
}

impl Drawn {
    pub fn new(graph: Graph<f64>, machine: &Machine<'_, '_>, body: &[Stmt]) -> Self {
        let lines = machine.lines.iter().filter_map(|(id, line)| Some((graph.find(*id)?.index(), *line))).collect();
        let mut names = Vec::new();
        targets(body, &mut names);
        let data = names.into_iter().filter_map(|(name, line)| {
            let value = machine.look_up(&name)?;
            let plain = machine.operand(&value).ok().filter(|x| !x.data.is_recorded() && x.data.shape().rank() > 0)?;
            Some((name, line, plain.data.value()))
        });
        let data = data.collect();
        Self { graph, lines, data }
    }
}

fn forward(
    body: &[Stmt],
    options: &CheckOptions,
    active: &HashSet<Rc<str>>,
    moved: Option<Move>,
) -> Result<Forward, Fault> {
    let tape = Tape::new();
    let mut machine = Machine::new(Some(&tape), &options.run);
    machine.active = active.clone();
    machine.moved = moved;
    match machine.run(body)? {
        Flow::On => {}
        _ => return Err(Fault::of_all("the forward part ends in the middle")),
    }
    let mut all = Vec::new();
    own_targets(body, &mut all);
    // Each once, where it was assigned last.
    let mut seen = HashSet::new();
    all.reverse();
    all.retain(|(name, _)| seen.insert(name.clone()));
    all.reverse();
    // The last number that depends on something; without one, the last name, of which it is said what is wrong.
    let is_number = |name: &Rc<str>| {
        let value = machine.look_up(name).and_then(|value| machine.operand(&value).ok());
        value.is_some_and(|x| match x.data {
            super::number::Data::Var(var) => var.shape().numel() == 1 && !var.is_constant(),
            _ => false,
        })
    };
    let there: Vec<&Rc<str>> =
        all.iter().map(|(name, _)| name).filter(|name| machine.state.frames[0].contains_key(*name)).collect();
    let loss: Rc<str> = match &options.loss {
        Some(name) => name.as_str().into(),
        None => match there.iter().rev().find(|name| is_number(name)).or(there.last()) {
            Some(name) => (*name).clone(),
            None => {
                return Err(Fault::of_all("the forward part assigns nothing; its last name is what is differentiated"));
            }
        },
    };
    let value = machine.look_up(&loss).ok_or_else(|| {
        let known: Vec<&str> = all.iter().map(|(name, _)| &**name).collect();
        let near = super::run::nearest(&loss, &known).map_or(String::new(), |near| format!("; is {near} meant?"));
        Fault::of_all(format!("the forward part assigns no {loss}{near}"))
    })?;
    let output = machine.operand(&value).map_err(|_| Fault::of_all(format!("{loss} is no number to differentiate")))?;
    if output.data.shape().numel() != 1 {
        let shape = output.data.shape();
        let message =
            format!("{loss} has shape {shape}; what is differentiated is one number: name it with --loss, or sum it");
        return Err(Fault::of_all(message));
    }
    let super::number::Data::Var(output) = output.data else {
        let message = format!(
            "{loss} depends on nothing that the backward part names a gradient by; if another number is differentiated, name it with --loss"
        );
        return Err(Fault::of_all(message));
    };
    if output.is_constant() {
        let message = format!("{loss} is a constant: no gradient is by it; name another with --loss");
        return Err(Fault::of_all(message));
    }
    let output = output.try_reshape(crate::Shape::scalar()).map_err(|error| Fault::of_all(error.to_string()))?;
    if !output.item().is_finite() {
        return Err(Fault::of_all(format!("{loss} is {} at the point", output.item())));
    }
    let graph = Graph::of(output);
    let mut adjoints: Vec<Tensor<f64>> = graph
        .adjoints()
        .map_err(|error| Fault::of_all(error.to_string()))?
        .into_iter()
        .map(|value| value.into_tensor())
        .collect();
    let mut names: Vec<Option<String>> = graph.nodes().iter().map(|node| node.name().map(String::from)).collect();
    // What the final memory of a name is, where it was assigned in parts.
    let in_the_end: Vec<Rc<str>> = all.iter().map(|(name, _)| name.clone()).collect();
    for name in in_the_end {
        if let Some(value) = machine.look_up(&name) {
            let known =
                machine.assigned.iter().rev().find(|(other, ..)| *other == name).map(|(_, vars, ..)| vars.clone());
            machine.note_assigned(&name, &value);
            let last = machine.assigned.last().map(|(_, vars, ..)| vars.clone());
            let same = |a: &[crate::Var<'_, f64>], b: &[crate::Var<'_, f64>]| {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.id() == b.id())
            };
            if let (Some(known), Some(last)) = (known, last)
                && same(&known, &last)
            {
                machine.assigned.pop();
            }
        }
    }
    // An array that is filled element by element: the gradient by each is that by the array as it was when the element was written.
    let mut filled: HashMap<Id, usize> = HashMap::new();
    for (name, vars, is_list, _) in &machine.assigned {
        let Some(Value::Array(array)) = machine.look_up(name) else { continue };
        let writes = machine.state.heap.writes(&array);
        let (false, None, [var], true) = (*is_list, &array.view, &vars[..], writes.len() > 1) else { continue };
        if writes.last().is_none_or(|(last, _)| last.id() != var.id()) {
            continue;
        }
        let mut whole = Tensor::zeros(var.shape());
        for (var, places) in writes {
            let Some(node) = graph.find(var.id()) else { continue };
            for &at in places.iter() {
                whole.as_mut_slice()[at] = adjoints[node.index()].as_slice()[at];
            }
        }
        adjoints.push(whole);
        names.push(Some(name.to_string()));
        filled.insert(var.id(), adjoints.len() - 1);
    }
    let mut extra: HashMap<Id, usize> = HashMap::new();
    let mut wants: HashMap<Rc<str>, Vec<Want>> = HashMap::new();
    for (name, vars, is_list, _) in &machine.assigned {
        let nodes: Vec<usize> = vars
            .iter()
            .map(|var| match graph.find(var.id()) {
                Some(_) if filled.contains_key(&var.id()) => filled[&var.id()],
                Some(node) => node.index(),
                // What does not lead to the output has a gradient of 0.
                None => *extra.entry(var.id()).or_insert_with(|| {
                    adjoints.push(Tensor::zeros(var.shape()));
                    names.push(None);
                    adjoints.len() - 1
                }),
            })
            .collect();
        let want = if *is_list { Want::List(nodes) } else { Want::Node(nodes[0]) };
        let all = wants.entry(name.clone()).or_default();
        if all.last() != Some(&want) {
            all.push(want);
        }
    }
    let leaves = active
        .iter()
        .filter(|name| {
            machine.variables.iter().any(|(known, _)| known == *name || known.starts_with(&format!("{name}[")))
        })
        .cloned()
        .collect();
    let lines = report::forward_lines(body, &machine);
    let value = output.item();
    let largest =
        adjoints.iter().flat_map(|x| x.iter()).filter(|x| x.is_finite()).fold(0.0, |max: f64, x| max.max(x.abs()));
    // What has no name is nobody's gradient; of an array that is filled in a loop there are as many as turns.
    let mut is_asked: Vec<bool> = names.iter().map(Option::is_some).collect();
    for want in wants.values().flatten() {
        match want {
            Want::Node(node) => is_asked[*node] = true,
            Want::List(nodes) => nodes.iter().for_each(|&node| is_asked[node] = true),
        }
    }
    for (adjoint, _) in adjoints.iter_mut().zip(is_asked).filter(|(_, is_asked)| !is_asked) {
        *adjoint = Tensor::zeros([0]);
    }
    let point = Point { state: machine.state.plain(), adjoints };
    let drawn = moved.is_none().then(|| Drawn::new(graph, &machine, body));
    let names_assigned = all.iter().map(|(name, _)| name.to_string()).collect();
    Ok(Forward { point, wants, names, leaves, value, loss: loss.to_string(), lines, drawn, largest, names_assigned })
}

/// Where the backward part begins, if there is a line or a name that says so.
pub(super) fn split(text: &str, body: &[Stmt]) -> Option<usize> {
    if let Some(line) = names::marker(text) {
        return Some(body.iter().position(|stmt| stmt.line > line).unwrap_or(body.len()));
    }
    let said = names::said_in_comments(text);
    let mut known: HashSet<Rc<str>> = HashSet::new();
    body.iter().position(|stmt| {
        let mut own = Vec::new();
        targets(std::slice::from_ref(stmt), &mut own);
        let is_gradient = own.iter().any(|(name, _)| {
            said.iter().any(|(said, ..)| **said == **name) || names::looks_like_one(name, &|x| known.contains(x))
        });
        known.extend(own.into_iter().map(|(name, _)| name));
        is_gradient && known.len() > 1
    })
}

fn checked(text: &str, options: &CheckOptions) -> Result<Report, Fault> {
    let body = parse::parse(text)?;
    let said = names::said_in_comments(text);
    let split = split(text, &body).ok_or_else(|| {
        Fault::of_all("there is no backward part: put a line \"# backward\" before it, or name gradients as dW, grad_W, W_grad, delta2, nabla_w")
    })?;
    let (before, after) = body.split_at(split);
    if after.is_empty() {
        return Err(Fault::of_all("nothing stands after the line \"# backward\""));
    }
    let (mut ahead, mut behind) = (Vec::new(), Vec::new());
    own_targets(before, &mut ahead);
    targets(after, &mut behind);
    // Functions of the forward part may be the backward pass, called further down.
    before.iter().filter(|stmt| matches!(stmt.kind, StmtKind::Def(_))).for_each(|stmt| {
        targets(std::slice::from_ref(stmt), &mut behind);
    });
    let mut seen = HashSet::new();
    let mut known: Vec<&str> = ahead.iter().rev().map(|(name, _)| &**name).filter(|name| seen.insert(*name)).collect();
    known.reverse();
    let mut once = HashSet::new();
    behind.retain(|(name, _)| once.insert(name.clone()));
    let is_known = |name: &str| seen.contains(name);
    let mut by: HashMap<Rc<str>, Rc<str>> = HashMap::new();
    let loss = options.loss.as_deref().or_else(|| known.last().copied());
    for (name, _) in &behind {
        if let Some(of) = names::gradient_of(name, &said, loss, &is_known, &known) {
            if !is_known(&of) {
                let near = super::run::nearest(&of, &known).map_or(String::new(), |near| format!("; is {near} meant?"));
                return Err(Fault::of_all(format!("# check {name} = {of}: the forward part assigns no {of}{near}")));
            }
            by.insert(name.clone(), of.as_str().into());
        }
    }
    if by.is_empty() {
        let message = "no name of the backward part is known for a gradient: name them dW, grad_W, W_grad, or say it: # check g = W";
        return Err(Fault::of_all(message));
    }
    let mut active: HashSet<Rc<str>> = by.values().cloned().collect();
    // What may be an element of a gradient is told by its value.
    let names_known: Vec<String> = known.iter().map(|name| (*name).to_owned()).collect();
    active.extend(behind.iter().filter_map(|(name, _)| names::like_one_by(name, &names_known)).map(Rc::from));
    let here = forward(before, options, &active, None)?;
    let at = |moved: Move| {
        let other = forward(before, options, &active, Some(moved)).ok()?;
        let is_alike = other.point.adjoints.len() == here.point.adjoints.len() && other.wants == here.wants;
        (is_alike && other.value.is_finite()).then_some(other)
    };
    let beside = at(points::beside);

    // The steps of the backward part, as they are run.
    let mut machine = Machine::new(None, &options.run);
    machine.state = here.point.state.clone();
    machine.trace = Some(Vec::new());
    // What the forward part calls is no part of what is judged.
    called(before, &mut machine.known_functions);
    for (name, of) in &by {
        if let Some(Want::Node(node)) = here.wants.get(of).and_then(|all| all.last()) {
            machine.instead.insert(name.clone(), here.point.adjoints[*node].clone());
        }
    }
    machine.run(after)?;
    let steps = machine.trace.take().unwrap_or_default();
    let mut steps = steps;
    steps.truncate(first_point(&steps, &here.leaves));
    if steps.len() > MOST_STEPS {
        let message = format!(
            "the backward part has {} steps with its loops unrolled; at most {MOST_STEPS} are judged",
            steps.len()
        );
        return Err(Fault::of_all(message));
    }
    let touched = units::touches(&steps);
    let completed = units::after(&steps, &|name| by.contains_key(name));
    let units = units::units(&steps, &touched, &completed);
    let roles: Vec<Role> = units
        .iter()
        .map(|unit| {
            let Some(of) = by.get(&unit.key.1).filter(|_| !unit.is_after) else { return Role::Unnamed };
            match here.wants.get(of) {
                Some(all) if here.leaves.contains(of) && all.len() == 1 && unit.is_last => Role::Final(all[0].clone()),
                Some(all) => Role::Between(all.clone()),
                None => Role::Unnamed,
            }
        })
        .collect();
    let sign = |unit: &Unit| said.iter().find(|(name, ..)| **name == *unit.key.1).map_or(1.0, |(.., sign)| *sign);
    let signs = units.iter().map(sign).collect();
    let mut done = vec![Vec::new(); steps.len()];
    for (at, unit) in units.iter().enumerate() {
        if let Some(&last) = unit.members.last() {
            done[last].push(at);
        }
    }
    let (natural, conventions) = natural(&here);
    let judge = Judge {
        options: &options.run,
        source: text,
        steps: &steps,
        touched: &touched,
        units: &units,
        roles,
        signs,
        done,
        natural,
        conventions,
        forward: text.lines().take(after[0].line - 1).map(str::trim).collect(),
        siblings: siblings::Siblings::of(&steps),
        literals: literals(&steps),
        names: here.names.clone(),
        largest: here.largest,
        work: Default::default(),
        tried: Default::default(),
        is_late: Default::default(),
    };
    let path = judge.search(&here.point);
    if judge.is_late.get() {
        return Err(Fault::of_all("judging the backward part takes longer than it may"));
    }
    let far = if path.fixes.is_empty() { None } else { at(points::far) };
    let points = Points { here: &here, beside: beside.as_ref(), far, around: &at };
    let mut report = report::made(&judge, &points, path, &by);
    // A pass that is wrong may give the right numbers where weights are 0 or 1.
    if report.verdict == Verdict::Agrees
        && let Some(beside) = &beside
        && !judge.is_right_at(&beside.point)
        && !judge.is_late.get()
    {
        judge.work.set(0);
        let path = judge.search(&beside.point);
        let points = Points { here: beside, beside: None, far: at(points::far), around: &at };
        let other = report::made(&judge, &points, path, &by);
        if other.verdict == Verdict::Differs {
            let reason = "the gradients are right at this point alone, as its numbers happen to be: a little beside it they are wrong";
            let Report { value, forward, drawn, .. } = report;
            report = Report { value, forward, drawn, reason: Some(reason.to_owned()), ..other };
        }
    }
    if judge.is_late.get() && report.corrected.is_none() && report.verdict == Verdict::Differs {
        report.reason = Some("there was no time left to look for what belongs there".to_owned());
    }
    Ok(report)
}

/// The steps up to where a loop goes on with other weights than those of the forward part: a descent's next round.
fn first_point(steps: &[Step], leaves: &HashSet<Rc<str>>) -> usize {
    let mut loops: Vec<Span> = Vec::new();
    let mut has_moved: Vec<Span> = Vec::new();
    for (k, step) in steps.iter().enumerate() {
        match step {
            Step::Bind(target, ..) if has_moved.contains(&target.span) => return k,
            Step::Bind(target, ..) if !loops.contains(&target.span) => loops.push(target.span),
            Step::Run(stmt) => {
                let target = match &stmt.kind {
                    StmtKind::Assign(all, _) => all.first(),
                    StmtKind::Update(target, ..) => Some(target),
                    _ => None,
                };
                if target.and_then(|x| units::base(x)).is_some_and(|name| leaves.contains(name)) {
                    has_moved.clone_from(&loops);
                }
            }
            _ => {}
        }
    }
    steps.len()
}

/// The names of what statements call, without what stands in functions.
fn called(body: &[Stmt], found: &mut HashSet<Rc<str>>) {
    let of = |x: &super::syntax::E, found: &mut HashSet<Rc<str>>| {
        x.walk(&mut |x| {
            if let Node::Call(function, ..) = &x.node
                && let Node::Name(name) = &function.node
            {
                found.insert(name.clone());
            }
        });
    };
    for stmt in body {
        match &stmt.kind {
            StmtKind::Assign(_, value) | StmtKind::Update(_, _, value) | StmtKind::Expr(value) => of(value, found),
            StmtKind::For(_, source, body) => {
                of(source, found);
                called(body, found);
            }
            StmtKind::If(condition, then, otherwise) => {
                of(condition, found);
                called(then, found);
                called(otherwise, found);
            }
            _ => {}
        }
    }
}

/// The numbers with a fraction that statements hold, each once.
fn literals(steps: &[Step]) -> Vec<f64> {
    let mut found: Vec<f64> = Vec::new();
    for step in steps {
        let Some(stmt) = judge::statement(step) else { continue };
        if let StmtKind::Assign(_, value) | StmtKind::Update(_, _, value) | StmtKind::Expr(value) = &stmt.kind {
            value.walk(&mut |x| {
                if let Node::Number(x, false) = x.node
                    && x.fract() != 0.0
                    && found.len() < 12
                    && !found.contains(&x)
                {
                    found.push(x);
                }
            });
        }
    }
    found
}

/// Numbers that gradients are scaled by: those of the forward part, lengths, and simple ones; with their reciprocals.
fn natural(forward: &Forward) -> (Vec<f64>, Vec<f64>) {
    let (mut scalars, mut lengths) = (Vec::new(), Vec::new());
    for value in forward.point.state.frames[0].values() {
        match value {
            Value::Number(_) => scalars.extend(edits::plain(value)),
            Value::Array(array) => {
                lengths.extend(judge::shape_of(&forward.point.state, array).iter().map(|&n| n as f64))
            }
            _ => {}
        }
    }
    // In an order that does not hang on how names are kept.
    scalars.sort_by(f64::total_cmp);
    lengths.sort_by(f64::total_cmp);
    let mut all = vec![1.0, 2.0];
    // Counts alone: a rate or a root is no matter of where one divides.
    let counts = scalars.iter().map(|x| x.abs()).filter(|x| x.fract() == 0.0);
    for x in counts.chain(lengths.iter().copied()) {
        if x > 1e-12 && x.is_finite() && all.len() < 32 && !all.iter().any(|y: &f64| (y - x).abs() < 1e-12 * x) {
            all.push(x);
        }
    }
    let whole = |x: &&f64| x.fract() == 0.0 && **x > 1.0;
    let mut conventions: Vec<f64> = scalars.iter().filter(whole).copied().collect();
    conventions.extend(lengths.iter().filter(whole).copied());
    conventions.dedup();
    conventions.truncate(6);
    let inverse: Vec<f64> = all.iter().map(|x| 1.0 / x).filter(|x| !all.contains(x)).collect();
    all.extend(inverse);
    (all, conventions)
}

/// What belongs in place of a unit that is wrong: an edit of one of its statements that gives the right value, here and beside.
fn correction(judge: &Judge<'_>, unit: usize, path: &Path, here: &Point, others: &[(Path, &Point)]) -> Option<Edit> {
    let (_, fix) = path.fixes.iter().find(|(fixed, _)| *fixed == unit)?;
    let (want, c) = match fix {
        Fix::Edit(edit) => return Some(edit.clone()),
        Fix::Adjoint(want, c) => (want, *c),
    };
    let right = |value: &Option<Owned>, point: &Point| {
        value.as_ref().is_some_and(|value| judge.fits(unit, value, want, c, &point.adjoints))
    };
    let fits = |edit: &Edit| {
        right(&judge.evaluated(unit, edit, &path.snaps), here)
            && others.iter().all(|(path, point)| right(&judge.evaluated(unit, edit, &path.snaps), point))
            && judge.mends(path, unit, edit, here)
            && others.iter().all(|(path, point)| judge.mends(path, unit, edit, point))
    };
    let until = judge.units[unit].members.last().copied().unwrap_or(0);
    let wants = [(want.clone(), c)];
    let mut trial = Trial::new(judge, unit, &path.snaps, here, &wants);
    let found = edits::of_unit(judge, unit, &path.snaps, until);
    if let Some(edit) = found.into_iter().find(|edit| trial.fits(edit) && fits(edit)) {
        return Some(edit);
    }
    let Owned::Data(wanted, ..) = judge.wanted(want, c, here) else { return None };
    let value = match path.before(judge, unit) {
        Owned::Data(x, ..) => Some(x),
        _ => None,
    };
    built::built(judge, unit, &path.snaps, &wanted, value.as_ref()).into_iter().find(&fits)
}

/// A path with the same decisions at another point.
fn followed(judge: &Judge<'_>, path: &Path, point: &Point) -> Option<Path> {
    if judge.steps.is_empty() {
        return None;
    }
    let (state, snaps) = judge.rerun(&point.state, 0, judge.steps.len() - 1, path, None, point)?;
    Some(path.elsewhere(state, snaps))
}

/// What each unit comes to as the text stands, wrong inputs and all.
fn as_it_stands(judge: &Judge<'_>, point: &Point) -> Vec<Owned> {
    let mut machine = judge.machine(point.state.clone());
    let mut values: Vec<Owned> = judge.units.iter().map(|_| Owned::Other).collect();
    for k in 0..judge.steps.len() {
        judge.step(&mut machine, k, None);
        for &unit in &judge.done[k] {
            values[unit] = judge.get(&machine, &judge.units[unit].key);
        }
        machine.state.compact();
    }
    values
}

/// The steps that stand in a line.
fn is_of(step: &Step, stmt: &Stmt) -> bool {
    matches!(step, Step::Run(own) if own.span == stmt.span)
}

/// The verdict in the words of the command.
fn verdict(is_wrong: bool, is_judged: bool) -> Verdict {
    match (is_wrong, is_judged) {
        (true, _) => Verdict::Differs,
        (false, true) => Verdict::Agrees,
        _ => Verdict::Inconclusive,
    }
}
