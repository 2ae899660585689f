//! Where a value and a derivative are ordinary numbers, nothing in between leaves the range: in numbers and in tensors, recorded
//! and swept, and in programs, at both orders. (Forward it may: the tangent of 1/x at 1e-200 is itself no number.)

use retrograd::{Element, Program, Real, Tape, Tensor, Var, functional};

/// Up to a few units in the last place.
#[track_caller]
fn near<T: Element>(what: &str, found: T, expected: f64) {
    within(32.0, what, found, expected);
}

#[track_caller]
fn within<T: Element>(units: f64, what: &str, found: T, expected: f64) {
    let error = (found.as_f64() / expected - 1.0).abs();
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
            let mut program =
                Program::compile_gradient(std::slice::from_ref(&x), &[0], |_, v| of(v[0]).sum(())).unwrap();
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
        let product = functional::hvp_slice(|x: &[Var<'_, $T>]| of(x[0]), &[at], &[1.0]).unwrap();
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
    curvature_is!(f64, "ln erfc", |x| x.erfc().ln(), 20.0, -1.9975185571784095);
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
