//! What a program runs as a tape would: users' ops and their rules.
//!
//! In compiler terms: calls out of the program: ops that the compiler does not know.
//!
//! Such a step makes tensors of its arguments and copies its result: it allocates, and nothing is fused with it.

use crate::error::{Error, Result};
use crate::graph::ssa::IrOp;
use crate::num::Element;
use crate::ops::algebra::Algebra;
use crate::ops::eager::Eager;
use crate::tape::{NodeOp, Value};
use crate::tensor::Shape;
use crate::tensor::kernels::elementwise::{BinaryInputs, Plan, Side};
use crate::tensor::pool::Pool;

/// An op of this kind, or its rule for one of its arguments: of the arguments, the output and the gradient.
#[derive(Clone)]
pub(super) struct Call<T> {
    op: NodeOp<T>,
    wrt: Option<usize>,
}

impl<T: Element> Call<T> {
    /// The call that a node is ([`IrOp::is_call`]).
    pub fn of(op: IrOp<T>) -> Self {
        match op {
            IrOp::Op(op) => Self { op, wrt: None },
            IrOp::Rule(op, wrt) => Self { op, wrt: Some(wrt) },
            _ => unreachable!("only ops and their rules are called"),
        }
    }

    pub fn name(&self) -> String {
        let name = self.op.name();
        match (self.wrt, &self.op) {
            (None, _) => name.to_owned(),
            (Some(_), NodeOp::CustomUnary(_)) => format!("{name}'"),
            (Some(wrt), NodeOp::CustomBinary(_)) => format!("{name}'{}", ["x", "y"][wrt]),
            (Some(wrt), _) => format!("{name}'{wrt}"),
        }
    }

    /// Puts a user's op in place of the one that it stands for, if this is that one.
    pub fn take_over(&mut self, old: &NodeOp<T>, new: &NodeOp<T>) {
        if self.op.is_identical(old) {
            self.op = new.clone();
        }
    }

    /// Computes from values, as a tape would, into a value of this shape.
    ///
    /// # Errors
    /// A user's op refuses its inputs; its result has another shape than when it was compiled.
    pub fn evaluate(&self, args: &[Value<T>], shape: &Shape) -> Result<Value<T>> {
        let pool = Pool::transient();
        let eager = Eager::new(&pool);
        let value = match self.wrt {
            None => self.value(&pool, args)?,
            Some(wrt) => self.rule(&eager, args, wrt)?,
        };
        let found = value.shape();
        // A rule may leave a gradient small that stretches, or long where it is to be summed.
        if found == *shape {
            Ok(value)
        } else if shape.broadcasts_to(&found) {
            Ok(eager.sum_to(&value, shape))
        } else if found.broadcasts_to(shape) {
            Ok(eager.broadcast_to(&value, shape))
        } else {
            Err(Error::shape(format!("{}: gave shape {found}, when compiled it was {shape}", self.name())))
        }
    }

    fn value(&self, pool: &Pool<T>, args: &[Value<T>]) -> Result<Value<T>> {
        match &self.op {
            NodeOp::CustomUnary(op) => Ok(op.value(pool, args[0].operand())),
            NodeOp::CustomBinary(op) => op.value(pool, args[0].operand(), args[1].operand()),
            NodeOp::Custom(op) => {
                let inputs: Vec<_> = args.iter().map(|arg| arg.clone().into_tensor()).collect();
                Ok(op.value(&inputs)?.into())
            }
            _ => unreachable!("the compiler knows the other ops"),
        }
    }

    fn rule(&self, eager: &Eager<'_, T>, args: &[Value<T>], wrt: usize) -> Result<Value<T>> {
        let [inputs @ .., output, g] = args else { unreachable!("a rule is given an output and a gradient") };
        let over = |write: &dyn Fn(&mut [T])| {
            let mut tensor = g.clone().into_tensor();
            write(tensor.as_mut_slice());
            Value::from(tensor)
        };
        match &self.op {
            NodeOp::CustomUnary(op) => Ok(over(&|g| op.vjp(inputs[0].as_slice(), output.as_slice(), g))),
            NodeOp::CustomBinary(op) => {
                let [x, y] = [&inputs[0], &inputs[1]];
                let plan = Plan::new(output.operand().dims(), x.operand().dims(), y.operand().dims());
                let (x, y, out) = (x.as_slice(), y.as_slice(), output.as_slice());
                let side = Side::of(wrt);
                Ok(over(&|g| op.vjp(side, BinaryInputs { plan: &plan, x, y, out }, g)))
            }
            NodeOp::Custom(op) => Ok(op.vjp(eager, inputs, output, g)?.swap_remove(wrt)),
            _ => unreachable!("the compiler knows the other rules"),
        }
    }
}
