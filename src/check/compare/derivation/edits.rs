//! Small edits of a statement, the cheapest first: what may have been written in the place of each of its terms.
//!
//! Costs are bits, roughly: how many alternatives were open at the place, and how far-fetched each is.

use super::spots::Spots;
use super::term::{REVERSED, Term, TermOp, Terms};
use super::visible::Visible;
use crate::ops::structural::{Map, ScatterAdd, Sum, TensorOp};
use crate::ops::{self, BinaryOp, UnaryOp};
use crate::tensor::kernels::rows::RowMap;
use crate::tensor::shape::AxisMask;
use std::rc::Rc;
use std::sync::Arc;

/// What was done to a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Family {
    /// Another number.
    Number,
    /// Another value.
    Replaced,
    /// Left out, as if it were 0.
    Dropped,
    /// Taken as 1.
    LeftOut,
    /// The other sign.
    Sign,
    /// Times a number.
    Scaled,
    /// A factor left out.
    Factor,
    /// All factors but the gradient left out: the derivative of the op.
    Local,
    /// The derivative of the op a second time.
    Twice,
    /// A factor where it divides, or the other way round; another power of it.
    Exponent,
    /// A term of a sum left out.
    TermDropped,
    /// A term of a sum with the other sign.
    TermSign,
    /// A term of a sum counted twice.
    TermTwice,
    /// Another operator.
    Operator,
    /// Transposed.
    Transposed,
    /// Another reduction, or along other axes, or none.
    Reduction,
    /// One of what is added up, alone.
    One,
    /// A function's argument in its place.
    Argument,
    /// Another function.
    Function,
    /// Another comparison, or its opposite.
    Mask,
    /// Other elements, or written over where it should be added.
    Index,
    /// Something put in.
    Inserted,
}

/// How wide to look.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Width {
    Narrow,
    Wide,
}

/// Tells every edit of the term at a place: the new term, its cost, what was done, and the node whose derivative it was a part of.
pub(super) struct Edits<'a> {
    pub visible: &'a Visible,
    pub width: Width,
    /// Whether what stands in a value's place may be of another shape.
    pub any_shape: bool,
}

type Emit<'e> = dyn FnMut(Rc<Term>, f64, Family, Option<usize>) + 'e;

impl Edits<'_> {
    pub fn at(&self, spots: &Spots, at: usize, emit: &mut Emit<'_>) {
        let spot = &spots.all[at];
        let term = &spot.term;
        let is_root = spot.parent.is_none();
        let inner = if is_root { 0.0 } else { 0.5 * f64::log2(spots.all.len() as f64 + 1.0) };
        let mut emit = |new: Option<Rc<Term>>, cost: f64, family: Family, of: Option<usize>| {
            if let Some(new) = new {
                emit(new, cost + inner, family, of.or(term.of));
            }
        };
        let number = |x: f64| (Term::number(x), false);
        if let Some(c) = term.as_number() {
            self.numbers(c, &mut |x, cost| emit(Some(Term::number(x)), cost, Family::Number, None));
            return;
        }
        if self.width == Width::Wide {
            self.wide(term, is_root, &mut emit);
            return;
        }
        self.replaced(term, &mut emit);
        let times = |x: f64| Term::product([number(x), (term.clone(), false)]);
        let is_adjoint = matches!(term.op, TermOp::Adjoint(_));
        let extra = if is_adjoint { 1.0 } else { 0.0 };
        emit(Some(Term::number(0.0)), if is_root { 1.8 } else { 4.5 }, Family::Dropped, None);
        emit(Some(Term::number(1.0)), 5.0, Family::LeftOut, None);
        emit(times(-1.0), 2.5 + extra, Family::Sign, None);
        let twice = if is_root { 2.9 } else { 4.0 + extra };
        emit(times(2.0), twice, Family::Scaled, None);
        emit(times(0.5), twice, Family::Scaled, None);
        if is_root {
            // What comes from above, handed on.
            let mut above = Vec::new();
            adjoints(term, &mut above);
            if let [above] = &above[..]
                && above.shape() == term.shape()
            {
                emit(Some(above.clone()), 2.2, Family::Local, None);
                let turned = Term::product([(Term::number(-1.0), false), (above.clone(), false)]);
                emit(turned, 4.7, Family::Local, None);
            }
            self.scaled(&mut |x, cost| emit(times(x), cost, Family::Scaled, None));
        }
        self.moved(term, &mut emit);
        self.by_op(term, &mut emit);
    }

    fn numbers(&self, c: f64, emit: &mut dyn FnMut(f64, f64)) {
        let list = [
            (0.0, 4.0),
            (1.0, 2.0),
            (-1.0, 4.0),
            (2.0, 3.0),
            (0.5, 3.0),
            (-c, 2.0),
            (c + 1.0, 3.0),
            (c - 1.0, 3.0),
            (2.0 * c, 2.5),
            (c / 2.0, 2.5),
            (1.0 / c, 3.0),
            (c * c, 3.5),
            (1.0 - c, 4.0),
            (c + 0.5, 4.0),
            (3.0 * c, 4.0),
            (-2.0 * c, 4.0),
            (-c / 2.0, 4.0),
        ];
        list.iter().filter(|(x, _)| x.is_finite()).for_each(|&(x, cost)| emit(x, cost));
        for (_, v) in &self.visible.named {
            [*v, c * v, c / v].iter().for_each(|&x| emit(x, 4.0));
        }
    }

    fn scaled(&self, emit: &mut dyn FnMut(f64, f64)) {
        for &(_, v) in self.visible.named.iter().filter(|(_, v)| *v != 0.0 && *v != 1.0) {
            for w in [v, 1.0 / v, v * v, 1.0 / v / v] {
                for q in [1.0, 2.0, 0.5, -1.0] {
                    emit(w * q, if q == 1.0 { 5.0 } else { 6.5 });
                }
            }
            if v > 2.0 && v.fract() == 0.0 {
                [v / (v - 1.0), (v - 1.0) / v].iter().for_each(|&x| emit(x, 6.0));
            }
        }
        [-2.0, -0.5, 3.0, 1.0 / 3.0, 4.0, 0.25].iter().for_each(|&x| emit(x, 5.0));
    }

    fn replaced(&self, term: &Rc<Term>, emit: &mut dyn FnMut(Option<Rc<Term>>, f64, Family, Option<usize>)) {
        if self.any_shape {
            for candidate in self.visible.all() {
                let other = if candidate.term.shape() == term.shape() { None } else { Some(candidate.term.clone()) };
                emit(other, 5.0 + candidate.cost, Family::Replaced, None);
                emit(candidate.term.transposed(), 7.0 + candidate.cost, Family::Replaced, None);
            }
        }
        let pool = self.visible.pool(term.shape());
        let own = pool.iter().filter(|candidate| candidate.term.shape() == term.shape()).count();
        let base = if term.is_leaf() { 1.5 } else { 4.5 };
        let among = f64::log2(2.0 + own as f64);
        for candidate in pool.iter() {
            let stretched = if candidate.term.shape() == term.shape() { 0.0 } else { 1.5 };
            emit(Some(candidate.term.clone()), base + among + stretched + candidate.cost, Family::Replaced, None);
        }
    }

    /// Transposed, reduced, in another order.
    fn moved(&self, term: &Rc<Term>, emit: &mut dyn FnMut(Option<Rc<Term>>, f64, Family, Option<usize>)) {
        emit(term.transposed(), 2.0, Family::Transposed, None);
        let rank = term.rank();
        if rank == 0 || rank > 4 {
            return;
        }
        let all = AxisMask::all(rank);
        let single = (0..rank).map(|axis| AxisMask(1 << axis));
        for axes in single.chain([all]) {
            let count = term.value.len() as f64 / term.shape().reduced(axes, true).numel().max(1) as f64;
            if count <= 1.0 {
                continue;
            }
            let sum = term.summed(axes, true);
            let mean = sum.clone().and_then(|sum| Term::product([(sum, false), (Term::number(count), true)]));
            emit(sum, 4.0, Family::Reduction, None);
            emit(mean, 4.0, Family::Reduction, None);
            emit(Term::make(TermOp::Largest(axes), vec![term.clone()]), 4.5, Family::Reduction, None);
            // Summed along one axis and stretched along the other.
            if rank == 2 && axes.0 != all.0 && term.shape()[0] == term.shape()[1] {
                let turned = term.summed(axes, true).and_then(|sum| sum.transposed());
                emit(turned, 4.5, Family::Reduction, None);
            }
        }
        if rank == 1 {
            let cumsum = TermOp::Tensor(TensorOp::Map(Map(RowMap::Cumsum)));
            emit(Term::make(cumsum, vec![term.clone()]), 4.0, Family::Reduction, None);
        }
        if term.shape()[0] > 1 {
            let by = if rank == 1 { &[REVERSED, 1, -1][..] } else { &[REVERSED][..] };
            for &by in by {
                emit(Term::make(TermOp::Reordered(by), vec![term.clone()]), 4.0, Family::Index, None);
            }
        }
    }

    fn by_op(&self, term: &Rc<Term>, emit: &mut dyn FnMut(Option<Rc<Term>>, f64, Family, Option<usize>)) {
        match &term.op {
            TermOp::Product(inverse) => factors(term, inverse, emit),
            TermOp::Sum(negative) => terms(term, negative, emit),
            TermOp::Power(e) => exponents(term, *e, emit),
            TermOp::Tensor(TensorOp::MatMul(_)) if term.args.iter().all(|arg| arg.rank() == 2) => products(term, emit),
            TermOp::Tensor(TensorOp::Sum(sum)) => reductions(term, sum, emit),
            TermOp::Tensor(TensorOp::ScatterAdd(op)) => scattered(term, op, emit),
            TermOp::Unary(_) => {
                let x = &term.args[0];
                emit(Some(x.clone()), 2.0, Family::Argument, None);
                functions(x, &mut |new, cost| emit(new, cost, Family::Function, None));
            }
            TermOp::Binary(op) => comparisons(term, *op, emit),
            TermOp::Select => {
                let [mask, a, b] = &term.args[..] else { return };
                emit(Some(a.clone()), 2.5, Family::Mask, None);
                emit(Some(b.clone()), 3.0, Family::Mask, None);
                emit(Term::make(TermOp::Select, vec![mask.clone(), b.clone(), a.clone()]), 3.0, Family::Mask, None);
            }
            _ => {}
        }
        if is_mask(term) {
            let opposite = Term::sum([(Term::number(1.0), false), (term.clone(), true)]);
            emit(opposite, 3.0, Family::Mask, None);
        }
    }

    /// What is far-fetched: any function of a value, anything put beside it.
    fn wide(&self, term: &Rc<Term>, is_root: bool, emit: &mut dyn FnMut(Option<Rc<Term>>, f64, Family, Option<usize>)) {
        functions(term, &mut |new, cost| emit(new, cost + 3.0, Family::Function, None));
        for k in -6..=6 {
            if k != 0 && k != 2 {
                emit(Term::power(term.clone(), f64::from(k) / 2.0), 6.0, Family::Exponent, None);
            }
        }
        let pool = self.visible.pool(term.shape());
        let among = f64::log2(2.0 + pool.len() as f64);
        let short = term.is_leaf() || matches!(term.op, TermOp::Unary(_));
        if term.rank() > 0 || is_root {
            for candidate in pool.iter() {
                let cost = 6.0 + among + candidate.cost;
                let (s, p) = (term.clone(), candidate.term.clone());
                emit(Term::product([(s.clone(), false), (p.clone(), false)]), cost, Family::Inserted, None);
                emit(Term::product([(s.clone(), false), (p.clone(), true)]), cost, Family::Inserted, None);
                emit(Term::sum([(s.clone(), false), (p.clone(), false)]), cost, Family::Inserted, None);
                emit(Term::sum([(s.clone(), false), (p.clone(), true)]), cost, Family::Inserted, None);
                emit(Term::sum([(p.clone(), false), (s.clone(), true)]), cost, Family::Inserted, None);
                emit(Term::product([(p, false), (s, true)]), cost, Family::Inserted, None);
            }
        }
        if short || term.size <= 6 {
            let base = if short { 4.0 } else { 6.0 } + among + 3.0;
            for candidate in pool.iter().filter(|candidate| candidate.term.as_number().is_none()) {
                functions(&candidate.term, &mut |new, cost| {
                    emit(new, base + cost - 5.0 + candidate.cost, Family::Replaced, None);
                });
            }
        }
    }
}

/// The gradients that stand in a term, each once.
fn adjoints(term: &Rc<Term>, found: &mut Vec<Rc<Term>>) {
    if matches!(term.op, TermOp::Adjoint(_)) && found.iter().all(|known| known.key() != term.key()) {
        found.push(term.clone());
    }
    term.args.iter().for_each(|arg| adjoints(arg, found));
}

fn is_mask(term: &Term) -> bool {
    !term.is_leaf() && term.value.iter().all(|&x| x == 0.0 || x == 1.0)
}

/// Every function of one value, and what derivatives in terms of outputs are.
fn functions(x: &Rc<Term>, emit: &mut dyn FnMut(Option<Rc<Term>>, f64)) {
    for op in UnaryOp::all() {
        if op.parameters() > 0 || op.is_flat() {
            continue;
        }
        let term = match op {
            UnaryOp::Neg(_) | UnaryOp::Square(_) | UnaryOp::Sqrt(_) | UnaryOp::Reciprocal(_) | UnaryOp::Rsqrt(_) => {
                continue;
            }
            op => Term::make(TermOp::Unary(op), vec![x.clone()]),
        };
        emit(term, 7.0);
    }
    let one = || (Term::number(1.0), false);
    let plain = || (x.clone(), false);
    let complement = Term::sum([one(), (x.clone(), true)]);
    emit(complement.clone(), 4.0);
    emit(Term::sum([one(), plain()]), 7.0);
    emit(complement.and_then(|complement| Term::product([plain(), (complement, false)])), 6.0);
    let square = Term::power(x.clone(), 2.0);
    emit(square.clone().and_then(|square| Term::sum([one(), (square, true)])), 6.0);
    for p in [2.0, 0.5, -1.0, -2.0, 3.0, -0.5] {
        let term = if p == -1.0 { Term::product([(x.clone(), true)]) } else { Term::power(x.clone(), p) };
        emit(term, 6.0);
    }
    for op in [UnaryOp::Sigmoid(ops::Sigmoid), UnaryOp::Tanh(ops::Tanh)] {
        let Some(y) = Term::make(TermOp::Unary(op), vec![x.clone()]) else { continue };
        let slope = match op {
            UnaryOp::Tanh(_) => Term::power(y, 2.0).and_then(|square| Term::sum([one(), (square, true)])),
            _ => Term::sum([one(), (y.clone(), true)]).and_then(|rest| Term::product([(y, false), (rest, false)])),
        };
        emit(slope, 7.0);
    }
}

fn factors(term: &Rc<Term>, inverse: &[bool], emit: &mut dyn FnMut(Option<Rc<Term>>, f64, Family, Option<usize>)) {
    let m = term.args.len();
    let member = |i: usize| (term.args[i].clone(), inverse[i]);
    let product = |keep: &dyn Fn(usize) -> bool| Term::product((0..m).filter(|&i| keep(i)).map(member));
    for i in 0..m {
        let arg = &term.args[i];
        let of = arg.of;
        let rest = |with: Vec<(Rc<Term>, bool)>| Term::product((0..m).filter(|&k| k != i).map(member).chain(with));
        // Whoever forgets a factor forgets that of the op, and seldom what comes from above.
        let above = if arg.has_adjoint() { 1.5 } else { 0.0 };
        emit(rest(vec![]), 2.0 + above, Family::Factor, of);
        emit(rest(vec![(arg.clone(), !inverse[i])]), 2.0, Family::Exponent, of);
        if arg.as_number().is_some() {
            continue;
        }
        emit(rest(vec![member(i), member(i)]), 5.5, Family::Exponent, of);
        for e in [-2.0, 3.0, -0.5, 0.5, -3.0] {
            let e = if inverse[i] { -e } else { e };
            if let Some(power) = Term::power(arg.clone(), e) {
                emit(rest(vec![(power, false)]), 4.0, Family::Exponent, of);
            }
        }
        for j in i + 1..m {
            let others: Vec<_> = (0..m).filter(|&k| k != i && k != j).map(member).collect();
            let both = [(arg.clone(), !inverse[i]), (term.args[j].clone(), !inverse[j])];
            emit(Term::product(others.iter().cloned().chain(both)), 5.0, Family::Exponent, of);
            if !others.is_empty() {
                emit(product(&|k| k != i && k != j), 6.0, Family::Factor, of);
            }
        }
    }
    // The derivative of the op, left out or taken twice.
    let upstream: Vec<usize> = (0..m).filter(|&i| term.args[i].has_adjoint()).collect();
    if let [upstream] = upstream[..] {
        let is_number = |i: usize| term.args[i].as_number().is_some();
        let local: Vec<usize> = (0..m).filter(|&i| i != upstream && !is_number(i)).collect();
        let of = local.iter().find_map(|&i| term.args[i].of);
        if local.len() > 1 {
            emit(product(&|i| !local.contains(&i)), 2.0, Family::Local, of);
            emit(product(&|i| i == upstream), 2.5, Family::Local, of);
        }
        if !local.is_empty() {
            let again = local.iter().map(|&i| member(i));
            emit(Term::product((0..m).map(member).chain(again)), 4.0, Family::Twice, of);
        }
    }
    if m > 6 {
        return;
    }
    let more = if m == 2 { 0.0 } else { 1.0 };
    for set in 1u32..(1 << m) - 1 {
        let (Some(a), Some(b)) = (product(&|i| set >> i & 1 == 1), product(&|i| set >> i & 1 == 0)) else { continue };
        let cost = 3.5 + more;
        let pair = |minus: bool| Term::sum([(a.clone(), false), (b.clone(), minus)]);
        emit(pair(false), cost, Family::Operator, None);
        emit(pair(true), cost, Family::Operator, None);
        emit(power_of(&a, &b), cost + 1.0, Family::Operator, None);
        if a.rank() == 2 && b.rank() == 2 {
            emit(Term::matmul(&a, &b), cost, Family::Operator, None);
            emit(b.transposed().and_then(|b| Term::matmul(&a, &b)), cost + 2.0, Family::Operator, None);
            emit(a.transposed().and_then(|a| Term::matmul(&a, &b)), cost + 2.0, Family::Operator, None);
        }
        // a + 1/b for a b, where b divides.
        if let Some(over) = Term::product([(b.clone(), true)])
            && over.key() != b.key()
        {
            emit(Term::sum([(a.clone(), false), (over.clone(), false)]), cost + 1.0, Family::Operator, None);
            emit(Term::sum([(a.clone(), false), (over.clone(), true)]), cost + 1.0, Family::Operator, None);
            emit(power_of(&a, &over), cost + 2.0, Family::Operator, None);
        }
    }
    if m >= 3 {
        for i in 0..m {
            for j in (0..m).filter(|&j| j != i) {
                let rest = || (0..m).filter(move |&k| k != i && k != j).map(member);
                let (Some(a), Some(b)) = (product(&|k| k == i), product(&|k| k == j)) else { continue };
                let of = term.args[j].of.or(term.args[i].of);
                let with = |inner: Option<Rc<Term>>| Term::product(rest().chain([(inner?, false)]));
                emit(with(Term::sum([(a.clone(), false), (b.clone(), true)])), 5.5, Family::Operator, of);
                if i < j {
                    emit(with(Term::sum([(a.clone(), false), (b.clone(), false)])), 5.5, Family::Operator, of);
                }
                emit(with(power_of(&a, &b)), 6.0, Family::Operator, of);
                if a.rank() == 2 && b.rank() == 2 {
                    emit(with(Term::matmul(&a, &b)), 5.0, Family::Operator, of);
                }
            }
        }
    }
}

/// a to the power of b.
fn power_of(a: &Rc<Term>, b: &Rc<Term>) -> Option<Rc<Term>> {
    if let Some(p) = b.as_number() {
        return Term::power(a.clone(), p);
    }
    Term::make(TermOp::Binary(BinaryOp::Pow(ops::Pow)), vec![a.clone(), b.clone()])
}

fn terms(term: &Rc<Term>, negative: &[bool], emit: &mut dyn FnMut(Option<Rc<Term>>, f64, Family, Option<usize>)) {
    let m = term.args.len();
    let member = |i: usize| (term.args[i].clone(), negative[i]);
    for (i, &minus) in negative.iter().enumerate() {
        let arg = &term.args[i];
        let of = arg.of;
        let rest = |with: Vec<(Rc<Term>, bool)>| Term::sum((0..m).filter(|&k| k != i).map(member).chain(with));
        let above = if matches!(arg.op, TermOp::Adjoint(_)) { 1.5 } else { 0.0 };
        emit(rest(vec![]), 2.0 + above, Family::TermDropped, of);
        // In its place, so that the rest is written as before.
        let turned = Term::sum((0..m).map(|k| if k == i { (arg.clone(), !minus) } else { member(k) }));
        emit(turned, 2.0, Family::TermSign, of);
        emit(rest(vec![member(i), member(i)]), 3.5, Family::TermTwice, of);
        let signed = |arg: &Rc<Term>| {
            if minus { Term::product([(Term::number(-1.0), false), (arg.clone(), false)]) } else { Some(arg.clone()) }
        };
        let others = rest(vec![]);
        written_over(arg, others.as_ref(), emit);
        for (a, b) in [(Some(arg.clone()), others.clone()), (signed(arg), others)] {
            let (Some(a), Some(b)) = (a, b) else { continue };
            emit(Term::product([(a.clone(), false), (b.clone(), false)]), 3.5, Family::Operator, of);
            emit(Term::product([(b.clone(), false), (a.clone(), true)]), 3.5, Family::Operator, of);
            emit(Term::product([(a.clone(), false), (b.clone(), true)]), 3.5, Family::Operator, of);
            emit(power_of(&b, &a), 4.5, Family::Operator, of);
            emit(power_of(&a, &b), 4.5, Family::Operator, of);
        }
    }
}

/// What a term puts in its place written over what is there, and not added; there, or beside it.
fn written_over(
    term: &Rc<Term>,
    others: Option<&Rc<Term>>,
    emit: &mut dyn FnMut(Option<Rc<Term>>, f64, Family, Option<usize>),
) {
    let (TermOp::Tensor(op @ (TensorOp::Embed(_) | TensorOp::ScatterAdd(_))), Some(others)) = (&term.op, others) else {
        return;
    };
    let ones = Term::constant(crate::tensor::Tensor::ones(term.args[0].shape()));
    let Some(placed) = Term::make(TermOp::Tensor(op.clone()), vec![ones]) else { return };
    let elsewhere = Term::constant(placed.value.map(|x| if x == 0.0 { 1.0 } else { 0.0 }));
    let over = |term: &Rc<Term>, elsewhere: &Rc<Term>, minus: bool| {
        let kept = Term::product([(others.clone(), false), (elsewhere.clone(), false)])?;
        Term::sum([(kept, false), (term.clone(), minus)])
    };
    emit(over(term, &elsewhere, false), 2.5, Family::Index, term.of);
    emit(over(term, &elsewhere, true), 4.0, Family::Index, term.of);
    for by in [-2, -1, 1, 2] {
        let moved = |x: &Rc<Term>| Term::make(TermOp::Reordered(by), vec![x.clone()]);
        if let (Some(term), Some(elsewhere)) = (moved(term), moved(&elsewhere)) {
            emit(over(&term, &elsewhere, false), 4.5, Family::Index, None);
        }
    }
}

fn exponents(term: &Rc<Term>, e: f64, emit: &mut dyn FnMut(Option<Rc<Term>>, f64, Family, Option<usize>)) {
    let x = &term.args[0];
    for p in [e + 1.0, e - 1.0, -e, 1.0, e + 0.5, e - 0.5, e / 2.0, 2.0 * e] {
        if p == -1.0 {
            emit(Term::product([(x.clone(), true)]), 2.0, Family::Exponent, None);
        } else if p != 0.0 {
            emit(Term::power(x.clone(), p), 2.0, Family::Exponent, None);
        }
    }
    let number = || Term::number(e);
    emit(Term::product([(number(), false), (x.clone(), false)]), 3.0, Family::Operator, None);
    emit(Term::product([(x.clone(), false), (number(), true)]), 3.0, Family::Operator, None);
    emit(Term::product([(Term::number(-e), false), (x.clone(), false)]), 4.0, Family::Operator, None);
    emit(Term::sum([(x.clone(), false), (number(), false)]), 3.0, Family::Operator, None);
    emit(Term::sum([(x.clone(), false), (number(), true)]), 3.0, Family::Operator, None);
    if e > 0.0 {
        emit(power_of(&number(), x), 4.0, Family::Operator, None);
    }
}

fn products(term: &Rc<Term>, emit: &mut dyn FnMut(Option<Rc<Term>>, f64, Family, Option<usize>)) {
    let [a, b] = &term.args[..] else { return };
    let (Some(at), Some(bt)) = (a.transposed(), b.transposed()) else { return };
    for (x, first) in [(a, true), (&at, false)] {
        for (y, second) in [(b, true), (&bt, false)] {
            if !(first && second) {
                emit(Term::matmul(x, y), 2.0, Family::Transposed, None);
            }
            emit(Term::matmul(y, x), 3.0, Family::Transposed, None);
            let operator = |emit: &mut dyn FnMut(Option<Rc<Term>>, f64, Family, Option<usize>), new, cost| {
                emit(new, cost, Family::Operator, None);
            };
            operator(emit, Term::product([(x.clone(), false), (y.clone(), false)]), 3.0);
            operator(emit, Term::sum([(x.clone(), false), (y.clone(), false)]), 4.0);
            operator(emit, Term::sum([(x.clone(), false), (y.clone(), true)]), 4.0);
            operator(emit, Term::product([(x.clone(), false), (y.clone(), true)]), 4.0);
            operator(emit, Term::product([(y.clone(), false), (x.clone(), true)]), 4.0);
            operator(emit, power_of(x, y), 5.0);
        }
    }
    for (k, x) in [a, b, &at, &bt].into_iter().enumerate() {
        emit(Some(x.clone()), 3.0 + 0.25 * k as f64, Family::Factor, None);
    }
}

fn reductions(term: &Rc<Term>, sum: &Sum, emit: &mut dyn FnMut(Option<Rc<Term>>, f64, Family, Option<usize>)) {
    let x = &term.args[0];
    let rank = x.rank();
    if rank > 5 {
        return;
    }
    for axes in (0..rank).map(|axis| AxisMask(1 << axis)).chain([AxisMask::all(rank)]) {
        let count = x.value.len() as f64 / x.shape().reduced(axes, true).numel().max(1) as f64;
        for keep in [sum.keep, !sum.keep] {
            let other = x.summed(axes, keep);
            let mean = other.clone().and_then(|sum| Term::product([(sum, false), (Term::number(count), true)]));
            emit(other, 2.0, Family::Reduction, None);
            emit(mean, 2.0, Family::Reduction, None);
            let largest = Term::make(TermOp::Largest(axes), vec![x.clone()])
                .and_then(|x| if keep { Some(x) } else { x.reshaped(x.shape().reduced(axes, false)) });
            emit(largest, 4.0, Family::Reduction, None);
        }
    }
    emit(Some(x.clone()), 2.0, Family::Reduction, None);
    // One of them alone.
    for axis in 0..rank {
        for i in [0, x.shape()[axis].saturating_sub(1)] {
            emit(one_of(x, axis, i), 4.0, Family::One, None);
        }
    }
}

/// One element along an axis.
fn one_of(x: &Rc<Term>, axis: usize, i: usize) -> Option<Rc<Term>> {
    let take = ops::structural::Take { axis, indices: Arc::new(vec![i]) };
    let one = Term::make(TermOp::Tensor(TensorOp::Take(take)), vec![x.clone()])?;
    one.reshaped(x.shape().reduced(AxisMask(1 << axis), false))
}

fn scattered(term: &Rc<Term>, op: &ScatterAdd, emit: &mut dyn FnMut(Option<Rc<Term>>, f64, Family, Option<usize>)) {
    let mut with = |indices: Vec<usize>, cost: f64| {
        let op = ScatterAdd { axis: op.axis, n: op.n, indices: Arc::new(indices) };
        emit(Term::make(TermOp::Tensor(TensorOp::ScatterAdd(op)), term.args.clone()), cost, Family::Index, None);
    };
    let (n, own) = (op.n as isize, &op.indices);
    if n == 0 || own.is_empty() {
        return;
    }
    for by in [-2isize, -1, 1, 2] {
        with(own.iter().map(|&i| (i as isize + by).rem_euclid(n) as usize).collect(), 4.0);
        with(own.iter().map(|&i| (i as isize + by).clamp(0, n - 1) as usize).collect(), 4.0);
        let mut turned = own.to_vec();
        let length = turned.len() as isize;
        turned.rotate_right(by.rem_euclid(length) as usize);
        with(turned, 4.0);
    }
    with(own.iter().rev().copied().collect(), 3.0);
    // The last use writes over what the others added: those before it count for nothing.
    let mut last = vec![0; op.n];
    own.iter().enumerate().for_each(|(k, &i)| last[i] = k);
    if own.iter().enumerate().any(|(k, &i)| last[i] != k) {
        let mask: Vec<f64> = own.iter().enumerate().map(|(k, &i)| f64::from(u8::from(last[i] == k))).collect();
        let x = &term.args[0];
        let mut shape = vec![1; x.rank()];
        shape[op.axis] = own.len();
        let mask = crate::tensor::Tensor::new(&shape[..], mask).ok().map(Term::constant);
        let kept = mask.and_then(|mask| Term::product([(x.clone(), false), (mask, false)]));
        emit(kept.and_then(|kept| Term::make(term.op.clone(), vec![kept])), 2.0, Family::Index, None);
    }
}

fn comparisons(term: &Rc<Term>, op: BinaryOp, emit: &mut dyn FnMut(Option<Rc<Term>>, f64, Family, Option<usize>)) {
    let others: Terms = [
        BinaryOp::Greater(ops::Greater),
        BinaryOp::GreaterEqual(ops::GreaterEqual),
        BinaryOp::Less(ops::Less),
        BinaryOp::LessEqual(ops::LessEqual),
        BinaryOp::Equal(ops::Equal),
    ]
    .into_iter()
    .filter(|other| other.code() != op.code() && op.is_flat())
    .filter_map(|other| Term::make(TermOp::Binary(other), term.args.clone()))
    .collect();
    others.into_iter().for_each(|other| emit(Some(other), 2.5, Family::Mask, None));
}
