//! Formulas of whole tensors: loops over their elements, and calls of helpers.

use super::{Temporary, Writer};
use crate::error::Result;
use crate::graph::ssa::{IrOp, Node, NodeKey};
use crate::num::Element;
use crate::ops::structural::{
    Concat, CrossEntropy, CrossEntropySlope, Embed, MatMul, Permute, ScatterAdd, Slice, Sum, Take, TensorOp,
};
use crate::tape::NodeOp;
use crate::tensor::Shape;
use crate::tensor::kernels::rows::{RowMap, RowReduction};

impl<T: Element> Writer<'_, T> {
    /// The whole formula as an expression: a number, or a vector.
    pub(super) fn whole(&mut self, id: NodeKey) -> Result<String> {
        let node = self.node(id);
        let n = node.shape.numel();
        if let Some(variable) = self.said.get(id) {
            let copy = if self.is_slice(id) { "to_vec" } else { "clone" };
            return Ok(if node.shape.rank() == 0 { variable.to_owned() } else { format!("{variable}.{copy}()") });
        }
        use TensorOp::{BroadcastTo, CrossEntropy, Reshape, SquaredError, Sum};
        match &node.op {
            IrOp::Constant(elements) => {
                let all: Vec<String> = elements.iter().map(|x| self.literal(x.as_f64())).collect();
                Ok(format!("vec![{}]", all.join(", ")))
            }
            IrOp::Op(NodeOp::Tensor(op @ (BroadcastTo(_) | Reshape(_)))) => match self.scalar_behind(id) {
                Some(number) if number != id => Ok(format!("vec![{}; {n}]", self.element(number, &Shape::scalar())?.0)),
                _ if node.shape.rank() == 0 => Ok(format!("{}[0]", self.temporary(node.args[0])?)),
                _ if matches!(op, Reshape(_)) => self.whole(node.args[0]),
                _ => self.each(id, &node.shape),
            },
            IrOp::Op(NodeOp::Tensor(op @ (Sum(_) | SquaredError(_) | CrossEntropy(_)))) => self.tensor(op, &node),
            IrOp::Op(NodeOp::Tensor(op)) => {
                let vector = self.tensor(op, &node)?;
                Ok(if node.shape.rank() == 0 { format!("{vector}[0]") } else { vector })
            }
            _ if node.shape.rank() == 0 => Ok(self.element(id, &Shape::scalar())?.0),
            _ => self.each(id, &node.shape),
        }
    }

    fn each(&mut self, id: NodeKey, shape: &Shape) -> Result<String> {
        let (element, n) = (self.element(id, shape)?.0, shape.numel());
        Ok(match (reads_place(&element), n) {
            (true, _) => format!("(0..{n}).map(|i| {element}).collect()"),
            (false, 1) => format!("vec![{element}]"),
            (false, _) => format!("vec![{element}; {n}]"),
        })
    }

    /// A variable that holds the formula.
    pub(super) fn temporary(&mut self, id: NodeKey) -> Result<String> {
        if let Some(variable) = self.variable(id) {
            return Ok(variable.to_owned());
        }
        let node = self.node(id);
        if let IrOp::Op(NodeOp::Tensor(TensorOp::Reshape(_))) = node.op
            && self.shape(node.args[0]).rank() > 0
            && node.shape.rank() > 0
        {
            return self.temporary(node.args[0]);
        }
        let right = self.whole(id)?;
        // Beside the nodes' own names, which were all made unique before.
        let name = (self.temporaries.len() + 1..)
            .map(|n| format!("part_{n}"))
            .find(|name| !self.values.contains(name) && !self.gradients.contains(name))
            .expect("some number is free");
        let kind = if self.shape(id).rank() > 0 { format!(": Vec<{}>", T::NAME) } else { String::new() };
        self.body += &format!("    let {name}{kind} = {right};\n");
        let is_tame = self.is_tame(id);
        self.temporaries.insert(id, Temporary { name: name.clone(), is_tame });
        Ok(name)
    }

    /// A reference to a tensor's elements.
    fn borrowed(&mut self, id: NodeKey) -> Result<String> {
        let root = self.equations.ir.borrow().root(id);
        let slice = self.is_slice(if self.said.contains_key(id) { id } else { root });
        let name = self.temporary(id)?;
        Ok(if slice { name } else { format!("&{name}") })
    }

    /// Whether the variable is a slice as it was given, not a vector.
    fn is_slice(&self, id: NodeKey) -> bool {
        self.said.contains_key(id) && matches!(self.node(id).op, IrOp::Input(_) | IrOp::Constant(_))
    }

    fn tensor(&mut self, op: &TensorOp, term: &Node<T>) -> Result<String> {
        let x = term.args[0];
        let shape = self.shape(x);
        let row = shape.last().copied().unwrap_or(1);
        match op {
            TensorOp::Sum(op) => self.sum(op, x, term),
            TensorOp::MatMul(op) => self.product(op, term),
            TensorOp::Reduce(op) => {
                let helper = self.helper(match op.0 {
                    RowReduction::Max => "max_rows",
                    RowReduction::Min => "min_rows",
                    RowReduction::LogSumExp => "logsumexp_rows",
                    RowReduction::Norm2 => "norm_rows",
                });
                Ok(format!("{helper}({}, {row})", self.borrowed(x)?))
            }
            TensorOp::Map(op) => {
                let helper = self.helper(match op.0 {
                    RowMap::Softmax => "softmax_rows",
                    RowMap::LogSoftmax => "log_softmax_rows",
                    RowMap::Cumsum => "cumsum_rows",
                    RowMap::ReverseCumsum => "reverse_cumsum_rows",
                });
                Ok(format!("{helper}({}, {row})", self.borrowed(x)?))
            }
            TensorOp::SquaredError(_) => {
                self.helper("squared_error");
                Ok(format!("squared_error({}, {})", self.borrowed(x)?, self.borrowed(term.args[1])?))
            }
            TensorOp::CrossEntropy(CrossEntropy { labels }) => {
                self.helper("cross_entropy");
                Ok(format!("cross_entropy({}, {row}, &{labels:?})", self.borrowed(x)?))
            }
            TensorOp::CrossEntropySlope(CrossEntropySlope { labels }) => {
                self.helper("cross_entropy_slope");
                Ok(format!("cross_entropy_slope({}, {row}, &{labels:?})", self.borrowed(x)?))
            }
            TensorOp::Permute(_) | TensorOp::Slice(_) | TensorOp::Embed(_) => self.moved(op, term),
            TensorOp::Take(_) | TensorOp::ScatterAdd(_) | TensorOp::Concat(_) => self.moved(op, term),
            TensorOp::Reshape(_) | TensorOp::BroadcastTo(_) => unreachable!("they are written where they are used"),
            op => {
                let shapes: Vec<Shape> = term.args.iter().map(|&arg| self.shape(arg)).collect();
                let Some((function, numbers)) = op.rust(&shapes) else { return Err(self.refused(op.name())) };
                let mut arguments = Vec::new();
                for &arg in &term.args {
                    arguments.push(self.borrowed(arg)?);
                }
                arguments.extend(numbers);
                Ok(format!("{}({})", self.helper(function.name), arguments.join(", ")))
            }
        }
    }

    /// Ops that move elements.
    fn moved(&mut self, op: &TensorOp, term: &Node<T>) -> Result<String> {
        let x = term.args[0];
        let shape = self.shape(x);
        match op {
            TensorOp::Permute(Permute { axes }) if axes[..] == [1, 0] => {
                self.helper("transpose");
                Ok(format!("transpose({}, {}, {})", self.borrowed(x)?, shape[0], shape[1]))
            }
            TensorOp::Permute(Permute { axes }) => {
                let strides: Vec<usize> = axes.iter().map(|&axis| shape.strides()[axis as usize]).collect();
                self.helper("view");
                Ok(format!("view({}, 0, &{:?}, &{strides:?})", self.borrowed(x)?, &term.shape[..]))
            }
            TensorOp::Slice(Slice { spec }) => {
                self.helper("view");
                let (view, to) = (&spec.view, &spec.to[..]);
                Ok(format!("view({}, {}, &{to:?}, &{:?})", self.borrowed(x)?, view.start, &view.strides[..]))
            }
            TensorOp::Embed(Embed { spec }) => {
                self.helper("embed");
                let (view, to, n) = (&spec.view, &spec.to[..], spec.from.numel());
                Ok(format!("embed({}, {n}, {}, &{to:?}, &{:?})", self.borrowed(x)?, view.start, &view.strides[..]))
            }
            TensorOp::Take(Take { axis, indices }) => {
                self.helper("take");
                let inner: usize = shape[axis + 1..].iter().product();
                Ok(format!("take({}, {}, {inner}, &{indices:?})", self.borrowed(x)?, shape[*axis]))
            }
            TensorOp::ScatterAdd(ScatterAdd { axis, n, indices }) => {
                self.helper("scatter_add");
                let inner: usize = shape[axis + 1..].iter().product();
                Ok(format!("scatter_add({}, {n}, {inner}, &{indices:?})", self.borrowed(x)?))
            }
            TensorOp::Concat(Concat { axis }) => {
                self.helper("concat");
                let outer: usize = shape[..*axis].iter().product();
                let mut parts = Vec::new();
                for &arg in &term.args {
                    parts.push(self.borrowed(arg)?);
                }
                Ok(format!("concat(&[{}], {outer})", parts.join(", ")))
            }
            _ => unreachable!("only these move elements"),
        }
    }

    /// Sums over runs of neighbouring axes, the last run first.
    fn sum(&mut self, op: &Sum, x: NodeKey, term: &Node<T>) -> Result<String> {
        let shape = self.shape(x);
        let summed: Vec<bool> = (0..shape.rank()).map(|axis| op.axes.contains(axis)).collect();
        if shape.rank() == 0 {
            return Ok(self.element(x, &shape)?.0);
        }
        if let Some(number) = self.scalar_behind(x).filter(|&number| number != x && term.shape.rank() == 0) {
            let n = self.literal(shape.numel() as f64);
            let number = self.temporary(number)?;
            return Ok(format!("{number} * {n}"));
        }
        if summed.iter().all(|&summed| summed) {
            let element = self.element(x, &shape)?.0;
            let total = match element
                .strip_suffix("[i]")
                .filter(|name| name.chars().all(|c| c.is_alphanumeric() || c == '_'))
            {
                Some(variable) => format!("{variable}.iter().sum::<{}>()", T::NAME),
                None if reads_place(&element) => {
                    format!("(0..{}).map(|i| {element}).sum::<{}>()", shape.numel(), T::NAME)
                }
                None if shape.numel() == 1 => element,
                None => format!("({element}) * {}", self.literal(shape.numel() as f64)),
            };
            return Ok(if term.shape.rank() == 0 { total } else { format!("vec![{total}]") });
        }
        self.helper("sum_axes");
        let mut text = self.borrowed(x)?;
        let mut end = shape.rank();
        let mut dims: Vec<usize> = shape.to_vec();
        while end > 0 {
            if !summed[end - 1] {
                end -= 1;
                continue;
            }
            let start = (0..end).rev().find(|&axis| !summed[axis]).map_or(0, |axis| axis + 1);
            let (outer, n, inner): (usize, usize, usize) =
                (dims[..start].iter().product(), dims[start..end].iter().product(), dims[end..].iter().product());
            text = format!("sum_axes({text}, [{outer}, {n}, {inner}])");
            dims[start..end].fill(1);
            end = start;
            if summed[..end].iter().any(|&summed| summed) {
                text = format!("&{text}");
            }
        }
        Ok(if text.starts_with('&') { format!("({text}).to_vec()") } else { text })
    }

    fn product(&mut self, op: &MatMul, term: &Node<T>) -> Result<String> {
        let (x, y) = (term.args[0], term.args[1]);
        let (xs, ys) = (self.shape(x), self.shape(y));
        let rank = term.shape.rank();
        let (m, n) = (term.shape[rank - 2], term.shape[rank - 1]);
        let k = xs[if op.ta { xs.rank() - 2 } else { xs.rank() - 1 }];
        let (x, y) = (self.borrowed(x)?, self.borrowed(y)?);
        self.helper("matmul");
        let (ta, tb) = (op.ta, op.tb);
        if rank == 2 {
            return Ok(format!("matmul({x}, {ta}, {y}, {tb}, [{m}, {k}, {n}])"));
        }
        self.helper("matmul_blocks");
        let blocks = Shape::from(&term.shape[..rank - 2]);
        let (xb, yb) = (Shape::from(&xs[..xs.rank() - 2]), Shape::from(&ys[..ys.rank() - 2]));
        let pairs: Vec<(usize, usize)> =
            (0..blocks.numel()).map(|block| (own_block(block, &blocks, &xb), own_block(block, &blocks, &yb))).collect();
        Ok(format!("matmul_blocks({x}, {ta}, {y}, {tb}, [{m}, {k}, {n}], &{pairs:?})"))
    }
}

/// Whether an element's expression depends on its place i.
fn reads_place(element: &str) -> bool {
    element.contains("[i")
}

/// Which block of a stretched operand belongs to a block of the product.
fn own_block(block: usize, blocks: &Shape, own: &Shape) -> usize {
    let lead = blocks.rank() - own.rank();
    let (strides, own_strides) = (blocks.strides(), own.strides());
    (0..own.rank())
        .map(|axis| if own[axis] == 1 { 0 } else { block / strides[lead + axis] % own[axis] * own_strides[axis] })
        .sum()
}
