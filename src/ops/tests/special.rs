//! Special values: zeros of both signs, infinities, NaN, subnormal and huge numbers, in value and derivative.

use super::*;
use crate::Tape;
use crate::num::{Number, Upstream};
use crate::ops::{BuiltinBinary, BuiltinUnary};

const SPECIAL: [f64; 17] = [
    0.0,
    -0.0,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    5e-324,
    -5e-324,
    1e-310,
    f64::MIN_POSITIVE,
    1e-20,
    f64::MAX,
    f64::MIN,
    1e300,
    1.0,
    -1.0,
    709.9,
    -745.2,
];

const SPECIAL_SINGLE: [f32; 15] = [
    0.0,
    -0.0,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
    1e-45,
    -1e-45,
    1e-40,
    f32::MIN_POSITIVE,
    f32::MAX,
    f32::MIN,
    1.0,
    -1.0,
    88.8,
    -104.0,
];

/// On extreme arguments two routes overflow or underflow a rounding apart, so there the classes (NaN, infinite, finite) must agree.
fn same_class(a: f64, b: f64) -> bool {
    (a.is_nan() && b.is_nan()) || a == b || (a.is_finite() && b.is_finite())
}

/// Where the lanes disagree, all of it, for one look at a whole table.
fn unary_disagreements<T: Element>(op: impl BuiltinUnary, specials: &[T]) -> Vec<String> {
    let mut found = Vec::new();
    let tape = Tape::<T>::of();
    let t = tape.var(specials);
    let y = Number::unary(t, op);
    let slopes = y.sum(()).backward().wrt(t);
    let recorded = tape.grad(y.sum(()), &[t])[0].value();
    for (i, &x) in specials.iter().enumerate() {
        let s = tape.var(x);
        let value = Number::unary(s, op);
        let slope = value.backward().item(s);
        let [value, slope] = [value.item(), slope].map(T::to_f64);
        let [tensor, tensor_slope, recorded] = [&y.value(), &slopes, &recorded].map(|t| t.as_slice()[i].to_f64());
        let tolerance = if T::NAME == "f32" { SINGLE } else { HIGHER_ROUTES };
        for (what, a, b) in
            [("value", value, tensor), ("slope", slope, tensor_slope), ("recorded slope", slope, recorded)]
        {
            if !tolerance.accepts(a, b) {
                found.push(format!("{op:?} ({}) at {x:e}: {what}: scalar lane {a:e}, tensor lane {b:e}", T::NAME));
            }
        }
    }
    found
}

#[test]
fn special_values_give_the_same_value_and_slope_in_both_lanes() {
    fn check<O: BuiltinUnary>(op: O) -> Vec<String> {
        let mut found = unary_disagreements(op, &SPECIAL);
        found.extend(unary_disagreements(op, &SPECIAL_SINGLE));
        found
    }
    let found: Vec<String> = collect_from_every_unary!(check);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn nan_in_gives_nan_out_for_every_one_argument_op() {
    fn check<O: BuiltinUnary>(op: O) {
        // x^0 is 1 for every x, NaN included, as IEEE 754 has it.
        if matches!(op.wrap(), UnaryOp::Powi(ops::Powi { n: 0 })) || is_zeroth_power(op.wrap()) {
            return;
        }
        let tape = Tape::new();
        assert!(Number::unary(tape.var(f64::NAN), op).item().is_nan(), "{op:?}, scalar lane");
        let tensor = Number::unary(tape.var([1.0, f64::NAN]), op).value();
        assert!(tensor[[1]].is_nan(), "{op:?}, tensor lane");
        let tape = Tape::<f32>::of();
        assert!(Number::unary(tape.var([f32::NAN; 9]), op).value().iter().all(|x| x.is_nan()), "{op:?}, f32");
    }
    for_every_unary!(check);
}

fn is_zeroth_power(op: UnaryOp) -> bool {
    matches!(op, UnaryOp::Powf(ops::Powf { p }) if p == 0.0)
}

/// Where a NaN among the arguments gives no NaN: comparisons; an upstream gradient of 0; and IEEE 754's x^0, 1^y and
/// hypot with an infinity.
fn nan_is_absorbed(op: BinaryOp, x: f64, y: f64) -> bool {
    match op {
        BinaryOp::Greater(_) | BinaryOp::GreaterEqual(_) | BinaryOp::Less(_) | BinaryOp::LessEqual(_) => true,
        BinaryOp::Equal(_) | BinaryOp::NotEqual(_) => true,
        BinaryOp::Scale(_) | BinaryOp::Over(_) => x == 0.0,
        BinaryOp::Gate(_) => x == 0.0 || y == 0.0,
        BinaryOp::Pow(_) => y == 0.0 || x == 1.0,
        BinaryOp::Hypot(_) => x.is_infinite() || y.is_infinite(),
        _ => false,
    }
}

#[test]
fn nan_in_gives_nan_out_for_every_two_argument_op_but_the_documented() {
    fn check<O: BuiltinBinary>(op: O) {
        let tape = Tape::new();
        for other in SPECIAL {
            for (x, y) in [(f64::NAN, other), (other, f64::NAN)] {
                if nan_is_absorbed(op.wrap(), x, y) {
                    continue;
                }
                assert!(Number::binary(tape.var(x), op, tape.var(y)).item().is_nan(), "{op:?} of ({x}, {y})");
                let tensor = Number::binary(tape.var([x; 5]), op, tape.var([y; 5])).value();
                assert!(tensor.iter().all(|x| x.is_nan()), "{op:?} of tensors of ({x}, {y})");
            }
        }
    }
    for_every_binary!(check);
}

#[test]
fn comparisons_with_nan_are_false_and_not_equal_is_true() {
    fn check<O: BuiltinBinary>(op: O) {
        let expected = match op.wrap() {
            BinaryOp::Greater(_) | BinaryOp::GreaterEqual(_) | BinaryOp::Less(_) | BinaryOp::LessEqual(_) => 0.0,
            BinaryOp::Equal(_) => 0.0,
            BinaryOp::NotEqual(_) => 1.0,
            _ => return,
        };
        let tape = Tape::new();
        for (x, y) in [(f64::NAN, 1.0), (1.0, f64::NAN), (f64::NAN, f64::NAN)] {
            assert_eq!(Number::binary(tape.var(x), op, tape.var(y)).item(), expected, "{op:?}");
            assert_eq!(Number::binary(tape.var([x; 3]), op, tape.var(y)).value().to_vec(), [expected; 3], "{op:?}");
        }
    }
    for_every_binary!(check);
}

fn binary_is_total<T: Element>(op: impl BuiltinBinary, specials: &[T]) {
    let pairs: Vec<(T, T)> = specials.iter().flat_map(|&x| specials.iter().map(move |&y| (x, y))).collect();
    let (xs, ys): (Vec<T>, Vec<T>) = pairs.iter().copied().unzip();
    let tape = Tape::<T>::of();
    let (a, b) = (tape.var(&xs), tape.var(&ys));
    let out = Number::binary(a, op, b);
    let grads = out.sum(()).backward();
    let tensors = [out.value(), grads.wrt(a), grads.wrt(b)];
    for (i, &(x, y)) in pairs.iter().enumerate() {
        let (a, b) = (tape.var(x), tape.var(y));
        let out = Number::binary(a, op, b);
        let grads = out.backward();
        let scalars = [out.item(), grads.item(a), grads.item(b)];
        for (name, (s, t)) in ["value", "f_x", "f_y"].iter().zip(scalars.iter().zip(&tensors)) {
            let (s, t) = (s.to_f64(), t.as_slice()[i].to_f64());
            // Beside a subnormal divisor, whose inverse is infinite, the lanes may take x/y^2 in different orders.
            let divides = matches!(op.wrap(), BinaryOp::Div(_) | BinaryOp::Over(_)) && *name == "f_y";
            if divides && y != T::from_f64(0.0) && (T::from_f64(1.0) / y).to_f64().is_infinite() {
                continue;
            }
            let what = format!("{op:?} ({}) at ({x:e}, {y:e}), {name}: scalar lane {s:e}, tensor lane {t:e}", T::NAME);
            assert!(same_class(s, t), "{what}");
            let tolerance = if T::NAME == "f32" { SINGLE } else { HIGHER_ROUTES };
            assert!(tolerance.accepts(s, t), "{what}");
        }
    }
}

#[test]
fn special_pairs_give_the_same_value_and_slopes_in_both_lanes() {
    fn check<O: BuiltinBinary>(op: O) {
        binary_is_total(op, &SPECIAL);
        binary_is_total(op, &SPECIAL_SINGLE);
    }
    for_every_binary!(check);
}

#[test]
fn no_upstream_gradient_means_no_gradient_whatever_the_derivative() {
    fn unary<O: BuiltinUnary>(op: O) {
        for x in SPECIAL {
            let y = op.value(x);
            assert_eq!(op.vjp(x, y, Upstream(0.0)).0, 0.0, "{op:?} at {x:e}");
        }
    }
    for_every_unary!(unary);
    fn binary<O: BuiltinBinary>(op: O) {
        for x in SPECIAL {
            for y in SPECIAL {
                let out = op.value(x, y);
                assert_eq!(op.vjp_x(x, y, out, Upstream(0.0)).0, 0.0, "{op:?} at ({x:e}, {y:e}), by x");
                assert_eq!(op.vjp_y(x, y, out, Upstream(0.0)).0, 0.0, "{op:?} at ({x:e}, {y:e}), by y");
            }
        }
    }
    for_every_binary!(binary);
}
