//! Formulas brought to a normal form in which what cancels does cancel.
//!
//! A formula is written as a sum of products of powers. Denominators with several terms stay whole while products are formed,
//! so that (1 - a) / (1 - a) is 1; what is left of them above the line is multiplied out at the end. Sums over axes are taken
//! term by term, and a sum over an axis of data that is everywhere the same number is that number: rows of targets that add up to 1.
//!
//! These are identities of real numbers wherever both sides are defined; rounding and the points in between are not looked at,
//! which is why only derivations are simplified so, and never what is computed.

use super::{Equations, leaves};
use crate::graph::Graph;
use crate::graph::ssa::{Ir, IrOp, Node, NodeKey};
use crate::num::Element;
use crate::ops::structural::{Sum, TensorOp};
use crate::ops::{BinaryOp, Powi, UnaryOp};
use crate::tape::NodeOp;
use crate::tensor::Shape;
use slotmap::SecondaryMap;
use std::cell::{Cell, RefMut};
use std::collections::{BTreeMap, BTreeSet};

/// Formulas longer than this are not carried along.
const LONGEST: usize = 24;
/// Sums of more products than this are left as they are.
const MOST_TERMS: usize = 32;

/// A product of powers of terms.
type Product = BTreeMap<NodeKey, i32>;
/// A sum of products with their factors.
type Polynomial = BTreeMap<Vec<(NodeKey, i32)>, f64>;

/// Adjoints with the adjoints after them put in, and simplified, where they stay short.
pub(crate) struct Collapse<'a, T> {
    graph: &'a Graph<T>,
    equations: &'a Equations<T>,
    /// The graph's nodes: formulas end there.
    nodes: &'a SecondaryMap<NodeKey, usize>,
    /// Whether sums stand in for the nodes that they are.
    inlines: bool,
}

/// For each node its gradient in terms of values alone, where that is short.
pub(crate) fn collapsed<T: Element>(graph: &Graph<T>, equations: &Equations<T>) -> Vec<Option<NodeKey>> {
    let mut nodes = SecondaryMap::new();
    for (index, &key) in equations.values.iter().enumerate() {
        if equations.ir.borrow().literal_of(key).is_none() && !nodes.contains_key(key) {
            nodes.insert(key, index);
        }
    }
    Collapse { graph, equations, nodes: &nodes, inlines: false }.adjoints()
}

impl<T: Element> Collapse<'_, T> {
    fn ir(&self) -> RefMut<'_, Ir<T>> {
        self.equations.ir.borrow_mut()
    }
    fn shape(&self, key: NodeKey) -> Shape {
        self.ir().shape(key).clone()
    }
    fn literal(&self, x: f64) -> NodeKey {
        self.ir().literal(x)
    }
    fn leaves(&self, key: NodeKey, limit: usize) -> usize {
        let is_node = |key| self.nodes.contains_key(key);
        if is_node(key) { 1 } else { leaves(&self.ir(), key, limit, &is_node) }
    }

    fn adjoints(&self) -> Vec<Option<NodeKey>> {
        let n = self.graph.nodes().len();
        let mut all: Vec<Option<NodeKey>> = vec![None; n];
        // What gradients are in terms of values; nothing, where that is too long.
        let mut full: SecondaryMap<NodeKey, Option<NodeKey>> = SecondaryMap::new();
        let Some(seed) = self.equations.adjoints[n - 1] else { return all };
        let one = self.literal(1.0);
        let shape = self.shape(seed);
        let one = self.ir().stretched(one, &shape);
        full.insert(seed, Some(one));
        all[n - 1] = Some(one);
        for node in (0..n - 1).rev() {
            let Some(raw) = self.equations.adjoints[node] else { continue };
            if !full.contains_key(raw) {
                let short = self.in_values(raw, &full);
                full.insert(raw, short);
            }
            all[node] = full[raw];
        }
        all
    }

    /// A gradient with the gradients that it is made of put in, simplified, where that is short.
    fn in_values(&self, raw: NodeKey, full: &SecondaryMap<NodeKey, Option<NodeKey>>) -> Option<NodeKey> {
        let is_leaf = |key| self.nodes.contains_key(key) || full.contains_key(key);
        if leaves(&self.ir(), raw, 4 * LONGEST, &is_leaf) > 4 * LONGEST {
            return None;
        }
        let unknown = Cell::new(false);
        let replace = |key: NodeKey| match full.get(key) {
            _ if self.nodes.contains_key(key) => Some(key),
            Some(Some(short)) => Some(*short),
            Some(None) => {
                unknown.set(true);
                Some(key)
            }
            None => None,
        };
        let with = self.ir().substituted(raw, &replace, &mut SecondaryMap::new());
        if unknown.get() || self.leaves(with, 4 * LONGEST) > 4 * LONGEST {
            return None;
        }
        let forms = [false, true].map(|inlines| Self { inlines, ..*self }.simplified(with));
        let short = forms.into_iter().min_by_key(|&form| self.leaves(form, LONGEST)).unwrap_or(with);
        (self.leaves(short, LONGEST) <= LONGEST).then_some(short)
    }

    /// The formula in its normal form.
    pub fn simplified(&self, id: NodeKey) -> NodeKey {
        let mut denominators = BTreeSet::new();
        self.collect_denominators(id, &mut denominators);
        let sum = self.polynomial(id, &denominators);
        let sum = self.multiplied_out(sum, &denominators);
        self.written(&sum)
    }

    fn collect_denominators(&self, id: NodeKey, found: &mut BTreeSet<NodeKey>) {
        let node = self.ir().node(id).clone();
        if self.nodes.contains_key(id) {
            return;
        }
        let below = match (&node.op, &node.args[..]) {
            (IrOp::Op(NodeOp::Binary(BinaryOp::Div(_) | BinaryOp::Over(_))), &[_, below]) => Some(below),
            (IrOp::Op(NodeOp::Unary(UnaryOp::Reciprocal(_))), &[below]) => Some(below),
            _ => None,
        };
        if let Some(below) = below {
            let sum = self.polynomial(below, &BTreeSet::new());
            if sum.len() > 1 {
                found.insert(self.written(&sum));
            }
        }
        for &arg in &node.args {
            self.collect_denominators(arg, found);
        }
    }

    /// The formula as a sum of products.
    fn polynomial(&self, id: NodeKey, denominators: &BTreeSet<NodeKey>) -> Polynomial {
        let id = self.ir().scalar_behind(id).unwrap_or(id);
        if let Some(&index) = self.nodes.get(id) {
            return match self.inlined(index) {
                Some(sum) => self.polynomial_of(&sum, denominators, id),
                None => atom(id, 1),
            };
        }
        let node = self.ir().node(id).clone();
        self.polynomial_of(&node, denominators, id)
    }

    /// What a node computes as a sum of products.
    fn polynomial_of(&self, node: &Node<T>, denominators: &BTreeSet<NodeKey>, id: NodeKey) -> Polynomial {
        let of = |i: usize| self.polynomial(node.args[i], denominators);
        use NodeOp::{Binary, Unary};
        let sum = match &node.op {
            IrOp::Literal(x) => constant(*x),
            IrOp::Op(Unary(UnaryOp::Neg(_))) => times(&of(0), &constant(-1.0)),
            IrOp::Op(Unary(UnaryOp::Square(_))) => times(&of(0), &of(0)),
            IrOp::Op(Unary(UnaryOp::Powi(Powi { n: n @ 1..=4 }))) => {
                (1..*n).fold(of(0), |power, _| times(&power, &of(0)))
            }
            IrOp::Op(Unary(UnaryOp::Reciprocal(_))) => times(&constant(1.0), &self.inverse(of(0))),
            IrOp::Op(Binary(BinaryOp::Add(_))) => plus(of(0), &of(1), 1.0),
            IrOp::Op(Binary(BinaryOp::Sub(_))) => plus(of(0), &of(1), -1.0),
            IrOp::Op(Binary(BinaryOp::Mul(_) | BinaryOp::Scale(_) | BinaryOp::Gate(_))) => times(&of(0), &of(1)),
            IrOp::Op(Binary(BinaryOp::Div(_) | BinaryOp::Over(_))) => times(&of(0), &self.inverse(of(1))),
            IrOp::Op(NodeOp::Tensor(TensorOp::Sum(op))) => self.summed(op, &self.shape(node.args[0]), &of(0)),
            _ if node.args.is_empty() => atom(id, 1),
            _ => {
                let args: Vec<NodeKey> = node.args.iter().map(|&arg| self.shaped(self.simplified(arg), arg)).collect();
                atom(self.ir().with_args(node, &args), 1)
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
    fn inlined(&self, index: usize) -> Option<Node<T>> {
        let node = &self.graph.nodes()[index];
        let arithmetic =
            matches!(node.op, NodeOp::Binary(BinaryOp::Add(_) | BinaryOp::Sub(_)) | NodeOp::Unary(UnaryOp::Neg(_)));
        let literal = node.parents().count() < node.args().len();
        if !self.inlines || !arithmetic || !(literal || node.name().is_none()) {
            return None;
        }
        // Nothing stretched: a sum keeps the shape of its parts.
        let whole = |parent: usize| self.graph.nodes()[parent].shape() == node.shape();
        node.parents().all(whole).then(|| self.ir().node(self.equations.values[index]).clone())
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
            let is_number = |&(id, _): &(NodeKey, i32)| self.shape(id).rank() == 0;
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
    fn sum_of(&self, op: &Sum, from: &Shape, id: NodeKey) -> Polynomial {
        let keep = TensorOp::Sum(op.clone());
        if let Some(&index) = self.nodes.get(id)
            && self.graph.nodes()[index].is_data()
            && self.shape(id) == *from
        {
            let values: Vec<f64> = self.graph.nodes()[index].value().as_slice().iter().map(|x| x.to_f64()).collect();
            let sums = crate::Tensor::new(from.clone(), values).ok().and_then(|x| sums_over(&x, op));
            if let Some(first) = sums.as_ref().and_then(|sums| sums.first().copied())
                && sums.is_some_and(|sums| sums.len() > 1 && sums.iter().all(|sum| (sum - first).abs() <= 1e-12))
            {
                return constant(first);
            }
        }
        let whole = self.ir().stretched(id, from);
        let sum = self.ir().tensor(keep, &[whole]).expect("axes of a formula of this shape");
        atom(sum, 1)
    }

    /// Sums that were kept whole and stand above the line, multiplied out.
    fn multiplied_out(&self, sum: Polynomial, denominators: &BTreeSet<NodeKey>) -> Polynomial {
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
    fn written(&self, sum: &Polynomial) -> NodeKey {
        let terms: Vec<(&Vec<(NodeKey, i32)>, f64)> = sum.iter().map(|(product, &factor)| (product, factor)).collect();
        let Some(&(first, size)) = terms.first() else { return self.literal(0.0) };
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
        let mut inner: Vec<(NodeKey, f64)> = Vec::new();
        for (product, factor) in &terms {
            let left: Vec<(NodeKey, i32)> = product
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
            formula = self.ir().neg(formula);
        }
        for &(part, factor) in &inner[1..] {
            let op = if factor < 0.0 { BinaryOp::Sub(crate::ops::Sub) } else { BinaryOp::Add(crate::ops::Add) };
            formula = self.ir().binary(op, formula, part);
        }
        let common: Vec<(NodeKey, i32)> = common.into_iter().collect();
        if common.is_empty() {
            return self.scaled(scale, formula);
        }
        let common = self.product(&common, scale);
        self.ir().mul(common, formula)
    }

    fn product(&self, product: &[(NodeKey, i32)], factor: f64) -> NodeKey {
        let power = |(id, power): (NodeKey, i32)| match power {
            1 => id,
            2 => self.ir().unary(UnaryOp::Square(crate::ops::Square), id),
            n => self.ir().unary(UnaryOp::Powi(Powi { n }), id),
        };
        let times = |a, b| self.ir().mul(a, b);
        let above = product.iter().filter(|part| part.1 > 0).map(|&part| power(part)).reduce(times);
        let below = product.iter().filter(|part| part.1 < 0).map(|&(id, n)| power((id, -n))).reduce(times);
        match (above, below) {
            (Some(above), None) => self.scaled(factor, above),
            (Some(above), Some(below)) => {
                let quotient = self.ir().div(above, below);
                self.scaled(factor, quotient)
            }
            (None, Some(below)) => {
                let factor = self.literal(factor);
                self.ir().div(factor, below)
            }
            (None, None) => self.literal(factor),
        }
    }

    fn scaled(&self, factor: f64, formula: NodeKey) -> NodeKey {
        let factor = self.literal(factor);
        self.ir().mul(factor, formula)
    }

    fn shaped(&self, id: NodeKey, like: NodeKey) -> NodeKey {
        let shape = self.shape(like);
        self.ir().stretched(id, &shape)
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

fn atom(id: NodeKey, power: i32) -> Polynomial {
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
