//! How far apart two right engines may be: the program itself is run with rounding errors that are larger than theirs.
//!
//! Each op that rounds has its result moved by a few units in the last place, at random, and the derivatives of elementwise
//! programs as well, op by op in the rules. The spread of a few such runs is what the program makes of a unit in the last place:
//! much, where it is ill-conditioned, and only there.
//! Source of the idea: Vignes, A stochastic arithmetic for reliable scientific computation (1993).

use crate::engines::{Outputs, direction, tape_with, wants_second};
use crate::points::partials;
use crate::program::{Op, Program, is_exact};
use crate::values::Random;
use retrograd::ops::{BuiltinBinary, BuiltinUnary};
use retrograd::{Binary, Dual, Element, Number, Tape, Tensor, Unary, Var};
use std::cell::RefCell;
use std::cmp::Ordering;
use std::iter::{Product, Sum};
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

/// Largest error of an op, in units of the precision: the functions are right to about four.
const UNITS: f64 = 4.0;
const TRIALS: u64 = 3;

thread_local! {
    /// The errors, while there are some.
    static NOISE: RefCell<Option<Random>> = const { RefCell::new(None) };
}

/// Runs with errors that follow from the trial's number.
fn with_noise<R>(trial: u64, run: impl FnOnce() -> R) -> R {
    NOISE.with(|noise| noise.replace(Some(Random::new(trial))));
    let result = run();
    NOISE.with(|noise| noise.replace(None));
    result
}

fn moved<T: Element>(x: T) -> T {
    let unit = NOISE.with(|noise| noise.borrow_mut().as_mut().map(|noise| noise.unit() * 2.0 - 1.0));
    match unit {
        Some(unit) if x.to_f64().is_finite() && x.to_f64() != 0.0 => {
            // Subnormal numbers are rounded to a multiple of the smallest.
            let smallest = if T::NAME == "f32" { 1e-45f32 as f64 } else { 5e-324 };
            T::from_f64(x.to_f64() * (1.0 + unit * UNITS * T::EPSILON) + (unit * UNITS).round() * smallest)
        }
        _ => x,
    }
}

/// A number whose every operation errs while there is noise, and is that of the number itself elsewhere.
///
/// Its operations are functions that are not inlined, which keeps the rules of all ops over dual numbers of dual numbers small.
#[derive(Clone, Copy, Debug)]
pub struct Noisy<T>(pub T);

impl<T: Element> PartialEq for Noisy<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<T: Element> PartialOrd for Noisy<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.0.partial_cmp(&other.0)
    }
}

/// Whether a sum or product of these is the number itself, with every engine.
fn rounds<T: Element>(name: &str, [a, b, out]: [T; 3]) -> bool {
    let [a, b, out] = [a, b, out].map(|x| x.to_f64());
    let whole = |x: f64| x.fract() == 0.0 && x.abs() < 4096.0;
    let quarter = |x: f64| whole(4.0 * x);
    match name {
        "add" | "sub" => !(quarter(a) && quarter(b)) && a != 0.0 && b != 0.0,
        "mul" | "scale" | "gate" => {
            let exact = quarter(a) && quarter(b);
            !exact && a.abs() != 1.0 && b.abs() != 1.0
        }
        "div" | "over" => b.abs() != 1.0,
        _ => !is_exact(name) && !out.is_nan(),
    }
}

impl<T: Element> Number for Noisy<T> {
    fn lit(x: f64) -> Self {
        Self(T::from_f64(x))
    }
    fn select(self, a: Self, b: Self) -> Self {
        if self.0 != T::from_f64(0.0) { a } else { b }
    }
    #[inline(never)]
    fn unary<O: BuiltinUnary>(self, op: O) -> Self {
        let y = Number::unary(self.0, op);
        Self(if is_exact(O::NAME) { y } else { moved(y) })
    }
    #[inline(never)]
    fn binary<O: BuiltinBinary>(self, op: O, rhs: Self) -> Self {
        let y = Number::binary(self.0, op, rhs.0);
        Self(if rounds(O::NAME, [self.0, rhs.0, y]) { moved(y) } else { y })
    }
    fn apply<O: Unary>(self, op: O) -> Self {
        Self(moved(Number::apply(self.0, op)))
    }
    fn apply2<O: Binary>(self, op: O, rhs: Self) -> Self {
        Self(moved(Number::apply2(self.0, op, rhs.0)))
    }
}

macro_rules! noisy_operators {
    ($($Trait:ident $method:ident $Assign:ident $assign:ident),*) => {$(
        impl<T: Element> $Trait for Noisy<T> {
            type Output = Self;
            fn $method(self, rhs: Self) -> Self {
                self.binary(retrograd::ops::$Trait, rhs)
            }
        }
        impl<T: Element> $Assign for Noisy<T> {
            fn $assign(&mut self, rhs: Self) {
                *self = $Trait::$method(*self, rhs);
            }
        }
    )*};
}
noisy_operators!(Add add AddAssign add_assign, Sub sub SubAssign sub_assign, Mul mul MulAssign mul_assign,
    Div div DivAssign div_assign);

impl<T: Element> Neg for Noisy<T> {
    type Output = Self;
    fn neg(self) -> Self {
        self.unary(retrograd::ops::Neg)
    }
}
impl<T: Element> Sum for Noisy<T> {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::lit(0.0), |a, b| a + b)
    }
}
impl<T: Element> Product for Noisy<T> {
    fn product<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::lit(1.0), |a, b| a * b)
    }
}

/// Derivatives of an elementwise program over noisy dual numbers; second ones by the input first, or by the direction.
///
/// A Hessian is symmetric, its rounding is not: s (1 - s) of one row of `logaddexp` cancels where the other's does not, and the
/// tape takes one of them, the engines that go forward the other.
fn noisy_duals<T: Element>(program: &Program, by_direction: bool) -> Outputs {
    let n = program.inputs.len();
    let mut outputs = vec![Some(Vec::new()); 1 + 2 * n];
    for element in 0..program.seed.values.len() {
        let seed = program.seed.values[element];
        for j in 0..n {
            let along = |(i, input): (usize, &crate::program::Numbers)| {
                let (unit, along) = (Noisy::<T>::lit((i == j) as u8 as f64), Noisy(direction(i, element)));
                let (first, second) = if by_direction { (along, unit) } else { (unit, along) };
                Dual::new(Dual::new(Noisy::<T>::lit(input.values[element]), second), Dual::constant(first))
            };
            let x: Vec<_> = program.inputs.iter().enumerate().map(along).collect();
            let y = program.numbers(&x);
            let weighted = |d: Noisy<T>| if seed == 0.0 { 0.0 } else { seed * d.0.to_f64() };
            let mut put = |k: usize, x: f64| outputs[k].iter_mut().for_each(|output: &mut Vec<f64>| output.push(x));
            if j == 0 {
                put(0, y.value.value.0.to_f64());
            }
            put(1 + j, weighted(if by_direction { y.value.tangent } else { y.tangent.value }));
            put(1 + n + j, weighted(y.tangent.tangent));
        }
    }
    outputs
}

/// The program on a tape, with each node's value moved, and what rounding does inside of its rules added to its derivatives.
fn noisy_tape<T: Element>(program: &Program) -> Option<Outputs> {
    let in_rules = !program.is_of_numbers() && wants_second(program);
    tape_with::<T>(program, |op, args, value| {
        let Some(tape) = value.get_tape().filter(|_| !op.is_exact()) else { return value };
        let factors = Tensor::from_fn(value.shape(), |_| moved(T::from_f64(1.0)));
        let mut moved = value * tape.data(factors);
        let beside = match op {
            Op::Binary(op) => ["logaddexp", "bce_with_logits"].contains(&op.name()),
            Op::Method(_) => true,
            _ => false,
        };
        if beside {
            moved += tape.data(errors_beside(op, args, value));
        }
        if in_rules && matches!(op, Op::Unary(_) | Op::Binary(_)) {
            with_errors_of_rules(op, args, moved)
        } else if wants_second(program) && matches!(op, Op::Method(_)) {
            with_errors_of_methods(op, args, moved)
        } else {
            moved
        }
    })
    .ok()
}

/// Adds e (a - a0) + E (a - a0)^2 / 2, which changes the derivatives at a0 by the errors e and E and not the value.
///
/// 1/h - x^2/h^3 of `hypot` is right to a unit of 1/h, however small it is itself: no error of a node's value shows that.
fn with_errors_of_rules<'t, T: Element>(op: &Op, args: &[Var<'t, T>], value: Var<'t, T>) -> Var<'t, T> {
    let tape = value.tape();
    // A constant has no shape of its own.
    let ones = tape.data(Tensor::ones(value.shape()));
    let columns: Vec<_> = args.iter().map(|&arg| (arg * ones).value()).collect();
    let pairs = args.len() * args.len();
    let mut errors = vec![Vec::new(); 3 * pairs];
    let mut finite = Vec::new();
    for element in 0..value.numel() {
        let at: Vec<f64> = columns.iter().map(|column| column.as_slice()[element].to_f64()).collect();
        let near = at.iter().all(|x| x.is_finite());
        finite.push(T::from_f64(near as u8 as f64));
        let both = partials::<T>(op, &at).into_iter().zip(partials::<T>(op, &at)).map(|(a, b)| a - b);
        for (errors, error) in errors.iter_mut().zip(both) {
            errors.push(T::from_f64(if near && error.is_finite() { error } else { 0.0 }));
        }
    }
    // The difference of an infinity from itself is not 0.
    let finite = tape.data(Tensor::new(value.shape(), finite).expect("a column"));
    let zero = Var::constant(T::from_f64(0.0));
    let mut errors = errors.into_iter().map(|errors| tape.data(Tensor::new(value.shape(), errors).expect("a column")));
    let steps: Vec<_> = args.iter().map(|&arg| finite.select(arg * ones - (arg * ones).detach(), zero)).collect();
    let mut changed = value;
    for (i, &first) in steps.iter().enumerate() {
        for (j, &second) in steps.iter().enumerate() {
            let (slope, _, bend) = (errors.next(), errors.next(), errors.next());
            if i == j {
                changed += slope.expect("a column") * first;
            }
            changed += bend.expect("a column") * first * second * T::from_f64(0.5);
        }
    }
    changed
}

/// Errors in units of the arguments, of an op whose value is what is left of them: logaddexp(-1, -0.45) is 0.006, a sum of
/// 1e30 and -1e30 and others is anything.
fn errors_beside<'t, T: Element>(op: &Op, args: &[Var<'t, T>], value: Var<'t, T>) -> Tensor<T> {
    if matches!(op, Op::Method(_)) {
        let sizes = args.iter().map(|arg| {
            let sizes = arg.value().iter().map(|x| x.to_f64().abs()).filter(|x| x.is_finite()).fold(0.0, f64::max);
            if args.len() == 1 { sizes } else { sizes.max(1.0) }
        });
        let size = T::from_f64(sizes.product());
        // Of equal numbers the variance is the square of a rounding.
        if matches!(op, Op::Method(method) if method.name.starts_with("var")) {
            return Tensor::from_fn(value.shape(), |_| (moved(size) - size) * (moved(size) - size));
        }
        // Ordinary sums are told by their values.
        let error =
            || if size.to_f64() > 1e3 && size.to_f64().is_finite() { moved(size) - size } else { T::from_f64(0.0) };
        return Tensor::from_fn(value.shape(), |_| error());
    }
    let zeros = value.tape().data(Tensor::zeros(value.shape()));
    let columns: Vec<_> = args.iter().map(|&arg| (arg + zeros).value()).collect();
    let largest = |k: usize| columns.iter().map(|column| column.as_slice()[k].to_f64().abs()).fold(0.0, f64::max);
    let error = |k: usize| {
        let size = T::from_f64(largest(k));
        if size.to_f64().is_finite() { moved(size) - size } else { T::from_f64(0.0) }
    };
    Tensor::new(value.shape(), (0..value.numel()).map(error).collect()).expect("a column")
}

/// Adds what rounding does to the derivatives of an op on whole tensors, as [`with_errors_of_rules`] does for elements.
///
/// Their terms cancel in ways that no moved value shows: 1/n - x^2/n^3 of `norm2` along a vector, s - s^2 of `softmax` beside 1,
/// all of `kl_divergence(x, x)`. The terms are about the value over the arguments' size (of an exponential: the value), or the
/// derivative by one use of the argument and that over the argument.
fn with_errors_of_methods<'t, T: Element>(op: &Op, args: &[Var<'t, T>], value: Var<'t, T>) -> Var<'t, T> {
    let tape = value.tape();
    let columns: Vec<Tensor<T>> = args.iter().map(|arg| arg.value()).collect();
    let apart = Tape::<T>::of();
    let x: Vec<_> = columns.iter().map(|column| apart.var(column)).collect();
    let sizes = |x: &Tensor<T>| x.iter().map(|x| x.to_f64().abs()).filter(|x| x.is_finite()).fold(0.0, f64::max);
    let mut weight = Random::new(value.numel() as u64);
    let weights = Tensor::from_fn(value.shape(), |_| T::from_f64(0.5 + weight.unit()));
    let swept = op.record(&x, &[]).and_then(|y| y.try_backward_with(weights));
    let Ok(swept) = swept else { return value };
    // Shares of a whole are made of exponentials that stand side by side, however large the numbers are.
    let shares = matches!(op, Op::Method(method) if ["softmax", "logsumexp", "cross_entropy"].iter().any(|name| method.name.contains(name)));
    let largest = if shares { sizes(&value.value()).max(1.0) } else { sizes(&value.value()) };
    let mut changed = value;
    for ((&arg, column), &x) in args.iter().zip(&columns).zip(&x) {
        let (Some(_), Ok(gradient)) = (arg.get_tape(), swept.try_wrt(x)) else { continue };
        let size = sizes(column);
        let scale = match size {
            0.0 => 1.0,
            size if size > 100.0 && !shares => size.recip(),
            size => size.recip().max(1.0),
        };
        let error = |x: f64| {
            let moved = moved(T::from_f64(1.0)) - T::from_f64(1.0);
            if x.is_finite() { T::from_f64(x * moved.to_f64()) } else { T::from_f64(0.0) }
        };
        let of = |k: usize| (column.as_slice()[k].to_f64().abs(), gradient.as_slice()[k].to_f64().abs());
        let finite = |k: usize| of(k).0.is_finite();
        let count = 0..column.len();
        let slopes: Vec<T> = count.clone().map(|k| error(largest * scale + of(k).1)).collect();
        let curve = |(x, slope): (f64, f64)| if x == 0.0 { 0.0 } else { slope / x };
        let bends: Vec<T> = count.clone().map(|k| error(largest * scale * scale + curve(of(k)))).collect();
        let near: Vec<T> = count.map(|k| T::from_f64(finite(k) as u8 as f64)).collect();
        let [slopes, bends, near] =
            [slopes, bends, near].map(|column| tape.data(Tensor::new(arg.shape(), column).expect("a column")));
        let step = near.select(arg - arg.detach(), Var::constant(T::from_f64(0.0)));
        changed += (slopes * step + bends * step * step * T::from_f64(0.5)).sum(());
    }
    changed
}

/// For each element of each output, what two engines may differ by. Infinite where the result hangs on a rounding.
pub fn allowed<T: Element>(program: &Program, reference: &Outputs) -> Vec<Vec<f64>> {
    let longest =
        program.inputs.iter().map(|input| input.values.len()).max().unwrap_or(1).max(program.seed.values.len());
    let smallest = if T::EPSILON > 1e-10 { 1e-44 } else { 2e-323 };
    // Sums add up what the largest of their terms lost.
    let of_numbers = program.is_of_numbers();
    let blocks = reference.iter().map(|output| {
        let output = output.as_deref().unwrap_or_default();
        let largest = output.iter().filter(|x| x.is_finite()).fold(0.0f64, |largest, x| largest.max(x.abs()));
        let share = if of_numbers { 0.0 } else { 64.0 * T::EPSILON * largest * (longest as f64).sqrt() };
        output.iter().map(|x| share + 16.0 * T::EPSILON * x.abs() + smallest).collect::<Vec<f64>>()
    });
    let mut allowed: Vec<Vec<f64>> = blocks.collect();
    // Sums of seeds that cancel do so in one order of them.
    if program.nodes.iter().any(|node| matches!(node.op, Op::Method(_))) {
        let seed = program.seed.values.iter().filter(|x| x.is_finite()).fold(0.0f64, |largest, x| largest.max(x.abs()));
        for block in allowed.iter_mut().skip(1).take(program.inputs.len()) {
            block.iter_mut().for_each(|allowed| *allowed += 4.0 * T::EPSILON * seed);
        }
    }
    // Second derivatives may be what two terms leave that cancel, which are as large as ordinary first ones are.
    for block in allowed.iter_mut().skip(1 + program.inputs.len()) {
        block.iter_mut().for_each(|allowed| *allowed += 4.0 * T::EPSILON);
    }
    // Few trials tell the size of an error to a factor, where many roundings meet to a larger one.
    let wide = if of_numbers { 16.0 } else { 32.0 };
    let mut widen = |base: &Outputs, noisy: Outputs| {
        for ((allowed, base), noisy) in allowed.iter_mut().zip(base).zip(noisy) {
            let (Some(base), Some(noisy)) = (base, noisy) else { continue };
            for ((allowed, &base), noisy) in allowed.iter_mut().zip(base).zip(noisy) {
                let same = base == noisy || (base.is_nan() && noisy.is_nan());
                let spread = wide * (base - noisy).abs();
                *allowed =
                    if same { *allowed } else { allowed.max(if spread.is_nan() { f64::INFINITY } else { spread }) };
            }
        }
    };
    let mut duals = [None, None];
    for trial in 1..=TRIALS {
        if let Some(noisy) = with_noise(trial, || noisy_tape::<T>(program)) {
            widen(reference, noisy);
        }
        for (base, by_direction) in duals.iter_mut().zip([false, true]).filter(|_| of_numbers) {
            let noisy = with_noise(trial, || noisy_duals::<T>(program, by_direction));
            // Three trials may round alike, so that they are held to the run without errors.
            let base = base.get_or_insert_with(|| noisy_duals::<T>(program, by_direction));
            // NaN where the tape has none is a difference of modes, not of rounding.
            let both = |(base, noisy): (&Option<Vec<f64>>, &Option<Vec<f64>>)| match (base, noisy) {
                (Some(base), Some(noisy)) if base.iter().zip(noisy).all(|(a, b)| a.is_finite() == b.is_finite()) => {
                    (Some(base.clone()), Some(noisy.clone()))
                }
                _ => (None, None),
            };
            let (base, noisy): (Outputs, Outputs) = base.iter().zip(&noisy).map(both).unzip();
            widen(&base, noisy);
        }
    }
    allowed
}
