//! Formulas as LaTeX.

use crate::graph::Graph;
use crate::graph::ssa::{Ir, IrOp, NodeKey};
use crate::num::Element;
use crate::num::elementwise::{Arguments, Bond, Formula, Latex, number, operator};
use crate::ops::{BinaryOp, UnaryOp};
use crate::tape::NodeOp;
use crate::tensor::Shape;
use slotmap::SecondaryMap;
use std::cell::RefCell;
use std::collections::HashMap;

/// How nodes are written.
pub(crate) struct Notation<'a, T> {
    ir: &'a RefCell<Ir<T>>,
    names: Vec<(String, String)>,
    /// What has been said, under its name: formulas go down to that.
    said: SecondaryMap<NodeKey, String>,
    /// The tensors without a name that rules brought along, as they are numbered.
    constants: RefCell<Vec<NodeKey>>,
}

impl<'a, T: Element> Notation<'a, T> {
    /// Named nodes by their names, the others as v with their number.
    pub fn new(ir: &'a RefCell<Ir<T>>, graph: &Graph<T>) -> Self {
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
        Self { ir, names: names.collect(), said: SecondaryMap::new(), constants: RefCell::default() }
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

    /// What the constants are that have been written, with their names.
    pub fn constants(&self) -> Vec<String> {
        let said = |(k, &key): (usize, &NodeKey)| {
            let IrOp::Constant(x) = self.op(key) else { unreachable!("only constants are numbered") };
            let elements: Vec<String> = x.iter().map(|x| number(x.to_f64())).collect();
            let shape = x.shape().iter().map(usize::to_string).collect::<Vec<_>>().join(" x ");
            let rows: Vec<String> =
                elements.chunks(x.shape().last().copied().unwrap_or(1).max(1)).map(|row| row.join(" & ")).collect();
            match x.shape().rank() {
                1 | 2 if x.len() <= 64 => {
                    let matrix = rows.join(" \\\\ ");
                    format!("$c_{{{}}} = \\begin{{pmatrix}} {matrix} \\end{{pmatrix}}$", k + 1)
                }
                _ => format!("$c_{{{}}}$, {shape}, of the numbers from ${}$ on", k + 1, elements[0]),
            }
        };
        self.constants.borrow().iter().enumerate().map(said).collect()
    }

    /// From here on the formula goes by this name. A number stays a number, and a first name stays.
    pub fn say(&mut self, id: NodeKey, name: String) {
        if self.literal(id).is_none() && !self.is_said(id) {
            self.said.insert(id, name);
        }
    }
    pub fn is_said(&self, id: NodeKey) -> bool {
        self.said.contains_key(id)
    }

    fn op(&self, id: NodeKey) -> IrOp<T> {
        self.ir.borrow().node(id).op.clone()
    }
    fn shape(&self, id: NodeKey) -> Shape {
        self.ir.borrow().shape(id).clone()
    }
    fn literal(&self, id: NodeKey) -> Option<f64> {
        self.ir.borrow().literal_of(id)
    }

    pub fn formula(&self, id: NodeKey) -> String {
        self.write(id).0
    }

    fn at(&self, id: NodeKey, least: Bond) -> String {
        let (text, bond) = self.write(id);
        if bond < least { format!("\\left({text}\\right)") } else { text }
    }

    fn write(&self, id: NodeKey) -> (String, Bond) {
        if let Some(name) = self.said.get(id) {
            return (name.clone(), Bond::Whole);
        }
        let node = self.ir.borrow().node(id).clone();
        let args = &node.args[..];
        match &node.op {
            IrOp::Literal(x) if *x < 0.0 => (number(*x), Bond::Sum),
            IrOp::Literal(x) => (number(*x), Bond::Whole),
            IrOp::Input(k) => (format!("x_{{{k}}}"), Bond::Whole),
            IrOp::Constant(_) => {
                let mut constants = self.constants.borrow_mut();
                let at = constants.iter().position(|&known| known == id).unwrap_or_else(|| {
                    constants.push(id);
                    constants.len() - 1
                });
                (format!("c_{{{}}}", at + 1), Bond::Whole)
            }
            IrOp::Op(op) => self.of_op(op, args),
            IrOp::Rule(op, _) => (self.call(&operator(&format!("{}'", op.name())), args), Bond::Whole),
            IrOp::Accumulate(_) => unreachable!("a pass of the compiler makes it"),
            IrOp::Named(name) => (self.call(&operator(name), args), Bond::Whole),
        }
    }

    fn of_op(&self, op: &NodeOp<T>, args: &[NodeKey]) -> (String, Bond) {
        match op {
            NodeOp::Unary(op) => self.unary(*op, args[0]),
            NodeOp::Binary(op) => op.latex(&OpArguments { notation: self, args, as_number: true }),
            NodeOp::Select => self.select(args),
            NodeOp::Tensor(op) => {
                let shapes: Vec<Shape> = args.iter().map(|&arg| self.shape(arg)).collect();
                op.latex(&OpArguments { notation: self, args, as_number: true }, &shapes)
            }
            NodeOp::Copy => self.write(args[0]),
            op => (self.call(&operator(op.name()), args), Bond::Whole),
        }
    }

    fn call(&self, name: &str, args: &[NodeKey]) -> String {
        let args: Vec<String> = args.iter().map(|&arg| self.formula(arg)).collect();
        format!("{name}\\left({}\\right)", args.join(", "))
    }

    fn unary(&self, op: UnaryOp, x: NodeKey) -> (String, Bond) {
        match op.latex() {
            Latex::Power(n) => (self.power(x, &n), Bond::Whole),
            Latex::Around { before, argument, after, bond } => {
                let text = self.at(x, argument);
                // Beside a bare name, a power of brackets would be read as one of the function.
                let bracketed = after.is_empty() && text.starts_with("\\left(") && text.ends_with('}');
                let text = if bracketed { format!("\\left({text}\\right)") } else { text };
                (format!("{before}{text}{after}"), bond)
            }
        }
    }

    fn power(&self, x: NodeKey, n: &str) -> String {
        // A power of a power or of a fraction needs its brackets.
        let plain = self.is_said(x) || self.ir.borrow().node(x).args.is_empty();
        let base = self.formula(x);
        let base = if plain && !base.contains('^') && !base.starts_with('-') {
            base
        } else {
            format!("\\left({base}\\right)")
        };
        format!("{base}^{{{n}}}")
    }

    /// A product: of numbers side by side or with a dot, of tensors element by element with a circle.
    fn times(&self, x: NodeKey, y: NodeKey) -> (String, Bond) {
        let is_tensor = |id: NodeKey| self.shape(id).rank() > 0 && self.ir.borrow().scalar_behind(id).is_none();
        if x == y && !is_tensor(x) {
            return (self.power(x, "2"), Bond::Whole);
        }
        // A number in front of what it multiplies.
        let (x, y) = if self.literal(y).is_some() { (y, x) } else { (x, y) };
        let factor = |id: NodeKey| match self.op(id) {
            IrOp::Op(NodeOp::Binary(BinaryOp::Add(_) | BinaryOp::Sub(_))) => self.at(id, Bond::Whole),
            _ => self.at(id, Bond::Product),
        };
        if let (IrOp::Op(NodeOp::Unary(UnaryOp::Neg(_))), false, None) = (self.op(x), self.is_said(x), self.literal(y))
        {
            let inner = self.ir.borrow().node(x).args[0];
            let positive = self.times(inner, y).0;
            return (format!("-{positive}"), Bond::Sum);
        }
        let (left, right) = (factor(x), factor(y));
        let (left, bond) = match self.literal(x) {
            Some(x) if x < 0.0 => (number(x), Bond::Sum),
            _ => (left, Bond::Product),
        };
        if self.literal(x).is_some() && left.starts_with("\\ln") {
            // A logarithm in front would take what follows as its argument.
            return (format!("{right} \\cdot {left}"), Bond::Product);
        }
        let bracketed = right.starts_with("\\left(");
        let sign = match (is_tensor(x), is_tensor(y)) {
            (true, true) => " \\odot ",
            _ if self.literal(x).is_some() && right.starts_with(|c: char| c.is_ascii_digit()) => " \\cdot ",
            _ if self.literal(x).is_some() || bracketed => " ",
            (false, false) => " \\cdot ",
            _ => " \\, ",
        };
        (format!("{left}{sign}{right}"), bond)
    }

    fn select(&self, args: &[NodeKey]) -> (String, Bond) {
        let &[condition, a, b] = args else { unreachable!("a choice has three parts") };
        let condition = self.condition(condition);
        if self.literal(b) == Some(0.0) {
            let product = if self.shape(a).rank() > 0 { "\\odot" } else { "\\cdot" };
            let a = self.at(a, Bond::Product);
            return (format!("{a} {product} \\left[{condition}\\right]"), Bond::Product);
        }
        let (a, b) = (self.formula(a), self.formula(b));
        (format!("\\begin{{cases}} {a} & {condition} \\\\ {b} & \\text{{otherwise}} \\end{{cases}}"), Bond::Whole)
    }

    /// A condition without brackets: true where it is not 0.
    fn condition(&self, id: NodeKey) -> String {
        let node = self.ir.borrow().node(id).clone();
        match node.op {
            IrOp::Op(NodeOp::Binary(BinaryOp::Mul(_))) if !self.is_said(id) => {
                format!("{} \\wedge {}", self.condition(node.args[0]), self.condition(node.args[1]))
            }
            IrOp::Op(NodeOp::Binary(op)) if op.is_flat() && !self.is_said(id) => {
                op.latex(&OpArguments { notation: self, args: &node.args, as_number: false }).0
            }
            _ => format!("{} \\ne 0", self.formula(id)),
        }
    }
}

/// The arguments of one op.
struct OpArguments<'n, 'a, T> {
    notation: &'n Notation<'a, T>,
    args: &'n [NodeKey],
    /// Whether a comparison is a number, 1 or 0, or a condition.
    as_number: bool,
}

impl<T: Element> Arguments for OpArguments<'_, '_, T> {
    fn at(&self, i: usize, least: Bond) -> String {
        self.notation.at(self.args[i], least)
    }
    fn matrix(&self, i: usize) -> String {
        let (notation, arg) = (self.notation, self.args[i]);
        match notation.ir.borrow().scalar_behind(arg) {
            Some(number) if number != arg && !notation.is_said(arg) => match notation.literal(number) {
                Some(1.0) => "\\mathbf{1}".to_owned(),
                _ => format!("\\left({} \\mathbf{{1}}\\right)", notation.at(number, Bond::Product)),
            },
            _ => self.at(i, Bond::Whole),
        }
    }
    fn plain(&self, i: usize) -> Formula {
        self.notation.write(self.args[i])
    }
    fn power(&self, i: usize, exponent: &str) -> String {
        self.notation.power(self.args[i], exponent)
    }
    fn call(&self, name: &str) -> String {
        self.notation.call(name, self.args)
    }
    fn sum(&self) -> Formula {
        let notation = self.notation;
        // The gradient of what thousands read is a sum of thousands: its terms are written in a loop.
        let (mut first, mut rest) = (self.args[0], vec![self.args[1]]);
        while let (IrOp::Op(NodeOp::Binary(BinaryOp::Add(_))), false) = (notation.op(first), notation.is_said(first)) {
            let args = notation.ir.borrow().node(first).args.clone();
            rest.push(args[1]);
            first = args[0];
        }
        let mut sum = notation.formula(first);
        for term in rest.into_iter().rev() {
            let term = notation.formula(term);
            sum += &term.strip_prefix('-').map_or_else(|| format!(" + {term}"), |term| format!(" - {term}"));
        }
        (sum, Bond::Sum)
    }
    fn relation(&self, sign: &str) -> Formula {
        let relation = format!("{} {sign} {}", self.at(0, Bond::Sum), self.at(1, Bond::Sum));
        (if self.as_number { format!("\\left[{relation}\\right]") } else { relation }, Bond::Whole)
    }
    fn difference(&self) -> Formula {
        (format!("{} - {}", self.at(0, Bond::Sum), self.at(1, Bond::Product)), Bond::Sum)
    }
    fn product(&self) -> Formula {
        self.notation.times(self.args[0], self.args[1])
    }
    fn quotient(&self) -> Formula {
        let (x, y) = (self.at(0, Bond::Sum), self.at(1, Bond::Sum));
        match x.strip_prefix('-') {
            Some(x) => (format!("-\\frac{{{x}}}{{{y}}}"), Bond::Sum),
            None => (format!("\\frac{{{x}}}{{{y}}}"), Bond::Whole),
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
