//! The sweep over numbers.

use super::careful::{self, Careful};
use super::tails::Tail;
use super::{Needs, SweepMode, Way, bends};
use crate::error::{Error, Result};
use crate::num::Element;
use crate::ops::BinaryOp;
use crate::ops::algebra::Algebra;
use crate::ops::eager::{self, Eager};
use crate::ops::structural::{Contribution, MatMul, Node, TensorOp, TensorRule};
use crate::tape::NodeRef;
use crate::tape::entry::{Entry, NodeOp, Parent};
use crate::tape::scalar::is_far;
use crate::tape::{NodeId, Tape, Value};
use crate::tensor::kernels::Kernels;
use crate::tensor::kernels::elementwise::{self, BinaryInputs, Plan, Side};
use crate::tensor::shape::same_lengths;
use crate::tensor::{Operand, Shape};
use smallvec::SmallVec;
use std::ops::Range;

fn operand<'a, T: Element>(entries: &'a [Entry<T>], parent: &Parent<T>) -> Operand<'a, T> {
    match parent.id.lane() {
        NodeRef::Tensor(k) => entries[k].value.operand(),
        _ => Operand::Scalar(parent.value),
    }
}

impl<T: Element> Eager<'_, T> {
    /// Calls `write` on the gradient's elements, in place where nothing shares them.
    fn overwrite(&self, g: Value<T>, write: impl FnOnce(&mut [T])) -> Value<T> {
        match g {
            Value::Scalar(mut x) => {
                write(std::slice::from_mut(&mut x));
                Value::Scalar(x)
            }
            Value::Tensor(mut g) => {
                if g.unique_slice().is_none() {
                    let shared = g;
                    g = self
                        .pool
                        .fill("backward", shared.shape().clone(), |copy| copy.copy_from_slice(shared.as_slice()));
                }
                write(g.unique_slice().expect("just copied"));
                Value::Tensor(g)
            }
        }
    }

    /// g times the derivative of a two-argument elementwise op, in the output's shape.
    fn binary_vjp(&self, op: &NodeOp<T>, side: Side, [x, y, out]: [Operand<'_, T>; 3], g: Value<T>) -> Value<T> {
        match (op, side) {
            (NodeOp::Binary(BinaryOp::Add(_)), _) | (NodeOp::Binary(BinaryOp::Sub(_)), Side::X) => return g,
            _ => {}
        }
        let plan = Plan::new(out.dims(), x.dims(), y.dims());
        self.overwrite(g, |g| {
            let inputs = BinaryInputs { plan: &plan, x: x.data(), y: y.data(), out: out.data() };
            match op {
                NodeOp::Binary(op) => T::binary_vjp_kernel(*op, side, inputs, g),
                NodeOp::CustomBinary(op) => op.vjp(side, inputs, g),
                _ => unreachable!("only two-argument ops come here"),
            }
        })
    }

    /// The gradient that goes to one side of a select.
    fn masked(&self, condition: Operand<'_, T>, side: usize, g: Value<T>) -> Value<T> {
        let shape = g.shape();
        let full = match condition {
            Operand::Tensor(c) if *c.shape() == shape => Value::Tensor(c.clone()),
            c if shape.rank() == 0 => c.to_value(),
            c => Value::Tensor(eager::broadcast(self.pool, c, &shape)),
        };
        self.overwrite(g, |g| elementwise::mask(full.as_slice(), side == 1, g))
    }

    /// A Jacobian-vector or vector-Jacobian product of an elementwise entry: the two are the same up to broadcasting.
    fn elementwise(&self, entries: &[Entry<T>], entry: &Entry<T>, wrt: usize, g: Value<T>) -> Option<Value<T>> {
        let at = |i: usize| operand(entries, &entry.parents[i]);
        let out = entry.value.operand();
        Some(match &entry.op {
            NodeOp::Unary(op) => self.overwrite(g, |g| T::unary_vjp_kernel(*op, at(0).data(), out.data(), g)),
            NodeOp::CustomUnary(op) => self.overwrite(g, |g| op.vjp(at(0).data(), out.data(), g)),
            NodeOp::Binary(_) | NodeOp::CustomBinary(_) => {
                let side = Side::of(wrt);
                self.binary_vjp(&entry.op, side, [at(0), at(1), out], g)
            }
            NodeOp::Select if wrt == 0 => Value::Scalar(T::from_f64(0.0)),
            NodeOp::Select => self.masked(at(0), wrt, g),
            _ => return None,
        })
    }

    fn node_values(entries: &[Entry<T>], entry: &Entry<T>) -> SmallVec<[Value<T>; 3]> {
        entry.parents.iter().map(|parent| operand(entries, parent).to_value()).collect()
    }
}

impl<T: Element> SweepMode<T> for Eager<'_, T> {
    type Scalars = Vec<T>;
    const KEEPS_ALL: bool = false;
    const CALLS_HOOKS: bool = true;

    fn scalars(&self, tape: &Tape<T>, n: u32) -> Vec<T> {
        let mut adjoints = tape.spare_adjoints();
        adjoints.clear();
        adjoints.resize(n as usize, T::from_f64(0.0));
        adjoints
    }

    fn add_scalar(&self, scalars: &mut Vec<T>, id: u32, x: Value<T>) {
        scalars[id as usize] += x.as_slice()[0];
    }

    fn scalar(&self, scalars: &Vec<T>, id: u32) -> Option<Value<T>> {
        let g = scalars[id as usize];
        (g != T::from_f64(0.0)).then_some(Value::Scalar(g))
    }

    fn segment(&self, tape: &Tape<T>, lo: u32, hi: u32, scalars: &mut Vec<T>, _needs: Option<&Needs>) -> Result<()> {
        let mut hi = hi;
        if lo < hi && tape.has_hooks() {
            let here = |id: &u32| (lo..hi).contains(id) && tape.maker(*id).is_none();
            let mut hooked: Vec<u32> = tape.hooked_scalars().into_iter().filter(here).collect();
            hooked.sort_unstable_by(|a, b| b.cmp(a));
            hooked.dedup();
            for id in hooked {
                self.sweep_scalars(tape, id + 1, hi, scalars);
                let g = self.hooked(tape, NodeId::scalar(id), Value::Scalar(scalars[id as usize]));
                scalars[id as usize] = g.as_slice()[0];
                hi = id + 1;
            }
        }
        self.sweep_scalars(tape, lo, hi, scalars);
        Ok(())
    }

    fn forward_segment(&self, tape: &Tape<T>, range: Range<u32>, scalars: &mut Vec<T>, way: &Way) {
        if way.from_inside || way.to_gradients && tape.scalars().has_bends() {
            self.numbers.get_or_init(|| careful::values(tape));
        }
        match self.careful(tape) {
            Some(careful) => careful.push_forward(range, scalars, way),
            None => tape.scalars().push_forward(range.start, range.end, scalars),
        }
    }

    fn contribution(&self, tape: &Tape<T>, k: usize, wrt: usize, g: Value<T>) -> Result<Contribution<Value<T>>> {
        let entries = tape.entries();
        let entry = &entries[k];
        match &entry.op {
            NodeOp::Tensor(op) => {
                let inputs = Self::node_values(&entries, entry);
                let contribution = op.vjp(self, Node { inputs: &inputs, output: &entry.value }, wrt, &g);
                self.give(g);
                self.refused(op)?;
                Ok(contribution)
            }
            NodeOp::Custom(op) => {
                let inputs = Self::node_values(&entries, entry);
                let mut gradients = op.vjp(self, &inputs, &entry.value, &g)?;
                Ok(gradients.swap_remove(wrt).into())
            }
            NodeOp::Leaf => unreachable!("a leaf has no parents"),
            _ => Ok(self.elementwise(&entries, entry, wrt, g).expect("the other ops are elementwise").into()),
        }
    }

    fn slots(&self, tape: &Tape<T>) -> Vec<Option<Value<T>>> {
        tape.spare_slots()
    }

    fn contribute(
        &self,
        tape: &Tape<T>,
        [k, wrt, parent]: [usize; 3],
        g: Value<T>,
        slot: &mut Option<Value<T>>,
    ) -> Result<()> {
        let entries = tape.entries();
        let entry = &entries[k];
        if let NodeOp::Tensor(TensorOp::MatMul(op)) = &entry.op
            && self.product(
                op,
                wrt,
                operand(&entries, &entry.parents[0]),
                operand(&entries, &entry.parents[1]),
                &g,
                slot,
            )
        {
            self.give(g);
            return Ok(());
        }
        let value = match &entry.op {
            NodeOp::Tensor(_) | NodeOp::Custom(_) | NodeOp::Leaf => match self.contribution(tape, k, wrt, g)? {
                Contribution::Value(value) => value,
                product => {
                    let shape = entries[parent].value.shape();
                    self.accumulate(slot, super::fit(self, product, &shape), &shape);
                    self.release();
                    return Ok(());
                }
            },
            // Straight from the kernel: a contribution is a hundred bytes to move.
            _ => self.elementwise(&entries, entry, wrt, g).expect("the other ops are elementwise"),
        };
        if slot.is_none() && same_lengths(value.operand().dims(), entries[parent].value.operand().dims()) {
            *slot = Some(value);
        } else {
            let shape = entries[parent].value.shape();
            self.accumulate(slot, super::fit(self, value.into(), &shape), &shape);
        }
        self.release();
        Ok(())
    }

    fn tangent(&self, tape: &Tape<T>, k: usize, wrt: usize, tangent: Value<T>) -> Result<Value<T>> {
        let entries = tape.entries();
        let entry = &entries[k];
        match &entry.op {
            NodeOp::Tensor(op) => {
                let inputs = Self::node_values(&entries, entry);
                let tangent = op.jvp(self, Node { inputs: &inputs, output: &entry.value }, wrt, &tangent);
                self.refusal.postpone(op)?;
                Ok(tangent)
            }
            NodeOp::Custom(op) => {
                let inputs = Self::node_values(&entries, entry);
                match op.jvp(&inputs, &entry.value, wrt, &tangent) {
                    Some(found) => found,
                    None => super::transposed::jvp_of_custom(&**op, &inputs, wrt, tangent),
                }
            }
            NodeOp::Leaf => Err(Error::tape("jvp: a leaf has no parents")),
            _ => {
                let full = self.broadcast_to(&tangent, &entry.value.shape());
                Ok(self.elementwise(&entries, entry, wrt, full).expect("the other ops are elementwise"))
            }
        }
    }

    fn refused_tangent(&self, found: &[Option<Value<T>>]) -> Option<Error> {
        let unknown = |x: &Value<T>| x.as_slice().iter().any(|x| x.to_f64().is_nan());
        self.refusal.take_postponed().filter(|_| found.iter().flatten().any(unknown))
    }

    fn passes(&self, tape: &Tape<T>, [_, f, _]: [usize; 3]) -> bool {
        // Some at a time, so that the look goes through vectors.
        let some_far = |some: &[T]| some.iter().fold(false, |far, &f| far | is_far(f));
        tape.entries()[f].value.as_slice().chunks(256).any(some_far)
    }

    fn past(&self, tape: &Tape<T>, tail: Tail, [.., x]: [usize; 3], g: Value<T>) -> Value<T> {
        let entries = tape.entries();
        let x = entries[x].value.as_slice();
        self.overwrite(g, |g| g.iter_mut().zip(x).for_each(|(g, &x)| *g = tail.product(x, *g)))
    }

    fn unknown(&self, tape: &Tape<T>, k: usize, tangent: &Value<T>) -> Option<Value<T>> {
        let entries = tape.entries();
        let entry = &entries[k];
        bends::unknown(self, &entry.op, &Self::node_values(&entries, entry), &entry.value, tangent)
    }

    fn accumulate(&self, slot: &mut Option<Value<T>>, contribution: Contribution<Value<T>>, _shape: &Shape) {
        let Some(existing) = slot else {
            *slot = Some(self.settled(contribution));
            return;
        };
        if let Contribution::Product { x, y, product } = &contribution
            && let Value::Tensor(sum) = existing
            && let Some(sum) = sum.unique_slice()
            && product.add_into(x.operand(), y.operand(), sum)
        {
            return;
        }
        let more = self.settled(contribution);
        *existing = match (std::mem::replace(existing, Value::Scalar(T::from_f64(0.0))), more) {
            (Value::Scalar(a), Value::Scalar(b)) => Value::Scalar(a + b),
            (Value::Tensor(mut a), Value::Tensor(mut b)) => {
                if let Some(sum) = a.unique_slice() {
                    elementwise::add_assign(sum, b.as_slice());
                    self.pool.give(b);
                    Value::Tensor(a)
                } else if let Some(sum) = b.unique_slice() {
                    elementwise::add_assign(sum, a.as_slice());
                    Value::Tensor(b)
                } else {
                    self.add(&Value::Tensor(a), &Value::Tensor(b))
                }
            }
            (a, b) => self.add(&a, &b),
        };
    }

    fn hook_result(&self, tape: &Tape<T>, scalars: &mut Vec<T>, id: u32) {
        let g = self.hooked(tape, NodeId::scalar(id), Value::Scalar(scalars[id as usize]));
        scalars[id as usize] = g.as_slice()[0];
    }

    fn finish(&self, scalars: &mut Vec<T>) {
        self.passed.take().into_iter().for_each(|(f, product)| scalars[f as usize] += product);
    }

    fn hooked(&self, tape: &Tape<T>, id: NodeId, mut g: Value<T>) -> Value<T> {
        tape.call_hooks(id, &mut g);
        g
    }
}

impl<T: Element> Eager<'_, T> {
    fn careful<'a>(&'a self, tape: &'a Tape<T>) -> Option<Careful<'a, T>> {
        Some(Careful { tape, lane: tape.scalars(), values: self.numbers.get()? })
    }

    fn sweep_scalars(&self, tape: &Tape<T>, lo: u32, hi: u32, scalars: &mut [T]) {
        match self.careful(tape) {
            Some(careful) => careful.sweep(lo, hi, scalars, &mut self.passed.borrow_mut()),
            None => tape.scalars().sweep(lo, hi, scalars),
        }
    }

    /// Whether the gradients of all leaves of the scalar lane are finite after a sweep; a careful one is as good as can be.
    pub(crate) fn is_finite(&self, tape: &Tape<T>, scalars: &[T]) -> bool {
        self.numbers.get().is_some() || tape.scalars().leaves_are_finite(scalars)
    }

    /// Gives a gradient's buffer back, unless something else still shares it.
    fn give(&self, g: Value<T>) {
        if let Value::Tensor(g) = g {
            self.pool.give(g);
        }
    }

    /// The rule of a product of matrices without copies of its operands: adds to the adjoint, or makes it.
    /// False where they are not matrices.
    fn product(
        &self,
        op: &MatMul,
        wrt: usize,
        x: Operand<'_, T>,
        y: Operand<'_, T>,
        g: &Value<T>,
        slot: &mut Option<Value<T>>,
    ) -> bool {
        let (x, y, op) = op.gradient(wrt, x, y, g.operand());
        if x.dims().len() != 2 || y.dims().len() != 2 {
            return false;
        }
        if let Some(Value::Tensor(sum)) = slot
            && let Some(sum) = sum.unique_slice()
            && op.add_into(x, y, sum)
        {
            return true;
        }
        let product = op.value(self.pool, &[x, y]).expect("the forward product fitted");
        match slot {
            None => *slot = Some(product),
            Some(_) => self.accumulate(slot, product.into(), &Shape::scalar()),
        }
        true
    }

    fn settled(&self, contribution: Contribution<Value<T>>) -> Value<T> {
        match contribution {
            Contribution::Value(value) => value,
            Contribution::Product { x, y, product } => self.apply(TensorOp::MatMul(product), &[&x, &y]),
        }
    }
}
