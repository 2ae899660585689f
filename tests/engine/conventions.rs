//! Derivatives where none exists: every row of the table of conventions is a test.
//!
//! Each claim is held in the scalar lane and in the tensor lane, for gradients as numbers and as recorded variables.

// x / x is an expression like any other here.
#![allow(clippy::eq_op)]

use retrograd::{
    Dual, Element, Map, Number, Points, Tape, Tensor, Var, functional, grad, hessian_slice, hvp_slice, jacobian,
    jacobian_slice,
};

pub type Scalar = for<'t> fn(Var<'t, f64>) -> Var<'t, f64>;
type Pair = for<'t> fn(Var<'t, f64>, Var<'t, f64>) -> Var<'t, f64>;

#[track_caller]
pub fn same(what: &str, found: f64, expected: f64) {
    let equal = found == expected || (found.is_nan() && expected.is_nan());
    assert!(equal || (found - expected).abs() <= 1e-15 * expected.abs(), "{what}: {found}, expected {expected}");
}

/// f' at x, by every route.
#[track_caller]
pub fn slope_is(f: Scalar, x: f64, expected: f64) {
    let tape = Tape::new();
    let s = tape.var(x);
    same("scalar lane", f(s).backward().item(s), expected);
    same("scalar lane, recorded", tape.grad(f(s), &[s])[0].item(), expected);
    let t = tape.var([x, 0.7, x]);
    let total = f(t).sum(());
    let swept = total.backward().wrt(t);
    let recorded = tape.grad(total, &[t])[0].value();
    let forward = tape.jvp(f(t), &[(t, Tensor::ones([3]).into())]).unwrap();
    for i in [0, 2] {
        same("tensor lane", swept.as_slice()[i], expected);
        same("tensor lane, recorded", recorded.as_slice()[i], expected);
        same("tensor lane, forward", forward.as_slice()[i], expected);
    }
}

/// Both derivatives at (x, y), by every route.
#[track_caller]
fn slopes_are(f: Pair, (x, y): (f64, f64), expected: [f64; 2]) {
    let tape = Tape::new();
    let (a, b) = (tape.var(x), tape.var(y));
    let recorded = tape.grad(f(a, b), &[a, b]);
    let swept = f(a, b).backward().items(&[a, b]);
    let (s, t) = (tape.var([x, x]), tape.var([y, y]));
    let total = f(s, t).sum(());
    let grads = total.backward();
    let by_tensor = tape.grad(total, &[s, t]);
    for (i, var) in [s, t].into_iter().enumerate() {
        same("scalar lane", swept[i], expected[i]);
        same("scalar lane, recorded", recorded[i].item(), expected[i]);
        same("tensor lane", grads.wrt(var)[[1]], expected[i]);
        same("tensor lane, recorded", by_tensor[i].value()[[1]], expected[i]);
    }
}

/// The gradient of a function of a whole vector, swept and recorded.
#[track_caller]
fn gradient_is(f: Scalar, x: &[f64], expected: &[f64]) {
    let tape = Tape::new();
    let t = tape.var(x);
    let swept = f(t).backward().wrt(t);
    let recorded = tape.grad(f(t), &[t])[0].value();
    for (i, &expected) in expected.iter().enumerate() {
        same("swept", swept.as_slice()[i], expected);
        same("recorded", recorded.as_slice()[i], expected);
    }
}

#[test]
fn relu_at_0_has_derivative_0() {
    slope_is(|x| x.relu(), 0.0, 0.0);
    slope_is(|x| x.relu(), -0.0, 0.0);
}

#[test]
fn relu6_at_0_and_6_has_derivative_0() {
    slope_is(|x| x.relu6(), 0.0, 0.0);
    slope_is(|x| x.relu6(), 6.0, 0.0);
}

#[test]
fn clamp_and_hard_tanh_and_hard_sigmoid_at_their_bounds_have_derivative_0() {
    slope_is(|x| x.clamp(-1.0, 2.0), -1.0, 0.0);
    slope_is(|x| x.clamp(-1.0, 2.0), 2.0, 0.0);
    slope_is(|x| x.hard_tanh(), -1.0, 0.0);
    slope_is(|x| x.hard_tanh(), 1.0, 0.0);
    slope_is(|x| x.hard_sigmoid(), -3.0, 0.0);
    slope_is(|x| x.hard_sigmoid(), 3.0, 0.0);
}

#[test]
fn abs_at_0_has_derivative_0() {
    slope_is(|x| x.abs(), 0.0, 0.0);
    slope_is(|x| x.abs(), -0.0, 0.0);
}

#[test]
fn norms_of_the_zero_vector_have_gradient_0() {
    gradient_is(|x| x.norm1(()), &[0.0, 0.0], &[0.0, 0.0]);
    gradient_is(|x| x.norm2(()), &[0.0, 0.0], &[0.0, 0.0]);
    gradient_is(|x| x.norm_inf(()), &[0.0, 0.0], &[0.0, 0.0]);
    // Where one element is 0 and others are not, only the element's own share is 0.
    gradient_is(|x| x.norm1(()), &[0.0, -2.0], &[0.0, -1.0]);
    gradient_is(|x| x.norm2(()), &[0.0, -2.0], &[0.0, -1.0]);
    gradient_is(|x| x.norm_inf(()), &[0.0, -2.0], &[0.0, -1.0]);
}

#[test]
fn std_of_equal_numbers_has_gradient_0() {
    gradient_is(|x| x.std((), 0), &[1.5, 1.5, 1.5], &[0.0; 3]);
    gradient_is(|x| x.std((), 1), &[-2.0, -2.0], &[0.0; 2]);
}

#[test]
fn hypot_at_the_origin_has_derivatives_0() {
    slopes_are(|x, y| x.hypot(y), (0.0, 0.0), [0.0, 0.0]);
}

#[test]
fn atan2_at_the_origin_has_derivatives_0() {
    slopes_are(|y, x| y.atan2(x), (0.0, 0.0), [0.0, 0.0]);
}

#[test]
fn leaky_relu_at_0_has_its_slope() {
    slope_is(|x| x.leaky_relu(0.01), 0.0, 0.01);
}

#[test]
fn elu_at_0_has_derivative_alpha() {
    slope_is(|x| x.elu(0.7), 0.0, 0.7);
    // Of celu, whose derivative is continuous, 1.
    slope_is(|x| x.celu(0.7), 0.0, 1.0);
}

#[test]
fn selu_at_0_has_derivative_alpha_times_scale() {
    slope_is(|x| x.selu(), 0.0, 1.6732632423543772 * 1.0507009873554805);
}

#[test]
fn sign_floor_ceil_and_round_have_derivative_0_everywhere() {
    for x in [-1.5, -1.0, -0.0, 0.0, 0.5, 2.0] {
        slope_is(|x| x.sign() * 3.0, x, 0.0);
        slope_is(|x| x.floor() * 3.0, x, 0.0);
        slope_is(|x| x.ceil() * 3.0, x, 0.0);
        slope_is(|x| x.round() * 3.0, x, 0.0);
    }
}

#[test]
fn comparisons_have_derivative_0_everywhere() {
    for at in [(1.0, 2.0), (2.0, 1.0), (1.0, 1.0)] {
        slopes_are(|x, y| x.greater(y), at, [0.0, 0.0]);
        slopes_are(|x, y| x.greater_equal(y), at, [0.0, 0.0]);
        slopes_are(|x, y| x.less(y), at, [0.0, 0.0]);
        slopes_are(|x, y| x.less_equal(y), at, [0.0, 0.0]);
        slopes_are(|x, y| x.equal(y), at, [0.0, 0.0]);
        slopes_are(|x, y| x.not_equal(y), at, [0.0, 0.0]);
    }
}

#[test]
fn maximum_and_minimum_of_equal_numbers_give_half_to_each() {
    slopes_are(|x, y| x.maximum(y), (1.5, 1.5), [0.5, 0.5]);
    slopes_are(|x, y| x.minimum(y), (1.5, 1.5), [0.5, 0.5]);
    slopes_are(|x, y| x.maximum(y), (0.0, -0.0), [0.5, 0.5]);
}

#[test]
fn max_and_min_over_an_axis_split_ties_evenly() {
    gradient_is(|x| x.max(()), &[2.0, 1.0, 2.0, 2.0], &[1.0 / 3.0, 0.0, 1.0 / 3.0, 1.0 / 3.0]);
    gradient_is(|x| x.min(()), &[2.0, 1.0, 1.0, 2.0], &[0.0, 0.5, 0.5, 0.0]);
    let tape = Tape::new();
    let x = tape.var([[1.0, 1.0], [0.0, 3.0]]);
    assert_eq!(x.max(1).sum(()).backward().wrt(x).to_vec(), [0.5, 0.5, 0.0, 1.0]);
    assert_eq!(x.max(0).sum(()).backward().wrt(x).to_vec(), [1.0, 0.0, 0.0, 1.0]);
}

#[test]
fn sqrt_and_logarithms_at_plus_0_have_derivative_infinity() {
    slope_is(|x| x.sqrt(), 0.0, f64::INFINITY);
    slope_is(|x| x.ln(), 0.0, f64::INFINITY);
    slope_is(|x| x.log2(), 0.0, f64::INFINITY);
    slope_is(|x| x.log10(), 0.0, f64::INFINITY);
    slope_is(|x| x.cbrt(), 0.0, f64::INFINITY);
}

#[test]
fn sqrt_and_logarithms_at_minus_0_and_reciprocal_at_either_0_have_derivative_minus_infinity() {
    slope_is(|x| x.sqrt(), -0.0, f64::NEG_INFINITY);
    slope_is(|x| x.ln(), -0.0, f64::NEG_INFINITY);
    slope_is(|x| x.reciprocal(), 0.0, f64::NEG_INFINITY);
    slope_is(|x| x.reciprocal(), -0.0, f64::NEG_INFINITY);
}

#[test]
fn a_zero_upstream_gradient_stays_zero_where_the_derivative_is_infinite() {
    let stopped: [(Scalar, f64); 5] = [
        (|x| x.sqrt() * 0.0, 0.0),
        (|x| x.ln() * 0.0, 0.0),
        (|x| x.reciprocal() * 0.0, -0.0),
        (|x| x.sqrt().minimum(-1.0), 0.0),
        (|x| x.ln().maximum(-1.0), 0.0),
    ];
    // Backwards alone: forwards, the infinity comes first and meets the 0 later.
    for (f, x) in stopped {
        let tape = Tape::new();
        let (s, t) = (tape.var(x), tape.var([x, 0.5]));
        assert_eq!(f(s).backward().item(s), 0.0);
        assert_eq!(tape.grad(f(s), &[s])[0].item(), 0.0);
        assert_eq!(f(t).sum(()).backward().wrt(t)[[0]], 0.0);
        assert_eq!(tape.grad(f(t).sum(()), &[t])[0].value()[[0]], 0.0);
    }
}

#[test]
fn a_jacobian_is_the_gradients_whatever_its_sizes() {
    let slopes: [(Scalar, f64); 4] = [
        (|x| x * x.sqrt(), 0.0),
        (|x| x.sqrt().square(), 0.0),
        (|x| x.maximum(x.log10()), 0.0),
        (|x| x.square().sqrt(), 0.0),
    ];
    for (f, at) in slopes {
        let slope = grad(f, at);
        let same = |what: &str, found: f64| same(what, found, slope);
        same("1 by 1", jacobian(f, Tensor::from([at])).item());
        same("1 by 2", jacobian(|x| f(x).sum(()), Tensor::from([at, 1.0])).as_slice()[0]);
        same("4 by 2", jacobian(|x| Var::concat(&[f(x), x * 2.0], 0), Tensor::from([at, 1.0])).as_slice()[0]);
        let many = jacobian_slice(|x| vec![f(x[0]), x[1], x[0] * 3.0, -f(x[0])], &[at, 1.0]);
        same("numbers, 4 by 2", many.as_slice()[0]);
        same("numbers, 4 by 2, the last", -many.as_slice()[6]);
        for copies in [1, 3, 20] {
            if copies == 20 && slope.is_nan() {
                // A zero on the way forward hides it, as the documentation of tall Jacobians says.
                continue;
            }
            let mut map = Map::compile_jacobian(1, 0, &[0], |p, _| vec![f(p[0]); copies]).unwrap();
            let found = map.jacobian(&Points::new(3).rows(&[1.0, at, 2.0], 1), &[]).unwrap().1;
            same(&format!("map of {copies}"), found.as_slice()[copies]);
            let mut map =
                Map::compile_jacobian(0, 1, &[0], |_, s| (0..copies).map(|k| f(s[0]) + k as f64).collect()).unwrap();
            let found = map.jacobian(&Points::new(1), &[at]).unwrap().1;
            same(&format!("map of {copies}, shared"), found.as_slice()[0]);
        }
    }
}

#[test]
fn strict_gradients_show_what_the_convention_hides_and_are_the_same_elsewhere() {
    let tape = Tape::new();
    let (s, t, m) = (tape.var(0.0), tape.var([0.0, 2.0]), tape.var([[f64::NAN, 1.0], [1.0, 2.0]]));
    let w = tape.var([[0.5], [2.0]]);
    let hidden = [
        s.ln() * 0.0 + s * 3.0,
        tape.data([0.0, 1.0]).select(t.ln(), t).sum(()),
        tape.data([[0.0], [1.0]]).select(m.matmul(w), 0.0).sum(()),
        tape.data([[0.0], [1.0]]).select(m.softmax(1), 0.0).square().sum(()),
    ];
    let xs = [s, t, w, m];
    for strict in [false, true, false] {
        tape.strict(strict);
        for (y, x) in hidden.into_iter().zip(xs) {
            let found = y.backward().wrt(x);
            assert_eq!(found.iter().any(|x| x.is_nan()), strict, "{found}");
            let recorded = tape.grad(y, &[x])[0].value();
            assert_eq!(recorded.iter().any(|x| x.is_nan()), strict, "{recorded}");
        }
        // A tangent of 0 before an infinite slope.
        let along = tape.jvp(t.square().sqrt(), &[(t, Tensor::from([1.0, 1.0]).into())]).unwrap();
        assert_eq!(along.as_slice()[0].is_nan(), strict);
        assert_eq!(along.as_slice()[1], 1.0);
        let y = (t.exp() * t).sum(()) + (s - 1.0).square().log1p();
        let grads = y.backward();
        let [by_t, by_s] = [grads.wrt(t).to_vec(), vec![grads.item(s)]];
        assert_eq!((by_t, by_s), (vec![1.0, 3.0 * 2f64.exp()], vec![-1.0]));
    }
}

/// Nothing passes a gate or a flat op, whatever comes: in the lane of numbers too, which keeps derivatives instead of rules.
#[test]
fn an_infinite_upstream_does_not_pass_where_nothing_does() {
    slope_is(|x| x.clamp(-0.1, 0.1) * f64::INFINITY, 1.0, 0.0);
    slope_is(|x| x.relu() * f64::NEG_INFINITY, -1.0, 0.0);
    slope_is(|x| x.greater_equal(x).asin(), 1.0, 0.0);
    slope_is(|x| x.floor().sqrt(), 0.5, 0.0);
    let tape = Tape::new();
    let x = tape.vars(&[1.0, -1.0]);
    let y = [x[0].clamp(-0.1, 0.1) * f64::INFINITY, x[1].relu() * f64::NAN, x[0] * 3.0];
    let unit = Tensor::from([[1.0, 0.0], [0.0, 1.0]]);
    assert_eq!(tape.jvp_many(&y, &x, &unit).unwrap().to_vec(), [0.0, 0.0, 3.0, 0.0, 0.0, 0.0]);
    let seeds = Tensor::from([[1.0, 0.0, 2.0], [0.0, 1.0, 0.0]]);
    assert_eq!(tape.vjp_many(&y, &x, &seeds).unwrap().to_vec(), [6.0, 0.0, 0.0, 0.0]);
}

/// A partial derivative that leaves the range is taken with the gradient at hand: 1/y^2 of ln y is infinite here, and y' as small.
#[test]
fn derivatives_that_are_ordinary_numbers_do_not_leave_the_range_on_the_way() {
    let second = hessian_slice(|x| x[0].erfc().ln(), &[20.0]).to_vec()[0];
    assert!((second + 1.997518557178637).abs() < 1e-12, "{second}");
    let along = hvp_slice(|x| x[0].erfc().ln(), &[20.0], &[0.5])[0];
    assert!((along + 0.5 * 1.997518557178637).abs() < 1e-12, "{along}");
}

#[test]
fn a_power_of_0_has_derivative_0_by_x_and_the_limit_0_by_an_exponent_of_at_least_0() {
    // d/dx x^0 = 0; d/dy 0^y = 0 for y >= 0.
    slopes_are(|x, y| x.pow(y), (0.0, 0.0), [0.0, 0.0]);
    slopes_are(|x, y| x.pow(y), (0.0, 1.0), [1.0, 0.0]);
    slopes_are(|x, y| x.pow(y), (0.0, 2.0), [0.0, 0.0]);
    slope_is(|x| x.powi(0), 0.0, 0.0);
    slope_is(|x| x.powf(0.0), 0.0, 0.0);
}

#[test]
fn a_power_with_exponent_0_keeps_its_mixed_second_derivative() {
    // d2/dxdy x^y = x^(y-1) (1 + y ln x), at y = 0: 1/x, whichever derivative comes first.
    let tape = Tape::new();
    let (a, b) = (tape.var(4.0), tape.var(0.0));
    let slopes = tape.grad(a.pow(b), &[a, b]);
    assert_eq!([slopes[0].item(), slopes[0].backward().item(b), slopes[1].backward().item(a)], [0.0, 0.25, 0.25]);
    let (s, t) = (tape.var([4.0, 0.5]), tape.var([0.0, 0.0]));
    let slopes = tape.grad(s.pow(t).sum(()), &[s, t]);
    assert_eq!(slopes[0].sum(()).backward().wrt(t).to_vec(), [0.25, 2.0]);
    assert_eq!(slopes[1].sum(()).backward().wrt(s).to_vec(), [0.25, 2.0]);
}

#[test]
fn a_power_of_a_negative_number_has_the_integer_powers_derivative_and_none_by_the_exponent() {
    slopes_are(|x, y| x.pow(y), (-2.0, 3.0), [12.0, f64::NAN]);
    slopes_are(|x, y| x.pow(y), (-2.0, -1.0), [-0.25, f64::NAN]);
    slope_is(|x| x.powf(3.0), -2.0, 12.0);
    slope_is(|x| x.powi(3), -2.0, 12.0);
}

#[test]
fn logsumexp_of_nothing_but_minus_infinity_is_minus_infinity_with_gradient_0() {
    let inf = f64::INFINITY;
    let tape = Tape::new();
    let x = tape.var([-inf, -inf]);
    assert_eq!(x.logsumexp(()).item(), -inf);
    gradient_is(|x| x.logsumexp(()), &[-inf, -inf], &[0.0, 0.0]);
    gradient_is(|x| x.logsumexp(()), &[-inf, 0.0], &[0.0, 1.0]);
    assert_eq!(tape.var(-inf).logaddexp(-inf).item(), -inf);
    slopes_are(|x, y| x.logaddexp(y), (-inf, -inf), [0.0, 0.0]);
}

#[test]
fn xlogy_at_the_origin_is_0_with_derivatives_0() {
    let tape = Tape::new();
    assert_eq!(tape.var(0.0).xlogy(0.0).item(), 0.0);
    slopes_are(|x, y| x.xlogy(y), (0.0, 0.0), [0.0, 0.0]);
    // Beside the origin the derivatives are what they are.
    slopes_are(|x, y| x.xlogy(y), (0.0, 2.0), [2f64.ln(), 0.0]);
    slopes_are(|x, y| x.xlogy(y), (2.0, 0.0), [f64::NEG_INFINITY, f64::INFINITY]);
}

/// Functions whose value or derivatives at the masked-out point are infinite or NaN, and that point.
const LEAKS: [(&str, Scalar, f64); 12] = [
    ("ln at 0", |x| x.ln(), 0.0),
    ("ln below 0", |x| x.ln(), -1.0),
    ("sqrt at 0", |x| x.sqrt(), 0.0),
    ("sqrt below 0", |x| x.sqrt(), -2.0),
    ("rsqrt at 0", |x| x.rsqrt(), 0.0),
    ("cbrt at 0", |x| x.cbrt(), 0.0),
    ("1 / x at 0", |x| 1.0 / x, 0.0),
    ("reciprocal at 0", |x| x.reciprocal(), 0.0),
    ("x / x at 0", |x| x / x, 0.0),
    ("x^y of a negative number", |x| x.pow(0.5), -1.5),
    ("x^x at 0", |x| x.pow(x), 0.0),
    ("NaN", |x| x.ln() * f64::NAN, 3.0),
];

/// The derivatives of first to third order of where(x > 5, f(x), x^4), whose chosen side is x^4.
fn masked<'t>(f: Scalar, x: Var<'t, f64>) -> Var<'t, f64> {
    x.greater(5.0).select(f(x), x.powi(4))
}

#[test]
fn where_differentiates_the_selected_side_alone_in_the_scalar_lane_to_third_order() {
    for (name, f, x) in LEAKS {
        let tape = Tape::new();
        let v = tape.var(x);
        let mut y = masked(f, v);
        for (order, expected) in [4.0 * x.powi(3), 12.0 * x * x, 24.0 * x].into_iter().enumerate() {
            same(&format!("{name}, order {}", order + 1), y.backward().item(v), expected);
            y = tape.grad(y, &[v])[0];
            same(&format!("{name}, recorded, order {}", order + 1), y.item(), expected);
        }
    }
}

#[test]
fn where_differentiates_the_selected_side_alone_in_the_tensor_lane_to_third_order() {
    for (name, f, x) in LEAKS {
        let tape = Tape::new();
        let v = tape.var([x, 0.5, x]);
        let mut y = masked(f, v);
        for (order, expected) in [4.0 * x.powi(3), 12.0 * x * x, 24.0 * x].into_iter().enumerate() {
            let total = y.sum(());
            same(&format!("{name}, order {}", order + 1), total.backward().wrt(v)[[2]], expected);
            y = tape.grad(total, &[v])[0];
            same(&format!("{name}, recorded, order {}", order + 1), y.value()[[0]], expected);
        }
    }
}

#[test]
fn where_differentiates_the_selected_side_alone_on_dual_numbers_to_third_order() {
    fn masked_dual<S: Number>(f: impl Fn(S) -> S, x: S) -> S {
        x.greater(S::lit(5.0)).select(f(x), x.powi(4))
    }
    type D = Dual<Dual<Dual<f64>>>;
    let functions: [(&str, fn(D) -> D, f64); 5] = [
        ("ln", |x| x.ln(), 0.0),
        ("sqrt", |x| x.sqrt(), -1.0),
        ("1 / x", |x| x.reciprocal(), 0.0),
        ("x / x", |x| x / x, 0.0),
        ("x^x", |x| x.pow(x), 0.0),
    ];
    for (name, f, x) in functions {
        let y = masked_dual(f, Dual::variable(Dual::variable(Dual::variable(x))));
        same(name, y.tangent.value.value, 4.0 * x.powi(3));
        same(name, y.tangent.tangent.value, 12.0 * x * x);
        same(name, y.tangent.tangent.tangent, 24.0 * x);
    }
}

#[test]
fn the_unsafe_where_of_a_logarithm_is_safe() {
    // where(x > 0, log x, 0) with no inner mask: 1/x and 0, then -1/x^2 and 0, then 2/x^3 and 0.
    let tape = Tape::new();
    let x = tape.var([2.0, 0.0, -1.0, f64::NAN]);
    let mut y = x.greater(0.0).select(x.ln(), 0.0);
    assert_eq!(y.value().to_vec(), [2f64.ln(), 0.0, 0.0, 0.0]);
    for expected in [0.5, -0.25, 0.25] {
        let total = y.sum(());
        assert_eq!(total.backward().wrt(x).to_vec(), [expected, 0.0, 0.0, 0.0]);
        y = tape.grad(total, &[x])[0];
        assert_eq!(y.value().to_vec(), [expected, 0.0, 0.0, 0.0]);
    }
}

#[test]
fn a_selected_gradient_broadcasts_back_to_each_side_alone() {
    let tape = Tape::new();
    let (a, b) = (tape.var(2.0), tape.var([[1.0], [0.0]]));
    let mask = tape.data([1.0, 0.0, 1.0]);
    let y = mask.select(a, 1.0 / b);
    let grads = y.sum(()).backward();
    assert_eq!(grads.item(a), 4.0);
    // Only the middle column takes 1 / b, whose slope is -1 and -infinity.
    assert_eq!(grads.wrt(b).to_vec(), [-1.0, f64::NEG_INFINITY]);
    let all_a = tape.data([1.0, 1.0, 1.0]).select(a, 1.0 / b);
    assert_eq!(all_a.sum(()).backward().wrt(b).to_vec(), [0.0, 0.0]);
}

#[test]
fn sigmoid_and_its_kin_are_stable_out_to_ten_thousand() {
    for x in [1e4, 750.0, 40.0] {
        // The output is 1 to the last place.
        slope_is(|x| x.sigmoid(), x, 0.0);
        slope_is(|x| x.sigmoid(), -x, (-x).exp());
        slope_is(|x| x.softplus(), x, 1.0);
        slope_is(|x| x.softplus(), -x, (-x).exp());
        slope_is(|x| x.log_sigmoid(), x, (-x).exp());
        slope_is(|x| x.log_sigmoid(), -x, 1.0);
        let tape = Tape::new();
        assert_eq!(tape.var(x).softplus().item(), x);
        assert_eq!(tape.var(-x).log_sigmoid().item(), -x);
        assert_eq!(tape.var([-x, x]).log_softmax(()).value().to_vec(), [-2.0 * x, 0.0]);
        assert_eq!(tape.var([x, x]).logsumexp(()).item(), x + 2f64.ln());
        assert_eq!(tape.var([-x, -x]).logsumexp(()).item(), -x + 2f64.ln());
        gradient_is(|z| z.logsumexp(()), &[-x, x], &[(-2.0 * x).exp(), 1.0]);
    }
    let tape = Tape::new();
    for tiny in [1e-20, -1e-20, 1e-300] {
        assert_eq!(tape.var(tiny).log1p().item(), tiny);
        assert_eq!(tape.var(tiny).expm1().item(), tiny);
    }
    slope_is(|x| x.log1p(), 1e4, 1.0 / 10001.0);
    slope_is(|x| x.expm1(), -1e4, 0.0);
}

#[test]
fn binary_cross_entropy_from_logits_is_stable_with_gradient_sigmoid_minus_target() {
    for (x, t, value, slope) in [
        (1e4, 1.0, 0.0, 0.0),
        (1e4, 0.0, 1e4, 1.0),
        (-1e4, 0.0, 0.0, 0.0),
        (-1e4, 1.0, 1e4, -1.0),
        (0.0, 0.25, 2f64.ln(), 0.25),
    ] {
        let tape = Tape::new();
        let (s, v) = (tape.var(x), tape.var([x]));
        let y = s.bce_with_logits(t);
        same("value", y.item(), value);
        same("slope", y.backward().item(s), slope);
        let loss = v.binary_cross_entropy_with_logits(tape.data([t]));
        same("loss", loss.item(), value);
        same("gradient", loss.backward().wrt(v).item(), slope);
    }
}

#[test]
fn softmax_cross_entropy_from_logits_has_gradient_softmax_minus_one_hot_over_rows() {
    let tape = Tape::new();
    let z = tape.var([[1e4, 0.0, -1e4], [0.0, 0.0, 0.0]]);
    let loss = z.cross_entropy(&[2, 1]);
    let third = 1.0 / 3.0;
    same("loss", loss.item(), (2e4 + 3f64.ln()) / 2.0);
    let expected = [0.5, 0.0, -0.5, third / 2.0, (third - 1.0) / 2.0, third / 2.0];
    for (way, found) in [("swept", loss.backward().wrt(z)), ("recorded", tape.grad(loss, &[z])[0].value())] {
        assert_eq!(found.shape().dims(), [2, 3], "{way}");
        for (found, expected) in found.iter().zip(expected) {
            same(way, *found, expected);
        }
    }
}

#[test]
fn a_variable_has_one_tangent_and_functions_of_numbers_give_numbers() {
    let tape = Tape::new();
    for v in [tape.var(0.5), tape.var([0.5])] {
        let along = Tensor::full(v.shape(), 1.0);
        let along: retrograd::Value<f64> = if v.rank() == 0 { retrograd::Value::Scalar(1.0) } else { along.into() };
        let error = tape.jvp(v * v, &[(v, along.clone()), (v, along)]).unwrap_err();
        assert_eq!(error.to_string(), "jvp: a variable is given two tangents; add them up");
        let one = v * 0.0 + 1.0;
        assert!(tape.try_record_jvp(v * v, &[(v, one), (v, one)]).unwrap_err().is_argument());
    }
    for error in [
        functional::try_vjp_slice(|x| vec![x[0] * Tensor::from([1.0, 2.0])], &[1.0], &[1.0]).unwrap_err(),
        functional::try_jvp_slice(|x| vec![x[0] * Tensor::from([1.0, 2.0])], &[1.0], &[1.0]).unwrap_err(),
        functional::try_jacobian_slice(|x| vec![x[0] * Tensor::from([1.0, 2.0])], &[1.0]).unwrap_err(),
    ] {
        assert!(error.to_string().ends_with("value 0 has shape [2]; expected numbers"), "{error}");
    }
}

#[test]
fn gelu_tanh_has_its_slope_far_out_at_every_order() {
    fn check<T: Element>(far: &[f64]) {
        for &x in far {
            for x in [x, -x] {
                let at = T::from_f64(x);
                let slope = if x > 0.0 { 1.0 } else { 0.0 };
                let first = functional::grad(|x: Var<'_, T>| x.gelu_tanh().sum(()), Tensor::full([3], at));
                assert!(first.iter().all(|g| g.to_f64() == slope), "{x:e}: {first}");
                let second = functional::hessian_slice(|x| x[0].gelu_tanh(), &[at]);
                assert_eq!(second.item().to_f64(), 0.0, "{x:e}");
            }
        }
    }
    check::<f32>(&[65.0, 1e3, 1e15, 1e20, 1e38]);
    check::<f64>(&[65.0, 1e15, 1e100, 1e155, 1e300]);
}
