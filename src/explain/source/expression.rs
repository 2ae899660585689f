//! Formulas as Rust expressions: of numbers, or of element i of tensors.

use super::Writer;
use crate::error::Result;
use crate::graph::ssa::{IrOp, NodeKey, symbol};
use crate::num::Element;
use crate::num::elementwise::{Rust, RustPair};
use crate::ops::structural::TensorOp;
use crate::ops::symbol::Symbol;
use crate::ops::{BinaryOp, BuiltinUnary, UnaryOp, UnaryVisitor};
use crate::tape::NodeOp;
use crate::tensor::Shape;

/// How tightly an expression holds together, loosest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Bond {
    Choice,
    Sum,
    Product,
    Sign,
    Whole,
}

pub(super) type Expression = (String, Bond);

fn at_least((text, bond): Expression, least: Bond) -> String {
    if bond < least { format!("({text})") } else { text }
}

impl<T: Element> Writer<'_, T> {
    /// The formula at element i of a tensor of shape `out`; of a number where `out` has no axes.
    pub(super) fn element(&mut self, id: NodeKey, out: &Shape) -> Result<Expression> {
        let node = self.node(id);
        if let Some(variable) = self.variable(id) {
            return Ok((indexed(variable, &node.shape, out), Bond::Whole));
        }
        let args = &node.args;
        match &node.op {
            IrOp::Literal(x) if *x < 0.0 => Ok((self.literal(*x), Bond::Sign)),
            IrOp::Literal(x) => Ok((self.literal(*x), Bond::Whole)),
            IrOp::Op(NodeOp::Unary(op)) => self.unary(*op, args[0], out),
            IrOp::Op(NodeOp::Binary(op)) => self.binary(*op, args[0], args[1], out),
            IrOp::Op(NodeOp::Select) => {
                let condition = self.condition(args[0], out)?;
                let (a, b) = (self.element(args[1], out)?.0, self.element(args[2], out)?.0);
                Ok((format!("if {condition} {{ {a} }} else {{ {b} }}"), Bond::Choice))
            }
            IrOp::Op(NodeOp::Tensor(TensorOp::BroadcastTo(_))) => self.element(args[0], out),
            IrOp::Op(NodeOp::Tensor(TensorOp::Reshape(_))) if self.shape(args[0]).rank() == 0 => {
                self.element(args[0], out)
            }
            IrOp::Op(NodeOp::Tensor(TensorOp::Reshape(_))) if out.rank() == 0 => {
                Ok((format!("{}[0]", self.temporary(args[0])?), Bond::Whole))
            }
            IrOp::Named(name) => Err(self.refused(name)),
            IrOp::Op(op @ (NodeOp::CustomUnary(_) | NodeOp::CustomBinary(_) | NodeOp::Custom(_))) => {
                Err(self.refused(op.name()))
            }
            _ => {
                let variable = self.temporary(id)?;
                Ok((indexed(&variable, &node.shape, out), Bond::Whole))
            }
        }
    }

    fn sign_of(&mut self, id: NodeKey, out: &Shape, least: Bond) -> Result<String> {
        Ok(at_least(self.element(id, out)?, least))
    }

    /// What a method is called on.
    fn receiver(&mut self, id: NodeKey, out: &Shape) -> Result<String> {
        match self.literal_of(id) {
            Some(x) if x.is_finite() => Ok(format!("({}_{})", self.literal(x), T::NAME)),
            Some(x) => Ok(self.literal(x)),
            None => self.sign_of(id, out, Bond::Whole),
        }
    }

    fn method(&mut self, x: NodeKey, method: &str, out: &Shape) -> Result<Expression> {
        Ok((format!("{}.{method}", self.receiver(x, out)?), Bond::Whole))
    }

    fn call(&mut self, helper: &'static str, args: &[NodeKey], parameters: &[f64], out: &Shape) -> Result<Expression> {
        self.helper(helper);
        let mut texts = Vec::new();
        for &arg in args {
            texts.push(self.element(arg, out)?.0);
        }
        texts.extend(parameters.iter().map(|&x| self.literal(x)));
        Ok((format!("{helper}({})", texts.join(", ")), Bond::Whole))
    }

    fn unary(&mut self, op: UnaryOp, x: NodeKey, out: &Shape) -> Result<Expression> {
        match op.rust() {
            Rust::Negated => Ok((format!("-{}", self.sign_of(x, out, Bond::Sign)?), Bond::Sign)),
            Rust::Power(2) if self.said.contains_key(x) => {
                let x = self.element(x, out)?.0;
                Ok((format!("{x} * {x}"), Bond::Product))
            }
            Rust::Power(n) => self.method(x, &format!("powi({n})"), out),
            Rust::Reciprocal(None) => Ok((format!("1.0 / {}", self.sign_of(x, out, Bond::Whole)?), Bond::Product)),
            Rust::Reciprocal(Some(name)) => Ok((format!("1.0 / {}.{name}()", self.receiver(x, out)?), Bond::Product)),
            Rust::Method(name, arguments) => {
                let arguments: Vec<String> = arguments.iter().map(|&x| self.literal(x)).collect();
                self.method(x, &format!("{name}({})", arguments.join(", ")), out)
            }
            Rust::Function(function, arguments) => self.call(function.name, &[x], &arguments, out),
            Rust::Expansion => match op.with(Expanded(symbol(&self.equations.ir, x))) {
                Some(formula) => {
                    self.element(formula.key(&self.equations.ir), out).map_err(|_| self.refused(op.name()))
                }
                None => Err(self.refused(op.name())),
            },
        }
    }

    fn binary(&mut self, op: BinaryOp, x: NodeKey, y: NodeKey, out: &Shape) -> Result<Expression> {
        let sign = match op.rust() {
            RustPair::Sign(sign) => sign,
            RustPair::Guarded { sign, function } => {
                let finite = match sign {
                    "/" => self.literal_of(y).is_some_and(|y| y != 0.0),
                    _ => self.is_tame(y),
                };
                if !finite {
                    return self.call(function.name, &[x, y], &[], out);
                }
                sign
            }
            RustPair::Relation(sign) => {
                let condition = self.comparison(sign, x, y, out)?;
                return Ok((format!("{}::from({condition})", T::NAME), Bond::Whole));
            }
            RustPair::Function(function) => return self.call(function.name, &[x, y], &[], out),
            RustPair::Method(name) => {
                let y = self.element(y, out)?.0;
                return self.method(x, &format!("{name}({y})"), out);
            }
        };
        let bond = if matches!(sign, "+" | "-") { Bond::Sum } else { Bond::Product };
        let left = self.sign_of(x, out, bond)?;
        // Sums and products are taken in the order in which they were recorded.
        let right = self.sign_of(y, out, if bond == Bond::Sum { Bond::Product } else { Bond::Sign })?;
        Ok((format!("{left} {sign} {right}"), bond))
    }

    fn comparison(&mut self, sign: &str, x: NodeKey, y: NodeKey, out: &Shape) -> Result<String> {
        Ok(format!("{} {sign} {}", self.sign_of(x, out, Bond::Sum)?, self.sign_of(y, out, Bond::Sum)?))
    }

    /// A formula as a condition: true where it is not 0.
    fn condition(&mut self, id: NodeKey, out: &Shape) -> Result<String> {
        let node = self.node(id);
        match node.op {
            IrOp::Op(NodeOp::Binary(BinaryOp::Mul(_))) if self.is_condition(id) => {
                Ok(format!("{} && {}", self.condition(node.args[0], out)?, self.condition(node.args[1], out)?))
            }
            IrOp::Op(NodeOp::Binary(op)) if self.is_condition(id) => match op.rust() {
                RustPair::Relation(sign) => self.comparison(sign, node.args[0], node.args[1], out),
                _ => unreachable!("a condition is a comparison"),
            },
            _ => Ok(format!("{} != 0.0", self.sign_of(id, out, Bond::Sum)?)),
        }
    }

    fn is_condition(&self, id: NodeKey) -> bool {
        let node = self.node(id);
        match node.op {
            _ if self.variable(id).is_some() => false,
            IrOp::Op(NodeOp::Binary(BinaryOp::Mul(_))) => node.args.iter().all(|&arg| self.is_condition(arg)),
            IrOp::Op(NodeOp::Binary(op)) => matches!(op.rust(), RustPair::Relation(_)),
            _ => false,
        }
    }

    /// Whether a derivative is finite wherever its parts are, so that nothing times it is nothing.
    pub(super) fn is_tame(&self, id: NodeKey) -> bool {
        use BinaryOp::{Add, Mul, Sub};
        let node = self.node(id);
        if let IrOp::Constant(x) = &node.op {
            return x.iter().all(|x| x.to_f64().is_finite());
        }
        if self.said.contains_key(id) {
            return true;
        }
        if let Some(part) = self.temporaries.get(id) {
            return part.is_tame;
        }
        let form = match &node.op {
            IrOp::Literal(x) => return x.is_finite(),
            IrOp::Input(_) => return true,
            IrOp::Op(NodeOp::Unary(op)) => op.is_tame(),
            IrOp::Op(NodeOp::Binary(Add(_) | Sub(_) | Mul(_)) | NodeOp::Select) => true,
            IrOp::Op(NodeOp::Binary(op)) => op.is_flat(),
            IrOp::Op(NodeOp::Tensor(op)) => op.is_bounded(),
            _ => false,
        };
        form && node.args.iter().all(|&arg| self.is_tame(arg))
    }
}

/// The textbook formula of an op.
struct Expanded<'b>(Symbol<'b>);
impl<'b> UnaryVisitor for Expanded<'b> {
    type Output = Option<Symbol<'b>>;
    fn visit<O: BuiltinUnary>(self, op: O) -> Self::Output {
        op.expansion(self.0)
    }
}

/// Element i of a tensor of shape `out`, to which `own` stretches.
fn indexed(variable: &str, own: &Shape, out: &Shape) -> String {
    if own.rank() == 0 {
        return variable.to_owned();
    }
    format!("{variable}[{}]", index(own, out))
}

fn index(own: &Shape, out: &Shape) -> String {
    let axes: Vec<usize> = own.iter().copied().skip_while(|&n| n == 1).collect();
    let n: usize = axes.iter().product();
    if axes.is_empty() {
        return "0".to_owned();
    }
    if n == out.numel() {
        return "i".to_owned();
    }
    if out.ends_with(&axes) {
        return format!("i % {n}");
    }
    let lead = out.rank() - axes.len();
    let kept = axes.iter().take_while(|&&n| n != 1).count();
    let full = (0..kept).all(|axis| axes[axis] == out[lead + axis]) && axes[kept..].iter().all(|&n| n == 1);
    let rest: usize = out[lead + kept..].iter().product();
    if full {
        let quotient = format!("i / {rest}");
        return if out[..lead].iter().product::<usize>() == 1 { quotient } else { format!("{quotient} % {n}") };
    }
    let strides = out.strides();
    let mut own_stride = n;
    let mut terms = Vec::new();
    for (axis, &length) in axes.iter().enumerate() {
        own_stride /= length;
        if length == 1 {
            continue;
        }
        let quotient = match strides[lead + axis] {
            1 => "i".to_owned(),
            stride => format!("i / {stride}"),
        };
        let scale = if own_stride == 1 { String::new() } else { format!(" * {own_stride}") };
        terms.push(format!("{quotient} % {length}{scale}"));
    }
    terms.join(" + ")
}

#[cfg(test)]
mod tests {
    use super::index;
    use crate::tensor::Shape;

    #[test]
    fn stretched_operands_are_read_where_broadcasting_reads_them() {
        let of = |own: &[usize], out: &[usize]| index(&Shape::from(own), &Shape::from(out));
        assert_eq!(of(&[2, 3], &[2, 3]), "i");
        assert_eq!(of(&[3], &[2, 3]), "i % 3");
        assert_eq!(of(&[1, 3], &[2, 3]), "i % 3");
        assert_eq!(of(&[2, 1], &[2, 3]), "i / 3");
        assert_eq!(of(&[1, 1], &[2, 3]), "0");
        assert_eq!(of(&[3, 1], &[2, 3, 4]), "i / 4 % 3");
        assert_eq!(of(&[2, 1, 4], &[2, 3, 4]), "i / 12 % 2 * 4 + i % 4");
    }
}
