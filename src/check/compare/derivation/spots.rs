//! The places in a statement, and what a change at each of them changes.
//!
//! A key is a random weighting of all gradients. Where everything between a place and the gradients is linear, a new value there changes
//! the key by one dot product; elsewhere the terms above it are made again, up to where that is so.

use super::program::COLUMNS;
use super::term::{Term, TermOp, applied, combined};
use crate::ops::structural::{BroadcastTo, MatMul, Sum, TensorOp};
use crate::ops::{self, BinaryOp};
use crate::tape::{Tape, Var};
use crate::tensor::shape::AxisMask;
use crate::tensor::{Shape, Tensor};
use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

pub(super) type Weights = [Tensor<f64>; COLUMNS];

/// A place in a term.
pub(super) struct Spot {
    pub term: Rc<Term>,
    /// The place that it is an argument of, and which.
    pub parent: Option<(usize, u8)>,
    /// The change of the key for a change of the value here; none where what is above is not linear in it.
    weights: Option<Weights>,
    base: [f64; COLUMNS],
    /// The weights of values that are stretched here, by their shape.
    reduced: RefCell<HashMap<Shape, Weights>>,
    /// The outermost place above, or this one, whose term stands in the statement more than once.
    pub repeated: Option<usize>,
}

pub(super) struct Spots {
    pub all: Vec<Spot>,
}

const MUL: BinaryOp = BinaryOp::Mul(ops::Mul);
const DIV: BinaryOp = BinaryOp::Div(ops::Div);

/// What became of a change.
pub(super) enum Change {
    /// The key changes by this much.
    Key([f64; COLUMNS]),
    /// The whole statement has another shape now.
    Shape(Rc<Term>),
    /// Shapes do not fit.
    Unfit,
}

impl Spots {
    pub fn of(root: &Rc<Term>, weights: &Weights) -> Self {
        let mut spots = Self { all: Vec::new() };
        let weights = reduced(weights, root.shape());
        spots.push(root, None, weights);
        let mut counts: HashMap<u64, usize> = HashMap::new();
        spots.all.iter().for_each(|spot| *counts.entry(spot.term.key()).or_default() += 1);
        for i in 0..spots.all.len() {
            let above = spots.all[i].parent.and_then(|(parent, _)| spots.all[parent].repeated);
            let own = counts[&spots.all[i].term.key()] > 1 && spots.all[i].term.as_number().is_none();
            spots.all[i].repeated = above.or(own.then_some(i));
        }
        spots
    }

    fn push(&mut self, term: &Rc<Term>, parent: Option<(usize, u8)>, weights: Option<Weights>) {
        let base = weights.as_ref().map_or([0.0; COLUMNS], |weights| dots(weights, &term.value));
        let here = self.all.len();
        self.all.push(Spot {
            term: term.clone(),
            parent,
            weights: weights.clone(),
            base,
            reduced: RefCell::default(),
            repeated: None,
        });
        for (i, arg) in term.args.iter().enumerate() {
            let inner = weights.as_ref().and_then(|weights| pulled(term, i, weights));
            self.push(arg, Some((here, i as u8)), inner);
        }
    }

    /// What says whether the same edits at two places come to the same: the term, and what a change of it changes.
    pub fn effect(&self, at: usize) -> Option<u64> {
        let mut spot = &self.all[at];
        let mut hasher = DefaultHasher::new();
        // Up to where what is above is linear.
        while spot.weights.is_none() {
            let (parent, i) = spot.parent?;
            i.hash(&mut hasher);
            spot = &self.all[parent];
        }
        let weights = spot.weights.as_ref()?;
        spot.term.key().hash(&mut hasher);
        weights[0].iter().for_each(|x| x.to_bits().hash(&mut hasher));
        Some(hasher.finish())
    }

    /// The term of a place with another term at a place below it.
    fn rebuilt(&self, mut at: usize, new: &Rc<Term>, to: usize) -> Option<Rc<Term>> {
        let mut term = new.clone();
        while at != to {
            let (parent, i) = self.all[at].parent?;
            term = remade(&self.all[parent].term, i, term)?;
            at = parent;
        }
        Some(term)
    }

    /// The whole statement with another term at a place.
    pub fn whole(&self, at: usize, new: &Rc<Term>) -> Option<Rc<Term>> {
        self.rebuilt(at, new, 0)
    }

    /// The whole statement with another term at a place, and at all places where the same stands.
    pub fn whole_everywhere(&self, at: usize, new: &Rc<Term>) -> Option<Rc<Term>> {
        let repeated = self.all[at].repeated?;
        let helper = self.rebuilt(at, new, repeated)?;
        let root = &self.all[0].term;
        let known = &self.all[repeated].term;
        let whole = everywhere(root, known.key(), &helper)?;
        (whole.key() != root.key()).then_some(whole)
    }

    /// What another term at a place changes.
    pub fn change(&self, at: usize, new: &Rc<Term>) -> Change {
        let mut place = at;
        let mut term = new.clone();
        loop {
            let spot = &self.all[place];
            if spot.weights.is_some()
                && term.rank() <= spot.term.rank()
                && term.shape().broadcasts_to(spot.term.shape())
            {
                return Change::Key(self.key(place, &term.value));
            }
            let Some((parent, i)) = spot.parent else { return Change::Shape(term) };
            let Some(made) = remade(&self.all[parent].term, i, term) else { return Change::Unfit };
            (place, term) = (parent, made);
        }
    }

    /// The change of the key for another value at a place.
    fn key(&self, place: usize, value: &Tensor<f64>) -> [f64; COLUMNS] {
        let spot = &self.all[place];
        let weights = spot.weights.as_ref().expect("a place with weights");
        let found = if value.shape() == spot.term.shape() {
            dots(weights, value)
        } else {
            let mut known = spot.reduced.borrow_mut();
            let of_shape = || reduced(weights, value.shape()).unwrap_or_else(|| weights.clone());
            dots(known.entry(value.shape().clone()).or_insert_with(of_shape), value)
        };
        std::array::from_fn(|k| found[k] - spot.base[k])
    }

    /// What the value at a place weighs; none where what is above is not linear in it.
    pub fn base(&self, at: usize) -> Option<[f64; COLUMNS]> {
        self.all[at].weights.as_ref().map(|_| self.all[at].base)
    }
}

/// A term with another argument; where it only gave the argument the shape that it should have, the argument.
pub(super) fn remade(above: &Rc<Term>, i: u8, term: Rc<Term>) -> Option<Rc<Term>> {
    let mut args = above.args.clone();
    args[i as usize] = term.clone();
    let shapes = matches!(above.op, TermOp::Tensor(TensorOp::Reshape(_) | TensorOp::BroadcastTo(_)));
    above.with_args(args).or(if shapes { Some(term) } else { None })
}

/// A term with another in place of one wherever that stands, list by list as it is written.
fn everywhere(term: &Rc<Term>, key: u64, new: &Rc<Term>) -> Option<Rc<Term>> {
    if term.key() == key {
        return Some(new.clone());
    }
    let args: Vec<Rc<Term>> = term.args.iter().map(|arg| everywhere(arg, key, new)).collect::<Option<_>>()?;
    if args.iter().zip(&term.args).all(|(a, b)| Rc::ptr_eq(a, b)) {
        return Some(term.clone());
    }
    term.with_args(args)
}

fn dots(weights: &Weights, x: &Tensor<f64>) -> [f64; COLUMNS] {
    let mut sums = [0.0; COLUMNS];
    let x = x.as_slice();
    for (sum, weights) in sums.iter_mut().zip(weights) {
        *sum = weights.as_slice().iter().zip(x).map(|(w, x)| w * x).sum();
    }
    sums
}

/// Weights of a value that is stretched to where these are: summed over what stretching repeats.
pub(super) fn reduced(weights: &Weights, shape: &Shape) -> Option<Weights> {
    if weights[0].shape() == shape {
        return Some(weights.clone());
    }
    let mut all = Vec::with_capacity(COLUMNS);
    for column in weights {
        all.push(summed_to(column, shape)?);
    }
    all.try_into().ok()
}

pub(super) fn summed_to(x: &Tensor<f64>, shape: &Shape) -> Option<Tensor<f64>> {
    let from = x.shape();
    if from == shape {
        return Some(x.clone());
    }
    if shape.rank() > from.rank() || !shape.broadcasts_to(from) {
        return None;
    }
    let lead = from.rank() - shape.rank();
    let stretched = |&axis: &usize| axis < lead || (shape[axis - lead] == 1 && from[axis] != 1);
    let axes = AxisMask((0..from.rank()).filter(stretched).fold(0, |mask, axis| mask | 1 << axis));
    applied(TensorOp::Sum(Sum { axes, keep: false }), &[x])?.try_reshape(shape).ok()
}

/// The weights of an argument from those of a term; none where the term is not linear in it.
fn pulled(term: &Rc<Term>, i: usize, weights: &Weights) -> Option<Weights> {
    let shape = term.args[i].shape();
    let each = |f: &ByColumn<'_>| -> Option<Weights> {
        let mut all = Vec::with_capacity(COLUMNS);
        for column in weights {
            all.push(f(column)?);
        }
        all.try_into().ok()
    };
    match &term.op {
        TermOp::Product(inverse) if !inverse[i] => {
            let mut rest: Option<Tensor<f64>> = None;
            for (k, other) in term.args.iter().enumerate().filter(|(k, _)| *k != i) {
                rest = Some(match (rest, inverse[k]) {
                    (None, false) => other.value.clone(),
                    (None, true) => other.value.map(|x| 1.0 / x),
                    (Some(rest), inverse) => combined(if inverse { DIV } else { MUL }, &rest, &other.value)?,
                });
            }
            let Some(rest) = rest else { return each(&|w| summed_to(w, shape)) };
            each(&|w| summed_to(&combined(MUL, w, &rest)?, shape))
        }
        TermOp::Sum(negative) => {
            let sign = if negative[i] { -1.0 } else { 1.0 };
            each(&|w| Some(summed_to(w, shape)?.map(|x| sign * x)))
        }
        TermOp::Select if i > 0 => {
            let mask = &term.args[0].value;
            each(&|w| {
                let other = |w: &Tensor<f64>| {
                    if i == 1 { combined(MUL, w, mask) } else { combined(MUL, w, &mask.map(|x| 1.0 - x)) }
                };
                summed_to(&other(w)?, shape)
            })
        }
        TermOp::Tensor(op) => linear(term, op, i, &each),
        _ => None,
    }
}

/// What becomes of one column of weights.
type ByColumn<'f> = dyn Fn(&Tensor<f64>) -> Option<Tensor<f64>> + 'f;

/// The weights of an argument of an op on whole tensors.
fn linear(
    term: &Rc<Term>,
    op: &TensorOp,
    i: usize,
    each: &dyn Fn(&ByColumn<'_>) -> Option<Weights>,
) -> Option<Weights> {
    let shape = term.args[i].shape();
    match op {
        TensorOp::MatMul(product) if term.args.iter().all(|arg| arg.rank() == 2) => each(&|w| {
            let (x, y, gradient) = product.gradient(i, &term.args[0].value, &term.args[1].value, w);
            applied(TensorOp::MatMul(MatMul::plain(gradient.ta, gradient.tb)), &[x, y])
        }),
        TensorOp::Reshape(_) => each(&|w| w.try_reshape(shape).ok()),
        TensorOp::BroadcastTo(_) => each(&|w| summed_to(w, shape)),
        TensorOp::Sum(sum) => {
            let kept = shape.reduced(sum.axes, true);
            let stretch = TensorOp::BroadcastTo(BroadcastTo { shape: shape.clone() });
            each(&|w| applied(stretch.clone(), &[&w.try_reshape(&kept).ok()?]))
        }
        TensorOp::Permute(permute) if permute.axes[..] == [1, 0] => each(&|w| w.try_t().ok()),
        _ => {
            if !is_linear(term, i) {
                return None;
            }
            let (tape, args) = alone(term);
            let tape = &tape;
            let args: Vec<Var<'_, f64>> = args.into_iter().map(|x| tape.var(x)).collect();
            let output = Var::record_tensor_op(op.clone(), &args).ok()?;
            each(&|w| {
                let seed = combined(MUL, w, &Tensor::ones(output.shape()))?;
                let gradients = output.try_backward_with(seed).ok()?;
                gradients.try_wrt(args[i]).ok()
            })
        }
    }
}

fn alone(term: &Rc<Term>) -> (Tape<f64>, Vec<Tensor<f64>>) {
    (Tape::new(), term.args.iter().map(|arg| arg.value.clone()).collect())
}

/// Whether an op is linear in an argument, told by what it makes of another value, its negative and its double.
fn is_linear(term: &Rc<Term>, i: usize) -> bool {
    let arg = &term.args[i].value;
    // Numbers without pattern, and of both signs.
    let mut state = 0x9e37_79b9_u64;
    let other = arg.map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / (1u64 << 30) as f64 - 1.0
    });
    let at = |x: Tensor<f64>| -> Option<Tensor<f64>> {
        let mut args = term.args.clone();
        args[i] = Term::constant(x);
        Some(Term::make(term.op.clone(), args)?.value.clone())
    };
    let (Some(once), Some(negative), Some(both)) = (
        at(other.clone()),
        at(other.map(|x| -x)),
        at(Tensor::new(arg.shape(), other.iter().zip(arg.iter()).map(|(x, a)| x + 2.0 * a).collect())
            .unwrap_or_else(|_| arg.clone())),
    ) else {
        return false;
    };
    let size = both.iter().chain(once.iter()).fold(1e-300, |max: f64, x| max.max(x.abs()));
    let near = |x: f64, y: f64| (x - y).abs() <= 1e-9 * size;
    once.iter().zip(negative.iter()).all(|(x, y)| near(*x, -y))
        && once.iter().zip(term.value.iter()).zip(both.iter()).all(|((x, v), y)| near(x + 2.0 * v, *y))
}
