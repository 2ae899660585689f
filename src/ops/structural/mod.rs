//! Ops on whole tensors: layout, products, reductions, rows, losses.
//!
//! Each op is a struct with its parameters that implements [`TensorRule`]; [`TensorOp`] lists them, one line each. Rules are
//! written over [`Algebra`], so they compute, record and carry tangents alike. An op over chosen axes is written for the last
//! axis; the methods on variables bring the axes there.
//!
//! What an op computes is in two parts: `shape` checks, `write` fills memory that is the caller's. A value on a tape is the
//! one after the other, in memory of the pool; a compiled program checks once, and writes wherever its results lie.

mod along;
mod batching;
mod cholesky;
mod chosen;
mod conv;
mod determinant;
mod eigh;
mod expm;
mod layout;
mod linear;
mod loss;
pub(super) mod matrices;
mod qr;
mod quotient;
mod reduction;
mod slogdet;
mod svd;
#[cfg(test)]
mod tests;

pub(crate) use along::{Positions, PutAlong, TakeAlong};
pub(crate) use batching::{Argument, Stack, batched_as_it_is};
pub(crate) use cholesky::{Cholesky, SolveTriangular};
pub(crate) use chosen::Chosen;
pub(crate) use conv::{Conv, Slot};
pub(crate) use determinant::{Det, DetSlope};
pub(crate) use eigh::Eigh;
pub(crate) use expm::Expm;
pub(crate) use layout::{BroadcastTo, Concat, Embed, Permute, Reshape, ScatterAdd, Slice, Take};
pub(crate) use linear::{Inv, MatMul, Solve, StackOfProducts};
pub(crate) use loss::{CrossEntropy, CrossEntropySlope, SquaredError};
pub(crate) use matrices::{Right, SHARED};
pub(crate) use qr::Qr;
pub(crate) use quotient::GapQuotient;
pub(crate) use reduction::{Map, Reduce, Sum};
pub(crate) use slogdet::SlogDet;
pub(crate) use svd::Svd;

use super::algebra::Algebra;
use crate::error::{Error, Result};
use crate::num::Element;
use crate::num::elementwise::{Arguments, Formula, Math, RustFunction};
use crate::tensor::pool::{Indices, Pool};
use crate::tensor::{Operand, Shape, Tensor, Value};
use loss::check_labels;
use smallvec::SmallVec;

/// What a rule contributes to a parent: a value, or a matrix product that is still to be carried out.
///
/// A product stays pending so that the sweep can accumulate it where the gradient already is.
pub(crate) enum Contribution<V> {
    Value(V),
    Product { x: V, y: V, product: MatMul },
}

impl<V> From<V> for Contribution<V> {
    fn from(value: V) -> Self {
        Contribution::Value(value)
    }
}

/// A node as its rule sees it.
pub(crate) struct Node<'a, V> {
    pub inputs: &'a [V],
    pub output: &'a V,
}
impl<V> Clone for Node<'_, V> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<V> Copy for Node<'_, V> {}

/// Something with a shape.
pub(crate) trait Dims {
    fn dims(&self) -> &[usize];
}
impl Dims for Shape {
    fn dims(&self) -> &[usize] {
        self
    }
}
impl Dims for &[usize] {
    fn dims(&self) -> &[usize] {
        self
    }
}
impl<T: Element> Dims for Operand<'_, T> {
    fn dims(&self) -> &[usize] {
        self.dims()
    }
}

/// What an op reads: a shape and its elements, wherever they lie.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a, T> {
    pub dims: &'a [usize],
    pub data: &'a [T],
}

impl<T> Source<'_, T> {
    /// The length of the last axis.
    fn last(&self) -> usize {
        self.dims[self.dims.len() - 1]
    }
}
impl<'a, T: Element> From<&'a Operand<'_, T>> for Source<'a, T> {
    fn from(operand: &'a Operand<'_, T>) -> Self {
        Self { dims: operand.dims(), data: operand.data() }
    }
}
impl<'a, T: Element> From<&'a Tensor<T>> for Source<'a, T> {
    fn from(tensor: &'a Tensor<T>) -> Self {
        Self { dims: tensor.shape(), data: tensor.as_slice() }
    }
}

/// How an op is called in generated Rust.
pub(crate) struct RustCall {
    pub function: &'static RustFunction,
    /// What follows the inputs' elements.
    pub arguments: Vec<String>,
    /// Whether the inputs stand in one list.
    pub in_list: bool,
    /// Whether a number comes of it, where the others give a vector.
    pub gives_number: bool,
}

impl RustCall {
    fn of(function: &'static RustFunction, arguments: Vec<String>) -> Self {
        Self { function, arguments, in_list: false, gives_number: false }
    }
}

/// An op on whole tensors.
pub(crate) trait TensorRule: Sized {
    const NAME: &'static str;
    /// Whether no gradient goes through.
    const FLAT: bool = false;
    /// Whether there are numbers that [`TensorRule::write`] refuses, such as a singular matrix. A step of a program that may end
    /// so leaves what it carries as it was.
    const CAN_FAIL: bool = false;
    /// Whether the derivative is finite wherever its parts are, so that nothing times it is nothing.
    const BOUNDED: bool = true;
    /// Which of the first two inputs are gradients on their way, as only rules have them: their zeros stay zeros, whatever they meet.
    fn gates(&self) -> [bool; 2] {
        [false; 2]
    }
    /// The op as plain arithmetic.
    fn without_gates(self) -> Self {
        self
    }
    /// The op that gives NaN for each matrix that this one refuses, and refuses none, where all that a rule makes of such a matrix is NaN
    /// then: tangents of others are not to be refused with it.
    fn unrefused(&self) -> Option<Self> {
        None
    }
    /// Whether the output is a length, whose derivative is a choice where it is 0 and whose second derivative is not.
    fn bends(&self) -> bool {
        false
    }
    /// The functions of generated Rust source that belong to the op.
    const RUST: &'static [RustFunction] = &[];
    /// What the function takes after the inputs' elements, for inputs of these shapes.
    fn rust_arguments(&self, _inputs: &[Shape]) -> Vec<String> {
        Vec::new()
    }
    /// How it is called in generated Rust: by the first of its functions, unless it says otherwise.
    fn rust(&self, inputs: &[Shape]) -> Option<RustCall> {
        Self::RUST.first().map(|function| RustCall::of(function, self.rust_arguments(inputs)))
    }
    /// How it is written as a formula, for inputs of these shapes: by its name, unless it says otherwise.
    fn formula(&self, args: &dyn Arguments, _inputs: &[Shape]) -> Formula {
        args.function(Math::function(self.name()))
    }
    /// Tells at which elements the op is on another smooth piece than the usual one, and on which: so that gradient checks
    /// notice a kink between two points.
    fn pieces<T: Element>(&self, _x: &[T], _out: &[T], _tell: &mut dyn FnMut(usize, i64)) {}
    /// The name under which users know it, where one op is several of theirs.
    fn name(&self) -> &'static str {
        Self::NAME
    }
    /// Checks the shapes and parameters, and gives the output's shape, that of a number without axes.
    fn shape<D: Dims>(&self, inputs: &[D]) -> Result<Shape>;
    /// Computes, from inputs that `shape` found to fit, into as many elements as the output has, whatever they hold.
    ///
    /// An error says that these numbers have no such value: an inverse of a singular matrix.
    fn write<T: Element>(&self, inputs: &[Source<'_, T>], out: &mut [T]) -> Result<()>;
    /// Checks, and computes.
    fn value<T: Element>(&self, pool: &Pool<T>, inputs: &[Operand<'_, T>]) -> Result<Value<T>> {
        computed(self, pool, inputs)
    }
    /// The gradient by input `wrt`, from the upstream gradient `g`.
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, g: &A::V) -> Contribution<A::V>;
    /// The tangent of the output that a tangent of input `wrt` contributes.
    fn jvp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, tangent: &A::V) -> A::V;
    /// The batching rule: the op on stacks, which are the values of several runs along one more axis in front. None for an op that
    /// has no such rule.
    fn batched<T: Element, A: Algebra<T>>(&self, _a: &A, _stack: &Stack<'_, A::V>) -> Option<A::V> {
        None
    }
    /// The textbook formula over simpler ops, for an op that has its own rule for stability or speed.
    fn expansion<T: Element, A: Algebra<T>>(&self, _a: &A, _inputs: &[A::V]) -> Option<A::V> {
        None
    }
}

/// The op's value in memory of its own.
fn computed<T: Element>(op: &impl TensorRule, pool: &Pool<T>, inputs: &[Operand<'_, T>]) -> Result<Value<T>> {
    let shape = op.shape(inputs)?;
    let sources: SmallVec<[Source<'_, T>; 4]> = inputs.iter().map(Source::from).collect();
    if shape.rank() == 0 {
        let mut number = [T::from_f64(0.0)];
        op.write(&sources, &mut number)?;
        return Ok(Value::Scalar(number[0]));
    }
    let mut written = Ok(());
    let tensor = pool.try_fill(op.name(), shape, |out| written = op.write(&sources, out))?;
    written.map(|()| Value::Tensor(tensor))
}

macro_rules! tensor_ops {
    ($($Op:ident),* $(,)?) => {
        /// Any op on whole tensors.
        #[doc(hidden)]
        #[derive(Clone, Debug, PartialEq)]
        #[allow(missing_docs, private_interfaces)]
        pub enum TensorOp {
            $($Op($Op)),*
        }

        impl TensorOp {
            /// How many there are.
            #[cfg(test)]
            const COUNT: usize = [$(stringify!($Op)),*].len();

            pub(crate) fn name(&self) -> &'static str {
                match self { $(TensorOp::$Op(op) => op.name()),* }
            }
            pub(crate) fn is_flat(&self) -> bool {
                match self { $(TensorOp::$Op(_) => $Op::FLAT),* }
            }
            /// The functions of generated source that belong to ops.
            pub(crate) fn rust_functions() -> impl Iterator<Item = &'static RustFunction> {
                [$($Op::RUST),*].into_iter().flatten()
            }
            pub(crate) fn rust(&self, inputs: &[Shape]) -> Option<RustCall> {
                match self { $(TensorOp::$Op(op) => op.rust(inputs)),* }
            }
            pub(crate) fn formula(&self, args: &dyn Arguments, inputs: &[Shape]) -> Formula {
                match self { $(TensorOp::$Op(op) => op.formula(args, inputs)),* }
            }
            pub(crate) fn pieces<T: Element>(&self, x: &[T], out: &[T], tell: &mut dyn FnMut(usize, i64)) {
                match self { $(TensorOp::$Op(op) => op.pieces(x, out, tell)),* }
            }
            pub(crate) fn can_fail(&self) -> bool {
                match self { $(TensorOp::$Op(_) => $Op::CAN_FAIL),* }
            }
            pub(crate) fn gates(&self) -> [bool; 2] {
                match self { $(TensorOp::$Op(op) => op.gates()),* }
            }
            /// The op as plain arithmetic, where 0 times infinity is NaN.
            pub(crate) fn without_gates(self) -> Self {
                match self { $(TensorOp::$Op(op) => TensorOp::$Op(op.without_gates())),* }
            }
            pub(crate) fn unrefused(&self) -> Option<Self> {
                match self { $(TensorOp::$Op(op) => op.unrefused().map(TensorOp::$Op)),* }
            }
            pub(crate) fn bends(&self) -> bool {
                match self { $(TensorOp::$Op(op) => op.bends()),* }
            }
            pub(crate) fn is_bounded(&self) -> bool {
                match self { $(TensorOp::$Op(_) => $Op::BOUNDED),* }
            }
            /// Checks the shapes and parameters, and gives the output's shape.
            pub(crate) fn shape<D: Dims>(&self, inputs: &[D]) -> Result<Shape> {
                match self { $(TensorOp::$Op(op) => op.shape(inputs)),* }
            }
            /// Computes into as many elements as the output has, whatever they hold.
            pub(crate) fn write<T: Element>(&self, inputs: &[Source<'_, T>], out: &mut [T]) -> Result<()> {
                match self { $(TensorOp::$Op(op) => op.write(inputs, out)),* }
            }
            pub(crate) fn value<T: Element>(&self, pool: &Pool<T>, inputs: &[Operand<'_, T>]) -> Result<Value<T>> {
                match self { $(TensorOp::$Op(op) => op.value(pool, inputs)),* }
            }
            pub(crate) fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, g: &A::V) -> Contribution<A::V> {
                match self { $(TensorOp::$Op(op) => op.vjp(a, node, wrt, g)),* }
            }
            pub(crate) fn jvp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, tangent: &A::V) -> A::V {
                match self { $(TensorOp::$Op(op) => op.jvp(a, node, wrt, tangent)),* }
            }
            /// The op on stacks, where it has a batching rule.
            pub(crate) fn batched<T: Element, A: Algebra<T>>(&self, a: &A, stack: &Stack<'_, A::V>) -> Option<A::V> {
                match self { $(TensorOp::$Op(op) => op.batched(a, stack)),* }
            }
            /// The textbook formula over simpler ops, where the op has one.
            pub(crate) fn expansion<T: Element, A: Algebra<T>>(&self, a: &A, inputs: &[A::V]) -> Option<A::V> {
                match self { $(TensorOp::$Op(op) => op.expansion(a, inputs)),* }
            }
        }
    };
}

tensor_ops! {
    Reshape, BroadcastTo, Permute, Slice, Embed, Take, ScatterAdd, Concat,
    Sum, Reduce, Map,
    MatMul, Det, DetSlope, Inv, Solve,
    Cholesky, SolveTriangular, SlogDet, Qr, Eigh, Svd, GapQuotient,
    SquaredError, CrossEntropy, CrossEntropySlope,
    Chosen,
    Positions, TakeAlong, PutAlong,
    Conv, Expm,
}

impl TensorOp {
    /// Gives the op's index buffer back to the pool.
    pub(crate) fn recycle<T: Element>(self, pool: &Pool<T>) {
        match self {
            TensorOp::Take(Take { indices, .. })
            | TensorOp::ScatterAdd(ScatterAdd { indices, .. })
            | TensorOp::CrossEntropy(CrossEntropy { labels: indices })
            | TensorOp::CrossEntropySlope(CrossEntropySlope { labels: indices }) => pool.give_indices(indices),
            _ => {}
        }
    }

    /// The op's index buffer.
    pub(crate) fn indices(&self) -> Option<&Indices> {
        match self {
            TensorOp::Take(op) => Some(&op.indices),
            TensorOp::ScatterAdd(op) => Some(&op.indices),
            TensorOp::CrossEntropy(op) => Some(&op.labels),
            TensorOp::CrossEntropySlope(op) => Some(&op.labels),
            _ => None,
        }
    }

    /// Puts other indices in place of the op's, which [`TensorOp::check_indices`] found to fit.
    ///
    /// # Panics
    /// The op has no indices.
    pub(crate) fn set_indices(&mut self, indices: Indices) {
        match self {
            TensorOp::Take(op) => op.indices = indices,
            TensorOp::ScatterAdd(op) => op.indices = indices,
            TensorOp::CrossEntropy(op) => op.labels = indices,
            TensorOp::CrossEntropySlope(op) => op.labels = indices,
            _ => unreachable!("{} has no indices", self.name()),
        }
    }

    /// Checks whether these indices may stand in place of the op's, for inputs of the shapes that it has: as many, in range.
    ///
    /// # Panics
    /// The op has no indices.
    pub(crate) fn check_indices<D: Dims>(&self, inputs: &[D], indices: &[usize]) -> Result<()> {
        let dims = inputs[0].dims();
        match self {
            TensorOp::Take(op) if op.indices.len() != indices.len() => Err(Error::shape(format!(
                "gather: got {} indices in place of {}; another number of them gives another shape",
                indices.len(),
                op.indices.len()
            ))),
            TensorOp::Take(op) => op.check(dims, indices),
            TensorOp::ScatterAdd(op) => op.check(dims, indices),
            TensorOp::CrossEntropy(_) | TensorOp::CrossEntropySlope(_) => check_labels(dims, indices),
            _ => unreachable!("{} has no indices", self.name()),
        }
    }

    /// Whether this is the other op, but for the indices, of which there are as many.
    pub(crate) fn is_like(&self, other: &TensorOp) -> bool {
        match (self, other) {
            (TensorOp::Take(a), TensorOp::Take(b)) => a.axis == b.axis && a.indices.len() == b.indices.len(),
            (TensorOp::ScatterAdd(a), TensorOp::ScatterAdd(b)) => {
                (a.axis, a.n, a.indices.len()) == (b.axis, b.n, b.indices.len())
            }
            (TensorOp::CrossEntropy(a), TensorOp::CrossEntropy(b)) => a.labels.len() == b.labels.len(),
            (TensorOp::CrossEntropySlope(a), TensorOp::CrossEntropySlope(b)) => a.labels.len() == b.labels.len(),
            (a, b) => a == b,
        }
    }

    /// Whether the op has an index buffer.
    pub(crate) fn holds_indices(&self) -> bool {
        self.indices().is_some()
    }
}

/// A linear op's tangent: the op applied to the tangent.
macro_rules! linear_jvp {
    ($Op:ident) => {
        fn jvp<T: Element, A: Algebra<T>>(&self, a: &A, _node: Node<'_, A::V>, _wrt: usize, tangent: &A::V) -> A::V {
            a.apply(TensorOp::$Op(self.clone()), &[tangent])
        }
    };
}
pub(crate) use linear_jvp;
