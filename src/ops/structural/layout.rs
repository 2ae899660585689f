//! Ops that move elements: shapes, views, indices, concatenation. All are linear, and each is another's transpose.

use super::{Contribution, Node, TensorOp, TensorRule, linear_jvp};
use crate::algebra::{Algebra, eager};
use crate::error::{Error, Result};
use crate::num::Element;
use crate::tape::Value;
use crate::tape::entry::Operand;
use crate::tensor::Shape;
use crate::tensor::kernels::layout::{self, View};
use crate::tensor::pool::{Indices, Pool};
use smallvec::SmallVec;
use std::sync::Arc;

/// The same elements in another shape.
#[derive(Clone, Debug)]
pub(crate) struct Reshape {
    pub shape: Shape,
}
impl TensorRule for Reshape {
    const NAME: &'static str = "reshape";
    fn value<T: Element>(&self, pool: &Pool<T>, inputs: &[Operand<'_, T>]) -> Result<Value<T>> {
        match inputs[0] {
            Operand::Tensor(x) => x.reshape(&self.shape).map(Value::from),
            x if self.shape.numel() == 1 => Ok(eager::broadcast(pool, x, &self.shape).into()),
            _ => Err(Error::shape(format!(
                "reshape: a scalar holds 1 element, {} would hold {}",
                self.shape,
                self.shape.numel()
            ))),
        }
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, _wrt: usize, g: &A::V) -> Contribution<A::V> {
        a.reshape(g, &a.shape(&node.inputs[0])).into()
    }
    linear_jvp!(Reshape);
}

/// Stretches axes of length 1, and adds leading ones.
#[derive(Clone, Debug)]
pub(crate) struct BroadcastTo {
    pub shape: Shape,
}
impl TensorRule for BroadcastTo {
    const NAME: &'static str = "broadcast_to";
    fn value<T: Element>(&self, pool: &Pool<T>, inputs: &[Operand<'_, T>]) -> Result<Value<T>> {
        let from = inputs[0].shape();
        if !from.broadcasts_to(&self.shape) {
            return Err(Error::shape(format!("broadcast_to: shape {from} does not stretch to {}", self.shape)));
        }
        Ok(eager::broadcast(pool, inputs[0], &self.shape).into())
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
}

/// Axes in another order: axis i of the output is axis `axes[i]` of the input.
#[derive(Clone, Debug)]
pub(crate) struct Permute {
    pub axes: SmallVec<[u8; 8]>,
}
impl TensorRule for Permute {
    const NAME: &'static str = "permute";
    fn value<T: Element>(&self, pool: &Pool<T>, inputs: &[Operand<'_, T>]) -> Result<Value<T>> {
        let shape = inputs[0].shape();
        let mut seen: SmallVec<[u8; 8]> = self.axes.clone();
        seen.sort_unstable();
        if !seen.iter().map(|&axis| axis as usize).eq(0..shape.rank()) {
            return Err(Error::argument(format!(
                "permute: {:?} is not an order of the {} axes of shape {shape}",
                self.axes,
                shape.rank()
            )));
        }
        let out: Shape = self.axes.iter().map(|&axis| shape[axis as usize]).collect();
        let data = inputs[0].data();
        if self.axes[..] == [1, 0] {
            return Ok(pool.fill(out, |to| layout::transpose(data, shape[0], shape[1], to)).into());
        }
        let strides = shape.strides();
        let view = View { start: 0, strides: self.axes.iter().map(|&axis| strides[axis as usize] as isize).collect() };
        Ok(pool.fill(out.clone(), |to| layout::read_view(data, &view, &out, to)).into())
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
}

/// Which elements a slice takes: a view into a tensor of shape `from`, read in the order of `to`.
#[derive(Debug)]
pub(crate) struct SliceSpec {
    pub from: Shape,
    pub to: Shape,
    pub view: View,
}

/// The elements of a view.
#[derive(Clone, Debug)]
pub(crate) struct Slice {
    pub spec: Arc<SliceSpec>,
}
impl TensorRule for Slice {
    const NAME: &'static str = "slice";
    fn value<T: Element>(&self, pool: &Pool<T>, inputs: &[Operand<'_, T>]) -> Result<Value<T>> {
        let spec = &self.spec;
        Ok(pool.fill(spec.to.clone(), |to| layout::read_view(inputs[0].data(), &spec.view, &spec.to, to)).into())
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
}

/// Zeros, with the input added at the elements of a view: the transpose of a slice, and padding.
#[derive(Clone, Debug)]
pub(crate) struct Embed {
    pub spec: Arc<SliceSpec>,
}
impl TensorRule for Embed {
    const NAME: &'static str = "pad";
    fn value<T: Element>(&self, pool: &Pool<T>, inputs: &[Operand<'_, T>]) -> Result<Value<T>> {
        let spec = &self.spec;
        let write = |to: &mut [T]| {
            to.fill(T::from_f64(0.0));
            layout::add_to_view(inputs[0].data(), &spec.view, &spec.to, to);
        };
        Ok(pool.fill(spec.from.clone(), write).into())
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
}

/// The entries of an axis with these numbers, in this order.
#[derive(Clone, Debug)]
pub(crate) struct Take {
    pub axis: usize,
    pub indices: Indices,
}
impl TensorRule for Take {
    const NAME: &'static str = "gather";
    fn value<T: Element>(&self, pool: &Pool<T>, inputs: &[Operand<'_, T>]) -> Result<Value<T>> {
        let shape = inputs[0].shape();
        let n = shape[self.axis];
        if let Some((position, index)) = self.indices.iter().enumerate().find(|&(_, &i)| i >= n) {
            return Err(Error::argument(format!(
                "gather: index {index} at position {position} is out of range for axis {} of shape {shape}",
                self.axis
            )));
        }
        let inner = shape[self.axis + 1..].iter().product();
        let out: Shape = with_length(&shape, self.axis, self.indices.len());
        Ok(pool.fill(out, |to| layout::take(inputs[0].data(), n, inner, &self.indices, to)).into())
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, _wrt: usize, g: &A::V) -> Contribution<A::V> {
        let n = a.shape(&node.inputs[0])[self.axis];
        let scatter = ScatterAdd { axis: self.axis, n, indices: self.indices.clone() };
        a.apply(TensorOp::ScatterAdd(scatter), &[g]).into()
    }
    linear_jvp!(Take);
}

/// Zeros, with the entries of an axis added at these numbers: the transpose of gather.
#[derive(Clone, Debug)]
pub(crate) struct ScatterAdd {
    pub axis: usize,
    /// The length of the axis in the output.
    pub n: usize,
    pub indices: Indices,
}
impl TensorRule for ScatterAdd {
    const NAME: &'static str = "scatter_add";
    fn value<T: Element>(&self, pool: &Pool<T>, inputs: &[Operand<'_, T>]) -> Result<Value<T>> {
        let shape = inputs[0].shape();
        if shape[self.axis] != self.indices.len() {
            let (length, count) = (shape[self.axis], self.indices.len());
            return Err(Error::shape(format!(
                "scatter_add: axis {} of shape {shape} has {length} entries, got {count} indices",
                self.axis
            )));
        }
        if let Some((position, index)) = self.indices.iter().enumerate().find(|&(_, &i)| i >= self.n) {
            return Err(Error::argument(format!(
                "scatter_add: index {index} at position {position} is out of range for length {}",
                self.n
            )));
        }
        let inner = shape[self.axis + 1..].iter().product();
        let write = |to: &mut [T]| {
            to.fill(T::from_f64(0.0));
            layout::scatter_add(inputs[0].data(), self.n, inner, &self.indices, to);
        };
        Ok(pool.fill(with_length(&shape, self.axis, self.n), write).into())
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
}

fn with_length(shape: &Shape, axis: usize, length: usize) -> Shape {
    shape.iter().enumerate().map(|(i, &n)| if i == axis { length } else { n }).collect()
}

/// Tensors one after the other along an axis.
#[derive(Clone, Debug)]
pub(crate) struct Concat {
    pub axis: usize,
}
impl TensorRule for Concat {
    const NAME: &'static str = "concat";
    fn value<T: Element>(&self, pool: &Pool<T>, inputs: &[Operand<'_, T>]) -> Result<Value<T>> {
        let first = inputs[0].shape();
        let mut length = 0;
        for (i, input) in inputs.iter().enumerate() {
            let shape = input.shape();
            let fits = shape.rank() == first.rank()
                && (0..shape.rank()).all(|axis| axis == self.axis || shape[axis] == first[axis]);
            if !fits {
                return Err(Error::shape(format!(
                    "concat: part {i} has shape {shape}, part 0 {first}: they may differ along axis {} only",
                    self.axis
                )));
            }
            length += shape[self.axis];
        }
        let inner: usize = first[self.axis + 1..].iter().product();
        let parts: SmallVec<[(&[T], usize); 4]> =
            inputs.iter().map(|input| (input.data(), input.dims()[self.axis] * inner)).collect();
        Ok(pool.fill(with_length(&first, self.axis, length), |to| layout::concat(&parts, to)).into())
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, g: &A::V) -> Contribution<A::V> {
        a.apply(TensorOp::Slice(self.part(a, node, wrt)), &[g]).into()
    }
    fn jvp<T: Element, A: Algebra<T>>(&self, a: &A, node: Node<'_, A::V>, wrt: usize, tangent: &A::V) -> A::V {
        let Slice { spec } = self.part(a, node, wrt);
        a.apply(TensorOp::Embed(Embed { spec }), &[tangent])
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
