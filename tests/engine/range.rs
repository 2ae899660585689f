//! Where a value and a derivative are ordinary numbers, nothing in between leaves the range: in numbers and in tensors, recorded
//! and swept, and in programs, at both orders. (Forward it may: the tangent of 1/x at 1e-200 is itself no number.)

use retrograd::{Element, Number, Program, Real, Tape, Tensor, Var, functional};

/// Up to a few units in the last place.
#[track_caller]
fn near<T: Element>(what: &str, found: T, expected: f64) {
    within(32.0, what, found, expected);
}

#[track_caller]
fn within<T: Element>(units: f64, what: &str, found: T, expected: f64) {
    let error = (found.to_f64() / expected - 1.0).abs();
    assert!(error < units * T::EPSILON, "{what}, {}: {found:e}, not {expected:e}", T::NAME);
}

/// The derivative of `f` at x by every route.
macro_rules! slope_is {
    ($T:ty, $what:literal, |$x:ident| $f:expr, $at:expr, $expected:expr) => {{
        fn of<S: Real<$T>>($x: S) -> S {
            $f
        }
        let (at, expected): ($T, f64) = ($at, $expected);
        let tape = Tape::<$T>::of();
        let x = tape.var(at);
        near(concat!($what, ", a number"), of(x).backward().item(x), expected);
        near(concat!($what, ", a number, recorded"), tape.grad(of(x), &[x])[0].item(), expected);
        let tensor = functional::grad(|x: Var<'_, $T>| of(x).sum(()), Tensor::<$T>::from([at, at, at]));
        near(concat!($what, ", a tensor"), tensor.as_slice()[2], expected);
        let x = tape.var([at]);
        near(concat!($what, ", a tensor, recorded"), tape.grad(of(x).sum(()), &[x])[0].value().as_slice()[0], expected);
        for shape in [&[][..], &[3]] {
            let x = Tensor::full(shape, at);
            let mut program = Program::compile_gradient(std::slice::from_ref(&x), &[0], |v| of(v[0]).sum(())).unwrap();
            program.run(&[&x]).unwrap();
            near(concat!($what, ", a program"), program.output(1)[0], expected);
        }
    }};
}

/// The second derivative of `f` at x, in which terms a thousand times as large may cancel.
macro_rules! curvature_is {
    ($T:ty, $what:literal, |$x:ident| $f:expr, $at:expr, $expected:expr) => {{
        fn of<S: Real<$T>>($x: S) -> S {
            $f
        }
        let (at, expected): ($T, f64) = ($at, $expected);
        let numbers = functional::hessian_slice(|x: &[Var<'_, $T>]| of(x[0]), &[at]);
        within(4096.0, concat!($what, "'', numbers"), numbers.as_slice()[0], expected);
        let product = functional::hvp_slice(|x: &[Var<'_, $T>]| of(x[0]), &[at], &[1.0]);
        within(4096.0, concat!($what, "'', a product"), product[0], expected);
        let tensor = functional::hessian(|x: Var<'_, $T>| of(x).sum(()), Tensor::<$T>::from([at]));
        within(4096.0, concat!($what, "'', a tensor"), tensor.as_slice()[0], expected);
    }};
}

#[test]
fn derivatives_of_inverses_and_powers_pass_what_is_out_of_range_between() {
    for (small, large) in [(1e-20f32, 1e23f32), (1e-30, 1e30)] {
        for at in [small, large] {
            let expected = 1.0 / f64::from(at);
            slope_is!(f32, "ln(1/x)", |x| (S::lit(1.0) / x).ln(), at, -expected);
            slope_is!(f32, "ln(reciprocal x)", |x| x.reciprocal().ln(), at, -expected);
            slope_is!(f32, "ln(x^-1)", |x| x.powi(-1).ln(), at, -expected);
            slope_is!(f32, "ln(x^-1.0)", |x| x.powf(-1.0).ln(), at, -expected);
            slope_is!(f32, "ln(x^y)", |x| x.pow(S::lit(-1.0)).ln(), at, -expected);
            slope_is!(f32, "ln rsqrt", |x| x.rsqrt().ln(), at, -0.5 * expected);
        }
    }
    for at in [1e-200f64, 1e200] {
        slope_is!(f64, "ln(1/x)", |x| (S::lit(1.0) / x).ln(), at, -1.0 / at);
        slope_is!(f64, "ln(reciprocal x)", |x| x.reciprocal().ln(), at, -1.0 / at);
        slope_is!(f64, "ln(2/x)", |x| (S::lit(2.0) / x).ln(), at, -1.0 / at);
        slope_is!(f64, "ln rsqrt", |x| x.rsqrt().ln(), at, -0.5 / at);
    }
    for at in [1e-100f64, 1e100] {
        slope_is!(f64, "ln(x^-3)", |x| x.powi(-3).ln(), at, -3.0 / at);
        slope_is!(f64, "ln(x^-2.5)", |x| x.powf(-2.5).ln(), at, -2.5 / at);
        slope_is!(f64, "ln(x^y)", |x| x.pow(S::lit(-3.0)).ln(), at, -3.0 / at);
    }
    slope_is!(f64, "ln(1 / max(x, ..))", |x| (S::lit(1.0) / x.maximum(S::lit(1e-200))).ln(), 1e-180, -1e180);
}

#[test]
fn a_quotient_of_two_variables_has_both_derivatives() {
    let tape = Tape::new();
    for (x, y) in [(1e-10, 1e-200), (1e10, 1e200), (1e-200, 1e-200), (3.0, 1e-170)] {
        let (a, b) = (tape.var(x), tape.var(y));
        let [by_x, by_y] = (a / b).ln().backward().items(&[a, b]).try_into().unwrap();
        near("ln(x/y) by x", by_x, 1.0 / x);
        near("ln(x/y) by y", by_y, -1.0 / y);
        let (a, b) = (tape.var([x]), tape.var([y]));
        let grads = (a / b).ln().sum(()).backward();
        near("ln(x/y) by x, tensors", grads.wrt(a)[[0]], 1.0 / x);
        near("ln(x/y) by y, tensors", grads.wrt(b)[[0]], -1.0 / y);
    }
}

#[test]
fn second_derivatives_of_logarithms_of_what_is_small_are_numbers() {
    curvature_is!(f64, "ln erfc", |x| x.erfc().ln(), 20.0, -1.9975185571786867);
    curvature_is!(f64, "ln(1/x)", |x| (S::lit(1.0) / x).ln(), 1e-150, 1e300);
    curvature_is!(f64, "ln exp", |x| (x * S::lit(2.0)).exp().ln() * x, -300.0, 4.0);
    curvature_is!(f32, "ln(x^-2)", |x| x.powi(-2).ln(), 1e-12, 2e24);
    curvature_is!(f32, "ln rsqrt", |x| x.rsqrt().ln(), 1e-18, 5e35);
}

#[test]
fn exponentials_below_0_have_their_slope_in_the_tail() {
    for at in [-3.0f32, -18.0, -60.0] {
        let power = f64::from(at).exp();
        slope_is!(f32, "elu", |x| x.elu(1.5), at, 1.5 * power);
        slope_is!(f32, "selu", |x| x.selu(), at, 1.6732632423543772 * 1.0507009873554805 * power);
        slope_is!(f32, "celu", |x| x.celu(2.0), at, (0.5 * f64::from(at)).exp());
        slope_is!(f32, "expm1", |x| x.expm1(), at, power);
        curvature_is!(f32, "elu", |x| x.elu(1.5), at, 1.5 * power);
        curvature_is!(f32, "expm1", |x| x.expm1(), at, power);
    }
    slope_is!(f64, "elu", |x| x.elu(1.0), -40.0, (-40f64).exp());
    slope_is!(f64, "expm1", |x| x.expm1(), -700.0, (-700f64).exp());
}

#[test]
fn second_derivatives_of_inverse_functions_beside_0_keep_their_digits() {
    for at in [1e-10, -1e-3, 1e-200] {
        curvature_is!(f64, "asin", |x| x.asin(), at, at * (1.0 - at * at).powf(-1.5));
        curvature_is!(f64, "acos", |x| x.acos(), at, -at * (1.0 - at * at).powf(-1.5));
        curvature_is!(f64, "atanh", |x| x.atanh(), at, 2.0 * at / (1.0 - at * at).powi(2));
    }
}

/// What differs by more than a few units, by route.
struct Routes<'a> {
    what: &'a str,
    scale: f64,
    wrong: Vec<String>,
}

impl Routes<'_> {
    fn are<T: Element>(&mut self, route: &str, found: &[T], expected: &[f64]) {
        self.are_beside(expected.iter().fold(0f64, |size, x| size.max(x.abs())), route, found, expected);
    }

    /// Where terms of this size cancel.
    fn are_beside<T: Element>(&mut self, size: f64, route: &str, found: &[T], expected: &[f64]) {
        let close = |(found, expected): (&T, &f64)| (found.to_f64() - expected).abs() <= 64.0 * T::EPSILON * size;
        if found.len() != expected.len() || !found.iter().zip(expected).all(close) {
            let (what, scale) = (self.what, self.scale);
            self.wrong.push(format!(
                "{what} at {scale:e}, {route}, {}: {:?}, not {expected:?}",
                T::NAME,
                Tensor::from(found.to_vec())
            ));
        }
    }
}

type Function<T> = for<'t> fn(Var<'t, T>) -> Var<'t, T>;

/// A function with f(s x) = s^degree f(x), far from 1, with tangents and upstream gradients as far: every first and second derivative
/// is a power of s times the one beside 1. (Of a chain of ops an upstream gradient may leave the range between two of them.)
fn scales<T: Element>(
    what: &str,
    (degree, is_chain): (i32, bool),
    f: Function<T>,
    ordinary: Function<f64>,
    s: f64,
) -> Vec<String>
where
    Tensor<T>: retrograd::Point<Element = T, Derivative = Tensor<T>>,
{
    let (at, along) = ([0.7, 1.9, 2.6, 0.4], [0.9, 0.3, 0.5, 0.6]);
    let gradient = functional::grad(ordinary, Tensor::from(at)).to_vec();
    let product = functional::hvp(ordinary, Tensor::from(at), Tensor::from(along)).to_vec();
    let terms: Vec<f64> = gradient.iter().zip(along).map(|(g, t)| g * t).collect();
    let times = |numbers: &[f64], power: i32| -> Vec<f64> { numbers.iter().map(|x| x * s.powi(power)).collect() };
    let tensor = |numbers: [f64; 4]| Tensor::from(numbers.map(|x| T::from_f64(x * s)).to_vec());
    let (x, v) = (tensor(at), tensor(along));
    let mut routes = Routes { what, scale: s, wrong: Vec::new() };
    let first = times(&gradient, degree - 1);
    routes.are("swept", functional::grad(f, x.clone()).as_slice(), &first);
    let tape = Tape::<T>::of();
    let (p, t) = (tape.var(&x), tape.var(&v));
    let recorded = tape.grad(f(p), &[p])[0];
    routes.are("recorded", recorded.value().as_slice(), &first);
    let mut program = Program::compile_gradient(std::slice::from_ref(&x), &[0], |v| f(v[0])).unwrap();
    program.run(&[&x]).unwrap();
    routes.are("a program", program.output(1), &first);
    if !is_chain {
        let seed = Tensor::scalar(T::from_f64(s));
        let (_, seeded) = functional::vjp(f, x.clone(), seed);
        routes.are("swept from a seed", seeded.as_slice(), &times(&gradient, degree));
    }

    let (tangent, size) =
        (times(&[terms.iter().sum()], degree), terms.iter().map(|x| x.abs()).sum::<f64>() * s.powi(degree));
    routes.are_beside(size, "forward", functional::jvp(f, x.clone(), v.clone()).1.as_slice(), &tangent);
    routes.are_beside(size, "recorded forward", &[tape.try_record_jvp(f(p), &[(p, t)]).unwrap().item()], &tangent);
    let inputs = [x.clone(), v.clone()];
    let mut program =
        Program::compile(&inputs, |v| vec![v[0].tape().try_record_jvp(f(v[0]), &[(v[0], v[1])]).unwrap()]).unwrap();
    program.run(&[&x, &v]).unwrap();
    routes.are_beside(size, "forward in a program", program.output(0), &tangent);

    let second = times(&product, degree - 1);
    routes.are("a product", functional::hvp(f, x.clone(), v.clone()).as_slice(), &second);
    let mut program = Program::compile(&inputs, |v| {
        let tape = v[0].tape();
        let gradient = tape.grad(f(v[0]), &[v[0]])[0];
        vec![tape.try_record_jvp(gradient, &[(v[0], v[1])]).unwrap()]
    })
    .unwrap();
    program.run(&[&x, &v]).unwrap();
    routes.are("a product in a program", program.output(0), &second);
    if !is_chain {
        let swept = (recorded * tape.data(v.clone())).sum(()).backward().wrt(p);
        routes.are("a product, swept", swept.as_slice(), &second);
    }
    routes.wrong
}

#[test]
fn norms_angles_and_quotients_scale_with_their_arguments() {
    let mut wrong = Vec::new();
    macro_rules! scales {
        ($($what:literal, $kind:expr, |$x:ident| $f:expr;)*) => {$({
            fn of<T: Element>($x: Var<'_, T>) -> Var<'_, T> {
                $f
            }
            for s in [1e-25, 1e20] {
                wrong.extend(scales::<f32>($what, $kind, of, of, s));
            }
            for s in [1e-200, 1e200] {
                wrong.extend(scales::<f64>($what, $kind, of, of, s));
            }
        })*};
    }
    fn at<T: Element>(x: Var<'_, T>, k: usize) -> Var<'_, T> {
        x.at([k])
    }
    let (one_op, chain) = (|degree: i32| (degree, false), |degree: i32| (degree, true));
    scales! {
        "norm2", one_op(1), |x| x.norm2(());
        "norm2 of rows", one_op(1), |x| x.reshape([2, 2]).norm2(1).sum(());
        "norm2 of columns", one_op(1), |x| x.reshape([2, 2]).norm2(0).sum(());
        "norm2 of numbers", one_op(1), |x| x.reshape([4, 1]).norm2(1).sum(());
        "std", one_op(1), |x| x.std((), 1);
        "std of rows", one_op(1), |x| x.reshape([1, 4]).std(1, 0).sum(());
        "norm_inf", one_op(1), |x| x.norm_inf(());
        "x/norm2(x)", chain(0), |x| at(x / x.norm2(()), 1);
        "a function of norms", chain(0), |x| (x.reshape([2, 2]).norm2(1) / x.norm2(())).tanh().sum(());
        "softmax of ratios", chain(0), |x| at((x / x.norm2(())).softmax(0), 2);
        "hypot", one_op(1), |x| x.slice(..2).hypot(x.slice(2..)).sum(());
        "hypot of numbers", one_op(1), |x| at(x, 0).hypot(at(x, 1));
        "hypot over a number", chain(0), |x| at(x, 2) / at(x, 0).hypot(at(x, 1));
        "atan2", one_op(0), |x| x.slice(..2).atan2(x.slice(2..)).sum(());
        "atan2 of numbers", one_op(0), |x| at(x, 0).atan2(at(x, 1));
        "xlogy", chain(1), |x| x.xlogy(x / x.sum(())).sum(());
        "xlogy of numbers", chain(1), |x| at(x, 0).xlogy(at(x, 1) / at(x, 2));
        "a quotient", one_op(0), |x| (x.slice(..2) / x.slice(2..)).sum(());
        "a quotient of numbers", one_op(0), |x| at(x, 0) / at(x, 1);
        "a quotient times a number", chain(1), |x| at(x, 0) / at(x, 1) * at(x, 2);
        "roots", one_op(1), |x| (x.slice(..2).sqrt() * x.slice(2..).sqrt()).sum(());
        "cube roots", chain(1), |x| (x.slice(..2).cbrt() * x.slice(2..).cbrt().square()).sum(());
        "powers", chain(1), |x| (x.slice(..2).powf(0.25) * x.slice(2..).powf(0.75)).sum(());
        "an inverse root", chain(0), |x| (x.slice(..2).sqrt() * x.slice(2..).rsqrt()).sum(());
    }
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
}

/// Derivatives of a function of one number, forward and backward, to second order, as a number and in a tensor, on the tape and in
/// programs.
fn is_ordinary<T: Element + retrograd::Point<Element = T>>(
    what: &str,
    f: Function<T>,
    at: f64,
    [first, second]: [f64; 2],
) -> Vec<String>
where
    Tensor<T>: retrograd::Point<Element = T, Derivative = Tensor<T>>,
{
    let mut routes = Routes { what, scale: at, wrong: Vec::new() };
    let (x, one) = (T::from_f64(at), T::from_f64(1.0));
    for shape in [&[][..], &[3]] {
        let kind = if shape.is_empty() { "a number" } else { "a tensor" };
        let (p, v) = (Tensor::full(shape, x), Tensor::full(shape, one));
        let tape = Tape::<T>::of();
        let (x, t) = (tape.var(&p), tape.var(&v));
        let y = f(x).sum(());
        let mut are = |route: &str, found: &[T], expected: f64| {
            routes.are(&format!("{kind}, {route}"), found, &vec![expected; found.len()]);
        };
        are("swept", y.backward().wrt(x).as_slice(), first);
        let n = p.len() as f64;
        are("forward", &[tape.jvp(y, &[(x, v.clone().into())]).unwrap().as_slice()[0]], n * first);
        let gradient = tape.grad(y, &[x])[0];
        are("recorded", gradient.value().as_slice(), first);
        are("recorded forward", &[tape.try_record_jvp(y, &[(x, t)]).unwrap().item()], n * first);
        are("a product", tape.jvp(gradient, &[(x, v.clone().into())]).unwrap().as_slice(), second);
        are("swept twice", gradient.sum(()).backward().wrt(x).as_slice(), second);
        let mut program = Program::compile(&[p.clone(), v.clone()], |v| {
            let tape = v[0].tape();
            let y = f(v[0]).sum(());
            let gradient = tape.grad(y, &[v[0]])[0];
            let along = [(v[0], v[1])];
            vec![gradient, tape.try_record_jvp(y, &along).unwrap(), tape.try_record_jvp(gradient, &along).unwrap()]
        })
        .unwrap();
        program.run(&[&p, &v]).unwrap();
        are("a program", program.output(0), first);
        are("forward in a program", program.output(1), n * first);
        are("a product in a program", program.output(2), second);
        let mut program = Program::compile_gradient(std::slice::from_ref(&p), &[0], |v| f(v[0]).sum(())).unwrap();
        program.run(&[&p]).unwrap();
        are("a gradient's program", program.output(1), first);
    }
    routes.wrong
}

/// Checks rows of a function, a point in its precision, and its two derivatives there.
macro_rules! are_ordinary {
    ($($T:ident $what:literal, |$x:ident| $f:expr, $at:expr, $expected:expr;)*) => {{
        let mut wrong: Vec<String> = Vec::new();
        $({
            fn of<T: Element>($x: Var<'_, T>) -> Var<'_, T> {
                $f
            }
            wrong.extend(is_ordinary::<$T>($what, of, f64::from($at as $T), $expected));
        })*
        assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
    }};
}

/// What is expected was computed to 80 digits, of the points as they are stored.
#[test]
fn logarithms_of_tails_have_two_derivatives_where_the_tail_is_subnormal() {
    are_ordinary! {
        f32 "ln erfc", |x| x.erfc().ln(), 9.25, [-18.606880013819698, -1.988703593018484];
        f32 "ln erfc", |x| x.erfc().ln(), 9.5, [-19.104127857263304, -1.9892718986609947];
        f32 "ln erfc", |x| x.erfc().ln(), 10.0, [-20.099024116734604, -1.990288110387153];
        f64 "ln erfc", |x| x.erfc().ln(), 20.0, [-40.04987577410839, -1.9975185571786866];
        f64 "ln erfc", |x| x.erfc().ln(), 26.6, [-53.23754103984787, -1.998592649579333];
        f64 "ln erfc", |x| x.erfc().ln(), 27.0, [-54.03698640512436, -1.9986338708794522];
        f64 "log2 erfc", |x| x.erfc().log2(), 27.0,
            [-54.03698640512436 / std::f64::consts::LN_2, -1.9986338708794522 / std::f64::consts::LN_2];
        f32 "log10 erfc", |x| x.erfc().log10(), 9.5,
            [-19.104127857263304 / std::f64::consts::LN_10, -1.9892718986609947 / std::f64::consts::LN_10];
        f32 "ln normal_cdf", |x| x.normal_cdf().ln(), -13.0, [13.07603856060398, -0.9942831505504579];
        f32 "ln normal_cdf", |x| x.normal_cdf().ln(), -13.5, [13.573282630296497, -0.9946858529058824];
        f32 "ln normal_cdf", |x| x.normal_cdf().ln(), -14.0, [14.070717632184742, -0.9950478340882163];
        f64 "ln normal_cdf", |x| x.normal_cdf().ln(), -37.6, [37.62655825292355, -0.9992956507239626];
        f64 "ln normal_cdf", |x| x.normal_cdf().ln(), -38.25, [38.27610817392461, -0.9993192893621199];
        f32 "ln normal_pdf", |x| x.normal_pdf().ln(), 13.5, [-13.5, -1.0];
        f64 "ln normal_pdf", |x| x.normal_pdf().ln(), -38.25, [38.25, -1.0];
        f32 "ln sigmoid", |x| x.sigmoid().ln() + x.square(), -90.0, [-179.0, 2.0];
        f64 "ln sigmoid", |x| x.sigmoid().ln() + x.square(), -740.0, [-1479.0, 2.0];
        f32 "ln exp", |x| x.exp().ln(), -100.0, [1.0, 0.0];
        f64 "ln exp", |x| x.exp().ln(), -740.0, [1.0, 0.0];
        f64 "log2 exp2", |x| x.exp2().log2(), -1060.0, [1.0, 0.0];
    }
}

#[test]
fn what_passes_a_tail_leaves_its_own_gradient() {
    let (x, f) = (9.5f32, Number::erfc(9.5f32));
    let tape = Tape::<f32>::of();
    // As numbers, where 1/f is out of range.
    let a = tape.var(x);
    let tail = a.erfc();
    let grads = tail.ln().backward();
    assert_eq!(grads.item(tail), 1.0 / f);
    near("past a number", grads.item(a), -19.104127857263304);
    // In a tensor whose gradient is retained, and recorded as a target.
    let b = tape.var([3.0f32, 2.0]);
    let tail = b.erfc();
    tail.retain_gradient();
    let grads = tail.ln().sum(()).backward();
    let value = tail.value().to_vec();
    assert_eq!(grads.wrt(tail).to_vec(), [1.0 / value[0], 1.0 / value[1]]);
    let recorded = tape.grad(tail.ln().sum(()), &[tail, b]);
    assert_eq!(recorded[0].value().to_vec(), [1.0 / value[0], 1.0 / value[1]]);
    near("through a target", recorded[1].value()[[0]], -6.303753689003234);
    let hidden = tape.var(3.0f32);
    let tail = hidden.erfc();
    assert_eq!(tape.grad(tail.ln(), &[tail])[0].item(), 1.0 / value[0]);
    let forward = tape.jvp(tail.ln(), &[(tail, Tensor::scalar(2.0).into())]).unwrap();
    assert_eq!(forward.as_slice(), [2.0 / value[0]]);
    // Other uses of the tail go their own way.
    let c = tape.var([9.5f32]);
    let tail = c.erfc();
    let both = (tail.ln() + tail * 0.5).sum(());
    near("beside another use", both.backward().wrt(c)[[0]], -19.104127857263304);
}

#[test]
fn a_number_to_its_own_power_has_two_derivatives_beside_0() {
    are_ordinary! {
        f32 "x^x", |x| x.pow(x), 1e-20, [-45.051701891615394, 1.0000000317344784e20];
        f32 "x^x", |x| x.pow(x), 1e-30, [-68.07755278665029, 9.999999968289232e29];
        f32 "x^x", |x| x.pow(x), 0.25, [-0.27315136228199965, 2.9339439557279428];
        f32 "x^x", |x| x.pow(x), 3.0, [56.66253179403896, 127.91268553001764];
        f64 "x^x", |x| x.pow(x), 1e-160, [-367.4136148790473, 1e160];
        f64 "x^x", |x| x.pow(x), 1e-300, [-689.7755278982137, 1e300];
    }
}

/// A hook elsewhere on the tape asks nothing of the tail.
#[test]
fn a_hook_on_something_else_leaves_the_logarithm_of_a_tail_as_it_is() {
    let expected = -19.104127857263304;
    let tape = Tape::<f32>::of();
    let other = tape.var(1.0).on_gradient(|_| None);
    let a = tape.var(9.5);
    let tail = a.erfc();
    // A number between the tail and its logarithm, and the logarithm itself.
    let between = (other * 2.0).on_gradient(|_| None);
    let grads = (tail.ln().on_gradient(|_| None) + between).backward();
    near("a number", grads.item(a), expected);
    assert_eq!(grads.item(tail), 1.0 / Number::erfc(9.5f32));
    let b = tape.var([9.5]).on_gradient(|_| None);
    near("a tensor", b.erfc().ln().sum(()).backward().wrt(b)[[0]], expected);
    // A tensor between the number and its logarithm.
    let tail = a.erfc();
    let sum = (b * 0.5).sum(());
    let grads = (tail.ln() + sum).backward();
    near("a number with a tensor between", grads.item(a), expected);
    // Who hooks the tail is shown its gradient, and what takes the gradient's place goes on.
    for seen in [a.erfc(), b.erfc()] {
        let (x, shape) = (if seen.rank() == 0 { a } else { b }, seen.shape());
        let grads = seen.on_gradient(move |_| Some(Tensor::full(&shape, 1.0))).ln().sum(()).backward();
        let slope = -std::f64::consts::FRAC_2_SQRT_PI * (-9.5f64 * 9.5).exp();
        let found = grads.wrt(x).as_slice()[0];
        assert!((f64::from(found) - slope).abs() <= 0.01 * slope.abs(), "{found} {slope}");
    }
}
