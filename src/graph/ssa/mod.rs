//! The SSA graph: what is computed, as nodes in a slot map, built through a few constructors that simplify as they go.
//!
//! In compiler terms: hash-consed SSA (global value numbering). Compiled programs lower it, and explaining prints it: as the
//! chain rule, and as Rust. A recorded [`Graph`](super::Graph) has a node for whatever was recorded, with its value; here a
//! node exists once: equal ops on equal arguments are one node (common subexpressions), and what depends on constants alone is
//! computed at once. How far identities go is the graph's [`Level`].
//!
//! **Invariant.** A node is made after its arguments, so the order of making is an order of running.

pub(crate) mod batch;
mod simplify;
pub(crate) mod trace;
mod verify;

use crate::error::Result;
use crate::num::Element;
use crate::ops::structural::{BroadcastTo, MatMul, Reshape, TensorOp};
pub(crate) use crate::ops::symbol::NodeKey;
use crate::ops::symbol::{Formulas, Symbol};
use crate::ops::{self, BinaryOp, UnaryOp};
use crate::tape::NodeOp;
use crate::tensor::kernels::elementwise::Side;
use crate::tensor::{Shape, Tensor};
use slotmap::{SecondaryMap, SlotMap};
use smallvec::SmallVec;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::HashMap;

pub(crate) type Args = SmallVec<[NodeKey; 4]>;

/// Which identities apply as nodes are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// Those that keep every number (`x * 1`, `--x`), but for the sign of a zero (`x + 0`).
    Exact,
    /// Also those that assume finite numbers or change last bits: `x * 0`, `x - x`, `2 * (3 * x)`, `x / c`.
    Relaxed,
    /// What a reader expects, where both sides are defined: `x * 0`, `x + x = 2 x`, a gate of 1. Literals stay as written.
    Readable,
}

/// What a node computes.
#[derive(Clone)]
pub(crate) enum IrOp<T> {
    /// Input `k`.
    Input(usize),
    /// A number.
    Literal(f64),
    /// A tensor that never changes.
    Constant(Tensor<T>),
    /// An op, as a tape records it.
    Op(NodeOp<T>),
    /// What the op contributes to its argument of this number: of its arguments, its output and the upstream gradient. What an
    /// elementwise rule does not read is the gradient.
    Rule(NodeOp<T>, usize),
    /// The first argument, in its memory, plus the product of the other two.
    Accumulate(MatMul),
    /// A user's op inside a user's rule, which has a name and no formula.
    Named(String),
}

impl<T: Element> IrOp<T> {
    /// Whether only the op itself can compute it, as on a tape: a user's own.
    pub fn is_call(&self) -> bool {
        let (IrOp::Op(op) | IrOp::Rule(op, _)) = self else { return false };
        matches!(op, NodeOp::CustomUnary(_) | NodeOp::CustomBinary(_) | NodeOp::Custom(_))
    }
}

/// An op with its arguments.
#[derive(Clone)]
pub(crate) struct Node<T> {
    pub op: IrOp<T>,
    pub args: Args,
    pub shape: Shape,
}

/// A comparison that the recorded control flow hung on.
#[derive(Clone, Copy)]
pub(crate) struct Guard {
    pub left: NodeKey,
    pub right: NodeKey,
    pub outcome: Option<Ordering>,
}

/// A graph with inputs and outputs.
#[derive(Clone)]
pub(crate) struct Ir<T> {
    pub nodes: SlotMap<NodeKey, Node<T>>,
    /// The nodes in an order in which they can run.
    pub order: Vec<NodeKey>,
    pub inputs: Vec<NodeKey>,
    pub outputs: Vec<NodeKey>,
    pub guards: Vec<Guard>,
    pub level: Level,
    numbers: HashMap<(OpKey, Args, Shape), NodeKey>,
}

/// What makes two ops the same.
#[derive(Clone, PartialEq, Eq, Hash)]
enum OpKey {
    Literal(u64),
    Unary(u8, [u64; 2]),
    Binary(u8),
    Select,
    Tensor(String),
    Rule(Box<OpKey>, usize),
}

impl OpKey {
    /// `None` for what is never the same as another.
    fn of<T: Element>(op: &IrOp<T>) -> Option<Self> {
        let ours = |op: &NodeOp<T>| match op {
            NodeOp::Unary(op) => {
                let (code, parameters) = op.code();
                Some(Self::Unary(code, parameters.map(f64::to_bits)))
            }
            NodeOp::Binary(op) => Some(Self::Binary(op.code())),
            NodeOp::Select => Some(Self::Select),
            NodeOp::Tensor(op) if !op.holds_indices() => Some(Self::Tensor(format!("{op:?}"))),
            _ => None,
        };
        match op {
            IrOp::Literal(x) => Some(Self::Literal(x.to_bits())),
            IrOp::Op(op) => ours(op),
            IrOp::Rule(op, wrt) => Some(Self::Rule(Box::new(ours(op)?), *wrt)),
            IrOp::Input(_) | IrOp::Constant(_) | IrOp::Accumulate(_) | IrOp::Named(_) => None,
        }
    }
}

impl<T: Element> Ir<T> {
    /// An empty graph.
    pub fn new(level: Level) -> Self {
        Self {
            nodes: SlotMap::with_key(),
            order: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            guards: Vec::new(),
            level,
            numbers: HashMap::new(),
        }
    }

    pub fn node(&self, key: NodeKey) -> &Node<T> {
        &self.nodes[key]
    }
    pub fn shape(&self, key: NodeKey) -> &Shape {
        &self.nodes[key].shape
    }
    /// The number that a node is, if it is one.
    pub fn literal_of(&self, key: NodeKey) -> Option<f64> {
        match self.nodes[key].op {
            IrOp::Literal(x) => Some(x),
            _ => None,
        }
    }
    /// The number without axes behind the stretching and reshaping that make it look like a tensor; itself, if it is one.
    pub fn scalar_behind(&self, key: NodeKey) -> Option<NodeKey> {
        let node = &self.nodes[key];
        match &node.op {
            _ if node.shape.rank() == 0 => Some(key),
            IrOp::Op(NodeOp::Tensor(TensorOp::BroadcastTo(_) | TensorOp::Reshape(_))) => {
                self.scalar_behind(node.args[0])
            }
            _ => None,
        }
    }
    /// The literal behind stretching and reshaping.
    pub fn number_behind(&self, key: NodeKey) -> Option<f64> {
        let node = &self.nodes[key];
        match &node.op {
            IrOp::Literal(x) => Some(*x),
            IrOp::Op(NodeOp::Tensor(TensorOp::BroadcastTo(_) | TensorOp::Reshape(_))) => {
                self.number_behind(node.args[0])
            }
            _ => None,
        }
    }
    /// The node whose elements these are: reshaping is but another view of them.
    pub fn root(&self, mut key: NodeKey) -> NodeKey {
        while let IrOp::Op(NodeOp::Tensor(TensorOp::Reshape(_))) = self.nodes[key].op {
            key = self.nodes[key].args[0];
        }
        key
    }

    /// The node with this op and arguments: new, or the one that there is.
    pub fn intern(&mut self, op: IrOp<T>, args: Args, shape: Shape) -> NodeKey {
        let Some(key) = OpKey::of(&op) else { return self.append(op, args, shape) };
        let mut identity = (key, args, shape);
        if let Some(&known) = self.numbers.get(&identity) {
            return known;
        }
        // Addition and multiplication do not mind the order, so that x y and y x are one node.
        if let IrOp::Op(NodeOp::Binary(BinaryOp::Add(_) | BinaryOp::Mul(_))) = op {
            identity.1.reverse();
            if let Some(&known) = self.numbers.get(&identity) {
                return known;
            }
            identity.1.reverse();
        }
        let node = self.append(op, identity.1.clone(), identity.2.clone());
        self.numbers.insert(identity, node);
        node
    }

    pub fn append(&mut self, op: IrOp<T>, args: Args, shape: Shape) -> NodeKey {
        let key = self.nodes.insert(Node { op, args, shape });
        self.order.push(key);
        key
    }

    pub fn input(&mut self, shape: Shape) -> NodeKey {
        let key = self.append(IrOp::Input(self.inputs.len()), Args::new(), shape);
        self.inputs.push(key);
        key
    }
    /// A number, as the graph's element type holds it; as it is written, in a graph to be read.
    pub fn literal(&mut self, x: f64) -> NodeKey {
        let x = if self.level == Level::Readable { x } else { T::from_f64(x).to_f64() };
        self.intern(IrOp::Literal(x), Args::new(), Shape::scalar())
    }
    pub fn constant(&mut self, x: Tensor<T>) -> NodeKey {
        if x.shape().rank() == 0 {
            return self.literal(x.item().to_f64());
        }
        let shape = x.shape().clone();
        self.append(IrOp::Constant(x), Args::new(), shape)
    }

    pub fn unary(&mut self, op: UnaryOp, x: NodeKey) -> NodeKey {
        if let Some(known) = simplify::unary(self, op, x) {
            return known;
        }
        let shape = self.shape(x).clone();
        self.intern(IrOp::Op(NodeOp::Unary(op)), Args::from_slice(&[x]), shape)
    }

    pub fn unary_vjp(&mut self, op: UnaryOp, [x, y, g]: [NodeKey; 3]) -> NodeKey {
        let saves = op.saves();
        let shape = self.shape(g).clone();
        let args = [if saves.x { x } else { g }, if saves.out { y } else { g }, g];
        self.intern(IrOp::Rule(NodeOp::Unary(op), 0), Args::from_slice(&args), shape)
    }

    pub fn binary(&mut self, op: BinaryOp, x: NodeKey, y: NodeKey) -> NodeKey {
        let shape = self.broadcast([x, y]);
        let [x, y] = self.unstretched([x, y], &shape);
        if let Some(known) = simplify::binary(self, op, [x, y], &shape) {
            return known;
        }
        self.intern(IrOp::Op(NodeOp::Binary(op)), Args::from_slice(&[x, y]), shape)
    }

    pub fn binary_vjp(&mut self, op: BinaryOp, side: Side, [x, y, out, g]: [NodeKey; 4]) -> NodeKey {
        let wrt = side as usize;
        let saves = op.saves()[wrt];
        let shape = self.shape(g).clone();
        let args = [if saves.x { x } else { g }, if saves.y { y } else { g }, if saves.out { out } else { g }, g];
        let args = self.unstretched(args, &shape);
        self.intern(IrOp::Rule(NodeOp::Binary(op), wrt), Args::from_slice(&args), shape)
    }

    pub fn select(&mut self, condition: NodeKey, a: NodeKey, b: NodeKey) -> NodeKey {
        let shape = self.broadcast([condition, a, b]);
        if let Some(known) = simplify::select(self, [condition, a, b], &shape) {
            return known;
        }
        let args = self.unstretched([condition, a, b], &shape);
        self.intern(IrOp::Op(NodeOp::Select), Args::from_slice(&args), shape)
    }

    /// An op on whole tensors.
    ///
    /// # Errors
    /// Shapes that it does not take.
    pub fn tensor(&mut self, op: TensorOp, args: &[NodeKey]) -> Result<NodeKey> {
        let shapes: SmallVec<[Shape; 4]> = args.iter().map(|&arg| self.shape(arg).clone()).collect();
        let shape = op.shape(&shapes)?;
        if let Some(known) = simplify::tensor(self, &op, args, &shape) {
            return Ok(known);
        }
        Ok(self.intern(IrOp::Op(NodeOp::Tensor(op)), Args::from_slice(args), shape))
    }

    /// The value stretched to a shape.
    pub fn stretched(&mut self, x: NodeKey, shape: &Shape) -> NodeKey {
        if self.shape(x) == shape {
            return x;
        }
        let op = TensorOp::BroadcastTo(BroadcastTo { shape: shape.clone() });
        self.intern(IrOp::Op(NodeOp::Tensor(op)), Args::from_slice(&[x]), shape.clone())
    }

    /// The same elements in another shape.
    pub fn reshaped(&mut self, x: NodeKey, shape: &Shape) -> NodeKey {
        if self.shape(x) == shape {
            return x;
        }
        let op = TensorOp::Reshape(Reshape { shape: shape.clone() });
        self.intern(IrOp::Op(NodeOp::Tensor(op)), Args::from_slice(&[x]), shape.clone())
    }

    pub fn neg(&mut self, x: NodeKey) -> NodeKey {
        self.unary(UnaryOp::Neg(ops::Neg), x)
    }
    pub fn mul(&mut self, x: NodeKey, y: NodeKey) -> NodeKey {
        self.binary(BinaryOp::Mul(ops::Mul), x, y)
    }
    pub fn div(&mut self, x: NodeKey, y: NodeKey) -> NodeKey {
        self.binary(BinaryOp::Div(ops::Div), x, y)
    }

    /// The node with other arguments, simplified anew.
    pub fn with_args(&mut self, node: &Node<T>, args: &[NodeKey]) -> NodeKey {
        match &node.op {
            IrOp::Op(NodeOp::Unary(op)) => self.unary(*op, args[0]),
            IrOp::Op(NodeOp::Binary(op)) => self.binary(*op, args[0], args[1]),
            IrOp::Op(NodeOp::Select) => self.select(args[0], args[1], args[2]),
            IrOp::Op(NodeOp::Tensor(op)) => self.tensor(op.clone(), args).expect("arguments of the same shapes"),
            op => self.intern(op.clone(), Args::from_slice(args), node.shape.clone()),
        }
    }

    /// The node with some nodes replaced by others, which are stretched to their shapes.
    pub fn substituted(
        &mut self,
        key: NodeKey,
        replace: &impl Fn(NodeKey) -> Option<NodeKey>,
        done: &mut SecondaryMap<NodeKey, NodeKey>,
    ) -> NodeKey {
        if let Some(&new) = done.get(key) {
            return new;
        }
        let node = self.nodes[key].clone();
        let new = replace(key).unwrap_or_else(|| {
            let args: Args = node.args.iter().map(|&arg| self.substituted(arg, replace, done)).collect();
            if args == node.args { key } else { self.with_args(&node, &args) }
        });
        let new = self.stretched(new, &node.shape);
        done.insert(key, new);
        new
    }

    fn broadcast<const N: usize>(&self, args: [NodeKey; N]) -> Shape {
        args.iter().fold(Shape::scalar(), |shape, &arg| {
            Shape::broadcast("program", &shape, self.shape(arg)).expect("the tape checked these shapes")
        })
    }

    /// The arguments without stretching that an elementwise op does by itself, as far as the result keeps its shape.
    fn unstretched<const N: usize>(&self, mut args: [NodeKey; N], shape: &Shape) -> [NodeKey; N] {
        for i in 0..N {
            let node = &self.nodes[args[i]];
            let IrOp::Op(NodeOp::Tensor(TensorOp::BroadcastTo(_))) = node.op else { continue };
            let mut shorter = args;
            shorter[i] = node.args[0];
            if self.broadcast(shorter) == *shape {
                args = shorter;
            }
        }
        args
    }

    /// Puts the older argument of every sum and product first, whichever was written first: so that ops that do the same to many
    /// numbers look the same to whoever packs them.
    pub fn order_arguments(&mut self) {
        for node in self.nodes.values_mut() {
            if let IrOp::Op(NodeOp::Binary(BinaryOp::Add(_) | BinaryOp::Mul(_))) = node.op {
                node.args.sort_unstable();
            }
        }
    }

    /// The nodes that something depends on, in order; the others are dropped.
    pub fn drop_dead(&mut self) {
        let mut alive: SecondaryMap<NodeKey, ()> = SecondaryMap::new();
        let guarded = self.guards.iter().flat_map(|guard| [guard.left, guard.right]);
        let mut open: Vec<NodeKey> =
            self.outputs.iter().copied().chain(guarded).chain(self.inputs.iter().copied()).collect();
        while let Some(key) = open.pop() {
            if alive.insert(key, ()).is_none() {
                open.extend(self.nodes[key].args.iter().copied());
            }
        }
        self.order.retain(|&key| alive.contains_key(key));
        self.nodes.retain(|key, _| alive.contains_key(key));
        self.numbers.clear();
    }
}

/// A graph that rules are written down in, run over [`Symbol`] and [`Rules`](crate::ops::symbol::Rules).
impl<T: Element> Formulas for RefCell<Ir<T>> {
    fn shape(&self, node: NodeKey) -> Shape {
        self.borrow().shape(node).clone()
    }
    fn literal(&self, x: f64) -> NodeKey {
        self.borrow_mut().literal(x)
    }
    fn constant(&self, elements: Vec<f64>, shape: Shape) -> NodeKey {
        let elements = elements.into_iter().map(T::from_f64).collect();
        self.borrow_mut().constant(Tensor::new(shape, elements).expect("as many elements as the shape has"))
    }
    fn unary(&self, op: UnaryOp, x: NodeKey) -> NodeKey {
        self.borrow_mut().unary(op, x)
    }
    fn binary(&self, op: BinaryOp, x: NodeKey, y: NodeKey) -> NodeKey {
        self.borrow_mut().binary(op, x, y)
    }
    fn select(&self, condition: NodeKey, a: NodeKey, b: NodeKey) -> NodeKey {
        self.borrow_mut().select(condition, a, b)
    }
    fn tensor(&self, op: TensorOp, args: &[NodeKey]) -> NodeKey {
        let made = self.borrow_mut().tensor(op, args);
        made.unwrap_or_else(|error| panic!("inside a rule: {error}"))
    }
    fn named(&self, name: &str, args: &[NodeKey], shape: Shape) -> NodeKey {
        self.borrow_mut().append(IrOp::Named(name.into()), Args::from_slice(args), shape)
    }
}

/// A node as a number that builds.
pub(crate) fn symbol<T: Element>(ir: &RefCell<Ir<T>>, key: NodeKey) -> Symbol<'_> {
    Symbol::Node(ir, key)
}
