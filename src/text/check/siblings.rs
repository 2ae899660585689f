//! Statements that are the same but for the step, layer or head that their names are numbered by.
//!
//! A loop that is written out, `dz2 = dh2 * (g2 - h1)` and further down `dz1 = dh1 * (g1 - h0)`, is written by copying: the same slip
//! stands in all of its turns.

use super::judge::statement;
use crate::text::run::Step;
use crate::text::syntax::{E, Expr, Node, Sign, Stmt, StmtKind};
use std::collections::HashMap;
use std::rc::Rc;

/// For each name of one statement the name of the other in its place, and how far their numbers are apart.
pub(super) struct Renaming {
    names: HashMap<Rc<str>, Rc<str>>,
    by: i64,
}

/// The statements that are like one another, in groups.
#[derive(Default)]
pub(super) struct Siblings {
    groups: Vec<Vec<Rc<Stmt>>>,
    /// All statements, by the name that they assign, where that is numbered.
    numbered: Vec<(String, i64, Rc<Stmt>)>,
}

impl Siblings {
    pub fn of(steps: &[Step]) -> Self {
        let mut groups: Vec<Vec<Rc<Stmt>>> = Vec::new();
        for stmt in steps.iter().filter_map(statement) {
            if groups.iter().flatten().any(|known| known.span == stmt.span) {
                continue;
            }
            match groups.iter_mut().find(|group| renaming(&group[0], stmt).is_some()) {
                Some(group) => group.push(stmt.clone()),
                None => groups.push(vec![stmt.clone()]),
            }
        }
        let numbered = groups.iter().flatten().filter_map(|stmt| {
            let (target, ..) = parts(stmt)?;
            let Node::Name(name) = &target.node else { return None };
            let (stem, number) = numbered(name)?;
            Some((stem.to_owned(), number, stmt.clone()))
        });
        let numbered = numbered.collect();
        groups.retain(|group| group.len() > 1);
        Self { groups, numbered }
    }

    /// What a statement would say if it said what those of other steps say.
    pub fn by_analogy(&self, stmt: &Stmt, is_known: &dyn Fn(&str) -> bool) -> Vec<E> {
        let own = self.numbered.iter().find(|(.., own)| own.span == stmt.span);
        let Some((stem, number, _)) = own else { return Vec::new() };
        let others = self.numbered.iter().filter(|(other, i, _)| other == stem && i != number);
        let others = others.filter(|(.., other)| {
            std::mem::discriminant(&other.kind) == std::mem::discriminant(&stmt.kind) && renaming(stmt, other).is_none()
        });
        let others = others.filter_map(|(_, i, other)| {
            let renaming = Renaming { names: HashMap::new(), by: number - i };
            Some(renaming.renamed(value(other)?, is_known))
        });
        others.collect()
    }

    /// The others of a statement's group.
    pub fn others(&self, stmt: &Stmt) -> impl Iterator<Item = &Rc<Stmt>> {
        let group = self.groups.iter().find(|group| group.iter().any(|own| own.span == stmt.span));
        group.into_iter().flatten().filter(move |other| other.span != stmt.span)
    }

    /// Whether two lines hold statements of one group.
    pub fn are(&self, line: usize, other: usize) -> bool {
        self.groups
            .iter()
            .any(|group| group.iter().any(|stmt| stmt.line == line) && group.iter().any(|stmt| stmt.line == other))
    }
}

/// What a statement does to which name, of what: `dW = x` and `dW += x` are the first and a later turn of the same.
fn parts(stmt: &Stmt) -> Option<(&E, Sign, &E)> {
    match &stmt.kind {
        StmtKind::Assign(targets, value) if targets.len() == 1 => Some((&targets[0], Sign::Add, value)),
        StmtKind::Update(target, sign, value) => Some((target, *sign, value)),
        _ => None,
    }
}

/// What a statement assigns or adds.
pub(super) fn value(stmt: &Stmt) -> Option<&E> {
    match &stmt.kind {
        StmtKind::Assign(_, value) | StmtKind::Update(_, _, value) => Some(value),
        _ => None,
    }
}

/// A name without the number at its end, and that number.
fn numbered(name: &str) -> Option<(&str, i64)> {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    Some((stem, name[stem.len()..].parse().ok()?))
}

/// How the names of one statement become those of the other, if nothing else is different.
pub(super) fn renaming(a: &Stmt, b: &Stmt) -> Option<Renaming> {
    let ((target, sign, value), (other_target, other_sign, other_value)) = (parts(a)?, parts(b)?);
    let mut found = Renaming { names: HashMap::new(), by: 0 };
    let same = sign == other_sign && pair(target, other_target, &mut found) && pair(value, other_value, &mut found);
    (same && found.by != 0).then_some(found)
}

fn pair(a: &Expr, b: &Expr, found: &mut Renaming) -> bool {
    let same = match (&a.node, &b.node) {
        (Node::Name(x), Node::Name(y)) => {
            if x != y {
                let (Some((stem, i)), Some((other, j))) = (numbered(x), numbered(y)) else { return false };
                if stem != other || found.by != 0 && found.by != j - i {
                    return false;
                }
                found.by = j - i;
            }
            return found.names.insert(x.clone(), y.clone()).is_none_or(|known| known == *y);
        }
        (Node::Number(x, i), Node::Number(y, j)) => x == y && i == j,
        (Node::Text(x), Node::Text(y)) => x == y,
        (Node::Prefix(x, _), Node::Prefix(y, _)) => x == y,
        (Node::Binary(x, ..), Node::Binary(y, ..)) => x == y,
        (Node::Member(_, x), Node::Member(_, y)) => x == y,
        (Node::Both(x, ..), Node::Both(y, ..)) => x == y,
        (Node::Compare(_, x), Node::Compare(_, y)) => x.iter().map(|(r, _)| *r).eq(y.iter().map(|(r, _)| *r)),
        (Node::Call(_, x, named), Node::Call(_, y, others)) => {
            x.len() == y.len() && named.iter().map(|(name, _)| name).eq(others.iter().map(|(name, _)| name))
        }
        (Node::Slice(a, b, c), Node::Slice(x, y, z)) => {
            [a, b, c].map(Option::is_some) == [x, y, z].map(Option::is_some)
        }
        (Node::Each(..), _) => false,
        (x, y) => std::mem::discriminant(x) == std::mem::discriminant(y),
    };
    let (own, other) = (a.children(), b.children());
    same && own.len() == other.len() && own.iter().zip(other).all(|(x, y)| pair(x, y, found))
}

impl Renaming {
    /// An expression with the names of the other statement; a name that neither has goes by its number, where there is one of that number.
    pub fn renamed(&self, x: &E, is_known: &dyn Fn(&str) -> bool) -> E {
        x.map_names(&mut |name| {
            if let Some(other) = self.names.get(name) {
                return other.clone();
            }
            let shifted = numbered(name).map(|(stem, i)| format!("{stem}{}", i + self.by));
            shifted.filter(|name| is_known(name)).map_or_else(|| name.clone(), Rc::from)
        })
    }
}

/// What stands in the other tree where `part` stands in this one.
pub(super) fn counterpart(root: &E, other: &E, part: &E) -> Option<E> {
    if Rc::ptr_eq(root, part) {
        return Some(other.clone());
    }
    root.children().into_iter().zip(other.children()).find_map(|(x, y)| counterpart(x, y, part))
}
