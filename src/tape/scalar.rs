//! The scalar lane: recorded scalars as small fixed-size nodes.
//!
//! A node is two partial derivatives and a word that packs an op code and two parents; the value lives in the variable's
//! handle. Partials come from the op's rule with an upstream gradient of 1, when the node is recorded, so that a sweep is
//! multiply-and-add with no dispatch. Values are recomputed from the codes where something asks for them (gradients of
//! gradients, explaining, compiling).
//!
//! Layout of the word: code in bits 56..64, second parent in 28..56, first parent in 0..28. Parents from [`LIMIT`] on are
//! not nodes: then the second partial holds a literal operand, or the second parent an index into the parameters.
//!
//! Cost: 24 bytes a node in f64, 8 more for its adjoint.

use crate::num::{Element, Number, Upstream};
use crate::ops::{BinaryOp, BinaryVisitor, BuiltinBinary, BuiltinUnary, N_CODES, N_UNARY, UnaryOp, UnaryVisitor};
use std::cell::{Cell, UnsafeCell};
use std::panic::Location;

/// Parent numbers from here on are not nodes.
pub(crate) const LIMIT: u32 = 1 << 27;
const FIELD: u64 = (1 << 28) - 1;
/// Set in the code of a two-argument op whose first argument is the literal.
const LITERAL_FIRST: u8 = 0x80;
/// The chosen side of a select: a copy of its one parent.
const COPY: u8 = N_CODES;
/// An input; its value stands where a literal would.
const LEAF: u8 = 127;

const _: () = assert!(N_CODES < LEAF);

#[derive(Clone, Copy)]
struct Node<T> {
    partials: [T; 2],
    word: u64,
}

fn pack(code: u8, a: u32, b: u32) -> u64 {
    (code as u64) << 56 | (b as u64) << 28 | a as u64
}

impl<T: Copy> Node<T> {
    fn code(&self) -> u8 {
        (self.word >> 56) as u8
    }
    #[inline(always)]
    fn a(&self) -> u32 {
        (self.word & FIELD) as u32
    }
    #[inline(always)]
    fn b(&self) -> u32 {
        (self.word >> 28 & FIELD) as u32
    }
}

/// What a scalar node computes, decoded.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ScalarNode<T> {
    /// An input or the result of an op on tensors, with its value.
    Leaf(T),
    Unary(UnaryOp, u32),
    Binary(BinaryOp, ScalarOperand<T>, ScalarOperand<T>),
    /// A copy of another node: the chosen side of a select.
    Copy(u32),
}

/// An argument of a scalar node.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ScalarOperand<T> {
    Node(u32),
    Literal(T),
}

/// The arena of scalar nodes.
pub(crate) struct ScalarLane<T> {
    nodes: UnsafeCell<Vec<Node<T>>>,
    parameters: UnsafeCell<Vec<[f64; 2]>>,
    /// Where each node was recorded, if that is kept.
    sites: UnsafeCell<Vec<&'static Location<'static>>>,
    keeps_sites: Cell<bool>,
}

impl<T: Element> ScalarLane<T> {
    pub fn new(keeps_sites: bool) -> Self {
        Self {
            nodes: UnsafeCell::new(Vec::new()),
            parameters: UnsafeCell::new(Vec::new()),
            sites: UnsafeCell::new(Vec::new()),
            keeps_sites: Cell::new(keeps_sites),
        }
    }

    pub fn keep_sites(&mut self, keep: bool) {
        self.clear();
        self.keeps_sites.set(keep);
    }

    #[inline(always)]
    fn nodes(&self) -> &[Node<T>] {
        // SAFETY: the lane is not Sync, and no reference into the arena outlives a call of one of these methods,
        // none of which runs foreign code while it holds one.
        unsafe { &*self.nodes.get() }
    }

    #[inline(always)]
    pub fn len(&self) -> u32 {
        self.nodes().len() as u32
    }

    /// Forgets every node and keeps the memory.
    pub fn clear(&mut self) {
        self.nodes.get_mut().clear();
        self.parameters.get_mut().clear();
        self.sites.get_mut().clear();
    }

    pub fn bytes(&self) -> usize {
        // SAFETY: as in `nodes`.
        unsafe { (*self.nodes.get()).capacity() * size_of::<Node<T>>() }
    }

    #[inline(always)]
    #[track_caller]
    fn push(&self, partials: [T; 2], word: u64) -> u32 {
        // SAFETY: as in `nodes`; the write goes to reserved memory behind the last node.
        unsafe {
            let nodes = &mut *self.nodes.get();
            let id = nodes.len();
            if id == nodes.capacity() {
                self.grow();
            }
            nodes.as_mut_ptr().add(id).write(Node { partials, word });
            nodes.set_len(id + 1);
            if self.keeps_sites.get() {
                self.push_site(Location::caller());
            }
            id as u32
        }
    }

    #[cold]
    #[inline(never)]
    fn push_site(&self, site: &'static Location<'static>) {
        // SAFETY: as in `nodes`.
        unsafe { (*self.sites.get()).push(site) }
    }

    #[cold]
    #[inline(never)]
    fn grow(&self) {
        // SAFETY: as in `nodes`; the caller touches the vector only through its own pointer, read again after this.
        let nodes = unsafe { &mut *self.nodes.get() };
        assert!(
            nodes.len() < LIMIT as usize,
            "tape: more than {LIMIT} scalar nodes; record tensors instead of their elements"
        );
        let more = nodes.len().clamp(1 << 10, LIMIT as usize - nodes.len());
        nodes.reserve_exact(more);
    }

    #[inline]
    #[track_caller]
    pub fn push_leaf(&self, value: T) -> u32 {
        self.push([T::from_f64(0.0), value], pack(LEAF, LIMIT, LIMIT))
    }

    #[inline]
    #[track_caller]
    pub fn push_copy(&self, parent: u32) -> u32 {
        self.push([T::from_f64(1.0), T::from_f64(0.0)], pack(COPY, parent, LIMIT))
    }

    #[inline(always)]
    #[track_caller]
    pub fn push_unary<O: BuiltinUnary>(&self, op: O, parent: u32, x: T, y: T) -> u32 {
        let partial = op.vjp(x, y, Upstream(<T as Number>::lit(1.0))).0;
        let parameters = if O::PARAMETERS == 0 { 0 } else { self.push_parameters(op.pack()) };
        self.push([partial, T::from_f64(0.0)], pack(O::CODE, parent, LIMIT | parameters))
    }

    #[inline(never)]
    fn push_parameters(&self, parameters: [f64; 2]) -> u32 {
        // SAFETY: as in `nodes`.
        let list = unsafe { &mut *self.parameters.get() };
        list.push(parameters);
        list.len() as u32 - 1
    }

    /// A node of two arguments, of which at least one is a node.
    #[inline(always)]
    #[track_caller]
    pub fn push_binary<O: BuiltinBinary>(&self, op: O, a: Option<u32>, b: Option<u32>, x: T, y: T, out: T) -> u32 {
        let one = Upstream(<T as Number>::lit(1.0));
        match (a, b) {
            (Some(a), Some(b)) => {
                let partials = [op.vjp_x(x, y, out, one).0, op.vjp_y(x, y, out, one).0];
                self.push(partials, pack(O::CODE, a, b))
            }
            (Some(a), None) => self.push([op.vjp_x(x, y, out, one).0, y], pack(O::CODE, a, LIMIT)),
            (None, b) => {
                let b = b.unwrap_or(LIMIT);
                self.push([op.vjp_y(x, y, out, one).0, x], pack(O::CODE | LITERAL_FIRST, b, LIMIT))
            }
        }
    }

    /// Carries the adjoints of nodes `lo..hi` to their parents; zero adjoints are skipped.
    pub fn sweep(&self, lo: u32, hi: u32, adjoints: &mut [T]) {
        let zero = T::from_f64(0.0);
        let nodes = &self.nodes()[..hi as usize];
        let adjoints = &mut adjoints[..hi as usize];
        for i in (lo as usize..hi as usize).rev() {
            let g = adjoints[i];
            if g == zero {
                continue;
            }
            let node = &nodes[i];
            let (a, b) = (node.a(), node.b());
            if b < LIMIT {
                debug_assert!((a as usize) < i && (b as usize) < i);
                // SAFETY: parents come before children, so both are below i, which is in range.
                unsafe {
                    *adjoints.get_unchecked_mut(a as usize) += node.partials[0] * g;
                    *adjoints.get_unchecked_mut(b as usize) += node.partials[1] * g;
                }
            } else if a < LIMIT {
                debug_assert!((a as usize) < i);
                // SAFETY: as above.
                unsafe { *adjoints.get_unchecked_mut(a as usize) += node.partials[0] * g };
            }
        }
    }

    /// Carries tangents forward through nodes `lo..hi`; leaves keep what they have.
    pub fn push_forward(&self, lo: u32, hi: u32, tangents: &mut [T]) {
        let zero = T::from_f64(0.0);
        let times = |p: T, t: T| if t == zero { zero } else { p * t };
        for i in lo as usize..hi as usize {
            let node = &self.nodes()[i];
            if node.a() < LIMIT {
                tangents[i] = times(node.partials[0], tangents[node.a() as usize]);
            }
            if node.b() < LIMIT {
                tangents[i] += times(node.partials[1], tangents[node.b() as usize]);
            }
        }
    }

    /// The parents of a node.
    pub fn parents(&self, id: u32) -> [Option<u32>; 2] {
        let node = &self.nodes()[id as usize];
        [Some(node.a()).filter(|&a| a < LIMIT), Some(node.b()).filter(|&b| b < LIMIT)]
    }

    /// The local derivatives of a node by its parents.
    pub fn partials(&self, id: u32) -> [T; 2] {
        self.nodes()[id as usize].partials
    }

    pub fn site(&self, id: u32) -> Option<&'static Location<'static>> {
        // SAFETY: as in `nodes`.
        unsafe { &*self.sites.get() }.get(id as usize).copied()
    }

    /// What a node computes.
    pub fn decode(&self, id: u32) -> ScalarNode<T> {
        let node = &self.nodes()[id as usize];
        let code = node.code();
        match code {
            LEAF => ScalarNode::Leaf(node.partials[1]),
            COPY => ScalarNode::Copy(node.a()),
            _ if code < N_UNARY => {
                // SAFETY: as in `nodes`.
                let list = unsafe { &*self.parameters.get() };
                let parameters = list.get((node.b() - LIMIT) as usize).copied();
                ScalarNode::Unary(UnaryOp::unpack(code, parameters.unwrap_or_default()), node.a())
            }
            _ => {
                let op = BinaryOp::unpack(code & !LITERAL_FIRST);
                let (first, literal) = (ScalarOperand::Node(node.a()), ScalarOperand::Literal(node.partials[1]));
                match node.b() {
                    b if b < LIMIT => ScalarNode::Binary(op, first, ScalarOperand::Node(b)),
                    _ if code & LITERAL_FIRST != 0 => ScalarNode::Binary(op, literal, first),
                    _ => ScalarNode::Binary(op, first, literal),
                }
            }
        }
    }

    /// The values of the first `n` nodes, recomputed with what their leaves hold.
    pub fn values(&self, n: u32) -> Vec<T> {
        let mut values: Vec<T> = Vec::with_capacity(n as usize);
        for id in 0..n {
            let value = self.evaluate(id, &values, |leaf| leaf);
            values.push(value);
        }
        values
    }

    /// The value of node `id` from the values before it; a leaf's goes through the closure.
    pub fn evaluate(&self, id: u32, values: &[T], leaf: impl FnOnce(T) -> T) -> T {
        let at = |operand| match operand {
            ScalarOperand::Node(i) => values[i as usize],
            ScalarOperand::Literal(x) => x,
        };
        match self.decode(id) {
            ScalarNode::Leaf(value) => leaf(value),
            ScalarNode::Copy(parent) => values[parent as usize],
            ScalarNode::Unary(op, parent) => op.with(Apply(values[parent as usize])),
            ScalarNode::Binary(op, a, b) => op.with(Apply2(at(a), at(b))),
        }
    }
}

/// Applies whichever op to a number.
pub(crate) struct Apply<S>(pub S);
impl<S: Number> UnaryVisitor for Apply<S> {
    type Output = S;
    fn visit<O: BuiltinUnary>(self, op: O) -> S {
        self.0.unary(op)
    }
}

/// Applies whichever op to two numbers.
pub(crate) struct Apply2<S>(pub S, pub S);
impl<S: Number> BinaryVisitor for Apply2<S> {
    type Output = S;
    fn visit<O: BuiltinBinary>(self, op: O) -> S {
        self.0.binary(op, self.1)
    }
}
