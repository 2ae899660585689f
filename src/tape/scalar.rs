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
//! Cost: 24 bytes a node in f64 and 8 for its adjoint, 32 for an op of one argument as of two: nodes of one size are found by
//! their number. About 20 instructions to record an op, 15 to sweep it. The memory is kept from one recording to the next;
//! only the first one pays for its pages, or [`Tape::reserve`] does before it ([`pages`]).
//!
//! Where the derivative of an op leaves the range and its value does not ([`far`]), the lane is swept by the rules.
//!
//! In a replay ([`super::replay`]) nothing is pushed: each push is compared with the node that was recorded at its place.
//!
//! Tried, and slower: node adjoints always through memory (a chain of products takes twice as long); both of the last two
//! adjoints in registers, or the last one with masks in place of branches; a dummy slot for missing parents, whose additions
//! wait for one another. A graph without any pattern pays for the branches: 8 ns an op to sweep in place of 4.

mod far;
mod pages;
mod replay;

pub(crate) use far::is_far;
pub(super) use pages::prepared;

use super::replay::ReplayCursor;
use super::{NodeId, NodeRef, Tape, Var};
use crate::num::{Element, Number, Upstream, all_finite};
use crate::ops::{self, Apply, Apply2, BinaryOp, BuiltinBinary, BuiltinUnary, N_CODES, N_UNARY, UnaryOp};
use std::cell::{Cell, RefCell, UnsafeCell};
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
// The size that the README states.
const _: () = assert!(size_of::<Node<f64>>() == 24);

/// The partials are two fields, written one by one: an array would be put together on the stack by two small writes, and the
/// one wide read that follows would wait for both.
#[derive(Clone, Copy)]
struct Node<T> {
    first: T,
    second: T,
    word: u64,
}

#[inline(always)]
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

impl<T: Element> Node<T> {
    /// Carries the adjoint of node `i`, which is this one, to both parents, and returns theirs.
    ///
    /// # Safety
    /// The parents are nodes before `i`, which is in range.
    #[inline(always)]
    unsafe fn give_both(&self, g: T, i: usize, adjoints: &mut [T]) -> [T; 2] {
        // SAFETY: the caller's.
        unsafe { [give(self.first * g, self.a(), i, adjoints), give(self.second * g, self.b(), i, adjoints)] }
    }
}

/// Adds what node `i` gives to its parent's adjoint, and returns that.
///
/// # Safety
/// The parent is a node before `i`, which is in range.
#[inline(always)]
unsafe fn give<T: Element>(part: T, parent: u32, i: usize, adjoints: &mut [T]) -> T {
    debug_assert!((parent as usize) < i && i < adjoints.len());
    // SAFETY: the caller's.
    unsafe {
        let slot = adjoints.get_unchecked_mut(parent as usize);
        *slot += part;
        *slot
    }
}

impl<'t, T: Element> Var<'t, T> {
    /// The tape and number of a node of the scalar lane, which is one of that tape's.
    #[inline(always)]
    pub(crate) fn on_lane(self) -> Option<(&'t Tape<T>, u32)> {
        // SAFETY: the id of a node comes from `Var::scalar` alone, with its tape; what changes the tape does it to constants, or
        // where it has found it to be the same.
        self.node().map(|id| (unsafe { self.tape.unwrap_unchecked() }, id))
    }

    /// The tape and numbers of two nodes of one scalar lane, its own: a comparison of ids and one of tapes.
    #[inline(always)]
    pub(super) fn both_on_lane(self, other: Self) -> Option<(&'t Tape<T>, [u32; 2])> {
        if self.both_nodes(other) && self.shares_tape(other) {
            // SAFETY: as above.
            Some((unsafe { self.tape.unwrap_unchecked() }, [self.index(), other.index()]))
        } else {
            None
        }
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
///
/// A push is one comparison and one write; whatever else may have to happen (growing, remembering the source line) is behind
/// that comparison: `fast_limit` is the capacity, or 0 where source lines are kept or a recording is replayed.
pub(crate) struct ScalarLane<T> {
    start: Cell<*mut Node<T>>,
    len: Cell<usize>,
    fast_limit: Cell<usize>,
    /// How many of the first nodes are leaves for sure: a sweep need not look at them.
    leading_leaves: Cell<usize>,
    /// Whether there may be other leaves.
    has_other_leaves: Cell<bool>,
    /// Whether there may be ops whose derivative is a choice at the origin.
    has_bends: Cell<bool>,
    /// Whether there may be ops with a derivative that is infinite or undefined at a finite point.
    has_singular: Cell<bool>,
    /// Owns the memory; its own length is 0.
    memory: UnsafeCell<Vec<Node<T>>>,
    parameters: RefCell<Vec<[f64; 2]>>,
    /// Where each node was recorded, if that is kept.
    sites: RefCell<Vec<&'static Location<'static>>>,
    keeps_sites: bool,
    /// How far a replay has come.
    along: ReplayCursor<replay::Tail<T>>,
    /// How many parameters it has met.
    along_parameters: Cell<usize>,
    /// Whether some derivative is out of range that times an adjoint need not be.
    has_far: Cell<bool>,
}

impl<T: Element> ScalarLane<T> {
    pub fn new(keeps_sites: bool) -> Self {
        Self {
            start: Cell::new(std::ptr::NonNull::dangling().as_ptr()),
            len: Cell::new(0),
            fast_limit: Cell::new(0),
            leading_leaves: Cell::new(0),
            has_other_leaves: Cell::new(false),
            has_bends: Cell::new(false),
            has_singular: Cell::new(false),
            memory: UnsafeCell::new(Vec::new()),
            parameters: RefCell::default(),
            sites: RefCell::default(),
            keeps_sites,
            along: ReplayCursor::default(),
            along_parameters: Cell::new(0),
            has_far: Cell::new(false),
        }
    }

    pub fn keep_sites(&mut self, keep: bool) {
        self.clear();
        self.keeps_sites = keep;
        self.set_limit();
    }

    /// Sends pushes the slow way where there is more to do than to write.
    fn set_limit(&self) {
        // SAFETY: as in `nodes`.
        let capacity = unsafe { &*self.memory.get() }.capacity();
        // An allocator may give more than was asked for; numbers of nodes end all the same.
        let capacity = capacity.min(LIMIT as usize);
        self.fast_limit.set(if self.keeps_sites || self.along.is_on() { 0 } else { capacity });
    }

    #[inline(always)]
    fn nodes(&self) -> &[Node<T>] {
        // SAFETY: the first `len` nodes are written, and `start` is the memory's address. The lane is not Sync, and no
        // reference into it outlives a call of one of these methods, none of which runs foreign code while it holds one.
        unsafe { std::slice::from_raw_parts(self.start.get(), self.len.get()) }
    }

    #[inline(always)]
    pub fn len(&self) -> u32 {
        self.len.get() as u32
    }

    /// Forgets every node and keeps the memory.
    pub fn clear(&mut self) {
        self.len.set(0);
        self.along.reset();
        self.set_limit();
        self.leading_leaves.set(0);
        self.has_other_leaves.set(false);
        self.has_bends.set(false);
        self.has_singular.set(false);
        self.has_far.set(false);
        self.parameters.get_mut().clear();
        self.sites.get_mut().clear();
    }

    pub fn bytes(&self) -> usize {
        // SAFETY: as in `nodes`.
        unsafe { &*self.memory.get() }.capacity() * size_of::<Node<T>>()
    }

    /// # Safety
    /// The parents in the word are nodes of this lane, or none: a sweep does not look where they lie.
    #[inline(always)]
    #[track_caller]
    unsafe fn push(&self, first: T, second: T, word: u64) -> u32 {
        let id = self.len.get();
        if id >= self.fast_limit.get() {
            // SAFETY: the caller's.
            return unsafe { self.push_slowly(first, second, word) };
        }
        debug_assert!(self.has_parents(word));
        // SAFETY: id is below the capacity of the memory at `start`.
        unsafe { self.write(id, first, second, word) };
        self.len.set(id + 1);
        id as u32
    }

    /// # Safety
    /// `id` is below the capacity of the memory at `start`.
    #[inline(always)]
    unsafe fn write(&self, id: usize, first: T, second: T, word: u64) {
        // SAFETY: the caller's.
        unsafe {
            let node = self.start.get().add(id);
            (&raw mut (*node).first).write(first);
            (&raw mut (*node).second).write(second);
            (&raw mut (*node).word).write(word);
        }
    }

    /// Whether the parents in a word are nodes of this lane, or none.
    fn has_parents(&self, word: u64) -> bool {
        [word & FIELD, word >> 28 & FIELD].iter().all(|&id| id >= LIMIT as u64 || id < self.len.get() as u64)
    }

    /// # Safety
    /// As for `push`.
    #[cold]
    #[inline(never)]
    #[track_caller]
    unsafe fn push_slowly(&self, first: T, second: T, word: u64) -> u32 {
        if self.along.is_on() && self.follows(first, second, word) {
            return self.along.step() as u32;
        }
        let id = self.len.get();
        self.reserve(1);
        debug_assert!(self.has_parents(word));
        // SAFETY: just reserved.
        unsafe { self.write(id, first, second, word) };
        self.len.set(id + 1);
        if self.keeps_sites {
            self.sites.borrow_mut().push(Location::caller());
        }
        id as u32
    }

    /// Makes room for so many more nodes, and has all of its pages there.
    pub fn prepare(&mut self, more: usize) {
        let len = self.len.get();
        self.reserve(more);
        pages::touch(&mut self.memory.get_mut().spare_capacity_mut()[len..]);
    }

    /// Makes room for so many more nodes.
    fn reserve(&self, more: usize) {
        let len = self.len.get();
        // SAFETY: as in `nodes`; nothing refers to the memory while it may move.
        let memory = unsafe { &mut *self.memory.get() };
        let limit = LIMIT as usize;
        if more > memory.capacity().min(limit) - len {
            // No sum, which `more` may be large enough to wrap; there are never more nodes than the limit.
            assert!(
                more <= limit - len,
                "tape: more than {limit} scalar nodes; record tensors instead of their elements"
            );
            // SAFETY: the first `len` nodes are written; they move along.
            unsafe { memory.set_len(len) };
            memory.reserve_exact(more.max(len.max(1 << 10).min(limit - len)));
            // SAFETY: shorter is always sound. The length is kept in `len`.
            unsafe { memory.set_len(0) };
            self.start.set(memory.as_mut_ptr());
        }
        self.set_limit();
    }

    /// A leaf for each value, numbered from the result on.
    #[inline(never)]
    #[track_caller]
    pub fn push_leaves(&self, values: &[T]) -> u32 {
        if self.along.is_on() {
            return self.replayed_leaves(values);
        }
        self.reserve(values.len());
        let first = self.len.get();
        for (id, &value) in (first..).zip(values) {
            // SAFETY: just reserved.
            unsafe { self.write(id, T::from_f64(0.0), value, pack(LEAF, LIMIT, LIMIT)) };
        }
        self.len.set(first + values.len());
        if self.keeps_sites {
            self.sites.borrow_mut().resize(self.len.get(), Location::caller());
        }
        if first == self.leading_leaves.get() {
            self.leading_leaves.set(self.len.get());
        } else {
            self.has_other_leaves.set(true);
        }
        first as u32
    }

    #[inline]
    #[track_caller]
    pub fn push_leaf(&self, value: T) -> u32 {
        self.has_other_leaves.set(true);
        // SAFETY: a leaf has no parents.
        unsafe { self.push(T::from_f64(0.0), value, pack(LEAF, LIMIT, LIMIT)) }
    }

    /// # Safety
    /// The parent is a node of this lane.
    #[inline]
    #[track_caller]
    pub unsafe fn push_copy(&self, parent: u32) -> u32 {
        // SAFETY: the caller's.
        unsafe { self.push(T::from_f64(1.0), T::from_f64(0.0), pack(COPY, parent, LIMIT)) }
    }

    /// # Safety
    /// The parent is a node of this lane.
    #[inline(always)]
    #[track_caller]
    pub unsafe fn push_unary<O: BuiltinUnary>(&self, op: O, parent: u32, x: T, y: T) -> u32 {
        if O::SINGULAR.at_points {
            self.has_singular.set(true);
        }
        let partial = op.vjp(x, y, Upstream(<T as Number>::lit(1.0))).0;
        if O::FAR && is_far(partial) {
            self.note_far(partial, |g| op.vjp(x, y, Upstream(g)).0);
        }
        let parameters = if O::PARAMETERS == 0 { 0 } else { self.push_parameters(op.pack()) };
        // SAFETY: the caller's.
        unsafe { self.push(partial, T::from_f64(0.0), pack(O::CODE, parent, LIMIT | parameters)) }
    }

    #[inline(never)]
    fn push_parameters(&self, parameters: [f64; 2]) -> u32 {
        if self.along.is_on()
            && let Some(recorded) = self.replayed_parameters(parameters)
        {
            return recorded;
        }
        let mut list = self.parameters.borrow_mut();
        list.push(parameters);
        list.len() as u32 - 1
    }

    /// A node of two nodes.
    ///
    /// # Safety
    /// The parents are nodes of this lane.
    #[inline(always)]
    #[track_caller]
    pub unsafe fn push_binary<O: BuiltinBinary>(&self, op: O, [a, b]: [u32; 2], x: T, y: T, out: T) -> u32 {
        self.note::<O>();
        let one = Upstream(<T as Number>::lit(1.0));
        let (first, second) = (op.vjp_x(x, y, out, one).0, op.vjp_y(x, y, out, one).0);
        if O::FAR && is_far(first) {
            self.note_far(first, |g| op.vjp_x(x, y, out, Upstream(g)).0);
        }
        if O::FAR && is_far(second) {
            self.note_far(second, |g| op.vjp_y(x, y, out, Upstream(g)).0);
        }
        // SAFETY: the caller's.
        unsafe { self.push(first, second, pack(O::CODE, a, b)) }
    }

    /// A node of a node and a literal.
    ///
    /// # Safety
    /// The parent is a node of this lane.
    #[inline(always)]
    #[track_caller]
    pub unsafe fn push_with_literal<O: BuiltinBinary>(&self, op: O, a: u32, x: T, y: T, out: T) -> u32 {
        // A quotient by a number that is not 0 is a multiple.
        if O::CODE != ops::Div::CODE || y == T::from_f64(0.0) {
            self.note::<O>();
        }
        let partial = op.vjp_x(x, y, out, Upstream(<T as Number>::lit(1.0))).0;
        if O::FAR && is_far(partial) {
            self.note_far(partial, |g| op.vjp_x(x, y, out, Upstream(g)).0);
        }
        // SAFETY: the caller's.
        unsafe { self.push(partial, y, pack(O::CODE, a, LIMIT)) }
    }

    /// A node of a literal and a node.
    ///
    /// # Safety
    /// The parent is a node of this lane.
    #[inline(always)]
    #[track_caller]
    pub unsafe fn push_literal_with<O: BuiltinBinary>(&self, op: O, b: u32, x: T, y: T, out: T) -> u32 {
        self.note::<O>();
        let partial = op.vjp_y(x, y, out, Upstream(<T as Number>::lit(1.0))).0;
        if O::FAR && is_far(partial) {
            self.note_far(partial, |g| op.vjp_y(x, y, out, Upstream(g)).0);
        }
        // SAFETY: the caller's.
        unsafe { self.push(partial, x, pack(O::CODE | LITERAL_FIRST, b, LIMIT)) }
    }

    /// Carries the adjoints of nodes `lo..hi` to their parents; zero adjoints are skipped.
    ///
    /// The adjoint of the node before, to which most nodes give something, goes on in a register: through memory it would
    /// take a store and a load, twice as long as the arithmetic. The same for a sum's last value behind a product, `z + w x`.
    pub fn sweep(&self, lo: u32, hi: u32, adjoints: &mut [T]) {
        let zero = T::from_f64(0.0);
        let nodes = &self.nodes()[..hi as usize];
        let adjoints = &mut adjoints[..hi as usize];
        // Parents of nodes are nodes before them: who pushes a node promises that.
        let lo = self.leading_leaves.get().max(lo as usize);
        let mut i = hi as usize;
        let Some(&(mut g)) = adjoints.last() else { return };
        // Here `g` is the adjoint of the node before `i`.
        while i > lo {
            i -= 1;
            let before = i.wrapping_sub(1);
            // SAFETY: i is below hi, the length of both slices.
            let node = unsafe { nodes.get_unchecked(i) };
            let (a, b) = (node.a(), node.b());
            if g != zero && b < LIMIT {
                // SAFETY: both are nodes before i.
                let [at_a, at_b] = unsafe { node.give_both(g, i, adjoints) };
                if b as usize == before {
                    g = at_b;
                    if a + 1 == b && before > lo && g != zero {
                        // SAFETY: before is below hi.
                        let product = unsafe { nodes.get_unchecked(before) };
                        if product.a() < a && product.b() < a {
                            // SAFETY: both are nodes before this one.
                            unsafe { product.give_both(g, before, adjoints) };
                            i = before;
                            g = at_a;
                        }
                    }
                    continue;
                }
                if a as usize == before {
                    g = at_a;
                    continue;
                }
            } else if g != zero && a < LIMIT {
                // SAFETY: a is a node before i.
                let at_a = unsafe { give(node.first * g, a, i, adjoints) };
                if a as usize == before {
                    g = at_a;
                    continue;
                }
            }
            if i > lo {
                // SAFETY: i - 1 is below hi.
                g = unsafe { *adjoints.get_unchecked(before) };
            }
        }
    }

    /// Whether there may be ops whose derivative is a choice at the origin, and whose second derivative is not.
    pub fn has_bends(&self) -> bool {
        self.has_bends.get()
    }

    /// Whether there may be ops with a derivative that is infinite or undefined at a finite point.
    pub fn has_singular(&self) -> bool {
        self.has_singular.get()
    }

    /// Notes an op of these kinds, which costs others nothing.
    #[inline(always)]
    fn note<O: BuiltinBinary>(&self) {
        if O::BENDS {
            self.has_bends.set(true);
        }
        if O::SINGULAR.at_points {
            self.has_singular.set(true);
        }
    }

    /// Whether the adjoints of all leaves are finite after a sweep. What is not finite comes to a leaf.
    pub fn leaves_are_finite(&self, adjoints: &[T]) -> bool {
        let leaves = if self.has_other_leaves.get() { adjoints.len() } else { self.leading_leaves.get() };
        all_finite(&adjoints[..leaves.min(adjoints.len())])
    }

    /// Whether a node is a number of this lane that was made of others.
    pub fn is_inside(&self, id: NodeId) -> bool {
        matches!(id.lane(), NodeRef::Scalar(id) if !matches!(self.decode(id), ScalarNode::Leaf(_)))
    }

    /// Carries tangents forward through nodes `lo..hi`; leaves keep what they have.
    pub fn push_forward(&self, lo: u32, hi: u32, tangents: &mut [T]) {
        let zero = T::from_f64(0.0);
        let times = |p: T, t: T| if t == zero { zero } else { p * t };
        for i in lo as usize..hi as usize {
            let node = &self.nodes()[i];
            if node.a() < LIMIT {
                tangents[i] = times(node.first, tangents[node.a() as usize]);
            }
            if node.b() < LIMIT {
                tangents[i] += times(node.second, tangents[node.b() as usize]);
            }
        }
    }

    /// As [`ScalarLane::push_forward`], from the first node on, with a vector of tangents for each.
    #[inline(always)]
    pub fn push_forward_lanes<const K: usize>(&self, tangents: &mut [[T; K]]) {
        let zero = T::from_f64(0.0);
        let times = |p: T, t: [T; K]| t.map(|t| if t == zero { zero } else { p * t });
        for (i, node) in self.nodes()[..tangents.len()].iter().enumerate() {
            let (a, b) = (node.a() as usize, node.b() as usize);
            if a < LIMIT as usize {
                let mut sum = times(node.first, tangents[a]);
                if b < LIMIT as usize {
                    let second = times(node.second, tangents[b]);
                    for k in 0..K {
                        sum[k] += second[k];
                    }
                }
                tangents[i] = sum;
            }
        }
    }

    /// As [`ScalarLane::sweep`], to the first node, with a vector of adjoints for each.
    #[inline(always)]
    pub fn sweep_lanes<const K: usize>(&self, adjoints: &mut [[T; K]]) {
        let zero = T::from_f64(0.0);
        let nodes = &self.nodes()[..adjoints.len()];
        for i in (self.leading_leaves.get()..nodes.len()).rev() {
            let g = adjoints[i];
            if g == [zero; K] {
                continue;
            }
            let mut give = |p: T, to: u32| {
                let to = &mut adjoints[to as usize];
                for k in 0..K {
                    to[k] += if g[k] == zero { zero } else { p * g[k] };
                }
            };
            let node = &nodes[i];
            if node.a() < LIMIT {
                give(node.first, node.a());
                if node.b() < LIMIT {
                    give(node.second, node.b());
                }
            }
        }
    }

    /// The parents of a node.
    pub fn parents(&self, id: u32) -> [Option<u32>; 2] {
        let node = &self.nodes()[id as usize];
        [Some(node.a()).filter(|&a| a < LIMIT), Some(node.b()).filter(|&b| b < LIMIT)]
    }

    /// The local derivatives of a node by its parents; the second is no derivative where there is no second parent.
    pub fn partials(&self, id: u32) -> [T; 2] {
        {
            let node = &self.nodes()[id as usize];
            [node.first, node.second]
        }
    }

    pub fn site(&self, id: u32) -> Option<&'static Location<'static>> {
        self.sites.borrow().get(id as usize).copied()
    }

    /// What a node computes.
    pub fn decode(&self, id: u32) -> ScalarNode<T> {
        let node = &self.nodes()[id as usize];
        let code = node.code();
        match code {
            LEAF => ScalarNode::Leaf(node.second),
            COPY => ScalarNode::Copy(node.a()),
            _ if code < N_UNARY => {
                let list = self.parameters.borrow();
                let parameters = list.get((node.b() - LIMIT) as usize).copied();
                ScalarNode::Unary(UnaryOp::unpack(code, parameters.unwrap_or_default()), node.a())
            }
            _ => {
                let op = BinaryOp::unpack(code & !LITERAL_FIRST);
                let (first, literal) = (ScalarOperand::Node(node.a()), ScalarOperand::Literal(node.second));
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

#[cfg(test)]
mod tests;
