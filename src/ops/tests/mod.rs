//! Table-driven tests of every elementwise op of the registry.
//!
//! An op brings its rule and its sample points; everything else comes from here: values and three derivatives by every
//! route (scalar lane, tensor lane, dual numbers, differences), both precisions, broadcasting, empty tensors, aliasing,
//! poison, expansions and special values. A new registry line is tested without a line in these files.

mod binary;
mod broadcast;
mod lanes;
mod poison;
mod special;
mod unary;

use super::{BinaryOp, UnaryOp};
use crate::Element;
use crate::ops;

/// How far two numbers may lie apart: `relative` times the larger of both and `floor`.
#[derive(Clone, Copy, Debug)]
struct Tolerance {
    relative: f64,
    floor: f64,
}

/// First derivatives and values by two routes through one rule, a few units in the last place apart.
const ROUTES: Tolerance = Tolerance { relative: 32.0 * f64::EPSILON, floor: 1.0 };
/// Second and third derivatives: the same few units, through some ten more operations that may cancel.
const HIGHER_ROUTES: Tolerance = Tolerance { relative: 1e-12, floor: 1.0 };
/// A derivative against extrapolated central differences of the derivative before it.
const DIFFERENCES: Tolerance = Tolerance { relative: 1e-8, floor: 1.0 };
/// Single precision against double at the same point.
const SINGLE: Tolerance = Tolerance { relative: 32.0 * f32::EPSILON as f64, floor: 1.0 };
/// Second derivatives in single precision: lgamma and digamma carry their own relative error of some 1e-6 here.
const SINGLE_HIGHER: Tolerance = Tolerance { relative: 2e-5, floor: 1.0 };
/// An expansion against its op: textbook formulas cancel a little even where they are stable.
const EXPANSIONS: Tolerance = Tolerance { relative: 1e-13, floor: 1.0 };

impl Tolerance {
    fn of_order(order: usize) -> Self {
        if order < 2 { ROUTES } else { HIGHER_ROUTES }
    }

    /// NaN equals NaN, and an infinity itself.
    fn accepts(self, a: f64, b: f64) -> bool {
        let same = a == b || (a.is_nan() && b.is_nan());
        same || (a - b).abs() <= self.relative * a.abs().max(b.abs()).max(self.floor)
    }

    #[track_caller]
    fn check(self, what: impl Fn() -> String, a: f64, b: f64) {
        assert!(self.accepts(a, b), "{}: {a:e} vs {b:e}, allowed {self:?}", what());
    }
}

/// The derivative of f at x from central differences at three steps, extrapolated twice: the error is of sixth order.
fn difference(f: impl Fn(f64) -> f64, x: f64) -> f64 {
    let central = |h: f64| (f(x + h) - f(x - h)) / (2.0 * h);
    let [a, b, c] = [1.0 / 128.0, 1.0 / 256.0, 1.0 / 512.0].map(central);
    let (ab, bc) = ((4.0 * b - a) / 3.0, (4.0 * c - b) / 3.0);
    (16.0 * bc - ab) / 15.0
}

/// The samples as a longer list: every kernel then runs full vectors and a tail.
fn repeated<T: Copy>(samples: &[T]) -> Vec<T> {
    samples.iter().copied().cycle().take(samples.len() * 9 + 1).collect()
}

fn numbers<T: Element>(xs: &[f64]) -> Vec<T> {
    xs.iter().map(|&x| T::from_f64(x)).collect()
}

/// Every one-argument op with the registry's sample parameters, and further parameters that change the rule's path.
fn all_unary() -> Vec<UnaryOp> {
    let powers = [-2, 0, 1, 2].map(|n| UnaryOp::Powi(ops::Powi { n }));
    let real_powers = [-1.5, 0.0, 0.5, 1.0, 2.0, 3.0].map(|p| UnaryOp::Powf(ops::Powf { p }));
    let others = [
        UnaryOp::Polygamma(ops::Polygamma { n: 2 }),
        UnaryOp::SincDerivative(ops::SincDerivative { n: 2 }),
        UnaryOp::LeakyRelu(ops::LeakyRelu { slope: 0.0 }),
        UnaryOp::Elu(ops::Elu { alpha: 0.5 }),
        UnaryOp::Celu(ops::Celu { alpha: 2.0 }),
        UnaryOp::Clamp(ops::Clamp { lo: 0.0, hi: 5.0 }),
        UnaryOp::Huber(ops::Huber { delta: 0.5 }),
    ];
    UnaryOp::all().into_iter().chain(powers).chain(real_powers).chain(others).collect()
}

/// Runs a generic check on every one-argument op.
macro_rules! for_every_unary {
    ($check:ident) => {{
        struct Check;
        impl crate::ops::UnaryVisitor for Check {
            type Output = ();
            fn visit<O: crate::ops::BuiltinUnary>(self, op: O) {
                $check(op)
            }
        }
        crate::ops::tests::all_unary().into_iter().for_each(|op| op.with(Check))
    }};
}
/// Runs a generic check on every two-argument op.
macro_rules! for_every_binary {
    ($check:ident) => {{
        struct Check;
        impl crate::ops::BinaryVisitor for Check {
            type Output = ();
            fn visit<O: crate::ops::BuiltinBinary>(self, op: O) {
                $check(op)
            }
        }
        crate::ops::BinaryOp::all().into_iter().for_each(|op| op.with(Check))
    }};
}
/// What a generic check finds in every two-argument op.
macro_rules! collect_from_every_binary {
    ($check:ident) => {{
        struct Check;
        impl crate::ops::BinaryVisitor for Check {
            type Output = Vec<String>;
            fn visit<O: crate::ops::BuiltinBinary>(self, op: O) -> Vec<String> {
                $check(op)
            }
        }
        crate::ops::BinaryOp::all().into_iter().flat_map(|op| op.with(Check)).collect()
    }};
}
/// What a generic check finds in every one-argument op.
macro_rules! collect_from_every_unary {
    ($check:ident) => {{
        struct Check;
        impl crate::ops::UnaryVisitor for Check {
            type Output = Vec<String>;
            fn visit<O: crate::ops::BuiltinUnary>(self, op: O) -> Vec<String> {
                $check(op)
            }
        }
        crate::ops::tests::all_unary().into_iter().flat_map(|op| op.with(Check)).collect()
    }};
}
use {collect_from_every_binary, collect_from_every_unary, for_every_binary, for_every_unary};

#[test]
fn the_registry_lists_every_op_once_with_samples() {
    let mut names: Vec<&str> = UnaryOp::all().iter().map(|op| op.name()).collect();
    names.extend(BinaryOp::all().iter().map(|op| op.name()));
    assert!(names.len() >= 70, "{} ops", names.len());
    let mut unique = names.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), names.len(), "two ops share a name");

    fn has_samples<O: crate::ops::BuiltinUnary>(_: O) {
        assert!(!O::POINTS.is_empty(), "{} has no sample points", O::NAME);
    }
    for_every_unary!(has_samples);
    fn has_pairs<O: crate::ops::BuiltinBinary>(_: O) {
        assert!(!O::POINTS.is_empty(), "{} has no sample points", O::NAME);
    }
    for_every_binary!(has_pairs);
}

#[test]
fn differences_are_exact_to_ten_digits_where_the_derivative_is_known() {
    assert!((difference(f64::sin, 0.3) - 0.3f64.cos()).abs() < 1e-11);
    assert!((difference(f64::ln, 0.2) - 5.0).abs() < 1e-8);
}
