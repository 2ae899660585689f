//! The values that stand at hand in a derivation, by the shape that they may be stretched to.

use super::program::Derivation;
use super::term::{Term, TermOp};
use crate::tensor::shape::AxisMask;
use crate::tensor::{Shape, Tensor};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

/// A value, and how far-fetched it is that somebody took it.
#[derive(Clone)]
pub(super) struct Candidate {
    pub term: Rc<Term>,
    pub cost: f64,
}

/// What may stand in another's place.
pub(super) struct Visible {
    all: Vec<Candidate>,
    /// Numbers with a name.
    pub named: Vec<(String, f64)>,
    pools: RefCell<HashMap<Shape, Rc<Vec<Candidate>>>>,
}

/// Numbers that people write.
const NUMBERS: [f64; 17] =
    [0.0, 1.0, 2.0, 3.0, 4.0, 0.5, 0.25, 1.0 / 3.0, -1.0, -2.0, -0.5, 1.5, 5.0, 6.0, 8.0, 10.0, 0.1];

/// The most terms that a part of a rule has to be at hand as a value.
const PART: usize = 9;

fn print_of(x: &Tensor<f64>) -> u64 {
    let mut hasher = DefaultHasher::new();
    x.shape().iter().for_each(|n| n.hash(&mut hasher));
    x.iter().for_each(|x| x.to_bits().hash(&mut hasher));
    hasher.finish()
}

impl Visible {
    pub fn of(derivation: &Derivation<'_>, named: &[(String, f64)]) -> Self {
        let mut all = Vec::new();
        let mut seen = HashSet::new();
        let mut add = |term: Rc<Term>, cost: f64| {
            if seen.insert(print_of(&term.value)) {
                all.push(Candidate { term, cost });
            }
        };
        let nodes = derivation.graph.nodes();
        // What has a name is at hand; what has none is a part of an expression.
        let unnamed =
            |node: usize| if nodes[node].name().is_some() || nodes[node].args().is_empty() { 0.0 } else { 1.0 };
        let is_between = |node: usize| node + 1 != nodes.len() && !derivation.shares[node].is_empty();
        // Of equal values, the one that has a name is meant.
        for cost in [0.0, 1.0] {
            let these = || (0..nodes.len()).filter(|&node| unnamed(node) == cost);
            these().for_each(|node| add(derivation.leaf(node), cost));
            for upstream in these().filter(|&node| is_between(node)).filter_map(|node| derivation.upstream(node)) {
                add(upstream, cost);
            }
        }
        for node in (0..nodes.len()).filter(|&node| is_between(node)) {
            let shares = &derivation.shares[node];
            if shares.len() < 2 {
                continue;
            }
            for (i, share) in shares.iter().enumerate() {
                add(Term::share_of(node, i, share.forms[0].value.clone()), 1.0);
            }
            // All but one, and the first few.
            let sum = |keep: &dyn Fn(usize) -> bool| {
                let kept = shares.iter().enumerate().filter(|(i, _)| keep(*i));
                Term::sum(kept.map(|(i, share)| (Term::share_of(node, i, share.forms[0].value.clone()), false)))
            };
            for j in 0..shares.len().min(40) {
                if shares.len() > 2
                    && let Some(rest) = sum(&|i| i != j)
                {
                    add(rest, 2.0);
                }
                if j > 1
                    && j + 1 < shares.len()
                    && let Some(first) = sum(&|i| i < j)
                {
                    add(first, 2.0);
                }
            }
        }
        // Parts of the rules, such as a softmax that no node is, and where they put what comes from above.
        let mut parts = Vec::new();
        for form in derivation.shares.iter().flatten().flat_map(|share| &share.forms) {
            collect_parts(form, &mut parts);
        }
        for definition in derivation.definitions.iter().filter_map(|all| all.get(1)) {
            collect_parts(definition, &mut parts);
        }
        parts.into_iter().for_each(|part| add(part, 2.0));
        named.iter().for_each(|(name, x)| add(Term::named(name, *x), 0.0));
        Self { all, named: named.to_vec(), pools: RefCell::default() }
    }

    /// Every value at hand.
    pub fn all(&self) -> &[Candidate] {
        &self.all
    }

    /// What may stand where a value of this shape does.
    pub fn pool(&self, shape: &Shape) -> Rc<Vec<Candidate>> {
        if let Some(known) = self.pools.borrow().get(shape) {
            return known.clone();
        }
        let mut pool = Vec::new();
        let mut seen = HashSet::new();
        let mut add = |term: Option<Rc<Term>>, cost: f64| {
            let Some(term) = term else { return false };
            let fits = term.shape().broadcasts_to(shape) && term.rank() <= shape.rank();
            if fits && seen.insert(print_of(&term.value)) {
                pool.push(Candidate { term, cost });
            }
            fits
        };
        let rank = shape.rank();
        for Candidate { term, cost } in &self.all {
            let fits = add(Some(term.clone()), *cost);
            let (own, many) = (term.rank(), term.value.len() > 1);
            if own == 1 && rank == 2 {
                let column = term.reshaped([term.value.len(), 1].into());
                add(column, cost + if fits { 1.0 } else { 0.0 });
            }
            if own == 2 && rank == 2 && many {
                add(term.transposed(), cost + 2.0);
            }
            if own == 2 && rank == 1 && term.shape().contains(&1) {
                add(term.reshaped([term.value.len()].into()), cost + 1.0);
            }
            if own > rank && many && own <= 4 {
                for axis in 0..own {
                    add(term.summed(AxisMask(1 << axis), false), cost + 4.0);
                }
            }
        }
        NUMBERS.iter().for_each(|&x| {
            add(Some(Term::number(x)), 1.0);
        });
        let pool = Rc::new(pool);
        self.pools.borrow_mut().insert(shape.clone(), pool.clone());
        pool
    }
}

/// Parts that read no gradient, and ops that put a gradient in its place, applied to ones.
fn collect_parts(term: &Rc<Term>, parts: &mut Vec<Rc<Term>>) {
    if term.is_leaf() || parts.len() > 400 {
        return;
    }
    if !term.has_adjoint() {
        if term.size <= PART && term.value.len() > 1 {
            parts.push(term.clone());
        }
    } else if let (TermOp::Tensor(op), [arg]) = (&term.op, &term.args[..])
        && arg.has_adjoint()
    {
        let ones = Term::constant(Tensor::ones(arg.shape()));
        if let Some(placed) = Term::make(TermOp::Tensor(op.clone()), vec![ones])
            && placed.value.iter().any(|&x| x != placed.value.as_slice()[0])
        {
            parts.push(placed);
        }
    }
    term.args.iter().for_each(|arg| collect_parts(arg, parts));
}
