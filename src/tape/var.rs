//! Variables: handles to what a tape holds.

use super::entry::{NodeOp, Parent, Parents};
use super::{Guard, Hook, Tape, Value};
use crate::num::Element;
use crate::ops::structural::{Reshape, TensorOp};
use crate::tensor::{Operand, Shape, Tensor};
use std::cmp::Ordering;
use std::panic::Location;
use std::sync::atomic::{self, AtomicU64};

/// A node of what its tape holds, without a borrow of it: the key to its gradient once the tape is cleared.
///
/// It is of one recording: gradients of another tape, or of what this one holds after [`Tape::clear`], refuse it.
///
/// # Examples
/// ```
/// use retrograd::Tape;
/// let mut tape = Tape::new();
/// let (id, gradients) = {
///     let x = tape.var([1.0, 2.0]);
///     (x.id(), x.square().sum(()).backward())
/// };
/// tape.clear();
/// // No variable is left, and its gradient is found all the same.
/// assert_eq!(gradients.get(id).unwrap().to_vec(), [2.0, 4.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id {
    pub(crate) of: Recorded,
    pub(crate) node: NodeId,
}

/// Which recording: the number of the tape, from 1, and how often it was cleared; 0 for what is of none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Recorded(pub u64);

impl Recorded {
    /// The first recording of a new tape.
    pub fn on_a_new_tape() -> Self {
        static TAPES: AtomicU64 = AtomicU64::new(1);
        Self(TAPES.fetch_add(1, atomic::Ordering::Relaxed) << 32)
    }
    /// Whether both are of one tape.
    pub fn is_on_tape_of(self, other: Self) -> bool {
        self.0 >> 32 == other.0 >> 32
    }
    /// The recording after this one.
    pub fn next(self) -> Self {
        Self(self.0 & !0xffff_ffff | self.0.wrapping_add(1) & 0xffff_ffff)
    }
}

/// The number of a node on its tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct NodeId(u32);

const TENSOR: u32 = 1 << 31;
const CONSTANT: u32 = 1 << 30;

/// Where an id points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeRef {
    Scalar(u32),
    Tensor(usize),
    Constant,
}

impl NodeId {
    #[inline]
    pub(crate) fn tensor(entry: usize) -> Self {
        assert!(entry < CONSTANT as usize, "tape: too many tensor ops");
        Self(entry as u32 | TENSOR)
    }
    pub(crate) fn scalar(node: u32) -> Self {
        Self(node)
    }
    #[inline]
    pub(crate) fn lane(self) -> NodeRef {
        match self.0 {
            CONSTANT => NodeRef::Constant,
            id if id & TENSOR != 0 => NodeRef::Tensor((id & !TENSOR) as usize),
            id => NodeRef::Scalar(id),
        }
    }
}

/// A number or tensor on a tape: `Copy`, with operators, and every op as a method.
///
/// A variable of a cleared tape does not compile; variables of two tapes in one op are a clear panic.
///
/// # Examples
/// ```
/// use retrograd::Tape;
/// let tape = Tape::new();
/// let (x, y) = (tape.var(3.0), tape.var([1.0, 2.0]));
/// let z = (x * y + y).sum(());
/// assert_eq!((z.item(), y.shape().dims()), (12.0, &[2][..]));
/// let gradients = z.backward();
/// assert_eq!(gradients.item(x), 3.0);
/// assert_eq!(gradients.wrt(y).to_vec(), [4.0, 4.0]);
/// ```
pub struct Var<'t, T> {
    /// `None` for a constant that belongs to no tape.
    pub(crate) tape: Option<&'t Tape<T>>,
    pub(crate) id: NodeId,
    /// The value, for a scalar or constant.
    pub(crate) scalar: T,
}

impl<T: Copy> Clone for Var<'_, T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: Copy> Copy for Var<'_, T> {}

impl<'t, T: Element> Var<'t, T> {
    #[inline(always)]
    pub(crate) fn scalar(tape: &'t Tape<T>, id: u32, value: T) -> Self {
        Self { tape: Some(tape), id: NodeId(id), scalar: value }
    }
    #[inline]
    pub(crate) fn tensor(tape: &'t Tape<T>, id: NodeId) -> Self {
        Self { tape: Some(tape), id, scalar: T::from_f64(f64::NAN) }
    }
    /// A constant number, which needs no tape.
    #[inline(always)]
    pub fn constant(value: T) -> Self {
        Self { tape: None, id: NodeId(CONSTANT), scalar: value }
    }
    #[inline]
    pub(crate) fn on(self, tape: &'t Tape<T>) -> Self {
        Self { tape: Some(tape), ..self }
    }

    /// The node: the key to its gradient.
    pub fn id(self) -> Id {
        Id { of: self.recorded(), node: self.id }
    }
    /// What it was recorded in; nothing, for a constant.
    pub(crate) fn recorded(self) -> Recorded {
        self.tape.filter(|_| !self.is_constant()).map_or(Recorded::default(), |tape| tape.recorded)
    }
    #[inline(always)]
    pub(crate) fn is_tensor(self) -> bool {
        self.id.0 & TENSOR != 0
    }
    /// Whether this is a constant number, which no tape has recorded and nothing leads to.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Tape, Var};
    /// let tape = Tape::new();
    /// assert!((Var::constant(2.0) * 3.0).is_constant() && !(tape.var(2.0) * 3.0).is_constant());
    /// ```
    #[inline(always)]
    pub fn is_constant(self) -> bool {
        self.id.0 == CONSTANT
    }
    /// The node in the scalar lane, for a scalar that is no constant.
    #[inline(always)]
    pub(crate) fn node(self) -> Option<u32> {
        if self.id.0 < CONSTANT { Some(self.id.0) } else { None }
    }
    /// Whether both are nodes of the scalar lane: one comparison.
    #[inline(always)]
    pub(crate) fn both_nodes(self, other: Self) -> bool {
        (self.id.0 | other.id.0) < CONSTANT
    }
    /// Whether both are of one tape, or of none.
    #[inline(always)]
    pub(crate) fn shares_tape(self, other: Self) -> bool {
        let address = |tape: Option<&Tape<T>>| tape.map_or(std::ptr::null(), std::ptr::from_ref);
        address(self.tape) == address(other.tape)
    }
    /// The number of a node of the scalar lane.
    #[inline(always)]
    pub(crate) fn index(self) -> u32 {
        self.id.0
    }
    pub(crate) fn entry(self) -> Option<usize> {
        match self.id.lane() {
            NodeRef::Tensor(k) => Some(k),
            _ => None,
        }
    }
    pub(crate) fn as_parent(self) -> Parent<T> {
        Parent { id: self.id, value: self.scalar }
    }
    /// The tape that this variable was recorded on, for whatever else is to stand on it.
    ///
    /// # Panics
    /// The variable is a constant, as of `Var::constant` or a number that was made into one: it is on no tape ([`Var::get_tape`]).
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Tensor, grad};
    /// // A closure of variables reaches the tape through them.
    /// let slopes = grad(|x| x.tape().data([1.0, 10.0]).dot(x), Tensor::from([0.5, 0.25]));
    /// assert_eq!(slopes.to_vec(), [1.0, 10.0]);
    /// ```
    #[inline]
    #[track_caller]
    pub fn tape(self) -> &'t Tape<T> {
        match self.tape {
            Some(tape) => tape,
            None => panic!("tape: a constant is on no tape; take that of a variable"),
        }
    }

    /// As [`Var::tape`]; nothing for a constant.
    #[inline]
    pub fn get_tape(self) -> Option<&'t Tape<T>> {
        self.tape
    }

    pub(crate) fn home(self) -> &'t Tape<T> {
        self.tape.expect("only a constant has no tape")
    }

    /// Calls the closure with the value, borrowed from the tape.
    pub(crate) fn with<R>(self, f: impl FnOnce(Operand<'_, T>) -> R) -> R {
        match self.entry() {
            Some(k) => f(self.home().entries.borrow()[k].value.operand()),
            None => f(Operand::Scalar(self.scalar)),
        }
    }

    /// The value as a number.
    ///
    /// # Panics
    /// It is a tensor with more or fewer elements than one.
    #[track_caller]
    pub fn item(self) -> T {
        self.note_read("a number was");
        if self.is_tensor() { self.value().item() } else { self.scalar }
    }
    /// The value as a tensor, which shares the tape's buffer; a number is a tensor without axes.
    #[inline(never)]
    #[track_caller]
    pub fn value(self) -> Tensor<T> {
        self.note_read("a value was");
        self.with(|value| value.to_value()).into_tensor()
    }
    /// The shape; a number has no axes.
    #[inline(never)]
    pub fn shape(self) -> Shape {
        self.with(|value| value.shape())
    }
    /// The number of axes.
    #[inline(never)]
    pub fn rank(self) -> usize {
        self.with(|value| value.dims().len())
    }
    /// The number of elements.
    #[inline(never)]
    pub fn numel(self) -> usize {
        self.with(|value| value.dims().iter().product())
    }

    /// Tells a tape that is traced that a plain value was read; data and constants may be.
    #[track_caller]
    pub(crate) fn note_read(self, what: &str) {
        if let Some(tape) = self.tape.filter(|tape| tape.tracing.is_on()) {
            self.note_read_on(tape, what);
        }
    }

    #[inline(never)]
    #[track_caller]
    pub(crate) fn note_read_on(self, tape: &Tape<T>, what: &str) {
        if !self.is_data() {
            tape.tracing.note_read(what, self.id);
        }
    }

    /// Whether this is a constant or data, whose values do not depend on any variable.
    fn is_data(self) -> bool {
        let entries = self.tape.map(|tape| tape.entries.borrow());
        match self.id.lane() {
            NodeRef::Constant => true,
            NodeRef::Tensor(k) => entries.is_some_and(|entries| entries[k].is_data()),
            NodeRef::Scalar(id) => {
                entries.is_some_and(|entries| entries.iter().any(|entry| entry.scalar == Some(id) && entry.is_data()))
            }
        }
    }

    /// The same value as a constant: no gradient goes through.
    #[inline(never)]
    #[track_caller]
    pub fn detach(self) -> Self {
        if let Some(tape) = self.tape.filter(|tape| tape.tracing.is_on() && !self.is_constant()) {
            let op = NodeOp::Tensor(TensorOp::Reshape(Reshape { shape: self.shape() }));
            let parents = Parents::from_slice(&[self.as_parent()]);
            if tape.replay.is_on()
                && let Ok(Some(var)) = tape.replayed(&op, &parents)
            {
                return var;
            }
            let value = self.with(|value| value.to_value());
            return tape.push(op, parents, value, false, Location::caller());
        }
        match self.entry() {
            Some(k) => {
                let value = self.home().entries.borrow()[k].value.clone();
                self.home().leaf(value, false)
            }
            None => Self { tape: self.tape, ..Self::constant(self.scalar) },
        }
    }

    /// Another variable of the same value, which gradients go through: what is derived by it is not by what else this one leads to.
    #[inline(never)]
    #[track_caller]
    pub(crate) fn copied(self, tape: &'t Tape<T>) -> Self {
        if let Some((tape, parent)) = self.on_lane() {
            // SAFETY: the node is one of the tape's.
            return Self::scalar(tape, unsafe { tape.scalars.push_copy(parent) }, self.scalar);
        }
        if self.is_constant() {
            return tape.leaf_of_tensor_lane(Value::Scalar(self.scalar), true);
        }
        let op = NodeOp::Tensor(TensorOp::Reshape(Reshape { shape: self.shape() }));
        let parents = Parents::from_slice(&[self.as_parent()]);
        if tape.replay.is_on()
            && let Ok(Some(var)) = tape.replayed(&op, &parents)
        {
            return var;
        }
        let value = self.with(|value| value.to_value());
        // Also of data there is a derivative.
        tape.push(op, parents, value, true, Location::caller())
    }

    /// Keeps this variable's gradient in the next sweeps though it is not an input. Gradients of scalars are always kept.
    #[inline(never)]
    pub fn retain_gradient(self) -> Self {
        if let Some(k) = self.entry() {
            let tape = self.home();
            if tape.replay.is_on() && !tape.entries.borrow()[k].retained {
                tape.leave_replay();
            }
            tape.entries.borrow_mut()[k].retained = true;
        }
        self
    }

    /// Calls the closure with this variable's gradient in every sweep over numbers, once it is complete; what the closure
    /// returns replaces it. A closure that adds another is allowed to; that one is called from the next sweep on.
    ///
    /// # Panics
    /// The sweep does, if what the closure returns has another shape.
    pub fn on_gradient(self, call: impl Fn(&Tensor<T>) -> Option<Tensor<T>> + 'static) -> Self {
        if let Some(tape) = self.tape.filter(|_| !self.is_constant()) {
            if tape.replay.is_on() {
                tape.leave_replay();
            }
            tape.add_hook(Hook { id: self.id, call: Box::new(call) });
        }
        self
    }
}

/// Compares values, and records the answer on the tape, since what follows may depend on it. A tensor compares with nothing.
impl<T: Element> PartialOrd for Var<'_, T> {
    #[inline(always)]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        if self.is_tensor() || other.is_tensor() {
            return None;
        }
        let outcome = self.scalar.partial_cmp(&other.scalar);
        if let Some(tape) = self.tape.or(other.tape)
            && !(self.is_constant() && other.is_constant())
        {
            return record_guard(tape, (self.id, self.scalar), (other.id, other.scalar), outcome);
        }
        outcome
    }
}
impl<T: Element> PartialEq for Var<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}
impl<T: Element> PartialOrd<T> for Var<'_, T> {
    fn partial_cmp(&self, other: &T) -> Option<Ordering> {
        self.partial_cmp(&Var::constant(*other))
    }
}
impl<T: Element> PartialEq<T> for Var<'_, T> {
    fn eq(&self, other: &T) -> bool {
        *self == Var::constant(*other)
    }
}

/// Records the answer of a comparison, and returns it; in a replay the answer that was recorded.
#[inline(never)]
fn record_guard<T: Element>(
    tape: &Tape<T>,
    left: (NodeId, T),
    right: (NodeId, T),
    outcome: Option<Ordering>,
) -> Option<Ordering> {
    if tape.replay.is_on()
        && let Some(recorded) = tape.replayed_guard(left, right)
    {
        return recorded;
    }
    tape.guards.borrow_mut().push(Guard { left, right, of: tape.recorded, outcome });
    outcome
}
