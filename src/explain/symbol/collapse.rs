//! Formulas brought to a normal form in which what cancels does cancel.
//!
//! A formula is written as a sum of products of powers. Denominators with several terms stay whole while products are formed,
//! so that (1 - a) / (1 - a) is 1; what is left of them above the line is multiplied out at the end. Sums over axes are taken
//! term by term, and a sum over an axis of data that is everywhere the same number is that number: rows of targets that add up to 1.
//!
//! These are identities of real numbers wherever both sides are defined; rounding and the points in between are not looked at,
//! which is why only derivations are simplified so, and never what is computed.

use super::{Equations, TermKind, TermTable};
use crate::graph::Graph;
use crate::num::Element;
use crate::ops::structural::{Sum, TensorOp};
use crate::ops::{BinaryOp, Powi, UnaryOp};
use crate::tape::NodeOp;
use crate::tensor::Shape;
use std::collections::{BTreeMap, BTreeSet};

/// Formulas longer than this are not carried along.
const LONGEST: usize = 24;
/// Sums of more products than this are left as they are.
const MOST_TERMS: usize = 32;

/// A product of powers of terms.
type Product = BTreeMap<usize, i32>;
/// A sum of products with their factors.
type Polynomial = BTreeMap<Vec<(usize, i32)>, f64>;

/// Adjoints with the adjoints after them put in, and simplified, where they stay short.
pub(crate) struct Collapse<'a, T> {
    book: &'a TermTable,
    graph: &'a Graph<T>,
    equations: &'a Equations,
    /// Whether sums stand in for the nodes that they are.
    inlines: bool,
}

impl<'a, T: Element> Collapse<'a, T> {
    pub fn new(book: &'a TermTable, graph: &'a Graph<T>, equations: &'a Equations) -> Self {
        Self { book, graph, equations, inlines: false }
    }

    /// For each node its gradient in terms of values alone, where that is short.
    pub fn adjoints(&self) -> Vec<Option<usize>> {
        let n = self.graph.nodes().len();
        let mut full: Vec<Option<usize>> = vec![None; n];
        full[n - 1] = Some(self.book.lit(1.0));
        for node in (0..n - 1).rev() {
            let Some(raw) = self.equations.adjoint(self.book, node) else { continue };
            let with = self.book.substituted(raw, &|form| match form {
                TermKind::Adjoint(reader) => full[*reader],
                _ => None,
            });
            let unknown = |form: &TermKind| matches!(form, TermKind::Adjoint(_));
            if self.book.leaves(with, 4 * LONGEST) <= 4 * LONGEST && !self.book.mentions(with, &unknown) {
                let looking_through = Self { inlines: true, ..*self };
                let forms = [self.simplified(with), looking_through.simplified(with)];
                let short = forms.into_iter().min_by_key(|&form| self.book.leaves(form, LONGEST)).unwrap_or(with);
                full[node] = (self.book.leaves(short, LONGEST) <= LONGEST).then_some(short);
            }
        }
        full
    }

    /// The formula in its normal form.
    pub fn simplified(&self, id: usize) -> usize {
        let mut denominators = BTreeSet::new();
        self.collect_denominators(id, &mut denominators);
        let sum = self.polynomial(id, &denominators);
        let sum = self.multiplied_out(sum, &denominators);
        self.written(&sum)
    }

    fn collect_denominators(&self, id: usize, found: &mut BTreeSet<usize>) {
        let term = self.book.term(id);
        let below = match (&term.form, &term.args[..]) {
            (TermKind::Binary(BinaryOp::Div(_) | BinaryOp::Over(_)), &[_, below]) => Some(below),
            (TermKind::Unary(UnaryOp::Reciprocal(_)), &[below]) => Some(below),
            _ => None,
        };
        if let Some(below) = below {
            let sum = self.polynomial(below, &BTreeSet::new());
            if sum.len() > 1 {
                found.insert(self.written(&sum));
            }
        }
        for &arg in &term.args {
            self.collect_denominators(arg, found);
        }
    }

    /// The formula as a sum of products.
    fn polynomial(&self, id: usize, denominators: &BTreeSet<usize>) -> Polynomial {
        let id = self.book.stretched_number(id).unwrap_or(id);
        let term = self.book.term(id);
        let of = |i: usize| self.polynomial(term.args[i], denominators);
        let sum = match &term.form {
            TermKind::Literal(x) => constant(*x),
            TermKind::Node(index) => match self.inlined(*index).filter(|_| self.inlines) {
                Some(formula) => self.polynomial(formula, denominators),
                None => atom(id, 1),
            },
            TermKind::Unary(UnaryOp::Neg(_)) => times(&of(0), &constant(-1.0)),
            TermKind::Unary(UnaryOp::Square(_)) => times(&of(0), &of(0)),
            TermKind::Unary(UnaryOp::Powi(Powi { n: n @ 1..=4 })) => {
                (1..*n).fold(of(0), |power, _| times(&power, &of(0)))
            }
            TermKind::Unary(UnaryOp::Reciprocal(_)) => times(&constant(1.0), &self.inverse(of(0))),
            TermKind::Binary(BinaryOp::Add(_)) => plus(of(0), &of(1), 1.0),
            TermKind::Binary(BinaryOp::Sub(_)) => plus(of(0), &of(1), -1.0),
            TermKind::Binary(BinaryOp::Mul(_) | BinaryOp::Scale(_) | BinaryOp::Gate(_)) => times(&of(0), &of(1)),
            TermKind::Binary(BinaryOp::Div(_) | BinaryOp::Over(_)) => times(&of(0), &self.inverse(of(1))),
            TermKind::Tensor(TensorOp::Sum(op)) => self.summed(op, &self.book.shape(term.args[0]), &of(0)),
            _ if term.args.is_empty() => atom(id, 1),
            _ => {
                let args: Vec<usize> = term.args.iter().map(|&arg| self.shaped(self.simplified(arg), arg)).collect();
                atom(self.book.with_args(&term, &args), 1)
            }
        };
        if sum.len() > MOST_TERMS {
            return atom(id, 1);
        }
        if sum.len() > 1 && !denominators.is_empty() {
            let whole = self.written(&sum);
            if denominators.contains(&whole) {
                return atom(whole, 1);
            }
        }
        sum
    }

    /// A node's formula where it is a sum with a literal, or a sum that no one has named.
    fn inlined(&self, index: usize) -> Option<usize> {
        let node = &self.graph.nodes()[index];
        let arithmetic =
            matches!(node.op, NodeOp::Binary(BinaryOp::Add(_) | BinaryOp::Sub(_)) | NodeOp::Unary(UnaryOp::Neg(_)));
        let literal = node.parents().count() < node.args().len();
        let formula = self.equations.values[index].filter(|_| arithmetic && (literal || node.name().is_none()))?;
        // Nothing stretched: a sum keeps the shape of its parts.
        let whole = |parent: usize| self.graph.nodes()[parent].shape() == node.shape();
        node.parents().all(whole).then_some(formula)
    }

    /// 1 over a sum of products; of several products, as one term.
    fn inverse(&self, sum: Polynomial) -> Polynomial {
        match sum.iter().next() {
            Some((product, factor)) if sum.len() == 1 => {
                let product = product.iter().map(|&(id, power)| (id, -power)).collect();
                BTreeMap::from([(product, 1.0 / factor)])
            }
            _ => atom(self.written(&sum), -1),
        }
    }

    /// The sum over axes, term by term.
    fn summed(&self, op: &Sum, from: &Shape, sum: &Polynomial) -> Polynomial {
        let mut total = Polynomial::new();
        for (product, factor) in sum {
            let is_number = |&(id, _): &(usize, i32)| self.book.shape(id).rank() == 0;
            let (outside, inside): (Vec<_>, Vec<_>) = product.iter().partition(|part| is_number(part));
            let inside = BTreeMap::from([(inside, 1.0)]);
            let inside = match inside.keys().next().is_some_and(|product| product.is_empty()) {
                true => constant((from.numel() / from.reduced(op.axes, false).numel().max(1)) as f64),
                false => self.sum_of(op, from, self.written(&inside)),
            };
            total = plus(total, &times(&BTreeMap::from([(outside, *factor)]), &inside), 1.0);
        }
        total
    }

    /// The sum over axes of one term; a number where the term is data whose sums are all the same.
    fn sum_of(&self, op: &Sum, from: &Shape, id: usize) -> Polynomial {
        let keep = TensorOp::Sum(op.clone());
        if let TermKind::Node(index) = self.book.term(id).form
            && self.graph.nodes()[index].is_data()
            && self.book.shape(id) == *from
        {
            let values: Vec<f64> = self.graph.nodes()[index].value().as_slice().iter().map(|x| x.as_f64()).collect();
            let sums = crate::Tensor::new(from.clone(), values).ok().and_then(|x| sums_over(&x, op));
            if let Some(first) = sums.as_ref().and_then(|sums| sums.first().copied())
                && sums.is_some_and(|sums| sums.len() > 1 && sums.iter().all(|sum| (sum - first).abs() <= 1e-12))
            {
                return constant(first);
            }
        }
        let whole = if self.book.shape(id) == *from { id } else { self.book.broadcast_to(id, from) };
        atom(self.book.tensor(keep, &[whole]), 1)
    }

    /// Sums that were kept whole and stand above the line, multiplied out.
    fn multiplied_out(&self, sum: Polynomial, denominators: &BTreeSet<usize>) -> Polynomial {
        let mut total = Polynomial::new();
        for (product, factor) in sum {
            let (whole, rest): (Vec<_>, Vec<_>) =
                product.iter().partition(|(id, power)| denominators.contains(id) && *power > 0);
            let mut part = BTreeMap::from([(rest, factor)]);
            for (id, power) in whole {
                let inner = self.polynomial(id, &BTreeSet::new());
                part = (0..power).fold(part, |part, _| times(&part, &inner));
            }
            total = plus(total, &part, 1.0);
        }
        total
    }

    /// The sum of products as a formula: common factors in front, terms with a plus first.
    fn written(&self, sum: &Polynomial) -> usize {
        let terms: Vec<(&Vec<(usize, i32)>, f64)> = sum.iter().map(|(product, &factor)| (product, factor)).collect();
        let Some(&(first, size)) = terms.first() else { return self.book.lit(0.0) };
        if terms.len() == 1 {
            return self.product(first, size);
        }
        let mut common: Product = first.iter().copied().collect();
        for (product, _) in &terms {
            let powers: Product = product.iter().copied().collect();
            common = common
                .into_iter()
                .filter_map(|(id, power)| Some((id, power.min(*powers.get(&id)?))))
                .filter(|&(_, power)| power > 0)
                .collect();
        }
        let scale = if terms.iter().all(|(_, factor)| factor.abs() == size.abs()) { size.abs() } else { 1.0 };
        let negative = terms.iter().all(|(_, factor)| *factor < 0.0);
        let scale = if negative { -scale } else { scale };
        let mut inner: Vec<(usize, f64)> = Vec::new();
        for (product, factor) in &terms {
            let left: Vec<(usize, i32)> = product
                .iter()
                .map(|&(id, power)| (id, power - common.get(&id).unwrap_or(&0)))
                .filter(|part| part.1 != 0)
                .collect();
            let factor = factor / scale;
            inner.push((self.product(&left, factor.abs()), factor));
        }
        // A stable sort: terms with a plus first.
        inner.sort_by_key(|(_, factor)| *factor < 0.0);
        let mut formula = inner[0].0;
        if inner[0].1 < 0.0 {
            formula = self.book.neg(formula);
        }
        for &(part, factor) in &inner[1..] {
            let op = if factor < 0.0 { BinaryOp::Sub(crate::ops::Sub) } else { BinaryOp::Add(crate::ops::Add) };
            formula = self.book.binary(op, formula, part);
        }
        let common: Vec<(usize, i32)> = common.into_iter().collect();
        if common.is_empty() {
            return self.book.mul(self.book.lit(scale), formula);
        }
        self.book.mul(self.product(&common, scale), formula)
    }

    fn product(&self, product: &[(usize, i32)], factor: f64) -> usize {
        let power = |(id, power): (usize, i32)| match power {
            1 => id,
            2 => self.book.unary(UnaryOp::Square(crate::ops::Square), id),
            n => self.book.unary(UnaryOp::Powi(Powi { n }), id),
        };
        let above =
            product.iter().filter(|part| part.1 > 0).map(|&part| power(part)).reduce(|a, b| self.book.mul(a, b));
        let below =
            product.iter().filter(|part| part.1 < 0).map(|&(id, n)| power((id, -n))).reduce(|a, b| self.book.mul(a, b));
        match (above, below) {
            (Some(above), None) => self.book.mul(self.book.lit(factor), above),
            (Some(above), Some(below)) => self.book.mul(self.book.lit(factor), self.book.div(above, below)),
            (None, Some(below)) => self.book.div(self.book.lit(factor), below),
            (None, None) => self.book.lit(factor),
        }
    }

    fn shaped(&self, id: usize, like: usize) -> usize {
        let shape = self.book.shape(like);
        if self.book.shape(id) == shape { id } else { self.book.broadcast_to(id, &shape) }
    }
}

/// The sums of a tensor over an op's axes.
fn sums_over(x: &crate::Tensor<f64>, op: &Sum) -> Option<Vec<f64>> {
    let tape = crate::Tape::new();
    let sum = crate::tape::Var::record_tensor_op(TensorOp::Sum(op.clone()), &[tape.data(x)]).ok()?;
    Some(sum.value().to_vec())
}

fn constant(x: f64) -> Polynomial {
    if x == 0.0 { Polynomial::new() } else { BTreeMap::from([(Vec::new(), x)]) }
}

fn atom(id: usize, power: i32) -> Polynomial {
    BTreeMap::from([(vec![(id, power)], 1.0)])
}

fn plus(mut a: Polynomial, b: &Polynomial, scale: f64) -> Polynomial {
    for (product, factor) in b {
        *a.entry(product.clone()).or_insert(0.0) += scale * factor;
    }
    a.retain(|_, factor| *factor != 0.0);
    a
}

fn times(a: &Polynomial, b: &Polynomial) -> Polynomial {
    let mut total = Polynomial::new();
    for (x, p) in a {
        for (y, q) in b {
            let mut product: Product = x.iter().copied().collect();
            for &(id, power) in y {
                *product.entry(id).or_insert(0) += power;
            }
            let product = product.into_iter().filter(|part| part.1 != 0).collect();
            *total.entry(product).or_insert(0.0) += p * q;
        }
    }
    total.retain(|_, factor| *factor != 0.0);
    total
}
