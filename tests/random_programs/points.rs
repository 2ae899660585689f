//! Where a route may hide a number that is not finite: points at which an op's derivative is infinite or undefined.
//!
//! Backward, a zero upstream hides what is behind it; forward, a zero tangent what is before it; a stored zero times an infinity
//! is NaN. So routes may differ where some derivative on the way is not finite and another factor is zero, and only there.
//! Which ops have such derivatives stands with the ops (`Unary::SINGULAR`), and a test holds that to the rules: a rule that gives
//! NaN anywhere else is found. Methods on whole tensors are listed below.

use crate::compare::Finding;
use crate::engines::{self, Outcome};
use crate::noise::Noisy;
use crate::program::{Op, Program};
use retrograd::{Dual, Element, Number, Tape, Tensor, Var};

/// Methods on whole tensors with such derivatives.
const METHODS: &[&str] = &[
    "binary_cross_entropy",
    "cross_entropy_soft",
    "cumprod",
    "det",
    "inv",
    "kl_divergence",
    "logsumexp",
    "nll",
    "norm2",
    "norm2_keep",
    "prod",
    "prod_keep",
    "solve",
    "std",
    "std_keep",
];

type Twice<T> = Dual<Dual<Noisy<T>>>;

/// For each pair of arguments, the derivative by the one, by the other, and by both.
pub fn partials<T: Element>(op: &Op, args: &[f64]) -> Vec<f64> {
    let one = |k: usize, at: usize| Noisy::<T>::lit((k == at) as u8 as f64);
    let mut found = Vec::new();
    for first in 0..args.len() {
        for second in 0..args.len() {
            let dual = |(k, &x): (usize, &f64)| {
                Dual::new(Dual::new(Noisy::lit(x), one(k, first)), Dual::constant(one(k, second)))
            };
            let args: Vec<Twice<T>> = args.iter().enumerate().map(dual).collect();
            if let Some(y) = op.number(&args, &[]) {
                found.extend([y.value.tangent, y.tangent.value, y.tangent.tangent].map(|x| x.0.to_f64()));
            }
        }
    }
    found
}

/// What the factors of a chain of derivatives are like.
#[derive(Default)]
struct Factors {
    /// One of them is infinite or undefined, as listed.
    infinite: bool,
    zero: bool,
    /// Logarithms of the products of all that are above 1, and of all that are below.
    most: f64,
    least: f64,
}

impl Factors {
    fn add<T: Element>(&mut self, op: &Op, args: &[f64]) {
        let singular = match op {
            Op::Unary(op) => op.singular(),
            Op::Binary(op) => op.singular(),
            _ => return self.zero |= matches!(op, Op::Select),
        };
        let partials = partials::<T>(op, args);
        let listed = args.iter().any(|x| x.is_nan())
            || if args.iter().all(|x| x.is_finite()) { singular.at_points } else { singular.at_infinity };
        // A rule may hide what is infinite in itself, as 1/y (x/y) of a quotient of infinities.
        let inside = args.iter().any(|x| x.is_infinite());
        self.infinite |= listed && (inside || partials.iter().any(|x| !x.is_finite()));
        self.zero |= partials.contains(&0.0);
        let logarithms = partials.iter().filter(|x| x.is_finite() && **x != 0.0).map(|x| x.abs().ln());
        let (most, least) = logarithms.fold((0.0f64, 0.0f64), |(most, least), x| (most.max(x), least.min(x)));
        self.most += most;
        self.least += least;
    }

    /// Whether they do in derivatives of this order: each has so many factors of each op.
    fn hide<T: Element>(&self, order: usize) -> bool {
        let (largest, smallest) = if T::NAME == "f32" { (88.0, -103.0) } else { (709.0, -745.0) };
        let order = order as f64;
        (self.infinite || order * self.most > largest) && (self.zero || order * self.least < smallest)
    }
}

/// Whether a derivative that is not finite meets a zero on the way to what was found.
pub fn hide(program: &Program, finding: &Finding) -> bool {
    if program.single { hide_in::<f32>(program, finding) } else { hide_in::<f64>(program, finding) }
}

fn hide_in<T: Element>(program: &Program, finding: &Finding) -> bool {
    let mut factors = Factors::default();
    // A tangent is zero for all inputs but one.
    factors.zero |= program.seed.values.contains(&0.0) || program.inputs.len() > 1;
    // An op on whole tensors tells no factors: a second derivative is made of the first.
    if let (2, Outcome::Numbers(outputs)) = (finding.order, engines::caught(|| engines::tape::<T>(program))) {
        let first = outputs.iter().skip(1).take(program.inputs.len());
        factors.infinite |= first.flatten().flatten().any(|x| !x.is_finite());
    }
    if program.is_of_numbers() {
        let inputs: Vec<f64> = program.inputs.iter().map(|input| input.values[finding.element]).collect();
        let x: Vec<Noisy<T>> = inputs.iter().map(|&x| Noisy::lit(x)).collect();
        factors.zero |= tangent_vanishes::<T>(program, &inputs);
        let mut values: Vec<Noisy<T>> = Vec::new();
        for node in &program.nodes {
            let args: Vec<_> = node.args.iter().map(|&k| values[k]).collect();
            let numbers: Vec<f64> = args.iter().map(|x| x.0.to_f64()).collect();
            factors.add::<T>(&node.op, &numbers);
            values.push(node.op.number(&args, &x).expect("an elementwise program"));
        }
        return factors.hide::<T>(finding.order);
    }
    let tape = Tape::<T>::of();
    let x: Vec<_> = program.tensors().iter().map(|x| tape.var(x)).collect();
    let mut values = Vec::new();
    for node in &program.nodes {
        let args: Vec<_> = node.args.iter().map(|&k| values[k]).collect();
        let Ok(value) = node.op.record(&args, &x) else { return false };
        match &node.op {
            Op::Method(method) => {
                let flat = args.iter().chain([&value]).flat_map(|x| x.value().to_vec());
                factors.infinite |= METHODS.contains(&method.name) || flat.into_iter().any(|x| !x.to_f64().is_finite());
                factors.zero = true;
                // What a product on whole tensors passes on has the other side for a factor.
                let sizes = args.iter().flat_map(|x| x.value().to_vec()).map(|x| x.to_f64().abs());
                let logarithms = sizes.filter(|x| x.is_finite() && *x != 0.0).map(f64::ln);
                let (most, least) = logarithms.fold((0.0f64, 0.0f64), |(most, least), x| (most.max(x), least.min(x)));
                factors.most += most;
                factors.least += least;
            }
            Op::Unary(_) | Op::Binary(_) => {
                let ones = tape.data(Tensor::ones(value.shape()));
                // A constant has no shape of its own.
                let spread = |&x: &Var<'_, T>| (x * ones).value().to_vec();
                let columns: Vec<Vec<T>> = args.iter().map(spread).collect();
                let mut worst = Factors::default();
                for element in 0..value.numel() {
                    let numbers: Vec<f64> = columns.iter().map(|column| column[element].to_f64()).collect();
                    let mut here = Factors::default();
                    here.add::<T>(&node.op, &numbers);
                    worst.infinite |= here.infinite;
                    worst.zero |= here.zero;
                    worst.most = worst.most.max(here.most);
                    worst.least = worst.least.min(here.least);
                }
                factors.infinite |= worst.infinite;
                factors.zero |= worst.zero;
                factors.most += worst.most;
                factors.least += worst.least;
            }
            _ => factors.zero |= matches!(node.op, Op::Select),
        }
        values.push(value);
    }
    factors.hide::<T>(finding.order)
}

/// Whether the tangent of a value on the way is 0, if only by terms that cancel: atan2(x, x) does not depend on x. Infinite terms
/// that would cancel are NaN.
fn tangent_vanishes<T: Element>(program: &Program, inputs: &[f64]) -> bool {
    (0..inputs.len()).any(|j| {
        let unit = |k: usize| Noisy::lit((k == j) as u8 as f64);
        let x: Vec<Dual<Noisy<T>>> =
            inputs.iter().enumerate().map(|(k, &x)| Dual::new(Noisy::lit(x), unit(k))).collect();
        let mut values: Vec<Dual<Noisy<T>>> = Vec::new();
        for node in &program.nodes {
            let args: Vec<_> = node.args.iter().map(|&k| values[k]).collect();
            values.push(node.op.number(&args, &x).expect("an elementwise program"));
        }
        values.iter().map(|value| value.tangent.0.to_f64()).any(|tangent| tangent == 0.0 || tangent.is_nan())
    })
}

/// Whether a number on the way is infinite, or so large that 1 adds nothing to it.
pub fn dwarfs_one(program: &Program) -> bool {
    let epsilon = if program.single { f32::EPSILON as f64 } else { f64::EPSILON };
    let large = |x: &f64| x.abs() > epsilon.recip();
    let tape = Tape::<f64>::new();
    let x: Vec<_> = program.tensors().iter().map(|x| tape.var(x)).collect();
    let mut found = program.inputs.iter().any(|input| input.values.iter().any(large));
    let recorded = program.record_with(&x, |_, _, value| {
        found |= value.value().iter().any(large);
        value
    });
    recorded.is_ok() && found
}

/// Whether an argument of one of these ops is such a number.
pub fn some_argument(program: &Program, names: &[&str], is: impl Fn(f64) -> bool) -> bool {
    let tape = Tape::<f64>::new();
    let x: Vec<_> = program.tensors().iter().map(|x| tape.var(x)).collect();
    let mut found = false;
    let recorded = program.record_with(&x, |op, args, value| {
        let name = match op {
            Op::Unary(op) => op.name(),
            Op::Binary(op) => op.name(),
            Op::Method(method) => method.name,
            _ => "",
        };
        found |= names.contains(&name) && args.iter().any(|arg| arg.value().iter().any(|&x| is(x)));
        value
    });
    recorded.is_ok() && found
}

/// The ops say what the rules give at special points, no more and no less.
#[test]
fn ops_whose_derivatives_are_not_finite_say_so() {
    use crate::parameters;
    use crate::values::{Random, special};
    use retrograd::ops::{BinaryOp, Singular, UnaryOp};
    use std::collections::BTreeMap;
    let mut random = Random::new(1);
    let mut ops: Vec<(&str, Singular, Op)> =
        BinaryOp::all().into_iter().map(|op| (op.name(), op.singular(), Op::Binary(op))).collect();
    for op in UnaryOp::all() {
        let drawn = (0..20).map(|_| op.with_parameters(parameters::of_unary(op, &mut random)));
        ops.extend(drawn.map(|op| (op.name(), op.singular(), Op::Unary(op))));
    }
    let said: BTreeMap<&str, Singular> = ops.iter().map(|(name, singular, _)| (*name, *singular)).collect();
    let mut found: BTreeMap<&str, Singular> = said.keys().map(|name| (*name, Singular::NOWHERE)).collect();
    let points = special();
    for (name, _, op) in &ops {
        for &x in &points {
            for &y in if matches!(op, Op::Binary(_)) { &points[..] } else { &[0.0] } {
                let args = if matches!(op, Op::Binary(_)) { vec![x, y] } else { vec![x] };
                if args.iter().any(|x| x.is_nan()) || partials::<f64>(op, &args).iter().all(|x| x.is_finite()) {
                    continue;
                }
                let here = found.get_mut(name).expect("an op of the registry");
                if args.iter().all(|x| x.is_finite()) { here.at_points = true } else { here.at_infinity = true }
            }
        }
    }
    let wrong: Vec<_> =
        said.iter().filter(|(name, said)| found[*name] != **said).map(|(name, _)| (name, found[name])).collect();
    assert!(wrong.is_empty(), "their derivatives are not finite elsewhere: {wrong:?}");
}
