//! What is written down of a graph: each node's formula as a tree, in terms of what has been said under a name.
//!
//! Brackets and signs are decided here, by what stands around; how the tree is printed is nobody's concern here.

use crate::graph::Graph;
use crate::graph::ssa::{Ir, IrOp, NodeKey};
use crate::num::Element;
use crate::num::elementwise::Arguments;
use crate::num::elementwise::formula::{Between, Bond, Fence, Formula, LN, Math};
use crate::ops::{BinaryOp, UnaryOp};
use crate::tape::NodeOp;
use crate::tensor::Shape;
use slotmap::SecondaryMap;
use std::cell::RefCell;
use std::collections::HashMap;

/// How nodes are written.
pub(crate) struct Formulas<'a, T> {
    ir: &'a RefCell<Ir<T>>,
    names: Vec<Name>,
    /// What has been said, under its name: formulas go down to that.
    said: SecondaryMap<NodeKey, Math>,
    /// The tensors without a name that rules brought along, as they are numbered.
    constants: RefCell<Vec<NodeKey>>,
}

/// An array that a rule brought along.
pub(crate) struct Constant {
    pub name: Math,
    /// Its numbers, where they are few.
    pub rows: Option<Math>,
    pub shape: Shape,
    pub first: Math,
}

/// The name of a node: a base, which a bar goes over, and what stands below and above it.
struct Name {
    base: Math,
    below: Option<Math>,
    above: Option<Math>,
}

impl Name {
    fn with(&self, base: Math) -> Math {
        let base = self.below.iter().cloned().fold(base, Math::below);
        self.above.iter().cloned().fold(base, Math::above)
    }
}

impl<'a, T: Element> Formulas<'a, T> {
    /// Named nodes by their names, the others as v with their number.
    pub fn new(ir: &'a RefCell<Ir<T>>, graph: &Graph<T>) -> Self {
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for name in graph.nodes().iter().filter_map(|node| node.name()) {
            *seen.entry(name).or_default() += 1;
        }
        let names = graph.nodes().iter().map(|node| match node.name() {
            Some(name) if seen[name] == 1 => split_name(name),
            Some(name) => Name { above: Some(whole(node.index()).within(Fence::Round)), ..split_name(name) },
            None => Name { base: Math::Letter('v'), below: Some(whole(node.index())), above: None },
        });
        Self { ir, names: names.collect(), said: SecondaryMap::new(), constants: RefCell::default() }
    }

    /// A node's value.
    pub fn node(&self, index: usize) -> Math {
        let name = &self.names[index];
        name.with(name.base.clone())
    }

    /// The gradient by a node.
    pub fn adjoint(&self, index: usize) -> Math {
        let name = &self.names[index];
        name.with(Math::Bar(Box::new(name.base.clone())))
    }

    /// The constants that have been written, as they are numbered.
    pub fn constants(&self) -> Vec<Constant> {
        let said = |(k, &key): (usize, &NodeKey)| {
            let IrOp::Constant(x) = self.op(key) else { unreachable!("only constants are numbered") };
            let elements: Vec<Math> = x.iter().map(|x| Math::number(x.to_f64())).collect();
            let width = x.shape().last().copied().unwrap_or(1).max(1);
            let few = matches!(x.shape().rank(), 1 | 2) && x.len() <= 64;
            let rows = few.then(|| Math::Matrix(elements.chunks(width).map(<[Math]>::to_vec).collect()));
            Constant { name: constant(k), rows, shape: x.shape().clone(), first: elements[0].clone() }
        };
        self.constants.borrow().iter().enumerate().map(said).collect()
    }

    /// From here on the formula goes by this name. A number stays a number, and a first name stays.
    pub fn say(&mut self, id: NodeKey, name: Math) {
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

    pub fn formula(&self, id: NodeKey) -> Math {
        self.write(id).0
    }

    fn at(&self, id: NodeKey, least: Bond) -> Math {
        let (formula, bond) = self.write(id);
        if bond < least { formula.within(Fence::Round) } else { formula }
    }

    fn write(&self, id: NodeKey) -> Formula {
        if let Some(name) = self.said.get(id) {
            return (name.clone(), Bond::Whole);
        }
        let node = self.ir.borrow().node(id).clone();
        let args = &node.args[..];
        match &node.op {
            IrOp::Literal(x) if *x < 0.0 => (Math::number(*x), Bond::Sum),
            IrOp::Literal(x) => (Math::number(*x), Bond::Whole),
            IrOp::Input(k) => (Math::Letter('x').below(whole(*k)), Bond::Whole),
            IrOp::Constant(_) => {
                let mut constants = self.constants.borrow_mut();
                let at = constants.iter().position(|&known| known == id).unwrap_or_else(|| {
                    constants.push(id);
                    constants.len() - 1
                });
                (constant(at), Bond::Whole)
            }
            IrOp::Op(op) => self.of_op(op, args),
            IrOp::Rule(op, _) => (self.call(Math::Function(format!("{}'", op.name())), args), Bond::Whole),
            IrOp::Accumulate(_) => unreachable!("a pass of the compiler makes it"),
            IrOp::Named(name) => (self.call(Math::function(name), args), Bond::Whole),
        }
    }

    fn of_op(&self, op: &NodeOp<T>, args: &[NodeKey]) -> Formula {
        let arguments = OpArguments { formulas: self, args, as_number: true };
        match op {
            NodeOp::Unary(op) => op.formula(&arguments),
            NodeOp::Binary(op) => op.formula(&arguments),
            NodeOp::Select => self.select(args),
            NodeOp::Tensor(op) => {
                let shapes: Vec<Shape> = args.iter().map(|&arg| self.shape(arg)).collect();
                op.formula(&arguments, &shapes)
            }
            NodeOp::Copy => self.write(args[0]),
            op => (self.call(Math::function(op.name()), args), Bond::Whole),
        }
    }

    fn call(&self, function: Math, args: &[NodeKey]) -> Math {
        function.call(Math::list(args.iter().map(|&arg| self.formula(arg)), Between::Comma))
    }

    fn power(&self, x: NodeKey, n: Math) -> Math {
        // A power of a power or of a fraction needs its brackets.
        let plain = self.is_said(x) || self.ir.borrow().node(x).args.is_empty();
        let base = self.formula(x);
        let whole = matches!(
            base,
            Math::Letter(_) | Math::Word(_) | Math::Symbol(_) | Math::Number(_) | Math::Bar(_) | Math::Hat(_)
        );
        let named = matches!(base, Math::Scripts { above: None, .. });
        let base = if plain && (whole || named) { base } else { base.within(Fence::Round) };
        base.above(n)
    }

    /// A product: of numbers side by side or with a dot, of tensors element by element with a circle.
    fn times(&self, x: NodeKey, y: NodeKey) -> Formula {
        let is_tensor = |id: NodeKey| self.shape(id).rank() > 0 && self.ir.borrow().scalar_behind(id).is_none();
        if x == y && !is_tensor(x) {
            return (self.power(x, Math::integer(2)), Bond::Whole);
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
            return (self.times(inner, y).0.negative(), Bond::Sum);
        }
        let (left, right) = (factor(x), factor(y));
        let (left, bond) = match self.literal(x) {
            Some(x) if x < 0.0 => (Math::number(x), Bond::Sum),
            _ => (left, Bond::Product),
        };
        let is_number = self.literal(x).is_some();
        if is_number && *left.first() == LN {
            // A logarithm in front would take what follows as its argument.
            return (Math::row(right, Between::Dot, left), Bond::Product);
        }
        let bracketed = matches!(right.first(), Math::Fenced(Fence::Round, _));
        let sign = match (is_tensor(x), is_tensor(y)) {
            (true, true) => Between::Circle,
            _ if is_number && matches!(right.first(), Math::Number(_)) => Between::Dot,
            _ if is_number || bracketed => Between::Beside,
            (false, false) => Between::Dot,
            _ => Between::Thin,
        };
        (Math::row(left, sign, right), bond)
    }

    fn select(&self, args: &[NodeKey]) -> Formula {
        let &[condition, a, b] = args else { unreachable!("a choice has three parts") };
        let condition = self.condition(condition);
        if self.literal(b) == Some(0.0) {
            let sign = if self.shape(a).rank() > 0 { Between::Circle } else { Between::Dot };
            let a = self.at(a, Bond::Product);
            return (Math::row(a, sign, condition.within(Fence::Square)), Bond::Product);
        }
        let [then, condition, otherwise] = [self.formula(a), condition, self.formula(b)].map(Box::new);
        (Math::Cases { then, condition, otherwise }, Bond::Whole)
    }

    /// A condition without brackets: true where it is not 0.
    fn condition(&self, id: NodeKey) -> Math {
        let node = self.ir.borrow().node(id).clone();
        match node.op {
            IrOp::Op(NodeOp::Binary(BinaryOp::Mul(_))) if !self.is_said(id) => {
                Math::row(self.condition(node.args[0]), Between::And, self.condition(node.args[1]))
            }
            IrOp::Op(NodeOp::Binary(op)) if op.is_flat() && !self.is_said(id) => {
                op.formula(&OpArguments { formulas: self, args: &node.args, as_number: false }).0
            }
            _ => Math::row(self.formula(id), Between::NotEqual, Math::integer(0)),
        }
    }
}

/// A whole number that counts.
fn whole(n: usize) -> Math {
    Math::Number(n.to_string())
}

/// The name of a constant, by its number.
fn constant(k: usize) -> Math {
    Math::Letter('c').below(whole(k + 1))
}

/// The arguments of one op.
struct OpArguments<'n, 'a, T> {
    formulas: &'n Formulas<'a, T>,
    args: &'n [NodeKey],
    /// Whether a comparison is a number, 1 or 0, or a condition.
    as_number: bool,
}

impl<T: Element> Arguments for OpArguments<'_, '_, T> {
    fn at(&self, i: usize, least: Bond) -> Math {
        self.formulas.at(self.args[i], least)
    }
    fn matrix(&self, i: usize) -> Math {
        let (formulas, arg) = (self.formulas, self.args[i]);
        let ones = || Math::Bold(Box::new(Math::integer(1)));
        match formulas.ir.borrow().scalar_behind(arg) {
            Some(number) if number != arg && !formulas.is_said(arg) => match formulas.literal(number) {
                Some(1.0) => ones(),
                _ => Math::row(formulas.at(number, Bond::Product), Between::Beside, ones()).within(Fence::Round),
            },
            _ => self.at(i, Bond::Whole),
        }
    }
    fn plain(&self, i: usize) -> Formula {
        self.formulas.write(self.args[i])
    }
    fn power(&self, i: usize, exponent: Math) -> Math {
        self.formulas.power(self.args[i], exponent)
    }
    fn call(&self, function: Math) -> Math {
        self.formulas.call(function, self.args)
    }
    fn sum(&self) -> Formula {
        let formulas = self.formulas;
        // The gradient of what thousands read is a sum of thousands: its terms are written in a loop.
        let (mut first, mut rest) = (self.args[0], vec![self.args[1]]);
        while let (IrOp::Op(NodeOp::Binary(BinaryOp::Add(_))), false) = (formulas.op(first), formulas.is_said(first)) {
            let args = formulas.ir.borrow().node(first).args.clone();
            rest.push(args[1]);
            first = args[0];
        }
        let mut sum = vec![formulas.formula(first)];
        for term in rest.into_iter().rev() {
            let term = formulas.formula(term);
            match term.without_minus() {
                Some(term) => sum.extend([Math::Sign(Between::Minus), term]),
                None => sum.extend([Math::Sign(Between::Plus), term]),
            }
        }
        (Math::Row(sum), Bond::Sum)
    }
    fn relation(&self, sign: Between) -> Formula {
        let relation = Math::row(self.at(0, Bond::Sum), sign, self.at(1, Bond::Sum));
        (if self.as_number { relation.within(Fence::Square) } else { relation }, Bond::Whole)
    }
    fn difference(&self) -> Formula {
        (Math::row(self.at(0, Bond::Sum), Between::Minus, self.at(1, Bond::Product)), Bond::Sum)
    }
    fn product(&self) -> Formula {
        self.formulas.times(self.args[0], self.args[1])
    }
    fn quotient(&self) -> Formula {
        let (x, y) = (self.at(0, Bond::Sum), self.at(1, Bond::Sum));
        match x.without_minus().filter(|_| !is_sum(&x)) {
            Some(x) => (Math::over(x, y).negative(), Bond::Sum),
            None => (Math::over(x, y), Bond::Whole),
        }
    }
}

/// Whether it has terms: a minus in front is of the first of them alone.
fn is_sum(x: &Math) -> bool {
    matches!(x, Math::Row(parts) if parts.iter().any(|part| matches!(part, Math::Sign(Between::Plus | Between::Minus))))
}

/// A name as a base, which a bar goes over, and what stands below it: `W1` is W with a 1 below, `y^` and `y_hat` y with a hat.
fn split_name(name: &str) -> Name {
    if let Some(base) = name.strip_suffix('^').or_else(|| name.strip_suffix("_hat")) {
        let of = split_name(base);
        return Name { base: Math::Hat(Box::new(of.base)), ..of };
    }
    let digits = name.chars().rev().take_while(char::is_ascii_digit).count();
    let (base, below) = name.split_at(name.len() - digits);
    let base = base.strip_suffix('_').unwrap_or(base);
    if base.is_empty() {
        return Name { base: Math::name(name), below: None, above: None };
    }
    let below = (!below.is_empty()).then(|| Math::Number(below.to_owned()));
    Name { base: Math::name(base), below, above: None }
}
