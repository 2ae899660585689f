//! Numbers and tensors that stand for formulas: what a rule does with them is told to whoever keeps the formulas.
//!
//! A user's op stands behind a pointer, so the interpreters of its rule are known where the pointer's type is. Who collects
//! formulas is not: that is [`Formulas`], which explaining implements, far above.

use super::algebra::Algebra;
use super::structural::TensorOp;
use super::{Binary, BinaryOp, BuiltinBinary, BuiltinUnary, Unary, UnaryOp};
use crate::num::{Element, Number};
use crate::tensor::{Shape, Tensor};
use std::cmp::Ordering;

/// A collection of formulas, each of which has a number.
pub(crate) trait Formulas {
    fn shape(&self, term: usize) -> Shape;
    fn literal(&self, x: f64) -> usize;
    fn constant(&self, elements: Vec<f64>, shape: Shape) -> usize;
    fn unary(&self, op: UnaryOp, x: usize) -> usize;
    fn binary(&self, op: BinaryOp, x: usize, y: usize) -> usize;
    fn select(&self, condition: usize, a: usize, b: usize) -> usize;
    fn tensor(&self, op: TensorOp, args: &[usize]) -> usize;
    /// A user's op, which has a name and no formula.
    fn named(&self, name: &str, args: &[usize], shape: Shape) -> usize;
}

/// A formula: a literal, or one of a collection.
#[derive(Clone, Copy)]
pub(crate) enum Symbol<'b> {
    Literal(f64),
    Term(&'b dyn Formulas, usize),
}

impl<'b> Symbol<'b> {
    /// Its number among the formulas.
    pub fn term(self, formulas: &dyn Formulas) -> usize {
        match self {
            Symbol::Literal(x) => formulas.literal(x),
            Symbol::Term(_, id) => id,
        }
    }
    fn formulas(self, other: Self) -> Option<&'b dyn Formulas> {
        match (self, other) {
            (Symbol::Term(formulas, _), _) | (_, Symbol::Term(formulas, _)) => Some(formulas),
            _ => None,
        }
    }
}

impl std::fmt::Debug for Symbol<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Symbol::Literal(x) => write!(f, "{x}"),
            Symbol::Term(_, id) => write!(f, "term {id}"),
        }
    }
}
impl PartialEq for Symbol<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Symbol::Literal(a), Symbol::Literal(b)) => a == b,
            (Symbol::Term(_, a), Symbol::Term(_, b)) => a == b,
            _ => false,
        }
    }
}
impl PartialOrd for Symbol<'_> {
    /// Formulas have no order; rules ask for none.
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Symbol::Literal(a), Symbol::Literal(b)) => a.partial_cmp(b),
            _ => None,
        }
    }
}

impl Number for Symbol<'_> {
    fn lit(x: f64) -> Self {
        Symbol::Literal(x)
    }
    fn select(self, a: Self, b: Self) -> Self {
        match self {
            Symbol::Literal(condition) => {
                if condition != 0.0 {
                    a
                } else {
                    b
                }
            }
            Symbol::Term(formulas, id) => {
                Symbol::Term(formulas, formulas.select(id, a.term(formulas), b.term(formulas)))
            }
        }
    }
    fn unary<O: BuiltinUnary>(self, op: O) -> Self {
        match self {
            Symbol::Literal(x) => Symbol::Literal(op.value(x)),
            Symbol::Term(formulas, id) => Symbol::Term(formulas, formulas.unary(op.wrap(), id)),
        }
    }
    fn binary<O: BuiltinBinary>(self, op: O, rhs: Self) -> Self {
        match (self.formulas(rhs), self, rhs) {
            (None, Symbol::Literal(a), Symbol::Literal(b)) => Symbol::Literal(op.value(a, b)),
            (Some(formulas), ..) => {
                Symbol::Term(formulas, formulas.binary(op.wrap(), self.term(formulas), rhs.term(formulas)))
            }
            (None, ..) => unreachable!("a term is one of some formulas"),
        }
    }
    fn apply<O: Unary>(self, op: O) -> Self {
        match self {
            Symbol::Literal(x) => Symbol::Literal(op.value(x)),
            Symbol::Term(formulas, id) => Symbol::Term(formulas, formulas.named(O::NAME, &[id], formulas.shape(id))),
        }
    }
    fn apply2<O: Binary>(self, op: O, rhs: Self) -> Self {
        match (self.formulas(rhs), self, rhs) {
            (None, Symbol::Literal(a), Symbol::Literal(b)) => Symbol::Literal(op.value(a, b)),
            (Some(formulas), ..) => {
                let args = [self.term(formulas), rhs.term(formulas)];
                let shape = Shape::broadcast(O::NAME, &formulas.shape(args[0]), &formulas.shape(args[1]));
                let shape = shape.expect("the rule's own shapes fit");
                Symbol::Term(formulas, formulas.named(O::NAME, &args, shape))
            }
            (None, ..) => unreachable!("a term is one of some formulas"),
        }
    }
}

macro_rules! symbol_op {
    ($($Trait:ident $method:ident $Assign:ident $assign:ident),*) => {$(
        impl std::ops::$Trait for Symbol<'_> {
            type Output = Self;
            fn $method(self, rhs: Self) -> Self {
                self.binary(super::$Trait, rhs)
            }
        }
        impl std::ops::$Assign for Symbol<'_> {
            fn $assign(&mut self, rhs: Self) {
                *self = self.binary(super::$Trait, rhs);
            }
        }
    )*};
}
symbol_op!(Add add AddAssign add_assign, Sub sub SubAssign sub_assign, Mul mul MulAssign mul_assign,
    Div div DivAssign div_assign);

impl std::ops::Neg for Symbol<'_> {
    type Output = Self;
    fn neg(self) -> Self {
        self.unary(super::Neg)
    }
}
impl std::iter::Sum for Symbol<'_> {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::lit(0.0), |a, b| a + b)
    }
}
impl std::iter::Product for Symbol<'_> {
    fn product<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::lit(1.0), |a, b| a * b)
    }
}

/// Rules on whole tensors applied to formulas.
pub(crate) struct Rules<'k, 'b, T> {
    pub formulas: &'b dyn Formulas,
    /// The elements of a formula's value, where they are known.
    pub known: &'k dyn Fn(usize) -> Vec<T>,
}

impl<'b, T: Element> Algebra<T> for Rules<'_, 'b, T> {
    type V = Symbol<'b>;

    fn shape(&self, x: &Symbol<'b>) -> Shape {
        match x {
            Symbol::Literal(_) => Shape::scalar(),
            Symbol::Term(formulas, id) => formulas.shape(*id),
        }
    }
    fn literal(&self, x: f64) -> Symbol<'b> {
        Symbol::Literal(x)
    }
    fn constant(&self, x: Tensor<T>) -> Symbol<'b> {
        let elements = x.iter().map(|x| x.as_f64()).collect();
        Symbol::Term(self.formulas, self.formulas.constant(elements, x.shape().clone()))
    }
    fn select(&self, condition: &Symbol<'b>, a: &Symbol<'b>, b: &Symbol<'b>) -> Symbol<'b> {
        let [condition, a, b] = [condition, a, b].map(|symbol| symbol.term(self.formulas));
        Symbol::Term(self.formulas, self.formulas.select(condition, a, b))
    }
    /// A node's value decides as it did when it was recorded; of other formulas nothing is known.
    fn inspect<R>(&self, x: &Symbol<'b>, look: impl FnOnce(&[T]) -> R) -> R {
        match x {
            Symbol::Literal(x) => look(&[T::from_f64(*x)]),
            Symbol::Term(_, id) => look(&(self.known)(*id)),
        }
    }
    fn unary(&self, op: UnaryOp, x: &Symbol<'b>) -> Symbol<'b> {
        Symbol::Term(self.formulas, self.formulas.unary(op, x.term(self.formulas)))
    }
    fn binary(&self, op: BinaryOp, x: &Symbol<'b>, y: &Symbol<'b>) -> Symbol<'b> {
        Symbol::Term(self.formulas, self.formulas.binary(op, x.term(self.formulas), y.term(self.formulas)))
    }
    fn apply(&self, op: TensorOp, inputs: &[&Symbol<'b>]) -> Symbol<'b> {
        let inputs: Vec<usize> = inputs.iter().map(|input| input.term(self.formulas)).collect();
        Symbol::Term(self.formulas, self.formulas.tensor(op, &inputs))
    }
}
