//! Formulas as values: a number type that records what is done with it.
//!
//! The ops' rules are generic over [`Number`](crate::Number) and [`Algebra`](crate::Algebra); run over [`Symbol`] and
//! [`Rules`](crate::ops::symbol::Rules), they write themselves down. So each derivative exists once, in its rule.
//!
//! A [`TermTable`] holds every term once: equal terms have equal numbers. Constants are folded as terms are made, a factor 1 and
//! a summand 0 are dropped.

mod collapse;
mod equations;
mod latex;
#[cfg(test)]
mod tests;

pub(super) use collapse::Collapse;
pub(super) use equations::Equations;
pub(super) use latex::Notation;

use crate::ops::structural::{BroadcastTo, Reshape, TensorOp};
use crate::ops::symbol::{Formulas, Symbol};
use crate::ops::{self, Apply, Apply2, BinaryOp, UnaryOp};
use crate::tensor::Shape;
use smallvec::SmallVec;
use std::cell::RefCell;
use std::collections::HashMap;

/// What a term is.
#[derive(Clone, Debug)]
pub(crate) enum TermKind {
    Literal(f64),
    /// The value of a node.
    Node(usize),
    /// The gradient by a node.
    Adjoint(usize),
    /// A tensor that a rule brings along.
    Constant(Vec<f64>),
    Unary(UnaryOp),
    Binary(BinaryOp),
    Select,
    Tensor(TensorOp),
    /// A user's op, which has a name and no formula.
    Named(String),
}

/// A form applied to terms.
#[derive(Clone, Debug)]
pub(crate) struct Term {
    pub form: TermKind,
    pub args: SmallVec<[usize; 3]>,
    pub shape: Shape,
}

/// Every term, once.
#[derive(Default)]
pub(crate) struct TermTable {
    terms: RefCell<Vec<Term>>,
    numbers: RefCell<HashMap<String, usize>>,
}

impl TermTable {
    pub fn term(&self, id: usize) -> Term {
        self.terms.borrow()[id].clone()
    }
    pub fn shape(&self, id: usize) -> Shape {
        self.terms.borrow()[id].shape.clone()
    }
    pub fn literal(&self, id: usize) -> Option<f64> {
        match self.terms.borrow()[id].form {
            TermKind::Literal(x) => Some(x),
            _ => None,
        }
    }

    /// The term's number, new or not.
    pub fn intern(&self, form: TermKind, args: &[usize], shape: Shape) -> usize {
        let key = format!("{form:?} {args:?} {shape}");
        if let Some(&id) = self.numbers.borrow().get(&key) {
            return id;
        }
        let mut terms = self.terms.borrow_mut();
        terms.push(Term { form, args: SmallVec::from_slice(args), shape });
        self.numbers.borrow_mut().insert(key, terms.len() - 1);
        terms.len() - 1
    }
    pub fn lit(&self, x: f64) -> usize {
        self.intern(TermKind::Literal(x), &[], Shape::scalar())
    }
    pub fn symbol(&self, id: usize) -> Symbol<'_> {
        Symbol::Term(self, id)
    }
    /// The number of a symbol's term.
    pub fn id(&self, symbol: Symbol<'_>) -> usize {
        symbol.term(self)
    }

    pub fn unary(&self, op: UnaryOp, x: usize) -> usize {
        if let Some(x) = self.literal(x) {
            return self.lit(op.with(Apply(x)));
        }
        let term = self.term(x);
        if let (UnaryOp::Neg(_), TermKind::Unary(UnaryOp::Neg(_))) = (op, &term.form) {
            return term.args[0];
        }
        self.intern(TermKind::Unary(op), &[x], term.shape)
    }

    pub fn neg(&self, x: usize) -> usize {
        self.unary(UnaryOp::Neg(ops::Neg), x)
    }

    pub fn binary(&self, op: BinaryOp, x: usize, y: usize) -> usize {
        use BinaryOp::*;
        let (a, b) = (self.literal(x), self.literal(y));
        if let (Some(a), Some(b)) = (a, b) {
            return self.lit(op.with(Apply2(a, b)));
        }
        match (op, a, b) {
            (Add(_), Some(0.0), _) | (Mul(_) | Scale(_) | Gate(_), Some(1.0), _) => return y,
            (Add(_) | Sub(_), _, Some(0.0)) | (Mul(_) | Scale(_) | Gate(_) | Div(_) | Over(_), _, Some(1.0)) => {
                return x;
            }
            (Mul(_) | Scale(_) | Gate(_), Some(0.0), _) | (Mul(_) | Scale(_) | Gate(_), _, Some(0.0)) => {
                return self.lit(0.0);
            }
            (Over(_), Some(0.0), _) => return self.lit(0.0),
            (Mul(_) | Scale(_) | Gate(_), Some(-1.0), _) | (Sub(_), Some(0.0), _) => return self.neg(y),
            (Mul(_) | Scale(_) | Gate(_), _, Some(-1.0)) => return self.neg(x),
            (Add(_), None, None) if x == y => return self.binary(Mul(ops::Mul), self.lit(2.0), x),
            _ => {}
        }
        let shape = Shape::broadcast("formula", &self.shape(x), &self.shape(y)).expect("the rule's own shapes fit");
        self.intern(TermKind::Binary(op), &[x, y], shape)
    }

    pub fn add(&self, x: usize, y: usize) -> usize {
        self.binary(BinaryOp::Add(ops::Add), x, y)
    }
    pub fn mul(&self, x: usize, y: usize) -> usize {
        self.binary(BinaryOp::Mul(ops::Mul), x, y)
    }
    pub fn div(&self, x: usize, y: usize) -> usize {
        self.binary(BinaryOp::Div(ops::Div), x, y)
    }

    pub fn select(&self, condition: usize, a: usize, b: usize) -> usize {
        if let Some(condition) = self.literal(condition) {
            return if condition != 0.0 { a } else { b };
        }
        let shape = Shape::broadcast("formula", &self.shape(a), &self.shape(b)).expect("the rule's own shapes fit");
        let shape = Shape::broadcast("formula", &shape, &self.shape(condition)).expect("the rule's own shapes fit");
        self.intern(TermKind::Select, &[condition, a, b], shape)
    }

    pub fn tensor(&self, op: TensorOp, args: &[usize]) -> usize {
        let shapes: Vec<Shape> = args.iter().map(|&arg| self.shape(arg)).collect();
        let shape = op.shape(&shapes).expect("the rule's own shapes fit");
        match op {
            TensorOp::BroadcastTo(_) | TensorOp::Reshape(_) if shapes[0] == shape => args[0],
            op => self.intern(TermKind::Tensor(op), args, shape),
        }
    }

    pub fn broadcast_to(&self, x: usize, shape: &Shape) -> usize {
        self.tensor(TensorOp::BroadcastTo(BroadcastTo { shape: shape.clone() }), &[x])
    }

    /// The term with other arguments.
    pub fn with_args(&self, term: &Term, args: &[usize]) -> usize {
        match &term.form {
            TermKind::Unary(op) => self.unary(*op, args[0]),
            TermKind::Binary(op) => self.binary(*op, args[0], args[1]),
            TermKind::Select => self.select(args[0], args[1], args[2]),
            TermKind::Tensor(TensorOp::Reshape(Reshape { shape })) if self.shape(args[0]) == *shape => args[0],
            TermKind::Tensor(op) => self.tensor(op.clone(), args),
            form => self.intern(form.clone(), args, term.shape.clone()),
        }
    }

    /// The term with some terms replaced; a replacement of another shape is stretched.
    pub fn substituted(&self, id: usize, replace: &impl Fn(&TermKind) -> Option<usize>) -> usize {
        let mut done = HashMap::new();
        self.substitute(id, replace, &mut done)
    }

    fn substitute(
        &self,
        id: usize,
        replace: &impl Fn(&TermKind) -> Option<usize>,
        done: &mut HashMap<usize, usize>,
    ) -> usize {
        if let Some(&new) = done.get(&id) {
            return new;
        }
        let term = self.term(id);
        let new = match replace(&term.form) {
            Some(new) if self.shape(new) == term.shape => new,
            Some(new) => self.broadcast_to(new, &term.shape),
            None if term.args.is_empty() => id,
            None => {
                let args: Vec<usize> = term.args.iter().map(|&arg| self.substitute(arg, replace, done)).collect();
                if args[..] == term.args[..] { id } else { self.with_args(&term, &args) }
            }
        };
        done.insert(id, new);
        new
    }

    /// The number that a term is, stretched to some shape.
    pub fn stretched_number(&self, id: usize) -> Option<usize> {
        let term = self.term(id);
        match term.form {
            TermKind::Tensor(TensorOp::BroadcastTo(_) | TensorOp::Reshape(_)) => {
                match self.shape(term.args[0]).rank() {
                    0 => Some(self.stretched_number(term.args[0]).unwrap_or(term.args[0])),
                    _ => self.stretched_number(term.args[0]),
                }
            }
            _ => None,
        }
    }

    /// How many leaves a reader of the formula sees, up to a limit.
    pub fn leaves(&self, id: usize, limit: usize) -> usize {
        let term = self.term(id);
        if term.args.is_empty() {
            return 1;
        }
        // These two are written with their labels and their factor.
        let hidden = matches!(term.form, TermKind::Tensor(TensorOp::CrossEntropy(_) | TensorOp::CrossEntropySlope(_)));
        let mut sum = if hidden { 2 } else { 0 };
        for &arg in &term.args {
            sum += self.leaves(arg, limit);
            if sum > limit {
                break;
            }
        }
        sum
    }

    /// Whether a term that passes the test is part of the formula.
    pub fn mentions(&self, id: usize, test: &impl Fn(&TermKind) -> bool) -> bool {
        let term = self.term(id);
        test(&term.form) || term.args.iter().any(|&arg| self.mentions(arg, test))
    }
}

impl Formulas for TermTable {
    fn shape(&self, term: usize) -> Shape {
        self.shape(term)
    }
    fn literal(&self, x: f64) -> usize {
        self.lit(x)
    }
    fn constant(&self, elements: Vec<f64>, shape: Shape) -> usize {
        self.intern(TermKind::Constant(elements), &[], shape)
    }
    fn unary(&self, op: UnaryOp, x: usize) -> usize {
        self.unary(op, x)
    }
    fn binary(&self, op: BinaryOp, x: usize, y: usize) -> usize {
        self.binary(op, x, y)
    }
    fn select(&self, condition: usize, a: usize, b: usize) -> usize {
        self.select(condition, a, b)
    }
    fn tensor(&self, op: TensorOp, args: &[usize]) -> usize {
        self.tensor(op, args)
    }
    fn named(&self, name: &str, args: &[usize], shape: Shape) -> usize {
        self.intern(TermKind::Named(name.into()), args, shape)
    }
}
