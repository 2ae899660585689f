//! The tree of a text: statements of expressions, each with its place.

use super::fault::{Fault, Span};
use std::rc::Rc;

#[derive(Clone, Debug)]
pub(super) struct Expr {
    pub node: Node,
    pub span: Span,
    /// How many levels stand in each other: bounded, as what walks a tree goes down by calls.
    height: u16,
}

pub(super) type E = Rc<Expr>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Sign {
    Add,
    Sub,
    Mul,
    Div,
    FloorDiv,
    Mod,
    Pow,
    MatMul,
    And,
    Or,
    Xor,
}

impl Sign {
    pub fn text(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::FloorDiv => "//",
            Self::Mod => "%",
            Self::Pow => "**",
            Self::MatMul => "@",
            Self::And => "&",
            Self::Or => "|",
            Self::Xor => "^",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Relation {
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    Is,
    IsNot,
    In,
    NotIn,
}

impl Relation {
    pub fn text(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Is => "is",
            Self::IsNot => "is not",
            Self::In => "in",
            Self::NotIn => "not in",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefix {
    Minus,
    Plus,
    /// `~`.
    Invert,
    Not,
}

#[derive(Clone, Debug)]
pub(super) enum Node {
    Number(f64, bool),
    Name(Rc<str>),
    Text(Rc<str>),
    True,
    False,
    None,
    Ellipsis,
    Prefix(Prefix, E),
    Binary(Sign, E, E),
    /// A chain: `a < b <= c`.
    Compare(E, Vec<(Relation, E)>),
    /// `and`, or `or`.
    Both(bool, E, E),
    /// `a if condition else b`: condition, a, b.
    Choice(E, E, E),
    Call(E, Vec<E>, Vec<(Rc<str>, E)>),
    Member(E, Rc<str>),
    Index(E, E),
    Slice(Option<E>, Option<E>, Option<E>),
    Tuple(Vec<E>),
    List(Vec<E>),
    /// `[element for target in source if condition]`.
    Each(E, E, E, Option<E>),
}

#[derive(Clone, Debug)]
pub(super) struct Stmt {
    pub kind: StmtKind,
    pub span: Span,
    /// The line that it begins in, from 1 on.
    pub line: usize,
}

#[derive(Clone, Debug)]
pub(super) enum StmtKind {
    /// Targets, from the left, and the value.
    Assign(Vec<E>, E),
    Update(E, Sign, E),
    Expr(E),
    For(E, E, Rc<[Stmt]>),
    If(E, Rc<[Stmt]>, Rc<[Stmt]>),
    Def(Rc<Def>),
    Return(Option<E>),
    Pass,
    Break,
    Continue,
}

#[derive(Debug)]
pub(super) struct Def {
    pub name: Rc<str>,
    /// Parameters, with their defaults.
    pub params: Vec<(Rc<str>, Option<E>)>,
    pub body: Rc<[Stmt]>,
    /// The names that the body assigns: they are the function's own.
    pub locals: Vec<Rc<str>>,
}

/// How tall a tree may be: a chain of operators is as tall as it is long.
const TALLEST: u16 = 200;

impl Expr {
    pub fn new(node: Node, span: Span) -> Result<E, Fault> {
        let mut expr = Self { node, span, height: 1 };
        expr.height += expr.children().iter().map(|child| child.height).max().unwrap_or(0);
        match expr.height {
            0..=TALLEST => Ok(Rc::new(expr)),
            _ => Err(Fault::new(format!("an expression of more than {TALLEST} levels; give parts of it names"), span)),
        }
    }

    pub fn children(&self) -> Vec<&E> {
        match &self.node {
            Node::Number(..)
            | Node::Name(_)
            | Node::Text(_)
            | Node::True
            | Node::False
            | Node::None
            | Node::Ellipsis => vec![],
            Node::Prefix(_, x) | Node::Member(x, _) => vec![x],
            Node::Binary(_, x, y) | Node::Both(_, x, y) | Node::Index(x, y) => vec![x, y],
            Node::Compare(x, rest) => std::iter::once(x).chain(rest.iter().map(|(_, y)| y)).collect(),
            Node::Choice(a, b, c) => vec![a, b, c],
            Node::Call(f, args, named) => {
                std::iter::once(f).chain(args).chain(named.iter().map(|(_, value)| value)).collect()
            }
            Node::Slice(a, b, c) => [a, b, c].into_iter().flatten().collect(),
            Node::Tuple(all) | Node::List(all) => all.iter().collect(),
            Node::Each(a, b, c, d) => [a, b, c].into_iter().chain(d).collect(),
        }
    }

    /// The same node, with what `f` makes of each child.
    pub fn with_children(&self, f: &mut dyn FnMut(&E) -> E) -> Node {
        match &self.node {
            Node::Prefix(prefix, x) => Node::Prefix(*prefix, f(x)),
            Node::Binary(sign, x, y) => Node::Binary(*sign, f(x), f(y)),
            Node::Compare(x, rest) => Node::Compare(f(x), rest.iter().map(|(relation, y)| (*relation, f(y))).collect()),
            Node::Both(is_and, x, y) => Node::Both(*is_and, f(x), f(y)),
            Node::Choice(a, b, c) => Node::Choice(f(a), f(b), f(c)),
            Node::Call(function, args, named) => {
                let function = f(function);
                let args = args.iter().map(&mut *f).collect();
                Node::Call(function, args, named.iter().map(|(name, x)| (name.clone(), f(x))).collect())
            }
            Node::Member(x, name) => Node::Member(f(x), name.clone()),
            Node::Index(x, y) => Node::Index(f(x), f(y)),
            Node::Slice(a, b, c) => Node::Slice(a.as_ref().map(&mut *f), b.as_ref().map(&mut *f), c.as_ref().map(f)),
            Node::Tuple(all) => Node::Tuple(all.iter().map(f).collect()),
            Node::List(all) => Node::List(all.iter().map(f).collect()),
            Node::Each(a, b, c, d) => Node::Each(f(a), f(b), f(c), d.as_ref().map(f)),
            leaf => leaf.clone(),
        }
    }

    /// The same expression of other names. It stands nowhere in the text.
    pub fn map_names(&self, f: &mut dyn FnMut(&Rc<str>) -> Rc<str>) -> E {
        let node = match &self.node {
            Node::Name(name) => Node::Name(f(name)),
            _ => self.with_children(&mut |x| x.map_names(f)),
        };
        // It is as tall as it was.
        Rc::new(Self { node, span: Span::default(), height: self.height })
    }

    /// Calls `f` with this and all below it.
    pub fn walk<'a>(&'a self, f: &mut dyn FnMut(&'a Expr)) {
        f(self);
        for child in self.children() {
            child.walk(f);
        }
    }
}

/// The names that statements assign, those of blocks among them; not those of functions' bodies.
pub(super) fn assigned(body: &[Stmt]) -> Vec<Rc<str>> {
    fn of_target(target: &Expr, found: &mut Vec<Rc<str>>) {
        match &target.node {
            Node::Name(name) if !found.contains(name) => found.push(name.clone()),
            Node::Tuple(all) | Node::List(all) => all.iter().for_each(|x| of_target(x, found)),
            _ => {}
        }
    }
    fn of(body: &[Stmt], found: &mut Vec<Rc<str>>) {
        for stmt in body {
            match &stmt.kind {
                StmtKind::Assign(targets, _) => targets.iter().for_each(|x| of_target(x, found)),
                StmtKind::Update(target, ..) => of_target(target, found),
                StmtKind::For(target, _, body) => {
                    of_target(target, found);
                    of(body, found);
                }
                StmtKind::If(_, then, otherwise) => {
                    of(then, found);
                    of(otherwise, found);
                }
                StmtKind::Def(def) if !found.contains(&def.name) => found.push(def.name.clone()),
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    of(body, &mut found);
    found
}
