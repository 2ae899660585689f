//! Formulas as LaTeX.

use super::{TermKind, TermTable};
use crate::graph::Graph;
use crate::num::Element;
use crate::num::elementwise::{Bond, Latex, number, operator};
use crate::ops::structural::{CrossEntropy, CrossEntropySlope, MatMul, Permute, Solve, Sum, TensorOp};
use crate::ops::{BinaryOp, UnaryOp};
use crate::tensor::kernels::rows::{RowMap, RowReduction};
use std::collections::HashMap;

/// How nodes are written.
pub(crate) struct Notation<'a> {
    book: &'a TermTable,
    names: Vec<(String, String)>,
}

impl<'a> Notation<'a> {
    /// Named nodes by their names, the others as v with their number.
    pub fn new<T: Element>(book: &'a TermTable, graph: &Graph<T>) -> Self {
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for name in graph.nodes().iter().filter_map(|node| node.name()) {
            *seen.entry(name).or_default() += 1;
        }
        let names = graph.nodes().iter().map(|node| match node.name() {
            Some(name) if seen[name] == 1 => split_name(name),
            Some(name) => {
                let (base, below) = split_name(name);
                (base, format!("{below}^{{({})}}", node.index()))
            }
            None => ("v".to_owned(), format!("_{{{}}}", node.index())),
        });
        Self { book, names: names.collect() }
    }

    /// A node's value.
    pub fn node(&self, index: usize) -> String {
        let (base, below) = &self.names[index];
        format!("{base}{below}")
    }

    /// The gradient by a node.
    pub fn adjoint(&self, index: usize) -> String {
        let (base, below) = &self.names[index];
        format!("\\bar{{{base}}}{below}")
    }

    pub fn formula(&self, id: usize) -> String {
        self.write(id).0
    }

    fn at(&self, id: usize, least: Bond) -> String {
        let (text, bond) = self.write(id);
        if bond < least { format!("\\left({text}\\right)") } else { text }
    }

    fn write(&self, id: usize) -> (String, Bond) {
        let term = self.book.term(id);
        let args = &term.args[..];
        match &term.form {
            TermKind::Literal(x) if *x < 0.0 => (number(*x), Bond::Sum),
            TermKind::Literal(x) => (number(*x), Bond::Whole),
            TermKind::Node(index) => (self.node(*index), Bond::Whole),
            TermKind::Adjoint(index) => (self.adjoint(*index), Bond::Whole),
            TermKind::Constant(_) => (format!("c_{{{id}}}"), Bond::Whole),
            TermKind::Unary(op) => self.unary(*op, args[0]),
            TermKind::Binary(op) => self.binary(*op, args[0], args[1]),
            TermKind::Select => self.select(args),
            TermKind::Tensor(op) => self.tensor(op, args),
            TermKind::Named(name) => (self.call(&operator(name), args), Bond::Whole),
        }
    }

    fn call(&self, name: &str, args: &[usize]) -> String {
        let args: Vec<String> = args.iter().map(|&arg| self.formula(arg)).collect();
        format!("{name}\\left({}\\right)", args.join(", "))
    }

    fn unary(&self, op: UnaryOp, x: usize) -> (String, Bond) {
        match op.latex() {
            Latex::Power(n) => (self.power(x, &n), Bond::Whole),
            Latex::Around { before, argument, after, bond } => {
                (format!("{before}{}{after}", self.at(x, argument)), bond)
            }
        }
    }

    fn power(&self, x: usize, n: &str) -> String {
        // A power of a power or of a fraction needs its brackets.
        let plain = matches!(self.book.term(x).form, TermKind::Literal(_) | TermKind::Node(_) | TermKind::Adjoint(_));
        let base = self.formula(x);
        let base = if plain && !base.contains('^') && !base.starts_with('-') {
            base
        } else {
            format!("\\left({base}\\right)")
        };
        format!("{base}^{{{n}}}")
    }

    fn binary(&self, op: BinaryOp, x: usize, y: usize) -> (String, Bond) {
        use BinaryOp::*;
        match op {
            Add(_) => {
                let (x, y) = (self.formula(x), self.formula(y));
                match y.strip_prefix('-') {
                    Some(y) => (format!("{x} - {y}"), Bond::Sum),
                    None => (format!("{x} + {y}"), Bond::Sum),
                }
            }
            Sub(_) => (format!("{} - {}", self.formula(x), self.at(y, Bond::Product)), Bond::Sum),
            Mul(_) | Scale(_) | Gate(_) => self.times(x, y),
            Div(_) | Over(_) => {
                let (x, y) = (self.formula(x), self.formula(y));
                match x.strip_prefix('-') {
                    Some(x) => (format!("-\\frac{{{x}}}{{{y}}}"), Bond::Sum),
                    None => (format!("\\frac{{{x}}}{{{y}}}"), Bond::Whole),
                }
            }
            Pow(_) => (self.power(x, &self.formula(y)), Bond::Whole),
            Maximum(_) => (self.call("\\max", &[x, y]), Bond::Whole),
            Minimum(_) => (self.call("\\min", &[x, y]), Bond::Whole),
            Hypot(_) => (format!("\\sqrt{{{} + {}}}", self.power(x, "2"), self.power(y, "2")), Bond::Whole),
            Logaddexp(_) => {
                (format!("\\ln\\left(e^{{{}}} + e^{{{}}}\\right)", self.formula(x), self.formula(y)), Bond::Product)
            }
            op if op.is_flat() => (format!("\\left[{}\\right]", self.relation(op, x, y)), Bond::Whole),
            op => (self.call(&operator(op.name()), &[x, y]), Bond::Whole),
        }
    }

    /// A product: of numbers side by side or with a dot, of tensors element by element with a circle.
    fn times(&self, x: usize, y: usize) -> (String, Bond) {
        let is_tensor = |id: usize| self.book.shape(id).rank() > 0 && self.book.stretched_number(id).is_none();
        if x == y && !is_tensor(x) {
            return (self.power(x, "2"), Bond::Whole);
        }
        // A number in front of what it multiplies.
        let (x, y) = if self.book.literal(y).is_some() { (y, x) } else { (x, y) };
        let factor = |id: usize| match self.book.term(id).form {
            TermKind::Binary(BinaryOp::Add(_) | BinaryOp::Sub(_)) => self.at(id, Bond::Whole),
            _ => self.at(id, Bond::Product),
        };
        if let (TermKind::Unary(UnaryOp::Neg(_)), false) = (&self.book.term(x).form, self.book.literal(y).is_some()) {
            let positive = self.times(self.book.term(x).args[0], y).0;
            return (format!("-{positive}"), Bond::Sum);
        }
        let (left, right) = (factor(x), factor(y));
        let (left, bond) = match self.book.literal(x) {
            Some(x) if x < 0.0 => (number(x), Bond::Sum),
            _ => (left, Bond::Product),
        };
        if self.book.literal(x).is_some() && left.starts_with("\\ln") {
            // A logarithm in front would take what follows as its argument.
            return (format!("{right} \\cdot {left}"), Bond::Product);
        }
        let bracketed = right.starts_with("\\left(");
        let sign = match (is_tensor(x), is_tensor(y)) {
            (true, true) => " \\odot ",
            _ if self.book.literal(x).is_some() && right.starts_with(|c: char| c.is_ascii_digit()) => " \\cdot ",
            _ if self.book.literal(x).is_some() || bracketed => " ",
            (false, false) => " \\cdot ",
            _ => " \\, ",
        };
        (format!("{left}{sign}{right}"), bond)
    }

    fn select(&self, args: &[usize]) -> (String, Bond) {
        let &[condition, a, b] = args else { unreachable!("a choice has three parts") };
        let condition = self.condition(condition);
        if self.book.literal(b) == Some(0.0) {
            let product = if self.book.shape(a).rank() > 0 { "\\odot" } else { "\\cdot" };
            let a = self.at(a, Bond::Product);
            return (format!("{a} {product} \\left[{condition}\\right]"), Bond::Product);
        }
        let (a, b) = (self.formula(a), self.formula(b));
        (format!("\\begin{{cases}} {a} & {condition} \\\\ {b} & \\text{{otherwise}} \\end{{cases}}"), Bond::Whole)
    }

    /// A condition without brackets: true where it is not 0.
    fn condition(&self, id: usize) -> String {
        let term = self.book.term(id);
        match term.form {
            TermKind::Binary(BinaryOp::Mul(_)) => {
                format!("{} \\wedge {}", self.condition(term.args[0]), self.condition(term.args[1]))
            }
            TermKind::Binary(op) if op.is_flat() => self.relation(op, term.args[0], term.args[1]),
            _ => format!("{} \\ne 0", self.formula(id)),
        }
    }

    fn relation(&self, op: BinaryOp, x: usize, y: usize) -> String {
        use BinaryOp::*;
        let sign = match op {
            Greater(_) => ">",
            GreaterEqual(_) => "\\ge",
            Less(_) => "<",
            LessEqual(_) => "\\le",
            Equal(_) => "=",
            _ => "\\ne",
        };
        format!("{} {sign} {}", self.formula(x), self.formula(y))
    }

    /// Sums, and functions of rows.
    fn rows(&self, op: &TensorOp, args: &[usize]) -> (String, Bond) {
        let x = args[0];
        let rank = self.book.shape(x).rank();
        match op {
            TensorOp::Sum(Sum { axes, .. }) => {
                let name = match (rank, axes.0) {
                    (_, mask) if mask == crate::tensor::shape::AxisMask::all(rank).0 => operator("sum"),
                    (2, 0b01) => operator("colsum"),
                    (2, 0b10) => operator("rowsum"),
                    (_, mask) => {
                        let axes: Vec<String> =
                            (0..rank).filter(|i| mask >> i & 1 == 1).map(|i| i.to_string()).collect();
                        format!("{}_{{{}}}", operator("sum"), axes.join(", "))
                    }
                };
                (self.call(&name, args), Bond::Whole)
            }
            TensorOp::Map(map) => {
                let name = match map.0 {
                    RowMap::Softmax => operator("softmax"),
                    RowMap::LogSoftmax => format!("\\ln {}", operator("softmax")),
                    RowMap::Cumsum => operator("cumsum"),
                    RowMap::ReverseCumsum => operator("reverse_cumsum"),
                };
                (self.call(&name, args), Bond::Whole)
            }
            TensorOp::Reduce(reduce) => {
                let name = match reduce.0 {
                    RowReduction::Max => "\\max".to_owned(),
                    RowReduction::Min => "\\min".to_owned(),
                    RowReduction::LogSumExp => operator("logsumexp"),
                    RowReduction::Norm2 => {
                        return (format!("\\left\\lVert {}\\right\\rVert", self.formula(x)), Bond::Whole);
                    }
                };
                (self.call(&name, args), Bond::Whole)
            }
            _ => unreachable!("only these are functions of rows"),
        }
    }

    fn tensor(&self, op: &TensorOp, args: &[usize]) -> (String, Bond) {
        let x = args[0];
        let rank = self.book.shape(x).rank();
        match op {
            // Stretching and reshaping go without saying.
            TensorOp::BroadcastTo(_) | TensorOp::Reshape(_) => self.write(x),
            TensorOp::Permute(Permute { axes }) if rank == 2 && axes[..] == [1, 0] => {
                (format!("{}^{{\\top}}", self.at(x, Bond::Whole)), Bond::Whole)
            }
            TensorOp::MatMul(MatMul { ta, tb }) => {
                let factor = |id: usize, transposed: bool| {
                    let text = self.at(id, Bond::Whole);
                    if transposed { format!("{text}^{{\\top}}") } else { text }
                };
                (format!("{} \\, {}", factor(x, *ta), factor(args[1], *tb)), Bond::Product)
            }
            TensorOp::Sum(_) | TensorOp::Map(_) | TensorOp::Reduce(_) => self.rows(op, args),
            TensorOp::Inv(_) => (format!("{}^{{-1}}", self.at(x, Bond::Whole)), Bond::Whole),
            TensorOp::Solve(Solve { transposed }) => {
                let power = if *transposed { "-\\top" } else { "-1" };
                (format!("{}^{{{power}}} {}", self.at(x, Bond::Whole), self.at(args[1], Bond::Whole)), Bond::Product)
            }
            TensorOp::Det(_) => (self.call("\\det", args), Bond::Whole),
            TensorOp::SquaredError(_) => {
                let difference = format!("{} - {}", self.formula(x), self.at(args[1], Bond::Product));
                (format!("\\left\\lVert {difference}\\right\\rVert^{{2}}"), Bond::Whole)
            }
            TensorOp::CrossEntropy(CrossEntropy { labels }) => {
                let softmax = self.call(&operator("softmax"), args);
                let sum = format!("{}\\left(Y \\odot \\ln {softmax}\\right)", operator("sum"));
                (format!("-{} {sum}", number(1.0 / labels.len() as f64)), Bond::Sum)
            }
            TensorOp::CrossEntropySlope(CrossEntropySlope { labels }) => {
                let softmax = self.call(&operator("softmax"), args);
                (format!("{} \\left({softmax} - Y\\right)", number(1.0 / labels.len() as f64)), Bond::Product)
            }
            op => (self.call(&operator(op.name()), args), Bond::Whole),
        }
    }
}

/// A name as a base, which a bar goes over, and what stands below it: `W1` is W with a 1 below, `y^` and `y_hat` y with a hat.
fn split_name(name: &str) -> (String, String) {
    if let Some(base) = name.strip_suffix('^').or_else(|| name.strip_suffix("_hat")) {
        let (base, below) = split_name(base);
        return (format!("\\hat{{{base}}}"), below);
    }
    let digits = name.chars().rev().take_while(char::is_ascii_digit).count();
    let (base, below) = name.split_at(name.len() - digits);
    let base = base.strip_suffix('_').unwrap_or(base);
    if base.is_empty() {
        return (text(name), String::new());
    }
    let below = if below.is_empty() { String::new() } else { format!("_{{{below}}}") };
    (text(base), below)
}

/// A word in a formula.
fn text(word: &str) -> String {
    const GREEK: [&str; 14] = [
        "alpha", "beta", "gamma", "delta", "epsilon", "theta", "lambda", "mu", "nu", "pi", "rho", "sigma", "phi",
        "omega",
    ];
    if GREEK.contains(&word) {
        return format!("\\{word}");
    }
    if word.chars().count() == 1 && word.chars().all(char::is_alphabetic) {
        return word.to_owned();
    }
    let mut escaped = String::new();
    for c in word.chars() {
        match c {
            '_' | '%' | '&' | '#' | '$' | '{' | '}' => escaped.extend(['\\', c]),
            '\\' => escaped.push_str("\\backslash "),
            '^' => escaped.push_str("\\wedge "),
            '~' => escaped.push_str("\\sim "),
            '<' => escaped.push_str("\\lt "),
            '>' => escaped.push_str("\\gt "),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    format!("\\mathrm{{{escaped}}}")
}
