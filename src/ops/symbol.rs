//! Numbers and tensors that build: what a rule does with them becomes nodes of a graph.
//!
//! A user's op stands behind a pointer, so the interpreters of its rule are known where the pointer's type is. Who keeps the
//! nodes is not: that is [`Formulas`], which the SSA graph (`graph/ssa`) implements, far above.

use super::algebra::Algebra;
use super::structural::TensorOp;
use super::{Binary, BinaryOp, BuiltinBinary, BuiltinUnary, Unary, UnaryOp};
use crate::num::{Element, Number};
use crate::tensor::{Shape, Tensor};
use slotmap::new_key_type;
use std::cmp::Ordering;
use std::marker::PhantomData;

new_key_type! {
    /// A node's name in a graph.
    pub(crate) struct NodeKey;
}

/// A graph that formulas are written down in.
pub(crate) trait Formulas {
    fn shape(&self, term: NodeKey) -> Shape;
    fn literal(&self, x: f64) -> NodeKey;
    fn constant(&self, elements: Vec<f64>, shape: Shape) -> NodeKey;
    fn unary(&self, op: UnaryOp, x: NodeKey) -> NodeKey;
    fn binary(&self, op: BinaryOp, x: NodeKey, y: NodeKey) -> NodeKey;
    fn select(&self, condition: NodeKey, a: NodeKey, b: NodeKey) -> NodeKey;
    fn tensor(&self, op: TensorOp, args: &[NodeKey]) -> NodeKey;
    /// A user's op, which has a name and no formula.
    fn named(&self, name: &str, args: &[NodeKey], shape: Shape) -> NodeKey;
}

/// A number that builds: a literal, or a node of a graph.
#[derive(Clone, Copy)]
pub(crate) enum Symbol<'b> {
    Literal(f64),
    Node(&'b dyn Formulas, NodeKey),
}

impl<'b> Symbol<'b> {
    /// Its node, made if this is a literal.
    pub fn key(self, formulas: &dyn Formulas) -> NodeKey {
        match self {
            Symbol::Literal(x) => formulas.literal(x),
            Symbol::Node(_, id) => id,
        }
    }
    fn formulas(self, other: Self) -> Option<&'b dyn Formulas> {
        match (self, other) {
            (Symbol::Node(formulas, _), _) | (_, Symbol::Node(formulas, _)) => Some(formulas),
            _ => None,
        }
    }
}

impl std::fmt::Debug for Symbol<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Symbol::Literal(x) => write!(f, "{x}"),
            Symbol::Node(_, id) => write!(f, "{id:?}"),
        }
    }
}
impl PartialEq for Symbol<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Symbol::Literal(a), Symbol::Literal(b)) => a == b,
            (Symbol::Node(_, a), Symbol::Node(_, b)) => a == b,
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
            Symbol::Node(formulas, id) => Symbol::Node(formulas, formulas.select(id, a.key(formulas), b.key(formulas))),
        }
    }
    fn unary<O: BuiltinUnary>(self, op: O) -> Self {
        match self {
            Symbol::Literal(x) => Symbol::Literal(op.value(x)),
            Symbol::Node(formulas, id) => Symbol::Node(formulas, formulas.unary(op.wrap(), id)),
        }
    }
    fn binary<O: BuiltinBinary>(self, op: O, rhs: Self) -> Self {
        match (self.formulas(rhs), self, rhs) {
            (None, Symbol::Literal(a), Symbol::Literal(b)) => Symbol::Literal(op.value(a, b)),
            (Some(formulas), ..) => {
                Symbol::Node(formulas, formulas.binary(op.wrap(), self.key(formulas), rhs.key(formulas)))
            }
            (None, ..) => unreachable!("a node is one of some graph's"),
        }
    }
    fn apply<O: Unary>(self, op: O) -> Self {
        match self {
            Symbol::Literal(x) => Symbol::Literal(op.value(x)),
            Symbol::Node(formulas, id) => Symbol::Node(formulas, formulas.named(O::NAME, &[id], formulas.shape(id))),
        }
    }
    fn apply2<O: Binary>(self, op: O, rhs: Self) -> Self {
        match (self.formulas(rhs), self, rhs) {
            (None, Symbol::Literal(a), Symbol::Literal(b)) => Symbol::Literal(op.value(a, b)),
            (Some(formulas), ..) => {
                let args = [self.key(formulas), rhs.key(formulas)];
                let shape = Shape::broadcast(O::NAME, &formulas.shape(args[0]), &formulas.shape(args[1]));
                let shape = shape.expect("the rule's own shapes fit");
                Symbol::Node(formulas, formulas.named(O::NAME, &args, shape))
            }
            (None, ..) => unreachable!("a node is one of some graph's"),
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
pub(crate) struct Rules<'b, T> {
    formulas: &'b dyn Formulas,
    of: PhantomData<T>,
}

impl<'b, T> Rules<'b, T> {
    pub fn over(formulas: &'b dyn Formulas) -> Self {
        Self { formulas, of: PhantomData }
    }
}

impl<'b, T: Element> Algebra<T> for Rules<'b, T> {
    type V = Symbol<'b>;

    fn shape(&self, x: &Symbol<'b>) -> Shape {
        match x {
            Symbol::Literal(_) => Shape::scalar(),
            Symbol::Node(formulas, id) => formulas.shape(*id),
        }
    }
    fn literal(&self, x: f64) -> Symbol<'b> {
        Symbol::Literal(x)
    }
    fn constant(&self, x: Tensor<T>) -> Symbol<'b> {
        let elements = x.iter().map(|x| x.to_f64()).collect();
        Symbol::Node(self.formulas, self.formulas.constant(elements, x.shape().clone()))
    }
    fn select(&self, condition: &Symbol<'b>, a: &Symbol<'b>, b: &Symbol<'b>) -> Symbol<'b> {
        let [condition, a, b] = [condition, a, b].map(|symbol| symbol.key(self.formulas));
        Symbol::Node(self.formulas, self.formulas.select(condition, a, b))
    }
    fn unary(&self, op: UnaryOp, x: &Symbol<'b>) -> Symbol<'b> {
        Symbol::Node(self.formulas, self.formulas.unary(op, x.key(self.formulas)))
    }
    fn binary(&self, op: BinaryOp, x: &Symbol<'b>, y: &Symbol<'b>) -> Symbol<'b> {
        Symbol::Node(self.formulas, self.formulas.binary(op, x.key(self.formulas), y.key(self.formulas)))
    }
    fn apply(&self, op: TensorOp, inputs: &[&Symbol<'b>]) -> Symbol<'b> {
        let inputs: Vec<NodeKey> = inputs.iter().map(|input| input.key(self.formulas)).collect();
        Symbol::Node(self.formulas, self.formulas.tensor(op, &inputs))
    }
}
