//! One-argument ops: values and derivatives by every route.

use super::*;
use crate::num::math::{Fused, Mode, Plain};
use crate::num::{Dual, Number, Upstream};
use crate::ops::{BuiltinUnary, UnaryOp, UnaryVisitor};
use crate::{Tape, Tensor, Var};

/// f, f', f'', ... in the scalar lane; each derivative both swept over numbers and recorded.
fn scalar_lane<T: Element>(op: impl BuiltinUnary, x: T, order: usize) -> Vec<T> {
    let tape = Tape::<T>::of();
    let x = tape.var(x);
    let mut y = Number::unary(x, op);
    let mut found = vec![y.item()];
    for order in 1..=order {
        let swept = y.backward().item(x);
        y = tape.grad(y, &[x])[0];
        let tolerance = if T::NAME == "f32" { SINGLE } else { Tolerance::of_order(order) };
        tolerance.check(|| format!("{op:?}: swept vs recorded, order {order}"), swept.to_f64(), y.item().to_f64());
        found.push(swept);
    }
    found
}

/// f, f', f'', ... in the tensor lane, of all points at once.
fn tensor_lane<T: Element>(op: impl BuiltinUnary, xs: &[T], order: usize) -> Vec<Vec<T>> {
    let tape = Tape::<T>::of();
    let x = tape.var(xs);
    let mut y = Number::unary(x, op);
    let mut found = vec![y.value().to_vec()];
    for order in 1..=order {
        let sum = y.sum(());
        let swept = sum.backward().wrt(x).to_vec();
        y = tape.grad(sum, &[x])[0];
        let tolerance = if T::NAME == "f32" { SINGLE } else { Tolerance::of_order(order) };
        assert_eq!(swept.len(), xs.len(), "{op:?}");
        assert_eq!(y.shape(), x.shape(), "{op:?}");
        for (a, b) in swept.iter().zip(y.value().iter()) {
            tolerance.check(|| format!("{op:?}: swept vs recorded, order {order}"), a.to_f64(), b.to_f64());
        }
        found.push(swept);
    }
    found
}

/// f, f', f'', f''' by nested dual numbers.
fn duals(op: impl BuiltinUnary, x: f64) -> [f64; 4] {
    let y = Dual::variable(Dual::variable(Dual::variable(x))).unary(op);
    [y.value.value.value, y.tangent.value.value, y.tangent.tangent.value, y.tangent.tangent.tangent]
}

fn routes_agree<O: BuiltinUnary>(op: O) {
    let xs = repeated(O::POINTS);
    let tensors = tensor_lane(op, &xs, 3);
    for (i, &x) in xs.iter().enumerate() {
        let (scalars, duals) = (scalar_lane(op, x, 3), duals(op, x));
        assert!(duals[0].is_finite(), "{op:?} at {x}: the value {} is not finite", duals[0]);
        for order in 0..=3 {
            let what = |route: &'static str| move || format!("{op:?} at {x}, order {order}, scalar lane vs {route}");
            let tolerance = Tolerance::of_order(order);
            tolerance.check(what("tensor lane"), scalars[order], tensors[order][i]);
            tolerance.check(what("dual numbers"), scalars[order], duals[order]);
            if order > 0 {
                let slope = difference(|x| self::duals(op, x)[order - 1], x);
                DIFFERENCES.check(what("differences"), scalars[order], slope);
            }
        }
    }
}

#[test]
fn three_derivatives_agree_by_scalar_lane_tensor_lane_dual_numbers_and_differences() {
    for_every_unary!(routes_agree);
}

fn precisions_agree<O: BuiltinUnary>(op: O) {
    let xs = repeated(&numbers::<f32>(O::POINTS));
    let tensors = tensor_lane(op, &xs, 2);
    for (i, &x) in xs.iter().enumerate() {
        let scalars = scalar_lane(op, x, 2);
        let double = duals(op, x as f64);
        for order in 0..=2 {
            let what = |lane: &'static str| move || format!("{op:?} at {x}, order {order}, f32 {lane} vs f64");
            let tolerance = if order < 2 { SINGLE } else { SINGLE_HIGHER };
            tolerance.check(what("scalar lane"), scalars[order] as f64, double[order]);
            tolerance.check(what("tensor lane"), tensors[order][i] as f64, double[order]);
        }
    }
}

#[test]
fn single_precision_agrees_with_double_to_second_order() {
    for_every_unary!(precisions_agree);
}

fn empty_stays_empty<O: BuiltinUnary>(op: O) {
    for shape in [vec![0], vec![0, 3], vec![2, 0]] {
        let tape = Tape::new();
        let x = tape.var(Tensor::zeros(&shape));
        let y = Number::unary(x, op);
        assert_eq!(y.shape().dims(), shape, "{op:?}");
        let total = y.sum(());
        assert_eq!(total.item(), 0.0, "{op:?}: an empty sum");
        assert_eq!(total.backward().wrt(x).shape().dims(), shape, "{op:?}");
        let gradient = tape.grad(total, &[x])[0];
        assert_eq!(gradient.shape().dims(), shape, "{op:?}");
        assert_eq!(gradient.sum(()).backward().wrt(x).shape().dims(), shape, "{op:?}");
    }
}

#[test]
fn empty_tensors_have_empty_values_and_gradients() {
    for_every_unary!(empty_stays_empty);
}

fn flat_means_zero<O: BuiltinUnary>(op: O) {
    if !O::FLAT {
        return;
    }
    let tape = Tape::new();
    let (s, t) = (tape.var(O::POINTS[0]), tape.var(O::POINTS));
    assert_eq!(Number::unary(s, op).backward().item(s), 0.0, "{op:?}");
    assert_eq!(Number::unary(t, op).sum(()).backward().wrt(t), Tensor::zeros(t.shape()), "{op:?}");
    assert_eq!(tape.grad(Number::unary(t, op).sum(()), &[t])[0].value(), Tensor::zeros(t.shape()), "{op:?}");
    assert_eq!(Dual::variable(O::POINTS[0]).unary(op).tangent, 0.0, "{op:?}");
}

#[test]
fn flat_ops_let_no_gradient_through() {
    for_every_unary!(flat_means_zero);
}

fn op_times_input<O: BuiltinUnary>(op: O) {
    // d/dx of f(x) x f(x) = 2 f f' x + f^2: one node feeds three places.
    let tape = Tape::new();
    let t = tape.var(O::POINTS);
    let y = Number::unary(t, op);
    let gradient = (y * t * y).sum(()).backward().wrt(t);
    for (i, &x) in O::POINTS.iter().enumerate() {
        let [f, slope, ..] = duals(op, x);
        let expected = 2.0 * f * slope * x + f * f;
        HIGHER_ROUTES.check(|| format!("{op:?} at {x}, tensor lane"), gradient.as_slice()[i], expected);
        let s = tape.var(x);
        let y = Number::unary(s, op);
        HIGHER_ROUTES.check(|| format!("{op:?} at {x}, scalar lane"), (y * s * y).backward().item(s), expected);
    }
}

#[test]
fn one_result_used_several_times_gathers_every_gradient() {
    for_every_unary!(op_times_input);
}

/// The op's name, where it has an expansion that was compared.
fn expansion_equals<O: BuiltinUnary>(op: O) -> Vec<String> {
    let mut compared = Vec::new();
    // Beyond 10 the textbook forms of sigmoid and its kin lose digits, which is why the ops have rules of their own.
    for &x in O::POINTS.iter().filter(|x| x.abs() <= 10.0) {
        let Some(expanded) = op.expansion(Dual::variable(Dual::variable(x))) else { break };
        compared = vec![O::NAME.to_owned()];
        let [f, first, second, _] = duals(op, x);
        EXPANSIONS.check(|| format!("{op:?} at {x}: value"), f, expanded.value.value);
        EXPANSIONS.check(|| format!("{op:?} at {x}: first derivative"), first, expanded.tangent.value);
        HIGHER_ROUTES.check(|| format!("{op:?} at {x}: second derivative"), second, expanded.tangent.tangent);
        let tape = Tape::new();
        let var: Var<'_, f64> = tape.var(x);
        let recorded = op.expansion(var).expect("present for duals, so present for variables");
        EXPANSIONS.check(|| format!("{op:?} at {x}: recorded"), first, recorded.backward().item(var));
    }
    compared
}

#[test]
fn expansions_equal_their_ops_in_value_and_derivatives() {
    let compared: Vec<String> = collect_from_every_unary!(expansion_equals);
    let expected =
        ["tan", "tanh", "sigmoid", "log_sigmoid", "softplus", "gelu", "gelu_tanh", "silu", "mish", "softsign"];
    for name in expected {
        assert!(compared.iter().any(|found| found == name), "the expansion of {name} was compared with nothing");
    }
}

/// The constants of these stand in value and rule alike, so no comparison of the two sees a wrong one. The papers' formulas,
/// in fifty digits: Hendrycks & Gimpel 2016 (0.044715), Klambauer et al. 2017.
#[test]
fn constants_from_papers_are_those_of_the_papers() {
    for (op, x, y, slope) in [
        (UnaryOp::GeluTanh(ops::GeluTanh), 1.0, 0.8411919906082768, 1.0829640838457826),
        (UnaryOp::GeluTanh(ops::GeluTanh), -2.0, -0.04540230591222494, -0.08609925662361825),
        (UnaryOp::Selu(ops::Selu), 1.0, 1.0507009873554805, 1.0507009873554805),
        (UnaryOp::Selu(ops::Selu), -1.0, -1.1113307378125625, 0.646768603034814),
    ] {
        struct At(f64);
        impl crate::ops::UnaryVisitor for At {
            type Output = [f64; 4];
            fn visit<O: BuiltinUnary>(self, op: O) -> [f64; 4] {
                duals(op, self.0)
            }
        }
        let [value, first, ..] = op.with(At(x));
        EXPANSIONS.check(|| format!("{op:?} at {x}: value"), value, y);
        EXPANSIONS.check(|| format!("{op:?} at {x}: derivative"), first, slope);
    }
}

fn piece_is_constant_near_samples<O: BuiltinUnary>(op: O) {
    for &x in O::POINTS {
        let h = 1.0 / 64.0;
        assert_eq!(op.piece(x - h), op.piece(x + h), "{op:?}: a kink near the sample {x}");
    }
}

#[test]
fn sample_points_lie_away_from_kinks() {
    for_every_unary!(piece_is_constant_near_samples);
}

#[test]
fn kinked_ops_change_piece_across_their_kinks() {
    let kinks: [(UnaryOp, &[f64]); 14] = [
        (UnaryOp::Abs(ops::Abs), &[0.0]),
        (UnaryOp::Sign(ops::Sign), &[0.0]),
        (UnaryOp::Relu(ops::Relu), &[0.0]),
        (UnaryOp::LeakyRelu(ops::LeakyRelu { slope: 0.1 }), &[0.0]),
        (UnaryOp::Elu(ops::Elu { alpha: 0.5 }), &[0.0]),
        (UnaryOp::Selu(ops::Selu), &[0.0]),
        (UnaryOp::Relu6(ops::Relu6), &[0.0, 6.0]),
        (UnaryOp::HardTanh(ops::HardTanh), &[-1.0, 1.0]),
        (UnaryOp::HardSigmoid(ops::HardSigmoid), &[-3.0, 3.0]),
        (UnaryOp::Clamp(ops::Clamp { lo: -2.0, hi: 0.5 }), &[-2.0, 0.5]),
        (UnaryOp::Huber(ops::Huber { delta: 1.5 }), &[-1.5, 1.5]),
        (UnaryOp::Floor(ops::Floor), &[-1.0, 0.0, 2.0]),
        (UnaryOp::Ceil(ops::Ceil), &[-1.0, 0.0, 2.0]),
        (UnaryOp::Round(ops::Round), &[-0.5, 0.5, 1.5]),
    ];
    struct Piece(f64);
    impl crate::ops::UnaryVisitor for Piece {
        type Output = i64;
        fn visit<O: BuiltinUnary>(self, op: O) -> i64 {
            op.piece(self.0)
        }
    }
    for (op, at) in kinks {
        for &x in at {
            assert_ne!(op.with(Piece(x - 1e-3)), op.with(Piece(x + 1e-3)), "{op:?} at {x}");
        }
    }
}

/// Value and rule at a point, in a mode.
fn bits<M: Mode, T: Element>(op: impl BuiltinUnary, x: f64) -> [u64; 2] {
    let x = T::from_f64(x).enter::<M>();
    let y = op.value(x);
    let g = op.vjp(x, y, Upstream(T::from_f64(0.7).enter::<M>())).0;
    [y, g].map(|z| T::leave(z).to_f64().to_bits())
}

/// The points where the modes give different bits.
fn differences(op: impl BuiltinUnary) -> Vec<f64> {
    let points = (-300..300).map(|i| f64::from(i) * 0.137);
    let differs = |&x: &f64| {
        bits::<Plain, f64>(op, x) != bits::<Fused, f64>(op, x) || bits::<Plain, f32>(op, x) != bits::<Fused, f32>(op, x)
    };
    points.filter(differs).collect()
}

/// They are compiled for the plain instructions alone, whatever the CPU has.
#[test]
fn ops_that_go_one_by_one_have_the_same_bits_in_every_mode() {
    /// Whether it goes one by one, and at how many points the modes differ.
    struct Visit;
    impl UnaryVisitor for Visit {
        type Output = (bool, usize);
        fn visit<O: BuiltinUnary>(self, op: O) -> (bool, usize) {
            (O::ONE_BY_ONE, differences(op).len())
        }
    }
    let (mut one_by_one, mut told_apart) = (0, 0);
    for op in UnaryOp::all() {
        match op.with(Visit) {
            (true, points) => {
                one_by_one += 1;
                assert_eq!(points, 0, "{op:?}");
            }
            (false, points) => told_apart += (points > 0) as usize,
        }
    }
    assert!(one_by_one >= 4, "{one_by_one} ops go one by one");
    assert!(told_apart > 5, "the modes differ in {told_apart} of the other ops: these points tell little");
}
