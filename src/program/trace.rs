//! From a tape to the program's graph: what was recorded, and a sweep that builds instead of computing.
//!
//! In compiler terms: the front end: from a trace to SSA, and reverse-mode differentiation as a source transformation of it.

use super::expr::{Building, Expr};
use super::foreign::Foreign;
use super::ir::{Guard, Ir, NodeKey};
use crate::error::{Error, Result};
use crate::num::{Element, Number};
use crate::ops::algebra::Algebra;
use crate::ops::structural::{Contribution, Node, TensorOp};
use crate::ops::{Apply, Apply2, BinaryOp, UnaryOp};
use crate::sweep::{Adjoints, BinaryRule, Needs, SweepMode, UnaryRule, forward, sweep};
use crate::tape::entry::{Entry, NodeOp};
use crate::tape::scalar::{ScalarNode, ScalarOperand};
use crate::tape::{Id, NodeRef, Tape, Var};
use crate::tensor::Shape;
use crate::tensor::kernels::elementwise::Side;
use std::cell::RefCell;
use std::collections::HashMap;

/// What each node of a tape became.
pub(super) struct Traced<'b, T> {
    build: Building<'b, T>,
    scalars: Vec<Expr<'b, T>>,
    entries: Vec<Expr<'b, T>>,
    /// For every scalar the first one that became the same node by the same op on the same scalars: itself, mostly. Its adjoint
    /// gathers there. The same node alone is not enough: of sin(x) and the sine of x detached, which are one number, one has a
    /// derivative by x.
    firsts: Vec<u32>,
    first_of: HashMap<(NodeKey, [Option<u32>; 2]), u32>,
}

impl<'b, T: Element> Traced<'b, T> {
    /// Rebuilds a tape's contents in a graph whose inputs are these variables.
    ///
    /// # Errors
    /// Something on the tape cannot run again.
    pub fn new(tape: &Tape<T>, ir: &'b RefCell<Ir<T>>, inputs: &[Var<'_, T>]) -> Result<Self> {
        if tape.has_hooks() {
            return Err(Error::tape(
                "compile: hooks on gradients are closures over plain numbers, which a program cannot run",
            ));
        }
        let mut places = HashMap::new();
        for (k, input) in inputs.iter().enumerate() {
            ir.borrow_mut().input(input.shape());
            if places.insert(input.id(), k).is_some() {
                return Err(Error::argument(format!("compile: input {k} is given twice")));
            }
        }
        let entries = tape.entries();
        let mut traced = Self {
            build: Building { ir },
            scalars: Vec::with_capacity(tape.scalars().len() as usize),
            entries: Vec::with_capacity(entries.len()),
            firsts: Vec::with_capacity(tape.scalars().len() as usize),
            first_of: HashMap::new(),
        };
        for (k, entry) in entries.iter().enumerate() {
            traced.scalars_to(tape, entry.mark - entry.scalar.is_some() as u32, &places);
            let number = entry.scalar.map(Id::scalar);
            let expr = match places.get(&number.unwrap_or(Id::tensor(k))) {
                Some(&input) => traced.input(input),
                None => traced.entry(entry)?,
            };
            traced.entries.push(expr);
            if let Some(id) = entry.scalar {
                traced.scalars.push(expr);
                traced.firsts.push(id);
            }
        }
        traced.scalars_to(tape, tape.scalars().len(), &places);
        drop(entries);
        for guard in tape.guards().iter() {
            let (left, right) = guard.ids();
            let values = guard.values();
            let side = |id, value: T| traced.at(id, value).key(ir);
            let (left, right) = (side(left, values.0), side(right, values.1));
            ir.borrow_mut().guards.push(Guard { left, right, outcome: guard.outcome });
        }
        Ok(traced)
    }

    /// The node of a variable.
    pub fn key(&self, var: Var<'_, T>) -> NodeKey {
        self.at(var.id(), var.scalar).key(self.build.ir)
    }

    fn input(&self, k: usize) -> Expr<'b, T> {
        Expr::Node(self.build.ir, self.build.ir.borrow().inputs[k])
    }
    fn literal(&self, x: T) -> Expr<'b, T> {
        Expr::Node(self.build.ir, self.build.ir.borrow_mut().literal(x))
    }

    fn at(&self, id: Id, value: T) -> Expr<'b, T> {
        match id.lane() {
            NodeRef::Scalar(id) => self.scalars[id as usize],
            NodeRef::Tensor(k) => self.entries[k],
            NodeRef::Constant => self.literal(value),
        }
    }
    fn operand(&self, operand: ScalarOperand<T>) -> Expr<'b, T> {
        match operand {
            ScalarOperand::Node(id) => self.scalars[id as usize],
            ScalarOperand::Literal(x) => self.literal(x),
        }
    }

    fn scalars_to(&mut self, tape: &Tape<T>, hi: u32, inputs: &HashMap<Id, usize>) {
        for id in self.scalars.len() as u32..hi {
            let node = tape.scalars().decode(id);
            let expr = match node {
                ScalarNode::Leaf(x) => match inputs.get(&Id::scalar(id)) {
                    Some(&k) => self.input(k),
                    None => self.literal(x),
                },
                ScalarNode::Unary(op, parent) => op.with(Apply(self.scalars[parent as usize])),
                ScalarNode::Binary(op, a, b) => op.with(Apply2(self.operand(a), self.operand(b))),
                ScalarNode::Copy(parent) => self.scalars[parent as usize],
            };
            self.scalars.push(expr);
            let first = match node {
                ScalarNode::Copy(parent) => self.firsts[parent as usize],
                _ => {
                    let parents = tape.scalars().parents(id).map(|parent| Some(self.firsts[parent? as usize]));
                    *self.first_of.entry((expr.key(self.build.ir), parents)).or_insert(id)
                }
            };
            self.firsts.push(first);
        }
    }

    fn entry(&self, entry: &Entry<T>) -> Result<Expr<'b, T>> {
        let ir = self.build.ir;
        let args: Vec<Expr<'b, T>> = entry.parents.iter().map(|parent| self.at(parent.id, parent.value)).collect();
        let foreign = |op: Foreign<T>| {
            let keys: Vec<NodeKey> = args.iter().map(|arg| arg.key(ir)).collect();
            Expr::Node(ir, ir.borrow_mut().foreign(op, &keys, entry.value.shape()))
        };
        Ok(match &entry.op {
            NodeOp::Leaf => Expr::Node(ir, ir.borrow_mut().constant(entry.value.clone().into_tensor())),
            NodeOp::Copy => args[0],
            NodeOp::Unary(op) => op.with(Apply(args[0])),
            NodeOp::Binary(op) => op.with(Apply2(args[0], args[1])),
            NodeOp::Select => Number::select(args[0], args[1], args[2]),
            NodeOp::Tensor(op) => {
                let keys: Vec<NodeKey> = args.iter().map(|arg| arg.key(ir)).collect();
                Expr::Node(ir, ir.borrow_mut().tensor(op.clone(), &keys)?)
            }
            NodeOp::CustomUnary(op) => foreign(Foreign::Unary(op.clone())),
            NodeOp::CustomBinary(op) => foreign(Foreign::Binary(op.clone())),
            NodeOp::Custom(op) => foreign(Foreign::Tensor(op.clone())),
        })
    }

    /// The gradients of the sum of `seed` times `y` by each of `xs`, as nodes.
    ///
    /// # Errors
    /// An op on the way has no rule that can be compiled.
    pub fn gradients(&self, tape: &Tape<T>, y: Var<'_, T>, seed: NodeKey, xs: &[Var<'_, T>]) -> Result<Vec<NodeKey>> {
        let found = self.gradients_found(tape, y, seed, xs)?;
        let or_zeros = |(found, x): (Option<NodeKey>, &Var<'_, T>)| {
            let mut ir = self.build.ir.borrow_mut();
            found.unwrap_or_else(|| {
                let zero = ir.literal(T::from_f64(0.0));
                ir.stretched(zero, &x.shape())
            })
        };
        Ok(found.into_iter().zip(xs).map(or_zeros).collect())
    }

    /// The same, and none where no gradient comes.
    ///
    /// # Errors
    /// As [`Traced::gradients`].
    pub fn gradients_found(
        &self,
        tape: &Tape<T>,
        y: Var<'_, T>,
        seed: NodeKey,
        xs: &[Var<'_, T>],
    ) -> Result<Vec<Option<NodeKey>>> {
        let needs = Needs::downstream_of(tape, xs);
        let seed = Expr::Node(self.build.ir, seed);
        let adjoints: Adjoints<_, _> = sweep(tape, self, y.id(), seed, Some(&needs))?;
        let gradient = |x: &Var<'_, T>| {
            let found = match x.id().lane() {
                NodeRef::Scalar(id) => adjoints.scalars.get(id as usize).copied().flatten(),
                NodeRef::Tensor(k) => adjoints.tensors.get(k).copied().flatten(),
                NodeRef::Constant => None,
            };
            let key = found?.key(self.build.ir);
            Some(self.build.ir.borrow_mut().stretched(key, &x.shape()))
        };
        Ok(xs.iter().map(gradient).collect())
    }

    /// The derivatives of `ys` where variables move along tangents, as nodes.
    ///
    /// # Errors
    /// An op on the way has no forward rule that can be compiled.
    pub fn tangents(
        &self,
        tape: &Tape<T>,
        ys: &[Var<'_, T>],
        tangents: &[(Var<'_, T>, NodeKey)],
    ) -> Result<Vec<NodeKey>> {
        let ir = self.build.ir;
        let tangents = tangents.iter().map(|&(x, key)| (x.id(), Expr::Node(ir, key))).collect();
        let found = forward(tape, self, tangents, ys.iter().map(|y| y.id()))?;
        let tangent = |(found, y): (Option<Expr<'b, T>>, &Var<'_, T>)| {
            let key = found.unwrap_or(Expr::Literal(0.0)).key(ir);
            ir.borrow_mut().stretched(key, &y.shape())
        };
        Ok(found.into_iter().zip(ys).map(tangent).collect())
    }

    /// A number's node.
    pub fn number(&self, x: f64) -> NodeKey {
        self.build.ir.borrow_mut().literal(T::from_f64(x))
    }

    /// The rule's own formula where that is one op or none, and the rule as one op where it is more.
    fn fused(&self, formula: impl FnOnce() -> Expr<'b, T>, rule: impl FnOnce() -> NodeKey) -> Expr<'b, T> {
        let before = self.build.ir.borrow().order.len();
        let formula = formula();
        if self.build.ir.borrow().order.len() <= before + 1 { formula } else { Expr::Node(self.build.ir, rule()) }
    }

    fn unary_rule(&self, op: UnaryOp, [x, y, g]: [Expr<'b, T>; 3]) -> Expr<'b, T> {
        let ir = self.build.ir;
        let keys = [x.key(ir), y.key(ir), g.key(ir)];
        self.fused(|| op.with(UnaryRule(x, y, g)), || ir.borrow_mut().unary_vjp(op, keys))
    }

    fn binary_rule(&self, op: BinaryOp, side: Side, nodes: [Expr<'b, T>; 3], g: Expr<'b, T>) -> Expr<'b, T> {
        let ir = self.build.ir;
        let [x, y, out] = nodes.map(|node| node.key(ir));
        let g_key = g.key(ir);
        self.fused(
            || op.with(BinaryRule { side, nodes, g }),
            || ir.borrow_mut().binary_vjp(op, side, [x, y, out, g_key]),
        )
    }

    /// The products of `g` with the local derivatives of a scalar node, by parent.
    fn scalar_products(
        &self,
        tape: &Tape<T>,
        id: u32,
        g: impl Fn(u32) -> Option<Expr<'b, T>>,
        mut add: impl FnMut(u32, Expr<'b, T>),
    ) {
        let out = self.scalars[id as usize];
        match tape.scalars().decode(id) {
            ScalarNode::Leaf(_) => {}
            ScalarNode::Copy(parent) => {
                if let Some(g) = g(parent) {
                    add(parent, g);
                }
            }
            ScalarNode::Unary(op, parent) => {
                if let Some(g) = g(parent).filter(|_| !op.is_flat()) {
                    add(parent, self.unary_rule(op, [self.scalars[parent as usize], out, g]));
                }
            }
            ScalarNode::Binary(op, a, b) => {
                let nodes = [self.operand(a), self.operand(b), out];
                for (side, operand) in [(Side::X, a), (Side::Y, b)] {
                    let ScalarOperand::Node(parent) = operand else { continue };
                    if let Some(g) = g(parent).filter(|_| !op.is_flat()) {
                        add(parent, self.binary_rule(op, side, nodes, g));
                    }
                }
            }
        }
    }

    /// What an entry contributes to a parent, or, up to broadcasting, a parent's tangent to the entry.
    fn rule(&self, entry: &Entry<T>, k: usize, wrt: usize, g: Expr<'b, T>) -> Contribution<Expr<'b, T>> {
        let ir = self.build.ir;
        let inputs: Vec<Expr<'b, T>> = entry.parents.iter().map(|parent| self.at(parent.id, parent.value)).collect();
        let output = self.entries[k];
        let side = if wrt == 0 { Side::X } else { Side::Y };
        let zero = Expr::Literal(0.0);
        let foreign = |op: Foreign<T>, args: &[Expr<'b, T>], shape: Shape| {
            let keys: Vec<NodeKey> = args.iter().map(|arg| arg.key(ir)).collect();
            Expr::Node(ir, ir.borrow_mut().foreign(op, &keys, shape))
        };
        let with_gradient = || -> Vec<Expr<'b, T>> { inputs.iter().copied().chain([output, g]).collect() };
        let shape = || self.build.shape(&inputs[wrt]);
        match &entry.op {
            NodeOp::Copy => g,
            NodeOp::Unary(op) => self.unary_rule(*op, [inputs[0], output, g]),
            NodeOp::Binary(op) => self.binary_rule(*op, side, [inputs[0], inputs[1], output], g),
            NodeOp::Select => match wrt {
                0 => zero,
                1 => Number::select(inputs[0], g, zero),
                _ => Number::select(inputs[0], zero, g),
            },
            NodeOp::Tensor(op) if op.looks_at_numbers() => {
                foreign(Foreign::Rule(op.clone(), wrt), &with_gradient(), shape())
            }
            NodeOp::Tensor(op) => return op.vjp(&self.build, Node { inputs: &inputs, output: &output }, wrt, &g),
            NodeOp::CustomUnary(op) => {
                foreign(Foreign::UnaryVjp(op.clone()), &[inputs[0], output, g], entry.value.shape())
            }
            NodeOp::CustomBinary(op) => {
                foreign(Foreign::BinaryVjp(op.clone(), side), &with_gradient(), entry.value.shape())
            }
            NodeOp::Custom(op) => foreign(Foreign::TensorVjp(op.clone(), wrt), &with_gradient(), shape()),
            NodeOp::Leaf => unreachable!("a leaf has no parents"),
        }
        .into()
    }
}

impl<'b, T: Element> SweepMode<T> for Traced<'b, T> {
    type Scalars = Vec<Option<Expr<'b, T>>>;
    const KEEPS_ALL: bool = true;

    fn scalars(&self, _tape: &Tape<T>, n: u32) -> Self::Scalars {
        vec![None; n as usize]
    }
    fn add_scalar(&self, scalars: &mut Self::Scalars, id: u32, x: Expr<'b, T>) {
        let slot = &mut scalars[id as usize];
        *slot = Some(slot.map_or(x, |sum| sum + x));
    }
    fn scalar(&self, scalars: &Self::Scalars, id: u32) -> Option<Expr<'b, T>> {
        scalars[id as usize]
    }

    fn segment(
        &self,
        tape: &Tape<T>,
        lo: u32,
        hi: u32,
        scalars: &mut Self::Scalars,
        needs: Option<&Needs>,
    ) -> Result<()> {
        for id in (lo..hi).rev() {
            let Some(g) = scalars[id as usize] else { continue };
            // What was recorded twice is swept once, with both adjoints.
            let first = self.firsts[id as usize];
            if first != id {
                self.add_scalar(scalars, first, g);
                continue;
            }
            let wanted = |parent| needs.is_none_or(|needs| needs.scalar(parent)).then_some(g);
            self.scalar_products(tape, id, wanted, |parent, product| self.add_scalar(scalars, parent, product));
        }
        Ok(())
    }

    fn forward_segment(&self, tape: &Tape<T>, lo: u32, hi: u32, scalars: &mut Self::Scalars) {
        for id in lo..hi {
            let mut sum = scalars[id as usize];
            let add = |_, product| sum = Some(sum.map_or(product, |sum| sum + product));
            self.scalar_products(tape, id, |parent| scalars[parent as usize], add);
            scalars[id as usize] = sum;
        }
    }

    fn contribution(&self, tape: &Tape<T>, k: usize, wrt: usize, g: Expr<'b, T>) -> Result<Contribution<Expr<'b, T>>> {
        Ok(self.rule(&tape.entries()[k], k, wrt, g))
    }

    fn tangent(&self, tape: &Tape<T>, k: usize, wrt: usize, tangent: Expr<'b, T>) -> Result<Expr<'b, T>> {
        let entry = &tape.entries()[k];
        let inputs: Vec<Expr<'b, T>> = entry.parents.iter().map(|parent| self.at(parent.id, parent.value)).collect();
        match &entry.op {
            NodeOp::Tensor(op) if !op.looks_at_numbers() => {
                Ok(op.jvp(&self.build, Node { inputs: &inputs, output: &self.entries[k] }, wrt, &tangent))
            }
            NodeOp::Tensor(_) | NodeOp::Custom(_) => Err(Error::not_differentiable(format!(
                "compile: {} has no forward rule in a program; use reverse mode",
                entry.op.name()
            ))),
            _ => {
                let full = self.build.broadcast_to(&tangent, &entry.value.shape());
                match self.rule(entry, k, wrt, full) {
                    Contribution::Value(value) => Ok(value),
                    Contribution::Product { .. } => unreachable!("elementwise ops make no products"),
                }
            }
        }
    }

    fn accumulate(&self, slot: &mut Option<Expr<'b, T>>, contribution: Contribution<Expr<'b, T>>, shape: &Shape) {
        let value = match contribution {
            Contribution::Value(value) => value,
            Contribution::Product { x, transpose_x, y, transpose_y } => {
                self.build.matmul(&x, transpose_x, &y, transpose_y)
            }
        };
        let value = self.build.broadcast_to(&value, shape);
        *slot = Some(slot.map_or(value, |sum| sum + value));
    }

    fn hooked(&self, _tape: &Tape<T>, _id: Id, g: Expr<'b, T>) -> Expr<'b, T> {
        g
    }
    fn hook_result(&self, _tape: &Tape<T>, _scalars: &mut Self::Scalars, _id: u32) {}
}

/// The algebra of a trace is the one that builds.
impl<'b, T: Element> Algebra<T> for Traced<'b, T> {
    type V = Expr<'b, T>;

    fn shape(&self, x: &Expr<'b, T>) -> Shape {
        self.build.shape(x)
    }
    fn literal(&self, x: f64) -> Expr<'b, T> {
        Expr::Literal(x)
    }
    fn constant(&self, x: crate::Tensor<T>) -> Expr<'b, T> {
        self.build.constant(x)
    }
    fn select(&self, condition: &Expr<'b, T>, a: &Expr<'b, T>, b: &Expr<'b, T>) -> Expr<'b, T> {
        self.build.select(condition, a, b)
    }
    fn inspect<R>(&self, x: &Expr<'b, T>, look: impl FnOnce(&[T]) -> R) -> R {
        self.build.inspect(x, look)
    }
    fn unary(&self, op: UnaryOp, x: &Expr<'b, T>) -> Expr<'b, T> {
        self.build.unary(op, x)
    }
    fn binary(&self, op: BinaryOp, x: &Expr<'b, T>, y: &Expr<'b, T>) -> Expr<'b, T> {
        self.build.binary(op, x, y)
    }
    fn apply(&self, op: TensorOp, inputs: &[&Expr<'b, T>]) -> Expr<'b, T> {
        self.build.apply(op, inputs)
    }
}
