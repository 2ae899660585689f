//! What every case is put through.

use crate::tensor_ops::naive::T;
use retrograd::{Tape, Tensor, Value, Var};

/// Where the elements of an input lie. All are apart from each other and from 0 by more than twice the step of
/// differences, so that no extreme or absolute value changes side.
#[derive(Clone, Copy, Debug)]
pub enum Domain {
    /// In -1.5..1.5.
    Any,
    /// In 0.1..0.9.
    Probability,
    /// A square matrix far from singular.
    Regular,
}

/// Whether the function is linear or quadratic in its inputs, so that differences with step 1 are exact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Quadratic,
    Smooth,
}

pub type Apply<E> = Box<dyn for<'a, 't> Fn(&'a [Var<'t, E>]) -> Var<'t, E>>;

pub struct Case {
    pub name: String,
    pub inputs: Vec<(Vec<usize>, Domain)>,
    pub kind: Kind,
    pub double: Apply<f64>,
    pub single: Apply<f32>,
    pub naive: Box<dyn Fn(&[T]) -> T>,
}

/// Lets a closure be one for every tape's lifetime.
pub fn apply<E>(f: impl for<'a, 't> Fn(&'a [Var<'t, E>]) -> Var<'t, E> + 'static) -> Apply<E> {
    Box::new(f)
}

/// Relative to the larger number, or to 1: tensor kernels, naive loops and three orders of summation apart.
const AGREE: f64 = 1e-12;
/// Extrapolated differences of smooth functions.
const DIFFERENCES: f64 = 1e-8;
/// Single precision, through a few dozen roundings and divisions by numbers around 0.1.
const SINGLE: f64 = 5e-5;

pub fn check(case: &Case) {
    let x: Vec<T> = case.inputs.iter().enumerate().map(|(i, (shape, domain))| sample(shape, *domain, i)).collect();
    let first = first_order(case, &x);
    second_order(case, &x, &first);
    single_precision(case, &x, &first);
}

/// Elements in an order that is no one's favourite; see [`Domain`].
fn sample(shape: &[usize], domain: Domain, which: usize) -> T {
    let n: usize = shape.iter().product();
    let stride = (n / 2 + 1 + which..).find(|&s| gcd(s, n.max(1)) == 1).expect("a number without common factor");
    let place = |k: usize| ((k * stride + which) % n) as f64;
    let spread = |k: usize| (place(k) + 0.37 - 0.06 * which as f64) / n as f64;
    let columns = shape.last().copied().unwrap_or(1);
    let element = |k: usize| match domain {
        Domain::Any => spread(k) * 3.0 - 1.5,
        Domain::Probability => 0.1 + 0.8 * spread(k),
        Domain::Regular => spread(k) - 0.5 + if k / columns % columns == k % columns { 2.0 } else { 0.0 },
    };
    Tensor::new(shape, (0..n).map(element).collect()).unwrap()
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Fixed numbers that no symmetry hides behind.
fn weights(like: &[usize], salt: usize) -> T {
    let n: usize = like.iter().product();
    let number = |k: usize| {
        0.25 + ((k * 7 + salt * 5) % 13) as f64 / 13.0 - if (k + salt).is_multiple_of(3) { 1.0 } else { 0.0 }
    };
    Tensor::new(like, (0..n).map(number).collect()).unwrap()
}

fn dot(a: &T, b: &T) -> f64 {
    assert_eq!(a.shape(), b.shape());
    a.iter().zip(b.iter()).map(|(a, b)| a * b).sum()
}
fn dots(a: &[T], b: &[T]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| dot(a, b)).sum()
}

/// x + h u.
fn moved(x: &[T], h: f64, u: &[T]) -> Vec<T> {
    let mut moved = x.to_vec();
    moved.iter_mut().zip(u).for_each(|(x, u)| x.add_scaled(h, u));
    moved
}

/// d/dh of f(h) at 0, elementwise.
fn difference(kind: Kind, f: impl Fn(f64) -> Vec<f64>) -> Vec<f64> {
    let central = |h: f64| -> Vec<f64> { f(h).iter().zip(f(-h)).map(|(a, b)| (a - b) / (2.0 * h)).collect() };
    if kind == Kind::Quadratic {
        return central(1.0);
    }
    let [a, b, c] = [1.0 / 128.0, 1.0 / 256.0, 1.0 / 512.0].map(central);
    let finer = |a: f64, b: f64| (4.0 * b - a) / 3.0;
    (0..a.len()).map(|i| (16.0 * finer(b[i], c[i]) - finer(a[i], b[i])) / 15.0).collect()
}

#[track_caller]
fn agree(case: &Case, what: &str, tolerance: f64, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{}: {what}", case.name);
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        let scale = a.abs().max(b.abs()).max(1.0);
        assert!((a - b).abs() <= tolerance * scale, "{}: {what} [{i}]: {a}, expected {b}", case.name);
    }
}

/// How close differences come for this kind of function.
fn of_differences(kind: Kind) -> f64 {
    if kind == Kind::Quadratic { AGREE } else { DIFFERENCES }
}

struct First {
    value: T,
    seed: T,
    gradients: Vec<T>,
}

fn variables<'t>(tape: &'t Tape<f64>, x: &[T]) -> Vec<Var<'t, f64>> {
    x.iter().map(|x| tape.var(x)).collect()
}
fn gradients_of(grads: &retrograd::Gradients<f64>, vars: &[Var<'_, f64>]) -> Vec<T> {
    vars.iter().map(|&v| grads.wrt(v)).collect()
}

/// Value, vector-Jacobian and Jacobian-vector products, against naive code and each other.
fn first_order(case: &Case, x: &[T]) -> First {
    let tape = Tape::new();
    let vars = variables(&tape, x);
    let y = (case.double)(&vars);
    let value = y.value();
    let expected = (case.naive)(x);
    assert_eq!(value.shape(), expected.shape(), "{}: shape", case.name);
    agree(case, "value", AGREE, value.as_slice(), expected.as_slice());

    let seed = weights(value.shape(), 1);
    let gradients = gradients_of(&y.backward_with(&seed), &vars);
    let total = (y * tape.data(&seed)).sum(());
    let recorded = tape.grad(total, &vars);
    assert_eq!([recorded.len(), gradients.len()], [x.len(); 2], "{}: gradients", case.name);
    for ((i, recorded), swept) in recorded.iter().enumerate().zip(&gradients) {
        assert_eq!(swept.shape(), x[i].shape(), "{}: a gradient has its variable's shape", case.name);
        agree(case, "recorded gradient", AGREE, recorded.value().as_slice(), swept.as_slice());
    }
    for i in 0..x.len() {
        let slope = |k: usize| {
            let along = |h: f64| {
                let mut x = x.to_vec();
                x[i].as_mut_slice()[k] += h;
                vec![dot(&seed, &(case.naive)(&x))]
            };
            difference(case.kind, along)[0]
        };
        let expected: Vec<f64> = (0..x[i].len()).map(slope).collect();
        let what = format!("gradient by input {i} vs differences");
        agree(case, &what, of_differences(case.kind), gradients[i].as_slice(), &expected);
    }

    let u: Vec<T> = x.iter().enumerate().map(|(i, x)| weights(x.shape(), i + 2)).collect();
    let along = |u: &[T]| {
        let tangents: Vec<_> = vars.iter().copied().zip(u.iter().map(|u| Value::from(u.clone()))).collect();
        tape.jvp(y, &tangents).unwrap().into_tensor()
    };
    let tangent = along(&u);
    let expected = difference(case.kind, |h| (case.naive)(&moved(x, h, &u)).to_vec());
    agree(case, "jvp vs differences", of_differences(case.kind), tangent.as_slice(), &expected);
    // <v, J u> = <J' v, u>.
    agree(case, "<v, Ju> = <J'v, u>", AGREE, &[dot(&seed, &tangent)], &[dots(&gradients, &u)]);
    // Both products are linear.
    let other = weights(value.shape(), 4);
    let combined = gradients_of(&y.backward_with(seed.map(|s| 2.0 * s).clone()), &vars);
    let mut mixed_seed = seed.map(|s| 2.0 * s);
    mixed_seed.add_scaled(-3.0, &other);
    let mixed = gradients_of(&y.backward_with(mixed_seed), &vars);
    let others = gradients_of(&y.backward_with(&other), &vars);
    for ((mixed, combined), others) in mixed.iter().zip(&combined).zip(&others) {
        let mut expected = combined.clone();
        expected.add_scaled(-3.0, others);
        agree(case, "vjp is linear", AGREE, mixed.as_slice(), expected.as_slice());
    }
    let v: Vec<T> = x.iter().enumerate().map(|(i, x)| weights(x.shape(), i + 6)).collect();
    let mut expected = tangent.map(|t| 2.0 * t);
    expected.add_scaled(-3.0, &along(&v));
    let direction = moved(&u.iter().map(|u| u.map(|u| 2.0 * u)).collect::<Vec<_>>(), -3.0, &v);
    agree(case, "jvp is linear", AGREE, along(&direction).as_slice(), expected.as_slice());
    First { value, seed, gradients }
}

/// Hessian-vector products of <seed, y> by three routes, and symmetry.
fn second_order(case: &Case, x: &[T], first: &First) {
    let tape = Tape::new();
    let vars = variables(&tape, x);
    let y = (case.double)(&vars);
    let total = (y * tape.data(&first.seed)).sum(());
    let slopes = tape.grad(total, &vars);
    let direction =
        |salt: usize| -> Vec<T> { x.iter().enumerate().map(|(i, x)| weights(x.shape(), i + salt)).collect() };
    let (u, v) = (direction(2), direction(6));
    let pairs = |u: &[T]| -> Vec<_> { vars.iter().copied().zip(u.iter().map(|u| Value::from(u.clone()))).collect() };
    let forward_over_reverse =
        |u: &[T]| -> Vec<T> { tape.jvp_all(&slopes, &pairs(u)).unwrap().into_iter().map(Value::into_tensor).collect() };
    let product = forward_over_reverse(&u);
    let against = |what: &str, tolerance: f64, expected: &[T]| {
        assert_eq!(product.len(), expected.len(), "{}: {what}", case.name);
        for (found, expected) in product.iter().zip(expected) {
            agree(case, what, tolerance, found.as_slice(), expected.as_slice());
        }
    };
    let weighted: Var<'_, f64> = slopes.iter().zip(&u).map(|(&slope, u)| (slope * tape.data(u)).sum(())).sum();
    against("reverse over reverse", AGREE, &gradients_of(&weighted.backward(), &vars));
    let tangents: Vec<_> = vars.iter().copied().zip(u.iter().map(|u| tape.data(u))).collect();
    let recorded = tape.try_record_jvp(y, &tangents).unwrap();
    let weighted = (recorded * tape.data(&first.seed)).sum(());
    against("reverse over forward", AGREE, &gradients_of(&weighted.backward(), &vars));

    let gradient_at = |h: f64| -> Vec<f64> {
        let tape = Tape::new();
        let vars = variables(&tape, &moved(x, h, &u));
        let y = (case.double)(&vars);
        gradients_of(&y.backward_with(&first.seed), &vars).iter().flat_map(|g| g.to_vec()).collect()
    };
    let found: Vec<f64> = product.iter().flat_map(|p| p.to_vec()).collect();
    agree(case, "Hessian vs differences", of_differences(case.kind), &found, &difference(case.kind, gradient_at));
    let symmetric = [dots(&v, &product)];
    agree(case, "the Hessian is symmetric", AGREE, &symmetric, &[dots(&u, &forward_over_reverse(&v))]);
}

fn single_precision(case: &Case, x: &[T], first: &First) {
    let tape = Tape::<f32>::of();
    let to_single = |x: &T| Tensor::new(x.shape(), x.iter().map(|&x| x as f32).collect()).unwrap();
    let vars: Vec<Var<'_, f32>> = x.iter().map(|x| tape.var(to_single(x))).collect();
    let y = (case.single)(&vars);
    let to_double = |x: Tensor<f32>| -> Vec<f64> { x.iter().map(|&x| x as f64).collect() };
    agree(case, "value in f32", SINGLE, &to_double(y.value()), first.value.as_slice());
    let grads = y.backward_with(to_single(&first.seed));
    for (&var, expected) in vars.iter().zip(&first.gradients) {
        agree(case, "gradient in f32", SINGLE, &to_double(grads.wrt(var)), expected.as_slice());
    }
}
