//! Terms: the expressions that statements of a derivation are made of, each with its value.
//!
//! Sums and products are lists, with a sign or an exponent of 1 or -1 for each member: a slip drops or changes one of them,
//! wherever the parentheses are. A term is made with its value, so that a candidate for what was written is a term and nothing more.
//!
//! **Invariant.** Two terms with one key are the same expression over the same values.

use super::program::Derivation;
use crate::graph::ssa::{Ir, IrOp, NodeKey};
use crate::ops::eager;
use crate::ops::structural::{MatMul, Permute, Sum, TensorOp};
use crate::ops::{self, BinaryOp, UnaryOp};
use crate::tape::NodeOp;
use crate::tensor::pool::Pool;
use crate::tensor::shape::AxisMask;
use crate::tensor::{Operand, Shape, Tensor, Value};
use smallvec::SmallVec;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

/// What a term computes from its arguments.
#[derive(Clone, Debug)]
pub(super) enum TermOp {
    /// The value of a node.
    Value(usize),
    /// The gradient by a node.
    Adjoint(usize),
    /// What one use of a node contributes to its gradient: the node, and the number of the contribution.
    Share(usize, usize),
    /// A number.
    Number(f64),
    /// A number that has a name.
    Named(String),
    /// A tensor of the rule's own.
    Constant,
    /// Factors; true where it divides.
    Product(Vec<bool>),
    /// Terms; true where it is subtracted.
    Sum(Vec<bool>),
    Power(f64),
    Unary(UnaryOp),
    Binary(BinaryOp),
    Select,
    Tensor(TensorOp),
    /// The largest along axes, which stay.
    Largest(AxisMask),
    /// The elements in another order along the first axis: reversed, or shifted.
    Reordered(isize),
}

pub(super) type Terms = Vec<Rc<Term>>;

#[derive(Debug)]
pub(super) struct Term {
    pub op: TermOp,
    pub args: Terms,
    pub value: Tensor<f64>,
    /// The node whose derivative it is a part of, where it was put in from another statement.
    pub of: Option<usize>,
    key: OnceCell<u64>,
    /// How many terms it is made of.
    pub size: usize,
}

impl Term {
    fn with(op: TermOp, args: Terms, value: Tensor<f64>) -> Rc<Self> {
        let size = 1 + args.iter().map(|arg| arg.size).sum::<usize>();
        Rc::new(Self { op, args, value, of: None, key: OnceCell::new(), size })
    }

    /// What the expression is, as a number.
    pub fn key(&self) -> u64 {
        *self.key.get_or_init(|| {
            let mut hasher = DefaultHasher::new();
            match &self.op {
                TermOp::Value(k) => (0, k).hash(&mut hasher),
                TermOp::Adjoint(k) => (1, k).hash(&mut hasher),
                TermOp::Share(k, i) => (2, k, i).hash(&mut hasher),
                TermOp::Number(x) => (3, x.to_bits()).hash(&mut hasher),
                TermOp::Named(name) => (4, name).hash(&mut hasher),
                TermOp::Constant => self.value.iter().for_each(|x| (5, x.to_bits()).hash(&mut hasher)),
                TermOp::Product(inverse) => (6, inverse).hash(&mut hasher),
                TermOp::Sum(negative) => (7, negative).hash(&mut hasher),
                TermOp::Power(p) => (8, p.to_bits()).hash(&mut hasher),
                TermOp::Unary(op) => {
                    let (code, parameters) = op.code();
                    (9, code, parameters.map(f64::to_bits)).hash(&mut hasher);
                }
                TermOp::Binary(op) => (10, op.code()).hash(&mut hasher),
                TermOp::Select => 11.hash(&mut hasher),
                TermOp::Tensor(op) => (12, format!("{op:?}")).hash(&mut hasher),
                TermOp::Largest(axes) => (13, axes.0).hash(&mut hasher),
                TermOp::Reordered(by) => (14, by).hash(&mut hasher),
            }
            self.args.iter().for_each(|arg| arg.key().hash(&mut hasher));
            hasher.finish()
        })
    }

    pub fn value_of(node: usize, value: Tensor<f64>) -> Rc<Self> {
        Self::with(TermOp::Value(node), Vec::new(), value)
    }
    pub fn adjoint_of(node: usize, value: Tensor<f64>) -> Rc<Self> {
        Self::with(TermOp::Adjoint(node), Vec::new(), value)
    }
    pub fn share_of(node: usize, share: usize, value: Tensor<f64>) -> Rc<Self> {
        Self::with(TermOp::Share(node, share), Vec::new(), value)
    }
    pub fn number(x: f64) -> Rc<Self> {
        Self::with(TermOp::Number(x), Vec::new(), Tensor::scalar(x))
    }
    pub fn named(name: &str, x: f64) -> Rc<Self> {
        Self::with(TermOp::Named(name.into()), Vec::new(), Tensor::scalar(x))
    }
    pub fn constant(x: Tensor<f64>) -> Rc<Self> {
        Self::with(TermOp::Constant, Vec::new(), x)
    }

    /// The term of this op and these arguments; none where their shapes do not fit.
    pub fn make(op: TermOp, args: Terms) -> Option<Rc<Self>> {
        let values: Vec<&Tensor<f64>> = args.iter().map(|arg| &arg.value).collect();
        let value = evaluate(&op, &values)?;
        Some(Self::with(op, args, value))
    }

    /// The same with these arguments in place of its own, of the same op.
    pub fn with_args(self: &Rc<Self>, args: Terms) -> Option<Rc<Self>> {
        let shapes: Vec<&Shape> = args.iter().map(|arg| arg.shape()).collect();
        if !self.takes(&shapes) {
            return None;
        }
        let made = Self::make(self.op.clone(), args)?;
        Some(made.of(self.of))
    }

    /// Whether the op, which may hold places and sizes of the shapes that it was made for, takes arguments of these shapes.
    fn takes(&self, shapes: &[&Shape]) -> bool {
        let TermOp::Tensor(op) = &self.op else { return true };
        let mut pairs = shapes.iter().zip(&self.args);
        match op {
            TensorOp::MatMul(_) | TensorOp::Reshape(_) | TensorOp::BroadcastTo(_) => true,
            TensorOp::Sum(_) | TensorOp::Permute(_) => pairs.all(|(new, old)| new.rank() == old.rank()),
            TensorOp::Map(_) | TensorOp::Reduce(_) => shapes[0].rank() > 0,
            _ => pairs.all(|(new, old)| *new == old.shape()),
        }
    }

    /// The same, said to be a part of a node's derivative, if it is said of none yet.
    pub fn of(self: Rc<Self>, node: Option<usize>) -> Rc<Self> {
        if self.of.is_some() || node.is_none() {
            return self;
        }
        let Self { op, args, value, key, size, .. } = &*self;
        Rc::new(Self {
            op: op.clone(),
            args: args.clone(),
            value: value.clone(),
            of: node,
            key: key.clone(),
            size: *size,
        })
    }

    /// The same, with every part of it said to be of a node, but for what is said of another.
    pub fn all_of(self: &Rc<Self>, node: usize) -> Rc<Self> {
        let Self { op, args, value, key, size, of } = &**self;
        let args = args.iter().map(|arg| arg.all_of(node)).collect();
        let of = of.or(Some(node));
        Rc::new(Self { op: op.clone(), args, value: value.clone(), of, key: key.clone(), size: *size })
    }

    pub fn shape(&self) -> &Shape {
        self.value.shape()
    }
    pub fn rank(&self) -> usize {
        self.value.shape().rank()
    }
    pub fn is_leaf(&self) -> bool {
        self.args.is_empty()
    }
    /// The number that it is.
    pub fn as_number(&self) -> Option<f64> {
        match self.op {
            TermOp::Number(x) => Some(x),
            _ => None,
        }
    }

    /// A product, flat, with one number at most, in front.
    pub fn product(factors: impl IntoIterator<Item = (Rc<Term>, bool)>) -> Option<Rc<Self>> {
        Self::product_of(factors, false)
    }

    /// The same with powers of one base put together.
    pub fn product_of(factors: impl IntoIterator<Item = (Rc<Term>, bool)>, powers: bool) -> Option<Rc<Self>> {
        let mut flat = Vec::new();
        let mut number = 1.0;
        for (factor, inverse) in factors {
            flatten(&factor, inverse, None, &mut flat, &mut number);
        }
        if powers {
            flat = powers_together(flat)?;
        }
        cancel(&mut flat);
        if number != 1.0 || flat.is_empty() {
            flat.insert(0, (Self::number(number), false));
        }
        if let [(only, false)] = &flat[..] {
            return Some(only.clone());
        }
        let (args, inverse): (Terms, Vec<bool>) = flat.into_iter().unzip();
        Self::make(TermOp::Product(inverse), args)
    }

    /// A sum, with what is negative subtracted.
    pub fn sum(terms: impl IntoIterator<Item = (Rc<Term>, bool)>) -> Option<Rc<Self>> {
        let (mut args, mut negative) = (Vec::new(), Vec::new());
        for (term, minus) in terms {
            let (term, turned) = without_sign(term);
            args.push(term);
            negative.push(minus != turned);
        }
        match (&args[..], &negative[..]) {
            ([only], [false]) => Some(only.clone()),
            ([only], [true]) => Self::product([(Self::number(-1.0), false), (only.clone(), false)]),
            _ => Self::make(TermOp::Sum(negative), args),
        }
    }

    pub fn power(base: Rc<Term>, p: f64) -> Option<Rc<Self>> {
        if p == 1.0 {
            return Some(base);
        }
        Self::make(TermOp::Power(p), vec![base])
    }
    pub fn transposed(self: &Rc<Self>) -> Option<Rc<Self>> {
        if let TermOp::Tensor(TensorOp::Permute(Permute { axes })) = &self.op
            && axes[..] == [1, 0]
        {
            return Some(self.args[0].clone());
        }
        if self.rank() != 2 {
            return None;
        }
        let axes = [1u8, 0].into_iter().collect();
        Self::make(TermOp::Tensor(TensorOp::Permute(Permute { axes })), vec![self.clone()])
    }
    pub fn matmul(x: &Rc<Self>, y: &Rc<Self>) -> Option<Rc<Self>> {
        Self::make(TermOp::Tensor(TensorOp::MatMul(MatMul::plain(false, false))), vec![x.clone(), y.clone()])
    }
    pub fn summed(self: &Rc<Self>, axes: AxisMask, keep: bool) -> Option<Rc<Self>> {
        Self::make(TermOp::Tensor(TensorOp::Sum(Sum { axes, keep })), vec![self.clone()])
    }
    pub fn reshaped(self: &Rc<Self>, shape: Shape) -> Option<Rc<Self>> {
        if *self.shape() == shape {
            return Some(self.clone());
        }
        Self::make(TermOp::Tensor(TensorOp::Reshape(ops::structural::Reshape { shape })), vec![self.clone()])
    }

    /// The same expression over the values of another point.
    pub fn at_another_point(self: &Rc<Self>, there: &Derivation<'_>) -> Option<Rc<Self>> {
        let nodes = there.graph.nodes();
        match &self.op {
            TermOp::Value(k) => (*k < nodes.len()).then(|| there.leaf(*k)),
            TermOp::Adjoint(k) if *k < nodes.len() => there.upstream(*k),
            TermOp::Share(k, i) => Some(Self::share_of(*k, *i, there.shares.get(*k)?.get(*i)?.forms[0].value.clone())),
            _ if self.args.is_empty() => Some(self.clone()),
            _ => self.with_args(self.args.iter().map(|arg| arg.at_another_point(there)).collect::<Option<_>>()?),
        }
    }

    /// The term with another one wherever a key stands.
    pub fn substituted(self: &Rc<Self>, key: u64, new: &Rc<Term>) -> Option<Rc<Self>> {
        if self.key() == key {
            return Some(new.clone().of(self.of));
        }
        let args: Terms = self.args.iter().map(|arg| arg.substituted(key, new)).collect::<Option<_>>()?;
        if args.iter().zip(&self.args).all(|(a, b)| Rc::ptr_eq(a, b)) {
            return Some(self.clone());
        }
        match &self.op {
            // So that what is put in stands in one list with what is there.
            TermOp::Product(inverse) => Some(Self::product(args.into_iter().zip(inverse.iter().copied()))?.of(self.of)),
            _ => self.with_args(args),
        }
    }

    /// The value with other values for some leaves; none where nothing changes or shapes do not fit.
    pub fn evaluated(
        &self,
        leaf: &impl Fn(&TermOp) -> Option<Tensor<f64>>,
        done: &mut HashMap<u64, Option<Tensor<f64>>>,
    ) -> Result<Option<Tensor<f64>>, Unfit> {
        if self.args.is_empty() {
            return Ok(leaf(&self.op));
        }
        if let Some(known) = done.get(&self.key()) {
            return Ok(known.clone());
        }
        let mut new = Vec::with_capacity(self.args.len());
        for arg in &self.args {
            new.push(arg.evaluated(leaf, done)?);
        }
        let value = if new.iter().all(Option::is_none) {
            None
        } else {
            let values: Vec<&Tensor<f64>> =
                self.args.iter().zip(&new).map(|(arg, new)| new.as_ref().unwrap_or(&arg.value)).collect();
            if !self.takes(&values.iter().map(|value| value.shape()).collect::<Vec<_>>()) {
                return Err(Unfit);
            }
            Some(evaluate(&self.op, &values).ok_or(Unfit)?)
        };
        done.insert(self.key(), value.clone());
        Ok(value)
    }

    /// Every leaf, once for each time that it stands there.
    pub fn each_leaf(&self, tell: &mut impl FnMut(&TermOp)) {
        if self.args.is_empty() {
            tell(&self.op);
        }
        self.args.iter().for_each(|arg| arg.each_leaf(tell));
    }
    /// Whether a gradient stands in it.
    pub fn has_adjoint(&self) -> bool {
        let mut has = false;
        self.each_leaf(&mut |leaf| has |= matches!(leaf, TermOp::Adjoint(_) | TermOp::Share(..)));
        has
    }
}

/// Shapes do not fit.
#[derive(Debug)]
pub(super) struct Unfit;

/// Adds the factors of a term to a list.
fn flatten(term: &Rc<Term>, inverse: bool, of: Option<usize>, flat: &mut Vec<(Rc<Term>, bool)>, number: &mut f64) {
    match &term.op {
        TermOp::Product(turned) => {
            for (factor, turned) in term.args.iter().zip(turned) {
                flatten(factor, inverse != *turned, term.of.or(of), flat, number);
            }
        }
        TermOp::Number(x) if inverse => *number /= x,
        TermOp::Number(x) => *number *= x,
        _ => flat.push((term.clone().of(of), inverse)),
    }
}

/// a a^-1 is nothing, if what is left has the shape.
fn cancel(flat: &mut Vec<(Rc<Term>, bool)>) {
    let most = flat.iter().map(|(factor, _)| factor.value.len()).max().unwrap_or(0);
    let mut i = 0;
    while i < flat.len() {
        let pair = (i + 1..flat.len()).find(|&j| flat[j].0.key() == flat[i].0.key() && flat[j].1 != flat[i].1);
        let keeps = |j: usize| {
            let rest = flat.iter().enumerate().filter(|(k, _)| *k != i && *k != j);
            rest.map(|(_, (factor, _))| factor.value.len()).max().unwrap_or(1) == most
        };
        match pair {
            Some(j) if keeps(j) => {
                flat.remove(j);
                flat.remove(i);
            }
            _ => i += 1,
        }
    }
}

fn powers_together(flat: Vec<(Rc<Term>, bool)>) -> Option<Vec<(Rc<Term>, bool)>> {
    let mut bases: Vec<(Rc<Term>, f64)> = Vec::new();
    for (factor, inverse) in flat {
        let (base, p) = match factor.op {
            TermOp::Power(p) => (factor.args[0].clone().of(factor.of), p),
            _ => (factor, 1.0),
        };
        let p = if inverse { -p } else { p };
        match bases.iter_mut().find(|(known, _)| known.key() == base.key()) {
            Some((_, sum)) => *sum += p,
            None => bases.push((base, p)),
        }
    }
    let mut all = Vec::new();
    for (base, p) in bases.into_iter().filter(|(_, p)| *p != 0.0) {
        let of = base.of;
        all.push(if p == -1.0 { (base, true) } else { (Term::power(base, p)?.of(of), false) });
    }
    Some(all)
}

/// A term without its minus, and whether it had one.
fn without_sign(term: Rc<Term>) -> (Rc<Term>, bool) {
    let TermOp::Product(inverse) = &term.op else { return (term, false) };
    let Some(c) = term.args[0].as_number().filter(|&c| c < 0.0 && !inverse[0]) else { return (term, false) };
    let rest = term.args.iter().cloned().zip(inverse.iter().copied()).skip(1);
    match Term::product(std::iter::once((Term::number(-c), false)).chain(rest)) {
        Some(positive) => (positive.of(term.of), true),
        None => (term, false),
    }
}

thread_local! {
    static POOL: Pool<f64> = Pool::new();
}

fn operand(x: &Tensor<f64>) -> Operand<'_, f64> {
    if x.shape().rank() == 0 { Operand::Scalar(x.as_slice()[0]) } else { Operand::Tensor(x) }
}

/// Combines two values element by element, each stretched to the other.
pub(super) fn combined(op: BinaryOp, x: &Tensor<f64>, y: &Tensor<f64>) -> Option<Tensor<f64>> {
    POOL.with(|pool| eager::binary(pool, op, operand(x), operand(y)).ok().map(Value::into_tensor))
}

/// An op on whole tensors; none where it does not take these.
pub(super) fn applied(op: TensorOp, args: &[&Tensor<f64>]) -> Option<Tensor<f64>> {
    let operands: SmallVec<[Operand<'_, f64>; 4]> = args.iter().map(|arg| operand(arg)).collect();
    POOL.with(|pool| eager::apply(pool, &op, &operands).ok().map(Value::into_tensor))
}

fn evaluate(op: &TermOp, args: &[&Tensor<f64>]) -> Option<Tensor<f64>> {
    const ADD: BinaryOp = BinaryOp::Add(ops::Add);
    const SUB: BinaryOp = BinaryOp::Sub(ops::Sub);
    const MUL: BinaryOp = BinaryOp::Mul(ops::Mul);
    const DIV: BinaryOp = BinaryOp::Div(ops::Div);
    match op {
        TermOp::Value(_)
        | TermOp::Adjoint(_)
        | TermOp::Share(..)
        | TermOp::Number(_)
        | TermOp::Named(_)
        | TermOp::Constant => None,
        TermOp::Product(inverse) => {
            let mut value = if inverse[0] { args[0].map(|x| 1.0 / x) } else { args[0].clone() };
            for (arg, inverse) in args.iter().zip(inverse).skip(1) {
                value = combined(if *inverse { DIV } else { MUL }, &value, arg)?;
            }
            Some(value)
        }
        TermOp::Sum(negative) => {
            let mut value = if negative[0] { args[0].map(|x| -x) } else { args[0].clone() };
            for (arg, negative) in args.iter().zip(negative).skip(1) {
                value = combined(if *negative { SUB } else { ADD }, &value, arg)?;
            }
            Some(value)
        }
        TermOp::Power(p) => Some(match *p {
            2.0 => args[0].map(|x| x * x),
            0.5 => args[0].map(f64::sqrt),
            -0.5 => args[0].map(|x| 1.0 / x.sqrt()),
            p if p.fract() == 0.0 => args[0].map(|x| x.powi(p as i32)),
            p => args[0].map(|x| x.powf(p)),
        }),
        TermOp::Unary(op) => Some(POOL.with(|pool| eager::unary(pool, *op, operand(args[0]))).into_tensor()),
        TermOp::Binary(op) => combined(*op, args[0], args[1]),
        TermOp::Select => POOL
            .with(|pool| eager::select(pool, operand(args[0]), operand(args[1]), operand(args[2])).ok())
            .map(Value::into_tensor),
        TermOp::Tensor(op) => {
            let operands: SmallVec<[Operand<'_, f64>; 4]> = args.iter().map(|arg| operand(arg)).collect();
            POOL.with(|pool| eager::apply(pool, op, &operands).ok().map(Value::into_tensor))
        }
        TermOp::Largest(axes) => Some(largest(args[0], *axes)),
        TermOp::Reordered(by) => reordered(args[0], *by),
    }
}

fn largest(x: &Tensor<f64>, axes: AxisMask) -> Tensor<f64> {
    let shape = x.shape().reduced(axes, true);
    let mut out = Tensor::full(&shape, f64::NEG_INFINITY);
    let strides = shape.strides();
    let elements = out.as_mut_slice();
    let mut index = vec![0; x.shape().rank()];
    for &value in x.iter() {
        let place: usize =
            index.iter().enumerate().map(|(axis, &i)| if axes.contains(axis) { 0 } else { i * strides[axis] }).sum();
        elements[place] = elements[place].max(value);
        for axis in (0..index.len()).rev() {
            index[axis] += 1;
            if index[axis] < x.shape()[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    out
}

/// Shifted along the first axis, around the end; reversed for [`REVERSED`].
fn reordered(x: &Tensor<f64>, by: isize) -> Option<Tensor<f64>> {
    let n = *x.shape().first()?;
    let row = x.len() / n.max(1);
    let from = |i: usize| if by == REVERSED { n - 1 - i } else { (i as isize - by).rem_euclid(n as isize) as usize };
    let elements = (0..n).flat_map(|i| x.as_slice()[from(i) * row..][..row].iter().copied()).collect();
    Tensor::new(x.shape(), elements).ok()
}

pub(super) const REVERSED: isize = isize::MAX;

/// Reads terms off an SSA graph, down to nodes that stand for leaves.
pub(super) struct Reader<'a> {
    pub ir: &'a Ir<f64>,
    pub leaves: HashMap<NodeKey, Rc<Term>>,
    /// Whether a choice is written with masks that multiply, and not as a choice.
    pub masks: bool,
    pub done: HashMap<NodeKey, Rc<Term>>,
}

impl Reader<'_> {
    /// The term of a node; none where it has no formula.
    pub fn term(&mut self, key: NodeKey) -> Option<Rc<Term>> {
        if let Some(leaf) = self.leaves.get(&key) {
            return Some(leaf.clone());
        }
        if let Some(known) = self.done.get(&key) {
            return Some(known.clone());
        }
        let term = self.read(key)?;
        self.done.insert(key, term.clone());
        Some(term)
    }

    /// The term of a node itself, were it a leaf.
    pub fn read(&mut self, key: NodeKey) -> Option<Rc<Term>> {
        let node = self.ir.node(key).clone();
        let args: Terms = node.args.iter().map(|&arg| self.term(arg)).collect::<Option<_>>()?;
        let one = |i: usize| args[i].clone();
        Some(match &node.op {
            IrOp::Literal(x) => Term::number(*x),
            IrOp::Constant(x) => Term::constant(x.clone()),
            IrOp::Op(NodeOp::Unary(op)) => match op {
                UnaryOp::Neg(_) => Term::product([(Term::number(-1.0), false), (one(0), false)])?,
                UnaryOp::Reciprocal(_) => Term::product([(one(0), true)])?,
                UnaryOp::Square(_) => Term::power(one(0), 2.0)?,
                UnaryOp::Sqrt(_) => Term::power(one(0), 0.5)?,
                UnaryOp::Rsqrt(_) => Term::power(one(0), -0.5)?,
                UnaryOp::Powi(op) => Term::power(one(0), f64::from(op.n))?,
                UnaryOp::Powf(op) => Term::power(one(0), op.p)?,
                op => Term::make(TermOp::Unary(*op), args)?,
            },
            IrOp::Op(NodeOp::Binary(op)) => match op {
                BinaryOp::Add(_) => addition(args, [false, false])?,
                BinaryOp::Sub(_) => addition(args, [false, true])?,
                BinaryOp::Mul(_) | BinaryOp::Scale(_) => multiplication(args, [false, false], &node.shape)?,
                BinaryOp::Div(_) | BinaryOp::Over(_) => multiplication(args, [false, true], &node.shape)?,
                op => Term::make(TermOp::Binary(*op), args)?,
            },
            IrOp::Op(NodeOp::Select) if self.masks => selection(args)?,
            IrOp::Op(NodeOp::Select) => choice(args)?,
            IrOp::Op(NodeOp::Tensor(TensorOp::MatMul(op))) => {
                let turned = |x: Rc<Term>, turned: bool| if turned { transposed_last(&x) } else { Some(x) };
                let product = TensorOp::MatMul(MatMul::plain(false, false));
                Term::make(TermOp::Tensor(product), vec![turned(one(0), op.ta)?, turned(one(1), op.tb)?])?
            }
            IrOp::Op(NodeOp::Tensor(op)) => Term::make(TermOp::Tensor(op.clone().without_gates()), args)?,
            IrOp::Op(NodeOp::Copy) => one(0),
            _ => return None,
        })
    }
}

fn transposed_last(x: &Rc<Term>) -> Option<Rc<Term>> {
    if x.rank() == 2 {
        return x.transposed();
    }
    let rank = x.rank() as u8;
    let axes = (0..rank.checked_sub(2)?).chain([rank - 1, rank - 2]).collect();
    Term::make(TermOp::Tensor(TensorOp::Permute(Permute { axes })), vec![x.clone()])
}

/// Sums in sums are one.
fn addition(args: Terms, negative: [bool; 2]) -> Option<Rc<Term>> {
    let mut flat = Vec::new();
    for (arg, minus) in args.into_iter().zip(negative) {
        match &arg.op {
            TermOp::Sum(turned) => {
                flat.extend(arg.args.iter().cloned().zip(turned.iter().map(|turned| *turned != minus)))
            }
            _ => flat.push((arg, minus)),
        }
    }
    factored(&flat).map_or_else(|| Term::sum(flat.clone()), Some)
}

/// Without stretching that multiplying does by itself.
fn multiplication(mut args: Terms, inverse: [bool; 2], shape: &Shape) -> Option<Rc<Term>> {
    for i in 0..2 {
        if let TermOp::Tensor(TensorOp::BroadcastTo(_)) = args[i].op
            && args[1 - i].shape() == shape
        {
            args[i] = args[i].args[0].clone();
        }
    }
    Term::product(args.into_iter().zip(inverse))
}

/// A choice, with what both sides have in common in front of it.
fn choice(args: Terms) -> Option<Rc<Term>> {
    let whole = Term::make(TermOp::Select, args.clone())?;
    let [condition, a, b] = <[Rc<Term>; 3]>::try_from(args).ok()?;
    let (a, b) = (factors(&a), factors(&b));
    let mut rest = b.clone();
    let mut common = Vec::new();
    let own: Vec<(Rc<Term>, bool)> = a
        .into_iter()
        .filter(|(factor, inverse)| {
            let place = rest.iter().position(|(other, at)| other.key() == factor.key() && at == inverse);
            let Some(place) = place.filter(|_| factor.as_number().is_none()) else { return true };
            common.push(rest.remove(place));
            false
        })
        .collect();
    if common.is_empty() {
        return Some(whole);
    }
    let inner = Term::make(TermOp::Select, vec![condition, Term::product(own)?, Term::product(rest)?])?;
    let written = Term::product(common.into_iter().chain([(inner, false)]))?;
    Some(if written.shape() == whole.shape() { written } else { whole })
}

/// The factors of a term, and where it divides by them.
pub(super) fn factors(term: &Rc<Term>) -> Vec<(Rc<Term>, bool)> {
    match &term.op {
        TermOp::Product(inverse) => term.args.iter().cloned().zip(inverse.iter().copied()).collect(),
        _ => vec![(term.clone(), false)],
    }
}

/// A choice between something and nothing is a mask, and multiplies.
fn selection(args: Terms) -> Option<Rc<Term>> {
    let mask = &args[0];
    if !mask.value.iter().all(|&x| x == 0.0 || x == 1.0) {
        return Term::make(TermOp::Select, args);
    }
    let (a, b) = (args[1].clone(), args[2].clone());
    // One side alone is what was computed here.
    if let Some(&first) = mask.value.as_slice().first()
        && mask.value.iter().all(|&x| x == first)
        && let side = if first == 1.0 { &a } else { &b }
        && side.rank() >= mask.rank()
        && side.shape() == Term::make(TermOp::Select, args.clone())?.shape()
        && side.has_adjoint()
    {
        return Some(side.clone());
    }
    let zero = |term: &Term| {
        term.as_number() == Some(0.0) || matches!(term.op, TermOp::Constant) && term.value.iter().all(|&x| x == 0.0)
    };
    let other = || Term::sum([(Term::number(1.0), false), (mask.clone(), true)]);
    let whole = Term::make(TermOp::Select, args.clone())?;
    let written = match (zero(&a), zero(&b)) {
        (_, true) => Term::product([(a, false), (mask.clone(), false)])?,
        (true, false) => Term::product([(b, false), (other()?, false)])?,
        (false, false) => {
            let first = Term::product([(a, false), (mask.clone(), false)])?;
            let second = Term::product([(b, false), (other()?, false)])?;
            addition(vec![first, second], [false, false])?
        }
    };
    let same = |(x, y): (&f64, &f64)| x == y || (x - y).abs() <= 1e-12 * x.abs().max(y.abs());
    let equal = written.shape() == whole.shape() && written.value.iter().zip(whole.value.iter()).all(same);
    Some(if equal { written } else { whole })
}

/// What all terms of a sum have in common, in front of it; none if they have nothing in common.
pub(super) fn factored(terms: &[(Rc<Term>, bool)]) -> Option<Rc<Term>> {
    let mut rests: Vec<Vec<(Rc<Term>, bool)>> = terms.iter().map(|(term, _)| factors(term)).collect();
    let mut common = Vec::new();
    for factor in rests.first()?.clone() {
        let place = |rest: &Vec<(Rc<Term>, bool)>| {
            rest.iter().position(|other| other.0.key() == factor.0.key() && other.1 == factor.1)
        };
        if factor.0.as_number().is_some() || factor.0.value.len() == 1 && factor.0.is_leaf() && !factor.0.has_adjoint()
        {
            continue;
        }
        if let Some(places) = rests.iter().map(place).collect::<Option<Vec<_>>>() {
            rests.iter_mut().zip(places).for_each(|(rest, at)| {
                rest.remove(at);
            });
            common.push(factor);
        }
    }
    if common.is_empty() {
        return None;
    }
    let shape = Term::sum(terms.iter().cloned())?.shape().clone();
    let inner = rests.into_iter().map(Term::product).collect::<Option<Vec<_>>>()?;
    let inner = Term::sum(inner.into_iter().zip(terms.iter().map(|(_, minus)| *minus)))?;
    let whole = Term::product(common.into_iter().chain([(inner, false)]))?;
    (*whole.shape() == shape).then_some(whole)
}
