//! A program as data: what is generated, run by every engine, shrunk and printed.
//!
//! Invariant: arguments come before what reads them, the last node is the output, and inputs are nodes as well. The same list is
//! evaluated over variables ([`Program::record`]) and, where it is elementwise, over any other [`Number`] ([`Program::numbers`]).

use crate::methods::Method;
use retrograd::ops::{BinaryOp, BinaryVisitor, BuiltinBinary, BuiltinUnary, UnaryOp, UnaryVisitor};
use retrograd::{Element, Error, Number, Result, Tensor, Var};

/// What one node does.
#[derive(Clone, Debug)]
pub enum Op {
    Input(usize),
    Literal(f64),
    Unary(UnaryOp),
    Binary(BinaryOp),
    Select,
    Method(Method),
}

#[derive(Clone, Debug)]
pub struct Node {
    pub op: Op,
    pub args: Vec<usize>,
}

/// A tensor of either precision; its numbers are rounded to it when they are used.
#[derive(Clone, Debug)]
pub struct Numbers {
    pub shape: Vec<usize>,
    pub values: Vec<f64>,
}

impl Numbers {
    pub fn tensor<T: Element>(&self) -> Tensor<T> {
        Tensor::new(&self.shape[..], self.values.iter().map(|&x| T::from_f64(x)).collect()).unwrap()
    }
}

#[derive(Clone, Debug)]
pub struct Program {
    pub single: bool,
    pub nodes: Vec<Node>,
    pub inputs: Vec<Numbers>,
    /// The upstream gradient, of the output's shape.
    pub seed: Numbers,
}

struct Apply<S>(S);
impl<S: Number> UnaryVisitor for Apply<S> {
    type Output = S;
    fn visit<O: BuiltinUnary>(self, op: O) -> S {
        self.0.unary(op)
    }
}
struct Apply2<S>(S, S);
impl<S: Number> BinaryVisitor for Apply2<S> {
    type Output = S;
    fn visit<O: BuiltinBinary>(self, op: O) -> S {
        self.0.binary(op, self.1)
    }
}

/// The shapes' common one, if they broadcast.
pub fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let at = |shape: &[usize], k: usize| (k + shape.len()).checked_sub(rank).map_or(1, |k| shape[k]);
    (0..rank)
        .map(|k| match (at(a, k), at(b, k)) {
            (n, m) if n == m => Some(n),
            (1, n) | (n, 1) => Some(n),
            _ => None,
        })
        .collect()
}

impl Op {
    /// An elementwise op, over any number; nothing for others.
    pub fn number<S: Number>(&self, args: &[S], inputs: &[S]) -> Option<S> {
        Some(match self {
            Op::Input(k) => inputs[*k],
            Op::Literal(x) => S::lit(*x),
            Op::Unary(op) => op.with(Apply(args[0])),
            Op::Binary(op) => op.with(Apply2(args[0], args[1])),
            Op::Select => args[0].select(args[1], args[2]),
            Op::Method(_) => return None,
        })
    }

    /// Any op, over variables; shapes that do not fit are errors, as users get them.
    pub fn record<'t, T: Element>(&self, args: &[Var<'t, T>], inputs: &[Var<'t, T>]) -> Result<Var<'t, T>> {
        match self {
            Op::Method(method) => method.apply(args),
            Op::Binary(_) | Op::Select => {
                let shapes = args.iter().map(|arg| arg.shape().dims().to_vec());
                let fits = shapes.reduce(|a, b| broadcast(&a, &b).unwrap_or(vec![usize::MAX]));
                if fits.is_some_and(|shape| shape.contains(&usize::MAX)) {
                    return Err(Error::custom("shapes that do not broadcast"));
                }
                Ok(self.number(args, inputs).expect("an elementwise op"))
            }
            _ => Ok(self.number(args, inputs).expect("an elementwise op")),
        }
    }

    /// Whether every engine gives the same bits: nothing is rounded.
    pub fn is_exact(&self) -> bool {
        match self {
            Op::Input(_) | Op::Literal(_) | Op::Select => true,
            Op::Unary(op) => is_exact(op.name()),
            Op::Binary(op) => is_exact(op.name()),
            Op::Method(method) => method.is_exact(),
        }
    }
}

/// Ops whose value is one of their arguments, one of their parameters, or an integer.
pub fn is_exact(name: &str) -> bool {
    const EXACT: [&str; 17] = [
        "neg",
        "abs",
        "sign",
        "relu",
        "relu6",
        "clamp",
        "hard_tanh",
        "floor",
        "ceil",
        "round",
        "maximum",
        "minimum",
        "greater",
        "greater_equal",
        "less",
        "less_equal",
        "equal",
    ];
    EXACT.contains(&name) || name == "not_equal"
}

impl Program {
    /// Elementwise, with inputs and output of one shape: what numbers can do as well.
    pub fn is_of_numbers(&self) -> bool {
        let one = |shape: &Vec<usize>| *shape == self.seed.shape;
        self.inputs.iter().all(|input| one(&input.shape)) && self.nodes.iter().all(|n| !matches!(n.op, Op::Method(_)))
    }

    pub fn tensors<T: Element>(&self) -> Vec<Tensor<T>> {
        self.inputs.iter().map(Numbers::tensor).collect()
    }

    /// The output over variables.
    pub fn record<'t, T: Element>(&self, inputs: &[Var<'t, T>]) -> Result<Var<'t, T>> {
        self.record_with(inputs, |_, _, value| value)
    }

    /// The same, with each node's variable exchanged for another, made from its arguments and it.
    pub fn record_with<'t, T: Element>(
        &self,
        inputs: &[Var<'t, T>],
        mut after: impl FnMut(&Op, &[Var<'t, T>], Var<'t, T>) -> Var<'t, T>,
    ) -> Result<Var<'t, T>> {
        let mut values: Vec<Var<'t, T>> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let args: Vec<_> = node.args.iter().map(|&k| values[k]).collect();
            let value = node.op.record(&args, inputs)?;
            values.push(after(&node.op, &args, value));
        }
        Ok(*values.last().expect("a program has an output"))
    }

    /// The output over numbers of any kind.
    pub fn numbers<S: Number>(&self, inputs: &[S]) -> S {
        let mut values: Vec<S> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let args: Vec<S> = node.args.iter().map(|&k| values[k]).collect();
            values.push(node.op.number(&args, inputs).expect("an elementwise program"));
        }
        *values.last().expect("a program has an output")
    }

    /// Without the nodes that the output does not need; inputs stay.
    pub fn pruned(mut self) -> Self {
        let mut needed = vec![false; self.nodes.len()];
        *needed.last_mut().expect("a program has an output") = true;
        for k in (0..self.nodes.len()).rev() {
            if needed[k] {
                self.nodes[k].args.iter().for_each(|&arg| needed[arg] = true);
            }
        }
        let mut place = Vec::with_capacity(needed.len());
        let mut kept = Vec::new();
        for (mut node, needed) in self.nodes.into_iter().zip(needed) {
            place.push(kept.len());
            if needed {
                node.args.iter_mut().for_each(|arg| *arg = place[*arg]);
                kept.push(node);
            }
        }
        self.nodes = kept;
        self
    }
}
