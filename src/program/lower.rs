//! From the graph to steps: which nodes run together, and in what order.
//!
//! In compiler terms: scheduling: fusion groups and their order.
//!
//! Every elementwise node belongs to a group: those of one shape and one stage. A node's stage is that of its arguments in
//! the same group, and one more than that of any other argument; so what a group reads from outside is done when its stage
//! begins, and groups never wait for each other in a circle. A stage runs its groups first, then its other ops. Sums of a
//! group's values along all, leading or trailing axes are taken while the block is at hand. Numbers alone form groups, too.
//!
//! Stages are as early as can be; what would then wait in memory for a later group moves there ([`sink`]).
//!
//! Inside a group an argument is another member, a number, or a buffer that is read flat, by row or by column; any other
//! broadcast is written out by an op of its own first.
//!
//! The graph that comes in becomes the schedule's, with those ops in it: the program, the memory plan and what is printed
//! read the one that runs.

mod sink;

use super::block::{Access, Origin, Source, Target};
use super::body::{Body, BodyOp, Register, Sink};
use super::call::Call;
use super::products::Way;
use crate::graph::ssa::{Ir, IrOp, Node, NodeKey};
use crate::num::Element;
use crate::ops::structural::{BroadcastTo, MatMul, TensorOp};
use crate::tape::NodeOp;
use crate::tensor::Shape;
use slotmap::SecondaryMap;
use std::collections::{BTreeMap, HashMap};

/// A graph and the steps that run it, in order.
pub(super) struct Schedule<T> {
    pub graph: Ir<T>,
    pub steps: Vec<ScheduledStep<T>>,
}

/// A step and the values that it reads and writes; those are laid out by the memory plan.
pub(super) struct ScheduledStep<T> {
    pub run: StepKind<T>,
    pub reads: Vec<NodeKey>,
    pub writes: Vec<NodeKey>,
}

/// What a step does with its reads, then its writes.
pub(super) enum StepKind<T> {
    /// Reads are buffers, then numbers; writes are buffers, then sums.
    FusedGroup(FusedGroup<T>),
    /// Reads and writes are numbers.
    Batch(Body<T>),
    /// An op on whole tensors; products have a step of their own.
    Tensor {
        op: TensorOp,
        shapes: Vec<Shape>,
    },
    /// The product of the last two reads. With `accumulate`, it is added to the first, which is the write.
    Product {
        op: MatMul,
        factors: [Shape; 2],
        accumulate: bool,
        way: Way,
    },
    Call {
        op: Call<T>,
        shapes: Vec<Shape>,
        shape: Shape,
    },
    /// A copy of the read.
    Copy,
}

/// A fused group of elementwise nodes.
pub(super) struct FusedGroup<T> {
    pub body: Body<T>,
    pub sources: Vec<Source>,
    pub targets: Vec<Target>,
    pub inner: usize,
    pub lanes: usize,
    /// How many of the reads are buffers, and of the writes.
    pub buffers: usize,
    pub stores: usize,
}

/// Elementwise nodes of one shape and stage.
struct FusionGroup {
    shape: Shape,
    members: Vec<NodeKey>,
    sums: Vec<(NodeKey, Split)>,
    /// How many innermost elements a row has, once something depends on it.
    inner: Option<usize>,
}

/// How a sum leaves a group.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Split {
    Total,
    PerColumn,
    PerRow,
}

/// Where a node runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Home {
    /// Nowhere: it is there before the program runs.
    Leaf,
    /// The same elements as another node's.
    Alias(NodeKey),
    /// In a group.
    FusionGroup(usize),
    /// As a sum of a group's.
    Sum(usize),
    /// As an op of its own.
    Op,
}

struct Lowering<T> {
    ir: Ir<T>,
    /// The nodes, and what was written out for them before them.
    order: Vec<NodeKey>,
    homes: SecondaryMap<NodeKey, Home>,
    stages: SecondaryMap<NodeKey, u32>,
    groups: Vec<FusionGroup>,
    by_place: HashMap<(Shape, u32), usize>,
    /// Ops in order, with their stages.
    ops: Vec<(u32, NodeKey)>,
}

/// The schedule of a graph without dead nodes.
pub(super) fn schedule<T: Element>(ir: Ir<T>) -> Schedule<T> {
    let mut lowering = Lowering {
        order: Vec::with_capacity(ir.order.len()),
        ir,
        homes: SecondaryMap::new(),
        stages: SecondaryMap::new(),
        groups: Vec::new(),
        by_place: HashMap::new(),
        ops: Vec::new(),
    };
    for key in std::mem::take(&mut lowering.ir.order) {
        lowering.place(key);
        lowering.order.push(key);
    }
    lowering.ir.order = std::mem::take(&mut lowering.order);
    lowering.sink();
    let steps = lowering.steps();
    Schedule { graph: lowering.ir, steps }
}

fn is_elementwise<T>(op: &IrOp<T>) -> bool {
    matches!(
        op,
        IrOp::Op(NodeOp::Unary(_))
            | IrOp::Rule(NodeOp::Unary(_), _)
            | IrOp::Op(NodeOp::Binary(_))
            | IrOp::Rule(NodeOp::Binary(_), _)
            | IrOp::Op(NodeOp::Select)
            | IrOp::Op(NodeOp::Tensor(TensorOp::BroadcastTo(_)))
    )
}

/// The shape that a group is known by: all numbers are alike.
fn space(shape: &Shape) -> Shape {
    if shape.numel() == 1 { Shape::scalar() } else { shape.clone() }
}

/// How an argument of this shape is read in a space of that one: its walk, and the row length that the walk needs.
fn walk_of(arg: &Shape, space: &Shape) -> Option<(Access, Option<usize>)> {
    if arg.numel() == space.numel() {
        return Some((Access::Flat, None));
    }
    let rank = space.rank();
    let lead = rank - arg.rank().min(rank);
    let varies = |axis: usize| axis >= lead && arg[axis - lead] == space[axis];
    let long: Vec<bool> = (0..rank).filter(|&axis| space[axis] != 1).map(varies).collect();
    let lengths: Vec<usize> = space.iter().copied().filter(|&n| n != 1).collect();
    let changes = long.windows(2).filter(|pair| pair[0] != pair[1]).count();
    if changes != 1 {
        return None;
    }
    let at = long.iter().position(|&varies| varies != long[0]).expect("it changes once");
    let inner = lengths[at..].iter().product();
    Some((if long[0] { Access::Column } else { Access::Row }, Some(inner)))
}

impl<T> ScheduledStep<T> {
    /// Whether this is a product of which the next step reads panels, so that it is done when that is.
    pub fn goes_on(&self) -> bool {
        matches!(self.run, StepKind::Product { way: Way::Panels { .. }, .. })
    }
}

impl<T: Element> Lowering<T> {
    fn node(&self, key: NodeKey) -> &Node<T> {
        self.ir.node(key)
    }

    fn place(&mut self, key: NodeKey) {
        let node = self.node(key).clone();
        let (home, stage) = match &node.op {
            IrOp::Input(_) | IrOp::Literal(_) | IrOp::Constant(_) => (Home::Leaf, 0),
            IrOp::Op(NodeOp::Tensor(TensorOp::Reshape(_))) => {
                let root = self.ir.root(key);
                (Home::Alias(root), self.stages[root])
            }
            IrOp::Op(NodeOp::Tensor(TensorOp::Sum(sum))) => match self.sum(key, node.args[0], sum.axes) {
                Some(placed) => placed,
                None => self.op(key, &node),
            },
            op if is_elementwise(op) => self.elementwise(key, &node),
            _ => self.op(key, &node),
        };
        self.homes.insert(key, home);
        self.stages.insert(key, stage);
    }

    fn op(&mut self, key: NodeKey, node: &Node<T>) -> (Home, u32) {
        let mut stage = node.args.iter().map(|&arg| self.stages[arg]).max().unwrap_or(0);
        // What is added to a carried input comes after everything that reads it.
        if matches!(node.op, IrOp::Accumulate(_)) && self.homes[node.args[0]] == Home::Leaf {
            stage = u32::MAX;
        }
        self.ops.push((stage, key));
        (Home::Op, stage)
    }

    /// The earliest stage at which a group of this shape can read the argument.
    fn stage_after(&self, arg: NodeKey, space: &Shape) -> u32 {
        match self.homes[arg] {
            Home::Leaf => 0,
            Home::Alias(root) if self.homes[root] == Home::Leaf => 0,
            Home::FusionGroup(group) if self.groups[group].shape == *space => self.stages[arg],
            _ => self.stages[arg] + 1,
        }
    }

    /// What an argument of a group's node is without stretching, which groups do by themselves.
    fn unstretched(&self, mut arg: NodeKey) -> NodeKey {
        loop {
            let node = self.node(arg);
            match node.op {
                IrOp::Op(NodeOp::Tensor(TensorOp::BroadcastTo(_))) if self.homes[arg] != Home::Op => arg = node.args[0],
                // Numbers are alike in any shape.
                IrOp::Op(NodeOp::Tensor(TensorOp::Reshape(_))) if node.shape.numel() == 1 => arg = node.args[0],
                _ => return arg,
            }
        }
    }

    fn elementwise(&mut self, key: NodeKey, node: &Node<T>) -> (Home, u32) {
        let space = space(&node.shape);
        let stretches = matches!(node.op, IrOp::Op(NodeOp::Tensor(TensorOp::BroadcastTo(_))));
        let mut args = node.args.clone();
        loop {
            let sources: Vec<NodeKey> = args.iter().map(|&arg| self.unstretched(arg)).collect();
            let stage = sources.iter().map(|&arg| self.stage_after(arg, &space)).max().unwrap_or(0);
            let group = self.group(&space, stage);
            let misfit = (0..args.len()).find(|&i| !self.fits(sources[i], group));
            let Some(i) = misfit else {
                self.groups[group].members.push(key);
                self.ir.nodes[key].args = args;
                return (Home::FusionGroup(group), stage);
            };
            if stretches {
                return self.op(key, node);
            }
            args[i] = self.written_out(args[i], &node.shape);
        }
    }

    /// The group of a shape and stage.
    fn group(&mut self, space: &Shape, stage: u32) -> usize {
        let next = self.groups.len();
        let group = *self.by_place.entry((space.clone(), stage)).or_insert(next);
        if group == next {
            self.groups.push(FusionGroup { shape: space.clone(), members: Vec::new(), sums: Vec::new(), inner: None });
        }
        group
    }

    /// Whether a group can read the argument; settles the group's row length where that is still open.
    fn fits(&mut self, arg: NodeKey, group: usize) -> bool {
        let shape = self.node(arg).shape.clone();
        if shape.numel() == 1 || self.homes[arg] == Home::FusionGroup(group) {
            return true;
        }
        match walk_of(&shape, &self.groups[group].shape) {
            Some((_, None)) => true,
            Some((_, inner)) if self.groups[group].inner.is_none() => {
                self.groups[group].inner = inner;
                true
            }
            Some((_, inner)) => self.groups[group].inner == inner,
            None => false,
        }
    }

    /// The argument stretched to a shape by an op of its own.
    fn written_out(&mut self, arg: NodeKey, shape: &Shape) -> NodeKey {
        let arg = self.unstretched(arg);
        let op = IrOp::Op(NodeOp::Tensor(TensorOp::BroadcastTo(BroadcastTo { shape: shape.clone() })));
        let node = Node { op, args: [arg].into_iter().collect(), shape: shape.clone() };
        let key = self.ir.nodes.insert(node.clone());
        let (home, stage) = self.op(key, &node);
        self.homes.insert(key, home);
        self.stages.insert(key, stage);
        self.order.push(key);
        key
    }

    /// A sum of a group's values along all, leading or trailing axes.
    fn sum(&mut self, key: NodeKey, arg: NodeKey, axes: crate::tensor::shape::AxisMask) -> Option<(Home, u32)> {
        let Home::FusionGroup(group) = self.homes[arg] else { return None };
        let shape = self.node(arg).shape.clone();
        let (rank, own) = (shape.rank(), &mut self.groups[group]);
        if shape.numel() == 1 {
            return None;
        }
        let summed: Vec<bool> = (0..rank).map(|axis| axes.contains(axis)).collect();
        let split = summed.windows(2).filter(|pair| pair[0] != pair[1]).count();
        let how = match (split, summed.first()?) {
            (0, true) => Split::Total,
            (1, leading) => {
                let at = summed.iter().position(|s| s != leading).expect("it changes once");
                let inner: usize = shape[at..].iter().product();
                if *own.inner.get_or_insert(inner) != inner {
                    return None;
                }
                if *leading { Split::PerColumn } else { Split::PerRow }
            }
            _ => return None,
        };
        own.sums.push((key, how));
        Some((Home::Sum(group), self.stages[arg]))
    }

    fn steps(&self) -> Vec<ScheduledStep<T>> {
        let mut stages: BTreeMap<u32, (Vec<usize>, Vec<NodeKey>)> = BTreeMap::new();
        for (&(_, stage), &group) in &self.by_place {
            stages.entry(stage).or_default().0.push(group);
        }
        for &(stage, key) in &self.ops {
            stages.entry(stage).or_default().1.push(key);
        }
        let outside = self.read_outside();
        let mut steps = Vec::new();
        for (mut groups, ops) in stages.into_values() {
            groups.sort_unstable();
            steps.extend(groups.into_iter().filter_map(|group| self.group_step(group, &outside)));
            steps.extend(ops.into_iter().map(|key| self.op_step(key)));
        }
        steps
    }

    /// The members of groups that something outside their group reads.
    fn read_outside(&self) -> SecondaryMap<NodeKey, ()> {
        let mut outside = SecondaryMap::new();
        let mut mark = |key: NodeKey| _ = outside.insert(self.ir.root(key), ());
        for group in &self.groups {
            for &member in &group.members {
                for &arg in &self.node(member).args {
                    let source = self.unstretched(arg);
                    if self.homes[source] != self.homes[member] {
                        mark(source);
                    }
                }
            }
        }
        for &(_, key) in &self.ops {
            self.node(key).args.iter().for_each(|&arg| mark(arg));
        }
        let guards = self.ir.guards.iter().flat_map(|guard| [guard.left, guard.right]);
        self.ir.outputs.iter().copied().chain(guards).for_each(mark);
        outside
    }

    fn op_step(&self, key: NodeKey) -> ScheduledStep<T> {
        let node = self.node(key).clone();
        let shape = |k: usize| self.node(node.args[k]).shape.clone();
        let shapes = (0..node.args.len()).map(shape).collect();
        let product = |op: MatMul, accumulate: bool| {
            let factors = [shape(accumulate as usize), shape(1 + accumulate as usize)];
            let way = Way::alone(&op, factors.each_ref(), accumulate);
            StepKind::Product { op, factors, accumulate, way }
        };
        let run = match node.op {
            IrOp::Op(NodeOp::Tensor(TensorOp::MatMul(op))) => product(op, false),
            IrOp::Op(NodeOp::Tensor(op)) => StepKind::Tensor { op, shapes },
            IrOp::Accumulate(op) => product(op, true),
            IrOp::Op(NodeOp::Copy) => StepKind::Copy,
            op if op.is_call() => StepKind::Call { op: Call::of(op), shapes, shape: node.shape.clone() },
            _ => unreachable!("other nodes run in groups"),
        };
        let reads = node.args.iter().map(|&arg| self.ir.root(arg)).collect();
        ScheduledStep { run, reads, writes: vec![key] }
    }

    /// The step of a group, unless nothing of it is needed.
    fn group_step(&self, group: usize, outside: &SecondaryMap<NodeKey, ()>) -> Option<ScheduledStep<T>> {
        let FusionGroup { shape, members, sums, inner } = &self.groups[group];
        let mut writer = BodyWriter::new(self, group);
        for &member in members {
            writer.member(member);
        }
        let mut writes = Vec::new();
        for &member in members.iter().filter(|&&member| outside.contains_key(member)) {
            writer.sink(Sink::Store(writer.slots[&member]), Target::Flat { output: writes.len() });
            writes.push(member);
        }
        let (totals, partial): (Vec<_>, Vec<_>) = sums.iter().partition(|(_, split)| *split == Split::Total);
        for (key, split) in partial {
            let output = writes.len();
            let target = match split {
                Split::PerColumn => Target::PerColumn { output, add: false },
                _ => Target::PerRow { output, add: false },
            };
            writer.sum(key, target);
            writes.push(key);
        }
        let stores = writes.len();
        for (sum, (key, _)) in totals.into_iter().enumerate() {
            writer.sum(key, Target::Total { sum, add: false });
            writes.push(key);
        }
        if writes.is_empty() {
            return None;
        }
        let BodyWriter { body, sources, targets, mut buffers, shared, .. } = writer;
        let lanes = shape.numel();
        let run = match lanes {
            1 => StepKind::Batch(body),
            _ => StepKind::FusedGroup(FusedGroup {
                inner: inner.unwrap_or(lanes),
                buffers: buffers.len(),
                body,
                sources,
                targets,
                lanes,
                stores,
            }),
        };
        buffers.extend(shared);
        Some(ScheduledStep { run, reads: buffers, writes })
    }
}

/// Writes a group's body.
struct BodyWriter<'a, T> {
    lowering: &'a Lowering<T>,
    group: usize,
    body: Body<T>,
    /// A map with a place for every node would make many small groups quadratic.
    slots: HashMap<NodeKey, Register>,
    /// What arguments from outside became, by node and walk.
    outside: HashMap<(NodeKey, bool, bool), Register>,
    sources: Vec<Source>,
    targets: Vec<Target>,
    buffers: Vec<NodeKey>,
    shared: Vec<NodeKey>,
}

impl<'a, T: Element> BodyWriter<'a, T> {
    fn new(lowering: &'a Lowering<T>, group: usize) -> Self {
        Self {
            lowering,
            group,
            body: Body { ops: Vec::new(), sinks: Vec::new() },
            slots: HashMap::new(),
            outside: HashMap::new(),
            sources: Vec::new(),
            targets: Vec::new(),
            buffers: Vec::new(),
            shared: Vec::new(),
        }
    }

    fn push(&mut self, op: BodyOp<T>) -> Register {
        self.body.ops.push(op);
        self.body.ops.len() as Register - 1
    }

    fn member(&mut self, key: NodeKey) {
        let node = self.lowering.node(key).clone();
        let args: Vec<Register> = node.args.iter().map(|&arg| self.argument(arg)).collect();
        let slot = match node.op {
            IrOp::Op(NodeOp::Tensor(TensorOp::BroadcastTo(_))) => args[0],
            op => self.push(BodyOp::of(&op, &args).expect("groups hold elementwise nodes")),
        };
        self.slots.insert(key, slot);
    }

    fn argument(&mut self, arg: NodeKey) -> Register {
        let lowering = self.lowering;
        let source = lowering.unstretched(arg);
        if lowering.homes[source] == Home::FusionGroup(self.group) {
            return self.slots[&source];
        }
        let space = &lowering.groups[self.group].shape;
        let node = lowering.node(source);
        let number = node.shape.numel() == 1;
        let walk =
            if number || space.numel() == 1 { Access::Flat } else { walk_of(&node.shape, space).expect("checked").0 };
        let root = lowering.ir.root(source);
        let identity = (root, walk == Access::Row, walk == Access::Column);
        if let Some(&slot) = self.outside.get(&identity) {
            return slot;
        }
        let slot = match &node.op {
            literal @ IrOp::Literal(_) => self.push(BodyOp::of(literal, &[]).expect("a literal is an op of a body")),
            // In a group of numbers all arguments are inputs; elsewhere a number is shared by all lanes.
            _ if number && space.numel() != 1 => {
                self.shared.push(root);
                self.push(BodyOp::Shared(self.shared.len() as u32 - 1))
            }
            _ => {
                self.sources.push(Source { from: Origin::Input(self.buffers.len()), walk });
                self.buffers.push(root);
                self.push(BodyOp::Input(self.buffers.len() as u32 - 1))
            }
        };
        self.outside.insert(identity, slot);
        slot
    }

    fn sink(&mut self, sink: Sink, target: Target) {
        self.body.sinks.push(sink);
        self.targets.push(target);
    }

    fn sum(&mut self, key: NodeKey, target: Target) {
        let slot = self.slots[&self.lowering.node(key).args[0]];
        self.sink(Sink::Sum(slot), target);
    }
}
