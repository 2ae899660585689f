//! Finding the first value or gradient that is not finite.

use super::Gradients;
use crate::error::{Error, Result};
use crate::num::Element;
use crate::num::elementwise::advice;
use crate::ops::UnaryOp;
use crate::tape::entry::NodeOp;
use crate::tape::scalar::{ScalarNode, ScalarOperand};
use crate::tape::{NodeId, NodeRef, Tape, Value, Var};
use crate::tensor::display::readable;
use crate::tensor::{Operand, Shape};
use std::panic::Location;

impl<T: Element> Tape<T> {
    /// Checks every recorded value, in the order of recording.
    ///
    /// # Errors
    /// The first value that is NaN or infinite: with its op, operands, source line, and advice.
    pub fn check_finite(&self) -> Result<()> {
        let values = self.scalars().values(self.scalars().len());
        let entries = self.entries();
        let mut lo = 0;
        for (k, entry) in entries.iter().enumerate() {
            for id in lo..entry.mark {
                self.check_scalar(id, &values)?;
            }
            lo = entry.mark;
            if let Some(i) = first_bad(entry.value.as_slice()) {
                let values = entry.value.as_slice();
                let what = format!("value {} at element {i} of shape {}", values[i], entry.value.shape());
                return Err(self.describe_entry(k, i, &what));
            }
        }
        (lo..self.scalars().len()).try_for_each(|id| self.check_scalar(id, &values))
    }

    /// Checks every value, then every gradient on the way back from the scalar `y`, intermediate ones too.
    ///
    /// # Errors
    /// The first value that is NaN or infinite, or the first op whose rule passes on such a gradient: with its operands, source
    /// line, and advice.
    pub fn check_finite_gradients(&self, y: Var<'_, T>) -> Result<()> {
        crate::tape::same_tape("check_finite_gradients", Some(self), y.tape)?;
        self.check_finite()?;
        let everything = vec![true; self.entries().len()];
        let retained = self.exchange_retained(&everything);
        let grads = y.try_backward();
        self.exchange_retained(&retained);
        let grads = grads?;
        let values = self.scalars().values(self.scalars().len());
        let marks: Vec<u32> = self.entries().iter().map(|entry| entry.mark).collect();
        let mut hi = self.scalars().len();
        let check_scalars = |lo: u32, hi: u32| {
            (lo..hi).rev().map(NodeId::scalar).try_for_each(|id| match grads.item_at(id) {
                Some(g) if !g.to_f64().is_finite() => {
                    Err(self.blame(&grads, &values, (id, usize::MAX), &format!("gradient {g}")))
                }
                _ => Ok(()),
            })
        };
        for (k, &mark) in marks.iter().enumerate().rev() {
            check_scalars(mark, hi)?;
            hi = mark;
            let id = NodeId::tensor(k);
            if let Some((g, i)) = grads.at(id).and_then(|g| Some((g, first_bad(g.as_slice())?))) {
                let what = format!("gradient {} at element {i} of shape {}", g.as_slice()[i], g.shape());
                return Err(self.blame(&grads, &values, (id, i), &what));
            }
        }
        check_scalars(0, hi)
    }

    /// The error for a bad gradient: it names the op whose rule made it out of a finite one.
    fn blame(&self, grads: &Gradients<T>, values: &[T], (id, element): (NodeId, usize), what: &str) -> Error {
        let what = format!("{what}, passed back by the rule");
        if let NodeRef::Scalar(node) = id.lane() {
            let makes_it = |&consumer: &u32| {
                let g = grads.item_at(NodeId::scalar(consumer)).unwrap_or_default();
                let partials = self.scalars().parents(consumer).into_iter().zip(self.scalars().partials(consumer));
                partials.into_iter().any(|(parent, p)| parent == Some(node) && !(p * g).to_f64().is_finite())
            };
            if let Some(consumer) = (node + 1..self.scalars().len()).find(makes_it) {
                return self.describe_scalar(consumer, values, &what);
            }
        }
        match self.blamed_entry(grads, id) {
            Some(k) => self.describe_entry(k, element, &what),
            None => {
                let what = what.replace(", passed back by the rule", ", a sum of finite ones or the result of a hook,");
                match id.lane() {
                    NodeRef::Tensor(k) => self.describe_entry(k, element, &what),
                    NodeRef::Scalar(node) => self.describe_scalar(node, values, &what),
                    NodeRef::Constant => Error::not_finite(format!("not finite: {what}")),
                }
            }
        }
    }

    /// The entry whose contribution to the gradient of `id` is not finite.
    fn blamed_entry(&self, grads: &Gradients<T>, id: NodeId) -> Option<usize> {
        let entries = self.entries();
        let shape = match id.lane() {
            NodeRef::Tensor(k) => entries[k].value.shape(),
            _ => Shape::scalar(),
        };
        entries.iter().enumerate().position(|(k, entry)| {
            let g = match entry.scalar {
                Some(scalar) => grads.item_at(NodeId::scalar(scalar)).map(Value::Scalar),
                None => grads.at(NodeId::tensor(k)).cloned().map(Value::from),
            };
            let Some(g) = g.filter(|g| first_bad(g.as_slice()).is_none()) else { return false };
            let is_bad = |wrt| {
                let contribution = crate::sweep::contribution_of(self, [k, wrt], g.clone(), &shape);
                contribution.is_some_and(|c| first_bad(c.as_slice()).is_some())
            };
            (0..entry.parents.len()).any(|wrt| entry.parents[wrt].id == id && is_bad(wrt))
        })
    }

    fn check_scalar(&self, id: u32, values: &[T]) -> Result<()> {
        let value = values[id as usize];
        if value.to_f64().is_finite() {
            return Ok(());
        }
        Err(self.describe_scalar(id, values, &format!("value {value}")))
    }

    fn describe_scalar(&self, id: u32, values: &[T], what: &str) -> Error {
        // A number that an op on tensors made is a leaf among numbers.
        let made = self.entries().iter().position(|entry| entry.scalar == Some(id));
        if let Some(k) = made {
            return self.describe_entry(k, 0, what);
        }
        let show = |operand| match operand {
            ScalarOperand::Node(i) => values[i as usize],
            ScalarOperand::Literal(x) => x,
        };
        let (name, operands) = match self.scalars().decode(id) {
            ScalarNode::Leaf(_) => ("variable", vec![]),
            ScalarNode::Copy(parent) => ("select", vec![values[parent as usize]]),
            ScalarNode::Unary(op, parent) => (op.name(), vec![values[parent as usize]]),
            ScalarNode::Binary(op, a, b) => (op.name(), vec![show(a), show(b)]),
        };
        let operands: Vec<String> = operands.iter().map(readable).collect();
        let of =
            self.scalars().parents(id).into_iter().flatten().find_map(|parent| self.origin(NodeId::scalar(parent)));
        describe([name, &of.unwrap_or_default()], id as usize, what, &operands.join(", "), self.scalars().site(id))
    }

    /// The op that a value comes out of, up to ops of one argument and factors on the way: det, of ln(2 |det A|).
    fn origin(&self, mut id: NodeId) -> Option<String> {
        let entries = self.entries();
        loop {
            let made = match id.lane() {
                NodeRef::Constant => return None,
                NodeRef::Tensor(k) => Some(k),
                NodeRef::Scalar(number) => self.maker(number),
            };
            let number = |id: &NodeId| !matches!(id.lane(), NodeRef::Constant);
            let mut parents: Vec<NodeId> = match (made, id.lane()) {
                (Some(k), _) => {
                    let entry = &entries[k];
                    if !matches!(entry.op, NodeOp::Unary(_) | NodeOp::Binary(_) | NodeOp::Copy) {
                        return Some(entry.op.name().to_owned());
                    }
                    entry.parents.iter().map(|parent| parent.id).filter(number).collect()
                }
                (None, NodeRef::Scalar(number)) => {
                    self.scalars().parents(number).into_iter().flatten().map(NodeId::scalar).collect()
                }
                (None, _) => return None,
            };
            parents.dedup();
            let &[parent] = &parents[..] else { return None };
            id = parent;
        }
    }

    fn describe_entry(&self, k: usize, element: usize, what: &str) -> Error {
        let entries = self.entries();
        let entry = &entries[k];
        let operands: Vec<String> = entry
            .parents
            .iter()
            .map(|parent| match parent.id.lane() {
                NodeRef::Tensor(p) => summary(entries[p].value.operand(), entry.value.shape().numel(), element),
                _ => readable(&parent.value),
            })
            .collect();
        let name = if matches!(entry.op, NodeOp::Leaf) { "variable" } else { entry.op.name() };
        let of = entry.parents.iter().find_map(|parent| self.origin(parent.id));
        describe([name, &of.unwrap_or_default()], k, what, &operands.join(", "), Some(entry.site))
    }
}

/// An operand, by its shape and the element that belongs to the bad one, where the two line up.
fn summary<T: Element>(operand: Operand<'_, T>, n: usize, element: usize) -> String {
    match operand.data().get(element) {
        Some(x) if operand.data().len() == n => format!("{} in {}", readable(x), operand.shape()),
        _ => operand.shape().to_string(),
    }
}

fn first_bad<T: Element>(values: &[T]) -> Option<usize> {
    values.iter().position(|x| !x.to_f64().is_finite())
}

/// The error for an op, with the name of what its argument came out of.
fn describe(
    [op, of]: [&str; 2],
    node: usize,
    what: &str,
    operands: &str,
    site: Option<&'static Location<'static>>,
) -> Error {
    let site = match site {
        Some(site) => format!("{}:{}", site.file(), site.line()),
        None => "a line that was not kept; see Tape::keep_source_lines".into(),
    };
    let advice = match op {
        _ if [op, of].contains(&"det") => {
            "; a determinant leaves the range of numbers where its logarithm does not: take that from slogdet"
        }
        "xlogy" => advice::POSITIVE,
        "norm2" => advice::STEEP,
        "div" | "over" => advice::DIVISOR,
        "pow" => advice::POWER,
        "variable" if what.starts_with("value") => "; the input itself is not finite",
        op => UnaryOp::advice(op),
    };
    let operands = if operands.is_empty() { String::new() } else { format!(" ({operands})") };
    Error::not_finite(format!("not finite: {what} of {op} #{node}{operands}, recorded at {site}{advice}"))
}
