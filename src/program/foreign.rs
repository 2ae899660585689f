//! What a program runs as a tape would: users' ops, and rules that look at numbers to choose their form.
//!
//! In compiler terms: calls out of the program: ops that the compiler does not know.
//!
//! Such a step makes tensors of its arguments and copies its result: it allocates, and nothing is fused with it.

use crate::error::{Error, Result};
use crate::num::Element;
use crate::ops::eager::Eager;
use crate::ops::structural::{Contribution, Node, TensorOp};
use crate::tape::Value;
use crate::tape::custom::{DynBinary, DynTensorOp, DynUnary};
use crate::tape::replay::Swap;
use crate::tensor::kernels::elementwise::{BinaryInputs, Plan, Side};
use crate::tensor::pool::Pool;
use std::sync::Arc;

/// An op of this kind, or the rule for one of its arguments.
#[derive(Clone)]
pub(crate) enum Foreign<T> {
    Unary(Arc<dyn DynUnary<T>>),
    /// Of x, y and g.
    UnaryVjp(Arc<dyn DynUnary<T>>),
    Binary(Arc<dyn DynBinary<T>>),
    /// Of x, y, the output and g, which has the output's shape.
    BinaryVjp(Arc<dyn DynBinary<T>>, Side),
    Tensor(Arc<dyn DynTensorOp<T>>),
    /// Of the inputs, the output and g.
    TensorVjp(Arc<dyn DynTensorOp<T>>, usize),
    /// The rule of an op of ours, of the inputs, the output and g.
    Rule(TensorOp, usize),
}

impl<T: Element> Foreign<T> {
    pub fn name(&self) -> String {
        match self {
            Self::Unary(op) => op.name().to_owned(),
            Self::UnaryVjp(op) => format!("{}'", op.name()),
            Self::Binary(op) => op.name().to_owned(),
            Self::BinaryVjp(op, Side::X) => format!("{}'x", op.name()),
            Self::BinaryVjp(op, Side::Y) => format!("{}'y", op.name()),
            Self::Tensor(op) => op.name().to_owned(),
            Self::TensorVjp(op, wrt) => format!("{}'{wrt}", op.name()),
            Self::Rule(op, wrt) => format!("{}'{wrt}", op.name()),
        }
    }

    /// Puts a user's op in place of the one that it stands for, if this is that one.
    pub fn take_over(&mut self, swap: &Swap<T>) {
        match (self, swap) {
            (Self::Unary(op) | Self::UnaryVjp(op), Swap::Unary { old, new }) if Arc::ptr_eq(op, old) => {
                *op = new.clone();
            }
            (Self::Binary(op) | Self::BinaryVjp(op, _), Swap::Binary { old, new }) if Arc::ptr_eq(op, old) => {
                *op = new.clone();
            }
            (Self::Tensor(op) | Self::TensorVjp(op, _), Swap::Tensor { old, new }) if Arc::ptr_eq(op, old) => {
                *op = new.clone();
            }
            _ => {}
        }
    }

    /// Computes from values, as a tape would.
    ///
    /// # Errors
    /// A user's op refuses its inputs.
    pub fn evaluate(&self, args: &[Value<T>]) -> Result<Value<T>> {
        let pool = Pool::transient();
        let at = |i: usize| args[i].operand();
        let over = |g: &Value<T>, write: &dyn Fn(&mut [T])| {
            let mut tensor = g.clone().into_tensor();
            write(tensor.as_mut_slice());
            Value::from(tensor)
        };
        let rule = |args: &[Value<T>]| -> (usize, Value<T>, Value<T>) {
            (args.len() - 2, args[args.len() - 2].clone(), args[args.len() - 1].clone())
        };
        match self {
            Self::Unary(op) => Ok(op.value(&pool, at(0))),
            Self::UnaryVjp(op) => Ok(over(&args[2], &|g| op.vjp(args[0].as_slice(), args[1].as_slice(), g))),
            Self::Binary(op) => op.value(&pool, at(0), at(1)),
            Self::BinaryVjp(op, side) => {
                let plan = Plan::new(at(2).dims(), at(0).dims(), at(1).dims());
                let [x, y, out] = [0, 1, 2].map(|i| args[i].as_slice());
                Ok(over(&args[3], &|g| op.vjp(*side, BinaryInputs { plan: &plan, x, y, out }, g)))
            }
            Self::Tensor(op) => {
                let inputs: Vec<_> = args.iter().map(|arg| arg.clone().into_tensor()).collect();
                Ok(op.value(&inputs)?.into())
            }
            Self::TensorVjp(op, wrt) => {
                let (n, output, g) = rule(args);
                let mut gradients = op.vjp(&Eager::new(&pool), &args[..n], &output, &g)?;
                Ok(gradients.swap_remove(*wrt))
            }
            Self::Rule(op, wrt) => {
                let (n, output, g) = rule(args);
                let eager = Eager::new(&pool);
                let contribution = op.vjp(&eager, Node { inputs: &args[..n], output: &output }, *wrt, &g);
                eager.refused(op)?;
                match contribution {
                    Contribution::Value(value) => Ok(value),
                    Contribution::Product { .. } => {
                        Err(Error::argument(format!("{}: a product cannot run as a foreign rule", op.name())))
                    }
                }
            }
        }
    }
}
