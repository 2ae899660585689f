//! Poison: a rule reads what its `SAVES` lists, and nothing else.
//!
//! Kernels hand NaN to a rule in place of what it does not list, so an undeclared read shows in the tensor lane alone. Here
//! the rules are called with that NaN, and ops that lie about what they read prove that the check can fail.

use super::*;
use crate::Tape;
use crate::num::{Float, Number, Upstream};
use crate::ops::{Binary, BuiltinBinary, BuiltinUnary, Saves, Unary};

/// The derivative at x with what is not saved poisoned, and whether it equals the one with everything at hand.
fn unary_survives<O: Unary>(op: O) -> bool {
    let keep = |kept: bool, x: f64| if kept { x } else { f64::NAN };
    O::POINTS.iter().all(|&x| {
        let y = op.value(x);
        let whole = op.vjp(x, y, Upstream(1.25)).0;
        let poisoned = op.vjp(keep(O::SAVES.x, x), keep(O::SAVES.out, y), Upstream(1.25)).0;
        poisoned.is_finite() && poisoned == whole
    })
}

fn binary_survives<O: Binary>(op: O) -> bool {
    let keep = |kept: bool, x: f64| if kept { x } else { f64::NAN };
    O::POINTS.iter().all(|&(x, y)| {
        let out = op.value(x, y);
        let g = Upstream(1.25);
        let poison = |saves: Saves| (keep(saves.x, x), keep(saves.y, y), keep(saves.out, out));
        let (px, py, pout) = poison(O::SAVES[0]);
        let by_x = [op.vjp_x(x, y, out, g).0, op.vjp_x(px, py, pout, g).0];
        let (px, py, pout) = poison(O::SAVES[1]);
        let by_y = [op.vjp_y(x, y, out, g).0, op.vjp_y(px, py, pout, g).0];
        [by_x, by_y].iter().all(|[whole, poisoned]| poisoned.is_finite() && poisoned == whole)
    })
}

#[test]
fn one_argument_rules_read_only_what_they_save() {
    fn check<O: BuiltinUnary>(op: O) {
        assert!(unary_survives(op), "{op:?} reads what its SAVES leaves out");
        assert!(!O::SAVES.y, "{op:?} has no second input to save");
    }
    for_every_unary!(check);
}

#[test]
fn two_argument_rules_read_only_what_they_save() {
    fn check<O: BuiltinBinary>(op: O) {
        assert!(binary_survives(op), "{op:?} reads what its SAVES leaves out");
    }
    for_every_binary!(check);
}

/// x^2 whose rule reads the input, though it claims to read nothing.
#[derive(Clone, Copy, Debug)]
struct UndeclaredSquare;
impl Unary for UndeclaredSquare {
    const NAME: &'static str = "undeclared_square";
    const SAVES: Saves = Saves::NOTHING;
    const POINTS: &'static [f64] = &[-1.5, 2.0];
    fn value<F: Float>(self, x: F) -> F {
        x * x
    }
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g * (x + x)
    }
}

/// A relu whose rule compares the output, which it does not declare: a comparison with NaN is false, never NaN.
#[derive(Clone, Copy, Debug)]
struct UndeclaredRelu;
impl Unary for UndeclaredRelu {
    const NAME: &'static str = "undeclared_relu";
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[-1.5, 2.0];
    fn value<F: Float>(self, x: F) -> F {
        if x > F::lit(0.0) { x } else { F::lit(0.0) }
    }
    fn vjp<S: Number>(self, _x: S, y: S, g: Upstream<S>) -> Upstream<S> {
        g.only_if(y.greater(S::lit(0.0)))
    }
}

/// x y whose rule for y reads the output in place of x.
#[derive(Clone, Copy, Debug)]
struct UndeclaredProduct;
impl Binary for UndeclaredProduct {
    const NAME: &'static str = "undeclared_product";
    const SAVES: [Saves; 2] = [Saves::Y, Saves::X];
    const POINTS: &'static [(f64, f64)] = &[(0.3, -1.2)];
    fn value<F: Float>(self, x: F, y: F) -> F {
        x * y
    }
    fn vjp_x<S: Number>(self, _x: S, y: S, _out: S, g: Upstream<S>) -> Upstream<S> {
        g * y
    }
    fn vjp_y<S: Number>(self, _x: S, y: S, out: S, g: Upstream<S>) -> Upstream<S> {
        g * (out / y)
    }
}

#[test]
fn the_poison_test_catches_rules_that_read_what_they_did_not_declare() {
    assert!(!unary_survives(UndeclaredSquare));
    assert!(!unary_survives(UndeclaredRelu));
    assert!(!binary_survives(UndeclaredProduct));
}

#[test]
fn kernels_hand_nan_to_a_rule_for_what_it_does_not_save() {
    let tape = Tape::new();
    let (x, y) = (tape.var([-1.5, 2.0, 3.0]), tape.var([1.0, 2.0, 3.0]));
    let grads = x.apply(UndeclaredSquare).sum(()).backward();
    assert!(grads.wrt(x).iter().all(|g| g.is_nan()));
    let grads = x.apply(UndeclaredRelu).sum(()).backward();
    assert_eq!(grads.wrt(x).to_vec(), [0.0; 3]);
    let grads = x.apply2(UndeclaredProduct, y).sum(()).backward();
    assert_eq!(grads.wrt(x).to_vec(), [1.0, 2.0, 3.0]);
    assert!(grads.wrt(y).iter().all(|g| g.is_nan()));
    // The same in single precision, and where one side broadcasts.
    let tape = Tape::<f32>::of();
    let (x, y) = (tape.var([-1.5f32, 2.0, 3.0]), tape.var(2.0f32));
    let grads = x.apply(UndeclaredSquare).sum(()).backward();
    assert!(grads.wrt(x).iter().all(|g| g.is_nan()));
    assert!(x.apply2(UndeclaredProduct, y).sum(()).backward().item(y).is_nan());
}
