//! The right derivation, statement by statement: what each node contributes to the gradient by each of its arguments.
//!
//! A node's rule is recorded alone and traced as a program is, so the rule itself writes its statement down; where the op has a
//! textbook formula, the statement that follows from that is another form of it.

use super::term::{Reader, Term, TermOp, Unfit};
use crate::error::Result;
use crate::graph::ssa::trace::{RuleForm, Traced};
use crate::graph::ssa::{Ir, IrOp, Level, NodeKey};
use crate::graph::{Arg, Graph, GraphNode};
use crate::ops::BinaryOp;
use crate::ops::structural::TensorOp;
use crate::sweep::Needs;
use crate::tape::{NodeOp, Tape, Var};
use crate::tensor::Tensor;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// How many random directions decide whether a candidate fits, before its elements do.
pub(super) const COLUMNS: usize = 3;

/// What one use of a node contributes to its gradient.
pub(super) struct Share {
    /// The node whose rule gives it.
    pub consumer: usize,
    /// The statement, in the forms that the op's own rule and its textbook formula give it.
    pub forms: Vec<Rc<Term>>,
}

/// The statements of a derivation, with the values at the point.
pub(super) struct Derivation<'a> {
    pub graph: &'a Graph<f64>,
    /// The gradient by each node that has one.
    pub adjoints: Vec<Option<Tensor<f64>>>,
    /// The shares that the gradient by each node is the sum of.
    pub shares: Vec<Vec<Share>>,
    /// Each node's value as terms over its arguments.
    pub definitions: Vec<Vec<Rc<Term>>>,
    /// Which parameters and intermediates are downstream in the derivation, by node: those that the node depends on.
    reaches: Rc<Vec<Vec<u64>>>,
}

impl<'a> Derivation<'a> {
    pub fn of(graph: &'a Graph<f64>) -> Result<Self> {
        let nodes = graph.nodes();
        let heads = heads(graph);
        let adjoints = graph.adjoints()?;
        let mut derivation = Self {
            graph,
            adjoints: nodes
                .iter()
                .map(|node| node.is_active().then(|| adjoints[node.index()].clone().into_tensor()))
                .collect(),
            shares: nodes.iter().map(|_| Vec::new()).collect(),
            definitions: vec![Vec::new(); nodes.len()],
            reaches: Rc::default(),
        };
        for node in nodes.iter().rev() {
            let head = node.index();
            if heads[head] != head || node.args().is_empty() {
                continue;
            }
            let members: Vec<&GraphNode<f64>> =
                nodes[..=head].iter().filter(|node| heads[node.index()] == head).collect();
            derivation.write(head, &members, false);
            derivation.write(head, &members, true);
        }
        derivation.reaches = Rc::new(ancestors(graph));
        Ok(derivation)
    }

    /// The derivation with some shares written otherwise, and with the gradients that come of it; and the nodes whose statements read a
    /// gradient that is another one now.
    pub fn with(&self, edits: &[((usize, usize), Rc<Term>)]) -> Option<(Self, Vec<usize>)> {
        let edited = |node: usize, i: usize| edits.iter().find(|(share, _)| *share == (node, i)).map(|(_, term)| term);
        let changed = self.evaluated(&|node, i, leaf| {
            let term = edited(node, i)?;
            let known = term.evaluated(&|op| leaf(op), &mut HashMap::new());
            Some(known.map(|known| known.unwrap_or_else(|| term.value.clone())))
        });
        let changed = changed.ok()?;
        let mut new = Self {
            graph: self.graph,
            adjoints: self.adjoints.clone(),
            shares: Vec::with_capacity(self.shares.len()),
            definitions: self.definitions.clone(),
            reaches: self.reaches.clone(),
        };
        for (adjoint, changed) in new.adjoints.iter_mut().zip(&changed) {
            if let (Some(old), Some(changed)) = (adjoint.as_ref(), changed) {
                *adjoint = Some(super::in_shape(changed, old.shape())?);
            }
        }
        let mut reading = Vec::new();
        for (node, shares) in self.shares.iter().enumerate() {
            let mut all = Vec::with_capacity(shares.len());
            for (i, share) in shares.iter().enumerate() {
                let own = edited(node, i);
                let reads = changed[share.consumer].is_some();
                if reads && own.is_none() && reading.last() != Some(&node) {
                    reading.push(node);
                }
                let forms = match own {
                    Some(term) => vec![term.at_another_point(&new)?],
                    None if reads => {
                        share.forms.iter().map(|form| form.at_another_point(&new)).collect::<Option<_>>()?
                    }
                    None => share.forms.clone(),
                };
                all.push(Share { consumer: share.consumer, forms });
            }
            new.shares.push(all);
        }
        Some((new, reading))
    }

    /// Whether the gradient by one node is computed from that by another.
    pub fn is_downstream(&self, target: usize, node: usize) -> bool {
        self.reaches[node][target / 64] >> (target % 64) & 1 == 1
    }

    pub fn value(&self, node: usize) -> Tensor<f64> {
        self.graph.nodes()[node].value().clone().into_tensor()
    }
    /// The leaf for a node's value.
    pub fn leaf(&self, node: usize) -> Rc<Term> {
        Term::value_of(node, self.value(node))
    }
    /// The leaf for the gradient by a node: 1 by the output.
    pub fn upstream(&self, node: usize) -> Option<Rc<Term>> {
        if node + 1 == self.graph.nodes().len() {
            return Some(Term::number(1.0));
        }
        Some(Term::adjoint_of(node, self.adjoints[node].clone()?))
    }

    /// Writes down what the rule of a node gives, or that of its textbook formula.
    fn write(&mut self, head: usize, members: &[&GraphNode<f64>], textbook: bool) {
        let tape = Tape::new();
        let mut vars: HashMap<usize, Var<'_, f64>> = HashMap::new();
        let mut inputs: Vec<(usize, Var<'_, f64>)> = Vec::new();
        let mut expands = false;
        for member in members {
            let mut args = Vec::new();
            for arg in member.args() {
                args.push(match arg {
                    Arg::Literal(x) => tape.data(*x),
                    Arg::Node(k) => match vars.get(k) {
                        Some(&var) => var,
                        None => {
                            let var = tape.var(self.value(*k));
                            inputs.push((*k, var));
                            var
                        }
                    },
                });
            }
            let expansion = if textbook { member.record_expansion(&tape, &args) } else { None };
            expands |= expansion.is_some();
            let Ok(var) = expansion.map_or_else(|| member.record(&tape, &args), Ok) else { return };
            vars.insert(member.index(), var);
        }
        if textbook && !expands {
            return;
        }
        let output = vars[&head];
        let Some(upstream) = self.upstream(head).or_else(|| Some(Term::number(0.0))) else { return };
        let variables: Vec<Var<'_, f64>> = inputs.iter().map(|&(_, var)| var).collect();
        let ir = RefCell::new(Ir::new(Level::Readable));
        let Ok(traced) = Traced::new(&tape, &ir, &variables, RuleForm::Written) else { return };
        let seed = ir.borrow_mut().input(output.shape());
        let own = traced.key(output);
        let needs = Needs::downstream_of(&tape, &variables);
        let gradients = if self.adjoints[head].is_some() {
            traced.adjoints(&tape, output, seed, &needs, &variables).ok()
        } else {
            None
        };
        drop(traced);
        let ir = ir.into_inner();
        let mut leaves: HashMap<NodeKey, Rc<Term>> = HashMap::new();
        for (k, &(node, _)) in inputs.iter().enumerate() {
            leaves.insert(ir.inputs[k], self.leaf(node));
        }
        leaves.insert(seed, upstream);
        let mut reader = Reader { ir: &ir, leaves, masks: true, done: HashMap::new() };
        if let Some(definition) = reader.read(own)
            && !reader.leaves.contains_key(&own)
        {
            if definition.shape() == &self.graph.nodes()[head].shape() && !definition.is_leaf() {
                self.definitions[head].push(definition);
            }
            reader.leaves.insert(own, self.leaf(head));
        }
        reader.done.clear();
        if self.adjoints[head].is_none() {
            return;
        }
        let is_choice = ir.nodes.values().any(|node| matches!(node.op, IrOp::Op(NodeOp::Select)));
        for (k, &(node, var)) in inputs.iter().enumerate() {
            if self.adjoints[node].is_none() {
                continue;
            }
            let found = gradients.as_ref().map(|gradients| gradients[k]);
            // With masks, and as a choice.
            let other = found.flatten().filter(|_| is_choice).and_then(|key| {
                (reader.masks, reader.done) = (false, HashMap::new());
                let term = reader.term(key).filter(|term| *term.shape() == var.shape());
                (reader.masks, reader.done) = (true, HashMap::new());
                term
            });
            let term = match found {
                Some(None) => continue,
                Some(Some(key)) => reader.term(key).filter(|term| *term.shape() == var.shape()),
                None => None,
            };
            if textbook {
                // The rule's own share is there already, in the same order.
                let Some(term) = term else { continue };
                let shares = self.shares[node].iter_mut().filter(|share| share.consumer == head);
                let nth = inputs[..k].iter().filter(|(other, _)| *other == node).count();
                if let Some(share) = shares.into_iter().nth(nth)
                    && share.forms[0].key() != term.key()
                    && close(&share.forms[0].value, &term.value)
                {
                    share.forms.push(term);
                    share.forms.extend(other);
                }
                continue;
            }
            // A rule that exists as numbers only has no statement to edit.
            let term = term.or_else(|| {
                let gradients = output.try_backward_with(self.adjoints[head].clone()?).ok()?;
                let share = gradients.try_wrt(var).ok()?;
                Some(Term::share_of(node, self.shares[node].len(), share))
            });
            if let Some(term) = term {
                let forms = [term].into_iter().chain(other).collect();
                self.shares[node].push(Share { consumer: head, forms });
            }
        }
    }

    /// The change of a key, which weighs the gradients with numbers of its own, for a change of the gradient by each node: the tangents
    /// of all nodes along those weights. What comes after a node in the derivation is linear in the gradient by it.
    pub fn weights(&self, of: &[(usize, [Tensor<f64>; COLUMNS])]) -> Result<Vec<[Tensor<f64>; COLUMNS]>> {
        let tape = Tape::new();
        let mut added: Vec<(Var<'_, f64>, usize)> = Vec::new();
        let vars = self.graph.record_with(&tape, |node, args| {
            let place = of.iter().position(|(target, _)| *target == node.index())?;
            if node.is_input() {
                let var = tape.leaf(node.value().clone(), true);
                added.push((var, place));
                return Some(Ok(var));
            }
            let var = match node.record(&tape, args) {
                Ok(var) => var,
                error => return Some(error),
            };
            let by = tape.var(Tensor::zeros(node.shape()));
            added.push((by, place));
            Some(Ok(var + by))
        })?;
        let mut columns = Vec::with_capacity(COLUMNS);
        for column in 0..COLUMNS {
            let tangents: Vec<_> =
                added.iter().map(|&(var, place)| (var, of[place].1[column].clone().into())).collect();
            columns.push(tape.jvp_all(&vars, &tangents)?);
        }
        let mut columns = columns.into_iter().map(|column| column.into_iter());
        let mut next = || columns.next().expect("as many columns");
        let (a, b, c) = (next(), next(), next());
        Ok(a.zip(b).zip(c).map(|((a, b), c)| [a.into_tensor(), b.into_tensor(), c.into_tensor()]).collect())
    }

    /// The gradients by all nodes where the shares of some nodes are other values, computed statement by statement; the shares that
    /// read a changed gradient are computed again.
    ///
    /// `change` gives the new share for a node and the number of the share, from the gradients so far.
    pub fn evaluated(
        &self,
        change: &impl Fn(
            usize,
            usize,
            &dyn Fn(&TermOp) -> Option<Tensor<f64>>,
        ) -> Option<std::result::Result<Tensor<f64>, Unfit>>,
    ) -> std::result::Result<Vec<Option<Tensor<f64>>>, Unfit> {
        let mut new: Vec<Option<Tensor<f64>>> = vec![None; self.shares.len()];
        for node in (0..self.shares.len()).rev() {
            let mut changed = false;
            let mut parts = Vec::with_capacity(self.shares[node].len());
            for (i, share) in self.shares[node].iter().enumerate() {
                let leaf = |op: &TermOp| match op {
                    TermOp::Adjoint(k) => new[*k].clone(),
                    _ => None,
                };
                let part = match change(node, i, &leaf) {
                    Some(value) => Some(value?),
                    None if share.forms[0].has_adjoint() && new[share.consumer].is_some() => {
                        share.forms[0].evaluated(&leaf, &mut HashMap::new())?
                    }
                    None => None,
                };
                changed |= part.is_some();
                parts.push(part);
            }
            if !changed {
                continue;
            }
            let mut sum: Option<Tensor<f64>> = None;
            for (part, share) in parts.iter().zip(&self.shares[node]) {
                let part = part.as_ref().unwrap_or(&share.forms[0].value);
                sum = Some(match sum {
                    None => part.clone(),
                    Some(sum) => {
                        super::term::combined(crate::ops::BinaryOp::Add(crate::ops::Add), &sum, part).ok_or(Unfit)?
                    }
                });
            }
            new[node] = sum;
        }
        Ok(new)
    }
}

pub(super) fn close(a: &Tensor<f64>, b: &Tensor<f64>) -> bool {
    let size = a.iter().chain(b.iter()).fold(0.0, |max: f64, x| max.max(x.abs()));
    a.shape() == b.shape() && a.iter().zip(b.iter()).all(|(x, y)| x == y || (x - y).abs() <= 1e-9 * size)
}

/// The node in whose statement each node stands: itself, or the one that alone reads it, where either only moves elements.
fn heads(graph: &Graph<f64>) -> Vec<usize> {
    let nodes = graph.nodes();
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for node in nodes {
        node.parents().for_each(|parent| readers[parent].push(node.index()));
    }
    let moves = |node: &GraphNode<f64>| {
        matches!(node.op, NodeOp::Tensor(TensorOp::Reshape(_) | TensorOp::BroadcastTo(_)) | NodeOp::Copy)
    };
    // The number of a mean is a part of it.
    let scales = |node: &GraphNode<f64>| {
        matches!(node.op, NodeOp::Binary(BinaryOp::Mul(_) | BinaryOp::Div(_)))
            && node.args().iter().any(|arg| matches!(arg, Arg::Literal(_)))
    };
    let is_sum = |node: &GraphNode<f64>| matches!(node.op, NodeOp::Tensor(TensorOp::Sum(_)));
    let mut heads: Vec<usize> = (0..nodes.len()).collect();
    for node in nodes.iter().rev() {
        if let ([reader], None, false) = (&readers[node.index()][..], node.name(), node.args().is_empty())
            && (moves(node)
                || is_sum(node) && scales(&nodes[*reader])
                || moves(&nodes[*reader]) && nodes[*reader].name().is_some())
        {
            heads[node.index()] = heads[*reader];
        }
    }
    heads
}

/// For each node, the set of nodes that it depends on, itself among them.
fn ancestors(graph: &Graph<f64>) -> Vec<Vec<u64>> {
    let words = graph.nodes().len().div_ceil(64);
    let mut sets: Vec<Vec<u64>> = Vec::with_capacity(graph.nodes().len());
    for node in graph.nodes() {
        let mut set = vec![0; words];
        set[node.index() / 64] |= 1 << (node.index() % 64);
        for parent in node.parents() {
            set.iter_mut().zip(&sets[parent]).for_each(|(own, of)| *own |= of);
        }
        sets.push(set);
    }
    sets
}
