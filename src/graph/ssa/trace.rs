//! From a tape to the SSA graph: what was recorded, and a sweep that builds instead of computing.
//!
//! In compiler terms: the front end: from a trace to SSA, and reverse-mode differentiation as a source transformation of it.

use super::{Args, Guard, Ir, IrOp, Level, NodeKey};
use crate::error::{Error, Result};
use crate::num::{Element, Number};
use crate::ops::algebra::Algebra;
use crate::ops::structural::{Contribution, Node, TensorOp};
use crate::ops::symbol::{Rules, Symbol};
use crate::ops::{Apply, Apply2, BinaryOp, UnaryOp};
use crate::sweep::{Adjoints, BinaryRule, BuildingMode, Needs, UnaryRule, adjoint, forward, sweep};
use crate::tape::custom::{DynBinary, DynTensorOp, DynUnary};
use crate::tape::entry::Entry;
use crate::tape::scalar::{ScalarNode, ScalarOperand};
use crate::tape::{NodeId, NodeOp, NodeRef, Recording, Tape, Var};
use crate::tensor::kernels::elementwise::Side;
use crate::tensor::{Shape, Tensor};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// What becomes of a rule in the graph.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum RuleForm {
    /// One op where it is longer than one; a user's rule is called in every run.
    Fused,
    /// Its formula, for whoever reads it.
    Written,
}

/// What each node of a tape became.
pub(crate) struct Traced<'b, T> {
    ir: &'b RefCell<Ir<T>>,
    rules: Rules<'b, T>,
    form: RuleForm,
    scalars: Vec<Symbol<'b>>,
    entries: Vec<Symbol<'b>>,
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
    pub fn new(tape: &Tape<T>, ir: &'b RefCell<Ir<T>>, inputs: &[Var<'_, T>], form: RuleForm) -> Result<Self> {
        if tape.has_hooks() {
            return Err(Error::tape(
                "compile: hooks on gradients are closures over plain numbers, which a program cannot run",
            ));
        }
        let mut places = HashMap::new();
        for (k, input) in inputs.iter().enumerate() {
            ir.borrow_mut().input(input.shape());
            if places.insert(input.id, k).is_some() {
                return Err(Error::argument(format!("compile: input {k} is given twice")));
            }
        }
        let entries = tape.entries();
        let mut traced = Self {
            ir,
            rules: Rules::over(ir),
            form,
            scalars: Vec::with_capacity(tape.scalars().len() as usize),
            entries: Vec::with_capacity(entries.len()),
            firsts: Vec::with_capacity(tape.scalars().len() as usize),
            first_of: HashMap::new(),
        };
        for (k, entry) in entries.iter().enumerate() {
            traced.scalars_to(tape, entry.mark - entry.scalar.is_some() as u32, &places);
            let number = entry.scalar.map(NodeId::scalar);
            let symbol = match places.get(&number.unwrap_or(NodeId::tensor(k))) {
                Some(&input) => traced.input(input),
                None => traced.entry(entry)?,
            };
            traced.entries.push(symbol);
            if let Some(id) = entry.scalar {
                traced.scalars.push(symbol);
                traced.firsts.push(id);
            }
        }
        traced.scalars_to(tape, tape.scalars().len(), &places);
        drop(entries);
        for guard in tape.guards().iter() {
            let side = |(id, value): (NodeId, T)| traced.at(id, value).key(ir);
            let (left, right) = (side(guard.left), side(guard.right));
            ir.borrow_mut().guards.push(Guard { left, right, outcome: guard.outcome });
        }
        Ok(traced)
    }

    /// The node of a variable.
    pub fn key(&self, var: Var<'_, T>) -> NodeKey {
        self.at(var.id, var.scalar).key(self.ir)
    }

    fn symbol(&self, key: NodeKey) -> Symbol<'b> {
        Symbol::Node(self.ir, key)
    }
    fn input(&self, k: usize) -> Symbol<'b> {
        self.symbol(self.ir.borrow().inputs[k])
    }
    fn number_symbol(&self, x: T) -> Symbol<'b> {
        let readable = self.ir.borrow().level == Level::Readable;
        // The shortest decimal that is this number in its own precision: 0.1 for 0.1f32.
        let written = || format!("{x}").parse().ok();
        let x = if readable { written() } else { None }.unwrap_or(x.to_f64());
        self.symbol(self.number_key(x))
    }
    /// A number's node.
    pub fn number_key(&self, x: f64) -> NodeKey {
        self.ir.borrow_mut().literal(x)
    }

    fn at(&self, id: NodeId, value: T) -> Symbol<'b> {
        match id.lane() {
            NodeRef::Scalar(id) => self.scalars[id as usize],
            NodeRef::Tensor(k) => self.entries[k],
            NodeRef::Constant => self.number_symbol(value),
        }
    }

    fn scalars_to(&mut self, tape: &Tape<T>, hi: u32, inputs: &HashMap<NodeId, usize>) {
        let operand = |traced: &Self, operand| match operand {
            ScalarOperand::Node(id) => traced.scalars[id as usize],
            ScalarOperand::Literal(x) => traced.number_symbol(x),
        };
        for id in self.scalars.len() as u32..hi {
            let node = tape.scalars().decode(id);
            let symbol = match node {
                ScalarNode::Leaf(x) => match inputs.get(&NodeId::scalar(id)) {
                    Some(&k) => self.input(k),
                    None => self.number_symbol(x),
                },
                ScalarNode::Unary(op, parent) => op.with(Apply(self.scalars[parent as usize])),
                ScalarNode::Binary(op, a, b) => op.with(Apply2(operand(self, a), operand(self, b))),
                ScalarNode::Copy(parent) => self.scalars[parent as usize],
            };
            self.scalars.push(symbol);
            let first = match node {
                ScalarNode::Copy(parent) => self.firsts[parent as usize],
                _ => {
                    let parents = tape.scalars().parents(id).map(|parent| Some(self.firsts[parent? as usize]));
                    *self.first_of.entry((symbol.key(self.ir), parents)).or_insert(id)
                }
            };
            self.firsts.push(first);
        }
    }

    /// A node that is no formula: an op that only it can compute.
    fn call(&self, op: IrOp<T>, args: &[Symbol<'b>], shape: Shape) -> Symbol<'b> {
        let keys: Args = args.iter().map(|arg| arg.key(self.ir)).collect();
        self.symbol(self.ir.borrow_mut().append(op, keys, shape))
    }

    fn entry(&self, entry: &Entry<T>) -> Result<Symbol<'b>> {
        let args: Vec<Symbol<'b>> = entry.parents.iter().map(|parent| self.at(parent.id, parent.value)).collect();
        Ok(match &entry.op {
            NodeOp::Leaf => self.symbol(self.ir.borrow_mut().constant(entry.value.clone().into_tensor())),
            NodeOp::Copy => args[0],
            NodeOp::Unary(op) => op.with(Apply(args[0])),
            NodeOp::Binary(op) => op.with(Apply2(args[0], args[1])),
            NodeOp::Select => Number::select(args[0], args[1], args[2]),
            // What it stands for matters to derivatives alone.
            NodeOp::Tensor(TensorOp::Chosen(_)) => args[0],
            NodeOp::Tensor(op) => {
                let keys: Args = args.iter().map(|arg| arg.key(self.ir)).collect();
                self.symbol(self.ir.borrow_mut().tensor(op.clone(), &keys)?)
            }
            op => self.call(IrOp::Op(op.clone()), &args, entry.value.shape()),
        })
    }

    /// The gradients of the sum of `seed` times `y` by each of `xs`, as nodes.
    ///
    /// # Errors
    /// An op on the way has no rule that can be compiled.
    pub fn gradients(&self, tape: &Tape<T>, y: Var<'_, T>, seed: NodeKey, xs: &[Var<'_, T>]) -> Result<Vec<NodeKey>> {
        let found = self.gradients_found(tape, y, seed, xs)?;
        let or_zeros = |(found, x): (Option<NodeKey>, &Var<'_, T>)| {
            let mut ir = self.ir.borrow_mut();
            found.unwrap_or_else(|| {
                let zero = ir.literal(0.0);
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
        self.adjoints(tape, y, seed, &Needs::downstream_of(tape, xs), xs)
    }

    /// What the sweep to those that need it leaves at each of `of`.
    ///
    /// # Errors
    /// As [`Traced::gradients`].
    pub fn adjoints(
        &self,
        tape: &Tape<T>,
        y: Var<'_, T>,
        seed: NodeKey,
        needs: &Needs,
        of: &[Var<'_, T>],
    ) -> Result<Vec<Option<NodeKey>>> {
        let adjoints: Adjoints<_, _> = sweep(tape, self, y.id, self.symbol(seed), Some(needs))?;
        let gradient = |x: &Var<'_, T>| {
            let key = adjoint(&adjoints, *x)?.key(self.ir);
            Some(self.ir.borrow_mut().stretched(key, &x.shape()))
        };
        Ok(of.iter().map(gradient).collect())
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
        let tangents = tangents.iter().map(|&(x, key)| (x.id, self.symbol(key))).collect();
        let found = forward(tape, self, tangents, ys.iter().map(|y| y.id))?;
        let tangent = |(found, y): (Option<Symbol<'b>>, &Var<'_, T>)| {
            let key = found.unwrap_or(Symbol::Literal(0.0)).key(self.ir);
            self.ir.borrow_mut().stretched(key, &y.shape())
        };
        Ok(found.into_iter().zip(ys).map(tangent).collect())
    }

    /// The rule's own formula where that is one op or none, and the rule as one op where it is more.
    fn fused(&self, formula: impl FnOnce() -> Symbol<'b>, rule: impl FnOnce() -> NodeKey) -> Symbol<'b> {
        let before = self.ir.borrow().order.len();
        let formula = formula();
        let short = self.ir.borrow().order.len() <= before + 1;
        if short || self.form == RuleForm::Written { formula } else { self.symbol(rule()) }
    }

    /// The formula of a rule that records: of what it records on a tape of its own.
    ///
    /// # Errors
    /// It records nothing, or looks at numbers.
    fn recorded_rule(
        &self,
        op: &Arc<dyn DynTensorOp<T>>,
        node: Node<'_, Symbol<'b>>,
        wrt: usize,
        g: &Symbol<'b>,
    ) -> Result<Symbol<'b>> {
        let tape = Tape::of();
        tape.tracing().start();
        let nodes: Vec<&Symbol<'b>> = node.inputs.iter().chain([node.output, g]).collect();
        let vars: Vec<Var<'_, T>> = nodes
            .iter()
            .map(|symbol| tape.leaf_of_tensor_lane(Tensor::zeros(self.shape(symbol)).into(), true))
            .collect();
        let [inputs @ .., output, upstream] = &vars[..] else { unreachable!("an output and a gradient") };
        let gradient = op.record_vjp(&Recording::on(&tape), inputs, output, upstream)?.swap_remove(wrt);
        tape.tracing().check()?;
        let rule = RefCell::new(Ir::new(self.ir.borrow().level));
        let key = Traced::new(&tape, &rule, &vars, self.form)?.key(gradient);
        let rule = rule.into_inner();
        let mut made: HashMap<NodeKey, NodeKey> = HashMap::new();
        for &key in &rule.order {
            let own = rule.node(key);
            let node = match &own.op {
                IrOp::Input(k) => nodes[*k].key(self.ir),
                IrOp::Literal(x) => self.ir.borrow_mut().literal(*x),
                IrOp::Constant(x) => self.ir.borrow_mut().constant(x.clone()),
                _ => {
                    let args: Args = own.args.iter().map(|arg| made[arg]).collect();
                    self.ir.borrow_mut().with_args(own, &args)
                }
            };
            made.insert(key, node);
        }
        Ok(self.symbol(made[&key]))
    }

    /// A rule that is called in every run: of the op's arguments, its output and the gradient.
    fn called(&self, op: NodeOp<T>, node: Node<'_, Symbol<'b>>, wrt: usize, g: &Symbol<'b>) -> Symbol<'b> {
        let args: Vec<Symbol<'b>> = node.inputs.iter().copied().chain([*node.output, *g]).collect();
        let of = if let NodeOp::Custom(_) = op { &node.inputs[wrt] } else { g };
        self.call(IrOp::Rule(op, wrt), &args, self.shape(of))
    }
}

impl<'b, T: Element> BuildingMode for Traced<'b, T> {
    type T = T;
    type Nodes = ();

    fn nodes(&self, _tape: &Tape<T>, _n: u32) {}
    fn passes_tails(&self) -> bool {
        self.form == RuleForm::Fused
    }
    fn node(&self, _nodes: &(), id: u32) -> Symbol<'b> {
        self.scalars[id as usize]
    }
    fn number(&self, x: T) -> Symbol<'b> {
        self.number_symbol(x)
    }
    fn entry_nodes(&self, tape: &Tape<T>, k: usize) -> (NodeOp<T>, Vec<Symbol<'b>>, Symbol<'b>) {
        let entry = &tape.entries()[k];
        let inputs = entry.parents.iter().map(|parent| self.at(parent.id, parent.value)).collect();
        (entry.op.clone(), inputs, self.entries[k])
    }
    fn first(&self, id: u32) -> u32 {
        // To a reader, what was recorded twice is two nodes, each with a gradient of its own.
        if self.ir.borrow().level == Level::Readable { id } else { self.firsts[id as usize] }
    }

    fn unary_rule(&self, op: UnaryOp, [x, y, g]: [Symbol<'b>; 3]) -> Symbol<'b> {
        let keys = [x, y, g].map(|symbol| symbol.key(self.ir));
        self.fused(|| op.with(UnaryRule(x, y, g)), || self.ir.borrow_mut().unary_vjp(op, keys))
    }
    fn binary_rule(&self, op: BinaryOp, side: Side, nodes: [Symbol<'b>; 3], g: Symbol<'b>) -> Symbol<'b> {
        let [x, y, out] = nodes.map(|node| node.key(self.ir));
        let keys = [x, y, out, g.key(self.ir)];
        self.fused(|| op.with(BinaryRule { side, nodes, g }), || self.ir.borrow_mut().binary_vjp(op, side, keys))
    }
    fn tensor_rule(
        &self,
        op: &TensorOp,
        node: Node<'_, Symbol<'b>>,
        wrt: usize,
        g: &Symbol<'b>,
    ) -> Result<Contribution<Symbol<'b>>> {
        Ok(op.vjp(self, node, wrt, g))
    }
    fn tensor_tangent(
        &self,
        op: &TensorOp,
        node: Node<'_, Symbol<'b>>,
        wrt: usize,
        tangent: &Symbol<'b>,
    ) -> Result<Symbol<'b>> {
        Ok(op.jvp(self, node, wrt, tangent))
    }

    fn custom_unary(&self, op: &Arc<dyn DynUnary<T>>, [x, y, g]: [Symbol<'b>; 3]) -> Symbol<'b> {
        match self.form {
            RuleForm::Written => op.symbol_vjp(x, y, g),
            RuleForm::Fused => self.called(NodeOp::CustomUnary(op.clone()), Node { inputs: &[x], output: &y }, 0, &g),
        }
    }
    fn custom_binary(
        &self,
        op: &Arc<dyn DynBinary<T>>,
        side: Side,
        [x, y, out]: [Symbol<'b>; 3],
        g: Symbol<'b>,
    ) -> Symbol<'b> {
        let wrt = side as usize;
        match self.form {
            RuleForm::Written => op.symbol_vjp([x, y, out], wrt, g),
            RuleForm::Fused => {
                self.called(NodeOp::CustomBinary(op.clone()), Node { inputs: &[x, y], output: &out }, wrt, &g)
            }
        }
    }
    fn custom_rule(
        &self,
        op: &Arc<dyn DynTensorOp<T>>,
        node: Node<'_, Symbol<'b>>,
        wrt: usize,
        g: &Symbol<'b>,
    ) -> Result<Symbol<'b>> {
        if self.form == RuleForm::Fused {
            return Ok(self.called(NodeOp::Custom(op.clone()), node, wrt, g));
        }
        match op.symbol_vjp(&self.rules, node.inputs, node.output, g)? {
            Some(mut gradients) => Ok(gradients.swap_remove(wrt)),
            None => match self.recorded_rule(op, node, wrt, g) {
                Err(error) if error.is_not_differentiable() => Err(Error::not_differentiable(format!(
                    "explain: {}: its rule exists as numbers only, so it has no formula; write it over Algebra (CustomOp)",
                    op.name()
                ))),
                found => found,
            },
        }
    }
    fn custom_tangent(
        &self,
        op: &Arc<dyn DynTensorOp<T>>,
        _: Node<'_, Symbol<'b>>,
        _: usize,
        _: &Symbol<'b>,
    ) -> Result<Symbol<'b>> {
        Err(no_forward_rule(op.name()))
    }
}

fn no_forward_rule(name: &str) -> Error {
    Error::not_differentiable(format!("compile: {name} has no forward rule in a program; use reverse mode"))
}

/// The algebra of a trace is the one that builds.
impl<'b, T: Element> Algebra<T> for Traced<'b, T> {
    type V = Symbol<'b>;

    fn shape(&self, x: &Symbol<'b>) -> Shape {
        self.rules.shape(x)
    }
    fn literal(&self, x: f64) -> Symbol<'b> {
        Symbol::Literal(x)
    }
    fn constant(&self, x: Tensor<T>) -> Symbol<'b> {
        self.rules.constant(x)
    }
    fn select(&self, condition: &Symbol<'b>, a: &Symbol<'b>, b: &Symbol<'b>) -> Symbol<'b> {
        self.rules.select(condition, a, b)
    }
    fn unary(&self, op: UnaryOp, x: &Symbol<'b>) -> Symbol<'b> {
        self.rules.unary(op, x)
    }
    fn binary(&self, op: BinaryOp, x: &Symbol<'b>, y: &Symbol<'b>) -> Symbol<'b> {
        self.rules.binary(op, x, y)
    }
    fn apply(&self, op: TensorOp, inputs: &[&Symbol<'b>]) -> Symbol<'b> {
        self.rules.apply(op, inputs)
    }
}
