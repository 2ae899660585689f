//! The program's graph: nodes in a slot map, built through a few constructors that simplify as they go.
//!
//! In compiler terms: the SSA graph, hash-consed (global value numbering).
//!
//! A node exists once: equal ops on equal arguments are one node (common subexpressions). What depends on constants alone is
//! computed at once. Identities that keep every number are applied (`x * 1`, `--x`, an upstream gradient of 1); those that
//! may change a last bit, or assume finite numbers, only where [`Options::relaxed`](super::Options) asks for them.
//!
//! **Invariant.** A node is made after its arguments, so the order of making is an order of running.

use super::foreign::Foreign;
use super::simplify;
use crate::error::Result;
use crate::num::Element;
use crate::ops::structural::{BroadcastTo, MatMul, Reshape, TensorOp};
use crate::ops::{BinaryOp, UnaryOp};
use crate::tensor::kernels::elementwise::Side;
use crate::tensor::{Shape, Tensor};
use slotmap::{SlotMap, new_key_type};
use smallvec::SmallVec;
use std::cmp::Ordering;
use std::collections::HashMap;

new_key_type! {
    /// A node's name in the graph.
    pub(crate) struct NodeKey;
}

pub(crate) type Args = SmallVec<[NodeKey; 4]>;

/// What a node computes.
#[derive(Clone)]
pub(crate) enum IrOp<T> {
    /// Input `k` of the program.
    Input(usize),
    /// A number.
    Literal(T),
    /// A tensor that never changes.
    Constant(Tensor<T>),
    Unary(UnaryOp),
    /// g f'(x), of x, y and g; what the rule does not read is g.
    UnaryVjp(UnaryOp),
    Binary(BinaryOp),
    /// g df/dx or g df/dy, of x, y, the output and g; what the rule does not read is g.
    BinaryVjp(BinaryOp, Side),
    /// The second argument where the first is not 0, else the third.
    Select,
    /// An op on whole tensors.
    Tensor(TensorOp),
    /// The first argument, in its memory, plus the product of the other two.
    Accumulate(MatMul),
    /// A copy of an input or a constant, which so leaves the program.
    Copy,
    /// What only runs as it does on a tape.
    Foreign(Foreign<T>),
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
    pub relaxed: bool,
    numbers: HashMap<(OpKey, Args, Shape), NodeKey>,
}

/// What makes two ops the same.
#[derive(Clone, PartialEq, Eq, Hash)]
enum OpKey {
    Literal(u64),
    Unary(u8, [u64; 2], bool),
    Binary(u8, Option<bool>),
    Select,
    Tensor(String),
}

impl OpKey {
    /// `None` for what is never the same as another.
    fn of<T: Element>(op: &IrOp<T>) -> Option<Self> {
        let unary = |op: UnaryOp, vjp| {
            let (code, parameters) = op.code();
            Self::Unary(code, parameters.map(f64::to_bits), vjp)
        };
        Some(match op {
            IrOp::Input(_) | IrOp::Constant(_) | IrOp::Accumulate(_) | IrOp::Copy | IrOp::Foreign(_) => return None,
            IrOp::Literal(x) => Self::Literal(x.as_f64().to_bits()),
            IrOp::Unary(op) => unary(*op, false),
            IrOp::UnaryVjp(op) => unary(*op, true),
            IrOp::Binary(op) => Self::Binary(op.code(), None),
            IrOp::BinaryVjp(op, side) => Self::Binary(op.code(), Some(*side == Side::X)),
            IrOp::Select => Self::Select,
            IrOp::Tensor(op) if op.holds_indices() => return None,
            IrOp::Tensor(op) => Self::Tensor(format!("{op:?}")),
        })
    }
}

impl<T: Element> Ir<T> {
    /// An empty graph.
    pub fn new(relaxed: bool) -> Self {
        Self {
            nodes: SlotMap::with_key(),
            order: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            guards: Vec::new(),
            relaxed,
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
    pub fn literal_of(&self, key: NodeKey) -> Option<T> {
        match &self.nodes[key].op {
            IrOp::Literal(x) => Some(*x),
            _ => None,
        }
    }
    /// The node behind stretching and reshaping that make a number look like a tensor.
    pub fn number_behind(&self, key: NodeKey) -> Option<T> {
        let node = &self.nodes[key];
        match &node.op {
            IrOp::Literal(x) => Some(*x),
            IrOp::Tensor(TensorOp::BroadcastTo(_) | TensorOp::Reshape(_)) => self.number_behind(node.args[0]),
            _ => None,
        }
    }

    /// The node with this op and arguments: new, or the one that there is.
    pub fn intern(&mut self, op: IrOp<T>, args: Args, shape: Shape) -> NodeKey {
        let Some(key) = OpKey::of(&op) else { return self.append(op, args, shape) };
        let identity = (key, args, shape);
        if let Some(&known) = self.numbers.get(&identity) {
            return known;
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
    pub fn literal(&mut self, x: T) -> NodeKey {
        self.intern(IrOp::Literal(x), Args::new(), Shape::scalar())
    }
    pub fn constant(&mut self, x: Tensor<T>) -> NodeKey {
        if x.shape().rank() == 0 {
            return self.literal(x.item());
        }
        let shape = x.shape().clone();
        self.append(IrOp::Constant(x), Args::new(), shape)
    }

    pub fn unary(&mut self, op: UnaryOp, x: NodeKey) -> NodeKey {
        if let Some(known) = simplify::unary(self, op, x) {
            return known;
        }
        let shape = self.shape(x).clone();
        self.intern(IrOp::Unary(op), Args::from_slice(&[x]), shape)
    }

    pub fn unary_vjp(&mut self, op: UnaryOp, [x, y, g]: [NodeKey; 3]) -> NodeKey {
        let saves = op.saves();
        let shape = self.shape(g).clone();
        let args = [if saves.x { x } else { g }, if saves.out { y } else { g }, g];
        self.intern(IrOp::UnaryVjp(op), Args::from_slice(&args), shape)
    }

    pub fn binary(&mut self, op: BinaryOp, x: NodeKey, y: NodeKey) -> NodeKey {
        let shape = self.broadcast([x, y]);
        let [x, y] = self.unstretched([x, y], &shape);
        if let Some(known) = simplify::binary(self, op, [x, y], &shape) {
            return known;
        }
        // Addition and multiplication do not mind the order, so that x y and y x are one node.
        let swap = matches!(op, BinaryOp::Add(_) | BinaryOp::Mul(_)) && y < x;
        let args = if swap { [y, x] } else { [x, y] };
        self.intern(IrOp::Binary(op), Args::from_slice(&args), shape)
    }

    pub fn binary_vjp(&mut self, op: BinaryOp, side: Side, [x, y, out, g]: [NodeKey; 4]) -> NodeKey {
        let saves = op.saves()[(side == Side::Y) as usize];
        let shape = self.shape(g).clone();
        let args = [if saves.x { x } else { g }, if saves.y { y } else { g }, if saves.out { out } else { g }, g];
        let args = self.unstretched(args, &shape);
        self.intern(IrOp::BinaryVjp(op, side), Args::from_slice(&args), shape)
    }

    pub fn select(&mut self, condition: NodeKey, a: NodeKey, b: NodeKey) -> NodeKey {
        let shape = self.broadcast([condition, a, b]);
        if let Some(known) = simplify::select(self, [condition, a, b], &shape) {
            return known;
        }
        let args = self.unstretched([condition, a, b], &shape);
        self.intern(IrOp::Select, Args::from_slice(&args), shape)
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
        Ok(self.intern(IrOp::Tensor(op), Args::from_slice(args), shape))
    }

    pub fn foreign(&mut self, op: Foreign<T>, args: &[NodeKey], shape: Shape) -> NodeKey {
        self.append(IrOp::Foreign(op), Args::from_slice(args), shape)
    }

    /// The value stretched to a shape.
    pub fn stretched(&mut self, x: NodeKey, shape: &Shape) -> NodeKey {
        if self.shape(x) == shape {
            return x;
        }
        self.intern(
            IrOp::Tensor(TensorOp::BroadcastTo(BroadcastTo { shape: shape.clone() })),
            Args::from_slice(&[x]),
            shape.clone(),
        )
    }

    /// The same elements in another shape.
    pub fn reshaped(&mut self, x: NodeKey, shape: &Shape) -> NodeKey {
        if self.shape(x) == shape {
            return x;
        }
        let op = TensorOp::Reshape(Reshape { shape: shape.clone() });
        self.intern(IrOp::Tensor(op), Args::from_slice(&[x]), shape.clone())
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
            let IrOp::Tensor(TensorOp::BroadcastTo(_)) = node.op else { continue };
            let mut shorter = args;
            shorter[i] = node.args[0];
            if self.broadcast(shorter) == *shape {
                args = shorter;
            }
        }
        args
    }

    /// The nodes that something depends on, in order; the others are dropped.
    pub fn drop_dead(&mut self) {
        let mut alive: slotmap::SecondaryMap<NodeKey, ()> = slotmap::SecondaryMap::new();
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
