//! Users' ops on whole tensors, mapped: one node for all examples. The value, and a rule that exists as numbers only, are asked for one
//! example after another; a rule that records is mapped itself.

use crate::error::Result;
use crate::num::Element;
use crate::ops::algebra::Algebra;
use crate::ops::eager::Eager;
use crate::tape::custom::DynTensorOp;
use crate::tape::{Recording, Tape, Value, Var};
use crate::tensor::pool::Pool;
use crate::tensor::{Shape, Tensor};
use std::any::TypeId;
use std::sync::Arc;

pub(super) struct MappedOp<T> {
    pub op: Arc<dyn DynTensorOp<T>>,
    pub count: usize,
    /// Which inputs have a value for each example.
    pub stacked: Vec<bool>,
    /// The shape of one example's output.
    pub one: Shape,
}

impl<T: Element> MappedOp<T> {
    /// Calls for each example with its inputs.
    fn each(&self, inputs: &[Tensor<T>], mut call: impl FnMut(usize, &[Tensor<T>]) -> Result<()>) -> Result<()> {
        for i in 0..self.count {
            let one = |(x, &stacked): (&Tensor<T>, &bool)| if stacked { row(x, i) } else { Ok(x.clone()) };
            call(i, &inputs.iter().zip(&self.stacked).map(one).collect::<Result<Vec<_>>>()?)?;
        }
        Ok(())
    }

    fn stack(&self) -> Shape {
        std::iter::once(self.count).chain(self.one.iter().copied()).collect()
    }

    /// A rule of numbers alone, for one example after another.
    fn one_by_one(&self, inputs: &[Value<T>], output: &Value<T>, g: &Value<T>) -> Result<Vec<Value<T>>> {
        let tensors: Vec<Tensor<T>> = inputs.iter().map(|x| x.clone().into_tensor()).collect();
        let (output, g) = (output.clone().into_tensor(), g.clone().into_tensor());
        let mut gradients: Vec<Tensor<T>> = tensors.iter().map(|x| Tensor::zeros(x.shape())).collect();
        let pool = Pool::transient();
        let a = Eager::new(&pool);
        self.each(&tensors, |i, one| {
            let one: Vec<Value<T>> = one.iter().map(|x| x.clone().into()).collect();
            let found = self.op.vjp(&a, &one, &row(&output, i)?.into(), &row(&g, i)?.into())?;
            for (((all, found), x), &stacked) in gradients.iter_mut().zip(found).zip(&one).zip(&self.stacked) {
                let found = fitted(&a, &found, &x.shape()).into_tensor();
                let at = if stacked { i * found.len() } else { 0 };
                for (sum, g) in all.as_mut_slice()[at..].iter_mut().zip(found.iter()) {
                    *sum += *g;
                }
            }
            Ok(())
        })?;
        Ok(gradients.into_iter().map(Value::from).collect())
    }
}

/// Example i of a stack.
fn row<T: Element>(stack: &Tensor<T>, i: usize) -> Result<Tensor<T>> {
    stack.try_slice(i as isize)
}

/// A rule's gradient in the shape of one example's input: a rule may leave it small, or long where it is to be summed.
fn fitted<T: Element, A: Algebra<T>>(a: &A, gradient: &A::V, shape: &Shape) -> A::V {
    if shape.broadcasts_to(&a.shape(gradient)) { a.sum_to(gradient, shape) } else { a.broadcast_to(gradient, shape) }
}

impl<T: Element> DynTensorOp<T> for MappedOp<T> {
    fn kind(&self) -> TypeId {
        self.op.kind()
    }
    fn name(&self) -> &str {
        self.op.name()
    }
    fn value(&self, inputs: &[Tensor<T>]) -> Result<Tensor<T>> {
        let mut elements = Vec::new();
        self.each(inputs, |_, one| {
            elements.extend_from_slice(self.op.value(one)?.as_slice());
            Ok(())
        })?;
        Tensor::new(self.stack(), elements)
    }
    fn vjp(&self, _: &Eager<'_, T>, inputs: &[Value<T>], output: &Value<T>, g: &Value<T>) -> Result<Vec<Value<T>>> {
        let tape = Tape::of();
        let var = |x: &Value<T>| tape.leaf(x.clone(), true);
        let inputs_on_tape: Vec<Var<'_, T>> = inputs.iter().map(var).collect();
        match self.record_vjp(&Recording::on(&tape), &inputs_on_tape, &var(output), &var(g)) {
            Ok(found) => Ok(found.iter().map(|gradient| gradient.with(|value| value.to_value())).collect()),
            Err(error) if error.is_not_differentiable() => self.one_by_one(inputs, output, g),
            Err(error) => Err(error),
        }
    }
    fn jvp(&self, inputs: &[Value<T>], output: &Value<T>, wrt: usize, tangent: &Value<T>) -> Option<Result<Value<T>>> {
        let tensors: Vec<Tensor<T>> = inputs.iter().map(|x| x.clone().into_tensor()).collect();
        let (output, tangent) = (output.clone().into_tensor(), tangent.clone().into_tensor());
        let (mut elements, mut is_numeric) = (Vec::new(), true);
        let done = self.each(&tensors, |i, one| {
            let one: Vec<Value<T>> = one.iter().map(|x| x.clone().into()).collect();
            let moved = if self.stacked[wrt] { row(&tangent, i)? } else { tangent.clone() };
            match self.op.jvp(&one, &row(&output, i)?.into(), wrt, &moved.into()) {
                Some(found) => elements.extend_from_slice(found?.into_tensor().as_slice()),
                None => is_numeric = false,
            }
            Ok(())
        });
        is_numeric.then(|| done.and_then(|()| Ok(Tensor::new(self.stack(), elements)?.into())))
    }
    fn record_vjp<'t>(
        &self,
        a: &Recording<'t, T>,
        inputs: &[Var<'t, T>],
        output: &Var<'t, T>,
        g: &Var<'t, T>,
    ) -> Result<Vec<Var<'t, T>>> {
        let stacks = inputs.iter().zip(&self.stacked).filter(|&(_, &stacked)| stacked).map(|(&x, _)| x);
        let over: Vec<Var<'t, T>> = stacks.chain([*output, *g]).collect();
        let found = a.tape.try_vmap(&over, |example| {
            let [stacks @ .., output, g] = example else { unreachable!("an output and a gradient") };
            let mut stacks = stacks.iter();
            let one = |(&x, &stacked): (&Var<'t, T>, &bool)| match stacked {
                true => *stacks.next().expect("one for each"),
                false => x,
            };
            let inputs: Vec<Var<'t, T>> = inputs.iter().zip(&self.stacked).map(one).collect();
            let gradients = self.op.record_vjp(a, &inputs, output, g)?;
            Ok(gradients.iter().zip(&inputs).map(|(g, x)| fitted(a, g, &x.shape())).collect())
        })?;
        let shared = |(found, &stacked): (Var<'t, T>, &bool)| if stacked { Ok(found) } else { found.try_sum(0) };
        found.into_iter().zip(&self.stacked).map(shared).collect()
    }
}
