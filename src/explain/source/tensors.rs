//! Formulas of whole tensors: loops over their elements, and calls of helpers.

use super::{Temporary, Writer};
use crate::error::Result;
use crate::graph::ssa::{IrOp, Node, NodeKey};
use crate::num::Element;
use crate::ops::structural::{Sum, TensorOp};
use crate::tape::NodeOp;
use crate::tensor::Shape;

impl<T: Element> Writer<'_, T> {
    /// The whole formula as an expression: a number, or a vector.
    pub(super) fn whole(&mut self, id: NodeKey) -> Result<String> {
        let node = self.node(id);
        let n = node.shape.numel();
        if let Some(variable) = self.said.get(id) {
            let copy = if self.is_slice(id) { "to_vec" } else { "clone" };
            return Ok(if node.shape.rank() == 0 { variable.to_owned() } else { format!("{variable}.{copy}()") });
        }
        use TensorOp::{BroadcastTo, Reshape};
        match &node.op {
            IrOp::Constant(elements) => {
                let all: Vec<String> = elements.iter().map(|x| self.literal(x.to_f64())).collect();
                Ok(format!("vec![{}]", all.join(", ")))
            }
            IrOp::Op(NodeOp::Tensor(op @ (BroadcastTo(_) | Reshape(_)))) => match self.scalar_behind(id) {
                Some(number) if number != id => Ok(format!("vec![{}; {n}]", self.element(number, &Shape::scalar())?.0)),
                _ if node.shape.rank() == 0 => Ok(format!("{}[0]", self.temporary(node.args[0])?)),
                _ if matches!(op, Reshape(_)) => self.whole(node.args[0]),
                _ => self.each(id, &node.shape),
            },
            IrOp::Op(NodeOp::Tensor(op)) => self.tensor(op, &node),
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
        match op {
            TensorOp::Sum(op) => self.sum(op, term.args[0], term),
            TensorOp::Reshape(_) | TensorOp::BroadcastTo(_) => unreachable!("they are written where they are used"),
            op => {
                let shapes: Vec<Shape> = term.args.iter().map(|&arg| self.shape(arg)).collect();
                let Some(call) = op.rust(&shapes) else { return Err(self.refused(op.name())) };
                let mut arguments = Vec::new();
                for &arg in &term.args {
                    arguments.push(self.borrowed(arg)?);
                }
                if call.in_list {
                    arguments = vec![format!("&[{}]", arguments.join(", "))];
                }
                arguments.extend(call.arguments);
                let text = format!("{}({})", self.helper(call.function.name), arguments.join(", "));
                Ok(if term.shape.rank() == 0 && !call.gives_number { format!("{text}[0]") } else { text })
            }
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
}

/// Whether an element's expression depends on its place i.
fn reads_place(element: &str) -> bool {
    element.contains("[i")
}
