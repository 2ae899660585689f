//! Small edits of a statement, in the person's own syntax.
//!
//! Which there are follows from the grammar, not from derivatives: an operand for another value at hand, an operator, a sign, a factor or
//! term more or less, a transpose, a reduction and its axis, a function, a number, an index, `=` for `+=`. What cannot be had of the
//! statement by one of them is built from the values at hand (`built`). An edit's price says how far it is from what stands there.

use super::judge::{Judge, state_of, statement};
use super::siblings::{self, Renaming};
use super::units::Unit;
use super::write;
use crate::text::fault::Span;
use crate::text::number::Data;
use crate::text::parse;
use crate::text::run::{Machine, State};
use crate::text::syntax::{E, Expr, Node, Prefix, Relation, Sign, Stmt, StmtKind};
use crate::text::value::Value;
use std::collections::HashSet;
use std::rc::Rc;

/// Statements in place of others.
#[derive(Clone)]
pub(super) struct Edit {
    /// The statement that is replaced, and those that are like it, where the same is said of all.
    places: Vec<Place>,
    pub cost: f64,
}

/// A statement in place of another.
#[derive(Clone)]
struct Place {
    /// Where the statement stands that is replaced.
    of: Span,
    new: Rc<Stmt>,
    same_targets: bool,
    /// The part of the text that is replaced, and by what.
    part: Span,
    by: Replacement,
}

#[derive(Clone)]
enum Replacement {
    /// A part of the value by this, which has to bind so tightly.
    Expression {
        site: E,
        instead: E,
        bond: u8,
    },
    Text(&'static str),
}

impl Edit {
    fn one(of: &Stmt, kind: StmtKind, part: Span, by: Replacement, cost: f64) -> Self {
        let new = Rc::new(Stmt { kind, ..of.clone() });
        let same_targets = match (&of.kind, &new.kind) {
            (StmtKind::Assign(all, _), StmtKind::Assign(others, _)) => {
                all.len() == others.len() && all.iter().zip(others).all(|(x, y)| Rc::ptr_eq(x, y))
            }
            (StmtKind::Update(x, ..), StmtKind::Update(y, ..)) => Rc::ptr_eq(x, y),
            (StmtKind::Assign(all, _), StmtKind::Update(y, ..)) => matches!(&all[..], [x] if Rc::ptr_eq(x, y)),
            (StmtKind::Update(x, ..), StmtKind::Assign(all, _)) => matches!(&all[..], [y] if Rc::ptr_eq(x, y)),
            _ => false,
        };
        Self { places: vec![Place { of: of.span, new, same_targets, part, by }], cost }
    }

    fn place(&self, stmt: &Stmt) -> Option<&Place> {
        self.places.iter().find(|place| place.of == stmt.span)
    }

    pub fn instead_of(&self, stmt: &Stmt) -> Option<&Rc<Stmt>> {
        self.place(stmt).map(|place| &place.new)
    }

    /// Whether it is said of several statements.
    pub fn is_of_all(&self) -> bool {
        self.places.len() > 1
    }

    /// Whether all that is assigned to is what it was.
    pub fn writes_where_it_did(&self) -> bool {
        self.places.iter().all(|place| place.same_targets)
    }

    /// The lines of a statement that it changes, as they should be.
    pub fn text(&self, stmt: &Stmt, source: &str) -> Option<String> {
        let place = self.place(stmt)?;
        let new = match &place.by {
            Replacement::Expression { instead, bond, .. } => write::expression(instead, source, *bond),
            Replacement::Text(text) => (*text).to_owned(),
        };
        Some(write::line(stmt, source, (place.part.start, place.part.end), &new))
    }

    /// The same said of a statement and of others that are like it.
    fn of_all(
        &self,
        stmt: &Rc<Stmt>,
        others: &[(Rc<Stmt>, Renaming)],
        is_known: &dyn Fn(&str) -> bool,
    ) -> Option<Self> {
        let Replacement::Expression { site, instead, bond } = &self.places[0].by else { return None };
        let mut all = self.clone();
        all.cost += OF_ALL;
        for (other, renaming) in others {
            let own = siblings::value(other)?;
            let site = siblings::counterpart(siblings::value(stmt)?, own, site)?;
            let instead = renaming.renamed(instead, is_known);
            let value = replaced(own, &site, &instead);
            let kind = match &other.kind {
                StmtKind::Assign(targets, _) => StmtKind::Assign(targets.clone(), value),
                StmtKind::Update(target, sign, _) => StmtKind::Update(target.clone(), *sign, value),
                _ => return None,
            };
            let new = Rc::new(Stmt { kind, ..(**other).clone() });
            let part = site.span;
            let by = Replacement::Expression { site, instead, bond: *bond };
            all.places.push(Place { of: other.span, new, same_targets: true, part, by });
        }
        Some(all)
    }
}

/// What it adds to a price that the same is said of several statements.
const OF_ALL: f64 = 0.3;
/// The price of what the statement of another step says.
const ANALOGY: f64 = 1.7;

pub(super) fn new(node: Node) -> E {
    Expr::new(node, Span::default()).unwrap_or_else(|_| Rc::new(none()))
}

fn none() -> Expr {
    // A tree that would be too tall is no candidate: it has no value.
    let Ok(expr) = Expr::new(Node::None, Span::default()) else { unreachable!("a leaf is not tall") };
    (*expr).clone()
}

pub(super) fn number(x: f64) -> E {
    new(Node::Number(x, x.fract() == 0.0))
}
pub(super) fn binary(sign: Sign, x: &E, y: &E) -> E {
    new(Node::Binary(sign, x.clone(), y.clone()))
}
pub(super) fn minus(x: &E) -> E {
    new(Node::Prefix(Prefix::Minus, x.clone()))
}
pub(super) fn turned(x: &E) -> E {
    match &x.node {
        Node::Member(inner, name) if &**name == "T" => inner.clone(),
        _ => new(Node::Member(x.clone(), "T".into())),
    }
}

/// A name, or a part of one, with its value's shape.
#[derive(Clone)]
pub(super) struct AtHand {
    pub expr: E,
    pub shape: Vec<usize>,
    cost: f64,
}

/// What a statement's edits are made from.
pub(super) struct Maker<'j, 'a> {
    pub judge: &'j Judge<'a>,
    pub machine: Machine<'static, 'a>,
    pub at_hand: Vec<AtHand>,
    /// Whether functions are written with `np.`.
    prefixed: bool,
    pub found: Vec<Edit>,
    stmt: Rc<Stmt>,
    /// The value that is assigned.
    value: E,
    /// Whether it is assigned to a gradient, and not to a helper.
    of_gradient: bool,
    /// Whether it has no value.
    fails: bool,
    /// Lengths that have no name.
    counts: Vec<E>,
}

/// All edits of a unit's statements, the nearest first; those that go for all statements of a kind too, where others are run up to a step.
pub(super) fn of_unit(judge: &Judge<'_>, unit: usize, snaps: &[Rc<State<'static>>], until: usize) -> Vec<Edit> {
    let Unit { members, .. } = &judge.units[unit];
    let mut seen: HashSet<(usize, usize)> = HashSet::new();
    let mut all = Vec::new();
    for &k in members {
        let Some(stmt) = statement(&judge.steps[k]) else { continue };
        let Some(state) = snaps.get(k).map(|state| state_of(&judge.steps[k], state)) else { continue };
        if seen.insert((stmt.span.start, stmt.span.end)) {
            let mut own = of_statement(judge, stmt, &state);
            let is_known = |name: &str| state.frames.iter().any(|frame| frame.contains_key(name));
            if let Some(value) = siblings::value(stmt) {
                own.extend(judge.siblings.by_analogy(stmt, &is_known).into_iter().map(|instead| {
                    let kind = match &stmt.kind {
                        StmtKind::Update(target, sign, _) => StmtKind::Update(target.clone(), *sign, instead.clone()),
                        StmtKind::Assign(targets, _) => StmtKind::Assign(targets.clone(), instead.clone()),
                        other => other.clone(),
                    };
                    let by = Replacement::Expression { site: value.clone(), instead, bond: 1 };
                    Edit::one(stmt, kind, value.span, by, ANALOGY)
                }));
            }
            let is_run = |other: &Stmt| {
                judge.steps[members[0]..=until].iter().filter_map(statement).any(|step| step.span == other.span)
            };
            let others = judge.siblings.others(stmt).filter(|other| is_run(other));
            let others: Vec<(Rc<Stmt>, Renaming)> =
                others.filter_map(|other| Some((other.clone(), siblings::renaming(stmt, other)?))).collect();
            if !others.is_empty() {
                all.extend(own.iter().filter_map(|edit| edit.of_all(stmt, &others, &is_known)));
            }
            all.extend(own);
        }
    }
    all.sort_by(|a, b| a.cost.total_cmp(&b.cost));
    all
}

fn of_statement(judge: &Judge<'_>, stmt: &Rc<Stmt>, state: &State<'static>) -> Vec<Edit> {
    let value = match &stmt.kind {
        StmtKind::Assign(_, value) | StmtKind::Update(_, _, value) | StmtKind::Expr(value) => value.clone(),
        _ => return Vec::new(),
    };
    let of_gradient = match &stmt.kind {
        StmtKind::Assign(targets, _) => {
            !matches!(&targets[..], [x] if matches!(&x.node, Node::Name(name) if judge.is_helper(name)))
        }
        _ => true,
    };
    let mut maker = Maker::new(judge, stmt, value, state.clone(), of_gradient);
    maker.collect();
    maker.fails = maker.shape(&maker.value.clone()).is_none();
    maker.statements();
    let value = maker.value.clone();
    maker.sites(&value, 1, true);
    maker.other_names(&value);
    let target = match &stmt.kind {
        StmtKind::Assign(targets, _) => targets.first().cloned(),
        StmtKind::Update(target, ..) => Some(target.clone()),
        _ => None,
    };
    if let Some(Node::Index(_, index)) = target.as_ref().map(|x| &x.node) {
        maker.indices(index, 1);
    }
    maker.found
}

impl<'j, 'a> Maker<'j, 'a> {
    pub fn new(judge: &'j Judge<'a>, stmt: &Rc<Stmt>, value: E, state: State<'static>, of_gradient: bool) -> Self {
        Self {
            judge,
            machine: judge.machine(state),
            at_hand: Vec::new(),
            prefixed: judge.source.contains("np."),
            found: Vec::new(),
            stmt: stmt.clone(),
            value,
            of_gradient,
            fails: false,
            counts: Vec::new(),
        }
    }
}

impl Maker<'_, '_> {
    fn function(&self, name: &str) -> E {
        let registry = ["sigmoid", "relu", "softmax", "logsumexp", "log_softmax", "softplus"].contains(&name);
        if self.prefixed && !registry {
            new(Node::Member(new(Node::Name("np".into())), name.into()))
        } else {
            new(Node::Name(name.into()))
        }
    }
    pub fn call(&self, name: &str, args: &[&E], named: &[(&str, E)]) -> E {
        let named = named.iter().map(|(name, x)| (Rc::from(*name), x.clone())).collect();
        new(Node::Call(self.function(name), args.iter().map(|x| (*x).clone()).collect(), named))
    }

    /// Names with numbers and arrays, and elements of lists of them.
    pub fn collect(&mut self) {
        let mut names: Vec<(Rc<str>, Value<'static>)> = Vec::new();
        for frame in self.machine.state.frames.iter().rev() {
            for (name, value) in frame {
                if !names.iter().any(|(known, _)| known == name) {
                    names.push((name.clone(), value.clone()));
                }
            }
        }
        names.sort_by(|a, b| a.0.cmp(&b.0));
        // What a statement gives a value is not what it should be, whatever that was before.
        let own = match &self.stmt.kind {
            StmtKind::Assign(targets, value) => {
                let mut read = Vec::new();
                value
                    .walk(&mut |x| read.extend(if let Node::Name(name) = &x.node { Some(name.clone()) } else { None }));
                targets.iter().filter_map(|x| super::units::base(x)).find(|name| !read.contains(name)).cloned()
            }
            _ => None,
        };
        names.retain(|(name, _)| Some(name) != own.as_ref());
        self.counts(&names);
        for (name, value) in names {
            let expr = new(Node::Name(name));
            match &value {
                Value::Number(_) | Value::Array(_) => {
                    if let Ok(x) = self.machine.operand(&value) {
                        self.at_hand.push(AtHand { expr, shape: x.data.shape().to_vec(), cost: 0.0 });
                    }
                }
                _ => {}
            }
        }
        // Numbers with a fraction that stand elsewhere in the text, such as 0.044715.
        for x in &self.judge.literals {
            self.at_hand.push(AtHand { expr: number(*x), shape: vec![], cost: 0.4 });
        }
        // Parts that stand in the statement itself, such as x[t].
        let mut parts: Vec<E> = Vec::new();
        collect_parts(&self.value, &mut parts);
        for part in parts {
            if let Ok(value) = self.machine.eval(&part)
                && let Ok(x) = self.machine.operand(&value)
            {
                self.at_hand.push(AtHand { expr: part, shape: x.data.shape().to_vec(), cost: 0.2 });
            }
        }
    }

    /// Lengths that no name has: `len(x)`, `x.shape[1]`.
    fn counts(&mut self, names: &[(Rc<str>, Value<'static>)]) {
        let named: Vec<f64> = names.iter().filter_map(|(_, value)| plain(value)).collect();
        let mut seen: Vec<usize> = Vec::new();
        for (name, value) in names {
            let Value::Array(array) = value else { continue };
            for (axis, &n) in self.machine.state.heap.shape(array).iter().enumerate() {
                if n < 2 || seen.contains(&n) || named.contains(&(n as f64)) {
                    continue;
                }
                seen.push(n);
                let x = new(Node::Name(name.clone()));
                let count = match axis {
                    0 => new(Node::Call(new(Node::Name("len".into())), vec![x], vec![])),
                    _ => new(Node::Index(new(Node::Member(x, "shape".into())), number(axis as f64))),
                };
                self.counts.push(count);
            }
        }
        self.counts.truncate(6);
    }

    fn shape(&mut self, expr: &E) -> Option<Vec<usize>> {
        self.machine.rewind_limits();
        let value = self.machine.eval(expr).ok()?;
        match &value {
            Value::Number(_) | Value::Array(_) => self.machine.operand(&value).ok().map(|x| x.data.shape().to_vec()),
            _ => None,
        }
    }

    /// Takes a statement with `site` replaced.
    pub fn emit(&mut self, site: &E, instead: E, bond: u8, cost: f64) {
        // A helper holds what it is for: it is less likely that something is forgotten where it is read than where it was made.
        let is_read = matches!(&site.node, Node::Name(name) if self.of_gradient && self.judge.is_helper(name));
        let cost = if is_read { cost + 0.3 } else { cost };
        let value = replaced(&self.value, site, &instead);
        let kind = match &self.stmt.kind {
            StmtKind::Assign(targets, _) => StmtKind::Assign(targets.clone(), value),
            StmtKind::Update(target, sign, _) => StmtKind::Update(target.clone(), *sign, value),
            _ => StmtKind::Expr(value),
        };
        let by = Replacement::Expression { site: site.clone(), instead, bond };
        self.found.push(Edit::one(&self.stmt, kind, site.span, by, cost));
    }

    /// Edits of the statement as such.
    fn statements(&mut self) {
        let stmt = self.stmt.clone();
        let mut with = |kind: StmtKind, part: Span, by: &'static str, cost: f64| {
            self.found.push(Edit::one(&stmt, kind, part, Replacement::Text(by), cost));
        };
        match &stmt.kind {
            StmtKind::Assign(targets, value) if targets.len() == 1 => {
                let target = &targets[0];
                let between = Span::new(target.span.end, value.span.start);
                let (inner, end) = match &value.node {
                    // `x =+ y` for `x += y`.
                    Node::Prefix(Prefix::Plus, inner) => (inner, inner.span.start),
                    _ => (value, between.end),
                };
                let between = Span::new(between.start, end);
                with(StmtKind::Update(target.clone(), Sign::Add, inner.clone()), between, " += ", 1.0);
                let (inner, end) = match &value.node {
                    Node::Prefix(Prefix::Minus, inner) => (inner, inner.span.start),
                    _ => (value, value.span.start),
                };
                let between = Span::new(target.span.end, end);
                with(StmtKind::Update(target.clone(), Sign::Sub, inner.clone()), between, " -= ", 1.5);
            }
            StmtKind::Update(target, sign, value) => {
                let between = Span::new(target.span.end, value.span.start);
                with(StmtKind::Assign(vec![target.clone()], value.clone()), between, " = ", 1.0);
                for (other, text) in
                    [(Sign::Add, " += "), (Sign::Sub, " -= "), (Sign::Mul, " *= "), (Sign::Div, " /= ")]
                {
                    if other != *sign {
                        with(StmtKind::Update(target.clone(), other, value.clone()), between, text, 1.2);
                    }
                }
                with(StmtKind::Pass, stmt.span, "pass", 1.6);
                // Places that are named twice get both.
                if let Node::Index(base, index) = &target.node
                    && matches!(sign, Sign::Add | Sign::Sub)
                    && matches!(index.node, Node::Name(_))
                {
                    let function = if *sign == Sign::Add { "add" } else { "subtract" };
                    let at = new(Node::Member(self.function(function), "at".into()));
                    let call = new(Node::Call(at, vec![base.clone(), index.clone(), value.clone()], vec![]));
                    let by = Replacement::Expression { site: call.clone(), instead: call.clone(), bond: 0 };
                    self.found.push(Edit::one(&stmt, StmtKind::Expr(call), stmt.span, by, 1.6));
                }
            }
            _ => {}
        }
    }

    /// Edits of an expression and of all below it.
    fn sites(&mut self, site: &E, bond: u8, is_whole: bool) {
        let shape = self.shape(site);
        self.at(site, bond, shape.as_deref(), is_whole);
        match &site.node {
            Node::Call(function, args, named) => {
                if let Node::Member(of, _) = &function.node
                    && !is_module(of)
                {
                    self.sites(of, 12, false);
                }
                for arg in args {
                    self.sites(arg, 1, false);
                }
                for (_, arg) in named {
                    self.indices(arg, 1);
                }
            }
            Node::Index(of, index) => {
                self.sites(of, 12, false);
                self.indices(index, 1);
            }
            Node::Each(..) => {}
            _ => {
                let children: Vec<E> = site.children().into_iter().cloned().collect();
                for (i, child) in children.iter().enumerate() {
                    self.sites(child, write::needed(site, i), false);
                }
            }
        }
    }

    /// Another name wherever one stands.
    fn other_names(&mut self, value: &E) {
        let mut names: Vec<Rc<str>> = Vec::new();
        value.walk(&mut |x| names.extend(if let Node::Name(name) = &x.node { Some(name.clone()) } else { None }));
        names.sort_unstable();
        let mut twice: Vec<Rc<str>> =
            names.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone()).collect();
        twice.dedup();
        for name in twice {
            let Some(own) = self.at_hand.iter().find(|x| matches!(&x.expr.node, Node::Name(own) if *own == name))
            else {
                continue;
            };
            let shape = own.shape.clone();
            for other in self.at_hand.clone() {
                if let Node::Name(by) = &other.expr.node
                    && *by != name
                    && other.shape == shape
                {
                    let instead = value.map_names(&mut |x| if *x == name { by.clone() } else { x.clone() });
                    self.emit(value, instead, 1, 1.8);
                }
            }
        }
    }

    /// Numbers in an index, an axis, a shape.
    fn indices(&mut self, site: &E, bond: u8) {
        if let Node::Number(x, true) = site.node {
            for other in [x - 1.0, x + 1.0, 0.0, x + 2.0] {
                if other != x {
                    let instead = if other < 0.0 { minus(&number(-other)) } else { number(other) };
                    self.emit_anywhere(site, instead, bond, 1.5);
                }
            }
        }
        if let Node::Binary(_, x, _) = &site.node {
            self.emit_anywhere(site, x.clone(), bond, 1.5);
        }
        if let Node::Compare(x, rest) = &site.node
            && let [(relation, y)] = &rest[..]
        {
            for other in [Relation::Greater, Relation::GreaterEqual, Relation::Less, Relation::LessEqual] {
                if other != *relation {
                    let instead = new(Node::Compare(x.clone(), vec![(other, y.clone())]));
                    self.emit_anywhere(site, instead, bond, 1.4);
                }
            }
        }
        if let Node::Name(_) = &site.node {
            for by in [Sign::Sub, Sign::Add] {
                self.emit_anywhere(site, binary(by, site, &number(1.0)), bond, 1.8);
            }
            for other in self.at_hand.clone() {
                if other.shape.is_empty() && matches!(other.expr.node, Node::Name(_)) {
                    self.emit_anywhere(site, other.expr, bond, 2.5);
                }
            }
        }
        if let Node::Slice(Some(a), Some(b), c) = &site.node {
            // Both ends moved.
            let ends = |x: &E, by: f64| match &x.node {
                Node::Number(n, true) if n + by >= 0.0 => Some(number(n + by)),
                Node::Binary(_, inner, _) if by == 0.0 => Some(inner.clone()),
                _ => None,
            };
            for by in [-1.0, 1.0, 0.0] {
                if let (Some(a), Some(b)) = (ends(a, by), ends(b, by)) {
                    self.emit_anywhere(site, new(Node::Slice(Some(a), Some(b), c.clone())), bond, 1.8);
                }
            }
        }
        if let Node::Slice(a, b, c) = &site.node {
            for (part, others) in [(a, (b, c)), (b, (a, c))] {
                if part.is_some() {
                    let slice = if std::ptr::eq(part, a) {
                        Node::Slice(None, others.0.clone(), others.1.clone())
                    } else {
                        Node::Slice(others.0.clone(), None, others.1.clone())
                    };
                    self.emit_anywhere(site, new(slice), bond, 2.0);
                }
            }
        }
        let children: Vec<E> = site.children().into_iter().cloned().collect();
        for (i, child) in children.iter().enumerate() {
            self.indices(child, write::needed(site, i));
        }
    }

    /// Also where the site is in the target.
    fn emit_anywhere(&mut self, site: &E, instead: E, bond: u8, cost: f64) {
        let inside = self.value.span.start <= site.span.start && site.span.end <= self.value.span.end;
        if inside {
            return self.emit(site, instead, bond, cost);
        }
        let kind = match &self.stmt.kind {
            StmtKind::Assign(targets, value) => {
                let targets = targets.iter().map(|target| replaced(target, site, &instead)).collect();
                StmtKind::Assign(targets, value.clone())
            }
            StmtKind::Update(target, sign, value) => {
                StmtKind::Update(replaced(target, site, &instead), *sign, value.clone())
            }
            other => other.clone(),
        };
        let by = Replacement::Expression { site: site.clone(), instead, bond };
        self.found.push(Edit::one(&self.stmt, kind, site.span, by, cost));
    }

    #[allow(clippy::too_many_lines, reason = "the edits that there are, one after the other")]
    fn at(&mut self, site: &E, bond: u8, shape: Option<&[usize]>, is_whole: bool) {
        // Signs.
        match &site.node {
            Node::Prefix(Prefix::Minus | Prefix::Plus, x) => {
                self.emit(site, x.clone(), bond, 1.0);
                if matches!(site.node, Node::Prefix(Prefix::Plus, _)) {
                    self.emit(site, minus(x), bond, 1.0);
                }
            }
            // Of a term the operator before it is the sign.
            _ => self.emit(site, minus(site), bond, if is_whole { 1.1 } else { 1.5 }),
        }
        match &site.node {
            Node::Number(x, _) => {
                for other in [x + 1.0, x - 1.0, 2.0 * x, x / 2.0, 0.5, 1.0, 2.0, 3.0, 0.0, 1.0 / x, x - 0.5, x + 0.5] {
                    if other != *x && other.is_finite() && (other * 1e6).fract() == 0.0 {
                        let instead = if other < 0.0 { minus(&number(-other)) } else { number(other) };
                        self.emit(site, instead, bond, if [0.5, 1.0, 2.0].contains(&other) { 1.35 } else { 1.6 });
                    }
                }
                for name in self.at_hand.clone() {
                    if name.shape.is_empty() {
                        self.emit(site, name.expr, bond, 2.2);
                    }
                }
            }
            Node::Binary(sign, x, y) => {
                for other in [Sign::Add, Sign::Sub, Sign::Mul, Sign::Div, Sign::MatMul, Sign::Pow] {
                    if other != *sign {
                        self.other_sign(*sign, x, y, other, if other == Sign::Pow { 1.9 } else { 1.4 });
                    }
                }
                self.emit(site, x.clone(), bond, 1.5);
                self.emit(site, y.clone(), bond, 1.5);
                if matches!(sign, Sign::Sub | Sign::Div | Sign::MatMul | Sign::Pow) {
                    self.emit(site, binary(*sign, y, x), bond, 1.7);
                }
                if *sign == Sign::MatMul {
                    self.emit(site, binary(*sign, &turned(x), &turned(y)), bond, 2.0);
                    self.emit(site, binary(*sign, &turned(y), &turned(x)), bond, 2.0);
                    self.emit(site, binary(*sign, &turned(y), x), bond, 2.2);
                    self.emit(site, binary(*sign, y, &turned(x)), bond, 2.2);
                }
            }
            Node::Compare(x, rest) => {
                if let [(relation, y)] = &rest[..] {
                    for other in [
                        Relation::Greater,
                        Relation::GreaterEqual,
                        Relation::Less,
                        Relation::LessEqual,
                        Relation::Equal,
                        Relation::NotEqual,
                    ] {
                        if other != *relation {
                            self.emit(site, new(Node::Compare(x.clone(), vec![(other, y.clone())])), bond, 1.4);
                        }
                    }
                }
            }
            Node::Member(x, name) if &**name == "T" => self.emit(site, x.clone(), bond, 1.0),
            Node::Call(function, args, named) => self.calls(site, function, args, named, bond),
            _ => {}
        }
        let Some(shape) = shape else {
            // What has no value, as its shapes do not fit, may be a product of other parts.
            if is_whole {
                self.emit(site, turned(site), bond, 1.5);
            }
            return;
        };
        if is_whole {
            let mut inner: Vec<E> = Vec::new();
            site.children().into_iter().for_each(|child| collect_inner(child, &mut inner));
            for part in inner {
                if self.shape(&part).as_deref() == Some(shape) {
                    self.emit(site, part, bond, 2.0);
                }
            }
        }
        let is_leaf = matches!(site.node, Node::Name(_) | Node::Index(..) | Node::Member(..));
        if shape.len() >= 2 && !matches!(&site.node, Node::Member(_, name) if &**name == "T") {
            self.emit(site, turned(site), bond, 1.2);
        }
        if shape.len() >= 3 {
            let last = [minus(&number(1.0)), minus(&number(2.0))].to_vec();
            let swapped = new(Node::Call(new(Node::Member(site.clone(), "swapaxes".into())), last, vec![]));
            self.emit(site, swapped, bond, 1.4);
        }
        if shape.len() == 2 && is_leaf {
            let back = new(Node::Slice(None, None, Some(minus(&number(1.0)))));
            let index = new(Node::Tuple(vec![back.clone(), back]));
            self.emit(site, new(Node::Index(site.clone(), index)), bond, 2.6);
        }
        // Reductions, and functions around it.
        if !shape.is_empty() {
            for name in ["sum", "mean"] {
                let price = if name == "sum" { 1.8 } else { 2.3 };
                self.emit(site, self.call(name, &[site], &[]), bond, price);
                for axis in 0..shape.len() {
                    let axis = number(axis as f64);
                    self.emit(site, self.call(name, &[site], &[("axis", axis.clone())]), bond, price);
                    let kept = [("axis", axis), ("keepdims", new(Node::True))];
                    self.emit(site, self.call(name, &[site], &kept), bond, price + 0.1);
                }
            }
            if shape.len() == 1 {
                self.emit(site, self.call("diag", &[site], &[]), bond, 2.4);
                for index in [[":", "n"], ["n", ":"]] {
                    let part = |c: &&str| if *c == ":" { new(Node::Slice(None, None, None)) } else { new(Node::None) };
                    let index = new(Node::Tuple(index.iter().map(part).collect()));
                    self.emit(site, new(Node::Index(site.clone(), index)), bond, 2.2);
                }
            }
        }
        for name in ["exp", "log", "tanh", "sigmoid", "sqrt", "square", "abs", "sign"] {
            self.emit(site, self.call(name, &[site], &[]), bond, 2.6);
        }
        for (form, price) in [
            (binary(Sign::Sub, &number(1.0), site), 1.8),
            (binary(Sign::Pow, site, &number(2.0)), 1.8),
            (binary(Sign::Mul, &number(2.0), site), 1.8),
            (binary(Sign::Mul, &number(0.5), site), 1.8),
            (binary(Sign::Div, &number(1.0), site), 1.9),
            (binary(Sign::Sub, site, &number(1.0)), 2.2),
            (binary(Sign::Add, site, &number(1.0)), 2.2),
        ] {
            self.emit(site, form, bond, price);
        }
        for count in self.counts.clone() {
            let nested = if is_whole { 0.0 } else { 0.15 };
            self.emit(site, binary(Sign::Div, site, &count), bond, 2.15 + nested);
            if is_whole {
                let twice = binary(Sign::Mul, &number(2.0), site);
                self.emit(site, binary(Sign::Div, &twice, &count), bond, 2.5);
                self.emit(site, binary(Sign::Mul, site, &count), bond, 2.5);
            }
        }
        // The rest of a Jacobian beside its diagonal.
        if let ([n, m], true) = (shape, is_whole)
            && n == m
        {
            for other in self.at_hand.clone() {
                if other.shape == [*n] {
                    let outer = self.call("outer", &[&other.expr, &other.expr], &[]);
                    self.emit(site, binary(Sign::Sub, site, &outer), bond, 2.8);
                    let diagonal = self.call("diag", &[&other.expr], &[]);
                    self.emit(site, binary(Sign::Sub, &diagonal, &outer), bond, 2.8);
                }
            }
        }
        // Other values in its place, and beside it.
        for other in self.at_hand.clone() {
            let same = other.shape == shape;
            let fits = same || broadcasts(&other.shape, shape);
            let name = &other.expr;
            let may_be = fits || turns_to(&other.shape, shape) || shape.is_empty() || broadcasts(shape, &other.shape);
            // In a statement whose shapes do not fit one of them is wrong.
            if is_leaf && (may_be || self.fails) {
                self.emit(site, name.clone(), bond, other.cost + if same { 1.6 } else { 2.2 });
            }
            if is_leaf && other.shape.len() == 2 {
                self.emit(site, turned(name), bond, other.cost + 2.4);
            }
            if is_leaf && fits && !other.shape.is_empty() {
                let sign = self.call("sign", &[name], &[]);
                self.emit(site, binary(Sign::Mul, site, &sign), bond, other.cost + 2.5);
            }
            if is_leaf && fits {
                for form in forms(name) {
                    self.emit(site, form, bond, other.cost + 2.9);
                }
            }
            if fits || broadcasts(shape, &other.shape) {
                // What is forgotten was a factor or term of the whole sooner than of a part.
                let nested = if is_whole { 0.0 } else { 0.15 };
                let price_of_fit = if fits { 0.0 } else { 0.3 };
                for (sign, price) in [(Sign::Mul, 2.0), (Sign::Div, 2.1), (Sign::Add, 2.2), (Sign::Sub, 2.2)] {
                    let cost = other.cost + price + price_of_fit + nested;
                    self.emit(site, binary(sign, site, name), bond, cost);
                }
                self.emit(site, binary(Sign::Sub, name, site), bond, other.cost + 2.4);
                self.emit(site, binary(Sign::Div, name, site), bond, other.cost + 2.6);
                if is_whole || is_leaf {
                    for form in forms(name) {
                        self.emit(site, binary(Sign::Mul, site, &form), bond, other.cost + 2.6);
                        self.emit(site, binary(Sign::Div, site, &form), bond, other.cost + 3.0);
                    }
                }
            }
            if !shape.is_empty() && !other.shape.is_empty() && shape.len() <= 2 && other.shape.len() <= 2 {
                for (x, y) in [(site, name), (name, site)] {
                    self.emit(site, binary(Sign::MatMul, x, y), bond, other.cost + 2.0);
                    if other.shape.len() == 2 || shape.len() == 2 {
                        let (tx, ty) = (turned(x), turned(y));
                        let flip = |own: &E| std::ptr::eq(&**own, &**name);
                        // The new one turned, and the old one turned.
                        let pair = if flip(x) { (&tx, y) } else { (x, &ty) };
                        self.emit(site, binary(Sign::MatMul, pair.0, pair.1), bond, other.cost + 2.1);
                        let pair = if flip(x) { (x, &ty) } else { (&tx, y) };
                        self.emit(site, binary(Sign::MatMul, pair.0, pair.1), bond, other.cost + 2.2);
                    }
                }
                if shape.len() == 1 && other.shape.len() == 1 {
                    self.emit(site, self.call("outer", &[site, name], &[]), bond, other.cost + 2.2);
                    self.emit(site, self.call("outer", &[name, site], &[]), bond, other.cost + 2.2);
                }
            }
        }
    }

    /// The statement as it reads with another operator: `a + b - c` becomes `a + b * c`.
    fn other_sign(&mut self, sign: Sign, x: &E, y: &E, other: Sign, cost: f64) {
        let (stmt, source) = (self.stmt.clone(), self.judge.source);
        let Some(between) = source.get(x.span.end..y.span.start) else { return };
        let Some(at) = between.find(sign.text()) else { return };
        let part = Span::new(x.span.end + at, x.span.end + at + sign.text().len());
        let text = [&source[stmt.span.start..part.start], other.text(), &source[part.end..stmt.span.end]].concat();
        let Ok(mut body) = parse::parse(&text) else { return };
        let (Some(new), true) = (body.pop(), body.is_empty()) else { return };
        let kind = match (&stmt.kind, new.kind) {
            (StmtKind::Assign(targets, _), StmtKind::Assign(_, value)) => StmtKind::Assign(targets.clone(), value),
            (StmtKind::Update(target, sign, _), StmtKind::Update(_, _, value)) => {
                StmtKind::Update(target.clone(), *sign, value)
            }
            (_, other) => other,
        };
        self.found.push(Edit::one(&stmt, kind, part, Replacement::Text(other.text()), cost));
    }

    /// Edits of calls: the function, its axis, its arguments.
    fn calls(&mut self, site: &E, function: &E, args: &[E], named: &[(Rc<str>, E)], bond: u8) {
        let (name, of) = match &function.node {
            Node::Name(name) => (name.clone(), None),
            Node::Member(module, name) if is_module(module) => (name.clone(), None),
            Node::Member(of, name) => (name.clone(), Some(of.clone())),
            _ => return,
        };
        let renamed = |new_name: &str| match (&function.node, &of) {
            (Node::Member(x, _), _) => new(Node::Member(x.clone(), new_name.into())),
            _ => new(Node::Name(new_name.into())),
        };
        let groups: [&[&str]; 5] = [
            &["sum", "mean"],
            &["max", "min"],
            &["maximum", "minimum"],
            &["exp", "log", "tanh", "sqrt", "square", "abs", "sign", "sin", "cos"],
            &["zeros", "ones", "zeros_like", "ones_like"],
        ];
        for group in groups.iter().filter(|group| group.contains(&&*name)) {
            for other in group.iter().filter(|other| **other != &*name) {
                let call = Node::Call(renamed(other), args.to_vec(), named.to_vec());
                self.emit(site, new(call), bond, if group.len() == 2 { 1.2 } else { 1.9 });
            }
        }
        if ["exp", "log", "tanh", "sigmoid", "sqrt", "square", "relu", "softplus"].contains(&&*name) {
            let arg = args.first().cloned();
            for other in ["sigmoid", "tanh", "exp"] {
                if let (Some(arg), true) = (&arg, other != &*name) {
                    self.emit(site, self.call(other, &[arg], &[]), bond, 2.0);
                }
            }
        }
        // Without it.
        match (&of, args.first()) {
            (Some(of), _) => self.emit(site, of.clone(), bond, 1.5),
            (None, Some(first)) => self.emit(site, first.clone(), bond, 1.5),
            _ => {}
        }
        if args.len() >= 2 {
            for (i, j) in [(0, 1), (1, 2), (0, 2)] {
                if j < args.len() {
                    let mut swapped = args.to_vec();
                    swapped.swap(i, j);
                    self.emit(site, new(Node::Call(function.clone(), swapped, named.to_vec())), bond, 1.6);
                }
            }
            for arg in &args[1..] {
                self.emit(site, arg.clone(), bond, 1.9);
            }
        }
        // Axes.
        if ["sum", "mean", "max", "min", "prod", "cumsum", "softmax", "log_softmax", "logsumexp", "argmax"]
            .contains(&&*name)
        {
            let positional = usize::from(of.is_none());
            let own: Vec<E> = args.iter().take(positional).cloned().collect();
            let keeps = named.iter().any(|(name, _)| &**name == "keepdims");
            let mut variants: Vec<Vec<(Rc<str>, E)>> = vec![vec![]];
            for axis in [number(0.0), number(1.0), number(2.0), minus(&number(1.0))] {
                variants.push(vec![("axis".into(), axis.clone())]);
                variants.push(vec![("axis".into(), axis), ("keepdims".into(), new(Node::True))]);
            }
            variants.push(vec![("keepdims".into(), new(Node::True))]);
            for variant in variants {
                let kept = variant.iter().any(|(name, _)| &**name == "keepdims");
                let price = if kept == keeps { 1.3 } else { 1.5 };
                self.emit(site, new(Node::Call(function.clone(), own.clone(), variant)), bond, price);
            }
        }
        if let [first] = args
            && ["repeat", "reshape", "transpose"].contains(&&*name)
        {
            self.emit(site, first.clone(), bond, 2.0);
        }
    }
}

fn is_module(expr: &Expr) -> bool {
    matches!(&expr.node, Node::Name(name) if &**name == "np" || &**name == "math")
        || matches!(&expr.node, Node::Member(of, name) if &**name == "linalg" && is_module(of))
}

/// Indices and attributes of names in an expression: values that stand in it.
fn collect_parts(expr: &E, parts: &mut Vec<E>) {
    if matches!(expr.node, Node::Index(..)) && parts.len() < 20 {
        parts.push(expr.clone());
    }
    if let Node::Call(function, args, _) = &expr.node {
        if let Node::Member(of, _) = &function.node {
            collect_parts(of, parts);
        }
        args.iter().for_each(|arg| collect_parts(arg, parts));
        return;
    }
    expr.children().into_iter().for_each(|child| collect_parts(child, parts));
}

/// What is computed below the children of an expression.
fn collect_inner(expr: &E, inner: &mut Vec<E>) {
    for child in expr.children() {
        if matches!(child.node, Node::Binary(..) | Node::Call(..) | Node::Prefix(..)) && inner.len() < 20 {
            inner.push(child.clone());
        }
        collect_inner(child, inner);
    }
}

/// What people write of a value in a derivative.
pub(super) fn forms(x: &E) -> Vec<E> {
    let one = number(1.0);
    let rest = binary(Sign::Sub, &one, x);
    let square = binary(Sign::Pow, x, &number(2.0));
    vec![
        rest.clone(),
        binary(Sign::Mul, x, &rest),
        binary(Sign::Sub, &one, &square),
        square,
        new(Node::Compare(x.clone(), vec![(Relation::Greater, number(0.0))])),
        binary(Sign::Div, &one, x),
        minus(x),
    ]
}

/// Whether a shape stretches to another.
pub(super) fn broadcasts(from: &[usize], to: &[usize]) -> bool {
    from.len() <= to.len() && from.iter().rev().zip(to.iter().rev()).all(|(a, b)| a == b || *a == 1)
}

fn turns_to(from: &[usize], to: &[usize]) -> bool {
    from.len() == to.len() && from.iter().eq(to.iter().rev())
}

/// A tree with one of its parts replaced.
fn replaced(root: &E, part: &E, by: &E) -> E {
    if Rc::ptr_eq(root, part) {
        return by.clone();
    }
    if root.span.start > part.span.start || root.span.end < part.span.end {
        return root.clone();
    }
    let node = root.with_children(&mut |x| replaced(x, part, by));
    match Expr::new(node, root.span) {
        Ok(new) => new,
        Err(_) => root.clone(),
    }
}

/// For those that read the value of a plain number.
pub(super) fn plain(value: &Value<'static>) -> Option<f64> {
    match value {
        Value::Number(x) => match &x.data {
            Data::Number(x) => Some(*x),
            _ => None,
        },
        _ => None,
    }
}
