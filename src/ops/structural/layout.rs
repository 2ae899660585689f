//! Ops that move elements: shapes, views, indices, concatenation. All are linear, and each is another's transpose.

use super::matrices::VIEW;
use super::{Contribution, Dims, Node, RustCall, Source, Stack, TensorOp, TensorRule, computed, linear_jvp};
use crate::error::{Error, Result};
use crate::num::Element;
use crate::num::elementwise::formula::{self, Between, Fence};
use crate::num::elementwise::{Arguments, Bond, Formula, Math, RustFunction};
use crate::ops::algebra::Algebra;
use crate::tensor::kernels::elementwise::{self, Plan};
use crate::tensor::kernels::layout::{self, View};
use crate::tensor::pool::{Indices, Pool};
use crate::tensor::span::SliceSpec;
use crate::tensor::{Operand, Shape, Value};
use smallvec::SmallVec;
use std::sync::Arc;

/// The same elements in another shape.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reshape {
    pub shape: Shape,
}
impl TensorRule for Reshape {
    const NAME: &'static str = "reshape";
    fn shape<D: Dims>(&self, inputs: &[D]) -> Result<Shape> {
        self.shape.check_reshape(inputs[0].dims())?;
        Ok(self.shape.clone())
    }
    fn write<T: Element>(&self, inputs: &[Source<'_, T>], out: &mut [T]) -> Result<()> {
        out.copy_from_slice(inputs[0].data);
        Ok(())
    }
    /// Shares a tensor's elements.
    fn value<T: Element>(&self, pool: &Pool<T>, inputs: &[Operand<'_, T>]) -> Result<Value<T>> {
        match inputs[0] {
            Operand::Tensor(x) => x.in_shape(&self.shape).map(Value::from),
            Operand::Scalar(_) => computed(self, pool, inputs),
        }
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, _wrt: usize, g: &A::V) -> Contribution<A::V> {
        a.reshape(g, &a.shape(&node.inputs[0])).into()
    }
    linear_jvp!(Reshape);
    fn batched<T: Element, A: Algebra<T>>(&self, a: &A, stack: &Stack<'_, A::V>) -> Option<A::V> {
        Some(a.reshape(&stack.in_front(a, 0), &stack.shape(&self.shape)))
    }
    /// Stretching and reshaping go without saying.
    fn formula(&self, args: &dyn Arguments, _inputs: &[Shape]) -> Formula {
        args.plain(0)
    }
}

/// Stretches axes of length 1, and adds leading ones.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BroadcastTo {
    pub shape: Shape,
}
impl TensorRule for BroadcastTo {
    const NAME: &'static str = "broadcast_to";
    fn shape<D: Dims>(&self, inputs: &[D]) -> Result<Shape> {
        let from = Shape::from(inputs[0].dims());
        if !from.broadcasts_to(&self.shape) {
            return Err(Error::shape(format!("broadcast_to: shape {from} does not stretch to {}", self.shape)));
        }
        Ok(self.shape.clone())
    }
    fn write<T: Element>(&self, inputs: &[Source<'_, T>], out: &mut [T]) -> Result<()> {
        match repeated(inputs[0].dims, &self.shape) {
            Some([times, inner]) if !out.is_empty() => elementwise::repeat(inputs[0].data, times, inner, out),
            _ => elementwise::copy(&Plan::new(&self.shape, inputs[0].dims, &[]), inputs[0].data, out),
        }
        Ok(())
    }
    fn vjp<T: Element, A: Algebra<T>>(
        &self,
        _a: &A,
        _node: Node<'_, A::V>,
        _wrt: usize,
        g: &A::V,
    ) -> Contribution<A::V> {
        // The sweep sums over stretched axes, here as for every broadcast.
        g.clone().into()
    }
    linear_jvp!(BroadcastTo);
    fn batched<T: Element, A: Algebra<T>>(&self, a: &A, stack: &Stack<'_, A::V>) -> Option<A::V> {
        Some(a.broadcast_to(&stack.aligned(a, 0, self.shape.rank()), &stack.shape(&self.shape)))
    }
    /// Stretching and reshaping go without saying.
    fn formula(&self, args: &dyn Arguments, _inputs: &[Shape]) -> Formula {
        args.plain(0)
    }
}

/// How often blocks of how many elements are repeated, where stretching to a shape is that: axes between others are stretched.
fn repeated(from: &[usize], to: &[usize]) -> Option<[usize; 2]> {
    if from.len() != to.len() {
        return None;
    }
    let is_stretched = |axis: usize| from[axis] != to[axis];
    let first = (0..to.len()).find(|&axis| is_stretched(axis))?;
    let end = (first..to.len()).find(|&axis| !is_stretched(axis))?;
    let once = (end..to.len()).all(|axis| !is_stretched(axis));
    let inner: usize = to[end..].iter().product();
    (once && first > 0 && inner > 1).then(|| [to[first..end].iter().product(), inner])
}

/// Axes in another order: axis i of the output is axis `axes[i]` of the input.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Permute {
    pub axes: SmallVec<[u8; 8]>,
}
impl TensorRule for Permute {
    const NAME: &'static str = "permute";
    const RUST: &'static [RustFunction] =
        &[RustFunction { name: "transpose", calls: &[], text: include_str!("printed/transpose.rs") }];
    fn shape<D: Dims>(&self, inputs: &[D]) -> Result<Shape> {
        let dims = inputs[0].dims();
        let mut seen: SmallVec<[u8; 8]> = self.axes.clone();
        seen.sort_unstable();
        if !seen.iter().map(|&axis| axis as usize).eq(0..dims.len()) {
            return Err(Error::argument(format!(
                "permute: {:?} is not an order of the {} axes of shape {dims:?}",
                self.axes,
                dims.len()
            )));
        }
        Ok(self.permuted(dims))
    }
    fn write<T: Element>(&self, inputs: &[Source<'_, T>], out: &mut [T]) -> Result<()> {
        let Source { dims, data } = inputs[0];
        if self.axes[..] == [1, 0] {
            layout::transpose(data, dims[0], dims[1], out);
            return Ok(());
        }
        let strides = Shape::from(dims).strides();
        let view = View { start: 0, strides: self.axes.iter().map(|&axis| strides[axis as usize] as isize).collect() };
        layout::read_view(data, &view, &self.permuted(dims), out);
        Ok(())
    }
    fn vjp<T: Element, A: Algebra<T>>(
        &self,
        a: &A,
        _node: Node<'_, A::V>,
        _wrt: usize,
        g: &A::V,
    ) -> Contribution<A::V> {
        let mut inverse: SmallVec<[u8; 8]> = SmallVec::from_elem(0, self.axes.len());
        for (i, &axis) in self.axes.iter().enumerate() {
            inverse[axis as usize] = i as u8;
        }
        a.apply(TensorOp::Permute(Permute { axes: inverse }), &[g]).into()
    }
    linear_jvp!(Permute);
    fn batched<T: Element, A: Algebra<T>>(&self, a: &A, stack: &Stack<'_, A::V>) -> Option<A::V> {
        let axes = std::iter::once(0).chain(self.axes.iter().map(|axis| axis + 1)).collect();
        Some(stack.apply(a, TensorOp::Permute(Permute { axes })))
    }
    fn rust(&self, inputs: &[Shape]) -> Option<RustCall> {
        let shape = &inputs[0];
        if self.axes[..] == [1, 0] {
            let sizes = vec![shape[0].to_string(), shape[1].to_string()];
            return Some(RustCall::of(&Self::RUST[0], sizes));
        }
        let strides: Vec<usize> = self.axes.iter().map(|&axis| shape.strides()[axis as usize]).collect();
        let to = format!("&{:?}", self.permuted(shape).dims());
        Some(RustCall::of(&VIEW, vec!["0".to_owned(), to, format!("&{strides:?}")]))
    }
    fn formula(&self, args: &dyn Arguments, _inputs: &[Shape]) -> Formula {
        match self.axes[..] {
            [1, 0] => (args.raised(0, formula::TRANSPOSE), Bond::Whole),
            _ => args.function(Math::function(Self::NAME)),
        }
    }
}

impl Permute {
    fn permuted(&self, dims: &[usize]) -> Shape {
        self.axes.iter().map(|&axis| dims[axis as usize]).collect()
    }
}

/// The elements of a view.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Slice {
    pub spec: Arc<SliceSpec>,
}
impl TensorRule for Slice {
    const NAME: &'static str = "slice";
    fn shape<D: Dims>(&self, _inputs: &[D]) -> Result<Shape> {
        Ok(self.spec.to.clone())
    }
    fn write<T: Element>(&self, inputs: &[Source<'_, T>], out: &mut [T]) -> Result<()> {
        layout::read_view(inputs[0].data, &self.spec.view, &self.spec.to, out);
        Ok(())
    }
    fn vjp<T: Element, A: Algebra<T>>(
        &self,
        a: &A,
        _node: Node<'_, A::V>,
        _wrt: usize,
        g: &A::V,
    ) -> Contribution<A::V> {
        a.apply(TensorOp::Embed(Embed { spec: self.spec.clone() }), &[g]).into()
    }
    linear_jvp!(Slice);
    fn batched<T: Element, A: Algebra<T>>(&self, a: &A, stack: &Stack<'_, A::V>) -> Option<A::V> {
        Some(stack.apply(a, TensorOp::Slice(Slice { spec: view_of_stack(&self.spec, stack) })))
    }
    fn rust(&self, _inputs: &[Shape]) -> Option<RustCall> {
        Some(RustCall::of(&VIEW, printed_view(&self.spec).into()))
    }
    fn formula(&self, args: &dyn Arguments, _inputs: &[Shape]) -> Formula {
        match ranges(&self.spec) {
            Some(ranges) => (args.at(0, Bond::Whole).of(ranges.within(Fence::Square)), Bond::Whole),
            None => args.function(Math::function("windows")),
        }
    }
    /// Where it starts may have been computed from values.
    fn pieces<T: Element>(&self, _x: &[T], _out: &[T], tell: &mut dyn FnMut(usize, i64)) {
        tell(0, self.spec.view.start as i64);
    }
}

/// A view as ranges: 0:2 for a part of an axis, 4:0:-1 for steps, a colon for all of it. None for views of other axes, as windows and
/// diagonals are.
fn ranges(spec: &SliceSpec) -> Option<Math> {
    if spec.to.rank() != spec.from.rank() {
        return None;
    }
    let whole = |n: usize| Math::integer(n as i64);
    let mut left = spec.view.start;
    let range = |axis: usize| {
        let (n, stride, count) = (spec.from[axis], spec.from.strides()[axis].max(1), spec.to[axis]);
        let first = left / stride;
        left %= stride;
        let step = spec.view.strides[axis] / stride as isize;
        match (first, count, step) {
            (0, _, 1) if count == n => Math::Sign(Between::Colon),
            (_, 0 | 1, _) | (_, _, 1) => Math::list([first, first + count].map(whole), Between::Colon),
            _ => {
                let last = first as isize + (count as isize - 1) * step;
                let parts = [first as isize, last, step].map(|n| Math::integer(n as i64));
                Math::list(parts, Between::Colon)
            }
        }
    };
    Some(Math::list((0..spec.from.rank()).map(range), Between::Comma))
}

/// A view as generated source writes it: where it starts, its shape, its strides.
fn printed_view(spec: &SliceSpec) -> [String; 3] {
    [spec.view.start.to_string(), format!("&{:?}", &spec.to[..]), format!("&{:?}", &spec.view.strides[..])]
}

/// The same view into each run of a stack.
fn view_of_stack<V>(spec: &SliceSpec, stack: &Stack<'_, V>) -> Arc<SliceSpec> {
    let strides = std::iter::once(spec.from.numel() as isize).chain(spec.view.strides.iter().copied()).collect();
    let view = View { start: spec.view.start, strides };
    Arc::new(SliceSpec { from: stack.shape(&spec.from), to: stack.shape(&spec.to), view })
}

/// Zeros, with the input added at the elements of a view: the transpose of a slice, and padding.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Embed {
    pub spec: Arc<SliceSpec>,
}
impl TensorRule for Embed {
    const NAME: &'static str = "pad";
    const RUST: &'static [RustFunction] =
        &[RustFunction { name: "embed", calls: &["places"], text: include_str!("printed/embed.rs") }];
    fn shape<D: Dims>(&self, _inputs: &[D]) -> Result<Shape> {
        Ok(self.spec.from.clone())
    }
    fn write<T: Element>(&self, inputs: &[Source<'_, T>], out: &mut [T]) -> Result<()> {
        out.fill(T::from_f64(0.0));
        layout::add_to_view(inputs[0].data, &self.spec.view, &self.spec.to, out);
        Ok(())
    }
    fn vjp<T: Element, A: Algebra<T>>(
        &self,
        a: &A,
        _node: Node<'_, A::V>,
        _wrt: usize,
        g: &A::V,
    ) -> Contribution<A::V> {
        a.apply(TensorOp::Slice(Slice { spec: self.spec.clone() }), &[g]).into()
    }
    linear_jvp!(Embed);
    fn batched<T: Element, A: Algebra<T>>(&self, a: &A, stack: &Stack<'_, A::V>) -> Option<A::V> {
        Some(stack.apply(a, TensorOp::Embed(Embed { spec: view_of_stack(&self.spec, stack) })))
    }
    fn rust_arguments(&self, _inputs: &[Shape]) -> Vec<String> {
        std::iter::once(self.spec.from.numel().to_string()).chain(printed_view(&self.spec)).collect()
    }
    fn formula(&self, args: &dyn Arguments, _inputs: &[Shape]) -> Formula {
        let name = Math::function(Self::NAME);
        args.function(name.below(ranges(&self.spec).unwrap_or_else(|| Math::function("windows"))))
    }
    /// As of a slice.
    fn pieces<T: Element>(&self, _x: &[T], _out: &[T], tell: &mut dyn FnMut(usize, i64)) {
        tell(0, self.spec.view.start as i64);
    }
}

/// The entries of an axis with these numbers, in this order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Take {
    pub axis: usize,
    pub indices: Indices,
}
impl TensorRule for Take {
    const NAME: &'static str = "gather";
    const RUST: &'static [RustFunction] =
        &[RustFunction { name: "take", calls: &[], text: include_str!("printed/take.rs") }];
    fn shape<D: Dims>(&self, inputs: &[D]) -> Result<Shape> {
        let dims = inputs[0].dims();
        self.check(dims, &self.indices)?;
        with_length("gather", dims, self.axis, self.indices.len())
    }
    fn write<T: Element>(&self, inputs: &[Source<'_, T>], out: &mut [T]) -> Result<()> {
        let Source { dims, data } = inputs[0];
        let inner = dims[self.axis + 1..].iter().product();
        layout::take(data, dims[self.axis], inner, &self.indices, out);
        Ok(())
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, _wrt: usize, g: &A::V) -> Contribution<A::V> {
        let n = a.shape(&node.inputs[0])[self.axis];
        let scatter = ScatterAdd { axis: self.axis, n, indices: self.indices.clone() };
        a.apply(TensorOp::ScatterAdd(scatter), &[g]).into()
    }
    linear_jvp!(Take);
    fn batched<T: Element, A: Algebra<T>>(&self, a: &A, stack: &Stack<'_, A::V>) -> Option<A::V> {
        Some(stack.apply(a, TensorOp::Take(Take { axis: self.axis + 1, indices: self.indices.clone() })))
    }
    fn rust_arguments(&self, inputs: &[Shape]) -> Vec<String> {
        let inner: usize = inputs[0][self.axis + 1..].iter().product();
        vec![inputs[0][self.axis].to_string(), inner.to_string(), format!("&{:?}", self.indices)]
    }
}

impl Take {
    /// Checks indices for an input of this shape.
    pub(super) fn check(&self, dims: &[usize], indices: &[usize]) -> Result<()> {
        let n = dims[self.axis];
        match indices.iter().enumerate().find(|&(_, &index)| index >= n) {
            Some((position, index)) => Err(Error::argument(format!(
                "gather: index {index} at position {position} is out of range for axis {} of shape {dims:?}",
                self.axis
            ))),
            None => Ok(()),
        }
    }
}

/// Zeros, with the entries of an axis added at these numbers: the transpose of gather.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ScatterAdd {
    pub axis: usize,
    /// The length of the axis in the output.
    pub n: usize,
    pub indices: Indices,
}
impl TensorRule for ScatterAdd {
    const NAME: &'static str = "scatter_add";
    const RUST: &'static [RustFunction] =
        &[RustFunction { name: "scatter_add", calls: &[], text: include_str!("printed/scatter_add.rs") }];
    fn shape<D: Dims>(&self, inputs: &[D]) -> Result<Shape> {
        let dims = inputs[0].dims();
        self.check(dims, &self.indices)?;
        with_length("scatter_add", dims, self.axis, self.n)
    }
    fn write<T: Element>(&self, inputs: &[Source<'_, T>], out: &mut [T]) -> Result<()> {
        let Source { dims, data } = inputs[0];
        let inner = dims[self.axis + 1..].iter().product();
        out.fill(T::from_f64(0.0));
        layout::scatter_add(data, self.n, inner, &self.indices, out);
        Ok(())
    }
    fn vjp<T: Element, A: Algebra<T>>(
        &self,
        a: &A,
        _node: Node<'_, A::V>,
        _wrt: usize,
        g: &A::V,
    ) -> Contribution<A::V> {
        a.apply(TensorOp::Take(Take { axis: self.axis, indices: self.indices.clone() }), &[g]).into()
    }
    linear_jvp!(ScatterAdd);
    fn batched<T: Element, A: Algebra<T>>(&self, a: &A, stack: &Stack<'_, A::V>) -> Option<A::V> {
        let scatter = ScatterAdd { axis: self.axis + 1, n: self.n, indices: self.indices.clone() };
        Some(stack.apply(a, TensorOp::ScatterAdd(scatter)))
    }
    fn rust_arguments(&self, inputs: &[Shape]) -> Vec<String> {
        let inner: usize = inputs[0][self.axis + 1..].iter().product();
        vec![self.n.to_string(), inner.to_string(), format!("&{:?}", self.indices)]
    }
}

impl ScatterAdd {
    /// Checks indices for an input of this shape.
    pub(super) fn check(&self, dims: &[usize], indices: &[usize]) -> Result<()> {
        if dims[self.axis] != indices.len() {
            let (length, count) = (dims[self.axis], indices.len());
            return Err(Error::shape(format!(
                "scatter_add: axis {} of shape {dims:?} has {length} entries, got {count} indices",
                self.axis
            )));
        }
        match indices.iter().enumerate().find(|&(_, &index)| index >= self.n) {
            Some((position, index)) => Err(Error::argument(format!(
                "scatter_add: index {index} at position {position} is out of range for length {}",
                self.n
            ))),
            None => Ok(()),
        }
    }
}

/// These lengths with another one along an axis.
fn with_length(op: &str, dims: &[usize], axis: usize, length: usize) -> Result<Shape> {
    let mut lengths: SmallVec<[usize; 4]> = dims.into();
    lengths[axis] = length;
    Shape::of(op, &lengths)
}

/// Tensors one after the other along an axis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Concat {
    pub axis: usize,
}
impl TensorRule for Concat {
    const NAME: &'static str = "concat";
    const RUST: &'static [RustFunction] =
        &[RustFunction { name: "concat", calls: &[], text: include_str!("printed/concat.rs") }];
    fn shape<D: Dims>(&self, inputs: &[D]) -> Result<Shape> {
        let first = inputs[0].dims();
        let mut length = 0;
        for (i, input) in inputs.iter().enumerate() {
            let dims = input.dims();
            let fits =
                dims.len() == first.len() && (0..dims.len()).all(|axis| axis == self.axis || dims[axis] == first[axis]);
            if !fits {
                return Err(Error::shape(format!(
                    "concat: part {i} has shape {dims:?}, part 0 {first:?}: they may differ along axis {} only",
                    self.axis
                )));
            }
            // No wrap: a length that large is refused below.
            length = dims[self.axis].saturating_add(length);
        }
        with_length("concat", first, self.axis, length)
    }
    fn write<T: Element>(&self, inputs: &[Source<'_, T>], out: &mut [T]) -> Result<()> {
        let size = |dims: &[usize]| dims[self.axis..].iter().product();
        layout::concat(inputs.iter().map(|input| (input.data, size(input.dims))), out);
        Ok(())
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, g: &A::V) -> Contribution<A::V> {
        a.apply(TensorOp::Slice(self.part(a, node, wrt)), &[g]).into()
    }
    fn jvp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, tangent: &A::V) -> A::V {
        let Slice { spec } = self.part(a, node, wrt);
        a.apply(TensorOp::Embed(Embed { spec }), &[tangent])
    }
    fn batched<T: Element, A: Algebra<T>>(&self, a: &A, stack: &Stack<'_, A::V>) -> Option<A::V> {
        Some(stack.apply(a, TensorOp::Concat(Concat { axis: self.axis + 1 })))
    }
    fn rust(&self, inputs: &[Shape]) -> Option<RustCall> {
        let blocks: usize = inputs[0][..self.axis].iter().product();
        Some(RustCall { in_list: true, ..RustCall::of(&Self::RUST[0], vec![blocks.to_string()]) })
    }
}

impl Concat {
    /// Where part `wrt` lies in the output.
    fn part<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize) -> Slice {
        let before: usize = node.inputs[..wrt].iter().map(|input| a.shape(input)[self.axis]).sum();
        let (from, to) = (a.shape(node.output), a.shape(&node.inputs[wrt]));
        let strides = from.strides();
        let view = View { start: before * strides[self.axis], strides: strides.iter().map(|&s| s as isize).collect() };
        Slice { spec: Arc::new(SliceSpec { from, to, view }) }
    }
}
