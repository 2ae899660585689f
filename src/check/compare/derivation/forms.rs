//! The forms in which a statement may have been written. How it is written decides what a small edit of it is.

use super::program::{Derivation, close};
use super::term::{Term, TermOp, Terms, factored};
use super::visible::Visible;
use crate::ops::structural::{Sum, TensorOp};
use crate::tensor::Tensor;
use smallvec::SmallVec;
use std::collections::HashSet;
use std::rc::Rc;

/// A statement of the gradient by a node, or of a share of it, in one form.
pub(super) struct Form {
    pub term: Rc<Term>,
    pub target: usize,
    /// The nodes whose derivatives it has, and the numbers of their shares.
    pub consumers: SmallVec<[usize; 2]>,
    pub shares: SmallVec<[usize; 2]>,
    /// How far it is from the rule as it stands.
    pub level: u32,
    /// Whether it is the whole gradient in terms of values, however it came about.
    pub looked_up: bool,
}

/// How many statements are put into one another.
const INLINED: usize = 5;
/// The most terms of a form.
const SIZE: usize = 26;

impl Form {
    /// Whether it is all of the gradient, of several shares.
    pub fn is_whole(&self) -> bool {
        self.shares.len() > 1
    }
}

pub(super) fn forms(derivation: &Derivation<'_>, visible: &Visible, target: usize) -> Vec<Form> {
    let shares = &derivation.shares[target];
    let mut found: Vec<Form> = Vec::new();
    let mut bases: Vec<Vec<Rc<Term>>> = Vec::new();
    for (i, share) in shares.iter().enumerate() {
        let mut all: Vec<(Rc<Term>, u32)> = share.forms.iter().map(|form| (form.clone(), 0)).collect();
        let mut last: Vec<(Rc<Term>, usize)> = share.forms.iter().map(|form| (form.clone(), share.consumer)).collect();
        for depth in 1..=INLINED {
            let mut next = Vec::new();
            for (term, consumer) in &last {
                for (inner, of) in alone(derivation, *consumer) {
                    if next.len() < 3
                        && let Some(term) = inlined(derivation, term, *consumer, &inner, of)
                    {
                        next.push((term, of));
                    }
                }
            }
            all.extend(next.iter().map(|(term, _)| (term.clone(), depth as u32)));
            if next.is_empty() {
                break;
            }
            last = next;
        }
        let mut defined = Vec::new();
        for (term, level) in &all {
            for node in values_in(term) {
                let Some(definition) = derivation.definitions[node].iter().find(|definition| is_short(definition))
                else {
                    continue;
                };
                let definition = definition.clone().of(None);
                if let Some(term) = term.substituted(derivation.leaf(node).key(), &definition)
                    && term.size <= SIZE + 8
                {
                    defined.push((term, level + 1));
                }
            }
        }
        all.extend(defined.into_iter().take(12));
        let mut more = Vec::new();
        for (term, level) in &all {
            more.extend(hoisted(term).map(|term| (term, *level)));
            more.extend(powers_written_out(derivation, term).map(|term| (term, level + 1)));
        }
        all.extend(more.into_iter().take(12));
        let by_output: Vec<(Rc<Term>, u32)> = all
            .iter()
            .filter_map(|(term, level)| Some((in_terms_of(derivation, term, share.consumer)?, *level)))
            .collect();
        all.extend(by_output.into_iter().take(3));
        bases.push(all.iter().map(|(term, _)| term.clone()).collect());
        for (term, level) in all {
            found.push(Form {
                term,
                target,
                consumers: SmallVec::from_slice(&[share.consumer]),
                shares: SmallVec::from_slice(&[i]),
                level,
                looked_up: false,
            });
        }
    }
    let several = |chosen: &[usize], terms: Terms, level: u32| -> Option<Form> {
        let terms: Vec<(Rc<Term>, bool)> = terms.into_iter().map(|term| (term, false)).collect();
        let term = Term::sum(terms)?;
        Some(Form {
            term,
            target,
            consumers: chosen.iter().map(|&i| shares[i].consumer).collect(),
            shares: chosen.iter().copied().collect(),
            level,
            looked_up: false,
        })
    };
    let n = bases.len();
    if (3..=5).contains(&n) {
        for set in 1u32..(1 << n) - 1 {
            let chosen: Vec<usize> = (0..n).filter(|i| set >> i & 1 == 1).collect();
            if chosen.len() > 1 {
                found.extend(several(&chosen, chosen.iter().map(|&i| bases[i][0].clone()).collect(), 1));
            }
        }
    }
    if n > 1 && bases[0][0].size + bases[1][0].size < 40 && n <= 12 {
        let everything: Vec<usize> = (0..n).collect();
        let choose = |pick: &dyn Fn(&Vec<Rc<Term>>) -> Rc<Term>| bases.iter().map(pick).collect::<Terms>();
        let first = |all: &Vec<Rc<Term>>| all[0].clone();
        let last = |all: &Vec<Rc<Term>>| all[all.len() - 1].clone();
        let middle = |all: &Vec<Rc<Term>>| all[all.len() / 2].clone();
        let mut choices = vec![choose(&first), choose(&last), choose(&middle)];
        for i in 0..n.min(3) {
            for one in [&last as &dyn Fn(&Vec<Rc<Term>>) -> Rc<Term>, &middle] {
                let mut choice = choose(&first);
                choice[i] = one(&bases[i]);
                choices.push(choice);
            }
        }
        for choice in choices {
            let signed: Vec<(Rc<Term>, bool)> = choice.iter().map(|term| (term.clone(), false)).collect();
            if let Some(term) = factored(&signed) {
                found.push(Form {
                    term,
                    target,
                    consumers: shares.iter().map(|share| share.consumer).collect(),
                    shares: everything.iter().copied().collect(),
                    level: 1,
                    looked_up: false,
                });
            }
            found.extend(several(&everything, choice, 0));
        }
    }
    found.extend(looked_up(derivation, visible, target));
    let split: Vec<Form> = found.iter().flat_map(|form| constants_split(form, visible)).collect();
    found.extend(split);
    let mut seen = HashSet::new();
    let shape = derivation.graph.nodes()[target].shape();
    found.retain(|form| form.term.shape().broadcasts_to(&shape) && seen.insert((form.shares.clone(), form.term.key())));
    found
}

/// The gradient by a node, where it is one share: its statement.
fn alone(derivation: &Derivation<'_>, node: usize) -> Vec<(Rc<Term>, usize)> {
    match &derivation.shares[node][..] {
        [only] => only.forms.iter().take(2).map(|form| (form.clone(), only.consumer)).collect(),
        _ => Vec::new(),
    }
}

/// A statement with another one in it in place of a gradient.
fn inlined(derivation: &Derivation<'_>, term: &Rc<Term>, node: usize, inner: &Rc<Term>, of: usize) -> Option<Rc<Term>> {
    let product = matches!(inner.op, TermOp::Tensor(TensorOp::MatMul(_)));
    if product || term.size + inner.size > SIZE {
        return None;
    }
    let leaf = derivation.upstream(node)?;
    if !matches!(leaf.op, TermOp::Adjoint(_)) {
        return None;
    }
    let whole = term.substituted(leaf.key(), &inner.all_of(of))?;
    (whole.key() != term.key() && whole.shape() == term.shape()).then_some(whole)
}

/// Whether an expression is read at a glance: one op on what has a name.
fn is_short(term: &Term) -> bool {
    let elementwise = matches!(
        term.op,
        TermOp::Product(_) | TermOp::Sum(_) | TermOp::Power(_) | TermOp::Unary(_) | TermOp::Binary(_)
    );
    elementwise && term.size <= 6
}

fn values_in(term: &Term) -> Vec<usize> {
    let mut nodes = Vec::new();
    term.each_leaf(&mut |leaf| {
        if let TermOp::Value(node) = leaf
            && !nodes.contains(node)
        {
            nodes.push(*node);
        }
    });
    nodes
}

/// A choice with a side written in terms of the op's output, where that is what it comes to: H + alpha for alpha e^Z.
fn in_terms_of(derivation: &Derivation<'_>, term: &Rc<Term>, node: usize) -> Option<Rc<Term>> {
    if let TermOp::Select = term.op {
        let mask = &term.args[0].value;
        let output = derivation.leaf(node);
        for (side, counts) in [(1, 1.0), (2, 0.0)] {
            let part = &term.args[side];
            if part.is_leaf() || part.shape() != output.shape() || mask.shape() != output.shape() {
                continue;
            }
            let differences = || {
                let there = mask.iter().zip(part.value.iter().zip(output.value.iter()));
                there.filter(move |(m, _)| **m == counts).map(|(_, (p, y))| p - y)
            };
            let c = differences().next()?;
            if !c.is_finite() || differences().any(|d| (d - c).abs() > 1e-9 * c.abs().max(1e-3)) {
                continue;
            }
            let other = Term::sum([(output.clone(), false), (Term::number(rounded(c)), false)])?;
            let mut args = term.args.clone();
            args[side] = other.of(part.of);
            return term.with_args(args);
        }
        return None;
    }
    for (i, arg) in term.args.iter().enumerate() {
        if let Some(new) = in_terms_of(derivation, arg, node) {
            let mut args = term.args.clone();
            args[i] = new;
            return term.with_args(args);
        }
    }
    None
}

/// A number without the rounding of its last digits.
fn rounded(x: f64) -> f64 {
    format!("{x:.12e}").parse().unwrap_or(x)
}

/// What a sum does not run over, in front of it.
fn hoisted(term: &Rc<Term>) -> Option<Rc<Term>> {
    let TermOp::Tensor(TensorOp::Sum(Sum { axes, keep })) = term.op else { return None };
    let inner = &term.args[0];
    let TermOp::Product(inverse) = &inner.op else { return None };
    let rank = inner.rank();
    let (mut outside, mut inside) = (Vec::new(), Vec::new());
    for (factor, inverse) in inner.args.iter().zip(inverse) {
        let lead = rank - factor.rank();
        let stays =
            (0..rank).filter(|&axis| axes.contains(axis)).all(|axis| axis < lead || factor.shape()[axis - lead] == 1);
        if stays { outside.push((factor.clone(), *inverse)) } else { inside.push((factor.clone(), *inverse)) }
    }
    if outside.is_empty() || inside.is_empty() {
        return None;
    }
    let inside = Term::product(inside)?;
    if inside.shape() != inner.shape() {
        return None;
    }
    let mut factors = Vec::new();
    for (factor, inverse) in outside {
        let lead = rank - factor.rank();
        let kept = |axis: &usize| keep || !axes.contains(axis + lead);
        let shape = (0..factor.rank()).filter(kept).map(|axis| factor.shape()[axis]).collect();
        factors.push((factor.reshaped(shape)?, inverse));
    }
    factors.push((inside.summed(axes, keep)?, false));
    let whole = Term::product(factors)?;
    (whole.shape() == term.shape()).then(|| whole.of(term.of))
}

/// A product with roots, squares and reciprocals written as powers of what they are of.
fn powers_written_out(derivation: &Derivation<'_>, term: &Rc<Term>) -> Option<Rc<Term>> {
    let mut whole = term.clone();
    let mut changed = false;
    for _ in 0..3 {
        let mut again = false;
        for node in values_in(&whole) {
            let definition = derivation.definitions[node].first()?;
            let is_power = match &definition.op {
                TermOp::Power(_) => true,
                TermOp::Product(inverse) => {
                    definition.args.len() == 2 && inverse[1] && definition.args[0].as_number().is_some()
                }
                _ => false,
            };
            if is_power {
                whole = powers_substituted(&whole, derivation.leaf(node).key(), definition)?;
                (again, changed) = (true, true);
            }
        }
        if !again {
            break;
        }
    }
    let TermOp::Product(inverse) = &whole.op else { return None };
    let factors: Vec<_> = whole.args.iter().cloned().zip(inverse.iter().copied()).collect();
    let put_together = Term::product_of(factors, true)?;
    let differs = changed || put_together.key() != term.key();
    (differs && close(&put_together.value, &term.value)).then(|| put_together.of(term.of))
}

fn powers_substituted(term: &Rc<Term>, key: u64, new: &Rc<Term>) -> Option<Rc<Term>> {
    if term.key() == key {
        return Some(new.clone().of(term.of));
    }
    let args: Terms = term.args.iter().map(|arg| powers_substituted(arg, key, new)).collect::<Option<_>>()?;
    if args.iter().zip(&term.args).all(|(a, b)| Rc::ptr_eq(a, b)) {
        return Some(term.clone());
    }
    match (&term.op, args.first().map(|arg| &arg.op)) {
        (TermOp::Power(outer), Some(TermOp::Power(inner))) => {
            Some(Term::power(args[0].args[0].clone(), outer * inner)?.of(term.of))
        }
        (TermOp::Product(inverse), _) => {
            Some(Term::product_of(args.into_iter().zip(inverse.iter().copied()), true)?.of(term.of))
        }
        _ => term.with_args(args),
    }
}

/// Numbers in front with the names that they are made of: 1/7 as 1/m.
fn constants_split(form: &Form, visible: &Visible) -> Vec<Form> {
    let TermOp::Product(inverse) = &form.term.op else { return Vec::new() };
    let Some(c) = form.term.args[0].as_number().filter(|_| !inverse[0]) else { return Vec::new() };
    let rest = || form.term.args.iter().cloned().zip(inverse.iter().copied()).skip(1);
    let mut found = Vec::new();
    let mut push = |front: Vec<(Rc<Term>, bool)>, level: u32| {
        let (args, inverse): (Terms, Vec<bool>) = front.into_iter().chain(rest()).unzip();
        if let Some(term) = Term::make(TermOp::Product(inverse), args) {
            let (consumers, shares) = (form.consumers.clone(), form.shares.clone());
            found.push(Form {
                term: term.of(form.term.of),
                target: form.target,
                consumers,
                shares,
                level,
                looked_up: form.looked_up,
            });
        }
    };
    for (name, v) in visible.named.iter().filter(|(_, v)| *v != 0.0 && *v != 1.0) {
        for inverse in [false, true] {
            let s = if inverse { c * v } else { c / v };
            for s0 in [1.0, -1.0, 2.0, -2.0, 0.5, -0.5] {
                if f64::abs(s - s0) < 1e-12 * f64::abs(s0) {
                    let mut front = vec![(Term::named(name, *v), inverse)];
                    if s0 != 1.0 {
                        front.insert(0, (Term::number(s0), false));
                    }
                    push(front, form.level);
                }
            }
        }
    }
    for s0 in [2.0, 0.5] {
        if (c.abs() - s0).abs() > 1e-12 && c.abs() != 1.0 {
            push(vec![(Term::number(s0), false), (Term::number(c / s0), false)], form.level + 1);
        }
    }
    found
}

/// How many elements decide whether a closed form is worth a look at all of them.
const SAMPLE: usize = 24;
/// The most values that closed forms are tried over.
const VALUES: usize = 60;

/// Closed forms of a gradient in terms of values: c (a - b), c a b, c a/b, and those times a third.
fn looked_up(derivation: &Derivation<'_>, visible: &Visible, target: usize) -> Vec<Form> {
    let shape = derivation.graph.nodes()[target].shape();
    let shares = &derivation.shares[target];
    let (Some(adjoint), true) = (&derivation.adjoints[target], shape.numel() >= 2) else { return Vec::new() };
    if shares.len() == 1 && passes_on(&shares[0].forms[0]) {
        return Vec::new();
    }
    let n = shape.numel();
    let sample: Vec<usize> =
        if n <= SAMPLE { (0..n).collect() } else { (0..SAMPLE).map(|k| k * (n - 1) / (SAMPLE - 1)).collect() };
    let at = |x: &Tensor<f64>| -> Option<Vec<f64>> {
        let whole = super::term::combined(crate::ops::BinaryOp::Add(crate::ops::Add), x, &Tensor::zeros(&shape))?;
        Some(sample.iter().map(|&i| whole.as_slice()[i]).collect())
    };
    let pool = visible.pool(&shape);
    let y: Vec<f64> = sample.iter().map(|&i| adjoint.as_slice()[i]).collect();
    let is_value =
        |term: &Term| !term.has_adjoint() && term.as_number().is_none() && !matches!(term.op, TermOp::Named(_));
    let values: Vec<(Rc<Term>, Vec<f64>)> = pool
        .iter()
        .filter(|candidate| is_value(&candidate.term))
        .take(VALUES)
        .filter_map(|candidate| Some((candidate.term.clone(), at(&candidate.term.value)?)))
        .collect();
    let mut found = Vec::new();
    let mut push = |c: f64, factors: Vec<(Rc<Term>, bool)>, level: u32| {
        let Some(term) = Term::product(std::iter::once((Term::number(c), false)).chain(factors)) else { return };
        if close(&term.value, adjoint) {
            found.push(Form {
                term,
                target,
                consumers: shares.iter().map(|share| share.consumer).collect(),
                shares: (0..shares.len()).collect(),
                level,
                looked_up: true,
            });
        }
    };
    // The factor from one to the other, if they are multiples.
    let largest = (0..y.len()).max_by(|&a, &b| y[a].abs().total_cmp(&y[b].abs())).unwrap_or_default();
    let ratio = |z: &dyn Fn(usize) -> f64| -> Option<f64> {
        let c = y[largest] / z(largest);
        let fits = c.is_finite() && c.abs() > 1e-12;
        (fits && (0..y.len()).all(|i| (y[i] - c * z(i)).abs() <= 1e-9 * y[largest].abs())).then_some(c)
    };
    for (i, (a, x)) in values.iter().enumerate() {
        for (j, (b, z)) in values.iter().enumerate() {
            if i == j {
                continue;
            }
            let numbers = a.value.len() == 1 || b.value.len() == 1;
            if j > i
                && let Some(c) = ratio(&|k| x[k] - z[k])
                && let Some(difference) = Term::sum([(a.clone(), false), (b.clone(), true)])
            {
                push(c, vec![(difference, false)], 1);
            }
            if j > i
                && !numbers
                && let Some(c) = ratio(&|k| x[k] * z[k])
            {
                push(c, vec![(a.clone(), false), (b.clone(), false)], 1);
            }
            if !numbers && let Some(c) = ratio(&|k| x[k] / z[k]) {
                push(c, vec![(a.clone(), false), (b.clone(), true)], 1);
            }
        }
    }
    let own: Vec<&(Rc<Term>, Vec<f64>)> = values.iter().filter(|(term, _)| *term.shape() == shape).take(14).collect();
    for (i, (a, x)) in own.iter().enumerate() {
        for (j, (b, z)) in own.iter().enumerate() {
            for (d, w) in own.iter().filter(|_| i != j) {
                if j > i
                    && let Some(c) = ratio(&|k| (x[k] - z[k]) * w[k])
                    && let Some(difference) = Term::sum([(a.clone(), false), (b.clone(), true)])
                {
                    push(c, vec![(difference, false), (d.clone(), false)], 2);
                }
                if let Some(c) = ratio(&|k| x[k] / z[k] * w[k]) {
                    push(c, vec![(a.clone(), false), (b.clone(), true), (d.clone(), false)], 2);
                }
            }
        }
    }
    found
}

/// Whether a statement only hands on what comes from above.
pub(super) fn passes_on(term: &Term) -> bool {
    match &term.op {
        TermOp::Adjoint(_) => true,
        TermOp::Tensor(TensorOp::MatMul(_)) => false,
        TermOp::Tensor(_) if term.args.len() == 1 => passes_on(&term.args[0]),
        TermOp::Product(_) if term.args.len() == 2 => {
            term.args[0].as_number().is_some() && matches!(term.args[1].op, TermOp::Adjoint(_))
        }
        TermOp::Number(_) => true,
        _ => false,
    }
}
