//! A number and an algebra that build the program's graph: run over them, the ops' own rules write the backward pass.
//!
//! In compiler terms: the builder that differentiation emits into; constant folding and value numbering happen as nodes are made.

use super::ir::{Ir, NodeKey};
use crate::num::{Element, Number};
use crate::ops::algebra::Algebra;
use crate::ops::structural::TensorOp;
use crate::ops::{self, Binary, BinaryOp, BuiltinBinary, BuiltinUnary, Unary, UnaryOp};
use crate::tensor::{Shape, Tensor};
use smallvec::SmallVec;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::fmt;

/// A literal, or a node of a graph under construction.
pub(crate) enum Expr<'b, T> {
    Literal(f64),
    Node(&'b RefCell<Ir<T>>, NodeKey),
}

impl<T> Clone for Expr<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Expr<'_, T> {}

impl<'b, T: Element> Expr<'b, T> {
    fn graph(self, other: Self) -> Option<&'b RefCell<Ir<T>>> {
        match (self, other) {
            (Expr::Node(ir, _), _) | (_, Expr::Node(ir, _)) => Some(ir),
            _ => None,
        }
    }
    /// The node, made if this is a literal.
    pub fn key(self, ir: &RefCell<Ir<T>>) -> NodeKey {
        match self {
            Expr::Literal(x) => ir.borrow_mut().literal(T::from_f64(x)),
            Expr::Node(_, key) => key,
        }
    }
}

impl<T: Element> fmt::Debug for Expr<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expr::Literal(x) => write!(f, "{x}"),
            Expr::Node(_, key) => write!(f, "{key:?}"),
        }
    }
}
impl<T> PartialEq for Expr<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Expr::Literal(a), Expr::Literal(b)) => a == b,
            (Expr::Node(_, a), Expr::Node(_, b)) => a == b,
            _ => false,
        }
    }
}
impl<T> PartialOrd for Expr<'_, T> {
    /// Nodes have no order; rules ask for none.
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Expr::Literal(a), Expr::Literal(b)) => a.partial_cmp(b),
            _ => None,
        }
    }
}

impl<T: Element> Number for Expr<'_, T> {
    fn lit(x: f64) -> Self {
        Expr::Literal(x)
    }
    fn select(self, a: Self, b: Self) -> Self {
        if let Expr::Literal(condition) = self {
            return if condition != 0.0 { a } else { b };
        }
        match self.graph(a) {
            None => unreachable!("a condition that is no literal has a graph"),
            Some(ir) => {
                let (c, a, b) = (self.key(ir), a.key(ir), b.key(ir));
                Expr::Node(ir, ir.borrow_mut().select(c, a, b))
            }
        }
    }
    fn unary<O: BuiltinUnary>(self, op: O) -> Self {
        match self {
            Expr::Literal(x) => Expr::Literal(op.value(x)),
            Expr::Node(ir, x) => Expr::Node(ir, ir.borrow_mut().unary(op.wrap(), x)),
        }
    }
    fn binary<O: BuiltinBinary>(self, op: O, rhs: Self) -> Self {
        match (self.graph(rhs), self, rhs) {
            (Some(ir), ..) => {
                let (x, y) = (self.key(ir), rhs.key(ir));
                Expr::Node(ir, ir.borrow_mut().binary(op.wrap(), x, y))
            }
            (None, Expr::Literal(a), Expr::Literal(b)) => Expr::Literal(op.value(a, b)),
            (None, ..) => unreachable!("a node has a graph"),
        }
    }
    fn apply<O: Unary>(self, op: O) -> Self {
        match self {
            Expr::Literal(x) => Expr::Literal(op.value(x)),
            Expr::Node(..) => unreachable!("rules of our own ops apply no user's op"),
        }
    }
    fn apply2<O: Binary>(self, op: O, rhs: Self) -> Self {
        match (self, rhs) {
            (Expr::Literal(a), Expr::Literal(b)) => Expr::Literal(op.value(a, b)),
            _ => unreachable!("rules of our own ops apply no user's op"),
        }
    }
}

macro_rules! expr_op {
    ($($Trait:ident $method:ident $Assign:ident $assign:ident),*) => {$(
        impl<T: Element> std::ops::$Trait for Expr<'_, T> {
            type Output = Self;
            fn $method(self, rhs: Self) -> Self {
                self.binary(ops::$Trait, rhs)
            }
        }
        impl<T: Element> std::ops::$Assign for Expr<'_, T> {
            fn $assign(&mut self, rhs: Self) {
                *self = self.binary(ops::$Trait, rhs);
            }
        }
    )*};
}
expr_op!(Add add AddAssign add_assign, Sub sub SubAssign sub_assign, Mul mul MulAssign mul_assign,
    Div div DivAssign div_assign);

impl<T: Element> std::ops::Neg for Expr<'_, T> {
    type Output = Self;
    fn neg(self) -> Self {
        self.unary(ops::Neg)
    }
}
impl<T: Element> std::iter::Sum for Expr<'_, T> {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::lit(0.0), |a, b| a + b)
    }
}
impl<T: Element> std::iter::Product for Expr<'_, T> {
    fn product<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::lit(1.0), |a, b| a * b)
    }
}

/// Rules on whole tensors, building.
pub(crate) struct Building<'b, T> {
    pub ir: &'b RefCell<Ir<T>>,
}

impl<'b, T: Element> Building<'b, T> {
    fn node(&self, key: NodeKey) -> Expr<'b, T> {
        Expr::Node(self.ir, key)
    }
}

impl<'b, T: Element> Algebra<T> for Building<'b, T> {
    type V = Expr<'b, T>;

    fn shape(&self, x: &Expr<'b, T>) -> Shape {
        match x {
            Expr::Literal(_) => Shape::scalar(),
            Expr::Node(ir, key) => ir.borrow().shape(*key).clone(),
        }
    }
    fn literal(&self, x: f64) -> Expr<'b, T> {
        Expr::Literal(x)
    }
    fn constant(&self, x: Tensor<T>) -> Expr<'b, T> {
        self.node(self.ir.borrow_mut().constant(x))
    }
    fn select(&self, condition: &Expr<'b, T>, a: &Expr<'b, T>, b: &Expr<'b, T>) -> Expr<'b, T> {
        Number::select(*condition, *a, *b)
    }
    fn inspect<R>(&self, _x: &Expr<'b, T>, _look: impl FnOnce(&[T]) -> R) -> R {
        unreachable!("rules that look at numbers run as they do on a tape")
    }
    fn unary(&self, op: UnaryOp, x: &Expr<'b, T>) -> Expr<'b, T> {
        let x = x.key(self.ir);
        self.node(self.ir.borrow_mut().unary(op, x))
    }
    fn binary(&self, op: BinaryOp, x: &Expr<'b, T>, y: &Expr<'b, T>) -> Expr<'b, T> {
        let (x, y) = (x.key(self.ir), y.key(self.ir));
        self.node(self.ir.borrow_mut().binary(op, x, y))
    }
    fn apply(&self, op: TensorOp, inputs: &[&Expr<'b, T>]) -> Expr<'b, T> {
        let inputs: SmallVec<[NodeKey; 4]> = inputs.iter().map(|x| x.key(self.ir)).collect();
        let made = self.ir.borrow_mut().tensor(op, &inputs);
        match made {
            Ok(key) => self.node(key),
            Err(error) => panic!("inside a compiled rule: {error}"),
        }
    }
}
