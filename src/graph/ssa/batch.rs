//! Batching: the graph of one run made into that of many, whose values stand along an axis in front.
//!
//! Of the inputs some are stacks, a value for each run, and the others are shared. Every node that depends on a stack becomes one; the
//! others are computed once for all. Elementwise ops need no rule of their own: they broadcast, once a stack of lower rank has axes of
//! length 1 behind the one in front. Ops on whole tensors say what they become
//! ([`TensorRule::batched`](crate::ops::structural::TensorRule::batched)). What has no rule, as a user's op on tensors, is computed for
//! one run after another. A comparison that control flow hung on is an error, since runs may go different ways.
//!
//! It comes after differentiation, so that gradients need no rules here, and before all passes.
//!
//! In compiler terms: `vmap` as a source transformation of the SSA graph.

use super::{Args, Guard, Ir, IrOp, Node, NodeKey, symbol};
use crate::error::{Error, Result};
use crate::num::Element;
use crate::ops::algebra::Algebra;
use crate::ops::structural::{Argument, Stack, TensorOp};
use crate::ops::symbol::{Rules, Symbol};
use crate::tape::NodeOp;
use crate::tensor::Shape;
use slotmap::SecondaryMap;
use smallvec::SmallVec;
use std::cell::RefCell;

/// The graph of `count` runs. `stacked` says of each input whether it is a stack; all outputs are.
///
/// # Errors
/// Control flow that hung on numbers of a stack; a stack that no memory holds.
pub(crate) fn batched<T: Element>(ir: &Ir<T>, count: usize, stacked: &[bool]) -> Result<Ir<T>> {
    let new = RefCell::new(Ir::new(ir.level));
    let mut batching = Batching { of: ir, new: &new, count, made: SecondaryMap::new() };
    for &key in &ir.order {
        let made = batching.node(key, stacked)?;
        batching.made.insert(key, made);
    }
    let outputs = ir.outputs.iter().map(|&key| batching.output(key)).collect::<Result<_>>()?;
    let guards = ir.guards.iter().map(|guard| batching.guard(guard)).collect::<Result<_>>()?;
    let mut new = new.into_inner();
    (new.outputs, new.guards) = (outputs, guards);
    Ok(new)
}

struct Batching<'a, T> {
    of: &'a Ir<T>,
    new: &'a RefCell<Ir<T>>,
    count: usize,
    /// What each node became, and whether that is a stack.
    made: SecondaryMap<NodeKey, (NodeKey, bool)>,
}

impl<T: Element> Batching<'_, T> {
    fn node(&self, key: NodeKey, stacked: &[bool]) -> Result<(NodeKey, bool)> {
        let node = self.of.node(key);
        if let IrOp::Input(k) = node.op {
            let shape = if stacked[k] { self.stack_of(&node.shape)? } else { node.shape.clone() };
            return Ok((self.new.borrow_mut().input(shape), stacked[k]));
        }
        let args: SmallVec<[(NodeKey, bool); 4]> = node.args.iter().map(|&arg| self.made[arg]).collect();
        if args.iter().any(|&(_, stacked)| stacked) {
            return Ok((self.stacked_node(node, &args)?, true));
        }
        let args: Args = args.iter().map(|&(arg, _)| arg).collect();
        let mut new = self.new.borrow_mut();
        let made = match &node.op {
            IrOp::Literal(x) => new.literal(*x),
            IrOp::Constant(x) => new.constant(x.clone()),
            _ => new.with_args(node, &args),
        };
        Ok((made, false))
    }

    /// A node that reads a stack.
    fn stacked_node(&self, node: &Node<T>, args: &[(NodeKey, bool)]) -> Result<NodeKey> {
        let shape = self.stack_of(&node.shape)?;
        let rank = node.shape.rank();
        match &node.op {
            IrOp::Op(NodeOp::Copy) => Ok(args[0].0),
            IrOp::Op(NodeOp::Unary(_) | NodeOp::Binary(_) | NodeOp::Select) => {
                let args = self.aligned(args, rank);
                Ok(self.new.borrow_mut().with_args(node, &args))
            }
            IrOp::Op(NodeOp::CustomUnary(_) | NodeOp::CustomBinary(_))
            | IrOp::Rule(NodeOp::CustomUnary(_) | NodeOp::CustomBinary(_), _) => {
                let args = self.aligned(args, rank);
                Ok(self.new.borrow_mut().append(node.op.clone(), args, shape))
            }
            IrOp::Op(NodeOp::Custom(_)) | IrOp::Rule(NodeOp::Custom(_), _) => self.one_by_one(node, args),
            IrOp::Rule(NodeOp::Unary(_) | NodeOp::Binary(_), _) => {
                let args = self.aligned(args, rank);
                Ok(self.new.borrow_mut().intern(node.op.clone(), args, shape))
            }
            IrOp::Op(NodeOp::Tensor(op)) => self.tensor(node, op, args),
            op => Err(no_rule(&name(op))),
        }
    }

    /// An op on whole tensors, by its batching rule.
    fn tensor(&self, node: &Node<T>, op: &TensorOp, args: &[(NodeKey, bool)]) -> Result<NodeKey> {
        let rules = Rules::<T>::over(self.new);
        let arguments = self.arguments(args);
        for argument in &arguments {
            // A rule may stretch what all runs share.
            self.stack_of(&rules.shape(&argument.value))?;
        }
        match op.batched(&rules, &Stack { count: self.count, arguments: &arguments }) {
            Some(made) => Ok(made.key(self.new)),
            None => self.one_by_one(node, args),
        }
    }

    /// What has no batching rule: a node for each run.
    fn one_by_one(&self, node: &Node<T>, args: &[(NodeKey, bool)]) -> Result<NodeKey> {
        let arguments = self.arguments(args);
        let stack = Stack { count: self.count, arguments: &arguments };
        let made = stack.one_by_one(&Rules::<T>::over(self.new), &node.shape, |inputs| {
            let keys: Args = inputs.iter().map(|input| input.key(self.new)).collect();
            Ok(symbol(self.new, self.new.borrow_mut().append(node.op.clone(), keys, node.shape.clone())))
        })?;
        Ok(made.key(self.new))
    }

    fn arguments(&self, args: &[(NodeKey, bool)]) -> SmallVec<[Argument<Symbol<'_>>; 4]> {
        args.iter().map(|&(key, stacked)| Argument { value: symbol(self.new, key), stacked }).collect()
    }

    /// Arguments of an elementwise op whose result has so many axes in each run.
    fn aligned(&self, args: &[(NodeKey, bool)], rank: usize) -> Args {
        let mut new = self.new.borrow_mut();
        let align = |&(key, stacked): &(NodeKey, bool)| {
            let shape = new.shape(key).clone();
            if !stacked || shape.rank() == rank + 1 {
                return key;
            }
            let ones = std::iter::repeat_n(1, rank + 1 - shape.rank());
            let lengths = std::iter::once(self.count).chain(ones).chain(shape[1..].iter().copied());
            new.reshaped(key, &lengths.collect())
        };
        args.iter().map(align).collect()
    }

    fn stack_of(&self, one: &Shape) -> Result<Shape> {
        let lengths: SmallVec<[usize; 4]> = std::iter::once(self.count).chain(one.iter().copied()).collect();
        Shape::of("stack", &lengths)
    }

    fn output(&self, key: NodeKey) -> Result<NodeKey> {
        match self.made[key] {
            (made, true) => Ok(made),
            (made, false) => {
                let shape = self.stack_of(self.of.shape(key))?;
                Ok(self.new.borrow_mut().stretched(made, &shape))
            }
        }
    }

    fn guard(&self, guard: &Guard) -> Result<Guard> {
        let [(left, a), (right, b)] = [guard.left, guard.right].map(|side| self.made[side]);
        if a || b {
            return Err(Error::tape(
                "stack: control flow hung on a comparison of numbers that differ from run to run; choose with select",
            ));
        }
        Ok(Guard { left, right, outcome: guard.outcome })
    }
}

fn name<T: Element>(op: &IrOp<T>) -> String {
    match op {
        IrOp::Op(op) | IrOp::Rule(op, _) => op.name().to_owned(),
        IrOp::Named(name) => name.clone(),
        IrOp::Accumulate(_) => "matmul, added in place".to_owned(),
        IrOp::Input(_) | IrOp::Literal(_) | IrOp::Constant(_) => "a leaf".to_owned(),
    }
}

fn no_rule(op: &str) -> Error {
    Error::tape(format!("stack: {op} cannot be computed for many runs at once; run them one after another"))
}

#[cfg(test)]
mod tests;
