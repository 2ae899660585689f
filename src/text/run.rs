//! Statements run: names get values, arrays are computed, plain or on a tape.
//!
//! How much may be done is bounded: in steps (an expression's nodes), in elements that are made, and by a closure that is asked now and
//! then. Nothing here opens a file or reads a clock; a loader and a stop are the caller's.

use super::Options;
use super::fault::{At, Fault, Span};
use super::number::{Data, Kind, Operand, arithmetic, binary, unary};
use super::syntax::{Def, E, Expr, Node, Prefix, Relation, Stmt, StmtKind};
use super::value::{Array, Heap, Value};
use crate::num::elementwise::UnaryOp;
use crate::ops::{self, BinaryOp};
use crate::tape::{Id, Tape, Var};
use crate::tensor::Tensor;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// Calls of functions that stand in each other.
const CALLS: usize = 40;
/// Lists in lists that are compared: one may hold itself.
const LISTS: usize = 200;

/// Elements that are made before the stop is asked again.
const UNASKED: usize = 1 << 18;
/// What a node of a tape takes, in elements.
const NODE: usize = 32;

/// Names and their values, with the memory that they lie in.
#[derive(Clone, Default)]
pub(super) struct State<'t> {
    pub heap: Heap<'t>,
    /// The names of the text itself, and then those of each function that is running.
    pub frames: Vec<HashMap<Rc<str>, Value<'t>>>,
}

/// A statement as it was run: what a loop or a call comes down to.
#[derive(Clone)]
pub(super) enum Step {
    /// A simple statement.
    Run(Rc<Stmt>),
    /// A loop's name gets the element of this number of a source.
    Bind(E, E, usize),
    /// A function begins, with the arguments of this call.
    Enter(Rc<Def>, E),
    /// It ends with this value, which these targets get.
    Leave(Option<E>, Rc<Stmt>),
}

pub(super) enum Flow<'t> {
    On,
    Break,
    Continue,
    Return(Value<'t>),
}

pub(super) struct Machine<'t, 'o> {
    pub tape: Option<&'t Tape<f64>>,
    pub options: &'o Options,
    pub state: State<'t>,
    /// Values that names get in place of what the text first assigns them.
    pub given: HashMap<Rc<str>, Var<'t, f64>>,
    /// Names that become variables when the text first assigns them.
    pub active: HashSet<Rc<str>>,
    pub variables: Vec<(Rc<str>, Var<'t, f64>)>,
    /// The variables that have names, and whether the text's own and not a function's.
    named: HashMap<Id, bool>,
    pub lines: Vec<(Id, usize)>,
    /// The statements as they are run, where asked for.
    pub trace: Option<Vec<Step>>,
    /// Functions whose statements are not traced: a call of them is a step.
    pub known_functions: HashSet<Rc<str>>,
    /// A function that was named and is none of the language.
    pub unknown: Option<Fault>,
    /// Values that stand in for those of statements that fail while they are traced.
    pub instead: HashMap<Rc<str>, Tensor<f64>>,
    /// What names of the text were assigned on the tape, in order: a variable, or those of a list.
    pub assigned: Vec<(Rc<str>, Vec<Var<'t, f64>>, bool, usize)>,
    /// Moves the variables that `active` names become, so that the same text runs at another point.
    pub moved: Option<fn(&Tensor<f64>, usize) -> Tensor<f64>>,
    /// What was stretched in arithmetic, as a note to the statement's line.
    pub stretched: Vec<(usize, String)>,
    pub line: usize,
    steps: usize,
    /// Elements that were made; and those since the stop was asked.
    elements: Cell<usize>,
    unasked: Cell<usize>,
    calls: usize,
    /// Numbers on the tape whose lines are noted.
    scalars: u32,
    /// The value of the last statement.
    pub last: Option<Value<'t>>,
}

type Done<T> = Result<T, Fault>;

impl<'t, 'o> Machine<'t, 'o> {
    pub fn new(tape: Option<&'t Tape<f64>>, options: &'o Options) -> Self {
        Self {
            tape,
            options,
            state: State { heap: Heap::default(), frames: vec![HashMap::new()] },
            given: HashMap::new(),
            active: HashSet::new(),
            variables: Vec::new(),
            named: HashMap::new(),
            lines: Vec::new(),
            trace: None,
            known_functions: HashSet::new(),
            unknown: None,
            instead: HashMap::new(),
            assigned: Vec::new(),
            moved: None,
            stretched: Vec::new(),
            line: 0,
            steps: 0,
            elements: Cell::new(0),
            unasked: Cell::new(0),
            calls: 0,
            scalars: 0,
            last: None,
        }
    }

    pub fn heap(&mut self) -> &mut Heap<'t> {
        &mut self.state.heap
    }

    pub fn frame(&mut self) -> &mut HashMap<Rc<str>, Value<'t>> {
        self.state.frames.last_mut().expect("there is the text's own frame")
    }

    fn is_at_top(&self) -> bool {
        self.state.frames.len() == 1
    }

    /// Counts a step, and stops where there were enough.
    fn step(&mut self, span: Span) -> Done<()> {
        self.steps += 1;
        if self.steps > self.options.steps {
            let message = format!("the text takes more than {} steps; they are bounded", self.options.steps);
            return Err(Fault::new(message, span));
        }
        if self.steps.is_multiple_of(256)
            && let Some(stop) = &self.options.stop
            && stop()
        {
            return Err(Fault::new("the text takes longer than it may", span));
        }
        Ok(())
    }

    /// Counts elements that are about to be made.
    pub fn makes(&self, n: usize) -> crate::Result<()> {
        self.elements.set(self.elements.get().saturating_add(n));
        if self.elements.get() > self.options.elements {
            let most = self.options.elements;
            return Err(crate::Error::argument(format!("the text makes more than {most} elements; they are bounded")));
        }
        self.unasked.set(self.unasked.get().saturating_add(n));
        if self.unasked.get() > UNASKED {
            self.unasked.set(0);
            if self.options.stop.as_ref().is_some_and(|stop| stop()) {
                return Err(crate::Error::argument("the text takes longer than it may"));
            }
        }
        Ok(())
    }

    /// The same of a list's or tuple's elements, by their size.
    pub fn makes_values(&self, n: usize) -> crate::Result<()> {
        self.makes(n.saturating_mul(size_of::<Value<'_>>() / size_of::<f64>()))
    }

    /// Counts again from 0.
    pub fn rewind_limits(&mut self) {
        self.steps = 0;
        self.elements.set(0);
    }

    pub fn given(&mut self, x: Operand<'t>) -> Value<'t> {
        self.state.heap.given(x)
    }

    // Statements.

    pub fn run(&mut self, body: &[Stmt]) -> Done<Flow<'t>> {
        for stmt in body {
            match self.statement(stmt)? {
                Flow::On => {}
                other => return Ok(other),
            }
        }
        Ok(Flow::On)
    }

    fn statement(&mut self, stmt: &Stmt) -> Done<Flow<'t>> {
        self.step(stmt.span)?;
        let outer = std::mem::replace(&mut self.line, stmt.line);
        let flow = match &stmt.kind {
            StmtKind::For(target, source, body) => self.repeat(target, source, body),
            StmtKind::If(condition, then, otherwise) => {
                let value = self.eval(condition)?;
                let body = if self.truth(&value, condition.span)? { then } else { otherwise };
                self.run(body)
            }
            StmtKind::Def(def) => {
                let mut defaults = Vec::with_capacity(def.params.len());
                for (name, default) in &def.params {
                    let value = default.as_ref().map(|default| self.eval(default)).transpose()?;
                    if matches!(value, Some(Value::List(_) | Value::Array(_))) {
                        let message =
                            format!("the default of {name} is a list or an array, which calls would share; write None");
                        return Err(Fault::new(message, stmt.span));
                    }
                    defaults.push(value);
                }
                let function = Value::Function(def.clone(), defaults.into());
                self.frame().insert(def.name.clone(), function);
                self.push_step(Step::Run(Rc::new(stmt.clone())));
                Ok(Flow::On)
            }
            StmtKind::Return(value) => {
                let value = value.as_ref().map_or(Ok(Value::None), |value| self.eval(value))?;
                Ok(Flow::Return(value))
            }
            StmtKind::Break => Ok(Flow::Break),
            StmtKind::Continue => Ok(Flow::Continue),
            _ => self.simple(stmt).map(|()| Flow::On),
        };
        self.line = outer;
        flow
    }

    fn repeat(&mut self, target: &E, source: &E, body: &[Stmt]) -> Done<Flow<'t>> {
        let source_value = self.eval(source)?;
        let all = self.elements_of(&source_value).at(source.span)?;
        let (mut i, mut n) = (0, all.len());
        while i < n {
            self.step(source.span)?;
            // A list or an array is read as the loop comes to it: the body may have changed it.
            let value = match &source_value {
                Value::List(list) => self.state.heap.elements(*list)[i].clone(),
                Value::Array(_) => self.index(&source_value, &super::index::whole_number(i as i64)).at(source.span)?,
                _ => all[i].clone(),
            };
            if let Some(trace) = &mut self.trace {
                trace.push(Step::Bind(target.clone(), source.clone(), i));
            }
            self.assign(target, value)?;
            match self.run(body)? {
                Flow::On | Flow::Continue => {}
                Flow::Break => break,
                Flow::Return(value) => return Ok(Flow::Return(value)),
            }
            i += 1;
            if let Value::List(list) = &source_value {
                n = self.state.heap.elements(*list).len();
            }
        }
        Ok(Flow::On)
    }

    /// A statement that is neither a loop nor a choice.
    fn simple(&mut self, stmt: &Stmt) -> Done<()> {
        if self.trace.is_some()
            && self.is_at_top()
            && let StmtKind::Assign(_, value) = &stmt.kind
            && let Node::Call(function, ..) = &value.node
            && let Node::Name(name) = &function.node
            && !self.known_functions.contains(name)
            && let Some(Value::Function(def, _)) = self.look_up(name)
        {
            return self.traced_call(stmt, value, &def);
        }
        let Some(trace) = &mut self.trace else { return self.run_simple(stmt) };
        trace.push(Step::Run(Rc::new(stmt.clone())));
        // A trace goes on behind a statement that fails: which of them is wrong is judged later. What is not of the language is not wrong.
        let done = self.run_simple(stmt);
        if let Some(fault) = self.unknown.take() {
            return Err(fault);
        }
        if done.is_err()
            && let StmtKind::Assign(targets, _) = &stmt.kind
        {
            for target in targets {
                if let Node::Name(name) = &target.node {
                    let value = match self.instead.get(name).cloned() {
                        Some(x) => {
                            self.given(Operand { data: Data::Tensor(x).settled(), kind: Kind::Float, python: false })
                        }
                        None => Value::None,
                    };
                    self.frame().insert(name.clone(), value);
                }
            }
        }
        Ok(())
    }

    pub fn run_simple(&mut self, stmt: &Stmt) -> Done<()> {
        let before = self.tape.map(|tape| tape.entries().len());
        let line = std::mem::replace(&mut self.line, stmt.line);
        match &stmt.kind {
            StmtKind::Assign(targets, value) => {
                let value = self.eval(value)?;
                for target in targets {
                    self.assign(target, value.clone())?;
                }
                self.last = Some(match (&targets[0].node, &targets[..]) {
                    (Node::Name(name), _) => self.look_up(name).unwrap_or(value),
                    _ => value,
                });
            }
            StmtKind::Update(target, sign, value) => {
                self.update(target, *sign, value)?;
                if let Node::Name(name) = &target.node {
                    self.last = self.look_up(name);
                }
            }
            StmtKind::Expr(value) => {
                let value = self.eval(value)?;
                if !matches!(value, Value::None | Value::Text(_)) {
                    self.last = Some(value);
                }
            }
            _ => {}
        }
        if let (Some(tape), Some(entries)) = (self.tape, before) {
            let of = tape.recorded();
            let made = tape.entries().len() - entries + (tape.scalars().len() - self.scalars) as usize;
            self.makes(made.saturating_mul(NODE)).at(stmt.span)?;
            for k in entries..tape.entries().len() {
                self.lines.push((Id { of, node: tape.entries()[k].id(k) }, stmt.line));
            }
            for k in self.scalars..tape.scalars().len() {
                let node = crate::tape::NodeId::scalar(k);
                self.lines.push((Id { of, node }, stmt.line));
            }
            self.scalars = tape.scalars().len();
        }
        self.line = line;
        Ok(())
    }

    /// A call whose function's statements are judged as if they stood here.
    fn traced_call(&mut self, stmt: &Stmt, call: &E, def: &Rc<Def>) -> Done<()> {
        self.push_step(Step::Enter(def.clone(), call.clone()));
        self.enter(def, call)?;
        let flow = self.run_traced(&def.body)?;
        let returned = flow.unwrap_or_default();
        let leave = Step::Leave(returned, Rc::new(stmt.clone()));
        self.push_step(leave.clone());
        self.replay(&leave)
    }

    fn push_step(&mut self, step: Step) {
        if let Some(trace) = &mut self.trace {
            trace.push(step);
        }
    }

    /// Runs a function's body up to its return, whose expression it gives; none where it ends without.
    fn run_traced(&mut self, body: &[Stmt]) -> Done<Option<Option<E>>> {
        for stmt in body {
            match &stmt.kind {
                StmtKind::Return(value) => return Ok(Some(value.clone())),
                StmtKind::If(condition, then, otherwise) => {
                    let value = self.eval(condition)?;
                    let body = if self.truth(&value, condition.span)? { then } else { otherwise };
                    if let Some(returned) = self.run_traced(body)? {
                        return Ok(Some(returned));
                    }
                }
                _ => {
                    if let Flow::Return(_) = self.statement(stmt)? {
                        let message = "a return inside a loop is not known where its function is judged";
                        return Err(Fault::new(message, stmt.span));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Runs a step as it was traced.
    pub fn replay(&mut self, step: &Step) -> Done<()> {
        match step {
            Step::Run(stmt) => match &stmt.kind {
                StmtKind::Def(_) => self.statement(stmt).map(|_| ()),
                _ => {
                    self.step(stmt.span)?;
                    self.run_simple(stmt)
                }
            },
            Step::Bind(target, source, i) => {
                let value = self.eval(source)?;
                let all = self.elements_of(&value).at(source.span)?;
                let value =
                    all.into_iter().nth(*i).ok_or_else(|| Fault::new("the loop is shorter here", source.span))?;
                self.assign(target, value)
            }
            Step::Enter(def, call) => self.enter(def, call),
            Step::Leave(value, stmt) => {
                let value = value.as_ref().map_or(Ok(Value::None), |value| self.eval(value))?;
                self.state.frames.pop();
                if let StmtKind::Assign(targets, _) = &stmt.kind {
                    for target in targets {
                        self.assign(target, value.clone())?;
                    }
                }
                Ok(())
            }
        }
    }

    fn enter(&mut self, def: &Rc<Def>, call: &E) -> Done<()> {
        let Node::Call(_, args, named) = &call.node else { return Err(Fault::new("this is no call", call.span)) };
        let defaults = match &call.node {
            Node::Call(function, ..) => match self.eval(function)? {
                Value::Function(_, defaults) => defaults,
                _ => [].into(),
            },
            _ => [].into(),
        };
        let (args, named) = self.arguments(args, named)?;
        let frame = self.bound(def, &defaults, args, named, call.span)?;
        self.state.frames.push(frame);
        Ok(())
    }

    // Names.

    pub fn look_up(&self, name: &str) -> Option<Value<'t>> {
        let own = self.state.frames.last().and_then(|frame| frame.get(name));
        own.or_else(|| self.state.frames[0].get(name)).cloned()
    }

    pub fn assign(&mut self, target: &E, value: Value<'t>) -> Done<()> {
        match &target.node {
            Node::Name(name) => {
                let value = self.as_named(name, value, target.span)?;
                self.frame().insert(name.clone(), value);
                Ok(())
            }
            Node::Index(base, index) => {
                let base = self.eval(base)?;
                let index_value = self.eval(index)?;
                self.assign_at(&base, &index_value, value).at(target.span)
            }
            Node::Tuple(targets) | Node::List(targets) => {
                let all = self.elements_of(&value).at(target.span)?;
                if all.len() != targets.len() {
                    let message = format!("{} values for {} names", all.len(), targets.len());
                    return Err(Fault::new(message, target.span));
                }
                targets.iter().zip(all).try_for_each(|(target, value)| self.assign(target, value))
            }
            _ => Err(Fault::new("this cannot be assigned", target.span)),
        }
    }

    /// A value as a name gets it: a variable, where the name is one; on a tape with the name.
    fn as_named(&mut self, name: &Rc<str>, mut value: Value<'t>, span: Span) -> Done<Value<'t>> {
        let Some(tape) = self.tape else { return Ok(value) };
        if self.is_at_top() {
            if let Some(var) = self.given.remove(name) {
                return Ok(self.variable(var));
            }
            if self.active.contains(name) {
                value = self.activated(name, value, tape).at(span)?;
            }
        }
        if let Value::Number(_) | Value::Array(_) = &value
            && let Ok(Operand { data: Data::Var(var), .. }) = self.operand(&value)
            && !var.is_constant()
            && !self.variables.iter().any(|(_, known)| known.id() == var.id())
            && self.named.get(&var.id()).is_none_or(|&by_text| !by_text && self.is_at_top())
        {
            self.named.insert(var.id(), self.is_at_top());
            var.named(&**name);
        }
        if self.is_at_top() {
            self.note_assigned(name, &value);
        }
        Ok(value)
    }

    /// A value whose plain numbers are variables from here on.
    fn activated(&mut self, name: &str, value: Value<'t>, tape: &'t Tape<f64>) -> crate::Result<Value<'t>> {
        if let Value::List(list) = value {
            let all = self.state.heap.elements(list).clone();
            let numbers = all.iter().all(|x| matches!(x, Value::Array(_) | Value::Number(_)));
            for (i, element) in all.into_iter().enumerate().filter(|_| numbers) {
                let element = self.activated(&format!("{name}[{i}]"), element, tape)?;
                self.state.heap.elements_mut(list)[i] = element;
            }
            return Ok(value);
        }
        let (Value::Array(_) | Value::Number(_)) = &value else { return Ok(value) };
        let x = self.operand(&value)?;
        if x.data.is_recorded() || x.data.shape().numel() == 0 {
            return Ok(value);
        }
        let mut number = x.data.value();
        if let Some(moved) = self.moved {
            number = moved(&number, self.variables.len());
        }
        let var = match number.shape().rank() {
            0 => tape.var(number.item()),
            _ => tape.var(&number),
        }
        .named(name);
        self.variables.push((name.into(), var));
        // The same array, now a variable, for all that share it.
        if let Value::Array(Array { storage, view: None, .. }) = &value {
            self.state.heap.replace(*storage, Data::Var(var));
            return Ok(value);
        }
        Ok(self.variable(var))
    }

    /// Remembers what a name got.
    pub fn note_assigned(&mut self, name: &Rc<str>, value: &Value<'t>) {
        let of = |m: &Self, value: &Value<'t>| match m.operand(value) {
            Ok(Operand { data: Data::Var(var), .. }) => Some(var),
            _ => None,
        };
        let (vars, is_list) = match value {
            Value::Number(_) | Value::Array(_) => (of(self, value).into_iter().collect::<Vec<_>>(), false),
            Value::List(list) => {
                let all = self.state.heap.elements(*list);
                let numbers = all.iter().filter(|x| matches!(x, Value::Number(_) | Value::Array(_)));
                let vars: Vec<_> = numbers.filter_map(|x| of(self, x)).collect();
                (if vars.len() == all.len() { vars } else { vec![] }, true)
            }
            _ => (vec![], false),
        };
        if !vars.is_empty() {
            self.assigned.push((name.clone(), vars, is_list, self.line));
        }
    }

    /// A variable as a value.
    pub fn variable(&mut self, var: Var<'t, f64>) -> Value<'t> {
        self.given(Operand { data: Data::Var(var), kind: Kind::Float, python: var.rank() == 0 })
    }

    fn update(&mut self, target: &E, sign: super::syntax::Sign, value: &E) -> Done<()> {
        let whole = Span::new(target.span.start, value.span.end);
        match &target.node {
            Node::Name(name) => {
                let old = self.look_up_at(name, target.span)?;
                if self.frame().get(name).is_none() {
                    return Err(Fault::new(format!("{name} is not the function's own: assign it first"), target.span));
                }
                let value = self.eval(value)?;
                let new = match (&old, sign) {
                    (Value::Array(array), _) => {
                        let (x, y) = (self.state.heap.read(array).at(target.span)?, self.operand(&value).at(whole)?);
                        let new = self.computed(sign, &x, &y).at(whole)?;
                        let shape = self.state.heap.shape(array);
                        if new.data.shape().dims() != shape {
                            let message = format!(
                                "{}=: a value of shape {} does not fit into {name} of shape {}",
                                sign.text(),
                                y.data.shape(),
                                crate::Shape::new(&shape).at(whole)?
                            );
                            return Err(Fault::new(message, whole));
                        }
                        fits(x.kind, new.kind, &format!("{}=", sign.text())).at(whole)?;
                        self.write_over(array, &new).at(whole)?;
                        old.clone()
                    }
                    (Value::List(list), super::syntax::Sign::Mul) if matches!(&value, Value::Number(_)) => {
                        let new = self.combined(sign, &old, &value).at(whole)?;
                        *self.state.heap.elements_mut(*list) = self.elements_of(&new).at(whole)?;
                        old.clone()
                    }
                    (Value::List(list), super::syntax::Sign::Add)
                        if !matches!(&value, Value::Array(_) | Value::Number(_)) =>
                    {
                        let more = self.elements_of(&value).at(whole)?;
                        self.state.heap.elements_mut(*list).extend(more);
                        old.clone()
                    }
                    _ => self.combined(sign, &old, &value).at(whole)?,
                };
                let new = self.as_named(name, new, target.span)?;
                self.frame().insert(name.clone(), new);
                Ok(())
            }
            Node::Index(base, index) => {
                let base = self.eval(base)?;
                let index = self.eval(index)?;
                let old = self.index(&base, &index).at(target.span)?;
                let value = self.eval(value)?;
                if let (Value::Array(_), Value::List(_)) = (&old, &base) {
                    // The array of a list is updated in place, as NumPy does.
                    let Value::Array(array) = &old else { return Ok(()) };
                    let (x, y) = (self.state.heap.read(array).at(whole)?, self.operand(&value).at(whole)?);
                    let new = self.computed(sign, &x, &y).at(whole)?;
                    if new.data.shape() != x.data.shape() {
                        return Err(Fault::new(format!("{}=: the shapes differ", sign.text()), whole));
                    }
                    fits(x.kind, new.kind, &format!("{}=", sign.text())).at(whole)?;
                    return self.write_over(array, &new).at(whole);
                }
                let new = self.combined(sign, &old, &value).at(whole)?;
                if let (Value::Array(_), Ok(was), Ok(is)) = (&old, self.operand(&old), self.operand(&new))
                    && was.data.shape() != is.data.shape()
                {
                    let message = format!(
                        "{}=: the result of shape {} does not fit into a part of shape {}",
                        sign.text(),
                        is.data.shape(),
                        was.data.shape()
                    );
                    return Err(Fault::new(message, whole));
                }
                if let (Value::Array(array), Ok(x)) = (&base, self.operand(&new)) {
                    let kind = self.state.heap.storage(array).1;
                    fits(kind, x.kind, &format!("{}=", sign.text())).at(whole)?;
                }
                self.assign_at(&base, &index, new).at(whole)
            }
            _ => Err(Fault::new("this cannot be updated", target.span)),
        }
    }

    /// Writes over all elements of a view.
    pub fn write_over(&mut self, array: &Array<'t>, new: &Operand<'t>) -> crate::Result<()> {
        match &array.view {
            None => {
                self.state.heap.replace(array.storage, new.data.clone());
                Ok(())
            }
            Some(view) if view.fixed => {
                Err(crate::Error::argument("a stretched array or a diagonal is not written to; take a copy"))
            }
            Some(view) => self.state.heap.write(array.storage, &view.places(), &new.data, self.tape),
        }
    }

    // Expressions.

    fn look_up_at(&self, name: &Rc<str>, span: Span) -> Done<Value<'t>> {
        if let Some(value) = self.look_up(name) {
            if matches!(value, Value::Unset) {
                let message = format!("{name} is the function's own, as it is assigned there, and has no value yet");
                return Err(Fault::new(message, span));
            }
            return Ok(value);
        }
        if let Some(builtin) = super::functions::bare(name) {
            return Ok(builtin);
        }
        Err(Fault::new(self.unknown(name), span))
    }

    /// Says that a name has no value, and which one is near.
    fn unknown(&self, name: &str) -> String {
        let own = self.state.frames.iter().flat_map(HashMap::keys);
        let known: Vec<&str> =
            own.map(|name| &**name).chain(super::functions::bare_names().map(|name| name as &str)).collect();
        match nearest(name, &known) {
            Some(near) => format!("{name} has no value here; is {near} meant?"),
            None => format!("{name} has no value here, and is no function that is known"),
        }
    }

    pub fn eval(&mut self, expr: &Expr) -> Done<Value<'t>> {
        let span = expr.span;
        self.step(span)?;
        match &expr.node {
            Node::Number(x, is_whole) => {
                let kind = if *is_whole { Kind::Int } else { Kind::Float };
                Ok(Value::Number(Operand { data: Data::Number(*x), kind, python: true }))
            }
            Node::Name(name) => self.look_up_at(name, span),
            Node::Text(text) => Ok(Value::Text(text.clone())),
            Node::True => Ok(truth(true)),
            Node::False => Ok(truth(false)),
            Node::None => Ok(Value::None),
            Node::Ellipsis => Ok(Value::Ellipsis),
            Node::Prefix(prefix, x) => {
                let x = self.eval(x)?;
                self.prefixed(*prefix, &x, span)
            }
            Node::Binary(sign, x, y) => {
                let (x, y) = (self.eval(x)?, self.eval(y)?);
                self.combined(*sign, &x, &y).at(span)
            }
            Node::Compare(first, rest) => {
                let mut left = self.eval(first)?;
                let mut result = None;
                for (relation, right) in rest {
                    let right = self.eval(right)?;
                    let this = self.compared(*relation, &left, &right, span)?;
                    result = Some(this.clone());
                    if rest.len() > 1 {
                        if !matches!(this, Value::Number(_)) {
                            return Err(Fault::new("a chain of comparisons of arrays; write (a < b) & (b < c)", span));
                        }
                        if !self.truth(&this, span)? {
                            return Ok(this);
                        }
                    }
                    left = right;
                }
                Ok(result.unwrap_or_else(|| truth(true)))
            }
            Node::Both(is_and, x, y) => {
                let left = self.eval(x)?;
                if self.truth(&left, x.span)? == *is_and { self.eval(y) } else { Ok(left) }
            }
            Node::Choice(condition, a, b) => {
                let value = self.eval(condition)?;
                if self.truth(&value, condition.span)? { self.eval(a) } else { self.eval(b) }
            }
            Node::Call(function, args, named) => {
                let function = self.eval(function)?;
                let (args, named) = self.arguments(args, named)?;
                self.call(&function, args, named, span)
            }
            Node::Member(x, name) => {
                if let Node::Name(module) = &x.node
                    && self.look_up(module).is_none()
                    && ["np", "numpy", "math"].contains(&&**module)
                {
                    let found = super::functions::of_module(module, name).at(span);
                    self.unknown = found.as_ref().err().cloned();
                    return found;
                }
                let x = self.eval(x)?;
                self.member(&x, name).at(span)
            }
            Node::Index(x, index) => {
                let x = self.eval(x)?;
                let index = self.eval(index)?;
                self.index(&x, &index).at(span)
            }
            Node::Slice(a, b, c) => {
                let mut part = |x: &Option<E>| -> Done<Option<i64>> {
                    let Some(x) = x else { return Ok(None) };
                    let value = self.eval(x)?;
                    if matches!(value, Value::None) {
                        return Ok(None);
                    }
                    self.whole(&value, "a slice").at(x.span).map(Some)
                };
                Ok(Value::Slice([part(a)?, part(b)?, part(c)?]))
            }
            Node::Tuple(all) => {
                let all = all.iter().map(|x| self.eval(x)).collect::<Done<Vec<_>>>()?;
                Ok(Value::Tuple(all.into()))
            }
            Node::List(all) => {
                let all = all.iter().map(|x| self.eval(x)).collect::<Done<Vec<_>>>()?;
                Ok(self.heap().list(all))
            }
            Node::Each(element, target, source, condition) => {
                let value = self.eval(source)?;
                let all = self.elements_of(&value).at(source.span)?;
                let mut names = Vec::new();
                target.walk(&mut |x| {
                    if let Node::Name(name) = &x.node {
                        names.push(name.clone());
                    }
                });
                // The names of a list's loop are its own.
                let old: Vec<_> = names.iter().map(|name| self.frame().get(name).cloned()).collect();
                let mut found = Vec::new();
                for value in all {
                    let tape = self.tape.take();
                    let assigned = self.assign(target, value);
                    self.tape = tape;
                    assigned?;
                    let keep = match condition {
                        None => true,
                        Some(condition) => {
                            let value = self.eval(condition)?;
                            self.truth(&value, condition.span)?
                        }
                    };
                    if keep {
                        found.push(self.eval(element)?);
                    }
                }
                for (name, old) in names.into_iter().zip(old) {
                    match old {
                        Some(old) => self.frame().insert(name, old),
                        None => self.frame().remove(&name),
                    };
                }
                Ok(self.heap().list(found))
            }
        }
    }

    #[allow(clippy::type_complexity, reason = "arguments by place and by name")]
    fn arguments(&mut self, args: &[E], named: &[(Rc<str>, E)]) -> Done<(Vec<Value<'t>>, Vec<(Rc<str>, Value<'t>)>)> {
        let args = args.iter().map(|x| self.eval(x)).collect::<Done<Vec<_>>>()?;
        let named = named.iter().map(|(name, x)| Ok((name.clone(), self.eval(x)?))).collect::<Done<Vec<_>>>()?;
        Ok((args, named))
    }

    fn bound(
        &self,
        def: &Def,
        defaults: &[Option<Value<'t>>],
        args: Vec<Value<'t>>,
        named: Vec<(Rc<str>, Value<'t>)>,
        span: Span,
    ) -> Done<HashMap<Rc<str>, Value<'t>>> {
        let said = |what: String| Fault::new(format!("{}: {what}", def.name), span);
        let known: Vec<&str> = def.params.iter().map(|(name, _)| &**name).collect();
        if args.len() > known.len() {
            return Err(said(format!("{} arguments for {} parameters", args.len(), known.len())));
        }
        let mut frame: HashMap<Rc<str>, Value<'t>> = HashMap::new();
        for ((name, _), value) in def.params.iter().zip(args) {
            frame.insert(name.clone(), value);
        }
        for (name, value) in named {
            if !known.contains(&&*name) {
                return Err(said(format!("there is no parameter {name}; there are {}", known.join(", "))));
            }
            if frame.insert(name.clone(), value).is_some() {
                return Err(said(format!("{name} is given twice")));
            }
        }
        for ((name, _), default) in def.params.iter().zip(defaults) {
            if !frame.contains_key(name) {
                let value = default.clone().ok_or_else(|| said(format!("{name} is missing")))?;
                frame.insert(name.clone(), value);
            }
        }
        // What the body assigns is its own, from its first line on.
        for name in &def.locals {
            frame.entry(name.clone()).or_insert(Value::Unset);
        }
        Ok(frame)
    }

    pub fn call(
        &mut self,
        function: &Value<'t>,
        args: Vec<Value<'t>>,
        named: Vec<(Rc<str>, Value<'t>)>,
        span: Span,
    ) -> Done<Value<'t>> {
        match function {
            Value::Function(def, defaults) => {
                if self.calls >= CALLS {
                    return Err(Fault::new(format!("calls stand more than {CALLS} deep in each other"), span));
                }
                let frame = self.bound(def, defaults, args, named, span)?;
                self.calls += 1;
                self.state.frames.push(frame);
                let trace = self.trace.take();
                let flow = self.run(&def.body);
                self.trace = trace;
                self.state.frames.pop();
                self.calls -= 1;
                match flow? {
                    Flow::Return(value) => Ok(value),
                    _ => Ok(Value::None),
                }
            }
            Value::Builtin(name) => super::functions::call(self, name, args, named).at(span),
            Value::Method(method) => {
                let (x, name) = &**method;
                super::functions::method(self, x.clone(), name, args, named).at(span)
            }
            other => Err(Fault::new(format!("{} is no function", self.what(other)), span)),
        }
    }

    fn prefixed(&mut self, prefix: Prefix, x: &Value<'t>, span: Span) -> Done<Value<'t>> {
        if prefix == Prefix::Not {
            return Ok(truth(!self.truth(x, span)?));
        }
        if let Value::List(_) | Value::Tuple(_) | Value::Range(..) = x {
            return Err(Fault::new(format!("the sign of {}; make it an array, np.array(..)", self.what(x)), span));
        }
        let mut x = self.operand(x).at(span)?;
        let result = match prefix {
            Prefix::Invert if x.kind == Kind::Bool && !x.python => {
                let one = Data::Number(1.0);
                binary(BinaryOp::Sub(ops::Sub), &one, &x.data).at(span)?
            }
            Prefix::Invert => {
                let message = format!("~ of {}: of arrays of booleans it is known", x.kind.name());
                return Err(Fault::new(message, span));
            }
            _ if x.kind == Kind::Bool && !x.python => {
                return Err(Fault::new("the sign of booleans; write ~ for the other ones, or .astype(float)", span));
            }
            Prefix::Plus => x.data.clone(),
            _ => match x.data {
                // A whole 0 has no sign.
                Data::Number(n) => Data::Number(if x.kind == Kind::Float { -n } else { 0.0 - n }),
                _ if x.kind == Kind::Int && !x.data.is_recorded() => {
                    binary(BinaryOp::Sub(ops::Sub), &Data::Number(0.0), &x.data).at(span)?
                }
                _ => unary(UnaryOp::Neg(ops::Neg), &x.data).at(span)?,
            },
        };
        if x.kind == Kind::Bool && prefix != Prefix::Invert {
            x.kind = Kind::Int;
        }
        self.makes(result.shape().numel()).at(span)?;
        Ok(self.given(Operand { data: result, ..x }))
    }

    /// `x sign y` of values; lists and tuples are joined by + and repeated by *.
    pub fn combined(&mut self, sign: super::syntax::Sign, x: &Value<'t>, y: &Value<'t>) -> crate::Result<Value<'t>> {
        use super::syntax::Sign;
        match (x, sign, y) {
            (Value::List(a), Sign::Add, Value::List(b)) => {
                let (a, b) = (self.state.heap.elements(*a), self.state.heap.elements(*b));
                self.makes_values(a.len() + b.len())?;
                let all = [&a[..], &b[..]].concat();
                return Ok(self.heap().list(all));
            }
            (Value::Tuple(a), Sign::Add, Value::Tuple(b)) => {
                self.makes_values(a.len() + b.len())?;
                return Ok(Value::Tuple(a.iter().chain(b.iter()).cloned().collect()));
            }
            (Value::List(_) | Value::Tuple(_), Sign::Mul, Value::Number(n)) if n.kind == Kind::Int && n.python => {
                let times = n.data.item().max(0.0) as usize;
                let all = self.elements_of(x)?;
                self.makes_values(all.len().saturating_mul(times))?;
                let all: Vec<_> = (0..times).flat_map(|_| all.iter().cloned()).collect();
                return Ok(match x {
                    Value::List(_) => self.heap().list(all),
                    _ => Value::Tuple(all.into()),
                });
            }
            (Value::Number(_), Sign::Mul, Value::List(_) | Value::Tuple(_)) => return self.combined(sign, y, x),
            _ => {}
        }
        self.not_lists_alone(sign.text(), x, y)?;
        let (x, y) = (self.operand(x)?, self.operand(y)?);
        let result = self.computed(sign, &x, &y)?;
        Ok(self.given(result))
    }

    /// A list becomes an array beside one of NumPy's, and not beside a number of Python's or another list.
    fn not_lists_alone(&self, sign: &str, x: &Value<'t>, y: &Value<'t>) -> crate::Result<()> {
        let is_numpys =
            |value: &Value<'t>| matches!(value, Value::Array(_)) || matches!(value, Value::Number(x) if !x.python);
        let is_list = |value: &Value<'t>| matches!(value, Value::List(_) | Value::Tuple(_) | Value::Range(..));
        if (is_list(x) || is_list(y)) && !is_numpys(x) && !is_numpys(y) {
            let (x, y) = (self.what(x), self.what(y));
            return Err(crate::Error::argument(format!("{sign}: {x} and {y}; make the list an array, np.array(..)")));
        }
        Ok(())
    }

    /// The same of numbers and arrays, with its cost counted and stretched shapes noted.
    fn computed(&mut self, sign: super::syntax::Sign, x: &Operand<'t>, y: &Operand<'t>) -> crate::Result<Operand<'t>> {
        let (a, b) = (x.data.shape(), y.data.shape());
        match sign {
            super::syntax::Sign::MatMul => self.makes(super::functions::work_of_product(&a, &b))?,
            _ => {
                let shape = crate::Shape::broadcast(sign.text(), &a, &b)?;
                self.makes(shape.numel())?;
                if a.rank() > 0 && b.rank() > 0 && shape != a && shape != b {
                    self.stretched.push((self.line, format!("{sign} made {shape} of {a} and {b}", sign = sign.text())));
                }
            }
        }
        arithmetic(sign, x, y)
    }

    fn compared(&mut self, relation: Relation, x: &Value<'t>, y: &Value<'t>, span: Span) -> Done<Value<'t>> {
        match relation {
            Relation::Is | Relation::IsNot => {
                if !matches!(x, Value::None) && !matches!(y, Value::None) {
                    return Err(Fault::new("is compares with None here; write == for values", span));
                }
                let same = matches!((x, y), (Value::None, Value::None));
                return Ok(truth(same == (relation == Relation::Is)));
            }
            Relation::In | Relation::NotIn => {
                let mut found = false;
                for value in self.elements_of(y).at(span)? {
                    let same = self.compared(Relation::Equal, x, &value, span)?;
                    found |= self.truth(&same, span)?;
                }
                return Ok(truth(found == (relation == Relation::In)));
            }
            _ => {}
        }
        if let (Value::Text(a), Value::Text(b)) = (x, y) {
            return match relation {
                Relation::Equal => Ok(truth(a == b)),
                Relation::NotEqual => Ok(truth(a != b)),
                _ => Err(Fault::new("texts are not ordered here", span)),
            };
        }
        if matches!(relation, Relation::Equal | Relation::NotEqual)
            && !matches!((x, y), (Value::Array(_), _) | (_, Value::Array(_)))
            && (matches!(x, Value::None) != matches!(y, Value::None))
        {
            return Ok(truth(relation == Relation::NotEqual));
        }
        if let (Value::Tuple(_) | Value::List(_), Value::Tuple(_) | Value::List(_)) = (x, y)
            && matches!(relation, Relation::Equal | Relation::NotEqual)
        {
            let (a, b) = (self.elements_of(x).at(span)?, self.elements_of(y).at(span)?);
            let mut same = a.len() == b.len() && matches!(x, Value::List(_)) == matches!(y, Value::List(_));
            if self.calls >= LISTS {
                return Err(Fault::new("lists stand too deep in each other", span));
            }
            self.calls += 1;
            for (a, b) in a.iter().zip(&b) {
                let this = self.compared(Relation::Equal, a, b, span)?;
                same = same && self.truth(&this, span)?;
            }
            self.calls -= 1;
            return Ok(truth(same == (relation == Relation::Equal)));
        }
        if let (Value::Array(_), Value::None) | (Value::None, Value::Array(_)) = (x, y) {
            return Err(Fault::new("an array is compared with None; write is None", span));
        }
        self.not_lists_alone(relation.text(), x, y).at(span)?;
        let (x, y) = (self.operand(x).at(span)?, self.operand(y).at(span)?);
        let python = x.python && y.python;
        let op = match relation {
            Relation::Less => BinaryOp::Less(ops::Less),
            Relation::LessEqual => BinaryOp::LessEqual(ops::LessEqual),
            Relation::Greater => BinaryOp::Greater(ops::Greater),
            Relation::GreaterEqual => BinaryOp::GreaterEqual(ops::GreaterEqual),
            Relation::Equal => BinaryOp::Equal(ops::Equal),
            _ => BinaryOp::NotEqual(ops::NotEqual),
        };
        let shape = crate::Shape::broadcast(relation.text(), &x.data.shape(), &y.data.shape()).at(span)?;
        self.makes(shape.numel()).at(span)?;
        let data = binary(op, &x.data, &y.data).at(span)?;
        Ok(self.given(Operand { data, kind: Kind::Bool, python }))
    }

    /// Whether a value counts as true.
    pub fn truth(&mut self, value: &Value<'t>, span: Span) -> Done<bool> {
        match value {
            Value::None => Ok(false),
            Value::Number(x) => Ok(x.data.item() != 0.0),
            Value::Text(text) => Ok(!text.is_empty()),
            Value::Tuple(all) => Ok(!all.is_empty()),
            Value::List(list) => Ok(!self.state.heap.elements(*list).is_empty()),
            Value::Range(..) => Ok(!self.elements_of(value).at(span)?.is_empty()),
            Value::Array(array) => {
                let shape = self.state.heap.shape(array);
                if shape.iter().product::<usize>() != 1 {
                    let message = "whether an array is true is not known; write .any() or .all(), or np.where for a choice by element";
                    return Err(Fault::new(message, span));
                }
                Ok(self.state.heap.read(array).at(span)?.data.value().as_slice()[0] != 0.0)
            }
            other => Err(Fault::new(format!("{} is neither true nor false", self.what(other)), span)),
        }
    }
}

/// A Python boolean.
pub(super) fn truth<'t>(x: bool) -> Value<'t> {
    Value::Number(Operand { data: Data::Number(f64::from(u8::from(x))), kind: Kind::Bool, python: true })
}

/// Whether what is of one kind can be written into an array of another without loss.
pub(super) fn fits(into: Kind, kind: Kind, op: &str) -> crate::Result<()> {
    if kind <= into {
        return Ok(());
    }
    let message = format!(
        "{op}: {} do not fit into an array of {}; make it with a point (1.0) or .astype(float)",
        kind.name(),
        into.name()
    );
    Err(crate::Error::argument(message))
}

/// The known name that is nearest, if one is near.
pub(super) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let distance = |a: &str, b: &str| {
        let b: Vec<char> = b.chars().collect();
        let mut row: Vec<usize> = (0..=b.len()).collect();
        for (i, x) in a.chars().enumerate() {
            let mut diagonal = std::mem::replace(&mut row[0], i + 1);
            for (j, y) in b.iter().enumerate() {
                let change = diagonal + usize::from(x.to_lowercase().ne(y.to_lowercase()));
                diagonal = row[j + 1];
                row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
            }
        }
        row[b.len()]
    };
    let near = known
        .iter()
        .map(|known| (distance(name, known), *known))
        .filter(|(d, known)| *known != name && *d <= (name.len() + 1) / 3);
    near.min().map(|(_, known)| known)
}
