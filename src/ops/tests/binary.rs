//! Two-argument ops: values and derivatives by every route, and arguments that are one.

use super::*;
use crate::num::{Dual, Number};
use crate::ops::BuiltinBinary;
use crate::{Tape, Tensor, Var};

/// Derivatives of an op of two arguments: f, f_x, f_y, f_xx, f_xy, f_yx, f_yy.
const NAMES: [&str; 7] = ["f", "f_x", "f_y", "f_xx", "f_xy", "f_yx", "f_yy"];
const ORDERS: [usize; 7] = [0, 1, 1, 2, 2, 2, 2];

fn scalar_lane<T: Element>(op: impl BuiltinBinary, x: T, y: T) -> [T; 7] {
    let tape = Tape::<T>::of();
    let (x, y) = (tape.var(x), tape.var(y));
    let out = Number::binary(x, op, y);
    let grads = out.backward();
    let recorded = tape.grad(out, &[x, y]);
    for (var, recorded) in [x, y].into_iter().zip(&recorded) {
        let tolerance = if T::NAME == "f32" { SINGLE } else { ROUTES };
        tolerance.check(|| format!("{op:?}: swept vs recorded"), grads.item(var).to_f64(), recorded.item().to_f64());
    }
    let [by_x, by_y] = [recorded[0].backward(), recorded[1].backward()];
    let second = [by_x.item(x), by_x.item(y), by_y.item(x), by_y.item(y)];
    [out.item(), grads.item(x), grads.item(y), second[0], second[1], second[2], second[3]]
}

fn tensor_lane<T: Element>(op: impl BuiltinBinary, xs: &[T], ys: &[T]) -> [Vec<T>; 7] {
    let tape = Tape::<T>::of();
    let (x, y) = (tape.var(xs), tape.var(ys));
    let out = Number::binary(x, op, y);
    let total = out.sum(());
    let grads = total.backward();
    let recorded = tape.grad(total, &[x, y]);
    let [by_x, by_y] = [recorded[0].sum(()).backward(), recorded[1].sum(()).backward()];
    let second = [by_x.wrt(x), by_x.wrt(y), by_y.wrt(x), by_y.wrt(y)].map(Tensor::into_vec);
    let [xx, xy, yx, yy] = second;
    [out.value().to_vec(), grads.wrt(x).to_vec(), grads.wrt(y).to_vec(), xx, xy, yx, yy]
}

/// The same seven numbers by dual numbers in dual numbers, one direction each.
fn duals(op: impl BuiltinBinary, x: f64, y: f64) -> [f64; 7] {
    let along = |u: [f64; 2], v: [f64; 2]| {
        let seed = |at: f64, i: usize| Dual::new(Dual::new(at, u[i]), Dual::constant(v[i]));
        seed(x, 0).binary(op, seed(y, 1))
    };
    let (ex, ey) = ([1.0, 0.0], [0.0, 1.0]);
    let [xx, xy, yx, yy] = [along(ex, ex), along(ey, ex), along(ex, ey), along(ey, ey)];
    let second = [xx, xy, yx, yy].map(|d| d.tangent.tangent);
    [xx.value.value, xx.tangent.value, yy.tangent.value, second[0], second[1], second[2], second[3]]
}

fn routes_agree<O: BuiltinBinary>(op: O) {
    let points = repeated(O::POINTS);
    let (xs, ys): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
    let tensors = tensor_lane(op, &xs, &ys);
    for (i, &(x, y)) in points.iter().enumerate() {
        let (scalars, duals) = (scalar_lane(op, x, y), duals(op, x, y));
        assert!(duals[0].is_finite(), "{op:?} at ({x}, {y}): the value {} is not finite", duals[0]);
        for (d, name) in NAMES.iter().enumerate() {
            let what = |route: &'static str| move || format!("{op:?} at ({x}, {y}), {name}, scalar lane vs {route}");
            let tolerance = Tolerance::of_order(ORDERS[d]);
            tolerance.check(what("tensor lane"), scalars[d], tensors[d][i]);
            tolerance.check(what("dual numbers"), scalars[d], duals[d]);
        }
        let by_x = |d: usize| difference(|x| self::duals(op, x, y)[d], x);
        let by_y = |d: usize| difference(|y| self::duals(op, x, y)[d], y);
        let expected = [by_x(0), by_y(0), by_x(1), by_y(1), by_x(2), by_y(2)];
        for (d, expected) in expected.into_iter().enumerate() {
            let what = || format!("{op:?} at ({x}, {y}), {} vs differences", NAMES[d + 1]);
            DIFFERENCES.check(what, scalars[d + 1], expected);
        }
    }
}

#[test]
fn two_derivatives_agree_by_scalar_lane_tensor_lane_dual_numbers_and_differences() {
    for_every_binary!(routes_agree);
}

fn precisions_agree<O: BuiltinBinary>(op: O) {
    let points = repeated(O::POINTS);
    let xs: Vec<f32> = points.iter().map(|p| p.0 as f32).collect();
    let ys: Vec<f32> = points.iter().map(|p| p.1 as f32).collect();
    let tensors = tensor_lane(op, &xs, &ys);
    for (i, (&x, &y)) in xs.iter().zip(&ys).enumerate() {
        let (scalars, double) = (scalar_lane(op, x, y), duals(op, x as f64, y as f64));
        for (d, name) in NAMES.iter().enumerate() {
            let what = |lane: &'static str| move || format!("{op:?} at ({x}, {y}), {name}, f32 {lane} vs f64");
            let tolerance = if ORDERS[d] < 2 { SINGLE } else { SINGLE_HIGHER };
            tolerance.check(what("scalar lane"), scalars[d] as f64, double[d]);
            tolerance.check(what("tensor lane"), tensors[d][i] as f64, double[d]);
        }
    }
}

#[test]
fn single_precision_agrees_with_double_to_second_order() {
    for_every_binary!(precisions_agree);
}

fn aliased_arguments_add_up<O: BuiltinBinary>(op: O) {
    let xs: Vec<f64> = O::POINTS.iter().map(|p| p.0).collect();
    let tape = Tape::new();
    let t = tape.var(&xs);
    let total = Number::binary(t, op, t).sum(());
    let (first, gradient) = (total.backward().wrt(t), tape.grad(total, &[t])[0]);
    let second = gradient.sum(()).backward().wrt(t);
    for (i, &x) in xs.iter().enumerate() {
        let expected = Dual::variable(Dual::variable(x));
        let expected = expected.binary(op, expected);
        let what = |lane: &'static str| move || format!("{op:?}(x, x) at {x}, {lane}");
        ROUTES.check(what("tensor lane, first"), first.as_slice()[i], expected.tangent.value);
        HIGHER_ROUTES.check(what("tensor lane, second"), second.as_slice()[i], expected.tangent.tangent);
        let s = tape.var(x);
        let out = Number::binary(s, op, s);
        ROUTES.check(what("scalar lane, first"), out.backward().item(s), expected.tangent.value);
        let slope = tape.grad(out, &[s])[0];
        HIGHER_ROUTES.check(what("scalar lane, second"), slope.backward().item(s), expected.tangent.tangent);
    }
}

#[test]
fn an_argument_given_twice_gathers_both_derivatives() {
    for_every_binary!(aliased_arguments_add_up);
}

#[test]
fn a_variable_over_itself_and_minus_itself_has_derivative_exactly_zero() {
    let tape = Tape::new();
    let (s, t) = (tape.var(0.3), tape.var([0.3, -7.7, 1e-200]));
    assert_eq!((s / s).backward().item(s), 0.0);
    assert_eq!((s - s).backward().item(s), 0.0);
    assert_eq!((t / t).sum(()).backward().wrt(t).to_vec(), [0.0; 3]);
    assert_eq!((t - t).sum(()).backward().wrt(t).to_vec(), [0.0; 3]);
}

fn flat_means_zero<O: BuiltinBinary>(op: O) {
    if !O::FLAT {
        return;
    }
    let tape = Tape::new();
    let (x, y) = O::POINTS[0];
    let (a, b) = (tape.var(x), tape.var(y));
    let grads = Number::binary(a, op, b).backward();
    assert_eq!(grads.items(&[a, b]), [0.0, 0.0], "{op:?}");
    let (a, b) = (tape.var([x, y]), tape.var([y, x]));
    let total = Number::binary(a, op, b).sum(());
    let grads = total.backward();
    assert_eq!([grads.wrt(a), grads.wrt(b)], [Tensor::zeros([2]), Tensor::zeros([2])], "{op:?}");
    assert_eq!(tape.grad(total, &[a])[0].value(), Tensor::zeros([2]), "{op:?}");
}

#[test]
fn flat_ops_let_no_gradient_through() {
    for_every_binary!(flat_means_zero);
}

/// The op's name, where it has an expansion that was compared.
fn expansion_equals<O: BuiltinBinary>(op: O) -> Vec<String> {
    let mut compared = Vec::new();
    for &(x, y) in O::POINTS.iter().filter(|(x, y)| x.abs().max(y.abs()) <= 10.0) {
        let tape = Tape::new();
        let (a, b) = (tape.var(x), tape.var(y));
        let Some(expanded) = op.expansion(a, b) else { break };
        compared = vec![O::NAME.to_owned()];
        let grads = expanded.backward();
        let exact = duals(op, x, y);
        for (d, found) in [expanded.item(), grads.item(a), grads.item(b)].into_iter().enumerate() {
            EXPANSIONS.check(|| format!("{op:?} at ({x}, {y}), {}", NAMES[d]), exact[d], found);
        }
        let slope = tape.grad(expanded, &[a])[0].backward();
        HIGHER_ROUTES.check(|| format!("{op:?} at ({x}, {y}), f_xx"), exact[3], slope.item(a));
        HIGHER_ROUTES.check(|| format!("{op:?} at ({x}, {y}), f_xy"), exact[4], slope.item(b));
    }
    compared
}

#[test]
fn expansions_equal_their_ops_in_value_and_derivatives() {
    let compared: Vec<String> = collect_from_every_binary!(expansion_equals);
    let expected = ["hypot", "logaddexp", "xlogy", "bce_with_logits"];
    assert_eq!(compared, expected, "an expansion that is missing would be compared with nothing");
}

fn constants_leave_the_other_derivative<O: BuiltinBinary>(op: O) {
    for &(x, y) in O::POINTS {
        let tape = Tape::new();
        let (a, b) = (tape.var(x), tape.var(y));
        let [f, f_x, f_y, f_xx, .., f_yy] = duals(op, x, y);
        let check = |what: &str, out: Var<'_, f64>, by: Var<'_, f64>, first: f64, second: f64| {
            ROUTES.check(|| format!("{op:?} at ({x}, {y}), {what}: value"), out.item(), f);
            ROUTES.check(|| format!("{op:?} at ({x}, {y}), {what}: first"), out.backward().item(by), first);
            let slope = tape.grad(out, &[by])[0];
            HIGHER_ROUTES.check(|| format!("{op:?} at ({x}, {y}), {what}: second"), slope.backward().item(by), second);
        };
        check("literal second", Number::binary(a, op, Var::constant(y)), a, f_x, f_xx);
        check("literal first", Number::binary(Var::constant(x), op, b), b, f_y, f_yy);
        check("data second", Number::binary(a, op, tape.data(y)), a, f_x, f_xx);
        check("detached first", Number::binary(a.detach(), op, b), b, f_y, f_yy);
        let constant: Var<'_, f64> = Number::binary(Var::constant(x), op, Var::constant(y));
        ROUTES.check(|| format!("{op:?} of constants"), constant.item(), f);
    }
}

#[test]
fn a_constant_on_either_side_leaves_the_other_derivative() {
    for_every_binary!(constants_leave_the_other_derivative);
}

fn piece_is_constant_near_samples<O: BuiltinBinary>(op: O) {
    let h = 1.0 / 64.0;
    for &(x, y) in O::POINTS {
        for (dx, dy) in [(h, 0.0), (0.0, h), (h, h), (h, -h)] {
            assert_eq!(op.piece(x - dx, y - dy), op.piece(x + dx, y + dy), "{op:?}: a kink near ({x}, {y})");
        }
    }
}

#[test]
fn sample_points_lie_away_from_kinks() {
    for_every_binary!(piece_is_constant_near_samples);
}
