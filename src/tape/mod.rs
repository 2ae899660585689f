//! The tape: what was computed, in order, so that it can be swept backwards.
//!
//! Two lanes share one tape. Scalars are small nodes in an arena ([`scalar`]); whatever reads or makes a tensor is an entry
//! with its op, parents and value ([`entry`]). A bit of a variable's id names the lane; each entry remembers how long the
//! scalar lane was when it was recorded, which orders one sweep over both. A number that comes out of an op on tensors is a
//! leaf of the scalar lane, pushed before its entry takes that mark.
//!
//! **Invariant.** Parents come before children. Constants are not nodes: they travel in variables' handles.
//! Clearing takes `&mut self`, so no variable survives it.

pub(crate) mod custom;
mod einsum;
mod elementwise;
pub(crate) mod entry;
mod format;
mod inside;
mod linear_algebra;
mod losses;
pub(crate) mod methods;
mod names;
mod operators;
mod order;
pub(crate) mod record;
pub(crate) mod recording;
mod reductions;
pub(crate) mod replay;
pub(crate) mod scalar;
mod shaping;
mod tensors;
pub(crate) mod tracing;
mod var;
mod windows;

use inside::Hook;
pub use linear_algebra::Triangle;
pub use names::Scope;
pub(crate) use record::same_tape;
pub(crate) use recording::Recording;
pub(crate) use var::NodeRef;
pub use var::{Id, Var};
pub(crate) use var::{NodeId, Recorded};
pub use windows::{Conv, Pooling};

use crate::error::{Named, OrPanic};
use crate::num::Element;
pub(crate) use crate::tensor::Value;
use crate::tensor::pool::Pool;
use crate::tensor::{IntoShape, Tensor};
pub(crate) use entry::NodeOp;
use entry::{Entry, Parents};
use scalar::ScalarLane;
use std::cell::{Cell, RefCell};
use std::panic::Location;

/// A record of operations on scalars and tensors.
///
/// # Examples
/// ```
/// use retrograd::Tape;
/// let tape = Tape::new();
/// let x = tape.var(2.0);
/// let y = (x * x + 1.0).ln();
/// let grads = y.backward();
/// assert_eq!(grads.item(x), 0.8);
/// ```
pub struct Tape<T> {
    scalars: ScalarLane<T>,
    entries: RefCell<Vec<Entry<T>>>,
    pool: Pool<T>,
    guards: RefCell<Vec<Guard<T>>>,
    hooks: RefCell<Vec<Hook<T>>>,
    /// Hooks that hooks have added; the next sweep takes them up.
    added_hooks: RefCell<Vec<Hook<T>>>,
    names: RefCell<names::Names>,
    tracing: tracing::Tracing,
    strict: Cell<bool>,
    /// Which of the recordings of all tapes this is.
    recorded: Recorded,
    replay: replay::Replay<T>,
    /// Adjoints of the scalar lane from an earlier sweep, kept for their memory.
    spare_adjoints: Cell<Vec<T>>,
    /// The same of the tensor lane.
    spare_slots: Cell<Vec<Option<Value<T>>>>,
}

/// A comparison that ordinary control flow made on variables.
///
/// # Examples
/// ```
/// use retrograd::Tape;
/// use std::cmp::Ordering;
/// let tape = Tape::new();
/// let x = tape.var(-2.0);
/// let magnitude = if x < 0.0 { -x } else { x };
/// assert_eq!(magnitude.item(), 2.0);
/// let guard = tape.guards()[0];
/// assert_eq!((guard.values(), guard.outcome), ((-2.0, 0.0), Some(Ordering::Less)));
/// assert_eq!(guard.ids().0, x.id());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Guard<T> {
    pub(crate) left: (NodeId, T),
    pub(crate) right: (NodeId, T),
    pub(crate) of: Recorded,
    /// What the comparison answered.
    pub outcome: Option<std::cmp::Ordering>,
}

impl<T: Copy> Guard<T> {
    /// The two values that were compared.
    pub fn values(&self) -> (T, T) {
        (self.left.1, self.right.1)
    }
    /// The two nodes that were compared; a literal is that of a constant.
    pub fn ids(&self) -> (Id, Id) {
        let id = |node: NodeId| {
            let of = if node.lane() == NodeRef::Constant { Recorded::default() } else { self.of };
            Id { of, node }
        };
        (id(self.left.0), id(self.right.0))
    }
}

impl<T: Element> std::fmt::Debug for Tape<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tape({} nodes, {} bytes)", self.len(), self.bytes())
    }
}

impl Tape<f64> {
    /// An empty tape of f64. For another precision: [`Tape::of`].
    pub fn new() -> Self {
        Self::of()
    }
}

impl Default for Tape<f64> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Element> Tape<T> {
    /// An empty tape of `T`: `Tape::<f32>::of()`.
    #[inline(never)]
    pub fn of() -> Self {
        Self {
            scalars: ScalarLane::new(cfg!(debug_assertions)),
            entries: RefCell::default(),
            pool: Pool::new(),
            guards: RefCell::default(),
            hooks: RefCell::default(),
            added_hooks: RefCell::default(),
            names: RefCell::default(),
            tracing: tracing::Tracing::default(),
            strict: Cell::new(false),
            recorded: Recorded::on_a_new_tape(),
            replay: replay::Replay::default(),
            spare_adjoints: Cell::default(),
            spare_slots: Cell::default(),
        }
    }

    /// Whether to remember the source line of every scalar op, which [`Tape::check_finite`] reports; ops on tensors always
    /// remember. On in debug builds, off in release builds, where it would cost 8 bytes an op. Clears the tape.
    #[inline(never)]
    pub fn keep_source_lines(&mut self, keep: bool) {
        self.clear();
        self.scalars.keep_sites(keep);
    }

    /// Makes room for so many more recorded numbers and for their adjoints, and has the memory's pages there: so the first
    /// recording is as fast as the later ones, which find the memory of those before. Ops on numbers alone need it, and only
    /// where the first time counts.
    ///
    /// # Panics
    /// More than 2^27 numbers would be on the tape.
    ///
    /// # Examples
    /// ```
    /// use retrograd::Tape;
    /// let mut tape = Tape::new();
    /// tape.reserve(100_000);
    /// let x = tape.vars(&vec![0.5; 50_000]);
    /// let sum = x[1..].iter().fold(x[0], |sum, &x| sum + x);
    /// assert_eq!(sum.backward().item(x[7]), 1.0);
    /// ```
    #[inline(never)]
    pub fn reserve(&mut self, numbers: usize) {
        self.scalars.prepare(numbers);
        let wanted = self.scalars.len() as usize + numbers;
        let adjoints = self.spare_adjoints.get_mut();
        if adjoints.capacity() < wanted {
            *adjoints = scalar::prepared(wanted);
        }
    }

    /// A variable: a number or tensor to differentiate by.
    #[track_caller]
    pub fn var(&self, value: impl Input<T>) -> Var<'_, T> {
        self.leaf(value.into_value(), true)
    }

    /// One variable for each number.
    #[inline(never)]
    #[track_caller]
    pub fn vars(&self, values: &[T]) -> Vec<Var<'_, T>> {
        let first = self.scalars.push_leaves(values);
        values.iter().zip(first..).map(|(&x, id)| Var::scalar(self, id, x)).collect()
    }

    /// A constant: takes part in ops, and no gradient is computed for it.
    #[track_caller]
    pub fn data(&self, value: impl Input<T>) -> Var<'_, T> {
        self.leaf(value.into_value(), false)
    }

    #[inline]
    #[track_caller]
    pub(crate) fn leaf(&self, value: Value<T>, active: bool) -> Var<'_, T> {
        match value {
            Value::Scalar(x) if active => Var::scalar(self, self.scalars.push_leaf(x), x),
            value => self.leaf_of_tensor_lane(value, active),
        }
    }

    /// A leaf that is no number to differentiate by, or one whose value a replay hands over.
    #[inline(never)]
    #[track_caller]
    pub(crate) fn leaf_of_tensor_lane(&self, mut value: Value<T>, active: bool) -> Var<'_, T> {
        if self.replay.is_on() {
            match self.replayed_leaf(value, active) {
                Ok(var) => return var,
                Err(back) => value = back,
            }
        }
        match value {
            // A program takes data anew in every run, numbers as well.
            Value::Scalar(x) if !active && !self.tracing.is_on() => Var::constant(x).on(self),
            value => self.push(NodeOp::Leaf, Parents::new(), value, active, Location::caller()),
        }
    }

    /// Whether gradients and tangents are plain arithmetic: without the convention that a zero upstream stays zero
    /// ([`ops`](crate::ops)), 0 times an infinity or NaN is NaN. For who hunts a NaN, and wants to see all of them; off unless it is
    /// asked for.
    ///
    /// What is strict is computed by recording: each [`Var::backward`] and [`Tape::jvp`] adds what it computes to the tape, calls
    /// no hooks, and refuses ops whose rule exists as numbers only. A select still gives each side its own gradient, and 0 to the
    /// other; rules that say that nothing passes, as of `relu` below 0, still say so.
    ///
    /// Programs keep the convention: in a closure that is compiled, asking for this is an error.
    ///
    /// # Examples
    /// ```
    /// use retrograd::Tape;
    /// let tape = Tape::new();
    /// let x = tape.var([0.0, 4.0]);
    /// let y = tape.data([0.0, 1.0]).select(x.sqrt(), 1.0).sum(());
    /// assert_eq!(y.backward().wrt(x).to_vec(), [0.0, 0.25]);
    /// tape.strict(true);
    /// assert!(y.backward().wrt(x).to_vec()[0].is_nan());
    /// ```
    #[track_caller]
    pub fn strict(&self, strict: bool) {
        if strict && self.tracing.is_on() {
            self.tracing.note(&format!(
                "strict(true) called at {}; here zero upstream gradients stay zero. Hunt the NaN on a tape that is neither compiled \
                 nor mapped over examples",
                Location::caller()
            ));
        }
        self.strict.set(strict);
    }
    pub(crate) fn is_strict(&self) -> bool {
        self.strict.get()
    }

    /// Which recording this is.
    pub(crate) fn recorded(&self) -> Recorded {
        self.recorded
    }

    /// Forgets everything recorded and keeps the memory for what comes next.
    #[inline(never)]
    pub fn clear(&mut self) {
        self.recorded = self.recorded.next();
        self.scalars.clear();
        self.replay.reset();
        self.guards.get_mut().clear();
        self.hooks.get_mut().clear();
        self.added_hooks.get_mut().clear();
        self.names.get_mut().clear();
        let entries = self.entries.get_mut();
        for entry in entries.iter_mut() {
            if let Value::Tensor(tensor) = std::mem::replace(&mut entry.value, Value::Scalar(T::from_f64(0.0))) {
                self.pool.give(tensor);
            }
            if entry.op.holds_indices()
                && let NodeOp::Tensor(op) = std::mem::replace(&mut entry.op, NodeOp::Leaf)
            {
                op.recycle(&self.pool);
            }
        }
        entries.clear();
        self.pool.end_round();
    }

    /// The number of recorded nodes, of both lanes; constants are not nodes.
    #[inline(never)]
    pub fn len(&self) -> usize {
        let leaves = self.entries.borrow().iter().filter(|entry| entry.scalar.is_some()).count();
        self.scalars.len() as usize + self.entries.borrow().len() - leaves
    }

    /// Whether nothing is recorded.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes held: nodes, values, and buffers that wait for reuse.
    #[inline(never)]
    pub fn bytes(&self) -> usize {
        let values: usize = self.entries.borrow().iter().map(|entry| size_of_val(entry.value.as_slice())).sum();
        self.scalars.bytes() + self.entries.borrow().capacity() * size_of::<Entry<T>>() + values + self.pool.bytes()
    }

    /// The comparisons of variables so far: what ordinary control flow depended on.
    #[inline(never)]
    pub fn guards(&self) -> Vec<Guard<T>> {
        self.guards.borrow().clone()
    }

    /// A tensor in memory of this tape, for data that is made anew for every step (a mask, a batch): the closure writes every
    /// element of what it is handed, which holds anything at first. Given back by [`Tape::clear`] if it went into
    /// [`Tape::data`] and nothing else holds it.
    ///
    /// # Examples
    /// ```
    /// use retrograd::Tape;
    /// let tape = Tape::<f32>::of();
    /// let mask = tape.tensor([2, 2], |elements| elements.copy_from_slice(&[1.0, 0.0, 0.0, 1.0]));
    /// let y = tape.var([[3.0, 4.0], [5.0, 6.0]]) * tape.data(mask);
    /// assert_eq!(y.value().to_vec(), [3.0, 0.0, 0.0, 6.0]);
    /// ```
    ///
    /// # Panics
    /// A shape that [`Shape::new`](crate::Shape::new) refuses, or for which the system has no memory.
    #[track_caller]
    pub fn tensor(&self, shape: impl IntoShape, write: impl FnOnce(&mut [T])) -> Tensor<T> {
        self.pool.fill("tensor", shape.into_shape().named("tensor").or_panic(), write)
    }

    /// Takes the buffer of a tensor, such as a gradient that was taken out, for later results.
    #[inline(never)]
    pub fn recycle_tensor(&self, tensor: Tensor<T>) {
        self.pool.give(tensor);
    }

    /// Appends an entry and returns its variable.
    #[inline(never)]
    pub(crate) fn push(
        &self,
        op: NodeOp<T>,
        parents: Parents<T>,
        value: Value<T>,
        active: bool,
        site: &'static Location<'static>,
    ) -> Var<'_, T> {
        debug_assert!(!self.replay.is_on(), "{} asks for what was recorded first", op.name());
        let scalar = match &value {
            // A program runs again what is no variable's business, too: a count of ones, a largest class.
            Value::Scalar(x) if active || self.tracing.is_on() => Some((self.scalars.push_leaf(*x), *x)),
            Value::Scalar(x) => return Var::constant(*x).on(self),
            Value::Tensor(_) => None,
        };
        let mut entries = self.entries.borrow_mut();
        let id = NodeId::tensor(entries.len());
        let mark = self.scalars.len();
        entries.push(Entry {
            op,
            parents,
            value,
            mark,
            scalar: scalar.map(|(id, _)| id),
            active,
            retained: false,
            site,
        });
        match scalar {
            Some((id, x)) => Var::scalar(self, id, x),
            None => Var::tensor(self, id),
        }
    }
}

/// What [`Tape::var`] and [`Tape::data`] take: a number, a tensor, or nested arrays of numbers.
///
/// # Examples
/// ```
/// use retrograd::{Element, Input, Tape, Tensor};
/// // Functions of your own can take whatever a tape takes.
/// fn length<T: Element>(x: impl Input<T>) -> T {
///     Tape::of().data(x).norm2(()).item()
/// }
/// assert_eq!(length([3.0, 4.0]), 5.0);
/// assert_eq!(length(&Tensor::from([[3.0], [4.0]])), 5.0);
/// assert_eq!(length(-5.0), 5.0);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand on a tape of `{T}`",
    label = "expected a number, an array, a `Vec` or a `Tensor` of `{T}`",
    note = "integers are no points of differentiation: write `1.0`; `Tape::new()` is of f64, `Tape::<f32>::of()` of f32"
)]
pub trait Input<T> {
    /// The value.
    fn into_value(self) -> Value<T>;
}
impl<T: Element> Input<T> for T {
    fn into_value(self) -> Value<T> {
        Value::Scalar(self)
    }
}
impl<T: Element> Input<T> for Tensor<T> {
    fn into_value(self) -> Value<T> {
        self.into()
    }
}
impl<T: Element> Input<T> for &Tensor<T> {
    fn into_value(self) -> Value<T> {
        self.clone().into()
    }
}

/// What a method of a variable takes beside it: another variable, or what a tape takes ([`Input`]), which is data on the variable's.
///
/// # Examples
/// ```
/// use retrograd::{Tape, Tensor};
/// let tape = Tape::new();
/// let x = tape.var([[1.0, 2.0]]);
/// let weights = Tensor::from([[3.0], [4.0]]);
/// assert_eq!(x.matmul(&weights).maximum(5.0).mean_squared_error([[10.0]]).item(), 1.0);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand beside a variable of `{T}`",
    label = "expected a variable, a number, an array, a `Vec` or a `Tensor` of `{T}`",
    note = "integers are no numbers of a tape: write `2.0`; a literal is of the tape's precision"
)]
pub trait IntoVar<'t, T: Element> {
    /// The variable.
    ///
    /// # Errors
    /// A tensor beside a constant, which is on no tape.
    fn into_var(self, beside: Var<'t, T>) -> crate::Result<Var<'t, T>>;
}
impl<'t, T: Element> IntoVar<'t, T> for Var<'t, T> {
    #[inline(always)]
    fn into_var(self, _: Var<'t, T>) -> crate::Result<Var<'t, T>> {
        Ok(self)
    }
}
// Not for all of `Input`: a crate of somebody's could have variables of a type of its own among them.
macro_rules! into_var {
    ($([$($generic:tt)*] $t:ty),* $(,)?) => {$(
        impl<'t, T: Element, $($generic)*> IntoVar<'t, T> for $t {
            #[inline(always)]
            #[track_caller]
            fn into_var(self, beside: Var<'t, T>) -> crate::Result<Var<'t, T>> {
                match self.into_value() {
                    Value::Scalar(x) => Ok(Var::constant(x)),
                    Value::Tensor(tensor) => operators::beside(beside, tensor),
                }
            }
        }
    )*};
}
into_var!([] T, [] Tensor<T>, [] &Tensor<T>);

macro_rules! input_through_tensor {
    ($([$($generic:tt)*] $t:ty),* $(,)?) => {$(
        impl<T: Element, $($generic)*> Input<T> for $t {
            fn into_value(self) -> Value<T> {
                Tensor::from(self).into()
            }
        }
        into_var!([$($generic)*] $t);
    )*};
}
input_through_tensor!([] Vec<T>, [] &[T], [] &Vec<T>, [const N: usize] [T; N], [const N: usize] &[T; N],
    [const M: usize, const N: usize] [[T; N]; M], [const N: usize] &[[T; N]], [const N: usize] Vec<[T; N]>, [const L: usize, const M: usize, const N: usize] [[[T; N]; M]; L],
    [const K: usize, const L: usize, const M: usize, const N: usize] [[[[T; N]; M]; L]; K]);
