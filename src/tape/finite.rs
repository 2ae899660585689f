//! Finding the first value or gradient that is not finite.

use super::entry::{NodeOp, Operand};
use super::scalar::{ScalarNode, ScalarOperand};
use super::{Lane, Tape, Var};
use crate::error::{Error, Result};
use crate::num::Element;
use std::panic::Location;

impl<T: Element> Tape<T> {
    /// Checks every recorded value, in the order of recording.
    ///
    /// # Errors
    /// The first value that is NaN or infinite: with its op, operands, source line, and advice.
    pub fn check_finite(&self) -> Result<()> {
        let values = self.scalars.values(self.scalars.len());
        let entries = self.entries.borrow();
        let mut lo = 0;
        for (k, entry) in entries.iter().enumerate() {
            for id in lo..entry.mark {
                self.check_scalar(id, &values)?;
            }
            lo = entry.mark;
            if let Some(i) = first_bad(entry.value.as_slice()) {
                return Err(self.describe_entry(k, i, "value"));
            }
        }
        (lo..self.scalars.len()).try_for_each(|id| self.check_scalar(id, &values))
    }

    /// Checks every value, then every gradient on the way back from the scalar `y`, intermediate ones too.
    ///
    /// # Errors
    /// The first value or gradient that is NaN or infinite: with its op, operands, source line, and advice.
    pub fn check_finite_gradients(&self, y: Var<'_, T>) -> Result<()> {
        self.check_finite()?;
        self.entries.borrow_mut().iter_mut().for_each(|entry| entry.retained = true);
        let grads = y.try_backward()?;
        let values = self.scalars.values(self.scalars.len());
        let marks: Vec<u32> = self.entries.borrow().iter().map(|entry| entry.mark).collect();
        let mut hi = self.scalars.len();
        let check_scalars = |lo: u32, hi: u32| {
            (lo..hi).rev().try_for_each(|id| match grads.get_item(super::Id::scalar(id)) {
                Some(g) if !g.as_f64().is_finite() => Err(self.describe_scalar(id, &values, &format!("gradient {g}"))),
                _ => Ok(()),
            })
        };
        for (k, &mark) in marks.iter().enumerate().rev() {
            check_scalars(mark, hi)?;
            hi = mark;
            if let Some(i) = grads.get(super::Id::tensor(k)).and_then(|g| first_bad(g.as_slice())) {
                return Err(self.describe_entry(k, i, "gradient"));
            }
        }
        check_scalars(0, hi)
    }

    fn check_scalar(&self, id: u32, values: &[T]) -> Result<()> {
        let value = values[id as usize];
        if value.as_f64().is_finite() {
            return Ok(());
        }
        Err(self.describe_scalar(id, values, &format!("value {value}")))
    }

    fn describe_scalar(&self, id: u32, values: &[T], what: &str) -> Error {
        let show = |operand| match operand {
            ScalarOperand::Node(i) => values[i as usize],
            ScalarOperand::Literal(x) => x,
        };
        let (name, operands) = match self.scalars.decode(id) {
            ScalarNode::Leaf(_) => ("variable", vec![]),
            ScalarNode::Copy(parent) => ("select", vec![values[parent as usize]]),
            ScalarNode::Unary(op, parent) => (op.name(), vec![values[parent as usize]]),
            ScalarNode::Binary(op, a, b) => (op.name(), vec![show(a), show(b)]),
        };
        let operands: Vec<String> = operands.iter().map(|x| x.to_string()).collect();
        describe(name, id as usize, what, &operands.join(", "), self.scalars.site(id))
    }

    fn describe_entry(&self, k: usize, element: usize, kind: &str) -> Error {
        let entries = self.entries.borrow();
        let entry = &entries[k];
        let operands: Vec<String> = entry
            .parents
            .iter()
            .map(|parent| match parent.id.lane() {
                Lane::Tensor(p) => summary(entries[p].value.operand(), entry.value.shape().numel(), element),
                _ => parent.value.to_string(),
            })
            .collect();
        let name = if matches!(entry.op, NodeOp::Leaf) { "variable" } else { entry.op.name() };
        let what = match kind {
            "value" => format!(
                "value {} at element {element} of shape {}",
                entry.value.as_slice()[element],
                entry.value.shape()
            ),
            _ => format!("gradient not finite at element {element} of shape {}", entry.value.shape()),
        };
        describe(name, k, &what, &operands.join(", "), Some(entry.site))
    }
}

/// An operand, by its shape and the element that belongs to the bad one, where the two line up.
fn summary<T: Element>(operand: Operand<'_, T>, n: usize, element: usize) -> String {
    match operand.data().get(element) {
        Some(x) if operand.data().len() == n => format!("{x} in {}", operand.shape()),
        _ => operand.shape().to_string(),
    }
}

fn first_bad<T: Element>(values: &[T]) -> Option<usize> {
    values.iter().position(|x| !x.as_f64().is_finite())
}

fn describe(op: &str, node: usize, what: &str, operands: &str, site: Option<&'static Location<'static>>) -> Error {
    let site = match site {
        Some(site) => format!("{}:{}", site.file(), site.line()),
        None => "a line that was not kept; see Tape::keep_source_lines".into(),
    };
    let advice = match op {
        "ln" | "log2" | "log10" | "log1p" | "xlogy" => {
            "; keep the argument above 0: add a small number, clamp it, or compute from logits"
        }
        "sqrt" | "rsqrt" | "cbrt" | "norm2" => {
            "; its slope at 0 is infinite: select around it, or add a small number inside"
        }
        "div" | "reciprocal" | "over" => "; keep the divisor away from 0, or select around it",
        "exp" | "exp2" | "expm1" | "sinh" | "cosh" => {
            "; it overflows: use logsumexp, softplus, sigmoid or another stable form"
        }
        "pow" | "powf" | "powi" => "; a negative base needs an integer exponent, a zero base a positive one",
        "asin" | "acos" | "atanh" | "acosh" => "; keep the argument inside the domain, away from its ends",
        "variable" | "leaf" => "; the input itself is not finite",
        _ => "",
    };
    Error::not_finite(format!("not finite: {what} of {op} #{node} ({operands}), recorded at {site}{advice}"))
}
