//! Steps of a backward part, and the units that they are judged in.
//!
//! A name that is built by several statements (`dk = zeros`, `dk[0] = ..`; `dW += ..` in a loop) is judged when it is complete: a unit is
//! what is written to a name until another statement reads it.

use crate::text::run::Step;
use crate::text::syntax::{Expr, Node, Sign, StmtKind};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// A name in a frame: the text's own, or that of the n-th call.
pub(super) type Key = (usize, Rc<str>);

/// What a step does to names.
#[derive(Default)]
pub(super) struct Touches {
    pub reads: Vec<Key>,
    /// A name, and whether what it had before counts.
    pub writes: Vec<(Key, bool)>,
}

/// What is written to a name until it is read.
pub(super) struct Unit {
    pub key: Key,
    /// The steps that write, in order.
    pub members: Vec<usize>,
    /// Whether something reads it.
    pub is_read: bool,
    /// Whether it is the last of its name.
    pub is_last: bool,
    /// The units that the members read.
    pub reads: Vec<usize>,
    /// Whether it is what is made of a gradient that is complete.
    pub is_after: bool,
}

fn names(expr: &Expr, frame: usize, found: &mut Vec<Key>) {
    expr.walk(&mut |x| {
        if let Node::Name(name) = &x.node {
            found.push((frame, name.clone()));
        }
    });
}

/// The name that an index or a chain of members is of.
pub(super) fn base(expr: &Expr) -> Option<&Rc<str>> {
    match &expr.node {
        Node::Name(name) => Some(name),
        Node::Index(x, _) | Node::Member(x, _) => base(x),
        _ => None,
    }
}

fn target(expr: &Expr, frame: usize, reads: &mut Vec<Key>, writes: &mut Vec<(Key, bool)>) {
    match &expr.node {
        Node::Name(name) => writes.push(((frame, name.clone()), false)),
        Node::Index(x, index) => {
            if let Some(name) = base(x) {
                writes.push(((frame, name.clone()), true));
            }
            names(index, frame, reads);
        }
        Node::Tuple(all) | Node::List(all) => all.iter().for_each(|x| target(x, frame, reads, writes)),
        _ => {}
    }
}

/// What each step touches; `in_frames` are the numbers of the frames that the steps run in.
pub(super) fn touches(steps: &[Step]) -> Vec<Touches> {
    let mut frames = vec![0];
    let mut count = 0;
    let mut all = Vec::with_capacity(steps.len());
    for step in steps {
        let frame = frames[frames.len() - 1];
        let mut touched = Touches::default();
        let Touches { reads, writes } = &mut touched;
        match step {
            Step::Run(stmt) => match &stmt.kind {
                StmtKind::Assign(targets, value) => {
                    names(value, frame, reads);
                    targets.iter().for_each(|x| target(x, frame, reads, writes));
                    // x = x + y goes on from x.
                    writes.iter_mut().for_each(|(key, goes_on)| *goes_on |= reads.contains(key));
                }
                StmtKind::Update(x, _, value) => {
                    names(value, frame, reads);
                    target(x, frame, reads, writes);
                    writes.iter_mut().for_each(|(_, goes_on)| *goes_on = true);
                }
                StmtKind::Expr(value) => {
                    names(value, frame, reads);
                    if let Some(changed) = changed(value) {
                        writes.push(((frame, changed.clone()), true));
                    }
                }
                _ => {}
            },
            Step::Bind(x, source, _) => {
                names(source, frame, reads);
                target(x, frame, reads, writes);
                writes.iter_mut().for_each(|(_, goes_on)| *goes_on = false);
            }
            Step::Enter(def, call) => {
                names(call, frame, reads);
                count += 1;
                frames.push(count);
                def.params.iter().for_each(|(name, _)| writes.push(((count, name.clone()), false)));
            }
            Step::Leave(value, stmt) => {
                if let Some(value) = value {
                    names(value, frame, reads);
                }
                frames.pop();
                let outer = frames[frames.len() - 1];
                if let StmtKind::Assign(targets, _) = &stmt.kind {
                    targets.iter().for_each(|x| target(x, outer, reads, writes));
                }
            }
        }
        all.push(touched);
    }
    all
}

/// What a call as a statement changes: the first argument of `np.add.at`, the list that something is appended to.
fn changed(value: &Expr) -> Option<&Rc<str>> {
    let Node::Call(function, args, _) = &value.node else { return None };
    let Node::Member(of, name) = &function.node else { return None };
    match &**name {
        "at" => args.first().and_then(|x| base(x)),
        "append" | "extend" | "insert" | "pop" | "reverse" | "fill" => base(of),
        _ => None,
    }
}

/// Which steps make something else of a gradient that is complete: clip it, or scale it by the norm of gradients.
pub(super) fn after(steps: &[Step], is_gradient: &dyn Fn(&str) -> bool) -> Vec<bool> {
    // Numbers that are made of gradients' norms.
    let mut norms: HashSet<Rc<str>> = HashSet::new();
    let mut is_after = vec![false; steps.len()];
    for (k, step) in steps.iter().enumerate() {
        let Step::Run(stmt) = step else { continue };
        let (target, value) = match &stmt.kind {
            StmtKind::Assign(targets, value) if targets.len() == 1 => (&targets[0], value),
            StmtKind::Update(target, _, value) => (target, value),
            _ => continue,
        };
        let Node::Name(name) = &target.node else { continue };
        let (mut read, mut calls) = (Vec::new(), Vec::new());
        operands(value, &mut read, &mut calls);
        let own = |x: &Expr| matches!(&x.node, Node::Name(own) if own == name);
        if !is_gradient(name) {
            let of_norms = |x: &Rc<str>| norms.contains(x) || is_gradient(x);
            let takes =
                calls.iter().any(|call| ["norm", "sqrt"].contains(&&**call)) || read.iter().any(|x| norms.contains(x));
            if takes && !read.is_empty() && read.iter().all(of_norms) {
                norms.insert(name.clone());
            }
            continue;
        }
        let is_scale = |x: &Expr| {
            let (mut read, mut calls) = (Vec::new(), Vec::new());
            operands(x, &mut read, &mut calls);
            !read.is_empty() && read.iter().all(|x| norms.contains(x))
        };
        is_after[k] = match &stmt.kind {
            StmtKind::Update(_, Sign::Mul | Sign::Div, factor) => is_scale(factor),
            _ => match &value.node {
                Node::Binary(Sign::Mul, x, y) => own(x) && is_scale(y) || own(y) && is_scale(x),
                Node::Binary(Sign::Div, x, y) => own(x) && is_scale(y),
                Node::Call(function, args, _) => match &function.node {
                    Node::Member(of, called) if &**called == "clip" => own(of) || args.first().is_some_and(|x| own(x)),
                    Node::Name(called) if &**called == "clip" => args.first().is_some_and(|x| own(x)),
                    _ => false,
                },
                _ => false,
            },
        };
    }
    is_after
}

/// The names that an expression reads, without those of modules, and the functions that it calls.
fn operands(expr: &Expr, read: &mut Vec<Rc<str>>, calls: &mut Vec<Rc<str>>) {
    match &expr.node {
        Node::Name(name) if &**name != "np" && &**name != "math" => read.push(name.clone()),
        Node::Call(function, args, named) => {
            match &function.node {
                Node::Name(name) => calls.push(name.clone()),
                Node::Member(of, name) => {
                    calls.push(name.clone());
                    if !matches!(&of.node, Node::Member(..)) {
                        operands(of, read, calls);
                    }
                }
                _ => operands(function, read, calls),
            }
            args.iter().chain(named.iter().map(|(_, x)| x)).for_each(|x| operands(x, read, calls));
        }
        _ => expr.children().into_iter().for_each(|x| operands(x, read, calls)),
    }
}

/// The units of these steps, by their last members; loop names and arguments are none.
///
/// What the steps `after` make of a name is a unit of its own, and the one before it the last of its name.
pub(super) fn units(steps: &[Step], touched: &[Touches], after: &[bool]) -> Vec<Unit> {
    let mut all: Vec<Unit> = Vec::new();
    let mut open: HashMap<Key, usize> = HashMap::new();
    for (k, touches) in touched.iter().enumerate() {
        let is_judged = matches!(steps[k], Step::Run(_) | Step::Leave(..));
        let mut reads = Vec::new();
        for key in &touches.reads {
            if let Some(&unit) = open.get(key) {
                reads.push(unit);
            }
        }
        for (key, goes_on) in &touches.writes {
            let own = open.get(key).copied();
            if !is_judged {
                open.remove(key);
                continue;
            }
            match own.filter(|_| *goes_on && !after[k]) {
                Some(unit) if !all[unit].is_read => all[unit].members.push(k),
                _ => {
                    let continues = *goes_on;
                    let members = vec![k];
                    let unit = Unit {
                        key: key.clone(),
                        members,
                        is_read: false,
                        is_last: true,
                        reads: vec![],
                        is_after: after[k],
                    };
                    if let Some(old) = own {
                        all[old].is_last &= after[k];
                        // What goes on from it reads it.
                        all[old].is_read |= continues;
                    }
                    all.push(unit);
                    open.insert(key.clone(), all.len() - 1);
                }
            }
            let unit = open[key];
            for &read in reads.iter().filter(|&&read| read != unit) {
                if !all[unit].reads.contains(&read) {
                    all[unit].reads.push(read);
                }
            }
        }
        // A statement that reads what it does not itself write.
        for &read in &reads {
            let writes_it = touches.writes.iter().any(|(key, _)| open.get(key) == Some(&read));
            if !writes_it {
                all[read].is_read = true;
            }
        }
    }
    all
}
